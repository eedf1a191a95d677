import Testing

@testable import Hyper

/// An endpoint that keeps what comes, as long as it has room.
final class TwinEndpoint: NetworkEndpoint {
    var frames: [[UInt8]] = []
    var room = Int.max
    var answer = NetworkReception.later
    /// Done with each frame that is taken.
    var onFrame: () -> Void = {}

    func take(_ bytes: ScatterList) -> NetworkReception {
        guard frames.count < room else { return answer }
        frames.append(bytes.bytes)
        onFrame()
        return .taken
    }
}

extension NetworkPort {
    func send(_ frame: [UInt8]) {
        var frame = frame
        frame.withUnsafeMutableBytes { send(ScatterList($0)) }
    }
}

/// An Ethernet frame (IEEE 802.3): destination, source, type, payload.
func frame(
    to destination: UInt64, from source: UInt64, _ payload: [UInt8] = [UInt8](repeating: 0, count: 46)
) -> [UInt8] {
    func octets(_ address: UInt64) -> [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: address >> (40 - 8 * $0)) } }
    return octets(destination) + octets(source) + [0x08, 0x00] + payload
}

extension CoreTests {
    @Suite("Virtual networks")
    struct NetworkTests {
        private static let broadcast: UInt64 = 0xffff_ffff_ffff
        private static let a: UInt64 = 0x0200_0000_000a, b: UInt64 = 0x0200_0000_000b, c: UInt64 = 0x0200_0000_000c

        private func network(
            _ policy: VirtualSwitch.Policy = .learning, ports count: Int = 3, age: UInt64 = VirtualSwitch.defaultAge
        ) throws -> (network: VirtualSwitch, ports: [NetworkPort], ends: [TwinEndpoint]) {
            Port.start()
            let network = VirtualSwitch(name: "test", policy: policy, age: age)
            let ports = try (0..<count).map { try network.addPort("port\($0)") }
            let ends = ports.map { port in
                let end = TwinEndpoint()
                port.connect(end)
                return end
            }
            return (network, ports, ends)
        }

        @Test("An address is written as six octets")
        func address() {
            let address = MACAddress(0x0200_5e10_ab01)
            #expect(address.text == "02:00:5e:10:ab:01")
            #expect(!address.isGroup)
            #expect(MACAddress(0x0100_5e00_0001).isGroup, "IPv4 multicast (RFC 1112)")
        }

        @Test("A frame goes everywhere until its destination has spoken, and there alone from then on")
        func learning() throws {
            let (network, ports, ends) = try network()
            let first = frame(to: Self.b, from: Self.a)
            ports[0].send(first)
            #expect(ends.map(\.frames) == [[], [first], [first]])
            let answer = frame(to: Self.a, from: Self.b)
            ports[1].send(answer)
            #expect(ends.map(\.frames) == [[answer], [first], [first]])
            ports[0].send(first)
            #expect(ends.map(\.frames.count) == [1, 2, 1])
            // To somebody behind the sender's own port.
            ports[0].send(frame(to: Self.a, from: Self.c))
            #expect(ends.map(\.frames.count) == [1, 2, 1])
            #expect(network.stationCount == 3)
        }

        @Test("A station that moves is followed")
        func moving() throws {
            let (network, ports, ends) = try network()
            ports[0].send(frame(to: Self.broadcast, from: Self.a))
            ports[2].send(frame(to: Self.broadcast, from: Self.a))
            #expect(network.port(of: MACAddress(Self.a)) === ports[2])
            let before = ends.map(\.frames.count)
            ports[1].send(frame(to: Self.a, from: Self.b))
            #expect(zip(ends, before).map { $0.frames.count - $1 } == [0, 0, 1])
            #expect(network.stationCount == 2)
        }

        @Test("Groups are everywhere, and no frame comes from one")
        func groups() throws {
            let (network, ports, ends) = try network()
            ports[0].send(frame(to: Self.broadcast, from: Self.a))
            ports[0].send(frame(to: 0x3333_0000_0001, from: 0x0100_0000_0001))
            #expect(ends.map(\.frames.count) == [0, 2, 2])
            #expect(network.stationCount == 1)
        }

        @Test("A station is forgotten once it has said nothing for too long")
        func aging() throws {
            let (network, ports, ends) = try network(age: 1_000_000_000)
            ports[0].send(frame(to: Self.broadcast, from: Self.a))
            Port.counter += Port.counterFrequency
            ports[1].send(frame(to: Self.a, from: Self.b))
            #expect(ends.map(\.frames.count) == [1, 1, 1], "after one second it is known")
            Port.counter += 1
            #expect(network.port(of: MACAddress(Self.a)) == nil)
            ports[1].send(frame(to: Self.a, from: Self.b))
            #expect(ends.map(\.frames.count) == [2, 1, 2], "and not after more")
        }

