import ISA

/// Loads, stores and fetches that the TLB does not serve: misses, devices, page crossings, faults.
///
/// A page is entered where nothing but memory is to be seen there: no page of device memory, and none at all while
/// SCTLR_ELx.A has every access checked for alignment. With the MMU off, all data is of device memory (D8.2.12), which would
/// have an unaligned access fault; memory does not look so closely then, as on QEMU.
extension AArch64 {
    /// Physical memory, as walks see it.
    struct WalkMemory: TranslationTables {
        /// The PE holds it.
        private let memory: Uncounted<PhysicalMemory>
        private let ram: PhysicalMemory.Region?

        init(_ memory: PhysicalMemory, ram: PhysicalMemory.Region?) {
            self.memory = Uncounted(memory)
            self.ram = ram
        }

        func readDescriptor(_ physical: UInt64) -> UInt64? {
            if let ram {
                let offset = physical &- ram.base
                if offset < ram.size && ram.size &- offset >= 8 {
                    return (ram.host + Int(offset)).loadUnaligned(as: UInt64.self)
                }
            }
            return memory.with { $0.host(common(physical, $0), count: 8)?.loadUnaligned(as: UInt64.self) }
        }

        func noteUse(ofDescriptor physical: UInt64, mapping mapped: PhysicalMemory.MappedAddresses) {
            memory.with { memory in
                if let ram, physical &- ram.base < ram.size {
                    return memory.noteUse(ofDescriptor: physical, in: ram, mapping: mapped)
                }
                let physical = common(physical, memory)
                if let region = memory.region(containing: physical) {
                    memory.noteUse(ofDescriptor: physical, in: region, mapping: mapped)
                }
            }
        }

        /// The address that memory has: in Secure state, where it has none for that state alone, what both see.
        private func common(_ physical: UInt64, _ memory: PhysicalMemory) -> UInt64 {
            guard physical & AArch64.securePhysical != 0, memory.region(containing: physical) == nil else {
                return physical
            }
            return physical & ~AArch64.securePhysical
        }

        func compareAndSwap(_ physical: UInt64, old: UInt64, new: UInt64) -> Bool? {
            memory.with { memory in
                let physical = common(physical, memory)
                guard let host = memory.host(physical, count: 8) else { return nil }
                guard host.loadUnaligned(as: UInt64.self) == old else { return false }
                return memory.updateDescriptor(physical, new) ? true : nil
            }
        }
    }
}

extension AArch64.ProcessingElement {
    private typealias PSTATE = AArch64.PSTATE
    private typealias Class = AArch64.ExceptionClass
    private typealias Detail = AArch64.FaultDetail
    private typealias Hypervisor = AArch64.HypervisorConfiguration

    // MARK: Translation

    /// Translates an access of the current level, or fills the fault record and throws.
    func translate(
        _ address: UInt64, _ access: AArch64.TranslationRequest.Access, _ attributes: MemoryAttributes = [],
        isAligned: Bool = true
    ) throws(Fault) -> AArch64.Translation {
        let isUnprivileged = attributes.contains(.unprivileged) && isUnprivilegedDifferent
        let isWrite = access == .write
        if isWrite || access == .read, isAligned, !isUnprivileged, recordsKnownFault(address, isWrite: isWrite) {
            throw Fault()
        }
        let level = isUnprivileged ? 0 : level
        let regime = regime(regimeKind(level: level))
        let request = AArch64.TranslationRequest(
            address, access, isPrivileged: level != 0,
            obeysPAN: access != .execute && state.pointee.pstate & PSTATE.pan != 0,
            isAligned: isAligned || !regime.pointee.isEnabled)
        let tables = AArch64.WalkMemory(memory, ram: ram)
        var first: AArch64.Translation?
        do throws(AArch64.TranslationFault) {
            let translation = try regime.pointee.translateStageOne(request, stageTwo, in: tables)
            first = translation
            return placed(try regime.pointee.translateStageTwo(translation, request, stageTwo, in: tables))
        } catch {
            if let first, isWrite || access == .read, !isUnprivileged, Self.isCanonical(address) {
                core.pointee.context.pointee.enterDevicePage(
                    address, first.physical, isWrite: isWrite, superpage: first.stageOneSize,
                    isIntermediate: true, end: stageTwo.end(ofWalk: first.physical & ~4095, in: tables))
            }
            throw abort(address, error, isFetch: access == .execute, attributes)
        }
    }

