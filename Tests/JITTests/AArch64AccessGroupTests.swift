import ISA
import Testing

@testable import AArch64ISA
@testable import JIT

/// Which accesses of A64 code are served by what was found out for another one.
@Suite(
    "Accesses of A64 code that are served together",
    .enabled(if: X64.HostFeatures.host.contains(.version2), "this host runs no translated code"))
struct AArch64AccessGroupTests {
    /// A comparison with bounds or a tag takes more than this, and what is loaded by a known way less.
    private static let checked = 26

    @Test("The TLB is asked once for the accesses off one base, whatever comes between")
    func interleaved() throws {
        let sizes = try AArch64TestMachine.sizes([
            0xa940_08a1,  // ldp x1, x2, [x5]
            0xf940_00c3,  // ldr x3, [x6]
            0xa941_0ca1,  // ldp x1, x3, [x5, #16]
            0xf940_08c3,  // ldr x3, [x6, #16]
            0xf940_10a4,  // ldr x4, [x5, #32]
            0xfd40_0cc0,  // ldr d0, [x6, #24]
            0x3dc0_0ca0,  // ldr q0, [x5, #48]
        ])
        for first in 0..<2 { #expect(sizes[first] > Self.checked, "instruction \(first)") }
        for other in 2..<7 { #expect(sizes[other] <= Self.checked, "instruction \(other)") }
    }

    @Test("A base that was moved on by a constant is the same base")
    func writtenBack() throws {
        let sizes = try AArch64TestMachine.sizes([
            0xa9be_7bfd,  // stp x29, x30, [sp, #-32]!
            0xa901_4ff4,  // stp x20, x19, [sp, #16]
            0xf800_8ca1,  // str x1, [x5, #8]!
            0xd100_40a5,  // sub x5, x5, #16
            0xf900_00a1,  // str x1, [x5]
        ])
        #expect(sizes[0] > Self.checked && sizes[2] > Self.checked)
        #expect(sizes[1] <= Self.checked && sizes[4] <= Self.checked)
    }

    @Test("A loop of several rounds looks for what its base is moved on to in each, and for the rest of that with it")
    func rounds() throws {
        let sizes = try AArch64TestMachine.sizes([
            0xf940_00a1,  // 1: ldr x1, [x5]
            0xb400_00a1,  // cbz x1, 2f
            0xf940_04a2,  // ldr x2, [x5, #8]
            0x9100_40a5,  // add x5, x5, #16
            0xf100_0463,  // subs x3, x3, #1
            0x54ff_ff61,  // b.ne 1b
        ])
        #expect(sizes.count > 12, "2: it is more than one round")
        for round in 0..<2 {
            #expect(sizes[6 * round] > Self.checked, "round \(round)")
            #expect(sizes[6 * round + 2] <= Self.checked, "round \(round)")
        }
    }

    @Test("The sum of the same registers is the same base, and is not computed again")
    func sums() throws {
        let sizes = try AArch64TestMachine.sizes([
            0xf867_68a1,  // ldr x1, [x5, x7]
            0xf867_68c2,  // ldr x2, [x6, x7]
            0xf867_68a3,  // ldr x3, [x5, x7]
            0x8b08_00e7,  // add x7, x7, x8
            0xf867_68a4,  // ldr x4, [x5, x7]
        ])
        #expect(sizes[0] > Self.checked && sizes[1] > Self.checked)
        #expect(sizes[2] <= Self.checked)
        #expect(sizes[4] > Self.checked, "another register is in the sum")
    }

    @Test(
        "A sum with an index that was counted up is as many bytes further on",
        arguments: [
            [0xf867_68a1, 0x9100_20e7, 0xf867_68a4],  // ldr x1, [x5, x7]; add x7, x7, #8; ldr x4, [x5, x7]
            [0xf867_78a1, 0x9100_04e7, 0xf867_78a4],  // ldr x1, [x5, x7, lsl #3]; add x7, x7, #1; ldr x4, the same
            [0xf867_78a1, 0xd100_04e7, 0xf867_78a4],  // the same with sub
            [0xf827_68a1, 0x9100_20a5, 0xf827_68a4],  // str x1, [x5, x7]; add x5, x5, #8; str x4, [x5, x7]
        ] as [[UInt32]])
    func index(words: [UInt32]) throws {
        let sizes = try AArch64TestMachine.sizes(words)
        #expect(sizes[0] > Self.checked && sizes[2] <= Self.checked)
    }

    @Test("What is half of all addresses away is another base")
    func farthest() throws {
        let sizes = try AArch64TestMachine.sizes([
            0xd2f0_0001,  // mov x1, #0x8000000000000000
            0x8b01_00a2,  // add x2, x5, x1
            0xf940_00a3,  // ldr x3, [x5]
            0xf940_0044,  // ldr x4, [x2]
        ])
        #expect(sizes[2] > Self.checked && sizes[3] > Self.checked)
    }

    @Test("An index that was counted up is another one where it is multiplied by something else")
    func otherScale() throws {
        let sizes = try AArch64TestMachine.sizes([
            0xf867_78a1,  // ldr x1, [x5, x7, lsl #3]
            0x9100_20e7,  // add x7, x7, #8
            0xf867_68a4,  // ldr x4, [x5, x7]
        ])
        #expect(sizes[0] > Self.checked && sizes[2] > Self.checked)
    }

    /// `ldrb w1, [x5, x7]; add x7, x7, #1; cbnz w1` back to the load, or with a store in place of the load.
    private static func walk(_ access: UInt32) -> [UInt32] { [access, 0x9100_04e7, 0x35ff_ffc1] }

    @Test("Where a window is mapped as one piece, a loop of several rounds looks once for what all of them read")
    func roundsInWindow() throws {
        let load: UInt32 = 0x3867_68a1
        let (mapped, others) = (
            try AArch64TestMachine.sizes(Self.walk(load), inWindow: true),
            try AArch64TestMachine.sizes(Self.walk(load))
        )
        try #require(mapped.count > 6 && others.count > 6, "several rounds")
        #expect(mapped[0] > Self.checked && mapped[3] <= Self.checked && mapped[6] <= Self.checked)
        // The next round's may be another page's.
        #expect(others[0] > Self.checked && others[3] > Self.checked && others[6] > Self.checked)
    }

    @Test("What a later round of a loop writes is looked for there, as it may never be written")
    func writesInWindow() throws {
        let sizes = try AArch64TestMachine.sizes(Self.walk(0x3827_68a1), inWindow: true)
        try #require(sizes.count > 6, "several rounds")
        for round in 0..<2 { #expect(sizes[3 * round] > Self.checked, "round \(round)") }
    }

    @Test("What may be read need not be one that may be written, nor the other way round")
    func readsAndWrites() throws {
        let sizes = try AArch64TestMachine.sizes([
            0xf940_00a1,  // ldr x1, [x5]
            0xf900_00a2,  // str x2, [x5]
            0xf940_00a3,  // ldr x3, [x5]
        ])
        #expect(sizes[0] > Self.checked && sizes[1] > Self.checked)
        #expect(sizes[2] <= Self.checked)
    }

    @Test("A base that was set to something else is another one")
    func setAgain() throws {
        let sizes = try AArch64TestMachine.sizes([
            0xf940_00a1,  // ldr x1, [x5]
            0xf940_00a5,  // ldr x5, [x5]
            0xf940_00a3,  // ldr x3, [x5]
        ])
        #expect(sizes[1] <= Self.checked)
        #expect(sizes[2] > Self.checked)
    }

    @Test("An instruction that may change the mapping ends what was found out")
    func maintenance() throws {
        let sizes = try AArch64TestMachine.sizes([
            0xf940_00a1,  // ldr x1, [x5]
            0xd508_871f,  // tlbi vmalle1
            0xf940_00a2,  // ldr x2, [x5]
        ])
        // Nothing, where the block ends with it.
        if sizes.count > 2 { #expect(sizes[2] > Self.checked) }
    }

    @Test("Accesses that have to be aligned, and those with less privilege, are looked up by themselves")
    func others() throws {
        let sizes = try AArch64TestMachine.sizes([
            0xf940_00a1,  // ldr x1, [x5]
            0xc85f_7ca2,  // ldxr x2, [x5]
            0xf840_08a3,  // ldtr x3, [x5]
        ])
        for index in 0..<3 { #expect(sizes[index] > Self.checked, "instruction \(index)") }
    }
}
