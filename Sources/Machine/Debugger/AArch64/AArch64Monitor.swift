import AArch64ISA
import ISA

/// What the monitor asks of a PE.
extension AArch64.ProcessingElement {
    public func registerLines(_ symbols: SymbolFinder) -> [String] {
        let place = privilege.isGuests ? nil : symbols.name(programCounter)
        var lines = ["\(label)  \(privilegeText)  pc \(hexadecimal(programCounter))" + (place.map { " \($0)" } ?? "")]
        let general = (0..<31).map { ("x\($0)", generalRegister($0)) } + [("sp", stackPointer)]
        for row in 0..<8 {
            let cells = (0..<4).map { column in
                let (name, value) = general[row * 4 + column]
                return "\(padded(name, 4)) \(hexadecimalDigits(value))"
            }
            lines.append(cells.joined(separator: "  "))
        }
        for row in 0..<16 {
            let cells = (0..<2).map { column in
                let number = row * 2 + column
                let (low, high) = (state.pointee.core.vectors[2 * number], state.pointee.core.vectors[2 * number + 1])
                return "\(padded("v\(number)", 4)) \(hexadecimalDigits(high))_\(hexadecimalDigits(low))"
            }
            lines.append(cells.joined(separator: "  "))
        }
        for (key, name) in AArch64.systemRegisterNames {
            // Breakpoints, watchpoints and counters are many, and of one name each.
            guard !name.contains("<"), let value = systemRegister(key) else { continue }
            let meaning = meaning(name, value, symbols)
            lines.append("\(padded(name, 18)) \(hexadecimalDigits(value))" + (meaning.isEmpty ? "" : "  \(meaning)"))
        }
        return lines
    }

    /// SP of the current level, or that of EL0 (PSTATE.SP).
    private var stackPointer: UInt64 {
        saveStackPointer()
        return state.pointee.sp[state.pointee.pstate & AArch64.PSTATE.spSelect == 0 ? 0 : level]
    }

    private func meaning(_ name: String, _ value: UInt64, _ symbols: SymbolFinder) -> String {
        func fields(_ names: [(String, UInt64)]) -> String {
            names.filter { value & $0.1 != 0 }.map(\.0).joined(separator: " ")
        }
        switch name {
        case "HCR_EL2":
            typealias Bits = AArch64.HypervisorConfiguration
            return fields([
                ("VM", Bits.vm), ("FMO", Bits.fmo), ("IMO", Bits.imo), ("AMO", Bits.amo), ("VF", Bits.vf),
                ("VI", Bits.vi), ("VSE", Bits.vse), ("DC", Bits.dc), ("TWI", Bits.twi), ("TWE", Bits.twe),
                ("TSC", Bits.tsc), ("TGE", Bits.tge), ("E2H", Bits.e2h),
            ])
        case "SCTLR_EL1", "SCTLR_EL2": return fields([("M", 1 << 0), ("A", 1 << 1), ("C", 1 << 2), ("I", 1 << 12)])
        case "DAIF":
            typealias Bits = AArch64.PSTATE
            return fields([("D", Bits.debugMask), ("A", Bits.errorMask), ("I", Bits.irqMask), ("F", Bits.fiqMask)])
        case "SPSR_EL1", "SPSR_EL2":
            return "EL\(value >> 2 & 3)\(value & AArch64.PSTATE.spSelect == 0 ? "t" : "h")"
        case "VTTBR_EL2":
            return "VMID \(value >> 48), table \(hexadecimal(value & 0xffff_ffff_fffe))"
        case "TTBR0_EL1", "TTBR1_EL1", "TTBR0_EL2", "TTBR1_EL2":
            return "ASID \(value >> 48), table \(hexadecimal(value & 0xffff_ffff_fffe))"
        case "ELR_EL1", "ELR_EL2", "VBAR_EL1", "VBAR_EL2": return symbols.name(value) ?? ""
        default: return ""
        }
    }

    public func register(named name: String) -> UInt64? {
        let name = name.lowercased()
        if name == "sp" { return stackPointer }
        if let number = (0..<31).first(where: { name == "x\($0)" }) { return generalRegister(number) }
        return AArch64.systemRegisterNames.first { $0.name.lowercased() == name }.flatMap { systemRegister($0.key) }
    }

    public static var levelNames: [String] { ["EL0", "EL1", "EL2", "EL3"] }

    public func translationLines(
        _ address: UInt64, for access: AccessKind, as level: String?, _ memory: PhysicalMemory
    ) -> [String] {
        let level = level.flatMap { Self.levelNames.firstIndex(of: $0) }
        let found = inspectTranslation(of: address, .init(access), level: level)
        let names: [AArch64.TranslationRegime.Kind: String] = [
            .el1: "EL1&0", .el2: "EL2", .el2Host: "EL2&0", .el3: "EL3",
        ]
        var lines = ["regime \(names[found.regime] ?? "\(found.regime)")"]
        lines += found.descriptors.map { "  \(hexadecimal($0.address)) = 0x\(hexadecimalDigits($0.value))" }
        switch found.result {
        case .success(let translation): lines.append("physical \(hexadecimal(translation.physical))")
        case .failure(let fault):
            var text = "fails at stage \(fault.isStageTwo ? 2 : 1): \(Self.words(fault.kind))"
            if fault.status < 0b010000 || fault.kind == .externalAbortOnWalk || fault.level < 0 {
                text += ", level \(fault.level)"
            }
            if fault.isStageOneWalk { text += ", on a walk of stage 1" }
            if fault.isStageTwo { text += "; intermediate \(hexadecimal(fault.ipa))" }
            lines.append(text)
        }
        return lines
    }

    private static func words(_ kind: AArch64.TranslationFault.Kind) -> String {
        switch kind {
        case .addressSize: "address size fault"
        case .translation: "translation fault"
        case .accessFlag: "access flag fault"
        case .permission: "permission fault"
        case .externalAbortOnWalk: "external abort on a walk"
        case .alignment: "alignment fault"
        case .unsupportedAtomicUpdate: "unsupported atomic update of a descriptor"
        }
    }

    public func physicalAddress(of address: UInt64, for access: AccessKind, _ memory: PhysicalMemory) -> UInt64? {
        guard case .success(let found) = inspectTranslation(of: address, .init(access)).result else { return nil }
        return found.physical
    }

    public func physicalAddress(of address: DebugAddress, _ memory: PhysicalMemory) -> UInt64? {
        var level: Int?
        switch address.space {
        case .current: break
        case .physical: return address.value
        case .guestPhysical: return inspectSecondStage(of: address.value)
        case .virtual(let name):
            guard let named = Self.levelNames.firstIndex(of: name) else { return nil }
            level = named
        }
        for access: AArch64.TranslationRequest.Access in [.queryRead, .execute] {
            let inspection = inspectTranslation(of: address.value, access, level: level)
            if case .success(let found) = inspection.result { return found.physical }
        }
        return nil
    }

    public func makeRegisterFile() -> any DebugRegisterFile { AArch64DebugRegisters(self) }
}

extension AArch64.TranslationRequest.Access {
    fileprivate init(_ access: AccessKind) {
        self =
            switch access {
            case .read: .queryRead
            case .write: .queryWrite
            case .execute: .execute
            }
    }
}
