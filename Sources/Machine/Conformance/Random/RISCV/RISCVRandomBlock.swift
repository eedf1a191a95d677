import ISA

/// A random block for RISC-V.
public struct RISCVRandomBlock: RandomBlock {
    public enum Mode: Int, CaseIterable, Sendable {
        case machine, supervisor, user, guestSupervisor, guestUser

        public var name: String { ["M", "S", "U", "VS", "VU"][rawValue] }
        var isUser: Bool { self == .user || self == .guestUser }
        var isGuest: Bool { self == .guestSupervisor || self == .guestUser }
        /// mstatus.MPP and MPV of a return into it.
        var returnBits: UInt64 {
            let privilege: UInt64 = self == .machine ? 3 : isUser ? 0 : 1
            return privilege << 11 | (isGuest ? 1 << 39 : 0)
        }
    }

    public enum Item: Equatable, Sendable {
        /// Instructions as they are, wherever they stand; those with two low bits other than 11 are 2 bytes.
        case words([UInt32])
        /// A branch or jump over as many of the items that follow.
        case branch(UInt32, over: Int)
        /// JALR, C.JR or C.JALR through x30, over as many of the items that follow. Changes x30.
        case jump(UInt32, over: Int)
        /// A return to another mode, at the item that follows. Changes x29 and x30.
        case goTo(Mode, from: Mode)
    }

    public var mode: Mode
    public var items: [Item]
    /// x1 to x31 at their places; the first is not used.
    public var registers: [UInt64]
    public var floatRegisters: [UInt64]
    public var fcsr: UInt64 = 0
    public var seed: UInt64 = 0
    public var medeleg: UInt64 = 0
    public var hedeleg: UInt64 = 0
    /// MODE of satp, vsatp and hgatp: 0, or 8, 9 and 10 for Sv39, Sv48 and Sv57.
    public var satpMode: UInt64 = 8
    public var vsatpMode: UInt64 = 8
    public var hgatpMode: UInt64 = 8
    /// SUM and MXR, of mstatus and vsstatus; TVM and TW of mstatus.
    public var statusBits: UInt64 = 0
    public var guestStatusBits: UInt64 = 0
    /// HU, SPVP and VTW of hstatus.
    public var hypervisorStatusBits: UInt64 = 0

    var translates: Bool { satpMode != 0 }
    var guestTranslates: Bool { vsatpMode != 0 }
    var secondStageTranslates: Bool { hgatpMode != 0 }

    /// The code at `address`, with the ECALL that ends it.
    func code(at address: UInt64) -> [UInt8] {
        var places = [address]
        for item in items { places.append(places[places.count - 1] + UInt64(length(item))) }
        var bytes: [UInt8] = []
        func put(_ word: UInt32) {
            for byte in 0..<(word & 3 == 3 ? 4 : 2) { bytes.append(UInt8(truncatingIfNeeded: word >> (8 * byte))) }
        }
        for (index, item) in items.enumerated() {
            switch item {
            case .words(let words): words.forEach(put)
            case .branch(let word, let over):
                let target = places[min(index + 1 + over, items.count)]
                put(Self.aimed(word, Int64(target) - Int64(places[index])))
            case .jump(let word, let over):
                let target = places[min(index + 1 + over, items.count)]
                Self.jumping(word, Int64(target) - Int64(places[index])).forEach(put)
            case .goTo(let mode, let from): switching(to: mode, from: from).forEach(put)
            }
        }
        put(RISCVAssembler.word("ecall"))
        return bytes
    }

    func length(_ item: Item) -> Int {
        switch item {
        case .words(let words): words.reduce(0) { $0 + ($1 & 3 == 3 ? 4 : 2) }
        case .branch(let word, _): word & 3 == 3 ? 4 : 2
        case .jump(let word, _): word & 3 == 3 ? 12 : 10
        case .goTo(let mode, let from): switching(to: mode, from: from).count * 4
        }
    }

    /// `word`, a branch or jump, with `distance` as its offset; one that reaches not so far does nothing instead.
    private static func aimed(_ word: UInt32, _ distance: Int64) -> UInt32 {
        let nothing: UInt32 = word & 3 == 3 ? 0x13 : 1
        guard let template = RISCV.Template.decoding(word, decoder) else { return nothing }
        let aimed = template.settingImmediate(of: word, to: distance)
        return template.immediate(of: aimed) == distance ? aimed : nothing
    }

    /// x30 is made to lead to `distance` from here, less the jump's own offset.
    private static func jumping(_ word: UInt32, _ distance: Int64) -> [UInt32] {
        let offset = RISCV.Template.decoding(word, decoder).map { $0.immediateBits == 0 ? 0 : $0.immediate(of: word) }
        return [
            RISCVAssembler.word("auipc", rd: 30),
            RISCVAssembler.word("addi", rd: 30, rs1: 30, distance - (offset ?? 0)),
            word,
        ]
    }

    private static let decoder = RISCV.TemplateDecoder(.all)

    /// How much higher than its physical address the mode's code is.
    func alias(_ mode: Mode) -> UInt64 {
        switch mode {
        case .user: translates ? RISCVRandomLayout.userAlias : 0
        case .guestUser: guestTranslates ? RISCVRandomLayout.userAlias : 0
        default: 0
        }
    }

