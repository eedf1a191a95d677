import ArgumentParser
import Glibc
import ISA
import Machine

@main
struct Orrery: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "orrery", abstract: "Runs hypervisor images without the hardware, deterministically.",
        subcommands: [Run.self, TestCommand.self, BenchCommand.self])
}

final class StandardConsole: ConsoleBackend {
    let input = ConsoleInput()
    func write(_ bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes { Glibc.write(1, $0.baseAddress, $0.count) }
    }
}

struct Run: ParsableCommand {
    @Option var kernel: String?
    @Option var firmware: String?
    @Option var initrd: String?
    @Option var append: String?
    @Option var harts = 1
    @Option var memory = 512
    @Option var instructions: UInt64 = .max
    @Flag var stats = false

    func run() throws {
        var configuration = RISCVVirt.Configuration(console: StandardConsole())
        configuration.harts = harts
        configuration.memorySize = UInt64(memory) << 20
        let board = try RISCVVirt(configuration)
        func image(_ path: String?) throws -> LoadableImage? {
            guard let path else { return nil }
            return try LoadableImage(InputFile.read(path), machine: .riscv, limit: 1 << 30)
        }
        var plan = try LoadPlan(
            memory: LoadPlan.Memory(base: 0x8000_0000, size: configuration.memorySize), firmware: image(firmware),
            kernel: image(kernel), initrd: initrd.map { try InputFile.read($0) })
        var tree = board.deviceTree
        tree.bootArguments = append
        tree.initrd = plan.initrd
        try plan.placeDeviceTree(tree.tree.blob())
        try board.powerOn(plan)
        var left = instructions
        loop: while left > 0 {
            let before = board.harts[0].executed
            switch board.scheduler.round(instructions: left) {
            case .progress: break
            case .idle, .stuck:
                print("stuck at", String(board.harts[0].state.pointee.core.programCounter, radix: 16)); break loop
            case .stopped: print("request", board.request as Any); break loop
            }
            left -= min(left, board.harts[0].executed - before)
        }
        if stats {
            for hart in board.harts {
                print(
                    "hart", hart.identifier, "pc", String(hart.state.pointee.core.programCounter, radix: 16),
                    hart.state.pointee.privilege, hart.state.pointee.virtual, "executed", hart.executed, hart.statistics
                )
                for t in hart.recentTraps {
                    print(
                        RISCV.Cause.describe(t.cause), String(t.programCounter, radix: 16), String(t.value, radix: 16))
                }
            }
        }
    }
}
