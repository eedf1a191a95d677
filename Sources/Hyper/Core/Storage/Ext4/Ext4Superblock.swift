/// What an ext2, ext3 or ext4 file system says of itself (Linux, Documentation/filesystems/ext4: super, group_descr).
struct Ext4Superblock {
    static let offset: UInt64 = 1024
    private static let magic: UInt16 = 0xef53

    /// Features without which nobody may read it (`s_feature_incompat`), and whether that is known here.
    private static let features: [(bit: UInt32, name: StaticString, isKnown: Bool)] = [
        (0x1, "compression", false), (0x2, "filetype", true), (0x4, "needs_recovery", false),
        (0x8, "journal_dev", false), (0x10, "meta_bg", false), (0x40, "extent", true), (0x80, "64bit", true),
        (0x100, "mmp", true), (0x200, "flex_bg", true), (0x400, "ea_inode", true), (0x1000, "dirdata", false),
        (0x2000, "metadata_csum_seed", true), (0x4000, "large_dir", true), (0x8000, "inline_data", false),
        (0x1_0000, "encrypt", false), (0x2_0000, "casefold", false),
    ]
    private static let hasTypes: UInt32 = 0x2, needsRecovery: UInt32 = 0x4, has64Bits: UInt32 = 0x80

    let blockSize: Int
    let blockCount: UInt64
    let inodeCount: UInt32
    let inodesPerGroup: UInt32
    let inodeSize: Int
    let descriptorSize: Int
    /// Where the group descriptors begin.
    let descriptors: UInt64
    /// Entries of directories say what they lead to.
    let hasEntryTypes: Bool
    let is64Bit: Bool
    let label: Text

    /// - Parameter bytes: the 1024 that begin at ``offset``.
    init(_ bytes: [UInt8], diskSize: UInt64) throws(HyperError) {
        guard bytes.u16(0x38) == Self.magic else { throw HyperError("it has no superblock of ext2, ext3 or ext4") }
        let features = bytes.u32(0x4c) == 0 ? 0 : bytes.u32(0x60)
        try Self.check(features)
        hasEntryTypes = features & Self.hasTypes != 0
        is64Bit = features & Self.has64Bits != 0
        let exponent = bytes.u32(0x18)
        guard exponent <= 6 else {
            throw HyperError("its superblock has blocks of 2 to the \(UInt64(exponent) + 10) bytes")
        }
        blockSize = 1024 << Int(exponent)
        blockCount = UInt64(bytes.u32(0x4)) | (is64Bit ? UInt64(bytes.u32(0x150)) << 32 : 0)
        guard blockCount > 0, blockCount <= diskSize / UInt64(blockSize) else {
            throw HyperError("it has \(blockCount) blocks of \(blockSize) bytes, and its disk has \(diskSize) bytes")
        }
        inodeCount = bytes.u32(0x0)
        inodesPerGroup = bytes.u32(0x28)
        // Revision 0 has no other size.
        inodeSize = bytes.u32(0x4c) == 0 ? 128 : Int(bytes.u16(0x58))
        descriptorSize = is64Bit ? Int(bytes.u16(0xfe)) : 32
        guard inodesPerGroup > 0, (128...blockSize).contains(inodeSize), inodeSize & (inodeSize - 1) == 0,
            (is64Bit ? 64 : 32)...1024 ~= descriptorSize
        else {
            throw HyperError(
                """
                its superblock is damaged: \(UInt64(inodesPerGroup)) inodes a group, of \(inodeSize) bytes; group \
                descriptors of \(descriptorSize)
                """)
        }
        descriptors = (UInt64(bytes.u32(0x14)) + 1) * UInt64(blockSize)
        label = Text(bytes[0x78..<0x88].prefix { $0 != 0 })
    }

    private static func check(_ set: UInt32) throws(HyperError) {
        if set & needsRecovery != 0 {
            throw HyperError("it was not unmounted: mount it where it was written, or have e2fsck look at it")
        }
        var names = Text()
        for feature in features where set & feature.bit != 0 && !feature.isKnown {
            names.append("\(names.isEmpty ? "" : ", " as Text)\(feature.name)")
        }
        let unknown = features.reduce(set) { $0 & ~$1.bit }
        if unknown != 0 { names.append("\(names.isEmpty ? "" : ", " as Text)\(hex: UInt64(unknown))") }
        guard names.isEmpty else {
            throw HyperError("it has features that are not known here: \(names). Make it with mkfs.ext4 -O ^FEATURE")
        }
    }
}
