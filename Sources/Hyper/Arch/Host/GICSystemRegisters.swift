/// A GICv3's CPU interface for the unit tests of what uses it: what is written is kept.
public enum GICSystemRegisters {
    // SAFETY: of the fake machine's one thread.
    nonisolated(unsafe) public static var lists = InlineArray<16, UInt64>(repeating: 0)
    nonisolated(unsafe) public static var control: UInt64 = 0
    nonisolated(unsafe) public static var machine: UInt64 = 0
    nonisolated(unsafe) public static var active = InlineArray<4, UInt64>(repeating: 0)
    /// ICH_VTR_EL2: how many list registers there are, less one, and bits of priorities.
    nonisolated(unsafe) public static var type: UInt64 = 4 << 29 | 4 << 26 | 3
    /// What is to be acknowledged, and what was completed and sent.
    nonisolated(unsafe) public static var pending: [UInt64] = []
    nonisolated(unsafe) public static var dropped: [UInt64] = []
    nonisolated(unsafe) public static var deactivated: [UInt64] = []
    nonisolated(unsafe) public static var sent: [UInt64] = []

    static func start() {}
    static func stop() {}
    static func acknowledge() -> UInt64 { pending.isEmpty ? 1023 : pending.removeFirst() }
    static func dropPriority(_ value: UInt64) { dropped.append(value) }
    static func deactivate(_ value: UInt64) { deactivated.append(value) }
    static func send(_ value: UInt64) { sent.append(value) }
    static func virtualType() -> UInt64 { type }
    static func setVirtualControl(_ value: UInt64) { control = value }
    static func emptyLists() -> UInt64 {
        (0..<Int(type & 31) + 1).reduce(0) { $0 | (lists[$1] >> 62 == 0 ? 1 << UInt64($1) : 0) }
    }
    static func virtualMachine() -> UInt64 { machine }
    static func setVirtualMachine(_ value: UInt64) { machine = value }
    static func activePriorities(_ index: Int) -> UInt64 { active[index] }
    static func setActivePriorities(_ index: Int, _ value: UInt64) { active[index] = value }
    static func list(_ index: Int) -> UInt64 { lists[index] }
    static func setList(_ index: Int, _ value: UInt64) { lists[index] = value }
}
