import AArch64ISA

/// A random block for AArch64.
public struct AArch64RandomBlock: RandomBlock {
    public enum Mode: Int, CaseIterable, Sendable {
        case el0, el1, el2, el3

        public var name: String { "EL\(rawValue)" }
        /// Of the regime EL1&0, mostly.
        var isOfGuest: Bool { rawValue < 2 }
        /// PSTATE.M with the level's own stack pointer.
        var state: UInt64 { self == .el0 ? 0 : UInt64(rawValue) << 2 | 1 }
    }

    public enum Item: Equatable, Sendable {
        /// Instructions as they are, wherever they stand.
        case words([UInt32])
        /// A branch over as many of the items that follow.
        case branch(UInt32, over: Int)
        /// A branch by register over as many of the items that follow. Changes that register.
        case jump(UInt32, over: Int)
        /// ERET to another level, at the item that follows, with as much of PSTATE. Changes X29 and X30.
        case goTo(Mode, from: Mode, state: UInt64)
    }

    public var mode: Mode
    public var items: [Item]
    public var registers: [UInt64]
    /// Two doublewords for each vector register.
    public var vectors: [UInt64]
    public var seed: UInt64 = 0
    /// What HCR_EL2 and the registers of ``AArch64RandomLayout/givenRegisters`` begin with, where that is not zero.
    public var systemRegisters: [String: UInt64] = [:]

    init(mode: Mode) {
        self.mode = mode
        items = []
        registers = .init(repeating: 0, count: 31)
        vectors = .init(repeating: 0, count: 64)
    }

    func register(_ name: String) -> UInt64 { systemRegisters[name] ?? 0 }

    /// HCR_EL2's bits.
    enum Hypervisor {
        static let vm: UInt64 = 1 << 0, dc: UInt64 = 1 << 12, tge: UInt64 = 1 << 27, rw: UInt64 = 1 << 31
        static let e2h: UInt64 = 1 << 34
    }

    /// EL0 and EL1 are in Secure state, which has no EL2 (SCR_EL3.NS). Without EL3 SCR_EL3 is not there.
    var isSecure: Bool { systemRegisters["SCR_EL3"].map { $0 & 1 == 0 } ?? false }

    private func has(_ bit: UInt64) -> Bool { !isSecure && register("HCR_EL2") & bit != 0 }
    var isHost: Bool { has(Hypervisor.e2h) }
    /// EL0 is EL2's: exceptions go there.
    var isGeneral: Bool { has(Hypervisor.tge) }
    var secondStageTranslates: Bool { !isGeneral && (has(Hypervisor.vm) || has(Hypervisor.dc)) }

    /// Whether the level's first stage translates.
    func translates(_ mode: Mode) -> Bool {
        if mode == .el3 { return register("SCTLR_EL3") & 1 != 0 }
        if mode == .el2 || isGeneral && isHost { return register("SCTLR_EL2") & 1 != 0 }
        return !isGeneral && !has(Hypervisor.dc) && register("SCTLR_EL1") & 1 != 0
    }

    /// How much higher than its physical address the level's code is.
    func alias(_ mode: Mode) -> UInt64 { mode == .el0 && translates(mode) ? AArch64RandomLayout.userAlias : 0 }

    /// The SVC that ends a block.
    static let lastCall: UInt32 = AArch64Assembler.word(.svc, 0xfff)

    /// The code, with the SVC that ends it.
    var code: [UInt32] {
        var places = [0]
        for item in items { places.append(places[places.count - 1] + length(item)) }
        var words: [UInt32] = []
        for (index, item) in items.enumerated() {
            switch item {
            case .words(let some): words += some
            case .branch(let word, let over):
                let target = places[min(index + 1 + over, items.count)]
                words.append(Self.aimed(word, Int64(target - places[index]) * 4))
            case .jump(let word, let over):
                let target = places[min(index + 1 + over, items.count)]
                words.append(AArch64Assembler.word(.adr, rd: word >> 5 & 31, Int64(target - places[index]) * 4))
                words.append(word)
            case .goTo(let mode, let from, let state): words += switching(to: mode, from: from, state)
            }
        }
        return words + [Self.lastCall]
    }

    func length(_ item: Item) -> Int {
        switch item {
        case .words(let words): words.count
        case .branch: 1
        case .jump: 2
        case .goTo(let mode, let from, let state): switching(to: mode, from: from, state).count
        }
    }

    private static let decoder = AArch64.Decoder(.all)

    /// `word`, a branch, with `distance` as its offset.
    private static func aimed(_ word: UInt32, _ distance: Int64) -> UInt32 {
        guard let encoding = decoder.encoding(of: word) else { return word }
        return word & ~AArch64Assembler.offset(encoding, -1) | AArch64Assembler.offset(encoding, distance)
    }

