import ISA

/// A slot's registers by the manual's names, and the fields of vectors' instructions that stand in its immediate.
extension Operands {
    @inline(__always) var rn: UInt8 { rs1 }
    /// Rm or Rs.
    @inline(__always) var rm: UInt8 { rs2 }
    /// Ra or Rt2, above an immediate of 24 bits.
    @inline(__always) var ra: UInt8 { UInt8(truncatingIfNeeded: immediateBits &>> 24) }

    // MARK: Vectors

    /// Q: vectors have 128 bits, and not 64.
    @inline(__always) var isWhole: Bool { immediateBits &>> 16 & 1 != 0 }
    /// The lanes' width. Where it changes, the narrower one.
    @inline(__always) var lane: Width {
        // SAFETY: two bits have the four values of the type.
        Width(rawValue: UInt8(truncatingIfNeeded: immediateBits &>> 22 & 3)).unsafelyUnwrapped
    }
    @inline(__always) var format: FloatSize { FloatSize(lane) }
    /// Which lane of Vm, or of Vd; and which of Vn.
    @inline(__always) var index: UInt64 { immediateBits & 15 }
    @inline(__always) var sourceIndex: UInt64 { immediateBits &>> 4 & 15 }
    /// A rotation of complex numbers, in quarters of the circle.
    @inline(__always) var rotation: UInt64 { immediateBits &>> 8 & 3 }

    /// The lanes of a shift by an immediate: the first one in immh says it.
    @inline(__always) var shiftLane: Width {
        let immh = UInt32(truncatingIfNeeded: immediateBits &>> 3 & 15)
        // SAFETY: the decoder takes no word whose immh is 0, so this is 0 to 3.
        return Width(rawValue: UInt8(truncatingIfNeeded: 31 &- immh.leadingZeroBitCount) & 3).unsafelyUnwrapped
    }
    /// How far to shift to the left: 0 to the lane's bits less 1.
    @inline(__always) var shiftLeft: UInt8 {
        UInt8(truncatingIfNeeded: immediateBits & (shiftLane.bits &- 1))
    }
    /// How far to shift to the right: 1 to the lane's bits.
    @inline(__always) var shiftRight: UInt8 { UInt8(truncatingIfNeeded: shiftLane.bits) &- shiftLeft }
}
