/// Address translation: both stages, and physical memory protection (volume II, "Supervisor-Level ISA" and
/// "Hypervisor Extension", sections on virtual-memory systems; "Physical Memory Protection").
///
/// A virtual address goes through the first stage (satp, or vsatp when V=1) and, when V=1, the guest-physical address
/// that comes out goes through the second (hgatp). While the first stage of a guest is walked, each page-table entry's
/// own address is guest-physical too and goes through the second stage: a fault there is reported with the original
/// access's type, the entry's guest-physical address, and a pseudo-instruction that says it was implicit.
extension RISCV {
    public enum Access: UInt8, Sendable {
        case read, write, execute
    }

    /// As whom memory is accessed.
    struct AccessMode {
        var privilege: Privilege
        var virtual: Bool
        /// SUM of the stage-one status register in force.
        var sum: Bool
        /// MXR for the first stage, and mstatus.MXR alone, which also covers the second.
        var makeExecutableReadable: Bool
        var makeExecutableReadableBoth: Bool
        /// HLVX: execute permission in place of read permission.
        var readsExecutable = false
    }

    /// Where an address leads.
    struct Translation {
        var physical: UInt64
        /// Bytes of the first stage's leaf: a fence of any address in it is a fence of it all. The second stage's leaf does
        /// not matter, since no fence of a guest-physical address is obeyed more finely than as one of all.
        var leafSize: UInt64
        /// Bytes of the smaller stage's leaf, which all lead to one piece of memory and may be accessed alike.
        var size: UInt64

        init(physical: UInt64, leafSize: UInt64, size: UInt64? = nil) {
            self.physical = physical
            self.leafSize = leafSize
            self.size = size ?? leafSize
        }

        /// Where nothing is translated there is no leaf that a fence could name.
        static func untranslated(_ address: UInt64) -> Translation {
            Translation(physical: address, leafSize: PhysicalMemory.pageSize)
        }
    }

    /// Bits of a page-table entry.
    enum PageTableEntry {
        static let valid: UInt64 = 1 << 0
        static let read: UInt64 = 1 << 1
        static let write: UInt64 = 1 << 2
        static let execute: UInt64 = 1 << 3
        static let user: UInt64 = 1 << 4
        static let global: UInt64 = 1 << 5
        static let accessed: UInt64 = 1 << 6
        static let dirty: UInt64 = 1 << 7
        /// Set in a leaf that translations come from.
        static let inUse = valid | accessed
        static let reserved: UInt64 = 0x7f << 54
        static let memoryType: UInt64 = 3 << 61
        static let napot: UInt64 = 1 << 63

        @inline(__always) static func page(_ entry: UInt64) -> UInt64 { (entry &>> 10) & 0xfff_ffff_ffff }
    }

    /// Pseudo-instructions for implicit accesses (table "Special pseudoinstruction values for guest-page faults").
    enum PseudoInstruction {
        static let read64: UInt64 = 0x3000
        static let write64: UInt64 = 0x3020
    }

    /// Flags above a fault record's pseudo-instruction.
    enum FaultDetail {
        /// The reported address is a guest virtual address (GVA).
        static let guestVirtual: UInt64 = 1 << 32
        /// The second stage faulted on an implicit access.
        static let implicit: UInt64 = 1 << 33
    }
}

extension RISCV.Hart {
    /// The mode of ordinary loads and stores: the hart's own, or what MPRV puts in its place.
    var dataMode: RISCV.AccessMode {
        @inline(__always) get { currentDataMode() }
    }

    @inline(__always)
    private func currentDataMode() -> RISCV.AccessMode {
        let status = state.pointee.mstatus
        if state.pointee.privilege == .machine && status & RISCV.State.Status.mprv != 0 {
            let privilege = RISCV.Privilege(rawValue: UInt8(status >> 11 & 3))!
            return mode(privilege, virtual: privilege != .machine && status & RISCV.State.Status.mpv != 0)
        }
        return mode(state.pointee.privilege, virtual: state.pointee.virtual)
    }

