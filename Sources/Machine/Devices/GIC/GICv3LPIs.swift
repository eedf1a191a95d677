import ISA

/// The LPIs of one CPU of a GICv3: interrupts that are messages, and whose configuration and pending state are tables in
/// the guest's memory.
///
/// IHI 0069H, sections 5.1 and 12.11. The pending table is written through, so that its bits are all there is to know of
/// what is pending; beside it there is the number of them, and the one of highest priority. A guest that writes the
/// tables itself without saying so (INV) finds out what it did when they are next read.
struct GICv3LPIs {
    /// The first INTID of an LPI.
    static let first: UInt32 = 8192
    /// INTIDs have 16 bits: GICD_TYPER.IDbits.
    static let idBits: UInt64 = 16

    private let memory: PhysicalMemory
    /// There are two Security states, of which LPIs are the Non-secure one's.
    private let hasSecurity: Bool

    /// GICR_CTLR.EnableLPIs.
    private(set) var isEnabled = false
    /// GICR_PROPBASER: where the configuration table is, which all CPUs share.
    private(set) var configurationBase: UInt64 = 0
    /// GICR_PENDBASER.
    private(set) var pendingBase: UInt64 = 0
    /// How many pending bits were set by us. When it is 0 nobody has to look.
    private var pendingCount: UInt64 = 0
    /// The enabled and pending LPI of highest priority, unless that has to be looked for anew.
    private(set) var highest = PendingInterrupt.none
    private(set) var isStale = false

    init(memory: PhysicalMemory, hasSecurity: Bool = false) {
        self.memory = memory
        self.hasSecurity = hasSecurity
    }

    mutating func reset() {
        isEnabled = false
        configurationBase = 0
        pendingBase = 0
        pendingCount = 0
        highest = .none
        isStale = false
    }

    // MARK: Tables

    private enum Base {
        static let address: UInt64 = 0x000f_ffff_ffff_f000
        static let pendingAddress: UInt64 = 0x000f_ffff_ffff_0000
        /// IDbits: one less than the bits of an INTID.
        static let idBits: UInt64 = 0x1f
        /// Cacheability and shareability, which are kept.
        static let attributes: UInt64 = 0x0700_0000_0000_0f80
        /// PTZ: the pending table is known to be zero. It reads as zero.
        static let isZero: UInt64 = 1 << 62
    }

    /// The INTIDs that the tables have room for.
    private var range: Range<UInt32> {
        let bits = min(configurationBase & Base.idBits + 1, Self.idBits)
        return bits > 13 ? Self.first..<UInt32(1) << UInt32(bits) : Self.first..<Self.first
    }

    /// While LPIs are enabled the tables stay where they are: writes are UNPREDICTABLE, and ignored.
    mutating func setConfigurationBase(_ value: UInt64) {
        guard !isEnabled else { return }
        configurationBase = value & (Base.address | Base.idBits | Base.attributes)
    }

    mutating func setPendingBase(_ value: UInt64) {
        guard !isEnabled else { return }
        pendingBase = value & (Base.pendingAddress | Base.attributes)
    }

    /// EnableLPIs: the tables are in memory from now on, and what is pending in them counts.
    mutating func setEnabled(_ enabled: Bool) {
        guard enabled != isEnabled else { return }
        isEnabled = enabled
        findHighest()
    }

    /// Priority, and in bit 0 whether the interrupt is enabled; 0 where there is no such byte.
    private func configuration(_ intid: UInt32) -> UInt8 {
        memory.load(configurationBase & Base.address &+ UInt64(intid - Self.first)) ?? 0
    }

    private func pendingAddress(_ intid: UInt32) -> UInt64 {
        pendingBase & Base.pendingAddress &+ UInt64(intid / 8)
    }

    func isPending(_ intid: UInt32) -> Bool {
        guard isEnabled, range.contains(intid), let byte: UInt8 = memory.load(pendingAddress(intid)) else {
            return false
        }
        return byte >> UInt8(intid % 8) & 1 != 0
    }

    // MARK: States

