/// The meaning of the integer instructions: RV64I, M, Zba, Zbb, Zbc, Zbs, Zicond (volume I).
extension RISCV {
    @inline(__always)
    static func loadUpperImmediate<E: Emitter>(_ e: inout E, _ i: Operands) {
        let value = e.constant(i.immediateBits)
        e.setRegister(i.rd, value)
    }

    @inline(__always)
    static func addUpperImmediateToProgramCounter<E: Emitter>(_ e: inout E, _ i: Operands) {
        let value = e.programCounter(plus: i.immediate)
        e.setRegister(i.rd, value)
    }

    /// rd = rs1 operation rs2.
    @inline(__always)
    static func register<E: Emitter>(_ e: inout E, _ i: Operands, _ operation: BinaryOperation) {
        let a = e.register(i.rs1)
        let b = e.register(i.rs2)
        let result = e.binary(operation, .double, a, b)
        e.setRegister(i.rd, result)
    }

    /// rd = rs1 operation immediate.
    @inline(__always)
    static func immediate<E: Emitter>(_ e: inout E, _ i: Operands, _ operation: BinaryOperation) {
        let a = e.register(i.rs1)
        let b = e.constant(i.immediateBits)
        let result = e.binary(operation, .double, a, b)
        e.setRegister(i.rd, result)
    }

    /// The same on 32 bits, the result sign-extended: the W instructions.
    @inline(__always)
    static func registerWord<E: Emitter>(_ e: inout E, _ i: Operands, _ operation: BinaryOperation) {
        let a = e.register(i.rs1)
        let b = e.register(i.rs2)
        let result = e.binary(operation, .word, a, b)
        let extended = e.extend(.signed32, result)
        e.setRegister(i.rd, extended)
    }

    @inline(__always)
    static func immediateWord<E: Emitter>(_ e: inout E, _ i: Operands, _ operation: BinaryOperation) {
        let a = e.register(i.rs1)
        let b = e.constant(i.immediateBits)
        let result = e.binary(operation, .word, a, b)
        let extended = e.extend(.signed32, result)
        e.setRegister(i.rd, extended)
    }

    /// rd = rs1 relation rs2 ? 1 : 0.
    @inline(__always)
    static func setIf<E: Emitter>(_ e: inout E, _ i: Operands, _ comparison: Comparison) {
        let a = e.register(i.rs1)
        let b = e.register(i.rs2)
        let condition = e.compare(comparison, .double, a, b)
        let result = e.value(of: condition)
        e.setRegister(i.rd, result)
    }

    @inline(__always)
    static func setIfImmediate<E: Emitter>(_ e: inout E, _ i: Operands, _ comparison: Comparison) {
        let a = e.register(i.rs1)
        let b = e.constant(i.immediateBits)
        let condition = e.compare(comparison, .double, a, b)
        let result = e.value(of: condition)
        e.setRegister(i.rd, result)
    }

    // MARK: Control transfer

    @inline(__always)
    static func jumpAndLink<E: Emitter>(_ e: inout E, _ i: Operands) {
        let link = e.programCounter(plus: i.length)
        e.setRegister(i.rd, link)
        e.jump(offset: i.immediate)
    }

    @inline(__always)
    static func jumpAndLinkRegister<E: Emitter>(_ e: inout E, _ i: Operands) {
        let base = e.register(i.rs1)
        let offset = e.constant(i.immediateBits)
        let sum = e.binary(.add, .double, base, offset)
        let even = e.constant(~1)
        let target = e.binary(.and, .double, sum, even)
        let link = e.programCounter(plus: i.length)
        e.setRegister(i.rd, link)
        // The return-address stack hints of volume I, table "Return-address stack prediction hints".
        let isLink = i.rd == 1 || i.rd == 5
        let isReturn = !isLink && (i.rs1 == 1 || i.rs1 == 5)
        e.jump(to: target, isLink ? .call : isReturn ? .return : .plain)
    }

    @inline(__always)
    static func branch<E: Emitter>(_ e: inout E, _ i: Operands, _ comparison: Comparison) {
        let a = e.register(i.rs1)
        let b = e.register(i.rs2)
        let condition = e.compare(comparison, .double, a, b)
        e.branch(if: condition, offset: i.immediate)
    }

    // MARK: Memory

