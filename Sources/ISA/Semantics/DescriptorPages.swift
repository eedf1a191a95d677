/// Pages of translation tables, as far as translations are remembered that came from them.
///
/// A TLB may keep a translation until software invalidates it, and one that is smaller, or less lucky, does not. Well-kept
/// software cannot tell, but for one thing: it clears the access flag of a descriptor to see whether the page is used, and does
/// not invalidate, as a translation that is still there costs no more than a wrong guess. Then what it sees depends on what a
/// TLB holds, which is not the same in both engines, nor has it anything to do with the guest.
///
/// So here no translation is remembered whose descriptors have changed into other valid ones. While one is, the pages that
/// its descriptors lie in are watched as code is: no TLB writes to them unseen. What is written there without harm, such as
/// descriptors that become valid, costs a look. A descriptor that changes otherwise drops what it maps, in all address spaces,
/// where one first stage uses its page at one place; and where that is not so, every translation, whereupon nothing is watched
/// any more. Where a descriptor becomes invalid, the translation stays, as software has to invalidate it.
///
/// Global descriptors of a first stage are left out: they are a kernel's own, whose use nobody asks for, and kernels change
/// some of them hundreds of thousands of times as they start.
extension PhysicalMemory {
    /// The virtual addresses that the descriptors of a page map: the page's first one, and each of the others as much behind
    /// the one before.
    public struct MappedAddresses: Equatable, Sendable {
        @usableFromInline let bits: UInt64

        /// The page is of a second stage, or is used at several places: no one place can be told.
        @inlinable public static var various: MappedAddresses { MappedAddresses(bits: 0) }

        @inlinable init(bits: UInt64) { self.bits = bits }

        /// The descriptor at `physical` is a first stage's leaf of 2 to the power of `shift` bytes, 4096 or more, and has been
        /// found by `address`.
        @inlinable @inline(__always)
        public init(ofDescriptorAt physical: UInt64, by address: UInt64, shift: UInt64) {
            bits = (address &>> shift &- Self.index(physical)) &<< shift | shift
        }

        @inlinable @inline(__always) static func index(_ physical: UInt64) -> UInt64 { physical &>> 3 & 511 }

        /// The first address that the descriptor at `physical` maps.
        func address(ofDescriptorAt physical: UInt64) -> UInt64? {
            self == .various ? nil : bits & ~4095 &+ Self.index(physical) &<< (bits & 63)
        }
    }

    /// What is known of a page. Where nothing is, it is zero.
    package struct TableNote {
        var mapped = MappedAddresses.various
        /// 0 where it is not watched; else how often it was written to since, and one more.
        var writes: UInt8 = 0
        /// It holds code as well, or did.
        package var hasCode = false

        package var isWatched: Bool { writes != 0 }
        /// Then it is watched no more, if no descriptor is left that could be in use.
        static let writesBeforeLooking: UInt8 = 32
    }

    /// Notes that a translation comes from the descriptor at `physical`, in `region`, whose page maps `mapped`.
    @inline(__always)
    package func noteUse(ofDescriptor physical: UInt64, in region: Region, mapping mapped: MappedAddresses) {
        let page = Int((physical &- region.base) / Self.pageSize)
        let note = region.tables + page
        if !note.pointee.isWatched {
            watchTable(page, region, mapped)
        } else if note.pointee.mapped != mapped {
            note.pointee.mapped = .various
        }
    }

    @inline(never)
    private func watchTable(_ page: Int, _ region: Region, _ mapped: MappedAddresses) {
        watches &+= 1
        let (note, granules) = (region.tables + page, region.codeGranules + page)
        note.pointee = TableNote(mapped: mapped, writes: 1, hasCode: granules.pointee != 0)
        granules.pointee = ~0
        watchedTables.append((note, granules))
        guard region.isWritten[page] else { return }
        region.isWritten[page] = false
        let host = UInt64(UInt(bitPattern: region.host)) + UInt64(page) * Self.pageSize
        forEachObserver { $0.writesAreWatched(page: host) }
    }

