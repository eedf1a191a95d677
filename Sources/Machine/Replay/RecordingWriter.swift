/// Writes a recording: what the machine is, what comes to it, hashes of its state, snapshots, and how the run ends.
///
/// Inputs and hashes are gathered into chunks. A chunk is written when it is full, and when its oldest content has waited
/// for ``age``: so a process that dies loses no more than that of the run.
public final class RecordingWriter {
    public let file: TraceFileWriter
    /// How long an input or a hash may wait to be written.
    public var age = Duration.seconds(1)
    private var inputs: InputChunkEncoder
    private var hashes: HashChunkEncoder
    private var parts = PartsChunkEncoder()
    /// When the oldest that waits came.
    private var waitsSince: ContinuousClock.Instant?
    private var nextSnapshot: UInt64
    /// What the host's clock says; tests have their own.
    var now: () -> ContinuousClock.Instant = { ContinuousClock.now }

    /// Begins a recording.
    /// - Parameters:
    ///   - description: the machine's, as a file of `orrery run` has it.
    ///   - hashes: how the state will be hashed.
    public init(
        _ file: TraceFileWriter, description: String, hashes: RecordedHash.Method = RecordedHash.Method()
    ) throws(TraceFileError) {
        self.file = file
        inputs = InputChunkEncoder()
        self.hashes = HashChunkEncoder(hashes)
        nextSnapshot = 1
        try file.append(.description, position: 0, Array(description.utf8))
        try append(MachineRevision(program: file.program))
    }

    /// Goes on with a recording.
    /// - Parameter program: this program and its version, for people.
    public init(
        goingOnWith path: String, program: String, hashes: RecordedHash.Method = RecordedHash.Method()
    ) throws(TraceFileError) {
        // Where another process writes it, that is said before the file is looked at.
        file = try TraceFileWriter(appendingTo: path)
        let recording = try Recording(path)
        inputs = try recording.encoderOfMore()
        self.hashes = HashChunkEncoder(hashes)
        nextSnapshot = recording.snapshots.nextIdentifier
        try append(MachineRevision(program: program))
    }

    /// Writes which machine makes what follows.
    private func append(_ revision: MachineRevision) throws(TraceFileError) {
        try file.append(.revision, position: file.extent.position, isOptional: true, revision.payload)
    }

    /// Inputs so far.
    public var inputCount: UInt64 { inputs.firstOrdinal + inputs.count }

    /// Writes what files the machine is made from.
    /// - Parameter contentOf: those of them whose contents are to be in the recording, too, by their place in the list.
    public func append(_ resources: [TraceResource], contentOf: Set<Int> = []) throws(TraceFileError) {
        var resources = resources
        for place in resources.indices where contentOf.contains(place) {
            var chunks: [Range<UInt64>] = []
            let now = try TraceResource(role: resources[place].role, readingFrom: resources[place].path) {
                (piece) throws(TraceFileError) in
                chunks.append(number: try file.append(.resourceContent, position: 0, Array(piece)))
            }
            guard now.digest == resources[place].digest else {
                throw TraceFileError(file: resources[place].path, .damaged("it changed while it was read"))
            }
            resources[place].contentChunks = chunks
        }
        try file.append(.resources, position: 0, TraceResource.payload(resources))
    }

    /// Writes what the machine is made from that is no file.
    public func append(role: String, _ contents: [UInt8]) throws(TraceFileError) {
        var resource = TraceResource(role: role, contents)
        for start in stride(from: 0, to: contents.count, by: TraceResource.pieceSize) {
            let piece = contents[start..<min(start + TraceResource.pieceSize, contents.count)]
            resource.contentChunks.append(
                number: try file.append(.resourceContent, position: 0, Array(piece)))
        }
        try file.append(.resources, position: 0, TraceResource.payload([resource]))
    }

    public func append(_ input: ExternalInput) throws(TraceFileError) {
        do throws(PayloadError) { try inputs.append(input) } catch { throw misuse(error) }
        if inputs.isFull { try writeInputs() }
        wait()
    }

    public func append(_ hash: RecordedHash) throws(TraceFileError) {
        do throws(PayloadError) { try hashes.append(hash) } catch { throw misuse(error) }
        if hashes.isFull { try writeHashes() }
        wait()
    }

    public func append(_ record: RecordedParts) throws(TraceFileError) {
        do throws(PayloadError) { try parts.append(record) } catch { throw misuse(error) }
        if parts.isFull { try writeParts() }
        wait()
    }

    /// Writes of what recording this one is a branch, and has the same files as that.
    public func append(_ parent: RecordingParent, _ recording: Recording) throws(TraceFileError) {
        for resource in recording.resources {
            var resource = resource
            var chunks: [Range<UInt64>] = []
            _ = try recording.content(of: resource) { (piece) throws(TraceFileError) in
                chunks.append(number: try file.append(.resourceContent, position: 0, piece))
            }
            resource.contentChunks = chunks
            try file.append(.resources, position: 0, TraceResource.payload([resource]))
        }
        try file.append(.parent, position: 0, isOptional: true, parent.payload)
    }

    /// Writes what has waited long enough. A run calls it now and then.
    public func flushIfDue() throws(TraceFileError) {
        if let since = waitsSince, since.duration(to: now()) >= age { try flush() }
    }

    /// Writes all that waits.
    public func flush() throws(TraceFileError) {
        try writeInputs()
        try writeHashes()
        try writeParts()
        waitsSince = nil
    }

    /// Begins a snapshot at this place of the run.
    /// - Parameter parent: the one that it is incremental to.
    public func snapshot(
        position: UInt64, time: UInt64, parent: UInt64? = nil, name: String = "", hash: UInt64? = nil
    ) throws(TraceFileError) -> SnapshotWriter {
        try flush()
        defer { nextSnapshot += 1 }
        return SnapshotWriter(
            file, identifier: nextSnapshot, parent: parent, position: position, time: time, inputCount: inputCount,
            name: name, hash: hash)
    }

    /// Ends the recording, and the file.
    public func conclude(_ conclusion: RunConclusion) throws(TraceFileError) {
        try flush()
        try file.append(.conclusion, position: conclusion.position, conclusion.payload)
        try file.close()
    }

    private func wait() {
        if inputs.isEmpty && hashes.isEmpty && parts.isEmpty {
            waitsSince = nil
        } else if waitsSince == nil {
            waitsSince = now()
        }
    }

    private func writeInputs() throws(TraceFileError) {
        guard !inputs.isEmpty else { return }
        let position = inputs.firstPosition
        try file.append(.inputs, position: position, inputs.take())
    }

    private func writeHashes() throws(TraceFileError) {
        guard !hashes.isEmpty else { return }
        let position = hashes.firstPosition
        try file.append(.stateHashes, position: position, hashes.take())
    }

    private func writeParts() throws(TraceFileError) {
        guard !parts.isEmpty else { return }
        let position = parts.firstPosition
        try file.append(.stateParts, position: position, isOptional: true, parts.take())
    }

    private func misuse(_ error: PayloadError) -> TraceFileError {
        TraceFileError(file: file.path, .misuse(error.problem))
    }
}
