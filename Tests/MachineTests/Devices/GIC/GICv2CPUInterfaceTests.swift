import Testing

@testable import Machine

/// Expected values: ARM Generic Interrupt Controller Architecture Specification 2.0, IHI 0048B; sections cited are its.
@Suite("GICv2 CPU interface")
struct GICv2CPUInterfaceTests {
    let gic = GICv2Driver()

    @Test("After reset nothing is enabled and every priority is masked (4.4)")
    func resetValues() {
        #expect(gic.gicc(.ctlr) == 0 && gic.gicc(.pmr) == 0 && gic.gicc(.bpr) == 0)
        #expect(gic.gicc(.abpr) == 1, "GICC_ABPR is greater by one than GICC_BPR (4.4.10)")
        #expect(gic.gicc(.rpr) == 0xff && gic.gicc(.hppir) == 1023 && gic.gicc(.iar) == 1023)
    }

    @Test("Writable bits hold what is written (4.4.1 to 4.4.3, 4.4.10)")
    func readBack() {
        gic.gicc(.ctlr, set: 0xffff_ffff)
        #expect(gic.gicc(.ctlr) == 0x21f)
        gic.gicc(.pmr, set: 0xffff_ff5a)
        #expect(gic.gicc(.pmr) == 0x5a)
        gic.gicc(.bpr, set: 0xfd)
        #expect(gic.gicc(.bpr) == 5)
        gic.gicc(.abpr, set: 0)
        #expect(gic.gicc(.abpr) == 1, "a value below the minimum sets the minimum")
        for offset: UInt64 in [0xd0, 0xd4, 0xd8, 0xdc, 0xe0, 0xe4, 0xe8, 0xec] {
            gic.gic.cpuInterface.set(offset, offset << 8 | 1)
        }
        for offset: UInt64 in [0xd0, 0xd4, 0xd8, 0xdc, 0xe0, 0xe4, 0xe8, 0xec] {
            #expect(gic.gic.cpuInterface.get(offset) == offset << 8 | 1)
        }
    }

    @Test("An interrupt is acknowledged once, and is active until its end (3.2.4)")
    func lifeCycle() {
        gic.open()
        gic.enable(40)
        gic.drive(spi: 40, true)
        #expect(gic.isHigh(.irq))
        #expect(gic.gicc(.hppir) == 40)
        #expect(gic.gicc(.iar) == 40)
        #expect(!gic.isHigh(.irq))
        #expect(gic.isActive(40) && gic.isPending(40), "the wire is high: active and pending")
        #expect(gic.gicc(.rpr) == 0x80)
        #expect(gic.gicc(.iar) == 1023)
        gic.gicc(.eoir, set: 40)
        #expect(!gic.isActive(40) && gic.isHigh(.irq), "level-sensitive: it comes again")
        #expect(gic.gicc(.rpr) == 0xff)
        gic.drive(spi: 40, false)
        #expect(!gic.isHigh(.irq))
    }

    @Test("An edge that comes while the interrupt is active makes it pending anew (3.2.4)")
    func edgeWhileActive() {
        gic.open()
        gic.enable(40, edge: true)
        gic.drive(spi: 40, true)
        #expect(gic.gicc(.iar) == 40)
        #expect(gic.isActive(40) && !gic.isPending(40))
        gic.drive(spi: 40, false)
        gic.drive(spi: 40, true)
        #expect(gic.isPending(40) && !gic.isHigh(.irq))
        gic.gicc(.eoir, set: 40)
        #expect(gic.isHigh(.irq))
    }

    @Test("Only a priority higher than GICC_PMR is signalled (4.4.2)")
    func priorityMask() {
        gic.open()
        gic.enable(40, priority: 0x80)
        gic.pend(40)
        gic.gicc(.pmr, set: 0x80)
        #expect(!gic.isHigh(.irq))
        #expect(gic.gicc(.iar) == 1023)
        #expect(gic.gicc(.hppir) == 40, "it is pending all the same")
        gic.gicc(.pmr, set: 0x81)
        #expect(gic.isHigh(.irq))
    }

    @Test("The highest priority goes first, and the lowest INTID among equals")
    func order() {
        gic.open()
        for (intid, priority): (UInt64, UInt64) in [(50, 0x90), (41, 0x20), (95, 0x10), (40, 0x20), (33, 0xfe)] {
            gic.enable(intid, priority: priority)
            gic.pend(intid)
        }
        var order: [UInt64] = []
        while case let intid = gic.gicc(.iar), intid != 1023 {
            order.append(intid)
            gic.gicc(.eoir, set: intid)
        }
        #expect(order == [95, 40, 41, 50, 33])
    }

