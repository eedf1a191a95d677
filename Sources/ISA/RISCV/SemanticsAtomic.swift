/// The meaning of the atomic instructions: A, Zacas, Zawrs (volume I).
///
/// Each begins with a probe that may fault, so the update itself cannot. Only memory can be updated atomically: on a
/// device these raise an access fault, which the physical memory attributes of a platform may say (volume II, "Atomicity
/// PMAs").
extension RISCV {
    @inline(__always)
    static func loadReserved<E: Emitter>(_ e: inout E, _ i: Operands, _ width: Width) throws(E.Failure) {
        let address = e.register(i.rs1)
        let handle = try e.probe(
            address, bytes: UInt16(width.bytes), write: false, [.aligned, .atomic, .acquire, .release])
        let loaded = e.load(handle, offset: 0, width)
        e.reserve(handle)
        setSigned(&e, i.rd, loaded, width)
    }

    @inline(__always)
    static func storeConditional<E: Emitter>(_ e: inout E, _ i: Operands, _ width: Width) throws(E.Failure) {
        let address = e.register(i.rs1)
        let value = e.register(i.rs2)
        let handle = try e.probe(
            address, bytes: UInt16(width.bytes), write: true, [.aligned, .atomic, .exclusive, .acquire, .release])
        let held = e.consumeReservation(handle)
        e.store(if: held, handle, offset: 0, value, width)
        let failed = e.not(held)
        let result = e.value(of: failed)
        e.setRegister(i.rd, result)
    }

    @inline(__always)
    static func atomicUpdate<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: AtomicOperation, _ width: Width
    ) throws(E.Failure) {
        let address = e.register(i.rs1)
        let operand = e.register(i.rs2)
        let handle = try e.probe(
            address, bytes: UInt16(width.bytes), write: true, [.aligned, .atomic, .acquire, .release])
        let old = e.atomicUpdate(operation, handle, operand, width)
        setSigned(&e, i.rd, old, width)
    }

    @inline(__always)
    static func compareAndSwap<E: Emitter>(_ e: inout E, _ i: Operands, _ width: Width) throws(E.Failure) {
        let address = e.register(i.rs1)
        // rd is a source too, so a destination of x0 compares with 0.
        let expected = i.rd == DecodedSlot.sink ? e.constant(0) : e.register(i.rd)
        let new = e.register(i.rs2)
        let handle = try e.probe(
            address, bytes: UInt16(width.bytes), write: true, [.aligned, .atomic, .acquire, .release])
        let old = e.compareAndSwap(handle, expected: expected, new: new, width)
        setSigned(&e, i.rd, old, width)
    }

    /// AMOCAS.Q works on register pairs; an odd number is reserved, and the pair of x0 is zero and takes nothing.
    @inline(__always)
    static func compareAndSwapPair<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        let target = i.rd == DecodedSlot.sink ? 0 : i.rd
        if target & 1 != 0 || i.rs2 & 1 != 0 { return try e.undefined() }
        let address = e.register(i.rs1)
        let expectedLow = e.register(target)
        let expectedHigh = target == 0 ? e.constant(0) : e.register(target &+ 1)
        let newLow = e.register(i.rs2)
        let newHigh = i.rs2 == 0 ? e.constant(0) : e.register(i.rs2 &+ 1)
        let handle = try e.probe(address, bytes: 16, write: true, [.aligned, .atomic, .acquire, .release])
        let old = e.compareAndSwapPair(
            handle, expected: (expectedLow, expectedHigh), new: (newLow, newHigh))
        if target != 0 {
            e.setRegister(target, old.0)
            e.setRegister(target &+ 1, old.1)
        }
    }

    @inline(__always)
    private static func setSigned<E: Emitter>(_ e: inout E, _ rd: UInt8, _ value: E.Value, _ width: Width) {
        if width == .word {
            let extended = e.extend(.signed32, value)
            e.setRegister(rd, extended)
        } else {
            e.setRegister(rd, value)
        }
    }
}
