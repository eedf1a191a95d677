import Foundation
import ISA
import Testing

@testable import JIT
@testable import Machine

/// The translator as a whole: what it tells of itself, what it forgets, and how it gives up on purpose.
@Suite("Hot code", .enabled(if: X64.HostFeatures.host.contains(.version2), "this host runs no translated code"))
struct HotCodeTests {
    private static let loop = GuestSequence(
        name: "a loop", lines: ["addi a0 zero 2000", "loop:", "ld a1 0(a2)", "addi a0 a0 -1", "bne a0 zero loop"],
        pointers: ["a2"], alignment: 8)

    private func machine(
        _ sequence: GuestSequence, _ configure: (inout HotCode.Options) -> Void = { _ in }
    ) throws -> (SequenceMachine, HotCode) {
        var options = HotCode.Options()
        options.threshold = 1
        configure(&options)
        let machine = try SequenceMachine(sequence, .jit, options)
        var numbers = RandomNumbers(state: 1)
        machine.begin(&numbers)
        // Memory that is there.
        machine.hart.core.pointee.registers[12] = SequenceMachine.data
        return (machine, try #require(machine.board.translator))
    }

    @Test("What was translated, and what was executed in translated code, is counted")
    func counts() throws {
        let (machine, translator) = try machine(Self.loop)
        var regions: [(address: UInt64, bytes: Int)] = []
        translator.observer = { regions.append(($0, $1.count)) }
        machine.hart.run(4000)
        let statistics = translator.statistics
        // One region serves the loop; the end of the turn is the interpreter's.
        #expect(regions.map(\.address) == [GuestSequence.address])
        #expect(statistics.regions == 1)
        #expect(statistics.bytes == regions.reduce(0) { $0 + $1.bytes })
        // The four instructions and the two where the guest stays, each counted once, though loops are several rounds.
        #expect(statistics.instructions == 6)
        #expect(statistics.executed > 3990 && statistics.executed <= 4000)
        #expect(statistics.entries > 0 && statistics.translationNanoseconds > 0)
        let figures = TranslationFigures(statistics, of: machine.hart.executed, on: RISCV.Hart.self)
        #expect(figures.interpreted + statistics.executed == 4000)
    }

    @Test("Code without a jump that is too long for one region goes on in another")
    func longCode() throws {
        let additions = Array(repeating: "addi a1 a1 1", count: 900)
        let long = GuestSequence(
            name: "a long loop",
            lines: ["addi a0 zero 50", "loop:"] + additions + ["addi a0 a0 -1", "bne a0 zero loop"])
        let (machine, translator) = try machine(long)
        machine.hart.run(40_000)
        let executed = translator.statistics.executed
        #expect(translator.statistics.regions == 2)
        #expect(executed > 35_000, "of 40,000 instructions only \(executed) were executed in translated code")
    }

    @Test("The instructions that translated code is left for are counted by mnemonic, on demand")
    func reasons() throws {
        // A store to a device is the interpreter's.
        let store = GuestSequence(
            name: "stores to a device",
            lines: [
                "lui a3 0x10000000", "addi a0 zero 50", "loop:", "sb a1 7(a3)", "addi a0 a0 -1", "bne a0 zero loop",
            ])
        for counts in [true, false] {
            let (machine, translator) = try machine(store)
            translator.countsReasons = counts
            machine.hart.run(400)
            let reasons = translator.statistics.commonestReasons(10, of: RISCV.Hart.self)
            #expect(reasons.map(\.mnemonic) == (counts ? ["sb"] : []))
            #expect(reasons.allSatisfy { $0.count >= 40 && $0.count <= 50 }, "of 50 stores, \(reasons)")
        }
    }

    @Test("A listing shows the bytes that are run, each of them once, and runs nothing")
    func listing() throws {
        for sequence in GuestSequence.all {
            let (shown, lister) = try machine(sequence)
            let before = shown.state
            let listing = try #require(lister.listing(at: GuestSequence.address, of: shown.hart), "\(sequence)")
            #expect(shown.state == before)
            #expect(lister.statistics.entries == 0)
            let pieces = (listing.sections.flatMap(\.pieces) + listing.stubs).sorted { $0.offset < $1.offset }
            var place = 0
            for piece in pieces {
                #expect(piece.offset == place, "of '\(sequence)'")
                place += piece.code.count
            }
            #expect(place == listing.count)
            let (machine, translator) = try machine(sequence)
            var code: [UInt8] = []
            translator.observer = { if code.isEmpty { code = Array($1) } }
            machine.hart.run(1)
            #expect(pieces.flatMap(\.code) == code, "of '\(sequence)'")
        }
    }

    @Test("Injected faults make every access miss, leave code early, and throw it away")
    func injection() throws {
        let (plain, _) = try machine(Self.loop)
        let (machine, translator) = try machine(Self.loop) { $0.injectsFaults = true }
        // Four rounds of the loop are one block, whose loads are one access to the TLB.
        for (hart, expectation) in [(plain.hart, UInt64(0)...4), (machine.hart, UInt64(400)...6000)] {
            let before = hart.statistics.tlbMisses
            hart.run(6001)
            let misses = hart.statistics.tlbMisses - before
            #expect(expectation.contains(misses), "2000 loads, \(misses) TLB misses")
        }
        #expect(machine.state == plain.state)
        #expect(translator.statistics.entries > 100, "the loop's block is run 500 times")
        #expect(translator.statistics.flushes > 1)
        #expect(translator.statistics.regions > 2, "what is thrown away is translated again")
    }

    @Test(
        "Code that was changed runs as it is now, however often code memory is full",
        // The second is always nearly full.
        arguments: [64 << 20, 1 << 20])
    func changedCode(capacity: Int) throws {
        let sequence = GuestSequence(
            name: "code that changes",
            lines: [
                "auipc t0 0", "addi t0 t0 24", "lui a2 0x750000", "addi a2 a2 0x513",  // addi a0, a0, 7
                "addi a4 zero 3", "jalr zero t0 0", "loop:", "addi a0 a0 1", "sw a2 0(t0)", "addi a4 a4 -1",
                "beq a4 zero end", "jalr zero t0 0",
            ])
        let (machine, translator) = try machine(sequence) { $0.capacity = capacity }
        machine.hart.core.pointee.registers[10] = 0
        machine.hart.run(1000)
        #expect(machine.hart.core.pointee.registers[10] == 15, "1, and twice 7")
        #expect(translator.statistics.executed > 0)
    }

    @Test("perf is told of code in anonymous memory, which is never writable and executable at one address")
    func perfMap() throws {
        let (machine, translator) = try machine(Self.loop)
        let map = try PerfMap.ofProcess()
        defer { unlink(map.path) }
        map.follow(translator, SymbolFinder([]))
        machine.hart.run(4000)
        #expect(map.path == "/tmp/perf-\(getpid()).map")
        // linux/tools/perf/Documentation/jit-interface.txt: "START SIZE symbolname", the rest of the line being the name.
        let lines = try String(contentsOfFile: map.path, encoding: .utf8).split(separator: "\n")
            .map { $0.split(separator: " ", maxSplits: 2).map(String.init) }
        #expect(lines.map(\.last) == ["orrery: entering and leaving", "guest 0x80000000"])
        let ranges = try lines.map { words in
            let start = try #require(UInt64(words[0], radix: 16)), size = try #require(UInt64(words[1], radix: 16))
            return start..<start + size
        }
        #expect(ranges[0].upperBound <= ranges[1].lowerBound)
        // proc_pid_maps(5); perf's is_anon_memory() knows shared anonymous memory as /dev/zero.
        let mappings = try String(contentsOfFile: "/proc/self/maps", encoding: .utf8).split(separator: "\n")
            .map { $0.split(separator: " ", omittingEmptySubsequences: true) }
        let mapping = try #require(
            mappings.first { words in
                let bounds = words[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
                return bounds[0] <= ranges[1].lowerBound && ranges[1].upperBound <= bounds[1]
            })
        #expect(mapping[1] == "r-xs")
        #expect(mapping[5] == "/dev/zero")
        #expect(!mappings.contains { $0[1].hasPrefix("rwx") })
    }
}
