import ISA

/// Assembles the fixed part of a random program: mnemonics and labels, from the decoder's own tables.
///
/// Mistakes here are mistakes of this source, not of anybody's input, so they are preconditions.
struct RISCVAssembler {
    let base: UInt64
    private(set) var bytes: [UInt8] = []
    private var labels: [String: UInt64] = [:]
    private var fixes: [(place: Int, template: RISCV.Template, label: String)] = []
    /// Two-instruction addresses: AUIPC and ADDI.
    private var addressFixes: [(place: Int, register: Int, label: String)] = []

    /// 32-bit lines by mnemonic.
    private static let templates: [String: RISCV.Template] = Dictionary(
        RISCV.Template.all.filter { $0.length == 4 }.map { ($0.mnemonic, $0) }, uniquingKeysWith: { first, _ in first })

    static func template(_ mnemonic: String) -> RISCV.Template {
        guard let template = templates[mnemonic] else { preconditionFailure("no instruction '\(mnemonic)'") }
        return template
    }

    /// One instruction's word.
    static func word(
        _ mnemonic: String, rd: Int = 0, rs1: Int = 0, rs2: Int = 0, _ immediate: Int64 = 0
    ) -> UInt32 {
        let template = template(mnemonic)
        var word = template.word(free: 0)
        word = template.setting(.rd, of: word, to: rd)
        word = template.setting(.rs1, of: word, to: rs1)
        word = template.setting(.rs2, of: word, to: rs2)
        return template.immediateBits == 0 ? word : template.settingImmediate(of: word, to: immediate)
    }

    init(base: UInt64) {
        self.base = base
    }

    var address: UInt64 { base + UInt64(bytes.count) }

    mutating func label(_ name: String) {
        precondition(labels.updateValue(address, forKey: name) == nil, "label \(name) stands twice")
    }

    func address(of label: String) -> UInt64 {
        guard let address = labels[label] else { preconditionFailure("no label \(label)") }
        return address
    }

    mutating func word(_ word: UInt32) {
        for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
    }

    mutating func emit(
        _ mnemonic: String, rd: Int = 0, rs1: Int = 0, rs2: Int = 0, _ immediate: Int64 = 0
    ) {
        word(Self.word(mnemonic, rd: rd, rs1: rs1, rs2: rs2, immediate))
    }

    /// A branch or JAL to a label.
    mutating func emit(_ mnemonic: String, rd: Int = 0, rs1: Int = 0, rs2: Int = 0, to label: String) {
        fixes.append((bytes.count, Self.template(mnemonic), label))
        emit(mnemonic, rd: rd, rs1: rs1, rs2: rs2)
    }

    mutating func loadAddress(_ register: Int, of label: String) {
        addressFixes.append((bytes.count, register, label))
        emit("auipc", rd: register)
        emit("addi", rd: register, rs1: register)
    }

    /// Any constant, in as many instructions as it takes.
    mutating func load(_ register: Int, _ value: UInt64) {
        for word in Self.loading(register, value) { self.word(word) }
    }

    static func loading(_ register: Int, _ value: UInt64) -> [UInt32] {
        let signed = Int64(bitPattern: value)
        if (-2048..<2048).contains(signed) { return [word("addi", rd: register, rs1: 0, signed)] }
        if signed == Int64(Int32(truncatingIfNeeded: signed)) {
            // ADDIW's sign extension takes back what rounding the upper part up may add.
            let upper = (signed &+ 0x800) & ~0xfff
            let low = signed &- upper
            let first = word("lui", rd: register, Int64(Int32(truncatingIfNeeded: upper)))
            return low == 0 ? [first] : [first, word("addiw", rd: register, rs1: register, low)]
        }
        let low = Int64(bitPattern: value << 52) >> 52
        var words = loading(register, UInt64(bitPattern: (signed &- low) >> 12))
        words.append(word("slli", rd: register, rs1: register, 12))
        if low != 0 { words.append(word("addi", rd: register, rs1: register, low)) }
        return words
    }

    /// CSR instructions: `csrrw rd, csr, rs1` and so on, with a register number or an immediate in `source`.
    mutating func csr(_ mnemonic: String, rd: Int = 0, _ csr: Int64, _ source: Int) {
        emit(mnemonic, rd: rd, rs1: source, csr)
    }

    /// Fills in what waited for labels.
    mutating func finish() {
        func put(_ word: UInt32, at place: Int) {
            for byte in 0..<4 { bytes[place + byte] = UInt8(truncatingIfNeeded: word >> (8 * byte)) }
        }
        func read(_ place: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << (8 * $1) } }
        for fix in fixes {
            let distance = Int64(address(of: fix.label)) - Int64(base) - Int64(fix.place)
            put(fix.template.settingImmediate(of: read(fix.place), to: distance), at: fix.place)
        }
        for fix in addressFixes {
            let distance = Int64(address(of: fix.label)) - Int64(base) - Int64(fix.place)
            let upper = (distance + 0x800) & ~0xfff
            put(Self.word("auipc", rd: fix.register, upper), at: fix.place)
            put(
                Self.word("addi", rd: fix.register, rs1: fix.register, distance - upper), at: fix.place + 4)
        }
        fixes = []
        addressFixes = []
    }
}
