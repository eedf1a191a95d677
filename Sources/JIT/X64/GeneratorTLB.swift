import ISA

/// Where an access goes in the host: through the context's TLB, or straight to it where nothing is translated.
extension X64.Generator {
    /// Accesses off one root that the TLB was asked for once. What came of it is in rdx, up to the next access that asks for
    /// itself, and in a spill slot where it is wanted behind that.
    struct AccessGroup {
        /// What the offsets are from: the first node with that value.
        let root: Int32
        let isWrite: Bool
        /// The offsets that were checked.
        let offsets: Range<Int32>
        /// What rdx holds.
        var value: Value
        var kept: (slot: UInt8, value: Value)?

        enum Value: Equatable {
            /// The distance to the host's memory.
            case distance
            /// Where the root is in the host's memory, and so many bytes more.
            case root(plus: Int32)
        }
    }

    /// Groups whose values are in spill slots alone: no more than these, so that there are slots left.
    private var mostKept: Int { (~absentSpills).nonzeroBitCount * 3 / 8 }
    /// Bytes that are looked for at once in a page.
    private static let mostApart: Int32 = 512
    /// Bytes that are looked for at once where the last of them may not be read.
    private static let mostAhead: Int32 = 128

    /// An access at `base` + `offset`, in the middle of what is looked for at once.
    struct PageAccess {
        let base: Register
        let offset: Int32
        let span: Range<Int32>
        let isWrite: Bool
        var isUpdate = false
        var isUnprivileged = false
        /// Where the distance to the host's memory goes. Without, it goes to rdx, added to the base where that is there.
        var distance: Register? = nil
        /// The TLB is asked here,
        let again: Label
        /// an entry was found, whose place is in rcx, here,
        let found: Label
        /// and here the distance is where it goes, for who looks into ``TranslationContext/Window`` first.
        var joined: Label? = nil
    }

    /// The host's memory for `bytes` bytes at the address. The instruction is left to the interpreter where neither the
    /// TLB nor a walk of the page tables finds memory for all of them.
    mutating func hostMemory(
        _ address: Int32, bytes: Int32, isWrite: Bool, isAligned: Bool = false, isUnprivileged: Bool = false,
        isUpdate: Bool = false
    ) -> Memory {
        let (base, offset) = AccessChains.parts(of: address, block, analysis)
        if isUnprivileged { return checkUnprivileged(base, offset, bytes, isWrite: isWrite) }
        if block.nodes[Int(current)].isPlainAccess {
            if let memory = served(base, offset) { return memory }
        } else {
            leaveGroup()
        }
        // It was left out for a group, which was to be there still.
        if places[Int(base)] == .none { hasFailed = true }
        return check(
            base, offset, bytes, isWrite: isWrite, isUpdate: isUpdate, alignment: isAligned ? bytes : 1)
    }

    // MARK: Groups. Their offsets are from the root of the accesses (``AccessChains/Access/root``)

    private func offsets(of access: Int32) -> Range<Int32> {
        let offset = chains[access].offset
        return offset..<offset + block.nodes[Int(access)].accessBytes
    }

    /// The offsets of the access in progress, and of those off the same root from here to where the segment ends.
    private func span() -> Range<Int32> {
        var result = offsets(of: current)
        guard switches.contains(.accessGroups) else { return result }
        let last = min(block.instructions.count, instruction + leftInSegment) - 1
        let end = Int32(truncatingIfNeeded: block.nodes(of: last).upperBound)
        let here = chains[current]
        let isWrite = block.nodes[Int(current)].isWrite
        // What is compared with bounds may go on in the next page.
        let hasBounds = isWrite ? hasWriteWindow : hasReadWindow || direct != nil && switches.contains(.directReads)
        let mostApart = hasBounds ? Int32(TranslationContext.Window.longestAccess) : Self.mostApart
        var next = here.next
        while next != Node.none, next < end {
            let access = chains[next]
            let other = offsets(of: next)
            let low = min(result.lowerBound, other.lowerBound)
            let high = max(result.upperBound, other.upperBound)
            // What a loop moves its base on to for the next round may be another page's.
            let isNear =
                access.base == here.base || access.branches == here.branches
                || hasBounds && !isWrite && high - low <= Self.mostAhead
            if isNear, high - low <= mostApart { result = low..<high }
            next = access.next
        }
        return result
    }

    /// The next access that a group of the one in progress serves, if it has checked the offsets.
    private func nextServed(by offsets: Range<Int32>) -> Int32? {
        guard switches.contains(.accessGroups) else { return nil }
        var next = chains[current].next
        while next != Node.none {
            let other = self.offsets(of: next)
            if offsets.lowerBound <= other.lowerBound, other.upperBound <= offsets.upperBound { return next }
            next = chains[next].next
        }
        return nil
    }

