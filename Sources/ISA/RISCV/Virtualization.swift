/// Fences, the hypervisor's loads and stores, cache blocks, and the transformed instructions of htinst.
extension RISCV.Hart {
    // MARK: Fences

    /// SFENCE.VMA, SINVAL.VMA. In VS-mode it is a fence of the guest's own first stage.
    func supervisorFence(address: UInt64?, space: UInt64?) throws(Fault) {
        let s = state
        if s.pointee.virtual {
            if s.pointee.privilege == .user || s.pointee.hstatus & HypervisorStatus.vtvm != 0 {
                throw virtualInstruction()
            }
            dropVirtual(address: address, space: space)
            return
        }
        guard s.pointee.privilege != .user,
            s.pointee.privilege == .machine || s.pointee.mstatus & Status.tvm == 0
        else { throw illegalInstruction() }
        pool.forEach { context in
            guard context.pointee.key.mode & Self.guestContext == 0 else { return }
            drop(context, address: address, space: space)
        }
    }

    /// SFENCE.W.INVAL and SFENCE.INVAL.IR order only; they are legal in HS and VS.
    func checkFenceOrder() throws(Fault) {
        if state.pointee.privilege == .user {
            throw state.pointee.virtual ? virtualInstruction() : illegalInstruction()
        }
    }

    /// HFENCE.VVMA, HINVAL.VVMA: the first stage of the guest that hgatp names.
    func virtualFence(address: UInt64?, space: UInt64?) throws(Fault) {
        try requireHypervisor()
        dropVirtual(address: address, space: space)
    }

    /// HFENCE.GVMA, HINVAL.GVMA: the second stage. Entries hold both stages together and know no guest-physical
    /// address, so all of the guest's go.
    func guestFence(guest: UInt64?) throws(Fault) {
        try requireHypervisor()
        if state.pointee.privilege == .supervisor && state.pointee.mstatus & Status.tvm != 0 {
            throw illegalInstruction()
        }
        pool.forEach { context in
            let key = context.pointee.key
            guard key.mode & Self.guestContext != 0 else { return }
            if let guest, Self.guest(of: key.secondStage) != guest & 0x3fff { return }
            context.pointee.flush()
        }
    }

    /// Hypervisor instructions: legal in HS and M; V=1 gets the virtual-instruction exception.
    private func requireHypervisor() throws(Fault) {
        if state.pointee.virtual { throw virtualInstruction() }
        if state.pointee.privilege == .user { throw illegalInstruction() }
    }

    private func dropVirtual(address: UInt64?, space: UInt64?) {
        let guest = Self.guest(of: state.pointee.hgatp)
        pool.forEach { context in
            let key = context.pointee.key
            guard key.mode & Self.guestContext != 0, Self.guest(of: key.secondStage) == guest else { return }
            drop(context, address: address, space: space)
        }
    }

    /// Global pages need no thought: each context has its own copy, and dropping too much is allowed.
    private func drop(
        _ context: UnsafeMutablePointer<TranslationContext>, address: UInt64?, space: UInt64?
    ) {
        if let space, Self.space(of: context.pointee.key.firstStage) != space & 0xffff { return }
        if let address { context.pointee.flush(page: address) } else { context.pointee.flush() }
    }

    private static func space(of root: UInt64) -> UInt64 { root >> 44 & 0xffff }
    private static func guest(of root: UInt64) -> UInt64 { root >> 44 & 0x3fff }

    // MARK: Accessing a guest's memory

    /// The mode of HLV and HSV: as the guest would, at the privilege that SPVP says.
    private func guestMode() throws(Fault) -> RISCV.AccessMode {
        let s = state
        if s.pointee.virtual { throw virtualInstruction() }
        if s.pointee.privilege == .user && s.pointee.hstatus & HypervisorStatus.hu == 0 {
            throw illegalInstruction()
        }
        return mode(
            s.pointee.hstatus & HypervisorStatus.spvp != 0 ? .supervisor : .user, virtual: true)
    }

    func hypervisorLoad(_ address: UInt64, _ width: Width, execute: Bool) throws(Fault) -> UInt64 {
        var mode = try guestMode()
        mode.readsExecutable = execute
        return try load(address, width, mode, caches: false)
    }

    func hypervisorStore(_ address: UInt64, _ value: UInt64, _ width: Width) throws(Fault) {
        try store(address, value, width, try guestMode(), caches: false)
    }

    // MARK: Cache blocks

    static let cacheBlockSize: UInt64 = 64

