/// What is kept of a run, and what its tables have.
extension RunEvents {
    /// What is kept of single things.
    public struct Limits: Sendable {
        public var events = 1_000_000
        public var segments = 1_000_000
        public var lines = 100_000
        /// Only what happens in these nanoseconds is kept.
        public var window: ClosedRange<UInt64> = 0...UInt64.max
        /// Kinds of events that are kept.
        public var kinds = Set(RunEvent.Kind.allCases)

        public init() {}
    }

    /// What is not kept, since there was more than the limits allow.
    public struct LeftOut: Equatable, Sendable {
        public var events: UInt64 = 0
        public var segments: UInt64 = 0
        public var lines: UInt64 = 0
        /// From which time on.
        public var since: UInt64?

        public var isEmpty: Bool { events == 0 && segments == 0 && lines == 0 }

        mutating func note(_ place: WritableKeyPath<LeftOut, UInt64>, _ time: UInt64) {
            self[keyPath: place] += 1
            since = min(since ?? time, time)
        }
    }

    /// How long exceptions and interrupts of one kind took.
    public struct Latencies: Sendable {
        public let kind: RunEvent.Kind
        public let name: String
        /// The level that takes them, and the guest whose it is.
        public let level: String
        public let guest: UInt64?
        public internal(set) var count: UInt64 = 0
        /// From pending to taken, of those whose beginning was seen.
        public internal(set) var pending = Distribution()
        /// From taken to the handler's return.
        public internal(set) var handling = Distribution()
    }

    /// One interrupt, as its controller knows it.
    public struct Interrupt: Sendable {
        public let acknowledgement: InterruptAcknowledgement
        /// The node of the device tree whose it is; nil where it is not known.
        public let device: String?
        /// The level that acknowledged it, and the guest whose that was.
        public let level: String
        public let guest: UInt64?
        public internal(set) var count: UInt64 = 0
        /// From when the CPU's line was raised until it was acknowledged, of the first one in each handler.
        public internal(set) var raised = Distribution()
        /// From when the CPU took it until its handler returned, of the same.
        public internal(set) var handling = Distribution()
    }

    /// Where a CPU waited.
    public struct WaitPlace: Sendable {
        public let processor: Int
        public let owner: Int
        /// `waits (wfi)`.
        public let name: String
        public let programCounter: UInt64
        public internal(set) var time = Distribution()
    }

    /// What of a CPU's time and instructions somebody had.
    public struct Share: Sendable {
        public internal(set) var time: UInt64 = 0
        public internal(set) var instructions: UInt64 = 0
    }
}
