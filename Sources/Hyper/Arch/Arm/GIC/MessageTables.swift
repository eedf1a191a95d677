/// What a GICv3's Redistributors have in memory of messages (LPI): one table that says which are enabled, and of each CPU one
/// of those that are pending (IHI 0069, 5.1, 12.11).
struct MessageTables {
    private enum Register {
        static let properties: UInt64 = 0x70, pending: UInt64 = 0x78
        static let isOn: UInt64 = 1 << 0
        /// GICR_PENDBASER: nothing is pending in the table.
        static let isEmpty: UInt64 = 1 << 62
        /// Cached, and shared with CPUs.
        static let attributes: UInt64 = 7 << 7 | 1 << 10
    }

    /// Bits of a message's number: as many as there have to be.
    static let bits: UInt64 = 14
    static let count = 1 << Int(bits) - HostGIC.firstMessage
    private static let propertyPages = count / 4096
    /// Pending tables stand at multiples of 64 KiB.
    private static let pendingAlignment: UInt64 = 0x1_0000

    private let properties: UInt64
    /// By CPU; 0 where none was wanted yet.
    private var pending = InlineArray<32, UInt64>(repeating: 0)

    init() throws(HyperError) {
        properties = try Pages.allocate(Self.propertyPages)
        Pages.clear(properties, count: Self.propertyPages)
    }

    /// Sets whether a message is signalled. Its Redistributor has to be told (INV).
    func set(_ number: Int, isEnabled: Bool) {
        // SAFETY: numbers are those of messages that were allocated, which the table has.
        let place = UnsafeMutablePointer<UInt8>(bitPattern: UInt(properties) + UInt(number - HostGIC.firstMessage))
        // Bit 1 is always 1 (12.1.2, LPI Configuration tables).
        place.unsafelyUnwrapped.pointee = UInt8(HostGIC.priority) | 2 | (isEnabled ? 1 : 0)
    }

    /// Has this CPU take messages; false where there is no memory for what it needs.
    mutating func start() -> Bool {
        let registers = HostGIC.redistributor
        let control = Port.readDevice(registers + Redistributors.control, width: 4)
        // From then on the tables stay where they are (GICR_CTLR.EnableLPIs).
        if control & Register.isOn != 0 { return true }
        let index = Port.cpu.pointee.index
        if pending[index] == 0 {
            guard let table = try? Pages.allocate(1, alignment: Self.pendingAlignment) else { return false }
            pending[index] = table
        }
        Pages.clear(pending[index], count: 1)
        Port.writeDevice(
            registers + Register.properties, width: 8, properties | Register.attributes | (Self.bits - 1))
        Port.writeDevice(
            registers + Register.pending, width: 8, pending[index] | Register.attributes | Register.isEmpty)
        Port.writeDevice(registers + Redistributors.control, width: 4, control | Register.isOn)
        return true
    }
}
