/// A GICv2m frame: a register through which devices make SPIs pending by messages.
///
/// "Arm Base System Architecture", DEN 0094, appendix on the GICv2m (formerly DEN 0029, Server Base System Architecture,
/// appendix E). The SPIs are to be edge-triggered; a message is a pulse.
public final class GICv2m: Device {
    /// Offsets; 32 bits wide.
    enum Register: UInt64 {
        case type = 0x008
        /// MSI_SETSPI_NS: takes the INTID, in its low ten bits.
        case setSPI = 0x040
        case identification = 0xfcc
    }

    public let name: String
    private let firstINTID: Int
    private let lines: [InterruptLine]

    /// - Parameters:
    ///   - firstINTID: the INTID of the first of the SPIs.
    ///   - lines: the wires of consecutive SPIs, which nothing else drives.
    public init(name: String, firstINTID: Int, lines: [InterruptLine]) {
        self.name = name
        self.firstINTID = firstINTID
        self.lines = lines
    }

    public func reset() {}

    /// Reserved offsets read zero and ignore writes.
    public func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 {
        try requireAligned(offset, size: size, width: 4)
        switch Register(rawValue: offset) {
        case .type: return UInt64(firstINTID) << 16 | UInt64(lines.count)
        case .identification: return GICv3Identification.implementer
        case .setSPI, nil: return 0
        }
    }

    /// Messages are the only thing that may be of 16 bits, as PCI sends them.
    public func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {
        guard size == 2 || size == 4, offset % UInt64(size) == 0 else { throw AccessFault() }
        _ = take(UInt32(truncatingIfNeeded: value), at: offset)
    }

    /// A write as a message; false where that is no register which takes them.
    func take(_ data: UInt32, at offset: UInt64) -> Bool {
        guard offset == Register.setSPI.rawValue else { return false }
        let index = Int(data & 0x3ff) - firstINTID
        if lines.indices.contains(index) {
            lines[index].set(true)
            lines[index].set(false)
        }
        return true
    }

    public func describeState(_ visitor: inout some StateVisitor) {
        for line in lines { line.describeState(&visitor) }
    }
}
