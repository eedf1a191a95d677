import Foundation
import TestSupport
import Testing

@testable import Machine

/// Coverage of source lines: of a program whose counts follow from its loops, and as other readers of DWARF have its lines.
@Suite(
    "Coverage of source lines",
    .enabled(if: CompiledProgram.isPossible, "needs clang and ld.lld of the Swift toolchain"))
struct SourceCoverageTests {
    private static let hasGDB = ExternalTool.path("gdb-multiarch") != nil
    private static let hasSymbolizer = ExternalTool.path("llvm-symbolizer") != nil
    private static let hasLcov = ExternalTool.path("lcov") != nil && ExternalTool.path("genhtml") != nil

    /// `put` is inlined in three places, of which each is come to once; `leaf` is called seven times.
    private static let source = #"""
        volatile long sink;
        char stack[4096] __attribute__((aligned(16)));
        __attribute__((always_inline)) static inline void put(long value) {
            sink = value;
        }
        __attribute__((noinline)) long leaf(long value) {
            if (value == 3)
                put(value);
            if (sink == 100)
                sink = 1;
            return sink;
        }
        __attribute__((noinline)) void unused(void) {
            sink = 2;
        }
        int main(void) {
        #pragma clang loop unroll(disable)
            for (long i = 0; i < 7; i++)
                leaf(i);
            put(1);
            put(2);
        #ifdef __riscv
            *(volatile unsigned *)0x100000 = 0x5555;
        #else
            __asm__ volatile("mov x0, #8\n movk x0, #0x8400, lsl #16\n smc #0" ::: "x0");
        #endif
            for (;;) ;
        }
        #ifdef __riscv
        __asm__(".section .start,\"ax\"\n.globl _start\n_start: la sp, stack + 4096\n call main\n");
        #else
        __asm__(".section .start,\"ax\"\n.globl _start\n_start: adr x0, stack + 4096\n mov sp, x0\n mov x29, xzr\n bl main\n");
        #endif

