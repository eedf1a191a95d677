/// RISC-V: RV64GC with the H extension and what `RISCV.Features` lists.
///
/// Manuals: *The RISC-V Instruction Set Manual*, volumes I (Unprivileged) and II (Privileged), ratified 2024-04 and later.
/// Section names in comments are those of volume II unless they say otherwise.
public enum RISCV {
    /// Register numbers in the state block: x0 to x31, the sink for writes to x0, then f0 to f31.
    static let firstFloatRegister: UInt8 = 40

    /// Privilege levels as mstatus.MPP encodes them. With the H extension, U and S exist twice (V=0 and V=1).
    public enum Privilege: UInt8, Sendable {
        case user = 0, supervisor = 1, machine = 3
    }

    /// A hart's architectural state: one raw block.
    public struct State {
        public var core: CoreState
        public var privilege: Privilege = .machine
        /// The V bit: the hart is in VS or VU.
        public var virtual = false
        /// The hart waits for an interrupt (WFI).
        public var waiting = false
        /// The hart was told to stop by the machine (power-off).
        public var halted = false

        // MARK: Machine level
        public var mstatus: UInt64 = 0xa_0000_0000
        public var medeleg: UInt64 = 0
        public var mideleg: UInt64 = 0
        public var mie: UInt64 = 0
        /// Pending bits that software wrote.
        public var mip: UInt64 = 0
        /// Pending bits that wires hold: MSIP, MTIP, MEIP, SEIP, and STIP and VSTIP of Sstc's comparators.
        public var lines: UInt64 = 0
        public var mtvec: UInt64 = 0
        public var mcounteren: UInt64 = 0
        public var mcountinhibit: UInt64 = 0
        public var mscratch: UInt64 = 0
        public var mepc: UInt64 = 0
        public var mcause: UInt64 = 0
        public var mtval: UInt64 = 0
        public var mtval2: UInt64 = 0
        public var mtinst: UInt64 = 0
        public var menvcfg: UInt64 = 0
        public var mseccfg: UInt64 = 0
        public var mstateen: InlineArray<4, UInt64> = .init(repeating: 0)
        public var pmpcfg: InlineArray<16, UInt8> = .init(repeating: 0)
        public var pmpaddr: InlineArray<16, UInt64> = .init(repeating: 0)

        // MARK: Supervisor level
        public var stvec: UInt64 = 0
        public var scounteren: UInt64 = 0
        public var sscratch: UInt64 = 0
        public var sepc: UInt64 = 0
        public var scause: UInt64 = 0
        public var stval: UInt64 = 0
        public var satp: UInt64 = 0
        public var senvcfg: UInt64 = 0
        public var stimecmp: UInt64 = ~0
        public var sstateen: InlineArray<4, UInt64> = .init(repeating: 0)

        // MARK: Hypervisor
        public var hstatus: UInt64 = 2 << 32
        public var hedeleg: UInt64 = 0
        public var hideleg: UInt64 = 0
        public var hcounteren: UInt64 = 0
        public var htimedelta: UInt64 = 0
        public var htval: UInt64 = 0
        public var htinst: UInt64 = 0
        public var hgatp: UInt64 = 0
        public var henvcfg: UInt64 = 0
        public var hstateen: InlineArray<4, UInt64> = .init(repeating: 0)

        // MARK: Virtual supervisor level
        public var vsstatus: UInt64 = 2 << 32
        public var vstvec: UInt64 = 0
        public var vsscratch: UInt64 = 0
        public var vsepc: UInt64 = 0
        public var vscause: UInt64 = 0
        public var vstval: UInt64 = 0
        public var vsatp: UInt64 = 0
        public var vstimecmp: UInt64 = ~0

        // MARK: Counters: what software's value is ahead of the hart's own counts
        public var mcycleOffset: UInt64 = 0
        public var minstretOffset: UInt64 = 0
        public var mhpmcounter: InlineArray<32, UInt64> = .init(repeating: 0)
        public var mhpmevent: InlineArray<32, UInt64> = .init(repeating: 0)
        /// Executed and retired counts when the programmable counters were last brought up to date.
        public var hpmExecuted: UInt64 = 0
        public var hpmRetired: UInt64 = 0

        /// For each level (``Hart/place``), the translation context that is to be selected there, as far as that is known;
        /// 0 where it has to be looked for. Behind a supervisor's stands the one for the other value of SUM.
        public var contexts: InlineArray<8, UInt64> = .init(repeating: 0)

