/// One operation of recorded code, 32 bytes: what to do, on which earlier nodes, with which constants.
///
/// The code is in static single assignment form: a node's result is named by the node's index, and an operand is the
/// index of an earlier node. What the small fields hold depends on the operation and is said at each one below. The
/// format of a floating-point operation is kept as its width.
public struct Node: Sendable {
    public var immediate: UInt64
    /// Indices of the operands, in order; those not used are ``none``.
    public var a: Int32
    public var b: Int32
    public var c: Int32
    public var d: Int32
    public var operation: Operation
    public var width: Width
    public var detail: UInt8
    public var extra: UInt8

    /// No operand.
    public static let none: Int32 = -1

    @inline(__always)
    public init(
        _ operation: Operation, _ width: Width, detail: UInt8 = 0, extra: UInt8 = 0, _ a: Int32 = Node.none,
        _ b: Int32 = Node.none, _ c: Int32 = Node.none, _ d: Int32 = Node.none, immediate: UInt64 = 0
    ) {
        self.operation = operation
        self.width = width
        self.detail = detail
        self.extra = extra
        self.a = a
        self.b = b
        self.c = c
        self.d = d
        self.immediate = immediate
    }

    /// A node whose width says nothing.
    @inline(__always)
    public init(
        _ operation: Operation, detail: UInt8 = 0, extra: UInt8 = 0, _ a: Int32 = Node.none, _ b: Int32 = Node.none,
        _ c: Int32 = Node.none, _ d: Int32 = Node.none, immediate: UInt64 = 0
    ) {
        self.init(operation, .double, detail: detail, extra: extra, a, b, c, d, immediate: immediate)
    }

    public enum Operation: UInt8, Sendable, CaseIterable {
        // MARK: Constants and registers

        /// value = immediate
        case constant
        /// condition = immediate is not 0
        case truth
        /// value = address of the block's first instruction + immediate
        case programCounter
        /// value = register immediate
        case register
        /// register immediate = a
        case setRegister
        /// [width] bits of register (immediate), from bit (detail), = a; the others stay
        case setRegisterPart
        /// value = [width] at offset immediate of the state block
        case state
        /// [width] at offset immediate of the state block = a
        case setState

        // MARK: Integers

        /// value = a (detail: ``BinaryOperation``) b, [width]
        case binary
        /// value = (detail: ``UnaryOperation``) a, [width]
        case unary
        /// value = a by (detail: ``Extension``)
        case extend
        /// value = a + b + c, [width], c being 0 or 1
        case addWithCarry
        /// value = a - b - c, [width], c being 0 or 1
        case subtractWithBorrow

        // MARK: Conditions and flags

        /// condition = a (detail: ``Comparison``) b, [width]
        case compare
        /// condition = NOT a
        case not
        /// condition = a AND b
        case and
        /// condition = a OR b
        case or
        /// value = a ? b : c, of which the width is kept
        case select
        /// value = a ? 1 : 0
        case conditionValue
        /// flags = those of (detail: ``FlagsKind``) [width], result a, operands b and c
        case setFlags
        /// flags = the same with result b and operands c and d where condition a holds; where not, immediate in the raw
        /// layout, or if extra is 1 the flags as they were
        case setFlagsIf
        /// flags = a, in the raw layout
        case setRawFlags
        /// condition = (detail: ``ConditionCode``) of the flags. Here and below, a is the node that defined them, or
        /// ``Node/none`` where that is not known: then they are the state's
        case condition
        /// value = the flags in the raw layout; a as above
        case flags

        // MARK: Memory. Extra is ``MemoryAttributes``

        /// value = [width] at address a. Faults
        case load
        /// [width] at address a = b. Faults
        case store
        /// handle = immediate bytes at address a, for writing if bit 0 of detail is 1; above it are attributes too. Faults
        case probe
        /// value = [width] at immediate in handle a
        case loadHeld
        /// [width] at immediate in handle a = b
        case storeHeld
        /// where condition a holds: [width] at immediate in handle b = c
        case storeHeldIf
        /// value = old [width] in handle a, which becomes old (detail: ``AtomicOperation``) b
        case atomicUpdate
        /// value = old [width] in handle a, which becomes c if it was b
        case compareAndSwap
        /// reserves handle a
        case reserve
        /// condition = handle a is reserved; it is not afterwards
        case consumeReservation