    var fetchMode: RISCV.AccessMode { mode(state.pointee.privilege, virtual: state.pointee.virtual) }

    @inline(__always)
    func mode(_ privilege: RISCV.Privilege, virtual: Bool) -> RISCV.AccessMode {
        let status = state.pointee.mstatus
        let first = virtual ? state.pointee.vsstatus : status
        let both = status & RISCV.State.Status.mxr != 0
        return RISCV.AccessMode(
            privilege: privilege, virtual: virtual, sum: first & RISCV.State.Status.sum != 0,
            makeExecutableReadable: both || first & RISCV.State.Status.mxr != 0, makeExecutableReadableBoth: both)
    }

    /// Translates `address`, or fills the fault record and throws.
    func translate(
        _ address: UInt64, _ access: RISCV.Access, _ mode: RISCV.AccessMode
    ) throws(Fault) -> RISCV.Translation {
        if mode.privilege == .machine { return .untranslated(address) }
        guard mode.virtual else { return try walk(address, access, mode, root: state.pointee.satp) }
        // The context in force is that of the guest's own loads and stores.
        let isOwn = state.pointee.virtual && access != .execute
        if isOwn, let known = core.pointee.context.pointee.devicePhysical(address, isWrite: access == .write) {
            let second = try translateGuest(
                known, access, mode, original: address, originalAccess: access, pseudo: 0)
            // The leaf's size is noted already.
            return RISCV.Translation(physical: second.physical, leafSize: PhysicalMemory.pageSize)
        }
        let first = try walk(address, access, mode, root: state.pointee.vsatp)
        do throws(Fault) {
            let second = try translateGuest(
                first.physical, access, mode, original: address, originalAccess: access, pseudo: 0)
            return RISCV.Translation(
                physical: second.physical, leafSize: first.leafSize, size: min(first.size, second.size))
        } catch {
            if isOwn {
                core.pointee.context.pointee.enterDevicePage(
                    address, first.physical, isWrite: access == .write, superpage: first.leafSize)
            }
            throw error
        }
    }

    /// The first stage.
    private func walk(
        _ address: UInt64, _ access: RISCV.Access, _ mode: RISCV.AccessMode, root: UInt64
    ) throws(Fault) -> RISCV.Translation {
        guard let levels = RISCV.levels(ofMode: root >> 60) else {
            return .untranslated(address)
        }
        let unused = 64 - (12 + 9 * levels)
        guard Int64(bitPattern: address << UInt64(unused)) >> Int64(unused) == Int64(bitPattern: address) else {
            throw pageFault(access, mode, address)
        }
        var table = (root & 0xfff_ffff_ffff) << 12
        let configuration = mode.virtual ? henvcfg : state.pointee.menvcfg
        var level = levels
        while level > 0 {
            level -= 1
            let entryAddress = table + (address >> UInt64(12 + 9 * level) & 511) * 8
            let entry = try readEntry(entryAddress, access, mode, address, level)
            guard
                let leaf = try checkEntry(
                    entry, level: level, access: access,
                    memoryTypes: configuration & RISCV.State.EnvironmentConfiguration.pbmte != 0,
                    fault: { pageFault(access, mode, address) })
            else {
                table = RISCV.PageTableEntry.page(entry) << 12
                continue
            }
            let isUser = entry & RISCV.PageTableEntry.user != 0
            let privilegeAllows =
                mode.privilege == .user ? isUser : !isUser || (mode.sum && access != .execute)
            let readable =
                mode.readsExecutable
                ? entry & RISCV.PageTableEntry.execute != 0
                : RISCV.allows(entry, access, executableReadable: mode.makeExecutableReadable)
            guard privilegeAllows && readable else { throw pageFault(access, mode, address) }
            if let updated = RISCV.updated(entry, access) {
                guard configuration & RISCV.State.EnvironmentConfiguration.adue != 0 else {
                    throw pageFault(access, mode, address)
                }
                try writeEntry(entryAddress, updated, access, mode, address, level)
            }
            return RISCV.Translation(
                physical: leaf.base | (address & (leaf.size - 1)), leafSize: leaf.size)
        }
        throw pageFault(access, mode, address)
    }

