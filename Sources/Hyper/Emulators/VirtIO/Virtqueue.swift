import Synchronization

/// A buffer that a driver has given to a device: what the device reads, and where it writes.
struct VirtqueueBuffer {
    /// The descriptor with which it begins, by which the driver knows it.
    fileprivate let head: UInt16
    /// Buffers of before a reset are nobody's.
    fileprivate let life: UInt32
    let readable: ScatterList
    let writable: ScatterList
}

/// A split virtqueue, from the device's side (VirtIO 1.2, Split Virtqueues).
///
/// All of it lies in memory that the guest may fill with anything, at any time. So each value is read once and checked
/// after that; what a driver must not do is an error, upon which the device needs a reset.
///
/// Whoever uses it holds its lock. Only a network locks two at once: one from which is sent, and then one in which it
/// is received.
final class Virtqueue {
    /// An indirect table may be longer than the queue, as Linux makes them; no table is longer than this.
    private static let indirectLimit: UInt32 = 1024
    /// Of a buffer's descriptors and pages.
    private static let pieceLimit = 4096

    private enum Flags {
        static let next: UInt16 = 1, write: UInt16 = 2, indirect: UInt16 = 4
    }

    /// Where the rings are in the host's memory: in words of 16 bits, but for the descriptors.
    private struct Rings {
        let descriptors: UnsafeRawPointer
        /// Flags, index, the ring, and the driver's `used_event`.
        let available: UnsafeMutablePointer<Atomic<UInt16>>
        /// Flags, index, the ring of 8 bytes each, and the device's `avail_event`.
        let used: UnsafeMutablePointer<Atomic<UInt16>>
    }

    let index: Int
    let maximumSize: UInt16
    let lock = SpinLock()
    private let memory: Unmanaged<AddressSpace>

    // What the driver sets up before the queue is ready.
    var size: UInt16
    /// Where its descriptors are, what the driver writes and what the device writes: in the order of all transports' registers.
    var areas: InlineArray<3, UInt64> = [0, 0, 0]

    private var rings: Rings?
    /// Where they are in the guest's memory.
    private var kept: [(address: UInt64, count: UInt64)] = []
    private var hasEventIndex = false
    private var hasIndirect = false
    private var nextAvailable: UInt16 = 0
    private var nextUsed: UInt16 = 0
    /// The used index at which the driver was last considered for an interrupt.
    private var considered: UInt16 = 0
    /// The driver is told not to notify.
    private var isSuppressing = false
    private var life: UInt32 = 0
    /// A thread is going to look at the queue.
    var isContinued = false
    /// The pieces of the last buffer, whose storage serves again if nobody kept it.
    private var pieces: [ScatterList.Piece] = []

    /// - Parameter memory: outlives the queue.
    init(index: Int, maximumSize: UInt16, memory: Unmanaged<AddressSpace>) {
        self.index = index
        self.maximumSize = maximumSize
        self.memory = memory
        size = maximumSize
    }

    var isReady: Bool { rings != nil }

    /// What was taken of it is nobody's from here on.
    func reset() {
        releaseRings()
        life &+= 1
        size = maximumSize
        areas = [0, 0, 0]
        (nextAvailable, nextUsed, considered, isSuppressing) = (0, 0, 0, false)
    }

    /// The driver's set-up is complete (Virtqueues: sizes and alignments).
    func start(eventIndex: Bool, indirect: Bool) throws(HyperError) {
        guard size > 0, size <= maximumSize, size & (size - 1) == 0 else {
            throw HyperError("queue \(index): \(Int(size)) is no power of two from 1 to \(Int(maximumSize))")
        }
        let count = UInt64(size)
        // Kept first, so that nothing of it is taken from the guest once it is found.
        kept = [(areas[0], 16 * count), (areas[1], 6 + 2 * count), (areas[2], 6 + 8 * count)]
        memory._withUnsafeGuaranteedRef { for (address, count) in kept { $0.keep(address, count: count) } }
        do throws(HyperError) {
            try findRings(count)
        } catch {
            releaseRings()
            throw error
        }
        (hasEventIndex, hasIndirect) = (eventIndex, indirect)
    }

