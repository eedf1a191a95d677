/// AArch64: the A64 instructions of ARMv8.5-A that `AArch64.Features` lists.
///
/// Manual: *Arm Architecture Reference Manual for A-profile architecture*, DDI 0487. Section names in comments are its.
public enum AArch64 {
    /// Register numbers in the state block: x0 to x30, a register that is always 0, the sink for writes to XZR
    /// (``DecodedSlot/sink``), and the stack pointer of the current level.
    static let zeroRegister: UInt8 = 31
    static let stackPointer: UInt8 = 33

    /// What a CPU implements beyond ARMv8.0-A, by the names of the manual's features (A2.2 and later) without `FEAT_`.
    public struct Features: OptionSet, Sendable {
        public let rawValue: UInt64
        public init(rawValue: UInt64) { self.rawValue = rawValue }
        public static let crc32 = Features(rawValue: 1 << 0)
        public static let lse = Features(rawValue: 1 << 1)
        public static let lor = Features(rawValue: 1 << 2)
        public static let pan = Features(rawValue: 1 << 3)
        public static let uao = Features(rawValue: 1 << 4)
        public static let ras = Features(rawValue: 1 << 5)
        public static let pauth = Features(rawValue: 1 << 6)
        public static let lrcpc = Features(rawValue: 1 << 7)
        public static let lrcpc2 = Features(rawValue: 1 << 8)
        public static let flagM = Features(rawValue: 1 << 9)
        public static let flagM2 = Features(rawValue: 1 << 10)
        public static let dit = Features(rawValue: 1 << 11)
        public static let ssbs = Features(rawValue: 1 << 12)
        public static let sb = Features(rawValue: 1 << 13)
        public static let bti = Features(rawValue: 1 << 14)
        public static let fp16 = Features(rawValue: 1 << 15)
        public static let jscvt = Features(rawValue: 1 << 16)
        public static let frintts = Features(rawValue: 1 << 17)

        /// All that is known here.
        public static let all: Features = [
            .crc32, .lse, .lor, .pan, .uao, .ras, .pauth, .lrcpc, .lrcpc2, .flagM, .flagM2, .dit, .ssbs, .sb, .bti,
            .fp16, .jscvt, .frintts,
        ]
    }
}
