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

    /// Why there is no memory for code.
    struct Unavailable: Error, CustomStringConvertible {
        let step: String
        let number: Int32
        var description: String { "\(step) failed: \(String(cString: strerror(number)))" }
    }

    init(capacity: Int) throws(Unavailable) {
        self.capacity = capacity
        let file = Self.anonymousFile()
        guard file >= 0 else { throw Unavailable(step: "memfd_create", number: errno) }
        defer { close(file) }
        guard ftruncate(file, capacity) == 0 else { throw Unavailable(step: "ftruncate", number: errno) }
        guard let write = mmap(nil, capacity, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), write != MAP_FAILED else {
            throw Unavailable(step: "mmap", number: errno)
        }
        guard let execute = mmap(nil, capacity, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0), execute != MAP_FAILED
        else {
            let number = errno
            munmap(write, capacity)
            throw Unavailable(step: "mmap of executable memory", number: number)
        }
        writable = write.bindMemory(to: UInt8.self, capacity: capacity)
        executable = UnsafeRawPointer(execute)
    }

    /// memfd_create(2), which Swift's view of the C library lacks; -1 where it fails.
    private static func anonymousFile() -> Int32 {
        typealias Function = @convention(c) (UnsafePointer<CChar>, UInt32) -> Int32
        guard let symbol = dlsym(nil, "memfd_create") else { return -1 }
        let closeOnExec: UInt32 = 1
        // SAFETY: this is the function's type in memfd_create(2).
        return unsafeBitCast(symbol, to: Function.self)("orrery code", closeOnExec)
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

    /// Keeps the first `count` free bytes; the next code begins on a multiple of 16.
    func commit(_ count: Int) {
        used = min(capacity, (used + count + 15) & ~15)
    }

    /// Forgets everything behind the first `count` bytes. - Precondition: none of it is being executed.
    func reset(to count: Int) {
        used = count
    }

    func contains(_ address: UInt) -> Bool {
        address &- UInt(bitPattern: executable) < UInt(capacity)
    }
}