    /// Records the fault of an access to a page of a device that a hypervisor emulates, for which the first stage need not be
    /// walked again. No TLB remembers that there is no translation, so that the second stage is. But the tables on the way to
    /// the descriptor that is not valid may be remembered, as in any TLB, until maintenance drops them (D8, "Translation
    /// Lookaside Buffers").
    /// - Returns: false where the page is not known, or is no longer one of those.
    func recordsKnownFault(_ address: UInt64, isWrite: Bool) -> Bool {
        guard knowsGuest, let page = core.pointee.context.pointee.intermediate(address, isWrite: isWrite)
        else {
            return false
        }
        return recordsKnownFault(address, page, isWrite: isWrite)
    }

    @inline(__always)
    private func recordsKnownFault(
        _ address: UInt64, _ page: TranslationContext.Intermediate, isWrite: Bool
    ) -> Bool {
        if let descriptor = descriptorInRAM(page.descriptor), descriptor & AArch64.Descriptor.valid == 0 {
            let fault = stageTwo.fault(atEnd: page.level, of: page.address, isWrite: isWrite)
            _ = recordAbort(address, fault, isFetch: false)
            return true
        }
        return recordsFaultOfStageTwo(address, at: page.address, isWrite: isWrite)
    }

    /// What is at `physical`, which may be anything.
    @inline(__always)
    private func descriptorInRAM(_ physical: UInt64) -> UInt64? {
        guard let ram else { return nil }
        let offset = physical &- ram.base
        return offset < ram.size &- 7 ? (ram.host + Int(offset)).loadUnaligned(as: UInt64.self) : nil
    }

    /// Walks the second stage, and records the fault that this comes to, if it does.
    private func recordsFaultOfStageTwo(_ address: UInt64, at ipa: UInt64, isWrite: Bool) -> Bool {
        let demand: AArch64.Demand = level == 0 ? [] : .privileged
        do throws(AArch64.TranslationFault) {
            _ = try stageTwo.translate(
                ipa, demand.union(isWrite ? .write : .read), isWrite: isWrite,
                in: AArch64.WalkMemory(memory, ram: ram))
            return false
        } catch {
            _ = abort(address, error, isFetch: false)
            return true
        }
    }

    /// Records the abort that a translation fault is.
    func abort(
        _ address: UInt64, _ fault: AArch64.TranslationFault, isFetch: Bool, _ attributes: MemoryAttributes = []
    ) -> Fault {
        recordAbort(address, fault, isFetch: isFetch, attributes)
    }

    /// The same where it is to be fast.
    @inline(__always)
    private func recordAbort(
        _ address: UInt64, _ fault: AArch64.TranslationFault, isFetch: Bool, _ attributes: MemoryAttributes = []
    ) -> Fault {
        var syndrome = UInt64(fault.status)
        if fault.isStageOneWalk { syndrome |= 1 << 7 }
        var detail = Detail.hasAddress
        if fault.isStageTwo { detail |= Detail.hasGuestPhysical }
        if !isFetch {
            let isMaintenance = attributes.contains(.cacheManagement)
            if fault.isWrite || isMaintenance { syndrome |= 1 << 6 }
            if isMaintenance { syndrome |= 1 << 8 }
            if fault.isStageTwo && !fault.isStageOneWalk { detail |= Detail.describesAccess }
        }
        let isExternal = fault.isExternalAbortOnWalk
        let recorded = self.fault(
            isFetch ? Class.instructionAbortLower : Class.dataAbortLower, syndrome,
            level: fault.isStageTwo ? 2 : isExternal ? externalAbortLevel : 0, detail)
        core.pointee.fault.value = address
        core.pointee.fault.guestPhysical = fault.ipa
        return recorded
    }

