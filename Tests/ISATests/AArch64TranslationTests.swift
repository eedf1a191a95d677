import Testing

@testable import AArch64ISA

/// The first stage (DDI 0487, chapter D8). What is expected is what the manual's tables say, in numbers of its own.
@Suite("AArch64 translation, first stage")
struct AArch64TranslationTests {
    typealias Kind = AArch64.TranslationFault.Kind
    typealias Access = AArch64.TranslationRequest.Access

    /// A PE with all that translation knows: 48 bits, three granules, FEAT_HAFDBS, HPDS, XNX, PAN3, E0PD.
    static let features = AArch64.TranslationFeatures(
        mmfr0: 0x0000_0000_0010_0025, mmfr1: 0x1030_1022, mmfr2: 1 << 60, isar1: 0x10)
    /// Attr0 device-nGnRnE, Attr1 normal write-back, Attr2 normal non-cacheable, Attr3 device-GRE, Attr4 write-through.
    static let mair: UInt64 = 0xaa_0c44_ff00
    /// Page and block of normal memory, inner shareable, with the access flag.
    static let page: UInt64 = 0x707
    static let block: UInt64 = 0x705

    /// An address space in the EL1&0 regime.
    final class Space {
        let memory = AArch64TableMemory()
        let root: UInt64
        /// 48-bit addresses by 4 KiB pages in both ranges, and 48-bit output.
        var tcr: UInt64 = 16 | 16 << 16 | 2 << 30 | 5 << 32 | 1 << 36
        var sctlr: UInt64 = 0x1005
        var ttbr0: UInt64
        var ttbr1: UInt64
        var hcr: UInt64 = 0
        var features = AArch64TranslationTests.features

        init() {
            root = memory.newTable()
            ttbr0 = root
            ttbr1 = root
        }

        deinit { memory.deallocate() }

        var regime: AArch64.TranslationRegime {
            AArch64.TranslationRegime(
                el1: features, sctlr: sctlr, tcr: tcr, ttbr0: ttbr0, ttbr1: ttbr1, mair: AArch64TranslationTests.mair,
                hcr: hcr)
        }
        let noSecond = AArch64.StageTwo(AArch64TranslationTests.features, hcr: 0, vtcr: 0, vttbr: 0, sctlr: 0)

        func translate(
            _ address: UInt64, _ access: Access = .read, isPrivileged: Bool = true, pan: Bool = false,
            isAligned: Bool = true, regime: AArch64.TranslationRegime? = nil
        ) -> Result<AArch64.Translation, AArch64.TranslationFault> {
            let request = AArch64.TranslationRequest(
                address, access, isPrivileged: isPrivileged, obeysPAN: pan, isAligned: isAligned)
            return Result { () throws(AArch64.TranslationFault) in
                try (regime ?? self.regime).translate(request, noSecond, in: memory)
            }
        }

        /// The fault status code, or nil where there is no fault.
        func status(
            _ address: UInt64, _ access: Access = .read, isPrivileged: Bool = true, pan: Bool = false,
            regime: AArch64.TranslationRegime? = nil
        ) -> UInt8? {
            if case .failure(let fault) = translate(
                address, access, isPrivileged: isPrivileged, pan: pan, regime: regime)
            {
                return fault.status
            }
            return nil
        }

        func physical(_ address: UInt64) -> UInt64? { try? translate(address).get().physical }
    }

    // MARK: Walks

    @Test("Every TxSZ of every granule begins at the level that the manual's tables of granules give")
    func initialLevels() {
        // D8.2: for each granule, the TxSZ at which the walk begins one level further down.
        let bounds: [(tg0: UInt64, tg1: UInt64, levels: [(ClosedRange<UInt64>, UInt8)])] = [
            (0, 2, [(16...24, 0), (25...33, 1), (34...39, 2)]),
            (2, 1, [(16...16, 0), (17...27, 1), (28...38, 2), (39...39, 3)]),
            (1, 3, [(16...21, 1), (22...34, 2), (35...39, 3)]),
        ]
        let space = Space()
        for (tg0, tg1, levels) in bounds {
            for (sizes, level) in levels {
                for size in sizes {
                    space.tcr = size | size << 16 | tg0 << 14 | tg1 << 30 | 5 << 32
                    #expect(space.status(0) == 0b000100 | level, "TG0 \(tg0), T0SZ \(size)")
                    #expect(space.status(~0) == 0b000100 | level, "TG1 \(tg1), T1SZ \(size)")
                    // Bits above the range: level 0 (AArch64.VAIsOutOfRange).
                    #expect(space.status(1 << (64 - size)) == 0b000100, "TG0 \(tg0), T0SZ \(size)")
                    #expect(space.status(~0 ^ 1 << (64 - size)) == 0b000100, "TG1 \(tg1), T1SZ \(size)")
                }
            }
        }
        // Out of bounds, and without FEAT_TTST: a level 0 fault.
        for size: UInt64 in [0, 15, 40, 63] {
            space.tcr = size | 1 << 14 | 5 << 32
            #expect(space.status(0) == 0b000100)
        }
    }

