/// A load or store that a guest cannot make itself, as its syndrome describes it.
struct GuestAccess {
    var isStore: Bool
    /// Bytes.
    var width: Int
    var isSigned: Bool
    /// The register has 64 bits; else its upper half becomes 0.
    var isWide: Bool
    /// Destination of a load, source of a store; 31 is XZR.
    var register: Int

    /// What a load leaves in its register.
    @inline(__always)
    func extended(_ value: UInt64) -> UInt64 {
        guard width < 8 else { return value }
        let unused = UInt64(64 - 8 * width)
        guard isSigned else { return (value &<< unused) &>> unused }
        let signed = UInt64(bitPattern: Int64(bitPattern: value &<< unused) &>> Int64(unused))
        return isWide ? signed : signed & 0xffff_ffff
    }
}

extension GuestAccess {
    /// From ESR_EL2 (ISS encoding for a Data Abort): nil where ISV says that there is nothing. That is so for pairs, vectors and
    /// exclusives, and for what also changes its base register.
    @inline(__always)
    init?(syndrome: UInt64) {
        let isValid: UInt64 = 1 << 24
        guard syndrome & isValid != 0 else { return nil }
        isStore = syndrome & 1 << 6 != 0
        width = 1 << Int(truncatingIfNeeded: syndrome >> 22 & 3)
        isSigned = syndrome & 1 << 21 != 0
        register = Int(truncatingIfNeeded: syndrome >> 16 & 31)
        isWide = syndrome & 1 << 15 != 0
    }
}
