import ISA

/// Commands that look into a machine that stands still, and stop it, put it back and change its memory
/// (`MonitorStops.swift`, `MonitorHistory.swift`).
public final class Monitor {
    /// What the caller is to do next.
    public enum Action: Equatable, Sendable {
        case stay, resume, quit
    }

    let session: Session
    let board: any Board
    let symbols: SymbolFinder
    let disassembler: Disassembler
    /// The CPU that was last named: the one meant by commands that name none.
    var current = 0
    /// A debugger's, which has the machine run; or our own, once a command has asked for more than to look.
    private unowned let debuggers: MachineTarget?
    private var own: MachineTarget?
    /// What the machine is to stop at, by their numbers.
    var stops: [(number: Int, stop: Stop)] = []
    var nextStop = 1
    /// Names of guests' programs, and of what runs elsewhere than it was linked for.
    var images: [LoadedSymbols] = []
    /// What is known of the machine's own programs, read when it is asked for first. A damaged one says nothing.
    private(set) lazy var ownPrograms: [SourcePrograms.Program] = session.programs.compactMap { file in
        (try? DebugInformation(file)).map { SourcePrograms.Program($0) }
    }
    /// Why the machine stands since ``resume(isReverse:)``; nil where that has ended otherwise.
    public private(set) var stop: String?

    public convenience init(_ session: Session) { self.init(session, debuggedBy: nil) }

    /// - Parameter target: the machine as a debugger has it, which asks this monitor.
    init(_ session: Session, debuggedBy target: MachineTarget?) {
        debuggers = target
        self.session = session
        board = session.board
        symbols = SymbolFinder(session.symbols)
        disassembler = Disassembler(symbols: symbols, architecture: session.board.architecture)
    }

    private var noun: String { board.noun }

    /// The command that lists them: `harts`.
    private var listCommand: String { noun.lowercased() + "s" }

    private var help: String {
        let name = noun.uppercased()
        let levels = board.processors.first.map { type(of: $0).levelNames } ?? []
        let rows = [
            ("registers [\(name)]", "integer, float, control and status registers"),
            (listCommand, "where each \(noun) is"),
            ("traps [\(name)]", "the last traps, oldest first"),
            ("translate ADDRESS [\(name)] [for read|write|execute] [as \(levels.joined(separator: "|"))]", ""),
            ("", "each step of an address translation"),
            ("memory ADDRESS [COUNT] [physical|virtual]", "bytes of memory"),
            ("disassemble [ADDRESS] [COUNT]", "instructions, from the program counter on"),
            ("devices, device NAME", "the devices, and the state of one"),
            ("break|watch|rwatch|awatch PLACE", "stop there; info stops lists them, delete N removes one"),
            ("catch EVENT", "stop at an event: catch help"),
            ("write PLACE BYTE...", "change memory"),
            ("last-write PLACE [COUNT], last-exit [REASON]", ""),
            ("last-interrupt [WHICH], last-line TEXT", "go back to where it was written, or happened, last"),
            ("reverse-continue, reverse-step", "run backwards"),
            ("symbols TEXT", "the address of a symbol, or the symbol of an address"),
            ("symbols FILE [guest N] [at ADDRESS|auto]", "names of a guest's, or of what was moved; auto finds where"),
            ("backtrace [\(name)]", "who called whom: the hypervisor's frames, and the guest's beneath them"),
            ("screenshot FILE", "what the guest shows, as a PNG file"), ("step [COUNT]", "run so many instructions"),
            ("savevm NAME, loadvm NAME", "take a snapshot of the machine; make it what it was then"),
            ("info snapshots", "those that there are"),
            ("stats", "what the run has cost so far"), ("continue, quit", ""),
        ]
        return rows.map { $1.isEmpty ? $0 + "\n" : "\(padded($0, 43)) \($1)\n" }.joined()
            + "Addresses may be symbols and registers (pc, sp). Words may be cut short: reg, trans, mem.\n"
            + "A PLACE is an address, or hpa:ADDRESS (physical), gpa@VMID:ADDRESS (a guest's), va@ASID:ADDRESS or\n"
            + "va@\(levels.first ?? "LEVEL"):ADDRESS, or stage2@VMID:ADDRESS for the descriptor that maps a guest's; behind it:\n"
            + " level \(levels.first ?? "LEVEL"), vmid N, asid N.\n"
    }

    /// The machine, as one that can be stopped and put back. Its history begins where it is asked for first.
    var machine: MachineTarget {
        if let machine = debuggers ?? own { return machine }
        let machine = MachineTarget(session) { "\($0)" }
        own = machine
        return machine
    }

