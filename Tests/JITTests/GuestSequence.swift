import ISA

@testable import Machine

/// A few guest instructions, as assemblers write them but without commas. A line that ends with a colon is a label; the
/// label `end` is behind the last line, where the guest stays and counts in t6, so that no instruction is lost unseen.
struct GuestSequence: CustomStringConvertible, Sendable {
    let name: String
    let lines: [String]
    /// Registers that hold addresses of memory, which are multiples of `alignment`.
    var pointers: [String] = []
    var alignment: UInt64 = 1

    var description: String { name }

    static let address: UInt64 = 0x8000_0000

    /// The code, and the address behind it.
    var assembled: (bytes: [UInt8], end: UInt64) {
        var assembler = RISCVAssembler(base: Self.address)
        for line in lines { Self.assemble(line, &assembler) }
        let end = assembler.address
        assembler.label("end")
        assembler.emit("addi", rd: 31, rs1: 31, 1)
        assembler.emit("jal", to: "end")
        assembler.finish()
        return (assembler.bytes, end)
    }

    static func register(_ name: some StringProtocol) -> Int? {
        (0..<32).first { RISCV.integerRegisterName($0) == name }
    }

    private static func assemble(_ line: String, _ assembler: inout RISCVAssembler) {
        if line.hasSuffix(":") { return assembler.label(String(line.dropLast())) }
        let words = line.split(separator: " ")
        let mnemonic = String(words[0])
        let template = RISCVAssembler.template(mnemonic)
        var numbers: [RISCV.Template.Role: Int] = [:]
        var names: [Int] = []
        var immediate: Int64 = 0
        var label: String?
        for word in words.dropFirst() {
            if let number = register(word) {
                names.append(number)
            } else if word.hasSuffix(")"), let open = word.firstIndex(of: "(") {
                numbers[.rs1] = register(word[word.index(after: open)...].dropLast())
                immediate = number(word[..<open]) ?? 0
            } else if let value = number(word) {
                immediate = value
            } else {
                label = String(word)
            }
        }
        // What is no memory operand stands in the order of the fields' names.
        let roles = [RISCV.Template.Role.rd, .rs1, .rs2].filter { template.register($0) != nil && numbers[$0] == nil }
        precondition(roles.count == names.count, "'\(line)' has \(names.count) registers, and needs \(roles.count)")
        for (role, number) in zip(roles, names) { numbers[role] = number }
        let (rd, rs1, rs2) = (numbers[.rd] ?? 0, numbers[.rs1] ?? 0, numbers[.rs2] ?? 0)
        if let label { return assembler.emit(mnemonic, rd: rd, rs1: rs1, rs2: rs2, to: label) }
        assembler.emit(mnemonic, rd: rd, rs1: rs1, rs2: rs2, immediate)
    }

    private static func number(_ text: Substring) -> Int64? {
        let isNegative = text.hasPrefix("-")
        let digits = isNegative ? text.dropFirst() : text
        let magnitude = digits.hasPrefix("0x") ? Int64(digits.dropFirst(2), radix: 16) : Int64(digits)
        return magnitude.map { isNegative ? -$0 : $0 }
    }
}

