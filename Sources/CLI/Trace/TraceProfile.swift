import ArgumentParser
import Machine

extension TraceCommand {
    /// `orrery trace profile`.
    struct Profile: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show where a run spends its instructions, by function, as stacks or as a flame graph.",
            discussion: """
                The recording is run again, and stopped each so many instructions to see which function a CPU is in, and who \
                called it. The same recording gives the same profile. What guests execute is told apart from what their \
                hypervisor does; code without symbols is shown by its page.

                By --stacks calls, each call and return is followed: callers are exact for code of any kind, and the run is \
                interpreted, instruction by instruction. By --stacks pointers, frame pointers tell the callers of code that \
                keeps them, at full speed. Short runs are followed, and long ones only where that is asked for.

                Examples:
                  orrery trace profile hyper.orrery
                  orrery trace profile hyper.orrery -o flame.svg --symbols guest:basic.elf
                  orrery trace profile hyper.orrery --folded | flamegraph.pl > flame.svg
                """)

        @Argument(help: "The recording.", completion: .file())
        var file: String

        @OptionGroup var symbols: SymbolOptions

        @Option(help: ArgumentHelp("Instructions from one sample to the next.", valueName: "n"))
        var every: String?

        @OptionGroup var callers: CallerOptions

        @Option(name: .shortAndLong, help: ArgumentHelp("Write a flame graph, a picture of SVG.", valueName: "file"))
        var output: String?

        @Flag(help: "Print a line a stack, and how often it was seen: Brendan Gregg's folded stacks.")
        var folded = false

        @Flag(help: "Print one object of JSON.")
        var json = false

        @Option(help: "Rows of the table.")
        var top = 40

        func run() throws {
            var interval = InstructionProfile.defaultInterval
            if let every {
                do throws(ValueError) { interval = try Count(every).value } catch {
                    throw UsageError(flag: "every", error)
                }
                if interval == 0 { throw UsageError("--every: there are no samples of 0 instructions. Give 10000.") }
            }
            let replay = try TraceReplay(file, callers: callers)
            let profile = InstructionProfile(
                replay.session, try symbols.spaces(replay.session), interval: interval,
                calls: try replay.callTracker())
            try replay.run { _ in profile.run() }
            if profile.shortened > 0 {
                StandardStreams.complain(
                    "\(grouped(profile.shortened)) samples are shown without their stacks, of which there were too many: "
                        + "sample less often by --every")
            }
            if let output {
                let picture = FlameGraphPicture(
                    FlameGraph(profile.stacks), title: "Instructions of \(Self.name(of: file))",
                    unit: "samples, one each \(grouped(interval)) instructions")
                try OutputFile.write(picture.text, to: output)
            }
            if folded { return StandardStreams.output(profile.folded) }
            if json { return StandardStreams.output(Self.json(profile).text + "\n") }
            if output == nil {
                StandardStreams.output(
                    Self.table(profile, top: max(top, 1), Paint(isColoured: StandardStreams.outputIsColoured)))
            }
        }

        static func name(of path: String) -> String { String(path.split(separator: "/").last ?? "") }

        static func table(_ profile: InstructionProfile, top: Int, _ paint: Paint) -> String {
            let rows = profile.rows
            let all = Double(max(profile.samples, 1))
            var cells = [["own", "", "with callees", "", "whose", "function"]]
            for row in rows.prefix(top) {
                cells.append([
                    grouped(row.own), decimal(100 * Double(row.own) / all, places: 1) + " %", grouped(row.all),
                    decimal(100 * Double(row.all) / all, places: 1) + " %", row.root, row.name,
                ])
            }
            var lines = aligned(cells, left: [4, 5])
            lines[0] = paint.heading(lines[0])
            var text = "\(grouped(profile.samples)) samples, one each \(grouped(profile.interval)) instructions\n"
            text += lines.map { $0 + "\n" }.joined()
            if rows.count > top { text += "and \(grouped(UInt64(rows.count - top))) functions more (--top)\n" }
            return text
        }

        private static func json(_ profile: InstructionProfile) -> JSON {
            .object([
                ("interval", .number(profile.interval)), ("samples", .number(profile.samples)),
                (
                    "functions",
                    .array(
                        profile.rows.map {
                            .object([
                                ("root", .string($0.root)), ("name", .string($0.name)), ("own", .number($0.own)),
                                ("all", .number($0.all)),
                            ])
                        })
                ),
            ])
        }
    }
}
