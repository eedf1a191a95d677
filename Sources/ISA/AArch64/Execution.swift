import ISA

/// The PE's run loop, and its slow paths as the interpreter calls them.
extension AArch64: GuestArchitecture {
    @inline(__always) public static var misalignment: UInt64 { 3 }

    @inline(never)
    public static func load(
        _ state: UnsafeMutableRawPointer, _ address: UInt64, _ width: Width, _ attributes: MemoryAttributes
    ) throws(Fault) -> UInt64 {
        try ProcessingElement.with(state) { e throws(Fault) in try e.load(address, width, attributes) }
    }

    @inline(never)
    public static func store(
        _ state: UnsafeMutableRawPointer, _ address: UInt64, _ value: UInt64, _ width: Width,
        _ attributes: MemoryAttributes
    ) throws(Fault) {
        try ProcessingElement.with(state) { e throws(Fault) in try e.store(address, value, width, attributes) }
    }

    @inline(never)
    public static func probe(
        _ state: UnsafeMutableRawPointer, _ address: UInt64, bytes: UInt16, write: Bool, _ attributes: MemoryAttributes
    ) throws(Fault) -> UnsafeMutableRawPointer? {
        try ProcessingElement.with(state) { e throws(Fault) in
            try e.probe(address, bytes: UInt64(bytes), write: write, attributes)
        }
    }

    @inline(never)
    public static func undefined(_ state: UnsafeMutableRawPointer) -> Fault {
        ProcessingElement.of(state).undefinedInstruction()
    }

    @inline(never)
    public static func disabled(_ state: UnsafeMutableRawPointer, _ unit: Unit) -> Fault {
        ProcessingElement.of(state).floatingPointDisabled()
    }

    @inline(never)
    public static func enterException(_ state: UnsafeMutableRawPointer) {
        ProcessingElement.with(state) { $0.takeSynchronousException() }
    }

    @inline(never)
    public static func call(
        _ helper: HelperIdentifier, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ b: UInt64
    ) throws(Fault) -> UInt64 {
        try ProcessingElement.with(state) { e throws(Fault) in try e.perform(helper, a, b) }
    }

    @inline(never)
    public static func runSlow(
        _ state: UnsafeMutableRawPointer, _ slot: UnsafeMutableRawPointer, _ page: UInt64,
        _ slots: UnsafeMutableRawPointer, _ budget: UInt64, _ tlb: UnsafeMutableRawPointer
    ) {
        let number = DecodedPage.operation(of: slot, slots)
        let operation = Operation(rawValue: number >> 1) ?? .illegal
        noteProgramCounter(state, slot, page, slots)
        runWhole(AArch64.self, state, slot, page, slots, budget, tlb) { e, i throws(Fault) in
            try execute(operation, number & 1 == 0 ? .word : .double, &e, i)
        }
    }

    // MARK: Handlers that are no instruction

    /// The handler of all operations that have none of their own.
    static let sharedHandler: Handler = { state, slot, page, slots, budget, tlb in
        runSlow(state, slot, page, slots, budget, tlb)
    }

    /// The slot was not decoded yet: decodes it and runs it.
    static let decodeHandler: Handler = { state, slot, page, slots, budget, tlb in
        ProcessingElement.with(state) { $0.decode(slot, slots) }
        proceed(state, slot, page, slots, budget, tlb)
    }

    /// The instruction has a breakpoint.
    static let breakpointHandler: Handler = { state, slot, page, slots, budget, tlb in
        noteProgramCounter(state, slot, page, slots)
        state.assumingMemoryBound(to: CoreState.self).pointee.budget = budget
        ProcessingElement.with(state) { $0.reachBreakpoint(slot, slots) }
    }

    /// Behind the last slot of a page: on to the next page.
    static let pageEndHandler: Handler = { state, slot, page, slots, budget, tlb in
        runPageEnd(AArch64.self, state, slot, page, slots, budget, tlb)
    }
}

extension AArch64.ProcessingElement {
    public var executed: UInt64 { core.pointee.executed }

