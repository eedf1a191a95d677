import Foundation
import Machine
import TestSupport
import Testing

@testable import AArch64ISA
@testable import ISA

/// Pointer authentication beside QEMU's `max` with QARMA5, and the cipher beside the paper's numbers.
@Suite("AArch64 pointer authentication")
struct AArch64PointerTests {
    @Test("QARMA-64 has the paper's ciphertext with σ2 and five rounds (appendix A)")
    func cipher() {
        let code = QARMA.encrypt(
            0xfb62_3599_da6e_8127, tweak: 0x477d_469d_ec0b_8762, whitening: 0x84be_85ce_9804_e94b,
            core: 0xec28_02d4_e0a4_88e9)
        #expect(code == 0xc003_b939_99b3_3765)
    }

    @Test("ID_AA64ISAR1_EL1 tells of QARMA5, or of an algorithm of our own in its place (APA, API, GPA, GPI)")
    func identification() throws {
        for (features, expected): (AArch64.Features, UInt64) in [
            ([], 1 << 4 | 1 << 24), (.pacIMP, 1 << 8 | 1 << 28),
        ] {
            let model = try #require(AArch64.CPUModel.named("max")).with { $0.formUnion(features) }
            #expect(try AArch64TestElement(model).read("ID_*_EL1", 0o61) & 0xff00_0ff0 == expected)
        }
        let without = try #require(AArch64.CPUModel.named("max")).with { $0.remove(.pauth) }
        #expect(try AArch64TestElement(without).read("ID_*_EL1", 0o61) & 0xff00_0ff0 == 0)
    }

