/// The host's Generic Interrupt Controller, version 2 (IHI 0048B).
public final class GICv2Driver: HostInterruptController, HostDevice {
    public static var driver: Driver {
        Driver("gicv2", compatible: ["arm,cortex-a15-gic", "arm,gic-400", "arm,cortex-a7-gic"]) {
            (node) throws(HyperError) in
            let registers = try node.registers()
            guard registers.count >= 4 else {
                throw node.wrong("reg", "must have four entries, of which the last two are what a hypervisor needs")
            }
            VirtualInterface.begin(
                base: registers[2].base,
                guestRegisters: MemoryRange(base: registers[3].base, size: min(registers[3].size, 0x2000)))
            if let maintenance = try node.interrupts().first?.number { HostGIC.maintenanceInterrupt = maintenance }
            HostGIC.begin(distributor: registers[0].base, interface: registers[1].base)
            let driver = GICv2Driver()
            HostInterrupts.controller = driver
            return driver
        }
    }

    public func remove() { HostInterrupts.controller = nil }

    public func enable(_ number: Int) { HostGIC.enable(number) }
    public func disable(_ number: Int) { HostGIC.disable(number) }
    /// Those of the CPU's own come here, too: a port that uses them asks ``HostGIC`` by itself.
    public func claim() -> Int? { HostGIC.acknowledge().map { HostGIC.number($0) } }
    public func complete(_ number: Int, claimedBy cpu: CPUReference) { HostGIC.deactivate(UInt64(number)) }
}
