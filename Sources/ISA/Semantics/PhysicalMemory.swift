#if canImport(Glibc)
import Glibc
#endif

/// What lies on the bus beside RAM: devices. CPUs call it from their slow paths only.
public protocol PhysicalBus: AnyObject {
    /// The little-endian value of `size` (1, 2, 4 or 8) bytes at `address`, or nil where nothing answers.
    func read(_ address: UInt64, size: Int) -> UInt64?
    /// False where nothing answers.
    func write(_ address: UInt64, size: Int, value: UInt64) -> Bool
    /// Whether anything is at `address`; it may refuse an access all the same.
    func answers(at address: UInt64) -> Bool
}

extension PhysicalBus {
    public func answers(at address: UInt64) -> Bool { true }
}

/// Told when bytes that a CPU has decoded or may have cached change behind its back. A class and no protocol, so that to tell
/// it counts no references.
open class CodeObserver {
    public init() {}
    /// Bytes of the physical page at `page` (4 KiB aligned), in the 64-byte granules of `granules` (bit n: bytes
    /// 64n..64n+63), have changed: what was decoded from them is stale.
    open func codeChanged(page: UInt64, granules: UInt64) {}
    /// The region map changed: every cached translation is stale.
    open func memoryMapChanged() {}
    /// The same of all pages.
    open func allWritesAreWatched() {}
    /// What is written to the page at the host address `page` has to be seen from now on: no translation may let it be
    /// written to.
    open func writesAreWatched(page: UInt64) {}
    /// Translations may be stale: none may be used any more.
    open func translationsChanged() {}
    /// The same of those of the virtual page at `address`, or of what superpage holds it, in all address spaces.
    open func translationsChanged(of address: UInt64) {}
    /// Breakpoints were inserted into the page at `page`, or removed from it: what was made of its code goes.
    open func breakpointsChanged(in page: UInt64, _ space: DebugStops.AddressSpace) {}
    /// Other data is watched: no translation may be used any more.
    open func watchpointsChanged() {}
}

/// The RAM and ROM of a machine: host memory at guest-physical addresses.
///
/// Hot paths do not come here: they use TLB entries that were filled from it. For each 4 KiB page it keeps two notes:
/// where in it some CPU holds decoded code, and whether some TLB may write to the rest unseen.
public final class PhysicalMemory {
    public struct Region {
        public let base: UInt64
        public let size: UInt64
        public let host: UnsafeMutableRawPointer
        /// Guest writes go to the bus instead (flash).
        public let isReadOnly: Bool
        /// While false the region is not there, and accesses go to the bus (flash in command mode).
        public fileprivate(set) var isEnabled: Bool
        /// For each page, whether a TLB entry may write to parts of it directly.
        package let isWritten: UnsafeMutablePointer<Bool>
        /// For each page, whether somebody wants to be told before it changes.
        package let isClean: UnsafeMutablePointer<Bool>
        /// For each page, a bit for each 64 bytes of it that were decoded as code; all of them where tables are watched.
        public let codeGranules: UnsafeMutablePointer<UInt64>
        /// What is known of each page as one of translation tables.
        package let tables: UnsafeMutablePointer<TableNote>
    }

    public static let pageSize: UInt64 = 4096
    /// Bytes of the parts of a page that code is watched by.
    public static let granule: UInt64 = 64

    public private(set) var regions: [Region] = []
    /// They hold the memory, so that it may not hold them; and a weak reference would cost more than most of what they do.
    private var observers: [Uncounted<CodeObserver>] = []
    /// The bits of a descriptor, bit 0 among them, all of which are set where translations may come from it.
    package var descriptorInUse: UInt64 = 0
    /// Told of pages that are clean, before they change.
    var changeObservers: [ChangeObserver] = []
    /// How often a page has come to be watched for its tables.
    package var watches: UInt64 = 0
    /// The notes of each page that is watched for its tables, or was.
    var watchedTables: [(note: UnsafeMutablePointer<TableNote>, granules: UnsafeMutablePointer<UInt64>)] = []

    /// Where CPUs stop for a debugger.
    public let stops = DebugStops()

