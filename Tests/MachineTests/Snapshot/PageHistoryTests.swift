import Foundation
import ISA
import TestSupport
import Testing

@testable import Machine

@Suite("What memory held")
struct PageHistoryTests {
    /// A machine that is about to run a random program, which writes memory in every way that the architecture has.
    private static func withMachine(
        _ machine: String, _ engine: Engine, _ seed: UInt64, _ body: (Session) throws -> Void
    ) throws {
        try ExternalTool.withTemporaryDirectory { directory in
            let isArm = machine.hasPrefix("aarch64")
            let source = try MachineCatalog.randomSource(
                machine: machine, cpu: isArm ? "max" : nil, seed: seed, isForQEMU: false)
            func elf(_ source: some RandomSource) -> [UInt8] { source.program(0, blocks: 12).elf }
            var description = MachineDescription()
            description.kernel = directory + "/program.elf"
            try Data(elf(source)).write(to: URL(fileURLWithPath: description.kernel!))
            (description.machine, description.cpu) = (machine, source.cpu)
            description.firmware = isArm ? nil : "none"
            description.engine = engine
            // So that code is translated in a short run.
            description.jitThreshold = Count(2)
            description.memory = ByteCount(16 << 20)
            description.maxInstructions = Count(3_000_000)
            try body(try Session(description))
        }
    }

    /// All of memory, as libc copies and compares it.
    private final class Copy {
        private let parts: [UnsafeMutableRawBufferPointer]

        init(_ board: any Board) {
            parts = board.memory.regions.map { region in
                let part = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(region.size), alignment: 4096)
                part.copyMemory(from: UnsafeRawBufferPointer(start: region.host, count: part.count))
                return part
            }
        }

        deinit { for part in parts { part.deallocate() } }

        func isEqual(to board: any Board) -> Bool {
            zip(parts, board.memory.regions).allSatisfy { memcmp($0.baseAddress!, $1.host, $0.count) == 0 }
        }
    }

    private static let machines = ["riscv-virt", "aarch64-virt"]
    private static let cases = machines.flatMap { machine in Engine.allCases.map { (machine, $0) } }

    @Test("Memory can be put back and forth to any mark of a random program's run", arguments: cases)
    func random(_ machine: String, _ engine: Engine) throws {
        try Self.withMachine(machine, engine, 5) { session in
            let board = session.board
            let history = PageHistory(board.memory)
            var random = SplitMix64(seed: 9)
            var copies = [Copy(board)]
            var place: UInt64 = 0
            for _ in 0..<8 {
                place += 1 + random.next() % 40_000
                guard session.run(to: place) == .suspended else { break }
                history.mark()
                #expect(!copies[copies.count - 1].isEqual(to: board), "it wrote nothing")
                copies.append(Copy(board))
            }
            try #require(copies.count > 4, "the program is too short")
            history.holdLast()
            for _ in 0..<20 {
                let mark = Int(random.next() % UInt64(copies.count))
                history.move(to: mark)
                #expect(copies[mark].isEqual(to: board), "mark \(mark) of \(copies.count), after \(place) instructions")
            }
            history.end()
        }
    }

    @Test("What is kept of a mark that is dropped goes to the one before, or is given back")
    func dropped() throws {
        let memory = PhysicalMemory()
        memory.addRegion(base: 0x1000, size: 0x4000)
        let history = PageHistory(memory)
        func set(_ page: UInt64, _ value: UInt8) {
            var value = value
            #expect(memory.write(0x1000 + page * 4096, from: &value, count: 1))
        }
        func get(_ page: UInt64) -> UInt8 { memory.host(0x1000 + page * 4096)!.load(as: UInt8.self) }
        set(0, 1)
        history.mark()
        set(0, 2)
        set(1, 2)
        history.mark()
        set(1, 3)
        set(2, 3)
        history.mark()
        #expect(history.size == 5 * 4096)
        history.drop(1)
        #expect(history.size == 4 * 4096, "two marks kept page 0, and the first one's is what is needed")
        history.holdLast()
        history.move(to: 0)
        #expect([get(0), get(1), get(2)] == [0, 0, 0])
        history.move(to: 1)
        #expect([get(0), get(1), get(2)] == [2, 2, 0])
        history.move(to: 2)
        #expect([get(0), get(1), get(2)] == [2, 3, 3])
    }

    @Test("A machine that was put back and runs another way has the marks of that way")
    func branch() throws {
        let memory = PhysicalMemory()
        memory.addRegion(base: 0, size: 0x2000)
        let history = PageHistory(memory)
        func set(_ value: UInt8) {
            var value = value
            #expect(memory.write(0, from: &value, count: 1))
        }
        var value: UInt8 { memory.host(0)!.load(as: UInt8.self) }
        for number: UInt8 in 1...4 {
            set(number)
            history.mark()
        }
        history.holdLast()
        history.move(to: 2)
        #expect(value == 2)
        history.dropLater()
        set(9)
        history.mark()
        set(10)
        history.move(to: 3)
        #expect(value == 9)
        history.move(to: 2)
        #expect(value == 2)
        history.move(to: 0)
        #expect(value == 0)
    }
}
