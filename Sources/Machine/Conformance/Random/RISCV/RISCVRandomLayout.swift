/// Where things lie in a random program (``RISCVRandomProgram``), in guest memory and in the record of a block.
enum RISCVRandomLayout {
    static let code: UInt64 = 0x8000_0000
    /// Live tables, a page each: S root, S middle, S windows; VS the same; G middle, G windows; then the G root (16 KiB).
    static let tables: UInt64 = 0x8001_0000
    static let supervisorRoot = tables
    static let supervisorMiddle = tables + 0x1000
    static let supervisorWindows = tables + 0x2000
    static let guestRoot = tables + 0x3000
    static let guestMiddle = tables + 0x4000
    static let guestWindows = tables + 0x5000
    static let secondStageMiddle = tables + 0x6000
    static let secondStageWindows = tables + 0x7000
    static let secondStageRoot = tables + 0x8000
    /// What the three window tables are set to before each block, 16 entries each.
    static let pristine = tables + 0xc000
    /// Roots of more levels, whose first entries lead to those above.
    static let supervisorRoots = [supervisorRoot, tables + 0xd000, tables + 0xe000]
    static let guestRoots = [guestRoot, tables + 0xf000, tables + 0x1_0000]
    static let secondStageRoots = [secondStageRoot, tables + 0x1_4000, tables + 0x1_8000]
    static let state: UInt64 = 0x8003_0000
    /// Pages that blocks load from and store to.
    static let scratch: UInt64 = 0x8004_0000
    static let scratchPages: UInt64 = 8
    static let blocks: UInt64 = 0x8010_0000

    /// Virtual addresses of the windows, and guest-physical addresses of the second stage's. Nothing is there physically.
    static let windows: UInt64 = 0x1_0000_0000
    static let secondStageWindow: UInt64 = 0x1_4000_0000
    static let windowCount: UInt64 = 16
    /// U-mode sees all of memory this much higher, in pages of its own.
    static let userAlias: UInt64 = 0x4000_0000

    // MARK: The record of a block: doublewords from `state`

    static let floatRegisters = 32
    static let fcsr = 64
    static let memoryHash = 65
    static let trapCount = 66
    /// 1 when the block left its own code.
    static let lost = 67
    static let log = 68
    static let logEntries = 16
    /// Cause, pc, value, guest-physical address, instruction, levels.
    static let logFields = 6
    static let recordLength = log + logEntries * logFields

    // Then what the driver keeps.
    static let current = 176
    static let start = 177
    static let end = 178
    static let saveMachine = 180
    static let saveSupervisor = 190
    static let saveGuest = 200
    /// What instret was when a handler began, and how many instructions were handlers' so far.
    static let handlerStart = 206
    static let handlerCount = 207
    /// The first two bytes of the instruction that trapped.
    static let instruction = 208

    // MARK: The descriptor of a block: doublewords

    enum Field: Int, CaseIterable {
        case next, programCounter, start, end, mstatus, vsstatus, hstatus, medeleg, hedeleg, satp, vsatp, hgatp, fcsr,
            seed
        static let registers = Field.allCases.count
        static let length = registers + 32 + 32
    }

    /// How far from a page's edges blocks reach: what is filled before and summed up after each.
    static let reach: Int64 = 256
}
