// Zba: address generation (chapter 28). Each result is a sum of shifts and additions, or worked by hand.
#include "unprivileged/instructions.h"
    .option arch, +zba
PROGRAM "zba"
    NEED "Zba", end, sh1add a0, a0, a0

    RR "Zba", sh1add, 3, 100, 106
    RR "Zba", sh2add, 3, 100, 112
    RR "Zba", sh3add, 3, 100, 124
    RR "Zba, the shift loses the top bits", sh1add, 0x8000000000000001, 5, 7
    RR "Zba, the shift loses the top bits", sh3add, 0xe000000000000001, 5, 13
    RR "Zba", sh2add, -1, 4, 0
    RR "Zba", add.uw, 0xffffffffffffffff, 1, 0x100000000
    RR "Zba", add.uw, 0x1234567880000000, -1, 0x7fffffff
    RR "Zba", sh1add.uw, 0xffffffff80000000, 1, 0x100000001
    RR "Zba", sh2add.uw, 0xffffffffffffffff, 0, 0x3fffffffc
    RR "Zba", sh3add.uw, 0xdeadbeefffffffff, 7, 0x7ffffffff
    RI "Zba", slli.uw, 0xffffffffffffffff, 0, 0xffffffff
    RI "Zba", slli.uw, 0x12345678ffffffff, 4, 0xffffffff0
    RI "Zba", slli.uw, 0xffffffff80000001, 32, 0x8000000100000000
    RI "Zba", slli.uw, 3, 63, 0x8000000000000000
    ALL_PAIRS "Zba: SH1ADD", sh1add, model_sh1add
    ALL_PAIRS "Zba: SH2ADD", sh2add, model_sh2add
    ALL_PAIRS "Zba: SH3ADD", sh3add, model_sh3add
    ALL_PAIRS "Zba: ADD.UW", add.uw, model_add.uw
    ALL_PAIRS "Zba: SH1ADD.UW", sh1add.uw, model_sh1add.uw
    ALL_PAIRS "Zba: SH2ADD.UW", sh2add.uw, model_sh2add.uw
    ALL_PAIRS "Zba: SH3ADD.UW", sh3add.uw, model_sh3add.uw
    ILLEGAL "Zba: OP-32 with funct7 = 0x10 and funct3 = 0 is reserved", 0x20b5063b
    ILLEGAL "Zba: OP-32 with funct7 = 0x04 and funct3 = 1 is reserved", 0x08b5163b | 1 << 25
end:
    DONE

.macro ADDITION name, doublings, word
model_\name:
    mv   a2, a0
    .if \word
    slli a2, a2, 32
    srli a2, a2, 32
    .endif
    .rept \doublings
    add  a2, a2, a2
    .endr
    add  a2, a2, a1
    ret
.endm
    ADDITION sh1add, 1, 0
    ADDITION sh2add, 2, 0
    ADDITION sh3add, 3, 0
    ADDITION add.uw, 0, 1
    ADDITION sh1add.uw, 1, 1
    ADDITION sh2add.uw, 2, 1
    ADDITION sh3add.uw, 3, 1
