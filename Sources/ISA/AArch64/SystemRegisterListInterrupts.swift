import ISA

/// The registers of a GICv3's CPU interface (Arm IHI 0069, 12.2 and 12.4), which are the interrupt controller's.
extension AArch64.SystemRegister {
    private static func hypervisor(_ name: StaticString, _ encoding: StaticString, _ access: Access) -> Self {
        .init(name, encoding, access, .computed(.interruptHypervisor), .all, .gicv3)
    }

    private static func controller(
        _ name: StaticString, _ encoding: StaticString, _ access: Access, _ control: Control
    ) -> Self {
        .init(name, encoding, access, .computed(.interruptInterface), .all, .gicv3, control: control)
    }

    static let interrupts: [Self] =
        [
            // SRE, DFB and DIB; Enable
            .init("ICC_SRE_EL1", "         11 000 1100 1100 101", .el1, .constant(0x7), .none, .gicv3),
            .init("ICC_SRE_EL2", "         11 100 1100 1001 101", .el2, .constant(0xf), .none, .gicv3),
            //          name              op0 op1  CRn  CRm op2
            controller("ICC_PMR_EL1", "    11 000 0100 0110 000", .el1, .interruptsCommon),
            controller("ICC_IAR0_EL1", "   11 000 1100 1000 000", .readEL1, .interruptsGroup0),
            controller("ICC_EOIR0_EL1", "  11 000 1100 1000 001", .writeEL1, .interruptsGroup0),
            controller("ICC_HPPIR0_EL1", " 11 000 1100 1000 010", .readEL1, .interruptsGroup0),
            controller("ICC_BPR0_EL1", "   11 000 1100 1000 011", .el1, .interruptsGroup0),
            controller("ICC_AP0R0_EL1", "  11 000 1100 1000 100", .el1, .interruptsGroup0),
            controller("ICC_AP1R0_EL1", "  11 000 1100 1001 000", .el1, .interruptsGroup1),
            controller("ICC_DIR_EL1", "    11 000 1100 1011 001", .writeEL1, .interruptsDeactivate),
            controller("ICC_RPR_EL1", "    11 000 1100 1011 011", .readEL1, .interruptsCommon),
            controller("ICC_SGI1R_EL1", "  11 000 1100 1011 101", .writeEL1, .interruptsGenerate),
            controller("ICC_ASGI1R_EL1", " 11 000 1100 1011 110", .writeEL1, .interruptsGenerate),
            controller("ICC_SGI0R_EL1", "  11 000 1100 1011 111", .writeEL1, .interruptsGenerate),
            controller("ICC_IAR1_EL1", "   11 000 1100 1100 000", .readEL1, .interruptsGroup1),
            controller("ICC_EOIR1_EL1", "  11 000 1100 1100 001", .writeEL1, .interruptsGroup1),
            controller("ICC_HPPIR1_EL1", " 11 000 1100 1100 010", .readEL1, .interruptsGroup1),
            controller("ICC_BPR1_EL1", "   11 000 1100 1100 011", .el1, .interruptsGroup1),
            controller("ICC_CTLR_EL1", "   11 000 1100 1100 100", .el1, .interruptsCommon),
            controller("ICC_IGRPEN0_EL1", "11 000 1100 1100 110", .el1, .interruptsGroup0),
            controller("ICC_IGRPEN1_EL1", "11 000 1100 1100 111", .el1, .interruptsGroup1),
            hypervisor("ICH_AP0R0_EL2", "  11 100 1100 1000 000", .el2),
            hypervisor("ICH_AP1R0_EL2", "  11 100 1100 1001 000", .el2),
            hypervisor("ICH_HCR_EL2", "    11 100 1100 1011 000", .el2),
            hypervisor("ICH_VTR_EL2", "    11 100 1100 1011 001", .readEL2),
            hypervisor("ICH_MISR_EL2", "   11 100 1100 1011 010", .readEL2),
            hypervisor("ICH_EISR_EL2", "   11 100 1100 1011 011", .readEL2),
            hypervisor("ICH_ELRSR_EL2", "  11 100 1100 1011 101", .readEL2),
            hypervisor("ICH_VMCR_EL2", "   11 100 1100 1011 111", .el2),
        ]
        + (0..<4).map { (number: UInt16) -> Self in
            .init(
                "ICH_LR<n>_EL2", key: key(3, 4, 12, 12, number), .el2, .computed(.interruptHypervisor), .all, .gicv3)
        }
}
