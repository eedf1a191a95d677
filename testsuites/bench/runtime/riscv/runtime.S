// The machine side of every benchmark program.
//
// The program starts in M-mode at the first word of RAM, as `-bios none` leaves it. It turns the floating-point unit on,
// calls `bench` as many times as `bench_scale` says, which may be none, and demands the same checksum from every round. Then it prints one
// line to the 16550 at 0x10000000:
//
//     <16 hex digits>                 the checksum
//     <16 hex digits> events <n>      the same, for programs that count events
//
// and ends the machine through the sifive_test device at 0x100000: 0x5555 for success, 0x13333 for failure. A failure
// prints why: rounds that differ, or a trap that nobody expected.

.option norelax
.equ UART, 0x10000000
.equ FINISHER, 0x100000

.section .text.start, "ax"
.globl _start
_start:
    csrr    t0, mhartid
park:
    bnez    t0, park                    // one hart does the work
    la      t0, unexpected_trap
    csrw    mtvec, t0
    li      t0, 0x6000                  // mstatus.FS = Dirty
    csrs    mstatus, t0
    csrwi   0x003, 0                    // fcsr: round to nearest even, no flags
    la      sp, stack_top

    la      t0, bench_scale
    ld      s0, 0(t0)
    li      s1, 0                       // rounds done
    li      s2, 0                       // the checksum
    beqz    s0, done
round:
    la      t0, heap_bottom
    la      t1, heap_next
    sd      t0, 0(t1)
    call    bench
    beqz    s1, first
    bne     a0, s2, rounds_differ
first:
    mv      s2, a0
    addi    s1, s1, 1
    bltu    s1, s0, round

done:
    mv      a0, s2
    call    print_hexadecimal
    la      t0, bench_events
    ld      s3, 0(t0)
    beqz    s3, end_of_line
    la      a0, events_text
    call    print_text
    mv      a0, s3
    call    print_decimal
end_of_line:
    la      a0, newline_text
    call    print_text
    li      a0, 0x5555
    j       finish

rounds_differ:
    la      a0, differ_text
    call    print_text
    j       fail

.balign 4
.globl unexpected_trap
unexpected_trap:
    la      sp, stack_top
    la      a0, trap_text
    call    print_text
    csrr    a0, mcause
    call    print_hexadecimal
    la      a0, pc_text
    call    print_text
    csrr    a0, mepc
    call    print_hexadecimal
    la      a0, value_text
    call    print_text
    csrr    a0, mtval
    call    print_hexadecimal
    la      a0, newline_text
    call    print_text
fail:
    li      a0, 0x13333
finish:
    li      t0, FINISHER
    sw      a0, 0(t0)
1:  j       1b

.text
print_text:                             // a0: text ending in a zero
    li      t0, UART
1:  lbu     t1, 0(a0)
    beqz    t1, 2f
    sb      t1, 0(t0)
    addi    a0, a0, 1
    j       1b
2:  ret

print_hexadecimal:                      // a0: number
    li      t0, UART
    li      t1, 16
    li      t2, 10
1:  srli    t3, a0, 60
    slli    a0, a0, 4
    bltu    t3, t2, 2f
    addi    t3, t3, 'a' - '0' - 10
2:  addi    t3, t3, '0'
    sb      t3, 0(t0)
    addi    t1, t1, -1
    bnez    t1, 1b
    ret

print_decimal:                          // a0: number
    li      t0, UART
    li      t1, 10
    mv      t2, sp
1:  remu    t3, a0, t1
    divu    a0, a0, t1
    addi    t3, t3, '0'
    addi    t2, t2, -1
    sb      t3, 0(t2)                   // digits below sp: no interrupt is enabled
    bnez    a0, 1b
2:  lbu     t3, 0(t2)
    sb      t3, 0(t0)
    addi    t2, t2, 1
    bltu    t2, sp, 2b
    ret

// What Embedded Swift asks of its platform: memory, and a few C functions.

