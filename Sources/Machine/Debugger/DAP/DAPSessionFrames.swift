/// What an editor was shown of a machine that stands: its numbers name frames and values until the machine goes on.
struct DAPShown {
    /// One of a CPU's frames.
    struct Frame {
        let processor: Int
        let registers: FrameRegisters
        /// It has called the frame before it.
        let isCaller: Bool
        /// Calls that were inlined in it and are frames of their own before this one.
        let inlined: Int
        let source: SourceFrame?
    }
    enum Container {
        case locals(Frame)
        case registers(processor: Int, DebugRegister.Group)
        case value(DebugValue, Frame?)
    }
    private(set) var frames: [Frame] = []
    private(set) var containers: [Container] = []
    /// By CPUs: a stack is shown piece by piece.
    var stacks: [Int: [Frame]] = [:]
    /// Numbers that were given before the machine went on name nothing now.
    private var first = 1
    /// A client that asks again and again has to let the machine go on first.
    private static let most = 1 << 20

    mutating func forget() {
        first += frames.count + containers.count
        if first > 1 << 30 { first = 1 }
        (frames, containers, stacks) = ([], [], [:])
    }

    mutating func add(_ frame: Frame) -> Int {
        frames.append(frame)
        return first + 2 * (frames.count - 1)
    }

    mutating func add(_ container: Container) -> Int {
        guard containers.count < Self.most else { return 0 }
        containers.append(container)
        return first + 2 * (containers.count - 1) + 1
    }

    func frame(_ number: Int) -> Frame? {
        let index = number - first
        return index >= 0 && index % 2 == 0 && index / 2 < frames.count ? frames[index / 2] : nil
    }

    func container(_ number: Int) -> Container? {
        let index = number - first
        return index >= 0 && index % 2 == 1 && index / 2 < containers.count ? containers[index / 2] : nil
    }
}

extension DAPSession {
    // MARK: Registers and memory as the unwinder takes them

    func registers(of processor: Int, _ target: any DebugTarget) -> FrameRegisters {
        func value(_ number: Int) -> UInt64? {
            target.readRegister(number, of: processor).map { UInt64(littleEndianBytes: $0) }
        }
        let counter = target.registers.firstIndex { $0.name == "pc" }
        // General registers come first and are in the order of DWARF's numbers, on both machines.
        return FrameRegisters(
            programCounter: counter.flatMap(value) ?? 0,
            values: (0..<32).map { $0 < target.registers.count && $0 != counter ? value($0) : nil })
    }

    func memory(of processor: Int, _ target: any DebugTarget) -> FrameMemory {
        { address, count in
            let bytes = target.readMemory(DebugAddress(address), count: count, of: processor)
            return bytes.count == count ? bytes : nil
        }
    }

    // MARK: Threads and frames

    func threads() throws(Failure) -> [(String, JSON)] {
        let target = try machine.target
        return [
            (
                "threads",
                .array(
                    (0..<target.processorCount).map { processor in
                        let status = isRunning ? "" : ": " + target.status(of: processor)
                        return .object([
                            ("id", .number(UInt64(processor + 1))),
                            ("name", .string(target.label(of: processor) + status)),
                        ])
                    })
            )
        ]
    }

    /// Frames that no program makes: a damaged stack leads in circles.
    private static let deepest = 1024

    private func stack(of processor: Int, _ program: DebuggedProgram) -> [DAPShown.Frame] {
        if let stack = shown.stacks[processor] { return stack }
        let registers = program.sources.stack(
            from: registers(of: processor, program.target), limit: Self.deepest,
            memory: memory(of: processor, program.target))
        var stack: [DAPShown.Frame] = []
        for (index, frame) in registers.enumerated() {
            let isCaller = index > 0
            let sources = program.sources.frames(at: frame.programCounter &- (isCaller ? 1 : 0))
            for (inlined, source) in (sources.isEmpty ? [nil] : sources.map(Optional.some)).enumerated() {
                stack.append(
                    DAPShown.Frame(
                        processor: processor, registers: frame, isCaller: isCaller, inlined: inlined, source: source))
            }
        }
        shown.stacks[processor] = stack
        return stack
    }

