import ISA

extension X64 {
    /// Makes host code of the blocks of one region, one after the other.
    ///
    /// Guest registers live in host registers or in the state block (``RegisterMap``), wherever the code is: so every
    /// block may be entered from anywhere, and code may be left before any instruction with nothing to put in order but the
    /// program counter and the budget. Results on their way from one node to the next are in three temporary registers,
    /// or, where those do not do, in spill slots.
    ///
    /// A node's result has a ``Place``. Where it is a guest register's home, that stays so until the register is set
    /// again; who still needs the old value then gets it moved away first. A result whose only way is into a register is
    /// computed there at once.
    ///
    /// What is rare stands behind all blocks, in stubs.
    struct Generator {
        enum Place: Equatable {
            case none
            case constant
            /// In a temporary register.
            case temporary(Register)
            case temporaryVector(VectorRegister)
            /// What the guest register holds at present.
            case guest(UInt8)
            case spilled(UInt8)
        }

        var assembler: Assembler
        /// Where the assembler's first byte will be executed.
        let base: UInt
        let map: RegisterMap
        let trampolines: Trampolines
        let host: HostFeatures
        let switches: OptimizationSwitches

        // MARK: Of the region

        /// The labels of the region's blocks, by offset in the page.
        var blockLabels: [UInt64: Assembler.Label] = [:]
        var stubs: [Stub] = []
        /// Memory that is read without the TLB; nil where the TLB is needed.
        let direct: DirectMemory?
        /// Where ``FaultInjection`` has blocks counted; nil where it is not wanted.
        var blocksLeft: UInt?
        /// What code is made of, where somebody wants to know.
        var record: CodeRecord?

        struct DirectMemory {
            let base: UInt64
            let size: UInt64
        }

        /// Code that is rarely run, with what it has to know.
        struct Stub {
            enum Kind {
                /// The budget does not reach for the segment.
                case outOfBudget
                /// The interpreter has to run the instruction.
                case interpret
                /// An access that the TLB did not serve: its address is `base` + `offset`, in the middle of what is looked
                /// for at once.
                case enterPage(
                    base: Register, offset: Int32, span: Range<Int32>, isWrite: Bool, again: Assembler.Label,
                    checked: Assembler.Label)
                /// The instruction has been executed, and has called a helper that wants something.
                case event
                /// Floating point, which goes on at `back`.
                case float(FloatStub, back: Assembler.Label)
            }
            let kind: Kind
            let label: Assembler.Label
            let programCounter: UInt64
            /// Instructions that the segment has been charged for and that are not executed.
            let refund: Int
        }

        // MARK: Of the block

        var block = Block(address: 0)
        var floats = FloatOperands()
        var analysis = Analysis()
        var places = ContiguousArray<Place>()
        /// For a result in a temporary: the guest register that holds it as well, or 255.
        var backing = ContiguousArray<UInt8>()
        /// Results that some guest register's home stands for.
        var inGuest = ContiguousArray<Int32>()
        /// The node that each temporary register holds; ``free``.
        var owners = InlineArray<16, Int32>(repeating: Generator.free)
        var vectorOwners = InlineArray<16, Int32>(repeating: Generator.free)
        /// Temporaries that the node in progress uses.
        var locked: UInt16 = 0
        var lockedVectors: UInt16 = 0
        var usedSpills: UInt64 = 0
        var group: AccessGroup?
        var verdict: Verdict?
        /// The instruction and the node that code is made of.
        var instruction = 0
        var current: Int32 = 0
        /// The instruction has called a helper, whose event was not looked at yet.
        var hasCalled = false
        /// Instructions of the segment from the present one on.
        var leftInSegment = 0

        /// What was made is not to be used.
        var hasFailed = false

        static let free: Int32 = -1
        static let noBacking: UInt8 = 255

        init(
            _ assembler: Assembler, at base: UInt, _ map: RegisterMap, _ trampolines: Trampolines, _ host: HostFeatures,
            direct: DirectMemory?, _ switches: OptimizationSwitches
        ) {
            self.assembler = assembler
            self.base = base
            self.map = map
            self.trampolines = trampolines
            self.host = host
            self.direct = direct
            self.switches = switches
        }
    }
}

// MARK: A block

extension X64.Generator {
    typealias Register = X64.Register
    typealias VectorRegister = X64.VectorRegister
    typealias Memory = X64.Memory
    typealias Operand = X64.Operand
    typealias Label = X64.Assembler.Label
    typealias Role = X64.Role

    /// How a block ends whose last node is no control transfer.
    enum Ending {
        /// With the instruction at the address, in another block.
        case next(UInt64)
        /// With an instruction that the interpreter has to run.
        case interpreted(UInt64)
    }

