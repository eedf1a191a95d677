import Foundation
import Glibc
import ISA
import TestSupport
import Testing

@testable import Machine

/// A machine, and what its guest has printed.
final class SnapshotMachine {
    let session: Session
    private(set) var printed: [UInt8] = []
    var board: any Board { session.board }

    /// - Parameter quantum: of turns, between which a state can be taken.
    init(_ description: MachineDescription, _ engine: Engine, quantum: UInt64) throws {
        var description = description
        description.engine = engine
        let console = ConsoleHub()
        session = try Session(description, console: console)
        session.board.scheduler.quantum = quantum
        console.listeners.append { [unowned self] in printed += $0 }
    }

    /// Runs until so many instructions were executed.
    /// - Returns: false where nothing is left to run.
    @discardableResult
    func advance(to target: UInt64) -> Bool {
        while board.executed < target {
            // Several CPUs take their turns whole: how far each may go is for all.
            switch board.scheduler.round() {
            case .progress, .idle, .suspended: if board.request != nil { return false }
            case .stuck, .stopped: return false
            }
        }
        return true
    }

    /// Makes this machine what the other one is, of which `state` was taken, but for what is outside of them.
    func become(_ other: SnapshotMachine, _ state: MachineState) throws {
        for (mine, its) in zip(board.memory.regions, other.board.memory.regions) {
            #expect(mine.base == its.base && mine.size == its.size)
            // Most pages are zero in both, and the host need not have them.
            let pages = 64 << 10
            for offset in stride(from: 0, to: Int(mine.size), by: pages) {
                let count = min(pages, Int(mine.size) - offset)
                // SAFETY: both regions have so many bytes behind the offset.
                if memcmp(mine.host + offset, its.host + offset, count) != 0 {
                    memcpy(mine.host + offset, its.host + offset, count)
                }
            }
        }
        try board.restore(state)
    }

    /// What two machines differ in, in words.
    func difference(from other: SnapshotMachine) -> String {
        let differences = StateDifferences(board, other.board)
        let shown = differences.shown.prefix(12).map { "\($0.place) \($0.name): \($0.first) | \($0.second)" }
        return "after \(board.executed) and \(other.board.executed) instructions:\n" + shown.joined(separator: "\n")
    }
}

/// One run that is gone on with in another machine.
///
/// What is compared is all that the state hash is made of, and what the guest prints.
struct SnapshotOracle {
    var description: MachineDescription
    var engines: (first: Engine, second: Engine)
    var quantum: UInt64
    /// Instructions after the restoration, and how often both machines are compared on the way.
    var length: UInt64
    var comparisons: UInt64 = 4
    /// The hashes are compared at the end, too.
    var hashes = false

    /// Runs a machine, takes its state after each of so many instructions, and has another machine go on from there beside it.
    /// - Parameter input: what is typed at both machines after that.
    /// - Returns: how many of the places there were: a guest may end before.
    @discardableResult
    func check(
        after places: [UInt64], input: [UInt8] = [], at location: SourceLocation = #_sourceLocation
    ) throws -> Int {
        let first = try SnapshotMachine(description, engines.first, quantum: quantum)
        for (index, place) in places.enumerated() {
            guard first.advance(to: place) else { return index }
            let state = first.board.state()
            #expect(first.board.state() == state, "taking the state changes it", sourceLocation: location)
            let second = try SnapshotMachine(description, engines.second, quantum: quantum)
            try second.become(first, state)
            let again = second.board.state()
            if again != state {
                let names = zip(state.sections, again.sections).filter { $0 != $1 }.map(\.0.name)
                Issue.record(
                    "after \(place), a restored machine says something else of: \(names)", sourceLocation: location)
                return index
            }
            for machine in [first, second] where !input.isEmpty { machine.session.console.receive(input) }
            let printed = (first.printed.count, second.printed.count)
            for part in 1...comparisons {
                let target = place + length * part / comparisons
                let going = (first.advance(to: target), second.advance(to: target))
                #expect(going.0 == going.1, "one machine goes on, and the other does not", sourceLocation: location)
                let new = (first.printed.dropFirst(printed.0), second.printed.dropFirst(printed.1))
                // What the hash is made of, of both at once, which takes less time than two hashes.
                if !first.board.hasState(of: second.board, whole: true) || !new.0.elementsEqual(new.1) {
                    Issue.record(
                        "restored after \(place), the machines differ \(second.difference(from: first))",
                        sourceLocation: location)
                    return index
                }
                if !going.0 { break }
            }
            if hashes {
                #expect(first.board.stateHash == second.board.stateHash, sourceLocation: location)
            }
        }
        return places.count
    }
}

/// What is built beside the project, where it is.
enum BuiltImages {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    static func path(_ name: String) -> String { root + "/.build/" + name }

    /// The guest-side programs below a folder.
    static func programs(_ folder: String) -> [String] {
        let names = FileManager.default.enumerator(atPath: path(folder))?.compactMap { $0 as? String } ?? []
        return names.filter { $0.hasSuffix(".elf") }.sorted().map { folder + "/" + $0 }
    }
}