        // MARK: Floating point. The format is the width; extra is ``RoundingControl``

        /// value = (detail: ``FloatOperation``) of a, b, c
        case float
        /// value = a as an integer of width (detail: ``Width``), signed if immediate is 1
        case floatToInteger
        /// value = integer a of width (detail: ``Width``), signed if immediate is 1, as a float
        case integerToFloat
        /// value = a, a float of format (detail: ``Width``), as one of [width]
        case convertFloat

        // MARK: Vectors

        /// vector = vector register immediate
        case vectorRegister
        /// vector register immediate = a
        case setVectorRegister
        /// vector = a (low), b (high)
        case vector
        /// value = doubleword immediate of vector a
        case doubleword
        /// vector = a (detail: ``VectorOperation``) b in each lane of [width]
        case vectorBinary
        /// vector = (detail: ``VectorUnaryOperation``) a in each lane of [width]
        case vectorUnary
        /// vector = a (detail: ``VectorShiftOperation``) immediate in each lane of [width]
        case vectorShift
        /// vector = 16 bytes from byte immediate of a and b behind it
        case vectorExtract
        /// vector = (detail: ``VectorSaturatingOperation``) of a, b, c in each lane of [width]; the state notes saturation
        case vectorSaturating
        /// vector = (detail: ``FloatOperation``) of a, b, c in each of the lowest (immediate) lanes; format and rounding as
        /// above
        case vectorFloat
        /// vector = (detail: ``CryptographicOperation``) of a, b, c
        case cryptographic

        // MARK: Calls and control

        /// value = helper (immediate) of a, b. Faults; reads and writes whatever it likes in the state
        case call
        /// where condition a holds: goes to the block's address + immediate
        case branch
        /// goes to the block's address + immediate
        case jump
        /// goes to address a; detail is ``JumpHint``
        case jumpIndirect
        /// where condition a holds: exception (immediate) with value b. Faults
        case trap
        /// the undefined-instruction exception. Faults
        case undefined
        /// undefined unless unit (detail: ``Unit``) is on. Faults
        case require
        /// unless condition a holds, the instruction is left to others before it has done anything: if detail is 1 to
        /// helper (immediate), which sets the program counter, else to the interpreter
        case expect
        /// where condition a holds, the instruction does not count as one: a branch has passed it over
        case uncount
        /// translation context = a, the host's address of it
        case setContext
        /// begins what is done where condition a holds; immediate is the index of the `endWhenever`
        case whenever
        /// immediate is the index of the `whenever`
        case endWhenever
        /// leaves the block for the next instruction
        case endBlock
        /// leaves the block for the state's program counter
        case resume
    }

    /// What a node gives.
    public enum Result: UInt8, Sendable {
        case nothing, value, condition, handle, vector, flags
    }
}

extension Node.Operation {
    public var result: Node.Result {
        switch self {
        case .constant, .programCounter, .register, .state, .binary, .unary, .extend, .addWithCarry,
            .subtractWithBorrow, .select, .conditionValue, .flags, .load, .loadHeld, .atomicUpdate, .compareAndSwap,
            .float, .floatToInteger, .integerToFloat, .convertFloat, .doubleword, .call:
            return .value
        case .truth, .compare, .not, .and, .or, .condition, .consumeReservation: return .condition
        case .probe: return .handle
        case .vectorRegister, .vector, .vectorBinary, .vectorUnary, .vectorShift, .vectorExtract, .vectorSaturating,
            .vectorFloat, .cryptographic:
            return .vector
        case .setFlags, .setFlagsIf, .setRawFlags: return .flags
        case .setRegister, .setRegisterPart, .setState, .store, .storeHeld, .storeHeldIf, .reserve, .setVectorRegister,
            .branch, .jump, .jumpIndirect, .trap, .undefined, .require, .expect, .uncount, .setContext, .whenever,
            .endWhenever, .endBlock, .resume:
            return .nothing
        }
    }

