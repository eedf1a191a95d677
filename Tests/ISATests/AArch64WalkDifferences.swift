@testable import AArch64ISA

/// What QEMU 7.2 does otherwise than the manual, or otherwise than here where the manual leaves it open.
enum AArch64WalkDifferences {
    /// Whether a case is one that both see alike.
    static func isComparable(_ walk: AArch64WalkCase, _ features: AArch64.TranslationFeatures) -> Bool {
        // QEMU limits what VTCR_EL2.T0SZ and SL0 may be by PS, and not by the PE's own size (AArch64.S2MinTxSZ,
        // AArch64.S2InvalidSL).
        let sizes: [UInt64] = [32, 36, 40, 42, 44, 48, 52, 52]
        let lookup = walk.second(features).lookup
        let size = min(sizes[Int(walk[.vtcr] >> 16 & 7)], lookup.format == .plain ? 48 : 52)
        let granuleBits = lookup.granuleBits
        if 64 - walk[.vtcr] & 63 > size { return false }
        if walk[.vtcr] >> 6 & 3 == 2 && size < (granuleBits == 14 ? 42 : 44) { return false }
        // QEMU 7.2 begins at level -1 for 52 bits alone, and at level 0 with 16 KiB pages for none.
        if lookup.format == .large {
            let (sl0, sl2) = (walk[.vtcr] >> 6 & 3, walk[.vtcr] >> 33 & 1)
            if granuleBits == 12 ? sl2 == 1 && walk[.vtcr] & 63 != 12 : sl0 == 3 { return false }
        }
        // HCR_EL2.PTW: QEMU obeys it without a second stage too. And where it refuses a walk, QEMU has set the access
        // flag of the second stage before, which is as good.
        if walk[.hcr] & 4 != 0 && (walk[.hcr] & 0x1001 == 0 || walk[.vtcr] >> 21 & 1 != 0) { return false }
        // HD without HA is none; QEMU takes it for one.
        let isHost = walk[.hcr] >> 34 & 1 != 0
        let controls = [walk[.tcr1] >> 39, walk[.tcr2] >> (isHost ? 39 : 21), walk[.vtcr] >> 21]
        if controls.contains(where: { $0 & 3 == 2 }) { return false }
        // With DS the upper bits of a table's address count whatever IPS and PS are (AArch64.S1TTBaseAddress); on QEMU
        // where these say 52 bits.
        let tables: [(ds: UInt64, size: UInt64, base: UInt64)] = [
            (walk[.tcr1] >> 59, walk[.tcr1] >> 32, walk[.ttbr01] | walk[.ttbr11]),
            (walk[.vtcr] >> 32, walk[.vtcr] >> 16, walk[.vttbr]),
            isHost
                ? (walk[.tcr2] >> 59, walk[.tcr2] >> 32, walk[.ttbr02] | walk[.ttbr12])
                : (walk[.tcr2] >> 32, walk[.tcr2] >> 16, walk[.ttbr02]),
        ]
        return !tables.contains { $0.ds & 1 != 0 && $0.size & 7 < 6 && $0.base & 0x3e != 0 }
    }

    /// Whether an AT instruction is one that both see alike.
    static func isComparable(_ walk: AArch64WalkCase, _ operation: AArch64.AddressTranslation) -> Bool {
        // With HD, those that write make pages dirty on QEMU, which they do not in AArch64.S1Translate.
        let control = operation.isOfEL2 ? walk[.tcr2] >> 22 : walk[.tcr1] >> 40
        let second = operation.usesBothStages ? walk[.vtcr] >> 22 : 0
        // HCR_EL2.CD with FWB, which QEMU does not obey.
        if operation.usesBothStages && walk[.hcr] & (1 << 46 | 1 << 32) == 1 << 46 | 1 << 32 { return false }
        return !operation.isWrite || (control | second) & 1 == 0
    }

    /// Whether a walk with HCR_EL2.FWB ended at a leaf of the second stage whose MemAttr is reserved, by a bit that is
    /// RES0 or as 0b100: QEMU takes it for a device (S2ApplyFWBMemAttrs does not).
    static func endsAtReservedAttribute(
        _ walk: AArch64WalkCase, _ operation: AArch64.AddressTranslation, _ arena: AArch64WalkArena
    ) -> Bool {
        guard walk[.hcr] >> 46 & 1 != 0, operation.usesBothStages else { return false }
        let leaf = walk[.sctlr2] >> 25 & 1 == 0 ? arena.last : arena.last.byteSwapped
        return leaf >> 5 & 1 != 0 || leaf >> 2 & 7 == 4
    }

    /// Whether a walk ended at a block where there may be none, which QEMU takes for one (AArch64.BlockDescSupported).
    static func endsAtBlock(_ fault: AArch64.TranslationFault, _ arena: AArch64WalkArena) -> Bool {
        fault.kind == .translation && fault.level < 3 && (arena.last & 3 == 1 || arena.last.byteSwapped & 3 == 1)
    }

