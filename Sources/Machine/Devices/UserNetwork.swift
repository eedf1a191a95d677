import CSlirp
import Glibc

/// A network of the machine's own, 10.0.2.0/24, by libslirp: it answers ARP, DHCP, and pings of its own addresses, and
/// carries the guest's connections on by sockets of this process, which needs no rights for that.
///
/// Its clock is the machine's. What it answers by itself comes after a fixed delay of virtual time, so that a run that
/// speaks to nobody else is the same every time. What comes through sockets is input from outside, and enters between
/// instructions, when somebody looks. Its state, its alarms among it, is the outside's, and no part of the machine's.
public final class UserNetwork: NetworkBackend {
    public enum Address {
        public static let network = IPv4Address(10, 0, 2, 0)
        public static let mask = IPv4Address(255, 255, 255, 0)
        /// The gateway, which is this computer to the guest.
        public static let host = IPv4Address(10, 0, 2, 2)
        /// Passes questions on to this computer's own name server.
        public static let nameServer = IPv4Address(10, 0, 2, 3)
        /// What DHCP offers first.
        public static let guest = IPv4Address(10, 0, 2, 15)
    }

    /// How long a frame and its answer are on the way, in nanoseconds.
    private static let delay: UInt64 = 10_000
    /// libslirp asks to be called after so many milliseconds, at the latest, even when nothing is due.
    private static let idle: UInt32 = 1000

    public let input: NetworkInput
    private let clock: Clock
    private let reports: DeviceReports
    private let callbacks = UnsafeMutablePointer<SlirpCb>.allocate(capacity: 1)
    private var slirp: OpaquePointer?
    private var timer: Clock.Timer?
    /// Frames on their way to the guest.
    private var answers: [[UInt8]] = []
    /// Which sockets can bring something, and what of them libslirp waits for.
    public private(set) var descriptors: [pollfd] = []
    /// Frames of either side that were not carried on.
    public private(set) var lost: UInt64 = 0
    /// Something may come from outside. Otherwise the network's time is the machine's alone.
    public private(set) var isOpen = false

    /// - Parameters:
    ///   - input: where frames for the guest go.
    ///   - report: told in a sentence when the guest breaks a protocol's rules.
    /// - Throws: ``InputError`` when a port cannot be listened on.
    public init(
        _ options: MachineDescription.Network.User, clock: Clock, input: NetworkInput = NetworkInput(),
        report: @escaping (String) -> Void = { _ in }
    ) throws(InputError) {
        self.input = input
        self.clock = clock
        reports = DeviceReports("user network", to: report)
        callbacks.initialize(to: Self.callbacks)
        var configuration = SlirpConfig()
        configuration.version = UInt32(SLIRP_CONFIG_VERSION_MIN)
        configuration.restricted = options.isRestricted ? 1 : 0
        // Of the internet's protocols version 4 alone: for version 6 libslirp draws lots when it advertises itself.
        configuration.in_enabled = true
        configuration.vnetwork = in_addr(Address.network)
        configuration.vnetmask = in_addr(Address.mask)
        configuration.vhost = in_addr(Address.host)
        configuration.vnameserver = in_addr(Address.nameServer)
        configuration.vdhcp_start = in_addr(Address.guest)
        timer = Clock.Timer(clock, of: .host) { [unowned self] in turn() }
        // SAFETY: libslirp keeps both pointers until `slirp_cleanup`, which deinit calls.
        slirp = slirp_new(&configuration, callbacks, Unmanaged.passUnretained(self).toOpaque())
        for forward in options.forwards { try listen(forward) }
        enter {}
    }

    deinit {
        if let slirp { slirp_cleanup(slirp) }
        callbacks.deinitialize(count: 1)
        callbacks.deallocate()
    }

    private func listen(_ forward: MachineDescription.Forward) throws(InputError) {
        let status = slirp_add_hostfwd(
            slirp, forward.transport == .udp ? 1 : 0, in_addr(forward.hostAddress), Int32(forward.hostPort),
            in_addr(forward.guestAddress), Int32(forward.guestPort))
        guard status != 0 else { return }
        let error = errno
        let mend =
            switch error {
            case EADDRINUSE: "Another program has it: end that, or forward another port."
            case EACCES: "Ports below 1024 are the administrator's: forward a higher one."
            case EADDRNOTAVAIL: "This computer has no such address: leave it out for 127.0.0.1."
            default: "Forward another port."
            }
        let place = "\(forward.transport.rawValue) port \(forward.hostPort) of \(forward.hostAddress)"
        throw InputError(
            file: "--net", problem: "cannot listen on \(place): \(String(cString: strerror(error)))", mend: mend)
    }

    // MARK: Frames

    /// libslirp sees the frame at once; its answers are on their way.
    public func send(_ frame: [UInt8]) {
        guard !Self.isFragment(frame) else {
            reports.report("the guest sent a packet in fragments, which are not carried on: let it send smaller ones")
            lost &+= 1
            return
        }
        enter { slirp_input(slirp, frame, Int32(frame.count)) }
        arm(after: Self.delay)
    }

    /// Whether a frame holds a part of a packet: with more to follow, an offset, or the bit that means nothing
    /// (RFC 791, "Flags" and "Fragment Offset"). Random parts crash libslirp 4.7, where it puts them together.
    private static func isFragment(_ frame: [UInt8]) -> Bool {
        frame.count > 21 && frame[12...13] == [0x08, 0x00] && (frame[20] & ~0x40 != 0 || frame[21] != 0)
    }

