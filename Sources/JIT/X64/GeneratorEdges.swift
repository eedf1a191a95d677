import ISA

/// Ways from one block of the region to another (``RegionEdges``), on which who comes takes the budget of where it goes.
extension X64.Generator {
    /// Finds out about the first `count` of `blocks`, which are all of the region.
    mutating func findEdges(_ blocks: ContiguousArray<RegionEdges.RecordedBlock>, _ count: Int) {
        edges.find(blocks, count, keepsVectors: map.hasVectors && switches.contains(.loopRegisters))
    }

    /// Binds the label behind where the block takes its budget.
    mutating func beginBehindBudget() {
        if edges[block.address].isOpen { assembler.bind(openLabel(of: block.address)) }
    }

    /// Where a loop comes in behind the budget, that is what is to lie at a multiple.
    mutating func alignBlock(_ entry: RegionEdges.Entry) {
        guard entry.isOpen, entry.isHead, entry.flagsAreDead else { return assembler.align(to: CodeMemory.alignment) }
        // SUB r64, imm8 or imm32, and Jcc rel32.
        let size = (Int8(exactly: entry.budget) == nil ? 7 : 4) + 6
        assembler.align(to: CodeMemory.alignment, ahead: size)
    }

    /// The end of the block: goes on to the one at `address`.
    /// - Parameter isBehind: code of that comes right behind this one's.
    mutating func goOn(to address: UInt64, isBehind: Bool) {
        let entry = edges[address]
        let isJoined = edges[block.address].next > 0
        guard isJoined || pendingFlags != nil && entry.isOpen && entry.flagsAreDead else {
            settleFlags()
            saveVectors()
            guard isBehind else { return jump(to: address) }
            return changeMap(to: mapNumber(ofBlock: address))
        }
        if !entry.flagsAreDead { settleFlags() }
        saveVectors()
        countEdge(to: address, refund: isJoined ? entry.budget : 0)
        if !isJoined {
            assembler.arithmetic(
                .subtract, .register(Role.budget), constant: Int32(truncatingIfNeeded: entry.budget))
            assembler.jump(if: .sign, stub(.outOfBudget, at: address, refund: entry.budget))
        }
        pendingFlags = nil
        changeMap(to: mapNumber(ofBlock: address))
        if isBehind {
            assembler.jumpShort(openLabel(of: address))
        } else {
            assembler.jump(openLabel(of: address))
        }
    }

    /// A branch of the loop's, mostly taken, which goes back to the block at `address` where the condition holds; false, and
    /// nothing done, where it is better taken by way of a stub.
    mutating func branchBack(_ condition: X64.Condition, to address: UInt64, refund: Int) -> Bool {
        let entry = edges[address]
        guard entry.isOpen, !hasUnsaved, mapNumber(ofBlock: address) == mapNumber,
            pendingFlags == nil || entry.flagsAreDead
        else { return false }
        let skip = assembler.label()
        assembler.jumpShort(if: condition.inverted, skip)
        countEdge(to: address, refund: refund)
        let open = openLabel(of: address)
        if take(entry.budget - refund) {
            assembler.jump(if: .notSign, open)
            assembler.jump(stub(.outOfBudget, at: address, refund: entry.budget))
        } else {
            assembler.jump(open)
        }
        assembler.bind(skip)
        return true
    }

    /// A stub that goes on in another block.
    mutating func goOn(_ stub: Stub) {
        let address = stub.programCounter
        let entry = edges[address]
        let keepsFlags = stub.flags != nil && entry.flagsAreDead
        guard entry.isOpen, keepsFlags || stub.refund > 0 else {
            settle(stub)
            giveBack(stub.refund)
            return jump(to: address)
        }
        settleVectors(stub)
        if !keepsFlags, let flags = stub.flags { store(flags) }
        let flags = keepsFlags ? stub.flags : nil
        if blocksLeft != nil { count(stubBehind(stub, flags, refund: stub.refund), flags) }
        let isTaken = take(entry.budget - stub.refund)
        let open = openLabel(of: address)
        let target = mapNumber(ofBlock: address)
        if isTaken {
            let out = stubBehind(stub, flags, refund: entry.budget)
            if target == mapNumber {
                assembler.jump(if: .notSign, open)
                return assembler.jump(out)
            }
            assembler.jump(if: .sign, out)
        }
        changeMap(to: target)
        assembler.jump(open)
    }

    /// Whoever comes in behind the budget comes in behind where blocks are counted for ``FaultInjection``.
    private mutating func countEdge(to address: UInt64, refund: Int) {
        guard blocksLeft != nil else { return }
        count(stub(.outOfBudget, at: address, refund: refund), flagsRecipe())
    }

    /// Takes instructions out of the budget, or gives them back; false where the budget reaches in any case.
    private mutating func take(_ instructions: Int) -> Bool {
        if instructions > 0 {
            assembler.arithmetic(
                .subtract, .register(Role.budget), constant: Int32(truncatingIfNeeded: instructions))
        } else {
            giveBack(-instructions)
        }
        return instructions > 0
    }

    /// A stub that leaves code where the budget does not reach for where `stub` goes on.
    private mutating func stubBehind(_ stub: Stub, _ flags: FlagsRecipe?, refund: Int) -> Label {
        let label = assembler.label()
        stubs.append(
            Stub(
                kind: .outOfBudget, label: label, programCounter: stub.programCounter, refund: refund, flags: flags,
                saves: 0..<0, map: stub.map))
        return label
    }
}
