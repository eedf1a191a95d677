/// The memory map and interrupt numbers of QEMU's arm `virt` board (hw/arm/virt.c, version 7.2), with a GICv2 or a GICv3.
public enum AArch64VirtLayout {
    /// The first of two banks, which follow each other.
    public static let flash = AddressWindow(base: 0, size: 0x400_0000)
    public static let distributor = AddressWindow(base: 0x800_0000, size: 0x1_0000)
    public static let cpuInterface = AddressWindow(base: 0x801_0000, size: 0x1_0000)
    /// GICv2m, beside a GICv2.
    public static let messageFrame = AddressWindow(base: 0x802_0000, size: 0x1000)
    public static let virtualControl = AddressWindow(base: 0x803_0000, size: 0x1_0000)
    public static let virtualCPUInterface = AddressWindow(base: 0x804_0000, size: 0x1_0000)
    /// Of a GICv3, as the next.
    public static let translationService = AddressWindow(base: 0x808_0000, size: 0x2_0000)
    /// Room for those of 123 CPUs.
    public static let redistributors = AddressWindow(base: 0x80a_0000, size: 0xf6_0000)
    public static let uart = AddressWindow(base: 0x900_0000, size: 0x1000)
    public static let rtc = AddressWindow(base: 0x901_0000, size: 0x1000)
    public static let firmwareConfiguration = AddressWindow(base: 0x902_0000, size: 0x18)
    public static let gpio = AddressWindow(base: 0x903_0000, size: 0x1000)
    /// The first of ``virtioCount`` slots, which follow each other.
    public static let virtio = AddressWindow(base: 0xa00_0000, size: 0x200)
    public static let ramBase: UInt64 = 0x4000_0000

    public static let virtioCount = 32
    /// Shared interrupts, counted from 0: INTID 32.
    public static let uartInterrupt = 1
    public static let rtcInterrupt = 2
    /// Of the first of PCI's four wires; each next one has the next.
    public static let pcieInterrupt = 3
    public static let gpioInterrupt = 7
    /// Of the first slot; each next slot has the next.
    public static let virtioInterrupt = 16
    /// Those that a GICv2m makes of messages, and their number.
    public static let messageInterrupt = 48
    public static let messageInterruptCount = 64
    public static let sharedInterrupts = 256
    /// Private interrupts, by INTID.
    public static let monitorsInterrupt = 23
    public static let maintenanceInterrupt = 25
    public static let hypervisorTimerInterrupt = 26
    public static let virtualTimerInterrupt = 27
    public static let hypervisorVirtualTimerInterrupt = 28
    public static let physicalTimerInterrupt = 30
    /// The system counter counts this many times a second.
    public static let counterFrequency: UInt64 = 62_500_000
    public static let peripheralClock: UInt32 = 24_000_000
    public static let maximumCPUs = 8

    static func peripherals(memorySize: UInt64, isSecure: Bool = false) -> Peripherals.Layout {
        Peripherals.Layout(
            flash: flash, firstBank: isSecure ? AArch64SecureDevices.place(flash) : flash,
            firmwareConfiguration: firmwareConfiguration, virtio: virtio, virtioCount: virtioCount,
            pcie: pcie(memorySize: memorySize))
    }

    /// Configuration space and wide addresses are behind 255 GiB of RAM, and behind what is more, and the Redistributors of
    /// more CPUs than there are; each at a multiple of its size.
    static func pcie(memorySize: UInt64) -> PCIeHost.Layout {
        func behind(_ address: UInt64, _ size: UInt64) -> AddressWindow {
            AddressWindow(base: (address + size - 1) & ~(size - 1), size: size)
        }
        let redistributors = behind(ramBase + max(memorySize, 255 << 30), 64 << 20)
        let configuration = behind(redistributors.end, 256 << 20)
        return PCIeHost.Layout(
            configuration: configuration, memory: AddressWindow(base: 0x1000_0000, size: 0x2eff_0000),
            wideMemory: behind(configuration.end, 512 << 30),
            ports: AddressWindow(base: 0x3eff_0000, size: 0x1_0000))
    }
}

