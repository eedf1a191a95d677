import ISA

/// System instructions, one line each (C5.3 to C5.5): maintenance of caches and TLBs, address translation, and
/// prediction restriction, with the exception level that may execute each, and what traps it.
extension AArch64 {
    struct SystemInstruction {
        let name: StaticString
        /// op1, CRn, CRm and op2, as the decoder leaves them in the immediate.
        let key: UInt16
        /// The least exception level.
        let level: UInt8
        let operation: Operation
        let requires: Features
        let traps: SystemRegister.Traps
        let control: SystemRegister.Control

        init(
            _ name: StaticString, _ encoding: StaticString, _ level: Level, _ operation: Operation,
            _ traps: SystemRegister.Traps = [], _ requires: Features = [], control: SystemRegister.Control = .none
        ) {
            self.name = name
            key = SystemRegister.key(encoding.description) & 0x3fff
            self.level = level.rawValue
            self.operation = operation
            self.requires = level == .el3 ? requires.union(.el3) : level == .el2 ? requires.union(.el2) : requires
            self.traps = level == .el0 && !traps.isEmpty ? traps.union(.el0) : traps
            self.control = control
        }

        enum Level: UInt8 { case el0, el1, el2, el3 }

        /// It is about EL2's own regime.
        var isOfEL2: Bool {
            switch operation {
            case .dropTranslations(.ofEL2, _), .dropTranslations(.addressOfEL2, _), .dropTranslations(.rangeOfEL2, _):
                true
            // S1E2R and S1E2W.
            case .translate: level == 2 && key & 7 < 2
            default: false
            }
        }

        /// EL3 has what is about EL1 also where there is no EL2.
        func isThere(_ features: Features) -> Bool {
            features.union(features.contains(.el3) && !isOfEL2 ? .el2 : []).isSuperset(of: requires)
        }

        enum Operation {
            /// Nothing is left of it: there are no caches, decoded code follows memory by itself, and nothing is predicted.
            case nothing
            /// Its operand is translated, for the faults that this may have.
            case clean, invalidate
            case zero
            case translate
            case dropTranslations(Translations, isBroadcast: Bool)
        }

        /// Which translations a TLBI instruction is about: those that EL1&0 has, or a host's EL2&0 in its place, ...
        enum Translations {
            case all, identifier, address, range
            /// ... or EL2; ...
            case ofEL2, addressOfEL2, rangeOfEL2
            /// ... or EL3; ...
            case ofEL3, addressOfEL3, rangeOfEL3
            /// ... of stage 2; of both stages; and of both stages of all guests.
            case stageTwo, guest, guests
        }

        static let all = caches + translations + invalidations + ofEL3

        static let caches: [Self] = [
            //     name          op0 op1  CRn  CRm op2
            .init("IC IALLUIS", "01 000 0111 0001 000", .el1, .nothing, [.tpu, .ticab]),
            .init("IC IALLU", "  01 000 0111 0101 000", .el1, .nothing, [.tpu, .tocu]),
            .init("IC IVAU", "   01 011 0111 0101 001", .el0, .clean, [.tpu, .tocu], control: .cacheMaintenance),
            .init("DC IVAC", "   01 000 0111 0110 001", .el1, .invalidate, .tpcp),
            .init("DC ISW", "    01 000 0111 0110 010", .el1, .nothing, .tsw),
            .init("DC CSW", "    01 000 0111 1010 010", .el1, .nothing, .tsw),
            .init("DC CISW", "   01 000 0111 1110 010", .el1, .nothing, .tsw),
            .init("DC ZVA", "    01 011 0111 0100 001", .el0, .zero, .tdz, control: .zeroing),
            .init("DC CVAC", "   01 011 0111 1010 001", .el0, .clean, .tpcp, control: .cacheMaintenance),
            .init("DC CVAU", "   01 011 0111 1011 001", .el0, .clean, [.tpu, .tocu], control: .cacheMaintenance),
            .init("DC CVAP", "   01 011 0111 1100 001", .el0, .clean, .tpcp, .dpb, control: .cacheMaintenance),
            .init("DC CVADP", "  01 011 0111 1101 001", .el0, .clean, .tpcp, .dpb2, control: .cacheMaintenance),
            .init("DC CIVAC", "  01 011 0111 1110 001", .el0, .clean, .tpcp, control: .cacheMaintenance),
            .init("CFP RCTX", "  01 011 0111 0011 100", .el0, .nothing, [], .specres, control: .prediction),
            .init("DVP RCTX", "  01 011 0111 0011 101", .el0, .nothing, [], .specres, control: .prediction),
            .init("CPP RCTX", "  01 011 0111 0011 111", .el0, .nothing, [], .specres, control: .prediction),
        ]

