/// Who runs, and when: priorities first, threads of one priority in turn.
///
/// A thread stays on its CPU, until a CPU that has nothing to do takes it over while it waits for its turn. On each CPU the most important thread that is ready runs; it is interrupted as soon as
/// a more important one becomes ready, and after a time slice where another one of its own priority is. The slice's timer
/// is armed in that case alone: a CPU with one thread has no tick.
public enum Scheduler {
    /// Nanoseconds that a thread runs before another one of its priority gets its turn.
    public static let timeSlice: UInt64 = 10_000_000

    // SAFETY: guarded by `threadsLock`.
    nonisolated(unsafe) private static var all: [ThreadReference] = []
    private static let threadsLock = SpinLock()
    // SAFETY: one a CPU, armed and cancelled by that CPU with interrupts off.
    nonisolated(unsafe) private static var slices = InlineArray<32, TimerReference?>(repeating: nil)

    /// All threads but the idle ones, at this moment.
    public static var threads: [ThreadReference] { threadsLock.withLock { all } }

    // MARK: Threads

    /// A thread that runs `body` once it is woken, and then ends.
    public static func makeThread(
        _ name: Text, priority: Int = Thread.defaultPriority, on cpu: CPUReference? = nil,
        _ body: @escaping () -> Void
    ) -> ThreadReference {
        let thread = makeThread(name, priority: priority, on: cpu, entry: { Scheduler.begin() })
        thread.pointee.body = body
        return thread
    }

    /// A thread that begins in `entry`, which calls ``arrive()`` first.
    static func makeThread(
        _ name: Text, priority: Int, on cpu: CPUReference?, entry: @escaping @convention(c) () -> Void
    ) -> ThreadReference {
        let stack = UnsafeMutableRawPointer.allocate(byteCount: Thread.stackSize, alignment: 16)
        let thread = ThreadReference.allocate(capacity: 1)
        thread.initialize(to: Thread(name: name, priority: priority, cpu: cpu ?? Port.cpu))
        thread.pointee.stack = stack
        thread.pointee.context = Port.makeContext(stack: stack + Thread.stackSize, entry: entry)
        thread.pointee.timer = TimerEvent(action: .wake(thread))
        threadsLock.withLock { all.append(thread) }
        return thread
    }

    private static func begin() {
        arrive()
        let thread = Port.cpu.pointee.current
        Port.restoreInterrupts(true)
        thread.pointee.body?()
        exit()
    }

    /// The first thing that a new thread does: it ends the switch that led to it.
    static func arrive() { Port.cpu.pointee.lock.release() }

    /// Ends the running thread. Its memory is given back by ``destroy(_:)``.
    static func exit() -> Never {
        let thread = Port.cpu.pointee.current
        thread.pointee.body = nil
        stop(.finished)
        Port.panic("a finished thread runs")
    }

    /// Gives back the memory of a thread that does not run and that nobody will wake.
    public static func destroy(_ thread: ThreadReference) {
        Timers.cancel(timer(of: thread))
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
        if thread.pointee.isHeld {
            thread.pointee.isReadyOnceReleased = true
        } else if thread.pointee.state == .blocked {
            makeReady(thread, cpu)
        }
        cpu.pointee.lock.release()
        Port.restoreInterrupts(wereEnabled)
    }

    private static func makeReady(_ thread: ThreadReference, _ cpu: CPUReference) {
        thread.pointee.state = .ready
        cpu.pointee.ready.append(thread)
        let running = cpu.pointee.current.pointee.priority
        if thread.pointee.priority > running {
            cpu.pointee.needsReschedule = true
            if cpu != Port.cpu { Port.interrupt(cpu) }
            return
        }
        if thread.pointee.priority == running {
            if cpu == Port.cpu { startSlice(cpu) } else { Port.interrupt(cpu) }
        }
        offer()
    }

