import ISA

/// EL3 and Secure state (D1.2, "Exception levels"; SCR_EL3): which state the PE is in, what EL3 wants to know of, and where
/// an address leads in either state.
///
/// A PE without EL3 is in Non-secure state for good. The two states have physical address spaces of their own: of Secure
/// state's the addresses have a bit above those of a PA, here and on the bus. What a board maps there is Secure state's
/// alone; where it maps nothing, Secure state sees what the other one does.
extension AArch64 {
    /// Bits of SCR_EL3 (D19.2, "SCR_EL3").
    enum SecureConfiguration {
        static let ns: UInt64 = 1 << 0
        static let irq: UInt64 = 1 << 1
        static let fiq: UInt64 = 1 << 2
        static let ea: UInt64 = 1 << 3
        static let smd: UInt64 = 1 << 7
        static let hce: UInt64 = 1 << 8
        static let sif: UInt64 = 1 << 9
        static let rw: UInt64 = 1 << 10
        static let st: UInt64 = 1 << 11
        static let twi: UInt64 = 1 << 12
        static let twe: UInt64 = 1 << 13
        static let tlor: UInt64 = 1 << 14
        static let terr: UInt64 = 1 << 15
        static let apk: UInt64 = 1 << 16
        static let api: UInt64 = 1 << 17
        static let enSCXT: UInt64 = 1 << 25
    }

    /// Set in physical addresses of Secure state.
    public static let securePhysical: UInt64 = 1 << 56

    /// Which bits of EL3's control registers trap an access.
    struct MonitorGuards {
        /// Of SCR_EL3: bits that trap while set, and bits that trap while clear.
        let whileSet: UInt64
        let whileClear: UInt64
        /// Of MDCR_EL3.
        let debug: UInt64
        /// CPTR_EL3.TCPAC.
        let coprocessorAccess: Bool

        init(_ traps: SystemRegister.Traps) {
            whileSet =
                (traps.contains(.tlor) ? SecureConfiguration.tlor : 0)
                | (traps.contains(.terr) ? SecureConfiguration.terr : 0)
            whileClear =
                (traps.contains(.apk) ? SecureConfiguration.apk : 0)
                | (traps.isDisjoint(with: [.enSCXT, .enSCXTEL3]) ? 0 : SecureConfiguration.enSCXT)
            debug =
                (traps.isDisjoint(with: [.tda, .tdra, .tdaEL3]) ? 0 : 1 << 9) | (traps.contains(.tdosa) ? 1 << 10 : 0)
                | (traps.contains(.tpm) ? 1 << 6 : 0)
            coprocessorAccess = !traps.isDisjoint(with: [.tcpac, .tcpacEL3])
        }

        var isEmpty: Bool { whileSet | whileClear | debug == 0 && !coprocessorAccess }
    }
}

extension AArch64.ProcessingElement {
    private typealias Secure = AArch64.SecureConfiguration
    private typealias Class = AArch64.ExceptionClass

    // MARK: States

    /// EL0 to EL2 are in Secure state (SCR_EL3.NS is 0), which has no EL2.
    @inline(__always)
    var isSecureBelowEL3: Bool { hasEL3 && state.pointee.scr & Secure.ns == 0 }

    /// The current level is in Secure state, which EL3 always is.
    public var isSecure: Bool { hasEL3 && (level == 3 || state.pointee.scr & Secure.ns == 0) }

    /// EL2Enabled of the shared pseudocode.
    @inline(__always)
    var isEL2Enabled: Bool { hasEL2 && !isSecureBelowEL3 }

    /// Begins below EL3 in Non-secure state, as firmware hands over to what it starts: nothing is trapped, and calls of HVC
    /// are EL2's. - Precondition: the PE is as a reset has left it.
    public func leaveSecureState() {
        guard hasEL3 else { return }
        let s = state
        let all = Secure.ns | Secure.hce | Secure.apk | Secure.api | Secure.enSCXT
        let entry = registers.entries + Int(registers.places[Int(AArch64.SystemRegister.key(3, 6, 1, 1, 0))])
        s.pointee.scr = all & entry.pointee.writable | entry.pointee.fixed
        setMode(UInt64(hasEL2 ? 2 : 1) << 2 | AArch64.PSTATE.spSelect)
        contextChanged()
    }

    // MARK: Calls

    /// SMC, on a PE that has EL3 (AArch64.CheckForSMCUndefOrTrap has asked whether EL2 wants to know).
    func callSecureMonitor(_ comment: UInt64) throws(Fault) {
        // The board's own firmware stands in EL3's place, where nothing else begins there.
        if environment.callFirmware(self, byHypervisorCall: false) { return }
        if state.pointee.scr & Secure.smd != 0 { throw undefinedInstruction() }
        throw fault(Class.secureMonitorCall, comment & 0xffff, level: 3, AArch64.FaultDetail.returnsBehind)
    }

