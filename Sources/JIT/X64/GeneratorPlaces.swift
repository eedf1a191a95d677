import ISA

/// Where results are: constants, host registers, homes of guest registers, spill slots.
extension X64.Generator {
    func constant(_ node: Int32) -> UInt64? {
        let node = block.nodes[Int(node)]
        return node.operation == .constant ? node.immediate : nil
    }

    /// The constant where it fits an instruction's immediate field of `width`.
    func immediate(_ node: Int32, _ width: Width = .double) -> Int32? {
        guard let value = constant(node) else { return nil }
        if width != .double { return Int32(truncatingIfNeeded: width.signExtend(value)) }
        let narrow = Int32(truncatingIfNeeded: value)
        return Int64(narrow) == Int64(bitPattern: value) ? narrow : nil
    }

    /// Where a node's result is, which must not be a constant.
    func operand(_ node: Int32) -> Operand {
        switch places[Int(node)] {
        case .temporary(let register): return .register(register)
        case .guest(let index):
            if case .general(let register) = map[index] { return .register(register) }
            return .memory(Role.register(index))
        case .spilled(let slot): return .memory(Role.field(CoreState.spillOffset + 8 * Int(slot)))
        case .none, .constant, .temporaryVector:
            // Only where something else has failed before.
            return .register(.rax)
        }
    }

    /// The host register that holds a node's result already, if one does.
    func register(of node: Int32) -> Register? {
        switch places[Int(node)] {
        case .temporary(let register): return register
        case .guest(let index): if case .general(let register) = map[index] { return register }
        default: break
        }
        return nil
    }

    /// The result in a register, which is not to be changed, and is kept while the node in progress lasts.
    mutating func intoRegister(_ node: Int32) -> Register {
        if let register = register(of: node) {
            locked |= 1 << UInt16(register.rawValue)
            return register
        }
        let register = scratch()
        if let value = constant(node) {
            assembler.move(register, constant: value)
            return register
        }
        loadGeneral(register, node)
        own(register, node)
        return register
    }

    /// register = the result of `node`, which is in no general register.
    private mutating func loadGeneral(_ register: Register, _ node: Int32) {
        switch places[Int(node)] {
        case .temporaryVector(let vector): assembler.move(register, vector)
        case .guest(let index):
            if case .vector(let vector) = map[index] {
                assembler.move(register, vector)
            } else {
                assembler.load(register, Role.register(index))
            }
        default:
            if case .memory(let memory) = operand(node) { assembler.load(register, memory) }
        }
    }

    /// target = the result of `node`. Flags stay.
    mutating func move(_ target: Register, _ node: Int32) {
        if let value = constant(node) { return assembler.move(target, constant: value) }
        if let register = register(of: node) {
            if register != target { assembler.move(target, register) }
            return
        }
        loadGeneral(target, node)
    }

    /// The result in a general register or in memory; a constant, or what is in a vector register, is moved.
    mutating func anyOperand(_ node: Int32) -> Operand {
        if constant(node) == nil {
            switch places[Int(node)] {
            case .temporaryVector: break
            case .guest(let index): if case .vector = map[index] { break } else { return lock(operand(node)) }
            default: return lock(operand(node))
            }
        }
        return .register(intoRegister(node))
    }

    private mutating func lock(_ operand: Operand) -> Operand {
        if case .register(let register) = operand { locked |= 1 << UInt16(register.rawValue) }
        return operand
    }

    // MARK: Temporary registers

    /// `node`'s result is in the temporary register from now on.
    mutating func own(_ register: Register, _ node: Int32) {
        if case .guest(let index) = places[Int(node)] {
            backing[Int(node)] = index
        }
        if case .spilled(let slot) = places[Int(node)] { usedSpills &= ~(1 << UInt64(slot)) }
        if case .temporaryVector(let vector) = places[Int(node)] { vectorOwners[Int(vector.rawValue)] = Self.free }
        places[Int(node)] = .temporary(register)
        owners[Int(register.rawValue)] = node
        locked |= 1 << UInt16(register.rawValue)
    }

