import Testing

@testable import Hyper

/// A host's screen in memory.
private final class TwinScreen: HostDisplay {
    let screen: Screen
    var flushed: [Rectangle] = []
    var place: Text { "/screen" }
    var failure: Text? { nil }

    init(width: Int, height: Int) throws { screen = try Screen(width: width, height: height) }
    func open() throws(HyperError) -> Screen { screen }
    func flush(_ rectangle: Rectangle) throws(HyperError) { flushed.append(rectangle) }
    func pixel(_ x: Int, _ y: Int) -> UInt32 { screen.pixels[y * screen.width + x] }
}

extension CoreTests {
    /// What is expected is what VirtIO 1.2, GPU Device, says.
    @Suite("Screens", .serialized)
    final class DisplayTests {
        fileprivate static let noData: UInt32 = 0x1100, outOfMemory: UInt32 = 0x1201, invalidScanout: UInt32 = 0x1202
        private static let invalidResource: UInt32 = 0x1203, invalidParameter: UInt32 = 0x1205
        fileprivate static let backing = TwinMemory.base + 0x10_0000

        /// A guest's GPU and its driver.
        private final class Guest {
            let display: VirtualDisplay
            let gpu: VirtIOGPU
            let driver: TwinDriver

            /// - Parameter memory: of a machine of two guests, both memories come first.
            init(_ name: Text = "one", _ memory: TwinMemory? = nil) throws {
                let memory = try memory ?? TwinMemory()
                display = VirtualDisplay(name: "\(name)/screen", guest: name)
                let work = WorkQueue("displays", priority: Thread.guestPriority)
                gpu = VirtIOGPU(display: display, width: 64, height: 48, memory: memory.space, work: work)
                driver = try TwinDriver(gpu, memory: memory)
                Port.run()
                driver.start()
            }

            deinit { gpu.remove() }

