import Glibc

/// Memory for host code, mapped twice: writable here, executable there, and never both through one mapping.
///
/// Code is appended until it is full; then everything is thrown away at once. A program's hot code is far smaller than
/// the memory, so that this is rare, and it leaves no holes to keep account of.
final class CodeMemory {
    let writable: UnsafeMutablePointer<UInt8>
    /// The same bytes, executable.
    let executable: UnsafeRawPointer
    let capacity: Int
    private(set) var used = 0
    /// Up to here the writable mapping has been looked after.
    private var prepared = 0
    private static let window = 128 << 10

    /// Why there is no memory for code.
    struct Unavailable: Error, CustomStringConvertible {
        let step: String
        let number: Int32
        var description: String { "\(step) failed: \(String(cString: strerror(number)))" }
    }

    init(capacity: Int) throws(Unavailable) {
        self.capacity = capacity
        // Not a file in memory: perf asks for the names of code only where memory is anonymous (`is_anon_memory` in
        // linux/tools/perf/util/map.c).
        guard let write = mmap(nil, capacity, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
            write != MAP_FAILED
        else { throw Unavailable(step: "mmap", number: errno) }
        guard let execute = Self.mapAgain(write, capacity) else {
            let number = errno
            munmap(write, capacity)
            throw Unavailable(step: "mremap", number: number)
        }
        guard mprotect(execute, capacity, PROT_READ | PROT_EXEC) == 0 else {
            let number = errno
            munmap(write, capacity)
            munmap(execute, capacity)
            throw Unavailable(step: "mprotect of executable memory", number: number)
        }
        writable = write.bindMemory(to: UInt8.self, capacity: capacity)
        executable = UnsafeRawPointer(execute)
        prepareWindow()
    }

    /// A second mapping of shared memory, by mremap(2) with an old size of 0. Swift's view of the C library lacks that, as
    /// it takes any number of arguments.
    private static func mapAgain(_ memory: UnsafeMutableRawPointer, _ size: Int) -> UnsafeMutableRawPointer? {
        typealias Function = @convention(c) (UnsafeMutableRawPointer, Int, Int, Int32) -> UnsafeMutableRawPointer?
        guard let symbol = dlsym(nil, "mremap") else { return nil }
        let mayMove: Int32 = 1
        // SAFETY: these are the arguments in mremap(2) where no new address is asked for.
        let result = unsafeBitCast(symbol, to: Function.self)(memory, 0, size, mayMove)
        return result == MAP_FAILED ? nil : result
    }

    deinit {
        munmap(writable, capacity)
        munmap(UnsafeMutableRawPointer(mutating: executable), capacity)
    }

    /// What is not used yet, for the assembler; ``commit(_:)`` keeps what it wrote.
    var free: UnsafeMutableBufferPointer<UInt8> {
        UnsafeMutableBufferPointer(start: writable + used, count: capacity - used)
    }

    /// Where the first free byte is executed.
    var freeAddress: UInt { UInt(bitPattern: executable) + UInt(used) }

    /// Blocks begin on multiples of this many bytes, which hosts fetch at once: elsewhere a loop can be slower for no other
    /// reason.
    static let alignment = 32

    private static func aligned(_ count: Int) -> Int { (count + alignment - 1) & ~(alignment - 1) }

    /// Keeps the first `count` free bytes; the next code begins on a multiple of ``alignment``.
    func commit(_ count: Int) {
        used = min(capacity, Self.aligned(used + count))
        if used >= prepared { prepareWindow() }
    }

    /// Maps the memory that is written next, all at once, which costs less than a fault for each page; and unmaps what
    /// was written, which stays in the executable mapping, so that no page is resident twice.
    private func prepareWindow() {
        let start = used & ~(Self.window - 1)
        // MADV_POPULATE_WRITE. A kernel that does not know it maps the pages one by one.
        let populate: Int32 = 23
        // SAFETY: shared pages keep what is in them when a mapping of them goes.
        if start > 0 { madvise(writable, start, MADV_DONTNEED) }
        madvise(writable + start, min(Self.window, capacity - start), populate)
        prepared = start + Self.window
    }

    /// Forgets everything behind the first `count` bytes. - Precondition: none of it is being executed.
    func reset(to count: Int) {
        used = Self.aligned(count)
        prepared = 0
    }

    func contains(_ address: UInt) -> Bool {
        address &- UInt(bitPattern: executable) < UInt(capacity)
    }
}
