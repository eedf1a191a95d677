import ISA

/// Saturating operations on lanes. Beside each result stand lanes that are zero where it is exact; where any is not, that is
/// noted (Arm's FPSR.QC), without a branch: in the code that has such operations saturation is no exception. None needs more
/// than six registers, which is what is left in a loop that has its vectors in the others.
extension X64.Generator {
    private enum SaturatingCode {
        /// The host has it. What wraps differs where it saturates.
        case native(X64.Packed, wrapping: X64.Packed)
        /// Of signed lanes: what goes over has another sign than its operands allow.
        case bySigns(X64.Packed, less: X64.Packed, isSubtraction: Bool)
        /// Of unsigned lanes: a becomes what can be added to b, or b be taken from.
        case limited(X64.Packed, X64.Packed, isSubtraction: Bool)
        /// The product of the least numbers alone is one too many.
        case multiplyHighHalves(rounds: Bool)
        case multiplyHighWords(rounds: Bool)
        case multiply(X64.Packed, add: X64.Packed, equal: X64.Packed)
        /// - Parameter limit: what an unsigned source is brought down with first.
        case narrow(X64.Packed, limit: X64.Packed?, isSigned: Bool)
    }

    static func supportsVectorSaturating(_ node: Node) -> Bool { saturatingCode(node) != nil }

    private static func saturatingCode(_ node: Node) -> SaturatingCode? {
        switch (node.vectorSaturatingOperation, node.width) {
        case (.addSigned, .byte): .native(.addSaturatingBytes, wrapping: .addBytes)
        case (.addSigned, .half): .native(.addSaturatingHalves, wrapping: .addHalves)
        case (.addSigned, .word): .bySigns(.addWords, less: .greaterWords, isSubtraction: false)
        case (.addSigned, .double): .bySigns(.addDoubles, less: .greaterDoubles, isSubtraction: false)
        case (.subtractSigned, .byte): .native(.subtractSaturatingBytes, wrapping: .subtractBytes)
        case (.subtractSigned, .half): .native(.subtractSaturatingHalves, wrapping: .subtractHalves)
        case (.subtractSigned, .word): .bySigns(.subtractWords, less: .greaterWords, isSubtraction: true)
        case (.subtractSigned, .double): .bySigns(.subtractDoubles, less: .greaterDoubles, isSubtraction: true)
        case (.addUnsigned, .byte): .native(.addUnsignedSaturatingBytes, wrapping: .addBytes)
        case (.addUnsigned, .half): .native(.addUnsignedSaturatingHalves, wrapping: .addHalves)
        case (.addUnsigned, .word): .limited(.minimumUnsignedWords, .addWords, isSubtraction: false)
        case (.subtractUnsigned, .byte): .native(.subtractUnsignedSaturatingBytes, wrapping: .subtractBytes)
        case (.subtractUnsigned, .half): .native(.subtractUnsignedSaturatingHalves, wrapping: .subtractHalves)
        case (.subtractUnsigned, .word): .limited(.maximumUnsignedWords, .subtractWords, isSubtraction: true)
        case (.doubleMultiplyHigh, .half): .multiplyHighHalves(rounds: false)
        case (.doubleMultiplyHigh, .word): .multiplyHighWords(rounds: false)
        case (.roundingDoubleMultiplyHigh, .half): .multiplyHighHalves(rounds: true)
        case (.roundingDoubleMultiplyHigh, .word): .multiplyHighWords(rounds: true)
        case (.doubleMultiply, .word): .multiply(.multiplyWords, add: .addWords, equal: .compareEqual)
        case (.doubleMultiply, .double): .multiply(.multiplyLowWords, add: .addDoubles, equal: .compareDoubles)
        case (.narrowSigned, .byte): .narrow(.packSignedHalves, limit: nil, isSigned: true)
        case (.narrowSigned, .half): .narrow(.packSignedWords, limit: nil, isSigned: true)
        case (.narrowSignedToUnsigned, .byte): .narrow(.packHalves, limit: nil, isSigned: false)
        case (.narrowSignedToUnsigned, .half): .narrow(.packWords, limit: nil, isSigned: false)
        case (.narrowUnsigned, .byte): .narrow(.packHalves, limit: .minimumUnsignedHalves, isSigned: false)
        case (.narrowUnsigned, .half): .narrow(.packWords, limit: .minimumUnsignedWords, isSigned: false)
        default: nil
        }
    }

