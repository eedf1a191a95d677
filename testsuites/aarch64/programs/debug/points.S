// Breakpoints and watchpoints: which accesses match, at which level, and what the exceptions say (D2.9, D2.10).
#include "harness.h"

#define MDE (1 << 15)
#define KDE (1 << 13)
#define STATUS 0b100010
#define WNR (1 << 6)
// Of DBGBCR<n>_EL1 and DBGWCR<n>_EL1.
#define ENABLE 1
#define AT_EL1 (1 << 1)
#define AT_EL0 (2 << 1)
#define HMC (1 << 13)
#define BAS_CODE (0xf << 5)
#define LINKED(n) (1 << 20 | (n) << 16)
#define CONTEXT (2 << 20)
#define LOADS (1 << 3)
#define STORES (2 << 3)
#define BAS(bytes) ((bytes) << 5)
#define MASK(bits) ((bits) << 24)

.macro BREAK n, label, control
    ldr x28, =\label
    msr dbgbvr\n\()_el1, x28
    SET dbgbcr\n\()_el1, BAS_CODE | \control
.endm

.macro WATCH n, address, control
    ldr x28, =\address
    msr dbgwvr\n\()_el1, x28
    SET dbgwcr\n\()_el1, \control
.endm

.macro ACCESS level, address, instruction:vararg
    ldr x0, =\address
    BEGIN \level, 0x1c0
1:  \instruction
    END
.endm

.macro WATCHED text, iss, address
    EXPECT_EXCEPTION "\text", 1, EC_WATCHPOINT, STATUS | \iss
    EXPECT_RECORD "\text: FAR_EL1", FAR, \address
    EXPECT_RECORD "\text: ELR_EL1", ELR, 1b
.endm

PROGRAM "points"
    SET mdscr_el1, MDE | KDE

    // Breakpoints.
    BREAK 0, 1f, ENABLE | AT_EL0
    BEGIN EL0
    nop
1:  nop
    END
    EXPECT_EXCEPTION "D2.9: a breakpoint at EL0", 1, EC_BREAKPOINT_LOWER, STATUS
    EXPECT_ELR "a breakpoint comes before its instruction", 1b
    BREAK 0, 1f, ENABLE | AT_EL1
    BEGIN EL0
1:  nop
    END
    EXPECT_NONE "PMC is EL1: not at EL0"
    BREAK 0, 1f, ENABLE | AT_EL1
    BEGIN EL1, 0x1c0
1:  nop
    END
    EXPECT_EXCEPTION "a breakpoint at EL1", 1, EC_BREAKPOINT, STATUS
    BREAK 0, 1f, ENABLE | AT_EL1
    BEGIN EL1, 0x3c0
1:  nop
    END
    EXPECT_NONE "PSTATE.D masks it"
    BREAK 0, 1f, ENABLE | AT_EL1
    SET mdscr_el1, MDE
    BEGIN EL1, 0x1c0
1:  nop
    END
    EXPECT_NONE "EL1 without MDSCR_EL1.KDE"
    SET mdscr_el1, KDE
    BREAK 0, 1f, ENABLE | AT_EL0
    BEGIN EL0
1:  nop
    END
    EXPECT_NONE "without MDSCR_EL1.MDE"
    SET mdscr_el1, MDE | KDE
    BREAK 0, 1f, AT_EL0
    BEGIN EL0
1:  nop
    END
    EXPECT_NONE "DBGBCR0_EL1.E is clear"
    BREAK 3, 1f, ENABLE | AT_EL0 | AT_EL1
    SET mdcr_el2, 1 << 8
    BEGIN EL1, 0x3c0
1:  nop
    END
    EXPECT_EXCEPTION "MDCR_EL2.TDE: breakpoints of EL1 go to EL2", 2, EC_BREAKPOINT_LOWER, STATUS
    EXPECT_ELR "breakpoints of EL1 go to EL2", 1b
    SET mdcr_el2, 0
    SET dbgbcr3_el1, 0

    // Contexts: breakpoint 5 compares CONTEXTIDR_EL1.
    SET dbgbvr5_el1, 0x1234
    SET dbgbcr5_el1, CONTEXT | 1 << 20 | BAS_CODE | AT_EL0 | AT_EL1 | ENABLE
    SET contextidr_el1, 0x1234
    BREAK 0, 1f, ENABLE | AT_EL0 | LINKED(5)
    BEGIN EL0
1:  nop
    END
    EXPECT_EXCEPTION "D2.9.4: the linked context is the current one", 1, EC_BREAKPOINT_LOWER, STATUS
    SET contextidr_el1, 0x4321
    BREAK 0, 1f, ENABLE | AT_EL0 | LINKED(5)
    BEGIN EL0
