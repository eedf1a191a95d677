/// The host's memory, in pages of 4 KiB. Physical addresses are the hypervisor's own.
public enum Pages {
    public static let size: UInt64 = 4096
    public static func add(start: UInt64, size: UInt64) {}
    public static func reserve(start: UInt64, size: UInt64) {}

    /// Fills pages with zeros.
    public static func allocate(_ count: Int, alignment: UInt64 = 4096) throws(HyperError) -> UInt64 {
        throw HyperError("no memory")
    }
    public static func free(_ address: UInt64, _ count: Int) {}

    public static func clear(_ address: UInt64, count: Int) {
        // SAFETY: the caller owns these pages.
        let start = UnsafeMutableRawPointer(bitPattern: UInt(address)).unsafelyUnwrapped
        start.initializeMemory(as: UInt64.self, repeating: 0, count: count * 512)
    }
}
