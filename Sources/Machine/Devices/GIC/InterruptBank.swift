/// Thirty-two interrupts as a Distributor or Redistributor keeps them: one bit of each register, and a priority each.
struct InterruptBank {
    /// The INTID of the first one.
    let base: UInt32
    /// Interrupts that cannot be disabled.
    let alwaysEnabled: UInt32
    /// Interrupts that are edge-triggered, whatever is written: SGIs.
    let alwaysEdge: UInt32
    /// Interrupts whose pending state is not for the set- and clear-pending registers to change.
    let hasOwnPendingRegisters: UInt32

    var group: UInt32 = 0
    /// Of those that are not of Group 1, the ones of Secure Group 1 (IGRPMODR), where a GICv3 has two Security states.
    var modifier: UInt32 = 0
    /// Two bits each: what Non-secure software may do with them although they are not of Group 1 (GICD_NSACRn).
    var nonSecureAccess: UInt64 = 0
    var enabled: UInt32
    var edge: UInt32
    /// Pending by an edge or by software.
    var latched: UInt32 = 0
    /// The levels of the wires.
    private(set) var level: UInt32 = 0
    var active: UInt32 = 0
    private var priorities = SIMD32<UInt8>()

    init(base: UInt32, alwaysEnabled: UInt32 = 0, alwaysEdge: UInt32 = 0, hasOwnPendingRegisters: UInt32 = 0) {
        self.base = base
        self.alwaysEnabled = alwaysEnabled
        self.alwaysEdge = alwaysEdge
        self.hasOwnPendingRegisters = hasOwnPendingRegisters
        enabled = alwaysEnabled
        edge = alwaysEdge
    }

    /// Wires keep their level.
    mutating func reset() {
        group = 0
        modifier = 0
        nonSecureAccess = 0
        enabled = alwaysEnabled
        edge = alwaysEdge
        latched = 0
        active = 0
        priorities = SIMD32()
    }

    /// A level-sensitive interrupt is pending as long as its wire is high, too (IHI 0048B figure 4-10).
    var pending: UInt32 { latched | (level & ~edge) }

    /// Those of `mask` that are to be signalled. An interrupt that is active waits until it is not.
    @inline(__always)
    func candidates(_ mask: UInt32) -> UInt32 { pending & enabled & ~active & mask }

    func priority(_ index: Int) -> UInt8 { priorities[index & 31] }

    mutating func setLevel(_ index: Int, _ isHigh: Bool) {
        let bit = UInt32(1) << UInt32(index & 31)
        if isHigh {
            level |= bit
            latched |= bit & edge
        } else {
            level &= ~bit
        }
    }

    /// The interrupt with this bit becomes active.
    /// - Parameter keepsPending: it is pending once more.
    @inline(__always)
    mutating func acknowledge(_ bit: UInt32, keepsPending: Bool = false) {
        active |= bit
        if !keepsPending { latched &= ~bit }
    }

    /// The interrupt of this index, if it is one of `mask`, is to be signalled, and comes before `other`: it is of higher
    /// priority, or of the same with a lower INTID.
    @inline(__always)
    func candidate(_ index: Int, _ mask: UInt32, before other: PendingInterrupt) -> PendingInterrupt? {
        guard candidates(mask) &>> UInt32(truncatingIfNeeded: index) & 1 != 0 else { return nil }
        let (intid, priority) = (base &+ UInt32(truncatingIfNeeded: index), UInt16(priorities[index & 31]))
        guard priority < other.priority || priority == other.priority && intid < other.intid else { return nil }
        return PendingInterrupt(intid: intid, priority: priority, group: groupOf(index))
    }

    /// Replaces `best` by the interrupt of highest priority among those of `mask`, if that is higher.
    @inline(__always)
    func findHighest(_ mask: UInt32, _ best: inout PendingInterrupt) {
        var candidates = candidates(mask)
        while candidates != 0 {
            let index = candidates.trailingZeroBitCount
            candidates &= candidates &- 1
            let priority = UInt16(priorities[index])
            guard priority < best.priority else { continue }
            best = PendingInterrupt(
                intid: base &+ UInt32(truncatingIfNeeded: index), priority: priority, group: groupOf(index))
        }
    }

