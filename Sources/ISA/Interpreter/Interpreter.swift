/// The direct executor of instructions' meanings: each emitter operation is carried out at once.
///
/// The machine is *threaded*: a handler runs one instruction and jumps to the handler of the next through the slot of the
/// decoded page. Everything a handler needs travels in six registers; nothing is stored between instructions, and the
/// program counter is not even kept: it follows from the slot's position in its page. The decrement of the budget is the
/// interrupt check and the instruction count at once.
///
/// Swift has no guaranteed tail call, but the optimiser makes one of a call in last position when nothing of the caller
/// is needed any more. A test disassembles the release build and fails if a handler calls where it should jump. Debug
/// builds have no such optimiser: there a handler leaves its successor in the state and returns to a loop.
///
/// A handler has a fast and a slow form. The fast one is a leaf: where memory is not in the TLB, or the instruction faults,
/// it gives up, which is always possible since nothing was set before the last operation that can fail, and jumps to
/// the one slow form of all instructions, which begins the instruction again. So the fast form saves no registers.
/// Giving up is a flag and not an error, since throwing calls into the runtime: operations with an effect do nothing
/// once it is set, and as it is set in one place and looked at in the next, the optimiser makes a jump of it.
public struct Interpreter<Guest: GuestArchitecture> {
    /// How the instruction ended.
    public enum Flow {
        /// On to the slot behind it.
        case next
        /// `slot` is the next one already.
        case jumped
        /// Back to the run loop: at the slot behind it, or where the state's program counter says.
        case leave, resume
    }

    public let state: UnsafeMutableRawPointer
    public var slot: UnsafeMutableRawPointer
    public var page: UInt64
    public var slots: UnsafeMutableRawPointer
    public var budget: UInt64
    public let reads: UnsafeMutablePointer<TranslationContext.ReadEntry>
    public var flow = Flow.next
    /// Whether to give up where a slow path would be called. Known when compiling.
    public let isFast: Bool
    /// Set when a fast form cannot finish.
    public var gaveUp = false
    /// How far the next slot is. In a fast handler it is a constant: were it loaded from the slot, each instruction would
    /// have to wait for the one before to know where it is.
    public let advance: Int

    @inlinable @inline(__always)
    public init(
        _ state: UnsafeMutableRawPointer, _ slot: UnsafeMutableRawPointer, _ page: UInt64,
        _ slots: UnsafeMutableRawPointer, _ budget: UInt64, _ tlb: UnsafeMutableRawPointer, isFast: Bool = false,
        advance: Int? = nil
    ) {
        self.isFast = isFast
        self.advance = advance ?? Operands(slot).advance
        self.state = state
        self.slot = slot
        self.page = page
        self.slots = slots
        self.budget = budget
        reads = tlb.assumingMemoryBound(to: TranslationContext.ReadEntry.self)
    }

    @inlinable @inline(__always) public var core: UnsafeMutablePointer<CoreState> {
        state.assumingMemoryBound(to: CoreState.self)
    }

    @inlinable @inline(__always) public var writes: UnsafeMutablePointer<TranslationContext.WriteEntry> {
        (UnsafeMutableRawPointer(reads) + TranslationContext.readsSize)
            .assumingMemoryBound(to: TranslationContext.WriteEntry.self)
    }

    /// Address of the instruction at `slot`.
    @inlinable @inline(__always) public var address: UInt64 {
        page &+ UInt64(UInt(bitPattern: slot) &- UInt(bitPattern: slots)) &>> 3
    }

    /// Before a slow path: what it may read.
    @inlinable @inline(__always) public func synchronise() {
        core.pointee.budget = budget
    }

    /// After a slow path: it may have cut the budget.
    @inlinable @inline(__always) public mutating func reload() {
        budget = core.pointee.budget
    }

    /// Goes to `target`, within the page, through the fetch TLB, or by way of the run loop.
    @inlinable @inline(__always)
    public mutating func go(to target: UInt64) {
        if gaveUp { return }
        let offset = target &- page
        if offset < 4096 && target & Guest.misalignment == 0 {
            slot = slots + Int(truncatingIfNeeded: offset &<< 3)
            flow = .jumped
            return
        }
        let entry = core.pointee.context.pointee.fetch[TranslationContext.fetchIndex(target)]
        if entry.tag == target & ~4095 && target & Guest.misalignment == 0 {
            page = entry.tag
            slots = entry.slots
            slot = slots + Int(truncatingIfNeeded: (target & 4095) &<< 3)
            flow = .jumped
            return
        }
        core.pointee.programCounter = target
        flow = .resume
    }
}

