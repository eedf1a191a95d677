// Adding one reservation to a flattened device tree (Devicetree Specification 0.4, 3.5 and chapter 5).
//
// The new blob is composed in a scratch buffer, block by block (header, memory reservations, structure, strings), so the
// order in which the old one kept its blocks does not matter, and the old one is untouched until the new one is whole.

struct DeviceTreeEditor {
    private let output: UnsafeMutableRawBufferPointer
    private var count = 0
    private var fits = true

    /// Composes in `scratch` the tree with a node `/reserved-memory/<name>` for `range` with `no-map`. Returns the size
    /// of the new blob; zero when the tree has that node already; nil when it is malformed or does not fit.
    static func reserve(
        _ range: MemoryRange, name: StaticString, in tree: FlattenedDeviceTree, scratch: UnsafeMutableRawBufferPointer
    ) -> Int? {
        var place: Place?
        var present = false
        let sound = tree.forEachNode { node in
            if node.depth == 0 { place = Place.root(node) }
            if node.depth == 1, node.isNamed(exactly: "reserved-memory") { place = Place.reservedMemory(node) }
            if node.depth == 2, node.isNamed(exactly: name) { present = true }
        }
        guard sound, let place, let insertion = endOfNode(startingAt: place.body, in: tree) else { return nil }
        if present { return 0 }
        var editor = DeviceTreeEditor(output: scratch)
        return editor.compose(range, name: name, tree: tree, place: place, insertion: insertion)
    }

    /// Where the reservation goes: into an existing `/reserved-memory`, or with a new one into the root.
    private struct Place {
        var body: Int
        var addressCells: Int
        var sizeCells: Int
        var needsParent: Bool

        static func root(_ node: FlattenedDeviceTree.Node) -> Place {
            Place(
                body: node.body, addressCells: cells(node, "#address-cells", 2),
                sizeCells: cells(node, "#size-cells", 1), needsParent: true)
        }

        static func reservedMemory(_ node: FlattenedDeviceTree.Node) -> Place {
            Place(
                body: node.body, addressCells: cells(node, "#address-cells", node.addressCells),
                sizeCells: cells(node, "#size-cells", node.sizeCells), needsParent: false)
        }

        static func cells(_ node: FlattenedDeviceTree.Node, _ name: StaticString, _ fallback: Int) -> Int {
            node.property(name).map { Int($0.cell(0) & 3) } ?? fallback
        }
    }

    private init(output: UnsafeMutableRawBufferPointer) { self.output = output }

    /// The offset of the end token that closes the node whose body starts at `body`.
    private static func endOfNode(startingAt body: Int, in tree: FlattenedDeviceTree) -> Int? {
        var depth = 0
        var offset = body
        while let token = tree.token(at: offset) {
            if token.kind == FlattenedDeviceTree.beginNode { depth += 1 }
            if token.kind == FlattenedDeviceTree.end { return nil }
            if token.kind == FlattenedDeviceTree.endNode {
                if depth == 0 { return offset }
                depth -= 1
            }
            offset = token.next
        }
        return nil
    }

