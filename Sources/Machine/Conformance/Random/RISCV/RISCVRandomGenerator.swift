import ISA

/// Makes random blocks. One number decides each of them.
public struct RISCVRandomGenerator {
    /// What both emulators implement; see ``RISCVRandomGenerator/cpu`` and ``RISCVRandomGenerator/qemuCPU``.
    public static let features: RISCV.Features = [
        .h, .zba, .zbb, .zbc, .zbs, .zbkb, .zbkx, .zfhmin, .zfh, .svinval, .svadu, .misaligned, .sv48, .sv57,
    ]

    /// The CPU of ``features``, as `--cpu` takes it.
    public static let cpu =
        "rv64,h=on,zba=on,zbb=on,zbc=on,zbs=on,zbkb=on,zbkx=on,zfhmin=on,zfh=on,svinval=on,svadu=on"

    /// The same for QEMU.
    public static let qemuCPU =
        "rv64,h=true,zba=true,zbb=true,zbc=true,zbs=true,zbkb=true,zbkx=true,Zfh=true,svinval=true"

    /// Instructions of a block, roughly.
    public var length = 128
    var random: SplitMix64
    var mode = RISCVRandomBlock.Mode.machine
    /// The block so far.
    var present = RISCVRandomBlock(mode: .machine, items: [], registers: [], floatRegisters: [])
    /// The block may be in VS-mode or VU-mode somewhere.
    var mayBeGuest = false
    /// The block has HLV, HLVX and HSV.
    var accessesGuest = false
    /// sstatus.MXR may be written in the present mode.
    var changesMXR = true
    /// x2 points to pages that the present mode may read and write.
    private var isGood = false
    /// The block's mode and those it can change to run with translation on.
    private var isTranslated = false
    /// What the program's tables are made from.
    var tableSeed: UInt64 = 0
    /// Registers that point to windows; no instruction writes them.
    static let pointers = [2, 3, 4]

    public init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    /// The program number `index` of a run.
    public static func program(seed: UInt64, index: Int, blocks: Int) -> RISCVRandomProgram {
        var generator = RISCVRandomGenerator(seed: seed &+ UInt64(index) &* 0x1_0000_0001)
        generator.tableSeed = generator.random.next()
        return RISCVRandomProgram(blocks: (0..<blocks).map { _ in generator.block() }, tableSeed: generator.tableSeed)
    }

    // MARK: Blocks

    public mutating func block() -> RISCVRandomBlock {
        let modes: [RISCVRandomBlock.Mode] = [
            .machine, .supervisor, .supervisor, .user, .user, .guestSupervisor, .guestSupervisor, .guestUser,
        ]
        let mode = random.pick(modes)
        var block = RISCVRandomBlock(mode: mode, items: [], registers: [], floatRegisters: [])
        block.registers = (0..<32).map { _ in integer() }
        block.floatRegisters = (0..<32).map { _ in float() }
        block.fcsr = UInt64(random.below(5)) << 5 | UInt64(random.below(32))
        block.seed = random.next()
        block.satpMode = random.chance(90) ? random.pick([8, 8, 9, 10]) : 0
        block.vsatpMode = random.chance(90) ? random.pick([8, 8, 9, 10]) : 0
        block.hgatpMode = random.chance(90) ? random.pick([8, 8, 9, 10]) : 0
        let isDirect = RISCVRandomProgram.isDirect(tableSeed)
        if isDirect, random.chance(40) { block.hgatpMode = 0 }
        // Else windows onto the second stage's would lead to no memory: see RISCVRandomExclusion.
        if !isDirect, !block.secondStageTranslates { block.vsatpMode = 0 }
        mayBeGuest = mode.isGuest || !mode.isUser && random.chance(50)
        // A load's cause and a store's go together: see RISCVRandomExclusion on AMOs.
        for bits: UInt64 in [
            1 << 1, 1 << 2, 1 << 3, 1 << 4 | 1 << 6, 1 << 5 | 1 << 7, 1 << 12, 1 << 13 | 1 << 15, 1 << 20,
            1 << 21 | 1 << 23, 1 << 22,
        ] where random.chance(50) { block.medeleg |= bits }
        for bits: UInt64 in [1 << 1, 1 << 3, 1 << 5 | 1 << 7, 1 << 12, 1 << 13 | 1 << 15] where random.chance(50) {
            block.hedeleg |= bits
        }
        setStatus(of: &block)
        let translated = mode.isGuest ? block.guestTranslates : block.translates
        let safe = mode == .machine || !translated ? RISCVRandomLayout.scratch : RISCVRandomLayout.windows
        // The border of two good pages; then borders of any.
        block.registers[2] = safe + (mode.isUser ? 3 : 1) * 0x1000
        for pointer in [3, 4] {
            let isWindow = mode != .machine && translated && random.chance(90)
            let isSecond = mode.isGuest && !translated && block.secondStageTranslates && random.chance(70)
            let base =
                isWindow
                ? RISCVRandomLayout.windows : isSecond ? RISCVRandomLayout.secondStageWindow : RISCVRandomLayout.scratch
            block.registers[pointer] = base + UInt64(random.below(isWindow || isSecond ? 16 : 7) + 1) * 0x1000
        }
        self.mode = mode
        present = block
        isTranslated =
            mode != .machine && block.translates && block.guestTranslates && block.secondStageTranslates
        isGood = !mode.isGuest || !block.guestTranslates || block.secondStageTranslates
        var count = 0
        while count < length {
            let item = self.item()
            if case .goTo = item { Self.keepBranchesBefore(&block.items) }
            block.items.append(item)
            count += max(1, block.length(item) / 4)
        }
        return block
    }

