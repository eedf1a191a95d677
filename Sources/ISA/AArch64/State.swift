import ISA

/// AArch64: the A64 instructions of ARMv8.5-A that `AArch64.Features` lists.
///
/// Manual: *Arm Architecture Reference Manual for A-profile architecture*, DDI 0487. Section names in comments are its.
public enum AArch64 {
    /// Register numbers in the state block: x0 to x30, a register that is always 0, the sink for writes to XZR
    /// (``DecodedSlot/sink``), and the stack pointer of the current level.
    static let zeroRegister: UInt8 = 31
    static let stackPointer: UInt8 = 33
    /// X30, which BL and BLR set.
    static let linkRegister: UInt8 = 30

    /// A processing element's architectural state: one raw block.
    ///
    /// Registers that exist once an exception level are arrays, found by the level's number: `esr[2]` is ESR_EL2. What
    /// an encoding means where EL2 redirects EL1's names to its own registers (FEAT_VHE) is in SystemRegisters.swift.
    public struct State {
        public var core: CoreState
        /// PSTATE but for NZCV, which `core.flags` keeps, in the layout of SPSR_ELx (C5.2.18): M[4:0], F, I, A, D, BTYPE,
        /// SSBS, IL, SS, PAN, UAO and DIT. At reset EL1h, EL2h or EL3h, with everything masked.
        public var pstate: UInt64 = PSTATE.daif | PSTATE.el1h
        /// The PE waits for an interrupt (WFI) or an event (WFE).
        public var waiting = false
        /// What it waits for is an event.
        public var waitsForEvent = false
        /// The event register (D1.6.1).
        public var event = false
        /// PSCI or the machine has it off.
        public var halted = false
        /// Interrupts that wires hold: ``Interrupt``'s bits.
        public var lines: UInt64 = 0

        // MARK: One for each exception level
        /// SP_ELx, but for the one that is selected, which is register 33.
        public var sp: InlineArray<4, UInt64> = .init(repeating: 0)
        public var elr: InlineArray<4, UInt64> = .init(repeating: 0)
        public var spsr: InlineArray<4, UInt64> = .init(repeating: 0)
        public var esr: InlineArray<4, UInt64> = .init(repeating: 0)
        public var far: InlineArray<4, UInt64> = .init(repeating: 0)
        public var vbar: InlineArray<4, UInt64> = .init(repeating: 0)
        public var sctlr: InlineArray<4, UInt64> = .init(repeating: 0)
        public var ttbr0: InlineArray<4, UInt64> = .init(repeating: 0)
        public var ttbr1: InlineArray<4, UInt64> = .init(repeating: 0)
        public var tcr: InlineArray<4, UInt64> = .init(repeating: 0)
        public var mair: InlineArray<4, UInt64> = .init(repeating: 0)
        public var contextidr: InlineArray<4, UInt64> = .init(repeating: 0)
        public var tpidr: InlineArray<4, UInt64> = .init(repeating: 0)

        // MARK: EL0 and EL1
        public var tpidrro: UInt64 = 0
        public var cpacr: UInt64 = 0
        public var csselr: UInt64 = 0
        public var par: UInt64 = 0
        public var cntkctl: UInt64 = 0
        public var scxtnumEL0: UInt64 = 0
        public var scxtnumEL1: UInt64 = 0
        public var scxtnumEL2: UInt64 = 0
        /// Where RNDR's numbers come from.
        public var random: UInt64 = 0
        /// Not 0 since a guarded page was fetched from.
        public var guards: UInt64 = 0
        /// The keys of pointer authentication, low half first: IA, IB, DA, DB, GA.
        public var keys: InlineArray<10, UInt64> = .init(repeating: 0)

        // MARK: EL2
        public var hcr: UInt64 = 0
        public var cptr: UInt64 = 0x33ff
        public var mdcr: UInt64 = 0
        public var hstr: UInt64 = 0
        public var cnthctl: UInt64 = 0
        public var hpfar: UInt64 = 0
        public var vttbr: UInt64 = 0
        public var vtcr: UInt64 = 0
        public var vpidr: UInt64 = 0
        public var vmpidr: UInt64 = 0
        public var vsesr: UInt64 = 0
        public var vncr: UInt64 = 0
        /// ICH_HCR_EL2 as it was written last: the interrupt controller has it, and here are its traps.
        public var ichHCR: UInt64 = 0
        public var vdisr: UInt64 = 0
        public var disr: UInt64 = 0
        public var dacr32: UInt64 = 0
        public var ifsr32: UInt64 = 0
        public var fpexc32: UInt64 = 0x700

        // MARK: Generic timer (D11)
        public var cntfrq: UInt64 = 0
        public var cntvoff: UInt64 = 0
        /// Control and compare value of each timer, by ``GenericTimer``'s numbers.
        public var timerControl: InlineArray<5, UInt64> = .init(repeating: 0)
        public var timerCompare: InlineArray<5, UInt64> = .init(repeating: 0)

