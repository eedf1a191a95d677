extension MachineDescription {
    /// What the machine's network card is connected to; without one there is no card.
    public enum Network: Hashable, Sendable, CustomStringConvertible {
        case none
        /// A network of the machine's own, which reaches others by sockets of this process: ``UserNetwork``.
        case user(User)

        public struct User: Hashable, Sendable {
            public var forwards: [Forward] = []
            public var macAddress = MACAddress.standard
            /// The guest reaches the network's own addresses, and through ``forwards`` who connects to it; nothing else.
            public var isRestricted = false

            public init() {}
        }

        /// `none`, or `user` and options: `user,hostfwd=tcp::2222-:22,restrict=on`.
        public init(_ text: String) throws(ValueError) {
            let words = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            if text == "none" {
                self = .none
                return
            }
            guard words[0] == "user" else {
                throw ValueError(
                    problem: "there is no network \"\(words[0].prefix(40))\"", mend: "Write user or none.")
            }
            var user = User()
            for word in words.dropFirst() {
                let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                let value = parts.count > 1 ? parts[1] : ""
                switch parts[0] {
                case "hostfwd": user.forwards.append(try Forward(value))
                case "mac": user.macAddress = try MACAddress(value)
                case "restrict" where value == "on" || value == "off": user.isRestricted = value == "on"
                case "restrict":
                    throw ValueError(
                        problem: "restrict is \"\(value.prefix(40))\", and must be on or off",
                        mend: "Write restrict=on, or leave it out.")
                default:
                    throw ValueError(
                        problem: "\"\(parts[0].prefix(40))\" is not an option of a user network",
                        mend: nearestWord(to: parts[0], among: ["hostfwd", "mac", "restrict"])
                            .map { "Did you mean \($0)?" } ?? "The options are hostfwd, mac and restrict.")
                }
            }
            self = .user(user)
        }

        public var description: String {
            guard case .user(let user) = self else { return "none" }
            var words = ["user"] + user.forwards.map { "hostfwd=\($0)" }
            if user.macAddress != .standard { words.append("mac=\(user.macAddress)") }
            if user.isRestricted { words.append("restrict=on") }
            return words.joined(separator: ",")
        }

        /// The same as the guest sees it, without a way in or out: a run on it depends on nothing outside.
        public var isolated: Network {
            guard case .user(var user) = self else { return self }
            user.forwards = []
            user.isRestricted = true
            return .user(user)
        }
    }

    /// A port of this computer that leads to one of the guest's: `tcp::2222-:22`, as QEMU has it.
    public struct Forward: Hashable, Sendable, CustomStringConvertible {
        public enum Transport: String, Sendable {
            case tcp, udp
        }

        public var transport: Transport
        /// Where this computer listens; nobody else's can connect unless it is told to.
        public var hostAddress = IPv4Address(127, 0, 0, 1)
        public var hostPort: UInt16
        public var guestAddress = UserNetwork.Address.guest
        public var guestPort: UInt16

        public init(_ transport: Transport, hostPort: UInt16, guestPort: UInt16) {
            self.transport = transport
            self.hostPort = hostPort
            self.guestPort = guestPort
        }

        /// `[tcp|udp]:[host address]:port-[guest address]:port`.
        public init(_ text: String) throws(ValueError) {
            func refusal(_ problem: String) -> ValueError {
                ValueError(
                    problem: "in \"\(text.prefix(60))\" \(problem)",
                    mend: "hostfwd=tcp::2222-:22 leads from port 2222 of this computer to port 22 of the guest.")
            }
            func split(_ text: String, _ separator: Character) -> [String] {
                text.split(separator: separator, omittingEmptySubsequences: false).map(String.init)
            }
            func port(_ text: String) throws(ValueError) -> UInt16 {
                guard text.allSatisfy(\.isNumber), let port = UInt16(text), port > 0 else {
                    throw refusal("\"\(text)\" is not a port, which is a number from 1 to 65535")
                }
                return port
            }
            func address(_ text: String) throws(ValueError) -> IPv4Address {
                guard let address = IPv4Address(text) else {
                    throw refusal("\"\(text)\" is not an address, which is four numbers such as 127.0.0.1")
                }
                return address
            }
            let sides = split(text, "-")
            let (host, guest) = (split(sides[0], ":"), split(sides.last ?? "", ":"))
            guard sides.count == 2, host.count == 3, guest.count == 2 else { throw refusal("a part is missing") }
            guard let transport = host[0].isEmpty ? .tcp : Transport(rawValue: host[0]) else {
                throw refusal("\"\(host[0])\" is neither tcp nor udp")
            }
            self.init(transport, hostPort: try port(host[2]), guestPort: try port(guest[1]))
            if !host[1].isEmpty { hostAddress = try address(host[1]) }
            if !guest[0].isEmpty { guestAddress = try address(guest[0]) }
        }

        public var description: String {
            "\(transport.rawValue):\(hostAddress):\(hostPort)-\(guestAddress):\(guestPort)"
        }
    }
}
