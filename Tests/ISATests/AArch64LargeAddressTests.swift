import Testing

@testable import AArch64ISA

/// 52-bit addresses: FEAT_LVA, FEAT_LPA and FEAT_LPA2 (DDI 0487, chapter D8). What is expected is what the manual's tables
/// say, in numbers of its own. QEMU 7.2 ends itself where a fault is of level -1, so that these stand here alone.
@Suite("AArch64 translation, 52-bit addresses")
struct AArch64LargeAddressTests {
    typealias Space = AArch64TranslationTests.Space
    typealias Guest = AArch64StageTwoTests.Guest

    /// PARange 6, TGran16 2, TGran4 1 and the second stage like the first; VARange 1.
    static let features = AArch64.TranslationFeatures(
        mmfr0: 0x1020_0026, mmfr1: 0x1030_1022, mmfr2: 1 << 60 | 1 << 16, isar1: 0x10)
    static let ds: UInt64 = 1 << 59
    static let leaf: UInt64 = 1 << 10

    /// - Parameter tcr: TG0 and DS; the size of addresses is 52 bits in both directions.
    static func space(_ tcr: UInt64) -> Space {
        let space = Space()
        space.features = features
        space.tcr = 12 | 16 << 16 | 2 << 30 | 6 << 32 | tcr
        return space
    }

    @Test("T0SZ of 12 to 15 needs FEAT_LVA with 64 KiB pages, and DS with others; walks begin at the manual's level")
    func sizes() {
        // D8.2, the tables of each granule: the level that the walk begins at. Status codes of translation faults.
        let rows: [(tg0: UInt64, ds: UInt64, [UInt64: UInt8])] = [
            (0, 0, [11: 0b000100, 12: 0b000100, 15: 0b000100, 16: 0b000100, 24: 0b000100, 25: 0b000101]),
            (0, ds(1), [11: 0b000100, 12: 0b101011, 15: 0b101011, 16: 0b000100, 25: 0b000101]),
            (2, 0, [12: 0b000100, 16: 0b000100, 17: 0b000101]),
            (2, ds(1), [11: 0b000100, 12: 0b000100, 16: 0b000100, 17: 0b000101]),
            (1, 0, [11: 0b000100, 12: 0b000101, 15: 0b000101, 21: 0b000101, 22: 0b000110]),
            (1, ds(1), [11: 0b000100, 12: 0b000101, 22: 0b000110]),
        ]
        for (tg0, ds, sizes) in rows {
            for (size, status) in sizes {
                let space = Self.space(tg0 << 14 | ds)
                space.tcr = space.tcr & ~63 | size
                #expect(space.status(0) == status, "TG0 \(tg0), DS \(ds >> 59), T0SZ \(size)")
                let isRefused = size < 12 || size < 16 && tg0 != 1 && ds == 0
                #expect(space.regime.lower.isRefused == isRefused, "TG0 \(tg0), DS \(ds >> 59), T0SZ \(size)")
            }
        }
        // Without the features, as if DS and the sizes were not there.
        for tg0: UInt64 in 0..<3 {
            let space = Self.space(tg0 << 14 | Self.ds)
            space.features = AArch64TranslationTests.features
            #expect(space.regime.lower.isRefused)
        }
    }

    private func ds(_ value: UInt64) -> UInt64 { value << 59 }

