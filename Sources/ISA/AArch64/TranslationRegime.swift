/// What the first stage of a translation regime reads from system registers, as numbers that a walk can use at once
/// (chapter D8, "The AArch64 Virtual Memory System Architecture").
///
/// A ``TranslationRegime`` is made anew whenever one of its registers changes. Where the manual leaves a choice, it is
/// made here, so that a walk has none: which granule a reserved TGn means, and that a TxSZ out of bounds is a fault.
extension AArch64 {
    /// What translation a PE has, as its registers ID_AA64MMFR0_EL1, ID_AA64MMFR1_EL1 and ID_AA64MMFR2_EL1 say.
    public struct TranslationFeatures: Sendable {
        /// Bits of a physical address: 32 to 48, or 52 with FEAT_LPA (PARange).
        public var physicalBits: UInt8
        public var granules: Granules
        public var stageTwoGranules: Granules
        /// FEAT_LVA: virtual addresses of 52 bits with 64 KiB pages.
        public var hasLargeVirtualAddresses: Bool
        /// FEAT_LPA2: sizes of pages whose tables have addresses of 52 bits where DS is set, in each stage.
        public var largeGranules: Granules
        public var largeStageTwoGranules: Granules
        public var hasLongASID: Bool
        public var hasLongVMID: Bool
        /// FEAT_HAFDBS: the access flag is managed, and the dirty state too.
        public var managesAccessFlag: Bool
        public var managesDirtyState: Bool
        /// FEAT_HPDS: HPDn switches permissions of tables off.
        public var hasHierarchicalDisable: Bool
        /// FEAT_XNX: execution at EL0 and EL1 have bits of their own in the second stage.
        public var hasStageTwoExecuteNever: Bool
        /// FEAT_PAN3: EPAN.
        public var hasEnhancedPAN: Bool
        /// FEAT_E0PD.
        public var hasE0PD: Bool
        /// FEAT_TTST: TxSZ up to 48.
        public var hasSmallTables: Bool
        /// FEAT_PAuth brings TBIDn.
        public var hasPointerAuthentication: Bool
        /// FEAT_S2FWB: the second stage may overrule the first one's memory attributes.
        public var hasStageTwoForce: Bool

        /// Sizes of pages.
        public struct Granules: OptionSet, Sendable {
            public let rawValue: UInt8
            public init(rawValue: UInt8) { self.rawValue = rawValue }
            public static let kibibytes4 = Granules(rawValue: 1)
            public static let kibibytes16 = Granules(rawValue: 2)
            public static let kibibytes64 = Granules(rawValue: 4)

            /// The logarithm of the size that VTCR_EL2.TG0 and the like name. A size that is not implemented, or none
            /// at all, is an IMPLEMENTATION DEFINED choice of those that are: the smallest.
            func bits(tg0: UInt64) -> UInt8 {
                switch tg0 & 3 {
                case 0 where contains(.kibibytes4): 12
                case 1 where contains(.kibibytes64): 16
                case 2 where contains(.kibibytes16): 14
                default: smallest
                }
            }

            /// Likewise of TG1, which has other encodings.
            func bits(tg1: UInt64) -> UInt8 {
                switch tg1 & 3 {
                case 1 where contains(.kibibytes16): 14
                case 2 where contains(.kibibytes4): 12
                case 3 where contains(.kibibytes64): 16
                default: smallest
                }
            }

            private var smallest: UInt8 { contains(.kibibytes4) ? 12 : contains(.kibibytes16) ? 14 : 16 }
        }

        init(_ model: CPUModel) {
            func register(_ register: IdentificationRegister) -> UInt64 { model.identification[Int(register.rawValue)] }
            self.init(
                mmfr0: register(.mmfr0), mmfr1: register(.mmfr1), mmfr2: register(.mmfr2), isar1: register(.isar1))
        }

