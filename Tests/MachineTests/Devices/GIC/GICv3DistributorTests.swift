import Testing

@testable import Machine

/// Expected values: Arm Generic Interrupt Controller Architecture Specification, GICv3 and GICv4, IHI 0069H; sections and
/// registers cited are its.
@Suite("GICv3 Distributor and Redistributors")
struct GICv3DistributorTests {
    let gic = GICv3Driver()

    // MARK: Distributor

    @Test("GICD_TYPER and GICD_CTLR tell of one Security state with affinity routing, SPIs to one CPU, and LPIs")
    func type() {
        #expect(gic.gicd(.typer) == 0x037a_0002, "No1N, A3V, INTIDs of 16 bits, LPIS, 96 INTIDs")
        #expect(gic.gicd(.ctlr) == 0x50, "DS and ARE")
        gic.gicd(.ctlr, set: 0xffff_ffff)
        #expect(gic.gicd(.ctlr) == 0x53)
        gic.gicd(.ctlr, set: 0)
        #expect(gic.gicd(.ctlr) == 0x50)
        let bytes = stride(from: 0xffd0, to: 0x10000, by: 4).map { gic.gic.distributor.get(UInt64($0)) }
        #expect(bytes == [0x44, 0, 0, 0, 0x92, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1], "GICD_PIDR2.ArchRev is 3")
    }

    @Test("Set and clear registers change the bits written, of SPIs only")
    func setAndClear() {
        for (set, clear): (GICv3Driver.Distributor, GICv3Driver.Distributor) in [
            (.isenabler, .icenabler), (.ispendr, .icpendr), (.isactiver, .icactiver),
        ] {
            gic.gicd(set, 1, set: 0x8000_0011)
            gic.gicd(clear, 1, set: 0x8000_0010)
            #expect(gic.gicd(set, 1) == 1 && gic.gicd(clear, 1) == 1)
            gic.gicd(set, 0, set: 0xffff_ffff)
            gic.gicd(set, 3, set: 0xffff_ffff)
            #expect(gic.gicd(set, 0) == 0, "INTIDs below 32 are the Redistributors' (ARE)")
            #expect(gic.gicd(set, 3) == 0, "INTIDs from 96 on do not exist")
        }
        gic.gicd(.itargetsr, 8, set: 0xffff_ffff)
        #expect(gic.gicd(.itargetsr, 8) == 0, "there are no targets with affinity routing")
    }

    @Test("Priorities have five bits and are accessed by bytes and words")
    func priorities() {
        gic.gicd(.ipriorityr, 8, set: 0xffff_ffff)
        #expect(gic.gicd(.ipriorityr, 8) == 0xf8f8_f8f8)
        gic.gic.distributor.set(0x421, 0x9f, 1)
        #expect(gic.gicd(.ipriorityr, 8) == 0xf8f8_98f8)
        #expect(gic.gic.distributor.get(0x421, 1) == 0x98)
    }

    @Test("GICD_IROUTERn keeps an affinity, accessed whole or by halves, and says which CPU an SPI goes to")
    func route() {
        let gic = GICv3Driver(affinities: [0, 0x0203_0405])
        gic.open()
        gic.irouter(40, set: 0xffff_ffff_ffff_ffff)
        #expect(gic.irouter(40) == 0xff_00ff_ffff, "no CPU of any (No1N)")
        gic.enable(40, route: 0x02_0003_0405)
        gic.drive(spi: 40, true)
        #expect(gic.isHigh(.irq, cpu: 1) && !gic.isHigh(.irq, cpu: 0))
        gic.gic.distributor.set(0x6144, 0)
        #expect(gic.irouter(40) == 0x03_0405)
        #expect(!gic.isHigh(.irq, cpu: 1) && !gic.isHigh(.irq, cpu: 0), "there is no such CPU")
        gic.gic.distributor.set(0x6140, 0)
        #expect(gic.isHigh(.irq, cpu: 0))
        gic.irouter(96, set: 1)
        #expect(gic.irouter(96) == 0)
    }

    @Test("Level-sensitive interrupts are pending while their wire is high, others from its rise on (4.1.2)")
    func levelAndEdge() {
        gic.enable(41, edge: true)
        for intid: UInt64 in [40, 41] {
            gic.drive(spi: intid, true)
            #expect(gic.isPending(intid))
            gic.gicd(.icpendr, 1, set: 1 << (intid % 32))
            #expect(gic.isPending(intid) == (intid == 40))
            gic.drive(spi: intid, false)
            #expect(!gic.isPending(intid))
        }
    }

