import Testing

@testable import Hyper

extension CoreTests {
    /// What is expected is what the RFCs say, and what others have written down of real packets.
    @Suite("The terminal's station: ARP, IPv4, ICMP, DHCP")
    struct IPStationTests {
        private func message(_ body: () throws(HyperError) -> Void) -> String {
            do throws(HyperError) {
                try body()
                return ""
            } catch {
                return String(decoding: error.message.bytes, as: UTF8.self)
            }
        }

        @Test("Checksums are RFC 1071's")
        func checksums() {
            let example: [UInt8] = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]
            #expect(InternetChecksum.of(example[...]) == ~0xddf2, "RFC 1071, 3: Numerical Examples")
            // A header that tcpdump has shown, with the checksum b861.
            let header: [UInt8] = [
                0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7,
            ]
            #expect(InternetChecksum.of(header[...]) == 0)
            #expect(InternetChecksum.of([0xff][...]) == 0x00ff, "an octet alone is the higher one")
        }

        @Test(
            "Addresses are four numbers, and nothing else",
            arguments: ["", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1..2.3", "1.2.3.x", "0x1.2.3.4", "1.2.3.-4"])
        func addresses(_ text: String) throws {
            #expect(try IPv4Address("10.0.2.15").value == 0x0a00_020f)
            #expect(IPv4Address(0x0a00_020f).text == "10.0.2.15")
            #expect(throws: HyperError.self) { try IPv4Address(Text(Array(text.utf8))) }
        }

        @Test("A configuration that no station can have is refused")
        func configurations() {
            for (text, gateway) in [
                ("10.0.2.15", nil), ("10.0.2.15/33", nil), ("10.0.2.0/24", nil), ("10.0.2.255/24", nil),
                ("127.0.0.1/8", nil), ("224.0.0.1/24", nil), ("10.0.2.15/24", "10.0.3.1"),
                ("10.0.2.15/24", "10.0.2.15"),
            ] as [(Text, Text?)] {
                #expect(!message { () throws(HyperError) in _ = try IPv4Configuration(text, gateway: gateway) }.isEmpty)
            }
        }

        @Test("Who asks for the station's address is told it")
        func arp() throws {
            let peer = try StationPeer()
            let nobody: [UInt8] = [0, 0, 0, 0, 0, 0], all = [UInt8](repeating: 0xff, count: 6)
            peer.receive(
                type: 0x0806, TwinPeer.arp(1, from: TwinPeer.link, TwinPeer.address, to: nobody, TwinPeer.own), to: all)
            let sent = peer.take()
            try #require(sent.count == 1)
            #expect(sent[0].type == 0x0806 && sent[0].destination == TwinPeer.link)
            #expect(
                Array(sent[0].payload[..<28])
                    == TwinPeer.arp(2, from: peer.link, TwinPeer.own, to: TwinPeer.link, TwinPeer.address))
            // For somebody else.
            peer.receive(
                type: 0x0806, TwinPeer.arp(1, from: TwinPeer.link, TwinPeer.address, to: nobody, [10, 0, 2, 16]),
                to: all)
            #expect(peer.take().isEmpty)
        }

        @Test("A ping is answered with what it brought")
        func echo() throws {
            let peer = try StationPeer()
            var question: [UInt8] = [8, 0, 0, 0, 0x12, 0x34, 0, 7] + Array("are you there?".utf8)
            question.replaceSubrange(2..<4, with: TwinPeer.checksum(question))
            peer.receive(1, question)
            var answer = question
            answer[0] = 0
            answer.replaceSubrange(2..<4, with: [0, 0])
            answer.replaceSubrange(2..<4, with: TwinPeer.checksum(answer))
            #expect(try peer.takePacket(1) == answer)
            question[9] ^= 1
            peer.receive(1, question)
            #expect(peer.take().isEmpty, "a damaged one is not")
        }

        @Test("Packets that are none, are damaged, fragments, or others' are passed over", arguments: 0..<9)
        func wrongPackets(_ kind: Int) throws {
            let peer = try StationPeer()
            var question: [UInt8] = [8, 0, 0, 0, 0x12, 0x34, 0, 7]
            question.replaceSubrange(2..<4, with: TwinPeer.checksum(question))
            var packet = TwinPeer.packet(1, question)
            switch kind {
            case 0: packet[0] = 0x65
            case 1: packet[0] = 0x44
            case 2: packet[3] += 1
            case 3: packet = Array(packet[..<19])
            case 4: packet[6] = 0x20
            case 5: packet[7] = 1
            case 6: packet = TwinPeer.packet(1, question, to: [10, 0, 2, 16])
            case 7: packet = TwinPeer.packet(1, question, from: [10, 0, 2, 255])
            default: packet[10] ^= 0xff
            }
            if [0, 1, 4, 5].contains(kind) {
                packet.replaceSubrange(10..<12, with: [0, 0])
                packet.replaceSubrange(10..<12, with: TwinPeer.checksum(Array(packet[..<20])))
            }
            peer.receive(type: 0x0800, packet)
            #expect(peer.take().isEmpty)
        }

        @Test("A station asks who has an address, three times, and what waits goes out when it knows")
        func resolution() throws {
            let peer = try StationPeer()
            let other: [UInt8] = [10, 0, 2, 9], link: [UInt8] = [2, 0, 0, 0, 0, 9]
            try peer.station.ping(IPv4Address(0x0a00_0209), identifier: 1, sequence: 1, now: 0)
            try peer.station.ping(IPv4Address(0x0a00_0209), identifier: 1, sequence: 2, now: 0)
            let question = peer.take()
            #expect(question.count == 1 && question[0].type == 0x0806 && question[0].payload[7] == 1)
            #expect(Array(question[0].payload[24..<28]) == other)
            peer.advance(to: TwinPeer.second)
            #expect(peer.take().count == 1)
            peer.receive(type: 0x0806, TwinPeer.arp(2, from: link, other, to: peer.link, TwinPeer.own))
            let sent = peer.take()
            #expect(sent.map { $0.destination } == [link, link] && sent.map { $0.payload[20] } == [8, 8])

            try peer.station.ping(IPv4Address(0x0a00_020a), identifier: 1, sequence: 1, now: peer.now)
            var questions = peer.take().count
            for second in 2..<10 as Range<UInt64> {
                peer.advance(to: second * TwinPeer.second)
                questions += peer.take().count
            }
            #expect(questions == 3 && peer.station.deadline == nil, "nobody is there")
        }

        @Test("What is not on the network goes by its gateway")
        func gateway() throws {
            let peer = try StationPeer()
            try peer.station.ping(IPv4Address(0x0808_0808), identifier: 1, sequence: 1, now: 0)
            let sent = peer.take()
            #expect(sent.count == 1 && sent[0].destination == TwinPeer.link)
            #expect(Array(sent[0].payload[16..<20]) == [8, 8, 8, 8])
            peer.station.configure(try IPv4Configuration("10.0.2.15/24", gateway: nil))
            #expect(
                message { () throws(HyperError) in
                    try peer.station.ping(IPv4Address(0x0808_0808), identifier: 1, sequence: 1, now: 0)
                }.contains("no gateway is known"))
        }

