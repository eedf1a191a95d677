import Testing

@testable import AArch64ISA

/// The second stage, alone and under the first (DDI 0487, chapter D8).
@Suite("AArch64 translation, second stage")
struct AArch64StageTwoTests {
    typealias Access = AArch64.TranslationRequest.Access
    typealias Fault = AArch64.TranslationFault
    /// A page that may be read and written, with the access flag, of write-back memory.
    static let page: UInt64 = 0x7ff
    static let block: UInt64 = 0x7fd
    static let accessFlag: UInt64 = 1 << 10
    static let dirtyBitModifier: UInt64 = 1 << 51

    /// A guest whose first stage is off unless it is switched on.
    final class Guest {
        let memory = AArch64TableMemory()
        let root: UInt64
        /// 40-bit intermediate addresses from level 1 by 4 KiB pages, 48-bit output.
        var vtcr: UInt64 = 24 | 1 << 6 | 5 << 16
        var vttbr: UInt64
        var hcr: UInt64 = 1
        var sctlrEL2: UInt64 = 0
        var features = AArch64TranslationTests.features
        /// Of EL1: 48-bit addresses by 4 KiB pages.
        var tcr: UInt64 = 16 | 16 << 16 | 2 << 30 | 5 << 32
        var sctlr: UInt64 = 0x1004
        var ttbr0: UInt64 = 0

        init() {
            root = memory.newTable()
            vttbr = root
        }

        deinit { memory.deallocate() }

        var second: AArch64.StageTwo {
            AArch64.StageTwo(features, hcr: hcr, vtcr: vtcr, vttbr: vttbr, sctlr: sctlrEL2)
        }

        func translate(
            _ address: UInt64, _ access: Access = .read, isPrivileged: Bool = true, isAligned: Bool = true
        ) -> Result<AArch64.Translation, Fault> {
            let regime = AArch64.TranslationRegime(
                el1: features, sctlr: sctlr, tcr: tcr, ttbr0: ttbr0, ttbr1: ttbr0,
                mair: AArch64TranslationTests.mair, hcr: hcr)
            let request = AArch64.TranslationRequest(
                address, access, isPrivileged: isPrivileged, isAligned: isAligned)
            return Result { () throws(Fault) in try regime.translate(request, second, in: memory) }
        }

        func fault(_ address: UInt64, _ access: Access = .read, isPrivileged: Bool = true) -> Fault? {
            if case .failure(let fault) = translate(address, access, isPrivileged: isPrivileged) { return fault }
            return nil
        }

        func physical(_ address: UInt64) -> UInt64? { try? translate(address).get().physical }

        /// Enters a leaf of the second stage as ``vtcr`` has it at first.
        @discardableResult
        func map(_ address: UInt64, _ leaf: UInt64, at level: UInt64 = 3) -> UInt64 {
            memory.map(address, leaf, at: level, root: root, from: 1, inputBits: 40)
        }
    }

    // MARK: Walks

