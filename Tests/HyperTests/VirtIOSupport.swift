import Glibc
import Testing

@testable import Hyper

/// Memory of a guest on the host, with bytes around it that nobody may write.
final class TwinMemory {
    static let base: UInt64 = 0x8000_0000
    static let size: UInt64 = 2 << 20
    private static let guardSize = 4096
    private static let guardByte: UInt8 = 0xa5

    let space: AddressSpace
    private let buffer: UnsafeMutableRawPointer
    let bytes: UnsafeMutableRawPointer

    init() throws {
        Port.start()
        try Self.provideTables()
        buffer = .allocate(byteCount: Int(Self.size) + 2 * Self.guardSize, alignment: 4096)
        buffer.initializeMemory(as: UInt8.self, repeating: Self.guardByte, count: Int(Self.size) + 2 * Self.guardSize)
        bytes = buffer + Self.guardSize
        bytes.initializeMemory(as: UInt8.self, repeating: 0, count: Int(Self.size))
        space = try AddressSpace(identifier: 1)
        let host = UInt64(UInt(bitPattern: bytes))
        try space.add(Region(name: "ram", start: Self.base, size: Self.size, kind: .memory(host, .all)))
        // The first page again, for reading alone.
        try space.add(Region(name: "rom", start: 0x1000, size: 4096, kind: .memory(host, .read)))
    }

    deinit { buffer.deallocate() }

    /// Pages for the root of the second stage, which has no other use here: some that nobody gives back.
    private static func provideTables() throws {
        if let page = try? Pages.allocate(4) { return Pages.free(page, 4) }
        let size = 1 << 20
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: size)
        Pages.add(start: UInt64(UInt(bitPattern: memory)), size: UInt64(size))
    }

    /// Whether all that was written lies in the guest's memory.
    var isGuardIntact: Bool {
        (0..<Self.guardSize).allSatisfy {
            buffer.load(fromByteOffset: $0, as: UInt8.self) == Self.guardByte
                && bytes.load(fromByteOffset: Int(Self.size) + $0, as: UInt8.self) == Self.guardByte
        }
    }

    private func pointer(_ address: UInt64) -> UnsafeMutableRawPointer { bytes + Int(address - Self.base) }

    func load<Value: FixedWidthInteger>(_ address: UInt64, as type: Value.Type) -> Value {
        Value(littleEndian: pointer(address).loadUnaligned(as: type))
    }

    func store<Value: FixedWidthInteger>(_ value: Value, _ address: UInt64) {
        pointer(address).storeBytes(of: value.littleEndian, as: Value.self)
    }

    func load(_ address: UInt64, count: Int) -> [UInt8] {
        [UInt8](UnsafeRawBufferPointer(start: pointer(address), count: count))
    }

    func store(_ values: [UInt8], _ address: UInt64) {
        pointer(address).copyMemory(from: values, byteCount: values.count)
    }
}

/// An interrupt controller of one line.
final class TwinLine: GuestInterruptController {
    var level = false
    var rises = 0

    func set(_ line: Int, _ level: Bool) {
        if level && !self.level { rises += 1 }
        self.level = level
    }
}

/// A driver of virtio-mmio, by VirtIO 1.2: registers by Virtio Over MMIO, rings by Split Virtqueues.
final class TwinDriver {
    static let accept: UInt64 = 1 << 32 | 1 << 29 | 1 << 28

    let memory: TwinMemory
    let line = TwinLine()
    let device: VirtIOMMIOEmulator
    var queues: [TwinQueue] = []
    private var nextFree = TwinMemory.base + 0x2_0000

    init(_ device: any VirtIODevice, memory: TwinMemory? = nil) throws {
        self.memory = try memory ?? TwinMemory()
        let work = WorkQueue("virtio", priority: Thread.guestPriority)
        let interrupts = GuestInterrupts()
        interrupts.controller = line
        self.device = VirtIOMMIOEmulator(
            device: device, memory: self.memory.space, line: InterruptLine(interrupts, 1), work: work)
        // The work queue's thread waits for work.
        Port.run()
    }

    func read(_ register: UInt64) -> UInt32 { UInt32(device.read(register, width: 4)) }
    func write(_ register: UInt64, _ value: UInt32) { device.write(register, width: 4, value: UInt64(value)) }

    var status: UInt32 { read(0x070) }
    var needsReset: Bool { status & 64 != 0 }

    /// Buffers of memory that nobody else has.
    func allocate(_ count: Int) -> UInt64 {
        defer { nextFree += UInt64(count + 15) & ~15 }
        precondition(nextFree + UInt64(count) <= TwinMemory.base + TwinMemory.size)
        return nextFree
    }

    /// Device Initialization, up to FEATURES_OK; whether that stayed set.
    func negotiate(_ features: UInt64) -> Bool {
        write(0x070, 0)
        write(0x070, 1)
        write(0x070, 3)
        write(0x024, 0)
        write(0x020, UInt32(truncatingIfNeeded: features))
        write(0x024, 1)
        write(0x020, UInt32(truncatingIfNeeded: features >> 32))
        write(0x070, 11)
        return status & 8 != 0
    }

