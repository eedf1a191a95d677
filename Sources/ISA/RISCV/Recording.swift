/// A hart's code as the translator reads it.
extension RISCV.Hart: TranslatableProcessor {
    /// Registers in the order of how often compilers use them: arguments, the stack pointer and what is saved.
    public static let translation = GuestTranslation(
        integerRegisters: [15, 14, 10, 13, 12, 11, 2, 8, 1, 9, 16, 17],
        floatRegisters: [15, 14, 13, 12, 11, 10, 0, 1, 2, 3, 16, 17].map { RISCV.firstFloatRegister + $0 },
        zeroRegister: 0, sinkRegister: DecodedSlot.sink, enterPage: unsafeBitCast(enterPage, to: UInt.self),
        raise: unsafeBitCast(raise, to: UInt.self), callHelper: unsafeBitCast(callHelper, to: UInt.self),
        settle: unsafeBitCast(settle, to: UInt.self))

    public var core: UnsafeMutablePointer<CoreState> {
        UnsafeMutableRawPointer(state).assumingMemoryBound(to: CoreState.self)
    }

    public func forEachContext(_ body: (UnsafeMutablePointer<TranslationContext>) -> Void) { pool.forEach(body) }

    public func codePage(at address: UInt64) -> CodePage? {
        let entry = core.pointee.context.pointee.fetch[TranslationContext.fetchIndex(address)]
        var slots: UnsafeMutableRawPointer? = entry.tag == address & ~4095 ? entry.slots : nil
        if slots == nil {
            do throws(Fault) { slots = try fetchPage(address) } catch { return nil }
        }
        guard let slots else { return nil }
        let decoded = DecodedPage.owner(of: slots)
        return CodePage(physical: decoded.physical, decoded: decoded)
    }

    /// The instruction at `address`, decoded now if it was not; nil where it does not lie in the page whole, or has a
    /// breakpoint.
    private func instruction(
        _ address: UInt64, _ page: CodePage
    ) -> (operation: RISCV.Operation, operands: Operands)? {
        let slot = page.decoded.slots + Int(address & 4095) / 2
        if slot.pointee.handler == code.decodeHandler {
            decode(UnsafeMutableRawPointer(slot), UnsafeMutableRawPointer(page.decoded.slots))
        }
        let handler = slot.pointee.handler
        if handler == unsafeBitCast(RISCV.crossingHandler, to: UInt.self) || handler == code.breakpointHandler {
            return nil
        }
        let number = DecodedPage.operation(slot - page.decoded.slots, page.decoded.slots).pointee
        return (RISCV.Operation(rawValue: number) ?? .illegal, Operands(UnsafeRawPointer(slot)))
    }

    public func length(of address: UInt64, in page: CodePage) -> UInt8 {
        let low = page.decoded.host.loadUnaligned(fromByteOffset: Int(address & 4095), as: UInt16.self)
        return low & 3 == 3 ? 4 : 2
    }

    public func shape(of address: UInt64, in page: CodePage) -> InstructionShape {
        guard let (operation, operands) = instruction(address, page) else { return .interpreted }
        let target = address &+ operands.immediateBits
        switch operation {
        case .beq, .bne, .blt, .bge, .bltu, .bgeu: return .branch(target: target)
        case .jal: return .jump(target: target, isCall: operands.rd == 1 || operands.rd == 5)
        case .jalr: return .indirect(isCall: operands.rd == 1 || operands.rd == 5)
        case .illegal: return .interpreted
        case .ecall, .ebreak: return .leave(returns: true)
        case .sret, .mret: return .leave(returns: false)
        default: return operation.isSimple && operands.rd != DecodedSlot.sink ? .simple : .plain
        }
    }

    public func record(_ address: UInt64, in page: CodePage, _ recorder: inout Recorder) -> Bool {
        guard let (operation, operands) = instruction(address, page), operation != .illegal else { return false }
        recorder.begin(length: UInt8(truncatingIfNeeded: operands.length))
        if let plain = plainRegister(operation, operands) {
            RISCV.accessPlain(&recorder, operands, operation, plain)
        } else if !recordTransition(operation, operands, &recorder) {
            RISCV.execute(operation, &recorder, operands)
        }
        return true
    }

    public func operationNumber(at address: UInt64) -> Int? {
        let entry = core.pointee.context.pointee.fetch[TranslationContext.fetchIndex(address)]
        guard entry.tag == address & ~4095 else { return nil }
        let decoded = DecodedPage.owner(of: entry.slots)
        guard let (operation, _) = instruction(address, CodePage(physical: decoded.physical, decoded: decoded)) else {
            return nil
        }
        return Int(operation.rawValue)
    }

    public static func mnemonic(of number: Int) -> String {
        UInt16(exactly: number).flatMap { RISCV.Operation(rawValue: $0) }?.mnemonic ?? "(unknown)"
    }

    /// The plain register that a CSR instruction accesses, where the privilege of the code that is recorded is all that
    /// access to it depends on.
    private func plainRegister(_ operation: RISCV.Operation, _ operands: Operands) -> RISCV.PlainRegister? {
        switch operation {
        case .csrrw, .csrrs, .csrrc, .csrrwi, .csrrsi, .csrrci: break
        default: return nil
        }
        var number = UInt16(truncatingIfNeeded: operands.immediate)
        guard exists(number) else { return nil }
        let level = number >> 8 & 3
        switch (state.pointee.privilege, state.pointee.virtual) {
        case (.machine, _): break
        case (.supervisor, false): guard level == 1 || level == 2 else { return nil }
        case (.supervisor, true):
            guard level == 1, let substitute = Self.virtualCounterpart(number) else { return nil }
            number = substitute
        case (.user, _): return nil
        }
        return RISCV.PlainRegister(number)
    }

