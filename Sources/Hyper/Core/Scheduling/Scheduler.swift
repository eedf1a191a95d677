/// Who runs, and when: priorities first, threads of one priority in turn.
///
/// On each CPU the most important thread that is ready runs. It is interrupted as soon as a more important one becomes ready,
/// and after its time slice where another one of its priority waits; a thread whose slice has no end (fixed priority) runs
/// until it waits. A thread with a rate limit runs for its budget in each period at most. The timer of all this is armed
/// where it can change something: a CPU with one thread has no tick.
///
/// Threads change CPUs where another one has less important work to do (``offer(_:from:)``), and never while they run: one
/// that may not go on where it is leaves after the switch to the next one.
public enum Scheduler {
    // SAFETY: guarded by `threadsLock`.
    nonisolated(unsafe) private static var all: [ThreadReference] = []
    private static let threadsLock = SpinLock(.threads)

    /// All threads but the idle ones, at this moment.
    public static var threads: [ThreadReference] { threadsLock.withLock { all } }

    /// The thread that asks.
    static var current: ThreadReference {
        // Between the CPU and its thread nobody may come.
        let wereEnabled = Port.disableInterrupts()
        defer { Port.restoreInterrupts(wereEnabled) }
        return Port.cpu.pointee.current
    }

    #if !hasFeature(Embedded)
    /// For whoever looks at the fake machine from outside, where no lock can be waited for.
    static var threadsUnlocked: [ThreadReference] { all }

    /// Forgets all threads, with the machine that they were of.
    static func removeAll() {
        all = []
        threadsLock.abandon()
    }
    #endif

    // MARK: Threads

    /// A thread that runs `body` once it is woken, and then ends.
    public static func makeThread(
        _ name: Text, priority: Int = Thread.defaultPriority, on cpu: CPUReference? = nil,
        _ body: @escaping () -> Void
    ) -> ThreadReference {
        let thread = makeRawThread(name, priority: priority, on: cpu, entry: { Scheduler.begin() })
        thread.pointee.body = body
        return thread
    }

    /// A thread that begins in `entry`, which calls ``arrive()`` first. Its name is its own, since a closure behind a call of
    /// the other's name would become the entry.
    static func makeRawThread(
        _ name: Text, priority: Int, on cpu: CPUReference?, entry: @escaping @convention(c) () -> Void
    ) -> ThreadReference {
        let stack = UnsafeMutableRawPointer.allocate(byteCount: Thread.stackSize, alignment: 16)
        let thread = ThreadReference.allocate(capacity: 1)
        thread.initialize(to: Thread(name: name, priority: priority, cpu: cpu ?? Port.cpu))
        thread.pointee.stack = stack
        thread.pointee.context = Port.makeContext(stack: stack + Thread.stackSize, entry: entry)
        thread.pointee.timer = TimerEvent(action: .wake(thread))
        thread.pointee.replenishment = TimerEvent(action: .replenish(thread))
        threadsLock.withLock { all.append(thread) }
        return thread
    }

    private static func begin() {
        arrive()
        // Interrupts are off as yet.
        let thread = Port.cpu.pointee.current
        Port.restoreInterrupts(true)
        thread.pointee.body?()
        exit()
    }

    /// The first thing that a new thread does: it ends the switch that led to it.
    static func arrive() { endSwitch() }

    /// Ends the running thread. Its memory is given back by ``destroy(_:)``.
    static func exit() -> Never {
        _ = Port.disableInterrupts()
        let thread = Port.cpu.pointee.current
        thread.pointee.body = nil
        thread.pointee.state = .finished
        switchAway()
        Port.panic("a finished thread runs")
    }

    /// Ends a thread that is not the caller's, whatever it does, and gives back its memory. What it holds (a mutex, memory of
    /// its own) stays held: it is for threads that have finished, or that hold nothing.
    public static func destroy(_ thread: ThreadReference) {
        hold(thread)
        leaveQueue(thread)
        Timers.cancelAndWait(timer(of: thread))
        Timers.cancelAndWait(replenishment(of: thread))
        threadsLock.withLock { all.removeAll { $0 == thread } }
        thread.pointee.stack?.deallocate()
        thread.deinitialize(count: 1)
        thread.deallocate()
    }

    // MARK: Waiting and waking

    /// Makes the thread ready, if it waits: on its own CPU, which is told where somebody less important runs there.
    public static func wake(_ thread: ThreadReference) {
        let wereEnabled = Port.disableInterrupts()
        let cpu = lock(thread)
        endWait(thread, cpu)
        cpu.pointee.lock.release()
        preemptAndRestore(wereEnabled)
    }

