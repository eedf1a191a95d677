import Glibc
import ISA

/// What the memory of a machine holds at one place of its run, once for any number of machines that go on from there.
///
/// Each of them has it mapped copy-on-write, and so has pages of its own only where it has written.
final class SharedMemory {
    private let file: AnonymousFile
    private let base: UnsafeMutableRawPointer
    private let size: Int
    /// Where the regions of memory begin in it.
    private var offsets: [Int] = []

    /// Copies what memory holds now.
    /// - Returns: nil where the host has no room; errno says why.
    init?(_ memory: PhysicalMemory) {
        var size = 0
        for region in memory.regions {
            offsets.append(size)
            size += Int(region.size)
        }
        guard let file = AnonymousFile("orrery memory"), ftruncate(file.descriptor, off_t(size)) == 0,
            let base = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor, 0), base != MAP_FAILED
        else { return nil }
        (self.file, self.base, self.size) = (file, base, size)
        let page = Int(PhysicalMemory.pageSize)
        for (region, offset) in zip(memory.regions, offsets) {
            memory.forEachUsedPage(of: region) { number in
                // SAFETY: the file has as many bytes as all regions together, one after the other.
                (base + offset + number * page).copyMemory(from: region.host + number * page, byteCount: page)
            }
        }
        // From here on it is what it is.
        mprotect(base, size, PROT_READ)
    }

    deinit { munmap(base, size) }

    /// What a page of the region at that place held.
    func content(_ page: Int, ofRegion index: Int) -> UnsafeRawPointer {
        UnsafeRawPointer(base + offsets[index] + page * Int(PhysicalMemory.pageSize))
    }

    /// Has all memory of another machine like the first be this, until it is written to. Nothing may have been decoded of it.
    /// - Returns: false where the host refuses; memory may be lost then.
    func map(into memory: PhysicalMemory) -> Bool {
        for (region, offset) in zip(memory.regions, offsets) {
            // SAFETY: the mapping takes the place of the region's own, which goes with the region as that would have.
            let place = mmap(
                region.host, Int(region.size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE,
                file.descriptor, off_t(offset))
            guard place == region.host else { return false }
        }
        return true
    }
}
