import RISCV

/// An exception or interrupt. Returns where to go on.
@c public func basic_trap_taken(_ cause: UInt64, _ pc: UInt64, _ value: UInt64) -> UInt64 {
    if Int64(bitPattern: cause) < 0 {
        takeInterrupt(cause & ~(1 << 63))
        return pc
    }
    guard let trap = UnsafeMutablePointer<basic_trap>(bitPattern: UInt(csr_read_sscratch())) else {
        unexpected(cause, pc, value)
    }
    // SAFETY: sscratch holds the record of the attempt that this hart is making, on its stack.
    trap.pointee.cause = cause
    trap.pointee.value = value
    trap.pointee.pc = pc
    trap.pointee.status = csr_read_sstatus()
    csr_write_sscratch(0)
    let supervisor: UInt64 = 1 << 8  // SPP: the attempt may have been user mode's
    csr_set_sstatus(supervisor)
    return trap.pointee.landing
}

private func takeInterrupt(_ cause: UInt64) {
    let hart = Machine.thisHart, budget = hart_budget(hart)
    if budget > 0 {
        set_hart_budget(hart, budget - 1)
        if budget == 1 { csr_write_sie(0) }
    }
    switch cause {
    case 1:
        csr_clear_sip(Interrupt.software)
        set_hart_software_interrupts(hart, hart_software_interrupts(hart) &+ 1)
    case 5:
        Machine.hart(hart).pointee.timer_time = Clock.now
        Timer.rearm()
        set_hart_timer_interrupts(hart, hart_timer_interrupts(hart) &+ 1)
    case 9:
        guard let plic = Machine.plic else { unexpected(1 << 63 | cause, csr_read_sepc(), 0) }
        let source = plic.claim(hart)
        Serial.interrupted(source)
        RealTimeClock.interrupted(source)
        plic.complete(hart, source)
        Machine.hart(hart).pointee.claimed = source
        set_hart_external_interrupts(hart, hart_external_interrupts(hart) &+ 1)
    default: unexpected(1 << 63 | cause, csr_read_sepc(), 0)
    }
}

private func unexpected(_ cause: UInt64, _ pc: UInt64, _ value: UInt64) -> Never {
    Console.write("fail no unexpected trap: hart ")
    Console.decimal(Machine.hart(Machine.thisHart).pointee.identifier)
    Console.write(" scause ")
    Console.hexadecimal(cause)
    Console.write(" sepc ")
    Console.hexadecimal(pc)
    Console.write(" stval ")
    Console.hexadecimal(value)
    Console.write("\n")
    stop("a trap that nothing asked for")
}

/// Steps that may trap.
enum Attempt {
    static func load(_ address: UInt64) -> basic_trap { run { try_load($0, address) } }
    static func store(_ address: UInt64, _ value: UInt64) -> basic_trap { run { try_store($0, address, value) } }
    static func call(_ address: UInt64) -> basic_trap { run { try_call($0, address) } }

    static func load(_ address: UInt64, width: UInt64) -> basic_trap {
        run {
            switch width {
            case 1: try_load_byte($0, address)
            case 2: try_load_half($0, address)
            case 4: try_load_word($0, address)
            default: try_load($0, address)
            }
        }
    }

    static func store(_ address: UInt64, _ value: UInt64, width: UInt64) -> basic_trap {
        run {
            switch width {
            case 1: try_store_byte($0, address, value)
            case 2: try_store_half($0, address, value)
            case 4: try_store_word($0, address, value)
            default: try_store($0, address, value)
            }
        }
    }

    static func run(_ body: (UnsafeMutablePointer<basic_trap>) -> Void) -> basic_trap {
        var trap = basic_trap()
        withUnsafeMutablePointer(to: &trap, body)
        return trap
    }
}

extension basic_trap {
    var didTrap: Bool { cause != ~0 }
}
