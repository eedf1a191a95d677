import Glibc

/// Saves one snapshot of a machine to a file, which is whole or not there.
public final class SnapshotSaver {
    private let session: Session
    private let writer: RecordingWriter

    /// Begins the file, before the machine has run.
    /// - Parameters:
    ///   - path: the file. What is there is replaced when the snapshot is whole.
    ///   - adds: the snapshot joins those of the same machine that the file has.
    public init(_ session: Session, to path: String, _ recipe: MachineRecipe, adds: Bool) throws(TraceFileError) {
        self.session = session
        writer =
            try adds
            ? RecordingWriter(of: session, recipe, in: path)
            : RecordingWriter(
                TraceFileWriter(replacing: path, program: recipe.program), description: recipe.description)
        if !adds { try writer.append(recipe, of: session) }
    }

    /// Writes what the machine is now, and ends the file.
    public func save(_ name: String) throws(InputError) -> SnapshotEntry {
        do throws(TraceFileError) {
            let entry = try SnapshotTaker(session, writer).take(name: name, isAskedFor: true)
            try writer.file.close()
            return entry
        } catch { throw error.inputError }
    }
}

extension RecordingWriter {
    /// Begins a file of a machine's snapshots, or goes on with one.
    convenience init(of session: Session, _ recipe: MachineRecipe, in path: String) throws(TraceFileError) {
        var status = stat()
        guard !path.utf8.contains(0), stat(path, &status) == 0, status.st_size > 0 else {
            let file = try TraceFileWriter(creating: path, program: recipe.program, replaces: true)
            try self.init(file, description: recipe.description)
            try append(recipe, of: session)
            return
        }
        guard try recipe.describes(try Recording(path)) else { throw TraceFileError(file: path, .otherMachine) }
        try self.init(goingOnWith: path, program: recipe.program)
    }
}

extension MachineDescription {
    /// The same machine without what was for one run of it: who types, what ends it, and what executes.
    public var withoutRun: MachineDescription {
        var description = self
        (description.input, description.until, description.screenshot) = (nil, nil, nil)
        (description.timeout, description.maxInstructions) = (nil, nil)
        (description.engine, description.jitThreshold, description.jitInjectsFaults) = (nil, nil, nil)
        (description.jitDisabled, description.jitPerfMap) = ([], nil)
        return description
    }
}
