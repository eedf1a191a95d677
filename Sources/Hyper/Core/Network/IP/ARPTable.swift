/// Who of the network has which Ethernet address (RFC 826), and what waits to be sent until that is known.
struct ARPTable {
    struct Message {
        static let request: UInt16 = 1, reply: UInt16 = 2
        let operation: UInt16
        let sender: (link: MACAddress, address: IPv4Address)
        let target: IPv4Address

        init?(_ bytes: ArraySlice<UInt8>) {
            var reader = PacketReader(bytes)
            // Ethernet, IPv4, and the lengths of their addresses.
            guard reader.number(bytes: 6) == 0x0001_0800_0604, let operation = reader.u16(),
                let link = reader.number(bytes: 6), let sender = reader.u32(), reader.number(bytes: 6) != nil,
                let target = reader.u32()
            else { return nil }
            self.operation = operation
            self.sender = (MACAddress(link), IPv4Address(sender))
            self.target = IPv4Address(target)
        }

        static func bytes(
            _ operation: UInt16, from sender: (link: MACAddress, address: IPv4Address),
            to target: (link: MACAddress, address: IPv4Address)
        ) -> [UInt8] {
            var bytes: [UInt8] = [0, 1, 8, 0, 6, 4]
            bytes.append(bigEndian: operation)
            bytes += sender.link.octets
            bytes.append(bigEndian: sender.address.value)
            bytes += target.link.octets
            bytes.append(bigEndian: target.address.value)
            return bytes
        }
    }

    private struct Entry {
        let address: IPv4Address
        /// Nil until it is known.
        var link: MACAddress?
        /// Until when it is believed, or when it is asked again.
        var deadline: UInt64
        var questions = 0
        /// Packets that wait for it.
        var waiting: [[UInt8]] = []
    }

    static let entryLimit = 32, waitingLimit = 4, questionLimit = 3
    /// Nanoseconds.
    static let lifetime: UInt64 = 60_000_000_000, patience: UInt64 = 1_000_000_000

    private var entries: [Entry] = []

    enum Answer {
        case known(MACAddress)
        /// The packet waits, and the address is to be asked for.
        case ask
        case waits
    }

    mutating func send(_ packet: [UInt8], to address: IPv4Address, now: UInt64) -> Answer {
        if let index = entries.firstIndex(where: { $0.address == address }) {
            if let link = entries[index].link {
                if now < entries[index].deadline { return .known(link) }
                entries.remove(at: index)
            } else {
                if entries[index].waiting.count < Self.waitingLimit { entries[index].waiting.append(packet) }
                return .waits
            }
        }
        add(Entry(address: address, deadline: now &+ Self.patience, questions: 1, waiting: [packet]))
        return .ask
    }

    /// Somebody has said who he is. Those who speak to us, and those that we ask for, are remembered; what has waited for it
    /// can go.
    mutating func learn(_ address: IPv4Address, _ link: MACAddress, isForUs: Bool, now: UInt64) -> [[UInt8]] {
        guard !link.isGroup, address.isStation else { return [] }
        let deadline = now &+ Self.lifetime
        guard let index = entries.firstIndex(where: { $0.address == address }) else {
            if isForUs { add(Entry(address: address, link: link, deadline: deadline)) }
            return []
        }
        defer { entries[index] = Entry(address: address, link: link, deadline: deadline) }
        return entries[index].waiting
    }

    private mutating func add(_ entry: Entry) {
        if entries.count >= Self.entryLimit { entries.removeFirst() }
        entries.append(entry)
    }

    /// Whom to ask for again. Who has not answered for too long is given up, with what waits for him.
    mutating func advance(_ now: UInt64) -> [IPv4Address] {
        entries.removeAll { now >= $0.deadline && ($0.link != nil || $0.questions >= Self.questionLimit) }
        var questions: [IPv4Address] = []
        for index in entries.indices where entries[index].link == nil && now >= entries[index].deadline {
            entries[index].deadline = now &+ Self.patience
            entries[index].questions += 1
            questions.append(entries[index].address)
        }
        return questions
    }

    /// When there is something to ask for. Entries that are known age by themselves.
    var deadline: UInt64? { entries.filter { $0.link == nil }.map { $0.deadline }.min() }
}
