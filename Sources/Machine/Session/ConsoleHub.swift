/// The console of a session: what the guest prints goes to every listener, and is cut into lines for whoever waits for
/// certain words.
public final class ConsoleHub: ConsoleBackend {
    public let input = ConsoleInput()
    /// Told of everything the guest prints, at once.
    public var listeners: [([UInt8]) -> Void] = []
    /// Whole lines since the last call of ``takeLines()``, without their ends: no more than a guest prints in one turn.
    private var lines: [String] = []
    private var partial: [UInt8] = []
    private var partialIsNew = false
    /// A line longer than this is cut: a guest may print without end.
    private static let longestLine = 4096

    public init() {}

    /// What the guest prints was printed before.
    var isMuted = false

    /// Told of what the guest prints also where it was printed before: for who looks for a line in a run's history.
    var witness: (([UInt8]) -> Void)?

    public func write(_ bytes: [UInt8]) {
        witness?(bytes)
        if isMuted { return }
        for listener in listeners { listener(bytes) }
        for byte in bytes {
            switch byte {
            case 0x0a: endLine()
            case 0x0d: break
            default:
                partial.append(byte)
                partialIsNew = true
                if partial.count >= Self.longestLine { endLine() }
            }
        }
    }

    /// Begins anew, with nobody who listens.
    func forget() {
        listeners = []
        (lines, partial, partialIsNew) = ([], [], false)
    }

    private func endLine() {
        lines.append(String(decoding: partial, as: UTF8.self))
        partial.removeAll(keepingCapacity: true)
        partialIsNew = false
    }

    /// The lines printed since the last call, and the unfinished one if it has grown.
    public func takeLines() -> [String] {
        var result = lines
        lines.removeAll(keepingCapacity: true)
        if partialIsNew {
            result.append(String(decoding: partial, as: UTF8.self))
            partialIsNew = false
        }
        return result
    }
}
