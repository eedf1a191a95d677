import Glibc

/// Signals that ask a run to end, where no terminal's keys do.
///
/// The first one ends the run between two turns, so that what was printed, traced and counted so far is not lost; then
/// the process ends as the signal would have ended it. A second one does so at once.
enum Interruption {
    /// The signal that came, or 0. Written by the handler, and so no more than a word.
    nonisolated(unsafe) private(set) static var signal: Int32 = 0

    static func watch() {
        for number in [SIGHUP, SIGINT, SIGTERM] {
            var action = sigaction()
            sigaction(number, nil, &action)
            // What was ignored stays so: nohup means that.
            if action.__sigaction_handler.sa_handler.map({ unsafeBitCast($0, to: Int.self) }) == 1 { continue }
            action.__sigaction_handler.sa_handler = { Interruption.signal = $0 }
            action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
            sigaction(number, &action, nil)
        }
    }

    /// `SIGINT`, if that came.
    static var name: String? {
        switch signal {
        case 0: nil
        case SIGHUP: "SIGHUP"
        case SIGINT: "SIGINT"
        default: "SIGTERM"
        }
    }

    /// Ends the process by the signal that came, if one did.
    static func obey() {
        guard signal != 0 else { return }
        Glibc.signal(signal, SIG_DFL)
        raise(signal)
    }
}
