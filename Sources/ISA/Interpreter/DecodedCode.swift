/// A handler of the interpreter: it carries out one decoded instruction and tail-calls the handler of the next.
///
/// Only integers and raw pointers travel in its arguments, all six in host registers: the state block, the slot, the
/// virtual address of the slot's page, the page's slots, the budget, and the data TLB.
///
/// The thin convention is the plain one of Swift functions without a context; C's goes through a thunk, one more jump an
/// instruction. It is not an official part of the language, and the compiler of debug builds crashes on it.
#if DEBUG
public typealias Handler =
    @convention(c) (
        UnsafeMutableRawPointer, UnsafeMutableRawPointer, UInt64, UnsafeMutableRawPointer, UInt64,
        UnsafeMutableRawPointer
    ) -> Void
#else
public typealias Handler =
    @convention(thin) (
        UnsafeMutableRawPointer, UnsafeMutableRawPointer, UInt64, UnsafeMutableRawPointer, UInt64,
        UnsafeMutableRawPointer
    ) -> Void
#endif

/// One decoded instruction: its handler and operands.
///
/// A page has a slot for each 2-byte position, so an address is a shift away from its slot.
public struct DecodedSlot {
    public var handler: UInt
    /// Register numbers; a destination of x0 is decoded as ``sink``.
    public var rd: UInt8
    public var rs1: UInt8
    public var rs2: UInt8
    /// How far the next slot is, in bytes: the instruction's length in slots (1 or 2) times the size of a slot.
    public var advance: UInt8
    /// Length in slots: 1 or 2.
    public var length: UInt8 {
        get { advance / UInt8(Self.bytes) }
        set { advance = newValue &* UInt8(Self.bytes) }
    }
    public var immediate: Int32

    /// - Parameter length: in slots of 2 bytes.
    public init(
        handler: UInt, rd: UInt8 = 0, rs1: UInt8 = 0, rs2: UInt8 = 0, length: UInt8 = 1, immediate: Int32 = 0
    ) {
        self.handler = handler
        self.rd = rd
        self.rs1 = rs1
        self.rs2 = rs2
        advance = length &* UInt8(Self.bytes)
        self.immediate = immediate
    }

    public static let bytes = 16
    /// The register that takes writes to a hard-wired zero.
    public static let sink: UInt8 = 32
}

