import AArch64ISA

/// The privileged part of random blocks: what their system registers start with, and the items that read and write them,
/// order address translation, and translate addresses.
extension AArch64RandomGenerator {
    private typealias Layout = AArch64RandomLayout
    private typealias Hypervisor = AArch64RandomBlock.Hypervisor

    /// Some of the bits.
    private mutating func some(_ bits: UInt64, _ percent: UInt64 = 50) -> UInt64 {
        (0..<64).reduce(0) { result, bit in
            let mask: UInt64 = 1 << UInt64(bit)
            return bits & mask != 0 && random.chance(percent) ? result | mask : result
        }
    }

    private func when(_ feature: AArch64.Features, _ bits: UInt64) -> UInt64 {
        features.isSuperset(of: feature) ? bits : 0
    }

    mutating func setSystemRegisters() {
        func set(_ name: String, _ value: UInt64) { present.systemRegisters[name] = value }
        setSecureConfiguration()
        set("HCR_EL2", hypervisor())
        let isHost = present.isHost
        // M, mostly; I; UMA, DZE, UCT, nTWI, nTWE, UCI; A.
        var control: UInt64 = 1 << 29 | 1 << 28 | 1 << 23 | 1 << 22 | 1 << 20 | 1 << 11 | 1 << 8 | 1 << 7
        // C is set: see AArch64RandomExclusion on PAR_EL1.
        control |= some(1, 85) | 1 << 2 | some(1 << 12 | 1 << 9 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 18 | 1 << 26)
        control |= some(2, 20)
        // EnDB, EnDA, EnIB, EnIA; nAA; BT0 and BT1; TSCXT is RES1 without FEAT_CSV2_2, and IESB RES0 mostly.
        control |= pointers() | some(when(.lse2, 1 << 6) | when(.bti, 3 << 35))
        if features.contains(.pan), random.chance(50) { control &= ~(1 << 23) }
        if features.contains(.csv2_2), random.chance(50) { control &= ~(1 << 20) }
        if present.isGeneral, !isHost { control &= ~1 }
        set("SCTLR_EL1", control)
        var control2: UInt64 = 0x30c5_0830 | 1 << 2 | some(1, 85) | some(1 << 12) | some(2, 20)
        if isHost { control2 = control & ~(1 << 9) | some(1, 85) }
        control2 |= pointers() | some(when(.bti, 1 << 36))
        set("SCTLR_EL2", control2)
        let size = self.size()
        set("TCR_EL1", translationControl(size))
        let root = granule.root(0, size: size)
        for name in ["TTBR0_EL1", "TTBR1_EL1"] { set(name, root | random.next() << 48) }
        let size2 = self.size()
        let control3 =
            isHost
            ? translationControl(size2) | 1 << 23
            : 1 << 31 | 1 << 23 | size2 | granule.lower << 14 | 2 << 16 | some(1 << 20) | some(when(.hafdbs, 3 << 21))
        set("TCR_EL2", control3)
        let root2 = granule.root(1, size: size2)
        set("TTBR0_EL2", root2 | (isHost ? random.next() << 48 : 0))
        // T0SZ 25, 44 bits out; HA, HD.
        let control4: UInt64 = 1 << 31 | 25 | granule.startLevel << 6 | granule.lower << 14 | 4 << 16
        set("VTCR_EL2", control4 | some(when(.hafdbs, 3 << 21)))
        set("VTTBR_EL2", granule.roots[2] | (random.next() & (features.contains(.vmid16) ? 0xffff : 0xff)) << 48)
        // Write-back; device, the strictest kind; write-through; device, another kind.
        for name in ["MAIR_EL1", "MAIR_EL2"] { set(name, 0xbb00ff | random.pick([4, 8, 0xc]) << 24) }
        set("CPACR_EL1", random.chance(80) ? 3 << 20 : UInt64(random.below(4)) << 20)
        let trapped = some(1 << 31, 20)
        set(
            "CPTR_EL2",
            trapped
                | (isHost
                    ? (random.chance(80) ? 3 << 20 : UInt64(random.below(4)) << 20) : 0x33ff | some(1 << 10, 15)))
        set("CONTEXTIDR_EL1", random.next() & 0xffff_ffff)
        for name in ["TPIDR_EL0", "TPIDRRO_EL0", "TPIDR_EL1", "SP_EL0", "SP_EL1", "SP_EL2"] {
            set(name, random.hostile())
        }
        set("CSSELR_EL1", UInt64(random.below(3)))
        set("CNTKCTL_EL1", some(0x303))
        set("CNTHCTL_EL2", isHost ? some(0xf03) : 3)
        set("MDSCR_EL1", some(1 << 12))
        // Counters of all levels; TPM, TDE, TDA, TDOSA, TDRA.
        set("MDCR_EL2", 6 | some(1 << 6 | 0xf00, 25))
        set("PMUSERENR_EL0", some(trapsMonitors ? 1 : 0xf))
        set("HSTR_EL2", random.chance(50) ? 0 : random.next() & 0xbfef)
        set("VPIDR_EL2", random.next() & 0xffff_ffff)
        set("VMPIDR_EL2", 1 << 31 | random.next() & 0xff_01ff_ffff)
        set("FPCR", floatControl())
        set("FPSR", random.next() & 0x0800_009f)
        set(hasEL3 ? "SPSR_EL3" : "SPSR_EL2", state(mode))
        if hasEL3 { setSystemRegistersOfEL3() }
    }

