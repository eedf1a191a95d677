import TestSupport
import Testing

@testable import Machine

@Suite("Device tree")
struct DeviceTreeTests {
    /// A tree with a value of each kind.
    static var sample: DeviceTree {
        var tree = DeviceTree()
        tree.reservations = [.init(address: 0x8000_0000, size: 0x2_0000)]
        tree.root.set("#address-cells", cells: 2)
        tree.root.set("#size-cells", cells: 1)
        tree.root.set("compatible", "orrery,test", "riscv-virtio")
        tree.edit("/soc/serial@10000000") { serial in
            serial.set("clock-frequency", cells: 3_686_400)
            serial.set("reg", doubleCells: 0x1000_0000, 0x100)
            serial.setEmpty("dma-coherent")
            serial["odd"] = [1, 2, 0xff]
            serial.set("label", "say \"hi\"\\\n", "two")
            serial["zeros"] = [0, 0]
            serial["number"] = [0x00, 0x38, 0x40, 0x00]
        }
        tree.setBootArguments("")
        return tree
    }

    private func decode(_ bytes: [UInt8]) throws(InputError) -> DeviceTree {
        try DeviceTree(InputFile(name: "tree.dtb", bytes: bytes))
    }

    private func refusal(_ bytes: [UInt8]) -> String {
        do throws(InputError) {
            _ = try decode(bytes)
            return "accepted"
        } catch {
            return error.description
        }
    }

    @Test("libfdt reads back the tree that was written")
    func roundTrip() throws {
        #expect(try decode(Self.sample.blob()) == Self.sample)
        #expect(try decode(DeviceTree().blob()) == DeviceTree())
    }

