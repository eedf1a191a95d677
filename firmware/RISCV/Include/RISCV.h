// What Swift cannot say itself: control and status registers, fences, atomic words, and the layouts that the boot
// assembly shares with Swift. Everything here is one instruction or a few; anything longer is Swift or assembly.
#pragma once

// struct hart, as the assembly sees it. The assertions below hold the two views together.
#define HART_STACK 0
#define HART_IDENTIFIER 8
#define HART_SAVED_T0 16
#define HART_SAVED_TP 24
#define HART_SIZE 64
#define HART_SIZE_LOG2 6
#define HART_LIMIT 8
#define HART_STACK_SIZE 0x2000

// The frame of a trap: x0 (unused) to x31, then mepc and mstatus.
#define FRAME_PC 256
#define FRAME_STATUS 264
#define FRAME_SIZE 272

// The frame of a guest: x0 (unused) to x31, then its program counter and the hypervisor's own stack; in Hyper also the
// hypervisor's thread pointer, and sstatus and hstatus as the guest needs them.
#define GUEST_PC 256
#define GUEST_HOST_STACK 264
#define GUEST_HOST_TP 272
#define GUEST_SSTATUS 280
#define GUEST_HSTATUS 288
#define GUEST_WORDS 37

// What a trap of Hyper itself keeps on the stack of the thread that it interrupts, and what a thread leaves there that
// does not run: ra and s0 to s11.
#define HOST_FRAME_SIZE 160
#define CONTEXT_SIZE 112

#define MSTATUS_MPP_SHIFT 11
#define MIP_MSIP 0x8

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

/// One hart's record: its stack and the mailbox through which other harts reach it.
struct hart {
    uint64_t stack;          ///< top of its machine-mode stack
    uint64_t identifier;     ///< mhartid
    uint64_t saved_t0;       ///< registers of the interrupted code while the vector builds a frame
    uint64_t saved_tp;
    uint64_t start_address;  ///< where hart_start or a non-retentive resume goes
    uint64_t start_opaque;   ///< and what it finds in a1
    uint32_t state;          ///< HSM state (SBI 2.0, table 9.1)
    uint32_t events;         ///< what the next machine software interrupt is about
    uint32_t features;       ///< what this hart was found to have
    uint32_t reserved;
};
_Static_assert(offsetof(struct hart, stack) == HART_STACK, "HART_STACK");
_Static_assert(offsetof(struct hart, identifier) == HART_IDENTIFIER, "HART_IDENTIFIER");
_Static_assert(offsetof(struct hart, saved_t0) == HART_SAVED_T0, "HART_SAVED_T0");
_Static_assert(offsetof(struct hart, saved_tp) == HART_SAVED_TP, "HART_SAVED_TP");
_Static_assert(sizeof(struct hart) == HART_SIZE && HART_SIZE == 1 << HART_SIZE_LOG2, "HART_SIZE");

// Control and status registers. Numbers are used where an assembler may not know the name.
#define CSR(name, number)                                                                                \
    INLINE uint64_t csr_read_##name(void) {                                                       \
        uint64_t value;                                                                                  \
        __asm__ volatile("csrr %0, " #number : "=r"(value)::"memory");                                   \
        return value;                                                                                    \
    }                                                                                                    \
    INLINE void csr_write_##name(uint64_t value) {                                                \
        __asm__ volatile("csrw " #number ", %0" ::"r"(value) : "memory");                                \
    }                                                                                                    \
    INLINE void csr_set_##name(uint64_t value) {                                                  \
        __asm__ volatile("csrs " #number ", %0" ::"r"(value) : "memory");                                \
    }                                                                                                    \
    INLINE void csr_clear_##name(uint64_t value) {                                                \
        __asm__ volatile("csrc " #number ", %0" ::"r"(value) : "memory");                                \
    }

