/// What an editor wants the machine to stop at. Each of its lists replaces the one before.
struct DAPBreakpoints {
    struct Point {
        let identifier: Int
        var stops: [StopPoint] = []
        var condition: String?
        var hitCondition: DAPHitCondition?
        /// Printed in place of a stop.
        var logMessage: String?
        var hits = 0
    }
    enum List: Hashable {
        case source(path: String), functions, instructions, data
    }
    var lists: [List: [Point]] = [:]
    /// The monitor's numbers of what exception filters have it stop at.
    var events: [Int] = []
    var lastIdentifier = 0
    /// More than any person sets: memory is bounded.
    static let most = 1 << 14

    var count: Int { lists.values.reduce(0) { $0 + $1.reduce(0) { $0 + $1.stops.count } } }
}

/// At which of its hits a breakpoint stops: `5` (from the fifth on), `>= 5`, `> 5`, `== 5`, `% 5`.
struct DAPHitCondition {
    private let comparison: String
    private let number: Int

    /// Nil where it is none.
    init?(_ text: String) {
        let text = text.filter { $0 != " " }
        let comparison = text.prefix { !$0.isNumber }
        guard ["", ">=", ">", "==", "%", "<", "<="].contains(comparison),
            let number = Int(text.dropFirst(comparison.count)),
            number > 0 || comparison != "%"
        else { return nil }
        self.comparison = String(comparison)
        self.number = number
    }

    func holds(_ hits: Int) -> Bool {
        switch comparison {
        case ">": hits > number
        case "==": hits == number
        case "%": hits % number == 0
        case "<": hits < number
        case "<=": hits <= number
        default: hits >= number
        }
    }
}

extension DAPSession {
    /// What a machine tells of, as the monitor's `catch` names it, and what its condition may say.
    private static let events: [(command: String, label: String, condition: String?)] = [
        ("entry", "Guest entered", "vmid 2"), ("exit", "Guest left", "a reason, such as: hypercall, or: mmio vmid 2"),
        ("level", "Level changed", "to which: VS, or EL1"),
        ("fault stage2", "Second-stage fault", "where: gpa 0x80000000-0x80000fff, or vmid 2"),
        ("interrupt", "Interrupt", "its number or name"), ("exception", "Exception", "its number or name"),
    ]

    static let exceptionFilters: [JSON] = events.map { event in
        .object([
            ("filter", .string(event.command)), ("label", .string(event.label)),
            ("description", .string("Stop as the monitor's `catch \(event.command)` does.")), ("default", .bool(false)),
            ("supportsCondition", .bool(true)), ("conditionDescription", .string(event.condition ?? "")),
        ])
    }

    // MARK: The requests

    func setBreakpoints(_ arguments: JSON) throws(Failure) -> [(String, JSON)] {
        let program = try machine
        guard let source = arguments["source"], let path = source["path"]?.string ?? source["name"]?.string else {
            throw Failure("the source has no path")
        }
        let wanted = try list(arguments)
        return try set(.source(path: path), wanted) { [linesStartAt1] point, answer throws(Failure) in
            guard let line = point["line"]?.integer, 0...1 << 30 ~= line else {
                throw Failure("a breakpoint has no line")
            }
            guard let found = program.sources.addresses(file: path, line: line + (linesStartAt1 ? 0 : 1)) else {
                throw Failure("no code is of this line, or the program has no debug information of it")
            }
            answer += [
                ("source", source), ("line", .number(UInt64(max(found.line - (linesStartAt1 ? 0 : 1), 0)))),
            ]
            return found.addresses.map { StopPoint(.execution, at: DebugAddress($0)) }
        }
    }

    func setFunctionBreakpoints(_ arguments: JSON) throws(Failure) -> [(String, JSON)] {
        let program = try machine
        return try set(.functions, try list(arguments)) { point, _ throws(Failure) in
            guard let name = point["name"]?.string, !name.isEmpty else {
                throw Failure("a breakpoint names no function")
            }
            var addresses = program.sources.addresses(function: name)
            if addresses.isEmpty { addresses = [program.symbols.address(of: name)].compactMap(\.self) }
            if addresses.isEmpty, name.hasPrefix("*") || name.hasPrefix("0x") {
                addresses = [Self.number(name.hasPrefix("*") ? String(name.dropFirst()) : name)].compactMap(\.self)
            }
            guard !addresses.isEmpty else { throw Failure("there is no function \(name.prefix(100))") }
            return addresses.map { StopPoint(.execution, at: DebugAddress($0)) }
        }
    }

    func setInstructionBreakpoints(_ arguments: JSON) throws(Failure) -> [(String, JSON)] {
        _ = try machine
        return try set(.instructions, try list(arguments)) { point, _ throws(Failure) in
            let base = try self.address(point["instructionReference"]?.string)
            let offset = point["offset"]?.integer ?? 0
            return [StopPoint(.execution, at: DebugAddress(base &+ UInt64(bitPattern: Int64(offset))))]
        }
    }

