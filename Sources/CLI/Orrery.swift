import ArgumentParser
import Glibc
import Machine

@main
struct Orrery: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "orrery", abstract: "Runs hypervisor images without the hardware, deterministically.",
        subcommands: [Run.self])
}

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Runs a machine.")

    @Option(help: "The program or kernel to run.") var kernel: String?
    @Option(help: "The machine-mode firmware, or none.") var firmware: String?
    @Option(help: "The initial RAM disk.") var initrd: String?
    @Option(help: "The kernel's command line.") var append: String?
    @Option(help: "How many harts.") var harts = 1
    @Option(help: "How much memory, such as 512M.") var memory = "128M"
    @Option(help: "The most instructions to execute.") var maxInstructions: String?
    @Flag(help: "Print what happened.") var stats = false

    func run() throws {
        var description = MachineDescription()
        if let kernel { try description.set(.kernel, [kernel]) }
        if let firmware { try description.set(.firmware, [firmware]) }
        if let initrd { try description.set(.initrd, [initrd]) }
        if let append { try description.set(.append, [append]) }
        try description.set(.harts, [String(harts)])
        try description.set(.memory, [memory])
        if let maxInstructions { try description.set(.maxInstructions, [maxInstructions]) }
        let console = ConsoleHub()
        console.listeners.append { bytes in
            _ = bytes.withUnsafeBytes { Glibc.write(1, $0.baseAddress, $0.count) }
        }
        let session: Session
        do {
            session = try Session(description, console: console)
        } catch {
            print("orrery: \(error)")
            throw ExitCode(65)
        }
        let conclusion = session.run()
        if stats {
            print("instructions  \(session.board.executed)")
            print("virtual time  \(session.board.scheduler.time) ns")
            print("state hash    \(String(session.board.stateHash, radix: 16))")
        }
        guard conclusion == .exited(status: 0) else {
            print("orrery: \(conclusion)")
            throw ExitCode(1)
        }
    }
}