        public init(core: CoreState) {
            self.core = core
        }
    }

    /// What a hart implements beyond RV64GC with M, S and U modes. Each name is that of the device tree's ISA string.
    public struct Features: OptionSet, Sendable {
        public let rawValue: UInt64
        public init(rawValue: UInt64) { self.rawValue = rawValue }
        public static let h = Features(rawValue: 1 << 0)
        public static let zba = Features(rawValue: 1 << 1)
        public static let zbb = Features(rawValue: 1 << 2)
        public static let zbc = Features(rawValue: 1 << 3)
        public static let zbs = Features(rawValue: 1 << 4)
        public static let zicond = Features(rawValue: 1 << 5)
        public static let zicbom = Features(rawValue: 1 << 6)
        public static let zicboz = Features(rawValue: 1 << 7)
        public static let zicbop = Features(rawValue: 1 << 8)
        public static let zihintpause = Features(rawValue: 1 << 9)
        public static let zawrs = Features(rawValue: 1 << 10)
        public static let zfhmin = Features(rawValue: 1 << 11)
        public static let zfh = Features(rawValue: 1 << 12)
        public static let zacas = Features(rawValue: 1 << 13)
        public static let svnapot = Features(rawValue: 1 << 14)
        public static let svpbmt = Features(rawValue: 1 << 15)
        public static let svinval = Features(rawValue: 1 << 16)
        public static let svadu = Features(rawValue: 1 << 17)
        public static let sstc = Features(rawValue: 1 << 18)
        public static let sscofpmf = Features(rawValue: 1 << 19)
        public static let smstateen = Features(rawValue: 1 << 20)
        public static let sv48 = Features(rawValue: 1 << 21)
        public static let sv57 = Features(rawValue: 1 << 22)
        /// Misaligned loads and stores work; without it they trap.
        public static let misaligned = Features(rawValue: 1 << 23)

        public static let zbkb = Features(rawValue: 1 << 24)
        public static let zbkx = Features(rawValue: 1 << 25)

        public static let all = Features(rawValue: 1 << 26 - 1)

        /// Names as users and ISA strings write them, in the canonical order of an ISA string.
        public static let names: [(name: String, feature: Features)] = [
            ("h", .h), ("zicbom", .zicbom), ("zicbop", .zicbop), ("zicboz", .zicboz), ("zicond", .zicond),
            ("zihintpause", .zihintpause), ("zawrs", .zawrs), ("zacas", .zacas), ("zfh", .zfh), ("zfhmin", .zfhmin),
            ("zba", .zba), ("zbb", .zbb), ("zbc", .zbc), ("zbkb", .zbkb), ("zbkx", .zbkx), ("zbs", .zbs),
            ("smstateen", .smstateen), ("sscofpmf", .sscofpmf), ("sstc", .sstc), ("svadu", .svadu),
            ("svinval", .svinval),
            ("svnapot", .svnapot), ("svpbmt", .svpbmt), ("sv48", .sv48), ("sv57", .sv57),
            ("misaligned", .misaligned),
        ]
    }
}

extension RISCV.State {
    /// Bits of mstatus, and of sstatus and vsstatus where they have them (section "Machine Status Registers").
    enum Status {
        static let sie: UInt64 = 1 << 1
        static let mie: UInt64 = 1 << 3
        static let spie: UInt64 = 1 << 5
        static let ube: UInt64 = 1 << 6
        static let mpie: UInt64 = 1 << 7
        static let spp: UInt64 = 1 << 8
        static let mpp: UInt64 = 3 << 11
        static let fs: UInt64 = 3 << 13
        static let mprv: UInt64 = 1 << 17
        static let sum: UInt64 = 1 << 18
        static let mxr: UInt64 = 1 << 19
        static let tvm: UInt64 = 1 << 20
        static let tw: UInt64 = 1 << 21
        static let tsr: UInt64 = 1 << 22
        static let gva: UInt64 = 1 << 38
        static let mpv: UInt64 = 1 << 39
        static let sd: UInt64 = 1 << 63
        static let uxl64: UInt64 = 2 << 32
        static let sxl64: UInt64 = 2 << 34
    }

    /// Bits of hstatus (section "Hypervisor Status Register").
    enum HypervisorStatus {
        static let gva: UInt64 = 1 << 6
        static let spv: UInt64 = 1 << 7
        static let spvp: UInt64 = 1 << 8
        static let hu: UInt64 = 1 << 9
        static let vtvm: UInt64 = 1 << 20
        static let vtw: UInt64 = 1 << 21
        static let vtsr: UInt64 = 1 << 22
        static let vsxl64: UInt64 = 2 << 32
    }

