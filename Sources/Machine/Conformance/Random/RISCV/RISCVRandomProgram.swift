/// A program of random blocks for RISC-V.
public struct RISCVRandomProgram: RandomProgram {
    public let blocks: [RISCVRandomBlock]
    /// What the windows' page tables are made from.
    public let tableSeed: UInt64
    public var full = false

    public init(blocks: [RISCVRandomBlock], tableSeed: UInt64) {
        self.blocks = blocks
        self.tableSeed = tableSeed
    }

    public func with(_ blocks: [RISCVRandomBlock]) -> RISCVRandomProgram {
        RISCVRandomProgram(blocks: blocks, tableSeed: tableSeed)
    }

    public var origin: String { "tables \(tableSeed)" }

    public static let lines = (0..<RISCVRandomLayout.recordLength).map(name)

    private static func name(_ index: Int) -> String {
        switch index {
        case ..<32: return "x\(index)"
        case ..<64: return "f\(index - 32)"
        case Layout.fcsr: return "fcsr"
        case Layout.memoryHash: return "memory"
        case Layout.trapCount: return "traps"
        case Layout.lost: return "left its code"
        default:
            let entry = (index - Layout.log) / Layout.logFields
            let field = (index - Layout.log) % Layout.logFields
            return "trap \(entry) " + ["cause", "pc", "value", "guest address", "", "levels"][field]
        }
    }
    private typealias Layout = RISCVRandomLayout

    public var elf: [UInt8] {
        var image = [UInt8](repeating: 0, count: Int(Layout.blocks - Layout.code))
        func put(_ bytes: [UInt8], at address: UInt64) {
            let offset = Int(address - Layout.code)
            image.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        }
        func put(_ words: [UInt64], at address: UInt64) {
            put(RandomExecutable.bytes(words), at: address)
        }
        put(RISCVRandomDriver.assemble(first: Layout.blocks, full: full), at: Layout.code)
        for (address, words) in tables() { put(words, at: address) }
        for (index, block) in blocks.enumerated() {
            let address = Layout.code + UInt64(image.count)
            let code = address + UInt64(Layout.Field.length * 8)
            let bytes = block.code(at: code)
            let padding = (16 - bytes.count % 16) % 16
            let next = index + 1 < blocks.count ? code + UInt64(bytes.count + padding) : 0
            let descriptor = block.descriptor(code: code, end: code + UInt64(bytes.count) - 4, next: next)
            image += RandomExecutable.bytes(descriptor)
            image += bytes
            image += [UInt8](repeating: 0, count: padding)
        }
        return RandomExecutable.elf(image, at: Layout.code, machine: 243)
    }

    // MARK: Page tables

    /// The windows of the guest lead to memory, none to windows of the second stage: the only programs in which the
    /// second stage is Bare while the first is not. See RISCVRandomExclusion on stores that are partly outside memory.
    static func isDirect(_ tableSeed: UInt64) -> Bool { tableSeed % 4 == 0 }

    /// Stages of a guest's translation that have pages which may only be executed. See RISCVRandomExclusion on MXR. In the last
    /// kind, pages of both stages may be executed if and only if they may be read: see there on HLVX.
    enum ExecuteOnly: UInt64 { case none, first, both, executable }

    static func executeOnly(_ tableSeed: UInt64) -> ExecuteOnly { ExecuteOnly(rawValue: tableSeed >> 2 & 3) ?? .none }

    private enum Bit {
        static let v: UInt64 = 1, r: UInt64 = 2, w: UInt64 = 4, x: UInt64 = 8, u: UInt64 = 16, g: UInt64 = 32
        static let a: UInt64 = 64, d: UInt64 = 128
        static let leaf = v | r | w | x | a | d
    }

    private static func entry(_ address: UInt64, _ bits: UInt64) -> UInt64 { (address >> 12) << 10 | bits }

    /// Both first stages map memory to itself for S-mode and once more, higher, for U-mode, and have 16 windows of a page
    /// with all kinds of rights. The first four are good for use: two of S-mode's, two of U-mode's. The second stage
    /// maps memory to itself, and has 16 windows too.
    private func tables() -> [(UInt64, [UInt64])] {
        var random = SplitMix64(seed: tableSeed)
        func root(_ middle: UInt64, _ window: UInt64, user: UInt64) -> [UInt64] {
            var entries = [UInt64](repeating: 0, count: 8)
            entries[2] = Self.entry(Layout.code, Bit.leaf | user)
            entries[3] = Self.entry(Layout.code, Bit.leaf | Bit.u)
            entries[Int(window >> 30)] = Self.entry(middle, Bit.v)
            return entries
        }
        func page(_ index: UInt64) -> UInt64 { Layout.scratch + index % Layout.scratchPages * 0x1000 }
        func bits(_ index: UInt64, user: UInt64, executeOnly: Bool, executable: Bool = false) -> UInt64 {
            let good = Bit.v | Bit.r | Bit.w | Bit.a | Bit.d | (executable ? Bit.x : 0)
            if index < 4 { return good | user }
            var rights = [
                Bit.r, Bit.r | Bit.w, Bit.r | Bit.w, Bit.r | Bit.x, Bit.r | Bit.w | Bit.x, Bit.w, Bit.w | Bit.x,
            ]
            if executeOnly { rights.append(Bit.x) }
            var bits = random.pick(rights)
            if executable, bits & Bit.r != 0 { bits |= Bit.x }
            bits |= user
            if random.chance(95) { bits |= Bit.v }
            if random.chance(70) { bits |= Bit.a }
            if random.chance(60) { bits |= Bit.d }
            if random.chance(10) { bits |= Bit.g }
            return bits
        }
        var supervisor: [UInt64] = []
        var guest: [UInt64] = []
        var second: [UInt64] = []
        let isDirect = Self.isDirect(tableSeed)
        let executeOnly = Self.executeOnly(tableSeed)
        let executable = executeOnly == .executable
        for index in 0..<Layout.windowCount {
            let user = index < 4 ? (index < 2 ? 0 : Bit.u) : random.chance(50) ? Bit.u : 0
            supervisor.append(Self.entry(page(index), bits(index, user: user, executeOnly: true)))
            let physical =
                isDirect || random.chance(40)
                ? page(index) : Layout.secondStageWindow + (index < 4 ? index : random.below(16)) * 0x1000
            guest.append(
                Self.entry(
                    physical,
                    bits(index, user: user, executeOnly: [.first, .both].contains(executeOnly), executable: executable))
            )
            let secondUser = index < 4 || random.chance(90) ? Bit.u : 0
            second.append(
                Self.entry(
                    page(index),
                    bits(index, user: secondUser, executeOnly: executeOnly == .both, executable: executable)))
        }
        let middles = [Layout.supervisorMiddle, Layout.guestMiddle, Layout.secondStageMiddle]
        let windows = [Layout.supervisorWindows, Layout.guestWindows, Layout.secondStageWindows]
        return [
            (Layout.supervisorRoot, root(Layout.supervisorMiddle, Layout.windows, user: 0)),
            (Layout.guestRoot, root(Layout.guestMiddle, Layout.windows, user: 0)),
            (Layout.secondStageRoot, root(Layout.secondStageMiddle, Layout.secondStageWindow, user: Bit.u)),
            (Layout.pristine, supervisor + guest + second),
        ] + zip(middles, windows).map { ($0, [Self.entry($1, Bit.v)]) }
            + [Layout.supervisorRoots, Layout.guestRoots, Layout.secondStageRoots].flatMap { roots in
                zip(roots, roots.dropFirst()).map { ($1, [Self.entry($0, Bit.v)]) }
            }
    }
}
