import ISA

/// System instructions: maintenance of caches and TLBs, and address translation (C5.3 to C5.5). Which there are, and what
/// EL2 traps of them, is in SystemInstruction.swift.
///
/// No cache is here, and decoded code follows memory by itself, so that of cache maintenance only its faults and traps are
/// left, and the zeros of DC ZVA. TLB maintenance drops what it names from the translation contexts that it names, and at
/// times more, which is allowed: by address it is of all ASIDs, and an intermediate address stands for all of its guest's.
extension AArch64.ProcessingElement {
    private typealias Configuration = AArch64.HypervisorConfiguration

    /// SYS: its key is op1, CRn, CRm and op2.
    func performSystemInstruction(_ key: UInt16, _ value: UInt64, target: UInt8) throws(Fault) {
        let access = AArch64.SystemAccess(instruction: key, target: target)
        let instruction = instructions[key]
        if access.isImplementationDefined { try checkImplementationDefined(access) }
        if level < Int(instruction.level) {
            throw isNested && instruction.level == 2 ? systemTrap(access, toLevel: 2) : undefinedInstruction()
        }
        // EL2's are not there for EL3 while that has no EL2 below it.
        if level == 3, instruction.isOfEL2, !isEL2Enabled { throw undefinedInstruction() }
        try checkGuards(instruction.guards, access)
        switch instruction.operation {
        case .nothing: break
        case .clean: _ = try translate(value, .clean, .cacheManagement)
        case .invalidate: _ = try translate(value, .invalidate, .cacheManagement)
        case .zero: try zeroBlock(value)
        case .translate: try translateAddress(access, value)
        case .dropTranslations(let what, let isBroadcast): dropTranslations(what, isBroadcast: isBroadcast, value)
        }
    }

    static let zeroedBlock: UInt64 = 64
    static let zeroing = AArch64.SystemRegister.key("01 011 0111 0100 001") & 0x3fff

    private func zeroBlock(_ address: UInt64) throws(Fault) {
        let block = address & ~(Self.zeroedBlock - 1)
        // Kernels clear memory so, page by page.
        let entry = core.pointee.context.pointee.writes[TranslationContext.index(block)]
        if entry.mayWrite(block, bytes: Self.zeroedBlock),
            let host = UnsafeMutableRawPointer(bitPattern: UInt(truncatingIfNeeded: block &+ entry.addend))
        {
            // SAFETY: the entry leads to the page's memory in the host, of which its window may be written.
            host.initializeMemory(as: UInt8.self, repeating: 0, count: Int(Self.zeroedBlock))
            return
        }
        do throws(Fault) {
            // Of device memory it is an Alignment fault, whatever the address (C5.3, DC ZVA).
            _ = try translate(block, .write, isAligned: false)
            guard let host = try probe(block, bytes: Self.zeroedBlock, write: true, []) else {
                throw alignmentFault(address, isWrite: true)
            }
            host.initializeMemory(as: UInt8.self, repeating: 0, count: Int(Self.zeroedBlock))
        } catch {
            // The block's first byte is what was accessed, and the operand what is reported, but of watchpoints.
            if core.pointee.fault.cause != AArch64.ExceptionClass.watchpointLower { core.pointee.fault.value = address }
            throw error
        }
    }

    // MARK: Translation

    private func translateAddress(_ access: AArch64.SystemAccess, _ address: UInt64) throws(Fault) {
        guard
            let operation = AArch64.AddressTranslation(
                op1: UInt8(access.op1), crm: UInt8(access.crm), op2: UInt8(access.op2))
        else { throw undefinedInstruction() }
        let kind: AArch64.TranslationRegime.Kind =
            operation.isOfEL3
            ? .el3
            : operation.isOfEL2 ? regimeKind(level: 2) : !operation.usesBothStages && isHost ? .el2Host : .el1
        let regime = regime(kind).pointee
        let pan = state.pointee.pstate & AArch64.PSTATE.pan != 0
        do throws(AArch64.TranslationFault) {
            let found = try operation.translate(
                address, regime, stageTwo, pan: pan, in: AArch64.WalkMemory(memory, ram: ram))
            state.pointee.par = found.par
        } catch {
            if error.isTaken(byATAt: level) {
                throw abort(address, error, isFetch: false, .cacheManagement)
            }
            state.pointee.par = error.par
        }
    }

