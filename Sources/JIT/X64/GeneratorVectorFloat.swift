import ISA

/// Floating point in vector registers, as Arm has it (``ArmFloat``).
///
/// Operations are the host's, under the guest's rounding mode, and gather the guest's flags in MXCSR; while FPCR asks for
/// more than a rounding mode, all is the interpreter's. Host and guest differ in three things, all rare, for which the
/// instruction is left to the interpreter as if nothing had been done, since the host has raised no flag that the guest would
/// not: which NaN comes of NaNs; the sign of a NaN that comes of numbers; and what is the least normal number only since it
/// was rounded, which Arm calls an underflow.
extension X64.Generator {
    static func supportsVectorFloat(_ node: Node, _ host: X64.HostFeatures) -> Bool {
        guard node.width == .word || node.width == .double else { return false }
        switch node.operation {
        case .float:
            switch node.floatOperation {
            case .add, .subtract, .multiply, .divide, .squareRoot: return node.rounding == .dynamic
            case .multiplyAdd, .multiplySubtract, .negatedMultiplyAdd, .negatedMultiplySubtract:
                return node.rounding == .dynamic && host.contains(.fma)
            case .compareQuiet, .compareSignaling: return true
            case .roundToInteger, .roundToIntegerExact: return X64.Rounding(node.rounding) != nil
            case .fromFixedSigned, .fromFixedUnsigned: return node.rounding == .dynamic
            default: return false
            }
        case .floatToInteger: return isWide(node.otherWidth) && node.rounding == .towardZero
        case .integerToFloat:
            return isWide(node.otherWidth) && node.rounding == .dynamic
        case .convertFloat: return isWide(node.otherWidth) && node.rounding == .dynamic
        case .vectorFloat:
            let isWhole = node.immediate * node.width.bytes == 16
            if node.floatOperation.isRelation { return true }
            guard node.rounding == .dynamic else { return false }
            switch node.floatOperation {
            case .add, .subtract, .multiply, .fromFixedSigned, .fromFixedUnsigned: return true
            case .divide, .squareRoot: return isWhole
            case .multiplyAdd, .multiplySubtract, .negatedMultiplyAdd, .negatedMultiplySubtract:
                return isWhole && host.contains(.fma)
            default: return false
            }
        default: return false
        }
    }

    private static func isWide(_ width: Width) -> Bool { width == .word || width == .double }

    mutating func generateVectorFloat(_ node: Node) {
        requireLoadedFloats()
        switch node.operation {
        case .float: generateScalarFloat(node)
        case .floatToInteger: generateToInteger(node)
        case .integerToFloat: generateFromInteger(node)
        case .convertFloat:
            let source = floatOperand(node.a)
            let result = scratchVector()
            assembler.packed(.xor, result, .register(result))
            assembler.convert(result, float: .register(source), node.otherWidth)
            checkNumber(result, node.width, mayBeTiny: node.width == .word)
            finishWhole(result)
        default:
            switch node.floatOperation {
            case .fromFixedSigned, .fromFixedUnsigned: generateLanesFromFixed(node)
            default: generatePackedFloat(node)
            }
        }
    }

    /// The guest's rounding mode and flags are the host's from here on.
    private mutating func requireLoadedFloats() {
        guard !floatsAreLoaded else { return }
        let back = assembler.label()
        assembler.arithmetic(.compare, .memory(Role.field(\.floatLoaded)), constant: 0, .byte)
        assembler.jump(if: .equal, stub(.float(.load, back: back)))
        assembler.bind(back)
        floatsAreLoaded = true
    }

    // MARK: Operands and results

    /// A number, in the low part of a register; what is above it is anything.
    mutating func floatOperand(_ node: Int32) -> VectorRegister {
        guard analysis[node].isDeferred else { return intoVector(node) }
        if let part = lowPart(node) { return intoWhole(part.vector) }
        // The high half of a vector.
        let source = intoWhole(block.nodes[Int(node)].a)
        let result = scratchVector()
        if !hasAVX { assembler.move(result, source) }
        assembler.packed(.unpackHighDoubles, result, from: hasAVX ? source : nil, .register(source))
        return result
    }

    /// Whether the register that ``floatOperand(_:)`` gives has zeros above the number.
    private func isClean(_ node: Int32, _ width: Width) -> Bool {
        if let value = constant(node) { return value == 0 }
        if analysis[node].isDeferred {
            guard let part = lowPart(node) else { return false }
            return isCleanVector(part.vector, width)
        }
        let value = block.nodes[Int(node)]
        guard case .temporaryVector = places[Int(node)] else { return false }
        return value.width == width && (value.operation.isFloat || value.operation.isLoad)
    }

