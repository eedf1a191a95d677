import Testing

@testable import Hyper

extension CoreTests {
    /// What is expected is what RFC 9293 says, and the RFCs that it names.
    @Suite("The terminal's TCP")
    final class TCPTests {
        private let peer: StationPeer
        private let client: TwinClient
        private var connections: [TCPConnection] = []
        private var received: [UInt8] = []
        private var ends = 0
        private var server: TCPConnection { connections[0] }

        init() throws {
            peer = try StationPeer()
            client = TwinClient(peer)
            try peer.station.tcp.listen(23, space: 4000) { [unowned self] connection in
                connections.append(connection)
                connection.onReceive = { [unowned self] in received += $0 }
                connection.onEnd = { [unowned self] in ends += 1 }
                return connections.count <= 20
            }
        }

        private func serve(_ bytes: [UInt8]) {
            _ = server.send(bytes[...], now: peer.now)
            peer.station.tcp.flush(peer.now)
        }

        private func close() {
            server.close(now: peer.now)
            peer.station.tcp.flush(peer.now)
        }

        @Test("A connection is opened, carries octets both ways, and is closed by the other side")
        func conversation() throws {
            try client.open()
            #expect(connections.count == 1 && server.peer == IPv4Address(0x0a00_0202))
            client.send(TwinClient.ack, Array("hello".utf8))
            client.next &+= 5
            #expect(received == Array("hello".utf8))
            let acknowledgement = client.take()
            #expect(acknowledgement.map { $0.acknowledgement } == [client.next])
            #expect(acknowledgement[0].window == 3995)
            serve(Array("and you".utf8))
            let answer = client.take()
            #expect(answer.map { $0.data } == [Array("and you".utf8)] && answer[0].sequence == client.expected)
            client.expected &+= 7
            client.send(TwinClient.ack)
            #expect(client.take().isEmpty && server.sendSpace == TCPConnection.sendLimit)
            client.send(TwinClient.fin | TwinClient.ack)
            client.next &+= 1
            #expect(ends == 1 && client.take().map { $0.acknowledgement } == [client.next])
            close()
            let finish = client.take()
            #expect(finish.map { $0.flags } == [TwinClient.fin | TwinClient.ack])
            client.expected &+= 1
            client.send(TwinClient.ack)
            #expect(peer.station.tcp.connections.isEmpty && peer.station.deadline == nil)
        }

        @Test("A connection that we close waits for the other side, and rests")
        func activeClose() throws {
            try client.open()
            serve([1, 2, 3])
            close()
            #expect(client.take().map { $0.flags & 1 } == [0, 1])
            client.expected &+= 4
            client.send(TwinClient.ack)
            // Half closed: the other side may go on.
            client.send(TwinClient.ack, [9])
            client.next &+= 1
            #expect(received == [9])
            client.send(TwinClient.fin | TwinClient.ack)
            client.next &+= 1
            #expect(client.take().last?.acknowledgement == client.next)
            client.send(TwinClient.fin | TwinClient.ack, at: client.next &- 1)
            #expect(client.take().count == 1, "a FIN that comes again is acknowledged again")
            peer.advance(to: 31 * TwinPeer.second)
            #expect(peer.station.tcp.connections.isEmpty)
        }

        @Test("Both sides close at once")
        func simultaneousClose() throws {
            try client.open()
            close()
            #expect(client.take().count == 1)
            client.send(TwinClient.fin | TwinClient.ack, acknowledging: client.expected)
            client.next &+= 1
            client.expected &+= 1
            client.send(TwinClient.ack)
            #expect(peer.station.tcp.connections.map { $0.isResting } == [true])
        }

        @Test("What was not acknowledged is sent again after 1, 3, 7 seconds, and given up in the end")
        func retransmission() throws {
            try client.open()
            serve(Array("lost".utf8))
            let first = client.take()
            var times: [UInt64] = []
            for tenth in 1..<6000 as Range<UInt64> {
                peer.advance(to: tenth * TwinPeer.second / 10)
                for segment in client.take() where segment.flags & TwinClient.rst == 0 {
                    #expect(segment == first[0])
                    times.append(tenth)
                }
            }
            #expect(times == [10, 30, 70, 150, 310, 630, 1230, 1830], "RFC 6298: doubled each time, up to a minute")
            #expect(peer.station.tcp.connections.isEmpty && ends == 1)
        }

        @Test("A lost segment is repeated, and what comes behind it, once it is acknowledged")
        func loss() throws {
            try client.open()
            let bytes = (0..<4000).map { UInt8(truncatingIfNeeded: $0) }
            serve(bytes)
            #expect(client.take().map { $0.data.count } == [1460, 1460, 1080])
            // None of them has come.
            peer.advance(to: TwinPeer.second)
            #expect(client.take().map { $0.data } == [Array(bytes[..<1460])])
            client.expected &+= 1460
            client.send(TwinClient.ack)
            #expect(client.take().flatMap { $0.data } == Array(bytes[1460...]))
            client.expected &+= 2540
            client.send(TwinClient.ack)
            peer.advance(to: 20 * TwinPeer.second)
            #expect(client.take().isEmpty)
        }

