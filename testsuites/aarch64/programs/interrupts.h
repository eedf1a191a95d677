// What programs of interrupts with EL3 have, whichever interrupt controller there is.
#pragma once

.macro PUT base, offset, value
    ldr x0, =(\base + \offset)
    ldr w1, =(\value)
    str w1, [x0]
.endm

.macro GET register, base, offset
    ldr x0, =(\base + \offset)
    ldr w\register, [x0]
.endm

// The same, at Non-secure EL1.
.macro NS_PUT base, offset, value
    BEGIN EL1
    PUT \base, \offset, \value
    END
.endm

.macro NS_GET register, base, offset
    BEGIN EL1
    GET \register, \base, \offset
    END
.endm

// In the state that SCR_EL3 is set to, a level waits a little for what is pending.
.macro INTERRUPTED text, at, state, level, vector
    BEGIN \at, \state
    .rept 8
    nop
    .endr
    END
    EXPECT_RECORD "\text: the level that takes it", LEVEL, \level
    .if \level
    EXPECT_RECORD "\text: the vector", VECTOR, \vector
    .endif
.endm
