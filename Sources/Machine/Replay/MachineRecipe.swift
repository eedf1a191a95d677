/// What a machine is made from, as recordings and files of snapshots say it.
public struct MachineRecipe: Sendable {
    /// The machine's, as a file of `orrery run` has it.
    public var description: String
    /// The files that it names.
    public var files: [(role: MachineDescription.Key, path: String)]
    /// This program and its version, for people.
    public var program: String
    /// Whether what is in the files is written down, too, and not their digests alone.
    public var embedsContents: Bool
    /// Of digests of files.
    public var cache: DigestCache?

    public init(
        description: String, files: [(role: MachineDescription.Key, path: String)], program: String,
        embedsContents: Bool = false, cache: DigestCache? = nil
    ) {
        self.description = description
        self.files = files
        self.program = program
        self.embedsContents = embedsContents
        self.cache = cache
    }

    /// The files as they are now.
    func resources() throws(TraceFileError) -> [TraceResource] {
        var resources: [TraceResource] = []
        for (role, path) in files {
            resources.append(try TraceResource(role: role.rawValue, readingFrom: path, cache: cache))
        }
        return resources
    }

    /// Whether a file is of the same machine, made from the same files.
    func describes(_ recording: Recording) throws(TraceFileError) -> Bool {
        guard recording.description == description else { return false }
        let resources = try resources()
        let recorded = recording.resources.filter { !$0.path.isEmpty }
        return resources.count == recorded.count
            && zip(resources, recorded).allSatisfy { ($0.role, $0.digest) == ($1.role, $1.digest) }
    }
}

extension RecordingWriter {
    /// Writes what a session's machine was made from.
    func append(_ recipe: MachineRecipe, of session: Session) throws(TraceFileError) {
        let resources = try recipe.resources()
        try append(resources, contentOf: recipe.embedsContents ? Set(resources.indices) : [])
        try append(role: RecordedImages.Role.deviceTree, session.deviceTree)
        if let firmware = session.builtInFirmware {
            try append(role: RecordedImages.Role.builtInFirmware, firmware.bytes)
        }
        try flush()
    }
}
