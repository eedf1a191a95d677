import AArch64ISA

/// What random programs for AArch64 leave out.
///
/// The manual is DDI 0487; `testsuites/aarch64/programs/qemu-differences.txt` has more about QEMU.
enum AArch64RandomExclusion {
    /// Instructions that are never generated.
    static let instructions: [RandomExclusion] = [
        .init(
            what: "fjcvtzs",
            reason: "7.2 sets Z for subnormal numbers that FZ makes zero. FPToFixedJS(): only for zeros themselves."),
        .init(what: "wfe", reason: "7.2: a hint that traps nothing and does not wait. D19.2.48, HCR_EL2.TWE."),
    ]

    /// What 7.2's `max` does not have, and ours has.
    static let features: AArch64.Features = [.evt, .nv]

    /// System registers that are never read or written.
    static let systemRegisters: [RandomExclusion] =
        [
            "DBGDTR_EL0", "DBGDTR<R>X_EL0", "OSDTRRX_EL1", "OSDTRTX_EL1", "OSECCR_EL1", "DBGPRCR_EL1",
            "DBGCLAIMSET_EL1",
            "DBGCLAIMCLR_EL1", "DBGAUTHSTATUS_EL1",
        ].map { .init(what: $0, reason: "7.2 does not have it. D19.3.") } + [
            .init(what: "SCXTNUM_EL0", reason: "7.2 looks at SCTLR_EL2.TSCXT without TGE too. D19.2.119."),
            .init(what: "SCXTNUM_EL1", reason: "The same."),
            .init(what: "MDCCSR_EL0", reason: "7.2 does not trap it. D19.3.20, MDSCR_EL1.TDCC."),
            .init(what: "VNCR_EL2", reason: "7.2 has no FEAT_NV2, which is from 9.0 on. VNCR_EL2."),
        ]

    /// System instructions that are never generated.
    static let systemInstructions: [RandomExclusion] = [
        "IC IVAU", "DC IVAC", "DC CVAC", "DC CVAU", "DC CVAP", "DC CVADP", "DC CIVAC",
    ].map { .init(what: $0, reason: "7.2 has no faults of maintenance by address. D8.14.") }

