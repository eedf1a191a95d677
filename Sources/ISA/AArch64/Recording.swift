import ISA

/// A PE's code as the translator reads it.
extension AArch64.ProcessingElement: TranslatableProcessor {
    /// Registers in the order of how often compilers use them: arguments, the stack pointer, what is saved, and the link.
    public static let translation = GuestTranslation(
        integerRegisters: [0, 1, 2, 3, AArch64.stackPointer, 19, 4, 20, AArch64.linkRegister],
        floatRegisters: [], zeroRegister: AArch64.zeroRegister, sinkRegister: DecodedSlot.sink,
        enterPage: unsafeBitCast(enterPage, to: UInt.self), raise: unsafeBitCast(raise, to: UInt.self),
        callHelper: unsafeBitCast(callHelper, to: UInt.self), settle: unsafeBitCast(settle, to: UInt.self))

    public func forEachContext(_ body: (UnsafeMutablePointer<TranslationContext>) -> Void) { pool.forEach(body) }

    public func codePage(at address: UInt64) -> CodePage? {
        guard address & 3 == 0, branchTarget(address) == address else { return nil }
        let entry = core.pointee.context.pointee.fetch[TranslationContext.fetchIndex(address)]
        let slots: UnsafeMutableRawPointer
        do throws(Fault) {
            slots = entry.tag == address & ~4095 ? entry.slots : try fetchPage(address)
        } catch {
            return nil
        }
        let decoded = DecodedPage.owner(of: slots)
        return CodePage(physical: decoded.physical, decoded: decoded)
    }

    /// The instruction at `address`, decoded now if it was not, and its width.
    private func instruction(
        _ address: UInt64, _ page: CodePage
    ) -> (operation: AArch64.Operation, width: Width, operands: Operands, isBasedOnStack: Bool) {
        let slot = page.decoded.slots + Int(address & 4095) / 2
        if slot.pointee.handler == code.decodeHandler {
            decode(UnsafeMutableRawPointer(slot), UnsafeMutableRawPointer(page.decoded.slots))
        }
        let number = DecodedPage.operation(slot - page.decoded.slots, page.decoded.slots).pointee
        return (
            AArch64.Operation(rawValue: number >> 1) ?? .illegal, number & 1 == 0 ? .word : .double,
            Operands(UnsafeRawPointer(slot)), slot.pointee.handler == stackHandler
        )
    }

    public func length(of address: UInt64, in page: CodePage) -> UInt8 { 4 }

    public func shape(of address: UInt64, in page: CodePage) -> InstructionShape {
        if hasBreakpoint(address, page) { return .interpreted }
        let (operation, _, operands, _) = instruction(address, page)
        let target = address &+ operands.immediateBits
        switch operation {
        case .b_cond, .cbz, .cbnz, .tbz, .tbnz: return .branch(target: target)
        case .b: return .jump(target: target, isCall: false)
        case .bl: return .jump(target: target, isCall: true)
        case .br, .ret, .braa, .brab, .braaz, .brabz, .retaa, .retab: return .indirect(isCall: false)
        case .blr, .blraa, .blrab, .blraaz, .blrabz: return .indirect(isCall: true)
        case .illegal: return .interpreted
        case .eret, .eretaa, .eretab: return .leave(returns: false)
        case .svc, .hvc, .smc, .brk, .hlt, .wfe, .wfi, .sev, .sevl, .esb, .msr_uao, .msr_spsel, .msr_ssbs, .msr_dit:
            return .leave(returns: true)
        case .sys: return isZeroing(operands) ? .plain : .leave(returns: true)
        case .msr_pan: return level == 0 || level == 3 || isNested ? .leave(returns: true) : .plain
        case .msr_daifset, .msr_daifclr: return level == 0 ? .leave(returns: true) : .plain
        case .msr_register:
            let isPlain =
                plainRegister(operands, isRead: false) != nil || isTransition(operands)
                || isInterruptInterface(operands, isRead: false)
            return isPlain ? .plain : .leave(returns: true)
        // RNDR and RNDRRS set the flags too.
        case .mrs where operands.immediateBits & 0x7ffe == UInt64(AArch64.SystemRegister.key(3, 3, 2, 4, 0)):
            return .interpreted
        default: return .plain
        }
    }

    /// The instruction is one for the interpreter.
    private func hasBreakpoint(_ address: UInt64, _ page: CodePage) -> Bool {
        page.decoded.slots[Int(address & 4095) / 2].handler == code.breakpointHandler
    }

