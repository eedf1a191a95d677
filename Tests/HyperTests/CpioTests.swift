import TestSupport
import Testing

@testable import Hyper

/// An archive in memory.
private final class TwinArchive {
    private let memory: UnsafeMutableRawBufferPointer
    let system: CpioFileSystem

    init(_ bytes: [UInt8]) throws(HyperError) {
        memory = .allocate(byteCount: bytes.count, alignment: 4)
        memory.copyBytes(from: bytes)
        system = try CpioFileSystem(UnsafeRawBufferPointer(memory))
    }

    deinit { memory.deallocate() }
}

extension CoreTests {
    /// Archives of cpio(1), and headers by the byte as cpio(5) has them ("New ASCII Format").
    @Suite("Archives of initial files")
    struct CpioTests {
        private static let tree = """
            mkdir -p tree/sub/deeper tree/empty; cd tree; printf hello >small; seq 1 50000 >sub/big; : >nothing
            printf x >'sub/deeper/a name with spaces'; ln -s small link; mkfifo pipe
            """

        @Test("Files and directories of cpio's are read, and nothing else", .enabled(if: DiskTools.are("cpio")))
        func reading() throws {
            for format in ["newc", "crc"] {
                for names in ["find . | sort", "find * | sort -r"] {
                    let bytes = try DiskTools.make("\(Self.tree)\n\(names) | cpio -o -H \(format) >../disk")
                    let archive = try TwinArchive(bytes)
                    let system = archive.system
                    defer { withExtendedLifetime(archive) {} }
                    #expect(try system.names("") == ["empty/", "nothing", "small", "sub/"])
                    #expect(try system.names("sub") == ["big", "deeper/"])
                    #expect(try system.names("empty").isEmpty)
                    #expect(try system.contents("small") == Array("hello".utf8))
                    #expect(try system.contents("sub/big", by: 777) == sequence(50000))
                    #expect(try system.contents("sub/deeper/a name with spaces") == Array("x".utf8))
                    #expect(try system.contents("nothing").isEmpty)
                    #expect(system.entry(at: "sub/big")?.size == UInt64(sequence(50000).count))
                    #expect(system.entry(at: "")?.isDirectory == true && system.entry(at: "")?.name == "/")
                    #expect(system.entry(at: "sub/deeper")?.name == "deeper")
                    for path in ["link", "pipe", "sub/bi", "small/x", "other"] as [Text] {
                        #expect(system.entry(at: path) == nil, "\(path)")
                    }
                }
            }
        }

        @Test("Bytes behind the end of a file are none, and what is no file has none to read")
        func ends() throws {
            let archive = try TwinArchive(member("file", Array("12345".utf8)) + member("dir", mode: 0o040755) + trailer)
            let system = archive.system
            defer { withExtendedLifetime(archive) {} }
            var buffer = [UInt8](repeating: 0xee, count: 8)
            func read(_ path: Text, _ offset: UInt64) throws -> Int {
                try buffer.withUnsafeMutableBytes { try system.read(path, at: offset, into: $0) }
            }
            #expect(try read("file", 3) == 2)
            #expect(buffer == [0x34, 0x35] + .init(repeating: 0xee, count: 6))
            #expect(try read("file", 5) == 0)
            #expect(try read("file", .max) == 0)
            #expect(try system.read("file", at: 0, into: UnsafeMutableRawBufferPointer(start: nil, count: 0)) == 0)
            for path in ["dir", "nothing", ""] as [Text] {
                #expect(throws: HyperError("\(path): there is no such file")) { _ = try read(path, 0) }
            }
            #expect(system.isReadOnly && system.label.isEmpty)
            #expect(try system.freeBytes() == nil)
        }

        // MARK: Archives by the byte