    /// A temporary register for the node in progress. Where none is left, nothing of the region can be used.
    mutating func scratch() -> Register {
        var victim: Register?
        for register in Role.temporaries where locked & 1 << UInt16(register.rawValue) == 0 {
            if owners[Int(register.rawValue)] == Self.free, register != .rdx || group == nil {
                locked |= 1 << UInt16(register.rawValue)
                return register
            }
            if victim == nil || victim == .rdx && group != nil { victim = register }
        }
        guard let victim else {
            hasFailed = true
            return .rax
        }
        take(victim)
        return victim
    }

    /// Empties a temporary register for the node in progress.
    mutating func take(_ register: Register) {
        evict(register)
        locked |= 1 << UInt16(register.rawValue)
    }

    /// Moves what a temporary vector register holds elsewhere.
    mutating func evict(_ register: VectorRegister) {
        let node = vectorOwners[Int(register.rawValue)]
        guard node != Self.free else { return }
        if isUnsaved(register) {
            save(register)
            if analysis[node].lastUse < current {
                vectorOwners[Int(register.rawValue)] = Self.free
                return
            }
        }
        vectorOwners[Int(register.rawValue)] = Self.free
        if backing[Int(node)] != Self.noBacking {
            places[Int(node)] = .guest(backing[Int(node)])
            return
        }
        if isVector(node) { return spillWhole(register, node) }
        let slot = spillSlot()
        assembler.store(Role.field(CoreState.spillOffset + 8 * Int(slot)), register, .double)
        places[Int(node)] = .spilled(slot)
    }

    /// Moves what a temporary register holds elsewhere.
    mutating func evict(_ register: Register) {
        if register == .rdx { leaveGroup() }
        let node = owners[Int(register.rawValue)]
        guard node != Self.free else { return }
        owners[Int(register.rawValue)] = Self.free
        if backing[Int(node)] != Self.noBacking {
            places[Int(node)] = .guest(backing[Int(node)])
            return
        }
        let slot = spillSlot()
        assembler.store(Role.field(CoreState.spillOffset + 8 * Int(slot)), register)
        places[Int(node)] = .spilled(slot)
    }

    /// A free spill slot. Where none is left, nothing of the region can be used.
    mutating func spillSlot() -> UInt8 {
        if usedSpills == ~0 { reclaimSpills() }
        guard usedSpills != ~0 else {
            hasFailed = true
            return 0
        }
        let slot = UInt8(truncatingIfNeeded: (~usedSpills).trailingZeroBitCount)
        usedSpills |= 1 << UInt64(slot)
        return slot
    }

    /// Frees the spill slots of what nobody needs any more: they are not given back one by one. What the node in progress
    /// needs for the last time may still be in its slot.
    mutating func reclaimSpills() {
        usedSpills = absentSpills
        for node in 0..<block.nodes.count where analysis[node].lastUse >= current {
            if case .spilled(let slot) = places[node] {
                usedSpills |= (isVector(Int32(truncatingIfNeeded: node)) ? 3 : 1) << UInt64(slot)
            }
        }
        for group in keptGroups { if let kept = group.kept { usedSpills |= 1 << UInt64(kept.slot) } }
        if let kept = group?.kept { usedSpills |= 1 << UInt64(kept.slot) }
    }

    /// Frees what the results held that nobody needs behind the node in progress.
    mutating func release() {
        for register in Role.temporaries {
            let node = owners[Int(register.rawValue)]
            if node != Self.free, analysis[node].lastUse <= current { owners[Int(register.rawValue)] = Self.free }
        }
        for register in map.temporaryVectors {
            let node = vectorOwners[Int(register.rawValue)]
            if node != Self.free, analysis[node].lastUse <= current, !isUnsaved(register) {
                vectorOwners[Int(register.rawValue)] = Self.free
            }
        }
    }

    // MARK: Guest registers

