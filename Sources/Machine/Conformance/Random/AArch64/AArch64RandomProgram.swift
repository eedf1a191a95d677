import AArch64ISA

/// A program of random blocks for AArch64.
public struct AArch64RandomProgram: RandomProgram {
    public let blocks: [AArch64RandomBlock]
    /// What the windows' page tables are made from.
    public let tableSeed: UInt64
    /// What the CPU has that tables may have.
    let features: AArch64.Features
    /// Whether QEMU runs it too.
    let isForQEMU: Bool
    /// Whether it is entered at EL3, and has blocks there and in Secure state.
    let hasEL3: Bool
    public var full = false

    private typealias Layout = AArch64RandomLayout

    init(blocks: [AArch64RandomBlock], tableSeed: UInt64, features: AArch64.Features, isForQEMU: Bool, hasEL3: Bool) {
        self.hasEL3 = hasEL3
        self.blocks = blocks
        self.tableSeed = tableSeed
        self.features = features
        self.isForQEMU = isForQEMU
    }

    public func with(_ blocks: [AArch64RandomBlock]) -> AArch64RandomProgram {
        AArch64RandomProgram(
            blocks: blocks, tableSeed: tableSeed, features: features, isForQEMU: isForQEMU, hasEL3: hasEL3)
    }

    private var granule: AArch64RandomGranule { AArch64RandomGranule(of: tableSeed, features) }

    public var origin: String {
        "tables \(tableSeed)\(Self.hasGuards(tableSeed, features) ? ", guarded code" : "")"
            + "\(Self.hasDevices(tableSeed) ? ", device memory" : ""), pages of \(granule.bytes >> 10) KiB"
    }

    public static let lines = (0..<Layout.recordLength).map(name)

    private static func name(_ index: Int) -> String {
        switch index {
        case ..<31: return "x\(index)"
        case ..<34: return "sp_el\(index - 31)"
        case ..<98: return "v\((index - 34) / 2)" + (index % 2 == 0 ? "" : " upper half")
        case Layout.finalState: return "state at the end"
        case Layout.memoryHash: return "memory"
        case Layout.exceptionCount: return "exceptions"
        case Layout.lost: return "left its code"
        case Layout.stackPointer3: return "sp_el3"
        case ..<Layout.log: return Layout.recordedRegisters[index - Layout.systemRegisters].lowercased()
        case Layout.windowEntries...:
            let number = index - Layout.windowEntries
            return ["EL1&0", "EL2", "second stage"][number / 16] + " window \(number % 16)"
        default:
            let entry = (index - Layout.log) / Layout.logFields
            let field = (index - Layout.log) % Layout.logFields
            return "exception \(entry) " + ["syndrome", "pc", "far", "hpfar", "state", "level and vector"][field]
        }
    }

    public var elf: [UInt8] {
        var image = [UInt8](repeating: 0, count: Int(Layout.blocks - Layout.code))
        func put(_ bytes: [UInt8], at address: UInt64) {
            let offset = Int(address - Layout.code)
            image.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        }
        put(
            Self.bytes(AArch64RandomDriver.assemble(first: Layout.blocks, granule, hasEL3: hasEL3, full: full)),
            at: Layout.code)
        for (address, words) in tables() { put(RandomExecutable.bytes(words), at: address) }
        for (index, block) in blocks.enumerated() {
            let address = Layout.code + UInt64(image.count)
            let code = address + UInt64(Layout.Field.length * 8)
            var words = block.code
            if words.count % 4 != 0 { words += [UInt32](repeating: 0, count: 4 - words.count % 4) }
            let next = index + 1 < blocks.count ? code + UInt64(words.count * 4) : 0
            image += RandomExecutable.bytes(
                block.descriptor(code: code, end: code + UInt64(block.code.count - 1) * 4, next: next))
            image += Self.bytes(words)
        }
        return RandomExecutable.elf(image, at: Layout.code, machine: 183)
    }

    private static func bytes(_ words: [UInt32]) -> [UInt8] {
        words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
    }

    // MARK: Page tables

    /// The windows lead to memory, none to windows of the second stage: the only programs in which there may be no
    /// second stage. Others would have accesses to no memory there.
    static func isDirect(_ tableSeed: UInt64) -> Bool { tableSeed % 4 == 0 }

    /// Some windows lead to device memory (D8.6.1), by either stage.
    static func hasDevices(_ tableSeed: UInt64) -> Bool { tableSeed >> 24 % 2 == 0 }

    /// Code lies in guarded pages of EL2 (FEAT_BTI).
    static func hasGuards(_ tableSeed: UInt64, _ features: AArch64.Features) -> Bool {
        features.contains(.bti) && tableSeed >> 40 % 4 != 0
    }

    /// Code lies in guarded pages of EL1&0. Where QEMU runs the program too, there is no second stage then: see
    /// AArch64RandomExclusion.
    static func hasGuardsOfEL1(_ tableSeed: UInt64, _ features: AArch64.Features, isForQEMU: Bool) -> Bool {
        hasGuards(tableSeed, features) && (isDirect(tableSeed) || !isForQEMU)
    }