.globl posix_memalign                   // a0: where to put the pointer, a1: alignment, a2: size
posix_memalign:
    la      t0, heap_next
    ld      t1, 0(t0)
    add     t1, t1, a1
    addi    t1, t1, -1
    neg     a1, a1
    and     t1, t1, a1
    add     t2, t1, a2
    la      t3, heap_top
    bgtu    t2, t3, 1f
    sd      t2, 0(t0)
    sd      t1, 0(a0)
    li      a0, 0
    ret
1:  li      a0, 12                      // ENOMEM
    ret

.globl free                             // memory comes back when the round ends
free:
    ret

.globl memset                           // a0: destination, a1: byte, a2: size
memset:
    mv      t0, a0
    add     a2, a2, a0
    andi    a1, a1, 255
    slli    t1, a1, 8
    or      a1, a1, t1
    slli    t1, a1, 16
    or      a1, a1, t1
    slli    t1, a1, 32
    or      a1, a1, t1
1:  andi    t1, t0, 7
    beqz    t1, 2f
    bgeu    t0, a2, 5f
    sb      a1, 0(t0)
    addi    t0, t0, 1
    j       1b
2:  addi    t1, a2, -7
3:  bgeu    t0, t1, 4f
    sd      a1, 0(t0)
    addi    t0, t0, 8
    j       3b
4:  bgeu    t0, a2, 5f
    sb      a1, 0(t0)
    addi    t0, t0, 1
    j       4b
5:  ret

.globl memmove                          // a0: destination, a1: source, a2: size
memmove:
    sub     t0, a0, a1
    bgeu    t0, a2, memcpy              // destination is not inside the source
    add     a1, a1, a2
    add     t1, a0, a2
1:  beq     t1, a0, 2f
    addi    a1, a1, -1
    addi    t1, t1, -1
    lbu     t2, 0(a1)
    sb      t2, 0(t1)
    j       1b
2:  ret

// Copies 64 bytes a turn where both sides can be aligned to eight, else bytes.
.globl memcpy                           // a0: destination, a1: source, a2: size
memcpy:
    mv      t0, a0
    add     a2, a2, a0                  // end of the destination
    xor     t1, a0, a1
    andi    t1, t1, 7
    bnez    t1, 4f
1:  andi    t1, t0, 7
    beqz    t1, 2f
    bgeu    t0, a2, 5f
    lbu     t2, 0(a1)
    sb      t2, 0(t0)
    addi    a1, a1, 1
    addi    t0, t0, 1
    j       1b
2:  addi    t1, a2, -63
    bgeu    t0, t1, 3f
    ld      t2, 0(a1)
    ld      t3, 8(a1)
    ld      t4, 16(a1)
    ld      t5, 24(a1)
    ld      t6, 32(a1)
    ld      a3, 40(a1)
    ld      a4, 48(a1)
    ld      a5, 56(a1)
    sd      t2, 0(t0)
    sd      t3, 8(t0)
    sd      t4, 16(t0)
    sd      t5, 24(t0)
    sd      t6, 32(t0)
    sd      a3, 40(t0)
    sd      a4, 48(t0)
    sd      a5, 56(t0)
    addi    a1, a1, 64
    addi    t0, t0, 64
    j       2b
3:  addi    t1, a2, -7
    bgeu    t0, t1, 4f
    ld      t2, 0(a1)
    sd      t2, 0(t0)
    addi    a1, a1, 8
    addi    t0, t0, 8
    j       3b
4:  bgeu    t0, a2, 5f
    lbu     t2, 0(a1)
    sb      t2, 0(t0)
    addi    a1, a1, 1
    addi    t0, t0, 1
    j       4b
5:  ret

.globl sqrt                             // Embedded Swift calls the C function; the instruction is the function
sqrt:
    fsqrt.d fa0, fa0
    ret

.section .rodata
events_text:    .asciz " events "
newline_text:   .asciz "\n"
differ_text:    .asciz "the rounds gave different checksums\n"
trap_text:      .asciz "unexpected trap: mcause "
pc_text:        .asciz " mepc "
value_text:     .asciz " mtval "

// A loader may write another number of rounds here before the start.
.section .bench, "aw"
.balign 8
.globl bench_scale
bench_scale:    .dword BENCH_SCALE

.bss
.balign 8
.globl bench_events
bench_events:   .skip 8
heap_next:      .skip 8
