import Foundation
import TestSupport
import Testing

/// The built program, as a user runs it.
@Suite("orrery")
struct CommandTests {
    /// Beside the test bundle, whose path is among the arguments of whoever runs it.
    static let program: String? = {
        let candidates =
            CommandLine.arguments.filter { $0.contains(".xctest") }.map { ($0 as NSString).deletingLastPathComponent }
            + [Bundle.main.bundlePath]
        for folder in candidates {
            var folder = folder
            while folder.count > 1 {
                if FileManager.default.isExecutableFile(atPath: folder + "/orrery"),
                    FileManager.default.fileExists(atPath: folder + "/CLI.build")
                {
                    return folder + "/orrery"
                }
                folder = (folder as NSString).deletingLastPathComponent
            }
        }
        return nil
    }()

    /// A program that stores `value` to the test device.
    private func finisher(_ value: UInt32) -> [UInt8] {
        let words: [UInt32] = [
            0x0010_02b7,  // lui  t0, 0x100
            0x0000_0317,  // auipc t1, 0
            0x0103_2303,  // lw   t1, 16(t1)
            0x0062_a023,  // sw   t1, 0(t0)
            0x0000_006f,  // j    .
            value,
        ]
        return words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
    }

    private func run(_ image: [UInt8], _ arguments: String...) throws -> ExternalTool.Result? {
        guard let program = Self.program else { return nil }
        return try ExternalTool.withTemporaryDirectory { directory in
            try Data(image).write(to: URL(fileURLWithPath: directory + "/guest.bin"))
            return try ExternalTool.run(
                program: program, ["run", "--firmware", "none", "guest.bin"] + arguments, in: directory)
        }
    }

    @Test("The guest's status becomes the program's", arguments: [(0x5555, 0), (0x7_3333, 7), (0x3333, 1)])
    func status(value: UInt32, status: Int32) throws {
        guard let result = try run(finisher(value)) else { return }
        #expect(result.status == status, "\(result.errorText)")
    }

    @Test("The last line of --json is an object with the result and the state's hash, the same twice")
    func json() throws {
        guard let first = try run(finisher(0x5555), "--json"), let second = try run(finisher(0x5555), "--json") else {
            return
        }
        func object(_ result: ExternalTool.Result) throws -> [String: Any] {
            try #require(JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any])
        }
        let (a, b) = (try object(first), try object(second))
        #expect(a["conclusion"] as? String == "exited")
        #expect(a["status"] as? Int == 0)
        #expect((a["stateHash"] as? String)?.count == 16)
        #expect(a["stateHash"] as? String == b["stateHash"] as? String)
    }

    /// Runs a line of shell in which `$run` runs `guest.bin`, which holds `image`.
    private func shell(_ image: [UInt8], _ line: String) throws -> ExternalTool.Result? {
        guard let program = Self.program else { return nil }
        return try ExternalTool.withTemporaryDirectory { directory in
            try Data(image).write(to: URL(fileURLWithPath: directory + "/guest.bin"))
            let run = "orrery='\(program)'; run=\"$orrery run --firmware none guest.bin\"; "
            return try ExternalTool.run(program: "/bin/sh", ["-c", run + line], in: directory)
        }
    }