    /// Whether a vector that is in a register has zeros there above so many bits.
    func isCleanVector(_ node: Int32, _ width: Width) -> Bool {
        let vector = block.nodes[Int(node)]
        switch vector.operation {
        case .vectorRegister: return analysis.lowWidth(node) == width
        case .vector where constant(vector.b) == 0:
            let low = block.nodes[Int(vector.a)]
            return width == .double || low.width == .word && (low.operation.isFloat || low.operation.isLoad)
        default: return false
        }
    }

    /// The register of a number that has zeros above it and that nobody needs any more: it becomes the result's.
    private mutating func taken(_ node: Int32, _ width: Width) -> VectorRegister? {
        guard isClean(node, width), constant(node) == nil else { return nil }
        let owner = analysis[node].isDeferred ? lowPart(node)?.vector ?? node : node
        let register = floatOperand(node)
        guard analysis[owner].lastUse <= current, vectorOwners[Int(register.rawValue)] == owner, !isUnsaved(register)
        else { return nil }
        vectorOwners[Int(register.rawValue)] = Self.free
        places[Int(owner)] = .none
        return register
    }

    /// A register with a copy of the number, and zeros above it.
    private mutating func copiedFloat(_ node: Int32, _ width: Width) -> VectorRegister {
        let source = floatOperand(node)
        let isClean = block.nodes[Int(node)].operation.isFloat
        if isClean, analysis[node].lastUse <= current, vectorOwners[Int(source.rawValue)] == node, !isUnsaved(source) {
            vectorOwners[Int(source.rawValue)] = Self.free
            places[Int(node)] = .none
            return source
        }
        let result = scratchVector()
        if width == .double {
            assembler.moveLow(result, source)
        } else {
            assembler.move(result, source)
            if !isClean { assembler.packed(.insertSingle, result, .register(source), constant: 0b1110) }
        }
        return result
    }

    /// Leaves the instruction to the interpreter where the result is not as the guest has it.
    private mutating func checkNumber(_ register: VectorRegister, _ width: Width, mayBeTiny: Bool) {
        if hasAVX, mayBeTiny {
            // What is unordered counts as equal.
            let magnitude = scratchVector()
            assembler.and(magnitude, register, at: address(of: .magnitude(width)), from: base)
            assembler.compareQuiet(magnitude, at: address(of: .least(width)), from: base, width)
            lockedVectors &= ~(1 << UInt16(magnitude.rawValue))
            return assembler.jump(if: .equal, stub(.interpret))
        }
        assembler.compareQuiet(register, register, width)
        assembler.jump(if: .parity, stub(.interpret))
        guard mayBeTiny else { return }
        // The least normal number is the lowest bit of the exponent; without the sign, and turned around, 1.
        let bits = scratch()
        assembler.move(bits, register, width)
        assembler.arithmetic(.add, bits, .register(bits), width)
        assembler.shift(.rotateRight, .register(bits), by: width == .double ? 53 : 24, width)
        assembler.arithmetic(.compare, .register(bits), constant: 1, width)
        locked &= ~(1 << UInt16(bits.rawValue))
        assembler.jump(if: .equal, stub(.interpret))
    }

    func address(of constant: FloatConstant) -> UInt { trampolines.floatConstants + 16 * constant.rawValue }

    // MARK: Scalars

    private mutating func generateScalarFloat(_ node: Node) {
        switch node.floatOperation {
        case .add: generateScalar(.add, node, mayBeTiny: false)
        case .subtract: generateScalar(.subtract, node, mayBeTiny: false)
        case .multiply: generateScalar(.multiply, node, mayBeTiny: true)
        case .divide: generateScalar(.divide, node, mayBeTiny: true)
        case .squareRoot:
            let source = floatOperand(node.a)
            let result = scratchVector()
            assembler.packed(.xor, result, .register(result))
            assembler.scalar(.squareRoot, result, source, node.width)
            checkNumber(result, node.width, mayBeTiny: false)
            finishWhole(result)
        case .multiplyAdd: generateFused(.add, node)
        case .multiplySubtract: generateFused(.subtract, node)
        case .negatedMultiplyAdd: generateFused(.negatedAdd, node)
        case .negatedMultiplySubtract: generateFused(.negatedSubtract, node)
        case .roundToInteger, .roundToIntegerExact: generateRound(node)
        case .fromFixedSigned, .fromFixedUnsigned: generateFromFixed(node)
        default: generateCompare(node)
        }
    }

