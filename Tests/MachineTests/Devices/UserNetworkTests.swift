import Glibc
import Testing

@testable import Machine

/// Expected values: RFC 826 (ARP), 791 (IP), 792 (ICMP), 768 (UDP), 9293 (TCP), 2131 and 2132 (DHCP), and the addresses
/// that QEMU documents for its user networks.
@Suite("User network", .serialized)
struct UserNetworkTests {
    /// A guest at the end of the wire, which is at one address from the start.
    private final class Guest {
        static let mac: [UInt8] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56]
        static let address: [UInt8] = [10, 0, 2, 15]
        static let host: [UInt8] = [10, 0, 2, 2]
        static let broadcast = [UInt8](repeating: 0xff, count: 6)

        let clock = Clock()
        let network: UserNetwork

        init(_ options: MachineDescription.Network.User = .init()) throws {
            network = try UserNetwork(options, clock: clock)
        }

        /// Lets time pass and takes what came.
        func receive(after nanoseconds: UInt64 = 1_000_000) -> [[UInt8]] {
            clock.skip(nanoseconds)
            var frames: [[UInt8]] = []
            while let frame = network.input.first {
                frames.append(frame)
                network.input.removeFirst()
            }
            return frames
        }

        /// Waits for the host's sockets, up to five seconds, and takes what came.
        func receiveFromHost() -> [[UInt8]] {
            var descriptors = network.descriptors
            poll(&descriptors, nfds_t(descriptors.count), 5000)
            network.look()
            return receive(after: 0)
        }

        func arp(_ operation: UInt8, for target: [UInt8], at hardware: [UInt8] = [0, 0, 0, 0, 0, 0]) {
            let head: [UInt8] = [0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, operation]
            network.send(Self.broadcast + Self.mac + head + Self.mac + Self.address + hardware + target)
        }

        func ip(_ `protocol`: UInt8, to target: [UInt8], from source: [UInt8] = address, _ payload: [UInt8]) {
            var header: [UInt8] = [0x45, 0] + big(20 + payload.count) + [0, 0, 0, 0, 64, `protocol`, 0, 0]
            header += source + target
            header.replaceSubrange(10..<12, with: big(checksum(header)))
            network.send([0x52, 0x55] + Self.host + Self.mac + [0x08, 0x00] + header + payload)
        }

        /// A checksum of zero is none (RFC 768).
        func udp(to target: [UInt8], _ ports: (Int, Int), from source: [UInt8] = address, _ payload: [UInt8]) {
            ip(17, to: target, from: source, big(ports.0) + big(ports.1) + big(8 + payload.count) + [0, 0] + payload)
        }

        func ping(_ target: [UInt8], _ payload: [UInt8]) {
            var message: [UInt8] = [8, 0, 0, 0, 0x12, 0x34, 0, 1] + payload
            message.replaceSubrange(2..<4, with: big(checksum(message)))
            ip(1, to: target, message)
        }

