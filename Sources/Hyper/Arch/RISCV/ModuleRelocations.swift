/// How modules are linked on RISC-V (RISC-V ELF psABI 1.0, "Relocations"). The unit tests' port has it, too.
public enum RISCVModuleRelocations: ModuleRelocator {
    public static var machine: UInt16 { 243 }

    // S is the symbol, A the addend, P the place, V what is there, G the slot's word.
    private enum Kind {
        static let word32: UInt32 = 1, word64: UInt32 = 2
        static let branch: UInt32 = 16, jump: UInt32 = 17, call: UInt32 = 18, callThroughTable: UInt32 = 19
        static let tableHigh: UInt32 = 20, relativeHigh: UInt32 = 23, relativeLowI: UInt32 = 24,
            relativeLowS: UInt32 = 25
        static let high: UInt32 = 26, lowI: UInt32 = 27, lowS: UInt32 = 28
        static let add8: UInt32 = 33, add16: UInt32 = 34, add32: UInt32 = 35, add64: UInt32 = 36
        static let subtract8: UInt32 = 37, subtract16: UInt32 = 38, subtract32: UInt32 = 39, subtract64: UInt32 = 40
        static let align: UInt32 = 43, compressedBranch: UInt32 = 44, compressedJump: UInt32 = 45, relax: UInt32 = 51
        static let subtract6: UInt32 = 52, set6: UInt32 = 53, set8: UInt32 = 54, set16: UInt32 = 55, set32: UInt32 = 56
        static let relative32: UInt32 = 57, call32ThroughTable: UInt32 = 59
    }

    // MARK: Slots

    /// Code that jumps to the word behind it, with the register that calls may change on their way ("Linker Relaxation").
    private static let slotCode: InlineArray<4, UInt32> = [
        0x0000_0317,  // auipc t1, 0
        0x0103_3303,  // ld    t1, 16(t1)
        0x0003_0067,  // jr    t1
        0x0000_0013,  // nop
    ]
    private static let slotWord: UInt64 = 16
    public static var slotSize: Int { 24 }

    public static func needsSlot(_ type: UInt32, isOutside: Bool) -> Bool {
        switch type {
        case Kind.tableHigh: true
        case Kind.call, Kind.callThroughTable, Kind.call32ThroughTable: isOutside
        default: false
        }
    }

    public static func writeSlot(_ target: UInt64, to image: ModuleImage, at offset: UInt64) {
        for index in 0..<slotCode.count { image.store(slotCode[index], at: offset + UInt64(index) * 4) }
        image.store(target, at: offset + slotWord)
    }

    // MARK: Relocations

    public static func apply(_ relocations: [ModuleRelocation], to image: ModuleImage) throws(HyperError) {
        // The lower halves of relative addresses name the place of the upper one.
        var highs: [(place: UInt64, value: Int64)] = []
        for relocation in relocations {
            let place = image.address &+ relocation.place
            switch relocation.type {
            case Kind.relativeHigh: highs.append((place, distance(relocation.target, place)))
            case Kind.tableHigh: highs.append((place, distance(relocation.slot &+ slotWord, place)))
            default: break
            }
        }
        highs = highs.ordered { $0.place < $1.place }
        for relocation in relocations { try apply(relocation, to: image, highs) }
    }

