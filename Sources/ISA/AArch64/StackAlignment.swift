import ISA

/// "SP alignment checking" (CheckSPAlignment of the shared pseudocode): a load or store whose base is a stack pointer
/// that is no multiple of 16 is refused, where SCTLR_ELx.SA, or SA0 at EL0, says so.
///
/// Other instructions pay nothing. The decoder gives those whose base is SP a handler that looks at it and goes on to their
/// own, which is kept in the slot behind (each slot has 2 bytes of code, and an instruction has 4). Where SP is aligned,
/// nobody asks what SCTLR_ELx is. Translated code looks once a block, as long as SP moves by multiples of 16, and leaves
/// what is not aligned to the interpreter; and it does so only since SCTLR_ELx has asked for it.
extension AArch64 {
    static let stackHandler: Handler = { state, slot, page, slots, budget, tlb in
        let stackPointer = state.assumingMemoryBound(to: CoreState.self).pointee.registers[Int(AArch64.stackPointer)]
        if stackPointer & 15 != 0 { return runOnMisalignedStack(state, slot, page, slots, budget, tlb) }
        proceedBehindCheck(state, slot, page, slots, budget, tlb)
    }

    /// Jumps to the instruction's own handler.
    @inline(__always)
    private static func proceedBehindCheck(
        _ state: UnsafeMutableRawPointer, _ slot: UnsafeMutableRawPointer, _ page: UInt64,
        _ slots: UnsafeMutableRawPointer, _ budget: UInt64, _ tlb: UnsafeMutableRawPointer
    ) {
        // SAFETY: who sets this handler in a slot sets the operation's in the one behind.
        let own = unsafeBitCast((slot + DecodedSlot.bytes).load(as: UInt.self), to: Handler.self)
        own(state, slot, page, slots, budget, tlb)
    }

    @inline(never)
    private static func runOnMisalignedStack(
        _ state: UnsafeMutableRawPointer, _ slot: UnsafeMutableRawPointer, _ page: UInt64,
        _ slots: UnsafeMutableRawPointer, _ budget: UInt64, _ tlb: UnsafeMutableRawPointer
    ) {
        let isRefused = ProcessingElement.with(state) { $0.refusesMisalignedStack(slot, slots) }
        guard isRefused else { return proceedBehindCheck(state, slot, page, slots, budget, tlb) }
        runWhole(AArch64.self, state, slot, page, slots, budget, tlb) { e, i throws(Fault) in
            throw ProcessingElement.of(state).fault(ExceptionClass.misalignedStackPointer)
        }
    }

    /// For the first access of a block by SP, and where SP has moved otherwise since: the interpreter has it if SP is not
    /// aligned.
    static func expectAlignedStack(_ e: inout Recorder) { e.expectMultiple(of: 16, AArch64.stackPointer) }
}

extension AArch64.ProcessingElement {
    /// Code that was translated before anybody checked SP does not look at it.
    func noteStackAlignment() {
        let (both, s) = (AArch64.SystemControl.sa | AArch64.SystemControl.sa0, state)
        guard !cluster.checksStackAlignment else { return }
        // Without E2H, SCTLR_EL2 has no SA0, and its bit is 1.
        let hasHost = hypervisorConfiguration & AArch64.HypervisorConfiguration.e2h != 0
        let hypervisor = s.pointee.sctlr[2] & (hasHost ? both : AArch64.SystemControl.sa)
        let monitor = hasEL3 ? s.pointee.sctlr[3] & AArch64.SystemControl.sa : 0
        guard s.pointee.sctlr[1] & both | hypervisor | monitor != 0 else { return }
        cluster.checksStackAlignment = true
        cluster.hasStaleTranslations = true
        core.pointee.stopSoon()
    }

    /// In the run loop, where no translated code runs on any PE.
    func forgetTranslations(_ translator: Translator) {
        cluster.hasStaleTranslations = false
        translator.forget()
    }

    /// SCTLR_ELx.SA or SA0 of the current level.
    var checksStackAlignment: Bool {
        let level = level
        let control = state.pointee.sctlr[level == 0 ? (isHost ? 2 : 1) : level]
        return control & (level == 0 ? AArch64.SystemControl.sa0 : AArch64.SystemControl.sa) != 0
    }

    /// Whether the load or store of `slot`, by an SP that is not aligned, is refused for that.
    fileprivate func refusesMisalignedStack(_ slot: UnsafeMutableRawPointer, _ slots: UnsafeMutableRawPointer) -> Bool {
        // That floating point is off comes first (CheckFPEnabled64).
        checksStackAlignment && !(Self.isVector(slot, slots) && core.pointee.floatEnabled == 0)
    }

    /// What the handler before the operation's does, for who executes the operation without handlers.
    func checkStackAlignment(_ slot: UnsafeMutableRawPointer, _ slots: UnsafeMutableRawPointer) throws(Fault) {
        guard slot.load(as: UInt.self) == stackHandler,
            core.pointee.registers[Int(AArch64.stackPointer)] & 15 != 0, refusesMisalignedStack(slot, slots)
        else { return }
        throw fault(AArch64.ExceptionClass.misalignedStackPointer)
    }

    /// "Loads and Stores" (C4.1) by SP, but for prefetches, which check nothing.
    static func isBasedOnStack(_ word: UInt32, _ operation: AArch64.Operation, _ operands: DecodedSlot) -> Bool {
        guard word & 0x0a00_0000 == 0x0800_0000, operands.rs1 == AArch64.stackPointer else { return false }
        switch operation {
        case .prfum, .prfm_register, .prfm_unsigned: return false
        default: return true
        }
    }

    /// The instruction of `slot` is of vector registers.
    fileprivate static func isVector(_ slot: UnsafeMutableRawPointer, _ slots: UnsafeMutableRawPointer) -> Bool {
        let offset = (slot - slots) / DecodedSlot.bytes * 2
        let word = DecodedPage.host(of: slots).loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        return UInt32(littleEndian: word) >> 26 & 1 != 0
    }
}
