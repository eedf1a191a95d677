import ISA

/// Translates an address step by step as a hart would, without effect, and keeps each step: what `translate` prints.
///
/// The rules are those of volume II, "Virtual Address Translation Process" and "Two-Stage Address Translation". They are
/// written a second time here, as the hart's own walk stops at the first fault and says only which kind it is.
public struct RISCVTranslationWalk {
    /// One entry that was read.
    public struct Step: Equatable, Sendable {
        /// 1, or 2 for the second stage.
        public let stage: Int
        /// The first-stage entry, or the final address, that this second-stage step translates.
        public let of: UInt64?
        public let level: Int
        /// Physical.
        public let entryAddress: UInt64
        public let entry: UInt64

        /// `V R W - U - A D`, and what else is set.
        public var flags: String {
            let letters: [(UInt64, String)] = [
                (0, "V"), (1, "R"), (2, "W"), (3, "X"), (4, "U"), (5, "G"), (6, "A"), (7, "D"),
            ]
            var text = letters.map { entry & 1 << $0.0 != 0 ? $0.1 : "-" }.joined()
            if entry >> 63 == 1 { text += " N" }
            let types = ["", " PBMT=NC", " PBMT=IO", " PBMT=3"]
            text += types[Int(entry >> 61 & 3)]
            return text
        }
    }

    public private(set) var steps: [Step] = []
    /// Where the address leads, or why nowhere.
    public private(set) var result: Result<UInt64, Failure> = .failure(Failure(stage: 1, level: nil, reason: ""))
    /// The output of the first stage when there are two.
    public private(set) var guestPhysical: UInt64?

    public struct Failure: Error, Equatable, Sendable {
        public let stage: Int
        public let level: Int?
        public let reason: String

        public var text: String {
            "stage \(stage)" + (level.map { ", level \($0)" } ?? "") + ": " + reason
        }
    }

    private let hart: RISCV.Hart
    private let memory: PhysicalMemory
    private let access: RISCV.Access
    private let mode: RISCV.Mode
    /// Permissions and protection are looked at.
    private let isChecked: Bool

    private static let valid: UInt64 = 1 << 0
    private static let read: UInt64 = 1 << 1
    private static let write: UInt64 = 1 << 2
    private static let execute: UInt64 = 1 << 3
    private static let user: UInt64 = 1 << 4
    private static let accessed: UInt64 = 1 << 6
    private static let dirty: UInt64 = 1 << 7
    private static let adue: UInt64 = 1 << 61
    private static let pbmte: UInt64 = 1 << 62

    /// - Parameters:
    ///   - isChecked: false to go where the tables lead, whoever may go there.
    ///   - isGuestPhysical: the address is one of the second stage's.
    public init(
        _ address: UInt64, hart: RISCV.Hart, memory: PhysicalMemory, access: RISCV.Access, mode: RISCV.Mode,
        isChecked: Bool = true, isGuestPhysical: Bool = false
    ) {
        self.hart = hart
        self.memory = memory
        self.access = access
        self.mode = mode
        self.isChecked = isChecked
        do throws(Failure) {
            result = .success(isGuestPhysical ? try walkGuest(address, access) : try translate(address))
        } catch {
            result = .failure(error)
        }
    }

    private mutating func translate(_ address: UInt64) throws(Failure) -> UInt64 {
        let state = hart.state
        var physical = address
        if mode != .machine {
            physical = try walk(address, root: mode.isVirtual ? state.pointee.vsatp : state.pointee.satp)
            if mode.isVirtual {
                guestPhysical = physical
                physical = try walkGuest(physical, access)
            }
        }
        guard !isChecked || hart.protectionAllows(physical, 1, access, machine: mode == .machine) else {
            throw Failure(
                stage: mode.isVirtual ? 2 : 1, level: nil,
                reason: "physical memory protection denies \(hexadecimal(physical))")
        }
        return physical
    }

    private static func levels(_ root: UInt64) -> Int? {
        switch root >> 60 {
        case 8: 3
        case 9: 4
        case 10: 5
        default: nil
        }
    }

