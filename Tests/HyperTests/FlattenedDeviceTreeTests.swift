import TestSupport
import Testing

@testable import Hyper

/// What is read of a blob before there is a heap: expected values are dtc's sources, and chapter 5 of the Devicetree
/// Specification.
@Suite("Flattened device trees")
struct FlattenedDeviceTreeTests {
    private static let source = """
        /dts-v1/;
        / {
            #address-cells = <2>;
            #size-cells = <1>;
            compatible = "vendor,board", "vendor,family";

            memory@80000000 {
                reg = <0 0x80000000 0x1000>, <1 0 0x2000>;
            };
            soc {
                #address-cells = <1>;
                #size-cells = <0>;
                serial@10 { reg = <0x10>; status = "okay"; };
                inner {
                    leaf@1 { reg = <5 6 7>; };
                };
                odd { #address-cells = <3>; entry@1 { reg = <1 2 3 4>; }; };
                none { #address-cells = <0>; entry@2 { reg = <1>; }; };
            };
        };
        """

    /// What `body` says of every node, in the order of the blob.
    private func visit<Value>(_ blob: [UInt8], _ body: @escaping (FlattenedDeviceTree.Node) -> Value) throws -> [Value]
    {
        try #require(
            DeviceTreeBlobTests.withBlob(blob) { tree in
                var values: [Value] = []
                #expect(tree.forEachNode { values.append(body($0)) })
                return values
            })
    }

    private func blob() throws -> [UInt8] { try DeviceTreeBlobTests.compile(Self.source, ["-f", "-q", "-q"]) }

    @Test("Every node is visited once, with its depth and its parent's cells", .enabled(if: Self.dtc))
    func nodes() throws {
        let blob = try blob()
        #expect(try visit(blob) { $0.depth } == [0, 1, 1, 2, 2, 3, 2, 3, 2, 3])
        // Without the properties, 2 and 1 are taken (Devicetree Specification 2.3.5).
        #expect(try visit(blob) { $0.addressCells } == [2, 2, 2, 1, 1, 2, 1, 3, 1, 0])
        #expect(try visit(blob) { $0.sizeCells } == [1, 1, 1, 0, 0, 1, 0, 1, 0, 1])
    }

    @Test("A node has its name, with and without its unit address", .enabled(if: Self.dtc))
    func names() throws {
        let blob = try blob()
        #expect(try visit(blob) { $0.isNamed("memory") }.firstIndex(of: true) == 1)
        #expect(try visit(blob) { $0.isNamed(exactly: "memory") }.allSatisfy { !$0 })
        #expect(try visit(blob) { $0.isNamed(exactly: "memory@80000000") }.firstIndex(of: true) == 1)
        #expect(try visit(blob) { $0.isNamed("so") || $0.isNamed("socs") }.allSatisfy { !$0 })
    }

    @Test("reg is read by the parent's cells, entry by entry, as far as it goes", .enabled(if: Self.dtc))
    func registers() throws {
        let blob = try blob()
        let memory = try visit(blob) { node in (0..<3).map { node.range($0) } }[1]
        #expect(
            memory == [
                MemoryRange(base: 0x8000_0000, size: 0x1000), MemoryRange(base: 0x1_0000_0000, size: 0x2000), nil,
            ])
        let ranges = try visit(blob) { $0.range() }
        #expect(ranges[3] == MemoryRange(base: 0x10, size: 0), "no cell of a size is none")
        #expect(ranges[5] == MemoryRange(base: 5 << 32 | 6, size: 7))
        #expect(ranges[7]?.base == 0, "an address of three cells is none that memory has")
        #expect(ranges[9] == nil, "and one of no cells is no address")
        #expect(ranges[0] == nil && ranges[2] == nil, "no reg")
    }

    @Test("A property is found by its whole name, and a string by all of it", .enabled(if: Self.dtc))
    func properties() throws {
        let blob = try blob()
        #expect(
            try visit(blob) { $0.isCompatible(with: "vendor,family") }.map { $0 } == [true]
                + .init(repeating: false, count: 9))
        #expect(
            try visit(blob) { $0.isCompatible(with: "vendor") || $0.isCompatible(with: "family") }.allSatisfy { !$0 })
        let serial = try visit(blob) { node in
            (
                node.property("status").map { [UInt8]($0.bytes) }, node.property("stat") == nil,
                node.property("reg").map { [$0.cell(-1), $0.cell(0), $0.cell(1)] }
            )
        }[3]
        #expect(serial.0 == Array("okay\0".utf8) && serial.1)
        #expect(serial.2 == [0, 0x10, 0], "what lies outside of a value reads as 0")
        let strings = try #require(
            DeviceTreeBlobTests.withBlob(blob) { tree in
                (
                    tree.offsetOfString("#address-cells"), tree.offsetOfString("status") != nil,
                    tree.offsetOfString("nothing")
                )
            })
        #expect(strings.0 == 0 && strings.1 && strings.2 == nil, "dtc writes each string where it comes first")
    }

    @Test(
        "A blob of version 16, which does not say how large its structure is, is read to its end token",
        .enabled(if: Self.dtc))
    func version16() throws {
        let old = try DeviceTreeBlobTests.compile(Self.source, ["-f", "-q", "-q", "-V", "16"])
        #expect(old[20..<24].elementsEqual([0, 0, 0, 16]))
        #expect(try visit(old) { $0.depth } == visit(blob()) { $0.depth })
        #expect(try DeviceTreeNode(blob: old).flatten() == DeviceTreeNode(blob: blob()).flatten())
    }

    // MARK: What is no tree

    /// A blob of these tokens, whose strings block is `a`.
    private func blob(_ structure: [UInt32], reservations: [UInt64] = [0, 0]) -> [UInt8] {
        var bytes: [UInt8] = []
        let size = UInt32(structure.count * 4)
        let start = 40 + UInt32(reservations.count * 8)
        for cell in [0xd00d_feed, start + size + 2, start, start + size, 40, 17, 16, 0, 2, size] as [UInt32] {
            bytes.append(bigEndian: cell)
        }
        for value in reservations {
            bytes.append(bigEndian: UInt32(truncatingIfNeeded: value >> 32))
            bytes.append(bigEndian: UInt32(truncatingIfNeeded: value))
        }
        for cell in structure { bytes.append(bigEndian: cell) }
        return bytes + Array("a\0".utf8)
    }

    /// Whether the structure is sound, and how many nodes were visited until then.
    private func visit(_ structure: [UInt32]) -> (isSound: Bool, nodes: Int)? {
        DeviceTreeBlobTests.withBlob(blob(structure)) { tree in
            var count = 0
            let isSound = tree.forEachNode { _ in count += 1 }
            return (isSound, count)
        }
    }

    @Test(
        "A structure that does not end, ends too early, or is too deep is not sound, and its nodes are seen until then")
    func structures() throws {
        let (begin, end, property, nothing, last): (UInt32, UInt32, UInt32, UInt32, UInt32) = (1, 2, 3, 4, 9)
        func expect(_ structure: [UInt32], _ isSound: Bool, _ nodes: Int) {
            let found = visit(structure)
            #expect(found?.isSound == isSound && found?.nodes == nodes, "\(structure)")
        }
        expect([begin, 0, end, last], true, 1)
        expect([begin, 0, nothing, property, 0, 0, nothing, end, last], true, 1)
        expect([begin, 0, last], false, 1)
        expect([begin, 0, end], false, 1)
        expect([begin, 0, end, end, last], false, 1)
        expect([begin, 0, 7, end, last], false, 1)
        // A name that does not end; a property whose value goes beyond the end, or of which the end is missing.
        expect([begin, 0x6161_6161], false, 0)
        expect([begin, 0, property, .max, 0, end, last], false, 1)
        expect([begin, 0, property, 0], false, 1)
        for depth in [FlattenedDeviceTree.depthLimit, FlattenedDeviceTree.depthLimit + 1] {
            let structure = (0..<depth).flatMap { _ in [begin, 0] } + (0..<depth).map { _ in end } + [last]
            expect(structure, depth <= FlattenedDeviceTree.depthLimit, min(depth, FlattenedDeviceTree.depthLimit))
        }
    }

    @Test("A property whose name lies outside of the strings has none")
    func nameOutside() throws {
        for (name, isFound) in [(0, true), (1, false), (2, false), (.max, false)] as [(UInt32, Bool)] {
            let found = DeviceTreeBlobTests.withBlob(blob([1, 0, 3, 4, name, 5, 2, 9])) { tree in
                var value: UInt64?
                tree.forEachNode { value = $0.property("a")?.cell(0) }
                return value
            }
            #expect(try #require(found) == (isFound ? 5 : nil))
        }
    }

    @Test("Reserved memory is what the block says up to its end, which is an entry of zeros or the blob's own")
    func reservations() throws {
        func read(_ blob: [UInt8]) -> [MemoryRange]? {
            DeviceTreeBlobTests.withBlob(blob) { tree in
                var ranges: [MemoryRange] = []
                tree.forEachReservation { ranges.append($0) }
                return ranges
            }
        }
        let one = MemoryRange(base: 0x1_8000_0000, size: 0x2000)
        #expect(read(blob([1, 0, 2, 9], reservations: [one.base, one.size, 0, 0, 7, 7])) == [one])
        #expect(read(blob([1, 0, 2, 9], reservations: [0, 4096, 0, 0])) == [MemoryRange(base: 0, size: 4096)])
        var endless = blob([1, 0, 2, 9], reservations: [one.base, one.size])
        // The structure is read as an entry, and the rest is too short for one.
        #expect(read(endless)?.count == 2)
        let total = UInt8(endless.count)
        endless.replaceSubrange(16..<20, with: [0, 0, 0, total])
        #expect(read(endless) == [])
        endless.replaceSubrange(16..<20, with: [0, 0, 0, total + 1])
        #expect(read(endless) == nil, "a block outside of the blob")
    }

    @Test("Two ranges overlap where they share a byte, at the ends of the address space, too")
    func overlaps() {
        let range = MemoryRange(base: 0x1000, size: 0x1000)
        for (address, count, expected) in [
            (0, 0x1000, false), (0, 0x1001, true), (0x1fff, 1, true), (0x2000, 1, false), (0x1800, 0, false),
            (0, .max, true),
        ] as [(UInt64, UInt64, Bool)] {
            #expect(range.overlaps(address, count: count) == expected, "\(address), \(count)")
        }
        #expect(MemoryRange(base: .max, size: 1).overlaps(.max, count: 1))
        #expect(!MemoryRange(base: 0x1000, size: 0).overlaps(0, count: .max))
    }

    private static var dtc: Bool { ExternalTool.path("dtc") != nil }
}