1:  nop
    END
    EXPECT_NONE "the linked context is another one"
    SET dbgbcr0_el1, 0

    // Watchpoints.
    WATCH 0, PAGE(0) + 8, ENABLE | AT_EL1 | LOADS | STORES | BAS(0xff)
    ACCESS EL1, PAGE(0) + 8, ldr x1, [x0]
    WATCHED "D2.10: a read of a watched doubleword", 0, PAGE(0) + 8
    ACCESS EL1, PAGE(0) + 12, strb w1, [x0]
    WATCHED "a write of one of its bytes", WNR, PAGE(0) + 12
    ACCESS EL1, PAGE(0), ldr x1, [x0]
    EXPECT_NONE "the doubleword before it"
    ACCESS EL1, PAGE(0) + 16, ldr x1, [x0]
    EXPECT_NONE "the doubleword behind it"
    ACCESS EL1, PAGE(0) + 4, ldr x1, [x0]
    WATCHED "an access that reaches into it", 0, PAGE(0) + 8
    ACCESS EL1, PAGE(0), ldp x1, x2, [x0]
    WATCHED "a pair of which it is one half", 0, PAGE(0) + 8
    ACCESS EL1, PAGE(0), stp q0, q1, [x0]
    WATCHED "a pair of vectors", WNR, PAGE(0) + 8
    ACCESS EL0, PAGE(0) + 8, ldr x1, [x0]
    EXPECT_NONE "PAC is EL1: not at EL0"
    ACCESS EL1, PAGE(0) + 8, ldtr x1, [x0]
    EXPECT_NONE "D2.10.3: LDTR is EL0's access"
    WATCH 0, PAGE(0) + 8, ENABLE | AT_EL0 | LOADS | STORES | BAS(0xff)
    ACCESS EL1, PAGE(0) + 8, sttr x1, [x0]
    WATCHED "D2.10.3: STTR matches EL0's", WNR, PAGE(0) + 8
    WATCH 0, PAGE(0) + 8, ENABLE | AT_EL0 | LOADS | STORES | BAS(0xff)
    ACCESS EL0, PAGE(0) + 8, ldr x1, [x0]
    EXPECT_EXCEPTION "a watchpoint at EL0", 1, EC_WATCHPOINT_LOWER, STATUS
    WATCH 0, PAGE(0) + 8, ENABLE | AT_EL1 | STORES | BAS(0x0c)
    ACCESS EL1, PAGE(0) + 8, ldr x1, [x0]
    EXPECT_NONE "LSC is stores: a load"
    ACCESS EL1, PAGE(0) + 8, strh w1, [x0]
    EXPECT_NONE "BAS has two bytes: those before"
    ACCESS EL1, PAGE(0) + 10, strh w1, [x0]
    WATCHED "BAS has two bytes: these", WNR, PAGE(0) + 10
    ACCESS EL1, PAGE(0) + 8, str x1, [x0]
    WATCHED "BAS has two bytes: all of the doubleword", WNR, PAGE(0) + 10
    WATCH 0, PAGE(0) + 8, ENABLE | AT_EL1 | LOADS | STORES | BAS(0xff)
    ACCESS EL1, PAGE(0) + 8, ldadd x1, x2, [x0]
    WATCHED "D19.2.37: an atomic access that is read first is a read", 0, PAGE(0) + 8
    WATCH 0, PAGE(0) + 8, ENABLE | AT_EL1 | STORES | BAS(0xff)
    ACCESS EL1, PAGE(0) + 8, ldadd x1, x2, [x0]
    WATCHED "an atomic access that is watched for stores", WNR, PAGE(0) + 8
    WATCH 0, PAGE(0), ENABLE | AT_EL1 | LOADS | BAS(0xff) | MASK(8)
    ACCESS EL1, PAGE(0) + 0xff, ldrb w1, [x0]
    WATCHED "MASK: the last byte of 256", 0, PAGE(0) + 0xff
    ACCESS EL1, PAGE(0) + 0x100, ldrb w1, [x0]
    EXPECT_NONE "MASK: the byte behind them"
    WATCH 0, PAGE(1), ENABLE | AT_EL1 | LOADS | BAS(1)
    ACCESS EL1, PAGE(0) + 0xffc, ldr x1, [x0]
    WATCHED "an access that reaches into the next page", 0, PAGE(1)
    SET mdcr_el2, 1 << 8
    WATCH 0, PAGE(1), ENABLE | AT_EL1 | AT_EL0 | LOADS | BAS(1)
    ACCESS EL0, PAGE(1), ldrb w1, [x0]
    EXPECT_EXCEPTION "MDCR_EL2.TDE: watchpoints go to EL2", 2, EC_WATCHPOINT_LOWER, STATUS
    EXPECT_RECORD "watchpoints go to EL2: FAR_EL2", FAR, PAGE(1)
    SET mdcr_el2, 0
    SET dbgwcr0_el1, 0
    DONE
