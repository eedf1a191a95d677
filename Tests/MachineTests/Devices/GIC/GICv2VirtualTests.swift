import Testing

@testable import Machine

/// Expected values: ARM Generic Interrupt Controller Architecture Specification 2.0, IHI 0048B, chapter 5; sections cited
/// are its.
@Suite("GICv2 virtualization")
struct GICv2VirtualTests {
    let gic = GICv2Driver()

    /// A List register: pending unless told otherwise.
    private func list(
        _ virtualID: UInt64, state: UInt64 = 1, priority: UInt64 = 0x10, group: UInt64 = 0, hardware: UInt64? = nil,
        end: Bool = false, sender: UInt64 = 0
    ) -> UInt64 {
        virtualID | state << 28 | priority << 23 | group << 30
            | (hardware.map { 1 << 31 | $0 << 10 } ?? (sender << 10 | (end ? 1 << 19 : 0)))
    }

    /// Enables the virtual interface and, in it, both groups and all priorities.
    private func open(control: UInt64 = 0x007, hypervisor: UInt64 = 1) {
        gic.gicv(.ctlr, set: control)
        gic.gicv(.pmr, set: 0xf8)
        gic.gich(.hcr, set: hypervisor)
    }

    /// Enables the maintenance interrupt, with nothing else to come.
    private func openMaintenance() {
        gic.open()
        gic.enable(25)
    }

    @Test("GICH_VTR tells of four List registers and five bits of priority (5.3.3)")
    func type() {
        #expect(gic.gich(.vtr) == 0x9000_0003)
    }

    @Test("A pending List register interrupts the virtual machine, which acknowledges and ends it (5.2)")
    func lifeCycle() {
        open()
        gic.gich(.lr1, set: list(40))
        #expect(gic.isHigh(.virtualIRQ) && !gic.isHigh(.irq))
        #expect(gic.gicv(.hppir) == 40)
        #expect(gic.gicv(.iar) == 40)
        #expect(gic.gich(.lr1) == list(40, state: 2))
        #expect(!gic.isHigh(.virtualIRQ))
        #expect(gic.gicv(.rpr) == 0x80)
        #expect(gic.gich(.apr) == 1 << 16)
        #expect(gic.gicv(.iar) == 1023)
        gic.gicv(.eoir, set: 40)
        #expect(gic.gich(.lr1) == list(40, state: 0))
        #expect(gic.gicv(.rpr) == 0xff && gic.gich(.apr) == 0)
    }

    @Test("Nothing is signalled without GICH_HCR.En (5.3.2)")
    func disabled() {
        open(hypervisor: 0)
        gic.gich(.lr0, set: list(40))
        #expect(!gic.isHigh(.virtualIRQ))
        #expect(gic.gicv(.iar) == 1023 && gic.gicv(.hppir) == 1023)
        gic.gich(.hcr, set: 1)
        #expect(gic.isHigh(.virtualIRQ))
    }

    @Test("An interrupt that is pending and active is signalled when it is no longer active (5.2.2)")
    func pendingAndActive() {
        open()
        gic.gich(.lr0, set: list(40, state: 3))
        gic.gich(.apr, set: 1 << 16)
        #expect(!gic.isHigh(.virtualIRQ))
        gic.gicv(.eoir, set: 40)
        #expect(gic.gich(.lr0) == list(40, state: 1))
        #expect(gic.isHigh(.virtualIRQ))
    }

    @Test("List registers are taken by priority, and preempt by group priority")
    func priorities() {
        open()
        gic.gich(.lr0, set: list(40, priority: 0x10))
        gic.gich(.lr1, set: list(41, priority: 0x08))
        gic.gich(.lr2, set: list(42, priority: 0x1f))
        #expect(gic.gicv(.iar) == 41)
        #expect(!gic.isHigh(.virtualIRQ))
        gic.gich(.lr3, set: list(43, priority: 0x07))
        #expect(gic.isHigh(.virtualIRQ))
        #expect(gic.gicv(.iar) == 43)
        #expect(gic.gich(.apr) == 0x0000_0180)
        gic.gicv(.eoir, set: 43)
        gic.gicv(.eoir, set: 41)
        #expect(gic.gicv(.iar) == 40)
        gic.gicv(.eoir, set: 40)
        #expect(gic.gicv(.iar) == 1023, "the lowest priority is masked by any GICV_PMR")
    }

