import Testing

@testable import AArch64ISA
@testable import ISA

/// FEAT_NV and FEAT_NV2, where the guest's programs do not reach: registers of a GICv3, interrupts, and CPUs without them
/// (DDI 0487, "Nested virtualization" of chapter D8; HCR_EL2 and VNCR_EL2). The programs `traps/nested`,
/// `traps/nested-memory` and `memory/nested` have the rest.
@Suite("AArch64 nested virtualization")
struct AArch64NestedVirtualizationTests {
    typealias Outcome = AArch64RegisterProbe.Outcome
    private static let rw: UInt64 = 1 << 31
    private static let nv: UInt64 = 1 << 42
    private static let nv1: UInt64 = 1 << 43
    private static let nv2: UInt64 = 1 << 45
    /// A page of the test's memory.
    private static let page = AArch64TestElement.base + 0x2000

    private static func element(_ bits: UInt64) throws -> AArch64TestElement {
        // APK, API and EnSCXT trap while they are 0.
        let test = try AArch64TestElement(hcr: rw | 3 << 40 | 1 << 53 | bits)
        try test.write("VNCR_EL2", page)
        return test
    }

    /// The manual's table of offsets, of the registers that are here.
    private static let always: [String: UInt64] = [
        "VTTBR_EL2": 0x20, "VTCR_EL2": 0x40, "VMPIDR_EL2": 0x50, "CNTVOFF_EL2": 0x60, "HCR_EL2": 0x78, "HSTR_EL2": 0x80,
        "VPIDR_EL2": 0x88, "TPIDR_EL2": 0x90, "VNCR_EL2": 0xb0, "MDSCR_EL1": 0x158, "SP_EL1": 0x240,
        "ICH_AP0R0_EL2": 0x480, "ICH_AP1R0_EL2": 0x4a0, "ICH_HCR_EL2": 0x4c0, "ICH_VMCR_EL2": 0x4c8, "VDISR_EL2": 0x500,
        "VSESR_EL2": 0x508,
    ]
    /// With NV1; and without it by the names that end in 2 more.
    private static let guests: [String: UInt64] = [
        "CPACR_EL1": 0x100, "CONTEXTIDR_EL1": 0x108, "SCTLR_EL1": 0x110, "ACTLR_EL1": 0x118, "TCR_EL1": 0x120,
        "AFSR0_EL1": 0x128, "AFSR1_EL1": 0x130, "ESR_EL1": 0x138, "MAIR_EL1": 0x140, "AMAIR_EL1": 0x148,
        "SPSR_EL1": 0x160,
        "CNTV_CVAL_EL0": 0x168, "CNTV_CTL_EL0": 0x170, "CNTP_CVAL_EL0": 0x178, "CNTP_CTL_EL0": 0x180,
        "SCXTNUM_EL1": 0x188,
        "TTBR0_EL1": 0x200, "TTBR1_EL1": 0x210, "FAR_EL1": 0x220, "ELR_EL1": 0x230, "VBAR_EL1": 0x250,
    ]

    private static func offset(_ line: AArch64.SystemRegister, isNV1: Bool) -> UInt64? {
        let name = line.name.description
        if name.hasPrefix("ICH_LR") { return 0x400 + 8 * UInt64(line.key & 15) }
        if let offset = always[name] { return offset }
        if isNV1 { return guests[name] }
        return name.hasSuffix("2") ? guests[String(name.dropLast())] : nil
    }

