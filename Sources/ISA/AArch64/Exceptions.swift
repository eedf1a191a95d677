import ISA

/// Exceptions and returns (D1.8 to D1.13): who takes an exception, what it leaves in the registers, interrupts and their
/// masks, and waiting.
extension AArch64 {
    /// What an exception is, by its place in the vector table.
    public enum ExceptionKind: UInt8, Sendable {
        case synchronous, irq, fiq, systemError

        var offset: UInt64 { UInt64(rawValue) << 7 }
    }

    /// ESR_ELx.EC (D19.2.37).
    public enum ExceptionClass {
        public static let unknown: UInt64 = 0x00
        public static let waitTrapped: UInt64 = 0x01
        public static let floatingPointTrapped: UInt64 = 0x07
        public static let pointerAuthenticationTrapped: UInt64 = 0x09
        public static let branchTarget: UInt64 = 0x0d
        public static let illegalExecutionState: UInt64 = 0x0e
        public static let supervisorCall: UInt64 = 0x15
        public static let hypervisorCall: UInt64 = 0x16
        public static let secureMonitorCall: UInt64 = 0x17
        public static let systemRegisterTrapped: UInt64 = 0x18
        public static let exceptionReturnTrapped: UInt64 = 0x1a
        public static let instructionAbortLower: UInt64 = 0x20
        public static let instructionAbort: UInt64 = 0x21
        public static let misalignedProgramCounter: UInt64 = 0x22
        public static let dataAbortLower: UInt64 = 0x24
        public static let dataAbort: UInt64 = 0x25
        public static let misalignedStackPointer: UInt64 = 0x26
        public static let floatingPointException: UInt64 = 0x2c
        public static let systemError: UInt64 = 0x2f
        public static let breakpointLower: UInt64 = 0x30
        public static let softwareStepLower: UInt64 = 0x32
        public static let watchpointLower: UInt64 = 0x34
        public static let breakpointInstruction: UInt64 = 0x3c
    }

    /// How a fault record says where the exception goes, above the syndrome's 25 bits.
    enum FaultDetail {
        static let syndrome: UInt64 = 0x1ff_ffff
        /// The exception goes to this level at least: 1 to 3.
        static let levelShift: UInt64 = 32
        /// The fault record's value is for FAR_ELx, and its guest-physical address for HPFAR_EL2.
        static let hasAddress: UInt64 = 1 << 40
        static let hasGuestPhysical: UInt64 = 1 << 41
        /// The exception returns behind the instruction.
        static let returnsBehind: UInt64 = 1 << 42
        /// A data abort whose syndrome may say which register was accessed.
        static let describesAccess: UInt64 = 1 << 43
        /// VNCR, in the syndrome of a data abort or watchpoint: the access was that of a register in memory.
        static let nestedAccess: UInt64 = 1 << 13
        /// From where on the syndrome describes it.
        static let descriptionShift: UInt64 = 14
    }

    /// Bits of HCR_EL2 (D19.2.48).
    public enum HypervisorConfiguration {
        public static let vm: UInt64 = 1 << 0
        public static let ptw: UInt64 = 1 << 2
        public static let fmo: UInt64 = 1 << 3
        public static let imo: UInt64 = 1 << 4
        public static let amo: UInt64 = 1 << 5
        public static let vf: UInt64 = 1 << 6
        public static let vi: UInt64 = 1 << 7
        public static let vse: UInt64 = 1 << 8
        public static let fb: UInt64 = 1 << 9
        public static let dc: UInt64 = 1 << 12
        public static let twi: UInt64 = 1 << 13
        public static let twe: UInt64 = 1 << 14
        public static let tsc: UInt64 = 1 << 19
        public static let tge: UInt64 = 1 << 27
        public static let tdz: UInt64 = 1 << 28
        public static let hcd: UInt64 = 1 << 29
        public static let e2h: UInt64 = 1 << 34
        public static let tea: UInt64 = 1 << 37
        public static let nv: UInt64 = 1 << 42
        public static let nv1: UInt64 = 1 << 43
        public static let nv2: UInt64 = 1 << 45
    }

