/// Puts one decoded instruction into words.
struct DisassemblyWriter {
    private typealias Operation = RISCV.Operation

    private let word: UInt32
    private let address: UInt64
    private let operation: RISCV.Operation
    private let isCompressed: Bool
    private let rd: UInt8
    private let rs1: UInt8
    private let rs2: UInt8
    private let immediate: Int64
    private let hasRounding: Bool

    init(word: UInt32, address: UInt64, encoding: RISCV.Encoding) {
        let slot = encoding.decode(word)
        self.word = word
        self.address = address
        operation = encoding.operation
        isCompressed = encoding.length == 2
        rd = slot.rd == DecodedSlot.sink ? 0 : slot.rd
        rs1 = slot.rs1
        rs2 = slot.rs2
        immediate = Int64(slot.immediate)
        hasRounding = encoding.hasRounding
    }

    var disassembly: RISCV.Disassembly {
        var result = RISCV.Disassembly(mnemonic: operation.mnemonic, operands: "", length: isCompressed ? 2 : 4)
        func set(_ mnemonic: String, _ operands: String...) {
            result.mnemonic = mnemonic
            result.operands = operands.joined(separator: ", ")
        }
        func form(_ operands: String...) { result.operands = operands.joined(separator: ", ") }
        func jump(_ mnemonic: String, _ operands: String...) {
            let target = address &+ UInt64(bitPattern: immediate)
            result.target = target
            result.mnemonic = mnemonic
            result.operands = (operands + [RISCV.hexadecimal(target)]).joined(separator: ", ")
        }
        let (d, a, b) = (name(rd), name(rs1), name(rs2))
        switch operation {
        case .lui, .auipc: form(d, RISCV.hexadecimal(UInt64(bitPattern: immediate) >> 12 & 0xfffff))
        case .jal:
            switch rd {
            case 0: jump("j")
            case 1: jump("jal")
            default: jump("jal", d)
            }
        case .jalr:
            switch (rd, rs1, immediate) {
            case (0, 1, 0): set("ret")
            case (0, _, 0): set("jr", a)
            case (0, _, _): set("jr", indirect)
            case (1, _, 0): set("jalr", a)
            case (1, _, _): set("jalr", indirect)
            case (_, _, 0): form(d, a)
            default: form(d, indirect)
            }
        case .beq where rs2 == 0: jump("beqz", a)
        case .bne where rs2 == 0: jump("bnez", a)
        case .bge where rs1 == 0: jump("blez", b)
        case .bge where rs2 == 0: jump("bgez", a)
        case .blt where rs2 == 0: jump("bltz", a)
        case .blt where rs1 == 0: jump("bgtz", b)
        case .beq, .bne, .blt, .bge, .bltu, .bgeu: jump(operation.mnemonic, a, b)
        case .lb, .lh, .lw, .ld, .lbu, .lhu, .lwu, .flh, .flw, .fld: form(d, indirect)
        case .sb, .sh, .sw, .sd, .fsh, .fsw, .fsd: form(b, indirect)
        case .addi where rd == 0 && rs1 == 0 && immediate == 0: set("nop")
        case .addi where rs1 == 0: set("li", d, number)
        case .addi where immediate == 0: set("mv", d, a)
        case .addiw where immediate == 0: set("sext.w", d, a)
        case .xori where immediate == -1: set("not", d, a)
        case .sltiu where immediate == 1: set("seqz", d, a)
        case .andi where immediate == 255: set("zext.b", d, a)
        case .ori where rd == 0 && [0, 1, 3].contains(immediate & 31):
            let kinds: [Int64: String] = [0: "i", 1: "r", 3: "w"]
            let offset = immediate & ~31
            set("prefetch." + (kinds[immediate & 31] ?? ""), RISCV.hexadecimal(signed: offset) + "(\(a))")
        case .addi, .slti, .sltiu, .xori, .ori, .andi, .slli, .srli, .srai, .addiw, .slliw, .srliw, .sraiw, .slli_uw,
            .rori, .roriw, .bclri, .bexti, .binvi, .bseti:
            form(d, a, number)
        case .add where isCompressed && rs1 == 0: set("mv", d, b)
        case .sub where rs1 == 0: set("neg", d, b)
        case .subw where rs1 == 0: set("negw", d, b)
        case .sltu where rs1 == 0: set("snez", d, b)
        case .slt where rs2 == 0: set("sltz", d, a)
        case .slt where rs1 == 0: set("sgtz", d, b)
        case .add_uw where rs2 == 0: set("zext.w", d, a)
        case .clz, .clzw, .ctz, .ctzw, .cpop, .cpopw, .sext_b, .sext_h, .zext_h, .orc_b, .rev8, .brev8: form(d, a)
        case .fence: fence(&result)
        case .fence_i, .ecall, .ebreak, .sret, .mret, .wfi, .sfence_w_inval, .sfence_inval_ir, .wrs_nto, .wrs_sto: break
        case .csrrw, .csrrs, .csrrc, .csrrwi, .csrrsi, .csrrci: registerAccess(&result)
        case .sfence_vma, .hfence_vvma, .hfence_gvma:
            if rs2 != 0 { form(a, b) } else if rs1 != 0 { form(a) }
        case .sinval_vma, .hinval_vvma, .hinval_gvma: form(a, b)
        case .hlv_b, .hlv_bu, .hlv_h, .hlv_hu, .hlvx_hu, .hlv_w, .hlv_wu, .hlvx_wu, .hlv_d: form(d, "(\(a))")
        case .hsv_b, .hsv_h, .hsv_w, .hsv_d: form(b, "(\(a))")
        case .cbo_inval, .cbo_clean, .cbo_flush, .cbo_zero: form("(\(a))")
        case .lr_w, .lr_d: set(operation.mnemonic + ordering, d, "(\(a))")
        case _ where word & 0x7f == 0x2f && !isCompressed: set(operation.mnemonic + ordering, d, b, "(\(a))")
        default: rest(&result)
        }
        return result
    }

