import CZlib

/// CRC-32 of bytes, as zlib computes it (RFC 1952, section 8).
///
/// It finds each change of up to 32 bits in a row, a flipped bit above all. It is no protection against who changes a file
/// on purpose.
func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    // SAFETY: zlib reads `count` bytes from the address on, and keeps nothing.
    UInt32(truncatingIfNeeded: crc32_z(0, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count))
}

func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
    bytes.withContiguousStorageIfAvailable { checksum(UnsafeRawBufferPointer($0)) } ?? checksum(Array(bytes))
}
