import ISA

/// What post-mortems and the monitor say of a hart.
extension RISCV.Hart: InspectableProcessor {
    public static let noun = "hart"
    public var programCounter: UInt64 { state.pointee.core.programCounter }
    public var privilege: PrivilegeLevel { PrivilegeLevel(mode) }
    public var idleness: String? { isWaiting ? "waits (wfi)" : nil }

    public var figures: ProcessorFigures {
        ProcessorFigures(
            exceptions: exceptionCount, interrupts: statistics.interrupts, tlbMisses: statistics.tlbMisses,
            deviceAccesses: statistics.deviceAccesses, fetchMisses: statistics.fetchMisses)
    }

    // MARK: What it waits for

    public func activity(since: UInt64?) -> [String] {
        var clauses: [String] = []
        if state.pointee.waiting {
            let awaited = RISCV.Interrupt.names(state.pointee.mie)
            let since = since.map { " since \(seconds($0))" } ?? ""
            if awaited.isEmpty {
                clauses.append("waits (wfi)\(since), and no interrupt is enabled: mie is 0")
            } else {
                clauses.append("waits (wfi)\(since) for the " + enumeration(awaited))
            }
            clauses += unsetTimers
        } else {
            clauses.append("runs")
        }
        let pending = pendingInterrupts
        for number in RISCV.Interrupt.all where pending & 1 << number != 0 {
            if let reason = obstacle(to: number) {
                clauses.append("its \(RISCV.Cause.describe(1 << 63 | number)) is pending, but \(reason)")
            }
        }
        return clauses
    }

    /// Enabled timers that will never ring, as nobody set them.
    private var unsetTimers: [String] {
        let never = UInt64.max
        let usesComparators = state.pointee.menvcfg & 1 << 63 != 0
        func isEnabled(_ number: UInt64) -> Bool { state.pointee.mie & 1 << number != 0 }
        var clauses: [String] = []
        if isEnabled(RISCV.Interrupt.supervisorTimer), usesComparators, state.pointee.stimecmp == never {
            clauses.append("stimecmp is not set")
        }
        if isEnabled(RISCV.Interrupt.virtualSupervisorTimer), state.pointee.henvcfg & 1 << 63 != 0, usesComparators,
            state.pointee.vstimecmp == never
        {
            clauses.append("vstimecmp is not set")
        }
        return clauses
    }

    /// Why a pending interrupt is not taken (volume II, "Machine Interrupt Registers", and "Hypervisor Interrupt
    /// Registers"); nil where it is about to be.
    private func obstacle(to number: UInt64) -> String? {
        let bit: UInt64 = 1 << number
        let (privilege, virtual) = (state.pointee.privilege, state.pointee.virtual)
        if state.pointee.mie & bit == 0 { return "\(enableRegister(number)) does not enable it" }
        let sie: UInt64 = 1 << 1
        let mie: UInt64 = 1 << 3
        if state.pointee.mideleg & bit == 0 {
            return privilege == .machine && state.pointee.mstatus & mie == 0 ? "mstatus.MIE is 0" : nil
        }
        if privilege == .machine { return "mideleg delegates it, and the hart is in M-mode" }
        if state.pointee.hideleg & bit == 0 {
            if privilege == .supervisor && !virtual && state.pointee.mstatus & sie == 0 { return "sstatus.SIE is 0" }
            return nil
        }
        guard virtual else { return "hideleg delegates it to the guest, which does not run" }
        return privilege == .supervisor && state.pointee.vsstatus & sie == 0 ? "vsstatus.SIE is 0" : nil
    }

    /// The register in which whoever takes the interrupt enables it.
    private func enableRegister(_ number: UInt64) -> String {
        let bit: UInt64 = 1 << number
        if state.pointee.hideleg & bit != 0 { return "vsie" }
        if state.pointee.mideleg & bit == 0 { return "mie" }
        let isGuests = [
            RISCV.Interrupt.virtualSupervisorSoftware, RISCV.Interrupt.virtualSupervisorTimer,
            RISCV.Interrupt.virtualSupervisorExternal, RISCV.Interrupt.supervisorGuestExternal,
        ].contains(number)
        return isGuests ? "hie" : "sie"
    }

    // MARK: What happened last

    public var recentExceptions: [ExceptionRecord] { recentTraps.map(record) }

    public func observeExceptions(_ observer: ((ExceptionRecord) -> Void)?) {
        trapObserver = observer.map { observer in { [unowned self] in observer(record($0)) } }
    }

    public static let registerLabel = "csr"

    public func observeRegisters(_ observer: ((String, UInt64) -> Void)?) {
        registerObserver = observer.map { observer in { observer(RISCV.registerName($0), $1) } }
    }

    func record(_ trap: TrapRecord) -> ExceptionRecord {
        func level(_ privilege: RISCV.Privilege, _ virtual: Bool) -> PrivilegeLevel {
            PrivilegeLevel(RISCV.Mode(privilege, virtual: virtual, features: features))
        }
        return ExceptionRecord(
            time: trap.time, kind: trap.cause >> 63 == 1 ? .interrupt : trap.isCall ? .call : .fault,
            name: RISCV.Cause.describe(trap.cause), cause: trap.cause, value: trap.value,
            programCounter: trap.programCounter, from: level(trap.fromPrivilege, trap.fromVirtual),
            to: level(trap.toPrivilege, trap.toVirtual), detail: Self.detail(trap),
            guestPhysical: Self.isGuestPageFault(trap.cause) ? trap.guestPhysical : nil, repeats: trap.repeats,
            isInHandler: isInHandler(trap))
    }

    private static func isGuestPageFault(_ cause: UInt64) -> Bool {
        [RISCV.Cause.instructionGuestPage, RISCV.Cause.loadGuestPage, RISCV.Cause.storeGuestPage].contains(cause)
    }

    private static func detail(_ trap: TrapRecord) -> String {
        guard trap.cause >> 63 == 0, !trap.isCall else { return "" }
        switch trap.cause {
        case RISCV.Cause.illegalInstruction, RISCV.Cause.virtualInstruction:
            let instruction = RISCV.disassemble(UInt32(truncatingIfNeeded: trap.value), at: trap.programCounter)
            var text = ": \(instruction.mnemonic) \(instruction.operands)"
            while text.last == " " { text.removeLast() }
            return text + " (\(hexadecimal(trap.value)))"
        case _ where isGuestPageFault(trap.cause):
            return ", address \(hexadecimal(trap.value)), guest-physical \(hexadecimal(trap.guestPhysical))"
        default: return ", address \(hexadecimal(trap.value))"
        }
    }
}

extension PrivilegeLevel {
    init(_ mode: RISCV.Mode) {
        self.init(mode.rawValue, isGuests: mode.isVirtual)
    }
}