    @Test("With FEAT_TTST TxSZ goes up to 48, or 47 with 64 KiB pages, and the walk begins at level 3")
    func smallTables() {
        let space = Space()
        space.features.hasSmallTables = true
        for (tg0, sizes): (UInt64, [(UInt64, UInt8)]) in [
            (0, [(42, 2), (43, 3), (48, 3), (49, 0)]), (2, [(48, 3), (49, 0)]), (1, [(47, 3), (48, 0)]),
        ] {
            for (size, level) in sizes {
                space.tcr = size | tg0 << 14 | 5 << 32
                #expect(space.status(0) == 0b000100 | level, "TG0 \(tg0), T0SZ \(size)")
            }
        }
    }

    @Test("Pages, and blocks where a granule has them, lead to their output; elsewhere bits 01 are reserved")
    func leaves() throws {
        let address: UInt64 = 0x5678_9abc_d4e8
        // D8.3: blocks of 1 GiB and 2 MiB, of 32 MiB, of 512 MiB.
        for (tg0, granuleBits, first, blocks): (UInt64, UInt64, UInt64, [UInt64: UInt64]) in [
            (0, 12, 0, [1: 30, 2: 21]), (2, 14, 0, [2: 25]), (1, 16, 1, [2: 29]),
        ] {
            for level in first...3 {
                let space = Space()
                space.tcr |= tg0 << 14
                let output: UInt64 = 0x1234_5678_9000 & ~0xffff
                let leaf = output | (level == 3 ? Self.page : Self.block)
                space.memory.map(address, leaf, at: level, root: space.root, from: first, granuleBits: granuleBits)
                guard let bits = level == 3 ? granuleBits : blocks[level] else {
                    #expect(space.status(address) == 0b000100 | UInt8(level))
                    continue
                }
                let translation = try space.translate(address).get()
                let mask: UInt64 = 1 << bits - 1
                #expect(translation.physical == output & ~mask | address & mask)
                #expect(translation.size == 1 << bits)
                // At level 3 bits 01 are reserved.
                if level == 3 {
                    space.memory.map(address, leaf & ~2, root: space.root, from: first, granuleBits: granuleBits)
                    #expect(space.status(address) == 0b000111)
                }
            }
        }
    }

    @Test("The upper range goes by TTBR1, and each has its own granule")
    func ranges() {
        let space = Space()
        let upper = space.memory.newTable()
        space.ttbr1 = upper
        space.tcr = 16 | 28 << 16 | 1 << 30 | 5 << 32  // TG0 4 KiB, TG1 16 KiB
        space.memory.map(0x1000, 0x8000_0000 | Self.page, root: space.root)
        space.memory.map(
            0x4000, 0x9000_0000 | Self.page, root: upper, from: 2, inputBits: 36, granuleBits: 14)
        #expect(space.physical(0x1234) == 0x8000_0234)
        #expect(space.physical(0xffff_fff0_0000_4234) == 0x9000_0234)
        #expect(space.regime.granuleBits(at: 0) == 12 && space.regime.granuleBits(at: ~0) == 14)
    }

    @Test("Reserved and unimplemented granules are one that the PE has")
    func reservedGranules() {
        let space = Space()
        space.memory.map(0x1000, 0x8000_0000 | Self.page, root: space.root)
        for reserved: UInt64 in [3 << 14, 3 << 14 | 1 << 14] {
            space.tcr = 16 | 5 << 32 | reserved
            #expect(space.physical(0x1000) == 0x8000_0000)
        }
        space.features.granules = .kibibytes64
        #expect(space.regime.granuleBits(at: 0) == 16 && space.regime.granuleBits(at: ~0) == 16)
    }

