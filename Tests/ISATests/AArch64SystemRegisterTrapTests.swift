import Testing

@testable import AArch64ISA
@testable import ISA

/// What an access comes to where several things forbid it: in the order of the registers' accessor pseudocode (D19.2 and
/// later), without another machine to compare with.
@Suite("AArch64 system register traps")
struct AArch64SystemRegisterTrapTests {
    typealias Outcome = AArch64RegisterProbe.Outcome
    private static let rw: UInt64 = 1 << 31
    private static let tge: UInt64 = 1 << 27
    private static let e2h: UInt64 = 1 << 34

    /// MRS X5, register, or MSR register, X5: EC 0x18 with the register's number (D19.2.37).
    private static func trapped(_ level: Int, _ name: String, isRead: Bool = true) throws -> Outcome {
        let key = UInt64(try AArch64TestElement.key(name))
        let (op0, op1, crn, crm, op2) = (2 + key >> 14, key >> 11 & 7, key >> 7 & 15, key >> 3 & 15, key & 7)
        let iss = op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | 5 << 5 | crm << 1 | (isRead ? 1 : 0)
        return .exception(level: level, syndrome: 0x18 << 26 | 1 << 25 | iss)
    }

    private static func read(_ test: AArch64TestElement, _ name: String) throws -> Outcome {
        let key = try AArch64TestElement.key(name)
        return test.outcome { element throws(Fault) in try element.readSystemRegister(key, target: 5) }
    }

    private static func write(_ test: AArch64TestElement, _ name: String, _ value: UInt64 = 0) throws -> Outcome {
        let key = try AArch64TestElement.key(name)
        return test.outcome { element throws(Fault) in
            try element.writeSystemRegister(key, value, target: 5)
            return 0
        }
    }

    @Test("What EL1 withholds from EL0 goes to EL1 before EL2 is asked: CTR_EL0, SCTLR_EL1.UCT and HCR_EL2.TID2")
    func order() throws {
        for (uct, tid2, expected): (UInt64, UInt64, Outcome) in [
            (0, 0, try Self.trapped(1, "CTR_EL0")), (0, 1, try Self.trapped(1, "CTR_EL0")),
            (1, 1, try Self.trapped(2, "CTR_EL0")), (1, 0, .value(0x8444_c004)),
        ] {
            let test = try AArch64TestElement(hcr: Self.rw | tid2 << 17)
            try test.write("SCTLR_EL1", uct << 15)
            test.enter(0)
            #expect(try Self.read(test, "CTR_EL0") == expected, "UCT \(uct), TID2 \(tid2)")
        }
    }

    @Test("With HCR_EL2.TGE, EL2 has what EL1 withholds; with E2H too, SCTLR_EL2 decides and TID2 counts as 0")
    func hostOrder() throws {
        let routed = try AArch64TestElement(hcr: Self.rw | Self.tge)
        try routed.write("SCTLR_EL1", 0)
        routed.enter(0)
        #expect(try Self.read(routed, "CTR_EL0") == Self.trapped(2, "CTR_EL0"))
        for (uct, expected): (UInt64, Outcome) in [(0, try Self.trapped(2, "CTR_EL0")), (1, .value(0x8444_c004))] {
            let test = try AArch64TestElement(hcr: Self.rw | Self.tge | Self.e2h | 1 << 17)
            try test.write("SCTLR_EL12", 0)
            try test.write("SCTLR_EL2", uct << 15)
            test.enter(0)
            #expect(try Self.read(test, "CTR_EL0") == expected, "SCTLR_EL2.UCT \(uct)")
        }
    }

    @Test("A register that is not there, or of a higher level, is UNDEFINED whatever traps its neighbours")
    func undefined() throws {
        let all = Self.rw | 0x5a_c43f_8000
        let test = try AArch64TestElement("cortex-a57", hcr: all)
        test.enter(1)
        // APIAKeyLo_EL1, PAN, LORC_EL1 and SCXTNUM_EL1 are of later CPUs; the last two are EL2's.
        for name in ["APIAKeyLo_EL1", "PAN", "LORC_EL1", "SCXTNUM_EL1", "HCR_EL2", "SCTLR_EL12"] {
            #expect(try Self.read(test, name) == .undefined, "\(name)")
            test.enter(1)
        }
        test.enter(0)
        #expect(try Self.read(test, "SCTLR_EL1") == .undefined)
    }

