import AArch64ISA
import Testing

@testable import Machine

/// Expected values: Arm Generic Interrupt Controller Architecture Specification, GICv3 and GICv4, IHI 0069H; sections and
/// registers cited are its. What each level of a CPU finds is in testsuites/aarch64/programs/el3-gicv3.
@Suite("GICv3 with two Security states")
struct GICv3SecurityTests {
    let gic = GICv3Driver(hasSecurity: true)
    private let el3 = AArch64.InterfaceSecurity(isEL3: true, isSecureBelowEL3: true)
    private let secure = AArch64.InterfaceSecurity(isEL3: false, isSecureBelowEL3: true)
    private let nonSecure = AArch64.InterfaceSecurity(isEL3: false, isSecureBelowEL3: false)

    private func enter(_ security: AArch64.InterfaceSecurity) {
        gic.isSecure = security.isSecure
        gic.gic.cpuInterface(gic.cpu).enter(security)
    }

    /// All groups are enabled, and all priorities go through.
    private func open() {
        for cpu in 0..<2 {
            gic.cpu = cpu
            enter(el3)
            gic.gicd(.ctlr, set: 7)
            gic.icc(.igrpen0, set: 1)
            gic.gic.cpuInterface(cpu).write(AArch64.MonitorInterfaceRegister.igrpen1, 3)
            gic.icc(.pmr, set: 0xff)
        }
        gic.cpu = 0
        enter(el3)
    }

    @Test("GICD_CTLR says so: ARE_S and ARE_NS to Secure software, ARE_NS in the other's place, and no DS")
    func control() {
        gic.isSecure = true
        gic.gicd(.ctlr, set: 0xffff_ffff)
        #expect(gic.gicd(.ctlr) == 0x37)
        #expect(gic.gicd(.typer) >> 10 & 1 == 1, "SecurityExtn")
        gic.isSecure = false
        #expect(gic.gicd(.ctlr) == 0x12)
        gic.gicd(.ctlr, set: 0)
        #expect(gic.gicd(.ctlr) == 0x10)
        gic.isSecure = true
        #expect(gic.gicd(.ctlr) == 0x35, "the others' enable is not theirs")
    }

    @Test("Group 0 is an FIQ, and either state's Group 1 has a wire of its own, which the CPU decides about (4.6.2)")
    func wires() {
        open()
        for (group, modifier, pin): (UInt64, UInt64, GICv3Driver.Pin) in [
            (0, 0, .fiq), (0, 1, .secureGroup1), (1, 0, .nonSecureGroup1), (1, 1, .nonSecureGroup1),
        ] {
            gic.enable(40, group: group)
            gic.gicd(.igrpmodr, 1, set: modifier << 8)
            gic.pend(40)
            for each in [GICv3Driver.Pin.irq, .fiq, .secureGroup1, .nonSecureGroup1] {
                #expect(gic.isHigh(each) == (each == pin), "\(each) with IGROUPR \(group), IGRPMODR \(modifier)")
            }
            gic.gicd(.icpendr, 1, set: 1 << 8)
        }
    }

    @Test("The enable of Secure Group 1 is Secure software's, in the Distributor and in the CPU interface")
    func enables() {
        open()
        gic.enable(40, group: 0)
        gic.gicd(.igrpmodr, 1, set: 1 << 8)
        gic.pend(40)
        #expect(gic.isHigh(.secureGroup1))
        enter(nonSecure)
        gic.gicd(.ctlr, set: 0)
        gic.icc(.igrpen1, set: 0)
        #expect(gic.isHigh(.secureGroup1))
        enter(secure)
        gic.icc(.igrpen1, set: 0)
        #expect(!gic.isHigh(.secureGroup1))
        gic.icc(.igrpen1, set: 1)
        #expect(gic.isHigh(.secureGroup1))
        gic.gicd(.ctlr, set: 3)
        #expect(!gic.isHigh(.secureGroup1))
    }

    @Test("Who handles an interrupt learns its INTID, and EL3 of Group 1, asked for Group 0, whose it is (2.2.1)")
    func specialIdentifiers() {
        open()
        gic.enable(40, group: 0)
        gic.gicd(.igrpmodr, 1, set: 1 << 8)
        gic.pend(40)
        for (who, group0, group1) in [(el3, 1020, 40), (secure, 1023, 40), (nonSecure, 1023, 1023)] {
            enter(who)
            #expect(gic.icc(.hppir0) == group0 && gic.icc(.hppir1) == group1, "\(who)")
        }
        enter(el3)
        gic.gicd(.igroupr, 1, set: 1 << 8)
        for (who, group0, group1) in [(el3, 1021, 40), (secure, 1023, 1023), (nonSecure, 1023, 40)] {
            enter(who)
            #expect(gic.icc(.hppir0) == group0 && gic.icc(.hppir1) == group1, "\(who)")
        }
    }

