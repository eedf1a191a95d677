import Testing

@testable import AArch64ISA
@testable import ISA

/// PMUv3 (D12): a cycle is an instruction, retired or not.
@Suite("AArch64 performance monitors")
struct AArch64PerformanceMonitorTests {
    private static let nop: UInt32 = 0xd503_201f
    private static let svc: UInt32 = 0xd400_0001
    private static let eret: UInt32 = 0xd69f_03e0
    private static let cycles: UInt64 = 1 << 31

    /// `words` at the beginning of memory, and the rest of it full of NOP; at EL1.
    private static func element(_ words: [UInt32] = [], name: String = "max") throws -> AArch64TestElement {
        let test = try AArch64TestElement(name)
        let host = try #require(test.memory.host(AArch64TestElement.base))
        for index in 0..<4096 {
            host.storeBytes(of: index < words.count ? words[index] : nop, toByteOffset: 4 * index, as: UInt32.self)
        }
        test.element.core.pointee.programCounter = AArch64TestElement.base
        test.enter(1)
        return test
    }

    @Test("The cycle counter counts each instruction while it is enabled")
    func cycleCounter() throws {
        let test = try Self.element()
        try test.write("PMCNTENSET_EL0", Self.cycles)
        test.element.run(10)
        #expect(try test.read("PMCCNTR_EL0") == 0, "PMCR_EL0.E is 0")
        try test.write("PMCR_EL0", 1)
        test.element.run(100)
        #expect(try test.read("PMCCNTR_EL0") == 100)
        try test.write("PMCNTENCLR_EL0", Self.cycles)
        test.element.run(10)
        #expect(try test.read("PMCCNTR_EL0") == 100)
        try test.write("PMCR_EL0", 1 << 2)
        #expect(try test.read("PMCCNTR_EL0") == 0, "PMCR_EL0.C")
    }

    @Test("PMCCFILTR_EL0 and PMEVTYPER<n>_EL0 say at which levels to count: P, U and NSH (D19.5)")
    func filters() throws {
        for (filter, counted): (UInt64, [Int: UInt64]) in [
            (0, [0: 20, 1: 20, 2: 0]), (1 << 31, [0: 20, 1: 0, 2: 0]), (1 << 30, [0: 0, 1: 20, 2: 0]),
            (1 << 27, [0: 20, 1: 20, 2: 20]), (7 << 29 | 1 << 27, [0: 0, 1: 0, 2: 20]),
        ] {
            for (level, count) in counted {
                let test = try Self.element()
                try test.write("PMCCFILTR_EL0", filter)
                try test.write("PMEVTYPER<n>_EL0", filter | 0x11)
                try test.write("PMCNTENSET_EL0", Self.cycles | 1)
                try test.write("PMCR_EL0", 1)
                test.enter(level)
                test.element.run(20)
                test.enter(2)
                #expect(try test.read("PMCCNTR_EL0") == count, "EL\(level), filter \(String(filter, radix: 16))")
                #expect(try test.read("PMEVCNTR<n>_EL0") == count, "EL\(level), filter \(String(filter, radix: 16))")
            }
        }
    }

    @Test("An instruction that ends in an exception is executed and not retired; taking and returning are events")
    func exceptions() throws {
        // The vector at 0x200 of VBAR_EL1 is in the same memory.
        let test = try Self.element([Self.nop, Self.svc, Self.nop])
        let host = try #require(test.memory.host(AArch64TestElement.base + 0x2200))
        host.storeBytes(of: Self.nop, as: UInt32.self)
        host.storeBytes(of: Self.eret, toByteOffset: 4, as: UInt32.self)
        try test.write("VBAR_EL1", AArch64TestElement.base + 0x2000)
        for (number, event): (UInt64, UInt64) in [(0, 0x11), (1, 0x08), (2, 0x09), (3, 0x0a)] {
            try test.write("PMSELR_EL0", number)
            try test.write("PMXEVTYPER_EL0", event)
        }
        try test.write("PMCNTENSET_EL0", 0xf)
        try test.write("PMCR_EL0", 1)
        // nop, svc, nop, eret, nop
        test.element.run(5)
        #expect(test.element.core.pointee.programCounter == AArch64TestElement.base + 12)
        let counts = try (0..<4).map { number -> UInt64 in
            try test.write("PMSELR_EL0", UInt64(number))
            return try test.read("PMXEVCNTR_EL0")
        }
        #expect(counts == [5, 4, 1, 1])
    }

