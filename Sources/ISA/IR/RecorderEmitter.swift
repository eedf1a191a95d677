/// The recorder's side of each emitter operation.
extension Recorder: Emitter {
    public typealias Value = RecordedValue
    public typealias Condition = RecordedCondition
    public typealias Handle = RecordedHandle
    public typealias Vector = RecordedVector
    public typealias Failure = Never

    // MARK: Constants and registers

    public mutating func constant(_ value: UInt64) -> Value { self.value(Node(.constant, immediate: value)) }

    public mutating func programCounter(plus offset: Int64) -> Value {
        let distance = UInt64(bitPattern: self.offset &+ offset)
        if simplifications.contains(.addresses) { return constant(block.address &+ distance) }
        return value(Node(.programCounter, immediate: distance))
    }

    public mutating func register(_ index: UInt8) -> Value {
        let isTracked = simplifications.contains(.registers) && index < 80
        if isTracked {
            if index == zeroRegister { return constant(0) }
            let node = known.registers[Int(index)]
            if node != Node.none { return Value(node: node) }
        }
        let result = value(Node(.register, immediate: UInt64(index)))
        if isTracked { known.registers[Int(index)] = result.node }
        return result
    }

    public mutating func setRegister(_ index: UInt8, _ value: Value) {
        if simplifications.contains(.registers) {
            if index == sinkRegister { return }
            if index < 80 { known.registers[Int(index)] = value.node }
        }
        append(Node(.setRegister, value.node, immediate: UInt64(index)))
    }

    public mutating func setRegister(_ index: UInt8, bit: UInt8, _ width: Width, _ value: Value) {
        if index < 80 { known.registers[Int(index)] = Node.none }
        append(Node(.setRegisterPart, width, detail: bit, value.node, immediate: UInt64(index)))
    }

    public mutating func state(_ offset: Int, _ width: Width) -> Value {
        value(Node(.state, width, immediate: UInt64(truncatingIfNeeded: offset)))
    }

    public mutating func setState(_ offset: Int, _ width: Width, _ value: Value) {
        append(Node(.setState, width, value.node, immediate: UInt64(truncatingIfNeeded: offset)))
        forget(offset, Int(width.bytes))
    }

    // MARK: Integers

    public mutating func binary(_ operation: BinaryOperation, _ width: Width, _ a: Value, _ b: Value) -> Value {
        let (x, y) = (known(a), known(b))
        if let x, let y { return constant(operation.evaluate(width, x, y)) }
        if y == 0 && operation.keepsFirstForZero && (width == .double || isWithin(width, a)) { return a }
        if x == 0 && operation.keepsSecondForZero && (width == .double || isWithin(width, b)) { return b }
        if operation == .and, simplifications.contains(.constants) {
            if let bit = bit(ofMask: a, width) { return choose(bit, width, b) }
            if let bit = bit(ofMask: b, width) { return choose(bit, width, a) }
        }
        return value(Node(.binary, width, detail: operation.rawValue, a.node, b.node))
    }

    /// Whether the value has nothing but zeros above the width.
    private func isWithin(_ width: Width, _ value: Value) -> Bool {
        func isWithin(_ index: Int32) -> Bool? {
            let node = block.nodes[Int(index)]
            switch node.operation {
            case .constant: return node.immediate & ~width.mask == 0
            case .binary, .addWithCarry, .subtractWithBorrow, .load, .loadHeld: return node.width.bits <= width.bits
            case .conditionValue: return true
            case .select: return node.width.bits <= width.bits ? true : nil
            default: return false
            }
        }
        let node = block.nodes[Int(value.node)]
        return isWithin(value.node) ?? (isWithin(node.b) == true && isWithin(node.c) == true)
    }

    public mutating func unary(_ operation: UnaryOperation, _ width: Width, _ a: Value) -> Value {
        if let x = known(a) { return constant(operation.evaluate(width, x)) }
        return value(Node(.unary, width, detail: operation.rawValue, a.node))
    }

