import Glibc
import Machine

/// A socket where debuggers connect.
final class GDBListener {
    let descriptor: Int32
    /// With the port that was chosen, where it was to be any.
    let place: GDBPlace

    /// - Parameter flag: where the user has named the place.
    init(_ place: GDBPlace, flag: String = "--gdb") throws(InputError) {
        let name = "\(flag) \(place)"
        func failure(_ descriptor: Int32, _ mend: String) -> InputError {
            let error = errno
            close(descriptor)
            return InputError(
                file: name, problem: "cannot listen there: " + String(cString: strerror(error)), mend: mend)
        }
        switch place {
        case .network(let address, let port):
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            var on: Int32 = 1
            setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
            var socketAddress = sockaddr_in()
            socketAddress.sin_family = sa_family_t(AF_INET)
            socketAddress.sin_port = port.bigEndian
            socketAddress.sin_addr.s_addr = inet_addr(address.description)
            guard Self.bind(descriptor, &socketAddress), listen(descriptor, 1) == 0 else {
                throw failure(descriptor, "Give another port; another program may have this one.")
            }
            self.place = .network(address: address, port: Self.port(descriptor) ?? port)
        case .unixSocket(let path):
            descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            var socketAddress = sockaddr_un()
            socketAddress.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &socketAddress.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
            Self.removeDeserted(path, &socketAddress)
            guard Self.bind(descriptor, &socketAddress), listen(descriptor, 1) == 0 else {
                throw failure(descriptor, "Give a path where nothing is, in a folder that you may write to.")
            }
            self.place = place
        case .standardStreams:
            descriptor = -1
            self.place = place
        }
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        if case .unixSocket(let path) = place { unlink(path) }
    }

    private static func bind<Address>(_ descriptor: Int32, _ address: inout Address) -> Bool {
        // SAFETY: every socket address begins as `sockaddr` does, and its size is given.
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<Address>.size)) == 0
            }
        }
    }

    /// A socket that a process left behind, where nobody listens.
    private static func removeDeserted(_ path: String, _ address: inout sockaddr_un) {
        let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(probe) }
        // SAFETY: as above.
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(probe, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if result != 0, errno == ECONNREFUSED { unlink(path) }
    }

    private static func port(_ descriptor: Int32) -> UInt16? {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        // SAFETY: as above.
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return result == 0 ? UInt16(bigEndian: address.sin_port) : nil
    }

    /// The next debugger that has connected, if one has.
    func accept() -> Int32? {
        var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard descriptor >= 0, poll(&wait, 1, 0) > 0 else { return nil }
        let socket = Glibc.accept(descriptor, nil, nil)
        guard socket >= 0 else { return nil }
        _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
        return socket
    }
}
