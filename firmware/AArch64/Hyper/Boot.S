// Entry of Hyper on the first CPU and on the others: EL2, no translation, interrupts off. The image begins as Linux's Image
// does (Documentation/arch/arm64/booting), so that boot loaders know where it goes, and that x0 is to have the device tree.

#include "AArch64.h"

.cfi_sections .debug_frame

.section .text.start, "ax"
.globl _start
_start:
    b 1f
    .word 0
    .quad 0x80000                       // behind the start of memory
    .quad image_size
    .quad 2                             // little-endian, pages of 4 KiB, near the start of memory
    .quad 0, 0, 0
    .ascii "ARM\x64"
    .word 0

    .cfi_startproc
    .cfi_undefined x30                  // nobody has called
1:  msr daifset, #15
    mov x20, x0
    mrs x0, CurrentEL                   // EL in bits 3 and 2
    cmp x0, #2 << 2
    b.ne hyper_needs_el2
    adrp x0, bss_start
    adrp x1, bss_end
    // Caches are off: lines that a boot loader may have left there would come back later.
2:  dc ivac, x0
    stp xzr, xzr, [x0]
    stp xzr, xzr, [x0, #16]
    stp xzr, xzr, [x0, #32]
    stp xzr, xzr, [x0, #48]
    add x0, x0, #64
    cmp x0, x1
    b.lo 2b
    dsb sy
    bl reset_registers
    adrp x0, hyper_stack_end
    add sp, x0, :lo12:hyper_stack_end
    adrp x0, _start                     // locks want to know CPUs apart, before there is a record of any
    msr tpidr_el2, x0
    mov x0, x20
    bl hyper_make_tables
    bl start_translation
    mov x0, x20
    bl hyper_start                      // never returns
    .cfi_endproc

// Nothing else would work; whoever looks at the CPU finds it here.
hyper_needs_el2:
    wfe
    b hyper_needs_el2

.globl hyper_secondary_entry
hyper_secondary_entry:                  // x0 = the top of a stack, under which the CPU's record stands
    .cfi_startproc
    .cfi_undefined x30
    msr daifset, #15
    mov x20, x0
    bl reset_registers
    bl start_translation
    ldr x0, [x20, #-8]
    msr tpidr_el2, x0
    sub sp, x20, #16
    bl hyper_start_secondary            // never returns
    .cfi_endproc

// What firmware may have left otherwise.
reset_registers:
    ldr x0, =0x30c50830                 // SCTLR_EL2 (D13.2.119): what is always 1; translation and caches are off
    msr sctlr_el2, x0
    mov x0, #1 << 31                    // HCR_EL2.RW: EL1 is AArch64. TGE is off
    mov x1, #0x33ff                     // CPTR_EL2 (D13.2.32): nothing traps that Hyper itself might execute
    mrs x2, id_aa64mmfr1_el1
    tst x2, #15 << 8                    // VH: with E2H, EL2 is a host (D5.6), and registers are laid out as EL1's
    b.eq 1f
    orr x0, x0, #1 << 34
    mov x1, #3 << 20
1:  msr hcr_el2, x0
    isb
    msr cptr_el2, x1
    msr spsel, #1
    adrp x0, hyper_vectors
    add x0, x0, :lo12:hyper_vectors
    msr vbar_el2, x0
    isb
    ret

// Memory is translated one to one, so that it is memory: cached, and good for exclusive accesses.
start_translation:
    ldr x0, =0x04ff                     // MAIR_EL2: 0 is write-back memory, 1 is a device (nGnRE)
    msr mair_el2, x0
    mrs x1, id_aa64mmfr0_el1
    and x1, x1, #15                     // PARange
    mov x2, #5                          // 48 bits are all that there is without LPA
    cmp x1, x2
    csel x1, x1, x2, lo
    mrs x2, hcr_el2
    tbnz x2, #34, 1f
    ldr x0, =0x80803510                 // TCR_EL2 (D13.2.132): 48 bits, 4 KiB, write-back and shareable tables
    orr x0, x0, x1, lsl #16
    b 2f
1:  ldr x0, =0x80903510                 // The same with E2H: TTBR1_EL2 translates nothing (EPD1)
    orr x0, x0, x1, lsl #32
2:  msr tcr_el2, x0
    adrp x0, hyper_tables
    msr ttbr0_el2, x0
    tlbi alle2
    tlbi alle1
    ic iallu
    dsb sy
    isb
    ldr x0, =0x30c5183d                 // M, C, SA and I besides
    msr sctlr_el2, x0
    isb
    ret

.section .bss.tables, "aw", @nobits
.balign 4096
.globl hyper_tables
hyper_tables:
.space 4096 * HYPER_TABLES
.bss
.balign 16
.space 0x8000
.globl hyper_stack_end
hyper_stack_end:
