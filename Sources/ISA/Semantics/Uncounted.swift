/// A reference to what others hold, which is counted neither where it is kept nor where it is used.
///
/// Counting is two atomic operations for each call, which is more than most calls in an interrupt's way do. A strong
/// `let` of a final class is not counted when it is used, but it holds; `unowned(unsafe)` holds nothing, but is counted
/// at every use. This is for what may not be held, as it would close a ring, and is used too often to be counted.
public struct Uncounted<Object: AnyObject>: BitwiseCopyable, Equatable {
    @usableFromInline let reference: Unmanaged<Object>

    /// - Precondition: the object outlives every use of the reference.
    @inlinable
    public init(_ object: Object) { reference = .passUnretained(object) }

    @inlinable
    public static func == (a: Uncounted, b: Uncounted) -> Bool { a.reference.toOpaque() == b.reference.toOpaque() }

    /// Calls `body` with the object.
    @inlinable @inline(__always)
    public func with<Result>(_ body: (Object) -> Result) -> Result {
        // SAFETY: as the initializer demands.
        reference._withUnsafeGuaranteedRef(body)
    }
}
