import JIT

/// The host code of a translated region as text, in which jumps and calls name what they lead to. So the text does not
/// depend on where the code lies.
public struct HostCodeText {
    private let disassembler: CapstoneDisassembler
    /// Of places in the region and of fixed code, counted from the start of the region.
    private let names: [Int: String]

    /// - Returns: nil where libcapstone does not read x86-64.
    public init?(_ listing: TranslationListing) {
        guard let disassembler = CapstoneDisassembler(.x86_64, symbols: SymbolFinder([])) else { return nil }
        self.disassembler = disassembler
        var names = listing.fixedCode
        for section in listing.sections {
            guard let first = section.pieces.first else { continue }
            let name = "block \(hexadecimal(section.block.address))"
            names[first.offset] = name
            // Who goes there has taken the budget already.
            if case .budget = first.origin { names[first.offset + first.code.count] = name + " behind its budget" }
        }
        for (number, stub) in listing.stubs.enumerated() { names[stub.offset] = "stub \(number)" }
        self.names = names
    }

    /// The instructions of a piece.
    public func lines(_ piece: TranslationListing.Piece) -> [String] {
        var lines: [String] = []
        var place = 0
        while place < piece.code.count {
            let rest = Array(piece.code[place...].prefix(CapstoneDisassembler.longest))
            let address = piece.offset + place
            let (length, text) =
                disassembler.instruction(rest, at: UInt64(address)) ?? (1, ".byte \(hexadecimal(rest[0]))")
            lines.append(named(text))
            place += length
        }
        return lines
    }

    /// `jne 0x40` as `jne block 0x80000000`, or as `jne +0x40` within a block.
    private func named(_ text: String) -> String {
        guard text.hasPrefix("j") || text.hasPrefix("call"), let space = text.firstIndex(of: " ") else { return text }
        let operand = text[text.index(after: space)...]
        // Capstone writes numbers below 10 in decimal.
        let target = operand.hasPrefix("0x") ? UInt64(operand.dropFirst(2), radix: 16) : UInt64(operand)
        guard let target else { return text }
        let place = Int(truncatingIfNeeded: target)
        return text[...space] + (names[place] ?? "+\(hexadecimal(place))")
    }
}
