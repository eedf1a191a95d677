/// The cyclic redundancy check of Ethernet, gzip and GPT (IEEE 802.3, 3.2.9): polynomial 0x04c11db7, least bit first.
public struct CRC32: Sendable {
    private var state: UInt32 = ~0

    public init() {}

    public var value: UInt32 { ~state }

    public mutating func add(_ byte: UInt8) {
        state ^= UInt32(byte)
        for _ in 0..<8 { state = state >> 1 ^ (state & 1 != 0 ? 0xedb8_8320 : 0) }
    }

    public mutating func add(_ bytes: ArraySlice<UInt8>) { for byte in bytes { add(byte) } }

    public static func of(_ bytes: [UInt8]) -> UInt32 {
        var sum = CRC32()
        sum.add(bytes[...])
        return sum.value
    }
}
