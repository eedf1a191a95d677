// Names and numbers of the RISC-V privileged architecture that the programs use: modes, causes, fields and PTE bits.
// Each is the standard's own name; the CSRs themselves are known to the assembler.
#pragma once

// Levels, as the trap recorder writes them.
.set LEVEL_NONE, 0
.set LEVEL_VS, 1
.set LEVEL_HS, 2
.set LEVEL_S, 2
.set LEVEL_M, 3

// Exception causes (3.1.15, 19.6.1).
#define CAUSE_MISALIGNED_FETCH 0
#define CAUSE_FETCH_ACCESS 1
#define CAUSE_ILLEGAL_INSTRUCTION 2
#define CAUSE_BREAKPOINT 3
#define CAUSE_MISALIGNED_LOAD 4
#define CAUSE_LOAD_ACCESS 5
#define CAUSE_MISALIGNED_STORE 6
#define CAUSE_STORE_ACCESS 7
#define CAUSE_ECALL_U 8
#define CAUSE_ECALL_S 9
#define CAUSE_ECALL_VS 10
#define CAUSE_ECALL_M 11
#define CAUSE_FETCH_PAGE_FAULT 12
#define CAUSE_LOAD_PAGE_FAULT 13
#define CAUSE_STORE_PAGE_FAULT 15
#define CAUSE_FETCH_GUEST_PAGE_FAULT 20
#define CAUSE_LOAD_GUEST_PAGE_FAULT 21
#define CAUSE_VIRTUAL_INSTRUCTION 22
#define CAUSE_STORE_GUEST_PAGE_FAULT 23

// Interrupts, by number; their bits in mip, mie, sip, ... and their causes.
#define IRQ_SSI 1
#define IRQ_VSSI 2
#define IRQ_MSI 3
#define IRQ_STI 5
#define IRQ_VSTI 6
#define IRQ_MTI 7
#define IRQ_SEI 9
#define IRQ_VSEI 10
#define IRQ_MEI 11
#define IRQ_SGEI 12
#define IRQ_LCOFI 13
#define SSIP (1 << 1)
#define VSSIP (1 << 2)
#define MSIP (1 << 3)
#define STIP (1 << 5)
#define VSTIP (1 << 6)
#define MTIP (1 << 7)
#define SEIP (1 << 9)
#define VSEIP (1 << 10)
#define MEIP (1 << 11)
#define SGEIP (1 << 12)
#define LCOFIP (1 << 13)
#define INTERRUPT(n) (0x8000000000000000 + (n))

// mstatus and sstatus (3.1.6, 10.1.1, 19.4.1).
#define STATUS_SIE (1 << 1)
#define STATUS_MIE (1 << 3)
#define STATUS_SPIE (1 << 5)
#define STATUS_UBE (1 << 6)
#define STATUS_MPIE (1 << 7)
#define STATUS_SPP (1 << 8)
#define STATUS_VS (3 << 9)
#define STATUS_MPP (3 << 11)
#define STATUS_MPP_S (1 << 11)
#define STATUS_MPP_M (3 << 11)
#define STATUS_FS (3 << 13)
#define STATUS_FS_INITIAL (1 << 13)
#define STATUS_FS_CLEAN (2 << 13)
#define STATUS_XS (3 << 15)
#define STATUS_MPRV (1 << 17)
#define STATUS_SUM (1 << 18)
#define STATUS_MXR (1 << 19)
#define STATUS_TVM (1 << 20)
#define STATUS_TW (1 << 21)
#define STATUS_TSR (1 << 22)
#define STATUS_SPELP (1 << 23)
#define STATUS_SDT (1 << 24)
#define STATUS_UXL (3 << 32)
#define STATUS_SXL (3 << 34)
#define STATUS_SBE (1 << 36)
#define STATUS_MBE (1 << 37)
#define STATUS_GVA (1 << 38)
#define STATUS_MPV (1 << 39)
#define STATUS_MDT (1 << 42)
#define STATUS_SD (1 << 63)

// hstatus (19.2.1).
#define HSTATUS_VSBE (1 << 5)
#define HSTATUS_GVA (1 << 6)
#define HSTATUS_SPV (1 << 7)
#define HSTATUS_SPVP (1 << 8)
#define HSTATUS_HU (1 << 9)
#define HSTATUS_VGEIN (0x3f << 12)
#define HSTATUS_VTVM (1 << 20)
#define HSTATUS_VTW (1 << 21)
#define HSTATUS_VTSR (1 << 22)
#define HSTATUS_VSXL (3 << 32)

// menvcfg, senvcfg, henvcfg (3.1.18, 10.1.10, 19.2.5).
#define ENVCFG_FIOM (1 << 0)
#define ENVCFG_CBIE (3 << 4)
#define ENVCFG_CBIE_FLUSH (1 << 4)
#define ENVCFG_CBCFE (1 << 6)
#define ENVCFG_CBZE (1 << 7)
#define ENVCFG_ADUE (1 << 61)
#define ENVCFG_PBMTE (1 << 62)
#define ENVCFG_STCE (1 << 63)

// Counter-enable bits (3.1.11).
#define COUNTEREN_CY 1
#define COUNTEREN_TM 2
#define COUNTEREN_IR 4

// satp, vsatp and hgatp modes (10.1.11, 19.2.10).
#define BARE 0
#define SV39 8
#define SV48 9
#define SV57 10
#define ATP(mode, id, root) (((mode) << 60) | ((id) << 44) | ((root) >> 12))

// Page-table entries (10.4.1).
#define PTE_V 0x01
#define PTE_R 0x02
#define PTE_W 0x04
#define PTE_X 0x08
#define PTE_U 0x10
#define PTE_G 0x20
#define PTE_A 0x40
#define PTE_D 0x80
#define PTE_AD (PTE_A | PTE_D)
#define PTE_RWX (PTE_R | PTE_W | PTE_X)
#define PTE_S_ALL (PTE_V | PTE_RWX | PTE_AD)
#define PTE_U_ALL (PTE_S_ALL | PTE_U)
#define PTE_PBMT_NC (1 << 61)
#define PTE_PBMT_IO (2 << 61)
#define PTE_PBMT_RESERVED (3 << 61)
#define PTE_N (1 << 63)
#define PTE(pa, flags) ((((pa) >> 12) << 10) | (flags))

// PMP configuration (3.7.1).
#define PMP_R 0x01
#define PMP_W 0x02
#define PMP_X 0x04
#define PMP_TOR 0x08
#define PMP_NA4 0x10
#define PMP_NAPOT 0x18
#define PMP_L 0x80

// misa bits (3.1.1).
#define MISA(letter) (1 << ((letter) - 'A'))

// The machine: what both boards (QEMU virt, Orrery) and Spike have in common.
#define UART 0x10000000
#define TEST_DEVICE 0x100000
#define CLINT_MSIP 0x2000000
#define CLINT_MTIMECMP 0x2004000
#define CLINT_MTIME 0x200bff8
#define RAM 0x80000000
