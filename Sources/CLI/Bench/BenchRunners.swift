import Foundation
import Machine

/// What can run a benchmark.
enum BenchRunner: String, CaseIterable {
    case orrery, qemu
    /// QEMU in the mode that counts instructions.
    case icount
    /// The host itself, without an emulator.
    case native
}

/// Those that are to run the benchmarks, and how each is called.
struct BenchRunners {
    var target = BenchTarget.riscv
    /// Of ours; as it chooses when nil.
    var engine: String?
    var makesPerfMap = false
    /// The path of QEMU, where it is asked for.
    var qemu: String?
    var measuresCounting = false
    var measuresNative = false

    private static let limit = 3600.0

    var all: [BenchRunner] {
        BenchRunner.allCases.filter { runner in
            switch runner {
            case .orrery: true
            case .qemu: qemu != nil
            case .icount: qemu != nil && measuresCounting
            case .native: measuresNative
            }
        }
    }

    /// Measures a program on each in turn, `rounds` times. `scale` multiplies its work.
    func measure(_ program: BenchProgram, rounds: Int, scale: Double) throws -> BenchFigure {
        let work = max(1, Int((Double(program.scale) * scale).rounded()))
        let runners = all.filter { $0 != .native || program.hasNative }
        var timings = runners.map { _ in BenchTiming(rounds: work) }
        for _ in 0..<rounds {
            for (place, runner) in runners.enumerated() {
                try timings[place].measure(least: 0.25 * scale) { try seconds(program, rounds: $0, on: runner) }
            }
        }
        var figure = BenchFigure(name: program.name, group: program.group, description: program.description)
        figure.events = program.events * work
        for (runner, timing) in zip(runners, timings) { figure.seconds[runner] = timing.perRound * Double(work) }
        return figure
    }

    /// Processor time of one run, whose checksum must be right.
    private func seconds(_ program: BenchProgram, rounds: Int, on runner: BenchRunner) throws -> Double {
        let image = NSTemporaryDirectory() + "/orrery-bench-\(getpid())-\(program.name).elf"
        if runner != .native {
            try Data(try program.image(rounds: rounds, for: target)).write(to: URL(fileURLWithPath: image))
        }
        defer { unlink(image) }
        let ended = try process(program, image: image, rounds: rounds, on: runner).run()
        let said = String(decoding: ended.output, as: UTF8.self)
        let right = rounds == 0 ? String(repeating: "0", count: 16) : program.checksum
        guard ended.end == .exited(0) else {
            throw InputError(
                file: program.name, problem: "on \(runner) ended so: \(ended.end)\(Self.lastWords(ended))")
        }
        guard said.hasPrefix(right) else {
            throw InputError(
                file: program.name, problem: "on \(runner) came to \(said.prefix(16)); \(right) is right",
                mend: "A wrong checksum is a mistake of the emulator.")
        }
        return ended.processorTime
    }

    /// The end of what it printed, if it printed anything.
    private static func lastWords(_ ended: HostProcess.Ended) -> String {
        let text = String(decoding: (ended.output + ended.errors).suffix(300), as: UTF8.self)
        return text.isEmpty ? "" : "; its last words: " + text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func process(
        _ program: BenchProgram, image: String, rounds: Int, on runner: BenchRunner
    ) -> HostProcess {
        switch runner {
        case .native: HostProcess(program.native, [String(rounds)], limit: Self.limit)
        case .orrery:
            HostProcess(
                HostProcess.own,
                ["test", "--one", program.name, "--raw-console", "--timeout", "1h"]
                    + target.orreryOptions(gicVersion: program.gicVersion) + engineOption + [image],
                limit: Self.limit)
        case .qemu, .icount:
            qemu(
                target.qemuOptions(gicVersion: program.gicVersion) + ["-m", "128", "-kernel", image]
                    + (runner == .icount ? ["-icount", "shift=0"] : []))
        }
    }

    private var engineOption: [String] {
        (engine.map { ["--engine", $0] } ?? []) + (makesPerfMap ? ["--jit-perf-map"] : [])
    }

    private func qemu(_ arguments: [String]) -> HostProcess {
        HostProcess(
            qemu ?? "",
            ["-display", "none", "-serial", "stdio", "-monitor", "none"] + arguments, limit: Self.limit)
    }

    // MARK: Boot

    /// Boots Debian's kernel to the shell's prompt on both emulators in turn. The time is that on the wall.
    func measure(_ boot: BenchBoot, rounds: Int) throws -> BenchFigure {
        var figure = BenchFigure(name: BenchBoot.name, group: BenchBoot.group, description: boot.description)
        for _ in 0..<rounds {
            for runner in all {
                var process: HostProcess
                switch runner {
                case .orrery:
                    process = HostProcess(
                        HostProcess.own, ["run"] + boot.orreryOptions + engineOption, limit: Self.limit)
                case .qemu: process = qemu(boot.qemuOptions)
                // QEMU sleeps while a guest waits in the counting mode, and the host has no such boot.
                case .icount, .native: continue
                }
                process.until = BenchBoot.prompt
                let ended = try process.run()
                guard let time = ended.timeUntil else {
                    throw InputError(
                        file: BenchBoot.name,
                        problem: "on \(runner) no prompt came, and it ended so: \(ended.end)\(Self.lastWords(ended))")
                }
                figure.seconds[runner] = min(figure.seconds[runner] ?? .infinity, time)
                figure.peakMemory[runner] = max(figure.peakMemory[runner] ?? 0, ended.peakMemory)
            }
        }
        return figure
    }
}
