import Foundation
import ISA
import TestSupport
import Testing

@testable import Machine

@Suite("Lockstep")
struct LockstepTests {
    /// Harts that increment one counter and store what they make of it, 300 times each; then hart 0 powers off, and the
    /// others wait.
    ///
    ///     csrr t0, mhartid; auipc t1, 1; addi t1, t1, -4; li t2, 300
    ///     1: amoadd.w t3, t0, (t1); mul s1, s1, t3; addi s1, s1, 1; sd s1, 8(t1); xor a1, a1, s1
    ///        addi t2, t2, -1; bnez t2, 1b
    ///     bnez t0, 2f; lui s1, 0x100; lui s2, 0x5; addi s2, s2, 0x555; sw s2, 0(s1)
    ///     2: wfi; j 2b
    private static let program: [UInt32] = [
        0xf140_22f3, 0x0000_1317, 0xffc3_0313, 0x12c0_0393,  //
        0x0053_2e2f, 0x03c4_84b3, 0x0014_8493, 0x0093_3423, 0x0095_c5b3, 0xfff3_8393, 0xfe03_94e3,
        0x0002_9a63, 0x0010_04b7, 0x0000_5937, 0x5559_0913, 0x0124_a023, 0x1050_0073, 0xffdf_f06f,
    ]
    /// `lui t2, 2`: 8192 times, so that harts take several turns.
    private static let manyRounds: UInt32 = 0x0000_23b7
    /// The reset code's six instructions and the program's first four.
    private static let prologue: UInt64 = 10
    /// Instructions of one round of its loop.
    private static let round: UInt64 = 7

    private func lockstep(
        harts: Int = 1, every: UInt64 = 500, _ disturbance: Lockstep.Disturbance? = nil, limit: UInt64 = 1_000_000,
        ended: (Lockstep) -> Void = { _ in }
    ) throws -> Lockstep.Outcome {
        try ExternalTool.withTemporaryDirectory { directory in
            var description = MachineDescription()
            description.firmware = "none"
            description.kernel = directory + "/guest.bin"
            description.memory = ByteCount(1 << 20)
            description.harts = harts
            description.maxInstructions = Count(limit)
            var program = Self.program
            if harts > 1 { program[3] = Self.manyRounds }
            let bytes = program.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
            try Data(bytes).write(to: URL(fileURLWithPath: directory + "/guest.bin"))
            var options = Lockstep.Options()
            // What is tested is the comparison, on every host.
            options.second = .interpreter
            options.every = every
            options.memoryEvery = 4 * min(every, 1 << 40)
            let lockstep = Lockstep(description, options)
            lockstep.disturbance = disturbance
            defer { ended(lockstep) }
            return try lockstep.run()
        }
    }

    private func divergence(_ outcome: Lockstep.Outcome) throws -> Lockstep.Divergence {
        guard case .different(let divergence) = outcome else {
            Issue.record("no difference was found: \(outcome)")
            throw CancellationError()
        }
        return divergence
    }

    @Test("Two machines that do the same do not differ", arguments: [1, 4], [1, 500, .max] as [UInt64])
    func same(harts: Int, every: UInt64) throws {
        guard case .same(let conclusion, let instructions) = try lockstep(harts: harts, every: every) else {
            Issue.record("they differ")
            return
        }
        #expect(conclusion == .exited(status: 0))
        // Hart 0 executes its branch and four instructions more.
        if harts == 1 { #expect(instructions == Self.prologue + 300 * Self.round + 5) }
    }

    @Test(
        "A register that changes after one instruction is found there, and named",
        arguments: [1, 11, 500, 501, 2115] as [UInt64], [500, .max] as [UInt64])
    func register(instruction: UInt64, every: UInt64) throws {
        let found = try divergence(
            try lockstep(
                every: every,
                Lockstep.Disturbance(instruction: instruction) { _, hart in
                    (hart as? RISCV.Hart)?.state.pointee.core.registers[20] ^= 0x10
                }))
        #expect(found.instruction == instruction)
        #expect(found.processor == "hart 0")
        let zero = String(repeating: "0", count: 16)
        #expect(
            found.differences.shown == [
                StateDifference(place: "hart 0", name: "s4", first: zero, second: "0000000000000010")
            ])
        #expect(found.steps.last?.instruction == instruction)
        #expect(found.steps.count == Int(min(instruction, 12)))
    }

