/// What lldb asks beside GDB's packets (LLVM's "GDB Remote Protocol Extensions").
extension GDBSession {
    func lldbQuery(_ name: String, _ argument: GDBText) throws(GDBError) -> GDBReply {
        switch name {
        case "qHostInfo": return .text("triple:\(Hexadecimal.text(triple.utf8));endian:little;ptrsize:8;")
        case "qProcessInfo":
            return .text("pid:1;triple:\(Hexadecimal.text(triple.utf8));endian:little;ptrsize:8;")
        case "QThreadSuffixSupported": return .ok
        case "QListThreadsInStopReply":
            listsThreadsInStops = true
            return .ok
        case "QEnableErrorStrings":
            errorForm = .numberAndText
            return .ok
        case "qMemoryRegionInfo": return try memoryRegion(argument)
        default:
            // Numbers follow these names at once.
            if name.hasPrefix("qRegisterInfo") {
                return try registerInfo(GDBText(Array(name.utf8.dropFirst("qRegisterInfo".utf8.count))))
            }
            if name.hasPrefix("qThreadStopInfo") {
                var text = GDBText(Array(name.utf8.dropFirst("qThreadStopInfo".utf8.count)))
                let processor = try processor(try GDBThread(&text))
                return stopReply(lastStop?.processor == processor ? lastStop?.reason : nil, of: processor)
            }
            return .unsupported
        }
    }

    private var triple: String {
        target.architecture == .riscv ? "riscv64-unknown-unknown-elf" : "aarch64-unknown-unknown-elf"
    }

    /// `threads:1,2;thread-pcs:80000000,80000004;reason:breakpoint;`
    func lldbStopDetails(_ reason: DebugStop.Reason?, of processor: Int) -> String {
        let all = 0..<target.processorCount
        let counters = all.map { String(programCounter(of: $0) ?? 0, radix: 16) }
        let word =
            switch reason {
            case .stepped: "trace"
            case .breakpoint: "breakpoint"
            case .watchpoint: "watchpoint"
            case .interrupted, .ended: "signal"
            case .exited: "exception"
            case .startOfHistory, .endOfHistory: "history boundary"
            case nil: "trap"
            }
        return "threads:\(all.map { String($0 + 1, radix: 16) }.joined(separator: ","));"
            + "thread-pcs:\(counters.joined(separator: ","));reason:\(word);"
    }

    /// Translation is by pages, and so are the regions: one page that is mapped, or one that is not.
    private func memoryRegion(_ argument: GDBText) throws(GDBError) -> GDBReply {
        var text = argument
        let address = try text.number()
        try text.requireEnd()
        let isMapped = !target.readMemory(place(address), count: 1, of: general).isEmpty
        let start = address & ~0xfff
        return .text("start:\(String(start, radix: 16));size:1000;" + (isMapped ? "permissions:rwx;" : ""))
    }

    // MARK: Registers

    private func registerInfo(_ argument: GDBText) throws(GDBError) -> GDBReply {
        var text = argument
        let number = try text.number()
        guard let number = Int(exactly: number), target.registers.indices.contains(number) else {
            throw .refused("there are \(target.registers.count) registers")
        }
        let register = target.registers[number]
        let offset = target.registers[..<number].reduce(0) { $0 + $1.bits / 8 }
        let (encoding, format) =
            switch register.kind {
            case .vector: ("vector", "vector-uint8")
            case .float: ("ieee754", "float")
            case .integer, .codePointer, .dataPointer: ("uint", "hex")
            }
        let set =
            switch register.group {
            case .general: "General Purpose Registers"
            case .float, .vector: "Floating Point Registers"
            case .system: "System Registers"
            }
        var fields = [
            "name:\(register.name)", "bitsize:\(register.bits)", "offset:\(offset)", "encoding:\(encoding)",
            "format:\(format)", "set:\(set)",
        ]
        if let number = dwarfNumber(register, number) { fields += ["ehframe:\(number)", "dwarf:\(number)"] }
        if let generic = genericName(register) { fields.append("generic:\(generic)") }
        return .text(fields.map { $0 + ";" }.joined())
    }

    /// DWARF's numbers (RISC-V's psABI: x0 to x31 and f0 to f31 in a row; Arm's AADWARF64: x0 to sp, v0 to v31 from 64).
    private func dwarfNumber(_ register: DebugRegister, _ number: Int) -> Int? {
        switch register.group {
        case .general: number < 32 ? number : nil
        case .float: target.architecture == .riscv && register.kind == .float ? number - 33 + 32 : nil
        case .vector: Int(register.name.dropFirst()).map { $0 + 64 }
        case .system: nil
        }
    }

    private func genericName(_ register: DebugRegister) -> String? {
        let isRISCV = target.architecture == .riscv
        switch register.name {
        case "pc", "sp": return register.name
        case "fp": return "fp"
        case "x29": return isRISCV ? nil : "fp"
        case "ra": return "ra"
        case "x30": return isRISCV ? nil : "ra"
        case "cpsr": return "flags"
        default:
            guard register.group == .general, let letter = register.name.first,
                let number = Int(register.name.dropFirst()), number < 8, letter == (isRISCV ? "a" : "x")
            else { return nil }
            return "arg\(number + 1)"
        }
    }
}
