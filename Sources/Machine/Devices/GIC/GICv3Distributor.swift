import ISA

/// The Distributor of a GICv3: the state of SPIs, and to which CPU each goes.
///
/// "Arm Generic Interrupt Controller Architecture Specification, GIC architecture version 3 and version 4", IHI 0069H,
/// section 12.9. One Security state for good, or two (DS cannot be written), and affinity routing without GICv2's
/// compatibility (ARE). An SPI goes to one CPU (No1N); INTIDs below 32 are the Redistributors'.
final class GICv3Distributor: SecureRegisters, InterruptSink {
    /// Offsets (table 12-25); those of the registers with a part for each interrupt are ``InterruptRegister``'s.
    enum Register: UInt64 {
        case control = 0x0000
        case type = 0x0004
        case implementer = 0x0008
    }

    /// GICD_IROUTERn, of 64 bits, from INTID 32 on.
    private static let routes: Range<UInt64> = 0x6100..<0x7fe0

    private enum Control {
        static let enableGroup0: UInt32 = 1 << 0
        static let enableGroup1: UInt32 = 1 << 1
        static let enableSecureGroup1: UInt32 = 1 << 2
        /// ARE and DS, which cannot be cleared; with two Security states ARE_S and ARE_NS, and ARE_NS as others see it.
        static let fixed: UInt32 = 1 << 4 | 1 << 6
        static let fixedWithSecurity: UInt32 = 1 << 4 | 1 << 5
        static let fixedNonSecure: UInt32 = 1 << 4
    }

    /// Aff3, Aff2, Aff1 and Aff0 of GICD_IROUTERn.
    private static let affinity: UInt64 = 0xff_00ff_ffff

    let name: String
    /// How many INTIDs there are below those of LPIs: a multiple of 32.
    let interruptCount: Int
    private let hasLPIs: Bool
    /// There are two Security states.
    let hasSecurity: Bool
    /// In the order of the CPUs' numbers. They hold the Distributor, and it does not hold them.
    private var redistributors = FixedArray<Uncounted<GICv3Redistributor>>([])

    private(set) var enablesGroup0 = false
    private(set) var enablesGroup1 = false
    private var enablesSecureGroup1 = false
    /// SPIs.
    private var banks: InterruptBanks
    /// GICD_IROUTERn, by INTID from 32 on.
    private var routes: FixedArray<UInt64>
    /// For each CPU, a word for each of ``banks`` with the SPIs that go to it.
    private var targets: FixedArray<UInt32>

    /// - Parameter spis: how many SPIs there are: a multiple of 32, at most 960.
    init(name: String, cpuCount: Int, spis: Int, hasLPIs: Bool, hasSecurity: Bool = false) {
        precondition(spis % 32 == 0 && (0...960).contains(spis))
        self.name = name
        self.hasLPIs = hasLPIs
        self.hasSecurity = hasSecurity
        interruptCount = 32 + spis
        banks = InterruptBanks(count: spis / 32)
        routes = FixedArray(repeating: 0, count: spis)
        targets = FixedArray(repeating: 0, count: cpuCount * spis / 32)
    }

    /// The Redistributors are ready. - Precondition: they outlive every use of the Distributor.
    func connect(_ redistributors: [GICv3Redistributor]) {
        self.redistributors = FixedArray(redistributors.map { Uncounted($0) })
        route()
    }

    func reset() {
        enablesGroup0 = false
        enablesGroup1 = false
        enablesSecureGroup1 = false
        banks.reset()
        for index in routes.indices { routes[index] = 0 }
        route()
        updateAll()
    }

    // MARK: Wires

    /// The line of an SPI, counted from 0.
    func line(spi: Int) -> InterruptLine { InterruptLine(to: self, number: 32 + spi) }

    /// The line of a CPU's PPI, by its INTID.
    func line(ppi intid: Int, cpu: Int) -> InterruptLine {
        InterruptLine(to: self, number: (cpu + 1) * Self.privateStride + intid)
    }

    /// What separates the line numbers of the CPUs' PPIs.
    private static let privateStride = 1024

    func setLine(_ number: Int, _ level: Bool) {
        let intid = number % Self.privateStride
        if number >= Self.privateStride {
            let cpu = number / Self.privateStride - 1
            guard cpu < redistributors.count, (16..<32).contains(intid) else { return }
            redistributors[cpu].with { $0.setLevel(intid, level) }
        } else {
            guard intid >= 32, intid < interruptCount else { return }
            banks.change(intid / 32 - 1) { $0.setLevel(intid % 32, level) }
            updateAll()
        }
    }

    // MARK: What Redistributors ask for

