/// Every register of every device, and every page of memory: what a guest can do to its machine without luck.
enum Sweep {
    /// Offsets up to here are all tried. Behind it 256 places are, since devices with much room have the same again and again.
    private static let dense: UInt64 = 0x200

    /// Loads and stores of each width at each offset, aligned or not; how many.
    static func devices() -> UInt64 {
        var count: UInt64 = 0
        Machine.tree?.forEachNode { node in
            guard node.depth > 0, node.property("compatible") != nil, node.sizeCells > 0, let range = node.range(),
                range.size > 0
            else { return }
            // The end of the machine would be the end of the test.
            let endsMachine = node.isCompatible(with: "sifive,test0") || node.isCompatible(with: "syscon")
            count += sweep(range, endsMachine: endsMachine)
            // What lies on PCI, where it was before its configuration space was swept.
            guard let host = PCIHost(node) else { return }
            host.assign()
            count += sweep(host.front, endsMachine: false)
        }
        return count
    }

    private static func sweep(_ range: MemoryRange, endsMachine: Bool) -> UInt64 {
        var count: UInt64 = 0, offset: UInt64 = 0
        while offset < range.size {
            count += access(range.base + offset, isSparing: endsMachine && offset < 8)
            let isLastOfPlace = offset & 7 == 7
            offset += offset < dense || !isLastOfPlace ? 1 : max(range.size / 256 & ~7, 8) - 7
        }
        return count
    }

    private static func access(_ address: UInt64, isSparing: Bool) -> UInt64 {
        var count: UInt64 = 0
        var width: UInt64 = 1
        while width <= 8 {
            _ = Attempt.load(address, width: width)
            count += 1
            if !isSparing {
                _ = Attempt.store(address, 0, width: width)
                _ = Attempt.store(address, ~0, width: width)
                _ = Attempt.store(address, 0x5a5a_5a5a_5a5a_5a5a, width: width)
                count += 3
            }
            width *= 2
        }
        return count
    }

    /// Writes what is there to each free page of memory, and reads beyond its end; how many pages.
    static func memory() -> UInt64 {
        var count: UInt64 = 0
        Memory.forEachPage { page in
            // SAFETY: a page of memory that nobody else uses.
            let place = UnsafeMutablePointer<UInt64>(bitPattern: UInt(page)).unsafelyUnwrapped
            _ = Attempt.store(page, place.pointee)
            count += 1
        }
        _ = Attempt.load(Memory.end)
        return count
    }
}
