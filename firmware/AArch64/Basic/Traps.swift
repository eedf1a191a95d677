/// Classes of exceptions (ESR_EL1.EC, D13.2.37).
enum Cause {
    static let unknown: UInt64 = 0x00, call: UInt64 = 0x15, systemRegister: UInt64 = 0x18
    static let fetchLower: UInt64 = 0x20, fetch: UInt64 = 0x21, dataLower: UInt64 = 0x24, data: UInt64 = 0x25
    static let breakpoint: UInt64 = 0x3c
}

/// An exception or interrupt, by the vector that it came by. Returns where to go on.
@c public func basic_trap_taken(_ kind: UInt64, _ pc: UInt64, _ syndrome: UInt64, _ address: UInt64) -> UInt64 {
    if kind == 1 {
        takeInterrupt()
        return pc
    }
    let hart = Machine.thisHart
    guard kind == 0, let trap = attempt_of(hart) else { unexpected(kind, pc, syndrome, address) }
    // SAFETY: the record of the attempt that this CPU is making, on its stack.
    trap.pointee.cause = syndrome >> 26
    trap.pointee.value = address
    trap.pointee.pc = pc
    trap.pointee.status = syndrome & 0x1ff_ffff
    end_attempt(hart)
    return trap.pointee.landing
}

private func takeInterrupt() {
    guard let gic = Machine.gic else { unexpected(1, 0, 0, 0) }
    let hart = Machine.thisHart, value = gic.acknowledge(), number = value & 0x3ff
    // What was withdrawn meanwhile is none.
    guard number < 1020 else { return }
    let budget = hart_budget(hart)
    if budget > 0 {
        set_hart_budget(hart, budget - 1)
        if budget == 1 { Interrupt.disableAll() }
    }
    if number < 16 {
        set_hart_software_interrupts(hart, hart_software_interrupts(hart) &+ 1)
    } else if number == Timer.interrupt {
        Machine.hart(hart).pointee.timer_time = Clock.now
        Timer.rearm()
        set_hart_timer_interrupts(hart, hart_timer_interrupts(hart) &+ 1)
    } else {
        Serial.interrupted(number)
        RealTimeClock.interrupted(number)
        Machine.hart(hart).pointee.claimed = number
        set_hart_external_interrupts(hart, hart_external_interrupts(hart) &+ 1)
    }
    gic.complete(value)
}

private func unexpected(_ kind: UInt64, _ pc: UInt64, _ syndrome: UInt64, _ address: UInt64) -> Never {
    Console.write("fail no unexpected trap: CPU ")
    Console.decimal(Machine.thisHart)
    Console.write(" vector ")
    Console.decimal(kind)
    Console.write(" ESR_EL1 ")
    Console.hexadecimal(syndrome)
    Console.write(" ELR_EL1 ")
    Console.hexadecimal(pc)
    Console.write(" FAR_EL1 ")
    Console.hexadecimal(address)
    Console.write("\n")
    stop("an exception that nothing asked for")
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
