import ISA
import JIT

/// What the JIT did in a run, as it is printed.
public struct TranslationFigures: Sendable {
    public let statistics: HotCode.Statistics
    /// Instructions that the machine executed in all.
    private let total: UInt64
    /// What the interpreter was needed for most often.
    public let reasons: [(mnemonic: String, count: Int)]

    /// - Parameter processor: whose instructions they are.
    init(_ statistics: HotCode.Statistics, of total: UInt64, on processor: any TranslatableProcessor.Type) {
        reasons = statistics.commonestReasons(Self.shownReasons, of: processor)
        self.statistics = statistics
        self.total = total
    }

    public var interpreted: UInt64 { total - min(total, statistics.executed) }

    /// Of all instructions, those that were executed in translated code.
    public var translatedShare: Double { total == 0 ? 0 : Double(statistics.executed) / Double(total) }

    public var bytesPerInstruction: Double { perInstruction(Double(statistics.bytes)) }

    /// The host's time for translating one guest instruction.
    public var nanosecondsPerInstruction: Double { perInstruction(Double(statistics.translationNanoseconds)) }

    private func perInstruction(_ value: Double) -> Double {
        statistics.instructions == 0 ? 0 : value / Double(statistics.instructions)
    }

    private static let shownReasons = 10

    /// `outOfBudget` as `out of budget`.
    private static func words(_ name: String) -> String {
        String(name.flatMap { $0.isUppercase ? " " + $0.lowercased() : String($0) })
    }

    /// For a table: what, and how much.
    var rows: [(String, String)] {
        func count(_ value: Int) -> String { grouped(UInt64(value)) }
        var rows: [(String, String)] = [
            ("executed in translated code", grouped(statistics.executed)),
            ("share of all", decimal(100 * translatedShare, places: 2) + " %"),
            ("interpreted", grouped(interpreted)), ("regions translated", count(statistics.regions)),
            ("instructions translated", count(statistics.instructions)), ("host code", count(statistics.bytes) + " B"),
            ("host code an instruction", decimal(bytesPerInstruction, places: 1) + " B"),
            ("translation time", decimal(Double(statistics.translationNanoseconds) / 1e6, places: 3) + " ms"),
            ("time an instruction", decimal(nanosecondsPerInstruction, places: 0) + " ns"),
            ("entries into translated code", count(statistics.entries)),
        ]
        rows += statistics.exits.map { ("exits, \(Self.words($0.reason))", count($0.count)) }
        rows += [
            ("lookups of code", count(statistics.lookups)), ("pages lost to writes", count(statistics.invalidations)),
            ("times all code was lost", count(statistics.flushes)),
            ("blocks that were refused", count(statistics.refusals)),
        ]
        return rows + reasons.map { ("left for \($0.mnemonic)", count($0.count)) }
    }
}
