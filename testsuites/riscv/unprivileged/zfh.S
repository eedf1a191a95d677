// Zfh: half precision (chapter 23). Loads, moves and conversions alone are in zfhmin.S.
#define WIDTH 16
#define SIGN 0x8000
#define BOX 0xffffffffffff0000
#define ONE 0xffffffffffff3c00
#define INFINITY 0x7c00
#define QUIET 0xffffffffffff7e00
#define FADD 0x04b50553
#include "unprivileged/floating.h"
    .option arch, +zfh
PROGRAM "zfh"
    csrwi fcsr, 0
    NEED "Zfh", end, fadd.h fa0, fa0, fa0

    STICKY h
    RESERVED_MODES h
    ARITHMETIC h, half
    RULES h
end:
    DONE

    .section .rodata
    .balign 8
specials:
    .incbin "half_specials.bin"
specials_end:
