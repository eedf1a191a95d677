import Testing

@testable import AArch64ISA
@testable import ISA

/// TLBI by ASID (C5.5, "TLBI ASIDE1"): translations of other ASIDs may stay, as they do; those of the ASID must not.
@Suite("AArch64 TLBI by ASID")
struct AArch64TLBInvalidationTests {
    private static let base = AArch64TestElement.base
    private static let tables = base + 0x8000
    /// LDR X0, [X1]
    private static let load: UInt32 = 0xf940_0020
    private static let (tlbiASIDE1, tlbiVMALLE1): (UInt16, UInt16) = (0b000_1000_0111_010, 0b000_1000_0111_000)
    private static let (a1, as16): (UInt64, UInt64) = (1 << 22, 1 << 36)

    /// EL1 with 1 GiB blocks, of which the one at 0x80000000 leads where tests say.
    private static func machine(control: UInt64) throws -> AArch64TestElement {
        let test = try AArch64TestElement(level: 1)
        try map(1, to: base, test)
        try map(2, to: base, test)
        var word = load
        try #require(test.memory.write(base + 0x100, from: &word, count: 4))
        try test.write("TCR_EL1", 25 | 25 << 16 | control)
        try test.write("MAIR_EL1", 0xff)
        try test.write("VBAR_EL1", base + 0x4000)
        try select(0, control, test)
        try test.write("SCTLR_EL1", 1)
        return test
    }

    private static func map(_ block: UInt64, to address: UInt64?, _ test: AArch64TestElement) throws {
        // By the PE itself: what devices write there drops all translations.
        let descriptor = address.map { $0 | 1 << 11 | 1 << 10 | 1 } ?? 0
        try test.element.store(tables + 8 * block, descriptor, .double, [])
    }

    /// The ASID is that of TTBR1_EL1 where TCR_EL1.A1 says so.
    private static func select(_ asid: UInt64, _ control: UInt64, _ test: AArch64TestElement) throws {
        try test.write("TTBR0_EL1", tables | (control & a1 == 0 ? asid << 48 : 0x77 << 48))
        try test.write("TTBR1_EL1", tables | (control & a1 != 0 ? asid << 48 : 0x77 << 48))
    }

    /// Whether the block at 0x80000000 can be read.
    private static func isRead(_ test: AArch64TestElement) throws -> Bool {
        test.element.core.pointee.registers[1] = 0x8000_0000
        test.element.core.pointee.programCounter = base + 0x100
        test.element.run(1)
        return test.element.core.pointee.programCounter == base + 0x104
    }

    @Test(
        "It drops what the named ASID has, wherever TCR_EL1.A1 has it come from, and no more bits of it than there are",
        arguments: [0, a1, as16, a1 | as16])
    func named(control: UInt64) throws {
        // (1) the one in force, (2) the operand's, (3) whether they are the same.
        let cases: [(UInt64, UInt64, Bool)] = [
            (5, 5, true), (5, 6, false), (0x105, 0x105, true), (0x105, 5, control & Self.as16 == 0),
        ]
        for (asid, operand, isSame) in cases {
            let test = try Self.machine(control: control)
            try Self.select(asid, control, test)
            #expect(try Self.isRead(test))
            try Self.map(2, to: nil, test)
            try test.element.performSystemInstruction(Self.tlbiASIDE1, operand << 48, target: 0)
            // What stays may still be used, and is.
            #expect(try Self.isRead(test) != isSame, "ASID \(asid), operand \(operand)")
            test.enter(1)
            try test.element.performSystemInstruction(Self.tlbiVMALLE1, 0, target: 0)
            #expect(try !Self.isRead(test))
        }
    }
}
