/// Helpers for devices whose registers are read and written whole.

/// Refuses an access that is not `width` bytes at a multiple of `width`.
@inline(__always)
func requireAligned(_ offset: UInt64, size: Int, width: Int) throws(AccessFault) {
    guard size == width, offset % UInt64(width) == 0 else { throw AccessFault() }
}

extension FixedWidthInteger where Self: UnsignedInteger {
    /// The value with the `bits` wide field at `position` replaced by the low bits of `field`.
    @inline(__always)
    func replacing(at position: Int, bits: Int, with field: Self) -> Self {
        let mask: Self = bits >= Self.bitWidth ? ~0 : (1 << Self(bits)) - 1
        return (self & ~(mask << Self(position))) | ((field & mask) << Self(position))
    }
}
