/// A plain evaluator of recorded blocks: slow, and there to be compared with. What it does to the state block, memory and
/// the fault record is what the interpreter does for the same instructions; so the recorder is right, and the JIT has
/// something to be tested against node by node.
///
/// It shares with the interpreter the `evaluate` functions of the vocabulary and the guest's slow functions, and nothing
/// else.
public struct Evaluator<Guest: GuestArchitecture> {
    /// How the block was left, other than by a fault. The state's program counter is the address of the next instruction.
    public enum Exit: Sendable, Equatable {
        /// Behind its last instruction.
        case end
        case branch
        case endBlock, resume
        /// The budget was used up.
        case budget
    }

    let block: Block
    let state: UnsafeMutableRawPointer
    /// Results by node: values, conditions (0 or 1), vectors, and handles: host address or 0, and guest address.
    private var results: ContiguousArray<SIMD2<UInt64>>
    private var exit: Exit?

    private var core: UnsafeMutablePointer<CoreState> { state.assumingMemoryBound(to: CoreState.self) }

    /// Runs the block on the state from its first instruction, which the state's program counter is at. Each instruction
    /// takes one from the budget, and the block is left when that is 0.
    ///
    /// What a fault leaves is what the exception entry needs: the program counter is that of the instruction, which has
    /// not been taken from the budget.
    public static func run(_ block: Block, _ state: UnsafeMutableRawPointer) throws(Fault) -> Exit {
        var evaluator = Evaluator(block, state)
        return try evaluator.run()
    }

    private init(_ block: Block, _ state: UnsafeMutableRawPointer) {
        self.block = block
        self.state = state
        results = ContiguousArray(repeating: SIMD2(), count: block.nodes.count)
    }

    private mutating func run() throws(Fault) -> Exit {
        let start = core.pointee.programCounter
        for (number, instruction) in block.instructions.enumerated() {
            let address = start &+ UInt64(bitPattern: Int64(instruction.offset))
            core.pointee.programCounter = address
            let range = block.nodes(of: number)
            var index = range.lowerBound
            while index < range.upperBound && exit == nil {
                let node = block.nodes[index]
                if node.operation == .whenever && !holds(node.a) {
                    index = Int(truncatingIfNeeded: node.immediate)
                }
                do throws(Fault) {
                    results[index] = try evaluate(block.nodes[index], start: start)
                } catch {
                    core.pointee.programCounter = address
                    throw error
                }
                index += 1
            }
            let next = address &+ UInt64(instruction.length)
            if exit == nil || exit == .endBlock { core.pointee.programCounter = next }
            core.pointee.budget &-= 1
            if let exit { return exit }
            if core.pointee.budget == 0 { return .budget }
        }
        return .end
    }

    // MARK: Operands

    private func value(_ node: Int32) -> UInt64 { results[Int(node)].x }
    private func holds(_ node: Int32) -> Bool { results[Int(node)].x != 0 }
    private func vector(_ node: Int32) -> SIMD2<UInt64> { results[Int(node)] }

    /// The flags: those of the node that defined them, as the JIT would find them, where that says it all.
    private func flags(_ definition: Int32) -> FlagsRecord {
        guard definition != Node.none else { return core.pointee.flags }
        let node = block.nodes[Int(definition)]
        switch node.operation {
        case .setFlags: return record(node, result: node.a, node.b, node.c)
        case .setFlagsIf where holds(node.a): return record(node, result: node.b, node.c, node.d)
        case .setFlagsIf where !node.keepsFlags: return FlagsRecord(result: node.immediate)
        case .setRawFlags: return FlagsRecord(result: value(node.a))
        default: return core.pointee.flags
        }
    }

    private func record(_ node: Node, result: Int32, _ a: Int32, _ b: Int32) -> FlagsRecord {
        let first = node.flagsKind.keepsFirst ? value(a) : core.pointee.flags.first
        return FlagsRecord(
            kind: node.flagsKind, width: node.width, result: value(result), operand: value(b), first: first)
    }

    private func setRaw(_ flags: UInt64) {
        core.pointee.flags = FlagsRecord(result: flags, first: core.pointee.flags.first)
    }

    // MARK: Memory that was probed

    private func loadHeld(_ handle: Int32, _ offset: UInt64, _ width: Width) -> UInt64 {
        let held = vector(handle)
        guard let host = UnsafeRawPointer(bitPattern: UInt(held.x &+ offset)), held.x != 0 else {
            return Guest.loadHeld(state, held.y &+ offset, width, block.nodes[Int(handle)].attributes)
        }
        // SAFETY: the probe gave this address for at least `offset` and the width's bytes.
        switch width {
        case .byte: return UInt64(host.load(as: UInt8.self))
        case .half: return UInt64(UInt16(littleEndian: host.loadUnaligned(as: UInt16.self)))
        case .word: return UInt64(UInt32(littleEndian: host.loadUnaligned(as: UInt32.self)))
        case .double: return UInt64(littleEndian: host.loadUnaligned(as: UInt64.self))
        }
    }

