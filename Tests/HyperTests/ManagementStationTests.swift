import Testing

@testable import Hyper

/// The other end of a network's wire: what it is given arrives when the machine runs, as does what it is sent.
final class WirePeer: TwinPeer, NetworkEndpoint {
    private let port: NetworkPort

    init(_ network: VirtualSwitch, of station: ManagementStation) throws {
        port = try network.addPort("wire")
        super.init(link: station.status.link.octets)
        port.connect(self)
    }

    override func give(_ frame: [UInt8]) {
        port.send(frame)
        Self.run(milliseconds: 1)
    }

    func take(_ bytes: ScatterList) -> NetworkReception {
        output.append(bytes.bytes)
        return .taken
    }

    /// Without the machine.
    func send(_ frame: [UInt8]) { port.send(frame) }

    /// All that happens within the time, and the time.
    static func run(milliseconds: UInt64) {
        let end = Port.counter + Timers.ticks(milliseconds * millisecond)
        Port.run(until: end)
        Port.counter = end
    }
}

extension CoreTests {
    /// What is expected of the wire is what the RFCs say.
    @Suite("The terminal on a network")
    final class ManagementStationTests {
        private var network: VirtualSwitch
        private var peer: WirePeer

        init() throws {
            (network, peer) = try Self.start(cpus: 1, seed: nil)
            try Management.commands.addBasicCommands(version: "test")
        }

        private static func start(cpus: Int, seed: UInt64?) throws -> (VirtualSwitch, WirePeer) {
            Port.start(cpus: cpus, seed: seed)
            let network = VirtualSwitch(name: "lan")
            try ManagementStation.make(on: network, try IPv4Configuration("10.0.2.15/24", gateway: nil))
            return (network, try WirePeer(network, of: try ManagementStation.required()))
        }

        deinit {
            inThread { try ManagementStation.stop() }
            for command in Management.commands.all { try? Management.commands.remove(command) }
        }

        /// What only a thread of the machine can do, which has `milliseconds` for it; what it throws.
        @discardableResult
        private func inThread(milliseconds: UInt64 = 1000, _ body: @escaping () throws -> Void) -> HyperError? {
            var result: HyperError?
            let thread = spawn("test") { do { try body() } catch { result = error as? HyperError } }
            WirePeer.run(milliseconds: milliseconds)
            #expect(thread.pointee.state == .finished)
            Scheduler.destroy(thread)
            return result
        }

        private func introduce() {
            peer.receive(
                type: 0x0806,
                TwinPeer.arp(1, from: TwinPeer.link, TwinPeer.address, to: [0, 0, 0, 0, 0, 0], TwinPeer.own))
            _ = peer.take()
        }

        // MARK: Its life

        @Test("A station has an address that nobody else makes, and says what it is")
        func status() throws {
            let status = try ManagementStation.required().status
            #expect(status.link.octets[0] & 3 == 2, "locally administered, and one station's (IEEE 802, 8.2.2)")
            #expect(status.configuration?.address == IPv4Address(0x0a00_020f) && !status.isByDHCP)
            #expect(status.ports.isEmpty && status.sessions == 0)
            #expect(network.ports.map(\.name) == ["terminal", "wire"])
        }

        @Test("A ping from the network is answered, by a thread")
        func answers() throws {
            introduce()
            var question: [UInt8] = [8, 0, 0, 0, 0x12, 0x34, 0, 7, 1, 2, 3]
            question.replaceSubrange(2..<4, with: TwinPeer.checksum(question))
            peer.receive(1, question)
            #expect(Array(try peer.takePacket(1)[4...]) == [0x12, 0x34, 0, 7, 1, 2, 3])
        }

        @Test("A station that is made again leaves its old network, and one that has left is none")
        func moves() throws {
            let other = VirtualSwitch(name: "other")
            let failure = inThread {
                try ManagementStation.make(on: other, try IPv4Configuration("10.0.3.15/24", gateway: nil))
            }
            #expect(failure == nil && network.ports.map(\.name) == ["wire"] && other.ports.map(\.name) == ["terminal"])
            #expect(try ManagementStation.required().status.configuration?.address == IPv4Address(0x0a00_030f))
            #expect(inThread { try ManagementStation.stop() } == nil)
            #expect(other.ports.isEmpty && Scheduler.threads.isEmpty)
            #expect(
                message { () throws(HyperError) in try ManagementStation.required() }?.contains("no network") == true)
            #expect(inThread { try ManagementStation.stop() } == nil, "and that is no error")
        }

