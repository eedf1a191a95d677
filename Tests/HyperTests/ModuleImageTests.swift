import Testing

@testable import Hyper

extension CoreTests {
    /// Object files of modules, and how they are linked.
    @Suite("Images of modules")
    struct ModuleImageTests {
        let memory = FakeMemory(adding: 256)

        /// What was assembled by clang 21 (`.option norelax`) with the distance, and with none.
        struct Assembled: CustomTestStringConvertible, Sendable {
            let instruction: String
            let type: UInt32
            let distance: Int64
            let before: [UInt32]
            let after: [UInt32]
            var testDescription: String { instruction }
        }

        private static let assembled: [Assembled] = [
            .init(
                instruction: "beqz a0, .+0x7fe", type: 16, distance: 0x7fe, before: [0x0005_0063], after: [0x7e05_0f63]),
            .init(
                instruction: "bne a1, a2, .-0x1000", type: 16, distance: -0x1000, before: [0x00c5_9063],
                after: [0x80c5_9063]),
            .init(instruction: "j .+0x12344", type: 17, distance: 0x12344, before: [0x6f], after: [0x3441_206f]),
            .init(
                instruction: "jal ra, .-0x100000", type: 17, distance: -0x100000, before: [0xef], after: [0x8000_00ef]),
            .init(instruction: "c.j .-0x7fe", type: 45, distance: -0x7fe, before: [0xa001], after: [0xb009]),
            .init(instruction: "c.j .+0x456", type: 45, distance: 0x456, before: [0xa001], after: [0xa999]),
            .init(instruction: "c.beqz a3, .+0xfe", type: 44, distance: 0xfe, before: [0xc281], after: [0xcefd]),
            .init(instruction: "c.bnez a5, .-0x100", type: 44, distance: -0x100, before: [0xe381], after: [0xf381]),
            .init(
                instruction: "auipc ra, 0xfffff; jalr 0x7ff(ra)", type: 19, distance: -0x1000 + 0x7ff,
                before: [0x97, 0x0000_80e7], after: [0xffff_f097, 0x7ff0_80e7]),
        ]

