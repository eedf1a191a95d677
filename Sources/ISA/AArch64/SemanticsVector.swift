import ISA

/// The meaning of AdvSIMD: what its instructions have in common, and operations on integers whose lanes keep their width
/// (C3.5, C7.2).
///
/// Most have two classes, "Advanced SIMD" and "Advanced SIMD scalar": the second does to one lane what the first does to
/// all. A result of less than 128 bits has zeros above it.
extension AArch64 {
    enum Form { case vector, scalar }

    // MARK: Operands and results

    /// Lanes of a register, and zeros where the instruction has none: for what would leave a trace of others, as
    /// saturation does.
    @inline(__always)
    static func lanes<E: Emitter>(
        _ e: inout E, _ i: Operands, _ register: UInt8, _ lane: Width, _ form: Form
    ) -> E.Vector {
        let vector = e.vectorRegister(register)
        return cut(&e, i, vector, lane, form)
    }

    @inline(__always)
    private static func cut<E: Emitter>(
        _ e: inout E, _ i: Operands, _ vector: E.Vector, _ lane: Width, _ form: Form
    ) -> E.Vector {
        if form == .vector && i.isWhole { return vector }
        var low = e.doubleword(0, of: vector)
        if form == .scalar && lane != .double { low = e.extend(lane.zeroExtension, low) }
        let zero = e.constant(0)
        return e.vector(low: low, high: zero)
    }

    /// Writes what the instruction has lanes for.
    @inline(__always)
    static func setLanes<E: Emitter>(
        _ e: inout E, _ i: Operands, _ value: E.Vector, _ lane: Width, _ form: Form
    ) {
        let result = cut(&e, i, value, lane, form)
        e.setVectorRegister(i.rd, result)
    }

    @inline(__always)
    static func constant<E: Emitter>(_ e: inout E, low: UInt64, high: UInt64) -> E.Vector {
        let low = e.constant(low)
        let high = e.constant(high)
        return e.vector(low: low, high: high)
    }

    /// A constant in every lane.
    @inline(__always)
    static func constant<E: Emitter>(_ e: inout E, _ value: UInt64, _ lane: Width) -> E.Vector {
        let both = e.constant(lane.repeated(value))
        return e.vector(low: both, high: both)
    }

    /// A lane as a number, with zeros above it.
    @inline(__always)
    static func element<E: Emitter>(
        _ e: inout E, _ vector: E.Vector, _ index: UInt64, _ lane: Width
    ) -> E.Value {
        let bit = index &<< (UInt64(lane.rawValue) &+ 3)
        let doubleword = e.doubleword(UInt8(truncatingIfNeeded: bit &>> 6 & 1), of: vector)
        if lane == .double { return doubleword }
        let count = e.constant(bit & 63)
        let shifted = e.binary(.shiftRightLogical, .double, doubleword, count)
        return e.extend(lane.zeroExtension, shifted)
    }

    /// The vector with a number, which has zeros above it, in one lane.
    @inline(__always)
    static func inserted<E: Emitter>(
        _ e: inout E, _ vector: E.Vector, _ index: UInt64, _ lane: Width, _ value: E.Value
    ) -> E.Vector {
        let bit = index &<< (UInt64(lane.rawValue) &+ 3)
        let isHigh = bit & 64 != 0
        let old = e.doubleword(isHigh ? 1 : 0, of: vector)
        let other = e.doubleword(isHigh ? 0 : 1, of: vector)
        var new = value
        if lane != .double {
            let kept = e.constant(~(lane.mask &<< (bit & 63)))
            let count = e.constant(bit & 63)
            let rest = e.binary(.and, .double, old, kept)
            let shifted = e.binary(.shiftLeft, .double, value, count)
            new = e.binary(.or, .double, rest, shifted)
        }
        return isHigh ? e.vector(low: other, high: new) : e.vector(low: new, high: other)
    }

    /// A number, which has zeros above it, in every lane.
    @inline(__always)
    static func broadcast<E: Emitter>(_ e: inout E, _ value: E.Value, _ lane: Width) -> E.Vector {
        var both = value
        if lane != .double {
            let ones = e.constant(lane.repeated(1))
            both = e.binary(.multiply, .double, value, ones)
        }
        return e.vector(low: both, high: both)
    }

