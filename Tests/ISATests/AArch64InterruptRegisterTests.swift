import Testing

@testable import AArch64ISA
@testable import ISA

/// Registers of interrupts and of debug that are more than bits.
@Suite("AArch64 interrupt and debug registers")
struct AArch64InterruptRegisterTests {
    private static let rw: UInt64 = 1 << 31
    private static let fmo: UInt64 = 1 << 3
    private static let imo: UInt64 = 1 << 4
    private static let amo: UInt64 = 1 << 5

    /// Remembers what it was asked.
    private final class Controller: InterruptControllerInterface {
        var asked: [String] = []
        func read(_ register: AArch64.InterfaceRegister) -> UInt64 {
            asked.append("ICC \(register)")
            return 1
        }
        func write(_ register: AArch64.InterfaceRegister, _ value: UInt64) {
            asked.append("ICC \(register) = \(value)")
        }
        func readVirtual(_ register: AArch64.InterfaceRegister) -> UInt64 {
            asked.append("ICV \(register)")
            return 2
        }
        func writeVirtual(_ register: AArch64.InterfaceRegister, _ value: UInt64) {
            asked.append("ICV \(register) = \(value)")
        }
        func read(_ register: AArch64.HypervisorInterfaceRegister) -> UInt64 {
            asked.append("ICH \(register)")
            return 3
        }
        func write(_ register: AArch64.HypervisorInterfaceRegister, _ value: UInt64) {
            asked.append("ICH \(register) = \(value)")
        }
    }

    @Test("EL1 has the virtual interface for the groups that HCR_EL2 routes, and for common registers by either")
    func virtualInterface() throws {
        for (hcr, expected): (UInt64, [String]) in [
            (0, ["ICC iar0", "ICC iar1", "ICC pmr", "ICC eoir1 = 7"]),
            (Self.fmo, ["ICV iar0", "ICC iar1", "ICV pmr", "ICC eoir1 = 7"]),
            (Self.imo, ["ICC iar0", "ICV iar1", "ICV pmr", "ICV eoir1 = 7"]),
        ] {
            let test = try AArch64TestElement(level: 1, hcr: Self.rw | hcr)
            let controller = Controller()
            test.element.interruptController = controller
            for name in ["ICC_IAR0_EL1", "ICC_IAR1_EL1", "ICC_PMR_EL1"] { _ = try test.read(name) }
            try test.write("ICC_EOIR1_EL1", 7)
            #expect(controller.asked == expected)
            // EL2 has the physical one.
            test.enter(2)
            controller.asked = []
            #expect(try test.read("ICC_IAR1_EL1") == 1)
            #expect(controller.asked == ["ICC iar1"])
        }
    }

    @Test("ICH_* are the controller's, each by its number, and List registers too")
    func hypervisorInterface() throws {
        let test = try AArch64TestElement()
        let controller = Controller()
        test.element.interruptController = controller
        for register in AArch64.HypervisorInterfaceRegister.allCases {
            let key = AArch64.SystemRegister.key(
                3, 4, 12, UInt16(register.rawValue >> 3), UInt16(register.rawValue & 7))
            let value = test.outcome { element throws(Fault) in try element.readSystemRegister(key, target: 0) }
            #expect(value == .value(3), "\(register)")
        }
        #expect(controller.asked == AArch64.HypervisorInterfaceRegister.allCases.map { "ICH \($0)" })
    }

    @Test("ISR_EL1 shows EL1 virtual interrupts where EL2 takes the physical ones (D19.2.62)")
    func status() throws {
        let test = try AArch64TestElement()
        test.element.setLine(AArch64.Interrupt.irq | AArch64.Interrupt.virtualFIQ, true)
        #expect(try test.read("ISR_EL1") == 1 << 7, "EL2 sees the physical IRQ")
        test.enter(1)
        #expect(try test.read("ISR_EL1") == 1 << 7)
        test.enter(2)
        try test.write("HCR_EL2", Self.rw | Self.imo | Self.fmo)
        test.enter(1)
        #expect(try test.read("ISR_EL1") == 1 << 6, "the virtual FIQ, and no virtual IRQ")
        test.enter(2)
        try test.write("HCR_EL2", Self.rw | Self.imo | Self.fmo | Self.amo | 1 << 7 | 1 << 8)
        test.enter(1)
        #expect(try test.read("ISR_EL1") == 7 << 6, "HCR_EL2.VI and VSE are pending too")
    }

    @Test("DISR_EL1 is VDISR_EL2 for EL1 while HCR_EL2.AMO is set")
    func deferred() throws {
        let test = try AArch64TestElement(hcr: Self.rw | Self.amo)
        try test.write("DISR_EL1", 1)
        try test.write("VDISR_EL2", 2)
        test.enter(1)
        #expect(try test.read("DISR_EL1") == 2)
        try test.write("DISR_EL1", 3)
        test.enter(2)
        #expect(try test.read("VDISR_EL2") == 3)
        #expect(try test.read("DISR_EL1") == 1)
    }

    @Test("The OS Lock is set by a reset, and by OSLAR_EL1; OSLSR_EL1 says that it is there (H9.2.31)")
    func osLock() throws {
        let test = try AArch64TestElement(level: 1)
        #expect(try test.read("OSLSR_EL1") == 0b1010)
        try test.write("OSLAR_EL1", 0)
        #expect(try test.read("OSLSR_EL1") == 0b1000)
        try test.write("OSLAR_EL1", 1)
        #expect(try test.read("OSLSR_EL1") == 0b1010)
    }

    @Test("Claim tags are set by the one register and cleared by the other, which shows them (D19.4)")
    func claims() throws {
        let test = try AArch64TestElement(level: 1)
        #expect(try test.read("DBGCLAIMSET_EL1") == 0xff, "eight of them")
        try test.write("DBGCLAIMSET_EL1", 0x1f3)
        #expect(try test.read("DBGCLAIMCLR_EL1") == 0xf3)
        try test.write("DBGCLAIMCLR_EL1", 0x33)
        #expect(try test.read("DBGCLAIMCLR_EL1") == 0xc0)
    }

    @Test("RNDR differs each time, and says by NZCV = 0 that it is a number (C5.2.14)")
    func random() throws {
        let test = AArch64TestElement(AArch64.CPUModel.named("max")!.with { $0.insert(.rng) })
        test.element.conditionFlags = 0xf << 28
        let numbers = try (0..<100).map { _ in try test.read("RNDR") }
        #expect(Set(numbers).count == 100)
        #expect(test.element.conditionFlags == 0)
    }
}
