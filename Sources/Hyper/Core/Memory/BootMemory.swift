/// Gives the memory that a flattened device tree describes to ``Pages``.
enum BootMemory {
    /// Everything but what the tree reserves, in either of its ways, the tree itself, the hypervisor's image, and what a
    /// loader has put into memory for it (`/chosen`, `linux,initrd-start`).
    static func add(_ tree: FlattenedDeviceTree, image: Range<UInt64>) {
        Pages.reserve(start: image.lowerBound, size: image.upperBound - image.lowerBound)
        let start = UInt64(UInt(bitPattern: tree.bytes.baseAddress.unsafelyUnwrapped))
        Pages.reserve(start: start, size: UInt64(tree.bytes.count))
        tree.forEachReservation { Pages.reserve(start: $0.base, size: $0.size) }
        var isReserved = false
        tree.forEachNode { node in
            if node.depth == 1 { isReserved = node.isNamed("reserved-memory") }
            if node.depth == 2, isReserved {
                forEachRange(of: node) { Pages.reserve(start: $0.base, size: $0.size) }
            }
            if node.depth == 1, node.isNamed(exactly: "chosen"), let first = node.property("linux,initrd-start"),
                let last = node.property("linux,initrd-end")
            {
                let start = first.number(at: 0, cells: first.cellCount)
                let end = last.number(at: 0, cells: last.cellCount)
                if end > start { Pages.reserve(start: start, size: end - start) }
            }
        }
        tree.forEachNode { node in
            guard node.depth == 1, node.isNamed("memory") else { return }
            forEachRange(of: node) { Pages.add(start: $0.base, size: $0.size) }
        }
    }

    private static func forEachRange(of node: FlattenedDeviceTree.Node, _ visit: (MemoryRange) -> Void) {
        var index = 0
        while let range = node.range(index) {
            visit(range)
            index += 1
        }
    }
}
