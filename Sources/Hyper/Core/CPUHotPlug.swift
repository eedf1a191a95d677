/// Turning CPUs of the host off and on while all runs on.
///
/// A CPU that is to go off takes no more threads. Its idle thread, which is then the only one that runs there, gives away
/// the rest: threads that wait for their turn, the registers of a VCPU, timers, interrupts of devices.
extension CPUs {
    /// Turns a CPU off, and returns when it is. The caller is a thread, perhaps of that very CPU.
    public static func turnOff(_ cpu: CPUReference) throws(HyperError) {
        try hotPlug.withLock { () throws(HyperError) in
            guard isOnline(cpu) else { throw HyperError("CPU \(cpu.pointee.index) is off already") }
            guard online.nonzeroBitCount > 1 else {
                throw HyperError("CPU \(cpu.pointee.index) is the last one that is on: turn another one on first")
            }
            let wereEnabled = Port.disableInterrupts()
            cpu.pointee.lock.withLock {
                setOnline(cpu, false)
                cpu.pointee.isLeaving = true
                cpu.pointee.needsReschedule = true
            }
            if cpu != Port.cpu { Port.interrupt(cpu) }
            Scheduler.preemptAndRestore(wereEnabled)
            while !cpu.pointee.callLock.withLock({ cpu.pointee.isOff }) || !Port.isStopped(cpu) {
                Scheduler.sleep(100_000)
            }
        }
    }

    /// Turns a CPU on, and has the threads that want to run there go there.
    public static func turnOn(_ cpu: CPUReference) throws(HyperError) {
        try hotPlug.withLock { () throws(HyperError) in
            guard !isOnline(cpu) else { throw HyperError("CPU \(cpu.pointee.index) is on already") }
            guard start(cpu) else { throw HyperError("the machine's firmware does not start CPU \(cpu.pointee.index)") }
            for thread in Scheduler.threads where !thread.pointee.mayRun(on: thread.pointee.cpu) {
                Scheduler.setAffinity(thread, thread.pointee.affinity)
            }
        }
    }

    /// Starts a CPU that is off; whether the machine did so.
    @discardableResult
    static func start(_ cpu: CPUReference) -> Bool {
        cpu.pointee.idle.pointee.state = .running
        cpu.pointee.callLock.withLock { cpu.pointee.isOff = false }
        setOnline(cpu, true)
        if Port.start(cpu) { return true }
        // It will not do what was given to it meanwhile.
        let wereEnabled = Port.disableInterrupts()
        cpu.pointee.lock.withLock { setOnline(cpu, false) }
        giveThreads(of: cpu)
        cpu.pointee.lock.release()
        endCalls(of: cpu)
        Port.restoreInterrupts(wereEnabled)
        return false
    }

    /// Has others execute the threads that wait for their turn on a CPU that takes no more. Its lock is held afterwards.
    private static func giveThreads(of cpu: CPUReference) {
        while true {
            // Before its registers are kept nobody takes a VCPU over.
            if let vcpu = cpu.pointee.loaded { Scheduler.unload(vcpu) }
            cpu.pointee.lock.acquire()
            guard let thread = cpu.pointee.ready.popHighest() else { return }
            thread.pointee.state = .migrating
            thread.pointee.cpu = Scheduler.target(for: thread)
            cpu.pointee.lock.release()
            Scheduler.land(thread)
        }
    }

    /// Whoever has asked the CPU for something gets it; later ones see that it is off.
    private static func endCalls(of cpu: CPUReference) {
        cpu.pointee.callLock.acquire()
        while !cpu.pointee.calls.isEmpty {
            let call = cpu.pointee.calls.removeFirst()
            cpu.pointee.callLock.release()
            call()
            cpu.pointee.callLock.acquire()
        }
        cpu.pointee.isOff = true
        cpu.pointee.callLock.release()
    }

    /// Gives away all that this CPU has, and turns it off. Called by its idle thread, with interrupts off.
    static func leave() -> Never {
        let cpu = Port.cpu
        let other = CPUs[online.trailingZeroBitCount]
        giveThreads(of: cpu)
        cpu.pointee.isLeaving = false
        cpu.pointee.needsReschedule = false
        cpu.pointee.lock.release()
        // SAFETY: a CPU's record stays where it is.
        Timers.cancel(withUnsafeMutablePointer(to: &cpu.pointee.slice) { $0 })
        endCalls(of: cpu)
        Timers.move(to: other)
        post(other) { Timers.setAlarm() }
        HostInterrupts.move(to: other)
        Port.stop()
    }
}

/// What ports of machines that have all their CPUs in the device tree do at boot.
extension CPUs {
    /// Starts the CPUs that the tree has besides this one, each known by its `reg`.
    static func startOthers() {
        for node in HostDevices.tree.child("cpus")?.children ?? []
        where node.isOkay && node.text("device_type") == "cpu" {
            guard let identifier = node.number("reg"), identifier != Port.cpu.pointee.hardwareIdentifier else {
                continue
            }
            if count < CPU.limit { start(add(hardwareIdentifier: identifier)) }
        }
    }

    /// Where the stack ends on which a CPU begins, which is its idle thread's. In the word below it finds its record.
    static func initialStack(of cpu: CPUReference) -> UInt64 {
        let stack: UnsafeMutableRawPointer
        if let known = cpu.pointee.idle.pointee.stack {
            stack = known
        } else {
            stack = .allocate(byteCount: Thread.stackSize, alignment: 16)
            cpu.pointee.idle.pointee.stack = stack
        }
        let top = stack + Thread.stackSize
        (top - 8).storeBytes(of: UInt64(UInt(bitPattern: cpu)), as: UInt64.self)
        return UInt64(UInt(bitPattern: top))
    }
}
