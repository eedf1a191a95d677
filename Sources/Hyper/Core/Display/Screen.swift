/// Pixels in memory, in ``PixelFormat/standard``, row by row.
public final class Screen {
    public let width: Int
    public let height: Int
    let pixels: UnsafeMutablePointer<UInt32>
    private let pageCount: Int

    /// A black one. The sides are less than 2^15.
    public init(width: Int, height: Int) throws(HyperError) {
        self.width = width
        self.height = height
        pageCount = Self.pages(width, height)
        let address = try Pages.allocate(pageCount)
        Pages.clear(address, count: pageCount)
        // SAFETY: pages of our own, as many as the pixels need.
        pixels = UnsafeMutablePointer(bitPattern: UInt(address)).unsafelyUnwrapped
    }

    deinit { Pages.free(address, pageCount) }

    static func pages(_ width: Int, _ height: Int) -> Int { max((width * height * 4 + 4095) / 4096, 1) }

    public var address: UInt64 { UInt64(UInt(bitPattern: pixels)) }
    public var byteCount: Int { width * height * 4 }
    public var bounds: Rectangle { Rectangle(width: width, height: height) }

    /// Makes all of it black.
    public func clear() { pixels.update(repeating: 0, count: width * height) }

    /// Copies what both have of the rectangle, at the same place; which part that was.
    @discardableResult
    public func copy(_ rectangle: Rectangle, of other: Screen) -> Rectangle {
        let part = rectangle.intersection(bounds).intersection(other.bounds)
        guard !part.isEmpty else { return part }
        for row in part.y..<part.y + part.height {
            (pixels + row * width + part.x).update(from: other.pixels + row * other.width + part.x, count: part.width)
        }
        return part
    }

    /// Takes a row of pixels from memory, in another format.
    func setRow(_ y: Int, from x: Int, _ count: Int, _ source: UnsafeRawPointer, _ format: PixelFormat) {
        let row = pixels + y * width + x
        for index in 0..<count {
            row[index] = format.standard(
                UInt32(littleEndian: source.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
        }
    }
}
