/// What a recording or a file of snapshots holds, for people and programs that look at it.
public struct TraceSummary: Sendable {
    public var path: String
    public var byteCount: UInt64
    public var version: String
    public var program: String
    /// Which machine made it.
    public var revision: MachineRevision
    public var ending: TraceFileReader.Ending
    /// Of the machine.
    public var description: String
    public var resources: [TraceResource]
    /// Those kinds of which there are any.
    public var inputs: [(kind: ExternalInput.Kind, count: UInt64)] = []
    /// Inputs of kinds that this program does not know.
    public var unknownInputs: UInt64
    public var hashCount: UInt64 = 0
    public var snapshots: [SnapshotEntry]
    public var conclusion: RunConclusion?
    /// The last place and time that the file tells of: where the run ended, if it has a conclusion.
    public var position: UInt64 = 0
    public var time: UInt64 = 0
    public var sizes: [Size] = []

    /// What chunks of one type take.
    public struct Size: Sendable {
        public var type: ChunkType
        public var chunks: UInt64 = 0
        /// In the file, headers included.
        public var bytes: UInt64 = 0
        /// When decompressed.
        public var contents: UInt64 = 0
    }

    /// Reads all inputs, one after the other.
    public init(_ recording: Recording) throws(TraceFileError) {
        let file = recording.file
        path = file.path
        byteCount = file.byteCount
        version = "\(file.version.major).\(file.version.minor)"
        program = file.program
        revision = recording.revision
        ending = file.ending
        description = recording.description
        resources = recording.resources
        snapshots = recording.snapshots.snapshots
        conclusion = recording.conclusion

        var counts: [ExternalInput.Kind: UInt64] = [:]
        var next = recording.inputs()
        while let input = try next.next() {
            counts[input.kind, default: 0] += 1
            position = max(position, input.position)
            time = max(time, input.time)
        }
        inputs = ExternalInput.Kind.allCases.compactMap { kind in counts[kind].map { (kind, $0) } }
        unknownInputs = next.passedOver
        for chunk in file.chunks(of: .stateHashes) {
            let hashes = try RecordedHashes.read(chunk, of: file).hashes
            hashCount += UInt64(hashes.count)
            position = max(position, hashes.last?.position ?? 0)
            time = max(time, hashes.last?.time ?? 0)
        }
        for (lastPosition, lastTime) in snapshots.map({ ($0.position, $0.time) })
            + (conclusion.map { [($0.position, $0.time)] } ?? [])
        {
            position = max(position, lastPosition)
            time = max(time, lastTime)
        }

        var sizes: [ChunkType: Size] = [:]
        for chunk in file.chunks {
            sizes[chunk.type, default: Size(type: chunk.type)].chunks += 1
            sizes[chunk.type, default: Size(type: chunk.type)].bytes += chunk.end - chunk.offset
            sizes[chunk.type, default: Size(type: chunk.type)].contents += UInt64(chunk.payloadSize)
        }
        let unknown = sizes.keys.filter { !$0.isKnown }.sorted { $0.rawValue < $1.rawValue }
        self.sizes = (ChunkType.known + unknown).compactMap { sizes[$0] }
    }
}

extension ChunkType {
    /// What listings call it.
    public var name: String {
        switch self {
        case .description: "description"
        case .revision: "revision of the machine"
        case .resources: "list of files"
        case .resourceContent: "contents of files"
        case .inputs: "inputs"
        case .stateHashes: "state hashes"
        case .stateParts: "states in parts"
        case .parent: "what it branches off from"
        case .machineState: "states of CPUs and devices"
        case .memoryPages: "memory"
        case .snapshot: "list of snapshots"
        case .conclusion: "conclusion"
        case .index: "index"
        case .footer: "footer"
        default: "\(self), unknown"
        }
    }
}
