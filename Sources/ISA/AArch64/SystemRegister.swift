import ISA

/// One system register, as a line of the tables says it (D19.1, "About the AArch64 System registers").
///
/// A line is the register's name, its number as the manual prints it, who may access it, where it is kept, which bits
/// can be written, and what may trap the access. From the lines ``SystemRegisterTable`` is made once for each CPU.
extension AArch64 {
    struct SystemRegister {
        let name: StaticString
        /// op0 (less 2), op1, CRn, CRm and op2, as the decoder leaves them in the immediate.
        let key: UInt16
        let access: Access
        let storage: Storage
        let writable: Writable
        /// Writable bits where HCR_EL2.E2H gives the register another form.
        let hostWritable: Writable?
        let requires: Features
        /// What else the CPU must be for the register to be there.
        let exists: (@Sendable (CPUModel) -> Bool)?
        let traps: Traps
        let control: Control
        /// The register that this name is at EL2 while HCR_EL2.E2H is set; for a name that ends in _EL12 or _EL02, the
        /// one that it always is there (D8.9, "Virtualization Host Extensions").
        let counterpart: StaticString?
        let changes: Changes
        /// The bits that translation depends on, where a write changes it; and those of them that EL2's own does.
        let translates: UInt64
        let translatesEL2: UInt64

        init(
            _ name: StaticString, _ encoding: StaticString, _ access: Access, _ storage: Storage,
            _ writable: Writable = .all, host hostWritable: Writable? = nil, _ requires: Features = [],
            exists: (@Sendable (CPUModel) -> Bool)? = nil, traps: Traps = [], control: Control = .none,
            atEL2 counterpart: StaticString? = nil, changes: Changes = [], translates: UInt64 = ~0,
            translatesEL2: UInt64 = ~0
        ) {
            self.init(
                name, key: Self.key(encoding.description), access, storage, writable, host: hostWritable, requires,
                exists: exists, traps: traps, control: control, atEL2: counterpart, changes: changes,
                translates: translates, translatesEL2: translatesEL2)
        }

        init(
            _ name: StaticString, key: UInt16, _ access: Access, _ storage: Storage, _ writable: Writable = .all,
            host hostWritable: Writable? = nil, _ requires: Features = [],
            exists: (@Sendable (CPUModel) -> Bool)? = nil, traps: Traps = [], control: Control = .none,
            atEL2 counterpart: StaticString? = nil, changes: Changes = [], translates: UInt64 = ~0,
            translatesEL2: UInt64 = ~0
        ) {
            self.name = name
            self.key = key
            self.access = access
            self.storage = storage
            self.writable = writable
            self.hostWritable = hostWritable
            self.requires = requires
            self.exists = exists
            self.traps = traps
            self.control = control
            self.counterpart = counterpart
            self.changes = changes
            self.translates = translates
            self.translatesEL2 = translatesEL2
        }

        /// The name by which EL2 reaches a register of EL1 or EL0 that its own name is no longer, since HCR_EL2.E2H.
        static func alias(
            _ name: StaticString, _ encoding: StaticString, _ register: StaticString, _ requires: Features = [],
            traps: Traps = []
        ) -> SystemRegister {
            SystemRegister(name, encoding, .el2Host, .zero, .none, requires.union(.vhe), traps: traps, atEL2: register)
        }

        /// The number that "11 000 0001 0000 000" stands for: op0, op1, CRn, CRm and op2.
        static func key(_ encoding: String) -> UInt16 {
            let digits = encoding.filter { $0 != " " }
            precondition(digits.count == 16, "the encoding '\(encoding)' is not of 16 bits")
            return UInt16(digits, radix: 2)! & 0x7fff
        }

        static func key(_ op0: UInt16, _ op1: UInt16, _ crn: UInt16, _ crm: UInt16, _ op2: UInt16) -> UInt16 {
            (op0 & 1) << 14 | op1 << 11 | crn << 7 | crm << 3 | op2
        }

        // MARK: What a line is made of

        /// The least exception level that may read, and that may write. 4 is nobody.
        struct Access {
            let read: UInt8
            let write: UInt8
            /// Only where HCR_EL2.E2H is set.
            var host = false

