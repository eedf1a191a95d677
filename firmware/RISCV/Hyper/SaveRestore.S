// What functions begin and end with under -msave-restore (RISC-V ELF psABI, "Run-time ABI", save and restore routines):
// __riscv_save_N keeps ra and s0 to s(N-1) on the stack and returns to t0; a function that ends jumps to __riscv_restore_N,
// which loads them and returns to ra. Registers are saved in pairs, as the stack stays aligned to 16 bytes; t1 holds where
// the stack was. The stack moves first: a trap of Hyper's own writes below it.

// For debuggers, and not in the image. The assembler gives all of a file one column for the return address: t0, where the
// restoring ones have ra's.
.cfi_sections .debug_frame

.macro save registers, size
.globl __riscv_save_\registers
__riscv_save_\registers:
    .cfi_def_cfa sp, 0
    addi sp, sp, -\size
    .cfi_def_cfa_offset \size
    addi t1, sp, \size
    .cfi_def_cfa t1, 0
.endm

// `loaded` are the saved registers that longer ones have loaded, and this one has not.
.macro restore registers, size, loaded:vararg
.globl __riscv_restore_\registers
__riscv_restore_\registers:
    .cfi_def_cfa sp, \size
.irp register, \loaded
    .cfi_restore \register
.endr
    addi t1, sp, \size
    .cfi_def_cfa t1, 0
.endm

// The second of each pair of names is that of the pair's last register alone, which needs no less of the stack.
.macro alias kind, registers, other
.globl __riscv_\kind\()_\registers
.set __riscv_\kind\()_\registers, __riscv_\kind\()_\other
.endm

.text
    .cfi_startproc
    .cfi_return_column t0
    .cfi_same_value t0
    save 12, 112
    sd s11, -104(t1)
    j 10f
    save 11, 96
10: sd s10, -96(t1)
    sd s9, -88(t1)
    j 8f
    save 9, 80
8:  sd s8, -80(t1)
    sd s7, -72(t1)
    j 6f
    save 7, 64
6:  sd s6, -64(t1)
    sd s5, -56(t1)
    j 4f
    save 5, 48
4:  sd s4, -48(t1)
    sd s3, -40(t1)
    j 2f
    save 3, 32
2:  sd s2, -32(t1)
    sd s1, -24(t1)
    j 0f
    save 1, 16
0:  sd s0, -16(t1)
    sd ra, -8(t1)
    jr t0
    .cfi_endproc
    alias save, 10, 11
    alias save, 8, 9
    alias save, 6, 7
    alias save, 4, 5
    alias save, 2, 3
    alias save, 0, 1

    .cfi_startproc
    .cfi_return_column t0
    .cfi_offset t0, -8
    .cfi_offset ra, -8
    .cfi_offset s0, -16
    .cfi_offset s1, -24
.irp register, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
    .cfi_offset x\register, -8*(\register - 14)
.endr
    restore 12, 112
    ld s11, -104(t1)
    j 10f
    restore 11, 96, s11
10: ld s10, -96(t1)
    ld s9, -88(t1)
    j 8f
    restore 9, 80, s10, s9
8:  ld s8, -80(t1)
    ld s7, -72(t1)
    j 6f
    restore 7, 64, s8, s7
6:  ld s6, -64(t1)
    ld s5, -56(t1)
    j 4f
    restore 5, 48, s6, s5
4:  ld s4, -48(t1)
    ld s3, -40(t1)
    j 2f
    restore 3, 32, s4, s3
2:  ld s2, -32(t1)
    ld s1, -24(t1)
    j 0f
    restore 1, 16, s2, s1
0:  ld s0, -16(t1)
    ld ra, -8(t1)
    .cfi_restore s0
    .cfi_restore ra
    .cfi_register t0, ra
    mv sp, t1
    ret
    .cfi_endproc
    alias restore, 10, 11
    alias restore, 8, 9
    alias restore, 6, 7
    alias restore, 4, 5
    alias restore, 2, 3
    alias restore, 0, 1
