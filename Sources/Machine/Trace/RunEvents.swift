/// What a run did: exits of guests, exceptions and interrupts, waits, lines of the console, and whom each CPU belonged to.
///
/// It watches a session while that is run, or replayed: the run is the same. Sums are of all of the run; of single events,
/// spans and lines so many are kept as ``Limits`` says, and ``leftOut`` tells of the others.
///
/// Times are the CPUs' own. Several CPUs take turns of ten microseconds that begin at the same time, so that from the cause on
/// one CPU to the effect on another a turn more or less may pass than on a real machine, and never less than nothing.
public final class RunEvents {
    public let exits: ExitStatistics
    public private(set) var events: [RunEvent] = []
    public private(set) var segments: [RunSegment] = []
    public private(set) var lines: [RunLine] = []
    public private(set) var leftOut = LeftOut()
    /// How many events of each kind there were, those included that are not kept.
    public private(set) var counts: [RunEvent.Kind: UInt64] = [:]
    public private(set) var owners: [RunOwner] = [.waiting]
    public private(set) var names: [String] = []
    public private(set) var overview: RunOverview
    /// By CPU and owner.
    public private(set) var shares: [[Share]]
    /// Virtual time when it ended.
    public private(set) var end: UInt64 = 0

    private let session: Session
    private let limits: Limits
    private let processors: [any ExitingProcessor]
    private var states: [ProcessorState]
    private var ownerPlaces: [RunOwner: Int] = [.waiting: 0]
    private var namePlaces: [String: Int] = [:]
    private var latencyTable: [LatencyKey: Latencies] = [:]
    private var interruptTable: [InterruptKey: Interrupt] = [:]
    private let interruptNames: InterruptNames
    private var waitTable: [WaitKey: WaitPlace] = [:]
    private var partialLine: [UInt8] = []
    private var partial: RunLine?

    private static let mostOwners = 250
    private static let mostNames = 8192
    private static let mostRows = 4096
    /// Handlers at one level that have not returned.
    private static let deepest = 32
    private static let longestLine = 4096

    private struct LatencyKey: Hashable {
        let kind: RunEvent.Kind
        let name: Int
        let level: Int
        let guest: UInt64?
    }

    private struct InterruptKey: Hashable {
        let number: UInt32
        let isVirtual: Bool
        let level: Int
        let guest: UInt64?
    }

    private struct WaitKey: Hashable {
        let processor: Int
        let owner: Int
        let name: Int
        let programCounter: UInt64
    }

    /// Who takes exceptions: returns at that level are from those.
    private struct Handler: Hashable {
        let level: Int
        let guest: UInt64?
    }

    private struct Open {
        /// Nil of an exit, which is told of elsewhere.
        var event: RunEvent?
        var key: LatencyKey
        var bit: UInt64
        var start: UInt64
        var executed: UInt64
        /// From when the CPU's line was high; nil where that is not known.
        var raised: UInt64?
        /// The first interrupt that its handler acknowledged.
        var acknowledged: InterruptKey?
    }

    private struct ProcessorState {
        var since: UInt64 = 0
        var executed: UInt64 = 0
        var segment: RunSegment?
        var wait: RunEvent?
        var pending: UInt64 = 0
        var pendingSince = [UInt64?](repeating: nil, count: 64)
        var open: [Handler: [Open]] = [:]
    }

    /// Watches the session's CPUs from now on.
    /// - Throws: where CPUs do not tell of their guests.
    public init(_ session: Session, _ limits: Limits = Limits()) throws(InputError) {
        self.session = session
        self.limits = limits
        let processors = session.board.processors.compactMap { $0 as? any ExitingProcessor }
        self.processors = processors
        states = Array(repeating: ProcessorState(), count: processors.count)
        shares = Array(repeating: [], count: processors.count)
        overview = RunOverview(processors: processors.count)
        interruptNames = InterruptNames(session)
        // Before exits are counted, so that those observers are told after these.
        let forward = Forward()
        self.forward = forward
        for (index, processor) in processors.enumerated() {
            processor.observeExceptions { [unowned forward] in forward.taken($0, index) }
        }
        exits = try ExitStatistics(session)
        forward.taken = { [unowned self] in taken($0, $1) }
        exits.ended = { [unowned self] in ended($0) }
        for (index, processor) in processors.enumerated() {
            processor.observeInterrupts(
                pending: { [unowned self] in pendingChanged($0, index) },
                return: { [unowned self] in returns(index, from: $0) })
            if processor.isWaiting { beginWait(index, at: 0) }
        }
        session.board.scheduler.substitute { [unowned self] processor in
            let base = (processor as? StandInProcessor)?.base ?? processor
            guard let index = processors.firstIndex(where: { $0 === base }) else { return processor }
            return WatchedProcessor(processors[index], index, self, before: processor)
        }
        session.board.observeAcknowledgements { [weak self] in self?.acknowledged($0) }
        session.console.listeners.append { [weak self] in self?.printed($0) }
    }

