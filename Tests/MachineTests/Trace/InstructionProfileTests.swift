import Foundation
import TestSupport
import Testing

@testable import Machine

@Suite("Instruction profile")
struct InstructionProfileTests {
    /// A function that calls another ten times, which calls one without a frame: a hundred rounds of two instructions.
    private static let riscv: [UInt32] = [
        0x0002_0117,  // _start: auipc sp,0x20
        0x0000_0413,  // li s0,0
        0x0000_0097,  // auipc ra,0x0
        0x01c0_80e7,  // jalr 28(ra)
        0x0010_04b7,  // lui s1,0x100
        0x0000_5937,  // lui s2,0x5
        0x5559_0913,  // add s2,s2,1365
        0x0124_a023,  // sw s2,0(s1)
        0x0000_006f,  // j 80000020
        0xff01_0113,  // main: add sp,sp,-16
        0x0011_3423,  // sd ra,8(sp)
        0x0081_3023,  // sd s0,0(sp)
        0x0101_0413,  // add s0,sp,16
        0x00a0_0993,  // li s3,10
        0x0000_0097,  // auipc ra,0x0
        0x0200_80e7,  // jalr 32(ra)
        0xfff9_8993,  // add s3,s3,-1
        0xfe09_9ae3,  // bnez s3,80000038
        0x0081_3083,  // ld ra,8(sp)
        0x0001_3403,  // ld s0,0(sp)
        0x0101_0113,  // add sp,sp,16
        0x0000_8067,  // ret
        0xff01_0113,  // work: add sp,sp,-16
        0x0011_3423,  // sd ra,8(sp)
        0x0081_3023,  // sd s0,0(sp)
        0x0101_0413,  // add s0,sp,16
        0x0000_0097,  // auipc ra,0x0
        0x0180_80e7,  // jalr 24(ra)
        0x0081_3083,  // ld ra,8(sp)
        0x0001_3403,  // ld s0,0(sp)
        0x0101_0113,  // add sp,sp,16
        0x0000_8067,  // ret
        0x0640_0293,  // leaf: li t0,100
        0xfff2_8293,  // add t0,t0,-1
        0xfe02_9ee3,  // bnez t0,80000084
        0x0000_8067,  // ret
    ]
    private static let aarch64: [UInt32] = [
        0xd2a8_0400,  // _start: mov x0,
        0x9100_001f,  // mov sp, x0
        0xd280_001d,  // mov x29,
        0x9400_0005,  // bl 40080020
        0xd280_0100,  // mov x0,
        0xf2b0_8000,  // movk x0,
        0xd400_0003,  // smc
        0x1400_0000,  // b 4008001c
        0xa9bf_7bfd,  // main: stp x29, x30, [sp,
        0x9100_03fd,  // mov x29, sp
        0xd280_0153,  // mov x19,
        0x9400_0005,  // bl 40080040
        0xf100_0673,  // subs x19, x19,
        0x54ff_ffc1,  // b.ne 4008002c
        0xa8c1_7bfd,  // ldp x29, x30, [sp],
        0xd65f_03c0,  // ret
        0xa9bf_7bfd,  // work: stp x29, x30, [sp,
        0x9100_03fd,  // mov x29, sp
        0x9400_0003,  // bl 40080054
        0xa8c1_7bfd,  // ldp x29, x30, [sp],
        0xd65f_03c0,  // ret
        0xd280_0c81,  // leaf: mov x1,
        0xf100_0421,  // subs x1, x1,
        0x54ff_ffe1,  // b.ne 40080058
        0xd65f_03c0,  // ret
    ]

