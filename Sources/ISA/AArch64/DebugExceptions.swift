import ISA

/// Debug exceptions that no instruction asks for: software step, breakpoints and watchpoints (D2.8 to D2.12).
///
/// Where nothing is armed, all they cost is the run loop's look at a flag. Where something is:
/// - A page with an address that a breakpoint compares is not entered for fetching. So the run loop is the only way into it,
///   and has one instruction at a time executed there. It has so everywhere while a breakpoint compares no address, and
///   while software step is active.
/// - A page with bytes that a watchpoint watches is not entered for data. So all accesses to it are made by the slow paths,
///   which look.
extension AArch64 {
    /// What the debug registers have armed, at whatever level it may match.
    struct ArmedDebug: Equatable {
        /// MDSCR_EL1.SS
        var steps = false
        /// Pages with an address that a breakpoint compares.
        var breakpointPages: [UInt64] = []
        /// A breakpoint compares contexts and no address.
        var breaksAnywhere = false
        var watchpoints: [Watchpoint] = []

        /// Instructions have to be looked at before they are executed.
        var concernsCode: Bool { steps || breaksAnywhere || !breakpointPages.isEmpty }

        /// The page of `address` is among those of breakpoints.
        func breaksPage(of address: UInt64) -> Bool {
            breaksAnywhere || breakpointPages.contains(address & ArmedDebug.page)
        }

        func watchesPage(of address: UInt64) -> Bool {
            let page = address & ArmedDebug.page
            return watchpoints.contains { $0.first <= page | 4095 && $0.last >= page }
        }

        /// Addresses are compared without a tag; what else is above bit 55 the translation has checked.
        static let compared: UInt64 = 1 << 56 - 1
        static let page = compared & ~4095
    }

    /// The bytes that a watchpoint watches.
    struct Watchpoint: Equatable {
        let number: Int
        let first: UInt64
        let last: UInt64

        /// Nil where DBGWCR_EL1.BAS or MASK name no bytes.
        ///
        /// Where they are reserved or contradict each other (AArch64.WatchpointByteMatch): MASK of 1 and 2 watches nothing,
        /// MASK counts whatever BAS is and whatever the address has below, and of BAS the lowest run of ones.
        init?(number: Int, control: UInt64, address: UInt64) {
            self.number = number
            let address = address & ArmedDebug.compared
            let mask = control >> 24 & 31
            if mask == 1 || mask == 2 { return nil }
            if mask > 0 {
                let size: UInt64 = 1 << mask
                first = address & ~(size - 1)
                last = first + (size - 1)
                return
            }
            // With bit 2, it is a word that is watched.
            let selected = control >> 5 & (address >> 2 & 1 == 0 ? 0xff : 0xf)
            if selected == 0 { return nil }
            let start = UInt64(selected.trailingZeroBitCount)
            first = address + start
            last = first + UInt64((~(selected >> start)).trailingZeroBitCount) - 1
        }
    }
}

extension AArch64.ProcessingElement {
    private typealias PSTATE = AArch64.PSTATE
    private typealias Class = AArch64.ExceptionClass
    private typealias Hypervisor = AArch64.HypervisorConfiguration

    /// Bits of MDSCR_EL1.
    private enum DebugControl {
        static let softwareStep: UInt64 = 1 << 0
        /// KDE: debug exceptions from the level that takes them.
        static let kernel: UInt64 = 1 << 13
        /// MDE: breakpoints and watchpoints.
        static let monitor: UInt64 = 1 << 15
    }

    /// The fault status code of breakpoints, watchpoints and software step.
    private static let debugStatus: UInt64 = 0b100010

    // MARK: What is armed

    /// A register was written that says which debug exceptions there are: the run loop looks again.
    func debugChanged() {
        let new = armedDebug()
        if new != armed {
            // What was entered of pages that are watched now has to go.
            let isNewlyWatched = new.watchpoints != armed.watchpoints && !new.watchpoints.isEmpty
            let isNewlyBroken = new.breakpointPages != armed.breakpointPages || new.breaksAnywhere
            armed = new
            if isNewlyWatched || isNewlyBroken { pool.flushAll() }
            examinesCode = new.concernsCode
            examinesData = !new.watchpoints.isEmpty
        }
        stopSoon()
    }