        static let translations: [Self] = [
            .init("AT S1E1R", "  01 000 0111 1000 000", .el1, .translate, .at),
            .init("AT S1E1W", "  01 000 0111 1000 001", .el1, .translate, .at),
            .init("AT S1E0R", "  01 000 0111 1000 010", .el1, .translate, .at),
            .init("AT S1E0W", "  01 000 0111 1000 011", .el1, .translate, .at),
            .init("AT S1E1RP", " 01 000 0111 1001 000", .el1, .translate, .at, .pan2),
            .init("AT S1E1WP", " 01 000 0111 1001 001", .el1, .translate, .at, .pan2),
            .init("AT S1E2R", "  01 100 0111 1000 000", .el2, .translate),
            .init("AT S1E2W", "  01 100 0111 1000 001", .el2, .translate),
            .init("AT S12E1R", " 01 100 0111 1000 100", .el2, .translate),
            .init("AT S12E1W", " 01 100 0111 1000 101", .el2, .translate),
            .init("AT S12E0R", " 01 100 0111 1000 110", .el2, .translate),
            .init("AT S12E0W", " 01 100 0111 1000 111", .el2, .translate),
        ]

        /// By address, an ASID is not looked at, nor whether only the last level was asked for: more is dropped than need be.
        static let invalidations: [Self] = [
            .local("TLBI VMALLE1", "01 000 1000 0111 000", .all),
            .local("TLBI VAE1", "   01 000 1000 0111 001", .address),
            .local("TLBI ASIDE1", " 01 000 1000 0111 010", .identifier),
            .local("TLBI VAAE1", "  01 000 1000 0111 011", .address),
            .local("TLBI VALE1", "  01 000 1000 0111 101", .address),
            .local("TLBI VAALE1", " 01 000 1000 0111 111", .address),
            .local("TLBI RVAE1", "  01 000 1000 0110 001", .range, .tlbirange),
            .local("TLBI RVAAE1", " 01 000 1000 0110 011", .range, .tlbirange),
            .local("TLBI RVALE1", " 01 000 1000 0110 101", .range, .tlbirange),
            .local("TLBI RVAALE1", "01 000 1000 0110 111", .range, .tlbirange),
            .inner("TLBI VMALLE1IS", " 01 000 1000 0011 000", .all),
            .inner("TLBI VAE1IS", "    01 000 1000 0011 001", .address),
            .inner("TLBI ASIDE1IS", "  01 000 1000 0011 010", .identifier),
            .inner("TLBI VAAE1IS", "   01 000 1000 0011 011", .address),
            .inner("TLBI VALE1IS", "   01 000 1000 0011 101", .address),
            .inner("TLBI VAALE1IS", "  01 000 1000 0011 111", .address),
            .inner("TLBI RVAE1IS", "   01 000 1000 0010 001", .range, .tlbirange),
            .inner("TLBI RVAAE1IS", "  01 000 1000 0010 011", .range, .tlbirange),
            .inner("TLBI RVALE1IS", "  01 000 1000 0010 101", .range, .tlbirange),
            .inner("TLBI RVAALE1IS", " 01 000 1000 0010 111", .range, .tlbirange),
            .outer("TLBI VMALLE1OS", " 01 000 1000 0001 000", .all, .tlbios),
            .outer("TLBI VAE1OS", "    01 000 1000 0001 001", .address, .tlbios),
            .outer("TLBI ASIDE1OS", "  01 000 1000 0001 010", .identifier, .tlbios),
            .outer("TLBI VAAE1OS", "   01 000 1000 0001 011", .address, .tlbios),
            .outer("TLBI VALE1OS", "   01 000 1000 0001 101", .address, .tlbios),
            .outer("TLBI VAALE1OS", "  01 000 1000 0001 111", .address, .tlbios),
            .outer("TLBI RVAE1OS", "   01 000 1000 0101 001", .range, .tlbirange),
            .outer("TLBI RVAAE1OS", "  01 000 1000 0101 011", .range, .tlbirange),
            .outer("TLBI RVALE1OS", "  01 000 1000 0101 101", .range, .tlbirange),
            .outer("TLBI RVAALE1OS", " 01 000 1000 0101 111", .range, .tlbirange),
            .local2("TLBI ALLE2", "       01 100 1000 0111 000", .ofEL2),
            .local2("TLBI VAE2", "        01 100 1000 0111 001", .addressOfEL2),
            .local2("TLBI ALLE1", "       01 100 1000 0111 100", .guests),
            .local2("TLBI VALE2", "       01 100 1000 0111 101", .addressOfEL2),
            .local2("TLBI VMALLS12E1", "  01 100 1000 0111 110", .guest),
            .local2("TLBI RVAE2", "       01 100 1000 0110 001", .rangeOfEL2, .tlbirange),
            .local2("TLBI RVALE2", "      01 100 1000 0110 101", .rangeOfEL2, .tlbirange),
            .local2("TLBI IPAS2E1", "     01 100 1000 0100 001", .stageTwo),
            .local2("TLBI IPAS2LE1", "    01 100 1000 0100 101", .stageTwo),
            .local2("TLBI RIPAS2E1", "    01 100 1000 0100 010", .stageTwo, .tlbirange),
            .local2("TLBI RIPAS2LE1", "   01 100 1000 0100 110", .stageTwo, .tlbirange),
            .shared2("TLBI ALLE2IS", "    01 100 1000 0011 000", .ofEL2),
            .shared2("TLBI VAE2IS", "     01 100 1000 0011 001", .addressOfEL2),
            .shared2("TLBI ALLE1IS", "    01 100 1000 0011 100", .guests),
            .shared2("TLBI VALE2IS", "    01 100 1000 0011 101", .addressOfEL2),
            .shared2("TLBI VMALLS12E1IS", "01 100 1000 0011 110", .guest),
            .shared2("TLBI RVAE2IS", "    01 100 1000 0010 001", .rangeOfEL2, .tlbirange),
            .shared2("TLBI RVALE2IS", "   01 100 1000 0010 101", .rangeOfEL2, .tlbirange),
            .shared2("TLBI IPAS2E1IS", "  01 100 1000 0000 001", .stageTwo),
            .shared2("TLBI IPAS2LE1IS", " 01 100 1000 0000 101", .stageTwo),
            .shared2("TLBI RIPAS2E1IS", " 01 100 1000 0000 010", .stageTwo, .tlbirange),
            .shared2("TLBI RIPAS2LE1IS", "01 100 1000 0000 110", .stageTwo, .tlbirange),
            .shared2("TLBI ALLE2OS", "    01 100 1000 0001 000", .ofEL2, .tlbios),
            .shared2("TLBI VAE2OS", "     01 100 1000 0001 001", .addressOfEL2, .tlbios),
            .shared2("TLBI ALLE1OS", "    01 100 1000 0001 100", .guests, .tlbios),
            .shared2("TLBI VALE2OS", "    01 100 1000 0001 101", .addressOfEL2, .tlbios),
            .shared2("TLBI VMALLS12E1OS", "01 100 1000 0001 110", .guest, .tlbios),
            .shared2("TLBI RVAE2OS", "    01 100 1000 0101 001", .rangeOfEL2, .tlbirange),
            .shared2("TLBI RVALE2OS", "   01 100 1000 0101 101", .rangeOfEL2, .tlbirange),
            .shared2("TLBI IPAS2E1OS", "  01 100 1000 0100 000", .stageTwo, .tlbios),
            .shared2("TLBI IPAS2LE1OS", " 01 100 1000 0100 100", .stageTwo, .tlbios),
            .shared2("TLBI RIPAS2E1OS", " 01 100 1000 0100 011", .stageTwo, .tlbirange),
            .shared2("TLBI RIPAS2LE1OS", "01 100 1000 0100 111", .stageTwo, .tlbirange),
        ]

