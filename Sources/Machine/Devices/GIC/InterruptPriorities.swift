/// An interrupt's group. Without EL3 there is one Security state, and both groups are its own. With it, Group 1 is
/// Non-secure, and a GICv3 has another one for Secure state.
enum InterruptGroup: Int {
    case zero = 0
    case one = 1
    case secureOne = 2
}

/// The interrupt that a CPU interface would have its CPU take next, whether or not its priority suffices.
struct PendingInterrupt: Equatable {
    var intid: UInt32
    /// 0 is the highest.
    var priority: UInt16
    var group: InterruptGroup

    static let none = PendingInterrupt(intid: SpecialINTID.spurious, priority: InterruptPriorities.idle, group: .zero)

    mutating func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("pending", &intid)
        visitor.field("pending priority", &priority)
        visitor.field("pending group", &group, otherwise: .zero)
    }
}

/// INTIDs that are no interrupts (IHI 0048B 3.2.5; IHI 0069 2.2.1).
enum SpecialINTID {
    static let first: UInt32 = 1020
    static let range = first...spurious
    /// Of a GICv3 with two Security states, to EL3: the pending interrupt is of the one state's Group 1, or of the other's.
    static let secureGroup1: UInt32 = 1020
    static let nonSecureGroup1: UInt32 = 1021
    /// The pending interrupt is of Group 1, and what was read acknowledges Group 0.
    static let otherGroup: UInt32 = 1022
    static let spurious: UInt32 = 1023
}

/// Priorities of one CPU interface: what masks interrupts, and which priorities are active.
///
/// The same for GICv2 and GICv3, for physical and virtual interrupts (IHI 0048B 3.3; IHI 0069 4.8). A priority has eight
/// bits, of which an interface implements the upper ones; a lower value is a higher priority. The binary point divides
/// it in two: only the upper part, the group priority, decides about preemption. Each group priority has a bit in the
/// Active Priorities Registers, set while an interrupt of that priority is active.
struct InterruptPriorities {
    /// Lower than every priority: nothing is active, or nothing is pending.
    static let idle: UInt16 = 0x100

    /// The bits of a priority that are implemented.
    let implementedBits: UInt8
    /// The binary point below which no further bit takes part in preemption.
    let minimumBinaryPoint: UInt8
    /// Whether both groups have one set of Active Priorities Registers, as in GICH_APR.
    let hasSharedActivePriorities: Bool

    /// Interrupts of this priority and lower ones are not signalled (PMR).
    private(set) var mask: UInt8 = 0
    /// BPR, which is for Group 0, and for Group 1 as well where the binary point is common.
    private(set) var binaryPoint: UInt8
    /// ABPR, or BPR1: for Group 1, and greater by one than BPR with the same effect (IHI 0048B table 3-2).
    private(set) var group1BinaryPoint: UInt8
    var hasCommonBinaryPoint = false
    /// The Active Priorities Registers of both groups.
    private var active = (zero: ActivePriorities(), one: ActivePriorities())
    /// What a GICv3 with two Security states has for Secure Group 1: the same again.
    private var activeSecureOne = ActivePriorities()
    private(set) var secureGroup1BinaryPoint: UInt8
    var hasSecureCommonBinaryPoint = false
    /// The highest active group priority, or ``idle``.
    private(set) var running = idle

    /// - Parameter bits: how many bits of a priority are implemented: 4 to 8.
    init(bits: UInt8, hasSharedActivePriorities: Bool = false) {
        implementedBits = ~0 << (8 - bits)
        // At least the lowest of eight bits is never part of a group priority.
        minimumBinaryPoint = bits == 8 ? 0 : 7 - bits
        self.hasSharedActivePriorities = hasSharedActivePriorities
        binaryPoint = minimumBinaryPoint
        group1BinaryPoint = minimumBinaryPoint + 1
        secureGroup1BinaryPoint = minimumBinaryPoint
    }

    mutating func reset() {
        mask = 0
        activeSecureOne = ActivePriorities()
        secureGroup1BinaryPoint = minimumBinaryPoint
        hasSecureCommonBinaryPoint = false
        binaryPoint = minimumBinaryPoint
        group1BinaryPoint = minimumBinaryPoint + 1
        hasCommonBinaryPoint = false
        active = (ActivePriorities(), ActivePriorities())
        running = Self.idle
    }

    // MARK: Registers

    mutating func setMask(_ value: UInt64) { mask = UInt8(truncatingIfNeeded: value) & implementedBits }

    /// A value below the minimum sets the minimum (IHI 0048B 4.4.3).
    mutating func setBinaryPoint(_ value: UInt64) {
        binaryPoint = max(UInt8(value & 7), minimumBinaryPoint)
    }

    mutating func setGroup1BinaryPoint(_ value: UInt64) {
        group1BinaryPoint = max(UInt8(value & 7), minimumBinaryPoint + 1)
    }

    mutating func setSecureGroup1BinaryPoint(_ value: UInt64) {
        secureGroup1BinaryPoint = max(UInt8(value & 7), minimumBinaryPoint)
    }

    /// How many 32-bit Active Priorities Registers each group has.
    var activeWordCount: Int { minimumBinaryPoint == 0 ? 4 : 1 }

    func activeWord(_ index: Int, _ group: InterruptGroup) -> UInt32 {
        guard index < activeWordCount else { return 0 }
        return activePriorities(group).word(index)
    }

