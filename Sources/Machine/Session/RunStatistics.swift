import ISA

/// What a run cost and came to: `--stats` and the numbers of `--json`.
public struct RunStatistics: Sendable {
    public let instructions: UInt64
    public let virtualNanoseconds: UInt64
    /// How long the run took outside the machine; it says nothing about the machine, and differs from run to run.
    public let hostSeconds: Double
    public let traps: UInt64
    public let interrupts: UInt64
    public let tlbMisses: UInt64
    public let deviceAccesses: UInt64
    public let fetchMisses: UInt64
    /// Two runs that end alike have the same.
    public let stateHash: UInt64

    public init(_ board: RISCVVirt, hostSeconds: Double) {
        func sum(_ field: KeyPath<RISCV.Hart.Statistics, UInt64>) -> UInt64 {
            board.harts.reduce(0) { $0 &+ $1.statistics[keyPath: field] }
        }
        instructions = board.executed
        virtualNanoseconds = board.scheduler.time
        self.hostSeconds = hostSeconds
        traps = sum(\.traps)
        interrupts = sum(\.interrupts)
        tlbMisses = sum(\.tlbMisses)
        deviceAccesses = sum(\.deviceAccesses)
        fetchMisses = sum(\.fetchMisses)
        stateHash = board.stateHash
    }

    /// Millions of instructions a second.
    public var mips: Double { hostSeconds > 0 ? Double(instructions) / hostSeconds / 1e6 : 0 }

    /// The hash as 16 digits.
    public var stateHashText: String { Self.digits(stateHash) }

    static func digits(_ value: UInt64) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }

    /// A table of two columns, one number a line.
    public var table: String {
        let rows: [(String, String)] = [
            ("instructions", Self.grouped(instructions)), ("virtual time", seconds(virtualNanoseconds)),
            ("host time", Self.decimal(hostSeconds, places: 3) + " s"),
            ("speed", Self.decimal(mips, places: 1) + " MIPS"), ("traps", Self.grouped(traps)),
            ("interrupts", Self.grouped(interrupts)), ("TLB misses", Self.grouped(tlbMisses)),
            ("device accesses", Self.grouped(deviceAccesses)), ("fetch misses", Self.grouped(fetchMisses)),
            ("state hash", stateHashText),
        ]
        let width = rows.map(\.0.count).max() ?? 0
        let valueWidth = rows.map(\.1.count).max() ?? 0
        return rows.map { row in
            row.0 + String(repeating: " ", count: width - row.0.count + 2 + valueWidth - row.1.count) + row.1 + "\n"
        }.joined()
    }

    /// `1 234 567`: readable at a glance.
    static func grouped(_ value: UInt64) -> String {
        let digits = Array(String(value))
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0 && (digits.count - index) % 3 == 0 { text += " " }
            text.append(digit)
        }
        return text
    }

    /// A number that is not negative, rounded to `places` decimals.
    public static func decimal(_ value: Double, places: Int) -> String {
        var scale: UInt64 = 1
        for _ in 0..<places { scale *= 10 }
        let scaled = UInt64(min(max(value * Double(scale), 0).rounded(), 1e18))
        let fraction = String(scaled % scale)
        return "\(scaled / scale)." + String(repeating: "0", count: places - fraction.count) + fraction
    }
}

/// A virtual time as messages have it: `1.204 s`, with as many digits as it takes to tell instructions apart.
public func seconds(_ nanoseconds: UInt64) -> String {
    var fraction = String(nanoseconds % 1_000_000_000)
    fraction = String(repeating: "0", count: 9 - fraction.count) + fraction
    while fraction.count > 3, fraction.last == "0" { fraction.removeLast() }
    return "\(nanoseconds / 1_000_000_000).\(fraction) s"
}
