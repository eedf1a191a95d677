import ISA

/// The registers of the generic timers, of the performance monitors and of debug (D19.3 to D19.12), and those that CPUs
/// have for themselves.
extension AArch64.SystemRegister {
    private typealias Timer = AArch64.GenericTimer

    private static func value(_ timer: Timer) -> Storage { .computed(.timerValue, timer.rawValue) }
    private static func control(_ timer: Timer) -> Storage { .computed(.timerControl, timer.rawValue) }
    private static func compare(_ timer: Timer) -> Storage { .computed(.timerCompare, timer.rawValue) }

    static let timers: [Self] = [
        //     name             op0 op1  CRn  CRm op2
        .init(
            "CNTKCTL_EL1", "    11 000 1110 0001 000", .el1, .field(\.cntkctl), 0x3ff, atEL2: "CNTHCTL_EL2"),
        .init(
            "CNTFRQ_EL0", "     11 011 1110 0000 000", .readEL0WriteHighest, .field(\.cntfrq), .word,
            control: .counterFrequency),
        .init("CNTPCT_EL0", "   11 011 1110 0000 001", .readEL0, .computed(.physicalCount), control: .physicalCounter),
        .init("CNTVCT_EL0", "   11 011 1110 0000 010", .readEL0, .computed(.virtualCount), control: .virtualCounter),
        .init(
            "CNTP_TVAL_EL0", "  11 011 1110 0010 000", .el0, value(.physical), control: .physicalTimer,
            atEL2: "CNTHP_TVAL_EL2"),
        .init(
            "CNTP_CTL_EL0", "   11 011 1110 0010 001", .el0, control(.physical), control: .physicalTimer,
            atEL2: "CNTHP_CTL_EL2"),
        .init(
            "CNTP_CVAL_EL0", "  11 011 1110 0010 010", .el0, compare(.physical), control: .physicalTimer,
            atEL2: "CNTHP_CVAL_EL2"),
        .init(
            "CNTV_TVAL_EL0", "  11 011 1110 0011 000", .el0, value(.virtual), control: .virtualTimer,
            atEL2: "CNTHV_TVAL_EL2"),
        .init(
            "CNTV_CTL_EL0", "   11 011 1110 0011 001", .el0, control(.virtual), control: .virtualTimer,
            atEL2: "CNTHV_CTL_EL2"),
        .init(
            "CNTV_CVAL_EL0", "  11 011 1110 0011 010", .el0, compare(.virtual), control: .virtualTimer,
            atEL2: "CNTHV_CVAL_EL2"),
        .init("CNTVOFF_EL2", "  11 100 1110 0000 011", .el2, .field(\.cntvoff), changes: .timers),
        // EL1PCTEN, EL1PCEN and the event stream; with E2H, what EL0 and EL1 may do as well.
        .init(
            "CNTHCTL_EL2", "    11 100 1110 0001 000", .el2, .field(\.cnthctl), 0xff, host: 0xfff),
        .init("CNTHP_TVAL_EL2", "11 100 1110 0010 000", .el2, value(.hypervisor)),
        .init("CNTHP_CTL_EL2", "11 100 1110 0010 001", .el2, control(.hypervisor)),
        .init("CNTHP_CVAL_EL2", "11 100 1110 0010 010", .el2, compare(.hypervisor)),
        .init("CNTHV_TVAL_EL2", "11 100 1110 0011 000", .el2, value(.hypervisorVirtual), .all, .vhe),
        .init("CNTHV_CTL_EL2", "11 100 1110 0011 001", .el2, control(.hypervisorVirtual), .all, .vhe),
        .init("CNTHV_CVAL_EL2", "11 100 1110 0011 010", .el2, compare(.hypervisorVirtual), .all, .vhe),
    ]