        /// - Parameter isar1: ID_AA64ISAR1_EL1, which tells of FEAT_PAuth.
        public init(mmfr0: UInt64, mmfr1: UInt64, mmfr2: UInt64, isar1: UInt64) {
            func field(_ register: UInt64, _ low: UInt64) -> UInt64 { register >> low & 15 }
            physicalBits = TranslationFeatures.bits(ofSize: field(mmfr0, 0))
            var granules: Granules = []
            if field(mmfr0, 28) != 15 { granules.insert(.kibibytes4) }
            if field(mmfr0, 20) != 0 { granules.insert(.kibibytes16) }
            if field(mmfr0, 24) != 15 { granules.insert(.kibibytes64) }
            self.granules = granules
            // 0: as the first stage has it; 1: not there.
            var second: Granules = []
            for (low, granule): (UInt64, Granules) in [(40, .kibibytes4), (32, .kibibytes16), (36, .kibibytes64)] {
                let code = field(mmfr0, low)
                if code > 1 || (code == 0 && granules.contains(granule)) { second.insert(granule) }
            }
            stageTwoGranules = second
            hasLargeVirtualAddresses = field(mmfr2, 16) >= 1
            var large: Granules = []
            if field(mmfr0, 28) == 1 { large.insert(.kibibytes4) }
            if field(mmfr0, 20) == 2 { large.insert(.kibibytes16) }
            largeGranules = large
            var largeSecond: Granules = []
            for (low, granule): (UInt64, Granules) in [(40, .kibibytes4), (32, .kibibytes16)] {
                let code = field(mmfr0, low)
                if code == 3 || (code == 0 && large.contains(granule)) { largeSecond.insert(granule) }
            }
            largeStageTwoGranules = largeSecond
            hasLongASID = field(mmfr0, 4) == 2
            hasLongVMID = field(mmfr1, 4) == 2
            managesAccessFlag = field(mmfr1, 0) >= 1
            managesDirtyState = field(mmfr1, 0) >= 2
            hasHierarchicalDisable = field(mmfr1, 12) >= 1
            hasStageTwoExecuteNever = field(mmfr1, 28) >= 1
            hasEnhancedPAN = field(mmfr1, 20) >= 3
            hasE0PD = field(mmfr2, 60) >= 1
            hasSmallTables = field(mmfr2, 28) >= 1
            hasStageTwoForce = field(mmfr2, 40) >= 1
            hasPointerAuthentication = field(isar1, 4) != 0 || field(isar1, 8) != 0
        }

        /// The bits of an address that PARange, IPS and PS stand for.
        static func bits(ofSize code: UInt64) -> UInt8 {
            switch code {
            case 0: 32
            case 1: 36
            case 2: 40
            case 3: 42
            case 4: 44
            case 5: 48
            default: 52
            }
        }

        /// The largest TxSZ (AArch64.MaxTxSZ).
        func maximumTxSZ(granuleBits: UInt8) -> UInt64 { !hasSmallTables ? 39 : granuleBits == 16 ? 47 : 48 }

        /// The smallest TxSZ (AArch64.S1MinTxSZ).
        func minimumTxSZ(granuleBits: UInt8, _ format: DescriptorFormat) -> UInt64 {
            format == .large || granuleBits == 16 && hasLargeVirtualAddresses ? 12 : 16
        }

        /// The bits of an output address that must be zero, IPS or PS being `code`: a larger size than the PE has means
        /// that of the PE (AArch64.PhysicalAddressSize).
        func beyondOutput(_ code: UInt64) -> UInt64 {
            ~0 << UInt64(min(TranslationFeatures.bits(ofSize: code & 7), physicalBits))
        }

        /// - Parameter ds: TCR_ELx.DS or VTCR_EL2.DS in bit 0, which 64 KiB pages have no use for.
        func format(granuleBits: UInt8, ds: UInt64, of large: Granules) -> DescriptorFormat {
            if granuleBits == 16 { return physicalBits == 52 ? .large64 : .plain }
            return ds & 1 != 0 && large.contains(granuleBits == 12 ? .kibibytes4 : .kibibytes16) ? .large : .plain
        }
    }

