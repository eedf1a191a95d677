/// The terminal's own station on a network of the machine: it answers pings, pings others, and is a server of Telnet.
///
/// A thread moves frames between the network and the protocols, which know neither threads nor clocks.
public final class ManagementStation: NetworkEndpoint {
    private static let frameLimit = 64
    public static let sessionLimit = 4

    // SAFETY: changed by whoever holds the mutex of the management.
    nonisolated(unsafe) public private(set) static var current: ManagementStation?

    /// Stations that were left from a terminal of their own, until somebody makes or leaves the next one.
    nonisolated(unsafe) private static var leaving: [ManagementStation] = []

    public let network: VirtualSwitch
    private let port: NetworkPort
    private let isByDHCP: Bool
    /// Guards the station and the sessions.
    private let mutex = Mutex()
    private let station: IPv4Station
    private var sessions: [TelnetSession] = []
    private var sessionCount = 0
    private var ping: Ping?
    private let lock = SpinLock()
    /// What has come from the network; guarded by `lock`.
    private var frames: [[UInt8]] = []
    private var isStopping = false
    private let work = Semaphore()
    private var thread: ThreadReference?

    private final class Ping {
        let address: IPv4Address
        let sequence: UInt16
        let answered = Completion()
        var time: UInt64 = 0

        init(_ address: IPv4Address, _ sequence: UInt16) {
            self.address = address
            self.sequence = sequence
        }
    }

    private static let pingIdentifier: UInt16 = 0x4879
    private var nextSequence: UInt16 = 0

    // MARK: Its life

    /// Makes the station, with an address or one that DHCP gives.
    public static func make(on network: VirtualSwitch, _ configuration: IPv4Configuration?) throws(HyperError) {
        try stop()
        current = try ManagementStation(network, configuration)
    }

    private init(_ network: VirtualSwitch, _ configuration: IPv4Configuration?) throws(HyperError) {
        self.network = network
        port = try network.addPort("terminal")
        // Nobody's making (bit 41 of IEEE 802), and hardly anybody's chance.
        let link = MACAddress(0x0248_7900_0000 | Random.number() & 0xff_ffff)
        station = IPv4Station(link: link)
        isByDHCP = configuration == nil
        if let configuration {
            station.configure(configuration)
        } else {
            station.configureByDHCP(now: Timers.now)
        }
        station.onEchoReply = { [unowned(unsafe) self] in echoCame($0, $1, $2) }
        port.connect(self)
        let thread = Scheduler.makeThread("network") { [self] in run() }
        self.thread = thread
        Scheduler.wake(thread)
    }

    /// Takes the station off its network. All who talk to it are cut off.
    public static func stop() throws(HyperError) {
        leaving.removeAll { $0.giveBack() }
        guard let station = current else { return }
        current = nil
        station.lock.withLock { station.isStopping = true }
        station.work.signal()
        // Whoever is a terminal of the station's own cannot wait for his own end.
        guard !station.mutex.withLock({ station.sessions.contains { $0.isCurrent } }) else {
            return leaving.append(station)
        }
        while !station.giveBack() { Management.whileOthersWork { Scheduler.sleep(1_000_000) } }
    }

    /// Gives back what it has, once its thread has ended; whether that is so.
    private func giveBack() -> Bool {
        guard let thread, thread.pointee.state == .finished else { return false }
        CPUs.leaveHandlers()
        Scheduler.destroy(thread)
        self.thread = nil
        return true
    }

    public static func required() throws(HyperError) -> ManagementStation {
        guard let current else {
            throw HyperError("the terminal is on no network: put it on one with `net ip NETWORK dhcp`")
        }
        return current
    }

    // MARK: Frames

    public func take(_ bytes: ScatterList) -> NetworkReception {
        let isKept = lock.withLock {
            guard frames.count < Self.frameLimit else { return false }
            frames.append(bytes.bytes)
            return true
        }
        guard isKept else { return .refused }
        work.signal()
        return .taken
    }

    private func run() {
        while true {
            let isStopping = lock.withLock { self.isStopping }
            let (output, deadline) = mutex.withLock { serve(isStopping) }
            for var frame in output { frame.withUnsafeMutableBytes { port.send(ScatterList($0)) } }
            if isStopping, mutex.withLock({ sessions.isEmpty }) { return port.remove() }
            let now = Timers.now
            work.wait(limit: deadline.map { $0 > now ? $0 - now : 0 })
        }
    }

    /// Does what there is to do. The mutex is held.
    private func serve(_ isStopping: Bool) -> (output: [[UInt8]], deadline: UInt64?) {
        let now = Timers.now
        let received = lock.withLock {
            defer { frames = [] }
            return frames
        }
        for frame in received { station.receive(frame, now: now) }
        station.advance(now)
        if isStopping { station.tcp.close(now: now) }
        for session in sessions { session.exchange(now: now) }
        station.tcp.flush(now)
        sessions.removeAll { $0.reap() }
        defer { station.output = [] }
        return (station.output, station.deadline)
    }

    // MARK: What it is asked

    public struct Status: Sendable {
        public let link: MACAddress
        public let configuration: IPv4Configuration?
        public let isByDHCP: Bool
        public let ports: [UInt16]
        public let sessions: Int
    }

    public var status: Status {
        mutex.withLock {
            Status(
                link: station.link, configuration: station.configuration, isByDHCP: isByDHCP,
                ports: station.tcp.listeners.map { $0.port }, sessions: sessions.count)
        }
    }

    /// Waits until DHCP has given an address, so many nanoseconds at most; whether it has.
    public func waitForAddress(limit: UInt64) -> Bool {
        let end = Timers.now &+ limit
        while mutex.withLock({ station.configuration == nil }) {
            guard Timers.now < end else { return false }
            Scheduler.sleep(10_000_000)
        }
        return true
    }

    /// Sends one ping; how many nanoseconds its answer took, nil where none came in time. One ping at a time.
    public func ping(_ address: IPv4Address, limit: UInt64) throws(HyperError) -> UInt64? {
        let start = Timers.now
        let ping = try mutex.withLock { () throws(HyperError) in
            guard self.ping == nil else { throw HyperError("somebody else pings from here already: wait for him") }
            nextSequence &+= 1
            let ping = Ping(address, nextSequence)
            try station.ping(address, identifier: Self.pingIdentifier, sequence: nextSequence, now: start)
            self.ping = ping
            return ping
        }
        work.signal()
        let isAnswered = ping.answered.wait(limit: limit)
        mutex.withLock { self.ping = nil }
        return isAnswered ? ping.time - start : nil
    }

    private func echoCame(_ address: IPv4Address, _ identifier: UInt16, _ sequence: UInt16) {
        guard let ping, ping.address == address, identifier == Self.pingIdentifier, sequence == ping.sequence else {
            return
        }
        ping.time = Timers.now
        ping.answered.complete()
    }

    /// Lets terminals in by Telnet. Whoever gets there may do everything: nobody is asked who he is.
    public func serveTelnet(port number: UInt16) throws(HyperError) {
        try mutex.withLock { () throws(HyperError) in
            try station.tcp.listen(number, space: TelnetSession.space) { [unowned(unsafe) self] connection in
                guard sessions.count < Self.sessionLimit else { return false }
                sessionCount += 1
                sessions.append(TelnetSession(connection, number: sessionCount) { [self] in work.signal() })
                return true
            }
        }
    }
}
