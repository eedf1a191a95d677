// Accesses the registers of an interrupt controller as it is told, on several CPUs, one access after the other:
// Tests/MachineTests/Devices/GIC/InterruptAccesses.swift writes the list, and reads what came of it.
//
// Runs on another machine that has semihosting, for comparison with ours:
//     qemu-system-aarch64 -M virt,gic-version=3,virtualization=on -smp 2 -m 512M -display none -semihosting
//         -kernel accesses.elf -device loader,file=LIST,addr=0x48000000,force-raw=on
//
// The list begins with the number of CPUs and the number of accesses (8 bytes each). An access is 24 bytes:
#define KIND 0              // byte, one of:
#define LOAD 1
#define STORE 2
#define EXECUTE 3           // an instruction, with the value in x0
#define EXECUTE_AT_EL1 4    // the same at EL1 with HCR_EL2.IMO and FMO: it sees virtual interrupts
#define CPU 1               // byte
#define SIZE 2              // byte: 1, 2, 4 or 8 bytes are loaded or stored
#define STACK 3             // byte: 0, or one of the CPU's stacks. An INTID that was read is pushed; what is written was
                            // popped. With nothing to pop nothing is done, and the value is all ones.
#define INSTRUCTION 4       // word
#define ADDRESS 8
#define VALUE 16            // what is written, or was read
#define ACCESS 24
// It leaves the accesses in the file "results".

#define LIST 0x48000000
#define PSCI_CPU_ON 0xc4000003
#define CPUS 8
#define STACKS 8
#define DEPTH 16            // doublewords of a stack: the first one counts the others
#define GICC_CTLR 0x08010000

// x19 the CPU, x20 the access, x21 accesses left, x22 the list
    .globl _start
_start:
    mrs x19, mpidr_el1
    and x19, x19, #0xff
    ldr x0, =vectors
    msr vbar_el2, x0
    mrs x0, id_aa64pfr0_el1
    ubfx x0, x0, #24, #4
    cbz x0, 1f
    mov x0, #0xf
    msr S3_4_C12_C9_5, x0           // ICC_SRE_EL2
    isb
1:  ldr x0, =ends
    add x0, x0, x19, lsl #12
    add sp, x0, #4096
    cbnz x19, serve
    ldr x22, =LIST
    ldr x23, [x22], #8
    mov x24, #1
2:  cmp x24, x23
    b.hs 3f
    ldr x0, =PSCI_CPU_ON
    mov x1, x24
    ldr x2, =_start
    mov x3, #0
    smc #0
    add x24, x24, #1
    b 2b
3:  ldr x21, [x22], #8
    mov x20, x22
    mov x25, x21