    /// - Parameter extension: nil where the loaded width fills the register or is zero-extended.
    @inline(__always)
    static func load<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ extension: Extension?
    ) throws(E.Failure) {
        let base = e.register(i.rs1)
        let offset = e.constant(i.immediateBits)
        let address = e.binary(.add, .double, base, offset)
        let loaded = try e.load(address, width, [])
        if let `extension` {
            let extended = e.extend(`extension`, loaded)
            e.setRegister(i.rd, extended)
        } else {
            e.setRegister(i.rd, loaded)
        }
    }

    @inline(__always)
    static func store<E: Emitter>(_ e: inout E, _ i: Operands, _ width: Width) throws(E.Failure) {
        let base = e.register(i.rs1)
        let offset = e.constant(i.immediateBits)
        let address = e.binary(.add, .double, base, offset)
        let value = e.register(i.rs2)
        try e.store(address, value, width, [])
    }

    // MARK: Bit manipulation

    @inline(__always)
    static func unary<E: Emitter>(_ e: inout E, _ i: Operands, _ operation: UnaryOperation, _ width: Width) {
        let a = e.register(i.rs1)
        let result = e.unary(operation, width, a)
        e.setRegister(i.rd, result)
    }

    @inline(__always)
    static func extend<E: Emitter>(_ e: inout E, _ i: Operands, _ extension: Extension) {
        let a = e.register(i.rs1)
        let result = e.extend(`extension`, a)
        e.setRegister(i.rd, result)
    }

    /// rd = (rs1 << count) + rs2: SH1ADD and so on; the UW forms take the low word of rs1, unsigned.
    @inline(__always)
    static func shiftAdd<E: Emitter>(_ e: inout E, _ i: Operands, _ count: UInt64, unsignedWord: Bool) {
        var a = e.register(i.rs1)
        let b = e.register(i.rs2)
        if unsignedWord { a = e.extend(.zero32, a) }
        let shift = e.constant(count)
        let shifted = e.binary(.shiftLeft, .double, a, shift)
        let result = e.binary(.add, .double, shifted, b)
        e.setRegister(i.rd, result)
    }

    @inline(__always)
    static func shiftLeftUnsignedWord<E: Emitter>(_ e: inout E, _ i: Operands) {
        let a = e.register(i.rs1)
        let word = e.extend(.zero32, a)
        let shift = e.constant(i.immediateBits)
        let result = e.binary(.shiftLeft, .double, word, shift)
        e.setRegister(i.rd, result)
    }

    /// rd = rs1 operation (1 << index), the index from rs2 or the immediate: BCLR, BINV, BSET.
    @inline(__always)
    static func singleBit<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: BinaryOperation, immediate: Bool
    ) {
        let a = e.register(i.rs1)
        let index = immediate ? e.constant(i.immediateBits) : e.register(i.rs2)
        let one = e.constant(1)
        let bit = e.binary(.shiftLeft, .double, one, index)
        let result = e.binary(operation, .double, a, bit)
        e.setRegister(i.rd, result)
    }

    @inline(__always)
    static func extractBit<E: Emitter>(_ e: inout E, _ i: Operands, immediate: Bool) {
        let a = e.register(i.rs1)
        let index = immediate ? e.constant(i.immediateBits) : e.register(i.rs2)
        let shifted = e.binary(.shiftRightLogical, .double, a, index)
        let one = e.constant(1)
        let result = e.binary(.and, .double, shifted, one)
        e.setRegister(i.rd, result)
    }

    /// CZERO.EQZ, CZERO.NEZ: rd = rs2 relation 0 ? 0 : rs1.
    @inline(__always)
    static func conditionalZero<E: Emitter>(_ e: inout E, _ i: Operands, _ comparison: Comparison) {
        let a = e.register(i.rs1)
        let b = e.register(i.rs2)
        let zero = e.constant(0)
        let condition = e.compare(comparison, .double, b, zero)
        let result = e.select(condition, zero, a)
        e.setRegister(i.rd, result)
    }

    /// PACK, PACKH, PACKW: the low parts of rs1 and rs2 side by side, rs2's above; PACKW's pair is sign-extended
    /// (volume I, "Bit-manipulation for Cryptography").
    @inline(__always)
    static func pack<E: Emitter>(_ e: inout E, _ i: Operands, _ part: Width) {
        let a = e.register(i.rs1)
        let b = e.register(i.rs2)
        let mask = e.constant(part.mask)
        let low = e.binary(.and, .double, a, mask)
        let other = e.binary(.and, .double, b, mask)
        let count = e.constant(part.bits)
        let high = e.binary(.shiftLeft, .double, other, count)
        let result = e.binary(.or, .double, high, low)
        let extended = part == .half ? e.extend(.signed32, result) : result
        e.setRegister(i.rd, extended)
    }

    /// XPERM4, XPERM8: each element of rs2 is the index of an element of rs1, and 0 comes of an index past the last
    /// (volume I, "Crossbar permutations").
    @inline(__always)
    static func permute<E: Emitter>(_ e: inout E, _ i: Operands, bits: UInt64) {
        let a = e.register(i.rs1)
        let b = e.register(i.rs2)
        let mask = e.constant(1 << bits - 1)
        let size = e.constant(bits)
        let count = e.constant(64 / bits)
        let zero = e.constant(0)
        var result = zero
        for position in 0..<64 / bits {
            let place = e.constant(position * bits)
            let shifted = e.binary(.shiftRightLogical, .double, b, place)
            let index = e.binary(.and, .double, shifted, mask)
            let distance = e.binary(.multiply, .double, index, size)
            let moved = e.binary(.shiftRightLogical, .double, a, distance)
            let element = e.binary(.and, .double, moved, mask)
            let exists = e.compare(.lessUnsigned, .double, index, count)
            let chosen = e.select(exists, element, zero)
            let placed = e.binary(.shiftLeft, .double, chosen, place)
            result = e.binary(.or, .double, result, placed)
        }
        e.setRegister(i.rd, result)
    }
}