    private func releaseRings() {
        rings = nil
        memory._withUnsafeGuaranteedRef { for (address, count) in kept { $0.release(address, count: count) } }
        kept = []
    }

    private func findRings(_ count: UInt64) throws(HyperError) {
        let descriptors = try area("descriptor table", areas[0], alignment: 16, count: 16 * count, write: false)
        let available = try area("available ring", areas[1], alignment: 2, count: 6 + 2 * count, write: false)
        let used = try area("used ring", areas[2], alignment: 4, count: 6 + 8 * count, write: true)
        // SAFETY: memory of the guest, which outlives the queue, aligned and as long as the words that are used of it.
        // The guest changes it meanwhile, so words that say when others are valid are atomic.
        rings = Rings(
            descriptors: UnsafeRawPointer(descriptors),
            available: available.assumingMemoryBound(to: Atomic<UInt16>.self),
            used: used.assumingMemoryBound(to: Atomic<UInt16>.self))
    }

    private func area(
        _ name: StaticString, _ address: UInt64, alignment: UInt64, count: UInt64, write: Bool
    ) throws(HyperError) -> UnsafeMutableRawPointer {
        guard address % alignment == 0 else {
            throw HyperError("queue \(index): the \(name) at \(hex: address) is not aligned to \(alignment) bytes")
        }
        return try pointer(name, address, count, write: write)
    }

    private func pointer(
        _ name: StaticString, _ address: UInt64, _ count: UInt64, write: Bool
    ) throws(HyperError) -> UnsafeMutableRawPointer {
        let pointer = memory._withUnsafeGuaranteedRef { $0.memory(address, count: count, write: write) }
        guard let pointer else {
            throw HyperError("queue \(index): the \(name), \(hex: count) bytes at \(hex: address), lies outside memory")
        }
        return pointer
    }

    // MARK: Taking buffers

    /// Buffers that are available now.
    func availableCount() throws(HyperError) -> UInt16 {
        guard let rings else { return 0 }
        let count = rings.available[1].load(ordering: .acquiring) &- nextAvailable
        guard count <= size else {
            throw HyperError("queue \(index): \(Int(count)) buffers are available, and it has room for \(Int(size))")
        }
        return count
    }

    /// The next buffer; nil where none is available.
    func take() throws(HyperError) -> VirtqueueBuffer? {
        guard let rings, try availableCount() > 0 else { return nil }
        let head = rings.available[2 + Int(nextAvailable & (size - 1))].load(ordering: .relaxed)
        let buffer = try buffer(head, rings)
        nextAvailable &+= 1
        return buffer
    }

    /// Undoes ``take()``.
    func putBack() { nextAvailable &-= 1 }

    /// Follows the chain of descriptors (The Virtqueue Descriptor Table).
    private func buffer(_ head: UInt16, _ rings: Rings) throws(HyperError) -> VirtqueueBuffer {
        pieces.removeAll(keepingCapacity: true)
        var (table, tableCount, isIndirect) = (rings.descriptors, UInt32(size), false)
        var (number, seen) = (UInt32(head), UInt32(0))
        var (readablePieces, readable, writable) = (0, UInt64(0), UInt64(0))
        while true {
            guard number < tableCount else {
                throw HyperError("queue \(index): no descriptor \(UInt64(number)) of \(UInt64(tableCount))")
            }
            guard seen < tableCount else { throw HyperError("queue \(index): a chain of descriptors has no end") }
            seen += 1
            // SAFETY: within the table, which is memory of the guest.
            let descriptor = table + 16 * Int(number)
            let address = descriptor.loadUnaligned(as: UInt64.self)
            let length = descriptor.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
            let flags = descriptor.loadUnaligned(fromByteOffset: 12, as: UInt16.self)
            if flags & Flags.indirect != 0 {
                guard hasIndirect, !isIndirect, flags & Flags.next == 0, length > 0, length % 16 == 0,
                    length / 16 <= Self.indirectLimit
                else {
                    throw HyperError(
                        "queue \(index): descriptor \(UInt64(number)) leads to no table of \(UInt64(length)) bytes")
                }
                table = UnsafeRawPointer(try pointer("indirect table", address, UInt64(length), write: false))
                (tableCount, isIndirect, number, seen) = (length / 16, true, 0, 0)
                continue
            }
            let isWritable = flags & Flags.write != 0
            if isWritable { writable += UInt64(length) } else { readable += UInt64(length) }
            guard isWritable || writable == 0 else {
                throw HyperError("queue \(index): the device is to read what is behind what it is to write")
            }
            // A used ring has no number for more than 4 GiB; nobody needs half as much.
            guard readable + writable <= UInt64(Int32.max) else {
                throw HyperError("queue \(index): a buffer of \(readable + writable) bytes is too long")
            }
            if length > 0 {
                try appendPieces(address, UInt64(length), write: isWritable)
                if !isWritable { readablePieces = pieces.count }
            }
            guard flags & Flags.next != 0 else { break }
            number = UInt32(descriptor.loadUnaligned(fromByteOffset: 14, as: UInt16.self))
        }
        return VirtqueueBuffer(
            head: head, life: life, readable: ScatterList(pieces, from: 0, count: Int(readable)),
            writable: ScatterList(pieces, from: readablePieces, count: Int(writable)))
    }

