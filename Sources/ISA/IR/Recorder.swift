/// The other executor of instructions' meanings: it writes down, as nodes of a block, what the interpreter would do.
///
/// It is not generic over the guest. A caller begins each instruction, runs its meaning on the recorder, and goes on until
/// ``isClosed`` or as long as it likes:
///
///     var recorder = Recorder(at: address)
///     recorder.begin(length: 4)
///     RISCV.execute(operation, &recorder, operands)
///     let block = recorder.block
///
/// A few simplifications are made on the way because they need nothing but what was recorded before; each can be left
/// out, and the tests run what was recorded with all of them, with each, and with none.
public struct Recorder {
    public struct Simplifications: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Operations on constants are carried out; operations with a neutral operand are not recorded.
        public static let constants = Simplifications(rawValue: 1)
        /// A register that was read or written earlier in the block is not read again, a unit found on not tested
        /// again, and a register that reads as zero is a constant.
        public static let registers = Simplifications(rawValue: 2)
        /// Addresses are constants: the block serves only the virtual address it was recorded at.
        public static let addresses = Simplifications(rawValue: 4)
        public static let all: Simplifications = [.constants, .registers, .addresses]
    }

    // Handles of results. Distinct types, so that the compiler checks what semantics do with them.
    public struct RecordedValue: Sendable { public let node: Int32 }
    public struct RecordedCondition: Sendable { public let node: Int32 }
    public struct RecordedHandle: Sendable { public let node: Int32 }
    public struct RecordedVector: Sendable { public let node: Int32 }

    /// A reader may take it, or change it, between two blocks.
    public var block: Block
    /// The last instruction never goes on to the one behind it: nothing can follow in this block.
    public internal(set) var isClosed = false

    /// No object. What has a weak reference stays where it is, and so it is not copied for a call of a method that does not
    /// change it: half a kilobyte, several times for each node.
    private weak var staysInPlace: AnyObject?
    let simplifications: Simplifications
    /// The register that is always zero (RISC-V x0), and the one that takes what is written to it.
    let zeroRegister: UInt8?
    let sinkRegister: UInt8?
    /// Bytes from the block's address to the current instruction, and to the one behind it.
    var offset: Int64 = 0
    var nextOffset: Int64 = 0
    /// What is known of the state here.
    var known = Knowledge()
    /// Rounds of a loop that the block is.
    var rounds = 0

    /// The side regions that are open; nil for one whose condition surely holds, which needs none.
    var regions: [Region?] = []

    /// What was before a side region.
    struct Region {
        let start: Int32
        let known: Knowledge
        let isClosed: Bool
    }

    /// For parts of the state, the node whose result they hold; ``Node/none`` where that is not known.
    struct Knowledge {
        var registers = InlineArray<80, Int32>(repeating: Node.none)
        var vectors = InlineArray<32, Int32>(repeating: Node.none)
        var flags = Node.none
        /// A bit for each ``Unit`` that was found to be on.
        var units: UInt64 = 0
        /// A node that was found to be aligned when this had been added to it, by ``Recorder/expectMultiple(of:_:)``.
        var aligned = Node.none
        var alignedDistance: UInt64 = 0

        /// What is true whether the region that began with `other` and ends here was run or not. What was defined
        /// inside differs from what was known before, so it goes.
        mutating func join(_ other: Knowledge) {
            for index in registers.indices where registers[index] != other.registers[index] {
                registers[index] = Node.none
            }
            for index in vectors.indices where vectors[index] != other.vectors[index] { vectors[index] = Node.none }
            if flags != other.flags { flags = Node.none }
            units &= other.units
            if aligned != other.aligned || alignedDistance != other.alignedDistance { aligned = Node.none }
        }
    }

    public init(
        at address: UInt64, simplifications: Simplifications = .all, zeroRegister: UInt8? = nil,
        sinkRegister: UInt8? = nil
    ) {
        block = Block(address: address)
        block.nodes.reserveCapacity(128)
        self.simplifications = simplifications
        self.zeroRegister = zeroRegister
        self.sinkRegister = sinkRegister
    }

    /// Begins another block; the one that was recorded is forgotten, but not its memory.
    public mutating func begin(at address: UInt64) {
        block.address = address
        block.nodes.removeAll(keepingCapacity: true)
        block.instructions.removeAll(keepingCapacity: true)
        isClosed = false
        offset = 0
        nextOffset = 0
        rounds = 0
        regions.removeAll(keepingCapacity: true)
        forgetState()
    }

    /// Begins the instruction behind the last one, or the first.
    public mutating func begin(length: UInt8) {
        offset = nextOffset
        nextOffset = offset &+ Int64(length)
        block.instructions.append(
            Block.Instruction(
                offset: Int32(truncatingIfNeeded: offset), length: length,
                firstNode: Int32(truncatingIfNeeded: block.nodes.count)))
    }

    /// Takes the last instruction back. Nothing more can be recorded.
    public mutating func removeLast() {
        guard let last = block.instructions.popLast() else { return }
        block.nodes.removeSubrange(Int(last.firstNode)...)
        isClosed = true
    }

    /// Leaves the last instruction to the interpreter, which is called for it.
    public mutating func interpretLast() {
        guard let last = block.instructions.last else { return }
        block.nodes.removeSubrange(Int(last.firstNode)...)
        isClosed = false
        forgetState()
        _ = call(.interpretation, constant(0), constant(0))
    }

    /// Has a helper called for the access of the last instruction, whatever is at its address. False, and nothing changed,
    /// where it has none, or has several, or parts of one.
    /// - Parameter description: what the helper is told of the access.
    package mutating func callForLastAccess(described description: UInt16) -> Bool {
        guard let last = block.instructions.last else { return false }
        var access: Int?
        for index in Int(last.firstNode)..<block.nodes.count {
            switch block.nodes[index].operation {
            case .load, .store:
                if access != nil { return false }
                access = index
            case .probe, .call, .whenever: return false
            default: break
            }
        }
        guard let access else { return false }
        let node = block.nodes[access]
        let isStore = node.operation == .store
        let helper = HelperIdentifier.access(isStore: isStore, node.width, node.attributes)
        block.nodes[access] = Node(
            .call, node.a, isStore ? node.b : node.a,
            immediate: UInt64(helper.rawValue) | UInt64(description) << 16)
        forgetState()
        return true
    }

    // MARK: Writing

    @discardableResult
    mutating func append(_ node: Node) -> Int32 {
        block.nodes.append(node)
        return Int32(truncatingIfNeeded: block.nodes.count &- 1)
    }

    mutating func value(_ node: Node) -> RecordedValue { RecordedValue(node: append(node)) }
    mutating func condition(_ node: Node) -> RecordedCondition { RecordedCondition(node: append(node)) }
    mutating func vector(_ node: Node) -> RecordedVector { RecordedVector(node: append(node)) }

    // MARK: What is known

    /// The constant that a value is, if constants are to be simplified.
    func known(_ value: RecordedValue) -> UInt64? {
        let node = block.nodes[Int(value.node)]
        return node.operation == .constant && simplifications.contains(.constants) ? node.immediate : nil
    }

    func known(_ condition: RecordedCondition) -> Bool? {
        let node = block.nodes[Int(condition.node)]
        return node.operation == .truth && simplifications.contains(.constants) ? node.immediate != 0 : nil
    }

    mutating func truth(_ value: Bool) -> RecordedCondition {
        condition(Node(.truth, immediate: value ? 1 : 0))
    }

    /// Something out of sight may have changed any part of the state.
    mutating func forgetState() {
        known = Knowledge()
    }

    /// Bytes `start ..< start + count` of the state block were written as such.
    mutating func forget(_ start: Int, _ count: Int) {
        let end = start + count
        if start < Layout.registers.upperBound {
            for index in max(0, start / 8)...min(79, (end - 1) / 8) { known.registers[index] = Node.none }
        }
        if Layout.vectors.overlaps(start..<end) { known.vectors = InlineArray(repeating: Node.none) }
        if Layout.flags.overlaps(start..<end) { known.flags = Node.none }
        if Layout.floatEnabled.overlaps(start..<end) || Layout.floatRounding.overlaps(start..<end) { known.units = 0 }
    }

    /// Where the parts that are known lie in the state block.
    private enum Layout {
        static let registers = 0..<640
        static let vectors = range(\.vectors)
        static let flags = range(\.flags)
        static let floatEnabled = range(\.floatEnabled)
        static let floatRounding = range(\.floatRounding)

        private static func range<Field>(_ path: KeyPath<CoreState, Field>) -> Range<Int> {
            // A stored property of a structure has an offset.
            let start = MemoryLayout<CoreState>.offset(of: path)!
            return start..<start + MemoryLayout<Field>.size
        }
    }
}
