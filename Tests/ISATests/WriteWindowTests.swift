import Testing

@testable import ISA

@Suite("The part of a page that may be written unseen")
struct WriteWindowTests {
    private static let page: UInt64 = 0x8000_1000

    /// A TLB entry for writing to a page whose code is where the bits say.
    private func entry(code: UInt64) -> TranslationContext.WriteEntry {
        let context = TranslationContext.make(key: .init(firstStage: 0, secondStage: 0, mode: 0))
        defer { TranslationContext.deallocate(context) }
        // SAFETY: the entry only notes the distance to this address; nothing is accessed.
        let host = UnsafeMutableRawPointer(bitPattern: 0x7000_0000)!
        context.pointee.enter(Self.page, host: host, for: .write(code: code), superpage: 4096)
        return context.pointee.writes[TranslationContext.index(Self.page)]
    }

    @Test("It is the longest part without code, and there is none where all is code")
    func longest() {
        #expect(TranslationContext.window(around: 0) == 0..<4096)
        #expect(TranslationContext.window(around: ~0) == nil)
        #expect(TranslationContext.window(around: 0b1111) == 256..<4096)
        #expect(TranslationContext.window(around: 1 << 63) == 0..<4032)
        #expect(TranslationContext.window(around: ~(1 << 5)) == 320..<384)
        #expect(TranslationContext.window(around: 1 << 20) == 1344..<4096)
    }

    @Test(
        "No access that leaves it is let through, and of 8 bytes and more every one that does not",
        arguments: [0, ~0, 1, 1 << 63, 1 << 20, 0xffff_0000_0000_ffff, ~(1 << 5)] as [UInt64])
    func bounds(code: UInt64) {
        let entry = entry(code: code)
        let window = TranslationContext.window(around: code)
        for address in Self.page - 600..<Self.page + 4096 + 16 {
            for bytes in [1, 2, 4, 8, 16, 64, 512] as [UInt64] {
                let isInside =
                    window.map { address >= Self.page + $0.lowerBound && address + bytes <= Self.page + $0.upperBound }
                    ?? false
                let may = entry.mayWrite(address, bytes: bytes)
                if may != isInside && (may || bytes >= 8) {
                    Issue.record("\(bytes) bytes at \(String(address, radix: 16)): \(may), inside is \(isInside)")
                }
            }
        }
    }
}
