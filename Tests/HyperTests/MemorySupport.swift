import Glibc
import Testing

@testable import Hyper

/// RAM of a fake machine: a buffer of the host's, at a multiple of its own size, or of 1 GiB, all of whose pages are there
/// once they are touched. `Pages` and `Heap` begin with nothing.
final class FakeMemory {
    let start: UInt64
    let size: UInt64
    private let buffer: UnsafeMutableRawPointer

    init(pages: Int, alignment: Int = 1 << 30) {
        size = UInt64(pages) * 4096
        var buffer: UnsafeMutableRawPointer?
        precondition(posix_memalign(&buffer, alignment, pages * 4096) == 0)
        self.buffer = buffer!
        start = UInt64(UInt(bitPattern: buffer))
        Port.start()
        Pages.removeAll()
        Heap.removeAll()
        Pages.keptForHeap = 0
    }

    /// All of it to `Pages`.
    convenience init(adding pages: Int) {
        self.init(pages: pages)
        Pages.add(start: start, size: size)
    }

    deinit {
        Pages.removeAll()
        Heap.removeAll()
        Pages.keptForHeap = 32
        Glibc.free(buffer)
    }

    func address(_ page: Int) -> UInt64 { start + UInt64(page) * 4096 }
}

/// What ends a process by a panic of the hypervisor, which says the sentence.
func expectPanic(
    _ sentence: String, _ result: ExitTest.Result?, sourceLocation: SourceLocation = #_sourceLocation
) {
    guard let result else { return }
    let output = String(decoding: result.standardErrorContent, as: UTF8.self)
    #expect(output.contains(sentence), "the panic is to say: \(sentence)", sourceLocation: sourceLocation)
}

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators): the same stream for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}

extension FakeMemory {
    /// Pages for tests that do not look at them: some that nobody gives back.
    static func provide() throws {
        if let page = try? Pages.allocate(4) { return Pages.free(page, 4) }
        let size = 1 << 20
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: size)
        Pages.add(start: UInt64(UInt(bitPattern: memory)), size: UInt64(size))
    }
}

extension Guest {
    /// A guest's end waits for its VCPUs: a thread of the fake machine has to do it.
    func destroyFromTest() {
        let thread = spawn("destroyer", priority: Thread.highestPriority) { self.destroy() }
        Port.run(until: Port.counter + Timers.ticks(1000 * millisecond))
        #expect(thread.pointee.state == .finished)
    }
}
