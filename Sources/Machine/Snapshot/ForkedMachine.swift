import ISA

/// A machine that is one fork after the other (``MachineForks``).
///
/// To begin the next one, what the last one has changed of memory is copied from what all have in common, and the state of
/// CPUs and devices is restored. Code stays translated.
public final class ForkedMachine {
    public let session: Session
    private let memory: SharedMemory
    private let state: MachineState
    private let dirty = DirtyPages()
    /// Of what it has printed, the end.
    private var printed: [UInt8] = []
    private var start: UInt64 = 0
    private var end = UInt64.max
    /// More of a line nobody reads.
    private static let longestLine = 4096

    init(_ session: Session, _ memory: SharedMemory, _ state: MachineState) {
        self.session = session
        self.memory = memory
        self.state = state
        session.board.memory.observeChanges(dirty)
    }

    deinit { session.board.memory.endObserving(dirty) }

    /// Pages of memory that the fork has of its own.
    public var changedPages: Int { dirty.numbers.count }

    /// Begins the next fork.
    public func fork(_ input: MachineForks.Input = MachineForks.Input()) throws(InputError) {
        putMemoryBack()
        do throws(StateError) {
            try session.board.restore(input.seed.map { state.seeded($0) } ?? state)
        } catch {
            throw InputError(file: "snapshot", problem: printable(error.problemText), mend: error.mend)
        }
        printed = []
        session.beginAgain(input.script)
        session.console.listeners.append { [unowned self] in keep($0) }
        start = session.board.executed
        end = input.instructions.map { start &+ min($0, .max - start) } ?? .max
    }

    private func putMemoryBack() {
        let physical = session.board.memory, size = PhysicalMemory.pageSize
        let numbers = dirty.numbers
        for (index, region) in physical.regions.enumerated() {
            let first = region.base / size
            for number in numbers where number &- first < region.size / size {
                let page = Int(number - first)
                physical.replace(page: page, of: region, by: memory.content(page, ofRegion: index))
            }
        }
        dirty.clear()
        session.board.memory.observeChanges(dirty)
    }

    /// Runs it until something ends it.
    public func run() -> Session.Conclusion {
        let conclusion = session.run(to: end)
        return conclusion == .suspended && session.board.executed >= end ? .instructionLimit : conclusion
    }

    func run(as number: Int, hashes: Bool) -> MachineForks.Result {
        let conclusion = run()
        let board = session.board
        return MachineForks.Result(
            number: number, conclusion: conclusion, instructions: board.executed - start, time: board.scheduler.time,
            stateHash: hashes ? board.stateHash : nil, lastLine: lastLine)
    }

    private func keep(_ bytes: [UInt8]) {
        printed += bytes
        if printed.count > 2 * Self.longestLine { printed.removeFirst(printed.count - Self.longestLine) }
    }

    private var lastLine: String {
        let lines = printed.split { $0 == 0x0a || $0 == 0x0d }
        return printable(String(decoding: lines.last { $0.contains { $0 != 0x20 } } ?? [], as: UTF8.self))
    }
}

extension MachineState {
    /// The fields from which devices and firmware make random numbers.
    private static let random: Set<String> = ["generator", "random"]

    /// The same with everything random in it made from another seed.
    func seeded(_ seed: UInt64) -> MachineState {
        var state = self
        var random = SplitMix64(seed: seed)
        for section in state.sections.indices {
            for field in state.sections[section].fields.indices
            where Self.random.contains(state.sections[section].fields[field].name) {
                state.sections[section].fields[field].value = .word(random.next())
            }
        }
        return state
    }
}