    /// Bits of SCTLR_ELx (D19.2.119).
    public enum SystemControl {
        public static let mmu: UInt64 = 1 << 0
        public static let alignment: UInt64 = 1 << 1
        public static let sa: UInt64 = 1 << 3
        public static let sa0: UInt64 = 1 << 4
        /// nAA
        public static let nonAligned: UInt64 = 1 << 6
        public static let uma: UInt64 = 1 << 9
        /// DZE.
        public static let zeroing: UInt64 = 1 << 14
        public static let ntwi: UInt64 = 1 << 16
        public static let ntwe: UInt64 = 1 << 18
        public static let span: UInt64 = 1 << 23
        public static let dssbs: UInt64 = 1 << 44
    }
}

extension AArch64.ProcessingElement {
    private typealias PSTATE = AArch64.PSTATE
    private typealias Class = AArch64.ExceptionClass
    private typealias Detail = AArch64.FaultDetail
    private typealias Hypervisor = AArch64.HypervisorConfiguration
    private typealias Control = AArch64.SystemControl

    // MARK: Faults that instructions raise

    /// Records a synchronous exception.
    /// - Parameter level: the lowest that it may go to; 0 for the one that takes exceptions of the current level.
    func fault(_ exceptionClass: UInt64, _ syndrome: UInt64 = 0, level: Int = 0, _ detail: UInt64 = 0) -> Fault {
        core.pointee.fault = FaultRecord(
            cause: exceptionClass, detail: syndrome & Detail.syndrome | UInt64(level) << Detail.levelShift | detail)
        return Fault()
    }

    func undefinedInstruction() -> Fault { fault(Class.unknown) }

    /// An instruction that `toLevel` wants to know of.
    func trap(toLevel: Int, exceptionClass: UInt8, syndrome: UInt64) -> Fault {
        fault(UInt64(exceptionClass), syndrome, level: toLevel)
    }

    func illegalExecutionState() -> Fault { fault(Class.illegalExecutionState) }

    func misalignedProgramCounter(_ address: UInt64) -> Fault {
        let fault = fault(Class.misalignedProgramCounter, 0, Detail.hasAddress)
        core.pointee.fault.value = address
        return fault
    }

    func supervisorCall(_ comment: UInt64) -> Fault {
        fault(Class.supervisorCall, comment & 0xffff, Detail.returnsBehind)
    }

    /// HVC: a call of the firmware where that is how it is called, else of EL2.
    func hypervisorCall(_ comment: UInt64) throws(Fault) {
        if level == 0 { throw undefinedInstruction() }
        if !hasEL2 {
            guard environment.callFirmware(self, byHypervisorCall: true) else { throw undefinedInstruction() }
            return
        }
        if hasEL3 { return try callHypervisorUnderMonitor(comment) }
        if hypervisorConfiguration & Hypervisor.hcd != 0 { throw undefinedInstruction() }
        throw fault(Class.hypervisorCall, comment & 0xffff, level: 2, Detail.returnsBehind)
    }

    /// SMC: a call of EL3 or of the firmware, where EL2 does not want to know.
    func secureMonitorCall(_ comment: UInt64) throws(Fault) {
        if level == 0 { throw undefinedInstruction() }
        if level == 1, hypervisorConfiguration & Hypervisor.tsc != 0 {
            throw fault(Class.secureMonitorCall, comment & 0xffff, level: 2)
        }
        if hasEL3 { return try callSecureMonitor(comment) }
        guard environment.callFirmware(self, byHypervisorCall: false) else { throw undefinedInstruction() }
    }

    /// BRK, which EL2 may want to know (D2.8).
    func breakpointInstruction(_ comment: UInt64) -> Fault {
        fault(Class.breakpointInstruction, comment & 0xffff, level: level < 2 && routesDebugExceptions ? 2 : 0)
    }

