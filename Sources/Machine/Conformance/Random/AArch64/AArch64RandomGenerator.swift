import AArch64ISA

/// Makes random blocks for AArch64. One number decides each of them.
struct AArch64RandomGenerator {
    /// Instructions of a block, roughly.
    var length = 96
    var random: SplitMix64
    let model: AArch64.CPUModel
    var features: AArch64.Features { model.features.subtracting(AArch64RandomExclusion.features) }
    var mode = AArch64RandomBlock.Mode.el0
    /// The block so far.
    var present = AArch64RandomBlock(mode: .el0)
    /// Instructions of this block have few registers.
    private var hasFewRegisters = false
    /// What the program's tables are made from.
    let tableSeed: UInt64
    let granule: AArch64RandomGranule
    let choice: AArch64RandomChoice
    let isForQEMU: Bool
    /// Programs are entered at EL3.
    let hasEL3: Bool
    /// Places in the block that branches by register lead to.
    private var landings: Set<Int> = []

    typealias Operation = AArch64.Operation

    init(seed: UInt64, model: AArch64.CPUModel, choice: AArch64RandomChoice, isForQEMU: Bool, hasEL3: Bool) {
        self.hasEL3 = hasEL3
        random = SplitMix64(seed: seed)
        self.model = model
        self.choice = choice
        self.isForQEMU = isForQEMU
        tableSeed = random.next()
        granule = AArch64RandomGranule(of: tableSeed, model.features)
    }

    // MARK: Blocks

    mutating func block() -> AArch64RandomBlock {
        let mode = random.pick([.el0, .el0, .el1, .el1, .el2] + (hasEL3 ? [.el3] : []) as [AArch64RandomBlock.Mode])
        present = AArch64RandomBlock(mode: mode)
        present.registers = (0..<31).map { _ in random.hostile() }
        present.vectors = (0..<64).map { _ in random.hostile() }
        present.seed = random.next()
        self.mode = mode
        hasFewRegisters = random.chance(30)
        setSystemRegisters()
        // PSTATE.BTYPE may be other than 0 there.
        landings = [0]
        var count = 0
        while count < length || !landings.isEmpty {
            let item = landings.remove(present.items.count) == nil ? self.item() : .words([landing()])
            if case .goTo = item { Self.keepBranchesBefore(&present.items) }
            present.items.append(item)
            count += present.length(item)
        }
        return present
    }

    /// Nothing leads over the item that comes next, so that the level is known wherever the block is.
    private static func keepBranchesBefore(_ items: inout [AArch64RandomBlock.Item]) {
        for index in items.indices.suffix(5) {
            let most = items.count - index - 1
            switch items[index] {
            case .branch(let word, let over): items[index] = .branch(word, over: min(over, most))
            case .jump(let word, let over): items[index] = .jump(word, over: min(over, most))
            default: break
            }
        }
    }

    // MARK: Items

    private mutating func item() -> AArch64RandomBlock.Item {
        switch random.below(1000) {
        case ..<560: return .words([general()])
        case ..<790: return .words(memory())
        case ..<810: return .words(reservation())
        case ..<850: return branch()
        case ..<860: return jump()
        case ..<945: return .words(system())
        case ..<965: return .words([exception()])
        case ..<975: return .words([undefined()])
        case ..<985: return .words(wild())
        // Levels change in order.
        default: return landings.isEmpty ? change() : .words([general()])
        }
    }

    /// Any computation: integers, floating point, vectors, in all encodings.
    mutating func general() -> UInt32 {
        while true {
            let encoding = random.pick(choice.generals)
            var word = encoding.word(&random)
            if hasFewRegisters { word = encoding.word(word, of: [0, 1, 9, 31], &random) }
            // Of half precision: see AArch64RandomExclusion.
            if encoding.operation == .fcvtzs_fixed_scalar, word >> 19 & 15 < 4 { continue }
            // Of a word that a special case of the line takes, little is known, but it is no access to memory.
            if let other = choice.decoder.encoding(of: word), other.operation != encoding.operation { continue }
            if choice.decoder.encoding(of: word) == nil, !choice.leavesOutUndefined, random.chance(20) { return word }
            if choice.decoder.encoding(of: word) != nil { return word }
        }
    }

