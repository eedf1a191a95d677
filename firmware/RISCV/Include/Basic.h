// What the basic guest's boot assembly shares with its Swift besides its records: the steps that may trap.
#pragma once
#include "RISCV.h"

#include "BasicRecords.h"

#ifndef __ASSEMBLER__
CSR(cycle, 0xc00) CSR(instret, 0xc02)

// Each tries one instruction. An exception ends the attempt and is recorded; interrupts are taken as ever.
void try_load(struct basic_trap *, uint64_t address);
void try_load_byte(struct basic_trap *, uint64_t address);
void try_load_half(struct basic_trap *, uint64_t address);
void try_load_word(struct basic_trap *, uint64_t address);
void try_store(struct basic_trap *, uint64_t address, uint64_t value);
void try_store_byte(struct basic_trap *, uint64_t address, uint64_t value);
void try_store_half(struct basic_trap *, uint64_t address, uint64_t value);
void try_store_word(struct basic_trap *, uint64_t address, uint64_t value);
void try_atomic_add(struct basic_trap *, uint64_t address, uint64_t value);
void try_call(struct basic_trap *, uint64_t address);
void try_illegal(struct basic_trap *);
void try_breakpoint(struct basic_trap *);
void try_cycle(struct basic_trap *);
void try_instret(struct basic_trap *);
/// Goes on at `address` in user mode, with `argument` in a1, until something traps.
void try_user(struct basic_trap *, uint64_t address, uint64_t argument);

// Loops whose every instruction counts.
void loop_of_byte_loads(uint64_t address, uint64_t count);
void loop_of_word_loads(uint64_t address, uint64_t count);
void loop_of_calls(uint64_t count);
/// What a load costs, in retired instructions, with the read of the counter.
uint64_t instructions_of_load(uint64_t address);
/// Adds one to both words `count` times: by AMO, and by LR and SC.
void count_together(uint64_t *amo, uint64_t *reserved, uint64_t count);
/// Rounds of a chaotic series in f0 to f30; the registers and fcsr are then in `results`.
void compute_floats(uint64_t rounds, uint64_t *results);
/// Fills the floating point registers, waits for the interrupt that is to come, and stores them.
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
extern uint64_t basic_float_results[BASIC_HART_LIMIT][2][33], basic_counters[2], basic_float_values[32];
INLINE uint64_t *float_results(uint64_t hart, uint64_t which) { return basic_float_results[hart][which]; }
INLINE const uint64_t *float_values(void) { return basic_float_values; }
INLINE uint64_t *shared_counter(uint64_t which) { return &basic_counters[which]; }
#endif