    @Test(
        "An interrupt is forwarded if it is enabled, and its group in GICD_CTLR (4.7.2)", arguments: [0, 1] as [UInt64])
    func enables(group: UInt64) {
        gic.open()
        let pin: GICv3Driver.Pin = group == 1 ? .irq : .fiq
        gic.enable(40, group: group)
        gic.pend(40)
        #expect(gic.isHigh(pin))
        gic.gicd(.icenabler, 1, set: 0x100)
        #expect(!gic.isHigh(pin) && gic.isPending(40))
        gic.gicd(.isenabler, 1, set: 0x100)
        gic.gicd(.ctlr, set: group == 1 ? 1 : 2)
        #expect(!gic.isHigh(pin) && gic.isPending(40))
        gic.gicd(.ctlr, set: group == 1 ? 2 : 1)
        #expect(gic.isHigh(pin))
    }

    // MARK: Redistributors

    @Test("GICR_TYPER tells the CPU's number and affinity, and which is the last")
    func redistributorType() {
        let gic = GICv3Driver(affinities: [0, 0x100])
        #expect(gic.gicr(.typer, size: 8) == 0x0000_0000_0100_0001, "CommonLPIAff, PLPIS")
        gic.cpu = 1
        #expect(gic.gicr(.typer, size: 8) == 0x0000_0100_0100_0111)
        #expect(gic.gicr(.typer, 1) == 0x100)
        #expect(gic.gicr(.iidr) == 0x43b)
        #expect(gic.gic.redistributors.get(0x2ffe8) == 0x3b)
        gic.cpu = 2
        #expect(gic.gicr(.typer, size: 8) == 0)
    }

    @Test("GICR_WAKER.ChildrenAsleep follows ProcessorSleep")
    func waker() {
        #expect(gic.gicr(.waker) == 6)
        gic.gicr(.waker, set: 0)
        #expect(gic.gicr(.waker) == 0)
        gic.gicr(.waker, set: 0xffff_ffff)
        #expect(gic.gicr(.waker) == 6)
    }

    @Test("A Redistributor has the registers of its CPU's SGIs and PPIs")
    func privateInterrupts() {
        gic.gicr(.isenabler0, set: 0x0800_0001)
        #expect(gic.gicr(.isenabler0) == 0x0800_0001)
        gic.gicr(.icenabler0, set: 1)
        #expect(gic.gicr(.isenabler0) == 0x0800_0000)
        gic.gicr(.icfgr, 0, set: 0)
        #expect(gic.gicr(.icfgr, 0) == 0xaaaa_aaaa, "SGIs are edge-triggered")
        gic.gicr(.icfgr, 1, set: 0xffff_ffff)
        #expect(gic.gicr(.icfgr, 1) == 0xaaaa_aaaa)
        gic.gicr(.ipriorityr, 7, set: 0x1020_3040)
        #expect(gic.gicr(.ipriorityr, 7) == 0x1020_3040)
        gic.gicr(.ispendr0, set: 0x1)
        #expect(gic.gicr(.ispendr0) == 0x1, "SGIs too are pended by software")
        gic.cpu = 1
        #expect(gic.gicr(.isenabler0) == 0 && gic.gicr(.ipriorityr, 7) == 0 && gic.gicr(.ispendr0) == 0)
    }

    @Test("The wire of a PPI is one CPU's")
    func wires() {
        gic.open()
        let line = gic.gic.line(ppi: 27, cpu: 1)
        gic.cpu = 1
        gic.enable(27)
        line.set(true)
        #expect(gic.isHigh(.irq, cpu: 1) && !gic.isHigh(.irq, cpu: 0))
        #expect(gic.icc(.iar1) == 27)
        line.set(false)
        gic.icc(.eoir1, set: 27)
        #expect(!gic.isHigh(.irq, cpu: 1))
        let shared = gic.gic.line(spi: 8)
        gic.enable(40, route: 1)
        shared.set(true)
        #expect(gic.icc(.iar1) == 40)
    }

    // MARK: SGIs

    @Test("ICC_SGI1R_EL1 sends to a list of sixteen CPUs with common affinity, or to all others (12.2.20)")
    func sgis() {
        let gic = GICv3Driver(affinities: [0x0102_0300, 0x0102_031f])
        func sent(_ value: UInt64) -> [Bool] {
            gic.icc(.sgi1r, set: value)
            return (0..<2).map { cpu in
                gic.cpu = cpu
                let isPending = gic.isPending(5)
                gic.gicr(.icpendr0, set: 0xffff)
                gic.cpu = 0
                return isPending
            }
        }
        for cpu in 0..<2 {
            gic.cpu = cpu
            gic.gicr(.igroupr0, set: 0xffff_ffff)
        }
        gic.cpu = 0
        let cluster: UInt64 = 0x01 << 48 | 0x02 << 32 | 0x03 << 16
        #expect(sent(cluster | 5 << 24 | 0x0001) == [true, false])
        #expect(sent(cluster | 5 << 24 | 0x8001) == [true, false], "Aff0 0x0f is not 0x1f")
        #expect(sent(cluster | 1 << 44 | 5 << 24 | 0x8000) == [false, true], "RS")
        #expect(sent(5 << 24 | 0xffff) == [false, false])
        #expect(sent(1 << 40 | 5 << 24) == [false, true], "IRM: all but the sender")
        #expect(sent(cluster | 6 << 24 | 0x0001) == [false, false])
    }

