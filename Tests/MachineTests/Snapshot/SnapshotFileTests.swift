import Foundation
import TestSupport
import Testing

@testable import Machine

/// A machine that is saved to a file, and others that go on from there.
@Suite("Snapshots of machines in files")
struct SnapshotFileTests {
    /// Counts in memory, in 64 places of 16 pages, for as long as it runs.
    static let counter: [UInt32] = [
        0x0001_0437,  // lui   s0, 0x10       (64 KiB behind the program)
        0x0000_0297,  // auipc t0, 0
        0x0054_0433,  // add   s0, s0, t0
        0x0000_0493,  // li    s1, 0
        0x03f4_f393,  // 1: andi t2, s1, 63
        0x00a3_9393,  // slli  t2, t2, 10     (1 KiB apart)
        0x0074_03b3,  // add   t2, s0, t2
        0x0093_b023,  // sd    s1, 0(t2)
        0x0014_8493,  // addi  s1, s1, 1
        0xfedf_f06f,  // j     1b
    ]

    static let recipe = MachineRecipe(description: "kernel: guest.bin\n", files: [], program: "test")

    private static func description(
        _ machine: String, _ cpus: Int, _ engine: Engine, _ kernel: String
    ) -> MachineDescription {
        var description = MachineDescription()
        (description.machine, description.harts, description.engine) = (machine, cpus, engine)
        (description.kernel, description.cpu) = (kernel, machine == "aarch64-virt" ? "max" : nil)
        description.firmware = machine == "riscv-virt" ? "none" : nil
        description.memory = ByteCount(16 << 20)
        // So that code is translated in a short run.
        description.jitThreshold = Count(2)
        return description
    }

    private static let cases: [(String, Int, Engine, Engine)] = ["riscv-virt", "aarch64-virt"].flatMap { machine in
        [1, 4].flatMap { cpus in
            [(Engine.jit, Engine.interpreter), (.interpreter, .jit)].map { (machine, cpus, $0.0, $0.1) }
        }
    }

    /// A random program of the board's, which never ends soon.
    private static func withProgram(_ machine: String, _ body: (String, String) throws -> Void) throws {
        try ExternalTool.withTemporaryDirectory { folder in
            let isArm = machine.hasPrefix("aarch64")
            let source = try MachineCatalog.randomSource(
                machine: machine, cpu: isArm ? "max" : nil, seed: 11, isForQEMU: false)
            func elf(_ source: some RandomSource) -> [UInt8] { source.program(0, blocks: 12).elf }
            try Data(elf(source)).write(to: URL(fileURLWithPath: folder + "/program.elf"))
            try body(folder, folder + "/program.elf")
        }
    }

    @Test(
        "A run that goes on from a file, under the other engine, comes to the state of the run that was not stopped",
        arguments: cases)
    func goesOn(_ machine: String, _ cpus: Int, _ first: Engine, _ second: Engine) throws {
        try Self.withProgram(machine) { folder, program in
            let file = folder + "/s.orrery"
            func description(_ engine: Engine) -> MachineDescription {
                Self.description(machine, cpus, engine, program)
            }
            let oracle = try Session(description(first))
            // Places in the middle of rounds, too.
            for place in [7_001 as UInt64, 23_456] {
                let session = try Session(description(first))
                let saver = try SnapshotSaver(session, to: file, Self.recipe, adds: place > 7_001)
                guard session.run(to: place) == .suspended else { continue }
                let entry = try saver.save("at \(place)")
                #expect(entry.position == place)
            }
            let store = try Recording(file).snapshots
            #expect(store.snapshots.count == 2, "the program is too short")
            for entry in store.snapshots {
                let session = try Session(description(second), from: MachineSnapshot(entry, of: store))
                let end: UInt64 = 60_000
                #expect(session.run(to: end) == oracle.run(to: end))
                #expect(session.board.executed == oracle.board.executed)
                #expect(session.board.stateHash == oracle.board.stateHash, "from \(entry.name)")
            }
        }
    }

