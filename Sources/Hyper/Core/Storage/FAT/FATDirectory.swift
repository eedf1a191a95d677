/// What an entry of a directory says of a file.
struct FATEntry {
    let name: Text
    /// As the entry has it: eleven bytes in capitals.
    let short: [UInt8]
    let attributes: UInt8
    var firstCluster: UInt32
    var size: UInt32
    /// The entry's place in the directory, and that of the first one of its long name.
    let index: Int
    let firstIndex: Int

    static let readOnly: UInt8 = 0x01, volume: UInt8 = 0x08, directory: UInt8 = 0x10, archive: UInt8 = 0x20
    static let longName: UInt8 = 0x0f

    var isDirectory: Bool { attributes & Self.directory != 0 }
}

/// A directory, read as a whole: entries of 32 bytes, and where each is on the disk.
struct FATDirectory {
    static let entrySize = 32, limit = 65536
    static let free: UInt8 = 0xe5, last: UInt8 = 0x00

    /// Nil for a root directory in a place of its own.
    var clusters: [UInt32]?
    var bytes: [UInt8]

    var count: Int { bytes.count / Self.entrySize }

    func first(_ index: Int) -> UInt8 { bytes[index * Self.entrySize] }

    /// All files and directories in it.
    var entries: [FATEntry] {
        var entries: [FATEntry] = []
        var long = LongName()
        for index in 0..<count {
            let offset = index * Self.entrySize
            let attributes = bytes[offset + 11] & 0x3f
            if bytes[offset] == Self.last { break }
            if bytes[offset] == Self.free {
                long = LongName()
            } else if attributes == FATEntry.longName {
                long.add(bytes, offset, index)
            } else {
                if attributes & FATEntry.volume == 0 { entries.append(entry(offset, index, attributes, long)) }
                long = LongName()
            }
        }
        return entries
    }

    private func entry(_ offset: Int, _ index: Int, _ attributes: UInt8, _ long: LongName) -> FATEntry {
        let short = bytes[offset..<offset + 11]
        var shown = short
        // A first byte that means something else.
        if shown[offset] == 0x05 { shown[offset] = 0xe5 }
        let longName = long.name(for: short)
        return FATEntry(
            name: longName ?? FATNames.shown(shown, caseBits: bytes[offset + 12]), short: Array(short),
            attributes: attributes,
            firstCluster: UInt32(bytes.u16(offset + 20)) << 16 | UInt32(bytes.u16(offset + 26)),
            size: bytes.u32(offset + 28), index: index, firstIndex: longName == nil ? index : long.firstIndex)
    }

    func find(_ name: Text) -> FATEntry? {
        let all = entries
        return all.first { FATNames.areEqual($0.name, name) }
            ?? all.first { FATNames.areEqual(FATNames.shown($0.short[...], caseBits: 0), name) }
    }

    /// The parts of a long name as they come: the last first, which is marked, numbered down to 1.
    private struct LongName {
        private var units: [UInt16] = []
        private var expected: UInt8 = 0
        private var checksum: UInt8 = 0
        private(set) var firstIndex = 0

        mutating func add(_ bytes: [UInt8], _ offset: Int, _ index: Int) {
            let order = bytes[offset], isLast: UInt8 = 0x40, most: UInt8 = 20
            if order & isLast != 0 {
                (units, checksum, firstIndex) = ([], bytes[offset + 13], index)
                expected = order & ~isLast
            }
            guard expected > 0, expected <= most, order & ~isLast == expected, bytes[offset + 13] == checksum else {
                self = LongName()
                return
            }
            let places = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30]
            units = places.map { bytes.u16(offset + $0) } + units
            expected -= 1
            if expected == 0 { isComplete = true }
        }

        private var isComplete = false

        /// The name, where all of it was there, and for this short one.
        func name(for short: ArraySlice<UInt8>) -> Text? {
            guard isComplete, FATNames.checksum(short) == checksum else { return nil }
            let name = FATNames.text(Array(units.prefix { $0 != 0 }))
            // What nobody could name, or what would lead elsewhere.
            return name.isEmpty || name.bytes.contains(0x2f) || name == "." || name == ".." ? nil : name
        }
    }
}

extension FATFileSystem {
    /// - Parameter first: 0 for the root directory.
    func directory(_ first: UInt32) throws(HyperError) -> FATDirectory {
        let start = first == 0 ? volume.rootCluster : first
        guard start != 0 else {
            return FATDirectory(clusters: nil, bytes: try volume.cache.bytes(volume.rootOffset, volume.rootSize))
        }
        let limit = max(1, FATDirectory.limit * FATDirectory.entrySize / volume.clusterSize)
        let clusters = try volume.chain(start, limit: limit)
        var bytes: [UInt8] = []
        for cluster in clusters { bytes += try volume.cache.bytes(try volume.offset(cluster), volume.clusterSize) }
        return FATDirectory(clusters: clusters, bytes: bytes)
    }

    /// Writes entries of the directory as they are now.
    func write(_ directory: FATDirectory, _ range: Range<Int>) throws(HyperError) {
        for index in range {
            let offset = index * FATDirectory.entrySize
            let place: UInt64
            if let clusters = directory.clusters {
                let (number, rest) = offset.quotientAndRemainder(dividingBy: volume.clusterSize)
                place = try volume.offset(clusters[number]) + UInt64(rest)
            } else {
                place = volume.rootOffset + UInt64(offset)
            }
            try volume.cache.write(place, Array(directory.bytes[offset..<offset + FATDirectory.entrySize]))
        }
    }

    /// The directory that has the path's last name, that name, and what has it.
    func find(_ path: Text) throws(HyperError) -> (parent: UInt32, name: Text, entry: FATEntry?) {
        let names = path.split(0x2f)
        guard let last = names.last else { throw HyperError("/ is the root directory") }
        var parent: UInt32 = 0
        for name in names.dropLast() {
            guard let entry = try directory(parent).find(name), entry.isDirectory else {
                throw HyperError("\(path): there is no directory \(name)")
            }
            parent = try start(of: entry)
        }
        return (parent, last, try directory(parent).find(last))
    }

    /// The first cluster of a directory, which always has one.
    func start(of directory: FATEntry) throws(HyperError) -> UInt32 {
        guard directory.firstCluster != 0 else { throw volume.damaged("directory \(directory.name) has no cluster") }
        return directory.firstCluster
    }
}