    @Test("--stats and --json tell what the JIT did, and nothing of it where all is interpreted")
    func translation() throws {
        // li t0, 200; addi t0, t0, -1; bnez t0, -4; and what ends the run.
        let loop: [UInt8] = [0x93, 0x02, 0x80, 0x0c, 0x93, 0x82, 0xf2, 0xff, 0xe3, 0x9e, 0x02, 0xfe]
        for engine in ["jit", "interpreter"] {
            guard let result = try run(loop + finisher(0x5555), "--engine", engine, "--stats", "--json") else { return }
            let object = try #require(JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any])
            let jit = object["jit"] as? [String: Any]
            #expect(result.errorText.contains("executed in translated code") == (jit != nil))
            guard engine == "jit", !result.errorText.contains("the JIT is not available") else {
                #expect(jit == nil)
                continue
            }
            let numbers = try ["executed", "interpreted"].map { try #require(jit?[$0] as? Int) }
            #expect(numbers[0] + numbers[1] == object["instructions"] as? Int)
            #expect(numbers[0] > 200 && numbers[0] < 400, "of 400 in the loop, the first are interpreted")
        }
    }

    @Test("disassemble --jit shows guest code, its nodes and host code, and refuses what is not there")
    func translatedListing() throws {
        let image = finisher(0x5555)
        guard let result = try shell(image, "$orrery disassemble --jit guest.bin"), result.status == 0 else { return }
        let text = result.outputText
        #expect(text.contains("block 0x80000000: 4 guest instructions, "), "\(text)")
        #expect(text.contains("0x80000000  lui t0, 0x100"))
        #expect(text.contains("constant 0x100000"))
        #expect(text.contains("sub r14, 4"), "the budget is taken for the four instructions before the loop")
        #expect(text.contains("stub 0: outOfBudget, 0x80000000"))
        #expect(!text.contains("\u{1b}"), "standard output is no terminal")
        let block = try shell(image, "$orrery disassemble --jit guest.bin --at 0x80000000 --blocks 1")
        #expect(block?.outputText.contains("block 0x80000000: 4 guest instructions, ") ?? false)
        #expect(block?.outputText.contains("block 0x80000010: ") == false)
        #expect(block?.outputText.contains("stub 0:") == false)
        let missing = try shell(image, "$orrery disassemble --jit guest.bin --at nowhere")
        #expect(missing?.status == 65)
        #expect(missing?.errorText.contains("has no symbol \"nowhere\"") ?? false)
        let device = try shell(image, "$orrery disassemble --jit guest.bin --at 0x10000000")
        #expect(device?.status == 65)
        #expect(try shell(image, "$orrery disassemble guest.bin --at main")?.status == 64)
    }

    @Test("disassemble --jit translates AArch64's code as what the program says it is")
    func translatedListingOfAArch64() throws {
        let add: UInt32 = 0x9100_0400  // add x0, x0, #1
        let stay: UInt32 = 0x1400_0000  // b .
        let image = aarch64Program([add, stay], at: 0x4020_0000)
        guard let result = try shell(image, "$orrery disassemble --jit guest.bin"), result.status == 0 else { return }
        let text = result.outputText
        #expect(text.contains("block 0x40200000: 1 guest instruction, "), "\(text)")
        #expect(text.contains("0x40200000  add x0, x0, #1"))
        #expect(text.contains("0x40200004  b #0x40200004"))
        #expect(text.contains("constant 0x1"))
    }

    /// A minimal ELF64 file with one segment.
    private func aarch64Program(_ words: [UInt32], at address: UInt64) -> [UInt8] {
        var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
        func append(_ value: UInt64, _ bytes: Int) {
            for index in 0..<bytes { file.append(UInt8(truncatingIfNeeded: value >> (index * 8))) }
        }
        let (header, programHeader) = (64 as UInt64, 56 as UInt64)
        let size = UInt64(4 * words.count)
        // ET_EXEC, EM_AARCH64, EV_CURRENT; one program header, and no section headers.
        for (value, bytes) in [(2, 2), (183, 2), (1, 4), (address, 8), (header, 8), (0, 8), (0, 4)] as [(UInt64, Int)] {
            append(value, bytes)
        }
        for value in [header, programHeader, 1, 64, 0, 0] { append(value, 2) }
        // PT_LOAD, PF_R and PF_X; offset, addresses, sizes, alignment.
        append(1, 4)
        append(5, 4)
        for value in [header + programHeader, address, address, size, size, 4] { append(value, 8) }
        for word in words { append(UInt64(word), 4) }
        return file
    }

    @Test("A full disk does not swallow what is printed: it is told, and has its own status")
    func fullDisk() throws {
        guard let output = try shell(finisher(0x5555), "$run --json > /dev/full") else { return }
        #expect(output.status == 66)
        #expect(output.errorText == "orrery: standard output cannot be written: No space left on device\n")
        let trace = try shell(finisher(0x5555), "$run --trace instructions --trace-file /dev/full")
        #expect(trace?.status == 65)
        #expect(trace?.errorText == "orrery: /dev/full: cannot be written: No space left on device\n")
        #expect(try shell([], "$orrery machines > /dev/full")?.status == 66)
    }

    @Test("A run that a signal ends tells what it was doing, writes its trace, and dies of the signal")
    func interrupted() throws {
        // lui t0, 0x10000; li t1, '\n'; sb t1, 0(t0); j .
        let image: [UInt8] = [0xb7, 2, 0, 0x10, 0x13, 3, 0xa0, 0, 0x23, 0x80, 0x62, 0, 0x6f, 0, 0, 0]
        let line = """
            mkfifo console
            $run --trace mmio --trace-file trace --stats > console &
            read line < console
            kill -TERM $!
            wait $!
            echo $?
            cat trace
            """
        guard let result = try shell(image, line) else { return }
        let lines = result.outputText.split(separator: "\n")
        #expect(lines.first == "143", "128 and SIGTERM, which is 15")
        #expect(lines.last?.hasSuffix("store 1 at 0x10000000 serial@10000000+0x0: 0xa") ?? false, "\(lines)")
        #expect(result.errorText.hasPrefix("orrery: ended by SIGTERM\n  hart 0  M  0x8000000c  runs\n"))
        #expect(result.errorText.contains("state hash"))
    }

    /// csrw mie, zero; wfi; j -4
    private let hang: [UInt8] = [0x73, 0x10, 0x40, 0x30, 0x73, 0, 0x50, 0x10, 0x6f, 0xf0, 0xdf, 0xff]

    @Test("A guest that hangs after the end of what is piped to it hangs")
    func interactiveHang() throws {
        guard let result = try run(hang, "--interactive") else { return }
        #expect(result.status == 74, "\(result.errorText)")
    }

    @Test("What is piped after Ctrl-A c is the monitor's, and after continue the guest's")
    func pipedMonitor() throws {
        let keys = #"\001ctranslate 0x80000000\ncontinue\n\001cdisassemble 0x80000000 1\nquit\n"#
        guard let result = try shell(hang, "printf '\(keys)' | $run --interactive") else { return }
        #expect(result.status == 0, "quit is no failure: \(result.errorText)")
        #expect(
            result.outputText == "machine mode does not translate\nphysical 0x80000000\n"
                + "  0x0000000080000000:  30401073  csrw mie, zero\n")
    }