    /// Takes in what came through sockets, if anything did. Whoever looks at the host does so between instructions.
    public func look() {
        guard !descriptors.isEmpty, poll(&descriptors, nfds_t(descriptors.count), 0) > 0 else { return }
        serve()
    }

    /// The timer's: answers arrive, and what libslirp does after a time may be due.
    private func turn() {
        poll(&descriptors, nfds_t(descriptors.count), 0)
        serve()
    }

    /// Tells libslirp what came to its sockets, and how late it is.
    private func serve() {
        deliver {
            slirp_pollfds_poll(slirp, 0, { UserNetwork.of($1).events(at: Int($0)) }, opaque)
        }
    }

    /// Lets libslirp do something between instructions, and gives the card what there is for it.
    private func deliver(after body: () -> Void) {
        enter(body)
        let frames = answers
        answers = []
        for frame in frames { receive(frame) }
    }

    /// Lets libslirp do something, and asks it what it waits for then.
    private func enter(_ body: () -> Void) {
        // It writes to sockets that others may have closed, which is no reason to end: the signal is not let through.
        var (signals, before, atOnce) = (sigset_t(), sigset_t(), timespec())
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, &before)
        body()
        descriptors.removeAll(keepingCapacity: true)
        var patience = UInt32.max
        slirp_pollfds_fill(slirp, &patience, { UserNetwork.of($2).wait(for: $1, of: $0) }, opaque)
        while sigtimedwait(&signals, nil, &atOnce) >= 0 {}
        pthread_sigmask(SIG_SETMASK, &before, nil)
        let isDue = patience < Self.idle
        isOpen = isDue || !descriptors.isEmpty
        if isDue { arm(after: UInt64(patience) * 1_000_000) }
    }

    private func arm(after nanoseconds: UInt64) {
        guard let timer else { return }
        let due = clock.now &+ nanoseconds
        if !timer.isArmed || due < timer.time { timer.arm(at: due) }
    }

    // MARK: What libslirp calls

    private var opaque: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    private static func of(_ opaque: UnsafeMutableRawPointer?) -> UserNetwork {
        // SAFETY: it is what `opaque` was when libslirp was given it, and libslirp lives no longer than that network.
        Unmanaged<UserNetwork>.fromOpaque(opaque!).takeUnretainedValue()
    }

    private static var callbacks: SlirpCb {
        var callbacks = SlirpCb()
        callbacks.send_packet = { bytes, count, opaque in
            // SAFETY: libslirp passes `count` bytes.
            UserNetwork.of(opaque).answer(Array(UnsafeRawBufferPointer(start: bytes, count: count)))
            return count
        }
        callbacks.guest_error = { message, opaque in
            // SAFETY: libslirp passes a C string.
            UserNetwork.of(opaque).reports.report(message.map { String(cString: $0) } ?? "the guest erred")
        }
        callbacks.clock_get_ns = { Int64(clamping: UserNetwork.of($0).clock.now) }
        callbacks.timer_new = { action, actionOpaque, opaque in
            let network = UserNetwork.of(opaque)
            let timer = Clock.Timer(network.clock, of: .host) { [unowned network] in
                network.deliver { action?(actionOpaque) }
            }
            return Unmanaged.passRetained(timer).toOpaque()
        }
        callbacks.timer_mod = { timer, milliseconds, _ in
            // SAFETY: libslirp passes what `timer_new` made and `timer_free` did not end.
            Unmanaged<Clock.Timer>.fromOpaque(timer!).takeUnretainedValue()
                .arm(at: UInt64(clamping: milliseconds) * 1_000_000)
        }
        callbacks.timer_free = { timer, _ in
            // SAFETY: as above; this undoes the retain of `timer_new`.
            let timer = Unmanaged<Clock.Timer>.fromOpaque(timer!).takeRetainedValue()
            timer.cancel()
        }
        callbacks.register_poll_fd = { _, _ in }
        callbacks.unregister_poll_fd = { _, _ in }
        callbacks.notify = { _ in }
        return callbacks
    }

    /// A guest can ask for answers without end, before any arrives.
    private func answer(_ frame: [UInt8]) {
        if answers.count < NetworkInput.capacity { answers.append(frame) } else { lost &+= 1 }
    }

    /// libslirp's name of each event, and poll's.
    private static let events: [(Int, Int32)] = [
        (SLIRP_POLL_IN, POLLIN), (SLIRP_POLL_OUT, POLLOUT), (SLIRP_POLL_PRI, POLLPRI), (SLIRP_POLL_ERR, POLLERR),
        (SLIRP_POLL_HUP, POLLHUP),
    ].map { (Int($0.0), Int32($0.1)) }

    /// - Returns: the place among ``descriptors``.
    private func wait(for events: Int32, of descriptor: Int32) -> Int32 {
        let wanted = Self.events.reduce(0) { Int(events) & $1.0 != 0 ? $0 | $1.1 : $0 }
        descriptors.append(pollfd(fd: descriptor, events: Int16(wanted), revents: 0))
        return Int32(descriptors.count - 1)
    }

    private func events(at index: Int) -> Int32 {
        let came = Int32(descriptors[index].revents)
        return Int32(Self.events.reduce(0) { came & $1.1 != 0 ? $0 | $1.0 : $0 })
    }
}

extension in_addr {
    fileprivate init(_ address: IPv4Address) {
        self.init(s_addr: address.bytes.reduce(0) { $0 << 8 | in_addr_t($1) }.bigEndian)
    }
}
