import ISA

/// Floating point: which of it there is, and where its results are.
///
/// Operations are the host's on the low elements of vector registers, under the guest's rounding mode, and gather the
/// guest's flags in MXCSR (``X64/Trampolines``). A single has ones above it, in the low 64 bits of its vector register
/// (``FloatOperands``); what is above those is anything. Instructions with a VEX prefix take the bits above their result
/// from the first source.
extension X64.Role {
    /// For results on their way.
    static let temporaryVectors: [X64.VectorRegister] = [.xmm0, .xmm1, .xmm2]
    /// All ones.
    static let ones = X64.VectorRegister.xmm15
}

extension X64.Generator {
    typealias VectorOperand = X64.VectorOperand

    static func supportsFloat(_ node: Node, _ host: X64.HostFeatures) -> Bool {
        guard isNative(node.width) else { return false }
        switch node.operation {
        case .float:
            if !node.floatOperation.hasCode { return false }
            if node.floatOperation.isFused && !host.contains(.fma) { return false }
        case .floatToInteger, .integerToFloat, .convertFloat:
            if !isNative(node.otherWidth) { return false }
        default: return false
        }
        return node.rounding != .nearestMaxMagnitude && node.rounding != .odd
    }

    private static func isNative(_ width: Width) -> Bool { width == .word || width == .double }

    mutating func generateFloat(_ node: Node) {
        for position in 0..<3 where floats.mustCheck(current, position) { checkBox(node[operand: position]) }
        // What was looked at need not stay where it is.
        (locked, lockedVectors) = (0, 0)
        switch floats.role(current) {
        case .box: return generateBox(node)
        case .copySign, .copyNegatedSign, .exclusiveOrSign: return generateSign(node)
        case .plain, .boxed: break
        }
        switch node.operation {
        case .float: generateFloatOperation(node)
        case .floatToInteger: generateFloatToInteger(node)
        case .integerToFloat: generateIntegerToFloat(node)
        case .convertFloat: generateConvertFloat(node)
        default: preconditionFailure("\(node) has no code")
        }
    }

    /// The instruction is for the interpreter unless there are ones above the single.
    private mutating func checkBox(_ node: Int32) {
        if case .memory(let memory) = vectorOperand(node) {
            let upper = Memory(memory.base, memory.displacement + 4)
            assembler.arithmetic(.compare, .memory(upper), constant: -1, .word)
        } else {
            let vector = intoVector(node)
            let upper = scratch()
            assembler.extract(.register(upper), vector, element: 1, .word)
            assembler.arithmetic(.compare, .register(upper), constant: -1, .word)
        }
        assembler.jump(if: .notEqual, stub(.interpret))
    }

    /// An instruction that names a rounding mode is for the interpreter unless it is the one that is in force.
    mutating func requireRounding(_ node: Node) {
        guard node.rounding != .dynamic else { return }
        assembler.arithmetic(
            .compare, .memory(Role.field(\.floatRounding)), constant: Int32(node.rounding.rawValue), .byte)
        assembler.jump(if: .notEqual, stub(.interpret))
    }

    var hasAVX: Bool { host.contains(.avx) }

    // MARK: Places

    /// The vector register that holds a node's result already, if one does.
    func vectorRegister(of node: Int32) -> VectorRegister? {
        switch places[Int(node)] {
        case .temporaryVector(let register): return register
        case .guest(let index): if case .vector(let register) = map[index] { return register }
        default: break
        }
        return nil
    }

    /// The result in a vector register, which is not to be changed, and is kept while the node in progress lasts.
    mutating func intoVector(_ node: Int32) -> VectorRegister {
        if let register = vectorRegister(of: node) {
            lockedVectors |= 1 << UInt16(register.rawValue)
            return register
        }
        let register = scratchVector()
        moveVector(register, node)
        if constant(node) == nil { ownVector(register, node) }
        return register
    }

    /// The result as an operand: in memory only if it is there and this is its last use.
    mutating func vectorOperand(_ node: Int32) -> VectorOperand {
        if constant(node) == nil, analysis[node].lastUse <= current {
            switch places[Int(node)] {
            case .spilled: if case .memory(let memory) = operand(node) { return .memory(memory) }
            case .guest(let index): if map[index] == .memory { return .memory(Role.register(index)) }
            default: break
            }
        }
        return .register(intoVector(node))
    }

