import ArgumentParser
import Machine

/// The `orrery` command. Each subcommand is a file of its own.
@main
struct Orrery: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "orrery",
        abstract: "Run hypervisors and their guests without the hardware, the same way every time.",
        discussion: """
            Examples:
              orrery run vmm.elf                   run a program; quit with Ctrl-A x
              orrery run boot.yaml --harts 4       run what a file describes, with one word of it changed
              orrery run vmm.elf --record T        write down what comes from outside
              orrery replay T                      the same run again
              orrery run vmm.elf --until 'login: $' --timeout 60s
                                                   a test: the exit status tells how it ended
              orrery help run                      all flags and exit statuses

            Shell completion: orrery --generate-completion-script bash (or zsh, fish).
            """,
        version: "orrery 0.1 (unreleased)",
        subcommands: [
            Run.self,
            ReplayCommand.self,
            DAPCommand.self,
            SnapshotCommand.self,
            ForkCommand.self,
            Machines.self,
            DTS.self,
            Disassemble.self,
            TestCommand.self,
            BenchCommand.self,
            LockstepCommand.self,
            TraceCommand.self,
            ReportCommand.self,
            HyperCommand.self,
        ])

    /// Errors are one line that begins with `orrery:`, whoever found them.
    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
            ExitStatus.end(ExitStatus.success.rawValue)
        } catch let error as InputError {
            ExitStatus.badInput.leave(error.description)
        } catch let error as UsageError {
            ExitStatus.badUsage.leave(error.description)
        } catch let code as ExitCode {
            ExitStatus.end(code.rawValue)
        } catch {
            // Help and completion scripts are "errors" that succeed.
            guard exitCode(for: error) != .success else { exit(withError: error) }
            let usage = fullMessage(for: error).split(separator: "\n").first { $0.hasPrefix("Usage:") }
            let text = message(for: error).split(separator: "\n").joined(separator: " ")
            let sentence = text.hasSuffix(".") || text.hasSuffix("?") ? text : text + "."
            ExitStatus.badUsage.leave(sentence + (usage.map { " \($0)" } ?? ""))
        }
    }
}

/// A flag that cannot be obeyed.
struct UsageError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    init(flag: String, _ error: ValueError) {
        description = "--\(flag): \(error.description)"
    }
}
