// Sscofpmf: the overflow and filter bits of mhpmevent, scountovf, and the local interrupt 13 (chapter 18). Which events
// there are is the implementation's affair: events 1 and 2, which Linux's SBI names for cycles and instructions, are
// tried.
#include "harness.h"
PROGRAM "sscofpmf"
#define OF (1 << 63)
#define FILTERS (0x1f << 58)
    BEGIN M
    csrr t0, scountovf
    END
    ld   t0, LEVEL(gp)
    beqz t0, 1f
    SKIP "no Sscofpmf", done
1:  li   t0, OF | FILTERS
    csrw mhpmevent3, t0
    csrr t0, mhpmevent3
    bnez t0, 1f
    SKIP "mhpmevent3 is read-only zero", lcofi
1:  EXPECT_CSR_BITS "18.1: mhpmevent3 holds OF, MINH, SINH and UINH", mhpmevent3, 0xf << 60, 0xf << 60
    ld   t1, H_MISA(gp)
    srli t1, t1, 'H' - 'A'
    andi t1, t1, 1
    beqz t1, 1f
    EXPECT_CSR_BITS "18.1: mhpmevent3 holds VSINH and VUINH", mhpmevent3, 3 << 58, 3 << 58
1:  EXPECT_CSR "18.2: scountovf shows OF of mhpmevent3", scountovf, 8
    li   t0, -1
    csrw mcounteren, t0
    BEGIN S
    csrr a0, scountovf
    END
    EXPECT_NO_TRAP "18.2: S-mode reads scountovf"
    EXPECT "18.2: S-mode sees bit 3 while mcounteren[3] is 1", a0, 8
    csrwi mcounteren, 7
    BEGIN S
    csrr a0, scountovf
    END
    EXPECT_NO_TRAP "18.2: S-mode reads scountovf whatever mcounteren"
    EXPECT "18.2: S-mode sees bit 3 as zero while mcounteren[3] is 0", a0, 0
    csrr a0, scountovf
    EXPECT "18.2: M-mode sees bit 3 whatever mcounteren", a0, 8
    csrw mhpmevent3, zero
    EXPECT_CSR "18.2: scountovf follows when OF is cleared", scountovf, 0
    csrw mhpmcounter3, zero
    li   t0, -1
    csrw mhpmcounter3, t0
    csrw mhpmcounter3, zero
    EXPECT_CSR_BITS "18.1: a write never overflows a counter", mhpmevent3, OF, 0
    BEGIN M
    csrw scountovf, zero
    END
    EXPECT_TRAP "18.2: scountovf is read-only", M, CAUSE_ILLEGAL_INSTRUCTION
    BEGIN U
    csrr t0, scountovf
    END
    EXPECT_TRAP "18.2: U-mode may not read scountovf", M, CAUSE_ILLEGAL_INSTRUCTION

    // An overflow, if an event counts: from -100 through zero
    csrw mideleg, zero
    csrw mhpmevent3, zero
    li   t0, -100
    csrw mhpmcounter3, t0
    csrr t1, mhpmcounter3
    beq  t0, t1, 1f
    SKIP "mhpmcounter3 is read-only zero", lcofi
1:
    .irp event, 1, 2
    csrw mip, zero
    li   t0, \event
    csrw mhpmevent3, t0
    li   t0, -100
    csrw mhpmcounter3, t0
    li   t1, 1 << 20
1:  csrr a0, mhpmevent3
    addi t1, t1, -1
    beqz t1, 2f
    bgez a0, 1b             // OF is the sign
2:  csrr a1, mhpmcounter3
    csrw mhpmevent3, zero
    li   t0, -100
    bne  a1, t0, 3f
    SKIP "event \event does not count", 4f
3:  srli a0, a0, 63
    EXPECT "18.1: an overflow of event \event sets OF", a0, 1
    li   t1, 1 << 20
1:  csrr a0, mip
    srli a0, a0, IRQ_LCOFI
    andi a0, a0, 1
    addi t1, t1, -1
    beqz t1, 2f
    beqz a0, 1b
2:  EXPECT "18.1: an overflow of event \event sets LCOFIP", a0, 1
    // With OF set it overflows again without a request
    li   t0, LCOFIP
    csrc mip, t0
    li   t0, OF | \event
    csrw mhpmevent3, t0
    li   t0, -100
    csrw mhpmcounter3, t0
    li   t1, 1 << 12
1:  addi t1, t1, -1
    bnez t1, 1b
    csrw mhpmevent3, zero
    EXPECT_CSR_BITS "18.1: with OF set an overflow of event \event requests nothing", mip, LCOFIP, 0
    // Inhibited in M-mode it stands still
    li   t0, (1 << 62) | \event
    csrw mhpmevent3, t0
    li   t0, 1000
    csrw mhpmcounter3, t0
    li   t1, 1 << 12
1:  addi t1, t1, -1
    bnez t1, 1b
    EXPECT_CSR "18.1: with MINH set event \event does not count in M-mode", mhpmcounter3, 1000
    csrw mhpmevent3, zero
4:
    .endr

lcofi:
    // The interrupt (18.1)
    csrw mideleg, zero
    li   t0, LCOFIP
    csrs mie, t0
    EXPECT_CSR_BITS "18.1: LCOFIE is writable in mie", mie, LCOFIP, LCOFIP
    csrs mip, t0
    EXPECT_CSR_BITS "18.1: LCOFIP is writable in mip", mip, LCOFIP, LCOFIP
    EXPECT_CSR_BITS "10.1.3: sip does not show LCOFIP while it is not delegated", sip, LCOFIP, 0
    BEGIN S
    nop
    END
    EXPECT_TRAP "18.1: LCOFI interrupts M-mode while it is not delegated", M, INTERRUPT(IRQ_LCOFI)
    li   t0, LCOFIP
    csrs mideleg, t0
    EXPECT_CSR_BITS "18.1: LCOFI can be delegated", mideleg, LCOFIP, LCOFIP
    csrs mie, t0
    BEGIN U
    nop
    END
    EXPECT_TRAP "18.1: LCOFI interrupts S-mode when delegated", S, INTERRUPT(IRQ_LCOFI)
    BEGIN S
    csrr a0, sip
    li   t0, LCOFIP
    csrc sip, t0
    csrr a1, sip
    END
    EXPECT_NO_TRAP "18.1: S-mode handles LCOFIP"
    EXPECT_BITS "18.1: S-mode sees LCOFIP in sip", a0, LCOFIP, LCOFIP
    EXPECT_BITS "18.1: S-mode clears LCOFIP in sip", a1, LCOFIP, 0
    li   t0, LCOFIP | SSIP
    csrw mideleg, t0
    csrs mie, t0
    csrs mip, t0
    BEGIN U
    nop
    END
    EXPECT_TRAP "3.1.9: SSI goes before LCOFI", S, INTERRUPT(IRQ_SSI)
done:
    DONE
