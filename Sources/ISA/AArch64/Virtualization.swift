import ISA

/// System instructions: maintenance of caches and TLBs, and address translation (C5.3 to C5.5), with what EL2 traps of them.
///
/// No cache is here, and decoded code follows memory by itself, so that of cache maintenance only its faults and traps are
/// left, and the zeros of DC ZVA. TLB maintenance drops what it names from the translation contexts that it names, and at
/// times more, which is allowed: an ASID is not looked at, and an intermediate address stands for all of its guest's.
extension AArch64.ProcessingElement {
    private typealias Class = AArch64.ExceptionClass
    private typealias Configuration = AArch64.HypervisorConfiguration

    /// Bits of SCTLR_EL1 and SCTLR_EL2 that let EL0 maintain caches, and of HCR_EL2 that trap it.
    private enum Trap {
        static let dze: UInt64 = 1 << 14, uci: UInt64 = 1 << 26
        static let tsw: UInt64 = 1 << 22, tpcp: UInt64 = 1 << 23, tpu: UInt64 = 1 << 24, ttlb: UInt64 = 1 << 25
        static let tdz: UInt64 = 1 << 28, ticab: UInt64 = 1 << 50, tocu: UInt64 = 1 << 52
        static let ttlbis: UInt64 = 1 << 54, ttlbos: UInt64 = 1 << 55
    }

    /// A SYS instruction by its fields.
    private struct Instruction {
        let op1: UInt8, crn: UInt8, crm: UInt8, op2: UInt8
        let target: UInt8

        init(_ key: UInt16, target: UInt8) {
            func field(_ low: UInt16, _ mask: UInt16) -> UInt8 { UInt8(truncatingIfNeeded: key >> low & mask) }
            (op1, crn, crm, op2) = (field(11, 7), field(7, 15), field(3, 15), field(0, 7))
            self.target = target
        }

        /// ISS of a trapped instruction, whose op0 is 1.
        var syndrome: UInt64 {
            1 << 20 | UInt64(op2) << 17 | UInt64(op1) << 14 | UInt64(crn) << 10 | UInt64(target) << 5 | UInt64(crm) << 1
        }
    }

    /// SYS: its key is op1, CRn, CRm and op2.
    func performSystemInstruction(_ key: UInt16, _ value: UInt64, target: UInt8) throws(Fault) {
        let instruction = Instruction(key, target: target)
        switch instruction.crn {
        case 7 where instruction.crm == 8 || instruction.crm == 9: try translateAddress(instruction, value)
        case 7: try maintainCache(instruction, value)
        case 8: try maintainTLB(instruction, value)
        default: throw undefinedInstruction()
        }
    }

    /// Traps to EL2 from EL1, or EL0 where that is not its host, while any of the bits of HCR_EL2 is set.
    private func trapToHypervisor(_ instruction: Instruction, _ bits: UInt64) throws(Fault) {
        if level < 2, !isHost, hypervisorConfiguration & bits != 0 {
            throw fault(Class.systemRegisterTrapped, instruction.syndrome, level: 2)
        }
    }

    // MARK: Caches

    static let zeroedBlock: UInt64 = 64

    private func maintainCache(_ instruction: Instruction, _ value: UInt64) throws(Fault) {
        let isEL0 = level == 0
        /// What EL0 may do where SCTLR_ELx lets it.
        func checkEL0(_ bit: UInt64) throws(Fault) {
            if isEL0, state.pointee.sctlr[isHost ? 2 : 1] & bit == 0 {
                throw fault(Class.systemRegisterTrapped, instruction.syndrome)
            }
        }
        switch (instruction.op1, instruction.crm, instruction.op2) {
        case (0, 1, 0), (0, 5, 0):  // IC IALLUIS, IALLU
            if isEL0 { throw undefinedInstruction() }
            let shareable = instruction.crm == 1 ? Trap.ticab : 0
            try trapToHypervisor(instruction, Trap.tpu | shareable | evt(Trap.tocu))
        case (0, 6, 1):  // DC IVAC
            if isEL0 { throw undefinedInstruction() }
            try trapToHypervisor(instruction, Trap.tpcp)
            _ = try translate(value, .invalidate, .cacheManagement)
        case (0, 6, 2), (0, 10, 2), (0, 14, 2):  // DC ISW, CSW, CISW
            if isEL0 { throw undefinedInstruction() }
            try trapToHypervisor(instruction, Trap.tsw)
        case (3, 4, 1):  // DC ZVA
            try checkEL0(Trap.dze)
            try trapToHypervisor(instruction, Trap.tdz)
            try zeroBlock(value)
        case (3, 5, 1):  // IC IVAU
            try checkEL0(Trap.uci)
            try trapToHypervisor(instruction, Trap.tpu | evt(Trap.tocu))
            _ = try translate(value, .clean, .cacheManagement)
        case (3, 11, 1):  // DC CVAU
            try checkEL0(Trap.uci)
            try trapToHypervisor(instruction, Trap.tpu | evt(Trap.tocu))
            _ = try translate(value, .clean, .cacheManagement)
        case (3, 10, 1), (3, 14, 1), (3, 12, 1), (3, 13, 1):  // DC CVAC, CIVAC, CVAP, CVADP
            if instruction.crm == 12 && !features.contains(.dpb) || instruction.crm == 13 && !features.contains(.dpb2) {
                throw undefinedInstruction()
            }
            try checkEL0(Trap.uci)
            try trapToHypervisor(instruction, Trap.tpcp)
            _ = try translate(value, .clean, .cacheManagement)
        default: throw undefinedInstruction()
        }
    }

    /// Bits of HCR_EL2 that are there with FEAT_EVT.
    private func evt(_ bits: UInt64) -> UInt64 { features.contains(.evt) ? bits : 0 }

