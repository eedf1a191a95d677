import ISA
import Testing

@testable import Machine

/// A VirtIO driver as small as can be: it sets up a device through its MMIO registers and puts chains into its queues.
///
/// Memory: 1 MiB of RAM at 0x80000000. Queue n has its areas at 0x80010000 + n * 0x10000; buffers are the test's.
final class DriverTwin {
    static let ram: UInt64 = 0x8000_0000
    static let ramSize: UInt64 = 0x10_0000

    private static let noBytes = [UInt8](repeating: 0, count: 0x1_0000)

    let memory: PhysicalMemory
    let space: AddressSpace
    let clock: Clock
    let sink = RecordingSink()
    let mmio: VirtIOMMIO
    private final class Log { var lines: [String] = [] }
    private let log = Log()

    private var added: [UInt16] = [0, 0]
    private var seen: [UInt16] = [0, 0]
    var queueSize: UInt64 = 8
    /// Of the legacy interface: nil leaves the page size as it is.
    var pageSize: UInt64? = 4096
    var queueAlignment: UInt64 = 4096

    init(_ device: (any VirtIODevice)?, isLegacy: Bool = false) {
        memory = PhysicalMemory()
        clock = Clock()
        memory.addRegion(base: Self.ram, size: Self.ramSize)
        space = AddressSpace(memory: memory)
        mmio = VirtIOMMIO(
            name: "virtio_mmio@10001000", device: device, isLegacy: isLegacy, space: space, clock: clock,
            interrupt: sink.line()
        ) { [log] in log.lines.append($0) }
    }

    /// A driver of the device in a slot of a board, whose RAM begins at the same address.
    init(_ board: RISCVVirt, slot: Int) {
        (memory, space, clock, mmio) = (board.memory, board.space, board.clock, board.virtio[slot])
    }

    var messages: [String] { log.lines }
    func get(_ register: VirtIOMMIO.Register) -> UInt64 { mmio.get(register.rawValue) }
    func set(_ register: VirtIOMMIO.Register, _ value: UInt64) { mmio.set(register.rawValue, value) }

    var status: UInt64 { self.get(.status) }
    var needsReset: Bool { status & 64 != 0 }

    func descriptorTable(_ queue: UInt64) -> UInt64 { Self.ram + 0x1_0000 + queue * 0x1_0000 }
    private var isLegacy: Bool { self.get(.version) == 1 }
    func availableRing(_ queue: UInt64) -> UInt64 { descriptorTable(queue) + (isLegacy ? 16 * queueSize : 0x4000) }
    func usedRing(_ queue: UInt64) -> UInt64 {
        guard isLegacy else { return descriptorTable(queue) + 0x8000 }
        // virtq_size() of 2.7.2.
        let rest = (availableRing(queue) + 2 * (3 + queueSize)) % queueAlignment
        return availableRing(queue) + 2 * (3 + queueSize) + (rest == 0 ? 0 : queueAlignment - rest)
    }

    func deviceFeatures() -> UInt64 {
        set(.deviceFeaturesSelect, 0)
        let low = get(.deviceFeatures)
        set(.deviceFeaturesSelect, 1)
        return get(.deviceFeatures) << 32 | low
    }

    /// The initialisation sequence of VirtIO 1.2, section 3.1.1.
    func start(features: UInt64 = 1 << 32, queues: UInt64 = 1) {
        set(.status, 0)
        (added, seen) = ([0, 0], [0, 0])
        set(.status, 1)
        set(.status, 3)
        set(.driverFeaturesSelect, 0)
        set(.driverFeatures, features & 0xffff_ffff)
        set(.driverFeaturesSelect, 1)
        set(.driverFeatures, features >> 32)
        if !isLegacy {
            set(.status, 11)
            #expect(status == 11, "the device accepts the features it offers")
        }
        for queue in 0..<queues { setUpQueue(queue) }
        set(.status, isLegacy ? 7 : 15)
    }

    func setUpQueue(_ queue: UInt64) {
        put(Self.noBytes, at: descriptorTable(queue))
        set(.queueSelect, queue)
        set(.queueSize, queueSize)
        if isLegacy {
            if let pageSize {
                set(.guestPageSize, pageSize)
                set(.queueAlignment, queueAlignment)
                set(.queuePageNumber, descriptorTable(queue) / pageSize)
            }
            return
        }
        set(.queueDescriptorLow, descriptorTable(queue) & 0xffff_ffff)
        set(.queueDescriptorHigh, descriptorTable(queue) >> 32)
        set(.queueDriverLow, availableRing(queue) & 0xffff_ffff)
        set(.queueDriverHigh, availableRing(queue) >> 32)
        set(.queueDeviceLow, usedRing(queue) & 0xffff_ffff)
        set(.queueDeviceHigh, usedRing(queue) >> 32)
        set(.queueReady, 1)
    }

