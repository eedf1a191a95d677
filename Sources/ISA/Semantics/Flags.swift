/// Condition flags, kept lazily: the state holds the operation that defined them, and each condition is worked out when
/// somebody asks. Most definitions are overwritten unread.
///
/// A record is {kind, width, result, second operand}: after `add r, s` the sum and the addend are what survives in
/// registers, and any two of (a, b, result) give the third. Only where a carry came in does the record keep the first
/// operand too.
///
/// One set of condition codes serves ARM and x86. The carry is *abstract*: it is x86's (a borrow after a subtraction),
/// and ARM's C is its inverse: by nature after a subtraction, and by the `Inverted` kinds after additions and logic. So
/// `below` means the same for both.
///
/// The meaning of each kind is in ``FlagsRecord``: one property a flag. Where a manual leaves a flag undefined, ours is
/// what the same formula gives (auxiliary: 0 where there is no carry out of bit 3).
public enum FlagsKind: UInt8, Sendable, CaseIterable {
    /// `result` holds the flags in the raw layout.
    case raw
    /// result = a - b.
    case subtract
    /// result = a - b - borrow: x86 SBB; ARM SBC, whose borrow is NOT C.
    case subtractWithBorrow
    /// result = a + b; carry out as x86 keeps it.
    case add
    /// result = a + b; the abstract carry is the inverse of the carry out (ARM).
    case addInverted
    /// result = a + b + carry: x86 ADC.
    case addWithCarry
    /// The same with the inverse of the carry out (ARM ADC).
    case addWithCarryInverted
    /// A logical result: no carry, no overflow.
    case logic
    /// The same with the abstract carry set (A64 ANDS: C = 0).
    case logicInverted
    /// Zero, sign and parity of the result; carry and overflow are those of b, in the raw layout. A32's logical and
    /// multiply instructions, which take C from the shifter or keep it, and keep V.
    case logicKeeping
    /// result = a + 1; the carry is bit 0 of b, that is the one from before (x86 INC).
    case increment
    /// result = a - 1; likewise (x86 DEC).
    case decrement
    /// result = a shifted left by n > 0; b = a shifted by n - 1. The carry is the last bit out (x86 SHL, SHLD).
    case shiftLeft
    /// result = a shifted right by n > 0, either way; b = a shifted by n - 1 (x86 SHR, SAR, SHRD).
    case shiftRight
    /// The low half of a product; carry and overflow where any of b's 64 bits is set: what the high half has beyond
    /// an extension of the low one (x86 MUL, IMUL).
    case multiply

    /// Whether the record needs the first operand.
    @inlinable @inline(__always) public var keepsFirst: Bool {
        switch self {
        case .subtractWithBorrow, .addWithCarry, .addWithCarryInverted: return true
        default: return false
        }
    }
}

/// The sixteen conditions, in the order of x86's encoding: an odd one is the inverse of the one before.
public enum ConditionCode: UInt8, Sendable, CaseIterable {
    case overflow, notOverflow, below, aboveOrEqual, equal, notEqual, belowOrEqual, above
    case sign, notSign, parity, notParity, less, greaterOrEqual, lessOrEqual, greater

    /// Bits of the raw layout, which is EFLAGS'.
    public static let carryBit: UInt64 = 1 << 0
    public static let parityBit: UInt64 = 1 << 2
    public static let auxiliaryBit: UInt64 = 1 << 4
    public static let zeroBit: UInt64 = 1 << 6
    public static let signBit: UInt64 = 1 << 7
    public static let overflowBit: UInt64 = 1 << 11

    /// Whether this is the inverse of the condition before it.
    @inlinable @inline(__always) var isInverse: Bool { rawValue & 1 != 0 }

    /// Whether the condition holds for flags in the raw layout.
    public func holds(raw flags: UInt64) -> Bool {
        FlagsRecord(kind: .raw, width: .double, result: flags).holds(self)
    }
}

/// The lazy record of the flags in the state block.
///
/// Equal flags can have unequal records, and `first` is left over from before in kinds that do not need it: compare and
/// hash ``raw``, never the record.
public struct FlagsRecord: Sendable {
    public var kind: FlagsKind
    public var width: Width
    /// Bits above the width are without meaning, in all three.
    public var result: UInt64
    public var operand: UInt64
    public var first: UInt64

    @inlinable @inline(__always)
    public init(
        kind: FlagsKind = .raw, width: Width = .double, result: UInt64 = 0, operand: UInt64 = 0, first: UInt64 = 0
    ) {
        self.kind = kind
        self.width = width
        self.result = result
        self.operand = operand
        self.first = first
    }

