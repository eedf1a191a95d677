import ISA

/// Exits of guests of a hart: what they are for.
extension RISCV.Hart: ExitingProcessor {
    public var guestRoot: UInt64 { state.pointee.hgatp }

    public func observeExits(
        exception: @escaping (ExitingException) -> Void, entry: @escaping () -> Void, wait: @escaping () -> Void
    ) {
        let other = trapObserver
        trapObserver = { [unowned self] trap in
            other?(trap)
            exception(exitingException(trap))
        }
        guestEntryObserver = entry
        waitObserver = wait
    }

    public func observeInterrupts(pending: @escaping (UInt64) -> Void, return: @escaping (PrivilegeLevel) -> Void) {
        pendingObserver = pending
        returnObserver = { [unowned self] from, virtual in
            `return`(PrivilegeLevel(RISCV.Mode(from, virtual: virtual, features: features)))
        }
    }

    public static func pendingBit(_ interrupt: ExceptionRecord) -> UInt64 { 1 << (interrupt.cause & 63) }

    /// Told apart are the extension and the function of an SBI call, the guest-physical address of a guest-page fault, and
    /// the bits of a virtual instruction.
    func exitingException(_ trap: TrapRecord) -> ExitingException {
        var exception = ExitingException(
            leavesGuest: trap.fromVirtual && !trap.toVirtual, isInterrupt: trap.cause >> 63 == 1, cause: trap.cause)
        exception.programCounter = trap.programCounter
        switch trap.cause {
        case RISCV.Cause.virtualSupervisorCall:
            exception.detail = state.pointee.core.registers[17]
            exception.function = state.pointee.core.registers[16]
        case RISCV.Cause.virtualInstruction: exception.detail = trap.value
        default: exception.detail = trap.guestPhysical
        }
        return exception
    }

    public static func exitHasAddress(_ cause: UInt64) -> Bool {
        switch cause {
        case RISCV.Cause.instructionGuestPage, RISCV.Cause.loadGuestPage, RISCV.Cause.storeGuestPage: true
        default: false
        }
    }

    public static func exitName(_ cause: UInt64) -> String { RISCV.Cause.describe(cause) }

    public static func exitName(_ cause: UInt64, detail: UInt64, function: UInt64) -> String {
        var text = RISCV.Cause.describe(cause)
        switch cause {
        case RISCV.Cause.virtualSupervisorCall:
            text = "SBI \(extensionName(detail))"
            // The legacy extensions have one function each.
            if detail > 0xf { text += ", function \(function)" }
        case RISCV.Cause.virtualInstruction where detail != 0:
            let word = UInt32(truncatingIfNeeded: detail)
            text += ", \(Disassembler(symbols: SymbolFinder([])).line(word, at: 0).text)"
        default: if exitHasAddress(cause) { text += " at \(hexadecimal(detail))" }
        }
        return text
    }

    /// As the RISC-V Supervisor Binary Interface Specification 2.0 calls it.
    private static func extensionName(_ number: UInt64) -> String {
        let legacy = [
            "set_timer", "console_putchar", "console_getchar", "clear_ipi", "send_ipi", "remote_fence_i",
            "remote_sfence_vma", "remote_sfence_vma_asid", "shutdown",
        ]
        if number < UInt64(legacy.count) { return "legacy \(legacy[Int(number)])" }
        switch number {
        case 0x10: return "base"
        // The others' numbers are their names in ASCII.
        case 0x5449_4d45: return "TIME"
        case 0x73_5049: return "sPI"
        case 0x5246_4e43: return "RFENCE"
        case 0x48_534d: return "HSM"
        case 0x5352_5354: return "SRST"
        case 0x50_4d55: return "PMU"
        case 0x4442_434e: return "DBCN"
        case 0x5355_5350: return "SUSP"
        case 0x4350_5043: return "CPPC"
        case 0x4e41_434c: return "NACL"
        case 0x53_5441: return "STA"
        default: return hexadecimal(number)
        }
    }
}
