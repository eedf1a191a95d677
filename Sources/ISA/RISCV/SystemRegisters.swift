/// Control and status registers: who may access each, what it reads as, what a write changes (volume II, "CSR Listing"
/// and the register's own section).
extension RISCV.Hart {
    enum CSRAccess { case read, write, set, clear }

    /// Carries out a CSR instruction; gives the old value.
    func accessCSR(_ number: UInt16, _ access: CSRAccess, _ operand: UInt64) throws(Fault) -> UInt64 {
        try checkAccess(number, writes: access != .read)
        foldFloatDirty()
        var number = number
        if state.pointee.virtual, let substitute = Self.virtualCounterpart(number) { number = substitute }
        // Read from an instruction, virtual time is the hart's own, but for what other harts have read.
        if number == 0xc01, let timebase { return guestTime(timebase.read(at: core.pointee.virtualTime)) }
        let old = try readCSR(number)
        guard access != .read else { return old }
        // A read-modify-write of mip takes SEIP as software wrote it, not the wire's part (section "Machine Interrupt
        // Registers").
        let base = number == 0x344 || number == 0x144 ? state.pointee.mip | old & ~Self.externalPending : old
        let new: UInt64
        switch access {
        case .set: new = base | operand
        case .clear: new = base & ~operand
        default: new = operand
        }
        try writeCSR(number, new)
        if isObserved { registerObserver?(number, new) }
        return old
    }

    static var externalPending: UInt64 { 1 << RISCV.Interrupt.supervisorExternal }

    /// The registers that VS-mode reaches under the supervisor's names.
    static func virtualCounterpart(_ number: UInt16) -> UInt16? {
        switch number {
        case 0x100, 0x104, 0x105, 0x140...0x144, 0x14d, 0x180: return number + 0x100
        default: return nil
        }
    }

    // MARK: Access

    private func checkAccess(_ number: UInt16, writes: Bool) throws(Fault) {
        let s = state
        guard exists(number) else { throw illegalInstruction() }
        // Bits 11:10 say read-only, bits 9:8 the least privilege.
        if writes && number >> 10 == 3 { throw illegalInstruction() }
        let needed = UInt8(number >> 8 & 3)
        let privilege = s.pointee.privilege
        if privilege == .machine { return }
        if needed == 3 { throw illegalInstruction() }
        if s.pointee.virtual {
            // Level 2 is the hypervisor's; VU may not touch level 1 either. It is a virtual instruction where HS-mode
            // could have made the same access, TVM aside, and illegal where the machine level withholds it from HS-mode
            // too (section "Trap Cause Codes" of the hypervisor extension).
            if needed == 2 || (needed == 1 && privilege == .user) {
                throw isWithheldByMachine(number) ? illegalInstruction() : virtualInstruction()
            }
        } else if privilege == .user && needed != 0 {
            throw illegalInstruction()
        }
        try checkGates(number)
    }

    /// The enables that higher levels keep over single registers.
    private func checkGates(_ number: UInt16) throws(Fault) {
        let s = state
        let virtual = s.pointee.virtual
        if isWithheldByMachine(number) { throw illegalInstruction() }
        switch number {
        case 0x180:
            if virtual {
                if s.pointee.hstatus & HypervisorStatus.vtvm != 0 { throw virtualInstruction() }
            } else if s.pointee.mstatus & Status.tvm != 0 {
                throw illegalInstruction()
            }
        case 0x680: if s.pointee.mstatus & Status.tvm != 0 { throw illegalInstruction() }
        case 0x14d, 0x24d:
            guard virtual else { break }
            let timer: UInt64 = 2
            guard s.pointee.hcounteren & timer != 0,
                s.pointee.henvcfg & RISCV.State.EnvironmentConfiguration.stce != 0
            else {
                throw virtualInstruction()
            }
        case 0xc00...0xc1f:
            let bit: UInt64 = 1 << UInt64(number & 31)
            if virtual {
                if s.pointee.hcounteren & bit == 0 { throw virtualInstruction() }
                if s.pointee.privilege == .user && s.pointee.scounteren & bit == 0 { throw virtualInstruction() }
            } else if s.pointee.privilege == .user && s.pointee.scounteren & bit == 0 {
                throw illegalInstruction()
            }
        default:
            // Smstateen: for V=1 the bit in hstateen must be set too.
            guard virtual, let enable = stateEnable(number) else { break }
            if s.pointee.hstateen[enable.index] & enable.bit == 0 { throw virtualInstruction() }
        }
    }