    @Test("A higher group priority preempts, and ends come in reverse order (3.3.2, 3.3.3)")
    func preemption() {
        gic.open()
        gic.enable(40, priority: 0x80)
        gic.enable(41, priority: 0x40)
        gic.pend(40)
        #expect(gic.gicc(.iar) == 40)
        gic.pend(41)
        #expect(gic.isHigh(.irq))
        #expect(gic.gicc(.iar) == 41)
        #expect(gic.gicc(.rpr) == 0x40)
        gic.gicc(.eoir, set: 41)
        #expect(gic.gicc(.rpr) == 0x80)
        gic.gicc(.eoir, set: 40)
        #expect(gic.gicc(.rpr) == 0xff)
    }

    @Test(
        "The binary point leaves priority bits out of preemption (table 3-2)",
        arguments: Array(0...7) as [UInt64])
    func binaryPoint(point: UInt64) {
        gic.open()
        gic.gicc(.bpr, set: point)
        // The priorities differ in bit `bit` alone.
        for bit: UInt64 in 1...7 {
            gic.enable(40, priority: 1 << bit)
            gic.enable(41, priority: 0)
            gic.pend(40)
            #expect(gic.gicc(.iar) == 40)
            gic.pend(41)
            #expect(gic.isHigh(.irq) == (bit > point), "bit \(bit) at binary point \(point)")
            let running = gic.gicc(.rpr)
            #expect(running == (bit > point ? 1 << bit : 0), "GICC_RPR is the group priority")
            gic.gicd(.icpendr, 1, set: 1 << 9)
            gic.gicc(.eoir, set: 40)
        }
    }

    @Test("Group 1 has GICC_ABPR, less one, unless the binary point is common (4.4.10, 4.4.1)")
    func group1BinaryPoint() {
        gic.open()
        gic.gicc(.bpr, set: 7)
        gic.gicc(.abpr, set: 4)
        gic.enable(40, priority: 0x18, group: 1)
        gic.pend(40)
        #expect(gic.gicc(.iar) == 40)
        #expect(gic.gicc(.rpr) == 0x10, "bits 7 to 4")
        gic.gicc(.eoir, set: 40)
        gic.gicc(.ctlr, set: 0x017)
        gic.pend(40)
        #expect(gic.gicc(.iar) == 40)
        #expect(gic.gicc(.rpr) == 0x00, "no bit")
        #expect(gic.gicc(.nsapr0) == 1 && gic.gicc(.apr0) == 0)
    }

    @Test("Active priorities are one bit for each group priority, of each group (4.4.14)")
    func activePriorities() {
        gic.open()
        gic.enable(40, priority: 0x82)
        gic.enable(41, priority: 0x40, group: 1)
        gic.pend(40)
        _ = gic.gicc(.iar)
        gic.pend(41)
        _ = gic.gicc(.iar)
        #expect(gic.gic.cpuInterface.get(0xd8) == 0x2, "0x82 / 2 = 65 = 64 + 1")
        #expect(gic.gic.cpuInterface.get(0xe4) == 0x1, "0x40 / 2 = 32")
        gic.gic.cpuInterface.set(0xe4, 0)
        #expect(gic.gicc(.rpr) == 0x82)
    }

    @Test("FIQEn makes Group 0 interrupts FIQs (4.4.1)")
    func fiq() {
        gic.open(control: 0x00b)
        gic.enable(40)
        gic.pend(40)
        #expect(gic.isHigh(.fiq) && !gic.isHigh(.irq))
        gic.gicd(.igroupr, 1, set: 0x100)
        #expect(!gic.isHigh(.fiq) && gic.isHigh(.irq))
    }

    @Test("Without AckCtl GICC_IAR answers 1022 to a Group 1 interrupt that GICC_AIAR acknowledges (3.2.5, 4.4.11)")
    func acknowledgeControl() {
        gic.open(control: 0x003)
        gic.enable(40, group: 1)
        gic.pend(40)
        #expect(gic.isHigh(.irq))
        #expect(gic.gicc(.iar) == 1022 && gic.gicc(.hppir) == 1022)
        #expect(gic.gicc(.ahppir) == 40)
        #expect(gic.gicc(.aiar) == 40)
        #expect(gic.gicc(.iar) == 1023)
        gic.gicc(.aeoir, set: 40)
        #expect(!gic.isActive(40))
        gic.gicc(.ctlr, set: 0x007)
        gic.pend(40)
        #expect(gic.gicc(.hppir) == 40)
        #expect(gic.gicc(.iar) == 40)
    }

    @Test("The aliased registers do not touch Group 0 (4.4.11 to 4.4.13)")
    func aliases() {
        gic.open()
        gic.enable(40)
        gic.pend(40)
        #expect(gic.gicc(.aiar) == 1023 && gic.gicc(.ahppir) == 1023)
        #expect(gic.gicc(.iar) == 40)
        gic.gicc(.aeoir, set: 40)
        #expect(gic.isActive(40) && gic.gicc(.rpr) == 0x80)
    }

