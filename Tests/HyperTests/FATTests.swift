import Foundation
import Testing

@testable import Hyper

extension CoreTests {
    /// What is read was written by mkfs.vfat and mtools; what is written is read by mtools, and fsck.vfat finds nothing.
    @Suite("FAT", .enabled(if: DiskTools.are("mkfs.vfat", "fsck.vfat", "mcopy", "mdir")))
    struct FATTests {
        /// Entries of 12, 16 and 32 bits, the last with the fewest clusters and with larger sectors.
        static let kinds = [
            "truncate -s 2M disk; mkfs.vfat -F 12 -n BOOT disk",
            "truncate -s 8M disk; mkfs.vfat -F 16 -s 1 -n BOOT disk",
            "truncate -s 34M disk; mkfs.vfat -F 32 -s 1 -n BOOT disk",
            "truncate -s 70M disk; mkfs.vfat -F 32 -S 1024 -s 1 -f 1 -n BOOT disk",
            "truncate -s 16M disk; mkfs.vfat -F 16 -S 4096 -s 1 -n BOOT disk",
        ]

        private func mount(_ disk: TwinDisk) throws -> FATFileSystem { try FATFileSystem(disk.device) }

        /// What fsck.vfat says of the disk that is not that all is well.
        private func check(_ disk: TwinDisk) throws {
            let report = try DiskTools.output("fsck.vfat -n disk || true", of: disk.bytes)
            let lines = report.split(separator: "\n").filter { !$0.hasPrefix("fsck.fat") && !$0.hasPrefix("disk: ") }
            #expect(lines.isEmpty, "fsck.vfat finds: \(report)")
        }

        @Test("Files of mtools are read", arguments: kinds)
        func reading(_ make: String) throws {
            let disk = TwinDisk(
                try DiskTools.make(
                    """
                    \(make)
                    seq 1 50000 >big; printf hello >small; : >nothing
                    mcopy -i disk big nothing ::; mcopy -i disk small ::SMALL.TXT
                    mmd -i disk ::sub ::sub/deeper; mcopy -i disk small '::sub/A long name, with ünïcode €.text'
                    mcopy -i disk small ::sub/deeper/a.b; mcopy -i disk small ::gone; mdel -i disk ::gone
                    for i in $(seq 1 60); do echo $i >"file number $i"; done; mcopy -i disk file* ::sub/deeper
                    """))
            let system = try mount(disk)
            #expect(system.label == "BOOT")
            #expect(try system.names("") == ["SMALL.TXT", "big", "nothing", "sub/"])
            #expect(try system.names("sub") == ["A long name, with ünïcode €.text", "deeper/"])
            #expect(try system.contents("big") == sequence(50000))
            #expect(try system.contents("big", by: 777) == sequence(50000))
            #expect(try system.contents("BIG", by: 4096) == sequence(50000), "capitals are the same")
            #expect(try system.contents("small.txt") == Array("hello".utf8))
            #expect(try system.contents("nothing").isEmpty)
            #expect(try system.contents("sub/a LONG name, with ünïcode €.text") == Array("hello".utf8))
            #expect(try system.contents("sub/ALONGN~1.TEX") == Array("hello".utf8))
            #expect(try system.contents("sub/deeper/file number 60") == Array("60\n".utf8))
            #expect(try system.entries(in: "sub/deeper").count == 61)
            #expect(try system.entry(at: "gone") == nil)
            #expect(try system.entry(at: "sub/deeper")?.isDirectory == true)
            #expect(throws: HyperError.self) { try system.contents("sub") }
            #expect(throws: HyperError.self) { try system.entries(in: "big") }
            #expect(throws: HyperError.self) { try system.contents("big/file") }
        }

