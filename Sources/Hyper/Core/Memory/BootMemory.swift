/// Gives the memory that a flattened device tree describes to ``Pages``.
enum BootMemory {
    /// Everything but what the tree reserves, the tree itself, the hypervisor's image, and what a loader has put into
    /// memory for it (`/chosen`, `linux,initrd-start`).
    static func add(_ tree: FlattenedDeviceTree, image: Range<UInt64>) {
        Pages.reserve(start: image.lowerBound, size: image.upperBound - image.lowerBound)
        let start = UInt64(UInt(bitPattern: tree.bytes.baseAddress.unsafelyUnwrapped))
        Pages.reserve(start: start, size: UInt64(tree.bytes.count))
        var isReserved = false
        tree.forEachNode { node in
            if node.depth == 1 { isReserved = node.isNamed("reserved-memory") }
            if node.depth == 2, isReserved, let range = node.range() {
                Pages.reserve(start: range.base, size: range.size)
            }
            if node.isNamed(exactly: "chosen"), let first = node.property("linux,initrd-start"),
                let end = node.property("linux,initrd-end")
            {
                let start = first.number(at: 0, cells: first.cellCount)
                Pages.reserve(start: start, size: end.number(at: 0, cells: end.cellCount) &- start)
            }
        }
        tree.forEachNode { node in
            guard node.depth == 1, node.isNamed("memory") else { return }
            var index = 0
            while let range = node.range(index) {
                Pages.add(start: range.base, size: range.size)
                index += 1
            }
        }
    }
}
