import ISA

/// A split virtqueue, from the device's side (VirtIO 1.2, section 2.7).
///
/// All of it lies in guest memory, which a driver may have filled with anything. So each value is checked when it is
/// read and none is read twice: a mistake is a ``VirtqueueError``, which makes the device ask for a reset.
struct Virtqueue {
    let maximumSize: UInt16

    var size: UInt16
    var isReady = false
    /// The three areas (2.7.5, 2.7.6, 2.7.8).
    var descriptorTable: UInt64 = 0
    var availableRing: UInt64 = 0
    var usedRing: UInt64 = 0

    /// Index of the next available entry to take.
    private var nextAvailable: UInt16 = 0
    /// Index of the next used entry to fill.
    private(set) var nextUsed: UInt16 = 0

    private struct DescriptorFlags: OptionSet {
        let rawValue: UInt16
        static let next = DescriptorFlags(rawValue: 1)
        static let write = DescriptorFlags(rawValue: 2)
        static let indirect = DescriptorFlags(rawValue: 4)
    }

    private struct Descriptor {
        static let byteCount: UInt64 = 16
        let address: UInt64
        let length: UInt32
        let flags: DescriptorFlags
        let next: UInt16
    }

    /// Indirect tables may be longer than the queue: Linux makes such ones. They are still bounded.
    private static let longestIndirectTable: UInt32 = 1024

    init(maximumSize: UInt16) {
        self.maximumSize = maximumSize
        size = maximumSize
    }

    mutating func reset() {
        self = Virtqueue(maximumSize: maximumSize)
    }

    /// Sets the areas as the legacy interface has them, one behind the other (2.7.2): descriptors, available ring with
    /// used_event, and from the next multiple of `alignment` on the used ring.
    mutating func setLegacyLayout(at base: UInt64, alignment: UInt64) throws(VirtqueueError) {
        guard alignment > 0, alignment & (alignment - 1) == 0 else { throw .badUnit("alignment", alignment) }
        let (descriptors, rings) = (16 * UInt64(size), 2 * (3 + UInt64(size)))
        descriptorTable = base
        availableRing = base &+ descriptors
        usedRing = base &+ ((descriptors + rings + alignment - 1) & ~(alignment - 1))
    }

    /// Checks what the driver has set up, before it becomes ready (2.7: sizes and alignments).
    func validate(_ memory: PhysicalMemory) throws(VirtqueueError) {
        guard size > 0, size <= maximumSize, size & (size - 1) == 0 else { throw .badSize(size, maximum: maximumSize) }
        let size = UInt64(self.size)
        for (area, address, alignment, count): (StaticString, UInt64, UInt64, UInt64) in [
            ("descriptor table", descriptorTable, 16, 16 * size),
            ("available ring", availableRing, 2, 6 + 2 * size),
            ("used ring", usedRing, 4, 6 + 8 * size),
        ] {
            guard address % alignment == 0 else { throw .misaligned("\(area)", address) }
            guard memory.host(address, count: count) != nil else { throw .outsideMemory("\(area)", address, count) }
        }
    }

    // MARK: Taking buffers

    /// Takes the next chain that the driver has made available, if there is one.
    mutating func take(_ memory: PhysicalMemory, _ features: VirtIOFeatures) throws(VirtqueueError) -> DescriptorChain?
    {
        let index: UInt16 = try load(memory, availableRing &+ 2, "available ring")
        guard index != nextAvailable else { return nil }
        guard index &- nextAvailable <= size else { throw .availableIndexJumped(from: nextAvailable, to: index) }
        let slot = UInt64(nextAvailable % size)
        let head: UInt16 = try load(memory, availableRing &+ 4 &+ 2 * slot, "available ring")
        let chain = try walk(memory, head, features)
        nextAvailable &+= 1
        return chain
    }

    /// Leaves the last chains that were taken, and not given back, for later.
    mutating func putBack(_ count: Int) {
        nextAvailable &-= UInt16(count)
    }

