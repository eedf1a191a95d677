import Machine

@testable import AArch64ISA

/// Random tables and registers that are plausible enough for walks to come to an end of every kind.
///
/// The arena is 64 slots of 64 KiB, so that a slot is a table whatever its granule and level. Every entry of a table is
/// one that leads on to another table, or is a page where the walk ends.
struct AArch64WalkGenerator {
    var random: SplitMix64
    let features: AArch64.TranslationFeatures
    let arena = AArch64WalkArena()
    /// The CPU has 52-bit addresses, with which bits that were ignored have a meaning.
    let hasLargeAddresses: Bool

    /// What the slots hold: tables of each stage, in either byte order, code, and data.
    static let firstSlots: Range<UInt64> = 0..<20
    static let secondSlots: Range<UInt64> = 20..<40
    static let firstBigSlots: Range<UInt64> = 40..<45
    static let secondBigSlots: Range<UInt64> = 45..<50
    static let codeSlots: Range<UInt64> = 50..<57
    static let dataSlots: Range<UInt64> = 57..<64

    init(seed: UInt64, features: AArch64.TranslationFeatures) {
        random = SplitMix64(seed: seed)
        self.features = features
        hasLargeAddresses = features.physicalBits == 52
        fill()
    }

    // MARK: Tables

    static func address(of slot: UInt64) -> UInt64 { AArch64WalkArena.base + slot << 16 }

    mutating func pick(_ slots: Range<UInt64>) -> UInt64 {
        Self.address(of: slots.lowerBound + random.below(UInt64(slots.count)))
    }

    private mutating func fill() {
        fill(Self.firstSlots, isSecond: false, Self.firstSlots)
        fill(Self.secondSlots, isSecond: true, Self.firstSlots)
        fill(Self.firstBigSlots, isSecond: false, Self.firstBigSlots, isBig: true)
        fill(Self.secondBigSlots, isSecond: true, Self.firstBigSlots, isBig: true)
        let code = Self.address(of: Self.codeSlots.lowerBound)..<Self.address(of: Self.codeSlots.upperBound)
        for address in stride(from: code.lowerBound, to: code.upperBound, by: 8) {
            arena[address] = AArch64WalkCode.words(at: address & 0xfff)
        }
        arena.mark()
    }

    /// Fills slots with what leads to them, and to those of `targets`: each of some thousand descriptors many times.
    private mutating func fill(
        _ slots: Range<UInt64>, isSecond: Bool, _ targets: Range<UInt64>, isBig: Bool = false
    ) {
        let descriptors = (0..<4096).map { _ in
            let descriptor = descriptor(isSecond: isSecond, slots, targets)
            return isBig ? descriptor.byteSwapped : descriptor
        }
        let entries = Self.address(of: slots.lowerBound)..<Self.address(of: slots.upperBound)
        for entry in stride(from: entries.lowerBound, to: entries.upperBound, by: 8) {
            arena[entry] = descriptors[Int(random.next() & 4095)]
        }
    }

    /// MemAttr of the second stage that is not reserved; AttrIndx and NS in the first.
    private static let attributes: [UInt64] = [0, 1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15, 15, 15]

    /// - Parameters:
    ///   - tables: slots that it leads to, most often.
    ///   - targets: slots with what the second stage is for: tables of the first.
    private mutating func descriptor(
        isSecond: Bool, _ tables: Range<UInt64>, _ targets: Range<UInt64>
    ) -> UInt64 {
        var output: UInt64
        switch random.below(100 as UInt64) {
        case 0..<66: output = pick(tables)
        case 66..<82: output = pick(targets)
        case 82..<91: output = pick(Self.codeSlots)
        case 91..<98: output = pick(Self.dataSlots)
        case 98: output = (random.next() & 0xffff_ffff) + AArch64WalkArena.hole.lowerBound
        default: output = random.next() & 0xffff_ffff_f000
        }
        output = output & ~0xfff | (hasLargeAddresses && random.chance(90) ? 0 : random.below(16 as UInt64) << 12)
        var entry = output & 0xffff_ffff_f000
        switch random.below(100 as UInt64) {
        case 0..<4: entry |= random.next() & 2
        case 4..<16: entry |= 1
        default: entry |= 3
        }
        entry |= random.pick(Self.attributes) << 2
        // AP[2:1] or S2AP.
        entry |= (isSecond ? random.pick([3, 3, 3, 3, 3, 3, 1, 1, 1, 2, 0]) : random.below(4 as UInt64)) << 6
        // SH, or two bits of a 52-bit address, and then two more.
        entry |= (hasLargeAddresses && random.chance(85) ? 0 : shareability()) << 8
        if hasLargeAddresses && random.chance(4) { entry |= random.next() & 3 << 48 }
        if random.chance(88) { entry |= 1 << 10 }
        if random.chance(50) { entry |= 1 << 11 }
        if random.chance(40) { entry |= 1 << 51 }
        for bit: UInt64 in [50, 52] where random.chance(20) { entry |= 1 << bit }
        for bit: UInt64 in [53, 54] where random.chance(25) { entry |= 1 << bit }
        for bit: UInt64 in 55..<59 where random.chance(30) { entry |= 1 << bit }
        for bit: UInt64 in 59..<64 where random.chance(6) { entry |= 1 << bit }
        return entry
    }

