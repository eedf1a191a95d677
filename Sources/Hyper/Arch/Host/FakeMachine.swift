/// The machine that unit tests run the core on: CPUs of which one executes at a time, a clock that goes on when all of them
/// wait, and interrupts between them.
///
/// Whoever executes may lose its turn to another CPU wherever the core asks the port for something (its CPU, the clock,
/// interrupts on or off). With a seed these places are chosen at random, so that a run tries one of the orders in which real
/// CPUs might meet; the same seed tries the same order again. Without one a CPU executes until it waits.
///
/// The test itself stands outside: what it calls, CPU 0 does with interrupts off; what it has woken runs in ``run(until:)``.
public enum FakeMachine {
    struct FakeCPU {
        let reference: CPUReference
        /// What it executes, or will go on with.
        var context: UnsafeMutablePointer<HostContext>
        var takesInterrupts = false
        var isInterrupted = false
        var alarm = UInt64.max
        /// Of the VCPU that is loaded there.
        var lines: UInt64 = 0
        /// It waits for an interrupt, or for a time, if that comes first.
        var waitsUntil: UInt64?
        var isOff = false
        /// It was started, and has not executed yet: firmwares do not interrupt such a CPU (SBI 2.0, 9).
        var isStarting = false
    }

    // SAFETY: all of the fake machine executes on one thread of the host.
    nonisolated(unsafe) static var cpus: [FakeCPU] = []
    nonisolated(unsafe) static var active = 0
    nonisolated(unsafe) static var isOutside = true
    nonisolated(unsafe) public static var counter: UInt64 = 0
    nonisolated(unsafe) private static var outside: UnsafeMutablePointer<HostContext>?
    nonisolated(unsafe) private static var contexts: [UnsafeMutablePointer<HostContext>] = []
    nonisolated(unsafe) private static var random: UInt64?
    nonisolated(unsafe) private static var limit: UInt64 = .max
    /// Called now and then while a seeded machine runs, between two steps of it.
    nonisolated(unsafe) public static var onStep: (() -> Void)?
    nonisolated(unsafe) static var steps = 0
    /// The message of a panic ends the run, instead of the process.
    nonisolated(unsafe) public static var catchesPanics = false
    nonisolated(unsafe) public private(set) static var panicMessage: String?

    // MARK: From outside

    /// A new machine whose CPUs are idle.
    /// - Parameter boot: what its first CPU does instead, with interrupts off.
    public static func start(
        cpus count: Int, seed: UInt64?, boot: @escaping @convention(c) () -> Void = { Scheduler.idle() }
    ) {
        precondition(isOutside)
        for context in contexts {
            context.pointee.free()
            context.deallocate()
        }
        contexts = []
        CPUs.removeAll()
        WorkQueue.removeSystem()
        Scheduler.removeAll()
        HostInterrupts.removeAll()
        cpus = []
        active = 0
        counter = 0
        random = seed.map { $0 &* 0x9e37_79b9_7f4a_7c15 | 1 }
        steps = 0
        onStep = nil
        panicMessage = nil
        outside = outside ?? add(HostContext(), isKept: true)
        for index in 0..<count {
            let cpu = CPUs.add(hardwareIdentifier: UInt64(index))
            let context = index == 0 ? HostContext(boot) : HostContext { Scheduler.idle() }
            cpus.append(FakeCPU(reference: cpu, context: add(context)))
        }
    }

    private static func add(_ context: HostContext, isKept: Bool = false) -> UnsafeMutablePointer<HostContext> {
        let new = UnsafeMutablePointer<HostContext>.allocate(capacity: 1)
        new.initialize(to: context)
        if !isKept { contexts.append(new) }
        return new
    }

    static func makeContext(_ entry: @escaping @convention(c) () -> Void) -> UnsafeMutablePointer<HostContext> {
        add(HostContext(entry))
    }

    /// Lets the machine run until nobody has anything to do any more, or the clock would go beyond `limit`. False where it
    /// panicked.
    @discardableResult
    public static func run(until limit: UInt64 = .max) -> Bool {
        precondition(isOutside)
        guard panicMessage == nil else { return false }
        self.limit = limit
        // What was woken from outside, on CPU 0, nobody has interrupted it for.
        if cpus[0].reference.pointee.needsReschedule { cpus[0].isInterrupted = true }
        guard let next = nextCPU() else { return true }
        isOutside = false
        active = next
        outside.unsafelyUnwrapped.pointee.leave(for: cpus[next].context.pointee)
        isOutside = true
        active = 0
        return panicMessage == nil
    }

