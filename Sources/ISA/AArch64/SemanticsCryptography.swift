import ISA

/// The meaning of the cryptographic instructions (C3.5.23, C7.2).
extension AArch64 {
    /// AESE, AESD: the round key is added first.
    @inline(__always)
    static func aesRound<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: CryptographicOperation
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let state = e.vectorRegister(i.rd)
        let key = e.vectorRegister(i.rn)
        let sum = e.vectorBinary(.xor, lane: .double, state, key)
        let result = e.cryptographic(operation, sum, sum, sum)
        e.setVectorRegister(i.rd, result)
    }

    /// AESMC, AESIMC.
    @inline(__always)
    static func aesMixColumns<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: CryptographicOperation
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let state = e.vectorRegister(i.rn)
        let result = e.cryptographic(operation, state, state, state)
        e.setVectorRegister(i.rd, result)
    }

    /// What hashes have steps for: of Vd, Vn and Vm. Where there is no Vm, its field is Vd's first register, and unread.
    @inline(__always)
    static func hashStep<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: CryptographicOperation
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rd)
        let b = e.vectorRegister(i.rn)
        let c = e.vectorRegister(i.rm)
        let result = e.cryptographic(operation, a, b, c)
        e.setVectorRegister(i.rd, result)
    }

    /// SHA1H: to the left by 30.
    @inline(__always)
    static func sha1Rotate<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let vector = e.vectorRegister(i.rn)
        let low = e.doubleword(0, of: vector)
        let count = e.constant(30)
        let result = e.binary(.rotateLeft, .word, low, count)
        setScalar(&e, i.rd, result)
    }

    /// SHA1SU0: of words that follow each other in Vd, Vn and Vm, those 16, 14 and 8 before.
    @inline(__always)
    static func sha1ScheduleFirst<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.vectorRegister(i.rd)
        let b = e.vectorRegister(i.rn)
        let c = e.vectorRegister(i.rm)
        let middle = e.vectorExtract(a, b, from: 8)
        let sum = e.vectorBinary(.xor, lane: .double, a, middle)
        let result = e.vectorBinary(.xor, lane: .double, sum, c)
        e.setVectorRegister(i.rd, result)
    }

    // MARK: SM3 and SM4

    /// SM3SS1.
    @inline(__always)
    static func sm3Sum<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let n = e.vectorRegister(i.rn)
        let m = e.vectorRegister(i.rm)
        let a = e.vectorRegister(i.ra)
        let result = e.cryptographic(.sm3Sum, n, m, a)
        e.setVectorRegister(i.rd, result)
    }

    /// SM3TT1A, SM3TT1B, SM3TT2A, SM3TT2B: of Vd, Vn and a word of Vm.
    @inline(__always)
    static func sm3Step<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: CryptographicOperation
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let d = e.vectorRegister(i.rd)
        let n = e.vectorRegister(i.rn)
        let m = e.vectorRegister(i.rm)
        let word = element(&e, m, i.index, .word)
        let all = broadcast(&e, word, .word)
        let result = e.cryptographic(operation, d, n, all)
        e.setVectorRegister(i.rd, result)
    }

    /// SM4EKEY: the keys are in Vn, and the constants in Vm.
    @inline(__always)
    static func sm4RoundKeys<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let n = e.vectorRegister(i.rn)
        let m = e.vectorRegister(i.rm)
        let result = e.cryptographic(.sm4RoundKeys, n, m, m)
        e.setVectorRegister(i.rd, result)
    }

    // MARK: SHA-3

    /// EOR3: of three; BCAX: Vn, and what Vm has and Va has not.
    @inline(__always)
    static func vectorXorOfThree<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: VectorOperation
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let n = e.vectorRegister(i.rn)
        let m = e.vectorRegister(i.rm)
        let a = e.vectorRegister(i.ra)
        let other = e.vectorBinary(operation, lane: .double, m, a)
        let result = e.vectorBinary(.xor, lane: .double, n, other)
        e.setVectorRegister(i.rd, result)
    }

    @inline(__always)
    private static func rotatedLeft<E: Emitter>(_ e: inout E, _ a: E.Vector, by count: UInt8) -> E.Vector {
        let high = e.vectorShift(.left, lane: .double, a, by: count)
        let low = e.vectorShift(.rightUnsigned, lane: .double, a, by: 64 &- count)
        return e.vectorBinary(.or, lane: .double, high, low)
    }

    /// RAX1: Vn, and Vm to the left by 1.
    @inline(__always)
    static func vectorRotateXor<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let n = e.vectorRegister(i.rn)
        let m = e.vectorRegister(i.rm)
        let rotated = rotatedLeft(&e, m, by: 1)
        let result = e.vectorBinary(.xor, lane: .double, n, rotated)
        e.setVectorRegister(i.rd, result)
    }

    /// XAR: the sum to the right.
    @inline(__always)
    static func vectorXorRotate<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let n = e.vectorRegister(i.rn)
        let m = e.vectorRegister(i.rm)
        let sum = e.vectorBinary(.xor, lane: .double, n, m)
        let result = rotatedLeft(&e, sum, by: 64 &- UInt8(truncatingIfNeeded: i.immediateBits & 63))
        e.setVectorRegister(i.rd, result)
    }
}