    private static func apply(
        _ relocation: ModuleRelocation, to image: ModuleImage, _ highs: [(place: UInt64, value: Int64)]
    ) throws(HyperError) {
        let place = image.address &+ relocation.place
        let relative = distance(relocation.target, place)
        switch relocation.type {
        case 0, Kind.relax: return
        case Kind.word32:
            let value = Int64(bitPattern: relocation.target)
            guard Int64(Int32.min)...Int64(UInt32.max) ~= value else { throw tooFar(relocation) }
            try change(relocation, image) { _ in UInt32(truncatingIfNeeded: value) }
        case Kind.word64: try change(relocation, image) { _ in relocation.target }
        case Kind.relative32:
            guard Int32(exactly: relative) != nil else { throw tooFar(relocation) }
            try change(relocation, image) { _ in UInt32(truncatingIfNeeded: relative) }
        case Kind.call32ThroughTable:
            let value = reachable(relative) ? relative : distance(relocation.slot, place)
            guard Int32(exactly: value) != nil else { throw tooFar(relocation) }
            try change(relocation, image) { _ in UInt32(truncatingIfNeeded: value) }
        case Kind.branch:
            let bits = try bits(relative, 13, relocation)
            try change(relocation, image) { $0 & 0x01ff_f07f | Immediate.branch(bits) }
        case Kind.jump:
            let bits = try bits(relative, 21, relocation)
            try change(relocation, image) { $0 & 0xfff | Immediate.jump(bits) }
        case Kind.compressedBranch:
            let bits = try bits(relative, 9, relocation)
            try change(relocation, image) { $0 & 0xe383 | Immediate.compressedBranch(bits) }
        case Kind.compressedJump:
            let bits = try bits(relative, 12, relocation)
            try change(relocation, image) { $0 & 0xe003 | Immediate.compressedJump(bits) }
        case Kind.call, Kind.callThroughTable:
            // auipc and jalr, perhaps through the slot.
            let value = reachable(relative) || relocation.slot == 0 ? relative : distance(relocation.slot, place)
            try setHigh(value, relocation, image)
            try change(relocation, image, after: 4) { $0 & 0xf_ffff | Immediate.i(value) }
        case Kind.tableHigh: try setHigh(distance(relocation.slot &+ slotWord, place), relocation, image)
        case Kind.relativeHigh: try setHigh(relative, relocation, image)
        case Kind.relativeLowI, Kind.relativeLowS:
            let value = try high(at: relocation.target, highs)
            try setLow(value, isStore: relocation.type == Kind.relativeLowS, relocation, image)
        case Kind.high: try setHigh(Int64(bitPattern: relocation.target), relocation, image)
        case Kind.lowI, Kind.lowS:
            try setLow(
                Int64(bitPattern: relocation.target), isStore: relocation.type == Kind.lowS, relocation, image)
        default: try applyArithmetic(relocation, image)
        }
    }

    /// Differences of two symbols, which no instruction has but tables.
    private static func applyArithmetic(_ relocation: ModuleRelocation, _ image: ModuleImage) throws(HyperError) {
        let value = relocation.target
        switch relocation.type {
        case Kind.add8: try change(relocation, image) { $0 &+ UInt8(truncatingIfNeeded: value) }
        case Kind.add16: try change(relocation, image) { $0 &+ UInt16(truncatingIfNeeded: value) }
        case Kind.add32: try change(relocation, image) { $0 &+ UInt32(truncatingIfNeeded: value) }
        case Kind.add64: try change(relocation, image) { $0 &+ value }
        case Kind.subtract8: try change(relocation, image) { $0 &- UInt8(truncatingIfNeeded: value) }
        case Kind.subtract16: try change(relocation, image) { $0 &- UInt16(truncatingIfNeeded: value) }
        case Kind.subtract32: try change(relocation, image) { $0 &- UInt32(truncatingIfNeeded: value) }
        case Kind.subtract64: try change(relocation, image) { $0 &- value }
        case Kind.subtract6:
            try change(relocation, image) { $0 & 0xc0 | ($0 &- UInt8(truncatingIfNeeded: value)) & 0x3f }
        case Kind.set6: try change(relocation, image) { $0 & 0xc0 | UInt8(truncatingIfNeeded: value) & 0x3f }
        case Kind.set8: try change(relocation, image) { _ in UInt8(truncatingIfNeeded: value) }
        case Kind.set16: try change(relocation, image) { _ in UInt16(truncatingIfNeeded: value) }
        case Kind.set32: try change(relocation, image) { _ in UInt32(truncatingIfNeeded: value) }
        case Kind.align: throw HyperError("it wants to be relaxed: build modules with -mno-relax")
        default: throw HyperError("relocation \(UInt64(relocation.type)) is none that modules may have")
        }
    }

    // MARK: Parts of them

    private static func distance(_ target: UInt64, _ place: UInt64) -> Int64 { Int64(bitPattern: target &- place) }

    /// Whether an upper part of 20 bits and a signed lower one of 12 reach so far.
    private static func reachable(_ value: Int64) -> Bool { -0x8000_0800..<0x7fff_f800 ~= value }

    private static func tooFar(_ relocation: ModuleRelocation) -> HyperError {
        HyperError(
            "relocation \(UInt64(relocation.type)) does not reach \(hex: relocation.target): build modules with -mcmodel=medany"
        )
    }

