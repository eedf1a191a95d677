/// What the tables of instructions write in the same way for every architecture.
public enum EncodingPattern {
    /// `imm[12|10:5]` has bits 12 to 12 and 10 to 5 of the value, from the left; nil for a field without brackets.
    public static func ranges(of token: Substring) -> [(high: UInt8, low: UInt8)]? {
        guard let open = token.firstIndex(of: "[") else { return nil }
        return token[token.index(after: open)...].dropLast().split(separator: "|").map { range in
            let ends = range.split(separator: ":").map { UInt8($0)! }
            return (ends[0], ends[ends.count - 1])
        }
    }
}