    @Test("SL0 and T0SZ that agree begin at SL0's level, up to 16 tables wide; others are level 0 translation faults")
    func initialLevels() {
        // D8.2, "Stage 2 translation table walk": the sizes of intermediate addresses that each level begins with.
        let rows: [(tg0: UInt64, sl0: UInt64, level: UInt64, ClosedRange<UInt64>)] = [
            (0, 2, 0, 40...48), (0, 1, 1, 31...43), (0, 0, 2, 25...34), (2, 2, 1, 37...48), (2, 1, 2, 26...40),
            (2, 0, 3, 25...29), (1, 2, 1, 43...48), (1, 1, 2, 30...46), (1, 0, 3, 25...33),
        ]
        for (tg0, sl0, level, sizes) in rows {
            let granuleBits: UInt64 = tg0 == 0 ? 12 : tg0 == 1 ? 16 : 14
            for size: UInt64 in 20...50 {
                let guest = Guest()
                guest.vtcr = (64 - size) | sl0 << 6 | tg0 << 14 | 5 << 16
                let root = guest.memory.newTable(bytes: 1 << 20)
                guest.vttbr = root
                let address: UInt64 = (1 << min(size, 48) - 1) & ~0xfff
                guard sizes.contains(size) else {
                    #expect(guest.fault(0)?.status == 0b000100, "TG0 \(tg0), SL0 \(sl0), \(size) bits")
                    continue
                }
                #expect(guest.fault(address)?.status == 0b000100 | UInt8(level), "TG0 \(tg0), SL0 \(sl0), \(size) bits")
                guest.memory.map(
                    address, 0x8000_0000 | Self.page, root: root, from: level, inputBits: size,
                    granuleBits: granuleBits)
                let inPage = address & (1 << granuleBits - 1)
                #expect(guest.physical(address) == 0x8000_0000 + inPage, "TG0 \(tg0), SL0 \(sl0), \(size) bits")
                #expect(size == 48 || guest.fault(1 << size)?.status == 0b000100)
            }
        }
        for (tg0, sl0): (UInt64, UInt64) in [(0, 3), (2, 3), (1, 3)] {
            let guest = Guest()
            guest.vtcr = 28 | sl0 << 6 | tg0 << 14 | 5 << 16
            #expect(guest.fault(0)?.status == 0b000100, "SL0 3 is reserved, TG0 \(tg0)")
        }
    }

    @Test("Fewer physical addresses forbid the levels that would begin above them, and more intermediate ones")
    func smallPhysical() {
        for (tg0, level, sl0, size, needed): (UInt64, UInt8, UInt64, UInt64, UInt8) in [
            (0, 0, 2, 40, 44), (2, 1, 2, 40, 42), (1, 1, 2, 43, 44), (0, 1, 1, 40, 40), (0, 1, 1, 42, 42),
        ] {
            for bits: UInt8 in [40, 42, 44, 48] {
                let guest = Guest()
                guest.features.physicalBits = bits
                guest.vtcr = (64 - size) | sl0 << 6 | tg0 << 14 | 5 << 16
                let isAllowed = bits >= needed && size <= bits
                #expect(guest.fault(0)?.status == 0b000100 | (isAllowed ? level : 0), "\(bits) bits")
                #expect(guest.second.isRefused == !isAllowed, "TG0 \(tg0), SL0 \(sl0), \(bits) bits")
            }
        }
        let guest = Guest()
        guest.features.hasSmallTables = true
        guest.vtcr = 43 | 3 << 6 | 5 << 16
        #expect(guest.fault(0)?.status == 0b000111, "with FEAT_TTST, SL0 3 begins at level 3")
    }

    @Test("Pages and blocks lead to their output; beyond PS they are address size faults; where no memory is, aborts")
    func leaves() throws {
        for (level, bits, kind): (UInt64, UInt64, UInt64) in [
            (1, 30, Self.block), (2, 21, Self.block), (3, 12, Self.page),
        ] {
            let guest = Guest()
            let address: UInt64 = 0x12_3456_7890
            let mask: UInt64 = 1 << bits - 1
            let entry = guest.map(address, 0x5_4000_0000 | kind, at: level)
            let translation = try guest.translate(address).get()
            #expect(translation.physical == 0x5_4000_0000 | address & mask)
            #expect(translation.size == 1 << bits)
            guest.vtcr = guest.vtcr & ~(7 << 16)  // 32 bits
            #expect(guest.fault(address)?.status == UInt8(level))
            guest.vtcr |= 1 << 16  // 36 bits
            #expect(guest.fault(address) == nil)
            guest.memory[entry] = 1 << 36 | 3
            #expect(guest.fault(address)?.status == UInt8(level))
            guest.memory[entry] = 0xf_0000_0003
            #expect(guest.fault(address)?.status == (level == 3 ? 0b001011 : 0b010101 + UInt8(level)))
            guest.vttbr |= 1 << 36
            #expect(guest.fault(address)?.status == 0, "VTTBR_EL2 beyond PS")
            guest.vttbr = 0x1_0000_0000
            #expect(guest.fault(address)?.status == 0b010101)
        }
    }

