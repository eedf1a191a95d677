import ISA

/// System instructions as translated code has them: calls of the next level, returns, changes of PSTATE, and the zeroing of
/// memory, written out as what they do to the state block.
///
/// What each does in general is in Exceptions.swift, and stays the meaning: here stands the case that is common at the
/// level where the code runs, after what it takes for granted (`expect`). Everything else is left to the general meaning.
/// Both engines are run in lockstep to hold the two together.
extension AArch64.ProcessingElement {
    typealias Value = Recorder.RecordedValue
    private typealias Helper = AArch64.Helper
    private typealias PSTATE = AArch64.PSTATE
    private typealias Class = AArch64.ExceptionClass
    private typealias Hypervisor = AArch64.HypervisorConfiguration
    private typealias Control = AArch64.SystemControl

    /// Records the instruction in that form; false where it has none.
    func recordTransition(_ operation: AArch64.Operation, _ operands: Operands, _ e: inout Recorder) -> Bool {
        switch operation {
        // A nested hypervisor's are rare.
        case .svc:
            guard level < 2, !isNested else { return false }
            recordSupervisorCall(operands, &e)
        case .hvc:
            guard level == 1, isEL2Enabled else { return false }
            recordHypervisorCall(operands, &e)
        case .eret:
            guard level == 1 && !isNested || level == 2 else { return false }
            recordReturn(&e)
        case .msr_daifset, .msr_daifclr:
            guard level != 0 else { return false }
            recordMasks(operands.immediateBits << 6 & PSTATE.daif, sets: operation == .msr_daifset, &e)
        case .msr_pan:
            guard level == 1 && !isNested || level == 2 else { return false }
            recordPAN(operands.immediateBits & 1 != 0, &e)
        case .mrs:
            guard level != 0, isTransition(operands) else { return false }
            e.setRegister(operands.rd, e.masked(e.get(\.pstate), PSTATE.daif))
        case .msr_register:
            guard level != 0, isTransition(operands) else { return false }
            let (pstate, value) = (e.get(\.pstate), e.register(operands.rd))
            expectNoInterrupt(&e, nil)
            e.set(\.pstate, e.union(e.masked(pstate, ~PSTATE.daif), e.masked(value, PSTATE.daif)))
        case .sys:
            guard isZeroing(operands) else { return false }
            recordZeroing(operands, &e)
        default: return false
        }
        return true
    }

    /// The register of an MRS or MSR is DAIF, where that is not trapped.
    func isTransition(_ operands: Operands) -> Bool {
        level != 0 && operands.immediateBits & 0x7fff == UInt64(AArch64.SystemRegister.key(3, 3, 4, 2, 1))
    }

    // MARK: Calls

    /// SVC at EL0 and EL1.
    private func recordSupervisorCall(_ operands: Operands, _ e: inout Recorder) {
        let isHosts = level == 0 && regimeKind(level: 0) == .el2Host
        let comment = UInt16(truncatingIfNeeded: operands.immediateBits)
        expectNoMonitors(&e, .supervisorCall, comment)
        if level == 0, !isHosts, hasEL2 {
            // Where LDTR is as if of EL0 at EL1 depends on NV and NV1.
            e.expect(
                e.isClear(e.get(\.hcr), Hypervisor.tge | Hypervisor.nv), else: Helper.supervisorCall.identifier,
                argument: comment)
        }
        recordCall(.supervisorCall, Class.supervisorCall, comment, to: isHosts ? 2 : 1, setsPAN: true, &e)
    }

    /// HVC at EL1.
    private func recordHypervisorCall(_ operands: Operands, _ e: inout Recorder) {
        let comment = UInt16(truncatingIfNeeded: operands.immediateBits)
        expectNoMonitors(&e, .hypervisorCall, comment)
        let isAllowed =
            hasEL3
            ? e.isSet(e.get(\.scr), AArch64.SecureConfiguration.hce) : e.isClear(e.get(\.hcr), Hypervisor.hcd)
        e.expect(isAllowed, else: Helper.hypervisorCall.identifier, argument: comment)
        // EL2 is no host while there is EL1.
        recordCall(.hypervisorCall, Class.hypervisorCall, comment, to: 2, setsPAN: false, &e)
    }

