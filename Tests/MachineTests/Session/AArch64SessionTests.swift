import AArch64ISA
import Foundation
import ISA
import TestSupport
import Testing

@testable import Machine

/// Machines that run a few words of A64, raw bytes at 0x40080000 that are entered at EL2.
enum TinyA64Guest {
    static func run<T>(
        _ words: [UInt32], _ configure: (inout MachineDescription) -> Void = { _ in },
        _ body: (Session, Session.Conclusion) throws -> T
    ) throws -> T {
        try load(words, configure) { try body($0, $0.run()) }
    }

    static func load<T>(
        _ words: [UInt32], _ configure: (inout MachineDescription) -> Void = { _ in }, _ body: (Session) throws -> T
    ) throws -> T {
        try ExternalTool.withTemporaryDirectory { directory in
            var description = MachineDescription()
            description.machine = "aarch64-virt"
            description.kernel = directory + "/guest.bin"
            description.memory = ByteCount(4 << 20)
            description.maxInstructions = Count(100_000)
            let bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
            try Data(bytes).write(to: URL(fileURLWithPath: directory + "/guest.bin"))
            configure(&description)
            return try body(try Session(description))
        }
    }

    /// Powers off by PSCI's SYSTEM_OFF: the third instruction is the call.
    static let powerOff: [UInt32] = [
        0xd280_0100,  // mov  x0, #8
        0xf2b0_8000,  // movk x0, #0x8400, lsl #16
        0xd400_0003,  // smc  #0
        0x1400_0000,  // b    .
    ]
}

extension Session {
    /// The first PE of AArch64's board.
    fileprivate var element: AArch64.ProcessingElement {
        get throws { try #require(board as? AArch64Virt).elements[0] }
    }
}

@Suite("Session on AArch64's board")
struct AArch64SessionTests {
    @Test("Raw bytes are entered at EL2 with the device tree's address in X0, and PSCI ends the run")
    func start() throws {
        try TinyA64Guest.load([0xd503_201f] + TinyA64Guest.powerOff) { session in
            let element = try session.element
            #expect(element.programCounter == 0x4008_0000)
            #expect(element.privilegeText == "EL2")
            let tree = element.generalRegister(0)
            #expect(tree == session.plan.deviceTree)
            var magic: UInt32 = 0
            // As the specification of device trees has it, big-endian (5.2).
            #expect(session.board.memory.read(tree, into: &magic, count: 4) && magic == 0xedfe_0dd0)
            #expect(session.run() == .exited(status: 0))
            #expect(session.board.executed == 4)
        }
    }

    @Test("Without EL2 it is entered at EL1, and calls of the firmware are HVC")
    func withoutEL2() throws {
        var words = TinyA64Guest.powerOff
        words[2] = 0xd400_0002  // hvc #0
        try TinyA64Guest.load(words, { $0.cpu = "cortex-a57,el2=off" }) { session in
            let element = try session.element
            #expect(element.privilegeText == "EL1")
            #expect(session.run() == .exited(status: 0))
        }
    }

    @Test(
        "The tree promises PSCI to what firmware hands over to, and not to a program that begins at EL3",
        arguments: [("aarch64-virt", true), ("aarch64-virt,secure=on", false)])
    func firmware(machine: String, hasPSCI: Bool) throws {
        let entry: UInt64 = 0x4008_0000
        var program = ELFBuilder.program(at: entry, [0, 0, 0, 0x14])
        program.machine = 183  // EM_AARCH64
        try ExternalTool.withTemporaryDirectory { directory in
            let path = directory + "/guest.elf"
            try Data(program.bytes()).write(to: URL(fileURLWithPath: path))
            try TinyA64Guest.load(
                [],
                {
                    $0.machine = machine
                    $0.harts = 2
                    $0.kernel = path
                }
            ) { session in
                #expect(try session.element.privilegeText == (hasPSCI ? "EL2" : "EL3"))
                let source = try session.deviceTreeSource()
                #expect(source.contains("arm,psci") == hasPSCI)
                #expect(source.contains("enable-method") == hasPSCI)
            }
        }
        try TinyA64Guest.load(TinyA64Guest.powerOff, { $0.machine = machine }) { session in
            let source = try session.deviceTreeSource()
            #expect(source.contains("arm,psci"), "an image is what firmware hands over to")
        }
    }

