import ISA

/// Tells several observers of the pages of one memory that change: those who keep what pages held, and those who keep which
/// they are.
///
/// Memory knows one observer, and one note of each page. So whenever one of these wants to be told of all pages again, all
/// are, and are told again of pages that they know of.
final class PageChanges: ChangeObserver {
    private let memory: PhysicalMemory
    private var observers: [ChangeObserver] = []

    init(_ memory: PhysicalMemory) {
        self.memory = memory
    }

    /// Has `observer` told of each page before it changes for the first time from now on.
    func observe(_ observer: ChangeObserver) {
        if !observers.contains(where: { $0 === observer }) { observers.append(observer) }
        memory.observeChanges(self)
    }

    /// Tells it no more. Memory goes its own way when nobody is left.
    func leave(_ observer: ChangeObserver) {
        observers.removeAll { $0 === observer }
        if observers.isEmpty { memory.observeChanges(nil) }
    }

    override func willChange(page: Int, of region: PhysicalMemory.Region) {
        for observer in observers { observer.willChange(page: page, of: region) }
    }
}

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