    /// Whether it may raise an exception.
    public var mayFault: Bool {
        switch self {
        case .load, .store, .probe, .call, .trap, .undefined, .require, .expect: return true
        default: return false
        }
    }

    /// Whether it changes state or memory so that an exception after it would leave the instruction half done.
    public var hasEffect: Bool {
        switch self {
        case .setRegister, .setRegisterPart, .setState, .setFlags, .setFlagsIf, .setRawFlags, .store, .storeHeld,
            .storeHeldIf, .atomicUpdate, .compareAndSwap, .reserve, .consumeReservation, .float,
            .floatToInteger, .integerToFloat, .convertFloat, .setVectorRegister, .vectorSaturating, .vectorFloat,
            .uncount, .setContext:
            return true
        default: return false
        }
    }

    /// Whether it leaves the block, always or sometimes, other than by an exception.
    public var isControl: Bool {
        switch self {
        case .branch, .jump, .jumpIndirect, .endBlock, .resume: return true
        default: return false
        }
    }

    /// Whether its result follows from its operands alone: it may be dropped if unused, moved, or done again.
    public var isPure: Bool {
        switch self {
        case .constant, .truth, .programCounter, .binary, .unary, .extend, .addWithCarry, .subtractWithBorrow, .compare,
            .not, .and, .or, .select, .conditionValue, .vector, .doubleword, .vectorBinary, .vectorUnary, .vectorShift,
            .vectorExtract, .cryptographic:
            return true
        default: return false
        }
    }

    /// What each operand has to be; `nothing` where there is none. Only a `flags` operand may be ``Node/none``.
    public var operands: InlineArray<4, Node.Result> {
        switch self {
        case .constant, .truth, .programCounter, .register, .state, .vectorRegister, .jump, .undefined, .require,
            .endWhenever, .endBlock, .resume:
            return [.nothing, .nothing, .nothing, .nothing]
        case .setRegister, .setRegisterPart, .setState, .unary, .extend, .setRawFlags, .load, .probe, .floatToInteger,
            .integerToFloat, .convertFloat, .jumpIndirect, .setContext:
            return [.value, .nothing, .nothing, .nothing]
        case .binary, .compare, .store, .vector, .call: return [.value, .value, .nothing, .nothing]
        case .addWithCarry, .subtractWithBorrow, .setFlags, .float: return [.value, .value, .value, .nothing]
        case .not, .conditionValue, .branch, .expect, .uncount, .whenever:
            return [.condition, .nothing, .nothing, .nothing]
        case .and, .or: return [.condition, .condition, .nothing, .nothing]
        case .select: return [.condition, .value, .value, .nothing]
        case .setFlagsIf: return [.condition, .value, .value, .value]
        case .condition, .flags: return [.flags, .nothing, .nothing, .nothing]
        case .loadHeld, .reserve, .consumeReservation: return [.handle, .nothing, .nothing, .nothing]
        case .storeHeld, .atomicUpdate: return [.handle, .value, .nothing, .nothing]
        case .storeHeldIf: return [.condition, .handle, .value, .nothing]
        case .compareAndSwap: return [.handle, .value, .value, .nothing]
        case .setVectorRegister, .doubleword, .vectorUnary, .vectorShift:
            return [.vector, .nothing, .nothing, .nothing]
        case .vectorBinary, .vectorExtract: return [.vector, .vector, .nothing, .nothing]
        case .vectorSaturating, .vectorFloat, .cryptographic: return [.vector, .vector, .vector, .nothing]
        case .trap: return [.condition, .value, .nothing, .nothing]
        }
    }
}

/// The small fields by their types.
extension Node {
    // SAFETY of the unwrapping below: only the recorder makes nodes, and it writes each `detail` and `extra` from the
    // raw value of a case of the type that is read here for the same operation.