    func groupOf(_ index: Int) -> InterruptGroup {
        let place = UInt32(truncatingIfNeeded: index)
        if group &>> place & 1 != 0 { return .one }
        return modifier &>> place & 1 == 0 ? .zero : .secureOne
    }

    // MARK: Registers

    func read(_ register: InterruptRegister) -> UInt32 {
        switch register.kind {
        case .group: return group
        case .modifier: return modifier
        case .nonSecureAccess: return UInt32(truncatingIfNeeded: nonSecureAccess >> UInt64(32 * (register.part & 1)))
        case .setEnable, .clearEnable: return enabled
        case .setPending, .clearPending: return pending
        case .setActive, .clearActive: return active
        case .priority:
            var word: UInt32 = 0
            for byte in 0..<4 { word |= UInt32(priorities[(register.part * 4 + byte) & 31]) << UInt32(8 * byte) }
            return word
        case .configuration:
            // Two bits an interrupt, of which the upper one says that it is edge-triggered.
            let half = edge >> UInt32(16 * (register.part & 1))
            var word: UInt32 = 0
            for index in 0..<16 as Range<UInt32> { word |= (half >> index & 1) << (2 * index + 1) }
            return word
        }
    }

    /// - Parameter mask: the bits of the word that were written.
    mutating func write(_ register: InterruptRegister, _ value: UInt32, mask: UInt32, priorityBits: UInt8) {
        let bits = value & mask
        switch register.kind {
        case .group: group = (group & ~mask) | bits
        case .modifier: modifier = (modifier & ~mask) | bits
        case .nonSecureAccess:
            let shift = UInt64(32 * (register.part & 1))
            nonSecureAccess = nonSecureAccess & ~(UInt64(mask) << shift) | UInt64(bits) << shift
        case .setEnable: enabled |= bits
        case .clearEnable: enabled &= ~bits | alwaysEnabled
        case .setPending: latched |= bits & ~hasOwnPendingRegisters
        case .clearPending: latched &= ~bits | hasOwnPendingRegisters
        case .setActive: active |= bits
        case .clearActive: active &= ~bits
        case .priority:
            for byte in 0..<4 where mask >> UInt32(8 * byte) & 1 != 0 {
                let priority = UInt8(truncatingIfNeeded: value >> UInt32(8 * byte))
                priorities[(register.part * 4 + byte) & 31] = priority & priorityBits
            }
        case .configuration:
            for index in 0..<16 as Range<UInt32> where mask >> (2 * index + 1) & 1 != 0 {
                let bit = UInt32(1) << (index + 16 * UInt32(register.part & 1)) & ~alwaysEdge
                if value >> (2 * index + 1) & 1 != 0 { edge |= bit } else { edge &= ~bit }
            }
        }
    }

    // MARK: State

    /// - Parameter hasSecurity: there is what two Security states of a GICv3 have.
    mutating func describeState(_ visitor: inout some StateVisitor, hasSecurity: Bool = false) {
        visitor.field("group", &group)
        visitor.field("enabled", &enabled)
        visitor.field("edge", &edge)
        visitor.field("latched", &latched)
        visitor.field("level", &level)
        visitor.field("active", &active)
        if hasSecurity {
            visitor.field("group modifier", &modifier)
            visitor.field("non-secure access", &nonSecureAccess)
        }
        enabled |= alwaysEnabled
        edge |= alwaysEdge
        var bytes = (0..<32).map { priorities[$0] }
        visitor.field("priorities", &bytes, count: 32)
        for index in 0..<32 { priorities[index] = bytes[index] }
    }
}

/// The banks of all SPIs, and which of them have something that is to be signalled.
struct InterruptBanks: ~Copyable {
    private var banks: FixedArray<InterruptBank>
    /// A bit for each bank with a candidate.
    private var hasCandidates: UInt32 = 0

