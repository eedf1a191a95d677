import ISA

/// Vectors of 128 bits, for guests whose floating-point registers are their low parts.
///
/// The guest's vector registers are in the state block. A result on its way is in one of the host's, and stays there when a
/// guest register is set to it, for whoever reads that next; so a guest register is written once for each time it is set,
/// and read where a block first asks for it. A floating-point result is a vector with zeros above it.
///
/// In ``Place/guest(_:)`` and for ``evacuate(_:)``, vector registers have numbers from ``firstVector`` on.
extension X64.Generator {
    static let firstVector: UInt8 = 128

    func isVector(_ node: Int32) -> Bool { block.nodes[Int(node)].operation.result == .vector }

    /// Vector register `index` in the state block.
    static func vectorField(_ index: UInt8) -> Memory {
        Role.field(MemoryLayout<CoreState>.offset(of: \.vectors)! + 16 * Int(index))
    }

    // MARK: Places

    /// Where a vector is in memory; nil where it is in a register alone.
    func vectorMemory(_ node: Int32) -> Memory? {
        switch places[Int(node)] {
        case .guest(let index): return Self.vectorField(index - Self.firstVector)
        case .spilled(let slot): return Role.field(CoreState.spillOffset + 8 * Int(slot))
        case .temporaryVector:
            let index = backing[Int(node)]
            return index == Self.noBacking ? nil : Self.vectorField(index - Self.firstVector)
        default: return nil
        }
    }

    /// A vector in a register, which is not to be changed, and is kept while the node in progress lasts.
    mutating func intoWhole(_ node: Int32) -> VectorRegister {
        if case .temporaryVector(let register) = places[Int(node)] {
            lockedVectors |= 1 << UInt16(register.rawValue)
            return register
        }
        let register = scratchVector()
        guard let memory = vectorMemory(node) else {
            hasFailed = true
            return register
        }
        if block.nodes[Int(node)].operation == .vectorRegister, let width = analysis.lowWidth(node) {
            // With zeros above it, where nobody asks for more.
            assembler.load(register, memory, width)
        } else {
            assembler.loadVector(register, memory)
        }
        switch places[Int(node)] {
        case .guest(let index): backing[Int(node)] = index
        case .spilled(let slot): usedSpills &= ~(3 << UInt64(slot))
        default: break
        }
        places[Int(node)] = .temporaryVector(register)
        vectorOwners[Int(register.rawValue)] = node
        return register
    }

    /// A register for the result of the node in progress that holds the operand's value: its own, where nobody needs it
    /// any more.
    mutating func copied(_ node: Int32) -> VectorRegister {
        let register = intoWhole(node)
        if analysis[node].lastUse <= current, vectorOwners[Int(register.rawValue)] == node, !isUnsaved(register) {
            vectorOwners[Int(register.rawValue)] = Self.free
            places[Int(node)] = .none
            return register
        }
        let result = scratchVector()
        assembler.move(result, register)
        return result
    }

    /// The result of the node in progress is in the register.
    mutating func finishWhole(_ register: VectorRegister) {
        places[Int(current)] = .temporaryVector(register)
        vectorOwners[Int(register.rawValue)] = current
    }

    /// Two neighbouring spill slots. Where there are none, nothing of the region can be used.
    mutating func spillPair() -> UInt8 {
        if let slot = freePair() { return slot }
        reclaimSpills()
        if let slot = freePair() { return slot }
        hasFailed = true
        return 0
    }

    private mutating func freePair() -> UInt8? {
        for slot in stride(from: 0 as UInt64, to: 64, by: 2) where usedSpills >> slot & 3 == 0 {
            usedSpills |= 3 << slot
            return UInt8(slot)
        }
        return nil
    }

    /// The vector that a register holds goes to memory.
    mutating func spillWhole(_ register: VectorRegister, _ node: Int32) {
        let slot = spillPair()
        assembler.storeVector(Role.field(CoreState.spillOffset + 8 * Int(slot)), register)
        places[Int(node)] = .spilled(slot)
    }

    // MARK: Guest registers

    mutating func readVectorRegister(_ node: Node) {
        let index = Self.firstVector + UInt8(truncatingIfNeeded: node.immediate)
        saveVector(ofGuest: UInt8(truncatingIfNeeded: node.immediate))
        places[Int(current)] = .guest(index)
        inGuest.append(current)
    }

