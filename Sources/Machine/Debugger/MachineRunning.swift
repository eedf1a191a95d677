import ISA

/// Runs a session for a debugger, forwards and backwards.
///
/// Breakpoints and watchpoints are the engines' (``DebugStops``), so that what lies between them runs as fast as without. To run
/// backwards is to look for the last stop before this place: the run is put back to one mark of its ``Timeline`` after the
/// other, and each time run forward to where it was put back from, while what it would have stopped at is only noted.
final class MachineRunning: DebugObserver {
    private let session: Session
    private let board: any Board
    private let describe: (Session.Conclusion) -> String?
    /// Nil where a run cannot be put back.
    private var timeline: Timeline?
    private var points: [StopPoint] = []
    private var resumption: Resumption?
    private var isInterrupted = false
    /// The CPU that the user was shown last: it goes on from where it stands, breakpoint or not.
    private var shown = 0
    /// What the CPU that is stepped had executed before.
    private var start: UInt64 = 0
    /// What the engines have stopped for.
    private var found: DebugStop?
    private var search: Search?
    private(set) var conclusion: Session.Conclusion?
    /// Instructions in one call of ``advance()``, and how many of them one by one.
    private static let mostInstructions: UInt64 = 2_000_000
    private static let mostSteps = 20_000

    /// A run backwards.
    private struct Search {
        /// Where it began.
        let origin: UInt64
        /// The mark that is run forward from next.
        var mark: Int
        /// Up to there nothing was run yet.
        var end: UInt64
        /// The last stop before the origin, in what is run now.
        var last: (position: UInt64, stop: DebugStop)?
    }

    /// - Parameter describe: how a run's end is told of, for those that are no exit of the guest's.
    init(_ session: Session, describe: @escaping (Session.Conclusion) -> String?) {
        self.session = session
        board = session.board
        self.describe = describe
        let disks = session.description.drives + session.description.flash
        // What is written to a file cannot be taken back.
        let canBePutBack = disks.allSatisfy { $0.isReadOnly || $0.isSnapshot }
        timeline = canBePutBack ? Timeline(session) : nil
        super.init()
        board.memory.stops.observer = self
    }

    var canReverse: Bool { timeline != nil }
    private var current: Int { board.scheduler.currentIdentifier }

    private func executed(_ processor: Int) -> UInt64 {
        board.processors.indices.contains(processor) ? board.processors[processor].executed : 0
    }

    /// A debugger has changed something, which is no part of the run: its history begins there.
    func edited() { timeline?.begin() }

    // MARK: Stop points

    func insert(_ point: StopPoint) throws(DebugRefusal) {
        let (address, space) = try place(point)
        points.append(point)
        if let watchpoint = Self.watchpoint(point.kind, address, space) {
            board.memory.stops.insert(watchpoint)
        } else {
            board.memory.stops.insertBreakpoint(at: address, space)
        }
    }

    func remove(_ point: StopPoint) {
        guard let index = points.firstIndex(of: point), let (address, space) = try? place(point) else { return }
        points.remove(at: index)
        if let watchpoint = Self.watchpoint(point.kind, address, space) {
            board.memory.stops.remove(watchpoint)
        } else {
            board.memory.stops.removeBreakpoint(at: address, space)
        }
    }

    /// The address as the engines compare it.
    private func place(_ point: StopPoint) throws(DebugRefusal) -> (UInt64, DebugStops.AddressSpace) {
        switch point.address.space {
        case .current, .virtual: return (point.address.value, .virtual)
        case .physical: return (point.address.value, .physical)
        case .guestPhysical(let guest):
            let cpu = board.processors.first { guest == nil || $0.guest == guest } ?? board.processors[0]
            guard let physical = cpu.physicalAddress(of: point.address, board.memory) else {
                throw DebugRefusal("the guest has nothing at \(hexadecimal(point.address.value)).")
            }
            return (physical, .physical)
        }
    }

