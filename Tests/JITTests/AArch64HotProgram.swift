@testable import AArch64ISA
@testable import JIT

/// A program that becomes hot, what it starts with, and what it leaves by the manual's rules.
///
/// It runs at EL1, or at EL0 where it says so, with the pages of ``AArch64HotMachine``. x28 counts 40 rounds. The handler
/// of EL1 counts exceptions in x20, and steps over what raised them; but for calls it adds up the flags that SPSR_EL1 has in
/// x21. The handler of EL2 adds up the classes of its exceptions in x24.
struct AArch64HotProgram: CustomStringConvertible, Sendable {
    let name: String
    let words: [UInt32]
    var registers: [Int: UInt64]
    var address: UInt64
    var isForUser: Bool
    /// Doublewords of memory, by physical address. Elsewhere each doubleword is its own address.
    var memory: [UInt64: UInt64]
    /// Registers at the end.
    let leaves: [Int: UInt64]

    var description: String { name }

    init(
        _ name: String, _ words: [UInt32], _ registers: [Int: UInt64] = [:], at address: UInt64 = Self.code,
        isForUser: Bool = false, memory: [UInt64: UInt64] = [:], leaves: [Int: UInt64]
    ) {
        (self.name, self.words, self.registers, self.address) = (name, words, registers, address)
        (self.isForUser, self.memory, self.leaves) = (isForUser, memory, leaves)
    }

    private static let code = AArch64TestMachine.code
    private static let data = AArch64HotMachine.data
    private static let user = AArch64HotMachine.user
    private static let readOnly = AArch64HotMachine.readOnly
    private static let unmapped = AArch64HotMachine.unmapped
    private static let swapped = AArch64HotMachine.swapped
    private static let block = AArch64HotMachine.block
}

extension AArch64HotProgram {
    static let all = [
        flags, writeBack, pageEnd, straddle, elsewhere, bits, rewritingByBlock, rewriting, unprivileged, exclusives,
        pairs, zeroing, refusedEarly, saturation, calls, hypercalls,
    ]

    static let flags = AArch64HotProgram(
        "flags that a fault finds pending",
        [
            0xd280_051c,  // mov x28, #40
            0xf100_5380,  // loop: subs x0, x28, #20
            0xf940_00a6,  // ldr x6, [x5]
            0x9a9f_a7e7,  // cset x7, lt
            0x9a1f_0129,  // adc x9, x9, xzr
            0x9a8a_154a,  // cinc x10, x10, eq
            0x8b07_016b,  // add x11, x11, x7
            0x2b1c_0381,  // adds w1, w28, w28
            0xf900_04a1,  // str x1, [x5, #8]
            0x9a8c_658c,  // cinc x12, x12, vc
            0xf100_079c,  // subs x28, x28, #1
            0x54ff_fec1,  // b.ne loop
            0x1400_0000,  // stay: b stay
        ], [5: unmapped],
        leaves: [9: 21, 10: 1, 11: 19, 12: 40, 20: 80, 21: 198])

    static let writeBack = AArch64HotProgram(
        "base registers that are written back, and those of accesses that fault",
        [
            0xd280_051c,  // mov x28, #40
            0xf840_84a0,  // loop: ldr x0, [x5], #8
            0xf81f_0ca0,  // str x0, [x5, #-16]!
            0xa8c1_08a1,  // ldp x1, x2, [x5], #16
            0xf840_84c3,  // ldr x3, [x6], #8
            0xf800_8cfc,  // str x28, [x7, #8]!
            0x8b03_0129,  // add x9, x9, x3
            0xf100_079c,  // subs x28, x28, #1
            0x54ff_ff21,  // b.ne loop
            0x1400_0000,  // stay: b stay
        ], [5: unmapped + 0x100, 6: data, 7: data + 0x1000],
        leaves: [5: unmapped + 0x100, 6: data + 320, 7: data + 0x1140, 9: 40 * data + 8 * 780, 20: 120])

