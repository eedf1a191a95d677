// The guest's time: htimedelta, and with Sstc vstimecmp, which raises VSTIP when time + htimedelta reaches it (19.2.7,
// 17.2).
#include "harness.h"
PROGRAM "timer"
    NEED_MISA H, done
    li   t0, -1
    li   t1, CLINT_MTIMECMP
    sd   t0, (t1)
    csrwi mcounteren, 7
    csrwi hcounteren, 7
    csrwi scounteren, 7

    // htimedelta: what a guest reads is at or after `time` read before plus the delta, and at or before one read after
    .macro SHIFTED mode, delta
    li   t0, \delta
    csrw htimedelta, t0
    rdtime a0
    BEGIN \mode
    rdtime a1
    END
    rdtime a2
    EXPECT_NO_TRAP "19.2.7: \mode-mode reads time"
    li   t0, \delta
    add  a0, a0, t0
    sub  a1, a1, a0
    sub  a2, a2, a0
    add  a2, a2, t0
    sltu a2, a2, a1
    EXPECT "19.2.7: \mode-mode's time is time plus \delta", a2, 0
    .endm
    SHIFTED VS, 0
    SHIFTED VS, 0x123456789abc
    SHIFTED VU, 0x123456789abc
    SHIFTED VS, -0x123456789abc
    SHIFTED VU, -1
    li   t0, 0x4000000000000000
    csrw htimedelta, t0
    BEGIN HS
    rdtime a0
    END
    BEGIN U
    rdtime a1
    END
    srli a0, a0, 60
    srli a1, a1, 60
    EXPECT "19.2.7: htimedelta does not concern HS-mode", a0, 0
    EXPECT "19.2.7: htimedelta does not concern U-mode", a1, 0
    csrw htimedelta, zero

    // Sstc
    li   t0, ENVCFG_STCE
    csrs menvcfg, t0
    csrr t1, menvcfg
    and  t0, t0, t1
    bnez t0, 1f
    SKIP "no Sstc", done
1:  li   t0, -1
    csrw stimecmp, t0
    li   t0, ENVCFG_STCE
    csrs henvcfg, t0
    EXPECT_CSR_BITS "17.3: henvcfg.STCE can be set", henvcfg, ENVCFG_STCE, ENVCFG_STCE
    EXPECT_WRITE "17.2.1: vstimecmp holds a pattern", vstimecmp, 0xfedcba9876543210, -1, 0xfedcba9876543210
    EXPECT_WRITE "17.2.1: vstimecmp holds ones", vstimecmp, -1, -1, -1

    .macro VSTIP_BECOMES text, value
    li   t2, 1 << 20
1:  csrr a0, hip
    srli a0, a0, IRQ_VSTI
    andi a0, a0, 1
    addi t2, t2, -1
    beqz t2, 2f
    li   t0, \value
    bne  a0, t0, 1b
2:  EXPECT "\text", a0, \value
    .endm
    VSTIP_BECOMES "17.2.2: VSTIP is clear while vstimecmp is beyond", 0
    csrw vstimecmp, zero
    VSTIP_BECOMES "17.2.2: VSTIP is set while time + htimedelta >= vstimecmp", 1
    EXPECT_CSR_BITS "19.4.3: mip shows VSTIP", mip, VSTIP, VSTIP
    EXPECT_CSR_BITS "17.2.2: hvip.VSTIP is not the comparison", hvip, VSTIP, 0
    csrw hip, zero
    EXPECT_CSR_BITS "17.2.2: VSTIP is read-only in hip", hip, VSTIP, VSTIP
    li   t0, -1
    csrw vstimecmp, t0
    VSTIP_BECOMES "17.2.2: writing vstimecmp beyond clears VSTIP", 0
    li   t0, VSTIP
    csrw hvip, t0
    VSTIP_BECOMES "17.2.2: VSTIP is the OR of hvip.VSTIP and the comparison", 1
    csrw hvip, zero
    VSTIP_BECOMES "17.2.2: clearing hvip.VSTIP clears VSTIP", 0
    // htimedelta moves the comparison
    li   t0, 0x10000000000
    csrw vstimecmp, t0
    VSTIP_BECOMES "17.2.2: vstimecmp far ahead", 0
    li   t0, 0x10000000000
    csrw htimedelta, t0
    csrw vstimecmp, t0      // some compare only when one of them is written
    VSTIP_BECOMES "17.2.2: htimedelta brings it near", 1
    csrw htimedelta, zero
    li   t0, 0x10000000000
    csrw vstimecmp, t0
    VSTIP_BECOMES "17.2.2: and away again", 0
    rdtime t0
    addi t0, t0, 500
    csrw vstimecmp, t0
    VSTIP_BECOMES "17.2.2: VSTIP is set when time gets there, in M-mode too", 1
    li   t0, -1
    csrw vstimecmp, t0

    // In the guest
    li   t0, VSTIP
    csrw hideleg, t0
    csrw hie, t0
    csrci vsstatus, STATUS_SIE
    BEGIN VS
    csrr a0, stimecmp
    csrw stimecmp, zero
    csrr a1, stimecmp
    END
    EXPECT_NO_TRAP "17.2.1: VS-mode reads and writes stimecmp"
    EXPECT "17.2.1: VS-mode's stimecmp reads vstimecmp", a0, -1
    EXPECT "17.2.1: VS-mode reads what it wrote", a1, 0
    EXPECT_CSR "17.2.1: VS-mode's stimecmp writes vstimecmp", vstimecmp, 0
    EXPECT_CSR "17.2.1: and leaves stimecmp", stimecmp, -1
    VSTIP_BECOMES "17.2.2: the guest's write sets VSTIP", 1
    BEGIN VS
    csrr a0, sip
    csrsi sstatus, STATUS_SIE
    nop
    END
    EXPECT_TRAP "17.2.2: the timer interrupts VS-mode as STI", VS, INTERRUPT(IRQ_STI)
    EXPECT_BITS "19.2.12: VS-mode saw STIP", a0, STIP, STIP
    csrci vsstatus, STATUS_SIE
    csrw hideleg, zero
    BEGIN VS
    nop
    END
    EXPECT_TRAP "17.2.2: not delegated, it interrupts HS-mode as VSTI", HS, INTERRUPT(IRQ_VSTI)
    li   t0, VSTIP
    csrw hideleg, t0
    li   t0, -1
    csrw vstimecmp, t0
    li   t0, 0x100000000
    csrw htimedelta, t0
    BEGIN VS
    rdtime t0
    addi t0, t0, 500
    csrw stimecmp, t0
    csrsi sstatus, STATUS_SIE
1:  wfi
    j    1b
    END
    EXPECT_TRAP "17.2.1: WFI in VS-mode waits for stimecmp, in the guest's time", VS, INTERRUPT(IRQ_STI)
    csrci vsstatus, STATUS_SIE
    BEGIN VS
    rdtime a0
    csrr a1, stimecmp
    END
    sltu a0, a0, a1
    EXPECT "17.2.1: not before its time", a0, 0

    // henvcfg.STCE = 0: the comparison is off (17.3)
    csrw vstimecmp, zero
    VSTIP_BECOMES "17.2.2: set", 1
    li   t0, ENVCFG_STCE
    csrc henvcfg, t0
    VSTIP_BECOMES "17.3: with henvcfg.STCE = 0 VSTIP is hvip.VSTIP alone", 0
    li   t0, VSTIP
    csrw hvip, t0
    VSTIP_BECOMES "17.3: with henvcfg.STCE = 0 hvip.VSTIP still sets it", 1
    csrw hvip, zero
    csrw htimedelta, zero
done:
    DONE