            /// The answer to a command whose fields are words: its type, and what follows its header.
            func execute(_ command: UInt32, _ fields: [UInt32], room: Int = 24, queue: Int = 0) -> (UInt32, [UInt8]) {
                let words = [command, 1, 0x1234_5678, 0x9abc, 7, 0] + fields
                let bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) } }
                let place = driver.queues[queue].add([bytes], room: [room])
                driver.queues[queue].kick()
                Port.run()
                guard let used = driver.queues[queue].take() else { return (0, []) }
                #expect(used.length == 0 || used.length >= 24)
                let answer = driver.memory.load(place[0], count: Int(used.length))
                if used.length >= 24 {
                    #expect(
                        Array(answer[4..<20]) == [1, 0, 0, 0, 0x78, 0x56, 0x34, 0x12, 0xbc, 0x9a, 0, 0, 7, 0, 0, 0])
                }
                return (driver.memory.load(place[0], as: UInt32.self), Array(answer.dropFirst(24)))
            }

            func type(_ command: UInt32, _ fields: [UInt32]) -> UInt32 { execute(command, fields).0 }

            /// A resource of 8 times 4 pixels with its backing, on the screen.
            func setUp(_ format: UInt32 = 2) {
                #expect(type(0x101, [1, format, 8, 4]) == DisplayTests.noData)
                #expect(
                    type(
                        0x106,
                        [1, 2, UInt32(DisplayTests.backing), 0, 20, 0, UInt32(DisplayTests.backing) + 100, 0, 108, 0])
                        == DisplayTests.noData)
                #expect(type(0x103, [0, 0, 8, 4, 0, 1]) == DisplayTests.noData)
            }

            func pixel(_ x: Int, _ y: Int) -> UInt32? { display.screen.map { $0.pixels[y * $0.width + x] } }
        }

        @Test("Rectangles meet where both are")
        func rectangles() {
            let a = Rectangle(x: 10, y: 10, width: 20, height: 20)
            #expect(a.intersection(Rectangle(width: 15, height: 100)) == Rectangle(x: 10, y: 10, width: 5, height: 20))
            #expect(a.intersection(Rectangle(width: 10, height: 10)).isEmpty)
            #expect(a.lies(in: Rectangle(width: 30, height: 30)) && !a.lies(in: Rectangle(width: 29, height: 30)))
        }

        @Test("A guest is told of its screen")
        func displayInfo() throws {
            let guest = try Guest()
            #expect(guest.driver.device.read(0x108, width: 4) == 1, "num_scanouts")
            let (type, fields) = guest.execute(0x100, [], room: 408)
            #expect(type == 0x1101 && fields.count == 384)
            #expect(Array(fields[..<24]) == [0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 48, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
            #expect(fields[24...].allSatisfy { $0 == 0 })
            #expect(guest.execute(0x100, [], room: 100).0 == 0, "an answer that has no room is none")
        }

        @Test(
            "What is transferred and flushed is seen, in every format",
            arguments: [1, 2, 3, 4, 67, 68, 121, 134] as [UInt32])
        func formats(_ format: UInt32) throws {
            let guest = try Guest()
            guest.setUp(format)
            // The bytes of a pixel in memory, by the format's name.
            let bytes: [UInt8] =
                switch format {
                case 1, 2: [0x33, 0x22, 0x11, 0xff]
                case 3, 4: [0xff, 0x11, 0x22, 0x33]
                case 67, 134: [0x11, 0x22, 0x33, 0xff]
                default: [0xff, 0x33, 0x22, 0x11]
                }
            // The first pixel of the second row: the backing's 32nd byte, in its second piece.
            guest.driver.memory.store(bytes, Self.backing + 100 + 12)
            #expect(guest.type(0x105, [0, 1, 8, 1, 32, 0, 1, 0]) == Self.noData)
            #expect(guest.pixel(0, 1) == 0, "not before it is flushed")
            #expect(guest.type(0x104, [0, 0, 8, 4, 1, 0]) == Self.noData)
            #expect(guest.pixel(0, 1) == 0x11_2233 && guest.pixel(1, 1) == 0 && guest.pixel(0, 0) == 0)
        }

        @Test("A transfer goes from piece to piece of the backing, row by row")
        func transfers() throws {
            let guest = try Guest()
            guest.setUp()
            for index in 0..<128 as Range<UInt64> {
                guest.driver.memory.store(UInt8(index), Self.backing + (index < 20 ? index : index + 80))
            }
            #expect(guest.type(0x105, [2, 1, 3, 2, 40, 0, 1, 0]) == Self.noData)
            #expect(guest.type(0x104, [0, 0, 8, 4, 1, 0]) == Self.noData)
            func word(_ byte: UInt32) -> UInt32 { (byte + 2) << 16 | (byte + 1) << 8 | byte }
            for y in 0..<4 {
                for x in 0..<8 {
                    let isIn = 2..<5 ~= x && 1..<3 ~= y
                    #expect(guest.pixel(x, y) == (isIn ? word(UInt32(40 + 32 * (y - 1) + 4 * (x - 2))) : 0))
                }
            }
        }

        @Test("What a guest must not ask for is refused, with the error that says why")
        func errors() throws {
            let guest = try Guest()
            guest.setUp()
            for (command, fields, error) in [
                (0x101, [0, 2, 8, 4], Self.invalidResource), (0x101, [1, 2, 8, 4], Self.invalidResource),
                (0x101, [2, 5, 8, 4], Self.invalidParameter), (0x101, [2, 2, 0, 4], Self.invalidParameter),
                (0x101, [2, 2, 0xffff_ffff, 0xffff_ffff], Self.invalidParameter), (0x101, [2], Self.invalidParameter),
                (0x101, [2, 2, 8192, 8192], Self.outOfMemory), (0x102, [9, 0], Self.invalidResource),
                (0x103, [0, 0, 8, 4, 1, 1], Self.invalidScanout), (0x103, [0, 0, 9, 4, 0, 1], Self.invalidParameter),
                (0x103, [0xffff_fffe, 0, 8, 4, 0, 1], Self.invalidParameter),
                (0x103, [0, 0, 0, 4, 0, 1], Self.invalidParameter), (0x103, [0, 0, 8, 4, 0, 9], Self.invalidResource),
                (0x104, [0, 0, 8, 5, 1, 0], Self.invalidParameter), (0x104, [0, 0, 8, 4, 9, 0], Self.invalidResource),
                (0x105, [0, 0, 8, 4, 4, 0, 1, 0], Self.invalidParameter),
                (0x105, [0, 0, 8, 4, 0xffff_ffff, 0xffff_ffff, 1, 0], Self.invalidParameter),
                (0x105, [0, 0, 8, 4, 0, 0, 9, 0], Self.invalidResource), (0x106, [1, 0], 0x1200),
                (0x106, [9, 0], Self.invalidResource), (0x108, [], 0x1200), (0x300, [], 0x1200), (0, [], 0x1200),
            ] as [(UInt32, [UInt32], UInt32)] {
                #expect(guest.type(command, fields) == error, "\(String(command, radix: 16)) \(fields)")
            }
            #expect(guest.type(0x101, [2, 2, 4, 4]) == Self.noData)
            #expect(guest.type(0x106, [2, 1, 0x5000_0000, 0, 64, 0]) == Self.invalidParameter, "there is no memory")
            #expect(
                guest.type(0x106, [2, 2, UInt32(Self.backing), 0, 64, 0]) == Self.invalidParameter, "one is missing")
            #expect(guest.type(0x106, [2, 20000]) == Self.outOfMemory)
            #expect(guest.type(0x105, [0, 0, 1, 1, 0, 0, 2, 0]) == Self.invalidParameter, "nothing is behind it")
            #expect(guest.execute(0x300, [UInt32](repeating: 0, count: 8), queue: 1).0 == Self.noData)
        }

        @Test("A screen is turned off with its image, or by a reset")
        func turningOff() throws {
            let guest = try Guest()
            guest.setUp()
            #expect(guest.display.screen != nil)
            #expect(guest.type(0x103, [0, 0, 0, 0, 0, 0]) == Self.noData && guest.display.screen == nil)
            #expect(guest.type(0x103, [0, 0, 8, 4, 0, 1]) == Self.noData && guest.display.screen != nil)
            #expect(guest.type(0x102, [1, 0]) == Self.noData && guest.display.screen == nil)
            guest.setUp()
            guest.driver.write(0x070, 0)
            Port.run()
            #expect(guest.display.screen == nil)
            guest.driver.start()
            guest.setUp()
        }

        @Test("Commands of any words do no harm")
        func fuzz() throws {
            let guest = try Guest()
            var random = SeededGenerator(seed: 7)
            for round in 0..<3000 {
                if round % 200 == 0 { guest.driver.start() }
                let commands: [UInt32] = [0x100, 0x101, 0x102, 0x103, 0x104, 0x105, 0x106, 0x107]
                let fields = (0..<Int.random(in: 0..<12, using: &random)).map { _ in
                    Bool.random(using: &random)
                        ? UInt32.random(in: 0..<10, using: &random) : UInt32.random(in: 0...(.max), using: &random)
                }
                _ = guest.execute(commands.randomElement(using: &random)!, fields)
            }
            #expect(guest.driver.memory.isGuardIntact)
        }

        // MARK: The host's screen

        @Test("The first guest that draws is shown, at the corner of a black screen, until another one is chosen")
        func multiplexing() throws {
            let memories = try [TwinMemory(), TwinMemory()]
            let one = try Guest("one", memories[0]), two = try Guest("two", memories[1])
            let host = try TwinScreen(width: 16, height: 3)
            Displays.add(host)
            defer { Displays.remove(host) }
            for (guest, red) in [(one, 1), (two, 2)] as [(Guest, UInt8)] {
                guest.setUp()
                guest.driver.memory.store([0, 0, red, 0], Self.backing)
                #expect(guest.type(0x105, [0, 0, 1, 1, 0, 0, 1, 0]) == Self.noData)
                #expect(guest.type(0x104, [0, 0, 8, 4, 1, 0]) == Self.noData)
            }
            #expect(Displays.shown === one.display && host.pixel(0, 0) == 0x01_0000)
            #expect(host.flushed == [Rectangle(width: 16, height: 3)])
            host.flushed = []
            #expect(one.type(0x104, [0, 0, 2, 4, 1, 0]) == Self.noData)
            #expect(host.flushed == [Rectangle(width: 2, height: 3)], "what both have of what has changed")
            try Displays.show(two.display)
            #expect(host.pixel(0, 0) == 0x02_0000)
            #expect(two.type(0x102, [1, 0]) == Self.noData)
            #expect(host.pixel(0, 0) == 0, "what is turned off is black")
            #expect(throws: HyperError.self) { _ = try Displays.find("three") }
            #expect(try Displays.find("two") === two.display)
        }

        // MARK: Memory that is a screen

        /// The region as a guest's tree has it.
        private func region(_ change: (DeviceTreeNode) -> Void = { _ in }) throws(HyperError) -> GuestRegion {
            let node = DeviceTreeNode("fb")
            node.set("manifest_type", text: "real")
            node.set("address_type", text: "memory")
            node.set("device_type", text: "alloced_ram")
            node.set("compatible", text: "simple-framebuffer")
            node.set("guest_physical_addr", u32: 0x7000_0000)
            node.set("physical_size", u32: 0x1000)
            node.set("width", u32: 10)
            node.set("height", u32: 4)
            node.set("stride", u32: 48)
            node.set("format", text: "a8b8g8r8")
            change(node)
            return try GuestRegion(node)
        }

        @Test("A guest's memory is looked at while it is shown, and what has changed is")
        func frameBuffer() throws {
            let memory = try TwinMemory()
            let host = try TwinScreen(width: 16, height: 16)
            Displays.add(host)
            defer { Displays.remove(host) }
            let buffer = try SimpleFrameBuffer(try region(), of: "one", memory: memory.bytes)
            defer { buffer.remove() }
            // Red first, two pixels into the second row.
            memory.store([0x11, 0x22, 0x33, 0], TwinMemory.base + 48 + 8)
            try Displays.show(try Displays.find("one"))
            #expect(host.pixel(2, 1) == 0x11_2233 && host.flushed == [Rectangle(width: 16, height: 16)])
            host.flushed = []
            Port.run(until: Timers.ticks(200_000_000))
            #expect(host.flushed.isEmpty, "nothing has changed")
            memory.store([0x44, 0, 0, 0], TwinMemory.base + 2 * 48)
            memory.store([0, 0x55, 0, 0], TwinMemory.base + 3 * 48 + 36)
            Port.run(until: Timers.ticks(400_000_000))
            #expect(host.pixel(0, 2) == 0x44_0000 && host.pixel(9, 3) == 0x00_5500)
            #expect(host.flushed == [Rectangle(x: 0, y: 2, width: 10, height: 2)])
            buffer.remove()
            Port.run(until: Timers.ticks(600_000_000))
            #expect(host.pixel(2, 1) == 0 && Port.alarm == .max, "nobody looks any more")

            // Another one that is shown is looked at again.
            let second = try SimpleFrameBuffer(try region(), of: "two", memory: memory.bytes)
            defer { second.remove() }
            try Displays.show(try Displays.find("two"))
            #expect(host.pixel(0, 2) == 0x44_0000)
            memory.store([0x66, 0, 0, 0], TwinMemory.base + 2 * 48)
            Port.run(until: Timers.ticks(800_000_000))
            #expect(host.pixel(0, 2) == 0x66_0000)
            second.remove()
            Port.run(until: Timers.ticks(1_000_000_000))
            #expect(Port.alarm == .max)
        }

        @Test("A machine without a screen shows nothing, and what its guests draw can be looked at nevertheless")
        func looking() throws {
            let memory = try TwinMemory()
            let buffer = try SimpleFrameBuffer(try region(), of: "one", memory: memory.bytes)
            defer { buffer.remove() }
            let display = try Displays.find("one/fb")
            #expect(Displays.host == nil && Displays.shown == nil)
            #expect(throws: HyperError("the machine has no screen")) { try Displays.show(display) }
            memory.store([0x11, 0x22, 0x33, 0], TwinMemory.base + 48 + 8)
            var row: [UInt32] = []
            Displays.look(at: display) { screen in row = (0..<10).map { screen.pixels[screen.width + $0] } }
            #expect(row == [0, 0, 0x11_2233, 0, 0, 0, 0, 0, 0, 0])
            Displays.setScreen(nil, of: display)
            Displays.look(at: display) { _ in Issue.record("there is nothing to see") }
            Displays.update(display, Rectangle(width: 1, height: 1)) { _ in Issue.record("nor to draw on") }
        }

        @Test("A guest is told of its screen in its tree, as the binding has it")
        func frameBufferNode() throws {
            let memory = try TwinMemory()
            let buffer = try SimpleFrameBuffer(try region(), of: "one", memory: memory.bytes)
            defer { buffer.remove() }
            let chosen = DeviceTreeNode("chosen")
            buffer.describe(in: chosen)
            let node = try #require(chosen.children.first)
            #expect(node.name == "framebuffer@70000000" && node.compatible == ["simple-framebuffer"])
            #expect(node.cells("reg") == [0, 0x7000_0000, 0, 0x1000] && chosen.has("ranges"))
            #expect(node.u32("width") == 10 && node.u32("height") == 4 && node.u32("stride") == 48)
            #expect(node.text("format") == "a8b8g8r8")
        }

        @Test("Memory that can be no screen is refused")
        func frameBufferErrors() throws {
            let memory = try TwinMemory()
            for change in [
                { $0.remove("width") }, { $0.set("height", u32: 0) }, { $0.set("stride", u32: 39) },
                { $0.set("height", u32: 86) }, { $0.set("stride", u32: 0xffff_ffff) },
                { $0.set("format", text: "r5g6b5") }, { $0.set("width", u32: 0xffff_ffff) },
            ] as [(DeviceTreeNode) -> Void] {
                #expect(throws: HyperError.self) {
                    _ = try SimpleFrameBuffer(try self.region(change), of: "one", memory: memory.bytes)
                }
            }
            #expect(Displays.all.isEmpty)
        }

        private func field(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
            bytes[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }

        @Test("A GPU of the host's is told what to show")
        func hostGPU() throws {
            let device = TwinDevice(type: 16, isLegacy: false, queues: 2)
            defer { device.end() }
            let driver = try VirtIOGPUDriver(try VirtIODriverTransport(device.node))
            defer { driver.remove() }
            #expect(device.waiting() == 0, "nothing is done until something is shown")
            var commands: [[UInt32]] = []
            var result: Screen?
            let thread = Scheduler.makeThread("draws") {
                do throws(HyperError) {
                    let screen = try driver.open()
                    result = screen
                    try driver.flush(Rectangle(x: 2, y: 1, width: 3, height: 2))
                } catch {
                    Issue.record("\(String(decoding: error.message.bytes, as: UTF8.self))")
                }
            }
            Scheduler.wake(thread)
            for _ in 0..<10 {
                Port.run(until: Port.counter)
                guard device.waiting() > 0 else { break }
                device.serve { readable, writable in
                    commands.append((0..<readable.count / 4).map { field(readable, 4 * $0) })
                    let isInfo = field(readable, 0) == 0x100
                    writable[0].storeBytes(of: isInfo ? 0x1101 : 0x1100, as: UInt32.self)
                    // The second screen is there, with 20 times 10 pixels.
                    if isInfo {
                        writable[0].storeBytes(of: 20, toByteOffset: 24 + 24 + 8, as: UInt32.self)
                        writable[0].storeBytes(of: 10, toByteOffset: 24 + 24 + 12, as: UInt32.self)
                        writable[0].storeBytes(of: 1, toByteOffset: 24 + 24 + 16, as: UInt32.self)
                    }
                    return UInt32(writable[0].count)
                }
            }
            let screen = try #require(result)
            let header: [UInt32] = [0, 0, 0, 0, 0]
            #expect(screen.width == 20 && screen.height == 10 && commands.count == 6)
            #expect(commands[0] == [0x100] + header)
            #expect(commands[1] == [0x101] + header + [1, 2, 20, 10])
            let address = screen.address
            #expect(
                commands[2] == [0x106] + header + [1, 1, UInt32(address & 0xffff_ffff), UInt32(address >> 32), 800, 0])
            #expect(commands[3] == [0x103] + header + [0, 0, 20, 10, 1, 1])
            #expect(commands[4] == [0x105] + header + [2, 1, 3, 2, 4 * 22, 0, 1, 0])
            #expect(commands[5] == [0x104] + header + [2, 1, 3, 2, 1, 0])
        }

        @Test("A GPU that does not answer, or nonsense, is given up", arguments: [0, 1, 2])
        func hostileGPU(_ kind: Int) throws {
            let device = TwinDevice(type: 16, isLegacy: false, queues: 2)
            defer { device.end() }
            let driver = try VirtIOGPUDriver(try VirtIODriverTransport(device.node))
            defer { driver.remove() }
            var problem = ""
            let thread = Scheduler.makeThread("draws") {
                do throws(HyperError) { _ = try driver.open() } catch {
                    problem = String(decoding: error.message.bytes, as: UTF8.self)
                }
            }
            Scheduler.wake(thread)
            Port.run(until: Port.counter)
            if kind == 1 { device.serve { _, _ in 3 } }
            if kind == 2 {
                device.serve { _, writable in
                    writable[0].storeBytes(of: 0x1101, as: UInt32.self)
                    for field in 0..<3 { writable[0].storeBytes(of: ~0, toByteOffset: 32 + 4 * field, as: UInt32.self) }
                    return UInt32(writable[0].count)
                }
            }
            Port.run(until: Timers.ticks(5_000_000_000))
            let expected = ["it does not answer", "an answer has 3 bytes", "pixels is none"][kind]
            #expect(problem.contains(expected))
        }
    }
}
