/// Interrupts of the host's devices, and who handles them.
public enum HostInterrupts {
    // SAFETY: of the first CPU alone, which takes all of them, with interrupts off.
    nonisolated(unsafe) private static var handlers: [(number: Int, completes: Bool, handle: () -> Void)] = []
    nonisolated(unsafe) public static var controller: (any HostInterruptController)?

    /// Has the interrupt taken, by the first CPU, and handled, with interrupts off.
    /// - Parameter completes: when it was handled; if not, it does not come again before ``complete(_:)``.
    public static func add(_ number: Int, completes: Bool = true, _ handle: @escaping () -> Void) {
        CPUs.call(CPUs[0]) {
            handlers.append((number, completes, handle))
            controller?.enable(number)
        }
    }

    /// Lets an interrupt come again, on any CPU.
    public static func complete(_ number: Int) { controller?.complete(number, claimedBy: CPUs[0]) }

    /// Once this returns no handler of the interrupt runs any more.
    /// - Parameter last: is done when it cannot come any more, and is not disabled.
    public static func remove(_ number: Int, last: @escaping () -> Void = {}) {
        CPUs.call(CPUs[0]) {
            last()
            controller?.disable(number)
            handlers.removeAll { $0.number == number }
        }
    }

    /// Takes what is pending.
    public static func handle() {
        guard let controller else { return }
        while let number = controller.claim() {
            var completes = true
            for handler in handlers where handler.number == number {
                completes = completes && handler.completes
                handler.handle()
            }
            if completes { controller.complete(number, claimedBy: Port.cpu) }
        }
    }
}

/// The host's interrupt controller.
public protocol HostInterruptController: AnyObject {
    func enable(_ number: Int)
    func disable(_ number: Int)
    /// The most important pending interrupt of this CPU.
    func claim() -> Int?
    /// The CPU may have been another one.
    func complete(_ number: Int, claimedBy cpu: CPUReference)
}