    @Test("An overflow is noted on its instruction, and interrupts where PMINTENSET_EL1 says so (D12.4)")
    func overflow() throws {
        let test = try Self.element()
        try test.write("PMEVTYPER<n>_EL0", 0x08)
        try test.write("PMEVCNTR<n>_EL0", 0xffff_fff0)
        try test.write("PMINTENSET_EL1", 1)
        try test.write("PMCNTENSET_EL0", 1)
        try test.write("PMCR_EL0", 1)
        test.element.run(15)
        #expect(!test.element.monitorsInterrupt)
        let changes = test.timerChanges
        test.element.run(1)
        #expect(test.element.monitorsInterrupt)
        #expect(test.timerChanges > changes, "the machine is told")
        #expect(try test.read("PMOVSSET_EL0") == 1)
        // The upper half goes on: from PMUv3p5 on, counters have 64 bits, and overflow as PMCR_EL0.LP says.
        #expect(try test.read("PMEVCNTR<n>_EL0") == 1 << 32)
        try test.write("PMOVSCLR_EL0", 1)
        #expect(!test.element.monitorsInterrupt)
        try test.write("PMCR_EL0", 1 | 1 << 7)
        try test.write("PMEVCNTR<n>_EL0", 0xffff_fff0)
        test.element.run(20)
        #expect(try test.read("PMOVSSET_EL0") == 0, "with LP, 32 bits are not all")
    }

    @Test("Before PMUv3p5 an event counter has 32 bits, and CHAIN has the next one count its overflows")
    func chain() throws {
        let test = try Self.element(name: "cortex-a57")
        try test.write("PMEVTYPER<n>_EL0", 0x11)
        try test.write("PMEVCNTR<n>_EL0", 0xffff_ffff)
        try test.write("PMSELR_EL0", 1)
        try test.write("PMXEVTYPER_EL0", 0x1e)
        try test.write("PMCNTENSET_EL0", 3)
        try test.write("PMCR_EL0", 1)
        test.element.run(3)
        #expect(try test.read("PMEVCNTR<n>_EL0") == 2)
        #expect(try test.read("PMXEVCNTR_EL0") == 1)
    }

    @Test("PMSWINC_EL0 counts for counters of event 0 alone")
    func softwareIncrement() throws {
        let test = try Self.element()
        try test.write("PMSELR_EL0", 1)
        try test.write("PMXEVTYPER_EL0", 0x08)
        try test.write("PMCNTENSET_EL0", 3)
        try test.write("PMCR_EL0", 1)
        try test.write("PMSWINC_EL0", 7)
        #expect(try test.read("PMEVCNTR<n>_EL0") == 1)
        #expect(try test.read("PMXEVCNTR_EL0") == 0)
    }

    @Test("MDCR_EL2.HPMN keeps the counters from there on for EL2, which HPME enables (D12.9)")
    func partition() throws {
        let test = try Self.element()
        test.enter(2)
        try test.write("MDCR_EL2", 2 | 1 << 7)
        try test.write("PMCNTENSET_EL0", 0x3f)
        try test.write("PMSELR_EL0", 2)
        try test.write("PMXEVTYPER_EL0", 0x11)
        test.enter(1)
        #expect(try test.read("PMCR_EL0") >> 11 & 31 == 2)
        #expect(try test.read("PMCNTENSET_EL0") == 3)
        try test.write("PMCNTENCLR_EL0", ~0)
        test.element.run(8)
        #expect(try test.read("PMXEVCNTR_EL0") == 0, "not EL1's")
        test.enter(2)
        #expect(try test.read("PMCNTENSET_EL0") == 0x3c)
        #expect(try test.read("PMXEVCNTR_EL0") == 8, "although PMCR_EL0.E is 0")
        #expect(try test.read("PMCR_EL0") >> 11 & 31 == 6)
    }
}
