import RISCV

/// What a hart was found to have.
struct Features: OptionSet {
    let rawValue: UInt32
    static let hypervisor = Features(rawValue: 1)
    /// Sstc: supervisor code has its own timer comparator.
    static let supervisorTimer = Features(rawValue: 2)
    /// `time` can be read by supervisor code.
    static let time = Features(rawValue: 4)
}

/// The states of a hart (SBI 2.0, table 9.1).
enum HartState: UInt32 {
    case started = 0, stopped = 1, startPending = 2, stopPending = 3
    case suspended = 4, suspendPending = 5, resumePending = 6
}

/// Why a hart was sent a machine software interrupt.
struct HartEvents: OptionSet {
    let rawValue: UInt32
    static let softwareInterrupt = HartEvents(rawValue: 1)
    static let remoteFence = HartEvents(rawValue: 2)
    static let start = HartEvents(rawValue: 4)
}

/// Bits of `mstatus` (Privileged ISA, 3.1.6).
enum Status {
    static let sie: UInt64 = 1 << 1, spie: UInt64 = 1 << 5, spp: UInt64 = 1 << 8
    static let mpp: UInt64 = 3 << 11, mppSupervisor: UInt64 = 1 << 11, mppShift: UInt64 = 11
    static let fsInitial: UInt64 = 1 << 13, vsInitial: UInt64 = 1 << 9
    static let gva: UInt64 = 1 << 38, mpv: UInt64 = 1 << 39
}

/// Interrupt bits of `mip`, `mie` and `mideleg`.
enum Interrupt {
    static let supervisorSoftware: UInt64 = 1 << 1, supervisorTimer: UInt64 = 1 << 5
    static let supervisorExternal: UInt64 = 1 << 9
    static let machineSoftware: UInt64 = 1 << 3, machineTimer: UInt64 = 1 << 7
    static let flag: UInt64 = 1 << 63
}

/// One hart's record, by its identifier.
struct Hart {
    let identifier: UInt64
    private let record: UnsafeMutablePointer<hart>

    /// A hart that exists and that supervisor code may name.
    init?(_ identifier: UInt64) {
        guard identifier < UInt64(HART_LIMIT), platform.hartMask >> identifier & 1 != 0 else { return nil }
        self.identifier = identifier
        record = hart_record(identifier)
    }

    /// The hart that runs this.
    static var current: Hart { Hart(running: csr_read_mhartid()) }

    private init(running identifier: UInt64) {
        self.identifier = identifier
        record = hart_record(identifier)
    }

    var features: Features {
        get { Features(rawValue: record.pointee.features) }
        nonmutating set { record.pointee.features = newValue.rawValue }
    }

    var state: HartState {
        get { HartState(rawValue: atomic_load_word(hart_state(identifier))) ?? .stopped }
        nonmutating set { atomic_store_word(hart_state(identifier), newValue.rawValue) }
    }

    func replaceState(_ expected: HartState, with new: HartState) -> Bool {
        atomic_replace_word(hart_state(identifier), expected.rawValue, new.rawValue)
    }

    /// Where a start or a resume goes, and what it finds in a1.
    var start: (address: UInt64, opaque: UInt64) {
        get { (record.pointee.start_address, record.pointee.start_opaque) }
        nonmutating set { (record.pointee.start_address, record.pointee.start_opaque) = newValue }
    }

    /// Tells this hart about an event.
    func raise(_ event: HartEvents) {
        _ = atomic_or_word(hart_events(identifier), event.rawValue)
        device_write32(platform.interruptor &+ 4 &* identifier, 1)
    }

    /// Takes this hart's own events.
    func takeEvents() -> HartEvents {
        device_write32(platform.interruptor &+ 4 &* identifier, 0)
        fence_memory()
        return HartEvents(rawValue: atomic_exchange_word(hart_events(identifier), 0))
    }

    /// Sets the timer: an interrupt becomes pending for supervisor code when `time` reaches `deadline`.
    func setTimer(_ deadline: UInt64) {
        if features.contains(.supervisorTimer) {
            csr_write_stimecmp(deadline)
        } else {
            csr_clear_mip(Interrupt.supervisorTimer)
            device_write64(platform.interruptor &+ 0x4000 &+ 8 &* identifier, deadline)
            csr_set_mie(Interrupt.machineTimer)
        }
    }

