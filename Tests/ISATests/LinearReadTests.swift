import Testing

@testable import ISA

@Suite("Memory that is mapped as one piece")
struct LinearReadTests {
    private static func host(_ address: UInt64) -> UnsafeMutableRawPointer {
        // SAFETY: an entry only notes the distance to this address; nothing is accessed.
        UnsafeMutableRawPointer(bitPattern: UInt(address))!
    }

    /// Enters `count` pages from `page` on, `distance` away in the host.
    private func enter(
        _ context: UnsafeMutablePointer<TranslationContext>, _ page: UInt64, count: UInt64, distance: UInt64
    ) {
        for address in stride(from: page, to: page + count << 12, by: 4096) {
            context.pointee.enter(address, host: Self.host(address &+ distance), for: .read, superpage: 4096)
        }
    }

    private func withContext(_ body: (UnsafeMutablePointer<TranslationContext>) -> Void) {
        let context = TranslationContext.make(key: .init(firstStage: 0, secondStage: 0, mode: 0))
        body(context)
        TranslationContext.deallocate(context)
    }

    @Test("The distance of the first page is expected, until most pages have another one")
    func majority() {
        withContext { context in
            #expect(!context.pointee.isMostlyLinear, "nothing was entered")
            enter(context, 0x8000_0000, count: 8, distance: 0x1000_0000)
            #expect(context.pointee.isMostlyLinear)
            #expect(context.pointee.linearAddend == 0x1000_0000)
            enter(context, 0x4000_0000, count: 20, distance: 0x2000_0000)
            #expect(!context.pointee.isMostlyLinear, "there is no use in it where pages are here and there")
            #expect(context.pointee.linearAddend == 0x1000_0000)
            enter(context, 0x4002_0000, count: 100, distance: 0x2000_0000)
            #expect(context.pointee.isMostlyLinear)
            #expect(context.pointee.linearAddend == 0x2000_0000)
        }
    }

    @Test("An entry is found only as long as the page is entered at the expected distance")
    func tags() {
        withContext { context in
            func tag(_ page: UInt64) -> UInt64 {
                let tags = UnsafeRawPointer(context) + TranslationContext.linearReadsOffset
                return tags.load(fromByteOffset: 8 * TranslationContext.index(page), as: UInt64.self)
            }
            let pages = (0..<6 as Range<UInt64>).map { 0x8000_0000 + $0 << 12 }
            enter(context, pages[0], count: 6, distance: 0x1000_0000)
            #expect(pages.map(tag) == pages)
            enter(context, pages[1], count: 1, distance: 0x3000_0000)
            #expect(tag(pages[1]) != pages[1], "it was entered elsewhere")
            context.pointee.flush(page: pages[2])
            #expect(tag(pages[2]) != pages[2], "it was dropped")
            enter(context, 0x4001_0000, count: 100, distance: 0x3000_0000)
            #expect(tag(pages[1]) == pages[1], "most are where it is by now")
            #expect(tag(pages[5]) != pages[5])
            context.pointee.flush()
            #expect((pages + [0x4001_0000]).allSatisfy { tag($0) != $0 }, "all were dropped")
        }
    }
}
