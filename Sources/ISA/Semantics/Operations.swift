/// The vocabulary of integer operations that instructions are written in.
///
/// Each operation's meaning is the `evaluate` function beside it; the interpreter, the IR evaluator and the constant
/// folder all call that one. Rule of widths: bits of an operand above the width are ignored, results are zero-extended
/// to 64 bits. (So neither A64's W registers nor x86's 32-bit results cost an extension; RISC-V's W instructions say
/// `extend(.signed32)` where they mean it.)

/// Size of an integer operand or memory access; the raw value is log2 of the bytes.
public enum Width: UInt8, Sendable, CaseIterable {
    case byte, half, word, double

    @inlinable @inline(__always) public var bytes: UInt64 { 1 &<< UInt64(rawValue) }
    @inlinable @inline(__always) public var bits: UInt64 { 8 &<< UInt64(rawValue) }
    @inlinable @inline(__always) public var mask: UInt64 { ~0 &>> (64 &- bits) }
    @inlinable @inline(__always) public var signBit: UInt64 { 1 &<< (bits &- 1) }

    /// `value` cut to this width.
    @inlinable @inline(__always) public func zeroExtend(_ value: UInt64) -> UInt64 { value & mask }

    /// The low bits of `value` as a signed number, in 64 bits.
    @inlinable @inline(__always) public func signExtend(_ value: UInt64) -> UInt64 {
        switch self {
        case .byte: return UInt64(bitPattern: Int64(Int8(truncatingIfNeeded: value)))
        case .half: return UInt64(bitPattern: Int64(Int16(truncatingIfNeeded: value)))
        case .word: return UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: value)))
        case .double: return value
        }
    }
}

/// Operations on two integers.
public enum BinaryOperation: UInt8, Sendable, CaseIterable {
    case add, subtract, and, or, xor
    /// a AND NOT b, a OR NOT b, NOT (a XOR b).
    case andNot, orNot, xorNot
    /// Shift counts are taken modulo the width.
    case shiftLeft, shiftRightLogical, shiftRightArithmetic, rotateLeft, rotateRight
    case multiply
    /// The high half of the double-width product.
    case multiplyHighUnsigned, multiplyHighSigned, multiplyHighSignedUnsigned
    /// Division by zero gives all ones, the remainder the dividend; the one signed overflow gives the dividend and 0
    /// (RISC-V's rule; an architecture with another one tests the divisor first).
    case divideUnsigned, divideSigned, remainderUnsigned, remainderSigned
    case minimumSigned, maximumSigned, minimumUnsigned, maximumUnsigned
    /// Carry-less product: low half, high half, and bits 2w-2..w-1.
    case carrylessMultiply, carrylessMultiplyHigh, carrylessMultiplyReversed

