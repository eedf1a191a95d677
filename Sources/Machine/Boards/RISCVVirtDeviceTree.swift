/// The memory map and interrupt numbers of QEMU's RISC-V `virt` board (hw/riscv/virt.c, version 7.2).
public enum RISCVVirtLayout {
    public static let resetROM = AddressWindow(base: 0x1000, size: 0xf000)
    public static let test = AddressWindow(base: 0x10_0000, size: 0x1000)
    public static let rtc = AddressWindow(base: 0x10_1000, size: 0x1000)
    public static let clint = AddressWindow(base: 0x200_0000, size: 0x1_0000)
    public static let plic = AddressWindow(base: 0xc00_0000, size: 0x60_0000)
    public static let uart = AddressWindow(base: 0x1000_0000, size: 0x100)
    /// The first of ``virtioCount`` slots, which follow each other.
    public static let virtio = AddressWindow(base: 0x1000_1000, size: 0x1000)
    public static let firmwareConfiguration = AddressWindow(base: 0x1010_0000, size: 0x18)
    /// The first of two banks, which follow each other.
    public static let flash = AddressWindow(base: 0x2000_0000, size: 0x200_0000)
    public static let ramBase: UInt64 = 0x8000_0000

    public static let virtioCount = 8
    /// Interrupt of the first slot; each next slot has the next.
    public static let virtioInterrupt: UInt32 = 1
    public static let uartInterrupt: UInt32 = 10
    public static let rtcInterrupt: UInt32 = 11
    /// Of the first of PCI's four wires; each next one has the next.
    public static let pcieInterrupt: UInt32 = 32
    /// `riscv,ndev`: interrupt sources are 1...96.
    public static let interruptSources: UInt32 = 96
    /// The CLINT counts this many times a second.
    public static let timebaseFrequency: UInt32 = 10_000_000
    public static let uartClock: UInt32 = 3_686_400
    public static let maximumHarts = 512

    static func peripherals(memorySize: UInt64) -> Peripherals.Layout {
        Peripherals.Layout(
            flash: flash, firmwareConfiguration: firmwareConfiguration, virtio: virtio, virtioCount: virtioCount,
            pcie: pcie(memorySize: memorySize))
    }

    /// Wide addresses are those behind RAM, at a multiple of their size.
    static func pcie(memorySize: UInt64) -> PCIeHost.Layout {
        let size: UInt64 = 16 << 30
        let end = ramBase + memorySize
        return PCIeHost.Layout(
            configuration: AddressWindow(base: 0x3000_0000, size: 0x1000_0000),
            memory: AddressWindow(base: 0x4000_0000, size: 0x4000_0000),
            wideMemory: AddressWindow(base: (end + size - 1) & ~(size - 1), size: size),
            ports: AddressWindow(base: 0x300_0000, size: 0x1_0000))
    }
}

/// The names of a hart's extensions, put together as `riscv,isa` wants them.
public struct RISCVISA: Equatable, Sendable {
    /// Single letters, in any order: `imafdch`.
    public var letters: String
    /// Names of more than one letter, in any order: `zicsr`, `svpbmt`, `sstc`.
    public var extensions: [String]

    public init(letters: String, extensions: [String]) {
        self.letters = letters.lowercased()
        self.extensions = extensions.map { $0.lowercased() }
    }

    /// The canonical order of single letters (Unprivileged ISA, chapter "ISA Extension Naming Conventions"); H is last,
    /// as QEMU has it.
    private static let order = Array("iemafdqlcbkjtpvnh")

    private static func rank(_ letter: Character) -> Int { order.firstIndex(of: letter) ?? order.count }

    /// `rv64imafdch_zicsr_zifencei_zba_sstc`: Z extensions in the order of the letter after the Z, then S, then X.
    public var string: String {
        let base = letters.sorted { (Self.rank($0), $0) < (Self.rank($1), $1) }
        func key(_ name: String) -> (Int, Int, String) {
            let first = name.first ?? "x"
            let group = ["z": 0, "s": 1][first] ?? 2
            return (group, group == 0 ? Self.rank(name.dropFirst().first ?? "x") : 0, name)
        }
        return "rv64" + String(base) + extensions.sorted { key($0) < key($1) }.map { "_" + $0 }.joined()
    }

    public func has(_ name: String) -> Bool {
        name.count == 1 ? letters.contains(name) : extensions.contains(name)
    }
}

