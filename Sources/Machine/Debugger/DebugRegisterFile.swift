import ISA

/// The registers of one CPU by number, as debuggers have them. It is asked while the CPU stands.
///
/// Every architecture's is in a file of its own beside this one.
public protocol DebugRegisterFile {
    /// The general ones first; a register's place is its number.
    var registers: [DebugRegister] { get }
    /// Its bytes, little-endian; nil where there is nothing to read, or reading would have an effect.
    func read(_ number: Int) -> [UInt8]?
    /// Writes as many bytes as the register has, past all traps and privilege; what follows from the value does.
    /// - Returns: false, and nothing is changed, where it cannot be written.
    func write(_ number: Int, _ bytes: [UInt8]) -> Bool
}

extension UInt64 {
    /// As many little-endian bytes, zeros above the eighth.
    func littleEndianBytes(_ count: Int) -> [UInt8] {
        (0..<count).map { $0 < 8 ? UInt8(truncatingIfNeeded: self >> UInt64(8 * $0)) : 0 }
    }

    /// Of at most eight bytes, the lowest first.
    init(littleEndianBytes bytes: some Sequence<UInt8>) {
        self = 0
        for (index, byte) in bytes.prefix(8).enumerated() { self |= UInt64(byte) << UInt64(8 * index) }
    }
}
