/// The software TLBs of one address space as one privilege sees it.
///
/// A context belongs to (regime, VMID, ASID, privilege): entering another world selects another context and flushes
/// nothing; only fences, which name what they drop, empty one. Entries hold the combined translation of all stages to
/// host memory. Device pages and pages that only partly allow an access are never entered, so an entry that matches is
/// all a fast path has to check.
public struct TranslationContext {
    /// Everything a translation depends on. Equal keys may share entries; a changed key is another context.
    public struct Key: Equatable, Sendable {
        /// Root and ASID of the first stage (RISC-V: satp or vsatp as they stand).
        public var firstStage: UInt64
        /// The first stage's other root, where an architecture has one for the upper half of the addresses.
        public var upperHalf: UInt64
        /// Root and VMID of the second stage (hgatp).
        public var secondStage: UInt64
        /// Privileges and their modifiers, in the architecture's own encoding.
        public var mode: UInt64
        @inlinable @inline(__always) public init(
            firstStage: UInt64, upperHalf: UInt64 = 0, secondStage: UInt64, mode: UInt64
        ) {
            self.firstStage = firstStage
            self.upperHalf = upperHalf
            self.secondStage = secondStage
            self.mode = mode
        }
        @inlinable @inline(__always) var hash: Int {
            let mixed = (firstStage ^ upperHalf &* 7 ^ secondStage &* 31 ^ mode &<< 17) &* 0x9e37_79b9_7f4a_7c15
            return Int(truncatingIfNeeded: mixed &>> 56)
        }
    }

    // Reads and writes have entries of their own: a copy between pages that are entered at the same place would drop both
    // with every access otherwise.

    /// A page that may be read.
    public struct ReadEntry {
        /// The page's virtual address, or ``invalidTag(_:)``.
        public var tag: UInt64
        /// Host address minus virtual address.
        public var addend: UInt64

        /// Whether the page holds all `bytes` bytes at `address`, which are no more than a page has.
        @inlinable @inline(__always) public func mayRead(_ address: UInt64, bytes: UInt64) -> Bool {
            // The page of the last byte against the tag found by the first: what crosses pages never matches.
            tag == (address &+ (bytes &- 1)) & ~4095
        }
    }

    /// A window of a page that may be written: what holds decoded code is outside, so that code beside data costs a write
    /// nothing.
    public struct WriteEntry {
        /// Where the window begins, or ``invalidTag(_:)``.
        public var start: UInt64
        /// How far behind `start` a write of 8 bytes may begin. Shorter ones that begin later are checked again by a slow
        /// path: so one limit serves all.
        public var limit: UInt64
        /// Host address minus virtual address.
        public var addend: UInt64
        /// An entry is found by a shift.
        private var unused: UInt64 = 0

        init(start: UInt64, limit: UInt64, addend: UInt64) {
            self.start = start
            self.limit = limit
            self.addend = addend
        }

        @inlinable @inline(__always) var page: UInt64 { start & ~4095 }

        /// Whether the window holds all `bytes` bytes at `address`, as every fast path asks.
        @inlinable @inline(__always) public func mayWrite(_ address: UInt64, bytes: UInt64) -> Bool {
            let offset = address &- start
            // Where the first 8 bytes fit, the sum does not wrap.
            return offset <= limit && (bytes <= 8 || offset &+ (bytes &- 8) <= limit)
        }
    }

    /// A page of code.
    public struct FetchEntry {
        public var tag: UInt64
        public var slots: UnsafeMutableRawPointer
    }

    /// Where the host code of a guest address begins.
    public struct JumpEntry {
        /// The guest address, or ``invalidTarget(_:)``.
        public var target: UInt64
        public var code: UInt64
    }

    public static let dataEntries = 1024
    public static let fetchEntries = 256
    public static let jumpEntries = 4096
    /// Entries are found by an address without its low bits: two instructions of 2 bytes each share one.
    @inlinable @inline(__always) public static var jumpShift: UInt64 { 2 }
    /// A flush visits what was entered, as long as that is no more than this.
    private static let logCapacity = 192
    private static let jumpLogCapacity = 512
    /// The target of an entry that leads nowhere: an address that is looked up in another entry, since a guest may jump to any.
    private static func invalidTarget(_ index: Int) -> UInt64 { UInt64(index ^ 1) << jumpShift }

