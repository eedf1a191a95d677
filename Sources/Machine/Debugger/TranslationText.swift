import ISA
import JIT

/// A translated region as text. On the left are the guest's instructions, each with the nodes that it was recorded as; on
/// the right is the host code that was made of it.
public struct TranslationText {
    /// What a part of a line is, for those who colour it.
    public enum Part: Sendable {
        case heading, guest, node, host
    }

    private let listing: TranslationListing
    private let disassembler: Disassembler
    private let host: HostCodeText
    /// The guest's code.
    private let halfword: (UInt64) -> UInt16?
    private let paint: (String, Part) -> String

    /// - Returns: nil where libcapstone does not read x86-64.
    public init?(
        _ listing: TranslationListing, _ disassembler: Disassembler, halfword: @escaping (UInt64) -> UInt16?,
        paint: @escaping (String, Part) -> String = { text, _ in text }
    ) {
        guard let host = HostCodeText(listing) else { return nil }
        (self.listing, self.disassembler, self.host) = (listing, disassembler, host)
        (self.halfword, self.paint) = (halfword, paint)
    }

    /// What is left of the host code, and in which part.
    private typealias Left = (text: String, part: Part)

    private struct Row {
        let left: [Left]
        let right: [String]
    }

    /// The blocks, as many as `count`, from the one that begins at `start` or behind it; and the stubs of a region that is
    /// shown whole.
    public func lines(from start: UInt64, blocks count: Int = .max) -> [String] {
        let first = listing.sections.firstIndex { $0.block.address >= start } ?? 0
        // What lies before the start stands last, as the code comes to it later.
        let order = listing.sections[first...] + listing.sections[..<first]
        var lines = summary
        for section in order.prefix(count) { lines += [""] + self.lines(section) }
        if count >= order.count, !listing.stubs.isEmpty { lines += [""] + stubLines }
        return lines
    }

    private var summary: [String] {
        let guest = listing.sections.reduce(0) { $0 + $1.block.instructions.count }
        let main = listing.sections.reduce(0) { $0 + hostCount($1.pieces) }
        let mainBytes = listing.sections.reduce(0) { $0 + bytes($1.pieces) }
        let ratio =
            guest == 0 ? "" : ", \(decimal(Double(main) / Double(guest), places: 2)) an instruction of the guest"
        return [
            paint("\(listing.sections.count) blocks of \(guest) guest instructions", .heading),
            "main path: \(main) host instructions\(ratio); \(mainBytes) bytes",
            "stubs: \(hostCount(listing.stubs)) host instructions; \(listing.count - mainBytes) bytes",
        ]
    }

    private static func instructions(_ count: Int, _ whose: String = "") -> String {
        "\(count) \(whose)instruction" + (count == 1 ? "" : "s")
    }

    private func hostCount(_ pieces: [TranslationListing.Piece]) -> Int {
        pieces.reduce(0) { $0 + host.lines($1).count }
    }

    private func bytes(_ pieces: [TranslationListing.Piece]) -> Int { pieces.reduce(0) { $0 + $1.code.count } }

    private func lines(_ section: TranslationListing.Section) -> [String] {
        let address = section.block.address
        let name = disassembler.symbols.name(address).map { " <\($0)>" } ?? ""
        let counts =
            "\(Self.instructions(section.block.instructions.count, "guest ")), "
            + "\(Self.instructions(hostCount(section.pieces), "host ")), "
            + "\(bytes(section.pieces)) bytes"
        let heading = paint("block \(hexadecimal(address))\(name)", .heading) + ": \(counts)"
        return [heading] + table(section.pieces.map { Row(left: left($0, section.block), right: host.lines($0)) })
    }

    private var stubLines: [String] {
        [paint("stubs", .heading)]
            + table(
                listing.stubs.enumerated().map { number, stub in
                    Row(left: [("stub \(number): \(purpose(stub))", .guest)], right: host.lines(stub))
                })
    }

    private func purpose(_ piece: TranslationListing.Piece) -> String {
        guard case .stub(let name, let address) = piece.origin else { return "" }
        return "\(name), \(hexadecimal(address))"
    }

    /// The guest's side of a piece.
    private func left(_ piece: TranslationListing.Piece, _ block: Block) -> [Left] {
        switch piece.origin {
        case .budget(let count): return [("(\(Self.instructions(count)) out of the budget)", .node)]
        case .next(let address): return [("(on to block \(hexadecimal(address)))", .node)]
        case .interpreted(let address): return [(guest(address) + "  (interpreted)", .guest)]
        case .stub: return [(purpose(piece), .guest)]
        case .instruction(let number):
            let address = block.address &+ UInt64(bitPattern: Int64(block.instructions[number].offset))
            let nodes = block.nodes(of: number).map { index -> Left in ("      \(index)  \(block.nodes[index])", .node)
            }
            return [(guest(address), .guest)] + nodes
        }
    }

    private func guest(_ address: UInt64) -> String {
        guard let low = halfword(address) else { return hexadecimal(address) }
        // Of a compressed instruction the low half counts.
        let word = UInt32(low) | UInt32(halfword(address &+ 2) ?? 0) << 16
        return "\(hexadecimal(address))  \(disassembler.line(word, at: address).text)"
    }

    /// The widest left side that the right side keeps clear of.
    private static let widest = 60

    private func table(_ rows: [Row]) -> [String] {
        let width = min(rows.flatMap(\.left).map(\.text.count).max() ?? 0, Self.widest)
        return rows.flatMap { row in
            (0..<max(row.left.count, row.right.count)).map { line in
                let left: Left = line < row.left.count ? row.left[line] : ("", .node)
                let padding = String(repeating: " ", count: max(width - left.text.count, 0))
                guard line < row.right.count else { return "  " + paint(left.text, left.part) }
                return "  " + paint(left.text, left.part) + padding + "  " + paint(row.right[line], .host)
            }
        }
    }
}
