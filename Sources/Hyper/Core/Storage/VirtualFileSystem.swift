/// The file systems that are mounted, as one tree. Each is used by one thread at a time.
public enum VirtualFileSystem {
    public struct Mount {
        /// `/`, or a path without a slash at its end.
        public let path: Text
        public let kind: Text
        public let system: any FileSystem
        /// The disk that it is on.
        public let disk: (any VirtualDisk)?
        fileprivate let mutex = Mutex()
    }

    // SAFETY: changed and read by threads that hold `lock`.
    nonisolated(unsafe) private static var table: [Mount] = []
    /// Files that somebody has open.
    nonisolated(unsafe) private static var open: [Text] = []
    private static let lock = SpinLock()

    public static var mounts: [Mount] { lock.withLock { table } }

    // MARK: Mounting

    public static func mount(
        _ system: any FileSystem, kind: Text, at path: Text, on disk: (any VirtualDisk)? = nil
    ) throws(HyperError) {
        let path = normalised(path)
        guard !mounts.contains(where: { $0.path == path }) else {
            throw HyperError("\(path) has a file system already: unmount it first")
        }
        if let disk { try DiskUses.take(disk, for: path, writes: !system.isReadOnly) }
        lock.withLock { table.append(Mount(path: path, kind: kind, system: system, disk: disk)) }
    }

    /// Mounts whatever file system the disk has.
    public static func mount(_ disk: any VirtualDisk, at path: Text) throws(HyperError) {
        let (system, kind) = try system(of: BlockDevice(disk))
        try mount(system, kind: kind, at: path, on: disk)
    }

    private static func system(of device: BlockDevice) throws(HyperError) -> (any FileSystem, kind: Text) {
        var reasons = Text()
        if Configuration.FILE_SYSTEM_FAT {
            do throws(HyperError) {
                return (try FATFileSystem(device), "fat")
            } catch {
                reasons.append(error.message)
            }
        }
        if Configuration.FILE_SYSTEM_EXT4 {
            do throws(HyperError) {
                return (try Ext4FileSystem(device), "ext4")
            } catch {
                reasons.append("\(reasons.isEmpty ? "" : "; " as Text)\(error.message)")
            }
        }
        guard !reasons.isEmpty else {
            throw HyperError(
                "this build has no file system of disks: configure it with FILE_SYSTEM_FAT or FILE_SYSTEM_EXT4")
        }
        throw HyperError(reasons)
    }

    public static func unmount(_ path: Text) throws(HyperError) {
        let path = normalised(path)
        guard let mount = mounts.first(where: { $0.path == path }) else {
            throw HyperError("no file system is mounted at \(path)")
        }
        for file in lock.withLock({ open }) where try place(file).mount.path == path {
            throw HyperError("\(file) is in use, as a disk: remove the disk first")
        }
        // Whoever uses it now ends before.
        mount.mutex.withLock { lock.withLock { table.removeAll { $0.path == path } } }
        if let disk = mount.disk { DiskUses.giveBack(disk, from: path) }
    }

    /// The file stays where it is for as long as it is kept: its file system is not unmounted, and nobody removes it.
    static func keep(_ path: Text) throws(HyperError) {
        let path = normalised(path)
        _ = try entry(at: path)
        lock.withLock { open.append(path) }
    }

    static func release(_ path: Text) {
        let path = normalised(path)
        lock.withLock { if let index = open.firstIndex(of: path) { open.remove(at: index) } }
    }

    /// The disk that has the file.
    static func disk(of path: Text) throws(HyperError) -> (any VirtualDisk)? { try place(path).mount.disk }

    // MARK: Reading

    public static func entry(at path: Text) throws(HyperError) -> FileEntry {
        let found = try with(path) { (system, rest) throws(HyperError) in try system.entry(at: rest) }
        guard let found else { throw HyperError("\(path): there is no such file") }
        return found
    }

    public static func entries(in path: Text) throws(HyperError) -> [FileEntry] {
        guard try entry(at: path).isDirectory else { throw HyperError("\(path) is a file, not a directory") }
        return try with(path) { (system, rest) throws(HyperError) in try system.entries(in: rest) }
    }

