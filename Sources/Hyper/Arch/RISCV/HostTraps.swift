import RISCV

/// Traps of Hyper itself.
enum HostTraps {
    private static let interruptBit: UInt64 = 1 << 63
    private static let software: UInt64 = 1, timer: UInt64 = 5, external: UInt64 = 9

    static func handle() {
        let cause = csr_read_scause()
        guard cause & interruptBit != 0 else { fail(cause) }
        interrupt(cause & ~interruptBit)
        Scheduler.preempt()
    }

    /// An interrupt of this hart, taken in Hyper or in a guest.
    @inline(__always)
    static func interrupt(_ number: UInt64) {
        RISCVPort.cpu.pointee.interrupts &+= 1
        switch number {
        case timer: Timers.expire()
        case external: HostInterrupts.handle()
        case software:
            csr_clear_sip(1 << software)
            RISCVPort.cpu.pointee.loaded?.takeLines()
            CPUs.answerCalls()
            RISCVPort.cpu.pointee.needsReschedule = true
        default: break
        }
    }

    private static func fail(_ cause: UInt64) -> Never {
        var message = PanicMessage()
        message.append("trap of Hyper's own: scause ")
        message.append(cause, radix: 16)
        message.append(" sepc ")
        message.append(csr_read_sepc(), radix: 16)
        message.append(" stval ")
        message.append(csr_read_stval(), radix: 16)
        // A Swift runtime check that fails is an illegal instruction.
        if cause == 2 { message.append(" (a check in Swift; llvm-symbolizer on hyper.elf names the place)") }
        message.panic()
    }
}

@c(hyper_trap)
public func hyperTrap() { HostTraps.handle() }
