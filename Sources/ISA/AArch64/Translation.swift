import ISA

/// Address translation (chapter D8, "The AArch64 Virtual Memory System Architecture").
///
/// A virtual address goes through the first stage of its regime (TranslationStageOne.swift). In the EL1&0 regime the
/// address that comes out is intermediate and goes through the second (TranslationStageTwo.swift). While the first
/// stage is walked there, the address of each descriptor is intermediate too and goes through the second: a fault there
/// is one of stage 2 "on a stage 1 translation table walk".
///
/// Registers come parsed (``TranslationRegime``, ``StageTwo``), memory is a generic parameter, and all that is passed
/// about is plain numbers: a walk allocates nothing and counts no references. The pseudocode functions that comments
/// name are those of the manual's appendix (J1.1).
extension AArch64 {
    /// Memory as a walk accesses it. Physical addresses are multiples of 8 below 2^52.
    public protocol TranslationTables {
        /// The 8 bytes there, little-endian; nil where there is no memory, which is an external abort.
        func readDescriptor(_ physical: UInt64) -> UInt64?
        /// Puts `new` in the place of `old`, and of nothing else, in one access that no observer sees half.
        /// - Returns: false where something else is there, nil where memory cannot be written so.
        func compareAndSwap(_ physical: UInt64, old: UInt64, new: UInt64) -> Bool?
        /// A translation comes from this descriptor, as it is in memory now. The first stage's global ones, a kernel's own,
        /// are not told of.
        func noteUse(ofDescriptor physical: UInt64, mapping mapped: PhysicalMemory.MappedAddresses)
    }

    /// What is asked of a translation.
    public struct TranslationRequest: Sendable {
        /// The kinds of access, as what they demand (``Demand``).
        public enum Access: UInt16, Sendable {
            case read = 0x001
            case write = 0x002
            /// A read and a write at once: atomic instructions. Exclusive stores only write.
            case update = 0x003
            case execute = 0x004
            /// Cache maintenance by address: DC CVAC and the like with IC IVAU, which ask for permission to read at EL0
            /// and for none at EL1; and DC IVAC, which asks for permission to write.
            case clean = 0x040
            case invalidate = 0x042
            /// AT instructions: as reads and writes, but no dirty state is managed.
            case queryRead = 0x081
            case queryWrite = 0x082
        }

        public let address: UInt64
        let demand: Demand

        /// - Parameters:
        ///   - isPrivileged: of EL1 or EL2, and not of EL0 or as if of EL0 (LDTR and STTR).
        ///   - obeysPAN: PSTATE.PAN is set, and the access is one that obeys it: of AT instructions those alone whose
        ///     name says so. Fetches and cache maintenance never do, whatever this is.
        ///   - isAligned: false for an access that device memory refuses with an Alignment fault: one that is not
        ///     aligned, and DC ZVA.
        @inline(__always) public init(
            _ address: UInt64, _ access: Access, isPrivileged: Bool, obeysPAN: Bool = false, isAligned: Bool = true
        ) {
            self.address = address
            var demand = Demand(rawValue: access.rawValue)
            if isPrivileged { demand.insert(.privileged) } else if access == .clean { demand.insert(.read) }
            if obeysPAN && demand.isDisjoint(with: [.execute, .maintenance]) { demand.insert(.obeysPAN) }
            if !isAligned { demand.insert(.unaligned) }
            self.demand = demand
        }
    }

    /// What a stage is asked to permit, and how.
    struct Demand: OptionSet, Sendable {
        let rawValue: UInt16
        init(rawValue: UInt16) { self.rawValue = rawValue }
        static let read = Demand(rawValue: 0x001)
        static let write = Demand(rawValue: 0x002)
        static let execute = Demand(rawValue: 0x004)
        static let privileged = Demand(rawValue: 0x008)
        static let obeysPAN = Demand(rawValue: 0x010)
        static let unaligned = Demand(rawValue: 0x020)
        static let maintenance = Demand(rawValue: 0x040)
        static let query = Demand(rawValue: 0x080)
        /// Of a descriptor of the first stage, by the walk.
        static let walk = Demand(rawValue: 0x100)

