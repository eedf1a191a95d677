import AArch64ISA
import Foundation
import ISA
import Testing

@testable import Machine

@Suite("Determinism")
struct DeterminismTests {
    /// Four harts that increment one counter with LR/SC and AMOs, send each other software interrupts and read the time:
    /// whatever order they run in shows in memory.
    ///
    ///     csrr t0, mhartid; la t1, counter; li t2, 2000
    ///     1: amoadd.w t3, t0, (t1); lr.w t3, (t1); xor t3, t3, t0; sc.w t4, t3, (t1)
    ///        csrr t5, time; slli t6, t2, 3; add t6, t6, t1; sd t5, 64(t6); addi t2, t2, -1; bnez t2, 1b
    ///     2: wfi; j 2b
    private static let program: [UInt32] = [
        0xf140_22f3, 0x0000_1317, 0x0003_0313, 0x7d00_0393, 0x0053_2e2f, 0x1003_2e2f, 0x005e_4e33, 0x19c3_2eaf,
        0xc010_2f73, 0x0033_9f93, 0x006f_8fb3, 0x05ef_b023, 0xfff3_8393, 0xfe03_90e3, 0x1050_0073, 0xffdf_f06f,
    ]

    private func hash(harts: Int, turns: [UInt64]) throws -> UInt64 {
        var configuration = RISCVVirt.Configuration(console: MemoryConsole())
        configuration.cpus = harts
        configuration.memorySize = 1 << 20
        let board = try RISCVVirt(configuration)
        let bytes = Self.program.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
        let plan = try LoadPlan(
            memory: LoadPlan.Memory(base: 0x8000_0000, size: 1 << 20),
            kernel: LoadableImage(InputFile(name: "test", bytes: bytes), machine: .riscv, limit: 1 << 20))
        try board.powerOn(plan)
        var turn = 0
        while board.scheduler.time < 200_000 {
            let outcome = board.scheduler.round(limit: board.scheduler.time + turns[turn % turns.count])
            turn += 1
            if outcome == .stuck { break }
        }
        return board.stateHash
    }

    @Test("A machine that nobody holds any more gives its memory back", arguments: [Engine.interpreter, .jit])
    func release(engine: Engine) throws {
        weak var board: RISCVVirt?
        weak var memory: PhysicalMemory?
        weak var hart: RISCV.Hart?
        do {
            var configuration = RISCVVirt.Configuration(console: MemoryConsole())
            configuration.engine = engine
            let machine = try RISCVVirt(configuration)
            (board, memory, hart) = (machine, machine.memory, machine.harts[0])
        }
        #expect(board == nil, "something in the machine holds the machine")
        #expect(hart == nil, "something in the machine holds its harts")
        #expect(memory == nil, "something in the machine holds its memory")
    }

    @Test(
        "So does one of AArch64, with either interrupt controller",
        arguments: [Engine.interpreter, .jit], [AArch64Virt.GICVersion.two, .three])
    func release(engine: Engine, version: AArch64Virt.GICVersion) throws {
        weak var board: AArch64Virt?
        weak var memory: PhysicalMemory?
        weak var space: AddressSpace?
        weak var element: AArch64.ProcessingElement?
        do {
            let model = try #require(AArch64.CPUModel.named("max"))
            var configuration = AArch64Virt.Configuration(cpu: model, console: MemoryConsole())
            configuration.engine = engine
            configuration.cpus = 2
            let machine = try AArch64Virt(configuration, gicVersion: version)
            (board, memory, space, element) = (machine, machine.memory, machine.space, machine.elements[0])
        }
        #expect(board == nil, "something in the machine holds the machine")
        #expect(element == nil, "something in the machine holds its CPUs")
        #expect(space == nil, "something in the machine holds its devices")
        #expect(memory == nil, "something in the machine holds its memory")
    }

    @Test("Equal machines end in equal states, with any number of harts", arguments: [1, 2, 4, 8])
    func repeatable(harts: Int) throws {
        let first = try hash(harts: harts, turns: [.max >> 1])
        let second = try hash(harts: harts, turns: [.max >> 1])
        #expect(first == second)
    }

    @Test("Where the run is interrupted does not show in a lone hart's state")
    func interruptions() throws {
        let whole = try hash(harts: 1, turns: [.max >> 1])
        #expect(try hash(harts: 1, turns: [1, 7, 1000, 3]) == whole)
    }

    @Test("Another program ends in another state")
    func sensitivity() throws {
        #expect(try hash(harts: 1, turns: [.max >> 1]) != hash(harts: 2, turns: [.max >> 1]))
    }
}
