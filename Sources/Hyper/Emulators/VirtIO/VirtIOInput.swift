/// A guest's keyboard, mouse or tablet (VirtIO 1.2, Input Device).
final class VirtIOInput: VirtIODevice, VirtualInput {
    /// struct virtio_input_config.
    private enum Selection {
        static let name: UInt8 = 1, serial: UInt8 = 2, identifiers: UInt8 = 3, eventBits: UInt8 = 0x11
        static let axis: UInt8 = 0x12
    }

    private static let eventQueue = 0, statusQueue = 1
    /// Events that wait until the guest has room for them.
    private static let waitingLimit = 64
    /// BTN_LEFT, BTN_RIGHT, BTN_MIDDLE; X, Y, and the wheel (linux/input-event-codes.h).
    private static let buttons: ClosedRange<UInt16> = 0x110...0x112
    private static let axes: ClosedRange<UInt16> = 0...1
    private static let wheel: UInt16 = 8

    public let name: Text
    public let guest: Text
    public let kind: InputKind
    private var transport: Unmanaged<VirtIOTransport>?
    private let lock = SpinLock()
    // Guarded by `lock`.
    private var select: UInt8 = 0
    private var subselect: UInt8 = 0
    private var waiting: [InputEvent] = []

    public init(_ kind: InputKind, name: Text, guest: Text) {
        self.kind = kind
        self.name = name
        self.guest = guest
        Inputs.add(self)
    }

    public var identifier: UInt32 { VirtIODeviceType.input }
    public var features: UInt64 { 0 }
    public var queueSizes: [UInt16] { [64, 64] }

    public func attach(to transport: VirtIOTransport) { self.transport = .passUnretained(transport) }
    public func remove() { Inputs.remove(self) }

    // MARK: What it is

    /// Selections, the size of what is selected, and that.
    public var configuration: [UInt8] {
        let shown = lock.withLock { self.shown }
        return [select, subselect, UInt8(shown.count), 0, 0, 0, 0, 0] + shown
            + [UInt8](repeating: 0, count: 128 - shown.count)
    }

    private var shown: [UInt8] {
        switch select {
        case Selection.name where subselect == 0: Text("Hyper \(kind.name)").bytes
        case Selection.serial where subselect == 0: Array(name.bytes.prefix(64))
        // BUS_VIRTUAL; a vendor and a product of nobody's; version 1.
        case Selection.identifiers where subselect == 0: [6, 0, 0x79, 0x48, kind.rawValue + 1, 0, 1, 0]
        case Selection.eventBits: Self.bits(codes(of: UInt16(subselect)))
        case Selection.axis where kind == .tablet && Self.axes.contains(UInt16(subselect)):
            // Where it begins and ends, and nothing of noise, play and resolution.
            [0, 0, 0, 0, UInt8(InputKind.axisMaximum & 0xff), UInt8(InputKind.axisMaximum >> 8), 0, 0]
                + [UInt8](repeating: 0, count: 12)
        default: []
        }
    }

    /// The codes of the events of a type that may come.
    private func codes(of type: UInt16) -> [UInt16] {
        switch (type, kind) {
        case (InputEvent.Kind.key, .keyboard): Array(1...127)
        case (InputEvent.Kind.key, _): Array(Self.buttons)
        case (InputEvent.Kind.relative, .mouse): Array(Self.axes) + [Self.wheel]
        case (InputEvent.Kind.relative, .tablet): [Self.wheel]
        case (InputEvent.Kind.absolute, .tablet): Array(Self.axes)
        default: []
        }
    }

    private static func bits(_ codes: [UInt16]) -> [UInt8] {
        guard let last = codes.last else { return [] }
        var bytes = [UInt8](repeating: 0, count: Int(last / 8) + 1)
        for code in codes { bytes[Int(code / 8)] |= 1 << UInt8(code % 8) }
        return bytes
    }

    public func writeConfiguration(_ offset: UInt64, width: Int, value: UInt64) {
        lock.withLock {
            for index in 0..<UInt64(width) {
                let byte = UInt8(truncatingIfNeeded: value >> (8 * index))
                if offset + index == 0 { select = byte }
                if offset + index == 1 { subselect = byte }
            }
        }
        transport?._withUnsafeGuaranteedRef { $0.setConfiguration(configuration, tellsDriver: false) }
    }

    public func reset() {
        lock.withLock {
            (select, subselect) = (0, 0)
            waiting = []
        }
        transport?._withUnsafeGuaranteedRef { $0.setConfiguration(configuration, tellsDriver: false) }
    }

    // MARK: Events

    /// Events that belong together are there together, or not at all: of a key that is pressed, and whose end is lost, the
    /// guest would see that it is held.
    public func take(_ events: [InputEvent]) {
        let isKept = lock.withLock {
            guard waiting.count + events.count <= Self.waitingLimit else { return false }
            waiting += events
            return true
        }
        if isKept { pass() }
    }

    public func notified(_ queue: Int) {
        if queue == Self.eventQueue { return pass() }
        // Lights: none of these devices has any, and the driver gets its buffers back.
        transport?._withUnsafeGuaranteedRef { $0.serve(queue) { _ throws(HyperError) in 0 } }
    }

    private func pass() {
        transport?._withUnsafeGuaranteedRef { transport in
            while true {
                let result = transport.supply(Self.eventQueue) { buffer in
                    // With the queue's lock held, so that events keep their order.
                    guard let event = lock.withLock({ waiting.isEmpty ? nil : waiting.removeFirst() }) else {
                        return nil
                    }
                    var space = buffer.writable
                    guard space.count >= InputEvent.size else { return 0 }
                    space.write(UInt64(event.type), bytes: 2)
                    space.write(UInt64(event.code), bytes: 2)
                    space.write(UInt64(event.value), bytes: 4)
                    return UInt32(InputEvent.size)
                }
                switch result {
                case .supplied: break
                case .noBuffer, .unwanted: return
                // What comes while nobody listens is lost, as with any keyboard.
                case .stopped: return lock.withLock { waiting = [] }
                }
            }
        }
    }
}