    /// A buffer's memory, which may lie here and there.
    @inline(__always)
    private func appendPieces(_ address: UInt64, _ count: UInt64, write: Bool) throws(HyperError) {
        var done: UInt64 = 0
        while done < count {
            let piece = memory._withUnsafeGuaranteedRef {
                $0.piece(address &+ done, count: count &- done, write: write)
            }
            guard let piece, piece.count > 0 else {
                throw HyperError(
                    "queue \(index): the buffer, \(hex: count) bytes at \(hex: address), lies outside memory")
            }
            guard pieces.count < Self.pieceLimit else {
                throw HyperError("queue \(index): a buffer lies in more than \(Self.pieceLimit) pieces of memory")
            }
            pieces.append(piece)
            done &+= UInt64(piece.count)
        }
    }

    // MARK: Giving them back

    /// Whether the buffer was taken since the queue was started.
    func owns(_ buffer: VirtqueueBuffer) -> Bool { rings != nil && buffer.life == life }

    /// Gives the buffer back, of which the device has written so many bytes (The Virtqueue Used Ring).
    func complete(_ buffer: VirtqueueBuffer, written: UInt32) {
        guard let rings else { return }
        let element = UnsafeMutableRawPointer(rings.used) + 4 + 8 * Int(nextUsed & (size - 1))
        element.storeBytes(of: UInt32(buffer.head), as: UInt32.self)
        element.storeBytes(of: written, toByteOffset: 4, as: UInt32.self)
        nextUsed &+= 1
        rings.used[1].store(nextUsed, ordering: .releasing)
    }

    /// Whether the driver wants an interrupt for what was given back since this was asked last (Used Buffer
    /// Notification Suppression).
    func wantsInterrupt() -> Bool {
        guard let rings, considered != nextUsed else { return false }
        let old = considered
        considered = nextUsed
        // What was given back is seen before what the driver wants is read: it does the same the other way round.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        guard hasEventIndex else { return rings.available[0].load(ordering: .relaxed) & 1 == 0 }
        let event = rings.available[2 + Int(size)].load(ordering: .relaxed)
        return nextUsed &- event &- 1 < nextUsed &- old
    }

    // MARK: Notifications (Available Buffer Notification Suppression)

    /// Has the driver notify the device of the next buffer. Whether there is one already, of which it may not.
    func acceptNotifications() -> Bool {
        guard let rings else { return false }
        if hasEventIndex {
            rings.used[2 + 4 * Int(size)].store(nextAvailable, ordering: .relaxed)
        } else if isSuppressing {
            rings.used[0].store(0, ordering: .relaxed)
        }
        isSuppressing = false
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return rings.available[1].load(ordering: .acquiring) != nextAvailable
    }

    /// Has the driver keep its notifications to itself; it may still send some.
    func suppressNotifications() {
        guard let rings, !isSuppressing else { return }
        isSuppressing = true
        if hasEventIndex {
            // An index that the driver has passed already.
            rings.used[2 + 4 * Int(size)].store(nextAvailable &- 1, ordering: .relaxed)
        } else {
            rings.used[0].store(1, ordering: .relaxed)
        }
    }
}
