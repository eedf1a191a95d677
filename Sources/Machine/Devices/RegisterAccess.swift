/// Helpers for devices whose registers are read and written whole.

/// Refuses an access that is not `width` bytes at a multiple of `width`.
@inline(__always)
func requireAligned(_ offset: UInt64, size: Int, width: Int) throws(AccessFault) {
    guard size == width, isAligned(offset, size: width) else { throw AccessFault() }
}

/// Whether `offset` is a multiple of `size`, which is a power of two.
@inline(__always)
func isAligned(_ offset: UInt64, size: Int) -> Bool { offset & UInt64(truncatingIfNeeded: size &- 1) == 0 }

extension FixedWidthInteger where Self: UnsignedInteger {
    /// The value with the `bits` wide field at `position` replaced by the low bits of `field`.
    @inline(__always)
    func replacing(at position: Int, bits: Int, with field: Self) -> Self {
        let mask: Self = bits >= Self.bitWidth ? ~0 : (1 << Self(bits)) - 1
        return (self & ~(mask << Self(position))) | ((field & mask) << Self(position))
    }
}
