import ISA

/// A machine with its images loaded, run until something ends it.
public final class Session {
    public let description: MachineDescription
    public let board: any Board
    public let console: ConsoleHub
    /// What comes from outside comes this way.
    public let port: HostPort
    /// What the network card is connected to, if it is a network that ``MachineDescription/net`` describes.
    public var network: UserNetwork? { networkSwitch?.network }
    private let networkSwitch: NetworkSwitch?
    /// What is told of trouble.
    private let report: (String) -> Void
    /// The firmware that runs, if it is what came with this emulator.
    public private(set) var builtInFirmware: InputFile?
    public let plan: LoadPlan
    /// Of the kernel and of the firmware, for traces and post-mortems.
    public let symbols: [SymbolTable]
    /// Those of the kernel and the firmware that are ELF files, in this order: for debug information.
    public let programs: [InputFile]
    private var hostTargetInterface: HostTargetInterface?
    private var script: InputScriptPlayer?
    private let until: Regex<AnyRegexOutput>?
    private let failOn: [(pattern: String, regex: Regex<AnyRegexOutput>)]
    /// Called between turns, with the virtual time: the place for whatever looks at the host. True ends the run.
    public var betweenTurns: ((UInt64) -> Bool)?
    /// The machine is where it has been before (``Timeline``): nothing comes from outside, and nothing goes there.
    var isRepeating = false {
        didSet {
            console.isMuted = isRepeating
            networkSwitch?.isCut = isRepeating
        }
    }
    /// Where snapshots of the machine are kept under names, if anywhere.
    public internal(set) var snapshots: SnapshotKeeper?
    /// Its run is written down, and so goes one way.
    var isRecorded = false
    /// How often the machine was put back to a snapshot.
    private(set) var restorations = 0
    /// Records the run, or has it be as one that was recorded.
    public var companion: (any RunCompanion)?
    /// Of a run that is repeated: the way out of the recording.
    public internal(set) weak var replay: ReplayedRun?
    /// Lets an idle machine wait for the host instead of skipping to the next event, if there is one. What it returns
    /// ends the run.
    public var waitsForHost: ((_ idleUntil: UInt64?) -> Conclusion?)?

    /// Why a run ended.
    public enum Conclusion: Equatable, Sendable {
        /// The guest powered itself off; 0 is success.
        case exited(status: UInt64)
        /// The guest reported failure, through the test device or the SBI.
        case failed(code: UInt64)
        /// The console matched what was waited for.
        case matched(line: String)
        /// The console matched a pattern of failure.
        case failureMatched(pattern: String, line: String)
        /// The virtual time is up.
        case timedOut
        /// As many instructions as were allowed have been executed.
        case instructionLimit
        /// The script of ``MachineDescription/input`` expected what did not come in time.
        case expectationFailed(file: String, line: Int, pattern: String)
        /// Every CPU waits and no event is to come.
        case hung
        /// The user ended it.
        case quit
        /// It has come to where it was to stop, or a debugger has stopped it. It may go on.
        case suspended
        /// What was recorded of the run ends here.
        case recordingEnded
        /// The run is not the one that was recorded.
        case diverged(Divergence)
    }