    /// A debugger has the machine run, and not this monitor.
    var isDebuggers: Bool { debuggers != nil }

    /// Lets the machine run, to the next of the stops or to whatever ends the run.
    public func resume(isReverse: Bool = false) -> Session.Conclusion {
        stop = nil
        guard isReverse || own != nil else { return session.run() }
        let machine = machine
        machine.resume(Resumption(.run, isReverse: isReverse))
        while true {
            guard let reason = machine.advance() else { continue }
            if let conclusion = machine.conclusion { return conclusion }
            current = reason.processor
            stop = text(reason)
            return .quit
        }
    }

    /// Nobody is there any more to be shown a stop.
    public func deleteStops() {
        for stop in stops { remove(stop.stop) }
        stops = []
    }

    struct Refusal: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    private var commands: [String] {
        [
            "registers", listCommand, "traps", "translate", "memory", "disassemble", "devices", "device", "symbols",
            "screenshot", "step", "stats", "continue", "quit", "help", "break", "watch", "rwatch", "awatch", "catch",
            "delete", "info", "x", "write", "last-write", "last-exit", "last-interrupt", "last-line",
            "reverse-continue", "reverse-step", "backtrace", "savevm", "loadvm",
        ]
    }

    /// Carries out one line.
    /// - Returns: what it has to say, with line ends, and what comes next.
    public func execute(_ line: String) -> (text: String, action: Action) {
        let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
        guard let first = words.first else { return ("", .stay) }
        let arguments = Array(words.dropFirst())
        do throws(Refusal) {
            let command = try command(first)
            switch command {
            case "continue": return ("", .resume)
            case "quit": return ("", .quit)
            default: return (try lines(command, arguments).map { $0 + "\n" }.joined(), .stay)
            }
        } catch {
            return (printable(error.text) + "\n", .stay)
        }
    }

    private func command(_ word: String) throws(Refusal) -> String {
        if commands.contains(word) { return word }
        if let command = [
            "b": "break", "c": "continue", "rc": "reverse-continue", "rsi": "reverse-step", "bt": "backtrace",
        ][word] {
            return command
        }
        let matches = commands.filter { $0.hasPrefix(word) }
        if let match = matches.first, matches.count == 1 { return match }
        let near = matches.isEmpty ? nearestWord(to: word, among: commands).map { [$0] } ?? [] : matches
        throw Refusal(
            "\"\(word)\" is not a command. " + (near.isEmpty ? "Try help." : "Did you mean \(enumeration(near))?"))
    }

    private func lines(_ command: String, _ arguments: [String]) throws(Refusal) -> [String] {
        switch command {
        case "registers": return try processor(arguments.first).registerLines(symbols)
        case listCommand:
            return board.processors.map { processor in
                "\(processor.label)  \(padded(processor.privilegeText, 10))  \(padded(place(processor), 32))  "
                    + PostMortem.activity(of: processor, board)
            }
        case "traps":
            let report = PostMortem(session)
            let lines = try processor(arguments.first).recentExceptions.map { report.describe($0) }
            return lines.isEmpty ? ["no trap was taken"] : lines
        case "translate": return try translate(arguments)
        case "memory", "x": return try memory(arguments)
        case "write": return try write(arguments)
        case "break", "watch", "rwatch", "awatch": return try insert(command, arguments)
        case "catch": return try insertEvent(arguments)
        case "delete": return try delete(arguments)
        case "info": return arguments == ["snapshots"] ? try snapshots(command, []) : try info(arguments)
        case "backtrace": return try backtrace(arguments)
        case "last-write": return try lastWrite(arguments)
        case "last-exit": return try lastExit(arguments)
        case "last-interrupt": return try lastInterrupt(arguments)
        case "last-line": return try lastLine(arguments)
        case "reverse-continue", "reverse-step": return try runBackwards(isStep: command == "reverse-step")
        case "disassemble": return try disassemble(arguments)
        case "devices":
            return board.space.mappings.map {
                "\(hexadecimal($0.base))-\(hexadecimal($0.end - 1))  \($0.device.name)"
            }
        case "device": return try device(arguments)
        case "symbols": return try symbol(arguments)
        case "screenshot": return try screenshot(arguments)
        case "step": return try step(arguments)
        case "savevm", "loadvm":
            let before = session.restorations
            defer { if session.restorations != before { own?.wasPutBack() } }
            return try snapshots(command, arguments)
        case "stats":
            return RunStatistics(board).table.split(separator: "\n").map(String.init)
        default: return help.split(separator: "\n").map(String.init)
        }
    }

