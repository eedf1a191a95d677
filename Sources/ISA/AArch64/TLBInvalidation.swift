/// The operands of TLBI instructions (D8, "TLB maintenance instructions"; C5.5).
extension AArch64 {
    /// What a TLBI instruction by address is about.
    public struct TLBInvalidation: Equatable, Sendable {
        /// The first and the last byte: virtual addresses as they are walked, with bits 63 to 56 like bit 55, or
        /// intermediate ones.
        public var first: UInt64
        public var last: UInt64
        /// The level that the leaf is at, if the operand's hint says one (FEAT_TTL); else nil.
        public var level: UInt8?

        /// Of TLBI VAE1 and all that have its operand.
        /// - Parameter granuleBits: of the range that the address is in; the bits of it below a page do not count.
        public init(virtual operand: UInt64, granuleBits: UInt8) {
            let page = UInt64(bitPattern: Int64(bitPattern: operand << 20) >> 8) & ~0xfff
            self.init(page: page, operand, granuleBits: granuleBits)
        }

        /// Of TLBI IPAS2E1 and all that have its operand.
        public init(intermediate operand: UInt64, granuleBits: UInt8) {
            self.init(page: (operand & 0xff_ffff_ffff) << 12, operand, granuleBits: granuleBits)
        }

        private init(page: UInt64, _ operand: UInt64, granuleBits: UInt8) {
            let inPage = (1 << UInt64(granuleBits) as UInt64) &- 1
            first = page & ~inPage
            last = page | inPage
            // TTL: a granule, and a level of it. Without the one the other says nothing. Level 0, which has leaves with
            // TCR_ELx.DS alone, may be taken for no hint.
            let hint = UInt8(truncatingIfNeeded: operand >> 44 & 15)
            level = hint >> 2 != 0 && hint & 3 != 0 ? hint & 3 : nil
        }

        /// Of TLBI RVAE1 and all that have its operand; nil where its granule is reserved, and nothing need be done.
        /// - Parameter isLarge: TCR_ELx.DS is set, and BaseADDR counts in 64 KiB (FEAT_LPA2).
        public init?(virtualRange operand: UInt64, isLarge: Bool = false) {
            guard let shift = Self.granuleBits(ofRange: operand) else { return nil }
            let start = UInt64(bitPattern: Int64(bitPattern: operand << 27) >> 27) << (isLarge ? 16 : shift)
            self.init(start, operand, shift)
            // AArch64.TLBIRange: no range leaves the half of the addresses that it begins in.
            let end = start >> 52 & 1 == 0 ? 0xf_ffff_ffff_ffff : ~0 as UInt64
            if last < start || last > end { last = end }
        }

        /// Of TLBI RIPAS2E1 and all that have its operand; nil where its granule is reserved.
        /// - Parameter isLarge: VTCR_EL2.DS is set.
        public init?(intermediateRange operand: UInt64, isLarge: Bool = false) {
            guard let shift = Self.granuleBits(ofRange: operand) else { return nil }
            self.init((operand & 0x1f_ffff_ffff) << (isLarge ? 16 : shift), operand, shift)
        }

        private init(_ start: UInt64, _ operand: UInt64, _ shift: UInt64) {
            let number = operand >> 39 & 31
            let scale = operand >> 44 & 3
            first = start
            last = start &+ (number &+ 1) << (5 &* scale &+ 1 &+ shift) &- 1
            let hint = UInt8(truncatingIfNeeded: operand >> 37 & 3)
            level = hint != 0 ? hint : nil
        }

        private static func granuleBits(ofRange operand: UInt64) -> UInt64? {
            let code = operand >> 46 & 3
            return code == 0 ? nil : 10 &+ 2 &* code
        }

        /// The ASID of an operand that has one. With 8-bit ASIDs the upper half is not looked at.
        public static func asid(_ operand: UInt64, isLong: Bool) -> UInt16 {
            UInt16(truncatingIfNeeded: operand >> 48) & (isLong ? 0xffff : 0xff)
        }
    }
}