    /// Takes the lock of the thread's CPU, which may change until then. Interrupts are off.
    private static func lock(_ thread: ThreadReference) -> CPUReference {
        while true {
            let cpu = thread.pointee.cpu
            cpu.pointee.lock.acquire()
            if thread.pointee.cpu == cpu { return cpu }
            cpu.pointee.lock.release()
        }
    }

    // MARK: Sharing the work

    /// Somebody waits for its turn here: a CPU that has nothing to do shall look.
    private static func offer() {
        for index in 0..<CPUs.count {
            let other = CPUs[index]
            if other != Port.cpu, other.pointee.current == other.pointee.idle { return Port.interrupt(other) }
        }
    }

    /// Takes over a thread that waits for its turn on another CPU; whether there was one. Interrupts are off.
    static func steal() -> Bool {
        let me = Port.cpu
        for index in 0..<CPUs.count where CPUs[index] != me && CPUs[index].pointee.ready.highestPriority != nil {
            let other = CPUs[index]
            // In the order of their numbers, so that two CPUs never wait for each other.
            let (first, second) = other.pointee.index < me.pointee.index ? (other, me) : (me, other)
            first.pointee.lock.acquire()
            second.pointee.lock.acquire()
            // What another CPU has in its registers, only that one can give back; and who is woken before it has switched away
            // still uses its stack.
            let thread = other.pointee.ready.first {
                $0 != other.pointee.current && $0.pointee.mayRun(on: me)
                    && ($0.pointee.vcpu == nil || $0.pointee.vcpu != other.pointee.loaded)
            }
            if let thread {
                other.pointee.ready.remove(thread)
                thread.pointee.cpu = me
                me.pointee.ready.append(thread)
                me.pointee.needsReschedule = true
            }
            second.pointee.lock.release()
            first.pointee.lock.release()
            if thread != nil { return true }
        }
        return false
    }

    // MARK: Holding

    /// Keeps the thread from running until it is released. Returns once it does not run.
    public static func hold(_ thread: ThreadReference) {
        let wereEnabled = Port.disableInterrupts()
        let cpu = lock(thread)
        thread.pointee.isHeld = true
        switch thread.pointee.state {
        case .ready:
            cpu.pointee.ready.remove(thread)
            thread.pointee.state = .blocked
            thread.pointee.isReadyOnceReleased = true
        case .running:
            cpu.pointee.needsReschedule = true
            if cpu != Port.cpu { Port.interrupt(cpu) }
        case .blocked, .finished: break
        }
        cpu.pointee.lock.release()
        if thread == Port.cpu.pointee.current { switchAway() }
        // SAFETY: a load that is made anew each time; the other CPU stores when it switches.
        while thread.pointee.state == .running && thread != Port.cpu.pointee.current { Port.relax() }
        Port.restoreInterrupts(wereEnabled)
    }

    public static func release(_ thread: ThreadReference) {
        let wereEnabled = Port.disableInterrupts()
        let cpu = lock(thread)
        thread.pointee.isHeld = false
        if thread.pointee.isReadyOnceReleased && thread.pointee.state == .blocked { makeReady(thread, cpu) }
        thread.pointee.isReadyOnceReleased = false
        cpu.pointee.lock.release()
        Port.restoreInterrupts(wereEnabled)
    }

    /// Makes a thread that is held begin anew in `entry` once it is released and woken.
    static func restart(_ thread: ThreadReference, entry: @escaping @convention(c) () -> Void) {
        guard let stack = thread.pointee.stack else { return }
        thread.pointee.context = Port.makeContext(stack: stack + Thread.stackSize, entry: entry)
        thread.pointee.isReadyOnceReleased = false
    }

    /// The limit of the thread's wait has come.
    static func endWait(_ thread: ThreadReference) {
        thread.pointee.timedOut = true
        wake(thread)
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
        wait {
            Timers.arm(timer(of: Port.cpu.pointee.current), at: Port.counter &+ Timers.ticks(nanoseconds))
        }
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
        switchAway()
        Port.restoreInterrupts(wereEnabled)
    }

