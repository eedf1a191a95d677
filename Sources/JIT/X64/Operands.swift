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

    /// Operations of SSE2 on the low element, by opcode.
    public enum Scalar: UInt8, CaseIterable, Sendable {
        case squareRoot = 0x51, add = 0x58, multiply = 0x59, subtract = 0x5c, minimum = 0x5d, divide = 0x5e, maximum =
            0x5f
    }
}