        @Test("mtools reads what is written, and fsck.vfat finds nothing wrong", arguments: kinds)
        func writing(_ make: String) throws {
            let disk = TwinDisk(try DiskTools.make(make))
            let system = try mount(disk)
            let free = try #require(try system.freeBytes())
            let big = sequence(40000)
            try system.makeDirectory("Folder")
            try system.makeDirectory("Folder/a folder with a long name")
            for (path, piece) in [("BIG.TXT" as Text, 100_000), ("Folder/a folder with a long name/ünïcode €", 9999)] {
                try system.create(path)
                for start in stride(from: 0, to: big.count, by: piece) {
                    try big[start..<min(start + piece, big.count)].withUnsafeBytes { bytes in
                        try system.write(path, at: UInt64(start), from: bytes)
                    }
                }
            }
            try system.create("Folder/sparse")
            try system.write("Folder/sparse", at: 10000, Array("end".utf8))
            try system.write("Folder/sparse", at: 5000, Array("middle".utf8))
            try system.create("shorter")
            try system.write("shorter", at: 0, big)
            try system.truncate("shorter", to: 5005)
            try system.truncate("shorter", to: 9000)
            try system.create("empty")
            try system.write("empty", at: 0, big)
            try system.truncate("empty", to: 0)
            for number in 1...70 {
                try system.create("Folder/file number \(number)")
                try system.write("Folder/file number \(number)", at: 0, Array("\(number)\n".utf8))
            }
            for number in stride(from: 1, through: 70, by: 3) { try system.remove("Folder/file number \(number)") }
            try system.create("Folder/one in the place of others, that is longer than those were")
            try check(disk)

            let names = try DiskTools.output(
                "mdir -b -i disk ::; mdir -b -i disk ::Folder | grep -v number", of: disk.bytes)
            #expect(
                names == """
                    ::/Folder/
                    ::/BIG.TXT
                    ::/shorter
                    ::/empty
                    ::/Folder/a folder with a long name/
                    ::/Folder/sparse
                    ::/Folder/one in the place of others, that is longer than those were

                    """)
            func contents(_ path: String) throws -> [UInt8] {
                Array(try DiskTools.output("mcopy -n -i disk '::\(path)' file; base64 -w 0 file", of: disk.bytes).utf8)
            }
            func encoded(_ bytes: [UInt8]) -> [UInt8] { Array(Data(bytes).base64EncodedString().utf8) }
            #expect(try contents("BIG.TXT") == encoded(big))
            #expect(try contents("Folder/a folder with a long name/ünïcode €") == encoded(big))
            let zeros = [UInt8](repeating: 0, count: 10000)
            #expect(
                try contents("Folder/sparse")
                    == encoded(Array(zeros[..<5000]) + Array("middle".utf8) + Array(zeros[5006...]) + Array("end".utf8))
            )
            #expect(try contents("shorter") == encoded(Array(big[..<5005]) + Array(zeros[..<3995])))
            #expect(try contents("empty") == [])
            #expect(try contents("Folder/file number 69") == encoded(Array("69\n".utf8)))

