import Glibc
import Machine

/// What the process says to its caller: the one place where exit statuses are chosen.
///
/// The guest owns 0 to 63, and orrery the rest; 64 and 65 are those of BSD's sysexits.h. Statuses from 128 on are left to
/// the shell, which reports signals there.
enum ExitStatus: Int32, CaseIterable {
    case success = 0
    /// The guest's own status does not fit.
    case guestOther = 63
    case badUsage = 64
    case badInput = 65
    case outputLost = 66
    case failureMatched = 71
    case timedOut = 72
    case instructionLimit = 73
    case hung = 74
    case untilNotMatched = 75
    case scriptFailed = 76
    case diverged = 77

    /// The table of `orrery help run`.
    static let table = """
        Exit status:
          0        the guest ended well, --until matched, or you quit
          1 to 62  the guest's own status of failure
          63       the same, of guests that give 63 or more
          64       a flag or its value is wrong
          65       a file is missing or wrong
          66       all else was well, but standard output could not be written
          71       the console matched a pattern of --fail-on
          72       --timeout passed in the machine's time
          73       --max-instructions were executed
          74       the guest hangs: no hart goes on, and no event is to come
          75       the guest ended well, but --until had not matched
          76       the script of --input expected what did not come
          77       a replay is not the run that was recorded
        """

    /// The status of a guest that failed with `code`: never 0.
    static func guest(_ code: UInt64) -> Int32 {
        code == 0 ? 1 : Int32(min(code, UInt64(guestOther.rawValue)))
    }

    /// The status that tells of `conclusion`.
    static func of(_ conclusion: Session.Conclusion, expectsMatch: Bool) -> Int32 {
        switch conclusion {
        case .exited(0): expectsMatch ? untilNotMatched.rawValue : success.rawValue
        case .exited(let status), .failed(let status): guest(status)
        case .matched, .quit, .suspended, .recordingEnded: success.rawValue
        case .diverged: diverged.rawValue
        case .failureMatched: failureMatched.rawValue
        case .timedOut: timedOut.rawValue
        case .instructionLimit: instructionLimit.rawValue
        case .expectationFailed: scriptFailed.rawValue
        case .hung: hung.rawValue
        }
    }

    /// Ends the process with `status`, or tells that what it printed did not arrive.
    static func end(_ status: Int32) -> Never {
        if let failure = StandardStreams.outputFailure {
            StandardStreams.complain("standard output cannot be written: " + String(cString: strerror(failure)))
            exit(status == success.rawValue ? outputLost.rawValue : status)
        }
        exit(status)
    }

    /// Ends the process with one line on standard error.
    func leave(_ message: String) -> Never {
        StandardStreams.complain(message)
        exit(rawValue)
    }
}
