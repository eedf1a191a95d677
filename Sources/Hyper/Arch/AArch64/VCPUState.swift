import AArch64

/// What a CPU of a guest is while it does not run: the frame that the assembly fills and reads, and the registers of EL1 and
/// EL0.
public struct AArch64VCPUState {
    /// x0 to x30, then what GUEST_PC and the words after it say. First, so that its address is the state's.
    var frame = InlineArray<34, UInt64>(repeating: 0)

    // Kept by ``AArch64Port/save(_:)`` (D13.2), in the order of the assembly.
    var sctlr: UInt64 = 0
    var cpacr: UInt64 = 0
    var ttbr0: UInt64 = 0
    var ttbr1: UInt64 = 0
    var tcr: UInt64 = 0
    var mair: UInt64 = 0
    var amair: UInt64 = 0
    var vbar: UInt64 = 0
    var elr: UInt64 = 0
    var spsr: UInt64 = 0
    var esr: UInt64 = 0
    var far: UInt64 = 0
    var afsr0: UInt64 = 0
    var afsr1: UInt64 = 0
    var contextIdentifier: UInt64 = 0
    var timerAccess: UInt64 = 0
    var virtualTimerCompare: UInt64 = 0
    var physicalTimerCompare: UInt64 = 0
    var par: UInt64 = 0
    var cacheSelection: UInt64 = 0
    var sp0: UInt64 = 0
    var sp1: UInt64 = 0
    var tpidr0: UInt64 = 0
    var tpidrReadOnly: UInt64 = 0
    var tpidr1: UInt64 = 0
    var virtualTimerControl: UInt64 = 0
    var physicalTimerControl: UInt64 = 0

    /// What the guest's virtual time is behind the host's.
    var timerOffset: UInt64 = 0
    /// HCR_EL2's virtual interrupts and error: VF, VI, VSE.
    var virtualExceptions: UInt64 = 0

    var lines: UInt64 {
        @inline(__always) get { virtualExceptions }
        @inline(__always) set { virtualExceptions = newValue }
    }

    @inline(__always)
    subscript(register: Int) -> UInt64 {
        get { frame[register] }
        set { frame[register] = newValue }
    }

    var programCounter: UInt64 {
        @inline(__always) get { frame[Int(GUEST_PC) / 8] }
        @inline(__always) set { frame[Int(GUEST_PC) / 8] = newValue }
    }

    /// PSTATE at its last exit (SPSR_EL2).
    var status: UInt64 {
        @inline(__always) get { frame[Int(GUEST_STATUS) / 8] }
        @inline(__always) set { frame[Int(GUEST_STATUS) / 8] = newValue }
    }
}

/// Bits of HCR_EL2 (D13.2.48).
enum HypervisorConfiguration {
    static let secondStage: UInt64 = 1 << 0, invalidationCleans: UInt64 = 1 << 1, walksNoDevices: UInt64 = 1 << 2
    /// Physical FIQ, IRQ and SError come to EL2, and virtual ones to the guest.
    static let routing: UInt64 = 1 << 3 | 1 << 4 | 1 << 5
    static let virtualFastInterrupt: UInt64 = 1 << 6, virtualInterrupt: UInt64 = 1 << 7, virtualError: UInt64 = 1 << 8
    /// What a guest does for its CPU alone reaches the CPUs that its VCPU may have been on.
    static let broadcast: UInt64 = 1 << 9, innerShareableBarriers: UInt64 = 1 << 10
    static let trapWFI: UInt64 = 1 << 13, trapWFE: UInt64 = 1 << 14
    /// Identification registers of group 3; SMC; what implementations define; ACTLR_EL1; ordering regions.
    static let trapIdentification: UInt64 = 1 << 18, trapSMC: UInt64 = 1 << 19
    static let trapImplementationDefined: UInt64 = 1 << 20, trapAuxiliaryControl: UInt64 = 1 << 21
    static let lowerIsAArch64: UInt64 = 1 << 31, trapOrderingRegions: UInt64 = 1 << 35

    /// E2H. TGE, which would make EL0 the host's, stays off: nothing of Hyper's runs there, and without it maintenance of TLBs
    /// and translations on demand are a guest's, as they are without E2H (D5.10.2, D5.10.1).
    static let hostExtensions: UInt64 = 1 << 34