    mutating func setVectorRegister(_ node: Node) {
        let number = UInt8(truncatingIfNeeded: node.immediate)
        let index = Self.firstVector + number
        if places[Int(node.a)] == .guest(index) { return }
        evacuate(index)
        let register = intoWhole(node.a)
        if switches.contains(.vectorSets) { return setLate(number, register) }
        assembler.storeVector(Self.vectorField(number), register)
        if analysis[node.a].lastUse > current {
            backing[Int(node.a)] = index
            inGuest.append(node.a)
        }
    }

    /// A vector that was in a guest register, which will hold another one, stays in one of the host's.
    mutating func moveVectorAway(_ node: Int32) {
        let register = intoWhole(node)
        backing[Int(node)] = Self.noBacking
        lockedVectors &= ~(1 << UInt16(register.rawValue))
    }

    // MARK: Parts

    mutating func generateDoubleword(_ node: Node) {
        if let memory = vectorMemory(node.a) {
            let target = target()
            assembler.load(
                target, Memory(memory.base, memory.displacement + 8 * Int32(truncatingIfNeeded: node.immediate)))
            return finish(target)
        }
        let register = intoWhole(node.a)
        let target = target()
        if node.immediate == 0 {
            assembler.move(target, register)
        } else {
            assembler.extract(.register(target), register, element: 1)
        }
        finish(target)
    }

    mutating func generateVector(_ node: Node) {
        let (low, high) = (block.nodes[Int(node.a)], constant(node.b))
        if analysis[current].isAssembled, let assembly = VectorAssembly(node, block) { return assemble(assembly) }
        if let memory = heldPair(node) {
            let result = scratchVector()
            assembler.loadVector(result, memory)
            return finishWhole(result)
        }
        if high == 0 {
            if case .temporaryVector(let register) = places[Int(node.a)], low.operation.isFloat || low.operation.isLoad
            {
                // A floating-point result, or what was loaded, has zeros above it.
                if analysis[node.a].lastUse <= current, !isUnsaved(register) {
                    vectorOwners[Int(register.rawValue)] = Self.free
                    return finishWhole(register)
                }
                let result = scratchVector()
                assembler.move(result, register)
                return finishWhole(result)
            }
            if analysis[node.a].isDeferred, let source = lowPart(node.a) {
                let register = intoWhole(source.vector)
                let result = scratchVector()
                if source.width == .double {
                    assembler.moveLow(result, register)
                } else {
                    // One element, and zeros in place of the three above it.
                    assembler.move(result, register)
                    assembler.packed(.insertSingle, result, .register(register), constant: 0b1110)
                }
                return finishWhole(result)
            }
        }
        let result = scratchVector()
        if constant(node.a) == 0, high == 0 {
            assembler.packed(.xor, result, .register(result))
            return finishWhole(result)
        }
        let first = intoRegister(node.a)
        assembler.move(result, first)
        if high != 0 {
            if node.a == node.b {
                assembler.packed(.unpackLowDoubles, result, .register(result))
            } else {
                let second = anyOperand(node.b)
                assembler.insert(result, second, element: 1)
            }
        }
        finishWhole(result)
    }

    private mutating func assemble(_ assembly: VectorAssembly) {
        let result = scratchVector()
        switch assembly {
        case .shuffle(let vector, let order):
            let source = intoWhole(vector)
            assembler.shuffle(result, .register(source), constant: order)
        case .doublewords(let low, let lowIndex, let high, let highIndex):
            let (first, second) = (intoWhole(low), intoWhole(high))
            if !hasAVX { assembler.move(result, first) }
            assembler.packed(
                .shuffleDoubles, result, from: hasAVX ? first : nil, .register(second),
                constant: lowIndex | highIndex << 1)
        }
        finishWhole(result)
    }

    /// The memory of both parts, where they are neighbours that were left to be loaded here.
    private mutating func heldPair(_ node: Node) -> Memory? {
        let low = block.nodes[Int(node.a)]
        guard analysis[node.a].isDeferred || analysis[node.b].isDeferred, low.operation == .loadHeld,
            block.nodes[Int(node.b)].operation == .loadHeld
        else { return nil }
        return held(low.a, low.immediate)
    }

