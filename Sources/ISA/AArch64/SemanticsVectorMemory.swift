import ISA

/// The meaning of loads and stores of structures (C3.2.10, C7.2): the elements of a structure go to registers that follow
/// each other.
extension AArch64 {
    // MARK: Addresses

    /// What is added to the base after a post-indexed access of so many bytes: Rm, or the bytes where that is 31.
    @inline(__always)
    private static func writeBack<E: Emitter>(
        _ e: inout E, _ i: Operands, _ base: E.Value, bytes: UInt64
    ) -> E.Value {
        let distance = i.rm == zeroRegister ? e.constant(bytes) : e.register(i.rm)
        return e.binary(.add, .double, base, distance)
    }

    @inline(__always)
    private static func register(_ i: Operands, _ number: UInt8) -> UInt8 { (i.rd &+ number) & 31 }

    // MARK: Multiple structures

    /// How many registers LD1 and ST1 have, by opcode.
    @inline(__always)
    private static func registerCount(_ i: Operands) -> UInt8 {
        switch i.immediateBits & 15 {
        case 0b0111: 1
        case 0b1010: 2
        case 0b0110: 3
        default: 4
        }
    }

    /// Registers one after the other, of 8 or 16 bytes.
    @inline(__always)
    private static func load<E: Emitter>(
        _ e: inout E, _ i: Operands, _ handle: E.Handle, _ number: UInt8
    ) -> E.Vector {
        let offset = UInt16(number) &* (i.isWhole ? 16 : 8)
        let low = e.load(handle, offset: offset, .double)
        let high = i.isWhole ? e.load(handle, offset: offset &+ 8, .double) : e.constant(0)
        return e.vector(low: low, high: high)
    }

    @inline(__always)
    private static func store<E: Emitter>(
        _ e: inout E, _ i: Operands, _ handle: E.Handle, _ number: UInt8, _ vector: E.Vector
    ) {
        let offset = UInt16(number) &* (i.isWhole ? 16 : 8)
        let low = e.doubleword(0, of: vector)
        e.store(handle, offset: offset, low, .double)
        guard i.isWhole else { return }
        let high = e.doubleword(1, of: vector)
        e.store(handle, offset: offset &+ 8, high, .double)
    }

    /// LD1 to LD4 (multiple structures).
    /// - Parameter elements: of a structure.
    @inline(__always)
    static func loadStructures<E: Emitter>(
        _ e: inout E, _ i: Operands, elements: UInt8, isPost: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let count = elements == 1 ? registerCount(i) : elements
        let bytes = UInt64(count) &* (i.isWhole ? 16 : 8)
        let base = e.register(i.rn)
        let next = isPost ? writeBack(&e, i, base, bytes: bytes) : base
        let handle = try e.probe(base, bytes: UInt16(bytes), write: false, .parts(i.lane))
        switch elements {
        case 1:
            for number in 0..<count {
                let vector = load(&e, i, handle, number)
                e.setVectorRegister(register(i, number), vector)
            }
        case 2:
            let pairs = (load(&e, i, handle, 0), load(&e, i, handle, 1))
            let (first, second) = unzipped(&e, i, pairs.0, pairs.1)
            e.setVectorRegister(i.rd, first)
            e.setVectorRegister(register(i, 1), second)
        case 3:
            let triples = (load(&e, i, handle, 0), load(&e, i, handle, 1), load(&e, i, handle, 2))
            for number in 0..<3 as Range<UInt8> {
                let vector = gathered(&e, i, triples, number)
                e.setVectorRegister(register(i, number), vector)
            }
        default:
            let first = (load(&e, i, handle, 0), load(&e, i, handle, 1))
            let last = (load(&e, i, handle, 2), load(&e, i, handle, 3))
            // Elements 0 and 2 are even ones, 1 and 3 odd ones.
            let (even, odd) = unzipped(&e, i, first.0, first.1)
            let (laterEven, laterOdd) = unzipped(&e, i, last.0, last.1)
            let (zero, two) = unzipped(&e, i, even, laterEven)
            let (one, three) = unzipped(&e, i, odd, laterOdd)
            e.setVectorRegister(i.rd, zero)
            e.setVectorRegister(register(i, 1), one)
            e.setVectorRegister(register(i, 2), two)
            e.setVectorRegister(register(i, 3), three)
        }
        if isPost { e.setRegister(i.rn, next) }
    }

