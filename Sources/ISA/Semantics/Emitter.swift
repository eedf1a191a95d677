/// How an instruction says what it does.
///
/// An instruction's meaning is written once, as a generic function over `Emitter`. Two types conform: the interpreter
/// carries each operation out, and the recorder writes it down as IR for the JIT. They cannot disagree about meaning.
///
/// Rules of the form, which make every instruction restartable and every fault precise:
/// - operands are read into `let`s first;
/// - every operation that can fault (`load`, `store`, `probe`, `call`, `trap`, ...) stands before anything that is set;
///   a read-modify-write begins with a `probe` for writing, after which its accesses cannot fault;
/// - what says where to go on (`branch`, `jump`, `endBlock`, `resume`) stands last, and once on each way through;
/// - a condition is never a Swift `if`: it is `select`, `branch`, `trap(if:)` or `whenever`, so that it can be recorded.
///   (A Swift `if` on a field of the decoded instruction is fine: both engines know it.)
public protocol Emitter {
    /// A 64-bit integer, or a floating-point bit pattern in its low bits.
    associatedtype Value
    /// A truth value.
    associatedtype Condition
    /// A piece of guest memory that was probed: accesses through it cannot fault.
    associatedtype Handle
    /// A 128-bit vector.
    associatedtype Vector
    /// What a faulting operation throws: `Fault` in the interpreter, `Never` in the recorder.
    associatedtype Failure: Error

    // MARK: Constants and registers

    mutating func constant(_ value: UInt64) -> Value
    /// The address of this instruction plus `offset`.
    mutating func programCounter(plus offset: Int64) -> Value
    mutating func register(_ index: UInt8) -> Value
    mutating func setRegister(_ index: UInt8, _ value: Value)
    /// Writes part of a register and keeps the rest: x86's 8- and 16-bit registers (`bit` is 8 for AH..BH).
    mutating func setRegister(_ index: UInt8, bit: UInt8, _ width: Width, _ value: Value)
    /// Any other field of the CPU's state block, by byte offset.
    mutating func state(_ offset: Int, _ width: Width) -> Value
    mutating func setState(_ offset: Int, _ width: Width, _ value: Value)

    // MARK: Integers

    mutating func binary(_ operation: BinaryOperation, _ width: Width, _ a: Value, _ b: Value) -> Value
    mutating func unary(_ operation: UnaryOperation, _ width: Width, _ a: Value) -> Value
    mutating func extend(_ extension: Extension, _ a: Value) -> Value
    /// a + b + carry, with carry 0 or 1.
    mutating func addWithCarry(_ width: Width, _ a: Value, _ b: Value, _ carry: Value) -> Value
    /// a - b - borrow, with borrow 0 or 1.
    mutating func subtractWithBorrow(_ width: Width, _ a: Value, _ b: Value, _ borrow: Value) -> Value

    // MARK: Conditions and flags

    mutating func compare(_ comparison: Comparison, _ width: Width, _ a: Value, _ b: Value) -> Condition
    mutating func select(_ condition: Condition, _ a: Value, _ b: Value) -> Value
    /// 1 or 0.
    mutating func value(of condition: Condition) -> Value
    mutating func not(_ a: Condition) -> Condition
    mutating func and(_ a: Condition, _ b: Condition) -> Condition
    mutating func or(_ a: Condition, _ b: Condition) -> Condition
    /// Defines all condition flags as those of an operation: nothing is computed until somebody asks.
    mutating func setFlags(_ kind: FlagsKind, _ width: Width, result: Value, _ a: Value, _ b: Value)
    /// The same where `condition` holds, and `otherwise` (in the raw layout of ``ConditionCode``) where not; nil keeps
    /// the flags as they were (A64 CCMP, x86 shifts by a count of zero).
    mutating func setFlags(
        if condition: Condition, _ kind: FlagsKind, _ width: Width, result: Value, _ a: Value, _ b: Value,
        otherwise: UInt64?)
    mutating func condition(_ code: ConditionCode) -> Condition
    /// All flags in the raw layout, for PUSHF, MRS NZCV and the like.
    mutating func flags() -> Value
    mutating func setFlags(raw value: Value)

