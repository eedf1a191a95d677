import ISA

/// The second stage of a translation: from the intermediate addresses of the EL1&0 regime to physical ones, by the
/// tables of VTTBR_EL2 (D8.2, "Translation process"; D8.4, "Stage 2 permissions").
extension AArch64 {
    /// The second stage, as its registers have it.
    public struct StageTwo: Sendable {
        /// HCR_EL2.VM or DC.
        public let isEnabled: Bool
        var lookup: InitialLookup
        /// Nothing is translated: T0SZ is out of bounds, or SL0 does not agree with it.
        let isRefused: Bool
        /// The table lies beyond the output size.
        let isBeyondOutput: Bool
        /// VTCR_EL2.SH0, which is that of all leaves where DS has descriptors say none.
        let shareability: UInt8
        /// Nothing but the tables themselves decides where a descriptor of the first stage is.
        let isPlain: Bool
        let beyondOutput: UInt64
        let isBigEndian: Bool
        let managesAccessFlag: Bool
        let managesDirtyState: Bool
        let hasExecuteNeverOfEL0: Bool
        /// HCR_EL2.PTW: walks of the first stage may not be in device memory.
        let protectsWalks: Bool
        /// HCR_EL2.FWB: descriptors overrule the first stage's memory attributes.
        let forcesAttributes: Bool
        /// HCR_EL2.CD and ID: data and instructions are not cached.
        let disablesDataCaches: Bool
        let disablesInstructionCaches: Bool
        /// The VMID in force.
        public let vmid: UInt16

        /// - Parameter sctlr: SCTLR_EL2, whose EE says how the tables lie in memory.
        public init(_ features: TranslationFeatures, hcr: UInt64, vtcr: UInt64, vttbr: UInt64, sctlr: UInt64) {
            typealias HCR = TranslationRegime.HCR
            let hcr = HCR.effective(hcr)
            isEnabled = hcr & (HCR.vm | HCR.dc) != 0
            protectsWalks = hcr & HCR.ptw != 0
            forcesAttributes = features.hasStageTwoForce && hcr & HCR.fwb != 0
            disablesDataCaches = hcr & HCR.cd != 0
            disablesInstructionCaches = hcr & HCR.id != 0
            isBigEndian = sctlr & TranslationRegime.SCTLR.ee != 0
            managesAccessFlag = features.managesAccessFlag && vtcr >> 21 & 1 != 0  // HA
            managesDirtyState = managesAccessFlag && features.managesDirtyState && vtcr >> 22 & 1 != 0  // HD
            hasExecuteNeverOfEL0 = features.hasStageTwoExecuteNever
            let hasLongVMID = features.hasLongVMID && vtcr >> 19 & 1 != 0  // VS
            vmid = UInt16(vttbr >> 48 & (hasLongVMID ? 0xffff : 0xff))
            beyondOutput = features.beyondOutput(vtcr >> 16)  // PS

            let granuleBits = features.stageTwoGranules.bits(tg0: vtcr >> 14)
            let format = features.format(
                granuleBits: granuleBits, ds: vtcr >> 32, of: features.largeStageTwoGranules)
            let level = StageTwo.initialLevel(
                features, sl0: vtcr >> 6 & 3, sl2: vtcr >> 33 & 1, granuleBits: granuleBits, format)
            let t0sz = vtcr & 63
            // AArch64.S2TxSZFaults: a size out of bounds is a level 0 fault here, below and above. Below is what
            // addresses more than there are physical addresses.
            let largest = format == .plain ? min(features.physicalBits, 48) : features.physicalBits
            let isOutOfBounds =
                t0sz < 64 - UInt64(largest) || t0sz > features.maximumTxSZ(granuleBits: granuleBits)
            // AArch64.S2InconsistentSL: the initial level resolves one bit at least, and at most four more than a table
            // has entries for, which is 16 tables one after the other.
            let inputBits = isOutOfBounds ? 48 : UInt8(64 - t0sz)
            let below = InitialLookup.shift(level: level ?? 3, granuleBits: granuleBits)
            let isConsistent = inputBits > below && inputBits - below <= granuleBits - 3 + 4
            isRefused = isOutOfBounds || level == nil || !isConsistent
            lookup = InitialLookup(
                base: vttbr, level: isRefused ? 3 : level ?? 3, inputBits: isRefused ? granuleBits + 1 : inputBits,
                granuleBits: granuleBits, format, size: vtcr >> 16)
            shareability = UInt8(truncatingIfNeeded: vtcr >> 12 & 3)
            isBeyondOutput = lookup.table & beyondOutput != 0
            isPlain = !isRefused && !isBeyondOutput && !isBigEndian && !protectsWalks
        }

