import ArgumentParser
import Machine

/// `orrery machines`.
struct Machines: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the machines and what their CPUs may have.",
        discussion: """
            Example:
              orrery machines
            """)

    func run() throws {
        StandardStreams.output(Self.text)
    }

    static var text: String {
        var text = ""
        for board in MachineCatalog.entries {
            text += "\(board.names[0])  \(board.summary)\n"
            let blanks = String(repeating: " ", count: max(9 - board.processors.count, 1))
            text += "  \(board.processors)\(blanks)1 to \(board.maximumProcessors)\n"
            text += "  memory   \(board.memory)\n"
            text += "  devices\n"
            for line in board.devices { text += "    \(line)\n" }
            text += "  --cpu    \(board.cpu)\n"
            text += Self.wrapped(board.features, indentation: 11)
            if !board.options.isEmpty { text += "  --machine\n" }
            for option in board.options {
                text += "    \(board.names[0]),\(option.usage)  \(option.summary)\n"
            }
        }
        return text
    }

    private static func wrapped(_ words: [String], indentation: Int) -> String {
        var lines: [String] = []
        var line = ""
        for word in words {
            if !line.isEmpty && line.count + word.count + 1 > 80 - indentation {
                lines.append(line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        lines.append(line)
        return lines.map { String(repeating: " ", count: indentation) + $0 + "\n" }.joined()
    }
}
