import RISCV

/// A load or store that a guest could not make itself, as its instruction describes it.
struct GuestAccess {
    var isStore: Bool
    /// log2 of the width in bytes.
    var width: UInt64
    var isSigned: Bool
    /// Destination of a load, source of a store.
    var register: Int
    /// Bytes to skip once it is done.
    var length: UInt64

    /// From htinst (Privileged ISA, 21.6.3): a transformed instruction, in which bit 1 says whether the original was
    /// four bytes long. The machine may also give nothing (zero); then the instruction is read where the guest is.
    init?(transformed: UInt64, pc: UInt64) {
        if transformed & 1 != 0 {
            self.init(word: transformed | 2, length: transformed & 2 != 0 ? 4 : 2)
        } else if transformed == 0 {
            let low = UInt64(hlvx_hu(pc))
            if low & 3 == 3 {
                self.init(word: UInt64(hlvx_hu(pc + 2)) << 16 | low, length: 4)
            } else {
                self.init(compressed: low)
            }
        } else {
            return nil  // an access of the guest's own page-table walk
        }
    }

    /// LB to LWU and SB to SD.
    private init?(word: UInt64, length: UInt64) {
        let load: UInt64 = 0x03, store: UInt64 = 0x23
        let operation = word & 0x7f, function = word >> 12 & 7
        guard operation == load && function != 7 || operation == store && function < 4 else { return nil }
        isStore = operation == store
        width = function & 3
        isSigned = function < 4
        register = Int(isStore ? word >> 20 & 31 : word >> 7 & 31)
        self.length = length
    }

    /// C.LW, C.LD, C.SW and C.SD: devices are not addressed off the stack pointer.
    private init?(compressed word: UInt64) {
        guard word & 3 == 0 else { return nil }
        switch word >> 13 {
        case 2: (isStore, width) = (false, 2)
        case 3: (isStore, width) = (false, 3)
        case 6: (isStore, width) = (true, 2)
        case 7: (isStore, width) = (true, 3)
        default: return nil
        }
        isSigned = true
        register = Int(word >> 2 & 7) + 8
        length = 2
    }

    /// What a load leaves in its register.
    func extended(_ value: UInt64) -> UInt64 {
        guard width < 3 else { return value }
        let unused = 64 - (8 << width)
        return isSigned
            ? UInt64(bitPattern: Int64(bitPattern: value << unused) >> Int64(unused)) : (value << unused) >> unused
    }
}
