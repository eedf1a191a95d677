/// What makes a CPU's counter of virtual time: the counter as a whole number of nanoseconds a tick, and what it is ahead.
@frozen
public struct Timebase {
    public let nanosecondsPerTick: UInt64
    /// In ticks.
    public var offset: UInt64
    /// The latest virtual time that any CPU of the machine has read, which none may read less than any more.
    @usableFromInline let latestRead: UnsafeMutablePointer<UInt64>

    /// - Parameter latestRead: a word that lives as long as the CPUs run.
    public init(nanosecondsPerTick: UInt64, offset: UInt64 = 0, latestRead: UnsafeMutablePointer<UInt64>) {
        self.nanosecondsPerTick = nanosecondsPerTick
        self.offset = offset
        self.latestRead = latestRead
    }

    /// The counter, read at `virtualTime` by an instruction: the CPU's own time, but for what others have read.
    @inlinable @inline(__always)
    public func read(at virtualTime: UInt64) -> UInt64 {
        // SAFETY: as the initializer demands.
        let time = max(virtualTime, latestRead.pointee)
        latestRead.pointee = time
        return time / nanosecondsPerTick &+ offset
    }
}