    /// SCR_EL3, which decides what there is below.
    private mutating func setSecureConfiguration() {
        guard hasEL3 else { return }
        // RW; then IRQ, FIQ, HCE, SIF, ST, TWI. SMD and EA stay 0: see AArch64RandomExclusion.
        var bits: UInt64 = 1 << 10 | 3 << 4 | some(1 << 1 | 1 << 2 | 1 << 9 | 1 << 11) | some(1 << 8, 80)
        bits |= some(1 << 12, 25) | some(when(.lor, 1 << 14) | when(.ras, 1 << 15), 25)
        bits |= some(when(.pauth, 3 << 16), 85) | some(when(.csv2_2, 1 << 25), 75)
        // Secure state has no second stage.
        if mode == .el2 || !AArch64RandomProgram.isDirect(tableSeed) || random.chance(25) { bits |= 1 }
        present.systemRegisters["SCR_EL3"] = bits
        // TPM, TDOSA. TDA stays 0: see AArch64RandomExclusion.
        present.systemRegisters["MDCR_EL3"] =
            AArch64RandomDriver.countsInSecureState | some(1 << 6 | 1 << 10, 20)
    }

    private mutating func setSystemRegistersOfEL3() {
        func set(_ name: String, _ value: UInt64) { present.systemRegisters[name] = value }
        // As of EL2, whose tables serve EL3 too.
        var control: UInt64 = 0x30c5_0830 | 1 << 2 | some(1, 85) | some(1 << 12) | some(2, 20)
        control |= pointers() | some(when(.bti, 1 << 36))
        set("SCTLR_EL3", control)
        let size = self.size()
        set(
            "TCR_EL3",
            1 << 31 | 1 << 23 | size | granule.lower << 14 | 2 << 16 | some(1 << 20) | some(when(.hafdbs, 3 << 21)))
        set("TTBR0_EL3", granule.root(1, size: size))
        set("MAIR_EL3", 0xbb00ff | random.pick([4, 8, 0xc]) << 24)
        // TCPAC, TFP.
        set("CPTR_EL3", some(1 << 31, 20) | some(1 << 10, 15))
        set("SP_EL3", random.hostile())
    }

    /// EnDB, EnDA, EnIB and EnIA of SCTLR_ELx, not all clear: see AArch64RandomExclusion.
    private mutating func pointers() -> UInt64 {
        let bits = some(when(.pauth, 1 << 13 | 1 << 27 | 3 << 30), 70)
        return bits == 0 ? when(.pauth, 1 << 31) : bits
    }