    // MARK: Memory

    /// Where blocks at the present level find memory, whether they may access it or not: borders of pages.
    private mutating func border(isGood: Bool) -> UInt64 {
        guard present.translates(mode) else {
            let isSecond = mode.isOfGuest && present.secondStageTranslates && !isGood && random.chance(60)
            let base = isSecond ? AArch64RandomLayout.secondStageWindow : AArch64RandomLayout.scratch
            return base + UInt64(random.below(isSecond ? 16 : 7) + 1) * granule.bytes
        }
        if isGood { return AArch64RandomLayout.windows + (mode == .el0 ? 3 : 1) * granule.bytes }
        let address = AArch64RandomLayout.windows + UInt64(random.below(16) + 1) * granule.bytes
        return hasUpperHalf && random.chance(15) ? upperHalf + address : address
    }

    /// The present level's translation is not EL1&0's.
    var isOfHigher: Bool { !mode.isOfGuest || present.isGeneral && present.isHost }
    private var hasUpperHalf: Bool { !isOfHigher }
    private var upperHalf: UInt64 {
        let size = present.register("TCR_EL1") >> 16 & 63
        return 0 &- (1 << (64 - size))
    }

    /// An address near a border.
    /// - Parameter alone: the access does not go over a page's end.
    mutating func address(isGood: Bool, alignment: UInt64, alone: Bool = false) -> UInt64 {
        let border = border(isGood: isGood)
        var offset = UInt64(random.below(480)) &- 240
        if alone { offset = random.chance(50) ? UInt64(random.below(160)) : 0 &- UInt64(random.below(160) + 64) }
        switch random.below(10) {
        case ..<6: offset &= 0 &- alignment
        case 6 where !alone: offset = 0 &- 1 &- UInt64(random.below(15))
        default: break
        }
        return border &+ offset
    }

    /// A load or store near a border.
    mutating func memory() -> [UInt32] {
        while true {
            let encoding = random.pick(choice.accesses)
            let isStore = choice.isStore(encoding.operation)
            let isMultiple = choice.isMultiple(encoding.operation)
            var word = encoding.word(&random)
            guard choice.decoder.encoding(of: word)?.operation == encoding.operation else { continue }
            let immediate = encoding.decode(word).immediate
            let name = String(describing: encoding.operation)
            // What is told of refusals differs for these: see AArch64RandomExclusion.
            let isRefusedTwice = mode.isOfGuest && present.secondStageTranslates || features.contains(.hafdbs)
            let isTold = choice.updates.contains(encoding.operation) || [.ldlar, .stllr].contains(encoding.operation)
            // Of device memory, exclusive and atomic accesses are IMPLEMENTATION DEFINED (B2.2.6, B2.9.2).
            let isAtomic = choice.ordered.contains(encoding.operation) && !Self.isOrderedAlone(encoding.operation)
            let isGood =
                random.chance(60) || isRefusedTwice && isTold
                || isAtomic && AArch64RandomProgram.hasDevices(tableSeed)
            var desired = address(isGood: isGood, alignment: 16, alone: isMultiple || isStore && !isTranslatedWhole)
            // See AArch64RandomExclusion.
            if encoding.operation == .ldapr || features.contains(.lse2) && choice.ordered.contains(encoding.operation) {
                desired &= 0 &- 16
            }
            if leavesOutDevices, !isGood { desired &= 0 &- 16 }
            if name.hasSuffix("literal") {
                // Within the code that all programs have.
                return [word]
            }
            let base: UInt32 = random.chance(15) ? 31 : 28
            var words: [UInt32] = []
            var address = desired
            if name.hasSuffix("_register") {
                let size = encoding.pattern.description.contains("Vt") && word >> 23 & 1 == 1 ? 4 : word >> 30
                let shift = word >> 12 & 1 == 1 ? UInt64(size) : 0
                let isSigned = word >> 15 & 1 == 1
                let offset = isSigned ? UInt64(random.below(64)) &- 32 : UInt64(random.below(64))
                word = encoding.setting(.rm, of: word, to: 27)
                let isWord = word >> 13 & 1 == 0
                words += AArch64Assembler.loading(27, isWord ? offset & 0xffff_ffff | random.next() << 32 : offset)
                address = desired &- offset << shift
            } else if encoding.pattern.description.contains("imm["), !name.hasSuffix("_post") {
                let hasFourth = encoding.pieces.contains { $0.target == .ra }
                let offset = Int64(hasFourth ? (immediate << 8) >> 8 : immediate)
                address = desired &- UInt64(bitPattern: offset)
            }
            words += AArch64Assembler.loading(base == 31 ? 28 : base, address)
            if base == 31 { words.append(AArch64Assembler.word(.add_immediate, rd: 31, rn: 28)) }
            word = encoding.setting(.rn, of: word, to: base)
            guard choice.decoder.encoding(of: word)?.operation == encoding.operation else { continue }
            guard Self.isDefined(encoding, word) else { continue }
            return words + [word]
        }
    }

