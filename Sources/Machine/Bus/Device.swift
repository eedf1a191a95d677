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

    /// Fields are replaced, so that what follows from them has to be worked out anew.
    var replacesFields: Bool { get }
    /// The field of that name, or else the last one, cannot have the value that it was given: `expected` says which it can.
    /// Who finds that goes on with some value that it can have.
    mutating func refuse(_ expected: @autoclosure () -> String, of name: StaticString?)
}

extension StateVisitor {
    public var replacesFields: Bool { false }
    public mutating func refuse(_ expected: @autoclosure () -> String, of name: StaticString?) {}
    public mutating func refuse(_ expected: @autoclosure () -> String) { refuse(expected(), of: nil) }
}

extension StateVisitor {
    public mutating func field<T: FixedWidthInteger>(_ name: StaticString, _ value: inout T) {
        var wide = UInt64(truncatingIfNeeded: value)
        field(name, &wide)
        value = T(truncatingIfNeeded: wide)
        if UInt64(truncatingIfNeeded: value) != wide { refuse("a number of \(T.bitWidth) bits") }
    }

    public mutating func field(_ name: StaticString, _ value: inout Bool) {
        var wide: UInt64 = value ? 1 : 0
        field(name, &wide)
        value = wide != 0
        if wide > 1 { refuse("0 or 1") }
    }

    /// One of several cases, by number.
    public mutating func field<T: RawRepresentable>(_ name: StaticString, _ value: inout T, otherwise: T)
    where T.RawValue: FixedWidthInteger {
        var number = value.rawValue
        field(name, &number)
        if let new = T(rawValue: number) {
            value = new
        } else {
            refuse("the number of a \(T.self)")
            value = otherwise
        }
    }

    /// Bytes of which there are always so many.
    public mutating func field(_ name: StaticString, _ bytes: inout [UInt8], count: Int) {
        field(name, &bytes)
        guard bytes.count != count else { return }
        refuse("\(count) bytes")
        bytes = Array(bytes.prefix(count)) + Array(repeating: 0, count: max(count - bytes.count, 0))
    }

    /// A list of parts of so many bytes each, of which there are no more than `limit`.
    public mutating func field(_ name: StaticString, _ bytes: inout [UInt8], parts size: Int, limit: Int) {
        field(name, &bytes)
        guard bytes.count % size != 0 || bytes.count / size > limit else { return }
        refuse("no more than \(limit) times \(size) bytes")
        bytes = Array(bytes.prefix(min(bytes.count / size, limit) * size))
    }

    public mutating func field<T: FixedWidthInteger>(_ name: StaticString, _ values: inout [T]) {
        for index in values.indices { field(name, &values[index]) }
    }
}