    /// Whether a walk ended at a descriptor whose address has some of the bits that stand apart, and is larger than IPS or
    /// PS says: QEMU looks at these bits only where 52 bits are said (AArch64.OAOutOfRange).
    static func endsAtLargeOutput(
        _ fault: AArch64.TranslationFault, _ regime: AArch64.TranslationRegime, _ arena: AArch64WalkArena
    ) -> Bool {
        let apart: UInt64 = 0xf300
        return regime.physicalBits == 52 && fault.kind == .addressSize
            && (arena.last & apart != 0 || arena.last.byteSwapped & apart != 0)
    }

    /// Whether a fault may be one that QEMU 7.2 ends itself with: of level -1, or of the second stage on a walk that has
    /// begun there.
    static func isAboveZero(_ fault: AArch64.TranslationFault, _ regime: AArch64.TranslationRegime) -> Bool {
        fault.level < 0 || fault.isStageOneWalk && min(regime.lower.lookup.level, regime.upper.lookup.level) < 0
    }

    /// Whether a fault status code is that of a fault, at any level where QEMU has another one: of a fault of stage 2 on a
    /// walk of stage 1, it has that of the latter.
    private static func agrees(_ status: UInt64, with fault: AArch64.TranslationFault) -> Bool {
        guard fault.isStageOneWalk else { return status & 0x3f == fault.status }
        var other = fault
        other.status = UInt8(status & 0x3f)
        return other.kind == fault.kind
    }

    /// Whether QEMU's PAR_EL1 is that of a translation.
    static func agrees(_ par: UInt64, with translation: AArch64.Translation) -> Bool {
        var known = ~0 as UInt64
        // SH of device and non-cacheable memory, which PAR_EL1 has as 2.
        if translation.attributes.isDevice || translation.attributes.value == 0x44 { known &= ~0x180 }
        // Of a device type beside normal memory QEMU takes the latter's cacheability for a device type.
        if translation.attributes.isDevice && translation.stageTwoBits != AArch64.Translation.untranslatedBits {
            known &= ~(0x0f << 56)
        }
        // SH of addresses that the first stage leaves alone, which is a device's, and the second has be cached
        // (HCR_EL2.FWB): 2, and on QEMU the second stage's.
        let isUntranslated = translation.stageOneBits == AArch64.Translation.untranslatedBits
        if isUntranslated && translation.attributes.value == 0xff && translation.attributes.shareability == 2 {
            known &= ~0x180
        }
        return (par ^ translation.par) & known == 0
    }

    /// Whether QEMU's PAR_EL1, or syndrome, is that of a fault.
    /// - Parameter level: what takes exceptions of the instruction.
    static func agrees(_ record: AArch64WalkRecord, with fault: AArch64.TranslationFault) -> Bool {
        if fault.isTaken(byATAt: 3) {
            // A Data Abort from EL3 itself.
            return record.esr3 >> 26 == 0x25 && agrees(record.esr3, with: fault)
        }
        return (record.par ^ fault.par) & 0xffff_ffff_ff81 == 0 && agrees(record.par >> 1, with: fault)
    }

    /// Whether what the guest noted of code is what has to come of it.
    static func agrees(_ record: AArch64WalkRecord, with expected: AArch64WalkCode.Expectation) -> Bool {
        if let end = expected.end, end != record.elr3 { return false }
        // What ends every case is a trapped WFI.
        guard record.esr3 >> 26 == 1, record.par == expected.x0 else { return false }
        if let first = expected.first {
            guard agrees(record.esr1, with: first), isSame(record.far1, first.far) else {
                return false
            }
        } else if record.esr1 != 0 {
            return false
        }
        guard let second = expected.second else { return record.esr2 == 0 }
        guard agrees(record.esr2, with: second), isSame(record.far2, second.far) else {
            return false
        }
        return !second.fault.isStageTwo || record.hpfar == (second.fault.ipa >> 12) << 4
    }

    /// But for the tag of a data address, which QEMU has forgotten by then.
    private static func isSame(_ far: UInt64, _ address: UInt64) -> Bool { (far ^ address) << 8 == 0 }

    /// Whether ESR_ELx has the class of an abort and its status, and S1PTW and WnR.
    private static func agrees(_ esr: UInt64, with taken: AArch64WalkCode.Taken) -> Bool {
        let fault = taken.fault
        var iss: UInt64 = fault.isStageOneWalk ? 1 << 7 : 0
        if !taken.isFetch && fault.isWrite { iss |= 1 << 6 }
        let kind: UInt64 = (taken.isFetch ? 0x20 : 0x24) | (taken.isFromBelow ? 0 : 1)
        return esr >> 26 == kind && (esr ^ iss) & 0xc0 == 0 && agrees(esr, with: fault)
    }
}