    /// Where exceptions are told of, which is known only when all of the watcher is there.
    private final class Forward {
        var taken: (ExceptionRecord, Int) -> Void = { _, _ in }
    }
    private let forward: Forward

    /// How long exceptions and interrupts took; what came most often comes first.
    public var latencies: [Latencies] {
        latencyTable.values.sorted {
            ($1.count, $0.name, $0.level, $0.guest ?? 0) < ($0.count, $1.name, $1.level, $1.guest ?? 0)
        }
    }

    /// Interrupts by number, as CPUs acknowledged them; what came most often comes first.
    public var interrupts: [Interrupt] {
        interruptTable.values.sorted {
            ($1.count, $0.acknowledgement.number, $0.level, $0.guest ?? 0)
                < ($0.count, $1.acknowledgement.number, $1.level, $1.guest ?? 0)
        }
    }

    /// Where CPUs waited; where the longest comes first.
    public var waitPlaces: [WaitPlace] {
        waitTable.values.sorted {
            ($1.time.total, $0.processor, $0.programCounter) < ($0.time.total, $1.processor, $1.programCounter)
        }
    }

    // MARK: Names

    private func name(_ text: String) -> Int {
        if let place = namePlaces[text] { return place }
        let text = names.count < Self.mostNames ? text : "others"
        if let place = namePlaces[text] { return place }
        names.append(text)
        namePlaces[text] = names.count - 1
        return names.count - 1
    }

    private func place(_ owner: RunOwner) -> Int {
        if let place = ownerPlaces[owner] { return place }
        if case .guest = owner, owners.count >= Self.mostOwners { return place(.otherGuests) }
        owners.append(owner)
        ownerPlaces[owner] = owners.count - 1
        return owners.count - 1
    }

    private func owner(_ level: PrivilegeLevel, _ processor: any ExitingProcessor) -> Int {
        place(level.isGuests ? .guest(processor.guest) : .level(level.name))
    }

    // MARK: Whose a CPU is

    /// What the CPU has done since it was looked at last was the owner's.
    private func account(_ index: Int, _ owner: Int, until now: UInt64) {
        let executed = processors[index].executed
        let start = states[index].since
        states[index].since = max(now, start)
        while shares[index].count <= owner { shares[index].append(Share()) }
        // A machine that is reset counts from 0 again.
        let before = states[index].executed
        shares[index][owner].instructions += executed >= before ? executed - before : executed
        states[index].executed = executed
        guard now > start else { return }
        shares[index][owner].time += now - start
        overview.add(index, owner, start, now)
        if var segment = states[index].segment, segment.owner == owner {
            segment.end = now
            states[index].segment = segment
        } else {
            keepSegment(index)
            states[index].segment = RunSegment(processor: index, owner: owner, start: start, end: now)
        }
    }

    private func keepSegment(_ index: Int) {
        guard let segment = states[index].segment, segment.end >= limits.window.lowerBound,
            segment.start <= limits.window.upperBound
        else { return }
        if segments.count < limits.segments {
            segments.append(segment)
        } else {
            leftOut.note(\.segments, segment.start)
        }
    }

    private func keep(_ event: RunEvent) {
        counts[event.kind, default: 0] += 1
        overview.count(event.processor, event.kind, at: event.start)
        guard limits.kinds.contains(event.kind), limits.window.contains(event.start) else { return }
        if events.count < limits.events { events.append(event) } else { leftOut.note(\.events, event.start) }
    }

    func turnBegins(_ index: Int) {
        let processor = processors[index]
        let now = processor.virtualTime
        if let wait = states[index].wait {
            endWait(wait, index, at: now)
        } else {
            account(index, owner(processor.privilege, processor), until: now)
        }
    }

