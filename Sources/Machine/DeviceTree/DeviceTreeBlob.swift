import CFDT

/// The flattened form of a device tree (Devicetree Specification v0.4, chapter 5): reading a foreign one, and writing.
///
/// Reading is libfdt's: `fdt_check_full` proves that every tag, name and value lies in the blob before the walk. Two
/// things it leaves open are checked here first: nesting, and names so long that looking at each of them would take
/// time that grows with the square of the file.
///
/// Writing is done here and not by libfdt: its writers need a buffer of a guessed size and search all names for each
/// property. A test reads the result back with libfdt and `dtc`.
extension DeviceTree {
    /// Why a tree cannot be written.
    public enum EncodingError: Error, Equatable, Sendable, CustomStringConvertible {
        case badName(String)
        case tooDeep
        case tooLarge(Int)

        public var description: String {
            switch self {
            case .badName(let name): printable("\"\(name)\" is not a name that a device tree may have")
            case .tooDeep: "the device tree is nested more than \(DeviceTree.maximumDepth) levels deep"
            case .tooLarge(let size): "the device tree is \(size) bytes large; Linux maps \(DeviceTree.maximumSize)"
            }
        }
    }

    /// The first byte of a blob: FDT_MAGIC is 0xd00dfeed, big-endian.
    public static func isBlob(_ bytes: [UInt8]) -> Bool {
        bytes.starts(with: [0xd0, 0x0d, 0xfe, 0xed])
    }

    // MARK: Writing

    /// The blob, version 17.
    public func blob() throws(EncodingError) -> [UInt8] {
        var writer = Writer()
        try writer.write(root, depth: 1)
        writer.structure.append(bigEndian: 9)  // FDT_END
        let headerSize = 40
        let reservationSize = 16 * (reservations.count + 1)
        let structureOffset = headerSize + reservationSize
        let stringsOffset = structureOffset + writer.structure.count
        let size = (stringsOffset + writer.strings.count + 7) & ~7
        guard size <= Self.maximumSize else { throw .tooLarge(size) }
        var blob: [UInt8] = []
        blob.reserveCapacity(size)
        for field in [
            0xd00d_feed, size, structureOffset, stringsOffset, headerSize, 17, 16, Int(bootCPU), writer.strings.count,
            writer.structure.count,
        ] {
            blob.append(bigEndian: UInt32(field))
        }
        for reservation in reservations + [Reservation(address: 0, size: 0)] {
            for word in [reservation.address, reservation.size] {
                blob.append(bigEndian: UInt32(word >> 32))
                blob.append(bigEndian: UInt32(truncatingIfNeeded: word))
            }
        }
        blob += writer.structure
        blob += writer.strings
        blob += [UInt8](repeating: 0, count: size - blob.count)
        return blob
    }

    private struct Writer {
        var structure: [UInt8] = []
        var strings: [UInt8] = []
        private var nameOffsets: [String: UInt32] = [:]

        mutating func write(_ node: Node, depth: Int) throws(EncodingError) {
            guard depth <= DeviceTree.maximumDepth else { throw .tooDeep }
            guard depth == 1 ? node.name.isEmpty : DeviceTree.isName(node.name.utf8) else { throw .badName(node.name) }
            structure.append(bigEndian: 1)  // FDT_BEGIN_NODE
            structure += Array(node.name.utf8) + [0]
            pad()
            for property in node.properties {
                guard DeviceTree.isName(property.name.utf8) else { throw .badName(property.name) }
                guard property.value.count <= DeviceTree.maximumSize else { throw .tooLarge(property.value.count) }
                structure.append(bigEndian: 3)  // FDT_PROP
                structure.append(bigEndian: UInt32(property.value.count))
                structure.append(bigEndian: offset(of: property.name))
                structure += property.value
                pad()
            }
            for child in node.children { try write(child, depth: depth + 1) }
            structure.append(bigEndian: 2)  // FDT_END_NODE
        }

        private mutating func offset(of name: String) -> UInt32 {
            if let offset = nameOffsets[name] { return offset }
            let offset = UInt32(strings.count)
            nameOffsets[name] = offset
            strings += Array(name.utf8) + [0]
            return offset
        }

        private mutating func pad() {
            while structure.count % 4 != 0 { structure.append(0) }
        }
    }

