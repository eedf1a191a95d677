import AArch64ISA
import Foundation
import ISA
import TestSupport
import Testing

@testable import Machine

/// The sequence of watchpoints' hits in a program is the one that QEMU's gdb stub tells of.
@Suite(
    "Stops for debuggers, as on QEMU",
    .enabled(if: ExternalTool.path("qemu-system-riscv64") != nil, "install qemu-system-misc"),
    .enabled(if: ExternalTool.path("qemu-system-aarch64") != nil, "install qemu-system-arm"))
struct DebugStopsReferenceTests {
    /// A loop of loads, stores and atomic updates around what is watched.
    private struct Program {
        let words: [UInt32]
        let base: UInt64
        /// Behind SC and STXR.
        let conditionalStoreEnd: UInt64
        let arguments: [String]
        var data: UInt64 { base + 0x8000 }
    }

    private static func program(_ architecture: DebuggedMachine.Architecture) -> Program {
        switch architecture {
        case .riscv:
            var assembler = RISCVAssembler(base: 0x8000_0000)
            assembler.emit("auipc", rd: 12, 0x8000)
            assembler.label("loop")
            assembler.emit("addi", rd: 10, rs1: 10, 1)
            assembler.emit("sd", rs1: 12, rs2: 10, 0)
            assembler.emit("ld", rd: 11, rs1: 12, 8)
            assembler.emit("amoadd.d", rd: 13, rs1: 12, rs2: 10)
            assembler.emit("sb", rs1: 12, rs2: 10, 15)
            assembler.emit("lw", rd: 14, rs1: 12, 4)
            assembler.emit("lr.d", rd: 15, rs1: 12)
            assembler.emit("sc.d", rd: 16, rs1: 12, rs2: 15)
            assembler.emit("sh", rs1: 12, rs2: 10, 10)
            assembler.emit("jal", to: "loop")
            assembler.finish()
            let words = stride(from: 0, to: assembler.bytes.count, by: 4).map { place in
                (0..<4).reduce(0 as UInt32) { $0 | UInt32(assembler.bytes[place + $1]) << UInt32(8 * $1) }
            }
            return Program(
                words: words, base: 0x8000_0000, conditionalStoreEnd: 0x8000_0024,
                arguments: ["qemu-system-riscv64", "-bios", "none", "-device", "loader,file=@,addr=0x80000000"])
        case .aarch64:
            let words: [UInt32] = [
                0xd290_0001,  // movz x1, #0x8000
                0xf2a8_0401,  // movk x1, #0x4020, lsl #16
                0x9100_0400,  // loop: add x0, x0, #1
                0xf900_0020,  // str x0, [x1]
                0xf940_0422,  // ldr x2, [x1, #8]
                0xa940_0c22,  // ldp x2, x3, [x1]
                0xa901_0c22,  // stp x2, x3, [x1, #16]
                0xf820_0023,  // ldadd x0, x3, [x1]
                0x3900_3c20,  // strb w0, [x1, #15]
                0xb940_0424,  // ldr w4, [x1, #4]
                0xc85f_7c25,  // ldxr x5, [x1]
                0xc806_7c25,  // stxr w6, x5, [x1]
                0x7900_1420,  // strh w0, [x1, #10]
                0x17ff_fff5,  // b loop
            ]
            return Program(
                // QEMU has the device tree at the beginning of memory.
                words: words, base: 0x4020_0000, conditionalStoreEnd: 0x4020_0030,
                arguments: [
                    "qemu-system-aarch64", "-cpu", "max", "-device",
                    "loader,file=@,addr=0x40200000,force-raw=on,cpu-num=0",
                ])
        }
    }

    private final class Observer: DebugObserver {
        /// Behind each instruction that makes such an access.
        var ends: [UInt64] = []
        override func shouldStop(_ processor: (any TranslatableProcessor)?, at access: DebugAccess) -> Bool {
            if let processor { ends.append(processor.core.pointee.programCounter + 4) }
            return false
        }
    }

    private static func ours(
        _ architecture: DebuggedMachine.Architecture, _ program: Program, _ engine: Engine, _ watchpoint: Watchpoint
    ) throws -> [UInt64] {
        var description = MachineDescription()
        (description.engine, description.jitThreshold) = (engine, Count(1))
        if architecture == .aarch64 { description.cpu = "max" }
        let connections = BoardConnections(console: NoConsole())
        let board: any Board =
            architecture == .riscv
            ? try RISCVVirt(description, connections) : try AArch64Virt(description, connections)
        var words = program.words
        #expect(board.memory.write(program.base, from: &words, count: 4 * words.count))
        let observer = Observer()
        board.memory.stops.observer = observer
        board.memory.stops.insert(watchpoint)
        if let hart = board.processors[0] as? RISCV.Hart {
            hart.state.pointee.halted = false
            hart.core.pointee.programCounter = program.base
            hart.run(400)
        } else if let element = board.processors[0] as? AArch64.ProcessingElement {
            element.start(at: program.base, argument: 0)
            element.run(400)
        }
        return observer.ends
    }