    public init() { stops.memory = self }

    deinit {
        for region in regions {
            region.isWritten.deallocate()
            region.isClean.deallocate()
            munmap(region.tables, Self.notesSize(region.size, of: TableNote.self))
            munmap(region.codeGranules, Self.notesSize(region.size, of: UInt64.self))
            munmap(region.host, Int(region.size))
        }
    }

    /// - Precondition: the observer calls ``removeObserver(_:)`` before it goes.
    public func addObserver(_ observer: CodeObserver) {
        observers.append(Uncounted(observer))
    }

    public func removeObserver(_ observer: CodeObserver) {
        observers.removeAll { $0 == Uncounted(observer) }
    }

    /// Adds zero-filled memory.
    /// - Parameters:
    ///   - base, size: multiples of 4096 bytes; the range is free.
    /// - Returns: its host address, or nil when the host has not that much.
    @discardableResult
    public func addRegion(base: UInt64, size: UInt64, isReadOnly: Bool = false) -> UnsafeMutableRawPointer? {
        precondition(base % Self.pageSize == 0 && size % Self.pageSize == 0 && size > 0)
        precondition(!regions.contains { $0.base < base + size && base < $0.base + $0.size }, "memory regions overlap")
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let host = mmap(nil, Int(size), PROT_READ | PROT_WRITE, flags, -1, 0), host != MAP_FAILED else {
            return nil
        }
        // Larger pages of the host's, where it has them: fewer first touches, and fewer misses of its own TLB.
        madvise(host, Int(size), MADV_HUGEPAGE)
        let pages = Int(size / Self.pageSize)
        // Mapped, so that what is neither code nor a table takes no memory; nothing is known where it is zero.
        guard let granules = mmap(nil, Self.notesSize(size, of: UInt64.self), PROT_READ | PROT_WRITE, flags, -1, 0),
            granules != MAP_FAILED
        else {
            munmap(host, Int(size))
            return nil
        }
        guard let tables = mmap(nil, Self.notesSize(size, of: TableNote.self), PROT_READ | PROT_WRITE, flags, -1, 0),
            tables != MAP_FAILED
        else {
            munmap(granules, Self.notesSize(size, of: UInt64.self))
            munmap(host, Int(size))
            return nil
        }
        let isWritten = UnsafeMutablePointer<Bool>.allocate(capacity: pages)
        isWritten.initialize(repeating: false, count: pages)
        let isClean = UnsafeMutablePointer<Bool>.allocate(capacity: pages)
        isClean.initialize(repeating: !changeObservers.isEmpty, count: pages)
        regions.append(
            Region(
                base: base, size: size, host: host, isReadOnly: isReadOnly, isEnabled: true, isWritten: isWritten,
                isClean: isClean,
                codeGranules: granules.bindMemory(to: UInt64.self, capacity: pages),
                tables: tables.bindMemory(to: TableNote.self, capacity: pages)))
        largestRegion = regions.filter { !$0.isReadOnly }.max { $0.size < $1.size }
        return host
    }

    /// The bytes of notes of one kind for `size` bytes of memory.
    private static func notesSize<Note>(_ size: UInt64, of _: Note.Type) -> Int {
        Int(size / pageSize) * MemoryLayout<Note>.stride
    }

    /// The notes of a page.
    package struct PageNotes {
        /// Its granules that were decoded.
        package let codeGranules: UnsafeMutablePointer<UInt64>
        /// Whether TLBs write to it.
        package let isWritten: UnsafeMutablePointer<Bool>
        package let table: UnsafeMutablePointer<TableNote>
    }

    /// Those of the page at `address`.
    package func notes(_ address: UInt64) -> PageNotes? {
        guard let region = region(containing: address) else { return nil }
        let page = Int((address - region.base) / Self.pageSize)
        return PageNotes(
            codeGranules: region.codeGranules + page, isWritten: region.isWritten + page, table: region.tables + page)
    }

    /// The largest writable region: the RAM proper.
    public private(set) var largestRegion: Region?

