import AArch64

extension AArch64Port {
    /// The general registers, and those of EL1 and EL0.
    public static func registers(_ vcpu: VCPUReference) -> [(name: Text, value: UInt64)] {
        let state = vcpu.state
        var registers: [(name: Text, value: UInt64)] = [("pc", state.pointee.programCounter)]
        for index in 0..<31 { registers.append(("x\(index)", state.pointee[index])) }
        registers += [
            ("pstate", state.pointee.status), ("sp_el0", state.pointee.sp0), ("sp_el1", state.pointee.sp1),
            ("elr_el1", state.pointee.elr), ("spsr_el1", state.pointee.spsr), ("esr_el1", state.pointee.esr),
            ("far_el1", state.pointee.far), ("vbar_el1", state.pointee.vbar), ("sctlr_el1", state.pointee.sctlr),
            ("cpacr_el1", state.pointee.cpacr), ("ttbr0_el1", state.pointee.ttbr0),
            ("ttbr1_el1", state.pointee.ttbr1), ("tcr_el1", state.pointee.tcr), ("mair_el1", state.pointee.mair),
            ("tpidr_el0", state.pointee.tpidr0), ("tpidr_el1", state.pointee.tpidr1),
            ("cntv_ctl_el0", state.pointee.virtualTimerControl), ("cntv_cval_el0", state.pointee.virtualTimerCompare),
            ("cntp_ctl_el0", state.pointee.physicalTimerControl),
            ("cntp_cval_el0", state.pointee.physicalTimerCompare), ("cntvoff_el2", state.pointee.timerOffset),
        ]
        return registers
    }
}