/// The device tree of QEMU's arm `virt` board, node for node and in its order.
///
/// Differences from QEMU 7.2, all on purpose: no `platform-bus`, which is empty there; and no random numbers in `chosen`
/// but those that are given, so that a run is repeatable.
public struct AArch64VirtDeviceTree: Sendable {
    public var cpus: Int
    public var memorySize: UInt64
    /// As the CPU's binding names it: `arm,cortex-a72`.
    public var cpu: String
    /// Firmware is called by SMC where there is EL2 to call by HVC, and else by HVC.
    public var hasEL2: Bool
    public var gicVersion: AArch64Virt.GICVersion
    /// There is Secure state, with devices of its own.
    public var isSecure: Bool
    /// The board answers calls of firmware.
    public var hasBuiltInFirmware: Bool
    public var bootArguments: String?
    public var initrd: Range<UInt64>?
    public var randomSeed: [UInt32] = []

    public init(
        cpus: Int, memorySize: UInt64, cpu: String, hasEL2: Bool, gicVersion: AArch64Virt.GICVersion = .two,
        isSecure: Bool = false, hasBuiltInFirmware: Bool = true
    ) {
        precondition((1...AArch64VirtLayout.maximumCPUs).contains(cpus))
        self.cpus = cpus
        self.memorySize = memorySize
        self.cpu = cpu
        self.hasEL2 = hasEL2
        self.gicVersion = gicVersion
        self.isSecure = isSecure
        self.hasBuiltInFirmware = hasBuiltInFirmware
    }

    private typealias Layout = AArch64VirtLayout

    /// Handles are numbered as QEMU does: the clock, then the CPUs from the last to the first, and so on.
    let clockHandle: UInt32 = 0x8000
    private func cpuHandle(_ index: Int) -> UInt32 { clockHandle + UInt32(cpus - index) }
    private var interruptControllerHandle: UInt32 { clockHandle + UInt32(cpus) + 1 }
    private var messageHandle: UInt32 { interruptControllerHandle + 1 }
    var gpioHandle: UInt32 { interruptControllerHandle + 2 }

    enum InterruptKind: UInt32 { case shared = 0, `private` = 1 }
    /// The third cell of an interrupt (bindings/interrupt-controller/arm,gic.yaml): how it is triggered.
    private static let risingEdge: UInt32 = 1, highLevel: UInt32 = 4
    /// Of private interrupts: a GICv2's have a mask of the CPUs too.
    private var privateLevel: UInt32 {
        gicVersion == .two ? Self.highLevel | UInt32(1 << cpus - 1) << 8 : Self.highLevel
    }

    /// The tree.
    public var tree: DeviceTree {
        var tree = DeviceTree()
        tree.root.set("interrupt-parent", cells: interruptControllerHandle)
        tree.root.set("model", "linux,dummy-virt")
        tree.root.set("#size-cells", cells: 2)
        tree.root.set("#address-cells", cells: 2)
        tree.root.set("compatible", "linux,dummy-virt")
        tree.root.children = hasBuiltInFirmware ? [psci] : []
        tree.setMemory(base: Layout.ramBase, size: memorySize)
        tree.root.children += [firmwareConfiguration]
        tree.root.children += (0..<Layout.virtioCount).map(virtio)
        tree.root.children += isSecure ? [gpioRestart, gpioPowerOff, secureGPIO] : []
        tree.root.children += [gpioKeys, gpio, pcie, rtc]
        tree.root.children += isSecure ? [secureSerial, secureMemory] : []
        tree.root.children += [serial, monitors, interruptController]
        tree.root.children += isSecure ? [secondFlash, secureFlash] : [flash]
        tree.root.children += [processors, timer, clock]
        tree.root.children += isSecure ? [secureChosen] : []
        tree.root.children += [DeviceTree.Node("chosen")]
        tree.setStandardOutput("/" + Self.name("pl011", Layout.uart))
        tree.setBootArguments(bootArguments)
        tree.setInitrd(initrd)
        if !randomSeed.isEmpty { tree.edit("/chosen") { $0.set("rng-seed", cells: randomSeed) } }
        return tree
    }

    // MARK: Processors

    /// Power State Coordination Interface (bindings/arm/psci.yaml).
    private var psci: DeviceTree.Node {
        var psci = DeviceTree.Node("psci")
        psci.set("migrate", cells: 0xc400_0005)
        psci.set("cpu_on", cells: 0xc400_0003)
        psci.set("cpu_off", cells: 0x8400_0002)
        psci.set("cpu_suspend", cells: 0xc400_0001)
        psci.set("method", hasEL2 ? "smc" : "hvc")
        psci.set("compatible", "arm,psci-1.0", "arm,psci-0.2", "arm,psci")
        return psci
    }

