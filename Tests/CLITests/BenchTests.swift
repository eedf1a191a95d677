import Foundation
import Machine
import Testing

@testable import CLI

@Suite("Benchmarks")
struct BenchTests {
    // MARK: Times

    /// Something on which a process takes `start` seconds and a round `round`, and which notes what is asked of it.
    private final class Clockwork {
        var rounds: [Int] = []
        let start: Double
        let round: Double

        init(start: Double, round: Double) {
            self.start = start
            self.round = round
        }

        func run(_ rounds: Int) -> Double {
            self.rounds.append(rounds)
            return start + Double(rounds) * round
        }
    }

    @Test(
        "A round's time is that of the work alone, however short it is beside the start",
        arguments: [(0.05, 1e-2), (0.05, 1e-6), (0.05, 3e-9), (0, 2.0)])
    func roundTime(start: Double, round: Double) {
        let machine = Clockwork(start: start, round: round)
        var timing = BenchTiming(rounds: 40)
        timing.measure(least: 0.25, machine.run)
        #expect(abs(timing.perRound / round - 1) < 1e-6, "\(timing.perRound) s and not \(round) s")
        #expect(Double(timing.rounds) * round >= 0.25)
        #expect(Double(timing.rounds) * round <= max(1, 40 * round), "\(timing.rounds) rounds are more than it takes")
        #expect(machine.rounds.count <= 8, "it was run \(machine.rounds.count) times")
    }

    @Test("The least of several measurements counts, of the start and of the work each for itself")
    func least() {
        var answers = [0.06, 1.2, 0.05, 1.3, 0.07, 1.1]
        var timing = BenchTiming(rounds: 10)
        for _ in 0..<3 { timing.measure(least: 0.25) { _ in answers.removeFirst() } }
        #expect(timing.start == 0.05)
        #expect(timing.whole == 1.1)
        #expect(timing.rounds == 10)
    }

    // MARK: Figures

    private static func figure(_ name: String, _ group: String, _ orrery: Double, _ qemu: Double) -> BenchFigure {
        var figure = BenchFigure(name: name, group: group, description: "\(name) <of> R&D")
        figure.seconds = [.orrery: orrery, .qemu: qemu]
        return figure
    }

    private static let report: BenchReport = {
        var report = BenchReport(rounds: 1, engine: "interpreter")
        report.versions = ["orrery": "orrery 1", "qemu": "QEMU emulator version 7.2"]
        report.figures = [
            figure("twice", "integer", 1, 2), figure("eightfold", "integer", 1, 8), figure("half", "float", 2, 1),
            figure("sharedpage", "selfmodifying", 1, 1000), figure("ownpage", "selfmodifying", 1, 1),
            figure("linux", "boot", 1, 3),
        ]
        for place in report.figures.indices.suffix(3).prefix(2) { report.figures[place].events = 1_000_000 }
        report.seeds = ["twice": "6d61"]
        return report
    }()

    private func object(_ value: Any?, _ path: String...) throws -> Any {
        try path.reduce(try #require(value)) { try #require(($0 as? [String: Any])?[$1], "\(path)") }
    }

    @Test("A group's speedup in the JSON is QEMU's time over ours: geometric mean, least, and each program's")
    func speedup() throws {
        let json = try JSONSerialization.jsonObject(with: Data(try Self.report.json().utf8))
        #expect(try object(json, "groups", "integer", "speedup", "geomean") as? Double == 4)  // the root of 2 times 8
        #expect(try object(json, "groups", "integer", "speedup", "min") as? Double == 2)
        #expect(
            try object(json, "groups", "integer", "speedup", "programs") as? [String: Double]
                == ["twice": 2, "eightfold": 8])
        #expect(try object(json, "groups", "boot", "speedup", "programs") as? [String: Double] == ["linux": 3])
        #expect(try object(json, "engine") as? String == "interpreter")
        #expect(try object(json, "versions", "qemu") as? String == "QEMU emulator version 7.2")
        #expect(try object(json, "seeds", "programs") as? [String: String] == ["twice": "6d61"])
    }

