/* Numbers of the RISC-V privileged architecture that the system benchmarks use. */
#define RAM 0x80000000
#define WINDOW 0x90000000                  /* where the 16 pages of a set are mapped */
#define GOLDEN 0x9e3779b97f4a7c15

#define CAUSE_ILLEGAL_INSTRUCTION 2
#define CAUSE_USER_CALL 8
#define CAUSE_SUPERVISOR_CALL 9
#define CAUSE_VIRTUAL_SUPERVISOR_CALL 10
#define CAUSE_LOAD_PAGE_FAULT 13
#define CAUSE_STORE_GUEST_PAGE_FAULT 23
#define INTERRUPT_SUPERVISOR_SOFTWARE (1 << 63 | 1)

#define PTE_V 0x01
#define PTE_R 0x02
#define PTE_W 0x04
#define PTE_X 0x08
#define PTE_U 0x10
#define PTE_A 0x40
#define PTE_D 0x80
#define PTE_DATA (PTE_V | PTE_R | PTE_W | PTE_A | PTE_D)
#define PTE_CODE (PTE_DATA | PTE_X)

#define SV39 8                             /* satp.MODE, vsatp.MODE; Sv39x4 in hgatp.MODE */

/* The hypervisor's registers by number, for assemblers that are not told of the extension. */
#define HSTATUS 0x600
#define HGATP 0x680
#define VSATP 0x280
#define HSTATUS_SPV 0x80
#define HSTATUS_SPVP 0x100
#define HIDELEG 0x603
#define HTVAL 0x643
#define HVIP 0x645
#define HTINST 0x64a
#define VSSTATUS 0x200
#define VSIE 0x204
#define VSTVEC 0x205
#define VS_SOFTWARE (1 << 2)               /* in hideleg, hvip */

#define SSTATUS_SIE (1 << 1)
#define SSTATUS_SPP (1 << 8)
#define SSTATUS_SUM (1 << 18)
#define SUPERVISOR_SOFTWARE (1 << 1)       /* in sie, sip, vsie */

/* The beginning of a program that counts `n` events a round. */
#define COUNTED_EVENTS(n) .globl bench; la t0, bench_events; ld t1, 0(t0); li t2, n; add t1, t1, t2; sd t1, 0(t0)

/* One step of every checksum: a1 = 33 a1 + value, by way of scratch. */
#define FOLD(value, scratch) slli scratch, a1, 5; add a1, a1, scratch; add a1, a1, value

/* A trap handler's beginning and end: t6 and sscratch exchange, t0 is saved in the context; n (t6 + 8) is counted down
   and `last` is reached when it comes to zero. */
#define ENTER csrrw t6, sscratch, t6; sd t0, 0(t6)
#define NEXT_INSTRUCTION csrr t0, sepc; addi t0, t0, 4; csrw sepc, t0
#define COUNT(last) ld t0, 8(t6); addi t0, t0, -1; sd t0, 8(t6); beqz t0, last; mv a0, t0
#define LEAVE ld t0, 0(t6); csrrw t6, sscratch, t6; sret