    @Test("HCR_EL2.VM and DC switch it on, not in a host: TGE with E2H")
    func enabled() {
        // Bits of HCR_EL2: VM 0, DC 12, TGE 27, E2H 34.
        let rows: [(bits: [UInt64], isEnabled: Bool)] = [
            ([], false), ([0], true), ([12], true), ([0, 27], true), ([0, 34], true), ([0, 27, 34], false),
            ([12, 27, 34], false),
        ]
        for (bits, isEnabled) in rows {
            let guest = Guest()
            guest.hcr = bits.reduce(0) { $0 | 1 << $1 }
            #expect((guest.physical(0x1000) == nil) == isEnabled, "HCR_EL2 bits \(bits)")
        }
    }

    @Test("VS chooses between 8 and 16 bits of VMID")
    func identifiers() {
        let guest = Guest()
        guest.vttbr |= 0x1234 << 48
        #expect(guest.second.vmid == 0x34)
        guest.vtcr |= 1 << 19
        #expect(guest.second.vmid == 0x1234)
        guest.features.hasLongVMID = false
        #expect(guest.second.vmid == 0x34)
    }

    // MARK: Permissions

    @Test("S2AP permits reading and writing apart; XN[1:0] execution, for EL0 and EL1 apart")
    func permissions() throws {
        let guest = Guest()
        for s2ap: UInt64 in 0..<4 {
            // XN[1:0] 0 both, 1 EL0, 2 none, 3 EL1.
            for (xn, el1, el0): (UInt64, Bool, Bool) in [
                (0, true, true), (1, false, true), (2, false, false), (3, true, false),
            ] {
                guest.map(0, 0x8000_073f | s2ap << 6 | xn << 53)
                for isPrivileged in [true, false] {
                    let allowed: [(Access, Bool)] = [
                        (.read, s2ap & 1 != 0), (.write, s2ap & 2 != 0), (.update, s2ap == 3),
                        (.execute, isPrivileged ? el1 : el0),
                    ]
                    for (access, isAllowed) in allowed {
                        let fault = guest.fault(0, access, isPrivileged: isPrivileged)
                        #expect((fault == nil) == isAllowed, "S2AP \(s2ap), XN \(xn), \(access)")
                        if let fault {
                            #expect(fault.status == 0b001111 && fault.isStageTwo && !fault.isStageOneWalk)
                            #expect(fault.isWrite == (access == .write || access == .update && s2ap & 1 != 0))
                        }
                    }
                }
                guest.features.hasStageTwoExecuteNever = false
                #expect((guest.fault(0, .execute) == nil) == (xn < 2), "without FEAT_XNX, XN[0] counts as 0")
                guest.features.hasStageTwoExecuteNever = true
            }
        }
        guest.map(0, 0x8000_073f)
        #expect(guest.fault(0, .clean) == nil)
        #expect(guest.fault(0, .clean, isPrivileged: false)?.status == 0b001111)
        #expect(guest.fault(0, .invalidate)?.status == 0b001111)
    }

    @Test("Both stages must permit, and the smaller leaf counts")
    func both() throws {
        let guest = Guest()
        guest.map(0x4000_0000, 0x4000_0000 | Self.block, at: 1)
        guest.map(0x8000_0000, 0x1_0000_0000 | Self.block & ~0x80, at: 2)
        guest.sctlr |= 1
        guest.ttbr0 = guest.memory.newTable()
        guest.memory.map(0, 0x8000_0705, at: 1, root: guest.ttbr0)
        let translation = try guest.translate(0x1234).get()
        #expect(translation.physical == 0x1_0000_1234)
        #expect(translation.permissions == [.read, .execute])
        #expect(translation.size == 1 << 21 && translation.stageOneBits == 30)
        #expect(guest.fault(0x1234, .write) == expected(.permission, 2, 0x8000_1234, isWrite: true))
        guest.memory.map(0, 0x8000_0785, at: 1, root: guest.ttbr0)
        #expect(guest.fault(0x1234, .write)?.isStageTwo == false, "the first stage comes first")
        #expect(guest.fault(0x4000_0000)?.isStageTwo == false)
        guest.memory.map(0, 0xc000_0705, at: 1, root: guest.ttbr0)
        #expect(guest.fault(0x1234) == expected(.translation, 1, 0xc000_1234))
    }

