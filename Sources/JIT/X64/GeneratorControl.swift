import ISA

/// What goes on elsewhere, and what is read and written in the state block.
extension X64.Generator {
    mutating func generate(_ node: Node) {
        switch node.operation {
        case .constant: places[Int(current)] = .constant
        case .programCounter:
            let target = target()
            assembler.move(target, constant: block.address &+ node.immediate)
            finish(target)
        case .register: readRegister(node)
        case .setRegister: setRegister(node)
        case .state:
            let target = target()
            assembler.load(target, Role.field(Int(truncatingIfNeeded: node.immediate)), node.width)
            finish(target)
        case .setState: setState(node)
        case .load: generateLoad(node)
        case .store: generateStore(node)
        case .probe: generateProbe(node)
        case .loadHeld, .storeHeld, .storeHeldIf, .reserve, .consumeReservation, .atomicUpdate, .compareAndSwap:
            generateHeld(node)
        case .require: require(node.unit)
        case .expect:
            let condition = test(node.a)
            // What the test has moved, the stub has to find there.
            let other = stub(
                node.expectsHelper ? .helper(node.helper, argument: node.helperArgument) : .interpret)
            assembler.jump(if: condition.inverted, other)
        case .uncount: generateUncount(node)
        case .setContext:
            forgetGroups()
            let register = intoRegister(node.a)
            assembler.store(Role.field(\.context), register)
            assembler.move(Role.context, register)
        case .branch: generateBranch(node)
        case .jump:
            guard loop != nil, node.immediate == 0 else {
                return goOn(to: block.address &+ node.immediate, isBehind: false)
            }
            settleFlags()
            saveVectors()
            goBack(if: nil)
        case .jumpIndirect: generateIndirectJump(node)
        case .setFlags, .setFlagsIf, .setRawFlags: defineFlags(node)
        case .condition: generateCondition(node)
        case .flags: generateFlags()
        case .call: generateCall(node)
        case .endBlock: endBlock()
        case .resume:
            saveVectors()
            resume()
        case .binary, .unary, .extend, .select, .conditionValue, .and, .or, .addWithCarry, .subtractWithBorrow:
            generateInteger(node)
        case .vectorRegister: readVectorRegister(node)
        case .setVectorRegister: setVectorRegister(node)
        case .doubleword: generateDoubleword(node)
        case .vector: generateVector(node)
        case .vectorBinary: generateLanes(node)
        case .vectorSaturating: generateVectorSaturating(node)
        case .vectorShift: generateVectorShift(node)
        case .vectorExtract: generateVectorExtract(node)
        default: if map.hasVectors { generateVectorFloat(node) } else { generateFloat(node) }
        }
    }

    private mutating func setState(_ node: Node) {
        let memory = Role.field(Int(truncatingIfNeeded: node.immediate))
        if let value = immediate(node.a, node.width) {
            assembler.store(memory, constant: value, node.width)
        } else {
            let register = intoRegister(node.a)
            assembler.store(memory, register, node.width)
        }
    }

    /// The interpreter raises the exception where the unit is off.
    private mutating func require(_ unit: Unit) {
        switch unit {
        case .floatingPoint:
            if map.hasVectors {
                // Nothing of it is the host's.
                assembler.arithmetic(.compare, .memory(Role.field(\.floatEnabled)), constant: 0, .byte)
                return assembler.jump(if: .equal, stub(.interpret))
            }
            let back = assembler.label()
            assembler.arithmetic(.compare, .memory(Role.field(\.floatLoaded)), constant: 0, .byte)
            assembler.jump(if: .equal, stub(.float(.load, back: back)))
            assembler.bind(back)
        case .dynamicRounding:
            // Rounding to the nearest with ties away from zero is not the host's, and what is above it is nobody's.
            assembler.arithmetic(.compare, .memory(Role.field(\.floatRounding)), constant: 3, .byte)
            assembler.jump(if: .above, stub(.interpret))
        }
    }

    // MARK: Jumps

    /// The label of the block at `address`, if it is one of this region.
    func label(of address: UInt64) -> Label? {
        (address ^ block.address) & ~4095 == 0 ? label(ofBlock: address) : nil
    }

    mutating func jump(to address: UInt64) {
        guard let label = label(of: address) else { return jumpOut(to: address) }
        changeMap(to: mapNumber(ofBlock: address))
        assembler.jump(label)
    }

    private mutating func generateBranch(_ node: Node) {
        let address = block.address &+ node.immediate
        let isBack = loop != nil && node.immediate == 0
        let label = label(of: address)
        let target = label == nil ? 0 : mapNumber(ofBlock: address)
        let refund = leftInSegment - 1
        // A stub stores what was set where there is one in any case.
        if isBack || pendingFlags == nil && target == mapNumber && refund == 0 { saveVectors() }
        let condition = test(node.a)
        if isBack { return goBack(if: condition) }
        let isBackward = Int64(bitPattern: node.immediate) <= Int64(block.instructions[instruction].offset)
        if isBackward, pendingFlags != nil || refund > 0, branchBack(condition, to: address, refund: refund) { return }
        if pendingFlags != nil || hasUnsaved || target != mapNumber || refund > 0 {
            return assembler.jump(if: condition, stub(.jump, at: address, refund: refund))
        }
        if let label { return assembler.jump(if: condition, label) }
        let skip = assembler.label()
        assembler.jumpShort(if: condition.inverted, skip)
        jumpOut(to: address)
        assembler.bind(skip)
    }

