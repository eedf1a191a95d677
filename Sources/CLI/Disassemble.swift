import ArgumentParser
import ISA
import Machine

/// `orrery disassemble`.
struct Disassemble: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print a program's instructions, or those of hexadecimal words.",
        discussion: """
            Programs for RISC-V, AArch64 and x86-64 are read.

            Examples:
              orrery disassemble vmm.elf --symbol trap_vector --count 20
              orrery disassemble vmm.elf --address 0x80200000
              orrery disassemble 22050073 8082
              orrery disassemble vmm.elf --jit --at memcpy    as the JIT translates it
            """)

    @Argument(
        help: ArgumentHelp(
            "A program, or the bits of instructions as hexadecimal words.", valueName: "file|word"),
        completion: .file())
    var inputs: [String]

    @Option(help: ArgumentHelp("Begin at a symbol, and end where it ends.", valueName: "name"))
    var symbol: String?

    @Option(help: ArgumentHelp("Begin at an address.", valueName: "address"))
    var address: String?

    @Option(help: ArgumentHelp("As many instructions at most.", valueName: "count"))
    var count: String?

    @Option(help: ArgumentHelp("Where a file that is no ELF file begins (0x80000000).", valueName: "address"))
    var base: String?

    @Flag(
        help: """
            Translate the code that can be reached within a page as the JIT does, address translation off, and show each \
            instruction, its nodes and its host code side by side.
            """)
    var jit = false

    @Option(
        help: ArgumentHelp("With --jit, where to begin (the entry point).", valueName: "symbol|address"))
    var at: String?

    @Option(help: ArgumentHelp("With --jit, as many blocks at most.", valueName: "count"))
    var blocks: String?

    /// An optimisation to leave out; may be given again.
    @Option(help: .hidden)
    var jitDisable: [String] = []

    func run() throws {
        if jit { return try printTranslation() }
        guard at == nil, blocks == nil, jitDisable.isEmpty else {
            throw UsageError("--at, --blocks and --jit-disable are for --jit. Add --jit, or use --symbol and --count.")
        }
        let start = try number(address, "address")
        let limit = try number(count, "count").map { Int(clamping: $0) }
        if let words = Self.words(inputs) { return printWords(words, at: start ?? 0) }
        guard inputs.count == 1 else {
            throw UsageError("\(inputs[1]) is not a hexadecimal word. Give one file, or words alone.")
        }
        let file = inputs[0]
        let program = try Program(try InputFile.read(file), base: try number(base, "base"))
        if let symbol {
            guard let found = program.symbols.symbol(named: symbol) else {
                throw InputError(file: file, problem: "has no symbol \"\(symbol)\"")
            }
            let end = found.size == 0 ? nil : found.address &+ found.size
            let count = limit ?? (end == nil ? 20 : .max)
            return print(program.listing(found.address, count, end).lines, file: file, at: found.address)
        }
        if let start {
            return print(program.listing(start, limit ?? 20, nil).lines, file: file, at: start)
        }
        var left = limit ?? .max
        for piece in program.pieces {
            // In parts, so that a large program does not stand in memory as text.
            var address = piece.address
            let end = piece.address &+ UInt64(piece.bytes.count)
            while left > 0 {
                let part = program.listing(address, min(left, 4096), end)
                guard !part.lines.isEmpty else { break }
                StandardStreams.output(part.lines.joined(separator: "\n") + "\n")
                left -= part.lines.count { $0.hasPrefix(" ") }
                address = part.end
            }
        }
    }

    /// A file's code, whatever its architecture.
    private struct Program {
        let pieces: [(address: UInt64, bytes: ArraySlice<UInt8>)]
        let symbols: SymbolTable
        private let disassembler: Disassembler
        /// For what is not RISC-V.
        private let other: CapstoneDisassembler?

        init(_ input: InputFile, base: UInt64?) throws(InputError) {
            func code(_ elf: ELFFile) -> [(address: UInt64, bytes: ArraySlice<UInt8>)] {
                elf.segments.filter(\.isExecutable).map { ($0.virtualAddress, $0.bytes) }
            }
            if let machine = ELFFile.machine(of: input), machine != .riscv {
                let elf = try ELFFile(input, machine: machine)
                guard let disassembler = CapstoneDisassembler(machine, symbols: SymbolFinder([elf.symbols])) else {
                    throw InputError(
                        file: elf.file, problem: "is for \(machine), which is not disassembled here",
                        mend: "Give a program for RISC-V, AArch64 or x86-64.")
                }
                (pieces, symbols, other) = (code(elf), elf.symbols, disassembler)
                self.disassembler = Disassembler(symbols: disassembler.symbols)
                return
            }
            let image = try LoadableImage(input, machine: .riscv, limit: 1 << 30)
            symbols = image.symbols
            disassembler = Disassembler(symbols: SymbolFinder([symbols]))
            other = nil
            if case .elf(let elf) = image.contents {
                pieces = code(elf)
            } else {
                pieces = [(base ?? 0x8000_0000, image.file.bytes[...])]
            }
        }

        /// The code at `address`, to the end of its piece.
        private func bytes(_ address: UInt64) -> ArraySlice<UInt8>? {
            pieces.first { address >= $0.address && address - $0.address < $0.bytes.count }
                .map { $0.bytes.dropFirst(Int(address - $0.address)) }
        }

        /// Instructions from an address on, as many as `count`, none that begins at `end` or behind it.
        func listing(_ start: UInt64, _ count: Int, _ end: UInt64?) -> (lines: [String], end: UInt64) {
            func within(_ address: UInt64) -> ArraySlice<UInt8>? {
                end.map { address < $0 } ?? true ? bytes(address) : nil
            }
            if let other { return other.listing(from: start, count: count, bytes: within) }
            return disassembler.listing(from: start, count: count) { address in
                guard let bytes = within(address), bytes.count >= 2 else { return nil }
                return UInt16(bytes[bytes.startIndex]) | UInt16(bytes[bytes.startIndex + 1]) << 8
            }
        }
    }

    private func print(_ lines: [String], file: String, at address: UInt64) {
        guard !lines.isEmpty else {
            ExitStatus.badInput.leave("\(file): there is no code at 0x\(String(address, radix: 16))")
        }
        StandardStreams.output(lines.joined(separator: "\n") + "\n")
    }

    private func printWords(_ words: [UInt32], at start: UInt64) {
        let disassembler = Disassembler(symbols: SymbolFinder([]))
        var address = start
        for word in words {
            let line = disassembler.line(word, at: address)
            StandardStreams.output("  \(line.description)\n")
            address &+= UInt64(line.length)
        }
    }

    func number(_ text: String?, _ flag: String) throws -> UInt64? {
        guard let text else { return nil }
        do throws(ValueError) { return try Count(text).value } catch { throw UsageError(flag: flag, error) }
    }

    /// The inputs as words: of eight digits, or of four for compressed instructions, with or without `0x`. Nil when one of
    /// them is none of these.
    static func words(_ inputs: [String]) -> [UInt32]? {
        var words: [UInt32] = []
        for input in inputs {
            let digits = input.lowercased().hasPrefix("0x") ? input.dropFirst(2) : Substring(input)
            guard digits.count == 8 || digits.count == 4, let word = UInt32(digits, radix: 16),
                digits.count == 8 || word & 3 != 3
            else { return nil }
            words.append(word)
        }
        return words
    }
}
