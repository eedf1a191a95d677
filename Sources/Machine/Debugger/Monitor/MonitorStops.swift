import ISA

/// Where the machine is to stop, as the monitor's user says it.
extension Monitor {
    enum Stop {
        case point(StopPoint, text: String)
        case event(EventPoint)
    }

    // MARK: Points

    /// `break`, `watch`, `rwatch` and `awatch`.
    func insert(_ command: String, _ arguments: [String]) throws(Refusal) -> [String] {
        try checkNumber()
        var words = arguments
        guard !words.isEmpty else {
            throw Refusal("\(command) where? \(command) hpa:0x80200000, or \(command) main vmid 1")
        }
        var place = try place(words.removeFirst())
        try takeQualifiers(&words, &place)
        var kind = StopPoint.Kind.execution
        if command != "break" {
            let count = UInt64(try count(words.isEmpty ? nil : words.removeFirst(), 8, limit: 1 << 30))
            guard count > 0 else { throw Refusal("nothing is watched of no bytes.") }
            kind =
                command == "watch"
                ? .write(count: count) : command == "rwatch" ? .read(count: count) : .access(count: count)
        }
        guard words.isEmpty else { throw Refusal("\"\(words[0])\" is none of level, vmid and asid.") }
        let point = StopPoint(
            kind, at: place.address, level: place.level, guest: place.guest,
            addressSpaceIdentifier: place.addressSpaceIdentifier)
        do throws(DebugRefusal) { try machine.insert(point) } catch { throw Refusal(error.description) }
        let text = "\(command) \(place.text)"
        let number = add(.point(point, text: text))
        machine.running.labels[point] = "stop \(number): \(text)\n"
        return ["stop \(number): \(text)"]
    }

    private static let mostStops = 1000

    private func checkNumber() throws(Refusal) {
        guard stops.count < Self.mostStops else {
            throw Refusal("there are \(Self.mostStops) stops already. `delete` removes them.")
        }
    }

    private func add(_ stop: Stop) -> Int {
        defer { nextStop += 1 }
        stops.append((nextStop, stop))
        return nextStop
    }

    func remove(_ stop: Stop) {
        switch stop {
        case .point(let point, _):
            machine.remove(point)
            machine.running.labels[point] = nil
        case .event(let event): machine.running.remove(event)
        }
    }

    func delete(_ arguments: [String]) throws(Refusal) -> [String] {
        var numbers: [Int] = []
        for argument in arguments {
            guard let number = Int(argument), stops.contains(where: { $0.number == number }) else {
                throw Refusal("there is no stop \(argument). `info stops` lists them.")
            }
            numbers.append(number)
        }
        let isMeant = { (number: Int) in arguments.isEmpty || numbers.contains(number) }
        for stop in stops where isMeant(stop.number) { remove(stop.stop) }
        stops.removeAll { isMeant($0.number) }
        return []
    }

    func info(_ arguments: [String]) throws(Refusal) -> [String] {
        guard arguments.isEmpty || "stops".hasPrefix(arguments[0]) else {
            throw Refusal("there is `info stops`. Registers, memory and devices have commands of their own: help.")
        }
        guard !stops.isEmpty else { return ["there are no stops"] }
        return stops.map { number, stop in
            switch stop {
            case .point(_, let text): "\(number)  \(text)"
            case .event(let event): "\(number)  catch \(event.text)"
            }
        }
    }

    // MARK: Events

    private static let eventHelp = [
        "catch entry [vmid N]                    a guest is entered",
        "catch exit [REASON] [vmid N]            a guest leaves; REASON is words that `--exits` would print",
        "catch level [LEVEL]                     the level changes, to that one",
        "catch fault stage2 [gpa FIRST[-LAST]]   a guest's access fails at the second stage",
        "catch write REGISTER                    an instruction writes the system register",
        "catch interrupt [NUMBER|WORDS]          an interrupt is taken",
        "catch exception [NUMBER|WORDS]          an exception is taken",
        "Behind each: level LEVEL, vmid N. While there is one, all is interpreted, which is slower and changes nothing.",
    ]