    @Test("The virtual binary points have minima of 2 and 3 (5.5.3, 5.5.8)")
    func binaryPoints() {
        #expect(gic.gicv(.bpr) == 2 && gic.gicv(.abpr) == 3)
        gic.gicv(.bpr, set: 0)
        gic.gicv(.abpr, set: 0)
        #expect(gic.gicv(.bpr) == 2 && gic.gicv(.abpr) == 3)
        open()
        gic.gicv(.bpr, set: 4)
        gic.gich(.lr0, set: list(40, priority: 0x13))
        #expect(gic.gicv(.iar) == 40)
        #expect(gic.gicv(.rpr) == 0x80, "0x98 without its lower five bits")
    }

    @Test("GICH_VMCR is the hypervisor's view of GICV_CTLR, GICV_PMR, GICV_BPR and GICV_ABPR (5.3.4)")
    func virtualMachineControl() {
        gic.gicv(.ctlr, set: 0x21f)
        gic.gicv(.pmr, set: 0xff)
        gic.gicv(.bpr, set: 5)
        gic.gicv(.abpr, set: 6)
        #expect(gic.gich(.vmcr) == 0xf8b8_021f)
        gic.gich(.vmcr, set: 0x80f0_0003)
        #expect(gic.gicv(.ctlr) == 3 && gic.gicv(.pmr) == 0x80 && gic.gicv(.bpr) == 7 && gic.gicv(.abpr) == 4)
        #expect(gic.gich(.vmcr) == 0x80f0_0003)
    }

    @Test("Group 0 is a virtual FIQ with VFIQEn; Group 1 needs AckCtl or the aliases (5.5.1)")
    func groups() {
        open(control: 0x00b)
        gic.gich(.lr0, set: list(40, priority: 0x08))
        #expect(gic.isHigh(.virtualFIQ) && !gic.isHigh(.virtualIRQ))
        gic.gich(.lr0, set: list(40, group: 1))
        #expect(!gic.isHigh(.virtualFIQ) && gic.isHigh(.virtualIRQ))
        #expect(gic.gicv(.iar) == 1022 && gic.gicv(.hppir) == 1022)
        #expect(gic.gicv(.ahppir) == 40)
        #expect(gic.gicv(.aiar) == 40)
        #expect(gic.gich(.apr) == 1 << 16, "GICH_APR is of both groups")
        gic.gicv(.aeoir, set: 40)
        #expect(gic.gich(.lr0) == list(40, state: 0, group: 1))
    }

    @Test("GICV_IAR names the sender of a virtual SGI (5.3.9, CPUID)")
    func sgi() {
        open()
        gic.gich(.lr0, set: list(5, sender: 6))
        #expect(gic.gicv(.hppir) == 0x1805)
        #expect(gic.gicv(.iar) == 0x1805)
        gic.gicv(.eoir, set: 0x1805)
        #expect(gic.gich(.lr0) == list(5, state: 0, sender: 6))
    }

    @Test("The end of a hardware interrupt deactivates the physical one as well (5.2.2, 5.3.9)")
    func hardware() {
        gic.open(control: 0x207)
        gic.enable(50)
        gic.drive(spi: 50, true)
        #expect(gic.gicc(.iar) == 50)
        gic.gicc(.eoir, set: 50)
        open()
        gic.gich(.lr0, set: list(33, hardware: 50))
        #expect(gic.gicv(.iar) == 33)
        #expect(gic.isActive(50) && !gic.isHigh(.irq))
        gic.gicv(.eoir, set: 33)
        #expect(!gic.isActive(50) && gic.isHigh(.irq))
    }

    @Test("A hardware PPI is the CPU's own")
    func hardwarePPI() {
        for cpu in 0..<2 {
            gic.cpu = cpu
            gic.gicd(.isactiver, 0, set: 1 << 27)
        }
        open()
        gic.gich(.lr0, set: list(27, hardware: 27))
        _ = gic.gicv(.iar)
        gic.gicv(.eoir, set: 27)
        #expect(!gic.isActive(27))
        gic.cpu = 0
        #expect(gic.isActive(27))
    }

