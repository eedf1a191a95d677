/// What a packet is answered by.
enum GDBReply: Equatable {
    /// There is no such packet.
    case unsupported
    case ok
    case text(String)
    /// Any bytes, behind characters that say what they are.
    case binary(String, [UInt8])
    case error(GDBError)
    /// Nothing, now or at all.
    case none

    /// How the other side is told of errors.
    enum ErrorForm {
        /// `E16`.
        case number
        /// `E.` and a text, as GDB shows it ("Standard Replies").
        case text
        /// `E16;` and the text in hexadecimal digits, as lldb does ("QEnableErrorStrings").
        case numberAndText
    }

    /// The payload; nil for none.
    func payload(_ form: ErrorForm) -> [UInt8]? {
        switch self {
        case .unsupported: return []
        case .ok: return Array("OK".utf8)
        case .text(let text): return Array(text.utf8)
        case .binary(let prefix, let bytes): return Array(prefix.utf8) + GDBPacket.escaped(bytes)
        case .none: return nil
        case .error(let error):
            let number = [UInt8(ascii: "E")] + Hexadecimal.digits(error.code)
            switch form {
            case .number: return number
            case .numberAndText: return number + [UInt8(ascii: ";")] + Hexadecimal.digits(error.text.utf8)
            case .text:
                // Nothing undoes escapes there.
                let special = [GDBPacket.start, GDBPacket.end, GDBPacket.escape, GDBPacket.repetition]
                let text = printable(error.text).utf8.map { special.contains($0) ? UInt8(ascii: "?") : $0 }
                return Array("E.".utf8) + text
            }
        }
    }
}