    /// a of the kinds that add or subtract.
    @inlinable @inline(__always) var a: UInt64 {
        switch kind {
        case .subtract: return width.zeroExtend(result &+ operand)
        case .add, .addInverted: return width.zeroExtend(result &- operand)
        default: return width.zeroExtend(first)
        }
    }
    @inlinable @inline(__always) var b: UInt64 { width.zeroExtend(operand) }
    @inlinable @inline(__always) var cut: UInt64 { width.zeroExtend(result) }

    // MARK: The flags

    /// The abstract carry.
    @inlinable public var carry: Bool {
        switch kind {
        case .raw: return result & ConditionCode.carryBit != 0
        case .subtract: return a < b
        case .add: return cut < b
        case .addInverted: return cut >= b
        // A borrow out of the top bit: b has it and a not, or they are equal there and the difference has it.
        case .subtractWithBorrow: return (~a & b | ~(a ^ b) & result) & width.signBit != 0
        case .addWithCarry: return (a & b | (a ^ b) & ~result) & width.signBit != 0
        case .addWithCarryInverted: return (a & b | (a ^ b) & ~result) & width.signBit == 0
        case .logic: return false
        case .logicInverted: return true
        case .logicKeeping, .increment, .decrement: return operand & ConditionCode.carryBit != 0
        case .shiftLeft: return operand & width.signBit != 0
        case .shiftRight: return operand & 1 != 0
        case .multiply: return operand != 0
        }
    }

    @inlinable public var overflow: Bool {
        switch kind {
        case .raw, .logicKeeping:
            return (kind == .raw ? result : operand) & ConditionCode.overflowBit != 0
        case .subtract, .subtractWithBorrow: return (a ^ b) & (a ^ result) & width.signBit != 0
        case .add, .addInverted, .addWithCarry, .addWithCarryInverted:
            return ~(a ^ b) & (a ^ result) & width.signBit != 0
        case .logic, .logicInverted: return false
        case .increment: return cut == width.signBit
        case .decrement: return cut == width.signBit &- 1
        case .shiftLeft, .shiftRight: return (operand ^ result) & width.signBit != 0
        case .multiply: return operand != 0
        }
    }

    /// Carry or borrow between bits 3 and 4.
    public var auxiliary: Bool {
        switch kind {
        case .raw: return result & ConditionCode.auxiliaryBit != 0
        case .subtract, .subtractWithBorrow, .add, .addInverted, .addWithCarry, .addWithCarryInverted:
            return (a ^ b ^ result) & 16 != 0
        case .increment: return result & 15 == 0
        case .decrement: return result & 15 == 15
        case .logic, .logicInverted, .logicKeeping, .shiftLeft, .shiftRight, .multiply: return false
        }
    }

    @inlinable @inline(__always) public var zero: Bool {
        kind == .raw ? result & ConditionCode.zeroBit != 0 : cut == 0
    }

    @inlinable @inline(__always) public var sign: Bool {
        result & (kind == .raw ? ConditionCode.signBit : width.signBit) != 0
    }

    /// Even parity of the low byte.
    @inlinable @inline(__always) public var parity: Bool {
        kind == .raw ? result & ConditionCode.parityBit != 0 : (result & 0xff).nonzeroBitCount & 1 == 0
    }

    /// All flags in the raw layout.
    public var raw: UInt64 {
        if kind == .raw { return result }
        var flags: UInt64 = 0
        if carry { flags |= ConditionCode.carryBit }
        if parity { flags |= ConditionCode.parityBit }
        if auxiliary { flags |= ConditionCode.auxiliaryBit }
        if zero { flags |= ConditionCode.zeroBit }
        if sign { flags |= ConditionCode.signBit }
        if overflow { flags |= ConditionCode.overflowBit }
        return flags
    }

    /// Whether the condition holds, worked out from what it depends on alone. After a subtraction the orders are
    /// comparisons of its operands.
    @inlinable @inline(__always)
    public func holds(_ code: ConditionCode) -> Bool {
        let holds: Bool
        switch code {
        case .overflow, .notOverflow: holds = overflow
        case .below, .aboveOrEqual: holds = carry
        case .equal, .notEqual: holds = zero
        case .belowOrEqual, .above: holds = kind == .subtract ? a <= b : carry || zero
        case .sign, .notSign: holds = sign
        case .parity, .notParity: holds = parity
        case .less, .greaterOrEqual:
            holds = kind == .subtract ? Comparison.lessSigned.evaluate(width, a, b) : sign != overflow
        case .lessOrEqual, .greater:
            holds =
                kind == .subtract ? !Comparison.lessSigned.evaluate(width, b, a) : zero || sign != overflow
        }
        return holds != code.isInverse
    }
}
