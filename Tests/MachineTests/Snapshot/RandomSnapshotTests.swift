import AArch64ISA
import ISA
import TestSupport
import Testing

@testable import Machine

/// States of boards whose devices were filled at random, and what becomes of them when they are damaged.
@Suite("Snapshots of boards at random")
struct RandomSnapshotTests {
    /// A kind of board, small.
    enum Kind: String, CaseIterable, Sendable {
        case riscv, riscvLegacy, riscvPCI, gicv2, gicv2PCI, gicv3, secure2, secure3

        func make(_ engine: Engine = .interpreter) throws -> any Board {
            let board: any Board
            let virtio: VirtIOBus =
                switch self {
                case .riscvPCI, .gicv2PCI, .gicv3: .pci
                case .riscvLegacy: .legacy
                default: .mmio
                }
            switch self {
            case .riscv, .riscvLegacy, .riscvPCI:
                var configuration = RISCVVirt.Configuration(console: MemoryConsole())
                configuration.cpus = self == .riscv ? 3 : 1
                configuration.set(virtio, engine)
                board = try RISCVVirt(configuration)
            default:
                var configuration = AArch64Virt.Configuration(
                    cpu: try #require(AArch64.CPUModel.named("max")), console: MemoryConsole())
                configuration.cpus = self == .gicv3 ? 3 : 2
                configuration.set(virtio, engine)
                let isThree = self == .gicv3 || self == .secure3
                board = try AArch64Virt(
                    configuration, gicVersion: isThree ? .three : .two,
                    secure: self == .secure2 || self == .secure3 ? .on : .off)
            }
            let isRISCV = board is RISCVVirt
            let words = isRISCV ? Self.riscvLoop : Self.armLoop
            let bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
            let plan = try LoadPlan(
                memory: LoadPlan.Memory(base: board.ramBase, size: board.memorySize), rules: board.loadRules,
                kernel: LoadableImage(
                    InputFile(name: "loop", bytes: bytes), machine: isRISCV ? .riscv : .aarch64, limit: 1 << 20))
            try board.powerOn(plan)
            return board
        }

        /// csrr t0, mhartid; auipc t1, 1; 1: amoadd.w t3, t0, (t1); mul s1, s1, t3; addi s1, s1, 1; sd s1, 8(t1); j 1b
        private static let riscvLoop: [UInt32] = [
            0xf140_22f3, 0x0000_1317, 0x0053_2e2f, 0x03c4_84b3, 0x0014_8493, 0x0093_3423, 0xff1f_f06f,
        ]
        /// adr x1, .+0x1000; 1: ldr x2, [x1]; add x2, x2, #1; str x2, [x1]; mrs x3, CNTVCT_EL0; b 1b
        private static let armLoop: [UInt32] = [
            0x1000_8001, 0xf940_0022, 0x9100_0442, 0xf900_0022, 0xd53b_e043, 0x17ff_fffc,
        ]
    }

    /// Reads and writes registers of all devices at random.
    /// - Returns: what was read.
    private func drive(_ board: any Board, _ random: inout SplitMix64, _ count: Int) -> [UInt64?] {
        let mappings = board.space.mappings
        var read: [UInt64?] = []
        for _ in 0..<count {
            let mapping = random.pick(mappings)
            let size = random.pick([1, 2, 4, 4, 4, 8])
            let range = random.chance(70) ? min(mapping.size, 0x400) : mapping.size
            let page = random.chance(30) ? random.below(min(mapping.size, 0x4_0000) / 0x1000 + 1) * 0x1000 : 0
            let offset = min(page + random.below(range), mapping.size - 8) & ~UInt64(size - 1)
            var value = random.next()
            switch random.below(5) {
            case 0: value = 1 << random.below(64 as UInt64)
            case 1: value = random.below(16 as UInt64)
            case 2: value = ~0
            // Somewhere in memory, for queues and tables.
            case 3: value = board.ramBase + random.below(board.memorySize) & ~0xfff
            default: break
            }
            if random.chance(50) {
                read.append(board.space.read(mapping.base + offset, size: size))
            } else {
                _ = board.space.write(mapping.base + offset, size: size, value: value)
            }
            if random.chance(2) { board.clock.skip(random.below(1_000_000 as UInt64)) }
        }
        return read
    }

