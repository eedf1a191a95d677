/// A screen, and what a person in front of it types and points with.
public struct Display {
    public let screen: any Screen
    public let keyboard: InputPort
    public let tablet: InputPort
}

/// The picture that a guest shows, for whoever looks at it: a screenshot, VNC, a test.
///
/// Looking changes nothing of the machine.
public protocol Screen: AnyObject {
    /// In pixels; zero while the guest shows nothing.
    var width: Int { get }
    var height: Int { get }

    /// The pixels of a rectangle of the picture, row by row: a byte each of red, green, blue, and nothing.
    func pixels(_ rectangle: Rectangle) -> [UInt8]

    /// What has changed since the last call, or nil. There is one who asks.
    func takeDamage() -> Rectangle?

    /// What was seen before the screen was turned off, as guests do that power themselves off.
    var lastPicture: Picture? { get }
}

extension Screen {
    /// All that is seen; nil while the guest shows nothing.
    public var picture: Picture? {
        let size = Rectangle(width: width, height: height)
        return size.isEmpty ? nil : Picture(width: width, height: height, pixels: pixels(size))
    }
}

/// A picture on its own.
public struct Picture: Equatable, Sendable {
    public let width: Int
    public let height: Int
    /// As of ``Screen/pixels(_:)``.
    public let pixels: [UInt8]
}

/// A part of a picture, from its upper left corner.
public struct Rectangle: Equatable, Sendable {
    public var x: Int
    public var y: Int
    public var width: Int
    public var height: Int

    public init(x: Int, y: Int, width: Int, height: Int) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    public init(width: Int, height: Int) {
        self.init(x: 0, y: 0, width: width, height: height)
    }

    public var isEmpty: Bool { width <= 0 || height <= 0 }
    public var columns: Range<Int> { x..<x + max(width, 0) }
    public var rows: Range<Int> { y..<y + max(height, 0) }

    /// What lies in both; empty where nothing does.
    public func intersection(_ other: Rectangle) -> Rectangle {
        let columns = self.columns.clamped(to: other.columns)
        let rows = self.rows.clamped(to: other.rows)
        return Rectangle(x: columns.lowerBound, y: rows.lowerBound, width: columns.count, height: rows.count)
    }

    /// The smallest rectangle around both.
    public func union(_ other: Rectangle) -> Rectangle {
        if isEmpty { return other }
        if other.isEmpty { return self }
        let (left, top) = (min(x, other.x), min(y, other.y))
        return Rectangle(
            x: left, y: top, width: max(columns.upperBound, other.columns.upperBound) - left,
            height: max(rows.upperBound, other.rows.upperBound) - top)
    }

    /// Whether all of the other lies in this one; an empty one has a place too.
    public func contains(_ other: Rectangle) -> Bool {
        columns.lowerBound <= other.columns.lowerBound && other.columns.upperBound <= columns.upperBound
            && rows.lowerBound <= other.rows.lowerBound && other.rows.upperBound <= rows.upperBound
    }
}
