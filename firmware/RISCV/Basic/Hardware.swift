// What Swift cannot say itself, for all files of the image.
@_exported import RISCV

/// What the commands and devices of all architectures ask of this one.
enum Firmware {
    static func put(_ byte: UInt8) { SBI.put(byte) }
    static func read() -> UInt8 { SBI.read() }

    /// The end by SRST. A failure of tests is the reason.
    static func end(reset: Bool, failed: Bool) -> Never {
        let coldReboot: UInt64 = 1
        if reset { _ = SBI.call(SBI.systemReset, 0, coldReboot, 0) }
        SBI.shutDown(failed: failed)
    }
}

/// Interrupts of devices, by the PLIC.
enum External {
    static func isPresent(_ hart: UInt64) -> Bool { Machine.plic != nil && Machine.hart(hart).pointee.context != ~0 }

    static func turnOn(_ hart: UInt64, _ source: UInt64) {
        guard let plic = Machine.plic else { return }
        plic.setPriority(source, 1)
        plic.setThreshold(hart, 0)
        plic.setEnabled(hart, source, true)
    }

    static func turnOff(_ hart: UInt64, _ source: UInt64) { Machine.plic?.setEnabled(hart, source, false) }
    static var isPending: Bool { csr_read_sip() & Interrupt.external != 0 }
    /// What is pending for the hart; 0 for nothing.
    static func claim(_ hart: UInt64) -> UInt64 { Machine.plic?.claim(hart) ?? 0 }
    static func complete(_ hart: UInt64, _ source: UInt64) { Machine.plic?.complete(hart, source) }
    /// Sleeps until one is pending, a second at most.
    static func sleep() -> Bool { Interrupt.sleep(Interrupt.external) { isPending } }
}

/// Cycles and instructions of this hart; nil where they may not be read.
enum Counters {
    static func read() -> (cycles: UInt64, instructions: UInt64)? {
        let mayBeRead = !Attempt.run { try_cycle($0) }.didTrap && !Attempt.run { try_instret($0) }.didTrap
        return mayBeRead ? (csr_read_cycle(), csr_read_instret()) : nil
    }

    static func ofLoad(_ address: UInt64) -> UInt64 { instructions_of_load(address) }
}
