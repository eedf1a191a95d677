/// VirtIO input device (VirtIO 1.2, section 5.8): what a person types or points at, as Linux' input events.
public final class VirtIOInput: VirtIODevice {
    /// What kind of input device it is; the driver asks for all of this.
    public struct Kind: Sendable {
        var name: String
        var serial: String
        /// Vendor 0x0627 on a virtual bus: QEMU's devices, so that what is written for them knows these.
        var product: UInt16
        /// The codes of each type of event that may come.
        var codes: [UInt16: [UInt16]]
        /// The largest place on an axis.
        var axisMaximum: UInt32 = 0

        /// All keys of a PC's keyboard, KEY_ESC to KEY_COMPOSE.
        public static let keyboard = Kind(
            name: "Orrery keyboard", serial: "keyboard", product: 1,
            codes: [InputEvent.keyType: Array(1...127)])

        /// A pointer that says where it is, and not how far it moved: BTN_LEFT, BTN_RIGHT, BTN_MIDDLE, two wheels, and
        /// ABS_X and ABS_Y.
        public static let tablet = Kind(
            name: "Orrery tablet", serial: "tablet", product: 3,
            codes: [
                InputEvent.keyType: [Tablet.left, Tablet.right, Tablet.middle],
                InputEvent.relativeType: [Tablet.horizontalWheel, Tablet.wheel],
                InputEvent.absoluteType: [Tablet.x, Tablet.y],
            ], axisMaximum: Tablet.maximum)
    }

    /// Codes of ``Kind/tablet``'s events.
    public enum Tablet {
        public static let left: UInt16 = 0x110
        public static let right: UInt16 = 0x111
        public static let middle: UInt16 = 0x112
        public static let horizontalWheel: UInt16 = 6
        public static let wheel: UInt16 = 8
        public static let x: UInt16 = 0
        public static let y: UInt16 = 1
        /// Where both axes end; they begin at 0.
        public static let maximum: UInt32 = 0x7fff
    }

    /// Queues (5.8.2).
    private enum Queue {
        static let event = 0
        static let status = 1
    }

    /// What the configuration space shows (5.8.4).
    private enum Selection: UInt8 {
        case name = 0x01
        case serial = 0x02
        case identifiers = 0x03
        case properties = 0x10
        case eventBits = 0x11
        case axis = 0x12
    }

    /// Offsets of the configuration space's writable fields.
    private static let selectOffset = 0
    private static let subselectOffset = 1
    private static let unionSize = 128

    public let id: UInt32 = 18
    public let features: VirtIOFeatures = []
    public let queueSizes: [UInt16] = [64, 64]
    public weak var transport: VirtIOTransport?
    /// Where events come in.
    public let port = InputPort()

    private let kind: Kind
    private var select: UInt8 = 0
    private var subselect: UInt8 = 0

    public init(_ kind: Kind) {
        self.kind = kind
        port.arrived = { [weak self] in self?.deliver() }
    }

    /// struct virtio_input_config: select, subsel, size, reserved, and a union.
    public var configuration: [UInt8] {
        let shown = self.shown
        return [select, subselect, UInt8(shown.count), 0, 0, 0, 0, 0] + shown
            + Array(repeating: 0, count: Self.unionSize - shown.count)
    }

    /// What the union holds; nothing where there is nothing of the kind.
    private var shown: [UInt8] {
        var bytes: [UInt8] = []
        switch (Selection(rawValue: select), subselect) {
        case (.name, 0): bytes = Array(kind.name.utf8)
        case (.serial, 0): bytes = Array(kind.serial.utf8)
        case (.identifiers, 0):
            // bustype BUS_VIRTUAL, vendor, product, version
            for word: UInt16 in [0x06, 0x0627, kind.product, 1] { bytes.append(littleEndian: word) }
        case (.eventBits, let type): bytes = Self.bitmap(kind.codes[UInt16(type)] ?? [])
        case (.axis, let code):
            guard kind.codes[InputEvent.absoluteType]?.contains(UInt16(code)) ?? false else { break }
            // min, max, fuzz, flat, res
            for word: UInt32 in [0, kind.axisMaximum, 0, 0, 0] { bytes.append(littleEndian: word) }
        // None here has a property, INPUT_PROP_*.
        case (.properties, _), (_, _): break
        }
        return bytes
    }

    private static func bitmap(_ codes: [UInt16]) -> [UInt8] {
        guard let last = codes.max() else { return [] }
        var bytes = [UInt8](repeating: 0, count: Int(last / 8) + 1)
        for code in codes { bytes[Int(code / 8)] |= 1 << (code % 8) }
        return bytes
    }

    public func writeConfiguration(_ bytes: [UInt8], at offset: Int) {
        for (index, byte) in bytes.enumerated() {
            switch offset + index {
            case Self.selectOffset: select = byte
            case Self.subselectOffset: subselect = byte
            default: break
            }
        }
    }

    public func reset() {
        (select, subselect) = (0, 0)
        port.removeAll()
    }

    /// What happens while no driver listens is lost, as with any keyboard.
    private func deliver() {
        guard let transport, transport.isRunning else { return port.removeAll() }
        serve(Queue.event)
    }

    public func serve(_ index: Int) {
        switch index {
        case Queue.event:
            transport?.process(index, while: { port.count > 0 }) { chain in
                guard chain.writable.count >= UInt64(InputEvent.byteCount) else {
                    return .malformed("a buffer has no room for an event of 8 bytes")
                }
                var bytes: [UInt8] = []
                port.take()?.append(to: &bytes)
                return .used(UInt64(chain.writable.fill(bytes)))
            }
        // Lights: these devices have none, and the driver gets its buffers back.
        default: transport?.process(index) { _ in .used(0) }
        }
    }

    public func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("select", &select)
        visitor.field("subsel", &subselect)
        port.describeState(&visitor)
    }
}
