/// A device tree as a value: nodes with properties and children, in order.
///
/// Boards build one, `--dtb` reads one from a file, and either is edited and written as the blob that guests read
/// (Devicetree Specification v0.4, chapter 5). A tree is plain data, so that an edit cannot half succeed and two trees
/// can be compared.
public struct DeviceTree: Equatable, Sendable {
    public struct Property: Equatable, Sendable {
        public let name: String
        public var value: [UInt8]
    }

    /// Memory that the guest must leave alone (`/memreserve/`).
    public struct Reservation: Equatable, Sendable {
        public var address: UInt64
        public var size: UInt64
        public init(address: UInt64, size: UInt64) {
            self.address = address
            self.size = size
        }
    }

    public var root = Node("")
    public var reservations: [Reservation] = []
    /// The physical id of the hart that boots (`boot_cpuid_phys`).
    public var bootCPU: UInt32 = 0

    public init() {}

    /// Nesting deeper than this is refused everywhere; real trees have less than ten levels.
    static let maximumDepth = 64
    /// A blob larger than this is refused: Linux maps 2 MiB at most (MAX_FDT_SIZE).
    static let maximumSize = 2 << 20
    /// The specification allows names of 31 characters, and real trees exceed it.
    static let maximumNameLength = 255

    /// The node at an absolute path such as `/soc/serial@10000000`.
    public func node(at path: String) -> Node? {
        var node = root
        for name in path.split(separator: "/") {
            guard let next = node.child(String(name)) else { return nil }
            node = next
        }
        return node
    }

    /// Edits the node at an absolute path; nodes on the way that are missing are made.
    public mutating func edit(_ path: String, _ body: (inout Node) -> Void) {
        root.edit(path.split(separator: "/")[...], body)
    }
}

extension DeviceTree {
    public struct Node: Equatable, Sendable {
        /// With its unit address: `serial@10000000`. The root's is empty.
        public let name: String
        public private(set) var properties: [Property] = []
        public var children: [Node] = []

        public init(_ name: String) {
            self.name = name
        }

        /// For a decoder, which has made sure that no two names are equal.
        init(_ name: String, properties: [Property]) {
            self.name = name
            self.properties = properties
        }

        /// The bytes of a property; setting nil removes it.
        public subscript(name: String) -> [UInt8]? {
            get { properties.first { $0.name == name }?.value }
            set {
                let index = properties.firstIndex { $0.name == name }
                switch (newValue, index) {
                case (let value?, let index?): properties[index].value = value
                case (let value?, nil): properties.append(Property(name: name, value: value))
                case (nil, let index?): properties.remove(at: index)
                case (nil, nil): break
                }
            }
        }

        public func child(_ name: String) -> Node? {
            children.first { $0.name == name }
        }

        /// Edits the child called `name`; it is made when missing.
        public mutating func child(_ name: String, _ body: (inout Node) -> Void) {
            edit([Substring(name)], body)
        }

        fileprivate mutating func edit(_ path: ArraySlice<Substring>, _ body: (inout Node) -> Void) {
            guard let name = path.first else { return body(&self) }
            let index: Int
            if let found = children.firstIndex(where: { $0.name == name }) {
                index = found
            } else {
                index = children.endIndex
                children.append(Node(String(name)))
            }
            children[index].edit(path.dropFirst(), body)
        }

        // MARK: Typed values (Devicetree Specification, 2.2.4)

        /// A property that says all by being there.
        public mutating func setEmpty(_ name: String) {
            self[name] = []
        }

        public mutating func set(_ name: String, cells: [UInt32]) {
            self[name] = cells.flatMap { cell in (0..<4).map { UInt8(truncatingIfNeeded: cell >> (24 - 8 * $0)) } }
        }

        public mutating func set(_ name: String, cells: UInt32...) {
            set(name, cells: cells)
        }

        /// Numbers of two cells each: addresses and sizes.
        public mutating func set(_ name: String, doubleCells: UInt64...) {
            set(
                name,
                cells: doubleCells.flatMap { [UInt32(truncatingIfNeeded: $0 >> 32), UInt32(truncatingIfNeeded: $0)] })
        }