    /// The group is in rdx. Its value goes to a spill slot as well where an access comes before the next one that it serves:
    /// here, since what wants rdx later may be code that does not always run.
    private mutating func enter(_ group: AccessGroup) {
        var group = group
        if let next = nextServed(by: group.offsets) {
            if group.kept == nil, keptGroups.count < mostKept,
                chains[next].number - chains[current].number > 1
            {
                let slot = spillSlot()
                assembler.store(Role.field(CoreState.spillOffset + 8 * Int(slot)), .rdx)
                group.kept = (slot, group.value)
            }
        } else if let kept = group.kept {
            usedSpills &= ~(1 << UInt64(kept.slot))
            group.kept = nil
        }
        self.group = group
    }

    /// rdx is wanted for something else.
    mutating func leaveGroup() {
        guard var group else { return }
        self.group = nil
        guard let kept = group.kept else { return }
        group.value = kept.value
        keptGroups.append(group)
    }

    /// What was found out holds no longer.
    mutating func forgetGroups() {
        leaveGroup()
        for group in keptGroups { if let kept = group.kept { usedSpills &= ~(1 << UInt64(kept.slot)) } }
        keptGroups.removeAll(keepingCapacity: true)
    }

    private func serves(_ group: AccessGroup, _ access: Int32) -> Bool {
        let offsets = offsets(of: access)
        return group.root == chains[access].root && group.isWrite == block.nodes[Int(access)].isWrite
            && group.offsets.lowerBound <= offsets.lowerBound && offsets.upperBound <= group.offsets.upperBound
    }

    /// The host's memory for the access in progress where a group has it.
    private mutating func served(_ base: Int32, _ offset: Int32) -> Memory? {
        if let group, serves(group, current) {
            locked |= 1 << UInt16(Register.rdx.rawValue)
            return use(group, base, offset)
        }
        guard let place = keptGroups.firstIndex(where: { serves($0, current) }) else { return nil }
        let isDistance = keptGroups[place].value == .distance
        leaveGroup()
        // The group is among those that are kept meanwhile: making room may ask for spill slots.
        if isDistance {
            take(.rdx)
        } else {
            evictKeeping(.rdx)
        }
        let group = keptGroups.remove(at: place)
        guard let kept = group.kept else { return nil }
        assembler.load(.rdx, Role.field(CoreState.spillOffset + 8 * Int(kept.slot)))
        return use(group, base, offset)
    }

    /// The access in progress is one of the group's, whose value is in rdx.
    private mutating func use(_ group: AccessGroup, _ base: Int32, _ offset: Int32) -> Memory {
        enter(group)
        switch group.value {
        case .root(let more): return Memory(.rdx, chains[current].offset - more)
        case .distance:
            let register = intoRegister(base)
            return Memory(register, offset, index: .rdx)
        }
    }

    /// Whether the node is an address that need not be computed, since a group has the host's memory for the one access there.
    func isServed(_ index: Int) -> Bool {
        let facts = analysis[index]
        guard facts.uses == 1, facts.addressUses == 1, block.nodes[index].operation == .binary else { return false }
        let access = block.nodes[Int(facts.lastUse)]
        // Both belong to one instruction, and no other access lies between them.
        guard access.operation.isAccess, Int(access.a) == index, access.isPlainAccess,
            block.nodes(of: instruction).contains(Int(facts.lastUse)),
            !block.nodes[index..<Int(facts.lastUse)].contains(where: { $0.operation.isAccess || $0.operation == .call })
        else { return false }
        // What is in rdx alone may have to make room.
        if let group, serves(group, facts.lastUse) {
            guard group.value != .distance else { return false }
            return Int(facts.lastUse) == index + 1 || group.kept.map { $0.value != .distance } ?? false
        }
        return keptGroups.contains { serves($0, facts.lastUse) && $0.value != .distance }
    }

    /// The base of an access where it can stay: its home, or rdx. rax and rcx are free then, and rdx is where it is not the
    /// base.
    private mutating func place(ofBase base: Int32) -> (register: Register, isHome: Bool) {
        leaveGroup()
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
        let access = PageAccess(
            base: register, offset: offset, span: offset..<offset + bytes, isWrite: isWrite, isUnprivileged: true,
            again: assembler.label(), found: assembler.label())
        let slow = stub(.interpret)
        if blocksLeft != nil { assembler.jump(slow) }
        checkTLB(access, slow)
        locked &= ~(1 << UInt16(Register.rax.rawValue) | 1 << UInt16(Register.rcx.rawValue))
        return isHome ? Memory(register, offset, index: .rdx) : Memory(.rdx, offset)
    }