    /// Whether a register of the machine level keeps this one from every mode below M, whatever V is.
    private func isWithheldByMachine(_ number: UInt16) -> Bool {
        let s = state
        switch number {
        case 0x14d, 0x24d:
            let timer: UInt64 = 2
            return s.pointee.mcounteren & timer == 0
                || s.pointee.menvcfg & RISCV.State.EnvironmentConfiguration.stce == 0
        case 0xc00...0xc1f: return s.pointee.mcounteren & 1 << UInt64(number & 31) == 0
        default:
            guard let enable = stateEnable(number) else { return false }
            return s.pointee.mstateen[enable.index] & enable.bit == 0
        }
    }

    /// The bit of which mstateen, and hstateen, that governs the register, if one does (Smstateen).
    private func stateEnable(_ number: UInt16) -> (index: Int, bit: UInt64)? {
        guard features.contains(.smstateen) else { return nil }
        switch number {
        case 0x10a, 0x60a: return (0, RISCV.StateEnable.environment)
        case 0x10c...0x10f: return (Int(number - 0x10c), RISCV.StateEnable.lower)
        case 0x60c...0x60f: return (Int(number - 0x60c), RISCV.StateEnable.lower)
        default: return nil
        }
    }

    /// Whether this hart has the register at all.
    func exists(_ number: UInt16) -> Bool {
        switch number {
        case 0x001...0x003, 0xc00...0xc1f, 0x100, 0x104...0x106, 0x10a, 0x140...0x144, 0x180, 0x300...0x306,
            0x30a, 0x320, 0x323...0x33f, 0x340...0x344, 0x3a0, 0x3a2, 0x3b0...0x3bf, 0x7a0...0x7a4, 0xb00,
            0xb02...0xb1f, 0xf11...0xf15:
            return true
        case 0x10c...0x10f, 0x30c...0x30f: return features.contains(.smstateen)
        case 0x60c...0x60f: return features.contains([.smstateen, .h])
        case 0x14d: return features.contains(.sstc)
        case 0x24d: return features.contains([.sstc, .h])
        case 0xda0: return features.contains(.sscofpmf)
        case 0x34a, 0x34b, 0x200, 0x204, 0x205, 0x240...0x244, 0x280, 0x600, 0x602...0x607, 0x60a, 0x643, 0x644,
            0x645, 0x64a, 0x680, 0xe12:
            return features.contains(.h)
        default: return false
        }
    }

    // MARK: Reading

    func readCSR(_ number: UInt16) throws(Fault) -> UInt64 {
        let s = state
        if let plain = RISCV.PlainRegister(number) { return plain.read(s) }
        switch number {
        case 0x001:
            try requireFloat()
            return UInt64(s.pointee.core.floatFlags)
        case 0x002:
            try requireFloat()
            return UInt64(s.pointee.core.floatRounding)
        case 0x003:
            try requireFloat()
            return UInt64(s.pointee.core.floatRounding) << 5 | UInt64(s.pointee.core.floatFlags)
        case 0x100: return Self.summarised(s.pointee.mstatus & Self.supervisorStatusMask | Status.uxl64)
        case 0x104: return s.pointee.mie & s.pointee.mideleg & ~Self.hypervisorInterrupts
        case 0x105: return s.pointee.stvec
        case 0x10a: return s.pointee.senvcfg
        case 0x10c...0x10f: return s.pointee.sstateen[Int(number - 0x10c)]
        case 0x144: return pending & s.pointee.mideleg & ~Self.hypervisorInterrupts
        case 0x14d: return s.pointee.stimecmp
        case 0x180: return s.pointee.satp
        case 0x200: return Self.summarised(s.pointee.vsstatus)
        case 0x204: return (s.pointee.mie & s.pointee.hideleg & Self.virtualInterrupts) >> 1
        case 0x205: return s.pointee.vstvec
        case 0x244: return (pending & s.pointee.hideleg & Self.virtualInterrupts) >> 1
        case 0x24d: return s.pointee.vstimecmp
        case 0x280: return s.pointee.vsatp
        case 0x300: return Self.summarised(s.pointee.mstatus)
        case 0x301: return misa
        case 0x302: return s.pointee.medeleg
        case 0x303: return s.pointee.mideleg
        case 0x304: return s.pointee.mie
        case 0x305: return s.pointee.mtvec
        case 0x30a: return s.pointee.menvcfg
        case 0x30c...0x30f: return s.pointee.mstateen[Int(number - 0x30c)]
        case 0x320: return s.pointee.mcountinhibit
        case 0x323...0x33f: return s.pointee.mhpmevent[Int(number & 31)]
        case 0x344: return pending
        case 0x3a0, 0x3a2: return protectionConfiguration(number)
        case 0x3b0...0x3bf: return s.pointee.pmpaddr[Int(number - 0x3b0)]
        case 0x602: return s.pointee.hedeleg
        case 0x603: return s.pointee.hideleg
        case 0x604: return s.pointee.mie & Self.hypervisorInterrupts
        case 0x605: return s.pointee.htimedelta
        // No guest external interrupts: GEILEN is 0.
        case 0x607, 0xe12: return 0
        case 0x60a: return henvcfg
        case 0x60c...0x60f: return s.pointee.hstateen[Int(number - 0x60c)] & s.pointee.mstateen[Int(number - 0x60c)]
        case 0x644: return pending & Self.hypervisorInterrupts
        case 0x645: return s.pointee.mip & Self.virtualInterrupts
        case 0x680: return s.pointee.hgatp
        // No trigger is implemented: type 0.
        case 0x7a0...0x7a3: return 0
        case 0x7a4: return 1
        case 0xb00, 0xb02...0xb1f: return readCounter(Int(number & 31))
        case 0xc01: return guestTime(environment.time)
        case 0xc00, 0xc02...0xc1f: return readCounter(Int(number & 31))
        case 0xda0: return counterOverflows
        case 0xf14: return UInt64(identifier)
        // mvendorid, marchid, mimpid, mconfigptr: not implemented, not registered.
        case 0xf11...0xf13, 0xf15: return 0
        default: throw illegalInstruction()
        }
    }