        static let ofEL3: [Self] = [
            .init("AT S1E3R", "01 110 0111 1000 000", .el3, .translate),
            .init("AT S1E3W", "01 110 0111 1000 001", .el3, .translate),
            .monitor("TLBI ALLE3", "    01 110 1000 0111 000", .ofEL3),
            .monitor("TLBI VAE3", "     01 110 1000 0111 001", .addressOfEL3),
            .monitor("TLBI VALE3", "    01 110 1000 0111 101", .addressOfEL3),
            .monitor("TLBI RVAE3", "    01 110 1000 0110 001", .rangeOfEL3, .tlbirange),
            .monitor("TLBI RVALE3", "   01 110 1000 0110 101", .rangeOfEL3, .tlbirange),
            .monitor("TLBI ALLE3IS", "  01 110 1000 0011 000", .ofEL3, isBroadcast: true),
            .monitor("TLBI VAE3IS", "   01 110 1000 0011 001", .addressOfEL3, isBroadcast: true),
            .monitor("TLBI VALE3IS", "  01 110 1000 0011 101", .addressOfEL3, isBroadcast: true),
            .monitor("TLBI RVAE3IS", "  01 110 1000 0010 001", .rangeOfEL3, .tlbirange, isBroadcast: true),
            .monitor("TLBI RVALE3IS", " 01 110 1000 0010 101", .rangeOfEL3, .tlbirange, isBroadcast: true),
            .monitor("TLBI ALLE3OS", "  01 110 1000 0001 000", .ofEL3, .tlbios, isBroadcast: true),
            .monitor("TLBI VAE3OS", "   01 110 1000 0001 001", .addressOfEL3, .tlbios, isBroadcast: true),
            .monitor("TLBI VALE3OS", "  01 110 1000 0001 101", .addressOfEL3, .tlbios, isBroadcast: true),
            .monitor("TLBI RVAE3OS", "  01 110 1000 0101 001", .rangeOfEL3, .tlbirange, isBroadcast: true),
            .monitor("TLBI RVALE3OS", " 01 110 1000 0101 101", .rangeOfEL3, .tlbirange, isBroadcast: true),
        ]