    mutating func setActiveWord(_ index: Int, _ group: InterruptGroup, _ value: UInt32) {
        guard index < activeWordCount else { return }
        changeActive(group) { $0.setWord(index, value) }
        findRunning()
    }

    /// RPR: the group priority that is active, or 0xff.
    var runningPriority: UInt8 { UInt8(min(running, 0xff)) }

    // MARK: Preemption

    // A call would copy all of it.

    /// The part of a priority that decides about preemption.
    @inline(__always)
    func groupPriority(_ priority: UInt16, _ group: InterruptGroup) -> UInt16 {
        let point =
            switch group {
            case .zero: binaryPoint
            case .one: hasCommonBinaryPoint ? binaryPoint : group1BinaryPoint - 1
            case .secureOne: hasSecureCommonBinaryPoint ? binaryPoint : secureGroup1BinaryPoint
            }
        return priority & ~0 &<< (UInt16(point) &+ 1) & 0xff
    }

    /// Whether the priority is higher than the mask, and its group priority than all that are active.
    @inline(__always)
    func suffices(_ interrupt: PendingInterrupt) -> Bool {
        guard interrupt.priority < UInt16(mask) else { return false }
        return running == Self.idle || groupPriority(interrupt.priority, interrupt.group) < running
    }

    /// The interrupt becomes active.
    @inline(__always)
    mutating func activate(_ interrupt: PendingInterrupt) {
        let priority = groupPriority(interrupt.priority, interrupt.group)
        let level = priority &>> levelShift
        changeActive(interrupt.group) { $0.insert(level) }
        running = min(running, priority)
    }

    /// Drops the highest active priority of a group, if it has one.
    @inline(__always)
    mutating func drop(_ group: InterruptGroup) {
        changeActive(group) { $0.removeHighest() }
        findRunning()
    }

    /// The group of the highest active priority; Group 0 where both have it.
    @inline(__always)
    var runningGroup: InterruptGroup? {
        guard running != Self.idle else { return nil }
        let (zero, one) = (active.zero.highest, active.one.highest)
        if activeSecureOne.highest < min(zero, one) { return .secureOne }
        return zero <= one ? .zero : .one
    }

    private var levelShift: UInt16 { UInt16(minimumBinaryPoint) &+ 1 }

    private func activePriorities(_ group: InterruptGroup) -> ActivePriorities {
        if group == .secureOne { return activeSecureOne }
        return group == .zero || hasSharedActivePriorities ? active.zero : active.one
    }

    @inline(__always)
    private mutating func changeActive(_ group: InterruptGroup, _ change: (inout ActivePriorities) -> Void) {
        if group == .secureOne {
            change(&activeSecureOne)
        } else if group == .zero || hasSharedActivePriorities {
            change(&active.zero)
        } else {
            change(&active.one)
        }
    }

    @inline(__always)
    private mutating func findRunning() {
        let highest = min(active.zero.highest, min(active.one.highest, activeSecureOne.highest))
        running = highest == ActivePriorities.none ? Self.idle : highest &<< levelShift
    }

    // MARK: State

    /// Of Secure Group 1.
    mutating func describeSecureState(_ visitor: inout some StateVisitor) {
        var word = activeWord(0, .secureOne)
        visitor.field("secure active priorities", &word)
        setActiveWord(0, .secureOne, word)
        visitor.field("secure group 1 binary point", &secureGroup1BinaryPoint)
        setSecureGroup1BinaryPoint(UInt64(secureGroup1BinaryPoint))
        visitor.field("secure common binary point", &hasSecureCommonBinaryPoint)
    }

    mutating func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("priority mask", &mask)
        visitor.field("binary point", &binaryPoint)
        visitor.field("group 1 binary point", &group1BinaryPoint)
        setMask(UInt64(mask))
        setBinaryPoint(UInt64(binaryPoint))
        setGroup1BinaryPoint(UInt64(group1BinaryPoint))
        for group in [InterruptGroup.zero, .one] {
            for index in 0..<activeWordCount {
                var word = activeWord(index, group)
                visitor.field("active priorities", &word)
                setActiveWord(index, group, word)
            }
        }
    }
}

/// The Active Priorities Registers of a group: a bit for each group priority, from the highest on.
struct ActivePriorities {
    /// Of 128 group priorities, the higher half and the lower one.
    private var halves: (high: UInt64, low: UInt64) = (0, 0)

    /// What ``highest`` is where none is active.
    static let none: UInt16 = 128

    @inline(__always)
    var highest: UInt16 {
        let count = halves.high != 0 ? halves.high.trailingZeroBitCount : 64 &+ halves.low.trailingZeroBitCount
        return UInt16(truncatingIfNeeded: count)
    }

    /// - Parameter level: less than 128.
    @inline(__always)
    mutating func insert(_ level: UInt16) {
        if level < 64 { halves.high |= 1 &<< UInt64(level) } else { halves.low |= 1 &<< UInt64(level) }
    }

    @inline(__always)
    mutating func removeHighest() {
        if halves.high != 0 { halves.high &= halves.high &- 1 } else { halves.low &= halves.low &- 1 }
    }

    /// One of the four registers.
    func word(_ index: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: (index < 2 ? halves.high : halves.low) >> UInt64(32 * (index & 1)))
    }

    mutating func setWord(_ index: Int, _ value: UInt32) {
        func replace(_ half: inout UInt64) {
            half = half.replacing(at: 32 * (index & 1), bits: 32, with: UInt64(value))
        }
        if index < 2 { replace(&halves.high) } else { replace(&halves.low) }
    }
}