    /// `node`'s result is in the temporary vector register from now on.
    private mutating func ownVector(_ register: VectorRegister, _ node: Int32) {
        switch places[Int(node)] {
        case .guest(let index): backing[Int(node)] = index
        case .spilled(let slot): usedSpills &= ~(1 << UInt64(slot))
        case .temporary(let general): owners[Int(general.rawValue)] = Self.free
        default: break
        }
        places[Int(node)] = .temporaryVector(register)
        vectorOwners[Int(register.rawValue)] = node
    }

    /// A temporary vector register for the node in progress. Where none is left, nothing of the region can be used.
    mutating func scratchVector() -> VectorRegister {
        var victim: VectorRegister?
        for register in map.temporaryVectors where lockedVectors & 1 << UInt16(register.rawValue) == 0 {
            if vectorOwners[Int(register.rawValue)] == Self.free {
                lockedVectors |= 1 << UInt16(register.rawValue)
                return register
            }
            if victim == nil { victim = register }
        }
        // Best is what nobody needs here, and the state block alone has still to get.
        let unneeded = map.temporaryVectors.first {
            lockedVectors & 1 << UInt16($0.rawValue) == 0 && isUnsaved($0)
                && analysis[vectorOwners[Int($0.rawValue)]].lastUse < current
        }
        guard let victim = unneeded ?? victim else {
            hasFailed = true
            return .xmm0
        }
        evict(victim)
        lockedVectors |= 1 << UInt16(victim.rawValue)
        return victim
    }

    /// target = the result of `node`. Flags stay.
    mutating func moveVector(_ target: VectorRegister, _ node: Int32) {
        if let register = vectorRegister(of: node) {
            if register != target { assembler.move(target, register) }
            return
        }
        if let value = constant(node) {
            if value == 0 { return assembler.packed(.xor, target, .register(target)) }
        } else if case .memory(let memory) = operand(node) {
            return assembler.load(target, memory, .double)
        }
        let register = intoRegister(node)
        assembler.move(target, register)
    }

    /// The vector register for the result of the node in progress: as ``target()``. Its operands are to be looked up before.
    mutating func targetVector() -> VectorRegister {
        if let index = destination(), case .vector(let register) = map[index] {
            evacuate(index)
            return register
        }
        return scratchVector()
    }

    /// The result of the node in progress is in `register`, which ``targetVector()`` gave.
    mutating func finishVector(_ register: VectorRegister) {
        if map.temporaryVectors.contains(register) {
            places[Int(current)] = .temporaryVector(register)
            vectorOwners[Int(register.rawValue)] = current
        } else if let index = destination() {
            places[Int(current)] = .guest(index)
            inGuest.append(current)
        }
    }

    /// The same of a float operation. A single that nobody boxes is an integer of 32 bits for whoever uses it.
    mutating func finishFloat(_ register: VectorRegister, _ width: Width, isBoxed: Bool) {
        if floats.role(current) == .plain && width == .word {
            let general = target()
            assembler.move(general, register, .word)
            return finish(general)
        }
        if width == .word && !isBoxed { box(register) }
        finishVector(register)
    }

    /// Puts ones above the single.
    mutating func box(_ register: VectorRegister) {
        assembler.packed(.unpackLow, register, .register(Role.ones))
    }

    // MARK: Loads

    /// Whether what is loaded is best loaded into a vector register.
    func isForVector(_ node: Node) -> Bool {
        if floats.role(current) == .boxed { return true }
        guard node.width == .double, let index = destination() else { return false }
        if case .vector = map[index] { return true } else { return false }
    }

    mutating func loadVector(_ memory: Memory, _ width: Width) {
        let target = targetVector()
        if width == .double {
            assembler.load(target, memory, .double)
        } else if hasAVX {
            assembler.packed(.insertSingle, target, from: Role.ones, .memory(memory), constant: 0)
        } else {
            assembler.load(target, memory, .word)
            box(target)
        }
        finishVector(target)
    }

    private mutating func generateBox(_ node: Node) {
        if let vector = vectorRegister(of: node.a) {
            lockedVectors |= 1 << UInt16(vector.rawValue)
            let target = targetVector()
            if target != vector { assembler.move(target, vector) }
            box(target)
            return finishVector(target)
        }
        let source = intoRegister(node.a)
        let target = targetVector()
        assembler.move(target, source, .word)
        box(target)
        finishVector(target)
    }
}