    /// Floating point, and whatever has the form of `add`.
    private func rest(_ result: inout RISCV.Disassembly) {
        let (d, a, b) = (name(rd), name(rs1), name(rs2))
        let mnemonic = operation.mnemonic
        if rs1 == rs2 {
            for (prefix, alias) in [("fsgnjn", "fneg"), ("fsgnjx", "fabs"), ("fsgnj", "fmv")]
            where mnemonic.hasPrefix(prefix + ".") {
                result.mnemonic = alias + mnemonic.dropFirst(prefix.count)
                result.operands = "\(d), \(a)"
                return
            }
        }
        var operands = [d, a]
        let isFused = ["fmadd", "fmsub", "fnmadd", "fnmsub"].contains { mnemonic.hasPrefix($0 + ".") }
        let isUnary = ["fsqrt.", "fclass.", "fcvt.", "fmv."].contains { mnemonic.hasPrefix($0) }
        if !isUnary { operands.append(b) }
        if isFused { operands.append(name(UInt8(truncatingIfNeeded: immediate >> 8))) }
        if hasRounding {
            // A conversion that cannot round is written without the mode, which assemblers set to 0.
            let exact: Set<RISCV.Operation> = [
                .fcvt_d_w, .fcvt_d_wu, .fcvt_d_s, .fcvt_s_h, .fcvt_d_h,
            ]
            let mode = Int(immediate & 7)
            if mode != (exact.contains(operation) ? 0 : 7) {
                operands.append(["rne", "rtz", "rdn", "rup", "rmm", "5", "6", "dyn"][mode])
            }
        }
        result.operands = operands.joined(separator: ", ")
    }

    private func fence(_ result: inout RISCV.Disassembly) {
        let (mode, before, after) = (word >> 28, word >> 24 & 15, word >> 20 & 15)
        func set(_ bits: UInt32) -> String {
            let letters = ["i", "o", "r", "w"].enumerated().filter { bits & 8 >> UInt32($0.offset) != 0 }
            return letters.isEmpty ? "0" : letters.map(\.element).joined()
        }
        switch (mode, before, after) {
        case (0, 15, 15): break
        case (8, 3, 3): result.mnemonic = "fence.tso"
        case (0, 1, 0) where rd == 0 && rs1 == 0: result.mnemonic = "pause"
        default: result.operands = "\(set(before)), \(set(after))"
        }
    }

    private func registerAccess(_ result: inout RISCV.Disassembly) {
        let number = UInt16(truncatingIfNeeded: immediate & 0xfff)
        let register = RISCV.registerName(number)
        let isImmediate = [.csrrwi, .csrrsi, .csrrci].contains(operation)
        let source = isImmediate ? RISCV.hexadecimal(UInt64(rs1)) : name(rs1)
        let float: [UInt16: (String, String)] = [
            1: ("frflags", "fsflags"), 2: ("frrm", "fsrm"), 3: ("frcsr", "fscsr"),
        ]
        func set(_ mnemonic: String, _ operands: String...) {
            result.mnemonic = mnemonic
            result.operands = operands.joined(separator: ", ")
        }
        switch operation {
        case .csrrs where rs1 == 0:
            if let (read, _) = float[number] { return set(read, name(rd)) }
            if let counter = [0xc00: "rdcycle", 0xc01: "rdtime", 0xc02: "rdinstret"][Int(number)] {
                return set(counter, name(rd))
            }
            set("csrr", name(rd), register)
        case .csrrw, .csrrwi:
            if let (_, write) = float[number], operation == .csrrw || number != 3 {
                let mnemonic = write + (isImmediate ? "i" : "")
                return rd == 0 ? set(mnemonic, source) : set(mnemonic, name(rd), source)
            }
            rd == 0
                ? set(isImmediate ? "csrwi" : "csrw", register, source)
                : set(operation.mnemonic, name(rd), register, source)
        default:
            if rd == 0 {
                set(operation.mnemonic.replacing("csrr", with: "csr"), register, source)
            } else {
                set(operation.mnemonic, name(rd), register, source)
            }
        }
    }

    private var ordering: String { ["", ".rl", ".aq", ".aqrl"][Int(word >> 25 & 3)] }

    private var number: String { RISCV.hexadecimal(signed: immediate) }

    private var indirect: String { "\(number)(\(name(rs1)))" }

    /// A register by the number that slots have.
    private func name(_ register: UInt8) -> String {
        if register >= RISCV.firstFloatRegister {
            return RISCV.floatNames[Int(register - RISCV.firstFloatRegister) % 32]
        }
        return RISCV.integerNames[Int(register) % 32]
    }
}
