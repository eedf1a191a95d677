/// What a CPU counts for who runs it, and no guest sees.
public struct ProcessorStatistics: Sendable {
    public var interrupts: UInt64 = 0
    public var tlbMisses: UInt64 = 0
    public var deviceAccesses: UInt64 = 0
    public var fetchMisses: UInt64 = 0

    package init() {}
}
