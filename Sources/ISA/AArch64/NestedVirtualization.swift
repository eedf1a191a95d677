import ISA

/// Nested virtualization (FEAT_NV and FEAT_NV2; "Nested virtualization" in chapter D8): a hypervisor at EL1 that takes
/// itself to be at EL2, by the will of the one that is.
///
/// While HCR_EL2.NV is set, what EL1 does as if it were EL2 goes to EL2: accesses to EL2's registers, its system
/// instructions, and ERET. With NV2 too, most of these registers are in memory, at an offset from VNCR_EL2 that is the
/// register's own, and four are EL1's of the same name. NV1 is for a hypervisor without FEAT_VHE, which names EL1's
/// registers for its guest's: they are in memory, or trap, in place of the names that end in _EL12; and the tables of
/// EL1&0 are read as those of a regime without EL0.
///
/// A context of EL1 with NV is none of those without (``TranslationContext/codeMode``), so that translated code knows
/// of it, and code without NV does not ask.
extension AArch64 {
    /// What becomes of EL1's accesses to a register while HCR_EL2.NV is set.
    struct NestedAccess {
        enum Rule: UInt8 {
            /// EL2's trap, and all others are as ever.
            case none
            /// With NV2 it is in memory, whatever NV1 is; or with NV1 clear; or with NV1 set.
            case memory, memoryOfAlias, memoryOfName
            /// Likewise with NV1 set; and without NV2 that traps.
            case memoryOrTrap
        }
        let rule: Rule
        /// Into the page of VNCR_EL2.
        let offset: UInt16

        static let ordinary = NestedAccess(rule: .none, offset: 0)

        /// Whether memory stands for the register, HCR_EL2 being `hcr` with NV set.
        func isInMemory(_ hcr: UInt64) -> Bool {
            guard hcr & HypervisorConfiguration.nv2 != 0 else { return false }
            let isNV1 = hcr & HypervisorConfiguration.nv1 != 0
            switch rule {
            case .none: return false
            case .memory: return true
            case .memoryOfAlias: return !isNV1
            case .memoryOfName, .memoryOrTrap: return isNV1
            }
        }

        /// Whether the access to a register that is EL1's traps.
        func isTrapped(_ hcr: UInt64) -> Bool {
            rule == .memoryOrTrap && hcr & HypervisorConfiguration.nv1 != 0 && hcr & HypervisorConfiguration.nv2 == 0
        }
    }

    /// Where registers are in memory (D8, the table of VNCR_EL2's offsets), of those that there are here.
    enum NestedRegisters {
        typealias Line = (name: String, offset: UInt16)

        /// Those that no bit moves: EL2's, and two of EL1's.
        static let always: [Line] = [
            ("VTTBR_EL2", 0x020), ("VTCR_EL2", 0x040), ("VMPIDR_EL2", 0x050), ("CNTVOFF_EL2", 0x060),
            ("HCR_EL2", 0x078), ("HSTR_EL2", 0x080), ("VPIDR_EL2", 0x088), ("TPIDR_EL2", 0x090), ("VNCR_EL2", 0x0b0),
            ("MDSCR_EL1", 0x158), ("SP_EL1", 0x240), ("ICH_AP0R0_EL2", 0x480), ("ICH_AP1R0_EL2", 0x4a0),
            ("ICH_HCR_EL2", 0x4c0), ("ICH_VMCR_EL2", 0x4c8), ("VDISR_EL2", 0x500), ("VSESR_EL2", 0x508),
        ]
        /// ICH_LR0_EL2; the others follow it.
        static let listRegisters: UInt16 = 0x400

        /// EL1's: by their own names with NV1, and else by those that end in _EL12 or _EL02.
        static let guests: [Line] = [
            ("CPACR_EL1", 0x100), ("CONTEXTIDR_EL1", 0x108), ("SCTLR_EL1", 0x110), ("ACTLR_EL1", 0x118),
            ("TCR_EL1", 0x120), ("AFSR0_EL1", 0x128), ("AFSR1_EL1", 0x130), ("ESR_EL1", 0x138), ("MAIR_EL1", 0x140),
            ("AMAIR_EL1", 0x148), ("SPSR_EL1", 0x160), ("CNTV_CVAL_EL0", 0x168), ("CNTV_CTL_EL0", 0x170),
            ("CNTP_CVAL_EL0", 0x178), ("CNTP_CTL_EL0", 0x180), ("SCXTNUM_EL1", 0x188), ("TTBR0_EL1", 0x200),
            ("TTBR1_EL1", 0x210), ("FAR_EL1", 0x220), ("ELR_EL1", 0x230), ("VBAR_EL1", 0x250),
        ]

