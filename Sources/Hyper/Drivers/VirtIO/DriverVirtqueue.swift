import Synchronization

/// A split virtqueue from the driver's side (VirtIO 1.2, Split Virtqueues), laid out as the legacy interface wants it, which
/// suits the modern one too: the used ring begins at a page.
///
/// What the device writes is checked before it is believed: it can neither end a buffer that it does not have, nor say that
/// it wrote more than there was room for. Whoever uses the queue holds its own lock.
public final class DriverVirtqueue {
    /// A part of a buffer: memory side by side.
    public struct Segment {
        public let address: UInt64
        public let count: Int
        /// The device writes it, and behind it no segment that it reads comes.
        public let isWritable: Bool

        public init(_ piece: UnsafeMutableRawBufferPointer, isWritable: Bool) {
            address = UInt64(UInt(bitPattern: piece.baseAddress))
            count = piece.count
            self.isWritable = isWritable
        }

        private init(_ address: UInt64, _ count: Int, isWritable: Bool) {
            self.address = address
            self.count = count
            self.isWritable = isWritable
        }

        /// Its first bytes.
        public func prefix(_ count: Int) -> Segment { Segment(address, min(count, self.count), isWritable: isWritable) }
    }

    /// A buffer that the device has given back.
    public struct Used {
        /// By which ``add(_:)`` named it.
        public let head: Int
        /// Bytes that the device says it wrote; never more than it could.
        public let written: Int
    }

    private enum Flags {
        static let next: UInt16 = 1, write: UInt16 = 2, noNotification: UInt16 = 1, noInterrupt: UInt16 = 1
    }

    /// What is known of a descriptor, where the device cannot change it.
    private struct Shadow {
        /// The next one of the chain, or of those that are free.
        var next = 0
        /// Of a chain's head: descriptors of the chain; 0 where the device does not have it.
        var length = 0
        /// Of a chain's head: bytes that the device may write.
        var room = 0
    }

    let index: Int
    public let size: Int
    /// Descriptors that no buffer uses.
    public private(set) var freeCount: Int
    /// Legacy devices may say nonsense of how much they wrote (VirtIO 1.2, Legacy Interface: The Virtqueue Used Ring).
    private let isLegacy: Bool
    private let memory: UInt64
    private let pageCount: Int
    private var shadows: [Shadow]
    private var firstFree = 0
    private var nextAvailable: UInt16 = 0
    private var nextUsed: UInt16 = 0

    private let descriptors: UnsafeMutableRawPointer
    /// Flags, index, and the ring.
    private let available: UnsafeMutablePointer<Atomic<UInt16>>
    /// Flags, index, and the ring of 8 bytes each.
    private let used: UnsafeMutablePointer<Atomic<UInt16>>

    /// - Parameter size: A power of two that the device allows.
    init(index: Int, size: Int, isLegacy: Bool) throws(HyperError) {
        self.index = index
        self.size = size
        self.isLegacy = isLegacy
        let usedOffset = (16 * size + 6 + 2 * size + 4095) & ~4095
        pageCount = (usedOffset + 6 + 8 * size + 4095) / 4096
        memory = try Pages.allocate(pageCount)
        Pages.clear(memory, count: pageCount)
        // SAFETY: pages of our own, aligned, and as many as the rings need. The device changes the used ring at any time, so
        // its index is atomic, and so is the one that the device reads.
        descriptors = UnsafeMutableRawPointer(bitPattern: UInt(memory)).unsafelyUnwrapped
        available = (descriptors + 16 * size).assumingMemoryBound(to: Atomic<UInt16>.self)
        used = (descriptors + usedOffset).assumingMemoryBound(to: Atomic<UInt16>.self)
        freeCount = size
        shadows = (0..<size).map { Shadow(next: $0 + 1) }
    }

    deinit { Pages.free(memory, pageCount) }

    /// Where the device finds its parts.
    var descriptorArea: UInt64 { memory }
    var driverArea: UInt64 { memory + UInt64(16 * size) }
    var deviceArea: UInt64 { UInt64(UInt(bitPattern: used)) }

    /// The number that the next buffer will have.
    public var nextHead: Int { firstFree }

    /// Makes a buffer available; the number by which it comes back, nil where there is no room for it now. The device
    /// looks once it is notified.
    public func add(_ segments: [Segment]) -> Int? {
        guard !segments.isEmpty, segments.count <= freeCount else { return nil }
        let head = firstFree
        var (current, last, room) = (head, head, 0)
        for (position, segment) in segments.enumerated() {
            let isLast = position == segments.count - 1
            let next = shadows[current].next
            let descriptor = descriptors + 16 * current
            descriptor.storeBytes(of: segment.address.littleEndian, as: UInt64.self)
            descriptor.storeBytes(
                of: UInt32(truncatingIfNeeded: segment.count).littleEndian, toByteOffset: 8, as: UInt32.self)
            let flags = (segment.isWritable ? Flags.write : 0) | (isLast ? 0 : Flags.next)
            descriptor.storeBytes(of: flags.littleEndian, toByteOffset: 12, as: UInt16.self)
            descriptor.storeBytes(
                of: isLast ? 0 : UInt16(truncatingIfNeeded: next).littleEndian, toByteOffset: 14, as: UInt16.self)
            if segment.isWritable { room += segment.count }
            (last, current) = (current, next)
        }
        firstFree = shadows[last].next
        freeCount -= segments.count
        shadows[head].length = segments.count
        shadows[head].room = room
        available[2 + Int(nextAvailable) % size].store(UInt16(truncatingIfNeeded: head), ordering: .relaxed)
        nextAvailable &+= 1
        available[1].store(nextAvailable, ordering: .releasing)
        return head
    }

    /// Whether the device wants to be told of what was added (Available Buffer Notification Suppression).
    func wantsNotification() -> Bool {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return used[0].load(ordering: .relaxed) & Flags.noNotification == 0
    }

    /// Whether the device is to interrupt for what it gives back; it may all the same. What has come back before they are on
    /// is to be looked for (Used Buffer Notification Suppression).
    public func setInterrupts(_ areOn: Bool) {
        available[0].store(areOn ? 0 : Flags.noInterrupt, ordering: .relaxed)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    /// The next buffer that has come back; nil where there is none. An error is the device's fault: nothing that it says can
    /// be believed any more.
    public func takeUsed() throws(HyperError) -> Used? {
        let count = used[1].load(ordering: .acquiring) &- nextUsed
        guard count > 0 else { return nil }
        guard Int(count) <= size - freeCount else {
            throw HyperError("queue \(index): it gives back \(Int(count)) buffers, and has not been given as many")
        }
        let element = UnsafeMutableRawPointer(used) + 4 + 8 * (Int(nextUsed) % size)
        let head = UInt64(UInt32(littleEndian: element.load(as: UInt32.self)))
        let written = UInt64(UInt32(littleEndian: element.load(fromByteOffset: 4, as: UInt32.self)))
        guard head < UInt64(size), shadows[Int(head)].length > 0 else {
            throw HyperError("queue \(index): it gives back buffer \(head), which it has not been given")
        }
        let room = UInt64(shadows[Int(head)].room)
        guard written <= room || isLegacy else {
            throw HyperError("queue \(index): it has written \(written) bytes where \(room) have room")
        }
        nextUsed &+= 1
        release(Int(head))
        return Used(head: Int(head), written: Int(min(written, room)))
    }

    private func release(_ head: Int) {
        var last = head
        for _ in 1..<max(shadows[head].length, 1) { last = shadows[last].next }
        freeCount += shadows[head].length
        shadows[head].length = 0
        shadows[last].next = firstFree
        firstFree = head
    }
}
