import ArgumentParser
import Glibc
import Machine

/// `orrery dap`.
struct DAPCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dap", abstract: "Let an editor debug a machine, forwards and backwards.",
        discussion: """
            Speaks the Debug Adapter Protocol, as VS Code, Neovim, Emacs and other editors do, which start it themselves, by
            standard input and output; docs/editors.md says how to have them do so. CPUs are threads. An editor launches
            a machine:
              program        what `orrery run` would run: a program, or a machine description (.yaml)
              options        the words of a description, over the file's: {"memory": "256M", "harts": 2}
              symbols        further programs that run in the machine, for their debug information: paths, or
                             {"path": "vmlinux", "bias": "0x..."}, where it is not where it was linked
              sourceMap      folders that have moved since: {"/build": "/home/me/project"}
              stopOnEntry    stand at the first instruction
              stopAtExit     stand at the end, too, from which one may go back
            or attaches to a run that was recorded, "recording", which it goes through in both directions.

            Examples:
              orrery dap
              orrery dap --listen 4711
              orrery dap --listen unix:/tmp/dap
            """)

    @Option(
        help: ArgumentHelp(
            "Wait for one editor to connect: at a port of this computer, or of an address, or at a socket.",
            valueName: "port|address:port|unix:path"))
    var listen: String?

    func run() throws {
        let place = try listen.map { text throws(UsageError) in
            do throws(ValueError) { return try GDBPlace(text) } catch { throw UsageError(flag: "listen", error) }
        }
        if place == nil, isatty(STDIN_FILENO) == 1 {
            throw UsageError(
                "orrery dap is for an editor that starts it. For one that connects: orrery dap --listen 4711")
        }
        let server = try DAPServer(place ?? .standardStreams)
        if !Terminal.isInteractive { Interruption.watch() }
        server.run()
        Interruption.obey()
    }
}

/// Serves one editor, and runs the machine that it asks for.
final class DAPServer: DebugAdapterHost {
    private let connection: GDBConnection
    private var host: RunHost?
    private var session: Session?
    private var target: MachineTarget?
    private var output: ConsoleOutput?
    private lazy var debugger = DAPSession(self)