    /// Nothing answers at the address: a synchronous external abort.
    private func externalAbort(_ address: UInt64, isFetch: Bool = false, isWrite: Bool = false) -> Fault {
        let recorded = fault(
            isFetch ? Class.instructionAbortLower : Class.dataAbortLower, 0x10 | (isWrite ? 1 << 6 : 0),
            level: externalAbortLevel, Detail.hasAddress)
        core.pointee.fault.value = address
        return recorded
    }

    /// EL3 and EL2 may want to know of external aborts (SCR_EL3.EA, HCR_EL2.TEA).
    private var externalAbortLevel: Int {
        if routesExternalAbortsToMonitor { return 3 }
        return level < 2 && hypervisorConfiguration & Hypervisor.tea != 0 ? 2 : 0
    }

    func alignmentFault(_ address: UInt64, isWrite: Bool) -> Fault {
        let recorded = fault(Class.dataAbortLower, 0x21 | (isWrite ? 1 << 6 : 0), level: 0, Detail.hasAddress)
        core.pointee.fault.value = address
        return recorded
    }

    /// SCTLR_ELx.A of the level: every access has to be aligned.
    var checksAlignment: Bool {
        let level = level
        let register = level == 0 ? (isHost ? 2 : 1) : level
        return state.pointee.sctlr[register] & AArch64.SystemControl.alignment != 0
    }

    /// What was probed in parts has been looked at.
    private func checksAlignment(_ attributes: MemoryAttributes) -> Bool {
        attributes.partBytes == nil && checksAlignment
    }

    /// What atomic and ordered accesses may be though they are not aligned (FEAT_LSE2; AArch64.UnalignedAccessFaults): within
    /// 16 bytes, or with SCTLR_ELx.nAA anywhere but atomic.
    private func allowsUnaligned(_ address: UInt64, _ size: UInt64, _ attributes: MemoryAttributes) -> Bool {
        guard features.contains(.lse2), regime(regimeKind(level: level)).pointee.isEnabled else { return false }
        if address & 15 + size <= 16 { return true }
        let level = level
        let control = state.pointee.sctlr[level == 0 ? (isHost ? 2 : 1) : level]
        return !attributes.contains(.atomic) && control & AArch64.SystemControl.nonAligned != 0
    }

    /// Whether an access that is not aligned faults by that.
    private func refusesUnaligned(_ address: UInt64, _ size: UInt64, _ attributes: MemoryAttributes) -> Bool {
        checksAlignment(attributes) || attributes.contains(.aligned) && !allowsUnaligned(address, size, attributes)
    }

    // MARK: Loads and stores

    func load(
        _ address: UInt64, _ width: Width, _ attributes: MemoryAttributes
    ) throws(Fault) -> UInt64 {
        let size = width.bytes
        let isAligned = address & (size - 1) == 0
        if !isAligned {
            if refusesUnaligned(address, size, attributes) { throw alignmentFault(address, isWrite: false) }
            if address & 4095 > 4096 - size { return try loadAcrossPages(address, size, attributes) }
        }
        if isAligned, let physical = knownDevice(address, attributes, isWrite: false) {
            return try readDevice(address, physical, size)
        }
        let translation = try translate(address, .read, attributes, isAligned: isAligned)
        if examinesData { try checkWatchpoints(address, size, .read, attributes) }
        if let host = host(translation.physical, count: size) {
            enter(address, translation, .read, attributes)
            if debugStops.watchesData { reportRead(address, translation.physical, size) }
            return host.read(width)
        }
        if !isAligned { throw alignmentFault(address, isWrite: false) }
        enterDevice(address, translation, attributes)
        return try readDevice(address, translation.physical, size)
    }

