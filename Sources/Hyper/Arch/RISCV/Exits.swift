import RISCV

/// Why a guest stopped, by scause (Privileged ISA, 21.6.1), and what is done about it.
enum Exits {
    private static let interrupt: UInt64 = 1 << 63
    private static let illegalInstruction: UInt64 = 2, hypercall: UInt64 = 10
    private static let fetch: UInt64 = 20, load: UInt64 = 21, virtualInstruction: UInt64 = 22, store: UInt64 = 23
    /// WFI and WRS.NTO.
    private static let waitInstruction: UInt64 = 0x1050_0073, waitOnReservation: UInt64 = 0x00d0_0073

    /// Interrupts are off; the guest goes on when this returns.
    @inline(__always)
    static func handle() {
        let cpu = RISCVPort.cpu
        let vcpu = cpu.pointee.loaded.unsafelyUnwrapped
        vcpu.pointee.exits &+= 1
        let cause = csr_read_scause()
        let isProfiled = Configuration.PROFILER && Profile.isRunning
        let start = isProfiled ? Profile.now : 0
        switch cause {
        case hypercall: Hypercalls.handle(vcpu)
        case load, store: access(vcpu, cause)
        case fetch: fault(vcpu, cause, address())
        case virtualInstruction: virtual(vcpu, csr_read_stval())
        case illegalInstruction:
            if !LazyFloats.take(vcpu) {
                raise(vcpu, illegalInstruction, csr_read_stval())
            }
        default:
            if cause & interrupt != 0 {
                HostTraps.interrupt(cause & ~interrupt)
            } else {
                raise(vcpu, cause, csr_read_stval())
            }
        }
        if isProfiled { Profile.countExit(RISCVPort.exitNumber(cause), since: start) }
        Scheduler.preempt()
    }

    /// The guest's physical address that faulted (21.2.8): htval has it without its two lowest bits.
    @inline(__always)
    private static func address() -> UInt64 { csr_read_htval() << 2 | csr_read_stval() & 3 }

    /// A load or store that the second stage does not have: of a device, or of memory that is touched for the first time.
    @inline(__always)
    private static func access(_ vcpu: VCPUReference, _ cause: UInt64) {
        let address = address()
        let transformed = csr_read_htinst()
        vcpu.pointee.guest._withUnsafeGuaranteedRef { guest in
            guard let (place, target) = guest.space.place(at: address) else { return fault(vcpu, cause, address) }
            place._withUnsafeGuaranteedRef { region in
                guard case .device(let device) = region.kind else { return fault(vcpu, cause, address) }
                let access: GuestAccess?
                if transformed & 1 != 0 {
                    access = GuestAccess(transformed: transformed)
                } else {
                    access = instruction(vcpu)
                }
                // What is neither a load nor a store of integers, no device understands.
                guard let access else { return raise(vcpu, cause == store ? 7 : 5, csr_read_stval()) }
                let state = vcpu.state
                let offset = target &- region.start
                if access.isStore {
                    device.write(offset, width: access.width, value: state.pointee[access.register])
                } else {
                    let value = access.extended(device.read(offset, width: access.width))
                    if access.register != 0 { state.pointee[access.register] = value }
                }
                state.pointee.programCounter &+= access.length
            }
        }
    }

    /// The instruction at which the guest stopped, read as its hart fetched it. Hardware gives it in htinst, or nothing.
    private static func instruction(_ vcpu: VCPUReference) -> GuestAccess? {
        let pc = vcpu.pointee.state.programCounter
        let low = UInt64(hlvx_hu(pc))
        return GuestAccess(instruction: low & 3 == 3 ? UInt64(hlvx_hu(pc &+ 2)) << 16 | low : low)
    }

