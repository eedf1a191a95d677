/// Which CPU a thread runs on.
///
/// A CPU on which a thread waits tells another one that does nothing, or something less important, which then takes the
/// thread over: the one that has room works for it. Where two CPUs differ by two threads or more of one priority, the end of
/// a slice moves one of them.
extension Scheduler {
    // MARK: The CPU that has too much

    /// Tells a CPU that does something less important than the thread that waits, if there is one. The lock of `cpu`, in
    /// whose queue the thread is, is held.
    static func offer(_ thread: ThreadReference, from cpu: CPUReference) {
        guard CPUs.count > 1, thread != cpu.pointee.current else { return }
        var least = thread.pointee.priority
        var best: CPUReference?
        for index in 0..<CPUs.count {
            let other = CPUs[index]
            // Looked at without its lock: it looks itself before it takes anything.
            let running = max(other.pointee.runningPriority, other.pointee.ready.highestPriority ?? 0)
            guard other != cpu, running < least, thread.pointee.mayRun(on: other) else { continue }
            (least, best) = (running, other)
        }
        guard let best else { return }
        // What is in a CPU's registers only that CPU can give away.
        if let vcpu = thread.pointee.vcpu, cpu.pointee.loaded == vcpu {
            guard cpu == Port.cpu else { return Port.interrupt(cpu) }
            unload(thread, from: cpu)
        }
        best.pointee.isOffered = true
        if best != Port.cpu { Port.interrupt(best) } else { best.pointee.needsReschedule = true }
    }

    /// Before a switch: offers what will wait, the most important thread and what the switch itself leaves behind. The lock is
    /// held.
    @inline(__always)
    static func offerWaiting(_ cpu: CPUReference, preempted old: ThreadReference) {
        if cpu.pointee.ready.count > 0 { offerAll(cpu, preempted: old) }
    }

    private static func offerAll(_ cpu: CPUReference, preempted old: ThreadReference) {
        let first = cpu.pointee.ready.first
        if let first { offer(first, from: cpu) }
        if old != first, old.pointee.state == .ready { offer(old, from: cpu) }
        // Nobody can take it over before its registers are its own again.
        if let vcpu = cpu.pointee.loaded, let thread = vcpu.pointee.thread, thread != first, thread != old,
            thread.pointee.state == .ready
        {
            offer(thread, from: cpu)
        }
    }

    /// Moves a thread to the CPU that has least to do, where that makes both more equal. Interrupts are off.
    static func shareWork(_ cpu: CPUReference) {
        if cpu.pointee.isOffered {
            cpu.pointee.isOffered = false
            let current = cpu.pointee.current
            _ = pull(cpu, above: current.pointee.state == .running ? current.pointee.priority : Thread.idlePriority)
        }
        if cpu.pointee.sliceIsOver {
            cpu.pointee.sliceIsOver = false
            balance(cpu)
        }
    }

    private static func balance(_ cpu: CPUReference) {
        guard cpu.pointee.ready.count > 0 else { return }
        var least = cpu.pointee.load
        var best: CPUReference?
        for index in 0..<CPUs.count where CPUs[index] != cpu && CPUs.isOnline(CPUs[index]) {
            let load = CPUs[index].pointee.load
            if load < least { (least, best) = (load, CPUs[index]) }
        }
        guard let best else { return }
        withLocks(cpu, best) {
            guard best.pointee.load + 2 <= cpu.pointee.load,
                let thread = cpu.pointee.ready.first(where: { isMovable($0, from: cpu, to: best) })
            else { return }
            move(thread, from: cpu, to: best)
            best.pointee.needsReschedule = true
            Port.interrupt(best)
        }
    }

    // MARK: The CPU that has room

    /// Takes over the most important thread above a priority that waits on another CPU; whether there was one. Interrupts
    /// are off.
    static func pull(_ me: CPUReference, above priority: Int) -> Bool {
        guard CPUs.isOnline(me) else { return false }
        let least = max(priority, me.pointee.ready.highestPriority ?? 0)
        // Those that wait for the same, the most important ones first.
        var asked: UInt32 = 1 << UInt32(me.pointee.index)
        while let other = busiest(except: asked, above: least) {
            asked |= 1 << UInt32(other.pointee.index)
            let isDone = withLocks(me, other) {
                // Before this one is off it may not take anything more.
                guard CPUs.isOnline(me) else { return false }
                var isLoaded = false
                let thread = other.pointee.ready.first {
                    guard $0.pointee.priority > least, $0.pointee.mayRun(on: me), $0 != other.pointee.current else {
                        return false
                    }
                    if isMovable($0, from: other, to: me) { return true }
                    isLoaded = true
                    return false
                }
                guard let thread else {
                    // It gives the registers back, and offers the thread.
                    if isLoaded { Port.interrupt(other) }
                    return false
                }
                move(thread, from: other, to: me)
                me.pointee.needsReschedule = true
                // There may be work for one more.
                if let next = other.pointee.ready.first { offer(next, from: other) }
                return true
            }
            if isDone { return true }
        }
        return false
    }

