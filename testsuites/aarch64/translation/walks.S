// Walks translation tables as it is told: a list of cases, each of which sets the system registers of EL1 and EL2 and
// then either executes an AT instruction or enters code at a lower exception level. Tests/ISATests has the other half,
// which makes the cases and the tables and says what has to come of them (AArch64WalkGuest.swift).
//
// It runs at EL3 with its own MMU off, so that the registers of EL1 and EL2 may say anything. Needed are EL3, EL2 and
// semihosting:
//     qemu-system-aarch64 -M virt,secure=on,virtualization=on -cpu neoverse-n1 -m 512M -display none -semihosting
//         -kernel walks.elf -device loader,file=CASES,addr=0x48000000,force-raw=on
//         -device loader,file=ARENA,addr=0x50000000,force-raw=on
// It leaves two files: "results", which has a record with ID_AA64MMFR0_EL1, 1, 2 and ID_AA64ISAR1_EL1 and then one for
// each case, and "arena", the memory at 0x50000000 as it is at the end.
//
// A case is 256 bytes, doublewords at these offsets. The list ends with a case whose KIND is 0.
#define KIND 0              // 1: an AT instruction; 2: code
#define WHICH 8             // AT: 0 to 11, in the order of `instructions`; code: SPSR_EL3
#define ADDRESS 16          // what x1 has; AT: what is translated
#define PAN 24              // AT: 0 for a CPU without PSTATE.PAN, 2 to clear it, 3 to set it
#define CODE 32             // code: where it begins
#define HCR 40              // from here on, the registers of these names
#define VTCR 48
#define VTTBR 56
#define SCTLR_1 64
#define TCR_1 72
#define TTBR0_1 80
#define TTBR1_1 88
#define MAIR_1 96
#define VBAR_1 104
#define SCTLR_2 112
#define TCR_2 120
#define TTBR0_2 128
#define TTBR1_2 136         // EL2&0 alone has it
#define MAIR_2 144
#define VBAR_2 152          // 0: vectors here, for code of EL1 and EL0
#define CASE 256
// A record is 128 bytes. An AT instruction leaves PAR_EL1 and, if it raised an exception, the syndrome of that. Code
// ends with its first WFI, which traps here. So do all vectors begin with one: where it was, and what the syndromes
// are, tells what happened.
#define R_PAR 0             // code: x0
#define R_ESR_3 8
#define R_ELR_3 16
#define R_ESR_1 24
#define R_FAR_1 32
#define R_ELR_1 40
#define R_ESR_2 48
#define R_FAR_2 56
#define R_ELR_2 64
#define R_HPFAR 72
#define RECORD 128

#define CASES 0x48000000
#define RESULTS 0x4c000000
#define ARENA 0x50000000
#define ARENA_SIZE 0x400000

#define SCR_NS (1 << 0)
#define SCR_HCE (1 << 8)
#define SCR_RW (1 << 10)
#define SCR_TWI (1 << 12)
#define HCR_E2H 34

    .section .text.start, "ax"
    .globl _start
