import ISA

/// The Distributor of a GICv2: the state of all interrupts, and to which CPUs each goes.
///
/// "ARM Generic Interrupt Controller Architecture Specification", version 2.0, IHI 0048B, section 4.3. With the Security
/// Extensions, accesses that are not Secure find Group 1 alone. INTIDs 0 to 15 are SGIs, which CPUs send each other, 16 to 31 are PPIs, of which each CPU
/// has its own, and from 32 on are SPIs.
final class GICv2Distributor: SecureRegisters, InterruptSink, GICv2InterruptSource {
    /// Offsets (table 4-1); those of the registers with a part for each interrupt are ``InterruptRegister``'s.
    enum Register: UInt64 {
        case control = 0x000
        case type = 0x004
        case implementer = 0x008
        case sendSGI = 0xf00
    }

    /// GICD_ITARGETSRn, GICD_CPENDSGIRn, GICD_SPENDSGIRn: a byte for each interrupt, with a bit for each CPU.
    private enum Bytes {
        static let targets: Range<UInt64> = 0x800..<0xc00
        static let clearSGIs: Range<UInt64> = 0xf10..<0xf20
        static let setSGIs: Range<UInt64> = 0xf20..<0xf30
        static let identification: Range<UInt64> = 0xfd0..<0x1000
    }

    /// GICD_SGIR (4.3.15).
    private enum TargetFilter: UInt32 {
        case list = 0
        case others = 1
        case requester = 2
    }

    private static let sgiCount = 16
    private static let sgis: UInt32 = 0x0000_ffff
    /// Peripheral and component identification of a GICv2, from GICD_PIDR4 on (4.3.18).
    private static let identification: [UInt8] = [
        0x04, 0x00, 0x00, 0x00, 0x90, 0xb4, 0x2b, 0x00, 0x0d, 0xf0, 0x05, 0xb1,
    ]

    let name: String
    let cpuCount: Int
    /// How many INTIDs there are: a multiple of 32.
    let interruptCount: Int
    private let accessor: () -> Int
    /// The Security Extensions are there.
    private let hasSecurity: Bool
    /// The CPU interfaces, in the order of their numbers. They hold the Distributor, and it does not hold them.
    private var interfaces = FixedArray<Uncounted<GICv2CPUInterface>>([])

    private var enablesGroup0 = false
    private var enablesGroup1 = false
    /// INTIDs 0 to 31 of each CPU.
    private var privateBanks: FixedArray<InterruptBank>
    /// SPIs.
    private var sharedBanks: InterruptBanks
    /// For each CPU, a word for each of ``sharedBanks`` with the SPIs that go to it.
    private var targets: FixedArray<UInt32>
    /// For each CPU, a byte for each SGI with the CPUs that have sent it and whose sending is pending.
    private var senders: FixedArray<UInt8>

    /// - Parameters:
    ///   - spis: how many SPIs there are: a multiple of 32, at most 960.
    ///   - accessor: the number of the CPU whose access this is.
    init(name: String, cpuCount: Int, spis: Int, hasSecurity: Bool = false, accessor: @escaping () -> Int) {
        precondition((1...8).contains(cpuCount) && spis % 32 == 0 && (0...960).contains(spis))
        self.name = name
        self.cpuCount = cpuCount
        self.hasSecurity = hasSecurity
        self.accessor = accessor
        interruptCount = 32 + spis
        let privateBank = InterruptBank(
            base: 0, alwaysEnabled: Self.sgis, alwaysEdge: Self.sgis, hasOwnPendingRegisters: Self.sgis)
        privateBanks = FixedArray(repeating: privateBank, count: cpuCount)
        sharedBanks = InterruptBanks(count: spis / 32)
        targets = FixedArray(repeating: 0, count: cpuCount * spis / 32)
        senders = FixedArray(repeating: 0, count: cpuCount * Self.sgiCount)
        resetTargets()
    }

