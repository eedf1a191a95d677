import ISA

/// Memory.
extension X64.Generator {
    /// A run of accesses off one base that the TLB was asked for once.
    struct AccessGroup {
        /// The node of the base.
        let base: Int32
        let isWrite: Bool
        /// The offsets that were checked.
        let offsets: Range<Int32>
        /// Holds the distance to the host's memory, or, with ``holdsBase``, the base in it.
        let register: Register
        let holdsBase: Bool
    }

    /// An access's base and offset. A base without a node is an address by itself, and the offset is 0.
    private func parts(_ address: Int32) -> (base: Int32, offset: Int32) {
        let node = block.nodes[Int(address)]
        guard analysis[address].isDeferred, node.operation == .binary else { return (address, 0) }
        return (node.a, Int32(truncatingIfNeeded: block.nodes[Int(node.b)].immediate))
    }

    /// The host's memory for `bytes` bytes at the address. The instruction is left to the interpreter where neither the
    /// TLB nor a walk of the page tables finds memory for all of them.
    mutating func hostMemory(
        _ address: Int32, bytes: Int32, isWrite: Bool, isAligned: Bool = false, isUnprivileged: Bool = false,
        isUpdate: Bool = false
    ) -> Memory {
        let (base, offset) = parts(address)
        if isUnprivileged { return checkUnprivileged(base, offset, bytes, isWrite: isWrite) }
        if !isAligned, let group, group.base == base, group.isWrite == isWrite,
            group.offsets.lowerBound <= offset, offset + bytes <= group.offsets.upperBound
        {
            locked |= 1 << UInt16(group.register.rawValue)
            if group.holdsBase { return Memory(group.register, offset) }
            if let register = register(of: base) { return Memory(register, offset, index: group.register) }
        }
        let offsets = isAligned ? offset..<offset + bytes : span(base, offset, bytes, isWrite: isWrite)
        return check(
            base, offset, bytes, offsets, isWrite: isWrite, isUpdate: isUpdate, alignment: isAligned ? bytes : 1)
    }

    /// The offsets of all accesses off `base` from here to where the segment ends.
    private func span(_ base: Int32, _ offset: Int32, _ bytes: Int32, isWrite: Bool) -> Range<Int32> {
        var result = offset..<offset + bytes
        guard switches.contains(.accessGroups) else { return result }
        let last = min(block.instructions.count, instruction + leftInSegment) - 1
        let end = block.nodes(of: last).upperBound
        for index in Int(current) + 1..<max(Int(current) + 1, end) {
            let node = block.nodes[index]
            guard node.operation == (isWrite ? .store : .load) else { continue }
            let other = parts(node.a)
            guard other.base == base else { continue }
            let low = min(result.lowerBound, other.offset)
            let high = max(result.upperBound, other.offset + Int32(node.width.bytes))
            if high - low <= 512 { result = low..<high }
        }
        return result
    }

    /// The base of an access where it can stay: its home, or rdx. rax and rcx are free then, and rdx is where it is not the
    /// base.
    private mutating func place(ofBase base: Int32) -> (register: Register, isHome: Bool) {
        group = nil
        if case .temporary(let register) = places[Int(base)], register != .rdx, !isNeededBesideAddress(base) {
            // It need not be kept from being in the way.
            take(.rdx)
            assembler.move(.rdx, register)
            owners[Int(register.rawValue)] = Self.free
            take(.rax)
            take(.rcx)
            return (.rdx, false)
        }
        take(.rax)
        take(.rcx)
        let home: Register?
        if constant(base) == nil, let register = register(of: base), !Role.temporaries.contains(register) {
            take(.rdx)
            home = register
        } else {
            // What rdx holds may be the base itself.
            if register(of: base) != .rdx || constant(base) != nil {
                take(.rdx)
                move(.rdx, base)
            } else {
                evictKeeping(.rdx)
            }
            home = nil
        }
        return (home ?? .rdx, home != nil)
    }

    /// An access of less privilege than the code's goes by another context's TLB. What that does not have is left to the
    /// interpreter, which enters it.
    private mutating func checkUnprivileged(_ base: Int32, _ offset: Int32, _ bytes: Int32, isWrite: Bool) -> Memory {
        let (register, isHome) = place(ofBase: base)
        let slow = stub(.interpret)
        if blocksLeft != nil { assembler.jump(slow) }
        checkTLB(register, offset, bytes, isWrite, slow, assembler.label(), isUnprivileged: true)
        locked &= ~(1 << UInt16(Register.rax.rawValue) | 1 << UInt16(Register.rcx.rawValue))
        return isHome ? Memory(register, offset, index: .rdx) : Memory(.rdx, offset)
    }