    /// Runs until `count` instructions have been executed, the PE waits, or it is stopped.
    /// - Returns: how many were executed.
    @discardableResult
    public func run(_ count: UInt64) -> UInt64 {
        let start = core.pointee.executed
        core.pointee.beginTurn(count)
        if debugStops.isUsed { _ = stops.begin(core) }
        let translator = translator.map { Uncounted($0) }
        while true {
            core.pointee.budget &+= core.pointee.withheld
            core.pointee.withheld = 0
            if state.pointee.monitorsAreActive { limitToMonitorOverflow() }
            if core.pointee.budget == 0 || state.pointee.halted { break }
            if core.pointee.missedJump != 0 {
                followMissedJump()
                continue
            }
            takePendingInterrupt()
            if state.pointee.waiting { break }
            if mayRunTranslated, let translator {
                if cluster.hasStaleTranslations { translator.with { forgetTranslations($0) } }
                if translator.with({ $0.run(self) }) || core.pointee.missedJump != 0 { continue }
            }
            // An interrupt was taken that a debugger wants to see.
            if isObserved, stops.isStopped { break }
            if examinesCode { enterExaminedCode() } else { enterCode() }
        }
        if state.pointee.monitorsAreActive { updateMonitors() }
        core.pointee.giveBackTurn()
        return core.pointee.executed &- start
    }

    /// Ends the turn after the instruction in progress, to let the machine or an interrupt in.
    public func stopSoon() { core.pointee.stopSoon() }
    public func endTurn() { core.pointee.endTurn() }
    public func limitTurn(to limit: UInt64) { core.pointee.limitTurn(to: limit) }

    /// Does the work of a helper.
    func perform(_ helper: HelperIdentifier, _ a: UInt64, _ b: UInt64) throws(Fault) -> UInt64 {
        guard let which = AArch64.Helper(rawValue: helper.rawValue) else { throw undefinedInstruction() }
        let number = UInt16(truncatingIfNeeded: a & 0x7fff)
        switch which {
        case .supervisorCall: throw supervisorCall(a)
        case .hypervisorCall: try hypervisorCall(a)
        case .secureMonitorCall: try secureMonitorCall(a)
        case .breakpoint: throw breakpointInstruction(a)
        case .halt: throw undefinedInstruction()  // Halting debug is not here.
        case .exceptionReturn: try exceptionReturn()
        case .exceptionReturnA: try exceptionReturn(authenticating: .instructionA)
        case .exceptionReturnB: try exceptionReturn(authenticating: .instructionB)
        case .waitForInterrupt: try waitForInterrupt()
        case .waitForEvent: try waitForEvent()
        case .sendEvent: environment.sendEvent()
        case .sendEventLocal: state.pointee.event = true
        case .errorSynchronization: errorSynchronization()
        case .readRegister: return try readSystemRegister(number, target: UInt8(truncatingIfNeeded: b))
        case .writeRegister: try writeSystemRegister(number, b, target: UInt8(truncatingIfNeeded: a >> 16))
        case .readInterruptInterface: return try readInterruptInterface(key: a, target: b)
        case .writeInterruptInterface: try writeInterruptInterface(key: a, b)
        case .systemInstruction:
            try performSystemInstruction(number, b, target: UInt8(truncatingIfNeeded: a >> 16))
        case .systemInstructionResult: throw undefinedInstruction()
        case .setUAO, .setPAN, .setSPSel, .setSSBS, .setDIT, .setDAIF, .clearDAIF: try setField(which, a)
        case .crc32b, .crc32h, .crc32w, .crc32x, .crc32cb, .crc32ch, .crc32cw, .crc32cx:
            return AArch64.checksum(which, a, b)
        case .signInstructionA: return try signPointer(a, b, .instructionA)
        case .signInstructionB: return try signPointer(a, b, .instructionB)
        case .signDataA: return try signPointer(a, b, .dataA)
        case .signDataB: return try signPointer(a, b, .dataB)
        case .authenticateInstructionA: return try authenticatePointer(a, b, .instructionA)
        case .authenticateInstructionB: return try authenticatePointer(a, b, .instructionB)
        case .authenticateDataA: return try authenticatePointer(a, b, .dataA)
        case .authenticateDataB: return try authenticatePointer(a, b, .dataB)
        case .genericCode: return try genericCode(a, b)
        case .stripInstruction: return stripPointer(a, isData: false)
        case .stripData: return stripPointer(a, isData: true)
        case .setBranchType: setBranchType(a, from: b)
        }
        return 0
    }