    /// Descriptors' fields (D8.3, "Translation table descriptor formats").
    private enum Bit {
        static let page: UInt64 = 3
        /// Normal memory in the second stage: MemAttr.
        static let memory2: UInt64 = 0xf << 2
        static let af: UInt64 = 1 << 10, inner: UInt64 = 3 << 8
        /// AP[1], AP[2]; S2AP.
        static let user: UInt64 = 1 << 6, readOnly: UInt64 = 1 << 7, access2: UInt64 = 3 << 6
        static let pxn: UInt64 = 1 << 53, uxn: UInt64 = 1 << 54, dbm: UInt64 = 1 << 51
        static let guarded: UInt64 = 1 << 50, outer: UInt64 = 2 << 8
    }

    /// All regimes map memory to itself for privileged levels and once more, higher, for EL0, and have 16 windows of a
    /// page with all kinds of rights. The first four are good for use: two of privileged levels', two of EL0's. The
    /// second stage maps memory to itself, and has 16 windows too.
    private func tables() -> [(UInt64, [UInt64])] {
        var random = SplitMix64(seed: tableSeed)
        let hasDevices = Self.hasDevices(tableSeed)
        func page(_ index: UInt64) -> UInt64 { Layout.scratch + index % Layout.scratchPages * granule.bytes }
        func first(_ index: UInt64, isGuest: Bool) -> UInt64 {
            let isSecond = isGuest && !Self.isDirect(tableSeed) && random.chance(60)
            let window = isSecond ? (index < 4 ? index : random.below(16)) * granule.bytes : 0
            let address = isSecond ? Layout.secondStageWindow + window : page(index)
            if index < 4 { return address | Bit.page | Bit.af | Bit.inner | (index < 2 ? 0 : Bit.user) }
            let shareability: UInt64 = random.pick([0, 2, 3])
            var entry = address | UInt64(random.below(4)) << 6
            entry |= random.chance(94) ? Bit.page : UInt64(random.below(3))
            if hasDevices, random.chance(50) {
                // Its shareability: see AArch64RandomExclusion on AT.
                entry |= random.pick([1, 3]) << 2 | Bit.outer
            } else {
                entry |= shareability << 8 | (random.chance(70) ? 0 : 2 << 2)
            }
            if random.chance(80) { entry |= Bit.af }
            if random.chance(50) { entry |= Bit.pxn }
            if random.chance(50) { entry |= Bit.uxn }
            if random.chance(30) { entry |= Bit.dbm }
            if random.chance(30) { entry |= 1 << 11 }
            // Outside every output size that blocks choose.
            if random.chance(4) { entry |= 1 << 47 }
            return entry
        }
        func second(_ index: UInt64) -> UInt64 {
            let good = page(index) | Bit.page | Bit.af | Bit.inner | Bit.access2 | Bit.memory2
            if index < 4 { return good }
            let shareability: UInt64 = random.pick([0, 2, 3])
            var entry = page(index) | UInt64(random.below(4)) << 6 | shareability << 8
            entry |= hasDevices && random.chance(40) ? UInt64(random.below(4)) << 2 : Bit.memory2
            entry |= random.chance(94) ? Bit.page : UInt64(random.below(3))
            if random.chance(80) { entry |= Bit.af }
            if random.chance(50) { entry |= Bit.uxn }
            if random.chance(30) { entry |= Bit.dbm }
            if random.chance(4) { entry |= 1 << 47 }
            return entry
        }
        let indices = Array(0..<Layout.windowCount)
        let windows =
            indices.map { first($0, isGuest: true) } + indices.map { first($0, isGuest: false) } + indices.map(second)
        var tables = AArch64RandomTables(granule)
        for regime in 0..<3 {
            let root = granule.roots[regime]
            let isFirst = regime < 2
            let memory = Bit.af | Bit.inner | (isFirst ? 0 : Bit.access2 | Bit.memory2)
            let isGuarded =
                regime == 0 && Self.hasGuardsOfEL1(tableSeed, features, isForQEMU: isForQEMU)
                || regime == 1 && Self.hasGuards(tableSeed, features)
            func guards() -> UInt64 { isGuarded && random.chance(70) ? Bit.guarded : 0 }
            tables.mapMemory(root: root, inPages: isGuarded) { memory | guards() }
            if isFirst {
                tables.mapMemory(root: root, higher: Layout.userAlias, inPages: isGuarded) {
                    memory | Bit.user | Bit.readOnly | Bit.pxn | guards()
                }
            }
            tables.map(
                isFirst ? Layout.windows : Layout.secondStageWindow, level: 2, root: root,
                granule.windowTables[regime] | Bit.page)
            tables.set(granule.upperRoots[regime], 0, root | Bit.page)
        }
        return tables.entries.map { ($0.key, $0.value) } + [(granule.pristine, windows)]
    }
}