        /// The level that SL0 and SL2 name (AArch64.S2StartLevel), nil where it is reserved or more than the PE's physical
        /// addresses allow (AArch64.S2InvalidSL). SL2 is there for DS and 4 KiB pages alone.
        private static func initialLevel(
            _ features: TranslationFeatures, sl0: UInt64, sl2: UInt64, granuleBits: UInt8, _ format: DescriptorFormat
        ) -> Int8? {
            if format == .large && granuleBits == 12 && sl2 != 0 { return sl0 == 0 ? -1 : nil }
            return switch (granuleBits, sl0) {
            case (12, 0): 2
            case (12, 1): 1
            case (12, 2): features.physicalBits >= 44 ? 0 : nil
            case (12, _): features.hasSmallTables ? 3 : nil
            case (_, 0): 3
            case (_, 1): 2
            case (_, 2): features.physicalBits >= (granuleBits == 14 ? 42 : 44) ? 1 : nil
            case (14, 3): format == .large ? 0 : nil
            default: nil
            }
        }
    }
}

extension AArch64.StageTwo {
    typealias Fault = AArch64.TranslationFault
    typealias Descriptor = AArch64.Descriptor

    /// Where a descriptor of the first stage is, that lies at an intermediate address.
    /// - Parameters:
    ///   - isUpdate: it is to be written too.
    ///   - isWrite: what a fault reports, which is the direction of the access that is translated.
    @inline(__always)
    func descriptorAddress<Tables: AArch64.TranslationTables>(
        _ ipa: UInt64, isUpdate: Bool, isWrite: Bool, in tables: Tables
    ) throws(Fault) -> UInt64 {
        if !isUpdate, let physical = plainAddress(ipa, in: tables) { return physical }
        let demand: AArch64.Demand = isUpdate ? [.read, .write, .walk] : [.read, .walk]
        return try translate(ipa, demand, isWrite: isWrite, in: tables).physical
    }

    /// The same where nothing about it is out of the ordinary. A walk of four levels asks four times. Nil where anything else
    /// has to be looked at.
    @inline(__always)
    private func plainAddress<Tables: AArch64.TranslationTables>(_ ipa: UInt64, in tables: Tables) -> UInt64? {
        if case .leaf(let physical) = plainWalk(ipa, in: tables) { physical } else { nil }
    }

    /// Where the walk of an address ends as the descriptor there is not valid, and at which level. Nil where anything else
    /// has to be looked at.
    func end<Tables: AArch64.TranslationTables>(
        ofWalk ipa: UInt64, in tables: Tables
    ) -> (descriptor: UInt64, level: Int8)? {
        if case .invalid(let descriptor, let level) = plainWalk(ipa, in: tables) { (descriptor, level) } else { nil }
    }

    /// What a walk comes to.
    private enum PlainWalk {
        /// The output address, of a leaf that permits reading and has been accessed before.
        case leaf(UInt64)
        /// A descriptor that is not valid: its address and level.
        case invalid(UInt64, level: Int8)
        /// What ``walk(_:_:isWrite:under:in:)`` has to look at.
        case other
    }

    /// A walk through tables in memory. A call would copy the stage.
    @inline(__always)
    private func plainWalk<Tables: AArch64.TranslationTables>(_ ipa: UInt64, in tables: Tables) -> PlainWalk {
        guard isPlain, ipa &>> UInt64(lookup.inputBits) == 0 else { return .other }
        let granuleBits = lookup.granuleBits
        let format = lookup.format
        let stride = UInt64(granuleBits &- 3)
        var level = lookup.level
        var shift = UInt64(lookup.shift)
        var indices = (1 &<< (UInt64(lookup.inputBits) &- shift) as UInt64) &- 1
        var table = lookup.table
        while true {
            let entry = table | (ipa &>> shift & indices) &<< 3
            guard let descriptor = tables.readDescriptor(entry) else { return .other }
            guard descriptor & Descriptor.valid != 0 else { return .invalid(entry, level: level) }
            let output = format.output(descriptor)
            guard output & beyondOutput == 0 else { return .other }
            if descriptor & Descriptor.table != 0 && level < 3 {
                table = output & ~0 &<< UInt64(granuleBits)
                indices = (1 &<< stride) &- 1
                shift &-= stride
                level &+= 1
                continue
            }
            let wanted = Descriptor.accessFlag | Descriptor.stageTwoRead
            guard descriptor & wanted == wanted,
                descriptor & Descriptor.table != 0 || format.isBlockAllowed(level: level, granuleBits: granuleBits)
            else { return .other }
            tables.noteUse(ofDescriptor: entry, mapping: .various)
            let inLeaf = (1 &<< shift as UInt64) &- 1
            return .leaf(output & ~inLeaf | ipa & inLeaf)
        }
    }

