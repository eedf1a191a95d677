/// What a machine runs for, and where that ends.
enum DAPPlan {
    /// Until something else stops it.
    case run
    /// One instruction.
    case instruction
    /// Until this CPU is at one of the addresses in the frame that is meant.
    case landing(processor: Int, places: [DAPLanding])
    /// Until this CPU leaves a line by its instructions, into a function that it calls, too.
    case leaving(processor: Int, DAPStep)
}

/// Where a step may end: an address, and the frame it is to be in, which is known by its canonical address (DWARF 5, 6.4);
/// any, where none is given.
struct DAPLanding {
    let address: UInt64
    let frame: UInt64?
}

/// Where a step into began.
struct DAPStep {
    let frame: UInt64?
    let function: Range<UInt64>?
    let line: SourceFrame?
    let statement: Range<UInt64>
}

extension DAPSession {
    // MARK: The requests

    func run(
        _ command: String, _ arguments: JSON, _ after: inout [() -> Void]
    ) throws(Failure) -> [(String, JSON)] {
        if command == "pause" {
            let target = try machine.target
            if isRunning { target.interrupt() }
            return []
        }
        let program = try standing
        guard isConfigured else { throw Failure("configurationDone comes before the machine runs") }
        guard !hasEnded else { throw Failure("the run has ended") }
        let isReverse = command == "reverseContinue" || command == "stepBack"
        guard !isReverse || program.target.canReverse else {
            throw Failure("the machine cannot run backwards: a disk is written to. Give its drive snapshot")
        }
        let processor = try processor(arguments, of: program.target)
        guard command != "continue", command != "reverseContinue" else {
            after.append { [unowned self] in start(.run, Resumption(.run, isReverse: isReverse)) }
            return command == "continue" ? [("allThreadsContinued", .bool(true))] : []
        }
        let isInstruction = arguments["granularity"]?.string == "instruction"
        let (plan, resumption) = step(command, processor, isInstruction: isInstruction, isReverse, program)
        after.append { [unowned self] in start(plan, resumption) }
        return []
    }

    /// How a step is taken.
    private func step(
        _ command: String, _ processor: Int, isInstruction: Bool, _ isReverse: Bool, _ program: DebuggedProgram
    ) -> (DAPPlan, Resumption) {
        let one = (DAPPlan.instruction, Resumption(.step(processor: processor), isReverse: isReverse))
        let frame = registers(of: processor, program.target)
        let memory = memory(of: processor, program.target)
        let own = program.sources.canonicalFrameAddress(of: frame, isCaller: false, memory: memory)
        let caller = program.sources.caller(of: frame, isCaller: false, memory: memory)
        let address = frame.programCounter
        func landing(_ places: [DAPLanding]) -> (DAPPlan, Resumption) {
            (.landing(processor: processor, places: places), Resumption(.run, isReverse: isReverse))
        }
        // Where the caller goes on, in its own frame.
        var back: [DAPLanding] = []
        if let caller {
            let frame = program.sources.canonicalFrameAddress(of: caller, isCaller: true, memory: memory)
            back.append(DAPLanding(address: caller.programCounter, frame: frame))
        }
        if command == "stepOut" { return back.isEmpty ? one : landing(back) }
        if isInstruction {
            guard command == "next", let length = callLength(at: address, processor, program) else { return one }
            // Behind the call, in this frame; whatever it calls may come there in frames of its own.
            return landing([DAPLanding(address: address &+ length, frame: own)])
        }
        let starts = program.sources.lineStarts(inFunctionAt: address)
        guard !starts.isEmpty, starts.count <= Self.mostLandings, let statement = program.sources.statement(at: address)
        else {
            return one
        }
        if isReverse {
            // Back into the caller, to the line that calls.
            var outer: [DAPLanding] = []
            if let place = back.first {
                outer = program.sources.lineStarts(inFunctionAt: place.address &- 1).prefix(Self.mostLandings)
                    .map { DAPLanding(address: $0, frame: place.frame) }
            }
            return landing(starts.map { DAPLanding(address: $0, frame: own) } + outer)
        }
        if command == "next" {
            return landing(places(from: starts, at: address, own, program.sources) + back)
        }
        let step = DAPStep(
            frame: own, function: program.sources.functionRange(at: address),
            line: program.sources.frames(at: address).first, statement: statement)
        return (.leaving(processor: processor, step), Resumption(.stepOutOf(processor: processor, range: statement)))
    }

