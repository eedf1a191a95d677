/// The hart's run loop, and its slow paths as the interpreter calls them.
extension RISCV: GuestArchitecture {
    @inline(never)
    public static func load(
        _ state: UnsafeMutableRawPointer, _ address: UInt64, _ width: Width, _ attributes: MemoryAttributes
    ) throws(Fault) -> UInt64 {
        try Hart.with(state) { hart throws(Fault) in try hart.load(address, width, hart.dataMode) }
    }

    @inline(never)
    public static func store(
        _ state: UnsafeMutableRawPointer, _ address: UInt64, _ value: UInt64, _ width: Width,
        _ attributes: MemoryAttributes
    ) throws(Fault) {
        try Hart.with(state) { hart throws(Fault) in try hart.store(address, value, width, hart.dataMode) }
    }

    @inline(never)
    public static func probe(
        _ state: UnsafeMutableRawPointer, _ address: UInt64, bytes: UInt16, write: Bool, _ attributes: MemoryAttributes
    ) throws(Fault) -> UnsafeMutableRawPointer? {
        try Hart.with(state) { hart throws(Fault) in
            try hart.probe(address, bytes: UInt64(bytes), write: write, attributes, hart.dataMode)
        }
    }

    @inline(never)
    public static func undefined(_ state: UnsafeMutableRawPointer) -> Fault {
        Hart.of(state).illegalInstruction()
    }

    public static func disabled(_ state: UnsafeMutableRawPointer, _ unit: Unit) -> Fault { undefined(state) }

    @inline(never)
    public static func enterException(_ state: UnsafeMutableRawPointer) {
        Hart.with(state) { $0.takeException() }
    }

    @inline(never)
    public static func call(
        _ helper: HelperIdentifier, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ b: UInt64
    ) throws(Fault) -> UInt64 {
        var isFault = false
        let value = Hart.with(state) { hart in
            do throws(Fault) {
                return try hart.perform(helper, a, b)
            } catch {
                isFault = true
                return 0
            }
        }
        if isFault { throw Fault() }
        return value
    }

    @inline(never)
    public static func runSlow(
        _ state: UnsafeMutableRawPointer, _ slot: UnsafeMutableRawPointer, _ page: UInt64,
        _ slots: UnsafeMutableRawPointer, _ budget: UInt64, _ tlb: UnsafeMutableRawPointer
    ) {
        let operation = Operation(rawValue: DecodedPage.operation(of: slot, slots)) ?? .illegal
        noteProgramCounter(state, slot, page, slots)
        runWhole(RISCV.self, state, slot, page, slots, budget, tlb) { e, i throws(Fault) in
            try execute(operation, &e, i)
        }
    }

    // MARK: Handlers that are no instruction

    /// The slot was not decoded yet: decodes it and runs it.
    static let decodeHandler: Handler = { state, slot, page, slots, budget, tlb in
        Hart.with(state) { $0.decode(slot, slots) }
        proceed(state, slot, page, slots, budget, tlb)
    }

    /// Behind the last slot of a page: on to the next page.
    static let pageEndHandler: Handler = { state, slot, page, slots, budget, tlb in
        runPageEnd(RISCV.self, state, slot, page, slots, budget, tlb)
    }

    /// The instruction has a breakpoint.
    static let breakpointHandler: Handler = { state, slot, page, slots, budget, tlb in
        noteProgramCounter(state, slot, page, slots)
        state.assumingMemoryBound(to: CoreState.self).pointee.budget = budget
        Hart.with(state) { $0.reachBreakpoint(slot, slots) }
    }

    /// An instruction whose second half lies on the next page: the run loop fetches it half by half.
    static let crossingHandler: Handler = { state, slot, page, slots, budget, tlb in
        let interpreter = Interpreter<RISCV>(state, slot, page, slots, budget, tlb)
        interpreter.core.pointee.programCounter = interpreter.address
        interpreter.core.pointee.budget = budget
    }
}

