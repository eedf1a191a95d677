import ISA

/// The meaning of the system instructions: exceptions, hints, PSTATE and system registers (C3.1, C5, C6.2). Their work is
/// done out of line, by the helpers; here stands what each passes on and how it ends.
extension AArch64 {
    /// The helpers, by number.
    enum Helper: UInt16 {
        case supervisorCall, hypervisorCall, secureMonitorCall, breakpoint, halt
        case exceptionReturn, waitForInterrupt, waitForEvent, sendEvent, sendEventLocal, errorSynchronization
        case readRegister, writeRegister, systemInstruction, systemInstructionResult
        /// In translated code alone.
        case readInterruptInterface, writeInterruptInterface
        case setUAO, setPAN, setSPSel, setSSBS, setDIT, setDAIF, clearDAIF
        case crc32b, crc32h, crc32w, crc32x, crc32cb, crc32ch, crc32cw, crc32cx
        case signInstructionA, signInstructionB, signDataA, signDataB, genericCode
        case authenticateInstructionA, authenticateInstructionB, authenticateDataA, authenticateDataB
        case stripInstruction, stripData, exceptionReturnA, exceptionReturnB, setBranchType

        @inline(__always) var identifier: HelperIdentifier { HelperIdentifier(rawValue: rawValue) }

        var isExceptionReturn: Bool {
            self == .exceptionReturn || self == .exceptionReturnA || self == .exceptionReturnB
        }
    }

    // MARK: Exceptions

    /// SVC, HVC, SMC, BRK, HLT: the immediate is part of the syndrome.
    @inline(__always)
    static func exception<E: Emitter>(_ e: inout E, _ i: Operands, _ helper: Helper) throws(E.Failure) {
        let comment = e.constant(i.immediateBits)
        let zero = e.constant(0)
        _ = try e.call(helper.identifier, comment, zero)
        // Firmware has answered, where there is no exception.
        e.endBlock()
    }

    /// ERET, ERETAA, ERETAB: the helper sets the program counter.
    @inline(__always)
    static func exceptionReturn<E: Emitter>(_ e: inout E, _ helper: Helper) throws(E.Failure) {
        let zero = e.constant(0)
        _ = try e.call(helper.identifier, zero, zero)
        e.resume()
    }

    // MARK: Hints and barriers

    @inline(__always)
    static func nothing<E: Emitter>(_ e: inout E) {}

    /// WFI, WFE, SEV, SEVL, ESB.
    @inline(__always)
    static func hint<E: Emitter>(_ e: inout E, _ helper: Helper) throws(E.Failure) {
        let zero = e.constant(0)
        _ = try e.call(helper.identifier, zero, zero)
        e.endBlock()
    }

    // MARK: PSTATE

    /// MSR (immediate).
    @inline(__always)
    static func setField<E: Emitter>(_ e: inout E, _ i: Operands, _ helper: Helper) throws(E.Failure) {
        let value = e.constant(i.immediateBits & 15)
        let zero = e.constant(0)
        _ = try e.call(helper.identifier, value, zero)
        e.endBlock()
    }

    /// Flags in the raw layout of ``ConditionCode``, from N, Z, C and V as the manual orders them.
    @inline(__always)
    static func rawFlags(_ nzcv: UInt64) -> UInt64 {
        (nzcv &>> 3 & 1) &<< 7 | (nzcv &>> 2 & 1) &<< 6 | ~(nzcv &>> 1) & 1 | (nzcv & 1) &<< 11
    }

    /// N, Z, C and V as the manual orders them.
    @inline(__always)
    static func nzcv(raw: UInt64) -> UInt64 {
        (raw &>> 7 & 1) &<< 3 | (raw &>> 6 & 1) &<< 2 | (~raw & 1) &<< 1 | raw &>> 11 & 1
    }

    /// CFINV.
    @inline(__always)
    static func invertCarry<E: Emitter>(_ e: inout E) {
        let flags = e.flags()
        let carry = e.constant(ConditionCode.carryBit)
        let result = e.binary(.xor, .double, flags, carry)
        e.setFlags(raw: result)
    }

    /// AXFLAG: from ARM's flags of a comparison of floating-point numbers to another convention: C and V are no longer
    /// both set for unordered, but Z and not C.
    @inline(__always)
    static func toAlternativeFlags<E: Emitter>(_ e: inout E) {
        let isUnordered = e.condition(.overflow)
        let isEqual = e.condition(.equal)
        let hasCarry = e.condition(.aboveOrEqual)
        let zero = e.or(isEqual, isUnordered)
        let isOrdered = e.not(isUnordered)
        let carry = e.and(hasCarry, isOrdered)
        let noCarry = e.not(carry)
        setFlags(&e, negative: nil, zero: zero, notCarry: noCarry, overflow: nil)
    }

    /// XAFLAG: the way back.
    @inline(__always)
    static func fromAlternativeFlags<E: Emitter>(_ e: inout E) {
        let isEqual = e.condition(.equal)
        let hasCarry = e.condition(.aboveOrEqual)
        let noCarry = e.not(hasCarry)
        let notEqual = e.not(isEqual)
        let negative = e.and(noCarry, notEqual)
        let zero = e.and(isEqual, hasCarry)
        let newNoCarry = e.not(e.or(hasCarry, isEqual))
        let overflow = e.and(noCarry, isEqual)
        setFlags(&e, negative: negative, zero: zero, notCarry: newNoCarry, overflow: overflow)
    }