    /// Where descriptors have the upper bits of addresses (D8.3, "Translation table descriptor formats").
    enum DescriptorFormat: UInt8, Sendable {
        /// Nowhere: addresses have 48 bits.
        case plain
        /// Bits 51 to 48 in 15 to 12: 64 KiB pages with FEAT_LPA.
        case large64
        /// Bits 51 and 50 in 9 and 8, which are not the shareability then, and 49 and 48 in their places: DS of FEAT_LPA2.
        case large

        /// The output address of a descriptor, down to the smallest page that the format is of (AArch64.LeafBase,
        /// AArch64.NextTableBase).
        @inline(__always) func output(_ descriptor: UInt64) -> UInt64 {
            switch self {
            case .plain: descriptor & Descriptor.address
            case .large64: descriptor & 0xffff_ffff_0000 | (descriptor & 0xf000) &<< 36
            case .large: descriptor & 0x3_ffff_ffff_f000 | (descriptor & 0x300) &<< 42
            }
        }

        /// Whether there may be blocks at a level (AArch64.BlockDescSupported).
        @inline(__always) func isBlockAllowed(level: Int8, granuleBits: UInt8) -> Bool {
            switch level {
            case 2: true
            case 1: granuleBits == 12 || self != .plain
            case 0: granuleBits == 12 && self == .large
            default: false
            }
        }
    }

    /// Where a walk begins: the table of the initial lookup level and what of the input address finds an entry in it.
    struct InitialLookup: Sendable {
        var table: UInt64
        /// -1 to 3.
        var level: Int8
        /// The lowest bit of the input address that is looked up there.
        var shift: UInt8
        var inputBits: UInt8
        var granuleBits: UInt8
        var format: DescriptorFormat

        /// - Parameters:
        ///   - base: of TTBRn_ELx or VTTBR_EL2; what is below the table's own size is zero to the walk
        ///     (AArch64.S1TTBaseAddress, AArch64.S2TTBaseAddress).
        ///   - size: IPS or PS.
        init(
            base: UInt64, level: Int8, inputBits: UInt8, granuleBits: UInt8, _ format: DescriptorFormat, size: UInt64
        ) {
            self.format = format
            self.level = level
            self.inputBits = inputBits
            self.granuleBits = granuleBits
            shift = InitialLookup.shift(level: level, granuleBits: granuleBits)
            let tableBits = UInt64(inputBits &- shift &+ 3)
            // A table of 52-bit addresses has 64 bytes at least, and the upper bits of its address are in 5 to 2.
            let isLarge = format == .large || format == .large64 && size & 7 == 6
            table =
                isLarge
                ? base & 0xffff_ffff_ffc0 & ~0 << tableBits | (base >> 2 & 15) << 48
                : base & 0xffff_ffff_fffe & ~0 << tableBits
        }

        static func shift(level: Int8, granuleBits: UInt8) -> UInt8 {
            granuleBits + UInt8(3 - level) * (granuleBits - 3)
        }
    }

    /// The first stage of a translation regime.
    public struct TranslationRegime: Sendable {
        public enum Kind: UInt8, Sendable {
            /// EL1&0, with a second stage after it.
            case el1
            /// EL2 without EL0 (HCR_EL2.E2H is 0).
            case el2
            /// EL2&0 (HCR_EL2.E2H is 1).
            case el2Host
            /// EL3, which is in Secure state.
            case el3
        }

        /// Addresses that one TTBR translates.
        struct VARange: Sendable {
            var lookup: InitialLookup
            /// Nothing is translated: TxSZ is out of bounds, or EPDn is set.
            var isRefused: Bool
            /// The table lies beyond the output size.
            var isBeyondOutput: Bool
            /// SHn, which is that of all leaves where DS has descriptors say none.
            var shareability: UInt8
            /// TBIn, for data and for instructions.
            var ignoresTopByte: Bool
            var ignoresTopByteOfInstructions: Bool
            /// HPDn is not set.
            var hasTablePermissions: Bool
            /// E0PDn.
            var refusesEL0: Bool
            /// Where a pointer's authentication code begins: TxSZ out of bounds counts as the bound
            /// (CalculateBottomPACBit).
            var pointerBits: UInt8
        }

