import ISA

/// Which pages of memory have changed since a moment.
final class DirtyPages: ChangeObserver {
    /// Their physical addresses, divided by the size of a page.
    private(set) var numbers: Set<UInt64> = []

    override func willChange(page: Int, of region: PhysicalMemory.Region) {
        numbers.insert(region.base / PhysicalMemory.pageSize + UInt64(page))
    }

    /// Begins anew.
    func clear() { numbers.removeAll(keepingCapacity: true) }
}
