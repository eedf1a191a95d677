/// What the translator does beyond the plain, each to be left out by itself: to find the one that is wrong, and to measure
/// what each is worth.
public struct OptimizationSwitches: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The recorder carries out operations on constants, and leaves out neutral ones.
    public static let constants = OptimizationSwitches(rawValue: 1 << 0)
    /// The recorder does not read a register again that it knows.
    public static let forwarding = OptimizationSwitches(rawValue: 1 << 1)
    /// Sets of registers that are set again before anybody can look, and results that nobody needs, are left out.
    public static let deadSets = OptimizationSwitches(rawValue: 1 << 2)
    /// Results are computed in the register that they are for.
    public static let destinations = OptimizationSwitches(rawValue: 1 << 3)
    /// One look into the TLB serves a run of accesses off the same base.
    public static let accessGroups = OptimizationSwitches(rawValue: 1 << 4)
    /// Memory is read without a look into the TLB where nothing is translated.
    public static let directReads = OptimizationSwitches(rawValue: 1 << 5)
    /// A region has all code that can be reached within its page, and not one block.
    public static let regions = OptimizationSwitches(rawValue: 1 << 6)
    /// Floating point is computed by the host.
    public static let floats = OptimizationSwitches(rawValue: 1 << 7)
    /// Shifts to the left and back become an extension or a mask.
    public static let shiftPairs = OptimizationSwitches(rawValue: 1 << 8)
    /// A branch over one simple instruction becomes a conditional move.
    public static let conditionalMoves = OptimizationSwitches(rawValue: 1 << 9)
    /// A loop of one block is translated as several rounds.
    public static let unrolling = OptimizationSwitches(rawValue: 1 << 10)
    /// A loop has the registers that it uses most in the host's.
    public static let loopRegisters = OptimizationSwitches(rawValue: 1 << 11)
    /// Where most memory is mapped as one piece, accesses are compared with its bounds.
    public static let windows = OptimizationSwitches(rawValue: 1 << 12)
    /// Sets of vector registers are stored where somebody may look, and not where they are made.
    public static let vectorSets = OptimizationSwitches(rawValue: 1 << 13)
    /// Who goes from one block to another takes the budget of that, and keeps flags that are dead there to itself.
    public static let edgeFlags = OptimizationSwitches(rawValue: 1 << 14)
    public static let all: OptimizationSwitches = OptimizationSwitches(rawValue: (1 << 15) - 1)

    /// Their names, for users.
    public static let names: [(name: String, value: OptimizationSwitches)] = [
        ("constants", .constants), ("forwarding", .forwarding), ("dead-sets", .deadSets),
        ("destinations", .destinations), ("access-groups", .accessGroups), ("direct-reads", .directReads),
        ("regions", .regions), ("floats", .floats), ("shift-pairs", .shiftPairs),
        ("conditional-moves", .conditionalMoves), ("unrolling", .unrolling), ("loop-registers", .loopRegisters),
        ("windows", .windows), ("vector-sets", .vectorSets),
        ("edge-flags", .edgeFlags),
    ]
}
