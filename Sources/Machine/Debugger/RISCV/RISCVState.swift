import ISA

/// What comparisons and hashes see of a hart.
extension RISCV.Hart {
    /// Every field of the hart's architectural state, once.
    ///
    /// What is derived from others is left out: the translation context and, while a turn does not run, the moment up to
    /// which the programmable counters have counted. So are the register that takes writes to x0, and traps and
    /// statistics, which are for people: but for how often the last exception came, which may end the run.
    public func describeState(_ visitor: inout some StateVisitor, _ memory: PhysicalMemory) {
        func field<T: FixedWidthInteger>(_ name: StaticString, _ path: WritableKeyPath<RISCV.State, T>) {
            visitor.field(name, &state.pointee[keyPath: path])
        }
        for index in 0..<72 where !(32..<40).contains(index) {
            visitor.field("register", &state.pointee.core.registers[index])
        }
        field("pc", \.core.programCounter)
        field("trapped", \.core.trapped)
        var executed = state.pointee.core.executed
        visitor.field("executed", &executed)
        if executed > Clock.end {
            visitor.refuse("no more than there can be until the end of time")
            executed = 0
        }
        if visitor.replacesFields { setExecuted(executed) }
        field("fflags", \.core.floatFlags)
        field("frm", \.core.floatRounding)
        field("float dirty", \.core.floatDirty)
        visitor.reservation(&state.pointee.core.reservation, memory)
        visitor.field("privilege", &state.pointee.privilege, otherwise: .machine)
        visitor.field("virtual", &state.pointee.virtual)
        visitor.field("waiting", &state.pointee.waiting)
        visitor.field("halted", &state.pointee.halted)
        let registers: [(StaticString, WritableKeyPath<RISCV.State, UInt64>)] = [
            ("mstatus", \.mstatus), ("medeleg", \.medeleg), ("mideleg", \.mideleg), ("mie", \.mie), ("mip", \.mip),
            ("lines", \.lines), ("mtvec", \.mtvec), ("mcounteren", \.mcounteren),
            ("mcountinhibit", \.mcountinhibit), ("mscratch", \.mscratch), ("mepc", \.mepc), ("mcause", \.mcause),
            ("mtval", \.mtval), ("mtval2", \.mtval2), ("mtinst", \.mtinst), ("menvcfg", \.menvcfg),
            ("mseccfg", \.mseccfg),
            ("stvec", \.stvec), ("scounteren", \.scounteren), ("sscratch", \.sscratch), ("sepc", \.sepc),
            ("scause", \.scause), ("stval", \.stval), ("satp", \.satp), ("senvcfg", \.senvcfg),
            ("stimecmp", \.stimecmp), ("hstatus", \.hstatus), ("hedeleg", \.hedeleg), ("hideleg", \.hideleg),
            ("hcounteren", \.hcounteren), ("htimedelta", \.htimedelta), ("htval", \.htval), ("htinst", \.htinst),
            ("hgatp", \.hgatp), ("henvcfg", \.henvcfg), ("vsstatus", \.vsstatus), ("vstvec", \.vstvec),
            ("vsscratch", \.vsscratch), ("vsepc", \.vsepc), ("vscause", \.vscause), ("vstval", \.vstval),
            ("vsatp", \.vsatp), ("vstimecmp", \.vstimecmp), ("mcycle", \.mcycleOffset),
            ("minstret", \.minstretOffset),
        ]
        for (name, path) in registers { visitor.field(name, &state.pointee[keyPath: path]) }
        for index in 0..<4 {
            visitor.field("mstateen", &state.pointee.mstateen[index])
            visitor.field("hstateen", &state.pointee.hstateen[index])
            visitor.field("sstateen", &state.pointee.sstateen[index])
        }
        for index in 0..<16 {
            visitor.field("pmpcfg", &state.pointee.pmpcfg[index])
            visitor.field("pmpaddr", &state.pointee.pmpaddr[index])
        }
        for index in 3..<32 {
            visitor.field("mhpmcounter", &state.pointee.mhpmcounter[index])
            visitor.field("mhpmevent", &state.pointee.mhpmevent[index])
        }
        var repeats = exceptionRepeats
        visitor.field("exception repeats", &repeats)
        guard visitor.replacesFields else { return }
        if let register = impossibleRegister {
            visitor.refuse("a value that it can have", of: register)
            clearImpossibleRegisters()
        }
        setExceptionRepeats(repeats)
    }

    public static func fieldName(_ name: String, _ index: Int) -> String {
        switch name {
        case "register": index < 32 ? RISCV.integerRegisterName(index) : RISCV.floatRegisterName(index - 32)
        // The first three counters are registers of their own.
        case "mhpmcounter", "mhpmevent": "\(name)\(index + 3)"
        default: "\(name)\(index)"
        }
    }
}