    /// Makes code of `block`, which begins at `label`.
    mutating func generate(_ block: Block, label: Label, ending: Ending?) {
        self.block = block
        if switches.contains(.floats) { floats.rewrite(&self.block) } else { floats.forget(block.nodes.count) }
        analysis.analyse(self.block, floats, eliminates: switches.contains(.deadSets))
        places.removeAll(keepingCapacity: true)
        places.append(contentsOf: repeatElement(Place.none, count: block.nodes.count))
        backing.removeAll(keepingCapacity: true)
        backing.append(contentsOf: repeatElement(Self.noBacking, count: block.nodes.count))
        inGuest.removeAll(keepingCapacity: true)
        owners = InlineArray(repeating: Self.free)
        vectorOwners = InlineArray(repeating: Self.free)
        usedSpills = 0
        group = nil
        verdict = nil
        assembler.bind(label)
        record?.begin(block)
        for segment in analysis.segments {
            leftInSegment = segment.count
            record?.begin(.budget(instructions: segment.count), at: assembler.count)
            takeBudget(segment)
            for number in segment.firstInstruction..<segment.firstInstruction + segment.count {
                instruction = number
                record?.begin(.instruction(number), at: assembler.count)
                generateInstruction(number)
                leftInSegment -= 1
            }
        }
        record?.begin(ending, at: assembler.count)
        switch ending {
        case .next(let address): jump(to: address)
        case .interpreted(let address):
            assembler.jump(stub(.interpret, at: address, refund: 0))
        case nil: break
        }
    }

    private mutating func generateInstruction(_ number: Int) {
        for index in block.nodes(of: number) {
            current = Int32(truncatingIfNeeded: index)
            guard !analysis[index].isDead, !analysis[index].isDeferred, places[index] == .none else {
                release()
                continue
            }
            locked = 0
            lockedVectors = 0
            let start = assembler.count
            generate(block.nodes[index])
            keepVerdict(behind: block.nodes[index], start)
            release()
        }
        if hasCalled { lookAtEvent() }
    }

    /// Address of instruction `number` of the block.
    func address(of number: Int) -> UInt64 {
        block.address &+ UInt64(bitPattern: Int64(block.instructions[number].offset))
    }

    private mutating func takeBudget(_ segment: Analysis.Segment) {
        if segment.firstInstruction == 0 { countBlock() }
        let label = stub(.outOfBudget, at: address(of: segment.firstInstruction), refund: segment.count)
        assembler.arithmetic(
            .subtract, .register(Role.budget), constant: Int32(truncatingIfNeeded: segment.count))
        assembler.jump(if: .sign, label)
    }

    // MARK: Stubs

    /// A stub for the instruction in progress, which will not have been executed.
    mutating func stub(_ kind: Stub.Kind) -> Label {
        stub(kind, at: address(of: instruction), refund: leftInSegment)
    }

    mutating func stub(_ kind: Stub.Kind, at programCounter: UInt64, refund: Int) -> Label {
        let label = assembler.label()
        stubs.append(Stub(kind: kind, label: label, programCounter: programCounter, refund: refund))
        return label
    }

    /// Behind the last block.
    mutating func generateStubs() {
        for stub in stubs {
            record?.begin(stub, at: assembler.count)
            assembler.bind(stub.label)
            switch stub.kind {
            case .outOfBudget: leave(stub, trampolines.outOfBudget)
            case .interpret: leave(stub, trampolines.interpret)
            case .enterPage(let base, let offset, let span, let isWrite, let again, let checked):
                let refused = assembler.label()
                if isWrite && looksForCode(span) { writeAroundCode(base, span, checked: checked, hit: refused) }
                // What goes over the end of the page is left to the interpreter.
                assembler.address(.rcx, Memory(base, span.lowerBound))
                assembler.arithmetic(.and, .register(.rcx), constant: 4095, .word)
                let bytes = span.upperBound - span.lowerBound
                assembler.arithmetic(.compare, .register(.rcx), constant: 4096 - bytes, .word)
                assembler.jump(if: .above, refused)
                assembler.address(.rax, Memory(base, offset))
                let intent: PageIntent = !isWrite ? .read : looksForCode(span) ? .write : .writeAnywhere
                assembler.move(.rcx, constant: intent.rawValue)
                assembler.call(toAddress: trampolines.enterPage, from: self.base)
                assembler.arithmetic(
                    .compare, .register(.rax), constant: Int32(PageEntry.entered.rawValue), .word)
                assembler.jump(if: .equal, again)
                assembler.jump(if: .below, refused)
                assembler.address(.rcx, Memory(Role.budget, Int32(truncatingIfNeeded: stub.refund)))
                assembler.store(Role.field(\.budget), .rcx)
                storeProgramCounter(stub.programCounter, through: .rcx)
                assembler.jump(toAddress: trampolines.raise, from: self.base)
                assembler.bind(refused)
                leave(stub, trampolines.interpret)
            case .event:
                assembler.arithmetic(.subtract, .memory(Role.field(\.budget)), constant: 1)
                storeProgramCounter(stub.programCounter, through: .rax)
                assembler.jump(toAddress: trampolines.event, from: base)
            case .float(.load, let back):
                assembler.arithmetic(.compare, .memory(Role.field(\.floatEnabled)), constant: 0, .byte)
                let isOff = assembler.label()
                assembler.jumpShort(if: .equal, isOff)
                assembler.call(toAddress: trampolines.loadFloats, from: self.base)
                assembler.jump(back)
                assembler.bind(isOff)
                leave(stub, trampolines.interpret)
            case .float(let float, let back): generate(float, back)
            }
        }
        stubs.removeAll(keepingCapacity: true)
    }

