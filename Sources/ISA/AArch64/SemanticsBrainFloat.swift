import ISA

/// The meaning of instructions on bfloat16 numbers (FEAT_BF16; C7.2). Each is the upper half of a single-precision number.
extension AArch64 {
    /// BFCVT.
    @inline(__always)
    static func floatConvertToBrain<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = floatOperand(&e, i.rn, .single)
        let zero = e.constant(0)
        let result = e.float(.convertToBrain, .single, a, zero, zero, .dynamic)
        setScalar(&e, i.rd, result)
    }

    /// BFCVTN, BFCVTN2.
    @inline(__always)
    static func vectorBrainNarrow<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let words = e.vectorFloat(.convertToBrain, .single, lanes: 4, a, a, a, .dynamic)
        let result = e.vectorBinary(.unzipEven, lane: .half, words, words)
        setHalf(&e, i, result)
    }

    /// BFDOT: each 32-bit lane gains two products.
    @inline(__always)
    static func vectorBrainDotProduct<E: Emitter>(
        _ e: inout E, _ i: Operands, byElement: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rn)
        let b = second(&e, i, .word, .vector, byElement: byElement)
        let c = e.vectorRegister(i.rd)
        let result = e.vectorFloat(
            .dotProductBrain, .single, lanes: floatLanes(i, .word, .vector), a, b, c, .nearestEven)
        e.setVectorRegister(i.rd, result)
    }

    /// BFMMLA: Vn has two rows of four numbers, Vm two columns, and Vd two rows of two single-precision numbers. Products
    /// are added by twos.
    @inline(__always)
    static func vectorBrainMatrixMultiply<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let n = e.vectorRegister(i.rn)
        let m = e.vectorRegister(i.rm)
        let old = e.vectorRegister(i.rd)
        let firstRows = parts(&e, n, .word, imaginary: false)
        let firstColumns = e.vectorBinary(.unzipEven, lane: .word, m, m)
        let sum = e.vectorFloat(.dotProductBrain, .single, lanes: 4, firstRows, firstColumns, old, .nearestEven)
        let secondRows = parts(&e, n, .word, imaginary: true)
        let secondColumns = e.vectorBinary(.unzipOdd, lane: .word, m, m)
        let result = e.vectorFloat(.dotProductBrain, .single, lanes: 4, secondRows, secondColumns, sum, .nearestEven)
        e.setVectorRegister(i.rd, result)
    }

    /// BFMLALB, BFMLALT: of the lower or the upper number in each word.
    @inline(__always)
    static func vectorBrainMultiplyLong<E: Emitter>(
        _ e: inout E, _ i: Operands, top: Bool, byElement: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let n = e.vectorRegister(i.rn)
        let a = single(&e, n, top: top)
        let m = e.vectorRegister(i.rm)
        let b: E.Vector
        if byElement {
            let value = element(&e, m, i.index, .half)
            let all = broadcast(&e, value, .word)
            b = single(&e, all, top: false)
        } else {
            b = single(&e, m, top: top)
        }
        let c = e.vectorRegister(i.rd)
        let result = e.vectorFloat(.multiplyAdd, .single, lanes: 4, a, b, c, .dynamic)
        e.setVectorRegister(i.rd, result)
    }

    @inline(__always)
    private static func single<E: Emitter>(_ e: inout E, _ vector: E.Vector, top: Bool) -> E.Vector {
        if !top { return e.vectorShift(.left, lane: .word, vector, by: 16) }
        let mask = constant(&e, 0xffff_0000, .word)
        return e.vectorBinary(.and, lane: .double, vector, mask)
    }
}
