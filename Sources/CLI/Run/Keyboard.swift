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
    /// Nothing more will come, as before ``open()``.
    private(set) var isAtEnd = true
    /// What was read together with a command and comes after it: the monitor's, when it was asked for.
    private var unread: [UInt8] = []
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

    /// Reads standard input from now on.
    func open() {
        isAtEnd = false
    }

    /// Waits up to `milliseconds` (forever if negative) for a key, or for something else that `others` wait for, and deals
    /// with what was typed.
    /// - Returns: what the user wants of orrery.
    func serve(waiting milliseconds: Int32, besides others: [pollfd] = []) -> Command? {
        if unread.isEmpty {
            // A descriptor of -1 is passed over.
            let input = pollfd(fd: isAtEnd ? -1 : STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            var waits = [input] + others
            guard poll(&waits, nfds_t(waits.count), milliseconds) > 0, waits[0].revents != 0 else { return nil }
            read()
        }
        var command: Command?
        var typed: [UInt8] = []
        while command == nil, let byte = unread.first {
            unread.removeFirst()
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
        return command
    }

    /// A line for the monitor, without its end; nil when nothing more comes.
    func line() -> String? {
        while true {
            if let end = unread.firstIndex(where: { $0 == 0x0a || $0 == 0x0d }) {
                defer { unread.removeSubrange(...end) }
                return String(decoding: unread[..<end], as: UTF8.self)
            }
            guard !isAtEnd, unread.count < Self.longestLine else {
                defer {
                    unread = []
                    // Ctrl-D at a terminal ends what is typed for this once.
                    if Terminal.isInteractive { isAtEnd = false }
                }
                return unread.isEmpty ? nil : String(decoding: unread, as: UTF8.self)
            }
            read()
        }
    }

    private static let longestLine = 1 << 16

    /// Adds what there is to `unread`; waits for it.
    private func read() {
        var failure: Int32 = 0
        // SAFETY: the closure writes at most `buffer.count` bytes and sets the count to what read(2) reported.
        let bytes = [UInt8](unsafeUninitializedCapacity: 256) { buffer, initialized in
            let count = Glibc.read(STDIN_FILENO, buffer.baseAddress, buffer.count)
            if count < 0 { failure = errno }
            initialized = max(count, 0)
        }
        if bytes.isEmpty && failure != EINTR && failure != EAGAIN { isAtEnd = true }
        unread += bytes
    }
}