_start:
    adr     x0, vectors
    msr     vbar_el3, x0
    mov     x0, #(SCR_NS | SCR_HCE | SCR_RW | SCR_TWI)
    msr     scr_el3, x0
    msr     cptr_el3, xzr
    isb
    ldr     x19, =CASES
    ldr     x20, =RESULTS
    mrs     x0, id_aa64mmfr0_el1
    mrs     x1, id_aa64mmfr1_el1
    stp     x0, x1, [x20]
    mrs     x0, id_aa64mmfr2_el1
    mrs     x1, id_aa64isar1_el1
    stp     x0, x1, [x20, #16]
    add     x20, x20, #RECORD

next:
    ldr     x2, [x19, #KIND]
    cbz     x2, finish
    ldr     x0, [x19, #HCR]
    msr     hcr_el2, x0
    isb
    ldr     x3, [x19, #VTCR]
    msr     vtcr_el2, x3
    ldr     x3, [x19, #VTTBR]
    msr     vttbr_el2, x3
    ldr     x3, [x19, #SCTLR_1]
    msr     sctlr_el1, x3
    ldr     x3, [x19, #TCR_1]
    msr     tcr_el1, x3
    ldr     x3, [x19, #TTBR0_1]
    msr     ttbr0_el1, x3
    ldr     x3, [x19, #TTBR1_1]
    msr     ttbr1_el1, x3
    ldr     x3, [x19, #MAIR_1]
    msr     mair_el1, x3
    ldr     x3, [x19, #VBAR_1]
    msr     vbar_el1, x3
    ldr     x3, [x19, #SCTLR_2]
    msr     sctlr_el2, x3
    ldr     x3, [x19, #TCR_2]
    msr     tcr_el2, x3
    ldr     x3, [x19, #TTBR0_2]
    msr     ttbr0_el2, x3
    tbz     x0, #HCR_E2H, 1f
    ldr     x3, [x19, #TTBR1_2]
    msr     ttbr1_el2, x3
1:  ldr     x3, [x19, #MAIR_2]
    msr     mair_el2, x3
    ldr     x3, [x19, #VBAR_2]
    adr     x4, waiting
    cmp     x3, #0
    csel    x3, x4, x3, eq
    msr     vbar_el2, x3
    msr     esr_el1, xzr
    msr     esr_el2, xzr
    msr     esr_el3, xzr
    msr     par_el1, xzr
    isb
    tlbi    alle1
    tlbi    alle2
    dsb     ish
    isb
    mov     x0, #0x600d
    ldr     x1, [x19, #ADDRESS]
    ldr     x3, [x19, #WHICH]
    cmp     x2, #1
    b.ne    code

    ldr     x4, [x19, #PAN]
    cbz     x4, 1f
    msr     pan, #0
    tbz     x4, #0, 1f
    msr     pan, #1
1:  adr     x4, instructions
    add     x4, x4, x3, lsl #3
    br      x4
instructions:
    .irp    name, s1e1r, s1e1w, s1e0r, s1e0w, s1e1rp, s1e1wp, s1e2r, s1e2w, s12e1r, s12e1w, s12e0r, s12e0w
    at      \name, x1
    b       1f
    .endr
1:  isb
    mrs     x0, par_el1
    b       record

code:
    msr     spsr_el3, x3
    ldr     x4, [x19, #CODE]
    msr     elr_el3, x4
    eret

    // All exceptions that come here, and all cases that go on.
record:
    str     x0, [x20, #R_PAR]
    mrs     x1, esr_el3
    str     x1, [x20, #R_ESR_3]
    mrs     x1, elr_el3
    str     x1, [x20, #R_ELR_3]
    mrs     x1, esr_el1
    str     x1, [x20, #R_ESR_1]
    mrs     x1, far_el1
    str     x1, [x20, #R_FAR_1]
    mrs     x1, elr_el1
    str     x1, [x20, #R_ELR_1]
    mrs     x1, esr_el2
    str     x1, [x20, #R_ESR_2]
    mrs     x1, far_el2
    str     x1, [x20, #R_FAR_2]
    mrs     x1, elr_el2
    str     x1, [x20, #R_ELR_2]
    mrs     x1, hpfar_el2
    str     x1, [x20, #R_HPFAR]
    add     x19, x19, #CASE
    add     x20, x20, #RECORD
    b       next

finish:
    adr     x21, results_name
    mov     x22, #7
    ldr     x23, =RESULTS
    sub     x24, x20, x23
    bl      write_file
    adr     x21, arena_name
    mov     x22, #5
    ldr     x23, =ARENA
    ldr     x24, =ARENA_SIZE
    bl      write_file
    mov     x0, #0x18           // SYS_EXIT
    adr     x1, exit_block
    hlt     #0xf000
    b       .

    // x24 bytes at x23 become the file that is named by the x22 characters at x21.
write_file:
    adr     x25, block
    mov     x0, #4              // "w"
    stp     x21, x0, [x25]
    str     x22, [x25, #16]
    mov     x0, #1              // SYS_OPEN
    mov     x1, x25
    hlt     #0xf000
    stp     x0, x23, [x25]
    str     x24, [x25, #16]
    mov     x0, #5              // SYS_WRITE
    mov     x1, x25
    hlt     #0xf000
    mov     x0, #2              // SYS_CLOSE
    mov     x1, x25
    hlt     #0xf000
    ret

results_name:
    .asciz  "results"
arena_name:
    .asciz  "arena"

    .balign 8
exit_block:
    .quad   0x20026, 0          // ADP_Stopped_ApplicationExit

    // A vector table of EL3: whatever it is, it is recorded.
    .balign 2048
vectors:
    .rept   16
    b       record
    .balign 128
    .endr

    // One of EL2, whose MMU is off.
    .balign 2048
waiting:
    .rept   512
    wfi
    .endr

    .data
    .balign 8
block:
    .quad   0, 0, 0
