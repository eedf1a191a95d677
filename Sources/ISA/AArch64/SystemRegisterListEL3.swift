import ISA

/// The registers of EL3 (D19.2), which are there where a board has it, and what else is there for it alone: SP_EL2's name,
/// and the secure timer of EL1.
///
/// SDER32_EL3 serves AArch32 at EL1 alone, and RMR_EL3 is optional where no level can use AArch32: neither is there.
extension AArch64.SystemRegister {
    private typealias Timer = AArch64.GenericTimer

    static let el3: [Self] = [
        //     name           op0 op1  CRn  CRm op2
        .init(
            "SCTLR_EL3", "    11 110 0001 0000 000", .el3, .element(\.sctlr, 3), sctlrEL3, changes: .translation),
        .init("ACTLR_EL3", "  11 110 0001 0000 001", .el3, .zero),
        .init(
            "SCR_EL3", "      11 110 0001 0001 000", .el3, .field(\.scr), scr,
            changes: [.translation, .interrupts, .floatingPoint],
            translates: AArch64.SecureConfiguration.ns | AArch64.SecureConfiguration.sif),
        // TCPAC, TFP
        .init(
            "CPTR_EL3", "     11 110 0001 0001 010", .el3, .field(\.cptrEL3), Writable(1 << 31 | 1 << 10),
            changes: .floatingPoint),
        .init(
            "MDCR_EL3", "     11 110 0001 0011 001", .el3, .field(\.mdcrEL3),
            // TDA, TDOSA, SDD, EDAD; TPM, SPME, EPMAD; SCCD
            Writable(0x11_0600, [(1 << 6 | 1 << 17 | 1 << 21, .pmuv3), (1 << 23, .pmuv3p5)]),
            changes: [.debug, .monitors]),
        .init(
            "TTBR0_EL3", "    11 110 0010 0000 000", .el3, .element(\.ttbr0, 3),
            Writable(0xffff_ffff_fffe, [(1, .ttcnp)]), changes: .translation),
        .init("TCR_EL3", "    11 110 0010 0000 010", .el3, .element(\.tcr, 3), tcrEL3, changes: .translation),
        .init("MAIR_EL3", "   11 110 1010 0010 000", .el3, .element(\.mair, 3), changes: .translation),
        .init("AMAIR_EL3", "  11 110 1010 0011 000", .el3, .zero),
        .init("SPSR_EL3", "   11 110 0100 0000 000", .el3, .element(\.spsr, 3), savedState),
        .init("ELR_EL3", "    11 110 0100 0000 001", .el3, .element(\.elr, 3)),
        .init("SP_EL2", "     11 110 0100 0001 000", .el3, .element(\.sp, 2)),
        .init("AFSR0_EL3", "  11 110 0101 0001 000", .el3, .zero),
        .init("AFSR1_EL3", "  11 110 0101 0001 001", .el3, .zero),
        .init("ESR_EL3", "    11 110 0101 0010 000", .el3, .element(\.esr, 3), .word),
        .init("FAR_EL3", "    11 110 0110 0000 000", .el3, .element(\.far, 3)),
        .init("VBAR_EL3", "   11 110 1100 0000 000", .el3, .element(\.vbar, 3), Writable(~0x7ff)),
        .init("RVBAR_EL3", "  11 110 1100 0000 001", .readEL3, .zero),
        .init("TPIDR_EL3", "  11 110 1101 0000 010", .el3, .element(\.tpidr, 3)),
        .init("SCXTNUM_EL3", "11 110 1101 0000 111", .el3, .field(\.scxtnumEL3), .all, .csv2_2),
        .init("ICC_SRE_EL3", "  11 110 1100 1100 101", .el3, .constant(0xf), .none, .gicv3),
        .init("ICC_CTLR_EL3", " 11 110 1100 1100 100", .el3, .computed(.interruptMonitor), .all, .gicv3),
        .init("ICC_IGRPEN1_EL3", "11 110 1100 1100 111", .el3, .computed(.interruptMonitor), .all, .gicv3),
        secureTimer("CNTPS_TVAL_EL1", "11 111 1110 0010 000", .timerValue),
        secureTimer("CNTPS_CTL_EL1", "11 111 1110 0010 001", .timerControl),
        secureTimer("CNTPS_CVAL_EL1", "11 111 1110 0010 010", .timerCompare),
    ]

    private static func secureTimer(
        _ name: StaticString, _ encoding: StaticString, _ function: Computed
    ) -> Self {
        .init(
            name, encoding, .el1, .computed(function, Timer.securePhysical.rawValue), .all, .el3,
            control: .secureTimer)
    }

    private static let sctlrEL3 = Writable(
        // M, A, C, SA, I, WXN
        0x8_100f, ones: 0x30c5_0830,
        [
            (1 << 6, .lse2), (1 << 21, .iesb), (1 << 13 | 1 << 27 | 3 << 30, .pauth), (1 << 36, .bti), (1 << 44, .ssbs),
        ])

    /// RW is 1: no lower level has AArch32.
    private static let scr = Writable(
        // NS, IRQ, FIQ, EA, SMD, SIF, ST, TWI, TWE
        0x3a8f, ones: 1 << 10 | 3 << 4,
        [
            (1 << 8, .el2), (1 << 14, .lor), (1 << 15, .ras), (3 << 16, .pauth), (1 << 25, .csv2_2),
        ])

    private static let tcrEL3 = Writable(
        // T0SZ, IRGN0, ORGN0, SH0, TG0, PS, TBI; DS
        0x17_ff3f, ones: 1 << 31 | 1 << 23,
        [(3 << 21, .hafdbs), (1 << 24, .hpds), (15 << 25, .hpds2), (1 << 29, .pauth), (1 << 32, .lpa2)])

    /// A register of EL2 as EL3 finds it where there is no EL2: RES0, but for those that tell what EL1 reads.
    var withoutEL2: Self {
        let function: Computed? =
            switch name.description {
            case "VPIDR_EL2": .mainIdentification
            case "VMPIDR_EL2": .affinity
            default: nil
            }
        return Self(
            name, key: key, .init(read: access.read == 4 ? 4 : 3, write: access.write == 4 ? 4 : 3),
            function.map { .computed($0) } ?? .zero, .none)
    }
}

extension AArch64.SystemRegister.Access {
    /// A register that is read at all levels, and written at the highest one there is.
    var isOfHighest: Bool { read == 0 && write == 2 }

    /// The level whose register it is, if that may not be there.
    var ownLevel: UInt8? {
        let least = min(read, write)
        return least == 2 && read >= 2 || least == 3 ? least : nil
    }
}

extension AArch64.Features {
    var highestLevel: UInt8 { contains(.el3) ? 3 : contains(.el2) ? 2 : 1 }
}