    // MARK: What translated code calls

    private static let enterPage: @convention(c) (UnsafeMutableRawPointer, UInt64, UInt64) -> UInt64 = {
        state, address, use in
        with(state) { $0.enterPage(address, PageUse(rawValue: use)).rawValue }
    }

    /// What ``load(_:_:_:caches:)`` and ``store(_:_:_:_:caches:)`` do about the TLB, without the access.
    private func enterPage(_ address: UInt64, _ use: PageUse) -> PageEntry {
        // What goes over the end of the page is left to the interpreter.
        guard features.contains(.misaligned),
            (address &- use.before) & 4095 + use.bytes <= PhysicalMemory.pageSize
        else { return .refused }
        // Known to be one without a walk.
        if use.isWrite, let physical = core.pointee.context.pointee.tablePhysical(address),
            memory.table(at: physical) != nil
        {
            return .refused
        }
        let mode = dataMode
        let access = use.isWrite ? RISCV.Access.write : .read
        let watches = memory.watches
        let translation: RISCV.Translation
        do throws(Fault) { translation = try translate(address, access, mode) } catch { return .faulted }
        // Code that has found out before that it may write to a table must not go on by that.
        if memory.watches != watches { return .refused }
        let physical = translation.physical
        guard protection.allows(physical, 1, access, machine: mode.privilege == .machine),
            let region = memory.region(containing: physical), !(access == .write && region.isReadOnly)
        else {
            core.pointee.refusedDevice = 1
            return .refused
        }
        if use.isWrite {
            if memory.isTable(physical, in: region) {
                enterTable(address, translation)
                return .refused
            }
            enterForWriting(address, translation, region)
        } else {
            enter(address, translation, for: .read)
        }
        // The page is not entered where protection divides it.
        let (context, index) = (core.pointee.context, TranslationContext.index(address))
        let isThere =
            use.isWrite
            ? context.pointee.writes[index].mayWrite(address &- use.before, bytes: use.bytes)
            : context.pointee.reads[index].mayRead(address, bytes: 1)
        return isThere ? .entered : .refused
    }

    private static let raise: @convention(c) (UnsafeMutableRawPointer) -> Void = { state in
        with(state) { $0.raise() }
    }

    /// Enters the exception that the fault record describes.
    private func raise() {
        leaveByException(RISCV.self, state, core.pointee.programCounter, core.pointee.budget)
        core.pointee.event = TranslatedEvent.trapped | (wantsRunLoop ? TranslatedEvent.settle : 0)
    }

    private static let callHelper: @convention(c) (UnsafeMutableRawPointer, UInt64, UInt64, UInt64) -> UInt64 = {
        state, helper, a, b in
        with(state) { $0.callHelper(HelperIdentifier(rawValue: UInt16(truncatingIfNeeded: helper)), a, b) }
    }

    private func callHelper(_ helper: HelperIdentifier, _ a: UInt64, _ b: UInt64) -> UInt64 {
        core.pointee.event = 0
        let (context, budget, changes) = (core.pointee.context, core.pointee.budget, code.changes)
        let value: UInt64
        do throws(Fault) {
            value =
                if let access = helper.access {
                    try make(access, a, b)
                } else {
                    try helper == .interpretation ? interpretInstruction() : perform(helper, a, b)
                }
        } catch {
            raise()
            return 0
        }
        let isReturn =
            helper == RISCV.Helper.supervisorReturn.identifier || helper == RISCV.Helper.machineReturn.identifier
        if isReturn || state.pointee.waiting || budget != core.pointee.budget || context != core.pointee.context
            || changes != code.changes
        {
            core.pointee.event = wantsRunLoop ? TranslatedEvent.settle : TranslatedEvent.refresh
        }
        return value
    }

    private func make(
        _ access: (isStore: Bool, width: Width, attributes: MemoryAttributes), _ address: UInt64, _ value: UInt64
    ) throws(Fault) -> UInt64 {
        guard access.isStore else { return try load(address, access.width, dataMode) }
        try store(address, value, access.width, dataMode)
        return 0
    }

    /// What ``run(_:)`` does between two stretches of code, but for what needs it.
    private static let settle: @convention(c) (UnsafeMutableRawPointer) -> UInt64 = { state in
        with(state) { hart in
            let core = hart.core
            guard !hart.counterIsActive, !hart.state.pointee.halted else { return 1 }
            core.pointee.budget &+= core.pointee.withheld
            core.pointee.withheld = 0
            guard core.pointee.budget != 0 else { return 1 }
            hart.takePendingInterrupt()
            return hart.state.pointee.waiting || core.pointee.withheld != 0 ? 1 : 0
        }
    }

    /// Whether the run loop would do something before the next instruction.
    private var wantsRunLoop: Bool {
        pending & state.pointee.mie != 0 || state.pointee.waiting || state.pointee.halted
            || core.pointee.withheld != 0
    }
}
