// Device trees as blobs (Devicetree Specification 0.4, "Flattened Devicetree (DTB) Format").

extension DeviceTreeNode {
    /// Larger blobs are refused; machines' trees have some tens of KiB.
    public static let blobLimit = 1 << 20
    /// More nodes are refused: each takes some hundred bytes here, and as few as twelve in a blob.
    public static let nodeLimit = 8192
    /// No binding's names are longer; without a limit, few bytes of a blob could name one long string many times.
    private static let nameLimit = 255

    /// The tree of a blob.
    public convenience init(blob: [UInt8]) throws(HyperError) {
        try Self.check(size: blob.count)
        // A blob begins at a multiple of 8 ("Alignment"), which a file in memory may not.
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(blob.count, 8), alignment: 8)
        defer { copy.deallocate() }
        copy.copyBytes(from: blob)
        // SAFETY: `limit` bytes from there are the copy, which outlives the reader.
        let address = UInt64(UInt(bitPattern: copy.baseAddress.unsafelyUnwrapped))
        guard let tree = FlattenedDeviceTree(at: address, limit: blob.count) else {
            throw HyperError(
                """
                the \(blob.count) bytes are no device tree blob, or end before it does: compile the source with \
                dtc -O dtb
                """)
        }
        try self.init(tree)
    }

    /// The tree of a blob.
    convenience init(_ tree: FlattenedDeviceTree) throws(HyperError) {
        try Self.check(size: tree.bytes.count)
        self.init()
        var depth = -1
        var count = 0
        var current = self
        var offset = 0
        var mayHaveProperties = false
        while let token = tree.token(at: offset) {
            switch token.kind {
            case FlattenedDeviceTree.beginNode:
                depth += 1
                count += 1
                guard depth < FlattenedDeviceTree.depthLimit else {
                    throw HyperError(
                        """
                        the device tree is too deep: the node at offset \(hex: UInt64(offset)) of its structure has \
                        \(depth) above it, and \(FlattenedDeviceTree.depthLimit - 1) are the most
                        """)
                }
                guard count <= Self.nodeLimit else {
                    throw HyperError("the device tree is too large: \(Self.nodeLimit) nodes are the most")
                }
                let name = tree.text(token.valueStart, token.valueLength)
                if depth > 0 {
                    guard Self.isName(name) else { throw Self.malformed(offset, "a node's name is none") }
                    current = current.add(name)
                } else if count > 1 || !name.isEmpty {
                    throw Self.malformed(offset, "there is not one root without a name")
                }
                mayHaveProperties = true
            case FlattenedDeviceTree.property:
                guard mayHaveProperties else { throw Self.malformed(offset, "a property follows a node's children") }
                guard let name = tree.string(at: token.nameOffset, limit: Self.nameLimit), Self.isName(name) else {
                    throw Self.malformed(offset, "a property's name is none")
                }
                current.append(
                    Property(name: name, value: tree.text(token.valueStart, token.valueLength).bytes))
            case FlattenedDeviceTree.endNode:
                guard depth >= 0 else { throw Self.malformed(offset, "more nodes end than begin") }
                depth -= 1
                mayHaveProperties = false
                current = current.parent ?? current
            case FlattenedDeviceTree.end:
                guard depth == -1, count > 0 else { throw Self.malformed(offset, "it ends within a node") }
                return
            default: break
            }
            offset = token.next
        }
        throw Self.malformed(offset, "there is no token, or more than the block holds")
    }

    private static func check(size: Int) throws(HyperError) {
        guard size <= blobLimit else {
            throw HyperError("the device tree blob is too large: it has \(size) bytes, and \(blobLimit) are the most")
        }
    }

    private static func malformed(_ offset: Int, _ problem: Text) -> HyperError {
        HyperError(
            """
            the device tree blob is malformed at offset \(hex: UInt64(offset)) of its structure: \(problem). Make it \
            again with dtc -O dtb
            """)
    }

    /// Whether dtc would read it as the name of a node or a property; another one would not be found by a path, nor
    /// be read back as it was printed.
    static func isName(_ name: Text) -> Bool {
        !name.isEmpty
            && name.bytes.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                case UInt8(ascii: ","), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "-"),
                    UInt8(ascii: "*"), UInt8(ascii: "#"), UInt8(ascii: "?"), UInt8(ascii: "@"):
                    true
                default: false
                }
            }
    }

    /// The blob of the tree below this node, as its root.
    /// - Parameters:
    ///   - reservations: memory that whoever is given the blob keeps its hands from.
    ///   - bootCPU: the `reg` of the CPU that boots.
    public func flatten(reservations: [MemoryRange] = [], bootCPU: UInt32 = 0) -> [UInt8] {
        var structure: [UInt8] = []
        var strings = StringsBlock()
        flatten(into: &structure, &strings, isRoot: true)
        structure.append(bigEndian: FlattenedDeviceTree.end)

        let headerSize = 40
        let reservationsSize = (reservations.count + 1) * 16
        let structureStart = headerSize + reservationsSize
        let stringsStart = structureStart + structure.count
        var blob: [UInt8] = []
        blob.reserveCapacity(stringsStart + strings.bytes.count)
        let header: [UInt32] = [
            0xd00d_feed,
            UInt32(stringsStart + strings.bytes.count),
            UInt32(structureStart),
            UInt32(stringsStart),
            UInt32(headerSize),
            17,  // version
            16,  // the last one that it is compatible with
            bootCPU,
            UInt32(strings.bytes.count),
            UInt32(structure.count),
        ]
        for field in header { blob.append(bigEndian: field) }
        for range in reservations + [MemoryRange(base: 0, size: 0)] {
            for number in [range.base, range.size] {
                blob.append(bigEndian: UInt32(truncatingIfNeeded: number >> 32))
                blob.append(bigEndian: UInt32(truncatingIfNeeded: number))
            }
        }
        return blob + structure + strings.bytes
    }

    private func flatten(into structure: inout [UInt8], _ strings: inout StringsBlock, isRoot: Bool) {
        structure.append(bigEndian: FlattenedDeviceTree.beginNode)
        if !isRoot { structure += name.bytes }
        structure.append(0)
        structure.padToCell()
        for property in properties {
            structure.append(bigEndian: FlattenedDeviceTree.property)
            structure.append(bigEndian: UInt32(property.value.count))
            structure.append(bigEndian: strings.offset(of: property.name))
            structure += property.value
            structure.padToCell()
        }
        for child in children { child.flatten(into: &structure, &strings, isRoot: false) }
        structure.append(bigEndian: FlattenedDeviceTree.endNode)
    }
}

