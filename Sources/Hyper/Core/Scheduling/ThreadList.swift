/// Threads in the order in which they came. Each has room for its place in two lists, which so need no memory of their own:
/// one of threads that are to run, and one of threads that wait for the same. It may be in both: a limit that has come
/// makes a thread ready that its wait queue still has.
struct ThreadList {
    enum Kind {
        case running, waiting
    }

    struct Neighbours {
        var next: ThreadReference?
        var previous: ThreadReference?
    }

    private(set) var first: ThreadReference?
    private var last: ThreadReference?
    private let kind: Kind

    init(_ kind: Kind = .running) { self.kind = kind }

    var isEmpty: Bool { first == nil }

    @inline(__always)
    private func neighbours(_ thread: ThreadReference) -> UnsafeMutablePointer<Neighbours> {
        // SAFETY: a thread stays where it is, and leaves its lists before it is destroyed.
        switch kind {
        case .running: withUnsafeMutablePointer(to: &thread.pointee.queueNeighbours) { $0 }
        case .waiting: withUnsafeMutablePointer(to: &thread.pointee.waitNeighbours) { $0 }
        }
    }

    func next(after thread: ThreadReference) -> ThreadReference? { neighbours(thread).pointee.next }

    mutating func append(_ thread: ThreadReference) {
        neighbours(thread).pointee = Neighbours(next: nil, previous: last)
        if let last { neighbours(last).pointee.next = thread } else { first = thread }
        last = thread
    }

    mutating func prepend(_ thread: ThreadReference) {
        neighbours(thread).pointee = Neighbours(next: first, previous: nil)
        if let first { neighbours(first).pointee.previous = thread } else { last = thread }
        first = thread
    }

    mutating func remove(_ thread: ThreadReference) {
        let (next, previous) = (neighbours(thread).pointee.next, neighbours(thread).pointee.previous)
        if let previous { neighbours(previous).pointee.next = next } else { first = next }
        if let next { neighbours(next).pointee.previous = previous } else { last = previous }
        neighbours(thread).pointee = Neighbours()
    }

    /// Takes a thread out, and puts another one in its place.
    mutating func replace(_ thread: ThreadReference, with other: ThreadReference) {
        let (next, previous) = (neighbours(thread).pointee.next, neighbours(thread).pointee.previous)
        neighbours(other).pointee = Neighbours(next: next, previous: previous)
        if let previous { neighbours(previous).pointee.next = other } else { first = other }
        if let next { neighbours(next).pointee.previous = other } else { last = other }
        neighbours(thread).pointee = Neighbours()
    }

    mutating func popFirst() -> ThreadReference? {
        guard let first else { return nil }
        remove(first)
        return first
    }
}