        /// A member: a header of numbers in hexadecimal, the name with its end, and the contents, both padded to four bytes.
        private func member(
            _ name: String, _ contents: [UInt8] = [], mode: UInt32 = 0o100644, magic: String = "070701",
            nameSize: UInt32? = nil, fileSize: UInt32? = nil
        ) -> [UInt8] {
            let fields: [UInt32] = [
                1, mode, 0, 0, 1, 0, fileSize ?? UInt32(contents.count), 0, 0, 0, 0,
                nameSize ?? UInt32(name.utf8.count + 1), 0,
            ]
            var bytes = Array(magic.utf8)
            for field in fields {
                let digits = String(field, radix: 16)
                bytes += Array((String(repeating: "0", count: 8 - digits.count) + digits).utf8)
            }
            bytes += Array(name.utf8) + [0]
            bytes += [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4) + contents
            return bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
        }
        private var trailer: [UInt8] { member("TRAILER!!!", mode: 0) }

        private func refusal(_ bytes: [UInt8]) -> String {
            message { () throws(HyperError) in _ = try TwinArchive(bytes) } ?? "no error"
        }

        @Test("What is no archive, or ends before it does, is refused with the place")
        func refusals() {
            let good = member("file", Array("12345".utf8))
            #expect(refusal(good + trailer) == "no error")
            #expect(refusal(trailer) == "no error")
            #expect(refusal([]).contains("no header at byte 0"))
            #expect(refusal(member("file", magic: "070707") + trailer).contains("no header at byte 0"))
            #expect(refusal(member("file", magic: "070703") + trailer).contains("no header at byte 0"))
            #expect(refusal(good).contains("no header at byte \(good.count)"), "without a trailer")
            #expect(refusal(Array((good + trailer).dropLast(20))).contains("no header at byte \(good.count)"))
            #expect(refusal(member("file", nameSize: 0) + trailer).contains("the name at byte 110"))
            #expect(refusal(member("file", nameSize: .max) + trailer).contains("the name at byte 110"))
            #expect(refusal(member("file", [1], fileSize: .max) + trailer).contains("file goes beyond the end"))
            #expect(refusal(member("file", [1], fileSize: 500) + trailer).contains("file goes beyond the end"))
            var damaged = good + trailer
            damaged[6 + 8 * 6] = UInt8(ascii: "g")
            #expect(refusal(damaged).contains("no header at byte 0"), "a size that is no number")
        }

        @Test("A path has no way out of the archive, and the last one of a name is the one that there is")
        func paths() throws {
            let bytes =
                member("../../etc//./hosts", [1]) + member("twice", [2]) + member("/twice", [3, 4])
                + member(".", mode: 0o040755)
                + member("..", [5]) + trailer
            let archive = try TwinArchive(bytes)
            let system = archive.system
            defer { withExtendedLifetime(archive) {} }
            #expect(try system.names("") == ["etc/", "twice"])
            #expect(try system.names("etc") == ["hosts"])
            #expect(system.entry(at: "etc")?.isDirectory == true, "a directory that has no member of its own")
            #expect(try system.contents("twice") == [3, 4])
        }

        @Test("Damaged archives are refused or read, and nothing is read outside of them")
        func fuzzing() throws {
            let corpus = [
                member("a", [1, 2, 3]) + member("dir", mode: 0o040755) + member("dir/b", [4]) + trailer,
                member("one/two/three", [UInt8](repeating: 7, count: 99)) + trailer,
            ]
            fuzz("cpio archives", cases: 20_000, corpus: corpus) { bytes, _ in
                guard let archive = try? TwinArchive(bytes) else { return }
                let system = archive.system
                defer { withExtendedLifetime(archive) {} }
                var paths: [Text] = [""]
                while let path = paths.popLast(), paths.count < 100 {
                    for entry in system.entries(in: path) {
                        let inner: Text = path.isEmpty ? entry.name : "\(path)/\(entry.name)"
                        if entry.isDirectory {
                            if inner.count < 64 { paths.append(inner) }
                        } else {
                            let contents = try system.contents(inner)
                            try require(contents.count == Int(entry.size), "a file is not as long as it says")
                        }
                    }
                }
            }
        }
    }
}