    // MARK: TLBs

    private func dropTranslations(
        _ what: AArch64.SystemInstruction.Translations, isBroadcast: Bool, _ value: UInt64
    ) {
        let kind: AArch64.TranslationRegime.Kind =
            switch what {
            case .all, .identifier, .address, .range: isHost ? .el2Host : .el1
            case .ofEL2, .addressOfEL2, .rangeOfEL2: regimeKind(level: 2)
            case .ofEL3, .addressOfEL3, .rangeOfEL3: .el3
            case .stageTwo, .guest, .guests: .el1
            }
        let addresses: AArch64.TLBInvalidation?
        switch what {
        case .address, .addressOfEL2, .addressOfEL3:
            addresses = AArch64.TLBInvalidation(
                virtual: value, granuleBits: regime(kind).pointee.granuleBits(at: value << 12))
        case .range, .rangeOfEL2, .rangeOfEL3:
            let isLarge = regime(kind).pointee.hasLargeAddresses
            guard let range = AArch64.TLBInvalidation(virtualRange: value, isLarge: isLarge) else { return }
            addresses = range
        default: addresses = nil
        }
        let identifier: UInt64? = if case .identifier = what { value } else { nil }
        let isOfGuest = if case .guests = what { false } else { kind == .el1 }
        // Secure state has no VMIDs.
        let isSecure = kind == .el3 || isSecureBelowEL3
        let guest = isOfGuest ? (isSecure ? 0 : state.pointee.vttbr >> 48) : nil
        // HCR_EL2.FB has EL1's be all PEs'.
        let isForced = level == 1 && hypervisorConfiguration & Configuration.fb != 0
        if isBroadcast || isForced {
            environment.forEachElement {
                $0.invalidate(kind, guest: guest, identifier: identifier, isSecure: isSecure, addresses)
            }
        } else {
            invalidate(kind, guest: guest, identifier: identifier, isSecure: isSecure, addresses)
        }
    }

    /// Pages beyond which a range is not dropped page by page.
    private static let longestRange: UInt64 = 64

    /// Drops what contexts of the regime hold.
    /// - Parameters:
    ///   - guest: the VMID whose they are; nil for all.
    ///   - identifier: the ASID whose they are, in bits 63 to 48; nil for all.
    ///   - addresses: nil for all.
    func invalidate(
        _ kind: AArch64.TranslationRegime.Kind, guest: UInt64?, identifier: UInt64? = nil, isSecure: Bool = false,
        _ addresses: AArch64.TLBInvalidation?
    ) {
        pool.forEach { context in
            let key = context.pointee.key
            guard key.mode >> 3 & 3 == UInt64(kind.rawValue), guest == nil || key.secondStage >> 48 == guest,
                (key.mode & Self.secureMode != 0) == isSecure
            else { return }
            if let identifier, !mayHaveIdentifier(of: identifier, key) { return }
            guard let addresses, addresses.last &- addresses.first < Self.longestRange << 12 else {
                return context.pointee.flush()
            }
            var page = addresses.first
            while true {
                context.pointee.flush(page: page)
                guard addresses.last &- page >= 4096 else { return }
                page &+= 4096
            }
        }
    }

    /// Whether a context's translations have the ASID of the operand; those of all ASIDs it may keep then (TLBI ASIDE1).
    private func mayHaveIdentifier(of operand: UInt64, _ key: TranslationContext.Key) -> Bool {
        let number = Int(truncatingIfNeeded: key.mode >> 8)
        // Numbers begin anew when there are too many; what had one before is empty.
        guard let control = regimes[number]?.tcr else { return true }
        let features = translationFeatures
        return AArch64.TranslationRegime.asid(features, tcr: control, ttbr0: operand, ttbr1: operand)
            == AArch64.TranslationRegime.asid(features, tcr: control, ttbr0: key.firstStage, ttbr1: key.upperHalf)
    }
}
