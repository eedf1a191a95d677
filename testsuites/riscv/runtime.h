// The code behind the macros of harness.h: start, trap handlers, mode switches, page tables and the report.
#pragma once

    .section .text.start, "ax"
    .global _start
_start:
    csrr t0, mhartid
    beqz t0, 1f
0:  wfi
    j    0b
1:  la   gp, harness
    la   t0, trap_m
    csrw mtvec, t0
    csrw mie, zero
    li   t0, STATUS_FS | STATUS_VS
    csrs mstatus, t0
    li   t0, STATUS_MDT | STATUS_MPRV | STATUS_MIE | STATUS_SIE
    csrc mstatus, t0
    csrr t0, misa
    sd   t0, H_MISA(gp)
    li   t1, TABLE_POOL
    sd   t1, H_POOL(gp)
    // All memory is open to S and U, where there is PMP (3.7.1).
    BEGIN M
    li   t0, -1
    csrw pmpaddr0, t0
    li   t0, PMP_NAPOT | PMP_R | PMP_W | PMP_X
    csrw pmpcfg0, t0
    END
    ld   t0, H_MISA(gp)
    srli t1, t0, 'S' - 'A'
    andi t1, t1, 1
    beqz t1, 2f
    csrw medeleg, zero
    csrw mideleg, zero
    csrw satp, zero
    la   t1, trap_s
    csrw stvec, t1
    // State that Smstateen would hide from lower modes is shown to them (chapter 4).
    BEGIN M
    li   t0, -1
    csrw mstateen0, t0
    csrw sstateen0, t0
    END
    ld   t0, H_MISA(gp)
2:  srli t1, t0, 'H' - 'A'
    andi t1, t1, 1
    beqz t1, 3f
    csrw hstatus, zero
    csrw hedeleg, zero
    csrw hideleg, zero
    csrw hvip, zero
    csrw vsatp, zero
    csrw hgatp, zero
    csrw vsstatus, zero
    csrw vsie, zero
    li   t1, STATUS_FS | STATUS_VS
    csrs vsstatus, t1
    la   t1, trap_vs
    csrw vstvec, t1
    BEGIN M
    li   t0, -1
    csrw hstateen0, t0
    END
3:  j    main

    .text

// ---------------------------------------------------------------------------------------------------- mode switches
// Entered with tp = the first instruction of the block.

.macro ENTER mode, previous, aliased
enter_\mode:
    sd   t0, H_SAVE_M(gp)
    sd   zero, LEVEL(gp)
    li   t0, -1
    sd   t0, CAUSE(gp)
    .if \aliased
    ld   t0, H_ALIAS(gp)
    add  tp, tp, t0
    .endif
    csrw mepc, tp
    li   t0, STATUS_MPP | STATUS_MPV | STATUS_MPIE
    csrc mstatus, t0
    li   t0, \previous
    csrs mstatus, t0
    ld   t0, H_SAVE_M(gp)
    mret
.endm

    ENTER M, STATUS_MPP_M, 0
enter_HS:
    ENTER S, STATUS_MPP_S, 0
    ENTER U, 0, 1
    ENTER VS, STATUS_MPP_S | STATUS_MPV, 0
    ENTER VU, STATUS_MPV, 1

// ----------------------------------------------------------------------------------------------------- trap handlers

// Entry n of a vectored table (3.1.7): entry 0 is the plain handler, where exceptions come with tp as the block left
// it.
.macro VECTORED handler, save
    .balign 256
    .option push
    .option norvc
\handler\()_vectored:
    j    \handler
    .rept 63
    jal  tp, 1f
    .endr
    .option pop
1:  sd   t0, \save(gp)
    la   t0, \handler\()_vectored
    sub  tp, tp, t0
    srli tp, tp, 2
    addi tp, tp, -1
    sd   tp, VECTOR(gp)
    j    \handler\()_record
.endm

    VECTORED trap_m, H_SAVE_M
    VECTORED trap_s, H_SAVE_S
    VECTORED trap_vs, H_SAVE_VS

