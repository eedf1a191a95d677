/// A copy-on-write disk: reads come from a base that is never written; what the guest writes stays in memory.
///
/// The overlay is part of the machine's state, so a snapshot holds the disk as it was.
public final class OverlayDisk: BlockBackend {
    private static let clusterSize = 4096
    private static let clusterBytes = UInt64(clusterSize)

    private let base: any BlockBackend
    private let limit: UInt64
    /// Written clusters by number. An empty array is a cluster of zeroes.
    private var clusters: [UInt64: [UInt8]] = [:]
    private var heldBytes: UInt64 = 0

    public var byteCount: UInt64 { base.byteCount }
    public let isReadOnly = false

    /// - Parameter limit: how many bytes of host memory the overlay may hold.
    public init(over base: any BlockBackend, limit: UInt64 = .max) {
        self.base = base
        self.limit = limit
    }

    /// Calls `body` with each cluster that a range touches: its number, the part of it, and where that is in the range.
    private func forEachCluster(
        _ offset: UInt64, _ count: UInt64, _ body: (UInt64, Range<Int>, UInt64) throws(BlockError) -> Void
    ) throws(BlockError) {
        var done: UInt64 = 0
        while done < count {
            let position = offset + done
            let start = Int(position % Self.clusterBytes)
            let length = min(Self.clusterSize - start, Int(clamping: count - done))
            try body(position / Self.clusterBytes, start..<start + length, done)
            done += UInt64(length)
        }
    }

    public func read(at offset: UInt64, into target: UnsafeMutableRawBufferPointer) throws(BlockError) {
        try check(offset, UInt64(target.count))
        if clusters.isEmpty { return try base.read(at: offset, into: target) }
        try forEachCluster(offset, UInt64(target.count)) { (number, part, done) throws(BlockError) in
            let piece = UnsafeMutableRawBufferPointer(rebasing: target[Int(done)..<Int(done) + part.count])
            switch clusters[number] {
            case nil: try base.read(at: offset + done, into: piece)
            case let cluster? where cluster.isEmpty: piece.initializeMemory(as: UInt8.self, repeating: 0)
            case let cluster?: piece.copyBytes(from: cluster[part])
            }
        }
    }

    /// A copy of a cluster as the guest sees it. The last one of a disk may be short of bytes, which stay zero.
    private func contents(_ number: UInt64) throws(BlockError) -> [UInt8] {
        if let cluster = clusters[number], !cluster.isEmpty { return cluster }
        var bytes = [UInt8](repeating: 0, count: Self.clusterSize)
        if clusters[number] != nil { return bytes }
        let start = number * Self.clusterBytes
        let length = Int(min(Self.clusterBytes, byteCount - start))
        try bytes.withUnsafeMutableBufferPointer { (buffer) throws(BlockError) in
            try base.read(
                at: start, into: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<length])))
        }
        return bytes
    }

    /// Makes room in the account for a cluster that is to hold bytes.
    private func hold(_ number: UInt64) throws(BlockError) {
        if let cluster = clusters[number], !cluster.isEmpty { return }
        guard heldBytes <= limit, Self.clusterBytes <= limit - heldBytes else { throw .overlayFull(limit: limit) }
        heldBytes += Self.clusterBytes
    }

    public func write(at offset: UInt64, from source: UnsafeRawBufferPointer) throws(BlockError) {
        try check(offset, UInt64(source.count))
        try forEachCluster(offset, UInt64(source.count)) { (number, part, done) throws(BlockError) in
            // A cluster that is held is changed in place; taking it out first keeps it from being copied.
            var bytes = try contents(number)
            try hold(number)
            clusters[number] = nil
            bytes.replaceSubrange(part, with: source[Int(done)..<Int(done) + part.count])
            clusters[number] = bytes
        }
    }

    public func zero(at offset: UInt64, count: UInt64) throws(BlockError) {
        try check(offset, count)
        try forEachCluster(offset, count) { (number, part, _) throws(BlockError) in
            if part.count == Self.clusterSize {
                if let old = clusters.updateValue([], forKey: number), !old.isEmpty { heldBytes -= Self.clusterBytes }
            } else {
                var bytes = try contents(number)
                try hold(number)
                bytes.replaceSubrange(part, with: repeatElement(0, count: part.count))
                clusters[number] = bytes
            }
        }
    }

    /// It lives as long as the machine: there is nothing to flush to.
    public func flush() throws(BlockError) {}

    /// One field: for each cluster, in order, its number and its bytes. Bit 63 of the number marks zeroes, which follow
    /// without bytes.
    public func describeState(_ visitor: inout some StateVisitor) {
        let zeroes: UInt64 = 1 << 63
        var packed: [UInt8] = []
        for (number, bytes) in clusters.sorted(by: { $0.key < $1.key }) {
            packed.append(littleEndian: bytes.isEmpty ? number | zeroes : number)
            packed.append(contentsOf: bytes)
        }
        let before = packed
        visitor.field("overlay", &packed)
        guard packed != before else { return }
        if !replaceClusters(by: packed, zeroes) {
            visitor.refuse("clusters of a disk of \(byteCount) bytes, each with its number")
        }
    }

    /// False where they are not all clusters of this disk, in order.
    private func replaceClusters(by packed: [UInt8], _ zeroes: UInt64) -> Bool {
        clusters = [:]
        heldBytes = 0
        let last = (byteCount + Self.clusterBytes - 1) / Self.clusterBytes
        var (position, next) = (0, 0 as UInt64)
        while packed.count - position >= 8 {
            let word: UInt64 = packed.littleEndian(at: position)
            position += 8
            let number = word & ~zeroes
            guard number >= next, number < last else { return false }
            next = number + 1
            if word & zeroes != 0 {
                clusters[number] = []
            } else {
                guard packed.count - position >= Self.clusterSize else { return false }
                clusters[number] = Array(packed[position..<position + Self.clusterSize])
                position += Self.clusterSize
                heldBytes += Self.clusterBytes
            }
        }
        return position == packed.count
    }
}
