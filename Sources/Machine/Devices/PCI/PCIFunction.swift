/// A function on the bus: configuration space, and registers in memory that base address registers place.
protocol PCIFunction: AnyObject {
    /// An access to configuration space, within 256 bytes.
    func readConfiguration(_ offset: Int, size: Int) -> UInt64
    func writeConfiguration(_ offset: Int, size: Int, value: UInt64)

    /// What is at an address of the bus; nil where that is not the function's.
    func locate(_ address: UInt64, size: Int) -> PCIPlace?

    /// An access to the memory that the base address register of this number places. What has no register reads zero.
    func read(range: Int, _ offset: UInt64, size: Int) -> UInt64
    func write(range: Int, _ offset: UInt64, size: Int, value: UInt64)

    func reset()

    /// Walks every field of the function's state; see ``Device/describeState(_:)``.
    func describeState(_ visitor: inout some StateVisitor)
}

/// A place in the memory of a function: in the range of the base address register of this number.
struct PCIPlace {
    let range: Int
    let offset: UInt64
}

/// A message that a function signals an interrupt by: a write of 32 bits.
struct PCIMessage: Equatable {
    let address: UInt64
    let data: UInt32
    /// Bus, device and function that it comes from.
    let requester: UInt16
}

/// The host bridge as a function of its own bus, device 0: QEMU's "generic PCI Express host bridge".
final class PCIHostBridge: PCIFunction {
    private var configuration = PCIConfigurationSpace(
        .init(
            vendor: 0x1b36, device: 0x0008, revision: 0, classCode: 0x06_0000, subsystemVendor: 0x1af4,
            subsystem: 0x1100),
        hasInterrupt: false)

    func readConfiguration(_ offset: Int, size: Int) -> UInt64 {
        configuration.read(offset, size: size, isInterrupting: false)
    }

    func writeConfiguration(_ offset: Int, size: Int, value: UInt64) {
        configuration.write(offset, size: size, value: value)
    }

    func locate(_ address: UInt64, size: Int) -> PCIPlace? { nil }
    func read(range: Int, _ offset: UInt64, size: Int) -> UInt64 { 0 }
    func write(range: Int, _ offset: UInt64, size: Int, value: UInt64) {}
    func reset() { configuration.reset() }
    func describeState(_ visitor: inout some StateVisitor) { configuration.describeState(&visitor) }
}