    /// The CPU interfaces are ready. - Precondition: they outlive every use of the Distributor.
    func connect(_ interfaces: [GICv2CPUInterface]) {
        self.interfaces = FixedArray(interfaces.map { Uncounted($0) })
    }

    func reset() {
        enablesGroup0 = false
        enablesGroup1 = false
        for index in privateBanks.indices { privateBanks[index].reset() }
        sharedBanks.reset()
        for index in senders.indices { senders[index] = 0 }
        resetTargets()
        updateAll()
    }

    /// Every interrupt is Non-secure: as firmware leaves them for software of that state, which cannot change it.
    func handOver() {
        for index in privateBanks.indices { privateBanks[index].group = ~0 }
        for index in 0..<sharedBanks.count { sharedBanks.change(index) { $0.group = ~0 } }
        updateAll()
    }

    /// GICD_ITARGETSR0 to 7 are read-only, and so are all where there is one CPU: it is the target of everything (4.3.12).
    private func resetTargets() {
        for index in targets.indices { targets[index] = cpuCount == 1 ? ~0 : 0 }
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
            guard cpu < cpuCount, (Self.sgiCount..<32).contains(intid) else { return }
            privateBanks[cpu].setLevel(intid, level)
            update(cpu)
        } else {
            guard intid >= 32, intid < interruptCount else { return }
            sharedBanks.change(intid / 32 - 1) { $0.setLevel(intid % 32, level) }
            updateAll()
        }
    }

    // MARK: Highest priority pending interrupt

    /// Looks anew for what is pending for a CPU: mostly nothing, after an interrupt was acknowledged, and after its end.
    private func update(_ cpu: Int) {
        guard cpu < interfaces.count else { return }
        let isQuiet = sharedBanks.isQuiet && privateBanks[cpu].candidates(~0) == 0
        let best = isQuiet ? .none : highestPending(cpu)
        interfaces[cpu].with { $0.setPending(best) }
    }

    /// An interrupt of a CPU's own has come to be pending, and nothing else has changed.
    private func raise(_ intid: Int, _ cpu: Int) {
        guard cpu < interfaces.count else { return }
        let mask = forwarded(privateBanks[cpu].group)
        interfaces[cpu].with { interface in
            guard let interrupt = privateBanks[cpu].candidate(intid, mask, before: interface.pending) else { return }
            interface.setPending(interrupt)
        }
    }

    /// Groups that the Distributor does not enable are not forwarded (4.3.1).
    private func highestPending(_ cpu: Int) -> PendingInterrupt {
        var best = PendingInterrupt.none
        privateBanks[cpu].findHighest(forwarded(privateBanks[cpu].group), &best)
        if sharedBanks.isQuiet { return best }
        sharedBanks.findHighest(&best) { index, group, _ in
            targets[cpu * sharedBanks.count + index] & forwarded(group)
        }
        return best
    }

    /// Those of thirty-two interrupts whose group is enabled, by a word that has their groups.
    private func forwarded(_ group: UInt32) -> UInt32 {
        (enablesGroup0 ? ~group : 0) | (enablesGroup1 ? group : 0)
    }

    private func updateAll() {
        for cpu in interfaces.indices { update(cpu) }
    }

    // MARK: What CPU interfaces ask for

    func identifier(_ interrupt: PendingInterrupt, _ cpu: Int) -> UInt32 {
        guard interrupt.intid < Self.sgiCount else { return interrupt.intid }
        let senders = senders[sgiPlace(interrupt.intid, cpu)]
        return interrupt.intid | UInt32(truncatingIfNeeded: senders.trailingZeroBitCount & 7) << 10
    }

    func acknowledge(_ interrupt: PendingInterrupt, _ cpu: Int) -> UInt32 {
        let identifier = identifier(interrupt, cpu)
        guard interrupt.intid < interruptCount else { return SpecialINTID.spurious }
        if interrupt.intid < 32 {
            let bit = UInt32(1) &<< interrupt.intid
            // Of several CPUs that sent an SGI, the lowest one's is taken, and the others' stay pending.
            var others: UInt8 = 0
            if interrupt.intid < Self.sgiCount {
                let place = sgiPlace(interrupt.intid, cpu)
                others = senders[place] & (senders[place] &- 1)
                senders[place] = others
            }
            privateBanks[cpu].acknowledge(bit, keepsPending: others != 0)
            update(cpu)
        } else {
            sharedBanks.activate(interrupt.intid)
            updateAll()
        }
        return identifier
    }

    func group(_ intid: UInt32, _ cpu: Int) -> InterruptGroup? {
        guard intid < interruptCount else { return nil }
        let group = intid < 32 ? privateBanks[cpu].group : sharedBanks[Int(intid) / 32 - 1].group
        return group &>> (intid & 31) & 1 == 0 ? .zero : .one
    }

    func deactivate(_ intid: UInt32, _ cpu: Int, isAnyActive: Bool) {
        guard isAnyActive, intid < interruptCount else { return }
        if intid < 32 {
            let bit = UInt32(1) &<< intid
            privateBanks[cpu].active &= ~bit
            // It may be pending once more.
            if privateBanks[cpu].candidates(bit) != 0 { update(cpu) }
        } else {
            sharedBanks.deactivate(intid)
            updateAll()
        }
    }

    func interfaceChanged() {}

    // MARK: Registers

    /// Words; bytes and half words where a register has a part of that size for an interrupt (4.1.4), and in all others
    /// too, which changes nothing of what a driver may do.
    func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 {
        try read(offset, size: size, isSecure: !hasSecurity)
    }

    func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {
        try write(offset, size: size, value: value, isSecure: !hasSecurity)
    }

    func read(_ offset: UInt64, size: Int, isSecure: Bool) throws(AccessFault) -> UInt64 {
        guard size <= 4, isAligned(offset, size: size) else { throw AccessFault() }
        let cpu = accessor()
        let word = isSecure ? readWord(offset & ~3, cpu) : readWordNonSecure(offset & ~3, cpu)
        return UInt64(word).part(offset % 4, size: size)
    }

    func write(_ offset: UInt64, size: Int, value: UInt64, isSecure: Bool) throws(AccessFault) {
        guard size <= 4, isAligned(offset, size: size) else { throw AccessFault() }
        // What is written more often than all others.
        if offset == Register.sendSGI.rawValue, size == 4 {
            // NSATT
            let secureGroup: InterruptGroup? = hasSecurity ? (value >> 15 & 1 == 0 ? .zero : .one) : nil
            return sendSGI(
                UInt32(truncatingIfNeeded: value), from: accessor(), ofGroup: isSecure ? secureGroup : .one)
        }
        let (word, mask) = UInt32.placed(value, at: offset % 4, size: size)
        if isSecure {
            writeWord(offset & ~3, word, mask: mask, accessor())
        } else {
            writeWordNonSecure(offset & ~3, word, mask: mask, accessor())
        }
    }

    // MARK: Registers, of Non-secure accesses

    private func readWordNonSecure(_ offset: UInt64, _ cpu: Int) -> UInt32 {
        guard (0..<cpuCount).contains(cpu) else { return 0 }
        if let register = InterruptRegister(offset) {
            if register.bank == 0 { return privateBanks[cpu].readNonSecure(register) }
            return register.bank <= sharedBanks.count ? sharedBanks[register.bank - 1].readNonSecure(register) : 0
        }
        switch offset {
        case Register.control.rawValue: return enablesGroup1 ? 1 : 0
        case Bytes.targets, Bytes.clearSGIs, Bytes.setSGIs:
            return readWord(offset, cpu) & groupOneBytes(offset, cpu)
        default: return readWord(offset, cpu)
        }
    }

    private func writeWordNonSecure(_ offset: UInt64, _ value: UInt32, mask: UInt32, _ cpu: Int) {
        guard (0..<cpuCount).contains(cpu) else { return }
        if let register = InterruptRegister(offset) {
            if register.bank == 0 {
                privateBanks[cpu].writeNonSecure(register, value, mask: mask, priorityBits: ~0)
                update(cpu)
            } else if register.bank <= sharedBanks.count {
                sharedBanks.change(register.bank - 1) {
                    $0.writeNonSecure(register, value, mask: mask, priorityBits: ~0)
                }
                updateAll()
            }
            return
        }
        switch offset {
        case Register.control.rawValue where mask & 1 != 0:
            enablesGroup1 = value & 1 != 0
            updateAll()
        case Bytes.targets, Bytes.clearSGIs, Bytes.setSGIs:
            writeWord(offset, value, mask: mask & groupOneBytes(offset, cpu), cpu)
        default: break
        }
    }

    /// Of a word with a byte for each of four interrupts, the bytes of those of Group 1.
    private func groupOneBytes(_ offset: UInt64, _ cpu: Int) -> UInt32 {
        let first = Bytes.targets.contains(offset) ? Int(offset - Bytes.targets.lowerBound) : Int(offset % 16)
        return (0..<4).reduce(0) { mask, byte in
            group(UInt32(first + byte), cpu) == .one ? mask | 0xff << UInt32(8 * byte) : mask
        }
    }

    private func readWord(_ offset: UInt64, _ cpu: Int) -> UInt32 {
        guard (0..<cpuCount).contains(cpu) else { return 0 }
        if let register = InterruptRegister(offset) {
            if register.bank == 0 { return privateBanks[cpu].read(register) }
            return register.bank <= sharedBanks.count ? sharedBanks[register.bank - 1].read(register) : 0
        }
        switch offset {
        case Register.control.rawValue: return (enablesGroup0 ? 1 : 0) | (enablesGroup1 ? 2 : 0)
        case Register.type.rawValue:
            // SecurityExtn, CPUNumber, ITLinesNumber
            return (hasSecurity ? 1 << 10 : 0) | UInt32(cpuCount - 1) << 5 | UInt32(interruptCount / 32 - 1)
        case Register.implementer.rawValue: return 0x0000_043b  // Arm, as on QEMU's board
        case Bytes.targets: return bytes(offset - Bytes.targets.lowerBound) { targetsOf($0, cpu) }
        case Bytes.clearSGIs, Bytes.setSGIs: return bytes(offset % 16) { senders[cpu * Self.sgiCount + $0] }
        case Bytes.identification: return UInt32(Self.identification[Int(offset - Bytes.identification.lowerBound) / 4])
        default: return 0
        }
    }

    private func writeWord(_ offset: UInt64, _ value: UInt32, mask: UInt32, _ cpu: Int) {
        guard (0..<cpuCount).contains(cpu) else { return }
        if let register = InterruptRegister(offset) {
            if register.bank == 0 {
                privateBanks[cpu].write(register, value, mask: mask, priorityBits: ~0)
                update(cpu)
            } else if register.bank <= sharedBanks.count {
                sharedBanks.change(register.bank - 1) { $0.write(register, value, mask: mask, priorityBits: ~0) }
                updateAll()
            }
            return
        }
        func eachByte(_ first: UInt64, _ body: (Int, UInt8) -> Void) {
            for byte in 0..<4 as Range<UInt64> where mask >> UInt32(8 * byte) & 1 != 0 {
                body(Int(first + byte), UInt8(truncatingIfNeeded: value >> UInt32(8 * byte)))
            }
        }
        switch offset {
        case Register.control.rawValue where mask & 1 != 0:
            enablesGroup0 = value & 1 != 0
            enablesGroup1 = value & 2 != 0
            updateAll()
        case Bytes.targets:
            eachByte(offset - Bytes.targets.lowerBound) { setTargets($0, $1) }
            updateAll()
        case Bytes.clearSGIs: eachByte(offset % 16) { setSenders(cpu, $0, remove: $1, add: 0) }
        case Bytes.setSGIs: eachByte(offset % 16) { setSenders(cpu, $0, remove: 0, add: $1) }
        default: break
        }
    }

    private func bytes(_ first: UInt64, _ byte: (Int) -> UInt8) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(byte(Int(first) + $1)) << UInt32(8 * $1) }
    }

    /// GICD_ITARGETSRn (4.3.12). For SGIs and PPIs it tells the CPU its own number, where there are several.
    private func targetsOf(_ intid: Int, _ cpu: Int) -> UInt8 {
        guard cpuCount > 1, intid < interruptCount else { return 0 }
        guard intid >= 32 else { return 1 << UInt8(cpu) }
        return (0..<cpuCount).reduce(0) { byte, cpu in
            let word = targets[cpu * sharedBanks.count + intid / 32 - 1]
            return byte | UInt8(word >> UInt32(intid % 32) & 1) << UInt8(cpu)
        }
    }

    private func setTargets(_ intid: Int, _ byte: UInt8) {
        guard cpuCount > 1, intid >= 32, intid < interruptCount else { return }
        let bit = UInt32(1) << UInt32(intid % 32)
        for cpu in 0..<cpuCount {
            let index = cpu * sharedBanks.count + intid / 32 - 1
            if byte >> UInt8(cpu) & 1 != 0 { targets[index] |= bit } else { targets[index] &= ~bit }
        }
    }

    // MARK: SGIs

    /// - Parameter required: the group that the interrupt has to be of at its target; nil where either will do.
    private func sendSGI(_ value: UInt32, from sender: Int, ofGroup required: InterruptGroup?) {
        guard (0..<cpuCount).contains(sender) else { return }
        let own = UInt32(1) &<< UInt32(truncatingIfNeeded: sender)
        var targets: UInt32
        switch TargetFilter(rawValue: value >> 24 & 3) {
        case .list: targets = value >> 16 & 0xff
        case .others: targets = ~own
        case .requester: targets = own
        case nil: return
        }
        targets &= 1 &<< UInt32(truncatingIfNeeded: cpuCount) &- 1
        while targets != 0 {
            let cpu = targets.trailingZeroBitCount
            targets &= targets &- 1
            if let required, group(value & 0xf, cpu) != required { continue }
            setSenders(cpu, Int(value & 0xf), remove: 0, add: UInt8(truncatingIfNeeded: own))
        }
    }

    /// Where ``senders`` has an SGI of a CPU.
    private func sgiPlace(_ intid: UInt32, _ cpu: Int) -> Int { cpu &* Self.sgiCount &+ Int(intid) }

    /// Changes by whom an SGI is pending for a CPU.
    private func setSenders(_ cpu: Int, _ intid: Int, remove: UInt8, add: UInt8) {
        let place = sgiPlace(UInt32(truncatingIfNeeded: intid), cpu)
        let present = UInt8(truncatingIfNeeded: 1 &<< cpuCount &- 1)
        let new = senders[place] & ~remove | add & present
        senders[place] = new
        let bit = UInt32(1) &<< UInt32(truncatingIfNeeded: intid)
        if new != 0 {
            privateBanks[cpu].latched |= bit
            raise(intid, cpu)
        } else {
            privateBanks[cpu].latched &= ~bit
            update(cpu)
        }
    }

    // MARK: State

    func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("enable group 0", &enablesGroup0)
        visitor.field("enable group 1", &enablesGroup1)
        for index in privateBanks.indices { privateBanks[index].describeState(&visitor) }
        sharedBanks.describeState(&visitor)
        for index in targets.indices { visitor.field("targets", &targets[index]) }
        for index in senders.indices { visitor.field("sgi senders", &senders[index]) }
    }
}