        """#

    private func compile<T>(
        _ program: CompiledProgram, at base: UInt64? = nil, _ body: (_ path: String) throws -> T
    ) throws -> T {
        let base = base ?? (program.target == .riscv64 ? 0x8000_0000 : 0x4008_0000)
        let script = """
            SECTIONS { . = \(base); .text : { *(.start) *(.text*) } .rodata : { *(.rodata*) } .eh_frame : { *(.eh_frame) }
              .data : { *(.data*) *(.sdata*) } .bss : { *(.bss*) *(.sbss*) } }
            """
        return try program.compile(source: Self.source, script: script, body)
    }

    /// Runs the program to its end.
    private func cover(
        _ program: CompiledProgram, _ path: String, as names: [SymbolSpaces.FileName]
    ) throws -> (ExecutionCoverage, [SourceCoverage]) {
        var description = MachineDescription()
        description.machine = program.target == .riscv64 ? "riscv-virt" : "aarch64-virt"
        description.firmware = "none"
        description.kernel = path
        description.memory = ByteCount(4 << 20)
        description.engine = .interpreter
        description.maxInstructions = Count(100_000)
        let session = try Session(description)
        let modules = try names.map {
            try ExecutionCoverage.Module($0, machine: session.board.architecture)
        }
        let coverage = ExecutionCoverage(session, modules)
        try #require(session.run() == .exited(status: 0), "the program does not come to its end")
        let sources = try modules.enumerated().map { number, module in
            let start = module.range.lowerBound &- module.bias
            return SourceCoverage(
                try DebugInformation(.read(module.path)), in: start..<start + UInt64(module.range.count),
                coverage.executions(of: number))
        }
        return (coverage, sources)
    }

    private func cover(_ program: CompiledProgram, _ path: String) throws -> (ExecutionCoverage, SourceCoverage) {
        let (coverage, sources) = try cover(program, path, as: [SymbolSpaces.FileName(owner: .machine, path: path)])
        return (coverage, sources[0])
    }

    private func output(_ tool: String, _ arguments: [String]) throws -> [Substring] {
        let program = try #require(ExternalTool.path(tool))
        return try ExternalTool.run(program: program, arguments, in: "/").outputText
            .split(separator: "\n", omittingEmptySubsequences: false)
    }

    @Test(
        "A line's count is how often its loops come to it, inlined copies added up; what was never come to has 0",
        arguments: CompiledProgram.all)
    func counts(program: CompiledProgram) throws {
        try compile(program) { path in
            let (_, source) = try cover(program, path)
            let file = try #require(source.files.first)
            #expect(source.files.count == 1 && file.path == path.dropLast("elf".count) + "c")
            let counts = Dictionary(uniqueKeysWithValues: file.lines.map { ($0.line, $0.count) })
            for (line, count) in [4: 3, 7: 7, 9: 7, 10: 0, 11: 7, 14: 0, 19: 7] as [Int: UInt64] {
                #expect(counts[line] == count, "\(program), line \(line)")
            }
            // As it is written, the condition is looked at once more than the body; compilers leave the first look out.
            let isOptimised = program.options.contains("-O2")
            #expect(counts[18] == (isOptimised ? 7 : 8), "\(program)")
            #expect(
                file.functions == [
                    .init(name: "leaf", line: 6, count: 7), .init(name: "unused", line: 13, count: 0),
                    .init(name: "main", line: 16, count: 1),
                ], "what is always inlined has no code of its own")
        }
    }

    @Test(
        "The lines that have code are those that gdb finds to have some", .enabled(if: hasGDB, "needs gdb-multiarch"),
        arguments: CompiledProgram.all)
    func linesWithCode(program: CompiledProgram) throws {
        try compile(program) { path in
            let commands = (1...40).flatMap { ["-ex", "info line t.c:\($0)"] }
            let expected = try output("gdb-multiarch", ["-q", "-batch", "-nx"] + commands + [path]).compactMap {
                // `Line 7 of "t.c" starts at address 0x80000016 <leaf+6> and ends at 0x8000001c <leaf+12>.`
                let fields = $0.split(separator: " ")
                return fields.count > 5 && fields[4] == "starts" ? Int(fields[1]) : nil
            }
            try #require(expected.count > 10, "gdb knows no lines of \(path)")
            #expect(try cover(program, path).1.files.first?.lines.map(\.line) == Set(expected).sorted(), "\(program)")
        }
    }

    @Test(
        "The lines that were executed are those which llvm-symbolizer finds for the addresses that were",
        .enabled(if: hasSymbolizer, "needs llvm-symbolizer"), arguments: CompiledProgram.all)
    func executedLines(program: CompiledProgram) throws {
        try compile(program) { path in
            let (coverage, source) = try cover(program, path)
            let addresses = coverage.offsets(of: 0).map {
                "0x" + String(coverage.modules[0].range.lowerBound + $0, radix: 16)
            }
            // A line, `/t.c:7:9`, for each address.
            let text = try output("llvm-symbolizer", ["--no-inlines", "--functions=none", "--obj=\(path)"] + addresses)
            let expected = Set(
                text.compactMap { line -> Int? in
                    let fields = line.split(separator: ":")
                    return fields.count == 3 && fields[0].hasSuffix("/t.c") ? Int(fields[1]) : nil
                }.filter { $0 > 0 })
            try #require(expected.count > 5, "llvm-symbolizer knows no lines of \(path)")
            let executed = source.files.first?.lines.filter { $0.count > 0 }.map(\.line)
            #expect(executed == expected.sorted(), "\(program)")
        }
    }

    @Test("A program that runs elsewhere than it was linked for has the same counts")
    func bias() throws {
        let program = CompiledProgram.all[0]
        try compile(program) { path in
            try compile(program, at: 0x10_0000) { other in
                var moved = SymbolSpaces.FileName(owner: .machine, path: other)
                moved.start = 0x8000_0000
                let (_, sources) = try cover(program, path, as: [moved])
                let lines = try cover(program, path).1.files.first?.lines
                #expect(lines?.isEmpty == false)
                #expect(sources[0].files.first?.lines.map { "\($0)" } == lines?.map { "\($0)" })
            }
        }
    }

    @Test(
        "lcov reads the tracefile and counts as many lines and functions, and genhtml makes pages of it",
        .enabled(if: hasLcov, "needs the package lcov"), arguments: [CompiledProgram.all[0], CompiledProgram.all[7]])
    func lcov(program: CompiledProgram) throws {
        try compile(program) { path in
            let (_, source) = try cover(program, path)
            let trace = path + ".info"
            try Data(source.lcov(test: "run").utf8).write(to: URL(fileURLWithPath: trace))
            let summary = try output("lcov", ["--summary", trace]).joined(separator: "\n")
            #expect(summary.contains("(\(source.executedLineCount) of \(source.lineCount) lines)"), "\(summary)")
            #expect(summary.contains("(2 of 3 functions)"), "\(summary)")
            let genhtml = try #require(ExternalTool.path("genhtml"))
            let result = try ExternalTool.run(
                program: genhtml, ["--show-details", "-o", path + ".pages", trace], in: "/")
            #expect(result.status == 0 && result.errors.isEmpty, "\(result.errorText)")
        }
    }

    @Test("The tracefile has the records of geninfo's manual page, in its order, and totals that its lines add up to")
    func records() throws {
        let program = CompiledProgram.all[0]
        try compile(program) { path in
            let records = try cover(program, path).1.lcov(test: "run").split(separator: "\n")
                .map { $0.split(separator: ":", maxSplits: 1) }
            var kinds: [Substring] = []
            for record in records where kinds.last != record[0] { kinds.append(record[0]) }
            #expect(kinds == ["TN", "SF", "FN", "FNDA", "FNF", "FNH", "DA", "LH", "LF", "end_of_record"])
            func values(_ kind: String) -> [Substring] { records.filter { $0[0] == kind }.map { $0[1] } }
            #expect(values("FN") == ["6,leaf", "13,unused", "16,main"])
            #expect(values("FNDA") == ["7,leaf", "0,unused", "1,main"])
            #expect(values("FNF") == ["3"] && values("FNH") == ["2"])
            #expect(values("LF") == ["\(values("DA").count)"])
            #expect(values("LH") == ["\(values("DA").filter { !$0.hasSuffix(",0") }.count)"])
        }
    }

    @Test("Damaged debug information has some lines or none: nothing traps or hangs")
    func damaged() throws {
        let corpus = try CompiledProgram.all.map { program in try compile(program) { try InputFile.read($0).bytes } }
        fuzz("coverage of source lines", cases: 2_000, corpus: corpus) { bytes, random in
            guard let information = try? DebugInformation(InputFile(name: "t.elf", bytes: bytes)) else { return }
            let executions = (0..<64).map { (address: UInt64(0x8000_0000 + $0 * 4), count: random.next()) }
            let text = SourceCoverage(information, in: 0x8000_0000..<0x8001_0000, executions).lcov(test: "t")
            try require(
                text.unicodeScalars.allSatisfy { $0 == "\n" || $0.value >= 0x20 }, "a name breaks the file's lines")
        }
    }
}