/// One page of guest code, decoded slot by slot as it is reached.
package final class DecodedPage {
    /// Slots of a 4 KiB page. Behind them stand two that lead to the next page, and one that names this object; and then,
    /// for whoever does not go by its handler, the number of the operation that each slot holds.
    package static let slotCount = 2048
    private static let allSlots = slotCount + 3
    package let slots: UnsafeMutablePointer<DecodedSlot>
    /// Guest-physical address.
    package let physical: UInt64
    package let host: UnsafeRawPointer
    /// The 64-byte granules that have decoded slots: the memory's own note of them.
    package let granules: UnsafeMutablePointer<UInt64>
    /// The memory's note of TLB entries that write to the page.
    package let isWritten: UnsafeMutablePointer<Bool>
    /// The memory's note of translation tables in the page.
    package let table: UnsafeMutablePointer<PhysicalMemory.TableNote>
    /// The slots that have the handler of breakpoints in place of their instructions'.
    private var breakpoints: [Int] = []

    package init(
        physical: UInt64, host: UnsafeRawPointer, notes: PhysicalMemory.PageNotes, decode: UInt, pageEnd: UInt
    ) {
        granules = notes.codeGranules
        isWritten = notes.isWritten
        table = notes.table
        self.physical = physical
        self.host = host
        slots = Self.allocateSlots(handler: decode, pageEnd: pageEnd)
        slots[Self.slotCount + 2].handler = UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque())
    }

    /// The slots of a page that belong to no object yet: free them by `deallocate`.
    package static func allocateSlots(handler: UInt, pageEnd: UInt) -> UnsafeMutablePointer<DecodedSlot> {
        let size = allSlots * DecodedSlot.bytes + slotCount * MemoryLayout<UInt16>.stride
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: DecodedSlot.bytes)
        let slots = memory.bindMemory(to: DecodedSlot.self, capacity: allSlots)
        slots.initialize(repeating: DecodedSlot(handler: handler), count: slotCount)
        (slots + slotCount).initialize(repeating: DecodedSlot(handler: pageEnd), count: 3)
        (memory + allSlots * DecodedSlot.bytes).bindMemory(to: UInt16.self, capacity: slotCount)
            .initialize(repeating: 0, count: slotCount)
        return slots
    }

    /// Where the number of the operation stands that the slot at `index` of the page at `slots` holds.
    package static func operation(_ index: Int, _ slots: UnsafeMutableRawPointer) -> UnsafeMutablePointer<UInt16> {
        (slots + allSlots * DecodedSlot.bytes).assumingMemoryBound(to: UInt16.self) + index
    }

    /// The same of the slot at `slot`.
    package static func operation(
        of slot: UnsafeMutableRawPointer, _ slots: UnsafeMutableRawPointer
    ) -> UInt16 {
        operation((slot - slots) / DecodedSlot.bytes, slots).pointee
    }

    /// The page whose slots begin at `base`.
    package static func owner(of base: UnsafeMutableRawPointer) -> DecodedPage {
        let slots = base.assumingMemoryBound(to: DecodedSlot.self)
        // SAFETY: the last slot was set to the page's own address when the slots were allocated, and they live as long
        // as it does; the code cache, which keeps it alive, drops pages only while no handler runs.
        let opaque = UnsafeRawPointer(bitPattern: slots[slotCount + 2].handler)!
        return Unmanaged<DecodedPage>.fromOpaque(opaque).takeUnretainedValue()
    }

    /// The host's address of the page whose slots begin at `base`. No reference is counted.
    package static func host(of base: UnsafeMutableRawPointer) -> UnsafeRawPointer {
        let slots = base.assumingMemoryBound(to: DecodedSlot.self)
        // SAFETY: as above.
        let opaque = UnsafeRawPointer(bitPattern: slots[slotCount + 2].handler)!
        return Unmanaged<DecodedPage>.fromOpaque(opaque)._withUnsafeGuaranteedRef { $0.host }
    }

    deinit {
        slots.deallocate()
    }

    /// Forgets the slots decoded from the granules, among them one that begins before a granule and ends in it.
    ///
    /// Operands stay: the instruction that writes may be in a granule itself, and goes on to its successor by its own
    /// length.
    package func invalidate(granules changed: UInt64, decode: UInt, breakpoint: UInt) {
        guard changed & granules.pointee != 0 else { return }
        for granule in 0..<64 where changed & 1 << UInt64(granule) != 0 {
            let first = granule * 32
            for slot in max(0, first - 1)..<(first + 32) { slots[slot].handler = decode }
        }
        granules.pointee &= ~changed
        for slot in breakpoints { slots[slot].handler = breakpoint }
    }

    /// Has the slot have the handler of breakpoints, `breakpoint`, from now on.
    func setBreakpoint(_ slot: Int, _ breakpoint: UInt) {
        guard slots[slot].handler != breakpoint else { return }
        slots[slot].handler = breakpoint
        breakpoints.append(slot)
    }

    func removeBreakpoints(decode: UInt) {
        for slot in breakpoints { slots[slot].handler = decode }
        breakpoints.removeAll()
    }
}

/// All decoded code of a machine, shared by its CPUs, by physical page.
///
/// It is bounded, as a page takes 32 KiB. Pages are in two generations: those that were fetched from since the generation
/// began, and those of the one before. When the young one is full, the old one goes, which nobody has fetched from for that
/// long. Its granules stay noted: others may have made something of that code too.
public final class CodeCache: CodeObserver {
    package let memory: PhysicalMemory
    /// Pages of a generation.
    private let generationCapacity: Int
    package let decodeHandler: UInt
    package let pageEndHandler: UInt
    /// Of instructions with a breakpoint.
    package let breakpointHandler: UInt
    private var pages: [UInt64: DecodedPage] = [:]
    private var oldPages: [UInt64: DecodedPage] = [:]
    /// Every CPU's TLBs: what is written may become code, a generation end, and translations be stale.
    package var pools: [ContextPool] = []

