/// The configuration space of a function on a guest's bus (PCI Local Bus 3.0, 6.1): a header of type 0, one range of memory, a
/// pin, and capabilities. What no guest may write stays as it is.
struct PCIConfigurationSpace {
    /// Type 00h Configuration Space Header.
    private enum Register {
        static let vendor = 0x00, device = 0x02, command = 0x04, status = 0x06, revision = 0x08, classCode = 0x09
        static let bar = 0x10, subsystemVendor = 0x2c, subsystem = 0x2e, capabilities = 0x34, interruptLine = 0x3c
        static let interruptPin = 0x3d, firstCapability = 0x40
    }
    /// Command Register Bits.
    private static let memorySpace: UInt64 = 1 << 1, busMaster: UInt64 = 1 << 2, interruptDisable: UInt64 = 1 << 10
    /// Status Register Bits.
    private static let interruptStatus: UInt64 = 1 << 3, hasCapabilities: UInt64 = 1 << 4
    private static let size = 256

    private var bytes = [UInt8](repeating: 0, count: size)
    /// What the guest may write of each.
    private var masks = [UInt8](repeating: 0, count: size)
    private var end = Register.firstCapability
    private var lastLink = Register.capabilities

    /// - Parameter memorySize: a power of two.
    init(vendor: UInt16, device: UInt16, classCode: UInt32, revision: UInt8, memorySize: UInt64) {
        for (register, value) in [(Register.vendor, vendor), (Register.subsystemVendor, vendor)] {
            bytes.set(UInt64(value), register, bytes: 2)
        }
        for register in [Register.device, Register.subsystem] { bytes.set(UInt64(device), register, bytes: 2) }
        bytes.set(UInt64(classCode), Register.classCode, bytes: 3)
        bytes[Register.revision] = revision
        bytes[Register.interruptPin] = 1
        bytes.set(Self.hasCapabilities, Register.status, bytes: 2)
        masks.set(Self.memorySpace | Self.busMaster | Self.interruptDisable, Register.command, bytes: 2)
        // Bits that cannot be written say how large the memory is (6.2.5.1).
        masks.set(0 &- memorySize, Register.bar, bytes: 4)
        masks[Register.interruptLine] = 0xff
    }

    /// Puts a capability behind the others (6.7); where. Its second byte, the next one's place, is not its own.
    /// - Parameter writable: what of it the guest may write: nothing, or a mask for each byte.
    @discardableResult
    mutating func add(_ capability: [UInt8], writable: [UInt8] = []) -> Int {
        let place = end
        for (index, byte) in capability.enumerated() { bytes[place + index] = byte }
        for (index, mask) in writable.enumerated() { masks[place + index] = mask }
        bytes[place + 1] = 0
        bytes[lastLink] = UInt8(place)
        lastLink = place + 1
        end = (place + capability.count + 3) & ~3
        return place
    }

    /// What the guest may write is as it was at first: zero.
    mutating func reset() { for index in bytes.indices { bytes[index] &= ~masks[index] } }

    /// Behind the first 256 bytes there are no capabilities, which is a zero.
    func read(_ offset: Int, width: Int, isInterrupting: Bool) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<width where offset + index < Self.size {
            var byte = bytes[offset + index]
            if offset + index == Register.status, isInterrupting { byte |= UInt8(Self.interruptStatus) }
            value |= UInt64(byte) << UInt64(8 * index)
        }
        return value
    }

    mutating func write(_ offset: Int, width: Int, value: UInt64) {
        for index in 0..<width where offset + index < Self.size {
            let mask = masks[offset + index]
            let byte = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
            bytes[offset + index] = bytes[offset + index] & ~mask | byte & mask
        }
    }

    func number(_ offset: Int, bytes count: Int) -> UInt64 { bytes.number(offset, bytes: count) }

    private var command: UInt64 { number(Register.command, bytes: 2) }
    /// Where the function's memory is; nil where it does not answer.
    var memory: UInt64? { command & Self.memorySpace != 0 ? number(Register.bar, bytes: 4) : nil }
    var isBusMaster: Bool { command & Self.busMaster != 0 }
    var isInterruptDisabled: Bool { command & Self.interruptDisable != 0 }
}