    /// ST1 to ST4 (multiple structures).
    @inline(__always)
    static func storeStructures<E: Emitter>(
        _ e: inout E, _ i: Operands, elements: UInt8, isPost: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let count = elements == 1 ? registerCount(i) : elements
        let bytes = UInt64(count) &* (i.isWhole ? 16 : 8)
        let base = e.register(i.rn)
        let next = isPost ? writeBack(&e, i, base, bytes: bytes) : base
        let handle = try e.probe(base, bytes: UInt16(bytes), write: true, .parts(i.lane))
        switch elements {
        case 1:
            for number in 0..<count {
                let vector = e.vectorRegister(register(i, number))
                store(&e, i, handle, number, vector)
            }
        case 2:
            let (a, b) = (e.vectorRegister(i.rd), e.vectorRegister(register(i, 1)))
            let (low, high) = zipped(&e, i, a, b)
            store(&e, i, handle, 0, low)
            store(&e, i, handle, 1, high)
        case 3:
            let registers = (
                e.vectorRegister(i.rd), e.vectorRegister(register(i, 1)), e.vectorRegister(register(i, 2))
            )
            for number in 0..<3 as Range<UInt8> {
                let vector = scattered(&e, i, registers, number)
                store(&e, i, handle, number, vector)
            }
        default:
            let even = (e.vectorRegister(i.rd), e.vectorRegister(register(i, 2)))
            let odd = (e.vectorRegister(register(i, 1)), e.vectorRegister(register(i, 3)))
            let (evenLow, evenHigh) = zipped(&e, i, even.0, even.1)
            let (oddLow, oddHigh) = zipped(&e, i, odd.0, odd.1)
            let (zero, one) = zipped(&e, i, evenLow, oddLow)
            let (two, three) = zipped(&e, i, evenHigh, oddHigh)
            store(&e, i, handle, 0, zero)
            store(&e, i, handle, 1, one)
            store(&e, i, handle, 2, two)
            store(&e, i, handle, 3, three)
        }
        if isPost { e.setRegister(i.rn, next) }
    }

    /// The even and the odd lanes of two vectors, which have 8 bytes or 16.
    @inline(__always)
    private static func unzipped<E: Emitter>(
        _ e: inout E, _ i: Operands, _ a: E.Vector, _ b: E.Vector
    ) -> (E.Vector, E.Vector) {
        if i.isWhole {
            return (
                e.vectorBinary(.unzipEven, lane: i.lane, a, b), e.vectorBinary(.unzipOdd, lane: i.lane, a, b)
            )
        }
        let both = e.vectorBinary(.zipLow, lane: .double, a, b)
        let zero = constant(&e, 0, .double)
        return (
            e.vectorBinary(.unzipEven, lane: i.lane, both, zero), e.vectorBinary(.unzipOdd, lane: i.lane, both, zero)
        )
    }

    /// Lanes of two vectors by turns, as two vectors. Of 8 bytes, only the lower halves are had.
    @inline(__always)
    private static func zipped<E: Emitter>(
        _ e: inout E, _ i: Operands, _ a: E.Vector, _ b: E.Vector
    ) -> (E.Vector, E.Vector) {
        let low = e.vectorBinary(.zipLow, lane: i.lane, a, b)
        if i.isWhole { return (low, e.vectorBinary(.zipHigh, lane: i.lane, a, b)) }
        return (low, e.vectorExtract(low, low, from: 8))
    }

    /// Element `number` of structures of three, which are in three vectors.
    @inline(__always)
    private static func gathered<E: Emitter>(
        _ e: inout E, _ i: Operands, _ triples: (E.Vector, E.Vector, E.Vector), _ number: UInt8
    ) -> E.Vector {
        assembled(&e, i, triples) { byte in
            let (structure, rest) = (byte / i.lane.bytes, byte % i.lane.bytes)
            return (structure &* 3 &+ UInt64(number)) &* i.lane.bytes &+ rest
        }
    }

