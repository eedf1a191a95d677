/// The configuration space of a function: a header of type 0, and capabilities behind it.
///
/// "PCI Local Bus Specification", revision 3.0, sections 6.1, 6.2 and 6.7. What is beyond 256 bytes, where PCI Express has
/// further capabilities, reads zero: there are none.
struct PCIConfigurationSpace {
    /// Offsets (figure 6-1).
    private enum Register {
        static let vendor = 0x00
        static let device = 0x02
        static let command = 0x04
        static let status = 0x06
        static let revision = 0x08
        static let baseAddresses = 0x10
        static let subsystemVendor = 0x2c
        static let subsystem = 0x2e
        static let capabilities = 0x34
        static let interruptLine = 0x3c
        static let interruptPin = 0x3d
        static let firstCapability = 0x40
    }

    /// Bits of the command register (6.2.2).
    struct Command: OptionSet {
        let rawValue: UInt16
        static let memory = Command(rawValue: 1 << 1)
        static let busMaster = Command(rawValue: 1 << 2)
        static let parityErrorResponse = Command(rawValue: 1 << 6)
        static let systemErrors = Command(rawValue: 1 << 8)
        static let interruptDisable = Command(rawValue: 1 << 10)
        /// No function here has registers in I/O space.
        static let writable: Command = [.memory, .busMaster, .parityErrorResponse, .systemErrors, .interruptDisable]
    }

    /// Bits of the status register (6.2.3).
    private enum Status {
        static let interrupt: UInt8 = 1 << 3
        static let capabilities: UInt8 = 1 << 4
    }

    struct Identity {
        var vendor: UInt16
        var device: UInt16
        var revision: UInt8
        /// Base class, sub-class and programming interface.
        var classCode: UInt32
        var subsystemVendor: UInt16 = 0
        var subsystem: UInt16 = 0
    }

    /// A range of memory that a base address register places.
    struct MemoryRange {
        enum Kind: UInt8 { case narrow = 0x0, widePrefetchable = 0xc }

        /// The first of the registers, of which a wide one has two.
        let number: Int
        let size: UInt64
        let kind: Kind
        fileprivate(set) var base: UInt64 = 0
    }

    static let size = 256

    private var bytes: [UInt8]
    private var atPowerOn: [UInt8]
    /// A bit of 1 where software can write.
    private var writable: [UInt8]
    private(set) var ranges: [MemoryRange] = []
    /// Where the link to the next capability is to be, and where there is room for it.
    private var link = Register.capabilities
    private var end = Register.firstCapability

    /// - Parameter hasInterrupt: whether the function drives INTA#.
    init(_ identity: Identity, hasInterrupt: Bool) {
        bytes = Array(repeating: 0, count: Self.size)
        writable = bytes
        atPowerOn = bytes
        put(identity.vendor, at: Register.vendor)
        put(identity.device, at: Register.device)
        put(identity.classCode << 8 | UInt32(identity.revision), at: Register.revision)
        put(identity.subsystemVendor, at: Register.subsystemVendor)
        put(identity.subsystem, at: Register.subsystem)
        put(UInt8(hasInterrupt ? 1 : 0), at: Register.interruptPin)
        allowWriting(Command.writable.rawValue, at: Register.command)
        if hasInterrupt { allowWriting(UInt8.max, at: Register.interruptLine) }
        bytes = atPowerOn
    }

    // MARK: Building

    private mutating func put<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        atPowerOn.replace(littleEndian: value, at: offset)
    }

    private mutating func allowWriting<T: FixedWidthInteger>(_ mask: T, at offset: Int) {
        writable.replace(littleEndian: mask, at: offset)
    }

    /// - Parameters:
    ///   - number: of its base address register.
    ///   - size: a power of two, of at least 16.
    mutating func add(range number: Int, size: UInt64, _ kind: MemoryRange.Kind) {
        precondition(size.nonzeroBitCount == 1 && size >= 16)
        let offset = Register.baseAddresses + 4 * number
        put(kind.rawValue, at: offset)
        if kind == .narrow {
            allowWriting(UInt32(truncatingIfNeeded: ~(size - 1)), at: offset)
        } else {
            allowWriting(~(size - 1), at: offset)
        }
        ranges.append(MemoryRange(number: number, size: size, kind: kind))
        bytes = atPowerOn
    }

    /// - Parameters:
    ///   - body: what follows the capability's number and link.
    ///   - writable: which bits of the body can be written.
    /// - Returns: where the capability is.
    mutating func add(capability id: UInt8, _ body: [UInt8], writable mask: [UInt8] = []) -> Int {
        let offset = end
        end += (2 + body.count + 3) & ~3
        precondition(end <= Self.size && mask.count <= body.count)
        put(UInt8(offset), at: link)
        put(Status.capabilities, at: Register.status)
        link = offset + 1
        put(id, at: offset)
        atPowerOn.replaceSubrange(offset + 2..<offset + 2 + body.count, with: body)
        writable.replaceSubrange(offset + 2..<offset + 2 + mask.count, with: mask)
        bytes = atPowerOn
        return offset
    }

    // MARK: Access

    var command: Command { Command(rawValue: bytes.littleEndian(at: Register.command)) }

    /// - Parameter isInterrupting: whether the function wants INTA# asserted, which its status tells.
    func read(_ offset: Int, size: Int, isInterrupting: Bool) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<size where offset + index < bytes.count {
            var byte = bytes[offset + index]
            if offset + index == Register.status, isInterrupting { byte |= Status.interrupt }
            value |= UInt64(byte) << UInt64(8 * index)
        }
        return value
    }

    /// A field of a capability, as software has left it.
    func field<T: FixedWidthInteger>(_ offset: Int, as type: T.Type = T.self) -> T { bytes.littleEndian(at: offset) }

    mutating func write(_ offset: Int, size: Int, value: UInt64) {
        for index in 0..<size where offset + index < bytes.count {
            let byte = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)), mask = writable[offset + index]
            bytes[offset + index] = bytes[offset + index] & ~mask | byte & mask
        }
        place()
    }

    mutating func reset() {
        bytes = atPowerOn
        place()
    }

    /// Works out where the base address registers say that the ranges are.
    private mutating func place() {
        for index in ranges.indices {
            let offset = Register.baseAddresses + 4 * ranges[index].number
            let isWide = ranges[index].kind == .widePrefetchable
            let value: UInt64 = isWide ? bytes.littleEndian(at: offset) : UInt64(field(offset, as: UInt32.self))
            ranges[index].base = value & ~0xf
        }
    }

    /// What is at an address of the bus.
    func locate(_ address: UInt64, size: Int) -> PCIPlace? {
        guard command.contains(.memory) else { return nil }
        for range in ranges {
            let offset = address &- range.base
            if offset < range.size, UInt64(size) <= range.size - offset {
                return PCIPlace(range: range.number, offset: offset)
            }
        }
        return nil
    }

    // MARK: State

    mutating func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("configuration", &bytes, count: Self.size)
        guard visitor.replacesFields else { return }
        let possible = (0..<Self.size).map { atPowerOn[$0] & ~writable[$0] | bytes[$0] & writable[$0] }
        if bytes != possible { visitor.refuse("the configuration space of this function") }
        bytes = possible
        place()
    }
}

extension Array<UInt8> {
    /// Replaces the bytes at `offset` by those of an integer, least significant first.
    fileprivate mutating func replace<T: FixedWidthInteger>(littleEndian value: T, at offset: Int) {
        for index in 0..<T.bitWidth / 8 { self[offset + index] = UInt8(truncatingIfNeeded: value >> T(8 * index)) }
    }
}
