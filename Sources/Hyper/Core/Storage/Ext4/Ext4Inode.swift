/// A file, directory or link (Linux, Documentation/filesystems/ext4: inodes, ifork).
struct Ext4Inode {
    enum Kind: UInt16 {
        case directory = 0x4000, file = 0x8000, link = 0xa000
    }

    private static let usesExtents: UInt32 = 0x8_0000, isInline: UInt32 = 0x1000_0000, isEncrypted: UInt32 = 0x800
    private static let rootOffset = 0x28, rootSize = 60

    let number: UInt32
    /// Nil for devices and the like.
    let kind: Kind?
    /// Bytes.
    let size: UInt64
    /// The head of the file's tree of blocks, or a short link's text.
    let root: [UInt8]
    let hasExtents: Bool

    init(_ bytes: [UInt8], number: UInt32) throws(HyperError) {
        self.number = number
        kind = Kind(rawValue: bytes.u16(0) & 0xf000)
        let flags = bytes.u32(0x20)
        guard flags & (Self.isInline | Self.isEncrypted) == 0 else {
            throw HyperError("inode \(UInt64(number)) is encrypted, or its data is in itself, which is not known here")
        }
        hasExtents = flags & Self.usesExtents != 0
        size = UInt64(bytes.u32(0x4)) | UInt64(bytes.u32(0x6c)) << 32
        root = Array(bytes[Self.rootOffset..<Self.rootOffset + Self.rootSize])
    }

    /// The text of a link that needs no block.
    var shortLink: Text? {
        kind == .link && !hasExtents && size < UInt64(Self.rootSize) ? Text(root[..<Int(size)]) : nil
    }
}

/// Where a part of a file is: so many blocks side by side on the disk, or nowhere, for a hole, which reads as zeros.
struct Ext4Run {
    let start: UInt64?
    let count: UInt64
}

extension Ext4FileSystem {
    /// Where the file has its block of that number, and how many there are from it on.
    func run(_ inode: Ext4Inode, _ block: UInt64) throws(HyperError) -> Ext4Run {
        let run = inode.hasExtents ? try extent(inode, block) : try pointer(inode, block)
        guard let start = run.start else { return run }
        guard start > 0, start < superblock.blockCount, run.count <= superblock.blockCount - start else {
            throw damaged(inode, "has blocks \(start) to \(start &+ run.count &- 1)")
        }
        return run
    }

    // MARK: Extents

    private static let extentMagic: UInt16 = 0xf30a, extentSize = 12, depthLimit: UInt16 = 5
    /// Longer ones are not written yet, and are that much shorter.
    private static let longestExtent: UInt64 = 32768

    private func extent(_ inode: Ext4Inode, _ block: UInt64) throws(HyperError) -> Ext4Run {
        // The numbers of a file's blocks have 32 bits.
        let end: UInt64 = 1 << 32
        guard block < end else { throw damaged(inode, "is larger than can be") }
        var (node, limit, depth): ([UInt8], UInt64, UInt16?) = (inode.root, end, nil)
        while true {
            let (count, level) = (Int(node.u16(2)), node.u16(6))
            guard node.u16(0) == Self.extentMagic, count <= node.count / Self.extentSize - 1,
                depth.map({ level == $0 }) ?? (level <= Self.depthLimit)
            else { throw damaged(inode, "has a node of extents without its header") }
            // The last that begins at the block or before it.
            var (place, next) = (0, limit)
            for index in 1..<count + 1 {
                let first = UInt64(node.u32(index * Self.extentSize))
                if first > block {
                    next = min(next, first)
                    break
                }
                place = index * Self.extentSize
            }
            guard next > block else { throw damaged(inode, "has extents in disorder") }
            guard place > 0 else { return Ext4Run(start: nil, count: next - block) }
            if level == 0 {
                return Self.leaf(node, place, block, next)
            }
            node = try self.block(UInt64(node.u32(place + 4)) | UInt64(node.u16(place + 8)) << 32, of: inode)
            (limit, depth) = (next, level - 1)
        }
    }

    private static func leaf(_ node: [UInt8], _ place: Int, _ block: UInt64, _ next: UInt64) -> Ext4Run {
        let first = UInt64(node.u32(place))
        var length = UInt64(node.u16(place + 4))
        let isWritten = length <= longestExtent
        if !isWritten { length -= longestExtent }
        guard block - first < length else { return Ext4Run(start: nil, count: next - block) }
        let start = UInt64(node.u32(place + 8)) | UInt64(node.u16(place + 6)) << 32
        return Ext4Run(start: isWritten ? start + (block - first) : nil, count: length - (block - first))
    }

    // MARK: Pointers, as ext2 has them

    private func pointer(_ inode: Ext4Inode, _ block: UInt64) throws(HyperError) -> Ext4Run {
        let direct: UInt64 = 12
        let perBlock = UInt64(superblock.blockSize / 4)
        if block < direct { return Self.run(inode.root, Int(block), until: Int(direct)) }
        var (rest, span, slot) = (block - direct, perBlock, Int(direct))
        // One, two or three levels of blocks of pointers.
        while rest >= span {
            rest -= span
            slot += 1
            guard slot < 15 else { throw damaged(inode, "is larger than can be") }
            span *= perBlock
        }
        var node = inode.root
        var index = slot
        while true {
            let next = UInt64(node.u32(index * 4))
            // A hole of all that would be below.
            if next == 0 { return Ext4Run(start: nil, count: span - rest) }
            node = try self.block(next, of: inode)
            span /= perBlock
            index = Int(rest / span)
            rest %= span
            if span == 1 { return Self.run(node, index, until: Int(perBlock)) }
        }
    }

    /// Pointers that follow on each other.
    private static func run(_ pointers: [UInt8], _ index: Int, until end: Int) -> Ext4Run {
        let start = UInt64(pointers.u32(index * 4))
        var count: UInt64 = 1
        while index + Int(count) < end,
            UInt64(pointers.u32((index + Int(count)) * 4)) == (start == 0 ? 0 : start + count)
        {
            count += 1
        }
        return Ext4Run(start: start == 0 ? nil : start, count: count)
    }

    private func block(_ number: UInt64, of inode: Ext4Inode) throws(HyperError) -> [UInt8] {
        guard number > 0, number < superblock.blockCount else { throw damaged(inode, "has block \(number)") }
        return try cache.block(number)
    }

    func damaged(_ inode: Ext4Inode, _ what: Text) -> HyperError {
        HyperError(
            "\(cache.device.identifier) is damaged: inode \(UInt64(inode.number)) \(what): have e2fsck look at it")
    }
}
