import Testing

@testable import AArch64ISA

/// What leaves and tables of the first stage permit, and how hardware keeps the access flag and the dirty state (DDI
/// 0487, D8.4, "Memory access control", and D8.5, "Hardware updates to the translation tables").
@Suite("AArch64 translation, permissions and hardware updates")
struct AArch64TranslationPermissionTests {
    typealias Space = AArch64TranslationTests.Space
    typealias Access = AArch64.TranslationRequest.Access
    static let readOnly: UInt64 = 1 << 7
    static let dirtyBitModifier: UInt64 = 1 << 51
    static let accessFlag: UInt64 = 1 << 10

    /// What may be done to page 0, as letters, whose descriptor has `bits` and whose tables have `tableBits` besides.
    func allowed(
        _ space: Space, _ bits: UInt64, _ tableBits: UInt64 = 0, isPrivileged: Bool = true, pan: Bool = false,
        regime: AArch64.TranslationRegime? = nil
    ) -> String {
        space.memory.map(0, 0x8000_0707 | bits, root: space.root, tableBits: tableBits)
        var text = ""
        for (letter, access): (String, Access) in [("r", .read), ("w", .write), ("x", .execute)] {
            let status = space.status(
                0, access, isPrivileged: isPrivileged, pan: pan && access != .execute, regime: regime)
            #expect(status == nil || status == 0b001111)
            if status == nil { text += letter }
            // The leaf's own permissions say the same, whatever was asked; but a fetch knows nothing of PAN.
            guard !pan || access != .execute,
                case .success(let leaf) = space.translate(
                    0, access, isPrivileged: isPrivileged, pan: pan, regime: regime)
            else { continue }
            #expect(leaf.permissions == leaf.enterable)
            for (access, permission): (Access, AArch64.Permissions) in [
                (.read, .read), (.write, .write), (.execute, .execute),
            ] {
                let isAllowed =
                    space.status(
                        0, access, isPrivileged: isPrivileged, pan: pan && access != .execute, regime: regime) == nil
                #expect(leaf.permissions.contains(permission) == isAllowed, "\(access)")
            }
        }
        return text
    }

    @Test(
        "AP[2:1], UXN and PXN, at both levels, are those of the manual's table; what EL0 can write EL1 never executes")
    func direct() {
        // AP[2:1]; at EL1 without PXN, and with it; at EL0 without UXN, and with it.
        let rows: [(UInt64, String, String, String, String)] = [
            (0, "rwx", "rw", "x", ""), (1, "rw", "rw", "rwx", "rw"), (2, "rx", "r", "x", ""), (3, "rx", "r", "rx", "r"),
        ]
        for (ap, el1, el1PXN, el0, el0UXN) in rows {
            let space = Space()
            #expect(allowed(space, ap << 6) == el1, "AP \(ap)")
            #expect(allowed(space, ap << 6 | 1 << 53) == el1PXN, "AP \(ap), PXN")
            #expect(allowed(space, ap << 6 | 1 << 54) == el1, "AP \(ap), UXN")
            #expect(allowed(space, ap << 6, isPrivileged: false) == el0, "AP \(ap)")
            #expect(allowed(space, ap << 6 | 1 << 54, isPrivileged: false) == el0UXN, "AP \(ap), UXN")
            #expect(allowed(space, ap << 6 | 1 << 53, isPrivileged: false) == el0, "AP \(ap), PXN")
        }
    }

    @Test("With WXN nothing writable is executed, by whom it is writable")
    func writeExecuteNever() {
        let rows: [(UInt64, String, String)] = [(0, "rw", "x"), (1, "rw", "rw"), (2, "rx", "x"), (3, "rx", "rx")]
        let space = Space()
        space.sctlr |= 1 << 19
        for (ap, el1, el0) in rows {
            #expect(allowed(space, ap << 6) == el1, "AP \(ap)")
            #expect(allowed(space, ap << 6, isPrivileged: false) == el0, "AP \(ap)")
        }
    }

