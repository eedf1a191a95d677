/// A frame of messages beside a GICv2, GICv2m: each makes one of a range of shared interrupts pending (Server Base System
/// Architecture, DEN0029, appendix E).
public final class GICv2mDriver: HostDevice, HostMessageController {
    private enum Register {
        static let type: UInt64 = 0x008, set: UInt64 = 0x040, size: UInt64 = 0x1000
    }

    public static var driver: Driver {
        Driver("gicv2m", compatible: ["arm,gic-v2m-frame"]) { (node) throws(HyperError) in
            guard let registers = try node.registers().first, registers.size >= Register.size else {
                throw node.wrong("reg", "must have the frame's 4096 bytes")
            }
            return try GICv2mDriver(node, registers.base)
        }
    }

    private let base: UInt64
    private let first: Int
    /// By number, from the first on. Of whoever holds the mutex of the management.
    private var isTaken: [Bool]
    public var summary: Text { "\(isTaken.filter { $0 }.count) of \(isTaken.count) messages are in use" }

    private init(_ node: DeviceTreeNode, _ base: UInt64) throws(HyperError) {
        let type = Port.readDevice(base + Register.type, width: 4)
        first = Int(node.u32("arm,msi-base-spi") ?? UInt32(type >> 16 & 0x3ff))
        let count = Int(node.u32("arm,msi-num-spis") ?? UInt32(type & 0x3ff))
        guard first >= HostGIC.firstShared, count > 0, first + count <= 1020 else {
            throw HyperError("\(node.path): interrupts \(first) to \(first + count - 1) are not a GICv2's shared ones")
        }
        self.base = base
        isTaken = Array(repeating: false, count: count)
        HostMessages.add(self, node)
    }

    public func remove() { HostMessages.remove(self) }

    public func allocate(_ count: Int, for device: UInt32) -> [HostMessage]? {
        var messages: [HostMessage] = []
        for index in isTaken.indices where !isTaken[index] && messages.count < count {
            let number = first + index
            messages.append(
                HostMessage(address: base + Register.set, data: UInt32(number), interrupt: number))
        }
        guard messages.count == count else { return nil }
        for message in messages {
            isTaken[message.interrupt - first] = true
            HostGIC.setEdge(message.interrupt)
        }
        return messages
    }

    public func free(_ messages: [HostMessage], of device: UInt32) {
        for message in messages { isTaken[message.interrupt - first] = false }
    }
}