        // MARK: Debug (D2, H)
        public var mdscr: UInt64 = 0
        public var osLock = true
        public var osDoubleLock: UInt64 = 0
        public var mdccint: UInt64 = 0
        public var oseccr: UInt64 = 0
        public var dbgprcr: UInt64 = 0
        public var osdtrrx: UInt64 = 0
        public var osdtrtx: UInt64 = 0
        public var dbgbvr: InlineArray<16, UInt64> = .init(repeating: 0)
        public var dbgbcr: InlineArray<16, UInt64> = .init(repeating: 0)
        public var dbgwvr: InlineArray<16, UInt64> = .init(repeating: 0)
        public var dbgwcr: InlineArray<16, UInt64> = .init(repeating: 0)
        public var dbgclaim: UInt64 = 0

        // MARK: Performance monitors (D12)
        public var pmcr: UInt64 = 0
        public var pmcntenset: UInt64 = 0
        public var pmintenset: UInt64 = 0
        public var pmovsset: UInt64 = 0
        public var pmselr: UInt64 = 0
        public var pmuserenr: UInt64 = 0
        public var pmccfiltr: UInt64 = 0
        public var pmccntr: UInt64 = 0
        public var pmevcntr: InlineArray<31, UInt64> = .init(repeating: 0)
        public var pmevtyper: InlineArray<31, UInt64> = .init(repeating: 0)
        /// The PE's own counts when the counters were last brought up to date.
        public var monitoredExecuted: UInt64 = 0
        public var monitoredRetired: UInt64 = 0
        /// A counter counts, at some level: then they are brought up to date at each change of it.
        public var monitorsAreActive = false

        /// For each level, the translation context that is to be selected there, as far as that is known; 0 where it has to
        /// be looked for.
        public var contexts: InlineArray<8, UInt64> = .init(repeating: 0)
        /// Not 0 for each level that may use floating point.
        public var floatLevels: InlineArray<4, UInt8> = .init(repeating: 0)

        // MARK: EL3
        public var scr: UInt64 = 0
        public var cptrEL3: UInt64 = 0
        public var mdcrEL3: UInt64 = 0
        public var scxtnumEL3: UInt64 = 0

        public init(core: CoreState) { self.core = core }
    }

    /// Bits of PSTATE in the layout of SPSR_ELx (C5.2.18).
    public enum PSTATE {
        public static let mode: UInt64 = 0x1f
        public static let spSelect: UInt64 = 1 << 0
        public static let level: UInt64 = 3 << 2
        public static let aarch32: UInt64 = 1 << 4
        public static let fiqMask: UInt64 = 1 << 6
        public static let irqMask: UInt64 = 1 << 7
        public static let errorMask: UInt64 = 1 << 8
        public static let debugMask: UInt64 = 1 << 9
        public static let daif: UInt64 = 0xf << 6
        public static let branchType: UInt64 = 3 << 10
        public static let ssbs: UInt64 = 1 << 12
        public static let illegal: UInt64 = 1 << 20
        public static let softwareStep: UInt64 = 1 << 21
        public static let pan: UInt64 = 1 << 22
        public static let uao: UInt64 = 1 << 23
        public static let dit: UInt64 = 1 << 24
        public static let nzcv: UInt64 = 0xf << 28
        /// What may have the next instruction refused, whatever it is or for what it is.
        static let marks = illegal | branchType
        public static let el1h: UInt64 = 5
        public static let el2h: UInt64 = 9

        /// Bits that are there with features.
        static func optional(_ features: Features) -> UInt64 {
            (features.contains(.pan) ? pan : 0) | (features.contains(.uao) ? uao : 0)
                | (features.contains(.dit) ? dit : 0) | (features.contains(.ssbs) ? ssbs : 0)
        }
    }

    /// What wires tell a PE: bits of ``State/lines``.
    public enum Interrupt {
        public static let irq: UInt64 = 1 << 0
        public static let fiq: UInt64 = 1 << 1
        /// From the virtual interfaces of the interrupt controller; HCR_EL2.VI and VF are beside them.
        public static let virtualIRQ: UInt64 = 1 << 2
        public static let virtualFIQ: UInt64 = 1 << 3
        /// From a GICv3 with two Security states: an interrupt of Secure Group 1, and of the other one, each of which is an
        /// IRQ in its own state below EL3, and else an FIQ.
        public static let secureGroup1: UInt64 = 1 << 4
        public static let nonSecureGroup1: UInt64 = 1 << 5
        static let physical = irq | fiq | secureGroup1 | nonSecureGroup1
    }

    /// The timers of a PE, by the place of their registers in ``State``.
    public enum GenericTimer: Int, CaseIterable, Sendable {
        case physical, virtual, hypervisor, hypervisorVirtual
        /// CNTPS, of Secure EL1 and EL3.
        case securePhysical
    }
}