    @Test("Read-only registers cannot be written, nor write-only ones read, at any level")
    func oneWay() throws {
        for level in 0...2 {
            let test = try AArch64TestElement(level: level)
            #expect(try Self.write(test, "MIDR_EL1") == .undefined)
            test.enter(level)
            #expect(try Self.read(test, "OSLAR_EL1") == .undefined)
            test.enter(level)
            #expect(try Self.write(test, "CNTPCT_EL0") == .undefined)
        }
    }

    @Test("HCR_EL2.TVM traps EL1's writes and TRVM its reads, and neither traps EL2")
    func virtualMemory() throws {
        let test = try AArch64TestElement(level: 1, hcr: Self.rw | 1 << 26)
        #expect(try Self.read(test, "TTBR0_EL1") == .value(0))
        #expect(try Self.write(test, "TTBR0_EL1") == Self.trapped(2, "TTBR0_EL1", isRead: false))
        try test.write("HCR_EL2", Self.rw | 1 << 30)
        #expect(try Self.write(test, "TTBR0_EL1", 0x1000) == .value(0))
        test.enter(1)
        #expect(try Self.write(test, "TTBR0_EL1", 0x2000) == .value(0))
        #expect(try Self.read(test, "TTBR0_EL1") == Self.trapped(2, "TTBR0_EL1"))
    }

    @Test("HCR_EL2.EnSCXT traps while it is 0")
    func enabling() throws {
        let test = try AArch64TestElement(level: 1, hcr: Self.rw)
        #expect(try Self.read(test, "SCXTNUM_EL1") == Self.trapped(2, "SCXTNUM_EL1"))
        try test.write("HCR_EL2", Self.rw | 1 << 53)
        test.enter(1)
        #expect(try Self.read(test, "SCXTNUM_EL1") == .value(0))
    }

    @Test("Floating point's registers trap as its instructions do: EC 0x07, CPACR_EL1 before CPTR_EL2")
    func floatingPoint() throws {
        let trapped: UInt64 = 0x07 << 26 | 1 << 25 | 1 << 24 | 0xe << 20
        for (fpen, tfp, level, expected): (UInt64, UInt64, Int, Int?) in [
            (0, 1, 1, 1), (3, 1, 1, 2), (3, 0, 1, nil), (1, 0, 1, nil), (1, 1, 0, 1), (2, 0, 1, 1), (0, 1, 2, 2),
            (0, 0, 2, nil),
        ] {
            let test = try AArch64TestElement()
            try test.write("CPACR_EL1", fpen << 20)
            try test.write("CPTR_EL2", tfp << 10)
            test.enter(level)
            let outcome: Outcome = expected.map { .exception(level: $0, syndrome: trapped) } ?? .value(0)
            #expect(try Self.read(test, "FPCR") == outcome, "FPEN \(fpen), TFP \(tfp) at EL\(level)")
        }
    }

    @Test("SP_EL0 has no name while it is the stack pointer in use")
    func stackPointer() throws {
        let test = try AArch64TestElement(level: 1)
        try test.write("SP_EL0", 0x1234)
        try test.write("SPSel", 0)
        #expect(test.element.core.pointee.registers[Int(AArch64.stackPointer)] == 0x1234)
        #expect(try Self.read(test, "SP_EL0") == .undefined)
    }

