import Testing

@testable import Hyper

/// A file system of one file.
private final class OneFile: FileSystem {
    var bytes: [UInt8]?

    func entry(at path: Text) throws(HyperError) -> FileEntry? {
        if path.isEmpty { return FileEntry(name: "/", isDirectory: true, size: 0) }
        return bytes.map { FileEntry(name: path, isDirectory: false, size: UInt64($0.count)) }
    }
    func entries(in _: Text) throws(HyperError) -> [FileEntry] { [] }
    func read(_: Text, at _: UInt64, into _: UnsafeMutableRawBufferPointer) throws(HyperError) -> Int { 0 }

    var isReadOnly: Bool { false }
    func create(_: Text) throws(HyperError) { bytes = [] }
    func truncate(_: Text, to size: UInt64) throws(HyperError) { bytes = bytes.map { Array($0.prefix(Int(size))) } }
    func write(_: Text, at offset: UInt64, from source: UnsafeRawBufferPointer) throws(HyperError) {
        #expect(bytes.map { UInt64($0.count) } == offset)
        bytes? += source
    }
}

extension CoreTests {
    @Suite("Pictures in files")
    struct PNGFileTests {
        /// Of two pixels, 112233 and ff0080: made by Python's zlib, whose decompression gives them again.
        private static let expected = """
            89504e470d0a1a0a0000000d49484452000000020000000108020000007b40e8dd0000001249444154081d010700f8ff001122\
            33ff0080056001e6ff788a9f0000000049454e44ae426082
            """

        @Test("A picture is the PNG file that it is to be, also in place of a longer file")
        func picture() throws {
            Port.start()
            Pages.removeAll()
            Pages.keptForHeap = 0
            defer { Pages.keptForHeap = 32 }
            let memory = UnsafeMutableRawPointer.allocate(byteCount: 1 << 16, alignment: 1 << 16)
            Pages.add(start: UInt64(UInt(bitPattern: memory)), size: 1 << 16)
            let screen = try Screen(width: 2, height: 1)
            (screen.pixels[0], screen.pixels[1]) = (0x11_2233, 0xff_0080)
            let files = OneFile()
            try VirtualFileSystem.mount(files, kind: "one", at: "/pictures")
            for _ in 0..<2 {
                try PNGFile.write(screen, to: "/pictures/a.png")
                let digits = (files.bytes ?? []).map { byte in
                    String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
                }
                #expect(digits.joined() == Self.expected)
                files.bytes? += [1, 2, 3]
            }
            try VirtualFileSystem.unmount("/pictures")
        }
    }
}
