import ISA

/// The registers of EL2, and the names that EL2 has for those of EL1 and EL0 while HCR_EL2.E2H takes theirs away
/// (D19.2; D8.9).
///
/// Registers that serve AArch32 at EL1 (DACR32_EL2 and its like) are there although nothing uses them: hypervisors for
/// both states save them unasked.
extension AArch64.SystemRegister {
    static let control2: [Self] = [
        //     name           op0 op1  CRn  CRm op2
        .init("VPIDR_EL2", "  11 100 0000 0000 000", .el2, .field(\.vpidr), .word),
        // Aff3, U, MT, and Aff2 to Aff0; bit 31 is 1.
        .init("VMPIDR_EL2", " 11 100 0000 0000 101", .el2, .field(\.vmpidr), Writable(0xff_41ff_ffff, ones: 1 << 31)),
        .init(
            "SCTLR_EL2", "    11 100 0001 0000 000", .el2, .element(\.sctlr, 2), sctlrEL2, host: sctlrEL2Host,
            changes: .translation),
        .init("ACTLR_EL2", "  11 100 0001 0000 001", .el2, .zero),
        .init(
            "HCR_EL2", "      11 100 0001 0001 000", .el2, .field(\.hcr), hcr,
            changes: [.translation, .interrupts, .floatingPoint],
            // VM, PTW; DC, TGE; CD, ID, E2H; NV, NV1; FWB
            translates: 1 << 0 | 1 << 2 | 1 << 12 | 1 << 27 | 7 << 32 | 3 << 42 | 1 << 46,
            translatesEL2: 1 << 27 | 1 << 34),
        .init(
            "MDCR_EL2", "     11 100 0001 0001 001", .el2, .field(\.mdcr),
            // TDE, TDA, TDOSA, TDRA; HPMN, TPMCR, TPM, HPME; HPMD; HCCD, HLP
            Writable(0xf00, [(0xff, .pmuv3), (1 << 17, .pmuv3p1), (1 << 23 | 1 << 26, .pmuv3p5)]),
            traps: .tdaEL3, changes: [.debug, .monitors]),
        // TCPAC and TFP; with E2H, TCPAC and FPEN.
        .init(
            "CPTR_EL2", "     11 100 0001 0001 010", .el2, .field(\.cptr), Writable(1 << 31 | 1 << 10, ones: 0x33ff),
            host: Writable(1 << 31 | 3 << 20), traps: .tcpacEL3, changes: .floatingPoint),
        .init("HSTR_EL2", "   11 100 0001 0001 011", .el2, .field(\.hstr), 0xbfef),
        .init("HACR_EL2", "   11 100 0001 0001 111", .el2, .zero),
    ]

    private static let sctlrEL2 = Writable(
        // M, A, C, SA, I, WXN
        0x8_100f, ones: 0x30c5_0830,
        [
            (1 << 6, .lse2), (1 << 21, .iesb), (1 << 13 | 1 << 27 | 3 << 30, .pauth), (1 << 36, .bti), (1 << 44, .ssbs),
        ])
    /// With the bits for EL0 that SCTLR_EL1 has, but for UMA.
    private static let sctlrEL2Host = Writable(
        0x040d_d01f, ones: 1 << 29 | 1 << 28 | 1 << 22 | 1 << 20 | 1 << 11 | 1 << 8 | 1 << 7,
        [
            (1 << 6, .lse2), (1 << 10, .specres), (1 << 20, .csv2_2), (1 << 21, .iesb), (1 << 23, .pan),
            (1 << 13 | 1 << 27 | 3 << 30, .pauth), (3 << 35, .bti), (1 << 44, .ssbs), (1 << 57, .pan3),
        ])
    /// RW is 1: EL1 has AArch64 alone. HCD is there where EL3 is not.
    private static let hcr = Writable(
        0x3_7fff_ffff, ones: 1 << 31,
        [
            (1 << 34, .vhe), (1 << 35, .lor), (3 << 36, .ras), (3 << 40, .pauth), (1 << 46, .s2fwb),
            // NV, NV1, AT, NV2
            (15 << 42, .nv),
            // TID4, TICAB, TOCU, TTLBIS, TTLBOS
            (1 << 49 | 1 << 50 | 1 << 52 | 1 << 54 | 1 << 55, .evt), (1 << 53, .csv2_2),
        ]
    ).without(1 << 29, .el3)

