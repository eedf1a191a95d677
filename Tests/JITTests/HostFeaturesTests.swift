import Testing

@testable import JIT

/// What the host's processor has, read from texts of Linux' /proc/cpuinfo.
@Suite("x86-64 host features")
struct HostFeaturesTests {
    typealias Features = X64.HostFeatures

    /// The lines of one processor, with the flags given.
    private func text(_ flags: String) -> String {
        """
        processor\t: 0
        vendor_id\t: GenuineIntel
        model name\t: flags and avx2
        wp\t\t: yes
        flags\t\t: \(flags)
        vmx flags\t: vnmi avx2 bmi1
        bugs\t\t: spectre_v1 fma
        power management:


        """
    }

    /// What makes x86-64-v2, in Linux' words.
    private static let version2 = ["pni", "ssse3", "sse4_1", "sse4_2", "popcnt", "cx16", "lahf_lm"]

    @Test("A processor of 2013 with all there is has every feature")
    func haswell() {
        let flags = """
            fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ss syscall \
            nx pdpe1gb rdtscp lm constant_tsc rep_good nopl xtopology cpuid pni pclmulqdq ssse3 fma cx16 pcid sse4_1 \
            sse4_2 x2apic movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm abm fsgsbase bmi1 avx2 smep bmi2 \
            erms invpcid xsaveopt arat
            """
        let all: Features = [.version2, .bmi1, .bmi2, .lzcnt, .avx, .avx2, .fma, .f16c, .pclmulqdq]
        #expect(Features(processorInformation: text(flags)) == all)
    }

    @Test("Each word gives its feature and no other, also as the last of its line")
    func words() {
        let words: [(String, Features)] = [
            ("bmi1", .bmi1), ("bmi2", .bmi2), ("abm", .lzcnt), ("avx", .avx), ("pclmulqdq", .pclmulqdq),
        ]
        for (word, feature) in words {
            #expect(Features(processorInformation: text("fpu sse2 \(word)")) == feature, "\(word)")
            #expect(Features(processorInformation: "flags\t\t: \(word)") == feature, "\(word) without a line's end")
        }
        // Parts of words are none.
        #expect(Features(processorInformation: text("avx512f avx_vnni bmi lahf fma4 vpclmulqdq")) == [])
    }

    @Test("x86-64-v2 is had whole or not at all", arguments: version2)
    func baseline(missing: String) {
        let others = Self.version2.filter { $0 != missing }
        #expect(Features(processorInformation: text(Self.version2.joined(separator: " "))) == .version2)
        #expect(Features(processorInformation: text(others.joined(separator: " "))) == [])
    }

    @Test("What needs AVX's registers is not had without AVX", arguments: ["avx2", "fma", "f16c"])
    func vectors(word: String) {
        let features: [String: Features] = ["avx2": .avx2, "fma": .fma, "f16c": .f16c]
        #expect(Features(processorInformation: text("sse2 \(word) bmi1")) == .bmi1)
        #expect(Features(processorInformation: text("sse2 \(word) avx")) == features[word]?.union(.avx))
    }

    @Test("A text without flags gives nothing")
    func others() {
        let arm = "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd evtstrm aes pmull sha1 sha2 crc32\n"
        for text in ["", "flags", "flags\t\t:", "\n\n", arm] {
            #expect(Features(processorInformation: text) == [], "\(text)")
        }
    }
}
