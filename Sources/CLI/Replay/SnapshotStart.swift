import Glibc
import Machine

/// A snapshot as the user names it: `booted.orrery`, `booted.orrery:early`, `boot.orrery:#3`.
struct SnapshotPlace {
    let file: String
    let name: String?

    /// A file of that whole name comes first, since names of files may have colons.
    init(_ text: String) {
        if let colon = text.lastIndex(of: ":"), colon > text.startIndex, access(text, F_OK) != 0 {
            (file, name) = (String(text[..<colon]), String(text[text.index(after: colon)...]))
        } else {
            (file, name) = (text, nil)
        }
    }
}

/// A snapshot that a run starts from, with the files that its machine was made from as they were then.
struct SnapshotStart {
    /// The machine's: nothing is written to its files.
    let description: MachineDescription
    let snapshot: MachineSnapshot

    init(_ text: String) throws {
        let place = SnapshotPlace(text)
        do {
            let file = try RecordingFile(place.file)
            let store = file.recording.snapshots
            snapshot = MachineSnapshot(try store.snapshot(meaning: place.name), of: store, images: file.images)
            description = file.description.withoutRun.withOverlays
        } catch let error as TraceFileError { throw error.inputError }
    }
}