    @Test("A file keeps what it had until the new snapshot is whole")
    func replacing() throws {
        try TinyGuest.load(EchoGuest.words) { session in
            try ExternalTool.withTemporaryDirectory { folder in
                let path = folder + "/s.orrery"
                try Data("older".utf8).write(to: URL(fileURLWithPath: path))
                do {
                    let saver = try SnapshotSaver(session, to: path, Self.recipe, adds: false)
                    #expect(session.run(to: 500) == .suspended)
                    #expect(try String(contentsOfFile: path, encoding: .utf8) == "older")
                    // Somebody ends the process; here the saver goes.
                    withExtendedLifetime(saver) {}
                }
                #expect(try String(contentsOfFile: path, encoding: .utf8) == "older")
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["s.orrery"])
                let saver = try SnapshotSaver(session, to: path, Self.recipe, adds: false)
                _ = try saver.save("new")
                #expect(try Recording(path).snapshots.snapshots.map(\.name) == ["new"])
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["s.orrery"])
            }
        }
    }

    @Test("What another machine's file has is not added to")
    func otherMachine() throws {
        try TinyGuest.load(EchoGuest.words) { session in
            try ExternalTool.withTemporaryDirectory { folder in
                let path = folder + "/s.orrery"
                _ = try SnapshotSaver(session, to: path, Self.recipe, adds: false).save("one")
                var other = Self.recipe
                other.description = "kernel: other.bin\n"
                #expect(throws: TraceFileError(file: path, .otherMachine)) {
                    try SnapshotSaver(session, to: path, other, adds: true)
                }
                _ = try SnapshotSaver(session, to: path, Self.recipe, adds: true).save("two")
                #expect(try Recording(path).snapshots.snapshots.map(\.name) == ["one", "two"])
            }
        }
    }

    @Test("A machine of other CPUs, or other devices, does not become what a snapshot was")
    func wrongMachine() throws {
        try TinyGuest.load(EchoGuest.words) { session in
            try ExternalTool.withTemporaryDirectory { folder in
                let path = folder + "/s.orrery"
                let saver = try SnapshotSaver(session, to: path, Self.recipe, adds: false)
                #expect(session.run(to: 500) == .suspended)
                let entry = try saver.save("")
                let snapshot = MachineSnapshot(entry, of: try Recording(path).snapshots)
                for change: (inout MachineDescription) -> Void in [
                    { $0.harts = 2 }, { $0.display = .headless }, { $0.machine = "riscv-virt,virtio=pci" },
                ] {
                    var description = session.description
                    change(&description)
                    #expect(throws: InputError.self) { try Session(description, from: snapshot) }
                }
            }
        }
    }

    @Test("savevm and loadvm put a machine back, which then does the same again")
    func monitor() throws {
        for engine in Engine.allCases {
            try TinyGuest.load(EchoGuest.words, { ($0.engine, $0.maxInstructions) = (engine, nil) }) { session in
                let monitor = Monitor(session)
                #expect(monitor.execute("info snapshots").text.contains("no snapshots"))
                #expect(monitor.execute("loadvm x").text.contains("no snapshots"))
                #expect(session.run(to: 3_000) == .suspended)
                #expect(monitor.execute("savevm first").text.contains("3,000"))
                session.console.receive(Array("abc".utf8))
                #expect(session.run(to: 9_000) == .suspended)
                let hash = session.board.stateHash
                #expect(monitor.execute("savevm second").text.contains("9,000"))
                let list = monitor.execute("info snapshots").text
                #expect(list.contains("first") && list.contains("second") && list.contains("VM CLOCK"), "\(list)")
                #expect(monitor.execute("loadvm first").text.contains("3,000"))
                #expect(session.board.executed == 3_000)
                session.console.receive(Array("abc".utf8))
                #expect(session.run(to: 9_000) == .suspended)
                #expect(session.board.stateHash == hash, "\(engine)")
                // Incremental from here, and back to what came after.
                #expect(session.run(to: 12_000) == .suspended)
                #expect(monitor.execute("savevm third").text.contains("12,000"))
                #expect(monitor.execute("loadvm second").text.contains("9,000"))
                #expect(session.board.stateHash == hash)
                #expect(monitor.execute("loadvm thirt").text.contains("Did you mean third?"))
                #expect(monitor.execute("savevm").text.contains("savevm booted"))
            }
        }
    }

    @Test("Snapshots at intervals build on each other, and each is what the run was there")
    func intervals() throws {
        try ExternalTool.withTemporaryDirectory { folder in
            let path = folder + "/s.orrery"
            var hashes: [UInt64: UInt64] = [:]
            func withGuest(_ body: (Session) throws -> Void) throws {
                try TinyGuest.load(Self.counter, { ($0.engine, $0.maxInstructions) = (.jit, nil) }, body)
            }
            try withGuest { session in
                let keeper = try SnapshotKeeper(session, in: path, Self.recipe)
                keeper.takeRegularly(every: 5_000)
                session.board.scheduler.quantum = 1_000
                #expect(session.run(to: 62_000) == .suspended)
                try keeper.close()
            }
            let store = try Recording(path).snapshots
            #expect(store.snapshots.count == 12)
            #expect(
                store.snapshots.contains { $0.parent != nil } && store.snapshots.filter { $0.parent == nil }.count < 6)
            try withGuest { session in
                for entry in store.snapshots {
                    #expect(session.run(to: entry.position) == .suspended)
                    hashes[entry.position] = session.board.stateHash
                }
            }
            for entry in store.snapshots {
                try withGuest { session in
                    let again = try Session(session.description, from: MachineSnapshot(entry, of: store))
                    #expect(again.board.stateHash == hashes[entry.position], "at \(entry.position)")
                }
            }
        }
    }
}
