import ISA

/// The Redistributor of one CPU of a GICv3: the state of its SGIs and PPIs, and its LPIs.
///
/// IHI 0069H, section 12.10. Two frames of 64 KiB, RD_base and SGI_base. As on QEMU's board, GICR_WAKER does not keep
/// interrupts back: software that was only ever run there may not have written it.
final class GICv3Redistributor {
    /// Offsets in RD_base (table 12-27). The registers of SGI_base are ``InterruptRegister``'s.
    enum Register: UInt64 {
        case control = 0x0000
        case implementer = 0x0004
        case type = 0x0008
        case waker = 0x0014
        case configurationBase = 0x0070
        case pendingBase = 0x0078
    }

    private enum Control {
        static let enableLPIs: UInt64 = 1 << 0
        /// CES: LPIs may be disabled again.
        static let clearEnable: UInt64 = 1 << 1
    }

    private enum Waker {
        static let processorSleep: UInt64 = 1 << 1
        static let childrenAsleep: UInt64 = 1 << 2
    }

    /// Where SGI_base begins.
    private static let sgiBase: UInt64 = 0x10000
    static let frameSize: UInt64 = 0x20000
    private static let sgis: UInt32 = 0x0000_ffff
    static let maintenanceINTID = 25

    /// Aff3 to Aff0 of the CPU, a byte each.
    let affinity: UInt32
    private let number: Int
    private let isLast: Bool
    private let hasLPIs: Bool
    private let distributor: GICv3Distributor
    let interface: GICv3CPUInterface

    private var bank = InterruptBank(base: 0, alwaysEdge: sgis)
    /// GICR_NSACR: two bits for each SGI.
    private var nonSecureAccess: UInt32 = 0
    private var isAsleep = true
    var lpis: GICv3LPIs

    init(
        distributor: GICv3Distributor, number: Int, affinity: UInt32, isLast: Bool, memory: PhysicalMemory,
        hasLPIs: Bool, outputs: GICOutputs
    ) {
        self.distributor = distributor
        self.number = number
        self.affinity = affinity
        self.isLast = isLast
        self.hasLPIs = hasLPIs
        lpis = GICv3LPIs(memory: memory, hasSecurity: distributor.hasSecurity)
        interface = GICv3CPUInterface(
            outputs: outputs, maintenance: distributor.line(ppi: Self.maintenanceINTID, cpu: number))
        interface.connect(to: self)
    }

    func reset() {
        bank.reset()
        nonSecureAccess = 0
        isAsleep = true
        lpis.reset()
        interface.reset()
        update()
    }

    // MARK: Highest priority pending interrupt

    /// Looks anew for what is pending for the CPU: mostly nothing, after an interrupt was acknowledged, and after its end.
    func update() {
        let isQuiet = bank.candidates(~0) == 0 && distributor.isQuiet && lpis.isQuiet
        interface.setPending(isQuiet ? .none : highestPending())
    }

    /// Among the CPU's own interrupts, SPIs and LPIs.
    private func highestPending() -> PendingInterrupt {
        var best = PendingInterrupt.none
        bank.findHighest(distributor.forwarded(bank.group, bank.modifier), &best)
        if !distributor.isQuiet { distributor.findHighest(number, &best) }
        if lpis.isQuiet { return best }
        lpis.refresh()
        return lpis.highest.priority < best.priority && distributor.enablesGroup1 ? lpis.highest : best
    }

    /// The wire of a PPI changes.
    func setLevel(_ intid: Int, _ level: Bool) {
        bank.setLevel(intid, level)
        update()
    }

    /// The LPIs may not be those they were.
    func setLPI(_ intid: UInt32, _ isPending: Bool) {
        lpis.setPending(intid, isPending)
        update()
    }

    // MARK: What the CPU interface asks for

    func exists(_ intid: UInt32) -> Bool {
        intid < distributor.interruptCount || intid >= GICv3LPIs.first && lpis.isEnabled
    }

