import Foundation
import ISA
import TestSupport
import Testing

@testable import CLI
@testable import Machine

@Suite("Lockstep report")
struct LockstepReportTests {
    /// What is found when bit 4 of s4 is flipped after the second instruction of `addi s1, s1, 1; j .-4`, which is
    /// executed after the reset code's six: the eighth.
    private func outcome() throws -> (Lockstep.Outcome, Lockstep.Options) {
        try ExternalTool.withTemporaryDirectory { directory in
            var description = MachineDescription()
            description.firmware = "none"
            description.kernel = directory + "/guest.bin"
            description.memory = ByteCount(1 << 20)
            description.maxInstructions = Count(1000)
            let image: [UInt8] = [0x93, 0x84, 0x14, 0x00, 0x6f, 0xf0, 0xdf, 0xff]
            try Data(image).write(to: URL(fileURLWithPath: directory + "/guest.bin"))
            // The comparison itself works on every host; only the heading names the JIT.
            var options = Lockstep.Options()
            options.second = .interpreter
            let lockstep = Lockstep(description, options)
            lockstep.disturbance = Lockstep.Disturbance(instruction: 8) { _, hart in
                (hart as? RISCV.Hart)?.state.pointee.core.registers[20] ^= 0x10
            }
            return (try lockstep.run(), Lockstep.Options())
        }
    }

    @Test("It names the instruction and both values, and is plain where it is not coloured")
    func plain() throws {
        let (outcome, options) = try outcome()
        let lines = LockstepReport(options, isColoured: false).text(outcome).split(separator: "\n").map(String.init)
        #expect(lines.first == "the engines differ after instruction 8")
        #expect(lines.contains("   7  hart 0  M  0x80000000    addi s1, s1, 0x1"))
        #expect(lines.contains(">  8  hart 0  M  0x80000004    j 0x80000000"))
        #expect(lines.contains("            interpreter       jit"))
        #expect(lines.contains("hart 0  s4  0000000000000000  0000000000000010"))
        #expect(!lines.contains { $0.contains("\u{1b}") })
    }

    @Test("On a terminal the digit that differs is coloured, and no other")
    func coloured() throws {
        let (outcome, options) = try outcome()
        let text = LockstepReport(options, isColoured: true).text(outcome)
        let zeroes = String(repeating: "0", count: 14)
        #expect(text.contains("s4  \(zeroes)\u{1b}[31m0\u{1b}[0m0  \(zeroes)\u{1b}[32m1\u{1b}[0m0\n"), "\(text)")
        #expect(text.contains("\u{1b}[1mthe engines differ after instruction 8\u{1b}[0m\n"))
    }
}
