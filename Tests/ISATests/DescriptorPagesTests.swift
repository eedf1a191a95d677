import Testing

@testable import ISA

@Suite("Pages of translation tables")
struct DescriptorPagesTests {
    private static let base: UInt64 = 0x8000_0000
    private let memory = PhysicalMemory()
    private let region: PhysicalMemory.Region
    private let log = Log()

    private final class Log: CodeObserver {
        var drops = 0
        var pages: [UInt64] = []
        var watched: [UInt64] = []
        var changed: [UInt64] = []

        override func codeChanged(page: UInt64, granules: UInt64) { changed.append(page) }
        override func writesAreWatched(page: UInt64) { watched.append(page) }
        override func translationsChanged() { drops += 1 }
        override func translationsChanged(of address: UInt64) { pages.append(address) }
    }

    init() throws {
        try #require(memory.addRegion(base: Self.base, size: 64 << 10) != nil)
        region = try #require(memory.largestRegion)
        memory.descriptorInUse = 0x401
        memory.addObserver(log)
    }

    /// - Returns: whether the write has to be seen.
    private func store(_ value: UInt64, at offset: UInt64) -> Bool {
        let isPlain = memory.willWrite(Self.base + offset, count: 8, value, in: region)
        (region.host + Int(offset)).storeBytes(of: value, as: UInt64.self)
        return !isPlain
    }

    private func use(_ offset: UInt64, _ mapped: PhysicalMemory.MappedAddresses = .various) {
        memory.noteUse(ofDescriptor: Self.base + offset, in: region, mapping: mapped)
    }

    /// The same, of a first stage's leaf of 2 to the power of `shift` bytes that was found by `address`.
    private func use(_ offset: UInt64, by address: UInt64, shift: UInt64 = 12) {
        use(offset, .init(ofDescriptorAt: Self.base + offset, by: address, shift: shift))
    }

    @Test("While a descriptor is in use, nothing writes to its page unseen, and who might is told")
    func watched() {
        region.isWritten[1] = true
        #expect(!store(0x403, at: 0x1008))
        use(0x1008)
        #expect(region.codeGranules[1] == ~0)
        #expect(log.watched == [UInt64(UInt(bitPattern: region.host)) + 0x1000])
        #expect(!region.isWritten[1])
        #expect(store(0x403, at: 0x1010))
        use(0x1010)
        #expect(log.watched.count == 1, "the page was watched already")
    }

    @Test(
        "What it changes to decides: another valid one drops translations, the same or none does not",
        arguments: [(0x003, true), (0x1_0403, true), (0x403, false), (0, false), (0x402, false)] as [(UInt64, Bool)])
    func change(value: UInt64, drops: Bool) {
        _ = store(0x403, at: 0x1008)
        use(0x1008)
        #expect(store(value, at: 0x1008))
        #expect(log.drops == (drops ? 1 : 0))
        #expect(region.codeGranules[1] == (drops ? 0 : ~0), "without translations there is nothing to watch")
    }

    @Test("Where a page is used at one place, what changes drops what it maps, and nothing else")
    func oneplace() {
        for index in 0..<512 as Range<UInt64> { _ = store(0x403, at: 0x1000 + 8 * index) }
        use(0x1008, by: 0x40_1234)
        use(0x1010, by: 0x40_2000)
        #expect(store(0x1_0403, at: 0x1010))
        #expect(store(0x1_0403, at: 0x1ff8))
        #expect(log.pages == [0x40_2000, 0x5f_f000])
        #expect(store(0, at: 0x1008))
        #expect(log.pages.count == 2, "what becomes invalid is software's to invalidate")
        #expect(log.drops == 0)
        #expect(region.codeGranules[1] == ~0, "others may be in use")
    }

    @Test("So it is for leaves of all sizes, and for a table that begins within a page")
    func sizes() {
        _ = store(0x403, at: 0x2810)
        use(0x2810, by: 0xffff_ff80_0fff_f000, shift: 21)
        #expect(store(0x1_0403, at: 0x2810))
        #expect(log.pages == [0xffff_ff80_0fe0_0000])
    }

    @Test(
        "Where it is used at two places, or by a second stage, all translations are dropped",
        arguments: [true, false])
    func places(isSecondStage: Bool) {
        _ = store(0x403, at: 0x1008)
        use(0x1008, by: 0x40_1000)
        if isSecondStage { use(0x1008) } else { use(0x1008, by: 0x80_1000) }
        use(0x1008, by: 0x40_1000)
        #expect(store(0x1_0403, at: 0x1008))
        #expect(log.pages.isEmpty)
        #expect(log.drops == 1)
        #expect(!region.tables[1].isWatched)
        _ = store(0x403, at: 0x1008)
        use(0x1008, by: 0x40_1000)
        #expect(store(0x1_0403, at: 0x1008))
        #expect(log.pages == [0x40_1000], "what is watched anew is at one place again")
    }

    @Test("Descriptors that are not in use change as they like")
    func idle() {
        _ = store(0x403, at: 0x1008)
        use(0x1008)
        for value: UInt64 in [0x003, 0x403, 0x003] { #expect(store(value, at: 0x1010)) }
        // It could be in use, between.
        #expect(log.drops == 1)
    }

    @Test("Where it is not known what is written, or a device writes it, translations are dropped")
    func unknown() {
        _ = store(0x403, at: 0x1008)
        use(0x1008)
        #expect(!memory.willWrite(Self.base + 0x100f, count: 4, in: region))
        #expect(log.drops == 1)
        use(0x1008)
        var bytes: [UInt8] = [1, 2, 3]
        #expect(memory.write(Self.base + 0x1800, from: &bytes, count: 3))
        #expect(log.drops == 2)
    }

    @Test("Memory that was a table once is watched no more after some writes")
    func reuse() {
        _ = store(0x403, at: 0x1008)
        use(0x1008)
        #expect(store(0, at: 0x1008))
        var count = 0
        while store(UInt64(count) << 12, at: 0x1100), count < 1000 { count += 1 }
        #expect(count < 64)
        #expect(log.drops == 0)
        #expect(region.codeGranules[1] == 0)
    }

    @Test("Nor is one that looks like a table for ever")
    func data() {
        _ = store(0x403, at: 0x1008)
        use(0x1008)
        var count = 0
        while store(UInt64(count) << 12, at: 0x1100), count < 1000 { count += 1 }
        #expect(count < 256)
        #expect(log.drops == 1)
    }

    @Test("Code in such a page is still code, then and afterwards")
    func code() {
        region.codeGranules[1] = 1
        _ = memory.willWrite(Self.base + 0x1800, count: 8, 0x403, in: region)
        (region.host + 0x1800).storeBytes(of: 0x403, as: UInt64.self)
        use(0x1800)
        #expect(store(1, at: 0x1000))
        #expect(log.changed == [Self.base + 0x1000])
        #expect(region.codeGranules[1] == ~0, "its tables are watched as before")
        #expect(store(0x003, at: 0x1800))
        #expect(log.drops == 1)
        #expect(!region.tables[1].isWatched)
        #expect(store(1, at: 0x1000), "it holds code as before")
        #expect(log.changed.count == 3)
    }
}
