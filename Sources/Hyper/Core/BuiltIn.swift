/// What this build has by itself, by its configuration (firmware/Kconfig); modules bring more.
///
/// A symbol that is off leaves its line's code out of the image: the condition is a constant, and what nobody calls is not
/// linked. The compiler checks all of it in every build, so that no configuration can be one that does not compile.
enum BuiltIn {
    static var drivers: [Driver] {
        var drivers = Port.drivers
        if Configuration.DRIVER_GOLDFISH_RTC { drivers.append(GoldfishRTCDriver.driver) }
        if Configuration.DRIVER_NS16550 { drivers.append(NS16550Driver.driver) }
        if Configuration.DRIVER_PLIC { drivers.append(PLICDriver.driver) }
        if Configuration.DRIVER_PCI_HOST { drivers.append(PCIHostDriver.driver) }
        if Configuration.DRIVER_VIRTIO_MMIO { drivers.append(VirtIODrivers.mmio) }
        if Configuration.DRIVER_VIRTIO_PCI { drivers.append(VirtIODrivers.pci) }
        return drivers
    }

    static var emulators: [Emulator] {
        var emulators = Port.emulators
        if Configuration.EMULATOR_GOLDFISH_RTC { emulators.append(GoldfishRTCEmulator.emulator) }
        if Configuration.EMULATOR_NS16550 { emulators.append(NS16550Emulator.emulator) }
        if Configuration.EMULATOR_PCI_HOST { emulators.append(PCIHostEmulator.emulator) }
        if Configuration.EMULATOR_PLIC { emulators.append(PLICEmulator.emulator) }
        if Configuration.EMULATOR_TEST { emulators.append(TestEmulator.emulator) }
        if Configuration.EMULATOR_VIRTIO_MMIO { emulators.append(VirtIOMMIOEmulator.emulator) }
        return emulators
    }

    static var commands: [Command] {
        var commands: [Command] = [.shutdown, .reset]
        if Configuration.COMMAND_DEVTREE { commands.append(.devtree) }
        if Configuration.COMMAND_DISPLAY { commands.append(.display) }
        if Configuration.COMMAND_GUEST { commands.append(.guest) }
        if Configuration.COMMAND_HEAP { commands.append(.heap) }
        if Configuration.COMMAND_HOST { commands.append(.host) }
        if Configuration.COMMAND_INPUT { commands.append(.input) }
        if Configuration.COMMAND_MEMORY { commands.append(.memory) }
        if Configuration.COMMAND_MODULE { commands.append(.module) }
        if Configuration.COMMAND_NET { commands.append(.net) }
        if Configuration.PROFILER { commands.append(.profile) }
        if Configuration.COMMAND_SELFTEST { commands.append(.selftest) }
        if Configuration.COMMAND_THREAD { commands.append(.thread) }
        if Configuration.COMMAND_VCPU { commands.append(.vcpu) }
        if Configuration.COMMAND_VDISK { commands.append(.vdisk) }
        if Configuration.COMMAND_VFS { commands.append(.vfs) }
        if Configuration.COMMAND_VSERIAL { commands.append(.vserial) }
        return commands
    }
}
