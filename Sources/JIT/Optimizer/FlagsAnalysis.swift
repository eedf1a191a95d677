import ISA

/// What has to be at hand of a definition of the condition flags.
///
/// Most flags are looked at by the next branch, which is a comparison of the definition's operands, and by nobody else. But
/// whoever leaves the code in the meantime has to find them in the state. So a definition writes nothing: what leaves
/// writes them on its way out, for which the definition's operands are kept as long as they are the flags.
struct FlagsUse: OptionSet {
    let rawValue: UInt8
    /// The state's record is written where code is left.
    static let record = FlagsUse(rawValue: 1)
    /// The result, which then has to be computed.
    static let result = FlagsUse(rawValue: 2)
    /// Both operands.
    static let operands = FlagsUse(rawValue: 4)
    /// The result is not computed where the flags are defined, but by who wants to know of them.
    static let lazy = FlagsUse(rawValue: 8)
}

extension FlagsKind {
    /// The conditions are comparisons of what the flags are of, and the record can wait.
    var isComparison: Bool {
        switch self {
        case .subtract, .add, .addInverted, .logic, .logicInverted: return true
        default: return false
        }
    }

    var isAddition: Bool { self == .add || self == .addInverted }
    var isLogic: Bool { self == .logic || self == .logicInverted }
}

extension Node {
    /// A definition of the flags whose record can wait.
    var isComparison: Bool { operation == .setFlags && flagsKind.isComparison }

    /// The flags are those of a comparison of numbers.
    func isFloatComparison(_ block: Block) -> Bool {
        guard operation == .setRawFlags else { return false }
        let comparison = block.nodes[Int(a)]
        guard comparison.operation == .float else { return false }
        return comparison.floatOperation == .compareQuiet || comparison.floatOperation == .compareSignaling
    }

    /// The result of a definition is the plain operation of its operands: not so where nothing was added or taken away, and
    /// the result is what some other operation has computed.
    func hasPlainResult(_ block: Block) -> Bool {
        let result = block.nodes[Int(a)]
        guard result.operation == .binary, result.width == width, result.a == b, result.b == c else { return false }
        switch result.binaryOperation {
        case .subtract: return flagsKind == .subtract
        case .add: return flagsKind.isAddition
        case .and: return flagsKind.isLogic
        default: return false
        }
    }
}

extension ConditionCode {
    /// It depends on nothing but the result.
    var isOfResult: Bool {
        switch self {
        case .equal, .notEqual, .sign, .notSign: return true
        default: return false
        }
    }
}

/// Of a block that is gone through backwards: whether the flags are seen before they are defined again.
struct FlagsLiveness {
    /// The last node that sees them; nil where none does.
    private var lastObserver: Int?

    /// Whoever comes behind the block sees them.
    init(_ block: Block) { lastObserver = block.nodes.count }

    mutating func observe(_ index: Int) { lastObserver = lastObserver ?? index }

    /// A helper finds them in the state, and leaves what it likes there.
    mutating func call(_ index: Int) { lastObserver = index }

    /// They are defined: who sees these.
    mutating func define() -> Int? {
        defer { lastObserver = nil }
        return lastObserver
    }
}

extension Analysis {
    /// A condition is used at `place`, or all flags are.
    mutating func useFlags(_ node: Node, _ place: Int32, _ flags: inout FlagsLiveness, _ block: Block) {
        guard node.a != Node.none else { return flags.observe(Int(place)) }
        let (definition, index) = (block.nodes[Int(node.a)], Int(node.a))
        use(index, at: place)
        guard node.operation == .condition,
            definition.operation == .setFlagsIf || definition.isComparison
                || definition.isFloatComparison(block)
        else {
            return flags.observe(Int(place))
        }
        let isOfResult = node.conditionCode.isOfResult || definition.flagsKind.isLogic
        add(isOfResult && definition.operation == .setFlags ? .result : .operands, toFlagsOf: index)
    }

    /// - Parameter observer: the last node that sees the flags; nil where none does.
    mutating func countFlags(_ node: Node, _ index: Int, _ observer: Int?, _ block: Block) {
        if observer != nil { add(.record, toFlagsOf: index) }
        let needs = self[index].flags
        guard !needs.isEmpty else { return kill(index) }
        if node.isFloatComparison(block) {
            let place = max(Int32(index), self[index].lastUse, Int32(truncatingIfNeeded: observer ?? 0))
            let comparison = block.nodes[Int(node.a)]
            return useParts([comparison.a, comparison.b], at: place)
        }
        let isLate = node.isComparison || node.operation == .setFlagsIf
        var place = Int32(index)
        if isLate { place = max(place, self[index].lastUse) }
        guard node.isComparison else {
            for position in 0..<4 where node[operand: position] != Node.none {
                use(Int(node[operand: position]), at: place)
            }
            return
        }
        if let observer { place = max(place, Int32(truncatingIfNeeded: observer)) }
        // Where nobody else wants the result, it is left to who wants the flags.
        if isResultForFlagsAlone(node, index, block) {
            add(.lazy, toFlagsOf: index)
            use(Int(node.b), at: place)
            use(Int(node.c), at: place)
            return
        }
        if !needs.isDisjoint(with: [.record, .result]) { use(Int(node.a), at: place) }
        if needs.contains(.operands) { use(Int(node.b), at: place) }
        if !needs.isDisjoint(with: [.operands, .record]) { use(Int(node.c), at: place) }
    }

    /// The result is used by nothing but the definition, and can be had of its operands.
    private func isResultForFlagsAlone(_ node: Node, _ index: Int, _ block: Block) -> Bool {
        guard self[node.a].uses == 0, node.hasPlainResult(block) else { return false }
        // Users that stand before the definition have not been counted yet.
        for between in Int(node.a) + 1..<index {
            let other = block.nodes[between]
            for position in 0..<4 where other[operand: position] == node.a { return false }
        }
        return true
    }
}
