import AArch64ISA
import ISA

/// What comparisons and hashes see of a PE.
extension AArch64.ProcessingElement {
    /// Every field of the PE's architectural state, once.
    ///
    /// What is derived from others is left out, as are exceptions and statistics, which are for people: but for how often the
    /// last exception came, which may end the run.
    public func describeState(_ visitor: inout some StateVisitor, _ memory: PhysicalMemory) {
        func field<T: FixedWidthInteger>(_ name: StaticString, _ path: WritableKeyPath<AArch64.State, T>) {
            visitor.field(name, &state.pointee[keyPath: path])
        }
        for index in 0..<31 { visitor.field("x", &state.pointee.core.registers[index]) }
        for index in 0..<64 { visitor.field("v", &state.pointee.core.vectors[index]) }
        field("pc", \.core.programCounter)
        var flags = conditionFlags
        visitor.field("nzcv", &flags)
        conditionFlags = flags
        field("pstate", \.pstate)
        if visitor.replacesFields, !isPossible(processState: state.pointee.pstate) {
            visitor.refuse("a PSTATE that this CPU can have")
            state.pointee.pstate = initialProcessState
        }
        field("trapped", \.core.trapped)
        var executed = state.pointee.core.executed
        visitor.field("executed", &executed)
        if executed > Clock.end {
            visitor.refuse("no more than there can be until the end of time")
            executed = 0
        }
        if visitor.replacesFields { setExecuted(executed) }
        field("float flags", \.core.floatFlags)
        field("float rounding", \.core.floatRounding)
        if visitor.replacesFields, state.pointee.core.floatRounding > 3 {
            visitor.refuse("one of four rounding modes")
            state.pointee.core.floatRounding = 0
        }
        field("float controls", \.core.floatControls)
        field("saturated", \.core.saturated)
        visitor.reservation(&state.pointee.core.reservation, memory)
        visitor.field("waiting", &state.pointee.waiting)
        visitor.field("waits for event", &state.pointee.waitsForEvent)
        visitor.field("event", &state.pointee.event)
        visitor.field("off", &state.pointee.halted)
        field("lines", \.lines)
        saveStackPointer()
        for level in 0..<3 {
            visitor.field("sp", &state.pointee.sp[level])
            visitor.field("elr", &state.pointee.elr[level])
            visitor.field("spsr", &state.pointee.spsr[level])
            visitor.field("esr", &state.pointee.esr[level])
            visitor.field("far", &state.pointee.far[level])
            visitor.field("vbar", &state.pointee.vbar[level])
            visitor.field("sctlr", &state.pointee.sctlr[level])
            visitor.field("ttbr0", &state.pointee.ttbr0[level])
            visitor.field("ttbr1", &state.pointee.ttbr1[level])
            visitor.field("tcr", &state.pointee.tcr[level])
            visitor.field("mair", &state.pointee.mair[level])
            visitor.field("contextidr", &state.pointee.contextidr[level])
            visitor.field("tpidr", &state.pointee.tpidr[level])
        }
        loadStackPointer()
        for (name, path) in Self.singleRegisters + Self.debugRegisters {
            visitor.field(name, &state.pointee[keyPath: path])
        }
        for index in 0..<10 { visitor.field("key", &state.pointee.keys[index]) }
        for index in 0..<4 {
            visitor.field("timer control", &state.pointee.timerControl[index])
            visitor.field("timer compare", &state.pointee.timerCompare[index])
        }
        visitor.field("os lock", &state.pointee.osLock)
        for index in 0..<16 {
            visitor.field("dbgbvr", &state.pointee.dbgbvr[index])
            visitor.field("dbgbcr", &state.pointee.dbgbcr[index])
            visitor.field("dbgwvr", &state.pointee.dbgwvr[index])
            visitor.field("dbgwcr", &state.pointee.dbgwcr[index])
        }
        for index in 0..<31 {
            visitor.field("pmevcntr", &state.pointee.pmevcntr[index])
            visitor.field("pmevtyper", &state.pointee.pmevtyper[index])
        }
        if hasEL3 { describeMonitor(&visitor) }
        var repeats = exceptionRepeats
        visitor.field("exception repeats", &repeats)
        if visitor.replacesFields { setExceptionRepeats(repeats) }
    }

