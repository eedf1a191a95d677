// Sstc: stimecmp, the STIP it drives, and what gates it (chapter 17).
#include "harness.h"
PROGRAM "sstc"
    li   t0, -1
    li   t1, CLINT_MTIMECMP
    sd   t0, (t1)
    NEED_CSR menvcfg, absent
    li   t0, ENVCFG_STCE
    csrs menvcfg, t0
    csrr t1, menvcfg
    and  t0, t0, t1
    beqz t0, absent
    BEGIN M
    csrr t0, stimecmp
    END
    ld   t0, LEVEL(gp)
    beqz t0, present
absent:
    SKIP "no Sstc", done

    // Waits up to 2^20 rounds for mip.STIP to be `value`, which a0 then holds.
    .macro STIP_BECOMES text, value
    li   t2, 1 << 20
1:  csrr a0, mip
    srli a0, a0, IRQ_STI
    andi a0, a0, 1
    addi t2, t2, -1
    beqz t2, 2f
    li   t0, \value
    bne  a0, t0, 1b
2:  EXPECT "\text", a0, \value
    .endm

present:
    li   t0, COUNTEREN_TM
    csrw mcounteren, t0
    EXPECT_WRITE "17.1.1: stimecmp holds 64 bits", stimecmp, -1, -1, -1
    EXPECT_WRITE "17.1.1: stimecmp holds a pattern", stimecmp, 0xfedcba9876543210, -1, 0xfedcba9876543210
    STIP_BECOMES "17.1.2: STIP is clear while stimecmp is beyond time", 0
    csrw stimecmp, zero
    STIP_BECOMES "17.1.2: STIP is set while time >= stimecmp", 1
    li   t0, STIP
    csrc mip, t0
    EXPECT_CSR_BITS "17.1.2: STIP is read-only in mip", mip, STIP, STIP
    li   t0, -1
    csrw stimecmp, t0
    STIP_BECOMES "17.1.2: writing stimecmp beyond time clears STIP", 0
    li   t0, STIP
    csrs mip, t0
    EXPECT_CSR_BITS "17.1.2: STIP cannot be set through mip", mip, STIP, 0
    rdtime a1
    csrw stimecmp, a1
    STIP_BECOMES "17.1.1: the comparison is time >= stimecmp", 1
    rdtime a1
    addi a1, a1, 500
    csrw stimecmp, a1
    STIP_BECOMES "17.1.1: STIP is set when time gets there", 1
    rdtime a2
    sltu a3, a2, a1
    EXPECT "17.1.1: STIP is not set before", a3, 0

    // Delivery to S-mode
    li   t0, STIP
    csrs mideleg, t0
    csrs mie, t0
    BEGIN S
    csrsi sstatus, STATUS_SIE
    csrr a4, sip
    nop
    END
    EXPECT_TRAP "17.1.3: the timer interrupts S-mode", S, INTERRUPT(IRQ_STI), 0
    csrci mstatus, STATUS_SIE
    BEGIN S
    csrr a4, sip
    li   t0, -1
    csrw stimecmp, t0
    csrr a5, stimecmp
    END
    EXPECT_NO_TRAP "17.1.1: S-mode reads and writes stimecmp"
    EXPECT_BITS "17.1.3: S-mode sees STIP in sip", a4, STIP, STIP
    EXPECT "17.1.1: S-mode reads what it wrote", a5, -1
    STIP_BECOMES "17.1.3: S-mode's write clears STIP", 0
    BEGIN S
    rdtime t0
    addi t0, t0, 500
    csrw stimecmp, t0
    csrsi sstatus, STATUS_SIE
1:  wfi
    j    1b
    END
    EXPECT_TRAP "17.1.1: WFI waits for stimecmp", S, INTERRUPT(IRQ_STI)
    csrci mstatus, STATUS_SIE
    BEGIN S
    csrw stimecmp, zero
    END
    BEGIN U
1:  j    1b
    END
    EXPECT_TRAP "17.1.3: the timer interrupts U-mode", S, INTERRUPT(IRQ_STI)
    li   t0, -1
    csrw stimecmp, t0

    // Gates (17.1.4, 17.3)
    csrw mcounteren, zero
    BEGIN S
    csrr t0, stimecmp
    END
    EXPECT_TRAP "17.1.4: with mcounteren.TM = 0 S-mode may not read stimecmp", M, CAUSE_ILLEGAL_INSTRUCTION
    BEGIN S
    csrw stimecmp, zero
    END
    EXPECT_TRAP "17.1.4: with mcounteren.TM = 0 S-mode may not write stimecmp", M, CAUSE_ILLEGAL_INSTRUCTION
    EXPECT_CSR "17.1.4: the refused write did nothing", stimecmp, -1
    li   t0, COUNTEREN_TM
    csrw mcounteren, t0
    li   t1, ENVCFG_STCE
    csrc menvcfg, t1
    BEGIN S
    csrr t0, stimecmp
    END
    EXPECT_TRAP "17.3: with menvcfg.STCE = 0 S-mode may not read stimecmp", M, CAUSE_ILLEGAL_INSTRUCTION
    li   t0, STIP
    csrs mip, t0
    EXPECT_CSR_BITS "17.3: with menvcfg.STCE = 0 STIP is writable in mip again", mip, STIP, STIP
    csrc mip, t0
    EXPECT_CSR_BITS "17.3: with menvcfg.STCE = 0 STIP can be cleared in mip", mip, STIP, 0
    li   t1, ENVCFG_STCE
    csrs menvcfg, t1
    BEGIN U
    csrr t0, stimecmp
    END
    EXPECT_TRAP "17.1.1: U-mode may not read stimecmp", M, CAUSE_ILLEGAL_INSTRUCTION
    csrw scounteren, zero
    BEGIN S
    csrr t0, stimecmp
    END
    EXPECT_NO_TRAP "17.1.4: scounteren does not bind S-mode"
done:
    DONE
