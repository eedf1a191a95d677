/* Numbers of the Arm architecture (DDI 0487) and of QEMU's `virt` board that the system benchmarks use. */
#define PROGRAM 0x40200000                 /* the 2 MiB that hold it */
#define WINDOW 0x90000000                  /* where the 16 pages of a set are mapped */
#define GOLDEN 0x9e3779b97f4a7c15

#define EC_SVC 0x15                        /* ESR_ELx.EC, for AArch64 */
#define EC_HVC 0x16
#define EC_DATA_ABORT_LOWER 0x24
#define EC_DATA_ABORT_SAME 0x25

#define HCR_VM (1 << 0)
#define HCR_IMO (1 << 4)
#define HCR_RW (1 << 31)

#define SPSR_EL0 0x3c0                     /* EL0, and EL1 with its own stack pointer; all interrupts masked */
#define SPSR_EL1 0x3c5
#define SPSR_I (1 << 7)

/* SCTLR_EL1: what is reserved, one; M, C and I. */
#define SCTLR_OFF 0x30d00800
#define SCTLR_ON (SCTLR_OFF | 0x1005)

/* TCR_EL1: 32 bits by TTBR0 alone (EPD1), granules of 4 KiB, inner shareable and write-back; 16 bits of ASID in TTBR0. */
#define TCR (32 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 2 << 32 | 1 << 36)
/* VTCR_EL2: 32 bits from level 1, granules of 4 KiB, 40 bits of output, 8 bits of VMID. */
#define VTCR (32 | 1 << 6 | 1 << 8 | 1 << 10 | 3 << 12 | 2 << 16 | 1 << 31)
#define MAIR 0x00ff                        /* 0: normal, write-back; 1: Device-nGnRnE */

/* Descriptors. */
#define TABLE 3
#define BLOCK 1
#define PAGE 3
#define ATTRIBUTES_STAGE1 (1 << 11 | 1 << 10 | 3 << 8)             /* nG, AF, inner shareable, MAIR's 0 */
#define ATTRIBUTES_USER (ATTRIBUTES_STAGE1 | 1 << 6)               /* AP[1]: EL0's too */
#define ATTRIBUTES_STAGE2 (1 << 10 | 3 << 8 | 3 << 6 | 0xf << 2)   /* AF, inner shareable, read and write, write-back */
#define ATTRIBUTES_STAGE2_DEVICE (1 << 10 | 3 << 6 | 1 << 2)       /* AF, read and write, Device-nGnRE */

#define GICD 0x08000000
#define GICC 0x08010000
#define GICH 0x08030000
#define GICV 0x08040000
#define GICR 0x080a0000                    /* RD_base */
#define GICR_SGI 0x080b0000                /* SGI_base */
#define GICD_ISENABLER0 0x100
#define GICD_SGIR 0xf00
#define GICC_PMR 0x04                      /* also GICV's, as the next two */
#define GICC_IAR 0x0c
#define GICC_EOIR 0x10
#define GICH_LR0 0x100
#define GICR_WAKER 0x14
#define GICR_IGROUPR0 0x80
#define GICR_ISENABLER0 0x100

/* The beginning of a program that counts `n` events a round. */
#define COUNTED_EVENTS(n) .globl bench; ldr x0, =bench_events; ldr x1, [x0]; ldr x2, =n; add x1, x1, x2; str x1, [x0]

/* One step of every checksum: x1 = 33 x1 + value. */
#define FOLD(value) add x1, x1, x1, lsl #5; add x1, x1, value

/* An exception handler's beginning and end: the stack pointer of its level is the address of `context`, where x2 is saved;
   n (sp + 8) is counted down, and `last` is reached when it comes to zero. */
#define ENTER str x2, [sp]
#define COUNT(last) ldr x2, [sp, 8]; sub x2, x2, 1; str x2, [sp, 8]; cbz x2, last; mov x0, x2
#define LEAVE ldr x2, [sp]; eret

/* Goes to `wrong` unless the exception is of this class. */
#define EXPECT(level, class, wrong) mrs x2, esr_##level; lsr x2, x2, 26; cmp x2, class; b.ne wrong

/* Vectors, of which one has a handler. */
#define SAME_SYNCHRONOUS 0x200
#define SAME_IRQ 0x280
#define LOWER_SYNCHRONOUS 0x400
.macro vectors name, offset, handler, wrong
    .balign 2048
\name:
    .set    vector, 0
    .rept   16
    .if     vector == \offset
    b       \handler
    .else
    b       \wrong
    .endif
    .balign 128
    .set    vector, vector + 128
    .endr
.endm
