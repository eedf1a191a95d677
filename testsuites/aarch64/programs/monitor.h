// For programs of EL3, in place of harness.h: they start at EL3 (`--machine aarch64-virt,secure=on`), where their checks are
// made, and blocks run at EL0 to EL3. EL0 to EL2 are in Non-secure state, with nothing trapped, until SCR_EL3 is SET.
#pragma once

#define HOME_IS_EL3

#define SCR_NS (1 << 0)
#define SCR_IRQ (1 << 1)
#define SCR_FIQ (1 << 2)
#define SCR_EA (1 << 3)
#define SCR_SMD (1 << 7)
#define SCR_HCE (1 << 8)
#define SCR_SIF (1 << 9)
#define SCR_RW (1 << 10)
#define SCR_ST (1 << 11)
#define SCR_TWI (1 << 12)
#define SCR_TWE (1 << 13)
#define SCR_TLOR (1 << 14)
#define SCR_TERR (1 << 15)
#define SCR_APK (1 << 16)
#define SCR_API (1 << 17)
#define SCR_ENSCXT (1 << 25)
// Nothing is trapped, in either state.
#define SECURE (3 << 4 | SCR_HCE | SCR_RW | SCR_ST | SCR_APK | SCR_API | SCR_ENSCXT)
#define NONSECURE (SECURE | SCR_NS)

#define SCTLR_EL3_RES1 0x30c50830

#define SECURE_RAM 0x0e000000

#include "harness.h"
