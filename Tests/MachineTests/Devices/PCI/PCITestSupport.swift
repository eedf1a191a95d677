import Testing

@testable import Machine

/// A host bridge with VirtIO devices on it, and what a driver does to them: it places their registers, and puts chains into
/// queues as ``DriverTwin`` does, in whose memory they are.
final class PCIDriverTwin {
    static let layout = PCIeHost.Layout(
        configuration: AddressWindow(base: 0x3000_0000, size: 0x1000_0000),
        memory: AddressWindow(base: 0x4000_0000, size: 0x4000_0000),
        wideMemory: AddressWindow(base: 0x4_0000_0000, size: 0x4_0000_0000),
        ports: AddressWindow(base: 0x300_0000, size: 0x1_0000))
    static let structures: UInt64 = 0x4_0000_4000, messages: UInt64 = 0x4001_0000

    let rings = DriverTwin(nil)
    let sink = RecordingSink()
    let host: PCIeHost
    private final class Log { var messages: [PCIMessage] = [] }
    private let log = Log()

    init(_ devices: [any VirtIODevice]) {
        let (space, clock, log, sink) = (rings.space, rings.clock, log, sink)
        host = PCIeHost(Self.layout, space: space, interrupts: (0..<4).map { sink.line($0) }) {
            log.messages.append($0)
        }
        for device in devices {
            host.plug { VirtIOPCI(device, port: $0, space: space, clock: clock, report: { _ in }) }
        }
        host.reset()
    }

    var sent: [PCIMessage] { log.messages }

    // MARK: Configuration space

    func get(_ device: UInt64, _ register: UInt64, _ size: Int = 4) -> UInt64 {
        host.get(device << 15 | register, size)
    }
    func set(_ device: UInt64, _ register: UInt64, _ value: UInt64, _ size: Int = 4) {
        host.set(device << 15 | register, value, size)
    }

    /// Where the capability of this number is, and what is at `type` behind it: the first, or the one of a VirtIO structure.
    func capability(_ device: UInt64, _ id: UInt64, structure: UInt64? = nil) -> UInt64? {
        var place = get(device, 0x34, 1)
        for _ in 0..<48 where place != 0 {
            if get(device, place, 1) == id, structure == nil || get(device, place + 3, 1) == structure { return place }
            place = get(device, place + 1, 1)
        }
        return nil
    }

    /// Places the registers of a device and has it answer.
    func place(_ device: UInt64) {
        set(device, 0x14, Self.messages)
        set(device, 0x20, Self.structures & 0xffff_ffff)
        set(device, 0x24, Self.structures >> 32)
        set(device, 0x04, 0x0006, 2)
    }

    // MARK: Structures

    func load(_ address: UInt64, _ size: Int = 4) -> UInt64? { rings.space.read(address, size: size) }
    func store(_ address: UInt64, _ value: UInt64, _ size: Int = 4) {
        #expect(rings.space.write(address, size: size, value: value))
    }

    /// The initialisation sequence of VirtIO 1.2, section 3.1.1; each queue has the vector after its number, if any.
    func start(queues: UInt64 = 1, hasVectors: Bool = false) {
        let common = Self.structures
        for (value, size) in [(0, 1), (1, 1), (3, 1)] as [(UInt64, Int)] { store(common + 0x14, value, size) }
        store(common + 8, 1)
        store(common + 0xc, 1)
        store(common + 0x14, 11, 1)
        #expect(load(common + 0x14, 1) == 11, "the device accepts the features it offers")
        if hasVectors { store(common + 0x10, 0, 2) }
        for queue in 0..<queues {
            rings.put([UInt8](repeating: 0, count: 0x1_0000), at: rings.descriptorTable(queue))
            store(common + 0x16, queue, 2)
            store(common + 0x18, rings.queueSize, 2)
            if hasVectors { store(common + 0x1a, queue + 1, 2) }
            store(common + 0x20, rings.descriptorTable(queue), 8)
            store(common + 0x28, rings.availableRing(queue) & 0xffff_ffff)
            store(common + 0x2c, rings.availableRing(queue) >> 32)
            store(common + 0x30, rings.usedRing(queue), 8)
            store(common + 0x1c, 1, 2)
        }
        store(common + 0x14, 15, 1)
    }

    func notify(_ queue: UInt64) { store(Self.structures + 0x1000 + 4 * queue, queue, 2) }

    /// Puts one chain in, notifies, and returns how much of it was written to, or nil.
    func send(_ parts: [DriverTwin.Part], _ queue: UInt64 = 0) -> UInt32? {
        rings.setChain(parts, in: rings.descriptorTable(queue))
        rings.offer(0, queue)
        notify(queue)
        return rings.takeUsed(queue)?.length
    }
}
