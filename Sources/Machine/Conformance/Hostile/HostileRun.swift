import ISA

/// "A guest hurts only itself": a machine whose harts run one hostile program after another, until they have made as many
/// accesses as were asked for; then it is used for an ordinary program, which must run as on a new machine.
///
/// All follows from the seed, so that two runs end with the same state.
public final class HostileRun {
    public struct Outcome: Equatable, Sendable {
        /// Accesses to memory, devices and CSRs that the guests made, those that trapped among them.
        public var accesses: UInt64 = 0
        public var instructions: UInt64 = 0
        public var traps: UInt64 = 0
        public var deviceAccesses: UInt64 = 0
        /// Of all of the machine's state, after the hostile programs.
        public var stateHash: UInt64 = 0
        /// What the ordinary program printed; nil when it did not come to its end.
        public var afterwards: [String]?
    }

    private static let harts = 3
    private static let memorySize: UInt64 = 16 << 20
    /// Instructions that each hart may run of a chunk, and virtual time that it may take.
    private static let limit: UInt64 = 3000

    private let console = Console()
    private let board: RISCVVirt
    private var random: SplitMix64

    /// - Parameters:
    ///   - drive: a disk for the first VirtIO slot, which is not written to.
    ///   - machine: says which engine runs the guests; what else it says does not count.
    public init(
        seed: UInt64, drive: String?, on machine: MachineDescription = MachineDescription()
    ) throws(InputError) {
        random = SplitMix64(seed: seed)
        var configuration = RISCVVirt.Configuration(console: console)
        configuration.cpus = Self.harts
        configuration.memorySize = Self.memorySize
        configuration.seed = seed
        configuration.engine = machine.engine ?? .default
        configuration.jitOptions = machine.jitOptions
        configuration.hasDisplay = true
        if let drive { configuration.drives = [MachineDescription.Drive(path: drive, isSnapshot: true)] }
        configuration.network = NoNetwork()
        board = try RISCVVirt(configuration)
    }

    public func run(accesses: UInt64) throws(InputError) -> Outcome {
        var outcome = Outcome()
        for device in board.devices { device.reset() }
        let start = board.harts.map(\.executed)
        while outcome.accesses < accesses { outcome.accesses += chunk() }
        outcome.instructions = zip(board.harts, start).reduce(0) { $0 + $1.0.executed - $1.1 }
        outcome.traps = board.harts.reduce(0) { $0 + $1.exceptionCount + $1.statistics.interrupts }
        outcome.deviceAccesses = board.harts.reduce(0) { $0 + $1.statistics.deviceAccesses }
        outcome.stateHash = board.stateHash
        outcome.afterwards = try ordinary()
        return outcome
    }

    /// A program for each hart, run until its time is over.
    private func chunk() -> UInt64 {
        for (index, hart) in board.harts.enumerated() {
            let address = RISCVVirtLayout.ramBase + UInt64(index) * 0x1_0000
            let code = HostileChunk.code(
                at: address, random: SplitMix64(seed: random.next()), harts: Self.harts, memorySize: Self.memorySize)
            _ = board.memory.write(address, from: code, count: code.count)
            hart.reset()
            hart.state.pointee.core.programCounter = address
        }
        let end = board.scheduler.time + Self.limit
        // Each round runs an instruction at least, or lets time pass.
        while board.scheduler.time < end, board.scheduler.round(limit: end) != .stuck {}
        // No more than the chunk has: a hart that lost its way may have changed the count.
        return board.harts.reduce(0) { $0 + min($1.state.pointee.core.registers[27], 48 * 20) }
    }

    /// A few blocks of a random program, in the machine as it is left.
    private func ordinary() throws(InputError) -> [String]? {
        let program = RISCVRandomGenerator.program(seed: 1, index: 0, blocks: 8)
        let image = try LoadableImage(
            InputFile(name: "program", bytes: program.elf), machine: .riscv, limit: Int(Self.memorySize))
        let plan = try LoadPlan(
            memory: LoadPlan.Memory(base: RISCVVirtLayout.ramBase, size: Self.memorySize), firmware: nil, kernel: image,
            initrd: nil)
        try board.powerOn(plan)
        // One hart runs it; the others wait where it ends.
        for hart in board.harts.dropFirst() { hart.state.pointee.waiting = true }
        console.bytes = []
        console.isHeard = true
        var rounds = 0
        while board.request == nil, rounds < 10_000 {
            _ = board.scheduler.round()
            rounds += 1
        }
        guard case .powerOff(status: 0) = board.request else { return nil }
        return String(decoding: console.bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private final class Console: ConsoleBackend {
        let input = ConsoleInput()
        var isHeard = false
        var bytes: [UInt8] = []
        func write(_ bytes: [UInt8]) {
            if isHeard { self.bytes += bytes }
        }
    }
}