    /// Before guest register `index` is set by the node in progress: results that its home stands for, and that are
    /// needed afterwards, move away.
    mutating func evacuate(_ index: UInt8) {
        var place = 0
        while place < inGuest.count {
            let node = inGuest[place]
            let isHere: Bool
            switch places[Int(node)] {
            case .guest(let other): isHere = other == index
            case .temporary, .temporaryVector: isHere = backing[Int(node)] == index
            default: isHere = false
            }
            if analysis[node].lastUse <= current {
                inGuest.swapAt(place, inGuest.count - 1)
                inGuest.removeLast()
                continue
            }
            place += 1
            guard isHere else { continue }
            backing[Int(node)] = Self.noBacking
            if case .guest = places[Int(node)] {
                if isVector(node) { moveVectorAway(node) } else { moveAway(node, index) }
            }
        }
    }

    /// The result of `node`, in guest register `index`, goes to a temporary register or to a spill slot. Who sets the guest
    /// register may need it next, and would wait for what goes through memory. rdx is left to addresses.
    private mutating func moveAway(_ node: Int32, _ index: UInt8) {
        let free: Register? = isFree(.rcx) ? .rcx : isFree(.rax) ? .rax : nil
        if case .general(let home) = map[index], let free {
            assembler.move(free, home)
            places[Int(node)] = .temporary(free)
            owners[Int(free.rawValue)] = node
            return
        }
        // First, since it may want a spill slot itself.
        let register: Register? = map[index] == .memory ? scratch() : nil
        let slot = spillSlot()
        let memory = Role.field(CoreState.spillOffset + 8 * Int(slot))
        switch map[index] {
        case .general(let register): assembler.store(memory, register)
        case .vector(let register): assembler.store(memory, register, .double)
        case .memory:
            guard let register else { return }
            assembler.load(register, Role.register(index))
            assembler.store(memory, register)
        }
        places[Int(node)] = .spilled(slot)
    }

    /// Whether nobody uses the temporary register.
    private func isFree(_ register: Register) -> Bool {
        owners[Int(register.rawValue)] == Self.free && locked & 1 << UInt16(register.rawValue) == 0
    }

    /// The register for the result of the node in progress: that of the guest register which it is for, if its only way is
    /// there, else a temporary one. Call ``finish(_:)`` when it holds the result.
    ///
    /// The home may hold an operand of the node.
    ///
    /// - Parameter operand: whose temporary register will do as well, if nobody needs it any more.
    mutating func target(reusing operand: Int32 = Node.none) -> Register {
        if let index = destination(), case .general(let register) = map[index] {
            evacuate(index)
            return register
        }
        if operand != Node.none, case .temporary(let register) = places[Int(operand)],
            analysis[operand].lastUse <= current
        {
            locked |= 1 << UInt16(register.rawValue)
            return register
        }
        if isNextAddress, owners[Int(Register.rdx.rawValue)] == Self.free,
            locked & 1 << UInt16(Register.rdx.rawValue) == 0
        {
            take(.rdx)
            return .rdx
        }
        return scratch()
    }

    /// The result of the node in progress is for nothing but the access that comes next, which wants its address in rdx.
    private var isNextAddress: Bool {
        let facts = analysis[current]
        return facts.uses == 1 && facts.addressUses == 1 && facts.lastUse <= current + 3
    }

