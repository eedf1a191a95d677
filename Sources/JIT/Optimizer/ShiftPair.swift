import ISA

/// A shift to the left by a constant whose result is only shifted back to the right by one: how RISC-V code takes the low
/// bits of a register where it has no instruction for that ("slli rd, rs, 32; srli rd, rd, 32" for what add.uw and zext.w
/// do with Zba).
///
/// The host has moves that extend the low 8, 16 or 32 bits, and masks.
struct ShiftPair {
    /// What the two become.
    enum Form {
        /// The second does it all, on the first one's operand; the first is not needed.
        case one
        /// The first extends, and the second shifts by what is left.
        case two
    }

    private let first: Int
    private let second: Int
    private let left: UInt64
    private let right: UInt64
    private let isSigned: Bool

    /// - Parameter user: the only node that uses the result of `first`.
    init?(first: Int, user: Int, _ block: borrowing Block) {
        let (shift, back) = (block.nodes[first], block.nodes[user])
        guard Self.isShift(shift, .shiftLeft), let left = Self.count(shift, block), left != 0,
            Self.isShift(back, .shiftRightLogical) || Self.isShift(back, .shiftRightArithmetic), back.a == first,
            // Of the second instruction alone, so that it may be changed.
            Int(back.b) > first, let right = Self.count(back, block)
        else { return nil }
        self.first = first
        second = user
        self.left = left
        self.right = right
        isSigned = back.binaryOperation == .shiftRightArithmetic
    }

    private static func isShift(_ node: Node, _ operation: BinaryOperation) -> Bool {
        node.operation == .binary && node.width == .double && node.binaryOperation == operation
    }

    /// The count, where it is a constant.
    private static func count(_ shift: Node, _ block: Block) -> UInt64? {
        let count = block.nodes[Int(shift.b)]
        return count.operation == .constant ? count.immediate & 63 : nil
    }

    /// Rewrites the two, where that makes the code shorter.
    func rewrite(_ block: inout Block) -> Form? {
        let source = block.nodes[first].a
        let count = block.nodes[second].b
        if let extensionOfField {
            if left == right {
                block.nodes[second] = Node(.extend, detail: extensionOfField.rawValue, source)
                return .one
            }
            if left == 32 && right > 32 && !isSigned {
                block.nodes[second].width = .word
                block.nodes[second].a = source
                block.nodes[Int(count)].immediate = right - 32
                return .one
            }
            block.nodes[first] = Node(.extend, detail: extensionOfField.rawValue, source)
            if left > right { block.nodes[second].detail = BinaryOperation.shiftLeft.rawValue }
            block.nodes[Int(count)].immediate = left > right ? left - right : right - left
            return .two
        }
        // A mask has to fit the immediate field, whose sign is extended.
        guard left == right, left > 32, !isSigned else { return nil }
        block.nodes[second].detail = BinaryOperation.and.rawValue
        block.nodes[second].a = source
        block.nodes[Int(count)].immediate = ~0 >> left
        return .one
    }

    /// Of the bits that the shift to the left keeps.
    private var extensionOfField: Extension? {
        switch left {
        case 32: isSigned ? .signed32 : .zero32
        case 48: isSigned ? .signed16 : .zero16
        case 56: isSigned ? .signed8 : .zero8
        default: nil
        }
    }
}
