/// A CPU has asked an interrupt controller which interrupt it is to handle, and was told one.
public struct InterruptAcknowledgement: Equatable, Sendable {
    /// A PLIC's source, or a GIC's INTID.
    public let number: UInt32
    /// It is a guest's, from a List register.
    public let isVirtual: Bool
}