    func insertEvent(_ arguments: [String]) throws(Refusal) -> [String] {
        guard let first = arguments.first, first != "help" else { return Self.eventHelp }
        try checkNumber()
        var words = Array(arguments.dropFirst())
        // Of `level` it is the level itself that comes first.
        var place = MonitorPlace(address: DebugAddress(0))
        var level: String?
        if first == "level", let word = words.first, word != "vmid" {
            guard let name = levelName(word) else {
                let levels = board.processors.first.map { type(of: $0).levelNames } ?? []
                throw Refusal("\"\(word)\" is no level: there are \(enumeration(levels)).")
            }
            level = name
            words.removeFirst()
        }
        try takeQualifiers(&words, &place)
        let kind = try eventKind(first, words, level)
        let event = EventPoint(kind, level: place.level, guest: place.guest)
        machine.running.insert(event)
        return ["stop \(add(.event(event))): catch \(event.text)"]
    }

    private func eventKind(_ word: String, _ words: [String], _ level: String?) throws(Refusal) -> EventPoint.Kind {
        let text = words.isEmpty ? nil : words.joined(separator: " ")
        guard let type = (board.processors.first as? any EventfulProcessor).map({ Swift.type(of: $0) }) else {
            throw Refusal("this machine's CPUs tell of no events.")
        }
        switch word {
        case "entry", "level":
            if let text { throw Refusal("catch \(word) takes no \"\(text)\".") }
            return word == "entry" ? .entry : .level(level)
        case "exit": return .exit(reason: text)
        case "fault": return .stageTwoFault(try faultRange(words))
        case "write":
            guard let text else {
                throw Refusal("catch write what? A system register: catch write \(type.systemRegisterNames.last ?? "")")
            }
            guard let name = type.systemRegisterNames.first(where: { $0.lowercased() == text.lowercased() }) else {
                throw unknown(text, "system register", type.systemRegisterNames)
            }
            return .write(register: name)
        case "interrupt": return .interrupt(try checked(text, "interrupt", type.interruptNames))
        case "exception": return .exception(try checked(text, "exception", type.exceptionNames))
        default: throw unknown(word, "event", ["entry", "exit", "level", "fault", "write", "interrupt", "exception"])
        }
    }

    private func unknown(_ text: String, _ what: String, _ names: [String]) -> Refusal {
        let near = nearestWord(to: text, among: names)
        let known = names.count > 30 ? "" : " There are \(enumeration(names))."
        return Refusal("\"\(text)\" is no \(what)." + (near.map { " Did you mean \($0)?" } ?? known))
    }

    /// A number, or words that are a part of some name.
    private func checked(_ text: String?, _ what: String, _ names: [String]) throws(Refusal) -> String? {
        guard let text else { return nil }
        if text.first?.isNumber ?? false {
            _ = try number(text, "the number of an \(what)")
            return text
        }
        guard names.contains(where: { $0.lowercased().contains(text.lowercased()) }) else {
            throw unknown(text, what, names)
        }
        return text
    }

    private func faultRange(_ words: [String]) throws(Refusal) -> ClosedRange<UInt64>? {
        guard words.first == "stage2" else {
            throw Refusal("catch fault stage2 [gpa FIRST[-LAST]]: of other faults it is catch exception.")
        }
        guard words.count > 1 else { return nil }
        guard words.count == 3, words[1] == "gpa" else { throw Refusal("behind stage2 comes gpa FIRST[-LAST].") }
        let ends = words[2].split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard ends.count <= 2 else { throw Refusal("\"\(words[2])\" is no range: 0x80000000-0x80000fff.") }
        let first = try address(ends[0])
        // One address is its page.
        let last = ends.count == 2 ? try address(ends[1]) : first | 4095
        guard first <= last else { throw Refusal("the range \(words[2]) ends before it begins.") }
        return (ends.count == 2 ? first : first & ~4095)...last
    }

    // MARK: Memory

    func write(_ arguments: [String]) throws(Refusal) -> [String] {
        guard let first = arguments.first, arguments.count > 1 else {
            throw Refusal("write where, and which bytes? write hpa:0x80200000 13 00 00 00")
        }
        let place = try place(first)
        var bytes: [UInt8] = []
        for word in arguments.dropFirst() {
            let digits = word.hasPrefix("0x") ? String(word.dropFirst(2)) : word
            guard let byte = UInt8(digits, radix: 16) else { throw Refusal("\"\(word)\" is no byte: 00 to ff.") }
            bytes.append(byte)
        }
        let reader = try reader(of: place)
        guard machine.writeMemory(place.address, bytes, of: reader.identifier) else {
            throw Refusal("not all of that is memory.")
        }
        return []
    }
}
