import AArch64

/// What an exception to EL2 is about (ESR_EL2.EC, D13.2.37).
enum ExceptionClass {
    static let unknown: UInt64 = 0x00, waiting: UInt64 = 0x01, floatingPoint: UInt64 = 0x07
    static let hypervisorCall: UInt64 = 0x16, secureCall: UInt64 = 0x17, systemRegister: UInt64 = 0x18
    static let instructionAbort: UInt64 = 0x20, instructionAbortSame: UInt64 = 0x21
    static let dataAbort: UInt64 = 0x24, dataAbortSame: UInt64 = 0x25
}

/// Why a guest stopped, and what is done about it.
enum Exits {
    // Of the syndrome of an abort (ISS encoding for a Data Abort, and for an Instruction Abort).
    private static let isWrite: UInt64 = 1 << 6, isWalk: UInt64 = 1 << 7, isCacheMaintenance: UInt64 = 1 << 8
    private static let addressIsUnknown: UInt64 = 1 << 10, isLong: UInt64 = 1 << 25
    /// The fault's status code without its level.
    private static let faultMask: UInt64 = 0x3c, translation: UInt64 = 0x04, permission: UInt64 = 0x0c
    private static let externalAbort: UInt64 = 0x10

    /// Interrupts are off; the guest goes on when this returns.
    @inline(__always)
    static func handle(_ kind: UInt64) {
        let cpu = AArch64Port.cpu
        let vcpu = cpu.pointee.loaded.unsafelyUnwrapped
        vcpu.pointee.exits &+= 1
        let syndrome = read_esr_el2()
        let isProfiled = Configuration.PROFILER && Profile.isRunning
        let start = isProfiled ? Profile.now : 0
        if kind == UInt64(EXIT_SYNCHRONOUS) {
            synchronous(vcpu, syndrome)
        } else if kind == UInt64(EXIT_ERROR) {
            // Whatever the guest has done, it is the guest that finds out.
            AArch64Port.raiseError(vcpu)
        } else {
            HostTraps.interrupt()
        }
        if isProfiled { Profile.countExit(AArch64Port.exitNumber(kind, syndrome), since: start) }
        Scheduler.preempt()
    }

    @inline(__always)
    private static func synchronous(_ vcpu: VCPUReference, _ syndrome: UInt64) {
        switch syndrome >> 26 & 63 {
        case ExceptionClass.hypervisorCall: Hypercalls.handle(vcpu)
        case ExceptionClass.dataAbort: access(vcpu, syndrome)
        case ExceptionClass.waiting: wait(vcpu, syndrome)
        case ExceptionClass.systemRegister: SystemRegisterTraps.handle(vcpu, syndrome)
        default: others(vcpu, syndrome)
        }
    }

    @inline(never)
    private static func others(_ vcpu: VCPUReference, _ syndrome: UInt64) {
        switch syndrome >> 26 & 63 {
        case ExceptionClass.floatingPoint: LazyFloats.take(vcpu)
        case ExceptionClass.secureCall:
            // Trapped before it is executed, unlike HVC (D1.13.4). Firmware has nothing else for guests.
            vcpu.pointee.state.programCounter &+= 4
            Hypercalls.handle(vcpu)
        case ExceptionClass.instructionAbort: fault(vcpu, syndrome, .execute)
        default: raiseUnknown(vcpu)
        }
    }

    private static func wait(_ vcpu: VCPUReference, _ syndrome: UInt64) {
        vcpu.pointee.state.programCounter &+= 4
        // WFE may end for any reason: the guest looks again.
        if syndrome & 1 != 0 { return Scheduler.giveWay() }
        vcpu.waitForInterrupt()
    }

    /// The guest's physical address that faulted. HPFAR_EL2 has it for a fault of translation, and for any on a walk of the
    /// guest's own tables (D13.2.54); else those tables are asked.
    @inline(__always)
    private static func address(_ syndrome: UInt64) -> UInt64? {
        let virtual = read_far_el2()
        if syndrome & isWalk != 0 || syndrome & faultMask == translation {
            return read_hpfar_el2() << 8 & 0xff_ffff_ffff_f000 | virtual & 0xfff
        }
        return GuestMemory.physical(virtual)
    }

    /// A load or store that the second stage does not have: of a device, or of memory that is touched for the first time.
    @inline(__always)
    private static func access(_ vcpu: VCPUReference, _ syndrome: UInt64) {
        guard let address = address(syndrome), syndrome & isWalk == 0 else { return fault(vcpu, syndrome, .read) }
        vcpu.pointee.guest._withUnsafeGuaranteedRef { guest in
            guard let (place, target) = guest.space.place(at: address) else { return fault(vcpu, syndrome, .read) }
            place._withUnsafeGuaranteedRef { region in
                guard case .device(let device) = region.kind else {
                    return fault(vcpu, syndrome, syndrome & isWrite != 0 ? .write : .read)
                }
                let state = vcpu.state
                guard let access = GuestAccess(syndrome: syndrome) else {
                    return undescribed(vcpu, syndrome, device, region, target)
                }
                let offset = target &- region.start
                if access.isStore {
                    device.write(
                        offset, width: access.width, value: access.register == 31 ? 0 : state.pointee[access.register])
                } else {
                    let value = access.extended(device.read(offset, width: access.width))
                    if access.register != 31 { state.pointee[access.register] = value }
                }
                state.pointee.programCounter &+= 4
            }
        }
    }

