import ISA

/// The meaning of AdvSIMD's instructions that move lanes and leave them as they are (C7.2): copies, permutations, tables.
extension AArch64 {
    // MARK: Copies

    /// DUP (element): a lane to all lanes, or as a scalar.
    @inline(__always)
    static func vectorDuplicate<E: Emitter>(
        _ e: inout E, _ i: Operands, _ form: Form = .vector
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let vector = e.vectorRegister(i.rn)
        let value = element(&e, vector, i.index, i.lane)
        if form == .scalar { return setScalar(&e, i.rd, value) }
        let all = broadcast(&e, value, i.lane)
        setLanes(&e, i, all, i.lane, .vector)
    }

    /// DUP (general).
    @inline(__always)
    static func vectorDuplicateGeneral<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        var value = e.register(i.rn)
        if i.lane != .double { value = e.extend(i.lane.zeroExtension, value) }
        let all = broadcast(&e, value, i.lane)
        setLanes(&e, i, all, i.lane, .vector)
    }

    /// UMOV, SMOV.
    @inline(__always)
    static func vectorMoveToGeneral<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, signed: Bool
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let vector = e.vectorRegister(i.rn)
        var value = element(&e, vector, i.index, i.lane)
        if signed {
            value = e.extend(i.lane == .byte ? .signed8 : i.lane == .half ? .signed16 : .signed32, value)
            if width == .word { value = e.extend(.zero32, value) }
        }
        e.setRegister(i.rd, value)
    }

    /// INS (general).
    @inline(__always)
    static func vectorInsertGeneral<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        var value = e.register(i.rn)
        if i.lane != .double { value = e.extend(i.lane.zeroExtension, value) }
        let old = e.vectorRegister(i.rd)
        let result = inserted(&e, old, i.index, i.lane, value)
        e.setVectorRegister(i.rd, result)
    }

    /// INS (element).
    @inline(__always)
    static func vectorInsertElement<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let vector = e.vectorRegister(i.rn)
        let value = element(&e, vector, i.sourceIndex, i.lane)
        let old = e.vectorRegister(i.rd)
        let result = inserted(&e, old, i.index, i.lane, value)
        e.setVectorRegister(i.rd, result)
    }

    // MARK: Permutations

    /// UZP1, UZP2.
    @inline(__always)
    static func vectorUnzip<E: Emitter>(_ e: inout E, _ i: Operands, odd: Bool) throws(E.Failure) {
        try e.require(.floatingPoint)
        let pair = neighbours(&e, i)
        setLanes(&e, i, odd ? pair.1 : pair.0, i.lane, .vector)
    }

    /// ZIP1, ZIP2. The lower half of what the lower halves make is made of the lower quarters.
    @inline(__always)
    static func vectorZip<E: Emitter>(_ e: inout E, _ i: Operands, high: Bool) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let b = e.vectorRegister(i.rm)
        if i.isWhole {
            let result = e.vectorBinary(high ? .zipHigh : .zipLow, lane: i.lane, a, b)
            return e.setVectorRegister(i.rd, result)
        }
        let both = e.vectorBinary(.zipLow, lane: i.lane, a, b)
        let half = e.doubleword(high ? 1 : 0, of: both)
        setScalar(&e, i.rd, half)
    }

    /// TRN1, TRN2: of each two lanes the even ones, or the odd ones, of both vectors.
    @inline(__always)
    static func vectorTranspose<E: Emitter>(_ e: inout E, _ i: Operands, odd: Bool) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let b = e.vectorRegister(i.rm)
        let result: E.Vector
        if i.lane == .double {
            result = e.vectorBinary(odd ? .zipHigh : .zipLow, lane: .double, a, b)
        } else {
            let lower = constant(&e, i.lane.mask, i.lane.double)
            let bits = UInt8(truncatingIfNeeded: i.lane.bits)
            let low: E.Vector, high: E.Vector
            if odd {
                low = e.vectorShift(.rightUnsigned, lane: i.lane.double, a, by: bits)
                high = e.vectorBinary(.andNot, lane: .double, b, lower)
            } else {
                low = e.vectorBinary(.and, lane: .double, a, lower)
                high = e.vectorShift(.left, lane: i.lane.double, b, by: bits)
            }
            result = e.vectorBinary(.or, lane: .double, low, high)
        }
        setLanes(&e, i, result, i.lane, .vector)
    }

    /// REV16, REV32, REV64: lanes in reverse order within each 2, 4 or 8 bytes.
    @inline(__always)
    static func vectorReverse<E: Emitter>(_ e: inout E, _ i: Operands, within bytes: UInt64) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        // Which byte is the first of the lane's is told by some bits of its number; all others are inverted.
        let turned = (bytes &- 1) & ~(i.lane.bytes &- 1)
        let low = 0x0706_0504_0302_0100 ^ Width.byte.repeated(turned)
        let places = constant(&e, low: low, high: low | 0x0808_0808_0808_0808)
        let result = e.vectorBinary(.lookup, lane: .byte, a, places)
        setLanes(&e, i, result, i.lane, .vector)
    }

    /// EXT: of Vn, and Vm behind it.
    @inline(__always)
    static func vectorExtract<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let b = e.vectorRegister(i.rm)
        let byte = UInt8(truncatingIfNeeded: i.immediateBits & 15)
        if i.isWhole {
            let result = e.vectorExtract(a, b, from: byte)
            return e.setVectorRegister(i.rd, result)
        }
        let both = e.vectorBinary(.zipLow, lane: .double, a, b)
        let result = e.vectorExtract(both, both, from: byte)
        setLanes(&e, i, result, .double, .vector)
    }

    /// TBL, TBX: bytes by their numbers in up to four registers; where there is none of the number, zero, or what is there.
    @inline(__always)
    static func vectorLookup<E: Emitter>(_ e: inout E, _ i: Operands, keeps: Bool) throws(E.Failure) {
        try e.require(.floatingPoint)
        let count = UInt8(truncatingIfNeeded: i.immediateBits & 3) &+ 1
        let numbers = e.vectorRegister(i.rm)
        let first = e.vectorRegister(i.rn)
        var result = e.vectorBinary(.lookup, lane: .byte, first, numbers)
        for register in 1..<count {
            let table = e.vectorRegister((i.rn &+ register) & 31)
            let offset = constant(&e, UInt64(register) &* 16, .byte)
            // A number of a register before wraps round, to 208 at least.
            let rest = e.vectorBinary(.subtract, lane: .byte, numbers, offset)
            let found = e.vectorBinary(.lookup, lane: .byte, table, rest)
            result = e.vectorBinary(.or, lane: .double, result, found)
        }
        if keeps {
            let end = constant(&e, UInt64(count) &* 16 &- 1, .byte)
            let isNone = e.vectorBinary(.compareGreaterUnsigned, lane: .byte, numbers, end)
            let old = e.vectorRegister(i.rd)
            let kept = e.vectorBinary(.and, lane: .double, old, isNone)
            result = e.vectorBinary(.or, lane: .double, result, kept)
        }
        setLanes(&e, i, result, .byte, .vector)
    }
}
