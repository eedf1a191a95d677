import Foundation
import TestSupport
import Testing

@testable import Machine

extension Session {
    /// The board, where it is RISC-V's.
    var riscvBoard: RISCVVirt { get throws { try #require(board as? RISCVVirt) } }
}

/// Machines that run a few words of machine code, from the start of RAM and in M-mode.
enum TinyGuest {
    /// Runs `words` until the description says, and hands over what is left.
    static func run<T>(
        _ words: [UInt32], script: String? = nil, _ configure: (inout MachineDescription) -> Void = { _ in },
        _ body: (Session, Session.Conclusion) throws -> T
    ) throws -> T {
        try load(words, script: script, configure) { try body($0, $0.run()) }
    }

    /// Loads `words` and hands the machine over before it runs.
    static func load<T>(
        _ words: [UInt32], script: String? = nil, _ configure: (inout MachineDescription) -> Void = { _ in },
        _ body: (Session) throws -> T
    ) throws -> T {
        try ExternalTool.withTemporaryDirectory { directory in
            var description = MachineDescription()
            description.firmware = "none"
            description.kernel = directory + "/guest.bin"
            description.memory = ByteCount(1 << 20)
            description.maxInstructions = Count(100_000)
            let bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
            try Data(bytes).write(to: URL(fileURLWithPath: directory + "/guest.bin"))
            if let script {
                description.input = directory + "/keys"
                try Data(script.utf8).write(to: URL(fileURLWithPath: directory + "/keys"))
            }
            configure(&description)
            return try body(try Session(description))
        }
    }

    /// Powers off with status 0: four instructions, after six of reset code.
    static let powerOff: [UInt32] = [
        0x0010_04b7,  // lui  s1, 0x100
        0x0000_5937,  // lui  s2, 0x5
        0x5559_0913,  // addi s2, s2, 0x555
        0x0124_a023,  // sw   s2, 0(s1)
        0x0000_006f,  // j    .
    ]
}
