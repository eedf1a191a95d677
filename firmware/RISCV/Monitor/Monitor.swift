import RISCV

// A small hypervisor: one guest on one hart, with every exit printed. It shows, and checks, what a hypervisor needs of
// the machine and its firmware: two-stage translation, exits with their registers, and virtual time.

@c public func monitor_main(_ hart: UInt64, _ tree: UInt64) -> Never {
    Console.start()
    Console.write("monitor: hart ")
    Console.decimal(hart)
    Console.write(", guest of ")
    Console.decimal(size_of_guest_image())
    Console.write(" bytes in ")
    Console.decimal(size_of_guest_memory() >> 20)
    Console.write(" MiB\n\n")
    var guest = VirtualMachine()
    guest.prepare()
    guest.run()
}

/// A trap of the monitor itself, for which it has no use.
@c public func monitor_trap(_ cause: UInt64, _ pc: UInt64, _ value: UInt64) -> Never {
    Console.write("monitor: trap in the monitor: scause ")
    Console.hexadecimal(cause)
    Console.write(" sepc ")
    Console.hexadecimal(pc)
    Console.write(" stval ")
    Console.hexadecimal(value)
    if cause == 2 { Console.write(" (does the machine have the H extension?)") }
    Console.write("\n")
    Firmware.powerOff(failed: true)
}

/// The SBI as the monitor uses it.
enum Firmware {
    static let baseExtension: UInt64 = 0x10, probe: UInt64 = 3
    static let timerExtension: UInt64 = 0x5449_4d45
    static let resetExtension: UInt64 = 0x5352_5354
    static let consoleExtension: UInt64 = 0x4442_434e, writeByte: UInt64 = 2, legacyPutCharacter: UInt64 = 1

    static func has(_ number: UInt64) -> Bool {
        let answer = sbi_call(baseExtension, probe, number, 0, 0)
        return answer.error == 0 && answer.value != 0
    }

    static func setTimer(_ deadline: UInt64) { _ = sbi_call(timerExtension, 0, deadline, 0, 0) }

    static func powerOff(failed: Bool) -> Never {
        let shutdown: UInt64 = 0, systemFailure: UInt64 = 1
        _ = sbi_call(resetExtension, 0, shutdown, failed ? systemFailure : 0, 0)
        while true { wait_for_interrupt() }
    }
}

/// The debug console, or the legacy one where the firmware has none.
enum Console: TextSink {
    nonisolated(unsafe) private static var isDebugConsole = false

    static func start() { isDebugConsole = Firmware.has(Firmware.consoleExtension) }

    static func put(_ byte: UInt8) {
        if isDebugConsole {
            _ = sbi_call(Firmware.consoleExtension, Firmware.writeByte, UInt64(byte), 0, 0)
        } else {
            _ = sbi_call(Firmware.legacyPutCharacter, 0, UInt64(byte), 0, 0)
        }
    }
}
