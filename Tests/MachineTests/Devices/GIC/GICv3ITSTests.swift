import Testing

@testable import Machine

/// Expected values: Arm Generic Interrupt Controller Architecture Specification, GICv3 and GICv4, IHI 0069H, chapter 5 and
/// sections 12.11 and 12.19.
@Suite("GICv3 LPIs and ITS")
struct GICv3ITSTests {
    let gic = GICv3Driver()
    let its: GICv3ITS

    /// Where the tables are.
    private static let configuration = GICv3Driver.ramBase
    private static let pending = GICv3Driver.ramBase + 0x10_0000
    private static let devices = GICv3Driver.ramBase + 0x20_0000
    private static let collections = GICv3Driver.ramBase + 0x28_0000
    private static let queue = GICv3Driver.ramBase + 0x30_0000
    private static let events = GICv3Driver.ramBase + 0x38_0000

    init() throws {
        its = try #require(gic.gic.translationService)
    }

    // MARK: A driver

    /// Enables LPIs with INTIDs of 16 bits on both CPUs, and the ITS with direct tables of 64 KiB pages.
    private func open(queuePages: UInt64 = 1, deviceTable: UInt64 = 1 << 63 | devices | 2 << 8) {
        gic.open()
        for cpu in 0..<2 {
            gic.cpu = cpu
            gic.gicr(.propbaser, set: Self.configuration | 15, size: 8)
            gic.gicr(.pendbaser, set: Self.pending + UInt64(cpu) * 0x1_0000, size: 8)
            gic.gicr(.ctlr, set: 1)
        }
        gic.cpu = 0
        its.set(0x100, deviceTable, 8)
        its.set(0x108, 1 << 63 | Self.collections | 2 << 8, 8)
        its.set(0x80, 1 << 63 | Self.queue | (queuePages - 1), 8)
        its.set(0x00, 1)
    }

    private func configure(_ intid: UInt64, priority: UInt8 = 0x80, isEnabled: Bool = true) {
        _ = gic.memory.store(Self.configuration + intid - 8192, priority | (isEnabled ? 1 : 0))
    }

    private func isPending(_ intid: UInt64, cpu: UInt64 = 0) -> Bool {
        let byte: UInt8? = gic.memory.load(Self.pending + cpu * 0x1_0000 + intid / 8)
        return (byte ?? 0) >> UInt8(intid % 8) & 1 != 0
    }

    private func send(_ commands: [[UInt64]]) {
        var offset = its.get(0x88, 8)
        let size = (its.get(0x80, 8) & 0xff + 1) * 0x1000
        for command in commands {
            for index in 0..<4 {
                let word = index < command.count ? command[index] : 0
                _ = gic.memory.store(Self.queue + offset + 8 * UInt64(index), word)
            }
            offset = (offset + 32) % size
        }
        its.set(0x88, offset, 8)
    }

    private func mapd(_ device: UInt64, bits: UInt64 = 4, isValid: Bool = true) -> [UInt64] {
        [0x08 | device << 32, bits - 1, Self.events + device % 16 * 0x1000 | (isValid ? 1 << 63 : 0)]
    }
    private func mapc(_ collection: UInt64, cpu: UInt64, isValid: Bool = true) -> [UInt64] {
        [0x09, 0, cpu << 16 | collection | (isValid ? 1 << 63 : 0)]
    }
    private func mapti(_ device: UInt64, _ event: UInt64, _ intid: UInt64, _ collection: UInt64) -> [UInt64] {
        [0x0a | device << 32, event | intid << 32, collection]
    }
    private func mapi(_ device: UInt64, _ event: UInt64, _ collection: UInt64) -> [UInt64] {
        [0x0b | device << 32, event, collection]
    }
    private func of(_ operation: UInt64, _ device: UInt64, _ event: UInt64, _ collection: UInt64 = 0) -> [UInt64] {
        [operation | device << 32, event, collection]
    }
    private let movi: UInt64 = 0x01, int: UInt64 = 0x03, clear: UInt64 = 0x04, inv: UInt64 = 0x0c,
        discard: UInt64 = 0x0f
    private func invall(_ collection: UInt64) -> [UInt64] { [0x0d, 0, collection] }
    private func movall(_ from: UInt64, _ to: UInt64) -> [UInt64] { [0x0e, 0, from << 16, to << 16] }

    // MARK: Registers

