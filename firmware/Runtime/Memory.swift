// The four functions that compiled code may call without being asked to (copies of large values, zeroed storage).
// The build script keeps the compiler from recognising these loops and turning them into calls of themselves.

/// Copies `count` bytes; the two regions do not overlap.
@c(memcpy) public func copyMemory(
    _ destination: UnsafeMutableRawPointer, _ source: UnsafeRawPointer, _ count: Int
) -> UnsafeMutableRawPointer {
    // SAFETY: the caller gives `count` readable and writable bytes, as for the C function.
    var index = 0
    if (UInt(bitPattern: destination) | UInt(bitPattern: source)) & 7 == 0 {
        while index &+ 8 <= count {
            destination.storeBytes(
                of: source.load(fromByteOffset: index, as: UInt64.self), toByteOffset: index, as: UInt64.self)
            index &+= 8
        }
    }
    while index < count {
        destination.storeBytes(
            of: source.load(fromByteOffset: index, as: UInt8.self), toByteOffset: index, as: UInt8.self)
        index &+= 1
    }
    return destination
}

/// Copies `count` bytes between regions that may overlap.
@c(memmove) public func moveMemory(
    _ destination: UnsafeMutableRawPointer, _ source: UnsafeRawPointer, _ count: Int
) -> UnsafeMutableRawPointer {
    // SAFETY: as above. Copying upwards is right whenever the destination does not start inside the source.
    let distance = UInt(bitPattern: destination) &- UInt(bitPattern: source)
    if distance >= UInt(bitPattern: count) { return copyMemory(destination, source, count) }
    var index = count
    while index > 0 {
        index &-= 1
        destination.storeBytes(
            of: source.load(fromByteOffset: index, as: UInt8.self), toByteOffset: index, as: UInt8.self)
    }
    return destination
}

/// Sets `count` bytes to the low byte of `value`.
@c(memset) public func setMemory(
    _ destination: UnsafeMutableRawPointer, _ value: Int32, _ count: Int
) -> UnsafeMutableRawPointer {
    // SAFETY: the caller gives `count` writable bytes.
    let byte = UInt8(truncatingIfNeeded: value)
    var index = 0
    if UInt(bitPattern: destination) & 7 == 0 {
        let word = UInt64(byte) &* 0x0101_0101_0101_0101
        while index &+ 8 <= count {
            destination.storeBytes(of: word, toByteOffset: index, as: UInt64.self)
            index &+= 8
        }
    }
    while index < count {
        destination.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
        index &+= 1
    }
    return destination
}

/// Compares `count` bytes; negative, zero or positive as in C.
@c(memcmp) public func compareMemory(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ count: Int) -> Int32 {
    // SAFETY: the caller gives `count` readable bytes on each side.
    var index = 0
    while index < count {
        let a = left.load(fromByteOffset: index, as: UInt8.self)
        let b = right.load(fromByteOffset: index, as: UInt8.self)
        if a != b { return Int32(a) - Int32(b) }
        index &+= 1
    }
    return 0
}