    private var processors: DeviceTree.Node {
        var node = DeviceTree.Node("cpus")
        node.set("#size-cells", cells: 0)
        node.set("#address-cells", cells: 1)
        node.child("cpu-map") { map in
            map.child("socket0") { socket in
                socket.child("cluster0") { cluster in
                    for index in 0..<cpus {
                        cluster.child("core\(index)") { $0.set("cpu", cells: cpuHandle(index)) }
                    }
                }
            }
        }
        for index in 0..<cpus {
            node.child("cpu@\(index)") { processor in
                processor.set("phandle", cells: cpuHandle(index))
                processor.set("reg", cells: UInt32(index))
                if cpus > 1, hasBuiltInFirmware { processor.set("enable-method", "psci") }
                processor.set("compatible", cpu)
                processor.set("device_type", "cpu")
            }
        }
        return node
    }

    /// Secure, physical, virtual and hypervisor timers (bindings/timer/arm,arch_timer.yaml). The secure one is nobody's.
    private var timer: DeviceTree.Node {
        var timer = DeviceTree.Node("timer")
        let numbers = [
            29, Layout.physicalTimerInterrupt, Layout.virtualTimerInterrupt, Layout.hypervisorTimerInterrupt,
        ]
        timer.set(
            "interrupts", cells: numbers.flatMap { [InterruptKind.private.rawValue, UInt32($0 - 16), privateLevel] })
        timer.setEmpty("always-on")
        timer.set("compatible", "arm,armv8-timer", "arm,armv7-timer")
        return timer
    }

    private var monitors: DeviceTree.Node {
        var node = DeviceTree.Node("pmu")
        node.set(
            "interrupts", cells: [InterruptKind.private.rawValue, UInt32(Layout.monitorsInterrupt - 16), privateLevel])
        node.set("compatible", "arm,armv8-pmuv3")
        return node
    }

    // MARK: Devices

    static func name(_ name: String, _ window: AddressWindow) -> String {
        name + "@" + String(window.base, radix: 16)
    }

    private func device(
        _ name: String, _ window: AddressWindow, interrupt: Int? = nil, trigger: UInt32 = highLevel
    ) -> DeviceTree.Node {
        var device = DeviceTree.Node(Self.name(name, window))
        if let interrupt {
            device.set("interrupts", cells: [InterruptKind.shared.rawValue, UInt32(interrupt), trigger])
        }
        device.set("reg", doubleCells: window.base, window.size)
        return device
    }

    /// A PrimeCell: clocked, and found by its identification registers.
    func primeCell(
        _ name: String, _ window: AddressWindow, interrupt: Int
    ) -> DeviceTree.Node {
        var node = device(name, window, interrupt: interrupt)
        node.set("clock-names", "apb_pclk")
        node.set("clocks", cells: clockHandle)
        node.set("compatible", "arm," + name, "arm,primecell")
        return node
    }

    private var serial: DeviceTree.Node { serial(Layout.uart, interrupt: Layout.uartInterrupt) }

    func serial(_ window: AddressWindow, interrupt: Int) -> DeviceTree.Node {
        var serial = primeCell("pl011", window, interrupt: interrupt)
        serial.set("clock-names", "uartclk", "apb_pclk")
        serial.set("clocks", cells: clockHandle, clockHandle)
        return serial
    }

    private var rtc: DeviceTree.Node { primeCell("pl031", Layout.rtc, interrupt: Layout.rtcInterrupt) }

    private var gpio: DeviceTree.Node {
        gpio(Layout.gpio, interrupt: Layout.gpioInterrupt, handle: gpioHandle)
    }

    func gpio(_ window: AddressWindow, interrupt: Int, handle: UInt32) -> DeviceTree.Node {
        var gpio = primeCell("pl061", window, interrupt: interrupt)
        gpio.set("phandle", cells: handle)
        gpio.setEmpty("gpio-controller")
        gpio.set("#gpio-cells", cells: 2)
        return gpio
    }

    private var gpioKeys: DeviceTree.Node {
        var keys = DeviceTree.Node("gpio-keys")
        keys.set("compatible", "gpio-keys")
        keys.child("poweroff") { key in
            key.set("gpios", cells: [gpioHandle, UInt32(PL061.powerKeyPin), 0])
            key.set("linux,code", cells: 116)  // KEY_POWER
            key.set("label", "GPIO Key Poweroff")
        }
        return keys
    }