    /// The CLINT's clock, for harts whose `time` is not a register.
    static var clock: UInt64 { device_read64(platform.interruptor &+ 0xbff8) }
}

extension Hart {
    /// Exceptions that supervisor code takes itself (as OpenSBI 1.x delegates them, so that hypervisors find what they
    /// know): misaligned fetch, breakpoint, ecall from U, page faults.
    private static let delegatedExceptions: UInt64 = 1 << 0 | 1 << 3 | 1 << 8 | 1 << 12 | 1 << 13 | 1 << 15
    /// With H: ecall from VS, guest-page faults, virtual instruction.
    private static let delegatedGuestExceptions: UInt64 = 1 << 10 | 1 << 20 | 1 << 21 | 1 << 22 | 1 << 23

    /// Brings the hart from reset to where supervisor code may start: rights, delegation, timers, protection. Every
    /// register that the machine may lack is probed first. Runs again at each start; that changes nothing.
    func prepare() {
        var found: Features = csr_read_misa() >> 7 & 1 != 0 ? .hypervisor : Features()

        csr_write_mie(0)
        csr_write_mip(0)
        csr_write_medeleg(
            Self.delegatedExceptions | (found.contains(.hypervisor) ? Self.delegatedGuestExceptions : 0))
        // The VS interrupts and SGEI are read-only ones here when H is present (Privileged ISA, 21.4.2).
        csr_write_mideleg(
            Interrupt.supervisorSoftware | Interrupt.supervisorTimer | Interrupt.supervisorExternal)

        // CY, TM and IR; what cannot be counted stays zero.
        csr_write_mcounteren(7)
        csr_write_scounteren(7)
        if csr_present_mcountinhibit() { csr_write_mcountinhibit(0) }
        if csr_present_time(), csr_read_mcounteren() & 2 != 0 { found.insert(.time) }

        if csr_present_menvcfg() { if enableExtensions() { found.insert(.supervisorTimer) } }
        // All that the machine has is supervisor code's to use (Smstateen); bits of what it lacks stay zero.
        if csr_present_mstateen0() { csr_write_mstateen0(~0) }
        features = found

        protectFirmware()
        csr_write_stvec(0)
        csr_write_sscratch(0)
        csr_write_satp(0)
        csr_write_mie(Interrupt.machineSoftware)
        setTimer(~0)
    }

    /// menvcfg (Privileged ISA, 3.1.18): STCE, PBMTE, CBZE, CBCFE and CBIE on, ADUE off, so that hardware never writes
    /// page tables unasked. The fields are WARL. Says whether Sstc is there.
    private func enableExtensions() -> Bool {
        let stce: UInt64 = 1 << 63, pbmte: UInt64 = 1 << 62
        let cbze: UInt64 = 1 << 7, cbcfe: UInt64 = 1 << 6, cbieFlush: UInt64 = 3 << 4
        csr_write_menvcfg(stce | pbmte | cbze | cbcfe | cbieFlush)
        guard csr_read_menvcfg() & stce != 0 else { return false }
        if csr_present_stimecmp() { return true }
        csr_clear_menvcfg(stce)
        return false
    }

    /// PMP (Privileged ISA, 3.7): entry 0 keeps the firmware from S and U, entry 1 gives them the rest.
    private func protectFirmware() {
        guard csr_present_pmpcfg0() else { return }
        let naturallyAligned: UInt64 = 3 << 3, all: UInt64 = 7
        csr_write_pmpaddr0((Platform.firmware.base + Platform.firmware.size / 2 - 1) >> 2)
        csr_write_pmpaddr1(~0 >> 10)
        csr_write_pmpcfg0((naturallyAligned | all) << 8 | naturallyAligned)
        sfence_vma_all()
    }

    /// Leaves for supervisor mode. `a0` is the hart's identifier, as every SBI entry has it.
    func enter(_ address: UInt64, opaque: UInt64) -> Never {
        // Floating point and vectors start usable; without them the fields are read-only zero.
        let status = Status.mppSupervisor | Status.fsInitial | Status.vsInitial
        // UXL and SXL are kept as the machine has them.
        let lengths: UInt64 = 0xf << 32
        enter_supervisor(address, identifier, opaque, csr_read_mstatus() & lengths | status)
    }
}