    /// Whether each write to the page has to be seen, for the sake of its tables.
    @inline(__always)
    package func isTable(_ physical: UInt64, in region: Region) -> Bool {
        region.tables[Int((physical &- region.base) / Self.pageSize)].isWatched
    }

    /// The region of the page at `physical`, if each write to that has to be seen.
    package func table(at physical: UInt64) -> Region? {
        region(containing: physical).flatMap { isTable(physical, in: $0) ? $0 : nil }
    }

    /// Has to be called before a CPU writes `count` bytes, which are in one page of `region`: notes that it changes, drops what was decoded from them,
    /// and where they are a table's, what translations they call for.
    /// - Parameter value: what is written, where that is known and has 8 bytes.
    /// - Returns: whether it is neither code nor in a table's page, so that what translates the write may be remembered.
    @inline(__always)
    package func willWrite(_ physical: UInt64, count: UInt64, _ value: UInt64? = nil, in region: Region) -> Bool {
        let page = Int((physical &- region.base) / Self.pageSize)
        willChange(page: page, of: region)
        let note = region.tables + page
        let isTable = note.pointee.isWatched
        if isTable { examineWrite(physical, count, value, region, note) }
        return !noteWrite(physical, count: count, isExamined: true) && !isTable
    }

    @inline(never)
    private func examineWrite(
        _ physical: UInt64, _ count: UInt64, _ value: UInt64?, _ region: Region,
        _ note: UnsafeMutablePointer<TableNote>
    ) {
        let inUse = descriptorInUse
        for word in stride(from: physical & ~7, to: physical + count, by: 8) {
            // SAFETY: the page is the region's.
            let old = (region.host + Int(word - region.base)).load(as: UInt64.self)
            guard old & inUse == inUse else { continue }
            if let value, word == physical, value == old || value & 1 == 0 { continue }
            guard let address = note.pointee.mapped.address(ofDescriptorAt: word) else { return forgetTranslations() }
            forEachObserver { $0.translationsChanged(of: address) }
        }
        note.pointee.writes &+= 1
        let writes = note.pointee.writes
        if writes == .max { return forgetTranslations() }
        // Memory that was given back is written to as data.
        if writes % TableNote.writesBeforeLooking == 0, !holdsDescriptorInUse(physical, region) {
            stopWatching(note, region.codeGranules + Int((physical - region.base) / Self.pageSize))
        }
    }

    private func holdsDescriptorInUse(_ physical: UInt64, _ region: Region) -> Bool {
        let page = physical & ~(Self.pageSize - 1)
        // SAFETY: the page is the region's.
        let words = UnsafeBufferPointer(
            start: (region.host + Int(page - region.base)).assumingMemoryBound(to: UInt64.self), count: 512)
        return words.contains { $0 & descriptorInUse == descriptorInUse }
    }

    private func stopWatching(
        _ note: UnsafeMutablePointer<TableNote>, _ granules: UnsafeMutablePointer<UInt64>
    ) {
        // Where there was code, all of the page counts as code from now on.
        if !note.pointee.hasCode { granules.pointee = 0 }
        note.pointee = TableNote()
    }

    /// Drops all translations, whereupon no table is watched.
    public func forgetTranslations() {
        for (note, granules) in watchedTables where note.pointee.isWatched { stopWatching(note, granules) }
        watchedTables.removeAll(keepingCapacity: true)
        forEachObserver { $0.translationsChanged() }
    }

    /// Writes what a walk makes of a descriptor.
    /// - Returns: false, and nothing is written, where there is no memory.
    package func updateDescriptor(_ physical: UInt64, _ value: UInt64) -> Bool {
        guard let region = region(containing: physical, count: 8), !region.isReadOnly else { return false }
        willChange(page: Int((physical - region.base) / Self.pageSize), of: region)
        (region.host + Int(physical - region.base)).storeBytes(of: value, as: UInt64.self)
        noteWrite(physical, count: 8, isExamined: true)
        return true
    }
}