        @Test("An instruction is linked as an assembler makes it", arguments: assembled)
        func instructions(_ assembled: Assembled) throws {
            var file = ObjectFile()
            for word in assembled.before { file.codeBytes.add(word) }
            file.codeBytes.add(UInt32(0))
            // The symbol's place is its distance from the section's start.
            file.symbols = [.init(name: "here", section: ObjectFile.code)]
            file.codeRelocations = [.init(offset: 0, type: assembled.type, symbol: 1, addend: assembled.distance)]
            let image = try ModuleImage(try ModuleFile(file.bytes)) { _ in nil }
            let isCompressed = assembled.before[0] & 3 != 3
            for (index, word) in assembled.after.enumerated() {
                let found = image.load(UInt64(index) * 4, as: UInt32.self)
                #expect(
                    found == word, "\(assembled.instruction): \(String(found, radix: 16))",
                    sourceLocation: #_sourceLocation)
            }
            if isCompressed { #expect(image.load(2, as: UInt16.self) == 0) }
        }

        @Test("Halves of an address are those of auipc and what follows it")
        func halves() throws {
            // auipc a0, 0; addi a0, a0, 0; sd a1, 0(a0): the assembler's 0x12346 and -0x123.
            var file = ObjectFile()
            for word: UInt32 in [0x517, 0x0005_0513, 0x00b5_3023] { file.codeBytes.add(word) }
            file.symbols = [.init(name: "here", section: ObjectFile.code)]
            let distance: Int64 = 0x1234_5edd
            file.codeRelocations = [
                .init(offset: 4, type: 24, symbol: 1), .init(offset: 8, type: 25, symbol: 1),
                .init(offset: 0, type: 23, symbol: 1, addend: distance),
            ]
            let image = try ModuleImage(try ModuleFile(file.bytes)) { _ in nil }
            #expect(image.load(0, as: UInt32.self) == 0x1234_6517)
            #expect(image.load(4, as: UInt32.self) == 0xedd5_0513)
            #expect(image.load(8, as: UInt32.self) == 0xecb5_3ea3)
        }

        @Test("Absolute halves are those of lui and what follows it")
        func absoluteHalves() throws {
            var file = ObjectFile()
            for word: UInt32 in [0x537, 0x0005_0513, 0x00b5_2023] { file.codeBytes.add(word) }
            // As a 32-bit number that is sign-extended, 0x80000456 is what lui and addi make.
            file.symbols = [.init(name: "there", section: 0xfff1, value: 0xffff_ffff_8000_0456)]
            file.codeRelocations = [
                .init(offset: 0, type: 26, symbol: 1), .init(offset: 4, type: 27, symbol: 1),
                .init(offset: 8, type: 28, symbol: 1),
            ]
            let image = try ModuleImage(try ModuleFile(file.bytes)) { _ in nil }
            #expect(image.load(0, as: UInt32.self) == 0x8000_0537)
            #expect(image.load(4, as: UInt32.self) == 0x4565_0513)
            #expect(image.load(8, as: UInt32.self) == 0x44b5_2b23)
        }

        @Test("Sums and differences are of the psABI's widths")
        func arithmetic() throws {
            var file = ObjectFile()
            file.dataBytes = [UInt8](repeating: 0xf0, count: 64)
            file.symbols = [.init(name: "a", section: 0xfff1, value: 0x1122_3344_5566_7788)]
            let kinds: [(offset: UInt64, type: UInt32)] = [
                (0, 33), (2, 34), (4, 35), (8, 36), (16, 37), (18, 38), (20, 39), (24, 40), (32, 52), (33, 53),
                (34, 54),
                (36, 55), (40, 56), (48, 2),
            ]
            file.dataRelocations = kinds.map { .init(offset: $0.offset, type: $0.type, symbol: 1) }
            let image = try ModuleImage(try ModuleFile(file.bytes)) { _ in nil }
            #expect(image.load(0, as: UInt8.self) == 0x78)
            #expect(image.load(2, as: UInt16.self) == 0x6878)
            #expect(image.load(4, as: UInt32.self) == 0x4657_6878)
            #expect(image.load(8, as: UInt64.self) == 0x0213_2435_4657_6878)
            #expect(image.load(16, as: UInt8.self) == 0x68)
            #expect(image.load(18, as: UInt16.self) == 0x7968)
            #expect(image.load(20, as: UInt32.self) == 0x9b8a_7968)
            #expect(image.load(24, as: UInt64.self) == 0xdfce_bdac_9b8a_7968)
            // The lower six bits of the byte alone: 0x30 - 0x08, and 0x08.
            #expect(image.load(32, as: UInt8.self) == 0xe8)
            #expect(image.load(33, as: UInt8.self) == 0xc8)
            #expect(image.load(34, as: UInt8.self) == 0x88)
            #expect(image.load(36, as: UInt16.self) == 0x7788)
            #expect(image.load(40, as: UInt32.self) == 0x5566_7788)
            #expect(image.load(48, as: UInt64.self) == 0x1122_3344_5566_7788)
            #expect(image.load(56, as: UInt64.self) == 0xf0f0_f0f0_f0f0_f0f0)
        }

        @Test("A symbol that is too far away is reached through a slot")
        func slots() throws {
            let far: UInt64 = 0x1234_5678_9abc_def0
            var file = ObjectFile()
            for word: UInt32 in [0x97, 0x0000_80e7, 0x517, 0x0005_3503] { file.codeBytes.add(word) }
            file.symbols = [
                .init(name: "far", section: 0), .init(name: "table", section: ObjectFile.code, value: 8, binding: 0),
            ]
            file.codeRelocations = [
                .init(offset: 0, type: 19, symbol: 1), .init(offset: 8, type: 20, symbol: 1),
                .init(offset: 12, type: 24, symbol: 2),
            ]
            let image = try ModuleImage(try ModuleFile(file.bytes)) { $0 == "far" ? far : nil }
            // auipc ra, 0; jalr 16(ra): the slot lies behind the 16 bytes of code.
            #expect(image.load(0, as: UInt32.self) == 0x97)
            #expect(image.load(4, as: UInt32.self) == 0x0100_80e7)
            // auipc t1, 0; ld t1, 16(t1); jr t1, as clang assembles them.
            #expect((0..<3).map { image.load(16 + $0 * 4, as: UInt32.self) } == [0x317, 0x0103_3303, 0x3_0067])
            #expect(image.load(32, as: UInt64.self) == far)
            // The address is loaded from the same place, 24 bytes behind the auipc.
            #expect(image.load(8, as: UInt32.self) == 0x517)
            #expect(image.load(12, as: UInt32.self) == 0x0185_3503)
        }

        @Test("Sections keep their alignment, zeros are zero, and weak symbols that nobody has are 0")
        func layout() throws {
            var file = ObjectFile()
            file.codeBytes = [1, 2, 3, 4, 5]
            file.dataBytes = [UInt8](repeating: 7, count: 8)
            file.dataAlignment = 64
            file.zeroCount = 4096
            file.symbols = [
                .init(name: "data", section: ObjectFile.data), .init(name: "zeros", section: ObjectFile.zeros),
                .init(name: "none", section: 0, binding: 2),
            ]
            file.dataRelocations = [.init(offset: 0, type: 2, symbol: 3)]
            let image = try ModuleImage(try ModuleFile(file.bytes)) { _ in nil }
            #expect(image.exports.map { $0.name } == ["data", "zeros"])
            #expect(image.exports.map { $0.address - image.address } == [64, 80])
            #expect(image.load(64, as: UInt64.self) == 0)
            #expect((0..<512).allSatisfy { image.load(80 + $0 * 8, as: UInt64.self) == 0 })
            #expect(image.pages == 2)
        }

        /// A file, and what is said of it.
        struct Refusal: CustomTestStringConvertible, Sendable {
            let reason: String
            let change: @Sendable (inout ObjectFile) -> Void
            var testDescription: String { reason }
        }

        private static let refusals: [Refusal] = [
            .init(reason: "type 2 for machine 243") { $0.type = 2 },
            .init(reason: "type 1 for machine 62") { $0.machine = 62 },
            .init(reason: "nobody exports far") { $0.symbols.append(.init(name: "far", section: 0)) },
            .init(reason: "common has no section: build the module with -fno-common") {
                $0.symbols.append(.init(name: "common", section: 0xfff2))
            },
            .init(reason: "lost is in section 99, of 8") { $0.symbols.append(.init(name: "lost", section: 99)) },
            .init(reason: "late is outside of its section") {
                $0.symbols.append(.init(name: "late", section: ObjectFile.code, value: 17))
            },
            .init(reason: "a relocation is for symbol 9, of 2") {
                $0.codeRelocations = [.init(offset: 0, type: 2, symbol: 9)]
            },
            .init(reason: "a relocation is for a symbol of a section that is not loaded") {
                $0.symbols.append(.init(name: "unloaded", section: 7))
                $0.codeRelocations = [.init(offset: 0, type: 2, symbol: 2)]
            },
            .init(reason: "a relocation is at 0x10 of a section of 0x10 bytes") {
                $0.codeRelocations = [.init(offset: 16, type: 2, symbol: 1)]
            },
            .init(reason: "relocation 2 goes beyond the end of its section") {
                $0.codeRelocations = [.init(offset: 9, type: 2, symbol: 1)]
            },
            .init(reason: "relocation 18 goes beyond the end of its section") {
                $0.codeRelocations = [.init(offset: 12, type: 18, symbol: 1)]
            },
            .init(reason: "relocation 16 does not reach") {
                $0.codeRelocations = [.init(offset: 0, type: 16, symbol: 1, addend: 4096)]
            },
            .init(reason: "relocation 45 does not reach") {
                $0.codeRelocations = [.init(offset: 0, type: 45, symbol: 1, addend: 3)]
            },
            .init(reason: "relocation 23 does not reach") {
                $0.codeRelocations = [.init(offset: 0, type: 23, symbol: 1, addend: 0x7fff_f800)]
            },
            .init(reason: "relocation 1 does not reach") {
                $0.codeRelocations = [.init(offset: 0, type: 1, symbol: 1)]
            },
            .init(reason: "the lower half of an address has no upper one") {
                $0.codeRelocations = [.init(offset: 4, type: 24, symbol: 1)]
            },
            .init(reason: "build modules with -mno-relax") {
                $0.codeRelocations = [.init(offset: 0, type: 43, symbol: 1)]
            },
            .init(reason: "relocation 200 is none that modules may have") {
                $0.codeRelocations = [.init(offset: 0, type: 200, symbol: 1)]
            },
            .init(reason: "a section is to be at a multiple of 3") { $0.dataAlignment = 3 },
            .init(reason: "more than 1024 KiB") { $0.zeroCount = 1 << 20 },
            .init(reason: "more than 1024 KiB") { $0.zeroCount = .max },
            .init(reason: "there is nothing in it that would be loaded") {
                $0 = ObjectFile()
            },
            .init(reason: "relocations without addends") {
                $0.relocationSectionType = 9
                $0.codeRelocations = [.init(offset: 0, type: 2, symbol: 1)]
            },
        ]

        @Test("A file that cannot be linked is refused with the reason", arguments: refusals)
        func refused(_ refusal: Refusal) {
            var file = ObjectFile()
            file.codeBytes = [UInt8](repeating: 0, count: 16)
            file.dataBytes = [UInt8](repeating: 0, count: 16)
            file.symbols = [.init(name: "here", section: ObjectFile.code)]
            refusal.change(&file)
            let used = Pages.statistics.used
            let error = #expect(throws: HyperError.self) {
                _ = try ModuleImage(try ModuleFile(file.bytes)) { _ in nil }
            }
            #expect(error?.message.string.contains(refusal.reason) ?? false, "\(error?.message.string ?? "")")
            #expect(Pages.statistics.used == used)
        }

