/// Something that takes a guest's interrupts: its interrupt controller.
public protocol GuestInterruptController: AnyObject {
    /// The line of that number is high or low now. May be called on any CPU.
    func set(_ line: Int, _ level: Bool)
}

/// The wire from an emulated device to the guest's interrupt controller.
public struct InterruptLine {
    private let controller: any GuestInterruptController
    private let number: Int

    public init(_ controller: any GuestInterruptController, _ number: Int) {
        self.controller = controller
        self.number = number
    }

    @inline(__always)
    public func set(_ level: Bool) { controller.set(number, level) }
}