    /// MRET from M-mode, SRET from others, to the instruction after it in `mode`.
    private func switching(to mode: Mode, from: Mode) -> [UInt32] {
        var words: [UInt32] = []
        let isMachine = from == .machine
        func csr(_ name: String, _ number: Int64, _ register: Int) {
            words.append(RISCVAssembler.word(name, rs1: register, number))
        }
        func load(_ register: Int, _ value: UInt64) { words += RISCVAssembler.loading(register, value) }
        let difference = alias(mode) &- alias(from)
        load(29, difference)
        let place = words.count
        words.append(RISCVAssembler.word("auipc", rd: 30))
        words.append(0)
        words.append(RISCVAssembler.word("add", rd: 30, rs1: 30, rs2: 29))
        csr("csrrw", isMachine ? 0x341 : 0x141, 30)
        if isMachine {
            let all: UInt64 = 3 << 11 | 1 << 39
            load(29, all)
            csr("csrrc", 0x300, 29)
            load(29, mode.returnBits)
            csr("csrrs", 0x300, 29)
        } else {
            load(29, 1 << 8)
            csr(mode.isUser ? "csrrc" : "csrrs", 0x100, 29)
            if from == .supervisor {
                // hstatus.SPV.
                load(29, 1 << 7)
                csr(mode.isGuest ? "csrrs" : "csrrc", 0x600, 29)
            }
        }
        words.append(RISCVAssembler.word(isMachine ? "mret" : "sret"))
        words[place + 1] = RISCVAssembler.word("addi", rd: 30, rs1: 30, Int64(words.count - place) * 4)
        return words
    }

    /// The block's descriptor: see ``RISCVRandomLayout/Field``.
    func descriptor(code: UInt64, end: UInt64, next: UInt64) -> [UInt64] {
        // UXL, SXL and VSXL as they are; FS dirty.
        let status: UInt64 = 3 << 13 | 2 << 32
        var fields = [UInt64](repeating: 0, count: RISCVRandomLayout.Field.length)
        func set(_ field: RISCVRandomLayout.Field, _ value: UInt64) { fields[field.rawValue] = value }
        set(.next, next)
        set(.programCounter, code + alias(mode))
        set(.start, code)
        set(.end, end)
        set(.mstatus, status | 2 << 34 | mode.returnBits | statusBits)
        // SD too, as FS is dirty: QEMU keeps what is written.
        set(.vsstatus, 1 << 63 | status | guestStatusBits)
        set(.medeleg, medeleg)
        set(.hedeleg, hedeleg)
        set(.hstatus, status & 2 << 32 | hypervisorStatusBits)
        set(.satp, Self.translation(satpMode, RISCVRandomLayout.supervisorRoots))
        set(.vsatp, Self.translation(vsatpMode, RISCVRandomLayout.guestRoots))
        set(.hgatp, Self.translation(hgatpMode, RISCVRandomLayout.secondStageRoots))
        set(.fcsr, fcsr)
        set(.seed, seed)
        for number in 0..<32 {
            fields[RISCVRandomLayout.Field.registers + number] = registers[number]
            fields[RISCVRandomLayout.Field.registers + 32 + number] = floatRegisters[number]
        }
        return fields
    }

    /// satp, vsatp or hgatp of MODE `mode`.
    static func translation(_ mode: UInt64, _ roots: [UInt64]) -> UInt64 {
        mode == 0 ? 0 : mode << 60 | roots[Int(mode - 8)] >> 12
    }

    // MARK: Text

    /// The code as a listing, without addresses.
    public var listing: [String] {
        items.enumerated().flatMap { index, item -> [String] in
            switch item {
            case .words(let words): return words.map(Self.text)
            case .branch(let word, let over): return [Self.text(word) + "    (over \(over) items)"]
            case .jump(let word, let over):
                return [Self.text(word) + "    (x30 leads over \(over) items)"]
            case .goTo(let mode, let from):
                return ["(\(from == .machine ? "mret" : "sret") to \(mode.name)-mode; x29 and x30 change)"]
            }
        }
    }

    private static func text(_ word: UInt32) -> String {
        let template = RISCV.Template.decoding(word, decoder)
        return template?.text(of: word) ?? (word & 3 == 3 ? ".word " : ".half ") + hexadecimal(word)
    }

    public var count: Int {
        items.reduce(0) { sum, item in
            switch item {
            case .words(let words): sum + words.count
            case .branch: sum + 1
            case .jump: sum + 3
            case .goTo(let mode, let from): sum + switching(to: mode, from: from).count
            }
        }
    }

    private static func name(_ mode: UInt64) -> String {
        switch mode {
        case 0: "Bare"
        case 8: "Sv39"
        case 9: "Sv48"
        default: "Sv57"
        }
    }

    public var report: [String] {
        var lines = [
            "\(mode.name)-mode, satp \(Self.name(satpMode)), vsatp \(Self.name(vsatpMode)), "
                + "hgatp \(Self.name(hgatpMode)), fcsr \(hexadecimal(fcsr)), medeleg \(hexadecimal(medeleg)), "
                + "hedeleg \(hexadecimal(hedeleg))",
            "set in mstatus: \(hexadecimal(statusBits)), vsstatus: \(hexadecimal(guestStatusBits)), "
                + "hstatus: \(hexadecimal(hypervisorStatusBits))",
        ]
        var values: [String] = []
        for number in 1..<32 where registers[number] != 0 {
            values.append("x\(number) = \(hexadecimal(registers[number]))")
        }
        for number in 0..<32 where floatRegisters[number] != 0 {
            values.append("f\(number) = \(hexadecimal(floatRegisters[number]))")
        }
        for start in stride(from: 0, to: values.count, by: 4) {
            lines.append(values[start..<min(start + 4, values.count)].joined(separator: "  "))
        }
        return lines + listing.map { "    " + $0 }
    }

    /// Every register, except those that point to memory.
    public static let clearable = (0..<64).filter { !(2...4).contains($0) }

    public mutating func clear(_ part: Int) {
        if part < 32 { registers[part] = 0 } else { floatRegisters[part - 32] = 0 }
    }
}
