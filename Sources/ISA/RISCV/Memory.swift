/// Loads, stores and fetches that the TLB does not serve: misses, devices, page crossings, faults.
extension RISCV.Hart {
    func load(
        _ address: UInt64, _ width: Width, _ mode: RISCV.AccessMode, caches: Bool = true
    ) throws(Fault) -> UInt64 {
        let size = width.bytes
        if address & (size - 1) != 0 {
            guard features.contains(.misaligned) else { throw fault(RISCV.Cause.loadMisaligned, mode, address) }
            if address & 4095 > 4096 - size { return try loadAcrossPages(address, size, mode) }
        }
        let translation = try translate(address, .read, mode)
        let physical = translation.physical
        guard protection.allows(physical, size, .read, machine: mode.privilege == .machine) else {
            throw accessFault(.read, mode, address)
        }
        if let host = host(physical, count: size) {
            if caches { enter(address, translation, for: .read) }
            if debugStops.watchesData { reportRead(address, physical, size) }
            return host.read(width)
        }
        guard address & (size - 1) == 0, let value = bus.read(physical, size: Int(size)) else {
            throw accessFault(.read, mode, address)
        }
        statistics.deviceAccesses += 1
        if debugStops.watchesData { reportRead(address, physical, size) }
        return value
    }

    private func loadAcrossPages(
        _ address: UInt64, _ size: UInt64, _ mode: RISCV.AccessMode
    ) throws(Fault) -> UInt64 {
        let (first, second, count) = try partsAcrossPages(address, size, .read, mode)
        if debugStops.watchesData { reportAcrossPages(address, first, second, size, .read) }
        var value: UInt64 = 0
        for index in 0..<size {
            let host = memory.host(index < count ? first + index : second + (index - count))
            value |= UInt64(host?.load(as: UInt8.self) ?? 0) << (8 * index)
        }
        return value
    }

    /// Where the two parts of an access that crosses pages lie in memory, and how many bytes the first one has.
    ///
    /// Both are checked before either is accessed: a fault of the second leaves all as it was, and a device, which takes
    /// no misaligned access, has seen nothing of it.
    private func partsAcrossPages(
        _ address: UInt64, _ size: UInt64, _ access: RISCV.Access, _ mode: RISCV.AccessMode
    ) throws(Fault) -> (first: UInt64, second: UInt64, count: UInt64) {
        let count = PhysicalMemory.pageSize - address % PhysicalMemory.pageSize
        let first = try partInMemory(address, count, access, mode)
        return (first, try partInMemory(address &+ count, size - count, access, mode), count)
    }

    private func partInMemory(
        _ address: UInt64, _ size: UInt64, _ access: RISCV.Access, _ mode: RISCV.AccessMode
    ) throws(Fault) -> UInt64 {
        let physical = try translate(address, access, mode).physical
        guard protection.allows(physical, size, access, machine: mode.privilege == .machine),
            let region = memory.region(containing: physical, count: size), access != .write || !region.isReadOnly
        else { throw accessFault(access, mode, address) }
        return physical
    }

    func store(
        _ address: UInt64, _ value: UInt64, _ width: Width, _ mode: RISCV.AccessMode, caches: Bool = true
    ) throws(Fault) {
        let size = width.bytes
        if address & (size - 1) != 0 {
            guard features.contains(.misaligned) else { throw fault(RISCV.Cause.storeMisaligned, mode, address) }
            if address & 4095 > 4096 - size {
                return try storeAcrossPages(address, value, size, mode)
            }
        }
        if caches, let physical = core.pointee.context.pointee.tablePhysical(address),
            let region = memory.table(at: physical)
        {
            let host = region.host + Int(physical - region.base)
            if debugStops.watchesData { reportWrite(address, physical, width, value, over: host) }
            _ = memory.willWrite(physical, count: size, size == 8 ? value : nil, in: region)
            return host.write(value, width)
        }
        let translation = try translate(address, .write, mode)
        let physical = translation.physical
        guard protection.allows(physical, size, .write, machine: mode.privilege == .machine) else {
            throw accessFault(.write, mode, address)
        }
        if let region = memory.region(containing: physical, count: size), !region.isReadOnly {
            let host = region.host + Int(physical - region.base)
            if debugStops.watchesData { reportWrite(address, physical, width, value, over: host) }
            let isPlain = memory.willWrite(physical, count: size, size == 8 ? value : nil, in: region)
            host.write(value, width)
            if isPlain, caches { enterForWriting(address, translation, region) }
            return
        }
        guard address & (size - 1) == 0, bus.write(physical, size: Int(size), value: value) else {
            throw accessFault(.write, mode, address)
        }
        statistics.deviceAccesses += 1
        if debugStops.watchesData { reportWrite(address, physical, width, value, over: nil) }
    }