    /// Rules that the generator and the driver follow.
    static let rules: [RandomExclusion] = [
        .init(
            what: "atomic and ordered accesses that are not aligned, of CPUs with FEAT_LSE2",
            reason: "7.2 has not that feature. B2.2.1.1: they are one access within 16 bytes."),
        .init(
            what: "HVC at EL3 and in Secure state",
            reason: "7.2 takes it to EL2. AArch64.CallHypervisor: it stays at EL3, and is UNDEFINED at Secure EL1."),
        .init(
            what: "HCR_EL2.E2H and TGE where SCR_EL3.NS is 0",
            reason: "What EL2's registers are there without EL2 differs. D1.2: Secure state has no EL2."),
        .init(
            what: "TLBI of EL2's translations at EL3 where SCR_EL3.NS is 0",
            reason: "7.2 has them there. TLBI VAE2, Executing TLBI VAE2: UNDEFINED where EL2 is not enabled."),
        .init(what: "SCR_EL3.EA", reason: "7.2 does not look at it for aborts that are synchronous. SCR_EL3, EA."),
        .init(what: "MDCR_EL3.TDA", reason: "7.2 does not trap MDCR_EL2 by it. MDCR_EL2, Accessing MDCR_EL2."),
        .init(
            what: "HCR_EL2.TSC where there is EL3, and SCR_EL3.SMD",
            reason: "EL1's vectors are SMCs, which tell EL3 of exceptions."),
        .init(
            what: "registers by their names for EL2 (_EL12, _EL02) without HCR_EL2.E2H",
            reason: "7.2 has them then too. D8.9, and the registers' accessors: they are UNDEFINED."),
        .init(
            what: "BTYPE in SPSR_ELx",
            reason: "7.2 leaves it there for every exception. AArch64.TakeException: it may be zero for most."),
        .init(
            what: "PAN, UAO, DIT and SSBS in SPSR_ELx after an illegal exception return",
            reason: "7.2 leaves PAN as it was. SetPSTATEFromPSR: PAN is the SPSR's, and the others are UNKNOWN."),
        .init(
            what: "exception returns to AArch32",
            reason: "7.2's CPUs have it. ID_AA64PFR0_EL1: ours have not, and the return is illegal."),
        .init(
            what: "VTCR_EL2.PS of 40 bits, with pages of 16 KiB",
            reason: "7.2 refuses SL0 2 then. AArch64.S2InvalidSL: where the PE has no more than 40 bits."),
        .init(
            what: "DC ZVA, and accesses that are not aligned, where there may be device memory",
            reason: "7.2 has no alignment faults by memory type. D8.6.1, and AArch64.TranslateAddress: they are faults."
        ),
        .init(
            what: "guarded pages where there is a second stage",
            reason: "7.2 forgets GP then. D8.4.8, and AArch64.S2Translate: it is the first stage's alone."),
        .init(
            what:
                "instructions that read and change memory, where two stages may refuse it, or hardware sets access flags",
            reason: "7.2 asks both stages for the read first. AArch64.TranslateAddress: the first stage for all of it."),
        .init(
            what: "AT where HCR_EL2.VM is clear",
            reason: "7.2 translates the walk of stage 1 by a second stage all the same. D19.2.48, VM."),
        .init(
            what: "AT for writing where hardware manages dirty state",
            reason: "7.2 marks the page dirty. D8.5.8: an address translation instruction does not."),
        .init(
            what: "PMUSERENR_EL0.ER, CR and SW where MDCR_EL2.TPM or MDCR_EL3.TPM is set",
            reason: "7.2 looks at them first, and does not trap. D19.3.18, TPM."),
        .init(
            what: "AT S12E*R and AT S12E*W where E2H and TGE are set",
            reason: "7.2 translates for EL1&0. C5.4: for EL2&0 then."),
        .init(
            what: "TBI0 other than TBI1 where there is FEAT_PAuth",
            reason: "7.2 takes the address's half from bit 63 where its own TBI is clear. AddPAC(): from bit 55."),
        .init(
            what: "FCVTZS (scalar, fixed-point) of half precision",
            reason: "7.2 leaves bits 31:16 full of signs. C7.2.100: bits above the element are zero."),
        .init(
            what: "LDLAR and STLLR with a second stage that may refuse them",
            reason: "7.2 has AR clear. D19.2.37: it is set for accesses with acquire and release."),
        .init(what: "bit 9 of SCTLR_EL2", reason: "7.2 keeps it. D19.2.119: reserved, with E2H too."),
        .init(
            what: "system registers of CRn 11 and 15",
            reason: "They are IMPLEMENTATION DEFINED, and each emulator has some of a CPU's. D18.3.1."),
        .init(what: "LDAPR that is not aligned", reason: "7.2 does not refuse it. B2.2.1.1: an alignment fault."),
        .init(
            what: "CNTHCTL_EL2.EL1PCTEN and EL1PCEN clear, without E2H",
            reason: "7.2 lets EL0 read the physical counter. D19.12.6: EL0's accesses trap as EL1's do."),
        .init(what: "ESR_EL2 by MRS, as ESR_EL1 with E2H too", reason: "As of ISV below."),
        .init(
            what: "SCTLR_ELx with none of EnIA, EnIB, EnDA and EnDB where there is FEAT_PAuth",
            reason: "7.2 strips no pointer then. C6.2, XPACD: it does not ask for them."),
        .init(what: "HCR_EL2.TIDCP", reason: "7.2 does not trap what is IMPLEMENTATION DEFINED. D19.2.48."),
        .init(
            what: "stores of pairs, of structures and of Q registers over a page's end",
            reason:
                "7.2 does the first part before the fault of the second. Here nothing is stored; B2.2.1 leaves it open."
        ),
        .init(
            what: "SCTLR_EL1.M, and HCR_EL2.VM and DC, where TGE is set and E2H is not",
            reason: "7.2 translates by stage 1 then. D19.2.48, TGE: SCTLR_EL1.M behaves as 0."),
        .init(
            what: "AT of memory that is not cacheable, whose shareability is reserved, or where stage 1 is off",
            reason: "7.2 returns SH of the descriptor. D19.2.105, PAR_EL1.SH: outer shareable."),
        .init(
            what: "stores by STXR and STXP that are not aligned",
            reason: "7.2 fails them without a look at the address. ExclusiveMonitorsPass() leaves the order open."),
        .init(
            what: "DAIFSet and DAIFClr at EL0 where SCTLR_ELx.UMA is clear",
            reason: "7.2 has op1 and op2 of the syndrome in each other's place. D19.2.37, ISS of exceptions from MSR."),
        .init(
            what: "SCTLR_ELx.C clear, HCR_EL2.CD and ID",
            reason: "7.2 does not look at them for the attributes in PAR_EL1. D8.6.1: the memory is not cacheable then."
        ),
        .init(
            what: "ISV and the rest of bits 24:14 of the syndrome of an abort that is no stage 2 abort",
            reason: "7.2 has them for alignment faults and first stages at EL2 too. D19.2.37: ISV is 0 then."),
    ]
}
