import Testing

@testable import Machine

/// Expected values: Arm Generic Interrupt Controller Architecture Specification, GICv3 and GICv4, IHI 0069H; sections and
/// registers cited are its.
@Suite("GICv3 CPU interface")
struct GICv3CPUInterfaceTests {
    let gic = GICv3Driver()

    @Test("After reset nothing is enabled and every priority is masked")
    func resetValues() {
        for register: GICv3Driver.Register in [.pmr, .igrpen0, .igrpen1, .ap0r0, .ap1r0] {
            #expect(gic.icc(register) == 0)
        }
        for register: GICv3Driver.Register in [.iar0, .iar1, .hppir0, .hppir1] { #expect(gic.icc(register) == 1023) }
        #expect(gic.icc(.rpr) == 0xff)
        #expect(gic.icc(.bpr0) == 2 && gic.icc(.bpr1) == 3, "five bits of priority")
        #expect(gic.icc(.ctlr) == 0x8c00, "A3V, INTIDs of 24 bits, PRIbits 4")
    }

    @Test("Writable bits hold what is written")
    func readBack() {
        for (register, expected): (GICv3Driver.Register, UInt64) in [
            (.pmr, 0xf8), (.bpr0, 7), (.bpr1, 7), (.ap0r0, 0xffff_ffff), (.ap1r0, 0xffff_ffff), (.igrpen0, 1),
            (.igrpen1, 1), (.ctlr, 0x8c03),
        ] {
            gic.icc(register, set: 0xffff_ffff_ffff_ffff)
            #expect(gic.icc(register) == expected, "\(register)")
        }
        gic.icc(.ctlr, set: 0)
        gic.icc(.bpr0, set: 0)
        gic.icc(.bpr1, set: 0)
        #expect(gic.icc(.bpr0) == 2 && gic.icc(.bpr1) == 3, "less than the minimum sets the minimum")
    }

    @Test("Group 0 is FIQ and Group 1 is IRQ, each with an acknowledge register of its own (4.6.2)")
    func groups() {
        gic.open()
        gic.enable(40, group: 0)
        gic.pend(40)
        #expect(gic.isHigh(.fiq) && !gic.isHigh(.irq))
        #expect(gic.icc(.iar1) == 1023 && gic.icc(.hppir1) == 1023)
        #expect(gic.icc(.hppir0) == 40)
        #expect(gic.icc(.iar0) == 40)
        #expect(gic.icc(.ap0r0) == 1 << 16 && gic.icc(.ap1r0) == 0)
        gic.icc(.eoir1, set: 40)
        #expect(gic.isActive(40), "the highest active priority is of Group 0")
        gic.icc(.eoir0, set: 40)
        #expect(!gic.isActive(40) && gic.icc(.ap0r0) == 0)
        gic.enable(40, group: 1)
        gic.pend(40)
        #expect(!gic.isHigh(.fiq) && gic.isHigh(.irq))
        #expect(gic.icc(.iar0) == 1023)
        #expect(gic.icc(.iar1) == 40)
        #expect(gic.icc(.ap1r0) == 1 << 16)
    }

    @Test("An interrupt is acknowledged once, and is active until its end (4.1.2)")
    func lifeCycle() {
        gic.open()
        gic.enable(40)
        gic.drive(spi: 40, true)
        #expect(gic.icc(.iar1) == 40)
        #expect(!gic.isHigh(.irq) && gic.isActive(40) && gic.isPending(40))
        #expect(gic.icc(.rpr) == 0x80 && gic.icc(.iar1) == 1023)
        gic.icc(.eoir1, set: 40)
        #expect(gic.isHigh(.irq) && !gic.isActive(40) && gic.icc(.rpr) == 0xff)
        gic.drive(spi: 40, false)
        #expect(!gic.isHigh(.irq))
    }

    @Test("With EOImode ICC_EOIR1_EL1 drops the priority, and ICC_DIR_EL1 deactivates")
    func separateDeactivation() {
        gic.open(control: 2)
        gic.enable(40)
        gic.drive(spi: 40, true)
        #expect(gic.icc(.iar1) == 40)
        gic.icc(.eoir1, set: 40)
        #expect(gic.icc(.rpr) == 0xff && gic.isActive(40) && !gic.isHigh(.irq))
        gic.icc(.dir, set: 40)
        #expect(!gic.isActive(40) && gic.isHigh(.irq))
        gic.icc(.ctlr, set: 0)
        #expect(gic.icc(.iar1) == 40)
        gic.icc(.dir, set: 40)
        #expect(gic.isActive(40), "without EOImode it does nothing")
    }

    @Test("Only a priority higher than ICC_PMR_EL1 is signalled; the highest goes first, the lowest INTID among equals")
    func order() {
        gic.open()
        for (intid, priority): (UInt64, UInt64) in [(50, 0x90), (41, 0x20), (95, 0x10), (3, 0x20), (33, 0xf0)] {
            gic.enable(intid, priority: priority)
            gic.pend(intid)
        }
        gic.icc(.pmr, set: 0x10)
        #expect(!gic.isHigh(.irq) && gic.icc(.iar1) == 1023 && gic.icc(.hppir1) == 95)
        gic.icc(.pmr, set: 0xff)
        var order: [UInt64] = []
        while case let intid = gic.icc(.iar1), intid != 1023 {
            order.append(intid)
            gic.icc(.eoir1, set: intid)
        }
        #expect(order == [95, 3, 41, 50, 33])
    }

    @Test(
        "The binary points leave priority bits out of preemption, Group 1's by one less (table 4-7)",
        arguments: Array(2...7) as [UInt64], [0, 1] as [UInt64])
    func binaryPoint(point: UInt64, group: UInt64) {
        gic.open()
        let (iar, eoir): (GICv3Driver.Register, GICv3Driver.Register) = group == 0 ? (.iar0, .eoir0) : (.iar1, .eoir1)
        gic.icc(group == 0 ? .bpr0 : .bpr1, set: point)
        let effective = group == 0 ? point : max(point, 3) - 1
        for bit: UInt64 in 3...7 {
            gic.enable(40, priority: 1 << bit, group: group)
            gic.enable(41, priority: 0, group: group)
            gic.pend(40)
            #expect(gic.icc(iar) == 40)
            gic.pend(41)
            #expect(gic.isHigh(group == 0 ? .fiq : .irq) == (bit > effective), "bit \(bit) at binary point \(point)")
            #expect(gic.icc(.rpr) == (bit > effective ? 1 << bit : 0), "ICC_RPR_EL1 is the group priority")
            gic.gicd(.icpendr, 1, set: 1 << 9)
            gic.icc(eoir, set: 40)
        }
    }

    @Test("With CBPR ICC_BPR0_EL1 is for both groups, and ICC_BPR1_EL1 reads one more, up to 7, and ignores writes")
    func commonBinaryPoint() {
        gic.open()
        gic.icc(.bpr1, set: 4)
        gic.icc(.bpr0, set: 6)
        gic.icc(.ctlr, set: 1)
        #expect(gic.icc(.bpr1) == 7)
        gic.icc(.bpr0, set: 7)
        gic.icc(.bpr1, set: 3)
        #expect(gic.icc(.bpr1) == 7)
        gic.enable(40, priority: 0x80)
        gic.pend(40)
        #expect(gic.icc(.iar1) == 40)
        #expect(gic.icc(.rpr) == 0)
        gic.icc(.ctlr, set: 0)
        #expect(gic.icc(.bpr1) == 4)
    }

    @Test("A higher group priority preempts, across groups, and ends come in reverse order (4.1.1)")
    func preemption() {
        gic.open()
        gic.enable(40, priority: 0x80, group: 1)
        gic.enable(41, priority: 0x40, group: 0)
        gic.pend(40)
        #expect(gic.icc(.iar1) == 40)
        gic.pend(41)
        #expect(gic.isHigh(.fiq))
        #expect(gic.icc(.iar0) == 41)
        gic.icc(.eoir1, set: 40)
        #expect(gic.icc(.rpr) == 0x40, "out of order: ignored")
        gic.icc(.eoir0, set: 41)
        #expect(gic.icc(.rpr) == 0x80)
        gic.icc(.eoir1, set: 40)
        #expect(gic.icc(.rpr) == 0xff)
    }

    @Test("A group that ICC_IGRPENn_EL1 disables is not signalled")
    func groupDisabled() {
        gic.open()
        gic.icc(.igrpen1, set: 0)
        gic.enable(40)
        gic.pend(40)
        #expect(!gic.isHigh(.irq) && gic.icc(.iar1) == 1023 && gic.icc(.hppir1) == 1023)
        gic.icc(.igrpen1, set: 1)
        #expect(gic.isHigh(.irq))
    }

    @Test("Special INTIDs, and INTIDs that do not exist, end nothing")
    func ignoredEnds() {
        gic.open()
        gic.enable(40)
        gic.pend(40)
        _ = gic.icc(.iar1)
        for intid: UInt64 in [96, 1020, 1021, 1022, 1023, 8192, 0xff_ffff] { gic.icc(.eoir1, set: intid) }
        #expect(gic.icc(.rpr) == 0x80)
    }

    @Test("Reset withdraws the signals and keeps the levels of wires")
    func reset() {
        let fresh = GICv3Driver()
        gic.open()
        gic.enable(40)
        gic.drive(spi: 40, true)
        #expect(gic.isHigh(.irq))
        gic.gic.redistributors.reset()
        gic.gic.distributor.reset()
        #expect(!gic.isHigh(.irq) && gic.isPending(40))
        gic.drive(spi: 40, false)
        #expect(gic.gic.redistributors.snapshot() == fresh.gic.redistributors.snapshot())
        #expect(gic.gic.distributor.snapshot() == fresh.gic.distributor.snapshot())
    }
}