    /// CBO.INVAL (0), CBO.CLEAN (1), CBO.FLUSH (2), CBO.ZERO (4): the environment-configuration registers of each level
    /// above must allow it (volume I, "Control and Status Register State" of the CMO extensions).
    func cacheBlock(_ kind: UInt64, address: UInt64) throws(Fault) {
        typealias Configuration = RISCV.State.EnvironmentConfiguration
        let s = state
        let gate = kind == 4 ? Configuration.cbze : kind == 0 ? Configuration.cbie : Configuration.cbcfe
        if s.pointee.privilege != .machine {
            if s.pointee.menvcfg & gate == 0 { throw illegalInstruction() }
            if s.pointee.virtual {
                if s.pointee.henvcfg & gate == 0
                    || (s.pointee.privilege == .user && s.pointee.senvcfg & gate == 0)
                {
                    throw virtualInstruction()
                }
            } else if s.pointee.privilege == .user && s.pointee.senvcfg & gate == 0 {
                throw illegalInstruction()
            }
        }
        let mode = dataMode
        if kind == 4 {
            // Faults are reported for the address that software gave.
            let physical = try translate(address, .write, mode).physical & ~(Self.cacheBlockSize - 1)
            guard
                protection.allows(physical, Self.cacheBlockSize, .write, machine: mode.privilege == .machine),
                let region = memory.region(containing: physical, count: Self.cacheBlockSize), !region.isReadOnly
            else { throw accessFault(.write, mode, address) }
            if debugStops.watchesData { reportZeroing(address & ~(Self.cacheBlockSize - 1), physical) }
            memory.willChange(physical, count: Self.cacheBlockSize)
            (region.host + Int(physical - region.base)).initializeMemory(
                as: UInt8.self, repeating: 0, count: Int(Self.cacheBlockSize))
            memory.noteWrite(physical, count: Self.cacheBlockSize, isExamined: false)
            return
        }
        // There is no cache, so nothing to do; but the access must be permitted: as a load or as a store, and a fault is
        // a store's.
        do throws(Fault) {
            try checkBlock(address, .read, mode)
        } catch {
            try checkBlock(address, .write, mode)
        }
    }

    private func checkBlock(_ address: UInt64, _ access: RISCV.Access, _ mode: RISCV.AccessMode) throws(Fault) {
        let physical = try translate(address, access, mode).physical & ~(Self.cacheBlockSize - 1)
        guard
            protection.allows(physical, Self.cacheBlockSize, access, machine: mode.privilege == .machine),
            memory.region(containing: physical, count: Self.cacheBlockSize) != nil
        else { throw accessFault(access, mode, address) }
    }

    // MARK: Transformed instructions

    /// What mtinst or htinst shows of the load or store `word` that faulted at `address` (section "Transformed
    /// Instruction or Pseudoinstruction for mtinst or htinst").
    ///
    /// The source register's field takes the offset of the faulting address from the access's own, which differs from 0
    /// only for the second page of a misaligned access. A compressed instruction becomes its 32-bit form with bit 1
    /// clear.
    func transformed(_ word: UInt32, faulting address: UInt64) -> UInt64 {
        let place = transformations + Int((word ^ word >> 7 ^ word >> 15) % UInt32(Self.transformationCount))
        if place.pointee.word != word { place.pointee = transformation(word) }
        let known = place.pointee
        guard known.bits != 0 else { return 0 }
        let base = UnsafeMutableRawPointer(state).assumingMemoryBound(to: UInt64.self)[Int(known.base)]
        let effective = base &+ UInt64(bitPattern: Int64(known.offset))
        let result = known.bits | (UInt32(truncatingIfNeeded: address &- effective) & 31) << 15
        return UInt64(known.isCompressed ? result & ~2 : result)
    }

    static let transformationCount = 64

    /// What is known of a word whatever it faults at.
    struct Transformation {
        /// No instruction is 0.
        var word: UInt32 = 0
        /// Without the source register's field; 0 where nothing is shown.
        var bits: UInt32 = 0
        /// The register of the base, and what is added to it.
        var base: UInt8 = 0
        var isCompressed = false
        var offset: Int32 = 0
    }

    private func transformation(_ word: UInt32) -> Transformation {
        let none = Transformation(word: word)
        guard let encoding = decoder.encoding(of: word) else { return none }
        let slot = encoding.decode(encoding.length == 2 ? word & 0xffff : word)
        var result = Transformation(word: word, base: slot.rs1, isCompressed: encoding.length == 2)
        var full = word
        if result.isCompressed {
            guard let wide = RISCV.Encoding.all.first(where: { $0.length == 4 && $0.operation == encoding.operation })
            else { return none }
            let rd = slot.rd == DecodedSlot.sink ? 0 : UInt32(slot.rd) % UInt32(RISCV.firstFloatRegister)
            let rs2 = UInt32(slot.rs2) % UInt32(RISCV.firstFloatRegister)
            full = wide.match
            if full & 0x7f == 0x03 || full & 0x7f == 0x07 { full |= rd << 7 } else { full |= rs2 << 20 }
        }
        switch full & 0x7f {
        case 0x03, 0x07:  // loads
            result.bits = full & 0x7fff
            result.offset = slot.immediate
        case 0x23, 0x27:  // stores
            result.bits = full & 0x01f0_707f
            result.offset = slot.immediate
        case 0x2f, 0x73, 0x0f:  // atomics, hypervisor loads and stores, cache blocks
            result.bits = full & ~0x000f_8000
        default: return none
        }
        return result
    }
}
