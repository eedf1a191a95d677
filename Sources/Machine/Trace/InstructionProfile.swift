/// Where a run spends its instructions: the CPU that executed each Nth instruction, and the calls that had led there.
///
/// It stops the machine at exact numbers of instructions, which changes nothing of the run, so that the same run has the same
/// profile. What waits is not in it.
public final class InstructionProfile {
    /// A number that has nothing to do with the lengths of loops.
    public static let defaultInterval: UInt64 = 10_007

    /// Stacks that were seen equally: names from the outermost to the innermost.
    public struct Stack: Hashable, Sendable {
        public let frames: [String]
    }

    public let interval: UInt64
    public private(set) var samples: UInt64 = 0
    /// How often each stack was seen.
    public private(set) var stacks: [Stack: UInt64] = [:]
    /// Samples whose stacks are not kept, since there were too many; they are counted by their first frame alone.
    public private(set) var shortened: UInt64 = 0
    /// Of those that are told apart.
    private static let mostStacks = 200_000

    private let session: Session
    private let symbols: SymbolSpaces
    private let calls: CallTracker?
    /// Frames that are shown of a stack, the innermost ones.
    private static let deepest = 128
    /// Names of functions, found once.
    private var names: [Place: String] = [:]

    private struct Place: Hashable {
        let address: UInt64
        let guest: UInt64?
    }

    /// - Parameters:
    ///   - interval: instructions from one sample to the next.
    ///   - calls: who knows what has led to where a CPU is; else frame pointers tell, where there are any.
    public init(
        _ session: Session, _ symbols: SymbolSpaces, interval: UInt64 = defaultInterval, calls: CallTracker? = nil
    ) {
        self.session = session
        self.symbols = symbols
        self.calls = calls
        self.interval = max(interval, 1)
    }

    /// Runs the session, taking samples, until something ends the run.
    public func run() -> Session.Conclusion {
        while true {
            let executed = session.board.executed
            let next = (executed / interval).addingReportingOverflow(1)
            let (place, isFar) = next.partialValue.multipliedReportingOverflow(by: interval)
            let conclusion = session.run(to: isFar || next.overflow ? .max : place)
            guard conclusion == .suspended else { return conclusion }
            if session.board.executed >= place { sample() }
        }
    }

    private func sample() {
        let board = session.board
        let current = board.scheduler.currentIdentifier
        guard let processor = board.processors.first(where: { $0.identifier == current }) else { return }
        samples += 1
        let level = processor.privilege
        let guest = level.isGuests ? processor.guest : nil
        let root = guest.map { "guest \($0) \(level.name)" } ?? level.name
        let counters =
            if let calls {
                [processor.programCounter] + calls.calls(of: processor).prefix(Self.deepest)
            } else {
                CallStack(processor: processor, memory: board.memory).programCounters {
                    symbols.location($0, guest: guest)?.symbol.address
                }
            }
        var frames = [root]
        for counter in counters.reversed() {
            // Code without symbols is shown by the page: of calls within one, one frame is enough.
            let name = name(counter, guest)
            if name.first == "[", frames.last == name { continue }
            frames.append(name)
        }
        let stack = Stack(frames: frames)
        if stacks[stack] == nil, stacks.count >= Self.mostStacks {
            shortened += 1
            stacks[Stack(frames: [root, "(stacks that were left out)"]), default: 0] += 1
        } else {
            stacks[stack, default: 0] += 1
        }
    }

    private func name(_ address: UInt64, _ guest: UInt64?) -> String {
        let place = Place(address: address, guest: guest)
        if let name = names[place] { return name }
        let name = symbols.function(address, guest: guest)
        if names.count < Self.mostStacks { names[place] = name }
        return name
    }

    // MARK: What came of it

    /// A function and how many samples were in it, and in what it had called.
    public struct Row: Sendable {
        public let root: String
        public let name: String
        public fileprivate(set) var own: UInt64 = 0
        public fileprivate(set) var all: UInt64 = 0
    }

    /// What was seen most comes first.
    public var rows: [Row] {
        var rows: [[String]: Row] = [:]
        for (stack, count) in stacks {
            let root = stack.frames[0]
            for name in Set(stack.frames.dropFirst()) {
                rows[[root, name], default: Row(root: root, name: name)].all += count
            }
            if let last = stack.frames.last, stack.frames.count > 1 {
                rows[[root, last], default: Row(root: root, name: last)].own += count
            }
        }
        return rows.values.sorted { ($1.own, $1.all, $0.root, $0.name) < ($0.own, $0.all, $1.root, $1.name) }
    }

    /// A line a stack, frames separated by semicolons, and how many samples it had: what flame graphs are made of.
    public var folded: String {
        let lines = stacks.map { stack, count in
            stack.frames.map { $0.replacing(";", with: ",").replacing(" ", with: "_") }.joined(separator: ";")
                + " \(count)"
        }
        return lines.sorted().map { $0 + "\n" }.joined()
    }
}