    static let memory2: [Self] = [
        .init(
            "TTBR0_EL2", " 11 100 0010 0000 000", .el2, .element(\.ttbr0, 2), Writable(0xffff_ffff_fffe, [(1, .ttcnp)]),
            host: ttbr, changes: .translation),
        .init(
            "TTBR1_EL2", " 11 100 0010 0000 001", .el2, .element(\.ttbr1, 2), ttbr, .vhe,
            changes: .translation),
        .init(
            "TCR_EL2", "   11 100 0010 0000 010", .el2, .element(\.tcr, 2), tcrEL2, host: tcrEL1, changes: .translation),
        .init(
            "VTTBR_EL2", " 11 100 0010 0001 000", .el2, .field(\.vttbr),
            Writable(0x00ff_ffff_ffff_fffe, [(0xff << 56, .vmid16), (1, .ttcnp)]), changes: .translation,
            translatesEL2: 0),
        .init(
            "VTCR_EL2", "  11 100 0010 0001 010", .el2, .field(\.vtcr),
            // T0SZ, SL0, IRGN0, ORGN0, SH0, TG0, PS; DS, SL2
            Writable(
                0x7_ffff, ones: 1 << 31, [(1 << 19, .vmid16), (3 << 21, .hafdbs), (15 << 25, .hpds2), (3 << 32, .lpa2)]),
            changes: .translation, translatesEL2: 0),
        .init("MAIR_EL2", "  11 100 1010 0010 000", .el2, .element(\.mair, 2), changes: .translation),
        .init("AMAIR_EL2", " 11 100 1010 0011 000", .el2, .zero),
        .init("DACR32_EL2", "11 100 0011 0000 000", .el2, .field(\.dacr32), .word),
    ]

    private static let tcrEL2 = Writable(
        // T0SZ, IRGN0, ORGN0, SH0, TG0, PS, TBI; DS
        0x17_ff3f, ones: 1 << 31 | 1 << 23,
        [(3 << 21, .hafdbs), (1 << 24, .hpds), (15 << 25, .hpds2), (1 << 29, .pauth), (1 << 32, .lpa2)])

    static let exceptions2: [Self] = [
        .init("SPSR_EL2", "   11 100 0100 0000 000", .el2, .element(\.spsr, 2), savedState),
        .init("ELR_EL2", "    11 100 0100 0000 001", .el2, .element(\.elr, 2)),
        .init("SP_EL1", "     11 100 0100 0001 000", .el2, .element(\.sp, 1)),
        .init("SPSR_irq", "   11 100 0100 0011 000", .el2, .zero),
        .init("SPSR_abt", "   11 100 0100 0011 001", .el2, .zero),
        .init("SPSR_und", "   11 100 0100 0011 010", .el2, .zero),
        .init("SPSR_fiq", "   11 100 0100 0011 011", .el2, .zero),
        .init("IFSR32_EL2", " 11 100 0101 0000 001", .el2, .field(\.ifsr32), .word),
        .init("AFSR0_EL2", "  11 100 0101 0001 000", .el2, .zero),
        .init("AFSR1_EL2", "  11 100 0101 0001 001", .el2, .zero),
        .init("ESR_EL2", "    11 100 0101 0010 000", .el2, .element(\.esr, 2), .word),
        // IDS and ISS
        .init("VSESR_EL2", "  11 100 0101 0010 011", .el2, .field(\.vsesr), 0x1ff_ffff, .ras),
        .init(
            "FPEXC32_EL2", "  11 100 0101 0011 000", .el2, .field(\.fpexc32), .word, control: .floatingPoint),
        .init("FAR_EL2", "    11 100 0110 0000 000", .el2, .element(\.far, 2)),
        // FIPA
        .init(
            "HPFAR_EL2", "  11 100 0110 0000 100", .el2, .field(\.hpfar),
            Writable(0xff_ffff_fff0, [(15 << 40, .lpa)])),
        .init("VBAR_EL2", "   11 100 1100 0000 000", .el2, .element(\.vbar, 2), Writable(~0x7ff)),
        .init(
            "RVBAR_EL2", "  11 100 1100 0000 001", .readEL2, .zero, exists: { $0.features.highestLevel == 2 }),
        .init(
            "VDISR_EL2", "    11 100 1100 0001 001", .el2, .field(\.vdisr), deferredError, .ras),
        .init(
            "CONTEXTIDR_EL2", "11 100 1101 0000 001", .el2, .element(\.contextidr, 2), .word, .vhe),
        .init("TPIDR_EL2", "  11 100 1101 0000 010", .el2, .element(\.tpidr, 2)),
        .init(
            "SCXTNUM_EL2", "11 100 1101 0000 111", .el2, .field(\.scxtnumEL2), .all, .csv2_2, traps: .enSCXTEL3),
    ]

