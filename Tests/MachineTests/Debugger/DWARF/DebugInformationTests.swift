import Foundation
import TestSupport
import Testing

@testable import Machine

/// What is read of a program's DWARF agrees with other programs that read it.
@Suite("Debug information", .enabled(if: CompiledProgram.isPossible, "needs clang and ld.lld of the Swift toolchain"))
struct DebugInformationTests {
    private static let hasReadelf = ExternalTool.path("readelf") != nil
    private static let hasSymbolizer = ExternalTool.path("llvm-symbolizer") != nil
    private static let hasGDB = ExternalTool.path("gdb-multiarch") != nil

    private func output(_ tool: String, _ arguments: [String]) throws -> [Substring] {
        let program = try #require(ExternalTool.path(tool))
        let result = try ExternalTool.run(program: program, arguments, in: "/")
        return result.outputText.split(separator: "\n", omittingEmptySubsequences: false)
    }

    @Test(
        "Every row of the line tables is the one that readelf decodes", .enabled(if: hasReadelf, "needs binutils"),
        arguments: CompiledProgram.all)
    func lines(program: CompiledProgram) throws {
        try program.compile { path in
            // `t.c   14   0x80000016   1   x`: file, line, address, perhaps a number, x at a statement.
            let expected = try output("readelf", ["--debug-dump=decodedline", path]).compactMap { line -> String? in
                let fields = line.split(separator: " ")
                guard fields.count >= 3, fields[0] == "t.c", UInt64(fields[1]) != nil else { return nil }
                return "\(fields[1]) \(fields[2]) \(fields.last == "x")"
            }
            try #require(expected.count > 15, "readelf shows no line table of \(path)")
            var rows: [String] = []
            try DebugInformation(.read(path)).forEachLine { file, row in
                #expect(file.hasSuffix("/t.c"))
                rows.append("\(row.line) 0x\(String(row.address, radix: 16)) \(row.isStatement)")
            }
            #expect(rows == expected)
        }
    }

    @Test(
        "Each instruction is in the functions, inlined ones too, and at the lines that llvm-symbolizer finds",
        .enabled(if: hasSymbolizer, "needs llvm-symbolizer"), arguments: CompiledProgram.all)
    func frames(program: CompiledProgram) throws {
        try program.compile { path in
            let information = try DebugInformation(.read(path))
            let range = try #require(information.functionRange(at: 0x8000_0000))
            let last = try #require(information.addresses(function: "_start").first)
            let addresses = stride(from: range.lowerBound, through: last, by: 2).map { "0x" + String($0, radix: 16) }
            // Pairs of lines, function and place, for each frame; an empty one behind each address.
            let text = try output("llvm-symbolizer", ["--inlines", "--obj=\(path)"] + addresses)
            let expected = text.split(separator: "", omittingEmptySubsequences: true).map { $0.joined(separator: " ") }
            try #require(expected.count == addresses.count)
            var inlined = 0
            for (address, expected) in zip(addresses, expected) {
                let value = try #require(UInt64(address.dropFirst(2), radix: 16))
                let frames = information.frames(at: value)
                inlined += frames.filter(\.isInlined).count
                let found = frames.map { "\($0.function ?? "??") \($0.file ?? "??"):\($0.line):\($0.column)" }
                #expect(found.joined(separator: " ") == expected, "\(program) at \(address)")
            }
            #expect(inlined > 0, "the program has nothing inlined: its test has to be written anew")
        }
    }

    @Test(
        "A breakpoint at each line has the places that gdb gives it", .enabled(if: hasGDB, "needs gdb-multiarch"),
        arguments: CompiledProgram.all)
    func breakpoints(program: CompiledProgram) throws {
        try program.compile { path in
            let commands = (1...24).flatMap {
                ["-ex", "echo line \($0)\\n", "-ex", "tbreak t.c:\($0)", "-ex", "info breakpoints", "-ex", "delete"]
            }
            var expected: [Int: Set<String>] = [:]
            var line = 0
            for text in try output("gdb-multiarch", ["-q", "-batch", "-nx"] + commands + [path]) {
                let fields = text.split(separator: " ")
                if fields.first == "line", fields.count == 2 { line = Int(fields[1]) ?? 0 }
                // `1  breakpoint  del  y  0x0000000080000014 in middle at /t.c:13`
                guard let place = fields.lastIndex(of: "in"), place > 0, let last = fields.last,
                    let address = UInt64(fields[place - 1].dropFirst(2), radix: 16)
                else { continue }
                expected[line, default: []].insert(
                    "\(String(address, radix: 16)) \(last.split(separator: ":").last ?? "")")
            }
            try #require(expected.count > 20, "gdb sets no breakpoints in \(path)")
            let information = try DebugInformation(.read(path))
            for line in 1...24 {
                let found = information.addresses(file: "t.c", line: line)
                let places = found.map { found in
                    Set(found.addresses.map { "\(String($0, radix: 16)) \(found.line)" })
                }
                #expect(places == expected[line], "\(program), line \(line)")
            }
        }
    }

