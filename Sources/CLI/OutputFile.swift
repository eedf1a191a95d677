import Glibc
import Machine

/// A text file that is written for the user.
///
/// A write that fails does not end a run half way: the failure is kept, and told when the file is closed.
final class OutputFile {
    private let path: String
    private var file: UnsafeMutablePointer<FILE>?
    private var failure: Int32?

    init(_ path: String) throws(InputError) {
        self.path = path
        file = fopen(path, "we")
        if file == nil { throw Self.unwritable(path, errno) }
    }

    func write(_ text: String) {
        guard failure == nil, let file else { return }
        let count = text.utf8.count
        if fwrite(text, 1, count, file) != count { failure = errno }
    }

    func write(bytes: [UInt8]) {
        guard failure == nil, let file else { return }
        if fwrite(bytes, 1, bytes.count, file) != bytes.count { failure = errno }
    }

    /// Writes what is still to be written, and says whether all of it has been.
    func close() throws(InputError) {
        guard let file else { return }
        self.file = nil
        if fclose(file) != 0, failure == nil { failure = errno }
        if let failure { throw Self.unwritable(path, failure) }
    }

    /// Writes a file whole.
    static func write(_ text: String, to path: String) throws(InputError) {
        let file = try OutputFile(path)
        file.write(text)
        try file.close()
    }

    private static func unwritable(_ path: String, _ error: Int32) -> InputError {
        InputError(file: path, problem: "cannot be written: " + String(cString: strerror(error)))
    }
}