    private mutating func check(
        _ base: Int32, _ offset: Int32, _ bytes: Int32, _ offsets: Range<Int32>, isWrite: Bool, isUpdate: Bool,
        alignment: Int32
    ) -> Memory {
        let span = offsets.upperBound - offsets.lowerBound
        let low = offsets.lowerBound
        let (register, isHome) = place(ofBase: base)
        let (again, checked) = (assembler.label(), assembler.label())
        let direct = !isWrite && alignment == 1 && switches.contains(.directReads) ? direct : nil
        // What is not RAM is left to the interpreter where there is no TLB to ask.
        let slow =
            direct != nil
            ? stub(.interpret)
            : stub(
                .enterPage(
                    base: register, offset: offset, span: offsets, isWrite: isWrite, isUpdate: isUpdate, again: again,
                    checked: checked))
        if alignment > 1 {
            assembler.address(.rax, Memory(register, low))
            assembler.test(.register(.rax), constant: alignment - 1, .byte)
            assembler.jump(if: .notEqual, stub(.interpret))
        }
        if blocksLeft != nil { assembler.jump(slow) }
        assembler.bind(again)
        if let direct {
            checkDirect(direct, register, low, span, slow)
        } else {
            // No other access comes by: the base and the distance are added by the access itself.
            if !isHome, offsets.count == bytes {
                checkTLB(register, low, span, isWrite, slow, checked, lead: .rcx)
                locked &= ~(1 << UInt16(Register.rax.rawValue))
                return Memory(.rdx, offset, index: .rcx)
            }
            checkTLB(register, low, span, isWrite, slow, checked)
        }
        locked &= ~(1 << UInt16(Register.rax.rawValue) | 1 << UInt16(Register.rcx.rawValue))
        if isHome {
            group = AccessGroup(base: base, isWrite: isWrite, offsets: offsets, register: .rdx, holdsBase: false)
            return Memory(register, offset, index: .rdx)
        }
        group = AccessGroup(base: base, isWrite: isWrite, offsets: offsets, register: .rdx, holdsBase: true)
        return Memory(.rdx, offset)
    }

    /// The result is needed by another node than the access in progress, or is stored by that.
    private func isNeededBesideAddress(_ node: Int32) -> Bool {
        let access = block.nodes[Int(current)]
        return analysis[node].lastUse > current || access.operation == .store && access.b == node
    }

    /// The node that the register holds is moved elsewhere if it is still needed; the register keeps the value.
    private mutating func evictKeeping(_ register: Register) {
        let node = owners[Int(register.rawValue)]
        if node != Self.free, !isNeededBesideAddress(node) {
            owners[Int(register.rawValue)] = Self.free
        } else {
            evict(register)
        }
        locked |= 1 << UInt16(register.rawValue)
    }

    /// Compares with the bounds of the RAM. - Postcondition: rdx leads to the host's memory.
    private mutating func checkDirect(
        _ direct: DirectMemory, _ register: Register, _ low: Int32, _ span: Int32, _ slow: Label
    ) {
        let distance = Int64(low) - Int64(bitPattern: direct.base)
        if let displacement = Int32(exactly: distance) {
            assembler.address(.rcx, Memory(register, displacement))
        } else {
            assembler.move(.rcx, constant: UInt64(bitPattern: distance))
            assembler.arithmetic(.add, .rcx, .register(register))
        }
        let limit = direct.size - UInt64(span)
        if let value = Int32(exactly: limit) {
            assembler.arithmetic(.compare, .register(.rcx), constant: value)
        } else {
            assembler.move(.rax, constant: limit)
            assembler.arithmetic(.compare, .rcx, .register(.rax))
        }
        assembler.jump(if: .above, slow)
        lead(register, Role.contextField(\.directAddend))
    }