    private mutating func compose(
        _ range: MemoryRange, name: StaticString, tree: FlattenedDeviceTree, place: Place, insertion: Int
    ) -> Int? {
        // Names that the strings block lacks follow it, in this order.
        var stringsEnd = tree.stringsSize
        func offset(_ text: StaticString) -> (offset: Int, isNew: Bool) {
            if let known = tree.offsetOfString(text) { return (known, false) }
            defer { stringsEnd += text.utf8CodeUnitCount + 1 }
            return (stringsEnd, true)
        }
        let addressCells = offset("#address-cells"), sizeCells = offset("#size-cells"), ranges = offset("ranges")
        let reg = offset("reg"), noMap = offset("no-map")

        for _ in 0..<10 { word(0) }  // the header, filled in at the end
        let reservations = count
        copyReservations(of: tree)
        let structure = count
        copy(tree, tree.structure, insertion)
        if place.needsParent {
            word(FlattenedDeviceTree.beginNode)
            text("reserved-memory")
            property(addressCells.offset, place.addressCells)
            property(sizeCells.offset, place.sizeCells)
            property(ranges.offset)
        }
        word(FlattenedDeviceTree.beginNode)
        text(name)
        word(FlattenedDeviceTree.property)
        word(UInt32(4 * (place.addressCells + place.sizeCells)))
        word(UInt32(reg.offset))
        number(range.base, cells: place.addressCells)
        number(range.size, cells: place.sizeCells)
        property(noMap.offset)
        word(FlattenedDeviceTree.endNode)
        if place.needsParent { word(FlattenedDeviceTree.endNode) }
        copy(tree, tree.structure + insertion, tree.structureSize - insertion)
        let structureEnd = count
        copy(tree, tree.strings, tree.stringsSize)
        if addressCells.isNew { text("#address-cells", aligned: false) }
        if sizeCells.isNew { text("#size-cells", aligned: false) }
        if ranges.isNew { text("ranges", aligned: false) }
        if reg.isNew { text("reg", aligned: false) }
        if noMap.isNew { text("no-map", aligned: false) }
        let stringsSize = count - structureEnd
        while count & 7 != 0 { byte(0) }
        guard fits else { return nil }

        let size = count
        count = 0
        word(0xd00d_feed)
        word(UInt32(size))
        word(UInt32(structure))
        word(UInt32(structureEnd))
        word(UInt32(reservations))
        word(17)
        word(16)
        word(bigEndianWord(tree.bytes, 28))  // boot_cpuid_phys
        word(UInt32(stringsSize))
        word(UInt32(structureEnd - structure))
        return size
    }

    /// Copies address and size pairs up to and with the pair of zeros that ends them.
    private mutating func copyReservations(of tree: FlattenedDeviceTree) {
        var offset = tree.reservations
        while offset <= tree.bytes.count - 16 {
            var bits: UInt32 = 0
            for cell in 0..<4 { bits |= bigEndianWord(tree.bytes, offset + 4 * cell) }
            if bits == 0 { break }
            copy(tree, offset, 16)
            offset += 16
        }
        for _ in 0..<4 { word(0) }
    }

    private mutating func byte(_ value: UInt8) {
        guard count < output.count else {
            fits = false
            return
        }
        output[count] = value
        count += 1
    }

    private mutating func word(_ value: UInt32) {
        byte(UInt8(truncatingIfNeeded: value >> 24))
        byte(UInt8(truncatingIfNeeded: value >> 16))
        byte(UInt8(truncatingIfNeeded: value >> 8))
        byte(UInt8(truncatingIfNeeded: value))
    }

    private mutating func number(_ value: UInt64, cells: Int) {
        for cell in 0..<cells {
            let shift = 32 * (cells - 1 - cell)
            word(shift < 64 ? UInt32(truncatingIfNeeded: value >> UInt64(shift)) : 0)
        }
    }

    private mutating func text(_ value: StaticString, aligned: Bool = true) {
        for index in 0..<value.utf8CodeUnitCount { byte(value.utf8Start[index]) }
        byte(0)
        while aligned, fits, count & 3 != 0 { byte(0) }
    }

    private mutating func property(_ name: Int) {
        word(FlattenedDeviceTree.property)
        word(0)
        word(UInt32(name))
    }

    private mutating func property(_ name: Int, _ cell: Int) {
        word(FlattenedDeviceTree.property)
        word(4)
        word(UInt32(name))
        word(UInt32(cell))
    }

    private mutating func copy(_ tree: FlattenedDeviceTree, _ start: Int, _ length: Int) {
        guard length > 0 else { return }
        guard length <= output.count - count else {
            fits = false
            return
        }
        UnsafeMutableRawBufferPointer(rebasing: output[count..<count + length])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: tree.bytes[start..<start + length]))
        count += length
    }
}
