import ISA

/// Branch target identification (FEAT_BTI; D8.4.8, and BranchTargetCheck of the shared pseudocode): in a guarded page, what
/// BR and BLR go to has to be an instruction that says so.
///
/// PSTATE.BTYPE costs ordinary instructions nothing, and BR and BLR one look at a flag: as long as no guarded page was
/// fetched from (``State/guards``), they set nothing. Only where they go to a page that is not entered, which may be the
/// first one, they leave a note for the run loop (``CoreState/missedJump``). From then on they set PSTATE.BTYPE, and the
/// run loop has the next instruction executed alone, after it has looked at it.
extension AArch64 {
    /// Tells the run loop of a branch by register, where guarded pages are known.
    @inline(__always)
    static func noteBranch<E: Emitter>(_ e: inout E, _ register: UInt8, _ hint: JumpHint) throws(E.Failure) {
        let guards = e.state(guardsOffset, .byte)
        let zero = e.constant(0)
        let areKnown = e.compare(.notEqual, .byte, guards, zero)
        try e.whenever(areKnown) { e throws(E.Failure) in
            // BTYPE for a branch within guarded code (BTypeNext): by X16 and X17 as procedure linkage does it.
            let type = e.constant(hint == .call ? 2 : register == 16 || register == 17 ? 1 : 3)
            let from = e.programCounter(plus: 0)
            _ = try e.call(Helper.setBranchType.identifier, type, from)
        }
    }

    @inline(__always) static var guardsOffset: Int { MemoryLayout<State>.offset(of: \.guards).unsafelyUnwrapped }

    /// BR, BLR.
    @inline(__always)
    static func branchIndirect<E: Emitter>(_ e: inout E, _ i: Operands, _ hint: JumpHint) throws(E.Failure) {
        try noteBranch(&e, i.rn, hint)
        branchToRegister(&e, i, hint)
    }
}

extension AArch64.ProcessingElement {
    private typealias PSTATE = AArch64.PSTATE

    private static let branchTypeShift: UInt64 = 10

    /// Sets PSTATE.BTYPE for the instruction that follows, and has the run loop look at that.
    func setBranchType(_ type: UInt64, from address: UInt64) {
        // BR from a page that is not guarded may go to BTI c too.
        let type = type == 3 && !isGuardedPage(address) ? 1 : type
        state.pointee.pstate = state.pointee.pstate & ~PSTATE.branchType | type << Self.branchTypeShift
        core.pointee.stopSoon()
    }

    /// Before the instruction after a branch by register to a page that was not entered: fetches that page, with
    /// PSTATE.BTYPE as the exception would have to tell it.
    func followMissedJump() {
        let type: UInt64 = core.pointee.missedJump == JumpHint.call.rawValue + 1 ? 2 : 1
        core.pointee.missedJump = 0
        guard features.contains(.bti), state.pointee.guards == 0 else { return }
        state.pointee.pstate |= type << Self.branchTypeShift
        do throws(Fault) {
            _ = try fetch(core.pointee.programCounter)
            if state.pointee.guards == 0 { state.pointee.pstate &= ~PSTATE.branchType }
        } catch {
            leaveByException(AArch64.self, state, core.pointee.programCounter, core.pointee.budget)
        }
    }

    /// Runs the instruction at the program counter alone, which PSTATE.IL or BTYPE may forbid.
    func enterMarkedCode(_ slots: UnsafeMutableRawPointer) throws(Fault) {
        if stopsAtBreakpoint(slots) { return }
        if state.pointee.pstate & PSTATE.illegal != 0 { throw illegalExecutionState() }
        let address = core.pointee.programCounter
        let word = word(at: address, slots)
        try checkBranchTarget(word, at: address)
        let exceptions = core.pointee.trapped
        core.pointee.stopSoon()
        run(address, slots)
        if core.pointee.trapped == exceptions { branchTargetExecuted(word) }
    }

    /// PSTATE.BTYPE is 0 after an instruction, but where that has set it.
    func branchTargetExecuted(_ word: UInt32) {
        // Branches by register, by opc: ERET, RET, and those that leave BTYPE, where guarded pages are known.
        let isBranch = word >> 25 == 0b1101011
        let keeps =
            switch word >> 21 & 15 {
            case 0b0100: isBranch
            case 0b0010: false
            default: isBranch && state.pointee.guards != 0
            }
        if !keeps { state.pointee.pstate &= ~PSTATE.branchType }
    }

    /// Throws where PSTATE.BTYPE does not allow the instruction in a guarded page (BTypeCompatible).
    func checkBranchTarget(_ word: UInt32, at address: UInt64) throws(Fault) {
        let type = (state.pointee.pstate & PSTATE.branchType) >> Self.branchTypeShift
        guard type != 0, isGuardedPage(address) else { return }
        let isCompatible: Bool
        switch word {
        case 0xd503_245f: isCompatible = type != 3  // BTI c
        case 0xd503_249f: isCompatible = type != 2  // BTI j
        case 0xd503_24df: isCompatible = true  // BTI jc
        case 0xd503_233f, 0xd503_237f:
            // PACIASP, PACIBSP, where SCTLR_ELx.BT allows them for all.
            let level = level
            let control = state.pointee.sctlr[level == 0 ? (isHost ? 2 : 1) : level]
            isCompatible = type != 3 || control >> (level == 0 ? 35 : 36) & 1 == 0
        // BRK and HLT.
        default: isCompatible = word & 0xffe0_001f == 0xd420_0000 || word & 0xffe0_001f == 0xd440_0000
        }
        if !isCompatible { throw fault(AArch64.ExceptionClass.branchTarget, type) }
    }

    /// The page was fetched from, and is guarded (GP).
    private func isGuardedPage(_ address: UInt64) -> Bool {
        guard features.contains(.bti) else { return false }
        let context = core.pointee.context
        if context.pointee.fetch[TranslationContext.fetchIndex(address)].tag == address & ~4095 {
            return context.pointee.isGuarded(address)
        }
        // Pages with breakpoints are not entered.
        guard case .success(let found) = inspectTranslation(of: address, .execute).result else { return false }
        return found.isGuarded
    }
}
