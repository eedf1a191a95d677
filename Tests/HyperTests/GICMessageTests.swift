import Testing

@testable import Hyper

/// An Interrupt Translation Service that keeps the commands that it was given (IHI 0069, 5.3 and 12.19). Its tables have entries
/// of eight bytes, and pages of 16 KiB alone.
final class TwinITS: EmulatedDevice {
    static let base: UInt64 = 0x808_0000
    struct Command: Equatable {
        var name: UInt64
        var device: UInt64 = 0
        var event: UInt64 = 0
        var value: UInt64 = 0
    }

    private(set) var commands: [Command] = []
    private(set) var tables: [UInt64] = [1 << 56 | 7 << 48, 4 << 56 | 7 << 48]
    private(set) var isOn = false
    private var queue: UInt64 = 0
    private var place: UInt64 = 0
    var isStalled = false
    /// GITS_TYPER: CPUs by number, 16 bits of a DeviceID and of an EventID.
    var type: UInt64 = 15 << 13 | 15 << 8 | 7 << 4 | 1
    /// Whether what is in CPUs' caches is seen.
    var isShared = true

    func take() -> [Command] {
        defer { commands = [] }
        return commands
    }

    func reset() {}

    func read(_ offset: UInt64, width: Int) -> UInt64 {
        switch offset {
        case 0x00: return isOn ? 1 : 1 << 31
        case 0x08: return type
        case 0x80: return queue
        case 0x90: return place | (isStalled ? 1 : 0)
        case 0x100, 0x108: return tables[Int(offset - 0x100) / 8]
        default: return 0
        }
    }

    func write(_ offset: UInt64, width: Int, value: UInt64) {
        switch offset {
        case 0x00: isOn = value & 1 != 0
        case 0x80: queue = isShared ? value : value & ~(3 << 10)
        case 0x88: carryOut(to: value)
        case 0x100, 0x108:
            #expect(!isOn, "tables change while the ITS is off (GITS_BASER)")
            let fixed: UInt64 = 0x071f << 48
            let index = Int(offset - 0x100) / 8
            tables[index] = tables[index] & fixed | value & ~fixed & ~(3 << 8) | 1 << 8
        default: Issue.record("register 0x\(String(offset, radix: 16)) is not to be written")
        }
    }

    private func carryOut(to end: UInt64) {
        while isOn, !isStalled, place != end {
            let words = UnsafePointer<UInt64>(bitPattern: UInt(queue & 0xf_ffff_ffff_f000 + place))!
            commands.append(
                Command(name: words[0] & 0xff, device: words[0] >> 32, event: words[1], value: words[2]))
            place = (place + 32) % ((queue & 0xff + 1) * 4096)
        }
    }
}

extension CoreTests {
    /// Messages of devices on boards of Arm's: GICv2m (DEN0029, appendix E), and GICv3's ITS and LPIs (IHI 0069).
    @Suite("Messages on Arm's boards")
    final class GICMessageTests {
        private static let distributor: UInt64 = 0x800_0000, redistributors: UInt64 = 0x80a_0000,
            frame: UInt64 = 0x802_0000
        private let memory = GuestBuilderTests.machine()
        private let registers = GICTests.TwinRegisters(), redistributor = GICTests.TwinRegisters()
        private let messages = TwinWindow(), translator = TwinITS()
        private let tree = DeviceTreeNode()
        private let controller: DeviceTreeNode

        init() {
            ITSDriver.removeKnown()
            Port.devices = [
                (Self.distributor..<Self.distributor + 0x1_0000, registers),
                (Self.redistributors..<Self.redistributors + 0x6_0000, redistributor),
                (Self.frame..<Self.frame + 0x1000, messages), (TwinITS.base..<TwinITS.base + 0x2_0000, translator),
            ]
            // GICD_TYPER: 128 interrupts; LPIs, and 16 bits of a number. GICR_TYPER: affinity, Processor_Number.
            registers.values[4] = 3 | 1 << 17 | 15 << 19
            for index in UInt64(0)..<3 {
                redistributor.values[index * 0x2_0000 + 8] = index << 32 | index << 8 | (index == 2 ? 1 << 4 : 0) | 1
            }
            for cells in ["#address-cells", "#size-cells"] as [Text] { tree.set(cells, u32: 1) }
            controller = tree.add("intc@8000000")
            for cells in ["#address-cells", "#size-cells"] as [Text] { controller.set(cells, u32: 1) }
            controller.set("ranges")
            GICSystemRegisters.pending = []
            GICSystemRegisters.dropped = []
            GICSystemRegisters.deactivated = []
        }

        deinit {
            ITSDriver.removeKnown()
            (Port.devices, HostInterrupts.controller) = ([], nil)
        }

        // MARK: GICv2m

