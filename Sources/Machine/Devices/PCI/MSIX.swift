/// The table of a function's message-signalled interrupts, and those that are pending.
///
/// MSI-X: "PCI Local Bus Specification", revision 3.0, section 6.8.2.
struct MSIX {
    private struct Vector {
        var address: UInt64 = 0
        var data: UInt32 = 0
        var isMasked = true
    }

    /// Bits of Message Control.
    private enum Control {
        static let mask: UInt16 = 1 << 14
        static let enable: UInt16 = 1 << 15
    }

    static let capability: UInt8 = 0x11
    /// Where in the capability Message Control is.
    static let controlOffset = 2
    /// The table, and the pending bits, in the range that both have.
    private static let pendingOffset: UInt64 = 0x800
    static let rangeSize: UInt64 = 0x1000
    private static let vectorSize: UInt64 = 16

    private var vectors: [Vector]
    private var pending: UInt64 = 0
    private(set) var isEnabled = false
    private var isMasked = false

    /// - Parameter count: how many vectors there are, at most 64.
    init(count: Int) {
        precondition((1...64).contains(count))
        vectors = Array(repeating: Vector(), count: count)
    }

    var count: Int { vectors.count }

    /// What follows the capability's number and link, and which bits of it can be written.
    func body(range: Int) -> (bytes: [UInt8], writable: [UInt8]) {
        var bytes: [UInt8] = [], writable: [UInt8] = []
        bytes.append(littleEndian: UInt16(count - 1))
        bytes.append(littleEndian: UInt32(range))
        bytes.append(littleEndian: UInt32(Self.pendingOffset) | UInt32(range))
        writable.append(littleEndian: Control.mask | Control.enable)
        return (bytes, writable)
    }

    mutating func reset() { self = MSIX(count: count) }

    /// What can be sent.
    typealias Message = (address: UInt64, data: UInt32)

    /// Message Control is now this.
    /// - Returns: what was held back and is not any more.
    mutating func setControl(_ control: UInt16) -> [Message] {
        isEnabled = control & Control.enable != 0
        isMasked = control & Control.mask != 0
        return takeUnmasked()
    }

    /// - Returns: the message, unless it is held back.
    mutating func signal(_ vector: Int) -> Message? {
        guard isEnabled, vectors.indices.contains(vector) else { return nil }
        guard !isMasked, !vectors[vector].isMasked else {
            pending |= 1 << UInt64(vector)
            return nil
        }
        return (vectors[vector].address, vectors[vector].data)
    }

    private mutating func takeUnmasked() -> [Message] {
        guard isEnabled, !isMasked, pending != 0 else { return [] }
        var messages: [Message] = []
        for index in vectors.indices where pending >> UInt64(index) & 1 != 0 && !vectors[index].isMasked {
            pending &= ~(1 << UInt64(index))
            messages.append((vectors[index].address, vectors[index].data))
        }
        return messages
    }

    // MARK: Registers

    /// Words and double words. What is neither table nor pending bits reads zero.
    func read(_ offset: UInt64, size: Int) -> UInt64 {
        guard size >= 4, offset % UInt64(size) == 0 else { return 0 }
        let low = UInt64(readWord(offset))
        return size == 4 ? low : low | UInt64(readWord(offset + 4)) << 32
    }

    private func readWord(_ offset: UInt64) -> UInt32 {
        switch offset {
        case Self.pendingOffset: return UInt32(truncatingIfNeeded: pending)
        case Self.pendingOffset + 4: return UInt32(pending >> 32)
        default:
            guard offset / Self.vectorSize < UInt64(count) else { return 0 }
            let vector = vectors[Int(offset / Self.vectorSize)]
            return switch offset % Self.vectorSize {
            case 0: UInt32(truncatingIfNeeded: vector.address)
            case 4: UInt32(vector.address >> 32)
            case 8: vector.data
            default: vector.isMasked ? 1 : 0
            }
        }
    }

    /// - Returns: what was held back and is not any more.
    mutating func write(_ offset: UInt64, size: Int, value: UInt64) -> [Message] {
        guard size >= 4, offset % UInt64(size) == 0 else { return [] }
        writeWord(offset, UInt32(truncatingIfNeeded: value))
        if size == 8 { writeWord(offset + 4, UInt32(value >> 32)) }
        return takeUnmasked()
    }

    private mutating func writeWord(_ offset: UInt64, _ value: UInt32) {
        guard offset / Self.vectorSize < UInt64(count) else { return }
        let index = Int(offset / Self.vectorSize)
        switch offset % Self.vectorSize {
        // A message is of 32 bits at a multiple of 4.
        case 0: vectors[index].address.replaceHalf(0, with: value & ~3)
        case 4: vectors[index].address.replaceHalf(1, with: value)
        case 8: vectors[index].data = value
        default: vectors[index].isMasked = value & 1 != 0
        }
    }

    // MARK: State

    mutating func describeState(_ visitor: inout some StateVisitor) {
        for index in vectors.indices {
            visitor.field("message address", &vectors[index].address)
            visitor.field("message data", &vectors[index].data)
            visitor.field("vector masked", &vectors[index].isMasked)
        }
        visitor.field("pending", &pending)
        visitor.field("enabled", &isEnabled)
        visitor.field("masked", &isMasked)
    }
}

extension UInt64 {
    /// Replaces the low half, 0, or the high one, 1.
    mutating func replaceHalf(_ half: Int, with value: UInt32) {
        self = replacing(at: 32 * half, bits: 32, with: UInt64(value))
    }
}
