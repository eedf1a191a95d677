import Glibc
import ISA

/// Replacing what memory holds, page by page, in a machine that may have run.
///
/// Only what differs is written: what was decoded and translated of code that stays the same stays, too.
extension PhysicalMemory {
    private static let bytesOfPage = Int(pageSize)

    /// Makes a page of a region what `content`, of a page's size, is.
    func replace(page: Int, of region: Region, by content: UnsafeRawPointer) {
        let target = region.host + page * Self.bytesOfPage
        guard memcmp(target, content, Self.bytesOfPage) != 0 else { return }
        let address = region.base + UInt64(page) * Self.pageSize
        willChange(address, count: Self.pageSize)
        let granule = Int(Self.granule)
        for offset in stride(from: 0, to: Self.bytesOfPage, by: granule)
        where memcmp(target + offset, content + offset, granule) != 0 {
            (target + offset).copyMemory(from: content + offset, byteCount: granule)
            noteEdit(address + UInt64(offset), count: Self.granule)
        }
    }

    /// Makes all bytes of a page zero.
    func clear(page: Int, of region: Region) {
        guard !isZero(page: page, of: region) else { return }
        let target = region.host + page * Self.bytesOfPage
        let address = region.base + UInt64(page) * Self.pageSize
        willChange(address, count: Self.pageSize)
        memset(target, 0, Self.bytesOfPage)
        noteEdit(address, count: Self.pageSize)
    }

    /// Whether a page has no byte that is not zero.
    func isZero(page: Int, of region: Region) -> Bool {
        Self.isZero(UnsafeRawBufferPointer(start: region.host + page * Self.bytesOfPage, count: Self.bytesOfPage))
    }

    /// Whether at least 8 bytes are all zero: the first ones are, and all are like those before them.
    static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let start = bytes.baseAddress, bytes.count >= 8 else { return bytes.allSatisfy { $0 == 0 } }
        return start.loadUnaligned(as: UInt64.self) == 0 && memcmp(start, start + 8, bytes.count - 8) == 0
    }

    /// Calls `body` with the number of each page of the region that is not all zero, in order.
    func forEachUsedPage<Failure>(of region: Region, _ body: (Int) throws(Failure) -> Void) throws(Failure) {
        let pages = Int(region.size / Self.pageSize)
        // Most of memory was never used: it is passed over in large pieces.
        let piece = 256
        for start in stride(from: 0, to: pages, by: piece) {
            let end = min(start + piece, pages)
            // SAFETY: the pages from `start` to `end` are the region's.
            let bytes = UnsafeRawBufferPointer(
                start: region.host + start * Self.bytesOfPage, count: (end - start) * Self.bytesOfPage)
            if Self.isZero(bytes) { continue }
            for page in start..<end where !isZero(page: page, of: region) { try body(page) }
        }
    }
}