// csr_present_X: reads X and says whether that worked. The trap, if it comes, lands on the label at the end: the trap
// vector of the mode that asks (mtvec or stvec) points there meanwhile. It overwrites that mode's trap registers, so it
// belongs to boot, or to code that has saved those.
#define CSR_PRESENT(name, number, vector_register)                                                                        \
    INLINE bool csr_present_##name(void) {                                                        \
        uint64_t vector, value, present;                                                                 \
        __asm__ volatile("la %[vector], 1f\n"                                                            \
                         "csrrw %[vector], " #vector_register ", %[vector]\n"                             \
                         "li %[present], 0\n"                                                            \
                         "csrr %[value], " #number "\n"                                                  \
                         "li %[present], 1\n"                                                            \
                         ".balign 4\n"                                                                   \
                         "1: csrw " #vector_register ", %[vector]"                                        \
                         : [vector] "=&r"(vector), [value] "=&r"(value), [present] "=&r"(present)        \
                         :                                                                               \
                         : "memory");                                                                    \
        return present != 0;                                                                             \
    }

// Machine mode (Privileged ISA, chapter 3).
CSR(mvendorid, 0xf11) CSR(marchid, 0xf12) CSR(mimpid, 0xf13) CSR(mhartid, 0xf14)
CSR(mstatus, 0x300) CSR(misa, 0x301) CSR(medeleg, 0x302) CSR(mideleg, 0x303) CSR(mie, 0x304) CSR(mtvec, 0x305)
CSR(mcounteren, 0x306) CSR(mcountinhibit, 0x320) CSR_PRESENT(mcountinhibit, 0x320, mtvec)
CSR(mscratch, 0x340) CSR(mepc, 0x341) CSR(mcause, 0x342) CSR(mtval, 0x343) CSR(mip, 0x344)
CSR(mtinst, 0x34a) CSR(mtval2, 0x34b)
CSR(menvcfg, 0x30a) CSR_PRESENT(menvcfg, 0x30a, mtvec)
CSR(mstateen0, 0x30c) CSR_PRESENT(mstateen0, 0x30c, mtvec)
CSR(pmpcfg0, 0x3a0) CSR_PRESENT(pmpcfg0, 0x3a0, mtvec) CSR(pmpaddr0, 0x3b0) CSR(pmpaddr1, 0x3b1)

// Supervisor mode (Privileged ISA, chapter 12).
CSR(sstatus, 0x100) CSR(sie, 0x104) CSR(stvec, 0x105) CSR(scounteren, 0x106) CSR(sscratch, 0x140) CSR(sepc, 0x141)
CSR(scause, 0x142) CSR(stval, 0x143) CSR(sip, 0x144) CSR(satp, 0x180) CSR(senvcfg, 0x10a)
CSR(stimecmp, 0x14d) CSR_PRESENT(stimecmp, 0x14d, mtvec)
CSR(time, 0xc01) CSR_PRESENT(time, 0xc01, mtvec)

// Hypervisor extension (Privileged ISA, chapter 21).
CSR(hstatus, 0x600) CSR(hedeleg, 0x602) CSR(hideleg, 0x603) CSR(hie, 0x604) CSR(htimedelta, 0x605)
CSR(hcounteren, 0x606) CSR(henvcfg, 0x60a) CSR(hstateen0, 0x60c) CSR(htval, 0x643) CSR(hvip, 0x645) CSR(htinst, 0x64a) CSR(hgatp, 0x680)
CSR(vsstatus, 0x200) CSR(vstvec, 0x205) CSR(vsscratch, 0x240) CSR(vsepc, 0x241) CSR(vscause, 0x242) CSR(vstval, 0x243)
CSR(vstimecmp, 0x24d) CSR_PRESENT(vstimecmp, 0x24d, stvec) CSR(vsatp, 0x280) CSR(hip, 0x644)

// Interrupts of supervisor mode off, saying whether they were on; and on again where they were.
INLINE bool disable_interrupts(void) {
    uint64_t status;
    __asm__ volatile("csrrci %0, sstatus, 2" : "=r"(status)::"memory");
    return (status & 2) != 0;
}
INLINE void restore_interrupts(bool enabled) {
    if (enabled) __asm__ volatile("csrsi sstatus, 2" ::: "memory");
}
// Where the hypervisor keeps its CPU: volatile, since a thread may go on on another one.
INLINE uint64_t thread_pointer(void) {
    uint64_t value;
    __asm__ volatile("mv %0, tp" : "=r"(value));
    return value;
}
INLINE void set_thread_pointer(uint64_t value) { __asm__ volatile("mv tp, %0" ::"r"(value)); }