        /// What syndromes call a write: an atomic access whose reading faults is none.
        @inline(__always) var isWrite: Bool { contains(.write) && !contains(.read) }
        /// Whether it makes a page dirty: AT instructions and cache maintenance do not.
        @inline(__always) var makesDirty: Bool { contains(.write) && isDisjoint(with: [.query, .maintenance]) }
    }

    public struct Permissions: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let read = Permissions(rawValue: 1 << 0)
        public static let write = Permissions(rawValue: 1 << 1)
        public static let execute = Permissions(rawValue: 1 << 2)
    }

    /// Where an address leads.
    public struct Translation: Sendable {
        public var physical: UInt64
        public var attributes: TranslationAttributes
        /// What both stages permit at the privilege of the request, with PAN if it obeys that (a fetch does not, so
        /// that its result says nothing of reads and writes where PAN is set).
        public var permissions: Permissions
        /// Of these, what may be done again without another walk: no writes before the page is dirty, where hardware
        /// manages that.
        public var enterable: Permissions
        /// The logarithms of the bytes that the leaf of each stage covers; 48 of a stage that translates nothing.
        public var stageOneBits: UInt8
        public var stageTwoBits: UInt8
        /// Of all ASIDs (nG is 0).
        public var isGlobal: Bool
        /// Branch targets are checked (GP).
        public var isGuarded: Bool

        /// The bytes of the smaller leaf, which are all translated alike. Where nothing is translated at all there is
        /// no leaf, and it is the smallest page.
        @inline(__always) public var size: UInt64 { Self.size(min(stageOneBits, stageTwoBits)) }

        /// The bytes of the first stage's leaf: maintenance by the address of any of them is about all.
        @inline(__always) public var stageOneSize: UInt64 { Self.size(stageOneBits) }

        @inline(__always) private static func size(_ bits: UInt8) -> UInt64 {
            bits == untranslatedBits ? 4096 : 1 << UInt64(bits)
        }

        /// No leaf has as many: the largest are of 42 bits.
        static let untranslatedBits: UInt8 = 48
    }

    /// Why an address leads nowhere.
    public struct TranslationFault: Error, Equatable, Sendable {
        /// As the fault status code of ESR_ELx and PAR_EL1 has them, with a level in the low two bits where they are 0.
        /// Level -1 has codes of its own.
        public enum Kind: UInt8, Sendable {
            case addressSize = 0b000000
            case translation = 0b000100
            case accessFlag = 0b001000
            case permission = 0b001100
            case externalAbortOnWalk = 0b010100
            case alignment = 0b100001
            case unsupportedAtomicUpdate = 0b110001
        }

        /// Of a fault of stage 2, the intermediate address that faulted, for HPFAR_EL2.
        public var ipa: UInt64 = 0
        /// DFSC, IFSC and FST.
        public var status: UInt8
        public var isStageTwo = false
        /// S1PTW: of stage 2, on a walk of stage 1.
        public var isStageOneWalk = false
        /// WnR. Syndromes of cache maintenance and of AT instructions have 1 there, whatever this is.
        public var isWrite: Bool

        @inline(__always) init(_ kind: Kind, level: Int8 = 0, isWrite: Bool) {
            status = level < 0 ? Self.statusAboveZero(kind) : kind.rawValue | UInt8(truncatingIfNeeded: level)
            self.isWrite = isWrite
        }

        private static let addressSizeAboveZero: UInt8 = 0b101001
        private static let translationAboveZero: UInt8 = 0b101011
        private static let externalAbortAboveZero: UInt8 = 0b010011

        /// The code of level -1, where there are tables alone.
        private static func statusAboveZero(_ kind: Kind) -> UInt8 {
            switch kind {
            case .addressSize: addressSizeAboveZero
            case .externalAbortOnWalk: externalAbortAboveZero
            default: translationAboveZero
            }
        }

        /// The level of the walk that faulted, where there is one: -1 to 3.
        public var level: Int8 {
            switch status {
            case Self.addressSizeAboveZero, Self.translationAboveZero, Self.externalAbortAboveZero: -1
            default: Int8(status & 3)
            }
        }

        var isExternalAbortOnWalk: Bool {
            status & ~3 == Kind.externalAbortOnWalk.rawValue || status == Self.externalAbortAboveZero
        }

        public var kind: Kind {
            switch status {
            case Self.addressSizeAboveZero: .addressSize
            case Self.translationAboveZero: .translation
            case Self.externalAbortAboveZero: .externalAbortOnWalk
            default: Kind(rawValue: status) ?? Kind(rawValue: status & ~3) ?? .translation
            }
        }
    }

    /// Bits of descriptors (D8.3, "Translation table descriptor formats").
    enum Descriptor {
        static let valid: UInt64 = 1 << 0
        /// A table; at level 3 a page.
        static let table: UInt64 = 1 << 1
        /// The address bits, where addresses have 48.
        static let address: UInt64 = 0xffff_ffff_f000
        static let accessFlag: UInt64 = 1 << 10
        /// Set in a leaf that translations come from, where descriptors are little-endian.
        static let inUse = valid | accessFlag
        static let dirtyBitModifier: UInt64 = 1 << 51

        // Of the first stage.
        static let unprivileged: UInt64 = 1 << 6  // AP[1]
        static let readOnly: UInt64 = 1 << 7  // AP[2]
        static let notGlobal: UInt64 = 1 << 11
        static let guarded: UInt64 = 1 << 50
        static let privilegedExecuteNever: UInt64 = 1 << 53
        static let executeNever: UInt64 = 1 << 54  // UXN, or XN in a regime without EL0
        // Of the first stage's tables.
        static let tablePrivilegedExecuteNever: UInt64 = 1 << 59
        static let tableExecuteNever: UInt64 = 1 << 60
        static let tableNoUnprivileged: UInt64 = 1 << 61  // APTable[0]
        static let tableReadOnly: UInt64 = 1 << 62  // APTable[1]

        // Of the second stage.
        static let nonSecure: UInt64 = 1 << 5  // NS, in Secure state
        static let tableNonSecure: UInt64 = 1 << 63  // NSTable
        static let stageTwoRead: UInt64 = 1 << 6  // S2AP[0]
        static let stageTwoWrite: UInt64 = 1 << 7  // S2AP[1]
    }
}