/// The device tree of the `virt` board, as QEMU 7.2 makes it, node for node and in its order. The order is visible:
/// Linux numbers devices as it meets them, and the VirtIO slots stand from the last to the first.
///
/// Differences from QEMU 7.2, all on purpose:
/// - no `platform-bus@4000000`: it is empty in QEMU unless a device is plugged on it, which here none can be;
/// - no `pmu`: the event selectors it lists are QEMU's own;
/// - `riscv,isa` says what these CPUs implement;
/// - `riscv,cbom-block-size` and `riscv,cboz-block-size` accompany Zicbom and Zicboz (QEMU 7.2 has neither; newer have);
/// - `chosen/rng-seed` is there only when given, and then always the same: QEMU takes it from the host. Guests
///   credit it as entropy, so a fixed one keeps a run repeatable and lets it boot without waiting for entropy;
/// - `linux,initrd-start` and `-end` have two cells, so that RAM above 4 GiB can be named (newer QEMU does too).
public struct RISCVVirtDeviceTree: Sendable {
    public enum MMU: String, Sendable {
        case bare = "riscv,none"
        case sv39 = "riscv,sv39"
        case sv48 = "riscv,sv48"
        case sv57 = "riscv,sv57"
    }

    public var harts: Int
    public var memorySize: UInt64
    public var isa: RISCVISA
    public var mmu: MMU
    /// The cache block that Zicbom and Zicboz work on.
    public var cacheBlockSize: UInt32 = 64
    public var bootArguments: String?
    public var initrd: Range<UInt64>?
    public var randomSeed: [UInt32] = []

    /// - Precondition: 1...512 harts.
    public init(harts: Int, memorySize: UInt64, isa: RISCVISA, mmu: MMU) {
        precondition((1...RISCVVirtLayout.maximumHarts).contains(harts))
        self.harts = harts
        self.memorySize = memorySize
        self.isa = isa
        self.mmu = mmu
    }

    private typealias Layout = RISCVVirtLayout

    // Handles are numbered as QEMU does: harts from the last to the first, two each, then the PLIC and the test device.
    private func cpuHandle(_ hart: Int) -> UInt32 { UInt32(2 * (harts - 1 - hart) + 1) }
    private func interruptControllerHandle(_ hart: Int) -> UInt32 { cpuHandle(hart) + 1 }
    private var plicHandle: UInt32 { UInt32(2 * harts + 1) }
    private var testHandle: UInt32 { plicHandle + 1 }

    /// The tree.
    public var tree: DeviceTree {
        var tree = DeviceTree()
        tree.root.set("compatible", "riscv-virtio")
        tree.root.set("model", "riscv-virtio,qemu")
        tree.root.set("#address-cells", cells: 2)
        tree.root.set("#size-cells", cells: 2)
        tree.root.children = [firmwareConfiguration, flash, DeviceTree.Node("chosen")]
        tree.root.children += [syscon("poweroff", 0x5555), syscon("reboot", 0x7777)]
        tree.setMemory(base: Layout.ramBase, size: memorySize)
        tree.root.children += [cpus, soc]
        tree.setStandardOutput("/soc/" + Self.name("serial", Layout.uart))
        tree.setBootArguments(bootArguments)
        tree.setInitrd(initrd)
        if !randomSeed.isEmpty { tree.edit("/chosen") { $0.set("rng-seed", cells: randomSeed) } }
        return tree
    }

    // MARK: Processors (Devicetree Specification, 3.8; Linux, bindings/riscv/cpus.yaml)

    private var cpus: DeviceTree.Node {
        var cpus = DeviceTree.Node("cpus")
        cpus.set("#address-cells", cells: 1)
        cpus.set("#size-cells", cells: 0)
        cpus.set("timebase-frequency", cells: Layout.timebaseFrequency)
        for hart in 0..<harts {
            cpus.child("cpu@" + String(hart, radix: 16)) { cpu in
                cpu.set("device_type", "cpu")
                cpu.set("reg", cells: UInt32(hart))
                cpu.set("status", "okay")
                cpu.set("compatible", "riscv")
                cpu.set("riscv,isa", isa.string)
                cpu.set("mmu-type", mmu.rawValue)
                if isa.has("zicbom") { cpu.set("riscv,cbom-block-size", cells: cacheBlockSize) }
                if isa.has("zicboz") { cpu.set("riscv,cboz-block-size", cells: cacheBlockSize) }
                cpu.set("phandle", cells: cpuHandle(hart))
                cpu.child("interrupt-controller") { controller in
                    controller.set("compatible", "riscv,cpu-intc")
                    controller.set("#interrupt-cells", cells: 1)
                    controller.setEmpty("interrupt-controller")
                    controller.set("phandle", cells: interruptControllerHandle(hart))
                }
            }
        }
        cpus.child("cpu-map") { map in
            map.child("cluster0") { cluster in
                for hart in 0..<harts {
                    cluster.child("core\(hart)") { $0.set("cpu", cells: cpuHandle(hart)) }
                }
            }
        }
        return cpus
    }