        private func frameDriver() throws -> GICv2mDriver {
            controller.set("compatible", text: "arm,cortex-a15-gic")
            controller.set(
                "reg", cells: [0x800_0000, 0x1_0000, 0x801_0000, 0x1_0000, 0x803_0000, 0x1_0000, 0x804_0000, 0x1_0000])
            _ = try GICDriver.version2.probe(controller)
            // MSI_TYPER: interrupts 80 to 83.
            messages.values[8] = 80 << 16 | 4
            let node = controller.add("v2m@8020000")
            node.set("compatible", text: "arm,gic-v2m-frame")
            node.set("reg", cells: [UInt32(Self.frame), 0x1000])
            return try #require(GICv2mDriver.driver.probe(node) as? GICv2mDriver)
        }

        @Test("A GICv2m's message is the number of a shared interrupt, written to its one register, and an edge")
        func frameMessages() throws {
            let driver = try frameDriver()
            let one = try #require(driver.allocate(3, for: 8))
            #expect(one.map(\.address) == Array(repeating: Self.frame + 0x40, count: 3))
            #expect(one.map(\.data) == [80, 81, 82] && one.map(\.interrupt) == [80, 81, 82])
            // GICD_ICFGR5 has interrupts 80 to 95, two bits each, of which the upper one says that it is an edge.
            #expect(registers.values[0xc14] == 0b10_1010)
            #expect(driver.allocate(2, for: 16) == nil, "there are no two left")
            #expect(driver.allocate(1, for: 16)?.map(\.data) == [83])
            driver.free(one, of: 8)
            #expect(driver.allocate(2, for: 24)?.map(\.data) == [80, 81])
        }

        @Test(
            "A GICv2m whose messages would be none of the shared interrupts is refused",
            arguments: [0, 31 << 16 | 4, 1019 << 16 | 2])
        func wrongFrame(type: UInt64) throws {
            messages.values[8] = type
            let node = controller.add("v2m@8020000")
            node.set("reg", cells: [UInt32(Self.frame), 0x1000])
            #expect(throws: HyperError.self) { try GICv2mDriver.driver.probe(node) }
        }

        // MARK: ITS

        private func translatorNode() throws -> DeviceTreeNode {
            controller.set("compatible", text: "arm,gic-v3")
            controller.set("reg", cells: [0x800_0000, 0x1_0000, 0x80a_0000, 0x6_0000])
            _ = try GICDriver.version3.probe(controller)
            let node = controller.add("its@8080000")
            node.set("compatible", text: "arm,gic-v3-its")
            node.set("reg", cells: [UInt32(TwinITS.base), 0x2_0000])
            return node
        }

        private func translatorDriver() throws -> ITSDriver {
            try #require(ITSDriver.driver.probe(try translatorNode()) as? ITSDriver)
        }

        @Test("An ITS is given tables in pages of the size that it takes, and then turned on")
        func tables() throws {
            _ = try translatorDriver()
            for table in translator.tables {
                // GITS_BASER: Valid, inner shareable, pages of 16 KiB, at a multiple of that.
                #expect(table >> 63 == 1 && table >> 10 & 3 == 1 && table >> 8 & 3 == 1)
                #expect(table & 0x3000 == 0)
            }
            // 4096 devices of eight bytes are two pages, less one.
            #expect(translator.tables[0] & 0xff == 1)
            #expect(translator.isOn)
        }

        @Test("An ITS that does not see what is in caches is refused")
        func unshared() throws {
            translator.isShared = false
            let node = try translatorNode()
            #expect(throws: HyperError.self) { try ITSDriver.driver.probe(node) }
            #expect(!translator.isOn)
        }

        @Test("A message of a device is an event, which becomes an interrupt of the CPU that enables it")
        func events() throws {
            let driver = try translatorDriver()
            let sent = try #require(driver.allocate(2, for: 0x108))
            #expect(sent.map(\.address) == Array(repeating: TwinITS.base + 0x1_0040, count: 2), "GITS_TRANSLATER")
            #expect(sent.map(\.data) == [0, 1] && sent.map(\.interrupt) == [8192, 8193])
            let map = try #require(translator.take().first)
            // MAPD: valid, five bits of an EventID, less one, and the table.
            #expect(map.name == 0x08 && map.device == 0x108 && map.event == 4 && map.value >> 63 == 1)
            #expect(map.value & 0xff == 0 && map.value << 1 != 0)
            HostInterrupts.controller?.enable(8193)
            let wanted: [TwinITS.Command] = [
                .init(name: 0x09, value: 0x8000_0000_0000_0000),  // MAPC: collection 0 is CPU 0
                .init(name: 0x0a, device: 0x108, event: 0x2001_0000_0001),  // MAPTI: event 1 is 8193
                .init(name: 0x0c, device: 0x108, event: 1),  // INV
                .init(name: 0x05),  // SYNC
            ]
            #expect(translator.take() == wanted)
            // GICR_PROPBASER: 14 bits of a number, less one. GICR_PENDBASER: nothing is pending. GICR_CTLR.EnableLPIs.
            let properties = redistributor.values[0x70] ?? 0, pending = redistributor.values[0x78] ?? 0
            #expect(properties & 31 == 13 && properties >> 10 & 3 == 1)
            #expect(pending >> 62 & 1 == 1 && pending & 0xffff == 7 << 7 | 1 << 10)
            #expect(redistributor.values[0] == 1)
            let configuration = UnsafePointer<UInt8>(bitPattern: UInt(properties & 0xf_ffff_ffff_f000))!
            #expect(configuration[0] & 1 == 0)
            #expect(configuration[1] == 0xa0 | 2 | 1, "the priority, a bit that is 1, and that it is enabled")
            HostInterrupts.controller?.disable(8193)
            #expect(configuration[1] & 1 == 0)
            #expect(translator.take().map(\.name) == [0x0c, 0x05])
        }