    @inlinable @inline(__always)
    public func evaluate(_ width: Width, _ a: UInt64, _ b: UInt64) -> UInt64 {
        let count = b & (width.bits &- 1)
        switch self {
        case .add: return width.zeroExtend(a &+ b)
        case .subtract: return width.zeroExtend(a &- b)
        case .and: return width.zeroExtend(a & b)
        case .or: return width.zeroExtend(a | b)
        case .xor: return width.zeroExtend(a ^ b)
        case .andNot: return width.zeroExtend(a & ~b)
        case .orNot: return width.zeroExtend(a | ~b)
        case .xorNot: return width.zeroExtend(~(a ^ b))
        case .shiftLeft: return width.zeroExtend(a &<< count)
        case .shiftRightLogical: return width.zeroExtend(a) &>> count
        case .shiftRightArithmetic:
            return width.zeroExtend(UInt64(bitPattern: Int64(bitPattern: width.signExtend(a)) &>> Int64(count)))
        case .rotateLeft: return Self.rotateRight(width, a, (width.bits &- count) & (width.bits &- 1))
        case .rotateRight: return Self.rotateRight(width, a, count)
        case .multiply: return width.zeroExtend(a &* b)
        case .multiplyHighUnsigned:
            if width == .double { return a.multipliedFullWidth(by: b).high }
            return width.zeroExtend((width.zeroExtend(a) &* width.zeroExtend(b)) &>> width.bits)
        case .multiplyHighSigned:
            let x = Int64(bitPattern: width.signExtend(a))
            let y = Int64(bitPattern: width.signExtend(b))
            if width == .double { return UInt64(bitPattern: x.multipliedFullWidth(by: y).high) }
            return width.zeroExtend(UInt64(bitPattern: (x &* y) &>> Int64(width.bits)))
        case .multiplyHighSignedUnsigned:
            let x = Int64(bitPattern: width.signExtend(a))
            if width == .double {
                let high = a.multipliedFullWidth(by: b).high
                return x < 0 ? high &- b : high
            }
            return width.zeroExtend(UInt64(bitPattern: (x &* Int64(width.zeroExtend(b))) &>> Int64(width.bits)))
        case .divideUnsigned:
            let (x, y) = (width.zeroExtend(a), width.zeroExtend(b))
            return y == 0 ? width.mask : x / y
        case .remainderUnsigned:
            let (x, y) = (width.zeroExtend(a), width.zeroExtend(b))
            return y == 0 ? x : x % y
        case .divideSigned:
            let x = Int64(bitPattern: width.signExtend(a))
            let y = Int64(bitPattern: width.signExtend(b))
            if y == 0 { return width.mask }
            if y == -1 { return width.zeroExtend(0 &- a) }
            return width.zeroExtend(UInt64(bitPattern: x / y))
        case .remainderSigned:
            let x = Int64(bitPattern: width.signExtend(a))
            let y = Int64(bitPattern: width.signExtend(b))
            if y == 0 { return width.zeroExtend(a) }
            if y == -1 { return 0 }
            return width.zeroExtend(UInt64(bitPattern: x % y))
        case .minimumSigned:
            let less = Int64(bitPattern: width.signExtend(a)) < Int64(bitPattern: width.signExtend(b))
            return width.zeroExtend(less ? a : b)
        case .maximumSigned:
            let less = Int64(bitPattern: width.signExtend(a)) < Int64(bitPattern: width.signExtend(b))
            return width.zeroExtend(less ? b : a)
        case .minimumUnsigned:
            let (x, y) = (width.zeroExtend(a), width.zeroExtend(b))
            return x < y ? x : y
        case .maximumUnsigned:
            let (x, y) = (width.zeroExtend(a), width.zeroExtend(b))
            return x < y ? y : x
        case .carrylessMultiply:
            return width.zeroExtend(Self.carrylessProduct(width.zeroExtend(a), width.zeroExtend(b)).low)
        case .carrylessMultiplyHigh:
            let product = Self.carrylessProduct(width.zeroExtend(a), width.zeroExtend(b))
            return width == .double ? product.high : product.low &>> width.bits
        case .carrylessMultiplyReversed:
            let product = Self.carrylessProduct(width.zeroExtend(a), width.zeroExtend(b))
            if width == .double { return product.high &<< 1 | product.low &>> 63 }
            return width.zeroExtend(product.low &>> (width.bits &- 1))
        }
    }

    @inlinable @inline(__always)
    static func rotateRight(_ width: Width, _ a: UInt64, _ count: UInt64) -> UInt64 {
        let x = width.zeroExtend(a)
        if width == .double { return x &>> count | x &<< ((64 &- count) & 63) }
        return width.zeroExtend(x &>> count | x &<< (width.bits &- count))
    }

    /// Polynomial product over GF(2), bit by bit.
    @inline(never)
    @usableFromInline
    static func carrylessProduct(_ a: UInt64, _ b: UInt64) -> (high: UInt64, low: UInt64) {
        var (high, low) = (0 as UInt64, 0 as UInt64)
        var rest = b
        while rest != 0 {
            let bit = UInt64(rest.trailingZeroBitCount)
            low ^= a &<< bit
            if bit != 0 { high ^= a &>> (64 &- bit) }
            rest &= rest &- 1
        }
        return (high, low)
    }
}

