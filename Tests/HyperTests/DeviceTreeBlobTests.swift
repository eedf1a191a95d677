import Foundation
import Machine
import TestSupport
import Testing

@testable import Hyper

/// Reads and writes of blobs, against dtc and fdtget of Debian's device-tree-compiler.
@Suite("Device tree blobs", .enabled(if: ExternalTool.path("dtc") != nil))
struct DeviceTreeBlobTests {
    /// What a tool writes when it is given a file, and what it complains of.
    static func run(
        _ tool: String, _ options: [String], _ bytes: [UInt8], _ arguments: [String] = []
    ) throws -> (output: [UInt8], complaints: String) {
        try ExternalTool.withTemporaryDirectory { directory in
            try Data(bytes).write(to: URL(fileURLWithPath: directory + "/input"))
            let result = try ExternalTool.run(
                program: ExternalTool.path(tool) ?? tool, options + ["input"] + arguments, in: directory)
            return (result.output, result.errorText)
        }
    }

    static func dtc(
        _ input: String, _ output: String, _ bytes: [UInt8], _ options: [String] = []
    ) throws -> (output: [UInt8], complaints: String) {
        try run("dtc", ["-I", input, "-O", output] + options, bytes)
    }

    static func compile(_ source: String, _ options: [String] = []) throws -> [UInt8] {
        let (blob, complaints) = try dtc("dts", "dtb", Array(source.utf8), options)
        #expect(complaints == "", "dtc does not like the test's own source")
        return blob
    }