        @Test("A message goes with the CPU that takes interrupts of devices")
        func moves() throws {
            let driver = try translatorDriver()
            _ = try #require(driver.allocate(1, for: 8))
            HostInterrupts.controller?.enable(8192)
            HostInterrupts.controller?.disable(8192)
            _ = translator.take()
            FakeMachine.active = 1
            defer { FakeMachine.active = 0 }
            HostGIC.startCPU()
            HostInterrupts.controller?.enable(8192)
            let wanted: [TwinITS.Command] = [
                .init(name: 0x09, value: 0x8000_0000_0001_0001),  // MAPC: collection 1 is CPU 1
                .init(name: 0x01, device: 8, value: 1),  // MOVI
                .init(name: 0x0c, device: 8), .init(name: 0x05, value: 0x1_0000),
            ]
            #expect(translator.take() == wanted)
            #expect(redistributor.values[0x2_0000] == 1 && redistributor.values[0x2_0078] != redistributor.values[0x78])
            HostInterrupts.controller?.enable(8192)
            #expect(translator.take().map(\.name) == [0x0c, 0x05], "it is there already")
        }

        @Test("CPUs of an ITS that knows them by their Redistributors are named by those")
        func targetAddress() throws {
            // GITS_TYPER.PTA.
            translator.type |= 1 << 19
            let driver = try translatorDriver()
            _ = try #require(driver.allocate(1, for: 8))
            HostInterrupts.controller?.enable(8192)
            #expect(translator.take().first { $0.name == 0x09 }?.value == 0x8000_0000_080a_0000)
        }

        @Test("What a device sent is forgotten with its messages, and its place is another's")
        func messagesEnd() throws {
            let driver = try translatorDriver()
            let one = try #require(driver.allocate(2, for: 8))
            HostInterrupts.controller?.enable(8192)
            _ = translator.take()
            let pages = Pages.statistics.free
            driver.free(one, of: 8)
            #expect(Pages.statistics.free == pages + 1, "its table")
            #expect(
                translator.take() == [.init(name: 0x0f, device: 8), .init(name: 0x08, device: 8)],
                "DISCARD of what was mapped, and MAPD that is not valid")
            #expect(driver.allocate(3, for: 16)?.map(\.interrupt) == [8192, 8193, 8194])
        }

        @Test(
            "There are no messages for devices that the table has no room for, or that have some, or too many at once")
        func refusals() throws {
            let driver = try translatorDriver()
            let free = Pages.statistics.free
            #expect(driver.allocate(1, for: 4096) == nil)
            #expect(driver.allocate(33, for: 8) == nil)
            #expect(Pages.statistics.free == free)
            #expect(driver.allocate(1, for: 8) != nil)
            #expect(driver.allocate(1, for: 8) == nil)
        }

        @Test("An ITS whose queue stands is not waited for, and gives no messages any more")
        func stalled() throws {
            let driver = try translatorDriver()
            translator.isStalled = true
            _ = driver.allocate(1, for: 8)
            #expect(driver.allocate(1, for: 16) == nil)
        }

        @Test("A message that comes is handled and not deactivated, and other numbers above 1019 are nothing")
        func arrival() throws {
            let driver = try translatorDriver()
            _ = try #require(driver.allocate(1, for: 8))
            var count = 0
            HostInterrupts.add(8192) { count += 1 }
            GICSystemRegisters.pending = [8192, 8193, 1021, 1023]
            for _ in 0..<4 { #expect(HostGIC.acknowledge() == nil) }
            #expect(count == 1)
            #expect(GICSystemRegisters.dropped == [8192, 8193] && GICSystemRegisters.deactivated.isEmpty)
            HostInterrupts.remove(8192)
        }
    }
}
