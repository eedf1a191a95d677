/// The blocks of a disk that a file system has used last, and bytes of the disk wherever they lie.
///
/// What is written goes to the disk at once. One thread at a time uses it.
final class DiskCache {
    private struct Entry {
        let number: UInt64
        var bytes: [UInt8]
    }

    let device: BlockDevice
    /// A multiple of a sector.
    let blockSize: Int
    private let capacity: Int
    /// The one used last is last.
    private var entries: [Entry] = []

    init(_ device: BlockDevice, blockSize: Int, capacity: Int = 32) {
        self.device = device
        self.blockSize = blockSize
        self.capacity = capacity
    }

    /// Whole blocks of the disk.
    var blockCount: UInt64 { device.sectorCount / UInt64(sectorsPerBlock) }

    private var sectorsPerBlock: Int { blockSize / BlockDevice.sectorSize }

    func block(_ number: UInt64) throws(HyperError) -> [UInt8] {
        if let index = entries.lastIndex(where: { $0.number == number }) {
            if index == entries.count - 1 { return entries[index].bytes }
            let entry = entries.remove(at: index)
            entries.append(entry)
            return entry.bytes
        }
        let bytes = try device.bytes(try sector(number), count: sectorsPerBlock)
        if entries.count == capacity { entries.removeFirst() }
        entries.append(Entry(number: number, bytes: bytes))
        return bytes
    }

    private func writeBlock(_ number: UInt64, _ bytes: [UInt8]) throws(HyperError) {
        entries.removeAll { $0.number == number }
        var bytes = bytes
        let sector = try sector(number)
        try bytes.withBuffer { buffer throws(HyperError) in
            try device.write(sector: sector, from: UnsafeRawBufferPointer(buffer))
        }
        if entries.count == capacity { entries.removeFirst() }
        entries.append(Entry(number: number, bytes: bytes))
    }

    /// A number that a file system has of a block may be anything.
    private func sector(_ number: UInt64) throws(HyperError) -> UInt64 {
        guard number < blockCount else {
            throw HyperError(
                "disk \(device.identifier) has \(blockCount) blocks of \(blockSize) bytes, and none \(number)")
        }
        return number * UInt64(sectorsPerBlock)
    }

    /// Reads from `offset` of the disk on: whole sectors go where they belong without being kept.
    func read(_ offset: UInt64, into target: UnsafeMutableRawBufferPointer) throws(HyperError) {
        try forEachPart(offset, target) { part, start, buffer throws(HyperError) in
            switch part {
            case .sectors: try device.read(sector: start / UInt64(BlockDevice.sectorSize), into: buffer)
            case .within(let number):
                let bytes = try block(number)
                let first = Int(start % UInt64(blockSize))
                buffer.copyBytes(from: bytes[first..<first + buffer.count])
            }
        }
    }

    func write(_ offset: UInt64, from source: UnsafeRawBufferPointer) throws(HyperError) {
        // SAFETY: the parts are only read.
        try forEachPart(offset, UnsafeMutableRawBufferPointer(mutating: source)) {
            part, start, buffer throws(HyperError) in
            switch part {
            case .sectors:
                let (first, last) = (start / UInt64(blockSize), (start + UInt64(buffer.count) - 1) / UInt64(blockSize))
                entries.removeAll { first...last ~= $0.number }
                try device.write(
                    sector: start / UInt64(BlockDevice.sectorSize), from: UnsafeRawBufferPointer(buffer))
            case .within(let number):
                var bytes = try block(number)
                let first = Int(start % UInt64(blockSize))
                for (index, byte) in buffer.enumerated() { bytes[first + index] = byte }
                try writeBlock(number, bytes)
            }
        }
    }

    func bytes(_ offset: UInt64, _ count: Int) throws(HyperError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        try bytes.withBuffer { buffer throws(HyperError) in try read(offset, into: buffer) }
        return bytes
    }

    func write(_ offset: UInt64, _ bytes: [UInt8]) throws(HyperError) {
        var bytes = bytes
        try bytes.withBuffer { buffer throws(HyperError) in
            try write(offset, from: UnsafeRawBufferPointer(buffer))
        }
    }

    private enum Part {
        case sectors
        /// In that block, in the middle of a sector.
        case within(UInt64)
    }

    /// - Parameter body: is given parts that lie side by side, and where each begins on the disk.
    private func forEachPart(
        _ offset: UInt64, _ buffer: UnsafeMutableRawBufferPointer,
        _ body: (Part, UInt64, UnsafeMutableRawBufferPointer) throws(HyperError) -> Void
    ) throws(HyperError) {
        let sectorSize = UInt64(BlockDevice.sectorSize)
        var done = 0
        while done < buffer.count {
            let start = offset + UInt64(done)
            let rest = buffer.count - done
            let (part, count): (Part, Int)
            if start % sectorSize == 0, rest >= Int(sectorSize) {
                (part, count) = (.sectors, rest & ~(Int(sectorSize) - 1))
            } else {
                let toSector = Int(sectorSize - start % sectorSize)
                (part, count) = (.within(start / UInt64(blockSize)), min(rest, toSector))
            }
            try body(part, start, UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count]))
            done += count
        }
    }
}