        public let kind: Kind
        /// SCTLR_ELx.M, and whether HCR_EL2 lets it count.
        public let isEnabled: Bool
        var lower: VARange
        var upper: VARange
        let mair: UInt64
        let beyondOutput: UInt64
        let physicalBits: UInt8
        let isBigEndian: Bool
        let managesAccessFlag: Bool
        let managesDirtyState: Bool
        let writableIsExecuteNever: Bool
        let hasEnhancedPAN: Bool
        let cachesData: Bool
        let cachesInstructions: Bool
        /// DS of FEAT_LPA2: operands of TLBI of a range count in 64 KiB, whatever the page is.
        public let hasLargeAddresses: Bool
        /// HCR_EL2.DC: untranslated addresses are of normal memory.
        let hasDefaultCacheable: Bool
        /// HCR_EL2.NV and NV1: EL1 takes itself to be EL2, and its tables know no EL0.
        let isNested: Bool
        /// Set in the addresses that descriptors of Secure state lead to, unless they have NS; 0 in Non-secure state.
        private(set) var secureBit: UInt64 = 0
        /// SCR_EL3.SIF: Secure state executes nothing of the other one's memory.
        private(set) var fetchesSecureAlone = false
        /// The ASID in force; 0 in the regimes of EL2 and EL3, which have none.
        public let asid: UInt16

        /// EL1&0.
        public init(
            el1 features: TranslationFeatures, sctlr: UInt64, tcr: UInt64, ttbr0: UInt64, ttbr1: UInt64, mair: UInt64,
            hcr: UInt64
        ) {
            let hcr = HCR.effective(hcr)
            // AArch64.S1Enabled. When TGE routes exceptions to EL2, or DC is set, SCTLR_EL1.M counts as 0.
            let isOn = sctlr & SCTLR.m != 0 && hcr & (HCR.dc | HCR.tge) == 0
            self.init(
                .el1, features, isEnabled: isOn, sctlr: sctlr, tcr: tcr, ttbr0: ttbr0, ttbr1: ttbr1, mair: mair,
                hasDefaultCacheable: hcr & HCR.dc != 0, isNested: hcr & HCR.nested == HCR.nested)
        }

        /// EL2&0: the registers of EL2, in EL1's form.
        public init(
            el2Host features: TranslationFeatures, sctlr: UInt64, tcr: UInt64, ttbr0: UInt64, ttbr1: UInt64,
            mair: UInt64
        ) {
            self.init(
                .el2Host, features, isEnabled: sctlr & SCTLR.m != 0, sctlr: sctlr, tcr: tcr, ttbr0: ttbr0,
                ttbr1: ttbr1, mair: mair, hasDefaultCacheable: false)
        }

        /// EL2. TCR_EL2 has another form there; what it says is given on in that of TCR_EL1.
        public init(el2 features: TranslationFeatures, sctlr: UInt64, tcr: UInt64, ttbr0: UInt64, mair: UInt64) {
            self.init(.el2, features, sctlr: sctlr, tcr: tcr, ttbr0: ttbr0, mair: mair)
        }

        /// EL3, whose TCR_EL3 has the same form.
        public init(
            el3 features: TranslationFeatures, sctlr: UInt64, tcr: UInt64, ttbr0: UInt64, mair: UInt64, scr: UInt64
        ) {
            self.init(.el3, features, sctlr: sctlr, tcr: tcr, ttbr0: ttbr0, mair: mair)
            makeSecure(scr: scr)
        }

        /// The regime is Secure state's.
        mutating func makeSecure(scr: UInt64) {
            secureBit = AArch64.securePhysical
            fetchesSecureAlone = scr & AArch64.SecureConfiguration.sif != 0
        }