    /// What ``take(_:syndrome:toLevel:returnAddress:)`` does.
    /// - Parameter setsPAN: SCTLR_ELx.SPAN of the target counts.
    private func recordCall(
        _ helper: AArch64.Helper, _ exceptionClass: UInt64, _ comment: UInt16, to target: Int, setsPAN: Bool,
        _ e: inout Recorder
    ) {
        let pstate = e.get(\.pstate)
        let control = e.get(\.sctlr, target)
        if level != 0 { e.expect(e.isSet(pstate, PSTATE.spSelect), else: helper.identifier, argument: comment) }
        let vector = e.binary(
            .add, .double, e.get(\.vbar, target), e.constant(level == target ? 0x200 : 0x400))
        // A call that leads to itself is looked at more closely.
        let isElsewhere = e.compare(.notEqual, .double, vector, e.programCounter(plus: 0))
        e.expect(isElsewhere, else: helper.identifier, argument: comment)
        var context = e.context(target)
        var pan = e.constant(0)
        if features.contains(.pan) {
            pan = e.masked(pstate, PSTATE.pan)
            if setsPAN { pan = e.select(e.isSet(control, Control.span), pan, e.constant(PSTATE.pan)) }
            context = e.select(e.isSet(pan), e.context(target + 4), context)
        }
        e.expect(e.isSet(context), else: helper.identifier, argument: comment)
        // Where LDTR is as if of EL0: EL1, and EL2 as EL0's host, which SVC comes to from there.
        var unprivileged = context
        if target == 1 || level == 0 {
            unprivileged = e.context(0)
            e.expect(e.isSet(unprivileged), else: helper.identifier, argument: comment)
        }

        e.count(\.core.trapped)
        e.set(\.spsr, target, e.union(pstate, e.conditionFlags()))
        e.set(\.elr, target, e.programCounter(plus: 4))
        e.set(\.esr, target, e.constant(exceptionClass << 26 | 1 << 25 | UInt64(comment)))
        var new = e.union(e.masked(pstate, PSTATE.dit), e.constant(PSTATE.daif | UInt64(target) << 2 | PSTATE.spSelect))
        new = e.union(new, pan)
        if features.contains(.ssbs) { new = e.union(new, e.moved(control, from: Control.dssbs, to: PSTATE.ssbs)) }
        e.set(\.pstate, new)
        e.set(\.sp, level, e.register(AArch64.stackPointer))
        if level != target { e.setRegister(AArch64.stackPointer, e.get(\.sp, target)) }
        e.setFloatEnabled(e.floatLevel(target))
        e.setUnprivileged(unprivileged)
        e.setContext(context)
        e.jump(to: vector, .return)
    }

    // MARK: Returns

