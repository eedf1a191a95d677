import ISA
import Testing

@testable import AArch64ISA
@testable import JIT

/// Operations of several steps are carried out in the register that they are for, where nothing else of theirs is there.
@Suite(
    "A64 operations in place",
    .enabled(if: X64.HostFeatures.host.contains(.version2), "this host runs no translated code"))
struct AArch64InPlaceTests {
    @Test("A shift of 32 bits is one, as of 64")
    func shifts() throws {
        let sizes = try AArch64TestMachine.sizes([
            0xd37c_ec02,  // lsl x2, x0, #4
            0x531c_6c01,  // lsl w1, w0, #4
        ])
        #expect(sizes[1] <= sizes[0], "\(sizes[1]) bytes, and \(sizes[0])")
    }

    @Test("Both steps of a shifted operand are carried out in the register that it is in")
    func shiftedOperands() throws {
        let sizes = try AArch64TestMachine.sizes([
            0x4a41_2041,  // eor w1, w2, w1, lsr #8
            0x9340_0001,  // sbfx x1, x0, #0, #1
        ])
        // SHR r32, imm8 and XOR r32, r32; MOV, SHL and SAR.
        #expect(sizes[0] <= 6, "\(sizes[0]) bytes")
        #expect(sizes[1] <= 12, "\(sizes[1]) bytes")
    }

    /// Computed by hand from the Arm ARM's pseudocode of each.
    @Test("Operands that are in the register of the result are not lost, and what has more than 32 bits is cut")
    func values() throws {
        let program: [UInt32] = [
            0xd280_0065,  // mov x5, #3
            0xd282_4681,  // 1: mov x1, #0x1234
            0xf2ff_ffe1,  // movk x1, #0xffff, lsl #48
            0xaa01_03e2,  // mov x2, x1
            0x4a41_1022,  // eor w2, w1, w1, lsr #4
            0xaa01_03e3,  // mov x3, x1
            0x8b03_0c63,  // add x3, x3, x3, lsl #3
            0x2a01_03e4,  // mov w4, w1
            0x531c_6c26,  // lsl w6, w1, #4
            0x9341_0827,  // sbfx x7, x1, #1, #2
            0xcb41_2021,  // sub x1, x1, x1, lsr #8
            0xf100_04a5,  // subs x5, x5, #1
            0x54ff_fea1,  // b.ne 1b
            0x1400_0000,  // b .
        ]
        let value: UInt64 = 0xffff_0000_0000_1234
        let expected: [(register: Int, value: UInt64)] = [
            (1, value &- value >> 8), (2, 0x1234 ^ 0x123), (3, value &* 9), (4, 0x1234), (6, 0x12340),
            (7, 0xffff_ffff_ffff_fffe),
        ]
        for translates in [false, true] {
            let machine = try AArch64TestMachine(translates: translates)
            machine.write(program, at: AArch64TestMachine.code)
            machine.element.core.pointee.programCounter = AArch64TestMachine.code
            machine.element.run(200)
            for (register, value) in expected {
                let found = machine.element.core.pointee.registers[register]
                #expect(found == value, "x\(register), \(translates ? "translated" : "interpreted")")
            }
        }
    }
}