    @Test("An SGI arrives only if its group at the target is the one it was sent as (table 12-14)")
    func sgiGroups() {
        gic.gicr(.igroupr0, set: 0x2)
        gic.icc(.sgi1r, set: 0x0000_0001)
        #expect(!gic.isPending(0))
        gic.icc(.sgi0r, set: 0x0000_0001)
        #expect(gic.isPending(0))
        gic.icc(.sgi0r, set: 0x0100_0001)
        gic.icc(.asgi1r, set: 0x0100_0001)
        #expect(!gic.isPending(1))
        gic.icc(.sgi1r, set: 0x0100_0001)
        #expect(gic.isPending(1))
    }

    // MARK: Robustness

    private static let words: [UInt64] = [
        0x000, 0x080, 0x100, 0x180, 0x200, 0x280, 0x300, 0x380, 0x400, 0x420, 0x800, 0xc00, 0xc08, 0x6100, 0x6140,
    ]

    @Test("Random accesses and wires do no harm, and the described state is all of it")
    func fuzzDistributor() {
        gic.open()
        gic.gic.distributor.fuzz(region: 0x10000, hot: Self.words.flatMap { [$0, $0 + 4, $0 + 8] }) { random in
            gic.cpu = Int(random.next() % 2)
            gic.drive(spi: random.next() % 4000, random.next() % 2 == 0)
            if random.next() % 4 == 0 { _ = gic.icc(.iar1) }
            if random.next() % 4 == 0 { gic.icc(.eoir1, set: random.next() % 1024) }
        }
        let copy = GICv3Driver()
        expectRestores(gic.gic.distributor as! GICv3Distributor, into: copy.gic.distributor as! GICv3Distributor) {
            gicd in
            Self.words.map { gicd.get($0) } + (32..<96).map { gicd.get(0x6000 + 8 * $0, 8) }
        }
    }

    @Test("Random accesses to Redistributors do no harm, and the described state is all of it")
    func fuzzRedistributors() {
        gic.open()
        let words: [UInt64] = [0, 4, 8, 0x14, 0x70, 0x78] + Self.words.prefix(12).map { 0x10000 + $0 }
        gic.gic.redistributors.fuzz(region: 0x60000, hot: words + words.map { $0 + 0x20000 }) { random in
            gic.cpu = Int(random.next() % 2)
            _ = gic.icc(random.next() % 2 == 0 ? .iar1 : .iar0)
            gic.icc(.eoir1, set: random.next() % 32)
            gic.icc(.sgi1r, set: random.next() & 0x100_0f00_0003)
        }
        let copy = GICv3Driver()
        copy.gic.distributor.restore(gic.gic.distributor.snapshot())
        expectRestores(
            gic.gic.redistributors as! GICv3RedistributorRegion,
            into: copy.gic.redistributors as! GICv3RedistributorRegion
        ) { gicr in words.map { gicr.get($0) } }
        for cpu in 0..<2 {
            gic.cpu = cpu
            copy.cpu = cpu
            for register in AArch64Registers.interface {
                #expect(copy.icc(register) == gic.icc(register), "\(register)")
            }
        }
    }

    @Test("A damaged snapshot leaves a device that works")
    func damagedSnapshot() {
        for seed: UInt64 in 0..<20 {
            for device in [gic.gic.distributor, gic.gic.redistributors] {
                var scrambler = StateScrambler(random: SplitMix64(seed: seed))
                device.describeState(&scrambler)
            }
            gic.gic.distributor.fuzz(region: 0x10000, hot: Self.words, seed: seed, count: 200)
            gic.gic.redistributors.fuzz(region: 0x40000, hot: [0, 0x70, 0x78, 0x10200], seed: seed, count: 200)
            var random = SplitMix64(seed: seed)
            for _ in 0..<200 {
                for register in AArch64Registers.interface {
                    _ = gic.icc(register)
                    gic.icv(register, set: random.next() % 1024)
                    _ = gic.icv(register)
                    gic.icc(register, set: random.next() % 1024)
                }
            }
        }
    }
}

/// The system registers of a GICv3, for tests that go through all of them.
enum AArch64Registers {
    static let interface = GICv3Driver.Register.allCases
    static let hypervisor = GICv3Driver.HypervisorRegister.allCases
}