    private func armedDebug() -> AArch64.ArmedDebug {
        var armed = AArch64.ArmedDebug()
        let s = state
        // DoubleLockStatus(): DBGPRCR_EL1.CORENPDRQ has the lock not count.
        let isDoublyLocked = s.pointee.osDoubleLock & 1 != 0 && s.pointee.dbgprcr & 1 == 0
        if s.pointee.osLock || isDoublyLocked { return armed }
        armed.steps = s.pointee.mdscr & DebugControl.softwareStep != 0
        guard s.pointee.mdscr & DebugControl.monitor != 0 else { return armed }
        for number in 0..<Int(model.breakpoints) where s.pointee.dbgbcr[number] & 1 != 0 {
            let type = s.pointee.dbgbcr[number] >> 20 & 15
            if type < 2 {
                armed.breakpointPages.append(s.pointee.dbgbvr[number] & AArch64.ArmedDebug.page)
            } else if type & 1 == 0, isContextAware(number) {
                armed.breaksAnywhere = true
            }
        }
        for number in 0..<Int(model.watchpoints) where s.pointee.dbgwcr[number] & 1 != 0 {
            let watchpoint = AArch64.Watchpoint(
                number: number, control: s.pointee.dbgwcr[number], address: s.pointee.dbgwvr[number])
            if let watchpoint { armed.watchpoints.append(watchpoint) }
        }
        return armed
    }

    /// The last breakpoints are (ID_AA64DFR0_EL1.CTX_CMPs).
    private func isContextAware(_ number: Int) -> Bool {
        number < model.breakpoints && number >= Int(model.breakpoints) - Int(model.contextBreakpoints)
    }

    // MARK: Whether and where they are taken

    /// Debug exceptions of EL0 and EL1 go to EL2 (MDCR_EL2.TDE, HCR_EL2.TGE).
    var routesDebugExceptions: Bool {
        isEL2Enabled && (state.pointee.mdcr >> 8 & 1 != 0 || hypervisorConfiguration & Hypervisor.tge != 0)
    }

    /// AArch64.GenerateDebugExceptionsFrom.
    private func generatesDebugExceptions(from level: Int, isMasked: Bool) -> Bool {
        let isDoublyLocked = state.pointee.osDoubleLock & 1 != 0 && state.pointee.dbgprcr & 1 == 0
        if state.pointee.osLock || isDoublyLocked { return false }
        // MDCR_EL3.SDD
        if isSecureBelowEL3, state.pointee.mdcrEL3 >> 16 & 1 != 0 { return false }
        let target = routesDebugExceptions ? 2 : 1
        if level < target { return true }
        return level == target && state.pointee.mdscr & DebugControl.kernel != 0 && !isMasked
    }

    private var generatesDebugExceptions: Bool {
        generatesDebugExceptions(from: level, isMasked: state.pointee.pstate & PSTATE.debugMask != 0)
    }

    private func debugException(_ exceptionClass: UInt64, _ syndrome: UInt64, _ detail: UInt64 = 0) -> Fault {
        fault(exceptionClass, syndrome | Self.debugStatus, level: routesDebugExceptions ? 2 : 0, detail)
    }

    // MARK: Code

