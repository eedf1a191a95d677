// The machine side of every benchmark program.
//
// The program starts at EL2 with the MMU off, as QEMU's `virt` board with virtualization=on starts an ELF file. It maps
// memory where it is, turns the floating-point unit on, calls `bench` as many times as `bench_scale` says, which may be
// none, and demands the same checksum from every round. Then it prints one line to the PL011 at 0x09000000:
//
//     <16 hex digits>                 the checksum
//     <16 hex digits> events <n>      the same, for programs that count events
//
// and turns the machine off by PSCI. Where anything goes wrong a line says so instead: rounds that differ, or an
// exception that nobody expected.

.equ UART, 0x09000000
.equ SYSTEM_OFF, 0x84000008             // PSCI (DEN0022), 5.1

.section .text.start, "ax"
.globl _start
_start:
    ldr     x0, =stack_top
    mov     sp, x0
    ldr     x0, =runtime_vectors
    msr     vbar_el2, x0
    ldr     x0, =0x33ff                 // CPTR_EL2: no trap of floating point
    msr     cptr_el2, x0
    mov     x0, 3 << 20                 // CPACR_EL1.FPEN, for code at EL1
    msr     cpacr_el1, x0
    msr     fpcr, xzr                   // round to nearest even
    msr     fpsr, xzr
    ldr     x0, =identity
    msr     ttbr0_el2, x0
    ldr     x0, =0xff00                 // MAIR_EL2: 0 is Device-nGnRnE, 1 is normal, write-back
    msr     mair_el2, x0
    ldr     x0, =0x80823520             // TCR_EL2: 32 bits, granules of 4 KiB, 40 bits of output, write-back
    msr     tcr_el2, x0
    tlbi    alle2
    dsb     sy
    isb
    ldr     x0, =0x30c51835             // SCTLR_EL2: what is reserved, one; I, C and M
    msr     sctlr_el2, x0
    isb

    ldr     x0, =bench_scale
    ldr     x19, [x0]
    mov     x20, 0                      // rounds done
    mov     x21, 0                      // the checksum
    cbz     x19, done
round:
    ldr     x0, =heap_bottom
    ldr     x1, =heap_next
    str     x0, [x1]
    bl      bench
    cbz     x20, first
    cmp     x0, x21
    b.ne    rounds_differ
first:
    mov     x21, x0
    add     x20, x20, 1
    cmp     x20, x19
    b.lo    round

done:
    mov     x0, x21
    bl      print_hexadecimal
    ldr     x0, =bench_events
    ldr     x22, [x0]
    cbz     x22, end_of_line
    ldr     x0, =events_text
    bl      print_text
    mov     x0, x22
    bl      print_decimal
end_of_line:
    ldr     x0, =newline_text
    bl      print_text
finish:
    ldr     x0, =SYSTEM_OFF
    smc     0
1:  wfi
    b       1b

rounds_differ:
    ldr     x0, =differ_text
    bl      print_text
    b       finish

.globl unexpected_exception
unexpected_exception:
    ldr     x0, =stack_top
    mov     sp, x0
.irp level, el2, el1                    // EL1's say something where it was EL1 that reported a failure
    ldr     x0, =exception_text
    bl      print_text
    mrs     x0, esr_\level
    bl      print_hexadecimal
    ldr     x0, =elr_text
    bl      print_text
    mrs     x0, elr_\level
    bl      print_hexadecimal
    ldr     x0, =far_text
    bl      print_text
    mrs     x0, far_\level
    bl      print_hexadecimal
.endr
    b       end_of_line

.balign 2048
.globl runtime_vectors
runtime_vectors:
.rept 16
    b       unexpected_exception
    .balign 128
.endr

.text
print_text:                             // x0: text ending in a zero
    ldr     x1, =UART
1:  ldrb    w2, [x0], 1
    cbz     w2, 2f
    str     w2, [x1]
    b       1b
2:  ret

print_hexadecimal:                      // x0: number
    ldr     x1, =UART
    mov     x2, 16
1:  ror     x0, x0, 60
    and     x3, x0, 15
    add     x4, x3, 'a' - 10
    add     x3, x3, '0'
    cmp     x3, '9'
    csel    x3, x3, x4, ls
    str     w3, [x1]
    subs    x2, x2, 1
    b.ne    1b
    ret

