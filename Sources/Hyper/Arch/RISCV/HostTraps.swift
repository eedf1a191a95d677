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
            RISCVPort.takeLines()
            CPUs.answerCalls()
            RISCVPort.cpu.pointee.needsReschedule = true
        default: break
        }
    }

    private static func fail(_ cause: UInt64) -> Never {
        let (pc, value) = (csr_read_sepc(), csr_read_stval())
        Firmware.write("\nhyper: trap of Hyper's own: scause ")
        hexadecimal(cause)
        Firmware.write(" sepc ")
        hexadecimal(pc)
        Firmware.write(" stval ")
        hexadecimal(value)
        // A Swift runtime check that fails is an illegal instruction.
        if cause == 2 { Firmware.write(" (a check in Swift; llvm-symbolizer on hyper.elf names the place)") }
        Firmware.write("\n")
        Firmware.powerOff(failed: true)
    }

    private static func hexadecimal(_ value: UInt64) {
        Firmware.write("0x")
        var shift: UInt64 = 64
        while shift > 0 {
            shift -= 4
            let digit = UInt8(truncatingIfNeeded: value >> shift) & 15
            Firmware.write(digit < 10 ? 0x30 + digit : 0x57 + digit)
        }
    }
}

@c(hyper_trap)
public func hyperTrap() { HostTraps.handle() }
