import ISA

/// Which accesses of a block are off the same address, so that what was found out for one of them serves the next.
struct AccessChains {
    struct Access {
        /// The first node with the value that the address is an offset from, and the offset.
        var root: Int32 = Node.none
        var offset: Int32 = 0
        /// The node that code adds an offset to.
        var base: Int32 = Node.none
        /// The next access off the root that reads as well, or writes as well; ``Node/none`` where there is none.
        var next: Int32 = Node.none
        /// How many accesses there are before it, and how many branches.
        var number: Int32 = 0
        var branches: Int32 = 0
    }

    /// Of each access; what is of another node means nothing.
    private(set) var accesses = ContiguousArray<Access>()
    private var last = ContiguousArray<Int32>()
    private var sums = ContiguousArray<Sum>()

    subscript(access: Int32) -> Access { accesses[Int(access)] }

    /// More sums than these are not compared with a new one.
    private static let mostSums = 16
    /// What is farther from its root is one by itself.
    private static let farthest: UInt64 = 1 << 20

    /// Finds the chains of a block, whose facts are known.
    mutating func find(_ block: Block, _ analysis: Analysis) {
        let count = block.nodes.count
        accesses.fill(count, with: Access())
        last.fill(2 * count, with: Node.none)
        sums.removeAll(keepingCapacity: true)
        var (number, branches): (Int32, Int32) = (0, 0)
        for index in 0..<count {
            let node = block.nodes[index]
            if node.operation == .branch { branches += 1 }
            guard node.operation.isAccess else { continue }
            accesses[index].number = number
            accesses[index].branches = branches
            number += 1
            guard node.isPlainAccess else { continue }
            let (root, offset) = root(of: node.a, block)
            accesses[index].root = root
            accesses[index].offset = offset
            accesses[index].base = Self.parts(of: node.a, block, analysis).base
            let place = 2 * Int(root) + (node.isWrite ? 1 : 0)
            if last[place] != Node.none { accesses[Int(last[place])].next = Int32(truncatingIfNeeded: index) }
            last[place] = Int32(truncatingIfNeeded: index)
        }
    }

    /// An address's base and offset. A base without a node is an address by itself, and the offset is 0.
    static func parts(of address: Int32, _ block: Block, _ analysis: Analysis) -> (base: Int32, offset: Int32) {
        let node = block.nodes[Int(address)]
        guard analysis[address].isDeferred, node.operation == .binary else { return (address, 0) }
        return (node.a, Int32(truncatingIfNeeded: block.nodes[Int(node.b)].immediate))
    }

    /// What the address is a constant more than, as the first node with that value. Of two registers' sum, of which one may be
    /// multiplied by a power of 2 before, either may be a constant more: an index that is counted up.
    private mutating func root(of address: Int32, _ block: Block) -> (Int32, Int32) {
        let (root, more) = Self.split(address, block)
        let node = block.nodes[Int(root)]
        guard node.operation == .binary else { return (root, Int32(truncatingIfNeeded: more)) }
        var sum = Sum(node: root, first: Term(node: root), second: nil, offset: 0)
        if node.binaryOperation == .add, node.width == .double {
            let (first, second) = (Self.term(node.a, block), Self.term(node.b, block))
            let offset = first.offset &+ second.offset
            if offset.magnitude < Self.farthest {
                sum = Sum(node: root, first: first.term, second: second.term, offset: offset)
            }
        }
        for other in sums.suffix(Self.mostSums).reversed() where Self.isSame(other, sum, block) {
            let total = more + sum.offset - other.offset
            if total.magnitude < Self.farthest { return (other.node, Int32(truncatingIfNeeded: total)) }
        }
        sums.append(sum)
        return (root, Int32(truncatingIfNeeded: more))
    }

    /// A node, shifted to the left.
    private struct Term {
        let node: Int32
        var shift: UInt64 = 0
    }

    /// The value of `node`: that of its terms, and `offset`.
    private struct Sum {
        let node: Int32
        let first: Term
        let second: Term?
        let offset: Int64
    }

    /// What the value is a constant more than, and the constant, which is near.
    private static func split(_ value: Int32, _ block: Block) -> (node: Int32, offset: Int64) {
        var (rest, offset) = (value, 0 as Int64)
        while true {
            let node = block.nodes[Int(rest)]
            guard node.operation == .binary, node.width == .double,
                node.binaryOperation == .add || node.binaryOperation == .subtract
            else { break }
            let constant = block.nodes[Int(node.b)]
            guard constant.operation == .constant else { break }
            let value = Int64(bitPattern: constant.immediate)
            guard value.magnitude < farthest else { break }
            let sum = node.binaryOperation == .add ? offset + value : offset - value
            guard sum.magnitude < farthest else { break }
            (rest, offset) = (node.a, sum)
        }
        return (rest, offset)
    }

    /// The value as a term, and a constant.
    private static func term(_ value: Int32, _ block: Block) -> (term: Term, offset: Int64) {
        let node = block.nodes[Int(value)]
        if node.operation == .binary, node.binaryOperation == .shiftLeft, node.width == .double,
            block.nodes[Int(node.b)].operation == .constant, block.nodes[Int(node.b)].immediate <= 4
        {
            let shift = block.nodes[Int(node.b)].immediate
            let (rest, offset) = split(node.a, block)
            return (Term(node: rest, shift: shift), offset << Int64(shift))
        }
        let (rest, offset) = split(value, block)
        return (Term(node: rest), offset)
    }

    private static func isSame(_ one: Sum, _ other: Sum, _ block: Block) -> Bool {
        guard isSame(one.first, other.first, block) else { return false }
        guard let second = one.second else { return other.second == nil }
        guard let otherSecond = other.second else { return false }
        return isSame(second, otherSecond, block)
    }

    private static func isSame(_ one: Term, _ other: Term, _ block: Block) -> Bool {
        one.shift == other.shift && isSame(one.node, other.node, block, depth: 2)
    }

    /// Whether two nodes are the same operation of the same operands: results change no more once they are there.
    private static func isSame(_ first: Int32, _ second: Int32, _ block: Block, depth: Int) -> Bool {
        if first == second { return true }
        let (one, other) = (block.nodes[Int(first)], block.nodes[Int(second)])
        guard one.operation == other.operation else { return false }
        switch one.operation {
        case .constant: return one.immediate == other.immediate
        case .binary:
            return depth > 0 && one.binaryOperation == other.binaryOperation && one.width == other.width
                && isSame(one.a, other.a, block, depth: depth - 1) && isSame(one.b, other.b, block, depth: depth - 1)
        case .extend:
            return depth > 0 && one.extension == other.extension && isSame(one.a, other.a, block, depth: depth - 1)
        default: return false
        }
    }
}

extension Node {
    /// Whether the access writes. - Precondition: it is one.
    var isWrite: Bool { operation == .store || operation == .probe && isForWriting }

    /// The bytes that the access is of. - Precondition: it is one.
    var accessBytes: Int32 { Int32(truncatingIfNeeded: operation == .probe ? immediate : UInt64(width.bytes)) }

    /// Whether nothing of an access depends on more than its address, and where that leads under the code's privilege.
    var isPlainAccess: Bool { !needsAlignment && !attributes.contains(.atomic) && !attributes.contains(.unprivileged) }

    /// An access of more than a byte whose address has to be a multiple of its size.
    var needsAlignment: Bool { attributes.contains(.aligned) && (operation == .probe || width != .byte) }
}
