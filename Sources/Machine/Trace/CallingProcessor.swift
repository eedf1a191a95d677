import AArch64ISA
import ISA

/// Where an instruction goes on, if not behind it.
enum ControlTransfer: Equatable {
    /// It has so many bytes.
    case call(size: UInt64)
    case `return`
    /// From one coroutine to another.
    case returnAndCall(size: UInt64)
    case exceptionReturn
    case other

    var isCall: Bool {
        switch self {
        case .call, .returnAndCall: true
        default: false
        }
    }
}

/// A CPU whose calls can be followed.
protocol CallingProcessor: InspectableProcessor {
    /// Of the current level.
    var selectedStackPointer: UInt64 { get }
    /// Of its exception level or privilege mode: equal ones have equal numbers.
    var levelNumber: UInt8 { get }
    /// What tells address spaces from one another while unprivileged code runs; nil of other code.
    var userAddressSpace: UInt64? { get }
    /// Interrupts too.
    var takenExceptions: UInt64 { get }
    /// - Parameter word: an instruction, and where it is a short one, what comes behind it.
    static func transfer(_ word: UInt32) -> ControlTransfer
}

extension CallingProcessor {
    /// Of the instruction at an address of the current level.
    func transfer(at address: UInt64, _ memory: PhysicalMemory) -> ControlTransfer {
        func half(_ address: UInt64) -> UInt32? {
            physicalAddress(of: DebugAddress(address), memory).flatMap { memory.host($0, count: 2) }
                .map { UInt32($0.loadUnaligned(as: UInt16.self)) }
        }
        guard let low = half(address) else { return .other }
        if address & 0xfff <= 0xffc, let physical = physicalAddress(of: DebugAddress(address), memory),
            let host = memory.host(physical, count: 4)
        {
            return Self.transfer(host.loadUnaligned(as: UInt32.self))
        }
        return Self.transfer(low | (half(address &+ 2) ?? 0) << 16)
    }
}

extension RISCV.Hart: CallingProcessor {
    var selectedStackPointer: UInt64 { state.pointee.core.registers[2] }
    var levelNumber: UInt8 { state.pointee.privilege.rawValue | (state.pointee.virtual ? 4 : 0) }
    var userAddressSpace: UInt64? {
        guard state.pointee.privilege == .user else { return nil }
        return state.pointee.virtual ? state.pointee.vsatp : state.pointee.satp
    }
    var takenExceptions: UInt64 { exceptionCount &+ statistics.interrupts }

    /// Unprivileged ISA, "Unconditional Jumps": return-address stack prediction hints of the registers of a JALR; the
    /// compressed ones are what they expand to.
    static func transfer(_ word: UInt32) -> ControlTransfer {
        func isLink(_ register: UInt32) -> Bool { register == 1 || register == 5 }
        func jump(_ rd: UInt32, _ rs1: UInt32, size: UInt64) -> ControlTransfer {
            switch (isLink(rd), isLink(rs1)) {
            case (false, false): .other
            case (false, true): .return
            case (true, false): .call(size: size)
            case (true, true): rd == rs1 ? .call(size: size) : .returnAndCall(size: size)
            }
        }
        if word & 3 != 3 {
            let register = word >> 7 & 31
            // C.JR and C.JALR; with x0 they are something else.
            guard register != 0, word & 0xe07f == 0x8002 else { return .other }
            return jump(word >> 12 & 1, register, size: 2)
        }
        switch word {
        case 0x1020_0073, 0x3020_0073, 0x7020_0073: return .exceptionReturn  // SRET, MRET, MNRET
        case _ where word & 0x7f == 0x6f: return jump(word >> 7 & 31, 0, size: 4)  // JAL
        case _ where word & 0x707f == 0x67: return jump(word >> 7 & 31, word >> 15 & 31, size: 4)  // JALR
        default: return .other
        }
    }
}

extension AArch64.ProcessingElement: CallingProcessor {
    var levelNumber: UInt8 { UInt8(truncatingIfNeeded: level) | (level < 2 && hasGuest ? 4 : 0) }
    var userAddressSpace: UInt64? {
        guard level == 0 else { return nil }
        return state.pointee.ttbr0[state.pointee.hcr & AArch64.HypervisorConfiguration.tge != 0 ? 2 : 1]
    }
    var takenExceptions: UInt64 { state.pointee.core.trapped &+ statistics.interrupts }

    /// Arm ARM, C6.2: BL, BLR, RET and ERET, and those that authenticate the address.
    static func transfer(_ word: UInt32) -> ControlTransfer {
        switch word {
        case _ where word >> 26 == 0x25, _ where word & 0xfeff_f000 == 0xd63f_0000: .call(size: 4)
        case _ where word & 0xffff_fc1f == 0xd65f_0000, 0xd65f_0bff, 0xd65f_0fff: .return
        case 0xd69f_03e0, 0xd69f_0bff, 0xd69f_0fff: .exceptionReturn
        default: .other
        }
    }
}
