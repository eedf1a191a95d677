import Foundation
import Glibc
import TestSupport
import Testing

@testable import CLI
@testable import Machine

/// Guests of a few words, that use registers of each kind.
private enum Guest {
    /// At 0x80000000, in M-mode.
    static let riscv: [UInt32] = [
        0x0001_22b7,  // lui      t0, 18
        0x3452_829b,  // addiw    t0, t0, 837
        0x3402_9073,  // csrw     mscratch, t0
        0x0000_6337,  // lui      t1, 6
        0x3003_2073,  // csrs     mstatus, t1
        0xd202_8053,  // fcvt.d.w ft0, t0
        0x0200_70d3,  // fadd.d   ft1, ft0, ft0
        0xd003_7553,  // fcvt.s.w fa0, t1
        0x0038_d073,  // csrwi    fcsr, 17
        0x1053_1073,  // csrw     stvec, t1
        0x1800_1073,  // csrw     satp, zero
        0x0062_8133,  // add      sp, t0, t1
        0x0000_0197,  // auipc    gp, 0
        0x4062_88b3,  // sub      a7, t0, t1
        0x0013_8393,  // addi     t2, t2, 1
        0xffdf_f06f,  // j        .-4
    ]
    /// At 0x40080000, at EL2.
    static let aarch64: [UInt32] = [
        0xd282_4680,  // mov  x0, #0x1234
        0xf2ff_ffe0,  // movk x0, #0xffff, lsl #48
        0xd518_d080,  // msr  tpidr_el1, x0
        0xd518_c000,  // msr  vbar_el1, x0
        0xd51c_4020,  // msr  elr_el2, x0
        0x1e6e_1000,  // fmov d0, #1.0
        0x1e60_2801,  // fadd d1, d0, d0
        0x4f00_f402,  // fmov v2.4s, #2.0
        0xab00_0001,  // adds x1, x0, x0
        0x9100_001f,  // mov  sp, x0
        0xd51b_d041,  // msr  tpidr_el0, x1
        0xd518_4001,  // msr  spsr_el1, x1
        0xd518_a200,  // msr  mair_el1, x0
        0xd518_6001,  // msr  far_el1, x1
        0xd100_041e,  // sub  x30, x0, #1
        0x9100_0442,  // add  x2, x2, #1
        0x17ff_ffff,  // b    .-4
    ]
    /// Powers off with status 7.
    static let exits: [UInt32] = [
        0x0010_02b7,  // lui  t0, 0x100
        0x0007_3337,  // lui  t1, 0x73
        0x3333_0313,  // addi t1, t1, 0x333
        0x0062_a023,  // sw   t1, 0(t0)
        0x0000_006f,  // j    .
    ]

    static func bytes(_ words: [UInt32]) -> [UInt8] {
        words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
    }
}

/// A process that has a machine at the other side of a socket, and the debugger's end of that.
private final class GDBPeer {
    struct Failure: Error { let description: String }

    let process: Process
    private let path: String
    private var descriptor: Int32 = -1
    private var buffer: [UInt8] = []

    init(_ program: String, _ arguments: [String], socket path: String) throws {
        self.path = path
        process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    deinit {
        hangUp()
        guard process.isRunning else { return }
        process.terminate()
        for _ in 0..<250 where process.isRunning { usleep(20_000) }
        // A test that fails leaves nobody behind all the same.
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }

    /// The process listens soon, if it does not yet.
    func connect() throws {
        for _ in 0..<400 {
            descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let result = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            if result == 0 { return }
            close(descriptor)
            descriptor = -1
            usleep(50_000)
        }
        throw Failure(description: "nobody listens at \(path)")
    }

    func hangUp() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        buffer = []
    }

    func send(_ bytes: [UInt8]) { _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

    /// Sends a packet.
    /// - Returns: the payload of the next one, with runs expanded and escapes undone.
    func ask(_ text: String) throws -> String {
        let sum = text.utf8.reduce(0 as UInt8, &+)
        send(Array("$\(text)#".utf8) + Array((sum < 16 ? "0" : "").utf8) + Array(String(sum, radix: 16).utf8))
        return try answer()
    }

    func answer() throws -> String {
        while true {
            if let start = buffer.firstIndex(of: 0x24), let end = buffer[start...].firstIndex(of: 0x23),
                end + 2 < buffer.count
            {
                let payload = Array(buffer[(start + 1)..<end])
                buffer.removeSubrange(...(end + 2))
                send([0x2b])
                return Self.decoded(payload)
            }
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&wait, 1, 20_000) > 0 else { throw Failure(description: "no answer within 20 seconds") }
            var part = [UInt8](repeating: 0, count: 1 << 16)
            let count = read(descriptor, &part, part.count)
            guard count > 0 else { throw Failure(description: "the other side has hung up") }
            buffer += part.prefix(count)
        }
    }

