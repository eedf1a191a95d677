/// Something that happened at an input device, in Linux' words (linux/input-event-codes.h), as VirtIO takes them over
/// (VirtIO 1.2, section 5.8).
public struct InputEvent: Equatable, Sendable {
    public var type: UInt16
    public var code: UInt16
    public var value: UInt32

    public init(type: UInt16, code: UInt16, value: UInt32) {
        self.type = type
        self.code = code
        self.value = value
    }

    /// EV_SYN.
    static let synchronizationType: UInt16 = 0
    /// EV_KEY, EV_REL, EV_ABS.
    static let keyType: UInt16 = 1
    static let relativeType: UInt16 = 2
    static let absoluteType: UInt16 = 3

    /// A key or button goes down or up.
    public static func key(_ code: UInt16, isDown: Bool) -> InputEvent {
        InputEvent(type: keyType, code: code, value: isDown ? 1 : 0)
    }

    /// A wheel turns by so many notches.
    public static func relative(_ code: UInt16, _ distance: Int32) -> InputEvent {
        InputEvent(type: relativeType, code: code, value: UInt32(bitPattern: distance))
    }

    /// The pointer stands at a place on an axis.
    public static func absolute(_ code: UInt16, _ place: UInt32) -> InputEvent {
        InputEvent(type: absoluteType, code: code, value: place)
    }

    /// SYN_REPORT: what came before happened at once.
    static let report = InputEvent(type: synchronizationType, code: 0, value: 0)
}

/// The queue of events between a person's keyboard or pointer and the device that hands them to the guest.
///
/// They are input from outside, which comes between rounds (``HostPort``).
public final class InputPort {
    private var events: [InputEvent] = []
    /// Told of events that arrive, before the device is.
    var observer: (([InputEvent]) -> Void)?
    /// Told after events have arrived. The device sets it.
    var arrived: () -> Void = {}
    /// A device may drop events when nobody takes them, and none of what belongs together (5.8.6.1).
    private static let limit = 1024

    public init() {}

    /// How many events wait.
    public var count: Int { events.count }

    /// Takes what happened at once.
    public func receive(_ new: [InputEvent]) {
        observer?(new)
        guard !new.isEmpty, events.count + new.count < Self.limit else { return }
        events += new
        events.append(.report)
        arrived()
    }

    /// Takes the oldest event.
    func take() -> InputEvent? {
        events.isEmpty ? nil : events.removeFirst()
    }

    func removeAll() {
        events = []
    }

    /// The device that reads the queue describes it as part of its own state.
    func describeState(_ visitor: inout some StateVisitor) {
        var bytes: [UInt8] = []
        for event in events { event.append(to: &bytes) }
        visitor.field("input", &bytes, parts: InputEvent.byteCount, limit: Self.limit)
        events = (0..<bytes.count / InputEvent.byteCount).map { InputEvent(bytes, at: $0 * InputEvent.byteCount) }
    }
}

extension InputEvent {
    /// struct virtio_input_event (5.8.6).
    static let byteCount = 8

    func append(to bytes: inout [UInt8]) {
        bytes.append(littleEndian: type)
        bytes.append(littleEndian: code)
        bytes.append(littleEndian: value)
    }

    fileprivate init(_ bytes: [UInt8], at offset: Int) {
        self.init(
            type: bytes.littleEndian(at: offset), code: bytes.littleEndian(at: offset + 2),
            value: bytes.littleEndian(at: offset + 4))
    }
}
