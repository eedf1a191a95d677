import Glibc
import Testing

@testable import Hyper

/// An interrupt controller of the host whose interrupts come when the test says so.
final class TwinController: HostInterruptController {
    var enabled: [Int] = []
    private var pending: Int?

    func enable(_ number: Int) { enabled.append(number) }
    func disable(_ number: Int) { enabled.removeAll { $0 == number } }
    func claim() -> Int? {
        defer { pending = nil }
        return pending
    }
    func complete(_ number: Int, claimedBy cpu: CPUReference) {}

    func raise(_ number: Int) {
        guard enabled.contains(number) else { return }
        let wereEnabled = Port.disableInterrupts()
        pending = number
        HostInterrupts.handle()
        Port.restoreInterrupts(wereEnabled)
    }
}

/// A VirtIO device of the host behind memory-mapped registers, by VirtIO 1.2 (Virtio Over MMIO, and its Legacy interface). It
/// looks at its queues when the test says so.
final class TwinDevice: EmulatedDevice {
    static let base: UInt64 = 0x1000_1000
    static let interrupt = 5

    /// What it does with a buffer: the bytes to read, and where to write; how much it wrote.
    typealias Serve = (_ readable: [UInt8], _ writable: [UnsafeMutableRawBufferPointer]) -> UInt32

    struct Queue {
        var size: UInt32 = 0
        var descriptors: UInt64 = 0
        var available: UInt64 = 0
        var used: UInt64 = 0
        var ready: UInt32 = 0
        var page: UInt32 = 0
        var nextAvailable: UInt16 = 0
        var usedIndex: UInt16 = 0
    }

    let isLegacy: Bool
    let type: UInt32
    var features: UInt64
    var configuration: [UInt8]
    var maximumSize: UInt32 = 64
    var queues: [Queue]
    private(set) var status: UInt32 = 0
    private(set) var statuses: [UInt32] = []
    private(set) var agreed: UInt64 = 0
    private(set) var notified: [UInt32] = []
    var interruptStatus: UInt32 = 0
    var onConfigurationWrite: (_ offset: UInt64, _ value: UInt64) -> Void = { offset, _ in
        Issue.record("byte \(offset) of the configuration cannot be written")
    }
    /// Refuses FEATURES_OK.
    var refuses = false
    private var featuresSelect: UInt64 = 0
    private var driverSelect: UInt64 = 0
    private var queueSelect = 0
    let controller = TwinController()
    private static let memorySize = 1 << 20

    init(type: UInt32, isLegacy: Bool, features: UInt64 = 0, configuration: [UInt8] = [], queues: Int = 1) {
        (self.type, self.isLegacy, self.features, self.configuration) = (type, isLegacy, features, configuration)
        self.queues = Array(repeating: Queue(), count: queues)
        Port.start()
        Pages.removeAll()
        Pages.keptForHeap = 0
        // The legacy interface has 44 bits of an address.
        let mapped32Bit: Int32 = 0x40
        let memory = mmap(
            nil, Self.memorySize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | mapped32Bit, -1, 0)
        Pages.add(start: UInt64(UInt(bitPattern: memory)), size: UInt64(Self.memorySize))
        Port.devices = [(Self.base..<Self.base + 0x1000, self)]
        HostInterrupts.controller = controller
    }

    /// The node that the host's tree has of it.
    lazy var node: DeviceTreeNode = {
        let root = DeviceTreeNode()
        root.set("#address-cells", u32: 2)
        root.set("#size-cells", u32: 2)
        let plic = root.add("plic")
        plic.set("#interrupt-cells", u32: 1)
        plic.set("phandle", u32: 1)
        let node = root.add("virtio_mmio@10001000")
        node.set("compatible", text: "virtio,mmio")
        node.set("reg", cells: [0, UInt32(Self.base), 0, 0x1000])
        node.set("interrupts", u32: UInt32(Self.interrupt))
        node.set("interrupt-parent", u32: 1)
        tree = root
        return node
    }()
    private var tree: DeviceTreeNode?

    /// Takes the device out of the machine. Its memory stays: the driver gives back what it has of it when it goes, later.
    func end() {
        Port.devices = []
        HostInterrupts.controller = nil
        Pages.keptForHeap = 32
    }

    func reset() {}

    func read(_ offset: UInt64, width: Int) -> UInt64 {
        if offset >= 0x100 {
            return (0..<UInt64(width)).reduce(0) { value, index in
                let place = Int(offset - 0x100 + index)
                return value | (place < configuration.count ? UInt64(configuration[place]) << (8 * index) : 0)
            }
        }
        #expect(width == 4, "registers are of 32 bits")
        switch offset {
        case 0x000: return 0x7472_6976
        case 0x004: return isLegacy ? 1 : 2
        case 0x008: return UInt64(type)
        case 0x010:
            let all = features | (isLegacy ? 0 : 1 << 32)
            return all >> (32 * featuresSelect) & 0xffff_ffff
        case 0x034: return queueSelect < queues.count ? UInt64(maximumSize) : 0
        case 0x040: return UInt64(queues[queueSelect].page)
        case 0x044: return UInt64(queues[queueSelect].ready)
        case 0x060: return UInt64(interruptStatus)
        case 0x070: return UInt64(status)
        case 0x0fc: return 0
        default:
            Issue.record("register 0x\(String(offset, radix: 16)) cannot be read")
            return 0
        }
    }