    /// What translated code calls for: most such accesses are to devices, and most of a guest's to those that its hypervisor
    /// emulates.
    /// - Returns: nil where a fault of the latter was recorded. To throw it would tell the runtime's hooks of each.
    @inline(__always)
    func make(
        _ access: (isStore: Bool, width: Width, attributes: MemoryAttributes), _ address: UInt64, _ value: UInt64
    ) throws(Fault) -> UInt64? {
        let size = access.width.bytes
        if !access.attributes.contains(.unprivileged), address & (size &- 1) == 0 {
            switch core.pointee.context.pointee.deviceAccess(address, isWrite: access.isStore) {
            case .device(let physical) where !examinesData:
                guard access.isStore else { return try readDevice(address, physical, size) }
                try writeDevice(address, physical, access.width, value)
                return 0
            case .intermediate(let page) where knowsGuest:
                if recordsKnownFault(address, page, isWrite: access.isStore) { return nil }
            default: break
            }
        }
        guard access.isStore else { return try load(address, access.width, access.attributes) }
        try store(address, value, access.width, access.attributes)
        return 0
    }

    @inline(__always)
    private func readDevice(_ address: UInt64, _ physical: UInt64, _ size: UInt64) throws(Fault) -> UInt64 {
        guard let value = bus.read(physical, size: Int(size)) else { throw externalAbort(address) }
        statistics.deviceAccesses += 1
        if debugStops.watchesData { reportRead(address, physical, size) }
        return value
    }

    @inline(__always)
    private func writeDevice(
        _ address: UInt64, _ physical: UInt64, _ width: Width, _ value: UInt64
    ) throws(Fault) {
        guard bus.write(physical, size: Int(width.bytes), value: value) else {
            throw externalAbort(address, isWrite: true)
        }
        statistics.deviceAccesses += 1
        if debugStops.watchesData { reportWrite(address, physical, width, value, over: nil) }
    }

    /// Where an aligned access leads that no more need be known of: to the device that was accessed last.
    private func knownDevice(_ address: UInt64, _ attributes: MemoryAttributes, isWrite: Bool) -> UInt64? {
        guard !attributes.contains(.unprivileged), !examinesData else { return nil }
        return core.pointee.context.pointee.devicePhysical(address, isWrite: isWrite)
    }

    private func enterDevice(_ address: UInt64, _ translation: AArch64.Translation, _ attributes: MemoryAttributes) {
        // What may be written need not be readable, by the second stage.
        guard !attributes.contains(.unprivileged), translation.enterable.contains(.read), Self.isCanonical(address)
        else { return }
        core.pointee.context.pointee.enterDevicePage(
            address, translation.physical, isWrite: translation.enterable.contains(.write),
            superpage: translation.stageOneSize)
    }

    func store(
        _ address: UInt64, _ value: UInt64, _ width: Width, _ attributes: MemoryAttributes
    ) throws(Fault) {
        let size = width.bytes
        let isAligned = address & (size - 1) == 0
        if !isAligned {
            if refusesUnaligned(address, size, attributes) { throw alignmentFault(address, isWrite: true) }
            if address & 4095 > 4096 - size { return try storeAcrossPages(address, value, size, attributes) }
        }
        if isAligned, let physical = knownDevice(address, attributes, isWrite: true) {
            return try writeDevice(address, physical, width, value)
        }
        if isAligned, let physical = knownTable(address, attributes), let region = memory.table(at: physical) {
            let host = region.host + Int(physical - region.base)
            if debugStops.watchesData { reportWrite(address, physical, width, value, over: host) }
            _ = memory.willWrite(physical, count: size, size == 8 ? value : nil, in: region)
            return host.write(value, width)
        }
        let translation = try translate(address, .write, attributes, isAligned: isAligned)
        if examinesData { try checkWatchpoints(address, size, .write, attributes) }
        let physical = translation.physical
        if let region = memory.region(containing: physical, count: size), !region.isReadOnly {
            let host = region.host + Int(physical - region.base)
            if debugStops.watchesData { reportWrite(address, physical, width, value, over: host) }
            let isPlain = memory.willWrite(physical, count: size, size == 8 ? value : nil, in: region)
            host.write(value, width)
            if isPlain { enterForWriting(address, translation, region, attributes) }
            return
        }
        if !isAligned { throw alignmentFault(address, isWrite: true) }
        enterDevice(address, translation, attributes)
        try writeDevice(address, physical, width, value)
    }