    /// Looks into the TLB. For reads the entry's tag and the address differ in nothing but the offset in the page where it
    /// is the page's, and that must leave room for the whole span. For writes this is
    /// ``TranslationContext/WriteEntry/mayWrite(_:bytes:)``.
    private mutating func checkTLB(
        _ register: Register, _ low: Int32, _ span: Int32, _ isWrite: Bool, _ slow: Label, _ checked: Label,
        isUnprivileged: Bool = false, lead distance: Register? = nil
    ) {
        findEntry(register, low, isWrite)
        // The entry's distance from the context in use becomes its address in the other one.
        if isUnprivileged { assembler.arithmetic(.add, .rcx, .memory(Role.field(\.unprivileged))) }
        func memory(_ field: Memory) -> Memory { isUnprivileged ? Memory(.rcx, field.displacement) : field }
        if isWrite {
            let limit = memory(Self.writeEntry(\.limit))
            assembler.arithmetic(.subtract, .rax, .memory(memory(Self.writeEntry(\.start))))
            if span > 8 {
                // The last 8 bytes must begin within the limit. What begins before the window by less wraps here.
                assembler.arithmetic(.add, .register(.rax), constant: span - 8)
                assembler.jump(if: .below, slow)
            }
            assembler.arithmetic(.compare, .rax, .memory(limit))
            assembler.jump(if: .above, slow)
        } else {
            assembler.arithmetic(.xor, .rax, .memory(memory(Self.readEntry(\.tag))))
            assembler.arithmetic(.compare, .register(.rax), constant: 4096 - span)
            assembler.jump(if: .above, slow)
        }
        assembler.bind(checked)
        if let distance {
            return assembler.load(distance, Self.writeOrReadAddend(isWrite))
        }
        lead(register, memory(Self.writeOrReadAddend(isWrite)))
    }

    /// rax = the address, rcx = the distance of its entry from the first.
    mutating func findEntry(_ register: Register, _ low: Int32, _ isWrite: Bool) {
        if low == 0 { assembler.move(.rax, register) } else { assembler.address(.rax, Memory(register, low)) }
        let stride =
            isWrite
            ? MemoryLayout<TranslationContext.WriteEntry>.stride : MemoryLayout<TranslationContext.ReadEntry>.stride
        let entryShift: UInt8 = 12 - UInt8(stride.trailingZeroBitCount)
        if host.contains(.bmi2) {
            assembler.rotateRight(.rcx, .register(.rax), by: entryShift, .word)
        } else {
            assembler.move(.rcx, .rax, .word)
            assembler.shift(.logicalRight, .register(.rcx), by: entryShift, .word)
        }
        let mask = (TranslationContext.dataEntries - 1) * stride
        assembler.arithmetic(.and, .register(.rcx), constant: Int32(mask), .word)
    }

    /// What enters a page for accesses to the span. Where a write looks for code beside the window, it looks at two granules,
    /// so that no more than one may lie between the ends. Who injects faults wants the page to be entered instead.
    func enterPage(_ span: Range<Int32>, isWrite: Bool) -> UInt {
        let looksForCode = isWrite && span.count <= Int(PhysicalMemory.granule) && blocksLeft == nil
        return looksForCode ? trampolines.enterPageBesideCode : trampolines.enterPage
    }

    /// rdx = the distance to the host's memory, added to the base where that is in rdx.
    private mutating func lead(_ register: Register, _ addend: Memory) {
        if register == .rdx {
            assembler.arithmetic(.add, .rdx, .memory(addend))
        } else {
            assembler.load(.rdx, addend)
        }
    }

    /// A field of the entry at the distance in rcx.
    private static func readEntry(_ field: KeyPath<TranslationContext.ReadEntry, UInt64>) -> Memory {
        // A stored property has an offset.
        let offset = MemoryLayout<TranslationContext.ReadEntry>.offset(of: field)!
        return Memory(Role.context, Int32(TranslationContext.readsOffset + offset), index: .rcx)
    }

    private static func writeOrReadAddend(_ isWrite: Bool) -> Memory {
        isWrite ? writeEntry(\.addend) : readEntry(\.addend)
    }

    static func writeEntry(_ field: KeyPath<TranslationContext.WriteEntry, UInt64>) -> Memory {
        let offset = MemoryLayout<TranslationContext.WriteEntry>.offset(of: field)!
        return Memory(Role.context, Int32(TranslationContext.writesOffset + offset), index: .rcx)
    }

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
        group = nil
        assembler.address(.rdx, memory)
        finishInTemporary(.rdx)
    }

    private mutating func held(_ handle: Int32, _ offset: UInt64 = 0) -> Memory {
        Memory(intoRegister(handle), Int32(truncatingIfNeeded: offset))
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
            let result = scratch()
            assembler.load(result, memory, node.width)
            finishInTemporary(result)
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
            let value = intoRegister(node.b)
            assembler.store(memory, value, node.width)
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

extension Node {
    /// An access of more than a byte whose address has to be a multiple of its size.
    fileprivate var needsAlignment: Bool { attributes.contains(.aligned) && width != .byte }
}