    @Test("Addresses of 52 bits are looked up from level -1 on, and lead to 52 bits, by larger blocks too")
    func outputs() throws {
        let address: UInt64 = 0xe_9876_5432_1098
        let rows: [(tg0: UInt64, first: Int, leaf: Int, shift: UInt64)] = [
            (0, -1, 3, 12), (0, -1, 2, 21), (0, -1, 1, 30), (0, -1, 0, 39), (2, 0, 3, 14), (2, 0, 2, 25), (2, 0, 1, 36),
            (1, 1, 3, 16), (1, 1, 2, 29), (1, 1, 1, 42),
        ]
        for (tg0, first, leaf, shift) in rows {
            let space = Self.space(tg0 << 14 | Self.ds)
            let granuleBits: UInt64 = tg0 == 0 ? 12 : tg0 == 2 ? 14 : 16
            let output: UInt64 = 0xd_1234_5678_0000 & ~0 << shift
            // Bits 51 to 48: in 15 to 12, or 51 and 50 in 9 and 8.
            let apart = tg0 == 1 ? (output >> 48) << 12 : (output >> 50) << 8
            let descriptor = output & (tg0 == 1 ? 0xffff_ffff_ffff : 0x3_ffff_ffff_ffff) | apart
            var table = space.root
            for level in first...leaf {
                let lookup = granuleBits + UInt64(3 - level) * (granuleBits - 3)
                let count = level == first ? 52 - lookup : granuleBits - 3
                let entry = table + (address >> lookup & (1 << count - 1)) * 8
                if level == leaf {
                    space.memory[entry] = descriptor | Self.leaf | 4 | (leaf == 3 ? 3 : 1)
                } else {
                    table = space.memory.newTable()
                    space.memory[entry] = table | 3
                }
            }
            let found = try space.translate(address).get()
            #expect(found.physical == output | address & (1 << shift - 1), "TG0 \(tg0), level \(leaf)")
            #expect(found.stageOneBits == UInt8(shift))
            #expect(found.par & 0xf_ffff_ffff_f000 == found.physical & ~0xfff)
        }
        // No blocks above without them.
        for (tg0, size, level): (UInt64, UInt64, UInt8) in [(0, 16, 0), (2, 17, 1)] {
            let space = Self.space(tg0 << 14)
            space.tcr = space.tcr & ~63 | size
            space.memory[space.root] = 0x8000_0000 | Self.leaf | 1
            #expect(space.status(0) == 0b000100 | level, "TG0 \(tg0)")
        }
    }

    @Test("At level -1 faults have codes of their own: an entry not valid, a block, no memory, an address too large")
    func aboveZero() {
        let space = Self.space(Self.ds)
        #expect(space.status(0) == 0b101011)
        space.memory[space.root] = 0x8000_0000 | Self.leaf | 1
        #expect(space.status(0) == 0b101011, "there are no blocks at level -1")
        space.ttbr0 = 0x1_0000_0000
        #expect(space.status(0) == 0b010011)
        space.ttbr0 = space.root
        space.tcr = space.tcr & ~(7 << 32) | 5 << 32
        space.memory[space.root] = 1 << 48 | 3
        #expect(space.status(0) == 0b101001)
        space.memory[space.root] = 1 << 8 | 3
        #expect(space.status(0) == 0b101001, "bits 51 and 50")
        for code: UInt8 in [0b101011, 0b010011, 0b101001] {
            var fault = AArch64.TranslationFault(.permission, isWrite: false)
            fault.status = code
            #expect(fault.level == -1)
            #expect(AArch64.TranslationFault(fault.kind, level: -1, isWrite: false).status == code)
        }
    }

    @Test("An address that the bits say to be larger than IPS is an address size fault, with 64 KiB pages too")
    func outputSize() {
        for ips: UInt64 in [5, 6] {
            let space = Self.space(1 << 14)
            space.tcr = space.tcr & ~(7 << 32) | ips << 32
            space.memory.map(
                0, 0x8000_1000 | Self.leaf | 3, root: space.root, from: 1, inputBits: 52, granuleBits: 16)
            // PA[51:48] is 1.
            #expect(space.status(0) == (ips == 5 ? 0b000011 : nil))
            #expect(ips == 5 || (try? space.translate(0).get().physical) == 0x1_0000_8000_0000)
        }
    }

