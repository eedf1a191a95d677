import ISA
import Testing

@testable import AArch64ISA
@testable import Machine

/// What each kind of A64 access tells of itself, where its bytes are watched.
@Suite("Stops for debuggers, AArch64")
struct AArch64DebugStopsTests {
    private static let code: UInt64 = 0x4000_0000
    private static let data = code + 0x8000

    private final class Observer: DebugObserver {
        var accesses: [DebugAccess] = []
        var breakpoints = 0
        override func shouldStop(_ processor: (any TranslatableProcessor)?, at access: DebugAccess) -> Bool {
            accesses.append(access)
            return false
        }
        override func shouldStop(_ processor: any TranslatableProcessor, atBreakpoint address: UInt64) -> Bool {
            breakpoints += 1
            return true
        }
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let text: String
        let words: [UInt32]
        /// Offsets from the data, sizes and kinds of one round.
        let accesses: [(Int64, UInt64, DebugAccess.Kinds)]
        var testDescription: String { text }
        init(_ text: String, _ words: [UInt32], _ accesses: [(Int64, UInt64, DebugAccess.Kinds)]) {
            (self.text, self.words, self.accesses) = (text, words, accesses)
        }
    }

    /// C6.2 and C7.2; the words are llvm-mc's.
    static let cases: [Case] = [
        Case("ldr x0, [x1]", [0xf940_0020], [(0, 8, .read)]),
        Case("str x0, [x1]", [0xf900_0020], [(0, 8, .write)]),
        Case("ldrb w0, [x1]", [0x3940_0020], [(0, 1, .read)]),
        Case("ldur x0, [x1, #-4]", [0xf85f_c020], [(-4, 8, .read)]),
        Case("ldtr x0, [x1]", [0xf840_0820], [(0, 8, .read)]),
        Case("ldp x2, x3, [x1]", [0xa940_0c22], [(0, 16, .read)]),
        Case("stp x2, x3, [x1]", [0xa900_0c22], [(0, 16, .write)]),
        Case("ldar x0, [x1]", [0xc8df_fc20], [(0, 8, .read)]),
        Case("stlr x0, [x1]", [0xc89f_fc20], [(0, 8, .write)]),
        Case("ldxr x2, [x1]; stxr w4, x2, [x1]", [0xc85f_7c22, 0xc804_7c22], [(0, 8, .read), (0, 8, .write)]),
        Case("clrex; stxr w4, x2, [x1]", [0xd503_3f5f, 0xc804_7c22], []),
        Case("ldxp x2, x3, [x1]", [0xc87f_0c22], [(0, 16, .read)]),
        Case("ldadd x2, x3, [x1]", [0xf822_0023], [(0, 8, [.read, .write])]),
        Case("swp x2, x3, [x1]", [0xf822_8023], [(0, 8, [.read, .write])]),
        Case("cas x2, x3, [x1]", [0xc8a2_7c23], [(0, 8, [.read, .write])]),
        Case("casp x2, x3, x4, x5, [x1]", [0x4822_7c24], [(0, 16, [.read, .write])]),
        Case("ldr q0, [x1]", [0x3dc0_0020], [(0, 16, .read)]),
        Case("str q0, [x1]", [0x3d80_0020], [(0, 16, .write)]),
        Case("ld1 { v0.16b - v3.16b }, [x1]", [0x4c40_2020], [(0, 64, .read)]),
        Case("st4 { v0.16b - v3.16b }, [x1]", [0x4c00_0020], [(0, 64, .write)]),
        Case("dc zva, x1", [0xd50b_7421], [(0, 64, .write)]),
        Case("prfm pldl1keep, [x1]", [0xf980_0020], []),
        Case("ldr x0, [x6]", [0xf940_00c0], [(0x1000, 8, .read)]),
    ]

