/// System instructions as translated code has them: calls of the next level, returns, and the registers that are more than
/// storage, written out as what they do to the state block.
///
/// What each does in general is in Exceptions.swift and SystemRegisters.swift, and stays the meaning: here stands the case
/// that is common at the level where the code runs, after what it takes for granted (`expect`). Everything else is
/// left to the general meaning. Both engines are run in lockstep to hold the two together.
extension RISCV.Hart {
    typealias Value = Recorder.RecordedValue
    private typealias Helper = RISCV.Helper

    /// Records the instruction in that form; false where it has none.
    func recordTransition(_ operation: RISCV.Operation, _ operands: Operands, _ e: inout Recorder) -> Bool {
        let (privilege, virtual) = (state.pointee.privilege, state.pointee.virtual)
        switch operation {
        case .ecall:
            guard privilege != .machine else { return false }
            recordCall(privilege, virtual, &e)
        case .sret:
            guard privilege == .supervisor else { return false }
            if virtual { recordGuestReturn(&e) } else { recordSupervisorReturn(&e) }
        case .mret:
            guard privilege == .machine else { return false }
            recordMachineReturn(&e)
        case .csrrw, .csrrs, .csrrc, .csrrwi, .csrrsi, .csrrci:
            guard privilege == .supervisor else { return false }
            return recordAccess(operation, operands, virtual, &e)
        default: return false
        }
        return true
    }

    // MARK: Calls

    /// ECALL, as ``trap(cause:isInterrupt:value:guestPhysical:instruction:isGuestVirtual:)`` takes it.
    private func recordCall(_ privilege: RISCV.Privilege, _ virtual: Bool, _ e: inout Recorder) {
        let helper = Helper.environmentCall.identifier
        let pc = e.programCounter(plus: 0)
        let isSupervisor = privilege == .supervisor
        let cause =
            !isSupervisor
            ? RISCV.Cause.userCall : virtual ? RISCV.Cause.virtualSupervisorCall : RISCV.Cause.supervisorCall
        expectNoFloats(&e, helper)
        let delegated = e.isSet(e.get(\.medeleg), 1 << cause)
        // Supervisors call the machine level, guests' supervisors and users the supervisor level, guests' users the
        // guest's.
        let toMachine = isSupervisor && !virtual
        e.expect(toMachine ? e.not(delegated) : delegated, else: helper)
        let toGuest = virtual && !isSupervisor
        if toGuest { e.expect(e.isSet(e.get(\.hedeleg), 1 << cause), else: helper) }
        if toMachine { e.expect(e.not(e.isSet(e.get(\.mstatus), Status.mprv)), else: helper) }
        let vector = e.masked(e.get(toMachine ? \.mtvec : toGuest ? \.vstvec : \.stvec), ~3)
        // A call that leads to itself is looked at more closely.
        e.expect(e.compare(.notEqual, .double, vector, pc), else: helper)
        let target = toMachine ? Self.place(.machine, virtual: false) : Self.place(.supervisor, virtual: toGuest)
        let context = e.context(target)
        e.expect(e.isSet(context), else: helper)

        let zero = e.constant(0)
        let code = e.constant(cause)
        let trapped = e.state(RISCV.offset(of: \.core.trapped), .double)
        e.setState(RISCV.offset(of: \.core.trapped), .double, e.binary(.add, .double, trapped, e.constant(1)))
        if toMachine {
            var status = e.get(\.mstatus)
            let enabled = e.moved(status, from: Status.mie, to: Status.mpie)
            status = e.masked(status, ~(Status.mpp | Status.mpie | Status.mpv | Status.gva | Status.mie))
            status = e.binary(.or, .double, status, enabled)
            status = e.binary(.or, .double, status, e.constant(UInt64(privilege.rawValue) << 11))
            e.set(\.mstatus, status)
            if features.contains(.h) {
                e.set(\.mtval2, zero)
                e.set(\.mtinst, zero)
            }
            e.set(\.mcause, code)
            e.set(\.mepc, pc)
            e.set(\.mtval, zero)
            e.setPrivilege(.machine)
        } else {
            let register = toGuest ? \RISCV.State.vsstatus : \.mstatus
            var status = e.get(register)
            let enabled = e.moved(status, from: Status.sie, to: Status.spie)
            status = e.masked(status, ~(Status.spp | Status.spie | Status.sie))
            status = e.binary(.or, .double, status, enabled)
            if isSupervisor { status = e.binary(.or, .double, status, e.constant(Status.spp)) }
            e.set(register, status)
            if !toGuest && features.contains(.h) {
                var hypervisor = e.get(\.hstatus)
                let gone = HypervisorStatus.spv | HypervisorStatus.gva | (virtual ? HypervisorStatus.spvp : 0)
                hypervisor = e.masked(hypervisor, ~gone)
                let now = virtual ? HypervisorStatus.spv | (isSupervisor ? HypervisorStatus.spvp : 0) : 0
                e.set(\.hstatus, e.binary(.or, .double, hypervisor, e.constant(now)))
                e.set(\.htval, zero)
                e.set(\.htinst, zero)
            }
            e.set(toGuest ? \.vscause : \.scause, code)
            e.set(toGuest ? \.vsepc : \.sepc, pc)
            e.set(toGuest ? \.vstval : \.stval, zero)
            if !isSupervisor { e.setPrivilege(.supervisor) }
        }
        if virtual && !toGuest {
            e.setByte(\.virtual, zero)
            // vsstatus.FS counts no longer.
            let isOn = e.isSet(e.get(\.mstatus), Status.fs)
            e.setState(RISCV.offset(of: \.core.floatEnabled), .byte, e.value(of: isOn))
        }
        e.setContext(context)
        e.jump(to: vector, .call)
    }