    /// An instruction of floating point or vectors, while CPACR_EL1, CPTR_EL2 or CPTR_EL3 traps them (D1.15).
    func floatingPointDisabled() -> Fault {
        let target = floatingPointTrapLevel(from: level) ?? 1
        // What CPACR_EL1 traps has no syndrome where HCR_EL2.TGE takes it to EL2 (AArch64.AdvSIMDFPAccessTrap).
        if level == 0, trapsFloatingPointAtEL1(from: level), target == 2 { return undefinedInstruction() }
        // COND is that of no condition.
        return fault(Class.floatingPointTrapped, 1 << 24 | 0xe << 20, level: target)
    }

    /// The level that an access to floating point at `level` traps to; nil where it does not.
    func floatingPointTrapLevel(from level: Int) -> Int? {
        let s = state
        let isHostFormat = hypervisorConfiguration & Hypervisor.e2h != 0
        if trapsFloatingPointAtEL1(from: level) { return hypervisorConfiguration & Hypervisor.tge != 0 ? 2 : 1 }
        guard isEL2Enabled, level < 3 else { return trapsFloatingPointAtMonitor ? 3 : nil }
        if isHostFormat {
            let enable = s.pointee.cptr >> 20 & 3
            // EL1 and its EL0 are those that 0b01 lets through.
            if Self.traps(enable, atEL0: level == 0 && isHost) { return 2 }
        } else if s.pointee.cptr >> 10 & 1 != 0 {
            return 2
        }
        return trapsFloatingPointAtMonitor ? 3 : nil
    }

    /// Whether CPACR_EL1 traps floating point at `level`.
    private func trapsFloatingPointAtEL1(from level: Int) -> Bool {
        level < 2 && !isHost && Self.traps(state.pointee.cpacr >> 20 & 3, atEL0: level == 0)
    }

    /// What FPEN says: 0b01 traps EL0's alone.
    private static func traps(_ enable: UInt64, atEL0: Bool) -> Bool {
        enable == 0 || enable == 2 || (enable == 1 && atEL0)
    }

    // MARK: Taking an exception

    /// Takes the exception in the fault record; the state's program counter is the instruction's.
    func takeSynchronousException() {
        let record = core.pointee.fault
        let wanted = Int(record.detail >> Detail.levelShift & 3)
        // EL0's exceptions are EL2's where that is its host (HCR_EL2.TGE).
        let ordinary = level == 0 ? (hypervisorConfiguration & Hypervisor.tge != 0 ? 2 : 1) : level
        let target = max(wanted, ordinary)
        var exceptionClass = record.cause
        // Each abort and debug exception has a number for those from below, and the next for the level's own.
        switch exceptionClass {
        case Class.instructionAbortLower, Class.dataAbortLower, Class.breakpointLower, Class.softwareStepLower,
            Class.watchpointLower:
            if target == level { exceptionClass += 1 }
        default: break
        }
        var syndrome = record.detail & Detail.syndrome
        // What the stage-2 abort of a plain access has to say of it.
        if record.detail & Detail.describesAccess != 0, target == 2 { syndrome |= accessSyndrome() }
        let address = core.pointee.programCounter
        let isDone = record.detail & Detail.returnsBehind != 0
        let returnAddress = isDone ? address &+ 4 : address
        // SSAdvance: a call has been stepped, where any other exception comes before its instruction.
        if isDone { state.pointee.pstate &= ~PSTATE.softwareStep }
        if record.detail & Detail.hasAddress != 0 { state.pointee.far[target] = record.value }
        if record.detail & Detail.hasGuestPhysical != 0 {
            state.pointee.hpfar = (record.guestPhysical >> 12) << 4
        }
        take(
            .synchronous, syndrome: (exceptionClass << 26) | (1 << 25) | syndrome, toLevel: target,
            returnAddress: returnAddress)
    }

