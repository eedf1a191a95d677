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
