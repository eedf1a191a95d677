import Testing

@testable import Machine

/// Expected values: ARM Generic Interrupt Controller Architecture Specification 2.0, IHI 0048B; sections cited are its.
@Suite("GICv2 Distributor")
struct GICv2DistributorTests {
    let gic = GICv2Driver()

    @Test(
        "GICD_TYPER tells the number of interrupts and CPUs (4.3.2)", arguments: [(1, 32), (2, 64), (8, 256), (4, 960)])
    func type(cpus: Int, spis: Int) {
        let gic = GICv2Driver(cpus: cpus, spis: spis)
        #expect(gic.gicd(.typer) == UInt64(cpus - 1) << 5 | UInt64(spis / 32))
        #expect(gic.gicd(.isenabler, 0) == 0xffff, "SGIs are always enabled, nothing else is after reset")
        #expect(gic.gicd(.icfgr, 0) == 0xaaaa_aaaa, "SGIs are edge-triggered (4.3.13)")
        #expect(gic.gicd(.icfgr, 1) == 0)
        #expect(gic.gicd(.ctlr) == 0)
    }

    @Test("The identification registers say GICv2 (4.3.18)")
    func identification() {
        let bytes = stride(from: 0xfd0, to: 0x1000, by: 4).map { gic.gic.distributor.get(UInt64($0)) }
        #expect(bytes == [0x04, 0, 0, 0, 0x90, 0xb4, 0x2b, 0, 0x0d, 0xf0, 0x05, 0xb1])
    }

    @Test("Set and clear registers change the bits written and read the same state (4.3.5 to 4.3.10)")
    func setAndClear() {
        for (set, clear): (GICv2Driver.Distributor, GICv2Driver.Distributor) in [
            (.isenabler, .icenabler), (.ispendr, .icpendr), (.isactiver, .icactiver),
        ] {
            gic.gicd(set, 1, set: 0x8000_0011)
            gic.gicd(set, 1, set: 0x0000_0100)
            #expect(gic.gicd(set, 1) == 0x8000_0111)
            gic.gicd(clear, 1, set: 0x8000_0010)
            #expect(gic.gicd(clear, 1) == 0x101)
            #expect(gic.gicd(set, 1) == 0x101)
            #expect(gic.gicd(set, 2) == 0)
        }
    }

    @Test("Registers of interrupts that do not exist read zero")
    func absentInterrupts() {
        for register: GICv2Driver.Distributor in [.igroupr, .isenabler, .ispendr, .isactiver] {
            gic.gicd(register, 3, set: 0xffff_ffff)
            #expect(gic.gicd(register, 3) == 0)
        }
        gic.gicd(.ipriorityr, 24, set: 0xffff_ffff)
        #expect(gic.gicd(.ipriorityr, 24) == 0)
        gic.gicd(.itargetsr, 24, set: 0xffff_ffff)
        #expect(gic.gicd(.itargetsr, 24) == 0)
    }

    @Test("SGIs are neither disabled, nor made level-sensitive, nor pended but by their own registers (4.3.5 to 4.3.8)")
    func fixedSGIs() {
        gic.gicd(.icenabler, 0, set: 0xffff_ffff)
        #expect(gic.gicd(.isenabler, 0) == 0xffff)
        gic.gicd(.icfgr, 0, set: 0)
        #expect(gic.gicd(.icfgr, 0) == 0xaaaa_aaaa)
        gic.gicd(.ispendr, 0, set: 0xffff_ffff)
        #expect(gic.gicd(.ispendr, 0) == 0xffff_0000)
    }

    @Test("Priorities, targets and SGI states are accessed by bytes and words (4.1.4)")
    func byteAccess() {
        let gicd = gic.gic.distributor
        gicd.set(0x421, 0x9a, 1)
        #expect(gicd.get(0x420) == 0x9a00)
        #expect(gicd.get(0x421, 1) == 0x9a)
        gicd.set(0x822, 0x02, 1)
        #expect(gicd.get(0x820) == 0x2_0000)
        gicd.set(0xf23, 0x03, 1)
        #expect(gicd.get(0xf20) == 0x0300_0000)
        gicd.set(0xf13, 0x01, 1)
        #expect(gicd.get(0xf10) == 0x0200_0000)
        #expect(throws: AccessFault.self) { try gicd.read(0, size: 8) }
        #expect(throws: AccessFault.self) { try gicd.read(0x402, size: 4) }
    }

    @Test("Registers of SGIs and PPIs are banked for each CPU (4.1.4)")
    func banked() {
        for register: GICv2Driver.Distributor in [.igroupr, .isenabler, .ispendr, .isactiver, .ipriorityr] {
            gic.cpu = 0
            gic.gicd(register, 0, set: 0x0100_0000)
            gic.cpu = 1
            #expect(gic.gicd(register, 0) & 0xffff_0000 == 0, "\(register)")
        }
    }

