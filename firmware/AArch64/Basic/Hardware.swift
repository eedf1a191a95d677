// What Swift cannot say itself, for all files of the image.
@_exported import AArch64

/// PSCI (DEN0022), by HVC.
enum PSCI {
    static let version: UInt64 = 0x8400_0000, suspend: UInt64 = 0xc400_0001, off: UInt64 = 0x8400_0002
    static let on: UInt64 = 0xc400_0003, affinityInformation: UInt64 = 0xc400_0004
    static let migrateInformation: UInt64 = 0x8400_0006, systemOff: UInt64 = 0x8400_0008
    static let systemReset: UInt64 = 0x8400_0009, features: UInt64 = 0x8400_000a
    static let notSupported: Int64 = -1, invalidParameters: Int64 = -2, alreadyOn: Int64 = -4

    static func call(_ function: UInt64, _ x1: UInt64 = 0, _ x2: UInt64 = 0, _ x3: UInt64 = 0) -> Int64 {
        Int64(bitPattern: call_hypervisor(function, x1, x2, x3))
    }
}

/// What the commands and devices of all architectures ask of this one.
enum Firmware {
    /// PSCI has no console.
    static func put(_ byte: UInt8) {}

    static func read() -> UInt8 {
        while true { Clock.sleep(milliseconds: 1000) }
    }

    static func end(reset: Bool, failed: Bool) -> Never {
        _ = PSCI.call(reset ? PSCI.systemReset : PSCI.systemOff)
        while true { wait() }
    }
}

/// Interrupts of devices, by the GIC. They are pending for a CPU whose PSTATE masks them, too (ISR_EL1).
enum External {
    static func isPresent(_ hart: UInt64) -> Bool { Machine.gic != nil }

    static func turnOn(_ hart: UInt64, _ source: UInt64) {
        guard let gic = Machine.gic else { return }
        gic.setPriority(source, 0x80)
        gic.setTargets(source, 1 << UInt8(hart))
        gic.setEnabled(source, true)
    }

    static func turnOff(_ hart: UInt64, _ source: UInt64) { Machine.gic?.setEnabled(source, false) }
    static var isPending: Bool { read_isr_el1() & 0x80 != 0 }
    /// What is pending for the CPU; 0 for nothing.
    static func claim(_ hart: UInt64) -> UInt64 {
        guard let gic = Machine.gic else { return 0 }
        let number = gic.acknowledge() & 0x3ff
        return number < 1020 ? number : 0
    }
    static func complete(_ hart: UInt64, _ source: UInt64) { Machine.gic?.complete(source) }

    /// Sleeps until one is pending, a second at most.
    static func sleep() -> Bool { Interrupt.sleep { isPending } }
}

/// Guests have no counter of instructions.
enum Counters {
    static func read() -> (cycles: UInt64, instructions: UInt64)? { nil }
    static func ofLoad(_ address: UInt64) -> UInt64 { 0 }
}