    /// The CPU's lock is held.
    private static func endWait(_ thread: ThreadReference, _ cpu: CPUReference) {
        guard thread.pointee.state == .blocked else { return }
        if thread.pointee.isHeld { thread.pointee.isReadyOnceReleased = true } else { makeReady(thread, cpu) }
    }

    /// The CPU's lock is held.
    static func makeReady(_ thread: ThreadReference, _ cpu: CPUReference) {
        if isOverBudget(thread) { return throttle(thread) }
        thread.pointee.state = .ready
        let (running, waiting) = (cpu.pointee.runningPriority, cpu.pointee.ready.highestPriority ?? 0)
        cpu.pointee.ready.append(thread)
        // Before its switch away from itself it is woken: it just goes on.
        guard thread != cpu.pointee.current else { return }
        if thread.pointee.priority > running {
            cpu.pointee.needsReschedule = true
            if cpu != Port.cpu { Port.interrupt(cpu) }
            // The next to run here.
            if thread.pointee.priority > waiting { return }
        } else if thread.pointee.priority == running {
            if cpu == Port.cpu { startSlice(cpu) } else { Port.interrupt(cpu) }
        }
        offer(thread, from: cpu)
    }

    /// Takes the lock of the thread's CPU, which may change until then. Interrupts are off. A thread that waits on a CPU on
    /// which it may not run any more is another one's from here on.
    static func lock(_ thread: ThreadReference) -> CPUReference {
        while true {
            let cpu = thread.pointee.cpu
            cpu.pointee.lock.acquire()
            if thread.pointee.cpu == cpu {
                if CPUs.count == 1 || thread.pointee.mayRun(on: cpu) || !mayMove(thread, from: cpu) { return cpu }
                thread.pointee.cpu = target(for: thread)
            }
            cpu.pointee.lock.release()
        }
    }

    /// The limit of the thread's wait has come.
    static func endWait(_ thread: ThreadReference) {
        let cpu = lock(thread)
        thread.pointee.timedOut = true
        endWait(thread, cpu)
        cpu.pointee.lock.release()
    }

    /// Notes that the running thread waits, unless its limit has come: that may be on another CPU, and at any time.
    /// Interrupts are off.
    static func beginLimitedWait() -> Bool {
        let cpu = Port.cpu
        let thread = cpu.pointee.current
        cpu.pointee.lock.acquire()
        defer { cpu.pointee.lock.release() }
        if !thread.pointee.timedOut { thread.pointee.state = .blocked }
        return !thread.pointee.timedOut
    }

    /// Stops the running thread until somebody wakes it. Interrupts are off, and the caller has looked, and noted that it
    /// waits, under a lock that whoever wakes it takes; it gives that back in `leaving`. So no wake is lost: one that comes
    /// before the switch finds the thread waiting.
    @inline(__always)
    static func wait(leaving release: () -> Void) {
        Port.cpu.pointee.current.pointee.state = .blocked
        release()
        switchAway()
    }

    /// Sleeps for so many nanoseconds at least.
    public static func sleep(_ nanoseconds: UInt64) {
        let wereEnabled = Port.disableInterrupts()
        let deadline = Timers.deadline(after: nanoseconds)
        let event = timer(of: Port.cpu.pointee.current)
        while Port.counter < deadline { wait { Timers.arm(event, at: deadline) } }
        Timers.cancelAndWait(event)
        Port.restoreInterrupts(wereEnabled)
    }

    /// The event that ends the thread's wait.
    static func timer(of thread: ThreadReference) -> TimerReference {
        // SAFETY: the thread, and its event in it, stay where they are until it is destroyed, which cancels the event.
        withUnsafeMutablePointer(to: &thread.pointee.timer) { $0 }
    }

    /// Lets others of the same priority run.
    public static func yield() {
        let wereEnabled = Port.disableInterrupts()
        Port.cpu.pointee.current.pointee.sliceLeft = 0
        switchAway()
        Port.restoreInterrupts(wereEnabled)
    }

    /// Lets a more important thread run, where there is one. Interrupts are off; every handler of an interrupt or of a
    /// guest's exit ends with this.
    @inline(__always)
    public static func preempt() {
        if Port.cpu.pointee.needsReschedule { switchAway() }
    }

    /// Has interrupts taken as before, and a thread run that became ready meanwhile and is more important than the caller.
    @inline(__always)
    static func preemptAndRestore(_ wereEnabled: Bool) {
        if wereEnabled { preempt() }
        Port.restoreInterrupts(wereEnabled)
    }

    // MARK: The switch

