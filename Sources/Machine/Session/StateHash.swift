import ISA

/// A 64-bit hash of all of a machine's state: two runs that end alike have equal hashes.
public struct StateHasher: StateVisitor {
    public private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    public init() {}

    @inline(__always)
    public mutating func add(_ word: UInt64) {
        value = (value ^ word) &* 0x9e37_79b9_7f4a_7c15
        value ^= value >> 29
    }

    public mutating func field(_ name: StaticString, _ value: inout UInt64) { add(value) }

    public mutating func field(_ name: StaticString, _ bytes: inout [UInt8]) {
        add(UInt64(bytes.count))
        for byte in bytes { add(UInt64(byte)) }
    }

    /// Pages of zeros are passed over, so that memory that was never used costs little and hashes like none.
    public mutating func add(_ region: PhysicalMemory.Region) {
        add(region.base)
        for page in 0..<Int(region.size / PhysicalMemory.pageSize) {
            // SAFETY: the region's host memory has `size` bytes, aligned to pages.
            let words = UnsafeBufferPointer(
                start: (region.host + page * 4096).assumingMemoryBound(to: UInt64.self), count: 512)
            guard words.contains(where: { $0 != 0 }) else { continue }
            add(UInt64(page))
            for word in words { add(word) }
        }
    }
}

extension RISCVVirt {
    /// Of memory, harts and devices, and of the time.
    public var stateHash: UInt64 {
        var hasher = StateHasher()
        hasher.add(scheduler.time)
        for hart in harts { hart.describeState(&hasher, memory) }
        for device in devices { device.describeState(&hasher) }
        for region in memory.regions { hasher.add(region) }
        return hasher.value
    }
}

extension RISCV.Hart {
    /// Every field of the hart's architectural state, once.
    ///
    /// What is derived from others is left out: the translation context and, while a turn does not run, the moment up to
    /// which the programmable counters have counted. So are the register that takes writes to x0, and traps and
    /// statistics, which are for people.
    ///
    /// - Parameter memory: where the reserved bytes are, which the state block knows by their host address.
    public func describeState(_ visitor: inout some StateVisitor, _ memory: PhysicalMemory) {
        func field<T: FixedWidthInteger>(_ name: StaticString, _ path: WritableKeyPath<RISCV.State, T>) {
            visitor.field(name, &state.pointee[keyPath: path])
        }
        for index in 0..<72 where !(32..<40).contains(index) {
            visitor.field("register", &state.pointee.core.registers[index])
        }
        field("pc", \.core.programCounter)
        field("trapped", \.core.trapped)
        var executed = state.pointee.core.executed
        visitor.field("executed", &executed)
        field("fflags", \.core.floatFlags)
        field("frm", \.core.floatRounding)
        field("float dirty", \.core.floatDirty)
        // Its physical address, with bit 0 set to tell address 0 from none.
        var reservation = memory.address(ofHost: state.pointee.core.reservation).map { $0 | 1 } ?? 0
        visitor.field("reservation", &reservation)
        state.pointee.core.reservation =
            reservation == 0 ? 0 : memory.host(reservation & ~1).map { UInt64(UInt(bitPattern: $0)) } ?? 0
        var privilege = state.pointee.privilege.rawValue
        visitor.field("privilege", &privilege)
        state.pointee.privilege = RISCV.Privilege(rawValue: privilege) ?? .machine
        visitor.field("virtual", &state.pointee.virtual)
        visitor.field("waiting", &state.pointee.waiting)
        visitor.field("halted", &state.pointee.halted)
        let registers: [(StaticString, WritableKeyPath<RISCV.State, UInt64>)] = [
            ("mstatus", \.mstatus), ("medeleg", \.medeleg), ("mideleg", \.mideleg), ("mie", \.mie), ("mip", \.mip),
            ("lines", \.lines), ("mtvec", \.mtvec), ("mcounteren", \.mcounteren),
            ("mcountinhibit", \.mcountinhibit), ("mscratch", \.mscratch), ("mepc", \.mepc), ("mcause", \.mcause),
            ("mtval", \.mtval), ("mtval2", \.mtval2), ("mtinst", \.mtinst), ("menvcfg", \.menvcfg),
            ("mseccfg", \.mseccfg),
            ("stvec", \.stvec), ("scounteren", \.scounteren), ("sscratch", \.sscratch), ("sepc", \.sepc),
            ("scause", \.scause), ("stval", \.stval), ("satp", \.satp), ("senvcfg", \.senvcfg),
            ("stimecmp", \.stimecmp), ("hstatus", \.hstatus), ("hedeleg", \.hedeleg), ("hideleg", \.hideleg),
            ("hcounteren", \.hcounteren), ("htimedelta", \.htimedelta), ("htval", \.htval), ("htinst", \.htinst),
            ("hgatp", \.hgatp), ("henvcfg", \.henvcfg), ("vsstatus", \.vsstatus), ("vstvec", \.vstvec),
            ("vsscratch", \.vsscratch), ("vsepc", \.vsepc), ("vscause", \.vscause), ("vstval", \.vstval),
            ("vsatp", \.vsatp), ("vstimecmp", \.vstimecmp), ("mcycle", \.mcycleOffset),
            ("minstret", \.minstretOffset),
        ]
        for (name, path) in registers { visitor.field(name, &state.pointee[keyPath: path]) }
        for index in 0..<4 {
            visitor.field("mstateen", &state.pointee.mstateen[index])
            visitor.field("hstateen", &state.pointee.hstateen[index])
            visitor.field("sstateen", &state.pointee.sstateen[index])
        }
        for index in 0..<16 {
            visitor.field("pmpcfg", &state.pointee.pmpcfg[index])
            visitor.field("pmpaddr", &state.pointee.pmpaddr[index])
        }
        for index in 3..<32 {
            visitor.field("mhpmcounter", &state.pointee.mhpmcounter[index])
            visitor.field("mhpmevent", &state.pointee.mhpmevent[index])
        }
    }
}

extension PhysicalMemory {
    /// The guest's address of a byte of the host's memory; nil when it is no guest's.
    fileprivate func address(ofHost address: UInt64) -> UInt64? {
        for region in regions {
            let start = UInt64(UInt(bitPattern: region.host))
            if address >= start, address - start < region.size { return region.base + (address - start) }
        }
        return nil
    }
}
