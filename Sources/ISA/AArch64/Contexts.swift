import ISA

/// Which translation context serves accesses, and the regimes as their registers say: what is found anew when a register, the
/// level or PSTATE.PAN changes.
extension AArch64.ProcessingElement {
    private typealias PSTATE = AArch64.PSTATE
    private typealias Hypervisor = AArch64.HypervisorConfiguration

    /// Bits of HCR_EL2 that translation depends on.
    private static var translationConfiguration: UInt64 {
        typealias HCR = AArch64.TranslationRegime.HCR
        return HCR.vm | HCR.ptw | HCR.dc | HCR.tge | HCR.cd | HCR.id | HCR.e2h | HCR.fwb | HCR.nested
    }

    /// To the place of a level's context with PSTATE.PAN, from that of the one without.
    private static let isPANContext = 4

    /// A register that translation or traps depend on has changed.
    func contextChanged() {
        knowsGuest = false
        knownHypervisor = nil
        state.pointee.contexts = .init(repeating: 0)
        floatingPointChanged()
        noteStackAlignment()
        levelChanged()
    }

    /// A register has changed that translation at EL2 does not depend on, nor at EL0 where EL2 is a host.
    func guestContextChanged() {
        knowsGuest = false
        state.pointee.contexts[1] = 0
        state.pointee.contexts[1 + Self.isPANContext] = 0
        if !isHost {
            state.pointee.contexts[0] = 0
            state.pointee.contexts[Self.isPANContext] = 0
        }
        noteStackAlignment()
        if level != 2 { levelChanged() }
    }

    /// What governs the use of floating point has changed.
    func floatingPointChanged() {
        for level in 0..<(hasEL3 ? 4 : 3) {
            state.pointee.floatLevels[level] = floatingPointTrapLevel(from: level) == nil ? 1 : 0
        }
        core.pointee.floatEnabled = state.pointee.floatLevels[level]
    }

    /// Selects the translation context, and what else follows from the level and PSTATE.
    func levelChanged() {
        let level = level
        let isPAN = level != 0 && state.pointee.pstate & PSTATE.pan != 0
        core.pointee.context = context(level: level, isPAN: isPAN)
        core.pointee.unprivileged =
            isUnprivilegedDifferent ? context(level: 0, isPAN: false) : core.pointee.context
        core.pointee.floatEnabled = state.pointee.floatLevels[level]
    }

    /// Whether LDTR and STTR are made as if at EL0 (AArch64.IsUnprivAccessPriv, the other way round).
    @inline(__always)
    var isUnprivilegedDifferent: Bool {
        let level = level
        guard state.pointee.pstate & PSTATE.uao == 0 else { return false }
        return level == 1 ? !hasNestedTables : level == 2 && isHost
    }

    @inline(__always)
    private func context(level: Int, isPAN: Bool) -> UnsafeMutablePointer<TranslationContext> {
        // One that is known has been given its code's mode.
        UnsafeMutablePointer(bitPattern: UInt(state.pointee.contexts[level + (isPAN ? Self.isPANContext : 0)]))
            ?? selectContext(level: level, isPAN: isPAN)
    }

    @inline(never)
    private func selectContext(level: Int, isPAN: Bool) -> UnsafeMutablePointer<TranslationContext> {
        let place = level + (isPAN ? Self.isPANContext : 0)
        // Those that are known are selected without a word to the pool.
        for place in 0..<8 {
            let known = UInt(state.pointee.contexts[place])
            if let context = UnsafeMutablePointer<TranslationContext>(bitPattern: known) { pool.touch(context) }
        }
        let key = contextKey(level: level, isPAN: isPAN)
        let context = pool.select(key, evicting: { state.pointee.contexts = .init(repeating: 0) })
        // Translated code knows the level, whether EL2 is a host, whether EL1 takes itself to be EL2, and the Security state.
        context.pointee.codeMode = key.mode & (0x1b | Self.nestedMode | Self.secureMode)
        state.pointee.contexts[place] = UInt64(UInt(bitPattern: context))
        return context
    }

    private func contextKey(level: Int, isPAN: Bool) -> TranslationContext.Key {
        let s = state
        let kind = regimeKind(level: level)
        let configuration = hypervisorConfiguration & Self.translationConfiguration
        let isNested = level == 1 && configuration & Hypervisor.nv != 0
        let mode = UInt64(level) | (isPAN ? 4 : 0) | UInt64(kind.rawValue) << 3 | (isNested ? Self.nestedMode : 0)
        if hasEL3, kind == .el3 || isSecureBelowEL3 { return secureKey(kind, mode: mode | Self.secureMode) }
        if kind == .el1 {
            let hasStageTwo = configuration & (Hypervisor.vm | Hypervisor.dc) != 0
            let number = regimeNumber(
                AArch64.RegimeKey(
                    kind: kind, sctlr: s.pointee.sctlr[1], tcr: s.pointee.tcr[1], mair: s.pointee.mair[1],
                    hcr: configuration, vtcr: hasStageTwo ? s.pointee.vtcr : 0))
            return TranslationContext.Key(
                firstStage: s.pointee.ttbr0[1], upperHalf: s.pointee.ttbr1[1], secondStage: s.pointee.vttbr,
                mode: mode | UInt64(number) << 8)
        }
        let number = regimeNumber(
            AArch64.RegimeKey(
                kind: kind, sctlr: s.pointee.sctlr[2], tcr: s.pointee.tcr[2], mair: s.pointee.mair[2],
                hcr: 0, vtcr: 0))
        return TranslationContext.Key(
            firstStage: s.pointee.ttbr0[2], upperHalf: kind == .el2 ? 0 : s.pointee.ttbr1[2], secondStage: 0,
            mode: mode | UInt64(number) << 8)
    }