    @Test("A CPU is named, or its name and options are told")
    func cpu() throws {
        func refusal(_ cpu: String) -> String {
            do throws(InputError) {
                _ = try AArch64.CPUModel(cpu: cpu)
                return "accepted"
            } catch {
                return error.description
            }
        }
        let (standard, named) = (try AArch64.CPUModel(cpu: nil), try AArch64.CPUModel(cpu: "cortex-a72"))
        #expect(standard.name == "max")
        #expect(named.name == "cortex-a72" && named.features.contains(.el2))
        #expect(refusal("cortex-a71") == "--cpu: there is no CPU \"cortex-a71\". Did you mean cortex-a72?")
        #expect(refusal("").hasPrefix("--cpu: there is no CPU \"\". There are cortex-a53,"))
        #expect(
            refusal("max,sve=on")
                == "--cpu: \"sve=on\" is no option of max. There are el2, pauth, pauth-impdef, lpa2 and nested, =on or =off."
        )
        #expect(
            refusal("cortex-a72,pauth=off")
                == "--cpu: \"pauth=off\" is no option of cortex-a72. There is el2, =on or =off.")
        #expect(refusal("max,paut=off") == "--cpu: \"paut=off\" is no option of max. Did you mean pauth?")
        #expect(
            refusal("max,pauth=yes")
                == "--cpu: pauth is \"yes\", and must be on or off. Write pauth=on or pauth=off.")
        #expect(
            refusal("max,pauth") == "--cpu: pauth is neither, and must be on or off. Write pauth=on or pauth=off.")
        #expect(
            refusal("max,pauth=off,pauth-impdef=on")
                == "--cpu: pauth-impdef=on chooses an algorithm, and pauth=off has no use for one. "
                + "Leave out one of both.")
    }

    @Test("ID_AA64MMFR0_EL1 tells of 52-bit addresses with small pages, unless lpa2=off, as QEMU's does")
    func largeAddresses() throws {
        // BigEnd and SNSMem, which QEMU has besides, are 0.
        for (cpu, register): (String, UInt64) in [
            ("max", 0x323_1020_0026), ("max,lpa2=on", 0x323_1020_0026), ("max,lpa2=off", 0x222_0010_0026),
        ] {
            var words = TinyA64Guest.powerOff
            words.insert(0xd538_0705, at: 0)  // mrs x5, id_aa64mmfr0_el1
            try TinyA64Guest.run(words, { $0.cpu = cpu }) { session, conclusion in
                #expect(conclusion == .exited(status: 0))
                let value = try session.element.state.pointee.core.registers[5]
                #expect(value == register, "got \(hexadecimal(value))")
            }
        }
    }

    @Test(
        "ID_AA64MMFR2_EL1 tells of FEAT_NV2 where there is EL2, unless nested=off",
        arguments: [
            ("max", 2), ("max,nested=on", 2), ("max,nested=off", 0), ("max,el2=off", 0), ("neoverse-n1", 0),
            ("cortex-a72", 0),
        ] as [(String, UInt64)])
    func nestedVirtualization(cpu: String, field: UInt64) throws {
        var words = TinyA64Guest.powerOff
        words.insert(0xd538_0745, at: 0)  // mrs x5, id_aa64mmfr2_el1
        if cpu.contains("el2=off") { words[3] = 0xd400_0002 }  // hvc #0
        try TinyA64Guest.run(words, { $0.cpu = cpu }) { session, conclusion in
            #expect(conclusion == .exited(status: 0))
            let value = try session.element.state.pointee.core.registers[5]
            #expect(value >> 24 & 15 == field, "got \(hexadecimal(value))")
        }
    }

    @Test(
        "ID_AA64ISAR1_EL1 tells which algorithm signs pointers, if one does, as QEMU's does with the same options",
        arguments: [
            // APA and GPA are QARMA5, API and GPI an algorithm of the implementation's: DDI 0487, ID_AA64ISAR1_EL1.
            ("max", 1 << 4 | 1 << 24), ("max,pauth=on", 1 << 4 | 1 << 24), ("max,pauth=off", 0),
            ("max,pauth-impdef=on", 1 << 8 | 1 << 28), ("max,pauth-impdef=off", 1 << 4 | 1 << 24),
            ("max,el2=off,pauth=off", 0), ("cortex-a72", 0),
        ] as [(String, UInt64)])
    func pointerAuthentication(cpu: String, fields: UInt64) throws {
        var words = TinyA64Guest.powerOff
        words.insert(0xd538_0625, at: 0)  // mrs x5, id_aa64isar1_el1
        if cpu.contains("el2=off") { words[3] = 0xd400_0002 }  // hvc #0
        try TinyA64Guest.run(words, { $0.cpu = cpu }) { session, conclusion in
            #expect(conclusion == .exited(status: 0))
            let register = try session.element.state.pointee.core.registers[5]
            #expect(register & (0xff << 4 | 0xff << 24) == fields, "got \(hexadecimal(register))")
        }
    }

    @Test("More CPUs or memory than the board or the CPU can have are refused")
    func limits() throws {
        func refusal(_ configure: @escaping (inout MachineDescription) -> Void) throws -> String {
            do {
                return try TinyA64Guest.load(TinyA64Guest.powerOff, configure) { _ in "accepted" }
            } catch let error as InputError {
                return error.description
            }
        }
        #expect(
            try refusal { $0.harts = 9 }
                == "--harts: 9 CPUs, and this machine has at most 8. Give another number.")
        let large = try refusal {
            $0.cpu = "cortex-a53"
            $0.memory = ByteCount(1 << 40)
        }
        #expect(
            large
                == "--memory: 1T at 0x40000000 end beyond the 40 bits of this CPU's addresses. Ask for less.")
    }

    @Test("Firmware is what the first flash bank holds, and starts at address 0")
    func firmware() throws {
        try ExternalTool.withTemporaryDirectory { directory in
            let path = directory + "/flash"
            let bytes = TinyA64Guest.powerOff.flatMap { word in
                (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
            }
            try Data(bytes + [UInt8](repeating: 0, count: 4096)).write(to: URL(fileURLWithPath: path))
            var description = MachineDescription()
            description.machine = "aarch64-virt"
            #expect(!description.hasProgram)
            description.flash = [.init(path: path, isReadOnly: true)]
            #expect(description.hasProgram)
            #expect(try Session(description).run() == .exited(status: 0))
            description.flash = []
            description.firmware = path
            // A kernel is the firmware's to start: it finds it by fw_cfg.
            description.kernel = path
            let session = try Session(description)
            #expect(session.plan.entry == 0)
            #expect(session.board.space.write(0x902_0008, size: 2, value: 0x0800))  // The kernel's size.
            #expect(session.board.space.read(0x902_0000, size: 4) == UInt64(bytes.count + 4096))
            #expect(session.run() == .exited(status: 0))
            description.flash = [.init(path: path)]
            #expect(throws: InputError.self) { try Session(description) }
        }
    }

    /// The first CPU starts the second one; then they wake each other by events, until the first has gone round 300 times.
    private static let pingPong: [UInt32] = [
        0xd280_0060,  // mov  x0, #3
        0xf2b8_8000,  // movk x0, #0xc400, lsl #16 (CPU_ON)
        0xd280_0021,  // mov  x1, #1
        0x1000_01a2,  // adr  x2, .+52
        0xd280_00e3,  // mov  x3, #7
        0xd400_0003,  // smc  #0
        0xd280_258a,  // mov  x10, #300
        0xd503_209f,  // sev
        0xd503_205f,  // wfe
        0xd503_205f,  // wfe
        0xd100_054a,  // sub  x10, x10, #1
        0xb5ff_ff8a,  // cbnz x10, .-16
        0xd280_0100,  // mov  x0, #8
        0xf2b0_8000,  // movk x0, #0x8400, lsl #16
        0xd400_0003,  // smc  #0
        0x1400_0000,  // b    .
        0xd503_209f,  // sev
        0xd503_205f,  // wfe
        0xd503_205f,  // wfe
        0x8b00_016b,  // add  x11, x11, x0
        0x17ff_fffc,  // b    .-16
    ]

    @Test("A traced run is the same run, also where CPUs give up their turns")
    func traced() throws {
        func hash(traces: Bool) throws -> (UInt64, UInt64) {
            try TinyA64Guest.load(Self.pingPong, { $0.harts = 2 }) { session in
                var lines = 0
                let tracer = traces ? try Tracer(session, TraceOptions()) { _ in lines += 1 } : nil
                #expect(session.run() == .exited(status: 0))
                let element = try session.element
                #expect(element.generalRegister(10) == 0)
                if traces { #expect(lines >= 300 * 5) }
                return withExtendedLifetime(tracer) { (session.board.stateHash, session.board.executed) }
            }
        }
        #expect(try hash(traces: true) == hash(traces: false))
    }

    @Test("The monitor shows registers, levels and translations of AArch64")
    func monitor() throws {
        try TinyA64Guest.load(TinyA64Guest.powerOff) { session in
            let monitor = Monitor(session)
            func says(_ command: String) -> [String] {
                monitor.execute(command).text.split(separator: "\n").map(String.init)
            }
            #expect(says("cpus") == ["CPU 0  EL2         0x40080000                        runs"])
            #expect(says("translate pc as EL1") == ["regime EL1&0", "physical 0x40080000"])
            #expect(says("translate pc as HS") == ["\"HS\" is no mode: there are EL0, EL1, EL2 and EL3."])
            let instructions = says("disassemble pc 3")
            #expect(instructions.last == "  0x0000000040080008:  d4000003  smc #0")
            let registers = says("registers")
            #expect(registers.first == "CPU 0  EL2  pc 0x40080000")
            #expect(registers.contains("DAIF               00000000000003c0  D A I F"))
            #expect(says("memory vbar_el2 4").first?.hasPrefix("0x0000000000000000:  00 00 00 00") ?? false)
        }
    }

    @Test("Modules are in memory where the tree says, kernels told from RAM disks")
    func modules() throws {
        try ExternalTool.withTemporaryDirectory { directory in
            let kernel = ImageFormatTests.header(magic: "ARM\u{64}")
            for (name, bytes) in [("Image", kernel), ("raw", [1, 2, 3]), ("disk", [4, 5])] {
                try Data(bytes).write(to: URL(fileURLWithPath: directory + "/" + name))
            }
            let modules = ["Image", "raw,quiet", "disk"]
            try TinyA64Guest.load(TinyA64Guest.powerOff) {
                $0.memory = ByteCount(32 << 20)
                try? $0.set(.module, modules.map { directory + "/" + $0 })
            } _: { session in
                #expect(session.description.modules.count == 3)
                let blob = try #require(session.plan.placements.first { $0.role == .deviceTree })
                let tree = try DeviceTree(InputFile(name: "tree", bytes: Array(blob.bytes)))
                let chosen = try #require(tree.node(at: "/chosen"))
                let nodes = chosen.children.filter { $0.name.hasPrefix("module@") }
                let kinds = ["multiboot,kernel", "multiboot,kernel", "multiboot,ramdisk"]
                #expect(nodes.map { $0.strings("compatible")?.last } == kinds)
                #expect(nodes.map { $0.string("bootargs") } == [nil, "quiet", nil])
                for (node, bytes) in zip(nodes, [kernel, [1, 2, 3], [4, 5]]) {
                    let cells = try #require(node.cells("reg"))
                    #expect(cells.count == 4 && cells[3] == bytes.count)
                    let host = try #require(session.board.memory.host(UInt64(cells[1]), count: UInt64(bytes.count)))
                    #expect(Array(UnsafeRawBufferPointer(start: host, count: bytes.count)) == bytes)
                }
            }
        }
    }

    @Test("Comparisons see every field of a PE's state that does not follow from others")
    func state() throws {
        try TinyA64Guest.load(TinyA64Guest.powerOff) { session in
            let (element, memory) = (try session.element, session.board.memory)
            let state = element.state
            let before = MachineState.Section.listing(element, memory)
            func isSeen() -> Bool { !MachineState.Section.listing(element, memory).names(unlike: before).isEmpty }
            typealias State = AArch64.State
            func bytes<T>(_ path: KeyPath<State, T>, _ range: Range<Int>) -> Range<Int> {
                let offset = MemoryLayout<State>.offset(of: path) ?? 0
                return offset + range.lowerBound..<offset + range.upperBound
            }
            // There is no EL3. The selected SP is register 33. Booleans are bytes. Contexts follow from the rest.
            let levels: [KeyPath<State, InlineArray<4, UInt64>>] = [
                \.sp, \.elr, \.spsr, \.esr, \.far, \.vbar, \.sctlr, \.ttbr0, \.ttbr1, \.tcr, \.mair, \.contextidr,
                \.tpidr,
            ]
            let others =
                levels.map { bytes($0, 24..<32) } + [
                    bytes(\.sp, 16..<24), bytes(\.halted, 1..<5), bytes(\.osLock, 1..<8),
                    bytes(\.monitorsAreActive, 0..<8), bytes(\.timerControl, 32..<40), bytes(\.timerCompare, 32..<40),
                ]
            let all = bytes(\.pstate, 0..<0).lowerBound..<bytes(\.contexts, 0..<0).lowerBound
            for place in all where !others.contains(where: { $0.contains(place) }) {
                let byte = UnsafeMutableRawPointer(state) + place
                let old = byte.load(as: UInt8.self)
                byte.storeBytes(of: old ^ 1, as: UInt8.self)
                #expect(isSeen(), "byte \(place) of the state")
                byte.storeBytes(of: old, as: UInt8.self)
            }
            for number in Array(0..<31) + [33] {
                state.pointee.core.registers[number] ^= 1
                let name = number == 33 ? "sp_el2" : "x\(number)"
                #expect(MachineState.Section.listing(element, memory).names(unlike: before) == [name])
                state.pointee.core.registers[number] ^= 1
            }
            for number in 0..<64 {
                state.pointee.core.vectors[number] ^= 1
                let name = "v\(number / 2).d[\(number % 2)]"
                #expect(MachineState.Section.listing(element, memory).names(unlike: before) == [name])
                state.pointee.core.vectors[number] ^= 1
            }
            #expect(!isSeen())
        }
    }
}