    // MARK: Returns

    /// SRET in HS-mode.
    private func recordSupervisorReturn(_ e: inout Recorder) {
        let helper = Helper.supervisorReturn.identifier
        expectNoFloats(&e, helper)
        expectNoInterrupt(&e, helper)
        let status = e.get(\.mstatus)
        e.expect(e.not(e.isSet(status, Status.tsr)), else: helper)
        let hypervisor = e.get(\.hstatus)
        let toGuest = features.contains(.h) ? e.isSet(hypervisor, HypervisorStatus.spv) : nil
        let context = recordLevelBelow(e.isSet(status, Status.spp), toGuest, status, &e, helper)
        if toGuest != nil { e.set(\.hstatus, e.masked(hypervisor, ~HypervisorStatus.spv)) }
        e.set(\.mstatus, returned(status, Status.spp | Status.mprv, Status.spie, Status.sie, &e))
        e.setContext(context)
        e.jump(to: e.get(\.sepc), .return)
    }

    /// SRET in VS-mode.
    private func recordGuestReturn(_ e: inout Recorder) {
        let helper = Helper.supervisorReturn.identifier
        expectNoFloats(&e, helper)
        expectNoInterrupt(&e, helper)
        e.expect(e.not(e.isSet(e.get(\.hstatus), HypervisorStatus.vtsr)), else: helper)
        let status = e.get(\.vsstatus)
        let toSupervisor = e.isSet(status, Status.spp)
        let context = e.select(toSupervisor, e.context(.supervisor, true), e.context(.user, true))
        e.expect(e.isSet(context), else: helper)
        e.setPrivilege(isSupervisor: toSupervisor)
        e.set(\.vsstatus, returned(status, Status.spp, Status.spie, Status.sie, &e))
        e.setContext(context)
        e.jump(to: e.get(\.vsepc), .return)
    }

