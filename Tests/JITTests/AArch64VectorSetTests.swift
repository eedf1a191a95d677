import ISA
import Testing

@testable import AArch64ISA
@testable import JIT

/// Vector registers that are set again are stored only once, and are there for whoever leaves the code.
@Suite(
    "A64 vector registers that are stored late",
    .enabled(if: X64.HostFeatures.host.contains(.version2), "this host runs no translated code"))
struct AArch64VectorSetTests {
    private static let stay: UInt32 = 0x1400_0000

    @Test("A vector register that is set again is not stored where it is set first")
    func vectorSets() throws {
        let words: [UInt32] = [
            0x4ee1_8400,  // add v0.2d, v0.2d, v1.2d
            0x4ee1_8400,  // add v0.2d, v0.2d, v1.2d
            0x4ee1_8400,  // add v0.2d, v0.2d, v1.2d
        ]
        let late = try AArch64TestMachine.sizes(words)
        let early = try AArch64TestMachine.sizes(words, without: .vectorSets)
        // A store of 16 bytes behind the first register takes 7 or 8 bytes, and a move of one register 3 to 5.
        #expect(late[1] < early[1], "\(late[1]) bytes, and \(early[1]) with a store")
    }

    @Test("Where accesses fault and turns end, vector registers that were set late are there")
    func faults() throws {
        let program: [UInt32] = [
            0x4ee1_8400,  // 1: add v0.2d, v0.2d, v1.2d
            0x6ee1_8442,  // sub v2.2d, v2.2d, v1.2d
            0x1e61_2863,  // fadd d3, d3, d1
            0xf940_00a6,  // ldr x6, [x5]: faults once x5 is behind memory
            0x4ea0_1c04,  // mov v4.16b, v0.16b
            0x9140_04a5,  // add x5, x5, #0x1000
            0xf100_0463,  // subs x3, x3, #1
            0x54ff_ff21,  // b.ne 1b
            Self.stay,
        ]
        for turn in 1...40 as ClosedRange<UInt64> {
            var states: [[(name: String, value: UInt64)]] = []
            for translates in [false, true] {
                let machine = try AArch64TestMachine(translates: translates)
                machine.write(program, at: AArch64TestMachine.code)
                machine.write([Self.stay], at: AArch64TestMachine.vectors + 0x200)
                let core = machine.element.core
                machine.element.setMode(AArch64.PSTATE.el1h)
                machine.element.state.pointee.vbar[1] = AArch64TestMachine.vectors
                machine.element.state.pointee.cpacr = 3 << 20
                machine.element.contextChanged()
                core.pointee.registers[3] = 100
                core.pointee.registers[5] = AArch64TestMachine.data
                for part in 0..<10 { core.pointee.vectors[part] = 0x3ff0_0000_0000_0000 + UInt64(part) }
                core.pointee.programCounter = AArch64TestMachine.code
                for _ in 0..<80 / turn + 1 { machine.element.run(turn) }
                states.append(machine.observed)
            }
            for (interpreted, translated) in zip(states[0], states[1]) {
                #expect(
                    interpreted.value == translated.value,
                    "\(interpreted.name) with turns of \(turn), interpreted and translated")
            }
        }
    }
}