    /// More lines than a function of people's has.
    private static let mostLandings = 4096

    /// Of a function's lines those that a step over a line may end at: not those of calls that were inlined in this line.
    private func places(
        from starts: [UInt64], at address: UInt64, _ frame: UInt64?, _ sources: SourcePrograms
    ) -> [DAPLanding] {
        let depth = sources.frames(at: address).count
        return starts.filter { sources.frames(at: $0).count <= depth }.map { DAPLanding(address: $0, frame: frame) }
    }

    /// The length of the instruction at the address, where it calls.
    private func callLength(at address: UInt64, _ processor: Int, _ program: DebuggedProgram) -> UInt64? {
        let bytes = program.target.readMemory(DebugAddress(address), count: 4, of: processor)
        guard bytes.count >= 2 else { return nil }
        let word = UInt32(truncatingIfNeeded: UInt64(littleEndianBytes: bytes))
        if program.target.architecture == .aarch64 {
            // BL, and BLR with its authenticated kin (Arm ARM, "Unconditional branch (register)").
            return word >> 26 == 0b100101 || word & 0xfeff_f000 == 0xd63f_0000 ? 4 : nil
        }
        if word & 3 != 3 {
            // C.JALR: 1001, a register, and no second one (Unprivileged ISA, "Control Transfer Instructions" of C).
            return word & 0xf07f == 0x9002 && word & 0xf80 != 0 ? 2 : nil
        }
        // JAL and JALR that keep the return address in x1 or x5 ("Unconditional Jumps").
        return [0x6f, 0x67].contains(word & 0x7f) && [1, 5].contains(word >> 7 & 31) ? 4 : nil
    }

    // MARK: Running

    func start(_ plan: DAPPlan, _ resumption: Resumption) {
        guard let target = program?.target else { return }
        removePlan()
        self.plan = plan
        self.resumption = resumption
        if case .landing(_, let places) = plan {
            for place in places { try? target.insert(StopPoint(.execution, at: DebugAddress(place.address))) }
        }
        shown.forget()
        isRunning = true
        if resumption.isReverse, knowsProgress { beginProgress() }
        target.resume(resumption)
    }

    func removePlan() {
        if case .landing(_, let places) = plan, let target = program?.target {
            for place in places { target.remove(StopPoint(.execution, at: DebugAddress(place.address))) }
        }
        plan = .run
    }

    private func beginProgress() {
        progressCount += 1
        let identifier = "reverse-\(progressCount)"
        progress = identifier
        event(
            "progressStart",
            [
                ("progressId", .string(identifier)), ("title", .string("Running backwards")),
                ("cancellable", .bool(true)),
            ])
    }

    private func endProgress() {
        guard let identifier = progress else { return }
        progress = nil
        event("progressEnd", [("progressId", .string(identifier))])
    }

    /// The machine stands: that is shown, or it goes on.
    func stopped(_ stop: DebugStop) {
        guard let program else { return }
        let processor = stop.processor
        switch stop.reason {
        case .breakpoint:
            let address = registers(of: processor, program.target).programCounter
            switch hit({ $0.kind == .execution && $0.address.value == address }, processor) {
            case .stop(let identifiers): return finish("breakpoint", processor, hits: identifiers)
            case .passed, .none: break
            }
            if case .landing(let stepped, let places) = plan, stepped == processor,
                isLanding(places.filter { $0.address == address }, processor, program)
            {
                return finish("step", processor)
            }
            // An event, or one of the stops that the monitor was told of.
            guard let text = stop.text else { return goOn() }
            for line in text.split(separator: "\n") { say(String(line)) }
            finish("exception", processor, text: text.split(separator: "\n").joined(separator: "; "))
        case .watchpoint(let kind, let address):
            let hit = hit({ $0.kind == kind && $0.kind != .execution && covers($0, address) }, processor)
            switch hit {
            case .stop(let identifiers):
                finish("data breakpoint", processor, hits: identifiers, text: "accessed \(hexadecimal(address))")
            case .passed: goOn()
            case .none: finish("data breakpoint", processor, text: "accessed \(hexadecimal(address))")
            }
        case .stepped:
            if case .leaving(let stepped, let step) = plan, stepped == processor {
                guard let next = left(step, processor, program) else { return finish("step", processor) }
                start(next.0, next.1)
            } else {
                finish("step", processor)
            }
        case .interrupted: finish("pause", processor)
        case .startOfHistory: finish("pause", processor, text: "the run begins here")
        case .endOfHistory: finish("pause", processor, text: "what was recorded ends here")
        case .exited(let status): ended(status, processor, "the guest ended with status \(status)")
        case .ended(let text): ended(nil, processor, text)
        }
    }

