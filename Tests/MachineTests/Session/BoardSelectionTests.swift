import Foundation
import ISA
import JIT
import TestSupport
import Testing

@testable import Machine

/// A board without CPUs, for AArch64's programs.
private final class StubBoard: Board {
    static var catalogEntry: MachineCatalog.Entry {
        MachineCatalog.Entry(
            names: ["stub", "stubborn"], summary: "nothing but memory", architecture: .aarch64, firmware: .inFlash,
            processors: "CPUs", maximumProcessors: 1, memory: "all there is", devices: [], cpu: "none", features: [])
    }

    let memory = PhysicalMemory()
    let space: AddressSpace
    let clock: Clock
    let scheduler: Scheduler
    let processors: [any InspectableProcessor] = []
    let devices: [any Device] = []
    let request: MachineRequest? = nil
    let engine = Engine.interpreter
    let translator: HotCode? = nil
    let translationFigures: TranslationFigures? = nil
    let display: Display? = nil
    let ramBase: UInt64 = 0x4000_0000
    let loadRules: any LoadRules = AArch64LoadRules()
    let memorySize: UInt64

    init(_ description: MachineDescription, _ connections: BoardConnections) throws(InputError) {
        if let cpu = description.cpu { throw InputError(file: "--cpu", problem: "\(cpu) is no CPU of a stub") }
        memorySize = description.memorySize
        clock = connections.clock
        space = AddressSpace(memory: memory)
        scheduler = Scheduler(clock: clock)
        memory.addRegion(base: ramBase, size: memorySize)
    }

    static func checkCPU(_ text: String?) throws(InputError) {}

    func powerOn(_ plan: LoadPlan) throws(InputError) { try plan.load(into: memory) }

    func deviceTree(for plan: LoadPlan, bootArguments: String?) -> DeviceTree {
        var tree = DeviceTree()
        tree.setBootArguments(bootArguments)
        return tree
    }

    func offerToFirmware(kernel: InputFile?, initrd: InputFile?, commandLine: String?) {}
    func receiveBreak() {}
    func describeOwnState(_ visitor: inout some StateVisitor) {}
    func ownStateRestored() {}
    func translationListing(at address: UInt64) -> TranslationListing? { nil }
}

@Suite("Selection of a board")
struct BoardSelectionTests {
    private static var boards: [any Board.Type] { [RISCVVirt.self, StubBoard.self] }
    /// `python3 -c "gzip.compress(bytes(56) + b'ARM\x64' + bytes(4), mtime=0)"`
    private static let imageGzip: [UInt8] = [
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x63, 0x60, 0x20, 0x0f, 0x38, 0x06, 0xf9, 0xa6,
        0x80, 0x68, 0x00, 0xe4, 0x91, 0x84, 0xfb, 0x40, 0x00, 0x00, 0x00,
    ]

    private static func elf(_ machine: UInt16, at address: UInt64) -> [UInt8] {
        var builder = ELFBuilder.program(at: address)
        builder.machine = machine
        return builder.bytes()
    }

    /// What is built for these files: `RISCVVirt`, `StubBoard`, or a refusal.
    private func board(
        kernel: [UInt8], firmware: [UInt8]? = nil, _ configure: (inout MachineDescription) -> Void = { _ in }
    ) throws -> String {
        try ExternalTool.withTemporaryDirectory { directory in
            var description = MachineDescription()
            description.memory = ByteCount(4 << 20)
            description.kernel = directory + "/kernel"
            try Data(kernel).write(to: URL(fileURLWithPath: directory + "/kernel"))
            description.firmware = "none"
            if let firmware {
                description.firmware = directory + "/firmware"
                try Data(firmware).write(to: URL(fileURLWithPath: directory + "/firmware"))
            }
            configure(&description)
            do throws(InputError) {
                let session = try Session(description, boards: Self.boards)
                return "\(type(of: session.board))"
            } catch {
                return error.description
            }
        }
    }

    @Test("Where no machine is named, it is the one whose CPUs run the program")
    func byProgram() throws {
        #expect(try board(kernel: Self.elf(243, at: 0x8000_0000)) == "RISCVVirt")
        #expect(try board(kernel: Self.elf(183, at: 0x4010_0000)) == "StubBoard")
        #expect(try board(kernel: ImageFormatTests.header(magic: "RSC\u{05}")) == "RISCVVirt")
        #expect(try board(kernel: ImageFormatTests.header(magic: "ARM\u{64}")) == "StubBoard")
        #expect(try board(kernel: Self.imageGzip) == "StubBoard")
        #expect(try board(kernel: [1, 2, 3, 4]) == "RISCVVirt", "raw bytes do not say")
        #expect(try board(kernel: [1, 2, 3, 4], firmware: Self.elf(243, at: 0x8000_0000)) == "RISCVVirt")
        #expect(
            try board(kernel: [1, 2, 3, 4], firmware: Self.elf(183, at: 0x4000_0000)).contains(
                "is an ELF file, and firmware of this machine is what its flash holds"))
        // EM_X86_64
        #expect(
            try board(kernel: Self.elf(62, at: 0x8000_0000)).contains(
                "is for x86-64, and this machine is RISC-V. Build it for riscv64, or choose another --machine."))
    }

    @Test("A machine that is named is built, and runs its own programs only")
    func byName() throws {
        for name in ["virt", "riscv-virt"] {
            #expect(try board(kernel: [1, 2, 3, 4]) { $0.machine = name } == "RISCVVirt")
            #expect(
                try board(kernel: Self.elf(183, at: 0x4010_0000)) { $0.machine = name }.contains(
                    "is for AArch64, and this machine is RISC-V"))
        }
        for name in ["stub", "stubborn"] {
            #expect(try board(kernel: [1, 2, 3, 4]) { $0.machine = name } == "StubBoard")
        }
        #expect(
            try board(kernel: [1]) { $0.machine = "stubborm" }
                == "--machine: there is no machine \"stubborm\". Did you mean stubborn?")
        #expect(
            try board(kernel: [1]) { $0.machine = "spike" }
                == "--machine: there is no machine \"spike\". `orrery machines` lists them.")
    }

    @Test("The CPU is the board's to read")
    func cpu() throws {
        let text = try board(kernel: [1]) {
            $0.machine = "stub"
            $0.cpu = "rv64"
        }
        #expect(text == "--cpu: rv64 is no CPU of a stub")
    }

    @Test("Firmware that comes with the emulator is asked for on boards that start by it, and on no other")
    func firmware() throws {
        try ExternalTool.withTemporaryDirectory { directory in
            try Data([1, 2, 3, 4]).write(to: URL(fileURLWithPath: directory + "/kernel"))
            var asked: [String] = []
            func firmware(of machine: String) -> InputFile {
                asked.append(machine)
                return InputFile(name: "firmware", bytes: [0x6f, 0, 0, 0])
            }
            for machine in ["stub", "virt"] {
                var description = MachineDescription()
                description.machine = machine
                description.kernel = directory + "/kernel"
                let session = try Session(
                    description, boards: Self.boards, builtInFirmware: firmware(of: machine))
                #expect(session.plan.placements.contains { $0.role == .firmware } == (machine == "virt"))
            }
            #expect(asked == ["virt"])
        }
    }
}
