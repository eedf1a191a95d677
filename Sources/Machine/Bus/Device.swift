/// A device on a board: registers in an address range, and nothing else of the machine.
///
/// A device is given what a real one has: the offsets it is accessed at, interrupt lines, the clock, and (where it does
/// DMA) an address space. It never sees a CPU.
public protocol Device: AnyObject {
    /// The name the device tree gives it, such as `serial@10000000`; it labels snapshots, errors and `info`.
    var name: String { get }

    /// Reads `size` (1, 2, 4 or 8) bytes at `offset` from the start of the device's region, little-endian.
    /// - Throws: ``AccessFault`` where the device has no register of that offset and size; the CPU takes an access fault.
    func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64

    /// Writes the low `size` (1, 2, 4 or 8) bytes of `value` at `offset`.
    func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault)

    /// Returns the device to its power-on state.
    func reset()

    /// Walks every field of the device's state, once each, in a fixed order. The same walk serves snapshots (which also
    /// write the fields), the state hash, and the monitor.
    func describeState(_ visitor: inout some StateVisitor)
}

/// A bus access that no register answers: the CPU that made it takes an access fault.
public struct AccessFault: Error, Equatable {
    public init() {}
}

/// Something that walks the state of a device or CPU field by field: a hasher, a snapshot writer or reader, a printer.
///
/// Each call may read the field, and a snapshot reader replaces it.
public protocol StateVisitor {
    mutating func field(_ name: StaticString, _ value: inout UInt64)
    mutating func field(_ name: StaticString, _ bytes: inout [UInt8])
}

extension StateVisitor {
    public mutating func field<T: FixedWidthInteger>(_ name: StaticString, _ value: inout T) {
        var wide = UInt64(truncatingIfNeeded: value)
        field(name, &wide)
        value = T(truncatingIfNeeded: wide)
    }

    public mutating func field(_ name: StaticString, _ value: inout Bool) {
        var wide: UInt64 = value ? 1 : 0
        field(name, &wide)
        value = wide != 0
    }

    public mutating func field<T: FixedWidthInteger>(_ name: StaticString, _ values: inout [T]) {
        for index in values.indices { field(name, &values[index]) }
    }
}