/// Runs one instruction's meaning and goes on to the next: the body of every handler whose instruction calls no helper.
/// - Parameter length: of the instruction, in bytes.
@inlinable @inline(__always)
public func run<Guest: GuestArchitecture>(
    _: Guest.Type, length: Int = 4, _ state: UnsafeMutableRawPointer, _ slot: UnsafeMutableRawPointer, _ page: UInt64,
    _ slots: UnsafeMutableRawPointer, _ budget: UInt64, _ tlb: UnsafeMutableRawPointer,
    _ meaning: (inout Interpreter<Guest>, Operands) throws(Fault) -> Void
) {
    var interpreter = Interpreter<Guest>(
        state, slot, page, slots, budget, tlb, isFast: true, advance: length &* DecodedSlot.bytes / 2)
    do throws(Fault) {
        try meaning(&interpreter, Operands(slot))
    } catch {}  // A fast form never throws.
    if interpreter.gaveUp { return Guest.runSlow(state, slot, page, slots, budget, tlb) }
    finish(interpreter)
}

/// The same in the slow form.
@inlinable @inline(__always)
public func runWhole<Guest: GuestArchitecture>(
    _: Guest.Type, _ state: UnsafeMutableRawPointer, _ slot: UnsafeMutableRawPointer, _ page: UInt64,
    _ slots: UnsafeMutableRawPointer, _ budget: UInt64, _ tlb: UnsafeMutableRawPointer,
    _ meaning: (inout Interpreter<Guest>, Operands) throws(Fault) -> Void
) {
    var interpreter = Interpreter<Guest>(state, slot, page, slots, budget, tlb)
    do throws(Fault) {
        try meaning(&interpreter, Operands(slot))
    } catch {
        leaveByException(Guest.self, state, interpreter.address, interpreter.budget)
        return
    }
    finish(interpreter)
}

/// Before an instruction whose accesses a debugger may be told of: where it is.
@inlinable @inline(__always)
public func noteProgramCounter(
    _ state: UnsafeMutableRawPointer, _ slot: UnsafeMutableRawPointer, _ page: UInt64,
    _ slots: UnsafeMutableRawPointer
) {
    let offset = UInt64(UInt(bitPattern: slot) &- UInt(bitPattern: slots)) &>> 3
    state.assumingMemoryBound(to: CoreState.self).pointee.programCounter = page &+ offset
}

/// The same as ``runWhole(_:_:_:_:_:_:_:_:)``, of an instruction whose helper accesses memory.
@inlinable @inline(__always)
public func runAccess<Guest: GuestArchitecture>(
    _ guest: Guest.Type, _ state: UnsafeMutableRawPointer, _ slot: UnsafeMutableRawPointer, _ page: UInt64,
    _ slots: UnsafeMutableRawPointer, _ budget: UInt64, _ tlb: UnsafeMutableRawPointer,
    _ meaning: (inout Interpreter<Guest>, Operands) throws(Fault) -> Void
) {
    noteProgramCounter(state, slot, page, slots)
    runWhole(guest, state, slot, page, slots, budget, tlb, meaning)
}

/// Runs the meaning of the one instruction at the program counter, which is no transfer of control, and goes on to none. The
/// state's budget is left as if it had not been executed.
@inlinable @inline(__always)
public func runAlone<Guest: GuestArchitecture>(
    _: Guest.Type, _ state: UnsafeMutableRawPointer, _ slots: UnsafeMutableRawPointer,
    _ meaning: (inout Interpreter<Guest>, _ slot: UnsafeMutableRawPointer) throws(Fault) -> Void
) throws(Fault) {
    let core = state.assumingMemoryBound(to: CoreState.self)
    let address = core.pointee.programCounter
    let slot = slots + Int(address & 4095) << 3
    var interpreter = Interpreter<Guest>(
        state, slot, address & ~4095, slots, core.pointee.budget,
        UnsafeMutableRawPointer(core.pointee.context.pointee.reads))
    try meaning(&interpreter, slot)
}