    private var clock: DeviceTree.Node {
        var clock = DeviceTree.Node("apb-pclk")
        clock.set("phandle", cells: clockHandle)
        clock.set("clock-output-names", "clk24mhz")
        clock.set("clock-frequency", cells: Layout.peripheralClock)
        clock.set("#clock-cells", cells: 0)
        clock.set("compatible", "fixed-clock")
        return clock
    }

    private func virtio(_ slot: Int) -> DeviceTree.Node {
        let window = Layout.virtio.next(slot)
        var node = device(
            "virtio_mmio", window, interrupt: Layout.virtioInterrupt + slot, trigger: Self.risingEdge)
        node.setEmpty("dma-coherent")
        node.set("compatible", "virtio,mmio")
        return node
    }

    /// The windows of a device with several.
    private static func registers(_ windows: [AddressWindow]) -> [UInt32] {
        windows.flatMap { [$0.base, $0.size] }.flatMap { [UInt32($0 >> 32), UInt32(truncatingIfNeeded: $0)] }
    }

    private var interruptController: DeviceTree.Node {
        var node = DeviceTree.Node(Self.name("intc", Layout.distributor))
        node.set("phandle", cells: interruptControllerHandle)
        if hasEL2 {
            node.set(
                "interrupts",
                cells: [InterruptKind.private.rawValue, UInt32(Layout.maintenanceInterrupt - 16), Self.highLevel])
        }
        switch gicVersion {
        case .two:
            let virtual = hasEL2 ? [Layout.virtualControl, Layout.virtualCPUInterface] : []
            node.set("reg", cells: Self.registers([Layout.distributor, Layout.cpuInterface] + virtual))
            node.set("compatible", "arm,cortex-a15-gic")
        case .three:
            node.set("reg", cells: Self.registers([Layout.distributor, Layout.redistributors]))
            node.set("#redistributor-regions", cells: 1)
            node.set("compatible", "arm,gic-v3")
        }
        node.setEmpty("ranges")
        node.set("#size-cells", cells: 2)
        node.set("#address-cells", cells: 2)
        node.setEmpty("interrupt-controller")
        node.set("#interrupt-cells", cells: 3)
        node.children = [messageController]
        return node
    }

    /// What makes interrupts of messages: a GICv2m, or a GICv3's ITS.
    private var messageController: DeviceTree.Node {
        let window = gicVersion == .two ? Layout.messageFrame : Layout.translationService
        var node = DeviceTree.Node(Self.name(gicVersion == .two ? "v2m" : "its", window))
        node.set("phandle", cells: messageHandle)
        node.set("reg", doubleCells: window.base, window.size)
        if gicVersion == .three { node.set("#msi-cells", cells: 1) }
        node.setEmpty("msi-controller")
        node.set("compatible", gicVersion == .two ? "arm,gic-v2m-frame" : "arm,gic-v3-its")
        return node
    }

    private var pcie: DeviceTree.Node {
        let layout = Layout.pcie(memorySize: memorySize)
        var node = PCIeDeviceTree.node(Self.name("pcie", layout.memory), layout) { wire in
            [
                interruptControllerHandle, 0, 0, InterruptKind.shared.rawValue, UInt32(Layout.pcieInterrupt + wire),
                Self.highLevel,
            ]
        }
        // Every function is known by its number.
        node.set("msi-map", cells: 0, messageHandle, 0, 0x1_0000)
        return node
    }

    private var flash: DeviceTree.Node {
        var flash = DeviceTree.Node(Self.name("flash", Layout.flash))
        flash.set("bank-width", cells: 4)
        let bank = Layout.flash
        flash.set("reg", doubleCells: bank.base, bank.size, bank.base + bank.size, bank.size)
        flash.set("compatible", "cfi-flash")
        return flash
    }

    private var firmwareConfiguration: DeviceTree.Node {
        var node = DeviceTree.Node(Self.name("fw-cfg", Layout.firmwareConfiguration))
        node.setEmpty("dma-coherent")
        node.set("reg", doubleCells: Layout.firmwareConfiguration.base, Layout.firmwareConfiguration.size)
        node.set("compatible", "qemu,fw-cfg-mmio")
        return node
    }
}
