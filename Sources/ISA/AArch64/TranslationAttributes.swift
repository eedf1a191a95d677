/// Memory types, cacheability and shareability, and how those of the two stages are combined (D8.6, "Memory region
/// attributes"; AArch64.S2CombineS1MemAttrs).
extension AArch64 {
    /// What a leaf says of its memory, in the form that PAR_EL1 reports.
    public struct TranslationAttributes: Equatable, Sendable {
        /// A byte of MAIR_ELx (AttrN).
        public var value: UInt8
        /// SH: 0 non-shareable, 2 outer shareable, 3 inner shareable.
        public var shareability: UInt8

        @inline(__always) init(_ value: UInt8, shareability: UInt8) {
            self.value = value
            self.shareability = shareability
        }

        static let outerShareable: UInt8 = 2
        static let innerShareable: UInt8 = 3
        static let nonCacheable: UInt8 = 0x44

        /// Device-nGnRnE, the strictest.
        static let strictDevice = TranslationAttributes(0, shareability: outerShareable)
        static let normalNonCacheable = TranslationAttributes(nonCacheable, shareability: outerShareable)
        /// What untranslated fetches are where SCTLR_ELx.I is set.
        static let normalWriteThrough = TranslationAttributes(0xaa, shareability: outerShareable)
        /// What HCR_EL2.DC makes of untranslated addresses.
        static let normalWriteBack = TranslationAttributes(0xff, shareability: 0)

        @inline(__always) public var isDevice: Bool { value & 0xf0 == 0 }

        /// The shareability that counts: device memory and what is not cached at all are outer shareable
        /// (EffectiveShareability).
        @inline(__always) public var effectiveShareability: UInt8 {
            isDevice || value == Self.nonCacheable ? Self.outerShareable : shareability
        }

        /// What the second stage's MemAttr[3:0] and SH say, without FEAT_S2FWB (S2DecodeMemAttrs), with the allocation
        /// hints that it lacks all set. The reserved codes of cacheability are CONSTRAINED UNPREDICTABLE and count as
        /// non-cacheable.
        @inline(__always) init(stageTwo memAttr: UInt8, shareability: UInt8) {
            if memAttr & 0b1100 == 0 {
                self.init((memAttr & 3) << 2, shareability: shareability)
            } else {
                self.init(
                    Self.cacheability(memAttr >> 2) << 4 | Self.cacheability(memAttr), shareability: shareability)
            }
        }

        @inline(__always) private static func cacheability(_ code: UInt8) -> UInt8 {
            switch code & 3 {
            case 2: 0b1011
            case 3: 0b1111
            default: 0b0100
            }
        }

        /// These of the first stage under those of the second: the stricter of both.
        @inline(__always) func combined(withStageTwo second: TranslationAttributes) -> TranslationAttributes {
            let value: UInt8
            if isDevice || second.isDevice {
                // Of two device types, the one with the lower code.
                value =
                    isDevice && second.isDevice ? min(self.value, second.value) : isDevice ? self.value : second.value
            } else {
                value =
                    Self.combined(self.value >> 4, second.value >> 4) << 4
                    | Self.combined(self.value & 15, second.value & 15)
            }
            return TranslationAttributes(value, shareability: shareability).shared(with: second.shareability)
        }

        /// These of the first stage as the second overrules them by MemAttr, with FEAT_S2FWB (S2ApplyFWBMemAttrs). The
        /// reserved code counts as the one beside it.
        @inline(__always) func forced(byStageTwo memAttr: UInt8, shareability: UInt8) -> TranslationAttributes {
            func writeBack(_ cacheability: UInt8) -> UInt8 { cacheability == 0b0100 ? 0b1111 : cacheability | 0b0100 }
            var forced = self
            switch memAttr & 7 {
            case 0...3:
                let device = (memAttr & 3) << 2
                forced.value = isDevice ? min(value, device) : device
            case 6: forced.value = isDevice ? 0xff : writeBack(value >> 4) << 4 | writeBack(value & 15)
            case 7: break
            default: if !isDevice { forced.value = Self.nonCacheable }
            }
            return forced.shared(with: shareability)
        }

        /// The wider of both stages' shareability.
        @inline(__always) private func shared(with second: UInt8) -> TranslationAttributes {
            var both = self
            both.shareability =
                shareability == Self.outerShareable || second == Self.outerShareable
                ? Self.outerShareable : max(shareability, second)
            both.shareability = both.effectiveShareability
            return both
        }

        /// Inner or outer cacheability: not cached if either stage says so, write-through if either does, else
        /// write-back; with the hints of the first (S2CombineS1AttrHints).
        @inline(__always) private static func combined(_ first: UInt8, _ second: UInt8) -> UInt8 {
            if first == 0b0100 || second == 0b0100 { return 0b0100 }
            return second & 0b0100 == 0 ? first & 0b1011 : first
        }
    }
}
