import ISA
import Synchronization

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
    ///
    /// There is one, and it is not copied: a copy counts a reference to each of its arrays, which the compiler would make
    /// unseen, for a call of a method as well.
    struct Generator: ~Copyable {
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

        /// The map of the code that is being made, which outside of loops is everybody's.
        private(set) var map: RegisterMap
        let trampolines: Trampolines
        let host: HostFeatures
        let switches: OptimizationSwitches

        /// What has an atomic value stays where it is, and so it is not copied for a call of a method that does not change it:
        /// twelve hundred bytes each time, several times for each node.
        private let staysInPlace = Atomic(false)

        // MARK: Of the region

        var assembler = Assembler(UnsafeMutableBufferPointer(start: nil, count: 0))
        /// Where the assembler's first byte will be executed.
        private(set) var base: UInt = 0
        /// Where the region's blocks begin, and their labels, by place in the page.
        private var blocks = PlaceSet()
        private var blockLabels = ContiguousArray<Assembler.Label>(repeating: .none, count: 2048)
        /// Where each is entered behind its budget.
        private var openLabels = ContiguousArray<Assembler.Label>(repeating: .none, count: 2048)
        var edges = RegionEdges()
        /// The register maps of the region: everybody's, and those of its loops; and the number of each block's.
        private var maps: ContiguousArray<RegisterMap>
        private var blockMaps = ContiguousArray<UInt8>(repeating: 0, count: 2048)
        private(set) var mapNumber: UInt8 = 0
        /// Where blocks of loops are entered from outside of the region.
        private var entries: [(block: UInt64, label: Assembler.Label)] = []
        /// Where stubs of loops go on to a trampoline, which wants everybody's register map.
        private var exits = ContiguousArray<(map: UInt8, trampoline: UInt, label: Assembler.Label)>()
        var stubs = ContiguousArray<Stub>()
        var saves = ContiguousArray<Save>()
        /// Memory that is read without the TLB; nil where the TLB is needed.
        private(set) var direct: DirectMemory?
        /// Whether most of what is read, or written, is in the context's ``TranslationContext/Window``.
        private(set) var hasReadWindow = false
        private(set) var hasWriteWindow = false
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
                /// An access that the TLB did not serve.
                case enterPage(PageAccess)
                /// The helper has to run the instruction, and sets the program counter.
                case helper(HelperIdentifier, argument: UInt16)
                /// The instruction has been executed, and has called a helper that wants something.
                case event
                /// Lanes of a result are NaNs: it goes on at `back` where they are the guest's.
                case lanes(LaneCheck, back: Assembler.Label)
                /// Code goes on elsewhere, where the state has the flags.
                case jump
                /// Floating point, which goes on at `back`.
                case float(FloatStub, back: Assembler.Label)
            }
            let kind: Kind
            let label: Assembler.Label
            let programCounter: UInt64
            /// Instructions that the segment has been charged for and that are not executed.
            let refund: Int
            /// What the flags are there, where the state does not have them.
            let flags: FlagsRecipe?
            /// What the state's vector registers are there, where it does not have them.
            let saves: Range<Int>
            /// The number of the register map there.
            let map: UInt8
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
        /// For each of the host's vector registers, a bit for each of the guest's that the state block has to get from it; and
        /// all of these.
        var unsaved = InlineArray<16, UInt32>(repeating: 0)
        var allUnsaved: UInt32 = 0
        /// What they are as a part of ``saves``.
        var knownSaves: Range<Int>?
        /// Temporaries that the node in progress uses.
        var locked: UInt16 = 0
        var lockedVectors: UInt16 = 0
        /// A bit for each spill slot that is not free, or not there.
        var usedSpills: UInt64 = 0
        let absentSpills: UInt64
        var chains = AccessChains()
        /// The group whose value is in rdx, and those whose values are in spill slots alone.
        var group: AccessGroup?
        var keptGroups: [AccessGroup] = []
        var handle: Handle?
        var verdict: Verdict?
        var testResult: TestResult?
        var hostFlags: HostFlags?
        /// The definition of the condition flags that the state does not have yet.
        var pendingFlags: Int32?
        /// The guest's rounding mode and flags are known to be the host's.
        var floatsAreLoaded = false
        /// The instruction and the node that code is made of.
        var instruction = 0
        var current: Int32 = 0
        /// The instruction has called a helper, whose event was not looked at yet.
        var hasCalled = false
        /// Instructions of the segment from the present one on.
        var leftInSegment = 0

        var loop: Loop?

        /// What was made is not to be used.
        var hasFailed = false

        static let free: Int32 = -1
        static let noBacking: UInt8 = 255

        init(
            _ map: RegisterMap, _ trampolines: Trampolines, _ host: HostFeatures, _ switches: OptimizationSwitches,
            spillSlots: Int
        ) {
            absentSpills = ~0 << UInt64(spillSlots)
            self.map = map
            maps = [map]
            self.trampolines = trampolines
            self.host = host
            self.switches = switches
        }

        /// Begins a region, in `buffer`, whose first byte will be executed at `base`.
        mutating func begin(
            _ buffer: UnsafeMutableBufferPointer<UInt8>, at base: UInt, direct: DirectMemory?,
            windows: (reads: Bool, writes: Bool)
        ) {
            assembler.restart(buffer)
            self.base = base
            self.direct = direct
            (hasReadWindow, hasWriteWindow) = windows
            blocks = PlaceSet()
            edges.forget()
            stubs.removeAll(keepingCapacity: true)
            saves.removeAll(keepingCapacity: true)
            entries.removeAll(keepingCapacity: true)
            exits.removeAll(keepingCapacity: true)
            maps.removeLast(maps.count - 1)
            map = maps[0]
            mapNumber = 0
            hasFailed = false
        }

        /// Says that a block of the region will begin at `address`: before code is made of any.
        mutating func beginBlock(at address: UInt64) {
            blocks.insert(address)
            blockLabels[Int(address & 4095) / 2] = assembler.label()
            openLabels[Int(address & 4095) / 2] = assembler.label()
            blockMaps[Int(address & 4095) / 2] = 0
        }

        /// Says that the block at `address` will be of the loop that was begun last.
        mutating func addToLoop(_ address: UInt64) {
            blockMaps[Int(address & 4095) / 2] = UInt8(truncatingIfNeeded: maps.count &- 1)
            entries.append((address, assembler.label()))
        }

        /// Begins a loop, whose blocks use registers as often as `uses` says; false where it needs no map of its own.
        mutating func beginLoop(_ uses: ContiguousArray<Int>) -> Bool {
            guard maps.count < 255, let map = maps[0].forLoop(uses) else { return false }
            maps.append(map)
            return true
        }

        /// From here on code is made for the map of the number.
        mutating func useMap(_ number: UInt8) {
            guard number != mapNumber else { return }
            mapNumber = number
            map = maps[Int(number)]
        }

        func mapNumber(ofBlock address: UInt64) -> UInt8 { blockMaps[Int(address & 4095) / 2] }

        /// Moves what is in other places by the map of the number. Host flags and temporaries stay.
        mutating func changeMap(to number: UInt8) {
            guard number != mapNumber else { return }
            let (old, new) = (maps[Int(mapNumber)].replacements, maps[Int(number)].replacements)
            for change in old { assembler.store(Role.register(change.inside), change.host) }
            for change in old { assembler.load(change.host, Role.register(change.outside)) }
            for change in new { assembler.store(Role.register(change.outside), change.host) }
            for change in new { assembler.load(change.host, Role.register(change.inside)) }
        }

        func hasBlock(at address: UInt64) -> Bool { blocks.contains(address) }

        /// The label of the region's block at `address`, which is in the page, if there is one.
        func label(ofBlock address: UInt64) -> Assembler.Label? {
            blocks.contains(address) ? blockLabels[Int(address & 4095) / 2] : nil
        }

        /// Where the region's block at `address` is entered by who has taken its budget.
        func openLabel(of address: UInt64) -> Assembler.Label { openLabels[Int(address & 4095) / 2] }

        /// Where the block at `address` is entered from outside of the region. - Precondition: code has been made of it.
        func offset(ofBlock address: UInt64) -> Int {
            if mapNumber(ofBlock: address) != 0, let entry = entries.first(where: { $0.block == address }) {
                return assembler.offset(of: entry.label)
            }
            return assembler.offset(of: blockLabels[Int(address & 4095) / 2])
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

    /// Makes code of `block`, which comes back as another with memory to be used again.
    /// - Parameter following: the block that code will be made of next.
    mutating func generate(_ block: inout Block, ending: Ending?, following: UInt64?) {
        swap(&self.block, &block)
        makeCode(ending, following)
    }

    private mutating func makeCode(_ ending: Ending?, _ following: UInt64?) {
        if switches.contains(.floats), !map.hasVectors {
            floats.rewrite(&self.block)
        } else {
            floats.forget(block.nodes.count)
        }
        analysis.analyse(&self.block, floats, switches, hasVectors: map.hasVectors)
        chains.find(self.block, analysis)
        findLoop()
        places.fill(block.nodes.count, with: .none)
        backing.fill(block.nodes.count, with: Self.noBacking)
        inGuest.removeAll(keepingCapacity: true)
        owners = InlineArray(repeating: Self.free)
        vectorOwners = InlineArray(repeating: Self.free)
        unsaved = InlineArray(repeating: 0)
        allUnsaved = 0
        knownSaves = nil
        usedSpills = absentSpills
        group = nil
        keptGroups.removeAll(keepingCapacity: true)
        handle = nil
        verdict = nil
        testResult = nil
        hostFlags = nil
        pendingFlags = nil
        floatsAreLoaded = false
        useMap(label(ofBlock: block.address) == nil ? 0 : mapNumber(ofBlock: block.address))
        let entry = edges[block.address]
        alignBlock(entry)
        if let label = label(ofBlock: block.address) { assembler.bind(label) }
        record?.begin(block)
        enterLoop()
        for segment in analysis.segments {
            let isLast = segment.firstInstruction + segment.count == block.instructions.count
            leftInSegment = segment.count + (isLast ? entry.next : 0)
            record?.begin(.budget(instructions: leftInSegment), at: assembler.count)
            takeBudget(segment)
            if segment.firstInstruction == 0 { beginBehindBudget() }
            for number in segment.firstInstruction..<segment.firstInstruction + segment.count {
                instruction = number
                record?.begin(.instruction(number), at: assembler.count)
                generateInstruction(number)
                leftInSegment -= 1
            }
        }
        record?.begin(ending, at: assembler.count)
        locked = 0
        switch ending {
        case .next(let address): goOn(to: address, isBehind: address == following)
        case .interpreted(let address):
            settleFlags()
            saveVectors()
            assembler.jump(stub(.interpret, at: address, refund: 0))
        case nil: break
        }
    }

    private mutating func generateInstruction(_ number: Int) {
        for index in block.nodes(of: number) {
            current = Int32(truncatingIfNeeded: index)
            guard !analysis[index].isDead, !analysis[index].isDeferred, places[index] == .none, !isServed(index) else {
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
        let label = stub(.outOfBudget, at: address(of: segment.firstInstruction), refund: leftInSegment)
        assembler.arithmetic(
            .subtract, .register(Role.budget), constant: Int32(truncatingIfNeeded: leftInSegment))
        assembler.jump(if: .sign, label)
    }

    // MARK: Stubs

    /// A stub for the instruction in progress, which will not have been executed.
    mutating func stub(_ kind: Stub.Kind) -> Label {
        stub(kind, at: address(of: instruction), refund: leftInSegment)
    }

    mutating func stub(_ kind: Stub.Kind, at programCounter: UInt64, refund: Int) -> Label {
        let label = assembler.label()
        stubs.append(
            Stub(
                kind: kind, label: label, programCounter: programCounter, refund: refund, flags: flagsRecipe(),
                saves: savesHere(), map: mapNumber))
        return label
    }

    /// Behind the last block.
    mutating func generateStubs() {
        // A stub may need another.
        var number = 0
        while number < stubs.count {
            let stub = stubs[number]
            number += 1
            record?.begin(stub, at: assembler.count)
            assembler.bind(stub.label)
            useMap(stub.map)
            switch stub.kind {
            case .outOfBudget: leave(stub, trampolines.outOfBudget)
            case .interpret: leave(stub, trampolines.interpret)
            case .enterPage(let access): enterPage(access, stub)
            case .helper(let helper, let argument):
                settle(stub)
                changeMap(to: 0)
                useMap(0)
                storePosition(stub.programCounter, left: stub.refund)
                assembler.move(.rax, constant: UInt64(argument))
                assembler.move(.rdx, constant: 0)
                callHelper(helper)
                resume()
            case .lanes(let lanes, let back):
                let refused = assembler.label()
                check(lanes, refused)
                assembler.jump(back)
                assembler.bind(refused)
                leave(stub, trampolines.interpret)
            case .jump: goOn(stub)
            case .event:
                settle(stub)
                assembler.arithmetic(.subtract, .memory(Role.field(\.budget)), constant: 1)
                storeProgramCounter(stub.programCounter, through: .rax)
                leaveMap(for: trampolines.event)
            case .float(.load, let back):
                assembler.arithmetic(.compare, .memory(Role.field(\.floatEnabled)), constant: 0, .byte)
                let isOff = assembler.label()
                assembler.jumpShort(if: .equal, isOff)
                if map.hasVectors {
                    // More is asked for than the host has a mode for.
                    assembler.arithmetic(.compare, .memory(Role.field(\.floatControls)), constant: 0, .byte)
                    assembler.jumpShort(if: .notEqual, isOff)
                }
                assembler.call(toAddress: trampolines.loadFloats, from: self.base)
                assembler.jump(back)
                assembler.bind(isOff)
                leave(stub, trampolines.interpret)
            case .float(let float, let back): generate(float, back)
            }
        }
        stubs.removeAll(keepingCapacity: true)
        saves.removeAll(keepingCapacity: true)
        generateExits()
        enterLoops()
    }

    /// The ways into loops' blocks from outside of the region.
    private mutating func enterLoops() {
        for (block, label) in entries {
            record?.begin(.stub(name: "entry", address: block), at: assembler.count)
            assembler.bind(label)
            useMap(0)
            jump(to: block)
        }
    }

    mutating func leave(_ stub: Stub, _ trampoline: UInt) {
        settle(stub)
        giveBack(stub.refund)
        storeProgramCounter(stub.programCounter, through: .rax)
        leaveMap(for: trampoline)
    }

    /// The end of a stub: goes on to the trampoline, by way of code that all stubs of a loop share.
    mutating func leaveMap(for trampoline: UInt) {
        guard mapNumber != 0 else { return assembler.jump(toAddress: trampoline, from: base) }
        if let exit = exits.first(where: { $0.map == mapNumber && $0.trampoline == trampoline }) {
            return assembler.jump(exit.label)
        }
        let label = assembler.label()
        exits.append((mapNumber, trampoline, label))
        assembler.jump(label)
    }

    /// What stubs of loops have in common.
    private mutating func generateExits() {
        for exit in exits {
            let loop = entries.first { mapNumber(ofBlock: $0.block) == exit.map }
            record?.begin(.stub(name: "exit", address: loop?.block ?? 0), at: assembler.count)
            assembler.bind(exit.label)
            useMap(exit.map)
            changeMap(to: 0)
            assembler.jump(toAddress: exit.trampoline, from: base)
        }
    }

    mutating func giveBack(_ instructions: Int) {
        guard instructions != 0 else { return }
        assembler.arithmetic(
            .add, .register(Role.budget), constant: Int32(truncatingIfNeeded: instructions))
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
