import AArch64

/// Exceptions of Hyper itself, and interrupts of the machine, whomever they interrupt.
enum HostTraps {
    static func handle(_ kind: UInt64) {
        guard kind == UInt64(EXIT_INTERRUPT) else { fail(kind) }
        interrupt()
        Scheduler.preempt()
    }

    /// An interrupt of this CPU, taken in Hyper or in a guest. Of several, the next is taken when this one was handled.
    @inline(__always)
    static func interrupt() {
        AArch64Port.cpu.pointee.interrupts &+= 1
        guard let value = HostGIC.acknowledge() else { return }
        let number = HostGIC.number(value)
        if number == GuestTimer.hostInterrupts.virtual { return GuestTimer.expired(isPhysical: false) }
        if number == AArch64Port.alarmInterrupt {
            Timers.expire()
        } else if number == GuestTimer.hostInterrupts.physical {
            return GuestTimer.expired(isPhysical: true)
        } else if !other(number) {
            return
        }
        HostGIC.deactivate(value)
    }

    /// Whether it is complete.
    @inline(never)
    private static func other(_ number: Int) -> Bool {
        if number < HostGIC.firstPrivate {
            AArch64Port.cpu.pointee.loaded?.takeLines()
            AArch64Port.refreshInterrupts()
            CPUs.answerCalls()
            AArch64Port.cpu.pointee.needsReschedule = true
            return true
        }
        if number == HostGIC.maintenanceInterrupt {
            AArch64Port.refreshInterrupts()
            return true
        }
        return HostInterrupts.handle(number)
    }

    private static func fail(_ kind: UInt64) -> Never {
        let syndrome = read_esr_el2()
        var message = PanicMessage()
        message.append("exception of Hyper's own: vector ")
        message.append(kind, radix: 16)
        message.append(" ESR_EL2 ")
        message.append(syndrome, radix: 16)
        message.append(" ELR_EL2 ")
        message.append(read_elr_el2(), radix: 16)
        message.append(" FAR_EL2 ")
        message.append(read_far_el2(), radix: 16)
        // A Swift runtime check that fails is BRK.
        let breakpoint: UInt64 = 0x3c
        if syndrome >> 26 == breakpoint {
            message.append(" (a check in Swift; llvm-symbolizer on hyper.elf names the place)")
        }
        message.panic()
    }
}

@c(hyper_exception)
public func hyperException(_ kind: UInt64) { HostTraps.handle(kind) }
