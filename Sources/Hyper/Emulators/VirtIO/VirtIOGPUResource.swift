/// An image of a guest's GPU (VirtIO 1.2, GPU Device, Device Operation: 2D): a copy of what the guest has transferred, and
/// where that comes from.
final class VirtIOGPUResource {
    /// enum virtio_gpu_formats.
    static func format(_ number: UInt32) -> PixelFormat? {
        switch number {
        case 1, 2: .standard
        case 3, 4: .alphaFirst
        case 67, 134: .redFirst
        case 68, 121: .alphaBlueFirst
        default: nil
        }
    }

    /// By the guest's address: where that is may change before it is read.
    struct Piece {
        let start: UInt64
        let count: Int
    }

    let identifier: UInt32
    let format: PixelFormat
    /// The guest's bytes, whatever their format.
    private let copy: Screen
    private(set) var backing: [Piece] = []
    private var backingCount = 0

    init(_ identifier: UInt32, _ format: PixelFormat, width: Int, height: Int) throws(HyperError) {
        self.identifier = identifier
        self.format = format
        copy = try Screen(width: width, height: height)
    }

    var bounds: Rectangle { copy.bounds }
    /// Bytes of the host's memory.
    var cost: Int { Screen.pages(copy.width, copy.height) * 4096 + backing.count * 16 }

    func attach(_ pieces: [Piece]) {
        backing = pieces
        backingCount = pieces.reduce(0) { $0 + $1.count }
    }

    /// Copies pixels of the backing, the first of which is at `offset`, to the rectangle, which lies in the image. False where
    /// the backing has not as many, or not any more.
    func transfer(_ rectangle: Rectangle, from offset: UInt64, of memory: AddressSpace) -> Bool {
        guard !rectangle.isEmpty else { return true }
        let stride = copy.width * 4, count = rectangle.width * 4
        let needed = stride * (rectangle.height - 1) + count
        guard let offset = Int(exactly: offset), needed <= backingCount, offset <= backingCount - needed else {
            return false
        }
        // Pieces from the one on with which the last row has ended.
        var (index, start) = (0, 0)
        for row in 0..<rectangle.height {
            var (place, left) = (offset + row * stride, count)
            var target = UnsafeMutableRawPointer(
                copy.pixels + (rectangle.y + row) * copy.width + rectangle.x)
            while left > 0 {
                while place >= start + backing[index].count {
                    start += backing[index].count
                    index += 1
                }
                let part = min(left, start + backing[index].count - place)
                let row = UnsafeMutableRawBufferPointer(start: target, count: part)
                guard memory.read(backing[index].start + UInt64(place - start), into: row) else { return false }
                (target, place, left) = (target + part, place + part, left - part)
            }
            // The next row may begin before the piece in which this one has ended.
            if row + 1 < rectangle.height, offset + (row + 1) * stride < start { (index, start) = (0, 0) }
        }
        return true
    }

    /// Draws the rectangle, which lies in the image, on a screen whose corner is at a point of the image.
    func draw(_ rectangle: Rectangle, on screen: Screen, cornerX x: Int, y: Int) {
        for row in rectangle.y..<rectangle.y + rectangle.height {
            screen.setRow(
                row - y, from: rectangle.x - x, rectangle.width, copy.pixels + row * copy.width + rectangle.x, format)
        }
    }
}
