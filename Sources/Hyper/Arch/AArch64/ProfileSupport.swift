import AArch64

/// What the profiler asks of AArch64.
extension AArch64Port {
    private static let interruptNumber = 62, errorNumber = 63

    /// The class of an exception (ESR_EL2.EC) is a small number already; what has none is numbers that no class has.
    static func exitNumber(_ kind: UInt64, _ syndrome: UInt64) -> Int {
        switch kind {
        case UInt64(EXIT_SYNCHRONOUS): Int(truncatingIfNeeded: syndrome >> 26 & 63)
        case UInt64(EXIT_ERROR): errorNumber
        default: interruptNumber
        }
    }

    /// Classes as D13.2.37 has them.
    public static func exitName(_ cause: Int) -> Text {
        switch cause {
        case Int(ExceptionClass.waiting): "WFI or WFE"
        case Int(ExceptionClass.floatingPoint): "floating point"
        case Int(ExceptionClass.hypervisorCall): "HVC"
        case Int(ExceptionClass.secureCall): "SMC"
        case Int(ExceptionClass.systemRegister): "system register"
        case Int(ExceptionClass.instructionAbort): "instruction abort"
        case Int(ExceptionClass.dataAbort): "data abort"
        case interruptNumber: "interrupt"
        case errorNumber: "SError"
        default: "class \(cause)"
        }
    }

    /// SPSR_EL2.M says from which exception level it was.
    public static var interruptedPlace: (address: UInt64, isGuest: Bool) {
        (read_elr_el2(), read_spsr_el2() >> 2 & 3 != 2)
    }
}
