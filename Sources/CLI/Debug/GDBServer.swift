import Glibc
import Machine

/// Runs a machine as a debugger has it run: one that connects by GDB's remote serial protocol.
///
/// The machine stands until the first one lets it go on, and stands again when a debugger hangs up; after `detach` it runs
/// until the next one comes. The protocol itself is ``GDBSession``, and here is what it has of the host.
final class GDBServer {
    private let session: Session
    private let target: MachineTarget
    private let listener: GDBListener
    private var connection: GDBConnection?
    private var debugger: GDBSession?
    /// It runs without a debugger.
    private var isDetached = false
    private let isAlone: Bool
    /// When it is looked next whether the debugger still waits, and how long after that again: it need not be soon.
    private var nextLook: UInt64 = 0
    private static let lookInterval: UInt64 = 10_000_000

    /// - Parameter before: what is done before a debugger may connect: from there on the run can be put back already.
    /// - Throws: when nobody could connect.
    init(_ place: GDBPlace, _ session: Session, before: () throws -> Void = {}) throws {
        if case .standardStreams = place, isatty(STDIN_FILENO) == 1 {
            throw UsageError(
                "--gdb - is for a debugger that starts orrery: target remote | orrery run --gdb - ... For one that "
                    + "connects, give a port: --gdb 1234")
        }
        self.session = session
        target = MachineTarget(session) { RunHost.describe($0, session.description, on: session.board) }
        try before()
        listener = try GDBListener(place)
        isAlone = place == .standardStreams
        if isAlone {
            // A debugger's Ctrl-C, which it tells of by the protocol.
            signal(SIGINT, SIG_IGN)
            connect(GDBConnection())
        }
        announce()
        target.isGivenUp = { [unowned self] in isGivenUp() }
    }

    private func announce() {
        let file = target.executable.map { " \($0)" } ?? ""
        switch listener.place {
        case .network(let address, let port):
            if address.bytes.first != 127 {
                StandardStreams.complain("whoever can reach \(address):\(port) reads and changes all of this machine")
            }
            let host = address.bytes.allSatisfy { $0 == 0 } ? "localhost" : address.description
            StandardStreams.complain(
                "waiting for a debugger at \(address):\(port): gdb-multiarch\(file) -ex 'target remote \(host):\(port)'"
            )
        case .unixSocket(let path):
            StandardStreams.complain(
                "waiting for a debugger at \(path): gdb-multiarch\(file) -ex 'target remote \(path)'")
        case .standardStreams: break
        }
    }

    /// What an idle machine waits for.
    private var descriptors: [pollfd] {
        let listens = pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0)
        return [listens] + (connection?.descriptors(wantsInput: debugger?.wantsInput ?? false) ?? [])
    }

    /// Runs until the machine has come to an end and its debugger is gone, or somebody ends the run.
    func run(_ host: RunHost) -> Session.Conclusion {
        host.debugger = { [unowned self] in descriptors }
        while true {
            if Interruption.signal != 0 { return .quit }
            if let conclusion = look() { return conclusion }
            if isDetached {
                if target.advance() != nil { return target.conclusion ?? .quit }
            } else if let debugger, debugger.isRunning {
                debugger.advance()
                if target.conclusion == .quit { return .quit }
                exchange()
            } else if host.stand(besides: descriptors) {
                return .quit
            }
        }
    }

    /// Looks at what comes from debuggers.
    /// - Returns: how the run ends, where one has ended it.
    private func look() -> Session.Conclusion? {
        if let socket = listener.accept() {
            if let connection, !connection.isHungUp {
                // There is one already.
                close(socket)
            } else {
                disconnect()
                connect(GDBConnection(socket: socket))
            }
        }
        guard let connection, let debugger else { return nil }
        if debugger.wantsInput { debugger.receive(connection.read()) }
        exchange()
        // A hang-up is seen by reading.
        guard connection.isClosed || debugger.ending != nil && !connection.hasUnsent else { return nil }
        let ending = debugger.ending
        disconnect()
        if ending == .killed { return .quit }
        if isAlone || target.conclusion != nil { return target.conclusion ?? .quit }
        if ending == .detached {
            isDetached = true
            target.resume(Resumption(.run))
        }
        return nil
    }

    private func disconnect() {
        debugger?.close()
        target.deleteMonitorStops()
        debugger = nil
        connection = nil
    }

    private func connect(_ connection: GDBConnection) {
        if isDetached {
            isDetached = false
            target.interrupt()
            while target.advance() == nil {}
        }
        self.connection = connection
        debugger = GDBSession(target)
    }

    /// While a command of the monitor's takes long.
    /// - Returns: whether nobody waits for its answer.
    private func isGivenUp() -> Bool {
        guard let connection, let debugger else { return false }
        let now = HostTime.now
        if now >= nextLook, debugger.wantsInput {
            nextLook = now + Self.lookInterval
            debugger.receive(connection.read())
        }
        return debugger.hasGivenUp || connection.isClosed || Interruption.signal != 0
    }

    /// Sends what is to be sent, as far as the other side takes it.
    private func exchange() {
        guard let connection, let debugger else { return }
        connection.flush()
        while !connection.hasUnsent, !connection.isClosed {
            let bytes = debugger.takeOutput()
            if bytes.isEmpty { return }
            connection.send(bytes)
        }
    }
}
