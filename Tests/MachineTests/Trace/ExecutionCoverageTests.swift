import Foundation
import TestSupport
import Testing

@testable import Machine

@Suite("Coverage of instructions")
struct ExecutionCoverageTests {
    /// Jumps over two instructions, takes a loop of two three times, one of which has two bytes, and powers off.
    private static let words: [UInt8] = {
        var bytes: [UInt8] = []
        func half(_ value: UInt16) { bytes += [UInt8(truncatingIfNeeded: value), UInt8(value >> 8)] }
        func word(_ value: UInt32) {
            half(UInt16(truncatingIfNeeded: value))
            half(UInt16(value >> 16))
        }
        word(0x00c0_006f)  //  0  j     12
        word(0x0000_0013)  //  4  nop            never executed
        word(0x0000_0013)  //  8  nop            never executed
        half(0x428d)  //      12  c.li   t0, 3
        half(0x12fd)  //      14  c.addi t0, -1
        word(0xfe02_9fe3)  // 16  bnez  t0, -2
        for instruction in TinyGuest.powerOff { word(instruction) }  // 20 to 39
        return bytes
    }()

    @Test("Blocks are what was executed, from where it was jumped to; a reader of drcov finds them")
    func blocks() throws {
        try ExternalTool.withTemporaryDirectory { directory in
            var builder = ELFBuilder.program(at: 0x8000_0000, Self.words)
            builder.symbols = [.init(name: "_start", value: 0x8000_0000, size: 4)]
            let path = directory + "/guest.elf"
            try Data(builder.bytes()).write(to: URL(fileURLWithPath: path))
            var description = MachineDescription()
            description.firmware = "none"
            description.kernel = path
            description.memory = ByteCount(1 << 20)
            description.engine = .interpreter
            let session = try Session(description)
            let module = try ExecutionCoverage.Module(
                SymbolSpaces.FileName(owner: .machine, path: path), machine: session.board.architecture)
            let coverage = ExecutionCoverage(session, [module])
            #expect(session.run() == .exited(status: 0))
            // The last instruction jumps to itself, behind the store that ends the run.
            #expect(coverage.offsets(of: 0) == [0, 12, 14, 16, 20, 24, 28, 32])
            // The loop's branch falls through at last, so that what follows it belongs to it.
            #expect(
                coverage.blocks(of: 0) == [
                    .init(start: 0, size: 4), .init(start: 12, size: 2), .init(start: 14, size: 22),
                ])
            #expect(coverage.elsewhere == 6, "the reset code")
            #expect(coverage.executed == session.board.executed)
            // The format is DynamoRIO's: lines up to the table, then eight bytes a block.
            let reader = """
                import struct, sys
                data = open(sys.argv[1], 'rb').read()
                lines = []
                while not lines or not lines[-1].startswith('BB Table'):
                    line, data = data.split(b'\\n', 1)
                    lines.append(line.decode())
                assert lines[0] == 'DRCOV VERSION: 2' and lines[1].startswith('DRCOV FLAVOR: '), lines
                assert lines[2] == 'Module Table: version 2, count 1' and lines[3] == 'Columns: id, base, end, entry, path', lines
                identifier, base, end = lines[4].split(', ')[:3]
                count = int(lines[5].split(' ')[2])
                assert len(data) == 8 * count
                covered = set()
                for place in range(count):
                    start, size, module = struct.unpack_from('<IHH', data, 8 * place)
                    assert module == int(identifier) and start + size <= int(end, 16) - int(base, 16)
                    covered |= set(range(start, start + size))
                print(int(base, 16), sorted(covered) == list(range(0, 4)) + list(range(12, 36)))
                """
            if let output = try ExternalTool.run("python3", ["-c", reader, "@"], input: coverage.drcov) {
                #expect(String(decoding: output, as: UTF8.self) == "2147483648 True\n")
            } else {
                #expect(ExternalTool.path("python3") == nil, "the file breaks a rule of drcov")
            }
        }
    }

    @Test("A run whose coverage is taken is the same run, with interrupts, too", arguments: [1, 2])
    func same(harts: Int) throws {
        var hashes: Set<UInt64> = []
        for isCovered in [false, true] {
            try TinyGuest.load(RunEventsTests.timer(RunEventsTests.wait)) {
                $0.harts = harts
                $0.engine = .interpreter
            } _: { session in
                let coverage = isCovered ? ExecutionCoverage(session, []) : nil
                #expect(session.run() == .exited(status: 0))
                hashes.insert(session.board.stateHash)
                if let coverage { #expect(coverage.executed == session.board.executed) }
            }
        }
        #expect(hashes.count == 1)
    }
}
