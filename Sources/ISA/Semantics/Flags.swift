/// Condition flags, kept lazily: the state holds the operation that defined them, and each condition is worked out when
/// somebody asks. Most definitions are overwritten unread.
///
/// A record is {kind, width, result, second operand}: after `add r, s` the sum and the addend are what survives in
/// registers, and any two of (a, b, result) give the third.
///
/// One set of condition codes serves A64 and x86. The carry is *abstract*: it is x86's (a borrow after a subtraction),
/// and ARM's C is its inverse after a subtraction or, for additions and logic, comes from the `Inverted` kinds, whose
/// abstract carry is the inverse of the real one. So `below` means the same for both.
public enum FlagsKind: UInt8, Sendable, CaseIterable {
    /// `result` holds the flags in the raw layout.
    case raw
    /// result = a - b.
    case subtract
    /// result = a + b; carry out as x86 keeps it.
    case add
    /// result = a + b; the abstract carry is the inverse of the carry out (ARM).
    case addInverted
    /// A logical result: no carry, no overflow.
    case logic
    /// The same with the abstract carry set (ARM after ANDS: C = 0).
    case logicInverted
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

    /// Whether the condition holds for flags in the raw layout.
    public func holds(raw flags: UInt64) -> Bool {
        let carry = flags & Self.carryBit != 0
        let zero = flags & Self.zeroBit != 0
        let sign = flags & Self.signBit != 0
        let overflow = flags & Self.overflowBit != 0
        switch self {
        case .overflow: return overflow
        case .notOverflow: return !overflow
        case .below: return carry
        case .aboveOrEqual: return !carry
        case .equal: return zero
        case .notEqual: return !zero
        case .belowOrEqual: return carry || zero
        case .above: return !(carry || zero)
        case .sign: return sign
        case .notSign: return !sign
        case .parity: return flags & Self.parityBit != 0
        case .notParity: return flags & Self.parityBit == 0
        case .less: return sign != overflow
        case .greaterOrEqual: return sign == overflow
        case .lessOrEqual: return zero || sign != overflow
        case .greater: return !(zero || sign != overflow)
        }
    }
}

/// The lazy record of the flags in the state block.
public struct FlagsRecord: Sendable {
    public var kind: FlagsKind = .raw
    public var width: Width = .double
    public var result: UInt64 = 0
    public var operand: UInt64 = 0

    /// All flags in the raw layout, worked out from the record.
    public var raw: UInt64 {
        if kind == .raw { return result }
        let sum = width.zeroExtend(result)
        let b = width.zeroExtend(operand)
        var carry = false
        var overflow = false
        var auxiliary = false
        switch kind {
        case .raw: break
        case .subtract:
            let a = width.zeroExtend(sum &+ b)
            carry = a < b
            overflow = (a ^ b) & (a ^ sum) & width.signBit != 0
            auxiliary = (a ^ b ^ sum) & 16 != 0
        case .add, .addInverted:
            let a = width.zeroExtend(sum &- b)
            carry = (sum < b) != (kind == .addInverted)
            overflow = ~(a ^ b) & (a ^ sum) & width.signBit != 0
            auxiliary = (a ^ b ^ sum) & 16 != 0
        case .logic: break
        case .logicInverted: carry = true
        }
        var flags: UInt64 = 0
        if carry { flags |= ConditionCode.carryBit }
        if (sum & 0xff).nonzeroBitCount & 1 == 0 { flags |= ConditionCode.parityBit }
        if auxiliary { flags |= ConditionCode.auxiliaryBit }
        if sum == 0 { flags |= ConditionCode.zeroBit }
        if sum & width.signBit != 0 { flags |= ConditionCode.signBit }
        if overflow { flags |= ConditionCode.overflowBit }
        return flags
    }
}
