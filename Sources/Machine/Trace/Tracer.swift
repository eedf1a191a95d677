/// Writes down what a machine does, one event a line:
///
///     0.000001204  0 HS         0x80200134 vcpu_run+0x1c        sd a0, 0x8(sp)
///
/// time, CPU, privilege level and guest, program counter, where that is, and what happened there.
///
/// A machine that is not traced pays nothing: there is no tracer, and its observers are nil. Where the program counter
/// matters at each event, the CPU runs one instruction at a time, since its fast paths do not keep it. Turns stay as
/// long as they were, so that a traced run is the same run.
public final class Tracer {
    private let session: Session
    private let options: TraceOptions
    private let symbols: SymbolFinder
    private let disassembler: Disassembler
    private let sink: (String) -> Void
    /// The CPU whose turn it is; devices do not say who accesses them.
    fileprivate var current: (any InspectableProcessor)?

    /// Traces `session` from now on.
    /// - Parameter sink: takes each line, with its end.
    /// - Throws: where this machine's CPUs have none of the levels that are to be traced.
    public init(_ session: Session, _ options: TraceOptions, sink: @escaping (String) -> Void) throws(InputError) {
        self.session = session
        self.options = options
        self.sink = sink
        symbols = SymbolFinder(session.symbols)
        disassembler = Disassembler(symbols: symbols, architecture: session.board.architecture)
        let board = session.board
        let stepping: TraceOptions.Kinds = [.instructions, .csr, .mmio]
        if !options.kinds.isDisjoint(with: stepping) {
            board.scheduler.substitute { [unowned self] processor in
                guard let processor = processor as? any InspectableProcessor else { return processor }
                return SteppedProcessor(processor, self)
            }
        }
        for processor in board.processors {
            try checkLevels(type(of: processor).levelNames)
            processor.observeExceptions { [unowned self, unowned processor] in taken($0, processor) }
            guard options.kinds.contains(.csr) else { continue }
            let label = padded(type(of: processor).registerLabel, 6)
            processor.observeRegisters { [unowned self, unowned processor] name, value in
                flush()
                write(processor, "\(label) \(name) = \(hexadecimal(value))")
            }
        }
        if options.kinds.contains(.mmio) {
            board.space.observer = { [unowned self] in accessed($0, $1, $2, isWrite: $3) }
        }
    }

    private func checkLevels(_ names: [String]) throws(InputError) {
        guard !options.levels.isEmpty, options.levels.isDisjoint(with: names) else { return }
        throw InputError(
            file: "--trace-privilege",
            problem: "this machine has no \(enumeration(options.levels.sorted()))",
            mend: "It has \(enumeration(names)).")
    }

    /// An instruction that is about to be executed, kept back until it is sure that no interrupt comes first.
    private var held: (processor: any InspectableProcessor, line: String)?

    fileprivate func willExecute(_ processor: any InspectableProcessor) {
        current = processor
        guard options.kinds.contains(.instructions), isWanted(processor) else { return }
        held = (processor, instructionLine(processor))
    }

    fileprivate func flush() {
        guard let line = held?.line else { return }
        held = nil
        sink(line)
    }

    private func instructionLine(_ processor: any InspectableProcessor) -> String {
        let (counter, isGuests) = (processor.programCounter, processor.privilege.isGuests)
        guard let word = processor.instructionWord() else {
            return line(processor, "(no instruction can be fetched)")
        }
        return line(processor, disassembler.line(word, at: counter, inGuest: isGuests).text)
    }

    private func taken(_ exception: ExceptionRecord, _ processor: any InspectableProcessor) {
        let isInterrupt = exception.kind == .interrupt
        if isInterrupt { held = nil } else { flush() }
        let counter = exception.programCounter
        if options.kinds.contains(.exceptions), isWanted(exception.from, processor.guest, counter) {
            var text = "trap   " + exception.name
            if !isInterrupt && exception.value != 0 { text += ", value \(hexadecimal(exception.value))" }
            if let address = exception.guestPhysical, address != 0 {
                text += ", guest-physical \(hexadecimal(address))"
            }
            let handler = symbols.text(processor.programCounter, inGuest: exception.to.isGuests)
            text += " -> \(exception.to.name) \(handler)"
            sink(line(processor, exception.from, counter, text))
        }
        // After an interrupt the step still executes an instruction: the first one of the handler.
        if isInterrupt && current === processor { willExecute(processor) }
    }

    private func accessed(_ address: UInt64, _ size: Int, _ value: UInt64, isWrite: Bool) {
        guard let processor = current else { return }
        flush()
        let name = session.board.space.mapping(at: address).map { mapping in
            "\(mapping.device.name)+\(hexadecimal(address - mapping.base))"
        }
        let shown = size >= 8 ? value : value & (1 << UInt64(size * 8) - 1)
        write(
            processor,
            "mmio   \(isWrite ? "store" : "load ") \(size) at \(hexadecimal(address)) \(name ?? ""): \(hexadecimal(shown))"
        )
    }

    // MARK: Lines

    private func isWanted(_ processor: any InspectableProcessor) -> Bool {
        isWanted(processor.privilege, processor.guest, processor.programCounter)
    }

    private func isWanted(_ level: PrivilegeLevel, _ guest: UInt64, _ counter: UInt64) -> Bool {
        if !options.levels.isEmpty && !options.levels.contains(level.name) { return false }
        if let wanted = options.guest, !level.isGuests || guest != wanted { return false }
        return options.ranges.isEmpty || options.ranges.contains { $0.contains(counter) }
    }

    private func write(_ processor: any InspectableProcessor, _ text: String) {
        if isWanted(processor) { sink(line(processor, text)) }
    }

    private func line(_ processor: any InspectableProcessor, _ text: String) -> String {
        line(processor, processor.privilege, processor.programCounter, text)
    }

    private func line(
        _ processor: any InspectableProcessor, _ level: PrivilegeLevel, _ counter: UInt64, _ text: String
    ) -> String {
        let time = session.board.clock.now
        var fraction = String(time % 1_000_000_000)
        fraction = String(repeating: "0", count: 9 - fraction.count) + fraction
        let who = level.name + (level.isGuests ? " vmid \(processor.guest)" : "")
        let place = level.isGuests ? "" : symbols.name(counter) ?? ""
        return "\(time / 1_000_000_000).\(fraction) \(padded(String(processor.identifier), 2)) \(padded(who, 10)) "
            + "\(padded(hexadecimal(counter), 18)) \(padded(place, 24)) \(text)\n"
    }
}

/// A CPU that runs instruction by instruction, each of which the tracer sees first.
private final class SteppedProcessor: StandInProcessor {
    private unowned let tracer: Tracer

    init(_ base: any InspectableProcessor, _ tracer: Tracer) {
        self.tracer = tracer
        super.init(base)
    }

    override func run(_ count: UInt64) -> UInt64 {
        defer { tracer.current = nil }
        return run(count) { _ in
            tracer.willExecute(base)
            let executed = base.run(1)
            tracer.flush()
            return executed > 0
        }
    }
}
