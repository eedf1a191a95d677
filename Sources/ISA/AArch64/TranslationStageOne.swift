import ISA

/// The first stage of a translation: tables of TTBR0_ELx and TTBR1_ELx (D8.2, "Translation process"; D8.4, "Memory
/// access control").
///
/// The order of the checks is that of the manual's priorities ("Prioritization of synchronous aborts from a single
/// stage of address translation"): at each level translation before address size; at the leaf then access flag,
/// alignment, permission.
extension AArch64.TranslationRegime {
    typealias Fault = AArch64.TranslationFault
    typealias Descriptor = AArch64.Descriptor

    /// The first stage alone: in the EL1&0 regime, its output is an intermediate address (AArch64.S1Translate).
    /// - Parameter second: what descriptors are read through.
    @inline(__always)
    public func translateStageOne<Tables: AArch64.TranslationTables>(
        _ request: AArch64.TranslationRequest, _ second: AArch64.StageTwo, in tables: Tables
    ) throws(AArch64.TranslationFault) -> AArch64.Translation {
        guard isEnabled else { return try untranslated(request) }
        while true {
            // Nil where another PE changed the descriptor first: then the walk begins anew.
            if let translation = try walk(request, second, in: tables) { return translation }
        }
    }

    /// AArch64.S1DisabledOutput.
    private func untranslated(_ request: AArch64.TranslationRequest) throws(Fault) -> AArch64.Translation {
        let demand = request.demand
        let isFetch = demand.contains(.execute)
        let address = inputAddress(request.address, range(of: request.address), isFetch: isFetch)
        guard address &>> UInt64(physicalBits) == 0 else {
            throw Fault(.addressSize, isWrite: demand.isWrite)
        }
        let attributes: AArch64.TranslationAttributes =
            hasDefaultCacheable
            ? .normalWriteBack
            : !isFetch ? .strictDevice : cachesInstructions ? .normalWriteThrough : .normalNonCacheable
        if attributes.isDevice && demand.contains(.unaligned) { throw Fault(.alignment, isWrite: demand.isWrite) }
        let all: AArch64.Permissions = [.read, .write, .execute]
        return AArch64.Translation(
            physical: address | secureBit, attributes: attributes, permissions: all, enterable: all,
            stageOneBits: AArch64.Translation.untranslatedBits, stageTwoBits: AArch64.Translation.untranslatedBits,
            isGlobal: true, isGuarded: false)
    }

    @inline(__always) func range(of address: UInt64) -> VARange {
        hasEL0 && address & VARange.upperBit != 0 ? upper : lower
    }

    /// The address but for its top byte, if that is ignored (AArch64.AddrTop).
    @inline(__always) private func inputAddress(_ address: UInt64, _ range: VARange, isFetch: Bool) -> UInt64 {
        let ignoresTop = isFetch ? range.ignoresTopByteOfInstructions : range.ignoresTopByte
        return ignoresTop ? address & 0xff_ffff_ffff_ffff : address
    }

    /// Where a branch to `address` goes: without a tag, where the regime ignores one (AArch64.BranchAddr).
    func branchAddress(_ address: UInt64) -> UInt64 {
        guard range(of: address).ignoresTopByteOfInstructions else { return address }
        return hasEL0 ? UInt64(bitPattern: Int64(bitPattern: address << 8) >> 8) : (address << 8) >> 8
    }

