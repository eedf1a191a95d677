// What Swift cannot say itself: system registers, barriers, atomic words, and the layouts that the boot assembly shares with
// Swift. Everything here is one instruction or a few; anything longer is Swift or assembly. Sections are those of the Arm
// Architecture Reference Manual (DDI 0487).
#pragma once

// The frame of a guest: x0 to x30, then its program counter and PSTATE, and the hypervisor's own stack.
#define GUEST_PC 248
#define GUEST_STATUS 256
#define GUEST_HOST_STACK 264
#define GUEST_WORDS 34
// Behind it are the guest's registers of EL1 and EL0, in the order in which hyper_load_registers has them.
#define GUEST_REGISTERS 272

// What an exception of Hyper itself keeps on the stack of the thread that it interrupts, and what a thread leaves there that
// does not run: x19 to x30.
#define HOST_FRAME_SIZE 176
#define CONTEXT_SIZE 96
#define CONTEXT_START 88

// q0 to q31, then FPCR and FPSR.
#define FLOATS_WORDS 66

// Why a guest has stopped, besides ESR_EL2: which entry of the vectors it came by (D1.10.2).
#define EXIT_SYNCHRONOUS 0
#define EXIT_INTERRUPT 1
#define EXIT_FAST_INTERRUPT 2
#define EXIT_ERROR 3

// Tables of Hyper's own translation.
#define HYPER_TABLES 8

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

// System registers, by the assembler's names or, where it may not know one, by their encodings.
#define READ_ONLY(name, assembler)                                                                       \
    INLINE uint64_t read_##name(void) {                                                                  \
        uint64_t value;                                                                                  \
        __asm__ volatile("mrs %0, " #assembler : "=r"(value)::"memory");                                 \
        return value;                                                                                    \
    }
#define REGISTER(name, assembler)                                                                        \
    READ_ONLY(name, assembler)                                                                           \
    INLINE void write_##name(uint64_t value) {                                                           \
        __asm__ volatile("msr " #assembler ", %0" ::"r"(value) : "memory");                              \
    }

// What this CPU is.
READ_ONLY(mpidr_el1, mpidr_el1) READ_ONLY(midr_el1, midr_el1)
READ_ONLY(id_aa64pfr0_el1, id_aa64pfr0_el1) READ_ONLY(id_aa64pfr1_el1, id_aa64pfr1_el1)
READ_ONLY(id_aa64isar0_el1, id_aa64isar0_el1) READ_ONLY(id_aa64isar1_el1, id_aa64isar1_el1)
READ_ONLY(id_aa64mmfr0_el1, id_aa64mmfr0_el1) READ_ONLY(id_aa64mmfr1_el1, id_aa64mmfr1_el1)
READ_ONLY(id_aa64mmfr2_el1, S3_0_C0_C7_2)
READ_ONLY(id_pfr0_el1, id_pfr0_el1) READ_ONLY(id_pfr1_el1, id_pfr1_el1) READ_ONLY(id_mmfr0_el1, id_mmfr0_el1)
READ_ONLY(id_mmfr1_el1, id_mmfr1_el1) READ_ONLY(id_mmfr2_el1, id_mmfr2_el1) READ_ONLY(id_mmfr3_el1, id_mmfr3_el1)
READ_ONLY(id_mmfr4_el1, id_mmfr4_el1) READ_ONLY(id_isar0_el1, id_isar0_el1) READ_ONLY(id_isar1_el1, id_isar1_el1)
READ_ONLY(id_isar2_el1, id_isar2_el1) READ_ONLY(id_isar3_el1, id_isar3_el1) READ_ONLY(id_isar4_el1, id_isar4_el1)
READ_ONLY(id_isar5_el1, id_isar5_el1) READ_ONLY(id_isar6_el1, S3_0_C0_C2_7) READ_ONLY(mvfr0_el1, mvfr0_el1)
READ_ONLY(mvfr1_el1, mvfr1_el1) READ_ONLY(mvfr2_el1, mvfr2_el1)

// EL2, of which the guest sees nothing.
REGISTER(tpidr_el2, tpidr_el2) REGISTER(hcr_el2, hcr_el2) REGISTER(cptr_el2, cptr_el2) REGISTER(mdcr_el2, mdcr_el2)
REGISTER(hstr_el2, hstr_el2) REGISTER(cnthctl_el2, cnthctl_el2) READ_ONLY(esr_el2, esr_el2) READ_ONLY(far_el2, far_el2)
READ_ONLY(hpfar_el2, hpfar_el2) REGISTER(elr_el2, elr_el2) REGISTER(spsr_el2, spsr_el2) REGISTER(vtcr_el2, vtcr_el2)
REGISTER(vttbr_el2, vttbr_el2) REGISTER(vmpidr_el2, vmpidr_el2) REGISTER(vpidr_el2, vpidr_el2)

// The generic timer (D11).
READ_ONLY(cntfrq_el0, cntfrq_el0) REGISTER(cnthp_ctl_el2, cnthp_ctl_el2) REGISTER(cnthp_cval_el2, cnthp_cval_el2)
REGISTER(cntvoff_el2, cntvoff_el2)