    @Test("A file is found by the end of its path, and the one that has most of it in common is meant")
    func paths() throws {
        try CompiledProgram.all[0].compile { path in
            let information = try DebugInformation(.read(path))
            let whole = try #require(information.sourceFiles.first)
            #expect(whole == path.dropLast("elf".count) + "c")
            for name in ["t.c", whole, "/elsewhere/t.c", "./t.c"] {
                #expect(information.addresses(file: name, line: 9) != nil, "\(name)")
            }
            #expect(information.addresses(file: "other.c", line: 9) == nil)
            #expect(information.addresses(file: "t.c", line: 1000) == nil)
        }
    }

    @Test("A program without debug information knows nothing, and what is no program is refused")
    func nothing() throws {
        let information = try DebugInformation(InputFile(name: "vmm.elf", bytes: ELFBuilder.program().bytes()))
        #expect(information.isEmpty && information.frames(at: 0x8000_0000).isEmpty)
        #expect(throws: InputError.self) { _ = try DebugInformation(InputFile(name: "raw", bytes: [1, 2, 3])) }
    }

    @Test("Damaged debug information is read as far as it goes: nothing traps, hangs or fills the memory")
    func damaged() throws {
        let corpus = try CompiledProgram.all.map { program in try program.compile { try InputFile.read($0).bytes } }
        fuzz("debug information", cases: 20_000, corpus: corpus) { bytes, random in
            guard let information = try? DebugInformation(InputFile(name: "t.elf", bytes: bytes)) else { return }
            let programs = SourcePrograms([.init(information)])
            var addresses: [UInt64] = [0x8000_0000, 0x8000_0046]
            information.forEachLine { if addresses.count < 40 { addresses.append($1.address) } }
            for address in addresses {
                _ = programs.frames(at: address)
                _ = programs.statement(at: address)
                let frame = FrameRegisters(programCounter: address, values: (0..<32).map { 0x9000_0000 + $0 * 64 })
                let byte = UInt8(truncatingIfNeeded: random.next())
                let stack = programs.stack(from: frame, limit: 8) { _, count in
                    [UInt8](repeating: byte, count: count)
                }
                try require(stack.count <= 8, "more frames than were asked for")
            }
            _ = programs.addresses(file: "t.c", line: 9)
            _ = programs.addresses(function: "middle")
        }
    }

    @Test(
        "Damaged types are shown as far as they go: none is looked at without end",
        .enabled(if: SwiftProgram.isPossible, "needs the Swift toolchain"))
    func damagedTypes() throws {
        let swift = try CompiledProgram.Target.allCases.map { target in
            try SwiftProgram.compile(for: target) { try InputFile.read($0).bytes }
        }
        let c = try CompiledProgram(target: .riscv64, options: ["-O0", "-g"]).compileGuest {
            try InputFile.read($0).bytes
        }
        var looked = 0
        fuzz("types", cases: 4000, corpus: swift + [c]) { bytes, _ in
            guard let information = try? DebugInformation(InputFile(name: "t.elf", bytes: bytes)) else { return }
            let programs = SourcePrograms([.init(information)])
            for name in ["look", "swiftMain", "middle"] {
                for address in programs.addresses(function: name).prefix(2) {
                    let frame = FrameRegisters(
                        programCounter: address &+ 64, values: (0..<32).map { 0x8000_0000 + $0 * 64 })
                    let variables = programs.variables(of: frame, isCaller: false, inlined: 0) {
                        [UInt8](repeating: 1, count: $1)
                    }
                    for type in variables.compactMap(\.type) {
                        _ = (type.name, type.size)
                        // A level below, as an editor opens it.
                        if case .structure(let members) = type.kind {
                            for member in members.prefix(8) { _ = (member.type.name, member.type.kind) }
                        }
                        looked += 1
                    }
                }
            }
        }
        #expect(looked > 1000, "\(looked) types were looked at: damage hides the functions that are looked for")
    }
}
