extension AArch64 {
    /// What a CPU implements beyond ARMv8.0-A, by the names of the manual's features (A2.2 and later) without `FEAT_`.
    public struct Features: OptionSet, Sendable {
        public let rawValue: UInt128
        public init(rawValue: UInt128) { self.rawValue = rawValue }

        // MARK: Instructions
        public static let crc32 = Features(rawValue: 1 << 0)
        public static let lse = Features(rawValue: 1 << 1)
        public static let rdm = Features(rawValue: 1 << 2)
        public static let pauth = Features(rawValue: 1 << 3)
        public static let lrcpc = Features(rawValue: 1 << 4)
        public static let lrcpc2 = Features(rawValue: 1 << 5)
        public static let flagM = Features(rawValue: 1 << 6)
        public static let flagM2 = Features(rawValue: 1 << 7)
        public static let dit = Features(rawValue: 1 << 8)
        /// With the register: what the manual calls SSBS2.
        public static let ssbs = Features(rawValue: 1 << 9)
        public static let sb = Features(rawValue: 1 << 10)
        public static let bti = Features(rawValue: 1 << 11)
        public static let fp16 = Features(rawValue: 1 << 12)
        public static let jscvt = Features(rawValue: 1 << 13)
        public static let frintts = Features(rawValue: 1 << 14)
        public static let fcma = Features(rawValue: 1 << 15)
        public static let dotProd = Features(rawValue: 1 << 16)
        /// With FEAT_PMULL.
        public static let aes = Features(rawValue: 1 << 17)
        public static let sha1 = Features(rawValue: 1 << 18)
        public static let sha256 = Features(rawValue: 1 << 19)
        public static let sha512 = Features(rawValue: 1 << 20)
        public static let sha3 = Features(rawValue: 1 << 21)
        public static let rng = Features(rawValue: 1 << 22)
        public static let dpb = Features(rawValue: 1 << 23)
        public static let dpb2 = Features(rawValue: 1 << 24)
        public static let specres = Features(rawValue: 1 << 25)
        public static let lse2 = Features(rawValue: 1 << 26)

        // MARK: Exception levels and traps
        /// EL2 is there. (No feature of the manual: every CPU may lack it.)
        public static let el2 = Features(rawValue: 1 << 27)
        public static let vhe = Features(rawValue: 1 << 28)
        public static let evt = Features(rawValue: 1 << 29)
        public static let idst = Features(rawValue: 1 << 30)
        public static let ras = Features(rawValue: 1 << 31)
        public static let iesb = Features(rawValue: 1 << 32)
        /// SCXTNUM_ELx.
        public static let csv2_2 = Features(rawValue: 1 << 33)
        /// The system registers of a GICv3's CPU interface.
        public static let gicv3 = Features(rawValue: 1 << 34)
        public static let pmuv3 = Features(rawValue: 1 << 35)
        public static let pmuv3p1 = Features(rawValue: 1 << 56)
        public static let pmuv3p4 = Features(rawValue: 1 << 57)
        public static let pmuv3p5 = Features(rawValue: 1 << 58)

        // MARK: Memory
        public static let lor = Features(rawValue: 1 << 36)
        public static let pan = Features(rawValue: 1 << 37)
        public static let pan2 = Features(rawValue: 1 << 38)
        public static let pan3 = Features(rawValue: 1 << 39)
        public static let uao = Features(rawValue: 1 << 40)
        public static let vmid16 = Features(rawValue: 1 << 41)
        public static let hafdbs = Features(rawValue: 1 << 42)
        public static let hpds = Features(rawValue: 1 << 43)
        public static let hpds2 = Features(rawValue: 1 << 44)
        public static let xnx = Features(rawValue: 1 << 45)
        public static let ttcnp = Features(rawValue: 1 << 46)
        public static let ttst = Features(rawValue: 1 << 47)
        public static let ttl = Features(rawValue: 1 << 48)
        public static let s2fwb = Features(rawValue: 1 << 49)
        public static let bbm = Features(rawValue: 1 << 50)
        public static let e0pd = Features(rawValue: 1 << 51)
        public static let tlbios = Features(rawValue: 1 << 52)
        public static let tlbirange = Features(rawValue: 1 << 53)
        public static let tGran16K = Features(rawValue: 1 << 54)
        /// Virtual and physical addresses of 52 bits with pages of 64 KiB, and with the smaller ones.
        public static let lva = Features(rawValue: 1 << 64)
        public static let lpa = Features(rawValue: 1 << 65)
        public static let lpa2 = Features(rawValue: 1 << 66)

        // MARK: Further instructions
        public static let fhm = Features(rawValue: 1 << 55)
        public static let sm3 = Features(rawValue: 1 << 60)
        public static let sm4 = Features(rawValue: 1 << 61)
        public static let bf16 = Features(rawValue: 1 << 62)
        public static let i8mm = Features(rawValue: 1 << 63)

        /// Authentication codes of pointers are by an algorithm of our own, and not QARMA5.
        public static let pacIMP = Features(rawValue: 1 << 59)

        /// All that is known here, with the manual's algorithm for authentication codes.
        public static let all = Features(rawValue: ~pacIMP.rawValue)
    }
}
