/// The threads that are ready on a CPU, by priority.
struct RunQueue: ~Copyable {
    /// By priority. In memory of its own: to look into an array within, the compiler copies all of it.
    private let lists: UnsafeMutablePointer<ThreadList>
    /// A bit for each priority that somebody has.
    private var present: UInt32 = 0
    private(set) var count = 0

    init() {
        let priorities = Thread.highestPriority + 1
        lists = .allocate(capacity: priorities)
        lists.initialize(repeating: ThreadList(), count: priorities)
    }

    deinit { lists.deallocate() }

    var highestPriority: Int? { present == 0 ? nil : 31 - present.leadingZeroBitCount }

    func hasOthers(of priority: Int) -> Bool { present & 1 << UInt32(priority) != 0 }

    /// Behind the others of its priority.
    mutating func append(_ thread: ThreadReference) {
        let priority = thread.pointee.priority
        lists[priority].append(thread)
        present |= 1 << UInt32(priority)
        count += 1
    }

    /// Before the others of its priority: its turn is not over.
    mutating func prepend(_ thread: ThreadReference) {
        let priority = thread.pointee.priority
        lists[priority].prepend(thread)
        present |= 1 << UInt32(priority)
        count += 1
    }

    mutating func remove(_ thread: ThreadReference) {
        let priority = thread.pointee.priority
        lists[priority].remove(thread)
        if lists[priority].isEmpty { present &= ~(1 << UInt32(priority)) }
        count -= 1
    }

    /// Takes a thread out of the queue, and puts another one of its priority in its place.
    mutating func replace(_ thread: ThreadReference, with other: ThreadReference) {
        lists[thread.pointee.priority].replace(thread, with: other)
    }

    var first: ThreadReference? { highestPriority.flatMap { lists[$0].first } }

    /// The first, of the most important ones, that is wanted.
    func first(where isWanted: (ThreadReference) -> Bool) -> ThreadReference? {
        for priority in stride(from: Thread.highestPriority, through: 0, by: -1) {
            var thread = lists[priority].first
            while let candidate = thread {
                if isWanted(candidate) { return candidate }
                thread = lists[priority].next(after: candidate)
            }
        }
        return nil
    }

    mutating func popHighest() -> ThreadReference? {
        guard let priority = highestPriority, let thread = lists[priority].first else { return nil }
        remove(thread)
        return thread
    }
}