    static let pageEnd = AArch64HotProgram(
        "a loop over the end of a page, with flags pending there",
        [
            0x8b1c_0129,  // loop: add x9, x9, x28
            0xd100_079c,  // sub x28, x28, #1
            0x9240_0380,  // and x0, x28, #1
            0xf100_1f9f,  // cmp x28, #7
            0x9a8a_954a,  // cinc x10, x10, hi
            0xb400_00fc,  // cbz x28, stay
            0xf100_041f,  // cmp x0, #1
            0x5400_0060,  // b.eq odd
            0x9100_056b,  // add x11, x11, #1
            0x17ff_fff7,  // b loop
            0x9100_058c,  // odd: add x12, x12, #1
            0x17ff_fff5,  // b loop
            0x1400_0000,  // stay: b stay
        ], [28: 40], at: code + 0xff0,
        leaves: [9: 820, 10: 32, 11: 19, 12: 20, 20: 0])

    static let straddle = AArch64HotProgram(
        "accesses over the end of a page, also into one that is not there",
        [
            0xd280_051c,  // mov x28, #40
            0xf940_00a0,  // loop: ldr x0, [x5]
            0x8b1c_0000,  // add x0, x0, x28
            0xf900_00a0,  // str x0, [x5]
            0xb840_20a1,  // ldur w1, [x5, #2]
            0x8b01_0129,  // add x9, x9, x1
            0xa97f_8ca2,  // ldp x2, x3, [x5, #-8]
            0x8b03_014a,  // add x10, x10, x3
            0x7840_30a4,  // ldrh w4, [x5, #3]
            0x8b04_016b,  // add x11, x11, x4
            0xf940_00cc,  // ldr x12, [x6]
            0xf900_00cc,  // str x12, [x6]
            0xf100_079c,  // subs x28, x28, #1
            0x54ff_fe81,  // b.ne loop
            0x1400_0000,  // stay: b stay
        ],
        [5: swapped + 0xffc, 6: unmapped - 3], memory: [swapped + 0x1ff8: 0x5566_7788 << 32, swapped: 0x1122_3344],
        leaves: [9: 40 * 0x3344_5566, 10: 40 &* 0x1122_3344_5566_7788 &+ 22_140, 11: 40 * 0x4455, 20: 80])

    static let elsewhere = AArch64HotProgram(
        "accesses to memory that is mapped as one block, and to pages that are elsewhere",
        [
            0xd280_051c,  // mov x28, #40
            0xf240_039f,  // loop: tst x28, #1
            0x9a86_00a0,  // csel x0, x5, x6, eq
            0xf87c_7801,  // ldr x1, [x0, x28, lsl #3]
            0x8b01_0129,  // add x9, x9, x1
            0xf87c_78c2,  // ldr x2, [x6, x28, lsl #3]
            0x8b02_014a,  // add x10, x10, x2
            0xf900_0001,  // str x1, [x0]
            0xf900_00e2,  // str x2, [x7]
            0xf940_00e3,  // ldr x3, [x7]
            0x8b03_016b,  // add x11, x11, x3
            0xf100_079c,  // subs x28, x28, #1
            0x54ff_fea1,  // b.ne loop
            0x1400_0000,  // stay: b stay
        ], [5: data + block, 6: swapped, 7: data + block + 0x800],
        leaves: [
            9: 20 * data + 20 * (swapped + 0x1000) + 8 * 820, 10: 40 * (swapped + 0x1000) + 8 * 820,
            11: 40 * (swapped + 0x1000) + 8 * 820, 20: 0,
        ])

