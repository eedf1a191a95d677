import ISA
import JIT

/// What a run cost and came to: `--stats` and the numbers of `--json`.
public struct RunStatistics: Sendable {
    public let instructions: UInt64
    public let virtualNanoseconds: UInt64
    /// How long the run took outside the machine, where that was measured. It differs from run to run.
    public let hostSeconds: Double?
    /// Exceptions taken by all CPUs, interrupts not included.
    public let traps: UInt64
    public let interrupts: UInt64
    /// How often an access had to walk the page tables, or at least to ask the region map.
    public let tlbMisses: UInt64
    public let deviceAccesses: UInt64
    /// The same of instruction fetches, a page at a time.
    public let fetchMisses: UInt64
    /// Two runs that end alike have the same.
    public let stateHash: UInt64
    /// What the JIT did; nil where all was interpreted.
    public let translation: TranslationFigures?

    public init(_ board: any Board, hostSeconds: Double? = nil) {
        let figures = board.processors.reduce(ProcessorFigures()) { $0 + $1.figures }
        instructions = board.executed
        virtualNanoseconds = board.scheduler.time
        self.hostSeconds = hostSeconds
        traps = figures.exceptions
        interrupts = figures.interrupts
        tlbMisses = figures.tlbMisses
        deviceAccesses = figures.deviceAccesses
        fetchMisses = figures.fetchMisses
        stateHash = board.stateHash
        translation = board.translationFigures
    }

    /// Millions of instructions in a second of the host.
    public var mips: Double? { hostSeconds.map { $0 > 0 ? Double(instructions) / $0 / 1e6 : 0 } }

    /// The hash as 16 digits.
    public var stateHashText: String { Self.hashText(stateHash) }

    public static func hashText(_ hash: UInt64) -> String { hexadecimalDigits(hash) }

    /// A table of two columns, one number a line.
    public var table: String {
        var rows: [(String, String)] = [
            ("instructions", grouped(instructions)), ("virtual time", seconds(virtualNanoseconds)),
        ]
        if let hostSeconds, let mips {
            rows.append(("host time", decimal(hostSeconds, places: 3) + " s"))
            rows.append(("speed", decimal(mips, places: 1) + " MIPS"))
        }
        rows += [
            ("traps", grouped(traps)), ("interrupts", grouped(interrupts)), ("TLB misses", grouped(tlbMisses)),
            ("device accesses", grouped(deviceAccesses)), ("fetch misses", grouped(fetchMisses)),
            ("state hash", stateHashText),
        ]
        rows += translation?.rows ?? []
        let width = rows.map(\.0.count).max() ?? 0
        let valueWidth = rows.map(\.1.count).max() ?? 0
        return rows.map { row in
            row.0 + String(repeating: " ", count: width - row.0.count + 2 + valueWidth - row.1.count) + row.1 + "\n"
        }.joined()
    }
}
