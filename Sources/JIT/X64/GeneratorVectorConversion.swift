import ISA

/// Integers, and numbers with a fixed point, as floating-point numbers, as Arm has them.
extension X64.Generator {
    mutating func generateFromInteger(_ node: Node) {
        finishWhole(fromInteger(node.a, node.otherWidth, isSigned: node.isSigned, node.width))
    }

    /// a * 2^-b: the integer is rounded, and what it is multiplied with changes its exponent alone, which is in the middle
    /// of what there is.
    mutating func generateFromFixed(_ node: Node) {
        guard let fraction = constant(node.b), let bits = constant(node.c) else { return hasFailed = true }
        let isSigned = node.floatOperation == .fromFixedSigned
        let result = fromInteger(node.a, bits == 64 ? .double : .word, isSigned: isSigned, node.width)
        if fraction != 0 {
            let factor = powerOfTwo(minus: fraction, node.width)
            assembler.scalar(.multiply, result, factor, node.width)
        }
        finishWhole(result)
    }

    mutating func generateLanesFromFixed(_ node: Node) {
        // The places are the same in all lanes.
        guard let places = constant(block.nodes[Int(node.b)].a) else { return hasFailed = true }
        let fraction = places & node.width.mask
        let isSigned = node.floatOperation == .fromFixedSigned
        let source = intoWhole(node.a)
        let result = scratchVector()
        if node.width == .word, isSigned, node.immediate == 4 {
            assembler.convertWords(result, .register(source))
        } else {
            let (integer, lane) = (scratch(), scratchVector())
            for index in 0..<UInt8(truncatingIfNeeded: node.immediate) {
                if index == 0 {
                    assembler.move(integer, source, node.width)
                } else {
                    assembler.extract(.register(integer), source, element: index, node.width)
                }
                let target = index == 0 ? result : lane
                assembler.packed(.xor, target, .register(target))
                convert(target, integer, node.width, isSigned: isSigned, node.width)
                guard index > 0 else { continue }
                if node.width == .double {
                    assembler.packed(.unpackLowDoubles, result, .register(lane))
                } else {
                    assembler.packed(.insertSingle, result, .register(lane), constant: index << 4)
                }
            }
        }
        if fraction != 0 {
            let factor = powerOfTwo(minus: fraction, node.width)
            assembler.packed(.unpackLowDoubles, factor, .register(factor))
            assembler.packedFloat(.multiply, result, factor, node.width)
        }
        finishWhole(result)
    }

    /// 2^-exponent, in the low 64 bits of a register: twice where numbers have 32.
    private mutating func powerOfTwo(minus exponent: UInt64, _ width: Width) -> VectorRegister {
        let (bits, factor) = (scratch(), scratchVector())
        let single = (127 - exponent) << 23
        assembler.move(bits, constant: width == .double ? (1023 - exponent) << 52 : single << 32 | single)
        assembler.move(factor, bits)
        locked &= ~(1 << UInt16(bits.rawValue))
        return factor
    }

    /// A register with the number, and zeros above it.
    private mutating func fromInteger(
        _ node: Int32, _ integer: Width, isSigned: Bool, _ width: Width
    ) -> VectorRegister {
        if isSigned {
            let source = anyOperand(node)
            let result = scratchVector()
            assembler.packed(.xor, result, .register(result))
            assembler.convert(result, integer: source, integer, to: width)
            return result
        }
        let source = scratch()
        move(source, node)
        let result = scratchVector()
        assembler.packed(.xor, result, .register(result))
        convert(result, source, integer, isSigned: false, width)
        return result
    }

    /// The low element of `result`, which is zero, becomes the integer, whose register may change.
    private mutating func convert(
        _ result: VectorRegister, _ source: Register, _ integer: Width, isSigned: Bool, _ width: Width
    ) {
        if isSigned { return assembler.convert(result, integer: .register(source), integer, to: width) }
        if integer == .double {
            return convertUnsigned(result, source, width) {
                $0.assembler.convert(result, integer: .register(source), .double, to: width)
            }
        }
        assembler.extendZero(source, source, .word)
        assembler.convert(result, integer: .register(source), .double, to: width)
    }
}
