import ISA

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
    private let banks: [Bank]
    /// The same for accesses.
    private let places: FixedArray<Uncounted<Bank>>
    private let accessor: () -> Int

    private final class Bank {
        let registers: any BankedRegisters
        init(_ registers: any BankedRegisters) { self.registers = registers }
    }

    /// - Parameter accessor: the number of the CPU whose access this is.
    init(name: String, banks: [any BankedRegisters], accessor: @escaping () -> Int) {
        self.name = name
        self.banks = banks.map { Bank($0) }
        self.accessor = accessor
        places = FixedArray(self.banks.map { Uncounted($0) })
    }

    func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 {
        try requireAligned(offset, size: size, width: 4)
        let cpu = accessor()
        guard cpu < places.count else { return 0 }
        return UInt64(places[cpu].with { $0.registers.read(offset) })
    }

    func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {
        try requireAligned(offset, size: size, width: 4)
        let cpu = accessor()
        guard cpu < places.count else { return }
        places[cpu].with { $0.registers.write(offset, UInt32(truncatingIfNeeded: value)) }
    }

    func reset() {
        for bank in banks { bank.registers.reset() }
    }

    func describeState(_ visitor: inout some StateVisitor) {
        for bank in banks { bank.registers.describeState(&visitor) }
    }
}