4:  cbz x21, finish
    ldrb w1, [x20, #CPU]
    cbz w1, 6f
    // Another CPU's: it has done it when it has taken the address away.
    ldr x2, =requests
    dmb sy
    str x20, [x2, x1, lsl #3]
5:  ldr x3, [x2, x1, lsl #3]
    cbnz x3, 5b
    dmb sy
    b 7f
6:  bl access
7:  add x20, x20, #ACCESS
    sub x21, x21, #1
    b 4b

serve:
    ldr x21, =requests
    add x21, x21, x19, lsl #3
1:  ldr x20, [x21]
    cbz x20, 1b
    dmb sy
    bl access
    dmb sy
    str xzr, [x21]
    b 1b

// One access: x0 is the value, x9 the stack.
access:
    mov x29, x30
    ldrb w9, [x20, #STACK]
    ldr x10, =stacks
    add x11, x9, x19, lsl #3        // STACKS is 8
    add x9, x10, x11, lsl #7        // DEPTH doublewords each
    ldr x0, [x20, #VALUE]
    ldrb w10, [x20, #STACK]
    cbz w10, 1f
    ldr x11, [x20, #ADDRESS]
    ldr w12, [x20, #INSTRUCTION]
    ldrb w13, [x20, #KIND]
    // Does it write? An MSR has bit 21 clear.
    cmp w13, #LOAD
    b.eq 1f
    cmp w13, #STORE
    b.eq 0f
    tbnz w12, #21, 1f
0:  ldr x11, [x9]
    mov x0, #-1
    cbz x11, done
    ldr x0, [x9, x11, lsl #3]
    sub x11, x11, #1
    str x11, [x9]
    str x0, [x20, #VALUE]
1:  ldrb w10, [x20, #KIND]
    ldrb w11, [x20, #SIZE]
    ldr x12, [x20, #ADDRESS]
    cmp w10, #STORE
    b.eq store
    b.hi execute
    tbnz w11, #0, 2f
    tbnz w11, #1, 3f
    tbnz w11, #2, 4f
    ldr x0, [x12]
    b push
2:  ldrb w0, [x12]
    b push
3:  ldrh w0, [x12]
    b push
4:  ldr w0, [x12]
    b push
store:
    tbnz w11, #0, 2f
    tbnz w11, #1, 3f
    tbnz w11, #2, 4f
    str x0, [x12]
    ret x29
2:  strb w0, [x12]
    ret x29
3:  strh w0, [x12]
    ret x29
4:  str w0, [x12]
    ret x29

// The instruction is put in the CPU's own place.
execute:
    ldr x13, =places
    add x13, x13, x19, lsl #6
    ldr w14, [x20, #INSTRUCTION]
    ldr w15, =0xd65f03c0            // RET
    stp w14, w15, [x13]
    dsb sy
    ic iallu
    dsb sy
    isb
    cmp w10, #EXECUTE
    b.ne atEL1
    blr x13
    isb
    b executed

// Physical interrupts go to EL2, whatever EL1 masks: the CPU interface is told to signal none meanwhile.
atEL1:
    mrs x1, id_aa64pfr0_el1
    ubfx x1, x1, #24, #4
    cbz x1, 1f
    mrs x16, S3_0_C12_C12_6         // ICC_IGRPEN0_EL1, ICC_IGRPEN1_EL1
    mrs x17, S3_0_C12_C12_7
    msr S3_0_C12_C12_6, xzr
    msr S3_0_C12_C12_7, xzr
    b 2f
1:  ldr x2, =GICC_CTLR
    ldr w16, [x2]
    str wzr, [x2]
2:  ldr x2, =(1 << 31 | 1 << 4 | 1 << 3)
    msr hcr_el2, x2
    adr x2, below
    msr elr_el2, x2
    mov x2, #0x3c5                  // EL1h, all masked
    msr spsr_el2, x2
    isb
    eret
below:
    isb
    blr x13
    isb
    hvc #0
above:
    msr hcr_el2, xzr
    cbz x1, 1f
    msr S3_0_C12_C12_6, x16
    msr S3_0_C12_C12_7, x17
    isb
    b executed
1:  ldr x2, =GICC_CTLR
    str w16, [x2]

executed:
    ldr w12, [x20, #INSTRUCTION]
    tbnz w12, #21, push
    ret x29

// What was read, unless it is no INTID or there is no room.
push:
    ldrb w10, [x20, #STACK]
    cbz w10, done
    and x11, x0, #0x3ff
    cmp x11, #1020
    b.hs done
    ldr x11, [x9]
    cmp x11, #DEPTH - 1
    b.hs done
    add x11, x11, #1
    str x11, [x9]
    str x0, [x9, x11, lsl #3]
done:
    str x0, [x20, #VALUE]
    ret x29

finish:
    adr x1, arguments
    adr x2, name
    mov x3, #5                      // SYS_OPEN for writing
    stp x2, x3, [x1]
    mov x2, #7
    str x2, [x1, #16]
    mov w0, #1
    hlt #0xf000
    adr x1, arguments
    stp x0, x22, [x1]
    mov x2, #ACCESS
    mul x2, x2, x25
    str x2, [x1, #16]
    mov w0, #5                      // SYS_WRITE
    hlt #0xf000
    adr x1, arguments
    ldr x2, =0x20026                // ADP_Stopped_ApplicationExit
    stp x2, xzr, [x1]
    mov w0, #0x18
    hlt #0xf000
    b .
name: .asciz "results"
    .align 3
arguments: .skip 24
    .ltorg

// From EL2: the value is the syndrome, with bit 63 set, and the next instruction follows. From EL1: HVC, or any exception.
    .align 11
vectors:
    .rept 16
    .align 7
    b taken
    .endr
taken:
    mrs x2, esr_el2
    mrs x3, spsr_el2
    and x3, x3, #0xf
    cmp x3, #5
    b.eq 1f
    orr x0, x2, #1 << 63
    mrs x3, elr_el2
    add x3, x3, #4
    msr elr_el2, x3
    eret
1:  lsr x3, x2, #26
    cmp x3, #0x16
    b.eq above
    orr x0, x2, #1 << 63
    b above

    .bss
    .align 12
ends: .skip 4096 * CPUS             // stacks of the CPUs
requests: .skip 8 * CPUS
    .align 6
places: .skip 64 * CPUS
stacks: .skip 8 * DEPTH * STACKS * CPUS
