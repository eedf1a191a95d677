/// Reads the parts of a recording's states one after the other, one chunk of them at a time.
public struct RecordedPartsReader {
    private let file: TraceFileReader
    private var chunks: ArraySlice<TraceChunk>
    private var current: (chunk: TraceChunk, decoder: PartsChunkDecoder)?
    private let first: UInt64

    init(_ file: TraceFileReader, from position: UInt64) {
        self.file = file
        first = position
        chunks = file.chunks(of: .stateParts, from: position)
    }

    /// The next record; nil behind the last.
    public mutating func next() throws(TraceFileError) -> RecordedParts? {
        while true {
            if let (chunk, started) = current {
                var decoder = started
                let record: RecordedParts?
                do throws(PayloadError) { record = try decoder.next() } catch { throw file.damaged(chunk, error) }
                current = record == nil ? nil : (chunk, decoder)
                if let record, record.position >= first { return record }
                continue
            }
            guard let chunk = chunks.popFirst() else { return nil }
            let decoder = try file.decode(chunk) { (reader) throws(PayloadError) in try PartsChunkDecoder(reader) }
            current = (chunk, decoder)
        }
    }
}

extension Recording {
    /// The parts of the states that were recorded, from a place in the run on.
    public func parts(from position: UInt64 = 0) -> RecordedPartsReader {
        RecordedPartsReader(file, from: position)
    }
}