    /// The fault of an access whose walk ends there.
    @inline(__always)
    func fault(atEnd level: Int8, of ipa: UInt64, isWrite: Bool) -> Fault {
        fault(.translation, level, ipa, [], isWrite)
    }

    /// AArch64.S2Translate.
    /// - Parameter first: what the first stage says of the memory; of walks that it is normal.
    @inline(__always)
    func translate<Tables: AArch64.TranslationTables>(
        _ ipa: UInt64, _ demand: AArch64.Demand, isWrite: Bool,
        under first: AArch64.TranslationAttributes = .normalWriteBack, in tables: Tables
    ) throws(Fault) -> AArch64.Translation {
        while true {
            // Nil where another PE changed the descriptor first.
            if let translation = try walk(ipa, demand, isWrite: isWrite, under: first, in: tables) {
                return translation
            }
        }
    }

    /// AArch64.S2Walk, and what AArch64.S2Translate does with the leaf. A call would copy the stage.
    @inline(__always)
    private func walk<Tables: AArch64.TranslationTables>(
        _ ipa: UInt64, _ demand: AArch64.Demand, isWrite: Bool, under first: AArch64.TranslationAttributes,
        in tables: Tables
    ) throws(Fault) -> AArch64.Translation? {
        guard !isRefused, ipa &>> UInt64(lookup.inputBits) == 0 else {
            throw fault(.translation, 0, ipa, demand, isWrite)
        }
        guard !isBeyondOutput else { throw fault(.addressSize, 0, ipa, demand, isWrite) }
        let granuleBits = lookup.granuleBits
        let format = lookup.format
        let stride = UInt64(granuleBits &- 3)
        let beyondTable = ~0 &<< UInt64(granuleBits) as UInt64
        var level = lookup.level
        var shift = UInt64(lookup.shift)
        // More than a table's entries where tables are concatenated.
        var indices = (1 &<< (UInt64(lookup.inputBits) &- shift) as UInt64) &- 1
        var table = lookup.table
        while true {
            let entry = table | (ipa &>> shift & indices) &<< 3
            guard let stored = tables.readDescriptor(entry) else {
                throw fault(.externalAbortOnWalk, level, ipa, demand, isWrite)
            }
            let descriptor = isBigEndian ? stored.byteSwapped : stored
            guard descriptor & Descriptor.valid != 0 else { throw fault(.translation, level, ipa, demand, isWrite) }
            let output = format.output(descriptor)
            let isTable = descriptor & Descriptor.table != 0
            if isTable && level < 3 {
                guard output & beyondOutput == 0 else { throw fault(.addressSize, level, ipa, demand, isWrite) }
                table = output & beyondTable
                indices = (1 &<< stride) &- 1
                shift &-= stride
                level &+= 1
                continue
            }
            guard isTable || format.isBlockAllowed(level: level, granuleBits: granuleBits) else {
                throw fault(.translation, level, ipa, demand, isWrite)
            }
            guard output & beyondOutput == 0 else { throw fault(.addressSize, level, ipa, demand, isWrite) }
            let leaf = try checkLeaf(descriptor, demand, level: level, ipa, isWrite: isWrite, under: first)
            if leaf.descriptor != descriptor {
                let isSwapped = tables.compareAndSwap(
                    entry, old: stored, new: isBigEndian ? leaf.descriptor.byteSwapped : leaf.descriptor)
                guard let isSwapped else { throw fault(.unsupportedAtomicUpdate, 0, ipa, demand, isWrite) }
                guard isSwapped else { return nil }
            }
            tables.noteUse(ofDescriptor: entry, mapping: .various)
            let inLeaf = (1 &<< shift as UInt64) &- 1
            return AArch64.Translation(
                physical: output & ~inLeaf | ipa & inLeaf,
                attributes: effectiveAttributes(leaf.attributes, isFetch: demand.contains(.execute)),
                permissions: leaf.permissions,
                enterable: leaf.descriptor & Descriptor.stageTwoWrite != 0
                    ? leaf.permissions : leaf.permissions.subtracting(.write),
                stageOneBits: AArch64.Translation.untranslatedBits, stageTwoBits: UInt8(truncatingIfNeeded: shift),
                isGlobal: true, isGuarded: false)
        }
    }