    /// Makes an LPI pending, or no longer so. Whoever looks at ``highest`` next calls ``refresh()`` before.
    mutating func setPending(_ intid: UInt32, _ isPending: Bool) {
        guard isEnabled, range.contains(intid) else { return }
        let address = pendingAddress(intid)
        guard let byte: UInt8 = memory.load(address) else { return }
        let bit = UInt8(1) << UInt8(intid % 8)
        if (byte & bit != 0) != isPending {
            guard memory.store(address, byte ^ bit) else { return }
            pendingCount = isPending ? pendingCount &+ 1 : pendingCount &- min(pendingCount, 1)
        }
        if isPending {
            consider(intid, configuration(intid), &highest)
        } else if intid == highest.intid {
            isStale = true
        }
    }

    /// INV, INVALL: the configuration may have changed.
    mutating func configurationChanged() {
        isStale = true
    }

    /// Nothing is to be signalled, and that is known.
    var isQuiet: Bool { highest.priority == InterruptPriorities.idle && !isStale }

    /// Brings ``highest`` up to date. When many changes are made this is done once, after the last.
    mutating func refresh() {
        guard isStale else { return }
        if pendingCount == 0 {
            highest = .none
            isStale = false
        } else {
            findHighest()
        }
    }

    private func consider(_ intid: UInt32, _ configuration: UInt8, _ best: inout PendingInterrupt) {
        let written = hasSecurity ? NonSecurePriority.written(configuration) : configuration
        let priority = UInt16(written & GICv3InterfaceRegisters.implementedPriorityBits)
        guard configuration & 1 != 0, priority < best.priority else { return }
        best = PendingInterrupt(intid: intid, priority: priority, group: .one)
    }

    /// Looks through the pending table, which has at most 8 KiB. Tables that are not wholly in memory hold nothing.
    private mutating func findHighest() {
        isStale = false
        highest = .none
        pendingCount = 0
        let range = range
        guard isEnabled, let pending = memory.host(pendingAddress(0), count: UInt64(range.upperBound / 8)),
            let configuration = memory.host(configurationBase & Base.address, count: UInt64(range.count))
        else { return }
        var best = PendingInterrupt.none
        for first in stride(from: range.lowerBound, to: range.upperBound, by: 64) {
            // SAFETY: `pending` has a bit for each INTID below the upper bound, which is a multiple of 64.
            var word = UInt64(littleEndian: pending.loadUnaligned(fromByteOffset: Int(first / 8), as: UInt64.self))
            while word != 0 {
                let intid = first + UInt32(word.trailingZeroBitCount)
                word &= word - 1
                pendingCount += 1
                // SAFETY: `configuration` has a byte for each INTID of the range.
                let byte = configuration.loadUnaligned(fromByteOffset: Int(intid - Self.first), as: UInt8.self)
                consider(intid, byte, &best)
            }
        }
        highest = best
    }

    /// MOVALL: what is pending here is pending for another CPU instead.
    mutating func movePending(to other: inout GICv3LPIs) {
        guard isEnabled, other.isEnabled, pendingCount != 0 else { return }
        for first in stride(from: range.lowerBound, to: range.upperBound, by: 64) where other.range.contains(first) {
            guard let word: UInt64 = memory.load(pendingAddress(first)), word != 0,
                let old: UInt64 = memory.load(other.pendingAddress(first)),
                memory.store(other.pendingAddress(first), old | word), memory.store(pendingAddress(first), 0 as UInt64)
            else { continue }
            pendingCount &-= min(pendingCount, UInt64(word.nonzeroBitCount))
            other.pendingCount &+= UInt64((word & ~old).nonzeroBitCount)
        }
        isStale = true
        other.isStale = true
    }

    // MARK: State

    mutating func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("lpis enabled", &isEnabled)
        visitor.field("propbaser", &configurationBase)
        visitor.field("pendbaser", &pendingBase)
        visitor.field("lpis pending", &pendingCount)
        visitor.field("lpis stale", &isStale)
        highest.describeState(&visitor)
    }
}