    /// SH: 1 is reserved.
    private mutating func shareability() -> UInt64 { random.pick([0, 2, 3]) }

    // MARK: Registers

    private mutating func txsz(granuleBits: UInt8, ds: UInt64 = 0) -> UInt64 {
        let format = features.format(granuleBits: granuleBits, ds: ds, of: features.largeGranules)
        let minimum = features.minimumTxSZ(granuleBits: granuleBits, format)
        return random.chance(92)
            ? minimum + random.below(features.maximumTxSZ(granuleBits: granuleBits) - minimum + 1)
            : random.below(64 as UInt64)
    }

    /// A size of addresses in the encoding of IPS and PS. 52 bits with tables of 48 are for QEMU 7.2 those of 64 KiB
    /// pages, whatever the page is.
    private mutating func outputSize(_ formats: AArch64.DescriptorFormat...) -> UInt64 {
        guard hasLargeAddresses, !formats.contains(.plain) else {
            return random.chance(75) ? 5 : random.below(hasLargeAddresses ? 6 : 7 as UInt64)
        }
        return random.chance(75) ? 6 : random.below(7 as UInt64)
    }

    /// DS in bit 0.
    private mutating func largeAddresses() -> UInt64 {
        !features.largeGranules.isEmpty && random.chance(65) ? 1 : 0
    }

    /// TCR_EL1.
    private mutating func translationControl() -> UInt64 {
        var tcr = random.next() & ~(0xffff_ffff | 7 << 32 | 1 << 59)
        let ds = largeAddresses()
        tcr |= ds << 59
        // Hierarchical permissions can be switched off on QEMU's CPUs without FEAT_HPDS too.
        if !features.hasHierarchicalDisable { tcr &= ~(3 << 41) }
        let tg0 = random.next() & 3
        let tg1 = random.next() & 3
        let sizes = (features.granules.bits(tg0: tg0), features.granules.bits(tg1: tg1))
        tcr |= txsz(granuleBits: sizes.0, ds: ds) | tg0 << 14 | txsz(granuleBits: sizes.1, ds: ds) << 16 | tg1 << 30
        tcr |= shareability() << 12 | shareability() << 28
        tcr |=
            outputSize(
                features.format(granuleBits: sizes.0, ds: ds, of: features.largeGranules),
                features.format(granuleBits: sizes.1, ds: ds, of: features.largeGranules)) << 32
        for bit: UInt64 in [7, 23] where random.chance(4) { tcr |= 1 << bit }
        return tcr
    }

    /// A table of either range, most often where one begins.
    private mutating func table(_ slots: Range<UInt64>) -> UInt64 {
        var base = pick(slots) | random.next() & 0xffff << 48
        if random.chance(10) { base |= random.below(65536 as UInt64) }
        if random.chance(4) { base = base & ~0xffff_ffff_ffff | random.next() & 0xffff_ffff_fffe }
        return base
    }

    /// MAIR_EL1, without what is reserved or belongs to FEAT_MTE and FEAT_XS.
    /// - Parameter transient: with transient hints, which QEMU forgets when it combines them with write-through.
    private mutating func memoryAttributes(transient: Bool) -> UInt64 {
        var mair: UInt64 = 0
        let halves: [UInt64] =
            transient ? [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15] : [4, 8, 9, 10, 11, 12, 13, 14, 15]
        for index: UInt64 in 0..<8 {
            var byte = random.chance(25) ? random.pick([0, 4, 8, 12]) : random.pick(halves) << 4 | random.pick(halves)
            // The tags of FEAT_MTE, and two of FEAT_XS.
            if [0xf0, 0x40, 0xa0].contains(byte) { byte = 0xff }
            mair |= byte << (index * 8)
        }
        return mair
    }