        @Test("Octets are taken once, in their order, whatever comes twice, early or overlapping")
        func order() throws {
            try client.open()
            let start = client.next
            client.send(TwinClient.ack, [4, 5, 6], at: start &+ 3)
            #expect(received.isEmpty && client.take().map { $0.acknowledgement } == [start])
            client.send(TwinClient.ack, [1, 2, 3])
            client.send(TwinClient.ack, [1, 2, 3])
            client.send(TwinClient.ack, [2, 3, 4, 5], at: start &+ 1)
            #expect(received == [1, 2, 3, 4, 5])
            #expect(client.take().last?.acknowledgement == start &+ 5)
            client.send(TwinClient.ack, [99], at: start &+ 5000)
            client.send(TwinClient.ack, [99], at: start &- 5000)
            #expect(received.count == 5 && client.take().map { $0.acknowledgement } == [start &+ 5, start &+ 5])
        }

        @Test("No more is taken than there is room for, and the other side is told when there is more")
        func receiveWindow() throws {
            try client.open()
            client.send(TwinClient.ack, [UInt8](repeating: 1, count: 1460))
            client.next &+= 1460
            client.send(TwinClient.ack, [UInt8](repeating: 2, count: 1460))
            client.next &+= 1460
            client.send(TwinClient.ack | TwinClient.fin, [UInt8](repeating: 3, count: 1460))
            #expect(received.count == 4000 && ends == 0, "and the FIN behind it is not taken")
            let last = client.take().last
            #expect(last?.window == 0 && last?.acknowledgement == client.next &+ 1080)
            server.setReceiveSpace(100, now: peer.now)
            peer.station.tcp.flush(peer.now)
            #expect(client.take().isEmpty, "RFC 9293, 3.8.6.2.2: not of a little")
            server.setReceiveSpace(4000, now: peer.now)
            peer.station.tcp.flush(peer.now)
            #expect(client.take().map { $0.window } == [4000])
        }

        @Test("A closed window is looked at, for as long as somebody answers")
        func sendWindow() throws {
            client.window = 10
            try client.open()
            serve(Array(1...20))
            #expect(client.take().map { $0.data } == [Array(1...10)])
            client.expected &+= 10
            client.window = 0
            client.send(TwinClient.ack)
            #expect(client.take().isEmpty)
            for _ in 0..<20 {
                peer.advance(to: peer.now + 61 * TwinPeer.second)
                #expect(client.take().map { $0.data } == [[11]], "an octet, to see whether it is still closed")
                client.send(TwinClient.ack)
            }
            client.window = 100
            client.send(TwinClient.ack)
            #expect(client.take().flatMap { $0.data } == Array(12...20))
        }

        @Test("The other side's largest segment is kept to")
        func segmentSize() throws {
            client.send(TwinClient.syn, options: [1, 1, 1, 1, 2, 4, 0, 100])
            client.next &+= 1
            client.expected = client.take()[0].sequence &+ 1
            client.send(TwinClient.ack)
            serve([UInt8](repeating: 7, count: 350))
            #expect(client.take().map { $0.data.count } == [100, 100, 100, 50])
        }

        @Test("A reset ends a connection where it is exactly in place; elsewhere it is challenged (RFC 5961)")
        func resets() throws {
            try client.open()
            client.send(TwinClient.rst, at: client.next &+ 100)
            #expect(client.take().map { $0.flags } == [TwinClient.ack] && ends == 0)
            client.send(TwinClient.syn)
            #expect(client.take().map { $0.flags } == [TwinClient.ack] && ends == 0)
            client.send(TwinClient.rst)
            #expect(client.take().isEmpty && ends == 1 && peer.station.tcp.connections.isEmpty)
        }

        @Test("Who speaks to nobody is told so")
        func refusals() throws {
            client.send(TwinClient.ack, [1], acknowledging: 77)
            #expect(client.take().map { [$0.sequence, UInt32($0.flags)] } == [[77, UInt32(TwinClient.rst)]])
            client.send(TwinClient.rst, [])
            #expect(client.take().isEmpty, "a reset is not answered")
            peer.station.tcp.stopListening(23, now: 0)
            client.send(TwinClient.syn)
            let answer = client.take()
            #expect(answer.map { $0.flags } == [TwinClient.rst | TwinClient.ack])
            #expect(answer[0].sequence == 0 && answer[0].acknowledgement == client.next &+ 1)
        }

        @Test("A port has one listener, and whoever is connected there is cut off when it goes")
        func listeners() throws {
            #expect(throws: HyperError("somebody listens at TCP port 23 already")) {
                try peer.station.tcp.listen(23, space: 1) { _ in true }
            }
            try client.open()
            peer.station.tcp.stopListening(23, now: 0)
            #expect(client.take().map { $0.flags } == [TwinClient.rst] && ends == 1)
            #expect(server.send([1][...], now: 0) == 0 && server.sendSpace == 0)
            server.close(now: 0)
            server.abort()
            #expect(client.take().isEmpty && ends == 1, "nobody is told twice")
        }

