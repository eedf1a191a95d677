/// The operands of a decoded instruction, read where they are used: a view of its slot, not a copy.
public struct Operands {
    public let slot: UnsafeRawPointer

    @inlinable @inline(__always) public init(_ slot: UnsafeRawPointer) { self.slot = slot }

    public var decoded: UnsafePointer<DecodedSlot> {
        @inlinable @inline(__always) get { slot.assumingMemoryBound(to: DecodedSlot.self) }
    }
    /// Destination register; x0 reads as ``DecodedSlot/sink`` here.
    public var rd: UInt8 { @inlinable @inline(__always) get { decoded.pointee.rd } }
    public var rs1: UInt8 { @inlinable @inline(__always) get { decoded.pointee.rs1 } }
    public var rs2: UInt8 { @inlinable @inline(__always) get { decoded.pointee.rs2 } }
    /// How far the slot of the next instruction is, in bytes.
    public var advance: Int { @inlinable @inline(__always) get { Int(decoded.pointee.advance) } }
    /// Length of the instruction, in bytes.
    public var length: Int64 { @inlinable @inline(__always) get { Int64(decoded.pointee.advance &>> 3) } }
    public var immediate: Int64 { @inlinable @inline(__always) get { Int64(decoded.pointee.immediate) } }
    /// The immediate as a 64-bit pattern.
    public var immediateBits: UInt64 { @inlinable @inline(__always) get { UInt64(bitPattern: immediate) } }
}
