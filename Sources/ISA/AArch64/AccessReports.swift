import ISA

/// What a PE has to do with its machine's ``DebugStops``. Debug exceptions, which are the guest's own, come first: an access
/// that is one's does not happen.
extension AArch64.ProcessingElement {
    /// The last ``run(_:)`` ended early since it came to a breakpoint or a watchpoint: the PE may go on with what is left of its
    /// turn.
    public var isStoppedByDebugger: Bool { stops.isStopped }

    /// Has the next ``run(_:)`` begin with the instruction at the program counter, whether it has a breakpoint or not: for who has
    /// come there otherwise than by being stopped.
    public func passBreakpoint() { stops.passBreakpoint(core) }

    /// Has the PE stop where it is: for who was told of an exception, a return or a write of a register. An instruction in
    /// progress is finished.
    public func stopForDebugger() { stops.stop(core) }

    // MARK: Breakpoints

    /// The instruction at the program counter, at `slot` of the page at `slots`, has a breakpoint, or one at another address
    /// that leads to the same memory has.
    func reachBreakpoint(_ slot: UnsafeMutableRawPointer, _ slots: UnsafeMutableRawPointer) {
        if stopsAtBreakpoint(slots) { return }
        core.pointee.stopSoon()
        code.withoutBreakpoint(slot) { run(core.pointee.programCounter, slots) }
    }

    /// Whether the PE stops before the instruction at the program counter, in the page at `slots`: before that could be refused,
    /// whatever it is.
    func stopsAtBreakpoint(_ slots: UnsafeMutableRawPointer) -> Bool {
        guard debugStops.hasBreakpoints else { return false }
        let physical = DecodedPage.owner(of: slots).physical | core.pointee.programCounter & 4095
        return stops.stopsAtBreakpoint(self, physical: physical)
    }

    // MARK: Watchpoints

    @inline(never)
    func reportRead(_ address: UInt64, _ physical: UInt64, _ size: UInt64) {
        stops.report(self, DebugAccess(address: address, physical: physical, size: size, kinds: .read))
        stops.followDevice(core)
    }

    /// - Parameter host: where it goes, before it does, in memory.
    @inline(never)
    func reportWrite(
        _ address: UInt64, _ physical: UInt64, _ width: Width, _ value: UInt64, over host: UnsafeMutableRawPointer?
    ) {
        let access = DebugAccess(
            address: address, physical: physical, size: width.bytes, kinds: .write, old: host?.read(width),
            new: width.zeroExtend(value))
        stops.report(self, access)
        stops.followDevice(core)
    }

    @inline(never)
    func reportAcrossPages(
        _ address: UInt64, _ first: UInt64, _ second: UInt64, _ size: UInt64, _ kinds: DebugAccess.Kinds,
        new: UInt64? = nil
    ) {
        let access = DebugAccess(
            address: address, physical: first, size: size, kinds: kinds, new: new, secondPhysical: second)
        stops.report(self, access)
    }

    /// Of what was probed and is in one page of memory; the accesses to anything else tell of themselves. A store of an exclusive
    /// pair stores only by its reservation.
    @inline(never)
    func reportHeld(
        _ address: UInt64, _ physical: UInt64, _ size: UInt64, _ host: UnsafeMutableRawPointer, isWrite: Bool,
        _ attributes: MemoryAttributes
    ) {
        guard
            let kinds = DebugAccess.Kinds(
                ofHeld: host, isWrite: isWrite, attributes, reservation: core.pointee.reservation)
        else { return }
        stops.report(self, DebugAccess(address: address, physical: physical, size: size, kinds: kinds))
    }
}
