/// VCPUs of one guest that wait for each other.
///
/// A kernel holds its spin locks for a few instructions, and who waits for one executes meanwhile: on a machine the
/// holder does so too. Where VCPUs share a CPU, the holder may be one whose turn has not come, and the other one waits for
/// all of its own turn. With a fair lock, whose next holder is chosen before it runs, that goes on for as long as both want
/// it: it changes hands once in a turn. So a VCPU whose hardware says that it waits gives way to one that could run. Where
/// the hardware cannot say so, those that share a CPU take turns that are shorter than their slices. (Short turns alone
/// are the worse cure: who is interrupted often holds a lock then more often, too.)
extension Scheduler {
    /// The running VCPU waits for what another one of its guest is to do. Of those that wait for their turn, here or on
    /// another CPU, one runs now: the two change places, in the queue and in what is left of their slices, so that nobody
    /// else's turn comes earlier or later for it. Where none of them waits, it just goes on. Interrupts are off.
    @inline(never)
    static func giveWay() {
        let cpu = Port.cpu
        guard let vcpu = cpu.pointee.current.pointee.vcpu, let other = waitingSibling(of: vcpu) else { return }
        if other.pointee.cpu != cpu, !pull(cpu, other) { return }
        cpu.pointee.lock.acquire()
        let old = cpu.pointee.current
        let now = Port.counter
        charge(old, now)
        guard mayTakePlace(other, of: old, cpu) else { return cpu.pointee.lock.release() }
        cpu.pointee.ready.replace(other, with: old)
        changePlaces(old, other)
        begin(other, cpu, now)
        startSlice(cpu)
        if CPUs.count > 1 { offerWaiting(cpu, preempted: old) }
        // SAFETY: as in ``switchAway()``.
        Port.switchContext(from: &old.pointee.context, to: other.pointee.context.unsafelyUnwrapped)
        endSwitch()
    }

    /// The running thread's turn is over, and its slice is not: another VCPU of its guest that waits here has the first place
    /// in the queue, and this one that one's; whether there is one. The CPU's lock is held.
    static func makeRoom(_ thread: ThreadReference, _ cpu: CPUReference) -> Bool {
        guard let vcpu = thread.pointee.vcpu, let other = waitingSibling(of: vcpu, on: cpu),
            other.pointee.priority == thread.pointee.priority, other.pointee.mayRun(on: cpu)
        else { return false }
        cpu.pointee.ready.replace(other, with: thread)
        changePlaces(thread, other)
        cpu.pointee.ready.prepend(other)
        return true
    }

    /// The one that ran has the other's place in the queue already.
    private static func changePlaces(_ old: ThreadReference, _ new: ThreadReference) {
        old.pointee.state = .ready
        // One that runs for as long as it does not wait has nothing to give.
        guard old.pointee.slice != .max, new.pointee.slice != .max else { return }
        (old.pointee.sliceLeft, new.pointee.sliceLeft) = (new.pointee.sliceLeft, old.pointee.sliceLeft)
    }

    /// The next VCPU of the guest, in the order of their numbers, that could run and does not. Whoever gives way begins with
    /// the one behind it: where several wait for one, each has its turn before any has a second one.
    private static func waitingSibling(of vcpu: VCPUReference, on cpu: CPUReference? = nil) -> ThreadReference? {
        vcpu.pointee.guest._withUnsafeGuaranteedRef { guest in
            let count = guest.vcpus.count
            for offset in 1..<count {
                let sibling = guest.vcpus[(vcpu.pointee.index + offset) % count]
                // Looked at without its CPU's lock: it is looked at again before it runs.
                if let thread = sibling.pointee.thread, thread.pointee.state == .ready,
                    cpu == nil || thread.pointee.cpu == cpu
                {
                    return thread
                }
            }
            return nil
        }
    }

    /// The CPU's lock is held.
    private static func mayTakePlace(
        _ thread: ThreadReference, of running: ThreadReference, _ cpu: CPUReference
    ) -> Bool {
        // What else the CPU is to look at comes first: a turn that is over, a more important thread, a hold.
        !cpu.pointee.needsReschedule && !cpu.pointee.isLeaving && running.pointee.sliceLeft > 0
            && thread.pointee.cpu == cpu && thread.pointee.state == .ready
            && thread.pointee.priority == running.pointee.priority && thread.pointee.mayRun(on: cpu)
    }
}