extension RISCV.Hart {
    /// Runs until `count` instructions have been executed, the hart waits, or it is stopped.
    /// - Returns: how many were executed.
    @discardableResult
    public func run(_ count: UInt64) -> UInt64 {
        let core = UnsafeMutableRawPointer(state).assumingMemoryBound(to: CoreState.self)
        let start = core.pointee.executed
        core.pointee.beginTurn(count)
        if debugStops.isUsed { followStops() }
        let translator = translator.map { Uncounted($0) }
        while true {
            core.pointee.budget &+= core.pointee.withheld
            core.pointee.withheld = 0
            if counterIsActive { limitToCounterOverflow() }
            if core.pointee.budget == 0 || state.pointee.halted { break }
            takePendingInterrupt()
            if state.pointee.waiting { break }
            if isObserved {
                // An interrupt was taken that a debugger wants to see.
                if stops.isStopped { break }
            } else if let translator, translator.with({ $0.run(self) }) {
                continue
            }
            enterCode()
        }
        if counterIsActive { updateCounters() }
        core.pointee.giveBackTurn()
        return core.pointee.executed &- start
    }

    /// Does the work of a helper.
    func perform(_ helper: HelperIdentifier, _ a: UInt64, _ b: UInt64) throws(Fault) -> UInt64 {
        guard let which = RISCV.Helper(rawValue: helper.rawValue & 0xff) else { throw illegalInstruction() }
        // For fences.
        let address = helper.rawValue & RISCV.Helper.givesAddress != 0 ? a : nil
        let space = helper.rawValue & RISCV.Helper.givesSpace != 0 ? b : nil
        switch which {
        case .environmentCall: throw environmentCall()
        case .breakpoint: throw breakpoint()
        case .readCSR: return try accessCSR(UInt16(truncatingIfNeeded: a), .read, 0)
        case .writeCSR: return try accessCSR(UInt16(truncatingIfNeeded: a), .write, b)
        case .setCSR: return try accessCSR(UInt16(truncatingIfNeeded: a), .set, b)
        case .clearCSR: return try accessCSR(UInt16(truncatingIfNeeded: a), .clear, b)
        case .supervisorReturn: try supervisorReturn()
        case .machineReturn: try machineReturn()
        case .waitForInterrupt: try waitForInterrupt()
        case .waitOnReservation: try waitOnReservation(isShort: a != 0)
        case .supervisorFence: try supervisorFence(address: address, space: space)
        case .supervisorFenceOrder: try checkFenceOrder()
        case .virtualFence: try virtualFence(address: address, space: space)
        case .guestFence: try guestFence(guest: space)
        // SAFETY: here and below, each number of two bits is a width's.
        case .hypervisorLoad:
            return try hypervisorLoad(
                a, Width(rawValue: UInt8(b & 3)).unsafelyUnwrapped, execute: b & 8 != 0)
        case .hypervisorStore:
            try hypervisorStore(a, b, Width(rawValue: UInt8(helper.rawValue >> 8 & 3)).unsafelyUnwrapped)
        case .cacheBlock: try cacheBlock(b, address: a)
        }
        return 0
    }

    /// Ends the turn after the instruction in progress, to let the machine or an interrupt in.
    public func stopSoon() {
        state.pointee.core.stopSoon()
    }

    /// Ends the turn for good after the instruction in progress: what is left of it is forgone.
    public func endTurn() { state.pointee.core.endTurn() }

    /// Shortens the turn so that it ends when `executed` reaches `limit`.
    public func limitTurn(to limit: UInt64) { state.pointee.core.limitTurn(to: limit) }

    /// Runs code from the program counter until a handler comes back.
    func enterCode() {
        let core = UnsafeMutableRawPointer(state).assumingMemoryBound(to: CoreState.self)
        let address = core.pointee.programCounter
        let context = core.pointee.context
        do throws(Fault) {
            if let slots = try fetch(address) {
                let slot = slots + Int(address & 4095) << 3
                // The last half-word of a page may begin an instruction that no page holds whole.
                if address & 4095 != 4094 || !isCrossing(slot, slots) {
                    runHandlers(
                        state, slot, address & ~4095, slots, core.pointee.budget,
                        UnsafeMutableRawPointer(context.pointee.reads))
                    return
                }
            } else if debugStops.hasBreakpoints, try stopsOutsidePages(address) {
                return
            }
            try runFromScratch(address)
        } catch {
            leaveByException(RISCV.self, state, address, core.pointee.budget)
        }
    }

