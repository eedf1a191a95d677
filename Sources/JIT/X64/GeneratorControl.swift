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
        case .branch: generateBranch(node)
        case .jump: jump(to: block.address &+ node.immediate)
        case .jumpIndirect: generateIndirectJump(node)
        case .binary, .unary, .extend, .select, .conditionValue, .and, .or: generateInteger(node)
        default: generateFloat(node)
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
            assembler.arithmetic(.compare, .memory(Role.field(\.floatEnabled)), constant: 0, .byte)
            assembler.jump(if: .equal, stub(.interpret))
        case .dynamicRounding:
            // Rounding to the nearest with ties away from zero is not the host's, and what is above it is nobody's.
            assembler.arithmetic(.compare, .memory(Role.field(\.floatRounding)), constant: 3, .byte)
            assembler.jump(if: .above, stub(.interpret))
        }
    }

    // MARK: Jumps

    /// The label of the block at `address`, if it is one of this region.
    private func label(of address: UInt64) -> Label? {
        (address ^ block.address) & ~4095 == 0 ? blockLabels[address & 4095] : nil
    }

    mutating func jump(to address: UInt64) {
        if let label = label(of: address) { return assembler.jump(label) }
        jumpOut(to: address)
    }

    private mutating func generateBranch(_ node: Node) {
        let address = block.address &+ node.immediate
        let condition = test(node.a)
        if let label = label(of: address) { return assembler.jump(if: condition, label) }
        let skip = assembler.label()
        assembler.jumpShort(if: condition.inverted, skip)
        jumpOut(to: address)
        assembler.bind(skip)
    }

    /// Through the jump cache of the context: who runs this code may have another page at the address.
    private mutating func jumpOut(to address: UInt64) {
        let entry = Int32(truncatingIfNeeded: TranslationContext.jumpOffset + Int(address & Self.jumpMask) * 8)
        assembler.move(.rax, constant: address)
        assembler.arithmetic(.compare, .rax, .memory(Memory(Role.context, entry)))
        assembler.jump(if: .notEqual, toAddress: trampolines.resolve, from: base)
        assembler.jump(to: .memory(Memory(Role.context, entry + 8)))
    }

    private static let jumpMask = UInt64(TranslationContext.jumpEntries - 1) << 1

    private mutating func generateIndirectJump(_ node: Node) {
        move(.rax, node.a)
        assembler.move(.rcx, .rax, .word)
        assembler.arithmetic(.and, .register(.rcx), constant: Int32(Self.jumpMask), .word)
        let entry = Int32(TranslationContext.jumpOffset)
        assembler.arithmetic(.compare, .rax, .memory(Memory(Role.context, entry, index: .rcx, scale: 8)))
        assembler.jump(if: .notEqual, toAddress: trampolines.resolve, from: base)
        assembler.jump(to: .memory(Memory(Role.context, entry + 8, index: .rcx, scale: 8)))
    }
}