    /// The value, if it is even and a signed number of so many bits.
    private static func bits(_ value: Int64, _ count: Int64, _ relocation: ModuleRelocation) throws(HyperError)
        -> UInt32
    {
        let limit: Int64 = 1 << (count - 1)
        guard -limit..<limit ~= value, value & 1 == 0 else { throw tooFar(relocation) }
        return UInt32(truncatingIfNeeded: value)
    }

    /// Changes what is at the place, or behind it.
    private static func change<Value: FixedWidthInteger & BitwiseCopyable>(
        _ relocation: ModuleRelocation, _ image: ModuleImage, after offset: UInt64 = 0, _ body: (Value) -> Value
    ) throws(HyperError) {
        guard offset + UInt64(Value.bitWidth / 8) <= relocation.room else {
            throw HyperError("relocation \(UInt64(relocation.type)) goes beyond the end of its section")
        }
        let place = relocation.place + offset
        image.store(body(image.load(place, as: Value.self)), at: place)
    }

    private static func setHigh(
        _ value: Int64, _ relocation: ModuleRelocation, _ image: ModuleImage
    ) throws(HyperError) {
        guard reachable(value) else { throw tooFar(relocation) }
        try change(relocation, image) { $0 & 0xfff | UInt32(truncatingIfNeeded: value &+ 0x800) & 0xffff_f000 }
    }

    private static func setLow(
        _ value: Int64, isStore: Bool, _ relocation: ModuleRelocation, _ image: ModuleImage
    ) throws(HyperError) {
        if isStore {
            try change(relocation, image) { $0 & 0x01ff_f07f | Immediate.s(value) }
        } else {
            try change(relocation, image) { $0 & 0xf_ffff | Immediate.i(value) }
        }
    }

    private static func high(at place: UInt64, _ highs: [(place: UInt64, value: Int64)]) throws(HyperError) -> Int64 {
        var (low, high) = (0, highs.count)
        while low < high {
            let middle = (low + high) / 2
            if highs[middle].place < place { low = middle + 1 } else { high = middle }
        }
        guard low < highs.count, highs[low].place == place else {
            throw HyperError("the lower half of an address has no upper one at \(hex: place)")
        }
        return highs[low].value
    }

    /// Where instructions have the bits of a value (Unprivileged ISA, "Immediate Encoding Variants", and the formats of "C").
    private enum Immediate {
        private static func bits(_ value: UInt32, _ high: UInt32, _ low: UInt32, at place: UInt32) -> UInt32 {
            (value >> low & (1 << (high - low + 1) - 1)) << place
        }

        static func i(_ value: Int64) -> UInt32 { UInt32(truncatingIfNeeded: value) << 20 }

        static func s(_ value: Int64) -> UInt32 {
            let value = UInt32(truncatingIfNeeded: value)
            return bits(value, 11, 5, at: 25) | bits(value, 4, 0, at: 7)
        }

        static func branch(_ value: UInt32) -> UInt32 {
            bits(value, 12, 12, at: 31) | bits(value, 10, 5, at: 25) | bits(value, 4, 1, at: 8)
                | bits(value, 11, 11, at: 7)
        }

        static func jump(_ value: UInt32) -> UInt32 {
            bits(value, 20, 20, at: 31) | bits(value, 10, 1, at: 21) | bits(value, 11, 11, at: 20)
                | bits(value, 19, 12, at: 12)
        }

        static func compressedBranch(_ value: UInt32) -> UInt16 {
            UInt16(
                bits(value, 8, 8, at: 12) | bits(value, 4, 3, at: 10) | bits(value, 7, 6, at: 5)
                    | bits(value, 2, 1, at: 3)
                    | bits(value, 5, 5, at: 2))
        }

        static func compressedJump(_ value: UInt32) -> UInt16 {
            UInt16(
                bits(value, 11, 11, at: 12) | bits(value, 4, 4, at: 11) | bits(value, 9, 8, at: 9)
                    | bits(value, 10, 10, at: 8) | bits(value, 6, 6, at: 7) | bits(value, 7, 7, at: 6)
                    | bits(value, 3, 1, at: 3) | bits(value, 5, 5, at: 2))
        }
    }
}

extension Port { public typealias ModuleRelocations = RISCVModuleRelocations }
