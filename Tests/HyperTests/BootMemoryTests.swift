import Testing

@testable import Hyper

extension CoreTests {
    /// What the allocator may give away of the machine's memory (Devicetree Specification 3.4, 3.5 and 5.3).
    @Suite("Memory at boot")
    struct BootMemoryTests {
        private let memory = FakeMemory(pages: 64)

        /// The pages, by their numbers, that can be allocated after `Pages` was given the tree, which lies in page 4, and an
        /// image in pages 1 and 2.
        private func free(_ root: DeviceTreeNode, reservations: [MemoryRange] = []) throws -> Set<Int> {
            let blob = root.flatten(reservations: reservations)
            let place = UnsafeMutableRawBufferPointer(
                start: UnsafeMutableRawPointer(bitPattern: UInt(memory.address(4))), count: 4096)
            place.copyBytes(from: blob)
            let tree = try #require(FlattenedDeviceTree(at: memory.address(4), limit: 4096))
            BootMemory.add(tree, image: memory.address(1)..<memory.address(2) + 1)
            var pages: Set<Int> = []
            while let page = try? Pages.allocate(1) { pages.insert(Int((page - memory.start) / 4096)) }
            return pages
        }

        private func tree() -> DeviceTreeNode {
            let root = DeviceTreeNode()
            root.set("#address-cells", u32: 2)
            root.set("#size-cells", u32: 2)
            let node = root.add("memory@0")
            node.set("device_type", text: "memory")
            set(node, [(0, 32), (40, 24)])
            return root
        }

        private func set(_ node: DeviceTreeNode, _ pages: [(first: Int, count: Int)]) {
            node.set(
                "reg",
                cells: pages.flatMap { [memory.address($0.first), UInt64($0.count) * 4096] }.flatMap {
                    [UInt32($0 >> 32), UInt32(truncatingIfNeeded: $0)]
                })
        }

        @Test("Both ranges of a memory node are memory, less the image, the tree, and a table for each range")
        func plain() throws {
            // The tables are at the first pages that are free.
            #expect(try free(tree()) == Set(0..<64).subtracting([0, 1, 2, 4, 40]).subtracting(32..<40))
            #expect(Pages.statistics.total == 56)
        }

        @Test("What the tree reserves is nobody's, in its nodes and in its block, every range of it")
        func reserved() throws {
            let root = tree()
            let parent = root.add("reserved-memory")
            parent.set("#address-cells", u32: 2)
            parent.set("#size-cells", u32: 2)
            set(parent.add("firmware@5"), [(5, 1), (8, 2)])
            set(parent.add("dma@50"), [(50, 1)])
            // A child of another node reserves nothing.
            let other = root.add("soc")
            other.set("#address-cells", u32: 2)
            other.set("#size-cells", u32: 2)
            set(other.add("device@12"), [(12, 1)])
            let block = [
                MemoryRange(base: memory.address(20), size: 1), MemoryRange(base: memory.address(60), size: 8192),
            ]
            let taken: Set<Int> = [0, 1, 2, 4, 5, 8, 9, 20, 40, 50, 60, 61]
            #expect(try free(root, reservations: block) == Set(0..<64).subtracting(taken).subtracting(32..<40))
        }

        @Test("What a loader has left is kept, and an end before its beginning keeps nothing")
        func initialFiles() throws {
            let root = tree()
            let chosen = root.add("chosen")
            chosen.set("linux,initrd-start", u64: memory.address(10) + 8)
            chosen.set("linux,initrd-end", u64: memory.address(12))
            #expect(try free(root) == Set(0..<64).subtracting([0, 1, 2, 4, 10, 11, 40]).subtracting(32..<40))
            Pages.removeAll()
            chosen.set("linux,initrd-end", u64: memory.address(9))
            #expect(try free(root) == Set(0..<64).subtracting([0, 1, 2, 4, 40]).subtracting(32..<40))
        }
    }
}
