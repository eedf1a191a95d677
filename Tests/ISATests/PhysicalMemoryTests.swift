import Testing

@testable import ISA

@Suite("Physical memory")
struct PhysicalMemoryTests {
    @Test("A read that runs past the end of RAM copies nothing")
    func readPastEnd() {
        let memory = PhysicalMemory()
        memory.addRegion(base: 0x8000_0000, size: 0x1000)
        var word: UInt64 = 7
        #expect(!memory.read(0x8000_0ffc, into: &word, count: 8))
        #expect(word == 7)
        #expect(memory.read(0x8000_0ff8, into: &word, count: 8))
        #expect(word == 0)
    }
}
