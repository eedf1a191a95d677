import ISA

/// Floating point in the fixed code.
///
/// Its registers, rounding and flags become the host's where translated code first asks for the unit, and the state's again
/// when translated code is left, so that what uses none of it costs nothing. Rounding and flags are those of MXCSR (SDM
/// volume 1, "MXCSR Control and Status Register"), with all exceptions masked.
/// Constants in memory beside translated code, the same in every lane.
enum FloatConstant: UInt, CaseIterable {
    /// All bits but the sign.
    case magnitudeDouble, magnitudeSingle
    /// The least normal number.
    case leastDouble, leastSingle

    var doubleword: UInt64 {
        switch self {
        case .magnitudeDouble: 0x7fff_ffff_ffff_ffff
        case .magnitudeSingle: 0x7fff_ffff_7fff_ffff
        case .leastDouble: 0x0010_0000_0000_0000
        case .leastSingle: 0x0080_0000_0080_0000
        }
    }

    static func magnitude(_ width: Width) -> Self { width == .double ? .magnitudeDouble : .magnitudeSingle }
    static func least(_ width: Width) -> Self { width == .double ? .leastDouble : .leastSingle }
}

extension X64.Trampolines {
    typealias Assembler = X64.Assembler
    typealias Memory = X64.Memory
    typealias Role = X64.Role

    /// Skips what `body` emits where floating point has not been used.
    static func whereFloatsAreLoaded(_ assembler: inout Assembler, _ body: (inout Assembler) -> Void) {
        let skip = assembler.label()
        assembler.arithmetic(.compare, .memory(Role.field(\.floatLoaded)), constant: 0, .byte)
        assembler.jump(if: .equal, skip)
        body(&assembler)
        assembler.bind(skip)
    }

    static func loadFloats(_ assembler: inout Assembler, _ map: RegisterMap, _ tables: Assembler.Label) {
        assembler.push(.rax)
        assembler.push(.rcx)
        assembler.storeControl(Role.field(\.hostFloatControl))
        assembler.load(.rcx, Role.field(\.floatRounding), .byte)
        assembler.arithmetic(.and, .register(.rcx), constant: 7, .word)
        assembler.address(.rax, tables)
        assembler.loadControl(Memory(.rax, Int32(flagsCount), index: .rcx, scale: 4))
        loadRegisters(&assembler, map)
        assembler.store(Role.field(\.floatLoaded), constant: 1, .byte)
        assembler.pop(.rcx)
        assembler.pop(.rax)
    }

    private static func loadRegisters(_ assembler: inout Assembler, _ map: RegisterMap) {
        for (guest, host) in map.vector { assembler.load(host, Role.register(guest), .double) }
        assembler.packed(.compareEqual, Role.ones, .register(Role.ones))
    }

    /// On leaving, and before a call that may ask for floating point. Changes rsi and rdi, which hold registers of the guest.
    static func storeFloats(_ assembler: inout Assembler, _ map: RegisterMap, _ tables: Assembler.Label) {
        for (guest, host) in map.vector { assembler.store(Role.register(guest), host, .double) }
        assembler.storeControl(Role.field(\.floatControl))
        assembler.loadControl(Role.field(\.hostFloatControl))
        assembler.store(Role.field(\.floatLoaded), constant: 0, .byte)
        assembler.load(.rsi, Role.field(\.floatControl), .byte)
        assembler.arithmetic(.and, .register(.rsi), constant: Int32(flagsCount - 1), .word)
        assembler.address(.rdi, tables)
        assembler.load(.rsi, Memory(.rdi, index: .rsi), .byte)
        assembler.arithmetic(.or, Role.field(\.floatFlags), .rsi, .byte)
    }

    /// Around a call: what is called may use floating point of its own, and would leave its flags.
    static func setFloatsAside(_ assembler: inout Assembler, _ map: RegisterMap) {
        for (guest, host) in map.vector { assembler.store(Role.register(guest), host, .double) }
        for (index, host) in Role.temporaryVectors.enumerated() {
            assembler.store(aside(index), host, .double)
        }
        assembler.storeControl(Role.field(\.floatControl))
        assembler.loadControl(Role.field(\.hostFloatControl))
    }

    static func takeFloatsBack(_ assembler: inout Assembler, _ map: RegisterMap) {
        loadRegisters(&assembler, map)
        for (index, host) in Role.temporaryVectors.enumerated() {
            assembler.load(host, aside(index), .double)
        }
        assembler.loadControl(Role.field(\.floatControl))
    }

    /// Around a call that changes vector registers which hold results on their way. The stack stays aligned.
    static func pushVectors(_ assembler: inout Assembler, _ map: RegisterMap) {
        assembler.address(.rsp, Memory(.rsp, -vectorRoom))
        for (index, host) in map.temporaryVectors.enumerated() {
            assembler.storeVector(Memory(.rsp, 16 * Int32(index)), host)
        }
    }

    static func popVectors(_ assembler: inout Assembler, _ map: RegisterMap) {
        for (index, host) in map.temporaryVectors.enumerated() {
            assembler.loadVector(host, Memory(.rsp, 16 * Int32(index)))
        }
        assembler.address(.rsp, Memory(.rsp, vectorRoom))
    }

    private static let vectorRoom: Int32 = 16 * 16

    /// Room for a temporary register.
    private static func aside(_ index: Int) -> Memory {
        Role.field(MemoryLayout<CoreState>.offset(of: \.floatsAside)! + 8 * index)
    }

    // MARK: Tables

    /// The flags take six bits.
    private static let flagsCount = 64

    /// ``FloatFlags`` for each combination of MXCSR's flags; then MXCSR for each rounding mode of the guest.
    static func writeTables(_ assembler: inout Assembler, _ tables: Assembler.Label) {
        assembler.align(to: 16)
        assembler.bind(tables)
        for flags in 0..<UInt8(flagsCount) { assembler.byte(Self.flags(flags).rawValue) }
        for mode in 0..<UInt8(8) {
            let control: UInt64
            switch RoundingMode(rawValue: mode) {
            case .down: control = 1
            case .up: control = 2
            case .towardZero: control = 3
            // Nothing that rounds is executed in the modes that the host does not have.
            default: control = 0
            }
            // All exceptions are masked.
            assembler.bytes(0x1f80 | control << 13, 4)
        }
    }

    /// Bit 1 says that an operand was a subnormal, which is nothing to the guest.
    private static func flags(_ control: UInt8) -> FloatFlags {
        var flags: FloatFlags = []
        if control & 1 << 0 != 0 { flags.insert(.invalid) }
        if control & 1 << 2 != 0 { flags.insert(.divideByZero) }
        if control & 1 << 3 != 0 { flags.insert(.overflow) }
        if control & 1 << 4 != 0 { flags.insert(.underflow) }
        if control & 1 << 5 != 0 { flags.insert(.inexact) }
        return flags
    }
}