    private mutating func walk(_ address: UInt64, root: UInt64) throws(Failure) -> UInt64 {
        guard let levels = Self.levels(root) else { return address }
        let unused = UInt64(64 - (12 + 9 * levels))
        guard Int64(bitPattern: address << unused) >> Int64(unused) == Int64(bitPattern: address) else {
            throw Failure(
                stage: 1, level: nil,
                reason: "bits 63 to \(63 - unused) of \(hexadecimal(address)) are not all the same")
        }
        let configuration = mode.isVirtual ? hart.register(0x60a) ?? 0 : hart.state.pointee.menvcfg
        let status = mode.isVirtual ? hart.state.pointee.vsstatus : hart.state.pointee.mstatus
        let executableReadable = (status | hart.state.pointee.mstatus) & 1 << 19 != 0
        var table = (root & 0xfff_ffff_ffff) << 12
        for level in (0..<levels).reversed() {
            let index = address >> UInt64(12 + 9 * level) & 511
            var entryAddress = table + index * 8
            if mode.isVirtual { entryAddress = try walkGuest(entryAddress, .read, isImplicit: true) }
            let entry = try readEntry(entryAddress, stage: 1, level: level, of: nil)
            guard let leaf = try check(entry, stage: 1, level: level, memoryTypes: configuration & Self.pbmte != 0)
            else {
                table = (entry >> 10 & 0xfff_ffff_ffff) << 12
                continue
            }
            func refuse(_ reason: String) -> Failure { Failure(stage: 1, level: level, reason: reason) }
            guard isChecked else { return leaf.base | address & (leaf.size - 1) }
            let isUser = entry & Self.user != 0
            if mode.privilege == .user && !isUser { throw refuse("the page is not user mode's (U is 0)") }
            if mode.privilege == .supervisor && isUser {
                if access == .execute { throw refuse("supervisor mode never executes a user page (U is 1)") }
                if status & 1 << 18 == 0 {
                    throw refuse(
                        "the page is user mode's (U is 1), and \(mode.isVirtual ? "vsstatus" : "sstatus").SUM is 0")
                }
            }
            try checkPermission(entry, access, executableReadable, refuse)
            try checkUpdate(entry, access, configuration, refuse)
            return leaf.base | address & (leaf.size - 1)
        }
        throw Failure(stage: 1, level: 0, reason: "the last level holds no page")
    }

    private mutating func walkGuest(
        _ address: UInt64, _ access: RISCV.Access, isImplicit: Bool = false
    ) throws(Failure) -> UInt64 {
        let root = hart.state.pointee.hgatp
        guard let levels = Self.levels(root) else { return address }
        guard address >> UInt64(14 + 9 * levels) == 0 else {
            throw Failure(
                stage: 2, level: nil,
                reason: "the guest-physical address \(hexadecimal(address)) has more than "
                    + "\(14 + 9 * levels) bits")
        }
        var table = (root & 0xfff_ffff_ffff) << 12
        let executableReadable = hart.state.pointee.mstatus & 1 << 19 != 0 && !isImplicit
        let configuration = hart.state.pointee.menvcfg
        for level in (0..<levels).reversed() {
            let bits: UInt64 = level == levels - 1 ? 2047 : 511
            let entryAddress = table + (address >> UInt64(12 + 9 * level) & bits) * 8
            let entry = try readEntry(entryAddress, stage: 2, level: level, of: address)
            guard let leaf = try check(entry, stage: 2, level: level, memoryTypes: configuration & Self.pbmte != 0)
            else {
                table = (entry >> 10 & 0xfff_ffff_ffff) << 12
                continue
            }
            guard isChecked else { return leaf.base | address & (leaf.size - 1) }
            let subject = isImplicit ? "entry of stage 1 at \(hexadecimal(address)): " : ""
            func refuse(_ reason: String) -> Failure { Failure(stage: 2, level: level, reason: subject + reason) }
            if entry & Self.user == 0 { throw refuse("U is 0, and every access of a guest counts as user mode's") }
            try checkPermission(entry, access, executableReadable, refuse)
            try checkUpdate(entry, access, configuration, refuse)
            return leaf.base | address & (leaf.size - 1)
        }
        throw Failure(stage: 2, level: 0, reason: "the last level holds no page")
    }

    private mutating func readEntry(_ address: UInt64, stage: Int, level: Int, of: UInt64?) throws(Failure) -> UInt64 {
        guard !isChecked || hart.protectionAllows(address, 8, .read) else {
            throw Failure(
                stage: stage, level: level,
                reason: "physical memory protection denies reading the entry at \(hexadecimal(address))")
        }
        var entry: UInt64 = 0
        guard memory.read(address, into: &entry, count: 8) else {
            throw Failure(
                stage: stage, level: level, reason: "the entry's address \(hexadecimal(address)) is not memory")
        }
        steps.append(Step(stage: stage, of: of, level: level, entryAddress: address, entry: entry))
        return entry
    }

