import AArch64

/// A load or store whose syndrome says nothing of it (ISV is 0), as its instruction describes it (C4.1.4): pairs, what changes
/// its base register, and registers of vectors. Exclusive and atomic accesses are none: no device has to take those.
struct UndescribedAccess {
    private var isStore = false
    private var isVector = false
    private var isSigned = false
    private var isWide = false
    /// Bytes of each register that is read or written, and of each access to the device.
    private var size = 0
    private var width = 0
    private var registerCount = 1
    private var registers = InlineArray<4, Int>(repeating: 0)
    /// Of the address; 31 is the stack pointer.
    private var base = 0
    /// Added to the base: a number, or a register with what is done to it.
    private var offset: Int64 = 0
    private var index: (register: Int, option: UInt64, shift: UInt64)?
    /// The base is used as it is, or what was added is left in it.
    private var isPostIndexed = false
    private var writesBack = false

    init?(instruction: UInt32) {
        let word = UInt64(instruction)
        registers[0] = Int(word & 31)
        base = Int(word >> 5 & 31)
        isVector = word >> 26 & 1 != 0
        isStore = word >> 22 & 1 == 0
        let isUnderstood =
            switch word >> 27 & 7 {
            case 5: decodePair(word)
            case 7: decodeSingle(word)
            case 1: decodeStructure(word)
            default: false
            }
        guard isUnderstood else { return nil }
        if width == 0 { width = min(size, 8) }
    }

    private static func signed(_ value: UInt64, bits: UInt64) -> Int64 {
        Int64(bitPattern: value &<< (64 - bits)) &>> Int64(64 - bits)
    }

    /// LDP, STP, LDPSW, LDNP and STNP.
    private mutating func decodePair(_ word: UInt64) -> Bool {
        let (kind, mode) = (word >> 30, word >> 23 & 7)
        guard mode < 4 else { return false }
        if isVector {
            guard kind < 3 else { return false }
            size = 4 << Int(kind)
        } else {
            guard kind == 0 || kind == 2 || kind == 1 && !isStore && mode != 0 else { return false }
            size = kind == 2 ? 8 : 4
            isSigned = kind == 1
            isWide = kind != 0
        }
        registerCount = 2
        registers[1] = Int(word >> 10 & 31)
        offset = Self.signed(word >> 15 & 0x7f, bits: 7) * Int64(size)
        isPostIndexed = mode == 1
        writesBack = mode & 1 != 0
        return true
    }

    /// LDR and STR of any size and form.
    private mutating func decodeSingle(_ word: UInt64) -> Bool {
        let (scale, operation) = (word >> 30, word >> 22 & 3)
        if isVector {
            let scale = (operation >> 1) << 2 | scale
            guard scale <= 4 else { return false }
            size = 1 << Int(scale)
        } else {
            size = 1 << Int(scale)
            isStore = operation == 0
            isSigned = operation >= 2
            isWide = operation == 2 || scale == 3
            guard scale < 3 || operation < 2, operation < 3 || scale < 2 else { return false }
        }
        let form = word >> 10 & 3
        if word >> 24 & 1 != 0 {
            offset = Int64(word >> 10 & 0xfff) * Int64(size)
        } else if word >> 21 & 1 == 0 {
            offset = Self.signed(word >> 12 & 0x1ff, bits: 9)
            isPostIndexed = form == 1
            writesBack = form & 1 != 0
        } else {
            guard form == 2, word >> 14 & 1 != 0 else { return false }
            let shift = word >> 12 & 1 != 0 ? UInt64(size.trailingZeroBitCount) : 0
            index = (Int(word >> 16 & 31), word >> 13 & 7, shift)
        }
        return true
    }

    /// LD1 and ST1 of whole registers, whose elements follow each other in memory.
    private mutating func decodeStructure(_ word: UInt64) -> Bool {
        let isIndexed = word & 0xbfa0_0000 == 0x0c80_0000
        guard isIndexed || word & 0xbfbf_0000 == 0x0c00_0000 else { return false }
        switch word >> 12 & 15 {
        case 7: registerCount = 1
        case 10: registerCount = 2
        case 6: registerCount = 3
        case 2: registerCount = 4
        default: return false
        }
        for place in 1..<4 { registers[place] = (registers[0] + place) % 32 }
        size = word >> 30 & 1 != 0 ? 16 : 8
        width = 1 << Int(word >> 10 & 3)
        if isIndexed {
            isPostIndexed = true
            writesBack = true
            let register = Int(word >> 16 & 31), asItIs: UInt64 = 3
            if register == 31 { offset = Int64(size * registerCount) } else { index = (register, asItIs, 0) }
        }
        return true
    }