    func stackTrace(_ arguments: JSON) throws(Failure) -> [(String, JSON)] {
        let program = try standing
        let stack = stack(of: try processor(arguments, of: program.target), program)
        let start = min(max(arguments["startFrame"]?.integer ?? 0, 0), stack.count)
        let levels = arguments["levels"]?.integer ?? 0
        let frames = stack[start...].prefix(levels > 0 ? levels : stack.count)
        return [
            ("stackFrames", .array(frames.map { json($0, program) })), ("totalFrames", .number(UInt64(stack.count))),
        ]
    }

    private func json(_ frame: DAPShown.Frame, _ program: DebuggedProgram) -> JSON {
        let address = frame.registers.programCounter
        var members: [(String, JSON)] = [
            ("id", .number(UInt64(shown.add(frame)))),
            (
                "name",
                .string(printable(frame.source?.function ?? symbol(frame, program) ?? hexadecimal(address)))
            ),
        ]
        if let source = frame.source, let file = source.file, source.line > 0 {
            members += [
                ("source", self.source(file)), ("line", .number(UInt64(source.line - (linesStartAt1 ? 0 : 1)))),
                ("column", .number(UInt64(max(source.column - (columnsStartAt1 ? 0 : 1), 0)))),
            ]
        } else {
            members += [("line", .number(0)), ("column", .number(0)), ("presentationHint", .string("subtle"))]
        }
        members.append(("instructionPointerReference", .string(hexadecimal(address))))
        if let index = program.sources.programs.firstIndex(where: {
            !$0.information.frames(at: address &- $0.bias).isEmpty
        }) {
            members.append(("moduleId", .number(UInt64(index + 1))))
        }
        return .object(members)
    }

    /// The symbol of a frame's function. What calls in its last instruction is not the one behind.
    private func symbol(_ frame: DAPShown.Frame, _ program: DebuggedProgram) -> String? {
        let address = frame.registers.programCounter
        guard frame.isCaller else { return program.symbols.name(address) }
        return program.symbols.name(address &- 1)?.split(separator: "+").first.map(String.init)
    }

    func source(_ file: String) -> JSON {
        var file = file
        for (from, to) in program?.sourceMap ?? []
        where file == from || file.hasPrefix(from.hasSuffix("/") ? from : from + "/") {
            file = to + file.dropFirst(from.count)
            break
        }
        let name = file.split(separator: "/").last.map(String.init) ?? file
        return .object([("name", .string(name)), ("path", .string(file))])
    }

    func modules(_ arguments: JSON) throws(Failure) -> [(String, JSON)] {
        let program = try machine
        let modules = program.sources.programs.enumerated().map { index, program in
            let file = program.information.file
            return JSON.object([
                ("id", .number(UInt64(index + 1))),
                ("name", .string(file.split(separator: "/").last.map(String.init) ?? file)), ("path", .string(file)),
                (
                    "symbolStatus",
                    .string(program.information.isEmpty ? "No debug information" : "Debug information loaded")
                ), ("addressRange", .string(hexadecimal(program.bias))),
            ])
        }
        let start = min(max(arguments["startModule"]?.integer ?? 0, 0), modules.count)
        let count = arguments["moduleCount"]?.integer ?? 0
        return [
            ("modules", .array(Array(modules[start...].prefix(count > 0 ? count : modules.count)))),
            ("totalModules", .number(UInt64(modules.count))),
        ]
    }

    func loadedSources() throws(Failure) -> [(String, JSON)] {
        let program = try machine
        let files = Set(program.sources.programs.flatMap { $0.information.sourceFiles }).sorted().prefix(1 << 16)
        return [("sources", .array(files.map { source($0) }))]
    }

