import Glibc

/// Standard output and error, written whole.
enum StandardStreams {
    /// The error of the first write to standard output that failed: the disk is full, say. A run goes on, and tells at
    /// its end.
    nonisolated(unsafe) private(set) static var outputFailure: Int32?

    static func output(_ bytes: [UInt8]) {
        let failure = write(bytes, to: STDOUT_FILENO)
        if outputFailure == nil { outputFailure = failure }
    }

    static func output(_ text: String) { output(Array(text.utf8)) }

    static func error(_ text: String) { error(Array(text.utf8)) }

    static func error(_ bytes: [UInt8]) { _ = write(bytes, to: STDERR_FILENO) }

    /// One line of orrery's own, told apart from what the guest prints.
    static func complain(_ text: String) {
        let name = isColoured(STDERR_FILENO) ? "\u{1b}[1;31morrery:\u{1b}[0m" : "orrery:"
        error("\(name) \(text)\n")
    }

    /// Whether standard output may be coloured.
    static var outputIsColoured: Bool { isColoured(STDOUT_FILENO) }

    /// Whether text on `descriptor` may be coloured (https://no-color.org).
    private static func isColoured(_ descriptor: Int32) -> Bool {
        guard isatty(descriptor) == 1 else { return false }
        if let value = getenv("NO_COLOR"), value.pointee != 0 { return false }
        return getenv("TERM").map { strcmp($0, "dumb") != 0 } ?? false
    }

    /// - Returns: the error, if one came in between.
    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
        var done = 0
        while done < bytes.count {
            // SAFETY: the range from `done` to `count` lies in `bytes`.
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, bytes.count - done) }
            if count < 0 {
                if errno == EINTR { continue }
                // A terminal shared with a program that made it non-blocking.
                if errno == EAGAIN {
                    var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    poll(&wait, 1, 100)
                    continue
                }
                return errno
            }
            done += count
        }
        return nil
    }
}
