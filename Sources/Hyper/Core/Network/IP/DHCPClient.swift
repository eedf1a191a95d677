/// Asks a server for an address, and keeps it (RFC 2131, with the options of RFC 2132).
struct DHCPClient {
    static let serverPort: UInt16 = 67, clientPort: UInt16 = 68

    private enum State {
        /// Asks who has an address to give; has chosen one; has it; wants to keep it.
        case selecting, requesting, bound, renewing
    }

    private enum Kind: UInt8 {
        case discover = 1, offer = 2, request = 3, acknowledge = 5, refuse = 6
    }

    private enum Option {
        static let mask: UInt8 = 1, router: UInt8 = 3, requested: UInt8 = 50, lease: UInt8 = 51, kind: UInt8 = 53
        static let server: UInt8 = 54, parameters: UInt8 = 55, client: UInt8 = 61, pad: UInt8 = 0, end: UInt8 = 255
    }

    /// What its owner is to do.
    struct Actions {
        enum Change {
            case none
            case set(IPv4Configuration?)
        }
        var configuration = Change.none
        var message: [UInt8]?
        /// To whom; to all where it is nil.
        var server: IPv4Address?
    }

    private static let cookie: UInt32 = 0x6382_5363
    private static let second: UInt64 = 1_000_000_000

    private let link: MACAddress
    private let transaction: UInt32
    private var state = State.selecting
    private var offered: IPv4Address?
    private var server: IPv4Address?
    private var own: IPv4Address?
    private var attempts: UInt64 = 0
    /// When to ask again, and until when the address is ours.
    private(set) var deadline: UInt64 = 0
    private var expires: UInt64 = 0

    init(link: MACAddress, transaction: UInt32) {
        self.link = link
        self.transaction = transaction
    }

    // MARK: What it asks

    mutating func advance(_ now: UInt64) -> Actions {
        guard now >= deadline else { return Actions() }
        var actions = Actions()
        switch state {
        case .bound:
            state = .renewing
            attempts = 0
        case .renewing where now >= expires:
            begin()
            actions.configuration = .set(nil)
        // A server that offers and does not answer then is asked no more.
        case .requesting where attempts >= 4: begin()
        default: break
        }
        // 4, 8, 16, 32, 64 seconds (RFC 2131, 4.1).
        deadline = now &+ Self.second << (2 + min(attempts, 4))
        if state == .renewing { deadline = min(now &+ max((expires &- now) / 2, 60 * Self.second), expires) }
        attempts += 1
        actions.message = message()
        // Half of the time is the server's that gave it; then anybody's.
        if state == .renewing, attempts < 3 { actions.server = server }
        return actions
    }

    private mutating func begin() {
        (state, offered, server, own, attempts) = (.selecting, nil, nil, nil, 0)
    }

    private func message() -> [UInt8] {
        // BOOTREQUEST, Ethernet, six octets.
        var bytes: [UInt8] = [1, 1, 6, 0]
        bytes.append(bigEndian: transaction)
        // Seconds; and that answers are to go to all, since we have no address that they could come to.
        bytes += [0, 0, state == .renewing ? 0 : 0x80, 0]
        bytes.append(bigEndian: state == .renewing ? own?.value ?? 0 : 0)
        bytes += [UInt8](repeating: 0, count: 12) + link.octets + [UInt8](repeating: 0, count: 10 + 64 + 128)
        bytes.append(bigEndian: Self.cookie)
        bytes += [Option.kind, 1, state == .selecting ? Kind.discover.rawValue : Kind.request.rawValue]
        bytes += [Option.client, 7, 1] + link.octets
        if state == .requesting, let offered, let server {
            bytes += [Option.requested, 4]
            bytes.append(bigEndian: offered.value)
            bytes += [Option.server, 4]
            bytes.append(bigEndian: server.value)
        }
        bytes += [Option.parameters, 3, Option.mask, Option.router, Option.lease, Option.end]
        // Some relays want a message to be as long as BOOTP's.
        return bytes + [UInt8](repeating: 0, count: max(300 - bytes.count, 0))
    }

    // MARK: What it is answered

    private struct Answer {
        var address = IPv4Address.any
        var kind: Kind?
        var server: IPv4Address?
        var mask: UInt32?
        var router: IPv4Address?
        var lease: UInt32?
    }

    mutating func receive(_ bytes: ArraySlice<UInt8>, _ now: UInt64) -> Actions {
        var actions = Actions()
        guard let answer = parse(bytes) else { return actions }
        switch (state, answer.kind) {
        case (.selecting, .offer):
            guard answer.address.isStation, let server = answer.server else { return actions }
            (state, offered, self.server, attempts, deadline) = (.requesting, answer.address, server, 0, now)
            return advance(now)
        case (.requesting, .acknowledge), (.renewing, .acknowledge):
            guard answer.address.isStation, answer.server == nil || answer.server == server else { return actions }
            let lease = answer.lease ?? ~0
            // RFC 2131, 3.3: all ones is for ever. Renewed at half the time (4.4.5).
            let seconds = max(UInt64(lease), 60)
            expires = lease == ~0 ? .max : now &+ seconds * Self.second
            deadline = lease == ~0 ? .max : now &+ seconds * Self.second / 2
            (state, own, attempts) = (.bound, answer.address, 0)
            let mask = answer.mask ?? 0xffff_ff00
            var configuration = IPv4Configuration(
                address: answer.address, prefix: min(max((~mask).leadingZeroBitCount, 1), 30))
            if let router = answer.router, configuration.isOnLink(router), router != answer.address {
                configuration.gateway = router
            }
            actions.configuration = .set(configuration)
        case (.requesting, .refuse), (.renewing, .refuse):
            guard answer.server == server else { return actions }
            begin()
            // Not at once, or two of one mind would go on for ever.
            deadline = now &+ Self.second
            actions.configuration = .set(nil)
        default: break
        }
        return actions
    }

    private func parse(_ bytes: ArraySlice<UInt8>) -> Answer? {
        var reader = PacketReader(bytes)
        var answer = Answer()
        guard reader.number(bytes: 4) == 0x0201_0600, reader.u32() == transaction, reader.take(8) != nil,
            let address = reader.u32(), reader.take(8) != nil, let client = reader.take(6),
            Array(client) == link.octets, reader.take(10 + 64 + 128) != nil, reader.u32() == Self.cookie
        else { return nil }
        answer.address = IPv4Address(address)
        while let option = reader.u8(), option != Option.end {
            if option == Option.pad { continue }
            guard let length = reader.u8(), let value = reader.take(Int(length)) else { return nil }
            var field = PacketReader(value)
            switch option {
            case Option.kind: answer.kind = field.u8().flatMap { Kind(rawValue: $0) }
            case Option.server: answer.server = field.u32().map { IPv4Address($0) }
            case Option.mask: answer.mask = field.u32()
            case Option.router: answer.router = field.u32().map { IPv4Address($0) }
            case Option.lease: answer.lease = field.u32()
            default: break
            }
        }
        return answer
    }
}
