import ISA

/// The meaning of loads and stores of integer registers (C3.2, C6.2), but for exclusive and atomic ones.
///
/// Where base and target are one register, the manual leaves open what a write-back does; here the base is written last.
extension AArch64 {
    /// How an address is made of its operands.
    enum Addressing { case offset, preIndexed, postIndexed, register }

    /// The address of an access, and what is added to its base afterwards, if anything.
    struct Address<Value> {
        let value: Value
        let base: Value
        let written: Value?
    }

    /// - Parameter shift: the binary logarithm of the access's size, by which a register may be shifted.
    @inline(__always)
    static func address<E: Emitter>(
        _ e: inout E, _ i: Operands, _ addressing: Addressing, offset: UInt64, shift: UInt64
    ) -> Address<E.Value> {
        let base = e.register(i.rn)
        switch addressing {
        case .offset, .preIndexed:
            let distance = e.constant(offset)
            let sum = e.binary(.add, .double, base, distance)
            return Address(value: sum, base: base, written: addressing == .offset ? nil : distance)
        case .postIndexed: return Address(value: base, base: base, written: e.constant(offset))
        case .register:
            let distance = extended(
                &e, i.rm, option: i.immediateBits &>> 3 & 7, shift: i.immediateBits & 1 != 0 ? shift : 0)
            return Address(value: e.binary(.add, .double, base, distance), base: base, written: nil)
        }
    }

    /// Behind the access, so that the sum is not in the way before: the base may be added to where it is.
    @inline(__always)
    static func writeBack<E: Emitter>(_ e: inout E, _ i: Operands, _ address: Address<E.Value>) {
        guard let distance = address.written else { return }
        let sum = e.binary(.add, .double, address.base, distance)
        e.setRegister(i.rn, sum)
    }

    // MARK: Single registers

