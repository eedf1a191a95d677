import Glibc
import Machine

/// The firmware that runs when the user names none: `firmware/build` makes it.
enum BuiltInFirmware {
    static func read() throws(InputError) -> InputFile {
        if let value = getenv("ORRERY_FIRMWARE") { return try InputFile.read(String(cString: value)) }
        for candidate in candidates where access(candidate, R_OK) == 0 {
            return try InputFile.read(candidate, name: "the built-in firmware")
        }
        throw InputError(
            file: "firmware", problem: "orrery's own firmware has not been built",
            mend: "Build it with `firmware/build .build/firmware`, name one with --firmware or ORRERY_FIRMWARE, "
                + "or do without: --firmware none.")
    }

    /// `.build/firmware` of the checkout that the executable lies in: `.build/release` is a link to a folder one deeper.
    private static var candidates: [String] {
        guard let path = realpath("/proc/self/exe", nil) else { return [] }
        defer { free(path) }
        var folder = Substring(String(cString: path))
        var result: [String] = []
        while let slash = folder.lastIndex(of: "/"), slash > folder.startIndex, result.count < 4 {
            folder = folder[..<slash]
            result.append(folder + "/firmware/riscv/firmware.elf")
        }
        return result
    }
}