    @Test("TBI drops the top byte, of instructions only without TBID")
    func topByte() {
        let space = Space()
        let tagged: UInt64 = 0x5a00_0000_0000_1000
        space.memory.map(0x1000, 0x8000_0000 | Self.page, root: space.root)
        space.memory.map(0xffff_ffff_ffff_1000, 0x9000_0000 | Self.page, root: space.root)
        #expect(space.status(tagged) == 0b000100)
        space.tcr |= 1 << 37 | 1 << 38
        #expect(space.physical(tagged) == 0x8000_0000)
        #expect(space.physical(0x12ff_ffff_ffff_1000) == 0x9000_0000)
        #expect(space.status(tagged, .execute) == nil)
        space.tcr |= 1 << 51 | 1 << 52
        #expect(space.physical(tagged) == 0x8000_0000)
        #expect(space.status(tagged, .execute) == 0b000100)
        #expect(space.status(0x12ff_ffff_ffff_1000, .execute) == 0b000100)
        space.features.hasPointerAuthentication = false
        #expect(space.status(tagged, .execute) == nil, "without FEAT_PAuth there is no TBID")
    }

    @Test("EPDn refuses a range, E0PDn at EL0 alone: at level 0")
    func disabledWalks() {
        let space = Space()
        space.memory.map(0x1000, 0x8000_0040 | Self.page, root: space.root)
        space.memory.map(0xffff_ffff_ffff_1000, 0x9000_0040 | Self.page, root: space.root)
        let lower: UInt64 = 0x1000
        let upper: UInt64 = 0xffff_ffff_ffff_1000
        for (epd, e0pd, address, other): (UInt64, UInt64, UInt64, UInt64) in [
            (7, 55, lower, upper), (23, 56, upper, lower),
        ] {
            let tcr = space.tcr
            #expect(space.status(address, isPrivileged: false) == nil)
            space.tcr = tcr | 1 << e0pd
            #expect(space.status(address, isPrivileged: false) == 0b000100)
            #expect(space.status(address) == nil)
            #expect(space.status(other, isPrivileged: false) == nil)
            space.tcr = tcr | 1 << epd
            #expect(space.status(address) == 0b000100)
            #expect(space.status(other) == nil)
            space.tcr = tcr
        }
    }

    @Test("The tables of a big-endian regime are read, and updated, with their bytes the other way round")
    func bigEndian() {
        let space = Space()
        space.sctlr |= 1 << 25
        space.tcr |= 1 << 39
        let entry = space.root + 8 * 5
        space.memory[entry] = (0x8000_0000 | Self.block & ~0x400).byteSwapped
        space.tcr = space.tcr & ~63 | 25  // from level 1
        #expect(space.physical(5 << 30) == 0x8000_0000)
        #expect(space.memory[entry] == (0x8000_0000 | Self.block).byteSwapped)
    }

    // MARK: Output

    @Test("Tables and outputs beyond IPS, or beyond the PE's size, are address size faults at their level")
    func addressSize() {
        // TCR_EL1.IPS: 32, 36, 40, 42, 44, 48 bits; more than the PE has means what it has.
        for (ips, size) in zip(0..<8 as Range<UInt64>, [32, 36, 40, 42, 44, 48, 48, 48] as [UInt64]) {
            for limit: UInt64 in [40, 44, 48] {
                let space = Space()
                space.features.physicalBits = UInt8(limit)
                space.tcr = space.tcr & ~(7 << 32) | ips << 32
                let bits = min(size, limit)
                guard bits < 48 else { continue }
                for level: UInt64 in 0...3 {
                    let leaf = level == 0 || level == 3 ? Self.page : Self.block
                    let entry = space.memory.map(level << 40, 1 << bits | leaf, at: level, root: space.root)
                    #expect(space.status(level << 40) == UInt8(level), "IPS \(ips) of \(limit) bits")
                    space.memory[entry] = 1 << (bits - 1) | leaf
                    #expect(space.status(level << 40) != UInt8(level), "IPS \(ips) of \(limit) bits")
                }
                space.ttbr0 |= 1 << bits
                #expect(space.status(0) == 0, "TTBR0 beyond IPS")
            }
        }
    }

    @Test("A table where there is no memory is an external abort on the walk, with its level")
    func externalAborts() {
        for level: UInt64 in 0..<3 {
            let space = Space()
            space.memory.map(0, 0x1_0000_0000 | 3, at: level, root: space.root)
            #expect(space.status(0) == 0b010101 + UInt8(level))
        }
        let space = Space()
        space.ttbr0 = 0x1_0000_0000
        #expect(space.status(0) == 0b010100)
    }

