/// Where Hyper itself writes.
public enum Console {
    // SAFETY: set once, at boot.
    nonisolated(unsafe) public static var device: (any ConsoleDevice)?
    nonisolated(unsafe) public static var terminal: Terminal?

    /// Prints a message: on the terminal, above the line that is being edited there, once there is one.
    public static func write(_ text: Text) {
        if let terminal { return terminal.write(text) }
        for byte in text.bytes {
            if byte == 0x0a { write(0x0d) }
            write(byte)
        }
    }

    /// Sends the byte as it is.
    static func write(_ byte: UInt8) {
        if let device { device.write(byte) } else { Port.write(byte) }
    }
}

/// A serial port of the host, or the like.
public protocol ConsoleDevice: AnyObject {
    func write(_ byte: UInt8)
    /// Given what was received, with interrupts off.
    var onInput: ([UInt8]) -> Void { get set }
}

/// What a serial port of the host receives. What comes before somebody listens waits for that.
struct ConsoleInput {
    private static let earlyLimit = 256

    var listener: ([UInt8]) -> Void = { _ in } {
        didSet {
            isHeard = true
            if !early.isEmpty { listener(early) }
            early = []
        }
    }
    private var isHeard = false
    private var early: [UInt8] = []

    /// Interrupts are off.
    mutating func receive(_ bytes: [UInt8]) {
        if isHeard {
            if !bytes.isEmpty { listener(bytes) }
        } else {
            early += bytes.prefix(Self.earlyLimit - early.count)
        }
    }
}