    // MARK: Devices

    private var soc: DeviceTree.Node {
        var soc = DeviceTree.Node("soc")
        soc.set("compatible", "simple-bus")
        soc.set("#address-cells", cells: 2)
        soc.set("#size-cells", cells: 2)
        soc.setEmpty("ranges")
        soc.children = [rtc, serial, test, pcie]
        soc.children += (0..<Layout.virtioCount).reversed().map(virtio)
        soc.children += [plic, clint]
        return soc
    }

    private static func name(_ name: String, _ window: AddressWindow) -> String {
        name + "@" + String(window.base, radix: 16)
    }

    private func device(
        _ name: String, _ window: AddressWindow, interrupt: UInt32? = nil
    ) -> DeviceTree.Node {
        var device = DeviceTree.Node(Self.name(name, window))
        device.set("reg", doubleCells: window.base, window.size)
        if let interrupt {
            device.set("interrupt-parent", cells: plicHandle)
            device.set("interrupts", cells: interrupt)
        }
        return device
    }

    private var rtc: DeviceTree.Node {
        var rtc = device("rtc", Layout.rtc, interrupt: Layout.rtcInterrupt)
        rtc.set("compatible", "google,goldfish-rtc")
        return rtc
    }

    private var serial: DeviceTree.Node {
        var serial = device("serial", Layout.uart, interrupt: Layout.uartInterrupt)
        serial.set("compatible", "ns16550a")
        serial.set("clock-frequency", cells: Layout.uartClock)
        return serial
    }

    /// SiFive's test device: a write of 0x5555 powers off, of 0x7777 resets.
    private var test: DeviceTree.Node {
        var test = device("test", Layout.test)
        test.set("compatible", "sifive,test1", "sifive,test0", "syscon")
        test.set("phandle", cells: testHandle)
        return test
    }

    /// `poweroff` and `reboot`: what to write to the test device.
    private func syscon(_ name: String, _ value: UInt32) -> DeviceTree.Node {
        var node = DeviceTree.Node(name)
        node.set("compatible", "syscon-" + name)
        node.set("regmap", cells: testHandle)
        node.set("offset", cells: 0)
        node.set("value", cells: value)
        return node
    }

    private func virtio(_ slot: Int) -> DeviceTree.Node {
        let window = Layout.virtio.next(slot)
        var node = device("virtio_mmio", window, interrupt: Layout.virtioInterrupt + UInt32(slot))
        node.set("compatible", "virtio,mmio")
        return node
    }

    private var pcie: DeviceTree.Node {
        let layout = Layout.pcie(memorySize: memorySize)
        return PCIeDeviceTree.node(Self.name("pci", layout.configuration), layout) { wire in
            [plicHandle, Layout.pcieInterrupt + UInt32(wire)]
        }
    }

    /// For each hart, its machine (11) and supervisor (9) external interrupts.
    private var plic: DeviceTree.Node {
        var plic = device("plic", Layout.plic)
        plic.set("compatible", "sifive,plic-1.0.0", "riscv,plic0")
        plic.set("#address-cells", cells: 0)
        plic.set("#interrupt-cells", cells: 1)
        plic.setEmpty("interrupt-controller")
        plic.set("interrupts-extended", cells: lines(11, 9))
        plic.set("riscv,ndev", cells: Layout.interruptSources)
        plic.set("phandle", cells: plicHandle)
        return plic
    }

    /// For each hart, its machine software (3) and timer (7) interrupts.
    private var clint: DeviceTree.Node {
        var clint = device("clint", Layout.clint)
        clint.set("compatible", "sifive,clint0", "riscv,clint0")
        clint.set("interrupts-extended", cells: lines(3, 7))
        return clint
    }

    private func lines(_ first: UInt32, _ second: UInt32) -> [UInt32] {
        (0..<harts).flatMap { hart in
            let handle = interruptControllerHandle(hart)
            return [handle, first, handle, second]
        }
    }

    private var flash: DeviceTree.Node {
        var flash = DeviceTree.Node(Self.name("flash", Layout.flash))
        flash.set("compatible", "cfi-flash")
        let bank = Layout.flash
        flash.set("reg", doubleCells: bank.base, bank.size, bank.base + bank.size, bank.size)
        flash.set("bank-width", cells: 4)
        return flash
    }

    private var firmwareConfiguration: DeviceTree.Node {
        var node = DeviceTree.Node(Self.name("fw-cfg", Layout.firmwareConfiguration))
        node.set("compatible", "qemu,fw-cfg-mmio")
        node.set("reg", doubleCells: Layout.firmwareConfiguration.base, Layout.firmwareConfiguration.size)
        node.setEmpty("dma-coherent")
        return node
    }
}
