/// The wires from an interrupt controller to one CPU.
public struct GICOutputs {
    public let irq: InterruptLine
    public let fiq: InterruptLine
    public let virtualIRQ: InterruptLine
    public let virtualFIQ: InterruptLine

    public init(irq: InterruptLine, fiq: InterruptLine, virtualIRQ: InterruptLine, virtualFIQ: InterruptLine) {
        self.irq = irq
        self.fiq = fiq
        self.virtualIRQ = virtualIRQ
        self.virtualFIQ = virtualFIQ
    }
}