        // MARK: DHCP

        @Test("An address is asked for, taken, kept, and given up when nobody renews it")
        func lease() throws {
            let peer = try StationPeer(isConfigured: false)
            peer.station.configureByDHCP(now: 0)
            let discover = try peer.takeDHCPMessage()
            #expect(discover.options[53] == [1])
            // Nobody answers: again after four seconds.
            peer.advance(to: 4 * TwinPeer.second)
            #expect(try peer.takeDHCPMessage().options[53] == [1])
            peer.receive(
                type: 0x0800,
                peer.dhcpMessage(discover.transaction, [53, 1, 2] + TwinPeer.dhcpServer + TwinPeer.dhcpNetwork))
            let request = try peer.takeDHCPMessage()
            #expect(
                request.options[53] == [3] && request.options[50] == TwinPeer.own
                    && request.options[54] == [10, 0, 2, 2])
            #expect(peer.station.configuration == nil)
            let acknowledgement = peer.dhcpMessage(
                discover.transaction, [53, 1, 5] + TwinPeer.dhcpServer + TwinPeer.dhcpNetwork)
            peer.receive(type: 0x0800, acknowledgement)
            #expect(peer.station.configuration == (try IPv4Configuration("10.0.2.15/24", gateway: "10.0.2.2")))
            // The lease is an hour.
            let start = 4 * TwinPeer.second
            #expect(peer.station.deadline == start + 1800 * TwinPeer.second)
            peer.receive(
                type: 0x0806, TwinPeer.arp(2, from: TwinPeer.link, TwinPeer.address, to: peer.link, TwinPeer.own))
            peer.advance(to: start + 1800 * TwinPeer.second)
            peer.receive(
                type: 0x0806, TwinPeer.arp(2, from: TwinPeer.link, TwinPeer.address, to: peer.link, TwinPeer.own))
            #expect(peer.take().contains { $0.type == 0x0800 }, "it asks its server to renew")
            peer.receive(type: 0x0800, acknowledgement)
            #expect(peer.station.deadline == start + (1800 + 1800) * TwinPeer.second)
            for second in stride(from: 3600, through: 5404, by: 1) as StrideThrough<UInt64> {
                peer.advance(to: start + second * TwinPeer.second)
            }
            #expect(peer.station.configuration == nil, "nobody has renewed it for an hour")
        }

        @Test("A server that refuses is asked from the beginning; strangers' answers are passed over")
        func refusal() throws {
            let peer = try StationPeer(isConfigured: false)
            peer.station.configureByDHCP(now: 0)
            let discover = try peer.takeDHCPMessage()
            peer.receive(type: 0x0800, peer.dhcpMessage([1, 2, 3, 4], [53, 1, 2] + TwinPeer.dhcpServer))
            #expect(peer.take().isEmpty, "another one's transaction")
            peer.receive(type: 0x0800, peer.dhcpMessage(discover.transaction, [53, 1, 2]))
            #expect(peer.take().isEmpty, "no server")
            peer.receive(type: 0x0800, peer.dhcpMessage(discover.transaction, [53, 1, 2] + TwinPeer.dhcpServer))
            #expect(try peer.takeDHCPMessage().options[53] == [3])
            peer.receive(
                type: 0x0800,
                peer.dhcpMessage(discover.transaction, [53, 1, 5, 54, 4, 10, 0, 2, 3] + TwinPeer.dhcpNetwork))
            #expect(peer.station.configuration == nil, "another server")
            peer.receive(type: 0x0800, peer.dhcpMessage(discover.transaction, [53, 1, 6] + TwinPeer.dhcpServer))
            peer.advance(to: 2 * TwinPeer.second)
            #expect(try peer.takeDHCPMessage().options[53] == [1])
        }

        /// A station that has asked for an address, and was offered one; the transaction.
        private func offered() throws -> (peer: StationPeer, transaction: [UInt8]) {
            let peer = try StationPeer(isConfigured: false)
            peer.station.configureByDHCP(now: 0)
            let discover = try peer.takeDHCPMessage()
            peer.receive(type: 0x0800, peer.dhcpMessage(discover.transaction, [53, 1, 2] + TwinPeer.dhcpServer))
            #expect(try peer.takeDHCPMessage().options[53] == [3])
            return (peer, discover.transaction)
        }

        @Test(
            "Options are read between padding and unknown ones; without a mask, the network is the address's first 24 bits"
        )
        func options() throws {
            let (peer, transaction) = try offered()
            let options: [UInt8] =
                [0, 0, 53, 1, 5, 0, 12, 3, 97, 98, 99] + TwinPeer.dhcpServer + [0, 51, 4, 255, 255, 255, 255]
            peer.receive(type: 0x0800, peer.dhcpMessage(transaction, options))
            #expect(peer.station.configuration == (try IPv4Configuration("10.0.2.15/24", gateway: nil)))
            #expect(peer.station.deadline == nil, "a lease of all ones is for ever (RFC 2131, 3.3)")
            peer.advance(to: 1 << 60)
            #expect(peer.take().isEmpty && peer.station.configuration != nil)
        }

        @Test("Answers whose options go beyond the end, or that give no station's address, are none")
        func badOptions() throws {
            let (peer, transaction) = try offered()
            peer.receive(type: 0x0800, peer.dhcpMessage(transaction, [53, 1, 5] + TwinPeer.dhcpServer + [12, 200]))
            peer.receive(type: 0x0800, peer.dhcpMessage(transaction, TwinPeer.dhcpServer))
            for address in [[0, 0, 0, 0], [127, 0, 0, 1], [224, 0, 0, 1], [255, 255, 255, 255]] as [[UInt8]] {
                var message = peer.dhcpMessage(transaction, [53, 1, 5] + TwinPeer.dhcpServer + TwinPeer.dhcpNetwork)
                // yiaddr, behind the headers of IP and UDP; a datagram whose checksum is 0 has none.
                message.replaceSubrange(44..<48, with: address)
                message.replaceSubrange(26..<28, with: [0, 0])
                peer.receive(type: 0x0800, message)
            }
            #expect(peer.station.configuration == nil && peer.take().isEmpty)
            let gateways: [([UInt8], Text?)] = [
                ([10, 0, 3, 1], nil), (TwinPeer.own, nil), ([10, 0, 2, 1], "10.0.2.1"),
            ]
            for (gateway, expected) in gateways {
                let (peer, transaction) = try offered()
                let network = [1, 4, 255, 255, 255, 0, 3, 4] + gateway
                peer.receive(type: 0x0800, peer.dhcpMessage(transaction, [53, 1, 5] + TwinPeer.dhcpServer + network))
                #expect(peer.station.configuration == (try IPv4Configuration("10.0.2.15/24", gateway: expected)))
            }
        }

        @Test("A server that offers and then says nothing is asked four times, and then anybody is")
        func silence() throws {
            let (peer, _) = try offered()
            var kinds: [UInt8] = []
            var time: UInt64 = 0
            while kinds.last != 1, time < 1000 {
                time += 1
                peer.advance(to: time * TwinPeer.second)
                if !peer.station.output.isEmpty { kinds.append(try peer.takeDHCPMessage().options[53]?[0] ?? 0) }
            }
            #expect(kinds == [3, 3, 3, 1] && time == 4 + 8 + 16 + 32)
        }

        @Test("A server that refuses to renew takes the address, and nobody else can")
        func refusedRenewal() throws {
            let (peer, transaction) = try offered()
            let acknowledgement = [53, 1, 5] + TwinPeer.dhcpServer + TwinPeer.dhcpNetwork
            peer.receive(type: 0x0800, peer.dhcpMessage(transaction, acknowledgement))
            peer.advance(to: 1800 * TwinPeer.second)
            peer.station.output = []
            peer.receive(type: 0x0800, peer.dhcpMessage(transaction, [53, 1, 6, 54, 4, 10, 0, 2, 3]))
            #expect(peer.station.configuration != nil, "another server")
            peer.receive(type: 0x0800, peer.dhcpMessage(transaction, [53, 1, 6] + TwinPeer.dhcpServer))
            #expect(peer.station.configuration == nil)
            peer.advance(to: 1801 * TwinPeer.second)
            #expect(try peer.takeDHCPMessage().options[53] == [1])
        }

        // MARK: What is nobody's

        @Test("Frames that are too short, others', or of other protocols are passed over")
        func otherFrames() throws {
            let peer = try StationPeer()
            let question = TwinPeer.arp(1, from: TwinPeer.link, TwinPeer.address, to: [0, 0, 0, 0, 0, 0], TwinPeer.own)
            for count in 0..<14 { peer.give([UInt8](repeating: 0xff, count: count)) }
            peer.receive(type: 0x0806, question, to: [2, 0, 0, 0, 0, 9])
            peer.receive(type: 0x86dd, question)
            for change in [(0, 2), (3, 0xdd), (4, 8), (5, 16), (7, 3)] as [(Int, UInt8)] {
                var other = question
                other[change.0] = change.1
                peer.receive(type: 0x0806, other)
            }
            for count in 0..<28 { peer.receive(type: 0x0806, Array(question[..<count])) }
            #expect(peer.take().isEmpty)
            // Somebody says that our address is his: he is neither answered nor spoken to.
            peer.receive(
                type: 0x0806,
                TwinPeer.arp(1, from: [2, 0, 0, 0, 0, 9], TwinPeer.own, to: [0, 0, 0, 0, 0, 0], TwinPeer.own))
            // Nor is a group anybody's link.
            peer.receive(
                type: 0x0806,
                TwinPeer.arp(1, from: [1, 0, 0x5e, 0, 0, 1], [10, 0, 2, 7], to: [0, 0, 0, 0, 0, 0], TwinPeer.own))
            let sent = peer.take()
            #expect(sent.allSatisfy { $0.type == 0x0806 } && sent.count <= 1)
            try peer.station.ping(IPv4Address(0x0a00_0207), identifier: 1, sequence: 1, now: 0)
            #expect(peer.take().map(\.type) == [0x0806], "its link is still to be asked for")
        }

        @Test("Messages of other kinds, to other ports, and to who has no address are passed over")
        func otherMessages() throws {
            let peer = try StationPeer()
            func icmp(_ bytes: [UInt8]) -> [UInt8] {
                var bytes = bytes
                bytes.replaceSubrange(2..<4, with: TwinPeer.checksum(bytes))
                return bytes
            }
            // A timestamp, destination unreachable, a code that an echo has not, and one that ends early.
            for message in [
                [13, 0, 0, 0, 0, 1, 0, 1], [3, 1, 0, 0, 0, 0, 0, 0], [8, 1, 0, 0, 0, 1, 0, 1], [8, 0, 0, 0, 0],
            ] {
                peer.receive(1, icmp(message.map { UInt8($0) }))
            }
            func udp(_ source: Int, _ destination: Int, length: Int) -> [UInt8] {
                TwinPeer.word(source) + TwinPeer.word(destination) + TwinPeer.word(length) + [0, 0, 1, 2, 3, 4]
            }
            for datagram in [
                udp(53, 68, length: 12), udp(67, 69, length: 12), udp(67, 68, length: 7), udp(67, 68, length: 13),
            ] {
                peer.receive(17, datagram)
            }
            // Another transport, and a broadcast of what is one station's.
            peer.receive(132, [UInt8](repeating: 0, count: 20))
            peer.receive(type: 0x0800, TwinPeer.packet(1, icmp([8, 0, 0, 0, 0, 1, 0, 1]), to: [10, 0, 2, 255]))
            #expect(peer.take().isEmpty)
            peer.station.configureByDHCP(now: 0)
            peer.station.output = []
            peer.receive(1, icmp([8, 0, 0, 0, 0, 1, 0, 1]))
            peer.receive(
                type: 0x0806, TwinPeer.arp(1, from: TwinPeer.link, TwinPeer.address, to: peer.link, TwinPeer.own))
            #expect(peer.station.output.isEmpty)
            #expect(
                message { () throws(HyperError) in
                    try peer.station.ping(IPv4Address(0x0a00_0202), identifier: 1, sequence: 1, now: 0)
                }.contains("no address yet"))
        }

        @Test("What nobody takes from the station is lost beyond 256 frames")
        func outputLimit() throws {
            let peer = try StationPeer()
            for sequence in 0..<1000 as Range<UInt16> {
                try peer.station.ping(IPv4Address(0x0a00_0202), identifier: 1, sequence: sequence, now: 0)
            }
            #expect(peer.station.output.count == 256)
        }

        @Test("Frames of any bytes do no harm")
        func fuzz() throws {
            let peer = try StationPeer()
            try peer.station.tcp.listen(23, space: 100) { _ in true }
            var random = SeededGenerator(seed: 4)
            let client = TwinClient(peer)
            try client.open()
            var samples: [[UInt8]] = []
            samples.append(TwinPeer.arp(1, from: TwinPeer.link, TwinPeer.address, to: peer.link, TwinPeer.own))
            samples.append(TwinPeer.packet(1, [8, 0, 0xf7, 0xff, 0, 0, 0, 0]))
            samples.append(
                TwinPeer.packet(6, TwinPeer.word(1) + TwinPeer.word(23) + [UInt8](repeating: 0x50, count: 30)))
            samples.append(
                TwinPeer.packet(17, TwinPeer.word(67) + TwinPeer.word(68) + [UInt8](repeating: 0, count: 300)))
            for round in 0..<20_000 {
                var bytes = samples[round % samples.count]
                for _ in 0..<Int.random(in: 0..<4, using: &random) {
                    bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                if round % 5 == 0 { bytes = Array(bytes[..<Int.random(in: 0...bytes.count, using: &random)]) }
                if bytes.count > 20, bytes[0] == 0x45, round % 2 == 0 {
                    bytes.replaceSubrange(10..<12, with: [0, 0])
                    bytes.replaceSubrange(10..<12, with: TwinPeer.checksum(Array(bytes[..<20])))
                }
                peer.receive(type: round % samples.count == 0 ? 0x0806 : 0x0800, bytes)
                peer.advance(to: peer.now + UInt64.random(in: 0..<TwinPeer.second / 10, using: &random))
                peer.station.output = []
            }
            #expect(peer.station.tcp.connections.count <= TCP.connectionLimit)
        }
    }
}
