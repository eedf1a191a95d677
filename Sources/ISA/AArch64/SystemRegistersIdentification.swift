import ISA

/// ID registers: which field says what of the CPU (D19.2, "ID_AA64*_EL1").
///
/// A line is a field's place and the value that says that a feature is there; of lines of one field the last that holds
/// counts. Fields that no line sets are 0: what they tell of is not there.
///
/// AArch32's ID registers read as zero, since no exception level can use AArch32 (ID_AA64PFR0_EL1.EL0 and EL1).
extension AArch64 {
    /// ID registers by CRm and op2, in the space of op0 3, op1 0 and CRn 0.
    enum IdentificationRegister: UInt8, CaseIterable {
        case pfr0 = 0o40, pfr1, dfr0 = 0o50, isar0 = 0o60, isar1, mmfr0 = 0o70, mmfr1, mmfr2
    }

    struct IdentificationField {
        let register: IdentificationRegister
        let bit: UInt8
        let value: UInt64
        let requires: Features

        init(_ register: IdentificationRegister, _ bit: UInt8, _ value: UInt64, _ requires: Features = []) {
            self.register = register
            self.bit = bit
            self.value = value
            self.requires = requires
        }

        static func registers(of model: CPUModel) -> InlineArray<64, UInt64> {
            var registers = InlineArray<64, UInt64>(repeating: 0)
            for field in byFeature + byModel(model) where model.features.isSuperset(of: field.requires) {
                let register = Int(field.register.rawValue)
                registers[register] =
                    registers[register] & ~(15 << UInt64(field.bit)) | field.value << UInt64(field.bit)
            }
            return registers
        }

        private static let byFeature: [IdentificationField] = [
            // ID_AA64PFR0_EL1: EL0, EL1, EL2, EL3, FP, AdvSIMD, GIC, RAS, DIT
            .init(.pfr0, 0, 1), .init(.pfr0, 4, 1), .init(.pfr0, 8, 1, .el2), .init(.pfr0, 12, 1, .el3),
            .init(.pfr0, 16, 0), .init(.pfr0, 16, 1, .fp16), .init(.pfr0, 20, 0), .init(.pfr0, 20, 1, .fp16),
            .init(.pfr0, 24, 1, .gicv3), .init(.pfr0, 28, 1, .ras), .init(.pfr0, 48, 1, .dit),
            // ID_AA64PFR1_EL1: BT, SSBS
            .init(.pfr1, 0, 1, .bti), .init(.pfr1, 4, 2, .ssbs),
            // ID_AA64DFR0_EL1: PMUVer
            .init(.dfr0, 8, 1, .pmuv3), .init(.dfr0, 8, 4, .pmuv3p1), .init(.dfr0, 8, 5, .pmuv3p4),
            .init(.dfr0, 8, 6, .pmuv3p5),
            // ID_AA64ISAR0_EL1: AES, SHA1, SHA2, CRC32, Atomic, RDM, SHA3, SM3, SM4, DP, FHM, TS, TLB, RNDR
            .init(.isar0, 4, 2, .aes), .init(.isar0, 8, 1, .sha1), .init(.isar0, 12, 1, .sha256),
            .init(.isar0, 12, 2, .sha512), .init(.isar0, 16, 1, .crc32), .init(.isar0, 20, 2, .lse),
            .init(.isar0, 28, 1, .rdm), .init(.isar0, 32, 1, .sha3), .init(.isar0, 36, 1, .sm3),
            .init(.isar0, 40, 1, .sm4), .init(.isar0, 44, 1, .dotProd),
            .init(.isar0, 48, 1, .fhm),
            .init(.isar0, 52, 1, .flagM), .init(.isar0, 52, 2, .flagM2), .init(.isar0, 56, 1, .tlbios),
            .init(.isar0, 56, 2, .tlbirange), .init(.isar0, 60, 1, .rng),
            // ID_AA64ISAR1_EL1: DPB, APA and GPA (QARMA5) or API and GPI, JSCVT, FCMA, LRCPC, FRINTTS, SB, SPECRES, BF16,
            // I8MM
            .init(.isar1, 0, 1, .dpb), .init(.isar1, 0, 2, .dpb2), .init(.isar1, 4, 1, .pauth),
            .init(.isar1, 24, 1, .pauth), .init(.isar1, 4, 0, .pacIMP), .init(.isar1, 8, 1, [.pauth, .pacIMP]),
            .init(.isar1, 24, 0, .pacIMP), .init(.isar1, 28, 1, [.pauth, .pacIMP]),
            .init(.isar1, 12, 1, .jscvt), .init(.isar1, 16, 1, .fcma),
            .init(.isar1, 20, 1, .lrcpc), .init(.isar1, 20, 2, .lrcpc2), .init(.isar1, 32, 1, .frintts),
            .init(.isar1, 36, 1, .sb), .init(.isar1, 40, 1, .specres), .init(.isar1, 44, 1, .bf16),
            .init(.isar1, 52, 1, .i8mm),
            // ID_AA64MMFR0_EL1: ASIDBits, TGran16; TGran64 and TGran4 are supported as 0. Stage 2 has the same granules, as 0
            // says, or TGran16_2, TGran64_2 and TGran4_2 say one by one.
            .init(.mmfr0, 4, 2), .init(.mmfr0, 20, 1, .tGran16K), .init(.mmfr0, 20, 2, [.tGran16K, .lpa2]),
            .init(.mmfr0, 28, 1, .lpa2), .init(.mmfr0, 32, 2, [.tGran16K, .lpa]),
            .init(.mmfr0, 32, 3, [.tGran16K, .lpa2]), .init(.mmfr0, 36, 2, .lpa), .init(.mmfr0, 40, 2, .lpa),
            .init(.mmfr0, 40, 3, .lpa2),
            // ID_AA64MMFR1_EL1: HAFDBS, VMIDBits, VH, HPDS, LO, PAN, XNX
            .init(.mmfr1, 0, 2, .hafdbs), .init(.mmfr1, 4, 2, .vmid16), .init(.mmfr1, 8, 1, .vhe),
            .init(.mmfr1, 12, 1, .hpds), .init(.mmfr1, 12, 2, .hpds2), .init(.mmfr1, 16, 1, .lor),
            .init(.mmfr1, 20, 1, .pan), .init(.mmfr1, 20, 2, .pan2), .init(.mmfr1, 20, 3, .pan3),
            .init(.mmfr1, 28, 1, .xnx),
            // ID_AA64MMFR2_EL1: CnP, UAO, IESB, VARange, NV, ST, AT, IDS, FWB, TTL, BBM, EVT, E0PD
            .init(.mmfr2, 0, 1, .ttcnp), .init(.mmfr2, 4, 1, .uao), .init(.mmfr2, 12, 1, .iesb),
            .init(.mmfr2, 16, 1, .lva), .init(.mmfr2, 24, 2, [.nv, .el2]),
            .init(.mmfr2, 28, 1, .ttst), .init(.mmfr2, 32, 1, .lse2),
            .init(.mmfr2, 36, 1, .idst),
            .init(.mmfr2, 40, 1, .s2fwb), .init(.mmfr2, 48, 1, .ttl), .init(.mmfr2, 52, 2, .bbm),
            .init(.mmfr2, 56, 2, .evt), .init(.mmfr2, 60, 1, .e0pd),
        ]

