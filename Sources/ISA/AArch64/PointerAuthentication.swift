import ISA

/// Pointer authentication (D8.8, "Pointer authentication"; the functions AddPAC, Auth, Strip and their callers): FEAT_PAuth
/// alone, so that a pointer that fails is one that no longer translates.
extension AArch64 {
    /// The keys, by their place in ``State/keys``.
    enum PointerKey: Int {
        case instructionA, instructionB, dataA, dataB, generic

        var isData: Bool { self == .dataA || self == .dataB }
        var isB: Bool { self == .instructionB || self == .dataB }

        /// SCTLR_ELx.EnIA and the like; 0 where nothing disables it.
        var enable: UInt64 {
            switch self {
            case .instructionA: 1 << 31
            case .instructionB: 1 << 30
            case .dataA: 1 << 27
            case .dataB: 1 << 13
            case .generic: 0
            }
        }
    }

    /// Codes that were made: a function's return address is signed and authenticated at the same place again and again.
    struct PointerCodes {
        private struct Entry {
            var pointer: UInt64 = 0
            var modifier: UInt64 = 0
            var low: UInt64 = 0
            var high: UInt64 = 0
            var code: UInt64 = 0
            var isValid = false
        }
        private static let capacity = 4096
        private let entries: UnsafeMutablePointer<Entry>

        init() {
            entries = .allocate(capacity: Self.capacity)
            entries.initialize(repeating: Entry(), count: Self.capacity)
        }

        func deallocate() { entries.deallocate() }

        /// The code of `pointer` and `modifier` by a key's halves, as `make` makes it.
        @inline(__always)
        func code(
            _ pointer: UInt64, _ modifier: UInt64, _ low: UInt64, _ high: UInt64, _ make: () -> UInt64
        ) -> UInt64 {
            let mixed = (pointer ^ modifier &* 31 ^ low) &* 0x9e37_79b9_7f4a_7c15
            let entry = entries + Int(truncatingIfNeeded: mixed &>> 52)
            if entry.pointee.isValid && entry.pointee.pointer == pointer && entry.pointee.modifier == modifier
                && entry.pointee.low == low && entry.pointee.high == high
            {
                return entry.pointee.code
            }
            let code = make()
            entry.pointee = Entry(
                pointer: pointer, modifier: modifier, low: low, high: high, code: code, isValid: true)
            return code
        }
    }
}

extension AArch64.ProcessingElement {
    private typealias Class = AArch64.ExceptionClass

    // MARK: Instructions

    /// AddPACIA and the like: the pointer with its code. Where the key is disabled, the pointer.
    func signPointer(
        _ pointer: UInt64, _ modifier: UInt64, _ key: AArch64.PointerKey
    ) throws(Fault) -> UInt64 {
        try isEnabled(key) ? addCode(pointer, modifier, key) : pointer
    }

    /// AuthIA and the like: the pointer without its code, or with an error code in its place.
    func authenticatePointer(
        _ pointer: UInt64, _ modifier: UInt64, _ key: AArch64.PointerKey
    ) throws(Fault) -> UInt64 {
        try isEnabled(key) ? authenticate(pointer, modifier, key) : pointer
    }

    /// AddPACGA: the upper half of a code of 64 bits.
    func genericCode(_ data: UInt64, _ modifier: UInt64) throws(Fault) -> UInt64 {
        _ = try isEnabled(.generic)
        return code(data, modifier, .generic) & 0xffff_ffff_0000_0000
    }

    /// Strip: the pointer as it was before.
    func stripPointer(_ pointer: UInt64, isData: Bool) -> UInt64 {
        let place = CodePlace(regime(regimeKind(level: level)), pointer, isData: isData)
        return place.extended(pointer, isUpper: pointer & CodePlace.upperBit != 0)
    }

    /// Whether the key is enabled at this level; where it is and HCR_EL2.API has its use trapped, throws.
    private func isEnabled(_ key: AArch64.PointerKey) throws(Fault) -> Bool {
        let level = level
        let control = state.pointee.sctlr[level == 0 ? (isHost ? 2 : 1) : level]
        if control & key.enable == 0 && key != .generic { return false }
        if isEL2Enabled, level == 1 || level == 0 && !isHost, hypervisorConfiguration >> 41 & 1 == 0 {
            throw fault(Class.pointerAuthenticationTrapped, level: 2)
        }
        try checkMonitorAuthentication()
        return true
    }

