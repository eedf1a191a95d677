import Foundation
import Machine

/// The project's own folders, for commands that use its test material: looked for from the working directory and from
/// the executable upward.
enum ProjectFolder {
    static func find(_ path: String) throws(InputError) -> String {
        let executable = URL(fileURLWithPath: HostProcess.own).deletingLastPathComponent()
        for start in [URL(fileURLWithPath: FileManager.default.currentDirectoryPath), executable] {
            var folder = start.standardizedFileURL
            for _ in 0..<32 {
                let candidate = folder.appendingPathComponent(path).path
                if FileManager.default.fileExists(atPath: candidate) { return candidate }
                if folder.path == "/" { break }
                folder.deleteLastPathComponent()
            }
        }
        throw InputError(
            file: path, problem: "is found neither above this directory nor above the orrery executable",
            mend: "Run it within a checkout of Orrery.")
    }

    /// Where built material is kept: `$XDG_CACHE_HOME/orrery`, or `~/.cache/orrery`.
    static func cache(_ name: String) -> String {
        let environment = ProcessInfo.processInfo.environment
        let base =
            environment["XDG_CACHE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? NSHomeDirectory() + "/.cache"
        return base + "/orrery/" + name
    }

    /// What files' digests were when they were read last.
    static var digests: DigestCache {
        let path = cache("digests")
        // Where it cannot be, files are digested each time.
        _ = try? FileManager.default.createDirectory(
            atPath: String(path.dropLast("/digests".count)), withIntermediateDirectories: true)
        return DigestCache(path)
    }
}
