import Glibc

/// Keeps snapshots of a running machine under names, and at intervals, and puts the machine back to them.
///
/// They are in a file of the user's or, where there is none, in memory of this process alone.
public final class SnapshotKeeper: RunCompanion {
    private unowned let session: Session
    private let writer: RecordingWriter
    private let taker: SnapshotTaker
    /// What goes with the run beside it, where this does for the sake of intervals.
    private var companion: (any RunCompanion)?
    private let report: (String) -> Void
    /// Where they are, as this process may open it.
    private let path: String
    /// As the user knows it.
    private let name: String
    /// The memory that stands for a file.
    private let memory: AnonymousFile?
    /// Why no more are written, if so.
    public private(set) var failure: TraceFileError?
    private var nextPosition = UInt64.max
    private var interval: UInt64?

    public var nextTime: UInt64? { companion?.nextTime }

    /// Begins to keep snapshots of a machine. They are the session's ``Session/snapshots`` from then on.
    /// - Parameters:
    ///   - file: where they are kept: a new file, or one with snapshots of the same machine; nil for memory.
    ///   - recipe: what the machine is made from.
    ///   - report: told in a sentence when those at intervals end.
    public init(
        _ session: Session, in file: String?, _ recipe: MachineRecipe, report: @escaping (String) -> Void = { _ in }
    ) throws(TraceFileError) {
        self.session = session
        self.report = report
        if let file {
            (path, name, memory) = (file, file, nil)
            writer = try RecordingWriter(of: session, recipe, in: file)
        } else {
            name = "snapshots in memory"
            guard let memory = AnonymousFile("orrery snapshots") else {
                throw TraceFileError(file: name, .uncreatable(errno))
            }
            self.memory = memory
            path = memory.path
            writer = try RecordingWriter(
                TraceFileWriter(creating: path, program: recipe.program, replaces: true),
                description: recipe.description)
        }
        taker = SnapshotTaker(session, writer)
        session.snapshots = self
    }

    /// Takes one after each so many instructions from now on, which nobody has to ask for. It goes with the run then.
    public func takeRegularly(every interval: UInt64) {
        if self.interval == nil {
            companion = session.companion
            session.companion = self
        }
        self.interval = max(interval, 1)
        nextPosition = session.board.executed &+ max(interval, 1)
    }

    /// Whether they are lost when this process ends.
    public var isInMemory: Bool { memory != nil }

    /// Takes one here.
    @discardableResult
    public func save(_ name: String) throws(InputError) -> SnapshotEntry {
        // What the guest writes to a file is there when the machine is put back.
        if let drive = session.description.changingFiles.first {
            throw InputError(
                file: drive.path, problem: "is changed by the guest, and a snapshot would not hold that",
                mend: "Let the guest's writes stay in memory: \(drive.path),snapshot.")
        }
        do throws(TraceFileError) {
            if let failure { throw failure }
            return try taker.take(name: name, isAskedFor: true)
        } catch { throw error.inputError }
    }

    /// All of them, in the order in which they were taken.
    public func list() throws(InputError) -> [SnapshotEntry] { try store().snapshots }

    /// Makes the machine what it was when the last of that name was taken.
    @discardableResult
    public func load(_ name: String) throws(InputError) -> SnapshotEntry {
        guard !session.isRecorded else {
            throw InputError(
                file: self.name, problem: "the machine cannot be put back while its run is recorded",
                mend: "Start anew from the snapshot: orrery run --from.")
        }
        let store = try store()
        let entry = try store.snapshot(meaning: name)
        try session.restore(MachineSnapshot(entry, of: store))
        taker.isNow(entry.identifier)
        if let interval { nextPosition = entry.position &+ interval }
        return entry
    }

    private func store() throws(InputError) -> SnapshotStore {
        do throws(TraceFileError) { return try SnapshotStore(TraceFileReader(path)) } catch { throw error.inputError }
    }

    public func betweenRounds(_ session: Session) -> Session.Conclusion? {
        if let conclusion = companion?.betweenRounds(session) { return conclusion }
        let position = session.board.executed
        guard position >= nextPosition, let interval, failure == nil else { return nil }
        nextPosition = position &+ interval
        do throws(TraceFileError) { _ = try taker.take(name: "", isAskedFor: false) } catch {
            failure = error
            report("no more snapshots are taken, and the run goes on: \(error)")
        }
        return nil
    }

    /// Ends the file.
    public func close() throws(InputError) {
        guard failure == nil, !isInMemory else { return }
        do throws(TraceFileError) { try writer.file.close() } catch { throw error.inputError }
    }
}