    /// Whether `dtc` would accept it as the name of a node or property.
    fileprivate static func isName(_ name: some Collection<UInt8>) -> Bool {
        !name.isEmpty && name.count <= maximumNameLength
            && name.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: ",._+*#?@-".utf8.contains(byte)
                }
            }
    }

    // MARK: Reading

    /// Reads a blob, which may be a file of anyone's.
    public init(_ input: InputFile) throws(InputError) {
        let file = input.name
        let reader = ByteReader(input.bytes)
        func field(_ index: Int) -> Int {
            reader.integer(at: UInt64(index) * 4).map { Int(UInt32(bigEndian: $0)) } ?? 0
        }
        guard Self.isBlob(input.bytes), input.bytes.count >= 40 else {
            throw InputError(
                file: file, problem: "is not a device tree blob", mend: "Compile its source: dtc -o tree.dtb tree.dts.")
        }
        let size = field(1)
        guard size <= input.bytes.count else {
            throw InputError(
                file: file, offset: 4,
                problem: "says it is \(size) bytes large, and the file has \(input.bytes.count)",
                mend: "The file is cut short or damaged.")
        }
        guard size <= Self.maximumSize else {
            throw InputError(
                file: file, offset: 4, problem: "is \(size) bytes large; Linux maps \(Self.maximumSize)")
        }
        guard field(5) >= 16, field(6) <= 17 else {
            throw InputError(
                file: file, offset: 20,
                problem: "has version \(field(5)), compatible with \(field(6)); versions 16 and 17 are read here")
        }
        if let strings = reader.slice(at: UInt64(field(3)), count: UInt64(field(8))) {
            var run = 0
            for byte in strings {
                run = byte == 0 ? 0 : run + 1
                guard run <= Self.maximumNameLength else {
                    throw InputError(
                        file: file, offset: UInt64(field(3)),
                        problem: "has a property name of more than \(Self.maximumNameLength) characters")
                }
            }
        }
        // libfdt wants the blob at an address that is a multiple of 8.
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
        defer { copy.deallocate() }
        copy.copyBytes(from: input.bytes[..<size])
        // SAFETY: `copy` holds `size` bytes, which is all that libfdt is told of, and outlives the walk.
        let blob = UnsafeRawPointer(copy.baseAddress!)
        let status = fdt_check_full(blob, size)
        guard status == 0 else { throw Self.damaged(file, status) }
        self.init()
        bootCPU = UInt32(field(7))
        for index in 0..<max(fdt_num_mem_rsv(blob), 0) {
            var reservation = Reservation(address: 0, size: 0)
            if fdt_get_mem_rsv(blob, index, &reservation.address, &reservation.size) == 0 {
                reservations.append(reservation)
            }
        }
        root = try Self.readNodes(blob, file: file)
    }

    private static func damaged(_ file: String, _ status: Int32) -> InputError {
        InputError(
            file: file, problem: "is not a valid device tree: " + String(cString: fdt_strerror(status)),
            mend: "The file is damaged.")
    }

    /// Walks the nodes in order, with the open ones on a stack of our own.
    private static func readNodes(_ blob: UnsafeRawPointer, file: String) throws(InputError) -> Node {
        var open: [Node] = []
        var names: [Set<String>] = []
        var depth: Int32 = 0
        var offset: Int32 = 0
        func close(to depth: Int) {
            while open.count > depth {
                let node = open.removeLast()
                names.removeLast()
                open[open.count - 1].children.append(node)
            }
        }
        while offset >= 0, depth >= 0 {
            guard depth < maximumDepth else {
                throw InputError(file: file, problem: "is nested more than \(maximumDepth) levels deep")
            }
            if !open.isEmpty { close(to: max(Int(depth), 1)) }
            guard depth > 0 || open.isEmpty else {
                throw InputError(file: file, problem: "has more than one root node")
            }
            var length: Int32 = 0
            guard let pointer = fdt_get_name(blob, offset, &length), length >= 0 else { throw damaged(file, length) }
            let bytes = UnsafeRawBufferPointer(start: pointer, count: Int(length))
            let name = String(decoding: bytes, as: UTF8.self)
            guard depth == 0 ? bytes.isEmpty : isName(bytes) else {
                throw InputError(
                    file: file, problem: "has a node called \"\(name.prefix(40))\", which is not a valid name")
            }
            if let siblings = names.indices.last {
                guard names[siblings].insert(name).inserted else {
                    throw InputError(file: file, problem: "has two nodes \"\(name)\" in one node")
                }
            }
            open.append(Node(name, properties: try readProperties(blob, offset, of: name, file: file)))
            names.append([])
            offset = fdt_next_node(blob, offset, &depth)
        }
        guard offset >= 0 || offset == -FDT_ERR_NOTFOUND else { throw damaged(file, offset) }
        close(to: 1)
        return open[0]
    }

    private static func readProperties(
        _ blob: UnsafeRawPointer, _ node: Int32, of nodeName: String, file: String
    ) throws(InputError) -> [Property] {
        var properties: [Property] = []
        var names: Set<String> = []
        var offset = fdt_first_property_offset(blob, node)
        while offset >= 0 {
            var length: Int32 = 0
            var pointer: UnsafePointer<CChar>?
            guard let value = fdt_getprop_by_offset(blob, offset, &pointer, &length), length >= 0, let pointer else {
                throw damaged(file, length)
            }
            let name = String(cString: pointer)
            guard isName(name.utf8), names.insert(name).inserted else {
                throw InputError(
                    file: file,
                    problem: "node \"\(nodeName)\" has a property \"\(name.prefix(40))\" whose name is "
                        + (names.contains(name) ? "used twice" : "not valid"))
            }
            properties.append(
                Property(name: name, value: Array(UnsafeRawBufferPointer(start: value, count: Int(length)))))
            offset = fdt_next_property_offset(blob, offset)
        }
        return properties
    }
}

extension [UInt8] {
    fileprivate mutating func append(bigEndian value: UInt32) {
        for shift in [24, 16, 8, 0] as [UInt32] { append(UInt8(truncatingIfNeeded: value >> shift)) }
    }
}
