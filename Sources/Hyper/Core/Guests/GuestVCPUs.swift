/// What commands do with single VCPUs of a guest.
extension Guest {
    /// Has somebody look at the registers of a VCPU, which stands still meanwhile.
    func examine(_ vcpu: VCPUReference, _ body: () -> Void) {
        whileHeld(vcpu) { body() }
    }

    /// Starts a VCPU that is off, as the guest's firmware would.
    func start(_ vcpu: VCPUReference, entry: UInt64) throws(HyperError) {
        guard state == .running else {
            throw HyperError("guest \(name) is \(stateName), and only a running one can start VCPUs")
        }
        guard vcpu.start(entry: entry, argument: argument) else {
            throw HyperError("VCPU \(name)/\(vcpu.pointee.index) is on already: stop it first")
        }
    }

    /// Turns a VCPU off, wherever it is.
    func stop(_ vcpu: VCPUReference) throws(HyperError) {
        guard vcpu.pointee.isStarted else { throw HyperError("VCPU \(name)/\(vcpu.pointee.index) is off already") }
        whileHeld(vcpu) {
            vcpu.pointee.lock.withLock {
                vcpu.pointee.isStarted = false
                vcpu.pointee.start = nil
            }
            if let thread = vcpu.pointee.thread { Scheduler.restart(thread, entry: VCPUReference.threadEntry) }
        }
    }

    private func whileHeld(_ vcpu: VCPUReference, _ body: () -> Void) {
        mutex.withLock {
            guard let thread = vcpu.pointee.thread else { return }
            let wasHeld = thread.pointee.isHeld
            hold(vcpu)
            body()
            // A guest that has halted meanwhile stays so.
            if !wasHeld, state == .running || state == .ready { Scheduler.release(thread) }
        }
    }
}
