import ISA

/// A vector that is put together of parts of others, as one instruction of the host has it. The recorder writes such parts
/// down as integers.
enum VectorAssembly {
    /// Four elements of 32 bits of one vector, each chosen by two bits.
    case shuffle(Int32, order: UInt8)
    /// A doubleword of one vector, and above it one of another.
    case doublewords(low: Int32, lowIndex: UInt8, high: Int32, highIndex: UInt8)

    init?(_ node: Node, _ block: Block) {
        guard node.operation == .vector else { return nil }
        let (low, high) = (block.nodes[Int(node.a)], block.nodes[Int(node.b)])
        if low.operation == .doubleword, high.operation == .doubleword {
            let (first, second) = (UInt8(truncatingIfNeeded: low.immediate), UInt8(truncatingIfNeeded: high.immediate))
            if low.a == high.a {
                self = .shuffle(low.a, order: Self.elements(first) | Self.elements(second) << 4)
            } else {
                self = .doublewords(low: low.a, lowIndex: first, high: high.a, highIndex: second)
            }
            return
        }
        guard node.a == node.b, let (vector, element) = Self.repeatedElement(low, block) else { return nil }
        self = .shuffle(vector, order: element * 0b01_01_01_01)
    }

    /// Both elements of a doubleword.
    private static func elements(_ doubleword: UInt8) -> UInt8 { doubleword == 0 ? 0b01_00 : 0b11_10 }

    /// The element of 32 bits that both halves of the value are.
    private static func repeatedElement(_ node: Node, _ block: Block) -> (vector: Int32, element: UInt8)? {
        guard node.operation == .binary, node.width == .double, node.binaryOperation == .multiply else { return nil }
        let (element, factor) = (block.nodes[Int(node.a)], block.nodes[Int(node.b)])
        guard factor.operation == .constant, factor.immediate == 1 << 32 | 1, element.operation == .extend,
            element.extension == .zero32
        else { return nil }
        let part = block.nodes[Int(element.a)]
        if part.operation == .doubleword { return (part.a, UInt8(truncatingIfNeeded: 2 * part.immediate)) }
        guard part.operation == .binary, part.width == .double, part.binaryOperation == .shiftRightLogical else {
            return nil
        }
        let (whole, count) = (block.nodes[Int(part.a)], block.nodes[Int(part.b)])
        guard whole.operation == .doubleword, count.operation == .constant, count.immediate == 32 else { return nil }
        return (whole.a, UInt8(truncatingIfNeeded: 2 * whole.immediate + 1))
    }

    /// The vectors whose parts these are.
    var sources: (Int32, Int32) {
        switch self {
        case .shuffle(let vector, _): (vector, vector)
        case .doublewords(let low, _, let high, _): (low, high)
        }
    }
}