        /// DHCPDISCOVER.
        func discover() {
            var message: [UInt8] = [1, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef] + [UInt8](repeating: 0, count: 20) + Self.mac
            message += [UInt8](repeating: 0, count: 236 - message.count) + [99, 130, 83, 99, 53, 1, 1, 255]
            udp(to: [255, 255, 255, 255], (68, 67), from: [0, 0, 0, 0], message)
        }
    }

    /// A socket of the host on 127.0.0.1, at a port that was free.
    private final class HostSocket {
        let descriptor: Int32
        private(set) var port: UInt16 = 0

        init(_ type: __socket_type) {
            descriptor = socket(AF_INET, Int32(type.rawValue), 0)
            var address = Self.address(0)
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            Self.withAddress(&address) { _ = bind(descriptor, $0, size) }
            Self.withAddress(&address) { _ = getsockname(descriptor, $0, &size) }
            port = UInt16(bigEndian: address.sin_port)
        }

        deinit { close(descriptor) }

        static func address(_ port: UInt16) -> sockaddr_in {
            sockaddr_in(
                sin_family: sa_family_t(AF_INET), sin_port: port.bigEndian,
                sin_addr: in_addr(s_addr: UInt32(0x7f00_0001).bigEndian), sin_zero: (0, 0, 0, 0, 0, 0, 0, 0))
        }

        static func withAddress(_ address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>) -> Void) {
            withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1, body)
            }
        }

        func connect(to port: UInt16) -> Int32 {
            var address = Self.address(port)
            var status: Int32 = -1
            Self.withAddress(&address) {
                status = Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
            return status
        }

        /// What arrives within five seconds.
        func read() -> [UInt8] {
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&wait, 1, 5000) > 0 else { return [] }
            var bytes = [UInt8](repeating: 0, count: 2048)
            let count = recv(descriptor, &bytes, bytes.count, 0)
            return Array(bytes.prefix(max(count, 0)))
        }

        /// A port that nobody had a moment ago.
        static func freePort() -> UInt16 { HostSocket(SOCK_STREAM).port }
    }

    @Test("It tells who 10.0.2.2 is, after a delay of the machine's time, and asks nobody else to wait")
    func arp() throws {
        let guest = try Guest()
        #expect(!guest.network.isOpen)
        guest.arp(1, for: Guest.host)
        #expect(guest.receive(after: 9_999).isEmpty)
        let answers = guest.receive(after: 1)
        let answer = try #require(answers.first)
        #expect(answers.count == 1)
        let hardware: [UInt8] = [0x52, 0x55] + Guest.host
        #expect(Array(answer[0..<14]) == Guest.mac + hardware + [0x08, 0x06])
        #expect(Array(answer[14..<22]) == [0, 1, 8, 0, 6, 4, 0, 2])
        #expect(Array(answer[22..<42]) == hardware + Guest.host + Guest.mac + Guest.address)
        #expect(
            guest.clock.deadline == nil && guest.clock.hostDeadline == nil,
            "nothing is due: a guest that waits for nothing hangs")
        guest.arp(1, for: [10, 0, 2, 77])
        #expect(guest.receive().isEmpty, "nobody is there")
    }

    @Test("DHCP offers 10.0.2.15, of 255.255.255.0, behind 10.0.2.2, with the name server 10.0.2.3")
    func dhcp() throws {
        let guest = try Guest()
        guest.discover()
        let offer = try #require(guest.receive().first)
        #expect(Array(offer[12..<14]) == [0x08, 0x00])
        #expect(Array(offer[34..<38]) == [0, 67, 0, 68])
        let message = Array(offer[42...])
        #expect(message[0] == 2)
        #expect(Array(message[4..<8]) == [0xde, 0xad, 0xbe, 0xef])
        #expect(Array(message[16..<20]) == Guest.address)
        var options: [UInt8: [UInt8]] = [:]
        var position = 240
        while position + 1 < message.count, message[position] != 255 {
            let length = Int(message[position + 1])
            options[message[position]] = Array(message[position + 2..<position + 2 + length])
            position += 2 + length
        }
        #expect(options[53] == [2], "DHCPOFFER")
        #expect(options[1] == [255, 255, 255, 0])
        #expect(options[3] == Guest.host)
        #expect(options[6] == [10, 0, 2, 3])
        #expect(options[54] == Guest.host)
    }

    @Test("10.0.2.2 answers pings, with right checksums")
    func ping() throws {
        let guest = try Guest()
        guest.arp(1, for: Guest.host)
        guest.ping(Guest.host, [1, 2, 3, 4, 5])
        let answers = guest.receive()
        try #require(answers.count == 2)
        let packet = Array(answers[1][14...])
        #expect(checksum(Array(packet[0..<20])) == 0)
        #expect(Array(packet[12..<20]) == Guest.host + Guest.address)
        let message = Array(packet[20..<33])
        #expect(checksum(message) == 0)
        #expect(message[0] == 0, "an echo reply")
        #expect(Array(message[4...]) == [0x12, 0x34, 0, 1, 1, 2, 3, 4, 5])
    }

    @Test("A guest that asks without end before any answer arrives is given 256")
    func flood() throws {
        let guest = try Guest()
        for _ in 0..<1000 { guest.arp(1, for: Guest.host) }
        #expect(guest.receive().count == 256)
        #expect(guest.network.lost == 744)
    }

    @Test("What it answers by itself is the same twice, to the byte and to the nanosecond")
    func repeatable() throws {
        func run() throws -> [[UInt8]] {
            let guest = try Guest()
            var frames: [[UInt8]] = []
            for step: UInt64 in 0..<200 {
                switch step % 4 {
                case 0: guest.arp(1, for: Guest.host)
                case 1: guest.discover()
                case 2: guest.ping(Guest.host, [UInt8(step)])
                default: guest.udp(to: Guest.host, (4000, 69), [0, 1, 0x66, 0, 0x6f])
                }
                for frame in guest.receive(after: 1000 * step) { frames.append(big(Int(step)) + frame) }
            }
            return frames
        }
        let first = try run()
        #expect(first.count > 100)
        #expect(try run() == first)
    }

    @Test("Parts of packets are lost, however they are marked, and the user is told")
    func fragments() throws {
        var reports: [String] = []
        let clock = Clock()
        let network = try UserNetwork(.init(), clock: clock) { reports.append($0) }
        // More to follow; an offset; the reserved bit.
        for mark: [UInt8] in [[0x20, 0], [0, 2], [0x1f, 0xff], [0x80, 0]] {
            var header: [UInt8] = [0x45, 0, 0, 28, 0, 7] + mark + [64, 1, 0, 0] + Guest.address + Guest.host
            header.replaceSubrange(10..<12, with: big(checksum(header)))
            network.send(Guest.broadcast + Guest.mac + [0x08, 0x00] + header + [8, 0, 0xf7, 0xff, 0, 0, 0, 0])
        }
        #expect(network.lost == 4)
        #expect(!network.isOpen && clock.deadline == nil && clock.hostDeadline == nil, "libslirp saw nothing of them")
        #expect(reports.count == 1, "\(reports)")
    }

    @Test("A connection to a forwarded port reaches the guest as a SYN, once it has said where it is")
    func forwardedTCP() throws {
        let port = HostSocket.freePort()
        var options = MachineDescription.Network.User()
        options.forwards = [.init(.tcp, hostPort: port, guestPort: 22)]
        let guest = try Guest(options)
        #expect(guest.network.isOpen)
        let client = HostSocket(SOCK_STREAM)
        #expect(client.connect(to: port) == 0)
        let question = try #require(guest.receiveFromHost().first)
        #expect(Array(question[12..<22]) == [0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1])
        #expect(Array(question[38..<42]) == Guest.address)
        guest.arp(2, for: Guest.host, at: [0x52, 0x55] + Guest.host)
        let segment = try #require(guest.receive(after: 1_000_000).first)
        #expect(Array(segment[0..<6]) == Guest.mac)
        #expect(Array(segment[26..<34]) == Guest.host + Guest.address)
        #expect(Array(segment[36..<38]) == [0, 22], "the destination port")
        #expect(segment[47] & 0x3f == 0x02, "SYN alone")
    }

    @Test("Datagrams go both ways between the guest and a socket of the host")
    func udp() throws {
        let guest = try Guest()
        let host = HostSocket(SOCK_DGRAM)
        guest.arp(1, for: Guest.host)
        guest.udp(to: Guest.host, (4000, Int(host.port)), Array("question".utf8))
        #expect(guest.network.isOpen)
        var sender = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        var bytes = [UInt8](repeating: 0, count: 100)
        var count = 0
        HostSocket.withAddress(&sender) { count = recvfrom(host.descriptor, &bytes, bytes.count, 0, $0, &size) }
        #expect(Array(bytes.prefix(max(count, 0))) == Array("question".utf8))
        _ = guest.receive()
        HostSocket.withAddress(&sender) { _ = sendto(host.descriptor, "answer", 6, 0, $0, size) }
        let answer = try #require(guest.receiveFromHost().first)
        #expect(Array(answer[26..<38]) == Guest.host + Guest.address + big(Int(host.port)) + big(4000))
        #expect(Array(answer[42..<48]) == Array("answer".utf8))
    }

    @Test("A restricted guest reaches its network's own addresses, and nobody else")
    func restricted() throws {
        var options = MachineDescription.Network.User()
        options.isRestricted = true
        let guest = try Guest(options)
        let host = HostSocket(SOCK_DGRAM)
        guest.ping(Guest.host, [1])
        guest.arp(1, for: Guest.host)
        guest.udp(to: Guest.host, (4000, Int(host.port)), [1])
        #expect(guest.receive().count >= 1)
        #expect(!guest.network.isOpen, "no socket was opened")
    }

    @Test("A port that another program has is refused, with the mend")
    func portInUse() throws {
        let other = HostSocket(SOCK_STREAM)
        listen(other.descriptor, 1)
        var options = MachineDescription.Network.User()
        options.forwards = [.init(.tcp, hostPort: other.port, guestPort: 22)]
        let error = #expect(throws: InputError.self) { _ = try UserNetwork(options, clock: Clock()) }
        #expect(error?.file == "--net")
        #expect(error?.problem == "cannot listen on tcp port \(other.port) of 127.0.0.1: Address already in use")
        #expect(error?.mend == "Another program has it: end that, or forward another port.")
    }

    @Test("Frames of any bytes do no harm")
    func hostile() throws {
        var options = MachineDescription.Network.User()
        options.isRestricted = true
        let guest = try Guest(options)
        var random = SplitMix64(seed: 3)
        for round in 0..<50_000 {
            var frame = (0..<Int(random.next() % 120 + 14)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            frame.replaceSubrange(12..<14, with: [8, [0, 6][Int(random.next() % 2)]])
            // Mostly a header that is believed, of a protocol that is known.
            if frame.count >= 34, random.next() % 8 != 0 {
                let header: [UInt8] = [0x45, 0] + big(frame.count - 14 - Int(random.next() % 3))
                frame.replaceSubrange(14..<18, with: header)
                frame[23] = [1, 6, 17, 2][Int(random.next() % 4)]
                frame.replaceSubrange(24..<34, with: [0, 0] + Guest.address + Guest.host)
                frame.replaceSubrange(24..<26, with: big(checksum(Array(frame[14..<34]))))
            }
            guest.network.send(frame)
            if round % 100 == 0 { _ = guest.receive(after: 100_000_000) }
        }
        _ = guest.receive()
        guest.arp(1, for: Guest.host)
        #expect(guest.receive().count == 1, "it still answers")
    }

    @Test("A machine that speaks to its network alone ends in one state, on both engines")
    func machine() throws {
        func hash(_ engine: Engine) throws -> UInt64 {
            // j .
            try TinyGuest.load([0x0000_006f]) { description in
                description.net = .user(.init())
                description.engine = engine
            } _: { session in
                let driver = DriverTwin(try session.riscvBoard, slot: 0)
                driver.start(queues: 2)
                let buffer = DriverTwin.ram + 0x8_0000
                for index: UInt64 in 0..<2 {
                    driver.setChain([.write(buffer + 4096 * index, 1526)], in: driver.descriptorTable(0), first: index)
                    driver.offer(index)
                }
                let question: [UInt8] = [0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1] + Guest.mac + Guest.address
                let target = [UInt8](repeating: 0, count: 6) + Guest.host
                let frame = Guest.broadcast + Guest.mac + question + target
                driver.put([UInt8](repeating: 0, count: 12) + frame, at: buffer + 8192)
                driver.send([.read(buffer + 8192, 12 + frame.count)], 1)
                #expect(driver.takeUsed() == nil)
                #expect(session.run() == .instructionLimit)
                #expect(driver.takeUsed()?.length == 76, "the answer, in a frame of 64 bytes after a header of 12")
                return session.board.stateHash
            }
        }
        let first = try hash(.interpreter)
        #expect(try hash(.interpreter) == first)
        #expect(try hash(.jit) == first)
    }
}

/// Two bytes, the more significant first.
private func big(_ value: Int) -> [UInt8] { [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)] }

/// The internet's checksum (RFC 1071): zero over what holds a right one.
private func checksum(_ bytes: [UInt8]) -> Int {
    var sum = 0
    for (index, byte) in bytes.enumerated() { sum += Int(byte) << (index % 2 == 0 ? 8 : 0) }
    while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
    return sum ^ 0xffff
}