    @Test("With VEOImode the priority is dropped first, and GICV_DIR deactivates (5.5.1, 5.5.14)")
    func separateDeactivation() {
        open(control: 0x207)
        gic.gich(.lr0, set: list(40))
        #expect(gic.gicv(.iar) == 40)
        gic.gicv(.eoir, set: 40)
        #expect(gic.gicv(.rpr) == 0xff && gic.gich(.lr0) == list(40, state: 2))
        gic.gicv(.dir, set: 40)
        #expect(gic.gich(.lr0) == list(40, state: 0))
    }

    @Test("Ends without a List register are counted if they drop a priority, in five bits (5.3.2, EOICount)")
    func endCount() {
        open(hypervisor: 0xf000_0001)
        gic.gicv(.eoir, set: 40)
        #expect(gic.gich(.hcr) == 0xf000_0001, "nothing was active")
        gic.gich(.apr, set: 3)
        gic.gicv(.eoir, set: 40)
        #expect(gic.gich(.hcr) == 0xf800_0001 && gic.gich(.apr) == 2)
        gic.gicv(.eoir, set: 40)
        #expect(gic.gich(.hcr) == 0x0000_0001)
        gic.gicv(.ctlr, set: 0x207)
        gic.gich(.apr, set: 1)
        gic.gicv(.eoir, set: 40)
        #expect(gic.gich(.hcr) == 1, "with VEOImode the deactivation counts")
        gic.gicv(.dir, set: 40)
        #expect(gic.gich(.hcr) == 0x0800_0001)
    }

    @Test(
        "GICH_ELRSR0 shows List registers that are free, and GICH_EISR0 those that ended and ask for it (5.3.6, 5.3.7)")
    func listStatus() {
        open()
        #expect(gic.gich(.elrsr0) == 0xf && gic.gich(.eisr0) == 0)
        gic.gich(.lr0, set: list(40))
        gic.gich(.lr1, set: list(41, end: true))
        gic.gich(.lr2, set: list(42, state: 2))
        #expect(gic.gich(.elrsr0) == 0x8)
        #expect(gic.gicv(.iar) == 40)
        gic.gicv(.eoir, set: 40)
        #expect(gic.gicv(.iar) == 41)
        gic.gicv(.eoir, set: 41)
        #expect(gic.gich(.elrsr0) == 0x9 && gic.gich(.eisr0) == 0x2)
        gic.gich(.lr1, set: 0)
        #expect(gic.gich(.elrsr0) == 0xb && gic.gich(.eisr0) == 0)
        gic.gich(.lr1, set: list(41, state: 0, hardware: 0x3ff))
        #expect(gic.gich(.eisr0) == 0, "bit 19 of a hardware interrupt is of its number")
        gic.gich(.lr4, set: 0xffff_ffff)
        #expect(gic.gich(.lr4) == 0, "there are four")
    }

    // MARK: Maintenance

    @Test("An end that asks for it raises the maintenance interrupt, PPI 25, until the List register is used (5.3.5)")
    func endMaintenance() {
        openMaintenance()
        open()
        gic.gich(.lr0, set: list(40, end: true))
        _ = gic.gicv(.iar)
        #expect(!gic.isHigh(.irq) && gic.gich(.misr) == 0)
        gic.gicv(.eoir, set: 40)
        #expect(gic.isHigh(.irq) && gic.gich(.misr) == 0x01)
        #expect(gic.gicc(.iar) == 25)
        gic.gicc(.eoir, set: 25)
        #expect(gic.isHigh(.irq), "level-sensitive")
        gic.gich(.lr0, set: 0)
        #expect(!gic.isHigh(.irq) && gic.gich(.misr) == 0)
    }

