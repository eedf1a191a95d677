/// The wires from an interrupt controller to one CPU.
public struct GICOutputs {
    public let irq: InterruptLine
    public let fiq: InterruptLine
    public let virtualIRQ: InterruptLine
    public let virtualFIQ: InterruptLine
    /// Of a GICv3 with two Security states, for interrupts of either one's Group 1: which they are, IRQs or FIQs, the CPU
    /// knows.
    public var group1: (secure: InterruptLine, nonSecure: InterruptLine)?

    public init(irq: InterruptLine, fiq: InterruptLine, virtualIRQ: InterruptLine, virtualFIQ: InterruptLine) {
        self.irq = irq
        self.fiq = fiq
        self.virtualIRQ = virtualIRQ
        self.virtualFIQ = virtualFIQ
    }
}
