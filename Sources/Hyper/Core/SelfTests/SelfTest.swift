/// A test that Hyper makes of itself where it runs, of what only the inside shows.
struct SelfTest {
    let name: Text
    let summary: Text
    let body: () throws(HyperError) -> Void

    static var all: [SelfTest] { [.pageTables, .allocator, .heap, .timers, .locks, .waiting, .threads] }

    /// Fails where something is not so, with the place in the source and what was found there.
    static func expect(
        _ isSo: Bool, _ state: @autoclosure () -> Text, file: StaticString = #fileID, line: UInt = #line
    ) throws(HyperError) {
        if isSo { return }
        var place = Text()
        place.append(file)
        throw HyperError("\(place):\(UInt64(line)): \(state())")
    }

    /// Runs a thread for each body, and returns when all have ended, or fails after a while.
    static func together(
        _ bodies: [() -> Void], file: StaticString = #fileID, line: UInt = #line
    ) throws(HyperError) {
        let ended = Semaphore()
        let threads = bodies.enumerated().map { index, body in
            Scheduler.makeThread("selftest \(index)") {
                body()
                ended.signal()
            }
        }
        for thread in threads { Scheduler.wake(thread) }
        var count = 0
        while count < threads.count, ended.wait(limit: 10_000_000_000) { count += 1 }
        let states = threads.map { $0.pointee.stateName }
        // Those that have not ended are ended: what they use is the test's.
        for thread in threads { Scheduler.destroy(thread) }
        var text: Text = "threads have not come to their end in 10 s:"
        for state in states { text.append(" \(state)" as Text) }
        try expect(count == threads.count, text, file: file, line: line)
    }
}
