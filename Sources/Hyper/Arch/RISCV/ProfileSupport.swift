import RISCV

/// What the profiler asks of RISC-V.
extension RISCVPort {
    private static let interruptBit: UInt64 = 1 << 63
    private static let firstInterrupt = 32

    /// scause as one small number: exceptions, and interrupts behind them.
    static func exitNumber(_ cause: UInt64) -> Int {
        Int(truncatingIfNeeded: cause & 31) + (cause & interruptBit != 0 ? firstInterrupt : 0)
    }

    /// Exceptions and interrupts as the Privileged ISA has them (12.1.8 and 21.6.1).
    public static func exitName(_ cause: Int) -> Text {
        switch cause {
        case 2: "illegal instruction"
        case 5: "load access fault"
        case 7: "store access fault"
        case 10: "environment call"
        case 20: "instruction guest-page fault"
        case 21: "load guest-page fault"
        case 22: "virtual instruction"
        case 23: "store guest-page fault"
        case firstInterrupt + 1: "software interrupt"
        case firstInterrupt + 5: "timer interrupt"
        case firstInterrupt + 9: "external interrupt"
        case firstInterrupt...: "interrupt \(cause - firstInterrupt)"
        default: "exception \(cause)"
        }
    }

    /// hstatus.SPV says whether it was virtual (21.2.1).
    public static var interruptedPlace: (address: UInt64, isGuest: Bool) {
        let virtualPrevious: UInt64 = 1 << 7
        return (csr_read_sepc(), csr_read_hstatus() & virtualPrevious != 0)
    }
}