    @Test("The monitor is back where its breakpoint is come to, and goes back from there")
    func monitorBreakpoint() throws {
        // nop, and back to it.
        let loop: [UInt8] = [0x13, 0, 0, 0, 0x6f, 0xf0, 0xdf, 0xff]
        let keys = #"\001cbreak 0x80000004\ncontinue\nreverse-step\nquit\n"#
        guard let result = try shell(loop, "printf '\(keys)' | $run --interactive") else { return }
        #expect(result.status == 0, "quit is no failure: \(result.errorText)")
        let lines = result.outputText.split(separator: "\n").map(String.init)
        #expect(lines.count == 4, "\(lines)")
        #expect(lines.prefix(2) == ["stop 1: break 0x80000004", "stop 1: break 0x80000004"], "\(lines)")
        for (line, place) in zip(lines.suffix(2), ["0x80000004", "0x80000000"]) {
            #expect(line.hasPrefix("hart 0  M  \(place)  "), "\(line)")
        }
    }

    @Test("With a network a guest hangs where nothing can come from outside, and else waits up to its time limit")
    func networkHang() throws {
        guard let alone = try run(hang, "--net", "user"),
            let reachable = try run(hang, "--net", "user,hostfwd=udp::21047-:53", "--timeout", "100ms")
        else { return }
        #expect(alone.status == 74, "\(alone.errorText)")
        #expect(reachable.status == 72, "\(reachable.errorText)")
    }