    /// AArch64.S1Walk, and what AArch64.S1Translate does with the leaf.
    private func walk<Tables: AArch64.TranslationTables>(
        _ request: AArch64.TranslationRequest, _ second: AArch64.StageTwo, in tables: Tables
    ) throws(Fault) -> AArch64.Translation? {
        let demand = request.demand
        let isWrite = demand.isWrite
        let address = request.address
        let range = range(of: address)
        // Bits above the range are all zeros in the lower one, all ones in the upper.
        let isUpper = hasEL0 && address & VARange.upperBit != 0
        let above = inputAddress(isUpper ? ~address : address, range, isFetch: demand.contains(.execute))
        guard above &>> UInt64(range.lookup.inputBits) == 0, !range.isRefused,
            !range.refusesEL0 || demand.contains(.privileged)
        else { throw Fault(.translation, isWrite: isWrite) }
        guard !range.isBeyondOutput else { throw Fault(.addressSize, isWrite: isWrite) }

        let granuleBits = range.lookup.granuleBits
        let format = range.lookup.format
        let stride = UInt64(granuleBits &- 3)
        let beyondTable = ~0 &<< UInt64(granuleBits) as UInt64
        var level = range.lookup.level
        var shift = UInt64(range.lookup.shift)
        var indices = (1 &<< (UInt64(range.lookup.inputBits) &- shift) as UInt64) &- 1
        var table = range.lookup.table
        var tablePermissions: UInt64 = 0
        // Of the tables; NSTable takes it away for all below.
        var security = secureBit
        let isTwofold = kind == .el1 && second.isEnabled
        while true {
            let entry = table | (address &>> shift & indices) &<< 3 | security
            let physical =
                isTwofold ? try second.descriptorAddress(entry, isUpdate: false, isWrite: isWrite, in: tables) : entry
            guard let stored = tables.readDescriptor(physical) else {
                throw Fault(.externalAbortOnWalk, level: level, isWrite: isWrite)
            }
            let descriptor = isBigEndian ? stored.byteSwapped : stored
            guard descriptor & Descriptor.valid != 0 else {
                throw Fault(.translation, level: level, isWrite: isWrite)
            }
            let output = format.output(descriptor)
            let isTable = descriptor & Descriptor.table != 0
            if isTable && level < 3 {
                guard output & beyondOutput == 0 else {
                    throw Fault(.addressSize, level: level, isWrite: isWrite)
                }
                table = output & beyondTable
                tablePermissions |= descriptor
                if descriptor & Descriptor.tableNonSecure != 0 { security = 0 }
                indices = (1 &<< stride) &- 1
                shift &-= stride
                level &+= 1
                continue
            }
            guard isTable || format.isBlockAllowed(level: level, granuleBits: granuleBits) else {
                throw Fault(.translation, level: level, isWrite: isWrite)
            }
            guard output & beyondOutput == 0 else {
                throw Fault(.addressSize, level: level, isWrite: isWrite)
            }
            let leaf = try checkLeaf(
                descriptor, range.hasTablePermissions ? tablePermissions : 0, demand, level: level,
                isSecure: security != 0 && descriptor & Descriptor.nonSecure == 0,
                shareability: format == .large ? range.shareability : UInt8(truncatingIfNeeded: descriptor >> 8 & 3))
            if leaf.descriptor != descriptor {
                // What an atomic access needs of a page that has been accessed before, reading alone does not.
                let isOfWriting = isWrite || demand.contains(.write) && descriptor & Descriptor.accessFlag != 0
                guard
                    try update(entry, from: descriptor, to: leaf.descriptor, second, isWrite: isOfWriting, in: tables)
                else { return nil }
            }
            let isGlobal = !hasEL0 || descriptor & Descriptor.notGlobal == 0
            if !isGlobal {
                // As what is entered: without a tag.
                let canonical = UInt64(bitPattern: Int64(bitPattern: address << 8) >> 8)
                tables.noteUse(
                    ofDescriptor: physical, mapping: .init(ofDescriptorAt: physical, by: canonical, shift: shift))
            }
            let inLeaf = (1 &<< shift as UInt64) &- 1
            return AArch64.Translation(
                physical: output & ~inLeaf | address & inLeaf
                    | (descriptor & Descriptor.nonSecure == 0 ? security : 0),
                attributes: effectiveAttributes(leaf.attributes, isFetch: demand.contains(.execute)),
                permissions: leaf.permissions,
                enterable: leaf.descriptor & Descriptor.readOnly == 0
                    ? leaf.permissions : leaf.permissions.subtracting(.write),
                stageOneBits: UInt8(truncatingIfNeeded: shift), stageTwoBits: AArch64.Translation.untranslatedBits,
                isGlobal: isGlobal,
                isGuarded: descriptor & Descriptor.guarded != 0)
        }
    }

    private struct Leaf {
        /// As it has to be in memory after the access.
        var descriptor: UInt64
        var permissions: AArch64.Permissions
        var attributes: AArch64.TranslationAttributes
    }

    /// Whether a leaf permits what is demanded, and how it changes by that.
    /// - Parameters:
    ///   - tables: the bits of all tables above it together, or 0 where HPDn has them ignored.
    ///   - shareability: SH, of the descriptor or of TCR_ELx.
    @inline(__always) private func checkLeaf(
        _ descriptor: UInt64, _ tables: UInt64, _ demand: AArch64.Demand, level: Int8, isSecure: Bool,
        shareability: UInt8
    ) throws(Fault) -> Leaf {
        // Cache maintenance need not obey the access flag, and does not here.
        guard
            descriptor & Descriptor.accessFlag != 0 || managesAccessFlag || demand.contains(.maintenance)
        else { throw Fault(.accessFlag, level: level, isWrite: demand.isWrite) }
        let attributes = AArch64.TranslationAttributes(
            UInt8(truncatingIfNeeded: mair &>> ((descriptor >> 2 & 7) &* 8)),
            shareability: shareability)
        if demand.contains(.unaligned) && attributes.isDevice && !demand.contains(.execute) {
            throw Fault(.alignment, isWrite: demand.isWrite)
        }
        // A page whose dirty state hardware manages counts as writable even where it is not dirty yet.
        let isManaged = managesDirtyState && descriptor & Descriptor.dirtyBitModifier != 0
        var permissions =
            isNested
            ? permissions(Self.nested(descriptor), Self.nested(tables: tables), demand, isManaged: isManaged)
            : permissions(descriptor, tables, demand, isManaged: isManaged)
        if fetchesSecureAlone, !isSecure { permissions.remove(.execute) }
        if demand.contains(.read) && !permissions.contains(.read) {
            throw Fault(.permission, level: level, isWrite: false)
        }
        if demand.contains(.write) && !permissions.contains(.write) {
            throw Fault(.permission, level: level, isWrite: true)
        }
        if demand.contains(.execute) && !permissions.contains(.execute) {
            throw Fault(.permission, level: level, isWrite: false)
        }
        var changed = descriptor
        if managesAccessFlag { changed |= Descriptor.accessFlag }
        if isManaged && demand.makesDirty { changed &= ~Descriptor.readOnly }
        return Leaf(descriptor: changed, permissions: permissions, attributes: attributes)
    }