    private func switching(to mode: Mode, from: Mode, _ state: UInt64) -> [UInt32] {
        let level = from.name
        var words = AArch64Assembler.loading(29, alias(mode) &- alias(from))
        let place = words.count
        words.append(0)
        words.append(AArch64Assembler.word(.add_shifted, rd: 30, rn: 30, rm: 29))
        words.append(AArch64Assembler.write("ELR_" + level, 30))
        words += AArch64Assembler.loading(29, state)
        words.append(AArch64Assembler.write("SPSR_" + level, 29))
        words.append(AArch64Assembler.word(.eret))
        words[place] = AArch64Assembler.word(.adr, rd: 30, Int64(words.count - place) * 4)
        // What comes next is refused where the state is illegal.
        return words + [AArch64Assembler.word(.nop)]
    }

    /// The block's descriptor: see ``AArch64RandomLayout/Field``.
    func descriptor(code: UInt64, end: UInt64, next: UInt64) -> [UInt64] {
        typealias Layout = AArch64RandomLayout
        var fields = [UInt64](repeating: 0, count: Layout.Field.length)
        func set(_ field: Layout.Field, _ value: UInt64) { fields[field.rawValue] = value }
        set(.next, next)
        set(.start, code)
        set(.end, end)
        set(.seed, seed)
        set(.hcr, register("HCR_EL2") | Hypervisor.rw)
        set(.stackPointer2, register("SP_EL2"))
        set(.stackPointer3, register("SP_EL3"))
        let hasEL3 = systemRegisters["SCR_EL3"] != nil
        for (index, name) in Layout.givenRegisters.enumerated() {
            let value =
                switch name {
                case "VBAR_EL1": AArch64RandomDriver.vectors1
                case hasEL3 ? "ELR_EL3" : "ELR_EL2": code + alias(mode)
                default: register(name)
                }
            fields[Layout.Field.systemRegisters + index] = value
        }
        for number in 0..<31 { fields[Layout.Field.registers + number] = registers[number] }
        for number in 0..<64 { fields[Layout.Field.vectors + number] = vectors[number] }
        return fields
    }

    /// General registers, vector registers, then system registers whose value is the program's alone.
    public static let clearable = Array(0..<31 + 64 + clearableRegisters.count)

    private static let clearableRegisters = [
        "CONTEXTIDR_EL1", "TPIDR_EL0", "TPIDRRO_EL0", "TPIDR_EL1", "SP_EL0", "SP_EL1", "SP_EL2", "FPCR", "FPSR",
        "CNTKCTL_EL1", "PMUSERENR_EL0", "HSTR_EL2", "MDCR_EL2", "VPIDR_EL2", "CNTHCTL_EL2", "CSSELR_EL1", "SP_EL3",
    ]

    public mutating func clear(_ part: Int) {
        switch part {
        case ..<31: registers[part] = 0
        case ..<95: vectors[part - 31] = 0
        default: systemRegisters[Self.clearableRegisters[part - 95]] = nil
        }
    }

    // MARK: Text

    public var report: [String] {
        var lines = [
            "\(mode.name)\(isSecure ? ", Secure" : ""), HCR_EL2 \(hexadecimal(register("HCR_EL2") | Hypervisor.rw))"
        ]
        var values = systemRegisters.sorted { $0.key < $1.key }.filter { $0.key != "HCR_EL2" && $0.value != 0 }
            .map { "\($0.key) = \(hexadecimal($0.value))" }
        for number in 0..<31 where registers[number] != 0 {
            values.append("x\(number) = \(hexadecimal(registers[number]))")
        }
        for number in 0..<64 where vectors[number] != 0 {
            values.append("v\(number / 2).d[\(number % 2)] = \(hexadecimal(vectors[number]))")
        }
        for start in stride(from: 0, to: values.count, by: 4) {
            lines.append(values[start..<min(start + 4, values.count)].joined(separator: "  "))
        }
        return lines + listing.map { "    " + $0 }
    }

    /// The code as a listing, without addresses.
    public var listing: [String] {
        items.flatMap { item -> [String] in
            switch item {
            case .words(let words): return words.map(Self.text)
            case .branch(let word, let over): return [Self.text(word) + "    (over \(over) items)"]
            case .jump(let word, let over):
                return [Self.text(word) + "    (x\(word >> 5 & 31) leads over \(over) items)"]
            case .goTo(let mode, _, let state):
                return ["(eret to \(mode.name), with \(hexadecimal(state)); x29 and x30 change)"]
            }
        }
    }

    private static func text(_ word: UInt32) -> String {
        let name = decoder.encoding(of: word).map { $0.mnemonic(of: word) }
        return "\(hexadecimal(word))  " + (name ?? "no instruction")
    }

    public var count: Int { items.reduce(0) { $0 + length($1) } }
}
