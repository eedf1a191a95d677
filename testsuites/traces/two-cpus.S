// Two CPUs of the aarch64-virt board with a GICv2, at EL2: they pass a turn to each other by software-generated interrupts,
// and count under a lock. CPU 0 waits for its timer in each round. (Arm ARM, DDI 0487; GICv2, IHI 0048; PSCI, DEN 0022.)
#define ROUNDS 100
#define COUNTS 40

#define GICD 0x08000000
#define GICD_ISENABLER0 0x100
#define GICD_SGIR 0xf00
#define GICC 0x08010000
#define GICC_PMR 4
#define GICC_IAR 0xc
#define GICC_EOIR 0x10
#define UART 0x09000000

#define TURN 1                          // a software-generated interrupt
#define TIMER 27                        // the virtual timer's

    .section .text.start, "ax"
    .global _start
_start:
    bl set_up
    ldr x0, =0xc4000003                 // CPU_ON
    mov x1, #1
    ldr x2, =second
    mov x3, xzr
    smc #0
    mov x19, #ROUNDS
1:  ldr w0, =(1 << 17 | TURN)          // to CPU 1
    str w0, [x21, #GICD_SGIR]
    bl count
    mov x20, #TURN
    bl wait
    mov x0, #2000
    msr cntv_tval_el0, x0
    mov x0, #1
    msr cntv_ctl_el0, x0
    isb
    mov x20, #TIMER
    bl wait
    subs x19, x19, #1
    b.ne 1b

    ldr x0, =counter
    ldr x0, [x0]
    ldr x1, =(2 * ROUNDS * COUNTS)
    cmp x0, x1
    ldr x0, =text_right
    ldr x1, =text_wrong
    csel x0, x0, x1, eq
    ldr x1, =UART
2:  ldrb w2, [x0], #1
    cbz w2, 3f
    str w2, [x1]
    b 2b
3:  ldr x0, =0x84000008                 // SYSTEM_OFF
    smc #0
    b .

second:
    bl set_up
    mov x19, #ROUNDS
1:  mov x20, #TURN
    bl wait
    bl count
    ldr w0, =(1 << 16 | TURN)          // to CPU 0
    str w0, [x21, #GICD_SGIR]
    subs x19, x19, #1
    b.ne 1b
    ldr x0, =0x84000002                 // CPU_OFF
    smc #0
    b .

// Adds to the counter, which is no atomic operation.
count:
    mov x2, #COUNTS
    ldr x0, =lock
    ldr x1, =counter
1:  ldaxr w3, [x0]
    cbnz w3, 1b
    mov w3, #1
    stxr w4, w3, [x0]
    cbnz w4, 1b
    ldr x3, [x1]
    add x3, x3, #1
    str x3, [x1]
    stlr wzr, [x0]
    subs x2, x2, #1
    b.ne 1b
    ret

// Waits for the interrupt of number x20. It is masked: it ends WFI, and is not taken.
wait:
    wfi
    ldr w0, [x22, #GICC_IAR]
    and w1, w0, #0x3ff
    cmp w1, #1020                       // 1020 and above are none
    b.hs wait
    msr cntv_ctl_el0, xzr
    str w0, [x22, #GICC_EOIR]
    cmp w1, w20
    b.ne wait
    ret

// Maps devices and memory where they are, and has interrupts come to EL2.
set_up:
    mov x0, #0xff                       // attributes 0: normal memory; 1: a device
    msr mair_el2, x0
    ldr x0, =(1 << 31 | 1 << 23 | 2 << 16 | 3 << 12 | 1 << 10 | 1 << 8 | 25)
    msr tcr_el2, x0
    ldr x0, =table
    msr ttbr0_el2, x0
    dsb sy
    tlbi alle2
    dsb sy
    isb
    ldr x0, =0x30c51835                 // SCTLR_EL2: M, C, I
    msr sctlr_el2, x0
    ldr x0, =(1 << 31 | 7 << 3)         // HCR_EL2: RW, AMO, IMO, FMO
    msr hcr_el2, x0
    isb
    ldr x21, =GICD
    ldr x22, =GICC
    mov w0, #1
    str w0, [x21]
    ldr w0, =(1 << TIMER | 0xffff)
    str w0, [x21, #GICD_ISENABLER0]
    mov w0, #0xff
    str w0, [x22, #GICC_PMR]
    mov w0, #1
    str w0, [x22]
    ret
    .ltorg

    .section .rodata
text_right:
    .asciz "two-cpus: they have counted right\n"
text_wrong:
    .asciz "two-cpus: counts are lost\n"

    .data
    .align 12
table:
    .quad 0x00000000 | 1 << 54 | 1 << 10 | 1 << 6 | 1 << 2 | 1
    .quad 0x40000000 | 1 << 10 | 3 << 8 | 1 << 6 | 1
    .zero 4096 - 16
lock:
    .quad 0
    .zero 56
counter:
    .quad 0
