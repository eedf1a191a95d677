import Foundation

/// Programs of the host that tests compare with, where they are installed.
public enum ExternalTool {
    public struct Result: Sendable {
        public let status: Int32
        public let output: [UInt8]
        public let errors: [UInt8]
        public var outputText: String { String(decoding: output, as: UTF8.self) }
        public var errorText: String { String(decoding: errors, as: UTF8.self) }
    }

    public static func path(_ name: String) -> String? {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Runs a program with `input` in a file that the arguments name `@`.
    /// - Returns: what it wrote to standard output, or nil when it failed or is not installed.
    public static func run(_ name: String, _ arguments: [String], input: [UInt8] = []) throws -> [UInt8]? {
        guard let program = path(name) else { return nil }
        return try withTemporaryDirectory { directory in
            try Data(input).write(to: URL(fileURLWithPath: directory + "/input"))
            let arguments = arguments.map { $0.replacingOccurrences(of: "@", with: directory + "/input") }
            let result = try run(program: program, arguments, in: directory)
            return result.status == 0 ? result.output : nil
        }
    }

    /// Runs the program at a path, with nothing on its standard input.
    public static func run(
        program: String, _ arguments: [String], in directory: String, environment: [String: String]? = nil
    ) throws -> Result {
        try withTemporaryDirectory { temporary in
            // Files rather than pipes: neither stream can fill up while the other is read.
            let paths = [temporary + "/output", temporary + "/errors"]
            let files = try paths.map { path in
                try Data().write(to: URL(fileURLWithPath: path))
                return try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            }
            let process = Process()
            process.executableURL = URL(fileURLWithPath: program)
            process.arguments = arguments
            process.currentDirectoryURL = URL(fileURLWithPath: directory)
            if let environment { process.environment = environment }
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = files[0]
            process.standardError = files[1]
            try process.run()
            process.waitUntilExit()
            let bytes = try paths.map { [UInt8](try Data(contentsOf: URL(fileURLWithPath: $0))) }
            return Result(status: process.terminationStatus, output: bytes[0], errors: bytes[1])
        }
    }

    public static func withTemporaryDirectory<T>(_ body: (String) throws -> T) throws -> T {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        return try body(directory.path)
    }
}