    /// Nil for a pointer to the next table.
    private func check(
        _ entry: UInt64, stage: Int, level: Int, memoryTypes: Bool
    ) throws(Failure) -> (base: UInt64, size: UInt64)? {
        func refuse(_ reason: String) -> Failure { Failure(stage: stage, level: level, reason: reason) }
        guard entry & Self.valid != 0 else { throw refuse("the entry is not valid (V is 0)") }
        guard entry & (Self.read | Self.write) != Self.write else { throw refuse("W without R is reserved") }
        guard entry >> 54 & 0x7f == 0 else { throw refuse("reserved bits 60 to 54 are set") }
        let type = entry >> 61 & 3
        guard type == 0 || memoryTypes else { throw refuse("PBMT is set, and menvcfg or henvcfg has PBMTE = 0") }
        guard type != 3 else { throw refuse("PBMT is 3, which is reserved") }
        let isNapot = entry >> 63 == 1
        guard !isNapot || hart.features.contains(.svnapot) else { throw refuse("N is set, and the hart lacks Svnapot") }
        if entry & (Self.read | Self.write | Self.execute) == 0 {
            guard level > 0 else { throw refuse("a pointer (R, W and X are 0) stands at the last level") }
            guard entry & (Self.accessed | Self.dirty | Self.user) == 0, type == 0, !isNapot else {
                throw refuse("a pointer (R, W and X are 0) has one of A, D, U, PBMT and N set, which is reserved")
            }
            return nil
        }
        var page = entry >> 10 & 0xfff_ffff_ffff
        var size: UInt64 = 4096 << UInt64(9 * level)
        guard page & (size / 4096 - 1) == 0 else {
            throw refuse("the page of \(ByteCount(size)) is not aligned to its size")
        }
        if isNapot {
            guard level == 0, page & 15 == 8 else { throw refuse("N is set, and the page is not one of 64K") }
            page &= ~15
            size = 65536
        }
        return (page << 12, size)
    }

    private func checkPermission(
        _ entry: UInt64, _ access: RISCV.Access, _ executableReadable: Bool, _ refuse: (String) -> Failure
    ) throws(Failure) {
        switch access {
        case .read:
            if entry & Self.read != 0 || (executableReadable && entry & Self.execute != 0) { return }
            throw refuse("the page is not readable (R is 0)")
        case .write: if entry & Self.write == 0 { throw refuse("the page is not writable (W is 0)") }
        case .execute: if entry & Self.execute == 0 { throw refuse("the page is not executable (X is 0)") }
        }
    }

    private func checkUpdate(
        _ entry: UInt64, _ access: RISCV.Access, _ configuration: UInt64, _ refuse: (String) -> Failure
    ) throws(Failure) {
        guard configuration & Self.adue == 0 else { return }
        if entry & Self.accessed == 0 { throw refuse("A is 0, and hardware does not set it (ADUE is 0)") }
        if access == .write && entry & Self.dirty == 0 {
            throw refuse("D is 0, and hardware does not set it (ADUE is 0)")
        }
    }

    // MARK: As text

    /// One line a step, and the result.
    public var lines: [String] {
        var lines: [String] = []
        func root(_ name: String, _ value: UInt64, _ kind: String) {
            let names: [UInt64: String] = [8: "Sv39", 9: "Sv48", 10: "Sv57"]
            guard let mode = names[value >> 60] else {
                return lines.append("\(name): Bare, addresses stay as they are")
            }
            let table = (value & 0xfff_ffff_ffff) << 12
            lines.append("\(name): \(mode)\(name == "hgatp" ? "x4" : ""), table at \(hexadecimal(table))\(kind)")
        }
        if mode == .machine {
            lines.append("machine mode does not translate")
        } else if mode.isVirtual {
            root("vsatp", hart.state.pointee.vsatp, " (guest-physical)")
            root("hgatp", hart.state.pointee.hgatp, "")
        } else {
            root("satp", hart.state.pointee.satp, "")
        }
        for step in steps {
            let of = step.of.map { " of \(hexadecimal($0))" } ?? ""
            let indentation = step.stage == 2 ? "    " : "  "
            let isLeaf = step.entry & 0xe != 0
            let next = (step.entry >> 10 & 0xfff_ffff_ffff) << 12
            lines.append(
                "\(indentation)stage \(step.stage) level \(step.level)\(of): \(hexadecimal(step.entryAddress)) = "
                    + "0x\(hexadecimalDigits(step.entry))  \(step.flags)  \(isLeaf ? "page" : "table") "
                    + hexadecimal(next))
        }
        if let guestPhysical { lines.append("guest-physical \(hexadecimal(guestPhysical))") }
        switch result {
        case .success(let physical): lines.append("physical \(hexadecimal(physical))")
        case .failure(let failure): lines.append("fails at \(failure.text)")
        }
        return lines
    }
}
