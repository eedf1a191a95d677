import Glibc

/// The user's terminal in raw mode: each key goes to the guest, Ctrl-C too.
///
/// However the process ends, the terminal is as it was: at exit, and on every signal that can be caught. SIGTSTP gives
/// it back while the process is stopped.
enum Terminal {
    /// The settings to return to, and those of raw mode. Signal handlers read them, so they are plain memory.
    nonisolated(unsafe) private static var saved: UnsafeMutablePointer<termios>?
    nonisolated(unsafe) private static var raw: UnsafeMutablePointer<termios>?
    nonisolated(unsafe) private(set) static var isRaw = false

    /// A person is there: keys come from a terminal.
    static var isInteractive: Bool { isatty(STDIN_FILENO) == 1 }

    /// Signals whose default is to end the process.
    private static let endings = [
        SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ, SIGILL, SIGTRAP,
        SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS,
    ]

    /// Makes the terminal raw until the process ends or ``restore()``.
    static func enterRawMode() {
        guard !isRaw else { return }
        if saved == nil {
            var settings = termios()
            guard tcgetattr(STDIN_FILENO, &settings) == 0 else { return }
            let before = UnsafeMutablePointer<termios>.allocate(capacity: 1)
            before.initialize(to: settings)
            cfmakeraw(&settings)
            // Guests without a terminal driver print a newline alone.
            settings.c_oflag |= tcflag_t(OPOST | ONLCR)
            let after = UnsafeMutablePointer<termios>.allocate(capacity: 1)
            after.initialize(to: settings)
            saved = before
            raw = after
            atexit { Terminal.restore() }
            for signal in endings { handle(signal) { Terminal.end(by: $0) } }
            handle(SIGTSTP) { _ in Terminal.stop() }
            handle(SIGCONT) { _ in Terminal.resume() }
        }
        guard let raw, tcsetattr(STDIN_FILENO, TCSADRAIN, raw) == 0 else { return }
        isRaw = true
    }

    /// Returns the terminal to what it was. Safe in signal handlers (POSIX lists tcsetattr among those that are).
    static func restore() {
        guard isRaw, let saved else { return }
        isRaw = false
        tcsetattr(STDIN_FILENO, TCSADRAIN, saved)
    }

    private static func handle(_ signal: Int32, _ handler: @escaping @convention(c) (Int32) -> Void) {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = handler
        action.sa_flags = Int32(SA_RESTART)
        sigaction(signal, &action, nil)
    }

    /// Ends as the signal would have without a handler, so that the caller sees which it was.
    private static func end(by signal: Int32) {
        restore()
        Glibc.signal(signal, SIG_DFL)
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, signal)
        sigprocmask(SIG_UNBLOCK, &set, nil)
        raise(signal)
    }

    nonisolated(unsafe) private static var wasRaw = false

    private static func stop() {
        wasRaw = isRaw
        restore()
        raise(SIGSTOP)
    }

    /// In the foreground again. In the background the terminal is another's.
    private static func resume() {
        guard wasRaw, tcgetpgrp(STDIN_FILENO) == getpgrp(), let raw else { return }
        wasRaw = false
        isRaw = tcsetattr(STDIN_FILENO, TCSADRAIN, raw) == 0
    }
}
