/// Registers of which each CPU has its own, all at one address.
protocol BankedRegisters: AnyObject {
    func read(_ offset: UInt64) -> UInt32
    func write(_ offset: UInt64, _ value: UInt32)
    func reset()
    func describeState(_ visitor: inout some StateVisitor)
}

/// A frame of registers that are banked: an access reaches those of the CPU that makes it.
///
/// A bus tells a device nothing of who accesses it. A real one does, by signals beside the address; here the board does,
/// which knows whose turn it is.
final class BankedFrame: Device {
    let name: String
    private let banks: [any BankedRegisters]
    /// The same, for which nothing is counted.
    private let places: UnsafeMutableBufferPointer<Bank>
    private let accessor: () -> Int

    private struct Bank {
        // SAFETY: the frame holds them in ``banks``.
        unowned(unsafe) let registers: any BankedRegisters
    }

    /// - Parameter accessor: the number of the CPU whose access this is.
    init(name: String, banks: [any BankedRegisters], accessor: @escaping () -> Int) {
        self.name = name
        self.banks = banks
        self.accessor = accessor
        places = .allocate(capacity: banks.count)
        // SAFETY: it is for as many, which are not counted.
        _ = places.initialize(from: banks.map { Bank(registers: $0) })
    }

    deinit { places.deallocate() }

    func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 {
        try requireAligned(offset, size: size, width: 4)
        let cpu = accessor()
        guard cpu < places.count else { return 0 }
        return UInt64(places[cpu].registers.read(offset))
    }

    func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {
        try requireAligned(offset, size: size, width: 4)
        let cpu = accessor()
        guard cpu < places.count else { return }
        places[cpu].registers.write(offset, UInt32(truncatingIfNeeded: value))
    }

    func reset() {
        for bank in banks { bank.reset() }
    }

    func describeState(_ visitor: inout some StateVisitor) {
        for bank in banks { bank.describeState(&visitor) }
    }
}
