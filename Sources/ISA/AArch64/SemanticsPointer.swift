import ISA

/// The meaning of the instructions of pointer authentication (C3.1.10, C3.2.16, C6.2). Codes are made out of line.
extension AArch64 {
    /// PACIA and AUTIA, and their kin: `register` is signed or authenticated with `modifier`, both by number.
    @inline(__always)
    static func authenticate<E: Emitter>(
        _ e: inout E, _ register: UInt8, _ modifier: UInt8, _ helper: Helper
    ) throws(E.Failure) {
        let pointer = e.register(register == DecodedSlot.sink ? zeroRegister : register)
        let modifier = e.register(modifier)
        let result = try e.call(helper.identifier, pointer, modifier)
        e.setRegister(register, result)
    }

    /// PACGA.
    @inline(__always)
    static func genericCode<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        let data = e.register(i.rn)
        let modifier = e.register(i.rm)
        let result = try e.call(Helper.genericCode.identifier, data, modifier)
        e.setRegister(i.rd, result)
    }

    /// BRAA, BLRAA, RETAA, and their kin.
    /// - Parameter notes: whether the run loop is told.
    @inline(__always)
    static func branchAuthenticated<E: Emitter>(
        _ e: inout E, _ register: UInt8, _ modifier: UInt8, _ helper: Helper, _ hint: JumpHint, notes: Bool = false
    ) throws(E.Failure) {
        let pointer = e.register(register)
        let modifier = e.register(modifier)
        let target = try e.call(helper.identifier, pointer, modifier)
        if notes { try noteBranch(&e, register, hint) }
        if hint == .call {
            let next = e.programCounter(plus: 4)
            e.setRegister(linkRegister, next)
        }
        e.jump(to: target, hint)
    }

    /// LDRAA, LDRAB: the base is authenticated with the modifier 0.
    @inline(__always)
    static func loadAuthenticated<E: Emitter>(
        _ e: inout E, _ i: Operands, _ helper: Helper, writesBack: Bool
    ) throws(E.Failure) {
        let pointer = e.register(i.rn)
        let zero = e.constant(0)
        let base = try e.call(helper.identifier, pointer, zero)
        let distance = e.constant(i.immediateBits)
        let address = e.binary(.add, .double, base, distance)
        let value = try e.load(address, .double, [])
        e.setRegister(i.rd, value)
        if writesBack { e.setRegister(i.rn, address) }
    }

    /// Emits the meaning of `operation`, if it is one of these.
    /// - Parameter notes: whether branches tell the run loop (``noteBranch(_:_:_:)``).
    static func executePointer<E: Emitter>(
        _ operation: Operation, _ e: inout E, _ i: Operands, notesBranch notes: Bool = true
    ) throws(E.Failure) {
        let (rd, rn, zero, sp, link) = (i.rd, i.rn, zeroRegister, stackPointer, linkRegister)
        switch operation {
        case .pacia: try authenticate(&e, rd, rn, .signInstructionA)
        case .pacib: try authenticate(&e, rd, rn, .signInstructionB)
        case .pacda: try authenticate(&e, rd, rn, .signDataA)
        case .pacdb: try authenticate(&e, rd, rn, .signDataB)
        case .autia: try authenticate(&e, rd, rn, .authenticateInstructionA)
        case .autib: try authenticate(&e, rd, rn, .authenticateInstructionB)
        case .autda: try authenticate(&e, rd, rn, .authenticateDataA)
        case .autdb: try authenticate(&e, rd, rn, .authenticateDataB)
        case .paciza: try authenticate(&e, rd, zero, .signInstructionA)
        case .pacizb: try authenticate(&e, rd, zero, .signInstructionB)
        case .pacdza: try authenticate(&e, rd, zero, .signDataA)
        case .pacdzb: try authenticate(&e, rd, zero, .signDataB)
        case .autiza: try authenticate(&e, rd, zero, .authenticateInstructionA)
        case .autizb: try authenticate(&e, rd, zero, .authenticateInstructionB)
        case .autdza: try authenticate(&e, rd, zero, .authenticateDataA)
        case .autdzb: try authenticate(&e, rd, zero, .authenticateDataB)
        case .xpaci: try authenticate(&e, rd, zero, .stripInstruction)
        case .xpacd: try authenticate(&e, rd, zero, .stripData)
        case .xpaclri: try authenticate(&e, link, zero, .stripInstruction)
        case .pacia1716: try authenticate(&e, 17, 16, .signInstructionA)
        case .pacib1716: try authenticate(&e, 17, 16, .signInstructionB)
        case .autia1716: try authenticate(&e, 17, 16, .authenticateInstructionA)
        case .autib1716: try authenticate(&e, 17, 16, .authenticateInstructionB)
        case .paciaz: try authenticate(&e, link, zero, .signInstructionA)
        case .pacibz: try authenticate(&e, link, zero, .signInstructionB)
        case .autiaz: try authenticate(&e, link, zero, .authenticateInstructionA)
        case .autibz: try authenticate(&e, link, zero, .authenticateInstructionB)
        case .paciasp: try authenticate(&e, link, sp, .signInstructionA)
        case .pacibsp: try authenticate(&e, link, sp, .signInstructionB)
        case .autiasp: try authenticate(&e, link, sp, .authenticateInstructionA)
        case .autibsp: try authenticate(&e, link, sp, .authenticateInstructionB)
        case .pacga: try genericCode(&e, i)
        case .braa: try branchAuthenticated(&e, rn, i.rm, .authenticateInstructionA, .plain, notes: notes)
        case .brab: try branchAuthenticated(&e, rn, i.rm, .authenticateInstructionB, .plain, notes: notes)
        case .braaz: try branchAuthenticated(&e, rn, zero, .authenticateInstructionA, .plain, notes: notes)
        case .brabz: try branchAuthenticated(&e, rn, zero, .authenticateInstructionB, .plain, notes: notes)
        case .blraa: try branchAuthenticated(&e, rn, i.rm, .authenticateInstructionA, .call, notes: notes)
        case .blrab: try branchAuthenticated(&e, rn, i.rm, .authenticateInstructionB, .call, notes: notes)
        case .blraaz: try branchAuthenticated(&e, rn, zero, .authenticateInstructionA, .call, notes: notes)
        case .blrabz: try branchAuthenticated(&e, rn, zero, .authenticateInstructionB, .call, notes: notes)
        case .retaa: try branchAuthenticated(&e, link, sp, .authenticateInstructionA, .return)
        case .retab: try branchAuthenticated(&e, link, sp, .authenticateInstructionB, .return)
        case .eretaa: try exceptionReturn(&e, .exceptionReturnA)
        case .eretab: try exceptionReturn(&e, .exceptionReturnB)
        case .ldraa: try loadAuthenticated(&e, i, .authenticateDataA, writesBack: false)
        case .ldrab: try loadAuthenticated(&e, i, .authenticateDataB, writesBack: false)
        case .ldraa_pre: try loadAuthenticated(&e, i, .authenticateDataA, writesBack: true)
        case .ldrab_pre: try loadAuthenticated(&e, i, .authenticateDataB, writesBack: true)
        default: try e.undefined()
        }
    }
}