    /// Vector `number` of the three that structures of three make in memory, each of whose elements is in a vector.
    @inline(__always)
    private static func scattered<E: Emitter>(
        _ e: inout E, _ i: Operands, _ registers: (E.Vector, E.Vector, E.Vector), _ number: UInt8
    ) -> E.Vector {
        let size: UInt64 = i.isWhole ? 16 : 8
        return assembled(&e, i, registers) { byte in
            let place = UInt64(number) &* size &+ byte
            let (lane, rest) = (place / i.lane.bytes, place % i.lane.bytes)
            return lane % 3 &* size &+ lane / 3 &* i.lane.bytes &+ rest
        }
    }

    /// A vector of bytes of three, of 8 or 16 bytes each.
    /// - Parameter source: for each byte, which one it is of the three vectors as one.
    @inline(__always)
    private static func assembled<E: Emitter>(
        _ e: inout E, _ i: Operands, _ vectors: (E.Vector, E.Vector, E.Vector), _ source: (UInt64) -> UInt64
    ) -> E.Vector {
        let size: UInt64 = i.isWhole ? 16 : 8
        var result = constant(&e, 0, .double)
        for number in 0..<3 as Range<UInt64> {
            var (low, high) = (~0 as UInt64, ~0 as UInt64)
            for byte in 0..<size {
                let place = source(byte) &- number &* size
                guard place < size else { continue }
                let bit = (byte & 7) &* 8
                if byte < 8 {
                    low = low & ~(0xff &<< bit) | place &<< bit
                } else {
                    high = high & ~(0xff &<< bit) | place &<< bit
                }
            }
            let places = constant(&e, low: low, high: high)
            let vector = number == 0 ? vectors.0 : number == 1 ? vectors.1 : vectors.2
            let part = e.vectorBinary(.lookup, lane: .byte, vector, places)
            result = e.vectorBinary(.or, lane: .double, result, part)
        }
        return result
    }

    // MARK: Single structures

    /// LD1 to LD4 (single structure): one lane of each register, the others stay.
    @inline(__always)
    static func loadStructure<E: Emitter>(
        _ e: inout E, _ i: Operands, elements: UInt8, isPost: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let bytes = UInt64(elements) &* i.lane.bytes
        let base = e.register(i.rn)
        let next = isPost ? writeBack(&e, i, base, bytes: bytes) : base
        let handle = try e.probe(base, bytes: UInt16(bytes), write: false, .parts(i.lane))
        for number in 0..<elements {
            let value = e.load(handle, offset: UInt16(number) &* UInt16(i.lane.bytes), i.lane)
            let old = e.vectorRegister(register(i, number))
            let vector = inserted(&e, old, i.index, i.lane, value)
            e.setVectorRegister(register(i, number), vector)
        }
        if isPost { e.setRegister(i.rn, next) }
    }

    /// LD1R to LD4R: to all lanes.
    @inline(__always)
    static func loadStructureToAll<E: Emitter>(
        _ e: inout E, _ i: Operands, elements: UInt8, isPost: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let bytes = UInt64(elements) &* i.lane.bytes
        let base = e.register(i.rn)
        let next = isPost ? writeBack(&e, i, base, bytes: bytes) : base
        let handle = try e.probe(base, bytes: UInt16(bytes), write: false, .parts(i.lane))
        for number in 0..<elements {
            let value = e.load(handle, offset: UInt16(number) &* UInt16(i.lane.bytes), i.lane)
            let all = broadcast(&e, value, i.lane)
            let low = e.doubleword(0, of: all)
            let high = i.isWhole ? low : e.constant(0)
            let vector = e.vector(low: low, high: high)
            e.setVectorRegister(register(i, number), vector)
        }
        if isPost { e.setRegister(i.rn, next) }
    }

    /// ST1 to ST4 (single structure).
    @inline(__always)
    static func storeStructure<E: Emitter>(
        _ e: inout E, _ i: Operands, elements: UInt8, isPost: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let bytes = UInt64(elements) &* i.lane.bytes
        let base = e.register(i.rn)
        let next = isPost ? writeBack(&e, i, base, bytes: bytes) : base
        let handle = try e.probe(base, bytes: UInt16(bytes), write: true, .parts(i.lane))
        for number in 0..<elements {
            let vector = e.vectorRegister(register(i, number))
            let value = element(&e, vector, i.index, i.lane)
            e.store(handle, offset: UInt16(number) &* UInt16(i.lane.bytes), value, i.lane)
        }
        if isPost { e.setRegister(i.rn, next) }
    }
}
