/// The supervisor-level software interrupts of a RISC-V board: an SSWI device.
///
/// "RISC-V Advanced Core Local Interruptor Specification", version 1.0, chapter 4. A write of 1 to SETSSIP sends an edge
/// to the hart, whose own SSIP bit holds it; the register reads zero.
public final class SupervisorSoftwareInterrupts: Device {
    /// The register map: one SETSSIP word a hart.
    enum Register {
        static let setssip: Range<UInt64> = 0x0000..<0x4000
    }

    public let name: String
    private let lines: [InterruptLine]

    /// - Parameter lines: an edge-triggered input of each hart that sets SSIP.
    public init(name: String, lines: [InterruptLine]) {
        self.name = name
        self.lines = lines
    }

    public func reset() {}

    public func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 {
        try requireAligned(offset, size: size, width: 4)
        guard Register.setssip.contains(offset) else { throw AccessFault() }
        return 0
    }

    public func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {
        try requireAligned(offset, size: size, width: 4)
        guard Register.setssip.contains(offset) else { throw AccessFault() }
        let hart = Int(offset / 4)
        if value & 1 != 0, hart < lines.count { lines[hart].pulse() }
    }

    /// It has none: the harts hold what it sends.
    public func describeState(_ visitor: inout some StateVisitor) {}
}