    /// - Parameters:
    ///   - boards: those that the description may choose from.
    ///   - builtInFirmware: what runs when the description names no firmware; nil where there is none. Asked for only
    ///     when it is needed: a program linked at the start of RAM stands where firmware would, and runs without.
    ///   - repeats: the run is to be one that was recorded: nothing comes from outside, no file is written to, and the
    ///     device tree is the one that was used then. Its ``companion`` is still to be set.
    ///   - start: where the machine starts, if not with power-on. It is of one that was made from the same description.
    ///   - report: told in a sentence of trouble that the user should know of.
    public init(
        _ description: MachineDescription, boards: [any Board.Type] = MachineCatalog.boards,
        builtInFirmware: @autoclosure () throws(InputError) -> InputFile? = nil,
        console: ConsoleHub = ConsoleHub(), repeats: RecordedImages? = nil, from start: MachineSnapshot? = nil,
        report: @escaping (String) -> Void = { _ in }
    ) throws(InputError) {
        let description = repeats == nil ? description : description.withoutOutside
        // What may be another's in another build of this program.
        let recorded = repeats ?? start?.images
        self.description = description
        self.console = console
        self.report = report
        let named = try MachineCatalog.board(named: description.machine, among: boards)
        until = try description.until.map { text throws(InputError) in try Self.regex(text, "--until") }
        var failOn: [(pattern: String, regex: Regex<AnyRegexOutput>)] = []
        for text in description.failOn { failOn.append((text, try Self.regex(text, "--fail-on"))) }
        self.failOn = failOn

        let limit = Int(clamping: description.memorySize)
        func program(_ path: String?) throws(InputError) -> InputFile? {
            guard let path, path != "none" else { return nil }
            return try LoadableImage.decompressed(try InputFile.read(path), limit: limit)
        }
        let programs = (kernel: try program(description.kernel), firmware: try program(description.firmware))
        let kind =
            named
            ?? MachineCatalog.board(for: [programs.kernel, programs.firmware].compactMap(\.self), among: boards)

        var connections = BoardConnections(console: console)
        connections.report = report
        if case .user(let user)? = description.net {
            let networkSwitch = NetworkSwitch()
            self.networkSwitch = networkSwitch
            connections.network = networkSwitch
            connections.macAddress = user.macAddress
            if repeats == nil {
                networkSwitch.network = try UserNetwork(
                    user, clock: connections.clock, input: networkSwitch.input, report: report)
            }
        } else {
            networkSwitch = nil
        }
        board = try kind.init(description, connections)
        let board = board
        port = HostPort(board, console: console.input, network: connections.network?.input)

        let entry = kind.catalogEntry
        func image(_ file: InputFile?) throws(InputError) -> LoadableImage? {
            guard let file else { return nil }
            return try LoadableImage(file, machine: entry.architecture, limit: limit)
        }
        let kernel = try image(programs.kernel)
        var firmware: LoadableImage?
        switch entry.firmware {
        case .loaded:
            firmware = try image(programs.firmware)
            if description.firmware == nil, !(kernel?.occupies(board.ramBase) ?? false) {
                self.builtInFirmware =
                    if let recorded = recorded?.builtInFirmware { recorded } else { try builtInFirmware() }
                firmware = try image(self.builtInFirmware)
            }
        case .inFlash: try programs.firmware.map(Self.checkFlash)
        }
        let initrd = try description.initrd.map { path throws(InputError) in try InputFile.read(path) }
        var modules: [InputFile] = []
        for module in description.modules { modules.append(try InputFile.read(module.path)) }
        // Firmware in flash decides for itself what becomes of a kernel.
        let isFirmwares = entry.firmware == .inFlash && programs.firmware != nil
        if isFirmwares {
            board.offerToFirmware(kernel: programs.kernel, initrd: initrd, commandLine: description.append)
        }
        var plan = try LoadPlan(
            memory: LoadPlan.Memory(base: board.ramBase, size: board.memorySize), rules: board.loadRules,
            firmware: firmware, kernel: isFirmwares ? nil : kernel, initrd: isFirmwares ? nil : initrd,
            modules: modules)
        let tree =
            if let recorded = recorded?.deviceTree { recorded } else { try Self.deviceTree(description, board, plan) }
        try plan.placeDeviceTree(tree)
        self.plan = plan
        symbols = [kernel?.symbols, firmware?.symbols].compactMap { $0 }
        self.programs = [programs.kernel, programs.firmware ?? self.builtInFirmware].compactMap(\.self).filter {
            ELFFile.isELF($0.bytes)
        }
        if description.jitPerfMap ?? false, let translator = board.translator {
            try PerfMap.ofProcess().follow(translator, SymbolFinder(symbols))
        }
        if case .elf(let elf)? = kernel?.contents, let toHost = elf.physicalAddress(ofSymbol: "tohost") {
            hostTargetInterface = HostTargetInterface(
                memory: board.memory, toHost: toHost, fromHost: elf.physicalAddress(ofSymbol: "fromhost"),
                console: { [console] in console.write($0) })
            board.scheduler.quantum = min(board.scheduler.quantum, HostTargetInterface.quantum)
        }
        try board.powerOn(plan)
        try start?.restore(board)
        if let path = description.input {
            script = InputScriptPlayer(try InputScript(try InputFile.read(path)), console, board.clock)
            board.scheduler.quantum = min(board.scheduler.quantum, InputScriptPlayer.quantum)
        }
    }

