import Testing

@testable import AArch64ISA
@testable import ISA

/// DC ZVA (C5.3): it clears the block of DCZID_EL0.BS that holds the address, and nothing else.
@Suite("AArch64 DC ZVA")
struct AArch64ZeroingTests {
    private static let page = AArch64TestElement.base + 0x2000
    private static let dcZVA: UInt16 = 0b011_0111_0100_001
    private static let nop: UInt32 = 0xd503_201f

    /// The bytes of the page that are zero.
    private static func zeros(_ test: AArch64TestElement) throws -> [Int] {
        let host = try #require(test.memory.host(page, count: 4096))
        return (0..<4096).filter { host.load(fromByteOffset: $0, as: UInt8.self) == 0 }
    }

    @Test("The block is cleared, whether the page was written before or not")
    func block() throws {
        for isEntered in [false, true] {
            let test = try AArch64TestElement(level: 1)
            try #require(test.memory.host(Self.page, count: 4096)).initializeMemory(
                as: UInt8.self, repeating: 0xff, count: 4096)
            if isEntered { try test.element.store(Self.page, ~0, .double, []) }
            let entry = test.element.core.pointee.context.pointee.writes[TranslationContext.index(Self.page)]
            #expect(entry.mayWrite(Self.page + 0x7c0, bytes: 64) == isEntered)
            try test.element.performSystemInstruction(Self.dcZVA, Self.page + 0x7fb, target: 0)
            #expect(try Self.zeros(test) == Array(0x7c0..<0x800))
        }
    }

    @Test("Device memory is not cleared: it is an Alignment fault, of the address as it was given")
    func deviceMemory() throws {
        for isDevice in [false, true] {
            let test = try AArch64TestElement(level: 1)
            let (base, block): (UInt64, UInt64) = (AArch64TestElement.base, 0x4020_0000)
            let tables = base + 0x8000
            // A table of level 1, one of level 2, and in that the memory twice: as normal, and with AttrIndx 1 (D8.3).
            try test.element.store(tables + 8, tables + 0x1000 | 3, .double, [])
            try test.element.store(tables + 0x1000, base | 0x701, .double, [])
            try test.element.store(tables + 0x1008, base | 0x705, .double, [])
            try test.element.store(Self.page, ~0, .double, [])
            try test.write("MAIR_EL1", isDevice ? 0x00ff : 0xffff)
            try test.write("TCR_EL1", 32 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23)
            try test.write("TTBR0_EL1", tables)
            try test.write("SCTLR_EL1", 0x30d0_0800 | 0x1005)
            var word: UInt32 = 0xd50b_7421  // dc zva, x1
            #expect(test.memory.write(base, from: &word, count: 4))
            test.element.core.pointee.registers[1] = block + 0x2005
            test.element.core.pointee.programCounter = base
            test.element.run(1)
            let left = try #require(test.memory.host(Self.page, count: 8)).load(as: UInt64.self)
            #expect(left == (isDevice ? ~0 : 0))
            guard isDevice else { continue }
            // A data abort from the same level, of a write, DFSC 0x21 (D19.2.37).
            #expect(try test.read("ESR_EL1") == 0x25 << 26 | 1 << 25 | 1 << 6 | 0x21)
            #expect(try test.read("FAR_EL1") == block + 0x2005)
        }
    }

    @Test("Code that is cleared is not executed any more")
    func code() throws {
        let test = try AArch64TestElement(level: 1)
        let host = try #require(test.memory.host(Self.page, count: 4096))
        host.initializeMemory(as: UInt32.self, repeating: Self.nop, count: 1024)
        test.element.core.pointee.programCounter = Self.page + 0x400
        test.element.run(4)
        #expect(test.element.core.pointee.programCounter == Self.page + 0x410)
        // The part of the page that holds no code is entered for writing.
        try test.element.store(Self.page + 0x800, 0, .double, [])
        try test.element.performSystemInstruction(Self.dcZVA, Self.page + 0x400, target: 0)
        try test.write("VBAR_EL1", Self.page + 0x800)
        test.element.core.pointee.programCounter = Self.page + 0x400
        test.element.run(1)
        // UDF: "Unknown reason", to the vector of the current level.
        #expect(test.element.core.pointee.programCounter == Self.page + 0x800 + 0x200)
        #expect(try test.read("ELR_EL1") == Self.page + 0x400)
    }
}