    var offered: UInt64 {
        write(0x014, 0)
        let low = read(0x010)
        write(0x014, 1)
        return UInt64(read(0x010)) << 32 | UInt64(low)
    }

    /// All of Device Initialization, with every queue of `size` entries.
    func start(_ features: UInt64? = nil, size: UInt16 = 16) {
        #expect(negotiate(features ?? offered), "FEATURES_OK stays set for what is offered")
        queues = []
        nextFree = TwinMemory.base + 0x2_0000
        var index: UInt32 = 0
        while true {
            write(0x030, index)
            guard read(0x034) != 0 else { break }
            let queue = TwinQueue(self, index, size: size, TwinMemory.base + 0x4000 * UInt64(1 + index))
            queue.setUp()
            #expect(read(0x044) == 1)
            queues.append(queue)
            index += 1
        }
        write(0x070, 15)
        #expect(status == 15)
    }

    /// Interrupts as a driver handles them: their causes.
    func acknowledge() -> UInt32 {
        let causes = read(0x060)
        write(0x064, causes)
        return causes
    }
}

/// A queue of the twin: descriptors, 0x1000 behind it the available ring, 0x2000 behind it the used ring.
final class TwinQueue {
    struct Piece {
        var address: UInt64
        var length: UInt32
        /// NEXT 1, WRITE 2, INDIRECT 4.
        var flags: UInt16 = 0
    }

    unowned let driver: TwinDriver
    let index: UInt32
    let size: UInt16
    let descriptors: UInt64
    var nextDescriptor: UInt16 = 0
    var nextAvailable: UInt16 = 0
    var nextUsed: UInt16 = 0

    var available: UInt64 { descriptors + 0x1000 }
    var used: UInt64 { descriptors + 0x2000 }
    private var memory: TwinMemory { driver.memory }

    init(_ driver: TwinDriver, _ index: UInt32, size: UInt16, _ base: UInt64) {
        self.driver = driver
        self.index = index
        self.size = size
        descriptors = base
    }

    func setUp() {
        memory.store([UInt8](repeating: 0, count: 0x3000), descriptors)
        driver.write(0x030, index)
        driver.write(0x038, UInt32(size))
        for (register, area) in [(0x080, descriptors), (0x090, available), (0x0a0, used)] as [(UInt64, UInt64)] {
            driver.write(register, UInt32(truncatingIfNeeded: area))
            driver.write(register + 4, UInt32(truncatingIfNeeded: area >> 32))
        }
        driver.write(0x044, 1)
    }

    func describe(_ number: UInt16, _ piece: Piece, next: UInt16, in table: UInt64? = nil) {
        let address = (table ?? descriptors) + 16 * UInt64(number)
        memory.store(piece.address, address)
        memory.store(piece.length, address + 8)
        memory.store(piece.flags, address + 12)
        memory.store(next, address + 14)
    }

    /// Chains the pieces, and makes the chain available; its head.
    @discardableResult
    func add(_ pieces: [Piece]) -> UInt16 {
        let head = nextDescriptor
        for (index, piece) in pieces.enumerated() {
            var piece = piece
            if index < pieces.count - 1 { piece.flags |= 1 }
            describe(nextDescriptor, piece, next: (nextDescriptor + 1) % size)
            nextDescriptor = (nextDescriptor + 1) % size
        }
        publish(head)
        return head
    }

    func publish(_ head: UInt16) {
        memory.store(head, available + 4 + 2 * UInt64(nextAvailable % size))
        nextAvailable &+= 1
        memory.store(nextAvailable, available + 2)
    }

    /// Bytes for the device to read, and room for it to write; where the room is.
    @discardableResult
    func add(_ output: [[UInt8]], room: [Int] = []) -> [UInt64] {
        var (pieces, rooms): ([Piece], [UInt64]) = ([], [])
        for bytes in output {
            let address = driver.allocate(bytes.count)
            memory.store(bytes, address)
            pieces.append(Piece(address: address, length: UInt32(bytes.count)))
        }
        for count in room {
            rooms.append(driver.allocate(count))
            pieces.append(Piece(address: rooms.last!, length: UInt32(count), flags: 2))
        }
        add(pieces)
        return rooms
    }

    func kick() { driver.write(0x050, index) }

    var usedIndex: UInt16 { memory.load(used + 2, as: UInt16.self) }
    var usedFlags: UInt16 { memory.load(used, as: UInt16.self) }
    var availableEvent: UInt16 { memory.load(used + 4 + 8 * UInt64(size), as: UInt16.self) }
    func setUsedEvent(_ value: UInt16) { memory.store(value, available + 4 + 2 * UInt64(size)) }
    func setAvailableFlags(_ value: UInt16) { memory.store(value, available) }

    /// The next used element.
    func take() -> (head: UInt32, length: UInt32)? {
        guard usedIndex != nextUsed else { return nil }
        let element = used + 4 + 8 * UInt64(nextUsed % size)
        nextUsed &+= 1
        return (memory.load(element, as: UInt32.self), memory.load(element + 4, as: UInt32.self))
    }
}
