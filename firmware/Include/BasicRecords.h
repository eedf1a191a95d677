// Records that the basic guest's boot assembly shares with its Swift, on all architectures. Behind the architecture's header,
// which has atomic words.
#pragma once

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
    uint64_t cause;        ///< scause or ESR_EL1.EC, or all ones where nothing trapped
    uint64_t value;        ///< stval or FAR_EL1
    uint64_t pc;           ///< sepc or ELR_EL1
    uint64_t status;       ///< sstatus in the trap, or SPSR_EL1
    uint64_t result;       ///< what was loaded or returned
};
_Static_assert(offsetof(struct basic_trap, landing) == TRAP_LANDING, "TRAP_LANDING");
_Static_assert(offsetof(struct basic_trap, instruction) == TRAP_INSTRUCTION, "TRAP_INSTRUCTION");
_Static_assert(offsetof(struct basic_trap, cause) == TRAP_CAUSE, "TRAP_CAUSE");
_Static_assert(offsetof(struct basic_trap, pc) == TRAP_PC, "TRAP_PC");
_Static_assert(offsetof(struct basic_trap, result) == TRAP_RESULT, "TRAP_RESULT");

/// A hart of the device tree. The boot hart is the first.
struct basic_hart {
    uint64_t identifier;       ///< its hart number, or affinity
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
#endif
