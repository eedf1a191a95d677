/// The host's side of a console: a terminal, a socket, a log file, or a test.
///
/// What the guest prints goes out through ``write(_:)`` at once. What is typed waits in ``input`` until the device has
/// room for it, so that nothing is lost however slowly the guest reads.
public protocol ConsoleBackend: AnyObject {
    /// Takes what the guest printed.
    func write(_ bytes: [UInt8])

    /// What was typed and not yet taken by the device. One queue for the life of the back end.
    var input: ConsoleInput { get }
}

extension ConsoleBackend {
    /// Hands typed bytes to the device. They are input from outside, which comes between rounds (``HostPort``).
    public func receive(_ bytes: [UInt8]) {
        input.receive(bytes)
    }
}

/// The queue of typed bytes between a console's back end and its device.
///
/// It has no limit of its own: a back end that reads a fast source should look at ``count`` before it reads more.
public final class ConsoleInput {
    private var bytes: [UInt8] = []
    private var taken = 0
    /// Told of bytes that arrive, before the device is.
    var observer: (([UInt8]) -> Void)?
    /// Told after bytes have arrived. The device sets it.
    var arrived: () -> Void = {}

    public init() {}

    /// How many bytes wait.
    public var count: Int { bytes.count - taken }

    public func receive(_ new: [UInt8]) {
        guard !new.isEmpty else { return }
        observer?(new)
        bytes.append(contentsOf: new)
        arrived()
    }

    /// Takes the oldest byte.
    func take() -> UInt8? {
        guard taken < bytes.count else { return nil }
        let byte = bytes[taken]
        taken += 1
        // Drop what was taken once it is half of the array: each byte is moved about once.
        if taken * 2 >= bytes.count {
            bytes.removeFirst(taken)
            taken = 0
        }
        return byte
    }

    /// The device that reads the queue describes it as part of its own state.
    func describeState(_ visitor: inout some StateVisitor) {
        bytes.removeFirst(taken)
        taken = 0
        visitor.field("input", &bytes)
    }
}

/// Nobody: what is printed is dropped, and nothing is typed.
public final class NoConsole: ConsoleBackend {
    public let input = ConsoleInput()

    public init() {}

    public func write(_ bytes: [UInt8]) {}
}

/// A console in memory: the twin that tests use in place of a terminal.
public final class MemoryConsole: ConsoleBackend {
    public let input = ConsoleInput()
    /// All that the guest has printed.
    public var output: [UInt8] = []

    public init() {}

    public func write(_ bytes: [UInt8]) {
        output.append(contentsOf: bytes)
    }

    /// The output as text.
    public var text: String { String(decoding: output, as: UTF8.self) }
}