    /// The machine's time as `time` shows it.
    private func guestTime(_ time: UInt64) -> UInt64 {
        time &+ (state.pointee.virtual ? state.pointee.htimedelta : 0)
    }

    private func requireFloat() throws(Fault) {
        if state.pointee.core.floatEnabled == 0 { throw illegalInstruction() }
    }

    /// SD is the summary of FS.
    private static func summarised(_ status: UInt64) -> UInt64 {
        status & Status.fs == Status.fs ? status | Status.sd : status
    }

    var misa: UInt64 {
        var letters = "IMAFDCSU"
        if features.contains(.h) { letters += "H" }
        return letters.utf8.reduce(2 << 62) { $0 | 1 << UInt64($1 - 65) }
    }

    static let supervisorStatusMask =
        Status.sie | Status.spie | Status.spp | Status.fs | Status.sum | Status.mxr
    static var hypervisorInterrupts: UInt64 {
        virtualInterrupts | 1 << RISCV.Interrupt.supervisorGuestExternal
    }

    /// henvcfg as it reads: what menvcfg withholds reads as zero.
    var henvcfg: UInt64 {
        typealias Configuration = RISCV.State.EnvironmentConfiguration
        let shared = Configuration.adue | Configuration.pbmte | Configuration.stce
        return state.pointee.henvcfg & (state.pointee.menvcfg | ~shared)
    }

    /// Moves the interpreter's note that a floating-point register was written into the status registers' FS fields.
    func foldFloatDirty() {
        guard state.pointee.core.floatDirty != 0 else { return }
        state.pointee.core.floatDirty = 0
        state.pointee.mstatus |= Status.fs
        if state.pointee.virtual { state.pointee.vsstatus |= Status.fs }
    }

    // MARK: Writing

