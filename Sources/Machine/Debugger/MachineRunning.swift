import ISA

/// Runs a session for a debugger, forwards and backwards.
///
/// Breakpoints and watchpoints are the engines' (``DebugStops``), so that what lies between them runs as fast as without. To run
/// backwards is to look for the last stop before this place: the run is put back to one mark of its ``Timeline`` after the
/// other, and each time run forward to where it was put back from, while what it would have stopped at is only noted.
final class MachineRunning: DebugObserver {
    let session: Session
    let board: any Board
    private let describe: (Session.Conclusion) -> String?
    /// Nil where a run cannot be put back.
    var timeline: Timeline?
    /// Stop points, with their addresses as the engines compare them.
    var points: [Placed] = []
    /// The events to stop at, and what ends the observation of CPUs that tell of them.
    var events: [EventPoint] = []
    private var observations: [() -> Void] = []
    /// What was taken at the last event that was an exception.
    private(set) var lastException: ExceptionRecord?
    /// Names for what is said of events.
    private let symbols: SymbolFinder
    private var resumption: Resumption?
    private var isInterrupted = false
    /// The CPU that the user was shown last: it goes on from where it stands, breakpoint or not.
    private var shown = 0
    /// What the CPU that is stepped had executed before.
    private var start: UInt64 = 0
    /// What the engines have stopped for.
    private var found: DebugStop?
    var search: Search?
    /// Asked now and then while something is searched for that may be far: whether nobody waits for it any more.
    var isGivenUp: () -> Bool = { false }
    private(set) var conclusion: Session.Conclusion?
    /// Instructions in one call of ``advance()``, and how many of them one by one.
    private static let mostInstructions: UInt64 = 2_000_000
    private static let mostSteps = 20_000

    struct Placed {
        let point: StopPoint
        let address: UInt64
        let space: DebugStops.AddressSpace
    }

    /// Something that the machine would stop at, had it not to go on.
    struct Hit {
        /// How many instructions were executed before, and how often something had come there before, since two things may
        /// come between two instructions: an interrupt is taken, and its handler has a breakpoint.
        let position: UInt64
        let ordinal: Int
        let stop: DebugStop
        let isEvent: Bool
    }

    /// A run backwards.
    struct Search {
        /// Where it began.
        let origin: UInt64
        /// The mark that is run forward from next.
        var mark: Int
        /// Up to there nothing was run yet.
        var end: UInt64
        /// The last stop before the origin, in what is run now.
        var last: Hit?
    }

    /// What is to be come to again, after a run backwards has found it.
    private var awaited: Hit?
    private var lastPosition = UInt64.max
    private var ordinal = 0

    /// How often something was come to between these two instructions before.
    private func nextOrdinal() -> Int {
        let position = board.executed
        ordinal = position == lastPosition ? ordinal + 1 : 0
        lastPosition = position
        return ordinal
    }

    /// - Parameter describe: how a run's end is told of, for those that are no exit of the guest's.
    init(_ session: Session, describe: @escaping (Session.Conclusion) -> String?) {
        self.session = session
        board = session.board
        self.describe = describe
        symbols = SymbolFinder(session.symbols)
        let disks = session.description.drives + session.description.flash
        // What is written to a file cannot be taken back.
        let canBePutBack = disks.allSatisfy { $0.isReadOnly || $0.isSnapshot }
        timeline = canBePutBack ? Timeline(session) : nil
        super.init()
        board.memory.stops.observer = self
    }

    deinit { for end in observations.reversed() { end() } }

    var canReverse: Bool { timeline != nil }
    private var current: Int { board.scheduler.currentIdentifier }

    private func executed(_ processor: Int) -> UInt64 {
        board.processors.indices.contains(processor) ? board.processors[processor].executed : 0
    }

    /// Whether a debugger may change something here. What it changes comes from outside, and is a part of the run from then on;
    /// where the machine is in its past, what came after is forgotten.
    func mayEdit() -> Bool {
        guard let timeline, timeline.isInPast else { return true }
        return timeline.branch()
    }

    // MARK: Stop points

