import Glibc

/// A file without a name, in memory (memfd_create(2)): it goes with the last who has it open, or mapped.
final class AnonymousFile {
    let descriptor: Int32
    /// As this process may open it.
    var path: String { "/proc/self/fd/\(descriptor)" }

    /// - Parameter name: for people who look into /proc.
    /// - Returns: nil where the host has none; errno says why.
    init?(_ name: String) {
        // Swift's view of the C library lacks what is declared for _GNU_SOURCE.
        typealias Function = @convention(c) (UnsafePointer<CChar>, UInt32) -> Int32
        guard let symbol = dlsym(nil, "memfd_create") else {
            errno = ENOSYS
            return nil
        }
        let closesOnExecution: UInt32 = 1
        // SAFETY: these are the arguments of memfd_create(2), which keeps neither.
        descriptor = unsafeBitCast(symbol, to: Function.self)(name, closesOnExecution)
        guard descriptor >= 0 else { return nil }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }
}
