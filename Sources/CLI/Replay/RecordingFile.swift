import Glibc
import Machine

/// A recording, with the files that its machine was made from as they were then.
struct RecordingFile {
    let recording: Recording
    let description: MachineDescription
    let images: RecordedImages

    /// Reads a recording, and looks whether the files that it names are what they were.
    init(_ path: String) throws {
        let recording = try Recording(path)
        self.recording = recording
        var described = try DescriptionFile.parse(
            InputFile(name: path + ": description", bytes: Array(recording.description.utf8)))
        var images = RecordedImages()
        var substitutes: [String: String] = [:]
        for resource in recording.resources {
            switch resource.role {
            case RecordedImages.Role.deviceTree: images.deviceTree = try Self.contents(resource, recording)
            case RecordedImages.Role.builtInFirmware:
                images.builtInFirmware = InputFile(
                    name: "the recorded firmware", bytes: try Self.contents(resource, recording))
            case _ where resource.hasContent:
                substitutes[resource.path] = try Self.temporaryFile(resource, recording)
            default: try resource.expectUnchanged(cache: ProjectFolder.digests)
            }
        }
        described = described.mapPaths { substitutes[$0] ?? $0 }
        description = described
        self.images = images
    }

    private static func contents(_ resource: TraceResource, _ recording: Recording) throws -> [UInt8] {
        var bytes: [UInt8] = []
        let limit = 64 << 20
        let isThere = try recording.content(of: resource) { piece throws(TraceFileError) in
            if bytes.count <= limit { bytes += piece }
        }
        guard isThere, bytes.count <= limit else {
            throw InputError(
                file: recording.file.path, problem: "does not hold the machine's \(resource.role)",
                mend: "Take another copy of the file.")
        }
        return bytes
    }

    /// Puts what the recording holds into a file that has no name, and ends with this process.
    /// - Returns: what this process may call it.
    private static func temporaryFile(_ resource: TraceResource, _ recording: Recording) throws -> String {
        var name = Array("\(getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")/orrery-XXXXXX".utf8CString)
        let descriptor = mkstemp(&name)
        func failure() -> InputError {
            InputError(
                file: resource.path,
                problem: "cannot be taken out of the recording: \(String(cString: strerror(errno)))",
                mend: "Make room in the folder for temporary files, or name another one: TMPDIR.")
        }
        guard descriptor >= 0 else { throw failure() }
        unlink(name)
        var hasFailed = false
        _ = try recording.content(of: resource) { piece throws(TraceFileError) in
            var done = 0
            while done < piece.count, !hasFailed {
                let count = piece[done...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno != EINTR { hasFailed = true } else { done += max(count, 0) }
            }
        }
        if hasFailed { throw failure() }
        return "/proc/self/fd/\(descriptor)"
    }
}
