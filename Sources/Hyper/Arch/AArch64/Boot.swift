import AArch64

/// The first CPU, with memory translated one to one, and the address of a device tree in x0 from its boot loader.
@c(hyper_start)
public func hyperStart(_ tree: UInt64) -> Never {
    guard let blob = FlattenedDeviceTree(at: tree, limit: HostMemory.treeLimit) else {
        Port.panic("x0 leads to no device tree: start Hyper as a boot loader starts Linux")
    }
    blob.forEachNode { node in
        if EarlyConsole.base == 0, node.isCompatible(with: "arm,pl011"), let registers = node.range() {
            EarlyConsole.base = registers.base
        }
        if node.isCompatible(with: "arm,armv8-timer"), let interrupts = node.property("interrupts") {
            // Of the secure and the other physical timer, the virtual one and the hypervisor's, of three cells each.
            func interrupt(_ place: Int) -> Int { Int(interrupts.cell(place * 3 + 1) & 15) + HostGIC.firstPrivate }
            GuestTimer.hostInterrupts = (virtual: interrupt(2), physical: interrupt(1))
            AArch64Port.alarmInterrupt = interrupt(3)
        }
    }
    HostGIC.privateInterrupts =
        1 << UInt64(AArch64Port.alarmInterrupt) | 1 << UInt64(GuestTimer.hostInterrupts.virtual)
        | 1 << UInt64(GuestTimer.hostInterrupts.physical)
    // Memory first: nothing can be allocated before, not even the CPU's record.
    BootMemory.add(blob, image: address_of_image_start()..<address_of_image_end())
    let cpu = CPUs.add(hardwareIdentifier: AArch64Port.affinity)
    write_tpidr_el2(UInt64(UInt(bitPattern: cpu)))
    AArch64Port.counterFrequency = max(read_cntfrq_el0(), 1)
    AArch64Port.setAlarm(.max)
    AArch64Port.prepareForGuests()
    Hyper.start(blob)
}

@c(hyper_start_secondary)
public func hyperStartSecondary() -> Never {
    AArch64Port.setAlarm(.max)
    AArch64Port.prepareForGuests()
    HostGIC.startCPU()
    Scheduler.idle()
}

extension AArch64Port {
    /// What tells this CPU from others (MPIDR_EL1): Aff3 to Aff0, as device trees and PSCI have them.
    static var affinity: UInt64 { read_mpidr_el1() & 0xff_00ff_ffff }

    public static func startOtherCPUs() { CPUs.startOthers() }

    public static func start(_ cpu: CPUReference) -> Bool {
        let stack = CPUs.initialStack(of: cpu)
        data_barrier()
        return Firmware.start(cpu.pointee.hardwareIdentifier, argument: stack)
    }

    public static func stop() -> Never {
        // Neither an alarm nor an interrupt of another CPU is wanted before the next start.
        setAlarm(.max)
        HostGIC.stopCPU()
        Firmware.stop()
    }

    public static func isStopped(_ cpu: CPUReference) -> Bool { Firmware.isStopped(cpu.pointee.hardwareIdentifier) }
}
