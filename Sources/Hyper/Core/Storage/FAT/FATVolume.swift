/// The clusters of a FAT file system and the table that chains them (Microsoft, FAT32 File System Specification 1.03;
/// ECMA-107).
final class FATVolume {
    enum Width: Int {
        case twelve = 12, sixteen = 16, thirtyTwo = 32
    }

    let cache: DiskCache
    let width: Width
    /// Bytes.
    let clusterSize: Int
    /// Numbers from 2 on.
    let clusterCount: UInt32
    /// Where the root directory is, which has a place of its own where entries have 12 or 16 bits.
    let rootCluster: UInt32
    let rootOffset: UInt64
    let rootSize: Int
    let label: Text
    private let tableOffset: UInt64
    private let tableSize: UInt64
    /// The copies of the table that are kept: all, or the one that is in use.
    private let copies: Range<Int>
    private let dataOffset: UInt64
    /// Where the number of free clusters is kept, with 32 bits.
    private let informationOffset: UInt64?
    private(set) var freeCount: UInt32?
    /// Where the search for a free one begins.
    private var hint: UInt32 = 2
    private var isInformationStale = false

    init(_ device: BlockDevice) throws(HyperError) {
        let boot = try device.bytes(0)
        let layout = try FATLayout(boot, sectorCount: device.sectorCount)
        cache = DiskCache(device, blockSize: layout.sectorSize, capacity: 64)
        width = layout.width
        clusterSize = layout.sectorSize * layout.sectorsPerCluster
        clusterCount = layout.clusterCount
        rootCluster = layout.rootCluster
        rootOffset = layout.offset(layout.rootSector)
        rootSize = layout.rootEntries * 32
        tableOffset = layout.offset(layout.reserved)
        tableSize = layout.offset(layout.tableSectors)
        copies = layout.copies
        dataOffset = layout.offset(layout.dataSector)
        label = layout.label
        informationOffset = layout.informationSector.map { layout.offset($0) }
        try readInformation()
    }

    // MARK: The table

    private var mask: UInt32 {
        switch width {
        case .twelve: 0xfff
        case .sixteen: 0xffff
        case .thirtyTwo: 0x0fff_ffff
        }
    }

    /// Any entry from here on is a chain's end.
    private var end: UInt32 { mask - 7 }

    private func place(_ cluster: UInt32) -> (offset: UInt64, bytes: Int) {
        switch width {
        case .twelve: (UInt64(cluster) + UInt64(cluster / 2), 2)
        case .sixteen: (UInt64(cluster) * 2, 2)
        case .thirtyTwo: (UInt64(cluster) * 4, 4)
        }
    }

    private func isCluster(_ number: UInt32) -> Bool { number >= 2 && number - 2 < clusterCount }

    private func entry(_ cluster: UInt32) throws(HyperError) -> UInt32 {
        let (offset, count) = place(cluster)
        let bytes = try cache.bytes(tableOffset + UInt64(copies.lowerBound) * tableSize + offset, count)
        let value = UInt32(truncatingIfNeeded: bytes.number(0, bytes: count))
        return (width == .twelve && cluster & 1 != 0 ? value >> 4 : value) & mask
    }

    /// Changes all copies of the entry, and nothing of what shares its bytes.
    private func setEntry(_ cluster: UInt32, _ value: UInt32) throws(HyperError) {
        let (offset, count) = place(cluster)
        for copy in copies {
            let start = tableOffset + UInt64(copy) * tableSize + offset
            var bytes = try cache.bytes(start, count)
            let old = UInt32(truncatingIfNeeded: bytes.number(0, bytes: count))
            let new: UInt32
            switch width {
            case .twelve: new = cluster & 1 != 0 ? old & 0xf | value << 4 : old & 0xf000 | value
            case .sixteen: new = value
            case .thirtyTwo: new = old & ~mask | value
            }
            bytes.set(UInt64(new), 0, bytes: count)
            try cache.write(start, bytes)
        }
    }

    /// The cluster behind this one; nil at the chain's end.
    func next(_ cluster: UInt32) throws(HyperError) -> UInt32? {
        let value = try entry(cluster)
        if value >= end { return nil }
        guard isCluster(value) else {
            throw damaged("cluster \(UInt64(cluster)) leads to \(UInt64(value))")
        }
        return value
    }

