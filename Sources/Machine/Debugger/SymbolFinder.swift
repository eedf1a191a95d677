/// The names of a session's addresses.
public struct SymbolFinder {
    private let tables: [SymbolTable]

    /// - Parameter tables: the kernel's before the firmware's.
    public init(_ tables: [SymbolTable]) {
        self.tables = tables
    }

    public var isEmpty: Bool { tables.allSatisfy(\.isEmpty) }

    /// `vcpu_run+0x1c`, where some program says so.
    public func name(_ address: UInt64) -> String? {
        for table in tables { if let location = table.location(of: address) { return location.description } }
        return nil
    }

    public func address(of name: String) -> UInt64? {
        for table in tables { if let address = table.address(of: name) { return address } }
        return nil
    }

    /// The name, or the address where there is none. A guest's addresses are its own, and no program's here.
    public func text(_ address: UInt64, inGuest: Bool = false) -> String {
        (inGuest ? nil : name(address)) ?? hexadecimal(address)
    }
}