    @Test("Time-out, instruction limit and hang have their statuses, and a hang is explained")
    func badEndings() throws {
        let loop: [UInt8] = [0x6f, 0, 0, 0]
        guard let timedOut = try run(loop, "--timeout", "1us") else { return }
        #expect(timedOut.status == 72)
        #expect(try run(loop, "--max-instructions", "100")?.status == 73)
        let hung = try run(hang)
        #expect(hung?.status == 74)
        // Six instructions of the reset vector and two of the program.
        let expected = "waits (wfi) since 0.000000008 s, and no interrupt is enabled: mie is 0"
        #expect(hung?.errorText.contains(expected) ?? false)
    }

    @Test("Bad usage is 64 and bad input 65, in one line that begins with orrery:")
    func refusals() throws {
        guard let program = Self.program else { return }
        let cases: [([String], Int32)] = [
            (["run"], 64), (["run", "--frobnicate"], 64), (["run", "x", "--memory", "lots"], 64),
            (["run", "x", "--trace", "all", "--trace-range", "5"], 64), (["run", "/nonexistent"], 65),
            (["run", "--machine", "sun", "--firmware", "none", "/dev/null"], 65),
            (["disassemble", "/nonexistent"], 65),
            (["lockstep"], 64), (["lockstep", "--engines", "jit", "x"], 64),
            (["lockstep", "--engine", "jit", "x"], 64), (["lockstep", "--every", "0", "x"], 64),
            (["lockstep", "/nonexistent"], 65),
            (["test"], 64), (["test", "--harts", "0", "/bin"], 64), (["test", "--memory", "3", "/bin"], 64),
            (["test", "--timeout", "soon", "/bin"], 64), (["test", "--shard", "5/4", "/bin"], 64),
            (["test", "--differences", "x", "/bin"], 64), (["bench", "--rounds", "0"], 64),
            (["run", "--firmware", "none", "--drive", "/", "/bin/sh"], 65),
            (["run", "--net", "user,hostfwd=2222-22", "/bin/sh"], 64),
            // An address for documentation (RFC 5737), which no computer has.
            (["run", "--firmware", "none", "--net", "user,hostfwd=tcp:192.0.2.1:2222-:22", "/bin/sh"], 65),
        ]
        for (arguments, status) in cases {
            let result = try ExternalTool.run(program: program, arguments, in: "/")
            #expect(result.status == status, "\(arguments)")
            #expect(result.errorText.hasPrefix("orrery: "), "\(arguments)")
            #expect(result.errorText.split(separator: "\n").count == 1, "\(arguments): \(result.errorText)")
        }
    }

    @Test("A trace shows each instruction with its place, and the run stays the same")
    func trace() throws {
        guard let plain = try run(finisher(0x5555), "--json"),
            let traced = try run(
                finisher(0x5555), "--json", "--trace", "instructions,mmio", "--trace-range", "0x80000000-0x80001000")
        else { return }
        func hash(_ result: ExternalTool.Result) -> Substring? {
            result.outputText.split(separator: "\"stateHash\"").last
        }
        #expect(hash(plain) == hash(traced))
        let lines = traced.errorText.split(separator: "\n")
        #expect(lines.count == 5)
        #expect(lines.first?.hasSuffix("lui t0, 0x100") ?? false, "\(traced.errorText)")
        #expect(
            lines.last?.hasSuffix("mmio   store 4 at 0x100000 test@100000+0x0: 0x5555") ?? false, "\(traced.errorText)")
    }

    @Test("The monitor's commands run at the end")
    func monitor() throws {
        guard let result = try run(finisher(0x5555), "--monitor-command", "translate 0x80000000") else { return }
        #expect(result.outputText == "machine mode does not translate\nphysical 0x80000000\n")
    }
}
