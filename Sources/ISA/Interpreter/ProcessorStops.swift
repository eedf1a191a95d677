/// What one CPU has to do with its machine's ``DebugStops``: whether it has stopped, and what it has asked.
public final class ProcessorStops {
    package let machine: DebugStops
    /// The last turn ended before its time, for a breakpoint or a watchpoint.
    public private(set) var isStopped = false
    private var changes: UInt64 = 0
    /// The instruction whose breakpoint was asked about last: it is asked about once, even if it is come to in two steps, as
    /// when it is stopped at and then gone on from.
    private var asked: (position: UInt64, address: UInt64)?
    /// The next turn goes on from the instruction that was asked about.
    private var goesOn = false

    package init(_ machine: DebugStops) {
        self.machine = machine
    }

    /// A turn begins.
    /// - Returns: whether stops were inserted or removed since the last one.
    @inline(never)
    package func begin(_ core: UnsafeMutablePointer<CoreState>) -> Bool {
        // The machine may have been put back to where it was before.
        if !goesOn || !isAsked(core) { asked = nil }
        (isStopped, goesOn) = (false, false)
        defer { changes = machine.changes }
        return changes != machine.changes
    }

    private func isAsked(_ core: UnsafeMutablePointer<CoreState>) -> Bool {
        guard let asked else { return false }
        return asked.position == core.pointee.executed && asked.address == core.pointee.programCounter
    }

    /// The instruction at the program counter, whose physical address is given, may have a breakpoint.
    /// - Returns: whether the CPU stops before it. The turn has ended then.
    package func stopsAtBreakpoint(_ processor: any TranslatableProcessor, physical: UInt64?) -> Bool {
        let core = processor.core
        let address = core.pointee.programCounter
        guard machine.hasBreakpoint(at: address, physical: physical), !isAsked(core) else { return false }
        asked = (core.pointee.executed, address)
        guard machine.observer?.shouldStop(processor, atBreakpoint: address) ?? true else { return false }
        (isStopped, goesOn) = (true, true)
        core.pointee.giveBackTurn()
        return true
    }

    /// Has the next turn begin with the instruction at the program counter, whether it has a breakpoint or not, as if it had been
    /// stopped at.
    package func passBreakpoint(_ core: UnsafeMutablePointer<CoreState>) {
        asked = (core.pointee.executed, core.pointee.programCounter)
        goesOn = true
    }

    /// The instruction in progress makes an access, which may be one to what is watched. It cannot fault any more.
    package func report(_ processor: any TranslatableProcessor, _ access: DebugAccess) {
        guard machine.watches(access) else { return }
        if machine.observer?.shouldStop(processor, at: access) ?? true { stop(processor.core) }
    }

    /// The instruction in progress has made a device do something, which may have written what is watched.
    @inline(never)
    package func followDevice(_ core: UnsafeMutablePointer<CoreState>) {
        if machine.takeDeviceStop() { stop(core) }
    }

    /// Has the turn end behind the instruction in progress, or before the next one where none is, as at a watchpoint.
    package func stop(_ core: UnsafeMutablePointer<CoreState>) {
        machine.use()
        isStopped = true
        core.pointee.suspendTurn()
    }
}