    // MARK: Scopes and variables

    func scopes(_ arguments: JSON) throws(Failure) -> [(String, JSON)] {
        let program = try standing
        guard let number = arguments["frameId"]?.integer, let frame = shown.frame(number) else {
            throw Failure("there is no such frame; the machine has gone on")
        }
        func scope(_ name: String, _ hint: String?, _ container: DAPShown.Container, isExpensive: Bool = false) -> JSON
        {
            .object(
                [("name", .string(name))] + (hint.map { [("presentationHint", .string($0))] } ?? [])
                    + [
                        ("variablesReference", .number(UInt64(shown.add(container)))),
                        ("expensive", .bool(isExpensive)),
                    ])
        }
        var scopes: [JSON] = []
        if frame.source?.function != nil { scopes.append(scope("Locals", "locals", .locals(frame))) }
        let groups: [(DebugRegister.Group, String)] = [
            (.general, "General registers"), (.float, "Floating-point registers"), (.vector, "Vector registers"),
            (.system, "System registers"),
        ]
        for (group, name) in groups where program.target.registers.contains(where: { $0.group == group }) {
            scopes.append(
                scope(name, "registers", .registers(processor: frame.processor, group), isExpensive: group != .general))
        }
        return [("scopes", .array(scopes))]
    }

    /// What a number of a scope or value has in it.
    func children(_ reference: Int, _ program: DebuggedProgram) throws(Failure) -> [(name: String, value: DebugValue)] {
        guard let container = shown.container(reference) else {
            throw Failure("there is no such variable; the machine has gone on")
        }
        switch container {
        case .locals(let frame):
            let variables = program.sources.variables(
                of: frame.registers, isCaller: frame.isCaller, inlined: frame.inlined,
                memory: memory(of: frame.processor, program.target))
            return variables.map { ($0.name, DebugValue($0)) }
        case .registers(let processor, let group):
            return program.target.registers.enumerated().compactMap { number, register in
                guard register.group == group else { return nil }
                let bytes = program.target.readRegister(number, of: processor)
                return (register.name, DebugValue(register, bytes))
            }
        case .value(let value, let frame):
            return evaluator(of: frame, program).children(of: value)
        }
    }

    func variables(_ arguments: JSON) throws(Failure) -> [(String, JSON)] {
        let program = try standing
        guard let reference = arguments["variablesReference"]?.integer, let container = shown.container(reference)
        else {
            throw Failure("there is no such variable; the machine has gone on")
        }
        let all = try children(reference, program)
        let start = min(max(arguments["start"]?.integer ?? 0, 0), all.count)
        let count = arguments["count"]?.integer ?? 0
        let frame: DAPShown.Frame? =
            switch container {
            case .locals(let frame): frame
            case .value(_, let frame): frame
            case .registers: nil
            }
        let evaluator = evaluator(of: frame, program)
        let isHexadecimal = arguments["format"]?["hex"]?.bool ?? false
        let variables = all[start...].prefix(count > 0 ? count : all.count).map { name, value in
            JSON.object([("name", .string(printable(name)))] + members(value, "value", evaluator, frame, isHexadecimal))
        }
        return [("variables", .array(variables))]
    }

    /// A value as `variables` and `evaluate` have it.
    private func members(
        _ value: DebugValue, _ name: String, _ evaluator: DebugEvaluator, _ frame: DAPShown.Frame?,
        _ isHexadecimal: Bool
    ) -> [(String, JSON)] {
        var members: [(String, JSON)] = [
            (name, .string(printable(evaluator.text(of: value, isHexadecimal: isHexadecimal))))
        ]
        if let type = value.typeName { members.append(("type", .string(printable(type)))) }
        let reference = evaluator.hasChildren(value) ? shown.add(.value(value, frame)) : 0
        members.append(("variablesReference", .number(UInt64(reference))))
        if let address = evaluator.pointee(of: value) {
            members.append(("memoryReference", .string(hexadecimal(address))))
        }
        return members
    }