    // MARK: Memory

    /// The value of `width` at `address`, zero-extended.
    mutating func load(_ address: Value, _ width: Width, _ attributes: MemoryAttributes) throws(Failure) -> Value
    mutating func store(
        _ address: Value, _ value: Value, _ width: Width, _ attributes: MemoryAttributes) throws(Failure)
    /// Checks `bytes` at `address` (at most 256, for writing too where `write` says so) and holds them. They may be a
    /// device's, or lie in two pages, unless the attributes say `atomic`. With `aligned`, the address must be a
    /// multiple of `bytes`; where less is asked whatever the CPU's mode (A32 LDM), test it with `trap`.
    mutating func probe(
        _ address: Value, bytes: UInt16, write: Bool, _ attributes: MemoryAttributes
    ) throws(Failure) -> Handle
    mutating func load(_ handle: Handle, offset: UInt16, _ width: Width) -> Value
    mutating func store(_ handle: Handle, offset: UInt16, _ value: Value, _ width: Width)
    /// Replaces the value there by `operation` of it and `operand`; gives the old value. One indivisible step.
    mutating func atomicUpdate(
        _ operation: AtomicOperation, _ handle: Handle, _ operand: Value, _ width: Width
    ) -> Value
    /// Stores `new` where the value there equals `expected`; gives the old value. One indivisible step.
    mutating func compareAndSwap(_ handle: Handle, expected: Value, new: Value, _ width: Width) -> Value
    /// Two adjacent doublewords at once; gives the old pair.
    mutating func compareAndSwapPair(
        _ handle: Handle, expected: (Value, Value), new: (Value, Value)
    ) -> (Value, Value)
    /// Begins an exclusive sequence on what the handle holds.
    mutating func reserve(_ handle: Handle)
    /// Whether the reservation still covers what the handle holds. It is gone afterwards, whatever the answer.
    mutating func consumeReservation(_ handle: Handle) -> Condition
    /// Stores through the handle where the condition holds.
    mutating func store(
        if condition: Condition, _ handle: Handle, offset: UInt16, _ value: Value, _ width: Width)

    // MARK: Floating point

    /// An operation of IEEE 754 on bit patterns; its exceptions are gathered in the state's flags.
    mutating func float(
        _ operation: FloatOperation, _ format: FloatSize, _ a: Value, _ b: Value, _ c: Value,
        _ rounding: RoundingControl
    ) -> Value
    /// Float to integer (of `width`, sign- or zero-extended to 64 bits), saturating as the guest's manual says.
    mutating func floatToInteger(
        _ format: FloatSize, _ a: Value, _ width: Width, signed: Bool, _ rounding: RoundingControl
    ) -> Value
    mutating func integerToFloat(
        _ format: FloatSize, _ a: Value, _ width: Width, signed: Bool, _ rounding: RoundingControl
    ) -> Value
    mutating func convertFloat(
        _ a: Value, from: FloatSize, to: FloatSize, _ rounding: RoundingControl
    ) -> Value

    // MARK: Vectors

