#if os(Linux)
import Glibc
#endif

extension X64 {
    /// Which instructions beyond the first x86-64 processors' the host has, and its kernel lets programs use.
    public struct HostFeatures: OptionSet, Sendable {
        public let rawValue: UInt16

        public init(rawValue: UInt16) { self.rawValue = rawValue }

        /// SSE3, SSSE3, SSE4.1, SSE4.2, POPCNT, CMPXCHG16B, and LAHF in 64-bit mode: the System V ABI's x86-64-v2.
        public static let version2 = HostFeatures(rawValue: 1 << 0)
        public static let bmi1 = HostFeatures(rawValue: 1 << 1)
        public static let bmi2 = HostFeatures(rawValue: 1 << 2)
        public static let lzcnt = HostFeatures(rawValue: 1 << 3)
        public static let avx = HostFeatures(rawValue: 1 << 4)
        public static let avx2 = HostFeatures(rawValue: 1 << 5)
        public static let fma = HostFeatures(rawValue: 1 << 6)
        public static let f16c = HostFeatures(rawValue: 1 << 7)
        public static let pclmulqdq = HostFeatures(rawValue: 1 << 8)

        /// Linux' words for them (arch/x86/include/asm/cpufeatures.h): SSE3 is `pni`, LZCNT is `abm`.
        private static let words: [(feature: HostFeatures, words: Set<Substring>)] = [
            (.version2, ["pni", "ssse3", "sse4_1", "sse4_2", "popcnt", "cx16", "lahf_lm"]),
            (.bmi1, ["bmi1"]), (.bmi2, ["bmi2"]), (.lzcnt, ["abm"]), (.avx, ["avx"]), (.avx2, ["avx2"]),
            (.fma, ["fma"]), (.f16c, ["f16c"]), (.pclmulqdq, ["pclmulqdq"]),
        ]

        /// What the first line `flags` of a text in the manner of Linux' /proc/cpuinfo says; nothing without such a line.
        public init(processorInformation text: String) {
            self = []
            for line in text.split(separator: "\n") {
                let words = line.split { $0 == " " || $0 == "\t" || $0 == ":" }
                guard words.first == "flags" else { continue }
                let flags = Set(words.dropFirst())
                for (feature, words) in Self.words where words.isSubset(of: flags) { insert(feature) }
                break
            }
            // All three need the registers' state that AVX stands for (SDM volume 1, "Detection of F16C Instructions",
            // "Detection of FMA" and "Detection of Intel AVX2").
            if !contains(.avx) { subtract([.avx2, .fma, .f16c]) }
        }

        /// What this host has; nothing where it is no x86-64 or does not tell.
        ///
        /// Swift has no CPUID. Linux lists what CPUID reports in /proc/cpuinfo, less what the kernel does not support, such
        /// as AVX where XCR0 does not enable it.
        public static let host: HostFeatures = {
            #if arch(x86_64) && os(Linux)
            guard let file = fopen("/proc/cpuinfo", "r") else { return [] }
            defer { fclose(file) }
            // The first processor's lines take some 2 KiB, and the others' are the same.
            let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 14) { buffer, count in
                // SAFETY: fread writes no more than the buffer's count of bytes, and returns how many it wrote.
                count = fread(buffer.baseAddress, 1, buffer.count, file)
            }
            return HostFeatures(processorInformation: String(decoding: bytes, as: UTF8.self))
            #else
            return []
            #endif
        }()
    }
}