    @Test("TTBR bits 5 to 2 are bits 51 to 48 of the table: with DS, and with 64 KiB pages where IPS says 52 bits")
    func tables() {
        for (tcr, size, isUpper): (UInt64, UInt64, Bool) in [
            (Self.ds, 6, true), (Self.ds | 2 << 14, 6, true), (1 << 14, 6, true), (1 << 14, 5, false), (0, 6, false),
        ] {
            let space = Self.space(tcr)
            space.tcr = space.tcr & ~(7 << 32 | 63) | size << 32 | 25
            space.ttbr0 |= 0b1001 << 2
            let expected = space.root | (isUpper ? 0x9_0000_0000_0000 : 0)
            #expect(space.regime.lower.lookup.table == expected, "TCR_EL1 0x\(String(tcr, radix: 16))")
        }
        let space = Self.space(Self.ds)
        space.tcr = space.tcr & ~(7 << 32) | 5 << 32
        space.ttbr0 |= 4
        #expect(space.status(0) == 0, "beyond IPS: of level 0")
    }

    @Test("With DS the shareability is TCR's, for descriptors have address bits in its place")
    func shareability() throws {
        let space = Self.space(Self.ds | 3 << 12)
        space.tcr = space.tcr & ~63 | 16
        space.memory.map(0x1000, 0x8000_0000 | Self.leaf | 4 | 3, root: space.root)
        #expect(try space.translate(0x1000).get().attributes.shareability == 3)
        let guest = Guest()
        guest.features = Self.features
        guest.vtcr = 24 | 1 << 6 | 6 << 16 | 1 << 32 | 3 << 12
        guest.hcr = 1 | 1 << 12
        guest.map(0x1000, 0x8000_0000 | AArch64StageTwoTests.page & ~0x300)
        #expect(try guest.translate(0x1000).get().attributes.shareability == 3)
    }

    @Test("SL2 with SL0 0 begins at level -1, and SL0 3 at level 0 with 16 KiB pages, where VTCR_EL2.DS is set")
    func secondStage() {
        let rows: [(UInt64, ds: UInt64, sl2: UInt64, sl0: UInt64, bits: UInt64, UInt8, isAllowed: Bool)] = [
            (0, 1, 1, 0, 52, 0b101011, true), (0, 1, 1, 0, 49, 0b101011, true), (0, 1, 1, 0, 48, 0b000100, false),
            (0, 1, 1, 1, 52, 0b000100, false), (0, 1, 0, 2, 52, 0b000100, true), (0, 1, 0, 2, 40, 0b000100, true),
            (0, 0, 1, 0, 34, 0b000110, true), (0, 0, 0, 2, 49, 0b000100, false),
            (2, 1, 0, 3, 52, 0b000100, true), (2, 1, 0, 3, 47, 0b000100, false), (2, 0, 0, 3, 48, 0b000100, false),
            (2, 1, 0, 2, 51, 0b000101, true), (2, 1, 0, 2, 52, 0b000100, false), (1, 0, 0, 2, 52, 0b000101, true),
        ]
        for (tg0, ds, sl2, sl0, bits, status, isAllowed) in rows {
            let guest = Guest()
            guest.features = Self.features
            guest.vtcr = (64 - bits) | sl0 << 6 | tg0 << 14 | 6 << 16 | ds << 32 | sl2 << 33
            guest.vttbr = guest.memory.newTable(bytes: 1 << 20)
            let text = "TG0 \(tg0), DS \(ds), SL2 \(sl2), SL0 \(sl0), \(bits) bits"
            #expect(guest.second.isRefused == !isAllowed, "\(text)")
            #expect(guest.fault(0)?.status == status, "\(text)")
        }
    }

    @Test("A fault of the second stage has all 52 bits of the intermediate address, whose level may be -1")
    func intermediateAddress() {
        let guest = Guest()
        guest.features = Self.features
        guest.vtcr = 12 | 6 << 16 | 1 << 32 | 1 << 33
        let address: UInt64 = 0xf_fedc_ba98_7000
        #expect(guest.fault(address)?.ipa == address)
        #expect(guest.fault(address)?.status == 0b101011)
        #expect(guest.fault(1 << 52)?.status == 0, "beyond the physical addresses that the first stage may lead to")
    }

