import ISA

/// What boards have in common beside their CPUs: flash, fw_cfg, VirtIO slots and PCI, with what the user puts there.
struct Peripherals {
    /// Where a board has them.
    struct Layout {
        /// The first of two banks, which follow each other.
        let flash: AddressWindow
        /// Where the first one is, if not there; nil where it is.
        var firstBank: AddressWindow?
        let firmwareConfiguration: AddressWindow
        /// The first of ``virtioCount`` slots, which follow each other.
        let virtio: AddressWindow
        let virtioCount: Int
        let pcie: PCIeHost.Layout

        func flashBank(_ index: Int) -> AddressWindow {
            index == 0 ? firstBank ?? flash : flash.next(index)
        }
    }

    /// Where their interrupts go.
    struct Interrupts {
        /// The wire of the VirtIO slot of that number.
        let virtio: (Int) -> InterruptLine
        /// The four wires of PCI.
        let pcie: [InterruptLine]
        /// Takes what functions on PCI send.
        let deliver: (PCIMessage) -> Void
    }

    let flash: [CFIFlash]
    let firmwareConfiguration: FirmwareConfiguration
    let virtio: [VirtIOMMIO]
    let pcie: PCIeHost
    /// The screen, and what a person in front of it has; nil on a machine without.
    let display: Display?

    /// Makes them and maps them.
    init<CPU>(
        _ configuration: BoardConfiguration<CPU>, _ layout: Layout, space: AddressSpace, _ interrupts: Interrupts
    ) throws(InputError) {
        let report = configuration.report
        flash = try Self.flashBanks(
            configuration.flash, memory: space.memory, layout, report: report)
        for (index, bank) in flash.enumerated() { space.map(bank, in: layout.flashBank(index)) }
        firmwareConfiguration = FirmwareConfiguration(
            name: "fw-cfg@" + String(layout.firmwareConfiguration.base, radix: 16), space: space,
            cpuCount: configuration.cpus)
        space.map(firmwareConfiguration, in: layout.firmwareConfiguration)
        var devices = try Self.disks(configuration.drives, report: report).map { $0 as any VirtIODevice }
        if let network = configuration.network {
            devices.append(VirtIONetwork(backend: network, macAddress: configuration.macAddress))
        }
        if configuration.hasDisplay {
            let gpu = VirtIOGPU(), keyboard = VirtIOInput(.keyboard), tablet = VirtIOInput(.tablet)
            display = Display(screen: gpu.screen, keyboard: keyboard.port, tablet: tablet.port)
            devices += [gpu, keyboard, tablet] as [any VirtIODevice]
        } else {
            display = nil
        }
        let last: [any VirtIODevice] = [VirtIOConsole(backend: NoConsole()), VirtIOEntropy(seed: configuration.seed)]
        pcie = PCIeHost(layout.pcie, space: space, interrupts: interrupts.pcie, deliver: interrupts.deliver)
        let isOnPCI = configuration.virtio == .pci
        try Self.check(
            devices.count + last.count, room: isOnPCI ? PCIeHost.room : layout.virtioCount,
            drives: configuration.drives.count)
        if isOnPCI {
            for device in devices + last {
                pcie.plug { VirtIOPCI(device, port: $0, space: space, clock: configuration.clock, report: report) }
            }
        }
        var slots: [(any VirtIODevice)?] = Array(repeating: nil, count: layout.virtioCount)
        if !isOnPCI {
            for (index, device) in devices.enumerated() { slots[index] = device }
            for (index, device) in last.enumerated() { slots[slots.count - last.count + index] = device }
        }
        virtio = slots.enumerated().map { index, device in
            let window = layout.virtio.next(index)
            let slot = VirtIOMMIO(
                name: "virtio_mmio@" + String(window.base, radix: 16), device: device,
                isLegacy: configuration.virtio == .legacy, space: space, clock: configuration.clock,
                interrupt: interrupts.virtio(index), report: report)
            space.map(slot, in: window)
            return slot
        }
    }

    /// Refuses more devices than there is room for.
    private static func check(_ count: Int, room: Int, drives: Int) throws(InputError) {
        guard count > room else { return }
        // A console and an entropy source are always there.
        let others = count - drives
        throw InputError(
            file: "--drive",
            problem: "\(drives) drives, and the machine has slots for \(room - others)"
                + (others == 2 ? "" : " besides its other devices"),
            mend: "Put several file systems on one disk.")
    }

    private static func disks(
        _ drives: [MachineDescription.Drive], report: @escaping (String) -> Void
    ) throws(InputError) -> [VirtIOBlock] {
        var disks: [VirtIOBlock] = []
        for (index, drive) in drives.enumerated() {
            do throws(BlockError) {
                let file = try FileDisk(path: drive.path, isReadOnly: drive.isReadOnly || drive.isSnapshot)
                disks.append(
                    VirtIOBlock(
                        backend: drive.isSnapshot ? OverlayDisk(over: file) : file, serial: "disk\(index)",
                        report: report))
            } catch {
                throw InputError(file: "--drive", problem: "\(error)", mend: "Check the path and its permissions.")
            }
        }
        return disks
    }

    /// Two banks of flash, of which the first holds the first image.
    private static func flashBanks(
        _ images: [MachineDescription.Drive], memory: PhysicalMemory, _ layout: Layout,
        report: @escaping (String) -> Void
    ) throws(InputError) -> [CFIFlash] {
        let count = 2
        guard images.count <= count else {
            throw InputError(
                file: "--flash", problem: "\(images.count) images, and the machine has \(count) banks",
                mend: "Give at most \(count).")
        }
        var banks: [CFIFlash] = []
        for index in 0..<count {
            let image = index < images.count ? images[index] : nil
            let window = layout.flashBank(index)
            do {
                let contents = try image.map { (image) throws(BlockError) in
                    try FileDisk(path: image.path, isReadOnly: image.isReadOnly || image.isSnapshot)
                }
                let access: CFIFlash.Access =
                    image.map { $0.isReadOnly ? .readOnly : $0.isSnapshot ? .copyOnWrite : .writeThrough }
                    ?? .copyOnWrite
                banks.append(
                    try CFIFlash(
                        name: "flash@" + String(layout.flash.next(index).base, radix: 16), memory: memory,
                        base: window.base, size: window.size,
                        contents: contents, access: access, report: report))
            } catch {
                throw InputError(file: "--flash", problem: "\(error)")
            }
        }
        return banks
    }
}