    @Test("The source is printed in dts syntax, each value by its kind")
    func source() {
        #expect(
            Self.sample.source == """
                /dts-v1/;

                /memreserve/ 0x80000000 0x20000;

                / {
                \t#address-cells = <0x2>;
                \t#size-cells = <0x1>;
                \tcompatible = "orrery,test", "riscv-virtio";

                \tsoc {
                \t\tserial@10000000 {
                \t\t\tclock-frequency = <0x384000>;
                \t\t\treg = <0x0 0x10000000 0x0 0x100>;
                \t\t\tdma-coherent;
                \t\t\todd = [01 02 ff];
                \t\t\tlabel = "say \\"hi\\"\\\\\\n", "two";
                \t\t\tzeros = [00 00];
                \t\t\tnumber = "", "8@";
                \t\t};
                \t};

                \tchosen {
                \t\tbootargs = "";
                \t};
                };

                """)
    }

    @Test("dtc compiles the printed source to the same tree", .enabled(if: ExternalTool.path("dtc") != nil))
    func compilerRoundTrip() throws {
        for tree in [Self.sample, RISCVVirtDeviceTreeTests.tree(harts: 4)] {
            let blob = try #require(
                try ExternalTool.run("dtc", ["-q", "-I", "dts", "-O", "dtb", "@"], input: Array(tree.source.utf8)))
            #expect(try decode(blob) == tree)
        }
    }

    @Test("What a loader tells the guest replaces what was there")
    func edits() throws {
        var tree = RISCVVirtDeviceTreeTests.tree(harts: 1)
        tree.setBootArguments("quiet")
        tree.setInitrd(0x1_8400_0000..<0x1_8500_0000)
        tree.setMemory(base: 0x8000_0000, size: 0x1_0000_0000)
        let chosen = try #require(tree.node(at: "/chosen"))
        #expect(chosen.string("bootargs") == "quiet")
        #expect(chosen.cells("linux,initrd-start") == [1, 0x8400_0000])
        #expect(chosen.cells("linux,initrd-end") == [1, 0x8500_0000])
        #expect(tree.node(at: "/memory@80000000")?.cells("reg") == [0, 0x8000_0000, 1, 0])
        tree.setInitrd(nil)
        tree.setBootArguments(nil)
        #expect(tree.node(at: "/chosen")?.properties.map(\.name) == ["stdout-path"])
        #expect(tree.root.children.count { $0.name.hasPrefix("memory") } == 1)
    }

    @Test("Further images are described as QEMU's guest-loader describes them")
    func modules() throws {
        var tree = RISCVVirtDeviceTreeTests.tree(harts: 1)
        tree.addModule(at: 0x4900_0000..<0x4901_86a0, isKernel: true, arguments: "console=hvc0 root=/dev/xvda")
        tree.addModule(at: 0x1_4a00_0000..<0x1_4a00_1388, isKernel: false, arguments: nil)
        let chosen = try #require(tree.node(at: "/chosen"))
        // QEMU 7.2, -device guest-loader,addr=0x49000000,kernel=Image,bootargs=...; but for the cells' numbers.
        let kernel = try #require(chosen.child("module@0x49000000"))
        #expect(kernel.strings("compatible") == ["multiboot,module", "multiboot,kernel"])
        #expect(kernel.cells("reg") == [0, 0x4900_0000, 0, 0x1_86a0])
        #expect(kernel.string("bootargs") == "console=hvc0 root=/dev/xvda")
        let disk = try #require(chosen.child("module@0x14a000000"))
        #expect(disk.strings("compatible") == ["multiboot,module", "multiboot,ramdisk"])
        #expect(disk.cells("reg") == [1, 0x4a00_0000, 0, 0x1388])
        #expect(disk["bootargs"] == nil)
        #expect(chosen.cells("#address-cells") == [2] && chosen.cells("#size-cells") == [2])
    }

    @Test("A blob cut short anywhere is refused")
    func truncated() throws {
        let blob = try Self.sample.blob()
        for length in 0..<blob.count { #expect(refusal(Array(blob[..<length])) != "accepted", "\(length) bytes") }
    }

    @Test("A blob says what is wrong with it")
    func refusals() throws {
        let blob = try Self.sample.blob()
        func changed(_ word: Int, to value: UInt32) -> [UInt8] {
            var bytes = blob
            bytes.put(value.byteSwapped, at: word * 4)
            return bytes
        }
        #expect(refusal([1, 2, 3]).contains("is not a device tree blob. Compile its source"))
        #expect(refusal(changed(1, to: 1 << 20)).contains("says it is 1048576 bytes large, and the file has"))
        #expect(refusal(changed(5, to: 3)).contains("has version 3"))
        #expect(refusal(changed(6, to: 18)).contains("versions 16 and 17"))
        #expect(refusal(changed(2, to: 0xffff_fff0)).contains("is not a valid device tree: FDT_ERR_"))
    }

    @Test("Nesting is limited both ways, without recursion on a foreign blob")
    func nesting() throws {
        var tree = DeviceTree()
        tree.edit(String(repeating: "/n", count: 63)) { _ in }
        #expect(try decode(tree.blob()) == tree)
        tree.edit(String(repeating: "/n", count: 64)) { _ in }
        #expect(throws: DeviceTree.EncodingError.tooDeep) { try tree.blob() }
        // A blob of 50,000 nested nodes, made by hand.
        var structure: [UInt8] = []
        for level in 0..<50_000 { structure += [0, 0, 0, 1] + (level == 0 ? [0, 0, 0, 0] : [0x6e, 0, 0, 0]) }
        for _ in 0..<50_000 { structure += [0, 0, 0, 2] }
        structure += [0, 0, 0, 9]
        let size = UInt32(56 + structure.count)
        var blob: [UInt8] = []
        for field in [0xd00d_feed, size, 56, size, 40, 17, 16, 0, 0, UInt32(structure.count)] as [UInt32] {
            blob.append(field.byteSwapped)
        }
        blob += [UInt8](repeating: 0, count: 16) + structure
        #expect(refusal(blob).contains("is nested more than 64 levels deep"))
    }

    @Test("Names that dtc would not accept are neither written nor read")
    func names() throws {
        var tree = DeviceTree()
        tree.edit("/a b") { _ in }
        #expect(throws: DeviceTree.EncodingError.badName("a b")) { try tree.blob() }
        tree = DeviceTree()
        tree.edit("/abc") { _ in }
        var blob = try tree.blob()
        let place = try #require((0..<blob.count - 3).first { Array(blob[$0..<$0 + 3]) == Array("abc".utf8) })
        blob[place + 1] = 0x1b
        #expect(refusal(blob).contains("has a node called \"a\\u{1b}c\", which is not a valid name"))
    }
}