    /// MDCR_EL2.TPM, MDCR_EL3.TPM.
    private var trapsMonitors: Bool { (present.register("MDCR_EL2") | present.register("MDCR_EL3")) >> 6 & 1 == 1 }

    /// T0SZ and T1SZ: three levels, or four.
    private mutating func size() -> UInt64 { random.chance(60) ? 25 : UInt64(16 + random.below(9)) }

    /// TCR_EL1, or TCR_EL2 with E2H.
    private mutating func translationControl(_ size: UInt64) -> UInt64 {
        // TBI0 and TBI1: see AArch64RandomExclusion.
        let ignored: UInt64 =
            features.contains(.pauth) ? (random.chance(50) ? 3 << 37 : 0) : some(3 << 37)
        // IPS of 40 bits; A1, AS; EPD1; HA, HD.
        let sizes = size | size << 16 | granule.lower << 14 | granule.upper << 30 | 2 << 32
        return sizes | ignored | some(1 << 22 | 1 << 36) | some(1 << 23, 3) | some(when(.hafdbs, 3 << 39))
    }

    private mutating func hypervisor() -> UInt64 {
        var bits: UInt64 =
            Hypervisor.rw | (AArch64RandomProgram.isDirect(tableSeed) ? some(Hypervisor.vm) : Hypervisor.vm)
        if isForQEMU, AArch64RandomProgram.hasGuardsOfEL1(tableSeed, features, isForQEMU: true) {
            bits &= ~Hypervisor.vm
        }
        bits |= some(bits & Hypervisor.vm == 0 ? 0 : Hypervisor.dc, 5)
        // SWIO, PTW, FMO, IMO, AMO, FB, BSU.
        bits |= some(1 << 1 | 1 << 2 | 7 << 3 | 1 << 9 | 3 << 10)
        // Traps: TWI, TID1 to TID3, TSC, TACR, TSW, TPCP, TPU, TTLB, TVM, TDZ, TRVM.
        if random.chance(60) { bits |= some(1 << 13 | 0x7ef << 16 | 1 << 28 | 1 << 30, 25) }
        bits |= some(when(.lor, 1 << 35) | when(.ras, 3 << 36), 25) | some(when(.pauth, 3 << 40), 75)
        bits |= some(when(.evt, 1 << 49 | 1 << 50 | 1 << 52 | 1 << 54 | 1 << 55), 25) | some(when(.csv2_2, 1 << 53))
        bits &= ~Hypervisor.tge
        if features.contains(.vhe), random.chance(40) { bits |= Hypervisor.e2h }
        if mode == .el0, random.chance(25) { bits |= Hypervisor.tge }
        if mode == .el2, bits & Hypervisor.e2h != 0, random.chance(50) { bits |= Hypervisor.tge }
        // What of HCR_EL2 is in force whichever the state, and the calls of EL1's vectors: see AArch64RandomExclusion.
        if present.isSecure { bits &= ~(Hypervisor.tge | Hypervisor.e2h) }
        if hasEL3 { bits &= ~(1 << 19) }
        // See AArch64RandomExclusion.
        if bits & (Hypervisor.tge | Hypervisor.e2h) == Hypervisor.tge { bits &= ~(Hypervisor.vm | Hypervisor.dc) }
        return bits
    }

    /// Rounding mode, FZ, DN, AHP, and FZ16.
    private mutating func floatControl() -> UInt64 {
        UInt64(random.below(4)) << 22
            | (random.chance(60) ? 0 : some(1 << 24 | 1 << 25 | 1 << 26) | some(when(.fp16, 1 << 19)))
    }

    /// PSTATE for a level: with either stack pointer.
    mutating func state(_ mode: AArch64RandomBlock.Mode) -> UInt64 {
        var state = mode.state | random.next() & 0xf << 28 | random.next() & 0xf << 6
        if mode != .el0, random.chance(30) { state &= ~1 }
        // BTYPE, of which the instruction that comes first has to know.
        state |= random.chance(20) ? when(.bti, UInt64(random.below(4)) << 10) : 0
        return state | some(when(.pan, 1 << 22) | when(.uao, 1 << 23) | when(.dit, 1 << 24) | when(.ssbs, 1 << 12), 20)
    }