    mutating func generateVectorSaturating(_ node: Node) {
        // Only what is supported gets here.
        guard let code = Self.saturatingCode(node) else { return hasFailed = true }
        let (a, b) = (intoWhole(node.a), intoWhole(node.b))
        switch code {
        case .native(let operation, let wrapping):
            let (result, wrapped) = (copy(a), copy(a))
            assembler.packed(operation, result, .register(b))
            assembler.packed(wrapping, wrapped, .register(b))
            assembler.packed(.xor, wrapped, .register(result))
            finishSaturating(result, differences: wrapped)
        case .bySigns(let operation, let greater, let isSubtraction):
            let (result, over, other) = (copy(a), copy(a), copy(isSubtraction ? a : b))
            assembler.packed(operation, result, .register(b))
            assembler.packed(.xor, over, .register(isSubtraction ? b : result))
            assembler.packed(.xor, other, .register(result))
            assembler.packed(.and, over, .register(other))
            // All ones where the result is over; then where a is negative, which turns the greatest number into the least.
            assembler.packed(.xor, other, .register(other))
            assembler.packed(greater, other, .register(over))
            assembler.packed(.xor, over, .register(over))
            assembler.packed(greater, over, .register(a))
            let chosen = scratchVector()
            ones(chosen)
            assembler.shiftLanes(.logicalRight, chosen, by: 1, node.width)
            assembler.packed(.xor, over, .register(chosen))
            assembler.packed(.and, over, .register(other))
            assembler.move(chosen, other)
            assembler.packed(.andNot, chosen, .register(result))
            assembler.packed(.or, chosen, .register(over))
            finishSaturating(chosen, differences: other)
        case .limited(let limit, let operation, let isSubtraction):
            let result = copy(a)
            let other = copy(b)
            if !isSubtraction {
                let all = scratchVector()
                ones(all)
                assembler.packed(.xor, other, .register(all))
            }
            assembler.packed(limit, result, .register(other))
            assembler.move(other, result)
            assembler.packed(.xor, other, .register(a))
            assembler.packed(operation, result, .register(b))
            finishSaturating(result, differences: other)
        case .multiplyHighHalves(let rounds):
            let result = copy(a)
            if rounds {
                assembler.packed(.multiplyRoundedHalves, result, .register(b))
            } else {
                let low = copy(a)
                assembler.packed(.multiplyHighHalves, result, .register(b))
                assembler.packed(.multiplyHalves, low, .register(b))
                assembler.shiftLanes(.left, result, by: 1, .half)
                assembler.shiftLanes(.logicalRight, low, by: 15, .half)
                assembler.packed(.or, result, .register(low))
            }
            finishProduct(result, equal: .compareHalves, .half)
        case .multiplyHighWords(let rounds):
            let (even, odd, other) = (copy(a), copy(a), copy(b))
            assembler.packed(.multiplyLowWords, even, .register(b))
            assembler.shiftLanes(.logicalRight, odd, by: 32, .double)
            assembler.shiftLanes(.logicalRight, other, by: 32, .double)
            assembler.packed(.multiplyLowWords, odd, .register(other))
            for product in [even, odd] { assembler.packed(.addDoubles, product, .register(product)) }
            if rounds {
                ones(other)
                assembler.shiftLanes(.logicalRight, other, by: 63, .double)
                assembler.shiftLanes(.left, other, by: 31, .double)
                for product in [even, odd] { assembler.packed(.addDoubles, product, .register(other)) }
            }
            // The upper words: 1 and 3 of either, which then take turns.
            assembler.packed(.shuffleSingles, even, .register(odd), constant: 0xdd)
            assembler.shuffle(even, .register(even), constant: 0xd8)
            finishProduct(even, equal: .compareEqual, .word)
        case .multiply(let operation, let add, let equal):
            let result = copy(a)
            assembler.packed(operation, result, .register(b))
            assembler.packed(add, result, .register(result))
            finishProduct(result, equal: equal, node.width)
        case .narrow(let pack, let limit, let isSigned):
            let isByte = node.width == .byte
            let bits = UInt8(truncatingIfNeeded: node.width.bits)
            let wide: Width = isByte ? .half : .word
            let (result, zero) = (copy(a), zeros())
            if let limit {
                let most = scratchVector()
                ones(most)
                assembler.shiftLanes(.logicalRight, most, by: bits, wide)
                assembler.packed(limit, result, .register(most))
            }
            assembler.packed(pack, result, .register(zero))
            let again = copy(result)
            assembler.packed(
                isByte ? .unpackLowBytes : .unpackLowHalves, again, .register(isSigned ? result : zero))
            if isSigned { assembler.shiftLanes(.arithmeticRight, again, by: bits, wide) }
            assembler.packed(.xor, again, .register(a))
            finishSaturating(result, differences: again)
        }
    }

    private mutating func copy(_ register: VectorRegister) -> VectorRegister {
        let result = scratchVector()
        assembler.move(result, register)
        return result
    }

    private mutating func zeros() -> VectorRegister {
        let result = scratchVector()
        assembler.packed(.xor, result, .register(result))
        return result
    }

    private mutating func ones(_ register: VectorRegister) {
        assembler.packed(.compareEqual, register, .register(register))
    }

    /// Lanes that are the least number become the greatest.
    private mutating func finishProduct(_ result: VectorRegister, equal: X64.Packed, _ width: Width) {
        let least = scratchVector()
        ones(least)
        assembler.shiftLanes(.left, least, by: UInt8(truncatingIfNeeded: width.bits - 1), width)
        assembler.packed(equal, least, .register(result))
        assembler.packed(.xor, result, .register(least))
        finishSaturating(result, differences: least)
    }

    /// The result is in the register, and the differences tell where it is not exact.
    private mutating func finishSaturating(_ result: VectorRegister, differences: VectorRegister) {
        let isSaturated = scratch()
        assembler.test(differences)
        assembler.set(.notEqual, isSaturated)
        assembler.arithmetic(.or, Role.field(\.saturated), isSaturated, .byte)
        finishWhole(result)
    }
}
