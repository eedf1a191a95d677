/// Where a command prints.
public class TerminalOutput {
    /// Whether somebody reads on a terminal, which can show more than plain text.
    public let isInteractive: Bool
    /// The terminal that somebody types on; nil where a command comes from elsewhere.
    public var terminal: Terminal? { nil }
    private let sink: (_ bytes: [UInt8]) -> Void
    /// Whether what is printed next begins a row.
    final var isAtLineStart = true

    /// - Parameter sink: sends the bytes to whoever reads them.
    public init(isInteractive: Bool = false, sink: @escaping (_ bytes: [UInt8]) -> Void) {
        self.isInteractive = isInteractive
        self.sink = sink
    }

    /// Prints the text, whose lines end in `\n`.
    public final func write(_ text: Text) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count + 8)
        for byte in text.bytes {
            if byte == UInt8(ascii: "\n") { bytes.append(UInt8(ascii: "\r")) }
            bytes.append(byte)
        }
        send(bytes)
    }

    /// Prints the table, its header in bold on a terminal.
    public final func write(_ table: Table) { write(table.text(isHeaderBold: isInteractive)) }

    /// Sends the bytes as they are.
    public func send(_ bytes: [UInt8]) { emit(bytes) }

    final func emit(_ bytes: [UInt8]) {
        guard let last = bytes.last else { return }
        isAtLineStart = last == UInt8(ascii: "\n")
        sink(bytes)
    }
}
