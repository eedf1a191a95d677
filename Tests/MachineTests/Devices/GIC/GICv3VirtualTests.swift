import Testing

@testable import Machine

/// Expected values: Arm Generic Interrupt Controller Architecture Specification, GICv3 and GICv4, IHI 0069H, chapter 6 and
/// sections 12.3 and 12.4.
@Suite("GICv3 virtualization")
struct GICv3VirtualTests {
    let gic = GICv3Driver()

    /// A List register: pending, and of Group 1, unless told otherwise.
    private func list(
        _ virtualID: UInt64, state: UInt64 = 1, priority: UInt64 = 0x80, group: UInt64 = 1, hardware: UInt64? = nil,
        end: Bool = false
    ) -> UInt64 {
        virtualID | state << 62 | priority << 48 | group << 60
            | (hardware.map { 1 << 61 | $0 << 32 } ?? (end ? 1 << 41 : 0))
    }

    /// Enables the virtual interface and, in it, both groups and all priorities.
    private func open(hypervisor: UInt64 = 1) {
        gic.icv(.igrpen0, set: 1)
        gic.icv(.igrpen1, set: 1)
        gic.icv(.pmr, set: 0xff)
        gic.ich(.hcr, set: hypervisor)
    }

    @Test("ICH_VTR_EL2 tells of four List registers and five bits of priority; ICV_CTLR_EL1 of as many")
    func type() {
        #expect(gic.ich(.vtr) == 0x90b8_0003)
        #expect(gic.icv(.ctlr) == 0x8c00)
        #expect(gic.ich(.elrsr) == 0xf)
    }

    @Test("A pending List register interrupts the virtual machine, which acknowledges and ends it")
    func lifeCycle() {
        open()
        gic.ich(.lr1, set: list(40))
        #expect(gic.isHigh(.virtualIRQ) && !gic.isHigh(.irq))
        #expect(gic.icv(.hppir1) == 40 && gic.icv(.hppir0) == 1023)
        #expect(gic.icv(.iar0) == 1023)
        #expect(gic.icv(.iar1) == 40)
        #expect(gic.ich(.lr1) == list(40, state: 2))
        #expect(!gic.isHigh(.virtualIRQ) && gic.icv(.rpr) == 0x80)
        #expect(gic.ich(.ap1r0) == 1 << 16 && gic.ich(.ap0r0) == 0)
        #expect(gic.icv(.ap1r0) == 1 << 16)
        gic.icv(.eoir1, set: 40)
        #expect(gic.ich(.lr1) == list(40, state: 0))
        #expect(gic.ich(.ap1r0) == 0 && gic.icv(.rpr) == 0xff)
    }

    @Test("Group 0 is a virtual FIQ; groups that the virtual machine disables are passed over")
    func groups() {
        open()
        gic.ich(.lr0, set: list(40, priority: 0x20, group: 0))
        gic.ich(.lr1, set: list(41))
        #expect(gic.isHigh(.virtualFIQ) && !gic.isHigh(.virtualIRQ))
        #expect(gic.icv(.hppir0) == 40)
        gic.icv(.igrpen0, set: 0)
        #expect(!gic.isHigh(.virtualFIQ) && gic.isHigh(.virtualIRQ))
        #expect(gic.icv(.iar0) == 1023)
        #expect(gic.icv(.iar1) == 41)
    }

    @Test("Nothing is signalled without ICH_HCR_EL2.En")
    func disabled() {
        open(hypervisor: 0)
        gic.ich(.lr0, set: list(40))
        #expect(!gic.isHigh(.virtualIRQ) && gic.icv(.iar1) == 1023 && gic.icv(.hppir1) == 1023)
        gic.ich(.hcr, set: 1)
        #expect(gic.isHigh(.virtualIRQ))
    }

    @Test("ICH_VMCR_EL2 is the hypervisor's view of the virtual machine's registers")
    func virtualMachineControl() {
        #expect(gic.ich(.vmcr) == 0x004c_0008, "VBPR0 2, VBPR1 3, VFIQEn")
        gic.icv(.pmr, set: 0xff)
        gic.icv(.bpr0, set: 5)
        gic.icv(.bpr1, set: 6)
        gic.icv(.ctlr, set: 3)
        gic.icv(.igrpen0, set: 1)
        gic.icv(.igrpen1, set: 1)
        #expect(gic.ich(.vmcr) == 0xf8b8_021b)
        gic.ich(.vmcr, set: 0x80f0_0002)
        #expect(gic.icv(.pmr) == 0x80 && gic.icv(.bpr0) == 7 && gic.icv(.bpr1) == 4 && gic.icv(.ctlr) == 0x8c00)
        #expect(gic.icv(.igrpen0) == 0 && gic.icv(.igrpen1) == 1)
    }

    @Test("Reserved bits of ICH_HCR_EL2 and ICH_LR<n>_EL2 read zero")
    func reserved() {
        gic.ich(.hcr, set: 0xffff_ffff_ffff_ffff)
        #expect(gic.ich(.hcr) == 0xf800_7cff)
        gic.ich(.lr3, set: 0xffff_ffff_ffff_ffff)
        #expect(gic.ich(.lr3) == 0xf0f8_1fff_ffff_ffff)
    }

