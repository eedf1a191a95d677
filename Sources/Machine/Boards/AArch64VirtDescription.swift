import AArch64ISA
import ISA
import JIT

/// AArch64's board as the user describes it.
extension AArch64Virt: Board {
    public convenience init(_ description: MachineDescription, _ connections: BoardConnections) throws(InputError) {
        var configuration = try Configuration(
            cpu: try AArch64.CPUModel(cpu: description.cpu), description, connections)
        try Self.check(configuration)
        if let path = description.firmware, path != "none" {
            guard configuration.flash.isEmpty else {
                throw InputError(
                    file: "--flash", problem: "the first bank holds the firmware, which --firmware names too",
                    mend: "Give one of both.")
            }
            configuration.flash = [MachineDescription.Drive(path: path, isSnapshot: true)]
        }
        try self.init(
            configuration, gicVersion: description.option(GICVersion.self), secure: description.option(SecureState.self)
        )
    }

    private static func check(_ configuration: Configuration) throws(InputError) {
        guard configuration.cpus <= AArch64VirtLayout.maximumCPUs else {
            throw InputError(
                file: "--harts",
                problem: "\(configuration.cpus) CPUs, and this machine has at most \(AArch64VirtLayout.maximumCPUs)",
                mend: "Give another number.")
        }
        let limit: UInt64 = 1 << UInt64(configuration.cpu.physicalAddressBits) - AArch64VirtLayout.ramBase
        guard configuration.memorySize <= limit else {
            throw InputError(
                file: "--memory",
                problem: "\(ByteCount(configuration.memorySize)) at \(hexadecimal(AArch64VirtLayout.ramBase)) end "
                    + "beyond the \(configuration.cpu.physicalAddressBits) bits of this CPU's addresses",
                mend: "Ask for less.")
        }
    }

    public static func checkCPU(_ text: String?) throws(InputError) { _ = try AArch64.CPUModel(cpu: text) }

    public var translationFigures: TranslationFigures? {
        translator.map { TranslationFigures($0.statistics, of: executed, on: AArch64.ProcessingElement.self) }
    }

    public func translationListing(at address: UInt64) -> TranslationListing? {
        translator?.listing(at: address, of: elements[0])
    }

    public var ramBase: UInt64 { AArch64VirtLayout.ramBase }
    public var loadRules: any LoadRules { AArch64LoadRules() }

    public func deviceTree(for plan: LoadPlan, bootArguments: String?) -> DeviceTree {
        var tree = deviceTree
        tree.bootArguments = bootArguments
        tree.initrd = plan.initrd
        // What begins at EL3 is the firmware.
        tree.hasBuiltInFirmware = !beginsAtEL3(plan)
        return tree.tree
    }

    public func offerToFirmware(kernel: InputFile?, initrd: InputFile?, commandLine: String?) {
        if let kernel { firmwareConfiguration.add(kernel: kernel.bytes) }
        if let initrd { firmwareConfiguration.add(initrd: initrd.bytes) }
        if let commandLine { firmwareConfiguration.add(commandLine: commandLine) }
    }

    public func receiveBreak() { uart.receiveBreak() }

    public func powerOn(_ plan: LoadPlan) throws(InputError) {
        try plan.load(into: memory)
        powerOn(entry: plan.entry, deviceTree: plan.deviceTree ?? 0, atEL3: beginsAtEL3(plan))
    }

    /// An ELF program begins at EL3, where there is one, and what is in flash; a kernel's Image as firmware hands over. So it
    /// is on QEMU.
    private func beginsAtEL3(_ plan: LoadPlan) -> Bool {
        model.features.contains(.el3) && (hasImageInFlash || !plan.programs.isPlacedByRule)
    }

    public static var catalogEntry: MachineCatalog.Entry {
        typealias Layout = AArch64VirtLayout
        typealias SecureLayout = AArch64SecureDevices.Layout
        let rows: [(AddressWindow, String)] = [
            (Layout.flash.times(2), "flash: two banks (cfi-flash)"),
            (Layout.distributor, "intc: GICv2 or GICv3, the Distributor"),
            (Layout.cpuInterface, "intc: GICv2, the CPU interfaces"),
            (Layout.messageFrame, "v2m: GICv2m, for message-signalled interrupts"),
            (Layout.virtualControl, "intc: GICv2, control of virtual interrupts"),
            (Layout.virtualCPUInterface, "intc: GICv2, the virtual CPU interfaces"),
            (Layout.translationService, "its: GICv3, for message-signalled interrupts"),
            (Layout.redistributors, "intc: GICv3, the Redistributors"),
            (Layout.uart, "pl011: the console"),
            (Layout.rtc, "pl031: a real-time clock"),
            (Layout.firmwareConfiguration, "fw-cfg: qemu,fw-cfg-mmio"),
            (Layout.gpio, "pl061: GPIO, with the power key"),
            (SecureLayout.uart, "pl011: with secure=on, a UART of Secure state's"),
            (SecureLayout.gpio, "pl061: with secure=on, GPIO that turns the machine off"),
            (
                Layout.virtio.times(Layout.virtioCount),
                "virtio_mmio: \(Layout.virtioCount) slots, disks from the first on, then a network card and a display"
            ),
        ]
        return MachineCatalog.Entry(
            names: ["aarch64-virt"], summary: "AArch64, with the memory map of QEMU's arm virt board",
            architecture: .aarch64, firmware: .inFlash, processors: "CPUs", maximumProcessors: Layout.maximumCPUs,
            memory: "64K to 1T at \(hexadecimal(Layout.ramBase)); 128M by default",
            devices: MachineCatalog.listing(rows + Layout.pcie(memorySize: MachineDescription().memorySize).rows),
            cpu: "one of these, max where none is named; and el2=off, without EL2, or pauth=off, without FEAT_PAuth:",
            features: AArch64.CPUModel.all.map(\.name), options: [GICVersion.self, VirtIOBus.self, SecureState.self])
    }
}
