import ISA

/// The meaning of AdvSIMD's shifts by an immediate, and of what it makes of immediates (C7.2).
extension AArch64 {
    /// To the right, rounded: what is left, and the last one that goes.
    @inline(__always)
    private static func shiftedRight<E: Emitter>(
        _ e: inout E, _ lane: Width, _ a: E.Vector, by count: UInt8, signed: Bool, rounding: Bool
    ) -> E.Vector {
        let right: VectorShiftOperation = signed ? .rightSigned : .rightUnsigned
        let shifted = e.vectorShift(right, lane: lane, a, by: count)
        if !rounding { return shifted }
        let last = e.vectorShift(.rightUnsigned, lane: lane, a, by: count &- 1)
        let one = constant(&e, 1, lane)
        let half = e.vectorBinary(.and, lane: lane, last, one)
        return e.vectorBinary(.add, lane: lane, shifted, half)
    }

    /// SSHR, USHR, SRSHR, URSHR, SSRA, USRA, SRSRA, URSRA.
    @inline(__always)
    static func vectorShiftRight<E: Emitter>(
        _ e: inout E, _ i: Operands, signed: Bool, rounding: Bool = false, accumulates: Bool = false,
        _ form: Form = .vector
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let lane = i.shiftLane
        let a = e.vectorRegister(i.rn)
        var result = shiftedRight(&e, lane, a, by: i.shiftRight, signed: signed, rounding: rounding)
        if accumulates {
            let old = e.vectorRegister(i.rd)
            result = e.vectorBinary(.add, lane: lane, old, result)
        }
        setLanes(&e, i, result, lane, form)
    }

    @inline(__always)
    static func vectorShiftLeft<E: Emitter>(
        _ e: inout E, _ i: Operands, _ form: Form = .vector
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let result = e.vectorShift(.left, lane: i.shiftLane, a, by: i.shiftLeft)
        setLanes(&e, i, result, i.shiftLane, form)
    }

    /// SLI, SRI: the bits that the shift leaves free stay.
    @inline(__always)
    static func vectorShiftInsert<E: Emitter>(
        _ e: inout E, _ i: Operands, left: Bool, _ form: Form = .vector
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let lane = i.shiftLane
        let a = e.vectorRegister(i.rn)
        let old = e.vectorRegister(i.rd)
        let count = left ? i.shiftLeft : i.shiftRight
        let shifted = e.vectorShift(left ? .left : .rightUnsigned, lane: lane, a, by: count)
        let most = UInt64(count)
        let bits = left ? lane.mask &<< most : most < lane.bits ? lane.mask &>> most : 0
        let taken = constant(&e, bits, lane)
        let rest = e.vectorBinary(.andNot, lane: lane, old, taken)
        let result = e.vectorBinary(.or, lane: lane, rest, shifted)
        setLanes(&e, i, result, lane, form)
    }

    /// SQSHL, UQSHL (immediate), SQSHLU.
    @inline(__always)
    static func vectorSaturatingShiftLeft<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: VectorSaturatingOperation, _ form: Form = .vector
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = lanes(&e, i, i.rn, i.shiftLane, form)
        let count = constant(&e, UInt64(i.shiftLeft), i.shiftLane)
        let result = e.vectorSaturating(operation, lane: i.shiftLane, a, count, a)
        e.setVectorRegister(i.rd, result)
    }

    /// SHRN, RSHRN. A carry out of a wide lane is among what goes.
    @inline(__always)
    static func vectorShiftRightNarrow<E: Emitter>(
        _ e: inout E, _ i: Operands, rounding: Bool
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let shifted = shiftedRight(
            &e, i.shiftLane.double, a, by: i.shiftRight, signed: false, rounding: rounding)
        let result = e.vectorBinary(.unzipEven, lane: i.shiftLane, shifted, shifted)
        setHalf(&e, i, result)
    }

    /// SQSHRN, UQSHRN, SQSHRUN, SQRSHRN, UQRSHRN, SQRSHRUN.
    @inline(__always)
    static func vectorSaturatingShiftRightNarrow<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: VectorSaturatingOperation, rounding: Bool = false,
        _ form: Form = .vector
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let wide = i.shiftLane.double
        let a = form == .scalar ? lanes(&e, i, i.rn, wide, .scalar) : e.vectorRegister(i.rn)
        let shifted = shiftedRight(
            &e, wide, a, by: i.shiftRight, signed: operation != .narrowUnsigned, rounding: rounding)
        let result = e.vectorSaturating(operation, lane: i.shiftLane, shifted, shifted, shifted)
        if form == .scalar { return e.setVectorRegister(i.rd, result) }
        setHalf(&e, i, result)
    }

    /// SSHLL, USHLL.
    @inline(__always)
    static func vectorShiftLeftLong<E: Emitter>(
        _ e: inout E, _ i: Operands, signed: Bool
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let wide = extended(&e, a, i.shiftLane, signed: signed, upper: i.isWhole)
        let result = e.vectorShift(.left, lane: i.shiftLane.double, wide, by: i.shiftLeft)
        e.setVectorRegister(i.rd, result)
    }

    // MARK: Modified immediates

    /// AdvSIMDExpandImm() of 8 bits by cmode and op.
    @inline(__always)
    static func expandedImmediate(_ i: Operands) -> UInt64 {
        let bits = i.immediateBits & 0xff
        let mode = i.immediateBits &>> 8 & 15
        switch mode &>> 1 {
        case 0...3: return Width.word.repeated(bits &<< (mode &>> 1 &* 8))
        case 4, 5: return Width.half.repeated(bits &<< (mode &>> 1 & 1 &* 8))
        case 6: return Width.word.repeated(mode & 1 == 0 ? bits &<< 8 | 0xff : bits &<< 16 | 0xffff)
        default:
            if i.immediateBits &>> 12 & 1 == 0 { return Width.byte.repeated(bits) }
            // Each bit is a byte.
            let spread = (bits & 0x7f) &* 0x0002_0408_1020_4081 & 0x0001_0101_0101_0101 | (bits &>> 7) &<< 56
            return spread &* 0xff
        }
    }

    /// MOVI, MVNI.
    @inline(__always)
    static func vectorMoveImmediate<E: Emitter>(
        _ e: inout E, _ i: Operands, inverted: Bool
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let value = expandedImmediate(i)
        setImmediate(&e, i, inverted ? ~value : value)
    }

    /// FMOV (vector, immediate).
    @inline(__always)
    static func vectorFloatMoveImmediate<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        setImmediate(&e, i, i.lane.repeated(floatImmediate(i.immediateBits, i.format)))
    }

    @inline(__always)
    private static func setImmediate<E: Emitter>(_ e: inout E, _ i: Operands, _ value: UInt64) {
        let result = constant(&e, low: value, high: i.isWhole ? value : 0)
        e.setVectorRegister(i.rd, result)
    }

    /// ORR, BIC (vector, immediate).
    @inline(__always)
    static func vectorBitsImmediate<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: VectorOperation
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let old = e.vectorRegister(i.rd)
        let bits = constant(&e, expandedImmediate(i), .double)
        let result = e.vectorBinary(operation, lane: .double, old, bits)
        setLanes(&e, i, result, .double, .vector)
    }
}
