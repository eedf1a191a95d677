/// What a boot sector says of a FAT file system (FAT32 File System Specification 1.03, Boot Sector and BPB). Numbers are
/// sectors of `sectorSize` bytes.
struct FATLayout {
    let sectorSize: Int
    let sectorsPerCluster: Int
    let reserved: UInt64
    let tableSectors: UInt64
    let copies: Range<Int>
    let rootEntries: Int
    let rootSector: UInt64
    let dataSector: UInt64
    let clusterCount: UInt32
    let width: FATVolume.Width
    let rootCluster: UInt32
    let informationSector: UInt64?
    let label: Text

    /// - Parameter sectorCount: of the disk, of 512 bytes.
    init(_ boot: [UInt8], sectorCount: UInt64) throws(HyperError) {
        sectorSize = Int(boot.u16(11))
        sectorsPerCluster = Int(boot[13])
        reserved = UInt64(boot.u16(14))
        let tableCount = Int(boot[16])
        guard boot[510] == 0x55, boot[511] == 0xaa, boot[0] == 0xeb || boot[0] == 0xe9,
            sectorSize == 512 || sectorSize == 1024 || sectorSize == 2048 || sectorSize == 4096,
            sectorsPerCluster > 0, sectorsPerCluster & (sectorsPerCluster - 1) == 0, reserved > 0, (1...4) ~= tableCount
        else { throw HyperError("it has no boot sector of FAT") }
        rootEntries = Int(boot.u16(17))
        let total = boot.u16(19) != 0 ? UInt64(boot.u16(19)) : UInt64(boot.u32(32))
        tableSectors = boot.u16(22) != 0 ? UInt64(boot.u16(22)) : UInt64(boot.u32(36))
        let onDisk = sectorCount / UInt64(sectorSize / BlockDevice.sectorSize)
        guard total <= onDisk else {
            throw HyperError("it has \(total) sectors of \(sectorSize) bytes, and its disk \(onDisk)")
        }
        rootSector = reserved + UInt64(tableCount) * tableSectors
        dataSector = rootSector + UInt64((rootEntries * 32 + sectorSize - 1) / sectorSize)
        guard dataSector < total else { throw HyperError("its \(total) sectors have no room for files") }
        let clusters = (total - dataSector) / UInt64(sectorsPerCluster)
        // The one thing that decides.
        width = clusters < 4085 ? .twelve : clusters < 65525 ? .sixteen : .thirtyTwo
        let capacity = tableSectors * UInt64(sectorSize) * 8 / UInt64(width.rawValue)
        guard clusters > 0, clusters <= 0x0fff_fff5, capacity >= clusters + 2 else {
            throw HyperError("it has \(clusters) clusters, and a table for \(capacity)")
        }
        clusterCount = UInt32(clusters)
        let isLarge = width == .thirtyTwo
        guard isLarge == (rootEntries == 0) else {
            throw HyperError("it has \(clusters) clusters, and \(rootEntries) entries in its root directory")
        }
        rootCluster = isLarge ? boot.u32(44) : 0
        // Bit 7: only one copy of the table is kept, which the low bits name.
        let flags = isLarge ? boot.u16(40) : 0
        let active = Int(flags & 0xf)
        guard flags & 0x80 == 0 || active < tableCount else {
            throw HyperError("it has no copy \(active) of its table")
        }
        copies = flags & 0x80 == 0 ? 0..<tableCount : active..<active + 1
        let information = UInt64(boot.u16(48))
        informationSector = isLarge && information > 0 && information < reserved ? information : nil
        let labelOffset = isLarge ? 71 : 43
        label = Text(boot[labelOffset..<labelOffset + 11]).withoutTrailingSpaces
    }

    func offset(_ sector: UInt64) -> UInt64 { sector * UInt64(sectorSize) }
}

extension Text {
    var withoutTrailingSpaces: Text {
        var text = self
        while text.bytes.last == 0x20 { text.bytes.removeLast() }
        return text
    }
}