    // MARK: Items

    mutating func system() -> [UInt32] {
        switch random.below(20) {
        case ..<5: return [readAny()]
        case ..<9: return written()
        case ..<12: return processState()
        case ..<14: return barrier()
        case ..<16: return translation()
        case ..<18: return maintenance()
        default: return floating()
        }
    }

    private mutating func floating() -> [UInt32] {
        AArch64Assembler.loading(29, floatControl()) + [AArch64Assembler.write("FPCR", 29)]
    }

    /// Registers whose values are compared.
    private static let comparable =
        Layout.recordedRegisters.filter { !["CSSELR_EL1"].contains($0) }
        + ["SP_EL0", "NZCV", "DAIF", "SPSel", "CurrentEL", "DCZID_EL0", "ELR_EL2", "SPSR_EL2"]

    /// MRS of any register; of most the exception alone is compared.
    private mutating func readAny() -> UInt32 {
        if random.chance(50) {
            let name = random.pick(Self.comparable)
            // ESR_EL2 then: see AArch64RandomExclusion.
            if name == "ESR_EL1", mode == .el2, present.isHost { return AArch64Assembler.read(31, name) }
            return AArch64Assembler.read(UInt32(random.below(31)), name)
        }
        let register = random.pick(choice.systemRegisters)
        // See AArch64RandomExclusion.
        if mode == .el2 || mode == .el3, !present.isHost,
            register.name.hasSuffix("2") && !register.name.hasSuffix("_EL2")
        {
            return AArch64Assembler.read(31, "MIDR_EL1")
        }
        return AArch64Assembler.word(.mrs, rd: 31, Int64(register.number))
    }

    /// Registers that hold any value, with their writable bits.
    private static let plain: [(name: String, bits: UInt64)] = [
        ("TPIDR_EL0", ~0), ("TPIDR_EL1", ~0), ("TPIDRRO_EL0", ~0), ("CONTEXTIDR_EL1", 0xffff_ffff), ("FAR_EL1", ~0),
        ("ELR_EL1", ~0), ("SPSR_EL1", 0xf000_03df), ("ESR_EL1", 0xffff_ffff), ("FPSR", 0x0800_009f),
        ("NZCV", 0xf000_0000), ("DAIF", 0x3c0), ("SPSel", 1), ("SP_EL0", ~0), ("VPIDR_EL2", 0xffff_ffff),
        ("CNTKCTL_EL1", 0x303), ("PMUSERENR_EL0", 0xf), ("SP_EL1", ~0),
    ]

    private mutating func written() -> [UInt32] {
        if random.chance(20) { return floating() }
        if random.chance(15) {
            let value: UInt64 = random.chance(80) ? 3 << 20 : UInt64(random.below(4)) << 20
            return AArch64Assembler.loading(29, value) + [AArch64Assembler.write("CPACR_EL1", 29)]
        }
        if random.chance(20), mode.isOfGuest {
            // What is above the present level.
            let register = random.pick(choice.systemRegisters)
            let operand = Int64(register.number)
            guard operand >> 11 & 7 >= (mode == .el0 ? 4 : 4), operand >> 11 & 7 != 7 else { return [readAny()] }
            return [AArch64Assembler.word(.msr_register, rd: UInt32(random.below(32)), operand)]
        }
        let register = random.pick(Self.plain)
        // With E2H these are EL2's own, by which the driver lives.
        if mode == .el2, present.isHost, ["CNTKCTL_EL1"].contains(register.name) { return [readAny()] }
        if register.name == "PMUSERENR_EL0", trapsMonitors { return [readAny()] }
        return AArch64Assembler.loading(29, random.hostile() & register.bits) + [
            AArch64Assembler.write(register.name, 29)
        ]
    }

