import RISCV

/// What a hart of a guest is while it does not run: the frame that the assembly fills and reads, and the VS-level CSRs.
public struct RISCVVCPUState {
    /// x0 (unused) to x31, then what GUEST_PC and the words after it say. First, so that its address is the state's.
    var frame = InlineArray<37, UInt64>(repeating: 0)

    // Kept by ``RISCVPort/save(_:)`` (Privileged ISA, 21.2 and 21.3).
    var vsstatus: UInt64 = 0
    var vstvec: UInt64 = 0
    var vsscratch: UInt64 = 0
    var vsepc: UInt64 = 0
    var vscause: UInt64 = 0
    var vstval: UInt64 = 0
    var vsatp: UInt64 = 0
    /// Interrupts that are enabled and pending: VSSI, VSTI and VSEI.
    var hie: UInt64 = 0
    var hvip: UInt64 = 0
    var vstimecmp: UInt64 = .max
    var scounteren: UInt64 = 0
    var senvcfg: UInt64 = 0
    /// What the guest's time is ahead of the host's.
    var htimedelta: UInt64 = 0

    var lines: UInt64 {
        @inline(__always) get { hvip }
        @inline(__always) set { hvip = newValue }
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

    /// sstatus at its last exit: SPP says whether that was in VS- or VU-mode.
    var sstatus: UInt64 {
        @inline(__always) get { frame[Int(GUEST_SSTATUS) / 8] }
        @inline(__always) set { frame[Int(GUEST_SSTATUS) / 8] = newValue }
    }
}

/// VS-level interrupts as hvip, hip and hie have them (21.2.3).
enum GuestInterrupt {
    static let software = 2, timer = 6, external = 10
    static let all: UInt64 = 1 << 2 | 1 << 6 | 1 << 10
}

extension RISCVPort {
    public typealias VCPUState = RISCVVCPUState
    public typealias SecondStage = Sv39x4
    public typealias Floats = RISCVFloats

    /// Exceptions that a guest handles without Hyper: misaligned and illegal instructions, breakpoints, calls of its users,
    /// page faults of its own tables (21.2.2).
    static let delegatedExceptions: UInt64 =
        1 << 0 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 6 | 1 << 8 | 1 << 12 | 1 << 13 | 1 << 15

    /// Sets what is the same for every guest. Called on each hart.
    static func prepareForGuests() {
        let timerInterrupts: UInt64 = 1 << 5, external: UInt64 = 1 << 9, software: UInt64 = 1 << 1
        csr_write_hideleg(GuestInterrupt.all)
        csr_write_hedeleg(delegatedExceptions)
        csr_write_hvip(0)
        csr_write_hie(0)
        // cycle, time and instret are the guest's to read.
        csr_write_hcounteren(7)
        let timerExtension: UInt64 = 1 << 63, zeroBlocks: UInt64 = 1 << 7, cleanBlocks: UInt64 = 1 << 6
        let invalidateBlocks: UInt64 = 1 << 4
        csr_write_henvcfg((hasSupervisorTimer ? timerExtension : 0) | zeroBlocks | cleanBlocks | invalidateBlocks)
        // senvcfg is kept for each VCPU; there is no other state that guests may have (Privileged ISA, Smstateen, 6.1).
        let environment: UInt64 = 1 << 62
        if hasStateEnable { csr_write_hstateen0(environment) }
        csr_write_sie(timerInterrupts | external | software)
    }

    @inline(__always)
    public static func load(_ vcpu: VCPUReference) {
        let state = vcpu.state
        csr_write_vsstatus(state.pointee.vsstatus)
        csr_write_vstvec(state.pointee.vstvec)
        csr_write_vsscratch(state.pointee.vsscratch)
        csr_write_vsepc(state.pointee.vsepc)
        csr_write_vscause(state.pointee.vscause)
        csr_write_vstval(state.pointee.vstval)
        csr_write_vsatp(state.pointee.vsatp)
        csr_write_hvip(state.pointee.hvip)
        csr_write_hie(state.pointee.hie)
        csr_write_scounteren(state.pointee.scounteren)
        csr_write_senvcfg(state.pointee.senvcfg)
        csr_write_htimedelta(state.pointee.htimedelta)
        if hasSupervisorTimer { csr_write_vstimecmp(state.pointee.vstimecmp) }
        vcpu.pointee.guest._withUnsafeGuaranteedRef {
            csr_write_hgatp(Sv39x4.register(root: $0.space.root, identifier: $0.space.identifier))
            if vcpu.comesAnew(to: $0.space) {
                hfence_vvma_all()
                fence_instruction()
            }
        }
    }