    /// The sum of subnormals is exact, so that no sum is rounded to the least normal number.
    private mutating func generateScalar(_ operation: X64.Scalar, _ node: Node, mayBeTiny: Bool) {
        if hasAVX {
            var (first, second) = (floatOperand(node.a), floatOperand(node.b))
            // The bits above the result are those of the first source. What comes of NaNs is not decided here.
            if !isClean(node.a, node.width) {
                if operation == .add || operation == .multiply, isClean(node.b, node.width) {
                    swap(&first, &second)
                } else {
                    let copy = scratchVector()
                    clean(copy, first, node.width)
                    first = copy
                }
            }
            let result = scratchVector()
            assembler.scalar(operation, result, from: first, .register(second), node.width)
            checkNumber(result, node.width, mayBeTiny: mayBeTiny)
            return finishWhole(result)
        }
        let second = floatOperand(node.b)
        let result = copiedFloat(node.a, node.width)
        let other = result == second ? copiedFloat(node.b, node.width) : second
        assembler.scalar(operation, result, other, node.width)
        checkNumber(result, node.width, mayBeTiny: mayBeTiny)
        finishWhole(result)
    }

    private mutating func generateFused(_ operation: X64.Fused, _ node: Node) {
        let (second, third) = (floatOperand(node.b), floatOperand(node.c))
        let first = floatOperand(node.a)
        let result: VectorRegister
        if let register = taken(node.c, node.width) {
            result = register
            assembler.fused(operation, .order231, result, first, .register(second), node.width)
        } else {
            if let register = taken(node.a, node.width) {
                result = register
            } else {
                result = scratchVector()
                if isClean(node.a, node.width) {
                    assembler.move(result, first)
                } else {
                    clean(result, first, node.width)
                }
            }
            assembler.fused(operation, .order213, result, second, .register(third), node.width)
        }
        checkNumber(result, node.width, mayBeTiny: true)
        finishWhole(result)
    }

    /// result = the low element of source, and zeros above it.
    mutating func clean(_ result: VectorRegister, _ source: VectorRegister, _ width: Width) {
        if width == .double { return assembler.moveLow(result, source) }
        assembler.move(result, source)
        assembler.packed(.insertSingle, result, .register(source), constant: 0b1110)
    }

    private mutating func generateRound(_ node: Node) {
        // Only what is supported gets here.
        guard let rounding = X64.Rounding(node.rounding) else { return hasFailed = true }
        let source = floatOperand(node.a)
        let result = scratchVector()
        assembler.packed(.xor, result, .register(result))
        assembler.round(
            rounding, isExact: node.floatOperation == .roundToIntegerExact, result, .register(source), node.width)
        checkNumber(result, node.width, mayBeTiny: false)
        finishWhole(result)
    }

    /// The guest's flags of a comparison, in the raw layout.
    private mutating func generateCompare(_ node: Node) {
        let (first, second) = (floatOperand(node.a), floatOperand(node.b))
        if node.floatOperation == .compareQuiet {
            assembler.compareQuiet(first, second, node.width)
        } else {
            assembler.compareSignaling(first, second, node.width)
        }
        // Who wants a condition of the flags compares again.
        guard analysis[current].uses > 0 else { return noteHostFlags() }
        let (result, less) = (scratch(), scratch())
        makeRawFlags(result, less)
        finishInTemporary(result)
    }

    // MARK: Conversions

    private mutating func generateToInteger(_ node: Node) {
        let source = floatOperand(node.a)
        if !node.isSigned {
            // As signed 64 bits, where that is the same; the rest is for the interpreter before any flag is raised.
            let exponent = scratch()
            let isDouble = node.width == .double
            assembler.move(exponent, source, node.width)
            assembler.shift(.logicalRight, .register(exponent), by: isDouble ? 52 : 23, node.width)
            let bits: Int32 = node.otherWidth == .double ? 63 : 32
            assembler.arithmetic(.compare, .register(exponent), constant: (isDouble ? 1023 : 127) + bits, .word)
            assembler.jump(if: .aboveOrEqual, stub(.interpret))
            let target = target()
            assembler.convert(target, float: .register(source), node.width, to: .double, truncating: true)
            return finish(target)
        }
        // Not in a home: the interpreter may have to do the instruction again.
        let result = scratch()
        assembler.convert(result, float: .register(source), node.width, to: node.otherWidth, truncating: true)
        // What no integer can be became the least one, from which alone one cannot be taken.
        assembler.arithmetic(.compare, .register(result), constant: 1, node.otherWidth)
        assembler.jump(if: .overflow, stub(.interpret))
        if node.otherWidth == .word { assembler.extendSigned(result, .register(result), .word) }
        finishInTemporary(result)
    }