    public mutating func extend(_ extension: Extension, _ a: Value) -> Value {
        if let x = known(a) { return constant(`extension`.evaluate(x)) }
        if `extension` == .zero32, simplifications.contains(.constants) {
            if isWithin(.word, a) { return a }
            let node = block.nodes[Int(a.node)]
            if node.operation == .select { return value(Node(.select, .word, node.a, node.b, node.c)) }
        }
        return value(Node(.extend, detail: `extension`.rawValue, a.node))
    }

    public mutating func addWithCarry(_ width: Width, _ a: Value, _ b: Value, _ carry: Value) -> Value {
        if known(carry) == 0 { return binary(.add, width, a, b) }
        return value(Node(.addWithCarry, width, a.node, b.node, carry.node))
    }

    public mutating func subtractWithBorrow(_ width: Width, _ a: Value, _ b: Value, _ borrow: Value) -> Value {
        if known(borrow) == 0 { return binary(.subtract, width, a, b) }
        return value(Node(.subtractWithBorrow, width, a.node, b.node, borrow.node))
    }

    // MARK: Conditions and flags

    public mutating func compare(_ comparison: Comparison, _ width: Width, _ a: Value, _ b: Value) -> Condition {
        if let x = known(a), let y = known(b) { return truth(comparison.evaluate(width, x, y)) }
        return condition(Node(.compare, width, detail: comparison.rawValue, a.node, b.node))
    }

    public mutating func select(_ condition: Condition, _ a: Value, _ b: Value) -> Value {
        if let holds = known(condition) { return holds ? a : b }
        if simplifications.contains(.constants) {
            if known(a) == 1, known(b) == 0 { return value(of: condition) }
            if known(a) == 0, known(b) == 1 { return value(of: not(condition)) }
        }
        return value(Node(.select, condition.node, a.node, b.node))
    }

    public mutating func value(of condition: Condition) -> Value {
        if let holds = known(condition) { return constant(holds ? 1 : 0) }
        return value(Node(.conditionValue, condition.node))
    }

    public mutating func not(_ a: Condition) -> Condition {
        if let holds = known(a) { return truth(!holds) }
        return condition(Node(.not, a.node))
    }

    public mutating func and(_ a: Condition, _ b: Condition) -> Condition {
        if let holds = known(a) { return holds ? b : a }
        if let holds = known(b) { return holds ? a : b }
        return condition(Node(.and, a.node, b.node))
    }

    public mutating func or(_ a: Condition, _ b: Condition) -> Condition {
        if let holds = known(a) { return holds ? a : b }
        if let holds = known(b) { return holds ? b : a }
        return condition(Node(.or, a.node, b.node))
    }

    public mutating func setFlags(_ kind: FlagsKind, _ width: Width, result: Value, _ a: Value, _ b: Value) {
        known.flags = append(Node(.setFlags, width, detail: kind.rawValue, result.node, a.node, b.node))
    }

    public mutating func setFlags(
        if condition: Condition, _ kind: FlagsKind, _ width: Width, result: Value, _ a: Value, _ b: Value,
        otherwise: UInt64?
    ) {
        if let holds = known(condition) {
            if holds {
                setFlags(kind, width, result: result, a, b)
            } else if let otherwise {
                setFlags(raw: constant(otherwise))
            }
            return
        }
        known.flags = append(
            Node(
                .setFlagsIf, width, detail: kind.rawValue, extra: otherwise == nil ? 1 : 0, condition.node,
                result.node, a.node, b.node, immediate: otherwise ?? 0))
    }

    public mutating func condition(_ code: ConditionCode) -> Condition {
        condition(Node(.condition, detail: code.rawValue, known.flags))
    }

    public mutating func flags() -> Value { value(Node(.flags, known.flags)) }

    public mutating func setFlags(raw value: Value) {
        known.flags = append(Node(.setRawFlags, value.node))
    }

    // MARK: Memory

    public mutating func load(_ address: Value, _ width: Width, _ attributes: MemoryAttributes) -> Value {
        value(Node(.load, width, extra: UInt8(truncatingIfNeeded: attributes.rawValue), address.node))
    }

