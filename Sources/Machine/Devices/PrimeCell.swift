/// The identification registers at the end of each of Arm's PrimeCell peripherals: eight bytes, one a word.
///
/// UARTPeriphID0 to 3 and UARTPCellID0 to 3 of the PL011 (DDI 0183, 3.3.15 and 3.3.16); those of other cells differ
/// in the part number alone.
struct PrimeCellIdentification {
    /// Where the first of them is in every cell of 4 KiB.
    static let range: Range<UInt64> = 0xfe0..<0x1000

    private let bytes: [UInt8]

    /// - Parameters:
    ///   - part: twelve bits, such as 0x011.
    ///   - revision: four bits. QEMU's board has revision 1 of the UART and of the clock, and 0 of the GPIO.
    init(part: UInt16, revision: UInt8) {
        let designer: UInt8 = 0x41  // Arm
        bytes = [
            UInt8(truncatingIfNeeded: part), designer << 4 | UInt8(truncatingIfNeeded: part >> 8),
            revision << 4 | designer >> 4, 0x00, 0x0d, 0xf0, 0x05, 0xb1,
        ]
    }

    /// The register at an offset of ``range``.
    func read(_ offset: UInt64) -> UInt64 {
        UInt64(bytes[Int(offset - Self.range.lowerBound) / 4 % 8])
    }
}

/// Refuses an access that does not begin with a register of a PrimeCell's 32-bit bus, or is longer than one. Shorter ones
/// reach its low bytes.
func requireLowBytes(_ offset: UInt64, size: Int) throws(AccessFault) {
    guard size <= 4, offset % 4 == 0 else { throw AccessFault() }
}
