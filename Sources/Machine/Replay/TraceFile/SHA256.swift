import CNettle

/// SHA-256 (FIPS 180-4), as `sha256sum` prints it.
public struct SHA256Digest: Hashable, Sendable, CustomStringConvertible {
    public static let size = 32
    public let bytes: [UInt8]

    /// - Precondition: 32 bytes.
    init(bytes: [UInt8]) { self.bytes = bytes }

    public init(of contents: [UInt8]) {
        var hasher = SHA256()
        contents.withUnsafeBytes { hasher.update($0) }
        self = hasher.digest()
    }

    public var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

/// Computes a digest of bytes that come in pieces.
struct SHA256 {
    private var context = sha256_ctx()

    init() { nettle_sha256_init(&context) }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        // SAFETY: nettle reads `count` bytes from the address on.
        nettle_sha256_update(&context, bytes.count, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
    }

    mutating func digest() -> SHA256Digest {
        // SAFETY: nettle writes the 32 bytes that the buffer has.
        SHA256Digest(
            bytes: [UInt8](unsafeUninitializedCapacity: SHA256Digest.size) { buffer, initialized in
                nettle_sha256_digest(&context, SHA256Digest.size, buffer.baseAddress)
                initialized = SHA256Digest.size
            })
    }
}
