import Testing

@testable import Hyper

extension CoreTests {
    /// What is expected is what VirtIO 1.2, Network Device, says.
    @Suite("The driver of VirtIO's network cards", .serialized)
    final class VirtIONetworkDriverTests {
        private static let outside: UInt64 = 0x0200_0000_0001, inside: UInt64 = 0x0200_0000_0002

        private struct Machine {
            let device: TwinDevice
            let driver: VirtIONetworkDriver
            let network: VirtualSwitch
            let port: NetworkPort
            let end: TwinEndpoint
            /// Of the header of each frame.
            let header: Int

            func remove() throws {
                driver.remove()
                device.end()
            }
        }

        /// A card on a network, and somebody else there.
        private func machine(isLegacy: Bool = false, entries: UInt32 = 64) throws -> Machine {
            let device = TwinDevice(
                type: 1, isLegacy: isLegacy, features: 1 << 5 | 1 << 16 | 1 << 15 | 1 << 3,
                configuration: [0x52, 0x54, 0, 0x12, 0x34, 0x56, 1, 0], queues: 2)
            device.maximumSize = entries
            let work = WorkQueue("host virtio", priority: Thread.guestPriority)
            let driver = try VirtIONetworkDriver(try VirtIODriverTransport(device.node), work: work)
            let network = VirtualSwitch(name: "lan")
            try HostNetworkDevices.attach(driver, to: network)
            let port = try network.addPort("guest")
            let end = TwinEndpoint()
            port.connect(end)
            Port.run()
            return Machine(
                device: device, driver: driver, network: network, port: port, end: end, header: isLegacy ? 10 : 12)
        }

        /// Puts a frame into the card's next buffer.
        private func receive(_ frame: [UInt8], _ machine: Machine) {
            let buffer = machine.device.take(0)
            let bytes = [UInt8](repeating: 0, count: machine.header) + frame
            buffer.writable[0].copyBytes(from: bytes)
            machine.device.give(UInt32(buffer.head), UInt32(bytes.count), 0)
        }

        @Test("Frames go out and come in, by both interfaces", arguments: [false, true])
        func roundTrip(isLegacy: Bool) throws {
            let machine = try machine(isLegacy: isLegacy)
            defer { try? machine.remove() }
            let (device, driver) = (machine.device, machine.driver)
            #expect(driver.name == "eth0" && driver.address.text == "52:54:00:12:34:56")
            #expect(device.agreed & 0xffff_ffff == 1 << 5 | 1 << 16, "an address and a link; no merged buffers")
            #expect(device.waiting(0) == 64 && device.notified == [0], "the card can receive at once")

            let question = frame(to: 0xffff_ffff_ffff, from: Self.inside)
            machine.port.send(question)
            #expect(device.notified == [0, 1])
            let sent = device.take(1)
            #expect(sent.readable == [UInt8](repeating: 0, count: machine.header) + question && sent.writable.isEmpty)
            device.give(UInt32(sent.head), 0, 1)

            let answer = frame(to: Self.inside, from: Self.outside, (0..<1500).map { UInt8(truncatingIfNeeded: $0) })
            receive(answer, machine)
            receive(question, machine)
            device.interrupt()
            #expect(machine.end.frames.isEmpty, "a thread passes them on")
            Port.run()
            #expect(machine.end.frames == [answer, question])
            #expect(device.waiting(0) == 64 && device.notified == [0, 1, 0], "the card has its buffers again")
        }

        @Test("Buffers come round as often as frames do")
        func many() throws {
            let machine = try machine(entries: 8)
            defer { try? machine.remove() }
            for round in 0..<1000 {
                let bytes = frame(
                    to: Self.inside, from: Self.outside, [UInt8](repeating: UInt8(round & 255), count: 46))
                receive(bytes, machine)
                machine.device.interrupt()
                machine.port.send(bytes)
                Port.run()
                machine.device.serve(queue: 1) { readable, _ in
                    #expect(Array(readable[12...]) == bytes)
                    return 0
                }
            }
            #expect(machine.end.frames.count == 1000)
        }