    /// The program as a file with symbols, each sampled instruction of it.
    private static func profile(
        _ words: [UInt32], at base: UInt64, _ symbols: [(String, UInt64, UInt64)], machine: UInt16, _ board: String,
        engine: Engine, byCalls: Bool = false
    ) throws -> InstructionProfile {
        try ExternalTool.withTemporaryDirectory { directory in
            var builder = ELFBuilder.program(
                at: base, words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } })
            builder.machine = machine
            builder.symbols = symbols.map { ELFBuilder.Symbol(name: $0.0, value: base + $0.1, size: $0.2) }
            try Data(builder.bytes()).write(to: URL(fileURLWithPath: directory + "/guest.elf"))
            var description = MachineDescription()
            description.machine = board
            description.firmware = "none"
            description.kernel = directory + "/guest.elf"
            description.memory = ByteCount(4 << 20)
            description.engine = engine
            description.maxInstructions = Count(100_000)
            let session = try Session(description)
            let calls = byCalls ? try CallTracker(session) : nil
            let profile = InstructionProfile(session, SymbolSpaces(session.symbols), interval: 1, calls: calls)
            #expect(profile.run() == .exited(status: 0))
            return profile
        }
    }

    @Test(
        "Each instruction is in its function and in those that called it, frames set up or not",
        arguments: Engine.allCases, [false, true])
    func riscvStacks(engine: Engine, byCalls: Bool) throws {
        let profile = try Self.profile(
            Self.riscv, at: 0x8000_0000,
            [("_start", 0, 0x24), ("main", 0x24, 0x34), ("work", 0x58, 0x28), ("leaf", 0x80, 0x10)],
            machine: 243, "riscv-virt", engine: engine, byCalls: byCalls)
        // 5 before the calls, 10 times 4, 4 behind them; 10 times 10; 10 times 1, 200 and 1. The first of the six
        // instructions of reset code is executed before anybody looks.
        #expect(
            profile.folded == """
                M;[0x1000] 5
                M;_start 8
                M;_start;main 49
                M;_start;main;work 100
                M;_start;main;work;leaf 2020

                """)
        let leaf = try #require(profile.rows.first)
        #expect((leaf.name, leaf.own, leaf.all) == ("leaf", 2020, 2020))
        let main = try #require(profile.rows.first { $0.name == "main" })
        #expect((main.own, main.all) == (49, 2169))
        #expect(profile.samples == 2182)
    }

    @Test("The same by AArch64's frame records", arguments: Engine.allCases, [false, true])
    func aarch64Stacks(engine: Engine, byCalls: Bool) throws {
        let profile = try Self.profile(
            Self.aarch64, at: 0x4008_0000,
            [("_start", 0, 0x20), ("main", 0x20, 0x20), ("work", 0x40, 0x14), ("leaf", 0x54, 0x10)],
            machine: 183, "aarch64-virt", engine: engine, byCalls: byCalls)
        let lines = profile.folded.split(separator: "\n").map { $0.drop { $0 != ";" } }
        for line in [";_start;main 35", ";_start;main;work 50", ";_start;main;work;leaf 2020"] {
            #expect(lines.contains(line[...]), "\(line) is not in \(profile.folded)")
        }
    }

    @Test("Names of Swift's functions are short, and hostile ones are left as they are")
    func names() throws {
        // What `swift demangle` says of them: Image.DeviceTreeNode.child(Image.Text) -> ..., and so on.
        let names = [
            "$e5Image14DeviceTreeNodeC5childyACSgAA4TextVF": "DeviceTreeNode.child",
            "$e5Image9HostHarts33_F4331BDEEBEBE3698CF9A7412FBE3ED3LLO5nodesSayAA14DeviceTreeNodeCGvgZ":
                "HostHarts.nodes",
            "$eSa6appendyyxnFs5UInt8V_Tg5": "Array.append",
            "$es22_ContiguousArrayBufferV20_consumeAndCreateNew14bufferIsUnique15minimumCapacity13growForAppendAByxGSb_SiSbtF":
                "_ContiguousArrayBuffer._consumeAndCreateNew",
            "vcpu_run": "vcpu_run", "$e": "$e", "$e9": "$e9", "$e99999999999999999999x": "$e99999999999999999999x",
            "": "",
        ]
        for (symbol, name) in names { #expect(shortSymbolName(symbol) == name, "\(symbol)") }
        var random = SplitMix64(seed: 1)
        for _ in 0..<20_000 {
            let letters = Array("$es0123456789CVOELaZzS_5Image")
            let text =
                "$e"
                + String((0..<Int(random.next() % 40)).map { _ in letters[Int(random.next() % UInt64(letters.count))] })
            #expect(!shortSymbolName(text).isEmpty)
        }
    }

    @Test("A picture is well-formed XML whatever guests call their functions, and nothing of it is theirs but text")
    func hostileNames() throws {
        let hostile = "</text><script>alert(1)</script>]]>&amp;\"'\u{1}\u{ffff}\u{202e}<"
        let stacks: [InstructionProfile.Stack: UInt64] = [
            .init(frames: ["M", hostile]): 10, .init(frames: ["M", hostile, "b"]): 5,
            .init(frames: ["guest 1 VS", "c"]): 20,
        ]
        let picture = FlameGraphPicture(FlameGraph(stacks), title: hostile, unit: "samples").text
        #expect(picture.components(separatedBy: "<script").count == 2, "the one script is ours")
        #expect(!picture.contains("alert(1)</script>"))
        let python = """
            import sys, xml.dom.minidom as m
            d = m.parse(sys.argv[1]); print(len([g for g in d.getElementsByTagName('g') if g.getAttribute('class') == 'frame']))
            """
        if let counted = try ExternalTool.run("python3", ["-c", python, "@"], input: Array(picture.utf8)) {
            #expect(String(decoding: counted, as: UTF8.self) == "6\n", "all, M, two of its frames, guest 1, c")
        } else {
            #expect(ExternalTool.path("python3") == nil, "it is not well-formed")
        }
    }

    @Test("Frames are as wide as what was seen in them, and what is too narrow is counted")
    func widths() {
        let graph = FlameGraph(
            [.init(frames: ["a", "b"]): 9999, .init(frames: ["a", "c"]): 1, .init(frames: ["d"]): 10_000],
            narrowest: 0.001)
        #expect(graph.root.value == 20_000)
        #expect(graph.root.children.map(\.name) == ["a", "d"])
        #expect(graph.root.children.map(\.value) == [10_000, 10_000])
        #expect(graph.root.children[0].children.map(\.name) == ["b"])
        #expect(graph.leftOut == 1)
        #expect(graph.depth == 2)
    }
}