    // MARK: Lanes

    private mutating func generatePackedFloat(_ node: Node) {
        let isWhole = node.immediate * node.width.bytes == 16
        let mayBeTiny: Bool
        let result = scratchVector()
        var first = intoWhole(node.a)
        let second = node.floatOperation == .squareRoot ? first : intoWhole(node.b)
        func take(_ target: VectorRegister, _ source: VectorRegister) {
            switch node.immediate * node.width.bytes {
            case 16: assembler.move(target, source)
            case 8: assembler.moveLow(target, source)
            default: clean(target, source, node.width)
            }
        }
        var other = second
        if !isWhole {
            // What is above would raise flags of its own.
            let (low, otherLow) = (scratchVector(), scratchVector())
            take(low, first)
            take(otherLow, second)
            (first, other) = (low, otherLow)
        }
        /// The first source, where the instructions have three operands, so that nothing is copied.
        let source = hasAVX ? first : nil
        if source == nil || node.floatOperation.isFused { assembler.move(result, first) }
        if let predicate = node.floatOperation.predicate {
            // 1 in place of all ones.
            assembler.comparePacked(predicate, result, from: source, other, node.width)
            assembler.shiftLanes(.logicalRight, result, by: UInt8(node.width.bits - 1), node.width)
            if !isWhole { take(result, result) }
            return finishWhole(result)
        }
        switch node.floatOperation {
        case .add, .subtract:
            mayBeTiny = false
            assembler.packedFloat(
                node.floatOperation == .add ? .add : .subtract, result, from: source, other, node.width)
        case .multiply, .divide:
            mayBeTiny = true
            assembler.packedFloat(
                node.floatOperation == .multiply ? .multiply : .divide, result, from: source, other, node.width)
        case .squareRoot:
            mayBeTiny = false
            assembler.packedFloat(.squareRoot, result, first, node.width)
        default:
            mayBeTiny = true
            let third = intoWhole(node.c)
            let operation: X64.Fused =
                switch node.floatOperation {
                case .multiplyAdd: .add
                case .multiplySubtract: .subtract
                case .negatedMultiplyAdd: .negatedAdd
                default: .negatedSubtract
                }
            assembler.packedFused(operation, .order213, result, second, third, node.width)
        }
        // The difference of nothing is -0 under one of the rounding modes.
        if !isWhole { take(result, result) }
        let isFused = node.floatOperation.isFused
        checkNumbers(
            result, node.width, operands: isFused ? nil : (first, other), mayBeTiny: mayBeTiny)
        finishWhole(result)
    }

    /// As ``checkNumber(_:_:mayBeTiny:)``, of each lane. Of two operands, what they had of quiet NaNs is the guest's too.
    private mutating func checkNumbers(
        _ register: VectorRegister, _ width: Width, operands: (VectorRegister, VectorRegister)?, mayBeTiny: Bool
    ) {
        let found = scratchVector()
        if hasAVX, mayBeTiny {
            assembler.and(found, register, at: address(of: .magnitude(width)), from: base)
            assembler.comparePacked(
                .equalOrUnordered, found, from: found, at: address(of: .least(width)), from: base, width)
        } else if hasAVX {
            assembler.comparePacked(.unordered, found, from: register, register, width)
        } else {
            assembler.move(found, register)
            assembler.comparePacked(.unordered, found, register, width)
            if mayBeTiny {
                let tiny = scratchVector()
                findTiny(tiny, register, width)
                assembler.packed(.or, found, .register(tiny))
            }
        }
        let any = scratch()
        assembler.moveMask(any, found, width)
        assembler.test(.register(any), any, .word)
        locked &= ~(1 << UInt16(any.rawValue))
        guard let operands else { return assembler.jump(if: .notEqual, stub(.interpret)) }
        let back = assembler.label()
        let lanes = LaneCheck(
            result: register, first: operands.0, second: operands.1, mayBeTiny: mayBeTiny, found: found, mask: any,
            width: width)
        assembler.jump(if: .notEqual, stub(.lanes(lanes, back: back)))
        assembler.bind(back)
    }

