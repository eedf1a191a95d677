/// What a recording branches off from: another one, up to a place in the run.
public struct RecordingParent: Equatable, Sendable {
    /// As the user wrote it.
    public var path: String
    /// Of the file as it was then.
    public var digest: SHA256Digest
    /// The first place where the runs may differ.
    public var position: UInt64

    public init(path: String, digest: SHA256Digest, position: UInt64) {
        (self.path, self.digest, self.position) = (path, digest, position)
    }

    private enum DigestMethod {
        static let sha256: UInt8 = 1
    }

    var payload: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(text: path)
        bytes.append(DigestMethod.sha256)
        bytes.append(lengthAnd: digest.bytes)
        bytes.append(number: position)
        return bytes
    }

    /// Reads a chunk's payload. Later minor versions may have more at its end.
    /// - Returns: nil where a later program has digested it otherwise.
    static func read(_ reader: inout PayloadReader) throws(PayloadError) -> RecordingParent? {
        let path = try reader.text()
        let method = try reader.byte()
        let digest = Array(try reader.lengthAndBytes())
        let position = try reader.number()
        guard method == DigestMethod.sha256 else { return nil }
        guard digest.count == SHA256Digest.size else { throw PayloadError("a digest is of \(digest.count) bytes") }
        return RecordingParent(path: path, digest: SHA256Digest(bytes: digest), position: position)
    }
}

extension Recording {
    /// What it branches off from, if it does.
    public func parent() throws(TraceFileError) -> RecordingParent? {
        guard let chunk = file.chunks(of: .parent).last else { return nil }
        return try file.decode(chunk) { (reader) throws(PayloadError) in try RecordingParent.read(&reader) }
    }
}
