/// Copies of half a page to two pages, at multiples of eight, between two buffers of 64 KiB.
@c(bench)
public func bench() -> UInt64 {
    var buffers = Buffers(size: 64 * 1024, seed: 0x636f_7079)
    defer { buffers.deallocate() }
    buffers.copy(4000, 2048...8192, alignment: 8)
    return buffers.checksum
}
