/// How modules are linked on AArch64 (ELF for the Arm 64-bit Architecture, "Relocation").
public enum AArch64ModuleRelocations: ModuleRelocator {
    public static var machine: UInt16 { 183 }

    private enum Kind {
        static let word64: UInt32 = 257, word32: UInt32 = 258
        static let relative64: UInt32 = 260, relative32: UInt32 = 261
        static let move0: UInt32 = 263, move0Unchecked: UInt32 = 264, move1: UInt32 = 265, move1Unchecked: UInt32 = 266
        static let move2: UInt32 = 267, move2Unchecked: UInt32 = 268, move3: UInt32 = 269
        static let load19: UInt32 = 273, address21: UInt32 = 274, page: UInt32 = 275, pageUnchecked: UInt32 = 276
        static let add: UInt32 = 277, access8: UInt32 = 278, testBranch: UInt32 = 279, branch: UInt32 = 280
        static let jump: UInt32 = 282, call: UInt32 = 283
        static let access16: UInt32 = 284, access32: UInt32 = 285, access64: UInt32 = 286, access128: UInt32 = 299
        static let tablePage: UInt32 = 311, tableAccess: UInt32 = 312, throughTable32: UInt32 = 314
    }

    // MARK: Slots

    /// Code that jumps to the word behind it, with the register that calls may change on their way (AAPCS64, 6.1.1).
    private static let slotCode: InlineArray<2, UInt32> = [
        0x5800_0050,  // ldr x16, 8
        0xd61f_0200,  // br  x16
    ]
    private static let slotWord: UInt64 = 8
    public static var slotSize: Int { 16 }

    public static func needsSlot(_ type: UInt32, isOutside: Bool) -> Bool {
        switch type {
        case Kind.tablePage, Kind.tableAccess: true
        case Kind.call, Kind.jump, Kind.throughTable32: isOutside
        default: false
        }
    }

    public static func writeSlot(_ target: UInt64, to image: ModuleImage, at offset: UInt64) {
        for index in 0..<slotCode.count { image.store(slotCode[index], at: offset + UInt64(index) * 4) }
        image.store(target, at: offset + slotWord)
    }

    // MARK: Relocations

    public static func apply(_ relocations: [ModuleRelocation], to image: ModuleImage) throws(HyperError) {
        for relocation in relocations { try apply(relocation, to: image) }
    }

    private static func apply(_ relocation: ModuleRelocation, to image: ModuleImage) throws(HyperError) {
        let place = image.address &+ relocation.place
        let target = relocation.target
        let relative = distance(target, place)
        switch relocation.type {
        case 0: return
        case Kind.word64: try change(relocation, image) { _ in target }
        case Kind.word32:
            guard Int64(Int32.min)...Int64(UInt32.max) ~= Int64(bitPattern: target) else { throw tooFar(relocation) }
            try change(relocation, image) { _ in UInt32(truncatingIfNeeded: target) }
        case Kind.relative64: try change(relocation, image) { _ in UInt64(bitPattern: relative) }
        case Kind.relative32, Kind.throughTable32:
            let value = Int32(exactly: relative) == nil ? distance(relocation.slot, place) : relative
            guard Int32(exactly: value) != nil, relative == value || relocation.slot != 0 else {
                throw tooFar(relocation)
            }
            try change(relocation, image) { _ in UInt32(truncatingIfNeeded: value) }
        case Kind.call, Kind.jump:
            // Perhaps through the slot.
            let value = Self.fits(relative, 28) || relocation.slot == 0 ? relative : distance(relocation.slot, place)
            try set(field(value, 28, relocation), 26, at: 0, relocation, image)
        case Kind.branch, Kind.load19: try set(field(relative, 21, relocation), 19, at: 5, relocation, image)
        case Kind.testBranch: try set(field(relative, 16, relocation), 14, at: 5, relocation, image)
        case Kind.address21: try setAddress(relative, relocation, image)
        case Kind.page, Kind.pageUnchecked: try setAddress(pages(target, place), relocation, image)
        case Kind.tablePage: try setAddress(pages(relocation.slot &+ slotWord, place), relocation, image)
        case Kind.add, Kind.access8: try setOffset(target, scale: 0, relocation, image)
        case Kind.access16: try setOffset(target, scale: 1, relocation, image)
        case Kind.access32: try setOffset(target, scale: 2, relocation, image)
        case Kind.access64: try setOffset(target, scale: 3, relocation, image)
        case Kind.access128: try setOffset(target, scale: 4, relocation, image)
        case Kind.tableAccess: try setOffset(relocation.slot &+ slotWord, scale: 3, relocation, image)
        case Kind.move0...Kind.move3: try setPart(target, relocation, image)
        default: throw HyperError("relocation \(UInt64(relocation.type)) is none that modules may have")
        }
    }