    /// Goes to the vector of `kind` at `target`.
    private func take(
        _ kind: AArch64.ExceptionKind, syndrome: UInt64, toLevel target: Int, returnAddress: UInt64
    ) {
        let s = state
        let from = level
        if s.pointee.monitorsAreActive { countAtLevelChange(MonitoredEvent.exceptionTaken) }
        let old = s.pointee.pstate
        let saved = target == 1 && savesNestedLevel ? old & ~PSTATE.level | 2 << 2 : old
        s.pointee.spsr[target] = saved | conditionFlags
        s.pointee.elr[target] = returnAddress
        if kind == .synchronous || kind == .systemError { s.pointee.esr[target] = syndrome }
        var vector = kind.offset
        if from != target {
            vector += 0x400
        } else if old & PSTATE.spSelect != 0 {
            vector += 0x200
        }
        saveStackPointer()
        s.pointee.core.registers[Int(AArch64.stackPointer)] = s.pointee.sp[target]
        var new = old & ~PSTATE.mode | UInt64(target) << 2 | PSTATE.spSelect | PSTATE.daif
        new &= ~(PSTATE.illegal | PSTATE.softwareStep | PSTATE.branchType | PSTATE.uao | PSTATE.ssbs)
        let control = s.pointee.sctlr[target]
        if control & Control.dssbs != 0, features.contains(.ssbs) { new |= PSTATE.ssbs }
        // SPAN clear: privileged accesses to what EL0 may access are off from here on.
        let setsPAN = target == 1 || target == 2 && isHost
        if features.contains(.pan), setsPAN, control & Control.span == 0 { new |= PSTATE.pan }
        s.pointee.pstate = new
        s.pointee.core.programCounter = s.pointee.vbar[target] &+ vector
        s.pointee.waiting = false
        levelChanged()
        record(
            kind, syndrome: kind == .irq || kind == .fiq ? 0 : syndrome, returnAddress: returnAddress, from: from,
            to: target)
    }

    // MARK: Interrupts

    /// A wire of the interrupt controller changed.
    public func setLine(_ interrupt: UInt64, _ isHigh: Bool) {
        if isHigh { state.pointee.lines |= interrupt } else { state.pointee.lines &= ~interrupt }
        interruptsChanged()
    }

    /// Lets the run loop look at the interrupts before the next instruction, where that may matter.
    func interruptsChanged() {
        if isObserved { pendingObserver?(observedInterrupts) }
        guard hasInterrupt else { return }
        state.pointee.waiting = false
        stopSoon()
    }

    /// Whether any is pending for the level or one above it, masked or not: WFI ends then (D1.16.2).
    @inline(__always)
    var hasInterrupt: Bool {
        let lines = state.pointee.lines
        if lines & AArch64.Interrupt.physical != 0 { return true }
        let configured = state.pointee.hcr & (Hypervisor.vi | Hypervisor.vf | Hypervisor.vse)
        guard lines | configured != 0 else { return false }
        return level < 2 && (lines != 0 && !isSecureBelowEL3 || virtualInterrupts != 0)
    }

    /// As ``AArch64/ProcessingElement/pendingObserver`` is told of them.
    private var observedInterrupts: UInt64 {
        var lines = state.pointee.lines
        if state.pointee.hcr & Hypervisor.vi != 0 { lines |= AArch64.Interrupt.virtualIRQ }
        if state.pointee.hcr & Hypervisor.vf != 0 { lines |= AArch64.Interrupt.virtualFIQ }
        return lines
    }

    /// What HCR_EL2 says is pending.
    private var virtualInterrupts: UInt64 {
        hypervisorConfiguration & (Hypervisor.vi | Hypervisor.vf | Hypervisor.vse)
    }