    @Test("APTable, UXNTable and PXNTable of any table take permissions away, and HPDn has them ignored")
    func tables() {
        // Bits of a table; AP[2:1] of the leaf; at EL1, at EL0.
        let rows: [(UInt64, UInt64, String, String)] = [
            (1 << 61, 1, "rwx", "x"), (1 << 61, 3, "rx", "x"), (1 << 62, 0, "rx", "x"), (1 << 62, 1, "rx", "rx"),
            (3 << 61, 1, "rx", "x"), (1 << 60, 1, "rw", "rw"), (1 << 60, 3, "rx", "r"), (1 << 59, 3, "r", "rx"),
            (1 << 59, 0, "rw", "x"),
        ]
        for (bits, ap, el1, el0) in rows {
            for level: UInt64 in 0..<3 {
                let space = Space()
                space.memory.map(0, 0, root: space.root)
                var table = space.root
                for _ in 0..<level { table = space.memory[table] & 0xffff_ffff_f000 }
                space.memory[table] |= bits
                #expect(allowed(space, ap << 6) == el1, "table bits \(bits >> 59), AP \(ap)")
                #expect(allowed(space, ap << 6, isPrivileged: false) == el0, "table bits \(bits >> 59), AP \(ap)")
                let without = Space()
                let plain = (allowed(without, ap << 6), allowed(without, ap << 6, isPrivileged: false))
                space.tcr |= 1 << 41
                #expect(allowed(space, ap << 6) == plain.0)
                #expect(allowed(space, ap << 6, isPrivileged: false) == plain.1)
                space.features.hasHierarchicalDisable = false
                #expect(allowed(space, ap << 6) == el1, "without FEAT_HPDS there is no HPD0")
            }
        }
    }

    @Test("PAN keeps EL1 from what EL0 can access, with EPAN also from what EL0 can only execute")
    func privilegedAccessNever() {
        let space = Space()
        for (epan, ap, uxn, expected): (Bool, UInt64, UInt64, String) in [
            (false, 0, 0, "rwx"), (false, 1, 0, ""), (false, 2, 0, "rx"), (false, 3, 0, "x"), (true, 0, 0, "x"),
            (true, 0, 1, "rwx"), (true, 2, 0, "x"), (true, 2, 1, "rx"), (true, 3, 1, "x"),
        ] {
            space.sctlr = 0x1005 | (epan ? 1 << 57 : 0)
            #expect(allowed(space, ap << 6 | uxn << 54, pan: true) == expected, "EPAN \(epan), AP \(ap), UXN \(uxn)")
        }
        space.features.hasEnhancedPAN = false
        space.sctlr = 0x1005 | 1 << 57
        #expect(allowed(space, 0, pan: true) == "rwx", "without FEAT_PAN3 there is no EPAN")
    }

    @Test("Where EL1 takes itself to be EL2, bit 54 is PXN, and bits 53 and 6 and PAN say nothing (HCR_EL2.NV and NV1)")
    func nested() {
        let space = Space()
        for nv: UInt64 in [0, 1 << 42, 1 << 43] {
            space.hcr = nv
            #expect(allowed(space, 1 << 6, pan: true) == "", "it takes both")
            #expect(allowed(space, 1 << 54) == "rwx")
        }
        space.hcr = 3 << 42
        for ap: UInt64 in 0..<4 {
            for (pxn, pan): (UInt64, Bool) in [(0, false), (1, false), (0, true), (1, true)] {
                let bits = ap << 6 | pxn << 53
                let data = ap & 2 == 0 ? "rw" : "r"
                #expect(allowed(space, bits, pan: pan) == data + "x")
                #expect(allowed(space, bits | 1 << 54, pan: pan) == data)
                // EL0 has no data, and nothing keeps it from executing.
                #expect(allowed(space, bits | 1 << 54, isPrivileged: false) == "x")
            }
        }
        space.sctlr = 0x1005 | 1 << 57
        #expect(allowed(space, 0, pan: true) == "rwx", "EPAN neither")
        // PXNTable and APTable[1]; bits 59 and 61 say nothing.
        for (bits, expected): (UInt64, String) in [
            (1 << 60, "rw"), (1 << 59 | 1 << 61, "rwx"), (1 << 62, "rx"), (15 << 59, "r"),
        ] {
            let space = Space()
            space.hcr = 3 << 42
            #expect(allowed(space, 0, bits) == expected, "the table's bits \(bits >> 59)")
        }
    }