    @Test("The mean of all leaves out the programs that rewrite themselves and the boot, whose time is the wall's")
    func mean() throws {
        // The cube root of 2 times 8 times 1/2.
        let all = try #require(Self.report.speedup(nil))
        #expect(abs(all.geomean - 2) < 1e-12)
        #expect(all.min == 0.5)
        #expect(!Self.report.table.contains { $0.hasPrefix("selfmodifying:") })
    }

    @Test("The table tells what it costs that data lies on a page of code")
    func sharing() {
        #expect(Self.report.table.contains("sharedpage, times as long as ownpage: orrery 1.00, qemu 1000.00"))
    }

    @Test("The chart is XML, with a bar for each program within the picture")
    func chart() throws {
        let svg = BenchChart(Self.report).svg
        for figure in Self.report.figures { #expect(svg.contains(">\(figure.name)</text>"), "\(figure.name)") }
        #expect(!svg.contains("<of>") && !svg.contains("R&D"))
        for bar in svg.matches(of: /<rect class="(?:fast|slow)" x="([0-9.]+)" .* width="([0-9.]+)"/) {
            let (left, width) = (try #require(Double(bar.1)), try #require(Double(bar.2)))
            #expect(left >= 160 && left + width <= 820, "\(bar.0)")
        }
        #expect(svg.matches(of: /<rect class="(?:fast|slow)"/).count == Self.report.figures.count)
    }

    // MARK: Catalogue

    @Test("Each program of the catalogue has a source for each architecture, a name of its own, and events or none")
    func catalogue() throws {
        let programs = try BenchProgram.catalogue()
        #expect(Set(programs.map(\.name)).count == programs.count)
        for program in programs {
            let group = "testsuites/bench/\(program.group)/"
            for target in [BenchTarget.riscv, .aarch64] where program.only == nil || program.only == target {
                let sources = ["\(program.name).swift", "\(target)/\(program.name).S"]
                let found = sources.filter { (try? ProjectFolder.find(group + $0)) != nil }
                #expect(found.count == 1, "of \(sources) in \(group) there is \(found)")
            }
            #expect((program.events > 0) == ["system", "selfmodifying"].contains(program.group), "\(program.name)")
        }
    }

    @Test("A board is known by each of its names, and what is none is refused")
    func boards() throws {
        #expect(try BenchTarget(board: nil) == .riscv)
        #expect(try BenchTarget(board: "virt") == .riscv)
        #expect(try BenchTarget(board: "aarch64-virt") == .aarch64)
        #expect(throws: InputError.self) { try BenchTarget(board: "aarch64") }
    }

    // MARK: Processes

    @Test("A process that has printed what it is run for is stopped there, also when that came in two pieces")
    func until() throws {
        let script = "printf 'boot\\n#'; sleep 0.2; printf ' '; exec sleep 60"
        var process = HostProcess("/bin/sh", ["-c", script], limit: 30)
        process.until = Array("\n# ".utf8)
        let ended = try process.run()
        let time = try #require(ended.timeUntil)
        #expect(time >= 0.2 && time < 20)
        #expect(ended.end == .signalled(SIGKILL))
        #expect(String(decoding: ended.output, as: UTF8.self) == "boot\n# ")
    }

    @Test("A process that never prints it ends by itself, and no time is told")
    func never() throws {
        var process = HostProcess("/bin/sh", ["-c", "echo boot"], limit: 30)
        process.until = Array("\n# ".utf8)
        let ended = try process.run()
        #expect(ended.timeUntil == nil)
        #expect(ended.end == .exited(0))
    }

    @Test("The peak memory of a process is at least what it touched")
    func memory() throws {
        // awk makes one string of 2^28 bytes by doubling, more than this process has.
        let program = "BEGIN { s = \"x\"; for (i = 0; i < 28; i++) s = s s; print length(s) }"
        let ended = try HostProcess("/usr/bin/awk", [program], limit: 60).run()
        #expect(String(decoding: ended.output, as: UTF8.self) == "268435456\n")
        #expect(ended.peakMemory >= 1 << 28)
    }
}
