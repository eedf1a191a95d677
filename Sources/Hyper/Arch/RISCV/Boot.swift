import RISCV

/// The first hart, entered by its firmware with its number and a device tree; nothing is set up but a stack.
@c(hyper_start)
public func hyperStart(_ hart: UInt64, _ tree: UInt64) -> Never {
    guard let blob = FlattenedDeviceTree(at: tree, limit: 1 << 21) else {
        Firmware.write("hyper: a1 leads to no device tree: start Hyper through an SBI firmware that passes one\n")
        Firmware.powerOff(failed: true)
    }
    // Memory first: nothing can be allocated before, not even the CPU's record.
    BootMemory.add(blob, image: address_of_image_start()..<address_of_image_end())
    let cpu = CPUs.add(hardwareIdentifier: hart)
    set_thread_pointer(UInt64(UInt(bitPattern: cpu)))
    blob.forEachNode { node in
        if let frequency = node.property("timebase-frequency") {
            RISCVPort.counterFrequency = frequency.number(at: 0, cells: frequency.cellCount)
        }
        if let isa = node.property("riscv,isa") {
            if isa.containsExtension("_sstc") { RISCVPort.hasSupervisorTimer = true }
            if isa.containsExtension("_smstateen") { RISCVPort.hasStateEnable = true }
        }
    }
    RISCVPort.setAlarm(.max)
    RISCVPort.prepareForGuests()
    Hyper.start(blob)
}

@c(hyper_start_secondary)
public func hyperStartSecondary() -> Never {
    RISCVPort.setAlarm(.max)
    RISCVPort.prepareForGuests()
    Scheduler.idle()
}

extension RISCVPort {
    public static func startOtherCPUs() { CPUs.startOthers() }

    public static func start(_ cpu: CPUReference) -> Bool {
        Firmware.start(cpu.pointee.hardwareIdentifier, opaque: CPUs.initialStack(of: cpu))
    }

    public static func stop() -> Never {
        // Neither an alarm nor an interrupt of another CPU is wanted before the next start.
        csr_write_sie(0)
        setAlarm(.max)
        csr_clear_sip(1 << 1)
        Firmware.stop()
    }

    public static func isStopped(_ cpu: CPUReference) -> Bool { Firmware.isStopped(cpu.pointee.hardwareIdentifier) }
}

extension PropertyValue {
    /// Whether the one string of the value contains the text.
    fileprivate func containsExtension(_ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard bytes.count >= length else { return false }
        for start in 0...bytes.count - length where matches(bytes, start, length, text) { return true }
        return false
    }
}