    /// Memory that is touched for the first time is mapped; where there is none, the guest gets an access fault.
    private static func fault(_ vcpu: VCPUReference, _ cause: UInt64, _ address: UInt64) {
        vcpu.pointee.guest._withUnsafeGuaranteedRef { guest in
            do throws(HyperError) {
                let wanted: SecondStageAccess = cause == fetch ? .execute : cause == load ? .read : .write
                if try guest.space.map(address, for: wanted) { return }
            } catch {
                return guest.halt(error.message)
            }
            guest.faults &+= 1
            raise(vcpu, cause == fetch ? 1 : cause == load ? 5 : 7, csr_read_stval())
        }
    }

    private static func virtual(_ vcpu: VCPUReference, _ instruction: UInt64) {
        guard instruction == waitInstruction else { return otherVirtual(vcpu, instruction) }
        vcpu.pointee.state.programCounter &+= 4
        GuestTimer.arm(vcpu)
        vcpu.waitForInterrupt()
    }

    @inline(never)
    private static func otherVirtual(_ vcpu: VCPUReference, _ instruction: UInt64) {
        if instruction == waitOnReservation {
            // It may end for any reason (Unprivileged ISA, Zawrs): the guest looks again.
            vcpu.pointee.state.programCounter &+= 4
            Scheduler.giveWay()
        } else {
            // What only a hypervisor may do, a guest without one finds illegal.
            raise(vcpu, illegalInstruction, instruction)
        }
    }

    /// Makes the guest take an exception, as its hart would (Privileged ISA, 12.1.1 and 21.6).
    static func raise(_ vcpu: VCPUReference, _ cause: UInt64, _ value: UInt64) {
        let state = vcpu.state
        let interruptsEnabled: UInt64 = 1 << 1, interruptsPrevious: UInt64 = 1 << 5, supervisorPrevious: UInt64 = 1 << 8
        var status = csr_read_vsstatus()
        status &= ~(interruptsPrevious | supervisorPrevious)
        if status & interruptsEnabled != 0 { status |= interruptsPrevious }
        status = status & ~interruptsEnabled | state.pointee.sstatus & supervisorPrevious
        csr_write_vsstatus(status)
        csr_write_vsepc(state.pointee.programCounter)
        csr_write_vscause(cause)
        csr_write_vstval(value)
        state.pointee.programCounter = csr_read_vstvec() & ~3
        state.pointee.sstatus |= supervisorPrevious
        state.pointee.frame[Int(GUEST_HSTATUS) / 8] |= 1 << 8
    }
}

@c(hyper_guest_exit)
public func hyperGuestExit() { Exits.handle() }

/// A guest's timer while its VCPU does not run, or where the hart has none for it.
enum GuestTimer {
    /// So that the guest wakes when its timer comes.
    static func arm(_ vcpu: VCPUReference) {
        let enabled = csr_read_hie() & 1 << UInt64(GuestInterrupt.timer) != 0
        guard RISCVPort.hasSupervisorTimer, enabled else { return }
        let deadline = csr_read_vstimecmp()
        if deadline != .max { vcpu.wake(at: deadline &- vcpu.pointee.state.htimedelta) }
    }

    /// The guest asks for its next interrupt at `deadline` of its own time (SBI 2.0, chapter 6).
    static func set(_ vcpu: VCPUReference, _ deadline: UInt64) {
        if RISCVPort.hasSupervisorTimer { return csr_write_vstimecmp(deadline) }
        // The last one's, too, that is on its way here from another hart.
        vcpu.set(line: RISCVPort.line(GuestInterrupt.timer), false)
        if vcpu.pointee.timer == nil {
            let timer = TimerReference.allocate(capacity: 1)
            timer.initialize(
                to: TimerEvent(
                    action: .call(
                        { argument in
                            let vcpu = argument.unsafelyUnwrapped.assumingMemoryBound(to: VCPU.self)
                            vcpu.set(line: RISCVPort.line(GuestInterrupt.timer), true)
                        }, vcpu)))
            vcpu.pointee.timer = timer
        }
        guard let timer = vcpu.pointee.timer else { return }
        if deadline == .max {
            Timers.cancel(timer)
        } else {
            Timers.arm(timer, at: deadline &- vcpu.pointee.state.htimedelta)
        }
    }
}
