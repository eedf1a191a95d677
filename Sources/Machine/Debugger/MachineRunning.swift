import ISA

/// Runs a session for a debugger: one instruction at a time where anything has to be looked at after each, and many where
/// nothing has.
struct MachineRunning {
    private let session: Session
    private let describe: (Session.Conclusion) -> String?
    private var points: [StopPoint] = []
    private var resumption: Resumption?
    private var isInterrupted = false
    /// What the CPU that is stepped had executed before.
    private var start: UInt64 = 0
    private(set) var conclusion: Session.Conclusion?
    /// In one call of ``advance()``: instructions that are looked at, and that are not.
    private static let mostSteps = 20_000
    private static let mostInstructions: UInt64 = 2_000_000

    init(_ session: Session, describe: @escaping (Session.Conclusion) -> String?) {
        self.session = session
        self.describe = describe
    }

    private var board: any Board { session.board }
    private var current: Int { board.scheduler.currentIdentifier }

    mutating func insert(_ point: StopPoint) throws(DebugRefusal) {
        guard point.kind == .execution else {
            throw DebugRefusal("this machine cannot watch memory. Set a breakpoint where it is accessed.")
        }
        points.append(point)
    }

    mutating func remove(_ point: StopPoint) {
        if let index = points.firstIndex(of: point) { points.remove(at: index) }
    }

    mutating func resume(_ resumption: Resumption) {
        self.resumption = resumption
        conclusion = nil
        switch resumption.amount {
        case .run: break
        case .step(let processor), .stepOutOf(let processor, _): start = executed(processor)
        }
    }

    mutating func interrupt() { isInterrupted = true }

    mutating func restart() {
        resumption = nil
        conclusion = nil
        isInterrupted = false
    }

    private func executed(_ processor: Int) -> UInt64 {
        board.processors.indices.contains(processor) ? board.processors[processor].executed : 0
    }

    mutating func advance() -> DebugStop? {
        guard let resumption else { return nil }
        guard let stop = advance(resumption) else { return nil }
        self.resumption = nil
        isInterrupted = false
        return stop
    }

    private mutating func advance(_ resumption: Resumption) -> DebugStop? {
        guard !resumption.isReverse else { return DebugStop(.startOfHistory, processor: current) }
        let isWatched = !points.isEmpty || resumption.amount != .run
        for _ in 0..<(isWatched ? Self.mostSteps : 1) {
            if isInterrupted { return DebugStop(.interrupted, processor: current) }
            let before = board.processors.map(\.executed)
            let place = board.executed.addingReportingOverflow(isWatched ? 1 : Self.mostInstructions).partialValue
            let conclusion = session.run(to: place)
            guard conclusion == .suspended else {
                self.conclusion = conclusion
                return DebugStop(reason(conclusion), processor: current)
            }
            if let processor = breakpoint(since: before) { return DebugStop(.breakpoint, processor: processor) }
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
            if board.executed == before.reduce(0, &+) { break }
        }
        return nil
    }

    /// The first CPU that has come to a breakpoint.
    private func breakpoint(since before: [UInt64]) -> Int? {
        guard !points.isEmpty else { return nil }
        return board.processors.indices.first { index in
            let processor = board.processors[index]
            return processor.executed != before[index] && points.contains { isAt($0, processor) }
        }
    }

    private func isAt(_ point: StopPoint, _ processor: any InspectableProcessor) -> Bool {
        if let level = point.level, level != processor.privilege.name { return false }
        if let guest = point.guest, !processor.privilege.isGuests || guest != processor.guest { return false }
        let counter = processor.programCounter
        if point.address.space == .current { return point.address.value == counter }
        if case .guestPhysical(let guest?) = point.address.space, guest != processor.guest { return false }
        guard let place = processor.physicalAddress(of: point.address, board.memory) else { return false }
        return place == processor.physicalAddress(of: DebugAddress(counter), board.memory)
    }

    private func reason(_ conclusion: Session.Conclusion) -> DebugStop.Reason {
        switch conclusion {
        case .exited(let status): .exited(status: status)
        case .failed(let code): .exited(status: max(code, 1))
        default: .ended(describe(conclusion) ?? "the run has ended")
        }
    }
}