    /// Loads and stores with acquire or release semantics, which are a single access.
    private static func isOrderedAlone(_ operation: Operation) -> Bool {
        ["ldar", "stlr", "ldlar", "stllr", "ldapr", "ldapur", "stlur"].contains {
            String(describing: operation).hasPrefix($0)
        }
    }

    /// Whether device memory may be there and refuse what QEMU's does not: see AArch64RandomExclusion. With SCTLR_ELx.A
    /// both refuse accesses that are not aligned.
    var leavesOutDevices: Bool { isForQEMU && AArch64RandomProgram.hasDevices(tableSeed) }

    /// Stages on, as far as the present level has them, lead to memory wherever they lead.
    private var isTranslatedWhole: Bool { isOfHigher || present.secondStageTranslates }

    /// Whether the manual says what the instruction does: a base that is written back is no other operand, and a pair loads
    /// two registers (CONSTRAINED UNPREDICTABLE, K1.2).
    private static func isDefined(_ encoding: AArch64.Encoding, _ word: UInt32) -> Bool {
        let name = String(describing: encoding.operation)
        let isVector = encoding.last[Int(AArch64.Encoding.Target.rd.rawValue)] == .vector
        let hasFourth = encoding.pieces.contains { $0.target == .ra }
        let rt2 = word >> 10 & 31
        let (rt, rn) = (word & 31, word >> 5 & 31)
        if name.hasPrefix("ldp") || name.hasPrefix("ldnp") || name.hasPrefix("ldxp") || name.hasPrefix("ldaxp"),
            rt == rt2
        {
            return false
        }
        let writesBack = name.hasSuffix("_post") || name.hasSuffix("_pre") || name == "ldraa_pre" || name == "ldrab_pre"
        if writesBack, !isVector, rn != 31, rt == rn || hasFourth && rt2 == rn { return false }
        return true
    }