    /// The tag of an entry that translates nothing: a page that is looked up in another entry, and neither this entry's
    /// page nor the one after it. So an access needs no test of its own for it, however it compares tags.
    public static func invalidTag(_ index: Int) -> UInt64 { UInt64(index ^ dataEntries / 2) << 12 }

    // MARK: What translated code reads

    /// Memory that this context accesses without translation: its guest-physical base, its size less the longest access
    /// (0 where there is none), and the distance to it in the host.
    public var directBase: UInt64 = 0
    public var directLimit: UInt64 = 0
    public var directAddend: UInt64 = 0
    /// Memory that is mapped as one piece: see ``Window``.
    public internal(set) var readWindow = Window()
    /// The part of such memory that may be written unseen.
    public internal(set) var writeWindow = Window()
    /// The votes for ``readWindow``, by which other memory comes to be it.
    var windowVotes = firstVotes
    /// What translated code takes for granted; code of another mode is not this context's.
    public var codeMode: UInt64 = 0

    /// Both tables have ``dataEntries``, found by the page's number.
    public let reads: UnsafeMutablePointer<ReadEntry>
    public let writes: UnsafeMutablePointer<WriteEntry>
    public let fetch: UnsafeMutablePointer<FetchEntry>
    public let jump: UnsafeMutablePointer<JumpEntry>
    public internal(set) var key: Key
    /// When it was last selected, for eviction.
    package var stamp: UInt64 = 0
    /// Superpages of which pages were entered, as a fence within one drops the whole context: their sizes, a bit for each
    /// binary logarithm, and a bit for each superpage, by a hash of its number and size. To know no more than where the first
    /// and the last one are is too little: what a kernel unmaps one by one lies between.
    private var superpageSizes: UInt64 = 0
    private var superpages = InlineArray<8, UInt64>(repeating: 0)
    /// The page whose writes have to be seen for the sake of its tables (``PhysicalMemory/isTable(_:in:)``) that was written
    /// last: its virtual address, or 1, and its physical one.
    public private(set) var tablePage: UInt64 = 1
    public private(set) var tableFrame: UInt64 = 0
    /// Pages that were translated last of those that no data entry can hold: devices'. Where it is one that a hypervisor
    /// emulates, by the first stage alone.
    @usableFromInline let devices: UnsafeMutablePointer<DevicePage>
    private static let deviceCount = 4

    @usableFromInline struct DevicePage {
        /// 1 is no page.
        @usableFromInline var page: UInt64 = 1
        @usableFromInline var physical: UInt64 = 0
        @usableFromInline var isWritable = false
        /// What is there is an intermediate address, of which nothing more is known.
        @usableFromInline var isIntermediate = false
        /// Of an intermediate one, what ``Intermediate`` says.
        @usableFromInline var level: Int8 = 0
        @usableFromInline var descriptor = ~0 as UInt64
    }

    /// An address for which the second stage had nothing.
    public struct Intermediate {
        public let address: UInt64
        /// Where its walk ended, as the descriptor there was not valid, and at which level; ~0 where it ended otherwise.
        public let descriptor: UInt64
        public let level: Int8
        @inlinable init(address: UInt64, descriptor: UInt64, level: Int8) {
            self.address = address
            self.descriptor = descriptor
            self.level = level
        }
    }

    /// Which of four places remembers the device's page at `address`. Frames of an interrupt controller are 64 KiB apart.
    @inlinable @inline(__always)
    public static func devicePlace(_ address: UInt64) -> Int { Int((address &>> 12 ^ address &>> 16) & 3) }
    /// Pages entered since the last flush, by the low bits of their number; what is beyond the log's capacity is only
    /// counted.
    private let log: UnsafeMutablePointer<UInt16>
    private var entered = 0
    /// Likewise of jump entries, by index.
    private let jumpLog: UnsafeMutablePointer<UInt16>
    private var jumpsEntered = 0
    /// A bit for the pages of jump entries, by a hash of their number, so that a fence of data looks no further.
    private var jumpPages = InlineArray<16, UInt64>(repeating: 0)

