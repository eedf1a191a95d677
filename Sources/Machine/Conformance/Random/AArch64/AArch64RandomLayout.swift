/// Where things lie in a random program for AArch64 (``AArch64RandomProgram``), in guest memory and in the record of a
/// block.
enum AArch64RandomLayout {
    static let code: UInt64 = 0x4020_0000
    static let state: UInt64 = 0x4024_0000
    /// Pages that blocks load from and store to, of the program's granule.
    static let scratch: UInt64 = 0x4026_0000
    static let scratchPages: UInt64 = 8
    /// See ``AArch64RandomGranule``.
    static let tables: UInt64 = 0x4030_0000
    /// Beyond the reach of a literal's load from what differs between emulators.
    static let blocks: UInt64 = 0x4060_0000

    /// Virtual addresses of the windows, and intermediate addresses of the second stage's. Nothing is there physically.
    static let windows: UInt64 = 0x1_0000_0000
    static let secondStageWindow: UInt64 = 0x1_4000_0000
    static let windowCount: UInt64 = 16
    /// EL0 sees all of memory this much higher, in pages of its own.
    static let userAlias: UInt64 = 0x4000_0000

    // MARK: The record of a block: doublewords from `state`

    /// X0 to X30, then SP_EL0, SP_EL1 and SP_EL2; SP_EL3 is behind the system registers.
    static let stackPointers = 31
    /// V0 to V31, two doublewords each.
    static let vectors = 34
    static let finalState = 98
    static let memoryHash = 99
    static let exceptionCount = 100
    /// 1 when the block left its own code.
    static let lost = 101
    static let systemRegisters = 102
    static let stackPointer3 = systemRegisters + recordedRegisters.count
    static let log = stackPointer3 + 1
    static let logEntries = 16
    /// ESR, ELR, FAR, HPFAR, SPSR, and the level with the vector.
    static let logFields = 6
    /// The entries of the three window tables.
    static let windowEntries = log + logEntries * logFields
    static let recordLength = windowEntries + 3 * Int(windowCount)

    // Then what the driver keeps.
    static let current = 320
    static let start = 321
    static let end = 322
    static let save = 324
    static let handlerStart = 340
    static let handlerCount = 341

    // MARK: The descriptor of a block: doublewords

    enum Field: Int, CaseIterable {
        case next, start, end, seed, hcr, stackPointer2, stackPointer3
        static let systemRegisters = Field.allCases.count
        static let registers = systemRegisters + AArch64RandomLayout.givenRegisters.count
        static let vectors = registers + 31
        static let length = vectors + 64
    }

    /// What a block begins with, in the order of writing: those of EL1 and EL0 before HCR_EL2, then those of EL2.
    static let givenRegisters1 = [
        "SCTLR_EL1", "TCR_EL1", "TTBR0_EL1", "TTBR1_EL1", "MAIR_EL1", "CPACR_EL1", "CONTEXTIDR_EL1", "TPIDR_EL0",
        "TPIDRRO_EL0", "TPIDR_EL1", "ESR_EL1", "FAR_EL1", "ELR_EL1", "SPSR_EL1", "PAR_EL1", "SP_EL0", "CSSELR_EL1",
        "CNTKCTL_EL1", "PMUSERENR_EL0", "MDSCR_EL1", "VBAR_EL1", "FPCR", "FPSR", "SP_EL1", "VTCR_EL2", "VTTBR_EL2",
        "HSTR_EL2", "MDCR_EL2", "VPIDR_EL2", "VMPIDR_EL2", "HPFAR_EL2", "FAR_EL2", "ESR_EL2",
    ]
    static let givenRegisters2 = [
        "CPTR_EL2", "TCR_EL2", "TTBR0_EL2", "MAIR_EL2", "CNTHCTL_EL2", "TPIDR_EL2", "ELR_EL2", "SPSR_EL2", "SCTLR_EL2",
    ]
    /// Those of EL3, where programs are entered there.
    static let givenRegisters3 = [
        "SCR_EL3", "CPTR_EL3", "MDCR_EL3", "TCR_EL3", "TTBR0_EL3", "MAIR_EL3", "ELR_EL3", "SPSR_EL3", "SCTLR_EL3",
    ]
    static let givenRegisters = givenRegisters1 + givenRegisters2 + givenRegisters3

    /// What is left at a block's end, in the order of reading. The driver sets the first ones for itself then.
    static let recordedRegisters2 = [
        "CPTR_EL2", "SCTLR_EL2", "TCR_EL2", "TTBR0_EL2", "MAIR_EL2", "CNTHCTL_EL2", "HCR_EL2", "FPCR", "FPSR",
        "SCTLR_EL1", "TCR_EL1", "TTBR0_EL1", "TTBR1_EL1", "MAIR_EL1",
        "CPACR_EL1", "CONTEXTIDR_EL1", "TPIDR_EL0", "TPIDRRO_EL0", "TPIDR_EL1", "ESR_EL1", "FAR_EL1", "ELR_EL1",
        "SPSR_EL1", "PAR_EL1", "CSSELR_EL1", "CNTKCTL_EL1", "PMUSERENR_EL0", "MDSCR_EL1", "VTCR_EL2", "VTTBR_EL2",
        "HSTR_EL2", "MDCR_EL2", "VPIDR_EL2", "VMPIDR_EL2",
    ]
    /// The last ones, which stay 0 where there is no EL3.
    static let recordedRegisters3 = [
        "SCTLR_EL3", "CPTR_EL3", "SCR_EL3", "TCR_EL3", "TTBR0_EL3", "MAIR_EL3", "MDCR_EL3",
    ]
    static let recordedRegisters = recordedRegisters2 + recordedRegisters3

    /// How far from a page's edges blocks reach: what is filled before and summed up after each.
    static let reach: Int64 = 256
}