    /// An exclusive load and store with nothing between them that could end the reservation.
    private mutating func reservation() -> [UInt32] {
        let size = UInt64(random.below(4))
        let isPair = random.chance(30)
        let wide: UInt64 = isPair ? (random.chance(50) ? 1 : 0) : 0
        let bytes: UInt64 = isPair ? 8 << wide : 1 << size
        var address = address(isGood: true, alignment: bytes, alone: true)
        // What comes first, an alignment fault or a lost reservation, is the implementation's.
        address &= 0 &- bytes
        var words = AArch64Assembler.loading(28, address)
        func pick(_ a: Operation, _ b: Operation) -> Operation { random.chance(50) ? a : b }
        let load = AArch64Assembler.encoding(isPair ? pick(.ldxp, .ldaxp) : pick(.ldxr, .ldaxr))
        let store = AArch64Assembler.encoding(isPair ? pick(.stxp, .stlxp) : pick(.stxr, .stlxr))
        func word(_ encoding: AArch64.Encoding, _ rd: UInt32, _ rm: UInt32, _ ra: UInt32) -> UInt32 {
            let immediate = UInt32(size) << 22
            let word = encoding.word(rd: rd, rn: 28, rm: rm, ra: ra, immediate: immediate, wide: wide == 1)
            // Fields that are to be ones.
            return word | (isPair ? 0 : 31 << 10) | (rm == 31 ? 31 << 16 : 0)
        }
        words.append(word(load, UInt32(random.below(12)), 31, 12 + UInt32(random.below(12))))
        for _ in 0..<random.below(3) {
            words.append(
                AArch64Assembler.word(
                    .add_shifted, rd: UInt32(random.below(27)), rn: UInt32(random.below(27)),
                    rm: UInt32(random.below(27))))
        }
        words.append(word(store, UInt32(random.below(12)), 24 + UInt32(random.below(3)), 12 + UInt32(random.below(12))))
        return words
    }

    /// A load from anywhere, where nothing answers at an address that is not mapped.
    private mutating func wild() -> [UInt32] {
        guard present.translates(mode), !leavesOutDevices else { return [general()] }
        let operation = random.pick([.ldr_unsigned, .ldrb_unsigned, .ldur, .ldrsw_unsigned] as [Operation])
        return [
            AArch64Assembler.word(
                operation, rd: UInt32(random.below(32)), rn: UInt32(random.below(32)), Int64(random.below(16)) * 8)
        ]
    }

    // MARK: Branches

    private mutating func branch() -> AArch64RandomBlock.Item {
        let encoding = random.pick(choice.branches)
        return .branch(encoding.word(&random), over: random.below(5))
    }

    private mutating func jump() -> AArch64RandomBlock.Item {
        let operation: Operation = random.pick([.br, .br, .blr, .ret])
        let over = random.below(5)
        landings.insert(present.items.count + 1 + over)
        return .jump(AArch64Assembler.word(operation, rn: random.pick([30, 30, 16, 17, 9])), over: over)
    }

    /// What a branch by register leads to: mostly an instruction that guarded pages let be there (BTypeCompatible).
    private mutating func landing() -> UInt32 {
        switch random.below(10) {
        // BTI, with all its targets.
        case ..<6: return AArch64Assembler.word(.hint, 32 + 2 * Int64(random.below(4)))
        // PACIASP, PACIBSP.
        case 6: return AArch64Assembler.word(.hint, 25 + 2 * Int64(random.below(2)))
        case 7: return AArch64Assembler.word(random.pick([.brk, .hlt] as [Operation]), Int64(random.below(0x7000)))
        default: return general()
        }
    }

    private mutating func change() -> AArch64RandomBlock.Item {
        let from = mode
        var modes: [AArch64RandomBlock.Mode] = [from]
        if from == .el2 || from == .el3 {
            modes =
                [from, .el0] + (present.isGeneral ? [] : [.el1]) + (from == .el3 && !present.isSecure ? [.el2] : [])
        }
        if from == .el1 { modes = [.el1, .el0] }
        guard from != .el0 else { return .words([general()]) }
        if random.chance(25) { return .goTo(from, from: from, state: illegalState()) }
        mode = random.pick(modes)
        // With IL, the next instruction is refused.
        return .goTo(mode, from: from, state: state(mode) | (random.chance(10) ? 1 << 20 : 0))
    }

