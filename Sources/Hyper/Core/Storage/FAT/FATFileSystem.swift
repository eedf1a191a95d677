/// A file system of FAT, with entries of 12, 16 or 32 bits, and long names.
///
/// What is written is on the disk in an order that leaves, at any moment, a file system of which no file has lost what it
/// had: clusters are chained before a directory leads to them, and given back after none does.
public final class FATFileSystem: FileSystem {
    let volume: FATVolume
    /// How far a file has been followed, so that whoever reads it piece by piece does not begin anew each time.
    private var trail = Trail(first: 0, index: 0, cluster: 0)

    private struct Trail {
        let first: UInt32
        var index: Int
        var cluster: UInt32
    }

    public init(_ device: BlockDevice) throws(HyperError) {
        do throws(HyperError) {
            guard device.sectorCount > 0 else { throw HyperError("it is empty") }
            volume = try FATVolume(device)
        } catch {
            throw HyperError("\(device.identifier) cannot be mounted as FAT: \(error.message)")
        }
    }

    public var label: Text { volume.label }
    public var isReadOnly: Bool { volume.cache.device.isReadOnly }
    public func freeBytes() throws(HyperError) -> UInt64? {
        UInt64(try volume.countFree()) * UInt64(volume.clusterSize)
    }

    public func entry(at path: Text) throws(HyperError) -> FileEntry? {
        if path.isEmpty { return FileEntry(name: "/", isDirectory: true, size: 0) }
        var parent: UInt32 = 0
        var found: FATEntry?
        for name in path.split(0x2f) {
            if let found {
                guard found.isDirectory else { return nil }
                parent = try start(of: found)
            }
            found = try directory(parent).find(name)
            if found == nil { return nil }
        }
        return found.map { Self.entry($0) }
    }

    private static func entry(_ entry: FATEntry) -> FileEntry {
        FileEntry(name: entry.name, isDirectory: entry.isDirectory, size: entry.isDirectory ? 0 : UInt64(entry.size))
    }

    public func entries(in path: Text) throws(HyperError) -> [FileEntry] {
        var first: UInt32 = 0
        if !path.isEmpty {
            guard let entry = try find(path).entry, entry.isDirectory else {
                throw HyperError("\(path): there is no such directory")
            }
            first = try start(of: entry)
        }
        let entries = try directory(first).entries.filter { $0.name != "." && $0.name != ".." }
        return entries.map { Self.entry($0) }.ordered { $0.name.precedes($1.name) }
    }

    func file(_ path: Text) throws(HyperError) -> (parent: UInt32, entry: FATEntry) {
        let (parent, _, entry) = try find(path)
        guard let entry, !entry.isDirectory else { throw HyperError("\(path): there is no such file") }
        return (parent, entry)
    }

    public func read(_ path: Text, at offset: UInt64, into target: UnsafeMutableRawBufferPointer) throws(HyperError)
        -> Int
    {
        let entry = try file(path).entry
        guard offset < UInt64(entry.size) else { return 0 }
        let count = Int(min(UInt64(target.count), UInt64(entry.size) - offset))
        try forEachRun(entry.firstCluster, Int(offset), count) { place, range throws(HyperError) in
            try volume.cache.read(place, into: UnsafeMutableRawBufferPointer(rebasing: target[range]))
        }
        return count
    }

    /// Finds `count` bytes of a chain from `offset` on.
    /// - Parameter body: is given where some of them are on the disk, side by side, and which of the `count` they are.
    func forEachRun(
        _ first: UInt32, _ offset: Int, _ count: Int,
        _ body: (_ place: UInt64, _ range: Range<Int>) throws(HyperError) -> Void
    ) throws(HyperError) {
        guard count > 0 else { return }
        let size = volume.clusterSize
        var cluster = try follow(first, to: offset / size)
        var done = 0
        var start = offset % size
        while true {
            let place = try volume.offset(cluster) + UInt64(start)
            var length = size - start
            var next: UInt32?
            while length < count - done {
                guard let following = try volume.next(cluster) else {
                    throw volume.damaged("the chain from cluster \(UInt64(first)) on is shorter than its file")
                }
                trail.index += 1
                trail.cluster = following
                guard following == cluster + 1 else {
                    next = following
                    break
                }
                cluster = following
                length += size
            }
            length = min(length, count - done)
            try body(place, done..<done + length)
            done += length
            start = 0
            guard done < count, let next else { return }
            cluster = next
        }
    }

    /// The cluster of that place in the chain.
    private func follow(_ first: UInt32, to index: Int) throws(HyperError) -> UInt32 {
        if trail.first != first || trail.index > index { trail = Trail(first: first, index: 0, cluster: first) }
        // No chain is longer, so one that comes back to itself ends here too.
        guard index < Int(volume.clusterCount) else { throw volume.damaged("a file is larger than its file system") }
        while trail.index < index {
            guard let next = try volume.next(trail.cluster) else {
                throw volume.damaged("the chain from cluster \(UInt64(first)) on is shorter than its file")
            }
            trail.cluster = next
            trail.index += 1
        }
        return trail.cluster
    }

    /// Chains are changed: what was followed of them means nothing any more.
    func forgetTrail() { trail = Trail(first: 0, index: 0, cluster: 0) }
}