    func writeCSR(_ number: UInt16, _ value: UInt64) throws(Fault) {
        let s = state
        if let plain = RISCV.PlainRegister(number) { return plain.write(s, value) }
        switch number {
        case 0x001:
            try requireFloat()
            s.pointee.core.floatFlags = UInt8(value & 31)
            s.pointee.core.floatDirty = 1
        case 0x002:
            try requireFloat()
            s.pointee.core.floatRounding = UInt8(value & 7)
            s.pointee.core.floatDirty = 1
        case 0x003:
            try requireFloat()
            s.pointee.core.floatFlags = UInt8(value & 31)
            s.pointee.core.floatRounding = UInt8(value >> 5 & 7)
            s.pointee.core.floatDirty = 1
        case 0x100:
            changeMachineStatus(Self.supervisorStatusMask, value)
        case 0x104:
            s.pointee.mie.replace(s.pointee.mideleg & Self.supervisorInterrupts(features), by: value)
            interruptEnablesChanged()
        case 0x105: s.pointee.stvec = Self.vector(value)
        case 0x10a: s.pointee.senvcfg = environmentConfiguration(s.pointee.senvcfg, value, Self.senvcfgMask(features))
        // None of the state that sstateen governs is here.
        case 0x10c...0x10f: break
        case 0x144:
            s.pointee.mip.replace(s.pointee.mideleg & Self.writablePending(features), by: value)
            interruptEnablesChanged()
        case 0x14d:
            s.pointee.stimecmp = value
            comparatorsChanged()
        case 0x180:
            if let root = validRoot(value) {
                s.pointee.satp = root
                rootChanged(virtual: false)
            }
        case 0x200:
            let old = s.pointee.vsstatus
            s.pointee.vsstatus.replace(Self.supervisorStatusMask, by: value)
            statusChanged(old ^ s.pointee.vsstatus, virtual: true)
        case 0x204:
            s.pointee.mie.replace(s.pointee.hideleg & Self.virtualInterrupts, by: value << 1)
            interruptEnablesChanged()
        case 0x205: s.pointee.vstvec = Self.vector(value)
        case 0x244:
            let mask = s.pointee.hideleg & 1 << RISCV.Interrupt.virtualSupervisorSoftware
            s.pointee.mip.replace(mask, by: value << 1)
            interruptEnablesChanged()
        case 0x24d:
            s.pointee.vstimecmp = value
            comparatorsChanged()
        case 0x280:
            if let root = validRoot(value) {
                s.pointee.vsatp = root
                rootChanged(virtual: true)
            }
        case 0x300: writeMachineStatus(value)
        // Every bit of misa is fixed.
        case 0x301: break
        case 0x302: s.pointee.medeleg = value & Self.delegableExceptions(features)
        case 0x303:
            s.pointee.mideleg.replace(Self.supervisorInterrupts(features), by: value)
            interruptEnablesChanged()
        case 0x304:
            s.pointee.mie = value & Self.machineInterrupts(features)
            interruptEnablesChanged()
        case 0x305: s.pointee.mtvec = Self.vector(value)
        case 0x30a:
            s.pointee.menvcfg = environmentConfiguration(s.pointee.menvcfg, value, Self.menvcfgMask(features))
            translationRulesChanged()
            comparatorsChanged()
        case 0x30c...0x30f: s.pointee.mstateen[Int(number - 0x30c)] = value & Self.stateEnableMask(number & 3)
        case 0x320:
            updateCounters()
            inhibitCounters(value & 0xffff_fffd)
        case 0x323...0x33f: writeEvent(Int(number & 31), value)
        case 0x344: writeMachinePending(value)
        case 0x3a0, 0x3a2: writeProtectionConfiguration(number, value)
        case 0x3b0...0x3bf: writeProtectionAddress(Int(number - 0x3b0), value)
        case 0x602: s.pointee.hedeleg = value & Self.guestDelegableExceptions
        case 0x603:
            s.pointee.hideleg = value & Self.virtualInterrupts
            interruptEnablesChanged()
        case 0x604:
            s.pointee.mie.replace(Self.hypervisorInterrupts, by: value)
            interruptEnablesChanged()
        case 0x605:
            s.pointee.htimedelta = value
            comparatorsChanged()
        case 0x607: break
        case 0x60a:
            s.pointee.henvcfg = environmentConfiguration(s.pointee.henvcfg, value, Self.menvcfgMask(features))
            translationRulesChanged()
            comparatorsChanged()
        case 0x60c...0x60f:
            let index = Int(number - 0x60c)
            s.pointee.hstateen[index].replace(
                s.pointee.mstateen[index] & Self.stateEnableMask(number & 3), by: value)
        case 0x644:
            s.pointee.mip.replace(1 << RISCV.Interrupt.virtualSupervisorSoftware, by: value)
            interruptEnablesChanged()
        case 0x645:
            s.pointee.mip.replace(Self.virtualInterrupts, by: value)
            interruptEnablesChanged()
        case 0x680: writeGuestRoot(value)
        case 0x7a0...0x7a4: break
        case 0xb00, 0xb02...0xb1f: writeCounter(Int(number & 31), value)
        default: throw illegalInstruction()
        }
    }