    /// - Parameters:
    ///   - width: of the access.
    ///   - extension: how it fills the register; nil for zeros.
    ///   - target: 64 bits or 32, for what is sign-extended.
    @inline(__always)
    static func load<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ addressing: Addressing, _ extension: Extension? = nil,
        target: Width = .double, attributes: MemoryAttributes = []
    ) throws(E.Failure) {
        let address = address(
            &e, i, addressing, offset: i.immediateBits, shift: UInt64(width.rawValue))
        var value = try e.load(address.value, width, attributes)
        if let `extension` { value = e.extend(`extension`, value) }
        if `extension` != nil && target == .word { value = e.extend(.zero32, value) }
        e.setRegister(i.rd, value)
        writeBack(&e, i, address)
    }

    @inline(__always)
    static func store<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ addressing: Addressing, attributes: MemoryAttributes = []
    ) throws(E.Failure) {
        let value = e.register(i.rd)
        let address = address(
            &e, i, addressing, offset: i.immediateBits, shift: UInt64(width.rawValue))
        try e.store(address.value, value, width, attributes)
        writeBack(&e, i, address)
    }

    /// LDR, LDRSW (literal).
    @inline(__always)
    static func loadLiteral<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ extension: Extension? = nil
    ) throws(E.Failure) {
        let address = e.programCounter(plus: i.immediate)
        var value = try e.load(address, width, [])
        if let `extension` { value = e.extend(`extension`, value) }
        e.setRegister(i.rd, value)
    }

    // MARK: Pairs

    /// The offset of a pair, below the second register in the immediate.
    @inline(__always)
    static func pairOffset(_ i: Operands) -> UInt64 {
        UInt64(bitPattern: Int64(i.immediate &<< 40) &>> 40)
    }

    @inline(__always)
    static func loadPair<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ addressing: Addressing, _ extension: Extension? = nil
    ) throws(E.Failure) {
        let address = address(&e, i, addressing, offset: pairOffset(i), shift: 0)
        let handle = try e.probe(address.value, bytes: UInt16(2 &* width.bytes), write: false, .parts(width))
        var first = e.load(handle, offset: 0, width)
        var second = e.load(handle, offset: UInt16(width.bytes), width)
        if let `extension` {
            first = e.extend(`extension`, first)
            second = e.extend(`extension`, second)
        }
        e.setRegister(i.rd, first)
        e.setRegister(i.ra, second)
        writeBack(&e, i, address)
    }

    @inline(__always)
    static func storePair<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ addressing: Addressing
    ) throws(E.Failure) {
        let first = e.register(i.rd)
        let second = e.register(i.ra)
        let address = address(&e, i, addressing, offset: pairOffset(i), shift: 0)
        let handle = try e.probe(address.value, bytes: UInt16(2 &* width.bytes), write: true, .parts(width))
        e.store(handle, offset: 0, first, width)
        e.store(handle, offset: UInt16(width.bytes), second, width)
        writeBack(&e, i, address)
    }

    // MARK: Floating-point and vector registers

    /// Loads 1, 2, 4 or 8 bytes into a register, whose rest becomes zero.
    @inline(__always)
    static func loadVector<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ addressing: Addressing
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let address = address(
            &e, i, addressing, offset: i.immediateBits, shift: UInt64(width.rawValue))
        let value = try e.load(address.value, width, [])
        setScalar(&e, i.rd, value)
        writeBack(&e, i, address)
    }

    @inline(__always)
    static func storeVector<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ addressing: Addressing
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let vector = e.vectorRegister(i.rd)
        let value = e.doubleword(0, of: vector)
        let address = address(
            &e, i, addressing, offset: i.immediateBits, shift: UInt64(width.rawValue))
        try e.store(address.value, value, width, [])
        writeBack(&e, i, address)
    }

    /// The same with all 16 bytes.
    @inline(__always)
    static func loadQuad<E: Emitter>(
        _ e: inout E, _ i: Operands, _ addressing: Addressing
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let address = address(&e, i, addressing, offset: i.immediateBits, shift: 4)
        let handle = try e.probe(address.value, bytes: 16, write: false, [])
        setVector(&e, i.rd, handle, offset: 0)
        writeBack(&e, i, address)
    }

    @inline(__always)
    static func storeQuad<E: Emitter>(
        _ e: inout E, _ i: Operands, _ addressing: Addressing
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let vector = e.vectorRegister(i.rd)
        let address = address(&e, i, addressing, offset: i.immediateBits, shift: 4)
        let handle = try e.probe(address.value, bytes: 16, write: true, [])
        store(&e, vector, handle, offset: 0)
        writeBack(&e, i, address)
    }

    @inline(__always)
    static func loadVectorLiteral<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width?
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let address = e.programCounter(plus: i.immediate)
        if let width {
            let value = try e.load(address, width, [])
            setScalar(&e, i.rd, value)
        } else {
            let handle = try e.probe(address, bytes: 16, write: false, [])
            setVector(&e, i.rd, handle, offset: 0)
        }
    }

    /// - Parameter width: of each register; nil for all 16 bytes.
    @inline(__always)
    static func loadVectorPair<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width?, _ addressing: Addressing
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let address = address(&e, i, addressing, offset: pairOffset(i), shift: 0)
        let size = UInt16(width?.bytes ?? 16)
        let parts = width.map { MemoryAttributes.parts($0) } ?? []
        let handle = try e.probe(address.value, bytes: 2 &* size, write: false, parts)
        if let width {
            let first = e.load(handle, offset: 0, width)
            let second = e.load(handle, offset: size, width)
            setScalar(&e, i.rd, first)
            setScalar(&e, i.ra, second)
        } else {
            setVector(&e, i.rd, handle, offset: 0)
            setVector(&e, i.ra, handle, offset: 16)
        }
        writeBack(&e, i, address)
    }

    @inline(__always)
    static func storeVectorPair<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width?, _ addressing: Addressing
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let first = e.vectorRegister(i.rd)
        let second = e.vectorRegister(i.ra)
        let address = address(&e, i, addressing, offset: pairOffset(i), shift: 0)
        let size = UInt16(width?.bytes ?? 16)
        let parts = width.map { MemoryAttributes.parts($0) } ?? []
        let handle = try e.probe(address.value, bytes: 2 &* size, write: true, parts)
        if let width {
            let low = e.doubleword(0, of: first)
            let high = e.doubleword(0, of: second)
            e.store(handle, offset: 0, low, width)
            e.store(handle, offset: size, high, width)
        } else {
            store(&e, first, handle, offset: 0)
            store(&e, second, handle, offset: 16)
        }
        writeBack(&e, i, address)
    }

    /// A scalar in a vector register: the bits above it are zero.
    @inline(__always)
    static func setScalar<E: Emitter>(_ e: inout E, _ rd: UInt8, _ value: E.Value) {
        let zero = e.constant(0)
        let vector = e.vector(low: value, high: zero)
        e.setVectorRegister(rd, vector)
    }

    @inline(__always)
    private static func setVector<E: Emitter>(_ e: inout E, _ rd: UInt8, _ handle: E.Handle, offset: UInt16) {
        let low = e.load(handle, offset: offset, .double)
        let high = e.load(handle, offset: offset &+ 8, .double)
        let vector = e.vector(low: low, high: high)
        e.setVectorRegister(rd, vector)
    }

    @inline(__always)
    private static func store<E: Emitter>(_ e: inout E, _ vector: E.Vector, _ handle: E.Handle, offset: UInt16) {
        let low = e.doubleword(0, of: vector)
        let high = e.doubleword(1, of: vector)
        e.store(handle, offset: offset, low, .double)
        e.store(handle, offset: offset &+ 8, high, .double)
    }
}
