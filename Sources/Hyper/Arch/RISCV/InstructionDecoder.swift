/// A load or store that a guest cannot make itself, as its instruction describes it.
struct GuestAccess {
    var isStore: Bool
    /// Bytes.
    var width: Int
    var isSigned: Bool
    /// Destination of a load, source of a store.
    var register: Int
    /// Bytes to skip once it is done.
    var length: UInt64

    /// From htinst (Privileged ISA, 21.6.3): a transformed instruction, in which bit 1 says whether the original was
    /// four bytes long.
    @inline(__always)
    init?(transformed: UInt64) {
        self.init(word: transformed | 2, length: transformed & 2 != 0 ? 4 : 2)
    }

    /// From the instruction itself.
    init?(instruction: UInt64) {
        if instruction & 3 == 3 { self.init(word: instruction, length: 4) } else { self.init(compressed: instruction) }
    }

    /// LB to LWU and SB to SD.
    @inline(__always)
    private init?(word: UInt64, length: UInt64) {
        let load: UInt64 = 0x03, store: UInt64 = 0x23
        let operation = word & 0x7f, function = word >> 12 & 7
        guard operation == load && function != 7 || operation == store && function < 4 else { return nil }
        isStore = operation == store
        width = 1 << Int(function & 3)
        isSigned = function < 4
        register = Int(truncatingIfNeeded: isStore ? word >> 20 : word >> 7) & 31
        self.length = length
    }

    /// C.LW, C.LD, C.SW and C.SD: devices are not addressed off the stack pointer.
    private init?(compressed word: UInt64) {
        guard word & 3 == 0 else { return nil }
        switch word >> 13 & 7 {
        case 2: (isStore, width) = (false, 4)
        case 3: (isStore, width) = (false, 8)
        case 6: (isStore, width) = (true, 4)
        case 7: (isStore, width) = (true, 8)
        default: return nil
        }
        isSigned = true
        register = Int(truncatingIfNeeded: word >> 2 & 7) + 8
        length = 2
    }

    /// What a load leaves in its register.
    @inline(__always)
    func extended(_ value: UInt64) -> UInt64 {
        guard width < 8 else { return value }
        let unused = UInt64(64 - 8 * width)
        return isSigned
            ? UInt64(bitPattern: Int64(bitPattern: value &<< unused) &>> Int64(unused)) : (value &<< unused) &>> unused
    }
}