print_decimal:                          // x0: number
    ldr     x1, =UART
    mov     x2, 10
    mov     x3, sp
1:  udiv    x4, x0, x2
    msub    x5, x4, x2, x0
    mov     x0, x4
    add     x5, x5, '0'
    strb    w5, [x3, -1]!               // digits below sp: no interrupt is enabled
    cbnz    x0, 1b
2:  ldrb    w5, [x3], 1
    str     w5, [x1]
    cmp     sp, x3
    b.hi    2b
    ret

// What Embedded Swift asks of its platform: memory, and a few C functions.

.globl posix_memalign                   // x0: where to put the pointer, x1: alignment, x2: size
posix_memalign:
    ldr     x3, =heap_next
    ldr     x4, [x3]
    add     x4, x4, x1
    sub     x4, x4, 1
    neg     x1, x1
    and     x4, x4, x1
    add     x5, x4, x2
    ldr     x6, =heap_top
    cmp     x5, x6
    b.hi    1f
    str     x5, [x3]
    str     x4, [x0]
    mov     w0, 0
    ret
1:  mov     w0, 12                      // ENOMEM
    ret

.globl free                             // memory comes back when the round ends
free:
    ret

// Sets 32 bytes a turn, then what is left.
.globl memset                           // x0: destination, w1: byte, x2: size
memset:
    mov     x3, x0
    and     x1, x1, 255
    orr     x1, x1, x1, lsl 8
    orr     x1, x1, x1, lsl 16
    orr     x1, x1, x1, lsl 32
1:  subs    x2, x2, 32
    b.lo    2f
    stp     x1, x1, [x3], 16
    stp     x1, x1, [x3], 16
    b       1b
2:  adds    x2, x2, 32
    b.eq    4f
3:  strb    w1, [x3], 1
    subs    x2, x2, 1
    b.ne    3b
4:  ret

.globl memmove                          // x0: destination, x1: source, x2: size
memmove:
    sub     x3, x0, x1
    cmp     x3, x2
    b.hs    memcpy                      // destination is not inside the source
    add     x1, x1, x2
    add     x3, x0, x2
1:  cmp     x3, x0
    b.eq    2f
    ldrb    w4, [x1, -1]!
    strb    w4, [x3, -1]!
    b       1b
2:  ret

// Copies 64 bytes a turn, then 8, then bytes; accesses may be unaligned.
.globl memcpy                           // x0: destination, x1: source, x2: size
memcpy:
    mov     x3, x0
1:  subs    x2, x2, 64
    b.lo    2f
    ldp     x4, x5, [x1]
    ldp     x6, x7, [x1, 16]
    ldp     x8, x9, [x1, 32]
    ldp     x10, x11, [x1, 48]
    add     x1, x1, 64
    stp     x4, x5, [x3]
    stp     x6, x7, [x3, 16]
    stp     x8, x9, [x3, 32]
    stp     x10, x11, [x3, 48]
    add     x3, x3, 64
    b       1b
2:  add     x2, x2, 64
3:  subs    x2, x2, 8
    b.lo    4f
    ldr     x4, [x1], 8
    str     x4, [x3], 8
    b       3b
4:  adds    x2, x2, 8
    b.eq    6f
5:  ldrb    w4, [x1], 1
    strb    w4, [x3], 1
    subs    x2, x2, 1
    b.ne    5b
6:  ret

.globl sqrt                             // Embedded Swift may call the C functions; the instructions are the functions
sqrt:
    fsqrt   d0, d0
    ret

.section .rodata
events_text:    .asciz " events "
newline_text:   .asciz "\n"
differ_text:    .asciz "the rounds gave different checksums\n"
exception_text: .asciz "unexpected exception: ESR "
elr_text:       .asciz " ELR "
far_text:       .asciz " FAR "

// The devices below 1 GiB, and memory up to 2 GiB (level 1; AF, inner shareable).
.balign 4096
identity:
    .quad   0x00000000 | 1 << 10 | 3 << 8 | 0 << 2 | 1
    .quad   0x40000000 | 1 << 10 | 3 << 8 | 1 << 2 | 1
    .skip   16

// A loader may write another number of rounds here before the start.
.section .bench, "aw"
.balign 8
.globl bench_scale
bench_scale:    .quad BENCH_SCALE

.bss
.balign 8
.globl bench_events
bench_events:   .skip 8
heap_next:      .skip 8