    private func walk(
        _ memory: PhysicalMemory, _ head: UInt16, _ features: VirtIOFeatures
    ) throws(VirtqueueError) -> DescriptorChain {
        var chain = DescriptorChain(head: head, memory)
        var (table, count) = (descriptorTable, UInt32(size))
        var isIndirect = false
        var index = head
        var steps: UInt32 = 0
        while true {
            guard index < count else { throw .descriptorOutOfRange(index) }
            steps += 1
            guard steps <= count else { throw .chainLoops(head) }
            let descriptor = try load(memory, table &+ Descriptor.byteCount * UInt64(index))

            if descriptor.flags.contains(.indirect) {
                // One indirect table may end a chain; its own descriptors may not refer to another (2.7.5.3).
                guard features.contains(.indirectDescriptors), !isIndirect, !descriptor.flags.contains(.next),
                    descriptor.length > 0, descriptor.length % 16 == 0,
                    descriptor.length / 16 <= Self.longestIndirectTable
                else { throw .badIndirectTable(index) }
                let length = UInt64(descriptor.length)
                guard memory.host(descriptor.address, count: length) != nil else {
                    throw .outsideMemory("indirect table", descriptor.address, length)
                }
                (table, count, isIndirect) = (descriptor.address, descriptor.length / 16, true)
                (index, steps) = (0, 0)
                continue
            }

            try chain.append(
                GuestBuffer.Piece(address: descriptor.address, count: UInt64(descriptor.length)),
                isWritten: descriptor.flags.contains(.write))
            guard descriptor.flags.contains(.next) else { return chain }
            index = descriptor.next
        }
    }

    // MARK: Returning buffers

    /// Gives a chain back to the driver, with the first `written` bytes of its writable part filled.
    mutating func give(_ memory: PhysicalMemory, _ chain: DescriptorChain, written: UInt32) throws(VirtqueueError) {
        let element = usedRing &+ 4 &+ 8 * UInt64(nextUsed % size)
        try store(memory, element, UInt32(chain.head))
        try store(memory, element &+ 4, written)
        nextUsed &+= 1
        try store(memory, usedRing &+ 2, nextUsed)
    }

    /// Whether the driver wants to be told of the entries used since the index was `old` (2.7.7).
    func wantsInterrupt(
        _ memory: PhysicalMemory, _ features: VirtIOFeatures, since old: UInt16
    ) throws(VirtqueueError) -> Bool {
        guard nextUsed != old else { return false }
        if features.contains(.eventIndex) {
            let event: UInt16 = try load(memory, availableRing &+ 4 &+ 2 * UInt64(size), "available ring")
            return nextUsed &- event &- 1 < nextUsed &- old
        }
        let flags: UInt16 = try load(memory, availableRing, "available ring")
        return flags & 1 == 0
    }

    /// Asks to be told of the next available entry beyond those taken (2.7.10).
    func askForNotification(_ memory: PhysicalMemory, _ features: VirtIOFeatures) throws(VirtqueueError) {
        guard features.contains(.eventIndex) else { return }
        try store(memory, usedRing &+ 4 &+ 8 * UInt64(size), nextAvailable)
    }

    // MARK: Memory

    private func load<T: FixedWidthInteger>(
        _ memory: PhysicalMemory, _ address: UInt64, _ area: StaticString
    ) throws(VirtqueueError) -> T {
        guard let value = memory.load(address, as: T.self) else {
            throw .outsideMemory("\(area)", address, UInt64(T.bitWidth / 8))
        }
        return value
    }

    private func load(_ memory: PhysicalMemory, _ address: UInt64) throws(VirtqueueError) -> Descriptor {
        let target: UInt64 = try load(memory, address, "descriptor table")
        let rest: UInt64 = try load(memory, address &+ 8, "descriptor table")
        return Descriptor(
            address: target, length: UInt32(truncatingIfNeeded: rest),
            flags: DescriptorFlags(rawValue: UInt16(truncatingIfNeeded: rest >> 32)),
            next: UInt16(truncatingIfNeeded: rest >> 48))
    }