    /// The second stage, of a guest-physical address.
    /// - Parameters:
    ///   - access: what is done to that address; reading or writing an entry of the first stage's tables is implicit.
    ///   - originalAccess: what the fault is reported as.
    ///   - pseudo: the pseudo-instruction of an implicit access, or 0.
    private func translateGuest(
        _ address: UInt64, _ access: RISCV.Access, _ mode: RISCV.AccessMode, original: UInt64,
        originalAccess: RISCV.Access, pseudo: UInt64
    ) throws(Fault) -> RISCV.Translation {
        if !mode.readsExecutable, let physical = plainGuest(address, access) {
            return RISCV.Translation(physical: physical, leafSize: PhysicalMemory.pageSize)
        }
        let root = state.pointee.hgatp
        guard let levels = RISCV.levels(ofMode: root >> 60) else {
            return .untranslated(address)
        }
        func fault() -> Fault { guestPageFault(originalAccess, original, address, pseudo) }
        // The root table is four pages long: two more bits of address than the first stage has.
        guard address >> UInt64(14 + 9 * levels) == 0 else { throw fault() }
        var table = (root & 0xfff_ffff_ffff) << 12
        var level = levels
        while level > 0 {
            level -= 1
            let bits: UInt64 = level == levels - 1 ? 2047 : 511
            let entryAddress = table + (address >> UInt64(12 + 9 * level) & bits) * 8
            let entry = try readPhysicalEntry(entryAddress, originalAccess, mode, original, .various)
            guard
                let leaf = try checkEntry(
                    entry, level: level, access: access,
                    memoryTypes: state.pointee.menvcfg & RISCV.State.EnvironmentConfiguration.pbmte != 0,
                    fault: fault)
            else {
                table = RISCV.PageTableEntry.page(entry) << 12
                continue
            }
            // All accesses of a guest count as user accesses here.
            let isImplicit = pseudo != 0
            let readable =
                mode.readsExecutable && !isImplicit
                ? entry & RISCV.PageTableEntry.execute != 0
                : RISCV.allows(
                    entry, access, executableReadable: mode.makeExecutableReadableBoth && !isImplicit)
            guard entry & RISCV.PageTableEntry.user != 0 && readable else { throw fault() }
            if let updated = RISCV.updated(entry, access) {
                guard state.pointee.menvcfg & RISCV.State.EnvironmentConfiguration.adue != 0 else { throw fault() }
                try writePhysicalEntry(entryAddress, updated, originalAccess, mode, original, .various)
            }
            return RISCV.Translation(
                physical: leaf.base | (address & (leaf.size - 1)), leafSize: leaf.size)
        }
        throw fault()
    }

    /// The second stage where nothing about it is out of the ordinary: Sv39x4, tables in RAM, a leaf of a plain page that
    /// permits the access and has been accessed so before. Nil where anything else has to be looked at.
    private func plainGuest(_ address: UInt64, _ access: RISCV.Access) -> UInt64? {
        typealias Entry = RISCV.PageTableEntry
        let root = state.pointee.hgatp
        guard root >> 60 == 8, address >> 41 == 0, access != .execute else { return nil }
        var wanted = Entry.valid | Entry.user | Entry.accessed | Entry.read
        if access == .write { wanted |= Entry.write | Entry.dirty }
        let numbers: UInt64 = 0xfff_ffff_ffff << 10
        let memory = tableMemory
        var table = (root & 0xfff_ffff_ffff) << 12
        var shift: UInt64 = 30
        var indices: UInt64 = 2047
        while true {
            let offset = table &+ (address >> shift & indices) * 8 &- memory.base
            guard offset < memory.limit else { return nil }
            // SAFETY: an entry's eight bytes begin below the limit, so that they lie in the RAM.
            let entry = memory.host.load(fromByteOffset: Int(offset), as: UInt64.self)
            if entry & ~numbers == Entry.valid {
                guard shift > 12 else { return nil }
                table = Entry.page(entry) << 12
                shift -= 9
                indices = 511
                continue
            }
            let page = Entry.page(entry) << 12
            let inPage = (1 << shift) - 1 as UInt64
            guard entry & wanted == wanted, entry >> 54 == 0, page & inPage == 0 else { return nil }
            if let ram { noteUse(entry, memory.base &+ offset, ram, .various) }
            return page | address & inPage
        }
    }

