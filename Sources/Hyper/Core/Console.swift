/// Where Hyper itself writes: its messages, and its management terminal.
public enum Console {
    // SAFETY: set once, at boot.
    nonisolated(unsafe) public static var device: (any ConsoleDevice)?

    public static func write(_ text: Text) {
        for byte in text.bytes {
            if byte == 0x0a { device?.write(0x0d) }
            device?.write(byte)
        }
    }
}

/// A serial port of the host, or the like.
public protocol ConsoleDevice: AnyObject {
    func write(_ byte: UInt8)
}
