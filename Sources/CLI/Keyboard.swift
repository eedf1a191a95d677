import Glibc
import Machine

/// What comes from standard input while a machine runs: keys of a terminal, with Ctrl-A before those meant for orrery.
final class Keyboard {
    enum Command {
        case quit, monitor
    }

    private let console: ConsoleHub
    /// Sends a break to the guest's serial line.
    private let sendBreak: () -> Void
    private var afterPrefix = false
    private var isAtEnd = false
    /// The prefix, Ctrl-A.
    private static let prefix: UInt8 = 1

    static let help = """

        Ctrl-A x  quit                    Ctrl-A c  monitor: look into the machine
        Ctrl-A b  send a break            Ctrl-A a  send Ctrl-A
        Ctrl-A h  this help

        """

    init(_ console: ConsoleHub, sendBreak: @escaping () -> Void) {
        self.console = console
        self.sendBreak = sendBreak
    }

    /// Waits up to `milliseconds` (forever if negative) for a key, and deals with what was typed.
    /// - Returns: what the user wants of orrery, and whether anything was typed.
    func serve(waiting milliseconds: Int32) -> (command: Command?, wasTyped: Bool) {
        guard !isAtEnd else {
            if milliseconds > 0 { poll(nil, 0, milliseconds) }
            return (milliseconds < 0 ? .quit : nil, false)
        }
        var wait = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        guard poll(&wait, 1, milliseconds) > 0 else { return (nil, false) }
        var failure: Int32 = 0
        // SAFETY: the closure writes at most `buffer.count` bytes and sets the count to what read(2) reported.
        let bytes = [UInt8](unsafeUninitializedCapacity: 256) { buffer, initialized in
            let count = read(STDIN_FILENO, buffer.baseAddress, buffer.count)
            if count < 0 { failure = errno }
            initialized = max(count, 0)
        }
        if bytes.isEmpty && failure != EINTR && failure != EAGAIN { isAtEnd = true }
        var command: Command?
        var typed: [UInt8] = []
        for byte in bytes {
            guard afterPrefix else {
                if byte == Self.prefix { afterPrefix = true } else { typed.append(byte) }
                continue
            }
            afterPrefix = false
            switch byte {
            case UInt8(ascii: "x"), UInt8(ascii: "X"): command = .quit
            case UInt8(ascii: "c"), UInt8(ascii: "C"): command = .monitor
            case UInt8(ascii: "a"), Self.prefix: typed.append(Self.prefix)
            case UInt8(ascii: "b"): sendBreak()
            default: StandardStreams.error(Self.help)
            }
        }
        console.receive(typed)
        return (command, !typed.isEmpty)
    }
}
