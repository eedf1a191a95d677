@testable import AArch64ISA

/// Where what QEMU 7.2 does with a system register and what we do may differ, and why.
struct AArch64RegisterDifference {
    typealias Outcome = AArch64RegisterProbe.Outcome

    let attempt: AArch64RegisterProbe.Attempt
    let setting: AArch64RegisterProbe.Setting
    let model: AArch64.CPUModel
    let theirs: Outcome
    let ours: Outcome
    private let register: String

    init(
        _ attempt: AArch64RegisterProbe.Attempt, _ setting: AArch64RegisterProbe.Setting, _ model: AArch64.CPUModel,
        _ theirs: Outcome, _ ours: Outcome
    ) {
        self.attempt = attempt
        self.setting = setting
        self.model = model
        self.theirs = theirs
        self.ours = ours
        register = attempt.register
    }

    var isExplained: Bool { isSame || Self.reasons.contains { $0.holds(self) } }

    /// Values are those of registers that are the same on every machine, and only what is read.
    private var isSame: Bool {
        guard case .value = theirs, case .value = ours else { return theirs == ours }
        // The interrupt controller's registers are compared with QEMU's where that is tested.
        let isController = register.hasPrefix("ICC_") || register.hasPrefix("ICH_")
        return attempt.access != .read || theirs == ours || isController || Self.ofTheMachine.contains(register)
    }

    private static let ofTheMachine: Set<String> = [
        // Time.
        "CNTPCT_EL0", "CNTVCT_EL0", "CNTP_TVAL_EL0", "CNTV_TVAL_EL0", "CNTHP_TVAL_EL2", "CNTHV_TVAL_EL2",
        "CNTP_TVAL_EL02", "CNTV_TVAL_EL02",
        // What the program there changes by running.
        "ELR_EL1", "ESR_EL1", "SPSR_EL1", "VBAR_EL1", "ELR_EL2", "ESR_EL2", "SPSR_EL2", "VBAR_EL2", "ELR_EL12",
        "ESR_EL12",
        "SPSR_EL12", "VBAR_EL12", "NZCV", "PAR_EL1", "OSLSR_EL1",
        // Other tests are about these: AArch64CPUModelTests, and the values that are written and read back.
        "ID_*_EL1", "SCTLR_EL1", "SCTLR_EL12", "SCTLR_EL2", "PMCEID0_EL0", "PMCEID1_EL0", "RNDR", "RNDRRS",
    ]

    private struct Reason: Sendable {
        let text: String
        let holds: @Sendable (AArch64RegisterDifference) -> Bool
        init(_ text: String, _ holds: @escaping @Sendable (AArch64RegisterDifference) -> Bool) {
            self.text = text
            self.holds = holds
        }
    }

    private var isHostForm: Bool { model.features.contains(.vhe) && setting.hcr >> 34 & 1 != 0 }

    private var isHosts: Bool { attempt.level == 2 && isHostForm }
    private var isTrappedToEL2: Bool { if case .exception(2, _) = ours { true } else { false } }

    private static let reasons: [Reason] = [
        Reason("QEMU has nothing of external debug (H9)") {
            $0.theirs == .undefined
                && [
                    "OSDTRRX_EL1", "OSDTRTX_EL1", "OSECCR_EL1", "DBGPRCR_EL1", "DBGCLAIMSET_EL1", "DBGCLAIMCLR_EL1",
                    "DBGAUTHSTATUS_EL1", "DBGDTR_EL0", "DBGDTR<R>X_EL0",
                ].contains($0.register)
        },
        Reason("Without AArch32, DBGBCR<n>_EL1.BAS and PMCR_EL0.LC are 1, and FPEXC32_EL2 is nothing") {
            ["DBGBCR<n>_EL1", "PMCR_EL0", "FPEXC32_EL2"].contains($0.register)
        },
        Reason("TCR_EL2 and VTCR_EL2 have RES1 bits, which QEMU keeps as they are written (D19.2.139, D19.2.157)") {
            ["TCR_EL2", "VTCR_EL2"].contains($0.register) || $0.register == "TCR_EL1" && $0.isHosts
        },
        Reason("MDSCR_EL1.TDCC, and MDCR_EL2.TDA from EL0, trap MDCCSR_EL0, which QEMU does not look at (D19.4.14)") {
            $0.register == "MDCCSR_EL0" && $0.attempt.level == 0
        },
        Reason("MDCR_EL2.TPM traps EL0 too whatever let it in by PMUSERENR_EL0, where QEMU looks at EN alone (D19.5)") {
            $0.register.hasPrefix("PM") && $0.attempt.level == 0 && $0.setting.mdcr >> 6 & 1 != 0 && $0.isTrappedToEL2
        },
        Reason("CNTHCTL_EL2.EL1PCTEN decides on the physical counter at EL0, and not EL1PCEN (D19.12.3)") {
            $0.register == "CNTPCT_EL0" && $0.attempt.level == 0 && $0.setting.cnthctl & 3 == 1
        },
        Reason("_EL12 and _EL02 names are UNDEFINED unless HCR_EL2.E2H is set, which QEMU 7.2 does not look at") {
            ($0.register.hasSuffix("_EL12") || $0.register.hasSuffix("_EL02")) && !$0.isHostForm
                && $0.ours == .undefined
        },
        Reason("HCR_EL2.EnSCXT is not about EL0 while HCR_EL2.{E2H, TGE} is {1, 1} (D19.2.48)") {
            $0.register == "SCXTNUM_EL0" && $0.attempt.level == 0 && $0.isHostForm && $0.setting.hcr >> 27 & 1 != 0
        },
        Reason("QEMU's `max` has SVE, SME and FEAT_HCX: ZCR, SMCR, SMPRI, SMPRIMAP, SMIDR, TPIDR2, SVCR, HCRX") {
            [
                "S3_0_C1_C2_0", "S3_4_C1_C2_0", "S3_5_C1_C2_0", "S3_0_C1_C2_6", "S3_4_C1_C2_6", "S3_5_C1_C2_6",
                "S3_0_C1_C2_4", "S3_4_C1_C2_5", "S3_1_C0_C0_6", "S3_3_C13_C0_5", "S3_3_C4_C2_2", "S3_4_C1_C2_2",
            ].contains($0.register)
        },
        Reason("QEMU's `max` has the registers of a Cortex-A57 for itself, and QEMU's Neoverse N1 none of its own") {
            $0.register.hasPrefix("S3_<op1>")
        },
    ]
}