    /// The loop has more registers than the host; the operand is one of those that are left, and needed again.
    static let bits = AArch64HotProgram(
        "bits that are reversed where every temporary register has something",
        [
            0xd280_051c,  // mov x28, #0x28
            0xb940_00b4,  // ldr w20, [x5]
            0x5ac0_0295,  // rbit w21, w20
            0x4a15_0296,  // eor w22, w20, w21
            0x8b16_0129,  // add x9, x9, x22
        ]
            // add x0, x0, #1 and so on, three times each
            + (0..<24).map { [0, 1, 2, 3, 4, 6, 7, 8][$0 % 8] }.map { 0x9100_0400 | $0 << 5 | $0 } + [
                0xf100_079c,  // subs x28, x28, #0x1
                0x54ff_fc61,  // b.ne 4 <l>
                0x1400_0000,  // b 7c <s>
            ], [5: data],
        leaves: [0: 120, 8: 120, 9: 40 * 0x4009_9002, 20: data & 0xffff_ffff])

    static let rewritingByBlock = AArch64HotProgram(
        "code that is rewritten where it is mapped as one block with data",
        [
            0xd280_051c,  // mov x28, #40
            0x1000_0183,  // adr x3, rewritten
            0x8b05_0065,  // add x5, x3, x5
            0x52ba_5004,  // mov w4, #0xd2800000
            0x2a1c_1480,  // loop: orr w0, w4, w28, lsl #5
            0xf840_8cc1,  // ldr x1, [x6, #8]!
            0xf900_00c0,  // str x0, [x6]
            0xb900_00a0,  // str w0, [x5]
            0xd50b_7b23,  // dc cvau, x3
            0xd503_3b9f,  // dsb ish
            0xd50b_7523,  // ic ivau, x3
            0xd503_3b9f,  // dsb ish
            0xd503_3fdf,  // isb
            0xd280_0000,  // rewritten: mov x0, #0
            0x8b00_0129,  // add x9, x9, x0
            0xf100_079c,  // subs x28, x28, #1
            0x54ff_fe81,  // b.ne loop
            0x1400_0000,  // stay: b stay
        ], [5: block, 6: data + block], leaves: [9: 820, 20: 0])

    static let rewriting = AArch64HotProgram(
        "code that rewrites itself",
        [
            0xd280_051c,  // mov x28, #40
            0x1000_0123,  // adr x3, rewritten
            0x52ba_5004,  // mov w4, #0xd2800000
            0x2a1c_1480,  // loop: orr w0, w4, w28, lsl #5
            0xb900_0060,  // str w0, [x3]
            0xd50b_7b23,  // dc cvau, x3
            0xd503_3b9f,  // dsb ish
            0xd50b_7523,  // ic ivau, x3
            0xd503_3b9f,  // dsb ish
            0xd503_3fdf,  // isb
            0xd280_0000,  // rewritten: mov x0, #0
            0x8b00_0129,  // add x9, x9, x0
            0xf100_079c,  // subs x28, x28, #1
            0x54ff_fec1,  // b.ne loop
            0x1400_0000,  // stay: b stay
        ],
        leaves: [9: 820, 20: 0])

    static let unprivileged = AArch64HotProgram(
        "unprivileged accesses of pages that the user may and may not access",
        [
            0xd280_051c,  // mov x28, #40
            0xf840_08a0,  // loop: ldtr x0, [x5]
            0x8b00_0129,  // add x9, x9, x0
            0xf800_08bc,  // sttr x28, [x5]
            0xf840_08c1,  // ldtr x1, [x6]
            0xf940_00c2,  // ldr x2, [x6]
            0x8b02_014a,  // add x10, x10, x2
            0x3840_08e3,  // ldtrb w3, [x7]
            0x3800_08fc,  // sttrb w28, [x7]
            0xf100_079c,  // subs x28, x28, #1
            0x54ff_fee1,  // b.ne loop
            0x1400_0000,  // stay: b stay
        ], [5: user, 6: data, 7: readOnly],
        leaves: [1: 0, 9: user + 819, 10: 40 * data, 20: 80])

