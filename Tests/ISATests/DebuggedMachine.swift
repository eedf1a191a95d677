import AArch64ISA
import ISA
import Testing

@testable import Machine

/// A machine of either architecture that runs a random program of the conformance generators, with someone who looks at it.
final class DebuggedMachine {
    enum Architecture: String, CaseIterable, Sendable { case riscv, aarch64 }

    let board: any Board
    private(set) var stops: [Stop] = []
    /// What the observer is to be kept by.
    let recorder = Recorder()

    /// Where a turn ended before its time.
    struct Stop: Equatable, CustomStringConvertible {
        let position: UInt64
        let programCounter: UInt64
        var description: String { "\(position) at 0x\(String(programCounter, radix: 16))" }
    }

    /// Answers every question alike, and remembers it.
    final class Recorder: DebugObserver {
        var stops = false
        var breakpoints: [Stop] = []
        var accesses: [Access] = []

        override func shouldStop(_ processor: any TranslatableProcessor, atBreakpoint address: UInt64) -> Bool {
            breakpoints.append(Stop(position: processor.core.pointee.executed, programCounter: address))
            return stops
        }

        override func shouldStop(_ processor: (any TranslatableProcessor)?, at access: DebugAccess) -> Bool {
            let core = processor?.core.pointee
            accesses.append(
                Access(
                    position: core?.executed ?? 0, programCounter: core?.programCounter ?? 0, address: access.address,
                    size: access.size, kinds: access.kinds))
            return stops
        }
    }

    /// An access by an instruction.
    struct Access: Equatable, CustomStringConvertible {
        let position: UInt64
        let programCounter: UInt64
        let address: UInt64
        let size: UInt64
        let kinds: DebugAccess.Kinds
        var description: String {
            "\(position) at 0x\(String(programCounter, radix: 16)): "
                + (kinds == .read ? "read" : kinds == .write ? "write" : "update")
                + " of \(size) at 0x\(String(address, radix: 16))"
        }
    }

    init(_ architecture: Architecture, seed: UInt64, engine: Engine, blocks: Int = 4) throws {
        var description = MachineDescription()
        description.engine = engine
        description.jitThreshold = Count(1)
        let connections = BoardConnections(console: NoConsole())
        let elf: [UInt8]
        switch architecture {
        case .riscv:
            elf = RISCVRandomGenerator.program(seed: seed, index: 0, blocks: blocks).elf
            description.cpu = RISCVRandomGenerator.cpu
            board = try RISCVVirt(description, connections)
        case .aarch64:
            let source = try AArch64RandomSource(seed: seed, cpu: "max", isForQEMU: false)
            elf = source.program(0, blocks: blocks).elf
            (description.cpu, description.machine) = ("max", source.machine)
            board = try AArch64Virt(description, connections)
        }
        let image = try LoadableImage(
            InputFile(name: "random", bytes: elf), machine: board.architecture, limit: Int(board.memorySize))
        let plan = try LoadPlan(
            memory: LoadPlan.Memory(base: board.ramBase, size: board.memorySize), rules: board.loadRules,
            firmware: nil, kernel: image, initrd: nil)
        try board.powerOn(plan)
        board.memory.stops.observer = recorder
    }

    private var processor: any InspectableProcessor { board.processors[0] }
    var core: UnsafeMutablePointer<CoreState> {
        if let hart = processor as? RISCV.Hart { return hart.core }
        return (processor as! AArch64.ProcessingElement).core
    }
    private var isStopped: Bool {
        if let hart = processor as? RISCV.Hart { return hart.isStoppedByDebugger }
        return (processor as! AArch64.ProcessingElement).isStoppedByDebugger
    }
    /// Exceptions do not retire.
    var exceptions: UInt64 { core.pointee.trapped }
    var hasEnded: Bool { board.request != nil }

    /// Runs a turn of `count` instructions, and what is left of it after each stop.
    func turn(_ count: UInt64) {
        var left = count
        repeat {
            left -= processor.run(left)
            guard isStopped else { return }
            stops.append(Stop(position: processor.executed, programCounter: processor.programCounter))
        } while left > 0
    }