.macro RECORD csr, field
    csrr t0, \csr
    sd   t0, \field(gp)
.endm

    .balign 4
trap_m:
    sd   t0, H_SAVE_M(gp)
    li   t0, LEAVE
    bne  tp, t0, 1f
    // ECALL, or the EBREAK of an S handler, with tp = LEAVE: nothing to record.
    csrr t0, mcause
    addi t0, t0, -CAUSE_BREAKPOINT
    beqz t0, resume
    addi t0, t0, CAUSE_BREAKPOINT - CAUSE_ECALL_U
    sltiu t0, t0, 4
    bnez t0, resume
1:  sd   zero, VECTOR(gp)
trap_m_record:
    RECORD mcause, CAUSE
    RECORD mepc, EPC
    RECORD mtval, TVAL
    RECORD mstatus, STATUS
    ld   t0, H_MISA(gp)
    srli t0, t0, 'H' - 'A'
    andi t0, t0, 1
    beqz t0, 1f
    RECORD mtval2, TVAL2
    RECORD mtinst, TINST
    RECORD hstatus, HSTATUS
1:  li   t0, LEVEL_M
    sd   t0, LEVEL(gp)
resume:
    li   t0, STATUS_MPRV | STATUS_MIE | STATUS_MDT
    csrc mstatus, t0
    ld   tp, H_RESUME(gp)
    sd   zero, H_RESUME(gp)
    ld   t0, H_SAVE_M(gp)
    beqz tp, outside
    jr   tp

.macro SUPERVISOR_TRAP handler, save, level, hypervisor
    .balign 4
\handler:
    sd   t0, \save(gp)
    li   t0, LEAVE
    bne  tp, t0, 7f
    // A lower mode's way out, delegated to us: pass it on. If it is our own ECALL that came back, use EBREAK.
    csrr t0, scause
    addi t0, t0, -CAUSE_ECALL_S
    bnez t0, 8f
    ld   t0, \save(gp)
    ebreak
8:  addi t0, t0, CAUSE_ECALL_S - CAUSE_ECALL_U
    sltiu t0, t0, 3
    bnez t0, 9f
7:  sd   zero, VECTOR(gp)
\handler\()_record:
    RECORD scause, CAUSE
    RECORD sepc, EPC
    RECORD stval, TVAL
    RECORD sstatus, STATUS
    .if \hypervisor
    ld   t0, H_MISA(gp)
    srli t0, t0, 'H' - 'A'
    andi t0, t0, 1
    beqz t0, 1f
    RECORD htval, TVAL2
    RECORD htinst, TINST
    RECORD hstatus, HSTATUS
1:
    .endif
    li   t0, \level
    sd   t0, LEVEL(gp)
9:  ld   t0, \save(gp)
    li   tp, LEAVE
    ecall
.endm

    SUPERVISOR_TRAP trap_s, H_SAVE_S, LEVEL_S, 1
    SUPERVISOR_TRAP trap_vs, H_SAVE_VS, LEVEL_VS, 0

// A trap outside every block ends the program.
outside:
    csrw mscratch, t0
    TEXT "the program itself trapped, outside any block; the number of checks done so far"
    ld   t0, H_CHECKS(gp)
    sd   t0, H_GOT(gp)
    sd   zero, H_WANT(gp)
    addi t0, t0, 1
    sd   t0, H_CHECKS(gp)
    la   tp, finish
    j    failed

// ------------------------------------------------------------------------------------------------------------- checks

.macro SAVE_REGISTERS
    sd   t0, H_SAVE + 0(gp)
    sd   t1, H_SAVE + 8(gp)
    sd   t2, H_SAVE + 16(gp)
    sd   t3, H_SAVE + 24(gp)
    sd   t4, H_SAVE + 32(gp)
    sd   a0, H_SAVE + 40(gp)
    sd   tp, H_SAVE + 48(gp)
.endm

