/// A tree of files.
public protocol FileSystem: AnyObject {
    /// What is at the path; nil where nothing is.
    func entry(at path: Text) throws(HyperError) -> FileEntry?
    /// What is in the directory, by name.
    func entries(in path: Text) throws(HyperError) -> [FileEntry]
    /// Bytes of a file from `offset` on, as many as `target` has room for and the file has; how many.
    func read(_ path: Text, at offset: UInt64, into target: UnsafeMutableRawBufferPointer) throws(HyperError) -> Int
}

public struct FileEntry: Sendable {
    public let name: Text
    public let isDirectory: Bool
    /// Bytes.
    public let size: UInt64

    public init(name: Text, isDirectory: Bool, size: UInt64) {
        self.name = name
        self.isDirectory = isDirectory
        self.size = size
    }
}

/// The file systems that are mounted, as one tree.
public enum VirtualFileSystem {
    public struct Mount {
        /// `/`, or a path without a slash at its end.
        public let path: Text
        public let kind: Text
        public let system: any FileSystem
    }

    // SAFETY: changed and read by threads that hold `lock`.
    nonisolated(unsafe) private static var table: [Mount] = []
    private static let lock = SpinLock()

    public static var mounts: [Mount] { lock.withLock { table } }

    public static func mount(_ system: any FileSystem, kind: Text, at path: Text) throws(HyperError) {
        let path = normalised(path)
        guard !mounts.contains(where: { $0.path == path }) else {
            throw HyperError("\(path) has a file system already: unmount it first")
        }
        lock.withLock { table.append(Mount(path: path, kind: kind, system: system)) }
    }

    public static func unmount(_ path: Text) throws(HyperError) {
        let path = normalised(path)
        guard mounts.contains(where: { $0.path == path }) else {
            throw HyperError("no file system is mounted at \(path)")
        }
        lock.withLock { table.removeAll { $0.path == path } }
    }

    public static func entry(at path: Text) throws(HyperError) -> FileEntry {
        let (system, rest) = try place(path)
        guard let entry = try system.entry(at: rest) else { throw HyperError("\(path): there is no such file") }
        return entry
    }

    public static func entries(in path: Text) throws(HyperError) -> [FileEntry] {
        guard try entry(at: path).isDirectory else { throw HyperError("\(path) is a file, not a directory") }
        let (system, rest) = try place(path)
        return try system.entries(in: rest)
    }

    public static func read(
        _ path: Text, at offset: UInt64 = 0, into target: UnsafeMutableRawBufferPointer
    ) throws(HyperError) -> Int {
        let (system, rest) = try place(path)
        return try system.read(rest, at: offset, into: target)
    }

    /// All of a file.
    public static func contents(of path: Text, limit: Int = 1 << 20) throws(HyperError) -> [UInt8] {
        let file = try entry(at: path)
        guard !file.isDirectory else { throw HyperError("\(path) is a directory") }
        guard file.size <= UInt64(limit) else {
            throw HyperError("\(path) has \(file.size) bytes, and \(limit) are the most here")
        }
        var bytes = [UInt8](repeating: 0, count: Int(file.size))
        let count = try bytes.withBuffer { buffer throws(HyperError) in try read(path, into: buffer) }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// The file system that has the path, and the path there: without a slash at its beginning, empty for the root.
    private static func place(_ path: Text) throws(HyperError) -> (any FileSystem, Text) {
        let path = normalised(path)
        var best: Mount?
        for mount in mounts where path.hasPrefix(mount.path) && mount.path.count > (best?.path.count ?? 0) {
            let isWhole =
                mount.path.count == 1 || path.count == mount.path.count || path.bytes[mount.path.count] == 0x2f
            if isWhole { best = mount }
        }
        guard let best else { throw HyperError("no file system is mounted that has \(path): mount one") }
        var rest = path.bytes[best.path.count...]
        if rest.first == 0x2f { rest = rest.dropFirst() }
        return (best.system, Text(rest))
    }

    /// From the root, without `.`, `..` or empty parts.
    static func normalised(_ path: Text) -> Text {
        var parts: [Text] = []
        for part in path.split({ $0 == 0x2f }) where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        guard !parts.isEmpty else { return "/" }
        var result = Text()
        for part in parts {
            result.append(UInt8(0x2f))
            result.append(part)
        }
        return result
    }
}