    /// In the mode of contexts of an EL1 that takes itself to be EL2, and of Secure state.
    private static let nestedMode: UInt64 = 1 << 5
    static let secureMode: UInt64 = 1 << 7

    /// Secure state has no second stage.
    private func secureKey(_ kind: AArch64.TranslationRegime.Kind, mode: UInt64) -> TranslationContext.Key {
        let (s, level) = (state, kind == .el3 ? 3 : 1)
        let number = regimeNumber(
            AArch64.RegimeKey(
                kind: kind, sctlr: s.pointee.sctlr[level], tcr: s.pointee.tcr[level], mair: s.pointee.mair[level],
                hcr: s.pointee.scr & AArch64.SecureConfiguration.sif, vtcr: 0))
        return TranslationContext.Key(
            firstStage: s.pointee.ttbr0[level], upperHalf: s.pointee.ttbr1[level], secondStage: 0,
            mode: mode | UInt64(number) << 8)
    }

    /// The number of the regime, which is new where it has none.
    private func regimeNumber(_ key: AArch64.RegimeKey) -> Int {
        if let number = regimes.number(of: key) { return number }
        if regimes.isFull {
            regimes.removeAll()
            pool.flushAll()
            state.pointee.contexts = .init(repeating: 0)
        }
        return regimes.append(key)
    }

    func regimeKind(level: Int) -> AArch64.TranslationRegime.Kind {
        if level < 2 && !(level == 0 && isHost) { return .el1 }
        if level == 3 { return .el3 }
        return hypervisorConfiguration & Hypervisor.e2h != 0 ? .el2Host : .el2
    }

    /// The first stage of the regime, with its registers as they are.
    func regime(_ kind: AArch64.TranslationRegime.Kind) -> UnsafePointer<AArch64.TranslationRegime> {
        let place = firstStages + (kind == .el1 ? 0 : 1)
        if kind == .el1 ? !knowsGuest : knownHypervisor != kind { readRegime(kind, place) }
        return UnsafePointer(place)
    }

    /// Makes it of its registers.
    private func readRegime(
        _ kind: AArch64.TranslationRegime.Kind, _ place: UnsafeMutablePointer<AArch64.TranslationRegime>
    ) {
        let s = state
        // SAFETY: here and below, a regime is numbers alone, so that what was there need not be destroyed.
        switch kind {
        case .el1:
            place.initialize(
                to: AArch64.TranslationRegime(
                    el1: translationFeatures, sctlr: s.pointee.sctlr[1], tcr: s.pointee.tcr[1],
                    ttbr0: s.pointee.ttbr0[1], ttbr1: s.pointee.ttbr1[1], mair: s.pointee.mair[1],
                    hcr: hypervisorConfiguration))
            if isSecureBelowEL3 { place.pointee.makeSecure(scr: s.pointee.scr) }
            stageTwo = AArch64.StageTwo(
                translationFeatures, hcr: hypervisorConfiguration, vtcr: s.pointee.vtcr, vttbr: s.pointee.vttbr,
                sctlr: s.pointee.sctlr[2])
            knowsGuest = true
        case .el2:
            place.initialize(
                to: AArch64.TranslationRegime(
                    el2: translationFeatures, sctlr: s.pointee.sctlr[2], tcr: s.pointee.tcr[2],
                    ttbr0: s.pointee.ttbr0[2], mair: s.pointee.mair[2]))
            knownHypervisor = kind
        case .el2Host:
            place.initialize(
                to: AArch64.TranslationRegime(
                    el2Host: translationFeatures, sctlr: s.pointee.sctlr[2], tcr: s.pointee.tcr[2],
                    ttbr0: s.pointee.ttbr0[2], ttbr1: s.pointee.ttbr1[2], mair: s.pointee.mair[2]))
            knownHypervisor = kind
        case .el3:
            place.initialize(
                to: AArch64.TranslationRegime(
                    el3: translationFeatures, sctlr: s.pointee.sctlr[3], tcr: s.pointee.tcr[3],
                    ttbr0: s.pointee.ttbr0[3], mair: s.pointee.mair[3], scr: s.pointee.scr))
            knownHypervisor = kind
        }
    }
}