    static let host = lowerIsAArch64 | routing
    static let guest =
        host | secondStage | invalidationCleans | walksNoDevices | broadcast | innerShareableBarriers | trapWFI
        | trapWFE
        | trapIdentification | trapSMC | trapImplementationDefined | trapAuxiliaryControl | trapOrderingRegions
    static let virtualExceptions = virtualFastInterrupt | virtualInterrupt | virtualError
}

extension AArch64Port {
    public typealias VCPUState = AArch64VCPUState
    public typealias SecondStage = AArch64SecondStage
    public typealias Floats = AArch64Floats

    // SAFETY: written at boot, while one CPU runs, and with the same by all others.
    nonisolated(unsafe) private(set) static var hasPrivilegedAccessNever = false
    /// Whether EL2 is a host with the extensions for that (FEAT_VHE): registers of EL1 that it names are its own.
    nonisolated(unsafe) private(set) static var isHost = false
    nonisolated(unsafe) private static var guestConfiguration: UInt64 = 0

    /// Sets what is the same for every guest. Called on each CPU.
    static func prepareForGuests() {
        hasPrivilegedAccessNever = read_id_aa64mmfr1_el1() >> 20 & 15 != 0
        // As the boot assembly has left it.
        isHost = read_hcr_el2() & HypervisorConfiguration.hostExtensions != 0
        let extensions = isHost ? HypervisorConfiguration.hostExtensions : 0
        guestConfiguration = HypervisorConfiguration.guest | extensions
        write_hcr_el2(HypervisorConfiguration.host | extensions)
        write_vtcr_el2(AArch64SecondStage.control)
        write_vpidr_el2(read_midr_el1())
        write_hstr_el2(0)
        // Guests have the physical counter and timer (CNTHCTL_EL2.EL1PCTEN; EL1PCEN, which E2H calls EL1PTEN).
        write_cnthctl_el2(isHost ? 3 << 10 : 3)
        // Debugging and counting of events are not for guests (MDCR_EL2.TPMCR, TPM, TDA, TDOSA, TDRA); the number of counters
        // stays as it is.
        let traps: UInt64 = 1 << 5 | 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11
        write_mdcr_el2(read_mdcr_el2() & 31 | traps)
        AArch64Floats.trap()
        instruction_barrier()
    }

    @inline(__always)
    public static func load(_ vcpu: VCPUReference) {
        let state = vcpu.state
        let frame = UnsafeRawPointer(state).assumingMemoryBound(to: UInt64.self)
        write_cntvoff_el2(state.pointee.timerOffset)
        if isHost { hyper_load_registers_as_host(frame) } else { hyper_load_registers(frame) }
        write_vmpidr_el2(affinity(of: vcpu))
        write_hcr_el2(guestConfiguration | state.pointee.virtualExceptions)
        vcpu.pointee.guest._withUnsafeGuaranteedRef {
            write_vttbr_el2(AArch64SecondStage.register(root: $0.space.root, identifier: $0.space.identifier))
            if vcpu.comesAnew(to: $0.space) {
                instruction_barrier()
                forget_guest_here()
            }
            $0.interrupts.controller?.load(vcpu)
        }
        GuestTimer.loaded(vcpu)
    }

    @inline(__always)
    public static func save(_ vcpu: VCPUReference) {
        let state = vcpu.state
        let frame = UnsafeMutableRawPointer(state).assumingMemoryBound(to: UInt64.self)
        if isHost { hyper_save_registers_as_host(frame) } else { hyper_save_registers(frame) }
        state.pointee.virtualExceptions = read_hcr_el2() & HypervisorConfiguration.virtualExceptions
        vcpu.pointee.guest._withUnsafeGuaranteedRef { $0.interrupts.controller?.save(vcpu) }
        GuestTimer.saved(vcpu, state)
    }

    /// A VCPU's affinity is its number; MPIDR_EL1 has bit 31, which is always 1, besides.
    private static func affinity(of vcpu: VCPUReference) -> UInt64 { 1 << 31 | UInt64(vcpu.pointee.index) }

    public static func enter(_ vcpu: VCPUReference, stack: UnsafeMutableRawPointer) -> Never {
        let state = vcpu.state
        state.pointee.frame[Int(GUEST_HOST_STACK) / 8] = UInt64(UInt(bitPattern: stack))
        hyper_begin_guest(UnsafeMutableRawPointer(state).assumingMemoryBound(to: UInt64.self))
    }