    // MARK: Words

    func processor(_ text: String?) throws(Refusal) -> any InspectableProcessor {
        guard let text else { return board.processors[current] }
        guard let number = Int(text), board.processors.indices.contains(number) else {
            throw Refusal("\"\(text)\" is no \(noun): there are 0 to \(board.processors.count - 1).")
        }
        current = number
        return board.processors[number]
    }

    func place(_ processor: any InspectableProcessor) -> String {
        let guest = processor.privilege.isGuests ? processor.guest : nil
        return name(processor.programCounter, guest: guest) ?? hexadecimal(processor.programCounter)
    }

    func address(_ text: String) throws(Refusal) -> UInt64 {
        let processor = board.processors[current]
        if text == "pc" { return processor.programCounter }
        if let value = processor.register(named: text) { return value }
        if let address = symbols.address(of: text) { return address }
        for image in images { if let address = image.address(of: text) { return address } }
        if text.hasPrefix("0x") || text.first?.isNumber ?? false {
            do throws(ValueError) { return try Count(text).value } catch { throw Refusal(error.description) }
        }
        throw Refusal("\"\(text)\" is no number, register or symbol.")
    }

    func count(_ text: String?, _ standard: Int, limit: Int) throws(Refusal) -> Int {
        guard let text else { return standard }
        do throws(ValueError) {
            return Int(min(try Count(text).value, UInt64(limit)))
        } catch {
            throw Refusal(error.description)
        }
    }

    // MARK: Commands

    private func translate(_ arguments: [String]) throws(Refusal) -> [String] {
        var words = arguments[...]
        guard let first = words.popFirst() else { throw Refusal("translate what? translate 0x80200000") }
        var chosen: (any InspectableProcessor)?
        var access = AccessKind.read
        var level: String?
        let levels = type(of: board.processors[0]).levelNames
        while let word = words.popFirst() {
            switch (word, words.first) {
            case ("as", let name?):
                guard levels.contains(name.uppercased()) else {
                    throw Refusal("\"\(name)\" is no mode: there are \(enumeration(levels)).")
                }
                level = name.uppercased()
                words.removeFirst()
            case ("for", let name?):
                guard let named = AccessKind(rawValue: name) else {
                    throw Refusal("\"\(name)\" is not read, write or execute.")
                }
                access = named
                words.removeFirst()
            default: chosen = try processor(word)
            }
        }
        let subject = if let chosen { chosen } else { try processor(nil) }
        return subject.translationLines(try address(first), for: access, as: level, board.memory)
    }

    /// A byte as the CPU would read it, without effect: nil where there is no memory.
    private func byte(_ address: UInt64, physical: Bool) -> UInt8? {
        var place = address
        if !physical {
            let processor = board.processors[current]
            guard
                let found = processor.physicalAddress(of: address, for: .read, board.memory)
                    ?? processor.physicalAddress(of: address, for: .execute, board.memory)
            else { return nil }
            place = found
        }
        var byte: UInt8 = 0
        return board.memory.read(place, into: &byte, count: 1) ? byte : nil
    }

