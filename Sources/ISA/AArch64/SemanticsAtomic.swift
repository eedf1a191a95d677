import ISA

/// The meaning of exclusive, ordered and atomic accesses (C3.2.6 to C3.2.14, C6.2). All CPUs of a machine take turns, so
/// that every access is ordered.
extension AArch64 {
    private static let exclusive: MemoryAttributes = [.aligned, .atomic]
    private static let exclusiveStore: MemoryAttributes = [.aligned, .atomic, .exclusive]

    /// The size of the access, in the two bits that tables call `size`.
    @inline(__always)
    private static func size(_ i: Operands) -> Width {
        // SAFETY: each number of two bits is a width's.
        Width(rawValue: UInt8(i.immediateBits &>> 22 & 3)).unsafelyUnwrapped
    }

    /// Where a register that is read too is written: not where 31 is zero.
    @inline(__always)
    private static func written(_ register: UInt8) -> UInt8 { register == zeroRegister ? DecodedSlot.sink : register }

    // MARK: Exclusive

    /// LDXR, LDAXR.
    @inline(__always)
    static func loadExclusive<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        let address = e.register(i.rn)
        let width = size(i)
        let handle = try e.probe(address, bytes: UInt16(width.bytes), write: false, exclusive)
        let value = e.load(handle, offset: 0, width)
        e.reserve(handle)
        e.setRegister(i.rd, value)
    }

    /// STXR, STLXR.
    @inline(__always)
    static func storeExclusive<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        let address = e.register(i.rn)
        let value = e.register(i.rd)
        let width = size(i)
        let handle = try e.probe(address, bytes: UInt16(width.bytes), write: true, exclusiveStore)
        let held = e.consumeReservation(handle)
        e.store(if: held, handle, offset: 0, value, width)
        let failed = e.not(held)
        let result = e.value(of: failed)
        e.setRegister(i.rm, result)
    }

    /// LDXP, LDAXP.
    @inline(__always)
    static func loadExclusivePair<E: Emitter>(_ e: inout E, _ i: Operands, _ width: Width) throws(E.Failure) {
        let address = e.register(i.rn)
        let handle = try e.probe(address, bytes: UInt16(2 &* width.bytes), write: false, exclusive)
        let first = e.load(handle, offset: 0, width)
        let second = e.load(handle, offset: UInt16(width.bytes), width)
        e.reserve(handle)
        e.setRegister(i.rd, first)
        e.setRegister(i.ra, second)
    }

    /// STXP, STLXP.
    @inline(__always)
    static func storeExclusivePair<E: Emitter>(_ e: inout E, _ i: Operands, _ width: Width) throws(E.Failure) {
        let address = e.register(i.rn)
        let first = e.register(i.rd)
        let second = e.register(i.ra)
        let handle = try e.probe(address, bytes: UInt16(2 &* width.bytes), write: true, exclusiveStore)
        let held = e.consumeReservation(handle)
        e.store(if: held, handle, offset: 0, first, width)
        e.store(if: held, handle, offset: UInt16(width.bytes), second, width)
        let failed = e.not(held)
        let result = e.value(of: failed)
        e.setRegister(i.rm, result)
    }

    @inline(__always)
    static func clearExclusive<E: Emitter>(_ e: inout E) {
        let none = e.constant(0)
        e.setState(MemoryLayout<CoreState>.offset(of: \.reservation).unsafelyUnwrapped, .double, none)
    }

    // MARK: Ordered

    /// LDAR, LDLAR, LDAPR.
    @inline(__always)
    static func loadOrdered<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        let address = e.register(i.rn)
        let value = try e.load(address, size(i), [.aligned, .acquire])
        e.setRegister(i.rd, value)
    }

    /// STLR, STLLR.
    @inline(__always)
    static func storeOrdered<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        let address = e.register(i.rn)
        let value = e.register(i.rd)
        try e.store(address, value, size(i), [.aligned, .release])
    }

    // MARK: Atomic

    /// LDADD and its kin. LDSET sets the bits of the operand, and LDCLR clears them.
    @inline(__always)
    static func atomicUpdate<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: AtomicOperation
    ) throws(E.Failure) {
        let address = e.register(i.rn)
        let operand = e.register(i.rm)
        let width = size(i)
        let handle = try e.probe(address, bytes: UInt16(width.bytes), write: true, exclusive)
        let old = e.atomicUpdate(operation, handle, operand, width)
        e.setRegister(i.rd, old)
    }

    /// CAS.
    @inline(__always)
    static func compareAndSwap<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        let address = e.register(i.rn)
        let expected = e.register(i.rm)
        let new = e.register(i.rd)
        let width = size(i)
        let handle = try e.probe(address, bytes: UInt16(width.bytes), write: true, exclusive)
        let old = e.compareAndSwap(handle, expected: expected, new: new, width)
        e.setRegister(written(i.rm), old)
    }

    /// CASP. Of a pair that begins with register 30, the second one is zero.
    @inline(__always)
    static func compareAndSwapPair<E: Emitter>(_ e: inout E, _ i: Operands, _ width: Width) throws(E.Failure) {
        let address = e.register(i.rn)
        let expectedLow = e.register(i.rm)
        let expectedHigh = e.register(i.rm &+ 1)
        let newLow = e.register(i.rd)
        let newHigh = e.register(i.rd &+ 1)
        let handle = try e.probe(address, bytes: UInt16(2 &* width.bytes), write: true, exclusive)
        if width == .double {
            let old = e.compareAndSwapPair(
                handle, expected: (expectedLow, expectedHigh), new: (newLow, newHigh))
            e.setRegister(i.rm, old.0)
            e.setRegister(written(i.rm &+ 1), old.1)
            return
        }
        // Two words are one doubleword.
        let half = e.constant(32)
        let expected = joined(&e, expectedLow, expectedHigh, half)
        let new = joined(&e, newLow, newHigh, half)
        let old = e.compareAndSwap(handle, expected: expected, new: new, .double)
        let low = e.extend(.zero32, old)
        let high = e.binary(.shiftRightLogical, .double, old, half)
        e.setRegister(i.rm, low)
        e.setRegister(written(i.rm &+ 1), high)
    }

    @inline(__always)
    private static func joined<E: Emitter>(
        _ e: inout E, _ low: E.Value, _ high: E.Value, _ half: E.Value
    ) -> E.Value {
        let lower = e.extend(.zero32, low)
        let upper = e.binary(.shiftLeft, .double, high, half)
        return e.binary(.or, .double, lower, upper)
    }
}