    /// Bits of menvcfg, senvcfg and henvcfg.
    enum EnvironmentConfiguration {
        static let fiom: UInt64 = 1 << 0
        static let cbie: UInt64 = 3 << 4
        static let cbcfe: UInt64 = 1 << 6
        static let cbze: UInt64 = 1 << 7
        static let adue: UInt64 = 1 << 61
        static let pbmte: UInt64 = 1 << 62
        static let stce: UInt64 = 1 << 63
    }
}

/// Interrupt numbers, which are also bit numbers of mip and mie.
extension RISCV {
    public enum Interrupt {
        public static let supervisorSoftware: UInt64 = 1
        public static let virtualSupervisorSoftware: UInt64 = 2
        public static let machineSoftware: UInt64 = 3
        public static let supervisorTimer: UInt64 = 5
        public static let virtualSupervisorTimer: UInt64 = 6
        public static let machineTimer: UInt64 = 7
        public static let supervisorExternal: UInt64 = 9
        public static let virtualSupervisorExternal: UInt64 = 10
        public static let machineExternal: UInt64 = 11
        public static let supervisorGuestExternal: UInt64 = 12
        public static let localCounterOverflow: UInt64 = 13

        static func name(_ number: UInt64) -> String {
            switch number {
            case supervisorSoftware: return "supervisor software interrupt"
            case virtualSupervisorSoftware: return "virtual supervisor software interrupt"
            case machineSoftware: return "machine software interrupt"
            case supervisorTimer: return "supervisor timer interrupt"
            case virtualSupervisorTimer: return "virtual supervisor timer interrupt"
            case machineTimer: return "machine timer interrupt"
            case supervisorExternal: return "supervisor external interrupt"
            case virtualSupervisorExternal: return "virtual supervisor external interrupt"
            case machineExternal: return "machine external interrupt"
            case supervisorGuestExternal: return "supervisor guest external interrupt"
            case localCounterOverflow: return "local counter overflow interrupt"
            default: return "interrupt \(number)"
            }
        }
    }

    /// Exception codes of mcause (table "Machine cause register values after trap").
    public enum Cause {
        public static let instructionMisaligned: UInt64 = 0
        public static let instructionAccess: UInt64 = 1
        public static let illegalInstruction: UInt64 = 2
        public static let breakpoint: UInt64 = 3
        public static let loadMisaligned: UInt64 = 4
        public static let loadAccess: UInt64 = 5
        public static let storeMisaligned: UInt64 = 6
        public static let storeAccess: UInt64 = 7
        public static let userCall: UInt64 = 8
        public static let supervisorCall: UInt64 = 9
        public static let virtualSupervisorCall: UInt64 = 10
        public static let machineCall: UInt64 = 11
        public static let instructionPage: UInt64 = 12
        public static let loadPage: UInt64 = 13
        public static let storePage: UInt64 = 15
        public static let instructionGuestPage: UInt64 = 20
        public static let loadGuestPage: UInt64 = 21
        public static let virtualInstruction: UInt64 = 22
        public static let storeGuestPage: UInt64 = 23

        public static func name(_ code: UInt64) -> String {
            switch code {
            case instructionMisaligned: return "instruction address misaligned"
            case instructionAccess: return "instruction access fault"
            case illegalInstruction: return "illegal instruction"
            case breakpoint: return "breakpoint"
            case loadMisaligned: return "load address misaligned"
            case loadAccess: return "load access fault"
            case storeMisaligned: return "store address misaligned"
            case storeAccess: return "store access fault"
            case userCall: return "environment call from U-mode"
            case supervisorCall: return "environment call from HS-mode"
            case virtualSupervisorCall: return "environment call from VS-mode"
            case machineCall: return "environment call from M-mode"
            case instructionPage: return "instruction page fault"
            case loadPage: return "load page fault"
            case storePage: return "store page fault"
            case instructionGuestPage: return "instruction guest-page fault"
            case loadGuestPage: return "load guest-page fault"
            case virtualInstruction: return "virtual instruction"
            case storeGuestPage: return "store guest-page fault"
            default: return "exception \(code)"
            }
        }

        /// In words, from a cause register: interrupts have the top bit set.
        public static func describe(_ cause: UInt64) -> String {
            cause >> 63 == 1 ? Interrupt.name(cause & 0xff) : name(cause)
        }
    }
}