        /// A regime of one range.
        private init(
            _ kind: Kind, _ features: TranslationFeatures, sctlr: UInt64, tcr: UInt64, ttbr0: UInt64, mair: UInt64
        ) {
            var full = tcr & 0xff3f
            full |= (tcr >> 16 & 7) << 32  // PS
            full |= (tcr >> 20 & 1) << 37  // TBI
            full |= (tcr >> 21 & 1) << 39  // HA
            full |= (tcr >> 22 & 1) << 40  // HD
            full |= (tcr >> 24 & 1) << 41  // HPD
            full |= (tcr >> 29 & 1) << 51  // TBID
            full |= (tcr >> 32 & 1) << 59  // DS
            self.init(
                kind, features, isEnabled: sctlr & SCTLR.m != 0, sctlr: sctlr, tcr: full, ttbr0: ttbr0, ttbr1: 0,
                mair: mair, hasDefaultCacheable: false)
        }

        private init(
            _ kind: Kind, _ features: TranslationFeatures, isEnabled: Bool, sctlr: UInt64, tcr: UInt64, ttbr0: UInt64,
            ttbr1: UInt64, mair: UInt64, hasDefaultCacheable: Bool, isNested: Bool = false
        ) {
            self.kind = kind
            self.isEnabled = isEnabled
            self.mair = mair
            self.hasDefaultCacheable = hasDefaultCacheable
            self.isNested = isNested
            beyondOutput = features.beyondOutput(tcr >> 32)
            physicalBits = features.physicalBits
            lower = VARange(
                features, granuleBits: features.granules.bits(tg0: tcr >> 14), tcr: tcr, half: 0, ttbr: ttbr0,
                beyondOutput: beyondOutput, flags: (tcr >> 7, tcr >> 37, tcr >> 51, tcr >> 41, tcr >> 55))
            upper = VARange(
                features, granuleBits: features.granules.bits(tg1: tcr >> 30), tcr: tcr, half: 16, ttbr: ttbr1,
                beyondOutput: beyondOutput, flags: (tcr >> 23, tcr >> 38, tcr >> 52, tcr >> 42, tcr >> 56))
            isBigEndian = sctlr & SCTLR.ee != 0
            managesAccessFlag = features.managesAccessFlag && tcr & TCR.ha != 0
            managesDirtyState = managesAccessFlag && features.managesDirtyState && tcr & TCR.hd != 0
            writableIsExecuteNever = sctlr & SCTLR.wxn != 0
            hasEnhancedPAN = features.hasEnhancedPAN && sctlr & SCTLR.epan != 0
            cachesData = sctlr & SCTLR.c != 0
            cachesInstructions = sctlr & SCTLR.i != 0
            hasLargeAddresses = tcr & TCR.ds != 0 && !features.largeGranules.isEmpty
            asid = kind == .el2 || kind == .el3 ? 0 : Self.asid(features, tcr: tcr, ttbr0: ttbr0, ttbr1: ttbr1)
        }

        /// The ASID that the registers name.
        static func asid(_ features: TranslationFeatures, tcr: UInt64, ttbr0: UInt64, ttbr1: UInt64) -> UInt16 {
            AArch64.TLBInvalidation.asid(
                tcr & TCR.a1 != 0 ? ttbr1 : ttbr0, isLong: features.hasLongASID && tcr & TCR.as != 0)
        }

        /// Whether it has two ranges, and addresses of EL0 (HasUnprivileged).
        @inline(__always) var hasEL0: Bool { kind == .el1 || kind == .el2Host }

        /// The logarithm of the page size at `va`: what TLBI instructions of that address are about.
        public func granuleBits(at va: UInt64) -> UInt8 {
            hasEL0 && va & VARange.upperBit != 0 ? upper.lookup.granuleBits : lower.lookup.granuleBits
        }
    }
}

