/// Interrupts of the host's devices, and who handles them.
///
/// One CPU takes all of them: the first one, until it goes off.
public enum HostInterrupts {
    // SAFETY: of the CPU that takes them alone, with interrupts off.
    nonisolated(unsafe) private static var handlers: [(number: Int, completes: Bool, token: Int, handle: () -> Void)] =
        []
    // SAFETY: changed by one thread at a time: at boot, and by whoever holds the mutex of the management.
    nonisolated(unsafe) private static var lastToken = 0
    nonisolated(unsafe) public static var controller: (any HostInterruptController)?
    // SAFETY: changed by that CPU when it goes off; whoever asks it too late asks again.
    nonisolated(unsafe) private static var movedTo: CPUReference?
    private static var taker: CPUReference { movedTo ?? CPUs[0] }

    /// Has the interrupt taken and handled, with interrupts off.
    /// - Parameter completes: when it was handled; if not, it does not come again before ``complete(_:)``.
    /// - Returns: what this handler is removed by, where devices share the interrupt.
    @discardableResult
    public static func add(_ number: Int, completes: Bool = true, _ handle: @escaping () -> Void) -> Int {
        lastToken += 1
        let token = lastToken
        callTaker {
            handlers.append((number, completes, token, handle))
            controller?.enable(number)
        }
        return token
    }

    /// Lets an interrupt come again, on any CPU.
    public static func complete(_ number: Int) { controller?.complete(number, claimedBy: taker) }

    /// Once this returns no handler of the interrupt runs any more.
    /// - Parameters:
    ///   - token: of the one handler that is meant; nil for all.
    ///   - last: is done when it cannot come any more, and is not disabled.
    public static func remove(_ number: Int, token: Int? = nil, last: @escaping () -> Void = {}) {
        callTaker {
            last()
            handlers.removeAll { $0.number == number && (token == nil || $0.token == token) }
            if !handlers.contains(where: { $0.number == number }) { controller?.disable(number) }
        }
    }

    private static func callTaker(_ body: @escaping () -> Void) { while !CPUs.call(taker, body) {} }

    /// Takes what is pending.
    public static func handle() {
        guard let controller else { return }
        while let number = controller.claim() {
            if handle(number) { controller.complete(number, claimedBy: Port.cpu) }
        }
    }

    /// Handles an interrupt that was claimed; whether it is complete.
    @inline(__always)
    static func handle(_ number: Int) -> Bool {
        var completes = true
        for handler in handlers where handler.number == number {
            completes = completes && handler.completes
            handler.handle()
        }
        return completes
    }

    /// Has all that this CPU takes taken by another one. Interrupts are off, and will be.
    static func move(to other: CPUReference) {
        guard Port.cpu == taker else { return }
        for handler in handlers {
            // One that a guest has not completed yet comes again there, where it can be completed.
            if !handler.completes { controller?.complete(handler.number, claimedBy: Port.cpu) }
            controller?.disable(handler.number)
        }
        movedTo = other
        CPUs.post(other) { for handler in handlers { controller?.enable(handler.number) } }
    }

    #if !hasFeature(Embedded)
    /// Forgets them, with the machine that they were of.
    static func removeAll() {
        handlers = []
        movedTo = nil
    }
    #endif
}

/// The host's interrupt controller.
public protocol HostInterruptController: AnyObject {
    /// Has this CPU take the interrupt, or not any more.
    func enable(_ number: Int)
    func disable(_ number: Int)
    /// The most important pending interrupt of this CPU.
    func claim() -> Int?
    /// The CPU may have been another one.
    func complete(_ number: Int, claimedBy cpu: CPUReference)
}