    public mutating func store(_ address: Value, _ value: Value, _ width: Width, _ attributes: MemoryAttributes) {
        append(Node(.store, width, extra: UInt8(truncatingIfNeeded: attributes.rawValue), address.node, value.node))
    }

    public mutating func probe(
        _ address: Value, bytes: UInt16, write: Bool, _ attributes: MemoryAttributes
    ) -> Handle {
        Handle(
            node: append(
                Node(
                    .probe, detail: UInt8(truncatingIfNeeded: attributes.rawValue &>> 8) &<< 1 | (write ? 1 : 0),
                    extra: UInt8(truncatingIfNeeded: attributes.rawValue), address.node, immediate: UInt64(bytes))))
    }

    public mutating func load(_ handle: Handle, offset: UInt16, _ width: Width) -> Value {
        value(Node(.loadHeld, width, handle.node, immediate: UInt64(offset)))
    }

    public mutating func store(_ handle: Handle, offset: UInt16, _ value: Value, _ width: Width) {
        append(Node(.storeHeld, width, handle.node, value.node, immediate: UInt64(offset)))
    }

    public mutating func store(
        if condition: Condition, _ handle: Handle, offset: UInt16, _ value: Value, _ width: Width
    ) {
        if let holds = known(condition) {
            if holds { store(handle, offset: offset, value, width) }
            return
        }
        append(Node(.storeHeldIf, width, condition.node, handle.node, value.node, immediate: UInt64(offset)))
    }

    public mutating func atomicUpdate(
        _ operation: AtomicOperation, _ handle: Handle, _ operand: Value, _ width: Width
    ) -> Value {
        value(Node(.atomicUpdate, width, detail: operation.rawValue, handle.node, operand.node))
    }

    public mutating func compareAndSwap(
        _ handle: Handle, expected: Value, new: Value, _ width: Width
    ) -> Value {
        value(Node(.compareAndSwap, width, handle.node, expected.node, new.node))
    }

    public mutating func compareAndSwapPair(
        _ handle: Handle, expected: (Value, Value), new: (Value, Value)
    ) -> (Value, Value) {
        // All CPUs take turns, so that several steps are one.
        let old = (load(handle, offset: 0, .double), load(handle, offset: 8, .double))
        let differences = (
            binary(.xor, .double, old.0, expected.0), binary(.xor, .double, old.1, expected.1)
        )
        let isExpected = isClear(union(differences.0, differences.1))
        store(if: isExpected, handle, offset: 0, new.0, .double)
        store(if: isExpected, handle, offset: 8, new.1, .double)
        return old
    }

    public mutating func reserve(_ handle: Handle) {
        append(Node(.reserve, handle.node))
    }

    public mutating func consumeReservation(_ handle: Handle) -> Condition {
        condition(Node(.consumeReservation, handle.node))
    }

    // MARK: Floating point

    public mutating func float(
        _ operation: FloatOperation, _ format: FloatSize, _ a: Value, _ b: Value, _ c: Value,
        _ rounding: RoundingControl
    ) -> Value {
        value(
            Node(
                .float, format.width, detail: operation.rawValue, extra: rounding.rawValue, a.node, b.node, c.node))
    }

    public mutating func floatToInteger(
        _ format: FloatSize, _ a: Value, _ width: Width, signed: Bool, _ rounding: RoundingControl
    ) -> Value {
        value(
            Node(
                .floatToInteger, format.width, detail: width.rawValue, extra: rounding.rawValue, a.node,
                immediate: signed ? 1 : 0))
    }

    public mutating func integerToFloat(
        _ format: FloatSize, _ a: Value, _ width: Width, signed: Bool, _ rounding: RoundingControl
    ) -> Value {
        value(
            Node(
                .integerToFloat, format.width, detail: width.rawValue, extra: rounding.rawValue, a.node,
                immediate: signed ? 1 : 0))
    }

