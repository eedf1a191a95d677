import ISA
import TestSupport
import Testing

@testable import Machine

/// A guest that counts a register up for ever and stores it, on a machine of either architecture.
struct CountingGuest: CustomTestStringConvertible, Sendable {
    let machine: String
    let cpus: Int
    /// Of the store, and of what is stored.
    let store: UInt64
    let variable: UInt64
    /// A register that it does not touch, as debuggers and as states call it.
    let idleRegister: String
    /// Of RAM that it does not touch.
    let idlePage: UInt64
    /// A register of the serial port that keeps what is written to it, and the port's name.
    let deviceRegister: (address: UInt64, size: Int)
    let device: String
    private let words: [UInt32]

    var testDescription: String { "\(machine), \(cpus) CPUs" }

    static func riscv(_ cpus: Int) -> CountingGuest {
        CountingGuest(
            machine: "riscv-virt", cpus: cpus, store: 0x8000_000c, variable: 0x8000_0100, idleRegister: "s5",
            idlePage: 0x8004_0000, deviceRegister: (0x1000_0007, 1), device: "serial@10000000",
            words: ReverseTests.counter)
    }

    static func aarch64(_ cpus: Int) -> CountingGuest {
        CountingGuest(
            machine: "aarch64-virt", cpus: cpus, store: 0x4008_000c, variable: 0x4008_0100, idleRegister: "x5",
            idlePage: 0x4010_0000, deviceRegister: (0x0900_0028, 4), device: "pl011@9000000",
            words: [
                0x1000_0001,  // adr x1, .
                0xd280_0000,  // mov x0, #0
                0x9100_0400,  // add x0, x0, #1
                0xf900_8020,  // str x0, [x1, #0x100]
                0x17ff_fffe,  // b   .-8
            ])
    }

    static let all = [riscv(1), riscv(3), aarch64(1), aarch64(2)]

    func load<T>(
        engine: Engine = .jit, instructions: UInt64 = 600_000, _ body: (Session) throws -> T
    ) throws -> T {
        try TinyGuest.load(
            words,
            {
                $0.machine = machine
                $0.firmware = machine.hasPrefix("aarch64") ? nil : "none"
                $0.memory = ByteCount(4 << 20)
                $0.engine = engine
                $0.harts = cpus
                $0.maxInstructions = Count(instructions)
            }
        ) { session in
            Self.shortenTurns(session)
            return try body(session)
        }
    }

    /// Hashes are taken between turns, and a lone CPU's are long.
    private static func shortenTurns(_ session: Session) {
        session.board.scheduler.quantum = min(session.board.scheduler.quantum, 5000)
    }

    /// The same again, to be the run that was recorded.
    func replay<T>(
        _ path: String, engine: Engine = .jit, instructions: UInt64 = 600_000,
        _ body: (Session, RunReplayer) throws -> T
    ) throws -> T {
        try load(engine: engine, instructions: instructions) { original in
            let session = try Session(original.description, repeats: RecordedImages())
            Self.shortenTurns(session)
            let replayer = try RunReplayer(try Recording(path))
            session.companion = replayer
            return try body(session, replayer)
        }
    }

    static func recorder(_ session: Session, _ path: String) throws -> RunRecorder {
        let recorder = try RunRecorder(
            session, to: path, description: "", files: [], program: "test", report: { Issue.record("\($0)") })
        recorder.hashInterval = 1000
        session.companion = recorder
        return recorder
    }

    /// Records a run of it to its end.
    func record(_ path: String) throws {
        try load { session in
            let recorder = try Self.recorder(session, path)
            #expect(session.run() == .instructionLimit)
            recorder.conclude("")
        }
    }
}