    func setVariable(_ arguments: JSON) throws(Failure) -> [(String, JSON)] {
        let program = try standing
        guard let reference = arguments["variablesReference"]?.integer, let container = shown.container(reference),
            let name = arguments["name"]?.string, let text = arguments["value"]?.string
        else { throw Failure("a variable and its value are needed") }
        if case .registers(let processor, let group) = container {
            guard let number = program.target.registers.firstIndex(where: { $0.name == name && $0.group == group })
            else {
                throw Failure("there is no register \(name.prefix(40))")
            }
            let evaluator = evaluator(ofTopFrameOf: processor, program)
            let value = try evaluator.integer(of: text)
            let size = program.target.registers[number].bits / 8
            guard program.target.writeRegister(number, of: processor, value.littleEndianBytes(size)) else {
                throw Failure("\(name) cannot be written")
            }
            shown.stacks = [:]
            let value2 = DebugValue(
                program.target.registers[number], program.target.readRegister(number, of: processor))
            return [("value", .string(evaluator.text(of: value2))), ("variablesReference", .number(0))]
        }
        guard let value = try children(reference, program).first(where: { $0.name == name })?.value else {
            throw Failure("there is no variable \(name.prefix(40))")
        }
        guard case .memory(let address) = value.location, 1...8 ~= value.size, value.bits == nil else {
            throw Failure("\(name.prefix(40)) is no number in memory, which could be changed")
        }
        let frame: DAPShown.Frame? =
            switch container {
            case .locals(let frame): frame
            case .value(_, let frame): frame
            case .registers: nil
            }
        let evaluator = evaluator(of: frame, program)
        let bytes = try evaluator.integer(of: text).littleEndianBytes(value.size)
        guard program.target.writeMemory(DebugAddress(address), bytes, of: frame?.processor ?? 0) else {
            throw Failure("there is no memory at \(hexadecimal(address))")
        }
        return members(value, "value", evaluator, frame, false)
    }

    // MARK: Expressions

    func evaluator(of frame: DAPShown.Frame?, _ program: DebuggedProgram) -> DebugEvaluator {
        guard let frame else { return evaluator(ofTopFrameOf: program.target.currentProcessor, program) }
        return DebugEvaluator(
            program: program, processor: frame.processor, registers: frame.registers, isCaller: frame.isCaller,
            inlined: frame.inlined)
    }

    func evaluator(ofTopFrameOf processor: Int, _ program: DebuggedProgram) -> DebugEvaluator {
        DebugEvaluator(
            program: program, processor: processor, registers: registers(of: processor, program.target),
            isCaller: false, inlined: 0)
    }

    func evaluator(_ frame: Int?, _ program: DebuggedProgram) throws(Failure) -> DebugEvaluator {
        guard let frame else { return evaluator(ofTopFrameOf: program.target.currentProcessor, program) }
        guard let shown = shown.frame(frame) else { throw Failure("there is no such frame; the machine has gone on") }
        return evaluator(of: shown, program)
    }

    func evaluate(_ arguments: JSON) throws(Failure) -> [(String, JSON)] {
        let program = try standing
        guard let expression = arguments["expression"]?.string else { throw Failure("nothing is to be evaluated") }
        let words = expression.split(separator: " ", maxSplits: 1)
        if words.first == "monitor", arguments["context"]?.string ?? "repl" == "repl" {
            let text = program.target.monitor(words.count > 1 ? String(words[1]) : "help")
            return [("result", .string(text)), ("variablesReference", .number(0))]
        }
        let number = arguments["frameId"]?.integer
        let evaluator = try evaluator(number, program)
        let value = try evaluator.evaluate(expression)
        let isHexadecimal = arguments["format"]?["hex"]?.bool ?? false
        return members(value, "result", evaluator, number.flatMap { shown.frame($0) }, isHexadecimal)
    }
}
