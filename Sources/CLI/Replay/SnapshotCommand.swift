import ArgumentParser
import Machine

/// `orrery snapshot`.
struct SnapshotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot",
        abstract: "Save a machine as it is at some place of its run, and look at what was saved.",
        discussion: """
            Examples:
              orrery snapshot boot.yaml -o booted.orrery --until 'login: $'
              orrery run --from booted.orrery
              orrery snapshot list booted.orrery
              orrery snapshot diff booted.orrery later.orrery
            """,
        subcommands: [Take.self, List.self, Info.self, Diff.self], defaultSubcommand: Take.self)
}

extension SnapshotCommand {
    struct Take: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run a machine to some place, and save it there.",
            discussion: """
                The place is a number of instructions (--at), the moment when a line of the console matches (--until), or else
                the end of the script that types (--input). `orrery run --from` goes on from there, with either engine, as
                often as you like: what the guest wrote to disks is in the snapshot, and the disks' files stay as they are.

                The file is replaced when the snapshot is whole, and not before. With --add it joins those that are there.

                Examples:
                  orrery snapshot boot.yaml -o booted.orrery --until 'login: $'
                  orrery snapshot vmm.elf -o s.orrery --at 250M --name early
                  orrery snapshot boot.yaml -o s.orrery --input log-in.input
                """)

        @OptionGroup var machine: MachineOptions

        @Option(
            name: [.customShort("o"), .long], help: ArgumentHelp("Where it is saved.", valueName: "file"),
            completion: .file())
        var output: String

        @Option(help: ArgumentHelp("Behind how many instructions of all CPUs.", valueName: "n"))
        var at: String?

        @Option(help: ArgumentHelp("Its name in the file.", valueName: "name"))
        var name = ""

        @Flag(help: "Add it to the snapshots of the same machine that the file has.")
        var add = false

        @Flag(
            help: """
                Put the images and drives into the file too, so that it is of use where they are not, or have changed.
                """)
        var contents = false

        @Flag(help: "Do not show the console.")
        var quiet = false

        func run() throws {
            do { try take() } catch let error as TraceFileError { throw error.inputError }
        }

        private func take() throws {
            let place = try at.map { text throws(UsageError) in
                do throws(ValueError) { return try Count(text).value } catch { throw UsageError(flag: "at", error) }
            }
            let description = try machine.description().withOverlays
            guard description.hasProgram else {
                throw UsageError("there is no machine. Name a program: orrery snapshot vmm.elf -o S --at 1M")
            }
            guard place != nil || description.until != nil || description.input != nil else {
                throw UsageError("where is the snapshot to be taken? Give --at N, --until 'login: $' or --input FILE.")
            }
            let console = ConsoleHub()
            let output = ConsoleOutput()
            if !quiet { console.listeners.append { output.write($0) } }
            let session = try Session(
                description, builtInFirmware: try BuiltInFirmware.read(), console: console,
                report: { StandardStreams.complain($0) })
            // Before it runs: so the images are what the machine was made from.
            let saver = try SnapshotSaver(
                session, to: self.output, try Self.recipe(description, embedsContents: contents), adds: add)
            let host = RunHost(session, output)
            defer { withExtendedLifetime(host) {} }
            if place == nil, description.input != nil, description.until == nil {
                let look = session.betweenTurns
                session.betweenTurns = { look?($0) ?? false || session.scriptIsOver }
            }
            Interruption.watch()
            let conclusion = session.run(to: place ?? .max)
            output.endLine()
            Interruption.obey()
            try expectPlace(conclusion, session, place)
            let entry = try saver.save(name)
            StandardStreams.complain(
                "\(self.output): instruction \(grouped(entry.position)), \(seconds(entry.time)) of the machine's time"
            )
        }

        /// A run that ended by itself came not to the place.
        private func expectPlace(_ conclusion: Session.Conclusion, _ session: Session, _ place: UInt64?) throws {
            switch conclusion {
            case .suspended: return
            case .matched where place == nil: return
            case .quit where place == nil && session.scriptIsOver: return
            default: break
            }
            let why = RunHost.describe(conclusion, session.description, on: session.board)
            StandardStreams.complain(
                "no snapshot was taken: the run ended at instruction \(grouped(session.board.executed)), before the place"
                    + (why.map { ": \($0)" } ?? ""))
            let status = ExitStatus.of(conclusion, expectsMatch: true)
            throw ExitCode(status == 0 ? ExitStatus.untilNotMatched.rawValue : status)
        }

        /// What the file says that the machine is: without what was for the run up to here.
        static func recipe(_ description: MachineDescription, embedsContents: Bool) throws(InputError) -> MachineRecipe
        {
            let lasting = DescriptionFile.absolute(description.withoutRun)
            return MachineRecipe(
                description: try DescriptionFile.text(lasting), files: lasting.files,
                program: Orrery.configuration.version, embedsContents: embedsContents)
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show which snapshots a file has.",
            discussion: """
                Examples:
                  orrery snapshot list booted.orrery
                  orrery snapshot list boot.orrery --json | jq '.[].instructions'
                """)

        @Argument(help: "The file of snapshots, or a recording.", completion: .file())
        var file: String

        @Flag(help: "Print a list of objects of JSON.")
        var json = false

        func run() throws {
            do throws(TraceFileError) {
                let recording = try Recording(file)
                let entries = recording.snapshots.snapshots
                if let warning = recording.file.ending.warning { StandardStreams.complain("\(file) \(warning)") }
                StandardStreams.output(
                    json
                        ? JSON.array(entries.map { SnapshotReport.json($0) }).text + "\n"
                        : SnapshotReport.list(entries, isColoured: StandardStreams.outputIsColoured))
            } catch { throw error.inputError }
        }
    }

    struct Info: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what a snapshot is of, and what its CPUs and devices are.",
            discussion: """
                Examples:
                  orrery snapshot info booted.orrery
                  orrery snapshot info boot.orrery:early --fields | grep 'hart 0'
                """)

        @Argument(
            help: ArgumentHelp(
                "The file, and which of its snapshots (the last one).", valueName: "file[:name|:#number]"),
            completion: .file())
        var snapshot: String

        @Flag(help: "Show all registers, and all fields of devices.")
        var fields = false

        @Flag(help: "Print one object of JSON.")
        var json = false

        func run() throws {
            do {
                let image = try SnapshotImage(SnapshotPlace(snapshot))
                StandardStreams.output(
                    json
                        ? SnapshotReport.json(image, fields: fields).text + "\n"
                        : SnapshotReport.text(image, fields: fields, isColoured: StandardStreams.outputIsColoured))
            } catch let error as TraceFileError { throw error.inputError }
        }
    }

    struct Diff: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show in what two snapshots of a machine differ.",
            discussion: """
                Registers by their names, fields of devices, and pages of memory with the nearest symbol. The exit status is 0
                where nothing differs, and 1 where something does.

                Examples:
                  orrery snapshot diff s.orrery:before s.orrery:after
                  orrery snapshot diff a.orrery b.orrery --pages 100
                """)

        @Argument(help: ArgumentHelp("The one.", valueName: "file[:name|:#number]"), completion: .file())
        var first: String

        @Argument(help: ArgumentHelp("The other.", valueName: "file[:name|:#number]"), completion: .file())
        var second: String

        @Option(help: ArgumentHelp("How many pages are shown.", valueName: "n"))
        var pages = 20

        @Flag(help: "Print one object of JSON.")
        var json = false

        func run() throws {
            do {
                let images = (try SnapshotImage(SnapshotPlace(first)), try SnapshotImage(SnapshotPlace(second)))
                let difference = try SnapshotDifference(images.0.contents, images.1.contents)
                StandardStreams.output(
                    json
                        ? SnapshotReport.json(difference, images.0, images.1).text + "\n"
                        : SnapshotReport.text(
                            difference, images.0, images.1, pages: max(pages, 0),
                            isColoured: StandardStreams.outputIsColoured))
                throw ExitCode(difference.isEmpty ? 0 : 1)
            } catch let error as TraceFileError { throw error.inputError }
        }
    }
}