    @inline(__always)
    public static func save(_ vcpu: VCPUReference) {
        let state = vcpu.state
        state.pointee.vsstatus = csr_read_vsstatus()
        state.pointee.vstvec = csr_read_vstvec()
        state.pointee.vsscratch = csr_read_vsscratch()
        state.pointee.vsepc = csr_read_vsepc()
        state.pointee.vscause = csr_read_vscause()
        state.pointee.vstval = csr_read_vstval()
        state.pointee.vsatp = csr_read_vsatp()
        state.pointee.hvip = csr_read_hvip()
        state.pointee.hie = csr_read_hie()
        state.pointee.scounteren = csr_read_scounteren()
        state.pointee.senvcfg = csr_read_senvcfg()
        if hasSupervisorTimer { state.pointee.vstimecmp = csr_read_vstimecmp() }
        // Nothing of it wakes the hart any more.
        csr_write_hie(0)
    }

    public static func enter(_ vcpu: VCPUReference, stack: UnsafeMutableRawPointer) -> Never {
        let state = vcpu.state
        state.pointee.frame[Int(GUEST_HOST_STACK) / 8] = UInt64(UInt(bitPattern: stack))
        hyper_begin_guest(UnsafeMutableRawPointer(state).assumingMemoryBound(to: UInt64.self))
    }

    /// As the SBI starts a hart (SBI 2.0, 9.1): a0 its number, a1 the argument, interrupts off, no translation.
    public static func reset(_ vcpu: VCPUReference, entry: UInt64, argument: UInt64) {
        let delta = vcpu.pointee.state.htimedelta
        vcpu.pointee.state = RISCVVCPUState()
        let state = vcpu.state
        state.pointee.htimedelta = delta
        // Users may read cycle, time and instret, as firmwares leave it: Linux does without setting it where it has no PMU of
        // the SBI, and its vDSO reads time.
        state.pointee.scounteren = 7
        state.pointee.programCounter = entry
        state.pointee[10] = UInt64(vcpu.pointee.index)
        state.pointee[11] = argument
        // Return to VS-mode: sstatus.SPP, hstatus.SPV and SPVP; WFI and WRS.NTO leave the guest (VTW); VSXL is 64 bits.
        let supervisorPrevious: UInt64 = 1 << 8, interruptsPrevious: UInt64 = 1 << 5
        let virtualPrevious: UInt64 = 1 << 7 | 1 << 8, waitTraps: UInt64 = 1 << 21, width64: UInt64 = 2 << 32
        state.pointee.sstatus = supervisorPrevious | interruptsPrevious
        state.pointee.frame[Int(GUEST_HSTATUS) / 8] = virtualPrevious | waitTraps | width64
    }

    // MARK: Interrupts of a guest

    public static func isInterruptPending(_ vcpu: VCPUReference) -> Bool {
        let state = vcpu.state
        if vcpu.pointee.loadedOn == cpu {
            // Another hart may have raised a line and its message not have come yet: who looked at hip alone would sleep
            // after the wake-up, and never again be woken.
            vcpu.applyLines()
            return csr_read_hip() & csr_read_hie() & GuestInterrupt.all != 0
        }
        return state.pointee.hvip & state.pointee.hie != 0
    }

    /// A line's number is that of its bit.
    @inline(__always)
    public static func line(_ number: Int) -> UInt64 { 1 << UInt64(number) }

    @inline(__always)
    public static func setLines(_ lines: UInt64) { csr_set_hvip(lines) }
    @inline(__always)
    public static func clearLines(_ lines: UInt64) { csr_clear_hvip(lines) }
}

/// f0 to f31 and fcsr. Without them sstatus.FS is off, so that an instruction that needs them is illegal, and illegal
/// instructions come to Hyper: they are not delegated meanwhile.
public enum RISCVFloats: FloatRegisters {
    public static var words: Int { 33 }
    private static let illegal: UInt64 = 1 << 2
    private static let enabled: UInt64 = 3 << 13

    @inline(__always)
    public static func set(_ vcpu: VCPUReference, areThere: Bool) {
        let state = vcpu.state
        state.pointee.sstatus = state.pointee.sstatus & ~enabled | (areThere ? enabled : 0)
        csr_write_hedeleg(areThere ? RISCVPort.delegatedExceptions : RISCVPort.delegatedExceptions & ~illegal)
    }

    public static func open() { csr_set_sstatus(enabled) }
    public static func give(_ vcpu: VCPUReference) { set(vcpu, areThere: true) }
    public static func save(_ floats: UnsafeMutablePointer<UInt64>) { hyper_save_floats(floats) }
    public static func load(_ floats: UnsafeMutablePointer<UInt64>) { hyper_load_floats(floats) }
}