    @Test("Non-secure software sees the lower half of the priorities where Group 0 is EL3's (4.8.6)")
    func priorities() {
        open()
        gic.icc(.pmr, set: 0xb0)
        let hidden = AArch64.InterfaceSecurity(isEL3: false, isSecureBelowEL3: false, fiqsAreEL3s: true)
        enter(nonSecure)
        #expect(gic.icc(.pmr) == 0xb0)
        enter(hidden)
        #expect(gic.icc(.pmr) == 0x60)
        gic.icc(.pmr, set: 0x80)
        enter(el3)
        #expect(gic.icc(.pmr) == 0xc0)
        gic.icc(.pmr, set: 0x70)
        enter(hidden)
        #expect(gic.icc(.pmr) == 0)
        gic.icc(.pmr, set: 0xff)
        enter(el3)
        #expect(gic.icc(.pmr) == 0x70, "a mask of the upper half is not for them to change")
        gic.icc(.pmr, set: 0xff)
        for (priority, seen): (UInt64, UInt64) in [(0x40, 0), (0xa0, 0x40)] {
            enter(el3)
            gic.enable(40, priority: priority, group: 0)
            gic.pend(40)
            #expect(gic.icc(.iar0) == 40)
            enter(hidden)
            #expect(gic.icc(.rpr) == seen)
            enter(el3)
            gic.icc(.eoir0, set: 40)
        }
    }

    @Test("An LPI is Non-secure: its priority is of the lower half (4.8.6)")
    func messageInterrupts() {
        open()
        let tables = GICv3Driver.ramBase, intid: UInt64 = 8192
        #expect(gic.memory.store(tables, UInt8(0xa1)))  // INTID 8192: enabled, 0xa0, which is 0xd0 of all
        gic.gicr(.propbaser, set: tables | 15, size: 8)
        gic.gicr(.pendbaser, set: tables + 0x10000, size: 8)
        #expect(gic.memory.store(tables + 0x10000 + intid / 8, UInt8(1)))
        gic.gicr(.ctlr, set: 1)
        gic.icc(.pmr, set: 0xd0)
        #expect(!gic.isHigh(.nonSecureGroup1))
        gic.icc(.pmr, set: 0xd8)
        #expect(gic.isHigh(.nonSecureGroup1))
        enter(nonSecure)
        #expect(gic.icc(.iar1) == intid)
        #expect(gic.icc(.rpr) == 0xd0)
    }

    @Test("GICR_NSACR is of the CPU that is sent to: it lets Non-secure software send what is Secure (table 12-14)")
    func softwareInterrupts() {
        open()
        gic.cpu = 1
        gic.gicr(.nsacr, set: 1 << (2 * 5))
        gic.cpu = 0
        enter(nonSecure)
        gic.icc(.sgi0r, set: 5 << 24 | 3)
        gic.isSecure = true
        #expect(!gic.isPending(5))
        gic.cpu = 1
        #expect(gic.isPending(5))
    }

    @Test("Firmware leaves all interrupts to Non-secure software when it hands over")
    func handOver() {
        gic.gic.handOver()
        gic.isSecure = true
        #expect(gic.gicd(.igroupr, 1) == 0xffff_ffff && gic.gicd(.igroupr, 2) == 0xffff_ffff)
        for cpu in 0..<2 {
            gic.cpu = cpu
            #expect(gic.gicr(.igroupr0) == 0xffff_ffff)
        }
    }

    @Test("A snapshot has what Secure software set, and a copy goes on from there")
    func snapshots() {
        let copy = GICv3Driver(hasSecurity: true)
        enter(el3)
        gic.gicd(.igrpmodr, 1, set: 0x1234)
        gic.gicd(.nsacr, 4, set: 0xf)
        gic.gicr(.igrpmodr0, set: 0x55)
        gic.gicr(.nsacr, set: 0x5)
        gic.icc(.bpr1, set: 5)
        copy.gic.distributor.restore(gic.gic.distributor.snapshot())
        copy.gic.redistributors.restore(gic.gic.redistributors.snapshot())
        copy.isSecure = true
        copy.gic.cpuInterface(0).enter(el3)
        #expect(copy.gicd(.igrpmodr, 1) == 0x1234 && copy.gicd(.nsacr, 4) == 0xf)
        #expect(copy.gicr(.igrpmodr0) == 0x55 && copy.gicr(.nsacr) == 0x5)
        #expect(copy.icc(.bpr1) == 5)
    }

    @Test("No access of either state harms it")
    func fuzz() {
        open()
        let words: [UInt64] = [0, 4, 0x84, 0x104, 0x204, 0x304, 0x384, 0x420, 0xc08, 0xd04, 0xe08, 0x6140]
        let frames = [
            gic.gic.distributor, gic.gic.secureDistributor, gic.gic.redistributors, gic.gic.secureRedistributors,
        ]
        for (seed, frame) in frames.enumerated() {
            frame.fuzz(region: 0x40000, hot: words + words.map { 0x10000 + $0 }, seed: UInt64(seed)) { random in
                enter([el3, secure, nonSecure][Int(random.next() % 3)])
                _ = gic.icc(random.next() % 2 == 0 ? .iar1 : .iar0)
                gic.icc(.eoir1, set: random.next() % 64)
                gic.icc(.dir, set: random.next())
            }
        }
    }
}