    private mutating func processState() -> [UInt32] {
        var operations: [AArch64.Operation] = [.msr_spsel, .msr_daifset, .msr_daifclr]
        if features.contains(.pan) { operations.append(.msr_pan) }
        if features.contains(.uao) { operations.append(.msr_uao) }
        if features.contains(.dit) { operations.append(.msr_dit) }
        if features.contains(.ssbs) { operations.append(.msr_ssbs) }
        if features.contains(.flagM) { operations.append(.cfinv) }
        if features.contains(.flagM2) { operations += [.xaflag, .axflag] }
        // Where EL0 may not: see AArch64RandomExclusion.
        let control = isOfHigher ? "SCTLR_EL2" : "SCTLR_EL1"
        if mode == .el0, present.register(control) >> 9 & 1 == 0 {
            operations.removeAll { $0 == .msr_daifset || $0 == .msr_daifclr }
        }
        if operations.isEmpty { return [readAny()] }
        let operation = random.pick(operations)
        let isMask = operation == .msr_daifset || operation == .msr_daifclr
        return [AArch64Assembler.word(operation, Int64(random.below(isMask ? 16 : 2)))]
    }

    private mutating func barrier() -> [UInt32] {
        switch random.below(6) {
        case 0: return [AArch64Assembler.word(.dsb, Int64(random.below(4)) << 2 | 3)]
        case 1: return [AArch64Assembler.word(.dmb, Int64(random.below(4)) << 2 | 3)]
        case 2: return [AArch64Assembler.word(.isb, 15)]
        case 3: return [AArch64Assembler.word(.clrex, 15)]
        case 4:
            // Hints, of which WFE and WFI would wait.
            let number = random.chance(20) ? 32 + 2 * Int64(random.below(4)) : Int64(random.below(128))
            return [AArch64Assembler.word(.hint, [2, 3].contains(number) ? 0 : number)]
        default:
            // WFI, where it is trapped.
            let isTrapped =
                mode.isOfGuest && !present.isSecure && present.register("HCR_EL2") >> 13 & 1 == 1 && !present.isGeneral
                || mode != .el3 && present.register("SCR_EL3") >> 12 & 1 == 1
            return [AArch64Assembler.word(isTrapped ? .wfi : .yield)]
        }
    }

    /// AT, and what it found.
    private mutating func translation() -> [UInt32] {
        // See AArch64RandomExclusion.
        guard !present.isSecure,
            present.register("SCTLR_EL1") & present.register("SCTLR_EL2") & present.register("HCR_EL2") & 1 == 1
        else {
            return [readAny()]
        }
        let ofFirst = ["AT S1E1R", "AT S1E1W", "AT S1E0R", "AT S1E0W"]
        let others = ["AT S12E1R", "AT S12E1W", "AT S12E0R", "AT S12E0W", "AT S1E2R", "AT S1E2W"]
        let names = (present.isHost && present.isGeneral ? ofFirst : ofFirst + others)
            .filter { !$0.hasSuffix("W") || !features.contains(.hafdbs) }
        let name = random.pick(names)
        guard let number = AArch64Assembler.systemInstructions[name] else { return [] }
        return AArch64Assembler.loading(28, address(isGood: false, alignment: 1)) + [
            AArch64Assembler.word(.sys, rd: 28, number), AArch64Assembler.word(.isb, 15),
            AArch64Assembler.read(UInt32(random.below(31)), "PAR_EL1"),
        ]
    }

    /// TLBI of all kinds, IC, and DC ZVA.
    private mutating func maintenance() -> [UInt32] {
        let instruction = random.pick(choice.maintenance)
        // See AArch64RandomExclusion.
        if mode == .el3, present.isSecure, instruction.name.hasPrefix("TLBI"), instruction.name.contains("E2") {
            return [readAny()]
        }
        let alignment: UInt64 = 64
        let isGood = random.chance(70) || instruction.name == "DC ZVA" && leavesOutDevices
        return AArch64Assembler.loading(28, address(isGood: isGood, alignment: alignment, alone: true)) + [
            AArch64Assembler.word(.sys, rd: 28, Int64(instruction.number))
        ]
    }
}