    /// Takes over a thread that waits on another CPU, behind those that wait here; whether that was possible. Interrupts are
    /// off.
    static func pull(_ me: CPUReference, _ thread: ThreadReference) -> Bool {
        let other = thread.pointee.cpu
        // It may have come meanwhile.
        guard other != me else { return true }
        return withLocks(me, other) {
            guard CPUs.isOnline(me), thread.pointee.cpu == other, thread.pointee.state == .ready,
                isMovable(thread, from: other, to: me)
            else { return false }
            move(thread, from: other, to: me)
            return true
        }
    }

    private static func busiest(except asked: UInt32, above priority: Int) -> CPUReference? {
        var most = priority
        var best: CPUReference?
        for index in 0..<CPUs.count where asked & 1 << UInt32(index) == 0 {
            guard let waiting = CPUs[index].pointee.ready.highestPriority, waiting > most else { continue }
            (most, best) = (waiting, CPUs[index])
        }
        return best
    }

    private static func isMovable(_ thread: ThreadReference, from: CPUReference, to: CPUReference) -> Bool {
        isMovable(thread, from: from) && thread.pointee.mayRun(on: to)
    }

    /// Whether nothing of the thread is on its CPU: its context is kept, and so are its VCPU's registers.
    static func isMovable(_ thread: ThreadReference, from cpu: CPUReference) -> Bool {
        thread != cpu.pointee.current && (thread.pointee.vcpu == nil || thread.pointee.vcpu != cpu.pointee.loaded)
    }

    /// Both locks are held.
    private static func move(_ thread: ThreadReference, from: CPUReference, to: CPUReference) {
        from.pointee.ready.remove(thread)
        thread.pointee.cpu = to
        to.pointee.ready.append(thread)
    }

    /// In the order of their numbers, so that two CPUs never wait for each other. Interrupts are off.
    private static func withLocks<Result>(_ a: CPUReference, _ b: CPUReference, _ body: () -> Result) -> Result {
        let (first, second) = a.pointee.index < b.pointee.index ? (a, b) : (b, a)
        first.pointee.lock.acquire()
        second.pointee.lock.acquire()
        defer {
            second.pointee.lock.release()
            first.pointee.lock.release()
        }
        return body()
    }

    // MARK: Leaving a CPU

    /// Whether a thread that is in no queue can become another CPU's at once. The lock of its CPU is held.
    static func mayMove(_ thread: ThreadReference, from cpu: CPUReference) -> Bool {
        guard isMovable(thread, from: cpu) else { return false }
        return switch thread.pointee.state {
        case .blocked, .throttled, .finished: true
        case .running, .ready, .migrating: false
        }
    }

    /// The CPU on which the thread is wanted least: of those that it may be on, the one that has least to do.
    static func target(for thread: ThreadReference) -> CPUReference {
        var best: CPUReference?
        for index in 0..<CPUs.count where thread.pointee.mayRun(on: CPUs[index]) {
            if let known = best, known.pointee.load <= CPUs[index].pointee.load { continue }
            best = CPUs[index]
        }
        return best ?? thread.pointee.cpu
    }

    /// The thread, which is in no queue, goes to another CPU once this one has switched. The lock is held.
    static func depart(_ thread: ThreadReference, _ cpu: CPUReference) {
        thread.pointee.state = .migrating
        cpu.pointee.departing.append(thread)
    }

    /// A thread that was under way is ready on its new CPU.
    static func land(_ thread: ThreadReference) {
        while true {
            let cpu = thread.pointee.cpu
            cpu.pointee.lock.acquire()
            if CPUs.isOnline(cpu) {
                thread.pointee.state = .blocked
                if thread.pointee.isHeld { thread.pointee.isReadyOnceReleased = true } else { makeReady(thread, cpu) }
                return cpu.pointee.lock.release()
            }
            thread.pointee.cpu = target(for: thread)
            cpu.pointee.lock.release()
        }
    }
}
