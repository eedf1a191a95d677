/// Blocks as text: a line a node, under a line for each instruction.
///
///     0x80000000
///       0  register 10
///       1  constant 0x8
///       2  binary.double add %0 %1
///       3  load.word %2
extension Block: CustomStringConvertible {
    public var description: String {
        var lines: [String] = []
        for number in instructions.indices {
            let address = address &+ UInt64(bitPattern: Int64(instructions[number].offset))
            lines.append("0x" + String(address, radix: 16))
            var depth = 1
            for index in nodes(of: number) {
                if nodes[index].operation == .endWhenever { depth -= 1 }
                lines.append(String(repeating: "  ", count: depth) + "\(index)  \(nodes[index])")
                if nodes[index].operation == .whenever { depth += 1 }
            }
        }
        return lines.joined(separator: "\n")
    }
}

extension Node: CustomStringConvertible {
    public var description: String {
        var text = String(describing: operation)
        if hasWidth { text += ".\(width)" }
        if let detailText { text += " \(detailText)" }
        let kinds = operation.operands
        for position in 0..<4 where kinds[position] != .nothing {
            let operand = self[operand: position]
            text += operand == Node.none ? " state" : " %\(operand)"
        }
        if let immediateText { text += " \(immediateText)" }
        if let extraText { text += " \(extraText)" }
        return text
    }

    private var hasWidth: Bool {
        switch operation {
        case .setRegisterPart, .state, .setState, .binary, .unary, .addWithCarry, .subtractWithBorrow, .compare,
            .setFlags, .setFlagsIf, .load, .store, .loadHeld, .storeHeld, .storeHeldIf, .atomicUpdate, .compareAndSwap,
            .float, .floatToInteger, .integerToFloat, .convertFloat, .vectorBinary, .vectorUnary, .vectorShift,
            .vectorSaturating, .vectorFloat:
            return true
        default: return false
        }
    }

    private var detailText: String? {
        switch operation {
        case .binary: return "\(binaryOperation)"
        case .unary: return "\(unaryOperation)"
        case .extend: return "\(`extension`)"
        case .compare: return "\(comparison)"
        case .setFlags, .setFlagsIf: return "\(flagsKind)"
        case .condition: return "\(conditionCode)"
        case .probe: return isForWriting ? "write" : "read"
        case .atomicUpdate: return "\(atomicOperation)"
        case .float, .vectorFloat: return "\(floatOperation)"
        case .floatToInteger, .integerToFloat, .convertFloat: return "\(otherWidth)"
        case .vectorBinary: return "\(vectorOperation)"
        case .vectorUnary: return "\(vectorUnaryOperation)"
        case .vectorShift: return "\(vectorShiftOperation)"
        case .vectorSaturating: return "\(vectorSaturatingOperation)"
        case .cryptographic: return "\(cryptographicOperation)"
        case .jumpIndirect: return "\(jumpHint)"
        case .require: return "\(unit)"
        case .expect: return expectsHelper ? "else helper" : "else interpreter"
        case .setRegisterPart: return "bit \(detail)"
        default: return nil
        }
    }

    private var immediateText: String? {
        switch operation {
        case .constant, .programCounter, .branch, .jump: return "0x" + String(immediate, radix: 16)
        case .register, .setRegister, .setRegisterPart, .state, .setState, .probe, .loadHeld, .storeHeld, .storeHeldIf,
            .vectorRegister, .setVectorRegister, .doubleword, .vectorShift, .vectorExtract, .vectorFloat, .call, .trap,
            .truth, .whenever:
            return "\(immediate)"
        case .expect: return expectsHelper ? "\(immediate)" : nil
        case .setFlagsIf: return keepsFlags ? "else kept" : "else 0x" + String(immediate, radix: 16)
        case .floatToInteger, .integerToFloat: return isSigned ? "signed" : "unsigned"
        default: return nil
        }
    }

    private var extraText: String? {
        switch operation {
        case .float, .floatToInteger, .integerToFloat, .convertFloat, .vectorFloat: return "\(rounding)"
        case .load, .store, .probe: return attributes.isEmpty ? nil : "attributes \(attributes.rawValue)"
        default: return nil
        }
    }
}