    @Test("GICD_ITARGETSR0 to 7 tell each CPU its number, and the others keep CPUs that exist (4.3.12)")
    func targets() {
        #expect(gic.gicd(.itargetsr, 0) == 0x0101_0101)
        #expect(gic.gicd(.itargetsr, 7) == 0x0101_0101)
        gic.cpu = 1
        gic.gicd(.itargetsr, 0, set: 0)
        #expect(gic.gicd(.itargetsr, 0) == 0x0202_0202)
        gic.gicd(.itargetsr, 8, set: 0xff02_0100)
        #expect(gic.gicd(.itargetsr, 8) == 0x0302_0100)
    }

    @Test("With one CPU, targets read zero, and it is the target of everything (4.3.12)")
    func oneCPU() {
        let gic = GICv2Driver(cpus: 1)
        gic.gicd(.itargetsr, 8, set: 0xffff_ffff)
        #expect(gic.gicd(.itargetsr, 8) == 0)
        #expect(gic.gicd(.itargetsr, 0) == 0)
        gic.gicd(.ctlr, set: 1)
        gic.gicc(.ctlr, set: 1)
        gic.gicc(.pmr, set: 0xff)
        gic.gicd(.isenabler, 1, set: 1)
        gic.drive(spi: 32, true)
        #expect(gic.isHigh(.irq))
    }

    @Test("A level-sensitive interrupt is pending while its wire is high, and longer where software pended it (4.3.7)")
    func level() {
        gic.drive(spi: 40, true)
        #expect(gic.isPending(40))
        gic.gicd(.icpendr, 1, set: 0x100)
        #expect(gic.isPending(40), "the wire is still high")
        gic.drive(spi: 40, false)
        #expect(!gic.isPending(40))
        gic.pend(40)
        gic.drive(spi: 40, true)
        gic.drive(spi: 40, false)
        #expect(gic.isPending(40))
        gic.gicd(.icpendr, 1, set: 0x100)
        #expect(!gic.isPending(40))
    }

    @Test("An edge-triggered interrupt is pending from a rise on, until cleared (4.3.7, 4.3.8)")
    func edge() {
        gic.enable(40, edge: true)
        gic.drive(spi: 40, true)
        gic.drive(spi: 40, false)
        #expect(gic.isPending(40))
        gic.gicd(.icpendr, 1, set: 0x100)
        #expect(!gic.isPending(40))
        gic.drive(spi: 40, true)
        #expect(gic.isPending(40))
    }

    @Test("An SPI goes to all its targets, and the first that acknowledges it has it (3.2.3, 1-N model)")
    func oneOfMany() {
        gic.open()
        gic.enable(40, targets: 3)
        gic.drive(spi: 40, true)
        #expect(gic.isHigh(.irq, cpu: 0) && gic.isHigh(.irq, cpu: 1))
        gic.cpu = 1
        #expect(gic.gicc(.iar) == 40)
        #expect(!gic.isHigh(.irq, cpu: 0) && !gic.isHigh(.irq, cpu: 1))
        gic.cpu = 0
        #expect(gic.gicc(.iar) == 1023)
    }

    @Test("Disabled interrupts, and groups that GICD_CTLR disables, stay pending and are not forwarded (4.3.1, 4.3.5)")
    func enables() {
        gic.open()
        gic.enable(40)
        gic.drive(spi: 40, true)
        #expect(gic.isHigh(.irq))
        gic.gicd(.icenabler, 1, set: 0x100)
        #expect(!gic.isHigh(.irq) && gic.isPending(40))
        gic.gicd(.isenabler, 1, set: 0x100)
        gic.gicd(.ctlr, set: 2)
        #expect(!gic.isHigh(.irq) && gic.isPending(40))
        #expect(gic.gicc(.hppir) == 1023)
        gic.gicd(.igroupr, 1, set: 0x100)
        #expect(gic.isHigh(.irq))
    }

    @Test("A PPI is the CPU's own")
    func privateInterrupt() {
        gic.open()
        let line = gic.gic.line(ppi: 27, cpu: 1)
        gic.cpu = 1
        gic.enable(27)
        line.set(true)
        #expect(gic.isHigh(.irq, cpu: 1) && !gic.isHigh(.irq, cpu: 0))
        #expect(gic.gicc(.iar) == 27)
        #expect(gic.isActive(27))
        gic.cpu = 0
        #expect(!gic.isActive(27) && !gic.isPending(27))
    }

    // MARK: SGIs

