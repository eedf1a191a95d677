import ISA

/// A slot's registers by the manual's names.
extension Operands {
    @inline(__always) var rn: UInt8 { rs1 }
    /// Rm or Rs.
    @inline(__always) var rm: UInt8 { rs2 }
    /// Ra or Rt2, above an immediate of 24 bits.
    @inline(__always) var ra: UInt8 { UInt8(truncatingIfNeeded: immediateBits &>> 24) }
}
