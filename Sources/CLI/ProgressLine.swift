import Foundation
import Machine

/// On a terminal, a line of standard error that the next one replaces; elsewhere nothing.
enum ProgressLine {
    static let isShown = isatty(STDERR_FILENO) == 1

    static func show(_ text: String) {
        if isShown { StandardStreams.error("\r\u{1b}[K" + text) }
    }

    static func clear() { show("") }
}

/// How much of a recorded run has been run again: told a few times a second, once it takes longer than a moment.
struct ReplayProgress {
    private let range: Range<UInt64>
    private let start = HostTime.now
    private var next: UInt64
    private static let interval: UInt64 = 300_000_000

    /// - Parameter range: the run, in instructions of all CPUs.
    init(_ range: Range<UInt64>) {
        self.range = range
        next = start + 2 * Self.interval
    }

    /// - Parameter position: instructions of all CPUs so far.
    mutating func show(_ position: UInt64) {
        guard ProgressLine.isShown else { return }
        let now = HostTime.now
        guard now >= next else { return }
        next = now + Self.interval
        guard let text = text(position, seconds: Double(now - start) / 1e9) else { return }
        ProgressLine.show(text)
    }

    /// `37 % of 17,737,013,214 instructions, 41 s to go`; nil where nothing can be said.
    func text(_ position: UInt64, seconds: Double) -> String? {
        guard range.contains(position), position > range.lowerBound else { return nil }
        let part = Double(position - range.lowerBound) / Double(range.count)
        return "\(decimal(100 * part, places: 0)) % of \(grouped(UInt64(range.count))) instructions, "
            + "\(decimal(seconds / part - seconds, places: 0)) s to go"
    }
}