    /// Runs it to its end, in turns whose lengths follow from the seed, but no further than `limit` turns.
    func run(_ seed: UInt64, limit: Int = 400) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<limit where !hasEnded { turn(random.next() % (random.chance(20) ? 40 : 4000) + 1) }
    }

    /// What differs between the machines; empty where nothing does.
    static func differences(_ first: DebuggedMachine, _ second: DebuggedMachine) -> String {
        StateDifferences(first.board, second.board).shown.prefix(4)
            .map { "\($0.place) \($0.name): \($0.first), and \($0.second)" }.joined(separator: "; ")
    }
}

/// A run in single steps, and what each of them executed.
struct SteppedRun {
    var stops: [DebuggedMachine.Stop] = []
    /// Of RISC-V: what the instructions' own words say, and their registers.
    var accesses: [DebuggedMachine.Access] = []

    init(_ machine: DebuggedMachine, limit: Int = 1_000_000) {
        for _ in 0..<limit where !machine.hasEnded {
            let core = machine.core
            let step = DebuggedMachine.Stop(
                position: core.pointee.executed, programCounter: core.pointee.programCounter)
            let hart = machine.board.processors[0] as? RISCV.Hart
            let word = hart.flatMap { $0.instructionWord() }
            let registers = (0..<32).map { core.pointee.registers[$0] }
            let exceptions = machine.exceptions
            let isReserved = core.pointee.reservation != 0
            machine.turn(1)
            stops.append(step)
            guard let word, machine.exceptions == exceptions, core.pointee.executed > step.position else { continue }
            if let access = Self.access(word, registers, isReserved, after: core) {
                accesses.append(
                    DebuggedMachine.Access(
                        position: step.position, programCounter: step.programCounter, address: access.address,
                        size: access.size, kinds: access.kinds))
            }
        }
    }

    private static let decoder = RISCV.TemplateDecoder(.all)
    private static let sizes: [Character: UInt64] = ["b": 1, "h": 2, "w": 4, "d": 8, "q": 16]

    /// The access of an instruction by its mnemonic: volume I, "Load and Store Instructions", "Zalrsc", "Zaamo", "Zacas",
    /// "Cache-Block Zero"; volume II, "Hypervisor Virtual-Machine Load and Store Instructions".
    private static func access(
        _ word: UInt32, _ registers: [UInt64], _ isReserved: Bool, after core: UnsafeMutablePointer<CoreState>
    ) -> (address: UInt64, size: UInt64, kinds: DebugAccess.Kinds)? {
        guard let template = RISCV.Template.decoding(word & 3 == 3 ? word : word & 0xffff, decoder) else { return nil }
        func number(_ role: RISCV.Template.Role) -> Int {
            template.number(role, of: word) ?? template.impliedRegister(role) ?? 0
        }
        let base = registers[number(.rs1)]
        let displaced = base &+ UInt64(bitPattern: template.immediate(of: word))
        let parts = template.mnemonic.split(separator: ".").map(String.init)
        let size = { (name: String) in sizes[name.first ?? " "] ?? 0 }
        switch parts[0] {
        case "lb", "lh", "lw", "ld", "lbu", "lhu", "lwu": return (displaced, size(String(parts[0].dropFirst())), .read)
        case "flh", "flw", "fld": return (displaced, size(String(parts[0].dropFirst(2))), .read)
        case "sb", "sh", "sw", "sd": return (displaced, size(String(parts[0].dropFirst())), .write)
        case "fsh", "fsw", "fsd": return (displaced, size(String(parts[0].dropFirst(2))), .write)
        case "hlv", "hlvx": return (base, size(parts[1]), .read)
        case "hsv": return (base, size(parts[1]), .write)
        case "lr": return (base, size(parts[1]), .read)
        // Whether it has stored is in rd; in x0 it is lost.
        case "sc":
            let hasStored = number(.rd) == 0 ? isReserved : core.pointee.registers[number(.rd)] == 0
            return hasStored ? (base, size(parts[1]), .write) : nil
        case "cbo" where parts[1] == "zero": return (base & ~63, 64, .write)
        case let name where name.hasPrefix("amo"): return (base, size(parts[1]), [.read, .write])
        default: return nil
        }
    }
}
