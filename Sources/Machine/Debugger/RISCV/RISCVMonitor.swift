import ISA

/// What the monitor asks of a hart.
extension RISCV.Hart {
    public func registerLines(_ symbols: SymbolFinder) -> [String] { RISCVRegisterListing(self, symbols).lines }

    public func register(named name: String) -> UInt64? {
        if let number = (0..<32).first(where: { RISCV.integerRegisterName($0) == name }) {
            return state.pointee.core.registers[number]
        }
        return RISCV.registerNames.first { $0.name == name }.flatMap { register($0.number) }
    }

    public static var levelNames: [String] { RISCV.Mode.allCases.map(\.rawValue) }

    public func translationLines(
        _ address: UInt64, for access: AccessKind, as level: String?, _ memory: PhysicalMemory
    ) -> [String] {
        let mode = level.flatMap { RISCV.Mode(rawValue: $0) } ?? mode
        return RISCVTranslationWalk(
            address, hart: self, memory: memory, access: RISCV.Access(access), mode: mode
        ).lines
    }

    public func physicalAddress(of address: UInt64, for access: AccessKind, _ memory: PhysicalMemory) -> UInt64? {
        let walk = RISCVTranslationWalk(
            address, hart: self, memory: memory, access: RISCV.Access(access), mode: mode)
        return try? walk.result.get()
    }

    public func physicalAddress(of address: DebugAddress, _ memory: PhysicalMemory) -> UInt64? {
        var (mode, isGuestPhysical) = (mode, false)
        switch address.space {
        case .current: break
        case .physical: return address.value
        case .guestPhysical: (mode, isGuestPhysical) = (.virtualSupervisor, true)
        case .virtual(let level):
            guard let named = RISCV.Mode(rawValue: level) else { return nil }
            mode = named
        }
        let walk = RISCVTranslationWalk(
            address.value, hart: self, memory: memory, access: .read, mode: mode, isChecked: false,
            isGuestPhysical: isGuestPhysical)
        return try? walk.result.get()
    }

    public func makeRegisterFile() -> any DebugRegisterFile { RISCVDebugRegisters(self) }
}

extension RISCV.Access {
    fileprivate init(_ access: AccessKind) {
        self =
            switch access {
            case .read: .read
            case .write: .write
            case .execute: .execute
            }
    }
}
