/// Sets half a page to two pages, at multiples of eight, in two buffers of 64 KiB.
@c(bench)
public func bench() -> UInt64 {
    var buffers = Buffers(size: 64 * 1024, seed: 0x0073_6574)
    defer { buffers.deallocate() }
    buffers.set(8000, 2048...8192, alignment: 8)
    return buffers.checksum
}