    /// Sets a queue up again, whose entries are new.
    func restartQueue(_ queue: UInt64) {
        (added[Int(queue)], seen[Int(queue)]) = (0, 0)
        setUpQueue(queue)
    }

    enum Flags {
        static let next: UInt16 = 1
        static let write: UInt16 = 2
        static let indirect: UInt16 = 4
    }

    func setDescriptor(
        _ index: UInt64, in table: UInt64, _ address: UInt64, _ length: UInt32, _ flags: UInt16, next: UInt16 = 0
    ) {
        let at = table + 16 * index
        _ = memory.store(at, address)
        _ = memory.store(at + 8, length)
        _ = memory.store(at + 12, flags)
        _ = memory.store(at + 14, next)
    }

    struct Part {
        let address: UInt64
        let length: UInt32
        let isWritten: Bool
        static func read(_ address: UInt64, _ length: Int) -> Part {
            Part(address: address, length: UInt32(length), isWritten: false)
        }
        static func write(_ address: UInt64, _ length: Int) -> Part {
            Part(address: address, length: UInt32(length), isWritten: true)
        }
    }

    /// Writes a chain of descriptors from `first` on and returns the index after it.
    @discardableResult
    func setChain(_ parts: [Part], in table: UInt64, first: UInt64 = 0) -> UInt64 {
        for (offset, part) in parts.enumerated() {
            let index = first + UInt64(offset)
            let isLast = offset == parts.count - 1
            setDescriptor(
                index, in: table, part.address, part.length,
                (part.isWritten ? Flags.write : 0) | (isLast ? 0 : Flags.next),
                next: isLast ? 0 : UInt16(index + 1))
        }
        return first + UInt64(parts.count)
    }

    /// Makes the chain that starts at descriptor `head` available.
    func offer(_ head: UInt64, _ queue: UInt64 = 0) {
        _ = memory.store(availableRing(queue) + 4 + 2 * UInt64(added[Int(queue)] % UInt16(queueSize)), UInt16(head))
        added[Int(queue)] &+= 1
        _ = memory.store(availableRing(queue) + 2, added[Int(queue)])
    }

    func notify(_ queue: UInt64 = 0) { set(.queueNotify, queue) }

    /// Puts one chain in, notifies, and returns what the used ring says was written to it, or nil.
    @discardableResult
    func send(_ parts: [Part], _ queue: UInt64 = 0) -> UInt32? {
        setChain(parts, in: descriptorTable(queue))
        offer(0, queue)
        notify(queue)
        return takeUsed(queue)?.length
    }

    func usedIndex(_ queue: UInt64 = 0) -> UInt16 { memory.load(usedRing(queue) + 2) ?? 0 }

    func takeUsed(_ queue: UInt64 = 0) -> (head: UInt32, length: UInt32)? {
        let index = seen[Int(queue)]
        guard usedIndex(queue) != index else { return nil }
        let element = usedRing(queue) + 4 + 8 * UInt64(index % UInt16(queueSize))
        seen[Int(queue)] &+= 1
        return (memory.load(element) ?? 0, memory.load(element + 4) ?? 0)
    }

    func put(_ bytes: [UInt8], at address: UInt64) {
        #expect(memory.write(address, from: bytes, count: bytes.count))
    }

    func take(_ count: Int, at address: UInt64) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        #expect(memory.read(address, into: &bytes, count: count))
        return bytes
    }

    /// Random registers, and random rings and descriptors that are often nearly right.
    func fuzz(seed: UInt64, count: Int = 100_000) {
        let offsets = [
            0x10, 0x14, 0x20, 0x24, 0x30, 0x38, 0x44, 0x50, 0x50, 0x50, 0x50, 0x64, 0x70, 0x80, 0x84, 0x90, 0x94, 0xa0,
            0xa4,
            0xfc, 0x100, 0x104, 0x108, 0x120, 0x28, 0x3c, 0x40,
        ].map(UInt64.init)
        mmio.fuzz(region: 0x1000, hot: offsets, clock: clock, seed: seed, count: count) { random in
            if random.next() % 256 == 0 {
                start(features: deviceFeatures() & (random.next() | 1 << 32), queues: 1 + random.next() % 2)
            }
            for queue: UInt64 in 0..<2 where random.next() % 2 == 0 {
                let index = random.next() % queueSize
                let address =
                    random.next() % 16 == 0 ? random.next() : Self.ram + random.next() % (Self.ramSize + 0x1000)
                let length = random.next() % 8 == 0 ? random.next() : random.next() % 4 * 512 + random.next() % 3 * 8
                setDescriptor(
                    index, in: descriptorTable(queue), address, UInt32(truncatingIfNeeded: length),
                    UInt16(random.next() % 16 == 0 ? random.next() % 8 : random.next() % 4),
                    next: UInt16(random.next() % (queueSize + 1)))
                offer(random.next() % queueSize, queue)
                if random.next() % 64 == 0 { _ = memory.store(availableRing(queue) + 2, UInt16(random.next() % 65536)) }
            }
        }
    }
}
