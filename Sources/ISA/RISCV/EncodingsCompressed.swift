/// The C extension (volume I, "RVC Instruction Set Listings"): each 16-bit encoding is one of the 32-bit operations with
/// some operands fixed. `rd' rs1' rs2'` and `fd' fs2'` are three-bit fields for registers 8 to 15.
///
/// Where the manual reserves a case inside an encoding ("nzimm", "rd/=x0"), that case is a line of its own that is
/// `illegal`; hints need no line, since they do nothing by themselves (their destination is x0).
extension RISCV.Encoding {
    static let compressed: [RISCV.Encoding] = [
        // Quadrant 0
        .init("000 00000000                  rd' 00", .illegal),
        .init("000 uimm[5:4|9:6|2|3]         rd' 00", .addi, rs1: 2),
        .init("001 uimm[5:3] rs1' uimm[7:6]  fd' 00", .fld),
        .init("010 uimm[5:3] rs1' uimm[2|6]  rd' 00", .lw),
        .init("011 uimm[5:3] rs1' uimm[7:6]  rd' 00", .ld),
        .init("101 uimm[5:3] rs1' uimm[7:6] fs2' 00", .fsd),
        .init("110 uimm[5:3] rs1' uimm[2|6] rs2' 00", .sw),
        .init("111 uimm[5:3] rs1' uimm[7:6] rs2' 00", .sd),
        // Quadrant 1
        .init("000 imm[5] rd/rs1     imm[4:0]    01", .addi),
        .init("001 imm[5] 00000      imm[4:0]    01", .illegal),
        .init("001 imm[5] rd/rs1     imm[4:0]    01", .addiw),
        .init("010 imm[5] rd         imm[4:0]    01", .addi, rs1: 0),
        .init("011 0      00010      00000       01", .illegal),
        .init("011 imm[9] 00010 imm[4|6|8:7|5]   01", .addi, rd: 2, rs1: 2),
        .init("011 0      rd         00000       01", .illegal),
        .init("011 imm[17]    rd     imm[16:12]  01", .lui),
        .init("100 uimm[5] 00 rd'/rs1' uimm[4:0] 01", .srli),
        .init("100 uimm[5] 01 rd'/rs1' uimm[4:0] 01", .srai),
        .init("100 imm[5]  10 rd'/rs1'  imm[4:0] 01", .andi),
        .init("100 0       11 rd'/rs1'  00 rs2'  01", .sub),
        .init("100 0       11 rd'/rs1'  01 rs2'  01", .xor),
        .init("100 0       11 rd'/rs1'  10 rs2'  01", .or),
        .init("100 0       11 rd'/rs1'  11 rs2'  01", .and),
        .init("100 1       11 rd'/rs1'  00 rs2'  01", .subw),
        .init("100 1       11 rd'/rs1'  01 rs2'  01", .addw),
        .init("101 imm[11|4|9:8|10|6|7|3:1|5]    01", .jal, rd: 0),
        .init("110 imm[8|4:3] rs1' imm[7:6|2:1|5] 01", .beq, rs2: 0),
        .init("111 imm[8|4:3] rs1' imm[7:6|2:1|5] 01", .bne, rs2: 0),
        // Quadrant 2
        .init("000 uimm[5] rd/rs1  uimm[4:0]     10", .slli),
        .init("001 uimm[5] fd uimm[4:3|8:6]      10", .fld, rs1: 2),
        .init("010 uimm[5] 00000 uimm[4:2|7:6]   10", .illegal),
        .init("010 uimm[5] rd uimm[4:2|7:6]      10", .lw, rs1: 2),
        .init("011 uimm[5] 00000 uimm[4:3|8:6]   10", .illegal),
        .init("011 uimm[5] rd uimm[4:3|8:6]      10", .ld, rs1: 2),
        .init("100 0       00000      00000      10", .illegal),
        .init("100 0       rs1        00000      10", .jalr, rd: 0),
        .init("100 0       rd         rs2        10", .add, rs1: 0),
        .init("100 1       00000      00000      10", .ebreak),
        .init("100 1       rs1        00000      10", .jalr, rd: 1),
        .init("100 1       rd/rs1     rs2        10", .add),
        .init("101 uimm[5:3|8:6] fs2             10", .fsd, rs1: 2),
        .init("110 uimm[5:2|7:6] rs2             10", .sw, rs1: 2),
        .init("111 uimm[5:3|8:6] rs2             10", .sd, rs1: 2),
    ]
}
