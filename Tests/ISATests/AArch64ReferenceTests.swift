import Machine
import TestSupport
import Testing

@testable import AArch64ISA
@testable import ISA

/// The A64 tables beside LLVM's, which were made from Arm's own description of the instructions: `llvm-objdump` reads
/// the same words, without aliases, as a CPU of ARMv8.5-A with half precision.
@Suite(
    "AArch64 decoder and LLVM",
    .enabled(if: LLVM.isInstalled, "needs llvm-objdump, which is in Swift's toolchain"))
struct AArch64ReferenceTests {
    @Test("Words of each line are what LLVM calls them")
    func lines() throws {
        var random = SplitMix64(seed: 0xa64)
        var words: [UInt32] = []
        for line in AArch64.Encoding.all { words += random.words(of: line, count: 200) }
        try compare(words)
    }

    @Test("Words near each line, by one fixed bit, are what LLVM calls them")
    func neighbours() throws {
        var random = SplitMix64(seed: 0xa641)
        var words: [UInt32] = []
        for line in AArch64.Encoding.all {
            for bit in 0..<32 where line.mask >> UInt32(bit) & 1 == 1 {
                words += random.words(of: line, count: 8).map { $0 ^ 1 << UInt32(bit) }
            }
        }
        try compare(words)
    }

    @Test("Random words of the whole space are what LLVM calls them")
    func allWords() throws {
        var random = SplitMix64(seed: 0xa642)
        try compare((0..<300_000).map { _ in UInt32(truncatingIfNeeded: random.next()) })
    }

    private func compare(_ words: [UInt32]) throws {
        let decoder = AArch64.Decoder(.all)
        let names = try LLVM.text(of: words, aliases: false).map(\.name)
        // What hints are called is an alias for LLVM.
        let hints = words.filter { $0 & 0xffff_f01f == 0xd503_201f }
        let aliases = Dictionary(
            zip(hints, try LLVM.text(of: hints, aliases: true).map(\.name)), uniquingKeysWith: { first, _ in first })
        var differences: [String: (count: Int, word: UInt32)] = [:]
        var instructions = 0
        for (word, name) in zip(words, names) {
            let theirs = aliases[word] ?? name
            let ours = decoder.encoding(of: word)?.mnemonic(of: word) ?? LLVM.unknown
            if ours != LLVM.unknown { instructions += 1 }
            guard ours != theirs, !Self.isAlias(theirs, of: ours, word), !Self.isException(theirs, ours, word) else {
                continue
            }
            differences["\(ours), by LLVM \(theirs)", default: (0, word)].count += 1
        }
        // Neither all nothing nor all something, or nothing was compared.
        #expect(instructions > words.count / 10 && instructions < words.count)
        for (text, found) in differences {
            Issue.record("0x\(String(found.word, radix: 16)) and \(found.count - 1) more are \(text)")
        }
    }

    private static let conditions = [
        "eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "al", "nv",
    ]
    /// Names that LLVM prints even when told not to.
    private static let aliases: [String: Set<String>] = [
        "movz": ["mov"], "movn": ["mov"], "orr": ["mov"], "lslv": ["lsl"], "lsrv": ["lsr"], "asrv": ["asr"],
        "rorv": ["ror"], "sbfm": ["asr", "sbfiz", "sbfx", "sxtb", "sxth", "sxtw"], "bfm": ["bfc", "bfi", "bfxil"],
        "ubfm": ["lsl", "lsr", "ubfiz", "ubfx", "uxtb", "uxth"], "dup": ["mov"],
    ]

    private static func isAlias(_ theirs: String, of ours: String, _ word: UInt32) -> Bool {
        if ours == "b.cond" { return theirs == "b." + conditions[Int(word & 15)] }
        return aliases[ours]?.contains(theirs) ?? false
    }

    /// Where LLVM and the tables are both right.
    private static func isException(_ theirs: String, _ ours: String, _ word: UInt32) -> Bool {
        switch (ours, theirs) {
        // Hints that do nothing here: no trace, no statistics, no buffer to be gathered; PRFM for ranges (later than
        // ARMv8.5) is PRFM's reserved kinds, which do nothing.
        case ("hint", "dgh"), ("hint", "psb"), ("hint", "tsb"): true
        case ("prfm", "rprfm"): word & 0x18 == 0x18
        // LLVM has MSR and MRS for op0 0 too. There the manual has nothing but hints, barriers and PSTATE (C4.1).
        case (LLVM.unknown, "msr"), (LLVM.unknown, "mrs"): word >> 19 & 3 == 0
        // CRm should be 0, the result is CONSTRAINED UNPREDICTABLE and may be UNDEFINED, as it is on QEMU.
        case (LLVM.unknown, "sb"), (LLVM.unknown, "cfinv"), (LLVM.unknown, "xaflag"), (LLVM.unknown, "axflag"):
            word >> 8 & 15 != 0
        // Names of system operations.
        case ("sys", "at"), ("sys", "cfp"), ("sys", "cpp"), ("sys", "dc"), ("sys", "dvp"), ("sys", "ic"),
            ("sys", "tlbi"):
            true
        default: false
        }
    }
}