            static let el0 = Access(read: 0, write: 0)
            static let el1 = Access(read: 1, write: 1)
            static let el2 = Access(read: 2, write: 2)
            static let el2Host = Access(read: 2, write: 2, host: true)
            static let el3 = Access(read: 3, write: 3)
            static let readEL0 = Access(read: 0, write: 4)
            static let readEL1 = Access(read: 1, write: 4)
            static let readEL2 = Access(read: 2, write: 4)
            static let readEL3 = Access(read: 3, write: 4)
            static let writeEL0 = Access(read: 4, write: 0)
            static let writeEL1 = Access(read: 4, write: 1)
            static let nobody = Access(read: 4, write: 4)
            static let readEL0WriteEL1 = Access(read: 0, write: 1)
            /// Writable at the highest level there is.
            static let readEL0WriteHighest = Access(read: 0, write: 2)
        }

        /// Where a register is.
        enum Storage {
            case field(PartialKeyPath<State> & Sendable)
            /// An element of an array in the state.
            case element(PartialKeyPath<State> & Sendable, Int)
            case constant(UInt64)
            /// Functions read and write it; the number is which of several.
            case computed(Computed, Int = 0)

            /// Reads as zero, and ignores writes.
            static let zero = constant(0)

            /// In the state block; nil where it is not there.
            var offset: Int? {
                switch self {
                // Stored properties have an offset.
                case .field(let path): MemoryLayout<State>.offset(of: path)!
                case .element(let path, let index): MemoryLayout<State>.offset(of: path)! + 8 * index
                case .constant, .computed: nil
                }
            }
        }

        /// The bits that software writes, by feature, and those that are 1 whatever it writes.
        struct Writable: ExpressibleByIntegerLiteral {
            let bits: UInt64
            var ones: UInt64 = 0
            var further: [(bits: UInt64, requires: Features)] = []
            /// Bits that a feature takes away.
            var without: (bits: UInt64, requires: Features)?

            init(_ bits: UInt64, ones: UInt64 = 0, _ further: [(bits: UInt64, requires: Features)] = []) {
                self.bits = bits
                self.ones = ones
                self.further = further
            }
            init(integerLiteral value: UInt64) { bits = value }

            /// The same, but for bits that are RES0 with a feature.
            func without(_ bits: UInt64, _ requires: Features) -> Writable {
                var changed = self
                changed.without = (bits, requires)
                return changed
            }
            static let all = Writable(~0)
            static let word = Writable(0xffff_ffff)
            static let none = Writable(0)

            func mask(_ features: Features) -> UInt64 {
                let mask = further.reduce(bits) { features.isSuperset(of: $1.requires) ? $0 | $1.bits : $0 }
                let gone = without.map { features.isSuperset(of: $0.requires) ? $0.bits : 0 } ?? 0
                return mask & ~fixed(features) & ~gone
            }

            /// A bit that is 1 until a feature gives it a meaning.
            func fixed(_ features: Features) -> UInt64 {
                further.reduce(ones) { features.isSuperset(of: $1.requires) ? $0 & ~$1.bits : $0 }
            }
        }