INLINE void wait_for_interrupt(void) { __asm__ volatile("wfi" ::: "memory"); }
INLINE void fence_instruction(void) { __asm__ volatile("fence.i" ::: "memory"); }
INLINE void fence_memory(void) { __asm__ volatile("fence iorw, iorw" ::: "memory"); }

// SFENCE.VMA, HFENCE.VVMA and HFENCE.GVMA (Privileged ISA, 12.2.1 and 21.3.2). The last two are written as encodings,
// so that the image needs no -march with H. HFENCE.GVMA takes an address shifted right by two.
INLINE void sfence_vma_all(void) { __asm__ volatile("sfence.vma" ::: "memory"); }
INLINE void sfence_vma_address(uint64_t address) { __asm__ volatile("sfence.vma %0" ::"r"(address) : "memory"); }
INLINE void sfence_vma_asid(uint64_t asid) { __asm__ volatile("sfence.vma x0, %0" ::"r"(asid) : "memory"); }
INLINE void sfence_vma_address_asid(uint64_t address, uint64_t asid) {
    __asm__ volatile("sfence.vma %0, %1" ::"r"(address), "r"(asid) : "memory");
}
INLINE void hfence_vvma_all(void) { __asm__ volatile(".insn r 0x73, 0, 0x11, x0, x0, x0" ::: "memory"); }
INLINE void hfence_vvma_address(uint64_t address) {
    __asm__ volatile(".insn r 0x73, 0, 0x11, x0, %0, x0" ::"r"(address) : "memory");
}
INLINE void hfence_vvma_asid(uint64_t asid) {
    __asm__ volatile(".insn r 0x73, 0, 0x11, x0, x0, %0" ::"r"(asid) : "memory");
}
INLINE void hfence_vvma_address_asid(uint64_t address, uint64_t asid) {
    __asm__ volatile(".insn r 0x73, 0, 0x11, x0, %0, %1" ::"r"(address), "r"(asid) : "memory");
}
INLINE void hfence_gvma_all(void) { __asm__ volatile(".insn r 0x73, 0, 0x31, x0, x0, x0" ::: "memory"); }
INLINE void hfence_gvma_address(uint64_t shifted) {
    __asm__ volatile(".insn r 0x73, 0, 0x31, x0, %0, x0" ::"r"(shifted) : "memory");
}
INLINE void hfence_gvma_vmid(uint64_t vmid) {
    __asm__ volatile(".insn r 0x73, 0, 0x31, x0, x0, %0" ::"r"(vmid) : "memory");
}
INLINE void hfence_gvma_address_vmid(uint64_t shifted, uint64_t vmid) {
    __asm__ volatile(".insn r 0x73, 0, 0x31, x0, %0, %1" ::"r"(shifted), "r"(vmid) : "memory");
}

// HLVX.HU: reads guest memory as an instruction fetch would (Privileged ISA, 21.3.1).
INLINE uint16_t hlvx_hu(uint64_t address) {
    uint64_t value;
    __asm__ volatile(".insn r 0x73, 4, 0x32, %0, %1, x3" : "=r"(value) : "r"(address) : "memory");
    return (uint16_t)value;
}