        @Test("What the card has no room for waits, and goes out in its order when the card says so")
        func full() throws {
            let machine = try machine(entries: 8)
            defer { try? machine.remove() }
            let frames = (0..<20).map { frame(to: Self.outside, from: Self.inside, [UInt8](repeating: $0, count: 46)) }
            for frame in frames { machine.port.send(frame) }
            #expect(machine.device.waiting(1) == 8)
            var sent: [[UInt8]] = []
            for _ in 0..<10 where sent.count < 20 {
                machine.device.serve(queue: 1) { readable, _ in
                    sent.append(Array(readable[12...]))
                    return 0
                }
                Port.run()
            }
            #expect(sent == frames)
        }

        @Test("Without a cable nothing goes out, and with it again")
        func link() throws {
            let machine = try machine()
            defer { try? machine.remove() }
            machine.device.configuration[6] = 0
            machine.device.interruptStatus = 2
            machine.device.controller.raise(TwinDevice.interrupt)
            #expect(!machine.driver.isLinkUp)
            machine.port.send(frame(to: Self.outside, from: Self.inside))
            #expect(machine.device.waiting(1) == 0)
            machine.device.configuration[6] = 1
            machine.device.interruptStatus = 2
            machine.device.controller.raise(TwinDevice.interrupt)
            machine.port.send(frame(to: Self.outside, from: Self.inside))
            #expect(machine.device.waiting(1) == 1)
        }

        @Test("A card that breaks the rules is stopped", arguments: [0, 1, 2])
        func hostile(_ kind: Int) throws {
            let machine = try machine()
            defer { try? machine.remove() }
            switch kind {
            case 0: machine.device.give(7777, 60, 0)
            case 1: machine.device.give(0, 4096, 0)
            default:
                machine.device.give(3, 0, 1)
                machine.port.send(frame(to: Self.outside, from: Self.inside))
            }
            machine.device.interrupt()
            Port.run()
            #expect(machine.device.status == 128, "reset, and FAILED")
            #expect(machine.driver.failure != nil && machine.end.frames.isEmpty)
            machine.port.send(frame(to: Self.outside, from: Self.inside))
            Port.run()
        }

        @Test("Frames shorter than their header are nobody's")
        func short() throws {
            let machine = try machine()
            defer { try? machine.remove() }
            for count in [0, 5, 12, 13] as [UInt32] {
                let buffer = machine.device.take(0)
                machine.device.give(UInt32(buffer.head), count, 0)
            }
            machine.device.interrupt()
            Port.run()
            #expect(machine.end.frames.isEmpty && machine.driver.failure == nil)
            #expect(machine.device.waiting(0) == 64)
        }

        @Test("A card is on one network at a time")
        func attachment() throws {
            let machine = try machine()
            defer { try? machine.remove() }
            let other = VirtualSwitch(name: "other")
            #expect(try HostNetworkDevices.find("eth0") === machine.driver && HostNetworkDevices.freeName == "eth1")
            #expect(
                throws: HyperError("the machine has no network card eth1; `host network` lists those that it has")
            ) { _ = try HostNetworkDevices.find("eth1") }
            #expect(throws: HyperError.self) { try HostNetworkDevices.attach(machine.driver, to: other) }
            #expect(HostNetworkDevices.network(of: machine.driver) === machine.network)
            try HostNetworkDevices.detach(machine.driver)
            #expect(throws: HyperError("eth0 is on no network")) { try HostNetworkDevices.detach(machine.driver) }
            #expect(machine.network.ports.count == 1)
            receive(frame(to: Self.inside, from: Self.outside), machine)
            machine.device.interrupt()
            Port.run()
            #expect(machine.end.frames.isEmpty && machine.device.waiting(0) == 64)
            try HostNetworkDevices.attach(machine.driver, to: other)
            machine.driver.remove()
            #expect(other.ports.isEmpty && HostNetworkDevices.all.isEmpty)
        }
    }
}
