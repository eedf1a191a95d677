/// Sets 16 to 255 bytes at any address, in two buffers of 16 KiB.
@c(bench)
public func bench() -> UInt64 {
    var buffers = Buffers(size: 16 * 1024, seed: 0x0073_6574)
    defer { buffers.deallocate() }
    buffers.set(20_000, 16...255, alignment: 1)
    return buffers.checksum
}
