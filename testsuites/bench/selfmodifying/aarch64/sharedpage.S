// Data on the page of the code that stores to it: a loop of 10000 stores and loads a round, to a word that lies in the
// same 4 KiB as the loop and not in the same 64 bytes. In `ownpage` the word has a page to itself. The checksum is
// x1 = 33 x1 + the word.

#include "system.h"
.equ EVENTS, 10000

.text
.balign 4096
bench:
    COUNTED_EVENTS(EVENTS)
    mov     x1, 0
    ldr     x2, =EVENTS
    ldr     x3, =word

.balign 64
next:
    str     x2, [x3]
    ldr     x4, [x3]
    FOLD(x4)
    subs    x2, x2, 1
    b.ne    next

    mov     x0, x1
    ret
    .ltorg

#ifdef OWN_PAGE
.bss
.balign 4096
word: .skip 4096
#else
.skip 2048
word: .quad 0
.balign 4096
#endif
