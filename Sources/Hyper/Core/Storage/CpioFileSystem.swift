/// A cpio archive in memory, in the "new ASCII" format (cpio(5)): what a loader has put there.
public final class CpioFileSystem: FileSystem {
    private struct Member {
        let path: Text
        let isDirectory: Bool
        let contents: Range<Int>
    }

    private let bytes: UnsafeRawBufferPointer
    private var members: [Member] = []

    /// - Parameter bytes: stay where they are for as long as the file system does.
    public init(_ bytes: UnsafeRawBufferPointer) throws(HyperError) {
        self.bytes = bytes
        var offset = 0
        while true {
            guard let header = Header(bytes, at: offset) else {
                throw HyperError("cpio archive: no header at byte \(offset): is it in the format newc?")
            }
            let nameStart = offset + Header.size
            guard header.nameSize > 0, header.nameSize <= bytes.count - nameStart else {
                throw HyperError("cpio archive: the name at byte \(nameStart) goes beyond the end")
            }
            let name = Text(Array(bytes[nameStart..<nameStart + header.nameSize - 1]))
            if name == "TRAILER!!!" { return }
            let start = (nameStart + header.nameSize + 3) & ~3
            guard start <= bytes.count, header.fileSize <= bytes.count - start else {
                throw HyperError("cpio archive: \(name) goes beyond the end")
            }
            add(name, header, start..<start + header.fileSize)
            offset = (start + header.fileSize + 3) & ~3
        }
    }

    private func add(_ name: Text, _ header: Header, _ contents: Range<Int>) {
        let directory: UInt64 = 0o040000, regular: UInt64 = 0o100000, kinds: UInt64 = 0o170000
        var path = VirtualFileSystem.normalised(name)
        path.bytes.removeFirst()
        guard !path.isEmpty, header.mode & kinds == directory || header.mode & kinds == regular else { return }
        members.append(Member(path: path, isDirectory: header.mode & kinds == directory, contents: contents))
    }

    private struct Header {
        static let size = 110
        let mode: UInt64
        let fileSize: Int
        let nameSize: Int

        init?(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
            guard offset <= bytes.count - Self.size, matches(bytes, offset, 5, "07070"),
                bytes[offset + 5] == 0x31 || bytes[offset + 5] == 0x32
            else { return nil }
            func field(_ number: Int) -> UInt64? {
                Text([0x30, 0x78] + Array(bytes[offset + 6 + 8 * number..<offset + 14 + 8 * number])).number
            }
            guard let mode = field(1), let fileSize = field(6), let nameSize = field(11) else { return nil }
            self.mode = mode
            self.fileSize = Int(fileSize)
            self.nameSize = Int(nameSize)
        }
    }

    private func member(_ path: Text) -> Member? { members.last { $0.path == path } }

    public func entry(at path: Text) -> FileEntry? {
        if let member = member(path) {
            return FileEntry(
                name: Self.name(path), isDirectory: member.isDirectory, size: UInt64(member.contents.count))
        }
        // A directory without a member of its own, or the root.
        let isParent = path.isEmpty || members.contains { $0.path.hasPrefix("\(path)/") }
        return isParent ? FileEntry(name: Self.name(path), isDirectory: true, size: 0) : nil
    }

    private static func name(_ path: Text) -> Text { path.split(0x2f).last ?? "/" }

    public func entries(in path: Text) -> [FileEntry] {
        let prefix: Text = path.isEmpty ? "" : "\(path)/"
        var names: [Text] = []
        for member in members where member.path.count > prefix.count && member.path.hasPrefix(prefix) {
            let rest = member.path.bytes[prefix.count...]
            let name = Text(rest.prefix { $0 != 0x2f })
            if !names.contains(name) { names.append(name) }
        }
        return names.ordered { $0.precedes($1) }.compactMap { entry(at: "\(prefix)\($0)") }
    }

    public func read(_ path: Text, at offset: UInt64, into target: UnsafeMutableRawBufferPointer) throws(HyperError)
        -> Int
    {
        guard let member = member(path), !member.isDirectory else { throw HyperError("\(path): there is no such file") }
        guard offset < UInt64(member.contents.count) else { return 0 }
        let start = member.contents.lowerBound + Int(offset)
        let count = min(target.count, member.contents.upperBound - start)
        guard count > 0, let destination = target.baseAddress, let source = bytes.baseAddress else { return 0 }
        destination.copyMemory(from: source + start, byteCount: count)
        return count
    }
}