// Words that harts share.
INLINE uint32_t atomic_load_word(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
INLINE void atomic_store_word(uint32_t *word, uint32_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }
INLINE uint32_t atomic_exchange_word(uint32_t *word, uint32_t value) {
    return __atomic_exchange_n(word, value, __ATOMIC_ACQ_REL);
}
INLINE uint32_t atomic_or_word(uint32_t *word, uint32_t value) {
    return __atomic_fetch_or(word, value, __ATOMIC_ACQ_REL);
}
INLINE uint32_t atomic_subtract_word(uint32_t *word, uint32_t value) {
    return __atomic_fetch_sub(word, value, __ATOMIC_ACQ_REL);
}
INLINE bool atomic_replace_word(uint32_t *word, uint32_t expected, uint32_t value) {
    return __atomic_compare_exchange_n(word, &expected, value, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

// A read of interrupted code's memory, with its privilege and translation (mstatus.MPRV), that says whether it trapped.
// The cause and address of that trap are then in mcause, mtval, mtval2 and mtinst; mepc is lost. MXR lets the read see
// what may only be executed.
INLINE bool load_as_interrupted(uint64_t address, bool executable, uint64_t *value) {
    uint64_t vector, status, failed, result = 0;
    uint64_t bits = (uint64_t)1 << 17 | (uint64_t)(executable ? 1 : 0) << 19;
    if (executable) {
        __asm__ volatile("la %[vector], 1f\n"
                         "csrrw %[vector], mtvec, %[vector]\n"
                         "li %[failed], 1\n"
                         "csrrs %[status], mstatus, %[bits]\n"
                         "lhu %[result], 0(%[address])\n"
                         "li %[failed], 0\n"
                         ".balign 4\n"
                         "1: csrw mstatus, %[status]\n"
                         "csrw mtvec, %[vector]"
                         : [vector] "=&r"(vector), [status] "=&r"(status), [failed] "=&r"(failed), [result] "+&r"(result)
                         : [bits] "r"(bits), [address] "r"(address)
                         : "memory");
    } else {
        __asm__ volatile("la %[vector], 1f\n"
                         "csrrw %[vector], mtvec, %[vector]\n"
                         "li %[failed], 1\n"
                         "csrrs %[status], mstatus, %[bits]\n"
                         "ld %[result], 0(%[address])\n"
                         "li %[failed], 0\n"
                         ".balign 4\n"
                         "1: csrw mstatus, %[status]\n"
                         "csrw mtvec, %[vector]"
                         : [vector] "=&r"(vector), [status] "=&r"(status), [failed] "=&r"(failed), [result] "+&r"(result)
                         : [bits] "r"(bits), [address] "r"(address)
                         : "memory");
    }
    *value = result;
    return failed == 0;
}

// The same for a physical address and machine mode's own rights: for pointers that a loader may or may not have passed.
INLINE bool load_if_present(uint64_t address, uint64_t *value) {
    uint64_t vector, failed, result = 0;
    __asm__ volatile("la %[vector], 1f\n"
                     "csrrw %[vector], mtvec, %[vector]\n"
                     "li %[failed], 1\n"
                     "ld %[result], 0(%[address])\n"
                     "li %[failed], 0\n"
                     ".balign 4\n"
                     "1: csrw mtvec, %[vector]"
                     : [vector] "=&r"(vector), [failed] "=&r"(failed), [result] "+&r"(result)
                     : [address] "r"(address)
                     : "memory");
    *value = result;
    return failed == 0;
}

// Device registers: one access each, ordered against memory and each other.
#define DEVICE(bits)                                                                                     \
    INLINE uint##bits##_t device_read##bits(uint64_t address) {                                   \
        uint##bits##_t value = *(volatile uint##bits##_t *)address;                                      \
        __asm__ volatile("fence i, rw" ::: "memory");                                                    \
        return value;                                                                                    \
    }                                                                                                    \
    INLINE void device_write##bits(uint64_t address, uint##bits##_t value) {                      \
        __asm__ volatile("fence rw, o" ::: "memory");                                                    \
        *(volatile uint##bits##_t *)address = value;                                                     \
    }
DEVICE(8) DEVICE(16) DEVICE(32) DEVICE(64)

// A compressed store and load of the same word.
INLINE uint64_t compressed_exchange(uint64_t address, uint64_t value) {
    register uint64_t base __asm__("a0") = address;
    register uint64_t data __asm__("a1") = value;
    __asm__ volatile("c.sw %0, 0(%1)\n"
                     "c.lw %0, 0(%1)"
                     : "+r"(data)
                     : "r"(base)
                     : "memory");
    return data;
}

/// What an SBI call returns (SBI 2.0, chapter 3).
struct sbi_result {
    int64_t error;
    uint64_t value;
};

INLINE struct sbi_result sbi_call(
    uint64_t extension, uint64_t function, uint64_t argument0, uint64_t argument1, uint64_t argument2) {
    register uint64_t a0 __asm__("a0") = argument0;
    register uint64_t a1 __asm__("a1") = argument1;
    register uint64_t a2 __asm__("a2") = argument2;
    register uint64_t a6 __asm__("a6") = function;
    register uint64_t a7 __asm__("a7") = extension;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
    return (struct sbi_result){(int64_t)a0, a1};
}

/// A call of the RFENCE extension, which has five arguments.
INLINE struct sbi_result sbi_fence(
    uint64_t function, uint64_t mask, uint64_t base, uint64_t start, uint64_t size, uint64_t identifier) {
    register uint64_t a0 __asm__("a0") = mask;
    register uint64_t a1 __asm__("a1") = base;
    register uint64_t a2 __asm__("a2") = start;
    register uint64_t a3 __asm__("a3") = size;
    register uint64_t a4 __asm__("a4") = identifier;
    register uint64_t a6 __asm__("a6") = function;
    register uint64_t a7 __asm__("a7") = 0x52464e43;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7) : "memory");
    return (struct sbi_result){(int64_t)a0, a1};
}