        @Test("Whoever invents addresses makes nobody forgotten, and room comes back with time")
        func flood() throws {
            let (network, ports, ends) = try network(age: 1_000_000_000)
            ports[1].send(frame(to: Self.broadcast, from: Self.b))
            for address in 0..<10_000 as Range<UInt64> {
                ports[0].send(frame(to: Self.b, from: 0x0600_0000_0000 + address))
            }
            #expect(ends.map(\.frames.count) == [1, 10_000, 1], "all of it to b alone")
            #expect(network.stationCount <= 1 + 16)
            Port.counter += 2 * Port.counterFrequency
            ports[0].send(frame(to: Self.broadcast, from: Self.a))
            #expect(network.port(of: MACAddress(Self.a)) === ports[0])
        }

        @Test("A hub gives every frame to all others")
        func hub() throws {
            let (network, ports, ends) = try network(.hub)
            ports[0].send(frame(to: Self.b, from: Self.a))
            ports[1].send(frame(to: Self.a, from: Self.b))
            #expect(ends.map(\.frames.count) == [1, 1, 2])
            #expect(network.stationCount == 0)
        }

        @Test("Frames that are too long or too short go nowhere, and are counted")
        func sizes() throws {
            let (_, ports, ends) = try network()
            ports[0].send(frame(to: Self.b, from: Self.a, [UInt8](repeating: 0, count: 1504)))
            #expect(ends[1].frames.count == 1, "1500 bytes and a VLAN's tag")
            ports[0].send(frame(to: Self.b, from: Self.a, [UInt8](repeating: 0, count: 1505)))
            ports[0].send([UInt8](repeating: 0xff, count: 13))
            ports[0].send([])
            #expect(ends[1].frames.count == 1)
            #expect(ports[0].sent.malformed == 3)
            #expect(ports[0].sent.frames == 1)
            #expect(ports[0].sent.bytes == 1518)
            #expect(ports[1].received.frames == 1)
            #expect(ports[1].received.bytes == 1518)
        }

        @Test("A port keeps a bounded number of frames for an endpoint without room, in their order")
        func waiting() throws {
            let (_, ports, ends) = try network(ports: 2)
            ends[1].room = 1
            let frames = (0..<100).map { frame(to: Self.b, from: Self.a, [UInt8(truncatingIfNeeded: $0)]) }
            for frame in frames { ports[0].send(frame) }
            #expect(ends[1].frames == [frames[0]])
            #expect(ports[1].waitingCount == 32)
            #expect(ports[1].received.dropped == 67)
            ends[1].room = 11
            ports[1].resume()
            ends[1].room = .max
            ports[0].send(frames[99])
            #expect(ends[1].frames == Array(frames[..<11]), "what comes later waits behind what waits")
            ports[1].resume()
            #expect(ends[1].frames == Array(frames[..<33]) + [frames[99]])
            #expect(ports[1].received.frames == 34)
            ends[1].room = 0
            ports[0].send(frames[0])
            ports[1].discardWaiting()
            ports[1].resume()
            #expect(ports[1].waitingCount == 0)
            ends[1].answer = .refused
            ports[0].send(frames[0])
            #expect(ports[1].waitingCount == 0)
            #expect(ports[1].received.dropped == 69)
        }

        @Test("Neither the switch's lock nor the sender's port is held while a frame is delivered")
        func locks() throws {
            let (network, ports, ends) = try network()
            var seen: [Int] = []
            // In a debug build a CPU that waits for a lock of its own panics.
            ends[1].onFrame = { seen = [network.stationCount, network.ports.count, Int(ports[0].received.frames)] }
            ports[0].send(frame(to: Self.b, from: Self.a))
            #expect(seen == [1, 3, 0])
            ends[1].onFrame = { network.remove(ports[2]) }
            ports[0].send(frame(to: Self.broadcast, from: Self.a))
            #expect(ends[2].frames.count == 1, "a port that goes while a frame is on its way is not called")
        }

        @Test("A port that was taken out sends and receives nothing")
        func removal() throws {
            let (network, ports, ends) = try network()
            ports[1].send(frame(to: Self.broadcast, from: Self.b))
            network.remove(ports[1])
            ports[0].send(frame(to: Self.b, from: Self.a))
            ports[1].send(frame(to: Self.a, from: Self.b))
            #expect(ends.map(\.frames.count) == [1, 0, 2])
            #expect(ports[1].sent.dropped == 1)
            #expect(network.ports.count == 2)
            #expect(network.port(of: MACAddress(Self.b)) == nil)
        }

        @Test("A network has so many ports, and says when there are no more")
        func portLimit() throws {
            let (network, _, _) = try network(ports: 64)
            #expect(throws: HyperError.self) { try network.addPort("one more") }
        }
    }
}