extension AArch64.TranslationRegime {
    /// Bits of SCTLR_EL1 and SCTLR_EL2 that translation knows.
    enum SCTLR {
        static let m: UInt64 = 1 << 0
        static let c: UInt64 = 1 << 2
        static let i: UInt64 = 1 << 12
        static let wxn: UInt64 = 1 << 19
        static let ee: UInt64 = 1 << 25
        static let epan: UInt64 = 1 << 57
    }

    /// Bits of TCR_EL1, and of TCR_EL2 in the same form.
    enum TCR {
        static let a1: UInt64 = 1 << 22
        static let `as`: UInt64 = 1 << 36
        static let ha: UInt64 = 1 << 39
        static let hd: UInt64 = 1 << 40
        static let ds: UInt64 = 1 << 59
    }

    /// Bits of HCR_EL2 that translation knows.
    enum HCR {
        static let vm: UInt64 = 1 << 0
        static let ptw: UInt64 = 1 << 2
        static let dc: UInt64 = 1 << 12
        static let tge: UInt64 = 1 << 27
        static let cd: UInt64 = 1 << 32
        static let id: UInt64 = 1 << 33
        static let e2h: UInt64 = 1 << 34
        static let fwb: UInt64 = 1 << 46
        /// NV and NV1.
        static let nested: UInt64 = 3 << 42

        /// The register with the bits that count as 0 for what TGE and E2H are ("HCR_EL2, Hypervisor Configuration
        /// Register").
        static func effective(_ hcr: UInt64) -> UInt64 {
            guard hcr & tge != 0 else { return hcr }
            return hcr & ~(hcr & e2h != 0 ? vm | ptw | dc | cd | id : ptw)
        }
    }
}

extension AArch64.TranslationRegime.VARange {
    /// The bit of a virtual address that selects TTBR1 (AArch64.GetVARange).
    static let upperBit: UInt64 = 1 << 55

    /// - Parameters:
    ///   - half: where TCR_ELx has TxSZ of this range: 0 or 16.
    ///   - flags: EPDn, TBIn, TBIDn, HPDn and E0PDn, each in bit 0.
    fileprivate init(
        _ features: AArch64.TranslationFeatures, granuleBits: UInt8, tcr: UInt64, half: UInt64, ttbr: UInt64,
        beyondOutput: UInt64,
        flags: (epd: UInt64, tbi: UInt64, tbid: UInt64, hpd: UInt64, e0pd: UInt64)
    ) {
        // AArch64.S1TxSZFaults: a size out of bounds is a level 0 fault here, below and above.
        let txsz = tcr >> half & 63
        let format = features.format(granuleBits: granuleBits, ds: tcr >> 59, of: features.largeGranules)
        let minimum = features.minimumTxSZ(granuleBits: granuleBits, format)
        let maximum = features.maximumTxSZ(granuleBits: granuleBits)
        let isOutOfBounds = txsz < minimum || txsz > maximum
        let inputBits = isOutOfBounds ? 48 : UInt8(64 - txsz)
        let level = 3 - Int8((inputBits - 1 - granuleBits) / (granuleBits - 3))
        lookup = AArch64.InitialLookup(
            base: ttbr, level: level, inputBits: inputBits, granuleBits: granuleBits, format, size: tcr >> 32)
        shareability = UInt8(truncatingIfNeeded: tcr >> (half + 12) & 3)
        isRefused = isOutOfBounds || flags.epd & 1 != 0
        isBeyondOutput = lookup.table & beyondOutput != 0
        ignoresTopByte = flags.tbi & 1 != 0
        ignoresTopByteOfInstructions =
            ignoresTopByte && !(features.hasPointerAuthentication && flags.tbid & 1 != 0)
        hasTablePermissions = !(features.hasHierarchicalDisable && flags.hpd & 1 != 0)
        refusesEL0 = features.hasE0PD && flags.e0pd & 1 != 0
        pointerBits = UInt8(64 - max(minimum, min(txsz, maximum)))
    }
}
