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
        /// Root and VMID of the second stage (hgatp).
        public var secondStage: UInt64
        /// Privileges and their modifiers, in the architecture's own encoding.
        public var mode: UInt64
        @inline(__always) public init(firstStage: UInt64, secondStage: UInt64, mode: UInt64) {
            self.firstStage = firstStage
            self.secondStage = secondStage
            self.mode = mode
        }
        @inline(__always) var hash: Int {
            let mixed = (firstStage ^ secondStage &* 31 ^ mode &<< 17) &* 0x9e37_79b9_7f4a_7c15
            return Int(truncatingIfNeeded: mixed &>> 56)
        }
    }

    /// A page of data. A tag is the page's virtual address, or ``invalidTag``.
    public struct DataEntry {
        public var readTag: UInt64
        public var writeTag: UInt64
        /// Host address minus virtual address.
        public var addend: UInt64
        var unused: UInt64 = 0
    }

    /// A page of code.
    public struct FetchEntry {
        public var tag: UInt64
        public var slots: UnsafeMutableRawPointer
    }

    public static let dataEntries = 1024
    public static let fetchEntries = 256
    /// A flush visits what was entered, as long as that is no more than this.
    private static let logCapacity = 192
    /// No page has this address: its low bits are set.
    public static let invalidTag: UInt64 = ~0

    public var data: UnsafeMutablePointer<DataEntry>
    public var fetch: UnsafeMutablePointer<FetchEntry>
    public internal(set) var key: Key
    /// When it was last selected, for eviction.
    var stamp: UInt64 = 0
    /// First and last byte of the range of all superpages entered: a fence within it drops the whole context. The last,
    /// and not the end: of a superpage at the top of the address space that would be 0.
    private var superpageStart: UInt64 = ~0
    private var superpageLast: UInt64 = 0
    /// Pages entered since the last flush, by the low bits of their number; what is beyond the log's capacity is only
    /// counted.
    private let log: UnsafeMutablePointer<UInt16>
    private var entered = 0

    init(key: Key) {
        self.key = key
        data = .allocate(capacity: Self.dataEntries)
        fetch = .allocate(capacity: Self.fetchEntries)
        log = .allocate(capacity: Self.logCapacity)
        data.initialize(
            repeating: DataEntry(readTag: Self.invalidTag, writeTag: Self.invalidTag, addend: 0),
            count: Self.dataEntries)
        fetch.initialize(
            repeating: FetchEntry(tag: Self.invalidTag, slots: UnsafeMutableRawPointer(data)),
            count: Self.fetchEntries)
    }

    func deallocate() {
        data.deallocate()
        fetch.deallocate()
        log.deallocate()
    }

    @inline(__always) static func index(_ address: UInt64) -> Int {
        Int(truncatingIfNeeded: (address &>> 12) & UInt64(dataEntries &- 1))
    }

    @inline(__always) static func fetchIndex(_ address: UInt64) -> Int {
        Int(truncatingIfNeeded: (address &>> 12) & UInt64(fetchEntries &- 1))
    }

    private var isEmpty: Bool { entered == 0 }

    /// Drops everything.
    mutating func flush() {
        guard !isEmpty else { return }
        if entered <= Self.logCapacity {
            for index in 0..<entered { drop(Int(log[index])) }
        } else {
            for index in 0..<Self.dataEntries { drop(index) }
        }
        superpageStart = ~0
        superpageLast = 0
        entered = 0
    }

    private func drop(_ page: Int) {
        data[page].readTag = Self.invalidTag
        data[page].writeTag = Self.invalidTag
        fetch[page & (Self.fetchEntries - 1)].tag = Self.invalidTag
    }

    /// Drops what translates `address`.
    mutating func flush(page address: UInt64) {
        guard !isEmpty else { return }
        if address >= superpageStart && address <= superpageLast { return flush() }
        let page = address & ~4095
        let index = Self.index(address)
        if data[index].readTag == page { data[index].readTag = Self.invalidTag }
        if data[index].writeTag == page { data[index].writeTag = Self.invalidTag }
        if fetch[Self.fetchIndex(address)].tag == page { fetch[Self.fetchIndex(address)].tag = Self.invalidTag }
    }

    /// Enters a data page. `superpage` is the size in bytes of the leaf it came from.
    mutating func enter(_ address: UInt64, host: UnsafeMutableRawPointer, write: Bool, superpage: UInt64) {
        let page = address & ~4095
        let index = Self.index(address)
        let addend = UInt64(UInt(bitPattern: host)) &- page
        if data[index].addend != addend || (data[index].readTag != page && data[index].writeTag != page) {
            data[index] = DataEntry(readTag: Self.invalidTag, writeTag: Self.invalidTag, addend: addend)
        }
        if write { data[index].writeTag = page } else { data[index].readTag = page }
        note(page, superpage)
    }

    mutating func enterFetch(_ address: UInt64, slots: UnsafeMutableRawPointer, superpage: UInt64) {
        fetch[Self.fetchIndex(address)] = FetchEntry(tag: address & ~4095, slots: slots)
        note(address, superpage)
    }

    private mutating func note(_ address: UInt64, _ superpage: UInt64) {
        if entered < Self.logCapacity { log[entered] = UInt16(truncatingIfNeeded: Self.index(address)) }
        if entered <= Self.logCapacity { entered += 1 }
        if superpage > 4096 {
            let start = address & ~(superpage &- 1)
            superpageStart = min(superpageStart, start)
            superpageLast = max(superpageLast, start &+ (superpage &- 1))
        }
    }

    /// Drops entries that write to the host page at `host`: it holds decoded code now, and writes must be seen.
    func dropWrites(host: UInt64) {
        guard !isEmpty else { return }
        for index in 0..<Self.dataEntries where data[index].writeTag != Self.invalidTag {
            if data[index].writeTag &+ data[index].addend == host { data[index].writeTag = Self.invalidTag }
        }
    }
}

/// The contexts of one CPU: a bounded pool, the least recently selected one evicted.
public struct ContextPool {
    public static let capacity = 32
    let contexts: UnsafeMutablePointer<TranslationContext>
    private var count = 0
    private var clock: UInt64 = 0
    /// Where each hash of a key was found last.
    private let memo: UnsafeMutablePointer<UInt8>

    init() {
        contexts = .allocate(capacity: Self.capacity)
        memo = .allocate(capacity: 256)
        memo.initialize(repeating: 0, count: 256)
    }

    func deallocate() {
        forEach { $0.pointee.deallocate() }
        contexts.deallocate()
        memo.deallocate()
    }

    /// The context of `key`, made or recycled if there is none.
    mutating func select(_ key: TranslationContext.Key) -> UnsafeMutablePointer<TranslationContext> {
        clock &+= 1
        let hash = key.hash
        let guess = Int(memo[hash])
        if guess < count && contexts[guess].key == key {
            contexts[guess].stamp = clock
            return contexts + guess
        }
        var index = 0
        while index < count && contexts[index].key != key { index += 1 }
        if index == count {
            if count < Self.capacity {
                (contexts + count).initialize(to: TranslationContext(key: key))
                count += 1
            } else {
                index = 0
                for other in 1..<count where contexts[other].stamp < contexts[index].stamp { index = other }
                contexts[index].flush()
                contexts[index].key = key
            }
        }
        memo[hash] = UInt8(truncatingIfNeeded: index)
        contexts[index].stamp = clock
        return contexts + index
    }

    func forEach(_ body: (UnsafeMutablePointer<TranslationContext>) -> Void) {
        for index in 0..<count { body(contexts + index) }
    }

    func flushAll() {
        forEach { $0.pointee.flush() }
    }
}
