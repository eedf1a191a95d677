/// Commands that need a network card.
enum NetworkCommands {
    private static let broadcast: UInt64 = 0xffff_ffff_ffff

    private static func withCard(_ body: (NetworkCard) -> Void) {
        guard let card = NetworkCard() else { return Commands.complain("there is no network card that can be set up") }
        body(card)
        card.stop()
    }

    private static func header(_ card: NetworkCard, to destination: UInt64, from source: UInt64, type: UInt64) {
        Packet.write(card.outgoing, destination, bytes: 6)
        Packet.write(card.outgoing + 6, source, bytes: 6)
        Packet.write(card.outgoing + 12, type, bytes: 2)
    }

    // MARK: Two guests

    /// For experiments (IEEE 802, Local Experimental Ethertype 1).
    private static let experimental: UInt64 = 0x88b5

    private static func station(_ number: UInt64) -> UInt64 { 0x0200_0000_0000 | number & 0xff }

    /// Each frame has its number and that of the last one that has come; it is sent again until it has. A frame is full of its
    /// number's low byte, which is looked at.
    static func exchange(_ own: UInt64?, _ peer: UInt64?, _ count: UInt64?) {
        guard let own, let peer, let count, own != peer, count > 0 else {
            return Commands.complain("exchange needs two numbers and a count: exchange 1 2 100")
        }
        withCard { card in
            var number: UInt64 = 1, seen: UInt64 = 0, answered: UInt64 = 0, sentAt: UInt64?
            let done = Clock.wait(milliseconds: 20000) {
                if sentAt.map({ Clock.now - $0 > Clock.milliseconds(50) }) ?? true {
                    _ = sendNumber(card, own, peer, number, seen)
                    sentAt = Clock.now
                }
                if let (last, acknowledged) = receiveNumber(card, own, peer) {
                    if last == seen + 1 { seen = last }
                    answered = max(answered, acknowledged)
                    // Who has not seen the last one is sent it again, and what was seen.
                    if acknowledged < number { sentAt = nil }
                }
                guard seen >= number, answered >= number else { return false }
                number += 1
                sentAt = nil
                return number > count
            }
            // The other one may not know yet.
            for _ in 0..<3 where done { _ = sendNumber(card, own, peer, count, count) }
            Console.write(done ? "exchanged " : "fail exchanged ")
            Console.decimal(min(seen, answered))
            Console.write(" frames with station ")
            Console.decimal(peer)
            Console.write("\n")
        }
    }

    private static let exchangeSize: UInt64 = 1514

    private static func sendNumber(
        _ card: NetworkCard, _ own: UInt64, _ peer: UInt64, _ number: UInt64, _ seen: UInt64
    ) -> Bool {
        header(card, to: station(peer), from: station(own), type: experimental)
        Packet.write(card.outgoing + 14, number, bytes: 4)
        Packet.write(card.outgoing + 18, seen, bytes: 4)
        for offset in 22..<exchangeSize {
            device_write8(card.outgoing + offset, UInt8(truncatingIfNeeded: number))
        }
        return card.send(UInt32(exchangeSize))
    }

    private static func receiveNumber(_ card: NetworkCard, _ own: UInt64, _ peer: UInt64) -> (UInt64, UInt64)? {
        guard let length = card.incomingLength else { return nil }
        defer { card.next() }
        let frame = card.incoming
        guard length == exchangeSize, Packet.read(frame, bytes: 6) == station(own),
            Packet.read(frame + 6, bytes: 6) == station(peer), Packet.read(frame + 12, bytes: 2) == experimental
        else { return nil }
        let number = Packet.read(frame + 14, bytes: 4)
        for offset in 22..<exchangeSize where device_read8(frame + offset) != UInt8(truncatingIfNeeded: number) {
            Console.write("fail a frame is not what was sent\n")
            return nil
        }
        return (number, Packet.read(frame + 18, bytes: 4))
    }

    // MARK: The outside

    private static let arp: UInt64 = 0x0806, ip: UInt64 = 0x0800
    /// 10.0.2.0/24 is what emulators' user networks are; 10.0.2.99 is an address that they give nobody soon.
    private static let ownAddress: UInt64 = 0x0a00_0263, ownStation = station(0x63)

    static func ping(_ text: Words?) {
        guard var text, let address = text.nextAddress() else {
            return Commands.complain("ping needs an address: ping 10.0.2.2")
        }
        withCard { card in
            var link: UInt64?, answered = false
            _ = Clock.wait(milliseconds: 3000) {
                if link == nil { ask(card, address) }
                return Clock.wait(milliseconds: 200) {
                    receive(card) { frame, type in
                        // An answer (RFC 826), from whom was asked for.
                        guard type == arp, Packet.read(frame + 20, bytes: 2) == 2,
                            Packet.read(frame + 28, bytes: 4) == address
                        else { return }
                        link = Packet.read(frame + 22, bytes: 6)
                    }
                    return link != nil
                }
            }
            guard let link else { return Commands.complain("nobody has that address") }
            sendEcho(card, link, address)
            _ = Clock.wait(milliseconds: 3000) {
                receive(card) { frame, type in
                    answered =
                        answered
                        || type == ip && Packet.read(frame + 23, bytes: 1) == 1
                            && Packet.read(frame + 26, bytes: 4) == address && Packet.read(frame + 34, bytes: 1) == 0
                            && Packet.checksum(frame + 34, 64) == 0
                }
                return answered
            }
            Console.write(answered ? "the station answers\n" : "fail the station does not answer\n")
        }
    }

    private static func receive(_ card: NetworkCard, _ body: (_ frame: UInt64, _ type: UInt64) -> Void) {
        guard card.incomingLength != nil else { return }
        body(card.incoming, Packet.read(card.incoming + 12, bytes: 2))
        card.next()
    }

    private static func ask(_ card: NetworkCard, _ address: UInt64) {
        header(card, to: broadcast, from: ownStation, type: arp)
        let message = card.outgoing + 14
        Packet.write(message, 0x0001_0800_0604_0001, bytes: 8)
        Packet.write(message + 8, ownStation, bytes: 6)
        Packet.write(message + 14, ownAddress, bytes: 4)
        Packet.write(message + 18, 0, bytes: 6)
        Packet.write(message + 24, address, bytes: 4)
        _ = card.send(42)
    }

    /// An echo request with 56 bytes (RFC 792) in a packet of IPv4 (RFC 791).
    private static func sendEcho(_ card: NetworkCard, _ link: UInt64, _ address: UInt64) {
        header(card, to: link, from: ownStation, type: ip)
        let packet = card.outgoing + 14, message = packet + 20
        Packet.write(packet, 0x4500_0054_0000_4000, bytes: 8)
        Packet.write(packet + 8, 0x4001_0000, bytes: 4)
        Packet.write(packet + 12, ownAddress << 32 | address, bytes: 8)
        Packet.write(packet + 10, Packet.checksum(packet, 20), bytes: 2)
        Packet.write(message, 0x0800_0000_0063_0001, bytes: 8)
        for offset in 8..<UInt64(64) { device_write8(message + offset, UInt8(offset)) }
        Packet.write(message + 2, Packet.checksum(message, 64), bytes: 2)
        _ = card.send(98)
    }
}

extension Words {
    /// Four numbers with dots between them.
    mutating func nextAddress() -> UInt64? {
        var value: UInt64 = 0
        for _ in 0..<4 {
            guard let number = nextPart(), number < 256 else { return nil }
            value = value << 8 | number
        }
        return value
    }
}
