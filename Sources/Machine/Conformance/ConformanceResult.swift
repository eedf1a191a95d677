/// How one program went, as the process that ran it tells the one that counts.
public struct ConformanceResult: Codable, Equatable, Sendable {
    public enum Verdict: String, Codable, Sendable {
        case passed, failed, skipped
    }

    public var name: String
    public var verdict: Verdict
    /// Why it failed or was skipped, in one line; empty for a success.
    public var reason: String
    /// Its last console lines.
    public var console: [String] = []
    /// The console's lines that begin with `fail `: failed checks of programs that report each.
    public var failedChecks: [String] = []
    /// Where each hart was, and its last traps.
    public var post: [String] = []
    public var instructions: UInt64 = 0
    /// In nanoseconds of the machine.
    public var virtualTime: UInt64 = 0
    /// In seconds of the host.
    public var wallTime = 0.0
    /// What it left between `begin_signature` and `end_signature`, where that was asked for.
    public var signature: String?
    /// Failed checks of another emulator that are explained.
    public var differences = 0
    /// It ended by the test device, not by `tohost`.
    public var endedByTestDevice = false

    public init(name: String, verdict: Verdict, reason: String = "") {
        self.name = name
        self.verdict = verdict
        self.reason = reason
    }

    /// The directory part of the name.
    public var group: String { ConformanceProgram(path: "", name: name, architecture: .riscv).group }
}

/// The results of many programs, as people and as other programs read them.
public struct ConformanceReport {
    public var results: [ConformanceResult]

    public init(_ results: [ConformanceResult] = []) {
        self.results = results
    }

    public func count(_ verdict: ConformanceResult.Verdict) -> Int {
        results.count { $0.verdict == verdict }
    }

    /// The line that ends every run: `377 passed, 0 failed`.
    public var closingLine: String {
        let skipped = count(.skipped)
        return "\(count(.passed)) passed, \(count(.failed)) failed" + (skipped > 0 ? ", \(skipped) skipped" : "")
    }

    /// One line a directory, where there are several.
    public var table: [String] {
        var groups: [String] = []
        var members: [String: [ConformanceResult]] = [:]
        for result in results {
            if members[result.group] == nil { groups.append(result.group) }
            members[result.group, default: []].append(result)
        }
        var rows = [["", "passed", "failed", "skipped", "instructions", "seconds"]]
        func row(_ title: String, _ results: [ConformanceResult]) -> [String] {
            let report = ConformanceReport(results)
            let instructions = results.reduce(0) { $0 &+ $1.instructions }
            let seconds = results.reduce(0) { $0 + $1.wallTime }
            return [
                title, "\(report.count(.passed))", "\(report.count(.failed))", "\(report.count(.skipped))",
                grouped(instructions), decimal(seconds, places: 1),
            ]
        }
        for group in groups { rows.append(row(group.isEmpty ? "." : group, members[group] ?? [])) }
        if groups.count > 1 { rows.append(row("all", results)) }
        return aligned(rows, left: [0])
    }

    /// What is known of a failure, and the command that runs it alone.
    public static func explanation(_ result: ConformanceResult, rerun: String) -> [String] {
        var lines = ["\(result.name): \(result.reason)"]
        if !result.console.isEmpty { lines += ["  console:"] + result.console.map { "    " + printable($0) } }
        lines += result.post.map { "  " + $0 }
        lines.append("  alone:  " + rerun)
        return lines
    }

    /// As JUnit's XML, which continuous-integration services read: a suite for each directory.
    public var junit: String {
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        func counts(_ results: [ConformanceResult]) -> String {
            let report = ConformanceReport(results)
            let seconds = results.reduce(0) { $0 + $1.wallTime }
            return
                "tests=\"\(results.count)\" failures=\"\(report.count(.failed))\" skipped=\"\(report.count(.skipped))\""
                + " time=\"\(decimal(seconds, places: 3))\""
        }
        text += "<testsuites name=\"orrery\" \(counts(results))>\n"
        var groups: [String] = []
        for result in results where !groups.contains(result.group) { groups.append(result.group) }
        for group in groups {
            let members = results.filter { $0.group == group }
            text += "  <testsuite name=\"\(markup(group.isEmpty ? "." : group))\" \(counts(members))>\n"
            for result in members {
                let name = result.name.split(separator: "/").last.map(String.init) ?? result.name
                text += "    <testcase classname=\"\(markup(group.isEmpty ? "." : group))\" name=\"\(markup(name))\""
                text += " time=\"\(decimal(result.wallTime, places: 3))\""
                switch result.verdict {
                case .passed: text += "/>\n"
                case .skipped: text += "><skipped message=\"\(markup(result.reason))\"/></testcase>\n"
                case .failed:
                    let details = (result.console + result.post).joined(separator: "\n")
                    text += "><failure message=\"\(markup(result.reason))\">\(markup(details))</failure></testcase>\n"
                }
            }
            text += "  </testsuite>\n"
        }
        return text + "</testsuites>\n"
    }
}
