/// The receiving end of interrupt lines: an interrupt controller, or a CPU's interrupt pin.
public protocol InterruptSink: AnyObject {
    /// Line `number` is now at `level`. Called only when the level changes.
    func setLine(_ number: Int, _ level: Bool)
}

/// One level-sensitive wire from a device to an interrupt controller. A line remembers its level, so that a device may
/// state it as often as it likes and the controller hears only of changes.
public final class InterruptLine {
    public private(set) var level = false
    public let number: Int
    /// A line holds what it leads to: so that may hold no line to itself, nor who has one.
    private let sink: any InterruptSink

    public init(to sink: any InterruptSink, number: Int) {
        self.sink = sink
        self.number = number
    }

    /// States the level, which may be what it was.
    @inline(__always)
    public func set(_ newLevel: Bool) {
        if newLevel != level { change(newLevel) }
    }

    @inline(never)
    private func change(_ newLevel: Bool) {
        level = newLevel
        sink.setLine(number, newLevel)
    }

    public func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("level", &level)
    }
}
