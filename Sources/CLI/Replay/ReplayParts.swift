import ArgumentParser
import Foundation
import Machine

/// A recorded run that is replayed in parts, each in a process of its own. A part begins at power-on or at a snapshot of the
/// recording, and ends at the first hash there or behind where the next one begins.
struct ReplayParts {
    let file: String
    /// How many at most.
    let parts: Int?
    let jobs: Int?
    /// For each.
    let arguments: [String]

    func run(_ command: ReplayCommand) throws {
        guard command.verify, command.isWhole, command.rewinds == nil else {
            throw UsageError(
                "--jobs and --parts are for many replays of a run (--times), or for one in parts: add --verify, and leave "
                    + "other flags out.")
        }
        guard jobs ?? 1 >= 1, parts ?? 1 >= 1 else { throw UsageError("--jobs, --parts: give a number from 1 on.") }
        let recording = try Recording(file)
        let begins = try begins(of: recording)
        let processes = begins.indices.map { index in
            let next = index + 1 < begins.count ? begins[index + 1] : nil
            let part = ReplayPart(start: begins[index]?.identifier, next: next?.identifier)
            return HostProcess(
                HostProcess.own, ["replay", file, "--verify", "--part", part.text] + arguments,
                limit: HostProcess.replayLimit)
        }
        let start = HostTime.now
        var (done, time) = (0, 0.0)
        var failed: [Int] = []
        var (inputs, hashes) = (0 as UInt64, 0 as UInt64)
        try HostProcess.run(processes, atOnce: jobs ?? ProcessInfo.processInfo.activeProcessorCount) { index, ended in
            done += 1
            time += ended.processorTime
            if ended.end == .exited(0), let counts = ReplayPart.Counts(ended.output) {
                inputs += counts.inputs
                hashes += counts.hashes
            } else {
                failed.append(index)
                ProgressLine.clear()
                StandardStreams.error(
                    "\(Self.name(index, begins)): \(ended.end.text): \(String(decoding: ended.errors, as: UTF8.self))")
            }
            ProgressLine.show("[\(done)/\(begins.count)] \(failed.count) diverged or failed")
        }
        ProgressLine.clear()
        if let warning = recording.file.ending.warning { StandardStreams.complain("\(file) \(warning)") }
        let wall = Double(HostTime.now - start) / 1e9
        let costs = "\(decimal(time, places: 2)) s of processor time, \(decimal(wall, places: 0)) s in all"
        guard failed.isEmpty else {
            let names = failed.sorted().map { Self.name($0, begins) }
            StandardStreams.output(
                "\(file): \(begins.count) parts, \(failed.count) diverged or failed: \(names.joined(separator: ", ")); "
                    + "\(costs)\n")
            throw ExitCode(ExitStatus.diverged.rawValue)
        }
        StandardStreams.output(
            "\(file): the same run in \(begins.count) parts: \(grouped(inputs)) inputs, \(grouped(hashes)) hashes of the "
                + "CPUs; \(costs)\n")
    }

    /// Where parts begin: power-on first, or the snapshot that the recording begins with.
    private func begins(of recording: Recording) throws -> [SnapshotEntry?] {
        let first = recording.start
        let snapshots = recording.snapshots.snapshots.filter { $0.identifier != first?.identifier }
            .sorted { $0.position < $1.position }
        guard !snapshots.isEmpty else {
            throw InputError(
                file: file, problem: "has no snapshots, at which parts could begin",
                mend:
                    "Record with them, orrery run --record FILE --snapshot-interval 1G, or leave out --jobs and --parts."
            )
        }
        guard let parts, parts <= snapshots.count else { return [first] + snapshots }
        // The nearest to where parts of one length would begin.
        let begin = first?.position ?? 0
        let end = max(recording.conclusion?.position ?? 0, snapshots[snapshots.count - 1].position, begin)
        var chosen: [SnapshotEntry] = []
        for number in 1..<max(parts, 1) {
            let place = begin &+ UInt64(Double(end - begin) * Double(number) / Double(parts))
            let nearest = snapshots.min { Self.distance($0.position, place) < Self.distance($1.position, place) }
            if let nearest, chosen.last?.identifier != nearest.identifier { chosen.append(nearest) }
        }
        return [first] + chosen
    }

    private static func distance(_ a: UInt64, _ b: UInt64) -> UInt64 { max(a, b) - min(a, b) }

    private static func name(_ index: Int, _ begins: [SnapshotEntry?]) -> String {
        "part \(index + 1) of \(begins.count), from "
            + (begins[index].map { "snapshot #\($0.identifier) at instruction \(grouped($0.position))" } ?? "power-on")
    }
}

/// A part of a recorded run, as a process of ``ReplayParts`` is told of it.
struct ReplayPart {
    /// The snapshot that it begins at; nil for power-on.
    let start: UInt64?
    /// The one that it goes on behind; nil for the end.
    let next: UInt64?

    /// What has been compared.
    struct Counts {
        let inputs: UInt64
        let hashes: UInt64

        /// What the process has printed.
        init?(_ output: [UInt8]) {
            let words = String(decoding: output, as: UTF8.self).split(whereSeparator: \.isWhitespace)
            guard words.count == 2, let inputs = UInt64(words[0]), let hashes = UInt64(words[1]) else { return nil }
            (self.inputs, self.hashes) = (inputs, hashes)
        }
    }

    init(start: UInt64?, next: UInt64?) { (self.start, self.next) = (start, next) }

    /// - Parameter text: as ``text``.
    init(_ text: String) throws(UsageError) {
        let numbers = text.split(separator: "-", omittingEmptySubsequences: false).compactMap { UInt64($0) }
        guard numbers.count == 2 else { throw UsageError("--part: give the numbers of two snapshots: 3-4.") }
        // No snapshot has the number 0.
        (start, next) = (numbers[0] == 0 ? nil : numbers[0], numbers[1] == 0 ? nil : numbers[1])
    }

    var text: String { "\(start ?? 0)-\(next ?? 0)" }

    func run(_ command: ReplayCommand) throws {
        let file = try RecordingFile(command.file)
        let recording = file.recording
        func entry(_ number: UInt64?) throws(InputError) -> SnapshotEntry? {
            guard let number else { return nil }
            return try recording.snapshots.snapshot(meaning: "#\(number)")
        }
        let session = try Session(
            try command.description(file), repeats: file.images, report: { StandardStreams.complain($0) })
        let replayer = try RunReplayer(recording, from: try entry(start) ?? recording.start, asFarAs: try entry(next))
        try replayer.place(session)
        session.companion = replayer
        session.betweenTurns = { _ in Interruption.signal != 0 }
        Interruption.watch()
        var conclusion = session.run()
        if let failure = replayer.failure { throw failure }
        if conclusion.isEnd, let divergence = replayer.compareEnd(session) { conclusion = .diverged(divergence) }
        Interruption.obey()
        if case .diverged(let divergence) = conclusion {
            command.tell(divergence, session.board.engine)
            throw ExitCode(ExitStatus.diverged.rawValue)
        }
        StandardStreams.output("\(replayer.deliveredInputs) \(replayer.comparedHashes)\n")
    }
}
