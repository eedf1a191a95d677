/// The contexts of one CPU: a bounded pool, the least recently selected one evicted.
public final class ContextPool {
    public static let capacity = 32
    private let contexts: UnsafeMutablePointer<UnsafeMutablePointer<TranslationContext>>
    private var count = 0
    private var clock: UInt64 = 0
    /// Where each hash of a key was found last.
    private let memo: UnsafeMutablePointer<UInt8>

    package init() {
        contexts = .allocate(capacity: Self.capacity)
        memo = .allocate(capacity: 256)
        memo.initialize(repeating: 0, count: 256)
    }

    deinit {
        forEach { TranslationContext.deallocate($0) }
        contexts.deallocate()
        memo.deallocate()
    }

    /// The context of `key`, made or recycled if there is none.
    /// - Parameter evicting: called before a context is made into another one's.
    package func select(
        _ key: TranslationContext.Key, evicting: () -> Void = {}
    ) -> UnsafeMutablePointer<TranslationContext> {
        clock &+= 1
        let hash = key.hash
        let guess = Int(memo[hash])
        if guess < count && contexts[guess].pointee.key == key {
            contexts[guess].pointee.stamp = clock
            return contexts[guess]
        }
        var index = 0
        while index < count && contexts[index].pointee.key != key { index += 1 }
        if index == count {
            if count < Self.capacity {
                (contexts + count).initialize(to: TranslationContext.make(key: key))
                count += 1
            } else {
                evicting()
                index = 0
                for other in 1..<count
                where contexts[other].pointee.stamp < contexts[index].pointee.stamp { index = other }
                contexts[index].pointee.flush()
                contexts[index].pointee.key = key
                contexts[index].pointee.windowVotes = TranslationContext.firstVotes
            }
        }
        memo[hash] = UInt8(truncatingIfNeeded: index)
        contexts[index].pointee.stamp = clock
        return contexts[index]
    }

    /// Notes that `context`, which is one of these, is selected.
    @inline(__always)
    package func touch(_ context: UnsafeMutablePointer<TranslationContext>) {
        context.pointee.stamp = clock
    }

    package func forEach(_ body: (UnsafeMutablePointer<TranslationContext>) -> Void) {
        for index in 0..<count { body(contexts[index]) }
    }

    package func flushAll() {
        forEach { $0.pointee.flush() }
    }

    /// Drops what translates `address`, in all contexts.
    package func flush(page address: UInt64) {
        forEach { $0.pointee.flush(page: address) }
    }
}
