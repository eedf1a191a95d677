import ISA

/// Instructions as text, with the names of the addresses they mention.
///
/// RISC-V's text is made from the decoder's own encoding tables (`ISA/RISCV/Debug.swift`): Debian 12's capstone, 4.0.2, knows
/// no RISC-V at all. It reads AArch64.
public struct Disassembler {
    public let symbols: SymbolFinder
    /// What reads the instructions, where they are not RISC-V's.
    private let capstone: CapstoneDisassembler?

    /// - Parameter architecture: RISC-V, or another that ``CapstoneDisassembler`` reads.
    public init(symbols: SymbolFinder, architecture: ELFFile.Machine = .riscv) {
        self.symbols = symbols
        capstone = architecture == .riscv ? nil : CapstoneDisassembler(architecture, symbols: symbols)
    }

    /// One instruction.
    public struct Line {
        public let address: UInt64
        /// The instruction's bits.
        public let word: UInt32
        /// In bytes.
        public let length: Int
        /// `jal 0x80200134 <vcpu_run>`.
        public let text: String

        /// `0x0000000080200134: 0ff0000f  fence`.
        public var description: String {
            let digits = String(word, radix: 16)
            let bits = String(repeating: "0", count: max(length * 2 - digits.count, 0)) + digits
            return "0x\(hexadecimalDigits(address)):  \(padded(bits, 8))  \(text)"
        }
    }

    /// The instruction `word`, of which the low half counts when it is compressed.
    public func line(_ word: UInt32, at address: UInt64, inGuest: Bool = false) -> Line {
        if let capstone { return line(word, at: address, inGuest: inGuest, by: capstone) }
        let instruction = RISCV.disassemble(word, at: address)
        var text = instruction.mnemonic
        if !instruction.operands.isEmpty { text += " " + instruction.operands }
        if let target = instruction.target, !inGuest, let name = symbols.name(target) { text += " <\(name)>" }
        return Line(
            address: address, word: instruction.length == 2 ? word & 0xffff : word, length: instruction.length,
            text: text
        )
    }

    private func line(
        _ word: UInt32, at address: UInt64, inGuest: Bool, by capstone: CapstoneDisassembler
    ) -> Line {
        let bytes = (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
        var text = capstone.instruction(bytes, at: address)?.text ?? ".inst \(hexadecimal(word))"
        // Where a branch leads is its last operand: `#0x40080000`.
        if !inGuest, text.first == "b" || text.hasPrefix("cb") || text.hasPrefix("tb") || text.hasPrefix("adr"),
            let last = text.split(separator: " ").last, last.hasPrefix("#0x"),
            let target = UInt64(last.dropFirst(3), radix: 16), let name = symbols.name(target)
        {
            text += " <\(name)>"
        }
        return Line(address: address, word: word, length: 4, text: text)
    }

    /// Instructions from `address` on, as long as `halfword` gives their bits and `count` is not reached, and the address
    /// behind them. A label line stands where a symbol begins.
    public func listing(
        from address: UInt64, count: Int, inGuest: Bool = false, halfword: (UInt64) -> UInt16?
    ) -> (lines: [String], end: UInt64) {
        var lines: [String] = []
        var address = address
        for index in 0..<count {
            guard let low = halfword(address) else { break }
            var word = UInt32(low)
            if low & 3 == 3 || capstone != nil {
                guard let high = halfword(address &+ 2) else { break }
                word |= UInt32(high) << 16
            }
            if !inGuest, let name = symbols.name(address), index == 0 || !name.contains("+0x") {
                lines.append("\(name):")
            }
            let line = line(word, at: address, inGuest: inGuest)
            lines.append("  " + line.description)
            address &+= UInt64(line.length)
        }
        return (lines, address)
    }
}