    private mutating func leave(_ stub: Stub, _ trampoline: UInt) {
        if stub.refund != 0 {
            assembler.arithmetic(
                .add, .register(Role.budget), constant: Int32(truncatingIfNeeded: stub.refund))
        }
        storeProgramCounter(stub.programCounter, through: .rax)
        assembler.jump(toAddress: trampoline, from: base)
    }

    mutating func storeProgramCounter(_ address: UInt64, through register: Register) {
        if Int64(bitPattern: address) == Int64(Int32(truncatingIfNeeded: address)) {
            assembler.store(Role.field(\.programCounter), constant: Int32(truncatingIfNeeded: address))
        } else {
            assembler.move(register, constant: address)
            assembler.store(Role.field(\.programCounter), register)
        }
    }
}

// MARK: Places

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
            if owners[Int(register.rawValue)] == Self.free, group?.register != register {
                locked |= 1 << UInt16(register.rawValue)
                return register
            }
            if victim == nil || group?.register == victim { victim = register }
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
        vectorOwners[Int(register.rawValue)] = Self.free
        if backing[Int(node)] != Self.noBacking {
            places[Int(node)] = .guest(backing[Int(node)])
            return
        }
        let slot = spillSlot()
        assembler.store(Role.field(CoreState.spillOffset + 8 * Int(slot)), register, .double)
        places[Int(node)] = .spilled(slot)
    }

    /// Moves what a temporary register holds elsewhere.
    mutating func evict(_ register: Register) {
        if group?.register == register { group = nil }
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
        if usedSpills == ~0 {
            usedSpills = 0
            for node in 0..<places.count where analysis[node].lastUse > current {
                if case .spilled(let slot) = places[node] { usedSpills |= 1 << UInt64(slot) }
            }
        }
        guard usedSpills != ~0 else {
            hasFailed = true
            return 0
        }
        let slot = UInt8(truncatingIfNeeded: (~usedSpills).trailingZeroBitCount)
        usedSpills |= 1 << UInt64(slot)
        return slot
    }

    /// Frees what the results held that nobody needs behind the node in progress.
    private mutating func release() {
        for register in Role.temporaries {
            let node = owners[Int(register.rawValue)]
            if node != Self.free, analysis[node].lastUse <= current { owners[Int(register.rawValue)] = Self.free }
        }
        for register in Role.temporaryVectors {
            let node = vectorOwners[Int(register.rawValue)]
            if node != Self.free, analysis[node].lastUse <= current {
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
            if case .guest = places[Int(node)] { moveAway(node, index) }
        }
    }

    /// The result of `node`, in guest register `index`, goes to a spill slot.
    private mutating func moveAway(_ node: Int32, _ index: UInt8) {
        let slot = spillSlot()
        let memory = Role.field(CoreState.spillOffset + 8 * Int(slot))
        switch map[index] {
        case .general(let register): assembler.store(memory, register)
        case .vector(let register): assembler.store(memory, register, .double)
        case .memory:
            let register = scratch()
            assembler.load(register, Role.register(index))
            assembler.store(memory, register)
        }
        places[Int(node)] = .spilled(slot)
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
        return scratch()
    }

    /// The guest register that the result of the node in progress goes to before anything else happens.
    func destination() -> UInt8? {
        guard switches.contains(.destinations) else { return nil }
        var node = current
        var next = current + 1
        let end = Int32(truncatingIfNeeded: block.nodes(of: instruction).upperBound)
        while next < end {
            let candidate = block.nodes[Int(next)]
            if analysis[next].isDead || analysis[next].isDeferred || candidate.operation == .constant {
                next += 1
                continue
            }
            if candidate.operation == .setRegister {
                return candidate.a == node ? UInt8(truncatingIfNeeded: candidate.immediate) : nil
            }
            // An extension of the result takes its place.
            guard candidate.operation == .extend, candidate.a == node, analysis[node].uses == 1 else { return nil }
            node = next
            next += 1
        }
        return nil
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
