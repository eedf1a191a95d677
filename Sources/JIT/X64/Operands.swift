import ISA

/// The host back end for x86-64.
public enum X64 {
    /// A general-purpose register, by its number in instructions (SDM volume 2, table 3-1).
    public enum Register: UInt8, CaseIterable, Sendable {
        case rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
    }

    public enum VectorRegister: UInt8, CaseIterable, Sendable {
        case xmm0, xmm1, xmm2, xmm3, xmm4, xmm5, xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15
    }

    /// base + index * scale + displacement.
    public struct Memory: Equatable, Sendable {
        public var base: Register
        /// Any but rsp, whose number means that there is none.
        public var index: Register?
        /// 1, 2, 4 or 8.
        public var scale: UInt8
        public var displacement: Int32

        public init(_ base: Register, _ displacement: Int32 = 0, index: Register? = nil, scale: UInt8 = 1) {
            self.base = base
            self.index = index
            self.scale = scale
            self.displacement = displacement
        }
    }

    /// An operand that the ModRM byte names.
    public enum Operand: Equatable, Sendable {
        case register(Register)
        case memory(Memory)
    }

    /// An operand of a vector instruction that the ModRM byte names. Where an instruction without VEX prefix reads 16 bytes,
    /// they must be aligned in memory.
    public enum VectorOperand: Equatable, Sendable {
        case register(VectorRegister)
        case memory(Memory)
    }

    /// What Jcc, SETcc and CMOVcc test, by its number in their opcodes (SDM volume 2, appendix B, "Condition Test Field").
    public enum Condition: UInt8, CaseIterable, Sendable {
        case overflow, notOverflow, below, aboveOrEqual, equal, notEqual, belowOrEqual, above
        case sign, notSign, parity, notParity, less, greaterOrEqual, lessOrEqual, greater

        public var inverted: Condition { Condition(rawValue: rawValue ^ 1) ?? self }
    }

    /// Operations of two operands that share their encodings, by number.
    public enum Arithmetic: UInt8, CaseIterable, Sendable {
        case add, or, addWithCarry, subtractWithBorrow, and, subtract, xor, compare
    }

    /// Operations of one operand in opcode group 3, by number.
    public enum Unary: UInt8, CaseIterable, Sendable {
        case not = 2, negate, multiplyUnsigned, multiplySigned, divideUnsigned, divideSigned
    }

    /// Shifts and rotations in opcode group 2, by number.
    public enum Shift: UInt8, CaseIterable, Sendable {
        case rotateLeft = 0, rotateRight = 1, left = 4, logicalRight = 5, arithmeticRight = 7
    }

    /// What becomes of a tested bit, by number in opcode group 8 (BT, BTS, BTR, BTC).
    public enum BitChange: UInt8, CaseIterable, Sendable {
        case nothing = 4, set, reset, complement
    }

    /// Counting operations with a source that may be memory: LZCNT and TZCNT need their CPUID bits.
    public enum Count: UInt8, CaseIterable, Sendable {
        case population = 0xb8, trailingZeros = 0xbc, leadingZeros = 0xbd
    }

    /// Operations on the low element, by opcode after 0FH.
    public enum Scalar: UInt8, CaseIterable, Sendable {
        case squareRoot = 0x51, add = 0x58, multiply = 0x59, subtract = 0x5c, minimum = 0x5d, divide = 0x5e, maximum =
            0x5f
    }

    /// What CMPSS and CMPSD test, by number (SDM volume 2, "CMPSD"). Those with "less" in their names raise the invalid flag
    /// for any NaN, the others for signaling ones alone.
    public enum Predicate: UInt8, CaseIterable, Sendable {
        case equal, less, lessOrEqual, unordered, notEqual, notLess, notLessOrEqual, ordered
        /// With a VEX prefix alone.
        case equalOrUnordered
    }

    /// How an instruction rounds that has a mode of its own, by number (SDM volume 2, "ROUNDPD").
    public enum Rounding: UInt8, CaseIterable, Sendable {
        case nearestEven, down, up, towardZero
        /// As MXCSR says.
        case current
    }

    /// Operations of FMA3 on the low element, by opcode after 0F38H in the order 132: product + addend, product - addend,
    /// and with the product negated.
    public enum Fused: UInt8, CaseIterable, Sendable {
        case add = 0x99, subtract = 0x9b, negatedAdd = 0x9d, negatedSubtract = 0x9f
    }

    /// Which operands, counted from the target as 1, are multiplied, and which is added last; what it adds to the opcode.
    public enum FusedOrder: UInt8, CaseIterable, Sendable {
        case order132 = 0x00, order213 = 0x10, order231 = 0x20
    }