    /// Nothing leads over the item that comes next, so that the mode is known wherever the block is.
    private static func keepBranchesBefore(_ items: inout [RISCVRandomBlock.Item]) {
        for index in items.indices.suffix(5) {
            let most = items.count - index - 1
            switch items[index] {
            case .branch(let word, let over): items[index] = .branch(word, over: min(over, most))
            case .jump(let word, let over): items[index] = .jump(word, over: min(over, most))
            default: break
            }
        }
    }

    /// A value of the kinds that find mistakes: small, at the ends of a width, of one bit, or any.
    mutating func integer() -> UInt64 {
        switch random.below(8) {
        case 0: return random.below(16 as UInt64)
        case 1: return 0 &- random.below(16 as UInt64)
        case 2:
            return random.pick([0x7f, 0x80, 0x7fff, 0x8000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 63, .max >> 1])
        case 3: return 1 << random.below(64 as UInt64)
        case 4: return UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: random.next())))
        case 5: return random.next() & random.next() & random.next()
        default: return random.next()
        }
    }

    /// A bit pattern of one of the formats: special values, subnormal numbers, numbers near one another; NaN-boxed or not.
    private mutating func float() -> UInt64 {
        let doubles: [UInt64] = [
            0, 1 << 63, 0x3ff0_0000_0000_0000, 0x7ff0_0000_0000_0000, 0xfff0_0000_0000_0000, 0x7ff8_0000_0000_0000,
            0x7ff0_0000_0000_0001, 1, 0x000f_ffff_ffff_ffff, 0x7fef_ffff_ffff_ffff, 0x43e0_0000_0000_0000,
        ]
        let singles: [UInt64] = [
            0, 0x8000_0000, 0x3f80_0000, 0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0x7f80_0001, 1, 0x007f_ffff,
            0x7f7f_ffff, 0x4f00_0000, 0x5f00_0000,
        ]
        let halves: [UInt64] = [0, 0x8000, 0x3c00, 0x7c00, 0xfc00, 0x7e00, 0x7c01, 1, 0x03ff, 0x7bff]
        switch random.below(10) {
        case 0: return random.pick(doubles)
        case 1: return 0xffff_ffff_0000_0000 | random.pick(singles)
        case 2: return 0xffff_ffff_ffff_0000 | random.pick(halves)
        case 3: return 0xffff_ffff_0000_0000 | (0x3f00_0000 &+ random.below(0x0100_0000 as UInt64))
        case 4: return 0xffff_ffff_ffff_0000 | random.below(0x1_0000 as UInt64)
        case 5: return 0xffff_ffff_0000_0000 | random.next() & 0xffff_ffff
        case 6, 7: return 0x3fe0_0000_0000_0000 &+ random.next() & 0x003f_ffff_ffff_ffff
        default: return random.next()
        }
    }

    // MARK: Items

    private mutating func item() -> RISCVRandomBlock.Item {
        switch random.below(1000) {
        case ..<620: return .words([general()])
        case ..<800: return .words([memory()])
        case ..<830: return .words(atomic())
        case ..<840: return .words(isGood ? reservation() : [general()])
        case ..<880: return branch()
        case ..<890: return jump()
        case ..<935: return .words(csr())
        case ..<955: return .words(system())
        case ..<970:
            return .words([random.pick([RISCVAssembler.word("ecall"), RISCVAssembler.word("ebreak"), 0x9002])])
        case ..<980: return .words([undefined()])
        case ..<990: return wild()
        default: return change()
        }
    }

    mutating func destination() -> Int {
        while true {
            let number = random.below(32)
            if !Self.pointers.contains(number) { return number }
        }
    }

    private static let excluded = Set(RISCVRandomExclusion.instructions.map(\.what))

    /// Lines of the tables by what becomes of them here.
    static let known = RISCV.Template.all.filter {
        features.isSuperset(of: $0.requires) && !excluded.contains($0.mnemonic)
    }
    private static let branches = known.filter {
        ["beq", "bne", "blt", "bge", "bltu", "bgeu", "jal"].contains($0.mnemonic)
    }
    private static let jumps = RISCV.Template.all.filter { template in
        template.mnemonic == "jalr"
    }
    private static let accesses = known.filter { template in
        let names = [
            "lb", "lh", "lw", "ld", "lbu", "lhu", "lwu", "sb", "sh", "sw", "sd", "flh", "flw", "fld", "fsh", "fsw",
            "fsd",
        ]
        return names.contains(template.mnemonic)
    }
    private static let atomics = known.filter { $0.mnemonic.hasPrefix("amo") }
    private static let generals = known.filter { template in
        let name = template.mnemonic
        let others = ["jalr", "ecall", "ebreak", "fence.i", "lr.w", "lr.d", "sc.w", "sc.d", "wfi"]
        return !others.contains(name) && !name.hasPrefix("csrr") && !name.hasPrefix("amo") && !name.hasPrefix("h")
            && !name.hasPrefix("s.") && !systemNames.contains(name)
            && !branches.contains { $0.mnemonic == name } && !accesses.contains { $0.mnemonic == name }
    }
    private static let systemNames = ["sfence.vma", "sinval.vma", "sfence.w.inval", "sfence.inval.ir"]
    private static let decoder = RISCV.TemplateDecoder(features)
    private static let fullDecoder = RISCV.TemplateDecoder(.all)

    /// Any computation: integers, bits, floating point, in all encodings.
    mutating func general() -> UInt32 {
        while true {
            let template = random.pick(Self.generals)
            var word = template.word(free: UInt32(truncatingIfNeeded: random.next()))
            if let field = template.register(.rd), !field.isFloat, field.width == 5 {
                word = template.setting(.rd, of: word, to: destination())
            }
            // A special case of the line may be another instruction, or none.
            guard let decoded = RISCV.Template.decoding(word, Self.decoder) else {
                if template.hasRounding, random.chance(10) { return word }
                continue
            }
            let writesPointer = (decoded.number(.rd, of: word) ?? decoded.impliedRegister(.rd)).map {
                Self.pointers.contains($0) && !(decoded.register(.rd)?.isFloat ?? false)
            }
            if decoded.mnemonic == template.mnemonic, writesPointer != true { return word }
        }
    }

    /// A load or store through one of the pointers, near the border that it points to.
    private mutating func memory() -> UInt32 {
        while true {
            let template = random.pick(Self.accesses)
            var word = template.word(free: UInt32(truncatingIfNeeded: random.next()))
            if let field = template.register(.rs1) {
                // Registers 8 to 15 are no pointers.
                guard field.width == 5 else { continue }
                word = template.setting(.rs1, of: word, to: random.chance(60) ? 2 : random.pick(Self.pointers))
            } else if template.impliedRegister(.rs1) != 2 {
                continue
            }
            if let field = template.register(.rd), !field.isFloat {
                word = template.setting(.rd, of: word, to: destination())
            }
            var offset = Int64(random.below(480)) - 240
            switch random.below(10) {
            case ..<6: offset &= ~7
            // Over the border.
            case 6: offset = -1 - Int64(random.below(7))
            default: break
            }
            if !template.hasSignedImmediate { offset = offset.magnitude > 0 ? Int64(offset.magnitude) : 8 }
            word = template.settingImmediate(of: word, to: offset)
            if RISCV.Template.decoding(word, Self.decoder)?.mnemonic == template.mnemonic { return word }
        }
    }

    /// An address near the border of good pages, aligned to `alignment` bytes, in a register.
    private mutating func address(in register: Int, alignment: Int64) -> UInt32 {
        RISCVAssembler.word("addi", rd: register, rs1: 2, (Int64(random.below(480)) - 240) & -alignment)
    }

    private mutating func atomic() -> [UInt32] {
        let register = random.pick([5, 9, 14, 23, 28])
        let template = random.pick(Self.atomics)
        var word = template.word(free: UInt32(truncatingIfNeeded: random.next()))
        word = template.setting(.rd, of: word, to: destination())
        word = template.setting(.rs1, of: word, to: register)
        let alignment: Int64 = random.chance(10) ? 1 : template.mnemonic.contains(".d") ? 8 : 4
        return [address(in: register, alignment: alignment), word]
    }

    /// LR and SC with nothing between them that could end the reservation.
    private mutating func reservation() -> [UInt32] {
        let width = random.pick(["w", "d"])
        var words = [
            address(in: 28, alignment: width == "d" ? 8 : 4),
            RISCVAssembler.word("lr." + width, rd: destination28(), rs1: 28),
        ]
        for _ in 0..<random.below(3) {
            words.append(RISCVAssembler.word("add", rd: destination28(), rs1: random.below(32), rs2: random.below(32)))
        }
        words.append(RISCVAssembler.word("sc." + width, rd: destination(), rs1: 28, rs2: random.below(32)))
        return words
    }

    private mutating func destination28() -> Int {
        while true {
            let number = destination()
            if number != 28 { return number }
        }
    }

    private mutating func branch() -> RISCVRandomBlock.Item {
        let template = random.pick(Self.branches)
        var word = template.word(free: UInt32(truncatingIfNeeded: random.next()))
        if template.register(.rd) != nil { word = template.setting(.rd, of: word, to: destination()) }
        // Some offset that is none of the special cases; the real one comes when the block is laid out.
        word = template.settingImmediate(of: word, to: 16)
        return .branch(word, over: random.below(5))
    }

    private mutating func jump() -> RISCVRandomBlock.Item {
        let template = random.pick(Self.jumps)
        var word = template.setting(.rs1, of: template.word(free: UInt32(truncatingIfNeeded: random.next())), to: 30)
        // As far as ADDI can take back with the distance.
        if template.immediateBits != 0 {
            word = template.settingImmediate(of: word, to: Int64(random.below(2000)) - 1000)
        }
        guard template.register(.rd) != nil else { return .jump(word, over: random.below(5)) }
        return .jump(template.setting(.rd, of: word, to: destination()), over: random.below(5))
    }

    /// A word that is no instruction, of 4 bytes.
    private mutating func undefined() -> UInt32 {
        while true {
            let word = UInt32(truncatingIfNeeded: random.next()) | 3
            // Opcodes of extensions that QEMU may have and this machine has not: vectors, custom and cache operations.
            let opcode = word & 0x7f
            guard ![0x57, 0x0b, 0x2b, 0x5b, 0x7b, 0x0f, 0x73, 0x07, 0x27, 0x1f, 0x3f, 0x5f, 0x7f].contains(opcode)
            else {
                continue
            }
            if RISCV.Template.decoding(word, Self.fullDecoder) == nil { return word }
        }
    }

    /// A load from anywhere, in the modes where nothing answers at an address that is not mapped.
    private mutating func wild() -> RISCVRandomBlock.Item {
        guard mode != .machine, isTranslated else { return .words([general()]) }
        let word = RISCVAssembler.word(
            random.pick(["lb", "lw", "ld", "lhu"]), rd: destination(), rs1: random.below(32), Int64(random.below(16)))
        return .words([word])
    }

    private mutating func change() -> RISCVRandomBlock.Item {
        let from = mode
        isGood = false
        switch from {
        case .machine:
            mode = random.pick([.machine, .supervisor, .user] + (mayBeGuest ? [.guestSupervisor, .guestUser] : []))
        case .supervisor:
            mode = random.pick([.supervisor, .user] + (mayBeGuest ? [.guestSupervisor, .guestUser] : []))
        case .guestSupervisor: mode = random.pick([.guestSupervisor, .guestUser])
        case .user, .guestUser: return .words([general()])
        }
        return .goTo(mode, from: from)
    }
}

/// Random programs for RISC-V, of one seed.
public struct RISCVRandomSource: RandomSource {
    let seed: UInt64

    public init(seed: UInt64) { self.seed = seed }

    public func program(_ index: Int, blocks: Int) -> RISCVRandomProgram {
        RISCVRandomGenerator.program(seed: seed, index: index, blocks: blocks)
    }

    public var architecture: ELFFile.Machine { .riscv }
    public var cpu: String { RISCVRandomGenerator.cpu }
    public var qemuMachine: [String] {
        ["-M", "virt", "-cpu", RISCVRandomGenerator.qemuCPU, "-m", "128", "-bios", "none"]
    }

    public func coverage(_ program: RISCVRandomProgram, lines: [String]) -> [String] {
        RISCVRandomCoverage(program, lines: lines).table
    }
}