    @Test("In the EL2 regime AP[1] and PXN say nothing, and XN is bit 54; in EL2&0 all is as in EL1&0")
    func el2() {
        let space = Space()
        let tcr: UInt64 = 16 | 5 << 16
        func regime(_ sctlr: UInt64 = 0x1005, _ tcr: UInt64 = tcr) -> AArch64.TranslationRegime {
            AArch64.TranslationRegime(
                el2: AArch64TranslationTests.features, sctlr: sctlr, tcr: tcr, ttbr0: space.root,
                mair: AArch64TranslationTests.mair)
        }
        for ap: UInt64 in 0..<4 {
            for pxn: UInt64 in 0..<2 {
                let bits = ap << 6 | pxn << 53
                #expect(allowed(space, bits, regime: regime()) == (ap & 2 == 0 ? "rwx" : "rx"))
                #expect(allowed(space, bits | 1 << 54, regime: regime()) == (ap & 2 == 0 ? "rw" : "r"))
                #expect(allowed(space, bits, regime: regime(0x8_1005)) == (ap & 2 == 0 ? "rw" : "rx"))
            }
        }
        #expect(space.status(1 << 55, regime: regime()) == 0b000100, "there is no upper range")
        #expect(space.status(1 << 63, regime: regime()) == 0b000100)
        #expect(space.status(1 << 63, regime: regime(0x1005, tcr | 1 << 20)) == nil, "TBI")
        #expect(space.status(1 << 63, .execute, regime: regime(0x1005, tcr | 1 << 20 | 1 << 29)) == 0b000100, "TBID")
        space.memory[space.root] |= 7 << 59
        #expect(allowed(space, 0, regime: regime()) == "rw", "XNTable, and APTable[0] is RES0")
        space.memory[space.root] |= 1 << 62
        #expect(allowed(space, 0, regime: regime()) == "r")
        #expect(allowed(space, 0, regime: regime(0x1005, tcr | 1 << 24)) == "rwx", "HPD")
        let host = AArch64.TranslationRegime(
            el2Host: AArch64TranslationTests.features, sctlr: 0x1005, tcr: space.tcr | 1 << 41, ttbr0: space.root,
            ttbr1: space.root, mair: AArch64TranslationTests.mair)
        #expect(allowed(space, 1 << 6, regime: host) == "rw")
        #expect(allowed(space, 1 << 6, isPrivileged: false, regime: host) == "rwx")
        space.memory.map(~0xfff, 0x9000_0707, root: space.root)
        #expect(space.status(~0xfff, regime: host) == nil, "there is an upper range")
    }

    @Test("Cache maintenance asks EL0 for reading, EL1 for nothing, and DC IVAC for writing; it needs no access flag")
    func maintenance() {
        let space = Space()
        for (bits, access, isPrivileged, isAllowed): (UInt64, Access, Bool, Bool) in [
            (0, .clean, false, false), (0, .clean, true, true), (Self.readOnly, .clean, true, true),
            (0xc0, .clean, false, true), (Self.readOnly, .invalidate, true, false), (0, .invalidate, true, true),
        ] {
            space.memory.map(0, 0x8000_0307 | bits, root: space.root)
            #expect((space.status(0, access, isPrivileged: isPrivileged) == nil) == isAllowed)
        }
        // PAN is not its business.
        space.memory.map(0, 0x8000_0747, root: space.root)
        #expect(space.status(0, .invalidate, pan: true) == nil && space.status(0, .read, pan: true) == 0b001111)
        space.tcr |= 3 << 39
        let entry = space.memory.map(0, 0x8000_0387 | Self.dirtyBitModifier, root: space.root)
        #expect(space.status(0, .invalidate) == nil)
        #expect(space.memory[entry] & Self.readOnly != 0, "it makes no page dirty")
    }

    @Test("Without HA an access flag of 0 is a fault of its level; with HA the walk sets it")
    func accessFlag() {
        for (level, leaf): (UInt64, UInt64) in [(1, 0x4000_0301), (2, 0x4000_0301), (3, 0x4000_0303)] {
            let space = Space()
            let entry = space.memory.map(0, leaf, at: level, root: space.root)
            for access: Access in [.read, .write, .update, .execute, .queryRead, .queryWrite] {
                #expect(space.status(0, access) == 0b001000 | UInt8(level))
            }
            #expect(space.memory[entry] == leaf)
            space.tcr |= 1 << 39
            #expect(space.status(0) == nil)
            #expect(space.memory[entry] == leaf | Self.accessFlag)
            space.features.managesAccessFlag = false
            space.memory[entry] = leaf
            #expect(space.status(0) == 0b001000 | UInt8(level), "without FEAT_HAFDBS there is no HA")
        }
    }