    private static func decoded(_ payload: [UInt8]) -> String {
        var result: [UInt8] = []
        var index = 0
        while index < payload.count {
            switch payload[index] {
            case 0x2a where index + 1 < payload.count:
                result += [UInt8](repeating: result.last ?? 0, count: Int(payload[index + 1]) - 29)
                index += 2
            case 0x7d where index + 1 < payload.count:
                result.append(payload[index + 1] ^ 0x20)
                index += 2
            default:
                result.append(payload[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    // MARK: What it describes

    struct Register {
        var name: String
        var bits: Int
        var number: Int
    }

    private func document(_ name: String) throws -> String {
        var text = ""
        while true {
            let part = try ask("qXfer:features:read:\(name):\(String(text.utf8.count, radix: 16)),7f0")
            text += part.dropFirst()
            if part.first != "m" { return text }
        }
    }

    /// All registers, by names in lower case. Documents that others include are read after them.
    func registers() throws -> [String: Register] {
        let main = try document("target.xml")
        let included = main.matches(of: /include href="([^"]+)"/).map { String($0.1) }
        var registers: [String: Register] = [:]
        var next = 0
        for text in [main] + (try included.map { try document($0) }) {
            for match in text.matches(of: /<reg ([^>]*)>/) {
                func attribute(_ name: String) -> String? {
                    let parts = match.1.components(separatedBy: " \(name)=\"")
                    let first = match.1.hasPrefix("\(name)=\"") ? String(match.1.dropFirst(name.count + 2)) : nil
                    return (parts.count > 1 ? parts[1] : first)?.components(separatedBy: "\"").first
                }
                let number = attribute("regnum").flatMap { Int($0) } ?? next
                next = number + 1
                guard let name = attribute("name"), let bits = attribute("bitsize").flatMap({ Int($0) }) else {
                    continue
                }
                registers[name.lowercased()] = Register(name: name, bits: bits, number: number)
            }
        }
        return registers
    }

    func value(_ register: Register) throws -> String { try ask("p" + String(register.number, radix: 16)) }

    /// Steps until the program counter is `address`, and so many instructions on.
    func step(to address: UInt64, and count: Int, _ counter: Register) throws {
        let digits = (0..<8).map { String(format: "%02x", Int(address >> (8 * $0) & 0xff)) }.joined()
        var steps = 0
        while try value(counter) != digits {
            steps += 1
            guard steps < 100 else { throw Failure(description: "it does not come to \(address)") }
            _ = try ask("s")
        }
        for _ in 0..<count { _ = try ask("s") }
    }
}

/// The program's side of GDB's protocol, with debuggers and stubs that others have written.
@Suite("orrery run --gdb", .serialized)
struct GDBServerTests {
    @Test("A place is a port, an address and a port, a socket, or standard input and output")
    func places() throws {
        let cases: [(String, GDBPlace)] = [
            ("1234", .network(address: DisplayOption.loopback, port: 1234)),
            (":1234", .network(address: DisplayOption.loopback, port: 1234)),
            ("localhost:1", .network(address: DisplayOption.loopback, port: 1)),
            ("0.0.0.0:65535", .network(address: IPv4Address(0, 0, 0, 0), port: 65535)),
            ("unix:/tmp/a b", .unixSocket(path: "/tmp/a b")), ("-", .standardStreams),
        ]
        for (text, place) in cases { #expect(try GDBPlace(text) == place, "\(text)") }
        let wrong = [
            "", ":", "x", "65536", "-1", "1.2.3:4", "example.com:5", "a:b:c", "unix:",
            "unix:" + String(repeating: "x", count: 108),
        ]
        for text in wrong { #expect(throws: ValueError.self, "\(text)") { try GDBPlace(text) } }
    }

    /// Runs `body` with a machine that stands at its first instruction.
    private func with(
        _ words: [UInt32], _ arguments: [String] = ["--firmware", "none"], _ body: (GDBPeer, String) throws -> Void
    ) throws {
        let program = try #require(CommandTests.program, "there is no built program")
        try ExternalTool.withTemporaryDirectory { directory in
            let (image, socket) = (directory + "/guest.bin", directory + "/s")
            try Data(Guest.bytes(words)).write(to: URL(fileURLWithPath: image))
            let peer = try GDBPeer(program, ["run", "--gdb", "unix:\(socket)", image] + arguments, socket: socket)
            try peer.connect()
            try body(peer, directory)
            peer.hangUp()
        }
    }

    @Test("A debugger that hangs up leaves the machine where it stands, and the next one finds it there")
    func hangUp() throws {
        try with(Guest.riscv) { peer, _ in
            let counter = try #require(try peer.registers()["pc"])
            try peer.step(to: 0x8000_0000, and: 2, counter)
            #expect(try peer.ask("Z0,80000010,4") == "OK")
            peer.hangUp()
            try peer.connect()
            #expect(try peer.value(counter) == "0800008000000000")
            // The breakpoint is gone with who had set it: it runs, until it is interrupted.
            peer.send(Array("$c#63".utf8))
            usleep(200_000)
            peer.send([3])
            #expect(try peer.answer().hasPrefix("T02"))
            // Hanging up while it runs has it stand, too.
            peer.send(Array("$c#63".utf8))
            usleep(50_000)
            peer.hangUp()
            try peer.connect()
            let place = try peer.value(counter)
            usleep(50_000)
            #expect(try peer.value(counter) == place)
        }
    }

    @Test("One debugger at a time: another one is turned away")
    func second() throws {
        try with(Guest.riscv) { peer, directory in
            #expect(try peer.ask("qC") == "QC1")
            let socket = directory + "/s"
            let result = try ExternalTool.run(
                program: "/usr/bin/env",
                [
                    "python3", "-c",
                    "import socket as s\nc=s.socket(s.AF_UNIX)\nc.connect('\(socket)')\nprint(len(c.recv(9)))",
                ],
                in: directory)
            #expect(result.outputText == "0\n", "\(result.errorText)")
            #expect(try peer.ask("qC") == "QC1")
        }
    }

    @Test("The guest's status is the program's after its debugger is gone, and kill ends the run")
    func statuses() throws {
        try with(Guest.exits) { peer, _ in
            let answer = try peer.ask("c")
            #expect(answer == "W07")
            peer.hangUp()
            peer.process.waitUntilExit()
            #expect(peer.process.terminationStatus == 7)
        }
        try with(Guest.riscv) { peer, _ in
            let answer = try peer.ask("vKill;1")
            #expect(answer == "OK")
            peer.process.waitUntilExit()
            #expect(peer.process.terminationStatus == 0)
        }
    }

    @Test(
        "A debugger whose pipe closes has the process end, whether the machine stands or runs",
        arguments: [false, true])
    func closedPipe(isRunning: Bool) throws {
        let program = try #require(CommandTests.program, "there is no built program")
        try ExternalTool.withTemporaryDirectory { directory in
            try Data(Guest.bytes(Guest.riscv)).write(to: URL(fileURLWithPath: directory + "/guest.bin"))
            let (process, input, output) = (Process(), Pipe(), Pipe())
            process.executableURL = URL(fileURLWithPath: program)
            process.arguments = ["run", "--gdb", "-", directory + "/guest.bin", "--firmware", "none"]
            process.standardInput = input
            process.standardOutput = output
            process.standardError = FileHandle.nullDevice
            try process.run()
            try input.fileHandleForWriting.write(contentsOf: Data("$?#3f".utf8))
            var answer = ""
            while !answer.contains("#") {
                answer += String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
            }
            if isRunning { try input.fileHandleForWriting.write(contentsOf: Data("+$c#63".utf8)) }
            try input.fileHandleForWriting.close()
            try output.fileHandleForReading.close()
            for _ in 0..<500 where process.isRunning { usleep(20_000) }
            #expect(!process.isRunning, "it runs on without its debugger")
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
            process.waitUntilExit()
        }
    }

    // MARK: QEMU

    /// Compares all registers that both have, after the guest's first `count` instructions.
    /// - Parameter known: names of those that differ, and why they may.
    private func compare(
        _ words: [UInt32], at base: UInt64, _ count: Int, _ arguments: [String], qemu: String, _ machine: [String],
        known: [String: String]
    ) throws {
        // The launcher installs QEMU for the tests.
        guard let emulator = ExternalTool.path(qemu) else { return }
        try with(words, arguments) { ours, directory in
            let image = machine.map { $0.replacingOccurrences(of: "@", with: directory + "/guest.bin") }
            let theirs = try GDBPeer(
                emulator,
                image + [
                    "-display", "none", "-serial", "none", "-S", "-gdb", "unix:\(directory)/q,server=on,wait=off",
                ],
                socket: directory + "/q")
            try theirs.connect()
            let (a, b) = (try ours.registers(), try theirs.registers())
            for (peer, registers) in [(ours, a), (theirs, b)] {
                try peer.step(to: base, and: count, try #require(registers["pc"]))
            }
            var same = 0
            for (name, register) in a.sorted(by: { $0.value.number < $1.value.number }) {
                guard let other = b[name], known[name] == nil else { continue }
                #expect(register.bits == other.bits, "\(register.name): QEMU's has \(other.bits) bits")
                let (own, expected) = (try ours.value(register), try theirs.value(other))
                #expect(own == expected, "\(register.name) is not QEMU's value")
                same += 1
            }
            #expect(same > 100, "\(same) registers have been compared")
            for name in known.keys { #expect(a[name] != nil && b[name] != nil, "\(name) is not in both") }
        }
    }

    @Test("Registers of RISC-V are QEMU's, by name, size and value")
    func riscvRegisters() throws {
        try compare(
            Guest.riscv, at: 0x8000_0000, 17, ["--firmware", "none", "--cpu", "rv64,h"], qemu: "qemu-system-riscv64",
            [
                "-machine", "virt", "-cpu", "rv64,h=true", "-m", "128", "-bios", "none", "-device",
                "loader,file=@,addr=0x80000000",
            ],
            known: [
                "a1": "where the device tree lies is each board's own", "a2": "the same of what OpenSBI is told",
                "marchid": "each implementation's own", "mimpid": "each implementation's own",
                "mcycle": "QEMU counts the host's time", "minstret": "QEMU counts the host's time",
                "mip": "the timer's state at power-on is nobody's",
                "mideleg": "VSSIP and its kin read as 1 with H (Machine Trap Delegation Registers)",
                "tdata1": "QEMU has a trigger, and here is none", "tinfo": "QEMU has a trigger, and here is none",
                "vsstatus": "QEMU sets SXL, which vsstatus has not",
            ])
    }

    @Test("Registers of AArch64 are QEMU's, by name, size and value")
    func aarch64Registers() throws {
        let fixed = "QEMU does not show bits that are always 1"
        let counters = "which events there are, and PMCR_EL0.LC, is each implementation's own"
        var known = [
            "x4": "QEMU's boot code jumps by it",
            "spsr_el1": "QEMU keeps what is written to bits that are nothing's without FEAT_BTI and its kin",
            "cptr_el2": fixed, "fpexc32_el2": fixed, "hcr_el2": fixed, "sctlr_el2": fixed, "tcr_el2": fixed,
            "vtcr_el2": fixed, "id_aa64mmfr0_el1": "QEMU shows an address size that its machine has not",
            "pmceid0_el0": counters, "pmcr_el0": counters,
            // GDB's own feature says 32 bits; QEMU has the names a second time among its system registers.
            "fpsr": "QEMU has it twice", "fpcr": "QEMU has it twice",
        ]
        for number in 0..<6 { known["dbgbcr\(number)_el1"] = fixed }
        try compare(
            Guest.aarch64, at: 0x4008_0000, 19, ["--machine", "aarch64-virt", "--cpu", "cortex-a72"],
            qemu: "qemu-system-aarch64",
            ["-machine", "virt,virtualization=on", "-cpu", "cortex-a72", "-m", "128", "-kernel", "@"], known: known)
    }

    // MARK: GDB

    /// What gdb-multiarch prints.
    private func debug(_ words: [UInt32], _ arguments: String, _ commands: [String]) throws -> [String]? {
        // The launcher installs it for the tests.
        guard let gdb = ExternalTool.path("gdb-multiarch") else { return nil }
        let program = try #require(CommandTests.program, "there is no built program")
        return try ExternalTool.withTemporaryDirectory { directory in
            try Data(Guest.bytes(words)).write(to: URL(fileURLWithPath: directory + "/guest.bin"))
            let all = ["target remote | \(program) run --gdb - guest.bin \(arguments)"] + commands
            let result = try ExternalTool.run(
                program: gdb,
                ["-q", "-nx", "-batch"] + (["set pagination off", "set confirm off"] + all).flatMap { ["-ex", $0] },
                in: directory)
            return (result.outputText + result.errorText).split(separator: "\n").map(String.init)
        }
    }

    /// Looks for these lines, one after the other.
    private func expect(_ lines: [String], in output: [String]) {
        var rest = output[...]
        for line in lines {
            guard let place = rest.firstIndex(where: { $0.contains(line) }) else {
                Issue.record("gdb does not print \"\(line)\" there:\n\(output.joined(separator: "\n"))")
                return
            }
            rest = rest[(place + 1)...]
        }
    }

    @Test("gdb-multiarch breaks, steps, reads and writes a RISC-V machine, and sees it exit")
    func gdbOnRISCV() throws {
        let output = try debug(
            Guest.riscv, "--firmware none --harts 2",
            [
                "break *0x80000018", "continue", "info threads", "p/x $t0", "p $ft0.double", "p/x $mscratch", "p $priv",
                "stepi", "p $ft1.double", "set $t0 = 99", "p $t0", "set $ft1.double = 1.5", "p $ft1",
                "set {int}0x80000100 = 0x11223344", "x/1wx 0x80000100", "x/2i $pc", "monitor harts",
                "set var $pc = 0x80000004", "stepi", "p/x $pc", "info all-registers mstatus", "thread 2", "p $mhartid",
                "set $mhartid = 5", "detach",
            ])
        guard let output else { return }
        expect(
            [
                "Breakpoint 1", "Thread 1.1 \"hart 0\" (M)", "\"hart 1\"", "$1 = 0x12345", "$2 = 74565", "$3 = 0x12345",
                "$4 = 3",
                "0x000000008000001c", "$5 = 149130", "$6 = 99", "{float = 0, double = 1.5}", "0x80000100:\t0x11223344",
                "fcvt.s.w\tfa0,t1", "$8 = 0x80000008", "mstatus", "Switching to thread 2", "$9 = 1",
            ], in: output)
        // What is not of the debugger's own comes by its standard error.
        expect(["hart 0  M"], in: output)
        expect(["mhartid cannot be written"], in: output)
        if let output = try debug(Guest.exits, "--firmware none", ["continue"]) {
            expect(["[Inferior 1 (process 1) exited with code 07]"], in: output)
        }
    }

    @Test("gdb-multiarch breaks, steps, reads and writes an AArch64 machine")
    func gdbOnAArch64() throws {
        let output = try debug(
            Guest.aarch64, "--machine aarch64-virt",
            [
                "break *0x40080024", "continue", "info threads", "p/x $x0", "p $v1.d.f[0]", "p $v2.s.f",
                "p/x $TPIDR_EL1",
                "p $cpsr", "stepi", "p/x $sp", "set $v3.d.u[0] = 0x99aabbccddeeff00",
                "set $v3.d.u[1] = 0x1122334455667788", "p/x $v3.q.u[0]",
                "set $x5 = -1", "p $x5", "set {long}0x40100000 = 0x1122334455667788", "x/1gx 0x40100000", "x/1i $pc",
                "set $cpsr = 0x600003c5", "p $cpsr", "p $CurrentEL", "set $VBAR_EL1 = 0x40090000", "p/x $VBAR_EL1",
                "monitor cpus", "set $MIDR_EL1 = 1", "detach",
            ])
        guard let output else { return }
        expect(
            [
                "Breakpoint 1", "\"CPU 0\" (EL2)", "$1 = 0xffff000000001234", "$2 = 2", "$3 = {2, 2, 2, 2}",
                "$4 = 0xffff000000001234", "EL=2 F I A D BTYPE=0 C N", "0x0000000040080028", "$6 = 0xffff000000001234",
                "$7 = 0x112233445566778899aabbccddeeff00", "$8 = -1", "0x40100000:\t0x1122334455667788",
                "msr\ttpidr_el0, x1",
                "EL=1 F I A D BTYPE=0 C Z", "$10 = 4", "$11 = 0x40090000",
            ], in: output)
        expect(["CPU 0  EL1"], in: output)
        expect(["MIDR_EL1 cannot be written"], in: output)
    }
}
