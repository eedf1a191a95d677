/// What other CPUs have made of a VCPU's lines since the CPU in whose registers it is has taken them over: it is told by a
/// message. What that CPU makes of a line itself is newer than what others had made of it before, however late their message
/// comes.
struct ChangedLines {
    private var changed: UInt64 = 0
    /// What each that has changed is now.
    private var levels: UInt64 = 0

    @inline(__always)
    var isEmpty: Bool { changed == 0 }

    /// Another CPU sets the line.
    mutating func set(_ line: UInt64, _ level: Bool) {
        changed |= line
        levels = levels & ~line | (level ? line : 0)
    }

    /// The VCPU's own CPU sets the line.
    mutating func forget(_ line: UInt64) { changed &= ~line }

    var high: UInt64 { changed & levels }
    var low: UInt64 { changed & ~levels }
}

extension UnsafeMutablePointer<VCPU> {
    /// Sets or clears a line of the VCPU's own, a bit as the architecture has it. Called on any CPU.
    func set(line: UInt64, _ level: Bool) {
        let wereEnabled = Port.disableInterrupts()
        pointee.lock.acquire()
        if pointee.loadedOn == Port.cpu {
            pointee.changedLines.forget(line)
            if level { Port.setLines(line) } else { Port.clearLines(line) }
        } else if let other = pointee.loadedOn {
            // What is in another CPU's registers only that CPU can change.
            pointee.changedLines.set(line, level)
            Port.interrupt(other)
        } else {
            let state = state
            state.pointee.lines = level ? state.pointee.lines | line : state.pointee.lines & ~line
        }
        let isStarted = pointee.isStarted
        pointee.lock.release()
        if level, isStarted, let thread = pointee.thread { Scheduler.wake(thread) }
        Port.restoreInterrupts(wereEnabled)
    }

    /// A message has come to this CPU, in whose registers the VCPU is. Interrupts are off.
    func takeLines() {
        pointee.lock.acquire()
        applyLines()
        pointee.lock.release()
    }

    /// Brings into this CPU's registers, in which the VCPU is, what others have made of its lines. Its lock is held.
    @inline(__always)
    func applyLines() {
        guard !pointee.changedLines.isEmpty else { return }
        Port.clearLines(pointee.changedLines.low)
        Port.setLines(pointee.changedLines.high)
        pointee.changedLines = ChangedLines()
    }
}