    @Test("An access that is not permitted changes nothing")
    func noUpdate() {
        let space = Space()
        space.tcr |= 3 << 39
        let entry = space.memory.map(0, 0x8000_0383, root: space.root)
        #expect(space.status(0, .write) == 0b001111)
        #expect(space.memory[entry] == 0x8000_0383)
    }

    @Test("With HD a page with DBM is writable and becomes so by a write, which nobody may enter as writable before")
    func dirtyState() throws {
        let clean = 0x8000_0787 | Self.dirtyBitModifier
        let space = Space()
        space.tcr |= 3 << 39
        let entry = space.memory.map(0, clean, root: space.root)
        for access: Access in [.read, .execute, .queryRead, .queryWrite] {
            // A page that is writable is not executed where WXN says so, clean or not.
            let translation = try space.translate(0, access).get()
            #expect(translation.permissions == [.read, .write, .execute])
            #expect(translation.enterable == [.read, .execute])
            #expect(space.memory[entry] == clean)
        }
        space.sctlr |= 1 << 19
        #expect(space.status(0, .execute) == 0b001111)
        for access: Access in [.write, .update] {
            space.memory[entry] = clean
            #expect(try space.translate(0, access).get().enterable.contains(.write))
            #expect(space.memory[entry] == clean & ~Self.readOnly)
        }
        // A page without DBM is not managed, nor is one under a read-only table, nor anything without HD or HA.
        space.memory[entry] = clean & ~Self.dirtyBitModifier
        #expect(space.status(0, .write) == 0b001111)
        space.memory[entry] = clean
        space.memory[space.root] |= 1 << 62
        #expect(space.status(0, .write) == 0b001111)
        space.memory[space.root] &= ~(1 << 62)
        for bit: UInt64 in [39, 40] {
            space.tcr ^= 1 << bit
            #expect(space.status(0, .write) == 0b001111)
            space.tcr ^= 1 << bit
        }
        space.features.managesDirtyState = false
        #expect(space.status(0, .write) == 0b001111)
        #expect(space.memory[entry] == clean)
    }

    @Test("A clean page that EL0 may write is not executed at EL1")
    func cleanIsWritable() {
        let space = Space()
        space.tcr |= 3 << 39
        #expect(space.memory.map(0, 0x8000_07c7 | Self.dirtyBitModifier, root: space.root) != 0)
        #expect(space.status(0, .execute) == 0b001111)
        #expect(space.status(0, .execute, isPrivileged: false) == nil)
    }

    @Test("When another PE changes the descriptor first, the walk begins anew")
    func interference() {
        let space = Space()
        space.tcr |= 1 << 39
        space.memory.map(0, 0x8000_0303, root: space.root)
        space.memory.interfere(with: 0x9000_0303)
        #expect(space.physical(0) == 0x9000_0000)
        space.memory.map(0, 0x8000_0303, root: space.root)
        space.memory.interfere(with: 0)
        #expect(space.status(0) == 0b000111)
        space.memory.map(0, 0x8000_0303, root: space.root)
        space.memory.setReadOnly()
        #expect(space.status(0) == 0b110001, "unsupported atomic hardware update")
    }

    @Test("What a fault calls a write is a write: an atomic access whose reading faults is none")
    func direction() {
        let space = Space()
        func isWrite(_ access: Access) -> Bool? {
            if case .failure(let fault) = space.translate(0, access, isPrivileged: false) { return fault.isWrite }
            return nil
        }
        #expect(isWrite(.read) == false && isWrite(.write) == true && isWrite(.update) == false)
        #expect(isWrite(.execute) == false)
        space.memory.map(0, 0x8000_07c7, root: space.root)  // readable
        #expect(isWrite(.read) == nil && isWrite(.write) == true && isWrite(.update) == true)
        space.memory.map(0, 0x8000_0787, root: space.root)
        #expect(isWrite(.read) == false && isWrite(.write) == true && isWrite(.update) == false)
    }
}