    /// A bit for each of ``fetch``.
    private var guarded = InlineArray<4, UInt64>(repeating: 0)

    // A context and its tables are one allocation, so that the tables are at constant distances from the context.
    public static let readsOffset = 512
    /// From the one table to the other.
    public static let readsSize = dataEntries * MemoryLayout<ReadEntry>.stride
    public static let writesOffset = readsOffset + readsSize
    public static let jumpOffset = writesOffset + dataEntries * MemoryLayout<WriteEntry>.stride
    private static let fetchOffset = jumpOffset + jumpEntries * MemoryLayout<JumpEntry>.stride
    private static let devicesOffset = fetchOffset + fetchEntries * MemoryLayout<FetchEntry>.stride
    private static let logOffset = devicesOffset + deviceCount * MemoryLayout<DevicePage>.stride
    private static let jumpLogOffset = logOffset + logCapacity * MemoryLayout<UInt16>.stride
    private static let allocationSize = jumpLogOffset + jumpLogCapacity * MemoryLayout<UInt16>.stride

    /// A new context and its tables.
    public static func make(key: Key) -> UnsafeMutablePointer<TranslationContext> {
        precondition(MemoryLayout<TranslationContext>.size <= readsOffset)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: allocationSize, alignment: 4096)
        let context = memory.bindMemory(to: TranslationContext.self, capacity: 1)
        context.initialize(to: TranslationContext(key: key, memory))
        return context
    }

    private init(key: Key, _ memory: UnsafeMutableRawPointer) {
        self.key = key
        reads = (memory + Self.readsOffset).bindMemory(to: ReadEntry.self, capacity: Self.dataEntries)
        writes = (memory + Self.writesOffset).bindMemory(to: WriteEntry.self, capacity: Self.dataEntries)
        jump = (memory + Self.jumpOffset).bindMemory(to: JumpEntry.self, capacity: Self.jumpEntries)
        fetch = (memory + Self.fetchOffset).bindMemory(to: FetchEntry.self, capacity: Self.fetchEntries)
        devices = (memory + Self.devicesOffset).bindMemory(to: DevicePage.self, capacity: Self.deviceCount)
        devices.initialize(repeating: DevicePage(), count: Self.deviceCount)
        log = (memory + Self.logOffset).bindMemory(to: UInt16.self, capacity: Self.logCapacity)
        jumpLog = (memory + Self.jumpLogOffset).bindMemory(to: UInt16.self, capacity: Self.jumpLogCapacity)
        for index in 0..<Self.dataEntries {
            let tag = Self.invalidTag(index)
            (reads + index).initialize(to: ReadEntry(tag: tag, addend: 0))
            (writes + index).initialize(to: WriteEntry(start: tag, limit: 0, addend: 0))
        }
        fetch.initialize(repeating: FetchEntry(tag: ~0, slots: memory), count: Self.fetchEntries)
        for index in 0..<Self.jumpEntries {
            (jump + index).initialize(to: JumpEntry(target: Self.invalidTarget(index), code: 0))
        }
        log.initialize(repeating: 0, count: Self.logCapacity)
        jumpLog.initialize(repeating: 0, count: Self.jumpLogCapacity)
    }

    /// - Precondition: the context was made by ``make(key:)`` and is not used any more.
    public static func deallocate(_ context: UnsafeMutablePointer<TranslationContext>) {
        UnsafeMutableRawPointer(context).deallocate()
    }

    @inlinable @inline(__always) public static func index(_ address: UInt64) -> Int {
        Int(truncatingIfNeeded: (address &>> 12) & UInt64(dataEntries &- 1))
    }

    @inlinable @inline(__always) public static func fetchIndex(_ address: UInt64) -> Int {
        Int(truncatingIfNeeded: (address &>> 12) & UInt64(fetchEntries &- 1))
    }

    private var isEmpty: Bool { entered == 0 }

    /// Drops everything.
    package mutating func flush() {
        guard !isEmpty else { return }
        if entered <= Self.logCapacity {
            for index in 0..<entered { drop(Int(log[index])) }
        } else {
            for index in 0..<Self.dataEntries { drop(index) }
        }
        superpageSizes = 0
        superpages = InlineArray(repeating: 0)
        readWindow = Window()
        writeWindow = Window()
        for index in 0..<Self.deviceCount { devices[index].page = 1 }
        tablePage = 1
        entered = 0
        flushJumps()
    }

    private func drop(_ page: Int) {
        dropReads(page)
        dropWrites(page)
        fetch[page & (Self.fetchEntries - 1)].tag = ~0
    }

    private func dropReads(_ index: Int) { reads[index].tag = Self.invalidTag(index) }

    private func dropWrites(_ index: Int) {
        writes[index].start = Self.invalidTag(index)
        writes[index].limit = 0
    }

    /// Drops all pages of code.
    package func flushFetches() {
        for index in 0..<Self.fetchEntries { fetch[index].tag = ~0 }
    }

    /// Drops what translates `address`.
    package mutating func flush(page address: UInt64) {
        guard !isEmpty else { return }
        if isInSuperpage(address) { return flush() }
        let page = address & ~4095
        let index = Self.index(address)
        if reads[index].tag == page { dropReads(index) }
        if writes[index].page == page { dropWrites(index) }
        if fetch[Self.fetchIndex(address)].tag == page { fetch[Self.fetchIndex(address)].tag = ~0 }
        if devices[Self.devicePlace(page)].page == page { devices[Self.devicePlace(page)].page = 1 }
        if tablePage == page { tablePage = 1 }
        dropJumps(into: page)
    }

    // MARK: Devices

    // Both are inlined into other modules, as a call would copy the context.

    /// What becomes of `address`, where that is remembered.
    @inlinable @inline(__always)
    public func devicePhysical(_ address: UInt64, isWrite: Bool) -> UInt64? {
        let entry = devices[Self.devicePlace(address)]
        guard entry.page == address & ~4095, entry.isWritable || !isWrite, !entry.isIntermediate else { return nil }
        return entry.physical | address & 4095
    }

    /// The intermediate address of `address`, where the second stage had nothing for it.
    @inlinable @inline(__always)
    public func intermediate(_ address: UInt64, isWrite: Bool) -> Intermediate? {
        let entry = devices[Self.devicePlace(address)]
        guard entry.page == address & ~4095, entry.isWritable || !isWrite, entry.isIntermediate else { return nil }
        return Intermediate(
            address: entry.physical | address & 4095, descriptor: entry.descriptor, level: entry.level)
    }

    /// Where an access leads that no data entry can serve.
    public enum DeviceAccess {
        case device(physical: UInt64)
        case intermediate(Intermediate)
    }

    /// What ``devicePhysical(_:isWrite:)`` and ``intermediate(_:isWrite:)`` say, whichever it is.
    @inlinable @inline(__always)
    public func deviceAccess(_ address: UInt64, isWrite: Bool) -> DeviceAccess? {
        let entry = devices[Self.devicePlace(address)]
        guard entry.page == address & ~4095, entry.isWritable || !isWrite else { return nil }
        let there = entry.physical | address & 4095
        guard entry.isIntermediate else { return .device(physical: there) }
        return .intermediate(Intermediate(address: there, descriptor: entry.descriptor, level: entry.level))
    }

    /// Remembers what has become of `address`, from a leaf of `superpage` bytes.
    /// - Parameters:
    ///   - isWrite: it may be written, and read.
    ///   - isIntermediate: by the first stage alone.
    ///   - end: of an intermediate page, where the second stage's walk ended, if that was at a descriptor that is not valid.
    package mutating func enterDevicePage(
        _ address: UInt64, _ physical: UInt64, isWrite: Bool, superpage: UInt64, isIntermediate: Bool = false,
        end: (descriptor: UInt64, level: Int8)? = nil
    ) {
        devices[Self.devicePlace(address)] = DevicePage(
            page: address & ~4095, physical: physical & ~4095, isWritable: isWrite, isIntermediate: isIntermediate,
            level: end?.level ?? 0, descriptor: end?.descriptor ?? ~0)
        note(address, superpage)
    }

    // MARK: Tables

    /// What becomes of `address` when it is written, if it is in the page of tables that is remembered.
    @inlinable @inline(__always)
    public func tablePhysical(_ address: UInt64) -> UInt64? {
        tablePage == address & ~4095 ? tableFrame | address & 4095 : nil
    }

    /// Remembers that `address` may be written and is in a page of tables at `physical`, from a leaf of `superpage` bytes.
    package mutating func enterTable(_ address: UInt64, _ physical: UInt64, superpage: UInt64) {
        (tablePage, tableFrame) = (address & ~4095, physical & ~4095)
        note(address, superpage)
    }

    // MARK: Jumps

    @inlinable @inline(__always) public static func jumpIndex(_ target: UInt64) -> Int {
        Int(truncatingIfNeeded: target &>> jumpShift & UInt64(jumpEntries &- 1))
    }

    /// The host code of `target`, or 0.
    @inlinable @inline(__always)
    public func code(of target: UInt64) -> UInt64 {
        let entry = jump[Self.jumpIndex(target)]
        return entry.target == target ? entry.code : 0
    }

    /// Enters the host code of `target`, which this context may execute.
    public mutating func enterJump(_ target: UInt64, code: UInt64) {
        let index = Self.jumpIndex(target)
        if jump[index].target == Self.invalidTarget(index) {
            if jumpsEntered < Self.jumpLogCapacity {
                jumpLog[jumpsEntered] = UInt16(truncatingIfNeeded: index)
            }
            if jumpsEntered <= Self.jumpLogCapacity { jumpsEntered += 1 }
        }
        jump[index] = JumpEntry(target: target, code: code)
        let (word, bit) = Self.jumpPage(target)
        jumpPages[word] |= bit
    }

    /// The place of a page's bit.
    private static func jumpPage(_ address: UInt64) -> (word: Int, bit: UInt64) {
        let hash = (address &>> 12 &* 0x9e37_79b9_7f4a_7c15) &>> 54
        return (Int(truncatingIfNeeded: hash &>> 6), 1 &<< (hash & 63))
    }

    /// Forgets all host code.
    public mutating func flushJumps() {
        if jumpsEntered <= Self.jumpLogCapacity {
            for place in 0..<jumpsEntered {
                let index = Int(jumpLog[place])
                jump[index].target = Self.invalidTarget(index)
            }
        } else {
            for index in 0..<Self.jumpEntries { jump[index].target = Self.invalidTarget(index) }
        }
        jumpsEntered = 0
        jumpPages = InlineArray(repeating: 0)
    }

    /// Forgets the host code of addresses in the page at `page`. The entries stay in the log.
    public mutating func dropJumps(into page: UInt64) {
        let (word, bit) = Self.jumpPage(page)
        guard jumpsEntered > 0, jumpPages[word] & bit != 0 else { return }
        if jumpsEntered <= Self.jumpLogCapacity {
            for place in 0..<jumpsEntered { dropJump(Int(jumpLog[place]), page) }
        } else {
            for index in 0..<Self.jumpEntries { dropJump(index, page) }
        }
    }

    /// What is dropped gets an address that no jump has, and not the one of entries that are in no log.
    private func dropJump(_ index: Int, _ page: UInt64) {
        if jump[index].target & ~4095 == page { jump[index].target = Self.droppedTarget(index) }
    }

    private static func droppedTarget(_ index: Int) -> UInt64 { UInt64(index ^ 2) << jumpShift }

    /// What a data page may be entered for.
    package enum Use {
        case read
        /// Where its code is not: a bit for each granule that holds some.
        case write(code: UInt64)
    }

    /// The longest part of a page without code, in bytes; nil where there is none.
    package static func window(around code: UInt64) -> Range<UInt64>? {
        if code == 0 { return 0..<PhysicalMemory.pageSize }
        var (longest, start) = (0..<0, 0)
        for granule in 0...64 where granule == 64 || code & 1 << UInt64(granule) != 0 {
            if granule - start > longest.count { longest = start..<granule }
            start = granule + 1
        }
        guard !longest.isEmpty else { return nil }
        return UInt64(longest.lowerBound) * PhysicalMemory.granule..<UInt64(longest.upperBound) * PhysicalMemory.granule
    }

    /// Enters a data page. `superpage` is the size in bytes of the leaf it came from.
    package mutating func enter(_ address: UInt64, host: UnsafeMutableRawPointer, for use: Use, superpage: UInt64) {
        let page = address & ~4095
        let index = Self.index(address)
        let addend = UInt64(UInt(bitPattern: host)) &- page
        switch use {
        case .read: reads[index] = ReadEntry(tag: page, addend: addend)
        case .write(let code):
            guard let window = Self.window(around: code) else { return dropWrites(index) }
            writes[index] = WriteEntry(
                start: page + window.lowerBound, limit: UInt64(window.count) - 8, addend: addend)
        }
        note(page, superpage)
    }

    /// - Parameter isGuarded: what ``isGuarded(_:)`` is to say of the page.
    package mutating func enterFetch(
        _ address: UInt64, slots: UnsafeMutableRawPointer, superpage: UInt64, isGuarded: Bool = false
    ) {
        let index = Self.fetchIndex(address)
        fetch[index] = FetchEntry(tag: address & ~4095, slots: slots)
        let bit: UInt64 = 1 << UInt64(index & 63)
        if isGuarded { guarded[index >> 6] |= bit } else { guarded[index >> 6] &= ~bit }
        note(address, superpage)
    }

    /// Whether the page of code at `address`, which is entered, is one where branches' targets are checked (Arm).
    package func isGuarded(_ address: UInt64) -> Bool {
        let index = Self.fetchIndex(address)
        return guarded[index >> 6] >> UInt64(index & 63) & 1 != 0
    }

    private mutating func note(_ address: UInt64, _ superpage: UInt64) {
        if entered < Self.logCapacity { log[entered] = UInt16(truncatingIfNeeded: Self.index(address)) }
        if entered <= Self.logCapacity { entered += 1 }
        if superpage > 4096 {
            let size = superpage.trailingZeroBitCount
            superpageSizes |= 1 &<< UInt64(size)
            let (word, bit) = Self.superpagePlace(address, size)
            superpages[word] |= bit
        }
    }

    /// The place of the bit of the superpage of 2 to the power of `size` bytes.
    private static func superpagePlace(_ address: UInt64, _ size: Int) -> (word: Int, bit: UInt64) {
        let hash = ((address &>> UInt64(size) &+ UInt64(size)) &* 0x9e37_79b9_7f4a_7c15) &>> 55
        return (Int(truncatingIfNeeded: hash &>> 6), 1 &<< (hash & 63))
    }

    /// Whether pages of a superpage that holds `address` may have been entered. It changes nothing, but would copy the context
    /// if it said so.
    private mutating func isInSuperpage(_ address: UInt64) -> Bool {
        var sizes = superpageSizes
        while sizes != 0 {
            let (word, bit) = Self.superpagePlace(address, sizes.trailingZeroBitCount)
            if superpages[word] & bit != 0 { return true }
            sizes &= sizes &- 1
        }
        return false
    }

    /// Drops entries that write to the host page at `host`: more of it holds decoded code now, and writes to that must be
    /// seen.
    package mutating func dropWrites(host: UInt64) {
        writeWindow.cut(host: host)
        if entered <= Self.logCapacity {
            for place in 0..<entered { dropWrites(Int(log[place]), host) }
        } else {
            for index in 0..<Self.dataEntries { dropWrites(index, host) }
        }
    }

    /// Drops all entries that write.
    package mutating func dropWrites() {
        writeWindow = Window()
        if entered <= Self.logCapacity {
            for place in 0..<entered { dropWrites(Int(log[place])) }
        } else {
            for index in 0..<Self.dataEntries { dropWrites(index) }
        }
    }

    private func dropWrites(_ index: Int, _ host: UInt64) {
        guard writes[index].start != Self.invalidTag(index) else { return }
        if writes[index].page &+ writes[index].addend == host { dropWrites(index) }
    }
}