    /// AArch64.S1DirectBasePermissions.
    @inline(__always) private func permissions(
        _ descriptor: UInt64, _ tables: UInt64, _ demand: AArch64.Demand, isManaged: Bool
    ) -> AArch64.Permissions {
        let isWritable =
            (descriptor & Descriptor.readOnly == 0 || isManaged) && tables & Descriptor.tableReadOnly == 0
        let isExecuteNever = (descriptor & Descriptor.executeNever) | (tables & Descriptor.tableExecuteNever) != 0
        var permissions: AArch64.Permissions = isWritable ? [.read, .write] : .read
        var isExecutable = !isExecuteNever
        var isPrevented = false
        if hasEL0 {
            let isUnprivileged =
                descriptor & Descriptor.unprivileged != 0 && tables & Descriptor.tableNoUnprivileged == 0
            if demand.contains(.privileged) {
                // What EL0 can write is never executed above it.
                let never =
                    (descriptor & Descriptor.privilegedExecuteNever)
                    | (tables & Descriptor.tablePrivilegedExecuteNever)
                isExecutable = never == 0 && !(isUnprivileged && isWritable)
                // PAN: what EL0 can read or write; with EPAN also what it can execute. Where there is no EL0, PAN counts as 0.
                isPrevented =
                    demand.contains(.obeysPAN) && !isNested && (isUnprivileged || hasEnhancedPAN && !isExecuteNever)
            } else if !isUnprivileged {
                permissions = []
            }
        }
        if isExecutable && !(writableIsExecuteNever && permissions.contains(.write)) { permissions.insert(.execute) }
        return isPrevented ? permissions.intersection(.execute) : permissions
    }

    /// A leaf where EL1 takes itself to be EL2, in the form of EL1&0: bit 54 is PXN, there is no UXN, and AP[1] counts as 0
    /// (AArch64.S1ApplyOutputPerms, nv1).
    private static func nested(_ descriptor: UInt64) -> UInt64 {
        let never = Descriptor.executeNever
        let others = descriptor & ~(never | Descriptor.privilegedExecuteNever | Descriptor.unprivileged)
        return descriptor & never != 0 ? others | Descriptor.privilegedExecuteNever : others
    }

    /// Likewise the bits of tables: bit 60 is PXNTable, and APTable[0] has nothing to take away (AArch64.S1ApplyTablePerms).
    private static func nested(tables: UInt64) -> UInt64 {
        let others = tables & ~(Descriptor.tableExecuteNever | Descriptor.tablePrivilegedExecuteNever)
        return tables & Descriptor.tableExecuteNever != 0 ? others | Descriptor.tablePrivilegedExecuteNever : others
    }

    /// With caches off, normal memory is not cached (SCTLR_ELx.C, and I for fetches).
    @inline(__always) private func effectiveAttributes(
        _ attributes: AArch64.TranslationAttributes, isFetch: Bool
    ) -> AArch64.TranslationAttributes {
        if isFetch ? !attributes.isDevice && cachesInstructions : attributes.isDevice || cachesData {
            return attributes
        }
        return AArch64.TranslationAttributes(
            AArch64.TranslationAttributes.nonCacheable, shareability: attributes.shareability)
    }

    /// Sets the access flag or the dirty state of a leaf (D8.5, "Hardware updates to the translation tables"). In the
    /// EL1&0 regime the second stage must permit that write.
    /// - Returns: false where the descriptor has changed since it was read.
    private func update<Tables: AArch64.TranslationTables>(
        _ entry: UInt64, from old: UInt64, to new: UInt64, _ second: AArch64.StageTwo, isWrite: Bool,
        in tables: Tables
    ) throws(Fault) -> Bool {
        let physical =
            kind == .el1 && second.isEnabled
            ? try second.descriptorAddress(entry, isUpdate: true, isWrite: isWrite, in: tables) : entry
        let isSwapped = tables.compareAndSwap(
            physical, old: isBigEndian ? old.byteSwapped : old, new: isBigEndian ? new.byteSwapped : new)
        guard let isSwapped else { throw Fault(.unsupportedAtomicUpdate, isWrite: isWrite) }
        return isSwapped
    }
}