    @inline(__always) public var binaryOperation: BinaryOperation {
        BinaryOperation(rawValue: detail).unsafelyUnwrapped
    }
    @inline(__always) public var unaryOperation: UnaryOperation { UnaryOperation(rawValue: detail).unsafelyUnwrapped }
    @inline(__always) public var `extension`: Extension { Extension(rawValue: detail).unsafelyUnwrapped }
    @inline(__always) public var comparison: Comparison { Comparison(rawValue: detail).unsafelyUnwrapped }
    @inline(__always) public var conditionCode: ConditionCode { ConditionCode(rawValue: detail).unsafelyUnwrapped }
    @inline(__always) public var flagsKind: FlagsKind { FlagsKind(rawValue: detail).unsafelyUnwrapped }
    @inline(__always) public var atomicOperation: AtomicOperation {
        AtomicOperation(rawValue: detail).unsafelyUnwrapped
    }
    @inline(__always) public var floatOperation: FloatOperation { FloatOperation(rawValue: detail).unsafelyUnwrapped }
    @inline(__always) public var vectorOperation: VectorOperation {
        VectorOperation(rawValue: detail).unsafelyUnwrapped
    }
    @inline(__always) public var vectorUnaryOperation: VectorUnaryOperation {
        VectorUnaryOperation(rawValue: detail).unsafelyUnwrapped
    }
    @inline(__always) public var vectorShiftOperation: VectorShiftOperation {
        VectorShiftOperation(rawValue: detail).unsafelyUnwrapped
    }
    @inline(__always) public var vectorSaturatingOperation: VectorSaturatingOperation {
        VectorSaturatingOperation(rawValue: detail).unsafelyUnwrapped
    }
    @inline(__always) public var cryptographicOperation: CryptographicOperation {
        CryptographicOperation(rawValue: detail).unsafelyUnwrapped
    }
    /// The other width of a conversion.
    @inline(__always) public var otherWidth: Width { Width(rawValue: detail).unsafelyUnwrapped }
    @inline(__always) public var jumpHint: JumpHint { JumpHint(rawValue: detail).unsafelyUnwrapped }
    @inline(__always) public var unit: Unit { Unit(rawValue: detail).unsafelyUnwrapped }
    @inline(__always) public var attributes: MemoryAttributes {
        MemoryAttributes(rawValue: UInt16(extra) | (operation == .probe ? UInt16(detail &>> 1) &<< 8 : 0))
    }
    @inline(__always) public var rounding: RoundingControl { RoundingControl(rawValue: extra).unsafelyUnwrapped }
    /// A `probe` for writing.
    @inline(__always) public var isForWriting: Bool { detail & 1 != 0 }
    /// A `setFlagsIf` that otherwise keeps the flags.
    @inline(__always) public var keepsFlags: Bool { extra != 0 }
    /// The immediate of a conversion.
    @inline(__always) public var isSigned: Bool { immediate != 0 }
    /// An `expect` that leaves the instruction to a helper.
    @inline(__always) public var expectsHelper: Bool { detail != 0 }
    @inline(__always) public var helper: HelperIdentifier {
        HelperIdentifier(rawValue: UInt16(truncatingIfNeeded: immediate))
    }
    /// What the helper of an `expect` is given, and one that makes an access is told of it.
    @inline(__always) public var helperArgument: UInt16 { UInt16(truncatingIfNeeded: immediate &>> 16) }
    /// The format of a floating-point operation.
    @inline(__always) public var format: FloatSize { FloatSize(width) }

    /// Operand `index`, 0 to 3.
    @inline(__always) public subscript(operand index: Int) -> Int32 {
        switch index {
        case 0: return a
        case 1: return b
        case 2: return c
        default: return d
        }
    }
}

extension FloatSize {
    /// The format that is `width` wide; there is none of 8 bits.
    @inline(__always) public init(_ width: Width) {
        switch width {
        case .byte, .half: self = .half
        case .word: self = .single
        case .double: self = .double
        }
    }
}