    @Test("Codes of pointers stand above 52 bits where addresses have them")
    func pointers() {
        for (tcr, size, bits): (UInt64, UInt64, UInt8) in [
            (Self.ds, 12, 52), (Self.ds, 8, 52), (0, 12, 48), (1 << 14, 12, 52), (1 << 14, 8, 52), (1 << 14, 20, 44),
        ] {
            let space = Self.space(tcr)
            space.tcr = space.tcr & ~63 | size
            #expect(space.regime.lower.pointerBits == bits)
        }
    }

    @Test("With DS a range of TLBI begins at a multiple of 64 KiB, whatever its pages are")
    func ranges() throws {
        typealias Invalidation = AArch64.TLBInvalidation
        let operand: UInt64 = 1 << 46 | 5
        let range = try #require(Invalidation(virtualRange: operand, isLarge: true))
        #expect(range.first == 0x5_0000 && range.last == 0x5_1fff)
        let upper = try #require(Invalidation(virtualRange: 1 << 46 | 0x10_0000_0000, isLarge: true))
        #expect(upper.first == 0xfff0_0000_0000_0000)
        let guest = try #require(Invalidation(intermediateRange: 1 << 46 | 0xf_ffff_ffff, isLarge: true))
        #expect(guest.first == 0xf_ffff_ffff_0000)
        #expect(Self.space(Self.ds).regime.hasLargeAddresses && !Self.space(0).regime.hasLargeAddresses)
    }

    @Test("A PE reads at an address of 52 bits until TLBI of a range with DS drops it; its fault then is of level -1")
    func element() throws {
        let test = try AArch64TestElement(level: 1)
        let base = AArch64TestElement.base
        func write(_ value: UInt64, at address: UInt64) throws {
            var value = value
            try #require(test.memory.write(address, from: &value, count: 8))
        }
        let address: UInt64 = 0xf_fedc_ba98_0000
        let tables = base + 0x8000
        // From level -1 on: code where it is, by 1 GiB, and a page far up.
        try write(tables + 0x1000 | 3, at: tables)
        try write(tables + 0x2000 | 3, at: tables + 0x1000)
        try write(base & ~0x3fff_ffff | Self.leaf | 1, at: tables + 0x2000 + 8 * (base >> 30))
        let top = tables + 8 * (address >> 48)
        try write(tables + 0x3000 | 3, at: top)
        for (table, shift): (UInt64, UInt64) in [(0x3000, 39), (0x4000, 30), (0x5000, 21), (0x6000, 12)] {
            let next = shift == 12 ? base | Self.leaf : tables + table + 0x1000
            try write(next | 3, at: tables + table + 8 * (address >> shift & 511))
        }
        var word: UInt32 = 0xf940_0020  // LDR X0, [X1]
        try #require(test.memory.write(base + 0x100, from: &word, count: 4))
        try test.write("TCR_EL1", 12 | 12 << 16 | 6 << 32 | Self.ds)
        try test.write("MAIR_EL1", 0xff)
        try test.write("VBAR_EL1", base + 0x4000)
        try test.write("TTBR0_EL1", tables)
        try test.write("SCTLR_EL1", 1)
        func isRead() -> Bool {
            test.element.core.pointee.registers[1] = address
            test.element.core.pointee.programCounter = base + 0x100
            test.element.run(1)
            return test.element.core.pointee.programCounter == base + 0x104
        }
        #expect(isRead())
        try write(0, at: top)
        #expect(isRead(), "what is in the TLB may still be used, and is")
        // TLBI RVAE1: two pages of 4 KiB.
        try test.element.performSystemInstruction(
            0b000_1000_0110_001, 1 << 46 | address >> 16 & 0x1f_ffff_ffff, target: 0)
        #expect(!isRead())
        #expect(test.element.state.pointee.esr[1] & 0x3f == 0b101011)
        #expect(test.element.state.pointee.far[1] == address)
    }
}