    @Test(
        "Reads, writes and both of a range are told in the same order",
        arguments: DebuggedMachine.Architecture.allCases,
        [("Z2", 2), ("Z3", 1), ("Z4", 3)] as [(String, UInt8)])
    func sequence(architecture: DebuggedMachine.Architecture, kind: (packet: String, kinds: UInt8)) throws {
        let program = Self.program(architecture)
        let watched = program.data + 4
        var theirs = try ExternalTool.withTemporaryDirectory { directory in
            let file = directory + "/program"
            var words = program.words
            try Data(bytes: &words, count: 4 * words.count).write(to: URL(fileURLWithPath: file))
            let arguments = program.arguments.map { $0.replacingOccurrences(of: "@", with: file) }
            let stub = try GDBStub(arguments + ["-machine", "virt", "-m", "128M"], in: directory)
            defer { stub.end() }
            _ = try stub.send("?")
            let point = "\(kind.packet.dropFirst()),\(String(watched, radix: 16)),8"
            return try (0..<30).map { _ in
                #expect(try stub.send("Z\(point)") == "OK")
                let reply = try stub.send("c")
                #expect(reply.hasPrefix("T05"), "QEMU stopped with \(reply)")
                // It stops before the instruction, which is executed then without the watchpoint.
                #expect(try stub.send("z\(point)") == "OK")
                #expect(try stub.send("s").hasPrefix("T05"))
                return try stub.programCounter()
            }
        }
        // QEMU makes a conditional store by a compare-and-swap of the host, which reads; the manuals' does not.
        if kind.kinds == DebugAccess.Kinds.read.rawValue { theirs.removeAll { $0 == program.conditionalStoreEnd } }
        let watchpoint = Watchpoint(at: watched, count: 8, .virtual, DebugAccess.Kinds(rawValue: kind.kinds))
        for engine in Engine.allCases {
            let ours = try Self.ours(architecture, program, engine, watchpoint)
            let text = { (places: ArraySlice<UInt64>) in places.map { String($0 &- program.base, radix: 16) } }
            #expect(text(ours.prefix(theirs.count)) == text(theirs[...]), "\(engine)")
        }
    }
}

/// QEMU as a server of GDB's remote protocol ("Remote Protocol" of GDB's manual), at a Unix socket.
private final class GDBStub {
    private let process = Process()
    private let socket: Int32

    struct Failure: Error { let what: String }

    init(_ arguments: [String], in directory: String) throws {
        let path = directory + "/gdb"
        process.executableURL = URL(fileURLWithPath: ExternalTool.path(arguments[0]) ?? arguments[0])
        process.arguments =
            arguments.dropFirst() + [
                "-S", "-display", "none", "-serial", "null", "-monitor", "none", "-chardev",
                "socket,path=\(path),server=on,wait=off,id=gdb", "-gdb", "chardev:gdb",
            ]
        process.standardInput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        // It listens within a moment, which on a busy host may be long.
        for _ in 0..<600 {
            let result = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            if result == 0 { return }
            usleep(50_000)
        }
        throw Failure(what: "QEMU does not listen at \(path)")
    }

    func end() {
        close(socket)
        // Threads of tests have other signals blocked, and what they start has, too.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    private func byte() throws -> UInt8 {
        var byte: UInt8 = 0
        guard read(socket, &byte, 1) == 1 else { throw Failure(what: "QEMU hangs up") }
        return byte
    }

    /// Sends a packet, and gives the reply's content.
    func send(_ content: String) throws -> String {
        let sum = content.utf8.reduce(0 as UInt8) { $0 &+ $1 }
        let packet = Array("$\(content)#\(sum < 16 ? "0" : "")\(String(sum, radix: 16))".utf8)
        guard write(socket, packet, packet.count) == packet.count else { throw Failure(what: "QEMU takes no packet") }
        while try byte() != UInt8(ascii: "$") {}
        var reply: [UInt8] = []
        while true {
            let next = try byte()
            if next == UInt8(ascii: "#") { break }
            reply.append(next)
        }
        _ = (try byte(), try byte())
        guard write(socket, "+", 1) == 1 else { throw Failure(what: "QEMU takes no acknowledgement") }
        return String(decoding: reply, as: UTF8.self)
    }

    /// Register 32 of both architectures, behind as many of 64 bits, little-endian.
    func programCounter() throws -> UInt64 {
        let digits = Array(try send("g"))
        guard digits.count >= 33 * 16 else { throw Failure(what: "QEMU's registers are \(String(digits))") }
        return (0..<8).reduce(0) { value, index in
            let place = 32 * 16 + 2 * index
            return value | (UInt64(String(digits[place...place + 1]), radix: 16) ?? 0) << UInt64(8 * index)
        }
    }
}
