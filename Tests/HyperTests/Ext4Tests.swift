import Testing

@testable import Hyper

extension FileSystem {
    /// All of a file, read in pieces of that size.
    func contents(_ path: Text, by piece: Int = 1 << 20) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            var buffer = [UInt8](repeating: 0xa5, count: piece)
            let count = try buffer.withBuffer { buffer throws(HyperError) in
                try read(path, at: UInt64(bytes.count), into: buffer)
            }
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
        }
    }

    func bytes(_ path: Text, at offset: UInt64, _ count: Int) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0xa5, count: count)
        let count = try buffer.withBuffer { buffer throws(HyperError) in try read(path, at: offset, into: buffer) }
        return Array(buffer[..<count])
    }

    /// The names in a directory, those of directories with a slash behind them.
    func names(_ path: Text) throws -> [String] {
        try entries(in: path).map { "\($0.name)\($0.isDirectory ? "/" : "")" }
    }

    /// Opens all that there is, as deep as that, and as far as it can be; how many bytes were read.
    func visit(_ path: Text = "", depth: Int = 6) -> Int {
        guard depth > 0, let entries = try? entries(in: path) else { return 0 }
        var count = 0
        for entry in entries.prefix(64) {
            let path: Text = path.isEmpty ? entry.name : "\(path)/\(entry.name)"
            _ = try? self.entry(at: path)
            var buffer = [UInt8](repeating: 0, count: 8192)
            for offset in [0, entry.size / 2, entry.size &- 100] {
                let read = try? buffer.withBuffer { buffer throws(HyperError) in
                    try self.read(path, at: offset, into: buffer)
                }
                count += read ?? 0
            }
            if entry.isDirectory { count += visit(path, depth: depth - 1) }
        }
        return count
    }
}

/// `seq 1 COUNT`.
func sequence(_ count: Int) -> [UInt8] { (1...count).flatMap { Array("\($0)\n".utf8) } }

extension CoreTests {
    /// Images are made by mkfs.ext4, which takes what is in them from a folder; what must come is what was put there.
    @Suite("ext2, ext3 and ext4", .enabled(if: DiskTools.are("mkfs.ext4", "debugfs")))
    struct Ext4Tests {
        private static let files = """
            mkdir -p tree/sub/deeper tree/empty tree/many
            seq 1 200000 >tree/big
            printf hello >tree/sub/small
            : >tree/nothing
            truncate -s 70M tree/sparse; printf end | dd of=tree/sparse bs=1 seek=1000000 conv=notrunc status=none
            printf tail >>tree/sparse
            for i in $(seq 0 2 900); do printf %04d "$i" | dd of=tree/holes bs=4096 seek="$i" conv=notrunc status=none; done
            ln -s small tree/sub/short
            ln -s "../sub/deeper/.././$(printf './%.0s' $(seq 1 40))small" tree/empty/long
            ln -s /sub tree/absolute
            ln -s loop tree/loop
            ln -s nowhere tree/dangling
            for i in $(seq 1 300); do : >"tree/many/a file with a name that is not short $i"; done

            """

        private func mount(_ bytes: [UInt8]) throws -> Ext4FileSystem { try Ext4FileSystem(TwinDisk(bytes).kept()) }

        @Test(
            "All kinds of files have what was put into them",
            arguments: [
                "-t ext4", "-t ext4 -b 1024", "-t ext4 -b 2048 -O ^64bit,^metadata_csum -I 128", "-t ext3 -b 1024",
                "-t ext2 -b 1024", "-t ext2 -b 4096 -O ^filetype -I 128", "-t ext4 -b 1024 -g 1024 -O ^flex_bg",
            ])
        func files(_ options: String) throws {
            let system = try mount(
                DiskTools.make("\(Self.files)truncate -s 16M disk; mkfs.ext4 -q -F \(options) -L boot -d tree disk"))
            #expect(system.label == "boot")
            #expect(
                try system.names("") == [
                    "absolute", "big", "dangling", "empty/", "holes", "loop", "lost+found/", "many/", "nothing",
                    "sparse",
                    "sub/",
                ])
            #expect(try system.names("sub") == ["deeper/", "short", "small"])
            #expect(try system.contents("big") == sequence(200_000))
            #expect(try system.contents("big", by: 1000) == sequence(200_000))
            #expect(try system.contents("sub/small") == Array("hello".utf8))
            #expect(try system.contents("nothing").isEmpty)
            #expect(try system.entry(at: "sparse")?.size == 70 << 20 + 4)
            #expect(try system.entry(at: "many")?.isDirectory == true)
            #expect(try system.entries(in: "many").count == 300)
            #expect(try system.entry(at: "many/a file with a name that is not short 300") != nil)
            #expect(try system.entry(at: "many/a file with a name that is not short 301") == nil)
            // A hole, what lies in it, and behind all single, double and triple pointers.
            #expect(try system.bytes("sparse", at: 999_996, 11) == [0, 0, 0, 0] + Array("end".utf8) + [0, 0, 0, 0])
            #expect(try system.bytes("sparse", at: 70 << 20 - 4, 99) == [0, 0, 0, 0] + Array("tail".utf8))
            #expect(try system.bytes("sparse", at: 40 << 20, 70000) == [UInt8](repeating: 0, count: 70000))
            let holes = try system.contents("holes", by: 5000)
            for block in 0...900 {
                let expected =
                    block % 2 == 0
                    ? Array(repeatElement("0", count: 4 - "\(block)".count).joined().utf8) + Array("\(block)".utf8)
                    : [0, 0, 0, 0]
                #expect(Array(holes[block * 4096..<block * 4096 + 4]) == expected)
            }
        }

