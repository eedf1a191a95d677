/// The rest of a packet that is being read, from the left.
struct GDBText: Equatable {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }
    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isEmpty: Bool { rest.isEmpty }
    var text: String { String(decoding: rest, as: UTF8.self) }

    /// Takes these characters, if they are next.
    mutating func take(_ text: StaticString) -> Bool {
        let characters = text.description.utf8
        guard rest.starts(with: characters) else { return false }
        rest = rest.dropFirst(characters.count)
        return true
    }

    mutating func require(_ text: StaticString) throws(GDBError) {
        guard take(text) else { throw .malformed("\"\(text)\" is missing") }
    }

    mutating func next() -> UInt8? { rest.popFirst() }

    /// Takes what comes before the first of `characters`, or everything.
    mutating func upTo(anyOf characters: StaticString) -> ArraySlice<UInt8> {
        let stops = Array(characters.description.utf8)
        let end = rest.firstIndex { stops.contains($0) } ?? rest.endIndex
        defer { rest = rest[end...] }
        return rest[..<end]
    }

    /// A number of hexadecimal digits, as many as there are.
    mutating func number() throws(GDBError) -> UInt64 {
        var (value, count): (UInt64, Int) = (0, 0)
        while let digit = rest.first, let bits = Hexadecimal.value(digit) {
            guard value >> 60 == 0 else { throw .malformed("a number has more than 64 bits") }
            value = value << 4 | UInt64(bits)
            count += 1
            rest.removeFirst()
        }
        guard count > 0 else { throw .malformed("a number is missing") }
        return value
    }

    /// The end of the packet.
    func requireEnd() throws(GDBError) {
        guard rest.isEmpty else { throw .malformed("the packet goes on behind its end") }
    }

    /// What is left, as pairs of digits.
    func bytes() throws(GDBError) -> [UInt8] {
        guard let bytes = Hexadecimal.bytes(rest) else { throw .malformed("bytes are pairs of hexadecimal digits") }
        return bytes
    }

    /// What is left, with its escapes undone.
    func binary() throws(GDBError) -> [UInt8] {
        guard let bytes = GDBPacket.unescaped(rest) else { throw .malformed("nothing comes after an escape") }
        return bytes
    }
}

/// What a packet is answered by that cannot be obeyed.
enum GDBError: Error, Equatable {
    case malformed(String)
    /// There is no such memory.
    case memory
    /// Cannot be done, for a reason.
    case refused(String)

    /// As errno has it: EINVAL, EFAULT, EPERM.
    var code: UInt8 {
        switch self {
        case .malformed: 22
        case .memory: 14
        case .refused: 1
        }
    }

    var text: String {
        switch self {
        case .malformed(let text): "malformed packet: \(text)"
        case .memory: "no memory is there that can be accessed"
        case .refused(let text): text
        }
    }
}

/// Which threads a packet is about: CPUs, counted from 1, of process 1 ("Packets", thread-id syntax).
struct GDBThread: Equatable {
    enum Selection: Equatable {
        case all, any
        case number(UInt64)
    }

    /// Nil where the packet names none, or any.
    var process: UInt64?
    var selection: Selection

    static let all = GDBThread(process: nil, selection: .all)
    /// The one process there is.
    static let onlyProcess: UInt64 = 1

    init(process: UInt64?, selection: Selection) {
        self.process = process
        self.selection = selection
    }

    /// `2`, `-1`, `0`, or with `p` before the process: `p1.2`, `p1.-1`, `p1`.
    init(_ text: inout GDBText) throws(GDBError) {
        func selection(_ text: inout GDBText) throws(GDBError) -> Selection {
            if text.take("-1") { return .all }
            let number = try text.number()
            return number == 0 ? .any : .number(number)
        }
        guard text.take("p") else {
            self.init(process: nil, selection: try selection(&text))
            return
        }
        let process: UInt64? =
            switch try selection(&text) {
            case .all, .any: nil
            case .number(let number): number
            }
        self.init(process: process, selection: text.take(".") ? try selection(&text) : .all)
    }

    /// Whether the CPU is one of them.
    func contains(_ processor: Int) -> Bool {
        if let process, process != Self.onlyProcess { return false }
        switch selection {
        case .all, .any: return true
        case .number(let number): return number == UInt64(processor) + 1
        }
    }
}
