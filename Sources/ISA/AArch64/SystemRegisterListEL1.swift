import ISA

/// The registers of EL0 and EL1: identification, control, memory, exceptions, threads, process state (D19.2, C5.2).
///
/// What is IMPLEMENTATION DEFINED and has no use here reads as zero: ACTLR, AFSR0, AFSR1, AMAIR, AIDR, HACR.
extension AArch64.SystemRegister {
    static let all: [Self] =
        identification + control1 + memory1 + exceptions1 + context1 + process + control2 + memory2 + exceptions2
        + aliases + nested + timers + monitors + debug + interrupts + implementationDefined + el3

    /// Group 3 is a whole space, of which most is reserved and reads as zero.
    static let identification: [Self] =
        [
            //     name             op0 op1  CRn  CRm op2
            .init("MIDR_EL1", "     11 000 0000 0000 000", .readEL1, .computed(.mainIdentification)),
            .init("MPIDR_EL1", "    11 000 0000 0000 101", .readEL1, .computed(.affinity)),
            .init("REVIDR_EL1", "   11 000 0000 0000 110", .readEL1, .computed(.revision), traps: .tid1),
            .init("CCSIDR_EL1", "   11 001 0000 0000 000", .readEL1, .computed(.cacheSize), traps: [.tid2, .tid4]),
            .init("CLIDR_EL1", "    11 001 0000 0000 001", .readEL1, .computed(.cacheLevels), traps: [.tid2, .tid4]),
            .init("AIDR_EL1", "     11 001 0000 0000 111", .readEL1, .zero, traps: .tid1),
            .init("CSSELR_EL1", "   11 010 0000 0000 000", .el1, .field(\.csselr), 0xf, traps: [.tid2, .tid4]),
            .init(
                "CTR_EL0", "        11 011 0000 0000 001", .readEL0, .computed(.cacheType), traps: [.tid2, .el0],
                control: .cacheType),
            .init("DCZID_EL0", "    11 011 0000 0000 111", .readEL0, .computed(.zeroingSize)),
        ]
        + (8..<64).map { (number: UInt16) -> Self in
            .init(
                "ID_*_EL1", key: key(3, 0, 0, number >> 3, number & 7), .readEL1,
                .computed(.identification, Int(number)), traps: .tid3)
        }

    static let control1: [Self] = [
        //     name         op0 op1  CRn  CRm op2
        .init(
            "SCTLR_EL1", "  11 000 0001 0000 000", .el1, .element(\.sctlr, 1), sctlrEL1, traps: .tvm,
            atEL2: "SCTLR_EL2", changes: .translation, translatesEL2: 0),
        .init("ACTLR_EL1", "11 000 0001 0000 001", .el1, .zero, traps: .tacr),
        .init(
            "CPACR_EL1", "  11 000 0001 0000 010", .el1, .field(\.cpacr), Writable(3 << 20), traps: .tcpac,
            atEL2: "CPTR_EL2",
            changes: .floatingPoint),
    ]

    /// With neither AArch32 nor big-endian data, ITD and SED are 1, and CP15BEN, EE and E0E 0.
    private static let sctlrEL1 = Writable(
        // M, A, C, SA, SA0; UMA, I, DZE, UCT, nTWI, nTWE, WXN; UCI
        0x040d_d21f, ones: 1 << 29 | 1 << 28 | 1 << 23 | 1 << 22 | 1 << 20 | 1 << 11 | 1 << 8 | 1 << 7,
        [
            (1 << 6, .lse2), (1 << 10, .specres), (1 << 20, .csv2_2), (1 << 21, .iesb), (1 << 23, .pan),
            // EnDB, EnDA, EnIB, EnIA; BT0, BT1; DSSBS; EPAN
            (1 << 13 | 1 << 27 | 3 << 30, .pauth), (3 << 35, .bti), (1 << 44, .ssbs), (1 << 57, .pan3),
        ])