    /// MRET, to a level below.
    private func recordMachineReturn(_ e: inout Recorder) {
        let helper = Helper.machineReturn.identifier
        let machine = UInt64(RISCV.Privilege.machine.rawValue) << 11
        expectNoFloats(&e, helper)
        expectNoInterrupt(&e, helper)
        let status = e.get(\.mstatus)
        let level = e.masked(status, Status.mpp)
        e.expect(e.compare(.notEqual, .double, level, e.constant(machine)), else: helper)
        // The other levels are 0 and 1.
        let toGuest = features.contains(.h) ? e.isSet(status, Status.mpv) : nil
        let context = recordLevelBelow(e.isSet(level), toGuest, status, &e, helper)
        e.set(\.mstatus, returned(status, Status.mpp | Status.mpv | Status.mprv, Status.mpie, Status.mie, &e))
        e.setContext(context)
        e.jump(to: e.get(\.mepc), .return)
    }

    /// Returns to supervisor or user, and to a guest's where that is possible, whose context has to be known: gives that.
    private func recordLevelBelow(
        _ toSupervisor: Recorder.RecordedCondition, _ toGuest: Recorder.RecordedCondition?, _ status: Value,
        _ e: inout Recorder, _ helper: HelperIdentifier
    ) -> Value {
        var context = e.select(toSupervisor, e.context(.supervisor, false), e.context(.user, false))
        if let toGuest {
            let guest = e.select(toSupervisor, e.context(.supervisor, true), e.context(.user, true))
            context = e.select(toGuest, guest, context)
        }
        e.expect(e.isSet(context), else: helper)
        e.setPrivilege(isSupervisor: toSupervisor)
        if let toGuest {
            e.setByte(\.virtual, e.value(of: toGuest))
            let both = e.select(toGuest, e.binary(.and, .double, status, e.floatStatus(\.vsstatus)), status)
            e.setState(RISCV.offset(of: \.core.floatEnabled), .byte, e.value(of: e.isSet(both, Status.fs)))
        }
        return context
    }

    /// A status register after a return, without the bits of `gone`: the enable bit from its saved copy, which becomes 1.
    private func returned(
        _ status: Value, _ gone: UInt64, _ saved: UInt64, _ enable: UInt64, _ e: inout Recorder
    ) -> Value {
        let enabled = e.moved(status, from: saved, to: enable)
        let rest = e.masked(status, ~(gone | enable))
        return e.binary(.or, .double, e.binary(.or, .double, rest, enabled), e.constant(saved))
    }

    // MARK: What is taken for granted

    /// Floating point has left no trace that the status registers have to take note of, and is not the host's.
    private func expectNoFloats(_ e: inout Recorder, _ helper: HelperIdentifier?) {
        let both = e.state(RISCV.offset(of: \.core.floatDirty), .half)
        e.expect(e.compare(.equal, .double, both, e.constant(0)), else: helper)
    }

    private func expectNoInterrupt(_ e: inout Recorder, _ helper: HelperIdentifier?) {
        let enabled = e.binary(.and, .double, e.pending(), e.get(\.mie))
        e.expect(e.compare(.equal, .double, enabled, e.constant(0)), else: helper)
    }

    // MARK: Registers