    // MARK: Doing it

    /// What the instruction does with a device that begins at `start` of the guest's virtual addresses, and has `length`
    /// bytes; false where some of it is elsewhere. The guest is loaded here.
    func perform(
        _ device: any EmulatedDevice, start: UInt64, length: UInt64, _ vcpu: VCPUReference
    ) -> Bool {
        let state = vcpu.state
        let base = baseValue(state)
        let moved = base &+ added(state)
        let place = (isPostIndexed ? base : moved) &- start
        let total = UInt64(size * registerCount)
        guard place <= length, total <= length &- place else { return false }
        // A vector register that the guest has used here is in the CPU.
        if isVector { LazyFloats.evict(vcpu) }
        let floats = isVector ? vcpu.pointee.floats : nil
        guard isVector == (floats != nil) else { return false }
        var low = InlineArray<4, UInt64>(repeating: 0), high = InlineArray<4, UInt64>(repeating: 0)
        for register in 0..<registerCount {
            if isStore { (low[register], high[register]) = value(registers[register], state, floats) }
            for piece in stride(from: 0, to: size, by: width) {
                let offset = place &+ UInt64(register * size + piece), shift = UInt64(piece % 8 * 8)
                if isStore {
                    device.write(offset, width: width, value: (piece < 8 ? low : high)[register] &>> shift)
                } else {
                    let mask = width == 8 ? UInt64.max : (1 << UInt64(width * 8)) - 1
                    let value = (device.read(offset, width: width) & mask) &<< shift
                    if piece < 8 { low[register] |= value } else { high[register] |= value }
                }
            }
        }
        if !isStore {
            for register in 0..<registerCount { set(registers[register], low[register], high[register], state, floats) }
        }
        if isVector { LazyFloats.take(vcpu) }
        if writesBack { setBase(moved, state) }
        return true
    }

    private func added(_ state: UnsafeMutablePointer<AArch64VCPUState>) -> UInt64 {
        guard let index else { return UInt64(bitPattern: offset) }
        let value = index.register == 31 ? 0 : state.pointee[index.register]
        let extended: UInt64 =
            switch index.option {
            case 2: value & 0xffff_ffff
            case 6: UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: value)))
            default: value
            }
        return extended &<< index.shift
    }

    private func value(
        _ register: Int, _ state: UnsafeMutablePointer<AArch64VCPUState>, _ floats: UnsafeMutablePointer<UInt64>?
    ) -> (UInt64, UInt64) {
        guard let floats else {
            return (register == 31 ? 0 : state.pointee[register], 0)
        }
        return (floats[register * 2], floats[register * 2 + 1])
    }

    private func set(
        _ register: Int, _ low: UInt64, _ high: UInt64, _ state: UnsafeMutablePointer<AArch64VCPUState>,
        _ floats: UnsafeMutablePointer<UInt64>?
    ) {
        if let floats {
            (floats[register * 2], floats[register * 2 + 1]) = (low, high)
        } else if register != 31 {
            let access = GuestAccess(
                isStore: false, width: size, isSigned: isSigned, isWide: isWide, register: register)
            state.pointee[register] = access.extended(low)
        }
    }

    /// Whether the stack pointer of the guest's level is SP_EL1 (SPSR_EL2.M).
    private func usesOwnStack(_ state: UnsafeMutablePointer<AArch64VCPUState>) -> Bool {
        state.pointee.status & 0xf == 5
    }

    private func baseValue(_ state: UnsafeMutablePointer<AArch64VCPUState>) -> UInt64 {
        if base != 31 { return state.pointee[base] }
        return usesOwnStack(state) ? read_sp_el1() : read_sp_el0()
    }

    private func setBase(_ value: UInt64, _ state: UnsafeMutablePointer<AArch64VCPUState>) {
        if base != 31 { return state.pointee[base] = value }
        if usesOwnStack(state) { write_sp_el1(value) } else { write_sp_el0(value) }
    }
}