    /// Where the cluster is on the disk.
    func offset(_ cluster: UInt32) throws(HyperError) -> UInt64 {
        guard isCluster(cluster) else { throw damaged("something is in cluster \(UInt64(cluster))") }
        return dataOffset + UInt64(cluster - 2) * UInt64(clusterSize)
    }

    /// The clusters of a chain, `limit` of them at most.
    func chain(_ first: UInt32, limit: Int) throws(HyperError) -> [UInt32] {
        guard isCluster(first) else { throw damaged("something is in cluster \(UInt64(first))") }
        var clusters = [first]
        while let next = try next(clusters[clusters.count - 1]) {
            guard clusters.count < limit else {
                throw damaged("a chain of clusters from \(UInt64(first)) on has no end")
            }
            clusters.append(next)
        }
        return clusters
    }

    func damaged(_ what: Text) -> HyperError {
        HyperError("\(cache.device.identifier) is damaged: \(what): have fsck.vfat look at it")
    }

    // MARK: Taking and giving back

    /// Takes so many clusters, as a chain of their own, or none of them.
    func allocate(_ count: Int) throws(HyperError) -> [UInt32] {
        var found: [UInt32] = []
        var candidate = hint
        for _ in 0..<clusterCount where found.count < count {
            if !isCluster(candidate) { candidate = 2 }
            if try entry(candidate) == 0 { found.append(candidate) }
            candidate += 1
        }
        guard found.count == count else {
            throw HyperError(
                "\(cache.device.identifier) is full: \(count) clusters are wanted, and \(found.count) free")
        }
        // From its end on: what is written of it so far is always a whole chain.
        for index in found.indices.reversed() {
            try setEntry(found[index], index + 1 < found.count ? found[index + 1] : mask)
        }
        hint = candidate
        changeFree(by: -count)
        return found
    }

    func link(_ cluster: UInt32, to next: UInt32) throws(HyperError) { try setEntry(cluster, next) }

    /// Makes the cluster its chain's end, and gives back what was behind it.
    func cut(after cluster: UInt32) throws(HyperError) {
        let rest = try next(cluster)
        try setEntry(cluster, mask)
        if let rest { try free(rest) }
    }

    /// Gives a chain back. Where it leads back into itself, or into nowhere, that is its end.
    func free(_ first: UInt32) throws(HyperError) {
        var cluster: UInt32? = first
        while let current = cluster, isCluster(current) {
            let next = try entry(current)
            guard next != 0 else { return }
            try setEntry(current, 0)
            changeFree(by: 1)
            hint = min(hint, current)
            cluster = next >= end ? nil : next
        }
    }

    // MARK: The count of free clusters

    private static let informationSignatures: [(offset: Int, value: UInt32)] = [(0, 0x4161_5252), (484, 0x6141_7272)]
    private static let freeOffset = 488, hintOffset = 492

    private func readInformation() throws(HyperError) {
        guard let informationOffset else { return }
        let bytes = try cache.bytes(informationOffset, 512)
        guard Self.informationSignatures.allSatisfy({ bytes.u32($0.offset) == $0.value }) else { return }
        let (free, hint) = (bytes.u32(Self.freeOffset), bytes.u32(Self.hintOffset))
        if free <= clusterCount { freeCount = free }
        if isCluster(hint) { self.hint = hint }
    }

    private func changeFree(by count: Int) {
        isInformationStale = true
        guard let free = freeCount else { return }
        freeCount = UInt32(exactly: Int(free) + count).flatMap { $0 <= clusterCount ? $0 : nil }
    }

    /// Writes what is kept of the count, and has the disk keep everything.
    func flush() throws(HyperError) {
        if isInformationStale, let informationOffset {
            var bytes = try cache.bytes(informationOffset, 512)
            if Self.informationSignatures.allSatisfy({ bytes.u32($0.offset) == $0.value }) {
                bytes.set(UInt64(freeCount ?? .max), Self.freeOffset, bytes: 4)
                bytes.set(UInt64(isCluster(hint) ? hint : 2), Self.hintOffset, bytes: 4)
                try cache.write(informationOffset, bytes)
            }
        }
        isInformationStale = false
        try cache.device.flush()
    }

    /// Counted, where it is not kept.
    func countFree() throws(HyperError) -> UInt32 {
        if let freeCount { return freeCount }
        var count: UInt32 = 0
        for cluster in 2..<clusterCount + 2 where try entry(cluster) == 0 { count += 1 }
        freeCount = count
        return count
    }
}