    public func record(_ address: UInt64, in page: CodePage, _ recorder: inout Recorder) -> Bool {
        if hasBreakpoint(address, page) { return false }
        let (operation, width, operands, isBasedOnStack) = instruction(address, page)
        guard operation != .illegal else { return false }
        recorder.begin(length: 4)
        if recordTransition(operation, operands, &recorder) { return true }
        if isBasedOnStack, cluster.checksStackAlignment { AArch64.expectAlignedStack(&recorder) }
        switch operation {
        case .mrs:
            if let plain = plainRegister(operands, isRead: true) {
                AArch64.readPlain(&recorder, operands, plain)
                return true
            }
            if isInterruptInterface(operands, isRead: true) {
                AArch64.readInterruptInterface(&recorder, operands)
                return true
            }
        case .msr_register:
            if let plain = plainRegister(operands, isRead: false) {
                AArch64.writePlain(&recorder, operands, plain)
                return true
            }
            if isInterruptInterface(operands, isRead: false) {
                AArch64.writeInterruptInterface(&recorder, operands)
                return true
            }
        case .br, .blr, .braa, .brab, .braaz, .brabz, .blraa, .blrab, .blraaz, .blrabz:
            if features.contains(.bti) { AArch64.expectNoGuards(&recorder) }
            switch operation {
            case .br: AArch64.branchToRegister(&recorder, operands, .plain)
            case .blr: AArch64.branchToRegister(&recorder, operands, .call)
            default: AArch64.executePointer(operation, &recorder, operands, notesBranch: false)
            }
            return true
        default: break
        }
        AArch64.execute(operation, width, &recorder, operands)
        return true
    }

    /// What the syndrome of its data abort says of it.
    public func accessDescription(of address: UInt64, in page: CodePage) -> UInt16 {
        let word = page.decoded.host.loadUnaligned(fromByteOffset: Int(address & 4095), as: UInt32.self)
        let syndrome = AArch64.accessSyndrome(UInt32(littleEndian: word))
        return UInt16(truncatingIfNeeded: syndrome >> AArch64.FaultDetail.descriptionShift)
    }

    public func operationNumber(at address: UInt64) -> Int? {
        let entry = core.pointee.context.pointee.fetch[TranslationContext.fetchIndex(address)]
        guard entry.tag == address & ~4095 else { return nil }
        let decoded = DecodedPage.owner(of: entry.slots)
        return Int(instruction(address, CodePage(physical: decoded.physical, decoded: decoded)).operation.rawValue)
    }

    public static func mnemonic(of number: Int) -> String {
        UInt16(exactly: number).flatMap { AArch64.Operation(rawValue: $0) }?.mnemonic ?? "(unknown)"
    }

    // MARK: What translated code calls

    private static let enterPage: @convention(c) (UnsafeMutableRawPointer, UInt64, UInt64) -> UInt64 = {
        state, address, use in
        with(state) { $0.enterPage(address, PageUse(rawValue: use)).rawValue }
    }

    /// What ``load(_:_:_:)`` and ``store(_:_:_:_:)`` do about the TLB, without the access.
    private func enterPage(_ address: UInt64, _ use: PageUse) -> PageEntry {
        // No page is entered then, and what is not aligned is refused before anything is translated.
        if checksAlignment { return .refused }
        // What goes over the end of the page is left to the interpreter.
        guard (address &- use.before) & 4095 + use.bytes <= PhysicalMemory.pageSize else {
            return isReadInTwoPages(address &- use.before, use) ? .inTwoPages : .refused
        }
        // Known to be one without a walk.
        if use.isWrite, let physical = core.pointee.context.pointee.tablePhysical(address),
            memory.table(at: physical) != nil
        {
            return .refused
        }
        let wasIntermediate = core.pointee.context.pointee.intermediate(address, isWrite: use.isWrite) != nil
        // An access that is not aligned has faults of its own, before anything is changed, and so has DC ZVA; what the access
        // is, is not known here.
        let isAligned =
            address & 15 == 0 && use.bytes < Self.zeroedBlock || use.bytes <= 8 && address & (use.bytes &- 1) == 0
        let watches = memory.watches
        let translation: AArch64.Translation
        do throws(Fault) {
            let access: AArch64.TranslationRequest.Access = use.isUpdate ? .update : use.isWrite ? .write : .read
            translation = try translate(address, access, isAligned: isAligned)
        } catch {
            // Where EL2 has let the page be without memory before, it emulates a device there: whoever accesses that again and
            // again is to be known as one who accesses devices is.
            if wasIntermediate, core.pointee.fault.detail & AArch64.FaultDetail.describesAccess != 0 {
                core.pointee.refusedDevice = 1
                return .refused
            }
            return isAligned ? .faulted : .refused
        }
        // Code that has found out before that it may write to a table must not go on by that.
        if memory.watches != watches { return .refused }
        guard let region = memory.region(containing: translation.physical), !(use.isWrite && region.isReadOnly) else {
            core.pointee.refusedDevice = 1
            return .refused
        }
        if use.isWrite {
            if memory.isTable(translation.physical, in: region) {
                enterTable(address, translation)
                return .refused
            }
            enterForWriting(address, translation, region, [])
        } else {
            enter(address, translation, .read, [])
        }
        // Not every page is entered.
        let (context, index) = (core.pointee.context, TranslationContext.index(address))
        let isThere =
            use.isWrite
            ? context.pointee.writes[index].mayWrite(address &- use.before, bytes: use.bytes)
            : context.pointee.reads[index].mayRead(address, bytes: 1)
        return isThere ? .entered : .refused
    }