.macro RETURN_WITH_REGISTERS
    ld   t0, H_SAVE + 0(gp)
    ld   t1, H_SAVE + 8(gp)
    ld   t2, H_SAVE + 16(gp)
    ld   t3, H_SAVE + 24(gp)
    ld   t4, H_SAVE + 32(gp)
    ld   a0, H_SAVE + 40(gp)
    ld   tp, H_SAVE + 48(gp)
    jr   tp
.endm

mask_got:
    SAVE_REGISTERS
    ld   t0, H_GOT(gp)
    ld   t1, H_WANT(gp)
    and  t0, t0, t1
    sd   t0, H_GOT(gp)
    RETURN_WITH_REGISTERS

check_one_of:
    SAVE_REGISTERS
    ld   t0, H_GOT(gp)
    ld   t1, H_WANT2(gp)
    bne  t0, t1, 1f
    sd   t0, H_WANT(gp)
    j    1f
check:
    SAVE_REGISTERS
1:  ld   t0, H_CHECKS(gp)
    addi t0, t0, 1
    sd   t0, H_CHECKS(gp)
    ld   t0, H_GOT(gp)
    ld   t1, H_WANT(gp)
    bne  t0, t1, 2f
    RETURN_WITH_REGISTERS
2:  ld   tp, H_SAVE + 48(gp)
    ld   t0, H_SAVE + 0(gp)
    ld   t1, H_SAVE + 8(gp)

// Reports the check numbered H_CHECKS as failed, and returns to tp.
failed:
    SAVE_REGISTERS
    ld   t0, H_FAILED(gp)
    addi t0, t0, 1
    sd   t0, H_FAILED(gp)
    ld   t0, H_FIRST(gp)
    bnez t0, 1f
    ld   t0, H_CHECKS(gp)
    sd   t0, H_FIRST(gp)
1:  la   a0, text_fail
    jal  t4, print
    la   a0, program_name
    jal  t4, print
    la   a0, text_space
    jal  t4, print
    ld   a0, H_CHECKS(gp)
    jal  t4, print_decimal
    la   a0, text_colon
    jal  t4, print
    ld   a0, H_TEXT(gp)
    jal  t4, print
    la   a0, text_expected
    jal  t4, print
    ld   a0, H_WANT(gp)
    jal  t4, print_hexadecimal
    la   a0, text_got
    jal  t4, print
    ld   a0, H_GOT(gp)
    jal  t4, print_hexadecimal
    ld   t0, LEVEL(gp)
    beqz t0, 2f
    la   a0, text_trap
    jal  t4, print
    ld   a0, CAUSE(gp)
    jal  t4, print_hexadecimal
    la   a0, text_epc
    jal  t4, print
    ld   a0, EPC(gp)
    jal  t4, print_hexadecimal
    la   a0, text_tval
    jal  t4, print
    ld   a0, TVAL(gp)
    jal  t4, print_hexadecimal
2:  la   a0, text_newline
    jal  t4, print
    RETURN_WITH_REGISTERS

skip:
    SAVE_REGISTERS
    ld   t0, H_SKIPPED(gp)
    addi t0, t0, 1
    sd   t0, H_SKIPPED(gp)
    la   a0, text_skip
    jal  t4, print
    ld   a0, H_TEXT(gp)
    jal  t4, print
    la   a0, text_newline
    jal  t4, print
    RETURN_WITH_REGISTERS

finish:
    ld   t0, H_FAILED(gp)
    la   a0, text_pass
    beqz t0, 1f
    la   a0, text_failed
1:  jal  t4, print
    la   a0, program_name
    jal  t4, print
    la   a0, text_colon
    jal  t4, print
    ld   a0, H_CHECKS(gp)
    jal  t4, print_decimal
    la   a0, text_checks
    jal  t4, print
    ld   a0, H_FAILED(gp)
    jal  t4, print_decimal
    la   a0, text_failures
    jal  t4, print
    ld   a0, H_SKIPPED(gp)
    jal  t4, print_decimal
    la   a0, text_skips
    jal  t4, print
    ld   t0, H_FIRST(gp)
    slli t1, t0, 1
    ori  t1, t1, 1
    // A machine without one of the two exits traps or loops here; the other has been or will be heard.
    la   t2, 3f
    csrw mtvec, t2
    la   t2, tohost
    sd   t1, (t2)
    li   t1, 0x5555
    beqz t0, 2f
    li   t2, 255
    bltu t0, t2, 4f
    mv   t0, t2
