import ISA

/// Something to change in a machine by hand, as people write it: `memory 0x80001000=13000000`, `register a0=5`,
/// `register 1 a0=0x10`.
public struct ManualEdit: Equatable, Sendable {
    private enum Target: Equatable, Sendable {
        /// A number or a symbol.
        case memory(String, [UInt8])
        case register(processor: UInt64, String, UInt64)
    }
    private let target: Target
    private let text: String

    private static let example =
        "Write 'memory ADDRESS=BYTES', the bytes in hexadecimal, or 'register NAME=NUMBER', with a CPU's number before the "
        + "name where it is not 0."

    public init(_ text: String) throws(ValueError) {
        self.text = text
        let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let words = sides[0].split(separator: " ").map(String.init)
        guard sides.count == 2, let kind = words.first else { throw Self.refusal(text, "names nothing to change") }
        switch (kind, words.count) {
        case ("memory", 2):
            guard let bytes = Self.bytes(sides[1]) else { throw Self.refusal(text, "has no bytes in hexadecimal") }
            target = .memory(words[1], bytes)
        case ("register", 2), ("register", 3):
            let processor = words.count == 3 ? try Count(words[1]).value : 0
            let value = try Count(sides[1].filter { $0 != " " }).value
            target = .register(processor: processor, words[words.count - 1], value)
        default: throw Self.refusal(text, "names nothing to change")
        }
    }

    private static func refusal(_ text: String, _ problem: String) -> ValueError {
        ValueError(problem: "\"\(text.prefix(80))\" \(problem)", mend: example)
    }

    private static func bytes(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8.filter { $0 != 0x20 })
        guard !digits.isEmpty, digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            let pair = String(decoding: digits[index..<index + 2], as: UTF8.self)
            guard pair.allSatisfy(\.isHexDigit), let byte = UInt8(pair, radix: 16) else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    /// Makes the change in `session`, as an input from outside.
    public func make(in session: Session) throws(ValueError) {
        switch target {
        case .memory(let place, let bytes):
            let isNumber = place.first?.isNumber ?? false
            guard let address = isNumber ? try Count(place).value : SymbolFinder(session.symbols).address(of: place)
            else {
                throw ValueError(
                    problem: "\"\(place.prefix(80))\" is no address and no symbol", mend: "Give a physical address.")
            }
            guard session.port.deliver(.memoryEdit(address, bytes)) else {
                throw ValueError(
                    problem: "there is no memory at \(hexadecimal(address))", mend: "Give a physical address of RAM.")
            }
        case .register(let processor, let name, let value):
            let board = session.board
            guard processor < UInt64(board.processors.count) else {
                throw ValueError(
                    problem: "there is no \(board.noun) \(processor)",
                    mend: "There are 0 to \(board.processors.count - 1).")
            }
            let registers = board.processors[Int(processor)].makeRegisterFile().registers
            guard let register = registers.first(where: { $0.name == name }) else {
                let near = nearestWord(to: name, among: registers.map(\.name))
                throw ValueError(
                    problem: "\"\(name.prefix(80))\" is no register",
                    mend: near.map { "Did you mean \($0)?" } ?? "`registers` of the monitor lists them.")
            }
            let bytes = value.littleEndianBytes((register.bits + 7) / 8)
            guard session.port.deliver(.registerEdit(processor: processor, name, bytes)) else {
                throw ValueError(problem: "\(name) cannot be written", mend: "It has one value, or is read-only.")
            }
        }
    }
}