        @Test("When all is closed everybody is cut off, and nobody is let in")
        func closeAll() throws {
            try client.open()
            peer.station.tcp.close(now: 0)
            #expect(client.take().map { $0.flags } == [TwinClient.rst] && peer.station.tcp.connections.isEmpty)
            client.send(TwinClient.syn)
            #expect(client.take().map { $0.flags } == [TwinClient.rst | TwinClient.ack])
        }

        @Test("A FIN that is lost is sent again, and what it ends is not taken up again")
        func lostFinish() throws {
            try client.open()
            serve([1, 2])
            close()
            let first = client.take()
            #expect(first.map { $0.data.count } == [2, 0])
            peer.advance(to: TwinPeer.second)
            let again = client.take()
            #expect(again.map { $0.sequence } == first.map { $0.sequence })
            #expect(again.last.map { $0.flags & TwinClient.fin } == TwinClient.fin)
            #expect(server.send([3][...], now: 0) == 0)
            // The other side closes first, and its own FIN is answered by ours, which it acknowledges.
            client.expected &+= 2
            client.send(TwinClient.ack | TwinClient.fin)
            client.next &+= 1
            client.expected &+= 1
            client.send(TwinClient.ack)
            #expect(peer.station.tcp.connections.map { $0.isResting } == [true])
            #expect(peer.station.deadline == peer.now + 30 * TwinPeer.second)
        }

        @Test("A new connection takes the place of one that rests (RFC 9293, 3.6.1)")
        func rest() throws {
            try client.open()
            close()
            _ = client.take()
            client.expected &+= 1
            client.send(TwinClient.ack | TwinClient.fin)
            client.next &+= 1
            #expect(peer.station.tcp.connections.map { $0.isResting } == [true])
            _ = client.take()
            client.next &+= 100_000
            try client.open()
            #expect(connections.count == 2 && peer.station.tcp.connections.count == 1)
        }

        @Test("An acknowledgement of what was never sent is answered, and opens nothing")
        func wrongAcknowledgements() throws {
            client.send(TwinClient.syn)
            client.next &+= 1
            client.expected = client.take()[0].sequence &+ 1
            client.send(TwinClient.ack, acknowledging: client.expected &+ 5)
            #expect(
                client.take().map { [$0.sequence, UInt32($0.flags)] } == [
                    [client.expected &+ 5, UInt32(TwinClient.rst)]
                ])
            #expect(connections.isEmpty)
            client.send(TwinClient.ack)
            #expect(connections.count == 1)
            client.send(TwinClient.ack, [1], acknowledging: client.expected &+ 5)
            #expect(client.take().map { $0.flags } == [TwinClient.ack] && received.isEmpty)
        }

        @Test("A SYN that nobody's acknowledgement follows is answered again, and then forgotten")
        func halfOpen() throws {
            client.send(TwinClient.syn)
            client.next &+= 1
            let first = client.take()
            var count = 0
            for second in 1...600 as ClosedRange<UInt64> {
                peer.advance(to: second * TwinPeer.second)
                for segment in client.take() where segment.flags & TwinClient.rst == 0 {
                    #expect(segment == first[0])
                    count += 1
                }
            }
            #expect(count > 2 && peer.station.tcp.connections.isEmpty && connections.isEmpty)
        }

        @Test(
            "Options that are damaged are none",
            arguments: [[2, 0, 0, 0], [2, 1, 0, 0], [2, 4, 1, 0, 2, 200, 1, 1], [3]])
        func options(_ options: [UInt8]) throws {
            client.send(TwinClient.syn, options: options + [UInt8](repeating: 0, count: (4 - options.count % 4) % 4))
            client.next &+= 1
            client.expected = client.take()[0].sequence &+ 1
            client.send(TwinClient.ack)
            serve([UInt8](repeating: 7, count: 600))
            // 536 where nothing is said (RFC 9293, 3.7.1), and 256 where that was said before.
            let size = options.count == 8 ? 256 : 536
            #expect(client.take().first?.data.count == size)
        }

        @Test("Whoever only begins keeps nobody out")
        func flood() throws {
            for port in 1000..<2000 {
                client.port = port
                client.send(TwinClient.syn)
                _ = client.take()
            }
            #expect(peer.station.tcp.connections.count == TCP.connectionLimit)
            client.port = 40000
            try client.open()
            client.send(TwinClient.ack, [42])
            #expect(received == [42])
        }

        @Test("A side that has gone without a word is found out")
        func keepAlive() throws {
            try client.open()
            var questions = 0
            for second in 1...400 as ClosedRange<UInt64> {
                peer.advance(to: second * TwinPeer.second)
                questions += client.take().filter { $0.flags == TwinClient.ack }.count
            }
            #expect(questions == 5 && ends == 1 && peer.station.tcp.connections.isEmpty)
        }

        @Test("Sequence numbers begin where nobody can guess, and otherwise for each connection")
        func initialSequence() throws {
            var seen: [UInt32] = []
            for port in 100..<110 {
                client.port = port
                client.send(TwinClient.syn)
                seen.append(client.take()[0].sequence)
            }
            #expect(Set(seen).count == 10 && Set(zip(seen, seen.dropFirst()).map { $1 &- $0 }).count == 9)
        }
    }
}