4:  slli t0, t0, 16
    li   t1, 0x3333
    or   t1, t1, t0
2:  li   t2, TEST_DEVICE
    sw   t1, (t2)
    .balign 4
3:  j    3b

// Prints the string at a0, or the number a0; returns to t4. Change t0-t3 and a0.
print:
    li   t1, UART
1:  lbu  t0, (a0)
    beqz t0, 3f
2:  lbu  t2, 5(t1)
    andi t2, t2, 0x20
    beqz t2, 2b
    sb   t0, (t1)
    addi a0, a0, 1
    j    1b
3:  jr   t4

print_decimal:
    li   t0, 10
    j    1f
print_hexadecimal:
    li   t0, 16
1:  la   t1, digits_end
2:  addi t1, t1, -1
    remu t2, a0, t0
    divu a0, a0, t0
    addi t2, t2, '0'
    li   t3, '9'
    bleu t2, t3, 3f
    addi t2, t2, 'a' - '9' - 1
3:  sb   t2, (t1)
    bnez a0, 2b
    li   t2, 10
    beq  t0, t2, 4f
    li   t2, 'x'
    sb   t2, -1(t1)
    li   t2, '0'
    sb   t2, -2(t1)
    addi t1, t1, -2
4:  mv   a0, t1
    j    print

// -------------------------------------------------------------------------------------------------------- page tables

clear_tables:
    li   t0, S_ROOT
    li   t1, TABLE_POOL
    sd   t1, H_POOL(gp)
1:  sd   zero, (t0)
    addi t0, t0, 8
    bltu t0, t1, 1b
    jr   tp

// a0 root, a1 levels, a2 virtual address, a3 leaf PTE, a4 its level, a5 mask of the root's index.
map:
    addi a1, a1, -1
1:  slli t1, a1, 3
    add  t1, t1, a1
    addi t1, t1, 12
    srl  t1, a2, t1
    and  t1, t1, a5
    li   a5, 0x1ff
    slli t1, t1, 3
    add  t1, t1, a0
    beq  a1, a4, 4f
    ld   t0, (t1)
    andi t2, t0, PTE_V
    bnez t2, 3f
    ld   t2, H_POOL(gp)
    srli t0, t2, 2
    ori  t0, t0, PTE_V
    sd   t0, (t1)
    li   t3, 0x1000
    add  t3, t3, t2
    sd   t3, H_POOL(gp)
2:  sd   zero, (t2)
    addi t2, t2, 8
    bltu t2, t3, 2b
3:  srli a0, t0, 10
    slli a0, a0, 12
    addi a1, a1, -1
    j    1b
4:  sd   a3, (t1)
    mv   a0, t1
    jr   tp

    .section .rodata
text_fail:     .asciz "fail "
text_space:    .asciz " "
text_colon:    .asciz ": "
text_expected: .asciz ": expected "
text_got:      .asciz ", got "
text_trap:     .asciz "; last trap: cause "
text_epc:      .asciz ", epc "
text_tval:     .asciz ", tval "
text_newline:  .asciz "\n"
text_skip:     .asciz "skip: "
text_pass:     .asciz "PASS "
text_failed:   .asciz "FAILED "
text_checks:   .asciz " checks, "
text_failures: .asciz " failed, "
text_skips:    .asciz " skipped\n"

    .data
    .balign 16
harness:
    .zero H_SIZE
digits:
    .zero 24
digits_end:
    .byte 0

    .section .tohost, "aw", @progbits
    .balign 64
    .global tohost
tohost:
    .dword 0
    .balign 64
    .global fromhost
fromhost:
    .dword 0
    .text