    private func copyMemory(_ source: any Board, to target: any Board) {
        for (from, to) in zip(source.memory.regions, target.memory.regions) {
            to.host.copyMemory(from: from.host, byteCount: Int(from.size))
        }
    }

    @Test("Devices that were filled at random go on from a snapshot as without one", arguments: Kind.allCases)
    func devices(kind: Kind) throws {
        for seed: UInt64 in 1...6 {
            var random = SplitMix64(seed: seed)
            let first = try kind.make()
            _ = drive(first, &random, 4000)
            let state = first.state()
            let second = try kind.make()
            copyMemory(first, to: second)
            try second.restore(state)
            // Time has passed without the scheduler.
            second.clock.advance(to: first.clock.now)
            #expect(second.state() == state, "seed \(seed)")
            var other = random
            #expect(drive(first, &random, 4000) == drive(second, &other, 4000), "seed \(seed)")
            let (one, two) = (first.state(), second.state())
            let differing = zip(one.sections, two.sections).filter { $0 != $1 }.map(\.0.name)
            #expect(differing.isEmpty, "seed \(seed)")
        }
    }

    /// Damages a state.
    private func damage(_ state: inout MachineState, _ random: inout SplitMix64) {
        let section = random.below(state.sections.count)
        let count = state.sections[section].fields.count
        guard count > 0 else { return }
        let field = random.below(count)
        switch random.below(8) {
        case 0 where random.chance(20): state.sections.remove(at: section)
        case 0: state.sections[section].fields.remove(at: field)
        case 1: state.sections[section].fields.swapAt(field, random.below(count))
        case 2 where random.chance(20): state.sections.swapAt(section, random.below(state.sections.count))
        default:
            switch state.sections[section].fields[field].value {
            case .word(let word):
                let new = [
                    word ^ 1 << random.below(64 as UInt64), word ^ 1 << random.below(8 as UInt64), random.next(), ~0,
                    random.below(64 as UInt64), 1 << random.below(64 as UInt64),
                ]
                state.sections[section].fields[field].value = random.chance(3) ? .bytes([1]) : .word(random.pick(new))
            case .bytes(var bytes):
                if bytes.isEmpty || random.chance(20) {
                    bytes += (0..<random.below(100)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                } else if random.chance(30) {
                    bytes.removeLast(random.below(bytes.count) + 1)
                } else {
                    bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
                }
                state.sections[section].fields[field].value = .bytes(bytes)
            }
        }
    }

    @Test(
        "A damaged snapshot is refused, or makes a machine that runs and can be reset", arguments: Kind.allCases,
        [Engine.interpreter, .jit])
    func damaged(kind: Kind, engine: Engine) throws {
        var random = SplitMix64(seed: UInt64(kind.rawValue.utf8.reduce(7) { $0 * 31 + Int($1) }))
        let source = try kind.make(engine)
        _ = source.scheduler.round()
        _ = drive(source, &random, 3000)
        let state = source.state()
        let target = try kind.make(engine)
        copyMemory(source, to: target)
        var refused = 0, accepted = 0
        for turn in 0..<200 {
            var damaged = state
            // CPUs are few sections among many.
            for _ in 0...random.below(3) { damage(&damaged, &random) }
            if random.chance(50) {
                var part = MachineState(sections: Array(damaged.sections.prefix(target.processors.count)))
                damage(&part, &random)
                if part.sections.count == target.processors.count {
                    damaged.sections.replaceSubrange(0..<target.processors.count, with: part.sections)
                }
            }
            do throws(StateError) {
                try target.restore(damaged)
                accepted += 1
            } catch {
                #expect(!error.section.isEmpty && !error.description.isEmpty)
                refused += 1
            }
            for _ in 0..<4 { _ = target.scheduler.round(instructions: 2000) }
            _ = drive(target, &random, 60)
            for device in target.devices where random.chance(5) { device.reset() }
            if turn % 50 == 49 {
                for device in target.devices { device.reset() }
                try target.restore(state)
            }
        }
        #expect(refused > 20 && accepted > 20, "\(refused) refused, \(accepted) accepted")
    }
}

extension BoardConfiguration {
    fileprivate mutating func set(_ bus: VirtIOBus, _ engine: Engine) {
        virtio = bus
        self.engine = engine
        memorySize = 1 << 20
        hasDisplay = true
        network = MemoryNetwork()
        // Translated code soon.
        jitOptions.threshold = 2
    }
}