    /// tiny = ones where the lane is the least normal number, of either sign.
    private mutating func findTiny(_ tiny: VectorRegister, _ register: VectorRegister, _ width: Width) {
        let least = scratchVector()
        let constant = scratch()
        assembler.move(constant, constant: width == .double ? 0x0020_0000_0000_0000 : 0x0100_0000_0100_0000)
        assembler.move(least, constant)
        assembler.packed(.unpackLowDoubles, least, .register(least))
        assembler.move(tiny, register)
        assembler.packed(width == .double ? .addDoubles : .addWords, tiny, .register(tiny))
        assembler.packed(width == .double ? .compareDoubles : .compareEqual, tiny, .register(least))
        locked &= ~(1 << UInt16(constant.rawValue))
        lockedVectors &= ~(1 << UInt16(least.rawValue))
    }

    /// What is looked at closer where lanes of a result are NaNs.
    struct LaneCheck {
        let result: VectorRegister
        let first: VectorRegister
        let second: VectorRegister
        let mayBeTiny: Bool
        /// Free, with ``X64/Role/ones``.
        let found: VectorRegister
        let mask: Register
        let width: Width
    }

    /// Makes of the result what the guest has; goes to `refused` where that is not known. A lane may be, bit for bit, a NaN
    /// that one operand had, where the other is a number or the same NaN: so it was quiet, and there was no choice. A NaN
    /// that comes of numbers is the default one, whose sign is not the host's (FPDefaultNaN).
    mutating func check(_ lanes: LaneCheck, _ refused: Label) {
        let (found, other) = (lanes.found, Role.ones)
        let equal: X64.Packed = lanes.width == .double ? .compareDoubles : .compareEqual
        func refuse(where register: VectorRegister) {
            assembler.moveMask(lanes.mask, register, lanes.width)
            assembler.test(.register(lanes.mask), lanes.mask, .word)
            assembler.jump(if: .notEqual, refused)
        }
        if lanes.mayBeTiny {
            // Twice as much, as integers, is without the sign.
            let isDouble = lanes.width == .double
            assembler.move(lanes.mask, constant: isDouble ? 0x0020_0000_0000_0000 : 0x0100_0000_0100_0000)
            assembler.move(other, lanes.mask)
            assembler.packed(.unpackLowDoubles, other, .register(other))
            assembler.move(found, lanes.result)
            assembler.packed(isDouble ? .addDoubles : .addWords, found, .register(found))
            assembler.packed(equal, found, .register(other))
            refuse(where: found)
        }
        // Both are NaNs, and not the same.
        assembler.move(found, lanes.first)
        assembler.comparePacked(.unordered, found, lanes.first, lanes.width)
        assembler.move(other, lanes.second)
        assembler.comparePacked(.unordered, other, lanes.second, lanes.width)
        assembler.packed(.and, found, .register(other))
        assembler.move(other, lanes.first)
        assembler.packed(equal, other, .register(lanes.second))
        assembler.packed(.andNot, other, .register(found))
        refuse(where: other)
        // A NaN that neither operand had.
        assembler.move(found, lanes.first)
        assembler.packed(equal, found, .register(lanes.result))
        assembler.move(other, lanes.second)
        assembler.packed(equal, other, .register(lanes.result))
        assembler.packed(.or, found, .register(other))
        assembler.move(other, lanes.result)
        assembler.comparePacked(.unordered, other, lanes.result, lanes.width)
        assembler.packed(.andNot, found, .register(other))
        // It was a signaling one where an operand is a NaN.
        assembler.move(other, lanes.first)
        assembler.comparePacked(.unordered, other, lanes.second, lanes.width)
        assembler.packed(.and, other, .register(found))
        refuse(where: other)
        assembler.shiftLanes(.left, found, by: UInt8(lanes.width.bits - 1), lanes.width)
        assembler.packed(.xor, lanes.result, .register(found))
    }
}

extension FloatOperation {
    var isRelation: Bool { predicate != nil }

    /// The host's name of a relation.
    fileprivate var predicate: X64.Predicate? {
        switch self {
        case .equal: .equal
        case .less: .less
        case .lessOrEqual: .lessOrEqual
        default: nil
        }
    }
}

extension X64.Rounding {
    /// Nil for what the host does not have.
    init?(_ rounding: RoundingControl) {
        switch rounding {
        case .nearestEven: self = .nearestEven
        case .towardZero: self = .towardZero
        case .down: self = .down
        case .up: self = .up
        case .dynamic: self = .current
        case .nearestMaxMagnitude, .odd: return nil
        }
    }
}
