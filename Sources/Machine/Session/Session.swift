import ISA

/// A machine with its images loaded, run until something ends it.
public final class Session {
    public let description: MachineDescription
    public let board: RISCVVirt
    public let console: ConsoleHub
    /// What the network card is connected to, if it is a network that ``MachineDescription/net`` describes.
    public let network: UserNetwork?
    public let plan: LoadPlan
    /// Of the kernel and of the firmware, for traces and post-mortems.
    public let symbols: [SymbolTable]
    private var hostTargetInterface: HostTargetInterface?
    private var script: InputScriptPlayer?
    private let until: Regex<AnyRegexOutput>?
    private let failOn: [(pattern: String, regex: Regex<AnyRegexOutput>)]
    /// Called between turns, with the virtual time: the place for whatever looks at the host. True ends the run.
    public var betweenTurns: ((UInt64) -> Bool)?
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
        /// Every hart waits and no event is to come.
        case hung
        /// The user ended it.
        case quit
    }

    /// - Parameters:
    ///   - builtInFirmware: what runs when the description names no firmware; nil where there is none. Asked for only
    ///     when it is needed: a program linked at the start of RAM stands where firmware would, and runs without.
    ///   - report: told in a sentence of trouble that the user should know of.
    public init(
        _ description: MachineDescription, builtInFirmware: @autoclosure () throws(InputError) -> InputFile? = nil,
        console: ConsoleHub = ConsoleHub(),
        report: @escaping (String) -> Void = { _ in }
    ) throws(InputError) {
        self.description = description
        self.console = console
        if let machine = description.machine, machine != "virt" {
            throw InputError(
                file: "--machine", problem: "there is no machine \"\(machine)\"",
                mend: nearestWord(to: machine, among: ["virt"]).map { "Did you mean \($0)?" }
                    ?? "`orrery machines` lists them.")
        }
        until = try description.until.map { text throws(InputError) in try Self.regex(text, "--until") }
        var failOn: [(pattern: String, regex: Regex<AnyRegexOutput>)] = []
        for text in description.failOn { failOn.append((text, try Self.regex(text, "--fail-on"))) }
        self.failOn = failOn

        var configuration = RISCVVirt.Configuration(console: console)
        configuration.harts = description.harts ?? 1
        configuration.memorySize = description.memory?.bytes ?? 128 << 20
        configuration.features = try RISCV.Features(cpu: description.cpu)
        configuration.drives = description.drives
        configuration.flash = description.flash
        configuration.hasDisplay = try description.hasDisplay
        configuration.seed = description.seed ?? 0
        configuration.engine = description.engine ?? .default
        configuration.jitOptions = description.jitOptions
        configuration.report = report
        if case .user(let user)? = description.net {
            network = try UserNetwork(user, clock: configuration.clock, report: report)
            configuration.network = network
            configuration.macAddress = user.macAddress
        } else {
            network = nil
        }
        board = try RISCVVirt(configuration)

        let limit = Int(clamping: configuration.memorySize)
        func image(_ path: String?) throws(InputError) -> LoadableImage? {
            guard let path else { return nil }
            return try LoadableImage(try InputFile.read(path), machine: .riscv, limit: limit)
        }
        let kernel = try image(description.kernel)
        var firmware: LoadableImage?
        switch description.firmware {
        case "none": break
        case let path?: firmware = try image(path)
        case nil:
            if !(kernel?.occupies(RISCVVirtLayout.ramBase) ?? false), let builtIn = try builtInFirmware() {
                firmware = try LoadableImage(builtIn, machine: .riscv, limit: limit)
            }
        }
        let initrd = try description.initrd.map { path throws(InputError) in try InputFile.read(path) }
        var plan = try LoadPlan(
            memory: LoadPlan.Memory(base: RISCVVirtLayout.ramBase, size: configuration.memorySize),
            firmware: firmware, kernel: kernel, initrd: initrd)
        try plan.placeDeviceTree(try Self.deviceTree(description, board, plan))
        self.plan = plan
        symbols = [kernel?.symbols, firmware?.symbols].compactMap { $0 }
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
        if let path = description.input {
            script = InputScriptPlayer(try InputScript(try InputFile.read(path)), console, board.clock)
            board.scheduler.quantum = min(board.scheduler.quantum, InputScriptPlayer.quantum)
        }
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
        _ description: MachineDescription, _ board: RISCVVirt, _ plan: LoadPlan
    ) throws(InputError) -> [UInt8] {
        do {
            if let path = description.dtb {
                var tree = try DeviceTree(try InputFile.read(path))
                if let append = description.append { tree.setBootArguments(append) }
                if let initrd = plan.initrd { tree.setInitrd(initrd) }
                return try tree.blob()
            }
            var tree = board.deviceTree
            tree.bootArguments = description.append
            tree.initrd = plan.initrd
            return try tree.tree.blob()
        } catch let error as InputError {
            throw error
        } catch {
            throw InputError(file: description.dtb ?? "device tree", problem: "\(error)")
        }
    }

    /// Runs until something ends the run. May be called again, to go on.
    public func run() -> Conclusion {
        // What the guest asked for stands until it is obeyed: a monitor may have stepped over the request.
        if board.request != nil, let conclusion = serveRequest() { return conclusion }
        let scheduler = board.scheduler
        let timeLimit = min(description.timeout?.nanoseconds ?? .max, Clock.end)
        let allowed = description.maxInstructions?.value ?? .max
        var executed = board.executed
        var instructions = allowed - min(allowed, executed)
        if instructions == 0 { return .instructionLimit }
        while true {
            let outcome = scheduler.round(
                limit: timeLimit, instructions: instructions, skips: waitsForHost == nil)
            if let conclusion = lookAtGuest() { return conclusion }
            let now = board.executed
            instructions -= min(instructions, now - executed)
            executed = now
            switch outcome {
            case .progress: break
            case .stopped: if let conclusion = serveRequest() { return conclusion }
            case .stuck:
                guard let waitsForHost else { return .hung }
                if let conclusion = waitsForHost(nil) { return conclusion }
            case .idle(let deadline):
                if let conclusion = waitsForHost?(min(deadline, timeLimit)) { return conclusion }
            }
            if betweenTurns?(scheduler.time) ?? false { return .quit }
            if scheduler.time >= timeLimit { return .timedOut }
            if instructions == 0 { return .instructionLimit }
        }
    }

    /// What the guest has said through memory or the console.
    private func lookAtGuest() -> Conclusion? {
        if let code = hostTargetInterface?.poll() { return code == 0 ? .exited(status: 0) : .failed(code: code) }
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

extension RISCVVirt {
    /// Instructions executed by all harts.
    public var executed: UInt64 { harts.reduce(0) { $0 &+ $1.executed } }
}

extension RISCV.Features {
    /// Features that include another: that is on where they are on.
    private static let includes: [(whole: Self, part: Self)] = [(.zfh, .zfhmin), (.sv57, .sv48)]

    /// The features that `text` asks for: a comma-separated list that starts with `max` (all of them, as nil does) or
    /// `rv64` (RV64GC alone), and then turns single ones on (`zba=on`, `zba`) or off (`h=off`).
    public init(cpu text: String?) throws(InputError) {
        self = .all
        guard let text else { return }
        for (index, word) in text.split(separator: ",").map(String.init).enumerated() {
            if index == 0 && (word == "max" || word == "rv64") {
                self = word == "max" ? .all : [.misaligned, .sv48, .sv57]
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1).map { $0.lowercased() }
            let names = Self.names
            guard let name = parts.first, let feature = names.first(where: { $0.name == name })?.feature else {
                let near = nearestWord(to: word, among: names.map(\.name))
                throw InputError(
                    file: "--cpu", problem: "\"\(word)\" is no feature of this CPU",
                    mend: near.map { "Did you mean \($0)?" }
                        ?? "Features: \(names.map(\.name).joined(separator: ", ")).")
            }
            switch parts.count > 1 ? parts[1] : "on" {
            case "on", "true":
                insert(feature)
                for (whole, part) in Self.includes where whole == feature { insert(part) }
            case "off", "false":
                remove(feature)
                for (whole, part) in Self.includes where part == feature { remove(whole) }
            default:
                throw InputError(
                    file: "--cpu", problem: "\(name) is \"\(parts[1])\", and must be on or off",
                    mend: "Write \(name)=on or \(name)=off.")
            }
        }
    }
}