    static let memory1: [Self] = [
        .init(
            "TTBR0_EL1", "  11 000 0010 0000 000", .el1, .element(\.ttbr0, 1), ttbr, traps: .tvm, atEL2: "TTBR0_EL2",
            changes: .translation, translatesEL2: 0),
        .init(
            "TTBR1_EL1", "  11 000 0010 0000 001", .el1, .element(\.ttbr1, 1), ttbr, traps: .tvm, atEL2: "TTBR1_EL2",
            changes: .translation, translatesEL2: 0),
        .init(
            "TCR_EL1", "    11 000 0010 0000 010", .el1, .element(\.tcr, 1), tcrEL1, traps: .tvm, atEL2: "TCR_EL2",
            changes: .translation, translatesEL2: 0),
        .init(
            "MAIR_EL1", "   11 000 1010 0010 000", .el1, .element(\.mair, 1), traps: .tvm, atEL2: "MAIR_EL2",
            changes: .translation, translatesEL2: 0),
        .init("AMAIR_EL1", "11 000 1010 0011 000", .el1, .zero, traps: .tvm, atEL2: "AMAIR_EL2"),
        .init("PAR_EL1", "  11 000 0111 0100 000", .el1, .field(\.par)),
        // No LORegions: LORID_EL1 says so, and the others are RES0, and not Secure state's.
        .init("LORSA_EL1", "11 000 1010 0100 000", .el1, .zero, .none, .lor, traps: .tlor, control: .nonSecure),
        .init("LOREA_EL1", "11 000 1010 0100 001", .el1, .zero, .none, .lor, traps: .tlor, control: .nonSecure),
        .init("LORN_EL1", " 11 000 1010 0100 010", .el1, .zero, .none, .lor, traps: .tlor, control: .nonSecure),
        .init("LORC_EL1", " 11 000 1010 0100 011", .el1, .zero, .none, .lor, traps: .tlor, control: .nonSecure),
        .init("LORID_EL1", "11 000 1010 0100 111", .readEL1, .zero, .none, .lor, traps: .tlor),
        .init(
            "APIAKeyLo_EL1", "11 000 0010 0001 000", .el1, .element(\.keys, 0), .all, .pauth, traps: .apk),
        .init(
            "APIAKeyHi_EL1", "11 000 0010 0001 001", .el1, .element(\.keys, 1), .all, .pauth, traps: .apk),
        .init(
            "APIBKeyLo_EL1", "11 000 0010 0001 010", .el1, .element(\.keys, 2), .all, .pauth, traps: .apk),
        .init(
            "APIBKeyHi_EL1", "11 000 0010 0001 011", .el1, .element(\.keys, 3), .all, .pauth, traps: .apk),
        .init(
            "APDAKeyLo_EL1", "11 000 0010 0010 000", .el1, .element(\.keys, 4), .all, .pauth, traps: .apk),
        .init(
            "APDAKeyHi_EL1", "11 000 0010 0010 001", .el1, .element(\.keys, 5), .all, .pauth, traps: .apk),
        .init(
            "APDBKeyLo_EL1", "11 000 0010 0010 010", .el1, .element(\.keys, 6), .all, .pauth, traps: .apk),
        .init(
            "APDBKeyHi_EL1", "11 000 0010 0010 011", .el1, .element(\.keys, 7), .all, .pauth, traps: .apk),
        .init(
            "APGAKeyLo_EL1", "11 000 0010 0011 000", .el1, .element(\.keys, 8), .all, .pauth, traps: .apk),
        .init(
            "APGAKeyHi_EL1", "11 000 0010 0011 001", .el1, .element(\.keys, 9), .all, .pauth, traps: .apk),
    ]

    /// The ASID, BADDR, and CnP.
    static let ttbr = Writable(0xffff_ffff_ffff_fffe, [(1, .ttcnp)])
    static let tcrEL1 = Writable(
        // Sizes, walks, shareability and granules of both halves, with A1; IPS, AS, TBI0 and TBI1
        0x0077_ffff_ffbf,
        [
            // HA, HD; HPD0, HPD1; HWU0xx, HWU1xx; TBID0, TBID1; E0PD0, E0PD1; DS
            (3 << 39, .hafdbs), (3 << 41, .hpds), (0xff << 43, .hpds2), (3 << 51, .pauth), (3 << 55, .e0pd),
            (1 << 59, .lpa2),
        ])

