import ISA

/// What debuggers see: the next instruction, system registers by name, where addresses lead, what exceptions were. Nothing
/// here has an effect on the PE.
extension AArch64.ProcessingElement {
    public var programCounter: UInt64 { state.pointee.core.programCounter }

    /// The bits of the instruction that would be executed next; nil where it could not be fetched.
    public func nextInstruction() -> UInt32? {
        let address = programCounter
        guard address & 3 == 0, case .success(let found) = inspectTranslation(of: address, .execute).result else {
            return nil
        }
        return memory.host(found.physical, count: 4)?.loadUnaligned(as: UInt32.self).littleEndian
    }

    // MARK: System registers

    /// What a register holds, as far as it can be read without effect; nil where there is none of that number, or it
    /// cannot. Registers of two names have what EL1 would read.
    public func systemRegister(_ key: UInt16) -> UInt64? {
        let place = Int(registers.places[Int(key)])
        guard place != 0 else { return nil }
        let entry = registers.entries + place
        if entry.pointee.offset >= 0 {
            // The current one is not where its name is.
            saveStackPointer()
            // SAFETY: the offset is of a field of eight bytes in the state block.
            return UnsafeRawPointer(state).load(fromByteOffset: entry.pointee.offset, as: UInt64.self)
        }
        guard let function = entry.pointee.computed else { return entry.pointee.constant }
        switch function {
        // Reading acknowledges an interrupt, takes a number, or is seen by the clock.
        case .interruptInterface, .interruptHypervisor, .interruptMonitor, .random, .physicalCount, .virtualCount,
            .timerValue:
            return nil
        case .timerControl: return state.pointee.timerControl[entry.pointee.index]
        case .pmcr, .pmcntenset, .pmcntenclr, .pmovsclr, .pmovsset, .pmswinc, .pmselr, .pmceid0, .pmceid1, .pmccntr,
            .pmxevtyper, .pmxevcntr, .pmintenset, .pmintenclr, .pmevcntr, .pmevtyper, .pmccfiltr:
            return nil
        default: return readComputed(function, entry.pointee.index, key)
        }
    }
}

// MARK: While the PE stands

extension AArch64.ProcessingElement {
    /// What a register holds between turns, when counters are up to date and to look at one is not to take it; nil where
    /// reading has an effect all the same.
    public func systemRegisterAtRest(_ key: UInt16) -> UInt64? {
        let entry = registers.entries + Int(registers.places[Int(key)])
        let index = entry.pointee.index
        guard entry.pointee.readLevel < 4 else { return nil }
        switch entry.pointee.computed {
        case .physicalCount: return environment.counter
        case .virtualCount: return environment.counter &- (hasEL2 ? state.pointee.cntvoff : 0)
        case .timerValue: return timerValue(index)
        case .timerControl: return timerControl(index)
        case .pmccntr: return state.pointee.pmccntr
        case .pmevcntr: return index < 31 ? state.pointee.pmevcntr[index] : nil
        case .pmovsclr, .pmovsset: return state.pointee.pmovsset
        case .pmcr, .pmcntenset, .pmcntenclr, .pmselr, .pmceid0, .pmceid1, .pmintenset, .pmintenclr, .pmevtyper,
            .pmccfiltr:
            return readMonitor(entry.pointee.computed ?? .pmselr, index)
        // Reading IAR acknowledges the interrupt.
        case .interruptInterface:
            let number = UInt8(truncatingIfNeeded: key & 0x7f)
            let acknowledging: [AArch64.InterfaceRegister?] = [nil, .iar0, .iar1]
            if acknowledging.contains(AArch64.InterfaceRegister(rawValue: number)) { return nil }
            return readInterruptInterface(number)
        case .interruptHypervisor: return readInterruptHypervisor(UInt8(truncatingIfNeeded: key & 0x7f))
        case .interruptMonitor: return readInterruptMonitor(UInt8(truncatingIfNeeded: key & 0x7f))
        default: return systemRegister(key)
        }
    }

    /// Writes a system register as the highest level would, past all traps. All that follows from it does. A name of EL1
    /// is EL1's register, also where EL2 is a host.
    /// - Returns: false where there is none, or nobody may write it.
    public func setSystemRegister(_ key: UInt16, _ value: UInt64) -> Bool {
        let place = Int(registers.places[Int(key)])
        guard place != 0 else { return false }
        let entry = registers.entries + place
        guard entry.pointee.writeLevel < 4, entry.pointee.offset >= 0 || entry.pointee.computed != nil else {
            return false
        }
        saveStackPointer()
        write(entry, key, value)
        loadStackPointer()
        return true
    }