    func insert(_ point: StopPoint) throws(DebugRefusal) {
        let (address, space) = try place(point)
        points.append(Placed(point: point, address: address, space: space))
        if let watchpoint = Self.watchpoint(point.kind, address, space) {
            board.memory.stops.insert(watchpoint)
        } else {
            board.memory.stops.insertBreakpoint(at: address, space)
        }
    }

    func remove(_ point: StopPoint) {
        guard let index = points.firstIndex(where: { $0.point == point }) else { return }
        let placed = points.remove(at: index)
        if let watchpoint = Self.watchpoint(point.kind, placed.address, placed.space) {
            board.memory.stops.remove(watchpoint)
        } else {
            board.memory.stops.removeBreakpoint(at: placed.address, placed.space)
        }
    }

    /// The address as the engines compare it.
    private func place(_ point: StopPoint) throws(DebugRefusal) -> (UInt64, DebugStops.AddressSpace) {
        switch point.address.space {
        case .current, .virtual: return (point.address.value, .virtual)
        case .physical: return (point.address.value, .physical)
        case .guestPhysical(let guest):
            let cpu = board.processors.first { $0.guest == guest } ?? board.processors.first
            guard let cpu, guest == nil || cpu.guest == guest else {
                throw DebugRefusal(
                    "no \(board.noun) has guest \(guest ?? 0) selected, so that nothing says where its memory is. "
                        + "catch entry vmid \(guest ?? 0) stops where one has.")
            }
            guard let physical = cpu.physicalAddress(of: point.address, board.memory) else {
                throw DebugRefusal(
                    "the guest has nothing at \(hexadecimal(point.address.value)) yet. "
                        + "catch fault stage2 gpa \(hexadecimal(point.address.value)) stops where it asks for it.")
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
        var physical: UInt64?
        let found = points.first { placed in
            guard placed.point.kind == .execution, isMeant(placed.point, processor) else { return false }
            if placed.space == .virtual { return placed.address == address }
            physical = physical ?? processor.physicalAddress(of: DebugAddress(address), board.memory)
            return placed.address == physical
        }
        guard let found else { return false }
        return note(DebugStop(.breakpoint, processor: processor.identifier, text: labels[found.point]))
    }

    override func shouldStop(_ processor: (any TranslatableProcessor)?, at access: DebugAccess) -> Bool {
        let cpu = processor as? any InspectableProcessor
        for placed in points where cpu.map({ isMeant(placed.point, $0) }) ?? true {
            let (place, space) = (placed.address, placed.space)
            guard let watchpoint = Self.watchpoint(placed.point.kind, place, space),
                !watchpoint.kinds.isDisjoint(with: access.kinds)
            else { continue }
            let first = space == .virtual ? access.address : access.physical
            // What crosses a page is elsewhere in memory from there on.
            let parts =
                access.secondPhysical.map { [(first, access.size), ($0 & ~4095, access.size)] }
                ?? [(first, access.size)]
            for (first, size) in parts where watchpoint.overlaps(first, size) {
                let address = placed.point.address.value &+ (max(first, place) &- place)
                let stop = DebugStop(
                    .watchpoint(placed.point.kind, address: address), processor: cpu?.identifier ?? current,
                    text: labels[placed.point])
                return note(stop)
            }
        }
        return false
    }

    private func isMeant(_ point: StopPoint, _ processor: any InspectableProcessor) -> Bool {
        if let level = point.level, level != processor.privilege.name { return false }
        if case .virtual(let level) = point.address.space, level != processor.privilege.name { return false }
        if let guest = point.guest, !processor.privilege.isGuests || guest != processor.guest { return false }
        if let identifier = point.addressSpaceIdentifier {
            return (processor as? any EventfulProcessor)?.addressSpaceIdentifier == identifier
        }
        return true
    }

    /// What is said where the machine stops at a point of the monitor's: a debugger knows its own.
    var labels: [StopPoint: String] = [:]

    // MARK: Events

    /// Has the machine stop at such events. While there are any, everything is interpreted.
    func insert(_ event: EventPoint) {
        events.append(event)
        guard observations.isEmpty else { return }
        for case let processor as any EventfulProcessor in board.processors {
            observations.append(
                processor.observeEvents { [unowned self, unowned processor] in take($0, processor) })
        }
    }

    func remove(_ event: EventPoint) {
        guard let index = events.firstIndex(of: event) else { return }
        events.remove(at: index)
        guard events.isEmpty else { return }
        for end in observations.reversed() { end() }
        observations = []
    }

    private func take(_ event: ProcessorEvent, _ processor: any EventfulProcessor) {
        guard let point = events.first(where: { $0.matches(event, processor) }) else { return }
        if case .exception(let record, _) = event { lastException = record }
        var stop = DebugStop(.breakpoint, processor: processor.identifier)
        // What is passed needs no words.
        if search == nil {
            let text = EventText(event: event, processor: processor, symbols: symbols, memory: board.memory)
            stop.text = (["catch \(point.text)"] + text.lines).map { $0 + "\n" }.joined()
        }
        if note(stop, isEvent: true, follows: !event.isInterrupt) { processor.stopForDebugger() }
    }

    /// - Parameters:
    ///   - isEvent: the machine stops behind it, backwards as forwards.
    ///   - follows: what it stands at then is one instruction further.
    /// - Returns: whether to stop there.
    private func note(_ stop: DebugStop, isEvent: Bool = false, follows: Bool = false) -> Bool {
        let position = board.executed
        if search != nil {
            let hit = Hit(position: position, ordinal: nextOrdinal(), stop: stop, isEvent: isEvent)
            if position &+ (follows ? 1 : 0) < search!.origin { search!.last = hit }
            return false
        }
        if let awaited {
            let ordinal = nextOrdinal()
            guard (position, ordinal) == (awaited.position, awaited.ordinal) else { return false }
        }
        if found == nil { found = stop }
        return true
    }

    // MARK: Running

    func resume(_ resumption: Resumption) {
        self.resumption = resumption
        (conclusion, found, search) = (nil, nil, nil)
        forgetRestoring()
        switch resumption.amount {
        case .run: break
        case .step(let processor), .stepOutOf(let processor, _): start = executed(processor)
        }
        if !resumption.isReverse, board.processors.indices.contains(shown) { board.processors[shown].passBreakpoint() }
    }

    /// Memory that was put back, or written by a debugger, was written by no device.
    private func forgetRestoring() {
        search?.last = nil
        _ = board.memory.stops.takeDeviceStop()
        lastPosition = .max
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
        forgetRestoring()
        let from = board.executed
        _ = timeline.run(to: end)
        if let hit = search!.last { return arrive(at: hit) }
        guard mark > 0 else { return goBack(to: timeline.start) ?? DebugStop(.startOfHistory, processor: current) }
        (search!.mark, search!.end) = (mark - 1, from)
        return nil
    }

    /// Goes back to where something was come to.
    private func arrive(at hit: Hit) -> DebugStop {
        if let failure = goBack(to: hit.position) { return failure }
        var isThere = !hit.isEvent
        if hit.stop.reason == .breakpoint, !hit.isEvent {
            // Not where an interrupt is still to be taken that leads there.
            let address = board.processors[hit.stop.processor].programCounter
            let physical = board.processors[hit.stop.processor].physicalAddress(of: DebugAddress(address), board.memory)
            isThere = points.contains {
                $0.point.kind == .execution && $0.address == ($0.space == .virtual ? address : physical)
            }
        }
        guard !isThere else { return hit.stop }
        (awaited, found) = (hit, nil)
        forgetRestoring()
        defer { awaited = nil }
        _ = run(to: hit.position &+ 1)
        return found ?? hit.stop
    }

    /// - Returns: why it cannot be done; nil where it was.
    func goBack(to position: UInt64) -> DebugStop? {
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

extension ProcessorEvent {
    /// It came between two instructions.
    fileprivate var isInterrupt: Bool {
        if case .exception(let record, _) = self { return record.kind == .interrupt }
        return false
    }
}