    private func storeHeld(_ handle: Int32, _ offset: UInt64, _ value: UInt64, _ width: Width) {
        let held = vector(handle)
        guard let host = UnsafeMutableRawPointer(bitPattern: UInt(held.x &+ offset)), held.x != 0 else {
            return Guest.storeHeld(state, held.y &+ offset, value, width, block.nodes[Int(handle)].attributes)
        }
        // SAFETY: as above, and the probe was for writing.
        for byte in 0..<Int(width.bytes) {
            host.storeBytes(
                of: UInt8(truncatingIfNeeded: value &>> UInt64(8 * byte)), toByteOffset: byte, as: UInt8.self)
        }
    }

    // MARK: The operations

    private mutating func evaluate(_ node: Node, start: UInt64) throws(Fault) -> SIMD2<UInt64> {
        switch node.operation.result {
        case .value: return SIMD2(try evaluateValue(node, start), 0)
        case .condition: return SIMD2(evaluateCondition(node) ? 1 : 0, 0)
        case .vector: return evaluateVector(node)
        case .handle:
            let address = value(node.a)
            let host = try Guest.probe(
                state, address, bytes: UInt16(truncatingIfNeeded: node.immediate), write: node.isForWriting,
                node.attributes)
            return SIMD2(UInt64(UInt(bitPattern: host)), address)
        case .flags: evaluateFlags(node)
        case .nothing: try perform(node, start)
        }
        return SIMD2()
    }

    private func evaluateValue(_ node: Node, _ start: UInt64) throws(Fault) -> UInt64 {
        switch node.operation {
        case .constant: return node.immediate
        case .programCounter: return start &+ node.immediate
        case .register: return core.pointee.registers[Int(node.immediate)]
        case .state: return readState(node)
        case .binary: return node.binaryOperation.evaluate(node.width, value(node.a), value(node.b))
        case .unary: return node.unaryOperation.evaluate(node.width, value(node.a))
        case .extend: return node.extension.evaluate(value(node.a))
        case .addWithCarry: return node.width.zeroExtend(value(node.a) &+ value(node.b) &+ value(node.c))
        case .subtractWithBorrow: return node.width.zeroExtend(value(node.a) &- value(node.b) &- value(node.c))
        case .select: return node.width.zeroExtend(holds(node.a) ? value(node.b) : value(node.c))
        case .conditionValue: return holds(node.a) ? 1 : 0
        case .flags: return flags(node.a).raw
        case .load: return try Guest.load(state, value(node.a), node.width, node.attributes)
        case .loadHeld: return loadHeld(node.a, node.immediate, node.width)
        case .atomicUpdate:
            let old = loadHeld(node.a, 0, node.width)
            storeHeld(node.a, 0, node.atomicOperation.evaluate(node.width, old, value(node.b)), node.width)
            return old
        case .compareAndSwap:
            let old = loadHeld(node.a, 0, node.width)
            if old == node.width.zeroExtend(value(node.b)) { storeHeld(node.a, 0, value(node.c), node.width) }
            return old
        case .float:
            return Guest.float(
                node.floatOperation, node.format, state, value(node.a), value(node.b), value(node.c), node.rounding)
        case .floatToInteger:
            return Guest.floatToInteger(
                node.format, state, value(node.a), node.otherWidth, signed: node.isSigned, node.rounding)
        case .integerToFloat:
            return Guest.integerToFloat(
                node.format, state, value(node.a), node.otherWidth, signed: node.isSigned, node.rounding)
        case .convertFloat:
            return Guest.convertFloat(
                state, value(node.a), from: FloatSize(node.otherWidth), to: node.format, node.rounding)
        case .doubleword: return vector(node.a)[Int(node.immediate)]
        case .call: return try Guest.call(node.helper, state, value(node.a), value(node.b))
        default: preconditionFailure("\(node.operation) gives no value")
        }
    }

    private func evaluateCondition(_ node: Node) -> Bool {
        switch node.operation {
        case .truth: return node.immediate != 0
        case .compare: return node.comparison.evaluate(node.width, value(node.a), value(node.b))
        case .not: return !holds(node.a)
        case .and: return holds(node.a) && holds(node.b)
        case .or: return holds(node.a) || holds(node.b)
        case .condition: return node.conditionCode.holds(raw: flags(node.a).raw)
        case .consumeReservation:
            let reserved = core.pointee.reservation
            core.pointee.reservation = 0
            return reserved != 0 && reserved == value(node.a)
        default: preconditionFailure("\(node.operation) gives no condition")
        }
    }