        private static func monitor(
            _ name: StaticString, _ encoding: StaticString, _ what: Translations, _ requires: Features = [],
            isBroadcast: Bool = false
        ) -> Self {
            .init(name, encoding, .el3, .dropTranslations(what, isBroadcast: isBroadcast), [], requires)
        }

        private static func local(
            _ name: StaticString, _ encoding: StaticString, _ what: Translations, _ requires: Features = []
        ) -> Self {
            .init(name, encoding, .el1, .dropTranslations(what, isBroadcast: false), .ttlb, requires)
        }
        private static func inner(
            _ name: StaticString, _ encoding: StaticString, _ what: Translations, _ requires: Features = []
        ) -> Self {
            .init(name, encoding, .el1, .dropTranslations(what, isBroadcast: true), [.ttlb, .ttlbis], requires)
        }
        private static func outer(
            _ name: StaticString, _ encoding: StaticString, _ what: Translations, _ requires: Features
        ) -> Self {
            .init(name, encoding, .el1, .dropTranslations(what, isBroadcast: true), [.ttlb, .ttlbos], requires)
        }
        private static func local2(
            _ name: StaticString, _ encoding: StaticString, _ what: Translations, _ requires: Features = []
        ) -> Self {
            .init(name, encoding, .el2, .dropTranslations(what, isBroadcast: false), [], requires)
        }
        private static func shared2(
            _ name: StaticString, _ encoding: StaticString, _ what: Translations, _ requires: Features = []
        ) -> Self {
            .init(name, encoding, .el2, .dropTranslations(what, isBroadcast: true), [], requires)
        }
    }

    /// System instructions by number, for one CPU. It is made once for each machine, and outlives its PEs.
    struct SystemInstructionTable {
        /// What an execution has to know of an instruction.
        struct Entry {
            let level: UInt8
            let operation: SystemInstruction.Operation
            let guards: AccessGuards
            /// Of EL2's own regime.
            var isOfEL2 = false
        }

        /// For each key a place in `entries`; 0 where there is no instruction.
        private let places: UnsafePointer<UInt8>
        private let entries: UnsafePointer<Entry>

        init(_ features: Features) {
            let lines = SystemInstruction.all.filter { $0.isThere(features) }
            let entries = UnsafeMutablePointer<Entry>.allocate(capacity: lines.count + 1)
            let places = UnsafeMutablePointer<UInt8>.allocate(capacity: 1 << 14)
            places.initialize(repeating: 0, count: 1 << 14)
            // No level is high enough for what is not there.
            entries.initialize(to: Entry(level: 4, operation: .nothing, guards: AccessGuards([], .none)))
            for (index, line) in lines.enumerated() {
                (entries + index + 1).initialize(
                    to: Entry(
                        level: line.level, operation: line.operation,
                        guards: AccessGuards(line.traps, line.control), isOfEL2: line.isOfEL2))
                places[Int(line.key)] = UInt8(index + 1)
            }
            self.entries = UnsafePointer(entries)
            self.places = UnsafePointer(places)
        }

        @inline(__always)
        subscript(_ key: UInt16) -> Entry { entries[Int(places[Int(key & 0x3fff)])] }

        func deallocate() {
            entries.deallocate()
            places.deallocate()
        }
    }
}

extension AArch64.CPUModel {
    /// Its system instructions by name, with op1, CRn, CRm and op2 as SYS has them.
    package var systemInstructions: [(name: String, number: UInt16)] {
        AArch64.SystemInstruction.all.filter { $0.isThere(features) }
            .map { ($0.name.description, $0.key) }
    }
}