    @Test("With the MMU off addresses lead to themselves, as device memory, as far as there are physical ones")
    func disabled() throws {
        let space = Space()
        space.sctlr &= ~1
        space.features.physicalBits = 40
        let read = try space.translate(0xff_1234_5678).get()
        #expect(read.physical == 0xff_1234_5678 && read.size == 4096)
        #expect(read.attributes.value == 0 && read.attributes.effectiveShareability == 2)
        #expect(try space.translate(0, .execute).get().attributes.value == 0xaa)
        #expect(space.status(1 << 40) == 0)
        #expect(space.status(0x5a << 56) == 0)
        #expect(throws: AArch64.TranslationFault.self) { try space.translate(1, isAligned: false).get() }
        space.tcr |= 1 << 37
        #expect(space.physical(0x5a << 56 | 0x1000) == 0x1000, "TBI holds without the MMU too")
        space.sctlr &= ~0x1000
        #expect(try space.translate(0, .execute).get().attributes.value == 0x44)
        // HCR_EL2.DC, and TGE, count as SCTLR_EL1.M = 0.
        space.sctlr |= 1
        space.hcr = 1 << 12
        let cacheable = try space.translate(0x1000).get()
        #expect(cacheable.physical == 0x1000)
        #expect(cacheable.attributes.value == 0xff && cacheable.attributes.shareability == 0)
        space.hcr = 1 << 27
        #expect(space.physical(0x1000) == 0x1000)
    }

    @Test("Memory attributes are MAIR's by AttrIndx and SH; without caches normal memory is non-cacheable")
    func attributes() throws {
        let space = Space()
        for (index, value): (UInt64, UInt8) in [(0, 0), (1, 0xff), (2, 0x44), (3, 0x0c), (4, 0xaa)] {
            for shareability: UInt64 in [0, 2, 3] {
                space.memory.map(0, 0x8000_0403 | index << 2 | shareability << 8, root: space.root)
                let attributes = try space.translate(0).get().attributes
                #expect(attributes.value == value)
                // D8.6: device and non-cacheable memory are outer shareable.
                let isForced = index == 0 || index == 2 || index == 3
                #expect(attributes.effectiveShareability == (isForced ? 2 : UInt8(shareability)))
                space.sctlr = 1
                #expect(try space.translate(0).get().attributes.value == (value & 0xf0 == 0 ? value : 0x44))
                space.sctlr = 0x1005
            }
        }
    }

    @Test("Unaligned accesses to device memory are alignment faults, before permission, and no fetch is")
    func alignment() {
        let space = Space()
        space.memory.map(0, 0x8000_0403, root: space.root)
        space.memory.map(0x1000, 0x8000_0483, root: space.root)
        space.memory.map(0x2000, 0x8000_0407, root: space.root)
        func status(_ address: UInt64, _ access: Access) -> UInt8? {
            if case .failure(let fault) = space.translate(address, access, isAligned: false) { return fault.status }
            return nil
        }
        #expect(status(1, .read) == 0b100001)
        #expect(status(0x1001, .write) == 0b100001)
        #expect(status(0x2001, .read) == nil)
        #expect(status(1, .execute) == nil)
    }

    @Test("nG makes an entry one of its ASID, which A1 and AS choose; EL2 has neither")
    func identifiers() throws {
        let space = Space()
        space.memory.map(0, 0x8000_0f07, root: space.root)
        space.memory.map(0x1000, 0x4_0000_8000_0707, root: space.root)
        #expect(try !space.translate(0).get().isGlobal)
        #expect(try space.translate(0x1000).get().isGlobal)
        #expect(try space.translate(0x1000).get().isGuarded && !space.translate(0).get().isGuarded)
        space.ttbr0 |= 0x1234 << 48
        space.ttbr1 |= 0x5678 << 48
        #expect(space.regime.asid == 0x1234)
        space.tcr |= 1 << 22
        #expect(space.regime.asid == 0x5678)
        space.tcr &= ~(1 << 36)
        #expect(space.regime.asid == 0x78)
        let el2 = AArch64.TranslationRegime(
            el2: Self.features, sctlr: 5, tcr: 16 | 5 << 16, ttbr0: space.ttbr0, mair: Self.mair)
        #expect(el2.asid == 0)
        #expect(try space.translate(0, regime: el2).get().isGlobal)
        // CnP and the ASID are no part of the table's address.
        space.ttbr0 |= 1
        #expect(space.physical(0) == 0x8000_0000)
    }
}