    private static func watchpoint(
        _ kind: StopPoint.Kind, _ address: UInt64, _ space: DebugStops.AddressSpace
    ) -> Watchpoint? {
        switch kind {
        case .execution: nil
        case .read(let count): Watchpoint(at: address, count: count, space, .read)
        case .write(let count): Watchpoint(at: address, count: count, space, .write)
        case .access(let count): Watchpoint(at: address, count: count, space, [.read, .write])
        }
    }

    override func shouldStop(_ processor: any TranslatableProcessor, atBreakpoint address: UInt64) -> Bool {
        guard let processor = processor as? any InspectableProcessor else { return false }
        let isOne = points.contains { point in
            guard point.kind == .execution, isMeant(point, processor) else { return false }
            guard let (place, space) = try? self.place(point) else { return false }
            return space == .virtual
                ? place == address
                : place == processor.physicalAddress(of: DebugAddress(address), board.memory)
        }
        return isOne && note(DebugStop(.breakpoint, processor: processor.identifier))
    }

    override func shouldStop(_ processor: (any TranslatableProcessor)?, at access: DebugAccess) -> Bool {
        let cpu = processor as? any InspectableProcessor
        for point in points where cpu.map({ isMeant(point, $0) }) ?? true {
            guard let (place, space) = try? self.place(point),
                let watchpoint = Self.watchpoint(point.kind, place, space),
                !watchpoint.kinds.isDisjoint(with: access.kinds)
            else { continue }
            let first = space == .virtual ? access.address : access.physical
            // What crosses a page is elsewhere in memory from there on.
            let parts =
                access.secondPhysical.map { [(first, access.size), ($0 & ~4095, access.size)] }
                ?? [(first, access.size)]
            for (first, size) in parts where watchpoint.overlaps(first, size) {
                let address = point.address.value &+ (max(first, place) &- place)
                return note(DebugStop(.watchpoint(point.kind, address: address), processor: cpu?.identifier ?? current))
            }
        }
        return false
    }

    private func isMeant(_ point: StopPoint, _ processor: any InspectableProcessor) -> Bool {
        if let level = point.level, level != processor.privilege.name { return false }
        if let guest = point.guest, !processor.privilege.isGuests || guest != processor.guest { return false }
        return true
    }

    /// - Returns: whether to stop there.
    private func note(_ stop: DebugStop) -> Bool {
        if search != nil {
            if board.executed < search!.origin { search!.last = (board.executed, stop) }
            return false
        }
        if found == nil { found = stop }
        return true
    }

    // MARK: Running

    func resume(_ resumption: Resumption) {
        self.resumption = resumption
        (conclusion, found, search) = (nil, nil, nil)
        switch resumption.amount {
        case .run: break
        case .step(let processor), .stepOutOf(let processor, _): start = executed(processor)
        }
        if !resumption.isReverse, board.processors.indices.contains(shown) { board.processors[shown].passBreakpoint() }
    }

    func interrupt() { isInterrupted = true }

    /// The machine was started anew.
    func restart() {
        (resumption, conclusion, isInterrupted, search) = (nil, nil, false, nil)
        timeline?.begin()
    }

    func advance() -> DebugStop? {
        guard let resumption else { return nil }
        let stop: DebugStop?
        if isInterrupted {
            if search != nil { _ = goBack(to: search!.end) }
            stop = DebugStop(.interrupted, processor: current)
        } else if resumption.isReverse {
            stop = advanceBackwards(resumption)
        } else {
            stop = advanceForwards(resumption)
        }
        guard let stop else { return nil }
        (self.resumption, isInterrupted, search) = (nil, false, nil)
        shown = stop.processor
        return stop
    }

    private func run(to position: UInt64) -> Session.Conclusion {
        timeline?.run(to: position) ?? session.run(to: position)
    }