    /// PSTATE that an exception return from the present level may not have: EL3, a higher level, EL1 with HCR_EL2.TGE, and
    /// modes that are not there (D1.4.4, "Illegal exception returns from AArch64 state"). AArch32 may be QEMU's.
    private mutating func illegalState() -> UInt64 {
        var modes: [UInt64] = [1, 2, 3, 6, 7, 0xa, 0xb, 0xe, 0xf]
        if mode != .el3 { modes += [0xc, 0xd] }
        if mode == .el1 || mode == .el3 && present.isSecure { modes += [8, 9] }
        if present.isGeneral { modes += [4, 5] }
        return state(mode) & ~(3 << 10 | 0xf) | random.pick(modes)
    }

    // MARK: Exceptions

    private mutating func exception() -> UInt32 {
        let number = Int64(random.below(0x7000))
        switch random.below(8) {
        case 0, 1: return AArch64Assembler.word(.svc, number & 0xff)
        case 2:
            // See AArch64RandomExclusion.
            return AArch64Assembler.word(mode == .el3 || present.isSecure ? .brk : .hvc, number)
        case 3: return AArch64Assembler.word(.brk, number)
        case 4: return AArch64Assembler.word(.hlt, number)
        case 5:
            // SMC is firmware's call but where it is trapped, or EL3's.
            let isTrapped = hasEL3 || mode == .el0 || mode == .el1 && present.register("HCR_EL2") >> 19 & 1 == 1
            return AArch64Assembler.word(isTrapped ? .smc : .brk, number)
        case 6: return AArch64Assembler.word(random.pick([.dcps1, .dcps2, .dcps3, .drps] as [Operation]), number)
        default: return AArch64Assembler.word(mode == .el0 ? .eret : .udf, number)
        }
    }

    /// A word that is no instruction here, nor in any feature that is known.
    private mutating func undefined() -> UInt32 {
        guard !choice.leavesOutUndefined else { return AArch64Assembler.word(.udf, Int64(random.below(0x1_0000))) }
        while true {
            let word = UInt32(truncatingIfNeeded: random.next())
            if AArch64RandomChoice.everything.encoding(of: word) == nil { return word }
        }
    }
}

/// Lines of the tables by what becomes of them in random programs for one CPU.
struct AArch64RandomChoice {
    typealias Operation = AArch64.Operation
    let generals: [AArch64.Encoding]
    let accesses: [AArch64.Encoding]
    let branches: [AArch64.Encoding]
    /// Atomic accesses, and those with acquire or release.
    let ordered: Set<Operation>
    /// Accesses that read and change memory.
    let updates: Set<Operation>
    /// Of TLBs and caches.
    let maintenance: [(name: String, number: UInt16)]
    let systemRegisters: [(name: String, number: UInt16)]
    let decoder: AArch64.Decoder
    /// Of QEMU's own `max` CPU nobody has said what it has beyond this one.
    let leavesOutUndefined: Bool

    static let everything = AArch64.Decoder(.all)

    init(_ model: AArch64.CPUModel) {
        decoder = AArch64.Decoder(model.features)
        leavesOutUndefined = model.name == "max"
        let excluded = Set(AArch64RandomExclusion.instructions.map(\.what))
        func known(_ lines: [AArch64.Encoding]) -> [AArch64.Encoding] {
            lines.filter {
                $0.operation != .illegal && $0.operation != .udf && model.features.isSuperset(of: $0.requires)
                    && !excluded.contains(String(describing: $0.operation))
            }
        }
        typealias Lines = AArch64.Encoding
        let structures = Lines.vectorMultipleStructures + Lines.vectorSingleStructure
        let ofStructures = Set(structures.map(\.operation))
        generals = known(
            Lines.dataProcessingImmediate + Lines.dataProcessingRegister + Lines.float + Lines.floatConversions
                + Lines.vectors.filter { !ofStructures.contains($0.operation) })
        updates = Set(Lines.atomics.filter { $0.requires == .lse }.map(\.operation))
        ordered = Set(
            (Lines.atomics + Lines.loadsAndStores.filter { $0.requires == .lrcpc2 }).map(\.operation))
        accesses = known(Lines.loadsAndStores + Lines.atomics + Lines.floatLoadsAndStores + structures)
            .filter { ![.stxr, .stlxr, .stxp, .stlxp].contains($0.operation) }
        let leftInstructions = Set(AArch64RandomExclusion.systemInstructions.map(\.what))
        maintenance = model.systemInstructions.filter {
            !$0.name.hasPrefix("AT") && !leftInstructions.contains($0.name)
        }
        let left = Set(AArch64RandomExclusion.systemRegisters.map(\.what))
        // Of those that are IMPLEMENTATION DEFINED, each emulator has some.
        systemRegisters = model.systemRegisters.filter {
            !left.contains($0.name) && ![11, 15].contains($0.number >> 7 & 15)
        }
        branches = known(Lines.branches).filter {
            [.b_cond, .b, .bl, .cbz, .cbnz, .tbz, .tbnz].contains($0.operation)
        }
    }

