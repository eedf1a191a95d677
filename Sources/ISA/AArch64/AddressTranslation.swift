/// AT instructions, and what they leave in PAR_EL1 (D8, "Address translation instructions"; AArch64.AT,
/// AArch64.EncodePAR).
extension AArch64 {
    /// One AT instruction.
    public struct AddressTranslation: Equatable, Sendable {
        /// S12E0R and the like go through both stages, the others through the first alone.
        public var usesBothStages: Bool
        /// S1E2R and S1E2W, which translate as EL2 does; the others translate as EL1 or EL0 ...
        public var isOfEL2: Bool
        /// ... but for S1E3R and S1E3W.
        public var isOfEL3: Bool
        public var isPrivileged: Bool
        public var isWrite: Bool
        /// S1E1RP and S1E1WP.
        public var obeysPAN: Bool

        /// The instruction of an encoding `SYS #op1, C7, Cm, #op2`; nil where there is none.
        public init?(op1: UInt8, crm: UInt8, op2: UInt8) {
            switch (op1, crm, op2) {
            case (0, 8, 0...3): self.init(isPrivileged: op2 < 2, isWrite: op2 & 1 != 0)
            case (0, 9, 0...1): self.init(isPrivileged: true, isWrite: op2 != 0, obeysPAN: true)
            case (4, 8, 0...1): self.init(isOfEL2: true, isPrivileged: true, isWrite: op2 != 0)
            case (4, 8, 4...7): self.init(usesBothStages: true, isPrivileged: op2 < 6, isWrite: op2 & 1 != 0)
            case (6, 8, 0...1): self.init(isOfEL3: true, isPrivileged: true, isWrite: op2 != 0)
            default: return nil
            }
        }

        private init(
            usesBothStages: Bool = false, isOfEL2: Bool = false, isOfEL3: Bool = false, isPrivileged: Bool,
            isWrite: Bool, obeysPAN: Bool = false
        ) {
            self.usesBothStages = usesBothStages
            self.isOfEL2 = isOfEL2
            self.isOfEL3 = isOfEL3
            self.isPrivileged = isPrivileged
            self.isWrite = isWrite
            self.obeysPAN = obeysPAN
        }

        /// Translates `address` as the instruction says.
        /// - Parameters:
        ///   - regime: that of EL2 for instructions of EL2; EL2&0 for the others of the first stage alone while
        ///     HCR_EL2.{E2H, TGE} is {1, 1}; else EL1&0.
        ///   - pan: PSTATE.PAN.
        public func translate<Tables: TranslationTables>(
            _ address: UInt64, _ regime: TranslationRegime, _ second: StageTwo, pan: Bool, in tables: Tables
        ) throws(TranslationFault) -> Translation {
            let request = TranslationRequest(
                address, isWrite ? .queryWrite : .queryRead, isPrivileged: isPrivileged, obeysPAN: obeysPAN && pan)
            return usesBothStages
                ? try regime.translate(request, second, in: tables)
                : try regime.translateStageOne(request, second, in: tables)
        }
    }
}

extension AArch64.Translation {
    /// PAR_EL1 after an AT instruction that succeeded. NS is UNKNOWN in Non-secure state; there it is 1.
    public var par: UInt64 {
        let known: UInt64 = 1 << 11 | (physical & AArch64.securePhysical == 0 ? 1 << 9 : 0)
        return UInt64(attributes.value) << 56 | physical & 0xf_ffff_ffff_f000 | known
            | UInt64(attributes.effectiveShareability) << 7
    }
}

extension AArch64.TranslationFault {
    /// PAR_EL1 after an AT instruction that failed.
    public var par: UInt64 {
        UInt64(status) << 1 | 1 | 1 << 11 | (isStageOneWalk ? 1 << 8 : 0) | (isStageTwo ? 1 << 9 : 0)
    }

    /// Whether the AT instruction that met it raises an exception in place of reporting it: external aborts always, and
    /// at EL1 a fault of stage 2 on the walk of stage 1, which is EL2's business.
    /// - Parameter level: the exception level that executes the instruction.
    public func isTaken(byATAt level: Int) -> Bool {
        kind == .externalAbortOnWalk || (isStageOneWalk && level == 1)
    }
}
