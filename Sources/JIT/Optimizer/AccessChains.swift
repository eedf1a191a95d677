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
    private var sums = ContiguousArray<Int32>()

    subscript(access: Int32) -> Access { accesses[Int(access)] }

    /// More sums than these are not compared with a new one.
    private static let mostSums = 16
    /// What is farther from its root is one by itself.
    private static let farthest: Int64 = 1 << 20

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
            let (root, offset) = root(of: node.a, block, analysis)
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

    /// What the address is a constant more than, as the first node with that value.
    private mutating func root(of address: Int32, _ block: Block, _ analysis: Analysis) -> (Int32, Int32) {
        var (root, more) = (address, 0 as Int64)
        while true {
            let node = block.nodes[Int(root)]
            guard node.operation == .binary, node.width == .double,
                node.binaryOperation == .add || node.binaryOperation == .subtract
            else { break }
            let constant = block.nodes[Int(node.b)]
            guard constant.operation == .constant else { break }
            let value = Int64(bitPattern: constant.immediate)
            guard abs(value) < Self.farthest else { break }
            let sum = node.binaryOperation == .add ? more + value : more - value
            guard abs(sum) < Self.farthest else { break }
            (root, more) = (node.a, sum)
        }
        return (first(root, block), Int32(truncatingIfNeeded: more))
    }

    /// The first node that has the value of `root`.
    private mutating func first(_ root: Int32, _ block: Block) -> Int32 {
        guard block.nodes[Int(root)].operation == .binary else { return root }
        if let sum = sums.suffix(Self.mostSums).last(where: { Self.isSame($0, root, block, depth: 2) }) { return sum }
        sums.append(root)
        return root
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
