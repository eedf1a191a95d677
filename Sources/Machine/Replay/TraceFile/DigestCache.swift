import Glibc

/// Digests of files that were read before: an image is digested once, and not for every run that is recorded.
///
/// A file is the one that it was as long as its place on the disk, its size and both its times are: of these the time of
/// its last change of status is nobody's to set. What changed within the last seconds is not kept, since it could change again
/// within one tick of the file system's clock.
public struct DigestCache: Sendable {
    private let path: String
    /// At so many bytes it begins anew.
    private static let limit = 1 << 19
    private static let settlingTime = 3

    /// - Parameter path: of the file that keeps them; what is wrong with it costs time and nothing else.
    public init(_ path: String) { self.path = path }

    /// What a file is known by.
    struct Key: Equatable {
        let text: String
        let size: UInt64
        /// It has been as it is for a while.
        let isSettled: Bool

        /// Of an open file; nil where it is none that stays as it is.
        init?(_ descriptor: Int32) {
            var status = stat()
            guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
            size = UInt64(max(status.st_size, 0))
            let (written, changed) = (status.st_mtim, status.st_ctim)
            text =
                "\(status.st_dev) \(status.st_ino) \(status.st_size) \(written.tv_sec).\(written.tv_nsec) "
                + "\(changed.tv_sec).\(changed.tv_nsec)"
            let latest = max(written.tv_sec, changed.tv_sec)
            isSettled = time(nil) - latest >= DigestCache.settlingTime && latest >= 0
        }
    }

    /// The digest of the file of that key, where it is known.
    func digest(of key: Key) -> SHA256Digest? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: Self.limit + 4096)
        let count = read(descriptor, &bytes, bytes.count)
        guard count > 0 else { return nil }
        let wanted = Array(key.text.utf8) + [0x3a]
        for line in bytes[..<count].split(separator: 0x0a).reversed() where line.starts(with: wanted) {
            let digits = line.dropFirst(wanted.count)
            guard digits.count == 2 * SHA256Digest.size else { continue }
            var digest: [UInt8] = []
            for start in stride(from: digits.startIndex, to: digits.endIndex, by: 2) {
                guard let byte = UInt8(String(decoding: digits[start..<start + 2], as: UTF8.self), radix: 16) else {
                    break
                }
                digest.append(byte)
            }
            if digest.count == SHA256Digest.size { return SHA256Digest(bytes: digest) }
        }
        return nil
    }

    func keep(_ digest: SHA256Digest, of key: Key) {
        guard key.isSettled else { return }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        if lseek(descriptor, 0, SEEK_END) > off_t(Self.limit) { _ = ftruncate(descriptor, 0) }
        // A line at once: several processes may add theirs.
        let line = Array("\(key.text):\(digest)\n".utf8)
        _ = write(descriptor, line, line.count)
    }
}