    /// The system registers that this PE has, by number and name; what is one of several has its number in its name.
    public var systemRegisterList: [(key: UInt16, name: String)] {
        AArch64.systemRegisterNames.compactMap { key, name in
            let place = Int(registers.places[Int(key)])
            guard place != 0 else { return nil }
            let index = registers.entries[place].index
            // Breakpoints are CRm of their number; the others know which one they are.
            let number = name.hasPrefix("DBG") ? Int(key >> 3 & 15) : name.hasPrefix("ICH_LR") ? Int(key & 7) : index
            let full = name.replacing("<n>", with: "\(number)").replacing("<R>", with: "R")
            // IMPLEMENTATION DEFINED ones have no other name.
            return (key, full.contains("<") ? AArch64.encodedName(key) : full)
        }
    }

    /// Writes PSTATE, in the layout of SPSR_ELx (C5.2.18). All that follows from it does.
    /// - Returns: false where it is of no level that the PE has.
    public func setProcessorState(_ value: UInt64) -> Bool {
        typealias PSTATE = AArch64.PSTATE
        let level = Int(value >> 2 & 3)
        let exists = level == 3 ? hasEL3 : level == 2 ? hasEL2 : true
        // M[4] is AArch32; M[1] is reserved, and EL0 has one stack pointer.
        guard exists, value & (PSTATE.aarch32 | 2) == 0, level > 0 || value & PSTATE.spSelect == 0 else { return false }
        if state.pointee.monitorsAreActive { updateMonitors() }
        conditionFlags = value
        setMode(value)
        let known = PSTATE.daif | PSTATE.illegal | PSTATE.branchType | PSTATE.softwareStep | optionalBits
        state.pointee.pstate = state.pointee.pstate & PSTATE.mode | value & known
        contextChanged()
        debugChanged()
        interruptsChanged()
        return true
    }

    /// PSTATE, in the layout of SPSR_ELx.
    public var processorState: UInt64 { state.pointee.pstate | conditionFlags }

    /// The address of the next instruction.
    public func setProgramCounter(_ address: UInt64) { state.pointee.core.programCounter = address }

    /// SP, of the level or EL0's as PSTATE.SP selects.
    public var selectedStackPointer: UInt64 {
        get { state.pointee.core.registers[Int(AArch64.stackPointer)] }
        set { state.pointee.core.registers[Int(AArch64.stackPointer)] = newValue }
    }
}

extension AArch64 {
    /// The system registers that a debugger can show, by number: none that is another one's second name.
    public static let systemRegisterNames: [(key: UInt16, name: String)] = {
        let identification = IdentificationRegister.allCases.map { register in
            let (group, number) = (UInt16(register.rawValue) >> 3, UInt16(register.rawValue) & 7)
            return (key: SystemRegister.key(3, 0, 0, group, number), name: "ID_AA64\(register)_EL1".uppercased())
        }
        return identification
            + SystemRegister.all.compactMap { line in
                let name = line.name.description
                return line.access.host || name.contains("*") ? nil : (key: line.key, name: name)
            }
    }()

    private static let namesByNumber = Dictionary(
        systemRegisterNames.map { ($0.key, $0.name) }, uniquingKeysWith: { first, _ in first })

    /// A register's name, or that of its encoding (D19.1): `S3_0_C15_C2_0`.
    public static func systemRegisterName(_ key: UInt16) -> String {
        namesByNumber[key] ?? encodedName(key)
    }

    fileprivate static func encodedName(_ key: UInt16) -> String {
        "S\(key >> 14 | 2)_\(key >> 11 & 7)_C\(key >> 7 & 15)_C\(key >> 3 & 15)_\(key & 7)"
    }
}

// MARK: Translation

extension AArch64 {
    /// An address's translation, and what was read for it.
    public struct TranslationInspection {
        public let regime: TranslationRegime.Kind
        /// Physical addresses of descriptors and what is there, in the order of the walk; those of stage 2 that a walk of
        /// stage 1 needed are among them.
        public internal(set) var descriptors: [(address: UInt64, value: UInt64)] = []
        public internal(set) var result: Result<Translation, TranslationFault>
    }

