/// Told of the pages of memory that change.
open class ChangeObserver {
    public init() {}
    /// The page of that number in the region has been as it is since ``PhysicalMemory/observeChanges(_:)``, and is about to
    /// change.
    open func willChange(page: Int, of region: PhysicalMemory.Region) {}
}

/// Which pages change, and what they held before: so that memory can be put back, and only what has changed be kept.
///
/// A page that has not changed yet is *clean*. No TLB writes to a clean page, so that the first write to each comes to a slow
/// path and from there here, and all that follow cost nothing. Whatever else changes memory, devices and loaders, comes here
/// as well before it does.
extension PhysicalMemory {
    /// Has `observer` told of each page before it changes for the first time from now on. Where there are several, each is
    /// also told of pages that it has been told of, since one of the others wants to know of them anew.
    public func observeChanges(_ observer: ChangeObserver) {
        if !changeObservers.contains(where: { $0 === observer }) { changeObservers.append(observer) }
        for region in regions {
            let pages = Int(region.size / Self.pageSize)
            region.isClean.update(repeating: true, count: pages)
            region.isWritten.update(repeating: false, count: pages)
        }
        forEachObserver { $0.allWritesAreWatched() }
    }

    /// Tells `observer` no more.
    public func endObserving(_ observer: ChangeObserver) {
        changeObservers.removeAll { $0 === observer }
        guard changeObservers.isEmpty else { return }
        for region in regions { region.isClean.update(repeating: false, count: Int(region.size / Self.pageSize)) }
    }

    /// Has to be called before the page of that number changes.
    @inline(__always)
    func willChange(page: Int, of region: Region) {
        if region.isClean[page] { loseCleanness(page, region) }
    }

    @inline(never)
    private func loseCleanness(_ page: Int, _ region: Region) {
        region.isClean[page] = false
        for observer in changeObservers { observer.willChange(page: page, of: region) }
    }

    /// Notes that some TLB will let the page be written to from now on.
    package func willBeWrittenUnseen(page: Int, of region: Region) {
        willChange(page: page, of: region)
        region.isWritten[page] = true
    }

    /// Has to be called before `count` bytes at `address` change, by whoever has their host address. No part of them needs
    /// to be memory.
    public func willChange(_ address: UInt64, count: UInt64) {
        guard !changeObservers.isEmpty, count > 0 else { return }
        for region in regions where address < region.base + region.size && region.base < address + count {
            let first = max(address, region.base) - region.base
            let last = min(address + count, region.base + region.size) - 1 - region.base
            for page in first / Self.pageSize...last / Self.pageSize { willChange(page: Int(page), of: region) }
        }
    }
}