    /// A device is accessed by an instruction that the syndrome does not describe, or its lines are to be cleaned. What is none
    /// of the forms that can be done for it, no device understands.
    @inline(never)
    private static func undescribed(
        _ vcpu: VCPUReference, _ syndrome: UInt64, _ device: any EmulatedDevice, _ region: Region, _ address: UInt64
    ) {
        let state = vcpu.state
        if syndrome & isCacheMaintenance == 0 {
            guard let instruction = GuestMemory.instruction(vcpu, state.pointee.programCounter),
                let access = UndescribedAccess(instruction: instruction),
                access.perform(
                    device, start: read_far_el2() &- (address &- region.start), length: region.size, vcpu)
            else { return raiseAbort(vcpu, syndrome) }
        }
        state.pointee.programCounter &+= 4
    }

    /// Memory that is touched for the first time is mapped; where there is none, the guest gets an external abort.
    @inline(never)
    private static func fault(_ vcpu: VCPUReference, _ syndrome: UInt64, _ wanted: SecondStageAccess) {
        vcpu.pointee.guest._withUnsafeGuaranteedRef { guest in
            guard let address = address(syndrome) else {
                // The guest's tables do not lead there any more: it tries again, and sees by itself.
                return
            }
            do throws(HyperError) {
                if try guest.space.map(address, for: wanted) { return }
            } catch {
                return guest.halt(error.message)
            }
            guest.faults &+= 1
            raiseAbort(vcpu, syndrome)
        }
    }

    // MARK: Exceptions that the guest takes

    /// What only a hypervisor may do, a guest without one finds undefined.
    static func raiseUnknown(_ vcpu: VCPUReference) { raise(vcpu, ExceptionClass.unknown << 26 | isLong) }

    /// A synchronous external abort, of the kind that was trapped.
    private static func raiseAbort(_ vcpu: VCPUReference, _ syndrome: UInt64) {
        let isInstruction = syndrome >> 26 & 63 == ExceptionClass.instructionAbort
        var kind = isInstruction ? ExceptionClass.instructionAbort : ExceptionClass.dataAbort
        if vcpu.pointee.state.status & 0xf != 0 { kind += 1 }
        let walkLevel3: UInt64 = 0x17
        let status = syndrome & isWalk != 0 ? walkLevel3 : externalAbort
        if syndrome & addressIsUnknown == 0 { write_guest_far(AArch64Port.isHost, read_far_el2()) }
        raise(vcpu, kind << 26 | isLong | status | (isInstruction ? 0 : syndrome & isWrite))
    }

    /// Makes the guest take an exception to EL1, as its CPU would (D1.10).
    static func raise(_ vcpu: VCPUReference, _ syndrome: UInt64) {
        let state = vcpu.state
        let old = state.pointee.status
        write_guest_esr(AArch64Port.isHost, syndrome)
        write_guest_elr(AArch64Port.isHost, state.pointee.programCounter)
        write_guest_spsr(AArch64Port.isHost, old)
        let is32Bit: UInt64 = 1 << 4
        let offset: UInt64 =
            if old & is32Bit != 0 { 0x600 } else if old & 0xf == 0 { 0x400 } else if old & 1 != 0 { 0x200 } else { 0 }
        state.pointee.programCounter = read_guest_vbar(AArch64Port.isHost) &+ offset
        // PSTATE: flags, DIT and PAN stay; PAN is set unless SCTLR_EL1.SPAN; SSBS is SCTLR_EL1.DSSBS; EL1h, all masked.
        let flags: UInt64 = 0xf000_0000, dataIndependent: UInt64 = 1 << 24, privilegedNever: UInt64 = 1 << 22
        let speculativeStore: UInt64 = 1 << 12, masked: UInt64 = 0x3c5
        let control = read_guest_sctlr(AArch64Port.isHost)
        let setPAN: UInt64 = 1 << 23
        var status = old & (flags | dataIndependent | privilegedNever) | masked
        if control & setPAN == 0, AArch64Port.hasPrivilegedAccessNever { status |= privilegedNever }
        if control >> 44 & 1 != 0 { status |= speculativeStore }
        state.pointee.status = status
    }
}

@c(hyper_guest_exit)
public func hyperGuestExit(_ kind: UInt64) { Exits.handle(kind) }

/// Where a guest's own tables lead.
enum GuestMemory {
    /// What the guest that is loaded here has at an address of code.
    static func instruction(_ vcpu: VCPUReference, _ address: UInt64) -> UInt32? {
        guard let address = physical(address) else { return nil }
        return vcpu.pointee.guest._withUnsafeGuaranteedRef { guest in
            guest.space.memory(address, count: 4)?.loadUnaligned(as: UInt32.self)
        }
    }

    /// The physical address behind a virtual one, for a read at EL1; nil where the guest's tables have none (D5.10.1).
    @inline(never)
    static func physical(_ virtual: UInt64) -> UInt64? {
        let kept = read_par_el1()
        translate_as_guest(virtual)
        let result = read_par_el1()
        write_par_el1(kept)
        return result & 1 != 0 ? nil : result & 0xf_ffff_ffff_f000 | virtual & 0xfff
    }
}
