/// The operands of a decoded instruction, read where they are used: a view of its slot, not a copy.
public struct Operands {
    package let slot: UnsafeRawPointer

    @inline(__always) package init(_ slot: UnsafeRawPointer) { self.slot = slot }

    private var decoded: UnsafePointer<DecodedSlot> {
        @inline(__always) get { slot.assumingMemoryBound(to: DecodedSlot.self) }
    }
    /// Destination register; x0 reads as ``DecodedSlot/sink`` here.
    public var rd: UInt8 { @inline(__always) get { decoded.pointee.rd } }
    public var rs1: UInt8 { @inline(__always) get { decoded.pointee.rs1 } }
    public var rs2: UInt8 { @inline(__always) get { decoded.pointee.rs2 } }
    /// How far the slot of the next instruction is, in bytes.
    package var advance: Int { @inline(__always) get { Int(decoded.pointee.advance) } }
    /// Length of the instruction, in bytes.
    public var length: Int64 { @inline(__always) get { Int64(decoded.pointee.advance &>> 3) } }
    public var immediate: Int64 { @inline(__always) get { Int64(decoded.pointee.immediate) } }
    /// The immediate as a 64-bit pattern.
    public var immediateBits: UInt64 { @inline(__always) get { UInt64(bitPattern: immediate) } }
}
