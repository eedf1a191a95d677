import ISA

/// Registers that are PSTATE's fields by name, random numbers, and pending interrupts (C5.2, D19.2.62).
extension AArch64.ProcessingElement {
    private typealias Hypervisor = AArch64.HypervisorConfiguration
    private typealias PSTATE = AArch64.PSTATE

    /// Writes fields of PSTATE, in the layout that they have in SPSR_ELx and in registers of their own.
    func setProcessState(_ fields: UInt64, _ value: UInt64) {
        let old = state.pointee.pstate
        let new = old & ~fields | value & fields
        state.pointee.pstate = new
        if (old ^ new) & (PSTATE.pan | PSTATE.uao) != 0 { levelChanged() }
        if old & ~new & PSTATE.daif != 0 { interruptsChanged() }
    }

    /// RNDR and RNDRRS: a number, and NZCV of success (K14, "Random number generation"). They are no secret: the same
    /// run has the same numbers.
    func randomNumber() -> UInt64 {
        conditionFlags = 0
        // Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
        state.pointee.random &+= 0x9e37_79b9_7f4a_7c15
        var number = state.pointee.random
        number = (number ^ number >> 30) &* 0xbf58_476d_1ce4_e5b9
        number = (number ^ number >> 27) &* 0x94d0_49bb_1331_11eb
        return number ^ number >> 31
    }

    // MARK: Interrupts

    /// ISR_EL1: what is pending here. Where EL2 takes the physical ones, EL1 sees the virtual.
    var interruptStatus: UInt64 {
        let configuration = hypervisorConfiguration
        let lines = interruptLines
        func isVirtual(_ route: UInt64) -> Bool { level == 1 && configuration & route != 0 }
        let hasIRQ =
            isVirtual(Hypervisor.imo)
            ? configuration & Hypervisor.vi | lines & AArch64.Interrupt.virtualIRQ : lines & AArch64.Interrupt.irq
        let hasFIQ =
            isVirtual(Hypervisor.fmo)
            ? configuration & Hypervisor.vf | lines & AArch64.Interrupt.virtualFIQ : lines & AArch64.Interrupt.fiq
        let hasError = isVirtual(Hypervisor.amo) && configuration & Hypervisor.vse != 0
        return (hasError ? 1 << 8 : 0) | (hasIRQ != 0 ? 1 << 7 : 0) | (hasFIQ != 0 ? 1 << 6 : 0)
    }

    /// DISR_EL1 is VDISR_EL2 where errors are virtual.
    var defersVirtually: Bool { level == 1 && hypervisorConfiguration & Hypervisor.amo != 0 }
}
