// What Swift's runtime asks of the system that it runs on, on bare metal, where `Heap` is that system.

#if hasFeature(Embedded)
/// POSIX.1, posix_memalign, but for want of memory: the runtime goes on with nil then, and faults elsewhere.
@c(posix_memalign) public func allocateMemory(
    _ result: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ alignment: Int, _ size: Int
) -> Int32 {
    guard let address = Heap.allocate(size, alignment: alignment) else { Heap.panic(size, alignment) }
    result.pointee = address
    return 0
}

/// POSIX.1, free. The compiler keeps that name for itself: the image is linked with `--defsym=free=heap_free`.
@c(heap_free) public func freeMemory(_ address: UnsafeMutableRawPointer?) { Heap.free(address) }
#endif

extension Heap {
    /// Says what nobody could be given.
    static func panic(_ size: Int, _ alignment: Int) -> Never {
        let now = Pages.statistics
        var message = PanicMessage()
        message.append("out of memory: ")
        message.append(UInt64(UInt(bitPattern: size)))
        message.append(" bytes at a multiple of ")
        message.append(UInt64(UInt(bitPattern: alignment)))
        message.append(" were asked for, and ")
        message.append(now.free)
        message.append(" of ")
        message.append(now.total)
        message.append(" pages are free, ")
        message.append(now.largestFreeBlock)
        message.append(" of them in one block")
        message.panic()
    }
}
