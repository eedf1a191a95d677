import ISA

/// The system registers of one CPU model, found by number.
extension AArch64 {
    /// What an access has to know of a register, without references: the line, worked out for one CPU.
    struct SystemRegisterEntry {
        let name: StaticString
        let key: UInt16
        let readLevel: UInt8
        let writeLevel: UInt8
        /// Only where HCR_EL2.E2H is set.
        let needsHost: Bool
        /// Traps or a control may have a say: else levels are all there is to check.
        let isGuarded: Bool
        let guards: AccessGuards
        /// Bytes into the state block; negative where the register is not there.
        let offset: Int
        let constant: UInt64
        let computed: SystemRegister.Computed?
        let index: Int
        let writable: UInt64
        let fixed: UInt64
        /// The same while HCR_EL2.E2H is set.
        let hostWritable: UInt64
        let hostFixed: UInt64
        /// The place in the table of the register that this name is for a host at EL2, or of itself.
        fileprivate(set) var counterpart: Int
        /// What HCR_EL2.NV makes of EL1's accesses; and the place of the register of EL1 that this one of EL2 is with NV2,
        /// or 0.
        let nested: NestedAccess
        fileprivate(set) var redirection = 0
        let changes: SystemRegister.Changes
        let translates: UInt64
        let translatesEL2: UInt64

        fileprivate init(_ line: SystemRegister, _ model: CPUModel, place: Int) {
            let features = model.features
            name = line.name
            key = line.key
            readLevel = line.access.read
            writeLevel = line.access.isOfHighest ? features.highestLevel : line.access.write
            needsHost = line.access.host
            guards = AccessGuards(line.traps, line.control)
            let traps = features.contains(.el3) ? line.traps : line.traps.subtracting(.ofEL3)
            isGuarded = line.control != .none || !traps.isEmpty
            offset = line.storage.offset ?? -1
            switch line.storage {
            case .constant(let value):
                (constant, computed, index) = (value, nil, 0)
            case .computed(let function, let number):
                (constant, computed, index) = (0, function, number)
            case .field, .element:
                (constant, computed, index) = (0, nil, 0)
            }
            let isConstant = offset < 0 && computed == nil
            writable = isConstant ? 0 : line.writable.mask(features)
            fixed = line.writable.fixed(features)
            hostWritable = line.hostWritable?.mask(features) ?? writable
            hostFixed = line.hostWritable?.fixed(features) ?? fixed
            counterpart = place
            nested = NestedRegisters.access(to: line)
            changes = line.changes
            translates = line.translates
            translatesEL2 = line.translatesEL2
        }
    }

    /// Which bits of EL2's control registers trap an access.
    struct AccessGuards {
        /// Of HCR_EL2: bits that trap reads, and writes, while set; and bits that trap while clear.
        let hypervisorReads: UInt64
        let hypervisorWrites: UInt64
        let hypervisorClear: UInt64
        /// Of MDCR_EL2.
        let debug: UInt64
        /// CPTR_EL2.TCPAC.
        let coprocessorAccess: Bool
        /// EL0's accesses trap too.
        let fromEL0: Bool
        let monitor: MonitorGuards
        let control: SystemRegister.Control

        init(_ traps: SystemRegister.Traps, _ control: SystemRegister.Control) {
            let bits: [(trap: SystemRegister.Traps, bit: UInt64)] = [
                (.tid1, 16), (.tid2, 17), (.tid3, 18), (.tid4, 49), (.tacr, 21), (.tlor, 35), (.terr, 36), (.tpu, 24),
                (.tocu, 52), (.ticab, 50), (.tpcp, 23), (.tsw, 22), (.tdz, 28), (.ttlb, 25), (.ttlbis, 54),
                (.ttlbos, 55), (.at, 44),
            ]
            let both: UInt64 = bits.reduce(0) { traps.contains($1.trap) ? $0 | 1 << $1.bit : $0 }
            hypervisorReads = both | (traps.contains(.tvm) ? 1 << 30 : 0)
            hypervisorWrites = both | (traps.contains(.tvm) ? 1 << 26 : 0)
            hypervisorClear = (traps.contains(.apk) ? 1 << 40 : 0) | (traps.contains(.enSCXT) ? 1 << 53 : 0)
            let debugBits: [(trap: SystemRegister.Traps, bit: UInt64)] = [
                (.tda, 9), (.tdra, 11), (.tdosa, 10), (.tpm, 6), (.tpmcr, 5),
            ]
            debug = debugBits.reduce(0) { traps.contains($1.trap) ? $0 | 1 << $1.bit : $0 }
            coprocessorAccess = traps.contains(.tcpac)
            fromEL0 = traps.contains(.el0)
            monitor = MonitorGuards(traps)
            self.control = control
        }
    }

    /// Registers by number, for one CPU. It is made once for each machine, and outlives its PEs.
    struct SystemRegisterTable {
        /// For each key a place in `entries`; 0 where there is no register.
        let places: UnsafePointer<UInt16>
        let entries: UnsafePointer<SystemRegisterEntry>
        /// In use, from 1 on.
        let count: Int

        init(_ model: CPUModel) {
            let lines = SystemRegister.lines(of: model)
            let entries = UnsafeMutablePointer<SystemRegisterEntry>.allocate(capacity: lines.count + 1)
            let places = UnsafeMutablePointer<UInt16>.allocate(capacity: 1 << 15)
            places.initialize(repeating: 0, count: 1 << 15)
            var placeOf: [String: Int] = [:]
            // The place 0 is nobody's: a register that no level may access.
            let nobody = SystemRegister("", key: 0, .nobody, .zero)
            entries.initialize(to: SystemRegisterEntry(nobody, model, place: 0))
            for (index, line) in lines.enumerated() {
                let place = index + 1
                (entries + place).initialize(to: SystemRegisterEntry(line, model, place: place))
                places[Int(line.key)] = UInt16(place)
                placeOf[line.name.description] = place
            }
            for (index, line) in lines.enumerated() {
                // Without FEAT_VHE there is no host, and its registers may not be there.
                guard let counterpart = line.counterpart, let place = placeOf[counterpart.description] else { continue }
                entries[index + 1].counterpart = place
            }
            for (from, to) in NestedRegisters.redirected {
                guard let place = placeOf[from], let register = placeOf[to] else { continue }
                entries[place].redirection = register
            }
            self.entries = UnsafePointer(entries)
            self.places = UnsafePointer(places)
            count = lines.count
        }

        func deallocate() {
            entries.deallocate()
            places.deallocate()
        }
    }
}

extension AArch64.SystemRegister {
    /// The registers that a CPU has.
    static func lines(of model: AArch64.CPUModel) -> [Self] {
        all.compactMap { line in
            let isThere = model.features.isSuperset(of: line.requires) && line.exists?(model) ?? true
            guard isThere, let level = line.access.ownLevel else { return isThere ? line : nil }
            if model.features.contains(level == 3 ? .el3 : .el2) { return line }
            return level == 2 && model.features.contains(.el3) && !line.access.host ? line.withoutEL2 : nil
        }
    }
}

extension AArch64.CPUModel {
    /// Its system registers by name, with op0 (less 2), op1, CRn, CRm and op2 as MRS and MSR have them.
    package var systemRegisters: [(name: String, number: UInt16)] {
        AArch64.SystemRegister.lines(of: self).map { ($0.name.description, $0.key) }
    }
}