    /// No SPI is to be signalled.
    var isQuiet: Bool { banks.isQuiet }

    /// Those of thirty-two interrupts whose group is enabled, by words that have their groups.
    @inline(__always)
    func forwarded(_ group: UInt32, _ modifier: UInt32) -> UInt32 {
        (enablesGroup0 ? ~group & ~modifier : 0) | (enablesGroup1 ? group : 0)
            | (enablesSecureGroup1 ? ~group & modifier : 0)
    }

    func group(_ intid: UInt32) -> InterruptGroup {
        guard intid >= 32, intid < interruptCount else { return .one }
        return banks[Int(intid) / 32 - 1].groupOf(Int(intid % 32))
    }

    /// Every SPI is Non-secure, as firmware leaves them for software of that state.
    func handOver() {
        for index in 0..<banks.count { banks.change(index) { $0.group = ~0 } }
        updateAll()
    }

    /// Replaces `best` by the SPI of highest priority that is pending for a CPU, if that is higher.
    func findHighest(_ cpu: Int, _ best: inout PendingInterrupt) {
        guard enablesGroup0 || enablesGroup1 || enablesSecureGroup1 else { return }
        banks.findHighest(&best) { targets[cpu * banks.count + $0] & forwarded($1, $2) }
    }

    func acknowledge(_ intid: UInt32) {
        guard intid >= 32, intid < interruptCount else { return }
        banks.activate(intid)
        updateAll()
    }

    func deactivate(_ intid: UInt32) {
        guard intid >= 32, intid < interruptCount else { return }
        banks.deactivate(intid)
        updateAll()
    }

    private func updateAll() {
        for cpu in redistributors.indices { redistributors[cpu].with { $0.update() } }
    }

    /// ICC_SGI1R_EL1 and its like (12.2.20): to all others, or to those of sixteen CPUs that are in a list.
    /// - Parameter isSecure: who is not, sends interrupts of Group 1 alone.
    func sendSGI(_ value: UInt64, _ group: InterruptGroup, isSecure: Bool, from sender: GICv3Redistributor) {
        let intid = UInt32(value >> 24 & 0xf)
        let isToAllOthers = value >> 40 & 1 != 0
        let cluster =
            UInt32(value >> 48 & 0xff) << 24 | UInt32(value >> 32 & 0xff) << 16 | UInt32(value >> 16 & 0xff) << 8
        let first = UInt32(value >> 44 & 0xf) &<< 4
        for cpu in redistributors.indices {
            redistributors[cpu].with { redistributor in
                let affinity = redistributor.affinity
                let isListed =
                    affinity & ~0xff == cluster && affinity & 0xf0 == first && value >> UInt64(affinity & 0xf) & 1 != 0
                if isToAllOthers ? redistributor !== sender : isListed {
                    redistributor.receiveSGI(intid, group, isSecure: isSecure)
                }
            }
        }
    }

    // MARK: Registers

    /// Words, and bytes and half words of them; GICD_IROUTERn also whole.
    func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 {
        try read(offset, size: size, isSecure: !hasSecurity)
    }

    func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {
        try write(offset, size: size, value: value, isSecure: !hasSecurity)
    }

    func read(_ offset: UInt64, size: Int, isSecure: Bool) throws(AccessFault) -> UInt64 {
        guard offset % UInt64(size) == 0 else { throw AccessFault() }
        if Self.routes.contains(offset) {
            let index = Int(offset - Self.routes.lowerBound) / 8
            return isRouteFound(index, isSecure) ? routes[index].part(offset % 8, size: size) : 0
        }
        guard size <= 4 else { throw AccessFault() }
        return UInt64(readWord(offset & ~3, isSecure)).part(offset % 4, size: size)
    }

    func write(_ offset: UInt64, size: Int, value: UInt64, isSecure: Bool) throws(AccessFault) {
        guard offset % UInt64(size) == 0 else { throw AccessFault() }
        if Self.routes.contains(offset) {
            let index = Int(offset - Self.routes.lowerBound) / 8
            guard isRouteFound(index, isSecure) else { return }
            routes[index] = routes[index].replacingPart(offset % 8, size: size, with: value) & Self.affinity
            route(index)
            return updateAll()
        }
        guard size <= 4 else { throw AccessFault() }
        let (word, mask) = UInt32.placed(value, at: offset % 4, size: size)
        writeWord(offset & ~3, word, mask: mask, isSecure)
    }

    private func isRouteFound(_ index: Int, _ isSecure: Bool) -> Bool {
        index < routes.count && (isSecure || banks[index / 32].routableNonSecure >> UInt32(index % 32) & 1 != 0)
    }

