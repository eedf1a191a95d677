import ISA

/// The meaning of floating point in vectors, and of the scalar instructions that AdvSIMD has beside those of scalar
/// floating point (C7.2).
extension AArch64 {
    /// How many lanes the instruction works on.
    @inline(__always)
    static func floatLanes(_ i: Operands, _ lane: Width, _ form: Form) -> UInt8 {
        if form == .scalar { return 1 }
        return UInt8(truncatingIfNeeded: (i.isWhole ? 16 : 8) / lane.bytes)
    }

    // MARK: Two and three operands

    @inline(__always)
    static func vectorFloatBinary<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: FloatOperation, _ form: Form = .vector, byElement: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let b = byElement ? second(&e, i, i.lane, form, byElement: true) : e.vectorRegister(i.rm)
        let result = e.vectorFloat(
            operation, i.format, lanes: floatLanes(i, i.lane, form), a, b, a, .dynamic)
        e.setVectorRegister(i.rd, result)
    }

    /// FMLA, FMLS.
    @inline(__always)
    static func vectorFloatFused<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: FloatOperation, _ form: Form = .vector, byElement: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let b = byElement ? second(&e, i, i.lane, form, byElement: true) : e.vectorRegister(i.rm)
        let c = e.vectorRegister(i.rd)
        let result = e.vectorFloat(
            operation, i.format, lanes: floatLanes(i, i.lane, form), a, b, c, .dynamic)
        e.setVectorRegister(i.rd, result)
    }

    /// FMLAL, FMLSL, FMLAL2, FMLSL2: of the lower or upper half of each vector, or of one lane for all.
    @inline(__always)
    static func vectorFloatMultiplyLong<E: Emitter>(
        _ e: inout E, _ i: Operands, upper: Bool, subtracts: Bool, byElement: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let n = e.vectorRegister(i.rn)
        var a = halves(&e, i, n, upper: upper)
        let m = e.vectorRegister(i.rm)
        let b: E.Vector
        if byElement {
            let value = element(&e, m, i.index, .half)
            b = broadcast(&e, value, .word)
        } else {
            b = halves(&e, i, m, upper: upper)
        }
        if subtracts {
            let sign = constant(&e, Width.half.signBit, .word)
            a = e.vectorBinary(.xor, lane: .double, a, sign)
        }
        let c = e.vectorRegister(i.rd)
        let result = e.vectorFloat(
            .multiplyAddNarrow, .single, lanes: floatLanes(i, .word, .vector), a, b, c, .dynamic)
        e.setVectorRegister(i.rd, result)
    }

    /// Half of a vector's halfwords, each in a word.
    @inline(__always)
    private static func halves<E: Emitter>(
        _ e: inout E, _ i: Operands, _ vector: E.Vector, upper: Bool
    ) -> E.Vector {
        if i.isWhole { return extended(&e, vector, .half, signed: false, upper: upper) }
        let moved = upper ? e.vectorShift(.rightUnsigned, lane: .double, vector, by: 32) : vector
        return extended(&e, moved, .half, signed: false, upper: false)
    }

    /// FADDP, FMAXP, FMINP, FMAXNMP, FMINNMP.
    @inline(__always)
    static func vectorFloatPairwise<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: FloatOperation
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let (even, odd) = neighbours(&e, i)
        let result = e.vectorFloat(
            operation, i.format, lanes: floatLanes(i, i.lane, .vector), even, odd, even, .dynamic)
        e.setVectorRegister(i.rd, result)
    }

    /// The same of the first two lanes (scalar).
    @inline(__always)
    static func scalarFloatPairwise<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: FloatOperation
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let vector = e.vectorRegister(i.rn)
        let a = element(&e, vector, 0, i.lane)
        let b = element(&e, vector, 1, i.lane)
        let zero = e.constant(0)
        let result = e.float(operation, i.format, a, b, zero, .dynamic)
        setScalar(&e, i.rd, result)
    }

    /// FMAXV, FMINV, FMAXNMV, FMINNMV: neighbours with each other, and their results again, which decides between NaNs.
    @inline(__always)
    static func vectorFloatAcross<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: FloatOperation
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        var result = e.vectorRegister(i.rn)
        var lanes = floatLanes(i, i.lane, .vector) &>> 1
        while lanes != 0 {
            let even = e.vectorBinary(.unzipEven, lane: i.lane, result, result)
            let odd = e.vectorBinary(.unzipOdd, lane: i.lane, result, result)
            result = e.vectorFloat(operation, i.format, lanes: lanes, even, odd, even, .dynamic)
            lanes &>>= 1
        }
        e.setVectorRegister(i.rd, result)
    }

    /// FABD: the difference without its sign, that of a NaN too.
    @inline(__always)
    static func vectorFloatAbsoluteDifference<E: Emitter>(
        _ e: inout E, _ i: Operands, _ form: Form = .vector
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let b = e.vectorRegister(i.rm)
        let difference = e.vectorFloat(
            .subtract, i.format, lanes: floatLanes(i, i.lane, form), a, b, a, .dynamic)
        let sign = constant(&e, i.lane.signBit, i.lane)
        let result = e.vectorBinary(.andNot, lane: .double, difference, sign)
        e.setVectorRegister(i.rd, result)
    }

    // MARK: Comparisons

    /// What holds as all ones, of 1 or 0 in each lane.
    @inline(__always)
    private static func setMask<E: Emitter>(_ e: inout E, _ i: Operands, _ ones: E.Vector) {
        let zero = constant(&e, 0, .double)
        let mask = e.vectorBinary(.subtract, lane: i.lane, zero, ones)
        e.setVectorRegister(i.rd, mask)
    }

    /// FCMEQ, FCMGT, FCMGE, and FACGT and FACGE of magnitudes: the orders with their operands exchanged.
    @inline(__always)
    static func vectorFloatCompare<E: Emitter>(
        _ e: inout E, _ i: Operands, _ relation: Relation, _ form: Form = .vector, magnitudes: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        var a = e.vectorRegister(i.rn)
        var b = e.vectorRegister(i.rm)
        if magnitudes {
            let sign = constant(&e, i.lane.signBit, i.lane)
            a = e.vectorBinary(.andNot, lane: .double, a, sign)
            b = e.vectorBinary(.andNot, lane: .double, b, sign)
        }
        let ones = relations(&e, i, relation, form, a, b)
        setMask(&e, i, ones)
    }

    /// FCMEQ, FCMGT, FCMGE, FCMLT, FCMLE (zero).
    @inline(__always)
    static func vectorFloatCompareZero<E: Emitter>(
        _ e: inout E, _ i: Operands, _ relation: Relation, _ form: Form = .vector
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let zero = constant(&e, 0, .double)
        let ones = relations(&e, i, relation, form, a, zero)
        setMask(&e, i, ones)
    }

    @inline(__always)
    private static func relations<E: Emitter>(
        _ e: inout E, _ i: Operands, _ relation: Relation, _ form: Form, _ a: E.Vector, _ b: E.Vector
    ) -> E.Vector {
        let lanes = floatLanes(i, i.lane, form)
        switch relation {
        case .equal: return e.vectorFloat(.equal, i.format, lanes: lanes, a, b, a, .nearestEven)
        case .greater: return e.vectorFloat(.less, i.format, lanes: lanes, b, a, a, .nearestEven)
        case .greaterOrEqual: return e.vectorFloat(.lessOrEqual, i.format, lanes: lanes, b, a, a, .nearestEven)
        case .less: return e.vectorFloat(.less, i.format, lanes: lanes, a, b, a, .nearestEven)
        case .lessOrEqual: return e.vectorFloat(.lessOrEqual, i.format, lanes: lanes, a, b, a, .nearestEven)
        }
    }

    // MARK: One operand

    /// FSQRT, FRINTN to FRINT64Z, FRECPE, FRSQRTE, FRECPX.
    @inline(__always)
    static func vectorFloatUnary<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: FloatOperation, _ rounding: RoundingControl = .dynamic,
        _ form: Form = .vector
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let result = e.vectorFloat(operation, i.format, lanes: floatLanes(i, i.lane, form), a, a, a, rounding)
        e.setVectorRegister(i.rd, result)
    }

    /// FABS, FNEG.
    @inline(__always)
    static func vectorFloatSign<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: VectorOperation
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let sign = constant(&e, i.lane.signBit, i.lane)
        let result = e.vectorBinary(operation, lane: .double, a, sign)
        setLanes(&e, i, result, i.lane, .vector)
    }

    // MARK: Conversions

    /// FCVTNS to FCVTZU, SCVTF, UCVTF: to and from integers of the same width.
    @inline(__always)
    static func vectorFloatConvert<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: FloatOperation, _ rounding: RoundingControl = .dynamic,
        _ form: Form = .vector
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        convert(&e, i, operation, rounding, form, i.lane, fraction: 0)
    }

    /// FCVTZS, FCVTZU, SCVTF, UCVTF (vector, fixed-point).
    @inline(__always)
    static func vectorFixedConvert<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: FloatOperation, _ rounding: RoundingControl = .dynamic,
        _ form: Form = .vector
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        convert(&e, i, operation, rounding, form, i.shiftLane, fraction: UInt64(i.shiftRight))
    }

    @inline(__always)
    private static func convert<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: FloatOperation, _ rounding: RoundingControl, _ form: Form,
        _ lane: Width, fraction: UInt64
    ) {
        let a = e.vectorRegister(i.rn)
        let places = constant(&e, fraction, lane)
        let bits = constant(&e, lane.bits, lane)
        let result = e.vectorFloat(
            operation, FloatSize(lane), lanes: floatLanes(i, lane, form), a, places, bits, rounding)
        e.setVectorRegister(i.rd, result)
    }

    /// FCVTL: half of a vector's numbers in the next wider format.
    @inline(__always)
    static func vectorFloatWiden<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let vector = e.vectorRegister(i.rn)
        let wide = i.lane.double
        let count = 16 / wide.bytes
        var result = constant(&e, 0, .double)
        for index in 0..<count {
            let value = element(&e, vector, i.isWhole ? count &+ index : index, i.lane)
            let converted = e.convertFloat(value, from: i.format, to: FloatSize(wide), .dynamic)
            result = inserted(&e, result, index, wide, converted)
        }
        e.setVectorRegister(i.rd, result)
    }

    /// FCVTN, FCVTXN: the way back, to the lower or upper half.
    @inline(__always)
    static func vectorFloatNarrow<E: Emitter>(
        _ e: inout E, _ i: Operands, _ rounding: RoundingControl
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let vector = e.vectorRegister(i.rn)
        let wide = i.lane.double
        var result = constant(&e, 0, .double)
        for index in 0..<16 / wide.bytes {
            let value = element(&e, vector, index, wide)
            let converted = e.convertFloat(value, from: FloatSize(wide), to: i.format, rounding)
            result = inserted(&e, result, index, i.lane, converted)
        }
        setHalf(&e, i, result)
    }

    /// FCVTXN (scalar).
    @inline(__always)
    static func scalarFloatNarrowToOdd<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = floatOperand(&e, i.rn, .double)
        let result = e.convertFloat(a, from: .double, to: .single, .odd)
        setScalar(&e, i.rd, result)
    }

    // MARK: Complex numbers

    /// Each two neighbours exchanged.
    @inline(__always)
    private static func exchanged<E: Emitter>(_ e: inout E, _ a: E.Vector, _ lane: Width) -> E.Vector {
        if lane == .double { return e.vectorExtract(a, a, from: 8) }
        let bits = UInt8(truncatingIfNeeded: lane.bits)
        let low = e.vectorShift(.rightUnsigned, lane: lane.double, a, by: bits)
        let high = e.vectorShift(.left, lane: lane.double, a, by: bits)
        return e.vectorBinary(.or, lane: .double, low, high)
    }

    /// The sign of the real parts, which are the even lanes, or of the imaginary ones, or of both.
    @inline(__always)
    private static func signs<E: Emitter>(
        _ e: inout E, _ lane: Width, real: Bool, imaginary: Bool
    ) -> E.Vector {
        let (even, odd) = (real ? lane.signBit : 0, imaginary ? lane.signBit : 0)
        if lane == .double { return constant(&e, low: even, high: odd) }
        return constant(&e, odd &<< lane.bits | even, lane.double)
    }

    /// FCADD: the second number is turned by 90 or 270 degrees.
    @inline(__always)
    static func vectorComplexAdd<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let m = e.vectorRegister(i.rm)
        let isThreeQuarters = i.rotation & 2 != 0
        let sign = signs(&e, i.lane, real: !isThreeQuarters, imaginary: isThreeQuarters)
        let turned = exchanged(&e, m, i.lane)
        let b = e.vectorBinary(.xor, lane: .double, turned, sign)
        let result = e.vectorFloat(.add, i.format, lanes: floatLanes(i, i.lane, .vector), a, b, a, .dynamic)
        e.setVectorRegister(i.rd, result)
    }

    /// FCMLA: one part of the first number times the second one, turned by as many degrees as that part is the factor of.
    @inline(__always)
    static func vectorComplexMultiplyAdd<E: Emitter>(
        _ e: inout E, _ i: Operands, byElement: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let n = e.vectorRegister(i.rn)
        var m = e.vectorRegister(i.rm)
        if byElement {
            // A number is two lanes.
            let value = element(&e, m, i.index, i.lane.double)
            m = broadcast(&e, value, i.lane.double)
        }
        let takesImaginary = i.rotation & 1 != 0
        let a = parts(&e, n, i.lane, imaginary: takesImaginary)
        let turned = takesImaginary ? exchanged(&e, m, i.lane) : m
        // 90 degrees make the imaginary part a negative real one, 180 invert both, 270 the real one that was.
        let sign = signs(
            &e, i.lane, real: i.rotation == 1 || i.rotation == 2, imaginary: i.rotation & 2 != 0)
        let b = e.vectorBinary(.xor, lane: .double, turned, sign)
        let c = e.vectorRegister(i.rd)
        let result = e.vectorFloat(
            .multiplyAdd, i.format, lanes: floatLanes(i, i.lane, .vector), a, b, c, .dynamic)
        e.setVectorRegister(i.rd, result)
    }

    /// The real or the imaginary part of each number, twice.
    @inline(__always)
    static func parts<E: Emitter>(
        _ e: inout E, _ a: E.Vector, _ lane: Width, imaginary: Bool
    ) -> E.Vector {
        if lane == .double { return e.vectorBinary(imaginary ? .zipHigh : .zipLow, lane: .double, a, a) }
        let bits = UInt8(truncatingIfNeeded: lane.bits)
        let moved = e.vectorShift(imaginary ? .rightUnsigned : .left, lane: lane.double, a, by: bits)
        let mask = constant(&e, imaginary ? ~lane.mask : lane.mask, lane.double)
        let kept = e.vectorBinary(.and, lane: .double, a, mask)
        return e.vectorBinary(.or, lane: .double, moved, kept)
    }
}