    static let monitors: [Self] =
        [
            monitor("PMCR_EL0", "      11 011 1001 1100 000", .el0, .pmcr, traps: [.tpm, .tpmcr, .el0]),
            monitor("PMCNTENSET_EL0", "11 011 1001 1100 001", .el0, .pmcntenset),
            monitor("PMCNTENCLR_EL0", "11 011 1001 1100 010", .el0, .pmcntenclr),
            monitor("PMOVSCLR_EL0", "  11 011 1001 1100 011", .el0, .pmovsclr),
            monitor("PMSWINC_EL0", "   11 011 1001 1100 100", .writeEL0, .pmswinc, control: .softwareIncrement),
            monitor("PMSELR_EL0", "    11 011 1001 1100 101", .el0, .pmselr, control: .monitorSelection),
            monitor("PMCEID0_EL0", "   11 011 1001 1100 110", .readEL0, .pmceid0),
            monitor("PMCEID1_EL0", "   11 011 1001 1100 111", .readEL0, .pmceid1),
            monitor("PMCCNTR_EL0", "   11 011 1001 1101 000", .el0, .pmccntr, control: .cycleCounter),
            monitor("PMXEVTYPER_EL0", "11 011 1001 1101 001", .el0, .pmxevtyper),
            monitor("PMXEVCNTR_EL0", " 11 011 1001 1101 010", .el0, .pmxevcntr, control: .eventCounters),
            .init(
                "PMUSERENR_EL0", "     11 011 1001 1110 000", .readEL0WriteEL1, .field(\.pmuserenr), 0xf, .pmuv3,
                traps: [.tpm, .el0]),
            monitor("PMOVSSET_EL0", "  11 011 1001 1110 011", .el0, .pmovsset),
            .init(
                "PMINTENSET_EL1", "    11 000 1001 1110 001", .el1, .computed(.pmintenset), .all, .pmuv3, traps: .tpm),
            .init(
                "PMINTENCLR_EL1", "    11 000 1001 1110 010", .el1, .computed(.pmintenclr), .all, .pmuv3, traps: .tpm),
            .init("PMMIR_EL1", "       11 000 1001 1110 110", .readEL1, .zero, .none, .pmuv3p4, traps: .tpm),
            monitor("PMCCFILTR_EL0", " 11 011 1110 1111 111", .el0, .pmccfiltr),
        ]
        + (0..<31).flatMap { (number: UInt16) -> [Self] in
            let exists: @Sendable (AArch64.CPUModel) -> Bool = { number < $0.eventCounters }
            let row = number >> 3
            return [
                .init(
                    "PMEVCNTR<n>_EL0", key: key(3, 3, 14, 8 + row, number & 7), .el0,
                    .computed(.pmevcntr, Int(number)), .all, .pmuv3, exists: exists, traps: [.tpm, .el0],
                    control: .eventCounters),
                .init(
                    "PMEVTYPER<n>_EL0", key: key(3, 3, 14, 12 + row, number & 7), .el0,
                    .computed(.pmevtyper, Int(number)), .all, .pmuv3, exists: exists, traps: [.tpm, .el0],
                    control: .monitors),
            ]
        }

    private static func monitor(
        _ name: StaticString, _ encoding: StaticString, _ access: Access, _ function: Computed,
        traps: Traps = [.tpm, .el0], control: Control = .monitors
    ) -> Self {
        .init(name, encoding, access, .computed(function), .all, .pmuv3, traps: traps, control: control)
    }

