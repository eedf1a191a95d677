/// Two buffers of random bytes, for the programs of the group `memory`.
struct Buffers {
    let size: Int
    let first: UnsafeMutableRawPointer
    let second: UnsafeMutableRawPointer
    var random: Random

    init(size: Int, seed: UInt64) {
        self.size = size
        first = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
        second = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
        random = Random(state: seed)
        for offset in stride(from: 0, to: size, by: 8) {
            first.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
            second.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
        }
    }

    func deallocate() {
        first.deallocate()
        second.deallocate()
    }

    /// A random length from `lengths`, and two places where as much fits, at multiples of `alignment`.
    @inline(__always)
    mutating func place(_ lengths: ClosedRange<Int>, alignment: Int) -> (length: Int, from: Int, to: Int) {
        let bits = random.next()
        let length = lengths.lowerBound &+ Int(truncatingIfNeeded: bits & 0xffff) % lengths.count
        let places = (size &- length) / alignment &+ 1
        let from = Int(truncatingIfNeeded: bits &>> 16 & 0xff_ffff) % places &* alignment
        let to = Int(truncatingIfNeeded: bits &>> 40) % places &* alignment
        return (length, from, to)
    }

    /// Copies from each buffer to the other in turn.
    mutating func copy(_ times: Int, _ lengths: ClosedRange<Int>, alignment: Int) {
        for turn in 0..<times {
            let (length, from, to) = place(lengths, alignment: alignment)
            let (source, destination) = turn & 1 == 0 ? (first, second) : (second, first)
            (destination + to).copyMemory(from: source + from, byteCount: length)
        }
    }

    /// Sets the bytes of a part of each buffer in turn.
    mutating func set(_ times: Int, _ lengths: ClosedRange<Int>, alignment: Int) {
        for turn in 0..<times {
            let (length, from, to) = place(lengths, alignment: alignment)
            let buffer = turn & 1 == 0 ? first : second
            memset(buffer + to, Int32(truncatingIfNeeded: from), UInt(bitPattern: length))
        }
    }

    /// A word of every 64 bytes.
    var checksum: UInt64 {
        var checksum = checksumStart
        for offset in stride(from: 0, to: size, by: 64) {
            checksum = mix(checksum, first.load(fromByteOffset: offset, as: UInt64.self))
            checksum = mix(checksum, second.load(fromByteOffset: offset, as: UInt64.self))
        }
        return checksum
    }
}