    /// Waits until the editor has connected.
    init(_ place: GDBPlace) throws {
        guard place != .standardStreams else {
            connection = GDBConnection()
            return
        }
        let listener = try GDBListener(place, flag: "--listen")
        StandardStreams.complain("waiting for an editor at \(listener.place)")
        while true {
            var wait = pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0)
            poll(&wait, 1, -1)
            if Interruption.signal != 0 { throw ExitCode(ExitStatus.success.rawValue) }
            guard let socket = listener.accept() else { continue }
            connection = GDBConnection(socket: socket)
            return
        }
    }

    private var descriptors: [pollfd] { connection.descriptors(wantsInput: debugger.wantsInput) }

    func run() {
        while Interruption.signal == 0 {
            if debugger.wantsInput { debugger.receive(connection.read()) }
            exchange()
            if connection.isClosed || debugger.isOver && !connection.hasUnsent { break }
            if debugger.isRunning, !debugger.isFull {
                debugger.advance()
                output?.flush()
            } else if let host {
                if host.stand(besides: descriptors) { break }
            } else {
                var waits = descriptors
                poll(&waits, nfds_t(waits.count), -1)
            }
        }
        debugger.close()
        target?.deleteMonitorStops()
        exchange()
    }

    /// Sends what is to be sent, as far as the other side takes it.
    private func exchange() {
        connection.flush()
        while !connection.hasUnsent, !connection.isClosed {
            let bytes = debugger.takeOutput()
            if bytes.isEmpty { return }
            connection.send(bytes)
        }
    }

    // MARK: Machines

    func launch(_ arguments: JSON) throws(DebugRefusal) -> DebuggedProgram {
        guard let path = (arguments["program"] ?? arguments["machine"])?.string else {
            throw DebugRefusal("program is missing: what is to run, or a machine description (.yaml)")
        }
        return try made(arguments, path) { console in
            var flags = MachineDescription()
            for (key, texts) in try Self.options(arguments) { try flags.set(flag: key, texts) }
            let description: MachineDescription
            if path.hasSuffix(".yaml") || path.hasSuffix(".yml") {
                description = try DescriptionFile.read(path).overridden(by: flags)
            } else {
                flags.kernel = path
                description = flags
            }
            let session = try Session(
                description, builtInFirmware: try BuiltInFirmware.read(), console: console, report: report)
            return session
        }
    }

    func attach(_ arguments: JSON) throws(DebugRefusal) -> DebuggedProgram {
        guard let path = arguments["recording"]?.string else {
            throw DebugRefusal("recording is missing: a file that orrery run --record has written")
        }
        return try made(arguments, path) { console in
            let recording = try RecordingFile(path)
            var description = recording.description
            for (key, texts) in try Self.options(arguments) where key == .engine {
                try description.set(flag: key, texts)
            }
            let session = try Session(description, console: console, repeats: recording.images, report: report)
            session.companion = try RunReplayer(recording.recording)
            return session
        }
    }

    private func report(_ text: String) {
        debugger.tell(text)
    }

    private func made(
        _ arguments: JSON, _ name: String, _ make: (ConsoleHub) throws -> Session
    ) throws(DebugRefusal) -> DebuggedProgram {
        do {
            let console = ConsoleHub()
            let output = ConsoleOutput { [unowned self] in debugger.console($0) }
            console.listeners.append { output.write($0) }
            let session = try make(console)
            let host = RunHost(session, output)
            host.debugger = { [unowned self] in descriptors }
            try host.showDisplay()
            let target = MachineTarget(session) { RunHost.describe($0, session.description, on: session.board) }
            (self.output, self.session, self.host, self.target) = (output, session, host, target)
            let sources = try Self.sources(session, arguments, report: report)
            return DebuggedProgram(
                target: target, sources: sources, symbols: SymbolFinder(session.symbols), name: name,
                sourceMap: try Self.sourceMap(arguments))
        } catch {
            switch error {
            case let error as DebugRefusal: throw error
            case let error as InputError: throw DebugRefusal(error.description)
            case let error as UsageError: throw DebugRefusal(error.description)
            case let error as TraceFileError: throw DebugRefusal(error.inputError.description)
            default: throw DebugRefusal("\(error)")
            }
        }
    }

    /// The words of a description that the editor's configuration has.
    private static func options(_ arguments: JSON) throws -> [(MachineDescription.Key, [String])] {
        guard let options = arguments["options"] else { return [] }
        guard case .object(let members) = options else {
            throw DebugRefusal("options is no object of words and values")
        }
        return try members.map { name, value in
            guard let key = MachineDescription.Key(rawValue: name) else {
                let words = MachineDescription.Key.allCases.filter { !$0.isHidden }.map(\.rawValue)
                throw DebugRefusal(
                    "options: there is no word \(name.prefix(40)). There are: \(words.joined(separator: ", "))")
            }
            let values = value.array ?? [value]
            return (
                key,
                try values.map { value in
                    switch value {
                    case .string(let text): return text
                    case .number(let number): return String(number)
                    case .bool(let bool): return String(bool)
                    default: throw DebugRefusal("options: \(name) is no text or number")
                    }
                }
            )
        }
    }

    private static func sourceMap(_ arguments: JSON) throws(DebugRefusal) -> [(from: String, to: String)] {
        guard let map = arguments["sourceMap"] else { return [] }
        guard case .object(let members) = map else { throw DebugRefusal("sourceMap is no object of folders") }
        var pairs: [(from: String, to: String)] = []
        for (from, to) in members {
            guard let to = to.string else { throw DebugRefusal("sourceMap: \(from.prefix(40)) leads to no folder") }
            pairs.append((from, to))
        }
        return pairs
    }

    /// The debug information of what runs: the programs of the description, and those that the configuration names.
    private static func sources(
        _ session: Session, _ arguments: JSON, report: (String) -> Void
    ) throws -> SourcePrograms {
        var programs: [SourcePrograms.Program] = []
        for entry in arguments["symbols"]?.array ?? [] {
            guard let path = entry.string ?? entry["path"]?.string else {
                throw DebugRefusal("symbols: there are paths, and {\"path\": ..., \"bias\": \"0x...\"}")
            }
            var bias: UInt64 = 0
            if let text = entry["bias"]?.string {
                guard text.hasPrefix("0x"), let value = UInt64(text.dropFirst(2), radix: 16) else {
                    throw DebugRefusal("symbols: \"\(text.prefix(40))\" is no bias, such as 0x80000000")
                }
                bias = value
            }
            programs.append(.init(try DebugInformation(try InputFile.read(path)), bias: bias))
        }
        let paths = [session.description.kernel, session.description.firmware].compactMap(\.self).filter {
            $0 != "none"
        }
        for path in paths {
            let file = try InputFile.read(path)
            if ELFFile.isELF(file.bytes) { programs.append(.init(try DebugInformation(file))) }
        }
        if programs.allSatisfy(\.information.isEmpty) {
            report("the programs have no debug information: compile them with -g, or name such ones as symbols")
        }
        return SourcePrograms(programs)
    }
}
