import Glibc
import JIT

/// Tells Linux' `perf` what translated code is, in a file that it looks for by the process's number: a line for each
/// piece, "START SIZE name", both numbers hexadecimal (linux/tools/perf/Documentation/jit-interface.txt).
///
/// All machines of a process write to one file. Where code was thrown away and other code is at its addresses, the file
/// has lines for both; perf takes one of them.
public final class PerfMap: Sendable {
    private let file: Int32
    public let path: String

    /// The process's map, made when it is asked for first.
    private static let shared = Result { () throws(InputError) in try PerfMap() }

    /// - Throws: when the file cannot be made.
    public static func ofProcess() throws(InputError) -> PerfMap {
        try shared.get()
    }

    private init() throws(InputError) {
        path = "/tmp/perf-\(getpid()).map"
        // Whatever has the name is left from another process; a link put there must not be followed.
        unlink(path)
        file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw InputError(
                file: path, problem: "cannot be made: " + String(cString: strerror(errno)),
                mend: "Leave --jit-perf-map out, or remove what has that name.")
        }
    }

    /// A whole line in one write, so that threads' lines do not mix.
    func add(_ name: String, _ code: UnsafeRawBufferPointer) {
        let line = "\(String(UInt(bitPattern: code.baseAddress), radix: 16)) \(String(code.count, radix: 16)) \(name)\n"
        _ = line.withCString { write(file, $0, strlen($0)) }
    }

    /// Writes what is there, and each region when it is made.
    public func follow(_ translator: HotCode, _ symbols: SymbolFinder) {
        add("orrery: entering and leaving", translator.fixedCode)
        translator.observer = { [self] address, code in
            add("guest " + (symbols.name(address) ?? hexadecimal(address)), code)
        }
    }
}
