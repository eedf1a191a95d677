import Foundation
import Machine

/// `orrery bench record`: what it costs to record a run, in processor time and in the file's size.
///
/// Each system is run in turn as it is and recorded, and what counts is the least time of each: of the whole process, with
/// what is done to the images before the run and to the file behind it.
struct BenchRecord {
    static let name = "record"
    /// One per cent is looked for, and single runs differ by ten.
    static let usualRounds = 7

    struct Figure {
        var name: String
        var instructions: UInt64 = 0
        /// Processor time, in seconds.
        var plain = Double.infinity
        var recorded = Double.infinity
        var bytes: UInt64 = 0

        /// How much longer it takes when it is recorded.
        var extra: Double { recorded / plain - 1 }
        var bytesPerThousand: Double { Double(bytes) / Double(max(instructions, 1)) * 1000 }
        var isKept: Bool { extra <= BenchRecord.mostExtra && bytesPerThousand <= BenchRecord.mostBytes }
    }

    /// What we promise.
    static let mostExtra = 0.05
    static let mostBytes = 0.5
    /// What no run takes, in seconds on the wall.
    private static let limit = 900.0

    private struct System {
        let name: String
        let arguments: [String]
    }

    private let systems: [System]

    init(for targets: [BenchTarget]) throws {
        var systems: [System] = []
        for target in targets {
            let name = target == .riscv ? "RISC-V" : "AArch64"
            let boot = try BenchBoot(for: target)
            systems.append(System(name: "Linux, \(name)", arguments: boot.orreryOptions + ["--until", "^# "]))
            let images = try HyperImages(for: target)
            var arguments = ["--kernel", images.kernel, "--initrd", images.archive, "--memory", "512M"]
            if let firmware = images.firmware { arguments += ["--firmware", firmware] }
            if target == .aarch64 { arguments += ["--machine", "aarch64-virt", "--cpu", BenchTarget.model] }
            systems.append(
                System(
                    name: "Hyper and its guests, \(name)",
                    arguments: arguments + ["--append", "bootcmd=\"vfs run /bench.script\""]))
        }
        self.systems = systems
    }

    func measure(rounds: Int, _ show: (String) -> Void) throws -> [Figure] {
        let folder = NSTemporaryDirectory() + "orrery-bench-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = folder + "/run.orrery"
        return try systems.map { system in
            var figure = Figure(name: system.name)
            for round in 1...rounds {
                show("[\(round)/\(rounds)] \(system.name)")
                figure.plain = min(figure.plain, try run(system, &figure, []))
                figure.recorded = min(figure.recorded, try run(system, &figure, ["--record", file]))
            }
            figure.bytes = (try FileManager.default.attributesOfItem(atPath: file)[.size] as? UInt64) ?? 0
            return figure
        }
    }

    private struct Result: Decodable {
        let instructions: UInt64
    }

    private func run(_ system: System, _ figure: inout Figure, _ arguments: [String]) throws -> Double {
        let all = ["run"] + system.arguments + ["--json"] + arguments
        let ended = try HostProcess(HostProcess.own, all, limit: Self.limit).run()
        let lines = ended.output.split(separator: 0x0a)
        guard ended.end == .exited(0), let last = lines.last,
            let result = try? JSONDecoder().decode(Result.self, from: Data(last))
        else {
            throw InputError(
                file: system.name,
                problem: "did not end well: \(String(decoding: ended.errors.suffix(500), as: UTF8.self))",
                mend: "See how it runs: orrery \(all.joined(separator: " "))")
        }
        figure.instructions = result.instructions
        return ended.processorTime
    }

    static func table(_ figures: [Figure]) -> [String] {
        var rows = [["", "instructions", "s", "recorded s", "more", "bytes", "for 1,000"]]
        for figure in figures {
            rows.append([
                figure.name, grouped(figure.instructions), decimal(figure.plain, places: 3),
                decimal(figure.recorded, places: 3), decimal(100 * figure.extra, places: 1) + " %",
                grouped(figure.bytes),
                decimal(figure.bytesPerThousand, places: 3) + (figure.isKept ? "" : "  more than promised"),
            ])
        }
        return aligned(rows, left: [0])
    }

    static func json(_ figures: [Figure]) -> JSON {
        .object(
            figures.map { figure in
                (
                    figure.name,
                    .object([
                        ("instructions", .number(figure.instructions)),
                        ("seconds", .decimal(decimal(figure.plain, places: 6))),
                        ("recordedSeconds", .decimal(decimal(figure.recorded, places: 6))),
                        ("bytes", .number(figure.bytes)),
                        ("bytesPerThousandInstructions", .decimal(decimal(figure.bytesPerThousand, places: 6))),
                    ])
                )
            })
    }
}
