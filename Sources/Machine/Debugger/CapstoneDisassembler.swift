import CCapstone

/// Instructions of other architectures as text, by libcapstone.
///
/// RISC-V is not among them: Debian 12's capstone, 4.0.2, does not know it; see ``Disassembler``.
public final class CapstoneDisassembler {
    private var handle: csh = 0
    public let symbols: SymbolFinder

    /// - Returns: nil for an architecture that is not read here.
    public init?(_ machine: ELFFile.Machine, symbols: SymbolFinder) {
        self.symbols = symbols
        let (architecture, mode): (cs_arch, cs_mode)
        switch machine {
        case .x86_64: (architecture, mode) = (CS_ARCH_X86, CS_MODE_64)
        case .aarch64: (architecture, mode) = (CS_ARCH_ARM64, CS_MODE_ARM)
        default: return nil
        }
        guard cs_open(architecture, mode, &handle) == CS_ERR_OK else { return nil }
    }

    deinit {
        cs_close(&handle)
    }

    /// The longest instruction, in bytes (SDM volume 2, 2.3.11).
    public static let longest = 15

    /// The instruction at the start of `bytes`; nil where there is none.
    public func instruction(_ bytes: [UInt8], at address: UInt64) -> (length: Int, text: String)? {
        var instructions: UnsafeMutablePointer<cs_insn>?
        // SAFETY: capstone reads no more than the count it is given, and allocates what it returns a pointer to.
        let count = cs_disasm(handle, bytes, bytes.count, address, 1, &instructions)
        guard count == 1, let instructions else { return nil }
        defer { cs_free(instructions, count) }
        func text<T>(_ characters: T) -> String {
            withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        let operands = text(instructions.pointee.op_str)
        let mnemonic = text(instructions.pointee.mnemonic)
        return (Int(instructions.pointee.size), operands.isEmpty ? mnemonic : mnemonic + " " + operands)
    }

    /// Instructions from `address` on, as long as `bytes` gives some and `count` is not reached, and the address behind
    /// them. A label line stands where a symbol begins.
    public func listing(
        from address: UInt64, count: Int, bytes: (UInt64) -> ArraySlice<UInt8>?
    ) -> (lines: [String], end: UInt64) {
        var lines: [String] = []
        var address = address
        for index in 0..<count {
            guard let here = bytes(address)?.prefix(Self.longest), !here.isEmpty else { break }
            if let name = symbols.name(address), index == 0 || !name.contains("+0x") { lines.append("\(name):") }
            let (length, text) = instruction(Array(here), at: address) ?? (1, ".byte")
            let digits = here.prefix(length).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
            lines.append("  0x\(hexadecimalDigits(address)):  \(padded(digits, 30))  \(text)")
            address &+= UInt64(length)
        }
        return (lines, address)
    }
}