    /// The slots of the page at `address`; nil where not all of it may be fetched.
    private func fetch(_ address: UInt64) throws(Fault) -> UnsafeMutableRawPointer? {
        let entry = state.pointee.core.context.pointee.fetch[TranslationContext.fetchIndex(address)]
        return try entry.tag == address & ~4095 ? entry.slots : fetchPage(address)
    }

    /// Executes the instruction at the program counter for translated code, which is made of whole pages and of
    /// instructions that lie in one.
    func interpretInstruction() throws(Fault) -> UInt64 {
        let core = UnsafeMutableRawPointer(state).assumingMemoryBound(to: CoreState.self)
        guard let slots = try fetch(core.pointee.programCounter) else { throw illegalInstruction() }
        try runAlone(RISCV.self, state, slots) { e, slot throws(Fault) in
            if slot.load(as: UInt.self) == code.decodeHandler { decode(slot, slots) }
            let operation = RISCV.Operation(rawValue: DecodedPage.operation(of: slot, slots)) ?? .illegal
            try RISCV.execute(operation, &e, Operands(slot))
        }
        return 0
    }

    private func isCrossing(_ slot: UnsafeMutableRawPointer, _ slots: UnsafeMutableRawPointer) -> Bool {
        if slot.load(as: UInt.self) == code.decodeHandler { decode(slot, slots) }
        return slot.load(as: UInt.self) == unsafeBitCast(RISCV.crossingHandler, to: UInt.self)
    }

    /// Runs the one instruction at `address` from the scratch page, whose other slots all lead back here.
    private func runFromScratch(_ address: UInt64) throws(Fault) {
        let core = UnsafeMutableRawPointer(state).assumingMemoryBound(to: CoreState.self)
        let word = try fetchWord(address)
        let index = Int(address & 4095) / 2
        put(decoder.decode(word), at: index, UnsafeMutableRawPointer(scratch))
        // One instruction only: the slots around it do not hold the code around it.
        let rest = core.pointee.budget - 1
        core.pointee.budget = 1
        core.pointee.withheld &+= rest
        runHandlers(
            state, UnsafeMutableRawPointer(scratch + index), address & ~4095, UnsafeMutableRawPointer(scratch), 1,
            UnsafeMutableRawPointer(core.pointee.context.pointee.reads))
        scratch[index] = DecodedSlot(handler: code.pageEndHandler)
    }

    /// Has the slot at `index` of the page at `slots` hold the instruction.
    private func put(
        _ decoded: (operation: RISCV.Operation, slot: DecodedSlot), at index: Int, _ slots: UnsafeMutableRawPointer
    ) {
        var slot = decoded.slot
        let compressed = slot.length == 1 ? RISCV.Operation.count : 0
        slot.handler = handlers[Int(decoded.operation.rawValue) + compressed]
        DecodedPage.operation(index, slots).pointee = decoded.operation.rawValue
        slots.assumingMemoryBound(to: DecodedSlot.self)[index] = slot
    }

    /// Decodes the slot at `slot` of the page at `slots`.
    func decode(_ slot: UnsafeMutableRawPointer, _ slots: UnsafeMutableRawPointer) {
        let page = DecodedPage.owner(of: slots)
        let index = (slot - slots) / DecodedSlot.bytes
        let low = UInt32(page.host.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
        code.noteCode(page, slot: index)
        if low & 3 != 3 {
            put(decoder.decode(low), at: index, slots)
        } else if index == DecodedPage.slotCount - 1 {
            page.slots[index] = DecodedSlot(handler: unsafeBitCast(RISCV.crossingHandler, to: UInt.self))
        } else {
            code.noteCode(page, slot: index + 1)
            let high = UInt32(page.host.loadUnaligned(fromByteOffset: index * 2 + 2, as: UInt16.self))
            put(decoder.decode(low | high << 16), at: index, slots)
        }
    }
}
