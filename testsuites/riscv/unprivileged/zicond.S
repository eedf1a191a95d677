// Zicond: conditional zero (chapter 12). The condition is the whole register, all 64 bits of it.
#include "unprivileged/instructions.h"
    .option arch, +zicond
PROGRAM "zicond"
    NEED "Zicond", end, czero.eqz a0, a0, a0

    RR "12", czero.eqz, 5, 0, 0
    RR "12", czero.eqz, 5, 1, 5
    RR "12", czero.eqz, -1, 0x8000000000000000, -1
    RR "12", czero.eqz, 0x0123456789abcdef, 0x100000000, 0x0123456789abcdef
    RR "12", czero.eqz, 0, 0, 0
    RR "12", czero.nez, 5, 0, 5
    RR "12", czero.nez, 5, 1, 0
    RR "12", czero.nez, -1, 0x8000000000000000, 0
    RR "12", czero.nez, 0x0123456789abcdef, 0x100000000, 0
    RR "12", czero.nez, 7, 7, 0
    li   a0, 9
    czero.nez a1, a0, zero
    EXPECT "12: CZERO.NEZ with rs2 = x0 is a move", a1, 9
    czero.eqz a1, a0, zero
    EXPECT "12: CZERO.EQZ with rs2 = x0 is zero", a1, 0
    ALL_PAIRS "12: CZERO.EQZ", czero.eqz, model_eqz
    ALL_PAIRS "12: CZERO.NEZ", czero.nez, model_nez
    ILLEGAL "12: the group's funct3 = 6 is reserved", 0x0eb56533
end:
    DONE

model_eqz:
    mv   a2, a0
    bnez a1, 1f
    li   a2, 0
1:  ret
model_nez:
    mv   a2, a0
    beqz a1, 1f
    li   a2, 0
1:  ret
