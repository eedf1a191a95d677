import Testing

@testable import ISA

@Suite("Decoder")
struct DecoderTests {
    private static let encodings = RISCV.Encoding.all

    @Test("No two lines of the tables overlap, unless one is a special case of the other")
    func overlaps() {
        for (index, first) in Self.encodings.enumerated() {
            for second in Self.encodings[(index + 1)...] where first.length == second.length {
                let common = first.mask & second.mask
                guard first.match & common == second.match & common else { continue }
                let isSpecial = common == first.mask || common == second.mask
                // Two special cases may meet where a third line says what both are there.
                let meeting = (mask: first.mask | second.mask, match: first.match | second.match)
                let isSettled = Self.encodings.contains {
                    $0.length == first.length && $0.mask & meeting.mask == meeting.mask
                        && $0.match & meeting.mask == meeting.match
                }
                #expect(
                    isSpecial && common != first.mask | second.mask || isSettled,
                    "'\(first.pattern)' and '\(second.pattern)' claim the same words: fix one of them")
            }
        }
    }

    @Test("Every 16-bit word that is not the start of a longer one is an instruction or illegal, and has one meaning")
    func narrowWords() {
        let decoder = RISCV.Decoder(.all)
        let lines = Self.encodings.filter { $0.length == 2 }
        for word in 0..<UInt32(0x1_0000) where word & 3 != 3 {
            let best = lines.filter { $0.matches(word) }.max { $0.mask.nonzeroBitCount < $1.mask.nonzeroBitCount }
            let decoded = decoder.decode(word)
            #expect(decoded.operation == best?.operation ?? .illegal)
            #expect(decoded.slot.length == 1)
            #expect(decoded.slot.rd < 72 && decoded.slot.rs1 < 72 && decoded.slot.rs2 < 72)
        }
    }

    @Test("Every 32-bit word decodes to operands within the register file")
    func wideWords() {
        let decoder = RISCV.Decoder(.all)
        var word: UInt32 = 0x1234_5677
        #if DEBUG
        let count = 200_000
        #else
        let count = 5_000_000
        #endif
        for _ in 0..<count {
            word = word &* 1_664_525 &+ 1_013_904_223
            let (operation, slot) = decoder.decode(word | 3)
            #expect(slot.length == 2)
            #expect(slot.rd < 72 && slot.rs1 < 72 && slot.rs2 < 72 && RISCV.Operation.count > operation.rawValue)
        }
    }

    @Test("An extension that the CPU lacks leaves its encodings illegal")
    func features() {
        let plain = RISCV.Decoder([])
        #expect(plain.decode(0x2081_2033).operation == .illegal, "sh1add x0, x2, x8 needs Zba")
        #expect(RISCV.Decoder(.zba).decode(0x2081_2033).operation == .sh1add)
    }

    /// Words and meanings worked out by hand from volume I, "Instruction Set Listings".
    @Test("Operands are taken from where the manual prints them")
    func operands() {
        let decoder = RISCV.Decoder(.all)
        let addi = decoder.decode(0xfff1_0093)  // addi x1, x2, -1
        #expect(addi.operation == .addi && addi.slot.rd == 1 && addi.slot.rs1 == 2 && addi.slot.immediate == -1)
        let jal = decoder.decode(0xffdf_f06f)  // jal x0, -4
        #expect(jal.operation == .jal && jal.slot.rd == DecodedSlot.sink && jal.slot.immediate == -4)
        let branch = decoder.decode(0xfe20_8ee3)  // beq x1, x2, -4
        #expect(branch.operation == .beq && branch.slot.rs1 == 1 && branch.slot.rs2 == 2)
        #expect(branch.slot.immediate == -4)
        let store = decoder.decode(0x0051_3423)  // sd x5, 8(x2)
        #expect(store.operation == .sd && store.slot.rs1 == 2 && store.slot.rs2 == 5 && store.slot.immediate == 8)
        let fused = decoder.decode(0x2220_f1c3)  // fmadd.d f3, f1, f2, f4, dyn
        #expect(fused.operation == .fmadd_d && fused.slot.rd == 43 && fused.slot.rs1 == 41)
        let narrow = decoder.decode(0x1141)  // c.addi x2, -16
        #expect(narrow.operation == .addi && narrow.slot.rd == 2 && narrow.slot.rs1 == 2)
        #expect(narrow.slot.immediate == -16)
        let wide = decoder.decode(0x7139)  // c.addi16sp x2, -64
        #expect(wide.operation == .addi && wide.slot.rd == 2 && wide.slot.immediate == -64)
    }

    @Test("Each handler carries out the operation of its place")
    func handlers() {
        #expect(RISCV.handlers.count == RISCV.Operation.count)
        #expect(RISCV.Operation.allCases.count == RISCV.Operation.count)
        let compressed = Set(Self.encodings.filter { $0.length == 2 }.map(\.operation))
        let hasOwn = Set(RISCV.compressedHandlers.map(\.operation))
        // Instructions that call helpers end with the length in their slot, and need no second handler.
        #expect(compressed.subtracting(hasOwn) == [.illegal, .ebreak])
    }
}
