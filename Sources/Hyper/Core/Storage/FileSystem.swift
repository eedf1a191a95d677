/// A tree of files.
public protocol FileSystem: AnyObject {
    /// What is at the path; nil where nothing is.
    func entry(at path: Text) throws(HyperError) -> FileEntry?
    /// What is in the directory, by name.
    func entries(in path: Text) throws(HyperError) -> [FileEntry]
    /// Bytes of a file from `offset` on, as many as `target` has room for and the file has; how many.
    func read(_ path: Text, at offset: UInt64, into target: UnsafeMutableRawBufferPointer) throws(HyperError) -> Int

    /// What it is called by whoever made it.
    var label: Text { get }
    /// Bytes that are left for files; nil where none can be written.
    func freeBytes() throws(HyperError) -> UInt64?

    // MARK: Writing, for those that can; when one of these returns, all of it is on the disk.

    var isReadOnly: Bool { get }
    /// Makes an empty file where nothing is.
    func create(_ path: Text) throws(HyperError)
    /// Writes into a file; what lies between its end and `offset` becomes zeros.
    func write(_ path: Text, at offset: UInt64, from source: UnsafeRawBufferPointer) throws(HyperError)
    func truncate(_ path: Text, to size: UInt64) throws(HyperError)
    func makeDirectory(_ path: Text) throws(HyperError)
    /// Takes a file away, or a directory in which nothing is.
    func remove(_ path: Text) throws(HyperError)
}

extension FileSystem {
    public var label: Text { Text() }
    public func freeBytes() throws(HyperError) -> UInt64? { nil }
    public var isReadOnly: Bool { true }

    private func refusal(_ path: Text) -> HyperError {
        HyperError("\(path): its file system is for reading alone: copy it to one of FAT, and write there")
    }

    public func create(_ path: Text) throws(HyperError) { throw refusal(path) }
    public func write(_ path: Text, at _: UInt64, from _: UnsafeRawBufferPointer) throws(HyperError) {
        throw refusal(path)
    }
    public func truncate(_ path: Text, to _: UInt64) throws(HyperError) { throw refusal(path) }
    public func makeDirectory(_ path: Text) throws(HyperError) { throw refusal(path) }
    public func remove(_ path: Text) throws(HyperError) { throw refusal(path) }
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