    /// HVC, on a PE that has both EL3 and EL2.
    func callHypervisorUnderMonitor(_ comment: UInt64) throws(Fault) {
        if state.pointee.scr & Secure.hce == 0 || level == 1 && isSecureBelowEL3 { throw undefinedInstruction() }
        throw fault(
            Class.hypervisorCall, comment & 0xffff, level: max(level, 2), AArch64.FaultDetail.returnsBehind)
    }

    // MARK: Routes and traps

    /// The level that a physical interrupt goes to: by SCR_EL3.FIQ or IRQ, and HCR_EL2.FMO or IMO.
    @inline(__always)
    public func interruptTarget(isFIQ: Bool) -> Int {
        if hasEL3, state.pointee.scr & (isFIQ ? Secure.fiq : Secure.irq) != 0 { return 3 }
        typealias Hypervisor = AArch64.HypervisorConfiguration
        let routes = Hypervisor.tge | (isFIQ ? Hypervisor.fmo : Hypervisor.imo)
        return hypervisorConfiguration & routes != 0 ? 2 : 1
    }

    /// What goes to EL2 from below is not masked there, but where EL0 is its application; nor what goes to EL3.
    @inline(__always)
    public func isInterruptMaskable(target: Int) -> Bool {
        target == level || target == 1 || target == 2 && isHost
    }

    /// The wires, with those of Group 1 as IRQ or FIQ, whichever they are in the current state (IHI 0069, "Interrupt
    /// assignment to IRQ and FIQ signals").
    @inline(__always)
    public var interruptLines: UInt64 { hasEL3 ? linesInState : state.pointee.lines }

    private var linesInState: UInt64 {
        typealias Interrupt = AArch64.Interrupt
        let lines = state.pointee.lines
        let group1 = Interrupt.secureGroup1 | Interrupt.nonSecureGroup1
        let own = isSecure ? Interrupt.secureGroup1 : Interrupt.nonSecureGroup1
        // At EL3, either state's is an FIQ.
        let irqs = level == 3 ? 0 : lines & own
        let fiqs = lines & group1 & ~irqs
        return lines & ~group1 | (irqs != 0 ? Interrupt.irq : 0) | (fiqs != 0 ? Interrupt.fiq : 0)
    }

    /// SCR_EL3.EA: external aborts are EL3's.
    var routesExternalAbortsToMonitor: Bool { hasEL3 && state.pointee.scr & Secure.ea != 0 }

    /// What of an access EL3 wants to know, which comes after EL2.
    func checkMonitorGuards(_ guards: AArch64.AccessGuards, _ access: AArch64.SystemAccess) throws(Fault) {
        let level = level
        guard level < 3, level > 0 || guards.fromEL0 else { return }
        let (s, monitor) = (state, guards.monitor)
        let isTrapped =
            s.pointee.scr & monitor.whileSet | ~s.pointee.scr & monitor.whileClear | s.pointee.mdcrEL3 & monitor.debug
            != 0
            || monitor.coprocessorAccess && s.pointee.cptrEL3 >> 31 & 1 != 0
        if isTrapped { throw systemTrap(access, toLevel: 3) }
    }

    /// CNTPS_*_EL1: Secure EL1's, where SCR_EL3.ST lets it, and EL3's.
    func checkSecureTimer(_ access: AArch64.SystemAccess) throws(Fault) {
        if level == 3 { return }
        guard level == 1, isSecureBelowEL3 else { throw undefinedInstruction() }
        if state.pointee.scr & Secure.st == 0 { throw systemTrap(access, toLevel: 3) }
    }

    /// SCR_EL3.TWI and TWE, after EL1 and EL2.
    func checkMonitorWait(isForEvent: Bool, _ syndrome: UInt64) throws(Fault) {
        guard hasEL3, level < 3, state.pointee.scr & (isForEvent ? Secure.twe : Secure.twi) != 0 else { return }
        throw fault(Class.waitTrapped, syndrome, level: 3)
    }

    /// SCR_EL3.API.
    func checkMonitorAuthentication() throws(Fault) {
        guard hasEL3, level < 3, state.pointee.scr & Secure.api == 0 else { return }
        throw fault(Class.pointerAuthenticationTrapped, level: 3)
    }

    /// CPTR_EL3.TFP, which EL3's own instructions obey too.
    var trapsFloatingPointAtMonitor: Bool { hasEL3 && state.pointee.cptrEL3 >> 10 & 1 != 0 }

    // MARK: Memory

    /// The translation with the address that memory and devices have, be it of Secure state.
    @inline(__always)
    func placed(_ translation: AArch64.Translation) -> AArch64.Translation {
        translation.physical & AArch64.securePhysical == 0 ? translation : placedInSecureState(translation)
    }

    @inline(never)
    private func placedInSecureState(_ translation: AArch64.Translation) -> AArch64.Translation {
        let physical = translation.physical
        if memory.region(containing: physical) != nil || bus.answers(at: physical) { return translation }
        var common = translation
        common.physical = physical & ~AArch64.securePhysical
        return common
    }
}
