import Foundation
import Machine

/// `orrery test --random`: programs of random blocks, on Orrery and on QEMU, until as many instructions are compared as
/// were asked for. A block that differs is made smaller and shown.
struct TestRandom<Source: RandomSource> {
    let source: Source
    let instructions: UInt64
    let seed: UInt64
    let qemu: String
    let jobs: Int
    /// Differences that are examined; each costs some dozens of runs.
    let examined: Int
    let engine: EngineOptions

    /// Blocks of one program: a quarter of a second or so of QEMU's time. Its tables are of one kind.
    private static var blocksOfProgram: Int { 1000 }

    /// One program's two runs.
    private struct Runs {
        var ours: [RandomLine]
        var theirs: [RandomLine]
        /// How a run ended that did not end well.
        var complaint: String?
        /// Blocks that both told of.
        var known: Int { min(ours.count, theirs.count) }
        var isWhole: Bool { complaint == nil }
    }

    /// - Returns: how many blocks differ.
    func run() throws -> Int {
        let directory = try Self.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        StandardStreams.output("seed \(seed): about \(grouped(instructions)) random instructions on \(qemu) and here\n")
        var compared: UInt64 = 0
        var blocks = 0
        var different = 0
        var index = 0
        while compared < instructions {
            var programs: [Source.Program] = []
            var planned = compared
            while programs.count < max(jobs / 2, 1), planned < instructions {
                let program = source.program(index, blocks: Self.blocksOfProgram)
                index += 1
                planned += UInt64(program.blocks.reduce(0) { $0 + $1.count })
                programs.append(program)
            }
            let runs = try compare(programs, directory)
            for (program, run) in zip(programs, runs) {
                if let complaint = run.complaint { StandardStreams.output(complaint + "\n") }
                // Where a run was cut short, the block that it ended in differs, and no more is known of those after.
                let known = run.isWhole ? program.blocks.count : min(run.known + 1, program.blocks.count)
                for (number, block) in program.blocks.prefix(known).enumerated() {
                    let mine = number < run.ours.count ? run.ours[number] : nil
                    let other = number < run.theirs.count ? run.theirs[number] : nil
                    blocks += 1
                    compared += UInt64(mine?.executed ?? 0)
                    guard mine == nil || mine?.hash != other?.hash else { continue }
                    different += 1
                    if different <= examined { try explain(block, program, number, directory) }
                }
                if run.known == 0 { return max(different, 1) }
            }
            StandardStreams.output(
                "\(grouped(compared)) instructions in \(blocks) blocks compared, \(different) differ\n")
        }
        return different
    }

    /// Makes a block that differs smaller, and tells what is left.
    private func explain(
        _ block: Source.Program.Block, _ program: Source.Program, _ number: Int, _ directory: String
    ) throws {
        let small = try RandomShrinker.shrink(block) { candidates in
            var answers: [Bool] = []
            // A candidate that ends a run hides those after it, which get another.
            while answers.count < candidates.count {
                let rest = Array(candidates.dropFirst(answers.count))
                let run = try compare([program.with(rest)], directory)[0]
                answers += (0..<run.known).map { run.ours[$0].hash != run.theirs[$0].hash }
                if run.known < rest.count { answers.append(true) }
            }
            return answers
        }
        var alone = program.with([small])
        alone.full = true
        let runs = try compare([alone], directory)[0]
        let difference = RandomDifference(
            Source.Program.lines, ours: runs.ours.map(\.hash), theirs: runs.theirs.map(\.hash),
            names: ("orrery", "qemu"))
        var text = "\nblock \(number) of the program with \(program.origin), seed \(seed):\n"
        text += (small.report + [""] + difference.lines).map { "  " + $0 }.joined(separator: "\n") + "\n\n"
        StandardStreams.output(text)
    }

    /// Runs the first program once more, here alone, with everything printed, and counts.
    func tellCoverage() throws {
        var program = source.program(0, blocks: Self.blocksOfProgram)
        program.full = true
        let directory = try Self.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = "\(directory)/0.elf"
        try Data(program.elf).write(to: URL(fileURLWithPath: path))
        var lines: [String] = []
        try HostProcess.run([ours(path)], atOnce: 1) { _, ended in
            lines = String(decoding: ended.output, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
        }
        let coverage = source.coverage(program, lines: lines)
        StandardStreams.output("\nThe first program:\n\n" + coverage.joined(separator: "\n") + "\n\n")
    }

    // MARK: Running

    private func ours(_ path: String) -> HostProcess {
        HostProcess(
            HostProcess.own,
            ["test", "--one", "random", "--raw-console", "--timeout", "60s", "--cpu", source.cpu]
                + (source.machine.map { ["--machine", $0] } ?? []) + engine.arguments + [path],
            limit: 60)
    }

    /// Runs each program on both emulators, some at once.
    private func compare(_ programs: [Source.Program], _ directory: String) throws -> [Runs] {
        var processes: [HostProcess] = []
        for (index, program) in programs.enumerated() {
            let path = "\(directory)/\(index).elf"
            try Data(program.elf).write(to: URL(fileURLWithPath: path))
            processes.append(ours(path))
            processes.append(
                HostProcess(
                    qemu,
                    source.qemuMachine + [
                        "-display", "none", "-serial", "stdio", "-monitor", "none", "-kernel", path,
                    ], limit: 60))
        }
        var runs = programs.map { _ in Runs(ours: [], theirs: []) }
        try HostProcess.run(processes, atOnce: jobs) { index, ended in
            let lines = String(decoding: ended.output, as: UTF8.self).split(whereSeparator: \.isNewline)
                .map(RandomLine.init)
            let isOurs = index % 2 == 0
            if isOurs { runs[index / 2].ours = lines } else { runs[index / 2].theirs = lines }
            if ended.end != .exited(0) {
                let name = isOurs ? "orrery" : "qemu"
                let words = String(decoding: ended.errors.suffix(400), as: UTF8.self)
                runs[index / 2].complaint = "\(name) did not end well after \(lines.count) lines: \(ended.end) \(words)"
            }
        }
        return runs
    }

    private static func temporaryDirectory() throws -> String {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("orrery-\(getpid())").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }
}
