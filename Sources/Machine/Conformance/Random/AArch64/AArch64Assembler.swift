import AArch64ISA

extension AArch64.Encoding {
    /// The word of this line with these operands: registers by number, `immediate` as a decoded slot has it.
    func word(
        rd: UInt32 = 0, rn: UInt32 = 0, rm: UInt32 = 0, ra: UInt32 = 0, immediate: UInt32 = 0, wide: Bool = true
    ) -> UInt32 {
        pieces.reduce(match) { word, piece in
            let value: UInt32 =
                switch piece.target {
                case .rd: rd
                case .rn: rn
                case .rm: rm
                case .ra: ra
                case .immediate: immediate
                case .wide: wide ? 1 : 0
                }
            let bits = value >> UInt32(piece.shift) & (1 << UInt32(piece.width) - 1)
            return word | bits << UInt32(piece.position)
        }
    }

    /// `word` with another register at a place that has one.
    func setting(_ target: Target, of word: UInt32, to number: UInt32) -> UInt32 {
        guard let piece = pieces.first(where: { $0.target == target && $0.width == 5 }) else { return word }
        return word & ~(31 << UInt32(piece.position)) | number << UInt32(piece.position)
    }
}

/// Assembles the fixed part of a random program: operations and labels, from the decoder's own tables.
///
/// Mistakes here are mistakes of this source, not of anybody's input, so they are preconditions.
struct AArch64Assembler {
    typealias Operation = AArch64.Operation

    let base: UInt64
    private(set) var words: [UInt32] = []
    private var labels: [String: UInt64] = [:]
    private var fixes: [(place: Int, encoding: AArch64.Encoding, label: String)] = []

    private static let lines = Dictionary(grouping: AArch64.Encoding.all, by: \.operation)

    static func encoding(_ operation: Operation, wide: Bool = true) -> AArch64.Encoding {
        let candidates = lines[operation] ?? []
        guard
            let encoding = candidates.first(where: { line in
                line.pieces.contains { $0.target == .wide } || line.isWide(line.match) == wide
            }) ?? candidates.first
        else { preconditionFailure("no instruction \(operation)") }
        return encoding
    }

    static func word(
        _ operation: Operation, rd: UInt32 = 0, rn: UInt32 = 0, rm: UInt32 = 0, ra: UInt32 = 0, _ immediate: Int64 = 0,
        wide: Bool = true
    ) -> UInt32 {
        encoding(operation, wide: wide).word(
            rd: rd, rn: rn, rm: rm, ra: ra, immediate: UInt32(truncatingIfNeeded: immediate), wide: wide)
    }

    init(base: UInt64) { self.base = base }

    var address: UInt64 { base + UInt64(words.count) * 4 }

    mutating func label(_ name: String) {
        precondition(labels.updateValue(address, forKey: name) == nil, "label \(name) stands twice")
    }

    func address(of label: String) -> UInt64 {
        guard let address = labels[label] else { preconditionFailure("no label \(label)") }
        return address
    }

    mutating func word(_ word: UInt32) { words.append(word) }

    mutating func emit(
        _ operation: Operation, rd: UInt32 = 0, rn: UInt32 = 0, rm: UInt32 = 0, ra: UInt32 = 0, _ immediate: Int64 = 0,
        wide: Bool = true
    ) {
        word(Self.word(operation, rd: rd, rn: rn, rm: rm, ra: ra, immediate, wide: wide))
    }

    /// A branch, or ADR, to a label.
    mutating func emit(
        _ operation: Operation, rd: UInt32 = 0, rn: UInt32 = 0, rm: UInt32 = 0, to label: String, wide: Bool = true
    ) {
        fixes.append((words.count, Self.encoding(operation, wide: wide), label))
        emit(operation, rd: rd, rn: rn, rm: rm, wide: wide)
    }

    mutating func align(to bytes: Int) {
        while words.count * 4 % bytes != 0 { emit(.nop) }
    }

    /// Any constant, in as many instructions as it takes.
    static func loading(_ register: UInt32, _ value: UInt64) -> [UInt32] {
        let halves = (0..<4).map { Int64(value >> (16 * UInt64($0)) & 0xffff) }
        let isMostlyOnes = halves.count { $0 == 0xffff } > halves.count { $0 == 0 }
        let other: Int64 = isMostlyOnes ? 0xffff : 0
        var words: [UInt32] = []
        for (index, half) in halves.enumerated() where half != other {
            let shift = Int64(index) << 16
            if !words.isEmpty {
                words.append(word(.movk, rd: register, half | shift))
            } else if isMostlyOnes {
                words.append(word(.movn, rd: register, half ^ 0xffff | shift))
            } else {
                words.append(word(.movz, rd: register, half | shift))
            }
        }
        return words.isEmpty ? [word(isMostlyOnes ? .movn : .movz, rd: register)] : words
    }

    mutating func load(_ register: UInt32, _ value: UInt64) {
        for word in Self.loading(register, value) { self.word(word) }
    }

    // MARK: System registers

    private static let everything = AArch64.CPUModel.named("max")?.with { $0.insert(.el3) }

    /// Numbers by name: op0 (less 2), op1, CRn, CRm and op2.
    static let systemRegisters: [String: Int64] = Dictionary(
        (everything?.systemRegisters ?? []).map { ($0.name, Int64($0.number)) },
        uniquingKeysWith: { first, _ in first })

    /// SYS's operand by the name of the system instruction.
    static let systemInstructions: [String: Int64] = Dictionary(
        (everything?.systemInstructions ?? []).map { ($0.name, Int64($0.number)) },
        uniquingKeysWith: { first, _ in first })

    static func number(_ name: String) -> Int64 {
        guard let number = systemRegisters[name] else { preconditionFailure("no register \(name)") }
        return number
    }

    static func read(_ register: UInt32, _ name: String) -> UInt32 { word(.mrs, rd: register, number(name)) }
    static func write(_ name: String, _ register: UInt32) -> UInt32 {
        word(.msr_register, rd: register, number(name))
    }

    mutating func read(_ register: UInt32, _ name: String) { word(Self.read(register, name)) }
    mutating func write(_ name: String, _ register: UInt32) { word(Self.write(name, register)) }

    /// SYS: op1, CRn, CRm, op2.
    static func system(_ op1: Int64, _ crn: Int64, _ crm: Int64, _ op2: Int64, _ register: UInt32 = 31) -> UInt32 {
        word(.sys, rd: register, op1 << 11 | crn << 7 | crm << 3 | op2)
    }

    /// Fills in what waited for labels.
    mutating func finish() {
        for fix in fixes {
            let distance = Int64(address(of: fix.label)) - Int64(base) - Int64(fix.place) * 4
            words[fix.place] = words[fix.place] | Self.offset(fix.encoding, distance)
        }
        fixes = []
    }

    /// The bits of a distance in a branch's word.
    static func offset(_ encoding: AArch64.Encoding, _ distance: Int64) -> UInt32 {
        encoding.word(immediate: UInt32(truncatingIfNeeded: distance), wide: false) & ~encoding.mask
    }
}