    /// Accesses of a supervisor's registers whose writing has effects only in some cases.
    private func recordAccess(
        _ operation: RISCV.Operation, _ i: Operands, _ virtual: Bool, _ e: inout Recorder
    ) -> Bool {
        let number = UInt16(truncatingIfNeeded: i.immediate)
        guard exists(number) else { return false }
        let isImmediate = operation == .csrrwi || operation == .csrrsi || operation == .csrrci
        let change: CSRAccess
        switch operation {
        case .csrrw, .csrrwi: change = .write
        case .csrrs, .csrrsi: change = i.rs1 == 0 ? .read : .set
        default: change = i.rs1 == 0 ? .read : .clear
        }
        switch (number, virtual) {
        case (0x100, _): return recordStatus(i, isImmediate, change, virtual, &e)
        case (0x144, _):
            guard change == .clear || change == .read else { return false }
            let all = e.pending()
            var old: Value
            let mask: Value
            if virtual {
                old = e.masked(e.binary(.and, .double, all, e.get(\.hideleg)), Self.virtualInterrupts)
                old = e.binary(.shiftRightLogical, .double, old, e.constant(1))
                mask = e.masked(e.get(\.hideleg), 1 << RISCV.Interrupt.virtualSupervisorSoftware)
            } else {
                old = e.masked(e.binary(.and, .double, all, e.get(\.mideleg)), ~Self.hypervisorInterrupts)
                mask = e.masked(e.get(\.mideleg), Self.writablePending(features))
            }
            if change == .clear {
                // What is cleared is what the operand and the mask have in common, where the guest's bits are one lower.
                var cleared = isImmediate ? e.constant(UInt64(i.rs1)) : e.register(i.rs1)
                if virtual { cleared = e.binary(.shiftLeft, .double, cleared, e.constant(1)) }
                cleared = e.binary(.and, .double, cleared, mask)
                e.set(\.mip, e.binary(.andNot, .double, e.get(\.mip), cleared))
            }
            e.setRegister(i.rd, old)
            return true
        case (0x645, false):
            // What becomes pending is the guest's, as long as HS-mode has delegated it.
            let mip = e.get(\.mip)
            let old = e.masked(mip, Self.virtualInterrupts)
            if change != .read {
                let operand = isImmediate ? e.constant(UInt64(i.rs1)) : e.register(i.rs1)
                let new =
                    change == .write ? operand : e.binary(change == .set ? .or : .andNot, .double, old, operand)
                let changed = e.masked(new, Self.virtualInterrupts)
                if change != .clear {
                    let own = e.binary(.andNot, .double, e.get(\.mie), e.get(\.hideleg))
                    let wanted = e.binary(.and, .double, changed, own)
                    e.expect(e.compare(.equal, .double, wanted, e.constant(0)))
                }
                e.set(\.mip, e.binary(.or, .double, e.masked(mip, ~Self.virtualInterrupts), changed))
            }
            e.setRegister(i.rd, old)
            return true
        default: return false
        }
    }

    /// sstatus, or vsstatus: changing SUM, and what neither translation nor floating point depends on.
    private func recordStatus(
        _ i: Operands, _ isImmediate: Bool, _ change: CSRAccess, _ virtual: Bool, _ e: inout Recorder
    ) -> Bool {
        let register = virtual ? \RISCV.State.vsstatus : \.mstatus
        let governing = Status.sum | Status.mxr | Status.fs
        let operand = isImmediate ? e.constant(UInt64(i.rs1)) : e.register(i.rs1)
        let known = e.known(operand)
        // A kernel writes the same bits each time that it comes here: those that are in the register now.
        let likely = known ?? core.pointee.registers[Int(i.rs1)]
        let isSwitch = (change == .set || change == .clear) && likely & governing == Status.sum
        if change == .set || change == .clear {
            guard isSwitch || likely & governing == 0 else { return false }
            if known == nil {
                let expected = isSwitch ? likely : 0
                let looked = isSwitch ? operand : e.masked(operand, governing)
                e.expect(e.compare(.equal, .double, looked, e.constant(expected)))
            }
        }
        if i.rd != DecodedSlot.sink || change == .read || change == .write { expectNoFloats(&e, nil) }
        let status = e.get(register)
        if change == .write {
            let changed = e.masked(e.binary(.xor, .double, status, operand), governing)
            e.expect(e.compare(.equal, .double, changed, e.constant(0)))
        }
        if change == .write || (change == .set && (known ?? Status.sie) & Status.sie != 0) {
            // An interrupt may be let in.
            expectNoInterrupt(&e, nil)
        }
        if isSwitch { recordSwitch(change == .set, status, virtual, &e) }
        let bits = e.masked(operand, Self.supervisorStatusMask)
        switch change {
        case .read: break
        case .write: e.set(register, e.binary(.or, .double, e.masked(status, ~Self.supervisorStatusMask), bits))
        case .set: e.set(register, e.binary(.or, .double, status, bits))
        case .clear: e.set(register, e.binary(.andNot, .double, status, bits))
        }
        if i.rd != DecodedSlot.sink {
            var old = status
            if !virtual {
                old = e.masked(old, Self.supervisorStatusMask)
                old = e.binary(.or, .double, old, e.constant(Status.uxl64))
            }
            let dirty = e.compare(.equal, .double, e.masked(status, Status.fs), e.constant(Status.fs))
            let summary = e.binary(.shiftLeft, .double, e.value(of: dirty), e.constant(63))
            e.setRegister(i.rd, e.binary(.or, .double, old, summary))
        }
        return true
    }