    @Test("1022 is answered only where the priority would suffice (3.2.5)")
    func otherGroupMasked() {
        gic.open(control: 0x003)
        gic.enable(40, priority: 0x80, group: 1)
        gic.pend(40)
        gic.gicc(.pmr, set: 0x80)
        #expect(gic.gicc(.iar) == 1023)
    }

    @Test("A group that the CPU interface disables is not signalled (4.4.1)")
    func groupDisabled() {
        gic.open(control: 0x006)
        gic.enable(40)
        gic.pend(40)
        #expect(!gic.isHigh(.irq))
        #expect(gic.gicc(.iar) == 1023 && gic.gicc(.hppir) == 1023)
    }

    @Test("With EOImode GICC_EOIR drops the priority, and GICC_DIR deactivates (4.4.5, 4.4.15)")
    func separateDeactivation() {
        gic.open(control: 0x207)
        gic.enable(40)
        gic.drive(spi: 40, true)
        #expect(gic.gicc(.iar) == 40)
        gic.gicc(.eoir, set: 40)
        #expect(gic.gicc(.rpr) == 0xff && gic.isActive(40) && !gic.isHigh(.irq))
        gic.gicc(.dir, set: 40)
        #expect(!gic.isActive(40) && gic.isHigh(.irq))
    }

    @Test("Without EOImode GICC_DIR does nothing; nor does an end of what was not acknowledged, or of 1020 to 1023")
    func ignoredEnds() {
        gic.open()
        gic.enable(40)
        gic.gicd(.isactiver, 1, set: 0x100)
        gic.gicc(.dir, set: 40)
        gic.gicc(.eoir, set: 40)
        #expect(gic.isActive(40))
        gic.enable(41)
        gic.pend(41)
        #expect(gic.gicc(.iar) == 41)
        for intid: UInt64 in 1020...1023 { gic.gicc(.eoir, set: intid) }
        gic.gicc(.eoir, set: 500)
        #expect(gic.gicc(.rpr) == 0x80)
    }

    @Test("Each CPU has its own registers, and there are none beyond the last CPU")
    func banked() {
        gic.gicc(.pmr, set: 0x11)
        gic.cpu = 1
        #expect(gic.gicc(.pmr) == 0)
        gic.gicc(.pmr, set: 0x22)
        gic.cpu = 2
        gic.gicc(.pmr, set: 0x33)
        #expect(gic.gicc(.pmr) == 0)
        gic.cpu = 0
        #expect(gic.gicc(.pmr) == 0x11)
    }

    @Test("Reset returns every register to its value and withdraws the signals, while wires keep their level")
    func reset() {
        let fresh = GICv2Driver()
        gic.open(control: 0x20f)
        gic.enable(40, targets: 3)
        gic.gicd(.sgir, set: 0x00ff_0001)
        #expect(gic.isHigh(.fiq))
        for device in [gic.gic.virtualCPUInterface, gic.gic.virtualControl, gic.gic.cpuInterface, gic.gic.distributor] {
            device.reset()
        }
        #expect(!gic.isHigh(.fiq))
        #expect(gic.gic.distributor.snapshot() == fresh.gic.distributor.snapshot())
        #expect(gic.gic.cpuInterface.snapshot() == fresh.gic.cpuInterface.snapshot())
        gic.drive(spi: 40, true)
        gic.gic.distributor.reset()
        #expect(gic.isPending(40))
    }

    @Test("Random accesses do no harm, and the described state is all of it")
    func fuzz() {
        gic.open()
        for intid: UInt64 in 32..<96 {
            gic.enable(intid, priority: intid * 3 % 256, group: intid & 1, targets: intid % 4)
        }
        let hot = (0..<11).map { UInt64($0 * 4) } + [0xd0, 0xdc, 0xe0, 0xfc, 0x1000]
        gic.gic.cpuInterface.fuzz(region: 0x2000, hot: hot) { random in
            gic.cpu = Int(random.next() % 3)
            gic.drive(spi: random.next() % 100, random.next() % 2 == 0)
            if random.next() % 16 == 0 { gic.gicd(.sgir, set: random.next() & 0x03ff_000f) }
        }
        let copy = GICv2Driver()
        copy.gic.distributor.restore(gic.gic.distributor.snapshot())
        for cpu in 0..<2 {
            gic.cpu = cpu
            copy.cpu = cpu
            expectRestores(
                gic.gic.cpuInterface as! BankedFrame,
                into: copy.gic.cpuInterface as! BankedFrame
            ) { gicc in (0..<11).map { gicc.get($0 * 4) } + [0xd0, 0xe0].map { gicc.get($0) } }
        }
    }
}