    private func covers(_ point: StopPoint, _ address: UInt64) -> Bool {
        switch point.kind {
        case .execution: false
        case .read(let count), .write(let count), .access(let count): address &- point.address.value < count
        }
    }

    private func goOn() {
        guard let target = program?.target else { return }
        // Another CPU's, or a condition's: a step goes on from here.
        target.resume(resumption)
    }

    private func isLanding(_ places: [DAPLanding], _ processor: Int, _ program: DebuggedProgram) -> Bool {
        guard !places.isEmpty else { return false }
        let frame = registers(of: processor, program.target)
        let own = program.sources.canonicalFrameAddress(
            of: frame, isCaller: false, memory: memory(of: processor, program.target))
        return places.contains { $0.frame == nil || own == nil || $0.frame == own }
    }

    /// What is left of a step into, once the CPU has left the line's instructions; nil where it ends here.
    private func left(_ step: DAPStep, _ processor: Int, _ program: DebuggedProgram) -> (DAPPlan, Resumption)? {
        let frame = registers(of: processor, program.target)
        let address = frame.programCounter
        let memory = memory(of: processor, program.target)
        let own = program.sources.canonicalFrameAddress(of: frame, isCaller: false, memory: memory)
        func landing(_ places: [DAPLanding]) -> (DAPPlan, Resumption) {
            (.landing(processor: processor, places: places), Resumption(.run))
        }
        if step.function?.contains(address) ?? false, own == step.frame || own == nil || step.frame == nil {
            // On in the same frame: done at the beginning of another line, or of this one again.
            let starts = program.sources.lineStarts(inFunctionAt: address)
            if starts.contains(address) { return nil }
            guard starts.count <= Self.mostLandings else { return nil }
            let caller = program.sources.caller(of: frame, isCaller: false, memory: memory)
            return landing(
                starts.map { DAPLanding(address: $0, frame: own) }
                    + (caller.map { [DAPLanding(address: $0.programCounter, frame: nil)] } ?? []))
        }
        guard let caller = program.sources.caller(of: frame, isCaller: false, memory: memory),
            step.statement.contains(caller.programCounter) || step.statement.upperBound == caller.programCounter
        else { return nil }
        // It has called. Functions whose source is not known are stepped over.
        if let inside = program.sources.pastPrologue(address) {
            return inside == address ? nil : landing([DAPLanding(address: inside, frame: nil)])
        }
        return landing([DAPLanding(address: caller.programCounter, frame: step.frame)])
    }

    // MARK: Stops

    private func finish(_ reason: String, _ processor: Int, hits: [Int] = [], text: String? = nil) {
        removePlan()
        isRunning = false
        endProgress()
        guard !hasEnded else {
            // It was terminated meanwhile.
            return
        }
        showStop(reason, processor, hits: hits, text: text)
    }

    func showStop(_ reason: String, _ processor: Int, hits: [Int] = [], text: String? = nil) {
        shown.forget()
        var body: [(String, JSON)] = [
            ("reason", .string(reason)), ("threadId", .number(UInt64(processor + 1))),
            ("allThreadsStopped", .bool(true)),
        ]
        if let text { body += [("description", .string(text)), ("text", .string(text))] }
        if !hits.isEmpty { body.append(("hitBreakpointIds", .array(hits.map { .number(UInt64($0)) }))) }
        event("stopped", body)
    }

    private func ended(_ status: UInt64?, _ processor: Int, _ text: String) {
        say(text)
        if stopsAtExit, program?.target.canReverse ?? false, !hasEnded {
            return finish("pause", processor, text: text)
        }
        removePlan()
        isRunning = false
        endProgress()
        if hasEnded { return }
        hasEnded = true
        if let status { event("exited", [("exitCode", .number(min(status, 0xffff)))]) }
        event("terminated")
    }
}