    func turnEnds(_ index: Int) {
        let processor = processors[index]
        account(index, owner(processor.privilege, processor), until: processor.virtualTime)
        if processor.isWaiting { beginWait(index, at: processor.virtualTime) }
    }

    private func beginWait(_ index: Int, at now: UInt64) {
        let processor = processors[index]
        states[index].wait = RunEvent(
            kind: .wait, processor: index, owner: owner(processor.privilege, processor),
            level: name(processor.privilege.name), name: name(processor.idleness ?? "waits"),
            programCounter: processor.programCounter, start: now, duration: 0, instructions: 0)
    }

    private func endWait(_ wait: RunEvent, _ index: Int, at now: UInt64) {
        states[index].wait = nil
        var wait = wait
        wait.duration = now - min(wait.start, now)
        account(index, 0, until: now)
        keep(wait)
        var key = WaitKey(
            processor: index, owner: wait.owner, name: wait.name, programCounter: wait.programCounter)
        if waitTable[key] == nil, waitTable.count >= Self.mostRows {
            key = WaitKey(processor: index, owner: wait.owner, name: name("elsewhere"), programCounter: 0)
        }
        waitTable[
            key,
            default: WaitPlace(
                processor: index, owner: wait.owner, name: names[key.name], programCounter: key.programCounter)
        ].time.add(wait.duration)
    }

    // MARK: Exits, exceptions and interrupts

    private func ended(_ exit: ExitStatistics.Exit) {
        let processor = processors[exit.processor]
        keep(
            RunEvent(
                kind: .exit, processor: exit.processor, owner: place(.guest(exit.reason.guest)),
                level: name(processor.privilege.name), name: name(exits.name(exit.reason)),
                programCounter: exit.programCounter, address: exit.reason.detail == .max ? 0 : exit.reason.detail,
                start: exit.start, duration: exit.end - exit.start, instructions: exit.instructions))
    }

    private func taken(_ record: ExceptionRecord, _ index: Int) {
        let processor = processors[index]
        let now = processor.virtualTime
        let owner = owner(record.from, processor)
        account(index, owner, until: now)
        let isInterrupt = record.kind == .interrupt
        let guest = record.to.isGuests ? processor.guest : nil
        let key = LatencyKey(
            kind: isInterrupt ? .interrupt : .exception, name: name(record.name), level: name(record.to.name),
            guest: guest)
        var open = Open(event: nil, key: key, bit: 0, start: now, executed: processor.executed)
        if isInterrupt || !record.from.isGuests || record.to.isGuests {
            open.event = RunEvent(
                kind: key.kind, processor: index, owner: owner, level: name(record.from.name), name: key.name,
                programCounter: record.programCounter, address: isInterrupt ? 0 : record.value, start: now,
                duration: 0, instructions: 0)
        }
        var row = latencies(key, record)
        row?.count += 1
        if isInterrupt {
            let bit = type(of: processor).pendingBit(record)
            let number = bit.trailingZeroBitCount
            open.bit = bit
            if number < 64, let since = states[index].pendingSince[number] {
                let latency = now - min(since, now)
                open.event?.latency = latency
                open.raised = min(since, now)
                row?.pending.add(latency)
                states[index].pendingSince[number] = nil
            }
        }
        if let row { latencyTable[key] = row }
        let handler = Handler(level: key.level, guest: guest)
        var stack = states[index].open[handler] ?? []
        if stack.count >= Self.deepest, let event = stack.removeFirst().event { keep(event) }
        stack.append(open)
        if states[index].open[handler] != nil || states[index].open.count < Self.mostRows {
            states[index].open[handler] = stack
        } else if let event = open.event {
            keep(event)
        }
    }

    /// Nil where there are too many kinds to tell apart.
    private func latencies(_ key: LatencyKey, _ record: ExceptionRecord) -> Latencies? {
        if let row = latencyTable[key] { return row }
        guard latencyTable.count < Self.mostRows else { return nil }
        return Latencies(kind: key.kind, name: record.name, level: record.to.name, guest: key.guest)
    }