    // MARK: Parts of them

    private static func distance(_ target: UInt64, _ place: UInt64) -> Int64 { Int64(bitPattern: target &- place) }

    /// Pages of 4 KiB between two addresses.
    private static func pages(_ target: UInt64, _ place: UInt64) -> Int64 {
        distance(target & ~0xfff, place & ~0xfff) >> 12
    }

    private static func tooFar(_ relocation: ModuleRelocation) -> HyperError {
        HyperError("relocation \(UInt64(relocation.type)) does not reach \(hex: relocation.target)")
    }

    /// Whether it is a signed number of so many bits.
    private static func fits(_ value: Int64, _ count: Int64) -> Bool {
        let limit: Int64 = 1 << (count - 1)
        return -limit..<limit ~= value
    }

    /// A distance of so many bits, in instructions.
    private static func field(
        _ value: Int64, _ count: Int64, _ relocation: ModuleRelocation
    ) throws(HyperError) -> Int64 {
        guard fits(value, count), value & 3 == 0 else { throw tooFar(relocation) }
        return value >> 2
    }

    /// Changes what is at the place.
    private static func change<Value: FixedWidthInteger & BitwiseCopyable>(
        _ relocation: ModuleRelocation, _ image: ModuleImage, _ body: (Value) -> Value
    ) throws(HyperError) {
        guard UInt64(Value.bitWidth / 8) <= relocation.room else {
            throw HyperError("relocation \(UInt64(relocation.type)) goes beyond the end of its section")
        }
        image.store(body(image.load(relocation.place, as: Value.self)), at: relocation.place)
    }

    /// Puts the lowest bits of a value into an instruction.
    private static func set(
        _ value: Int64, _ count: UInt32, at bit: UInt32, _ relocation: ModuleRelocation, _ image: ModuleImage
    ) throws(HyperError) {
        let mask: UInt32 = (1 << count - 1) << bit
        try change(relocation, image) { $0 & ~mask | UInt32(truncatingIfNeeded: value) << bit & mask }
    }

    /// ADR and ADRP, whose two lowest bits are apart.
    private static func setAddress(
        _ value: Int64, _ relocation: ModuleRelocation, _ image: ModuleImage
    ) throws(HyperError) {
        guard fits(value, 21) else { throw tooFar(relocation) }
        try set(value, 2, at: 29, relocation, image)
        try set(value >> 2, 19, at: 5, relocation, image)
    }

    /// The place within its page, in units of what is accessed.
    private static func setOffset(
        _ target: UInt64, scale: UInt64, _ relocation: ModuleRelocation, _ image: ModuleImage
    ) throws(HyperError) {
        let offset = target & 0xfff
        guard offset & (1 << scale - 1) == 0 else { throw tooFar(relocation) }
        try set(Int64(offset >> scale), 12, at: 10, relocation, image)
    }

    /// MOVZ and MOVK: sixteen bits of four times as many.
    private static func setPart(
        _ target: UInt64, _ relocation: ModuleRelocation, _ image: ModuleImage
    ) throws(HyperError) {
        let part = UInt64(relocation.type - Kind.move0) / 2
        let isChecked = (relocation.type - Kind.move0) % 2 == 0 && relocation.type != Kind.move3
        guard !isChecked || target >> (16 * (part + 1)) == 0 else { throw tooFar(relocation) }
        try set(Int64(bitPattern: target >> (16 * part)), 16, at: 5, relocation, image)
    }
}

extension Port { public typealias ModuleRelocations = AArch64ModuleRelocations }