    private static func checkFlash(_ firmware: InputFile) throws(InputError) {
        guard ELFFile.isELF(firmware.bytes) else { return }
        throw InputError(
            file: firmware.name, problem: "is an ELF file, and firmware of this machine is what its flash holds",
            mend: "Give the image made from it, or start it by --kernel.")
    }

    private static func regex(_ text: String, _ option: String) throws(InputError) -> Regex<AnyRegexOutput> {
        do {
            return try Regex(text)
        } catch {
            throw InputError(
                file: option, problem: "\"\(text.prefix(80))\" is not a regular expression: \(error)",
                mend: "Put a backslash before characters that stand for themselves.")
        }
    }

    /// The tree that was given, or the board's own, with command line and RAM disk filled in.
    public static func deviceTree(
        _ description: MachineDescription, _ board: any Board, _ plan: LoadPlan
    ) throws(InputError) -> [UInt8] {
        do {
            var tree: DeviceTree
            if let path = description.dtb {
                tree = try DeviceTree(try InputFile.read(path))
                if let append = description.append { tree.setBootArguments(append) }
                if let initrd = plan.initrd { tree.setInitrd(initrd) }
            } else {
                tree = board.deviceTree(for: plan, bootArguments: description.append)
            }
            for (module, range) in zip(description.modules, plan.modules) {
                let bytes = plan.placement(at: range.lowerBound)?.bytes ?? []
                tree.addModule(
                    at: range, isKernel: module.arguments != nil || LoadableImage.isProgram(bytes),
                    arguments: module.arguments)
            }
            return try tree.blob()
        } catch let error as InputError {
            throw error
        } catch {
            throw InputError(file: description.dtb ?? "device tree", problem: "\(error)")
        }
    }

    /// The device tree that the machine was started with.
    public var deviceTree: [UInt8] {
        plan.deviceTree.flatMap { plan.placement(at: $0) }.map { Array($0.bytes) } ?? []
    }

    /// Has a run that was repeated go on as an ordinary one: what its description says of the outside is there from here on.
    /// Connections that the guest believes open are not: whoever it was that it spoke to is gone.
    /// - Parameter input: a script that types, in place of a person.
    public func goLive(input: InputFile? = nil) throws(InputError) {
        if case .user(let user)? = description.net, let networkSwitch, networkSwitch.network == nil {
            networkSwitch.network = try UserNetwork(
                user, clock: board.clock, input: networkSwitch.input, report: report)
        }
        if let input {
            script = InputScriptPlayer(try InputScript(input), console, board.clock)
            board.scheduler.quantum = min(board.scheduler.quantum, InputScriptPlayer.quantum)
        }
    }