    private func store(
        _ memory: PhysicalMemory, _ address: UInt64, _ value: some FixedWidthInteger
    ) throws(VirtqueueError) {
        guard memory.store(address, value) else {
            throw .outsideMemory("used ring", address, UInt64(value.bitWidth / 8))
        }
    }

    // MARK: State

    mutating func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("size", &size)
        visitor.field("ready", &isReady)
        // No driver can make such a queue ready, but a damaged snapshot could.
        if isReady, size == 0 || size > maximumSize {
            visitor.refuse("0 for a queue of this size")
            isReady = false
        }
        visitor.field("descriptor table", &descriptorTable)
        visitor.field("available ring", &availableRing)
        visitor.field("used ring", &usedRing)
        visitor.field("next available", &nextAvailable)
        visitor.field("next used", &nextUsed)
    }
}

/// What a driver has put into one entry of a queue: a part for the device to read, then a part for it to write.
public struct DescriptorChain {
    let head: UInt16
    private(set) var readable: GuestBuffer
    private(set) var writable: GuestBuffer

    fileprivate init(head: UInt16, _ memory: PhysicalMemory) {
        self.head = head
        readable = GuestBuffer(memory)
        writable = GuestBuffer(memory)
    }

    /// Bytes of both parts.
    var count: UInt64 { readable.count + writable.count }

    fileprivate mutating func append(_ piece: GuestBuffer.Piece, isWritten: Bool) throws(VirtqueueError) {
        if !isWritten, !writable.pieces.isEmpty { throw .readableAfterWritable(head) }
        let isMemory =
            isWritten ? writable.append(piece, isWritten: true) : readable.append(piece, isWritten: false)
        guard isMemory else { throw .outsideMemory("buffer", piece.address, piece.count) }
        // No chain may describe more than 4 GiB (2.7.5).
        guard count <= 1 << 32 else { throw .chainTooLong(head) }
    }
}

/// What a driver did wrong with a queue. The device answers each with DEVICE_NEEDS_RESET.
enum VirtqueueError: Error, Equatable, CustomStringConvertible {
    case badSize(UInt16, maximum: UInt16)
    case misaligned(String, UInt64)
    /// Of the legacy interface: what queues are laid out by.
    case badUnit(String, UInt64)
    case outsideMemory(String, UInt64, UInt64)
    case availableIndexJumped(from: UInt16, to: UInt16)
    case descriptorOutOfRange(UInt16)
    case chainLoops(UInt16)
    case chainTooLong(UInt16)
    case badIndirectTable(UInt16)
    case readableAfterWritable(UInt16)
    case malformedRequest(String)

    var description: String {
        func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
        switch self {
        case .badSize(let size, let maximum):
            return "its size is \(size), which is not a power of two of at most \(maximum)"
        case .misaligned(let area, let address): return "its \(area) at \(hex(address)) is not aligned"
        case .badUnit(let what, let value): return "its \(what) is \(value), which is not a power of two"
        case .outsideMemory(let area, let address, let count):
            return "\(count) bytes at \(hex(address)) (\(area)) are not memory, or not writable"
        case .availableIndexJumped(let from, let to):
            return "the available index went from \(from) to \(to), more than the queue holds"
        case .descriptorOutOfRange(let index): return "descriptor \(index) does not exist"
        case .chainLoops(let head): return "the chain of descriptor \(head) loops"
        case .chainTooLong(let head): return "the chain of descriptor \(head) describes more than 4 GiB"
        case .badIndirectTable(let index): return "descriptor \(index) refers to an indirect table as it may not"
        case .readableAfterWritable(let head):
            return "the chain of descriptor \(head) has a readable part after a writable one"
        case .malformedRequest(let what): return what
        }
    }
}
