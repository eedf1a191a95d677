/// A terminal at the other end of a connection of Telnet. A thread of its own executes its commands; what goes through the
/// connection is the station's to move.
final class TelnetSession {
    private static let inputLimit = 4096
    /// What a command may print while nobody reads; what is more is lost.
    private static let outputLimit = 64 << 10

    static var space: Int { inputLimit }

    private let connection: TCPConnection
    private var telnet = Telnet()
    /// What goes through the connection next.
    private var ready: [UInt8] = []
    private var columns: Int?
    private let lock = SpinLock()
    // Guarded by `lock`.
    private var input = RingBuffer(capacity: inputLimit)
    private var output: [UInt8] = []
    private var hasEnded = false
    /// What was typed is done, and the thread about to end.
    private var isDone = false
    private let arrived = Semaphore()
    private var terminal: Terminal?
    private var thread: ThreadReference?

    /// - Parameter wake: has the station call ``exchange(now:)``; called with interrupts off.
    init(_ connection: TCPConnection, number: Int, wake: @escaping () -> Void) {
        self.connection = connection
        let me = Unmanaged.passUnretained(self)
        let terminal = Terminal(Management.commands, exclusion: Management.exclusion) { bytes in
            // The session has the terminal, and outlives it.
            me._withUnsafeGuaranteedRef { $0.print(bytes) }
            wake()
        }
        self.terminal = terminal
        connection.onReceive = { [self] in type($0) }
        connection.onEnd = { [self] in end() }
        let thread = Scheduler.makeThread("telnet \(number)") { [self] in
            run(terminal)
            lock.withLock { isDone = true }
            wake()
        }
        self.thread = thread
        Scheduler.wake(thread)
    }

    /// Whether its terminal's command is what calls.
    var isCurrent: Bool { thread == Scheduler.current }

    private func print(_ bytes: [UInt8]) {
        lock.withLock { if output.count + bytes.count <= Self.outputLimit { output += bytes } }
    }

    private func type(_ bytes: [UInt8]) {
        let keys = telnet.receive(bytes)
        lock.withLock { for key in keys { input.append(key) } }
        arrived.signal()
    }

    private func end() {
        lock.withLock { hasEnded = true }
        arrived.signal()
    }

    private func run(_ terminal: Terminal) {
        terminal.start()
        while true {
            arrived.wait()
            var keys: [UInt8] = []
            let hasEnded = lock.withLock {
                while let key = input.popFirst() { keys.append(key) }
                return self.hasEnded
            }
            // What was typed before the other side closed is obeyed.
            if !keys.isEmpty { terminal.receive(keys) }
            if hasEnded { return terminal.release() }
        }
    }

    /// Moves what there is between the terminal and the connection.
    func exchange(now: UInt64) {
        if let width = telnet.columns, width != columns {
            columns = width
            terminal?.columns = width
        }
        if ready.count < TCPConnection.sendLimit {
            ready += telnet.takeAnswers()
            let bytes = lock.withLock {
                defer { output = [] }
                return output
            }
            ready += telnet.send(bytes)
        }
        ready.removeFirst(connection.send(ready[...], now: now))
        connection.setReceiveSpace(lock.withLock { Self.inputLimit - input.count }, now: now)
        // The other side has closed: so do we, once it was sent what its last commands have printed.
        if isOver { connection.close(now: now) }
    }

    private var isOver: Bool {
        lock.withLock { isDone && (output.isEmpty && ready.isEmpty || connection.isClosed) }
    }

    /// Gives back what it has, once all is done; whether that is so.
    func reap() -> Bool {
        guard isOver, let thread else { return false }
        // Nobody wakes the station when its last step is done.
        while thread.pointee.state != .finished { Scheduler.sleep(1_000_000) }
        CPUs.leaveHandlers()
        Scheduler.destroy(thread)
        self.thread = nil
        terminal = nil
        connection.onReceive = { _ in }
        return true
    }
}