    private func evaluateVector(_ node: Node) -> SIMD2<UInt64> {
        switch node.operation {
        case .vectorRegister:
            let index = 2 * Int(node.immediate)
            return SIMD2(core.pointee.vectors[index], core.pointee.vectors[index + 1])
        case .vector: return SIMD2(value(node.a), value(node.b))
        case .vectorBinary: return node.vectorOperation.evaluate(node.width, vector(node.a), vector(node.b))
        case .vectorUnary: return node.vectorUnaryOperation.evaluate(node.width, vector(node.a))
        case .vectorShift:
            return node.vectorShiftOperation.evaluate(
                node.width, vector(node.a), by: UInt8(truncatingIfNeeded: node.immediate))
        case .vectorExtract:
            return vector(node.a).extracted(vector(node.b), from: UInt8(truncatingIfNeeded: node.immediate))
        case .vectorSaturating:
            let (result, saturated) = node.vectorSaturatingOperation.evaluate(
                node.width, vector(node.a), vector(node.b), vector(node.c))
            if saturated { core.pointee.saturated = 1 }
            return result
        case .vectorFloat:
            return Guest.vectorFloat(
                node.floatOperation, node.format, lanes: UInt8(truncatingIfNeeded: node.immediate), state,
                vector(node.a), vector(node.b), vector(node.c), node.rounding)
        case .cryptographic:
            return node.cryptographicOperation.evaluate(vector(node.a), vector(node.b), vector(node.c))
        default: preconditionFailure("\(node.operation) gives no vector")
        }
    }

    private func evaluateFlags(_ node: Node) {
        switch node.operation {
        case .setFlags: core.pointee.flags = record(node, result: node.a, node.b, node.c)
        case .setFlagsIf:
            if holds(node.a) {
                core.pointee.flags = record(node, result: node.b, node.c, node.d)
            } else if !node.keepsFlags {
                setRaw(node.immediate)
            }
        case .setRawFlags: setRaw(value(node.a))
        default: preconditionFailure("\(node.operation) defines no flags")
        }
    }

    private mutating func perform(_ node: Node, _ start: UInt64) throws(Fault) {
        switch node.operation {
        case .setRegister: core.pointee.registers[Int(node.immediate)] = value(node.a)
        case .setRegisterPart:
            let position = UInt64(node.detail)
            let mask = node.width.mask << position
            let old = core.pointee.registers[Int(node.immediate)]
            core.pointee.registers[Int(node.immediate)] = old & ~mask | value(node.a) << position & mask
        case .setState: writeState(node, value(node.a))
        case .store: try Guest.store(state, value(node.a), value(node.b), node.width, node.attributes)
        case .storeHeld: storeHeld(node.a, node.immediate, value(node.b), node.width)
        case .storeHeldIf:
            if holds(node.a) { storeHeld(node.b, node.immediate, value(node.c), node.width) }
        case .reserve: core.pointee.reservation = value(node.a)
        case .setVectorRegister:
            let index = 2 * Int(node.immediate)
            core.pointee.vectors[index] = vector(node.a).x
            core.pointee.vectors[index + 1] = vector(node.a).y
        case .branch:
            if holds(node.a) { leave(for: start &+ node.immediate) }
        case .jump: leave(for: start &+ node.immediate)
        case .jumpIndirect: leave(for: value(node.a))
        case .trap:
            if holds(node.a) {
                core.pointee.fault = FaultRecord(cause: node.immediate, value: value(node.b))
                throw Fault()
            }
        case .undefined: throw Guest.undefined(state)
        case .require:
            switch node.unit {
            case .floatingPoint: if core.pointee.floatEnabled == 0 { throw Guest.disabled(state, .floatingPoint) }
            case .dynamicRounding: if core.pointee.floatRounding > 4 { throw Guest.disabled(state, .dynamicRounding) }
            }
        case .whenever, .endWhenever: break
        // Only a translator's recordings have these: what they stand for is recorded otherwise for an evaluator.
        case .expect, .uncount, .setContext: preconditionFailure("\(node.operation) is for translated code alone")
        case .endBlock: exit = .endBlock
        case .resume: exit = .resume
        default: preconditionFailure("\(node.operation) has a result")
        }
    }

    private mutating func leave(for address: UInt64) {
        core.pointee.programCounter = address
        exit = .branch
    }

    // MARK: Fields of the state

    private func readState(_ node: Node) -> UInt64 {
        let field = state + Int(truncatingIfNeeded: node.immediate)
        // SAFETY: semantics name fields of the state block that `state` points to.
        switch node.width {
        case .byte: return UInt64(field.load(as: UInt8.self))
        case .half: return UInt64(field.loadUnaligned(as: UInt16.self))
        case .word: return UInt64(field.loadUnaligned(as: UInt32.self))
        case .double: return field.loadUnaligned(as: UInt64.self)
        }
    }

    private func writeState(_ node: Node, _ value: UInt64) {
        let field = state + Int(truncatingIfNeeded: node.immediate)
        // SAFETY: as above.
        switch node.width {
        case .byte: field.storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
        case .half: field.storeBytes(of: UInt16(truncatingIfNeeded: value), as: UInt16.self)
        case .word: field.storeBytes(of: UInt32(truncatingIfNeeded: value), as: UInt32.self)
        case .double: field.storeBytes(of: value, as: UInt64.self)
        }
    }
}