        @Test("Links lead where they say, and no further than the file system")
        func links() throws {
            let system = try mount(DiskTools.make("\(Self.files)truncate -s 16M disk; mkfs.ext4 -q -d tree disk"))
            for path in ["sub/short", "empty/long", "absolute/small", "absolute/short", "absolute/../sub/small"]
                as [Text]
            {
                #expect(try system.contents(path) == Array("hello".utf8), "\(path)")
            }
            #expect(try system.entry(at: "dangling") == nil)
            #expect(throws: HyperError("loop: more than 40 links lead on")) { try system.entry(at: "loop") }
            #expect(throws: HyperError.self) { try system.contents("sub") }
            #expect(throws: HyperError.self) { try system.entries(in: "big") }
        }

        @Test("What is not understood is refused by its name")
        func features() throws {
            func refusal(_ options: String, _ more: String = "") throws -> String {
                let image = try DiskTools.make("truncate -s 4M disk; mkfs.ext4 -q -F \(options) disk; \(more)")
                do {
                    _ = try mount(image)
                    return "it was mounted"
                } catch let error as HyperError {
                    return error.description
                }
            }
            #expect(try refusal("-O inline_data").contains("features that are not known here: inline_data."))
            #expect(try refusal("-O encrypt,casefold").contains("encrypt, casefold."))
            #expect(try refusal("-O meta_bg,^resize_inode").contains("meta_bg."))
            #expect(
                try refusal("", "debugfs -w -R 'feature needs_recovery' disk 2>/dev/null").contains("was not unmounted")
            )
            let empty = [UInt8](repeating: 0, count: 4096)
            #expect(throws: HyperError("vda cannot be mounted as ext4: it has no superblock of ext2, ext3 or ext4")) {
                try mount(empty)
            }
        }

        @Test("The first revision of ext2 is read, whose superblock says nothing of features")
        func revision0() throws {
            let image = try DiskTools.make(
                "mkdir tree; seq 1 9999 >tree/big; truncate -s 4M disk; mkfs.ext2 -q -F -r 0 -d tree disk")
            #expect(image.u32(1024 + 0x4c) == 0)
            let system = try mount(image)
            #expect(try system.contents("big") == sequence(9999))
            #expect(try system.names("") == ["big", "lost+found/"])
        }

        @Test("A superblock of which nothing can be is refused, and a disk too small for one")
        func superblocks() throws {
            let image = try DiskTools.make("truncate -s 4M disk; mkfs.ext4 -q disk")
            // s_log_block_size, s_blocks_count_lo, s_inodes_per_group, s_inode_size, s_desc_size (ext4: Super Block).
            for (offset, value) in [(0x18, 7), (0x4, 0), (0x28, 0), (0x58, 100), (0x58, 0), (0xfe, 8)] as [(Int, UInt8)]
            {
                var bytes = image
                let size = offset == 0x58 || offset == 0xfe ? 2 : 4
                bytes.set(UInt64(value), 1024 + offset, bytes: size)
                #expect(throws: HyperError.self, "\(offset)") { try mount(bytes) }
            }
            for size in [0, 512, 1024, 2047] {
                #expect(throws: HyperError.self, "\(size)") { try mount(Array(image[..<size])) }
            }
        }

        @Test("A file system that is larger than its disk is refused")
        func truncated() throws {
            let image = try DiskTools.make("truncate -s 4M disk; mkfs.ext4 -q disk")
            #expect(
                throws: HyperError(
                    "vda cannot be mounted as ext4: it has 4096 blocks of 1024 bytes, and its disk has 1048576 bytes")
            ) {
                try mount(Array(image[..<(1 << 20)]))
            }
        }

        @Test(
            "Whatever lies on a disk, reading it ends",
            arguments: ["-t ext4 -b 1024", "-t ext2 -b 1024 -I 128", "-t ext4 -b 4096"])
        func fuzz(_ options: String) throws {
            let original = try DiskTools.make(
                """
                mkdir -p tree/sub/deeper
                for i in $(seq 0 2 60); do printf %04d "$i" | dd of=tree/holes bs=4096 seek="$i" conv=notrunc status=none; done
                seq 1 5000 >tree/sub/numbers; ln -s numbers tree/sub/link; ln -s "$(printf './%.0s' $(seq 1 40))holes" tree/long
                truncate -s 512K disk; mkfs.ext4 -q -F \(options) -N 32 -O ^has_journal,^resize_inode -d tree disk
                """)
            var generator = SeededGenerator(seed: 4)
            // The files' own bytes are of no interest.
            let used = original.indices.filter {
                original[$0] != 0 && !(0x30..<0x3a ~= original[$0]) && original[$0] != 0x0a
            }
            var read = 0
            for _ in 0..<1000 {
                var bytes = original
                for _ in 0..<Int.random(in: 1...8, using: &generator) {
                    let place = used.randomElement(using: &generator)! + Int.random(in: 0..<4, using: &generator)
                    bytes[min(place, bytes.count - 1)] = [
                        0, 1, 2, 0x7f, 0x80, 0xff, .random(in: 0...255, using: &generator),
                    ].randomElement(using: &generator)!
                }
                if let system = try? mount(bytes) { read += system.visit() }
            }
            #expect(read > 1 << 20, "most of them can be read nevertheless")
        }
    }
}