    public mutating func convertFloat(
        _ a: Value, from: FloatSize, to: FloatSize, _ rounding: RoundingControl
    ) -> Value {
        value(
            Node(.convertFloat, to.width, detail: from.width.rawValue, extra: rounding.rawValue, a.node))
    }

    // MARK: Vectors

    public mutating func vectorRegister(_ index: UInt8) -> Vector {
        let isTracked = simplifications.contains(.registers) && index < 32
        if isTracked && known.vectors[Int(index)] != Node.none { return Vector(node: known.vectors[Int(index)]) }
        let result = vector(Node(.vectorRegister, immediate: UInt64(index)))
        if isTracked { known.vectors[Int(index)] = result.node }
        return result
    }

    public mutating func setVectorRegister(_ index: UInt8, _ value: Vector) {
        if simplifications.contains(.registers) && index < 32 { known.vectors[Int(index)] = value.node }
        append(Node(.setVectorRegister, value.node, immediate: UInt64(index)))
    }

    public mutating func vector(low: Value, high: Value) -> Vector {
        vector(Node(.vector, low.node, high.node))
    }

    public mutating func doubleword(_ index: UInt8, of vector: Vector) -> Value {
        value(Node(.doubleword, vector.node, immediate: UInt64(index)))
    }

    public mutating func vectorUnary(_ operation: VectorUnaryOperation, lane: Width, _ a: Vector) -> Vector {
        vector(Node(.vectorUnary, lane, detail: operation.rawValue, a.node))
    }

    public mutating func vectorBinary(
        _ operation: VectorOperation, lane: Width, _ a: Vector, _ b: Vector
    ) -> Vector {
        vector(Node(.vectorBinary, lane, detail: operation.rawValue, a.node, b.node))
    }

    public mutating func vectorShift(
        _ operation: VectorShiftOperation, lane: Width, _ a: Vector, by count: UInt8
    ) -> Vector {
        vector(Node(.vectorShift, lane, detail: operation.rawValue, a.node, immediate: UInt64(count)))
    }

    public mutating func vectorExtract(_ low: Vector, _ high: Vector, from byte: UInt8) -> Vector {
        vector(Node(.vectorExtract, low.node, high.node, immediate: UInt64(byte)))
    }

    public mutating func vectorSaturating(
        _ operation: VectorSaturatingOperation, lane: Width, _ a: Vector, _ b: Vector, _ c: Vector
    ) -> Vector {
        vector(Node(.vectorSaturating, lane, detail: operation.rawValue, a.node, b.node, c.node))
    }

    public mutating func vectorFloat(
        _ operation: FloatOperation, _ format: FloatSize, lanes: UInt8, _ a: Vector, _ b: Vector, _ c: Vector,
        _ rounding: RoundingControl
    ) -> Vector {
        vector(
            Node(
                .vectorFloat, format.width, detail: operation.rawValue, extra: rounding.rawValue, a.node, b.node,
                c.node, immediate: UInt64(lanes)))
    }

    public mutating func cryptographic(
        _ operation: CryptographicOperation, _ a: Vector, _ b: Vector, _ c: Vector
    ) -> Vector {
        vector(Node(.cryptographic, detail: operation.rawValue, a.node, b.node, c.node))
    }

    // MARK: Calls out of line

    public mutating func call(_ helper: HelperIdentifier, _ a: Value, _ b: Value) -> Value {
        let result = value(Node(.call, a.node, b.node, immediate: UInt64(helper.rawValue)))
        forgetState()
        return result
    }

    // MARK: Control

    public mutating func branch(if condition: Condition, offset: Int64) {
        if let holds = known(condition) {
            if holds { jump(offset: offset) }
            return
        }
        append(Node(.branch, condition.node, immediate: UInt64(bitPattern: self.offset &+ offset)))
    }

    public mutating func jump(offset: Int64) {
        append(Node(.jump, immediate: UInt64(bitPattern: self.offset &+ offset)))
        isClosed = true
    }