extension GuestSequence {
    /// x10 to x15, sp, s0 and ra live in host registers, most others in memory; the sequences have of both.
    static let all: [GuestSequence] = [
        // Arithmetic.
        .init(name: "add", lines: ["add a0 a1 a2", "add a0 a0 a3", "add a4 a5 a4"]),
        .init(name: "addi", lines: ["addi a0 a1 16", "addi a0 a0 -1", "addi a2 a3 0"]),
        .init(name: "li", lines: ["addi a0 zero 0", "addi a1 zero -5", "lui a2 0x12345000"]),
        .init(name: "lui and addi", lines: ["lui a0 0x12345000", "addi a0 a0 0x678", "lui a1 -0x80000000"]),
        .init(name: "auipc", lines: ["auipc a0 0x1000", "addi a0 a0 0x10"]),
        .init(name: "sub", lines: ["sub a0 a1 a2", "sub a3 zero a3", "sub a4 a5 a4"]),
        .init(name: "word operations", lines: ["addw a0 a1 a2", "addiw a3 a3 1", "subw a4 a4 a5", "addiw a2 a1 0"]),
        .init(
            name: "logic", lines: ["and a0 a1 a2", "or a0 a0 a3", "xor a4 a4 a5", "xori a1 a1 -1", "andi a2 a3 255"]),
        .init(name: "inverted logic", lines: ["andn a0 a1 a2", "orn a3 a3 a4", "xnor a5 a0 a1"]),
        .init(name: "shifts by constants", lines: ["slli a0 a1 3", "srli a0 a0 3", "srai a2 a2 63", "slliw a3 a4 5"]),
        .init(name: "shifts by registers", lines: ["sll a0 a1 a2", "srl a3 a3 a4", "sraw a5 a5 a0", "sllw a1 a2 a3"]),
        .init(
            name: "zero extension by shifts",
            lines: ["slli a0 a1 32", "srli a0 a0 32", "slli t0 t1 48", "srli t0 t0 48"]),
        .init(
            name: "sign extension by shifts",
            lines: [
                "slli a0 a0 32", "srai a0 a0 32", "slli a1 a2 48", "srai a1 a1 48", "slli t0 t1 56", "srai t0 t0 56",
            ]
        ),
        .init(name: "a mask by shifts", lines: ["slli a0 a1 33", "srli a0 a0 33", "slli a2 a2 63", "srli a2 a2 63"]),
        .init(
            name: "what a mask of one bit chooses",
            lines: [
                "slli a0 a1 59", "srai a0 a0 63", "and a0 a0 a2", "andi a3 a4 1", "sub a3 zero a3", "and a3 a3 a5",
            ]),
        .init(
            name: "part of a word by shifts",
            lines: [
                "slli a0 a1 32", "srli a0 a0 40", "slli a2 a3 32", "srai a2 a2 40", "slli a4 a4 56", "srli a4 a4 60",
            ]
        ),
        .init(
            name: "a word scaled by shifts",
            lines: ["slli a0 a1 32", "srli a0 a0 29", "slli a2 a3 32", "srai a2 a2 30", "add a0 a0 a2"]),
        .init(
            name: "shifts with something between",
            lines: ["slli a0 a1 32", "addi a2 a2 1", "srli a0 a0 32", "slli a3 a4 32", "addi a4 a4 1", "srli a3 a3 32"]),
        .init(
            name: "shifts whose first result is wanted", lines: ["slli a0 a1 32", "srli a2 a0 32", "addi a1 a1 1"]),
        .init(name: "rotations", lines: ["rol a0 a1 a2", "rori a3 a3 7", "rorw a4 a5 a1"]),
        .init(name: "shifted addresses", lines: ["sh3add a0 a1 a2", "add.uw a3 a4 a5", "sh1add.uw a2 a2 a3"]),
        .init(
            name: "bits",
            lines: ["clz a0 a1", "ctzw a2 a3", "cpop a4 a5", "rev8 a1 a2", "bset a3 a4 a5", "bexti a0 a0 5"]),
        .init(name: "minima and maxima", lines: ["min a0 a1 a2", "maxu a3 a3 a4"]),
        .init(name: "extensions", lines: ["sext.b a0 a1", "sext.h a2 a2", "zext.h a3 a4"]),
        // Products and quotients.
        .init(name: "mul", lines: ["mul a0 a1 a2", "mul a0 a0 a0", "mulw a3 a3 a4"]),
        .init(name: "mulh", lines: ["mulh a0 a1 a2", "mulhu a3 a4 a5", "mulhsu a1 a2 a3"]),
        .init(name: "div and rem", lines: ["div a0 a1 a2", "rem a3 a1 a2"]),
        .init(name: "divu and remuw", lines: ["divu a0 a1 a2", "remuw a3 a4 a5"]),
        // Comparisons.
        .init(
            name: "slt", lines: ["slt a0 a1 a2", "sltu a3 a3 a4", "slti a5 a5 10", "sltiu a1 a1 1", "sltu a2 zero a2"]),
        .init(name: "selection", lines: ["czero.eqz a0 a1 a2", "czero.nez a3 a4 a2", "or a0 a0 a3"]),
        .init(
            name: "branches on two registers",
            lines: ["beq a0 a1 end", "blt a2 a3 end", "bgeu a4 a5 end", "addi a0 a0 1"]),
        .init(
            name: "branches on zero", lines: ["beq a0 zero end", "blt a1 zero end", "blt zero a2 end", "addi a0 a0 1"]),
        .init(name: "a branch on a comparison", lines: ["sltu a0 a1 a2", "bne a0 zero end", "addi a0 a1 1"]),
        .init(
            name: "a branch over one instruction", lines: ["beq a0 zero skip", "add a1 a1 a2", "skip:", "add a3 a3 a1"]),
        .init(
            name: "branches over one instruction each",
            lines: [
                "blt a0 a1 one", "addi a0 a1 0", "one:", "bgeu a2 a3 two", "addi t0 t1 5", "two:", "bne t0 zero three",
                "addi a4 zero 7", "three:", "add a4 a4 a0",
            ]),
        .init(
            name: "a branch over one instruction whose result is not seen",
            lines: ["beq a0 zero skip", "add a1 a1 a2", "skip:", "addi a1 a3 1", "addi a2 a2 1"]),
        .init(
            name: "a branch over one instruction that overwrites what is needed",
            lines: ["addi a5 a0 0", "bgeu a0 a1 skip", "sub a0 a0 a1", "skip:", "add a2 a5 a0"]),
        .init(
            name: "a branch over one instruction that others go to as well",
            lines: ["bne a2 zero inside", "beq a0 zero skip", "inside:", "add a1 a1 a2", "skip:", "add a3 a3 a1"]),
        .init(
            name: "a branch over one instruction to where others go as well",
            lines: [
                "bne a2 zero skip", "addi a4 a4 1", "addi a5 a5 1", "beq a0 zero skip", "add a1 a1 a2", "skip:",
                "add a3 a3 a1",
            ]),
        .init(
            name: "a branch over one instruction that may fault",
            lines: ["beq a0 zero skip", "ld a0 0(a1)", "skip:", "addi a0 a0 1"],
            pointers: ["a1"]),
        // Loops.
        .init(
            name: "a loop with a branch over one instruction",
            lines: [
                "addi a2 zero 8", "loop:", "andi a3 a0 1", "srli a0 a0 1", "beq a3 zero skip", "xor a0 a0 a1", "skip:",
                "addi a2 a2 -1", "bne a2 zero loop",
            ]),
        .init(
            name: "a loop that counts",
            lines: ["addi a0 zero 9", "loop:", "add a1 a1 a0", "addi a0 a0 -1", "bne a0 zero loop"]
        ),
        .init(
            name: "a loop that copies",
            lines: [
                "addi a2 a0 40", "loop:", "ld a3 0(a0)", "sd a3 0(a1)", "addi a0 a0 8", "addi a1 a1 8",
                "bltu a0 a2 loop",
            ], pointers: ["a0", "a1"]),
        // Memory.
        .init(
            name: "loads of bytes and halves", lines: ["lb a0 0(a1)", "lbu a2 1(a1)", "lh a3 2(a1)", "lhu a4 4(a1)"],
            pointers: ["a1"]),
        .init(name: "loads of words", lines: ["lw a0 -4(a1)", "lwu a2 8(a1)", "ld a3 16(a1)"], pointers: ["a1"]),
        .init(name: "stores", lines: ["sb a0 0(a1)", "sh a2 2(a1)", "sw a3 4(a1)", "sd zero 8(a1)"], pointers: ["a1"]),
        .init(name: "a load by itself", lines: ["ld a0 0(a1)"], pointers: ["a1"]),
        .init(name: "a load over its own base", lines: ["ld a0 0(a0)", "addi a0 a0 1"], pointers: ["a0"]),
        .init(
            name: "prologue",
            lines: ["addi sp sp -48", "sd ra 40(sp)", "sd s0 32(sp)", "sd s1 24(sp)", "sd s2 16(sp)", "addi s0 sp 48"],
            pointers: ["sp"]),
        .init(
            name: "epilogue",
            lines: ["ld ra 40(sp)", "ld s0 32(sp)", "ld s1 24(sp)", "ld s2 16(sp)", "addi sp sp 48", "addi a0 zero 0"],
            pointers: ["sp"]),
        .init(
            name: "an index into an array", lines: ["slli a2 a2 48", "srli a2 a2 54", "add a0 a1 a2", "lw a0 0(a0)"],
            pointers: ["a1"]),
        .init(
            name: "read, changed and written", lines: ["ld a0 8(a1)", "addi a0 a0 1", "sd a0 8(a1)"], pointers: ["a1"]),
        // Atomic memory operations.
        .init(
            name: "atomic updates", lines: ["amoadd.d a0 a2 (a1)", "amoswap.w a3 a4 (a1)", "amomaxu.d zero a5 (a1)"],
            pointers: ["a1"], alignment: 8),
        .init(
            name: "load-reserved and store-conditional",
            lines: ["again:", "lr.d a0 (a1)", "addi a0 a0 1", "sc.d a2 a0 (a1)", "bne a2 zero again"],
            pointers: ["a1"], alignment: 8),
        // Registers that live in memory.
        .init(name: "unpinned registers", lines: ["add t0 t1 t2", "addi t3 t3 1", "add a0 a0 t0", "sub t4 a0 t3"]),
        .init(
            name: "loads to unpinned registers", lines: ["ld t0 0(t1)", "lw s2 8(t1)", "sd t0 16(t1)"], pointers: ["t1"]
        ),
        .init(name: "moves", lines: ["addi a0 a1 0", "addi t0 a2 0", "addi a3 t1 0", "addi t2 t3 0"]),
        .init(name: "a set that is dead", lines: ["addi a0 a1 1", "addi a0 a2 2"]),
        // Calls.
        .init(
            name: "a call and its return",
            lines: ["jal ra callee", "addi a0 a0 1", "jal zero end", "callee:", "addi a1 a1 1", "jalr zero ra 0"]),
        .init(name: "a return", lines: ["addi a0 zero 0", "jalr zero ra 0"]),
    ]
}