    /// Shows or hides the region at `base` (flash leaving and entering its command mode).
    public func setEnabled(_ enabled: Bool, at base: UInt64) {
        guard let index = regions.firstIndex(where: { $0.base == base }), regions[index].isEnabled != enabled else {
            return
        }
        regions[index].isEnabled = enabled
        forgetCode()
    }

    /// Makes all observers drop everything.
    package func forgetCode() {
        forEachObserver { $0.memoryMapChanged() }
    }

    @inline(__always)
    func forEachObserver(_ body: (CodeObserver) -> Void) {
        // By their places, as the array is counted otherwise.
        for index in observers.indices { observers[index].with(body) }
    }

    /// The region that holds all of `address ..< address + count`.
    public func region(containing address: UInt64, count: UInt64 = 1) -> Region? {
        for region in regions where region.isEnabled && address >= region.base {
            let offset = address - region.base
            if offset < region.size && count <= region.size - offset { return region }
        }
        return nil
    }

    /// Host address of `count` bytes at `address`, or nil when they are not all in one region.
    public func host(_ address: UInt64, count: UInt64 = 1) -> UnsafeMutableRawPointer? {
        guard let region = region(containing: address, count: count) else { return nil }
        return region.host + Int(address - region.base)
    }

    /// Copies `count` bytes out; false, and nothing copied, when they are not all memory.
    public func read(_ address: UInt64, into target: UnsafeMutableRawPointer, count: Int) -> Bool {
        guard let source = host(address, count: UInt64(count)) else { return false }
        target.copyMemory(from: source, byteCount: count)
        return true
    }

    /// Copies `count` bytes in, as DMA does: decoded code of these bytes is dropped.
    public func write(_ address: UInt64, from source: UnsafeRawPointer, count: Int) -> Bool {
        guard writeByCPU(address, from: source, count: count) else { return false }
        if stops.watchesDevices, count > 0 { stops.reportDeviceWrite(address, count: UInt64(count)) }
        return true
    }

    /// The same of what is no device's write.
    package func writeByCPU(_ address: UInt64, from source: UnsafeRawPointer, count: Int) -> Bool {
        guard count > 0 else { return true }
        guard let region = region(containing: address, count: UInt64(count)), !region.isReadOnly else { return false }
        willChange(address, count: UInt64(count))
        (region.host + Int(address - region.base)).copyMemory(from: source, byteCount: count)
        noteWrite(address, count: UInt64(count), isExamined: false)
        return true
    }

    /// Drops what was decoded from `address ..< address + count`, after a device has changed those bytes, and all translations
    /// where tables are watched there.
    /// - Returns: whether there was any code.
    @discardableResult
    public func noteWrite(_ address: UInt64, count: UInt64) -> Bool {
        if stops.watchesDevices, count > 0 { stops.reportDeviceWrite(address, count: count) }
        return noteWrite(address, count: count, isExamined: false)
    }

    /// The same of what nobody in the machine has changed: a machine that is put back, or a debugger.
    public func noteEdit(_ address: UInt64, count: UInt64) { noteWrite(address, count: count, isExamined: false) }

    /// - Parameter isExamined: the tables were seen to.
    @discardableResult
    func noteWrite(_ address: UInt64, count: UInt64, isExamined: Bool) -> Bool {
        guard let region = region(containing: address, count: count) else { return false }
        var wasCode = false
        var page = address & ~(Self.pageSize - 1)
        let end = address + count
        while page < end {
            let number = Int((page - region.base) / Self.pageSize)
            if region.tables[number].isWatched, !isExamined { forgetTranslations() }
            // A page that is watched for its tables alone has all bits and no code.
            if region.codeGranules[number] != 0, !region.tables[number].isWatched || region.tables[number].hasCode {
                let first = max(address, page) - page
                let last = min(end, page + Self.pageSize) - 1 - page
                let granules = (~0 << (first / 64)) & (~0 >> (63 - last / 64)) as UInt64
                if region.codeGranules[number] & granules != 0 {
                    wasCode = true
                    forEachObserver { $0.codeChanged(page: page, granules: granules) }
                    if region.tables[number].isWatched { region.codeGranules[number] = ~0 }
                }
            }
            page += Self.pageSize
        }
        return wasCode
    }
}
