// Data on the page of the code that stores to it: a loop of 10000 stores and loads a round, to a word that lies in the
// same 4 KiB as the loop and not in the same 64 bytes. In `ownpage` the word has a page to itself. The checksum is
// a1 = 33 a1 + the word.

#include "system.h"
.option norelax
.option norvc
.equ EVENTS, 10000

.text
.balign 4096
bench:
    COUNTED_EVENTS(EVENTS)
    li      a1, 0
    li      a2, EVENTS
    la      t0, word

.balign 64
next:
    sd      a2, 0(t0)
    ld      t1, 0(t0)
    FOLD(t1, t2)
    addi    a2, a2, -1
    bnez    a2, next

    mv      a0, a1
    ret

#ifdef OWN_PAGE
.bss
.balign 4096
word: .skip 4096
#else
.skip 2048
word: .dword 0
.balign 4096
#endif
