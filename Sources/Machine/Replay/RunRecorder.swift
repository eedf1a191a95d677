/// Writes down what comes into a machine from outside, and now and then a hash of the CPUs' state, so that the run can be
/// repeated and the repetition be checked.
///
/// A recording that cannot be written on ends, and says how far it goes; the run goes on.
public final class RunRecorder: RunCompanion {
    private let writer: RecordingWriter
    private unowned let session: Session
    private let report: (String) -> Void
    /// Why the recording ended before the run, if it did.
    public private(set) var failure: TraceFileError?
    private var nextHash: UInt64
    private var rounds: UInt = 0
    /// Where an input came last. A hash is of the state before the inputs of its place, so that none is taken there.
    private var lastInput: UInt64?
    private let pages: PageHashes
    /// Before so many instructions memory is not looked at again.
    private var nextLookAtMemory: UInt64 = 0
    private var isConcluded = false

    /// Instructions between two hashes: 8 bytes each, so that they are a thousandth of a byte for 1,000 instructions, and
    /// take a ten-thousandth of the time.
    public var hashInterval: UInt64 = 10_000_000 {
        didSet { nextHash = (session.board.executed / hashInterval + 1) * hashInterval }
    }
    /// Instructions between snapshots, from which replays can start; nil for none.
    public var snapshotInterval: UInt64? {
        didSet { nextSnapshot = snapshotInterval.map { session.board.executed &+ max($0, 1) } ?? .max }
    }
    private var nextSnapshot = UInt64.max
    private let taker: SnapshotTaker
    private var hasSnapshots = false
    /// Instructions for each page that was looked at, until memory is looked at again: so that a guest that writes to much of it
    /// is not held up.
    private static let instructionsPerPage: UInt64 = 200_000
    /// How many rounds pass between two looks at the clock on the wall.
    private static let roundsBetweenLooks: UInt = 64

    public var nextTime: UInt64? { nil }
    /// What was written stays written.
    public var mayBranch: Bool { false }

    /// Begins to record a run. Where that has begun already, the recording begins with a snapshot of it.
    /// - Parameters:
    ///   - description: the machine's, as a file of `orrery run` has it.
    ///   - files: those that it names.
    ///   - program: this program and its version, for people.
    ///   - cache: of digests of files.
    ///   - embedsContents: whether the recording is to hold the images and drives themselves.
    ///   - report: told in a sentence when the recording ends early.
    public convenience init(
        _ session: Session, to path: String, description: String,
        files: [(role: MachineDescription.Key, path: String)], program: String, embedsContents: Bool = false,
        cache: DigestCache? = nil,
        report: @escaping (String) -> Void
    ) throws(TraceFileError) {
        try self.init(session, to: path, description: description, program: program, report: report)
        try writer.append(
            MachineRecipe(
                description: description, files: files, program: program, embedsContents: embedsContents, cache: cache),
            of: session)
        try begin()
    }

    /// Begins to record a run that is another recorded one up to some place, with the same files.
    public convenience init(
        _ session: Session, to path: String, branchOf recording: Recording, _ parent: RecordingParent, program: String,
        report: @escaping (String) -> Void
    ) throws(TraceFileError) {
        try self.init(session, to: path, description: recording.description, program: program, report: report)
        try writer.append(parent, recording)
        try begin()
    }

    private init(
        _ session: Session, to path: String, description: String, program: String,
        report: @escaping (String) -> Void
    ) throws(TraceFileError) {
        self.session = session
        self.report = report
        let file = try TraceFileWriter(creating: path, program: program, replaces: true)
        writer = try RecordingWriter(
            file, description: description, hashes: RecordedHash.Method(scope: .processors))
        taker = SnapshotTaker(session, writer)
        nextHash = (session.board.executed / hashInterval + 1) * hashInterval
        pages = PageHashes(session.board.memory)
        session.isRecorded = true
        session.port.addObserver { [weak self] in self?.received($0) }
    }

    /// Behind what the machine is made from.
    private func begin() throws(TraceFileError) {
        if session.board.scheduler.time > 0 {
            _ = try taker.take(name: Recording.startName, isAskedFor: true)
            hasSnapshots = true
        }
        try writer.flush()
    }

    private func received(_ event: ExternalInput.Event) {
        let board = session.board
        lastInput = board.scheduler.time
        write { () throws(TraceFileError) in
            try writer.append(ExternalInput(position: board.executed, time: board.scheduler.time, event))
        }
    }

    public func betweenRounds(_ session: Session) -> Session.Conclusion? {
        let position = session.board.executed
        if position >= nextHash, lastInput != session.board.scheduler.time {
            nextHash = (position / hashInterval + 1) * hashInterval
            let board = session.board
            let parts = parts(at: position, looksAtMemory: position >= nextLookAtMemory)
            write { () throws(TraceFileError) in
                try writer.append(
                    RecordedHash(position: position, time: board.scheduler.time, value: board.processorHash))
                try writer.append(parts)
            }
        }
        if position >= nextSnapshot, let snapshotInterval {
            nextSnapshot = position &+ max(snapshotInterval, 1)
            hasSnapshots = true
            // What starts here is to find soon whether memory is what it was.
            nextLookAtMemory = position
            write { () throws(TraceFileError) in _ = try taker.take(name: "", isAskedFor: false) }
        }
        rounds &+= 1
        if rounds % Self.roundsBetweenLooks == 0 { write { () throws(TraceFileError) in try writer.flushIfDue() } }
        return nil
    }

    private func parts(at position: UInt64, looksAtMemory: Bool) -> RecordedParts {
        RecordedParts(
            position: position, time: session.board.scheduler.time, parts: StateParts(session.board),
            memory: looksAtMemory ? memory(at: position) : nil)
    }

    private func memory(at position: UInt64) -> RecordedParts.Memory {
        let cost = UInt64(pages.dirtyCount) &* Self.instructionsPerPage
        nextLookAtMemory = position &+ cost
        return RecordedParts.Memory(lookingAt: pages)
    }

    /// Writes what waits to be written.
    public func flush() { write { () throws(TraceFileError) in try writer.flush() } }

    /// Ends the recording with the run.
    /// - Parameter conclusion: how the run ended, in words.
    public func conclude(_ conclusion: String) {
        let board = session.board
        board.scheduler.settle()
        let last = parts(at: board.executed, looksAtMemory: true)
        // What starts at a snapshot does not know what had changed before it.
        let hash: RunConclusion.Hash = hasSnapshots ? .whole(board.stateHash) : .changes(board.changeHash(pages))
        pages.end()
        write { () throws(TraceFileError) in
            try writer.append(last)
            try writer.conclude(
                RunConclusion(
                    position: last.position, time: last.time, hash: hash, text: conclusion))
        }
        isConcluded = true
    }

    private func write(_ body: () throws(TraceFileError) -> Void) {
        guard failure == nil, !isConcluded else { return }
        do throws(TraceFileError) { try body() } catch {
            failure = error
            report("the recording has ended, and the run goes on: \(error)")
        }
    }
}