    static let exclusives = AArch64HotProgram(
        "exclusive accesses, and what clears the monitor",
        [
            0xd280_051c,  // mov x28, #40
            0xc85f_7ca0,  // loop: ldxr x0, [x5]
            0x9100_0400,  // add x0, x0, #1
            0xc801_7ca0,  // stxr w1, x0, [x5]
            0x8b01_0129,  // add x9, x9, x1
            0xc801_7ca0,  // stxr w1, x0, [x5]
            0x8b01_014a,  // add x10, x10, x1
            0x885f_fcc2,  // ldaxr w2, [x6]
            0xd503_3f5f,  // clrex
            0x8801_fcc2,  // stlxr w1, w2, [x6]
            0x8b01_016b,  // add x11, x11, x1
            0xc87f_0ce2,  // ldxp x2, x3, [x7]
            0x8b1c_0042,  // add x2, x2, x28
            0xc821_0ce2,  // stxp w1, x2, x3, [x7]
            0x8b01_018c,  // add x12, x12, x1
            0xc85f_7ca0,  // ldxr x0, [x5]
            0xd400_0001,  // svc #0
            0xc801_7ca0,  // stxr w1, x0, [x5]
            0x8b01_01ad,  // add x13, x13, x1
            0xc85f_7ca0,  // ldxr x0, [x5]
            0xf940_0104,  // ldr x4, [x8]
            0xc801_7ca0,  // stxr w1, x0, [x5]
            0x8b01_01ce,  // add x14, x14, x1
            0xf100_079c,  // subs x28, x28, #1
            0x54ff_fd21,  // b.ne loop
            0x1400_0000,  // stay: b stay
        ], [5: data, 6: data + 0x40, 7: data + 0x80, 8: unmapped],
        leaves: [0: data + 40, 2: data + 0x80 + 820, 9: 0, 10: 40, 11: 40, 12: 0, 13: 40, 14: 40, 20: 80])

    static let pairs = AArch64HotProgram(
        "pairs that are compared and swapped, or not",
        [
            0xd280_051c,  // mov x28, #40
            0xaa00_03e2,  // loop: mov x2, x0
            0xaa01_03e3,  // mov x3, x1
            0x9100_0406,  // add x6, x0, #1
            0x9100_0827,  // add x7, x1, #2
            0x4822_7ca6,  // casp x2, x3, x6, x7, [x5]
            0xcb00_004c,  // sub x12, x2, x0
            0xcb01_006d,  // sub x13, x3, x1
            0xaa0d_018c,  // orr x12, x12, x13
            0x8b0c_0129,  // add x9, x9, x12
            0xd280_00a2,  // mov x2, #5
            0xaa07_03e3,  // mov x3, x7
            0x4822_7ca0,  // casp x2, x3, x0, x1, [x5]
            0x8b02_014a,  // add x10, x10, x2
            0x8b03_016b,  // add x11, x11, x3
            0x2a06_03e2,  // mov w2, w6
            0x2a07_03e3,  // mov w3, w7
            0x0822_7c80,  // casp w2, w3, w0, w1, [x4]
            0x8b03_01ce,  // add x14, x14, x3
            0xaa06_03e0,  // mov x0, x6
            0xaa07_03e1,  // mov x1, x7
            0x4822_7d00,  // casp x2, x3, x0, x1, [x8]
            0xf100_079c,  // subs x28, x28, #1
            0x54ff_fd41,  // b.ne loop
            0x1400_0000,  // stay: b stay
        ], [0: data, 1: data + 8, 4: data + 0x40, 5: data, 8: unmapped],
        memory: [data + 0x40: 0x1122_3344_5566_7788],
        leaves: [
            0: data + 40, 1: data + 8 + 80, 9: 0, 10: 40 * data + 820, 11: 40 * (data + 8) + 1640,
            14: 40 * 0x1122_3344, 20: 40,
        ])