    /// `-M virt,dumpdtb=FILE`: the machine's tree, without running it.
    static let virt: [UInt8]? = try? ExternalTool.withTemporaryDirectory { directory in
        guard let qemu = ExternalTool.path("qemu-system-riscv64") else { return nil }
        let result = try ExternalTool.run(
            program: qemu, ["-M", "virt,dumpdtb=tree.dtb", "-smp", "2", "-m", "256M"], in: directory)
        guard result.status == 0 else { return nil }
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: directory + "/tree.dtb")))
    }

    static let source = """
        /dts-v1/;
        /memreserve/ 0x80000000 0x1000;
        /memreserve/ 0x123456789a 0x20000;

        / {
            #address-cells = <2>;
            #size-cells = <2>;
            compatible = "vendor,board", "vendor,family";
            model = "A \\"board\\" \\\\ one\\n";
            empty;

            chosen {
                bootargs = "console=ttyS0 quiet";
                stdout-path = &serial;
            };

            soc {
                #address-cells = <2>;
                #size-cells = <2>;
                compatible = "simple-bus";
                ranges;

                serial: serial@10000000 {
                    compatible = "ns16550a";
                    reg = <0 0x10000000 0 0x100>;
                    clock-frequency = <0x384000>;
                    mac = [01 02 03 04 05 06];
                    label = "";
                };
            };
        };
        """

    @Test("A blob of dtc's has the nodes and values of its source")
    func read() throws {
        let tree = try DeviceTreeNode(blob: Self.compile(Self.source))
        #expect(tree.all.map(\.path.string) == ["/", "/chosen", "/soc", "/soc/serial@10000000"])
        #expect(tree.compatible.map(\.string) == ["vendor,board", "vendor,family"])
        #expect(tree.text("model")?.string == "A \"board\" \\ one\n")
        #expect(tree.bytes("empty") == [])
        #expect(tree.child("chosen")?.text("stdout-path") == "/soc/serial@10000000")
        let serial = try #require(tree.node(at: "/soc/serial"))
        #expect(try serial.registers() == [MemoryRange(base: 0x1000_0000, size: 0x100)])
        #expect(serial.bytes("mac") == [1, 2, 3, 4, 5, 6])
        #expect(serial.number("clock-frequency") == 3_686_400)
        #expect(serial.text("label") == "")
    }

    @Test("A blob with one property and one child is laid out as chapter 5 of the specification says")
    func layout() {
        let root = DeviceTreeNode()
        root.set("a", u32: 0x0102_0304)
        root.add("b@0").set("a", bytes: [5])
        let cells: [UInt32] = [
            // The header: size, where the blocks are, versions, the boot CPU, sizes of the strings and of the structure.
            0xd00d_feed, 134, 72, 132, 40, 17, 16, 3, 2, 60,
            // A reservation, and the end of them.
            0, 0x8000_0000, 0, 0x1000, 0, 0, 0, 0,
            // The root, without a name; its "a", of four bytes.
            1, 0, 3, 4, 0, 0x0102_0304,
            // "b@0", which needs no padding; its "a", of one byte, which does.
            1, 0x6240_3000, 3, 1, 0, 0x0500_0000,
            // The ends of both nodes, and of all.
            2, 2, 9,
        ]
        var expected: [UInt8] = []
        for cell in cells { withUnsafeBytes(of: cell.bigEndian) { expected += $0 } }
        expected += Array("a\0".utf8)
        #expect(
            root.flatten(reservations: [MemoryRange(base: 0x8000_0000, size: 0x1000)], bootCPU: 3) == expected)
    }

    @Test("dtc reads what is written without a complaint, and as the tree that was read")
    func write() throws {
        let blob = try Self.compile(Self.source, ["-b", "1"])
        let tree = try DeviceTreeNode(blob: blob)
        let (reservations, bootCPU) = try #require(
            Self.withBlob(blob) { tree in
                var reservations: [MemoryRange] = []
                tree.forEachReservation { reservations.append($0) }
                return (reservations, tree.bootCPU)
            })
        #expect(
            reservations == [
                MemoryRange(base: 0x8000_0000, size: 0x1000), MemoryRange(base: 0x12_3456_789a, size: 0x2_0000),
            ])
        #expect(bootCPU == 1)
        let written = try Self.dtc("dtb", "dts", tree.flatten(reservations: reservations, bootCPU: bootCPU))
        #expect(written.complaints == "")
        #expect(written.output == (try Self.dtc("dtb", "dts", blob)).output)
        let machine = try Self.dtc("dtb", "dts", DeviceTreeTests.machine().flatten())
        #expect(machine.complaints == "")
        #expect(String(decoding: machine.output, as: UTF8.self).contains("\t\t\tserial@20 {\n\t\t\t\treg = <0x20 "))
    }

    static func withBlob<Value>(_ blob: [UInt8], _ body: (FlattenedDeviceTree) -> Value) -> Value? {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: blob.count, alignment: 8)
        defer { copy.deallocate() }
        copy.copyBytes(from: blob)
        return FlattenedDeviceTree(at: UInt64(UInt(bitPattern: copy.baseAddress)), limit: blob.count).map(body)
    }

    @Test("The printed source is dtc's, and compiles to the same blob")
    func print() throws {
        var blobs = [try Self.compile(Self.source)]
        if let virt = Self.virt { blobs.append(virt) }
        for blob in blobs {
            let tree = try DeviceTreeNode(blob: blob)
            let source = tree.source.string
            // dtc of Debian 12 prints lists as one string with NULs; and a number whose bytes are characters as text.
            var expected = String(decoding: try Self.dtc("dtb", "dts", blob).output, as: UTF8.self)
            expected = expected.replacingOccurrences(of: "\"\\08@\"", with: "<0x384000>")
            expected = expected.replacingOccurrences(of: "\\0", with: "\", \"")
            let start = try #require(expected.range(of: "/ {"))
            #expect(source == String(expected[start.lowerBound...]))
            let again = try Self.dtc("dts", "dtb", Array("/dts-v1/;\n\(source)".utf8))
            #expect(try DeviceTreeNode(blob: again.output).flatten() == tree.flatten())
        }
    }

    @Test("QEMU's tree reads as fdtget reads it", .enabled(if: virt != nil))
    func qemu() throws {
        let blob = try #require(Self.virt)
        let tree = try DeviceTreeNode(blob: blob)
        var questions: [String] = []
        var answers: [String] = []
        for node in tree.all {
            for property in node.properties where property.value.count % 4 == 0 && !property.value.isEmpty {
                questions += [node.path.string, property.name.string]
                answers.append(node.cells(property.name)?.map { String($0, radix: 16) }.joined(separator: " ") ?? "")
            }
        }
        #expect(answers.count > 80)
        let output = try Self.run("fdtget", ["-t", "x"], blob, questions).output
        let expected = String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
        #expect(answers == expected)

        #expect(
            try tree.node(at: "/soc/serial")?.interrupts().map(\.controller.path.string) == ["/soc/plic@c000000"])
        let plic = try #require(tree.node(at: "/soc/plic"))
        #expect(
            try plic.interrupts().flatMap { [$0.controller.phandle ?? 0] + $0.specifier }
                == plic.cells("interrupts-extended"))
        #expect(
            try tree.node(at: "/platform-bus")?.windows()?.map(\.parent.offset) == [0x400_0000])
        #expect(try tree.child("memory")?.registers() == [MemoryRange(base: 0x8000_0000, size: 256 << 20)])
        // Written again, dtc sees the same tree and has the same to say about it.
        let (first, second) = (try Self.dtc("dtb", "dts", blob), try Self.dtc("dtb", "dts", tree.flatten()))
        #expect(first.output == second.output && first.complaints == second.complaints)
    }

    @Test("The emulated board's tree is read and written as it is")
    func board() throws {
        let isa = RISCVISA(letters: "imafdch", extensions: ["sstc"])
        let board = RISCVVirtDeviceTree(harts: 2, memorySize: 256 << 20, isa: isa, mmu: .sv48).tree
        let tree = try DeviceTreeNode(blob: try board.blob())
        #expect(try Machine.DeviceTree(InputFile(name: "tree", bytes: tree.flatten())).root == board.root)
        #expect(tree.nodes(compatible: "virtio,mmio").count == 8)
        #expect(try tree.node(at: "/soc/rtc")?.interrupts().map(\.specifier) == [[11]])
    }

    // MARK: What is no tree

    @Test("What is no blob is refused, and the error says what it is instead")
    func refusals() throws {
        let blob = try Self.compile(Self.source)
        func message(_ blob: [UInt8]) -> String {
            HyperTests.message { () throws(HyperError) in try DeviceTreeNode(blob: blob) } ?? "no error"
        }
        #expect(message([]).contains("no device tree blob"))
        #expect(message(Array(blob.dropLast())).contains("end before it does"))
        #expect(message([UInt8](repeating: 0, count: DeviceTreeNode.blobLimit + 1)).contains("too large"))

        var (node, depth) = (DeviceTreeNode(), 1)
        let deep = node
        while depth < FlattenedDeviceTree.depthLimit {
            node = node.add("n")
            depth += 1
        }
        #expect(message(deep.flatten()) == "no error")
        node.add("n")
        #expect(message(deep.flatten()).contains("too deep"))

        let wide = DeviceTreeNode()
        for index in 1..<DeviceTreeNode.nodeLimit { wide.add(Text("n\(index)")) }
        #expect(message(wide.flatten()) == "no error")
        wide.add("last")
        #expect(message(wide.flatten()).contains("too large"))

        for name in ["", "a/b", "a b", "\"", "ä"] {
            let root = DeviceTreeNode()
            root.add(Text(name))
            #expect(message(root.flatten()).contains("malformed"), "a node \(name)")
            let other = DeviceTreeNode()
            other.set(Text(name))
            #expect(message(other.flatten()).contains("malformed"), "a property \(name)")
        }
    }

    @Test("The order of tokens is the specification's, or the blob is malformed")
    func tokens() {
        func message(_ structure: [UInt32]) -> String {
            var bytes: [UInt8] = []
            let size = UInt32(structure.count * 4)
            let header: [UInt32] = [0xd00d_feed, 56 + size + 2, 56, 56 + size, 40, 17, 16, 0, 2, size, 0, 0, 0, 0]
            for cell in header + structure { bytes.append(bigEndian: cell) }
            bytes += Array("a\0".utf8)
            return HyperTests.message { () throws(HyperError) in try DeviceTreeNode(blob: bytes) } ?? "no error"
        }
        let (n, end): (UInt32, UInt32) = (0x6e00_0000, 9)
        #expect(message([1, 0, 2, end]) == "no error")
        #expect(message([1, 0, 4, 3, 0, 0, 4, 1, n, 2, 4, 2, end]) == "no error")
        #expect(message([end]).contains("ends within a node"))
        #expect(message([1, 0, end]).contains("ends within a node"))
        #expect(message([1, 0, 2]).contains("no token"))
        #expect(message([1, 0, 2, 2, end]).contains("more nodes end than begin"))
        #expect(message([1, 0, 2, 1, 0, 2, end]).contains("not one root"))
        #expect(message([1, n, 2, end]).contains("not one root"))
        #expect(message([1, 0, 1, n, 2, 3, 0, 0, 2, end]).contains("a property follows a node's children"))
        #expect(message([3, 0, 0, 1, 0, 2, end]).contains("a property follows"))
        #expect(message([1, 0, 3, 0, 2, 2, end]).contains("a property's name is none"))
        #expect(message([1, 0, 3, .max, 0, 2, end]).contains("no token"))
        #expect(message([1, 0, 7, 2, end]).contains("no token"))
    }

    @Test("Damaged blobs are refused or read, printed and written to the same tree")
    func fuzzing() throws {
        var corpus = [try Self.compile(Self.source), DeviceTreeTests.machine().flatten()]
        corpus.append(GuestDescriptionTests.guest().flatten())
        if let virt = Self.virt { corpus.append(virt) }
        var read = 0
        fuzz("device tree blobs", cases: 10_000, corpus: corpus) { bytes, _ in
            let tree: DeviceTreeNode
            do throws(HyperError) {
                tree = try DeviceTreeNode(blob: bytes)
            } catch {
                try require(!error.message.isEmpty, "an error says nothing")
                return
            }
            read += 1
            let blob = tree.flatten()
            let again = try DeviceTreeNode(blob: blob)
            try require(again.flatten() == blob, "a tree that is written and read is another one")
            try require(again.source == tree.source, "a tree that is written and read prints otherwise")
            for node in tree.all {
                // Either of them may be refused; none may trap.
                _ = try? node.registers()
                _ = try? node.windows()
                _ = try? node.interrupts()
            }
            _ = try? GuestDescription(tree, vcpuCount: 2)
        }
        #expect(read > 10, "hardly a damaged blob was a tree")
    }
}