    private struct Leaf {
        /// As it has to be in memory after the access.
        var descriptor: UInt64
        var permissions: AArch64.Permissions
        var attributes: AArch64.TranslationAttributes
    }

    /// Whether a leaf permits what is demanded, and how it changes by that.
    @inline(__always) private func checkLeaf(
        _ descriptor: UInt64, _ demand: AArch64.Demand, level: Int8, _ ipa: UInt64, isWrite: Bool,
        under first: AArch64.TranslationAttributes
    ) throws(Fault) -> Leaf {
        // Cache maintenance need not obey the access flag, and does not here.
        guard
            descriptor & Descriptor.accessFlag != 0 || managesAccessFlag || demand.contains(.maintenance)
        else { throw fault(.accessFlag, level, ipa, demand, isWrite) }
        let memAttr = UInt8(truncatingIfNeeded: descriptor >> 2 & 15)
        let shareability =
            lookup.format == .large ? self.shareability : UInt8(truncatingIfNeeded: descriptor >> 8 & 3)
        let attributes =
            forcesAttributes
            ? first.forced(byStageTwo: memAttr, shareability: shareability)
            : AArch64.TranslationAttributes(stageTwo: memAttr, shareability: shareability)
        if demand.contains(.unaligned) && attributes.isDevice && !demand.contains(.execute) {
            throw fault(.alignment, 0, ipa, demand, isWrite)
        }
        // A page whose dirty state hardware manages counts as writable even where it is not dirty yet.
        let isManaged = managesDirtyState && descriptor & Descriptor.dirtyBitModifier != 0
        var permissions: AArch64.Permissions = []
        if descriptor & Descriptor.stageTwoRead != 0 { permissions.insert(.read) }
        if descriptor & Descriptor.stageTwoWrite != 0 || isManaged { permissions.insert(.write) }
        if isExecutable(descriptor, isPrivileged: demand.contains(.privileged)) { permissions.insert(.execute) }
        // On a walk, the direction that is reported stays that of the access.
        let isWalk = demand.contains(.walk)
        if isWalk && protectsWalks && attributes.isDevice { throw fault(.permission, level, ipa, demand, isWrite) }
        if demand.contains(.read) && !permissions.contains(.read) {
            throw fault(.permission, level, ipa, demand, isWalk && isWrite)
        }
        if demand.contains(.write) && !permissions.contains(.write) {
            throw fault(.permission, level, ipa, demand, !isWalk || isWrite)
        }
        if demand.contains(.execute) && !permissions.contains(.execute) {
            throw fault(.permission, level, ipa, demand, isWrite)
        }
        var changed = descriptor
        if managesAccessFlag { changed |= Descriptor.accessFlag }
        if isManaged && demand.makesDirty { changed |= Descriptor.stageTwoWrite }
        return Leaf(descriptor: changed, permissions: permissions, attributes: attributes)
    }

    /// XN[1:0]: 0 at both levels, 1 at EL0 alone, 2 at neither, 3 at EL1 alone. Without FEAT_XNX, XN[0] counts as 0
    /// (AArch64.S2DirectBasePermissions).
    @inline(__always) private func isExecutable(_ descriptor: UInt64, isPrivileged: Bool) -> Bool {
        let isNever = descriptor & Descriptor.executeNever != 0
        let isSplit = hasExecuteNeverOfEL0 && descriptor & Descriptor.privilegedExecuteNever != 0
        return isSplit && isPrivileged ? isNever : !isNever
    }

    /// With HCR_EL2.CD, normal memory is not cached; nor are instructions with ID, or in device memory.
    @inline(__always) private func effectiveAttributes(
        _ attributes: AArch64.TranslationAttributes, isFetch: Bool
    ) -> AArch64.TranslationAttributes {
        let isUncached =
            isFetch ? attributes.isDevice || disablesInstructionCaches : !attributes.isDevice && disablesDataCaches
        return isUncached ? .normalNonCacheable : attributes
    }

    @inline(__always) private func fault(
        _ kind: Fault.Kind, _ level: Int8, _ ipa: UInt64, _ demand: AArch64.Demand, _ isWrite: Bool
    ) -> Fault {
        var fault = Fault(kind, level: level, isWrite: isWrite)
        fault.ipa = ipa
        fault.isStageTwo = true
        fault.isStageOneWalk = demand.contains(.walk)
        return fault
    }
}
