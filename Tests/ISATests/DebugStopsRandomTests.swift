import ISA
import Testing

@testable import Machine

/// Random programs with breakpoints and watchpoints: what they do is what they do without, and where they stop is where single
/// steps come by.
@Suite("Stops for debuggers, in random programs")
struct DebugStopsRandomTests {
    private static let everything = Watchpoint(at: 0, count: ~0, .virtual, [.read, .write])

    private func stepped(_ architecture: DebuggedMachine.Architecture, _ seed: UInt64) throws -> SteppedRun {
        SteppedRun(try DebuggedMachine(architecture, seed: seed, engine: .interpreter))
    }

    /// Addresses of some instructions that are executed, and of the first and last ones of each page.
    private func addresses(_ run: SteppedRun, _ random: inout SplitMix64) -> Set<UInt64> {
        let executed = Set(run.stops.map(\.programCounter)).sorted()
        var chosen = Set(executed.filter { _ in random.chance(3) })
        chosen.formUnion(executed.filter { $0 & 4095 < 4 || $0 & 4095 >= 4090 })
        return chosen
    }

    private func difference<Element: Equatable>(_ ours: [Element], _ expected: [Element]) -> String? {
        for index in 0..<max(ours.count, expected.count) {
            let (one, other) = (
                index < ours.count ? "\(ours[index])" : "nothing",
                index < expected.count ? "\(expected[index])" : "nothing"
            )
            if one != other { return "number \(index) of \(expected.count) is \(one), expected \(other)" }
        }
        return nil
    }

    @Test(
        "With an observer that never stops, a run ends in the state of one that nobody looks at",
        arguments: DebuggedMachine.Architecture.allCases, Engine.allCases)
    func undisturbed(architecture: DebuggedMachine.Architecture, engine: Engine) throws {
        for seed in 1...2 as ClosedRange<UInt64> {
            var random = SplitMix64(seed: seed)
            let run = try stepped(architecture, seed)
            let plain = try DebuggedMachine(architecture, seed: seed, engine: engine)
            let watched = try DebuggedMachine(architecture, seed: seed, engine: engine)
            let stops = watched.board.memory.stops
            for address in addresses(run, &random) {
                stops.insertBreakpoint(at: address, random.chance(50) ? .virtual : .physical)
            }
            for _ in 0..<4 {
                let base = watched.board.ramBase + random.next() % (4 << 20)
                let kinds: DebugAccess.Kinds = [.read, .write, [.read, .write]][Int(random.next() % 3)]
                stops.insert(
                    Watchpoint(at: base, count: random.next() % 0x4000, random.chance(50) ? .virtual : .physical, kinds)
                )
            }
            plain.run(seed)
            watched.run(seed)
            #expect(plain.hasEnded, "seed \(seed): give it more turns")
            #expect(!watched.recorder.breakpoints.isEmpty, "seed \(seed): no breakpoint was come to")
            #expect(watched.stops.isEmpty)
            let differences = DebuggedMachine.differences(watched, plain)
            #expect(differences.isEmpty, "seed \(seed): looked at and not: \(differences)")
            if seed == 1 { #expect(watched.board.stateHash == plain.board.stateHash) }
        }
    }

    @Test(
        "A CPU stops before each instruction with a breakpoint that single steps come by, and at no other",
        arguments: DebuggedMachine.Architecture.allCases, Engine.allCases)
    func breakpoints(architecture: DebuggedMachine.Architecture, engine: Engine) throws {
        for seed in 5...6 as ClosedRange<UInt64> {
            var random = SplitMix64(seed: seed)
            let run = try stepped(architecture, seed)
            let chosen = addresses(run, &random)
            let machine = try DebuggedMachine(architecture, seed: seed, engine: engine)
            for address in chosen { machine.board.memory.stops.insertBreakpoint(at: address, .virtual) }
            machine.recorder.stops = true
            machine.run(seed)
            let expected = run.stops.filter { chosen.contains($0.programCounter) }
            #expect(expected.count > 10, "seed \(seed): too few breakpoints are come to")
            let wrong = difference(machine.stops, expected)
            #expect(wrong == nil, "seed \(seed): \(wrong ?? "")")
            let asked = difference(machine.recorder.breakpoints, expected)
            #expect(asked == nil, "seed \(seed): asked \(asked ?? "")")
        }
    }

    @Test(
        "With all addresses watched, each access of each instruction is told, as its word and registers say",
        arguments: Engine.allCases)
    func accesses(engine: Engine) throws {
        for seed in 9...10 as ClosedRange<UInt64> {
            let run = try stepped(.riscv, seed)
            let machine = try DebuggedMachine(.riscv, seed: seed, engine: engine)
            machine.board.memory.stops.insert(Self.everything)
            machine.run(seed)
            #expect(run.accesses.count > 200, "seed \(seed): too few accesses")
            let wrong = difference(machine.recorder.accesses, run.accesses)
            #expect(wrong == nil, "seed \(seed): \(wrong ?? "")")
        }
    }

    @Test(
        "The turn ends behind each instruction that accesses what is watched, and behind no other",
        arguments: DebuggedMachine.Architecture.allCases, Engine.allCases)
    func watchpoints(architecture: DebuggedMachine.Architecture, engine: Engine) throws {
        for seed in 13...14 as ClosedRange<UInt64> {
            var random = SplitMix64(seed: seed)
            // All accesses, as the interpreter tells of them; those of RISC-V are checked above.
            let first = try DebuggedMachine(architecture, seed: seed, engine: .interpreter)
            first.board.memory.stops.insert(Self.everything)
            let run = SteppedRun(first)
            let all = first.recorder.accesses
            let kinds: [DebugAccess.Kinds] = [.read, .write, [.read, .write]]
            let watched = (0..<3).map { index in
                let access = all[Int(random.next() % UInt64(all.count))]
                return Watchpoint(
                    at: access.address &+ random.next() % access.size, count: 1 + random.next() % 64, .virtual,
                    kinds[index])
            }
            // Tags do not count (D8.8, "Address tagging"); RISC-V has none.
            let compared: UInt64 = architecture == .aarch64 ? 1 << 56 - 1 : ~0
            let expected = all.filter { access in
                watched.contains {
                    let (first, last) = (access.address & compared, (access.address &+ (access.size - 1)) & compared)
                    return !$0.kinds.isDisjoint(with: access.kinds) && first <= $0.last & compared
                        && $0.first & compared <= last
                }
            }
            let machine = try DebuggedMachine(architecture, seed: seed, engine: engine)
            machine.recorder.stops = true
            for watchpoint in watched { machine.board.memory.stops.insert(watchpoint) }
            machine.run(seed)
            let wrong = difference(machine.recorder.accesses, expected)
            #expect(wrong == nil, "seed \(seed): \(wrong ?? "")")
            // Behind each: one instruction may have several accesses.
            var positions: [UInt64] = []
            for access in expected where positions.last != access.position + 1 { positions.append(access.position + 1) }
            let late = difference(machine.stops.map(\.position), positions)
            #expect(late == nil, "seed \(seed): stops \(late ?? "")")
            #expect(!run.stops.isEmpty)
        }
    }
}