    /// What every leaf and pointer must fulfil, whoever asks: nil for a pointer to the next table.
    private func checkEntry(
        _ entry: UInt64, level: Int, access: RISCV.Access, memoryTypes: Bool, fault: () -> Fault
    ) throws(Fault) -> (base: UInt64, size: UInt64)? {
        typealias Entry = RISCV.PageTableEntry
        guard entry & Entry.valid != 0, entry & (Entry.read | Entry.write) != Entry.write,
            entry & Entry.reserved == 0
        else { throw fault() }
        let type = entry & Entry.memoryType
        guard type == 0 || (memoryTypes && type != Entry.memoryType) else { throw fault() }
        let isNapot = entry & Entry.napot != 0
        guard !isNapot || features.contains(.svnapot) else { throw fault() }
        if entry & (Entry.read | Entry.write | Entry.execute) == 0 {
            let leafOnly = Entry.accessed | Entry.dirty | Entry.user | Entry.memoryType | Entry.napot
            guard entry & leafOnly == 0, level > 0 else { throw fault() }
            return nil
        }
        var page = Entry.page(entry)
        var size: UInt64 = 4096 << UInt64(9 * level)
        guard page & (size / 4096 - 1) == 0 else { throw fault() }
        if isNapot {
            // The one size defined is 64 KiB: the low bits of the page number are 1000.
            guard level == 0, page & 15 == 8 else { throw fault() }
            page &= ~15
            size = 65536
        }
        return (page << 12, size)
    }

    // MARK: Entries in memory

    /// An entry of a first-stage table, whose address is guest-physical when V=1.
    private func readEntry(
        _ address: UInt64, _ access: RISCV.Access, _ mode: RISCV.AccessMode, _ original: UInt64, _ level: Int
    ) throws(Fault) -> UInt64 {
        var physical = address
        if mode.virtual {
            physical =
                try translateGuest(
                    address, .read, mode, original: original, originalAccess: access,
                    pseudo: RISCV.PseudoInstruction.read64
                ).physical
        }
        return try readPhysicalEntry(
            physical, access, mode, original, Self.mapped(byEntryAt: physical, of: original, level))
    }

    private func writeEntry(
        _ address: UInt64, _ value: UInt64, _ access: RISCV.Access, _ mode: RISCV.AccessMode, _ original: UInt64,
        _ level: Int
    ) throws(Fault) {
        var physical = address
        if mode.virtual {
            physical =
                try translateGuest(
                    address, .write, mode, original: original, originalAccess: access,
                    pseudo: RISCV.PseudoInstruction.write64
                ).physical
        }
        try writePhysicalEntry(
            physical, value, access, mode, original, Self.mapped(byEntryAt: physical, of: original, level))
    }

    @inline(__always)
    private static func mapped(
        byEntryAt physical: UInt64, of address: UInt64, _ level: Int
    ) -> PhysicalMemory.MappedAddresses {
        .init(ofDescriptorAt: physical, by: address, shift: UInt64(12 + 9 * level))
    }

    private func readPhysicalEntry(
        _ address: UInt64, _ access: RISCV.Access, _ mode: RISCV.AccessMode, _ original: UInt64,
        _ mapped: PhysicalMemory.MappedAddresses
    ) throws(Fault) -> UInt64 {
        guard protection.allows(address, 8, .read, machine: false) else { throw accessFault(access, mode, original) }
        if let ram, address &- ram.base < ram.size &- 7 { return readEntry(address, ram, mapped) }
        guard let region = memory.region(containing: address, count: 8) else {
            throw accessFault(access, mode, original)
        }
        return readEntry(address, region, mapped)
    }

