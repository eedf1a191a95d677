import Glibc

/// A picture of what a guest shows, in a file.
public enum Screenshot {
    /// Writes a PNG file of the board's screen.
    public static func write(_ display: Display?, to path: String) throws(InputError) {
        guard let screen = display?.screen else {
            throw InputError(
                file: path, problem: "the machine has no screen", mend: "Run it with --display headless.")
        }
        let size = Rectangle(width: screen.width, height: screen.height)
        guard !size.isEmpty else {
            throw InputError(
                file: path, problem: "the guest shows nothing: its driver has not set up the screen, or turned it off")
        }
        let bytes = PNG.encode(width: size.width, height: size.height, pixels: screen.pixels(size))
        guard let file = fopen(path, "we") else { throw unwritable(path) }
        let count = fwrite(bytes, 1, bytes.count, file)
        guard fclose(file) == 0, count == bytes.count else { throw unwritable(path) }
    }

    private static func unwritable(_ path: String) -> InputError {
        InputError(file: path, problem: "cannot be written: " + String(cString: strerror(errno)))
    }
}
