import ISA

/// Who has called whom, as CPUs call and return: exact for code of any kind, without frame pointers or call frame information.
///
/// A call is what the manuals have a CPU's own stack of return addresses take for one: on RISC-V a jump that links to `ra` or
/// `t0` (Unprivileged ISA, "Unconditional Jumps", the table of hints), on AArch64 BL and BLR. Returns are told by where they
/// lead and where the stack pointer is then. A stack belongs to a level of a guest or of the machine itself. It is laid aside
/// when something else runs, an exception's handler at another level or another thread, and found again by its stack
/// pointer. What ran before the tracker began is not in it.
public final class CallTracker {
    fileprivate struct Context: Hashable {
        let level: UInt8
        /// Of a guest's levels.
        let guest: UInt64
        /// Of unprivileged code, whose stacks are at the same addresses in each process.
        let addressSpace: UInt64
    }

    fileprivate struct Call {
        /// The call itself, or what an exception has interrupted.
        let address: UInt64
        let returnAddress: UInt64
        let stackPointer: UInt64
        var isException = false
    }

    fileprivate struct Place: Hashable {
        let context: Context
        let stackPointer: UInt64
    }

    /// Stacks of those that do not run now.
    fileprivate var parked: [Place: [Call]] = [:]
    private static let mostParked = 4096
    fileprivate static let deepest = 1024

    private var processors: [TrackedProcessor] = []

    /// Follows the session's CPUs from now on.
    /// - Throws: where they cannot be followed.
    public init(_ session: Session) throws(InputError) {
        let memory = session.board.memory
        var isPossible = true
        session.board.scheduler.substitute { [unowned self] processor in
            guard let base = processor as? any CallingProcessor else {
                isPossible = false
                return processor
            }
            let tracked = TrackedProcessor(base, self, memory)
            processors.append(tracked)
            return tracked
        }
        guard isPossible else {
            throw InputError(
                file: "--stacks calls",
                problem: "is not for these CPUs, or for ones that somebody else follows already",
                mend: "Give --stacks pointers.")
        }
    }

    /// The calls that lead to where a CPU is, innermost first.
    func calls(of processor: any InspectableProcessor) -> [UInt64] {
        processors.first { $0.base === processor }?.calls.reversed().map(\.address) ?? []
    }

    fileprivate func park(_ calls: [Call], _ context: Context, at stackPointer: UInt64) {
        guard !calls.isEmpty else { return }
        // Threads that have ended are never asked for again.
        if parked.count >= Self.mostParked { parked = [:] }
        parked[Place(context: context, stackPointer: stackPointer)] = calls
    }
}

/// A CPU that is followed, instruction by instruction.
private final class TrackedProcessor: StandInProcessor {
    private let processor: any CallingProcessor
    private unowned let tracker: CallTracker
    private let memory: PhysicalMemory
    private(set) var calls: [CallTracker.Call] = []
    private var context: CallTracker.Context

    init(_ base: any CallingProcessor, _ tracker: CallTracker, _ memory: PhysicalMemory) {
        processor = base
        self.tracker = tracker
        self.memory = memory
        context = Self.context(base)
        super.init(base)
    }

    private static func context(_ processor: some CallingProcessor) -> CallTracker.Context {
        CallTracker.Context(
            level: processor.levelNumber, guest: processor.privilege.isGuests ? processor.guest : 0,
            addressSpace: processor.userAddressSpace ?? 0)
    }

    override func run(_ count: UInt64) -> UInt64 { run(processor, count) }

    private func run(_ processor: some CallingProcessor, _ count: UInt64) -> UInt64 {
        run(count) { _ in
            let (counter, stack, exceptions) = (
                processor.programCounter, processor.selectedStackPointer, processor.takenExceptions
            )
            guard base.run(1) > 0 else { return false }
            if exceptions != processor.takenExceptions {
                took(processor, counter, stack)
            } else if context.level != processor.levelNumber {
                // Only the return from an exception changes it otherwise.
                leave(at: calls.last?.stackPointer)
                enter(Self.context(processor), processor.selectedStackPointer)
            } else {
                executed(processor, counter)
            }
            return true
        }
    }

    private func leave(at stackPointer: UInt64?) {
        if let stackPointer { tracker.park(calls, context, at: stackPointer) }
        calls = []
    }

    private func enter(_ context: CallTracker.Context, _ stackPointer: UInt64) {
        self.context = context
        calls = tracker.parked.removeValue(forKey: .init(context: context, stackPointer: stackPointer)) ?? []
    }

    /// An exception came instead of the instruction, or an interrupt before the handler's first one.
    private func took(_ processor: some CallingProcessor, _ counter: UInt64, _ stackPointer: UInt64) {
        if context.level == processor.levelNumber {
            push(.init(address: counter, returnAddress: counter, stackPointer: stackPointer, isException: true))
        } else {
            leave(at: stackPointer)
            context = Self.context(processor)
        }
    }

    private func executed(_ processor: some CallingProcessor, _ counter: UInt64) {
        let (next, stackPointer) = (processor.programCounter, processor.selectedStackPointer)
        if let last = calls.last, last.returnAddress == next, last.stackPointer == stackPointer, !last.isException {
            calls.removeLast()
            return
        }
        let distance = next &- counter
        // Nothing calls, or returns to, what comes behind it.
        if distance == 4 || distance == 2 { return }
        switch processor.transfer(at: counter, memory) {
        case .call(let size): call(counter, size, stackPointer)
        case .returnAndCall(let size):
            if calls.last?.returnAddress == next { calls.removeLast() }
            call(counter, size, stackPointer)
        case .return: returned(to: next, stackPointer)
        case .exceptionReturn: returnedFromException(stackPointer)
        case .other: break
        }
    }

    private func call(_ counter: UInt64, _ size: UInt64, _ stackPointer: UInt64) {
        push(.init(address: counter, returnAddress: counter &+ size, stackPointer: stackPointer))
    }

    private func push(_ call: CallTracker.Call) {
        if calls.count >= CallTracker.deepest { calls.removeFirst(calls.count / 2) }
        calls.append(call)
    }

    private func returned(to address: UInt64, _ stackPointer: UInt64) {
        // Past calls that were left at once, or whose functions ended in a jump to another one.
        if let place = calls.lastIndex(where: { $0.returnAddress == address && $0.stackPointer == stackPointer }) {
            calls.removeSubrange(place...)
        } else if calls.last?.returnAddress == address {
            // A function that makes room on its caller's stack: common parts of prologues do.
            calls.removeLast()
        } else {
            // To another thread, which had called somebody; or to one that begins.
            let place = CallTracker.Place(context: context, stackPointer: stackPointer)
            let other = tracker.parked[place].flatMap { $0.last?.returnAddress == address ? $0 : nil }
            if other != nil { tracker.parked[place] = nil }
            leave(at: calls.last?.stackPointer)
            calls = other?.dropLast() ?? []
        }
    }

    /// At the same level.
    private func returnedFromException(_ stackPointer: UInt64) {
        if let place = calls.lastIndex(where: { $0.isException && $0.stackPointer == stackPointer }) {
            calls.removeSubrange(place...)
        } else {
            leave(at: calls.last?.stackPointer)
            enter(context, stackPointer)
            if calls.last?.isException == true { calls.removeLast() }
        }
    }
}
