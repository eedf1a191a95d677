/// Numbers in structures of disks, files and devices, the least byte first.
extension [UInt8] {
    func number(_ offset: Int, bytes count: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in (0..<count).reversed() { value = value << 8 | UInt64(self[offset + index]) }
        return value
    }

    func u16(_ offset: Int) -> UInt16 { UInt16(truncatingIfNeeded: number(offset, bytes: 2)) }
    func u32(_ offset: Int) -> UInt32 { UInt32(truncatingIfNeeded: number(offset, bytes: 4)) }
    func u64(_ offset: Int) -> UInt64 { number(offset, bytes: 8) }

    mutating func set(_ value: UInt64, _ offset: Int, bytes count: Int) {
        for index in 0..<count { self[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
    }
}
