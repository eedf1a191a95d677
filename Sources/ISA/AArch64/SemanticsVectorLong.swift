import ISA

/// The meaning of AdvSIMD's instructions on integers whose lanes become wider or narrower, or one (C7.2). Half of a vector
/// has narrow lanes: the lower half, or the upper one where the mnemonic has a 2.
extension AArch64 {
    // MARK: Wider and narrower lanes

    /// Half of a register's lanes, extended: the half that Q says.
    @inline(__always)
    static func extendedHalf<E: Emitter>(
        _ e: inout E, _ i: Operands, _ vector: E.Vector, signed: Bool
    ) -> E.Vector {
        extended(&e, vector, i.lane, signed: signed, upper: i.isWhole)
    }

    @inline(__always)
    static func extended<E: Emitter>(
        _ e: inout E, _ vector: E.Vector, _ lane: Width, signed: Bool, upper: Bool
    ) -> E.Vector {
        let zero = constant(&e, 0, .double)
        let above = signed ? e.vectorBinary(.compareGreaterSigned, lane: lane, zero, vector) : zero
        return e.vectorBinary(upper ? .zipHigh : .zipLow, lane: lane, vector, above)
    }

    /// The second operand with wide lanes: half of Vm, or one lane of it.
    @inline(__always)
    private static func extendedSecond<E: Emitter>(
        _ e: inout E, _ i: Operands, signed: Bool, byElement: Bool
    ) -> E.Vector {
        if !byElement {
            let vector = e.vectorRegister(i.rm)
            return extendedHalf(&e, i, vector, signed: signed)
        }
        let vector = e.vectorRegister(i.rm)
        let value = element(&e, vector, i.index, i.lane)
        let all = broadcast(&e, value, i.lane)
        return extended(&e, all, i.lane, signed: signed, upper: false)
    }

    /// Writes narrow lanes, which are in the lower half: to the lower half with zeros above, or above what is there.
    @inline(__always)
    static func setHalf<E: Emitter>(_ e: inout E, _ i: Operands, _ value: E.Vector) {
        let low = e.doubleword(0, of: value)
        if !i.isWhole { return setScalar(&e, i.rd, low) }
        let old = e.vectorRegister(i.rd)
        let below = e.doubleword(0, of: old)
        let result = e.vector(low: below, high: low)
        e.setVectorRegister(i.rd, result)
    }

    // MARK: Three different

