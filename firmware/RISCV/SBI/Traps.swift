import RISCV

// Traps from supervisor and user code that reach machine mode: SBI calls, machine interrupts, and exceptions that are
// not delegated. Nothing is emulated but `time` where the machine does not let supervisor code read it; every other
// exception goes on to supervisor code, as the hardware would have sent it with the delegation bit set.

/// The frame the vector built: x0 to x31, mepc, mstatus.
struct Frame {
    let words: UnsafeMutablePointer<UInt64>

    subscript(register: Int) -> UInt64 {
        get { words[register] }
        nonmutating set { if register != 0 { words[register] = newValue } }
    }
    var pc: UInt64 {
        get { words[Int(FRAME_PC) / 8] }
        nonmutating set { words[Int(FRAME_PC) / 8] = newValue }
    }
    var status: UInt64 {
        get { words[Int(FRAME_STATUS) / 8] }
        nonmutating set { words[Int(FRAME_STATUS) / 8] = newValue }
    }
    var isVirtual: Bool { status & Status.mpv != 0 }
    var isUser: Bool { status & Status.mpp == 0 }
}

/// What the trap registers said. Read before anything that may trap in machine mode.
struct Trap {
    var cause = csr_read_mcause()
    var value = csr_read_mtval()
    var guestAddress: UInt64 = 0
    var instruction: UInt64 = 0

    static let illegalInstruction: UInt64 = 2, supervisorCall: UInt64 = 9, virtualInstruction: UInt64 = 22

    init(_ hart: Hart) {
        if hart.features.contains(.hypervisor) {
            guestAddress = csr_read_mtval2()
            instruction = csr_read_mtinst()
        }
    }
}

@c public func handle_trap(_ words: UnsafeMutablePointer<UInt64>) {
    let frame = Frame(words: words)
    let hart = Hart.current
    let trap = Trap(hart)
    switch trap.cause {
    case Trap.supervisorCall:
        handleCall(frame, hart)
    case Interrupt.flag | 3:
        handleEvents(hart)
    case Interrupt.flag | 7:
        // The comparator's interrupt becomes the supervisor's, once.
        csr_clear_mie(Interrupt.machineTimer)
        csr_set_mip(Interrupt.supervisorTimer)
    case Trap.illegalInstruction:
        if !emulateTime(frame, hart, trap) { redirect(trap, frame, hart) }
    case let cause where cause & Interrupt.flag != 0:
        report_own_trap(cause, frame.pc, trap.value)
    default:
        redirect(trap, frame, hart)
    }
}

/// Hands an exception to supervisor code: to VS-mode when it came from a guest whose hypervisor delegates it (hedeleg),
/// else to S- or HS-mode, with the registers set as a trap into that mode sets them (Privileged ISA, 12.1 and 21.6).
func redirect(_ trap: Trap, _ frame: Frame, _ hart: Hart) {
    let hypervisor = hart.features.contains(.hypervisor)
    let fromSupervisor = !frame.isUser
    if hypervisor, frame.isVirtual, trap.cause < 64, csr_read_hedeleg() >> trap.cause & 1 != 0 {
        csr_write_vsepc(frame.pc)
        csr_write_vscause(trap.cause)
        csr_write_vstval(trap.value)
        csr_write_vsstatus(stacked(csr_read_vsstatus(), fromSupervisor: fromSupervisor))
        frame.pc = csr_read_vstvec() & ~3
        // MPV stays: the guest goes on, in VS-mode.
        frame.status = frame.status & ~(Status.mpp | Status.gva) | Status.mppSupervisor
        return
    }
    if hypervisor {
        let spv: UInt64 = 1 << 7, spvp: UInt64 = 1 << 8, gva: UInt64 = 1 << 6
        var status = csr_read_hstatus() & ~(spv | gva)
        if frame.isVirtual {
            // SPVP keeps its value when the trap is not from a guest.
            status = status & ~spvp | spv | (fromSupervisor ? spvp : 0)
        }
        if frame.status & Status.gva != 0 { status |= gva }
        csr_write_hstatus(status)
        csr_write_htval(trap.guestAddress)
        csr_write_htinst(trap.instruction)
    }
    csr_write_sepc(frame.pc)
    csr_write_scause(trap.cause)
    csr_write_stval(trap.value)
    frame.pc = csr_read_stvec() & ~3
    frame.status =
        stacked(frame.status, fromSupervisor: fromSupervisor) & ~(Status.mpp | Status.mpv | Status.gva)
        | Status.mppSupervisor
}

/// sstatus (or vsstatus) as a trap leaves it: SPP and SPIE hold what was, SIE is off.
private func stacked(_ status: UInt64, fromSupervisor: Bool) -> UInt64 {
    var result = status & ~(Status.spp | Status.spie | Status.sie)
    if fromSupervisor { result |= Status.spp }
    if status & Status.sie != 0 { result |= Status.spie }
    return result
}

/// Emulates a read of `time` (CSRRS, CSRRC, CSRRSI or CSRRCI that writes nothing) on a machine that does not let
/// supervisor code read it. The counter-enable registers of the modes between are honoured.
private func emulateTime(_ frame: Frame, _ hart: Hart, _ trap: Trap) -> Bool {
    if hart.features.contains(.time) { return false }
    var word = trap.value
    if word == 0 {
        // The machine does not report the instruction; read it as the interrupted code would fetch it.
        var low: UInt64 = 0, high: UInt64 = 0
        guard load_as_interrupted(frame.pc, true, &low), low & 3 == 3, load_as_interrupted(frame.pc &+ 2, true, &high)
        else { return false }
        word = high << 16 | low
    }
    let isSystem = word & 0x7f == 0x73, writesNothing = word >> 15 & 31 == 0, setsOrClears = word >> 13 & 1 == 1
    guard isSystem, setsOrClears, writesNothing, word >> 20 & 0xfff == 0xc01 else { return false }
    let timeBit: UInt64 = 2
    if frame.isUser, csr_read_scounteren() & timeBit == 0, !frame.isVirtual { return false }
    var time = Hart.clock
    if frame.isVirtual {
        var refused = trap
        refused.cause = Trap.virtualInstruction
        refused.value = word
        if csr_read_hcounteren() & timeBit == 0 || frame.isUser && csr_read_scounteren() & timeBit == 0 {
            redirect(refused, frame, hart)
            return true
        }
        time &+= csr_read_htimedelta()
    }
    frame[Int(word >> 7 & 31)] = time
    frame.pc &+= 4
    return true
}