    private func zeroBlock(_ address: UInt64) throws(Fault) {
        do throws(Fault) {
            let block = address & ~(Self.zeroedBlock - 1)
            guard let host = try probe(block, bytes: Self.zeroedBlock, write: true, []) else {
                throw alignmentFault(address, isWrite: true)
            }
            host.initializeMemory(as: UInt8.self, repeating: 0, count: Int(Self.zeroedBlock))
        } catch {
            // The block's first byte is what was accessed, and the operand what is reported.
            core.pointee.fault.value = address
            throw error
        }
    }

    // MARK: Translation

    private func translateAddress(_ instruction: Instruction, _ address: UInt64) throws(Fault) {
        guard level > 0,
            let operation = AArch64.AddressTranslation(
                op1: instruction.op1, crm: instruction.crm, op2: instruction.op2),
            instruction.op1 == 0 || level == 2, !operation.obeysPAN || features.contains(.pan2)
        else { throw undefinedInstruction() }
        let kind: AArch64.TranslationRegime.Kind =
            operation.isOfEL2 ? regimeKind(level: 2) : !operation.usesBothStages && isHost ? .el2Host : .el1
        let regime = regime(kind)
        let pan = state.pointee.pstate & AArch64.PSTATE.pan != 0
        do throws(AArch64.TranslationFault) {
            let found = try operation.translate(
                address, regime, stageTwo, pan: pan, in: AArch64.WalkMemory(memory: memory, ram: ram))
            state.pointee.par = found.par
        } catch {
            if error.isTaken(byATAt: level) {
                throw abort(address, error, isFetch: false, .cacheManagement)
            }
            state.pointee.par = error.par
        }
    }

    // MARK: TLBs

    private func maintainTLB(_ instruction: Instruction, _ value: UInt64) throws(Fault) {
        if level == 0 { throw undefinedInstruction() }
        // CRm: the lower half of the numbers is broadcast, and part of it to the outer-shareable domain.
        let isOuter = instruction.crm == 1 || instruction.crm == 5
        let isRange = instruction.crm == 2 || instruction.crm == 5 || instruction.crm == 6
        let isStageTwo = instruction.op1 == 4 && (instruction.crm == 0 || instruction.crm == 4)
        if isOuter && !features.contains(.tlbios) || isRange && !features.contains(.tlbirange) {
            throw undefinedInstruction()
        }
        if instruction.op1 == 0 {
            let isInner = instruction.crm == 2 || instruction.crm == 3
            try trapToHypervisor(
                instruction, Trap.ttlb | (isInner ? evt(Trap.ttlbis) : 0) | (isOuter ? evt(Trap.ttlbos) : 0))
        } else if instruction.op1 != 4 || level < 2 {
            throw undefinedInstruction()
        }
        let isBroadcast = instruction.crm < 4 || isOuter || (isStageTwo && [0, 3, 4, 7].contains(instruction.op2))
        let kind: AArch64.TranslationRegime.Kind
        let addresses: AArch64.TLBInvalidation?
        switch (instruction.op1, isStageTwo, isRange, instruction.op2) {
        case (_, true, _, _):
            (kind, addresses) = (.el1, nil)
        case (0, _, false, 0), (0, _, false, 2):  // VMALLE1, ASIDE1
            (kind, addresses) = (isHost ? .el2Host : .el1, nil)
        case (0, _, false, 1), (0, _, false, 3), (0, _, false, 5), (0, _, false, 7):
            kind = isHost ? .el2Host : .el1
            addresses = AArch64.TLBInvalidation(virtual: value, granuleBits: regime(kind).granuleBits(at: value << 12))
        case (0, _, true, 1), (0, _, true, 3), (0, _, true, 5), (0, _, true, 7):
            kind = isHost ? .el2Host : .el1
            guard let range = AArch64.TLBInvalidation(virtualRange: value) else { return }
            addresses = range
        case (4, _, false, 0):  // ALLE2
            (kind, addresses) = (regimeKind(level: 2), nil)
        case (4, _, false, 4), (4, _, false, 6):  // ALLE1, VMALLS12E1
            (kind, addresses) = (.el1, nil)
        case (4, _, false, 1), (4, _, false, 5):
            kind = regimeKind(level: 2)
            addresses = AArch64.TLBInvalidation(virtual: value, granuleBits: regime(kind).granuleBits(at: value << 12))
        case (4, _, true, 1), (4, _, true, 5):
            kind = regimeKind(level: 2)
            guard let range = AArch64.TLBInvalidation(virtualRange: value) else { return }
            addresses = range
        default: throw undefinedInstruction()
        }
        // ALLE1 is of all guests.
        let isAllGuests = instruction.op1 == 4 && !isStageTwo && instruction.op2 == 4
        let guest = kind == .el1 && !isAllGuests ? state.pointee.vttbr >> 48 : nil
        if isBroadcast {
            environment.forEachElement { $0.invalidate(kind, guest: guest, addresses) }
        } else {
            invalidate(kind, guest: guest, addresses)
        }
    }

    /// Pages beyond which a range is not dropped page by page.
    private static let longestRange: UInt64 = 64

    /// Drops what contexts of the regime hold.
    /// - Parameters:
    ///   - guest: the VMID whose they are; nil for all.
    ///   - addresses: nil for all.
    func invalidate(
        _ kind: AArch64.TranslationRegime.Kind, guest: UInt64?, _ addresses: AArch64.TLBInvalidation?
    ) {
        pool.forEach { context in
            let key = context.pointee.key
            guard key.mode >> 3 & 3 == UInt64(kind.rawValue), guest == nil || key.secondStage >> 48 == guest else {
                return
            }
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
}
