import Testing

@testable import AArch64ISA
@testable import ISA

/// What SCTLR_ELx.A wants of accesses that are no single one: that each part is aligned (B2.5.2, "Alignment of data
/// accesses"; the accesses that each instruction makes are in its pseudocode, C6.2 and C7.2).
@Suite("AArch64 alignment")
struct AArch64AlignmentTests {
    struct Access: Sendable, CustomTestStringConvertible {
        let name: String
        let word: UInt32
        /// The least alignment that does.
        let bytes: UInt64
        var testDescription: String { name }
    }

    static let accesses: [Access] = [
        Access(name: "ldr x2, [x1]", word: 0xf940_0022, bytes: 8),
        Access(name: "ldp w2, w3, [x1]", word: 0x2940_0c22, bytes: 4),
        Access(name: "stp x2, x3, [x1]", word: 0xa900_0c22, bytes: 8),
        Access(name: "ldr q0, [x1]", word: 0x3dc0_0020, bytes: 16),
        Access(name: "stp s0, s1, [x1]", word: 0x2d00_0420, bytes: 4),
        Access(name: "ldp q0, q1, [x1]", word: 0xad40_0420, bytes: 16),
        Access(name: "ld1 { v0.16b }, [x1]", word: 0x4c40_7020, bytes: 1),
        Access(name: "st1 { v0.8h }, [x1]", word: 0x4c00_7420, bytes: 2),
        Access(name: "ld3 { v0.2s, v1.2s, v2.2s }, [x1]", word: 0x0c40_4820, bytes: 4),
        Access(name: "ld1 { v0.d }[1], [x1]", word: 0x4d40_8420, bytes: 8),
        Access(name: "st4 { v0.b, v1.b, v2.b, v3.b }[3], [x1]", word: 0x0d20_2c20, bytes: 1),
        Access(name: "ld2r { v0.4h, v1.4h }, [x1]", word: 0x0d60_c420, bytes: 2),
    ]

    @Test("SCTLR_EL1.A wants each part of an access aligned, and no more", arguments: accesses)
    func parts(_ access: Access) throws {
        for distance in [1, 2, 4, 8, 16, 32] as [UInt64] {
            let machine = try AArch64TestElement(level: 1)
            try machine.write("SCTLR_EL1", 1 << 1)
            try machine.write("CPACR_EL1", 3 << 20)
            let data = AArch64TestElement.base + 0x1000 + distance
            let isFault = try !machine.run(access.word, base: data)
            #expect(isFault == (distance < access.bytes), "at a multiple of \(distance)")
            guard isFault else { continue }
            // A data abort from the same level, an alignment fault: ESR_EL1.EC and DFSC.
            let syndrome = try machine.read("ESR_EL1")
            #expect(syndrome >> 26 == 0x25 && syndrome & 0x3f == 0x21)
            #expect(try machine.read("FAR_EL1") == data)
        }
    }

    @Test("Bytes of a vector come from two pages, wherever the border lies between them")
    func pages() throws {
        let machine = try AArch64TestElement(level: 1)
        try machine.write("SCTLR_EL1", 1 << 1)
        try machine.write("CPACR_EL1", 3 << 20)
        let start = AArch64TestElement.base + 0x1ff3
        var bytes = (0..<16).map { UInt8($0) }
        #expect(machine.memory.write(start, from: &bytes, count: 16))
        #expect(try machine.run(0x4c40_7020, base: start))  // ld1 { v0.16b }, [x1]
        #expect(machine.element.core.pointee.vectors[0] == 0x0706_0504_0302_0100)
        #expect(machine.element.core.pointee.vectors[1] == 0x0f0e_0d0c_0b0a_0908)
    }
}

extension AArch64TestElement {
    /// Runs one instruction with X1 as given. - Returns: whether it goes on to the next.
    fileprivate func run(_ word: UInt32, base address: UInt64) throws -> Bool {
        var word = word
        try #require(memory.write(Self.base, from: &word, count: 4))
        element.core.pointee.registers[1] = address
        element.core.pointee.programCounter = Self.base
        element.run(1)
        return element.core.pointee.programCounter == Self.base + 4
    }
}
