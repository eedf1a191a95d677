/// Directories (Linux, Documentation/filesystems/ext4: directory). Those with a hash tree are read from their beginning to
/// their end, too: the tree's own blocks look like entries that are not used.
extension Ext4FileSystem {
    func lookUp(_ name: Text, in directory: Ext4Inode) throws(HyperError) -> UInt32? {
        var found: UInt32?
        try forEachEntry(of: directory) { other, number in
            if other == name { found = number }
            return found == nil
        }
        return found
    }

    /// - Parameter body: whether to go on.
    func forEachEntry(
        of directory: Ext4Inode, _ body: (_ name: Text, _ number: UInt32) throws(HyperError) -> Bool
    ) throws(HyperError) {
        guard directory.size <= Self.directorySize else {
            throw damaged(directory, "is a directory of \(directory.size) bytes")
        }
        let blockSize = UInt64(superblock.blockSize)
        for block in 0..<(directory.size + blockSize - 1) / blockSize {
            guard let place = try run(directory, block).start else {
                throw damaged(directory, "is a directory with a hole")
            }
            let bytes = try cache.block(place)
            var offset = 0
            while offset < bytes.count {
                guard let length = length(bytes, offset) else {
                    throw damaged(directory, "has an entry that does not end where it should")
                }
                let number = bytes.u32(offset)
                let nameLength = superblock.hasEntryTypes ? Int(bytes[offset + 6]) : Int(bytes.u16(offset + 6))
                if number != 0 {
                    guard nameLength > 0, nameLength <= length - 8 else {
                        throw damaged(directory, "has an entry whose name has \(nameLength) bytes")
                    }
                    let name = Text(bytes[offset + 8..<offset + 8 + nameLength])
                    guard try body(name, number) else { return }
                }
                offset += length
            }
        }
    }

    /// Bytes of the entry, at least its head, and within the block. In a block of 64 KiB, all of it does not fit in 16 bits.
    private func length(_ bytes: [UInt8], _ offset: Int) -> Int? {
        guard offset + 8 <= bytes.count else { return nil }
        var length = Int(bytes.u16(offset + 4))
        if bytes.count == 65536, length == 65535 || length == 0 { length = 65536 }
        guard length >= 8, length % 4 == 0, length <= bytes.count - offset else { return nil }
        return length
    }
}