    @Test("The underflow interrupt comes when fewer than two List registers are valid (5.3.5)")
    func underflow() {
        openMaintenance()
        open(hypervisor: 0x3)
        #expect(gic.isHigh(.irq) && gic.gich(.misr) == 0x02)
        gic.gich(.lr0, set: list(40))
        #expect(gic.isHigh(.irq))
        gic.gich(.lr1, set: list(41, state: 2))
        #expect(!gic.isHigh(.irq))
    }

    @Test("The entry-not-present interrupt lasts while EOICount is not zero (5.3.5)")
    func entryNotPresent() {
        openMaintenance()
        open(hypervisor: 0x5)
        #expect(!gic.isHigh(.irq))
        gic.gich(.apr, set: 1)
        gic.gicv(.eoir, set: 40)
        #expect(gic.isHigh(.irq) && gic.gich(.misr) == 0x04)
        gic.gich(.hcr, set: 0x5)
        #expect(!gic.isHigh(.irq))
    }

    @Test("The no-pending interrupt comes when no List register is pending (5.3.5)")
    func noPending() {
        openMaintenance()
        open(hypervisor: 0x9)
        #expect(gic.gich(.misr) == 0x08)
        gic.gich(.lr0, set: list(40))
        #expect(gic.gich(.misr) == 0 && !gic.isHigh(.irq))
        _ = gic.gicv(.iar)
        #expect(gic.gich(.misr) == 0x08 && gic.isHigh(.irq))
    }

    @Test("Four interrupts tell of the virtual machine's enabling and disabling groups (5.3.5)")
    func groupMaintenance() {
        openMaintenance()
        open(control: 0, hypervisor: 0xf1)
        #expect(gic.gich(.misr) == 0xa0)
        gic.gicv(.ctlr, set: 1)
        #expect(gic.gich(.misr) == 0x90)
        gic.gicv(.ctlr, set: 3)
        #expect(gic.gich(.misr) == 0x50)
        gic.gich(.hcr, set: 0xa1)
        #expect(gic.gich(.misr) == 0 && !gic.isHigh(.irq))
        gic.gicv(.ctlr, set: 2)
        #expect(gic.gich(.misr) == 0x20 && gic.isHigh(.irq))
        gic.gich(.hcr, set: 0xa0)
        #expect(!gic.isHigh(.irq), "no maintenance interrupt without GICH_HCR.En")
    }

    @Test("Each CPU has its own virtual interface and maintenance interrupt")
    func banked() {
        gic.open()
        gic.cpu = 1
        gic.enable(25)
        open(hypervisor: 0x3)
        gic.gich(.lr0, set: list(40))
        #expect(gic.isHigh(.virtualIRQ, cpu: 1) && gic.isHigh(.irq, cpu: 1))
        #expect(!gic.isHigh(.virtualIRQ, cpu: 0) && !gic.isHigh(.irq, cpu: 0))
        gic.cpu = 0
        #expect(gic.gich(.lr0) == 0 && gic.gich(.hcr) == 0)
    }

    @Test("Random accesses do no harm, and the described state is all of it")
    func fuzz() {
        openMaintenance()
        open()
        let control: [UInt64] = [0, 4, 8, 0x10, 0x20, 0x30, 0xf0, 0x100, 0x104, 0x108, 0x10c]
        let interface = (0..<11).map { UInt64($0 * 4) } + [0xd0, 0x1000]
        gic.gic.virtualControl.fuzz(region: 0x1000, hot: control) { random in
            gic.cpu = Int(random.next() % 3)
            let offset = interface[Int(random.next() % UInt64(interface.count))]
            if random.next() % 2 == 0 {
                _ = gic.gic.virtualCPUInterface.get(offset)
            } else {
                gic.gic.virtualCPUInterface.set(offset, random.next() % 1024)
            }
        }
        let copy = GICv2Driver()
        copy.gic.virtualCPUInterface.restore(gic.gic.virtualCPUInterface.snapshot())
        for cpu in 0..<2 {
            gic.cpu = cpu
            copy.cpu = cpu
            expectRestores(
                gic.gic.virtualControl as! BankedFrame,
                into: copy.gic.virtualControl as! BankedFrame
            ) { gich in control.map { gich.get($0) } }
            #expect(copy.gicv(.iar) == gic.gicv(.iar))
        }
    }
}
