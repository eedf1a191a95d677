/// Sets 128 to 160 KiB, at multiples of eight, in two buffers of 512 KiB.
@c(bench)
public func bench() -> UInt64 {
    var buffers = Buffers(size: 512 * 1024, seed: 0x0073_6574)
    defer { buffers.deallocate() }
    buffers.set(400, 131_072...163_840, alignment: 8)
    return buffers.checksum
}
