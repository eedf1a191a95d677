/// Keeping a thread from running, whatever wakes it: a guest is paused, reset or destroyed.
extension Scheduler {
    /// Keeps the thread from running until it is released. Returns once it does not run; the running thread's own call
    /// returns when it is released. The caller holds no lock.
    public static func hold(_ thread: ThreadReference) {
        let wereEnabled = Port.disableInterrupts()
        requestHold(thread)
        if thread == Port.cpu.pointee.current {
            switchAway()
        } else {
            while isOnCPU(thread) {
                // Its CPU may wait in the same way for what this one does.
                CPUs.answerCalls()
                preempt()
                Port.relax()
            }
        }
        Port.restoreInterrupts(wereEnabled)
    }

    /// Keeps the thread from running from its CPU's next switch on, which is asked for. Where that is this CPU, and interrupts
    /// are off, it is the ``preempt()`` at the end of the handler.
    static func requestHold(_ thread: ThreadReference) {
        let wereEnabled = Port.disableInterrupts()
        let cpu = lock(thread)
        thread.pointee.isHeld = true
        switch thread.pointee.state {
        case .ready:
            cpu.pointee.ready.remove(thread)
            thread.pointee.state = .blocked
            thread.pointee.isReadyOnceReleased = true
        case .throttled:
            thread.pointee.state = .blocked
            thread.pointee.isReadyOnceReleased = true
        case .running:
            cpu.pointee.needsReschedule = true
            if cpu != Port.cpu { Port.interrupt(cpu) }
        case .blocked, .migrating, .finished: break
        }
        cpu.pointee.lock.release()
        Port.restoreInterrupts(wereEnabled)
    }

    /// Whether the thread's context is still a CPU's, or on its way to another one.
    private static func isOnCPU(_ thread: ThreadReference) -> Bool {
        let cpu = lock(thread)
        defer { cpu.pointee.lock.release() }
        return thread == cpu.pointee.current || thread.pointee.state == .migrating
    }

    public static func release(_ thread: ThreadReference) {
        let wereEnabled = Port.disableInterrupts()
        let cpu = lock(thread)
        thread.pointee.isHeld = false
        if thread.pointee.isReadyOnceReleased && thread.pointee.state == .blocked { makeReady(thread, cpu) }
        thread.pointee.isReadyOnceReleased = false
        cpu.pointee.lock.release()
        preemptAndRestore(wereEnabled)
    }

    /// Makes a thread that is held begin anew in `entry` once it is released and woken.
    static func restart(_ thread: ThreadReference, entry: @escaping @convention(c) () -> Void) {
        guard let stack = thread.pointee.stack else { return }
        leaveQueue(thread)
        thread.pointee.context = Port.makeContext(stack: stack + Thread.stackSize, entry: entry)
        thread.pointee.isReadyOnceReleased = false
    }

    /// Takes a thread that will not go on with its wait out of the queue.
    static func leaveQueue(_ thread: ThreadReference) {
        thread.pointee.waitQueue?._withUnsafeGuaranteedRef { $0.forget(thread) }
    }

    // MARK: The registers of VCPUs

    /// The state of a VCPU stays in the CPU's registers until another VCPU needs them: a guest that only waited finds all
    /// as it left it.
    static func load(_ vcpu: VCPUReference, _ cpu: CPUReference) {
        guard cpu.pointee.loaded != vcpu else { return }
        if let other = cpu.pointee.loaded { other.save() }
        cpu.pointee.loaded = vcpu
        vcpu.load()
    }

    /// Takes the VCPU's state out of this CPU's registers, if it is there.
    public static func unload(_ vcpu: VCPUReference) {
        let wereEnabled = Port.disableInterrupts()
        unload(vcpu, from: Port.cpu)
        Port.restoreInterrupts(wereEnabled)
    }

    static func unload(_ thread: ThreadReference, from cpu: CPUReference) {
        if let vcpu = thread.pointee.vcpu { unload(vcpu, from: cpu) }
    }

    private static func unload(_ vcpu: VCPUReference, from cpu: CPUReference) {
        guard cpu.pointee.loaded == vcpu else { return }
        vcpu.save()
        cpu.pointee.loaded = nil
    }
}
