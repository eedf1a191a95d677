/// The configuration space of a function on a bus of PCI Express (PCI Local Bus 3.0, 6.1), which the host bridge has in memory.
///
/// Nothing that a function says is believed: of ranges, lists and tables that cannot be, it has none.
struct PCIFunction {
    private enum Register {
        static let vendor: UInt64 = 0x00, device: UInt64 = 0x02, command: UInt64 = 0x04, status: UInt64 = 0x06
        static let headerType: UInt64 = 0x0e, bars: UInt64 = 0x10, capabilities: UInt64 = 0x34, pin: UInt64 = 0x3d
    }
    private static let memorySpace: UInt64 = 1 << 1, busMaster: UInt64 = 1 << 2, interruptDisable: UInt64 = 1 << 10
    static let barCount = 6, bridgeBARCount = 2

    /// A range of memory that the function has, as the bus has it (6.2.5).
    struct Window: Equatable {
        /// The first of its registers, from 0 on.
        let bar: Int
        let address: UInt64
        let size: UInt64

        /// Where a part of it begins that lies in it as a whole.
        func place(of offset: UInt64, count: UInt64) -> UInt64? {
            offset <= size && count <= size - offset ? address + offset : nil
        }
    }

    let base: UInt64

    func read(_ register: UInt64, width: Int) -> UInt64 {
        Port.readDevice(base + register, width: width) & ~0 >> UInt64(64 - 8 * width)
    }
    func write(_ register: UInt64, width: Int, _ value: UInt64) {
        Port.writeDevice(base + register, width: width, value)
    }

    var isPresent: Bool { vendor != 0xffff }
    var vendor: UInt64 { read(Register.vendor, width: 2) }
    var device: UInt64 { read(Register.device, width: 2) }
    var hasOthers: Bool { read(Register.headerType, width: 1) & 0x80 != 0 }
    private var layout: UInt64 { read(Register.headerType, width: 1) & 0x7f }
    var isOrdinary: Bool { layout == 0 }
    /// A bridge to another bus (PCI-to-PCI Bridge Architecture 1.2, 3.2).
    var isBridge: Bool { layout == 1 }
    /// Of a bridge: whether the bus behind it is of PCI Express, too (PCI Express Base, 7.8.2: Device/Port Type).
    var leadsToExpress: Bool {
        let express: UInt64 = 0x10, rootPort: UInt64 = 4, downstreamPort: UInt64 = 6
        guard let place = capabilities(express).first else { return false }
        return (rootPort...downstreamPort).contains(read(place + 2, width: 2) >> 4 & 15)
    }
    /// INTA to INTD, from 1; 0 for none.
    var interruptPin: UInt32 { UInt32(truncatingIfNeeded: read(Register.pin, width: 1)) }

    /// Lets the function answer at its addresses, access memory, and interrupt.
    func enable() {
        let old = read(Register.command, width: 2)
        write(Register.command, width: 2, old & ~Self.interruptDisable | Self.memorySpace | Self.busMaster)
    }

    func disable() { write(Register.command, width: 2, 0) }

    /// Gives each range of memory that the function wants (6.2.5.1) a place, which `allocate` has for so many bytes.
    func assign(_ count: Int = barCount, _ allocate: (UInt64) -> UInt64?) -> [Window] {
        var windows: [Window] = []
        var index = 0
        while index < count {
            let register = Register.bars + UInt64(index) * 4
            write(register, width: 4, 0xffff_ffff)
            let low = read(register, width: 4)
            let isMemory = low != 0 && low & 1 == 0, isWide = isMemory && low >> 1 & 3 == 2 && index + 1 < count
            var mask = low & ~0xf | 0xffff_ffff_0000_0000
            if isWide {
                write(register + 4, width: 4, 0xffff_ffff)
                mask = low & ~0xf | read(register + 4, width: 4) << 32
            }
            let size = ~mask &+ 1
            // Of a range that is no power of two, nobody knows what it is.
            var address: UInt64 = 0
            if isMemory, size & (size &- 1) == 0, size != 0, let place = allocate(size) {
                address = place
                windows.append(Window(bar: index, address: place, size: size))
            }
            write(register, width: 4, address & 0xffff_ffff)
            if isWide { write(register + 4, width: 4, address >> 32) }
            index += isWide ? 2 : 1
        }
        return windows
    }

    /// The offsets of the capabilities with an identifier (6.7).
    func capabilities(_ identifier: UInt64) -> [UInt64] {
        let hasList: UInt64 = 1 << 4
        guard read(Register.status, width: 2) & hasList != 0 else { return [] }
        var found: [UInt64] = []
        var place = read(Register.capabilities, width: 1) & 0xfc
        // A list that leads in a circle has an end.
        for _ in 0..<48 where place >= 0x40 {
            if read(place, width: 1) == identifier, !found.contains(place) { found.append(place) }
            place = read(place + 1, width: 1) & 0xfc
        }
        return found
    }
}
