import ISA

/// Who was it last? Goes back to where something happened that no stop point had waited for.
extension MachineRunning {
    /// How far back the history goes, in instructions.
    var startOfHistory: UInt64? { timeline?.start }

    /// Goes back to where the machine would have stopped last, had it had these stops and no others.
    /// - Returns: nil where that is not in the history; then the machine is where it was.
    func goBack(toLast event: EventPoint) -> DebugStop? {
        insert(event)
        defer { remove(event) }
        let others = (points, events)
        (points, events) = ([], [event])
        defer {
            points = others.0
            events = others.1
        }
        return goBackToLast()
    }

    func goBack(toLast point: StopPoint) throws(DebugRefusal) -> DebugStop? {
        try insert(point)
        defer { remove(point) }
        let others = (points, events)
        (points, events) = ([points[points.count - 1]], [])
        defer { (points, events) = others }
        return goBackToLast()
    }

    /// Lets `body` look at the machine as it was where the event came last, and comes back.
    /// - Parameter body: given the exception that the event was; nil where there was none, and the machine is where it was.
    func look<T>(atLast event: EventPoint, _ body: (ExceptionRecord?) -> T?) -> T? {
        let origin = board.executed
        guard goBack(toLast: event) != nil else { return body(nil) }
        defer { returnTo(origin) }
        return body(lastException)
    }

    private func goBackToLast() -> DebugStop? {
        let origin = board.executed
        resume(Resumption(.run, isReverse: true))
        var stop: DebugStop?
        while stop == nil { stop = advance() }
        guard stop?.reason == .startOfHistory else { return stop }
        returnTo(origin)
        return nil
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
    func goBack(toLine isMeant: (String) -> Bool) -> String? {
        guard let timeline else { return nil }
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
