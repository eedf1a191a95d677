import Testing

@testable import AArch64ISA

/// AT and TLBI instructions: their encodings, PAR_EL1 and operands (DDI 0487, C5.5, and PAR_EL1).
@Suite("AArch64 AT and TLBI")
struct AArch64AddressTranslationTests {
    typealias Operation = AArch64.AddressTranslation

    @Test("The encodings of AT instructions are those of the manual's table")
    func encodings() throws {
        // op1, CRm, op2: both stages, EL2, EL1 rather than EL0, write, PAN (C5.5).
        let table: [(UInt8, UInt8, UInt8, Bool, Bool, Bool, Bool, Bool)] = [
            (0, 8, 0, false, false, true, false, false),  // S1E1R
            (0, 8, 1, false, false, true, true, false),  // S1E1W
            (0, 8, 2, false, false, false, false, false),  // S1E0R
            (0, 8, 3, false, false, false, true, false),  // S1E0W
            (0, 9, 0, false, false, true, false, true),  // S1E1RP
            (0, 9, 1, false, false, true, true, true),  // S1E1WP
            (4, 8, 0, false, true, true, false, false),  // S1E2R
            (4, 8, 1, false, true, true, true, false),  // S1E2W
            (4, 8, 4, true, false, true, false, false),  // S12E1R
            (4, 8, 5, true, false, true, true, false),  // S12E1W
            (4, 8, 6, true, false, false, false, false),  // S12E0R
            (4, 8, 7, true, false, false, true, false),  // S12E0W
            (6, 8, 0, false, false, true, false, false),  // S1E3R
            (6, 8, 1, false, false, true, true, false),  // S1E3W
        ]
        for (op1, crm, op2, both, el2, privileged, write, pan) in table {
            let operation = try #require(Operation(op1: op1, crm: crm, op2: op2))
            #expect(operation.usesBothStages == both && operation.isOfEL2 == el2)
            #expect(operation.isPrivileged == privileged && operation.isWrite == write && operation.obeysPAN == pan)
        }
        var count = 0
        for op1: UInt8 in 0..<8 {
            for crm: UInt8 in 0..<16 {
                for op2: UInt8 in 0..<8 where Operation(op1: op1, crm: crm, op2: op2) != nil { count += 1 }
            }
        }
        #expect(count == table.count)
    }

    @Test("PAR_EL1 of a translation has its page, memory type and shareability")
    func success() throws {
        let space = AArch64TranslationTests.Space()
        space.memory.map(0x1000, 0x1234_5678_9707, root: space.root)
        let read = try #require(Operation(op1: 0, crm: 8, op2: 0))
        let result = try read.translate(0x1abc, space.regime, space.noSecond, pan: false, in: space.memory)
        #expect(result.par == 0xff00_1234_5678_9b80)  // ATTR, PA, RES1 and NS, SH 3
        space.memory.map(0x1000, 0x1234_5678_9703, root: space.root)
        let device = try read.translate(0x1abc, space.regime, space.noSecond, pan: false, in: space.memory)
        #expect(device.par == 0x0000_1234_5678_9b00)
    }

    @Test("PAR_EL1 of a fault has its status, stage and whether it was on a walk; what is taken is told")
    func faults() {
        var fault = AArch64.TranslationFault(.translation, level: 2, isWrite: false)
        #expect(fault.par == 0x801 | 0b000110 << 1)
        #expect(!fault.isTaken(byATAt: 1) && !fault.isTaken(byATAt: 2))
        fault.isStageTwo = true
        #expect(fault.par == 0xa01 | 0b000110 << 1)
        #expect(!fault.isTaken(byATAt: 1))
        fault.isStageOneWalk = true
        #expect(fault.par == 0xb01 | 0b000110 << 1)
        #expect(fault.isTaken(byATAt: 1) && !fault.isTaken(byATAt: 2))
        fault = AArch64.TranslationFault(.externalAbortOnWalk, level: 1, isWrite: false)
        #expect(fault.isTaken(byATAt: 1) && fault.isTaken(byATAt: 2))
        #expect(fault.level == 1 && fault.kind == .externalAbortOnWalk)
        #expect(AArch64.TranslationFault(.alignment, isWrite: false).kind == .alignment)
        #expect(AArch64.TranslationFault(.addressSize, level: 3, isWrite: false).kind == .addressSize)
    }

