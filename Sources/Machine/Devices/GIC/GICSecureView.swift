import ISA

/// Registers of an interrupt controller with the Security Extensions, which answer Secure accesses otherwise than others.
protocol SecureRegisters: Device {
    func read(_ offset: UInt64, size: Int, isSecure: Bool) throws(AccessFault) -> UInt64
    func write(_ offset: UInt64, size: Int, value: UInt64, isSecure: Bool) throws(AccessFault)
}

/// A frame as Secure accesses find it, which boards map where Secure state's own devices are. The registers' own place is
/// for all other accesses. It has no state.
final class GICSecureView: Device {
    let name: String
    private let registers: any SecureRegisters

    init(_ registers: any SecureRegisters) {
        name = registers.name + "-secure"
        self.registers = registers
    }

    func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 {
        try registers.read(offset, size: size, isSecure: true)
    }

    func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {
        try registers.write(offset, size: size, value: value, isSecure: true)
    }

    func reset() {}

    func describeState(_ visitor: inout some StateVisitor) {}
}

/// Priorities as Non-secure software sees them: the lower half of the range as the whole (IHI 0048B 3.8.1, "Software views
/// of interrupt priority"; IHI 0069 4.8.6).
enum NonSecurePriority {
    /// What is in the upper half, which is Secure software's, reads as zero.
    static func read(_ priority: UInt8) -> UInt8 { priority & 0x80 == 0 ? 0 : priority << 1 }

    static func written(_ value: UInt8) -> UInt8 { 0x80 | value >> 1 }
}

/// Thirty-two interrupts as Non-secure accesses find them: those of Group 1 alone, whose group they cannot change
/// (IHI 0048B 4.3; IHI 0069 12.9), and of others what GICD_NSACRn lets them have.
extension InterruptBank {
    /// What GICD_NSACRn lets Non-secure software do with an interrupt; each includes those before it.
    private enum Access: UInt64 {
        case setPending = 1
        /// And see whether it is active.
        case clearPending = 2
        case route = 3
    }

    private func allowed(_ access: Access) -> UInt32 {
        guard nonSecureAccess != 0 else { return group }
        return (0..<32).reduce(group) { mask, index in
            nonSecureAccess >> (2 * index) & 3 >= access.rawValue ? mask | 1 << UInt32(index) : mask
        }
    }

    /// The interrupts whose GICD_IROUTERn Non-secure accesses find.
    var routableNonSecure: UInt32 { allowed(.route) }

    /// The bits of a word that Non-secure accesses find.
    private func visible(_ register: InterruptRegister, isWritten: Bool) -> UInt32 {
        switch register.kind {
        case .group, .modifier, .nonSecureAccess: return 0
        case .setEnable, .clearEnable: return group
        case .setPending: return allowed(.setPending)
        case .clearPending: return allowed(.clearPending)
        case .setActive, .clearActive: return isWritten ? group : allowed(.clearPending)
        case .priority:
            return (0..<4).reduce(0) { mask, byte in
                group >> UInt32((register.part * 4 + byte) & 31) & 1 == 0 ? mask : mask | 0xff << UInt32(8 * byte)
            }
        case .configuration:
            return (0..<16).reduce(0) { mask, index in
                group >> UInt32(16 * (register.part & 1) + index) & 1 == 0 ? mask : mask | 3 << UInt32(2 * index)
            }
        }
    }

    func readNonSecure(_ register: InterruptRegister) -> UInt32 {
        let value = read(register) & visible(register, isWritten: false)
        guard register.kind == .priority else { return value }
        return Self.eachByte(value, NonSecurePriority.read)
    }

    mutating func writeNonSecure(_ register: InterruptRegister, _ value: UInt32, mask: UInt32, priorityBits: UInt8) {
        let value = register.kind == .priority ? Self.eachByte(value, NonSecurePriority.written) : value
        write(register, value, mask: mask & visible(register, isWritten: true), priorityBits: priorityBits)
    }

    private static func eachByte(_ word: UInt32, _ change: (UInt8) -> UInt8) -> UInt32 {
        (0..<4 as Range<UInt32>).reduce(0) { result, byte in
            result | UInt32(change(UInt8(truncatingIfNeeded: word >> (8 * byte)))) << (8 * byte)
        }
    }
}