    private func readWord(_ offset: UInt64, _ isSecure: Bool) -> UInt32 {
        if let register = InterruptRegister(offset, hasSecurity: hasSecurity) {
            guard register.bank > 0, register.bank <= banks.count else { return 0 }
            let bank = banks[register.bank - 1]
            return isSecure ? bank.read(register) : bank.readNonSecure(register)
        }
        switch offset {
        case Register.control.rawValue:
            // Non-secure software sees ARE_NS in the place of ARE_S, and EnableGrp1A in that of EnableGrp1NS.
            let groups = enablesGroup1 ? Control.enableGroup1 : 0
            guard isSecure else { return Control.fixedNonSecure | groups }
            return (hasSecurity ? Control.fixedWithSecurity : Control.fixed) | groups
                | (enablesGroup0 ? Control.enableGroup0 : 0) | (enablesSecureGroup1 ? Control.enableSecureGroup1 : 0)
        case Register.type.rawValue:
            // No1N, A3V, INTIDs of 16 bits, LPIS, SecurityExtn.
            return (hasSecurity ? 1 << 10 : 0) | 1 << 25 | 1 << 24 | UInt32(GICv3LPIs.idBits - 1) << 19
                | (hasLPIs ? 1 << 17 : 0) | UInt32(interruptCount / 32 - 1)
        case Register.implementer.rawValue: return UInt32(GICv3Identification.implementer)
        case GICv3Identification.range: return GICv3Identification.distributor.read(offset)
        default: return 0
        }
    }

    private func writeWord(_ offset: UInt64, _ value: UInt32, mask: UInt32, _ isSecure: Bool) {
        if let register = InterruptRegister(offset, hasSecurity: hasSecurity) {
            guard register.bank > 0, register.bank <= banks.count else { return }
            banks.change(register.bank - 1) {
                let bits = GICv3InterfaceRegisters.implementedPriorityBits
                if isSecure {
                    $0.write(register, value, mask: mask, priorityBits: bits)
                } else {
                    $0.writeNonSecure(register, value, mask: mask, priorityBits: bits)
                }
            }
            updateAll()
        } else if offset == Register.control.rawValue, mask & 1 != 0 {
            if isSecure {
                enablesGroup0 = value & Control.enableGroup0 != 0
                enablesSecureGroup1 = hasSecurity && value & Control.enableSecureGroup1 != 0
            }
            enablesGroup1 = value & Control.enableGroup1 != 0
            updateAll()
        }
    }

    /// Works out which CPU an SPI goes to: none, where no CPU has the affinity.
    private func route(_ index: Int) {
        let affinity = UInt32(truncatingIfNeeded: routes[index]) & 0xff_ffff | UInt32(routes[index] >> 32) << 24
        let bit = UInt32(1) << UInt32(index % 32)
        for cpu in redistributors.indices {
            let word = cpu * banks.count + index / 32
            let isTarget = redistributors[cpu].with { $0.affinity == affinity }
            if isTarget { targets[word] |= bit } else { targets[word] &= ~bit }
        }
    }

    /// Works out where each SPI goes.
    func route() {
        for index in routes.indices { route(index) }
    }

    // MARK: State

    func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("enable group 0", &enablesGroup0)
        visitor.field("enable group 1", &enablesGroup1)
        if hasSecurity { visitor.field("enable secure group 1", &enablesSecureGroup1) }
        banks.describeState(&visitor, hasSecurity: hasSecurity)
        for index in routes.indices {
            visitor.field("route", &routes[index])
            routes[index] &= Self.affinity
        }
        route()
    }
}

/// The identification registers at the end of each frame of a GICv3 (IHI 0069H, 12.9.38 and its like), as QEMU's board
/// has them.
struct GICv3Identification {
    static let range: Range<UInt64> = 0xffd0..<0x10000
    /// GICD_IIDR, GICR_IIDR, GITS_IIDR: Arm.
    static let implementer: UInt64 = 0x43b

    static let distributor = GICv3Identification(part: 0x92)
    static let redistributor = GICv3Identification(part: 0x93)
    static let translationService = GICv3Identification(part: 0x94)

    private let bytes: [UInt8]

    private init(part: UInt8) {
        bytes = [0x44, 0, 0, 0, part, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1]
    }

    /// - Parameter offset: one of ``range``.
    func read(_ offset: UInt64) -> UInt32 { UInt32(bytes[Int(offset - Self.range.lowerBound) / 4 % bytes.count]) }

    func readDouble(_ offset: UInt64) -> UInt64 { UInt64(read(offset)) | UInt64(read(offset + 4)) << 32 }
}