    /// The second operand: Vm, or one lane of it for all.
    @inline(__always)
    static func second<E: Emitter>(
        _ e: inout E, _ i: Operands, _ lane: Width, _ form: Form, byElement: Bool
    ) -> E.Vector {
        if !byElement { return lanes(&e, i, i.rm, lane, form) }
        let vector = e.vectorRegister(i.rm)
        let value = element(&e, vector, i.index, lane)
        let all = broadcast(&e, value, lane)
        return cut(&e, i, all, lane, form)
    }

    // MARK: Three same

    @inline(__always)
    static func vectorBinary<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: VectorOperation, _ form: Form = .vector, byElement: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let b = byElement ? second(&e, i, i.lane, form, byElement: true) : e.vectorRegister(i.rm)
        let result = e.vectorBinary(operation, lane: i.lane, a, b)
        setLanes(&e, i, result, i.lane, form)
    }

    /// CMGE, CMHS: not the other way round.
    @inline(__always)
    static func vectorGreaterOrEqual<E: Emitter>(
        _ e: inout E, _ i: Operands, _ greater: VectorOperation, _ form: Form = .vector
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let b = e.vectorRegister(i.rm)
        let less = e.vectorBinary(greater, lane: i.lane, b, a)
        let result = inverted(&e, less)
        setLanes(&e, i, result, i.lane, form)
    }

    @inline(__always)
    static func inverted<E: Emitter>(_ e: inout E, _ a: E.Vector) -> E.Vector {
        let ones = constant(&e, ~0, .double)
        return e.vectorBinary(.xor, lane: .double, a, ones)
    }

    /// CMTST: any bit in common.
    @inline(__always)
    static func vectorTest<E: Emitter>(_ e: inout E, _ i: Operands, _ form: Form = .vector) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let b = e.vectorRegister(i.rm)
        let common = e.vectorBinary(.and, lane: .double, a, b)
        let zero = constant(&e, 0, .double)
        let isNone = e.vectorBinary(.compareEqual, lane: i.lane, common, zero)
        let result = inverted(&e, isNone)
        setLanes(&e, i, result, i.lane, form)
    }

    /// SHADD, UHADD, SRHADD, URHADD: half of the sum, without the carry that it might have: what both have in common and
    /// half of where they differ; or, rounded, what any has and less half of that.
    @inline(__always)
    static func vectorHalvingAdd<E: Emitter>(
        _ e: inout E, _ i: Operands, signed: Bool, rounding: Bool
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let b = e.vectorRegister(i.rm)
        let common = e.vectorBinary(rounding ? .or : .and, lane: .double, a, b)
        let different = e.vectorBinary(.xor, lane: .double, a, b)
        let half = e.vectorShift(signed ? .rightSigned : .rightUnsigned, lane: i.lane, different, by: 1)
        let result = e.vectorBinary(rounding ? .subtract : .add, lane: i.lane, common, half)
        setLanes(&e, i, result, i.lane, .vector)
    }

    /// SHSUB, UHSUB: half of where they differ, less what only the second has.
    @inline(__always)
    static func vectorHalvingSubtract<E: Emitter>(
        _ e: inout E, _ i: Operands, signed: Bool
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let b = e.vectorRegister(i.rm)
        let different = e.vectorBinary(.xor, lane: .double, a, b)
        let half = e.vectorShift(signed ? .rightSigned : .rightUnsigned, lane: i.lane, different, by: 1)
        let borrowed = e.vectorBinary(.andNot, lane: .double, b, a)
        let result = e.vectorBinary(.subtract, lane: i.lane, half, borrowed)
        setLanes(&e, i, result, i.lane, .vector)
    }

    @inline(__always)
    static func absoluteDifference<E: Emitter>(
        _ e: inout E, _ lane: Width, _ a: E.Vector, _ b: E.Vector, signed: Bool
    ) -> E.Vector {
        let large = e.vectorBinary(signed ? .maximumSigned : .maximumUnsigned, lane: lane, a, b)
        let small = e.vectorBinary(signed ? .minimumSigned : .minimumUnsigned, lane: lane, a, b)
        return e.vectorBinary(.subtract, lane: lane, large, small)
    }

    /// SABD, UABD, SABA, UABA.
    @inline(__always)
    static func vectorAbsoluteDifference<E: Emitter>(
        _ e: inout E, _ i: Operands, signed: Bool, accumulates: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let b = e.vectorRegister(i.rm)
        var result = absoluteDifference(&e, i.lane, a, b, signed: signed)
        if accumulates {
            let old = e.vectorRegister(i.rd)
            result = e.vectorBinary(.add, lane: i.lane, old, result)
        }
        setLanes(&e, i, result, i.lane, .vector)
    }

    /// MLA, MLS.
    @inline(__always)
    static func vectorMultiplyAccumulate<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: VectorOperation, byElement: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let b = byElement ? second(&e, i, i.lane, .vector, byElement: true) : e.vectorRegister(i.rm)
        let old = e.vectorRegister(i.rd)
        let product = e.vectorBinary(.multiply, lane: i.lane, a, b)
        let result = e.vectorBinary(operation, lane: i.lane, old, product)
        setLanes(&e, i, result, i.lane, .vector)
    }

    /// Neighbours of one vector and then of the other, the even ones and the odd ones.
    @inline(__always)
    static func neighbours<E: Emitter>(_ e: inout E, _ i: Operands) -> (E.Vector, E.Vector) {
        var a = e.vectorRegister(i.rn)
        var b = e.vectorRegister(i.rm)
        if !i.isWhole {
            a = e.vectorBinary(.zipLow, lane: .double, a, b)
            b = a
        }
        let even = e.vectorBinary(.unzipEven, lane: i.lane, a, b)
        let odd = e.vectorBinary(.unzipOdd, lane: i.lane, a, b)
        return (even, odd)
    }

    /// ADDP, SMAXP, SMINP, UMAXP, UMINP.
    @inline(__always)
    static func vectorPairwise<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: VectorOperation
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let (even, odd) = neighbours(&e, i)
        let result = e.vectorBinary(operation, lane: i.lane, even, odd)
        setLanes(&e, i, result, i.lane, .vector)
    }

    /// ADDP (scalar).
    @inline(__always)
    static func scalarPairwiseAdd<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let vector = e.vectorRegister(i.rn)
        let low = e.doubleword(0, of: vector)
        let high = e.doubleword(1, of: vector)
        let sum = e.binary(.add, .double, low, high)
        setScalar(&e, i.rd, sum)
    }

    // MARK: Saturation

    @inline(__always)
    static func vectorSaturating<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: VectorSaturatingOperation, _ form: Form = .vector,
        byElement: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = lanes(&e, i, i.rn, i.lane, form)
        let b = second(&e, i, i.lane, form, byElement: byElement)
        let result = e.vectorSaturating(operation, lane: i.lane, a, b, a)
        e.setVectorRegister(i.rd, result)
    }

    /// SQRDMLAH, SQRDMLSH.
    @inline(__always)
    static func vectorSaturatingAccumulate<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: VectorSaturatingOperation, _ form: Form = .vector,
        byElement: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = lanes(&e, i, i.rn, i.lane, form)
        let b = second(&e, i, i.lane, form, byElement: byElement)
        let old = lanes(&e, i, i.rd, i.lane, form)
        let result = e.vectorSaturating(operation, lane: i.lane, a, b, old)
        e.setVectorRegister(i.rd, result)
    }

    /// SUQADD, USQADD: Vn is added to what is there.
    @inline(__always)
    static func vectorSaturatingAdd<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: VectorSaturatingOperation, _ form: Form = .vector
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let old = lanes(&e, i, i.rd, i.lane, form)
        let a = lanes(&e, i, i.rn, i.lane, form)
        let result = e.vectorSaturating(operation, lane: i.lane, old, a, a)
        e.setVectorRegister(i.rd, result)
    }

    /// SQNEG, SQABS.
    @inline(__always)
    static func vectorSaturatingNegate<E: Emitter>(
        _ e: inout E, _ i: Operands, _ form: Form = .vector, absolute: Bool
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = lanes(&e, i, i.rn, i.lane, form)
        let zero = constant(&e, 0, .double)
        let negative = e.vectorSaturating(.subtractSigned, lane: i.lane, zero, a, a)
        let result = absolute ? e.vectorBinary(.maximumSigned, lane: i.lane, a, negative) : negative
        e.setVectorRegister(i.rd, result)
    }

    // MARK: Bits

    /// ORN: a OR NOT b.
    @inline(__always)
    static func vectorOrNot<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let b = e.vectorRegister(i.rm)
        let other = inverted(&e, b)
        let result = e.vectorBinary(.or, lane: .double, a, other)
        setLanes(&e, i, result, .double, .vector)
    }

    /// BSL, BIT, BIF: which of three registers chooses between bits of the two others.
    enum Choice { case destination, second, invertedSecond }

    @inline(__always)
    static func vectorSelect<E: Emitter>(_ e: inout E, _ i: Operands, by choice: Choice) throws(E.Failure) {
        try e.require(.floatingPoint)
        let n = e.vectorRegister(i.rn)
        let m = e.vectorRegister(i.rm)
        let d = e.vectorRegister(i.rd)
        let chosen: E.Vector, rest: E.Vector
        switch choice {
        case .destination:
            chosen = e.vectorBinary(.and, lane: .double, n, d)
            rest = e.vectorBinary(.andNot, lane: .double, m, d)
        case .second:
            chosen = e.vectorBinary(.and, lane: .double, n, m)
            rest = e.vectorBinary(.andNot, lane: .double, d, m)
        case .invertedSecond:
            chosen = e.vectorBinary(.andNot, lane: .double, n, m)
            rest = e.vectorBinary(.and, lane: .double, d, m)
        }
        let result = e.vectorBinary(.or, lane: .double, chosen, rest)
        setLanes(&e, i, result, .double, .vector)
    }

    // MARK: One operand

    /// CLZ, CNT, RBIT, URECPE, URSQRTE.
    @inline(__always)
    static func vectorUnary<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: VectorUnaryOperation
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let result = e.vectorUnary(operation, lane: i.lane, a)
        setLanes(&e, i, result, i.lane, .vector)
    }

    @inline(__always)
    static func vectorNot<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let result = inverted(&e, a)
        setLanes(&e, i, result, .double, .vector)
    }

    /// CLS: leading bits that are as the sign, without it.
    @inline(__always)
    static func vectorCountLeadingSigns<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let shifted = e.vectorShift(.rightSigned, lane: i.lane, a, by: 1)
        let changes = e.vectorBinary(.xor, lane: .double, a, shifted)
        let zeros = e.vectorUnary(.countLeadingZeros, lane: i.lane, changes)
        let one = constant(&e, 1, i.lane)
        let result = e.vectorBinary(.subtract, lane: i.lane, zeros, one)
        setLanes(&e, i, result, i.lane, .vector)
    }

    /// NEG, ABS.
    @inline(__always)
    static func vectorNegate<E: Emitter>(
        _ e: inout E, _ i: Operands, _ form: Form = .vector, absolute: Bool
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let zero = constant(&e, 0, .double)
        let negative = e.vectorBinary(.subtract, lane: i.lane, zero, a)
        let result = absolute ? e.vectorBinary(.maximumSigned, lane: i.lane, a, negative) : negative
        setLanes(&e, i, result, i.lane, form)
    }

    /// Relations to zero.
    enum Relation { case equal, greater, greaterOrEqual, less, lessOrEqual }

    /// CMEQ, CMGT, CMGE, CMLT, CMLE (zero).
    @inline(__always)
    static func vectorCompareZero<E: Emitter>(
        _ e: inout E, _ i: Operands, _ relation: Relation, _ form: Form = .vector
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let zero = constant(&e, 0, .double)
        var result: E.Vector
        switch relation {
        case .equal: result = e.vectorBinary(.compareEqual, lane: i.lane, a, zero)
        case .greater, .lessOrEqual: result = e.vectorBinary(.compareGreaterSigned, lane: i.lane, a, zero)
        case .less, .greaterOrEqual: result = e.vectorBinary(.compareGreaterSigned, lane: i.lane, zero, a)
        }
        if relation == .lessOrEqual || relation == .greaterOrEqual { result = inverted(&e, result) }
        setLanes(&e, i, result, i.lane, form)
    }
}

extension Width {
    /// The value in every lane of a doubleword.
    @inline(__always)
    func repeated(_ value: UInt64) -> UInt64 { (value & mask) &* (~0 / mask) }

    @inline(__always)
    var zeroExtension: Extension {
        switch self {
        case .byte: .zero8
        case .half: .zero16
        case .word, .double: .zero32
        }
    }
}