    static let aliases: [Self] = [
        .alias("SCTLR_EL12", "     11 101 0001 0000 000", "SCTLR_EL1"),
        .alias("CPACR_EL12", "     11 101 0001 0000 010", "CPACR_EL1", traps: .tcpacEL3),
        .alias("TTBR0_EL12", "     11 101 0010 0000 000", "TTBR0_EL1"),
        .alias("TTBR1_EL12", "     11 101 0010 0000 001", "TTBR1_EL1"),
        .alias("TCR_EL12", "       11 101 0010 0000 010", "TCR_EL1"),
        .alias("SPSR_EL12", "      11 101 0100 0000 000", "SPSR_EL1"),
        .alias("ELR_EL12", "       11 101 0100 0000 001", "ELR_EL1"),
        .alias("AFSR0_EL12", "     11 101 0101 0001 000", "AFSR0_EL1"),
        .alias("AFSR1_EL12", "     11 101 0101 0001 001", "AFSR1_EL1"),
        .alias("ESR_EL12", "       11 101 0101 0010 000", "ESR_EL1"),
        .alias("FAR_EL12", "       11 101 0110 0000 000", "FAR_EL1"),
        .alias("MAIR_EL12", "      11 101 1010 0010 000", "MAIR_EL1"),
        .alias("AMAIR_EL12", "     11 101 1010 0011 000", "AMAIR_EL1"),
        .alias("VBAR_EL12", "      11 101 1100 0000 000", "VBAR_EL1"),
        .alias("CONTEXTIDR_EL12", "11 101 1101 0000 001", "CONTEXTIDR_EL1"),
        .alias("SCXTNUM_EL12", "   11 101 1101 0000 111", "SCXTNUM_EL1", .csv2_2, traps: .enSCXTEL3),
        .alias("CNTKCTL_EL12", "   11 101 1110 0001 000", "CNTKCTL_EL1"),
        .alias("CNTP_TVAL_EL02", " 11 101 1110 0010 000", "CNTP_TVAL_EL0"),
        .alias("CNTP_CTL_EL02", "  11 101 1110 0010 001", "CNTP_CTL_EL0"),
        .alias("CNTP_CVAL_EL02", " 11 101 1110 0010 010", "CNTP_CVAL_EL0"),
        .alias("CNTV_TVAL_EL02", " 11 101 1110 0011 000", "CNTV_TVAL_EL0"),
        .alias("CNTV_CTL_EL02", "  11 101 1110 0011 001", "CNTV_CTL_EL0"),
        .alias("CNTV_CVAL_EL02", " 11 101 1110 0011 010", "CNTV_CVAL_EL0"),
    ]
}