    func acknowledge(_ interrupt: PendingInterrupt) {
        if interrupt.intid >= GICv3LPIs.first {
            setLPI(interrupt.intid, false)
        } else if interrupt.intid >= 32 {
            distributor.acknowledge(interrupt.intid)
        } else {
            bank.acknowledge(1 &<< interrupt.intid)
            update()
        }
    }

    /// LPIs are never active.
    func deactivate(_ intid: UInt32) {
        if intid >= 32 {
            distributor.deactivate(intid)
        } else {
            let bit = UInt32(1) &<< intid
            bank.active &= ~bit
            // It may be pending once more.
            if bank.candidates(bit) != 0 { update() }
        }
    }

    func group(_ intid: UInt32) -> InterruptGroup {
        intid < 32 ? bank.groupOf(Int(intid)) : distributor.group(intid)
    }

    func sendSGI(_ value: UInt64, _ group: InterruptGroup, isSecure: Bool) {
        distributor.sendSGI(value, group, isSecure: isSecure, from: self)
    }

    /// All are Non-secure, as firmware leaves them for software of that state.
    func handOver() {
        bank.group = ~0
        update()
    }

    /// An SGI arrives, if it is of the group that it was sent as, or of Group 0 and sent as of Secure Group 1 (table 12-14).
    /// GICR_NSACR says which of Secure state's Non-secure software may send: of Group 0 from 1 on, all from 2 on.
    func receiveSGI(_ intid: UInt32, _ group: InterruptGroup, isSecure: Bool) {
        let own = bank.groupOf(Int(intid))
        guard own == group || own == .zero && group == .secureOne else { return }
        if !isSecure, own != .one, nonSecureAccess >> (2 * intid) & 3 < (own == .zero ? 1 : 2) { return }
        bank.latched |= 1 &<< intid
        // Nothing else has changed.
        guard !lpis.isStale else { return update() }
        let mask = distributor.forwarded(bank.group, bank.modifier)
        if let interrupt = bank.candidate(Int(intid), mask, before: interface.pending) {
            interface.setPending(interrupt)
        }
    }

    // MARK: Registers

    func read(_ offset: UInt64, size: Int, isSecure: Bool) -> UInt64 {
        if offset >= Self.sgiBase {
            guard size <= 4, let register = bankRegister(offset) else { return 0 }
            if register.kind == .nonSecureAccess {
                return isSecure ? UInt64(nonSecureAccess).part(offset % 4, size: size) : 0
            }
            return UInt64(isSecure ? bank.read(register) : bank.readNonSecure(register)).part(offset % 4, size: size)
        }
        if !isSecure, Self.isWaker(offset) { return 0 }
        return readDouble(offset & ~7).part(offset % 8, size: size)
    }

    /// GICR_WAKER is Secure software's.
    private static func isWaker(_ offset: UInt64) -> Bool { offset & ~7 == Register.waker.rawValue & ~7 }

    func write(_ offset: UInt64, size: Int, value: UInt64, isSecure: Bool) {
        if offset >= Self.sgiBase {
            guard size <= 4, let register = bankRegister(offset) else { return }
            let (word, mask) = UInt32.placed(value, at: offset % 4, size: size)
            let bits = GICv3InterfaceRegisters.implementedPriorityBits
            if register.kind == .nonSecureAccess {
                if isSecure { nonSecureAccess = nonSecureAccess & ~mask | word & mask }
            } else if isSecure {
                bank.write(register, word, mask: mask, priorityBits: bits)
            } else {
                bank.writeNonSecure(register, word, mask: mask, priorityBits: bits)
            }
            return update()
        }
        if !isSecure, Self.isWaker(offset) { return }
        let double = offset & ~7
        writeDouble(double, readDouble(double).replacingPart(offset % 8, size: size, with: value), at: offset)
    }

