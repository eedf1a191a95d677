/// Copies of 16 to 255 bytes, from any address to any, between two buffers of 16 KiB.
@c(bench)
public func bench() -> UInt64 {
    var buffers = Buffers(size: 16 * 1024, seed: 0x636f_7079)
    defer { buffers.deallocate() }
    buffers.copy(4000, 16...255, alignment: 1)
    return buffers.checksum
}
