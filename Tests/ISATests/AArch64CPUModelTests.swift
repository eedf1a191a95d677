import Testing

@testable import AArch64ISA

/// The ID registers of each model beside those that QEMU 7.2.22 gives a guest at EL2 (`-M virt,virtualization=on,
/// gic-version=3`), which are of the CPUs' Technical Reference Manuals; the Cortex-A72's and the Neoverse N1's were seen
/// on hardware too. Each field that is not the same is listed, with the reason.
@Suite("AArch64 CPU models")
struct AArch64CPUModelTests {
    private struct Field: Hashable, CustomStringConvertible {
        let register: AArch64.IdentificationRegister
        let bit: UInt8
        let ours: UInt64
        let theirs: UInt64
        var description: String { "\(register) [\(bit + 3):\(bit)] is \(ours), QEMU's \(theirs)" }
    }

    private static let registers: [AArch64.IdentificationRegister] = [
        .pfr0, .pfr1, .dfr0, .isar0, .isar1, .mmfr0, .mmfr1, .mmfr2,
    ]
    private static let armv8: [UInt64] = [0x0100_0222, 0, 0x1030_5106, 0x1_1120, 0, 0x1124, 0, 0]
    private static let theirs: [String: [UInt64]] = [
        "cortex-a53": [0x0100_0222, 0, 0x1030_5106, 0x1_1120, 0, 0x1122, 0, 0],
        "cortex-a57": armv8, "cortex-a72": armv8,
        "neoverse-n1": [
            0x1100_0000_1111_0112, 0x20, 0x1030_5408, 0x1000_1021_1120, 0x10_0001, 0x10_1125, 0x1021_2122, 0x1011,
        ],
        "max": [
            0x1201_0011_2111_0222, 0x100_0021, 0x1030_5609, 0x1221_1111_1021_2120, 0x11_1111_0121_1012, 0x323_1020_1126,
            0x110_1021_1122, 0x1021_0110_1001_1011,
        ],
    ]
    /// No AArch32 (EL0 and EL1 are 2 with it), and EL2 of QEMU's has it too; one endianness; one Security state.
    private static let everywhere: Set<Field> = [
        Field(register: .pfr0, bit: 0, ours: 1, theirs: 2), Field(register: .pfr0, bit: 4, ours: 1, theirs: 2),
        Field(register: .pfr0, bit: 8, ours: 1, theirs: 2), Field(register: .mmfr0, bit: 8, ours: 0, theirs: 1),
        Field(register: .mmfr0, bit: 12, ours: 0, theirs: 1),
    ]
    private static let ofMaximum: Set<Field> = [
        // SVE, its secure EL2, MTE, RASv1p1.
        Field(register: .pfr0, bit: 28, ours: 1, theirs: 2), Field(register: .pfr0, bit: 32, ours: 0, theirs: 1),
        Field(register: .pfr0, bit: 36, ours: 0, theirs: 1), Field(register: .pfr1, bit: 24, ours: 0, theirs: 1),
        // DGH.
        Field(register: .isar1, bit: 48, ours: 0, theirs: 1),
        // HPDS2; PAN3; ETS; HCX.
        Field(register: .mmfr1, bit: 12, ours: 2, theirs: 1), Field(register: .mmfr1, bit: 20, ours: 3, theirs: 2),
        Field(register: .mmfr1, bit: 36, ours: 0, theirs: 1), Field(register: .mmfr1, bit: 40, ours: 0, theirs: 1),
        // NV, which versions from 9.0 on have; LSE2; EVT.
        Field(register: .mmfr2, bit: 24, ours: 2, theirs: 0),
        Field(register: .mmfr2, bit: 32, ours: 1, theirs: 0),
        Field(register: .mmfr2, bit: 56, ours: 2, theirs: 0),
    ]

    @Test("Each model's ID registers are QEMU's, but for what is listed", arguments: AArch64.CPUModel.all.map(\.name))
    func identification(name: String) throws {
        let model = try #require(AArch64.CPUModel.named(name))
        var differences: Set<Field> = []
        for (register, theirs) in zip(Self.registers, try #require(Self.theirs[name])) {
            for bit: UInt64 in stride(from: 0, to: 64, by: 4) {
                let field = Field(
                    register: register, bit: UInt8(bit),
                    ours: model.identification[Int(register.rawValue)] >> bit & 15, theirs: theirs >> bit & 15)
                if field.ours != field.theirs { differences.insert(field) }
            }
        }
        let expected = name == "max" ? Self.everywhere.union(Self.ofMaximum) : Self.everywhere
        // EL1 and EL2 of the Neoverse N1 are AArch64 alone there too.
        let known = expected.filter { name != "neoverse-n1" || $0.register != .pfr0 || $0.bit == 0 }
        for field in differences.symmetricDifference(known) { Issue.record("\(name): \(field)") }
    }

    @Test("Without FEAT_LPA2 granules are those of 48-bit addresses, as QEMU's `max,lpa2=off` has them")
    func withoutLargeAddresses() throws {
        let model = try #require(AArch64.CPUModel.named("max")).with { $0.subtract(.lpa2) }
        let register = model.identification[Int(AArch64.IdentificationRegister.mmfr0.rawValue)]
        // BigEnd and SNSMem are QEMU's alone.
        #expect(register == 0x222_0010_1126 & ~0xff00)
    }

    @Test("A model without EL2 or a GICv3 says so, and says nothing else of it")
    func lesser() throws {
        let full = try #require(AArch64.CPUModel.named("max"))
        let lesser = full.with { $0.subtract([.el2, .gicv3]) }
        for register in Self.registers {
            let changed = full.identification[Int(register.rawValue)] ^ lesser.identification[Int(register.rawValue)]
            // ID_AA64PFR0_EL1.EL2 and GIC, and ID_AA64MMFR2_EL1.NV, which is about EL2
            let expected: UInt64 = register == .pfr0 ? 1 << 8 | 1 << 24 : register == .mmfr2 ? 2 << 24 : 0
            #expect(changed == expected, "\(register)")
        }
    }
}
