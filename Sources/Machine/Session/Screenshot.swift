import Glibc

/// A picture of what a guest shows, or showed last, in a file.
public enum Screenshot {
    /// Writes a PNG file of the board's screen.
    public static func write(_ display: Display?, to path: String) throws(InputError) {
        guard let screen = display?.screen else {
            throw InputError(
                file: path, problem: "the machine has no screen", mend: "Run it with --display headless.")
        }
        guard let picture = screen.picture ?? screen.lastPicture else {
            throw InputError(file: path, problem: "the guest has shown nothing: no driver of its has set up the screen")
        }
        let bytes = PNG.encode(picture)
        guard let file = fopen(path, "we") else { throw unwritable(path) }
        let count = fwrite(bytes, 1, bytes.count, file)
        guard fclose(file) == 0, count == bytes.count else { throw unwritable(path) }
    }

    private static func unwritable(_ path: String) -> InputError {
        InputError(file: path, problem: "cannot be written: " + String(cString: strerror(errno)))
    }
}
