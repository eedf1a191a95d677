/// The host's Generic Interrupt Controller. What is done with it is ``HostGIC``'s.
public final class GICDriver: HostInterruptController, HostDevice {
    /// A GICv2 (IHI 0048B).
    public static var version2: Driver {
        Driver("gicv2", compatible: ["arm,cortex-a15-gic", "arm,gic-400", "arm,cortex-a7-gic"]) {
            (node) throws(HyperError) in
            let registers = try node.registers()
            guard registers.count >= 4 else {
                throw node.wrong("reg", "must have four entries, of which the last two are what a hypervisor needs")
            }
            VirtualInterface.begin(
                base: registers[2].base,
                guestRegisters: MemoryRange(base: registers[3].base, size: min(registers[3].size, 0x2000)))
            try findMaintenanceInterrupt(node)
            HostGIC.begin(distributor: registers[0].base, interface: registers[1].base)
            return GICDriver()
        }
    }

    /// A GICv3 (IHI 0069).
    public static var version3: Driver {
        Driver("gicv3", compatible: ["arm,gic-v3"]) { (node) throws(HyperError) in
            let registers = try node.registers()
            let regions = Int(node.number("#redistributor-regions") ?? 1)
            guard registers.count > regions else {
                throw node.wrong("reg", "must have the Distributor, and \(regions) regions of Redistributors")
            }
            try findMaintenanceInterrupt(node)
            Redistributors.regions = Array(registers[1...regions])
            HostGIC.begin(distributor: registers[0].base)
            VirtualInterface.begin()
            return GICDriver()
        }
    }

    private static func findMaintenanceInterrupt(_ node: DeviceTreeNode) throws(HyperError) {
        if let number = try node.interrupts().first?.number { HostGIC.maintenanceInterrupt = number }
    }

    private init() { HostInterrupts.controller = self }

    public func remove() { HostInterrupts.controller = nil }

    public func enable(_ number: Int) {
        if number < HostGIC.firstMessage { return HostGIC.enable(number) }
        if Configuration.DRIVER_GICV3_ITS { ITSDriver.known?.enable(number) }
    }

    public func disable(_ number: Int) {
        if number < HostGIC.firstMessage { return HostGIC.disable(number) }
        if Configuration.DRIVER_GICV3_ITS { ITSDriver.known?.disable(number) }
    }

    /// Those of the CPU's own come here, too: a port that uses them asks ``HostGIC`` by itself.
    public func claim() -> Int? { HostGIC.acknowledge().map { HostGIC.number($0) } }
    public func complete(_ number: Int, claimedBy cpu: CPUReference) {
        guard number < HostGIC.firstMessage else { return }
        if cpu == Port.cpu { return HostGIC.deactivate(UInt64(number)) }
        // QEMU's GICv2 keeps what is active for each CPU interface: another one's deactivation does nothing there, and no
        // interrupt of the device comes any more. The Distributor's register is nobody's.
        HostGIC.clearActive(number)
    }
}
