import ISA

/// Who was it last? Goes back to where something happened that no stop point had waited for.
extension MachineRunning {
    /// How far back the history goes, in instructions.
    var startOfHistory: UInt64? { timeline?.start }

    /// Goes back to where the machine would have stopped last, had it had these stops and no others.
    /// - Returns: nil where that is not in the history; then the machine is where it was.
    func goBack(toLast event: EventPoint) throws(DebugRefusal) -> DebugStop? {
        insert(event)
        defer { remove(event) }
        let others = (points, events)
        (points, events) = ([], [event])
        defer {
            points = others.0
            events = others.1
        }
        return try goBackToLast()
    }

    func goBack(toLast point: StopPoint) throws(DebugRefusal) -> DebugStop? {
        try insert(point)
        defer { remove(point) }
        let others = (points, events)
        (points, events) = ([points[points.count - 1]], [])
        defer { (points, events) = others }
        return try goBackToLast()
    }

    /// Lets `body` look at the machine as it was where the event came last, and comes back.
    /// - Parameter body: given the exception that the event was; nil where there was none, and the machine is where it was.
    func look<T>(atLast event: EventPoint, _ body: (ExceptionRecord?) -> T?) -> T? {
        let origin = board.executed
        guard (try? goBack(toLast: event)) != nil else { return body(nil) }
        defer { returnTo(origin) }
        return body(lastException)
    }

    private func goBackToLast() throws(DebugRefusal) -> DebugStop? {
        let origin = board.executed
        let stop = try whileWaitedFor { isGivenUp -> DebugStop? in
            resume(Resumption(.run, isReverse: true))
            var stop: DebugStop?
            while stop == nil, !isGivenUp() { stop = advance() }
            if stop == nil {
                // Where it was found to be of no use, and no further.
                search = nil
                interrupt()
                _ = advance()
            }
            return stop
        }
        guard stop?.reason == .startOfHistory else { return stop }
        returnTo(origin)
        return nil
    }

    /// Instructions between two looks whether somebody waits.
    private static let quantum: UInt64 = 100_000

    /// Searches for something, as long as somebody waits for it.
    /// - Parameter search: is to end where the closure says so that it is given; what it runs then ends early.
    /// - Throws: where nobody does any more. Then the machine is where it was.
    private func whileWaitedFor<T>(_ search: (() -> Bool) -> T) throws(DebugRefusal) -> T {
        let origin = board.executed
        let (usual, quantum) = (session.betweenTurns, board.scheduler.quantum)
        var isOver = false
        func look() -> Bool {
            isOver = isOver || isGivenUp()
            return isOver
        }
        session.betweenTurns = { look() || usual?($0) ?? false }
        // Where a lone CPU's turns end, no run can tell.
        board.scheduler.quantum = min(quantum, Self.quantum)
        let result = search { look() }
        (session.betweenTurns, board.scheduler.quantum) = (usual, quantum)
        guard isOver else { return result }
        returnTo(origin)
        throw DebugRefusal("The search was given up, and the machine is where it was.")
    }

    /// After a search that has found nothing.
    private func returnTo(_ origin: UInt64) {
        guard let timeline else { return }
        if timeline.markPositions.last == origin {
            // The head, which may be behind an interrupt that was taken there.
            do throws(StateError) { try timeline.restore(timeline.markPositions.count - 1) } catch {}
        } else {
            _ = goBack(to: origin)
        }
    }

    /// Goes back to where the console printed the last line that `isMeant`.
    /// - Returns: the line; nil where none was printed in the history, and the machine is where it was.
    func goBack(toLine isMeant: (String) -> Bool) throws(DebugRefusal) -> String? {
        guard let timeline else { return nil }
        return try whileWaitedFor { isGivenUp in goBack(toLine: isMeant, timeline, isGivenUp) }
    }

    private func goBack(
        toLine isMeant: (String) -> Bool, _ timeline: Timeline, _ isGivenUp: () -> Bool
    ) -> String? {
        let origin = board.executed
        var search = ConsoleSearch()
        var end = origin
        let console = session.console
        defer { console.witness = nil }
        self.search = Search(origin: 0, mark: 0, end: origin)
        defer { self.search = nil }
        for mark in timeline.markPositions.indices.reversed() where timeline.markPositions[mark] < origin {
            search.begin()
            console.witness = { [unowned self] in search.take($0, at: board.executed) }
            do throws(StateError) { try timeline.restore(mark) } catch { return nil }
            let from = board.executed
            _ = timeline.run(to: end)
            console.witness = nil
            if isGivenUp() { return nil }
            if let (line, position) = search.last(where: isMeant) {
                _ = goBack(to: position)
                return line
            }
            end = from
        }
        returnTo(origin)
        return nil
    }
}
