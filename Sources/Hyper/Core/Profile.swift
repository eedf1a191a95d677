/// Where CPUs spend their time, and why guests leave: what `profile` starts, stops and shows.
///
/// A timer of each CPU notes at every period what it has interrupted. Code with interrupts off is noted where they are on
/// again, so that the handling of exits is not seen: that is counted and timed by the cause of the exit.
public enum Profile {
    /// Each trace point looks at this, where the configuration has them at all.
    // SAFETY: changed by `profile`; who reads it too late counts one more, or one less.
    nonisolated(unsafe) static var isRunning = false

    struct Sample: Equatable {
        let address: UInt64
        /// The guest's identifier, or nil for the hypervisor's own code.
        let guest: Int?
    }

    struct ExitCount {
        var count: UInt64 = 0
        var ticks: UInt64 = 0
    }

    static let causes = 64
    private static let sampleLimit = 4096

    /// What one CPU has noted.
    private struct Notes {
        let cpu: CPUReference
        var samples: [Sample] = []
        /// Of those, how many had no room any more.
        var lost: UInt64 = 0
        var exits = [ExitCount](repeating: ExitCount(), count: causes)
        var timer = TimerEvent(action: .timeSlice)
        var period: UInt64

        init(_ cpu: CPUReference, period: UInt64) {
            self.cpu = cpu
            self.period = period
            // Nothing is allocated while it runs.
            samples.reserveCapacity(sampleLimit)
        }
    }

    private typealias NotesReference = UnsafeMutablePointer<Notes>

    // SAFETY: made and forgotten while nothing runs; each CPU changes its own, with interrupts off.
    nonisolated(unsafe) private static var notes: [NotesReference] = []

    private static func event(_ notes: NotesReference) -> TimerReference {
        // SAFETY: notes stay where they are until the next start, and their event is cancelled before.
        withUnsafeMutablePointer(to: &notes.pointee.timer) { $0 }
    }

    // MARK: Starting and stopping

    static func start(period nanoseconds: UInt64) throws(HyperError) {
        guard !isRunning else { throw HyperError("the profiler runs already: stop it first") }
        for old in notes {
            old.deinitialize(count: 1)
            old.deallocate()
        }
        notes = (0..<CPUs.count).map { index in
            let notes = NotesReference.allocate(capacity: 1)
            notes.initialize(to: Notes(CPUs[index], period: max(Timers.ticks(nanoseconds), 1)))
            return notes
        }
        isRunning = true
        for notes in notes {
            notes.pointee.timer.action = .call(
                // SAFETY: the notes below.
                { Profile.sample($0.unsafelyUnwrapped.assumingMemoryBound(to: Notes.self)) },
                UnsafeMutableRawPointer(notes))
            CPUs.call(notes.pointee.cpu) {
                Timers.arm(event(notes), at: Timers.sum(Port.counter, notes.pointee.period))
            }
        }
    }

    static func stop() throws(HyperError) {
        guard isRunning else { throw HyperError("the profiler does not run") }
        isRunning = false
        // One that was about to sample sees that, and arms no more.
        CPUs.leaveHandlers()
        for notes in notes { Timers.cancelAndWait(event(notes)) }
    }

    /// The notes' timer has come.
    private static func sample(_ notes: NotesReference) {
        // A CPU that went off has handed its timers on; it is sampled no more.
        guard isRunning, notes.pointee.cpu == Port.cpu else { return }
        let place = Port.interruptedPlace
        if notes.pointee.samples.count < sampleLimit {
            let guest = place.isGuest ? Port.cpu.pointee.current.pointee.vcpu?.pointee.guest : nil
            notes.pointee.samples.append(
                Sample(address: place.address, guest: guest?._withUnsafeGuaranteedRef { $0.identifier }))
        } else {
            notes.pointee.lost += 1
        }
        Timers.arm(event(notes), at: Timers.sum(Port.counter, notes.pointee.period))
    }

    // MARK: Trace points

    /// Ticks that the running thread has run: what it waits meanwhile is not counted. Interrupts are off.
    @inline(__always)
    static var now: UInt64 {
        let thread = Port.cpu.pointee.current
        return thread.pointee.runTime &+ (Port.counter &- thread.pointee.runningSince)
    }

    /// An exit of a guest has been handled, which came at `start` (``now``).
    @inline(never)
    static func countExit(_ cause: Int, since start: UInt64) {
        let index = Port.cpu.pointee.index
        guard isRunning, index < notes.count, cause < causes else { return }
        notes[index].pointee.exits[cause].count += 1
        notes[index].pointee.exits[cause].ticks &+= now &- start
    }

    // MARK: What was found

    /// Of all CPUs, by cause.
    static var exits: [ExitCount] {
        var sum = [ExitCount](repeating: ExitCount(), count: causes)
        for notes in notes {
            for cause in sum.indices {
                sum[cause].count += notes.pointee.exits[cause].count
                sum[cause].ticks &+= notes.pointee.exits[cause].ticks
            }
        }
        return sum
    }

    static var sampleCount: Int { notes.reduce(0) { $0 + $1.pointee.samples.count } }
    static var lostSamples: UInt64 { notes.reduce(0) { $0 + $1.pointee.lost } }

    /// The places that were met most often.
    static func hottest(_ limit: Int) -> [(place: Sample, count: Int)] {
        let all = notes.flatMap { $0.pointee.samples }.ordered {
            ($0.address, $0.guest ?? -1) < ($1.address, $1.guest ?? -1)
        }
        var counts: [(place: Sample, count: Int)] = []
        for sample in all {
            if let last = counts.last, last.place == sample {
                counts[counts.count - 1].count += 1
            } else {
                counts.append((sample, 1))
            }
        }
        let hottest = counts.ordered { ($1.count, $0.place.address) < ($0.count, $1.place.address) }
        return Array(hottest.prefix(limit))
    }
}
