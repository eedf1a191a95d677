import Glibc

/// Something that executes on the host while others stand still: a thread of the core, or the test itself. All of them share
/// one thread of the host, so that whatever a test does is done in one order, which its seed alone decides.
struct HostContext {
    private let registers: UnsafeMutablePointer<ucontext_t>
    private let stack: UnsafeMutableRawPointer?
    let entry: @convention(c) () -> Void

    /// Deep enough for a debug build's tests.
    private static let stackSize = 512 << 10

    /// A context that begins in `entry` on a stack of its own.
    init(_ entry: @escaping @convention(c) () -> Void) {
        registers = .allocate(capacity: 1)
        stack = .allocate(byteCount: Self.stackSize, alignment: 4096)
        self.entry = entry
        _ = Self.get(registers)
        registers.pointee.uc_stack.ss_sp = stack
        registers.pointee.uc_stack.ss_size = Self.stackSize
        registers.pointee.uc_link = nil
        Self.make(registers, { FakeMachine.begin() }, 0)
    }

    /// The context of whoever calls, once it is left.
    init() {
        registers = .allocate(capacity: 1)
        stack = nil
        entry = {}
    }

    func free() {
        registers.deallocate()
        stack?.deallocate()
    }

    /// Goes on with the other one; returns when somebody goes on with this one.
    func leave(for other: HostContext) { _ = Self.swap(registers, other.registers) }

    // Swift imports no function that returns twice, nor one of a variable number of arguments.
    private typealias Get = @convention(c) (UnsafeMutablePointer<ucontext_t>) -> Int32
    private typealias Swap =
        @convention(c) (UnsafeMutablePointer<ucontext_t>, UnsafeMutablePointer<ucontext_t>) -> Int32
    private typealias Make =
        @convention(c) (UnsafeMutablePointer<ucontext_t>, @convention(c) () -> Void, Int32) -> Void
    // SAFETY: the C library's, with the types of its header (ucontext.h).
    private static let get = unsafeBitCast(dlsym(nil, "getcontext"), to: Get.self)
    private static let swap = unsafeBitCast(dlsym(nil, "swapcontext"), to: Swap.self)
    private static let make = unsafeBitCast(dlsym(nil, "makecontext"), to: Make.self)
}