    func expected(
        _ kind: Fault.Kind, _ level: Int8, _ ipa: UInt64, isWalk: Bool = false, isWrite: Bool = false
    ) -> Fault {
        var fault = Fault(kind, level: level, isWrite: isWrite)
        fault.isStageTwo = true
        fault.isStageOneWalk = isWalk
        fault.ipa = ipa
        return fault
    }

    // MARK: Walks of the first stage

    /// A guest whose first stage is on, with its tables in the GiB at 0x40000000, which the second stage maps from 0.
    func guestWithTables() -> (Guest, entry: UInt64) {
        let guest = Guest()
        guest.map(0x4000_0000, 0x8000_0000 | Self.block, at: 1)
        guest.map(0, 0x4000_0000 | Self.block, at: 1)
        guest.sctlr |= 1
        let root = guest.memory.newTable()
        guest.ttbr0 = root - 0x4000_0000
        let entry = guest.memory.map(0x1000, 0x4000_0707, root: root)
        // The tables' own addresses are intermediate: a GiB lower than physical ones.
        var table = root
        for _ in 0..<3 {
            let next = guest.memory[table] & 0xffff_ffff_f000
            guest.memory[table] -= 0x4000_0000
            table = next
        }
        return (guest, entry)
    }

    @Test("Descriptors of the first stage are read through the second; faults there have S1PTW and their address")
    func walksOfFirst() {
        let (guest, entry) = guestWithTables()
        #expect(guest.physical(0x1234) == 0x8000_0234)
        let ipa = entry - 0x4000_0000
        for isWrite in [false, true] {
            let access: Access = isWrite ? .write : .read
            guest.map(0, 0x4000_0000 | Self.block & ~Self.accessFlag, at: 1)
            #expect(
                guest.fault(0x1234, access)
                    == expected(.accessFlag, 1, guest.ttbr0, isWalk: true, isWrite: isWrite))
            guest.map(0, 0x4000_0000 | Self.block & ~0x40, at: 1)
            #expect(
                guest.fault(0x1234, access)
                    == expected(.permission, 1, guest.ttbr0, isWalk: true, isWrite: isWrite))
            guest.map(0, 0, at: 1)
            #expect(
                guest.fault(0x1234, access)
                    == expected(.translation, 1, guest.ttbr0, isWalk: true, isWrite: isWrite))
            // The page of the last table alone.
            for offset in stride(from: 0 as UInt64, to: 2 << 20, by: 4096) {
                guest.map(offset, (0x4000_0000 + offset) | Self.page)
            }
            guest.map(ipa, 0)
            #expect(guest.fault(0x1234, access) == expected(.translation, 3, ipa, isWalk: true, isWrite: isWrite))
        }
        #expect(guest.fault(0x1234, .execute) == expected(.translation, 3, ipa, isWalk: true))
        // Where the second stage has the table lie outside memory, the abort is one of the first.
        guest.map(ipa, 0x2_0000_0000 | Self.page)
        #expect(guest.fault(0x1234) == Fault(.externalAbortOnWalk, level: 3, isWrite: false))
    }

    @Test("HCR_EL2.PTW forbids descriptors of the first stage in device memory, unless TGE is set")
    func protectedWalks() {
        let (guest, _) = guestWithTables()
        guest.map(0, 0x4000_0000 | Self.block & ~0x3c, at: 1)
        #expect(guest.fault(0x1234) == nil)
        guest.hcr |= 1 << 2
        #expect(guest.fault(0x1234) == expected(.permission, 1, guest.ttbr0, isWalk: true))
        guest.map(0, 0x4000_0000 | Self.block, at: 1)
        #expect(guest.fault(0x1234) == nil)
    }

    @Test("To set an access flag or dirty state of the first stage, the second must permit writing, and marks its own")
    func updates() {
        let (guest, entry) = guestWithTables()
        let ipa = entry - 0x4000_0000
        guest.tcr |= 3 << 39
        let old: UInt64 = 0x4000_0303
        guest.memory[entry] = old
        let block = guest.map(0, 0x4000_0000 | Self.block & ~0x80, at: 1)
        // Of a read too: the fault is one of reading.
        #expect(guest.fault(0x1234) == expected(.permission, 1, ipa, isWalk: true))
        #expect(guest.fault(0x1234, .write) == expected(.permission, 1, ipa, isWalk: true, isWrite: true))
        #expect(guest.memory[entry] == old)
        // With HD in the second stage the page of the table becomes dirty there.
        guest.vtcr |= 3 << 21
        guest.memory[block] |= Self.dirtyBitModifier
        #expect(guest.fault(0x1234, .queryRead) == nil)
        #expect(guest.memory[entry] == old | Self.accessFlag)
        #expect(guest.memory[block] == 0x4000_0000 | Self.block | Self.dirtyBitModifier)
    }

    @Test(
        "An atomic access that may not mark its page dirty has written; one that may not set the access flag has not"
    )
    func directionOfUpdates() {
        let (guest, entry) = guestWithTables()
        let ipa = entry - 0x4000_0000
        guest.tcr |= 3 << 39
        guest.map(0, 0x4000_0000 | Self.block & ~0x80, at: 1)
        // ESR_ELx, WnR: 0 where a read of the address would have raised the same fault.
        for (flag, isWrite): (UInt64, Bool) in [(Self.accessFlag, true), (0, false)] {
            guest.memory[entry] = 0x4000_0383 | Self.dirtyBitModifier | flag
            #expect(guest.fault(0x1234, .update) == expected(.permission, 1, ipa, isWalk: true, isWrite: isWrite))
            #expect((guest.fault(0x1234) == nil) == isWrite)
        }
    }

    @Test("The second stage keeps its own access flag and dirty state")
    func hardwareUpdates() throws {
        let guest = Guest()
        let clean = 0x8000_0000 | Self.page & ~0x80 | Self.dirtyBitModifier
        let entry = guest.map(0, clean & ~Self.accessFlag)
        for access: Access in [.read, .write, .execute, .queryRead] {
            #expect(guest.fault(0, access)?.status == 0b001011)
        }
        #expect(guest.fault(0, .clean) == nil)
        guest.vtcr |= 1 << 21
        #expect(guest.fault(0, .write)?.status == 0b001111, "no HD, and no access flag of what is refused")
        #expect(guest.memory[entry] == clean & ~Self.accessFlag)
        #expect(guest.fault(0) == nil)
        #expect(guest.memory[entry] == clean)
        guest.vtcr |= 1 << 22
        for access: Access in [.read, .execute, .queryWrite] {
            let translation = try guest.translate(0, access).get()
            #expect(translation.permissions.contains(.write) && !translation.enterable.contains(.write))
            #expect(guest.memory[entry] == clean)
        }
        #expect(try guest.translate(0, .update).get().enterable.contains(.write))
        #expect(guest.memory[entry] == clean | 0x80)
        // Big-endian tables, and another PE that is quicker.
        guest.sctlrEL2 = 1 << 25
        for table in stride(from: guest.root, to: guest.root + (1 << 20), by: 8) {
            guest.memory[table] = guest.memory[table].byteSwapped
        }
        guest.memory[entry] = clean.byteSwapped
        guest.memory.interfere(with: (clean | 0x1000).byteSwapped)
        #expect(try guest.translate(0, .write).get().physical == 0x8000_1000)
        #expect(guest.memory[entry] == (clean | 0x1000 | 0x80).byteSwapped)
        guest.memory[entry] = clean.byteSwapped
        guest.memory.setReadOnly()
        #expect(guest.fault(0, .write)?.status == 0b110001)
    }

    // MARK: Attributes

    @Test("Types, cacheability and shareability of both stages give the stricter, with the hints of the first")
    func combination() throws {
        let (guest, entry) = guestWithTables()
        // D8.6, "Combining stage 1 and stage 2 memory type attributes". AttrIndx of the first stage (0 device-nGnRnE,
        // 1 write-back, 2 non-cacheable, 3 device-GRE, 4 write-through), MemAttr of the second, the result.
        let types: [(UInt64, UInt64, UInt8)] = [
            (0, 0b0000, 0x00), (0, 0b0011, 0x00), (0, 0b1111, 0x00), (3, 0b0000, 0x00), (3, 0b0001, 0x04),
            (3, 0b0010, 0x08), (3, 0b0011, 0x0c), (3, 0b1111, 0x0c), (1, 0b0000, 0x00), (1, 0b0001, 0x04),
            (1, 0b0101, 0x44), (1, 0b1010, 0xbb), (1, 0b1111, 0xff), (1, 0b0111, 0x4f), (1, 0b1101, 0xf4),
            (2, 0b1111, 0x44), (2, 0b0000, 0x00), (4, 0b1111, 0xaa), (4, 0b1010, 0xaa), (4, 0b0101, 0x44),
        ]
        for (index, memAttr, value) in types {
            guest.memory[entry] = 0x4000_0403 | index << 2 | 3 << 8
            guest.map(0x4000_0000, 0x8000_04c1 | memAttr << 2, at: 1)
            let attributes = try guest.translate(0x1234).get().attributes
            #expect(attributes.value == value, "AttrIndx \(index), MemAttr \(memAttr)")
            #expect(attributes.shareability == (value & 0xf0 == 0 || value == 0x44 ? 2 : 3))
        }
        let shareabilities: [(UInt64, UInt64, UInt8)] = [
            (0, 0, 0), (0, 3, 3), (3, 0, 3), (3, 3, 3), (0, 2, 2), (2, 0, 2), (2, 3, 2), (3, 2, 2), (2, 2, 2),
        ]
        for (first, second, both) in shareabilities {
            guest.memory[entry] = 0x4000_0407 | first << 8
            guest.map(0x4000_0000, 0x8000_04fd | second << 8, at: 1)
            #expect(try guest.translate(0x1234).get().attributes.shareability == both)
        }
    }

    @Test("HCR_EL2.CD has data, and ID instructions, not cached; DC has untranslated addresses write-back")
    func cacheControls() throws {
        let guest = Guest()
        guest.map(0, 0x8000_0000 | Self.page)
        guest.hcr = 1 | 1 << 12
        #expect(try guest.translate(0).get().attributes.value == 0xff)
        #expect(try guest.translate(0).get().attributes.shareability == 3)
        guest.hcr |= 1 << 32
        #expect(try guest.translate(0).get().attributes.value == 0x44)
        #expect(try guest.translate(0, .execute).get().attributes.value == 0xff)
        guest.hcr ^= 3 << 32
        #expect(try guest.translate(0).get().attributes.value == 0xff)
        #expect(try guest.translate(0, .execute).get().attributes.value == 0x44)
        guest.hcr = 1
        #expect(try guest.translate(0).get().attributes.value == 0, "device of the first stage, which is off")
    }

    @Test("Unaligned accesses to what the second stage calls device memory are its alignment faults")
    func alignment() {
        let guest = Guest()
        guest.hcr |= 1 << 12
        guest.map(0, 0x8000_07c3)
        guard case .failure(let fault) = guest.translate(1, isAligned: false) else {
            Issue.record("no fault")
            return
        }
        #expect(fault.status == 0b100001 && fault.isStageTwo && !fault.isStageOneWalk)
        #expect(guest.fault(1) == nil)
    }
}
