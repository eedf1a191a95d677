import ISA

/// The meaning of the integer instructions: data processing of immediates and registers, and branches (C6.2).
extension AArch64 {
    // MARK: Immediates

    @inline(__always)
    static func address<E: Emitter>(_ e: inout E, _ i: Operands) {
        let value = e.programCounter(plus: i.immediate)
        e.setRegister(i.rd, value)
    }

    /// ADRP: the page of this instruction, so many pages further.
    @inline(__always)
    static func addressOfPage<E: Emitter>(_ e: inout E, _ i: Operands) {
        let here = e.programCounter(plus: 0)
        let mask = e.constant(~0xfff)
        let page = e.binary(.and, .double, here, mask)
        let offset = e.constant(i.immediateBits &<< 12)
        let value = e.binary(.add, .double, page, offset)
        e.setRegister(i.rd, value)
    }

    /// ADD, ADDS, SUB, SUBS (immediate).
    @inline(__always)
    static func addImmediate<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ operation: BinaryOperation, setsFlags: Bool = false
    ) {
        let a = e.register(i.rn)
        let value = i.immediateBits & 0xfff
        let b = e.constant(i.immediateBits & 0x1000 != 0 ? value &<< 12 : value)
        add(&e, i.rd, width, operation, a, b, setsFlags: setsFlags)
    }

    /// AddWithCarry() of two operands, without a carry in.
    @inline(__always)
    private static func add<E: Emitter>(
        _ e: inout E, _ rd: UInt8, _ width: Width, _ operation: BinaryOperation, _ a: E.Value, _ b: E.Value,
        setsFlags: Bool
    ) {
        let result = e.binary(operation, width, a, b)
        e.setRegister(rd, result)
        if setsFlags {
            e.setFlags(operation == .add ? .addInverted : .subtract, width, result: result, a, b)
        }
    }

    /// AND, ORR, EOR, ANDS (immediate).
    @inline(__always)
    static func logicalImmediate<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ operation: BinaryOperation, setsFlags: Bool = false
    ) {
        let a = e.register(i.rn)
        let b = e.constant(bitMask(i.immediateBits))
        let result = e.binary(operation, width, a, b)
        e.setRegister(i.rd, result)
        if setsFlags { e.setFlags(.logicInverted, width, result: result, a, b) }
    }

    /// DecodeBitMasks() of N:immr:imms, which is not reserved: a run of ones, rotated, in each element of 2 to 64 bits.
    @inline(__always)
    static func bitMask(_ immediate: UInt64) -> UInt64 {
        let (n, immr, imms) = (immediate &>> 12 & 1, immediate &>> 6 & 63, immediate & 63)
        let length = UInt64(truncatingIfNeeded: 63 &- (n &<< 6 | ~imms & 63).leadingZeroBitCount)
        var size: UInt64 = 1 &<< length
        let element = ~0 &>> (64 &- size) as UInt64
        let ones: UInt64 = ~(~0 &<< ((imms & (size &- 1)) &+ 1))
        let rotation = immr & (size &- 1)
        var mask = (ones &>> rotation | ones &<< ((size &- rotation) & 63)) & element
        if rotation == 0 { mask = ones }
        while size < 64 {
            mask |= mask &<< size
            size &<<= 1
        }
        return mask
    }

    /// MOVZ, MOVN.
    @inline(__always)
    static func moveWide<E: Emitter>(_ e: inout E, _ i: Operands, _ width: Width, inverted: Bool) {
        let shifted = (i.immediateBits & 0xffff) &<< (i.immediateBits &>> 12 & 48)
        let value = e.constant(width.zeroExtend(inverted ? ~shifted : shifted))
        e.setRegister(i.rd, value)
    }

    /// MOVK.
    @inline(__always)
    static func moveKeeping<E: Emitter>(_ e: inout E, _ i: Operands, _ width: Width) {
        let shift = i.immediateBits &>> 12 & 48
        let old = e.register(i.rd)
        let kept = e.constant(~(0xffff &<< shift))
        let rest = e.binary(.and, width, old, kept)
        let bits = e.constant((i.immediateBits & 0xffff) &<< shift)
        let result = e.binary(.or, width, rest, bits)
        e.setRegister(i.rd, result)
    }

    /// SBFM, UBFM: bits `immr` to `imms` come down to bit 0; or, where `immr` is greater, bits 0 to `imms` go up as far as
    /// a rotation by `immr` takes them.
    @inline(__always)
    static func bitField<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ right: BinaryOperation
    ) {
        let a = e.register(i.rn)
        let (immr, imms) = (i.immediateBits &>> 6 & 63, i.immediateBits & 63)
        let top = width.bits &- 1 &- imms
        let up = e.constant(top)
        let down = e.constant(imms >= immr ? top &+ immr : immr &- imms &- 1)
        let high = e.binary(.shiftLeft, width, a, up)
        let result = e.binary(right, width, high, down)
        e.setRegister(i.rd, result)
    }

    /// BFM: the same field, between the bits that are there.
    @inline(__always)
    static func bitFieldInsert<E: Emitter>(_ e: inout E, _ i: Operands, _ width: Width) {
        let a = e.register(i.rn)
        let old = e.register(i.rd)
        let (immr, imms) = (i.immediateBits &>> 6 & 63, i.immediateBits & 63)
        let isDown = imms >= immr
        let count = isDown ? imms &- immr &+ 1 : imms &+ 1
        let place = isDown ? 0 : width.bits &- immr
        let mask = (~0 &>> (64 &- count)) &<< place as UInt64
        let shift = e.constant(isDown ? immr : place)
        let moved = e.binary(isDown ? .shiftRightLogical : .shiftLeft, width, a, shift)
        let bits = e.constant(mask)
        let field = e.binary(.and, width, moved, bits)
        let rest = e.binary(.andNot, width, old, bits)
        let result = e.binary(.or, width, rest, field)
        e.setRegister(i.rd, result)
    }

    /// EXTR: so many bits from the middle of Rn:Rm.
    @inline(__always)
    static func extract<E: Emitter>(_ e: inout E, _ i: Operands, _ width: Width) {
        let high = e.register(i.rn)
        let low = e.register(i.rm)
        let position = i.immediateBits & 63
        let down = e.constant(position)
        let lower = e.binary(.shiftRightLogical, width, low, down)
        if position == 0 { return e.setRegister(i.rd, lower) }
        let up = e.constant(width.bits &- position)
        let upper = e.binary(.shiftLeft, width, high, up)
        let result = e.binary(.or, width, lower, upper)
        e.setRegister(i.rd, result)
    }

    // MARK: Registers

    /// Rm shifted as `shift` says, by the amount of `imm6`.
    @inline(__always)
    private static func shifted<E: Emitter>(_ e: inout E, _ i: Operands, _ width: Width) -> E.Value {
        let value = e.register(i.rm)
        let amount = i.immediateBits & 63
        if amount == 0 { return value }
        let count = e.constant(amount)
        switch i.immediateBits &>> 6 & 3 {
        case 0: return e.binary(.shiftLeft, width, value, count)
        case 1: return e.binary(.shiftRightLogical, width, value, count)
        case 2: return e.binary(.shiftRightArithmetic, width, value, count)
        default: return e.binary(.rotateRight, width, value, count)
        }
    }

    /// Rm extended as `option` says, and shifted left by `shift` (ExtendReg()).
    @inline(__always)
    static func extended<E: Emitter>(_ e: inout E, _ rm: UInt8, option: UInt64, shift: UInt64) -> E.Value {
        var value = e.register(rm)
        switch option {
        case 0: value = e.extend(.zero8, value)
        case 1: value = e.extend(.zero16, value)
        case 2: value = e.extend(.zero32, value)
        case 4: value = e.extend(.signed8, value)
        case 5: value = e.extend(.signed16, value)
        case 6: value = e.extend(.signed32, value)
        default: break
        }
        if shift == 0 { return value }
        let count = e.constant(shift)
        return e.binary(.shiftLeft, .double, value, count)
    }

    @inline(__always)
    static func addShifted<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ operation: BinaryOperation, setsFlags: Bool = false
    ) {
        let a = e.register(i.rn)
        let b = shifted(&e, i, width)
        add(&e, i.rd, width, operation, a, b, setsFlags: setsFlags)
    }

    @inline(__always)
    static func addExtended<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ operation: BinaryOperation, setsFlags: Bool = false
    ) {
        let a = e.register(i.rn)
        let b = extended(&e, i.rm, option: i.immediateBits &>> 3 & 7, shift: i.immediateBits & 7)
        add(&e, i.rd, width, operation, a, b, setsFlags: setsFlags)
    }

    @inline(__always)
    static func logicalShifted<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ operation: BinaryOperation, setsFlags: Bool = false
    ) {
        let a = e.register(i.rn)
        let b = shifted(&e, i, width)
        let result = e.binary(operation, width, a, b)
        e.setRegister(i.rd, result)
        if setsFlags { e.setFlags(.logicInverted, width, result: result, a, b) }
    }

    /// LSLV, LSRV, ASRV, RORV.
    @inline(__always)
    static func register<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ operation: BinaryOperation
    ) {
        let a = e.register(i.rn)
        let b = e.register(i.rm)
        let result = e.binary(operation, width, a, b)
        e.setRegister(i.rd, result)
    }

    /// UDIV, SDIV: division by zero gives zero.
    @inline(__always)
    static func divide<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ operation: BinaryOperation
    ) {
        let a = e.register(i.rn)
        let b = e.register(i.rm)
        let quotient = e.binary(operation, width, a, b)
        let zero = e.constant(0)
        let isZero = e.compare(.equal, width, b, zero)
        let result = e.select(isZero, zero, quotient)
        e.setRegister(i.rd, result)
    }

    /// ADC, ADCS. ARM's C is the inverse of the abstract carry.
    @inline(__always)
    static func addWithCarry<E: Emitter>(_ e: inout E, _ i: Operands, _ width: Width, setsFlags: Bool = false) {
        let a = e.register(i.rn)
        let b = e.register(i.rm)
        let hasCarry = e.condition(.aboveOrEqual)
        let carry = e.value(of: hasCarry)
        let result = e.addWithCarry(width, a, b, carry)
        e.setRegister(i.rd, result)
        if setsFlags { e.setFlags(.addWithCarryInverted, width, result: result, a, b) }
    }

    /// SBC, SBCS.
    @inline(__always)
    static func subtractWithCarry<E: Emitter>(_ e: inout E, _ i: Operands, _ width: Width, setsFlags: Bool = false) {
        let a = e.register(i.rn)
        let b = e.register(i.rm)
        let hasBorrow = e.condition(.below)
        let borrow = e.value(of: hasBorrow)
        let result = e.subtractWithBorrow(width, a, b, borrow)
        e.setRegister(i.rd, result)
        if setsFlags { e.setFlags(.subtractWithBorrow, width, result: result, a, b) }
    }

    @inline(__always)
    static func unary<E: Emitter>(_ e: inout E, _ i: Operands, _ width: Width, _ operation: UnaryOperation) {
        let a = e.register(i.rn)
        let result = e.unary(operation, width, a)
        e.setRegister(i.rd, result)
    }

    /// REV16: the bytes of each halfword reversed.
    @inline(__always)
    static func reverseHalfwords<E: Emitter>(_ e: inout E, _ i: Operands, _ width: Width) {
        let a = e.register(i.rn)
        let eight = e.constant(8)
        let even = e.constant(0x00ff_00ff_00ff_00ff)
        let right = e.binary(.shiftRightLogical, width, a, eight)
        let down = e.binary(.and, width, right, even)
        let kept = e.binary(.and, width, a, even)
        let up = e.binary(.shiftLeft, width, kept, eight)
        let result = e.binary(.or, width, up, down)
        e.setRegister(i.rd, result)
    }

    /// REV32 of 64 bits: the bytes of each word reversed.
    @inline(__always)
    static func reverseWords<E: Emitter>(_ e: inout E, _ i: Operands) {
        let a = e.register(i.rn)
        let all = e.unary(.reverseBytes, .double, a)
        let half = e.constant(32)
        let result = e.binary(.rotateRight, .double, all, half)
        e.setRegister(i.rd, result)
    }

    /// CLS: how many bits behind the sign are equal to it.
    @inline(__always)
    static func countLeadingSigns<E: Emitter>(_ e: inout E, _ i: Operands, _ width: Width) {
        let a = e.register(i.rn)
        let one = e.constant(1)
        let halved = e.binary(.shiftRightArithmetic, width, a, one)
        let changes = e.binary(.xor, width, a, halved)
        let zeros = e.unary(.countLeadingZeros, width, changes)
        let result = e.binary(.subtract, width, zeros, one)
        e.setRegister(i.rd, result)
    }

    /// MADD, MSUB.
    @inline(__always)
    static func multiplyAdd<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ operation: BinaryOperation
    ) {
        let a = e.register(i.rn)
        let b = e.register(i.rm)
        let addend = e.register(i.ra)
        let product = e.binary(.multiply, width, a, b)
        let result = e.binary(operation, width, addend, product)
        e.setRegister(i.rd, result)
    }

    /// SMADDL, SMSUBL, UMADDL, UMSUBL: the factors are words.
    @inline(__always)
    static func multiplyAddLong<E: Emitter>(
        _ e: inout E, _ i: Operands, _ extension: Extension, _ operation: BinaryOperation
    ) {
        let first = e.register(i.rn)
        let second = e.register(i.rm)
        let addend = e.register(i.ra)
        let a = e.extend(`extension`, first)
        let b = e.extend(`extension`, second)
        let product = e.binary(.multiply, .double, a, b)
        let result = e.binary(operation, .double, addend, product)
        e.setRegister(i.rd, result)
    }

    // MARK: Conditions

    /// The condition that the manual numbers so (C1.2.4); nil for those that always hold.
    @inline(__always)
    static func conditionCode(_ number: UInt64) -> ConditionCode? {
        switch number & 15 {
        case 0: .equal
        case 1: .notEqual
        case 2: .aboveOrEqual  // CS
        case 3: .below  // CC
        case 4: .sign
        case 5: .notSign
        case 6: .overflow
        case 7: .notOverflow
        case 8: .above
        case 9: .belowOrEqual
        case 10: .greaterOrEqual
        case 11: .less
        case 12: .greater
        case 13: .lessOrEqual
        default: nil
        }
    }

    @inline(__always)
    static func condition<E: Emitter>(_ e: inout E, _ number: UInt64) -> E.Condition {
        if let code = conditionCode(number) { return e.condition(code) }
        let zero = e.constant(0)
        return e.compare(.equal, .double, zero, zero)
    }

    enum Selection { case plain, increment, invert, negate }

    /// CSEL, CSINC, CSINV, CSNEG.
    @inline(__always)
    static func select<E: Emitter>(_ e: inout E, _ i: Operands, _ width: Width, _ selection: Selection) {
        let a = e.register(i.rn)
        var b = e.register(i.rm)
        let holds = condition(&e, i.immediateBits)
        switch selection {
        case .plain: break
        case .increment:
            let one = e.constant(1)
            b = e.binary(.add, width, b, one)
        case .invert: b = e.unary(.not, width, b)
        case .negate: b = e.unary(.negate, width, b)
        }
        let result = e.select(holds, a, b)
        if width == .double { return e.setRegister(i.rd, result) }
        let word = e.extend(.zero32, result)
        e.setRegister(i.rd, word)
    }

    /// CCMP, CCMN.
    @inline(__always)
    static func conditionalCompare<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ operation: BinaryOperation, immediate: Bool
    ) {
        let a = e.register(i.rn)
        let b = immediate ? e.constant(UInt64(i.rm)) : e.register(i.rm)
        let holds = condition(&e, i.immediateBits)
        let result = e.binary(operation, width, a, b)
        e.setFlags(
            if: holds, operation == .add ? .addInverted : .subtract, width, result: result, a, b,
            otherwise: rawFlags(i.immediateBits &>> 4 & 15))
    }

    // MARK: Branches

    @inline(__always)
    static func branch<E: Emitter>(_ e: inout E, _ i: Operands) {
        guard let code = conditionCode(UInt64(i.rm)) else { return e.jump(offset: i.immediate) }
        let holds = e.condition(code)
        e.branch(if: holds, offset: i.immediate)
    }

    /// CBZ, CBNZ.
    @inline(__always)
    static func compareAndBranch<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ comparison: Comparison
    ) {
        let a = e.register(i.rd)
        let zero = e.constant(0)
        let holds = e.compare(comparison, width, a, zero)
        e.branch(if: holds, offset: i.immediate)
    }

    /// TBZ, TBNZ.
    @inline(__always)
    static func testAndBranch<E: Emitter>(_ e: inout E, _ i: Operands, _ comparison: Comparison) {
        let a = e.register(i.rd)
        let bit = e.constant(1 &<< UInt64(i.rm))
        let tested = e.binary(.and, .double, a, bit)
        let zero = e.constant(0)
        let holds = e.compare(comparison, .double, tested, zero)
        e.branch(if: holds, offset: i.immediate)
    }

    @inline(__always)
    static func link<E: Emitter>(_ e: inout E, _ i: Operands) {
        let next = e.programCounter(plus: 4)
        e.setRegister(linkRegister, next)
        e.jump(offset: i.immediate)
    }

    /// BR, BLR, RET.
    @inline(__always)
    static func branchToRegister<E: Emitter>(_ e: inout E, _ i: Operands, _ hint: JumpHint) {
        let target = e.register(i.rn)
        if hint == .call {
            let next = e.programCounter(plus: 4)
            e.setRegister(linkRegister, next)
        }
        e.jump(to: target, hint)
    }
}