    /// As PSCI starts a CPU (DEN0022, 6.4), and boot loaders start Linux: x0 is the argument, all interrupts are masked, and
    /// nothing is translated.
    public static func reset(_ vcpu: VCPUReference, entry: UInt64, argument: UInt64) {
        let offset = vcpu.pointee.state.timerOffset
        vcpu.pointee.state = AArch64VCPUState()
        let state = vcpu.state
        state.pointee.timerOffset = offset
        // What of SCTLR_EL1 is always 1 (D13.2.118), and little-endian.
        state.pointee.sctlr = 0x30d0_0980
        state.pointee.programCounter = entry
        state.pointee[0] = argument
        let masked: UInt64 = 0x3c0, handlerAtEL1: UInt64 = 5
        state.pointee.status = masked | handlerAtEL1
        vcpu.pointee.guest._withUnsafeGuaranteedRef { $0.interrupts.controller?.resetInterface(vcpu) }
    }

    // MARK: Interrupts of a guest

    /// Guests with a lock that somebody else holds wait by WFE, which leaves them.
    public static var seesWaits: Bool { true }

    public static func isInterruptPending(_ vcpu: VCPUReference) -> Bool {
        let state = vcpu.state
        let isHere = vcpu.pointee.loadedOn == cpu
        // Another CPU may have raised a line and its message not have come yet.
        if isHere { vcpu.applyLines() }
        let raised = isHere ? read_hcr_el2() : state.pointee.virtualExceptions
        if raised & HypervisorConfiguration.virtualExceptions != 0 { return true }
        return vcpu.pointee.guest._withUnsafeGuaranteedRef {
            $0.interrupts.controller?.isInterruptPending(vcpu) ?? false
        }
    }

    /// Lines 0 and 1 of a VCPU are its IRQ and FIQ, for interrupt controllers that are emulated as a whole.
    @inline(__always)
    public static func line(_ number: Int) -> UInt64 {
        number == 0 ? HypervisorConfiguration.virtualInterrupt : HypervisorConfiguration.virtualFastInterrupt
    }

    @inline(__always)
    public static func setLines(_ lines: UInt64) { write_hcr_el2(read_hcr_el2() | lines) }
    @inline(__always)
    public static func clearLines(_ lines: UInt64) { write_hcr_el2(read_hcr_el2() & ~lines) }

    /// Has the guest that is loaded here take a virtual SError.
    static func raiseError(_ vcpu: VCPUReference) {
        write_hcr_el2(read_hcr_el2() | HypervisorConfiguration.virtualError)
    }

    /// Brings to the VCPU that is loaded here what its interrupt controller has for it.
    static func refreshInterrupts() {
        guard let vcpu = cpu.pointee.loaded else { return }
        vcpu.pointee.guest._withUnsafeGuaranteedRef { $0.interrupts.controller?.refresh(vcpu) }
    }
}

/// q0 to q31, FPCR and FPSR. Without them CPTR_EL2.TFP has each use come to Hyper.
public enum AArch64Floats: FloatRegisters {
    public static var words: Int { Int(FLOATS_WORDS) }
    /// CPTR_EL2 (D13.2.32): what is always 1, with SVE trapped, and TFP; with E2H SVE is trapped by 0, and FPEN lets through.
    private static var enabled: UInt64 { AArch64Port.isHost ? 3 << 20 : 0x33ff }
    private static var trapped: UInt64 { AArch64Port.isHost ? 0 : 0x33ff | 1 << 10 }

    static func trap() { write_cptr_el2(trapped) }

    @inline(__always)
    public static func set(_ vcpu: VCPUReference, areThere: Bool) { write_cptr_el2(areThere ? enabled : trapped) }

    public static func open() {
        write_cptr_el2(enabled)
        instruction_barrier()
    }

    /// Whom they are open to, the guest is among.
    public static func give(_ vcpu: VCPUReference) {}
    public static func save(_ floats: UnsafeMutablePointer<UInt64>) { hyper_save_floats(floats) }
    public static func load(_ floats: UnsafeMutablePointer<UInt64>) { hyper_load_floats(floats) }
}