    @inline(__always)
    private func readEntry(
        _ address: UInt64, _ region: PhysicalMemory.Region, _ mapped: PhysicalMemory.MappedAddresses
    ) -> UInt64 {
        let entry = (region.host + Int(address &- region.base)).loadUnaligned(as: UInt64.self)
        noteUse(entry, address, region, mapped)
        return entry
    }

    /// Global ones are a kernel's own.
    @inline(__always)
    private func noteUse(
        _ entry: UInt64, _ address: UInt64, _ region: PhysicalMemory.Region, _ mapped: PhysicalMemory.MappedAddresses
    ) {
        typealias Entry = RISCV.PageTableEntry
        guard entry & (Entry.inUse | Entry.global) == Entry.inUse else { return }
        memory.noteUse(ofDescriptor: address, in: region, mapping: mapped)
    }

    private func writePhysicalEntry(
        _ address: UInt64, _ value: UInt64, _ access: RISCV.Access, _ mode: RISCV.AccessMode, _ original: UInt64,
        _ mapped: PhysicalMemory.MappedAddresses
    ) throws(Fault) {
        guard protection.allows(address, 8, .write, machine: false),
            let region = memory.region(containing: address, count: 8), memory.updateDescriptor(address, value)
        else { throw accessFault(access, mode, original) }
        noteUse(value, address, region, mapped)
    }

    // MARK: Faults

    func pageFault(_ access: RISCV.Access, _ mode: RISCV.AccessMode, _ address: UInt64) -> Fault {
        let causes = [RISCV.Cause.loadPage, RISCV.Cause.storePage, RISCV.Cause.instructionPage]
        return fault(causes[Int(access.rawValue)], mode, address)
    }

    func accessFault(_ access: RISCV.Access, _ mode: RISCV.AccessMode, _ address: UInt64) -> Fault {
        let causes = [RISCV.Cause.loadAccess, RISCV.Cause.storeAccess, RISCV.Cause.instructionAccess]
        return fault(causes[Int(access.rawValue)], mode, address)
    }

    func fault(_ cause: UInt64, _ mode: RISCV.AccessMode, _ address: UInt64) -> Fault {
        state.pointee.core.fault = FaultRecord(
            cause: cause, value: address, detail: mode.virtual ? RISCV.FaultDetail.guestVirtual : 0)
        return Fault()
    }

    private func guestPageFault(
        _ access: RISCV.Access, _ address: UInt64, _ guestPhysical: UInt64, _ pseudo: UInt64
    ) -> Fault {
        let causes = [RISCV.Cause.loadGuestPage, RISCV.Cause.storeGuestPage, RISCV.Cause.instructionGuestPage]
        state.pointee.core.fault = FaultRecord(
            cause: causes[Int(access.rawValue)], value: address, guestPhysical: guestPhysical,
            detail: pseudo | RISCV.FaultDetail.guestVirtual | (pseudo == 0 ? 0 : RISCV.FaultDetail.implicit))
        return Fault()
    }
}

extension RISCV {
    /// Levels of the translation mode in satp, vsatp or hgatp; nil for Bare. Other values cannot be written there.
    static func levels(ofMode mode: UInt64) -> Int? {
        switch mode {
        case 8: return 3
        case 9: return 4
        case 10: return 5
        default: return nil
        }
    }

    @inline(__always)
    static func allows(_ entry: UInt64, _ access: Access, executableReadable: Bool) -> Bool {
        switch access {
        case .read:
            return entry & PageTableEntry.read != 0
                || (executableReadable && entry & PageTableEntry.execute != 0)
        case .write: return entry & PageTableEntry.write != 0
        case .execute: return entry & PageTableEntry.execute != 0
        }
    }

    /// The entry with its A and D bits as the access leaves them; nil where they are so already.
    @inline(__always)
    static func updated(_ entry: UInt64, _ access: Access) -> UInt64? {
        let wanted = PageTableEntry.accessed | (access == .write ? PageTableEntry.dirty : 0)
        return entry & wanted == wanted ? nil : entry | wanted
    }
}