extension AArch64.TranslationRegime {
    /// Translates through both stages, as far as the regime has them (AArch64.FullTranslate).
    @inline(__always)
    public func translate<Tables: AArch64.TranslationTables>(
        _ request: AArch64.TranslationRequest, _ second: AArch64.StageTwo, in tables: Tables
    ) throws(AArch64.TranslationFault) -> AArch64.Translation {
        let first = try translateStageOne(request, second, in: tables)
        return try translateStageTwo(first, request, second, in: tables)
    }

    /// What becomes of the output of the first stage.
    @inline(__always)
    func translateStageTwo<Tables: AArch64.TranslationTables>(
        _ first: AArch64.Translation, _ request: AArch64.TranslationRequest, _ second: AArch64.StageTwo,
        in tables: Tables
    ) throws(AArch64.TranslationFault) -> AArch64.Translation {
        guard kind == .el1 && second.isEnabled else { return first }
        var both = try second.translate(
            first.physical, request.demand, isWrite: request.demand.isWrite, under: first.attributes, in: tables)
        if !second.forcesAttributes { both.attributes = first.attributes.combined(withStageTwo: both.attributes) }
        both.permissions.formIntersection(first.permissions)
        both.enterable.formIntersection(first.enterable)
        both.stageOneBits = first.stageOneBits
        both.isGlobal = first.isGlobal
        both.isGuarded = first.isGuarded
        return both
    }
}
