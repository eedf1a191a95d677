/// What lldb asks beside GDB's packets (LLVM's "GDB Remote Protocol Extensions").
extension GDBSession {
    func lldbQuery(_ name: String, _ argument: GDBText) throws(GDBError) -> GDBReply {
        switch name {
        case "qHostInfo": return .text("triple:\(Hexadecimal.text(triple.utf8));endian:little;ptrsize:8;")
        case "qProcessInfo":
            return .text("pid:1;triple:\(Hexadecimal.text(triple.utf8));endian:little;ptrsize:8;")
        // A program is where it was linked for; lldb takes it for loaded nowhere without that. GDB would move back what its
        // user has moved, and is not told.
        case "qOffsets" where listsThreadsInStops: return .text("Text=0;Data=0;Bss=0")
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
                guard processor == lastStop?.processor ?? general else {
                    return .text(
                        "T00thread:\(self.name(of: processor));core:\(String(processor, radix: 16));\(hexadecimalName(of: processor))"
                    )
                }
                return stopReply(lastStop?.reason, of: processor)
            }
            return .unsupported
        }
    }

    /// The architecture alone: a triple that names a system or its absence is another target's than an ELF file's for lldb,
    /// which then forgets the file.
    private var triple: String { target.architecture == .riscv ? "riscv64" : "aarch64" }

    /// `hexname:686172742030;`
    private func hexadecimalName(of processor: Int) -> String {
        "hexname:\(Hexadecimal.text(target.label(of: processor).utf8));"
    }

    /// `hexname:686172742030;threads:1,2;thread-pcs:80000000,80000004;reason:breakpoint;`
    func lldbStopDetails(_ reason: DebugStop.Reason?, of processor: Int) -> String {
        let all = 0..<target.processorCount
        let counters = all.map { String(programCounter(of: $0) ?? 0, radix: 16) }
        return hexadecimalName(of: processor)
            + "threads:\(all.map { String($0 + 1, radix: 16) }.joined(separator: ","));"
            + "thread-pcs:\(counters.joined(separator: ","));" + lldbReason(reason, of: processor)
    }

    /// What lldb does not know it takes for a step's end, and steps again and again where nothing moves any more. So whatever is
    /// none of its own is an exception, which has a text and stops.
    private func lldbReason(_ reason: DebugStop.Reason?, of processor: Int) -> String {
        func exception(_ text: String) -> String {
            "reason:exception;description:\(Hexadecimal.text(text.utf8));"
        }
        let text = lastStop?.text?.split(separator: "\n").first.map(String.init)
        switch reason {
        case .stepped: return "reason:trace;"
        case .breakpoint:
            if let text, breakpointKind(at: programCounter(of: processor)) == nil { return exception(text) }
            return "reason:breakpoint;"
        case .watchpoint(let kind, _):
            if let text, !points.values.contains(where: { $0.kind == kind }) { return exception(text) }
            return "reason:watchpoint;"
        case .interrupted: return "reason:signal;"
        case .exited: return exception("the guest has ended")
        case .ended(let text): return exception(text)
        case .startOfHistory: return exception("the run begins here")
        case .endOfHistory: return exception("the run ends here")
        case nil: return "reason:trap;"
        }
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