    private mutating func secondControl() -> UInt64 {
        let tg0 = random.next() & 3
        let granuleBits = UInt64(features.stageTwoGranules.bits(tg0: tg0))
        let ds = largeAddresses()
        let format = features.format(
            granuleBits: UInt8(granuleBits), ds: ds, of: features.largeStageTwoGranules)
        var vtcr = random.next() & 0x1ff8_0f00 | shareability() << 12
        vtcr |= tg0 << 14 | outputSize(format) << 16 | ds << 32
        if random.chance(10) { return vtcr | random.next() & (ds << 33 | 0xff) }
        // SL0, with SL2 above it, and the levels below the one that it names.
        var levels: [(sl: UInt64, below: UInt64)] =
            granuleBits == 12 ? [(0, 1), (1, 2), (2, 3)] : [(0, 0), (1, 1), (2, 2)]
        if format == .large && granuleBits == 12 { levels += [(4, 4), (4, 4)] }
        let (sl, levelsBelow) = random.pick(levels)
        vtcr |= (sl & 3) << 6 | (sl >> 2) << 33
        let below = granuleBits + levelsBelow * (granuleBits - 3)
        let bits = below + 1 + random.below(granuleBits - 3 + 4)
        return vtcr | (64 - min(max(bits, 25), format == .plain ? 48 : 52))
    }

    private mutating func set(_ bits: [UInt64], _ percent: UInt64) -> UInt64 {
        bits.reduce(0) { random.chance(percent) ? $0 | 1 << $1 : $0 }
    }

    // MARK: Cases

    /// Random registers of EL1 and EL2.
    mutating func registers(isHost: Bool = false) -> AArch64WalkCase {
        var walk = AArch64WalkCase()
        // SCTLR_ELx.C and I are set: QEMU looks at neither. nTWI lets WFI of EL0 through to EL3.
        walk[.sctlr1] = 0x3055_1005 | set([19, 23], 30) | set([25], 8)
        walk[.sctlr2] = 0x3055_1005 | set([19, 23], 30) | set([25], 8)
        if random.chance(6) { walk[.sctlr1] &= ~1 }
        walk[.hcr] = 1 << 31 | set([0], 65) | set([12, 2, 32, 33], 10)
        if features.hasStageTwoForce { walk[.hcr] |= set([46], 25) }
        walk[.vtcr] = secondControl()
        walk[.vttbr] = table(walk[.sctlr2] >> 25 & 1 == 0 ? Self.secondSlots : Self.secondBigSlots)
        let firstSlots = walk[.sctlr1] >> 25 & 1 == 0 ? Self.firstSlots : Self.firstBigSlots
        walk[.tcr1] = translationControl()
        walk[.ttbr01] = table(firstSlots)
        walk[.ttbr11] = table(firstSlots)
        let second = walk.second(features)
        walk[.mair1] = memoryAttributes(transient: !second.isEnabled)
        let el2Slots = walk[.sctlr2] >> 25 & 1 == 0 ? Self.firstSlots : Self.firstBigSlots
        if isHost {
            walk[.hcr] |= 1 << 34 | 1 << 27
            walk[.tcr2] = translationControl()
        } else {
            let tg0 = random.next() & 3
            let ds = largeAddresses()
            let size = features.granules.bits(tg0: tg0)
            let format = features.format(granuleBits: size, ds: ds, of: features.largeGranules)
            walk[.tcr2] = txsz(granuleBits: size, ds: ds) | shareability() << 12 | tg0 << 14 | ds << 32
            walk[.tcr2] |=
                outputSize(format) << 16
                | set(features.hasHierarchicalDisable ? [20, 21, 22, 24, 29] : [20, 21, 22, 29], 50) | 1 << 31 | 1 << 23
        }
        walk[.ttbr02] = table(el2Slots)
        walk[.ttbr12] = table(el2Slots)
        walk[.mair2] = memoryAttributes(transient: true)
        return walk
    }

    /// An address that a regime translates, most often.
    mutating func address(_ regime: AArch64.TranslationRegime) -> UInt64 {
        if random.chance(4) { return random.next() }
        if !regime.isEnabled && random.chance(90) {
            return random.next() & 0xf_ffff_ffff_ffff >> random.below(24 as UInt64)
        }
        let isUpper = regime.hasEL0 && random.chance(50)
        let range = isUpper ? regime.upper : regime.lower
        let beyond = ~0 << UInt64(range.lookup.inputBits) as UInt64
        var address = isUpper ? random.next() | beyond : random.next() & ~beyond
        if random.chance(range.ignoresTopByte ? 50 : 3) { address ^= random.next() << 56 }
        return address
    }
}