    /// Sets all flags, with those that are nil clear.
    @inline(__always)
    private static func setFlags<E: Emitter>(
        _ e: inout E, negative: E.Condition?, zero: E.Condition, notCarry: E.Condition, overflow: E.Condition?
    ) {
        var raw = e.value(of: notCarry)
        func add(_ condition: E.Condition, _ bit: UInt64) {
            let value = e.value(of: condition)
            let place = e.constant(bit)
            let moved = e.binary(.shiftLeft, .double, value, place)
            raw = e.binary(.or, .double, raw, moved)
        }
        add(zero, 6)
        if let negative { add(negative, 7) }
        if let overflow { add(overflow, 11) }
        e.setFlags(raw: raw)
    }

    /// RMIF: bits of a rotated register into the flags that `mask` names.
    @inline(__always)
    static func rotateIntoFlags<E: Emitter>(_ e: inout E, _ i: Operands) {
        let a = e.register(i.rn)
        let old = e.flags()
        let mask = rawFlags(i.immediateBits & 15 ^ 2)
        let count = e.constant(i.immediateBits &>> 4 & 63)
        let rotated = e.binary(.rotateRight, .double, a, count)
        var new = e.constant(0)
        // From each flag's place in NZCV to its place in the raw layout.
        func move(_ bit: UInt64, _ place: UInt64, inverted: Bool = false) {
            let from = e.constant(bit)
            let one = e.constant(1)
            let down = e.binary(.shiftRightLogical, .double, rotated, from)
            var flag = e.binary(.and, .double, down, one)
            if inverted { flag = e.binary(.xor, .double, flag, one) }
            let to = e.constant(place)
            let up = e.binary(.shiftLeft, .double, flag, to)
            new = e.binary(.or, .double, new, up)
        }
        move(3, 7)
        move(2, 6)
        move(1, 0, inverted: true)
        move(0, 11)
        let bits = e.constant(mask)
        let kept = e.binary(.andNot, .double, old, bits)
        let changed = e.binary(.and, .double, new, bits)
        let result = e.binary(.or, .double, kept, changed)
        e.setFlags(raw: result)
    }

    /// SETF8, SETF16: N, Z and V as of an addition to a byte or halfword; C is kept.
    @inline(__always)
    static func setFlagsOfNarrow<E: Emitter>(_ e: inout E, _ i: Operands, _ width: Width) {
        let a = e.register(i.rn)
        let old = e.flags()
        let carryBit = e.constant(ConditionCode.carryBit)
        var raw = e.binary(.and, .double, old, carryBit)
        let zero = e.constant(0)
        let isZero = e.compare(.equal, width, a, zero)
        let isNegative = e.compare(.lessSigned, width, a, zero)
        // The sign is not the bit above it.
        let one = e.constant(1)
        let above = e.binary(.shiftRightLogical, .word, a, one)
        let difference = e.binary(.xor, .word, a, above)
        let sign = e.constant(width.signBit)
        let overflow = e.binary(.and, .word, difference, sign)
        let overflows = e.compare(.notEqual, .word, overflow, zero)
        func add(_ condition: E.Condition, _ bit: UInt64) {
            let value = e.value(of: condition)
            let place = e.constant(bit)
            let moved = e.binary(.shiftLeft, .double, value, place)
            raw = e.binary(.or, .double, raw, moved)
        }
        add(isZero, 6)
        add(isNegative, 7)
        add(overflows, 11)
        e.setFlags(raw: raw)
    }

    // MARK: System registers

    /// The number of the register in a syndrome.
    @inline(__always)
    static func target(_ i: Operands) -> UInt64 { i.rd == DecodedSlot.sink ? 31 : UInt64(i.rd) }

    @inline(__always)
    static func readSystemRegister<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        let number = e.constant(i.immediateBits)
        let target = e.constant(target(i))
        let value = try e.call(Helper.readRegister.identifier, number, target)
        e.setRegister(i.rd, value)
    }

    /// MSR, SYS: number and Rt travel in one operand.
    @inline(__always)
    static func writeSystemRegister<E: Emitter>(
        _ e: inout E, _ i: Operands, _ helper: Helper
    ) throws(E.Failure) {
        let number = e.constant(i.immediateBits | target(i) &<< 16)
        let value = e.register(i.rd)
        _ = try e.call(helper.identifier, number, value)
        e.endBlock()
    }

    /// SYSL.
    @inline(__always)
    static func systemInstructionResult<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        let number = e.constant(i.immediateBits)
        let target = e.constant(target(i))
        let value = try e.call(Helper.systemInstructionResult.identifier, number, target)
        e.setRegister(i.rd, value)
    }

    // MARK: Checksums

    /// CRC32 and CRC32C of a register's low bytes.
    @inline(__always)
    static func checksum<E: Emitter>(_ e: inout E, _ i: Operands, _ helper: Helper) throws(E.Failure) {
        let accumulator = e.register(i.rn)
        let value = e.register(i.rm)
        let result = try e.call(helper.identifier, accumulator, value)
        e.setRegister(i.rd, result)
    }
}