    // MARK: Codes

    /// Where the code of a pointer stands: above the address, and below the tag where there is one. Bit 55 stays what it is,
    /// for it tells the two ranges apart.
    private struct CodePlace {
        static let upperBit: UInt64 = 1 << 55
        /// Bits that are the pointer's own: of the address, and of a tag.
        let kept: UInt64
        /// The top byte is a tag.
        let hasTag: Bool

        /// Of a code that is there: bit 55 is the range's.
        init(_ regime: UnsafePointer<AArch64.TranslationRegime>, _ pointer: UInt64, isData: Bool) {
            self.init(regime, pointer, isUpper: pointer & Self.upperBit != 0, isData: isData)
        }

        /// - Parameter isUpper: the range whose size counts.
        init(_ regime: UnsafePointer<AArch64.TranslationRegime>, _ pointer: UInt64, isUpper: Bool, isData: Bool) {
            let own = regime.pointee.range(of: pointer)
            hasTag = isData ? own.ignoresTopByte : own.ignoresTopByteOfInstructions
            let sized = regime.pointee.hasEL0 && isUpper ? regime.pointee.upper : regime.pointee.lower
            kept = 1 << UInt64(sized.pointerBits) - 1 | (hasTag ? 0xff << 56 : 0)
        }

        /// The pointer that the code is of.
        func extended(_ pointer: UInt64, isUpper: Bool) -> UInt64 { pointer & kept | (isUpper ? ~kept : 0) }

        /// Bits of the code.
        var code: UInt64 { ~kept & ~Self.upperBit }
    }

    /// AddPAC.
    private func addCode(_ pointer: UInt64, _ modifier: UInt64, _ key: AArch64.PointerKey) -> UInt64 {
        let regime = regime(regimeKind(level: level))
        func hasTag(_ range: AArch64.TranslationRegime.VARange) -> Bool {
            key.isData ? range.ignoresTopByte : range.ignoresTopByteOfInstructions
        }
        // Where one of the ranges has tags, bit 55 says which one it is.
        let isTagged = hasTag(regime.pointee.lower) || regime.pointee.hasEL0 && hasTag(regime.pointee.upper)
        let isUpper = pointer >> (isTagged ? 55 : 63) & 1 != 0
        let place = CodePlace(regime, pointer, isUpper: isUpper, isData: key.isData)
        var code = code(place.extended(pointer, isUpper: isUpper), modifier, key)
        // A pointer that is no address must not become one that authenticates.
        let above = pointer & ~place.kept
        if above != 0 && above != ~place.kept { code ^= 1 << (place.hasTag ? 54 : 62) }
        return pointer & place.kept | (isUpper ? CodePlace.upperBit : 0) | code & place.code
    }

    /// Auth.
    private func authenticate(_ pointer: UInt64, _ modifier: UInt64, _ key: AArch64.PointerKey) -> UInt64 {
        let place = CodePlace(regime(regimeKind(level: level)), pointer, isData: key.isData)
        let original = place.extended(pointer, isUpper: pointer & CodePlace.upperBit != 0)
        if (code(original, modifier, key) ^ pointer) & place.code == 0 { return original }
        let error: UInt64 = key.isB ? 2 : 1
        let shift: UInt64 = place.hasTag ? 53 : 61
        return original & ~(3 << shift) | error << shift
    }

    /// ComputePAC.
    private func code(_ pointer: UInt64, _ modifier: UInt64, _ key: AArch64.PointerKey) -> UInt64 {
        let low = state.pointee.keys[2 * key.rawValue]
        let high = state.pointee.keys[2 * key.rawValue + 1]
        if features.contains(.pacIMP) { return Self.hash(pointer, modifier, low, high) }
        return pointerCodes.code(pointer, modifier, low, high) {
            QARMA.encrypt(pointer, tweak: modifier, whitening: high, core: low)
        }
    }

    /// An algorithm of our own (FEAT_PACIMP): quick, and no cipher.
    private static func hash(_ pointer: UInt64, _ modifier: UInt64, _ low: UInt64, _ high: UInt64) -> UInt64 {
        // The finalizer of SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
        func mixed(_ value: UInt64) -> UInt64 {
            let once = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
            let twice = (once ^ once >> 27) &* 0x94d0_49bb_1331_11eb
            return twice ^ twice >> 31
        }
        return mixed(mixed(mixed(pointer ^ low) ^ modifier) ^ high)
    }
}