    @Test(
        "With NV2 the registers of the manual's table are in memory at EL1, at its offsets, and no others",
        arguments: [false, true])
    func offsets(isNV1: Bool) throws {
        let test = try Self.element(Self.nv | Self.nv2 | (isNV1 ? Self.nv1 : 0))
        let model = try #require(AArch64.CPUModel.named("max"))
        var found = 0
        for line in AArch64.SystemRegister.lines(of: model) where line.access.write < 3 && line.access.read < 3 {
            test.enter(1)
            var pattern = 0x9876_5432_10ab_0000 | UInt64(line.key)
            for offset: UInt64 in stride(from: 0, to: 4096, by: 8) {
                var word = pattern ^ offset << 48
                #expect(test.memory.write(Self.page + offset, from: &word, count: 8))
            }
            let offset = Self.offset(line, isNV1: isNV1)
            let outcome = test.outcome { element throws(Fault) in
                try element.readSystemRegister(line.key, target: 5)
            }
            guard let offset else {
                if case .value(let value) = outcome {
                    #expect(value & 0xffff_ffff_ffff != pattern & 0xffff_ffff_ffff, "\(line.name) is in memory")
                }
                continue
            }
            found += 1
            #expect(outcome == .value(pattern ^ offset << 48), "\(line.name)")
            test.enter(1)
            pattern = ~pattern
            try test.element.writeSystemRegister(line.key, pattern, target: 5)
            #expect(test.memory.host(Self.page + offset)?.loadUnaligned(as: UInt64.self) == pattern, "\(line.name)")
        }
        // Four List registers; ACTLR_EL1 has no other name.
        #expect(found == Self.always.count + 4 + Self.guests.count - (isNV1 ? 0 : 1))
    }

    @Test(
        "What EL2 cannot write is UNDEFINED with NV, and read it goes to EL2", arguments: ["ICH_VTR_EL2", "RVBAR_EL2"])
    func readOnly(name: String) throws {
        let key = try AArch64TestElement.key(name)
        for bits in [Self.nv, Self.nv | Self.nv2] {
            let test = try Self.element(bits)
            test.enter(1)
            let written = test.outcome { element throws(Fault) in
                try element.writeSystemRegister(key, 0, target: 5)
                return 0
            }
            #expect(written == .undefined)
            test.enter(1)
            let read = test.outcome { element throws(Fault) in try element.readSystemRegister(key, target: 5) }
            guard case .exception(level: 2, let syndrome) = read else {
                Issue.record("\(name): \(read)")
                continue
            }
            #expect(syndrome >> 26 == 0x18)
        }
    }

    @Test("SPSR_EL1 of a virtual interrupt says EL2 with NV, unless NV1 is set without NV2 (AArch64.TakeException)")
    func interrupts() throws {
        for (bits, mode): (UInt64, UInt64) in [
            (0, 5), (Self.nv, 9), (Self.nv | Self.nv1, 5), (Self.nv | Self.nv2, 9), (Self.nv | Self.nv1 | Self.nv2, 9),
        ] {
            // IMO and VI
            let test = try Self.element(bits | 1 << 4 | 1 << 7)
            test.enter(1)
            test.element.state.pointee.pstate &= ~AArch64.PSTATE.daif
            test.element.takePendingInterrupt()
            #expect(test.element.level == 1)
            #expect(test.element.state.pointee.spsr[1] & 0x1f == mode, "HCR_EL2 \(String(bits, radix: 16))")
        }
    }

    @Test(
        "Without FEAT_NV, HCR_EL2's bits for it are RES0, VNCR_EL2 is UNDEFINED, and EL1 is no EL2",
        arguments: [true, false])
    func absent(hasOthers: Bool) throws {
        let all = Self.nv | Self.nv1 | 1 << 44 | Self.nv2
        let test = try hasOthers ? AArch64TestElement(without: .nv) : AArch64TestElement("neoverse-n1")
        try test.write("HCR_EL2", Self.rw | all)
        #expect(try test.read("HCR_EL2") & all == 0)
        let key = try AArch64TestElement.key("VNCR_EL2")
        let read = test.outcome { element throws(Fault) in try element.readSystemRegister(key, target: 5) }
        #expect(read == .undefined)
        test.enter(1)
        #expect(try test.read("CurrentEL") == 1 << 2)
    }

    @Test("An address of VNCR_EL2 whose upper bits are not all alike faults when it is used (RESS)")
    func address() throws {
        let test = try Self.element(Self.nv | Self.nv2)
        try test.write("VNCR_EL2", 1 << 60 | Self.page)
        test.enter(1)
        let key = try AArch64TestElement.key("HCR_EL2")
        let read = test.outcome { element throws(Fault) in try element.readSystemRegister(key, target: 5) }
        // EL2's MMU is off: the address is beyond what there is, an address size fault of level 0.
        #expect(read == .exception(level: 2, syndrome: 0x25 << 26 | 1 << 25 | 1 << 13))
        #expect(test.element.state.pointee.far[2] == 1 << 60 | Self.page + 0x78)
    }
}