// EL1 and EL0, which are the guest's: what is not moved with all others (GuestRegisters.S).
REGISTER(par_el1, par_el1) REGISTER(sp_el0, sp_el0) REGISTER(sp_el1, sp_el1)

// Those that EL2 finds under another name where HCR_EL2.E2H has the usual ones lead to its own (D5.6.4).
#define GUEST_REGISTER(name, usual, extended)                                                            \
    INLINE uint64_t read_guest_##name(bool is_host) {                                                    \
        uint64_t value;                                                                                  \
        if (is_host)                                                                                     \
            __asm__ volatile("mrs %0, " #extended : "=r"(value)::"memory");                              \
        else                                                                                             \
            __asm__ volatile("mrs %0, " #usual : "=r"(value)::"memory");                                 \
        return value;                                                                                    \
    }                                                                                                    \
    INLINE void write_guest_##name(bool is_host, uint64_t value) {                                       \
        if (is_host)                                                                                     \
            __asm__ volatile("msr " #extended ", %0" ::"r"(value) : "memory");                           \
        else                                                                                             \
            __asm__ volatile("msr " #usual ", %0" ::"r"(value) : "memory");                              \
    }
GUEST_REGISTER(sctlr, sctlr_el1, S3_5_C1_C0_0) GUEST_REGISTER(vbar, vbar_el1, S3_5_C12_C0_0)
GUEST_REGISTER(esr, esr_el1, S3_5_C5_C2_0) GUEST_REGISTER(far, far_el1, S3_5_C6_C0_0)
GUEST_REGISTER(elr, elr_el1, S3_5_C4_C0_1) GUEST_REGISTER(spsr, spsr_el1, S3_5_C4_C0_0)
GUEST_REGISTER(virtual_timer_control, cntv_ctl_el0, S3_5_C14_C3_1)
GUEST_REGISTER(physical_timer_control, cntp_ctl_el0, S3_5_C14_C2_1)

// A GICv3's CPU interface and its virtual one (IHI 0069, 12.2 and 12.4), which has as many list registers as ICH_VTR_EL2 says.
READ_ONLY(icc_iar1_el1, S3_0_C12_C12_0) READ_ONLY(icc_hppir1_el1, S3_0_C12_C12_2)
REGISTER(icc_eoir1_el1, S3_0_C12_C12_1) REGISTER(icc_dir_el1, S3_0_C12_C11_1)
REGISTER(icc_sgi1r_el1, S3_0_C12_C11_5) REGISTER(icc_pmr_el1, S3_0_C4_C6_0) REGISTER(icc_bpr1_el1, S3_0_C12_C12_3)
REGISTER(icc_ctlr_el1, S3_0_C12_C12_4) REGISTER(icc_igrpen1_el1, S3_0_C12_C12_7) REGISTER(icc_sre_el1, S3_0_C12_C12_5)
REGISTER(icc_sre_el2, S3_4_C12_C9_5) REGISTER(ich_hcr_el2, S3_4_C12_C11_0) READ_ONLY(ich_vtr_el2, S3_4_C12_C11_1)
READ_ONLY(ich_elrsr_el2, S3_4_C12_C11_5) REGISTER(ich_vmcr_el2, S3_4_C12_C11_7)
REGISTER(ich_ap1r0_el2, S3_4_C12_C9_0) REGISTER(ich_ap1r1_el2, S3_4_C12_C9_1)
REGISTER(ich_ap1r2_el2, S3_4_C12_C9_2) REGISTER(ich_ap1r3_el2, S3_4_C12_C9_3)
REGISTER(ich_lr0_el2, S3_4_C12_C12_0) REGISTER(ich_lr1_el2, S3_4_C12_C12_1)
REGISTER(ich_lr2_el2, S3_4_C12_C12_2) REGISTER(ich_lr3_el2, S3_4_C12_C12_3)
REGISTER(ich_lr4_el2, S3_4_C12_C12_4) REGISTER(ich_lr5_el2, S3_4_C12_C12_5)
REGISTER(ich_lr6_el2, S3_4_C12_C12_6) REGISTER(ich_lr7_el2, S3_4_C12_C12_7)
REGISTER(ich_lr8_el2, S3_4_C12_C13_0) REGISTER(ich_lr9_el2, S3_4_C12_C13_1)
REGISTER(ich_lr10_el2, S3_4_C12_C13_2) REGISTER(ich_lr11_el2, S3_4_C12_C13_3)
REGISTER(ich_lr12_el2, S3_4_C12_C13_4) REGISTER(ich_lr13_el2, S3_4_C12_C13_5)
REGISTER(ich_lr14_el2, S3_4_C12_C13_6) REGISTER(ich_lr15_el2, S3_4_C12_C13_7)

// Interrupts off (PSTATE.I), saying whether they were on; and on again where they were. Bit 7 of DAIF is I.
INLINE bool disable_interrupts(void) {
    uint64_t mask;
    __asm__ volatile("mrs %0, daif\n"
                     "msr daifset, #2"
                     : "=r"(mask)::"memory");
    return (mask & 0x80) == 0;
}
INLINE void restore_interrupts(bool enabled) {
    if (enabled) __asm__ volatile("msr daifclr, #2" ::: "memory");
}

INLINE void instruction_barrier(void) { __asm__ volatile("isb" ::: "memory"); }
INLINE void data_barrier(void) { __asm__ volatile("dsb ish" ::: "memory"); }
INLINE void wait_for_interrupt(void) { __asm__ volatile("dsb sy\nwfi" ::: "memory"); }
INLINE void relax(void) { __asm__ volatile("yield" ::: "memory"); }

// The counter, not before what stands before it (D11.2.1).
INLINE uint64_t counter(void) {
    uint64_t value;
    __asm__ volatile("isb\n"
                     "mrs %0, cntpct_el0"
                     : "=r"(value)::"memory");
    return value;
}

// TLB maintenance (D5.10.2), of the guest whose VMID is in VTTBR_EL2, or of all; on all CPUs, or on this one.
INLINE void forget_guest_address(uint64_t page) {
    __asm__ volatile("tlbi ipas2e1is, %0" ::"r"(page) : "memory");
}
INLINE void forget_guest_first_stages(void) { __asm__ volatile("dsb ish\ntlbi vmalle1is\ndsb ish\nisb" ::: "memory"); }
INLINE void forget_guest(void) {
    __asm__ volatile("dsb ish\ntlbi vmalls12e1is\ndsb ish\nisb" ::: "memory");
}
INLINE void forget_guest_here(void) { __asm__ volatile("tlbi vmalle1\nic iallu\ndsb nsh\nisb" ::: "memory"); }
INLINE void forget_instructions(void) { __asm__ volatile("dsb ish\nic ialluis\ndsb ish\nisb" ::: "memory"); }
INLINE void clean_data_line(uint64_t address) { __asm__ volatile("dc cvau, %0" ::"r"(address) : "memory"); }

// AT S1E1R (D5.10.1): PAR_EL1 says where the guest's first stage leads for a read at EL1.
INLINE void translate_as_guest(uint64_t address) { __asm__ volatile("at s1e1r, %0\nisb" ::"r"(address) : "memory"); }

// Words that CPUs share.
INLINE uint32_t atomic_load_word(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
INLINE void atomic_store_word(uint32_t *word, uint32_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }
INLINE void fence_memory(void) { __asm__ volatile("dsb sy" ::: "memory"); }

// Device registers: one access each, ordered against memory and each other. The forms are those whose syndrome says all of
// them (ISV), for whoever emulates the device.
#define DEVICE(bits, load, store, form)                                                                  \
    INLINE uint##bits##_t device_read##bits(uint64_t address) {                                          \
        uint##bits##_t value;                                                                            \
        __asm__ volatile(load " %" form "0, [%1]\n"                                                      \
                         "dmb oshld"                                                                     \
                         : "=r"(value)                                                                   \
                         : "r"(address)                                                                  \
                         : "memory");                                                                    \
        return value;                                                                                    \
    }                                                                                                    \
    INLINE void device_write##bits(uint64_t address, uint##bits##_t value) {                             \
        __asm__ volatile("dmb oshst\n" store " %" form "0, [%1]" ::"r"(value), "r"(address) : "memory"); \
    }
DEVICE(8, "ldrb", "strb", "w") DEVICE(16, "ldrh", "strh", "w") DEVICE(32, "ldr", "str", "w") DEVICE(64, "ldr", "str", "x")

/// A call of the firmware (SMC Calling Convention, 2.6): what comes back in x0.
INLINE uint64_t firmware_call(uint64_t function, uint64_t argument1, uint64_t argument2, uint64_t argument3) {
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = argument1;
    register uint64_t x2 __asm__("x2") = argument2;
    register uint64_t x3 __asm__("x3") = argument3;
    __asm__ volatile("smc #0"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                     :
                     : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory");
    return x0;
}

// Hyper's assembly, and what its linker script defines.
extern char image_start[], image_end[], hyper_secondary_entry[];
INLINE uint64_t address_of_image_start(void) { return (uint64_t)image_start; }
INLINE uint64_t address_of_image_end(void) { return (uint64_t)image_end; }
INLINE uint64_t address_of_hyper_secondary_entry(void) { return (uint64_t)hyper_secondary_entry; }
extern uint64_t hyper_tables[];
INLINE uint64_t *translation_tables(void) { return hyper_tables; }
void hyper_switch(void **old, void *new_context);
_Noreturn void hyper_begin_guest(uint64_t *frame);
void hyper_load_registers(const uint64_t *frame);
void hyper_save_registers(uint64_t *frame);
void hyper_load_registers_as_host(const uint64_t *frame);
void hyper_save_registers_as_host(uint64_t *frame);
void hyper_save_floats(uint64_t *registers);
void hyper_load_floats(const uint64_t *registers);
#endif