    private func storeAcrossPages(
        _ address: UInt64, _ value: UInt64, _ size: UInt64, _ mode: RISCV.AccessMode
    ) throws(Fault) {
        let (first, second, count) = try partsAcrossPages(address, size, .write, mode)
        if debugStops.watchesData { reportAcrossPages(address, first, second, size, .write, new: value) }
        var parts = (value, value >> (8 * count))
        // Cannot fail: both parts are memory that may be written.
        _ = memory.writeByCPU(first, from: &parts.0, count: Int(count))
        _ = memory.writeByCPU(second, from: &parts.1, count: Int(size - count))
    }

    func probe(
        _ address: UInt64, bytes: UInt64, write: Bool, _ attributes: MemoryAttributes, _ mode: RISCV.AccessMode
    ) throws(Fault) -> UnsafeMutableRawPointer {
        let access = write ? RISCV.Access.write : .read
        if attributes.contains(.aligned) && address & (bytes - 1) != 0 {
            throw fault(write ? RISCV.Cause.storeMisaligned : RISCV.Cause.loadMisaligned, mode, address)
        }
        let translation = try translate(address, access, mode)
        let physical = translation.physical
        // A read-modify-write reads too; whether it may is part of its one fault, a store's.
        guard protection.allows(physical, bytes, access, machine: mode.privilege == .machine),
            !write || protection.allows(physical, bytes, .read, machine: mode.privilege == .machine),
            let region = memory.region(containing: physical, count: bytes), !(write && region.isReadOnly)
        else { throw accessFault(access, mode, address) }
        let host = region.host + Int(physical - region.base)
        if debugStops.watchesData { reportHeld(address, physical, bytes, host, isWrite: write, attributes) }
        if write {
            if memory.willWrite(physical, count: bytes, in: region) { enterForWriting(address, translation, region) }
        } else {
            enter(address, translation, for: .read)
        }
        return host
    }

    /// Enters a page of memory into the current context, unless protection divides the page.
    func enter(_ address: UInt64, _ translation: RISCV.Translation, for use: TranslationContext.Use) {
        statistics.tlbMisses += 1
        // Misaligned accesses must be seen where they trap, so nothing is cached then.
        let isWrite = if case .write = use { true } else { false }
        guard features.contains(.misaligned), protection.isUniform(page: translation.physical),
            !debugStops.watchesData
                || !debugStops.watchesPage(of: address, physical: translation.physical, isWrite: isWrite),
            let host = memory.host(translation.physical & ~4095)
        else { return }
        let context = state.pointee.core.context
        context.pointee.enter(address, host: host, for: use, superpage: translation.leafSize)
        if let openMemory, translation.physical &- openMemory.base < openMemory.size {
            context.pointee.notePage(
                address, physical: translation.physical, size: translation.size, in: openMemory, isWrite: isWrite)
            if debugStops.watchesData { debugStops.cutWindows(of: context) }
        }
    }

    /// Remembers a page of tables, which may be written, where protection does not divide it.
    func enterTable(_ address: UInt64, _ translation: RISCV.Translation) {
        guard features.contains(.misaligned), protection.isUniform(page: translation.physical) else { return }
        core.pointee.context.pointee.enterTable(address, translation.physical, superpage: translation.leafSize)
    }

    /// Enters the part of the page that may be written unseen. `region` holds the page.
    func enterForWriting(_ address: UInt64, _ translation: RISCV.Translation, _ region: PhysicalMemory.Region) {
        let page = Int((translation.physical - region.base) / PhysicalMemory.pageSize)
        memory.willBeWrittenUnseen(page: page, of: region)
        enter(address, translation, for: .write(code: region.codeGranules[page]))
    }

    // MARK: Fetching

    /// The slots of the code at `address`, entered into the context; nil where it must be fetched one instruction at a
    /// time: on a page that protection divides.
    func fetchPage(_ address: UInt64) throws(Fault) -> UnsafeMutableRawPointer? {
        let mode = fetchMode
        let translation = try translate(address, .execute, mode)
        let physical = translation.physical
        guard protection.isUniform(page: physical) else { return nil }
        guard protection.allows(physical, 2, .execute, machine: mode.privilege == .machine),
            let page = code.page(at: physical)
        else { throw accessFault(.execute, mode, address) }
        if debugStops.hasBreakpoints { code.setBreakpoints(page, at: address) }
        let slots = UnsafeMutableRawPointer(page.slots)
        statistics.fetchMisses += 1
        state.pointee.core.context.pointee.enterFetch(address, slots: slots, superpage: translation.leafSize)
        return slots
    }

    /// The instruction at `address`, each of its halves fetched and checked by itself.
    func fetchWord(_ address: UInt64) throws(Fault) -> UInt32 {
        let low = try fetchHalf(address)
        guard low & 3 == 3 else { return low }
        return low | (try fetchHalf(address &+ 2)) << 16
    }

    private func fetchHalf(_ address: UInt64) throws(Fault) -> UInt32 {
        let mode = fetchMode
        let physical = try translate(address, .execute, mode).physical
        guard protection.allows(physical, 2, .execute, machine: mode.privilege == .machine),
            let host = memory.host(physical, count: 2)
        else { throw accessFault(.execute, mode, address) }
        return UInt32(host.loadUnaligned(as: UInt16.self))
    }
}
