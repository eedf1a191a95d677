/// VirtIO console with one port (VirtIO 1.2, section 5.3).
public final class VirtIOConsole: VirtIODevice {
    /// Feature bits (5.3.3). Multiple ports are not offered.
    private enum Feature {
        static let size = VirtIOFeatures(rawValue: 1 << 0)
        static let emergencyWrite = VirtIOFeatures(rawValue: 1 << 2)
    }

    /// Queues (5.3.2).
    private enum Queue {
        static let receive = 0
        static let transmit = 1
    }

    /// Offset of emerg_wr in the configuration space (5.3.4).
    private static let emergencyWriteOffset = 8
    /// How much is handed to the back end in one piece.
    private static let pieceLimit = 64 << 10

    public let id: UInt32 = 3
    public let hasLegacyInterface = true
    public let features: VirtIOFeatures = [Feature.size, Feature.emergencyWrite]
    /// As many as QEMU's has: kvm-unit-tests wants no fewer.
    public let queueSizes: [UInt16] = [128, 128]
    public weak var transport: VirtIOTransport?

    private let backend: any ConsoleBackend
    private var columns: UInt16
    private var rows: UInt16

    public init(backend: any ConsoleBackend, columns: UInt16 = 80, rows: UInt16 = 25) {
        self.backend = backend
        self.columns = columns
        self.rows = rows
        backend.input.arrived = { [weak self] in self?.serve(Queue.receive) }
    }

    /// The host's window has changed its size. Input from outside, like typing.
    public func resize(columns: UInt16, rows: UInt16) {
        guard (columns, rows) != (self.columns, self.rows) else { return }
        (self.columns, self.rows) = (columns, rows)
        transport?.configurationChanged()
    }

    public func reset() {}

    /// cols, rows, max_nr_ports, emerg_wr.
    public var configuration: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: columns)
        bytes.append(littleEndian: rows)
        bytes.append(littleEndian: UInt32(1))
        bytes.append(littleEndian: UInt32(0))
        return bytes
    }

    /// A driver may write a character to emerg_wr at any time, even before it has negotiated anything (5.3.6).
    public func writeConfiguration(_ bytes: [UInt8], at offset: Int) {
        if offset == Self.emergencyWriteOffset { backend.write([bytes[0]]) }
    }

    public func serve(_ index: Int) {
        switch index {
        case Queue.receive:
            transport?.process(index, while: { backend.input.count > 0 }) { chain in
                var bytes: [UInt8] = []
                while UInt64(bytes.count) < chain.writable.count, let byte = backend.input.take() { bytes.append(byte) }
                return .used(UInt64(chain.writable.fill(bytes)))
            }
        default:
            transport?.process(index) { chain in
                chain.readable.read(limit: Self.pieceLimit) { backend.write(Array($0)) }
                return .used(0)
            }
        }
    }

    public func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("columns", &columns)
        visitor.field("rows", &rows)
        backend.input.describeState(&visitor)
    }
}
