import ISA
import Testing

@testable import JIT
@testable import Machine

/// Code of hundreds of instructions without a jump, as compilers make of ciphers, in which more results wait for their use
/// than there are places to keep them. Little code comes so far with all places that there are, so that there are fewer here.
@Suite(
    "Long sequences", .enabled(if: X64.HostFeatures.host.contains(.version2), "this host runs no translated code"))
struct LongSequenceTests {
    /// s0 and s1 are where the accesses go; the others hold what is computed.
    private static let others = [
        "ra", "sp", "tp", "t0", "t1", "t2", "t3", "a0", "a1", "a2", "a7", "s2", "s3", "s4", "s5",
    ]

    /// Accesses off two bases, and between them operations in stretches that keep to a few registers: what these held before
    /// nobody sees but who still computes with it, so that it has no register to stay in.
    private static func sequence(seed: UInt64) -> GuestSequence {
        var random = RandomNumbers(state: seed)
        func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
        var lines: [String] = []
        while lines.count < 300 {
            let few = others.shuffled(using: &random).prefix(3 + below(13))
            let accesses = below(8)
            func register() -> String { few[below(few.count)] }
            for _ in 0..<10 + below(50) {
                if below(32) < accesses {
                    let access = ["lw", "ld", "lbu", "sd", "sw", "sb"][below(6)]
                    lines.append("\(access) \(register()) \(8 * below(64))(s\(below(2)))")
                } else {
                    let operation = ["addw", "xor", "or", "and", "sub", "sltu", "mulhu"][below(7)]
                    lines.append("\(operation) \(register()) \(register()) \(register())")
                }
            }
        }
        return GuestSequence(name: "sequence of seed \(seed)", lines: lines, pointers: ["s0", "s1"], alignment: 8)
    }

    @Test("They do what the interpreter does", arguments: [7, 8, 64], 220..<280 as Range<UInt64>)
    func behaviour(spillSlots: Int, seed: UInt64) throws {
        let sequence = Self.sequence(seed: seed)
        let plain = try SequenceMachine(sequence, .interpreter)
        var options = HotCode.Options()
        options.threshold = 1
        options.spillSlots = spillSlots
        let translated = try SequenceMachine(sequence, .jit, options)
        for start in 0..<4 as Range<UInt64> {
            for machine in [plain, translated] {
                var random = RandomNumbers(state: start)
                machine.begin(&random)
                machine.hart.run(UInt64(sequence.lines.count) + 64)
            }
            let isSame = plain.state == translated.state
            #expect(
                isSame,
                """
                \(sequence), \(spillSlots) spill slots, begun with registers of seed \(start): translated code leaves \
                another state behind than the interpreter. Is what a node needs for the last time kept until it is done?
                """)
        }
        let statistics = try #require(translated.board.translator).statistics
        #expect(statistics.executed > 0, "nothing of \(sequence) was executed in translated code")
    }
}
