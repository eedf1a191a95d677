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

    // MARK: SP ("SP alignment checking")

    @Test("SCTLR_EL1.SA refuses loads and stores, but no prefetches, by an SP that is no multiple of 16")
    func stackPointer() throws {
        let cases: [(name: String, word: UInt32, isChecked: Bool)] = [
            ("ldr x2, [sp]", 0xf940_03e2, true), ("ldr x2, [sp, #8]", 0xf940_07e2, true),
            ("stp x2, x3, [sp, #-16]!", 0xa9bf_0fe2, true), ("ldr q0, [sp]", 0x3dc0_03e0, true),
            ("ldxr x2, [sp]", 0xc85f_7fe2, true), ("prfm pldl1keep, [sp]", 0xf980_03e0, false),
            ("add x0, sp, #8", 0x9100_23e0, false), ("ldr x2, [x1]", 0xf940_0022, false),
        ]
        for test in cases {
            for (control, distance): (UInt64, UInt64) in [(0, 8), (1 << 3, 8), (1 << 3, 0), (1 << 4, 8)] {
                let machine = try AArch64TestElement(level: 1)
                try machine.write("SCTLR_EL1", control)
                try machine.write("CPACR_EL1", 3 << 20)
                let data = AArch64TestElement.base + 0x1000
                machine.element.core.pointee.registers[Int(AArch64.stackPointer)] = data + distance
                let isFault = try !machine.run(test.word, base: data)
                #expect(isFault == (test.isChecked && control == 1 << 3 && distance != 0), "\(test.name), \(control)")
                if isFault { #expect(try machine.read("ESR_EL1") == 0x26 << 26 | 1 << 25) }
            }
        }
    }

    @Test("A recorded block looks at SP once, as long as it moves by multiples of 16")
    func recordedStackPointer() {
        let stackPointer = AArch64.stackPointer
        var recorder = Recorder(at: 0)
        recorder.begin(length: 4)
        func looks(after distance: UInt64) -> Int {
            let value = recorder.register(stackPointer)
            let constant = recorder.constant(distance)
            let sum = recorder.binary(.subtract, .double, value, constant)
            recorder.setRegister(stackPointer, sum)
            recorder.expectMultiple(of: 16, stackPointer)
            return recorder.block.nodes.count { $0.operation == .expect }
        }
        #expect([0, 16, 48, 8, 32, 8].map(looks) == [1, 1, 1, 2, 2, 3])
    }

    // MARK: FEAT_LSE2

    /// Accesses that have to be aligned without FEAT_LSE2; ordered ones need not be with SCTLR_EL1.nAA.
    static let atomics: [(name: String, word: UInt32, bytes: UInt64, isOrdered: Bool)] = [
        ("ldadd x2, x3, [x1]", 0xf822_0023, 8, false), ("cas w2, w3, [x1]", 0x88a2_7c23, 4, false),
        ("ldxr x2, [x1]", 0xc85f_7c22, 8, false), ("stxr w3, x2, [x1]", 0xc803_7c22, 8, false),
        ("ldxp x2, x3, [x1]", 0xc87f_0c22, 16, false), ("ldar x2, [x1]", 0xc8df_fc22, 8, true),
        ("stlrh w2, [x1]", 0x489f_fc22, 2, true), ("ldapr w2, [x1]", 0xb8bf_c022, 4, true),
        ("ldapur x2, [x1]", 0xd940_0022, 8, true),
    ]

    @Test("Atomic and ordered accesses need not be aligned within 16 bytes of normal memory, with FEAT_LSE2")
    func withinSixteenBytes() throws {
        for atomic in Self.atomics {
            for (hasFeature, control): (Bool, UInt64) in [(false, 1), (true, 1), (true, 1 | 1 << 6), (true, 3)] {
                for distance in 0..<16 as Range<UInt64> {
                    let test = try Self.translating(without: hasFeature ? [] : .lse2, sctlr: control)
                    let isAligned = distance % atomic.bytes == 0
                    let isAllowed =
                        hasFeature && control & 2 == 0
                        && (distance + atomic.bytes <= 16 || atomic.isOrdered && control >> 6 & 1 != 0)
                    let goesOn = try test.run(atomic.word, base: AArch64TestElement.base + 0x1000 + distance)
                    let comment = "\(atomic.name) + \(distance), SCTLR_EL1 \(control), LSE2 \(hasFeature)"
                    #expect(goesOn == (isAligned || isAllowed), "\(comment)")
                }
            }
        }
    }

    /// EL1 with memory where it is, by one block of level 1.
    private static func translating(
        without removed: AArch64.Features, sctlr: UInt64
    ) throws -> AArch64TestElement {
        let test = try AArch64TestElement("max", without: removed, level: 1)
        var descriptor = AArch64TestElement.base | 1 << 10 | 1
        try #require(test.memory.write(AArch64TestElement.base + 0x8008, from: &descriptor, count: 8))
        try test.write("TTBR0_EL1", AArch64TestElement.base + 0x8000)
        try test.write("TCR_EL1", 25)
        try test.write("MAIR_EL1", 0xff)
        try test.write("SCTLR_EL1", sctlr)
        return test
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