    /// Where an aligned write leads that no more need be known of: to the page of tables that was written last.
    private func knownTable(_ address: UInt64, _ attributes: MemoryAttributes) -> UInt64? {
        guard !attributes.contains(.unprivileged), !examinesData else { return nil }
        return core.pointee.context.pointee.tablePhysical(address)
    }

    /// Remembers a page of tables, which may be written, as ``enter(_:_:_:_:)`` does others.
    func enterTable(_ address: UInt64, _ translation: AArch64.Translation) {
        let isUntranslated = translation.stageOneBits == AArch64.Translation.untranslatedBits
        guard translation.enterable.contains(.write), !checksAlignment, !examinesData,
            isUntranslated || !translation.attributes.isDevice, Self.isCanonical(address)
        else { return }
        core.pointee.context.pointee.enterTable(address, translation.physical, superpage: translation.stageOneSize)
    }

    /// Both parts of an access that crosses pages are checked before either is accessed: a fault of the second leaves all as
    /// it was. A device takes no such access.
    private func parts(
        _ address: UInt64, _ size: UInt64, _ access: AArch64.TranslationRequest.Access, _ attributes: MemoryAttributes
    ) throws(Fault) -> (first: UInt64, second: UInt64, count: UInt64) {
        let count = PhysicalMemory.pageSize - address % PhysicalMemory.pageSize
        let first = try translate(address, access, attributes, isAligned: false).physical
        let second = try translate(address &+ count, access, attributes, isAligned: false).physical
        if examinesData { try checkWatchpoints(address, size, access, attributes) }
        let isWrite = access == .write
        for (part, physical) in [(address, first), (address &+ count, second)] {
            guard let region = memory.region(containing: physical), !(isWrite && region.isReadOnly) else {
                throw alignmentFault(part, isWrite: isWrite)
            }
        }
        return (first, second, count)
    }

    private func loadAcrossPages(
        _ address: UInt64, _ size: UInt64, _ attributes: MemoryAttributes
    ) throws(Fault) -> UInt64 {
        let (first, second, count) = try parts(address, size, .read, attributes)
        if debugStops.watchesData { reportAcrossPages(address, first, second, size, .read) }
        var value: UInt64 = 0
        for index in 0..<size {
            let host = memory.host(index < count ? first + index : second + (index - count))
            value |= UInt64(host?.load(as: UInt8.self) ?? 0) << (8 * index)
        }
        return value
    }

    private func storeAcrossPages(
        _ address: UInt64, _ value: UInt64, _ size: UInt64, _ attributes: MemoryAttributes
    ) throws(Fault) {
        let (first, second, count) = try parts(address, size, .write, attributes)
        if debugStops.watchesData { reportAcrossPages(address, first, second, size, .write, new: value) }
        var parts = (value, value >> (8 * count))
        // Cannot fail: both parts are memory that may be written.
        _ = memory.writeByCPU(first, from: &parts.0, count: Int(count))
        _ = memory.writeByCPU(second, from: &parts.1, count: Int(size - count))
    }