    @Test("GITS_TYPER tells of 16 bits of everything, events of 8 bytes, and CPUs by their number")
    func type() {
        #expect(its.get(0x08, 8) == 0x1f_0001_ef71)
        #expect(its.get(0x08) == 0x0001_ef71 && its.get(0x0c) == 0x1f)
        #expect(its.get(0x00) == 0x8000_0000, "Quiescent")
        #expect(its.get(0x100, 8) == 0x0107_0000_0000_0200, "devices, entries of 8 bytes")
        #expect(its.get(0x108, 8) == 0x0407_0000_0000_0200, "collections")
        #expect(its.get(0x110, 8) == 0)
        #expect(its.get(0xffe8) == 0x3b)
    }

    @Test(
        "Fields that are not reserved hold what is written while the ITS is disabled, and are fixed while it is enabled"
    )
    func readBack() {
        for (offset, expected): (UInt64, UInt64) in [
            (0x80, 0xb8ef_ffff_ffff_fcff), (0x88, 0xf_ffe0), (0x100, 0xf9e7_ffff_ffff_ffff),
            (0x108, 0xfce7_ffff_ffff_ffff), (0x90, 0), (0x110, 0),
        ] {
            its.set(offset, ~0, 8)
            #expect(its.get(offset, 8) == expected, "\(hex(offset))")
            its.set(offset, 0)
            its.set(offset + 4, 0)
        }
        its.set(0x00, 1)
        its.set(0x80, ~0, 8)
        its.set(0x100, ~0, 8)
        #expect(its.get(0x80, 8) == 0 && its.get(0x100, 8) == 0x0107_0000_0000_0000)
        #expect(throws: AccessFault.self) { try its.read(0, size: 1) }
        #expect(throws: AccessFault.self) { try its.write(4, size: 8, value: 0) }
    }

    @Test("GICR_PROPBASER and GICR_PENDBASER hold their fields until LPIs are enabled")
    func redistributorRegisters() {
        gic.gicr(.propbaser, set: ~0, size: 8)
        gic.gicr(.pendbaser, set: ~0, size: 8)
        #expect(gic.gicr(.propbaser, size: 8) == 0x070f_ffff_ffff_ff9f)
        #expect(gic.gicr(.pendbaser, size: 8) == 0x070f_ffff_ffff_0f80, "PTZ reads zero")
        #expect(gic.gicr(.ctlr) == 2, "CES")
        gic.gicr(.ctlr, set: 1)
        #expect(gic.gicr(.ctlr) == 3)
        gic.gicr(.propbaser, set: 0, size: 8)
        #expect(gic.gicr(.propbaser, size: 8) == 0x070f_ffff_ffff_ff9f)
        gic.gicr(.ctlr, set: 0)
        #expect(gic.gicr(.ctlr) == 2)
    }

    // MARK: Messages

    @Test("A message becomes the LPI that MAPTI says, for the CPU that its collection goes to (MAPC)")
    func message() {
        open()
        configure(8200)
        send([mapd(7), mapc(3, cpu: 1), mapti(7, 2, 8200, 3)])
        #expect(its.get(0x90, 8) == its.get(0x88, 8), "all commands are done")
        its.signal(2, from: 7)
        #expect(gic.isHigh(.irq, cpu: 1) && !gic.isHigh(.irq, cpu: 0))
        #expect(isPending(8200, cpu: 1))
        gic.cpu = 1
        #expect(gic.icc(.hppir1) == 8200)
        #expect(gic.icc(.iar1) == 8200)
        #expect(!isPending(8200, cpu: 1) && !gic.isHigh(.irq, cpu: 1))
        #expect(gic.icc(.rpr) == 0x80)
        its.signal(2, from: 7)
        #expect(isPending(8200, cpu: 1) && !gic.isHigh(.irq, cpu: 1), "an LPI is never active, but its priority is")
        gic.icc(.eoir1, set: 8200)
        #expect(gic.isHigh(.irq, cpu: 1))
    }

    @Test(
        "Messages of what is not mapped are lost: devices, events, collections, CPUs, and all while the ITS is disabled"
    )
    func unmapped() {
        open()
        for intid: UInt64 in 8192..<8210 { configure(intid) }
        send([mapd(7, bits: 2), mapc(0, cpu: 0), mapc(2, cpu: 9), mapti(7, 0, 8192, 0), mapti(7, 1, 8193, 1)])
        send([mapti(7, 2, 8194, 2), mapti(7, 4, 8195, 0), mapti(7, 3, 8191, 0), mapi(7, 1, 0), mapti(7, 3, 65536, 0)])
        for (device, event): (UInt32, UInt32) in [(7, 1), (7, 2), (7, 3), (7, 4), (8, 0), (7, ~0), (~0, 0)] {
            its.signal(event, from: device)
        }
        #expect(!gic.isHigh(.irq, cpu: 0) && !gic.isHigh(.irq, cpu: 1))
        its.set(0x00, 0)
        its.signal(0, from: 7)
        #expect(!gic.isHigh(.irq))
        its.set(0x00, 1)
        its.signal(0, from: 7)
        #expect(gic.icc(.iar1) == 8192)
    }