    /// Tables that note what is read, and take writes for done.
    fileprivate struct InspectedTables: TranslationTables {
        final class Log {
            var entries: [(address: UInt64, value: UInt64)] = []
        }

        let tables: WalkMemory
        let log = Log()

        func readDescriptor(_ physical: UInt64) -> UInt64? {
            let value = tables.readDescriptor(physical)
            if let value { log.entries.append((physical & ~AArch64.securePhysical, value)) }
            return value
        }

        func compareAndSwap(_ physical: UInt64, old: UInt64, new: UInt64) -> Bool? { true }

        func noteUse(ofDescriptor physical: UInt64, mapping mapped: PhysicalMemory.MappedAddresses) {}
    }

    fileprivate static func inspect(
        _ request: TranslationRequest, _ regime: TranslationRegime, _ second: StageTwo, _ tables: WalkMemory
    ) -> TranslationInspection {
        let inspected = InspectedTables(tables: tables)
        let result = Result { () throws(TranslationFault) in
            try regime.translate(request, second, in: inspected)
        }
        return TranslationInspection(regime: regime.kind, descriptors: inspected.log.entries, result: result)
    }
}

extension AArch64.ProcessingElement {
    /// Translates as an access at `level` would be, or at the current one; but PSTATE.PAN forbids nothing.
    public func inspectTranslation(
        of address: UInt64, _ access: AArch64.TranslationRequest.Access, level: Int? = nil
    ) -> AArch64.TranslationInspection {
        let level = level ?? self.level
        let regime = regime(regimeKind(level: level)).pointee
        let request = AArch64.TranslationRequest(address, access, isPrivileged: level > 0)
        var inspection = AArch64.inspect(request, regime, stageTwo, AArch64.WalkMemory(memory, ram: ram))
        if case .success(let found) = inspection.result { inspection.result = .success(placed(found)) }
        return inspection
    }
}

extension AArch64.ProcessingElement {
    /// Where a guest's physical address leads by the second stage that VTTBR_EL2 has selected, whether or not it is on now;
    /// nil where nothing is mapped.
    public func inspectSecondStage(of intermediate: UInt64) -> UInt64? { walkSecondStage(of: intermediate).physical }

    /// Where the descriptor lies that the second stage's walk of a guest's physical address ends at, be it valid or not; nil
    /// where there is no table.
    public func secondStageDescriptor(of intermediate: UInt64) -> UInt64? {
        walkSecondStage(of: intermediate).descriptors.last?.address
    }

    private func walkSecondStage(
        of intermediate: UInt64
    ) -> (physical: UInt64?, descriptors: [(address: UInt64, value: UInt64)]) {
        let stage = AArch64.StageTwo(
            translationFeatures, hcr: state.pointee.hcr | AArch64.HypervisorConfiguration.vm, vtcr: state.pointee.vtcr,
            vttbr: state.pointee.vttbr, sctlr: state.pointee.sctlr[2])
        var descriptors: [(address: UInt64, value: UInt64)] = []
        for demand: AArch64.Demand in [[.read, .privileged, .query], [.execute, .privileged, .query]] {
            let tables = AArch64.InspectedTables(tables: AArch64.WalkMemory(memory, ram: ram))
            let result = Result { () throws(AArch64.TranslationFault) in
                try stage.translate(intermediate, demand, isWrite: false, in: tables)
            }
            descriptors = tables.log.entries
            if case .success(let found) = result { return (found.physical, descriptors) }
        }
        return (nil, descriptors)
    }
}

// MARK: Exceptions in words

extension AArch64.ProcessingElement.TrapRecord {
    private typealias Class = AArch64.ExceptionClass

    private var exceptionClass: UInt64 { syndrome >> 26 & 0x3f }

    private var isAbort: Bool {
        [Class.instructionAbortLower, Class.instructionAbort, Class.dataAbortLower, Class.dataAbort].contains(
            exceptionClass)
    }

    /// SVC, HVC or SMC.
    public var isCall: Bool {
        kind == .synchronous
            && [Class.supervisorCall, Class.hypervisorCall, Class.secureMonitorCall].contains(exceptionClass)
    }

    /// The address that the exception is about; nil where FAR_ELx means nothing.
    public var address: UInt64? {
        let others = [Class.misalignedProgramCounter, Class.watchpointLower, Class.watchpointLower + 1]
        return kind == .synchronous && (isAbort || others.contains(exceptionClass)) ? faultAddress : nil
    }

    /// The intermediate address of an abort of the second stage, with the offset that HPFAR_EL2 has not.
    public var intermediate: UInt64? {
        let status = syndrome & 0x3f
        let isTranslations = status < 0b010000 || status == 0b101001 || status == 0b101011
        guard kind == .synchronous, isAbort, isTranslations, fromLevel < 2, toLevel == 2, guestPhysical != 0 else {
            return nil
        }
        return (guestPhysical >> 4) << 12 | faultAddress & 4095
    }