    private static func machine(
        _ engine: Engine, _ words: [UInt32]
    ) throws -> (AArch64Virt, AArch64.ProcessingElement, Observer) {
        var description = MachineDescription()
        (description.engine, description.jitThreshold, description.cpu) = (engine, Count(1), "max")
        let board = try AArch64Virt(description, BoardConnections(console: NoConsole()))
        let back = 0x1400_0000 | UInt32(bitPattern: Int32(-words.count)) & 0x3ff_ffff
        var words = words + [back]
        _ = board.memory.write(code, from: &words, count: 4 * words.count)
        let element = board.elements[0]
        element.reset()
        element.setMode(AArch64.PSTATE.el1h)
        element.state.pointee.cpacr = 3 << 20
        element.state.pointee.cptr = 0x33ff & ~(1 << 10)
        element.contextChanged()
        let core = element.core
        core.pointee.registers[1] = data
        core.pointee.registers[6] = data + 0x1000
        core.pointee.programCounter = code
        let observer = Observer()
        board.memory.stops.observer = observer
        return (board, element, observer)
    }

    @Test(
        "An instruction's accesses are told as the manual has them, and the run goes on", arguments: cases,
        Engine.allCases)
    func access(of example: Case, engine: Engine) throws {
        let (board, element, observer) = try Self.machine(engine, example.words)
        let round = UInt64(example.words.count + 1)
        element.run(20 * round)
        board.memory.stops.insert(Watchpoint(at: Self.data - 8, count: 0x2000, .virtual, [.read, .write]))
        element.run(round)
        #expect(element.core.pointee.programCounter == Self.code)
        let told = observer.accesses.map { "\(Int64($0.address) - Int64(Self.data)) \($0.size) \($0.kinds.rawValue)" }
        #expect(told == example.accesses.map { "\($0) \($1) \($2.rawValue)" })
        // Only reads, or only writes, or beside: the same instruction is left alone.
        board.memory.stops.remove(Watchpoint(at: Self.data - 8, count: 0x2000, .virtual, [.read, .write]))
        for (kinds, address, count): (DebugAccess.Kinds, UInt64, UInt64) in [
            (.read, Self.data, 1), (.write, Self.data, 1), ([.read, .write], Self.data + 64, 8),
        ] {
            let watchpoint = Watchpoint(at: address, count: count, .physical, kinds)
            board.memory.stops.insert(watchpoint)
            observer.accesses = []
            element.run(round)
            let expected = example.accesses.filter { access in
                let first = UInt64(Int64(Self.data) + access.0)
                return !access.2.isDisjoint(with: kinds) && first < address + count && address < first + access.1
            }
            let place = "watching \(count) at \(address - Self.data)"
            #expect(observer.accesses.map(\.kinds) == expected.map { $0.2 }, "\(place)")
            board.memory.stops.remove(watchpoint)
        }
    }

    @Test(
        "Going on from a breakpoint at what a branch by register leads to keeps PSTATE.BTYPE",
        arguments: Engine.allCases)
    func branchType(engine: Engine) throws {
        // br x7 to bti j, in code that is not guarded: BTYPE is set while somebody's is.
        let (board, element, observer) = try Self.machine(engine, [0xd61f_00e0, 0xd503_249f])
        element.core.pointee.registers[7] = Self.code + 4
        element.state.pointee.guards = 1
        board.memory.stops.insertBreakpoint(at: Self.code + 4, .virtual)
        for round in 1...4 {
            element.run(100)
            #expect(element.isStoppedByDebugger && element.core.pointee.programCounter == Self.code + 4)
            #expect(element.state.pointee.pstate >> 10 & 3 != 0, "BTYPE was lost at the stop")
            #expect(observer.breakpoints == round)
        }
    }

    @Test(
        "A PE stops before the instruction each time, and runs on when the breakpoint is gone",
        arguments: Engine.allCases)
    func breakpoint(engine: Engine) throws {
        let (board, element, observer) = try Self.machine(engine, [0x9100_0400, 0xd503_201f])  // add x0, x0, #1; nop
        element.run(300)
        for space in [DebugStops.AddressSpace.virtual, .physical] {
            board.memory.stops.insertBreakpoint(at: Self.code + 4, space)
            let before = element.core.pointee.registers[0]
            for round in 1...3 as ClosedRange<UInt64> {
                element.run(100)
                #expect(element.isStoppedByDebugger && element.core.pointee.programCounter == Self.code + 4)
                #expect(element.core.pointee.registers[0] == before + round)
            }
            board.memory.stops.removeBreakpoint(at: Self.code + 4, space)
            #expect(element.run(299) == 299)
        }
        #expect(observer.breakpoints == 6)
    }
}