    @Test("MAPI makes an event the LPI of the same number; a write of GITS_TRANSLATER is a message of device 0")
    func mapi() {
        open()
        configure(8193)
        send([mapd(0, bits: 14), mapc(0, cpu: 0), mapi(0, 8193, 0)])
        its.set(0x1_0040, 8193)
        #expect(gic.icc(.iar1) == 8193)
        #expect(its.get(0x1_0040) == 0)
    }

    @Test("INT and CLEAR change what is pending; DISCARD does and unmaps; MAPD without V unmaps a device")
    func commands() {
        open()
        configure(8200)
        send([mapd(7), mapc(0, cpu: 0), mapti(7, 2, 8200, 0), of(int, 7, 2)])
        #expect(isPending(8200) && gic.isHigh(.irq))
        send([of(clear, 7, 2)])
        #expect(!isPending(8200) && !gic.isHigh(.irq))
        send([of(int, 7, 2), of(discard, 7, 2)])
        #expect(!isPending(8200) && !gic.isHigh(.irq))
        its.signal(2, from: 7)
        #expect(!isPending(8200))
        send([mapti(7, 2, 8200, 0), mapd(7, isValid: false), of(int, 7, 2)])
        #expect(!isPending(8200))
        send([mapd(7), mapc(0, cpu: 0, isValid: false), of(int, 7, 2)])
        #expect(!isPending(8200))
    }

    @Test("MOVI moves an event, and what is pending of it, to the CPU of another collection; MOVALL moves all that is")
    func moves() {
        open()
        for intid: UInt64 in [8200, 8300] { configure(intid) }
        send([
            mapd(7), mapc(0, cpu: 0), mapc(1, cpu: 1), mapti(7, 2, 8200, 0), mapti(7, 3, 8300, 0), of(int, 7, 2),
            of(int, 7, 3), of(movi, 7, 2, 1),
        ])
        #expect(!isPending(8200, cpu: 0) && isPending(8200, cpu: 1) && isPending(8300, cpu: 0))
        #expect(gic.isHigh(.irq, cpu: 0) && gic.isHigh(.irq, cpu: 1))
        send([movall(0, 1)])
        #expect(!isPending(8300, cpu: 0) && isPending(8300, cpu: 1) && !gic.isHigh(.irq, cpu: 0))
        gic.cpu = 1
        for intid: UInt64 in [8200, 8300] {
            #expect(gic.icc(.iar1) == intid)
            gic.icc(.eoir1, set: intid)
        }
        its.signal(2, from: 7)
        #expect(gic.isHigh(.irq, cpu: 1))
        send([movall(1, 1), movall(1, 5)])
        #expect(gic.isHigh(.irq, cpu: 1))
    }

    @Test("LPIs go by priority; disabled ones stay pending; INV and INVALL tell of a changed configuration")
    func configuration() {
        open()
        configure(8200, priority: 0x80)
        configure(8201, priority: 0x40)
        configure(8202, priority: 0x20, isEnabled: false)
        send([mapd(7), mapc(0, cpu: 0)] + (0..<3).map { mapti(7, $0, 8200 + $0, 0) } + (0..<3).map { of(int, 7, $0) })
        #expect(gic.icc(.hppir1) == 8201)
        configure(8202, priority: 0x20)
        send([of(inv, 7, 2)])
        #expect(gic.icc(.hppir1) == 8202)
        configure(8202, priority: 0xf8)
        configure(8201, isEnabled: false)
        send([invall(0)])
        #expect(gic.icc(.hppir1) == 8200)
        gic.gicd(.ctlr, set: 1)
        #expect(gic.icc(.hppir1) == 1023, "LPIs are of Group 1")
    }

    @Test(
        "An indirect device table has its pages where its first level says, and no others",
        arguments: [0, 1, 2] as [UInt64])
    func indirect(pageSize: UInt64) {
        open(deviceTable: 1 << 63 | 1 << 62 | Self.devices | pageSize << 8)
        configure(8200)
        let perPage: UInt64 = 0x1000 << (2 * pageSize) / 8
        let page = Self.devices + 0x4_0000
        _ = gic.memory.store(Self.devices + 8, 1 << 63 | page)
        send([mapc(0, cpu: 0), mapd(perPage + 5), mapti(perPage + 5, 1, 8200, 0), mapd(5), mapti(5, 1, 8200, 0)])
        its.signal(1, from: 5)
        #expect(!gic.isHigh(.irq), "the first page is not there")
        its.signal(1, from: UInt32(perPage + 5))
        #expect(gic.isHigh(.irq))
        #expect(gic.memory.load(page + 40) != 0 as UInt64)
    }

