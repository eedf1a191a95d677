// Zihintpause, Zihintntl and Zawrs: instructions that may take time and change nothing (chapters 9, 10 and 15).
#include "unprivileged/instructions.h"
    .option arch, +zihintpause, +zihintntl, +zawrs
PROGRAM "hints"

    // PAUSE is FENCE with predecessor W and an empty successor; NTL are ADD to x0. Every hart runs them.
    li   a0, 0x1234
    BEGIN U
    pause
    ntl.p1
    ld   zero, 0(gp)
    ntl.pall
    ld   zero, 0(gp)
    ntl.s1
    ld   zero, 0(gp)
    ntl.all
    ld   zero, 0(gp)
    c.ntl.p1
    c.ntl.pall
    c.ntl.s1
    c.ntl.all
    END
    EXPECT_NO_TRAP "9, 10: PAUSE and NTL run in every mode"
    EXPECT "9, 10: PAUSE and NTL change no register", a0, 0x1234

    li   s2, PAGE(0)
    NEED "Zawrs", end, wrs.sto
    sd   zero, (s2)
    lr.d a1, (s2)
    wrs.sto
    ld   a2, (s2)
    EXPECT "15: WRS.STO comes to an end with a valid reservation", a2, 0
    sc.d a1, zero, (s2)
    sc.d a1, zero, (s2)                 // no reservation is left
    BEGIN M
    wrs.nto
    wrs.sto
    END
    EXPECT_NO_TRAP "15: WRS.NTO and WRS.STO do not wait without a reservation"
    BEGIN M
    lr.w a1, (s2)
    wrs.sto
    END
    EXPECT_NO_TRAP "15: WRS.STO does not trap in M-mode"
    li   a0, STATUS_TW
    csrs mstatus, a0
    BEGIN U
    wrs.sto
    END
    EXPECT_NO_TRAP "15: WRS.STO does not heed mstatus.TW"
    csrc mstatus, a0
end:
    DONE