        @Test("A damaged file is linked or refused, and nothing of it stays")
        func damaged() throws {
            let whole = FakeModule.file("damaged", exports: ["damaged_one"], uses: ["memcpy", "damaged_two"]).bytes
            let used = Pages.statistics.used
            var random = SeededGenerator(seed: 4)
            for _ in 0..<20_000 {
                var bytes = whole
                for _ in 0...Int.random(in: 0..<4, using: &random) {
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
                    case 1:
                        // Numbers at which sums overflow, and others.
                        let value = [0, 1, 0x7fff_ffff_ffff_ffff, .max, .max - 63, UInt64(bytes.count)].randomElement(
                            using: &random)!
                        let width = [1, 2, 4, 8].randomElement(using: &random)!
                        guard bytes.count >= width else { continue }
                        let place = Int.random(in: 0...bytes.count - width, using: &random)
                        for index in 0..<width {
                            bytes[place + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
                        }
                    default:
                        guard !bytes.isEmpty else { continue }
                        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                            in: 0...255, using: &random)
                    }
                }
                _ = try? ModuleImage(try ModuleFile(bytes)) { $0 == "memcpy" ? 0x1000 : nil }
                guard Pages.statistics.used == used else {
                    Issue.record("pages were lost by \(bytes)")
                    return
                }
            }
        }
    }
}