    /// Runs code from the program counter, no further than it may go unlooked at.
    func enterExaminedCode() {
        let steps = isStepActive
        if steps, state.pointee.pstate & PSTATE.softwareStep == 0 { return takeSoftwareStep(isOfInstruction: false) }
        do throws(Fault) {
            let slots = try fetch(core.pointee.programCounter)
            if stopsAtBreakpoint(slots) { return }
            let address = core.pointee.programCounter
            let breaks = armed.breaksPage(of: address)
            if breaks, generatesDebugExceptions, breakpointMatches(address) {
                throw debugException(Class.breakpointLower, 0)
            }
            if state.pointee.pstate & PSTATE.illegal != 0 { throw illegalExecutionState() }
            let isTarget = state.pointee.pstate & PSTATE.branchType != 0
            let word = steps || isTarget ? word(at: address, slots) : 0
            if isTarget { try checkBranchTarget(word, at: address) }
            if steps || breaks || isTarget { core.pointee.stopSoon() }
            let exceptions = core.pointee.trapped
            run(address, slots)
            // An exception has told of the step in SPSR_ELx.SS, which was still set, and of BTYPE.
            guard core.pointee.trapped == exceptions else { return }
            if isTarget { branchTargetExecuted(word) }
            guard steps, !state.pointee.halted else { return }
            state.pointee.pstate &= ~PSTATE.softwareStep
            if isStepActive { takeSoftwareStep(isOfInstruction: true, isExclusive: Self.isLoadExclusive(word)) }
        } catch {
            leaveByException(AArch64.self, state, core.pointee.programCounter, core.pointee.budget)
        }
    }

    // MARK: Software step (D2.12)

    /// The state machine is not inactive: PSTATE.SS says whether an instruction is executed before the exception.
    private var isStepActive: Bool { armed.steps && generatesDebugExceptions }

    /// Takes the exception before the next instruction: at once when one has been stepped, so that no interrupt comes between
    /// them, which would have to keep the syndrome.
    /// - Parameter isOfInstruction: whether an instruction was stepped, or the state was active and pending from the start.
    private func takeSoftwareStep(isOfInstruction: Bool, isExclusive: Bool = false) {
        let syndrome: UInt64 = (isOfInstruction ? 1 << 24 : 0) | (isExclusive ? 1 << 6 : 0)
        _ = debugException(Class.softwareStepLower, syndrome)
        takeSynchronousException()
    }

    /// LDXR, LDAXR, LDXP and LDAXP, of which the syndrome tells (EX).
    private static func isLoadExclusive(_ word: UInt32) -> Bool {
        word & 0x3fe0_0000 == 0x0840_0000 || word & 0xbfe0_0000 == 0x8860_0000
    }

    /// DebugExceptionReturnSS: PSTATE.SS after a return to `level`, whose PSTATE is `saved`.
    func stepBitAfterReturn(_ saved: UInt64, to level: Int) -> UInt64 {
        guard state.pointee.mdscr & DebugControl.softwareStep != 0, !generatesDebugExceptions,
            generatesDebugExceptions(from: level, isMasked: saved & PSTATE.debugMask != 0)
        else { return 0 }
        return saved & PSTATE.softwareStep
    }

    // MARK: Breakpoints (D2.9)

    /// A breakpoint matches the instruction at `address` (AArch64.CheckBreakpoint).
    private func breakpointMatches(_ address: UInt64) -> Bool {
        (0..<Int(model.breakpoints)).contains { number in
            let control = state.pointee.dbgbcr[number]
            guard control & 1 != 0, stateMatches(control, level: level) else { return false }
            if control >> 20 & 15 < 2 {
                return (address ^ state.pointee.dbgbvr[number]) & AArch64.ArmedDebug.compared & ~3 == 0
            }
            return contextMatches(number, isLinked: false)
        }
    }

    /// AArch64.StateMatch, of DBGBCR_EL1 or DBGWCR_EL1: whether it is for `level`, and the breakpoint that it is linked to
    /// matches. Combinations of HMC, SSC and PMC or PAC that are reserved mean what their parts do.
    private func stateMatches(_ control: UInt64, level: Int) -> Bool {
        let isForEL2 = control >> 13 & 1 != 0
        let security = control >> 14 & 3
        let isForLevel =
            switch level {
            case 2: isForEL2 || security == 3
            case 1: control >> 1 & 1 != 0
            default: control >> 2 & 1 != 0
            }
        let isForState = isSecure ? security != 1 : security < 2 || security == 3 && isForEL2
        guard isForLevel, isForState else { return false }
        // Bit 0 of BT, or WT.
        let isLink = control >> 20 & 1 != 0 && control >> 21 & 7 == 0
        return !isLink || contextMatches(Int(control >> 16 & 15), isLinked: true)
    }