    /// Goes on with whoever should run now. Returns once that is the caller again, perhaps at once. Interrupts are off.
    static func switchAway() {
        let cpu = Port.cpu
        if CPUs.count > 1 { shareWork(cpu) }
        cpu.pointee.lock.acquire()
        cpu.pointee.needsReschedule = false
        let old = cpu.pointee.current
        let now = Port.counter
        charge(old, now)
        let goesOn = old.pointee.state == .running && requeue(old, cpu)
        let new = goesOn ? old : next(cpu)
        if new != old {
            begin(new, cpu, now)
        } else if old.pointee.state == .ready {
            old.pointee.state = .running
        }
        startSlice(cpu)
        if CPUs.count > 1 { offerWaiting(cpu, preempted: old) }
        if new != old {
            // SAFETY: a thread that is not running has left its context here; its CPU's lock is held, so that nobody else
            // goes on with it.
            Port.switchContext(from: &old.pointee.context, to: new.pointee.context.unsafelyUnwrapped)
        }
        endSwitch()
    }

    /// Notes that the thread, which is in no queue, runs from now on. The CPU's lock is held.
    @inline(__always)
    static func begin(_ thread: ThreadReference, _ cpu: CPUReference, _ now: UInt64) {
        thread.pointee.state = .running
        thread.pointee.runningSince = now
        cpu.pointee.current = thread
        cpu.pointee.runningPriority = thread.pointee.priority
        if let vcpu = thread.pointee.vcpu { load(vcpu, cpu) }
    }

    /// Whether the running thread goes on; else it has its place in a queue.
    private static func requeue(_ thread: ThreadReference, _ cpu: CPUReference) -> Bool {
        guard thread != cpu.pointee.idle else {
            return cpu.pointee.ready.highestPriority == nil || cpu.pointee.isLeaving
        }
        if thread.pointee.isHeld {
            thread.pointee.state = .blocked
            thread.pointee.isReadyOnceReleased = true
            return false
        }
        if CPUs.count > 1, !thread.pointee.mayRun(on: cpu) {
            depart(thread, cpu)
            return false
        }
        if isOverBudget(thread) {
            throttle(thread)
            return false
        }
        let isOver = thread.pointee.sliceLeft == 0
        if isOver { thread.pointee.sliceLeft = thread.pointee.slice }
        guard let best = cpu.pointee.ready.highestPriority, best >= thread.pointee.priority else { return true }
        if best == thread.pointee.priority, !isOver { return !cpu.pointee.turnIsOver || !makeRoom(thread, cpu) }
        thread.pointee.state = .ready
        // It waits for its next turn behind the others; or the turn goes on when the more important one waits.
        if isOver { cpu.pointee.ready.append(thread) } else { cpu.pointee.ready.prepend(thread) }
        return false
    }

    /// Takes the most important thread out of the queue. Those that may not run here any more leave.
    private static func next(_ cpu: CPUReference) -> ThreadReference {
        if cpu.pointee.isLeaving { return cpu.pointee.idle }
        while let thread = cpu.pointee.ready.popHighest() {
            if CPUs.count == 1 || thread == cpu.pointee.current || thread.pointee.mayRun(on: cpu) { return thread }
            depart(thread, cpu)
        }
        return cpu.pointee.idle
    }

    /// Releases the lock that was held across the switch, perhaps on another CPU than the caller was on before; nobody needs
    /// the old thread's stack any more.
    static func endSwitch() {
        let cpu = Port.cpu
        while let thread = cpu.pointee.departing.popFirst() {
            unload(thread, from: cpu)
            thread.pointee.cpu = target(for: thread)
            cpu.pointee.lock.release()
            land(thread)
            cpu.pointee.lock.acquire()
        }
        cpu.pointee.lock.release()
    }

    /// What a CPU does while nobody runs: never returns.
    public static func idle() -> Never {
        // Who asked for something while this CPU was being started may not have been able to interrupt it.
        _ = Port.disableInterrupts()
        CPUs.answerCalls()
        while true {
            _ = Port.disableInterrupts()
            let cpu = Port.cpu
            if cpu.pointee.isLeaving { CPUs.leave() }
            // A guest that was halted here wakes nobody: its timer, which nobody sets anew, would for ever.
            if let vcpu = cpu.pointee.loaded, let thread = vcpu.pointee.thread, thread.pointee.isHeld { unload(vcpu) }
            // Looked at with interrupts off; one that is pending ends the sleep all the same.
            if !cpu.pointee.needsReschedule, CPUs.count == 1 || !pull(cpu, above: Thread.idlePriority) {
                Port.waitForInterrupt()
            }
            Port.restoreInterrupts(true)
            _ = Port.disableInterrupts()
            preempt()
        }
    }
}