    /// - Parameter count: thirty-two SPIs each; at most thirty.
    init(count: Int) {
        banks = FixedArray((0..<count).map { InterruptBank(base: 32 + 32 * UInt32($0)) })
    }

    var count: Int { banks.count }

    /// None of them is to be signalled, whatever its group and target are.
    var isQuiet: Bool { hasCandidates == 0 }

    subscript(index: Int) -> InterruptBank { banks[index] }

    /// Changes a bank.
    @inline(__always)
    mutating func change(_ index: Int, _ body: (inout InterruptBank) -> Void) {
        body(&banks[index])
        let bit = UInt32(1) << UInt32(index)
        if banks[index].candidates(~0) != 0 { hasCandidates |= bit } else { hasCandidates &= ~bit }
    }

    /// The interrupt becomes active: it is acknowledged.
    mutating func activate(_ intid: UInt32) {
        let bit = UInt32(1) << (intid % 32)
        change(Int(intid) / 32 - 1) { $0.acknowledge(bit) }
    }

    mutating func deactivate(_ intid: UInt32) {
        change(Int(intid) / 32 - 1) { $0.active &= ~(UInt32(1) << (intid % 32)) }
    }

    mutating func reset() {
        for index in banks.indices { change(index) { $0.reset() } }
    }

    /// Replaces `best` by the interrupt of highest priority among those of each bank's mask, if that is higher.
    @inline(__always)
    func findHighest(
        _ best: inout PendingInterrupt, mask: (_ index: Int, _ group: UInt32, _ modifier: UInt32) -> UInt32
    ) {
        var left = hasCandidates
        while left != 0 {
            let index = left.trailingZeroBitCount
            left &= left - 1
            banks[index].findHighest(mask(index, banks[index].group, banks[index].modifier), &best)
        }
    }

    mutating func describeState(_ visitor: inout some StateVisitor, hasSecurity: Bool = false) {
        for index in banks.indices {
            banks[index].describeState(&visitor, hasSecurity: hasSecurity)
            change(index) { _ in }
        }
    }
}

/// A register with a bit, two bits or a byte for each interrupt, at the offsets that GICv2's and GICv3's Distributor and
/// GICv3's Redistributor share (IHI 0048B table 4-1; IHI 0069 tables 12-25 and 12-29).
struct InterruptRegister: Equatable {
    enum Kind: UInt64 {
        case group = 0x080
        case setEnable = 0x100
        case clearEnable = 0x180
        case setPending = 0x200
        case clearPending = 0x280
        case setActive = 0x300
        case clearActive = 0x380
        case priority = 0x400
        case configuration = 0xc00
        /// Of a GICv3 with two Security states alone.
        case modifier = 0xd00
        case nonSecureAccess = 0xe00
    }

    let kind: Kind
    /// Which thirty-two interrupts it is about.
    let bank: Int
    /// Which of the bank's words of this kind it is.
    let part: Int

    /// - Parameters:
    ///   - offset: a multiple of 4.
    ///   - hasSecurity: it is a GICv3's with two Security states.
    init?(_ offset: UInt64, hasSecurity: Bool = false) {
        switch offset {
        case 0x080..<0x400:
            guard let kind = Kind(rawValue: offset & ~0x7f) else { return nil }
            self.kind = kind
            bank = Int(offset & 0x7f) / 4
            part = 0
        case 0x400..<0x800:
            kind = .priority
            bank = Int(offset - 0x400) / 32
            part = Int(offset % 32) / 4
        case 0xc00..<0xd00:
            kind = .configuration
            bank = Int(offset - 0xc00) / 8
            part = Int(offset % 8) / 4
        case 0xd00..<0xd80 where hasSecurity:
            kind = .modifier
            bank = Int(offset - 0xd00) / 4
            part = 0
        case 0xe00..<0xf00 where hasSecurity:
            kind = .nonSecureAccess
            bank = Int(offset - 0xe00) / 8
            part = Int(offset % 8) / 4
        default: return nil
        }
    }
}