    private func writeMachineStatus(_ value: UInt64) {
        var mask =
            Status.sie | Status.mie | Status.spie | Status.mpie | Status.spp | Status.fs | Status.mprv | Status.sum
            | Status.mxr | Status.tvm | Status.tw | Status.tsr
        // MPP holds U, S or M; 2 is no privilege.
        if value & Status.mpp != 2 << 11 { mask |= Status.mpp }
        if features.contains(.h) { mask |= Status.mpv | Status.gva }
        changeMachineStatus(mask, value)
    }

    private func writeMachinePending(_ value: UInt64) {
        var mask: UInt64 = 1 << RISCV.Interrupt.supervisorSoftware | 1 << RISCV.Interrupt.supervisorExternal
        mask |= Self.overflowInterrupt(features)
        // With Sstc in force, STIP is the comparator's alone.
        if state.pointee.menvcfg & RISCV.State.EnvironmentConfiguration.stce == 0 {
            mask |= 1 << RISCV.Interrupt.supervisorTimer
        }
        if features.contains(.h) { mask |= 1 << RISCV.Interrupt.virtualSupervisorSoftware }
        state.pointee.mip.replace(mask, by: value)
        interruptEnablesChanged()
    }

    // MARK: Legal values

    /// Direct and vectored are the modes; the others are reserved and read as direct.
    private static func vector(_ value: UInt64) -> UInt64 { value & 2 == 0 ? value : value & ~3 }

    static func supervisorInterrupts(_ features: RISCV.Features) -> UInt64 {
        1 << RISCV.Interrupt.supervisorSoftware | 1 << RISCV.Interrupt.supervisorTimer
            | 1 << RISCV.Interrupt.supervisorExternal | overflowInterrupt(features)
    }

    /// Of sip, where they are delegated.
    static func writablePending(_ features: RISCV.Features) -> UInt64 {
        1 << RISCV.Interrupt.supervisorSoftware | overflowInterrupt(features)
    }

    private static func overflowInterrupt(_ features: RISCV.Features) -> UInt64 {
        features.contains(.sscofpmf) ? 1 << RISCV.Interrupt.localCounterOverflow : 0
    }

    private static func machineInterrupts(_ features: RISCV.Features) -> UInt64 {
        var bits = supervisorInterrupts(features)
        bits |= 1 << RISCV.Interrupt.machineSoftware | 1 << RISCV.Interrupt.machineTimer
        bits |= 1 << RISCV.Interrupt.machineExternal
        return features.contains(.h) ? bits | hypervisorInterrupts : bits
    }

    private static func delegableExceptions(_ features: RISCV.Features) -> UInt64 {
        // All but the call from machine mode, which never comes from below.
        features.contains(.h) ? 0xf0_b7ff : 0xb3ff
    }

    /// Calls from VS and HS, and guest-page faults, are never the guest's own (table "hedeleg").
    private static let guestDelegableExceptions: UInt64 = 0xb1ff

    private static func senvcfgMask(_ features: RISCV.Features) -> UInt64 {
        typealias Configuration = RISCV.State.EnvironmentConfiguration
        var mask = Configuration.fiom
        if features.contains(.zicbom) { mask |= Configuration.cbie | Configuration.cbcfe }
        if features.contains(.zicboz) { mask |= Configuration.cbze }
        return mask
    }

    private static func menvcfgMask(_ features: RISCV.Features) -> UInt64 {
        typealias Configuration = RISCV.State.EnvironmentConfiguration
        var mask = senvcfgMask(features)
        if features.contains(.svadu) { mask |= Configuration.adue }
        if features.contains(.svpbmt) { mask |= Configuration.pbmte }
        if features.contains(.sstc) { mask |= Configuration.stce }
        return mask
    }

    /// CBIE = 2 is reserved: such a write leaves the field as it was.
    private func environmentConfiguration(_ old: UInt64, _ value: UInt64, _ mask: UInt64) -> UInt64 {
        typealias Configuration = RISCV.State.EnvironmentConfiguration
        var mask = mask
        if value & Configuration.cbie == 2 << 4 { mask &= ~Configuration.cbie }
        var new = old
        new.replace(mask, by: value)
        return new
    }

    private static func stateEnableMask(_ index: UInt16) -> UInt64 {
        index == 0 ? RISCV.StateEnable.lower | RISCV.StateEnable.environment : RISCV.StateEnable.lower
    }