        private static func byModel(_ model: CPUModel) -> [IdentificationField] {
            let addressSizes: [UInt8: UInt64] = [32: 0, 36: 1, 40: 2, 42: 3, 44: 4, 48: 5, 52: 6]
            let isolation: UInt64 = model.isolatesSpeculation ? 1 : 0
            return [
                // ID_AA64PFR0_EL1: CSV2, CSV3
                .init(.pfr0, 56, isolation), .init(.pfr0, 56, 2, .csv2_2), .init(.pfr0, 60, isolation),
                // ID_AA64DFR0_EL1: DebugVer, BRPs, WRPs, CTX_CMPs
                .init(.dfr0, 0, UInt64(model.debugVersion)),
                .init(.dfr0, 12, UInt64(model.breakpoints) - 1), .init(.dfr0, 20, UInt64(model.watchpoints) - 1),
                .init(.dfr0, 28, UInt64(model.contextBreakpoints) - 1),
                // ID_AA64MMFR0_EL1: PARange
                .init(.mmfr0, 0, addressSizes[model.physicalAddressBits] ?? 0),
            ]
        }
    }
}

extension AArch64.ProcessingElement {
    /// MPIDR_EL1: bit 31 is 1.
    var multiprocessorAffinity: UInt64 { 1 << 31 | affinity }

    /// CCSIDR_EL1, of the cache that CSSELR_EL1 selects by level and kind; 0, which is UNKNOWN, where there is none.
    var cacheSize: UInt64 {
        switch state.pointee.csselr & 15 {
        case 0: model.cacheSizes[0]
        case 1: model.cacheSizes[1]
        case 2: model.cacheSizes[2]
        default: 0
        }
    }

    /// DCZID_EL0: DC ZVA writes 64 bytes, or DZP says that it may not be used here.
    var zeroingSize: UInt64 {
        let isProhibited =
            switch level {
            case 0:
                state.pointee.sctlr[isHost ? 2 : 1] >> 14 & 1 == 0 || !isHost && hypervisorConfiguration >> 28 & 1 != 0
            case 1: hypervisorConfiguration >> 28 & 1 != 0
            default: false
            }
        return isProhibited ? 0x14 : 0x04
    }
}