    /// The vector whose low part of 64 or 32 bits the node is.
    func lowPart(_ node: Int32) -> (vector: Int32, width: Width)? {
        let part = block.nodes[Int(node)]
        switch part.operation {
        case .doubleword where part.immediate == 0: return (part.a, .double)
        case .extend where part.extension == .zero32:
            guard analysis[part.a].isDeferred, let whole = lowPart(part.a) else { return nil }
            return (whole.vector, .word)
        default: return nil
        }
    }

    // MARK: Operations on lanes

    /// Whether there is code for the node.
    static func supportsVector(_ node: Node) -> Bool {
        switch node.operation {
        case .vectorRegister, .setVectorRegister, .vector, .doubleword, .vectorExtract: return true
        case .vectorBinary: return code(node) != nil
        case .vectorShift:
            switch node.vectorShiftOperation {
            case .left, .rightUnsigned: return node.width != .byte
            case .rightSigned: return node.width == .half || node.width == .word
            }
        default: return false
        }
    }

    /// How an operation is carried out.
    private enum LaneCode {
        case plain(X64.Packed)
        /// b operation a.
        case swapped(X64.Packed)
        /// NOT (maximum(a, b) = b).
        case greater(maximum: X64.Packed, equal: X64.Packed)
        case shuffle(UInt8)
        /// Lanes of twice the width lose their upper halves, or their lower ones first.
        case pack(X64.Packed, shift: Width, isOdd: Bool)
        case lookup
    }

    private static func code(_ node: Node) -> LaneCode? {
        func each(
            _ byte: X64.Packed?, _ half: X64.Packed?, _ word: X64.Packed?, _ double: X64.Packed?
        ) -> LaneCode? {
            let operation =
                switch node.width {
                case .byte: byte
                case .half: half
                case .word: word
                case .double: double
                }
            return operation.map { .plain($0) }
        }
        func packed(isOdd: Bool) -> LaneCode {
            node.width == .byte
                ? .pack(.packHalves, shift: .half, isOdd: isOdd) : .pack(.packWords, shift: .word, isOdd: isOdd)
        }
        switch node.vectorOperation {
        case .add: return each(.addBytes, .addHalves, .addWords, .addDoubles)
        case .subtract: return each(.subtractBytes, .subtractHalves, .subtractWords, .subtractDoubles)
        case .multiply: return each(nil, .multiplyHalves, .multiplyWords, nil)
        case .and: return .plain(.and)
        case .or: return .plain(.or)
        case .xor: return .plain(.xor)
        case .andNot: return .swapped(.andNot)
        case .compareEqual: return each(.compareBytes, .compareHalves, .compareEqual, .compareDoubles)
        case .compareGreaterSigned: return each(.greaterBytes, .greaterHalves, .greaterWords, .greaterDoubles)
        case .compareGreaterUnsigned:
            switch node.width {
            case .byte: return .greater(maximum: .maximumUnsignedBytes, equal: .compareBytes)
            case .half: return .greater(maximum: .maximumUnsignedHalves, equal: .compareHalves)
            case .word: return .greater(maximum: .maximumUnsignedWords, equal: .compareEqual)
            case .double: return nil
            }
        case .minimumSigned: return each(.minimumSignedBytes, .minimumSignedHalves, .minimumSignedWords, nil)
        case .maximumSigned: return each(.maximumSignedBytes, .maximumSignedHalves, .maximumSignedWords, nil)
        case .minimumUnsigned: return each(.minimumUnsignedBytes, .minimumUnsignedHalves, .minimumUnsignedWords, nil)
        case .maximumUnsigned: return each(.maximumUnsignedBytes, .maximumUnsignedHalves, .maximumUnsignedWords, nil)
        case .zipLow: return each(.unpackLowBytes, .unpackLowHalves, .unpackLowWords, .unpackLowDoubles)
        case .zipHigh: return each(.unpackHighBytes, .unpackHighHalves, .unpackHighWords, .unpackHighDoubles)
        case .unzipEven:
            return node.width == .double
                ? .plain(.unpackLowDoubles) : node.width == .word ? .shuffle(0x88) : packed(isOdd: false)
        case .unzipOdd:
            return node.width == .double
                ? .plain(.unpackHighDoubles) : node.width == .word ? .shuffle(0xdd) : packed(isOdd: true)
        case .lookup: return .lookup
        case .polynomialMultiply, .shiftSigned, .shiftUnsigned, .shiftRoundingSigned, .shiftRoundingUnsigned: return nil
        }
    }