    @Test("Codes of our own algorithm authenticate what was signed, and nothing else")
    func ownAlgorithm() throws {
        let test = AArch64TestElement(try #require(AArch64.CPUModel.named("max")).with { $0.insert(.pacIMP) })
        try test.write("SCTLR_EL2", 1 << 31)
        try test.write("TCR_EL2", 16)
        let (pointer, modifier): (UInt64, UInt64) = (0x1234_5678, 0x7fff_0010)
        let signed = try test.element.signPointer(pointer, modifier, .instructionA)
        #expect(signed != pointer)
        #expect(try test.element.authenticatePointer(signed, modifier, .instructionA) == pointer)
        for (changed, other) in [(signed ^ 4, modifier), (signed, modifier + 16), (signed ^ 1 << 60, modifier)] {
            #expect(try test.element.authenticatePointer(changed, other, .instructionA) >> 61 == 1)
        }
    }

    @Test(
        "Each instruction leaves at each level what it leaves on QEMU, for pointers good and bad",
        .enabled(if: AArch64PointerGuest.isInstalled, "needs qemu-system-aarch64, clang and ld.lld"))
    func instructions() throws {
        var random = SplitMix64(seed: 0x9ac)
        var cases = [AArch64PointerCase()]
        for instruction in Self.instructions {
            for _ in 0..<60 { cases.append(try AArch64PointerCase(instruction, &random)) }
        }
        let theirs = try AArch64PointerGuest.run(cases)
        var kinds: [String: Int] = [:]
        for (each, outcome) in zip(cases, theirs).dropFirst() {
            guard !each.isOtherwiseOnQEMU else { continue }
            let ours = try each.run()
            #expect(ours == outcome, "\(each)")
            kinds[String("\(outcome)".prefix { $0 != "(" }), default: 0] += 1
        }
        // Neither all of one kind, nor none of another.
        #expect(kinds["completed", default: 0] > 1000 && kinds["branched", default: 0] > 300, "\(kinds)")
        #expect(kinds["trapped", default: 0] > 30, "\(kinds)")
    }

    @Test("LDRAA loads from the authenticated base, and writes it back with the offset")
    func loads() throws {
        for (word, back): (UInt32, Bool) in [(0xf820_1422, false), (0xf820_1c22, true)] {
            let test = AArch64TestElement(try #require(AArch64.CPUModel.named("max")))
            try test.write("SCTLR_EL2", 1 << 27)
            try test.write("TCR_EL2", 16)
            var instruction = word
            var value: UInt64 = 0x0102_0304_0506_0708
            let data = AArch64TestElement.base + 0x1000
            try #require(test.memory.write(AArch64TestElement.base, from: &instruction, count: 4))
            try #require(test.memory.write(data + 8, from: &value, count: 8))
            let signed = try test.element.signPointer(data, 0, .dataA)
            test.element.core.pointee.registers[1] = signed
            test.element.core.pointee.programCounter = AArch64TestElement.base
            test.element.run(1)
            #expect(test.element.core.pointee.registers[2] == value)
            #expect(test.element.core.pointee.registers[1] == (back ? data + 8 : signed))
        }
    }

    static let instructions: [AArch64PointerCase.Instruction] = [
        .init("pacia x0, x1", 0xdac1_0020),
        .init("pacib x0, x1", 0xdac1_0420),
        .init("pacda x0, x1", 0xdac1_0820),
        .init("pacdb x0, x1", 0xdac1_0c20),
        .init("pacia x0, sp", 0xdac1_03e0),
        .init("paciza x0", 0xdac1_23e0),
        .init("pacizb x0", 0xdac1_27e0),
        .init("pacdza x0", 0xdac1_2be0),
        .init("pacdzb x0", 0xdac1_2fe0),
        .init("xpaci x0", 0xdac1_43e0),
        .init("xpacd x0", 0xdac1_47e0),
        .init("xpaclri", 0xd503_20ff, nil, .link),
        .init("pacia1716", 0xd503_211f, nil, .x17),
        .init("pacib1716", 0xd503_215f, nil, .x17),
        .init("paciaz", 0xd503_231f, nil, .link),
        .init("pacibz", 0xd503_235f, nil, .link),
        .init("paciasp", 0xd503_233f, nil, .link),
        .init("pacibsp", 0xd503_237f, nil, .link),
        .init("pacga x0, x0, x1", 0x9ac1_3000),
        .init("pacga x0, x1, sp", 0x9adf_3020),
        .init("autia x0, x1", 0xdac1_1020, .instructionA, .x0, with: .x1),
        .init("autib x0, x1", 0xdac1_1420, .instructionB, .x0, with: .x1),
        .init("autda x0, x1", 0xdac1_1820, .dataA, .x0, with: .x1),
        .init("autdb x0, x1", 0xdac1_1c20, .dataB, .x0, with: .x1),
        .init("autiza x0", 0xdac1_33e0, .instructionA, .x0, with: .zero),
        .init("autizb x0", 0xdac1_37e0, .instructionB, .x0, with: .zero),
        .init("autdza x0", 0xdac1_3be0, .dataA, .x0, with: .zero),
        .init("autdzb x0", 0xdac1_3fe0, .dataB, .x0, with: .zero),
        .init("autia1716", 0xd503_219f, .instructionA, .x17, with: .x16),
        .init("autib1716", 0xd503_21df, .instructionB, .x17, with: .x16),
        .init("autiaz", 0xd503_239f, .instructionA, .link, with: .zero),
        .init("autibz", 0xd503_23df, .instructionB, .link, with: .zero),
        .init("autiasp", 0xd503_23bf, .instructionA, .link, with: .sp),
        .init("autibsp", 0xd503_23ff, .instructionB, .link, with: .sp),
        .init("braa x0, x1", 0xd71f_0801, .instructionA, .x0, with: .x1),
        .init("brab x0, x1", 0xd71f_0c01, .instructionB, .x0, with: .x1),
        .init("braa x0, sp", 0xd71f_081f, .instructionA, .x0, with: .sp),
        .init("braaz x0", 0xd61f_081f, .instructionA, .x0, with: .zero),
        .init("brabz x0", 0xd61f_0c1f, .instructionB, .x0, with: .zero),
        .init("blraa x0, x1", 0xd73f_0801, .instructionA, .x0, with: .x1),
        .init("blrab x0, x1", 0xd73f_0c01, .instructionB, .x0, with: .x1),
        .init("blraaz x0", 0xd63f_081f, .instructionA, .x0, with: .zero),
        .init("blrabz x0", 0xd63f_0c1f, .instructionB, .x0, with: .zero),
        .init("retaa", 0xd65f_0bff, .instructionA, .link, with: .sp),
        .init("retab", 0xd65f_0fff, .instructionB, .link, with: .sp),
        .init("eretaa", 0xd69f_0bff, .instructionA, .elr, with: .sp),
        .init("eretab", 0xd69f_0fff, .instructionB, .elr, with: .sp),
    ]
}

/// An instruction with what it depends on, in the form that testsuites/aarch64/pointers/cases.S reads.
struct AArch64PointerCase: CustomStringConvertible {
    /// An instruction, and what it authenticates.
    struct Instruction {
        let name: String
        let word: UInt32
        let key: AArch64.PointerKey?
        let pointer: Place
        let modifier: Place

        init(
            _ name: String, _ word: UInt32, _ key: AArch64.PointerKey? = nil, _ pointer: Place = .x0,
            with modifier: Place = .zero
        ) {
            (self.name, self.word, self.key, self.pointer, self.modifier) = (name, word, key, pointer, modifier)
        }
    }

    /// Where a register's value stands in a case.
    enum Place: Int {
        case x0 = 14, x1, x16, x17, link, sp
        case elr = 21, zero
    }

    var instruction: Instruction
    var name: String { instruction.name }
    var words = [UInt64](repeating: 0, count: 32)
    private static let sctlrEL1: UInt64 = 0x30d0_0800
    private static let sctlrEL2: UInt64 = 0x30c5_0830
    /// SCTLR_ELx.EnIA, EnIB, EnDA and EnDB
    private static let enables: UInt64 = 3 << 30 | 1 << 27 | 1 << 13
    private static let (e2h, api): (UInt64, UInt64) = (1 << 34, 1 << 41)

    /// NOP at EL2.
    init() {
        instruction = Instruction("nop", 0xd503_201f)
        words[0] = 2
        words[1] = 0xd503_201f
        words[3] = Self.sctlrEL2
        words[20] = 1 << 31
    }

    init(_ instruction: Instruction, _ random: inout SplitMix64) throws {
        self.instruction = instruction
        words[1] = UInt64(instruction.word)
        // ERETAA at EL2 would return to itself.
        let regime: UInt64 = instruction.pointer == .elr ? 0 : random.below(3)
        words[0] = regime == 0 ? 1 : 2
        words[20] = 1 << 31
        if regime == 2 { words[20] |= Self.e2h }
        if random.chance(85) { words[20] |= Self.api }
        // TxSZ of both ranges, granules, TBI and TBID; TCR_EL2 has them elsewhere.
        let size: UInt64 = random.pick([16, 17, 20, 25, 28, 32, 39, 47, 50])
        if regime == 1 {
            words[2] = size | random.next() & (1 << 20 | 1 << 29)
        } else {
            let other: UInt64 = random.pick([16, 18, 25, 33, 39])
            words[2] = size | other << 16 | 2 << 30 | random.next() & (3 << 37 | 3 << 51)
        }
        words[3] =
            (regime == 0 ? Self.sctlrEL1 : Self.sctlrEL2) | Self.enables & (random.chance(80) ? ~0 : random.next())
        for index in 4..<14 { words[index] = random.next() }
        for index in 14..<19 { words[index] = Self.pointer(&random) }
        words[19] = random.next() & ~15
        words[21] = Self.pointer(&random)
        if random.chance(50) { try sign(instruction, &random) }
    }

    /// An address, or not quite; never one of what QEMU's board has below 4 GiB.
    private static func pointer(_ random: inout SplitMix64) -> UInt64 {
        let bits = random.pick([33, 36, 39, 47, 48] as [UInt64])
        let low = (random.next() & (1 << bits - 1) | 1 << 32) & ~3
        return switch random.below(5) {
        case 0, 1: low
        case 2: low | ~0 << bits
        case 3: low | random.next() << 56
        default: random.next() & ~3 | 1 << 32
        }
    }

    /// Puts a pointer with its code where the instruction looks for one.
    private mutating func sign(_ instruction: Instruction, _ random: inout SplitMix64) throws {
        guard let key = instruction.key else { return }
        let (pointer, test) = (Self.pointer(&random), try prepared())
        // The instruction may be one that is trapped.
        let signed = try? test.element.signPointer(pointer, words[instruction.modifier.rawValue], key)
        if let signed { words[instruction.pointer.rawValue] = signed }
    }

    enum Outcome: Equatable {
        /// X0, X1, X17 and X30; X30 from the instruction on, where that has linked.
        case completed([UInt64])
        case branched([UInt64], to: UInt64)
        case trapped(syndrome: UInt64)
    }

    /// QEMU 7.2 strips no codes while every key is disabled, where XPAC asks for none (Strip). Of a pointer whose bits 63
    /// and 55 are not the same it takes the wrong range, where AddPAC goes by the tags of both: `selbit`.
    var isOtherwiseOnQEMU: Bool {
        if name.hasPrefix("xpac") { return words[3] & Self.enables == 0 }
        let register = words[instruction.pointer.rawValue]
        let hasTwoRanges = words[0] == 1 || words[20] & Self.e2h != 0
        return name.hasPrefix("pac") && hasTwoRanges && (register ^ register << 8) >> 63 != 0
    }

    private func prepared() throws -> AArch64TestElement {
        let test = try AArch64TestElement(level: 2)
        try test.write("HCR_EL2", words[20])
        let isHost = words[20] & Self.e2h != 0
        let level = Int(words[0])
        try test.write(level == 1 ? "TCR_EL1" : "TCR_EL2", words[2])
        try test.write(level == 1 ? "SCTLR_EL1" : "SCTLR_EL2", words[3])
        try #require(level == 2 || !isHost)
        let keys = ["APIA", "APIB", "APDA", "APDB", "APGA"].flatMap { ["\($0)KeyLo_EL1", "\($0)KeyHi_EL1"] }
        for (index, key) in keys.enumerated() { try test.write(key, words[4 + index]) }
        test.element.state.pointee.elr[1] = words[21]
        test.element.state.pointee.spsr[1] = 0x3c5
        test.enter(level)
        for (register, index) in [(0, 14), (1, 15), (16, 16), (17, 17), (30, 18), (33, 19)] {
            test.element.core.pointee.registers[register] = words[index]
        }
        return test
    }

    func run() throws -> Outcome {
        let test = try prepared()
        let base = AArch64TestElement.base
        var word = UInt32(truncatingIfNeeded: words[1])
        try #require(test.memory.write(base, from: &word, count: 4))
        test.element.core.pointee.programCounter = base
        let trapped = test.element.core.pointee.trapped
        test.element.run(1)
        let link = test.element.core.pointee.registers[30]
        let registers = [0, 1, 17].map { test.element.core.pointee.registers[$0] } + [link == base + 4 ? 4 : link]
        if test.element.core.pointee.trapped != trapped {
            return .trapped(syndrome: test.element.state.pointee.esr[test.element.level])
        }
        if test.element.programCounter == base + 4 { return .completed(registers) }
        // Nothing is there, which the next fetch says.
        test.element.run(1)
        return .branched(registers, to: test.element.state.pointee.elr[test.element.level])
    }

    var description: String {
        "\(name), \(words.map { String($0, radix: 16) }.joined(separator: " "))"
    }
}

/// Runs cases on QEMU.
enum AArch64PointerGuest {
    static let isInstalled = ["qemu-system-aarch64", "clang", "ld.lld"].allSatisfy { ExternalTool.path($0) != nil }

    static func run(_ cases: [AArch64PointerCase]) throws -> [AArch64PointerCase.Outcome] {
        try ExternalTool.withTemporaryDirectory { directory in
            let input = [UInt64(cases.count)] + cases.flatMap(\.words)
            try input.withUnsafeBytes { try Data($0).write(to: URL(fileURLWithPath: directory + "/input")) }
            let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("../../testsuites/aarch64/pointers/cases.S").standardized.path
            for (name, arguments) in [
                ("clang", ["--target=aarch64-none-elf", "-march=armv8.5-a", "-c", source, "-o", "cases.o"]),
                ("ld.lld", ["-Ttext", "0x40200000", "-o", "cases.elf", "cases.o"]),
                (
                    "timeout",
                    [
                        "-s", "KILL", "120", "qemu-system-aarch64", "-M", "virt,virtualization=on", "-cpu",
                        "max,pauth=on,pauth-impdef=off", "-m", "512M", "-display", "none", "-serial", "none",
                        "-monitor", "none", "-semihosting-config", "enable=on,target=native", "-device",
                        "loader,file=input,addr=0x48000000,force-raw=on", "-kernel", "cases.elf",
                    ]
                ),
            ] {
                let program = try #require(ExternalTool.path(name))
                let result = try ExternalTool.run(program: program, arguments, in: directory)
                try #require(result.status == 0, "\(name): \(result.errorText)")
            }
            let bytes = try Data(contentsOf: URL(fileURLWithPath: directory + "/results"))
            let results = bytes.withUnsafeBytes { Array($0.bindMemory(to: UInt64.self)) }
            try #require(results.count == cases.count * 8)
            // The first case is NOP: HVC behind it returns to what follows.
            let base = results[5] - 8
            return cases.indices.map { outcome(Array(results[8 * $0..<8 * $0 + 8]), base) }
        }
    }

    private static func outcome(_ words: [UInt64], _ base: UInt64) -> AArch64PointerCase.Outcome {
        let registers = Array(words[0..<3]) + [words[3] == base + 4 ? 4 : words[3]]
        let (exceptionClass, comment) = (words[4] >> 26, words[4] & 0xffff)
        if exceptionClass == 0x16 && comment == 0 && words[5] == base + 8 { return .completed(registers) }
        if exceptionClass == 9 { return .trapped(syndrome: words[4]) }
        return .branched(registers, to: exceptionClass == 0x16 && comment == 1 ? words[7] : words[5])
    }
}

extension AArch64TestElement {
    /// The ID register of CRm and op2.
    fileprivate func read(_ family: String, _ place: UInt16) throws -> UInt64 {
        try element.readSystemRegister(AArch64.SystemRegister.key(3, 0, 0, place >> 3, place & 7), target: 0)
    }
}
