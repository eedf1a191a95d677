import RISCV

extension RISCVPort {
    /// The integer registers by their names of the calling convention (psABI, 1.1), and the VS-level CSRs.
    private static var integerNames: [Text] {
        [
            "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "s2",
            "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
        ]
    }

    public static func registers(_ vcpu: VCPUReference) -> [(name: Text, value: UInt64)] {
        let state = vcpu.state
        var registers: [(name: Text, value: UInt64)] = [("pc", state.pointee.programCounter)]
        for (index, name) in integerNames.enumerated() { registers.append((name, state.pointee[index + 1])) }
        registers += [
            ("sstatus", state.pointee.sstatus), ("hstatus", state.pointee.frame[Int(GUEST_HSTATUS) / 8]),
            ("vsstatus", state.pointee.vsstatus), ("vstvec", state.pointee.vstvec),
            ("vsscratch", state.pointee.vsscratch),
            ("vsepc", state.pointee.vsepc), ("vscause", state.pointee.vscause), ("vstval", state.pointee.vstval),
            ("vsatp", state.pointee.vsatp), ("hie", state.pointee.hie), ("hvip", state.pointee.hvip),
            ("vstimecmp", state.pointee.vstimecmp), ("scounteren", state.pointee.scounteren),
            ("senvcfg", state.pointee.senvcfg), ("htimedelta", state.pointee.htimedelta),
        ]
        return registers
    }
}
