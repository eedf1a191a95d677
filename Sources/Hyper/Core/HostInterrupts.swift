/// Interrupts of the host's devices, and who handles them.
public enum HostInterrupts {
    // SAFETY: of the first CPU alone, which takes all of them, with interrupts off.
    nonisolated(unsafe) private static var handlers: [(number: Int, handle: () -> Void)] = []
    nonisolated(unsafe) public static var controller: (any HostInterruptController)?

    /// Has the interrupt taken, by the first CPU, and handled, with interrupts off.
    public static func add(_ number: Int, _ handle: @escaping () -> Void) {
        CPUs.call(CPUs[0]) {
            handlers.append((number, handle))
            controller?.enable(number)
        }
    }

    /// Once this returns no handler of the interrupt runs any more.
    public static func remove(_ number: Int) {
        CPUs.call(CPUs[0]) {
            controller?.disable(number)
            handlers.removeAll { $0.number == number }
        }
    }

    /// Takes what is pending.
    public static func handle() {
        guard let controller else { return }
        while let number = controller.claim() {
            for handler in handlers where handler.number == number { handler.handle() }
            controller.complete(number)
        }
    }
}

/// The host's interrupt controller.
public protocol HostInterruptController: AnyObject {
    func enable(_ number: Int)
    func disable(_ number: Int)
    /// The most important pending interrupt of this CPU.
    func claim() -> Int?
    func complete(_ number: Int)
}