    private func advanceForwards(_ resumption: Resumption) -> DebugStop? {
        let steps = resumption.amount != .run
        for _ in 0..<(steps ? Self.mostSteps : 1) {
            let before = board.executed
            let conclusion = run(to: before.addingReportingOverflow(steps ? 1 : Self.mostInstructions).partialValue)
            if let found { return found }
            guard conclusion == .suspended else {
                self.conclusion = conclusion
                return DebugStop(reason(conclusion), processor: current)
            }
            switch resumption.amount {
            case .run: break
            case .step(let processor):
                if executed(processor) != start { return DebugStop(.stepped, processor: processor) }
            case .stepOutOf(let processor, let range):
                if executed(processor) != start, !range.contains(board.processors[processor].programCounter) {
                    return DebugStop(.stepped, processor: processor)
                }
            }
            // An idle machine waits for what only the caller can see to.
            if board.executed == before { break }
        }
        return nil
    }

    private func reason(_ conclusion: Session.Conclusion) -> DebugStop.Reason {
        switch conclusion {
        case .exited(let status): .exited(status: status)
        case .failed(let code): .exited(status: max(code, 1))
        case .recordingEnded: .endOfHistory
        default: .ended(describe(conclusion) ?? "the run has ended")
        }
    }

    // MARK: Running backwards

    private func advanceBackwards(_ resumption: Resumption) -> DebugStop? {
        guard let timeline else { return DebugStop(.startOfHistory, processor: current) }
        switch resumption.amount {
        case .step(let processor), .stepOutOf(let processor, _): return stepBack(processor, timeline)
        case .run: break
        }
        if search == nil {
            let origin = board.executed
            guard origin > timeline.start else { return DebugStop(.startOfHistory, processor: current) }
            let mark = timeline.markPositions.lastIndex { $0 < origin } ?? 0
            search = Search(origin: origin, mark: mark, end: origin)
        }
        // From one mark to the next one.
        let (mark, end) = (search!.mark, search!.end)
        do throws(StateError) { try timeline.restore(mark) } catch { return broken(error) }
        let from = board.executed
        _ = timeline.run(to: end)
        if let (position, stop) = search!.last {
            return goBack(to: position) ?? stop
        }
        guard mark > 0 else { return goBack(to: timeline.start) ?? DebugStop(.startOfHistory, processor: current) }
        (search!.mark, search!.end) = (mark - 1, from)
        return nil
    }

    /// - Returns: why it cannot be done; nil where it was.
    private func goBack(to position: UInt64) -> DebugStop? {
        // Stops on the way are passed.
        search?.last = nil
        if search == nil { search = Search(origin: 0, mark: 0, end: position) }
        defer { search = nil }
        do throws(StateError) { _ = try timeline?.move(to: position) } catch { return broken(error) }
        return nil
    }

    private func broken(_ error: StateError) -> DebugStop {
        DebugStop(.ended("the run cannot be put back: \(error.description)"), processor: current)
    }

    /// To where the CPU is about to execute what it executed last.
    private func stepBack(_ processor: Int, _ timeline: Timeline) -> DebugStop {
        let goal = executed(processor) &- 1
        let position = board.executed
        guard goal != UInt64.max, position > timeline.start else {
            return DebugStop(.startOfHistory, processor: processor)
        }
        search = Search(origin: 0, mark: 0, end: position)
        defer { search = nil }
        do throws(StateError) {
            _ = try timeline.move(to: position - 1)
            // Mostly it is the one that ran last.
            if executed(processor) == goal { return DebugStop(.stepped, processor: processor) }
            for mark in timeline.markPositions.indices.reversed() where timeline.markPositions[mark] < position {
                try timeline.restore(mark)
                guard executed(processor) <= goal else { continue }
                // The others run as well, so that it is no further than that.
                while executed(processor) < goal {
                    _ = timeline.run(to: board.executed + (goal - executed(processor)))
                }
                // Others may have had their turns before it went on.
                while executed(processor) == goal { _ = timeline.run(to: board.executed + 1) }
                _ = try timeline.move(to: board.executed - 1)
                return DebugStop(.stepped, processor: processor)
            }
            _ = try timeline.move(to: timeline.start)
            return DebugStop(.startOfHistory, processor: processor)
        } catch { return broken(error) }
    }
}