        /// Of these, what NV1 without NV2 traps ("HCR_EL2", "NV1").
        static let trapped: Set<String> = ["VBAR_EL1", "ELR_EL1", "SPSR_EL1", "SCXTNUM_EL1"]

        /// EL2's that are EL1's of the same name with NV2.
        static let redirected: [(from: String, to: String)] = [
            ("SPSR_EL2", "SPSR_EL1"), ("ELR_EL2", "ELR_EL1"), ("ESR_EL2", "ESR_EL1"), ("FAR_EL2", "FAR_EL1"),
        ]

        static func access(to register: SystemRegister) -> NestedAccess {
            let name = register.name.description
            // One line's name is of sixteen registers, which CRm and op2 tell apart.
            guard !name.hasPrefix("ICH_LR") else {
                return NestedAccess(rule: .memory, offset: listRegisters + 8 * (register.key & 15))
            }
            return accesses[name] ?? .ordinary
        }

        private static let accesses: [String: NestedAccess] = {
            var accesses: [String: NestedAccess] = [:]
            for line in always { accesses[line.name] = NestedAccess(rule: .memory, offset: line.offset) }
            for line in guests {
                let rule: NestedAccess.Rule = trapped.contains(line.name) ? .memoryOrTrap : .memoryOfName
                accesses[line.name] = NestedAccess(rule: rule, offset: line.offset)
                accesses[line.name + "2"] = NestedAccess(rule: .memoryOfAlias, offset: line.offset)
            }
            return accesses
        }()
    }
}

extension AArch64.SystemRegister {
    static let nested: [Self] = [
        // BADDR and RESS: an address whose upper bits are not all alike has a translation fault when it is used.
        .init("VNCR_EL2", "11 100 0010 0010 000", .el2, .field(\.vncr), Writable(~0xfff), .nv)
    ]
}

extension AArch64.ProcessingElement {
    private typealias Hypervisor = AArch64.HypervisorConfiguration
    private typealias Class = AArch64.ExceptionClass
    private typealias Detail = AArch64.FaultDetail

    /// The level is EL1 and takes itself to be EL2 (EffectiveHCR_EL2_NVx). NV1 and NV2 count as 0 where NV is.
    @inline(__always)
    var isNested: Bool {
        state.pointee.hcr & Hypervisor.nv != 0 && level == 1 && hypervisorConfiguration & Hypervisor.nv != 0
    }

    /// EL1&0 is read as a regime without EL0 (NV and NV1).
    var hasNestedTables: Bool {
        let both = Hypervisor.nv | Hypervisor.nv1
        return state.pointee.hcr & both == both && isEL2Enabled
    }

    /// Whether SPSR_EL1 of an exception from EL1 to EL1 says EL2 (AArch64.TakeException): where that hypervisor is not told
    /// of its real level elsewhere.
    @inline(__always)
    var savesNestedLevel: Bool {
        isNested && hypervisorConfiguration & (Hypervisor.nv1 | Hypervisor.nv2) != Hypervisor.nv1
    }

    // MARK: Traps

    /// The register that an access of EL1 with NV reaches; or its own entry where memory stands for it, at
    /// ``nestedOffset(_:_:)``.
    /// - Parameter isBeyond: EL1 may not access it.
    func nestedRegister(
        _ access: AArch64.SystemAccess, _ entry: UnsafePointer<AArch64.SystemRegisterEntry>, isBeyond: Bool
    ) throws(Fault) -> UnsafePointer<AArch64.SystemRegisterEntry> {
        let hcr = hypervisorConfiguration
        if entry.pointee.nested.isInMemory(hcr) { return entry }
        guard isBeyond else {
            if entry.pointee.nested.isTrapped(hcr) { throw systemTrap(access, toLevel: 2) }
            return entry
        }
        // What EL2 could not do either is UNDEFINED.
        let needed = access.isRead ? entry.pointee.readLevel : entry.pointee.writeLevel
        guard needed == 2, access.isOfHypervisor else { throw undefinedRegister(access) }
        if hcr & Hypervisor.nv2 != 0, entry.pointee.redirection != 0 {
            return registers.entries + entry.pointee.redirection
        }
        throw systemTrap(access, toLevel: 2)
    }

    /// Where in the page of VNCR_EL2 the register is that EL1 accesses; nil where it is not in memory.
    /// - Parameter key: by which it was named: a register of EL1's that one of EL2 is redirected to is not in memory, even
    ///   where its own name is.
    func nestedOffset(_ entry: UnsafePointer<AArch64.SystemRegisterEntry>, _ key: UInt16) -> UInt64? {
        guard isNested, entry.pointee.key == key, entry.pointee.nested.isInMemory(hypervisorConfiguration) else {
            return nil
        }
        return UInt64(entry.pointee.nested.offset)
    }