    mutating func vectorRegister(_ index: UInt8) -> Vector
    mutating func setVectorRegister(_ index: UInt8, _ value: Vector)
    mutating func vector(low: Value, high: Value) -> Vector
    /// One doubleword (0 or 1) of a vector.
    mutating func doubleword(_ index: UInt8, of vector: Vector) -> Value
    mutating func vectorUnary(_ operation: VectorUnaryOperation, lane: Width, _ a: Vector) -> Vector
    mutating func vectorBinary(_ operation: VectorOperation, lane: Width, _ a: Vector, _ b: Vector) -> Vector
    mutating func vectorShift(_ operation: VectorShiftOperation, lane: Width, _ a: Vector, by count: UInt8) -> Vector
    /// The 16 bytes from `byte`, 0 to 15, of those of `low` and of `high` behind them.
    mutating func vectorExtract(_ low: Vector, _ high: Vector, from byte: UInt8) -> Vector
    /// What is saturated is noted in the state.
    mutating func vectorSaturating(
        _ operation: VectorSaturatingOperation, lane: Width, _ a: Vector, _ b: Vector, _ c: Vector
    ) -> Vector
    /// A floating-point operation in each of the lowest `lanes` lanes; the others are zero.
    mutating func vectorFloat(
        _ operation: FloatOperation, _ format: FloatSize, lanes: UInt8, _ a: Vector, _ b: Vector, _ c: Vector,
        _ rounding: RoundingControl
    ) -> Vector
    mutating func cryptographic(
        _ operation: CryptographicOperation, _ a: Vector, _ b: Vector, _ c: Vector
    ) -> Vector

    // MARK: Calls out of line

    /// Runs one of the architecture's helpers: system registers, TLB maintenance, whatever is rare. It may fault.
    mutating func call(_ helper: HelperIdentifier, _ a: Value, _ b: Value) throws(Failure) -> Value

    // MARK: Control

    /// Goes to this instruction's address plus `offset` where the condition holds, else on.
    mutating func branch(if condition: Condition, offset: Int64)
    mutating func jump(offset: Int64)
    mutating func jump(to address: Value, _ hint: JumpHint)
    /// Raises the architecture's exception `cause` with `value` where the condition holds.
    mutating func trap(if condition: Condition, cause: UInt64, value: Value) throws(Failure)
    /// The instruction is not defined: the architecture's undefined-instruction exception.
    mutating func undefined() throws(Failure)
    /// Undefined unless the unit is on (floating point, vectors). Part of the translation key in the JIT.
    mutating func require(_ unit: Unit) throws(Failure)
    /// Begins what is done only where the condition holds; false where it surely does not, and then neither the
    /// operations nor ``endRegion()`` follow. Instructions say it with ``whenever(_:_:)``.
    mutating func beginRegion(where condition: Condition) -> Bool
    mutating func endRegion()
    /// This instruction changed something that the engine must look at (translation, interrupts, code): the next one
    /// starts afresh.
    mutating func endBlock()
    /// As ``endBlock()``, at the address that a helper has put into the state's program counter.
    mutating func resume()
}

extension Emitter {
    /// Runs `body` where the condition holds: A32's conditional execution, x86's REP with a count of zero. A value from
    /// within it is not to be used outside.
    @inlinable @inline(__always)
    public mutating func whenever(
        _ condition: Condition, _ body: (inout Self) throws(Failure) -> Void
    ) throws(Failure) {
        guard beginRegion(where: condition) else { return }
        try body(&self)
        endRegion()
    }
}

/// Attributes of a memory access.
public struct MemoryAttributes: OptionSet, Sendable {
    public let rawValue: UInt16
    @inlinable @inline(__always) public init(rawValue: UInt16) { self.rawValue = rawValue }

    // Computed: of what is stored, other modules would call for the address with each access.

    /// An address that is no multiple of the size is an alignment fault (atomics), whatever the CPU's mode.
    @inlinable @inline(__always) public static var aligned: MemoryAttributes { MemoryAttributes(rawValue: 1) }
    @inlinable @inline(__always) public static var acquire: MemoryAttributes { MemoryAttributes(rawValue: 2) }
    @inlinable @inline(__always) public static var release: MemoryAttributes { MemoryAttributes(rawValue: 4) }
    /// Part of an indivisible update: only memory, not devices, can do it.
    @inlinable @inline(__always) public static var atomic: MemoryAttributes { MemoryAttributes(rawValue: 8) }
    /// Made with less privilege than the CPU has (ARM LDTR, x86 in a user-mode copy).
    @inlinable @inline(__always) public static var unprivileged: MemoryAttributes { MemoryAttributes(rawValue: 16) }
    /// A cache operation: a store of nothing that faults like one.
    @inlinable @inline(__always) public static var cacheManagement: MemoryAttributes { MemoryAttributes(rawValue: 32) }
    /// With `atomic`, of a write that reads nothing: it is made where a reservation holds.
    @inlinable @inline(__always) public static var exclusive: MemoryAttributes { MemoryAttributes(rawValue: 64) }

