/// CRC-32 (the reflected polynomial 0xEDB88320 of ISO 3309) of one buffer, by table and bit by bit.
/// Both ways must agree; the checksum is the CRC in the low half and its complement in the high half.
@c(bench)
public func bench() -> UInt64 {
    let size = 64 * 1024
    let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
    let table = UnsafeMutablePointer<UInt32>.allocate(capacity: 256)
    defer {
        buffer.deallocate()
        table.deallocate()
    }
    var random = Random(state: 0x0063_7263)
    for index in 0..<size { buffer[index] = UInt8(truncatingIfNeeded: random.next() &>> 24) }
    for entry in 0..<256 { table[entry] = advanced(UInt32(truncatingIfNeeded: entry)) }

    var byTable = ~UInt32(0)
    for _ in 0..<8 {
        for index in 0..<size {
            let entry = Int(truncatingIfNeeded: (byTable ^ UInt32(buffer[index])) & 255)
            byTable = table[entry] ^ (byTable &>> 8)
        }
    }
    var bitwise = ~UInt32(0)
    for _ in 0..<8 {
        for index in 0..<size { bitwise = advanced(bitwise ^ UInt32(buffer[index])) }
    }
    guard byTable == bitwise else { return 0 }
    return UInt64(byTable) &<< 32 | UInt64(~byTable)
}

/// The remainder after eight more bits.
@inline(__always)
func advanced(_ remainder: UInt32) -> UInt32 {
    var remainder = remainder
    for _ in 0..<8 {
        remainder = (remainder &>> 1) ^ (0xedb8_8320 & (0 &- (remainder & 1)))
    }
    return remainder
}