    private func memory(_ arguments: [String]) throws(Refusal) -> [String] {
        guard let first = arguments.first else { throw Refusal("memory where? memory 0x80200000 64") }
        let rest = arguments.dropFirst()
        let isPhysical = rest.contains("physical")
        let place = try place(first)
        let start = place.address.value
        let count = try count(rest.first { $0 != "physical" && $0 != "virtual" }, 64, limit: 4096)
        let reader = place.isPlain ? nil : try reader(of: place)
        func byte(_ address: UInt64, physical: Bool) -> UInt8? {
            guard let reader else { return self.byte(address, physical: physical) }
            guard let found = reader.physicalAddress(of: DebugAddress(address, in: place.address.space), board.memory)
            else { return nil }
            return self.byte(found, physical: true)
        }
        var lines: [String] = []
        for offset in stride(from: 0, to: count, by: 16) {
            let base = start &+ UInt64(offset)
            let bytes = (0..<min(16, count - offset)).map { byte(base &+ UInt64($0), physical: isPhysical) }
            let hex = bytes.map { byte in byte.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) } ?? "??" }
            let text = bytes.map { byte in
                byte.flatMap { (0x20..<0x7f).contains($0) ? String(UnicodeScalar($0)) : nil } ?? "."
            }
            lines.append(
                "0x\(hexadecimalDigits(base)):  \(padded(hex.joined(separator: " "), 47))  \(text.joined())")
        }
        if lines.allSatisfy({ $0.contains("?? ??") }) { lines.append("?? is no memory that can be read here") }
        return lines
    }

    private func disassemble(_ arguments: [String]) throws(Refusal) -> [String] {
        let start = try address(arguments.first ?? "pc")
        let count = try count(arguments.dropFirst().first, 10, limit: 1000)
        let isGuests = board.processors[current].privilege.isGuests
        let lines = disassembler.listing(from: start, count: count, inGuest: isGuests) {
            guard let low = byte($0, physical: false), let high = byte($0 &+ 1, physical: false) else { return nil }
            return UInt16(low) | UInt16(high) << 8
        }.lines
        return lines.isEmpty ? ["there is no code at \(hexadecimal(start))"] : lines
    }

    private func device(_ arguments: [String]) throws(Refusal) -> [String] {
        guard let name = arguments.first else { throw Refusal("device what? `devices` lists them.") }
        let names = board.devices.map(\.name)
        guard let device = board.devices.first(where: { $0.name == name || $0.name.hasPrefix(name + "@") }) else {
            let near = nearestWord(to: name, among: names)
            throw Refusal(
                "there is no device \"\(name)\". " + (near.map { "Did you mean \($0)?" } ?? "`devices` lists them."))
        }
        var printer = StatePrinter()
        device.describeState(&printer)
        return printer.lines.isEmpty ? ["\(device.name) has no state"] : printer.lines
    }

    private func symbol(_ arguments: [String]) throws(Refusal) -> [String] {
        guard let text = arguments.first else { throw Refusal("symbols of what? symbols main, symbols 0x80200000") }
        if text.contains("/") || arguments.count > 1 { return try loadSymbols(arguments) }
        let place = symbols.address(of: text) ?? images.lazy.compactMap { $0.address(of: text) }.first
        if let place { return ["\(text) is at \(hexadecimal(place))"] }
        let address = try address(text)
        let name = symbols.name(address) ?? images.lazy.compactMap { $0.name(address) }.first
        return ["\(hexadecimal(address)) is \(name ?? "in no symbol")"]
    }

    private func screenshot(_ arguments: [String]) throws(Refusal) -> [String] {
        guard let path = arguments.first, arguments.count == 1 else {
            throw Refusal("screenshot where? screenshot screen.png")
        }
        do throws(InputError) {
            try Screenshot.write(board.display, to: path)
            return []
        } catch {
            throw Refusal(error.description)
        }
    }

    /// Lets the current CPU execute so many instructions; the others take the turns that they would take.
    private func step(_ arguments: [String]) throws(Refusal) -> [String] {
        let count = try count(arguments.first, 1, limit: 1_000_000)
        let end = board.processors[current].executed + UInt64(count)
        // Whoever steps does not want to wait for the clock on the wall.
        let waitsForHost = session.waitsForHost
        session.waitsForHost = nil
        defer { session.waitsForHost = waitsForHost }
        var isStuck = false
        while !isStuck, board.processors[current].executed < end {
            switch session.run(to: board.executed + 1) {
            case .suspended: break
            default: isStuck = true
            }
        }
        var lines = board.processors.map { processor in
            var text = "\(processor.label)  \(padded(processor.privilegeText, 10))  \(padded(place(processor), 24))  "
            if let idleness = processor.idleness {
                text += idleness
            } else if let word = processor.instructionWord() {
                let isGuests = processor.privilege.isGuests
                text += disassembler.line(word, at: processor.programCounter, inGuest: isGuests).text
            }
            return text
        }
        if isStuck { lines.append("the machine stands: all \(noun)s wait, or the guest asked for its end") }
        return lines
    }
}

/// Prints a device's state field by field.
private struct StatePrinter: StateVisitor {
    var lines: [String] = []
    private var last: (name: String, count: Int) = ("", 0)

    mutating func field(_ name: StaticString, _ value: inout UInt64) {
        add("\(name)", hexadecimal(value))
    }

    mutating func field(_ name: StaticString, _ bytes: inout [UInt8]) {
        let shown = bytes.prefix(16).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
        add("\(name)", "\(bytes.count) bytes\(bytes.isEmpty ? "" : ": ")\(shown)\(bytes.count > 16 ? " ..." : "")")
    }

    /// Fields of one name in a row are an array: they share lines.
    private mutating func add(_ name: String, _ value: String) {
        if name == last.name, last.count % 8 != 0, !lines.isEmpty {
            lines[lines.count - 1] += " \(value)"
            last.count += 1
        } else {
            lines.append("\(padded(name, 20)) \(value)")
            last = name == last.name ? (name, last.count + 1) : (name, 1)
        }
    }
}
