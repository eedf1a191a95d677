/// Copies by `memcpy`, short and long, aligned and not, some that cross pages, within two buffers of 256 KiB.
@c(bench)
public func bench() -> UInt64 {
    let size = 256 * 1024
    let a = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
    let b = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
    defer {
        a.deallocate()
        b.deallocate()
    }
    var random = Random(state: 0x636f_7079)
    for offset in stride(from: 0, to: size, by: 8) {
        a.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
        b.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
    }
    for turn in 0..<8 {
        b.copyMemory(from: a, byteCount: size)
        for _ in 0..<64 {  // a cache line to a few pages, at multiples of eight
            let bits = random.next()
            let length = Int(truncatingIfNeeded: bits & 0x1fff)
            let source = Int(truncatingIfNeeded: bits &>> 13 & 0x1fff8)
            let destination = Int(truncatingIfNeeded: bits &>> 33 & 0x1fff8)
            (a + destination).copyMemory(from: b + source, byteCount: length)
        }
        for _ in 0..<64 {  // short ones at any address
            let bits = random.next()
            let length = Int(truncatingIfNeeded: bits & 0xff)
            let source = Int(truncatingIfNeeded: bits &>> 13 & 0x1ffff)
            let destination = Int(truncatingIfNeeded: bits &>> 33 & 0x1ffff)
            (a + destination).copyMemory(from: b + source, byteCount: length)
        }
        (b + turn).copyMemory(from: a + turn, byteCount: size / 2)
    }
    var checksum = checksumStart
    for offset in stride(from: 0, to: size, by: 64) {
        checksum = mix(checksum, a.load(fromByteOffset: offset, as: UInt64.self))
        checksum = mix(checksum, b.load(fromByteOffset: offset, as: UInt64.self))
    }
    return checksum
}