    package init(
        memory: PhysicalMemory, pageCapacity: Int, decodeHandler: UInt, pageEndHandler: UInt, breakpointHandler: UInt
    ) {
        self.memory = memory
        generationCapacity = pageCapacity / 2
        self.decodeHandler = decodeHandler
        self.pageEndHandler = pageEndHandler
        self.breakpointHandler = breakpointHandler
        super.init()
        memory.addObserver(self)
    }

    deinit { memory.removeObserver(self) }

    /// The decoded page at the physical address, or nil where there is no memory. May drop other pages, so it is called
    /// only while no handler runs.
    package func page(at physical: UInt64) -> DecodedPage? {
        let address = physical & ~4095
        guard let host = memory.host(address, count: PhysicalMemory.pageSize), let notes = memory.notes(address)
        else { return nil }
        if let page = pages[address] { return page }
        if pages.count >= generationCapacity {
            // Whoever fetches from a page after this comes here first, so that it counts as young.
            for pool in pools { pool.forEach { $0.pointee.flushFetches() } }
            oldPages = pages
            pages = [:]
        }
        if let page = oldPages.removeValue(forKey: address) {
            pages[address] = page
            return page
        }
        let page = DecodedPage(
            physical: address, host: host, notes: notes, decode: decodeHandler, pageEnd: pageEndHandler)
        pages[address] = page
        return page
    }

    // MARK: Breakpoints

    /// Before the page is fetched from at `address`: gives the instructions that have a breakpoint there, or where they are in
    /// memory, the handler that says so.
    @inline(never)
    package func setBreakpoints(_ page: DecodedPage, at address: UInt64) {
        for offset in memory.stops.breakpoints(inPageAt: address, physical: page.physical) {
            page.setBreakpoint(Int(offset) / 2, breakpointHandler)
        }
    }

    /// Calls `body`, which runs no more than the instruction of the slot, with that as it is without its breakpoint.
    package func withoutBreakpoint(_ slot: UnsafeMutableRawPointer, _ body: () -> Void) {
        let slot = slot.assumingMemoryBound(to: DecodedSlot.self)
        slot.pointee.handler = decodeHandler
        body()
        slot.pointee.handler = breakpointHandler
    }

    public override func breakpointsChanged(in page: UInt64, _ space: DebugStops.AddressSpace) {
        for page in pages.values { page.removeBreakpoints(decode: decodeHandler) }
        for page in oldPages.values { page.removeBreakpoints(decode: decodeHandler) }
        // Whoever fetches from a page after this sets them.
        for pool in pools { pool.forEach { $0.pointee.flushFetches() } }
    }

    public override func watchpointsChanged() { translationsChanged() }

    // MARK: Changes

    /// Notes that the 2 bytes at `slot` of the page are code from now on.
    package func noteCode(_ page: DecodedPage, slot: Int) {
        let granule: UInt64 = 1 << UInt64(slot / 32)
        guard page.granules.pointee & granule == 0 else {
            page.table.pointee.hasCode = page.table.pointee.isWatched
            return
        }
        page.granules.pointee |= granule
        if page.isWritten.pointee {
            writesAreWatched(page: UInt64(UInt(bitPattern: page.host)))
            page.isWritten.pointee = false
        }
    }

    public override func writesAreWatched(page: UInt64) {
        for index in pools.indices { pools[index].forEach { $0.pointee.dropWrites(host: page) } }
    }

    public override func allWritesAreWatched() {
        for pool in pools { pool.forEach { $0.pointee.dropWrites() } }
    }

    public override func translationsChanged() {
        for pool in pools { pool.flushAll() }
    }

    public override func translationsChanged(of address: UInt64) {
        for index in pools.indices { pools[index].flush(page: address) }
    }

    /// How often code has changed.
    package private(set) var changes: UInt64 = 0

    public override func codeChanged(page: UInt64, granules: UInt64) {
        changes &+= 1
        if let decoded = pages[page] ?? oldPages[page] {
            decoded.invalidate(granules: granules, decode: decodeHandler, breakpoint: breakpointHandler)
        } else {
            memory.notes(page)?.codeGranules.pointee &= ~granules
        }
    }

    public override func memoryMapChanged() {
        changes &+= 1
        translationsChanged()
    }
}