    /// ERET, ERETAA and ERETAB of EL1 (AArch64.CheckForERetTrap), before a pointer is authenticated.
    func checkNestedReturn(authenticating key: AArch64.PointerKey?) throws(Fault) {
        guard isNested else { return }
        let syndrome: UInt64 = key == nil ? 0 : key == .instructionA ? 2 : 3
        throw fault(Class.exceptionReturnTrapped, syndrome, level: 2)
    }

    // MARK: Registers in memory

    /// A load or store of EL2's own, made by an MRS or MSR of EL1: whatever it meets is EL2's.
    func readNested(_ offset: UInt64) throws(Fault) -> UInt64 {
        let address = state.pointee.vncr &+ offset
        if let context = knownHypervisorContext {
            let entry = context.pointee.reads[TranslationContext.index(address)]
            if entry.mayRead(address, bytes: 8),
                let host = UnsafeRawPointer(bitPattern: UInt(truncatingIfNeeded: address &+ entry.addend))
            {
                // SAFETY: the entry leads to the page's memory in the host.
                return host.load(as: UInt64.self)
            }
        }
        let physical = try translateNested(address, isWrite: false)
        // SAFETY: the eight bytes are memory of the machine.
        if let host = memory.host(physical, count: 8) {
            if debugStops.watchesData { reportRead(address, physical, 8) }
            return host.load(as: UInt64.self)
        }
        guard let value = bus.read(physical, size: 8) else { throw nestedAbort(address, status: 0x10, isWrite: false) }
        statistics.deviceAccesses += 1
        if debugStops.watchesData { reportRead(address, physical, 8) }
        return value
    }

    func writeNested(_ offset: UInt64, _ value: UInt64) throws(Fault) {
        let address = state.pointee.vncr &+ offset
        if let context = knownHypervisorContext {
            let entry = context.pointee.writes[TranslationContext.index(address)]
            if entry.mayWrite(address, bytes: 8),
                let host = UnsafeMutableRawPointer(bitPattern: UInt(truncatingIfNeeded: address &+ entry.addend))
            {
                // SAFETY: as above, and the window of it may be written.
                host.storeBytes(of: value, as: UInt64.self)
                return
            }
        }
        let physical = try translateNested(address, isWrite: true)
        var new = value
        if let region = memory.region(containing: physical, count: 8), !region.isReadOnly {
            if debugStops.watchesData {
                reportWrite(address, physical, .double, value, over: region.host + Int(physical - region.base))
            }
            _ = memory.writeByCPU(physical, from: &new, count: 8)
            return
        }
        guard bus.write(physical, size: 8, value: value) else {
            throw nestedAbort(address, status: 0x10, isWrite: true)
        }
        statistics.deviceAccesses += 1
        if debugStops.watchesData { reportWrite(address, physical, .double, value, over: nil) }
    }

    /// The context in which EL2 has such accesses itself, where one is known.
    private var knownHypervisorContext: UnsafeMutablePointer<TranslationContext>? {
        UnsafeMutablePointer(bitPattern: UInt(state.pointee.contexts[2]))
    }

    /// By EL2's regime, as if with PSTATE.PAN clear. The address is aligned as VNCR_EL2 is.
    private func translateNested(_ address: UInt64, isWrite: Bool) throws(Fault) -> UInt64 {
        let access: AArch64.TranslationRequest.Access = isWrite ? .write : .read
        let physical: UInt64
        do throws(AArch64.TranslationFault) {
            physical = try regime(regimeKind(level: 2)).pointee.translateStageOne(
                AArch64.TranslationRequest(address, access, isPrivileged: true, obeysPAN: false), stageTwo,
                in: AArch64.WalkMemory(memory, ram: ram)
            ).physical
        } catch {
            throw nestedAbort(address, status: UInt64(error.status), isWrite: isWrite)
        }
        if examinesData { try checkWatchpoints(address, 8, access, [], isNested: true) }
        return physical
    }

    /// A data abort of EL2, as if from there (ESR_ELx.VNCR).
    private func nestedAbort(_ address: UInt64, status: UInt64, isWrite: Bool) -> Fault {
        let syndrome = Detail.nestedAccess | (isWrite ? 1 << 6 : 0) | status
        let recorded = fault(Class.dataAbort, syndrome, level: 2, Detail.hasAddress)
        core.pointee.fault.value = address
        return recorded
    }
}