/// How an attempt ended: the trap it took, or all ones.
struct attempt {
    uint64_t cause, value;
};
struct attempt attempt_load(uint64_t address);
struct attempt attempt_call(uint64_t address);
struct attempt attempt_illegal(void);
struct attempt attempt_ecall(uint64_t extension, uint64_t a0, uint64_t a1);
extern char check_hart_entry[];
extern uint64_t check_trap_status;
INLINE uint64_t status_at_trap(void) { return check_trap_status; }
INLINE uint64_t address_of_check_hart_entry(void) { return (uint64_t)check_hart_entry; }

// What the boot assembly and the linker scripts define. Each image uses its own part.
extern struct hart harts[HART_LIMIT];
extern char image_start[], image_end[], tree_scratch_start[], tree_scratch_end[];
extern uint32_t harts_released;
_Noreturn void enter_supervisor(uint64_t address, uint64_t a0, uint64_t a1, uint64_t status);

extern char guest_image_start[], guest_image_end[], guest_memory_start[], guest_memory_end[];
extern char second_stage_root[], second_stage_tables_start[], second_stage_tables_end[];
void run_guest(uint64_t *frame);

extern char first_stage_tables_start[];

// Hyper's assembly.
void hyper_switch(void **old, void *new);
_Noreturn void hyper_begin_guest(uint64_t *frame);
extern char hyper_enter_guest[], hyper_secondary_entry[], hyper_stack_end[];
INLINE uint64_t address_of_hyper_enter_guest(void) { return (uint64_t)hyper_enter_guest; }
INLINE uint64_t address_of_hyper_secondary_entry(void) { return (uint64_t)hyper_secondary_entry; }
INLINE uint64_t address_of_hyper_stack_end(void) { return (uint64_t)hyper_stack_end; }
void hyper_save_floats(uint64_t *registers);
void hyper_load_floats(const uint64_t *registers);

INLINE struct hart *hart_record(uint64_t index) { return &harts[index]; }
INLINE uint32_t *hart_state(uint64_t index) { return &harts[index].state; }
INLINE uint32_t *hart_events(uint64_t index) { return &harts[index].events; }
INLINE uint64_t address_of_image_start(void) { return (uint64_t)image_start; }
INLINE uint64_t address_of_image_end(void) { return (uint64_t)image_end; }
INLINE uint64_t address_of_tree_scratch(void) { return (uint64_t)tree_scratch_start; }
INLINE uint64_t size_of_tree_scratch(void) { return (uint64_t)(tree_scratch_end - tree_scratch_start); }
INLINE uint64_t address_of_guest_image(void) { return (uint64_t)guest_image_start; }
INLINE uint64_t size_of_guest_image(void) { return (uint64_t)(guest_image_end - guest_image_start); }
INLINE uint64_t address_of_guest_memory(void) { return (uint64_t)guest_memory_start; }
INLINE uint64_t size_of_guest_memory(void) { return (uint64_t)(guest_memory_end - guest_memory_start); }
INLINE uint64_t address_of_second_stage_root(void) { return (uint64_t)second_stage_root; }
INLINE uint64_t address_of_second_stage_tables(void) { return (uint64_t)second_stage_tables_start; }
INLINE uint64_t size_of_second_stage_tables(void) {
    return (uint64_t)(second_stage_tables_end - second_stage_tables_start);
}
INLINE uint64_t address_of_first_stage_tables(void) { return (uint64_t)first_stage_tables_start; }
INLINE void release_harts(void) { atomic_store_word(&harts_released, 1); }
#endif
