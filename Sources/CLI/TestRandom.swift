import Foundation
import Machine

/// `orrery test --random`: programs of random blocks, on Orrery and on QEMU, until as many instructions are compared as
/// were asked for. A block that differs is made smaller and shown.
struct TestRandom {
    let instructions: UInt64
    let seed: UInt64
    let qemu: String
    let jobs: Int
    /// Differences that are examined; each costs some dozens of runs.
    let examined = 3

    /// Blocks of one program: a second or so of QEMU's time.
    private static let blocksOfProgram = 4000

    /// One program's two runs.
    private struct Runs {
        var ours: [String]
        var theirs: [String]
        /// How a run ended that did not end well.
        var complaint: String?
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
            var programs: [RandomProgram] = []
            var planned = compared
            while programs.count < max(jobs / 2, 1), planned < instructions {
                let program = RandomGenerator.program(seed: seed, index: index, blocks: Self.blocksOfProgram)
                index += 1
                planned += UInt64(program.blocks.reduce(0) { $0 + $1.count })
                programs.append(program)
            }
            let runs = try compare(programs, directory)
            for (program, run) in zip(programs, runs) {
                if let complaint = run.complaint { StandardStreams.output(complaint + "\n") }
                for (number, block) in program.blocks.enumerated() {
                    let mine = number < run.ours.count ? run.ours[number] : nil
                    let other = number < run.theirs.count ? run.theirs[number] : nil
                    if mine != nil || other != nil {
                        blocks += 1
                        compared += UInt64(block.count)
                    }
                    guard mine != other else { continue }
                    different += 1
                    if different <= examined { try explain(block, program, number, directory) }
                }
                if run.ours.isEmpty || run.theirs.isEmpty { return max(different, 1) }
            }
            StandardStreams.output(
                "\(grouped(compared)) instructions in \(blocks) blocks compared, \(different) differ\n")
        }
        return different
    }

    /// Makes a block that differs smaller, and tells what is left.
    private func explain(
        _ block: RandomBlock, _ program: RandomProgram, _ number: Int, _ directory: String
    ) throws {
        let small = try RandomShrinker.shrink(block) { candidates in
            let runs = try compare([RandomProgram(blocks: candidates, tableSeed: program.tableSeed)], directory)[0]
            return candidates.indices.map { index in
                let mine = index < runs.ours.count ? runs.ours[index] : nil
                let other = index < runs.theirs.count ? runs.theirs[index] : nil
                return mine != other
            }
        }
        var alone = RandomProgram(blocks: [small], tableSeed: program.tableSeed)
        alone.full = true
        let runs = try compare([alone], directory)[0]
        let difference = RandomDifference(ours: runs.ours, theirs: runs.theirs, names: ("orrery", "qemu"))
        var text = "\nblock \(number) of the program with tables \(program.tableSeed), seed \(seed):\n"
        text += (small.report + [""] + difference.lines).map { "  " + $0 }.joined(separator: "\n") + "\n\n"
        StandardStreams.output(text)
    }

    // MARK: Running

    /// Runs each program on both emulators, some at once.
    private func compare(_ programs: [RandomProgram], _ directory: String) throws -> [Runs] {
        var processes: [HostProcess] = []
        for (index, program) in programs.enumerated() {
            let path = "\(directory)/\(index).elf"
            try Data(program.elf).write(to: URL(fileURLWithPath: path))
            processes.append(
                HostProcess(
                    HostProcess.own,
                    [
                        "test", "--one", "random", "--raw-console", "--timeout", "60s", "--cpu", RandomGenerator.cpu,
                        path,
                    ],
                    limit: 300))
            processes.append(
                HostProcess(
                    qemu,
                    [
                        "-M", "virt", "-cpu", RandomGenerator.qemuCPU, "-m", "128", "-bios", "none", "-display", "none",
                        "-serial", "stdio", "-monitor", "none", "-kernel", path,
                    ], limit: 300))
        }
        var runs = programs.map { _ in Runs(ours: [], theirs: []) }
        try HostProcess.run(processes, atOnce: jobs) { index, ended in
            let lines = String(decoding: ended.output, as: UTF8.self).split(separator: "\n").map {
                $0.trimmingCharacters(in: .whitespaces)
            }
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