    /// There is no external debugger: its channel is empty, and what is written to it is gone.
    static let debug: [Self] =
        [
            .init("OSDTRRX_EL1", "      10 000 0000 0000 010", .el1, .field(\.osdtrrx), .word, traps: .tda),
            .init("MDCCINT_EL1", "      10 000 0000 0010 000", .el1, .field(\.mdccint), Writable(3 << 29), traps: .tda),
            .init(
                "MDSCR_EL1", "          10 000 0000 0010 010", .el1, .field(\.mdscr),
                // SS; TDCC, KDE, HDE, MDE; and what is kept for an external debugger: ERR, TDA, INTdis, TXU, RXO, TXfull,
                // RXfull
                0x6ce0_f041, traps: .tda, changes: .debug),
            .init("OSDTRTX_EL1", "      10 000 0000 0011 010", .el1, .field(\.osdtrtx), .word, traps: .tda),
            .init("OSECCR_EL1", "       10 000 0000 0110 010", .el1, .field(\.oseccr), .word, traps: .tda),
            .init("MDRAR_EL1", "        10 000 0001 0000 000", .readEL1, .zero, traps: .tdra),
            .init("OSLAR_EL1", "        10 000 0001 0000 100", .writeEL1, .computed(.oslar), traps: .tdosa),
            .init("OSLSR_EL1", "        10 000 0001 0001 100", .readEL1, .computed(.oslsr), traps: .tdosa),
            .init(
                "OSDLR_EL1", "          10 000 0001 0011 100", .el1, .field(\.osDoubleLock), 1, traps: .tdosa,
                changes: .debug),
            .init(
                "DBGPRCR_EL1", "      10 000 0001 0100 100", .el1, .field(\.dbgprcr), 1, traps: .tdosa,
                changes: .debug),
            .init("DBGCLAIMSET_EL1", "  10 000 0111 1000 110", .el1, .computed(.claimSet), traps: .tda),
            .init("DBGCLAIMCLR_EL1", "  10 000 0111 1001 110", .el1, .computed(.claimClear), traps: .tda),
            .init("DBGAUTHSTATUS_EL1", "10 000 0111 1110 110", .readEL1, .computed(.debugAuthentication), traps: .tda),
            .init(
                "MDCCSR_EL0", "         10 011 0000 0001 000", .readEL0, .zero, traps: [.tda, .el0],
                control: .communications),
            .init(
                "DBGDTR_EL0", "         10 011 0000 0100 000", .el0, .zero, traps: [.tda, .el0],
                control: .communications),
            .init(
                "DBGDTR<R>X_EL0", "     10 011 0000 0101 000", .el0, .zero, traps: [.tda, .el0],
                control: .communications),
            .init("DBGVCR32_EL2", "     10 100 0000 0111 000", .el2, .zero),
        ]
        + (0..<16).flatMap { (number: UInt16) -> [Self] in
            let breaks: @Sendable (AArch64.CPUModel) -> Bool = { number < $0.breakpoints }
            let watches: @Sendable (AArch64.CPUModel) -> Bool = { number < $0.watchpoints }
            return [
                .init(
                    "DBGBVR<n>_EL1", key: key(2, 0, 0, number, 4), .el1, .element(\.dbgbvr, Int(number)),
                    exists: breaks, traps: .tda, changes: .debug),
                // E, PMC, HMC, SSC, LBN, BT; BAS is 0b1111 without AArch32.
                .init(
                    "DBGBCR<n>_EL1", key: key(2, 0, 0, number, 5), .el1, .element(\.dbgbcr, Int(number)),
                    Writable(0xff_e007, ones: 0x1e0), exists: breaks, traps: .tda, changes: .debug),
                .init(
                    "DBGWVR<n>_EL1", key: key(2, 0, 0, number, 6), .el1, .element(\.dbgwvr, Int(number)),
                    Writable(~3), exists: watches, traps: .tda, changes: .debug),
                // E, PAC, LSC, BAS, HMC, SSC, LBN, WT, MASK
                .init(
                    "DBGWCR<n>_EL1", key: key(2, 0, 0, number, 7), .el1, .element(\.dbgwcr, Int(number)), 0x1f1f_ffff,
                    exists: watches, traps: .tda, changes: .debug),
            ]
        }

    /// Registers in the space for those that are IMPLEMENTATION DEFINED (C5, "Reserved control space"), which boot code
    /// for those CPUs reads and writes. Here they do nothing.
    static let implementationDefined: [Self] =
        [
            // Cortex-A53, A57 and A72 Technical Reference Manuals: L2CTLR, L2ECTLR, L2ACTLR, CPUACTLR, CPUECTLR, CPUMERRSR,
            // L2MERRSR, CBAR
            own("11 001 1011 0000 010", .cortexA), own("11 001 1011 0000 011", .cortexA),
            own("11 001 1111 0000 000", .cortexA), own("11 001 1111 0010 000", .cortexA),
            own("11 001 1111 0010 001", .cortexA), own("11 001 1111 0010 010", .cortexA),
            own("11 001 1111 0010 011", .cortexA), own("11 001 1111 0011 000", .cortexA, .readEL1),
            // Neoverse N1 Technical Reference Manual: CPUCFR, CPUACTLR, CPUACTLR2, CPUACTLR3, CPUECTLR, CPUPWRCTLR; ATCR and
            // AVTCR
            own("11 000 1111 0000 000", .neoverse, .readEL1), own("11 000 1111 0001 000", .neoverse),
            own("11 000 1111 0001 001", .neoverse), own("11 000 1111 0001 010", .neoverse),
            own("11 000 1111 0001 100", .neoverse), own("11 000 1111 0010 111", .neoverse),
            own("11 000 1111 0111 000", .neoverse), own("11 100 1111 0111 000", .neoverse, .el2),
            own("11 100 1111 0111 001", .neoverse, .el2),
        ]

    private static func own(
        _ encoding: StaticString, _ designer: AArch64.CPUModel.Designer, _ access: Access = .el1
    ) -> Self {
        .init("S3_<op1>_<Cn>_<Cm>_<op2>", encoding, access, .zero, exists: { $0.designer == designer })
    }
}
