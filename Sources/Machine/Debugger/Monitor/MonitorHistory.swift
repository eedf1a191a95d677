import ISA

/// Running backwards, and who was it last.
extension Monitor {
    /// Why the machine stands, and where.
    func text(_ stop: DebugStop) -> String {
        let reason =
            switch stop.reason {
            case .watchpoint(_, let address): "an access to \(hexadecimal(address))\n"
            case .startOfHistory: "the history of the run begins here\n"
            case .endOfHistory: "the history of the run ends here\n"
            case .ended(let text): "\(text)\n"
            case .stepped, .breakpoint, .interrupted, .exited: ""
            }
        return (stop.text ?? "") + reason + standing(stop.processor) + "\n"
    }

    /// `hart 0  VS vmid 1  0x80200134  sd a0, 0(a1)`, and when.
    func standing(_ number: Int) -> String {
        guard board.processors.indices.contains(number) else { return "" }
        let processor = board.processors[number]
        let isGuests = processor.privilege.isGuests
        var line = "\(processor.label)  \(processor.privilegeText)  \(place(processor))"
        if let word = processor.instructionWord() {
            line += "  \(disassembler.line(word, at: processor.programCounter, inGuest: isGuests).text)"
        }
        return line + "  (instruction \(grouped(board.executed)), \(seconds(board.scheduler.time)))"
    }

    func runBackwards(isStep: Bool) throws(Refusal) -> [String] {
        try refuseDebuggers(isStep ? "reverse-stepi" : "reverse-continue")
        guard machine.canReverse else { throw Self.noHistory }
        machine.resume(Resumption(isStep ? .step(processor: current) : .run, isReverse: true))
        var stop: DebugStop?
        while stop == nil { stop = machine.advance() }
        guard let stop else { return [] }
        current = stop.processor
        return text(stop).split(separator: "\n").map(String.init)
    }

    private func refuseDebuggers(_ command: String) throws(Refusal) {
        if isDebuggers { throw Refusal("the debugger that is connected says that: its own \(command).") }
    }

    private static let noHistory = Refusal(
        "the run cannot be put back: it writes to a disk's file. Keep its writes in memory: --drive FILE,snapshot.")

    // MARK: Who was it last?

    private var history: MachineRunning {
        get throws(Refusal) {
            guard machine.canReverse else { throw Self.noHistory }
            return machine.running
        }
    }

    /// Goes back.
    /// - Parameter search: gives where the machine was put back to; nil where it was not.
    private func goBack(
        _ what: String, _ search: (MachineRunning) throws(DebugRefusal) -> DebugStop?
    ) throws(Refusal) -> [String] {
        let history = try history
        let stop: DebugStop?
        do throws(DebugRefusal) { stop = try search(history) } catch { throw Refusal(error.description) }
        guard let stop else {
            let start = machine.running.startOfHistory ?? 0
            throw Refusal("\(what) since the history of the run began, at instruction \(grouped(start)).")
        }
        if case .ended(let text) = stop.reason { throw Refusal(text) }
        current = stop.processor
        let lines = (stop.text ?? "").split(separator: "\n").dropFirst().map(String.init)
        return lines + [standing(stop.processor)] + hint
    }

    /// A debugger keeps registers that it has read.
    private var hint: [String] {
        isDebuggers ? ["the machine was put back to there; in gdb, type: maintenance flush register-cache"] : []
    }

    func lastWrite(_ arguments: [String]) throws(Refusal) -> [String] {
        var words = arguments
        guard !words.isEmpty else { throw Refusal("who wrote what last? last-write hpa:0x80200000 8") }
        var place = try place(words.removeFirst())
        try takeQualifiers(&words, &place)
        let count = UInt64(try count(words.first, 8, limit: 1 << 30))
        guard count > 0 else { throw Refusal("nothing is written of no bytes.") }
        let point = StopPoint(
            .write(count: count), at: place.address, level: place.level, guest: place.guest,
            addressSpaceIdentifier: place.addressSpaceIdentifier)
        return try goBack("nobody has written there") { (history) throws(DebugRefusal) in
            try history.goBack(toLast: point)
        }
    }

    func lastExit(_ arguments: [String]) throws(Refusal) -> [String] {
        var (words, place) = (arguments, MonitorPlace(address: DebugAddress(0)))
        try takeQualifiers(&words, &place)
        let reason = words.isEmpty ? nil : words.joined(separator: " ")
        let event = EventPoint(.exit(reason: reason), level: place.level, guest: place.guest)
        return try goBack("no guest has left" + (reason.map { " for \"\($0)\"" } ?? "")) {
            (history) throws(DebugRefusal) in try history.goBack(toLast: event)
        }
    }

    func lastInterrupt(_ arguments: [String]) throws(Refusal) -> [String] {
        var (words, place) = (arguments, MonitorPlace(address: DebugAddress(0)))
        try takeQualifiers(&words, &place)
        let name = words.isEmpty ? nil : words.joined(separator: " ")
        let event = EventPoint(.interrupt(name), level: place.level, guest: place.guest)
        return try goBack("no such interrupt was taken") { (history) throws(DebugRefusal) in
            try history.goBack(toLast: event)
        }
    }

    func lastLine(_ arguments: [String]) throws(Refusal) -> [String] {
        guard !arguments.isEmpty else { throw Refusal("which line? last-line Kernel panic") }
        let text = arguments.joined(separator: " ")
        let history = try history
        let line: String?
        do throws(DebugRefusal) { line = try history.goBack(toLine: { $0.contains(text) }) } catch {
            throw Refusal(error.description)
        }
        guard let line else {
            let start = machine.running.startOfHistory ?? 0
            throw Refusal(
                "no line with \"\(text)\" was printed since the history of the run began, at instruction \(grouped(start))."
            )
        }
        current = board.scheduler.currentIdentifier
        return [printable(line), standing(current)] + hint
    }
}
