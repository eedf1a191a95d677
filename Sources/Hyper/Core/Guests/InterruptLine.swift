/// Something that takes a guest's interrupts: its interrupt controller.
public protocol GuestInterruptController: AnyObject {
    /// The line of that number is high or low now. May be called on any CPU.
    func set(_ line: Int, _ level: Bool)
}

/// A guest's interrupts by their numbers, between its devices and its interrupt controller, whichever is made first.
public final class GuestInterrupts {
    public var controller: (any GuestInterruptController)?

    public init() {}
}

/// The wire from an emulated device to the guest's interrupt controller.
public struct InterruptLine {
    private let interrupts: GuestInterrupts
    private let number: Int

    public init(_ interrupts: GuestInterrupts, _ number: Int) {
        self.interrupts = interrupts
        self.number = number
    }

    public func set(_ level: Bool) { interrupts.controller?.set(number, level) }
}
