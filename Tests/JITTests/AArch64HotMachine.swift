import ISA

@testable import AArch64ISA

/// A machine that runs hot programs: its pages are where they are in memory, but for two that are exchanged and one that is
/// missing. All of it is there once more, as one block.
struct AArch64HotMachine {
    private static let base = AArch64TestMachine.base
    /// Two pages of EL1's.
    static let data = base + 0x9000
    /// EL0's, to read and write, and to read alone.
    static let user = base + 0xb000
    static let readOnly = base + 0xc000
    /// There is none.
    static let unmapped = base + 0xd000
    /// Device memory, with the access flag clear.
    static let strict = base + 0x7000
    /// Each of the two lies where the other would.
    static let swapped = base + 0xe000
    /// From a page to where the block has it.
    static let block: UInt64 = 2 << 20
    private static let tables = base + 0x4000
    /// Where the descriptor of `strict` is, and what it is: AttrIndx 1.
    static let strictPlace = tables + 0x2000 + 8 * 7
    static let strictAttributes: UInt64 = 0x307

    let machine: AArch64TestMachine
    private let program: AArch64HotProgram

    init(_ program: AArch64HotProgram, translates: Bool) throws {
        self.program = program
        machine = try AArch64TestMachine(translates: translates)
        machine.write(program.words, at: program.address)
        // The vectors of EL1 for its own exceptions and EL0's, and of EL2 for EL1's (D1.10.2).
        for offset: UInt64 in [0x200, 0x400] { machine.write(Self.handler, at: AArch64TestMachine.vectors + offset) }
        machine.write(Self.hypervisorHandler, at: AArch64TestMachine.vectors + 0x800 + 0x400)
        // Level 1, 2 and 3 of the 4 GiB that TCR_EL1.T0SZ leaves (D5.2, D5.3).
        write([Self.tables + 0x1000 | 3], at: Self.tables + 8)
        write([Self.tables + 0x2000 | 3, Self.base | 0x701], at: Self.tables + 0x1000)
        write((0..<16).map(descriptor), at: Self.tables + 0x2000)
        restart()
    }

    private func write(_ doublewords: [UInt64], at address: UInt64) {
        var doublewords = doublewords
        _ = machine.memory.write(address, from: &doublewords, count: 8 * doublewords.count)
    }

    /// Of a page, by its number: AF, inner shareable, and AP (D5.3.3).
    private func descriptor(_ page: UInt64) -> UInt64 {
        let (all, readOnly): (UInt64, UInt64) = (1 << 6, 3 << 6)
        let address = Self.base + page << 12
        switch address {
        case Self.unmapped: return 0
        case Self.user: return address | 0x703 | all
        case Self.readOnly: return address | 0x703 | readOnly
        case Self.strict: return address | Self.strictAttributes
        case Self.swapped, Self.swapped + 0x1000: return (address ^ 0x1000) | 0x703
        // What EL0 may write, EL1 may not execute.
        case AArch64TestMachine.code where program.isForUser: return address | 0x703 | readOnly
        default: return address | 0x703
        }
    }

    /// Brings the CPU and the data to where they were, and leaves the code and what was made of it.
    func restart() {
        for page in stride(from: Self.data, to: Self.base + AArch64TestMachine.size, by: 4096) {
            write((0..<512).map { page + 8 * $0 }, at: page)
        }
        for (address, word) in program.memory { write([word], at: address) }
        let element = machine.element!
        element.reset()
        element.setMode(AArch64.PSTATE.el1h)
        let state = element.state
        state.pointee.vbar[1] = AArch64TestMachine.vectors
        state.pointee.vbar[2] = AArch64TestMachine.vectors + 0x800
        state.pointee.hcr = 1 << 31
        // One granule of 4 KiB, 32 bits by TTBR0, none by TTBR1; HA; normal memory, and of the strictest device; what is reserved as one, I, C and M.
        state.pointee.tcr[1] = 32 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 1 << 39
        state.pointee.mair[1] = 0xff
        state.pointee.ttbr0[1] = Self.tables
        state.pointee.sctlr[1] = 0x30d0_0800 | 0x1005
        element.contextChanged()
        let core = element.core
        for register in 0..<31 { core.pointee.registers[register] = program.registers[register] ?? 0 }
        core.pointee.programCounter = program.address
        // Nothing has been executed.
        core.pointee.turnEnd = core.pointee.budget &+ core.pointee.withheld
        core.pointee.trapped = 0
    }

    private static let handler: [UInt32] = [
        0xd538_5216,  // mrs x22, esr_el1
        0xd35a_fed6,  // lsr x22, x22, #26
        0xf100_56df,  // cmp x22, #0x15
        0x5400_00e0,  // b.eq call
        0xd538_4037,  // mrs x23, elr_el1
        0x9100_12f7,  // add x23, x23, #4
        0xd518_4037,  // msr elr_el1, x23
        0xd538_4017,  // mrs x23, spsr_el1
        0xd35c_fef7,  // lsr x23, x23, #28
        0x8b17_02b5,  // add x21, x21, x23
        0x9100_0694,  // call: add x20, x20, #1
        0xd69f_03e0,  // eret
    ]

    private static let hypervisorHandler: [UInt32] = [
        0xd53c_5216,  // mrs x22, esr_el2
        0xd35a_fed6,  // lsr x22, x22, #26
        0x8b16_0318,  // add x24, x24, x22
        0xd69f_03e0,  // eret
    ]
}
