import ArgumentParser
import Machine

/// `orrery trace`.
struct TraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "Look at recordings and snapshots.",
        subcommands: [
            Info.self, Exits.self, Latencies.self, Events.self, Profile.self, Perfetto.self, Coverage.self,
        ], defaultSubcommand: Info.self)

    struct Info: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what a recording or a file of snapshots holds.",
            discussion: """
                A recording that was cut short is shown as far as it goes. With --verify, it is refused.

                Examples:
                  orrery trace info boot.orrery
                  orrery trace info boot.orrery --json | jq .snapshots
                """)

        @Argument(help: "The recording.", completion: .file())
        var file: String

        @Flag(help: "Print one object of JSON.")
        var json = false

        @Flag(help: "Read all of the file and compare every checksum; exit status 65 where it is not whole.")
        var verify = false

        func run() throws {
            do {
                let recording = try Recording(file)
                if verify { try recording.check() }
                let summary = try TraceSummary(recording)
                if verify, let warning = summary.ending.warning { throw InputError(file: file, problem: warning) }
                StandardStreams.output(
                    json
                        ? TraceReport.json(summary).text + "\n"
                        : TraceReport.text(summary, isColoured: StandardStreams.outputIsColoured))
            } catch let error as TraceFileError {
                throw error.inputError
            }
        }
    }
}
