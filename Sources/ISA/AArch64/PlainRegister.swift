import ISA

/// System registers that are fields of the state block, and nothing else, where the code runs that is recorded: MRS and
/// MSR of them are loads and stores.
extension AArch64 {
    struct PlainRegister {
        /// In the state block, of eight bytes.
        let offset: Int
        let writable: UInt64
        let fixed: UInt64
        /// Bits of HCR_EL2 that trap the access; none at EL2.
        let traps: UInt64
        /// There only while the other stack pointer is selected (SP_EL0).
        let needsOtherStackPointer: Bool
    }

    static func readPlain(_ e: inout Recorder, _ i: Operands, _ register: PlainRegister) {
        expect(&e, register)
        let value = e.state(register.offset, .double)
        e.setRegister(i.rd, value)
    }

    static func writePlain(_ e: inout Recorder, _ i: Operands, _ register: PlainRegister) {
        expect(&e, register)
        let value = e.register(i.rd)
        let writable = e.constant(register.writable)
        let kept = register.writable == ~0 ? value : e.binary(.and, .double, value, writable)
        let fixed = e.constant(register.fixed)
        let new = e.binary(.or, .double, kept, fixed)
        e.setState(register.offset, .double, new)
    }

    /// Branches by register are the interpreter's once there are guarded pages.
    static func expectNoGuards(_ e: inout Recorder) {
        expect(&e, \.guards, ~0, .equal)
    }

    private static func expect(_ e: inout Recorder, _ register: PlainRegister) {
        if register.traps != 0 {
            expect(&e, \.hcr, register.traps, .equal)
        }
        if register.needsOtherStackPointer {
            expect(&e, \.pstate, PSTATE.spSelect, .notEqual)
        }
    }

    /// The interpreter has the instruction unless the bits of `field` are zero, or are not.
    private static func expect(
        _ e: inout Recorder, _ field: KeyPath<State, UInt64>, _ mask: UInt64, _ comparison: Comparison
    ) {
        // A stored property has an offset.
        let value = e.state(MemoryLayout<State>.offset(of: field)!, .double)
        let bits = e.constant(mask)
        let masked = e.binary(.and, .double, value, bits)
        let zero = e.constant(0)
        let holds = e.compare(comparison, .double, masked, zero)
        e.expect(holds)
    }
}

extension AArch64.ProcessingElement {
    /// The register of an MRS or MSR, where all that access to it depends on beside the level is in
    /// ``AArch64/PlainRegister``; nil for others.
    func plainRegister(_ operands: Operands, isRead: Bool) -> AArch64.PlainRegister? {
        let access = AArch64.SystemAccess(
            register: UInt16(truncatingIfNeeded: operands.immediateBits & 0x7fff), target: 0, isRead: isRead)
        let named = registers.entries + Int(registers.places[Int(access.key)])
        // Which of a nested hypervisor's registers are its own depends on more bits than one.
        guard !isNested || named.pointee.nested.rule == .none else { return nil }
        let level = level
        let isHost = level == 2 ? regimeKind(level: 2) == .el2Host : level == 0 && isHost
        let needed = isRead ? named.pointee.readLevel : named.pointee.writeLevel
        guard !access.isImplementationDefined, level >= Int(needed), !named.pointee.needsHost || isHost else {
            return nil
        }
        let guards = named.pointee.guards
        let needsOther = guards.control == .otherStackPointer
        guard level != 0 || !named.pointee.isGuarded, guards.hypervisorClear == 0, guards.debug == 0,
            !guards.coprocessorAccess, needsOther || guards.control == .none, !hasEL3 || guards.monitor.isEmpty
        else { return nil }
        let entry = isHost ? registers.entries + named.pointee.counterpart : named
        guard entry.pointee.offset >= 0, isRead || entry.pointee.changes.isEmpty else { return nil }
        // Which of two forms EL2 gives a register is known at EL2 alone.
        let hasOneForm =
            entry.pointee.writable == entry.pointee.hostWritable && entry.pointee.fixed == entry.pointee.hostFixed
        guard isRead || hasOneForm || level == 2 else { return nil }
        return AArch64.PlainRegister(
            offset: entry.pointee.offset, writable: isHost ? entry.pointee.hostWritable : entry.pointee.writable,
            fixed: isHost ? entry.pointee.hostFixed : entry.pointee.fixed,
            traps: level >= 2 ? 0 : isRead ? guards.hypervisorReads : guards.hypervisorWrites,
            needsOtherStackPointer: needsOther)
    }
}
