import ISA
import Testing

@testable import Machine

@Suite("Disassembler")
struct DisassemblerTests {
    /// Words and what `llvm-objdump -d` (LLVM 21) prints for them at address 0x1000.
    static let known: [(UInt32, String)] = [
        (0x8020_0537, "lui a0, 0x80200"), (0xfffff597, "auipc a1, 0xfffff"), (0xff9f_f0ef, "jal 0xff8"),
        (0xff1f_f06f, "j 0xff0"), (0x0045_02e7, "jalr t0, 0x4(a0)"), (0x0000_8067, "ret"),
        (0xfc05_0ce3, "beqz a0, 0xfd8"), (0xfca0_42e3, "bgtz a0, 0xfc4"), (0xfab5_7ee3, "bgeu a0, a1, 0xfbc"),
        (0xffc1_2503, "lw a0, -0x4(sp)"), (0x00a1_3423, "sd a0, 0x8(sp)"), (0xfff0_0513, "li a0, -0x1"),
        (0x0000_0013, "nop"), (0x0ff5_f513, "zext.b a0, a1"), (0x0285_9513, "slli a0, a1, 0x28"),
        (0x0ff0_000f, "fence"), (0x0310_000f, "fence rw, w"), (0x8330_000f, "fence.tso"), (0x0100_000f, "pause"),
        (0x3000_2573, "csrr a0, mstatus"), (0x6805_9573, "csrrw a0, hgatp, a1"), (0x3041_d073, "csrwi mie, 0x3"),
        (0x1235_a573, "csrrs a0, 0x123, a1"), (0xc010_2573, "rdtime a0"), (0x0035_1073, "fscsr a0"),
        (0x1005_a52f, "lr.w a0, (a1)"), (0x1ec5_b52f, "sc.d.aqrl a0, a2, (a1)"), (0x12b5_0073, "sfence.vma a0, a1"),
        (0x00c5_9553, "fadd.s fa0, fa1, fa2, rtz"), (0x6ac5_f543, "fmadd.d fa0, fa1, fa2, fa3"),
        (0x22b5_9553, "fneg.d fa0, fa1"), (0xd205_8553, "fcvt.d.w fa0, a1"), (0x22b5_0073, "hfence.vvma a0, a1"),
        (0x6200_0073, "hfence.gvma"), (0x6835_c573, "hlvx.wu a0, (a1)"), (0x6ea5_c073, "hsv.d a0, (a1)"),
        (0x66b5_0073, "hinval.gvma a0, a1"), (0x1800_0073, "sfence.w.inval"), (0x2cc7_452f, "amocas.q.aq a0, a2, (a4)"),
        (0x0ec5_d533, "czero.eqz a0, a1, a2"), (0x0805_853b, "zext.w a0, a1"), (0x2a85_9513, "bseti a0, a1, 0x28"),
        (0x0045_200f, "cbo.zero (a0)"), (0x0215_6013, "prefetch.r 0x20(a0)"), (0x04c5_f553, "fadd.h fa0, fa1, fa2"),
        (0x14d0_2573, "csrr a0, stimecmp"), (0x0000, "unimp"), (0x713d, "addi sp, sp, -0x20"), (0x8082, "ret"),
        (0x852e, "mv a0, a1"), (0x4512, "lw a0, 0x4(sp)"),
    ]

    @Test("The text is that of LLVM's disassembler", arguments: known)
    func text(word: UInt32, expected: String) {
        let line = Disassembler(symbols: SymbolFinder([])).line(word, at: 0x1000)
        #expect(line.text == expected)
    }

    @Test("Every word has a text, and a word that is no instruction shows its bits")
    func total() {
        var word: UInt32 = 1
        for _ in 0..<200_000 {
            // Xorshift: Marsaglia, 2003.
            word ^= word << 13
            word ^= word >> 17
            word ^= word << 5
            let text = RISCV.disassemble(word, at: 0)
            #expect(!text.mnemonic.isEmpty && text.length == (word & 3 == 3 ? 4 : 2))
        }
        #expect(Disassembler(symbols: SymbolFinder([])).line(0xffff_ffff, at: 0).text == ".word 0xffffffff")
    }
}

@Suite("Disassembler of other architectures")
struct CapstoneDisassemblerTests {
    /// SDM volume 2, APM volume 3, and DDI 0487, C6.2: encodings of each.
    @Test(
        "The text is the manuals'",
        arguments: [
            (.x86_64, [0x48, 0x89, 0xe5], "mov rbp, rsp"), (.x86_64, [0x0f, 0x01, 0xc1], "vmcall"),
            (.x86_64, [0x0f, 0x01, 0xd8], "vmrun"), (.aarch64, [0x1f, 0x20, 0x03, 0xd5], "nop"),
            (.aarch64, [0x02, 0x00, 0x00, 0xd4], "hvc #0"), (.aarch64, [0xe0, 0x03, 0x9f, 0xd6], "eret"),
        ] as [(ELFFile.Machine, [UInt8], String)])
    func text(machine: ELFFile.Machine, bytes: [UInt8], expected: String) throws {
        let disassembler = try #require(CapstoneDisassembler(machine, symbols: SymbolFinder([])))
        let instruction = try #require(disassembler.instruction(bytes, at: 0x1000))
        #expect(instruction.length == bytes.count)
        #expect(instruction.text.hasPrefix(expected))
    }

    @Test("A byte that begins no instruction is shown and passed over")
    func undefined() throws {
        let disassembler = try #require(CapstoneDisassembler(.x86_64, symbols: SymbolFinder([])))
        let code: [UInt8] = [0x06, 0xc3]  // 06 is invalid in 64-bit mode
        let listing = disassembler.listing(from: 0, count: 4) { $0 < 2 ? code[Int($0)...] : nil }
        #expect(listing.lines.map { $0.split(separator: " ").last } == [".byte", "ret"])
        #expect(listing.end == 2)
    }
}