    func setDataBreakpoints(_ arguments: JSON) throws(Failure) -> [(String, JSON)] {
        _ = try machine
        return try set(.data, try list(arguments)) { point, _ throws(Failure) in
            let parts = (point["dataId"]?.string ?? "").split(separator: "/")
            guard parts.count == 2, let address = Self.number(String(parts[0])),
                let count = Self.number(String(parts[1])),
                1...1 << 20 ~= count
            else { throw Failure("a breakpoint's dataId is none that dataBreakpointInfo gave") }
            let kind: StopPoint.Kind =
                switch point["accessType"]?.string {
                case "read": .read(count: count)
                case "readWrite": .access(count: count)
                default: .write(count: count)
                }
            return [StopPoint(kind, at: DebugAddress(address))]
        }
    }

    /// Each filter becomes a stop of the monitor's.
    func setExceptionBreakpoints(_ arguments: JSON) throws(Failure) -> [(String, JSON)] {
        let target = try machine.target
        removeEvents()
        var wanted = (arguments["filters"]?.array ?? []).map { ($0.string ?? "", "") }
        for option in arguments["filterOptions"]?.array ?? [] {
            wanted.append((option["filterId"]?.string ?? "", option["condition"]?.string ?? ""))
        }
        var answers: [JSON] = []
        for (filter, condition) in wanted.prefix(100) {
            guard Self.events.contains(where: { $0.command == filter }) else {
                throw Failure("there is no exception filter \(filter.prefix(40))")
            }
            // `stop 3: catch exit`, or why not.
            let text = target.monitor("catch \(filter) \(condition.prefix(200))")
            let words = text.split(separator: " ")
            var answer: [(String, JSON)] = []
            if words.first == "stop", words.count > 1, let number = Int(words[1].dropLast()) {
                breakpoints.events.append(number)
                answer.append(("verified", .bool(true)))
            } else {
                let problem = printable(String(text.split(separator: "\n").first ?? ""))
                answer += [("verified", .bool(false)), ("message", .string(problem))]
            }
            answers.append(.object(answer))
        }
        return [("breakpoints", .array(answers))]
    }

    private func removeEvents() {
        if !breakpoints.events.isEmpty {
            _ = program?.target.monitor("delete " + breakpoints.events.map { String($0) }.joined(separator: " "))
        }
        breakpoints.events = []
    }

    func breakpointLocations(_ arguments: JSON) throws(Failure) -> [(String, JSON)] {
        let program = try machine
        guard let path = arguments["source"]?["path"]?.string, let first = arguments["line"]?.integer,
            0...1 << 30 ~= first
        else { throw Failure("a path and a line are needed") }
        let base = linesStartAt1 ? 0 : 1
        let last = min(max(arguments["endLine"]?.integer ?? first, first), first + 2000)
        var locations: [JSON] = []
        var line = first + base
        while line <= last + base, let found = program.sources.addresses(file: path, line: line),
            found.line <= last + base
        {
            if found.line >= line { locations.append(.object([("line", .number(UInt64(found.line - base)))])) }
            line = max(found.line, line) + 1
        }
        return [("breakpoints", .array(locations))]
    }

    func dataBreakpointInfo(_ arguments: JSON) throws(Failure) -> [(String, JSON)] {
        let program = try standing
        guard let name = arguments["name"]?.string else { throw Failure("nothing is named") }
        func found(_ address: UInt64, _ size: Int, _ what: String) -> [(String, JSON)] {
            let size = min(max(size, 1), 1 << 20)
            return [
                ("dataId", .string("\(hexadecimal(address))/\(size)")),
                ("description", .string("\(what), \(size) bytes at \(hexadecimal(address))")),
                ("accessTypes", .array(["read", "write", "readWrite"].map { .string($0) })),
                ("canPersist", .bool(true)),
            ]
        }
        func nothing(_ why: String) -> [(String, JSON)] { [("dataId", .null), ("description", .string(why))] }
        if arguments["asAddress"]?.bool == true {
            return found(try address(name), arguments["bytes"]?.integer ?? 8, "memory")
        }
        let value: DebugValue
        if let reference = arguments["variablesReference"]?.integer, reference != 0 {
            guard let member = try children(reference, program).first(where: { $0.name == name }) else {
                return nothing("\(name) is not there")
            }
            value = member.value
        } else {
            do throws(Failure) { value = try evaluator(arguments["frameId"]?.integer, program).evaluate(name) } catch {
                return nothing(error.message)
            }
        }
        guard case .memory(let address) = value.location else { return nothing("\(name) is not in memory") }
        return found(address, arguments["bytes"]?.integer ?? value.size, name)
    }

    // MARK: Setting

    private func list(_ arguments: JSON) throws(Failure) -> [JSON] {
        guard let list = arguments["breakpoints"] else {
            // An older form, of line numbers.
            return (arguments["lines"]?.array ?? []).map { .object([("line", $0)]) }
        }
        guard let elements = list.array else { throw Failure("the breakpoints are no list") }
        return elements
    }

