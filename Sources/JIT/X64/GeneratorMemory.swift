import ISA

/// Memory.
extension X64.Generator {
    // MARK: Loads and stores

    mutating func generateLoad(_ node: Node) {
        let memory = hostMemory(
            node.a, bytes: Int32(node.width.bytes), isWrite: false, isAligned: node.needsAlignment,
            isUnprivileged: node.attributes.contains(.unprivileged))
        // A sign extension that is the only user is made by the load.
        if let next = soleExtension(node) {
            current = next
            let target = target()
            assembler.loadSigned(target, memory, node.width)
            finish(target)
            return
        }
        if isForVector(node) { return loadVector(memory, node.width) }
        if isLowPartAlone(node) {
            let result = scratchVector()
            assembler.load(result, memory, node.width)
            return finishWhole(result)
        }
        let target = target()
        assembler.load(target, memory, node.width)
        finish(target)
    }

    /// What is loaded becomes the low part of a vector, with zeros above it, and nothing else.
    private func isLowPartAlone(_ node: Node) -> Bool {
        let facts = analysis[current]
        return map.hasVectors && (node.width == .word || node.width == .double) && facts.uses > 0
            && facts.uses == facts.partUses
    }

    /// The node behind the one in progress, where it extends its result with the sign and nobody else needs it.
    private func soleExtension(_ node: Node) -> Int32? {
        guard switches.contains(.destinations), analysis[current].uses == 1, Int(current) + 1 < block.nodes.count else {
            return nil
        }
        let next = block.nodes[Int(current) + 1]
        guard next.operation == .extend, next.a == current, !analysis[current + 1].isDead else { return nil }
        switch (next.extension, node.width) {
        case (.signed8, .byte), (.signed16, .half), (.signed32, .word): return current + 1
        default: return nil
        }
    }

    mutating func generateStore(_ node: Node) {
        let memory = hostMemory(
            node.a, bytes: Int32(node.width.bytes), isWrite: true, isAligned: node.needsAlignment,
            isUnprivileged: node.attributes.contains(.unprivileged))
        if analysis[node.b].isDeferred, let part = lowPart(node.b) {
            let vector = intoWhole(part.vector)
            return assembler.store(memory, vector, node.width)
        }
        store(memory, node.b, node.width)
    }

    /// memory = the result of `node`.
    private mutating func store(_ memory: Memory, _ node: Int32, _ width: Width) {
        if let value = immediate(node, width) {
            return assembler.store(memory, constant: value, width)
        }
        if let vector = vectorRegister(of: node), width == .word || width == .double {
            return assembler.store(memory, vector, width)
        }
        let register = intoRegister(node)
        assembler.store(memory, register, width)
    }

    // MARK: Atomic updates

    // The harts of a machine take turns in one thread, so that nothing comes between a load and a store.

    /// A write that the TLB allows, at an aligned address; the result is the host's address, in rdx.
    mutating func generateProbe(_ node: Node) {
        let memory = hostMemory(
            node.a, bytes: Int32(truncatingIfNeeded: node.immediate), isWrite: node.isForWriting,
            isAligned: node.attributes.contains(.aligned),
            isUpdate: node.isForWriting && node.attributes.contains(.atomic) && !node.attributes.contains(.exclusive))
        defer { finishInTemporary(.rdx) }
        guard node.isPlainAccess else { return assembler.address(.rdx, memory) }
        if memory.base == .rdx, memory.index == nil, handle.map({ analysis[$0.node].lastUse <= current }) ?? true {
            // rdx stays as it is, for what comes behind.
            handle = Handle(node: current, offset: memory.displacement)
            return
        }
        assembler.address(.rdx, memory)
        group?.value = .root(plus: chains[current].offset)
    }

    /// A handle whose register holds less than the address, by the offset.
    struct Handle {
        let node: Int32
        let offset: Int32
    }

    /// What is at the offset in the handle.
    mutating func held(_ handle: Int32, _ offset: UInt64 = 0) -> Memory {
        let more = self.handle?.node == handle ? self.handle?.offset ?? 0 : 0
        return Memory(intoRegister(handle), Int32(truncatingIfNeeded: offset) + more)
    }

    mutating func generateHeld(_ node: Node) {
        switch node.operation {
        case .loadHeld:
            let memory = held(node.a, node.immediate)
            if isLowPartAlone(node) {
                let result = scratchVector()
                assembler.load(result, memory, node.width)
                return finishWhole(result)
            }
            let result = target()
            assembler.load(result, memory, node.width)
            finish(result)
        case .storeHeld:
            let memory = held(node.a, node.immediate)
            if let vector = analysis[current].stored {
                let register = intoWhole(vector)
                return assembler.storeVector(memory, register)
            }
            if analysis[node.b].isDeferred, let part = lowPart(node.b) {
                let vector = intoWhole(part.vector)
                return assembler.store(memory, vector, node.width)
            }
            store(memory, node.b, node.width)
        case .storeHeldIf:
            let memory = held(node.b, node.immediate)
            let value = intoRegister(node.c)
            let skip = assembler.label()
            let condition = test(node.a)
            assembler.jump(if: condition.inverted, skip)
            assembler.store(memory, value, node.width)
            assembler.bind(skip)
        case .reserve:
            let memory = held(node.a)
            assembler.store(Role.field(\.reservation), memory.base)
        case .consumeReservation:
            let memory = held(node.a)
            let result = scratch()
            assembler.arithmetic(.compare, memory.base, .memory(Role.field(\.reservation)))
            assembler.set(.equal, result)
            assembler.extendZero(result, result, .byte)
            assembler.store(Role.field(\.reservation), constant: 0)
            finishInTemporary(result)
        case .atomicUpdate: generateAtomicUpdate(node)
        case .compareAndSwap: generateCompareAndSwap(node)
        default: preconditionFailure("\(node) holds no memory")
        }
    }

    private mutating func generateAtomicUpdate(_ node: Node) {
        let memory = held(node.a)
        let old = scratch()
        assembler.load(old, memory, node.width)
        let new = scratch()
        move(new, node.b)
        switch node.atomicOperation {
        case .swap: break
        case .add: assembler.arithmetic(.add, new, .register(old), node.width)
        case .and: assembler.arithmetic(.and, new, .register(old), node.width)
        case .or: assembler.arithmetic(.or, new, .register(old), node.width)
        case .xor: assembler.arithmetic(.xor, new, .register(old), node.width)
        case .clear:
            assembler.unary(.not, .register(new))
            assembler.arithmetic(.and, new, .register(old), node.width)
        case .minimumSigned: keepOld(old, new, node.width, if: .less)
        case .maximumSigned: keepOld(old, new, node.width, if: .greater)
        case .minimumUnsigned: keepOld(old, new, node.width, if: .below)
        case .maximumUnsigned: keepOld(old, new, node.width, if: .above)
        }
        assembler.store(memory, new, node.width)
        finishInTemporary(old)
    }

    private mutating func keepOld(_ old: Register, _ new: Register, _ width: Width, if condition: X64.Condition) {
        assembler.arithmetic(.compare, old, .register(new), width)
        assembler.move(if: condition, new, .register(old), width)
    }

    private mutating func generateCompareAndSwap(_ node: Node) {
        let memory = held(node.a)
        let old = scratch()
        assembler.load(old, memory, node.width)
        let other = scratch()
        move(other, node.b)
        let skip = assembler.label()
        assembler.arithmetic(.compare, old, .register(other), node.width)
        assembler.jump(if: .notEqual, skip)
        move(other, node.c)
        assembler.store(memory, other, node.width)
        assembler.bind(skip)
        finishInTemporary(old)
    }
}
