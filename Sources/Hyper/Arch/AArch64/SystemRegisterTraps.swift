import AArch64

/// System registers that a guest accesses and does not have itself: what its CPU is, which is told without what Hyper does not
/// give to guests; and debugging, of which there is nothing.
enum SystemRegisterTraps {
    /// op0, op1, CRn, CRm, op2 as the syndrome has them (ISS encoding for MSR, MRS and System instructions), less Rt.
    private static func name(_ op0: UInt64, _ op1: UInt64, _ crn: UInt64, _ crm: UInt64, _ op2: UInt64) -> UInt64 {
        op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | crm << 1
    }

    @inline(never)
    static func handle(_ vcpu: VCPUReference, _ syndrome: UInt64) {
        let register = Int(truncatingIfNeeded: syndrome >> 5 & 31)
        let isRead = syndrome & 1 != 0
        let state = vcpu.state
        let name = syndrome & 0x3f_fc1e
        if !isRead, isSoftwareInterrupt(name) {
            vcpu.pointee.guest._withUnsafeGuaranteedRef {
                $0.interrupts.controller?.send(register == 31 ? 0 : state.pointee[register], from: vcpu)
            }
            state.pointee.programCounter &+= 4
            return
        }
        guard let value = access(name, isRead: isRead) else { return Exits.raiseUnknown(vcpu) }
        if isRead, register != 31 { state.pointee[register] = value }
        state.pointee.programCounter &+= 4
    }

    /// ICC_SGI1R_EL1, which comes here where HCR_EL2.IMO is set (IHI 0069, 12.2.18).
    private static func isSoftwareInterrupt(_ name: UInt64) -> Bool {
        HostGIC.isVersion3 && name == self.name(3, 0, 12, 11, 5)
    }

    /// What a read finds; nil where there is no such register.
    private static func access(_ name: UInt64, isRead: Bool) -> UInt64? {
        let (op0, op1, crn, crm) = (name >> 20 & 3, name >> 14 & 7, name >> 10 & 15, name >> 1 & 15)
        // Identification registers are for reading, and those that nobody has defined yet are 0 (D13.3.3).
        if op0 == 3, op1 == 0, crn == 0, crm > 0, crm < 8 { return isRead ? identification(name) : nil }
        // Debug registers, but for those of the reset vector's catch: nothing is kept, and the OS lock is open.
        if op0 == 2, op1 == 0 || op1 == 3 { return debug(name) }
        // ACTLR_EL1.
        if name == self.name(3, 0, 1, 0, 1) { return 0 }
        return nil
    }

    private static func debug(_ name: UInt64) -> UInt64 {
        // OSLSR_EL1.OSLM: the lock is there.
        let lockIsImplemented: UInt64 = 1 << 3
        return name == self.name(2, 0, 1, 1, 4) ? lockIsImplemented : 0
    }

    /// Takes from a register the fields that begin at these bits, of four bits each.
    private static func without(_ value: UInt64, _ fields: UInt64...) -> UInt64 {
        fields.reduce(value) { $0 & ~(15 << $1) }
    }

    private static func identification(_ name: UInt64) -> UInt64 {
        switch name {
        // RAS, SVE, MPAM, AMU; EL2 and EL3 are not the guest's.
        case self.name(3, 0, 0, 4, 0): without(read_id_aa64pfr0_el1(), 8, 12, 28, 32, 40, 44)
        // MTE, RAS_frac, MPAM_frac.
        case self.name(3, 0, 0, 4, 1): without(read_id_aa64pfr1_el1(), 8, 12, 16)
        // Version 8 of the debug architecture, with the least that it may have; no PMU, no tracing.
        case self.name(3, 0, 0, 5, 0): 0x6 | 1 << 12 | 1 << 20 | 1 << 28
        case self.name(3, 0, 0, 6, 0): read_id_aa64isar0_el1()
        // Pointer authentication, whose keys are not kept.
        case self.name(3, 0, 0, 6, 1): without(read_id_aa64isar1_el1(), 4, 8, 24, 28)
        case self.name(3, 0, 0, 7, 0): read_id_aa64mmfr0_el1()
        // VHE, ordering regions.
        case self.name(3, 0, 0, 7, 1): without(read_id_aa64mmfr1_el1(), 8, 16)
        // Nested virtualization.
        case self.name(3, 0, 0, 7, 2): without(read_id_aa64mmfr2_el1(), 24)
        default: AArch32Identification.value(name >> 1 & 15, name >> 17 & 7)
        }
    }
}

/// ID_PFR0_EL1 to MVFR2_EL1, of which a guest's 32-bit processes are told.
private enum AArch32Identification {
    static func value(_ crm: UInt64, _ op2: UInt64) -> UInt64 {
        switch crm << 4 | op2 {
        case 0x10: read_id_pfr0_el1()
        case 0x11: read_id_pfr1_el1()
        case 0x14: read_id_mmfr0_el1()
        case 0x15: read_id_mmfr1_el1()
        case 0x16: read_id_mmfr2_el1()
        case 0x17: read_id_mmfr3_el1()
        case 0x20: read_id_isar0_el1()
        case 0x21: read_id_isar1_el1()
        case 0x22: read_id_isar2_el1()
        case 0x23: read_id_isar3_el1()
        case 0x24: read_id_isar4_el1()
        case 0x25: read_id_isar5_el1()
        case 0x26: read_id_mmfr4_el1()
        case 0x27: read_id_isar6_el1()
        case 0x30: read_mvfr0_el1()
        case 0x31: read_mvfr1_el1()
        case 0x32: read_mvfr2_el1()
        default: 0
        }
    }
}
