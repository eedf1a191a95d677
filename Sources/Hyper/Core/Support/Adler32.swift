/// The checksum of zlib's streams (RFC 1950, 8.2).
public struct Adler32: Sendable {
    private var (low, high): (UInt32, UInt32) = (1, 0)

    public init() {}

    public var value: UInt32 { high << 16 | low }

    public mutating func add(_ byte: UInt8) {
        low = (low + UInt32(byte)) % 65521
        high = (high + low) % 65521
    }
}