    /// The register at an offset of SGI_base, if it is about the first thirty-two interrupts; PPIs have no GICR_NSACR.
    private func bankRegister(_ offset: UInt64) -> InterruptRegister? {
        guard
            let register = InterruptRegister((offset - Self.sgiBase) & ~3, hasSecurity: distributor.hasSecurity),
            register.bank == 0, register.kind != .nonSecureAccess || register.part == 0
        else { return nil }
        return register
    }

    /// The two words at a multiple of 8 in RD_base.
    private func readDouble(_ offset: UInt64) -> UInt64 {
        if GICv3Identification.range.contains(offset) { return GICv3Identification.redistributor.readDouble(offset) }
        switch Register(rawValue: offset) {
        case .control:
            let control = hasLPIs ? Control.clearEnable | (lpis.isEnabled ? Control.enableLPIs : 0) : 0
            return control | GICv3Identification.implementer << 32
        case .type:
            // CommonLPIAff is 1: the Redistributors that have Aff3 in common share a configuration table.
            return UInt64(affinity) << 32 | 1 << 24 | UInt64(number) << 8 | (isLast ? 1 << 4 : 0) | (hasLPIs ? 1 : 0)
        case .configurationBase: return lpis.configurationBase
        case .pendingBase: return lpis.pendingBase
        case .waker, .implementer: return 0  // the upper of two words
        case nil:
            guard offset == Register.waker.rawValue & ~7, isAsleep else { return 0 }
            return (Waker.processorSleep | Waker.childrenAsleep) << 32
        }
    }

    private func writeDouble(_ double: UInt64, _ value: UInt64, at offset: UInt64) {
        switch double {
        case Register.control.rawValue where hasLPIs:
            lpis.setEnabled(value & Control.enableLPIs != 0)
            update()
        case Register.waker.rawValue & ~7: isAsleep = value >> 32 & Waker.processorSleep != 0
        case Register.configurationBase.rawValue where hasLPIs: lpis.setConfigurationBase(value)
        case Register.pendingBase.rawValue where hasLPIs: lpis.setPendingBase(value)
        default: break
        }
    }

    // MARK: State

    func describeState(_ visitor: inout some StateVisitor) {
        bank.describeState(&visitor, hasSecurity: distributor.hasSecurity)
        if distributor.hasSecurity { visitor.field("sgi non-secure access", &nonSecureAccess) }
        visitor.field("asleep", &isAsleep)
        lpis.describeState(&visitor)
        interface.describeState(&visitor)
    }
}

/// All Redistributors, one after another.
final class GICv3RedistributorRegion: SecureRegisters {
    let name: String
    let redistributors: [GICv3Redistributor]
    private let hasSecurity: Bool

    init(name: String, redistributors: [GICv3Redistributor], hasSecurity: Bool = false) {
        self.name = name
        self.hasSecurity = hasSecurity
        self.redistributors = redistributors
    }

    private func redistributor(_ offset: UInt64) -> GICv3Redistributor? {
        let index = offset / GICv3Redistributor.frameSize
        return index < UInt64(redistributors.count) ? redistributors[Int(index)] : nil
    }

    func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 {
        try read(offset, size: size, isSecure: !hasSecurity)
    }

    func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {
        try write(offset, size: size, value: value, isSecure: !hasSecurity)
    }

    func read(_ offset: UInt64, size: Int, isSecure: Bool) throws(AccessFault) -> UInt64 {
        guard offset % UInt64(size) == 0 else { throw AccessFault() }
        return redistributor(offset)?.read(offset % GICv3Redistributor.frameSize, size: size, isSecure: isSecure) ?? 0
    }

    func write(_ offset: UInt64, size: Int, value: UInt64, isSecure: Bool) throws(AccessFault) {
        guard offset % UInt64(size) == 0 else { throw AccessFault() }
        redistributor(offset)?.write(
            offset % GICv3Redistributor.frameSize, size: size, value: value, isSecure: isSecure)
    }

    func reset() {
        for redistributor in redistributors { redistributor.reset() }
    }

    func describeState(_ visitor: inout some StateVisitor) {
        for redistributor in redistributors { redistributor.describeState(&visitor) }
    }
}