    /// ERET to EL1 or EL0, each with the stack pointer that is usual there.
    private func recordReturn(_ e: inout Recorder) {
        let helper = Helper.exceptionReturn
        expectNoMonitors(&e, helper, 0)
        let saved = e.get(\.spsr, level)
        // What is not for EL0 or EL1, or has a meaning for the next instruction.
        var refused = PSTATE.aarch32 | 2 | 8 | PSTATE.illegal | PSTATE.branchType | PSTATE.softwareStep
        if features.contains(.uao) { refused |= PSTATE.uao }
        e.expect(e.isClear(saved, refused), else: helper.identifier)
        let toEL1 = e.isSet(saved, PSTATE.level)
        // The low bit of the level, which has no other here, is as SPSel.
        let level1 = e.binary(.shiftRightLogical, .double, saved, e.constant(2))
        e.expect(e.isClear(e.binary(.xor, .double, level1, saved), PSTATE.spSelect), else: helper.identifier)
        e.expect(e.isSet(e.get(\.pstate), PSTATE.spSelect), else: helper.identifier)
        expectNoInterrupt(&e, helper.identifier)
        if level == 2 {
            e.expect(
                e.or(e.not(toEL1), e.isClear(e.get(\.hcr), Hypervisor.tge | Hypervisor.nv)), else: helper.identifier)
        }
        let ofEL0 = e.context(0)
        var context = e.context(1)
        if features.contains(.pan) { context = e.select(e.isSet(saved, PSTATE.pan), e.context(5), context) }
        context = e.select(toEL1, context, ofEL0)
        e.expect(e.isSet(context), else: helper.identifier)
        e.expect(e.isSet(ofEL0), else: helper.identifier)

        let stackPointer = e.register(AArch64.stackPointer)
        let ofTarget = level == 1 ? stackPointer : e.get(\.sp, 1)
        e.set(\.sp, level, stackPointer)
        e.setRegister(AArch64.stackPointer, e.select(toEL1, ofTarget, e.get(\.sp, 0)))
        e.setState(AArch64.offset(of: \.core.reservation), .double, e.constant(0))
        e.setState(AArch64.offset(of: \.event), .byte, e.constant(1))
        e.setConditionFlags(saved)
        e.set(\.pstate, e.masked(saved, PSTATE.mode | PSTATE.daif | optionalBits))
        e.setFloatEnabled(e.select(toEL1, e.floatLevel(1), e.floatLevel(0)))
        e.setUnprivileged(ofEL0)
        e.setContext(context)
        e.jump(to: e.get(\.elr, level), .return)
    }

    // MARK: PSTATE

    /// MSR DAIFSet and DAIFClr.
    private func recordMasks(_ bits: UInt64, sets: Bool, _ e: inout Recorder) {
        let pstate = e.get(\.pstate)
        if sets {
            e.set(\.pstate, e.union(pstate, e.constant(bits)))
        } else {
            expectNoInterrupt(&e, nil)
            e.set(\.pstate, e.masked(pstate, ~bits))
        }
    }

    /// MSR PAN. The code goes on: where instructions are fetched does not depend on PAN.
    private func recordPAN(_ isOn: Bool, _ e: inout Recorder) {
        let pstate = e.get(\.pstate)
        let context = e.context(level + (isOn ? 4 : 0))
        e.expect(e.isSet(context))
        if level == 1 {
            // LDTR is as if of EL0 as before.
            e.expect(e.isClear(pstate, PSTATE.uao))
        } else {
            let both = Hypervisor.e2h | Hypervisor.tge
            let isHost = e.compare(.equal, .double, e.masked(e.get(\.hcr), both), e.constant(both))
            e.expect(e.and(isHost, e.isClear(pstate, PSTATE.uao)))
        }
        e.set(\.pstate, isOn ? e.union(pstate, e.constant(PSTATE.pan)) : e.masked(pstate, ~PSTATE.pan))
        e.setContext(context)
    }

    // MARK: Memory

    /// DC ZVA.
    func isZeroing(_ operands: Operands) -> Bool { operands.immediateBits & 0x3fff == UInt64(Self.zeroing) }

    /// DC ZVA of an address that is a block's, so that a fault tells what the operand is.
    private func recordZeroing(_ operands: Operands, _ e: inout Recorder) {
        let isHosts = level == 0 && regimeKind(level: 0) == .el2Host
        if level == 0 { e.expect(e.isSet(e.get(\.sctlr, isHosts ? 2 : 1), Control.zeroing)) }
        if level < 2, !isHosts, hasEL2 { e.expect(e.isClear(e.get(\.hcr), Hypervisor.tdz)) }
        let address = e.register(operands.rd)
        e.expect(e.isClear(address, Self.zeroedBlock - 1))
        let handle = e.probe(address, bytes: UInt16(Self.zeroedBlock), write: true, [])
        let zero = e.constant(0)
        for offset in stride(from: 0, to: UInt16(Self.zeroedBlock), by: 8) {
            e.store(handle, offset: offset, zero, .double)
        }
    }

