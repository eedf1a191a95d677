// Addresses of devices (Devicetree Specification, "#address-cells and #size-cells", "reg", "ranges").

/// A part of a bus's addresses, and where the bus above has it: an entry of `ranges`.
public struct BusWindow: Equatable, Sendable {
    public let child: BusAddress
    public let parent: BusAddress
    public let size: UInt64
}

/// An address on a bus: one or two cells, behind a third one on buses such as PCI, where that tells configuration, I/O
/// and memory from each other.
public struct BusAddress: Equatable, Sendable {
    /// 0 where addresses have no third cell.
    public let space: UInt32
    public let offset: UInt64
}

extension DeviceTreeNode {
    /// The cells of an address on the bus that this node is.
    public var addressCells: Int { cellCount("#address-cells", otherwise: 2) }
    /// The cells of a size on the bus that this node is; 0 where its devices have addresses alone.
    public var sizeCells: Int { cellCount("#size-cells", otherwise: 1) }

    /// No sound count is above 3, and sums of those up to 255 fit anywhere.
    private func cellCount(_ name: Text, otherwise standard: UInt32) -> Int { Int(min(u32(name) ?? standard, 255)) }

    /// The entries of `reg`, as the bus has them; sizes are 0 where the bus has none. Empty without the property.
    public func busRegisters() throws(HyperError) -> [(address: BusAddress, size: UInt64)] {
        guard let bus = parent else { return [] }
        let cells = try entries("reg", of: bus.addressCells + bus.checkedSizeCells(), addressCells: bus.addressCells)
        return cells.map { entry in
            var rest = entry[...]
            return (BusAddress(&rest, cells: bus.addressCells), rest.takeNumber(cells: bus.sizeCells))
        }
    }

    /// The entries of `reg`, as CPUs see them: translated by the `ranges` of all buses above. Empty without the property.
    public func registers() throws(HyperError) -> [MemoryRange] {
        var ranges: [MemoryRange] = []
        for (address, size) in try busRegisters() {
            ranges.append(MemoryRange(base: try translated(address, size), size: size))
        }
        return ranges
    }

    /// The windows of `ranges` of the bus that this node is. Without any, its addresses are those of the bus above; nil
    /// where they cannot be reached from there at all.
    public func windows() throws(HyperError) -> [BusWindow]? {
        guard has("ranges") else { return nil }
        let above = parent?.addressCells ?? 2
        let count = addressCells + above + (try checkedSizeCells())
        return try entries("ranges", of: count, addressCells: max(addressCells, above)).map { entry in
            var rest = entry[...]
            let child = BusAddress(&rest, cells: addressCells)
            let parent = BusAddress(&rest, cells: above)
            return BusWindow(child: child, parent: parent, size: rest.takeNumber(cells: sizeCells))
        }
    }

    /// Where CPUs see `size` bytes at an address of the bus that this node is on.
    private func translated(_ address: BusAddress, _ size: UInt64) throws(HyperError) -> UInt64 {
        var address = address
        var bus = parent
        while let current = bus, let above = current.parent {
            guard let windows = try current.windows() else {
                throw HyperError(
                    """
                    \(path): its address \(hex: address.offset) is not one of memory, since \(current.path) has no \
                    ranges
                    """)
            }
            if !windows.isEmpty {
                guard let window = windows.first(where: { $0.contains(address, size) }) else {
                    throw HyperError(
                        """
                        \(path): no entry of the ranges of \(current.path) has the \(hex: size) bytes at \
                        \(hex: address.offset)
                        """)
                }
                address = BusAddress(
                    space: window.parent.space,
                    offset: window.parent.offset &+ (address.offset - window.child.offset))
            }
            bus = above
        }
        return address.offset
    }

    /// The cells of a property that has entries of `count` cells each.
    private func entries(_ name: Text, of count: Int, addressCells: Int) throws(HyperError) -> [[UInt32]] {
        guard let bytes = bytes(name), !bytes.isEmpty else { return [] }
        guard (1...3).contains(addressCells), count > 0 else {
            throw HyperError(
                "\(path): its \(name) has addresses of \(addressCells) cells, and none but of 1 to 3 are understood")
        }
        guard bytes.count % (count * 4) == 0 else {
            throw HyperError(
                """
                \(path): its \(name) has \(bytes.count) bytes, which are no whole entries of \(count) cells as the \
                bus's #address-cells and #size-cells have them
                """)
        }
        let cells = Self.cells(bytes)
        var entries: [[UInt32]] = []
        for start in stride(from: 0, to: cells.count, by: count) { entries.append(Array(cells[start..<start + count])) }
        return entries
    }

    private func checkedSizeCells() throws(HyperError) -> Int {
        guard sizeCells <= 2 else { throw HyperError("\(path): its #size-cells is \(sizeCells), and at most 2 can be") }
        return sizeCells
    }
}

extension BusWindow {
    fileprivate func contains(_ address: BusAddress, _ count: UInt64) -> Bool {
        // Of PCI's third cell two bits say which space it is (PCI Bus Binding to IEEE 1275, "Physical Address Formats").
        (address.space ^ child.space) & 0x0300_0000 == 0
            && MemoryRange(base: child.offset, size: size).contains(address.offset, count: max(count, 1))
    }
}

extension BusAddress {
    /// Takes the cells of an address from what is left of an entry.
    fileprivate init(_ rest: inout ArraySlice<UInt32>, cells: Int) {
        space = cells == 3 ? rest.removeFirst() : 0
        offset = rest.takeNumber(cells: min(cells, 2))
    }
}

extension ArraySlice<UInt32> {
    /// Takes a number of so many cells from what is left of an entry.
    mutating func takeNumber(cells: Int) -> UInt64 {
        var value: UInt64 = 0
        for _ in 0..<cells { value = value << 32 | UInt64(removeFirst()) }
        return value
    }
}
