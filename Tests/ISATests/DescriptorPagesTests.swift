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
        var watched: [UInt64] = []
        var changed: [UInt64] = []

        func codeChanged(page: UInt64, granules: UInt64) { changed.append(page) }
        func memoryMapChanged() {}
        func writesAreWatched(page: UInt64) { watched.append(page) }
        func translationsChanged() { drops += 1 }
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

    private func use(_ offset: UInt64) { memory.noteUse(ofDescriptor: Self.base + offset, in: region) }

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
