import Glibc
import ISA

extension HotCode {
    /// What it took to translate, and how translated code was entered and left.
    public struct Statistics: Sendable {
        /// Regions made, with those that were forgotten since.
        public internal(set) var regions = 0
        /// Guest instructions in them.
        public internal(set) var instructions = 0
        /// Host code made of them, stubs included.
        public internal(set) var bytes = 0
        /// The host's time for all of that.
        public internal(set) var translationNanoseconds: UInt64 = 0
        /// Instructions that were executed in translated code, and not by the interpreter.
        public internal(set) var executed: UInt64 = 0
        /// How often the run loop was asked for the code of an address that no jump cache knew.
        public internal(set) var lookups = 0
        /// By ``X64/Exit``.
        var exitCounts = InlineArray<16, Int>(repeating: 0)
        /// How often all code was thrown away.
        public internal(set) var flushes = 0
        /// Blocks that no code could be made of, and that are interpreted.
        public internal(set) var refusals = 0
        /// How often a page of code was thrown away because the guest wrote to it.
        public internal(set) var invalidations = 0
        /// By the processor's number of the operation, how often translated code was left for one.
        var leftFor: [Int: Int] = [:]

        /// How often the run loop went into translated code.
        public var entries: Int { X64.Exit.allCases.reduce(0) { $0 + exitCounts[Int($1.rawValue)] } }

        /// How often translated code came back to the run loop, by reason.
        public var exits: [(reason: String, count: Int)] {
            X64.Exit.allCases.map { (String(describing: $0), exitCounts[Int($0.rawValue)]) }
        }

        /// What the interpreter was most often needed for, as mnemonics. Empty unless ``HotCode/countsReasons``.
        public func commonestReasons(
            _ count: Int, of processor: any TranslatableProcessor.Type
        ) -> [(mnemonic: String, count: Int)] {
            leftFor.map { (processor.mnemonic(of: $0.key), $0.value) }.sorted { ($1.1, $0.0) < ($0.1, $1.0) }
                .prefix(count).map { (mnemonic: $0.0, count: $0.1) }
        }
    }

    /// Runs `body` and adds its time to the statistics.
    func timed(_ body: () -> Void) {
        let start = Self.now
        body()
        statistics.translationNanoseconds &+= Self.now &- start
    }

    private static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Notes which instruction the processor needs the interpreter for.
    func countReason(_ processor: any TranslatableProcessor) {
        statistics.leftFor[processor.operationNumber(at: processor.core.pointee.programCounter) ?? -1, default: 0] += 1
    }
}