    /// Runs until something ends the run, or it comes to `place`. May be called again, to go on: where a run was stopped
    /// changes nothing of it.
    /// - Parameter place: a number of instructions, executed by all CPUs together.
    public func run(to place: UInt64 = .max) -> Conclusion {
        // What the guest asked for stands until it is obeyed: a monitor may have stepped over the request.
        if board.request != nil, let conclusion = serveRequest() { return conclusion }
        let scheduler = board.scheduler
        let timeLimit = min(description.timeout?.nanoseconds ?? .max, Clock.end)
        let allowed = description.maxInstructions?.value ?? .max
        while true {
            let ending = scheduler.isBetweenRounds ? companion?.betweenRounds(self) : companion?.inRound(self)
            if let ending { return ending }
            let executed = board.executed
            if executed >= allowed { return .instructionLimit }
            if executed >= place { return .suspended }
            let before = scheduler.time
            let end = min(allowed, place)
            // A companion has something to do there.
            let next = companion?.nextPosition ?? .max
            let outcome = scheduler.round(
                limit: min(timeLimit, companion?.nextTime ?? .max),
                instructions: (next > executed ? min(end, next) : end) - executed,
                skips: isRepeating || waitsForHost == nil)
            if outcome == .suspended {
                if !scheduler.isStoppedByDebugger, board.executed < end { continue }
                guard board.executed >= allowed else { return .suspended }
                return lookAtGuest() ?? .instructionLimit
            }
            if looksAtMemory(since: before, outcome), let code = hostTargetInterface?.poll() {
                return code == 0 ? .exited(status: 0) : .failed(code: code)
            }
            // A device has written what a debugger watches, while no CPU ran.
            if board.memory.stops.takeDeviceStop() { return .suspended }
            if isRepeating, outcome == .progress || outcome == .stuck {
                if outcome == .stuck { scheduler.advance(to: companion?.nextTime ?? scheduler.time) }
                continue
            }
            if let conclusion = lookAtGuest() { return conclusion }
            switch outcome {
            case .progress, .suspended: break
            case .stopped: if let conclusion = serveRequest() { return conclusion }
            case .stuck:
                if let time = companion?.nextTime {
                    scheduler.advance(to: time)
                } else {
                    guard let waitsForHost else { return .hung }
                    if let conclusion = waitsForHost(nil) { return conclusion }
                }
            case .idle(let deadline):
                if let conclusion = waitsForHost?(min(deadline, timeLimit)) { return conclusion }
            }
            if betweenTurns?(scheduler.time) ?? false { return .quit }
            if scheduler.time >= timeLimit { return .timedOut }
        }
    }

    /// Makes the machine what it was when a snapshot of it was taken. The run goes on from there.
    func restore(_ snapshot: MachineSnapshot) throws(InputError) {
        restorations += 1
        try snapshot.restore(board)
    }

    /// Another run begins where the machine was put back to: nobody has seen anything of it.
    /// - Parameter next: what is typed in it.
    func beginAgain(_ next: InputScript?) {
        console.forget()
        script = next.map { InputScriptPlayer($0, console, board.clock) }
        if next != nil { board.scheduler.quantum = min(board.scheduler.quantum, InputScriptPlayer.quantum) }
    }

    /// The script of ``MachineDescription/input`` has been played to its end, if there is one.
    public var scriptIsOver: Bool { script?.isOver ?? true }

    /// Whether the host-target interface is to look at memory now. Where the turns of a lone CPU end, apart from every so
    /// many instructions, depends on who looks at it.
    private func looksAtMemory(since before: UInt64, _ outcome: Scheduler.Outcome) -> Bool {
        let quantum = HostTargetInterface.quantum
        return before / quantum != board.scheduler.time / quantum || outcome == .stuck
    }

    /// What the guest has said on the console.
    private func lookAtGuest() -> Conclusion? {
        for line in console.takeLines() {
            for (pattern, regex) in failOn where line.contains(regex) {
                return .failureMatched(pattern: pattern, line: line)
            }
            if let until, line.contains(until) { return .matched(line: line) }
        }
        return script?.advance()
    }

    private func serveRequest() -> Conclusion? {
        switch board.request {
        case .powerOff(let status)?: return .exited(status: UInt64(status))
        case .fail(let code)?: return .failed(code: UInt64(code))
        case .reset?:
            do throws(InputError) {
                try board.powerOn(plan)
            } catch {
                return .failed(code: 1)
            }
            return nil
        case nil: return .quit
        }
    }
}