    /// The guest register that the result of the node in progress goes to before anything else happens.
    func destination() -> UInt8? {
        guard switches.contains(.destinations) else { return nil }
        var node = current
        var next = current + 1
        let end = Int32(truncatingIfNeeded: block.nodes(of: instruction).upperBound)
        // Reads of what was probed leave the code nowhere: all of them come first, then the sets of all registers.
        let isHeld = block.nodes[Int(current)].operation == .loadHeld
        var others: UInt64 = 0
        /// Other operands of what comes in between, which may not be in the home.
        var operands: (Int32, Int32) = (Node.none, Node.none)
        while next < end {
            let candidate = block.nodes[Int(next)]
            // A set that nobody sees makes no code, but until the next one nobody else needs the home.
            if candidate.operation == .setRegister, candidate.a == node {
                guard others >> candidate.immediate & 1 == 0 else { return nil }
                let index = UInt8(truncatingIfNeeded: candidate.immediate)
                return isHome(index, of: operands.0) || isHome(index, of: operands.1) ? nil : index
            }
            if isHeld, candidate.operation == .loadHeld || candidate.operation == .setRegister {
                if candidate.operation == .setRegister { others |= 1 << candidate.immediate }
                next += 1
                continue
            }
            if analysis[next].isDead || analysis[next].isDeferred || candidate.operation == .constant {
                next += 1
                continue
            }
            // An extension of the result takes its place, and so does what else is made of it in place.
            guard analysis[node].uses == 1 else { return nil }
            if candidate.operation == .extend, candidate.a == node {
                // Nothing else is needed.
            } else if !isHeld, let other = candidate.otherOperand(besides: node) {
                guard !analysis[other].isDeferred, operands.1 == Node.none else { return nil }
                operands = (other, operands.0)
            } else {
                return nil
            }
            node = next
            next += 1
        }
        return nil
    }

    /// Whether the guest register holds the result of `node`, if that is one.
    private func isHome(_ index: UInt8, of node: Int32) -> Bool {
        node != Node.none && places[Int(node)] == .guest(index)
    }

    /// The result of the node in progress is in `register`, which ``target()`` gave.
    mutating func finish(_ register: Register) {
        if Role.temporaries.contains(register) {
            places[Int(current)] = .temporary(register)
            owners[Int(register.rawValue)] = current
        } else if let index = destination() {
            places[Int(current)] = .guest(index)
            inGuest.append(current)
        }
    }

    /// A ``Node/Operation/register`` node: nothing is done until it is used.
    mutating func readRegister(_ node: Node) {
        places[Int(current)] = .guest(UInt8(truncatingIfNeeded: node.immediate))
        inGuest.append(current)
    }

    mutating func setRegister(_ node: Node) {
        let index = UInt8(truncatingIfNeeded: node.immediate)
        if places[Int(node.a)] == .guest(index) { return }
        evacuate(index)
        switch map[index] {
        case .general(let home):
            move(home, node.a)
            isHeld(node.a, by: index)
        case .vector(let home):
            moveVector(home, node.a)
            isHeld(node.a, by: index)
        case .memory:
            let memory = Role.register(index)
            if case .temporaryVector(let vector) = places[Int(node.a)] {
                assembler.store(memory, vector, .double)
            } else if let value = immediate(node.a) {
                assembler.store(memory, constant: value)
                return
            } else {
                let register = intoRegister(node.a)
                assembler.store(memory, register)
            }
            guard constant(node.a) == nil, analysis[node.a].lastUse > current else { return }
            switch places[Int(node.a)] {
            case .temporary, .temporaryVector:
                backing[Int(node.a)] = index
                inGuest.append(node.a)
            default: break
            }
        }
    }

    /// The result of `node`, which was moved into the home of guest register `index`, is there from now on.
    private mutating func isHeld(_ node: Int32, by index: UInt8) {
        guard constant(node) == nil else { return }
        switch places[Int(node)] {
        case .temporary(let register): owners[Int(register.rawValue)] = Self.free
        case .temporaryVector(let register): vectorOwners[Int(register.rawValue)] = Self.free
        case .spilled(let slot): usedSpills &= ~(1 << UInt64(slot))
        default: return
        }
        places[Int(node)] = .guest(index)
        backing[Int(node)] = Self.noBacking
        inGuest.append(node)
    }
}

extension Node {
    /// The other operand of an operation that changes the one in its place.
    fileprivate func otherOperand(besides operand: Int32) -> Int32? {
        guard self.operation == .binary, a != b, width == .word || width == .double else { return nil }
        switch binaryOperation {
        case .add, .and, .or, .xor: return a == operand ? b : b == operand ? a : nil
        case .subtract, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic: return a == operand ? b : nil
        default: return nil
        }
    }
}