    /// Takes the most urgent interrupt that is not masked, if any.
    func takePendingInterrupt() {
        let s = state
        let lines = interruptLines
        guard lines != 0 || virtualInterrupts != 0 else { return }
        let configuration = hypervisorConfiguration
        let level = level
        let isGuests = configuration & Hypervisor.tge != 0
        let masks = s.pointee.pstate
        func takePhysical(_ kind: AArch64.ExceptionKind, _ line: UInt64, mask: UInt64) -> Bool {
            guard lines & line != 0 else { return false }
            let target = interruptTarget(isFIQ: kind == .fiq)
            if target < level || isInterruptMaskable(target: target) && masks & mask != 0 { return false }
            take(kind, syndrome: 0, toLevel: target, returnAddress: core.pointee.programCounter)
            return true
        }
        func takeVirtual(
            _ kind: AArch64.ExceptionKind, _ pending: Bool, route: UInt64, mask: UInt64, syndrome: UInt64 = 0
        ) -> Bool {
            guard pending, level < 2, configuration & route != 0, !isGuests, masks & mask == 0 else { return false }
            take(kind, syndrome: syndrome, toLevel: 1, returnAddress: core.pointee.programCounter)
            return true
        }
        if takePhysical(.fiq, AArch64.Interrupt.fiq, mask: PSTATE.fiqMask) { return }
        if takePhysical(.irq, AArch64.Interrupt.irq, mask: PSTATE.irqMask) { return }
        let virtualFIQ = configuration & Hypervisor.vf != 0 || lines & AArch64.Interrupt.virtualFIQ != 0
        if takeVirtual(.fiq, virtualFIQ, route: Hypervisor.fmo, mask: PSTATE.fiqMask) { return }
        let virtualIRQ = configuration & Hypervisor.vi != 0 || lines & AArch64.Interrupt.virtualIRQ != 0
        if takeVirtual(.irq, virtualIRQ, route: Hypervisor.imo, mask: PSTATE.irqMask) { return }
        let virtualError = configuration & Hypervisor.vse != 0
        let errorSyndrome = Class.systemError << 26 | 1 << 25 | s.pointee.vsesr & 0x1ff_ffff
        if takeVirtual(
            .systemError, virtualError, route: Hypervisor.amo, mask: PSTATE.errorMask, syndrome: errorSyndrome)
        {
            s.pointee.hcr &= ~Hypervisor.vse
        }
    }

    /// ESB: a virtual SError that is masked is noted in VDISR_EL2 (D1.13, and the RAS extension).
    func errorSynchronization() {
        let configuration = hypervisorConfiguration
        guard level < 2, configuration & Hypervisor.amo != 0, configuration & Hypervisor.tge == 0,
            configuration & Hypervisor.vse != 0, state.pointee.pstate & PSTATE.errorMask != 0
        else { return }
        state.pointee.vdisr = 1 << 31 | state.pointee.vsesr & 0x1ff_ffff
        state.pointee.hcr &= ~Hypervisor.vse
    }

    // MARK: Returns

    /// - Parameter key: the one that authenticates ELR_ELx, with the stack pointer.
    func exceptionReturn(authenticating key: AArch64.PointerKey? = nil) throws(Fault) {
        let s = state
        let from = level
        if from == 0 { throw undefinedInstruction() }
        try checkNestedReturn(authenticating: key)
        var target = s.pointee.elr[from]
        if let key {
            target = try authenticatePointer(target, core.pointee.registers[Int(AArch64.stackPointer)], key)
        }
        if s.pointee.monitorsAreActive { countAtLevelChange(MonitoredEvent.exceptionReturn) }
        let saved = s.pointee.spsr[from]
        core.pointee.reservation = 0
        s.pointee.event = true
        core.pointee.programCounter = target
        conditionFlags = saved
        let known = PSTATE.daif | PSTATE.illegal | PSTATE.branchType | optionalBits
        if isLegalReturn(saved, from: from) {
            let step = stepBitAfterReturn(saved, to: Int(saved >> 2 & 3))
            setMode(saved)
            s.pointee.pstate = s.pointee.pstate & PSTATE.mode | saved & known | step
        } else {
            // The level stays, and the next instruction says so (D1.8.3).
            let step = stepBitAfterReturn(saved, to: from)
            let kept = s.pointee.pstate & ~(PSTATE.daif | PSTATE.softwareStep)
            s.pointee.pstate = kept | saved & PSTATE.daif | step | PSTATE.illegal
        }
        levelChanged()
        guard isObserved else { return }
        if from == 2, level < 2, hasGuest { guestEntryObserver?() }
        returnObserver?(from)
    }

