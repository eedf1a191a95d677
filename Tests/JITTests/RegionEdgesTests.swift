import ISA
import Testing

@testable import AArch64ISA
@testable import JIT

/// Whether the condition flags are dead where a block is entered, and whose budget is taken together.
@Suite(
    "Ways between the blocks of a region",
    .enabled(if: X64.HostFeatures.host.contains(.version2), "this host runs no translated code"))
struct RegionEdgesTests {
    /// What is known of the block that begins with each word of the program.
    private func entries(_ words: [UInt32], without disabled: OptimizationSwitches = []) throws -> [RegionEdges.Entry] {
        let machine = try AArch64TestMachine(translates: true, without: disabled)
        machine.write(words, at: AArch64TestMachine.code)
        machine.element.state.pointee.cpacr = 3 << 20
        machine.element.contextChanged()
        machine.element.core.pointee.programCounter = AArch64TestMachine.code
        let translator = try #require(machine.translator)
        _ = try #require(translator.listing(at: AArch64TestMachine.code, of: machine.element))
        return words.indices.map { translator.edges[AArch64TestMachine.code + 4 * UInt64($0)] }
    }

    @Test("Flags are dead where a block defines them before it looks at them")
    func definition() throws {
        let entries = try entries([
            0x9100_0400,  // add x0, x0, #1
            0xf100_0421,  // subs x1, x1, #1
            0x54ff_ffc1,  // b.ne the first
            0x1400_0000,  // b .
        ])
        #expect(entries[0].isOpen && entries[0].flagsAreDead)
    }

    @Test(
        "Flags live where a block looks at them first, or may be left before it defines them",
        arguments: [
            0x9a82_0020,  // csel x0, x1, x2, eq
            0xba02_0020,  // adcs x0, x1, x2
            0xf940_0020,  // ldr x0, [x1], which may fault
            0xf900_0020,  // str x0, [x1]
            0xd53b_4200,  // mrs x0, nzcv
            0xfa41_0040,  // ccmp x2, x1, #0, eq
            0x1e62_2820,  // fadd d0, d1, d2, which the interpreter runs at times
            0x5400_0060,  // b.eq behind the next two
            0xb400_0060,  // cbz x0, behind the next two: where the other block begins, the state has the flags
        ] as [UInt32])
    func looks(first: UInt32) throws {
        let entries = try entries([
            first,
            0xf100_0421,  // subs x1, x1, #1
            0x54ff_ffc1,  // b.ne the first
            0x1400_0000,  // b .
        ])
        #expect(!entries[0].flagsAreDead)
    }

    @Test("Flags are dead behind a definition, whatever looks at those")
    func behindDefinition() throws {
        let entries = try entries([
            0xeb02_003f,  // cmp x1, x2
            0xf940_0020,  // ldr x0, [x1]
            0x9a82_0020,  // csel x0, x1, x2, eq
            0x54ff_ffa1,  // b.ne the first
            0x1400_0000,  // b .
        ])
        #expect(entries[0].flagsAreDead)
    }

    @Test("Flags are dead where the block that comes next in any case defines them, and its budget is taken before")
    func successor() throws {
        let words: [UInt32] = [
            0x1400_0003,  // b the fourth
            0x9100_0400,  // add x0, x0, #1
            0x1400_0001,  // b the next
            0xf100_0421,  // subs x1, x1, #1
            0x54ff_ffa1,  // b.ne the second
            0x1400_0000,  // b .
        ]
        let entries = try entries(words)
        // B and SUBS and B.NE; ADD and B, and the same two.
        #expect(entries[0].budget == 3 && entries[0].next == 2)
        #expect(entries[1].budget == 4 && entries[1].next == 2 && entries[1].flagsAreDead)
        #expect(entries[3].budget == 2 && entries[3].next == 0 && entries[3].flagsAreDead)
        let others = try self.entries(words, without: .edgeFlags)
        #expect(others.allSatisfy { !$0.isOpen && $0.next == 0 && !$0.flagsAreDead })
    }

    @Test("Flags live where the block that comes next looks at them")
    func lookInSuccessor() throws {
        let entries = try entries([
            0xb400_0085,  // cbz x5, the fifth
            0x1400_0001,  // b the next
            0x9100_0400,  // add x0, x0, #1
            0x1400_0002,  // b the sixth
            0x1400_0000,  // b .
            0x9a9f_17e2,  // cset x2, eq
            0xf100_0421,  // subs x1, x1, #1
            0x54ff_ff61,  // b.ne the third
            0x1400_0000,  // b .
        ])
        #expect(entries[2].next == 3 && entries[2].budget == 5 && !entries[2].flagsAreDead)
        #expect(!entries[5].flagsAreDead)
    }

    @Test("Blocks that go on to one another in a circle take the budget of one another once")
    func circle() throws {
        let entries = try entries([
            0xb400_0085,  // cbz x5, the fifth
            0x1400_0001,  // b the next
            0x9100_0400,  // add x0, x0, #1
            0x1400_0002,  // b the sixth
            0x1400_0000,  // b .
            0x9100_0421,  // add x1, x1, #1
            0x17ff_fffc,  // b the third
        ])
        #expect([entries[2].budget, entries[5].budget].sorted() == [2, 4])
        #expect(!entries[2].flagsAreDead && !entries[5].flagsAreDead)
    }

    @Test("What is behind a branch is another segment, before which code may be left")
    func branch() throws {
        let entries = try entries([
            0x9100_0400,  // add x0, x0, #1
            0xb400_0060,  // cbz x0, the fifth
            0xf100_0421,  // subs x1, x1, #1
            0x54ff_ffa1,  // b.ne the first
            0x1400_0000,  // b .
        ])
        #expect(!entries[0].flagsAreDead)
    }

    @Test("A compare and branch back to where flags are dead stores no flags on its way")
    func code() throws {
        // Too long for several rounds.
        let words: [UInt32] =
            [UInt32](repeating: 0x9100_0400, count: 60) + [
                0xeb02_003f,  // cmp x1, x2
                0x5400_0001 | UInt32(bitPattern: -61 & 0x7ffff) << 5,  // b.ne the first
            ]
        func branch(_ disabled: OptimizationSwitches) throws -> Int {
            // The stub has the flags in either case: what is behind the loop is the branch alone, and the way on.
            try AArch64TestMachine.sizes(words, without: disabled)[61]
        }
        // CMP r64, r64, and Jcc rel8, SUB r64, imm8, Jcc rel32, JMP rel32; CMP and Jcc rel32.
        #expect(try branch([]) == 3 + 2 + 4 + 6 + 5)
        #expect(try branch(.edgeFlags) == 3 + 6)
    }
}
