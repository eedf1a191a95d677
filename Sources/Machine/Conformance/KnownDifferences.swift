/// Where another emulator is known to depart from the manual, so that only news is reported.
///
/// A line that begins with a program's name and a colon gives a regular expression, which lines of that program's failed
/// checks match; indented lines below it say why. Anything else is for the reader.
///
///     privileged/traps: an AMO on vacant memory raises cause 7
///         7.2: reports faults of an AMO as a load's, cause 5. 3.1.15: store/AMO.
public struct KnownDifferences {
    private var expressions: [(program: Substring, regex: Regex<AnyRegexOutput>)] = []

    public init() {}

    public init(_ file: InputFile) throws(InputError) {
        let text = String(decoding: file.bytes, as: UTF8.self)
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            guard let first = line.first, first.isLowercase, let colon = line.firstRange(of: ": "),
                !line[..<colon.lowerBound].contains(" ")
            else { continue }
            do {
                expressions.append((line[..<colon.lowerBound], try Regex(String(line[colon.upperBound...]))))
            } catch {
                throw InputError(
                    file: file.name, at: .line(index + 1), problem: "is not a regular expression: \(error)",
                    mend: "Put a backslash before characters that stand for themselves.")
            }
        }
    }

    /// Whether `line`, which `program` printed, is explained.
    public func explain(_ line: String, of program: String) -> Bool {
        expressions.contains { $0.program == program && line.contains($0.regex) }
    }
}

/// A program's run on another emulator, by what it printed.
public struct OtherRun {
    /// Lines that begin with `fail `.
    public let failedChecks: [String]
    /// Why it is not known how the program went; nil when it is.
    public let complaint: String?
    public let passed: Bool

    public init(_ ended: HostProcess.Ended) {
        let console = ConsoleLines(last: 1)
        console.write(ended.output)
        console.end()
        failedChecks = console.failedChecks
        passed = ended.end == .exited(0)
        switch ended.end {
        case .exited(0): complaint = nil
        // A program that reports each check ends with a line of its own.
        case .exited: complaint = failedChecks.isEmpty || !console.hasVerdict ? "it failed" : nil
        case .signalled(let signal): complaint = "it died of signal \(signal)"
        case .outOfTime: complaint = "it did not end"
        }
    }
}

extension ConformanceResult {
    /// Adds how the program went on another emulator: it fails where that shows something that is not explained.
    public mutating func compare(with other: OtherRun, _ name: String, _ known: KnownDifferences) {
        guard verdict != .skipped else { return }
        let news = other.failedChecks.filter { !failedChecks.contains($0) && !known.explain($0, of: self.name) }
        differences = other.failedChecks.count - news.count
        var reasons: [String] = []
        if verdict == .failed { reasons.append(reason) }
        if let complaint = other.complaint { reasons.append("on \(name) \(complaint)") }
        if let first = news.first {
            reasons.append(
                "on \(name) \(counted(news.count, "check fails", "checks fail")), of which the first is: \(first)")
        }
        if verdict == .failed, other.passed { reasons.append("it passes on \(name)") }
        guard !reasons.isEmpty else { return }
        verdict = .failed
        reason = reasons.joined(separator: "; ")
    }
}

private func counted(_ count: Int, _ one: String, _ many: String) -> String { "\(count) \(count == 1 ? one : many)" }