    /// Replaces one of the lists.
    /// - Parameter place: where a breakpoint is, and what the editor is told of it.
    private func set(
        _ name: DAPBreakpoints.List, _ wanted: [JSON],
        _ place: (JSON, inout [(String, JSON)]) throws(Failure) -> [StopPoint]
    ) throws(Failure) -> [(String, JSON)] {
        let target = try machine.target
        for point in breakpoints.lists[name] ?? [] { for stop in point.stops { target.remove(stop) } }
        breakpoints.lists[name] = nil
        guard breakpoints.lists.count < DAPBreakpoints.most else { throw Failure("breakpoints are in too many files") }
        var points: [DAPBreakpoints.Point] = []
        var answers: [JSON] = []
        for wish in wanted {
            breakpoints.lastIdentifier += 1
            var point = DAPBreakpoints.Point(identifier: breakpoints.lastIdentifier)
            var answer: [(String, JSON)] = [("id", .number(UInt64(point.identifier)))]
            do throws(Failure) {
                let stops = try place(wish, &answer)
                guard breakpoints.count + points.reduce(0, { $0 + $1.stops.count }) + stops.count <= DAPBreakpoints.most
                else { throw Failure("there are \(DAPBreakpoints.most) breakpoints already") }
                try complete(&point, wish)
                for stop in stops {
                    do throws(DebugRefusal) { try target.insert(stop) } catch {
                        for stop in point.stops { target.remove(stop) }
                        throw Failure(error.description)
                    }
                    point.stops.append(stop)
                }
                points.append(point)
                answer.append(("verified", .bool(true)))
                if let stop = stops.first, stop.kind == .execution {
                    answer.append(("instructionReference", .string(hexadecimal(stop.address.value))))
                }
            } catch {
                answer += [("verified", .bool(false)), ("message", .string(printable(error.message)))]
            }
            answers.append(.object(answer))
        }
        if !points.isEmpty { breakpoints.lists[name] = points }
        return [("breakpoints", .array(answers))]
    }

    private func complete(_ point: inout DAPBreakpoints.Point, _ wish: JSON) throws(Failure) {
        if let condition = wish["condition"]?.string, !condition.isEmpty {
            do throws(DebugExpression.Failure) { _ = try DebugExpression(condition) } catch {
                throw Failure("the condition cannot be read: \(error.message)")
            }
            point.condition = condition
        }
        if let text = wish["hitCondition"]?.string, !text.isEmpty {
            guard let condition = DAPHitCondition(text) else {
                throw Failure("\"\(text.prefix(40))\" is no hit condition. There are 5, >= 5, > 5, == 5 and % 5")
            }
            point.hitCondition = condition
        }
        if let message = wish["logMessage"]?.string, !message.isEmpty {
            point.logMessage = String(message.prefix(4096))
        }
    }

    func removeAllPoints() {
        guard let target = program?.target else { return }
        for point in breakpoints.lists.values.joined() { for stop in point.stops { target.remove(stop) } }
        breakpoints.lists = [:]
        removeEvents()
        removePlan()
    }

    // MARK: Hits

    /// What becomes of a stop at a breakpoint or watchpoint.
    enum Hit {
        /// None of the editor's is there.
        case none
        /// Conditions do not hold, or something was printed in place of a stop.
        case passed
        case stop([Int])
    }

    func hit(_ matches: (StopPoint) -> Bool, _ processor: Int) -> Hit {
        var identifiers: [Int] = []
        var isThere = false
        for name in Array(breakpoints.lists.keys) {
            for index in breakpoints.lists[name]?.indices ?? 0..<0 {
                guard let point = breakpoints.lists[name]?[index], point.stops.contains(where: matches) else {
                    continue
                }
                isThere = true
                if let condition = point.condition, !holds(condition, processor, point.identifier) { continue }
                if !resumption.isReverse {
                    breakpoints.lists[name]?[index].hits += 1
                    if let hits = point.hitCondition, !hits.holds(point.hits + 1) { continue }
                }
                if let message = point.logMessage {
                    log(message, processor)
                } else {
                    identifiers.append(point.identifier)
                }
            }
        }
        return identifiers.isEmpty ? isThere ? .passed : .none : .stop(identifiers.sorted())
    }

    private func holds(_ condition: String, _ processor: Int, _ identifier: Int) -> Bool {
        guard let program else { return true }
        do throws(Failure) {
            return try evaluator(ofTopFrameOf: processor, program).truth(of: condition)
        } catch {
            // A condition that means nothing stops, and says so.
            say("breakpoint \(identifier): \(condition): \(error.message)")
            return true
        }
    }

    /// Prints a message with the values of what is between its braces.
    private func log(_ message: String, _ processor: Int) {
        guard let program else { return }
        var text = ""
        var rest = message[...]
        let evaluator = evaluator(ofTopFrameOf: processor, program)
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            text += rest[..<open]
            let expression = String(rest[rest.index(after: open)..<close])
            do throws(Failure) { text += evaluator.text(of: try evaluator.evaluate(expression)) } catch {
                text += "{\(error.message)}"
            }
            rest = rest[rest.index(after: close)...]
        }
        event("output", [("category", .string("console")), ("output", .string(text + rest + "\n"))])
    }

    func say(_ text: String) {
        event("output", [("category", .string("console")), ("output", .string(printable(text) + "\n"))])
    }
}
