/// Pixels of a screen: from `x`, `y` on, to the right and down. Numbers of 32 bits, so that no sum of two of them overflows.
public struct Rectangle: Equatable, Sendable {
    public var x: Int, y: Int, width: Int, height: Int

    public init(x: Int, y: Int, width: Int, height: Int) {
        (self.x, self.y, self.width, self.height) = (x, y, width, height)
    }

    /// All of a screen.
    public init(width: Int, height: Int) { self.init(x: 0, y: 0, width: width, height: height) }

    public var isEmpty: Bool { width <= 0 || height <= 0 }

    public func lies(in other: Rectangle) -> Bool {
        x >= other.x && y >= other.y && x + width <= other.x + other.width && y + height <= other.y + other.height
    }

    /// What is in both.
    public func intersection(_ other: Rectangle) -> Rectangle {
        let (left, top) = (max(x, other.x), max(y, other.y))
        let right = min(x + width, other.x + other.width), bottom = min(y + height, other.y + other.height)
        return Rectangle(x: left, y: top, width: max(right - left, 0), height: max(bottom - top, 0))
    }

    /// The same pixels, as they are seen from a point.
    public func seen(fromX x: Int, y: Int) -> Rectangle {
        Rectangle(x: self.x - x, y: self.y - y, width: width, height: height)
    }
}

/// How the four bytes of a pixel lie in memory: the places of its colours.
public struct PixelFormat: Equatable, Sendable {
    public let red: Int, green: Int, blue: Int

    /// Blue first, and the last byte nobody's: 0xRRGGBB as a little-endian word.
    public static let standard = PixelFormat(red: 2, green: 1, blue: 0)
    public static let alphaFirst = PixelFormat(red: 1, green: 2, blue: 3)
    public static let redFirst = PixelFormat(red: 0, green: 1, blue: 2)
    public static let alphaBlueFirst = PixelFormat(red: 3, green: 2, blue: 1)

    /// By its name in device trees (Linux, simple-framebuffer): the highest byte of a word first.
    public init?(_ name: Text) {
        switch name {
        case "x8r8g8b8", "a8r8g8b8": self = .standard
        case "x8b8g8r8", "a8b8g8r8": self = .redFirst
        case "r8g8b8x8", "r8g8b8a8": self = .alphaBlueFirst
        default: return nil
        }
    }

    private init(red: Int, green: Int, blue: Int) { (self.red, self.green, self.blue) = (red, green, blue) }

    /// A pixel, a little-endian word of this format, as one of ``standard``.
    @inline(__always)
    func standard(_ pixel: UInt32) -> UInt32 {
        (pixel >> UInt32(8 * red) & 0xff) << 16 | (pixel >> UInt32(8 * green) & 0xff) << 8
            | pixel >> UInt32(8 * blue) & 0xff
    }
}