    /// AArch64.BreakpointValueMatch of a breakpoint that compares context or VMID.
    /// - Parameter isLinked: another one is linked to it; and not that it stands for itself.
    private func contextMatches(_ number: Int, isLinked: Bool) -> Bool {
        let s = state
        guard isContextAware(number), s.pointee.dbgbcr[number] & 1 != 0 else { return false }
        let type = s.pointee.dbgbcr[number] >> 20 & 15
        guard type & 1 == (isLinked ? 1 : 0) else { return false }
        let value = s.pointee.dbgbvr[number]
        let level = level
        let isInHost = hypervisorConfiguration & Hypervisor.e2h != 0 && (level == 2 || level == 0 && isHost)
        let isOfGuest = level < 2 && !isInHost
        let matchesEL1 = isOfGuest && s.pointee.contextidr[1] == value & 0xffff_ffff
        let matchesEL2 = s.pointee.contextidr[2] == value >> 32
        let hasVHE = features.contains(.vhe)
        switch type >> 1 {
        case 1: return isInHost ? s.pointee.contextidr[2] == value & 0xffff_ffff : matchesEL1
        case 3: return hasVHE && matchesEL1
        case 4: return isOfGuest && matchesGuest(value)
        case 5: return matchesEL1 && matchesGuest(value)
        case 6: return hasVHE && matchesEL2
        case 7: return hasVHE && matchesEL1 && matchesEL2
        default: return false
        }
    }

    /// DBGBVR_EL1.VMID, of which half counts where VMIDs have 8 bits.
    private func matchesGuest(_ value: UInt64) -> Bool {
        let isWide = features.contains(.vmid16) && state.pointee.vtcr >> 19 & 1 != 0
        return isEL2Enabled && (state.pointee.vttbr >> 48 ^ value >> 32) & (isWide ? 0xffff : 0xff) == 0
    }

    // MARK: Watchpoints (D2.10)

    /// Throws where a watchpoint matches an access of the current level that may be made (AArch64.CheckWatchpoint).
    /// - Parameter isNested: it is EL2's, made by EL1 (VNCR_EL2).
    func checkWatchpoints(
        _ address: UInt64, _ count: UInt64, _ access: AArch64.TranslationRequest.Access, _ attributes: MemoryAttributes,
        isNested: Bool = false
    ) throws(Fault) {
        let (reads, writes): (Bool, Bool)
        switch access {
        case .read: (reads, writes) = (true, false)
        case .write: (reads, writes) = (false, true)
        case .update: (reads, writes) = (true, true)
        default: return
        }
        guard generatesDebugExceptions else { return }
        let level = isNested ? 2 : attributes.contains(.unprivileged) && isUnprivilegedDifferent ? 0 : level
        let first = address & AArch64.ArmedDebug.compared
        for watchpoint in armed.watchpoints
        where first <= watchpoint.last && first + (count - 1) >= watchpoint.first {
            let control = state.pointee.dbgwcr[watchpoint.number]
            // LSC
            let matchesRead = reads && control >> 3 & 1 != 0
            guard matchesRead || writes && control >> 4 & 1 != 0, stateMatches(control, level: level) else { continue }
            // What EL1 accesses as EL2 is reported as of the level itself (Exception_NV2Watchpoint).
            let (exceptionClass, nested) =
                isNested ? (Class.watchpointLower + 1, AArch64.FaultDetail.nestedAccess) : (Class.watchpointLower, 0)
            let recorded = debugException(
                exceptionClass, nested | (matchesRead ? 0 : 1 << 6), AArch64.FaultDetail.hasAddress)
            // The lowest byte that was both accessed and watched.
            core.pointee.fault.value = address &+ (max(first, watchpoint.first) - first)
            throw recorded
        }
    }
}