    /// Lets a more important thread run, where there is one. Interrupts are off; every handler of an interrupt or of a
    /// guest's exit ends with this.
    @inline(__always)
    public static func preempt() {
        if Port.cpu.pointee.needsReschedule { switchAway() }
    }

    private static func stop(_ state: Thread.State) {
        _ = Port.disableInterrupts()
        Port.cpu.pointee.current.pointee.state = state
        switchAway()
    }

    // MARK: The switch

    /// Goes on with whoever should run now. Returns once that is the caller again, perhaps at once. Interrupts are off.
    private static func switchAway() {
        let cpu = Port.cpu
        cpu.pointee.lock.acquire()
        cpu.pointee.needsReschedule = false
        let old = cpu.pointee.current
        // Still running: it waits for its next turn behind the others of its priority.
        if old.pointee.state == .running && old != cpu.pointee.idle {
            if old.pointee.isHeld {
                old.pointee.state = .blocked
                old.pointee.isReadyOnceReleased = true
            } else {
                old.pointee.state = .ready
                cpu.pointee.ready.append(old)
            }
        }
        let new = cpu.pointee.ready.popHighest() ?? cpu.pointee.idle
        new.pointee.state = .running
        startSlice(cpu, for: new)
        if CPUs.count > 1, cpu.pointee.ready.highestPriority != nil { offer() }
        if new != old {
            let now = Port.counter
            old.pointee.runTime &+= now &- old.pointee.runningSince
            new.pointee.runningSince = now
            cpu.pointee.current = new
            if let vcpu = new.pointee.vcpu { load(vcpu, cpu) }
            // SAFETY: a thread that is not running has left its context here; its CPU's lock is held, so that nobody else
            // goes on with it.
            Port.switchContext(from: &old.pointee.context, to: new.pointee.context.unsafelyUnwrapped)
        }
        // Perhaps on another CPU than the one above.
        Port.cpu.pointee.lock.release()
    }

    /// Takes the VCPU's state out of this CPU's registers, if it is there.
    public static func unload(_ vcpu: VCPUReference) {
        let wereEnabled = Port.disableInterrupts()
        let cpu = Port.cpu
        if cpu.pointee.loaded == vcpu {
            Port.save(vcpu)
            cpu.pointee.loaded = nil
        }
        Port.restoreInterrupts(wereEnabled)
    }

    /// The state of a VCPU stays in the CPU's registers until another VCPU needs them: a guest that only waited finds all
    /// as it left it.
    private static func load(_ vcpu: VCPUReference, _ cpu: CPUReference) {
        guard cpu.pointee.loaded != vcpu else { return }
        if let other = cpu.pointee.loaded { Port.save(other) }
        cpu.pointee.loaded = vcpu
        Port.load(vcpu)
    }

    /// Arms the slice of whoever runs, if another thread waits for its turn.
    private static func startSlice(_ cpu: CPUReference) { startSlice(cpu, for: cpu.pointee.current) }

    private static func startSlice(_ cpu: CPUReference, for thread: ThreadReference) {
        let slice = slice(of: cpu)
        if cpu.pointee.ready.hasOthers(of: thread.pointee.priority) {
            Timers.arm(slice, at: Port.counter &+ Timers.ticks(timeSlice))
        } else {
            Timers.cancel(slice)
        }
    }

    private static func slice(of cpu: CPUReference) -> TimerReference {
        let index = cpu.pointee.index
        if let slice = slices[index] { return slice }
        let slice = TimerReference.allocate(capacity: 1)
        slice.initialize(to: TimerEvent(action: .timeSlice))
        slices[index] = slice
        return slice
    }

    /// What a CPU does while nobody runs: never returns.
    public static func idle() -> Never {
        while true {
            _ = Port.disableInterrupts()
            // Looked at with interrupts off; one that is pending ends the sleep all the same.
            if !Port.cpu.pointee.needsReschedule, !steal() { Port.waitForInterrupt() }
            Port.restoreInterrupts(true)
            _ = Port.disableInterrupts()
            preempt()
        }
    }
}
