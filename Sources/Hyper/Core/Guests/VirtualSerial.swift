/// The far end of a guest's serial port: what it printed, kept for whoever looks later, and what is typed to it.
public final class VirtualSerial: GuestConsole {
    public let name: Text
    private let lock = SpinLock()
    /// The last of what was printed.
    private var log = RingBuffer(capacity: 16 << 10)
    /// Bytes that were printed and that nobody who expects something has seen.
    private var unseen = 0
    private var input = RingBuffer(capacity: 1 << 10)
    /// Shows what is printed as it is printed.
    private var sink: ((UInt8) -> Void)?
    /// Told that something was typed.
    public var onInput: () -> Void = {}

    public init(name: Text) { self.name = name }

    // MARK: The guest's side

    public func write(_ byte: UInt8) {
        lock.withLock {
            log.append(byte)
            unseen = min(unseen + 1, log.count)
        }
        sink?(byte)
    }

    public func read() -> UInt8? { lock.withLock { input.popFirst() } }
    public var hasInput: Bool { !input.isEmpty }

    // MARK: The terminal's side

    /// Types to the guest. What it has no room for is lost, as on a wire; how much was taken.
    @discardableResult
    public func type(_ bytes: [UInt8]) -> Int {
        let taken = lock.withLock {
            var taken = 0
            while taken < bytes.count, !input.isFull {
                input.append(bytes[taken])
                taken += 1
            }
            return taken
        }
        if taken > 0 { onInput() }
        return taken
    }

    /// Has everything from now on, and the last `history` bytes, shown.
    public func bind(history: Int = 0, _ sink: @escaping (UInt8) -> Void) {
        for byte in lock.withLock({ log.last(history) }) { sink(byte) }
        self.sink = sink
    }

    public func unbind() { sink = nil }

    /// Whether the text was printed since the last that was found. What stands behind it is for the next one to look at.
    public func find(_ text: Text) -> Bool {
        lock.withLock {
            guard let end = log.end(of: text.bytes, among: unseen) else { return false }
            unseen -= end
            return true
        }
    }

    /// The last bytes that were printed.
    public func output(_ count: Int = .max) -> [UInt8] { lock.withLock { log.last(count) } }
}

/// Bytes in the order in which they came; when there are too many the oldest go.
struct RingBuffer {
    private var bytes: [UInt8]
    private var first = 0
    private(set) var count = 0

    init(capacity: Int) { bytes = [UInt8](repeating: 0, count: capacity) }

    var isEmpty: Bool { count == 0 }
    var isFull: Bool { count == bytes.count }

    mutating func append(_ byte: UInt8) {
        if isFull { _ = popFirst() }
        bytes[(first + count) % bytes.count] = byte
        count += 1
    }

    mutating func popFirst() -> UInt8? {
        guard count > 0 else { return nil }
        let byte = bytes[first]
        first = (first + 1) % bytes.count
        count -= 1
        return byte
    }

    /// How many of the last `limit` bytes come before the end of the first place among them that has these.
    func end(of wanted: [UInt8], among limit: Int) -> Int? {
        let start = count - limit
        guard !wanted.isEmpty, wanted.count <= limit else { return nil }
        for offset in 0...limit - wanted.count {
            var length = 0
            while length < wanted.count, bytes[(first + start + offset + length) % bytes.count] == wanted[length] {
                length += 1
            }
            if length == wanted.count { return offset + length }
        }
        return nil
    }

    func last(_ limit: Int) -> [UInt8] {
        let wanted = min(limit, count)
        var result: [UInt8] = []
        result.reserveCapacity(wanted)
        for index in count - wanted..<count { result.append(bytes[(first + index) % bytes.count]) }
        return result
    }
}