    /// Paths that begin as the typed one does, from the root on; those of directories end in a slash.
    static func completions(of typed: Text) -> [Text] {
        let end = typed.bytes.lastIndex(of: 0x2f) ?? -1
        let parent: Text = end < 0 ? "/" : Text(typed.bytes[...end])
        // A directory that is not there, or cannot be read, has nothing to offer.
        var paths = ((try? entries(in: parent)) ?? []).map {
            "\(parent)\($0.name)\($0.isDirectory ? "/" : "" as Text)" as Text
        }
        // Where a file system is mounted, the one below need have nothing.
        for mount in mounts where mount.path != "/" { paths.append("\(mount.path)/") }
        return paths.filter { $0.hasPrefix(typed) && $0 != typed }
    }

    public static func read(
        _ path: Text, at offset: UInt64 = 0, into target: UnsafeMutableRawBufferPointer
    ) throws(HyperError) -> Int {
        try with(path) { (system, rest) throws(HyperError) in try system.read(rest, at: offset, into: target) }
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

    // MARK: Writing

    public static func create(_ path: Text) throws(HyperError) {
        try with(path) { (system, rest) throws(HyperError) in try system.create(rest) }
    }

    public static func write(
        _ path: Text, at offset: UInt64, from source: UnsafeRawBufferPointer
    ) throws(HyperError) {
        try with(path) { (system, rest) throws(HyperError) in try system.write(rest, at: offset, from: source) }
    }

    public static func truncate(_ path: Text, to size: UInt64) throws(HyperError) {
        try check(path)
        try with(path) { (system, rest) throws(HyperError) in try system.truncate(rest, to: size) }
    }

    public static func makeDirectory(_ path: Text) throws(HyperError) {
        try with(path) { (system, rest) throws(HyperError) in try system.makeDirectory(rest) }
    }

    public static func remove(_ path: Text) throws(HyperError) {
        try check(path)
        try with(path) { (system, rest) throws(HyperError) in try system.remove(rest) }
    }

    /// Copies a file over another one, or to where none is.
    public static func copy(_ source: Text, to target: Text) throws(HyperError) -> UInt64 {
        guard normalised(source) != normalised(target) else { throw HyperError("\(source) is the file itself") }
        guard try !entry(at: source).isDirectory else { throw HyperError("\(source) is a directory: copy its files") }
        let exists = try with(target) { (system, rest) throws(HyperError) in try system.entry(at: rest) } != nil
        if exists { try truncate(target, to: 0) } else { try create(target) }
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        var offset: UInt64 = 0
        while true {
            let count = try piece.withBuffer { buffer throws(HyperError) in
                let count = try read(source, at: offset, into: buffer)
                if count > 0 {
                    try write(target, at: offset, from: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                }
                return count
            }
            guard count > 0 else { return offset }
            offset += UInt64(count)
        }
    }

    private static func check(_ path: Text) throws(HyperError) {
        let path = normalised(path)
        guard !lock.withLock({ open }).contains(path) else {
            throw HyperError("\(path) is in use, as a disk: remove the disk first")
        }
    }

    // MARK: Paths

    /// - Parameter body: is given the file system that has the path, and the path there.
    private static func with<Result>(
        _ path: Text, _ body: (any FileSystem, Text) throws(HyperError) -> Result
    ) throws(HyperError) -> Result {
        let (mount, rest) = try place(path)
        return try mount.mutex.withLock { () throws(HyperError) in try body(mount.system, rest) }
    }

    /// Where the path is, and the path there: without a slash at its beginning, empty for the root.
    private static func place(_ path: Text) throws(HyperError) -> (mount: Mount, rest: Text) {
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
        return (best, Text(rest))
    }

    /// From the root, without `.`, `..` or empty parts.
    static func normalised(_ path: Text) -> Text {
        var parts: [Text] = []
        for part in path.split(0x2f) where part != "." {
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
