/// Why a machine stands where it stands: what is printed when a run ends badly.
///
///     hart 0  HS         idle_loop+0x1c      waits (wfi) since 1.204 s for the supervisor timer interrupt
///     hart 1  VS vmid 2  0xffffffff80001008  waits (wfi) since 0.98 s, and no interrupt is enabled
///     last exceptions of hart 1
///       1.204 s  VS -> HS  store guest-page fault at 0x80001234, address 0x10002004; nearest device serial@10000000, ...
public struct PostMortem {
    private let session: Session
    private let board: any Board
    private let symbols: SymbolFinder
    /// As many of the last exceptions of each CPU are shown.
    private static let shownExceptions = 4
    /// CPUs beyond these say the same, as a rule.
    private static let shownProcessors = 16

    public init(_ session: Session) {
        self.session = session
        board = session.board
        symbols = SymbolFinder(session.symbols)
    }

    /// The lines, each indented by two blanks, without their ends.
    public var lines: [String] {
        var lines = processorLines
        for processor in board.processors.prefix(Self.shownProcessors) { lines += exceptionLines(processor) }
        if let address = board.space.lastUnmapped {
            lines.append("  last access that nothing answered: \(hexadecimal(address)); \(neighbourhood(address))")
        }
        return lines
    }

    // MARK: Where the CPUs are

    private var processorLines: [String] {
        let shown = board.processors.prefix(Self.shownProcessors)
        let rows = shown.map { processor in
            (
                processor.label, processor.privilegeText,
                symbols.text(processor.programCounter, inGuest: processor.privilege.isGuests),
                Self.activity(of: processor, board)
            )
        }
        let widths = (
            rows.map(\.0.count).max() ?? 0, rows.map(\.1.count).max() ?? 0, rows.map(\.2.count).max() ?? 0
        )
        var lines = rows.map {
            "  \(padded($0.0, widths.0))  \(padded($0.1, widths.1))  \(padded($0.2, widths.2))  \($0.3)"
        }
        let others = board.processors.count - shown.count
        if others > 0 { lines.append("  and \(others) \(board.noun)s more") }
        return lines
    }

    /// What the CPU does, and what becomes of the interrupts that are pending for it.
    static func activity(of processor: any InspectableProcessor, _ board: any Board) -> String {
        processor.activity(since: board.scheduler.waitingSince[processor.identifier]).joined(separator: "; ")
    }

    // MARK: What happened last

    private func exceptionLines(_ processor: any InspectableProcessor) -> [String] {
        let records = processor.recentExceptions
        // Calls and interrupts are how a healthy system lives.
        let faults = records.filter { $0.kind == .fault }
        guard !faults.isEmpty else { return [] }
        var lines: [String] = []
        if let loop = Self.loop(in: records) {
            let words = loop.map { "\($0.name) at \(location($0))" }
            var text = "  \(processor.label) goes round in a loop: \(enumeration(words))"
            text += loop.count == 1 ? ", \(grouped(loop[0].repeats + 1)) times in a row" : " in turn"
            if loop.contains(where: \.isInHandler) { text += "; that is the trap handler itself" }
            lines.append(text)
        }
        lines.append("  last exceptions of \(processor.label)")
        return lines + faults.suffix(Self.shownExceptions).map { "    " + describe($0) }
    }

    /// The exceptions that come again and again, if the last ones are nothing else: up to four in turn, faults among them.
    static func loop(in records: [ExceptionRecord]) -> [ExceptionRecord]? {
        if let last = records.last, last.repeats >= 8 { return last.kind == .fault ? [last] : nil }
        guard records.count >= 8 else { return nil }
        for period in 2...4 {
            let repeats = records.indices.dropFirst(period).allSatisfy { index in
                let (a, b) = (records[index], records[index - period])
                return a.cause == b.cause && a.programCounter == b.programCounter && a.value == b.value
            }
            let cycle = Array(records.suffix(period))
            if repeats, cycle.contains(where: { $0.kind == .fault }) { return cycle }
        }
        return nil
    }

    private func location(_ record: ExceptionRecord) -> String {
        symbols.text(record.programCounter, inGuest: record.from.isGuests)
    }

    /// One exception in a line.
    func describe(_ record: ExceptionRecord) -> String {
        var text = "\(seconds(record.time))  \(record.from.name) -> \(record.to.name)  "
        text += "\(record.name) at \(location(record))"
        guard record.kind != .interrupt else { return text }
        text += record.detail
        // A guest's RAM is where its hypervisor says; its devices tend to lie where the board's do.
        if let address = record.guestPhysical, address < board.ramBase {
            text += "; " + neighbourhood(address)
        }
        if record.repeats > 0 { text += " (\(grouped(record.repeats + 1)) times)" }
        return text
    }

    /// What lies at or near a physical address.
    private func neighbourhood(_ address: UInt64) -> String {
        let base = board.ramBase
        if address >= base {
            let last = base + (board.memorySize - 1)
            return address <= last
                ? "that is RAM" : "RAM is \(hexadecimal(base))-\(hexadecimal(last)): give it more --memory?"
        }
        guard let mapping = board.space.nearestMapping(to: address) else { return "there is no device" }
        let range = "\(mapping.device.name), \(hexadecimal(mapping.base))-\(hexadecimal(mapping.end - 1))"
        let isInside = mapping.base <= address && address < mapping.end
        return (isInside ? "that is in " : "the nearest device is ") + range
    }
}