    /// Both pages are in the TLB, and one distance leads to the host's memory from all of what is read.
    private func isReadInTwoPages(_ first: UInt64, _ use: PageUse) -> Bool {
        guard !use.isWrite else { return false }
        let last = first &+ use.bytes &- 1
        func entry(_ address: UInt64) -> TranslationContext.ReadEntry {
            core.pointee.context.pointee.reads[TranslationContext.index(address)]
        }
        return entry(first).mayRead(first, bytes: 1) && entry(last).mayRead(last, bytes: 1)
            && entry(first).addend == entry(last).addend
    }

    private static let raise: @convention(c) (UnsafeMutableRawPointer) -> Void = { state in
        with(state) { $0.raise() }
    }

    /// Enters the exception that the fault record describes.
    private func raise() {
        leaveByException(AArch64.self, state, core.pointee.programCounter, core.pointee.budget)
        core.pointee.event = TranslatedEvent.trapped | (wantsRunLoop ? TranslatedEvent.settle : 0)
    }

    private static let callHelper: @convention(c) (UnsafeMutableRawPointer, UInt64, UInt64, UInt64) -> UInt64 = {
        state, helper, a, b in
        with(state) {
            $0.callHelper(
                HelperIdentifier(rawValue: UInt16(truncatingIfNeeded: helper)),
                UInt16(truncatingIfNeeded: helper >> 16), a, b)
        }
    }

    @inline(__always)
    private func callHelper(_ helper: HelperIdentifier, _ description: UInt16, _ a: UInt64, _ b: UInt64) -> UInt64 {
        core.pointee.event = 0
        let (context, budget, changes) = (core.pointee.context, core.pointee.budget, code.changes)
        let value: UInt64
        var isExceptionReturn = false
        if let access = helper.access {
            let made: UInt64?
            do throws(Fault) { made = try make(access, a, b) } catch { made = nil }
            guard let made else {
                raise(describedBy: description)
                return 0
            }
            value = made
        } else {
            do throws(Fault) {
                if helper == AArch64.Helper.readInterruptInterface.identifier {
                    value = try readInterruptInterface(key: a, target: b)
                } else if helper == AArch64.Helper.writeInterruptInterface.identifier {
                    try writeInterruptInterface(key: a, b)
                    value = 0
                } else if helper == .interpretation {
                    value = try interpretInstruction()
                } else {
                    value = try perform(helper, a, b)
                    isExceptionReturn = AArch64.Helper(rawValue: helper.rawValue)?.isExceptionReturn == true
                }
            } catch {
                raise()
                return 0
            }
        }
        if wantsRunLoop {
            core.pointee.event = TranslatedEvent.settle
        } else if isExceptionReturn || budget != core.pointee.budget || context != core.pointee.context
            || changes != code.changes
        {
            core.pointee.event = TranslatedEvent.refresh
        }
        return value
    }

    /// Enters the exception of an access that is what `description` says.
    private func raise(describedBy description: UInt16) {
        let describes = AArch64.FaultDetail.describesAccess
        if core.pointee.fault.detail & describes != 0 {
            core.pointee.fault.detail &= ~describes
            core.pointee.fault.detail |= UInt64(description) << AArch64.FaultDetail.descriptionShift
        }
        raise()
    }

    /// What ``run(_:)`` does between two stretches of code, but for what needs it.
    private static let settle: @convention(c) (UnsafeMutableRawPointer) -> UInt64 = { state in
        with(state) { element in
            let (state, core) = (element.state, element.core)
            guard !state.pointee.monitorsAreActive, !state.pointee.halted, !element.cluster.hasStaleTranslations
            else { return 1 }
            core.pointee.budget &+= core.pointee.withheld
            core.pointee.withheld = 0
            guard core.pointee.budget != 0 else { return 1 }
            element.takePendingInterrupt()
            return state.pointee.waiting || core.pointee.withheld != 0 || !element.mayRunTranslated ? 1 : 0
        }
    }

    /// Whether the run loop would do something before the next instruction.
    @inline(__always)
    private var wantsRunLoop: Bool {
        hasInterrupt || state.pointee.waiting || state.pointee.halted || core.pointee.withheld != 0
            || !mayRunTranslated
    }

    /// Nothing has to be known of each instruction, and the next one is not refused whatever it is.
    @inline(__always)
    var mayRunTranslated: Bool {
        !isObserved && !examinesCode && state.pointee.pstate & AArch64.PSTATE.marks == 0
    }
}
