import Glibc
import Machine

/// The stream of bytes to and from a debugger. Nothing here waits.
final class GDBConnection {
    private let input: Int32
    private let output: Int32
    private let isOwned: Bool
    private var unsent: ArraySlice<UInt8> = []
    /// The other side is gone.
    private(set) var isClosed = false
    /// What fits into a pipe that has any room (POSIX, PIPE_BUF on Linux).
    private static let pieceSize = 4096

    /// Of a socket, which is closed with it.
    init(socket: Int32) {
        (input, output, isOwned) = (socket, socket, true)
        let flags = fcntl(socket, F_GETFL)
        _ = fcntl(socket, F_SETFL, flags | O_NONBLOCK)
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        // Each packet is waited for; and a computer that vanished is noticed.
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size)
        setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, size)
    }

    /// Of standard input and output, whose other users want them as they are.
    init() {
        (input, output, isOwned) = (STDIN_FILENO, STDOUT_FILENO, false)
        signal(SIGPIPE, SIG_IGN)
    }

    deinit { if isOwned { close(input) } }

    /// The other side is gone, also where it has sent more than was read.
    var isHungUp: Bool {
        // POLLRDHUP of Linux: the other side sends nothing more.
        let hangUp: Int16 = 0x2000
        var wait = pollfd(fd: input, events: hangUp, revents: 0)
        return isClosed || poll(&wait, 1, 0) > 0 && wait.revents & (hangUp | Int16(POLLHUP) | Int16(POLLERR)) != 0
    }

    var hasUnsent: Bool { !unsent.isEmpty }

    /// What is to be waited for.
    func descriptors(wantsInput: Bool) -> [pollfd] {
        // Without an event, a descriptor still tells of a hang-up.
        let writes = pollfd(fd: hasUnsent ? output : -1, events: Int16(POLLOUT), revents: 0)
        return [pollfd(fd: input, events: wantsInput ? Int16(POLLIN) : 0, revents: 0), writes]
    }

    /// What has come; nothing, where nothing has.
    func read() -> [UInt8] {
        var wait = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
        guard !isClosed, poll(&wait, 1, 0) > 0 else { return [] }
        var failure: Int32 = 0
        // SAFETY: the closure writes at most `buffer.count` bytes and sets the count to what read(2) reported.
        let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, initialized in
            let count = Glibc.read(input, buffer.baseAddress, buffer.count)
            if count < 0 { failure = errno }
            initialized = max(count, 0)
        }
        if bytes.isEmpty, failure != EINTR, failure != EAGAIN { isClosed = true }
        return bytes
    }

    func send(_ bytes: [UInt8]) {
        unsent += bytes
        flush()
    }

    /// Sends as much as there is room for.
    func flush() {
        while !isClosed, !unsent.isEmpty {
            let piece = Array(unsent.prefix(Self.pieceSize))
            var count = Glibc.send(output, piece, piece.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
            if count < 0, errno == ENOTSOCK {
                var wait = pollfd(fd: output, events: Int16(POLLOUT), revents: 0)
                guard poll(&wait, 1, 0) > 0 else { return }
                count = write(output, piece, piece.count)
            }
            if count >= 0 {
                unsent = unsent.dropFirst(count)
            } else if errno == EAGAIN {
                return
            } else if errno != EINTR {
                isClosed = true
            }
        }
    }
}
