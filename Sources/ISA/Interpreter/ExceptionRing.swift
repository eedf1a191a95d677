/// The latest exceptions of one CPU, for post-mortems, in memory of their own: keeping one moves and counts nothing.
@frozen
public struct ExceptionRing<Record> {
    /// A power of two.
    @usableFromInline static var capacity: Int { 16 }
    @usableFromInline let records: UnsafeMutablePointer<Record>
    /// How many there have been.
    @usableFromInline var count = 0

    @inlinable
    package init() { records = .allocate(capacity: Self.capacity) }

    /// - Precondition: the records hold no references.
    package func deallocate() { records.deallocate() }

    /// The last one, for who takes another one for the same again.
    @inlinable @inline(__always)
    public var last: UnsafeMutablePointer<Record>? {
        // SAFETY: what was kept is initialized.
        count > 0 ? records + (count &- 1) & (Self.capacity &- 1) : nil
    }

    @inlinable @inline(__always)
    public mutating func keep(_ record: Record) {
        // SAFETY: there is memory for each place, and a record needs no deinitialization.
        (records + count & (Self.capacity &- 1)).initialize(to: record)
        count &+= 1
    }

    /// Forgets them.
    package mutating func removeAll() { count = 0 }

    /// Oldest first.
    package var all: [Record] {
        (max(0, count - Self.capacity)..<count).map { records[$0 % Self.capacity] }
    }
}
