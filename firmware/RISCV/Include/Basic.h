// What the basic guest's boot assembly shares with its Swift: records of traps and harts, and the steps that may trap.
#pragma once
#include "RISCV.h"

#define BASIC_HART_LIMIT 16
#define BASIC_STACK_SIZE 0x2000
#define BASIC_HART_SIZE 80

// struct basic_trap, as the assembly sees it.
#define TRAP_LANDING 0
#define TRAP_INSTRUCTION 8
#define TRAP_CAUSE 16
#define TRAP_PC 32
#define TRAP_RESULT 48

#ifndef __ASSEMBLER__

/// How an attempt ended: the exception that it took, if any.
struct basic_trap {
    uint64_t landing;      ///< where the trap handler goes on
    uint64_t instruction;  ///< address of the instruction that was tried
    uint64_t cause;        ///< scause, or all ones where nothing trapped
    uint64_t value;        ///< stval
    uint64_t pc;           ///< sepc
    uint64_t status;       ///< sstatus in the trap
    uint64_t result;       ///< what was loaded or returned
};
_Static_assert(offsetof(struct basic_trap, landing) == TRAP_LANDING, "TRAP_LANDING");
_Static_assert(offsetof(struct basic_trap, instruction) == TRAP_INSTRUCTION, "TRAP_INSTRUCTION");
_Static_assert(offsetof(struct basic_trap, cause) == TRAP_CAUSE, "TRAP_CAUSE");
_Static_assert(offsetof(struct basic_trap, pc) == TRAP_PC, "TRAP_PC");
_Static_assert(offsetof(struct basic_trap, result) == TRAP_RESULT, "TRAP_RESULT");

/// A hart of the device tree. The boot hart is the first.
struct basic_hart {
    uint64_t identifier;       ///< its hart number
    uint64_t phandle;          ///< of its local interrupt controller
    uint64_t context;          ///< its supervisor context at the PLIC, or all ones
    uint64_t result;           ///< what its last task found
    uint64_t argument;         ///< for its task
    uint64_t timer_time;       ///< when its last timer interrupt was taken
    uint64_t claimed;          ///< the source of its last external interrupt
    uint32_t task;             ///< what it is to do; zero when it is done
    uint32_t timer_interrupts;
    uint32_t software_interrupts;
    uint32_t external_interrupts;
    uint32_t budget;           ///< where not zero: so many interrupts, and then none
    uint32_t reserved;
};
_Static_assert(sizeof(struct basic_hart) == BASIC_HART_SIZE, "BASIC_HART_SIZE");
extern struct basic_hart basic_harts[BASIC_HART_LIMIT];

#define HART_WORD(name)                                                                                  \
    INLINE uint32_t hart_##name(uint64_t index) { return atomic_load_word(&basic_harts[index].name); }   \
    INLINE void set_hart_##name(uint64_t index, uint32_t value) {                                        \
        atomic_store_word(&basic_harts[index].name, value);                                              \
    }
HART_WORD(task) HART_WORD(timer_interrupts) HART_WORD(software_interrupts) HART_WORD(external_interrupts)
HART_WORD(budget)
INLINE struct basic_hart *basic_hart_record(uint64_t index) { return &basic_harts[index]; }

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
void loop_of_base_calls(uint64_t count);
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
