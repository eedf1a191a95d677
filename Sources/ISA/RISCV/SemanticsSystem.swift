/// The meaning of the system instructions: Zicsr, the privileged ones, H, Svinval, Zicbom, Zicboz, Zawrs.
///
/// Their work is done out of line, by the helpers; here stands what each passes on and how it ends.
extension RISCV {
    /// The helpers, by number.
    enum Helper: UInt16 {
        case environmentCall, breakpoint, readCSR, writeCSR, setCSR, clearCSR
        case supervisorReturn, machineReturn, waitForInterrupt, waitOnReservation
        case supervisorFence, supervisorFenceOrder, virtualFence, guestFence
        case hypervisorLoad, hypervisorStore, cacheBlock

        @inline(__always) var identifier: HelperIdentifier { HelperIdentifier(rawValue: rawValue) }

        /// Set in the identifier of a fence that names an address, and of one that names an address space or a guest.
        static let givesAddress: UInt16 = 1 << 8
        static let givesSpace: UInt16 = 1 << 9
    }

    @inline(__always)
    static func illegal<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.undefined()
    }

    /// FENCE, FENCE.I, PAUSE: memory is in order, and decoded code follows memory by itself.
    @inline(__always)
    static func nothing<E: Emitter>(_ e: inout E, _ i: Operands) {}

    @inline(__always)
    static func always<E: Emitter>(_ e: inout E, _ helper: Helper) throws(E.Failure) {
        let zero = e.constant(0)
        _ = try e.call(helper.identifier, zero, zero)
    }

    /// CSRRW and CSRRWI. With rd = x0 the register is not read, which only matters to one whose reading has effects;
    /// there is none.
    @inline(__always)
    static func writeCSR<E: Emitter>(_ e: inout E, _ i: Operands, immediate: Bool) throws(E.Failure) {
        let number = e.constant(UInt64(bitPattern: i.immediate))
        let value = immediate ? e.constant(UInt64(i.rs1)) : e.register(i.rs1)
        let old = try e.call(Helper.writeCSR.identifier, number, value)
        e.setRegister(i.rd, old)
    }

    /// CSRRS, CSRRC and their immediate forms. With rs1 = x0 (or a zero immediate) nothing is written.
    @inline(__always)
    static func changeCSR<E: Emitter>(
        _ e: inout E, _ i: Operands, _ helper: Helper, immediate: Bool
    ) throws(E.Failure) {
        let number = e.constant(UInt64(bitPattern: i.immediate))
        if i.rs1 == 0 {
            let zero = e.constant(0)
            let old = try e.call(Helper.readCSR.identifier, number, zero)
            e.setRegister(i.rd, old)
        } else {
            let bits = immediate ? e.constant(UInt64(i.rs1)) : e.register(i.rs1)
            let old = try e.call(helper.identifier, number, bits)
            e.setRegister(i.rd, old)
        }
    }

    /// MRET, SRET: the helper sets the program counter.
    @inline(__always)
    static func exceptionReturn<E: Emitter>(_ e: inout E, _ helper: Helper) throws(E.Failure) {
        let zero = e.constant(0)
        _ = try e.call(helper.identifier, zero, zero)
        e.resume()
    }

    /// WFI, WRS: the hart stops here.
    @inline(__always)
    static func wait<E: Emitter>(_ e: inout E, _ helper: Helper, _ argument: UInt64) throws(E.Failure) {
        let zero = e.constant(0)
        let value = e.constant(argument)
        _ = try e.call(helper.identifier, value, zero)
        e.endBlock()
    }

    /// The fences. The helper's number says which operands are given: an operand of x0 is none.
    @inline(__always)
    static func fence<E: Emitter>(_ e: inout E, _ i: Operands, _ helper: Helper) throws(E.Failure) {
        let address = e.register(i.rs1)
        let space = e.register(i.rs2)
        let given: UInt16 = (i.rs1 == 0 ? 0 : Helper.givesAddress) | (i.rs2 == 0 ? 0 : Helper.givesSpace)
        _ = try e.call(HelperIdentifier(rawValue: helper.rawValue | given), address, space)
        e.endBlock()
    }

    @inline(__always)
    static func fenceOrder<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try always(&e, .supervisorFenceOrder)
    }

    /// HLV, HLVX.
    @inline(__always)
    static func hypervisorLoad<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ extension: Extension?, execute: Bool = false
    ) throws(E.Failure) {
        let address = e.register(i.rs1)
        let kind = e.constant(UInt64(width.rawValue) | (execute ? 8 : 0))
        let loaded = try e.call(Helper.hypervisorLoad.identifier, address, kind)
        if let `extension` {
            let extended = e.extend(`extension`, loaded)
            e.setRegister(i.rd, extended)
        } else {
            e.setRegister(i.rd, loaded)
        }
    }

    /// HSV. The helper's number carries the width above bit 8.
    @inline(__always)
    static func hypervisorStore<E: Emitter>(_ e: inout E, _ i: Operands, _ width: Width) throws(E.Failure) {
        let address = e.register(i.rs1)
        let value = e.register(i.rs2)
        let helper = HelperIdentifier(rawValue: Helper.hypervisorStore.rawValue | UInt16(width.rawValue) << 8)
        _ = try e.call(helper, address, value)
    }

    /// CBO.*: which of them is the immediate of the encoding (volume I, "Cache-Block Management Instructions").
    @inline(__always)
    static func cacheBlock<E: Emitter>(_ e: inout E, _ i: Operands, _ kind: UInt64) throws(E.Failure) {
        let address = e.register(i.rs1)
        let which = e.constant(kind)
        _ = try e.call(Helper.cacheBlock.identifier, address, which)
    }
}