    /// What is probed is accessed in parts of this width, and need be aligned no more than these where the CPU's mode has
    /// accesses aligned. Without, it is one access.
    @inlinable @inline(__always)
    public static func parts(_ width: Width) -> MemoryAttributes {
        MemoryAttributes(rawValue: (UInt16(width.rawValue) &+ 1) &<< 8)
    }

    /// The bytes of a part, if there are parts.
    @inlinable public var partBytes: UInt64? {
        rawValue &>> 8 == 0 ? nil : 1 &<< (UInt64(rawValue &>> 8) &- 1)
    }
}

public enum AtomicOperation: UInt8, Sendable, CaseIterable {
    case swap, add, and, or, xor, minimumSigned, maximumSigned, minimumUnsigned, maximumUnsigned
    /// Bits of the operand cleared (A64 LDCLR).
    case clear

    @inlinable @inline(__always)
    public func evaluate(_ width: Width, _ old: UInt64, _ operand: UInt64) -> UInt64 {
        switch self {
        case .swap: return width.zeroExtend(operand)
        case .add: return BinaryOperation.add.evaluate(width, old, operand)
        case .and: return BinaryOperation.and.evaluate(width, old, operand)
        case .or: return BinaryOperation.or.evaluate(width, old, operand)
        case .xor: return BinaryOperation.xor.evaluate(width, old, operand)
        case .clear: return BinaryOperation.andNot.evaluate(width, old, operand)
        case .minimumSigned: return BinaryOperation.minimumSigned.evaluate(width, old, operand)
        case .maximumSigned: return BinaryOperation.maximumSigned.evaluate(width, old, operand)
        case .minimumUnsigned: return BinaryOperation.minimumUnsigned.evaluate(width, old, operand)
        case .maximumUnsigned: return BinaryOperation.maximumUnsigned.evaluate(width, old, operand)
        }
    }
}

/// Names a helper of the guest architecture; see each architecture's `Helper`.
public struct HelperIdentifier: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt16
    @inlinable @inline(__always) public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// No architecture's: the interpreter executes the instruction at the program counter, which is no transfer of control,
    /// and translated code goes on behind it.
    @inlinable @inline(__always) package static var interpretation: HelperIdentifier {
        HelperIdentifier(rawValue: 0xffff)
    }

    /// No architecture's: a load from address a, or a store of b there, with all that may have to be done for it.
    package static func access(isStore: Bool, _ width: Width, _ attributes: MemoryAttributes) -> HelperIdentifier {
        HelperIdentifier(
            rawValue: 0xf000 | (isStore ? 1 << 10 : 0) | UInt16(width.rawValue) << 8 | attributes.rawValue & 0xff)
    }

    /// The access that it is, if it is one.
    @inlinable @inline(__always)
    public var access: (isStore: Bool, width: Width, attributes: MemoryAttributes)? {
        guard rawValue & 0xf800 == 0xf000, let width = Width(rawValue: UInt8(rawValue >> 8 & 3)) else {
            return nil
        }
        return (rawValue & 1 << 10 != 0, width, MemoryAttributes(rawValue: rawValue & 0xff))
    }
}

/// What a jump is for; the JIT predicts returns with it.
public enum JumpHint: UInt8, Sendable {
    case plain, call, `return`
}

/// A part of the CPU that software may switch off.
public enum Unit: UInt8, Sendable {
    case floatingPoint
    /// Not a unit that is on or off: the state's rounding mode must not be a reserved one.
    case dynamicRounding
}

/// Thrown by the interpreter's faulting operations. What happened is in the state block's fault record.
public struct Fault: Error {
    @inlinable @inline(__always) public init() {}
}
