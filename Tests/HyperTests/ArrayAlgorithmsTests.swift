import Testing

@testable import Hyper

/// The library of the host is what these are compared with.
@Suite("Arrays of the core")
struct ArrayAlgorithmsTests {
    @Test("Elements come in order, however they stood", arguments: 0..<40)
    func order(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let numbers = (0..<Int.random(in: 0...70, using: &generator)).map { _ in
            Int.random(in: 0...40, using: &generator)
        }
        #expect(numbers.ordered { $0 < $1 } == numbers.sorted(), "seed \(seed)")
        #expect(numbers.ordered { $0 > $1 } == numbers.sorted(by: >), "seed \(seed), the other way round")
    }

    @Test("What is to be removed is gone, and the rest stands as it stood", arguments: 0..<40)
    func removal(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var numbers = (0..<Int.random(in: 0...70, using: &generator)).map { _ in
            Int.random(in: 0...9, using: &generator)
        }
        let limit = Int.random(in: 0...10, using: &generator)
        let expected = numbers.filter { $0 >= limit }
        numbers.removeAll { $0 < limit }
        #expect(numbers == expected, "seed \(seed)")
    }

    @Test("Texts are split at each separator, with or without the empty parts")
    func split() {
        #expect(Text("/a//bc/").split(0x2f) == ["a", "bc"])
        #expect(Text("/a//bc/").split(0x2f, keepsEmpty: true) == ["", "a", "", "bc", ""])
        #expect(Text("").split(0x2f).isEmpty)
        #expect(Text("").split(0x2f, keepsEmpty: true) == [""])
    }

    @Test("Numbers have their digits in any base, and zeros before them where they are asked for")
    func digits() {
        #expect("\(UInt64.max) \(0 as UInt64) \(-70)" as Text == "18446744073709551615 0 -70" as Text)
        #expect(
            "\(hex: .max) \(hex: 0) \(hex: 0xbad, digits: 20)" as Text
                == "0xffffffffffffffff 0x0 0x00000000000000000bad" as Text)
    }
}