    /// Operations on whole vectors, by mandatory prefix in the highest byte and opcode in the others.
    public enum Packed: UInt32, CaseIterable, Sendable {
        /// `andNot` inverts the first source (ANDPS, ANDNPS, ORPS, XORPS).
        case and = 0x0f54, andNot = 0x0f55, or = 0x0f56, xor = 0x0f57
        /// 32 ones or zeros (PCMPEQD); of a register and itself, all ones.
        case compareEqual = 0x6600_0f76
        /// The low elements of both sources by turns (UNPCKLPS).
        case unpackLow = 0x0f14

        // Lanes of 8, 16, 32 and 64 bits: PADD, PSUB, PMULL, PCMPEQ, PCMPGT.
        case addBytes = 0x6600_0ffc, addHalves = 0x6600_0ffd, addWords = 0x6600_0ffe, addDoubles = 0x6600_0fd4
        case subtractBytes = 0x6600_0ff8, subtractHalves = 0x6600_0ff9, subtractWords = 0x6600_0ffa,
            subtractDoubles = 0x6600_0ffb
        case multiplyHalves = 0x6600_0fd5, multiplyWords = 0x660f_3840
        case compareBytes = 0x6600_0f74, compareHalves = 0x6600_0f75, compareDoubles = 0x660f_3829
        case greaterBytes = 0x6600_0f64, greaterHalves = 0x6600_0f65, greaterWords = 0x6600_0f66,
            greaterDoubles = 0x660f_3837
        /// PMINS, PMAXS, PMINU, PMAXU.
        case minimumSignedBytes = 0x660f_3838, minimumSignedHalves = 0x6600_0fea, minimumSignedWords = 0x660f_3839
        case maximumSignedBytes = 0x660f_383c, maximumSignedHalves = 0x6600_0fee, maximumSignedWords = 0x660f_383d
        case minimumUnsignedBytes = 0x6600_0fda, minimumUnsignedHalves = 0x660f_383a, minimumUnsignedWords =
            0x660f_383b
        case maximumUnsignedBytes = 0x6600_0fde, maximumUnsignedHalves = 0x660f_383e, maximumUnsignedWords =
            0x660f_383f
        /// PUNPCKL and PUNPCKH.
        case unpackLowBytes = 0x6600_0f60, unpackLowHalves = 0x6600_0f61, unpackLowWords = 0x6600_0f62,
            unpackLowDoubles = 0x6600_0f6c
        case unpackHighBytes = 0x6600_0f68, unpackHighHalves = 0x6600_0f69, unpackHighWords = 0x6600_0f6a,
            unpackHighDoubles = 0x6600_0f6d
        /// Lanes of both sources in half their widths, unsigned and saturated (PACKUSWB, PACKUSDW).
        case packHalves = 0x6600_0f67, packWords = 0x660f_382b
        /// The same, signed (PACKSSWB, PACKSSDW).
        case packSignedHalves = 0x6600_0f63, packSignedWords = 0x6600_0f6b
        /// PADDS, PADDUS, PSUBS, PSUBUS.
        case addSaturatingBytes = 0x6600_0fec, addSaturatingHalves = 0x6600_0fed
        case addUnsignedSaturatingBytes = 0x6600_0fdc, addUnsignedSaturatingHalves = 0x6600_0fdd
        case subtractSaturatingBytes = 0x6600_0fe8, subtractSaturatingHalves = 0x6600_0fe9
        case subtractUnsignedSaturatingBytes = 0x6600_0fd8, subtractUnsignedSaturatingHalves = 0x6600_0fd9
        /// The upper half of the product, and that of twice the product, rounded (PMULHW, PMULHRSW); the product of the lower
        /// words of 64-bit lanes (PMULDQ). All signed.
        case multiplyHighHalves = 0x6600_0fe5, multiplyRoundedHalves = 0x660f_380b, multiplyLowWords = 0x660f_3828
        /// PSHUFB.
        case shuffleBytes = 0x660f_3800
    }

    /// Operations on whole vectors that a constant governs, by mandatory prefix in the highest byte and opcode in the others.
    public enum PackedConstant: UInt32, CaseIterable, Sendable {
        /// One 32-bit element, of a register or memory, goes into the first source; others may become zero (INSERTPS).
        case insertSingle = 0x660f_3a21
        /// 64 by 64 bits, without carries; bits 0 and 4 of the constant choose the halves (PCLMULQDQ).
        case multiplyCarryless = 0x660f_3a44
        /// Two 32-bit elements of the first source and two of the second, each chosen by two bits (SHUFPS).
        case shuffleSingles = 0x0fc6
        /// A 64-bit element of the first source and one of the second, each chosen by a bit (SHUFPD).
        case shuffleDoubles = 0x6600_0fc6
        /// 16 bytes from a place in the second source, with the first behind it (PALIGNR).
        case alignRight = 0x660f_3a0f
    }
}
