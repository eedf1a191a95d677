import ISA

/// What a random program does, counted: what its blocks are made of, and the traps that they took.
public struct RISCVRandomCoverage {
    /// Rows of a name and a count.
    private var counts: [String: Int] = [:]

    /// - Parameter lines: what the program printed with ``RISCVRandomProgram/full``, without end of line.
    public init(_ program: RISCVRandomProgram, lines: [String]) {
        for (index, block) in program.blocks.enumerated() {
            count(block)
            let record = lines.dropFirst(index * RISCVRandomProgram.lines.count).prefix(RISCVRandomProgram.lines.count)
            if record.count == RISCVRandomProgram.lines.count { count(traps: Array(record)) }
        }
    }

    private mutating func count(_ name: String, _ amount: Int = 1) { counts[name, default: 0] += amount }

    private mutating func count(_ block: RISCVRandomBlock) {
        let stages = block.guestTranslates ? (block.secondStageTranslates ? "both stages" : "VS stage") : "G stage"
        count("block: \(block.mode.name)-mode" + (block.mode.isGuest ? ", \(stages)" : ""))
        for item in block.items {
            switch item {
            case .words(let words): for word in words { count(word, block) }
            case .branch: count("item: branch or JAL")
            case .jump: count("item: JALR, C.JR, C.JALR")
            case .goTo(let mode, let from): count("item: \(from == .machine ? "MRET" : "SRET") to \(mode.name)-mode")
            }
        }
    }

    private static let decoder = RISCV.TemplateDecoder(.all)

    private mutating func count(_ word: UInt32, _ block: RISCVRandomBlock) {
        guard let template = RISCV.Template.decoding(word, Self.decoder) else { return count("item: no instruction") }
        let name = template.mnemonic
        count("instruction: " + Self.kind(template))
        if template.length == 2 { count("instruction: compressed, of those above") }
        let base = template.number(.rs1, of: word) ?? template.impliedRegister(.rs1)
        guard let size = Self.sizes[name], let base, (2...4).contains(base) else { return }
        let address = block.registers[base] &+ UInt64(bitPattern: template.immediate(of: word))
        if address % size != 0 { count("instruction: misaligned load or store, of those above") }
        if address & 0xfff > 0x1000 - size { count("instruction: load or store over a page's end, of those above") }
    }

    private static let sizes: [String: UInt64] = [
        "lh": 2, "lhu": 2, "flh": 2, "sh": 2, "fsh": 2, "lw": 4, "lwu": 4, "flw": 4, "sw": 4, "fsw": 4, "ld": 8,
        "fld": 8,
        "sd": 8, "fsd": 8,
    ]

    private static func kind(_ template: RISCV.Template) -> String {
        let name = template.mnemonic
        if name.hasPrefix("csr") { return "CSR" }
        if name.hasPrefix("amo") { return "AMO" }
        if name.hasPrefix("lr.") || name.hasPrefix("sc.") { return "LR, SC" }
        if name.hasPrefix("hlv") || name.hasPrefix("hsv") { return "HLV, HLVX, HSV" }
        if name.contains("fence") || name.contains("inval") { return "fence" }
        if ["ecall", "ebreak", "wfi"].contains(name) { return "ECALL, EBREAK, WFI" }
        if sizes[name] != nil || ["lb", "lbu", "sb"].contains(name) { return "load, store" }
        return name.hasPrefix("f") ? "floating point" : "integer"
    }

    private static let causes: [UInt64: String] = [
        0: "instruction address misaligned", 1: "instruction access fault", 2: "illegal instruction", 3: "breakpoint",
        4: "load address misaligned", 5: "load access fault", 6: "store/AMO address misaligned",
        7: "store/AMO access fault", 8: "ECALL from U", 9: "ECALL from S", 10: "ECALL from VS", 11: "ECALL from M",
        12: "instruction page fault", 13: "load page fault", 15: "store/AMO page fault",
        20: "instruction guest-page fault", 21: "load guest-page fault", 22: "virtual instruction",
        23: "store/AMO guest-page fault",
    ]

    private mutating func count(traps record: [String]) {
        func value(_ index: Int) -> UInt64 { UInt64(record[index], radix: 16) ?? 0 }
        let number = Int(value(RISCVRandomLayout.trapCount))
        if value(RISCVRandomLayout.lost) != 0 { count("block: left its code") }
        for entry in 0..<min(number, RISCVRandomLayout.logEntries) {
            let start = RISCVRandomLayout.log + entry * RISCVRandomLayout.logFields
            let cause = value(start)
            let level = ["", "HS", "VS", "M"][Int(value(start + 5) >> 8 & 3)]
            count("trap: to \(level)-mode")
            count("trap: " + (Self.causes[cause] ?? "cause \(hexadecimal(cause))"))
        }
    }

    /// The counts by name.
    public var table: [String] {
        aligned(counts.sorted { $0.key < $1.key }.map { [$0.key, grouped(UInt64($0.value))] }, left: [0])
    }
}
