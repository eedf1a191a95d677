import Machine
import TestSupport
import Testing

@testable import AArch64ISA

/// Walks beside QEMU's: random tables and registers, on which QEMU executes AT instructions, and code at each level.
/// Compared are PAR_EL1, the exceptions that are raised, what is loaded, and the tables as hardware has left them.
@Suite(
    "AArch64 translation and QEMU", .serialized,
    .enabled(if: AArch64WalkGuest.isInstalled, "needs qemu-system-aarch64, clang and ld.lld"))
struct AArch64TranslationReferenceTests {
    /// The instructions of walks.S in its order: op1, CRm, op2.
    private static let instructions: [(UInt8, UInt8, UInt8)] = [
        (0, 8, 0), (0, 8, 1), (0, 8, 2), (0, 8, 3), (0, 9, 0), (0, 9, 1), (4, 8, 0), (4, 8, 1), (4, 8, 4), (4, 8, 5),
        (4, 8, 6), (4, 8, 7),
    ]

    @Test(
        "AT instructions leave what they leave on QEMU",
        arguments: [
            ("neoverse-n1", 12_000), ("cortex-a53", 3_000), ("cortex-a72", 3_000), ("max", 12_000),
            ("max,lpa2=off", 6_000),
        ])
    func instructions(cpu: String, count: Int) throws {
        let features = try AArch64WalkGuest.run([], arena: [0], cpu: cpu).features
        var generator = AArch64WalkGenerator(seed: 0xa7, features: features)
        let initial = generator.arena.words
        var cases: [AArch64WalkCase] = []
        var expected: [Result<AArch64.Translation, AArch64.TranslationFault>] = []
        while cases.count < count {
            guard let (walk, result) = Self.next(&generator, hasPAN: !cpu.hasPrefix("cortex")) else { continue }
            cases.append(walk)
            expected.append(result)
        }
        let outcome = try AArch64WalkGuest.run(cases, arena: initial, cpu: cpu)
        var differences: [String] = []
        var successes = 0
        var faults: Set<UInt64> = []
        for (index, record) in outcome.records.enumerated() {
            let agrees: Bool
            switch expected[index] {
            case .success(let translation):
                successes += 1
                agrees = AArch64WalkDifferences.agrees(record.par, with: translation)
            case .failure(let fault):
                faults.insert(fault.par)
                agrees = AArch64WalkDifferences.agrees(record, with: fault)
            }
            if !agrees {
                differences.append("case \(index): \(expected[index]), on QEMU \(record): \(cases[index].text)")
            }
        }
        for text in differences.prefix(10) { Issue.record("\(text)") }
        #expect(differences.count == 0, "of \(count)")
        let changed = initial.indices.count { generator.arena.words[$0] != initial[$0] }
        let wrong = initial.indices.count { generator.arena.words[$0] != outcome.arena[$0] }
        #expect(wrong == 0, "descriptors that hardware leaves otherwise on QEMU")
        // Cases of every kind: translations, each fault of each stage at most levels, and updates.
        #expect(successes > count / 20)
        #expect(faults.count > 35)
        #expect(changed > count / 100 || !features.managesAccessFlag)
    }

    @Test(
        "Fetches, loads and stores at each level end as on QEMU, with the same syndromes, and leave the same tables",
        arguments: [("neoverse-n1", 6_000), ("cortex-a53", 1_500), ("max", 8_000), ("max,lpa2=off", 4_000)])
    func code(cpu: String, count: Int) throws {
        let features = try AArch64WalkGuest.run([], arena: [0], cpu: cpu).features
        var generator = AArch64WalkGenerator(seed: 0xc0de, features: features)
        let initial = generator.arena.words
        let isLater = !cpu.hasPrefix("cortex")
        var cases: [AArch64WalkCase] = []
        var expected: [AArch64WalkCode.Expectation] = []
        while cases.count < count {
            for (walk, expectation) in generator.code(isLater: isLater) {
                cases.append(walk)
                expected.append(expectation)
            }
        }
        let outcome = try AArch64WalkGuest.run(cases, arena: initial, cpu: cpu)
        var differences: [String] = []
        for (index, record) in outcome.records.enumerated()
        where !AArch64WalkDifferences.agrees(record, with: expected[index]) {
            differences.append("case \(index): \(expected[index]), on QEMU \(record): \(cases[index].text)")
        }
        for text in differences.prefix(10) { Issue.record("\(text)") }
        #expect(differences.count == 0, "of \(count)")
        let wrong = initial.indices.count { generator.arena.words[$0] != outcome.arena[$0] }
        #expect(wrong == 0, "words that are otherwise on QEMU")
        // Cases of every kind.
        let faults = expected.compactMap { $0.second ?? $0.first }
        #expect(faults.count < count * 9 / 10 && Set(faults.map(\.fault.par)).count > 25)
        #expect(faults.contains { $0.fault.isStageOneWalk } && faults.contains { $0.isFetch })
    }

    /// A case, and what has to come of it; nil where nothing can be said.
    private static func next(
        _ generator: inout AArch64WalkGenerator, hasPAN: Bool
    ) -> (AArch64WalkCase, Result<AArch64.Translation, AArch64.TranslationFault>)? {
        let features = generator.features
        let arena = generator.arena
        var walk = generator.registers()
        let which = generator.random.pick(hasPAN ? Array(0..<12) : [0, 1, 2, 3, 6, 7, 8, 9, 10, 11])
        let (op1, crm, op2) = instructions[which]
        guard let operation = AArch64.AddressTranslation(op1: op1, crm: crm, op2: op2) else { return nil }
        walk[.kind] = 1
        walk[.which] = UInt64(which)
        walk[.pan] = hasPAN ? 2 + generator.random.below(2) : 0
        if generator.random.chance(5) { walk[.sctlr2] &= ~1 }
        let regime = operation.isOfEL2 ? walk.el2(features) : walk.el1(features)
        walk[.address] = generator.address(regime)
        guard AArch64WalkDifferences.isComparable(walk, features),
            AArch64WalkDifferences.isComparable(walk, operation)
        else { return nil }
        arena.mark()
        let result = Result { () throws(AArch64.TranslationFault) in
            try operation.translate(
                walk[.address], regime, walk.second(features), pan: walk[.pan] == 3, in: arena)
        }
        var isKnown = !arena.isUnknown
        if case .failure(let fault) = result,
            AArch64WalkDifferences.endsAtBlock(fault, arena)
                || AArch64WalkDifferences.endsAtLargeOutput(fault, regime, arena)
                || AArch64WalkDifferences.isAboveZero(fault, regime)
        {
            isKnown = false
        }
        if case .success = result, AArch64WalkDifferences.endsAtReservedAttribute(walk, operation, arena) {
            isKnown = false
        }
        guard isKnown else {
            arena.revert()
            return nil
        }
        return (walk, result)
    }
}