    static let exceptions1: [Self] = [
        .init(
            "SPSR_EL1", "   11 000 0100 0000 000", .el1, .element(\.spsr, 1), savedState, atEL2: "SPSR_EL2"),
        .init("ELR_EL1", "  11 000 0100 0000 001", .el1, .element(\.elr, 1), atEL2: "ELR_EL2"),
        .init("SP_EL0", "   11 000 0100 0001 000", .el1, .element(\.sp, 0), control: .otherStackPointer),
        .init("AFSR0_EL1", "11 000 0101 0001 000", .el1, .zero, traps: .tvm, atEL2: "AFSR0_EL2"),
        .init("AFSR1_EL1", "11 000 0101 0001 001", .el1, .zero, traps: .tvm, atEL2: "AFSR1_EL2"),
        .init("ESR_EL1", "  11 000 0101 0010 000", .el1, .element(\.esr, 1), .word, traps: .tvm, atEL2: "ESR_EL2"),
        // No error records: ERRIDR_EL1 says so, and the registers of the records are UNDEFINED.
        .init("ERRIDR_EL1", "11 000 0101 0011 000", .readEL1, .zero, .none, .ras, traps: .terr),
        .init("FAR_EL1", "  11 000 0110 0000 000", .el1, .element(\.far, 1), traps: .tvm, atEL2: "FAR_EL2"),
        .init("VBAR_EL1", " 11 000 1100 0000 000", .el1, .element(\.vbar, 1), Writable(~0x7ff), atEL2: "VBAR_EL2"),
        .init(
            "RVBAR_EL1", "  11 000 1100 0000 001", .readEL1, .zero, exists: { $0.features.highestLevel == 1 }),
        .init("ISR_EL1", "  11 000 1100 0001 000", .readEL1, .computed(.interruptStatus)),
        .init("DISR_EL1", " 11 000 1100 0001 001", .el1, .computed(.deferredInterrupt), deferredError, .ras),
    ]

    /// SPSR_ELx of AArch64 (C5.2.18): M, DAIF, IL, SS and NZCV, and what features add.
    static let savedState = Writable(
        0xf030_03df,
        [(3 << 10, .bti), (1 << 12, .ssbs), (1 << 22, .pan), (1 << 23, .uao), (1 << 24, .dit)])
    /// A, IDS and ISS.
    static let deferredError = Writable(0x81ff_ffff)

    static let context1: [Self] = [
        .init(
            "CONTEXTIDR_EL1", "11 000 1101 0000 001", .el1, .element(\.contextidr, 1), .word, traps: .tvm,
            atEL2: "CONTEXTIDR_EL2"),
        .init("TPIDR_EL1", "  11 000 1101 0000 100", .el1, .element(\.tpidr, 1)),
        .init(
            "SCXTNUM_EL1", "  11 000 1101 0000 111", .el1, .field(\.scxtnumEL1), .all, .csv2_2, traps: .enSCXT,
            atEL2: "SCXTNUM_EL2"),
        .init("TPIDR_EL0", "  11 011 1101 0000 010", .el0, .element(\.tpidr, 0)),
        .init("TPIDRRO_EL0", "11 011 1101 0000 011", .readEL0WriteEL1, .field(\.tpidrro)),
        .init(
            "SCXTNUM_EL0", "  11 011 1101 0000 111", .el0, .field(\.scxtnumEL0), .all, .csv2_2,
            traps: [.enSCXT, .el0], control: .contextNumber),
    ]

    static let process: [Self] = [
        .init("SPSel", "    11 000 0100 0010 000", .el1, .computed(.spsel)),
        .init("CurrentEL", "11 000 0100 0010 010", .readEL1, .computed(.currentEL)),
        .init("PAN", "      11 000 0100 0010 011", .el1, .computed(.pan), .all, .pan),
        .init("UAO", "      11 000 0100 0010 100", .el1, .computed(.uao), .all, .uao),
        .init("NZCV", "     11 011 0100 0010 000", .el0, .computed(.nzcv)),
        .init("DAIF", "     11 011 0100 0010 001", .el0, .computed(.daif), control: .masks),
        .init("DIT", "      11 011 0100 0010 101", .el0, .computed(.dit), .all, .dit),
        .init("SSBS", "     11 011 0100 0010 110", .el0, .computed(.ssbs), .all, .ssbs),
        .init("FPCR", "     11 011 0100 0100 000", .el0, .computed(.fpcr), control: .floatingPoint),
        .init("FPSR", "     11 011 0100 0100 001", .el0, .computed(.fpsr), control: .floatingPoint),
        .init("RNDR", "     11 011 0010 0100 000", .readEL0, .computed(.random), .none, .rng),
        .init("RNDRRS", "   11 011 0010 0100 001", .readEL0, .computed(.random), .none, .rng),
    ]
}