    /// The CPU whose turn it is asked its controller which interrupt it is.
    private func acknowledged(_ acknowledgement: InterruptAcknowledgement) {
        let current = session.board.scheduler.currentIdentifier
        guard let index = processors.firstIndex(where: { $0.identifier == current }) else { return }
        let processor = processors[index]
        let level = processor.privilege
        let handler = Handler(level: name(level.name), guest: level.isGuests ? processor.guest : nil)
        let key = InterruptKey(
            number: acknowledgement.number, isVirtual: acknowledgement.isVirtual, level: handler.level,
            guest: handler.guest)
        guard interruptTable[key] != nil || interruptTable.count < Self.mostRows else { return }
        var row =
            interruptTable[key]
            ?? Interrupt(
                acknowledgement: acknowledgement,
                device: acknowledgement.isVirtual ? nil : interruptNames.device(acknowledgement.number),
                level: level.name, guest: handler.guest)
        row.count += 1
        if var stack = states[index].open[handler], var open = stack.popLast(), open.key.kind == .interrupt,
            open.acknowledged == nil
        {
            open.acknowledged = key
            let now = processor.virtualTime
            if let raised = open.raised { row.raised.add(now - min(raised, now)) }
            if let event = open.event {
                open.event?.name = name("\(names[event.name]) \(interruptNames.text(acknowledgement))")
            }
            stack.append(open)
            states[index].open[handler] = stack
        }
        interruptTable[key] = row
    }

    private func returns(_ index: Int, from level: PrivilegeLevel) {
        let processor = processors[index]
        let now = processor.virtualTime
        account(index, owner(level, processor), until: now)
        let handler = Handler(level: name(level.name), guest: level.isGuests ? processor.guest : nil)
        guard let open = states[index].open[handler]?.popLast() else { return }
        let duration = now - min(open.start, now)
        latencyTable[open.key]?.handling.add(duration)
        if let key = open.acknowledged { interruptTable[key]?.handling.add(duration) }
        // A line that is still high asks again.
        if open.bit & states[index].pending != 0 {
            states[index].pendingSince[open.bit.trailingZeroBitCount] = now
        }
        guard var event = open.event else { return }
        event.duration = duration
        event.instructions = processor.executed &- open.executed
        keep(event)
    }

    private func pendingChanged(_ pending: UInt64, _ index: Int) {
        let old = states[index].pending
        guard pending != old else { return }
        states[index].pending = pending
        let now = session.board.clock.now
        var changed = pending ^ old
        while changed != 0 {
            let number = changed.trailingZeroBitCount
            changed &= changed - 1
            states[index].pendingSince[number] = pending >> UInt64(number) & 1 != 0 ? now : nil
        }
    }

    // MARK: The console

    private func printed(_ bytes: [UInt8]) {
        let now = session.board.clock.now
        let current = session.board.scheduler.currentIdentifier
        let index = processors.firstIndex { $0.identifier == current } ?? 0
        for byte in bytes where byte != 0x0d {
            if partial == nil {
                let processor = processors[index]
                partial = RunLine(
                    start: now, end: now, processor: index, owner: owner(processor.privilege, processor),
                    level: name(processor.privilege.name), text: "", isCut: false)
            }
            partial?.end = now
            if byte == 0x0a {
                endLine()
            } else if partialLine.count < Self.longestLine {
                partialLine.append(byte)
            } else {
                partial?.isCut = true
            }
        }
    }

    private func endLine() {
        guard var line = partial else { return }
        partial = nil
        line.text = String(decoding: partialLine, as: UTF8.self)
        partialLine.removeAll(keepingCapacity: true)
        counts[.console, default: 0] += 1
        overview.count(line.processor, .console, at: line.start)
        guard limits.kinds.contains(.console), limits.window.contains(line.start) else { return }
        if lines.count < limits.lines { lines.append(line) } else { leftOut.note(\.lines, line.start) }
    }

    // MARK: The end

    /// The run has ended here: what still goes on ends, and all is put in the order of time. Handlers that have not returned
    /// have no duration.
    public func finish() {
        end = session.board.scheduler.time
        endLine()
        for index in processors.indices {
            if let wait = states[index].wait {
                endWait(wait, index, at: max(end, wait.start))
            } else {
                let processor = processors[index]
                account(index, owner(processor.privilege, processor), until: max(end, states[index].since))
            }
            keepSegment(index)
            states[index].segment = nil
            let open = states[index].open.values.joined().sorted { $0.start < $1.start }
            for event in open.compactMap(\.event) { keep(event) }
            states[index].open = [:]
        }
        events.sort { ($0.start, $0.processor, $0.kind.rawValue) < ($1.start, $1.processor, $1.kind.rawValue) }
        segments.sort { ($0.processor, $0.start) < ($1.processor, $1.start) }
    }
}
