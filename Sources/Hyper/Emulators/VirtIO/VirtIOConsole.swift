/// A guest's console (VirtIO 1.2, Console Device): one port, on a virtual serial line.
public final class VirtIOConsole: VirtIODevice {
    private static let receiveQueue = 0
    /// VIRTIO_CONSOLE_F_EMERG_WRITE, and where it is written.
    private static let emergencyWrite: UInt64 = 1 << 2, emergencyOffset: UInt64 = 8
    /// Bytes of one buffer that are printed: the printing cannot be interrupted.
    private static let limit = 64 << 10

    private let serial: VirtualSerial
    private var transport: Unmanaged<VirtIOTransport>?

    public init(serial: VirtualSerial) {
        self.serial = serial
        let me = Unmanaged.passUnretained(self)
        serial.onInput = { me._withUnsafeGuaranteedRef { $0.receive() } }
    }

    public var identifier: UInt32 { VirtIODeviceType.console }
    public var features: UInt64 { Self.emergencyWrite }
    public var queueSizes: [UInt16] { [64, 64] }
    /// Columns, rows, ports, all of features that are not offered, and the emergency write.
    public var configuration: [UInt8] { [UInt8](repeating: 0, count: 12) }

    public func attach(to transport: VirtIOTransport) { self.transport = .passUnretained(transport) }

    public func remove() {
        serial.onInput = {}
        serial.unbind()
    }

    public func notified(_ queue: Int) {
        if queue == Self.receiveQueue { receive() } else { transmit(queue) }
    }

    private func transmit(_ queue: Int) {
        transport?._withUnsafeGuaranteedRef { transport in
            transport.serve(queue) { buffer throws(HyperError) in
                guard buffer.readable.count <= Self.limit else {
                    throw HyperError(
                        "queue \(queue): \(buffer.readable.count) bytes at once: the console prints \(Self.limit)")
                }
                var bytes = buffer.readable
                while let part = bytes.next(.max) {
                    for byte in part { serial.write(byte) }
                }
                return 0
            }
        }
    }

    /// Gives the guest what was typed.
    private func receive() {
        transport?._withUnsafeGuaranteedRef { transport in
            var result = VirtIOTransport.Supply.supplied
            while case .supplied = result, serial.hasInput {
                result = transport.supply(Self.receiveQueue) { buffer throws(HyperError) in
                    guard buffer.writable.count > 0 else {
                        throw HyperError("queue \(Self.receiveQueue): there is nothing to write input to")
                    }
                    var (space, count) = (buffer.writable, UInt32(0))
                    while space.count > 0, let byte = serial.read() {
                        space.write(UInt64(byte), bytes: 1)
                        count += 1
                    }
                    // Another CPU was first.
                    return count > 0 ? count : nil
                }
            }
        }
    }

    public func writeConfiguration(_ offset: UInt64, width: Int, value: UInt64) {
        if offset == Self.emergencyOffset { serial.write(UInt8(truncatingIfNeeded: value)) }
    }
}
