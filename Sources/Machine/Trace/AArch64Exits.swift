import AArch64ISA
import ISA

/// Exits of guests of a PE: what they are for.
extension AArch64.ProcessingElement: ExitingProcessor {
    private typealias Class = AArch64.ExceptionClass

    public var guestRoot: UInt64 { state.pointee.vttbr }

    public func observeExits(
        exception: @escaping (ExitingException) -> Void, entry: @escaping () -> Void, wait: @escaping () -> Void
    ) {
        let other = trapObserver
        trapObserver = { [unowned self] trap in
            other?(trap)
            exception(exitingException(trap))
        }
        guestEntryObserver = entry
        waitObserver = { [unowned self] in
            // A guest that is let wait has not left.
            if level == 2 || !hasGuest { wait() }
        }
    }

    public func observeInterrupts(pending: @escaping (UInt64) -> Void, return: @escaping (PrivilegeLevel) -> Void) {
        pendingObserver = pending
        returnObserver = { [unowned self] from in
            `return`(PrivilegeLevel("EL\(from)", isGuests: from < 2 && hasGuest))
        }
    }

    /// What a guest takes comes from the virtual interface.
    public static func pendingBit(_ interrupt: ExceptionRecord) -> UInt64 {
        let isGuests = interrupt.to.isGuests
        switch interrupt.name {
        case "IRQ": return isGuests ? AArch64.Interrupt.virtualIRQ : AArch64.Interrupt.irq
        case "FIQ": return isGuests ? AArch64.Interrupt.virtualFIQ : AArch64.Interrupt.fiq
        default: return 0
        }
    }

    /// Bit 63 of a cause says that it is an interrupt; else it is the class of ESR_EL2 and, of its ISS, what tells what kind
    /// it is: the register that is accessed, the direction of an access, WFI from WFE.
    private static let interrupt: UInt64 = 1 << 63

    /// Told apart are the number of a call, and the intermediate address of an abort.
    func exitingException(_ trap: TrapRecord) -> ExitingException {
        let leaves = trap.fromLevel < 2 && trap.toLevel == 2 && hasGuest
        guard trap.kind == .synchronous else {
            var exception = ExitingException(
                leavesGuest: leaves, isInterrupt: true, cause: Self.interrupt | UInt64(trap.kind.rawValue))
            exception.programCounter = trap.programCounter
            return exception
        }
        let exceptionClass = trap.syndrome >> 26 & 0x3f
        let significant: UInt64 =
            switch exceptionClass {
            case Class.systemRegisterTrapped: 0x3f_fc1f
            case Class.waitTrapped: 1
            case Class.dataAbortLower: 1 << 6
            default: 0
            }
        var exception = ExitingException(
            leavesGuest: leaves, isInterrupt: false, cause: exceptionClass << 26 | trap.syndrome & significant)
        exception.programCounter = trap.programCounter
        switch exceptionClass {
        case Class.hypervisorCall, Class.secureMonitorCall: exception.detail = generalRegister(0)
        case Class.instructionAbortLower, Class.dataAbortLower: exception.detail = trap.intermediate ?? 0
        default: break
        }
        return exception
    }

    public static func exitHasAddress(_ cause: UInt64) -> Bool {
        cause & interrupt == 0 && [Class.instructionAbortLower, Class.dataAbortLower].contains(cause >> 26 & 0x3f)
    }

    public static func exitName(_ cause: UInt64) -> String {
        guard cause & interrupt == 0 else {
            switch AArch64.ExceptionKind(rawValue: UInt8(truncatingIfNeeded: cause)) {
            case .irq: return "IRQ"
            case .fiq: return "FIQ"
            default: return "SError"
            }
        }
        switch cause >> 26 & 0x3f {
        case Class.hypervisorCall: return "HVC"
        case Class.secureMonitorCall: return "SMC"
        case Class.instructionAbortLower: return "instruction abort"
        case Class.dataAbortLower: return "data abort of a " + (cause >> 6 & 1 == 0 ? "read" : "write")
        default: return AArch64.exceptionName(cause)
        }
    }

    public static func exitName(_ cause: UInt64, detail: UInt64, function: UInt64) -> String {
        let name = exitName(cause)
        if exitHasAddress(cause) { return name + " at \(hexadecimal(detail))" }
        let isCall = [Class.hypervisorCall, Class.secureMonitorCall].contains(cause >> 26 & 0x3f)
        return cause & interrupt == 0 && isCall ? name + " \(functionName(detail))" : name
    }

    /// As the Power State Coordination Interface (DEN 0022, 5.1) and the SMC Calling Convention (DEN 0028, 7) call it.
    private static func functionName(_ number: UInt64) -> String {
        let number = number & 0xffff_ffff
        let powerState = [
            "PSCI_VERSION", "CPU_SUSPEND", "CPU_OFF", "CPU_ON", "AFFINITY_INFO", "MIGRATE", "MIGRATE_INFO_TYPE",
            "MIGRATE_INFO_UP_CPU", "SYSTEM_OFF", "SYSTEM_RESET", "PSCI_FEATURES",
        ]
        // Bit 30 says that arguments have 64 bits.
        let narrow = number & ~(1 << 30)
        if narrow >= 0x8400_0000, narrow < 0x8400_0000 + UInt64(powerState.count) {
            return powerState[Int(narrow - 0x8400_0000)]
        }
        switch number {
        case 0x8000_0000: return "SMCCC_VERSION"
        case 0x8000_0001: return "SMCCC_ARCH_FEATURES"
        default: return hexadecimal(number)
        }
    }
}
