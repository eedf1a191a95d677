/// What the interpreter needs to know of an architecture. All of it is out of line: slow paths and rare instructions.
///
/// `state` is the architecture's state block, which begins with ``CoreState``. A function that throws has filled the
/// block's fault record. Time may be read, and the budget cut, in any of them: the caller has stored the budget and
/// loads it again.
public protocol GuestArchitecture {
    /// Bits of an address that no instruction has set. A jump to one that has them ends in the run loop.
    static var misalignment: UInt64 { get }
    /// A load that the TLB did not serve: a miss, a device, a page crossing, a fault.
    static func load(
        _ state: UnsafeMutableRawPointer, _ address: UInt64, _ width: Width, _ attributes: MemoryAttributes
    ) throws(Fault) -> UInt64
    static func store(
        _ state: UnsafeMutableRawPointer, _ address: UInt64, _ value: UInt64, _ width: Width,
        _ attributes: MemoryAttributes) throws(Fault)
    /// Host address of `bytes` bytes at `address`, which lie in one page of memory. Where it is for writing, decoded
    /// code there is dropped now: the store that follows cannot fail.
    ///
    /// Nil where every byte may be accessed but they are a device's, or in two pages: the accesses then go through
    /// ``loadHeld(_:_:_:_:)`` and ``storeHeld(_:_:_:_:_:)``. With the `atomic` attribute it is memory or a fault.
    static func probe(
        _ state: UnsafeMutableRawPointer, _ address: UInt64, bytes: UInt16, write: Bool, _ attributes: MemoryAttributes
    ) throws(Fault) -> UnsafeMutableRawPointer?
    /// A handler like any other: runs the instruction at `slot`, whichever it is, in its slow form.
    static func runSlow(
        _ state: UnsafeMutableRawPointer, _ slot: UnsafeMutableRawPointer, _ page: UInt64,
        _ slots: UnsafeMutableRawPointer, _ budget: UInt64, _ tlb: UnsafeMutableRawPointer)

    static func call(
        _ helper: HelperIdentifier, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ b: UInt64
    ) throws(Fault) -> UInt64
    /// Records the undefined-instruction exception.
    static func undefined(_ state: UnsafeMutableRawPointer) -> Fault
    /// Records the exception of an instruction whose unit is off.
    static func disabled(_ state: UnsafeMutableRawPointer, _ unit: Unit) -> Fault
    /// Enters the exception that the fault record describes; the program counter is that of the instruction.
    static func enterException(_ state: UnsafeMutableRawPointer)

    static func float(
        _ operation: FloatOperation, _ format: FloatSize, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ b: UInt64,
        _ c: UInt64, _ rounding: RoundingControl
    ) -> UInt64
    static func floatToInteger(
        _ format: FloatSize, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ width: Width, signed: Bool,
        _ rounding: RoundingControl
    ) -> UInt64
    static func integerToFloat(
        _ format: FloatSize, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ width: Width, signed: Bool,
        _ rounding: RoundingControl
    ) -> UInt64
    static func convertFloat(
        _ state: UnsafeMutableRawPointer, _ a: UInt64, from: FloatSize, to: FloatSize, _ rounding: RoundingControl
    ) -> UInt64
}

extension GuestArchitecture {
    @inlinable @inline(__always) public static var misalignment: UInt64 { 0 }

    /// ``float(_:_:_:_:_:_:_:)`` in each of the lowest `lanes` lanes; the others become zero.
    @inlinable @inline(never)
    public static func vectorFloat(
        _ operation: FloatOperation, _ format: FloatSize, lanes: UInt8, _ state: UnsafeMutableRawPointer,
        _ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>, _ c: SIMD2<UInt64>, _ rounding: RoundingControl
    ) -> SIMD2<UInt64> {
        let width = format.width
        var result = SIMD2<UInt64>()
        for index in 0..<min(Int(lanes), width.lanes) {
            let value = float(
                operation, format, state, a.lane(index, width), b.lane(index, width), c.lane(index, width), rounding)
            result.setLane(index, width, value)
        }
        return result
    }

    /// An access to what was probed and is no single piece of memory. Permissions were checked; what can still happen is
    /// that no device answers, and then it reads as ones, as on an idle bus.
    @inlinable public static func loadHeld(
        _ state: UnsafeMutableRawPointer, _ address: UInt64, _ width: Width, _ attributes: MemoryAttributes
    ) -> UInt64 {
        do throws(Fault) { return try load(state, address, width, attributes) } catch { return width.mask }
    }

    /// Likewise; what no device takes is lost.
    @inlinable public static func storeHeld(
        _ state: UnsafeMutableRawPointer, _ address: UInt64, _ value: UInt64, _ width: Width,
        _ attributes: MemoryAttributes
    ) {
        do throws(Fault) { try store(state, address, value, width, attributes) } catch {}
    }
}