    /// Through the jump cache of the context: who runs this code may have another page at the address.
    private mutating func jumpOut(to address: UInt64) {
        changeMap(to: 0)
        let entry = Int32(
            truncatingIfNeeded: TranslationContext.jumpOffset + TranslationContext.jumpIndex(address)
                * MemoryLayout<TranslationContext.JumpEntry>.stride)
        assembler.move(.rax, constant: address)
        assembler.arithmetic(.compare, .rax, .memory(Memory(Role.context, entry)))
        assembler.jump(if: .notEqual, toAddress: trampolines.resolve, from: base)
        assembler.jump(to: .memory(Memory(Role.context, entry + 8)))
    }

    private mutating func generateIndirectJump(_ node: Node) {
        settleFlags()
        saveVectors()
        move(.rax, node.a)
        changeMap(to: 0)
        if hasCalled { lookAtEventBeforeJump() }
        let miss =
            switch node.jumpHint {
            case .plain: trampolines.resolveJump
            case .call: trampolines.resolveCall
            case .return: trampolines.resolve
            }
        X64.Trampolines.jump(&assembler, at: base, miss)
    }

    /// The instruction has called a helper, and goes on at the address in rax: what the helper wants comes first.
    private mutating func lookAtEventBeforeJump() {
        hasCalled = false
        let goOn = assembler.label()
        assembler.store(Role.field(\.programCounter), .rax)
        assembler.arithmetic(.compare, .memory(Role.field(\.event)), constant: 0, .byte)
        assembler.jumpShort(if: .equal, goOn)
        assembler.arithmetic(.subtract, .memory(Role.field(\.budget)), constant: 1)
        assembler.jump(toAddress: trampolines.event, from: base)
        assembler.bind(goOn)
    }

    // MARK: Calls out of line

    /// Stores what a helper, or whoever takes an exception, has to know of where it is.
    /// - Parameter left: instructions that were taken out of the budget and are not executed yet.
    mutating func storePosition(_ address: UInt64, left: Int) {
        assembler.address(.rcx, Memory(Role.budget, Int32(truncatingIfNeeded: left)))
        assembler.store(Role.field(\.budget), .rcx)
        storeProgramCounter(address, through: .rcx)
    }

    /// The result is in rax. Where the helper raised an exception nothing more of the instruction is done.
    private mutating func generateCall(_ node: Node) {
        forgetGroups()
        settleFlags()
        saveVectors()
        for register in Role.temporaries { take(register) }
        for register in map.temporaryVectors { evict(register) }
        floatsAreLoaded = false
        move(.rax, node.a)
        move(.rdx, node.b)
        storePosition(address(of: instruction), left: leftInSegment)
        let number = mapNumber
        changeMap(to: 0)
        useMap(0)
        callHelper(node.helper, describing: node.helperArgument)
        changeMap(to: number)
        useMap(number)
        finishInTemporary(.rax)
        hasCalled = true
    }

    /// Of rax and rdx. Where the instruction raised an exception that is where the code goes on.
    /// - Parameter description: of the access that it makes.
    mutating func callHelper(_ helper: HelperIdentifier, describing description: UInt16 = 0) {
        assembler.move(.rcx, constant: UInt64(helper.rawValue) | UInt64(description) << 16)
        assembler.call(toAddress: trampolines.callHelper, from: base)
        assembler.test(.memory(Role.field(\.event)), constant: Int32(TranslatedEvent.trapped), .byte)
        assembler.jump(if: .notEqual, toAddress: trampolines.event, from: base)
    }

    /// At the end of an instruction that called a helper: whether it goes on as if nothing had been.
    mutating func lookAtEvent() {
        hasCalled = false
        assembler.arithmetic(.compare, .memory(Role.field(\.event)), constant: 0, .byte)
        assembler.jump(if: .notEqual, stub(.event, at: nextAddress, refund: 0))
    }

    private var nextAddress: UInt64 {
        address(of: instruction) &+ UInt64(block.instructions[instruction].length)
    }

    private mutating func endBlock() {
        settleFlags()
        saveVectors()
        lookAtEvent()
        jumpOut(to: nextAddress)
    }

    /// The program counter is what the helper has set.
    mutating func resume() {
        hasCalled = false
        changeMap(to: 0)
        assembler.arithmetic(.subtract, .memory(Role.field(\.budget)), constant: 1)
        assembler.jump(toAddress: trampolines.event, from: base)
    }
}