/// Operations on one integer.
public enum UnaryOperation: UInt8, Sendable, CaseIterable {
    case not, negate
    /// Leading and trailing zeros; of zero they give the width in bits.
    case countLeadingZeros, countTrailingZeros, countOnes
    case reverseBytes, reverseBits
    /// Each byte becomes 0xff if any bit of it is set, else 0 (RISC-V orc.b).
    case orCombineBytes
    /// The bits of each byte reversed (RISC-V brev8).
    case reverseBitsInBytes

    @inlinable @inline(__always)
    public func evaluate(_ width: Width, _ a: UInt64) -> UInt64 {
        let x = width.zeroExtend(a)
        switch self {
        case .not: return width.zeroExtend(~a)
        case .negate: return width.zeroExtend(0 &- a)
        case .countLeadingZeros:
            return UInt64(truncatingIfNeeded: x.leadingZeroBitCount) &- (64 &- width.bits)
        case .countTrailingZeros:
            let count = UInt64(truncatingIfNeeded: x.trailingZeroBitCount)
            return count < width.bits ? count : width.bits
        case .countOnes: return UInt64(truncatingIfNeeded: x.nonzeroBitCount)
        case .reverseBytes: return x.byteSwapped &>> (64 &- width.bits)
        case .reverseBits: return Self.reverseBitsInBytes(x).byteSwapped &>> (64 &- width.bits)
        case .orCombineBytes:
            var y = x | x &>> 4
            y |= y &>> 2
            y |= y &>> 1
            return width.zeroExtend((y & 0x0101_0101_0101_0101) &* 0xff)
        case .reverseBitsInBytes: return Self.reverseBitsInBytes(x)
        }
    }

    @inlinable @inline(__always)
    static func reverseBitsInBytes(_ a: UInt64) -> UInt64 {
        var x = a
        x = (x & 0x5555_5555_5555_5555) &<< 1 | (x &>> 1) & 0x5555_5555_5555_5555
        x = (x & 0x3333_3333_3333_3333) &<< 2 | (x &>> 2) & 0x3333_3333_3333_3333
        return (x & 0x0f0f_0f0f_0f0f_0f0f) &<< 4 | (x &>> 4) & 0x0f0f_0f0f_0f0f_0f0f
    }
}

/// Widening of the low part of a value to 64 bits.
public enum Extension: UInt8, Sendable, CaseIterable {
    case signed8, signed16, signed32, zero8, zero16, zero32

    @inlinable @inline(__always)
    public func evaluate(_ a: UInt64) -> UInt64 {
        switch self {
        case .signed8: return Width.byte.signExtend(a)
        case .signed16: return Width.half.signExtend(a)
        case .signed32: return Width.word.signExtend(a)
        case .zero8: return Width.byte.zeroExtend(a)
        case .zero16: return Width.half.zeroExtend(a)
        case .zero32: return Width.word.zeroExtend(a)
        }
    }
}

/// Relations of two integers of a width.
public enum Comparison: UInt8, Sendable, CaseIterable {
    case equal, notEqual, lessSigned, greaterOrEqualSigned, lessUnsigned, greaterOrEqualUnsigned

    @inlinable @inline(__always)
    public func evaluate(_ width: Width, _ a: UInt64, _ b: UInt64) -> Bool {
        let (x, y) = (width.zeroExtend(a), width.zeroExtend(b))
        switch self {
        case .equal: return x == y
        case .notEqual: return x != y
        case .lessUnsigned: return x < y
        case .greaterOrEqualUnsigned: return x >= y
        case .lessSigned:
            return Int64(bitPattern: width.signExtend(a)) < Int64(bitPattern: width.signExtend(b))
        case .greaterOrEqualSigned:
            return Int64(bitPattern: width.signExtend(a)) >= Int64(bitPattern: width.signExtend(b))
        }
    }
}