    /// A random number of the machine's seed.
    static func next(below limit: Int) -> Int {
        guard var state = random else { return 0 }
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        random = state
        return Int(truncatingIfNeeded: (state >> 20) % UInt64(limit))
    }

    static func panic(_ message: String) -> Never {
        guard catchesPanics, !isOutside else { fatalError(message) }
        panicMessage = message
        while true { leave(for: nil) }
    }

    // MARK: Which CPU executes

    private static func isPending(_ index: Int) -> Bool { cpus[index].isInterrupted || cpus[index].alarm <= counter }

    /// One that executes for a time does not see what it does not take; one that sleeps does.
    private static func seesInterrupts(_ index: Int) -> Bool {
        cpus[index].waitsUntil == .max || cpus[index].takesInterrupts
    }

    private static func canExecute(_ index: Int) -> Bool {
        guard !cpus[index].isOff, let time = cpus[index].waitsUntil else { return !cpus[index].isOff }
        return time <= counter || isPending(index) && seesInterrupts(index)
    }

    /// Some CPU that can execute; the clock goes on to where one can. None where nothing will happen before the limit.
    private static func nextCPU() -> Int? {
        while true {
            let start = next(below: cpus.count)
            for offset in cpus.indices {
                let index = (start + offset) % cpus.count
                if canExecute(index) { return index }
            }
            var time = UInt64.max
            for index in cpus.indices where !cpus[index].isOff {
                time = min(time, cpus[index].waitsUntil ?? .max, seesInterrupts(index) ? cpus[index].alarm : .max)
            }
            guard time != .max, time <= limit else { return nil }
            counter = max(counter, time)
        }
    }

    /// Goes on with another CPU, or outside; returns when this one goes on.
    private static func leave(for next: Int?) {
        let me = active
        guard next != me else { return }
        let mine = cpus[me].context.pointee
        guard let next else {
            mine.leave(for: outside.unsafelyUnwrapped.pointee)
            return
        }
        active = next
        mine.leave(for: cpus[next].context.pointee)
    }

    /// The first step of a context.
    static func begin() {
        cpus[active].context.pointee.entry()
        fatalError("a thread of the core has come to its end")
    }

    /// A place where another CPU may come in between, and where this one takes interrupts.
    static func step() {
        guard !isOutside, random != nil else { return }
        steps += 1
        // Most steps go on as they were: orders with few changes find most mistakes.
        if next(below: 4) == 0 {
            onStep?()
            if let next = nextCPU() { leave(for: next) }
        }
        takeInterrupts()
    }

    static func takeInterrupts() {
        while cpus[active].takesInterrupts, isPending(active) {
            cpus[active].takesInterrupts = false
            let cpu = cpus[active].reference
            cpu.pointee.interrupts += 1
            if cpus[active].alarm <= counter { Timers.expire() }
            if cpus[active].isInterrupted {
                cpus[active].isInterrupted = false
                cpu.pointee.loaded?.takeLines()
                CPUs.answerCalls()
                cpu.pointee.needsReschedule = true
            }
            Scheduler.preempt()
            // Perhaps on another CPU.
            cpus[active].takesInterrupts = true
        }
    }

    /// Waits until an interrupt is pending, or until the clock has come to a time.
    static func wait(until time: UInt64) {
        let me = active
        cpus[me].waitsUntil = time
        while !canExecute(me) { leave(for: nextCPU()) }
        cpus[me].waitsUntil = nil
    }

    /// This CPU waits for something that another one does.
    static func relax() {
        if isOutside { fatalError("the test waits for what only its machine can do") }
        let me = active
        // Time goes on, or the other one might wait for it for ever.
        cpus[me].waitsUntil = counter + 1
        leave(for: nextCPU())
        cpus[me].waitsUntil = nil
        takeInterrupts()
    }

    /// A CPU begins anew, with interrupts off.
    static func turnOn(_ index: Int) {
        let context = makeContext {
            FakeMachine.cpus[FakeMachine.active].isStarting = false
            Scheduler.idle()
        }
        cpus[index] = FakeCPU(reference: cpus[index].reference, context: context, isStarting: true)
    }

    static func interrupt(_ index: Int) {
        if !cpus[index].isStarting { cpus[index].isInterrupted = true }
    }

    static func switchContext(to new: UnsafeMutableRawPointer) {
        let old = cpus[active].context.pointee
        let new = new.assumingMemoryBound(to: HostContext.self)
        cpus[active].context = new
        old.leave(for: new.pointee)
    }

    /// Executes for so many ticks of the clock, less what others take from it.
    public static func spend(_ ticks: UInt64) {
        var left = ticks
        while left > 0 {
            let start = counter
            wait(until: start + left)
            left -= min(left, counter - start)
            takeInterrupts()
        }
    }
}