    /// SADDL, SADDW, SSUBL, SSUBW, and the unsigned ones.
    /// - Parameter isWide: the first operand has wide lanes already.
    @inline(__always)
    static func vectorAddLong<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: VectorOperation, signed: Bool, isWide: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        var a = e.vectorRegister(i.rn)
        if !isWide { a = extendedHalf(&e, i, a, signed: signed) }
        let b = extendedSecond(&e, i, signed: signed, byElement: false)
        let result = e.vectorBinary(operation, lane: i.lane.double, a, b)
        e.setVectorRegister(i.rd, result)
    }

    /// ADDHN, SUBHN, RADDHN, RSUBHN: the upper halves of wide lanes.
    @inline(__always)
    static func vectorAddHighNarrow<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: VectorOperation, rounding: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let b = e.vectorRegister(i.rm)
        var sum = e.vectorBinary(operation, lane: i.lane.double, a, b)
        if rounding {
            let half = constant(&e, i.lane.signBit, i.lane.double)
            sum = e.vectorBinary(.add, lane: i.lane.double, sum, half)
        }
        let result = e.vectorBinary(.unzipOdd, lane: i.lane, sum, sum)
        setHalf(&e, i, result)
    }

    /// SABDL, UABDL, SABAL, UABAL.
    @inline(__always)
    static func vectorAbsoluteDifferenceLong<E: Emitter>(
        _ e: inout E, _ i: Operands, signed: Bool, accumulates: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let n = e.vectorRegister(i.rn)
        let a = extendedHalf(&e, i, n, signed: signed)
        let b = extendedSecond(&e, i, signed: signed, byElement: false)
        var result = absoluteDifference(&e, i.lane.double, a, b, signed: signed)
        if accumulates {
            let old = e.vectorRegister(i.rd)
            result = e.vectorBinary(.add, lane: i.lane.double, old, result)
        }
        e.setVectorRegister(i.rd, result)
    }

    /// SMULL, UMULL, and SMLAL, UMLAL, SMLSL, UMLSL, which add to what is there or subtract from it.
    @inline(__always)
    static func vectorMultiplyLong<E: Emitter>(
        _ e: inout E, _ i: Operands, signed: Bool, accumulating operation: VectorOperation? = nil,
        byElement: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let n = e.vectorRegister(i.rn)
        let a = extendedHalf(&e, i, n, signed: signed)
        let b = extendedSecond(&e, i, signed: signed, byElement: byElement)
        var result = e.vectorBinary(.multiply, lane: i.lane.double, a, b)
        if let operation {
            let old = e.vectorRegister(i.rd)
            result = e.vectorBinary(operation, lane: i.lane.double, old, result)
        }
        e.setVectorRegister(i.rd, result)
    }

    /// SQDMULL, SQDMLAL, SQDMLSL: the product saturates, and then the sum.
    @inline(__always)
    static func vectorDoubleMultiplyLong<E: Emitter>(
        _ e: inout E, _ i: Operands, _ form: Form = .vector,
        accumulating operation: VectorSaturatingOperation? = nil, byElement: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let wide = i.lane.double
        let a: E.Vector, b: E.Vector
        if form == .scalar {
            let n = lanes(&e, i, i.rn, i.lane, .scalar)
            a = extended(&e, n, i.lane, signed: true, upper: false)
            let m = second(&e, i, i.lane, .scalar, byElement: byElement)
            b = extended(&e, m, i.lane, signed: true, upper: false)
        } else {
            let n = e.vectorRegister(i.rn)
            a = extendedHalf(&e, i, n, signed: true)
            b = extendedSecond(&e, i, signed: true, byElement: byElement)
        }
        var result = e.vectorSaturating(.doubleMultiply, lane: wide, a, b, a)
        if let operation {
            let old = form == .scalar ? lanes(&e, i, i.rd, wide, .scalar) : e.vectorRegister(i.rd)
            result = e.vectorSaturating(operation, lane: wide, old, result, old)
        }
        e.setVectorRegister(i.rd, result)
    }

    /// PMULL: of bytes, or of doublewords.
    @inline(__always)
    static func vectorPolynomialMultiplyLong<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let n = e.vectorRegister(i.rn)
        let m = e.vectorRegister(i.rm)
        if i.lane == .byte {
            let a = extendedHalf(&e, i, n, signed: false)
            let b = extendedHalf(&e, i, m, signed: false)
            let result = e.vectorBinary(.polynomialMultiply, lane: .half, a, b)
            e.setVectorRegister(i.rd, result)
        } else {
            let a = e.doubleword(i.isWhole ? 1 : 0, of: n)
            let b = e.doubleword(i.isWhole ? 1 : 0, of: m)
            let low = e.binary(.carrylessMultiply, .double, a, b)
            let high = e.binary(.carrylessMultiplyHigh, .double, a, b)
            let result = e.vector(low: low, high: high)
            e.setVectorRegister(i.rd, result)
        }
    }

    /// SDOT, UDOT, USDOT, SUDOT: each 32-bit lane gains the products of four bytes.
    /// - Parameters:
    ///   - signed: the bytes of Vn are.
    ///   - secondSigned: those of Vm are.
    @inline(__always)
    static func vectorDotProduct<E: Emitter>(
        _ e: inout E, _ i: Operands, signed: Bool, second secondSigned: Bool, byElement: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let b = second(&e, i, .word, .vector, byElement: byElement)
        let old = e.vectorRegister(i.rd)
        let sum = dotProducts(&e, a, b, signed: signed, secondSigned)
        let result = e.vectorBinary(.add, lane: .word, old, sum)
        setLanes(&e, i, result, .word, .vector)
    }

    /// SMMLA, UMMLA, USMMLA: Vn has two rows of eight bytes, Vm two columns, and Vd two rows of two words.
    @inline(__always)
    static func vectorMatrixMultiply<E: Emitter>(
        _ e: inout E, _ i: Operands, signed: Bool, second secondSigned: Bool
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let n = e.vectorRegister(i.rn)
        let m = e.vectorRegister(i.rm)
        let old = e.vectorRegister(i.rd)
        let first = e.vectorBinary(.zipLow, lane: .double, n, n)
        let second = e.vectorBinary(.zipHigh, lane: .double, n, n)
        let upper = dotProducts(&e, first, m, signed: signed, secondSigned)
        let lower = dotProducts(&e, second, m, signed: signed, secondSigned)
        let sum = sumsOfWords(&e, upper, lower)
        let result = e.vectorBinary(.add, lane: .word, old, sum)
        e.setVectorRegister(i.rd, result)
    }

    /// In each word the sum of the four products of its bytes.
    @inline(__always)
    private static func dotProducts<E: Emitter>(
        _ e: inout E, _ a: E.Vector, _ b: E.Vector, signed: Bool, _ secondSigned: Bool
    ) -> E.Vector {
        let lower = products(&e, a, b, signed: signed, secondSigned, upper: false)
        let upper = products(&e, a, b, signed: signed, secondSigned, upper: true)
        return sumsOfWords(&e, lower, upper)
    }

    /// Of each two neighbours of the one vector, then of the other.
    @inline(__always)
    private static func sumsOfWords<E: Emitter>(_ e: inout E, _ a: E.Vector, _ b: E.Vector) -> E.Vector {
        let even = e.vectorBinary(.unzipEven, lane: .word, a, b)
        let odd = e.vectorBinary(.unzipOdd, lane: .word, a, b)
        return e.vectorBinary(.add, lane: .word, even, odd)
    }

    /// Of half of the bytes, and of each two neighbours the sum.
    @inline(__always)
    private static func products<E: Emitter>(
        _ e: inout E, _ a: E.Vector, _ b: E.Vector, signed: Bool, _ secondSigned: Bool, upper: Bool
    ) -> E.Vector {
        let x = extended(&e, a, .byte, signed: signed, upper: upper)
        let y = extended(&e, b, .byte, signed: secondSigned, upper: upper)
        let product = e.vectorBinary(.multiply, lane: .half, x, y)
        return sumsOfNeighbours(&e, product, .half, signed: signed || secondSigned)
    }

    // MARK: Narrowing and widening

    /// XTN: the lower halves of wide lanes.
    @inline(__always)
    static func vectorNarrow<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let result = e.vectorBinary(.unzipEven, lane: i.lane, a, a)
        setHalf(&e, i, result)
    }

    /// SQXTN, UQXTN, SQXTUN.
    @inline(__always)
    static func vectorSaturatingNarrow<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: VectorSaturatingOperation, _ form: Form = .vector
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        if form == .scalar {
            let a = lanes(&e, i, i.rn, i.lane.double, .scalar)
            let result = e.vectorSaturating(operation, lane: i.lane, a, a, a)
            e.setVectorRegister(i.rd, result)
        } else {
            let a = e.vectorRegister(i.rn)
            let result = e.vectorSaturating(operation, lane: i.lane, a, a, a)
            setHalf(&e, i, result)
        }
    }

    /// SHLL: to the upper halves of wide lanes.
    @inline(__always)
    static func vectorShiftLeftLong<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let zero = constant(&e, 0, .double)
        let result = e.vectorBinary(i.isWhole ? .zipHigh : .zipLow, lane: i.lane, zero, a)
        e.setVectorRegister(i.rd, result)
    }

    // MARK: Sums of neighbours

    /// Each two neighbours as one lane of twice the width.
    @inline(__always)
    private static func sumsOfNeighbours<E: Emitter>(
        _ e: inout E, _ a: E.Vector, _ lane: Width, signed: Bool
    ) -> E.Vector {
        let bits = UInt8(truncatingIfNeeded: lane.bits)
        let right: VectorShiftOperation = signed ? .rightSigned : .rightUnsigned
        let raised = e.vectorShift(.left, lane: lane.double, a, by: bits)
        let even = e.vectorShift(right, lane: lane.double, raised, by: bits)
        let odd = e.vectorShift(right, lane: lane.double, a, by: bits)
        return e.vectorBinary(.add, lane: lane.double, even, odd)
    }

    /// SADDLP, UADDLP, SADALP, UADALP.
    @inline(__always)
    static func vectorAddPairsLong<E: Emitter>(
        _ e: inout E, _ i: Operands, signed: Bool, accumulates: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        var result = sumsOfNeighbours(&e, a, i.lane, signed: signed)
        if accumulates {
            let old = e.vectorRegister(i.rd)
            result = e.vectorBinary(.add, lane: i.lane.double, old, result)
        }
        setLanes(&e, i, result, i.lane, .vector)
    }

    // MARK: Across lanes

    /// The operation on all lanes: of each half with the other one, which is turned around to it, as often as it takes.
    @inline(__always)
    private static func across<E: Emitter>(
        _ e: inout E, _ operation: VectorOperation, _ lane: Width, _ vector: E.Vector
    ) -> E.Vector {
        var result = vector
        var distance: UInt8 = 8
        while UInt64(distance) >= lane.bytes {
            let turned = e.vectorExtract(result, result, from: distance)
            result = e.vectorBinary(operation, lane: lane, result, turned)
            distance &>>= 1
        }
        return result
    }

    /// ADDV.
    @inline(__always)
    static func vectorAddAcross<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = lanes(&e, i, i.rn, i.lane, .vector)
        let sum = across(&e, .add, i.lane, a)
        setLanes(&e, i, sum, i.lane, .scalar)
    }

    /// SADDLV, UADDLV.
    @inline(__always)
    static func vectorAddLongAcross<E: Emitter>(
        _ e: inout E, _ i: Operands, signed: Bool
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = lanes(&e, i, i.rn, i.lane, .vector)
        let pairs = sumsOfNeighbours(&e, a, i.lane, signed: signed)
        let sum = across(&e, .add, i.lane.double, pairs)
        setLanes(&e, i, sum, i.lane.double, .scalar)
    }

    /// SMAXV, SMINV, UMAXV, UMINV.
    @inline(__always)
    static func vectorExtremumAcross<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: VectorOperation
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        var a = e.vectorRegister(i.rn)
        if !i.isWhole { a = e.vectorBinary(.zipLow, lane: .double, a, a) }
        let result = across(&e, operation, i.lane, a)
        setLanes(&e, i, result, i.lane, .scalar)
    }
}

extension Width {
    /// Twice as wide, of what is not the widest.
    @inline(__always)
    var double: Width {
        // SAFETY: 0 to 3 are the cases.
        Width(rawValue: min(rawValue &+ 1, 3)).unsafelyUnwrapped
    }
}