    func probe(
        _ address: UInt64, bytes: UInt64, write: Bool, _ attributes: MemoryAttributes
    ) throws(Fault) -> UnsafeMutableRawPointer? {
        let isAtomic = attributes.contains(.atomic)
        // No single access has more than 16 bytes.
        let isAligned = address & ((attributes.partBytes ?? min(bytes, 16)) - 1) == 0
        let isRefused = attributes.contains(.aligned) && !allowsUnaligned(address, bytes, attributes)
        let isUpdate = isAtomic && !attributes.contains(.exclusive)
        // An instruction that reads and writes would have this fault of its read (D19.2.37, WnR).
        if !isAligned, isRefused || checksAlignment { throw alignmentFault(address, isWrite: write && !isUpdate) }
        let access: AArch64.TranslationRequest.Access = write ? (isUpdate ? .update : .write) : .read
        if address & 4095 > 4096 - bytes {
            let count = PhysicalMemory.pageSize - address % PhysicalMemory.pageSize
            _ = try translate(address, access, attributes, isAligned: isAligned)
            _ = try translate(address &+ count, access, attributes, isAligned: isAligned)
            if examinesData { try checkWatchpoints(address, bytes, access, attributes) }
            return nil
        }
        let translation = try translate(address, access, attributes, isAligned: isAligned)
        if examinesData { try checkWatchpoints(address, bytes, access, attributes) }
        guard let region = memory.region(containing: translation.physical, count: bytes),
            !(write && region.isReadOnly)
        else {
            guard isAtomic else {
                // Nothing that goes by the handle can fault any more.
                if memory.region(containing: translation.physical, count: 1) == nil,
                    !bus.answers(at: translation.physical)
                {
                    throw externalAbort(address, isWrite: write)
                }
                return nil
            }
            // Exclusive and atomic accesses are for memory.
            let recorded = fault(
                Class.dataAbortLower, 0x35 | (write ? 1 << 6 : 0), level: externalAbortLevel, Detail.hasAddress)
            core.pointee.fault.value = address
            throw recorded
        }
        let host = region.host + Int(translation.physical - region.base)
        if debugStops.watchesData {
            reportHeld(address, translation.physical, bytes, host, isWrite: write, attributes)
        }
        if write {
            if memory.willWrite(translation.physical, count: bytes, in: region) {
                enterForWriting(address, translation, region, attributes)
            }
        } else {
            enter(address, translation, .read, attributes)
        }
        return host
    }

    /// Host address of `count` bytes of memory, or nil when they are not all in one region.
    private func host(_ address: UInt64, count: UInt64) -> UnsafeMutableRawPointer? {
        if let ram {
            let offset = address &- ram.base
            if offset < ram.size && count <= ram.size &- offset { return ram.host + Int(offset) }
        }
        return memory.host(address, count: count)
    }

    /// Enters a page of memory into the context that the access goes by.
    func enter(
        _ address: UInt64, _ translation: AArch64.Translation, _ use: TranslationContext.Use,
        _ attributes: MemoryAttributes
    ) {
        statistics.tlbMisses += 1
        let needed: AArch64.Permissions = if case .read = use { .read } else { .write }
        let isUntranslated = translation.stageOneBits == AArch64.Translation.untranslatedBits
        guard translation.enterable.contains(needed), !checksAlignment,
            isUntranslated || !translation.attributes.isDevice, Self.isCanonical(address),
            !(examinesData && armed.watchesPage(of: address)),
            !debugStops.watchesData
                || !debugStops.watchesPage(of: address, physical: translation.physical, isWrite: needed == .write),
            let region = memory.region(containing: translation.physical & ~4095)
        else { return }
        let context = attributes.contains(.unprivileged) ? core.pointee.unprivileged : core.pointee.context
        let host = region.host + Int((translation.physical & ~4095) - region.base)
        context.pointee.enter(address, host: host, for: use, superpage: translation.stageOneSize)
        if !examinesData {
            context.pointee.notePage(
                address, physical: translation.physical, size: translation.size, in: region, isWrite: needed == .write)
            if debugStops.watchesData { debugStops.cutWindows(of: context) }
        }
    }

    /// Bits 63 to 56 are as bit 55. Tagged addresses are not entered, since TLB maintenance does not name their tags.
    private static func isCanonical(_ address: UInt64) -> Bool {
        Int64(bitPattern: address << 8) >> 8 == Int64(bitPattern: address)
    }

    /// Enters the part of the page that may be written unseen. `region` holds the page.
    func enterForWriting(
        _ address: UInt64, _ translation: AArch64.Translation, _ region: PhysicalMemory.Region,
        _ attributes: MemoryAttributes
    ) {
        let page = Int((translation.physical - region.base) / PhysicalMemory.pageSize)
        memory.willBeWrittenUnseen(page: page, of: region)
        enter(address, translation, .write(code: region.codeGranules[page]), attributes)
    }

