import ISA

/// What memory held at some moments of a run, the *marks*, so that it can be put back to any of them.
///
/// It keeps what pages held at a mark that changed before the next one, and nothing else. What a page held at a mark is
/// found in the first of the marks from that one on that keeps it; where none does, it has not changed since.
///
/// A machine that was put back runs the same way again, so that what was kept of the marks after that stays true. Then memory
/// can be moved in both directions: the last mark is made where the machine was put back from, and keeps all that was
/// overwritten.
final class PageHistory: ChangeObserver {
    private let memory: PhysicalMemory
    /// For each mark, the pages that are kept.
    private var marks: [[Page: UnsafeMutableRawPointer]] = []
    /// The mark since which memory runs now.
    private(set) var current = 0
    private var isMoving = false
    /// Pages that were given back.
    private var free: [UnsafeMutableRawPointer] = []
    /// Bytes of all pages that are kept.
    var size: Int { marks.reduce(0) { $0 + $1.count } * Self.pageSize }

    private static let pageSize = Int(PhysicalMemory.pageSize)

    /// A page of a region, by their numbers.
    struct Page: Hashable {
        let region: UInt32
        let number: UInt32
    }

    /// Makes the first mark.
    init(_ memory: PhysicalMemory) {
        self.memory = memory
        super.init()
        marks.append([:])
        memory.observeChanges(self)
    }

    deinit {
        for mark in marks { for page in mark.values { page.deallocate() } }
        for page in free { page.deallocate() }
    }

    /// Forgets all marks, and makes the first one.
    func begin() {
        for mark in marks { free += mark.values }
        (marks, current) = ([[:]], 0)
        memory.observeChanges(self)
    }

    /// Has memory go its own way again. The history is of no use then.
    func end() { memory.endObserving(self) }

    var count: Int { marks.count }

    /// Makes a mark of what memory holds now. There may be none after the current one.
    func mark() {
        precondition(current == marks.count - 1)
        marks.append([:])
        current += 1
        memory.observeChanges(self)
    }

    /// Makes a mark of what memory holds now, between the current one and the next.
    func insert() {
        marks.insert([:], at: current + 1)
        current += 1
        // What changes from here to the next mark is among what changes from the one before.
        for page in marks[current - 1].keys { keep(page, memory.regions[Int(page.region)], in: current) }
        memory.observeChanges(self)
    }

    /// Says that memory holds what it held at the mark after the current one: it has run there again.
    func reachNext() {
        precondition(current + 1 < marks.count)
        current += 1
        memory.observeChanges(self)
    }

    override func willChange(page: Int, of region: PhysicalMemory.Region) {
        // What is kept already is what is put back.
        guard !isMoving, let index = memory.regions.firstIndex(where: { $0.base == region.base }) else { return }
        keep(Page(region: UInt32(index), number: UInt32(page)), region, in: current)
    }

    private func keep(_ page: Page, _ region: PhysicalMemory.Region, in mark: Int) {
        guard marks[mark][page] == nil else { return }
        let copy = free.popLast() ?? .allocate(byteCount: Self.pageSize, alignment: 16)
        copy.copyMemory(from: region.host + Int(page.number) * Self.pageSize, byteCount: Self.pageSize)
        marks[mark][page] = copy
    }

    /// Puts memory back, or forth, to what it held at a mark.
    func move(to target: Int) {
        precondition(marks.indices.contains(target))
        isMoving = true
        defer { isMoving = false }
        // What may differ: all that changed on the way, and where the way leads forth, what will have changed.
        let way = min(current, target)...max(current, target)
        var moved: Set<Page> = []
        for mark in way where mark != target || target <= current {
            for page in marks[mark].keys where moved.insert(page).inserted {
                if let content = content(of: page, at: target) { restore(page, content) }
            }
        }
        current = target
        memory.forgetTranslations()
        memory.observeChanges(self)
    }

    /// Keeps in the last mark, which is of what memory holds now, all that earlier marks keep: so that memory can be moved to
    /// it again.
    func holdLast() {
        precondition(current == marks.count - 1)
        for mark in marks.dropLast() {
            for page in mark.keys { keep(page, memory.regions[Int(page.region)], in: current) }
        }
    }

    /// Forgets the marks after the current one.
    func dropLater() {
        while marks.count > current + 1 { marks.removeLast().values.forEach { free.append($0) } }
    }

    /// Forgets one mark, which is not the first one, nor the current one.
    func drop(_ mark: Int) {
        precondition(mark > 0 && mark != current)
        let pages = marks.remove(at: mark)
        // What they held at the mark before is the same, where it keeps nothing else.
        for (page, content) in pages {
            if marks[mark - 1][page] == nil { marks[mark - 1][page] = content } else { free.append(content) }
        }
        if current > mark { current -= 1 }
    }

    private func content(of page: Page, at mark: Int) -> UnsafeMutableRawPointer? {
        for mark in mark..<marks.count { if let content = marks[mark][page] { return content } }
        return nil
    }

    /// Writes to memory what differs: code that is the same stays translated.
    private func restore(_ page: Page, _ content: UnsafeMutableRawPointer) {
        memory.replace(page: Int(page.number), of: memory.regions[Int(page.region)], by: content)
    }
}
