// What the basic guest's boot assembly shares with its Swift besides its records: the steps that may trap.
#pragma once
#include "AArch64.h"
#include "BasicRecords.h"

// v0 to v31, FPCR and FPSR.
#define BASIC_FLOAT_WORDS 66

#ifndef __ASSEMBLER__
// The timer of EL1, by offsets and by its virtual counter (D11.2); what else the guest's tests look at.
REGISTER(cntv_ctl_el0, cntv_ctl_el0) REGISTER(cntv_cval_el0, cntv_cval_el0) REGISTER(cntp_ctl_el0, cntp_ctl_el0)
REGISTER(cntp_cval_el0, cntp_cval_el0) READ_ONLY(cntvct_el0, cntvct_el0) READ_ONLY(currentel, CurrentEL)
READ_ONLY(isr_el1, isr_el1) READ_ONLY(daif, daif) REGISTER(ttbr0_el1, ttbr0_el1) REGISTER(ttbr1_el1, ttbr1_el1)

INLINE uint64_t virtual_counter(void) {
    uint64_t value;
    __asm__ volatile("isb\n"
                     "mrs %0, cntvct_el0"
                     : "=r"(value)::"memory");
    return value;
}
INLINE uint64_t thread_pointer(void) {
    uint64_t value;
    __asm__ volatile("mrs %0, tpidr_el1" : "=r"(value));
    return value;
}
INLINE void enable_interrupts(void) { __asm__ volatile("msr daifclr, #2\nisb" ::: "memory"); }
INLINE void wait(void) { __asm__ volatile("dsb sy\nwfi" ::: "memory"); }
INLINE void forget_translations(void) { __asm__ volatile("dsb ish\ntlbi vmalle1is\ndsb ish\nisb" ::: "memory"); }
INLINE void forget_address(uint64_t page) {
    __asm__ volatile("dsb ish\ntlbi vaale1is, %0\ndsb ish\nisb" ::"r"(page) : "memory");
}
INLINE void forget_space(uint64_t asid) {
    __asm__ volatile("dsb ish\ntlbi aside1is, %0\ndsb ish\nisb" ::"r"(asid << 48) : "memory");
}
/// What was written there is code from now on, for all CPUs (B2.4.4).
INLINE void publish_code(uint64_t address) {
    __asm__ volatile("dc cvau, %0\n"
                     "dsb ish\n"
                     "ic ivau, %0\n"
                     "dsb ish\n"
                     "isb" ::"r"(address) : "memory");
}
INLINE uint64_t call_hypervisor(uint64_t function, uint64_t argument1, uint64_t argument2, uint64_t argument3) {
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = argument1;
    register uint64_t x2 __asm__("x2") = argument2;
    register uint64_t x3 __asm__("x3") = argument3;
    __asm__ volatile("hvc #0"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                     :
                     : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory");
    return x0;
}

// Each tries one instruction. An exception ends the attempt and is recorded; interrupts are taken as ever.
void try_load(struct basic_trap *, uint64_t address);
void try_load_byte(struct basic_trap *, uint64_t address);
void try_load_half(struct basic_trap *, uint64_t address);
void try_load_word(struct basic_trap *, uint64_t address);
void try_load_pair(struct basic_trap *, uint64_t address);
void try_store(struct basic_trap *, uint64_t address, uint64_t value);
void try_store_byte(struct basic_trap *, uint64_t address, uint64_t value);
void try_store_half(struct basic_trap *, uint64_t address, uint64_t value);
void try_store_word(struct basic_trap *, uint64_t address, uint64_t value);
void try_load_exclusive(struct basic_trap *, uint64_t address);
void try_call(struct basic_trap *, uint64_t address);
void try_illegal(struct basic_trap *);
// Those whose syndrome would not describe them: of a device, and values in memory.
void try_store_pair(struct basic_trap *, uint64_t address, uint32_t *values);
void try_store_before(struct basic_trap *, uint64_t address, uint32_t *values);
void try_store_after(struct basic_trap *, uint64_t address, uint32_t *values);
void try_store_single(struct basic_trap *, uint64_t address, uint32_t *values);
void try_store_structure(struct basic_trap *, uint64_t address, uint32_t *values);
void try_load_two(struct basic_trap *, uint64_t address, uint32_t *values);
void try_load_signed(struct basic_trap *, uint64_t address, uint32_t *values);
void try_load_before(struct basic_trap *, uint64_t address, uint32_t *values);
void try_load_single(struct basic_trap *, uint64_t address, uint32_t *values);
void try_load_structure(struct basic_trap *, uint64_t address, uint32_t *values);
void try_breakpoint(struct basic_trap *);
void try_hypervisor_register(struct basic_trap *);
/// Goes on at `address` in EL0, with `argument` in x1, until something traps.
void try_user(struct basic_trap *, uint64_t address, uint64_t argument);

// Loops whose every instruction counts.
void loop_of_byte_loads(uint64_t address, uint64_t count);
void loop_of_word_loads(uint64_t address, uint64_t count);
void loop_of_calls(uint64_t count);
/// Adds one to a word `count` times, by exclusive accesses.
void count_together(uint64_t *word, uint64_t count);
/// Rounds of a chaotic series in v0 to v30; the registers, FPCR and FPSR are then in `results`.
void compute_floats(uint64_t rounds, uint64_t *results);
/// Fills the floating-point registers, waits for the interrupt that is to come, and stores them.
void hold_floats(uint64_t *results);


INLINE uint64_t call_function(uint64_t address) { return ((uint64_t (*)(void))address)(); }

// The boot assembly's symbols.
extern char basic_hart_entry[], basic_end[], basic_pages[], basic_user_code[], basic_patch[], basic_line[];
INLINE uint64_t address_of_basic_hart_entry(void) { return (uint64_t)basic_hart_entry; }
INLINE uint64_t address_of_basic_end(void) { return (uint64_t)basic_end; }
INLINE uint64_t address_of_basic_page(uint64_t index) { return (uint64_t)basic_pages + index * 4096; }
INLINE uint64_t address_of_basic_user_code(void) { return (uint64_t)basic_user_code; }
INLINE uint64_t address_of_basic_patch(void) { return (uint64_t)basic_patch; }
INLINE uint64_t address_of_basic_line(void) { return (uint64_t)basic_line; }
extern uint64_t basic_float_results[BASIC_HART_LIMIT][2][BASIC_FLOAT_WORDS], basic_counter, basic_float_values[64];
extern struct basic_trap *basic_attempts[BASIC_HART_LIMIT];
INLINE struct basic_trap *attempt_of(uint64_t hart) { return basic_attempts[hart]; }
INLINE void end_attempt(uint64_t hart) { basic_attempts[hart] = 0; }
INLINE uint64_t *float_results(uint64_t hart, uint64_t which) { return basic_float_results[hart][which]; }
INLINE const uint64_t *float_values(void) { return basic_float_values; }
INLINE uint64_t *shared_counter(void) { return &basic_counter; }
#endif