    /// What happened, in words.
    public var name: String {
        switch kind {
        case .irq: "IRQ"
        case .fiq: "FIQ"
        case .systemError: "SError"
        case .synchronous: AArch64.exceptionName(syndrome)
        }
    }
}

extension AArch64 {
    private typealias Class = ExceptionClass

    /// The exception that ESR_ELx describes, in words.
    public static func exceptionName(_ syndrome: UInt64) -> String {
        let access = syndrome >> 6 & 1 != 0 ? "of a write" : "of a read"
        switch syndrome >> 26 & 0x3f {
        case Class.unknown: return "undefined instruction"
        case Class.waitTrapped: return syndrome & 1 == 0 ? "trapped WFI" : "trapped WFE"
        case Class.floatingPointTrapped: return "trapped floating point"
        case Class.pointerAuthenticationTrapped: return "trapped pointer authentication"
        case Class.branchTarget: return "branch target exception"
        case Class.illegalExecutionState: return "illegal execution state"
        case Class.supervisorCall: return "SVC #\(syndrome & 0xffff)"
        case Class.hypervisorCall: return "HVC #\(syndrome & 0xffff)"
        case Class.secureMonitorCall: return "trapped SMC #\(syndrome & 0xffff)"
        case Class.systemRegisterTrapped:
            return "trapped \(syndrome & 1 == 0 ? "write of" : "read of") \(trappedRegister(syndrome))"
        case Class.exceptionReturnTrapped: return "trapped ERET"
        case Class.instructionAbortLower, Class.instructionAbort: return "instruction abort: \(faultStatus(syndrome))"
        case Class.dataAbortLower, Class.dataAbort: return "data abort \(access): \(faultStatus(syndrome))"
        case Class.misalignedProgramCounter: return "misaligned program counter"
        case Class.misalignedStackPointer: return "misaligned stack pointer"
        case Class.floatingPointException: return "floating-point exception"
        case Class.systemError: return "SError"
        case Class.breakpointLower, Class.breakpointLower + 1: return "breakpoint"
        case Class.softwareStepLower, Class.softwareStepLower + 1: return "software step"
        case Class.watchpointLower, Class.watchpointLower + 1: return "watchpoint \(access)"
        case Class.breakpointInstruction: return "BRK #\(syndrome & 0xffff)"
        default: return "exception class \(syndrome >> 26 & 0x3f)"
        }
    }

    /// The register of a trapped MRS or MSR; SYS is among them (ISS encoding for an exception from MSR, MRS, or System
    /// instruction execution).
    private static func trappedRegister(_ syndrome: UInt64) -> String {
        func field(_ low: UInt64, _ width: UInt64) -> UInt16 { UInt16(syndrome >> low & (1 << width - 1)) }
        let (op0, op1, op2) = (field(20, 2), field(14, 3), field(17, 3))
        let (crn, crm) = (field(10, 4), field(1, 4))
        guard op0 >= 2 else { return "S\(op0)_\(op1)_C\(crn)_C\(crm)_\(op2)" }
        return systemRegisterName((op0 & 1) << 14 | op1 << 11 | crn << 7 | crm << 3 | op2)
    }

    /// IFSC or DFSC (ISS encoding for an exception from a Data Abort).
    private static func faultStatus(_ syndrome: UInt64) -> String {
        let status = syndrome & 0x3f
        let onWalk = syndrome >> 7 & 1 != 0 ? " on a walk of stage 1" : ""
        switch status {
        case 0b000000...0b000011: return "address size fault, level \(status & 3)\(onWalk)"
        case 0b000100...0b000111: return "translation fault, level \(status & 3)\(onWalk)"
        case 0b001000...0b001011: return "access flag fault, level \(status & 3)\(onWalk)"
        case 0b001100...0b001111: return "permission fault, level \(status & 3)\(onWalk)"
        case 0b010000: return "external abort"
        case 0b010100...0b010111: return "external abort on a walk, level \(status & 3)"
        case 0b010011: return "external abort on a walk, level -1"
        case 0b101001: return "address size fault, level -1\(onWalk)"
        case 0b101011: return "translation fault, level -1\(onWalk)"
        case 0b100001: return "alignment fault"
        case 0b110000: return "TLB conflict"
        case 0b110001: return "unsupported atomic update of a descriptor"
        case 0b110101: return "unsupported exclusive or atomic access"
        default: return "fault status \(status)"
        }
    }
}