    /// Runs code from the program counter until a handler comes back.
    private func enterCode() {
        do throws(Fault) {
            let slots = try fetch(core.pointee.programCounter)
            if state.pointee.pstate & AArch64.PSTATE.marks != 0 { return try enterMarkedCode(slots) }
            run(core.pointee.programCounter, slots)
        } catch {
            leaveByException(AArch64.self, state, core.pointee.programCounter, core.pointee.budget)
        }
    }

    /// The slots of the page at `address`, which is the program counter. Where a branch has left a tag in that, it goes.
    func fetch(_ address: UInt64) throws(Fault) -> UnsafeMutableRawPointer {
        let entry = core.pointee.context.pointee.fetch[TranslationContext.fetchIndex(address)]
        if entry.tag == address & ~4095 && address & 3 == 0 { return entry.slots }
        let target = branchTarget(address)
        core.pointee.programCounter = target
        if target & 3 != 0 { throw misalignedProgramCounter(target) }
        return try fetchPage(target)
    }

    /// Where a branch to `address` goes at this level (AArch64.BranchAddr).
    func branchTarget(_ address: UInt64) -> UInt64 {
        address >> 55 == 0 ? address : regime(regimeKind(level: level)).pointee.branchAddress(address)
    }

    /// Executes the instruction at the program counter for translated code.
    func interpretInstruction() throws(Fault) -> UInt64 {
        let slots = try fetch(core.pointee.programCounter)
        try runAlone(AArch64.self, state, slots) { e, slot throws(Fault) in
            if slot.load(as: UInt.self) == code.decodeHandler { decode(slot, slots) }
            try checkStackAlignment(slot, slots)
            let number = DecodedPage.operation(of: slot, slots)
            let operation = AArch64.Operation(rawValue: number >> 1) ?? .illegal
            try AArch64.execute(operation, number & 1 == 0 ? .word : .double, &e, Operands(slot))
        }
        return 0
    }

    /// Runs handlers from that of the instruction at `address`, in the page at `slots`.
    func run(_ address: UInt64, _ slots: UnsafeMutableRawPointer) {
        runHandlers(
            state, slots + Int(address & 4095) << 3, address & ~4095, slots, core.pointee.budget,
            UnsafeMutableRawPointer(core.pointee.context.pointee.reads))
    }

    /// The instruction at `address`, in the page at `slots`.
    func word(at address: UInt64, _ slots: UnsafeMutableRawPointer) -> UInt32 {
        UInt32(
            littleEndian: DecodedPage.host(of: slots).loadUnaligned(
                fromByteOffset: Int(address & 4095), as: UInt32.self))
    }

    /// Decodes the slot at `slot` of the page at `slots`.
    func decode(_ slot: UnsafeMutableRawPointer, _ slots: UnsafeMutableRawPointer) {
        let page = DecodedPage.owner(of: slots)
        let index = (slot - slots) / DecodedSlot.bytes
        let word = page.host.loadUnaligned(fromByteOffset: index * 2, as: UInt32.self)
        code.noteCode(page, slot: index)
        let decoded = decoder.decode(UInt32(littleEndian: word))
        let number = decoded.operation.rawValue << 1 | (decoded.isWide ? 1 : 0)
        var new = decoded.slot
        new.handler = handlers[Int(number)]
        if Self.isBasedOnStack(UInt32(littleEndian: word), decoded.operation, new) {
            page.slots[index + 1].handler = new.handler
            new.handler = stackHandler
        }
        DecodedPage.operation(index, slots).pointee = number
        page.slots[index] = new
    }
}

extension AArch64 {
    /// CRC32 and CRC32C of the low bytes of `value` (C6.2, CRC32B): the polynomial has its bits reversed, so that those of
    /// the data need not be.
    static func checksum(_ helper: Helper, _ accumulator: UInt64, _ value: UInt64) -> UInt64 {
        let isCastagnoli = helper.rawValue >= Helper.crc32cb.rawValue
        let first = isCastagnoli ? Helper.crc32cb : .crc32b
        let bytes = 1 << (helper.rawValue - first.rawValue)
        let polynomial: UInt32 = isCastagnoli ? 0x82f6_3b78 : 0xedb8_8320
        var remainder = UInt32(truncatingIfNeeded: accumulator)
        for index in 0..<bytes {
            remainder ^= UInt32(value >> UInt64(8 * index) & 0xff)
            for _ in 0..<8 { remainder = remainder >> 1 ^ (remainder & 1 == 0 ? 0 : polynomial) }
        }
        return UInt64(remainder)
    }
}