    // MARK: Fetching

    /// The slots of the code at the program counter, entered into the context.
    func fetchPage(_ address: UInt64) throws(Fault) -> UnsafeMutableRawPointer {
        let translation = try translate(address, .execute)
        guard let page = code.page(at: translation.physical) else { throw externalAbort(address, isFetch: true) }
        statistics.fetchMisses += 1
        if translation.isGuarded, features.contains(.bti) { state.pointee.guards = 1 }
        if debugStops.hasBreakpoints { code.setBreakpoints(page, at: address) }
        let slots = UnsafeMutableRawPointer(page.slots)
        if !(examinesCode && armed.breaksPage(of: address)) {
            core.pointee.context.pointee.enterFetch(
                address, slots: slots, superpage: translation.stageOneSize, isGuarded: translation.isGuarded)
        }
        return slots
    }

    /// The instruction word at the program counter, which was fetched just now.
    private var instructionWord: UInt32? {
        let address = core.pointee.programCounter
        let entry = core.pointee.context.pointee.fetch[TranslationContext.fetchIndex(address)]
        // Pages with breakpoints are not entered.
        return entry.tag == address & ~4095 ? word(at: address, entry.slots) : nextInstruction()
    }

    /// What the syndrome of a data abort says of the access that the instruction in progress makes.
    func accessSyndrome() -> UInt64 { instructionWord.map { AArch64.accessSyndrome($0) } ?? 0 }
}

extension AArch64 {
    /// What the syndrome of a data abort says of the access that an instruction makes: ISV, SAS, SSE, SRT, SF and AR (ISS
    /// encoding for an exception from a Data Abort). Only loads and stores of one register, without write-back, are described.
    static func accessSyndrome(_ word: UInt32) -> UInt64 {
        func field(_ low: UInt32, _ width: UInt32) -> UInt64 { UInt64(word >> low & (1 << width - 1)) }
        let size = field(30, 2)
        func syndrome(isSigned: Bool, is64: Bool, isOrdered: Bool) -> UInt64 {
            1 << 24 | size << 22 | (isSigned ? 1 << 21 : 0) | field(0, 5) << 16 | (is64 ? 1 << 15 : 0)
                | (isOrdered ? 1 << 14 : 0)
        }
        let operationCode = field(22, 2)
        let isSigned = operationCode & 2 != 0
        let is64 = isSigned ? operationCode == 2 : size == 3
        switch word >> 24 & 0x3f {
        case 0b111000:
            let kind = field(10, 2)
            // Unscaled, unprivileged, and by register; the other ones write back, or are atomic.
            let isPlain = field(21, 1) == 0 ? kind == 0 || kind == 2 : kind == 2
            if field(21, 1) == 1, word & 0x3fe0_fc00 == 0x38a0_c000 {
                return 1 << 24 | size << 22 | field(0, 5) << 16 | (size == 3 ? 1 << 15 : 0) | 1 << 14  // LDAPR
            }
            // LDRAA and LDRAB without writeback are loads of one register too.
            if field(21, 1) == 1, kind == 1, size == 3 {
                return 1 << 24 | 3 << 22 | field(0, 5) << 16 | 1 << 15
            }
            return isPlain && !(size == 3 && isSigned) ? syndrome(isSigned: isSigned, is64: is64, isOrdered: false) : 0
        case 0b111001:
            return size == 3 && isSigned ? 0 : syndrome(isSigned: isSigned, is64: is64, isOrdered: false)
        case 0b011001:
            return field(21, 1) == 0 && field(10, 2) == 0
                ? syndrome(isSigned: isSigned, is64: is64, isOrdered: true) : 0
        case 0b001000:
            // LDAR, STLR, LDLAR and STLLR.
            return field(23, 1) == 1 && field(21, 1) == 0
                ? syndrome(isSigned: false, is64: size == 3, isOrdered: true) : 0
        default: return 0
        }
    }
}