    static let zeroing = AArch64HotProgram(
        "blocks that are zeroed, and some that cannot be",
        [
            0xd280_051c,  // mov x28, #40
            0xd50b_7425,  // loop: dc zva, x5
            0xa940_04a0,  // ldp x0, x1, [x5]
            0xa943_0ca2,  // ldp x2, x3, [x5, #48]
            0xaa01_0000,  // orr x0, x0, x1
            0xaa02_0000,  // orr x0, x0, x2
            0xaa03_0000,  // orr x0, x0, x3
            0x8b00_0129,  // add x9, x9, x0
            0xf940_20a4,  // ldr x4, [x5, #64]
            0x8b04_014a,  // add x10, x10, x4
            0x9101_00a5,  // add x5, x5, #64
            0xd50b_7426,  // dc zva, x6
            0xd50b_7427,  // dc zva, x7
            0xd50b_7428,  // dc zva, x8
            0x9101_0108,  // add x8, x8, #64
            0xf100_079c,  // subs x28, x28, #1
            0x54ff_fe21,  // b.ne loop
            0x1400_0000,  // stay: b stay
        ], [5: data, 6: unmapped + 0x100, 7: readOnly + 0x41, 8: data + 0x1005],
        leaves: [5: data + 0xa00, 9: 0, 10: 40 * data + 64 * 820, 20: 80])

    /// AArch64.S1Translate: hardware sets the access flag of what has no fault (D8.4.7, and "Alignment faults").
    static let refusedEarly = AArch64HotProgram(
        "accesses that device memory refuses leave the access flag as it was",
        [
            0xd280_051c,  // mov x28, #40
            0xf940_00a0,  // loop: ldr x0, [x5]
            0xf900_00a0,  // str x0, [x5]
            0xd50b_7427,  // dc zva, x7
            0xf940_00c9,  // ldr x9, [x6]
            0xf100_079c,  // subs x28, x28, #1
            0x54ff_ff61,  // b.ne loop
            0x1400_0000,  // stay: b stay
        ],
        [5: AArch64HotMachine.strict + 1, 6: AArch64HotMachine.strictPlace, 7: AArch64HotMachine.strict + 0x40],
        leaves: [9: AArch64HotMachine.strict | AArch64HotMachine.strictAttributes, 20: 120])

    static let calls = AArch64HotProgram(
        "exceptions of EL0",
        [
            0x1000_00c0,  // adr x0, user
            0xd518_4020,  // msr elr_el1, x0
            0xd280_7800,  // mov x0, #0x3c0
            0xd518_4000,  // msr spsr_el1, x0
            0xd280_051c,  // mov x28, #40
            0xd69f_03e0,  // eret
            0xf100_539f,  // user: cmp x28, #20
            0xd400_0001,  // svc #0
            0x9a89_9529,  // cinc x9, x9, hi
            0x0000_0000,  // udf #0
            0x9a8a_154a,  // cinc x10, x10, eq
            0xd420_0020,  // brk #1
            0xd538_d080,  // mrs x0, tpidr_el1
            0x9100_056b,  // add x11, x11, #1
            0xd100_079c,  // sub x28, x28, #1
            0xb5ff_fefc,  // cbnz x28, user
            0x1400_0000,  // stay: b stay
        ], isForUser: true,
        leaves: [9: 20, 10: 1, 11: 40, 20: 160, 21: 594])

    static let hypercalls = AArch64HotProgram(
        "exceptions of EL1, some of them taken to EL2",
        [
            0xd280_051c,  // mov x28, #40
            0xf100_539f,  // loop: cmp x28, #20
            0xd400_0002,  // hvc #0
            0x9a89_9529,  // cinc x9, x9, hi
            0xd53c_d040,  // mrs x0, tpidr_el2
            0xd400_0003,  // smc #0
            0x9a8a_154a,  // cinc x10, x10, eq
            0xd503_42df,  // msr daifset, #2
            0xd503_42ff,  // msr daifclr, #2
            0x9100_056b,  // add x11, x11, #1
            0xd100_079c,  // sub x28, x28, #1
            0xb5ff_fedc,  // cbnz x28, loop
            0x1400_0000,  // stay: b stay
        ],
        leaves: [9: 20, 10: 1, 11: 40, 20: 80, 21: 396, 24: 880])
}