    /// satp and vsatp as they would be after a write; nil where the mode is not supported and nothing changes.
    func validRoot(_ value: UInt64) -> UInt64? {
        switch value >> 60 {
        case 0: return value & 0x0fff_ffff_ffff_ffff
        case 8: return value
        case 9: return features.contains(.sv48) ? value : nil
        case 10: return features.contains(.sv57) ? value : nil
        default: return nil
        }
    }

    /// The levels with that V have another address space.
    private func rootChanged(virtual: Bool) {
        state.pointee.contexts[Self.place(.user, virtual: virtual)] = 0
        let supervisor = Self.place(.supervisor, virtual: virtual)
        state.pointee.contexts[supervisor] = 0
        state.pointee.contexts[supervisor + 1] = 0
        levelChanged()
        stopSoon()
    }

    /// hgatp: 14 bits of VMID, a root of four pages; an unsupported mode leaves the mode as it was (section "Hypervisor
    /// Guest Address Translation and Protection Register").
    private func writeGuestRoot(_ value: UInt64) {
        let mode = validRoot(value).map { $0 >> 60 } ?? state.pointee.hgatp >> 60
        state.pointee.hgatp = mode << 60 | value & 0x03ff_ffff_ffff_fffc
        rootChanged(virtual: true)
    }

    // MARK: What follows from a write

    private func changeMachineStatus(_ mask: UInt64, _ value: UInt64) {
        let old = state.pointee.mstatus
        state.pointee.mstatus.replace(mask, by: value)
        statusChanged(old ^ state.pointee.mstatus, virtual: false)
    }

    /// - Parameter virtual: whether it is vsstatus whose bits `changed`, and not mstatus.
    private func statusChanged(_ changed: UInt64, virtual: Bool) {
        let context = core.pointee.context
        if changed & Status.mxr != 0 {
            forgetContexts()
        } else if changed & Status.sum != 0 {
            // Only supervisors' accesses depend on it.
            let place = Self.place(.supervisor, virtual: virtual)
            state.pointee.contexts.swapAt(place, place + 1)
        }
        levelChanged()
        if context != core.pointee.context { stopSoon() }
        interruptEnablesChanged()
    }

    private func interruptEnablesChanged() {
        if isObserved { pendingObserver?(pending) }
        if pending & state.pointee.mie != 0 { stopSoon() }
    }

    /// What page-table entries mean has changed for all contexts.
    private func translationRulesChanged() {
        pool.flushAll()
        stopSoon()
    }

    // MARK: Physical memory protection

    private func protectionConfiguration(_ number: UInt16) -> UInt64 {
        let first = number == 0x3a0 ? 0 : 8
        return (0..<8).reduce(0) { $0 | UInt64(state.pointee.pmpcfg[first + $1]) << UInt64(8 * $1) }
    }

    private func writeProtectionConfiguration(_ number: UInt16, _ value: UInt64) {
        let first = number == 0x3a0 ? 0 : 8
        for index in 0..<8 where state.pointee.pmpcfg[first + index] & RISCV.Protection.lock == 0 {
            let byte = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) & 0x9f
            // Writable but not readable is reserved.
            state.pointee.pmpcfg[first + index] = byte & 3 == 2 ? byte & ~2 : byte
        }
        protectionChanged()
    }

    private func writeProtectionAddress(_ index: Int, _ value: UInt64) {
        let isLocked = state.pointee.pmpcfg[index] & RISCV.Protection.lock != 0
        // A locked top-of-range entry locks the address below it too.
        let next = index < 15 ? state.pointee.pmpcfg[index + 1] : 0
        guard !isLocked, next & (RISCV.Protection.lock | 0x18) != RISCV.Protection.lock | 8 else { return }
        state.pointee.pmpaddr[index] = value & (1 << 54 - 1)
        protectionChanged()
    }

    private func protectionChanged() {
        protection.update(state)
        updateDirectMemory()
        pool.flushAll()
        privilegeChanged()
        stopSoon()
    }
}

extension RISCV {
    /// Bits of the stateen registers that govern something here.
    enum StateEnable {
        /// The next lower level's stateen registers.
        static let lower: UInt64 = 1 << 63
        /// henvcfg and senvcfg.
        static let environment: UInt64 = 1 << 62
    }
}

extension UInt64 {
    /// Takes the bits of `mask` from `value`.
    @inline(__always)
    mutating func replace(_ mask: UInt64, by value: UInt64) {
        self = self & ~mask | value & mask
    }
}