    @Test(
        "GICD_SGIR sends to a list, to all others, or to the sender (4.3.15)",
        arguments: [
            (0x0000_0000, [false, false]), (0x0002_0000, [false, true]), (0x00ff_0000, [true, true]),
            (0x01ff_0000, [false, true]), (0x0200_0000, [true, false]), (0x03ff_0000, [false, false]),
        ] as [(UInt64, [Bool])])
    func sendSGI(target: UInt64, isSent: [Bool]) {
        gic.open()
        gic.gicd(.sgir, set: target | 5)
        #expect((0..<2).map { gic.isHigh(.irq, cpu: $0) } == isSent)
    }

    @Test("GICC_IAR and GICC_HPPIR name an SGI's sender, of which each is pending by itself (4.4.4, 4.3.16)")
    func sgiSenders() {
        gic.open()
        for sender in [1, 0] {
            gic.cpu = sender
            gic.gicd(.sgir, set: 0x0002_0003)
        }
        gic.cpu = 1
        #expect(gic.gicd(.spendsgir) == 0x0300_0000)
        #expect(gic.gicc(.hppir) == 0x003)
        #expect(gic.gicc(.iar) == 0x003)
        #expect(gic.gicd(.cpendsgir) == 0x0200_0000)
        #expect(gic.gicd(.isactiver) == 0x8 && gic.gicd(.ispendr) == 0x8)
        #expect(!gic.isHigh(.irq, cpu: 1), "an active SGI waits")
        gic.gicc(.eoir, set: 0x003)
        #expect(gic.gicc(.hppir) == 0x403)
        #expect(gic.gicc(.iar) == 0x403)
        gic.gicc(.eoir, set: 0x403)
        #expect(gic.gicc(.iar) == 1023)
        #expect(gic.gicd(.spendsgir) == 0 && gic.gicd(.isactiver) == 0)
    }

    @Test("GICD_SPENDSGIR and GICD_CPENDSGIR change what is pending for the CPU that writes (4.3.16, 4.3.17)")
    func sgiPending() {
        gic.open()
        gic.gicd(.spendsgir, 1, set: 0xff00)  // SGI 5, from both CPUs and from some that do not exist
        #expect(gic.gicd(.spendsgir, 1) == 0x0300)
        #expect(gic.isHigh(.irq, cpu: 0) && !gic.isHigh(.irq, cpu: 1))
        gic.gicd(.cpendsgir, 1, set: 0x0100)
        #expect(gic.gicc(.hppir) == 0x405)
        gic.gicd(.cpendsgir, 1, set: 0x0200)
        #expect(!gic.isHigh(.irq, cpu: 0))
    }

    // MARK: Robustness

    /// The first words of each kind of register.
    private static let hot: [UInt64] = {
        let kinds: [UInt64] = [
            0x000, 0x080, 0x100, 0x180, 0x200, 0x280, 0x300, 0x380, 0x400, 0x420, 0x800, 0x820, 0xc00, 0xf00, 0xf10,
            0xf20, 0xfd0,
        ]
        return kinds.flatMap { [$0, $0 + 4, $0 + 8] }
    }()

    @Test("Random accesses and wires do no harm, and the described state is all of it")
    func fuzz() {
        gic.open()
        gic.gic.distributor.fuzz(region: 0x1000, hot: Self.hot) { random in
            gic.cpu = Int(random.next() % 3)  // one of which does not exist
            gic.drive(spi: random.next() % 2100, random.next() % 2 == 0)
            if random.next() % 4 == 0 { _ = gic.gicc(.iar) }
            if random.next() % 4 == 0 { gic.gicc(.eoir, set: random.next() % 1024) }
        }
        gic.cpu = 0
        let copy = GICv2Driver()
        expectRestores(gic.gic.distributor as! GICv2Distributor, into: copy.gic.distributor as! GICv2Distributor) {
            gicd in
            stride(from: 0, to: 0x1000, by: 4).map { gicd.get(UInt64($0)) }
        }
    }

    @Test("A damaged snapshot leaves a device that works")
    func damagedSnapshot() {
        for seed: UInt64 in 0..<20 {
            for device in [
                gic.gic.distributor, gic.gic.cpuInterface, gic.gic.virtualControl, gic.gic.virtualCPUInterface,
            ] {
                var scrambler = StateScrambler(random: SplitMix64(seed: seed))
                device.describeState(&scrambler)
            }
            for device in [
                gic.gic.distributor, gic.gic.cpuInterface, gic.gic.virtualControl, gic.gic.virtualCPUInterface,
            ] {
                device.fuzz(region: 0x1000, hot: Self.hot, seed: seed, count: 200) { random in
                    gic.drive(spi: random.next() % 200, random.next() % 2 == 0)
                }
            }
        }
    }
}
