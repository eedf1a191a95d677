/// What a hart has to do with its machine's ``DebugStops``.
extension RISCV.Hart {
    /// The last ``run(_:)`` ended early since it came to a breakpoint or a watchpoint: the hart may go on with what is left of
    /// its turn.
    public var isStoppedByDebugger: Bool { stops.isStopped }

    /// Has the next ``run(_:)`` begin with the instruction at the program counter, whether it has a breakpoint or not: for who has
    /// come there otherwise than by being stopped.
    public func passBreakpoint() { stops.passBreakpoint(core) }

    /// Has the hart stop where it is: for who was told of an exception, a return or a write of a register. An instruction in
    /// progress is finished.
    public func stopForDebugger() { stops.stop(core) }

    /// A turn begins on a machine that has had stops.
    @inline(never)
    func followStops() {
        guard stops.begin(core) else { return }
        updateDirectMemory()
        levelChanged()
    }

    // MARK: Breakpoints

    /// The instruction at the program counter, at `slot` of the page at `slots`, has a breakpoint, or one at another address
    /// that leads to the same memory has.
    func reachBreakpoint(_ slot: UnsafeMutableRawPointer, _ slots: UnsafeMutableRawPointer) {
        let offset = UInt64((slot - slots) / DecodedSlot.bytes * 2)
        if stops.stopsAtBreakpoint(self, physical: DecodedPage.owner(of: slots).physical + offset) { return }
        core.pointee.stopSoon()
        code.withoutBreakpoint(slot) { enterCode() }
    }

    /// The same of one that lies in no decoded page.
    @inline(never)
    func stopsOutsidePages(_ address: UInt64) throws(Fault) -> Bool {
        stops.stopsAtBreakpoint(self, physical: try translate(address, .execute, fetchMode).physical)
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

    /// Of what an atomic instruction holds. A conditional store stores only by its reservation.
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

    @inline(never)
    func reportZeroing(_ address: UInt64, _ physical: UInt64) {
        let access = DebugAccess(
            address: address, physical: physical, size: Self.cacheBlockSize, kinds: .write, new: 0)
        stops.report(self, access)
    }
}
