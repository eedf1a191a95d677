import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Machine

@Suite("Forks of a machine")
struct MachineForksTests {
    private final class Results: Sendable {
        let all = Mutex<[MachineForks.Result]>([])
    }

    private static func script(_ text: String) throws -> InputScript {
        try InputScript(InputFile(name: "keys", bytes: Array(text.utf8)))
    }

    @Test("Each fork is the run that goes on from the place alone, whatever ran before it in the same machine")
    func sameAsAlone() throws {
        for (engine, cpus) in [(Engine.jit, 1), (.interpreter, 1), (.jit, 3)] {
            try TinyGuest.load(
                EchoGuest.words, { ($0.engine, $0.harts, $0.maxInstructions) = (engine, cpus, nil) }
            ) { session in
                #expect(session.run(to: 5_000) == .suspended)
                let forks = try MachineForks(of: session)
                let words = (0..<24).map { number in "run" + String(repeating: "!", count: number % 6) }
                let texts = words.map { word in "send \"\(word)\\n\"\n" }
                let results = Results()
                try forks.run(try texts.map { MachineForks.Input(script: try Self.script($0)) }, jobs: 2) { result in
                    results.all.withLock { $0.append(result) }
                    return true
                }
                let all = results.all.withLock { $0 }
                #expect(all.map(\.number) == Array(0..<24))
                #expect(all.allSatisfy { $0.conclusion == .exited(status: 0) })
                #expect(all.map(\.lastLine) == words)
                #expect(Set(all.map(\.stateHash)).count == 6, "different inputs, and the same state")
                // Alone: a machine that is made for it, runs to the place, and is typed at.
                for number in 0..<6 {
                    let alone = try Session(session.description)
                    #expect(alone.run(to: 5_000) == .suspended)
                    alone.board.scheduler.quantum = min(alone.board.scheduler.quantum, InputScriptPlayer.quantum)
                    alone.beginAgain(try Self.script(texts[number]))
                    #expect(alone.run() == .exited(status: 0))
                    let hash = alone.board.stateHash
                    for result in all where result.number % 6 == number {
                        #expect(result.stateHash == hash, "\(engine), \(cpus), fork \(result.number)")
                    }
                }
            }
        }
    }

    @Test("What a fork writes no other fork sees, nor the machine that they are of")
    func ownMemory() throws {
        try TinyGuest.load(SnapshotFileTests.counter, { ($0.engine, $0.maxInstructions) = (.jit, nil) }) { session in
            #expect(session.run(to: 1_000) == .suspended)
            let before = session.board.stateHash
            let forks = try MachineForks(of: session)
            let (one, other) = (try forks.machine(), try forks.machine())
            for length: UInt64 in [700, 30_000, 13] {
                try one.fork(MachineForks.Input(instructions: length))
                try other.fork(MachineForks.Input(instructions: length * 2))
                #expect(one.session.board.stateHash == before && other.session.board.stateHash == before)
                #expect(one.run() == .instructionLimit)
                #expect(other.run() == .instructionLimit)
                #expect(one.session.board.executed == 1_000 + length)
                #expect(one.session.board.stateHash != other.session.board.stateHash)
            }
            #expect(session.board.stateHash == before)
            #expect(one.changedPages > 0)
            try one.fork()
            #expect(one.changedPages == 0)
        }
    }

    @Test(
        "Forks of a file are those of the machine that was saved to it; a seed changes what is random, and nothing else"
    )
    func ofFile() throws {
        try TinyGuest.load(EchoGuest.words, { $0.maxInstructions = nil }) { session in
            try ExternalTool.withTemporaryDirectory { folder in
                #expect(session.run(to: 4_000) == .suspended)
                let path = folder + "/s.orrery"
                let entry = try SnapshotSaver(session, to: path, SnapshotFileTests.recipe, adds: false).save("")
                let forks = try MachineForks(
                    MachineSnapshot(entry, of: try Recording(path).snapshots), session.description)
                let machine = try forks.machine()
                try machine.fork()
                #expect(machine.session.board.stateHash == session.board.stateHash)
                var generators: Set<MachineState.Value?> = []
                for seed: UInt64? in [nil, 1, 2, 1] {
                    try machine.fork(MachineForks.Input(seed: seed))
                    let fields = machine.session.board.state().sections.flatMap(\.fields)
                    generators.insert(fields.first { $0.name == "generator" }?.value)
                    #expect(
                        fields.filter { $0.name != "generator" }
                            == session.board.state().sections.flatMap(\.fields).filter { $0.name != "generator" })
                }
                #expect(fieldsHaveGenerator(session) == (generators.count == 3))
            }
        }
    }

    private func fieldsHaveGenerator(_ session: Session) -> Bool {
        session.board.state().sections.contains { $0.fields.contains { $0.name == "generator" } }
    }
}

extension MachineState.Value: Hashable {
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .word(let word): hasher.combine(word)
        case .bytes(let bytes): hasher.combine(bytes)
        }
    }
}