    @Test("List registers are taken by priority, and preempt by group priority")
    func priorities() {
        open()
        gic.ich(.lr0, set: list(40, priority: 0x80))
        gic.ich(.lr1, set: list(41, priority: 0x40))
        gic.ich(.lr2, set: list(42, priority: 0xf8))
        #expect(gic.icv(.iar1) == 41)
        #expect(!gic.isHigh(.virtualIRQ))
        gic.ich(.lr3, set: list(43, priority: 0x38, group: 0))
        #expect(gic.isHigh(.virtualFIQ))
        #expect(gic.icv(.iar0) == 43)
        gic.icv(.eoir0, set: 43)
        gic.icv(.eoir1, set: 41)
        #expect(gic.icv(.iar1) == 40)
        gic.icv(.eoir1, set: 40)
        #expect(gic.icv(.iar1) == 1023, "the lowest priority is masked by any ICV_PMR_EL1")
    }

    @Test("The end of a hardware interrupt deactivates the physical one as well")
    func hardware() {
        gic.open(control: 2)
        gic.enable(50)
        gic.drive(spi: 50, true)
        #expect(gic.icc(.iar1) == 50)
        gic.icc(.eoir1, set: 50)
        open()
        gic.ich(.lr0, set: list(33, hardware: 50))
        #expect(gic.icv(.iar1) == 33)
        #expect(gic.isActive(50) && !gic.isHigh(.irq))
        gic.icv(.eoir1, set: 33)
        #expect(!gic.isActive(50) && gic.isHigh(.irq))
    }

    @Test("With VEOIM the priority is dropped first, and ICV_DIR_EL1 deactivates")
    func separateDeactivation() {
        open()
        gic.icv(.ctlr, set: 2)
        gic.ich(.lr0, set: list(40))
        #expect(gic.icv(.iar1) == 40)
        gic.icv(.eoir1, set: 40)
        #expect(gic.icv(.rpr) == 0xff && gic.ich(.lr0) == list(40, state: 2))
        gic.icv(.dir, set: 40)
        #expect(gic.ich(.lr0) == list(40, state: 0))
    }

    @Test("An interrupt that is pending and active is signalled when it is no longer active")
    func pendingAndActive() {
        open()
        gic.ich(.ap1r0, set: 1 << 16)
        gic.ich(.lr0, set: list(40, state: 3))
        #expect(!gic.isHigh(.virtualIRQ))
        gic.icv(.eoir1, set: 40)
        #expect(gic.ich(.lr0) == list(40, state: 1) && gic.isHigh(.virtualIRQ))
    }

    @Test("An end drops the highest priority; it deactivates an interrupt of that priority and of its register's group")
    func mismatchedEnd() {
        open()
        gic.ich(.lr0, set: list(40, state: 2, priority: 0x80))
        gic.ich(.ap1r0, set: 1 << 8 | 1 << 16)
        gic.icv(.eoir1, set: 40)
        #expect(gic.ich(.ap1r0) == 1 << 16, "priority 0x40")
        #expect(gic.ich(.lr0) == list(40, state: 2, priority: 0x80))
        gic.icv(.eoir0, set: 40)
        #expect(gic.ich(.ap1r0) == 0)
        #expect(gic.ich(.lr0) == list(40, state: 2, priority: 0x80))
    }

    @Test("Ends without a List register are counted if they drop a priority (EOIcount); those of LPIs are not")
    func endCount() {
        open(hypervisor: 0xf000_0001)
        gic.icv(.eoir1, set: 40)
        #expect(gic.ich(.hcr) == 0xf000_0001, "nothing was active")
        gic.ich(.ap1r0, set: 7)
        gic.icv(.eoir1, set: 40)
        #expect(gic.ich(.hcr) == 0xf800_0001 && gic.ich(.ap1r0) == 6)
        gic.icv(.eoir1, set: 8192)
        #expect(gic.ich(.hcr) == 0xf800_0001 && gic.ich(.ap1r0) == 4)
        gic.icv(.eoir1, set: 40)
        #expect(gic.ich(.hcr) == 0x0000_0001, "it has five bits")
        gic.icv(.ctlr, set: 2)
        gic.ich(.ap1r0, set: 1)
        gic.icv(.eoir1, set: 40)
        #expect(gic.ich(.hcr) == 1, "with VEOIM the deactivation counts")
        gic.icv(.dir, set: 40)
        gic.icv(.dir, set: 8192)
        #expect(gic.ich(.hcr) == 0x0800_0001)
    }

    @Test("A virtual LPI is pending and then nothing: it has no active state")
    func lpi() {
        open()
        gic.ich(.lr0, set: list(8200))
        #expect(gic.icv(.iar1) == 8200)
        #expect(gic.ich(.lr0) == list(8200, state: 0))
        #expect(gic.icv(.rpr) == 0x80)
        gic.icv(.eoir1, set: 8200)
        #expect(gic.icv(.rpr) == 0xff && gic.ich(.hcr) == 1)
    }