    @Test("Without EL2 its registers are UNDEFINED, EL1 sees itself, and what EL2 would trap is not trapped")
    func withoutEL2() throws {
        let test = try AArch64TestElement(without: .el2)
        #expect(test.element.level == 1)
        for name in ["HCR_EL2", "VTTBR_EL2", "CNTHCTL_EL2", "TPIDR_EL2"] {
            #expect(try Self.read(test, name) == .undefined, "\(name)")
        }
        #expect(try test.read("MIDR_EL1") == 0x000f_0510)
        #expect(try test.read("CNTP_CVAL_EL0") == 0)
        try test.write("CNTFRQ_EL0", 1000)
        #expect(try test.read("CNTFRQ_EL0") == 1000, "EL1 is the highest level")
    }

    @Test("With FEAT_IDST reads of the ID space are reported with EC 0x18 where they are UNDEFINED (A2.6)")
    func identificationSpace() throws {
        let old = try AArch64TestElement("neoverse-n1", level: 0)
        #expect(try Self.read(old, "MIDR_EL1") == .undefined)
        let new = try AArch64TestElement(level: 0)
        #expect(try Self.read(new, "MIDR_EL1") == Self.trapped(1, "MIDR_EL1"))
        new.enter(0)
        #expect(try Self.write(new, "MIDR_EL1") == .undefined, "a write")
    }

    @Test("HCR_EL2.TIDCP traps all of EL1's registers that are a CPU's own, there or not")
    func ownRegisters() throws {
        let key = AArch64.SystemRegister.key(3, 1, 15, 2, 1)
        for (tidcp, name, expected): (UInt64, String, Outcome) in [
            (0, "cortex-a72", .value(0)), (0, "max", .undefined),
            (1, "cortex-a72", .exception(level: 2, syndrome: 0x6232_7ca5)),
            (1, "max", .exception(level: 2, syndrome: 0x6232_7ca5)),
        ] {
            let test = try AArch64TestElement(name, level: 1, hcr: Self.rw | tidcp << 20)
            let outcome = test.outcome { element throws(Fault) in try element.readSystemRegister(key, target: 5) }
            #expect(outcome == expected, "\(name), TIDCP \(tidcp)")
        }
    }

    @Test("EL1 sees VPIDR_EL2 and VMPIDR_EL2 in MIDR_EL1 and MPIDR_EL1, and EL2 the PE's own")
    func identity() throws {
        let test = try AArch64TestElement()
        try test.write("VPIDR_EL2", 0x1234_5678)
        try test.write("VMPIDR_EL2", 0x8000_0003)
        #expect(try test.read("MIDR_EL1") == 0x000f_0510)
        #expect(try test.read("MPIDR_EL1") == 0x8000_0000)
        test.enter(1)
        #expect(try test.read("MIDR_EL1") == 0x1234_5678)
        #expect(try test.read("MPIDR_EL1") == 0x8000_0003)
    }

    @Test("With HCR_EL2.E2H EL2 reaches its own registers by EL1's names, and EL1's by _EL12 (D8.9)")
    func redirection() throws {
        let test = try AArch64TestElement(hcr: Self.rw | Self.e2h | 1 << 53)
        for (name, first, second): (String, UInt64, UInt64) in [
            ("TTBR0", 0x1000, 0x2000), ("TTBR1", 0x3000, 0x4000), ("TCR", 0x10, 0x20), ("ESR", 1, 2), ("FAR", 3, 4),
            ("MAIR", 0x44, 0xff), ("VBAR", 0x800, 0x1000), ("CONTEXTIDR", 5, 6), ("ELR", 4, 8), ("SPSR", 5, 9),
            ("SCXTNUM", 7, 8),
        ] {
            try test.write("\(name)_EL1", first)
            try test.write("\(name)_EL12", second)
            #expect(try test.read("\(name)_EL2") == first, "\(name)")
            #expect(try test.read("\(name)_EL1") == first, "\(name)")
            test.enter(1)
            #expect(try test.read("\(name)_EL1") == second, "\(name)")
            test.enter(2)
        }
        try test.write("CPACR_EL1", 1 << 20)
        #expect(try test.read("CPTR_EL2") == 1 << 20)
        try test.write("CNTKCTL_EL1", 0xc03)
        #expect(try test.read("CNTHCTL_EL2") == 0xc03)
    }
}
