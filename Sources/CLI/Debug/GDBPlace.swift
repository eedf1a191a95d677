import Machine

/// Where a debugger connects, as the user wrote it after `--gdb`.
enum GDBPlace: Equatable, CustomStringConvertible {
    /// A port of 0 is any that is free.
    case network(address: IPv4Address, port: UInt16)
    case unixSocket(path: String)
    /// The debugger has started this process, and speaks to it by standard input and output.
    case standardStreams

    init(_ text: String) throws(ValueError) {
        if text == "-" {
            self = .standardStreams
            return
        }
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard !path.isEmpty, path.utf8.count <= Self.longestPath else {
                throw ValueError(
                    problem: "a socket's path has 1 to \(Self.longestPath) bytes",
                    mend: "Give a shorter one, such as unix:/tmp/gdb.")
            }
            self = .unixSocket(path: path)
            return
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        // GDB itself takes `:1234`.
        let host = parts.count == 2 && !parts[0].isEmpty ? parts[0] : "localhost"
        guard parts.count <= 2, let port = parts.last.flatMap({ UInt16($0) }),
            let address = host == "localhost" ? DisplayOption.loopback : IPv4Address(host)
        else {
            throw ValueError(
                problem: "\"\(text.prefix(40))\" is no place for a debugger",
                mend: "There are PORT, ADDRESS:PORT with four numbers, unix:PATH and -, such as 1234.")
        }
        self = .network(address: address, port: port)
    }

    /// Of sockaddr_un, less the zero at its end.
    static let longestPath = 107

    var description: String {
        switch self {
        case .network(let address, let port): "\(address):\(port)"
        case .unixSocket(let path): "unix:\(path)"
        case .standardStreams: "-"
        }
    }
}
