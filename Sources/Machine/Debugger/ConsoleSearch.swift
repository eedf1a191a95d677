/// The lines of a console, of a run that is looked through from its end to its beginning, piece by piece; each piece is run
/// forwards.
struct ConsoleSearch {
    private var lines: [(line: [UInt8], position: UInt64)] = []
    /// The end of a line that began in an earlier piece, and where it was printed.
    private var tail: [UInt8] = []
    private var tailPosition: UInt64?
    private var piece: [UInt8] = []
    private var piecePosition: UInt64 = 0

    /// What is printed next, came before all that was printed so far.
    mutating func begin() {
        if let first = lines.first {
            (tail, tailPosition) = (first.line, first.position)
        } else if !piece.isEmpty {
            (tail, tailPosition) = (piece + tail, tailPosition ?? piecePosition)
        }
        (lines, piece) = ([], [])
    }

    mutating func take(_ bytes: [UInt8], at position: UInt64) {
        for byte in bytes where byte != 0x0d {
            if byte == 0x0a {
                lines.append((piece, position))
                piece = []
            } else {
                // No more of a line than the console itself keeps.
                if piece.count < 4096 { piece.append(byte) }
                piecePosition = position
            }
        }
    }

    /// The last line of this piece, which may end in a later one.
    func last(where isMeant: (String) -> Bool) -> (line: String, position: UInt64)? {
        let whole = String(decoding: piece + tail, as: UTF8.self)
        if !piece.isEmpty, isMeant(whole) { return (whole, tailPosition ?? piecePosition) }
        for (bytes, position) in lines.reversed() {
            let line = String(decoding: bytes, as: UTF8.self)
            if isMeant(line) { return (line, position) }
        }
        return nil
    }
}