    public mutating func jump(to address: Value, _ hint: JumpHint) {
        append(Node(.jumpIndirect, detail: hint.rawValue, address.node))
        isClosed = true
    }

    public mutating func trap(if condition: Condition, cause: UInt64, value: Value) {
        if let holds = known(condition) {
            if !holds { return }
            isClosed = true
        }
        append(Node(.trap, condition.node, value.node, immediate: cause))
    }

    public mutating func undefined() {
        append(Node(.undefined))
        isClosed = true
    }

    public mutating func require(_ unit: Unit) {
        let bit = 1 &<< UInt64(unit.rawValue)
        if simplifications.contains(.registers) && known.units & bit != 0 { return }
        append(Node(.require, detail: unit.rawValue))
        known.units |= bit
    }

    /// Only for what is recorded in place of an instruction's general meaning: the meaning is still had, from `helper`,
    /// which is given `argument` and sets the program counter, or from the interpreter.
    package mutating func expect(
        _ condition: Condition, else helper: HelperIdentifier? = nil, argument: UInt16 = 0
    ) {
        if known(condition) == true { return }
        append(
            Node(
                .expect, detail: helper == nil ? 0 : 1, condition.node,
                immediate: UInt64(helper?.rawValue ?? 0) | UInt64(argument) << 16))
    }

    /// Expects that a register is a multiple of `alignment`, a power of two, unless the block knows it: it was found so, and
    /// has moved by multiples of it since.
    package mutating func expectMultiple(of alignment: UInt64, _ number: UInt8) {
        let value = register(number)
        let (root, distance) = origin(of: value)
        if simplifications.contains(.registers), known.aligned == root,
            (distance &- known.alignedDistance) & (alignment &- 1) == 0
        {
            return
        }
        let bits = constant(alignment &- 1)
        let rest = binary(.and, .double, value, bits)
        let zero = constant(0)
        let holds = compare(.equal, .double, rest, zero)
        expect(holds)
        (known.aligned, known.alignedDistance) = (root, distance)
    }

    /// The node that `value` is a constant distance away from, by additions and subtractions.
    private func origin(of value: Value) -> (root: Int32, distance: UInt64) {
        var (root, distance) = (value.node, UInt64(0))
        while true {
            let node = block.nodes[Int(root)]
            guard node.operation == .binary, node.width == .double, block.nodes[Int(node.b)].operation == .constant
            else { return (root, distance) }
            let step = block.nodes[Int(node.b)].immediate
            switch BinaryOperation(rawValue: node.detail) {
            case .add: distance &+= step
            case .subtract: distance &-= step
            default: return (root, distance)
            }
            root = node.a
        }
    }

    package mutating func setContext(_ context: Value) {
        append(Node(.setContext, context.node))
    }

    public mutating func beginRegion(where condition: Condition) -> Bool {
        if let holds = known(condition) {
            if holds { regions.append(nil) }
            return holds
        }
        let start = append(Node(.whenever, condition.node))
        regions.append(Region(start: start, known: known, isClosed: isClosed))
        return true
    }

    public mutating func endRegion() {
        guard let region = regions.removeLast() else { return }
        let end = append(Node(.endWhenever, immediate: UInt64(region.start)))
        block.nodes[Int(region.start)].immediate = UInt64(end)
        known.join(region.known)
        isClosed = region.isClosed
    }

    public mutating func endBlock() {
        append(Node(.endBlock))
        isClosed = true
    }

    public mutating func resume() {
        append(Node(.resume))
        isClosed = true
    }
}

extension BinaryOperation {
    /// x operation 0 = x, at full width.
    var keepsFirstForZero: Bool {
        switch self {
        case .add, .subtract, .or, .xor, .andNot, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic, .rotateLeft,
            .rotateRight, .maximumUnsigned:
            return true
        default: return false
        }
    }

    /// 0 operation x = x, at full width.
    var keepsSecondForZero: Bool {
        switch self {
        case .add, .or, .xor, .maximumUnsigned: return true
        default: return false
        }
    }
}