    func write(_ offset: UInt64, width: Int, value: UInt64) {
        let word = UInt32(truncatingIfNeeded: value)
        switch offset {
        case 0x014: featuresSelect = value
        case 0x020: agreed = agreed & ~(0xffff_ffff << (32 * driverSelect)) | value << (32 * driverSelect)
        case 0x024: driverSelect = value
        case 0x028: #expect(isLegacy && value == 4096)
        case 0x030: queueSelect = Int(value)
        case 0x038: queues[queueSelect].size = word
        case 0x03c: #expect(isLegacy && value == 4096)
        case 0x040: setPage(word)
        case 0x044: queues[queueSelect].ready = word
        case 0x050: notified.append(word)
        case 0x064: interruptStatus &= ~word
        case 0x070: setStatus(word)
        case 0x080...0x0a4: setArea(offset, value)
        case 0x100...: onConfigurationWrite(offset - 0x100, value)
        default: Issue.record("register 0x\(String(offset, radix: 16)) cannot be written")
        }
    }

    private func setStatus(_ value: UInt32) {
        statuses.append(value)
        status = value
        if refuses { status &= ~8 }
        guard value == 0 else { return }
        for index in queues.indices { queues[index] = Queue() }
        notified = []
    }

    /// Legacy Interfaces: A Note on Virtqueue Layout.
    private func setPage(_ page: UInt32) {
        #expect(isLegacy)
        let size = UInt64(queues[queueSelect].size)
        queues[queueSelect].page = page
        queues[queueSelect].descriptors = UInt64(page) * 4096
        queues[queueSelect].available = queues[queueSelect].descriptors + 16 * size
        queues[queueSelect].used = (queues[queueSelect].available + 6 + 2 * size + 4095) & ~4095
    }

    private func setArea(_ offset: UInt64, _ value: UInt64) {
        #expect(!isLegacy)
        func set(_ area: inout UInt64) {
            area = offset & 4 == 0 ? area & ~0xffff_ffff | value : area & 0xffff_ffff | value << 32
        }
        switch offset & ~4 {
        case 0x080: set(&queues[queueSelect].descriptors)
        case 0x090: set(&queues[queueSelect].available)
        default: set(&queues[queueSelect].used)
        }
    }

    // MARK: Work

    func load<Value: FixedWidthInteger>(_ address: UInt64, as type: Value.Type) -> Value {
        Value(littleEndian: UnsafeRawPointer(bitPattern: UInt(address))!.loadUnaligned(as: type))
    }
    func store<Value: FixedWidthInteger>(_ value: Value, _ address: UInt64) {
        UnsafeMutableRawPointer(bitPattern: UInt(address))!.storeBytes(of: value.littleEndian, as: Value.self)
    }

    /// Buffers that were made available and not taken.
    func waiting(_ index: Int = 0) -> Int {
        Int(load(queues[index].available + 2, as: UInt16.self) &- queues[index].nextAvailable)
    }

    /// Takes the next buffer: its head, and its pieces.
    func take(_ index: Int = 0) -> (head: UInt16, readable: [UInt8], writable: [UnsafeMutableRawBufferPointer]) {
        let queue = queues[index]
        let slot = UInt64(queue.nextAvailable) % UInt64(queue.size)
        let head = load(queue.available + 4 + 2 * slot, as: UInt16.self)
        queues[index].nextAvailable &+= 1
        var (readable, writable): ([UInt8], [UnsafeMutableRawBufferPointer]) = ([], [])
        var number: UInt16? = head
        while let current = number {
            let descriptor = queue.descriptors + 16 * UInt64(current)
            let flags = load(descriptor + 12, as: UInt16.self)
            let piece = UnsafeMutableRawBufferPointer(
                start: UnsafeMutableRawPointer(bitPattern: UInt(load(descriptor, as: UInt64.self))),
                count: Int(load(descriptor + 8, as: UInt32.self)))
            if flags & 2 != 0 { writable.append(piece) } else { readable += piece }
            #expect(flags & 2 != 0 || writable.isEmpty, "what is read comes before what is written")
            number = flags & 1 != 0 ? load(descriptor + 14, as: UInt16.self) : nil
        }
        return (head, readable, writable)
    }

    /// Puts an element into the used ring.
    func give(_ head: UInt32, _ written: UInt32, _ index: Int = 0) {
        let queue = queues[index]
        let element = queue.used + 4 + 8 * (UInt64(queue.usedIndex) % UInt64(queue.size))
        store(head, element)
        store(written, element + 4)
        queues[index].usedIndex &+= 1
        store(queues[index].usedIndex, queue.used + 2)
    }

    func interrupt() {
        interruptStatus |= 1
        controller.raise(Self.interrupt)
    }

    /// Serves all buffers that there are.
    func serve(queue index: Int = 0, _ body: Serve) {
        while waiting(index) > 0 {
            let buffer = take(index)
            give(UInt32(buffer.head), body(buffer.readable, buffer.writable), index)
        }
        interrupt()
    }
}