    private func isLegalReturn(_ saved: UInt64, from: Int) -> Bool {
        let target = Int(saved >> 2 & 3)
        if saved & PSTATE.aarch32 != 0 || saved & 2 != 0 { return false }
        if target > from || target == 0 && saved & PSTATE.spSelect != 0 { return false }
        if target == 2, !isEL2Enabled { return false }
        return !(target == 1 && hypervisorConfiguration & Hypervisor.tge != 0)
    }

    // MARK: Waiting

    func waitForInterrupt() throws(Fault) {
        try checkWait(notTrapped: Control.ntwi, trapped: Hypervisor.twi, kind: 0)
        if isObserved { waitObserver?() }
        state.pointee.waitsForEvent = false
        state.pointee.waiting = !hasInterrupt
    }

    func waitForEvent() throws(Fault) {
        if state.pointee.event {
            state.pointee.event = false
            return
        }
        try checkWaitForEvent()
        // The other PEs have their turn; the event may be to come from them.
        state.pointee.waitsForEvent = true
        endTurn()
    }

    func checkWaitForEvent() throws(Fault) {
        try checkWait(notTrapped: Control.ntwe, trapped: Hypervisor.twe, kind: 1)
    }

    /// EL1, or EL2 as EL0's host, may want to know that EL0 waits, and EL2 that a guest does.
    private func checkWait(notTrapped: UInt64, trapped: UInt64, kind: UInt64) throws(Fault) {
        let syndrome = 1 << 24 | 0xe << 20 | kind
        let level = level
        if level == 0, state.pointee.sctlr[isHost ? 2 : 1] & notTrapped == 0 {
            throw fault(Class.waitTrapped, syndrome)
        }
        if level < 2, hypervisorConfiguration & trapped != 0, !isHost {
            throw fault(Class.waitTrapped, syndrome, level: 2)
        }
        try checkMonitorWait(isForEvent: kind != 0, syndrome)
    }

    // MARK: PSTATE

    /// MSR (immediate) (C6.2).
    func setField(_ helper: AArch64.Helper, _ value: UInt64) throws(Fault) {
        let s = state
        func set(_ bit: UInt64) {
            s.pointee.pstate = s.pointee.pstate & ~bit | (value & 1 != 0 ? bit : 0)
        }
        switch helper {
        case .setDAIF, .clearDAIF:
            if level == 0, s.pointee.sctlr[isHost ? 2 : 1] & Control.uma == 0 {
                throw fault(Class.systemRegisterTrapped, daifSyndrome(helper, value))
            }
            let bits = value << 6 & PSTATE.daif
            if helper == .setDAIF { s.pointee.pstate |= bits } else { s.pointee.pstate &= ~bits }
        case .setSSBS: return set(PSTATE.ssbs)
        case .setDIT: return set(PSTATE.dit)
        default:
            if level == 0 { throw undefinedInstruction() }
            switch helper {
            case .setUAO: set(PSTATE.uao)
            case .setPAN: set(PSTATE.pan)
            default:
                setMode(s.pointee.pstate & ~PSTATE.spSelect | value & 1)
                return
            }
            levelChanged()
        }
    }

    /// MSR DAIFSet and DAIFClr are op0 0, op1 3 and CRn 4 of the space of system registers.
    private func daifSyndrome(_ helper: AArch64.Helper, _ value: UInt64) -> UInt64 {
        let op2: UInt64 = helper == .setDAIF ? 6 : 7
        return op2 << 17 | 3 << 14 | 4 << 10 | 31 << 5 | (value & 15) << 1
    }
}