    mutating func generateLanes(_ node: Node) {
        // Only what is supported gets here.
        guard let code = Self.code(node) else { return hasFailed = true }
        switch code {
        case .plain(let operation): finishWhole(combined(node.a, node.b) { $0.packed(operation, $1, .register($2)) })
        case .swapped(let operation): finishWhole(combined(node.b, node.a) { $0.packed(operation, $1, .register($2)) })
        case .shuffle(let order):
            finishWhole(
                combined(node.a, node.b) { $0.packed(.shuffleSingles, $1, .register($2), constant: order) })
        case .pack(let operation, let width, let isOdd):
            // What is left has zeros above it, and is not saturated.
            let (first, second) = (scratchVector(), scratchVector())
            for (target, source) in [(first, node.a), (second, node.b)] {
                let register = intoWhole(source)
                assembler.move(target, register)
                lockedVectors &= ~(1 << UInt16(register.rawValue))
                lockedVectors |= 1 << UInt16(first.rawValue) | 1 << UInt16(second.rawValue)
                let bits = UInt8(truncatingIfNeeded: width.bits / 2)
                if !isOdd { assembler.shiftLanes(.left, target, by: bits, width) }
                assembler.shiftLanes(.logicalRight, target, by: bits, width)
            }
            assembler.packed(operation, first, .register(second))
            finishWhole(first)
        case .greater(let maximum, let equal):
            let result = combined(node.a, node.b) {
                $0.packed(maximum, $1, .register($2))
                $0.packed(equal, $1, .register($2))
            }
            let ones = scratchVector()
            assembler.packed(.compareEqual, ones, .register(ones))
            assembler.packed(.xor, result, .register(ones))
            finishWhole(result)
        case .lookup:
            // Numbers above 15 get a sign bit, which stands for zero.
            let table = intoWhole(node.a)
            let numbers = node.a == node.b ? scratchVector() : copied(node.b)
            if node.a == node.b { assembler.move(numbers, table) }
            let beyond = scratchVector()
            let constant = scratch()
            assembler.move(constant, constant: 0x7070_7070_7070_7070)
            assembler.move(beyond, constant)
            assembler.packed(.unpackLowDoubles, beyond, .register(beyond))
            assembler.packed(.addUnsignedSaturatingBytes, numbers, .register(beyond))
            assembler.move(beyond, table)
            assembler.packed(.shuffleBytes, beyond, .register(numbers))
            finishWhole(beyond)
        }
    }

    /// A register with the first operand, changed by `body` with the second.
    private mutating func combined(
        _ a: Int32, _ b: Int32, _ body: (inout X64.Assembler, VectorRegister, VectorRegister) -> Void
    ) -> VectorRegister {
        let second = intoWhole(b)
        // Both may be the same one.
        let first = a == b ? scratchVector() : copied(a)
        if a == b { assembler.move(first, second) }
        body(&assembler, first, second)
        return first
    }

    mutating func generateVectorShift(_ node: Node) {
        let result = copied(node.a)
        let kind: X64.Shift
        var count = node.immediate
        switch node.vectorShiftOperation {
        case .left: kind = .left
        case .rightUnsigned: kind = .logicalRight
        case .rightSigned:
            kind = .arithmeticRight
            count = min(count, node.width.bits - 1)
        }
        assembler.shiftLanes(kind, result, by: UInt8(truncatingIfNeeded: count), node.width)
        finishWhole(result)
    }

    mutating func generateVectorExtract(_ node: Node) {
        let result = combined(node.b, node.a) {
            $0.packed(.alignRight, $1, .register($2), constant: UInt8(truncatingIfNeeded: node.immediate))
        }
        finishWhole(result)
    }
}

extension Node.Operation {
    var isLoad: Bool { self == .load || self == .loadHeld }

    /// A floating-point number comes of it.
    var isFloat: Bool {
        switch self {
        case .float, .integerToFloat, .convertFloat: return true
        default: return false
        }
    }
}