    @Test("AT obeys PAN where its name says so")
    func pan() throws {
        let space = AArch64TranslationTests.Space()
        space.memory.map(0, 0x8000_0747, root: space.root)
        for (crm, pan, isAllowed): (UInt8, Bool, Bool) in [(8, true, true), (9, true, false), (9, false, true)] {
            let operation = try #require(Operation(op1: 0, crm: crm, op2: 0))
            let result = try? operation.translate(0, space.regime, space.noSecond, pan: pan, in: space.memory)
            #expect((result != nil) == isAllowed)
        }
    }

    @Test("Operands of TLBI by VA and IPA: a page of the granule, sign-extended, with its level hint")
    func pages() {
        typealias Invalidation = AArch64.TLBInvalidation
        let lower = Invalidation(virtual: 0xabcd_0000_1234_5678, granuleBits: 12)
        #expect(lower.first == 0x123_4567_8000 && lower.last == 0x123_4567_8fff && lower.level == nil)
        let upper = Invalidation(virtual: 0xabcd_0fff_ffff_fff1, granuleBits: 12)
        #expect(upper.first == 0xffff_ffff_ffff_1000 && upper.last == 0xffff_ffff_ffff_1fff)
        #expect(Invalidation(virtual: 0x1f, granuleBits: 16).first == 0x10000)
        #expect(Invalidation(virtual: 0x1f, granuleBits: 16).last == 0x1ffff)
        #expect(Invalidation(virtual: 0x7000_0000_0000, granuleBits: 12).level == 3)  // TTL 0111: 4 KiB, level 3
        #expect(Invalidation(virtual: 0x3000_0000_0000, granuleBits: 12).level == nil)  // 0011: no granule
        #expect(Invalidation(virtual: 0x4000_0000_0000, granuleBits: 12).level == nil)  // 0100: level 0
        #expect(Invalidation.asid(0xabcd << 48, isLong: true) == 0xabcd)
        #expect(Invalidation.asid(0xabcd << 48, isLong: false) == 0xcd)
        let intermediate = Invalidation(intermediate: 0x8000_a0ff_ffff_fff1, granuleBits: 12)
        #expect(intermediate.first == 0xf_ffff_ffff_1000 && intermediate.level == 2)
    }

    @Test("Operands of TLBI by range: (NUM + 1) << (5 * SCALE + 1) pages of TG from BaseADDR on")
    func ranges() throws {
        typealias Invalidation = AArch64.TLBInvalidation
        func operand(_ tg: UInt64, _ scale: UInt64, _ num: UInt64, _ ttl: UInt64, _ base: UInt64) -> UInt64 {
            0xabcd << 48 | tg << 46 | scale << 44 | num << 39 | ttl << 37 | base
        }
        #expect(Invalidation(virtualRange: operand(0, 0, 0, 0, 1)) == nil)
        #expect(Invalidation(intermediateRange: operand(0, 0, 0, 0, 1)) == nil)
        let small = try #require(Invalidation(virtualRange: operand(1, 0, 0, 3, 5)))
        #expect(small.first == 0x5000 && small.last == 0x6fff && small.level == 3)
        let scaled = try #require(Invalidation(virtualRange: operand(2, 1, 2, 0, 5)))
        #expect(scaled.first == 5 << 14 && scaled.last == (5 + 3 * 64) << 14 - 1 && scaled.level == nil)
        let upper = try #require(Invalidation(virtualRange: operand(3, 0, 0, 2, 0x1f_ffff_fff0)))
        #expect(upper.first == 0xffff_ffff_fff0_0000 && upper.last == 0xffff_ffff_fff1_ffff && upper.level == 2)
        // AArch64.TLBIRange: a range that would go round ends with its half.
        #expect(Invalidation(virtualRange: operand(1, 3, 31, 0, 0x1f_ffff_ffff))?.last == ~0)
        #expect(Invalidation(virtualRange: operand(3, 3, 31, 0, 0x0f_ffff_ffff))?.last == 0xf_ffff_ffff_ffff)
        let intermediate = try #require(Invalidation(intermediateRange: operand(1, 0, 1, 0, 0x1f_ffff_fff0)))
        #expect(intermediate.first == 0x1_ffff_ffff_0000 && intermediate.last == 0x1_ffff_ffff_3fff)
    }
}
