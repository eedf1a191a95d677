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

    func run() throws {
        let start = try number(address, "address")
        let limit = try number(count, "count").map { Int(clamping: $0) }
        if let words = Self.words(inputs) { return printWords(words, at: start ?? 0) }
        guard inputs.count == 1 else {
            throw UsageError("\(inputs[1]) is not a hexadecimal word. Give one file, or words alone.")
        }
        let file = inputs[0]
        let input = try InputFile.read(file)
        if let machine = ELFFile.machine(of: input), machine != .riscv {
            return try printOther(try ELFFile(input, machine: machine), start, limit)
        }
        let image = try LoadableImage(input, machine: .riscv, limit: 1 << 30)
        let disassembler = Disassembler(symbols: SymbolFinder([image.symbols]))
        var pieces: [(address: UInt64, bytes: ArraySlice<UInt8>)] = []
        if case .elf(let elf) = image.contents {
            pieces = elf.segments.filter(\.isExecutable).map { ($0.virtualAddress, $0.bytes) }
        } else {
            pieces = [(try number(base, "base") ?? 0x8000_0000, image.file.bytes[...])]
        }
        func halfword(_ address: UInt64) -> UInt16? {
            for piece in pieces where address >= piece.address && address - piece.address < piece.bytes.count {
                let offset = Int(address - piece.address)
                guard offset + 1 < piece.bytes.count else { return nil }
                let index = piece.bytes.startIndex + offset
                return UInt16(piece.bytes[index]) | UInt16(piece.bytes[index + 1]) << 8
            }
            return nil
        }
        if let symbol {
            guard let found = image.symbols.symbol(named: symbol) else {
                throw InputError(file: file, problem: "has no symbol \"\(symbol)\"")
            }
            let lines = disassembler.listing(from: found.address, count: limit ?? (found.size == 0 ? 20 : .max)) {
                found.size == 0 || $0 - found.address < found.size ? halfword($0) : nil
            }
            return print(lines, file: file, at: found.address)
        }
        if let start {
            let lines = disassembler.listing(from: start, count: limit ?? 20, halfword: halfword)
            return print(lines, file: file, at: start)
        }
        var left = limit ?? .max
        for piece in pieces where left > 0 {
            // In parts, so that a large program does not stand in memory as text.
            var address = piece.address
            let end = piece.address &+ UInt64(piece.bytes.count)
            while address < end, left > 0 {
                let part = disassembler.listing(from: address, count: min(left, 4096), halfword: halfword)
                let instructions = part.filter { $0.hasPrefix(" ") }
                guard !instructions.isEmpty else { break }
                StandardStreams.output(part.joined(separator: "\n") + "\n")
                left -= instructions.count
                for _ in instructions { address &+= (halfword(address) ?? 0) & 3 == 3 ? 4 : 2 }
            }
        }
    }

    /// A program of another architecture.
    private func printOther(_ elf: ELFFile, _ start: UInt64?, _ limit: Int?) throws {
        guard let disassembler = CapstoneDisassembler(elf.machine, symbols: SymbolFinder([elf.symbols])) else {
            throw InputError(
                file: elf.file, problem: "is for \(elf.machine), which is not disassembled here",
                mend: "Give a program for RISC-V, AArch64 or x86-64.")
        }
        let pieces = elf.segments.filter(\.isExecutable)
        func bytes(_ address: UInt64) -> ArraySlice<UInt8>? {
            pieces.first { address >= $0.virtualAddress && address - $0.virtualAddress < $0.bytes.count }
                .map { $0.bytes.dropFirst(Int(address - $0.virtualAddress)) }
        }
        if let symbol {
            guard let found = elf.symbols.symbol(named: symbol) else {
                throw InputError(file: elf.file, problem: "has no symbol \"\(symbol)\"")
            }
            let listing = disassembler.listing(
                from: found.address, count: limit ?? (found.size == 0 ? 20 : .max)
            ) { found.size == 0 || $0 - found.address < found.size ? bytes($0) : nil }
            return print(listing.lines, file: elf.file, at: found.address)
        }
        if let start {
            let listing = disassembler.listing(from: start, count: limit ?? 20, bytes: bytes)
            return print(listing.lines, file: elf.file, at: start)
        }
        var left = limit ?? .max
        for piece in pieces {
            var address = piece.virtualAddress
            while left > 0, bytes(address) != nil {
                let listing = disassembler.listing(from: address, count: min(left, 4096), bytes: bytes)
                StandardStreams.output(listing.lines.joined(separator: "\n") + "\n")
                left -= listing.lines.count { $0.hasPrefix(" ") }
                address = listing.end
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

    private func number(_ text: String?, _ flag: String) throws -> UInt64? {
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