        /// What EL2 may have trapped, by the names of the control bits (D19.2, "HCR_EL2" and "MDCR_EL2").
        struct Traps: OptionSet {
            let rawValue: UInt32
            /// TVM for writes, TRVM for reads.
            static let tvm = Traps(rawValue: 1 << 0)
            static let tid1 = Traps(rawValue: 1 << 1)
            static let tid2 = Traps(rawValue: 1 << 2)
            static let tid3 = Traps(rawValue: 1 << 3)
            static let tid4 = Traps(rawValue: 1 << 4)
            static let tacr = Traps(rawValue: 1 << 5)
            static let tlor = Traps(rawValue: 1 << 6)
            static let terr = Traps(rawValue: 1 << 7)
            /// APK and EnSCXT trap while they are 0.
            static let apk = Traps(rawValue: 1 << 8)
            static let enSCXT = Traps(rawValue: 1 << 9)
            static let tpu = Traps(rawValue: 1 << 10)
            static let tocu = Traps(rawValue: 1 << 11)
            static let ticab = Traps(rawValue: 1 << 12)
            static let tpcp = Traps(rawValue: 1 << 13)
            static let tsw = Traps(rawValue: 1 << 14)
            static let tdz = Traps(rawValue: 1 << 15)
            static let ttlb = Traps(rawValue: 1 << 16)
            static let ttlbis = Traps(rawValue: 1 << 17)
            static let ttlbos = Traps(rawValue: 1 << 18)
            /// AT, of the instructions of that name.
            static let at = Traps(rawValue: 1 << 31)
            /// Of MDCR_EL2.
            static let tda = Traps(rawValue: 1 << 19)
            static let tdra = Traps(rawValue: 1 << 20)
            static let tdosa = Traps(rawValue: 1 << 21)
            static let tpm = Traps(rawValue: 1 << 22)
            static let tpmcr = Traps(rawValue: 1 << 23)
            /// Of CPTR_EL2.
            static let tcpac = Traps(rawValue: 1 << 24)
            /// EL0's accesses too.
            static let el0 = Traps(rawValue: 1 << 25)
            /// Those of EL3 alone, for registers of EL2: CPTR_EL3.TCPAC, MDCR_EL3.TDA, SCR_EL3.EnSCXT.
            static let tcpacEL3 = Traps(rawValue: 1 << 26)
            static let tdaEL3 = Traps(rawValue: 1 << 27)
            static let enSCXTEL3 = Traps(rawValue: 1 << 28)
            static let ofEL3: Traps = [.tcpacEL3, .tdaEL3, .enSCXTEL3]
        }

        /// What lets EL0 in, or has more to say than a bit of HCR_EL2: each is a function in SystemRegistersTraps.swift.
        enum Control: UInt8 {
            case none
            /// SCTLR_ELx.UCT, UMA, TSCXT, UCI, DZE and EnRCTX; MDSCR_EL1.TDCC.
            case cacheType, masks, contextNumber, cacheMaintenance, zeroing, prediction, communications
            /// PMUSERENR_EL0: EN alone, or another of its bits beside it.
            case monitors, eventCounters, monitorSelection, cycleCounter, softwareIncrement
            case counterFrequency, physicalCounter, virtualCounter, physicalTimer, virtualTimer
            /// SCR_EL3.ST, in Secure state.
            case secureTimer
            /// UNDEFINED where SCR_EL3.NS is 0.
            case nonSecure
            /// CPACR_EL1 and CPTR_EL2.
            case floatingPoint
            /// SP_EL0 has a name where it is not the one in use.
            case otherStackPointer
            /// ICH_HCR_EL2, by what the register is of.
            case interruptsCommon, interruptsGroup0, interruptsGroup1, interruptsGenerate, interruptsDeactivate
        }

        /// What a write has an effect on.
        struct Changes: OptionSet {
            let rawValue: UInt8
            static let translation = Changes(rawValue: 1 << 0)
            static let interrupts = Changes(rawValue: 1 << 1)
            static let timers = Changes(rawValue: 1 << 2)
            static let debug = Changes(rawValue: 1 << 3)
            static let monitors = Changes(rawValue: 1 << 4)
            static let floatingPoint = Changes(rawValue: 1 << 5)
        }

        /// Registers that are more than bits in the state.
        enum Computed: UInt8 {
            // SystemRegistersIdentification.swift
            case identification, mainIdentification, revision, affinity, cacheType, cacheLevels, cacheSize, zeroingSize
            // SystemRegistersProcessState.swift
            case spsel, currentEL, pan, uao, nzcv, daif, dit, ssbs, fpcr, fpsr, random
            case interruptStatus, deferredInterrupt
            // SystemRegistersTimer.swift
            case physicalCount, virtualCount, timerValue, timerControl, timerCompare
            // SystemRegistersMonitors.swift
            case pmcr, pmcntenset, pmcntenclr, pmovsclr, pmovsset, pmswinc, pmselr, pmceid0, pmceid1, pmccntr,
                pmxevtyper
            case pmxevcntr, pmintenset, pmintenclr, pmevcntr, pmevtyper, pmccfiltr
            // SystemRegistersDebug.swift
            case oslar, oslsr, claimSet, claimClear, debugAuthentication
            // SystemRegistersInterrupts.swift
            case interruptInterface, interruptHypervisor, interruptMonitor
        }
    }
}