    // MARK: What is taken for granted

    /// Changes of the level are not counted.
    private func expectNoMonitors(_ e: inout Recorder, _ helper: AArch64.Helper, _ argument: UInt16) {
        let active = e.state(AArch64.offset(of: \.monitorsAreActive), .byte)
        e.expect(e.isClear(active), else: helper.identifier, argument: argument)
    }

    private func expectNoInterrupt(_ e: inout Recorder, _ helper: HelperIdentifier?) {
        var pending = e.get(\.lines)
        if hasEL2 {
            pending = e.union(pending, e.masked(e.get(\.hcr), Hypervisor.vi | Hypervisor.vf | Hypervisor.vse))
        }
        e.expect(e.isClear(pending), else: helper)
    }
}

// MARK: Fields of the state block

extension AArch64 {
    fileprivate static func offset(of field: PartialKeyPath<State>) -> Int {
        // A stored property has an offset.
        MemoryLayout<State>.offset(of: field)!
    }
}

extension Recorder {
    fileprivate typealias Levels = InlineArray<4, UInt64>

    fileprivate mutating func get(_ field: KeyPath<AArch64.State, UInt64>) -> RecordedValue {
        state(AArch64.offset(of: field), .double)
    }

    fileprivate mutating func set(_ field: KeyPath<AArch64.State, UInt64>, _ value: RecordedValue) {
        setState(AArch64.offset(of: field), .double, value)
    }

    /// The register of `level`.
    fileprivate mutating func get(_ field: KeyPath<AArch64.State, Levels>, _ level: Int) -> RecordedValue {
        state(AArch64.offset(of: field) + 8 * level, .double)
    }

    fileprivate mutating func set(_ field: KeyPath<AArch64.State, Levels>, _ level: Int, _ value: RecordedValue) {
        setState(AArch64.offset(of: field) + 8 * level, .double, value)
    }

    fileprivate mutating func count(_ field: KeyPath<AArch64.State, UInt64>) {
        set(field, binary(.add, .double, get(field), constant(1)))
    }

    fileprivate mutating func context(_ place: Int) -> RecordedValue {
        state(AArch64.offset(of: \.contexts) + 8 * place, .double)
    }

    fileprivate mutating func setUnprivileged(_ context: RecordedValue) {
        setState(AArch64.offset(of: \.core.unprivileged), .double, context)
    }

    fileprivate mutating func floatLevel(_ level: Int) -> RecordedValue {
        state(AArch64.offset(of: \.floatLevels) + level, .byte)
    }

    fileprivate mutating func setFloatEnabled(_ isEnabled: RecordedValue) {
        setState(AArch64.offset(of: \.core.floatEnabled), .byte, isEnabled)
    }

    /// NZCV as PSTATE has it, of the raw layout of ``ConditionCode``.
    fileprivate mutating func conditionFlags() -> RecordedValue {
        let raw = flags()
        let negativeAndZero = moved(raw, from: 0xc0, to: 0xc000_0000)
        let carry = moved(binary(.xor, .double, raw, constant(1)), from: 1, to: 1 << 29)
        let overflow = moved(raw, from: 1 << 11, to: 1 << 28)
        return union(union(negativeAndZero, carry), overflow)
    }

    fileprivate mutating func setConditionFlags(_ saved: RecordedValue) {
        let negativeAndZero = moved(saved, from: 0xc000_0000, to: 0xc0)
        let noCarry = binary(.xor, .double, moved(saved, from: 1 << 29, to: 1), constant(1))
        let overflow = moved(saved, from: 1 << 28, to: 1 << 11)
        setFlags(raw: union(union(negativeAndZero, noCarry), overflow))
    }
}
