import Foundation
import Machine
import TestSupport
import Testing

/// Frames are left as the call frame information says, which readelf decodes.
@Suite("Call frames", .enabled(if: CompiledProgram.isPossible, "needs clang and ld.lld of the Swift toolchain"))
struct CallFrameTests {
    /// Memory whose every word names its address.
    private func word(_ address: UInt64) -> UInt64 { address ^ 0x5a5a_0000 }

    private func memory(_ address: UInt64, _ count: Int) -> [UInt8]? {
        (0..<count).map { UInt8(truncatingIfNeeded: word(address) >> UInt64(8 * $0)) }
    }

    /// Register n holds 0x9000000 and n times 0x1000.
    private let values: [UInt64?] = (0..<32).map { 0x900_0000 + $0 * 0x1000 }

    /// A row of readelf's interpreted frames: from an address on, how the frame is found and where registers are.
    private struct Row {
        var start: UInt64
        var end: UInt64
        var columns: [String: String]
    }

    private func rows(_ path: String) throws -> [Row] {
        let program = try #require(ExternalTool.path("readelf"))
        let result = try ExternalTool.run(program: program, ["--debug-dump=frames-interp", path], in: "/")
        var rows: [Row] = []
        var names: [Substring] = []
        var end: UInt64 = 0
        for line in result.outputText.split(separator: "\n") {
            // `... FDE cie=00000000 pc=0000000080000000..0000000080000014`, then `LOC CFA s0 ra`, and a row each.
            if let range = line.range(of: "pc=") {
                let bounds = line[range.upperBound...].split(separator: ".").compactMap { UInt64($0, radix: 16) }
                if bounds.count == 2 { end = bounds[1] }
                continue
            }
            let fields = line.split(separator: " ")
            if fields.first == "LOC" {
                names = fields
            } else if end != 0, fields.count == names.count, let start = fields.first.flatMap({ UInt64($0, radix: 16) })
            {
                if let last = rows.indices.last, rows[last].end == end { rows[last].end = start }
                rows.append(
                    Row(
                        start: start, end: end,
                        columns: Dictionary(zip(names, fields).map { (String($0), String($1)) }) { $1 }))
            }
        }
        return rows
    }

    @Test(
        "A frame's caller is where readelf's table of the instruction has it",
        .enabled(if: ExternalTool.path("readelf") != nil, "needs binutils"), arguments: CompiledProgram.all)
    func callers(program: CompiledProgram) throws {
        try program.compile { path in
            let programs = SourcePrograms([.init(try DebugInformation(.read(path)))])
            let numbers =
                program.target == .riscv64
                ? ["sp": 2, "s0": 8, "ra": 1, "s1": 9, "s2": 18, "s3": 19]
                : ["sp": 31, "x29": 29, "x30": 30, "x19": 19, "x20": 20]
            var compared = 0
            for row in try rows(path) where row.start < row.end {
                // `sp+32` and `c-16`.
                let rule = try #require(row.columns["CFA"])
                let parts = rule.split(separator: "+")
                let base = try #require(numbers[String(parts[0])], "\(rule) is of a register that the test lacks")
                let canonical = (values[base] ?? 0) + (parts.count > 1 ? UInt64(parts[1]) ?? 0 : 0)
                func expected(_ name: String, _ number: Int) throws -> UInt64? {
                    guard let rule = row.columns[name], rule != "u" else { return values[number] }
                    try #require(rule.hasPrefix("c"), "\(name) is at \(rule), which the test does not read")
                    return word(canonical &+ UInt64(bitPattern: Int64(rule.dropFirst()) ?? 0))
                }
                let frame = FrameRegisters(programCounter: row.start, values: values)
                let caller = try #require(programs.caller(of: frame, isCaller: false, memory: memory))
                let (link, name) =
                    program.target == .riscv64 ? (1, "ra") : (30, row.columns["ra"] == nil ? "x30" : "ra")
                #expect(
                    caller.programCounter == (try expected(name, link)), "\(program) at \(row.start): \(row.columns)")
                #expect(caller[program.target == .riscv64 ? 2 : 31] == canonical)
                for (name, number) in numbers where !["sp", "ra", "x30"].contains(name) {
                    #expect(caller[number] == (try expected(name, number)), "\(name) of \(program) at \(row.start)")
                }
                compared += 1
            }
            #expect(compared > 3, "readelf shows too few rows")
        }
    }

    @Test(
        "Without call frame information, frames are left by the frame pointer's record",
        arguments: CompiledProgram.Target.allCases)
    func framePointers(target: CompiledProgram.Target) throws {
        let program = CompiledProgram(
            target: target, options: ["-O0", "-fno-asynchronous-unwind-tables", "-fno-omit-frame-pointer"])
        try program.compile { path in
            let programs = SourcePrograms([.init(try DebugInformation(.read(path)))])
            // RISC-V's frame pointer is behind the record of the caller's and the return address (psABI, "Frame Pointer
            // Convention"); AArch64's is at it (AAPCS64, "The Frame Pointer").
            let (pointer, stack, record): (Int, Int, UInt64) =
                target == .riscv64 ? (8, 2, 0x9_0010) : (29, 31, 0x9_0020)
            var values = [UInt64?](repeating: nil, count: 32)
            values[stack] = 0x9_0000
            values[pointer] = 0x9_0020
            let words: [UInt64: UInt64] = [
                record: 0x9_0060, record + 8: 0x8000_1234, record + 0x40: 0, record + 0x48: 0,
            ]
            let frames = programs.stack(from: FrameRegisters(programCounter: 0x8000_0010, values: values), limit: 10) {
                address, count in
                let word = words[address] ?? 0
                return (0..<count).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
            }
            #expect(frames.map(\.programCounter) == [0x8000_0010, 0x8000_1234])
            #expect(frames.last?[pointer] == 0x9_0060)
            #expect(frames.last?[stack] == record + 16)
        }
    }
}
