import Machine

/// Trace files in which something is another than it was, and all checksums are right.
public enum ChangedTrace {
    /// Writes a trace file anew, with payloads as `change` leaves them.
    public static func write(
        _ path: String, to target: String, change: (ChunkType, inout [UInt8]) throws -> Void
    ) throws {
        let file = try TraceFileReader(path)
        let writer = try TraceFileWriter(creating: target, program: file.program, replaces: true)
        for chunk in file.chunks where chunk.type != .index && chunk.type != .footer {
            var payload = try file.payload(of: chunk)
            try change(chunk.type, &payload)
            try writer.append(
                chunk.type, position: chunk.position, isOptional: chunk.isOptional, payload)
        }
        try writer.close()
    }
}