    /// What there is with EL3 alone.
    private func describeMonitor(_ visitor: inout some StateVisitor) {
        saveStackPointer()
        let s = state
        // Each by its own access: a key path to an element of an inline array writes something else back.
        let level = 3
        visitor.field("el3", &s.pointee.sp[level])
        visitor.field("el3", &s.pointee.elr[level])
        visitor.field("el3", &s.pointee.spsr[level])
        visitor.field("el3", &s.pointee.esr[level])
        visitor.field("el3", &s.pointee.far[level])
        visitor.field("el3", &s.pointee.vbar[level])
        visitor.field("el3", &s.pointee.sctlr[level])
        visitor.field("el3", &s.pointee.ttbr0[level])
        visitor.field("el3", &s.pointee.tcr[level])
        visitor.field("el3", &s.pointee.mair[level])
        visitor.field("el3", &s.pointee.tpidr[level])
        for path in [\AArch64.State.scr, \.cptrEL3, \.mdcrEL3, \.scxtnumEL3] as [WritableKeyPath<AArch64.State, UInt64>]
        {
            visitor.field("el3", &state.pointee[keyPath: path])
        }
        visitor.field("secure timer control", &state.pointee.timerControl[4])
        visitor.field("secure timer compare", &state.pointee.timerCompare[4])
        loadStackPointer()
    }

    private typealias Register = (StaticString, WritableKeyPath<AArch64.State, UInt64>)

    private static var singleRegisters: [Register] {
        [
            ("tpidrro", \.tpidrro), ("cpacr", \.cpacr), ("csselr", \.csselr), ("par", \.par), ("cntkctl", \.cntkctl),
            ("scxtnum_el0", \.scxtnumEL0), ("scxtnum_el1", \.scxtnumEL1), ("scxtnum_el2", \.scxtnumEL2),
            ("random", \.random), ("hcr", \.hcr), ("cptr", \.cptr), ("mdcr", \.mdcr), ("hstr", \.hstr),
            ("cnthctl", \.cnthctl), ("hpfar", \.hpfar), ("vttbr", \.vttbr), ("vtcr", \.vtcr), ("vpidr", \.vpidr),
            ("vmpidr", \.vmpidr), ("vsesr", \.vsesr), ("ich_hcr", \.ichHCR), ("vdisr", \.vdisr), ("disr", \.disr),
            ("dacr32", \.dacr32), ("ifsr32", \.ifsr32), ("fpexc32", \.fpexc32), ("cntfrq", \.cntfrq),
            ("cntvoff", \.cntvoff), ("guards", \.guards), ("vncr", \.vncr),
        ]
    }

    private static var debugRegisters: [Register] {
        [
            ("mdscr", \.mdscr), ("os double lock", \.osDoubleLock), ("mdccint", \.mdccint), ("oseccr", \.oseccr),
            ("dbgprcr", \.dbgprcr), ("osdtrrx", \.osdtrrx), ("osdtrtx", \.osdtrtx), ("dbgclaim", \.dbgclaim),
            ("pmcr", \.pmcr), ("pmcntenset", \.pmcntenset), ("pmintenset", \.pmintenset), ("pmovsset", \.pmovsset),
            ("pmselr", \.pmselr), ("pmuserenr", \.pmuserenr), ("pmccfiltr", \.pmccfiltr), ("pmccntr", \.pmccntr),
            ("monitored executed", \.monitoredExecuted), ("monitored retired", \.monitoredRetired),
        ]
    }

    public static func fieldName(_ name: String, _ index: Int) -> String {
        switch name {
        case "x", "dbgbvr", "dbgbcr", "dbgwvr", "dbgwcr", "pmevcntr", "pmevtyper": "\(name)\(index)"
        case "v": "v\(index / 2).d[\(index % 2)]"
        case "key", "timer control", "timer compare": "\(name) \(index)"
        default: "\(name)_el\(index)"
        }
    }
}
