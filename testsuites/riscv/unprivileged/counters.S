// Zicntr: cycle, time and instret (chapter 8). instret counts exactly the instructions that retire; QEMU's does so only
// under `-icount shift=0`.
#include "unprivileged/instructions.h"
    .option arch, +zihintpause
PROGRAM "counters"
    NEED_CSR instret, end

    rdinstret a0
    rdinstret a1
    sub  a1, a1, a0
    EXPECT "8.1: one instruction retires from one RDINSTRET to the next", a1, 1
    rdinstret a0
    nop
    nop
    rdinstret a1
    sub  a1, a1, a0
    EXPECT "8.1: two instructions between are counted", a1, 3
    rdinstret a0
    pause
    fence
    lui  zero, 1
    rdinstret a1
    sub  a1, a1, a0
    EXPECT "8.1: fences and hints count as one each", a1, 4
    rdinstret a0
    li   a2, 100
1:  addi a2, a2, -1
    bnez a2, 1b
    rdinstret a1
    sub  a1, a1, a0
    EXPECT "8.1: a loop of 100 turns of two instructions, and two more", a1, 202
    rdinstret a0
    j    1f
    nop
1:  beqz zero, 2f
    nop
2:  bnez zero, 3f
3:  rdinstret a1
    sub  a1, a1, a0
    EXPECT "8.1: jumps and branches, taken or not, count as one each", a1, 4
    csrr a0, minstret
    csrr a1, instret
    sub  a1, a1, a0
    EXPECT "8.1: instret is minstret", a1, 1
    rdcycle a0
    li   a2, 100
1:  addi a2, a2, -1
    bnez a2, 1b
    rdcycle a1
    sltu a1, a0, a1
    EXPECT "8.1: cycle grows", a1, 1
    rdtime a0
    li   a2, 100000
1:  addi a2, a2, -1
    bnez a2, 1b
    rdtime a1
    sltu a1, a0, a1
    EXPECT "8.1: time grows", a1, 1
end:
    DONE