    @Test("Enabling LPIs finds what is pending in the table; disabling them withdraws it")
    func enable() {
        configure(8300)
        _ = gic.memory.store(Self.pending + 8300 / 8, UInt8(1 << (8300 % 8)))
        open()
        #expect(gic.isHigh(.irq))
        gic.gicr(.ctlr, set: 0)
        #expect(!gic.isHigh(.irq) && isPending(8300))
        gic.gicr(.ctlr, set: 1)
        #expect(gic.icc(.iar1) == 8300)
    }

    // MARK: Robustness

    @Test("A long queue is worked off piece by piece, and a queue that is not memory stands still")
    func longQueue() {
        open(queuePages: 16)
        configure(8200)
        send([mapd(7), mapc(0, cpu: 0), mapti(7, 2, 8200, 0)] + Array(repeating: of(int, 7, 2), count: 1000))
        #expect(its.get(0x90, 8) == 256 * 32)
        gic.clock.skip(1000)
        #expect(its.get(0x90, 8) == 512 * 32)
        gic.clock.skip(2000)
        #expect(its.get(0x90, 8) == 1003 * 32 && gic.clock.deadline == nil)
        its.set(0x00, 0)
        its.set(0x80, 1 << 63 | 0x1000, 8)
        its.set(0x00, 1)
        #expect(its.get(0x90, 8) == 0)
        its.set(0x88, 0xf_ffe0, 8)
        #expect(its.get(0x90, 8) == 0)
    }

    @Test("Tables that are not memory hold nothing")
    func noMemory() {
        open(deviceTable: 1 << 63 | 0x1000)
        send([mapd(7), mapc(0, cpu: 0), mapti(7, 2, 8200, 0), of(int, 7, 2)])
        #expect(!gic.isHigh(.irq))
        gic.gicr(.ctlr, set: 0)
        gic.gicr(.propbaser, set: 0x1000 | 15, size: 8)
        gic.gicr(.pendbaser, set: 0xf_ffff_ffff_0000, size: 8)
        gic.gicr(.ctlr, set: 1)
        send([of(int, 7, 2), invall(0), movall(0, 1), movall(1, 0)])
        #expect(!gic.isHigh(.irq))
    }

    @Test("Random commands and tables do no harm, and the described state is all of it")
    func fuzz() {
        open(queuePages: 4)
        var random = SplitMix64(seed: 11)
        let operations: [UInt64] = [1, 3, 3, 3, 4, 5, 8, 8, 9, 9, 10, 10, 10, 11, 12, 13, 14, 15, 2, 0xff]
        for _ in 0..<3000 {
            let wild = random.next() % 8 == 0
            func number(_ limit: UInt64) -> UInt64 { wild ? random.next() : random.next() % limit }
            var command: [UInt64] = [operations.randomElement(using: &random)! | number(20) << 32]
            command.append(number(32) | (8192 + number(64)) << 32)
            command.append(number(4) | number(3) << 16 | random.next() & 1 << 63)
            if command[0] & 0xff == 8 { command[2] = Self.events + number(4) << 12 | random.next() & 1 << 63 }
            command.append(number(3) << 16)
            send([command])
            configure(
                8192 + random.next() % 64, priority: UInt8(random.next() % 256), isEnabled: random.next() % 2 == 0)
            let tables = [Self.devices, Self.collections, Self.events]
            if random.next() % 16 == 0 {
                _ = gic.memory.store(tables.randomElement(using: &random)! + random.next() % 64 * 8, random.next())
            }
            if random.next() % 64 == 0 {
                its.set([0, 0x80, 0x88, 0x100].randomElement(using: &random)!, random.next(), 8)
            }
            gic.cpu = Int(random.next() % 2)
            gic.icc(.eoir1, set: gic.icc(.iar1))
            its.signal(UInt32(random.next() % 32), from: UInt32(random.next() % 20))
            if random.next() % 256 == 0 {
                gic.clock.skip(5000)
                open(queuePages: 4)
            }
        }
        let copy = GICv3Driver()
        expectRestores(its, into: copy.gic.translationService!) { its in
            [0x00, 0x80, 0x88, 0x90, 0x100, 0x108].map { its.get($0, 8) }
        }
        var scrambler = StateScrambler(random: SplitMix64(seed: 3))
        for _ in 0..<20 {
            its.describeState(&scrambler)
            its.fuzz(region: 0x2_0000, hot: [0, 0x80, 0x88, 0x100, 0x108, 0x1_0040], clock: gic.clock, count: 200)
        }
    }
}