            // All comes back.
            for entry in try system.entries(in: "Folder/a folder with a long name") {
                try system.remove("Folder/a folder with a long name/\(entry.name)")
            }
            for entry in try system.entries(in: "Folder") { try system.remove("Folder/\(entry.name)") }
            for entry in try system.entries(in: "") { try system.remove(entry.name) }
            try check(disk)
            #expect(try system.freeBytes() == free)
            #expect(try mount(disk).freeBytes() == free, "as it is kept on the disk")
        }

        @Test("A full disk takes nothing more, and loses nothing")
        func full() throws {
            let disk = TwinDisk(try DiskTools.make("truncate -s 128K disk; mkfs.vfat -F 12 -s 1 disk"))
            let system = try mount(disk)
            let free = try #require(try system.freeBytes())
            try system.create("all")
            try system.write("all", at: 0, [UInt8](repeating: 7, count: Int(free) - 512))
            try system.create("more")
            #expect(throws: HyperError("vda is full: 2 clusters are wanted, and 1 free")) {
                try system.write("more", at: 0, [UInt8](repeating: 8, count: 513))
            }
            try system.makeDirectory("folder")
            #expect(throws: HyperError("vda is full: 1 clusters are wanted, and 0 free")) {
                try system.makeDirectory("other")
            }
            try check(disk)
            #expect(try system.contents("all").allSatisfy { $0 == 7 })
            #expect(try system.contents("more").isEmpty)
        }

        @Test("The root directory of a FAT of 16 bits has as many entries as it has")
        func root() throws {
            let disk = TwinDisk(try DiskTools.make("truncate -s 10M disk; mkfs.vfat -F 16 -s 1 -r 16 disk"))
            let system = try mount(disk)
            for number in 0..<16 { try system.create("F\(number)") }
            #expect(throws: HyperError("vda: the root directory is full: use another one")) { try system.create("F16") }
            try system.remove("F7")
            #expect(throws: HyperError.self) { try system.create("this needs two") }
            try system.create("F17")
            try check(disk)
        }

        @Test("Names that FAT cannot have are refused, and so is what is there, or is not")
        func refusals() throws {
            let disk = TwinDisk(try DiskTools.make(Self.kinds[0]))
            let system = try mount(disk)
            for name in ["a:b", "a*", "a?", "\"", "dot.", "space ", "new\nline", Text([0xc3, 0x28])] as [Text] {
                #expect(throws: HyperError.self, "\(name)") { try system.create(name) }
            }
            #expect(throws: HyperError.self) { try system.create(Text([UInt8](repeating: 0x61, count: 256))) }
            try system.create(Text([UInt8](repeating: 0x61, count: 255)))
            try system.makeDirectory("folder")
            try system.create("folder/file")
            #expect(throws: HyperError("folder is not empty: remove what is in it first")) {
                try system.remove("folder")
            }
            #expect(throws: HyperError("FOLDER is there already")) { try system.create("FOLDER") }
            #expect(throws: HyperError("nothing/file: there is no directory nothing")) {
                try system.create("nothing/file")
            }
            #expect(throws: HyperError("none: there is no such file")) { try system.remove("none") }
            #expect(throws: HyperError.self) { try system.write("folder", at: 0, [1]) }
            #expect(throws: HyperError.self) { try system.write("folder/file", at: 1 << 32, [1]) }
            try check(disk)
            let readOnly = try FATFileSystem(TwinDisk(disk.bytes, isReadOnly: true).kept())
            #expect(throws: HyperError("file: disk vda is for reading alone")) { try readOnly.create("file") }
        }

        @Test("Files have the time of the machine's clock, and without one the beginning of FAT's")
        func times() throws {
            let disk = TwinDisk(try DiskTools.make(Self.kinds[0]))
            let system = try mount(disk)
            defer { WallClock.forget() }
            WallClock.forget()
            try system.create("EARLY")
            WallClock.set(1_795_865_366 * 1_000_000_000)
            try system.create("LATE")
            WallClock.set(4_102_444_799 * 1_000_000_000)
            try system.create("CHANGED")
            WallClock.set(1_000_000_000 * 1_000_000_000)
            try system.write("CHANGED", at: 0, [1])
            // By date(1): 1000000000 and 1795865366 seconds after the epoch.
            let times = try DiskTools.output("mdir -i disk :: | grep -o '[12][09][0-9][0-9]-.*:..'", of: disk.bytes)
            #expect(times == "1980-01-01   0:00\n2026-11-28  11:29\n2001-09-09   1:46\n")
            try check(disk)
        }

        @Test("Names of any characters are read and written")
        func names() throws {
            let names = [".profile", "ünïcode €", "日本.text", "+,;=.x", "a.b.c", "..twice", "x .y"]
            let quoted = names.map { "'\($0)'" }.joined(separator: " ")
            let disk = TwinDisk(
                try DiskTools.make(
                    "\(Self.kinds[0]); printf hi >in; for n in \(quoted); do mcopy -i disk in \"::$n\"; done"))
            var system = try mount(disk)
            #expect(Set(try system.names("")) == Set(names), "as mtools has written them")
            for name in names { try system.remove(Text(Array(name.utf8))) }
            for name in names { try system.create(Text(Array(name.utf8))) }
            try check(disk)
            system = try mount(disk)
            #expect(Set(try system.names("")) == Set(names))
            for name in names {
                try system.write(Text(Array(name.utf8)), at: 0, Array(name.utf8))
                let read = try DiskTools.output("mcopy -n -i disk '::\(name)' out; cat out", of: disk.bytes)
                #expect(read == name, "as mtools reads them")
            }
        }

        @Test("Characters outside of Unicode's first 65,536 are pairs of UTF-16 on the disk")
        func pairs() throws {
            let disk = TwinDisk(try DiskTools.make(Self.kinds[0]))
            let name = "😀𝄞x"
            try mount(disk).create(Text(Array(name.utf8)))
            let units = Array(name.utf16).flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }
            #expect(units.count == 10, "the first part of an entry")
            let bytes = disk.bytes
            #expect(bytes.indices.contains { bytes[$0] == 0x41 && bytes[($0 + 1)...].starts(with: units) })
            #expect(try mount(disk).names("") == [name])
            try check(disk)
        }

        @Test("What is no UTF-8 is no name (RFC 3629, 3 and 10)")
        func malformedNames() throws {
            let system = try mount(TwinDisk(try DiskTools.make(Self.kinds[0])))
            let malformed: [[UInt8]] = [
                [0x80], [0xc0, 0x80], [0xc1, 0xbf], [0xe0, 0x80, 0xaf], [0xed, 0xa0, 0x80], [0xf0, 0x80, 0x80, 0x80],
                [0xf4, 0x90, 0x80, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80], [0xf0, 0x9f, 0x98], [0xe2, 0x82], [0xff],
                [0xc3, 0x61],
            ]
            for bytes in malformed { #expect(throws: HyperError.self, "\(bytes)") { try system.create(Text(bytes)) } }
            #expect(try system.entries(in: "").isEmpty)
        }

        @Test("Half of a pair in a name on the disk is shown as what cannot be shown")
        func halfPair() throws {
            var bytes = try DiskTools.make("\(Self.kinds[0]); : >'long name zzz'; mcopy -i disk 'long name zzz' ::")
            // UTF-16: the last two letters, in the third part of the entry.
            let z = try #require(bytes.indices.first { bytes[$0...].starts(with: [0x7a, 0, 0x7a, 0]) })
            func name(_ units: [UInt16]) throws -> [String] {
                for (index, unit) in units.enumerated() {
                    bytes.replaceSubrange(
                        z + 2 * index..<z + 2 * index + 2, with: [UInt8(unit & 0xff), UInt8(unit >> 8)])
                }
                return try FATFileSystem(TwinDisk(bytes).kept()).names("")
            }
            #expect(try name([0xd83d, 0xde00]) == ["long name z😀"])
            #expect(try name([0xd83d, 0x7a]) == ["long name z\u{fffd}z"])
            #expect(try name([0xde00, 0xd83d]) == ["long name z\u{fffd}\u{fffd}"])
        }

        @Test("Of a file system that keeps one copy of its table alone, that one is read and written")
        func oneCopy() throws {
            let disk = TwinDisk(try DiskTools.make("\(Self.kinds[2]); seq 1 20000 >big; mcopy -i disk big ::"))
            // BPB_ExtFlags: bit 7, no mirrors; the low bits, which one (FAT32 File System Specification 1.03).
            disk.memory[40] = 0x81
            let (reserved, tableSize) = (disk.bytes.u16(14), disk.bytes.u32(36))
            let first = Int(reserved) * 512..<(Int(reserved) + Int(tableSize)) * 512
            for index in first { disk.memory[index] = 0xee }
            let system = try mount(disk)
            #expect(try system.contents("big") == sequence(20000))
            try system.create("more")
            try system.write("more", at: 0, sequence(9999))
            #expect(first.allSatisfy { disk.memory[$0] == 0xee })
            #expect(try mount(disk).contents("more") == sequence(9999))
            disk.memory[40] = 0x85
            #expect(throws: HyperError("vda cannot be mounted as FAT: it has no copy 5 of its table")) {
                try mount(disk)
            }
        }

        @Test("What is marked as read-only stays, and a file is no larger than 32 bits say")
        func limits() throws {
            let disk = TwinDisk(
                try DiskTools.make(
                    "\(Self.kinds[0]); printf hi >f; mcopy -i disk f ::F; mattrib +r -i disk ::F; mmd -i disk ::D"))
            let system = try mount(disk)
            let before = disk.bytes
            for action: () throws -> Void in [
                { try system.write("F", at: 0, [1]) }, { try system.truncate("F", to: 0) }, { try system.remove("F") },
            ] {
                #expect(throws: HyperError("F is marked as read-only")) { try action() }
            }
            #expect(throws: HyperError("D/x: a file of FAT has 4294967295 bytes at most")) {
                try system.truncate("D/x", to: 1 << 32)
            }
            #expect(throws: HyperError("F is there already")) { try system.create("F") }
            #expect(throws: HyperError("d is there already")) { try system.makeDirectory("d") }
            #expect(throws: HyperError("D: there is no such file")) { try system.truncate("D", to: 0) }
            try system.write("F", at: 9, [])
            #expect(disk.bytes == before, "nothing of that has changed anything")
            #expect(try system.entry(at: "F/x") == nil)
            #expect(throws: HyperError("vda cannot be mounted as FAT: it is empty")) { try mount(TwinDisk([])) }
            // A clock that is before FAT's time, as one that has lost it.
            defer { WallClock.forget() }
            WallClock.set(1_000_000_000)
            try system.create("OLD")
            #expect(try DiskTools.output("mdir -i disk ::OLD", of: disk.bytes).contains("1980-01-01   0:00"))
        }

        @Test("Short names are told apart by numbers")
        func shortNames() throws {
            let disk = TwinDisk(try DiskTools.make(Self.kinds[0]))
            let system = try mount(disk)
            for number in 1...11 { try system.create("the same beginning \(number).text") }
            let names = try DiskTools.output("mdir -i disk :: | grep -o '^THE[^ ]* *TEX'", of: disk.bytes)
            #expect(
                names.split(separator: "\n").map { $0.filter { $0 != " " } }
                    == (1...9).map { "THESAM~\($0)TEX" } + ["THESA~10TEX", "THESA~11TEX"])
            try check(disk)
        }

        @Test("Whatever is done, in whatever order, the disk and a model of it are the same", arguments: [0, 1, 2])
        func model(_ kind: Int) throws {
            let disk = TwinDisk(try DiskTools.make(Self.kinds[kind]))
            let system = try mount(disk)
            var model: [String: [UInt8]] = [:]
            var generator = SeededGenerator(seed: UInt64(kind) + 10)
            let names = (0..<12).map {
                $0 % 3 == 0 ? "F\($0)" : $0 % 3 == 1 ? "A rather long name \($0)" : "folder/x\($0)"
            }
            try system.makeDirectory("folder")
            for step in 0..<400 {
                let name = names.randomElement(using: &generator)!
                let path = Text(Array(name.utf8))
                guard let old = model[name] else {
                    try system.create(path)
                    model[name] = []
                    continue
                }
                switch Int.random(in: 0..<8, using: &generator) {
                case 0:
                    try system.remove(path)
                    model[name] = nil
                case 1:
                    let size = Int.random(in: 0...20000, using: &generator)
                    try system.truncate(path, to: UInt64(size))
                    model[name] = Array(old.prefix(size)) + [UInt8](repeating: 0, count: max(0, size - old.count))
                default:
                    let start = Int.random(in: 0...old.count + 3000, using: &generator)
                    let bytes = (0..<Int.random(in: 1...6000, using: &generator)).map {
                        UInt8(truncatingIfNeeded: $0 ^ step)
                    }
                    try system.write(path, at: UInt64(start), bytes)
                    var new = old + [UInt8](repeating: 0, count: max(0, start + bytes.count - old.count))
                    new.replaceSubrange(start..<start + bytes.count, with: bytes)
                    model[name] = new
                }
                if step % 100 == 99 { try check(disk) }
            }
            let again = try mount(disk)
            for name in names {
                let path = Text(Array(name.utf8))
                guard let expected = model[name] else {
                    #expect(try again.entry(at: path) == nil)
                    continue
                }
                #expect(try again.contents(path) == expected, "\(name)")
            }
        }

        @Test("Whatever lies on a disk, reading and writing it end", arguments: [0, 1, 2])
        func fuzz(_ kind: Int) throws {
            let make = [
                "truncate -s 128K disk; mkfs.vfat -F 12 -s 1 disk", "truncate -s 2200K disk; mkfs.vfat -F 16 -s 1 disk",
                "truncate -s 33M disk; mkfs.vfat -F 32 -s 1 disk",
            ][kind]
            let original = try DiskTools.make(
                """
                \(make)
                seq 1 3000 >big; mcopy -i disk big ::; mmd -i disk ::sub ::sub/deeper
                mcopy -i disk big '::sub/a rather long name of a file'; mcopy -i disk big ::sub/deeper/x; rm big
                """)
            var generator = SeededGenerator(seed: UInt64(kind) + 20)
            let used = original.indices.filter {
                original[$0] != 0 && !(0x30..<0x3a ~= original[$0]) && original[$0] != 0x0a
            }
            let twin = TwinDisk(original)
            let disk = JournalDisk(twin.memory)
            var read = 0
            for _ in 0..<250 {
                defer { disk.restore() }
                for _ in 0..<Int.random(in: 1...8, using: &generator) {
                    let place = used.randomElement(using: &generator)! + Int.random(in: 0..<4, using: &generator)
                    let byte: UInt8 = [
                        0, 1, 2, 0x0f, 0x10, 0xe5, 0x7f, 0x80, 0xff, .random(in: 0...255, using: &generator),
                    ]
                    .randomElement(using: &generator)!
                    disk.set(min(place, original.count - 1), byte)
                }
                guard let system = try? FATFileSystem(BlockDevice(disk)) else { continue }
                read += system.visit()
                try? system.create("sub/another name that is long")
                try? system.write("sub/another name that is long", at: 2000, [UInt8](repeating: 1, count: 3000))
                try? system.truncate("big", to: 700)
                try? system.makeDirectory("sub/deeper/folder")
                try? system.remove("sub/a rather long name of a file")
            }
            #expect(read > 1 << 20, "most of them can be read nevertheless")
        }
    }
}

extension FileSystem {
    func write(_ path: Text, at offset: UInt64, _ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try write(path, at: offset, from: $0) }
    }
}