    private mutating func check(
        _ base: Int32, _ offset: Int32, _ bytes: Int32, isWrite: Bool, isUpdate: Bool, alignment: Int32
    ) -> Memory {
        let isPlain = block.nodes[Int(current)].isPlainAccess
        let grouped = isPlain ? span() : offset..<offset + bytes
        /// From the root to the base.
        let more = isPlain ? chains[current].offset - offset : 0
        let offsets = grouped.lowerBound - more..<grouped.upperBound - more
        let (register, isHome) = place(ofBase: base)
        let direct = !isWrite && alignment == 1 && switches.contains(.directReads) ? direct : nil
        // No other access comes by: the base and the distance are added by the access itself.
        let isAlone = direct == nil && !isHome && offsets.count == bytes && nextServed(by: grouped) == nil
        let access = PageAccess(
            base: register, offset: offset, span: offsets, isWrite: isWrite, isUpdate: isUpdate,
            distance: isAlone ? .rcx : nil, again: assembler.label(), found: assembler.label(),
            joined: (isWrite ? hasWriteWindow : hasReadWindow) ? assembler.label() : nil)
        // What is not RAM is left to the interpreter where there is no TLB to ask.
        let slow = stub(direct != nil ? .interpret : .enterPage(access))
        if alignment > 1 {
            assembler.address(.rax, Memory(register, offsets.lowerBound))
            assembler.test(.register(.rax), constant: alignment - 1, .byte)
            assembler.jump(if: .notEqual, stub(.interpret))
        }
        if blocksLeft != nil { assembler.jump(slow) }
        assembler.bind(access.again)
        if let direct {
            checkDirect(direct, access, slow)
        } else {
            checkTLB(access, slow)
        }
        locked &= ~(1 << UInt16(Register.rax.rawValue))
        if isAlone { return Memory(.rdx, offset, index: .rcx) }
        locked &= ~(1 << UInt16(Register.rcx.rawValue))
        if isPlain {
            enter(
                AccessGroup(
                    root: chains[current].root, isWrite: isWrite, offsets: grouped,
                    value: isHome ? .distance : .root(plus: more)))
        }
        return isHome ? Memory(register, offset, index: .rdx) : Memory(.rdx, offset)
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

    /// Compares with the bounds of the RAM, and leads to it.
    private mutating func checkDirect(_ direct: DirectMemory, _ access: PageAccess, _ slow: Label) {
        let distance = Int64(access.span.lowerBound) - Int64(bitPattern: direct.base)
        if let displacement = Int32(exactly: distance) {
            assembler.address(.rcx, Memory(access.base, displacement))
        } else {
            assembler.move(.rcx, constant: UInt64(bitPattern: distance))
            assembler.arithmetic(.add, .rcx, .register(access.base))
        }
        let limit = direct.size - UInt64(access.span.count)
        if let value = Int32(exactly: limit) {
            assembler.arithmetic(.compare, .register(.rcx), constant: value)
        } else {
            assembler.move(.rax, constant: limit)
            assembler.arithmetic(.compare, .rcx, .register(.rax))
        }
        assembler.jump(if: .above, slow)
        lead(access, Role.contextField(\.directAddend))
    }

    /// Looks into the TLB, and leads to the host's memory: where most of it is mapped as one piece, with a comparison with the
    /// bounds of that, and a stub that looks into the TLB for what is elsewhere.
    private mutating func checkTLB(_ access: PageAccess, _ slow: Label) {
        if let joined = access.joined {
            let window = access.isWrite ? \TranslationContext.writeWindow : \.readWindow
            moveStart(.rcx, access)
            assembler.arithmetic(.subtract, .rcx, .memory(Role.contextField(window.appending(path: \.start))))
            assembler.arithmetic(.compare, .rcx, .memory(Role.contextField(window.appending(path: \.limit))))
            assembler.jump(if: .aboveOrEqual, slow)
            lead(access, Role.contextField(window.appending(path: \.addend)))
            assembler.bind(joined)
        } else {
            findEntry(access, orGoTo: slow)
            assembler.bind(access.found)
            leadByEntry(access)
        }
    }

    /// rcx = where the entry is that serves the access.
    private mutating func findEntry(_ access: PageAccess, orGoTo slow: Label) {
        locateEntry(access)
        if access.isWrite {
            compareWindow(access, slow)
        } else {
            compareTag(access, slow)
        }
    }

    private mutating func leadByEntry(_ access: PageAccess) {
        lead(access, entry(access.isWrite ? Self.writeEntry(\.addend) : Self.readEntry(\.addend), access))
    }

    private mutating func moveStart(_ register: Register, _ access: PageAccess) {
        let low = access.span.lowerBound
        if low == 0 {
            assembler.move(register, access.base)
        } else {
            assembler.address(register, Memory(access.base, low))
        }
    }

    /// rax = the address of the span, rcx = where its entry is.
    private mutating func locateEntry(_ access: PageAccess) {
        moveStart(.rax, access)
        let stride =
            access.isWrite
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
        // The entry's distance from the context in use becomes its address in the other one.
        if access.isUnprivileged { assembler.arithmetic(.add, .rcx, .memory(Role.field(\.unprivileged))) }
    }

    /// The tag of the page of the address in rax differs from that in nothing but the offset, which must leave room for the
    /// whole span.
    private mutating func compareTag(_ access: PageAccess, _ slow: Label) {
        assembler.arithmetic(.xor, .rax, .memory(entry(Self.readEntry(\.tag), access)))
        assembler.arithmetic(.compare, .register(.rax), constant: Int32(4096 - access.span.count))
        assembler.jump(if: .above, slow)
    }

    /// ``TranslationContext/WriteEntry/mayWrite(_:bytes:)``, of the address in rax.
    private mutating func compareWindow(_ access: PageAccess, _ slow: Label) {
        assembler.arithmetic(.subtract, .rax, .memory(entry(Self.writeEntry(\.start), access)))
        if access.span.count > 8 {
            // The last 8 bytes must begin within the limit. What begins before the window by less wraps here.
            assembler.arithmetic(.add, .register(.rax), constant: Int32(access.span.count - 8))
            assembler.jump(if: .below, slow)
        }
        assembler.arithmetic(.compare, .rax, .memory(entry(Self.writeEntry(\.limit), access)))
        assembler.jump(if: .above, slow)
    }

    private mutating func lead(_ access: PageAccess, _ addend: Memory) {
        if let distance = access.distance {
            assembler.load(distance, addend)
        } else if access.base == .rdx {
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

    static func writeEntry(_ field: KeyPath<TranslationContext.WriteEntry, UInt64>) -> Memory {
        let offset = MemoryLayout<TranslationContext.WriteEntry>.offset(of: field)!
        return Memory(Role.context, Int32(TranslationContext.writesOffset + offset), index: .rcx)
    }

    /// The field where rcx is an address in another context.
    private func entry(_ field: Memory, _ access: PageAccess) -> Memory {
        access.isUnprivileged ? Memory(.rcx, field.displacement) : field
    }

    // MARK: What the TLB does not serve

    /// Finds the page elsewhere, or enters it; the instruction faults, or is left to the interpreter, otherwise.
    mutating func enterPage(_ access: PageAccess, _ stub: Stub) {
        if let joined = access.joined {
            let isNowhere = assembler.label()
            findEntry(access, orGoTo: isNowhere)
            assembler.bind(access.found)
            leadByEntry(access)
            assembler.jump(joined)
            assembler.bind(isNowhere)
        }
        let refused = assembler.label()
        assembler.address(.rax, Memory(access.base, access.offset))
        let use = PageUse(
            isWrite: access.isWrite, isUpdate: access.isUpdate, bytes: UInt16(access.span.count),
            before: UInt16(access.offset - access.span.lowerBound))
        assembler.move(.rcx, constant: use.rawValue)
        assembler.call(toAddress: enterPage(access), from: base)
        assembler.arithmetic(.compare, .register(.rax), constant: Int32(PageEntry.entered.rawValue), .word)
        assembler.jump(if: .equal, access.again)
        assembler.jump(if: .below, refused)
        let alternative = access.isWrite ? PageEntry.besideCode : .inTwoPages
        assembler.arithmetic(.compare, .register(.rax), constant: Int32(alternative.rawValue), .word)
        if access.isWrite {
            assembler.jump(if: .equal, access.found)
        } else {
            let isFault = assembler.label()
            assembler.jumpShort(if: .notEqual, isFault)
            locateEntry(access)
            assembler.jump(access.found)
            assembler.bind(isFault)
        }
        settle(stub)
        storePosition(stub.programCounter, left: stub.refund)
        leaveMap(for: trampolines.raise)
        assembler.bind(refused)
        leave(stub, trampolines.interpret)
    }

    /// What enters a page for accesses to the span. Where a write looks for code beside the window, it looks at two granules,
    /// so that no more than one may lie between the ends. Who injects faults wants the page to be entered instead.
    private func enterPage(_ access: PageAccess) -> UInt {
        let looksForCode =
            access.isWrite && access.span.count <= Int(PhysicalMemory.granule) && blocksLeft == nil
        return looksForCode ? trampolines.enterPageBesideCode : trampolines.enterPage
    }
}