        @Test("A network without room for it leaves the terminal without a station")
        func noRoom() throws {
            let full = VirtualSwitch(name: "full")
            for index in 0..<VirtualSwitch.portLimit { _ = try full.addPort("\(index)") }
            let failure = inThread { try ManagementStation.make(on: full, nil) }
            #expect(failure?.message.string.contains("no room") == true)
            #expect(ManagementStation.current == nil)
        }

        @Test("A flood of frames costs what does not fit, and nothing else")
        func flood() throws {
            introduce()
            let before = try #require(network.ports.first).received
            for _ in 0..<200 { peer.send(frame(to: 0xffff_ffff_ffff, from: 0x0200_0000_0001)) }
            let after = try #require(network.ports.first).received
            #expect(after.frames - before.frames == 64 && after.dropped - before.dropped == 136)
            WirePeer.run(milliseconds: 1)
            try answers()
        }

        @Test(
            "A station is left from a terminal of its own, which goes with it, in any order of CPUs",
            arguments: [false, true])
        func leavingItself(isMade: Bool) throws {
            inThread { try ManagementStation.stop() }
            let other = VirtualSwitch(name: "other")
            let command = Command(
                "leave", group: "test", "leave",
                [
                    Form("", "leave") { _, output throws(HyperError) in
                        if isMade {
                            try ManagementStation.make(
                                on: other, try IPv4Configuration("10.0.3.15/24", gateway: nil))
                        } else {
                            try ManagementStation.stop()
                        }
                        output.write("nobody reads that\n")
                    }
                ])
            try Management.commands.add(command)
            for seed in 0..<100 as Range<UInt64> {
                (network, peer) = try Self.start(cpus: 3, seed: seed)
                introduce()
                let station = try ManagementStation.required()
                try station.serveTelnet(port: 23)
                let clients = try (0..<2).map { index in
                    let client = try connect(port: 40000 + index)
                    _ = read(client)
                    return client
                }
                type("leave\r\0", clients[0])
                WirePeer.run(milliseconds: 100)
                #expect(ManagementStation.current !== station && network.ports.map(\.name) == ["wire"], "seed \(seed)")
                #expect(other.ports.count == (isMade ? 1 : 0))
                // Both were cut off.
                #expect(
                    peer.output.filter { $0[12..<14].elementsEqual([8, 0]) && $0[47] & TwinClient.rst != 0 }.count >= 2)
                peer.output = []
                let failure = inThread { try ManagementStation.stop() }
                #expect(failure == nil && Scheduler.threads.isEmpty && other.ports.isEmpty, "seed \(seed)")
            }
        }

        // MARK: DHCP

        @Test("An address comes by DHCP to whoever waits for it")
        func dhcp() throws {
            let network = network
            let failure = inThread { try ManagementStation.make(on: network, nil) }
            #expect(failure == nil)
            let station = try ManagementStation.required()
            #expect(station.status.isByDHCP && station.status.configuration == nil)
            #expect(
                message { () throws(HyperError) in try station.ping(IPv4Address(0x0a00_0202), limit: 1) }?
                    .contains("no address yet") == true)
            peer.output = []
            var hasCome: Bool?
            inThread(milliseconds: 100) { hasCome = station.waitForAddress(limit: 50 * millisecond) }
            #expect(hasCome == false, "nobody answers")

            // The message that was sent at once is lost; the next one comes after four seconds (RFC 2131, 4.1).
            hasCome = nil
            let thread = spawn("test") { hasCome = station.waitForAddress(limit: 20 * TwinPeer.second) }
            WirePeer.run(milliseconds: 5000)
            let server = try DHCPWire(network, of: station)
            server.output = peer.output.filter { $0[12..<14].elementsEqual([8, 0]) }
            let discover = try server.takeDHCPMessage()
            server.receive(
                type: 0x0800,
                server.dhcpMessage(discover.transaction, [53, 1, 2] + TwinPeer.dhcpServer + TwinPeer.dhcpNetwork))
            #expect(hasCome == nil)
            server.receive(
                type: 0x0800,
                server.dhcpMessage(discover.transaction, [53, 1, 5] + TwinPeer.dhcpServer + TwinPeer.dhcpNetwork))
            WirePeer.run(milliseconds: 20)
            #expect(hasCome == true && thread.pointee.state == .finished)
            Scheduler.destroy(thread)
            #expect(station.status.configuration == (try IPv4Configuration("10.0.2.15/24", gateway: "10.0.2.2")))
        }
        private typealias DHCPWire = WirePeer

        // MARK: Pings

        @Test("A ping is answered after a time, or not at all, and strangers' answers are none")
        func ping() throws {
            introduce()
            let station = try ManagementStation.required()
            var time: UInt64?
            var hasEnded = false
            func start() -> ThreadReference {
                (time, hasEnded) = (nil, false)
                return spawn("ping") {
                    time = (try? station.ping(IPv4Address(0x0a00_0202), limit: TwinPeer.second)) ?? nil
                    hasEnded = true
                }
            }
            func answer(_ question: [UInt8], sequence: UInt8 = 0, identifier: UInt8 = 0) {
                var bytes = question
                bytes[0] = 0
                bytes[7] &+= sequence
                bytes[4] ^= identifier
                bytes.replaceSubrange(2..<4, with: [0, 0])
                bytes.replaceSubrange(2..<4, with: TwinPeer.checksum(bytes))
                peer.receive(1, bytes)
            }
            var thread = start()
            WirePeer.run(milliseconds: 7)
            let question = try peer.takePacket(1)
            #expect(question[0] == 8 && question.count == 64, "56 octets of data")
            let second = inThread(milliseconds: 1) { _ = try station.ping(IPv4Address(0x0a00_0202), limit: 1) }
            #expect(second?.message.string.contains("somebody else pings") == true)
            answer(question, sequence: 1)
            answer(question, identifier: 1)
            #expect(!hasEnded)
            answer(question)
            // Seven milliseconds, one of the second ping, and those in which the others' answers came.
            #expect(hasEnded && time.map { 8 * millisecond <= $0 && $0 <= 11 * millisecond } == true, "\(time ?? 0)")
            Scheduler.destroy(thread)

            thread = start()
            WirePeer.run(milliseconds: 999)
            #expect(!hasEnded)
            WirePeer.run(milliseconds: 2)
            #expect(hasEnded && time == nil)
            Scheduler.destroy(thread)
            let late = try peer.takePacket(1)
            #expect(late[7] == question[7] + 1)
            answer(late)
        }

        // MARK: Telnet

        /// A client that is connected, and has been greeted.
        private func connect(port: Int = 40000) throws -> TwinClient {
            let client = TwinClient(peer)
            client.port = port
            try client.shakeHands()
            WirePeer.run(milliseconds: 5)
            return client
        }

        /// What has come, acknowledged, without what Telnet negotiates, and without CR.
        private func read(_ client: TwinClient) -> String {
            var bytes: [UInt8] = []
            while true {
                let segments = client.take().filter { !$0.data.isEmpty }
                for segment in segments where segment.sequence == client.expected {
                    client.expected &+= UInt32(segment.data.count)
                    bytes += segment.data
                }
                guard !segments.isEmpty else { break }
                client.send(TwinClient.ack)
            }
            // IAC, a command and its option.
            while let start = bytes.firstIndex(of: 255) { bytes.removeSubrange(start..<start + 3) }
            return String(decoding: bytes.filter { $0 != 0x0d }, as: UTF8.self)
        }

        /// How many bytes the station still had for the client.
        private func readAll(_ client: TwinClient) -> Int {
            var count = 0
            while true {
                let text = read(client)
                guard !text.isEmpty else { return count }
                count += text.utf8.count
                WirePeer.run(milliseconds: 5)
            }
        }

        private func type(_ text: String, _ client: TwinClient) {
            client.send(TwinClient.ack, Array(text.utf8))
            client.next &+= UInt32(text.utf8.count)
            WirePeer.run(milliseconds: 5)
        }

        @Test("Whoever connects has a terminal, which ends with the connection")
        func session() throws {
            introduce()
            let station = try ManagementStation.required()
            try station.serveTelnet(port: 23)
            #expect(
                message { () throws(HyperError) in try station.serveTelnet(port: 23) }?.contains("already") == true)
            let client = try connect()
            #expect(station.status.ports == [23] && station.status.sessions == 1)
            #expect(read(client).hasSuffix("hyper# "))
            type("echo one two\r\0", client)
            #expect(read(client).contains("\none two\n"))
            // What was typed before the other side closed is obeyed, and answered.
            client.send(TwinClient.ack | TwinClient.fin, Array("echo farewell\r\0".utf8))
            client.next &+= 16
            WirePeer.run(milliseconds: 5)
            let farewell = read(client)
            #expect(farewell.contains("\nfarewell\n"), "\(farewell.debugDescription)")
            client.expected &+= 1
            client.send(TwinClient.ack)
            WirePeer.run(milliseconds: 5)
            #expect(station.status.sessions == 0 && Scheduler.threads.map(\.pointee.name) == ["network"])
        }

        @Test("Terminals are as wide as their windows")
        func width() throws {
            introduce()
            try ManagementStation.required().serveTelnet(port: 23)
            let client = try connect()
            _ = read(client)
            // IAC WILL NAWS; IAC SB NAWS 0 20 0 24 IAC SE (RFC 1073).
            let window: [UInt8] = [255, 251, 31, 255, 250, 31, 0, 20, 0, 24, 255, 240]
            client.send(TwinClient.ack, window)
            client.next &+= UInt32(window.count)
            WirePeer.run(milliseconds: 5)
            type("echo " + String(repeating: "x", count: 40), client)
            let screen = TerminalScreen(columns: 20)
            screen.receive(Array("hyper# ".utf8) + Array(read(client).utf8))
            #expect(screen.row == 0 && screen.errors == [], "a line that is longer is moved, and not broken")
        }

        @Test("Four are connected, and the fifth is cut off until one of them goes")
        func limit() throws {
            introduce()
            let station = try ManagementStation.required()
            try station.serveTelnet(port: 23)
            let clients = try (0..<4).map { index in
                let client = try connect(port: 40000 + index)
                _ = read(client)
                return client
            }
            #expect(station.status.sessions == 4)
            let fifth = TwinClient(peer)
            fifth.port = 40004
            fifth.send(TwinClient.syn)
            fifth.next &+= 1
            fifth.expected = try #require(fifth.take().first).sequence &+ 1
            fifth.send(TwinClient.ack)
            #expect(fifth.take().contains { $0.flags & TwinClient.rst != 0 })
            #expect(station.status.sessions == 4)
            clients[1].send(TwinClient.rst)
            WirePeer.run(milliseconds: 5)
            #expect(station.status.sessions == 3)
            #expect(read(try connect(port: 40005)).hasSuffix("hyper# "))
        }

        @Test("What is printed while nobody reads is lost beyond 64 KiB, and hangs nobody")
        func unread() throws {
            introduce()
            try ManagementStation.required().serveTelnet(port: 23)
            let client = try connect()
            _ = read(client)
            client.window = 0
            let chatter = Command(
                "chatter", group: "test", "print much",
                [
                    Form("", "print much") { _, output in
                        let line = Text([UInt8](repeating: 0x79, count: 1022) + [0x0a])
                        for _ in 0..<256 { output.write(line) }
                    }
                ])
            try Management.commands.add(chatter)
            defer { try? Management.commands.remove(chatter) }
            type("chatter\r\0", client)
            WirePeer.run(milliseconds: 50)
            _ = client.take()
            client.window = 8192
            client.send(TwinClient.ack)
            let count = readAll(client)
            #expect((62 << 10...128 << 10).contains(count), "\(count) of 256 KiB")
            type("echo still here\r\0", client)
            #expect(read(client).contains("still here"))
        }

        @Test("Whoever asks without end whether somebody is there, and takes no answer, costs a bounded part of memory")
        func questions() throws {
            introduce()
            try ManagementStation.required().serveTelnet(port: 23)
            let client = try connect()
            _ = read(client)
            client.window = 0
            // IAC AYT, two megabytes of answers.
            let question = (0..<700).flatMap { _ in [255, 246] as [UInt8] }
            for _ in 0..<300 {
                client.send(TwinClient.ack, question)
                client.next &+= UInt32(question.count)
                peer.output = []
            }
            client.window = 8192
            client.send(TwinClient.ack)
            let count = readAll(client)
            #expect((1...2 * TCPConnection.sendLimit).contains(count), "\(count)")
            type("echo still here\r\0", client)
            #expect(read(client).contains("still here"))
        }

        @Test("Whoever is connected when the terminal leaves its network is cut off, in any order of CPUs")
        func leaving() throws {
            inThread { try ManagementStation.stop() }
            for seed in 200..<400 as Range<UInt64> {
                (network, peer) = try Self.start(cpus: 3, seed: seed)
                introduce()
                try ManagementStation.required().serveTelnet(port: 23)
                let client = try connect()
                _ = read(client)
                let failure = inThread { try ManagementStation.stop() }
                #expect(failure == nil)
                #expect(client.take().contains { $0.flags & TwinClient.rst != 0 })
                #expect(Scheduler.threads.isEmpty && network.ports.map(\.name) == ["wire"], "seed \(seed)")
            }
        }
    }
}
