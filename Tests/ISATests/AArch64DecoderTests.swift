import Foundation
import Machine
import TestSupport
import Testing

@testable import AArch64ISA
@testable import ISA

@Suite("AArch64 decoder")
struct AArch64DecoderTests {
    private typealias Encoding = AArch64.Encoding
    private static let lines = Encoding.all.filter { $0.operation != .illegal }
    private static let reserved = Encoding.all.filter { $0.operation == .illegal }

    @Test("No two lines of the tables overlap, unless one is a special case of the other")
    func overlaps() {
        for (index, first) in Self.lines.enumerated() {
            for second in Self.lines[(index + 1)...] {
                let common = first.mask & second.mask
                guard first.match & common == second.match & common else { continue }
                // One wants some bits not to be all 0, and the other wants just that.
                let isApart = { (a: Encoding, b: Encoding) in
                    a.nonzero != 0 && b.mask & a.nonzero == a.nonzero && b.match & a.nonzero == 0
                }
                if isApart(first, second) || isApart(second, first) { continue }
                let isSpecial = (common == first.mask) != (common == second.mask)
                #expect(isSpecial, "'\(first.pattern)' and '\(second.pattern)' claim the same words: fix one of them")
            }
        }
    }

    @Test("Each reserved line takes words from some line, and all words from none")
    func reservedLines() {
        for reserved in Self.reserved {
            let touched = Self.lines.filter { line in
                (line.match ^ reserved.match) & line.mask & reserved.mask == 0
            }
            #expect(!touched.isEmpty, "'\(reserved.pattern)' is in nobody's way")
            for line in touched {
                #expect(reserved.mask & ~line.mask != 0, "'\(reserved.pattern)' leaves nothing of '\(line.pattern)'")
            }
        }
    }

    @Test("No two fields of a line share a place in its slot, and each operation has a line")
    func fields() {
        for line in Self.lines {
            var taken: [Encoding.Target: UInt32] = [:]
            for piece in line.pieces {
                let bits = ((1 as UInt32) << UInt32(piece.width) - 1) << UInt32(piece.shift)
                #expect(taken[piece.target, default: 0] & bits == 0, "'\(line.pattern)' has two fields in one place")
                taken[piece.target, default: 0] |= bits
            }
            let hasRoom = taken[.ra] == nil || taken[.immediate, default: 0] >> 24 == 0
            #expect(hasRoom, "'\(line.pattern)' has an immediate where its fourth register stands")
        }
        #expect(Set(Self.lines.map(\.operation)).union([.illegal]) == Set(AArch64.Operation.allCases))
    }

    @Test("An extension that the CPU lacks leaves its encodings illegal, and its hints without effect")
    func features() {
        let plain = AArch64.Decoder([])
        let casal: UInt32 = 0xc8e0_fc41  // casal x0, x1, [x2]
        #expect(plain.decode(casal).operation == .illegal)
        #expect(AArch64.Decoder(.lse).decode(casal).operation == .cas)
        let paciasp: UInt32 = 0xd503_233f
        #expect(plain.decode(paciasp).operation == .hint)
        #expect(AArch64.Decoder(.pauth).decode(paciasp).operation == .paciasp)
    }

    /// Words and meanings as the manual's pages of the instructions have them.
    @Test("Operands are taken from where the manual prints them")
    func operands() {
        let decoder = AArch64.Decoder(.all)
        let add = decoder.decode(0x9140_07ff)  // add sp, sp, #1, lsl #12
        #expect(add.operation == .add_immediate && add.isWide)
        #expect(add.slot.rd == AArch64.stackPointer && add.slot.rs1 == AArch64.stackPointer)
        #expect(add.slot.immediate == 1 << 12 | 1)
        let compare = decoder.decode(0x7100_043f)  // cmp w1, #1
        #expect(compare.operation == .subs_immediate && !compare.isWide && compare.slot.rd == DecodedSlot.sink)
        let branch = decoder.decode(0x54ff_ffe1)  // b.ne .-4
        #expect(branch.operation == .b_cond && branch.slot.immediate == -4 && branch.slot.rs2 == 1)
        let page = decoder.decode(0xf0ff_ffe0)  // adrp x0, .-4096
        #expect(page.operation == .adrp && page.slot.immediate == -1 && page.slot.rd == 0)
        let test = decoder.decode(0xb7ff_ffe1)  // tbnz x1, #63, .-4
        #expect(test.operation == .tbnz && test.slot.rd == 1 && test.slot.rs2 == 63 && test.slot.immediate == -4)
        let pair = decoder.decode(0xa9bf_7bfd)  // stp x29, x30, [sp, #-16]!
        #expect(pair.operation == .stp_pre && pair.isWide && pair.slot.rd == 29 && pair.slot.rs1 == 33)
        #expect(pair.slot.immediate == 30 << 24 | 0xff_fff0)
        let load = decoder.decode(0xf940_043f)  // ldr xzr, [x1, #8]
        #expect(load.operation == .ldr_unsigned && load.slot.rd == DecodedSlot.sink && load.slot.immediate == 8)
        let store = decoder.decode(0xb900_043f)  // str wzr, [x1, #4]
        #expect(store.operation == .str_unsigned && store.slot.rd == AArch64.zeroRegister)
        #expect(store.slot.immediate == 4 && !store.isWide)
        let read = decoder.decode(0xd538_1000)  // mrs x0, sctlr_el1 (S3_0_C1_C0_0)
        #expect(read.operation == .mrs && read.slot.immediate == 1 << 14 | 1 << 7)
        let exclusive = decoder.decode(0xc823_8440)  // stlxp w3, x0, x1, [x2]
        #expect(exclusive.operation == .stlxp && exclusive.slot.rd == 0 && exclusive.slot.rs1 == 2)
        #expect(exclusive.slot.rs2 == 3 && exclusive.slot.immediate >> 24 == 1)
    }
}
