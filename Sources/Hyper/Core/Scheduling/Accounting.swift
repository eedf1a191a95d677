/// What threads have run, and for how long they still may: slices and rate limits.
extension Scheduler {
    /// Counts what the running thread has run since this was last done.
    @inline(__always)
    static func charge(_ thread: ThreadReference, _ now: UInt64) {
        let ran = now &- thread.pointee.runningSince
        thread.pointee.runningSince = now
        thread.pointee.runTime &+= ran
        if thread.pointee.slice != .max {
            thread.pointee.sliceLeft = thread.pointee.sliceLeft > ran ? thread.pointee.sliceLeft - ran : 0
        }
        if thread.pointee.rateLimit != nil {
            thread.pointee.budgetLeft = thread.pointee.budgetLeft > ran ? thread.pointee.budgetLeft - ran : 0
        }
    }

    /// The ticks that a thread has run until now.
    public static func runTime(of thread: ThreadReference) -> UInt64 {
        let wereEnabled = Port.disableInterrupts()
        let cpu = lock(thread)
        var time = thread.pointee.runTime
        if thread == cpu.pointee.current { time &+= Port.counter &- thread.pointee.runningSince }
        cpu.pointee.lock.release()
        Port.restoreInterrupts(wereEnabled)
        return time
    }

    /// Whether the thread has used up what it may run in this period. A period begins with the first run in it.
    @inline(__always)
    static func isOverBudget(_ thread: ThreadReference) -> Bool {
        guard let limit = thread.pointee.rateLimit else { return false }
        let now = Port.counter
        if now >= thread.pointee.periodEnd {
            thread.pointee.budgetLeft = limit.budget
            thread.pointee.periodEnd = Timers.sum(now, limit.period)
        }
        return thread.pointee.budgetLeft == 0
    }

    /// Keeps the thread out of the queue until its period is over. The lock of its CPU is held.
    static func throttle(_ thread: ThreadReference) {
        thread.pointee.state = .throttled
        Timers.arm(replenishment(of: thread), at: thread.pointee.periodEnd)
    }

    /// The thread's period is over.
    static func replenish(_ thread: ThreadReference) {
        let cpu = lock(thread)
        // One that is held meanwhile has its budget when it is released.
        if thread.pointee.state == .throttled { makeReady(thread, cpu) }
        cpu.pointee.lock.release()
    }

    static func replenishment(of thread: ThreadReference) -> TimerReference {
        // SAFETY: as ``timer(of:)``.
        withUnsafeMutablePointer(to: &thread.pointee.replenishment) { $0 }
    }

    /// Arms the CPU's timer for when whoever runs there has to make room: at the end of the slice, where another one of the
    /// same priority waits, and of each turn of it; or of the budget. The CPU's lock is held, and it is the caller's own.
    static func startSlice(_ cpu: CPUReference) {
        let thread = cpu.pointee.current
        var left = UInt64.max
        if thread.pointee.slice != .max, cpu.pointee.ready.hasOthers(of: thread.pointee.priority) {
            left = thread.pointee.sliceLeft
            if thread.pointee.turn != .max {
                cpu.pointee.turnIsOver = false
                // Slices are turns as a whole, whatever interrupts them in between.
                left = (max(left, 1) - 1) % thread.pointee.turn + 1
            }
        }
        if thread.pointee.rateLimit != nil { left = min(left, thread.pointee.budgetLeft) }
        // SAFETY: a CPU's record stays where it is.
        let event = withUnsafeMutablePointer(to: &cpu.pointee.slice) { $0 }
        guard left != .max else { return event.pointee.isArmed ? Timers.cancel(event) : () }
        let deadline = Timers.sum(thread.pointee.runningSince, left)
        if !event.pointee.isArmed || event.pointee.deadline != deadline { Timers.arm(event, at: deadline) }
    }

    // MARK: Settings

    /// Changes what the thread runs before or after. Takes effect at once.
    public static func setPriority(_ thread: ThreadReference, _ priority: Int) {
        change(thread) { cpu in
            let isQueued = thread.pointee.state == .ready
            if isQueued { cpu.pointee.ready.remove(thread) }
            thread.pointee.priority = min(max(priority, Thread.lowestPriority), Thread.highestPriority)
            if isQueued { cpu.pointee.ready.append(thread) }
            if thread == cpu.pointee.current { cpu.pointee.runningPriority = thread.pointee.priority }
        }
    }

    /// Changes how long the thread runs before others of its priority; nil for as long as it does not wait.
    public static func setSlice(_ thread: ThreadReference, nanoseconds: UInt64?) {
        change(thread) { _ in
            thread.pointee.slice = nanoseconds.map { max(Timers.ticks($0), 1) } ?? .max
            thread.pointee.sliceLeft = thread.pointee.slice
        }
    }

    /// Lets the thread run for so many nanoseconds of each period at most; nil for as long as it likes.
    public static func setRateLimit(_ thread: ThreadReference, _ nanoseconds: (budget: UInt64, period: UInt64)?) {
        change(thread) { cpu in
            thread.pointee.rateLimit = nanoseconds.map {
                Thread.RateLimit(budget: max(Timers.ticks($0.budget), 1), period: max(Timers.ticks($0.period), 1))
            }
            thread.pointee.budgetLeft = thread.pointee.rateLimit?.budget ?? .max
            thread.pointee.periodEnd =
                thread.pointee.rateLimit.map { Timers.sum(Port.counter, $0.period) } ?? 0
            if thread.pointee.state == .throttled { makeReady(thread, cpu) }
        }
    }

    /// Says where the thread may run: a bit for each CPU by its index. One that runs, or whose registers are loaded, where it
    /// may not any more leaves at that CPU's next switch.
    public static func setAffinity(_ thread: ThreadReference, _ mask: UInt32) {
        var isLeaving = false
        change(thread) { cpu in
            thread.pointee.affinity = mask
            guard CPUs.count > 1, thread.pointee.state == .ready, !thread.pointee.mayRun(on: cpu) else { return }
            isLeaving = isMovable(thread, from: cpu)
            guard isLeaving else { return }
            cpu.pointee.ready.remove(thread)
            thread.pointee.state = .migrating
            thread.pointee.cpu = target(for: thread)
        }
        guard isLeaving else { return }
        let wereEnabled = Port.disableInterrupts()
        land(thread)
        preemptAndRestore(wereEnabled)
    }

    /// Changes something of the thread under its CPU's lock, and has the CPU look at it.
    private static func change(_ thread: ThreadReference, _ body: (CPUReference) -> Void) {
        let wereEnabled = Port.disableInterrupts()
        let cpu = lock(thread)
        if thread == cpu.pointee.current, cpu == Port.cpu { charge(thread, Port.counter) }
        body(cpu)
        cpu.pointee.needsReschedule = true
        if cpu != Port.cpu { Port.interrupt(cpu) }
        cpu.pointee.lock.release()
        preemptAndRestore(wereEnabled)
    }
}
