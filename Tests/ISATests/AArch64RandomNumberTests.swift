import Testing

@testable import AArch64ISA
@testable import ISA

/// FEAT_RNG: RNDR and RNDRRS (C5.2.14, C5.2.15; K14).
@Suite("AArch64 random numbers")
struct AArch64RandomNumberTests {
    /// MRS X0, RNDR; MRS X1, RNDRRS.
    private static let code: [UInt32] = [0xd53b_2400, 0xd53b_2421]

    private static func run() throws -> AArch64TestElement {
        let test = try AArch64TestElement(level: 1)
        for (index, word) in code.enumerated() {
            var word = word
            try #require(test.memory.write(AArch64TestElement.base + UInt64(4 * index), from: &word, count: 4))
        }
        test.element.core.pointee.programCounter = AArch64TestElement.base
        test.element.conditionFlags = 0xf << 28
        test.element.run(2)
        return test
    }

    @Test("RNDR has another number each time, NZCV of success, and the same numbers in the same run")
    func numbers() throws {
        let (first, second) = (try Self.run(), try Self.run())
        let numbers = (0...1).map { first.element.generalRegister($0) }
        #expect(numbers[0] != numbers[1] && !numbers.contains(0))
        #expect(numbers == (0...1).map { second.element.generalRegister($0) })
        #expect(first.element.conditionFlags == 0)
        // ID_AA64ISAR0_EL1.RNDR
        let identification = AArch64.SystemRegister.key(3, 0, 0, 6, 0)
        #expect(try first.element.readSystemRegister(identification, target: 0) >> 60 == 1)
    }

    @Test("Without FEAT_RNG the registers are UNDEFINED")
    func absent() throws {
        for name in ["RNDR", "RNDRRS"] {
            let test = try AArch64TestElement("max", without: .rng, level: 1)
            let key = try AArch64TestElement.key(name)
            let outcome = test.outcome { element throws(Fault) in try element.readSystemRegister(key, target: 0) }
            #expect(outcome == .undefined)
        }
    }
}