        /// One string or a list of them. - Precondition: none contains a NUL character.
        public mutating func set(_ name: String, _ strings: String...) {
            self[name] = strings.flatMap { string in
                precondition(!string.utf8.contains(0), "a device tree string cannot contain NUL")
                return Array(string.utf8) + [0]
            }
        }

        /// The cells of a property; nil when it is not there or not whole cells.
        public func cells(_ name: String) -> [UInt32]? {
            guard let value = self[name], value.count % 4 == 0 else { return nil }
            return stride(from: 0, to: value.count, by: 4).map { start in
                value[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) }
            }
        }

        /// The strings of a property; nil when it is not there or does not end with NUL.
        public func strings(_ name: String) -> [String]? {
            guard let value = self[name], value.last == 0 else { return nil }
            return value.dropLast().split(separator: 0, omittingEmptySubsequences: false).map {
                String(decoding: $0, as: UTF8.self)
            }
        }

        /// The first string of a property.
        public func string(_ name: String) -> String? { strings(name)?.first }
    }
}

// MARK: What a loader tells the guest (Devicetree Specification, 3.4 and 3.6)

extension DeviceTree {
    /// The kernel's command line; nil removes it.
    public mutating func setBootArguments(_ arguments: String?) {
        edit("/chosen") { chosen in
            if let arguments { chosen.set("bootargs", arguments) } else { chosen["bootargs"] = nil }
        }
    }

    /// Where the initial RAM disk lies; nil removes it.
    public mutating func setInitrd(_ range: Range<UInt64>?) {
        edit("/chosen") { chosen in
            guard let range else {
                chosen["linux,initrd-start"] = nil
                chosen["linux,initrd-end"] = nil
                return
            }
            chosen.set("linux,initrd-start", doubleCells: range.lowerBound)
            chosen.set("linux,initrd-end", doubleCells: range.upperBound)
        }
    }

    /// Adds an image that is in memory for whoever is started, as QEMU's guest-loader does and hypervisors know it (Linux,
    /// bindings/chosen.txt, and Xen, docs/misc/arm/device-tree/booting.txt).
    /// - Parameters:
    ///   - isKernel: whether it is a kernel, or else a RAM disk.
    ///   - arguments: the kernel's command line.
    public mutating func addModule(at range: Range<UInt64>, isKernel: Bool, arguments: String?) {
        let digits = String(range.lowerBound, radix: 16)
        let zeros = String(repeating: "0", count: max(8 - digits.count, 0))
        edit("/chosen") { chosen in
            // Numbers of two cells, which QEMU does not say.
            chosen.set("#address-cells", cells: 2)
            chosen.set("#size-cells", cells: 2)
            chosen.child("module@0x\(zeros)\(digits)") { module in
                module.set("compatible", "multiboot,module", isKernel ? "multiboot,kernel" : "multiboot,ramdisk")
                module.set("reg", doubleCells: range.lowerBound, UInt64(range.count))
                if let arguments { module.set("bootargs", arguments) }
            }
        }
    }

    /// The path of the console device.
    public mutating func setStandardOutput(_ path: String) {
        edit("/chosen") { $0.set("stdout-path", path) }
    }

    /// Replaces the memory nodes by one for this range, in as many cells as the root prescribes.
    public mutating func setMemory(base: UInt64, size: UInt64) {
        // Where the root does not say, the specification has 2 and 1 (2.3.5).
        let addressCells = root.cells("#address-cells")?.first ?? 2
        let sizeCells = root.cells("#size-cells")?.first ?? 1
        func cells(_ value: UInt64, _ count: UInt32) -> [UInt32] {
            let low = UInt32(truncatingIfNeeded: value)
            return count == 1 ? [low] : [UInt32(truncatingIfNeeded: value >> 32), low]
        }
        root.children.removeAll { $0.name == "memory" || $0.name.hasPrefix("memory@") }
        root.child("memory@" + String(base, radix: 16)) { memory in
            memory.set("device_type", "memory")
            memory.set("reg", cells: cells(base, addressCells) + cells(size, sizeCells))
        }
    }
}