    /// Changes SUM, and so the context, where the other one is known. The code goes on: where instructions are fetched does
    /// not depend on SUM.
    private func recordSwitch(_ sets: Bool, _ status: Value, _ virtual: Bool, _ e: inout Recorder) {
        let isOn = e.isSet(status, Status.sum)
        e.expect(sets ? e.not(isOn) : isOn)
        let place = Self.place(.supervisor, virtual: virtual)
        let present = e.context(place)
        let other = e.context(place + 1)
        e.expect(e.isSet(other))
        e.setContext(place, other)
        e.setContext(place + 1, present)
        e.setContext(other)
    }
}

// MARK: Fields of the state block

extension RISCV {
    fileprivate static func offset(of field: PartialKeyPath<State>) -> Int {
        // A stored property has an offset.
        MemoryLayout<State>.offset(of: field)!
    }
}

extension Recorder {
    fileprivate mutating func get(_ field: KeyPath<RISCV.State, UInt64>) -> RecordedValue {
        state(RISCV.offset(of: field), .double)
    }

    fileprivate mutating func set(_ field: KeyPath<RISCV.State, UInt64>, _ value: RecordedValue) {
        setState(RISCV.offset(of: field), .double, value)
    }

    fileprivate mutating func setByte(_ field: PartialKeyPath<RISCV.State>, _ value: RecordedValue) {
        setState(RISCV.offset(of: field), .byte, value)
    }

    fileprivate mutating func setPrivilege(_ privilege: RISCV.Privilege) {
        setByte(\.privilege, constant(Self.stored(privilege)))
    }

    /// Supervisor or user.
    fileprivate mutating func setPrivilege(isSupervisor: RecordedCondition) {
        let (user, supervisor) = (Self.stored(.user), Self.stored(.supervisor))
        if (user, supervisor) == (0, 1) {
            setByte(\.privilege, value(of: isSupervisor))
        } else {
            setByte(\.privilege, select(isSupervisor, constant(supervisor), constant(user)))
        }
    }

    /// A privilege as the state block holds it: its case's number and not its raw value.
    private static func stored(_ privilege: RISCV.Privilege) -> UInt64 {
        // SAFETY: an enumeration of three cases that carry nothing takes one byte.
        UInt64(unsafeBitCast(privilege, to: UInt8.self))
    }

    fileprivate mutating func context(_ place: Int) -> RecordedValue {
        state(RISCV.offset(of: \.contexts) + 8 * place, .double)
    }

    fileprivate mutating func setContext(_ place: Int, _ context: RecordedValue) {
        setState(RISCV.offset(of: \.contexts) + 8 * place, .double, context)
    }

    fileprivate mutating func context(_ privilege: RISCV.Privilege, _ virtual: Bool) -> RecordedValue {
        context(RISCV.Hart.place(privilege, virtual: virtual))
    }

    /// mip as it reads.
    fileprivate mutating func pending() -> RecordedValue { binary(.or, .double, get(\.mip), get(\.lines)) }

    /// A status register with every bit but those of FS set.
    fileprivate mutating func floatStatus(_ register: KeyPath<RISCV.State, UInt64>) -> RecordedValue {
        binary(.or, .double, get(register), constant(~RISCV.State.Status.fs))
    }
}
