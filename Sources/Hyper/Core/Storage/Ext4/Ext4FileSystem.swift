/// An ext2, ext3 or ext4 file system, for reading (Linux, Documentation/filesystems/ext4).
///
/// Checksums of metadata are not looked at: what is read is believed as far as it leads nowhere outside.
public final class Ext4FileSystem: FileSystem {
    let cache: DiskCache
    let superblock: Ext4Superblock

    private static let rootNumber: UInt32 = 2
    /// Links that are followed on the way to one file (Linux: MAXSYMLINKS).
    private static let linkLimit = 40
    /// Longest text of a link, and longest directory, that anybody would make.
    private static let linkSize: UInt64 = 4096
    static let directorySize: UInt64 = 16 << 20
    private static let entryLimit = 65536

    public init(_ device: BlockDevice) throws(HyperError) {
        let size = device.sectorCount * UInt64(BlockDevice.sectorSize)
        do throws(HyperError) {
            guard size >= 2 * Ext4Superblock.offset else { throw HyperError("it has \(size) bytes") }
            superblock = try Ext4Superblock(
                try device.bytes(Ext4Superblock.offset / UInt64(BlockDevice.sectorSize), count: 2), diskSize: size)
        } catch {
            throw HyperError("\(device.identifier) cannot be mounted as ext4: \(error.message)")
        }
        cache = DiskCache(device, blockSize: superblock.blockSize)
    }

    public var label: Text { superblock.label }

    // MARK: Inodes

    func inode(_ number: UInt32) throws(HyperError) -> Ext4Inode {
        guard number > 0, number <= superblock.inodeCount else {
            throw HyperError("\(cache.device.identifier) is damaged: something leads to inode \(UInt64(number))")
        }
        let (group, index) = (number - 1).quotientAndRemainder(dividingBy: superblock.inodesPerGroup)
        let descriptor = try cache.bytes(
            superblock.descriptors + UInt64(group) * UInt64(superblock.descriptorSize), superblock.descriptorSize)
        let table =
            UInt64(descriptor.u32(0x8)) | (superblock.is64Bit ? UInt64(descriptor.u32(0x28)) << 32 : 0)
        guard table < superblock.blockCount else {
            throw HyperError(
                "\(cache.device.identifier) is damaged: group \(UInt64(group)) has its inodes at block \(table)")
        }
        let offset = table * UInt64(superblock.blockSize) + UInt64(index) * UInt64(superblock.inodeSize)
        return try Ext4Inode(try cache.bytes(offset, 128), number: number)
    }

    /// Reads bytes of a file, up to its end; how many.
    func read(_ inode: Ext4Inode, _ offset: UInt64, _ target: UnsafeMutableRawBufferPointer) throws(HyperError) -> Int {
        guard offset < inode.size else { return 0 }
        let count = Int(min(UInt64(target.count), inode.size - offset))
        let blockSize = UInt64(superblock.blockSize)
        var done = 0
        while done < count {
            let start = offset + UInt64(done)
            let run = try run(inode, start / blockSize)
            let length = Int(min(UInt64(count - done), run.count * blockSize - start % blockSize))
            let part = UnsafeMutableRawBufferPointer(rebasing: target[done..<done + length])
            if let first = run.start {
                try cache.read(first * blockSize + start % blockSize, into: part)
            } else {
                part.initializeMemory(as: UInt8.self, repeating: 0)
            }
            done += length
        }
        return done
    }

    // MARK: Paths

    /// What is at the path. Links are followed.
    private func find(_ path: Text) throws(HyperError) -> Ext4Inode? {
        // From the root to where the walk has come.
        var way = [try inode(Self.rootNumber)]
        var rest = Array(path.split(0x2f).reversed())
        var links = 0
        while let name = rest.popLast() {
            if name == "." { continue }
            if name == ".." {
                if way.count > 1 { way.removeLast() }
                continue
            }
            guard let here = way.last, here.kind == .directory, let number = try lookUp(name, in: here) else {
                return nil
            }
            let next = try inode(number)
            guard next.kind == .link else {
                way.append(next)
                continue
            }
            links += 1
            guard links <= Self.linkLimit else {
                throw HyperError("\(path): more than \(Self.linkLimit) links lead on")
            }
            let text = try text(of: next)
            if text.bytes.first == 0x2f { way.removeLast(way.count - 1) }
            rest += text.split(0x2f).reversed()
        }
        return way.last
    }

    private func text(of link: Ext4Inode) throws(HyperError) -> Text {
        if let text = link.shortLink { return text }
        guard link.size <= Self.linkSize else { throw damaged(link, "is a link of \(link.size) bytes") }
        var bytes = [UInt8](repeating: 0, count: Int(link.size))
        _ = try bytes.withBuffer { buffer throws(HyperError) in try read(link, 0, buffer) }
        return Text(bytes)
    }

    private func file(_ path: Text) throws(HyperError) -> Ext4Inode {
        guard let inode = try find(path), inode.kind == .file else {
            throw HyperError("\(path): there is no such file")
        }
        return inode
    }

    // MARK: FileSystem

    public func entry(at path: Text) throws(HyperError) -> FileEntry? {
        guard let inode = try find(path) else { return nil }
        return Self.entry(path.split(0x2f).last ?? "/", inode)
    }

    private static func entry(_ name: Text, _ inode: Ext4Inode) -> FileEntry {
        FileEntry(name: name, isDirectory: inode.kind == .directory, size: inode.kind == .directory ? 0 : inode.size)
    }

    public func entries(in path: Text) throws(HyperError) -> [FileEntry] {
        guard let directory = try find(path), directory.kind == .directory else {
            throw HyperError("\(path): there is no such directory")
        }
        var entries: [FileEntry] = []
        try forEachEntry(of: directory) { name, number throws(HyperError) in
            guard name != ".", name != ".." else { return true }
            guard entries.count < Self.entryLimit else {
                throw HyperError("\(path) has more than \(Self.entryLimit) entries, too many to list")
            }
            // Links are not followed: this is as long for many as for few.
            entries.append(Self.entry(name, try inode(number)))
            return true
        }
        return entries.ordered { $0.name.precedes($1.name) }
    }

    public func read(_ path: Text, at offset: UInt64, into target: UnsafeMutableRawBufferPointer) throws(HyperError)
        -> Int
    {
        try read(try file(path), offset, target)
    }
}
