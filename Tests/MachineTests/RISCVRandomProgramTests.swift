import ISA
import Testing

@testable import Machine

@Suite("Random programs for RISC-V")
struct RandomProgramTests {
    @Test("One seed gives one program, to the byte; another gives another")
    func determinism() {
        let first = RISCVRandomGenerator.program(seed: 7, index: 3, blocks: 20)
        let again = RISCVRandomGenerator.program(seed: 7, index: 3, blocks: 20)
        #expect(first.blocks == again.blocks)
        #expect(first.elf == again.elf)
        #expect(RISCVRandomGenerator.program(seed: 8, index: 3, blocks: 20).blocks != first.blocks)
        #expect(RISCVRandomGenerator.program(seed: 7, index: 4, blocks: 20).blocks != first.blocks)
    }

    @Test("No instruction of a block writes the registers that point to its memory")
    func pointers() throws {
        let decoder = RISCV.TemplateDecoder(RISCVRandomGenerator.features)
        for block in RISCVRandomGenerator.program(seed: 1, index: 0, blocks: 200).blocks {
            for item in block.items {
                let words: [UInt32] =
                    switch item {
                    case .words(let words): words
                    case .branch(let word, _), .jump(let word, _): [word]
                    case .goTo: []
                    }
                for word in words {
                    guard let template = RISCV.Template.decoding(word, decoder),
                        template.register(.rd)?.isFloat != true
                    else { continue }
                    let written = template.number(.rd, of: word) ?? template.impliedRegister(.rd) ?? 0
                    #expect(!(2...4).contains(written), "\(template.text(of: word)) writes x\(written)")
                }
            }
        }
    }

    @Test(
        "Constants are loaded whole: the interpreter's registers hold them",
        arguments: [
            0, 1, 0x7ff, 0x800, 0xffff_ffff, 0x8000_0000, 0x7fff_ffff, 0x1234_5678_9abc_def0, UInt64.max, 1 << 63,
            0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0800,
        ] as [UInt64])
    func constants(_ value: UInt64) {
        // What the instructions say, worked out by hand: LUI, ADDI, ADDIW and SLLI (volume I, chapters 2 and 4).
        let decoder = RISCV.TemplateDecoder(.all)
        var register: UInt64 = 0
        for word in RISCVAssembler.loading(5, value) {
            guard let template = RISCV.Template.decoding(word, decoder) else {
                Issue.record("a word that is no instruction")
                return
            }
            let immediate = UInt64(bitPattern: template.immediate(of: word))
            switch template.mnemonic {
            case "lui": register = immediate
            case "addi": register = (template.number(.rs1, of: word) == 0 ? 0 : register) &+ immediate
            case "addiw": register = UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: register &+ immediate)))
            case "slli": register <<= immediate
            default: Issue.record("\(template.mnemonic) is not expected")
            }
        }
        #expect(register == value)
    }

    @Test("No branch leads past a change of mode")
    func changesOfMode() {
        for block in RISCVRandomGenerator.program(seed: 3, index: 0, blocks: 300).blocks {
            for (index, item) in block.items.enumerated() {
                let over: Int
                switch item {
                case .branch(_, let items), .jump(_, let items): over = items
                default: continue
                }
                let passed = block.items.dropFirst(index + 1).prefix(over)
                let change = passed.first { if case .goTo = $0 { true } else { false } }
                #expect(change == nil, "item \(index) leads over \(over)")
            }
        }
    }

    @Test("A branch that is too far for its encoding does nothing, and never goes back")
    func branches() {
        let decoder = RISCV.TemplateDecoder(.all)
        // C.BEQZ reaches 254 bytes forward.
        let far = RISCVRandomBlock.Item.branch(0xc001, over: 100)
        var block = RISCVRandomBlock(mode: .machine, items: [far], registers: [], floatRegisters: [])
        block.items += (0..<100).map { _ in .words([0x13]) }
        let code = block.code(at: 0x8000_0000)
        let word = UInt32(code[0]) | UInt32(code[1]) << 8
        #expect(RISCV.Template.decoding(word, decoder)?.mnemonic == "addi", "got \(hexadecimal(word))")
    }

    @Test("The shrinker finds the two items that matter among a hundred, and clears the registers that do not")
    func shrinking() {
        var block = RISCVRandomBlock(
            mode: .user, items: (0..<100).map { .words([UInt32($0) << 7 | 3]) },
            registers: Array(repeating: 5, count: 32), floatRegisters: Array(repeating: 9, count: 32))
        block.seed = 1
        let needed: [RISCVRandomBlock.Item] = [.words([17 << 7 | 3]), .words([71 << 7 | 3])]
        var questions = 0
        let small = RandomShrinker.shrink(block) { candidates in
            questions += 1
            return candidates.map { candidate in
                needed.allSatisfy(candidate.items.contains) && candidate.registers[10] == 5
            }
        }
        #expect(small.items == needed)
        #expect(small.registers[10] == 5)
        #expect((5..<32).allSatisfy { $0 == 10 || small.registers[$0] == 0 })
        #expect(small.floatRegisters.allSatisfy { $0 == 0 })
        #expect(questions < 60, "each question costs a run of two emulators; \(questions) were asked")
    }

    @Test("A block that never differs comes back as it was")
    func nothingToShrink() {
        let block = RISCVRandomBlock(
            mode: .machine, items: [.words([0x13])], registers: Array(repeating: 1, count: 32),
            floatRegisters: Array(repeating: 1, count: 32))
        #expect(RandomShrinker.shrink(block) { $0.map { _ in false } } == block)
    }

    @Test("A program runs to its end, and prints a line for each block")
    func running() throws {
        let program = RISCVRandomGenerator.program(seed: 5, index: 0, blocks: 12)
        let console = ConsoleLines(last: 1000)
        let board = try Self.board(console)
        let image = try LoadableImage(
            InputFile(name: "random", bytes: program.elf), machine: .riscv, limit: 1 << 27)
        let plan = try LoadPlan(
            memory: LoadPlan.Memory(base: 0x8000_0000, size: 128 << 20), firmware: nil, kernel: image, initrd: nil)
        try board.powerOn(plan)
        var rounds = 0
        while board.request == nil, rounds < 1000 {
            _ = board.scheduler.round()
            rounds += 1
        }
        console.end()
        #expect(board.request == .powerOff(status: 0))
        #expect(console.lines.count == 12)
        #expect(Set(console.lines).count == 12, "blocks have their own outcomes")
        for (line, block) in zip(console.lines, program.blocks) {
            // Every instruction is executed once at most, as branches lead forward alone.
            let executed = RandomLine(Substring(line)).executed
            #expect(executed > block.count / 2 && executed <= block.count, "\(executed) of \(block.count) executed")
        }
    }

    private final class Console: ConsoleBackend {
        let input = ConsoleInput()
        let lines: ConsoleLines
        init(_ lines: ConsoleLines) { self.lines = lines }
        func write(_ bytes: [UInt8]) { lines.write(bytes) }
    }

    private static func board(_ lines: ConsoleLines) throws -> RISCVVirt {
        var configuration = RISCVVirt.Configuration(console: Console(lines))
        configuration.cpu = try RISCV.Features(cpu: RISCVRandomGenerator.cpu)
        return try RISCVVirt(configuration)
    }
}