    /// Whether it may write memory.
    func isStore(_ operation: Operation) -> Bool {
        let name = String(describing: operation)
        return name.hasPrefix("st") || name.hasPrefix("cas") || name.hasPrefix("swp")
            || ["ldadd", "ldclr", "ldeor", "ldset", "ldsmax", "ldsmin", "ldumax", "ldumin"].contains(name)
    }

    /// Whether it is several accesses.
    func isMultiple(_ operation: Operation) -> Bool {
        let name = String(describing: operation)
        if isStore(operation), name.contains("_q") { return true }
        return ["stp", "stnp", "ldp", "ldnp", "ld1", "ld2", "ld3", "ld4", "st1", "st2", "st3", "st4"].contains {
            name.hasPrefix($0)
        }
    }
}

/// Random programs for AArch64, of one seed.
public struct AArch64RandomSource: RandomSource {
    let seed: UInt64
    let model: AArch64.CPUModel
    /// As `--cpu` takes it.
    public let cpu: String
    /// Whether QEMU runs them too, so that they leave out what its errors would show.
    let isForQEMU: Bool
    /// Programs are entered at EL3: the machine has `secure=on`.
    let hasEL3: Bool
    private let choice: AArch64RandomChoice

    public init(seed: UInt64, cpu: String, isForQEMU: Bool = true, hasEL3: Bool = false) throws(InputError) {
        self.hasEL3 = hasEL3
        self.seed = seed
        self.cpu = cpu
        self.isForQEMU = isForQEMU
        model = try AArch64.CPUModel(cpu: cpu).with { if hasEL3 { $0.insert(.el3) } }
        guard model.features.contains(.el2) else {
            throw InputError(
                file: "--cpu", problem: "random programs are entered at EL2, which \(cpu) has not",
                mend: "Leave out el2=off.")
        }
        choice = AArch64RandomChoice(model)
    }

    public func program(_ index: Int, blocks: Int) -> AArch64RandomProgram {
        var generator = AArch64RandomGenerator(
            seed: seed &+ UInt64(index) &* 0x1_0000_0001, model: model, choice: choice, isForQEMU: isForQEMU,
            hasEL3: hasEL3)
        return AArch64RandomProgram(
            blocks: (0..<blocks).map { _ in generator.block() }, tableSeed: generator.tableSeed,
            features: generator.features, isForQEMU: isForQEMU, hasEL3: hasEL3)
    }

    public var architecture: ELFFile.Machine { .aarch64 }
    public var machine: String? { hasEL3 ? "aarch64-virt,secure=on" : nil }
    public var qemuMachine: [String] {
        ["-M", "virt,virtualization=on" + (hasEL3 ? ",secure=on" : ""), "-cpu", cpu, "-m", "128"]
    }

    public func coverage(_ program: AArch64RandomProgram, lines: [String]) -> [String] {
        AArch64RandomCoverage(program, lines: lines).table
    }
}
