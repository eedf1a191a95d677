@testable import Hyper

/// A guest with a host bridge, as its instructions reach it, and the lines of its interrupt controller.
final class TwinPCI {
    static let space: UInt64 = 0x3000_0000, window: UInt64 = 0x4000_0000, windowSize: UInt64 = 0x10_0000

    final class Lines: GuestInterruptController {
        var high: Set<Int> = []
        func set(_ line: Int, _ level: Bool) { if level { high.insert(line) } else { high.remove(line) } }
    }

    let memory: TwinMemory
    let guest: Guest
    let lines = Lines()
    let bridge: any EmulatedDevice

    /// The bridge's node, as descriptions of guests have it.
    static func node(_ functions: [(DeviceTreeNode) -> Void], interrupts: [UInt32] = [5, 6]) -> DeviceTreeNode {
        let node = DeviceTreeNode("pci")
        node.set("manifest_type", text: "virtual")
        node.set("address_type", text: "memory")
        node.set("device_type", text: "pci-host-controller")
        node.set("compatible", text: "pci-host-ecam-generic")
        node.set("guest_physical_addr", u64: space)
        node.set("physical_size", u64: 0x10_0000)
        node.set("window_addr", u64: window)
        node.set("window_size", u64: windowSize)
        node.set("interrupts", cells: interrupts)
        for (index, set) in functions.enumerated() {
            let child = node.add("function\(index)")
            child.set("compatible", text: "virtio,pci")
            set(child)
        }
        return node
    }

    init(_ node: DeviceTreeNode) throws {
        memory = try TwinMemory()
        guest = try Guest(name: "guest0", identifier: 5)
        guest.interrupts.controller = lines
        try guest.space.add(
            Region(
                name: "ram", start: TwinMemory.base, size: TwinMemory.size,
                kind: .memory(UInt64(UInt(bitPattern: memory.bytes)), .all)))
        bridge = try PCIHostEmulator.emulator.make(Emulator.Context(guest: guest, region: try GuestRegion(node)))
        try guest.space.add(Region(name: "pci", start: Self.space, size: 0x10_0000, kind: .device(bridge)))
        // The work queues' threads wait for work.
        Port.run()
    }

    convenience init(_ types: [UInt32], interrupts: [UInt32] = [5, 6]) throws {
        try self.init(Self.node(types.map { type in { $0.set("virtio_type", u32: type) } }, interrupts: interrupts))
    }

    // MARK: As a guest's loads and stores have it

    func load(_ address: UInt64, _ width: Int) -> UInt64? {
        guard case .device(let device)? = guest.space.region(at: address)?.region.kind,
            let region = guest.space.region(at: address)?.region
        else { return nil }
        return device.read(address - region.start, width: width)
    }

    func store(_ address: UInt64, _ width: Int, _ value: UInt64) {
        guard let region = guest.space.region(at: address)?.region, case .device(let device) = region.kind else {
            return
        }
        device.write(address - region.start, width: width, value: value)
    }

    func read(_ device: UInt64, _ register: UInt64, _ width: Int) -> UInt64 {
        load(Self.space + device << 15 + register, width) ?? 0
    }

    func write(_ device: UInt64, _ register: UInt64, _ width: Int, _ value: UInt64) {
        store(Self.space + device << 15 + register, width, value)
    }

    /// Puts a function's memory there, and lets it do all that it can.
    func place(_ device: UInt64, at address: UInt64, command: UInt64 = 6) {
        write(device, 0x04, 2, 0)
        write(device, 0x10, 4, address)
        write(device, 0x04, 2, command)
    }

    /// The capabilities of VirtIO's, by their type: where each is in the configuration space.
    func capabilities(_ device: UInt64) -> [UInt64: UInt64] {
        var (found, place): ([UInt64: UInt64], UInt64) = ([:], read(device, 0x34, 1))
        while place != 0, found.count < 48 {
            if read(device, place, 1) == 9 { found[read(device, place + 3, 1)] = place }
            place = read(device, place + 1, 1)
        }
        return found
    }

    /// Where a structure is, by its capability.
    func structure(_ device: UInt64, _ type: UInt64) -> UInt64 {
        capabilities(device)[type].map { (read(device, 0x10, 4) & ~15) + read(device, $0 + 8, 4) } ?? 0
    }
}

/// A driver of one queue of a device on PCI (VirtIO 1.2, Common configuration structure layout).
struct TwinPCIDriver {
    let pci: TwinPCI
    let device: UInt64
    let common: UInt64
    let notification: UInt64
    let interrupt: UInt64
    /// Descriptors, and 0x1000 behind each other both rings.
    let queue: UInt64

    init(_ pci: TwinPCI, _ device: UInt64) {
        self.pci = pci
        self.device = device
        common = pci.structure(device, 1)
        notification = pci.structure(device, 2)
        interrupt = pci.structure(device, 3)
        queue = TwinMemory.base + 0x1_0000 * (device + 1)
    }

    func read(_ register: UInt64, _ width: Int) -> UInt64 { pci.load(common + register, width) ?? 0 }
    func write(_ register: UInt64, _ width: Int, _ value: UInt64) { pci.store(common + register, width, value) }

    /// Device Initialization, with queue 0 and no feature but VIRTIO_F_VERSION_1.
    func start() {
        for status in [0, 1, 3] as [UInt64] { write(0x14, 1, status) }
        for (half, bits) in [(0, 0), (1, 1)] as [(UInt64, UInt64)] {
            write(0x08, 4, half)
            write(0x0c, 4, bits)
        }
        write(0x14, 1, 11)
        write(0x16, 2, 0)
        write(0x18, 2, 8)
        for (register, part) in [(0x20, 0), (0x28, 0x1000), (0x30, 0x2000)] as [(UInt64, UInt64)] {
            write(register, 4, (queue + part) & 0xffff_ffff)
            write(register + 4, 4, (queue + part) >> 32)
        }
        write(0x1c, 2, 1)
        write(0x14, 1, 15)
    }

    /// Offers room for so many bytes, and notifies the device.
    func offer(_ count: UInt32, _ index: UInt16 = 1) {
        let memory = pci.memory
        memory.store(queue + 0x4000, queue)
        memory.store(count, queue + 8)
        memory.store(UInt16(2), queue + 12)
        memory.store(UInt16(0), queue + 0x1004 + UInt64(2 * ((index - 1) % 8)))
        memory.store(index, queue + 0x1002)
        pci.store(notification, 2, 0)
    }

    var used: UInt16 { pci.memory.load(queue + 0x2002, as: UInt16.self) }
    func causes() -> UInt64 { pci.load(interrupt, 1) ?? 0 }
}