/// A control transfer in the interpreter of cold code: where it jumps, the run loop looks whether that is translated.
@inlinable @inline(__always)
public func runTransfer<Guest: GuestArchitecture>(
    _: Guest.Type, _ state: UnsafeMutableRawPointer, _ slot: UnsafeMutableRawPointer, _ page: UInt64,
    _ slots: UnsafeMutableRawPointer, _ budget: UInt64, _ tlb: UnsafeMutableRawPointer,
    _ meaning: (inout Interpreter<Guest>, Operands) throws(Fault) -> Void
) {
    var interpreter = Interpreter<Guest>(state, slot, page, slots, budget, tlb)
    do throws(Fault) {
        try meaning(&interpreter, Operands(slot))
    } catch {
        leaveByException(Guest.self, state, interpreter.address, interpreter.budget)
        return
    }
    if interpreter.flow == .jumped {
        interpreter.core.pointee.programCounter = interpreter.address
        interpreter.flow = .resume
    }
    finish(interpreter)
}

/// The handler behind the last slot of a page: on to the next page.
@inlinable @inline(__always)
public func runPageEnd<Guest: GuestArchitecture>(
    _: Guest.Type, _ state: UnsafeMutableRawPointer, _ slot: UnsafeMutableRawPointer, _ page: UInt64,
    _ slots: UnsafeMutableRawPointer, _ budget: UInt64, _ tlb: UnsafeMutableRawPointer
) {
    var interpreter = Interpreter<Guest>(state, slot, page, slots, budget, tlb)
    interpreter.go(to: interpreter.address)
    if interpreter.flow == .resume {
        interpreter.core.pointee.budget = budget
        return
    }
    proceed(state, interpreter.slot, interpreter.page, interpreter.slots, budget, tlb)
}

/// What follows an instruction: it is counted, and the next one's handler is jumped to.
@inlinable @inline(__always)
public func finish<Guest: GuestArchitecture>(_ ended: Interpreter<Guest>) {
    var interpreter = ended
    switch interpreter.flow {
    case .next: interpreter.slot += interpreter.advance
    case .jumped: break
    case .leave:
        let next = interpreter.address &+ UInt64(interpreter.advance) &>> 3
        interpreter.core.pointee.programCounter = next
        interpreter.core.pointee.budget = interpreter.budget &- 1
        return
    case .resume:
        interpreter.core.pointee.budget = interpreter.budget &- 1
        return
    }
    interpreter.budget &-= 1
    if interpreter.budget == 0 {
        interpreter.core.pointee.programCounter = interpreter.address
        interpreter.core.pointee.budget = 0
        return
    }
    proceed(
        interpreter.state, interpreter.slot, interpreter.page, interpreter.slots, interpreter.budget,
        UnsafeMutableRawPointer(interpreter.reads))
}

/// Jumps to the handler of `slot`.
@inlinable @inline(__always)
public func proceed(
    _ state: UnsafeMutableRawPointer, _ slot: UnsafeMutableRawPointer, _ page: UInt64,
    _ slots: UnsafeMutableRawPointer, _ budget: UInt64, _ tlb: UnsafeMutableRawPointer
) {
    #if DEBUG
    state.assumingMemoryBound(to: CoreState.self).pointee.successor = Successor(
        slot: slot, page: page, slots: slots, budget: budget, tlb: tlb)
    #else
    // SAFETY: every slot's handler is set from the handler table, when its page is made or when it is decoded.
    unsafeBitCast(slot.load(as: UInt.self), to: Handler.self)(state, slot, page, slots, budget, tlb)
    #endif
}

/// Runs handlers from `slot` until one returns to the run loop.
@inline(never)
public func runHandlers(
    _ state: UnsafeMutableRawPointer, _ slot: UnsafeMutableRawPointer, _ page: UInt64,
    _ slots: UnsafeMutableRawPointer, _ budget: UInt64, _ tlb: UnsafeMutableRawPointer
) {
    proceed(state, slot, page, slots, budget, tlb)
    #if DEBUG
    let core = state.assumingMemoryBound(to: CoreState.self)
    while let next = core.pointee.successor {
        core.pointee.successor = nil
        let handler = unsafeBitCast(next.slot.load(as: UInt.self), to: Handler.self)
        handler(state, next.slot, next.page, next.slots, next.budget, next.tlb)
    }
    #endif
}

/// Out of line: the instruction faulted. It counts as executed, not as retired.
@inlinable @inline(never)
public func leaveByException<Guest: GuestArchitecture>(
    _: Guest.Type, _ state: UnsafeMutableRawPointer, _ address: UInt64, _ budget: UInt64
) {
    let core = state.assumingMemoryBound(to: CoreState.self)
    core.pointee.programCounter = address
    core.pointee.budget = budget
    Guest.enterException(state)
    core.pointee.budget &-= 1
    core.pointee.trapped &+= 1
}
