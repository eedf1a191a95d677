extension AArch64 {
    /// What a CPU implements beyond ARMv8.0-A, by the names of the manual's features (A2.2 and later) without `FEAT_`.
    public struct Features: OptionSet, Sendable {
        public let rawValue: UInt128
        public init(rawValue: UInt128) { self.rawValue = rawValue }

        /// Not constants, which in 128 bits the compiler makes when they are first used: each use would look whether they are.
        @inline(__always) private static func bit(_ number: UInt128) -> Features { Features(rawValue: 1 << number) }

        // MARK: Instructions
        public static var crc32: Features { bit(0) }
        public static var lse: Features { bit(1) }
        public static var rdm: Features { bit(2) }
        public static var pauth: Features { bit(3) }
        public static var lrcpc: Features { bit(4) }
        public static var lrcpc2: Features { bit(5) }
        public static var flagM: Features { bit(6) }
        public static var flagM2: Features { bit(7) }
        public static var dit: Features { bit(8) }
        /// With the register: what the manual calls SSBS2.
        public static var ssbs: Features { bit(9) }
        public static var sb: Features { bit(10) }
        public static var bti: Features { bit(11) }
        public static var fp16: Features { bit(12) }
        public static var jscvt: Features { bit(13) }
        public static var frintts: Features { bit(14) }
        public static var fcma: Features { bit(15) }
        public static var dotProd: Features { bit(16) }
        /// With FEAT_PMULL.
        public static var aes: Features { bit(17) }
        public static var sha1: Features { bit(18) }
        public static var sha256: Features { bit(19) }
        public static var sha512: Features { bit(20) }
        public static var sha3: Features { bit(21) }
        public static var rng: Features { bit(22) }
        public static var dpb: Features { bit(23) }
        public static var dpb2: Features { bit(24) }
        public static var specres: Features { bit(25) }
        public static var lse2: Features { bit(26) }

        // MARK: Exception levels and traps
        /// EL2 is there. (No feature of the manual: every CPU may lack it.)
        public static var el2: Features { bit(27) }
        /// EL3 is there, and with it Secure state. Boards turn it on; no CPU has it by itself here.
        public static var el3: Features { bit(80) }
        public static var vhe: Features { bit(28) }
        /// Nested virtualization, with what FEAT_NV2 adds.
        public static var nv: Features { bit(70) }
        public static var evt: Features { bit(29) }
        public static var idst: Features { bit(30) }
        public static var ras: Features { bit(31) }
        public static var iesb: Features { bit(32) }
        /// SCXTNUM_ELx.
        public static var csv2_2: Features { bit(33) }
        /// The system registers of a GICv3's CPU interface.
        public static var gicv3: Features { bit(34) }
        public static var pmuv3: Features { bit(35) }
        public static var pmuv3p1: Features { bit(56) }
        public static var pmuv3p4: Features { bit(57) }
        public static var pmuv3p5: Features { bit(58) }

        // MARK: Memory
        public static var lor: Features { bit(36) }
        public static var pan: Features { bit(37) }
        public static var pan2: Features { bit(38) }
        public static var pan3: Features { bit(39) }
        public static var uao: Features { bit(40) }
        public static var vmid16: Features { bit(41) }
        public static var hafdbs: Features { bit(42) }
        public static var hpds: Features { bit(43) }
        public static var hpds2: Features { bit(44) }
        public static var xnx: Features { bit(45) }
        public static var ttcnp: Features { bit(46) }
        public static var ttst: Features { bit(47) }
        public static var ttl: Features { bit(48) }
        public static var s2fwb: Features { bit(49) }
        public static var bbm: Features { bit(50) }
        public static var e0pd: Features { bit(51) }
        public static var tlbios: Features { bit(52) }
        public static var tlbirange: Features { bit(53) }
        public static var tGran16K: Features { bit(54) }
        /// Virtual and physical addresses of 52 bits with pages of 64 KiB, and with the smaller ones.
        public static var lva: Features { bit(64) }
        public static var lpa: Features { bit(65) }
        public static var lpa2: Features { bit(66) }

        // MARK: Further instructions
        public static var fhm: Features { bit(55) }
        public static var sm3: Features { bit(60) }
        public static var sm4: Features { bit(61) }
        public static var bf16: Features { bit(62) }
        public static var i8mm: Features { bit(63) }

        /// Authentication codes of pointers are by an algorithm of our own, and not QARMA5.
        public static var pacIMP: Features { bit(59) }

        /// All that a CPU may have here, with the manual's algorithm for authentication codes, and without EL3.
        public static var all: Features { Features(rawValue: ~(pacIMP.rawValue | el3.rawValue)) }
    }
}
