import ISA

/// All registers of a hart, with the meaning of those whose bits are fields.
struct RISCVRegisterListing {
    private let hart: RISCV.Hart
    private let symbols: SymbolFinder

    init(_ hart: RISCV.Hart, _ symbols: SymbolFinder) {
        self.hart = hart
        self.symbols = symbols
    }

    var lines: [String] {
        let state = hart.state
        let counter = state.pointee.core.programCounter
        let place = state.pointee.virtual ? nil : symbols.name(counter)
        var lines = [
            "\(hart.label)  \(hart.privilegeText)  pc \(hexadecimal(counter))" + (place.map { " \($0)" } ?? "")
        ]
        func table(_ name: (Int) -> String, _ first: Int) {
            for row in 0..<8 {
                let cells = (0..<4).map { column in
                    let number = row * 4 + column
                    return
                        "\(padded(name(number), 4)) \(hexadecimalDigits(state.pointee.core.registers[first + number]))"
                }
                lines.append(cells.joined(separator: "  "))
            }
        }
        table(RISCV.integerRegisterName, 0)
        table(RISCV.floatRegisterName, 40)
        for (number, name) in RISCV.registerNames {
            // Counters and protection are many and mostly 0.
            guard let value = hart.register(number) else { continue }
            let isOneOfMany = name.contains("hpm") || name.hasPrefix("pmp") || name.hasPrefix("tdata")
            if isOneOfMany && value == 0 { continue }
            let meaning = meaning(name, value)
            lines.append("\(padded(name, 14)) \(hexadecimalDigits(value))" + (meaning.isEmpty ? "" : "  \(meaning)"))
        }
        return lines
    }

    /// Fields by name, shift and width (volume II, each register's own figure).
    private static let status: [(String, UInt64, UInt64)] = [
        ("SIE", 1, 1), ("MIE", 3, 1), ("SPIE", 5, 1), ("MPIE", 7, 1), ("SPP", 8, 1), ("MPP", 11, 2), ("FS", 13, 2),
        ("MPRV", 17, 1), ("SUM", 18, 1), ("MXR", 19, 1), ("TVM", 20, 1), ("TW", 21, 1), ("TSR", 22, 1),
        ("GVA", 38, 1), ("MPV", 39, 1),
    ]
    private static let hypervisorStatus: [(String, UInt64, UInt64)] = [
        ("GVA", 6, 1), ("SPV", 7, 1), ("SPVP", 8, 1), ("HU", 9, 1), ("VGEIN", 12, 6), ("VTVM", 20, 1), ("VTW", 21, 1),
        ("VTSR", 22, 1),
    ]

    private func meaning(_ name: String, _ value: UInt64) -> String {
        switch name {
        case "mstatus", "sstatus", "vsstatus": return Self.fields(Self.status, value)
        case "hstatus": return Self.fields(Self.hypervisorStatus, value)
        case "mcause", "scause", "vscause": return value == 0 ? "" : RISCV.Cause.describe(value)
        case "mip", "mie", "sip", "sie", "hip", "hie", "mideleg":
            return RISCV.Interrupt.names(value).joined(separator: ", ")
        case "vsip", "vsie": return RISCV.Interrupt.names(value << 1).joined(separator: ", ")
        case "hideleg", "hvip": return RISCV.Interrupt.names(value).joined(separator: ", ")
        case "medeleg", "hedeleg":
            return (0..<64 as Range<UInt64>).filter { value & 1 << $0 != 0 }.map { RISCV.Cause.describe($0) }.joined(
                separator: ", ")
        case "satp", "vsatp", "hgatp":
            let modes: [UInt64: String] = [0: "Bare", 8: "Sv39", 9: "Sv48", 10: "Sv57"]
            guard let mode = modes[value >> 60], value >> 60 != 0 else { return "Bare" }
            let identifier = name == "hgatp" ? "VMID \(value >> 44 & 0x3fff)" : "ASID \(value >> 44 & 0xffff)"
            return
                "\(mode)\(name == "hgatp" ? "x4" : ""), \(identifier), table \(hexadecimal((value & 0xfff_ffff_ffff) << 12))"
        case "mepc", "sepc", "mtvec", "stvec": return symbols.name(value & ~3) ?? ""
        default: return ""
        }
    }

    private static func fields(_ fields: [(String, UInt64, UInt64)], _ value: UInt64) -> String {
        fields.compactMap { name, shift, width in
            let field = value >> shift & (1 << width - 1)
            return field == 0 ? nil : width == 1 ? name : "\(name)=\(field)"
        }.joined(separator: " ")
    }
}
