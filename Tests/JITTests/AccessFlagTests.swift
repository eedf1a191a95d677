import Testing

@testable import AArch64ISA
@testable import ISA
@testable import JIT
@testable import Machine

/// Software clears the access flag of a page's descriptor, does not invalidate, and accesses the page: what it then sees must not
/// depend on what a TLB still holds.
@Suite(
    "Access flags, both engines",
    .enabled(if: X64.HostFeatures.host.contains(.version2), "this host runs no translated code"))
struct AccessFlagTests {
    private static let rounds: UInt64 = 300

    /// One way to write a descriptor. What is written is in x7, and in x8 for the one after it; its byte of bits 8 to 15 in
    /// w9; x11 is what was there, and x12 the flag.
    struct Way: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let words: [UInt32]
    }

    static let ways = [
        Way(testDescription: "STR", words: [0xf900_0027]),
        Way(testDescription: "STP", words: [0xa900_2027]),
        Way(testDescription: "STR of a vector", words: [0x3d80_0020]),
        Way(testDescription: "STRB", words: [0x3900_0429]),
        Way(testDescription: "CASAL", words: [0xaa0b_03ea, 0xc8ea_fc27]),
        Way(testDescription: "LDCLR", words: [0xf82c_102a]),
        Way(testDescription: "SWP", words: [0xf827_802a]),
        // STRB; STR X15, [X1, #64]; LDR X3, [X2]; STR: the table is watched for the first of them and the last.
        Way(testDescription: "STR beside an earlier one", words: [0x3900_0429, 0xf900_202f, 0xf940_0043, 0xf900_0027]),
        Way(testDescription: "LDXR and STXR", words: [0xc85f_7c2a, 0x8a2c_014a, 0xc80d_7c2a]),
    ]

    /// A page at 0x4000a000, by an entry that is not global; all else is mapped to where it is by one that is.
    private func run(_ way: Way, translates: Bool, isManaged: Bool = true) throws -> AArch64TestMachine {
        typealias Machine = AArch64TestMachine
        let machine = try Machine(translates: translates)
        let (table, target) = (Machine.base + 0x4000, Machine.data + 0x1000)
        func write(_ value: UInt64, at address: UInt64) {
            var value = value
            _ = machine.memory.write(address, from: &value, count: 8)
        }
        write(table + 0x1000 | 3, at: table + 8)
        write(table + 0x2000 | 3, at: table + 0x1000)
        for page in 0..<16 as Range<UInt64> { write(Machine.base + page << 12 | 0x703, at: table + 0x2000 + 8 * page) }
        let place = table + 0x2000 + 8 * 10
        let descriptor = target | 0xf03
        write(descriptor, at: place)
        //     LDR X3, [X2]; LDR X4, [X1]; AND X4, X4, #0x400; ADD X5, X5, X4; SUBS X6, X6, #1; B.NE to the beginning
        let end: [UInt32] = [0xf940_0043, 0xf940_0024, 0x9276_0084, 0x8b04_00a5, 0xf100_04c6]
        let distance = UInt32(bitPattern: -Int32(way.words.count + end.count)) & 0x7_ffff
        machine.write(way.words + end + [0x5400_0001 | distance << 5, 0x1400_0000], at: Machine.code)
        // Where an exception leads to, it stays.
        machine.write([0x1400_0000], at: Machine.vectors + 0x200)
        let element = machine.element!
        element.setMode(AArch64.PSTATE.el1h)
        let state = element.state
        state.pointee.hcr = 1 << 31
        state.pointee.cpacr = 3 << 20
        // One granule of 4 KiB, 32 bits by TTBR0, none by TTBR1; HA.
        state.pointee.tcr[1] = 32 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | (isManaged ? 1 << 39 : 0)
        state.pointee.mair[1] = 0xff
        state.pointee.ttbr0[1] = table
        state.pointee.vbar[1] = Machine.vectors
        state.pointee.sctlr[1] = 0x30d0_0800 | 0x1005
        element.contextChanged()
        let core = element.core
        let cleared = descriptor & ~0x400
        let after = Machine.base + 11 << 12 | 0x703
        for (register, value) in [
            (1, place), (2, target), (7, cleared), (8, after), (9, cleared >> 8 & 0xff), (11, descriptor), (12, 0x400),
            (6, Self.rounds),
        ] { core.pointee.registers[register] = value }
        core.pointee.vectors[0] = cleared
        core.pointee.vectors[1] = after
        // Where software manages the flag, the page is accessed once before.
        core.pointee.programCounter = Machine.code + (isManaged ? 0 : 4 * UInt64(way.words.count))
        _ = element.run(Self.rounds * UInt64(way.words.count + end.count + 1))
        return machine
    }

    @Test("AArch64: hardware sets it again, however it was cleared", arguments: ways, [false, true])
    func managed(way: Way, translates: Bool) throws {
        let machine = try run(way, translates: translates)
        let registers = machine.element.core.pointee.registers
        #expect(registers[6] == 0, "the program did not end")
        #expect(
            registers[5] == Self.rounds * 0x400,
            "the flag was clear after \(Self.rounds - registers[5] / 0x400) of \(Self.rounds) accesses: a translation outlived it"
        )
    }

    @Test("AArch64: where software manages it, the access faults", arguments: ways, [false, true])
    func unmanaged(way: Way, translates: Bool) throws {
        let element = try run(way, translates: translates, isManaged: false).element!
        #expect(element.state.pointee.esr[1] >> 26 == 0x25)
        // Access flag fault, level 3.
        #expect(element.state.pointee.esr[1] & 0x3f == 0xb)
        #expect(element.state.pointee.far[1] == AArch64TestMachine.data + 0x1000)
        #expect(element.core.pointee.registers[6] == Self.rounds - 1, "some rounds went without a fault")
    }

    /// The same of RISC-V: the entry is at a2, what is written in a1, its low byte in a3, and all but the flag in a4.
    static let waysOfRISCV = [
        Way(testDescription: "sd", words: [0x00b6_3023]),
        Way(testDescription: "sb", words: [0x00d6_0023]),
        Way(testDescription: "amoand.d", words: [0x60e6_302f]),
        Way(testDescription: "lr.d and sc.d", words: [0x1006_352f, 0x00e5_7533, 0x18a6_37af]),
    ]

    @Test("RISC-V: it is set again, however it was cleared", arguments: waysOfRISCV, [Engine.interpreter, .jit])
    func riscv(way: Way, engine: Engine) throws {
        var configuration = RISCVVirt.Configuration(console: NoConsole())
        configuration.memorySize = 1 << 20
        configuration.engine = engine
        configuration.jitOptions.threshold = 1
        let board = try RISCVVirt(configuration)
        let hart = board.harts[0]
        func write(_ value: UInt64, at address: UInt64) {
            var value = value
            _ = board.memory.write(address, from: &value, count: 8)
        }
        let (code, root, target, virtual): (UInt64, UInt64, UInt64, UInt64) = (
            0x8000_0000, 0x8001_0000, 0x8001_3000, 0x1000_0000
        )
        // The gigabyte of memory, global; and one page below it that is not.
        write(0x8000_0000 >> 2 | 0xef, at: root + 8 * 2)
        write((root + 0x1000) >> 2 | 1, at: root)
        write((root + 0x2000) >> 2 | 1, at: root + 0x1000 + 8 * 128)
        let place = root + 0x2000
        let entry = target >> 2 | 0xc7
        write(entry, at: place)
        //     ld a6, (a7); ld a6, (a2); andi a6, a6, 0x40; add s2, s2, a6; addi s3, s3, -1; bnez s3, to the beginning
        let end: [UInt32] = [0x0008_b803, 0x0006_3803, 0x0408_7813, 0x0109_0933, 0xfff9_8993]
        let back = UInt32(bitPattern: -4 * Int32(way.words.count + end.count))
        let branch =
            0x0009_9063 | (back >> 12 & 1) << 31 | (back >> 5 & 0x3f) << 25 | (back >> 1 & 15) << 8 | (back >> 11 & 1)
            << 7
        let words = way.words + end + [branch, 0x0000_006f]
        for (index, word) in words.enumerated() {
            var word = word
            _ = board.memory.write(code + 4 * UInt64(index), from: &word, count: 4)
        }
        // All of memory may be accessed in S-mode.
        _ = try hart.accessCSR(0x3b0, .write, ~0)
        _ = try hart.accessCSR(0x3a0, .write, 0x1f)
        _ = try hart.accessCSR(0x180, .write, 8 << 60 | root >> 12)
        hart.state.pointee.privilege = .supervisor
        hart.privilegeChanged()
        let core = hart.core
        let cleared = entry & ~0x40
        for (register, value) in [
            (11, cleared), (12, place), (13, cleared & 0xff), (14, ~0x40), (17, virtual), (18, 0), (19, Self.rounds),
        ] as [(Int, UInt64)] { core.pointee.registers[register] = value }
        core.pointee.programCounter = code
        _ = hart.run(Self.rounds * UInt64(words.count - 1))
        #expect(core.pointee.registers[19] == 0, "the program did not end")
        let count = core.pointee.registers[18] / 0x40
        #expect(
            count == Self.rounds,
            "the flag was clear after \(Self.rounds - count) of \(Self.rounds) accesses: a translation outlived it")
    }
}
