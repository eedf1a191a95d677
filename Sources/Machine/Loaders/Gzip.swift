import CZlib

/// Decompression of gzip files (RFC 1952), such as distributions' kernels.
public enum Gzip {
    public static func isGzip(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.starts(with: [0x1f, 0x8b])
    }

    /// The contents of a gzip file: all its members, one after the other. Zeros after the last one are padding.
    /// - Parameter limit: contents of more bytes than this are refused; a few bytes can claim gigabytes.
    public static func inflate(_ input: InputFile, limit: Int) throws(InputError) -> InputFile {
        InputFile(name: input.name, bytes: try inflate(input.bytes[...], file: input.name, limit: limit))
    }

    static func inflate(_ compressed: ArraySlice<UInt8>, file: String, limit: Int) throws(InputError) -> [UInt8] {
        var stream = z_stream()
        // 16 asks for the gzip header and trailer, 15 for the largest window.
        let version = zlibVersion()
        guard inflateInit2_(&stream, 16 + 15, version, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw InputError(file: file, problem: "cannot be decompressed: zlib does not start")
        }
        defer { inflateEnd(&stream) }
        var output: [UInt8] = []
        /// Bytes of input that zlib has taken.
        var consumed = 0
        var status = Z_OK
        while true {
            if status == Z_STREAM_END {
                let rest = compressed.dropFirst(consumed)
                guard isGzip(rest) else {
                    if rest.allSatisfy({ $0 == 0 }) { return output }
                    throw InputError(
                        file: file, offset: UInt64(consumed), problem: "has bytes after the end of its gzip data")
                }
                inflateReset(&stream)
            }
            let chunkSize = min(1 << 20, max(limit - output.count, 0) + 1)
            let rest = compressed.dropFirst(consumed).prefix(1 << 30)
            var taken = 0
            // SAFETY: zlib reads `avail_in` bytes of `rest` and writes at most `avail_out` bytes of the chunk, both
            // alive in here; its pointers are not used after.
            let chunk = [UInt8](unsafeUninitializedCapacity: chunkSize) { buffer, initialized in
                rest.withUnsafeBufferPointer { source in
                    stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
                    stream.avail_in = UInt32(source.count)
                    stream.next_out = buffer.baseAddress
                    stream.avail_out = UInt32(chunkSize)
                    status = CZlib.inflate(&stream, Z_NO_FLUSH)
                    taken = source.count - Int(stream.avail_in)
                    initialized = chunkSize - Int(stream.avail_out)
                }
            }
            consumed += taken
            guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
                let reason = stream.msg.map { String(cString: $0) } ?? "error \(status)"
                throw InputError(
                    file: file, offset: UInt64(consumed), problem: "is not valid gzip data: \(reason)",
                    mend: "The file is damaged.")
            }
            guard chunk.count <= limit - output.count else {
                throw InputError(
                    file: file, problem: "holds more than \(limit) bytes when decompressed",
                    mend: "Give the machine more --memory, or check that it is the right file.")
            }
            output += chunk
            if status != Z_STREAM_END && taken == 0 && chunk.isEmpty {
                throw InputError(
                    file: file, offset: UInt64(consumed), problem: "ends within its gzip data",
                    mend: "The file is cut short.")
            }
        }
    }
}