    @Test(
        "A difference among thousands of instructions is found in few runs, of which each is as long as the first",
        arguments: [1, 4])
    func runs(harts: Int) throws {
        var runs = 0
        let found = try divergence(
            try lockstep(
                harts: harts, every: .max,
                Lockstep.Disturbance(instruction: 1999) { _, hart in
                    (hart as? RISCV.Hart)?.state.pointee.core.registers[20] ^= 0x10
                }, ended: { runs = $0.runs }))
        #expect(found.instruction == 1999)
        // Half of one's way at a time, it were two more than the logarithm to base 2, which is 12 at least.
        if harts == 1 { #expect(runs <= 9) }
    }

    @Test("The instruction is shown as it was executed, with what it changed")
    func instruction() throws {
        // The mul of the second round; s1 is 1 and 0 times 1 after it.
        let instruction = Self.prologue + Self.round + 2
        let found = try divergence(
            try lockstep(
                Lockstep.Disturbance(instruction: instruction) { _, hart in
                    (hart as? RISCV.Hart)?.state.pointee.core.registers[9] = 0xff
                }))
        let last = try #require(found.steps.last)
        #expect(last.text == "mul s1, s1, t3")
        #expect(last.programCounter == 0x8000_0014)
        #expect(last.level == "M")
        #expect(last.changed.contains("s1"))
        #expect(found.differences.shown.map(\.name) == ["s1"])
    }

    @Test("With several harts, the one that was disturbed is named", arguments: [200, 13_000, 77_777] as [UInt64])
    func harts(instruction: UInt64) throws {
        nonisolated(unsafe) var disturbed = ""
        let found = try divergence(
            try lockstep(
                harts: 4,
                Lockstep.Disturbance(instruction: instruction) { _, hart in
                    disturbed = hart.label
                    (hart as? RISCV.Hart)?.state.pointee.core.registers[40 + 11] = 1
                }))
        #expect(found.instruction == instruction)
        #expect(found.processor == disturbed)
        #expect(found.differences.shown.map(\.place) == [disturbed])
        #expect(found.differences.shown.map(\.name) == ["fa1"])
        #expect(found.steps.last?.processor == disturbed)
    }

    @Test("Memory that changes is found where it changed, with its address and bytes")
    func memory() throws {
        let found = try divergence(
            try lockstep(
                Lockstep.Disturbance(instruction: 777) { board, _ in
                    var byte: UInt8 = 0xab
                    _ = board.memory.write(0x8000_8013, from: &byte, count: 1)
                }))
        #expect(found.instruction == 777)
        let line = Array(repeating: "00", count: 16)
        var changed = line
        changed[3] = "ab"
        #expect(
            found.differences.shown == [
                StateDifference(
                    place: "memory", name: "0x80008010", first: line.joined(separator: " "),
                    second: changed.joined(separator: " "))
            ])
    }

    @Test("A machine that ends where the other goes on differs there")
    func ending() throws {
        let found = try divergence(
            try lockstep(
                Lockstep.Disturbance(instruction: 1500) { board, _ in
                    _ = board.space.write(0x10_0000, size: 4, value: 0x5555)
                }))
        #expect(found.instruction == 1500)
        #expect(
            found.differences.shown.contains(
                StateDifference(place: "machine", name: "run", first: "goes on", second: "exited(status: 0)")))
    }

    @Test("An engine that goes on where a turn ends is told of, with the turn")
    func overrun() throws {
        // As if five instructions more had been executed after the 300th.
        let outcome = try lockstep(
            Lockstep.Disturbance(instruction: 300) { _, hart in (hart as? RISCV.Hart)?.state.pointee.core.turnEnd &+= 5
            })
        guard case .overran(let engine, let overrun) = outcome else {
            Issue.record("no overrun was found: \(outcome)")
            return
        }
        #expect(engine == .interpreter)
        #expect(overrun.processor == "hart 0")
        #expect(overrun.start == 0)
        #expect(overrun.allowed == 300)
        #expect(overrun.executed == 305)
    }
}
