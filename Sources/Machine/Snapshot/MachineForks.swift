import Glibc
import ISA
import Synchronization

/// Any number of runs that go on from one place of a machine's run, several at a time, each with inputs of its own.
///
/// A run is a *fork*: for itself it is the machine at that place. What memory held there is in this process once
/// (``SharedMemory``); a fork has pages of its own where it writes. Nothing comes from outside but what is typed for it, and
/// nothing goes there, so that a fork with the same inputs is the same run.
public final class MachineForks: Sendable {
    /// The machine's.
    public let description: MachineDescription
    private let images: RecordedImages
    /// Nothing changes it any more.
    nonisolated(unsafe) private let memory: SharedMemory
    private let state: MachineState
    /// Instructions of all CPUs before the place that all begin at.
    public let position: UInt64

    /// What makes one fork another than the others.
    public struct Input: Sendable {
        /// What is typed.
        public var script: InputScript?
        /// What is random in the machine is made from this, from here on.
        public var seed: UInt64?
        /// How many instructions it may execute.
        public var instructions: UInt64?

        public init(script: InputScript? = nil, seed: UInt64? = nil, instructions: UInt64? = nil) {
            (self.script, self.seed, self.instructions) = (script, seed, instructions)
        }
    }

    /// How a fork ended.
    public struct Result: Sendable {
        /// Its place among the inputs.
        public let number: Int
        public let conclusion: Session.Conclusion
        /// Instructions that it has executed.
        public let instructions: UInt64
        /// Of the machine, since power-on, in nanoseconds.
        public let time: UInt64
        public let stateHash: UInt64?
        /// What it printed last that is no empty line.
        public let lastLine: String
    }

    /// Forks are of the machine as it is now.
    /// - Parameter description: the session's, or the same with other words about what ends a run.
    public init(of session: Session, _ description: MachineDescription? = nil) throws(InputError) {
        var described = description ?? session.description
        described.input = nil
        self.description = described
        images = RecordedImages(deviceTree: session.deviceTree, builtInFirmware: session.builtInFirmware)
        state = session.board.state()
        position = session.board.executed
        guard let memory = SharedMemory(session.board.memory) else { throw Self.noRoom }
        self.memory = memory
    }

    /// Forks of a snapshot in a file.
    public convenience init(_ snapshot: MachineSnapshot, _ description: MachineDescription) throws(InputError) {
        var described = description
        described.input = nil
        try self.init(of: Session(described, repeats: snapshot.images, from: snapshot), description)
    }

    private static var noRoom: InputError {
        InputError(
            file: "forks", problem: "the host has no memory for them: \(String(cString: strerror(errno)))",
            mend: "Ask for fewer at a time: --jobs 1.")
    }

    /// A machine for one fork after the other. Different ones may be used by different threads.
    public func machine() throws(InputError) -> ForkedMachine {
        let session = try Session(description, repeats: images)
        guard memory.map(into: session.board.memory) else { throw Self.noRoom }
        return ForkedMachine(session, memory, state)
    }

    /// Runs a fork for each input.
    /// - Parameters:
    ///   - jobs: how many at a time.
    ///   - hashes: whether the state of each is hashed at its end, which takes some hundredths of a second.
    ///   - body: told of each when it has ended, in the order of the inputs. What it returns says whether more are run.
    public func run(
        _ inputs: [Input], jobs: Int, hashes: Bool = true, _ body: @escaping @Sendable (Result) -> Bool
    ) throws(InputError) {
        var seconds = 0.0
        try run(inputs, jobs: jobs, hashes: hashes, duration: &seconds, body)
    }

    /// The same.
    /// - Parameter duration: how long it took on the host's clock, in seconds, from the first fork to the end of the last.
    public func run(
        _ inputs: [Input], jobs: Int, hashes: Bool = true, duration: inout Double,
        _ body: @escaping @Sendable (Result) -> Bool
    ) throws(InputError) {
        let queue = ForkQueue(inputs, body)
        var machines: [ForkedMachine] = []
        for _ in 0..<max(min(jobs, inputs.count), 1) { machines.append(try machine()) }
        let start = ContinuousClock.now
        defer { duration = (ContinuousClock.now - start) / .seconds(1) }
        ForkQueue.withThreads(machines) { machine in
            while let (number, input) = queue.next() {
                do throws(InputError) {
                    try machine.fork(input)
                    queue.finish(machine.run(as: number, hashes: hashes))
                } catch { return queue.fail(error) }
            }
        }
        if let failure = queue.failure { throw failure }
    }
}

/// Which forks are still to be run, and what came of those that were.
private final class ForkQueue: Sendable {
    private struct State {
        var next = 0
        var told = 0
        var results: [Int: MachineForks.Result] = [:]
        var failure: InputError?
        var isOver = false
    }

    private let inputs: [MachineForks.Input]
    private let body: @Sendable (MachineForks.Result) -> Bool
    private let state = Mutex(State())

    init(_ inputs: [MachineForks.Input], _ body: @escaping @Sendable (MachineForks.Result) -> Bool) {
        (self.inputs, self.body) = (inputs, body)
    }

    var failure: InputError? { state.withLock { $0.failure } }

    func next() -> (Int, MachineForks.Input)? {
        state.withLock { state in
            guard !state.isOver, state.next < inputs.count else { return nil }
            defer { state.next += 1 }
            return (state.next, inputs[state.next])
        }
    }

    func finish(_ result: MachineForks.Result) {
        state.withLock { state in
            state.results[result.number] = result
            while !state.isOver, let next = state.results.removeValue(forKey: state.told) {
                state.told += 1
                if !body(next) { state.isOver = true }
            }
        }
    }

    func fail(_ error: InputError) {
        state.withLock { state in
            if state.failure == nil { state.failure = error }
            state.isOver = true
        }
    }

    /// Has each machine used by a thread of its own, and waits until all are done.
    static func withThreads(_ machines: [ForkedMachine], _ body: @escaping (ForkedMachine) -> Void) {
        final class Work {
            let body: () -> Void
            init(_ body: @escaping () -> Void) { self.body = body }
        }
        var threads: [pthread_t] = []
        // One of them is this thread's.
        for machine in machines.dropFirst() {
            var thread = pthread_t()
            // SAFETY: the thread takes the reference that it is given, and nobody else uses its machine.
            let work = Unmanaged.passRetained(Work { body(machine) })
            let status = pthread_create(
                &thread, nil,
                { context in
                    context.map { Unmanaged<Work>.fromOpaque($0).takeRetainedValue().body() }
                    return nil
                }, work.toOpaque())
            if status == 0 { threads.append(thread) } else { work.release() }
        }
        if let machine = machines.first { body(machine) }
        for thread in threads { pthread_join(thread, nil) }
    }
}
