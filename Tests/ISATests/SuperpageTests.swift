import Testing

@testable import ISA

@Suite("What a fence of one address drops")
struct SuperpageTests {
    private static let mebibytes: UInt64 = 1 << 20

    /// A context that reads the page at each address, from a leaf of so many bytes.
    private func context(_ pages: [(address: UInt64, leaf: UInt64)]) -> UnsafeMutablePointer<TranslationContext> {
        let context = TranslationContext.make(key: .init(firstStage: 0, secondStage: 0, mode: 0))
        // SAFETY: entries only note the distance to this address; nothing is accessed.
        let host = UnsafeMutableRawPointer(bitPattern: 0x7000_0000)!
        for page in pages {
            context.pointee.enter(page.address, host: host, for: .read, superpage: page.leaf)
        }
        return context
    }

    private func isThere(_ address: UInt64, _ context: UnsafeMutablePointer<TranslationContext>) -> Bool {
        context.pointee.reads[TranslationContext.index(address)].mayRead(address, bytes: 8)
    }

    @Test("All pages of the superpage that holds the address go, at whichever of its addresses the fence is")
    func within() {
        let superpage: UInt64 = 0xffff_8000_0820_0000
        for leaf in [64 << 10, 2 * Self.mebibytes, 1 << 30] {
            let base = superpage & ~(leaf - 1)
            let pages = [base, base + 0x3000, base + leaf - 4096]
            for address in [base, base + 0x7000, base + leaf - 1] {
                let context = context(pages.map { ($0, leaf) })
                defer { TranslationContext.deallocate(context) }
                context.pointee.flush(page: address)
                #expect(pages.allSatisfy { !isThere($0, context) }, "leaf \(leaf), fence at \(address - base)")
            }
        }
    }

    @Test("Pages of superpages stay where the fence lies between these")
    func between() {
        let (low, high): (UInt64, UInt64) = (0xffff_8000_0820_0000, 0xffff_fc00_0020_0000)
        var stayed = 0
        for number: UInt64 in 1...100 {
            let context = context([(low, 2 * Self.mebibytes), (high + 0x1000, 2 * Self.mebibytes)])
            defer { TranslationContext.deallocate(context) }
            context.pointee.flush(page: low + number * 2 * Self.mebibytes)
            stayed += isThere(low, context) && isThere(high + 0x1000, context) ? 1 : 0
        }
        // What has its bit in common with one of these is taken for it.
        #expect(stayed >= 95)
    }

    @Test("The page of tables that was written last goes with its address, with its superpage, and with everything")
    func tables() {
        let (address, frame): (UInt64, UInt64) = (0xffff_8000_0820_1000, 0x4_2000_3000)
        func physical(leaf: UInt64, after flush: (inout TranslationContext) -> Void) -> UInt64? {
            let context = context([])
            defer { TranslationContext.deallocate(context) }
            context.pointee.enterTable(address | 0x18, frame, superpage: leaf)
            flush(&context.pointee)
            return context.pointee.tablePhysical(address | 0xff8)
        }
        #expect(physical(leaf: 4096) { _ in } == frame | 0xff8)
        #expect(physical(leaf: 4096) { $0.flush(page: address + 4096) } == frame | 0xff8)
        #expect(physical(leaf: 4096) { $0.flush(page: address | 0x123) } == nil)
        #expect(physical(leaf: 2 * Self.mebibytes) { $0.flush(page: address + 0x5000) } == nil)
        #expect(physical(leaf: 4096) { $0.flush() } == nil)
    }
}