/// The names of properties, each once.
private struct StringsBlock {
    var bytes: [UInt8] = []
    /// In the names' order, so that each is found by halving.
    private var offsets: [(name: Text, offset: UInt32)] = []

    mutating func offset(of name: Text) -> UInt32 {
        var (low, high) = (0, offsets.count)
        while low < high {
            let middle = (low + high) / 2
            if offsets[middle].name.bytes.lexicographicallyPrecedes(name.bytes) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        if low < offsets.count, offsets[low].name == name { return offsets[low].offset }
        let offset = UInt32(bytes.count)
        bytes += name.bytes + [0]
        offsets.insert((name, offset), at: low)
        return offset
    }
}

extension [UInt8] {
    fileprivate mutating func padToCell() {
        while count % 4 != 0 { append(0) }
    }
}

extension FlattenedDeviceTree {
    /// The `reg` of the CPU that boots.
    var bootCPU: UInt32 { bigEndianWord(bytes, 28) }

    /// Bytes that a token has been found to lie around.
    fileprivate func text(_ start: Int, _ length: Int) -> Text { Text(Array(bytes[start..<start + length])) }

    /// The string at an offset of the strings block, if it ends there within `limit` bytes.
    fileprivate func string(at offset: Int, limit: Int) -> Text? {
        guard offset >= 0, offset < stringsSize else { return nil }
        let start = strings + offset
        let end = start + min(stringsSize - offset, limit + 1)
        guard let terminator = bytes[start..<end].firstIndex(of: 0) else { return nil }
        return text(start, terminator - start)
    }
}
