import ISA

/// Writes down what a machine does, one event a line:
///
///     0.000001204  0 HS         0x80200134 vcpu_run+0x1c        sd a0, 0x8(sp)
///
/// time, hart, privilege mode and guest, program counter, where that is, and what happened there.
///
/// A machine that is not traced pays nothing: there is no tracer, and its observers are nil. Where the program counter
/// matters at each event, the hart runs one instruction at a time, since its fast paths do not keep it. Turns stay as
/// long as they were, so that a traced run is the same run.
public final class Tracer {
    private let session: Session
    private let options: TraceOptions
    private let symbols: SymbolFinder
    private let disassembler: Disassembler
    private let sink: (String) -> Void
    /// The hart whose turn it is; devices do not say who accesses them.
    fileprivate var current: RISCV.Hart?

    /// Traces `session` from now on.
    /// - Parameter sink: takes each line, with its end.
    public init(_ session: Session, _ options: TraceOptions, sink: @escaping (String) -> Void) {
        self.session = session
        self.options = options
        self.sink = sink
        symbols = SymbolFinder(session.symbols)
        disassembler = Disassembler(symbols: symbols)
        let board = session.board
        let stepping: TraceOptions.Kinds = [.instructions, .csr, .mmio]
        if !options.kinds.isDisjoint(with: stepping) {
            board.scheduler.substitute { [unowned self] processor in
                guard let hart = processor as? RISCV.Hart else { return processor }
                return SteppedHart(hart, self)
            }
        }
        for hart in board.harts {
            hart.trapObserver = { [unowned self, unowned hart] in trapTaken($0, hart) }
            if options.kinds.contains(.csr) {
                hart.registerObserver = { [unowned self, unowned hart] number, value in
                    flush()
                    write(hart, "csr    \(RISCV.registerName(number)) = \(hexadecimal(value))")
                }
            }
        }
        if options.kinds.contains(.mmio) {
            board.space.observer = { [unowned self] in accessed($0, $1, $2, isWrite: $3) }
        }
    }

    /// An instruction that is about to be executed, kept back until it is sure that no interrupt comes first.
    private var held: (hart: RISCV.Hart, line: String)?

    fileprivate func willExecute(_ hart: RISCV.Hart) {
        current = hart
        guard options.kinds.contains(.instructions), isWanted(hart) else { return }
        held = (hart, instructionLine(hart))
    }

    fileprivate func flush() {
        guard let line = held?.line else { return }
        held = nil
        sink(line)
    }

    private func instructionLine(_ hart: RISCV.Hart) -> String {
        let counter = hart.state.pointee.core.programCounter
        guard let word = hart.instructionWord() else { return line(hart, "(no instruction can be fetched)") }
        return line(hart, disassembler.line(word, at: counter, inGuest: hart.state.pointee.virtual).text)
    }

    private func trapTaken(_ trap: RISCV.Hart.TrapRecord, _ hart: RISCV.Hart) {
        let isInterrupt = trap.cause >> 63 == 1
        if isInterrupt { held = nil } else { flush() }
        let mode = RISCV.Mode(trap.fromPrivilege, virtual: trap.fromVirtual, features: hart.features)
        if options.kinds.contains(.exceptions), isWanted(mode, hart.guest, trap.programCounter) {
            var text = "trap   " + RISCV.Cause.describe(trap.cause)
            if !isInterrupt && trap.value != 0 { text += ", value \(hexadecimal(trap.value))" }
            if trap.guestPhysical != 0 { text += ", guest-physical \(hexadecimal(trap.guestPhysical))" }
            let to = RISCV.Mode(trap.toPrivilege, virtual: trap.toVirtual, features: hart.features)
            text +=
                " -> \(to.rawValue) \(symbols.text(hart.state.pointee.core.programCounter, inGuest: trap.toVirtual))"
            sink(line(hart, mode, trap.programCounter, text))
        }
        // After an interrupt the step still executes an instruction: the first one of the handler.
        if isInterrupt && current === hart { willExecute(hart) }
    }

    private func accessed(_ address: UInt64, _ size: Int, _ value: UInt64, isWrite: Bool) {
        guard let hart = current else { return }
        flush()
        let name = session.board.space.mapping(at: address).map { mapping in
            "\(mapping.device.name)+\(hexadecimal(address - mapping.base))"
        }
        let shown = size >= 8 ? value : value & (1 << UInt64(size * 8) - 1)
        write(
            hart,
            "mmio   \(isWrite ? "store" : "load ") \(size) at \(hexadecimal(address)) \(name ?? ""): \(hexadecimal(shown))"
        )
    }

    // MARK: Lines

    private func isWanted(_ hart: RISCV.Hart) -> Bool {
        isWanted(hart.mode, hart.guest, hart.state.pointee.core.programCounter)
    }

    private func isWanted(_ mode: RISCV.Mode, _ guest: UInt64, _ counter: UInt64) -> Bool {
        if !options.modes.isEmpty && !options.modes.contains(mode) { return false }
        if let wanted = options.guest, !mode.isVirtual || guest != wanted { return false }
        return options.ranges.isEmpty || options.ranges.contains { $0.contains(counter) }
    }

    private func write(_ hart: RISCV.Hart, _ text: String) {
        if isWanted(hart) { sink(line(hart, text)) }
    }

    private func line(_ hart: RISCV.Hart, _ text: String) -> String {
        line(hart, hart.mode, hart.state.pointee.core.programCounter, text)
    }

    private func line(_ hart: RISCV.Hart, _ mode: RISCV.Mode, _ counter: UInt64, _ text: String) -> String {
        let time = session.board.clock.now
        var fraction = String(time % 1_000_000_000)
        fraction = String(repeating: "0", count: 9 - fraction.count) + fraction
        let who = mode.rawValue + (mode.isVirtual ? " vmid \(hart.guest)" : "")
        let place = mode.isVirtual ? "" : symbols.name(counter) ?? ""
        return "\(time / 1_000_000_000).\(fraction) \(padded(String(hart.identifier), 2)) \(padded(who, 10)) "
            + "\(padded(hexadecimal(counter), 18)) \(padded(place, 24)) \(text)\n"
    }
}

/// A hart that runs instruction by instruction, each of which the tracer sees first.
private final class SteppedHart: Processor {
    private let hart: RISCV.Hart
    private unowned let tracer: Tracer
    /// Where the turn ends, in executed instructions.
    private var limit: UInt64 = 0

    init(_ hart: RISCV.Hart, _ tracer: Tracer) {
        self.hart = hart
        self.tracer = tracer
    }

    var identifier: Int { hart.identifier }
    var executed: UInt64 { hart.executed }
    var clockOffset: UInt64 {
        get { hart.clockOffset }
        set { hart.clockOffset = newValue }
    }
    var isWaiting: Bool { hart.isWaiting }
    var isLost: Bool { hart.isLost }

    func run(_ count: UInt64) -> UInt64 {
        let start = hart.executed
        limit = start &+ count
        while hart.executed < limit, !hart.state.pointee.halted {
            tracer.willExecute(hart)
            let yields = hart.yieldsTurn
            let executed = hart.run(1)
            tracer.flush()
            if executed == 0 || hart.isWaiting || yields { break }
        }
        tracer.current = nil
        return hart.executed &- start
    }

    func limitTurn(to limit: UInt64) {
        self.limit = min(self.limit, max(limit, hart.executed &+ 1))
        hart.limitTurn(to: limit)
    }

    func stop() {
        limit = 0
        hart.stop()
    }

    func loseReservation() { hart.loseReservation() }
}
