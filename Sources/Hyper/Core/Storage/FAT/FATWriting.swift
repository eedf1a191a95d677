extension FATFileSystem {
    // MARK: Files

    public func create(_ path: Text) throws(HyperError) {
        let (parent, name, existing) = try findForWriting(path)
        guard existing == nil else { throw HyperError("\(path) is there already") }
        try add(name, FATEntry.archive, firstCluster: 0, to: parent)
        try volume.flush()
    }

    public func write(_ path: Text, at offset: UInt64, from source: UnsafeRawBufferPointer) throws(HyperError) {
        guard !source.isEmpty else { return }
        let longest = UInt64(UInt32.max)
        guard offset <= longest, UInt64(source.count) <= longest - offset else {
            throw HyperError("\(path): a file of FAT has \(longest) bytes at most")
        }
        var (parent, entry) = try fileForWriting(path)
        let (old, end) = (Int(entry.size), Int(offset) + source.count)
        try extend(&entry, to: end)
        if Int(offset) > old { try fill(entry.firstCluster, old..<Int(offset)) }
        // SAFETY: the parts are only read.
        let bytes = UnsafeMutableRawBufferPointer(mutating: source)
        try forEachRun(entry.firstCluster, Int(offset), source.count) { place, range throws(HyperError) in
            try volume.cache.write(place, from: UnsafeRawBufferPointer(rebasing: bytes[range]))
        }
        entry.size = UInt32(max(old, end))
        try update(entry, in: parent)
        try volume.flush()
    }

    public func truncate(_ path: Text, to size: UInt64) throws(HyperError) {
        guard let new = UInt32(exactly: size) else {
            throw HyperError("\(path): a file of FAT has \(UInt64(UInt32.max)) bytes at most")
        }
        var (parent, entry) = try fileForWriting(path)
        let (old, first) = (Int(entry.size), entry.firstCluster)
        if Int(new) > old {
            try extend(&entry, to: Int(new))
            try fill(entry.firstCluster, old..<Int(new))
            entry.size = new
            return try updateAndFlush(entry, parent)
        }
        let kept = clusters(Int(new))
        let chain = kept == 0 || first == 0 ? [] : try volume.chain(first, limit: Int(volume.clusterCount))
        guard chain.count >= kept else {
            throw HyperError(
                "\(path) has \(chain.count) clusters, fewer than its size wants: the file system is damaged")
        }
        entry.size = new
        if kept == 0 { entry.firstCluster = 0 }
        try update(entry, in: parent)
        forgetTrail()
        if first != 0 {
            if kept == 0 {
                try volume.free(first)
            } else {
                try volume.cut(after: chain[kept - 1])
            }
        }
        try volume.flush()
    }

    private func updateAndFlush(_ entry: FATEntry, _ parent: UInt32) throws(HyperError) {
        try update(entry, in: parent)
        try volume.flush()
    }

    private func clusters(_ size: Int) -> Int { (size + volume.clusterSize - 1) / volume.clusterSize }

    /// Gives the file as many clusters as the size wants. Nothing on the disk leads to its first one yet.
    private func extend(_ entry: inout FATEntry, to size: Int) throws(HyperError) {
        let wanted = clusters(size)
        let chain =
            entry.firstCluster == 0 ? [] : try volume.chain(entry.firstCluster, limit: Int(volume.clusterCount))
        guard wanted > chain.count else { return }
        let new = try volume.allocate(wanted - chain.count)
        forgetTrail()
        if let last = chain.last { try volume.link(last, to: new[0]) } else { entry.firstCluster = new[0] }
    }

    private func fill(_ first: UInt32, _ range: Range<Int>) throws(HyperError) {
        let zeros = [UInt8](repeating: 0, count: volume.clusterSize)
        try forEachRun(first, range.lowerBound, range.count) { place, part throws(HyperError) in
            var done = 0
            while done < part.count {
                let count = min(part.count - done, zeros.count)
                try volume.cache.write(place + UInt64(done), count == zeros.count ? zeros : Array(zeros[..<count]))
                done += count
            }
        }
    }

    // MARK: Directories

    public func makeDirectory(_ path: Text) throws(HyperError) {
        let (parent, name, existing) = try findForWriting(path)
        guard existing == nil else { throw HyperError("\(path) is there already") }
        _ = try FATNames.units(name)
        let cluster = try volume.allocate(1)[0]
        var bytes = [UInt8](repeating: 0, count: volume.clusterSize)
        // The root is cluster 0 to those below it, wherever it is.
        for (index, (name, first)) in [(". " as Text, cluster), ("..", parent)].enumerated() {
            let short = Array((name.bytes + [UInt8](repeating: 0x20, count: 11)).prefix(11))
            Self.fill(&bytes, index * FATDirectory.entrySize, short, FATEntry.directory, firstCluster: first)
        }
        do throws(HyperError) {
            try volume.cache.write(try volume.offset(cluster), bytes)
            try add(name, FATEntry.directory, firstCluster: cluster, to: parent)
        } catch {
            try? volume.free(cluster)
            throw error
        }
        try volume.flush()
    }

    /// Takes a file away, or a directory in which nothing is.
    public func remove(_ path: Text) throws(HyperError) {
        let (parent, _, found) = try findForWriting(path)
        guard let entry = found else { throw HyperError("\(path): there is no such file") }
        guard entry.attributes & FATEntry.readOnly == 0 else { throw HyperError("\(path) is marked as read-only") }
        if entry.isDirectory {
            let isEmpty = try directory(try start(of: entry)).entries.allSatisfy { $0.name == "." || $0.name == ".." }
            guard isEmpty else { throw HyperError("\(path) is not empty: remove what is in it first") }
        }
        var directory = try directory(parent)
        for index in entry.firstIndex...entry.index {
            directory.bytes[index * FATDirectory.entrySize] = FATDirectory.free
        }
        try write(directory, entry.firstIndex..<entry.index + 1)
        forgetTrail()
        if entry.firstCluster != 0 { try volume.free(entry.firstCluster) }
        try volume.flush()
    }

    private func findForWriting(_ path: Text) throws(HyperError) -> (parent: UInt32, name: Text, entry: FATEntry?) {
        guard !isReadOnly else {
            throw HyperError("\(path): disk \(volume.cache.device.identifier) is for reading alone")
        }
        return try find(path)
    }

    private func fileForWriting(_ path: Text) throws(HyperError) -> (parent: UInt32, entry: FATEntry) {
        let (parent, _, found) = try findForWriting(path)
        guard let entry = found, !entry.isDirectory else { throw HyperError("\(path): there is no such file") }
        guard entry.attributes & FATEntry.readOnly == 0 else { throw HyperError("\(path) is marked as read-only") }
        return (parent, entry)
    }

    // MARK: Entries

    /// Date and time as entries have them: years from 1980, and two seconds; the first day where nobody knows the time.
    private static var now: (date: UInt64, time: UInt64) {
        let first: UInt64 = 1980, last: UInt64 = 2107
        guard let nanoseconds = WallClock.now else { return (1 << 5 | 1, 0) }
        let now = CivilTime(seconds: nanoseconds / 1_000_000_000)
        guard (first...last).contains(now.year) else { return (1 << 5 | 1, 0) }
        return ((now.year - first) << 9 | now.month << 5 | now.day, now.hour << 11 | now.minute << 5 | now.second / 2)
    }

    /// The size and the first cluster of a file that is there.
    private func update(_ entry: FATEntry, in parent: UInt32) throws(HyperError) {
        var directory = try directory(parent)
        let offset = entry.index * FATDirectory.entrySize
        directory.bytes.set(UInt64(entry.firstCluster >> 16), offset + 20, bytes: 2)
        directory.bytes.set(UInt64(entry.firstCluster & 0xffff), offset + 26, bytes: 2)
        directory.bytes.set(UInt64(entry.size), offset + 28, bytes: 4)
        let (date, time) = Self.now
        directory.bytes.set(time, offset + 22, bytes: 2)
        directory.bytes.set(date, offset + 24, bytes: 2)
        try write(directory, entry.index..<entry.index + 1)
    }

    /// Adds the entries of a new file: first those of its long name, if it needs one, the last part first.
    private func add(_ name: Text, _ attributes: UInt8, firstCluster: UInt32, to parent: UInt32) throws(HyperError) {
        let units = try FATNames.units(name)
        var directory = try directory(parent)
        let (short, isWhole) = Self.short(name, directory)
        let parts = isWhole ? 0 : (units.count + FATNames.unitsPerEntry - 1) / FATNames.unitsPerEntry
        let start = try room(for: parts + 1, in: &directory)
        for part in 0..<parts {
            let number = parts - part
            Self.fill(
                &directory.bytes, (start + part) * FATDirectory.entrySize, units, number, isLast: part == 0,
                FATNames.checksum(short[...]))
        }
        Self.fill(
            &directory.bytes, (start + parts) * FATDirectory.entrySize, short, attributes, firstCluster: firstCluster)
        // From the end on: the entry that ends the directory is behind the new ones before they are there.
        let end = min(start + parts + 2, directory.count)
        for index in (start..<end).reversed() { try write(directory, index..<index + 1) }
    }

    /// A short name that nobody has in the directory, and whether it is all that is needed.
    private static func short(_ name: Text, _ directory: FATDirectory) -> (bytes: [UInt8], isWhole: Bool) {
        let (short, isFaithful) = FATNames.short(name)
        let taken = directory.entries.map { $0.short }
        if isFaithful, !taken.contains(short) {
            return (short, FATNames.shown(short[...], caseBits: 0) == name)
        }
        var number: UInt64 = 1
        while taken.contains(FATNames.short(short, number: number)) { number += 1 }
        return (FATNames.short(short, number: number), false)
    }

    /// Finds so many entries in a row that nobody uses, and makes the directory longer where there are none.
    private func room(for count: Int, in directory: inout FATDirectory) throws(HyperError) -> Int {
        var start = 0
        var end: Int?
        for index in 0..<directory.count {
            if directory.first(index) == FATDirectory.last {
                end = index
                break
            }
            if directory.first(index) != FATDirectory.free { start = index + 1 }
            if index + 1 - start == count { return start }
        }
        // Behind the last one anything may lie.
        if let end {
            for index in end..<directory.count {
                directory.bytes[index * FATDirectory.entrySize] = FATDirectory.last
            }
        }
        while directory.count - start < count {
            guard let clusters = directory.clusters, let last = clusters.last else {
                throw HyperError("\(volume.cache.device.identifier): the root directory is full: use another one")
            }
            guard directory.count + volume.clusterSize / FATDirectory.entrySize <= FATDirectory.limit else {
                throw HyperError(
                    "\(volume.cache.device.identifier): the directory is as long as can be: use another one")
            }
            let new = try volume.allocate(1)[0]
            let zeros = [UInt8](repeating: 0, count: volume.clusterSize)
            try volume.cache.write(try volume.offset(new), zeros)
            try volume.link(last, to: new)
            forgetTrail()
            directory.clusters = clusters + [new]
            directory.bytes += zeros
        }
        return start
    }

    private static func fill(
        _ bytes: inout [UInt8], _ offset: Int, _ short: [UInt8], _ attributes: UInt8, firstCluster: UInt32
    ) {
        let (date, time) = Self.now
        for index in 0..<FATDirectory.entrySize { bytes[offset + index] = index < short.count ? short[index] : 0 }
        bytes[offset + 11] = attributes
        for place in [14, 22] { bytes.set(time, offset + place, bytes: 2) }
        for place in [16, 18, 24] { bytes.set(date, offset + place, bytes: 2) }
        bytes.set(UInt64(firstCluster >> 16), offset + 20, bytes: 2)
        bytes.set(UInt64(firstCluster & 0xffff), offset + 26, bytes: 2)
    }

    /// Part `number` of a long name, from 1. Behind its end are a zero and then ones.
    private static func fill(
        _ bytes: inout [UInt8], _ offset: Int, _ units: [UInt16], _ number: Int, isLast: Bool, _ checksum: UInt8
    ) {
        for index in 0..<FATDirectory.entrySize { bytes[offset + index] = 0 }
        bytes[offset] = UInt8(number) | (isLast ? 0x40 : 0)
        bytes[offset + 11] = FATEntry.longName
        bytes[offset + 13] = checksum
        for (index, place) in [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30].enumerated() {
            let unit = (number - 1) * FATNames.unitsPerEntry + index
            let value: UInt16 = unit < units.count ? units[unit] : unit == units.count ? 0 : 0xffff
            bytes.set(UInt64(value), offset + place, bytes: 2)
        }
    }
}