    @Test("ICH_ELRSR_EL2 shows List registers that are free, and ICH_EISR_EL2 those that ended and ask for it")
    func listStatus() {
        open()
        gic.ich(.lr0, set: list(40))
        gic.ich(.lr1, set: list(41, end: true))
        gic.ich(.lr2, set: list(42, state: 2))
        #expect(gic.ich(.elrsr) == 0x8)
        for intid: UInt64 in [40, 41] {
            #expect(gic.icv(.iar1) == intid)
            gic.icv(.eoir1, set: intid)
        }
        #expect(gic.ich(.elrsr) == 0x9 && gic.ich(.eisr) == 0x2)
        gic.ich(.lr1, set: list(41, state: 0, hardware: 0x200))
        #expect(gic.ich(.eisr) == 0, "bit 41 of a hardware interrupt is of its number")
    }

    @Test(
        "Each maintenance interrupt is asserted by its condition, through PPI 25 (ICH_MISR_EL2)",
        arguments: [
            // ICH_HCR_EL2, its EOIcount, groups that are enabled, List register 0: ICH_MISR_EL2
            (0x03, 0, 3, 0, 0x02), (0x05, 0, 3, 0, 0x00), (0x05, 1, 3, 0, 0x04), (0x09, 0, 3, 0, 0x08),
            (0x09, 0, 3, 1, 0x00), (0x09, 0, 3, 2, 0x08), (0x09, 0, 3, 3, 0x08), (0x11, 0, 1, 0, 0x10),
            (0x11, 0, 2, 0, 0x00), (0x21, 0, 2, 0, 0x20), (0x21, 0, 1, 0, 0x00), (0x41, 0, 2, 0, 0x40),
            (0x81, 0, 1, 0, 0x80), (0x81, 0, 2, 0, 0x00), (0x02, 0, 3, 0, 0x02),
        ] as [(UInt64, UInt64, UInt64, UInt64, UInt64)])
    func maintenance(control: UInt64, count: UInt64, groups: UInt64, state: UInt64, status: UInt64) {
        gic.open()
        gic.enable(25)
        gic.ich(.vmcr, set: groups)
        gic.ich(.lr0, set: list(40, state: state))
        gic.ich(.hcr, set: control | count << 27)
        #expect(gic.ich(.misr) == status)
        #expect(gic.isHigh(.irq) == (status != 0 && control & 1 != 0))
        gic.ich(.hcr, set: 0)
        #expect(!gic.isHigh(.irq))
    }

    @Test("An end that asks for it raises the maintenance interrupt until the List register is used")
    func endMaintenance() {
        gic.open()
        gic.enable(25)
        open()
        gic.ich(.lr0, set: list(40, end: true))
        _ = gic.icv(.iar1)
        #expect(!gic.isHigh(.irq))
        gic.icv(.eoir1, set: 40)
        #expect(gic.isHigh(.irq) && gic.ich(.misr) == 1)
        #expect(gic.icc(.iar1) == 25)
        gic.ich(.lr0, set: 0)
        gic.icc(.eoir1, set: 25)
        #expect(!gic.isHigh(.irq) && gic.ich(.misr) == 0)
    }

    @Test("Each CPU has its own virtual interface")
    func banked() {
        gic.cpu = 1
        open()
        gic.ich(.lr0, set: list(40))
        #expect(gic.isHigh(.virtualIRQ, cpu: 1) && !gic.isHigh(.virtualIRQ, cpu: 0))
        gic.cpu = 0
        #expect(gic.ich(.lr0) == 0)
    }

    @Test("Random accesses do no harm, and the described state is all of it")
    func fuzz() {
        gic.open()
        open()
        var random = SplitMix64(seed: 5)
        for _ in 0..<30_000 {
            gic.cpu = Int(random.next() % 2)
            let register = AArch64Registers.interface.randomElement(using: &random)!
            let value = random.next() >> (random.next() % 64)
            switch random.next() % 6 {
            case 0: _ = gic.icc(register)
            case 1: gic.icc(register, set: value)
            case 2: _ = gic.icv(register)
            case 3: gic.icv(register, set: value)
            case 4: _ = gic.ich(AArch64Registers.hypervisor.randomElement(using: &random)!)
            default: gic.ich(AArch64Registers.hypervisor.randomElement(using: &random)!, set: value)
            }
        }
        let copy = GICv3Driver()
        copy.gic.distributor.restore(gic.gic.distributor.snapshot())
        copy.gic.redistributors.restore(gic.gic.redistributors.snapshot())
        for cpu in 0..<2 {
            gic.cpu = cpu
            copy.cpu = cpu
            for register in AArch64Registers.hypervisor {
                #expect(copy.ich(register) == gic.ich(register), "\(register)")
            }
            for register in AArch64Registers.interface {
                #expect(copy.icv(register) == gic.icv(register), "\(register)")
            }
        }
    }
}
