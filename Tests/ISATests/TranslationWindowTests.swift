import Testing

@testable import ISA

@Suite("Memory that is mapped as one piece")
struct TranslationWindowTests {
    private static let base: UInt64 = 0x8000_0000
    /// Not where the pages of guests are, so that a distance of 0 is no distance.
    private static let virtual: UInt64 = 0xffff_0000_0000_0000
    private static let block: UInt64 = 2 << 20

    private let memory = PhysicalMemory()
    private let region: PhysicalMemory.Region
    private let context: UnsafeMutablePointer<TranslationContext>

    init() throws {
        // A page less than two blocks and a half.
        try #require(memory.addRegion(base: Self.base, size: 5 << 20 - 4096) != nil)
        region = try #require(memory.largestRegion)
        context = TranslationContext.make(key: .init(firstStage: 0, secondStage: 0, mode: 0))
    }

    /// Enters the page at `offset` in memory, from a leaf of `size` bytes.
    private func enter(_ offset: UInt64, size: UInt64 = block, isWrite: Bool = false, at virtual: UInt64 = virtual) {
        let (address, physical) = (virtual + offset, Self.base + offset)
        let use: TranslationContext.Use =
            isWrite ? .write(code: region.codeGranules[Int(offset / 4096)]) : .read
        context.pointee.enter(address, host: region.host + Int(offset & ~4095), for: use, superpage: size)
        context.pointee.notePage(address, physical: physical, size: size, in: region, isWrite: isWrite)
    }

    private func end() { TranslationContext.deallocate(context) }

    @Test("A block is a window, neighbours are one, and none reaches over the end of memory")
    func blocks() {
        defer { end() }
        #expect(!context.pointee.hasReadWindow, "nothing was entered")
        enter(0x1000)
        #expect(context.pointee.hasReadWindow)
        #expect(context.pointee.readWindow.start == Self.virtual)
        #expect(context.pointee.readWindow.size == Self.block)
        #expect(
            context.pointee.readWindow.addend == UInt64(UInt(bitPattern: region.host)) &- Self.virtual)
        enter(2 * Self.block)
        #expect(context.pointee.readWindow.size == Self.block, "there is a hole between them")
        enter(Self.block + 8)
        #expect(context.pointee.readWindow.size == 2 * Self.block)
        enter(2 * Self.block)
        #expect(context.pointee.readWindow.size == 5 << 20 - 4096)
        #expect(context.pointee.readWindow.start == Self.virtual)
    }

    @Test("An access may begin where the longest one ends within the window, and nowhere else")
    func limit() {
        defer { end() }
        enter(0)
        let window = context.pointee.readWindow
        #expect(window.limit - 1 + TranslationContext.Window.longestAccess == Self.block)
        #expect(TranslationContext.Window().limit == 0)
    }

    @Test("Memory that most pages are not in is no window, and gives way to what they are in")
    func majority() {
        defer { end() }
        enter(0)
        for page in 0..<40 as Range<UInt64> { enter(Self.block + page << 12, size: 4096) }
        #expect(!context.pointee.hasReadWindow, "pages are here and there")
        #expect(context.pointee.readWindow.start == Self.virtual)
        let other = Self.virtual + 1 << 40
        for page in 0..<100 as Range<UInt64> { enter(page << 12, at: other) }
        #expect(context.pointee.hasReadWindow)
        #expect(context.pointee.readWindow.start == other)
    }

    @Test("Code is left out of what may be written, found before or after, and the longer part is kept")
    func code() {
        defer { end() }
        region.codeGranules[10] = 1
        enter(0)
        enter(0x5000, isWrite: true)
        #expect(context.pointee.writeWindow.start == Self.virtual)
        #expect(context.pointee.writeWindow.size == 10 << 12)
        enter(0xa000, isWrite: true)
        #expect(context.pointee.writeWindow.size == 10 << 12, "the page holds code")
        enter(0xb000, isWrite: true)
        #expect(context.pointee.writeWindow.start == Self.virtual + 0xb000)
        #expect(context.pointee.writeWindow.size == Self.block - 0xb000)
        #expect(context.pointee.hasWriteWindow)
        for (page, first, last) in [(20, 21, 511), (511, 21, 510), (30, 31, 510)] as [(Int, UInt64, UInt64)] {
            #expect(region.isWritten[page], "who finds code there does not say so")
            context.pointee.dropWrites(host: UInt64(UInt(bitPattern: region.host + page << 12)))
            #expect(context.pointee.writeWindow.start == Self.virtual + first << 12)
            #expect(context.pointee.writeWindow.size == (last - first + 1) << 12)
        }
        #expect(context.pointee.readWindow.size == Self.block, "what is code may be read")
    }

    @Test(
        "It goes with the context's entries, and with any address of a leaf", arguments: [nil, 0x1f_f000] as [UInt64?])
    func flush(offset: UInt64?) {
        defer { end() }
        enter(0)
        enter(0x1000, isWrite: true)
        #expect(context.pointee.hasWriteWindow)
        if let offset {
            context.pointee.flush(page: Self.virtual + offset)
        } else {
            context.pointee.flush()
        }
        #expect(!context.pointee.hasReadWindow && !context.pointee.hasWriteWindow)
        #expect(context.pointee.readWindow == TranslationContext.Window())
        #expect(context.pointee.writeWindow == TranslationContext.Window())
    }

    @Test("What is left out is in no window, and of what is left the longer side is kept, wherever it lies")
    func leavingOut() {
        defer { end() }
        let page = PhysicalMemory.pageSize
        let start = Self.virtual
        for first in -3...12 as ClosedRange<Int64> {
            for count in 1...16 as ClosedRange<Int64> {
                var window = TranslationContext.Window(start: start, size: 8 * page, addend: 1 << 40)
                let low = start &+ UInt64(bitPattern: first) &* page
                let high = low &+ UInt64(count) &* page &- 1
                window.leaveOut(low &+ 100, high &- 100, ~0)
                // Pages 0 to 7, without first..<first + count.
                let left = (0..<8 as Range<Int64>).filter { $0 < first || $0 >= first + count }
                let below = left.filter { $0 < first }
                let kept = below.count >= left.count - below.count ? below : left.filter { $0 >= first }
                #expect(window.size == UInt64(kept.count) * page, "pages \(first) to \(first + count - 1)")
                if let lowest = kept.first { #expect(window.start == start &+ UInt64(lowest) &* page) }
            }
        }
        var tagged = TranslationContext.Window(start: start, size: 8 * page, addend: 0)
        tagged.leaveOut(start & (1 << 56 - 1) + 5 * page, start & (1 << 56 - 1) + 5 * page, 1 << 56 - 1)
        #expect(tagged.start == start && tagged.size == 5 * page, "tags are not compared")
    }
}
